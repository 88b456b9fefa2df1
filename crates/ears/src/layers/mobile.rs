//! The layers of MobileNet: 3 x 3 convolutions of one input channel or of each by itself, and pointwise ones.
//!
//! Maps are (height, width, channels), row-major, so that a pointwise convolution is one matrix product and the rest runs along
//! channels. Every layer ends in a rectifier with a ceiling of six.

use ndarray::{Array2, ArrayView2};

/// A map of features.
#[derive(Debug, Clone)]
pub(crate) struct Map {
    pub(crate) height: usize,
    pub(crate) width: usize,
    /// Shape (height * width, channels).
    pub(crate) values: Array2<f32>,
}

/// Weights of a 3 x 3 convolution, one filter per output channel: (9, channels).
#[derive(Debug, Clone)]
pub(crate) struct Spatial {
    pub(crate) taps: Array2<f32>,
    pub(crate) bias: Vec<f32>,
    pub(crate) stride: usize,
    /// Rows and columns of zeros before the first.
    pub(crate) before: usize,
    /// Rows and columns of zeros after the last.
    pub(crate) after: usize,
}

impl Spatial {
    /// Runs over a map of as many channels as there are filters, or of one channel that all filters see.
    pub(crate) fn apply(&self, map: &Map) -> Map {
        let side = |n: usize| (n + self.before + self.after - 3) / self.stride + 1;
        let (height, width) = (side(map.height), side(map.width));
        let channels = self.bias.len();
        let mut values = Array2::zeros((height * width, channels));
        for (place, mut out) in values.rows_mut().into_iter().enumerate() {
            let out = out.as_slice_mut().expect("rows are contiguous");
            out.copy_from_slice(&self.bias);
            for (tap, weights) in self.taps.rows().into_iter().enumerate() {
                let y = (place / width * self.stride + tap / 3).wrapping_sub(self.before);
                let x = (place % width * self.stride + tap % 3).wrapping_sub(self.before);
                if y >= map.height || x >= map.width {
                    continue;
                }
                let seen = map.values.row(y * map.width + x);
                let weights = weights.as_slice().expect("rows are contiguous");
                match seen.to_slice().expect("rows are contiguous") {
                    &[only] => out.iter_mut().zip(weights).for_each(|(o, w)| *o += only * w),
                    seen => out
                        .iter_mut()
                        .zip(seen)
                        .zip(weights)
                        .for_each(|((o, x), w)| *o += x * w),
                }
            }
            out.iter_mut().for_each(|v| *v = v.clamp(0.0, 6.0));
        }
        Map {
            height,
            width,
            values,
        }
    }
}

/// Weights of a pointwise convolution: (inputs, outputs).
#[derive(Debug, Clone)]
pub(crate) struct Pointwise {
    pub(crate) weights: Array2<f32>,
    pub(crate) bias: Vec<f32>,
}

impl Pointwise {
    pub(crate) fn apply(&self, map: &Map) -> Map {
        let mut values = map.values.dot(&self.weights);
        for mut row in values.rows_mut() {
            row.iter_mut()
                .zip(&self.bias)
                .for_each(|(v, b)| *v = (*v + b).clamp(0.0, 6.0));
        }
        Map { values, ..*map }
    }
}

/// The mean of every channel over the map.
pub(crate) fn average(values: ArrayView2<f32>) -> Vec<f32> {
    let places = values.nrows() as f32;
    let mut sums = vec![0.0_f32; values.ncols()];
    for row in values.rows() {
        sums.iter_mut().zip(row).for_each(|(s, v)| *s += v);
    }
    sums.into_iter().map(|s| s / places).collect()
}
