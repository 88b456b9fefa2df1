//! Images as a pretrained network sees them: a table of embeddings to learn from, the network itself left as it is.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use melisma_dataset::Table;
use melisma_dataset::spectrograms::read_pictures;
use melisma_ears::store::Store;
use melisma_features::image::{BANDS, SpectrogramImage};
use melisma_neural::backbones::Folded;
use melisma_neural::train::Samples;
use melisma_neural::{device, import};

use crate::{Error, Result};

/// The pretrained networks whose embeddings are sources, by their names in the store of models.
pub(crate) const BACKBONES: [&str; 2] = ["mobilenet-v2", "efficientnet-lite0"];

/// Pixels of the square that the networks were trained on.
const SIDE: usize = 224;
/// Images embedded between two looks at whether to stop.
const AT_ONCE: usize = 32;

/// The embeddings of an archive's images by an installed network.
///
/// # Errors
/// [`Error::Model`] when it is not installed or cannot be used, [`Error::Table`] naming an image that cannot be read,
/// [`Error::Interrupted`].
pub(crate) fn embeddings(path: &Path, model: &str, stop: &AtomicBool) -> Result<Table> {
    let network = backbone(model)?;
    let read = read_pictures(path, stop)?;
    let fault = |message: String| Error::Table {
        table: path.display().to_string(),
        message,
    };
    if let Some(failure) = read.failed.first() {
        return Err(fault(format!("{}: {}", failure.path.display(), failure.fault)));
    }
    let mut values = Vec::with_capacity(read.images.len() * network.width());
    for images in read.images.chunks(AT_ONCE) {
        if read.interrupted || stop.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        let pixels = images.iter().flat_map(square).collect();
        let samples = Samples::new(&[1, SIDE, SIDE], pixels, vec![0; images.len()], 1)
            .and_then(|samples| network.embed(&samples))
            .map_err(|error| fault(error.to_string()))?;
        for row in 0..images.len() {
            values.extend(samples.row(row).iter().map(|&value| f64::from(value)));
        }
    }
    Ok(Table {
        columns: (0..network.width()).map(|at| format!("e{at}")).collect(),
        values,
        filenames: read.filenames,
        lengths: None,
        labels: read.labels.into_iter().collect(),
    })
}

fn backbone(model: &str) -> Result<Folded> {
    let failed = |error: &dyn std::fmt::Display| Error::Model(format!("{model}: {error}"));
    let store = Store::open().map_err(|error| failed(&error))?;
    let device = device::default();
    let network = match model {
        "mobilenet-v2" => {
            let onnx = store.bytes(model).map_err(|error| failed(&error))?;
            import::mobilenet_v2(&onnx, &device)
        }
        _ => {
            let weights = store.weights(model).map_err(|error| failed(&error))?;
            import::efficientnet_lite0(&weights, &device)
        }
    };
    network
        .map(|network| network.folded())
        .map_err(|error| failed(&error))
}

/// An image as a square, low frequencies at the bottom, by linear interpolation between the centres of pixels.
fn square(image: &SpectrogramImage) -> Vec<f32> {
    let place = |at: usize, of: usize| {
        let x = ((at as f32 + 0.5) * of as f32 / SIDE as f32 - 0.5).clamp(0.0, (of - 1) as f32);
        let first = x as usize;
        (first, (first + 1).min(of - 1), x - first as f32)
    };
    let columns: Vec<_> = (0..SIDE).map(|at| place(at, image.columns())).collect();
    let mut values = Vec::with_capacity(SIDE * SIDE);
    for row in 0..SIDE {
        // Bands are counted from the lowest.
        let (low, high, above) = place(SIDE - 1 - row, BANDS);
        let (low, high) = (image.band(low), image.band(high));
        for &(left, right, share) in &columns {
            let mix = |band: &[f32]| band[left] + share * (band[right] - band[left]);
            let (a, b) = (mix(low), mix(high));
            values.push(a + above * (b - a));
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_keeps_what_is_low_at_the_bottom_and_slopes_straight() {
        let columns = 256;
        let grey =
            (0..BANDS).flat_map(|band| (0..columns).map(move |c| band as f32 / 256.0 + c as f32 / 512.0));
        let image = SpectrogramImage::new(columns, grey.collect()).unwrap();
        let values = square(&image);
        assert_eq!(values.len(), SIDE * SIDE);
        // The image may be stored in another order of bands: compare with what it says of itself.
        let corner = |band: usize, column: usize| image.band(band)[column];
        assert!((values[0] - corner(BANDS - 1, 0)).abs() < 0.01);
        assert!((values[SIDE * SIDE - 1] - corner(0, columns - 1)).abs() < 0.01);
        let steps: Vec<f32> = values[SIDE * 100..SIDE * 101]
            .windows(2)
            .map(|w| w[1] - w[0])
            .collect();
        let middle = &steps[2..SIDE - 3];
        assert!(middle.iter().all(|s| (s - middle[0]).abs() < 1e-4), "{middle:?}");
    }
}
