//! What decided: the regions of an image, and the windows of a recording.
//!
//! [`occlusion`] asks any function from images to probabilities, [`integrated_gradients`] needs a network that burn can differentiate,
//! [`windows`] splits the answer of a recording into those of its windows. [`Map::grid`] is what `melisma_plot::Regions` draws.

mod gradients;
mod hearing;
mod occlusion;
mod windows;

use std::fmt;

use melisma_plot::Grid;
use ndarray::Array2;

pub use gradients::{Gradients, integrated_gradients};
pub use hearing::{Hearing, Part, Telling, hearing};
pub use occlusion::{Baseline, Occlusion, occlusion};
pub use windows::{Window, windows};

/// How much each pixel of an image spoke for a class.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    /// The class.
    pub class: usize,
    /// Height x width as in the image; above 0 what spoke for the class, below what spoke against it.
    pub values: Array2<f64>,
}

impl Map {
    /// The map as a grid over time, for an image whose columns are frames and whose first row is the highest frequency.
    pub fn grid(&self) -> Grid {
        image_grid(self.values.view())
    }
}

/// An image whose columns are frames and whose first row is the highest frequency, as a grid over time.
pub fn image_grid<T: Copy + Into<f64>>(image: ndarray::ArrayView2<'_, T>) -> Grid {
    let columns = image.columns().into_iter();
    let values = columns.flat_map(|column| {
        column
            .into_iter()
            .rev()
            .map(|&v| v.into() as f32)
            .collect::<Vec<_>>()
    });
    Grid::new(image.nrows(), values.collect())
}

/// Why something cannot be explained.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A setting, an image or a class that does not fit the others.
    Unfit(String),
    /// The function that was asked failed.
    Predict(Box<dyn std::error::Error + Send + Sync>),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Unfit(fault) => write!(f, "cannot explain: {fault}"),
            Error::Predict(source) => write!(f, "cannot explain: {source}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Unfit(_) => None,
            Error::Predict(source) => Some(source.as_ref()),
        }
    }
}

/// Probabilities nearer than this to 0 or 1 are taken for this: what a 32-bit softmax can tell.
const CERTAIN: f64 = 1e-7;

/// The natural logarithm of a probability's odds.
fn log_odds(probability: f64) -> f64 {
    let p = probability.clamp(CERTAIN, 1.0 - CERTAIN);
    (p / (1.0 - p)).ln()
}
