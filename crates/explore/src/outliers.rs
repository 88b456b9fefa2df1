//! Rows unlike all others, and the features that make them so.
//!
//! Two measures that miss different things: the Mahalanobis distance in the space of the leading principal components finds odd combinations of
//! ordinary values; robust z-scores (distance from the median in units of 1.4826 times the median absolute deviation) find odd values, and are
//! what explains a row, since outliers do not move them.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use crate::error::check_rows;
use crate::pca::{Pca, Scaling};
use crate::{Error, Result};

/// Makes the median absolute deviation of a normal distribution its standard deviation.
const NORMAL_MAD: f64 = 1.482_602_218_505_602;

/// Makes the mean absolute deviation of a normal distribution its standard deviation.
const NORMAL_MEAN: f64 = 1.253_314_137_315_5;

/// The most principal components whose distances count.
const MOST_COMPONENTS: usize = 50;

/// A row unlike the others.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlier {
    /// The row's number.
    pub row: usize,
    /// Its Mahalanobis distance in the space of the leading components.
    pub distance: f64,
    /// Its features farthest from the median, with their robust z-scores, the farthest first.
    pub features: Vec<(usize, f64)>,
}

/// What outliers were sought by, and those found.
#[derive(Debug, Clone, PartialEq)]
pub struct Outliers {
    /// The Mahalanobis distance of every row.
    pub distances: Vec<f64>,
    /// The principal components used: as few as explain the share of the variance asked for, no more than 50.
    pub components: usize,
    /// The rows with the greatest distances, the greatest first.
    pub top: Vec<Outlier>,
}

/// The `most` rows of shape (rows, features) farthest from the mean, by the components that explain `share` (0 to 1) of the variance
/// of the standardised columns, each with its `features` most unusual features.
///
/// # Errors
/// [`Error::Rows`] for fewer than 3 rows or a value that is not finite, [`Error::Params`] when `share` is not within 0 to 1.
pub fn outliers(
    rows: ArrayView2<f64>,
    most: usize,
    features: usize,
    share: f64,
    threads: usize,
) -> Result<Outliers> {
    if !(0.0..=1.0).contains(&share) {
        return Error::params("outliers", format!("{share} of the variance"));
    }
    let pca = Pca::fit(rows, MOST_COMPONENTS, Scaling::Standardise, threads)?;
    let mut explained = 0.0;
    let mut components = 0;
    // What rounding alone has left of a component would count as much as any other.
    let varies = |ratio: f64| ratio > 1e-10;
    for &ratio in pca
        .explained_variance_ratio
        .iter()
        .take_while(|&&ratio| varies(ratio))
    {
        if explained >= share && components > 0 {
            break;
        }
        explained += ratio;
        components += 1;
    }
    let scores = pca.transform(rows)?;
    let distance = |row: ArrayView1<f64>| {
        let scaled = row.iter().zip(&pca.explained_variance).take(components);
        scaled
            .map(|(score, variance)| score * score / variance)
            .sum::<f64>()
            .sqrt()
    };
    let distances: Vec<f64> = scores.rows().into_iter().map(distance).collect();
    let mut order: Vec<usize> = (0..distances.len()).collect();
    order.sort_by(|&a, &b| distances[b].total_cmp(&distances[a]).then(a.cmp(&b)));
    order.truncate(most);
    let scale = RobustScale::of(rows)?;
    let top = order.into_iter().map(|row| {
        let mut unusual: Vec<(usize, f64)> = scale.z(rows.row(row)).into_iter().enumerate().collect();
        unusual.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
        unusual.truncate(features);
        Outlier {
            row,
            distance: distances[row],
            features: unusual,
        }
    });
    Ok(Outliers {
        top: top.collect(),
        distances,
        components,
    })
}

/// Where the middle of each column lies and how wide it is, whatever a few rows do.
#[derive(Debug, Clone, PartialEq)]
pub struct RobustScale {
    /// The medians, shape (features).
    pub median: Array1<f64>,
    /// 1.4826 times the median absolute deviations, shape (features); where more than half of the values are the same, 1.2533 times the
    /// mean absolute deviation from the median; 0 for a constant column.
    pub width: Array1<f64>,
}

