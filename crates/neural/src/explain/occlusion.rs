//! Occlusion: how much less likely an answer becomes when a region is covered (M. D. Zeiler, R. Fergus, ECCV 2014).

use ndarray::{Array2, Array3, ArrayView3, ArrayViewMut2, Slice};

use super::{Error, Map, log_odds};

/// Images that are asked about at once.
const BATCH: usize = 16;
/// Most regions that are covered.
const MOST_REGIONS: usize = 100_000;

/// What a covered region is filled with.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Baseline {
    /// The mean of each channel of the image.
    #[default]
    Mean,
    /// This value.
    Value(f32),
}

/// How regions are covered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Occlusion {
    /// Height and width of a region in pixels.
    pub patch: [usize; 2],
    /// Rows and columns from one region to the next, at most `patch`, so that no pixel is left out.
    pub stride: [usize; 2],
    /// What a covered region is filled with.
    pub baseline: Baseline,
}

/// How much each pixel of an image (channels x height x width) speaks for a class: the fall of the class's log-odds when a region with
/// the pixel is covered, averaged over those regions.
///
/// `predict` gives the probabilities (images x classes) of some images at once; it is asked for the whole image first.
///
/// # Errors
/// [`Error::Unfit`] for regions that are empty, larger than the image, apart from each other or more than 100,000, and for a class or
/// values that `predict` did not give as it should; [`Error::Predict`] when it failed.
pub fn occlusion<E>(
    image: ArrayView3<'_, f32>,
    class: usize,
    settings: &Occlusion,
    mut predict: impl FnMut(&[Array3<f32>]) -> Result<Array2<f64>, E>,
) -> Result<Map, Error>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (_, height, width) = image.dim();
    let regions = regions(height, width, settings)?;
    let fill: Vec<f32> = image
        .outer_iter()
        .map(|channel| match settings.baseline {
            Baseline::Mean => {
                (channel.iter().map(|&v| f64::from(v)).sum::<f64>() / channel.len() as f64) as f32
            }
            Baseline::Value(value) => value,
        })
        .collect();
    let mut ask = |images: &[Array3<f32>]| {
        let found = predict(images).map_err(|e| Error::Predict(e.into()))?;
        if found.nrows() != images.len() || class >= found.ncols() {
            let fault = format!(
                "{} x {} probabilities for {} images and class {class}",
                found.nrows(),
                found.ncols(),
                images.len()
            );
            return Err(Error::Unfit(fault));
        }
        if found.column(class).iter().any(|p| !p.is_finite()) {
            return Err(Error::Unfit("a probability is not finite".to_owned()));
        }
        Ok(found.column(class).mapv(log_odds))
    };
    let whole = ask(&[image.to_owned()])?[0];
    let mut sums = Array2::<f64>::zeros((height, width));
    let mut counts = Array2::<f64>::zeros((height, width));
    for some in regions.chunks(BATCH) {
        let covered: Vec<Array3<f32>> = some
            .iter()
            .map(|&at| cover(image, at, settings.patch, &fill))
            .collect();
        for (&at, odds) in some.iter().zip(ask(&covered)?) {
            let add = |all: &mut Array2<f64>, value: f64| {
                region(&mut all.view_mut(), at, settings.patch).mapv_inplace(|v| v + value);
            };
            add(&mut sums, whole - odds);
            add(&mut counts, 1.0);
        }
    }
    Ok(Map {
        class,
        values: sums / counts,
    })
}

/// The upper left corners of the regions; the last of a line ends with the image.
fn regions(height: usize, width: usize, settings: &Occlusion) -> Result<Vec<[usize; 2]>, Error> {
    let places = |length: usize, patch: usize, stride: usize| {
        if patch == 0 || patch > length || stride == 0 || stride > patch {
            let fault = format!("regions of {patch} pixels every {stride} in an image of {length}");
            return Err(Error::Unfit(fault));
        }
        let last = length - patch;
        let mut places: Vec<usize> = (0..=last).step_by(stride).collect();
        if !last.is_multiple_of(stride) {
            places.push(last);
        }
        Ok(places)
    };
    let rows = places(height, settings.patch[0], settings.stride[0])?;
    let columns = places(width, settings.patch[1], settings.stride[1])?;
    if rows.len() * columns.len() > MOST_REGIONS {
        let fault = format!("{} regions, more than {MOST_REGIONS}", rows.len() * columns.len());
        return Err(Error::Unfit(fault));
    }
    Ok(rows
        .iter()
        .flat_map(|&row| columns.iter().map(move |&column| [row, column]))
        .collect())
}