impl RobustScale {
    /// The scale of rows of shape (rows, features).
    ///
    /// # Errors
    /// [`Error::Rows`] for no rows, no columns, or a value that is not finite.
    pub fn of(rows: ArrayView2<f64>) -> Result<Self> {
        check_rows(rows, 1)?;
        let mut median = Array1::zeros(rows.ncols());
        let mut width = Array1::zeros(rows.ncols());
        for (column, values) in rows.axis_iter(Axis(1)).enumerate() {
            let middle = self::median(values.to_vec());
            let deviations: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
            let mean = deviations.iter().sum::<f64>() / deviations.len() as f64;
            let spread = self::median(deviations);
            median[column] = middle;
            width[column] = if spread > 0.0 {
                NORMAL_MAD * spread
            } else {
                NORMAL_MEAN * mean
            };
        }
        Ok(RobustScale { median, width })
    }

    /// The robust z-scores of a row; 0 for a constant column.
    fn z(&self, row: ArrayView1<f64>) -> Vec<f64> {
        let scaled = row.iter().zip(&self.median).zip(&self.width);
        scaled
            .map(|((value, median), &width)| {
                if width > 0.0 {
                    (value - median) / width
                } else {
                    0.0
                }
            })
            .collect()
    }

    /// The robust z-scores of rows, shape (rows, features); 0 for a constant column.
    ///
    /// # Errors
    /// [`Error::Rows`] when the number of columns is another.
    pub fn scores(&self, rows: ArrayView2<f64>) -> Result<Array2<f64>> {
        if rows.ncols() != self.median.len() {
            return Err(Error::Rows(format!(
                "{} columns where {} are expected",
                rows.ncols(),
                self.median.len()
            )));
        }
        let mut scores = Array2::zeros(rows.raw_dim());
        for (mut out, row) in scores.rows_mut().into_iter().zip(rows.rows()) {
            out.iter_mut().zip(self.z(row)).for_each(|(out, z)| *out = z);
        }
        Ok(scores)
    }
}

/// The middle value, or the mean of the two middle ones.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    crate::classes::quantile(&values, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_odd_row_is_found_and_explained() {
        let mut rows = Array2::from_shape_fn((100, 4), |(r, c)| ((r * (c + 2) * 7) as f64).sin());
        rows[[42, 2]] = 30.0;
        let found = outliers(rows.view(), 3, 2, 0.95, 1).unwrap();
        assert_eq!((found.top[0].row, found.top[0].features[0].0), (42, 2));
        assert!(found.top[0].features[0].1 > 10.0 && found.top.len() == 3);
    }

    #[test]
    fn an_odd_combination_of_ordinary_values_is_found() {
        let mut rows = Array2::from_shape_fn((101, 2), |(r, _)| r as f64 - 50.0);
        rows[[0, 0]] = 25.0;
        rows[[0, 1]] = -25.0;
        assert_eq!(outliers(rows.view(), 1, 1, 1.0, 1).unwrap().top[0].row, 0);
    }

    #[test]
    fn columns_that_hardly_vary_have_a_width_all_the_same() {
        let scale = RobustScale::of(array![[1.0, 5.0], [1.0, 5.0], [1.0, 5.0], [9.0, 5.0]].view()).unwrap();
        assert!((scale.width[0] - NORMAL_MEAN * 2.0).abs() < 1e-12 && scale.width[1] == 0.0);
        let scores = scale.scores(array![[9.0, 5.0]].view()).unwrap();
        assert!(scores[[0, 0]] > 3.0 && scores[[0, 1]] == 0.0);
        assert!(scale.scores(array![[9.0]].view()).is_err());
    }

    #[test]
    fn faults_are_errors_and_sameness_is_none() {
        let same = outliers(Array2::ones((5, 2)).view(), 2, 1, 0.9, 1).unwrap();
        assert_eq!((same.components, same.distances), (0, vec![0.0; 5]));
        assert!(outliers(Array2::ones((5, 2)).view(), 2, 1, 1.5, 1).is_err());
        assert!(outliers(Array2::ones((2, 2)).view(), 2, 1, 0.9, 1).is_err());
    }
}