/// The part of a matrix that a region covers.
fn region<'a, T>(
    all: &'a mut ArrayViewMut2<'_, T>,
    [row, column]: [usize; 2],
    [height, width]: [usize; 2],
) -> ArrayViewMut2<'a, T> {
    all.slice_each_axis_mut(|axis| match axis.axis.index() {
        0 => Slice::from(row..row + height),
        _ => Slice::from(column..column + width),
    })
}

fn cover(image: ArrayView3<'_, f32>, at: [usize; 2], patch: [usize; 2], fill: &[f32]) -> Array3<f32> {
    let mut covered = image.to_owned();
    for (mut channel, &value) in covered.outer_iter_mut().zip(fill) {
        region(&mut channel, at, patch).fill(value);
    }
    covered
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn settings(patch: usize, stride: usize) -> Occlusion {
        Occlusion {
            patch: [patch; 2],
            stride: [stride; 2],
            baseline: Baseline::Value(0.0),
        }
    }

    /// Believes in class 1 as much as pixel (2, 3) is bright.
    fn one_pixel(images: &[Array3<f32>]) -> Result<Array2<f64>, Infallible> {
        let mut out = Array2::zeros((images.len(), 2));
        for (image, mut row) in images.iter().zip(out.rows_mut()) {
            let p = 1.0 / (1.0 + f64::from(-image[[0, 2, 3]]).exp());
            row[0] = 1.0 - p;
            row[1] = p;
        }
        Ok(out)
    }

    #[test]
    fn only_regions_with_what_matters_count() {
        let image = Array3::from_elem((1, 6, 8), 2.0_f32);
        let map = occlusion(image.view(), 1, &settings(2, 2), one_pixel).unwrap();
        for ((row, column), &value) in map.values.indexed_iter() {
            let near = (2..4).contains(&row) && (2..4).contains(&column);
            let expected = if near { 2.0 } else { 0.0 };
            assert!((value - expected).abs() < 1e-9, "({row}, {column}): {value}");
        }
        let against = occlusion(image.view(), 0, &settings(2, 2), one_pixel).unwrap();
        assert!((&against.values + &map.values).iter().all(|v| v.abs() < 1e-9));
    }

    #[test]
    fn the_last_region_ends_with_the_image() {
        assert_eq!(regions(5, 2, &settings(2, 2)).unwrap(), [[0, 0], [2, 0], [3, 0]]);
        let image = Array3::from_elem((1, 7, 7), 1.0_f32);
        let map = occlusion(image.view(), 1, &settings(3, 2), one_pixel).unwrap();
        assert!(map.values.iter().all(|v| v.is_finite()));
    }

    #[test]
    fn the_mean_of_an_even_image_changes_nothing() {
        let image = Array3::from_elem((1, 6, 8), 2.0_f32);
        let even = Occlusion {
            baseline: Baseline::Mean,
            ..settings(3, 1)
        };
        let map = occlusion(image.view(), 1, &even, one_pixel).unwrap();
        assert!(map.values.iter().all(|&v| v == 0.0));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let image = Array3::from_elem((1, 4, 4), 2.0_f32);
        for wrong in [settings(0, 1), settings(5, 1), settings(2, 3), settings(2, 0)] {
            assert!(occlusion(image.view(), 1, &wrong, one_pixel).is_err());
        }
        let fault = occlusion(image.view(), 7, &settings(2, 2), one_pixel).unwrap_err();
        assert!(fault.to_string().contains("class 7"), "{fault}");
        let failing = |_: &[Array3<f32>]| Err::<Array2<f64>, _>("no ears");
        let fault = occlusion(image.view(), 1, &settings(2, 2), failing).unwrap_err();
        assert!(fault.to_string().contains("no ears"), "{fault}");
    }
}
