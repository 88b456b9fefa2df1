//! The layers of MobileNet: 3 x 3 convolutions of one input channel or of each by itself, and pointwise ones.
//!
//! Maps are (height, width, channels), row-major, so that a pointwise convolution is one matrix product and the rest runs along
//! channels. A few patches go through a layer together, so that its weights are read once for all of them. Every layer ends in a
//! rectifier with a ceiling of six.

use ndarray::ArrayView2;

use super::filter::{Filter, Frame};
use super::product::Packed;

/// Maps of features, all of one size, one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Maps {
    pub(crate) count: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    /// Shape (count * height * width, channels).
    pub(crate) values: Vec<f32>,
}

/// A 3 x 3 convolution of each channel by itself.
#[derive(Debug, Clone)]
pub(crate) struct Spatial {
    pub(crate) filter: Filter,
    /// Rows and columns of zeros before the first; one comes after the last.
    pub(crate) before: usize,
}

/// Places of an output of three taps along an axis.
fn places(length: usize, before: usize, stride: usize) -> usize {
    (length + before + 1 - 3) / stride + 1
}

impl Spatial {
    pub(crate) fn apply(&self, maps: &Maps) -> Maps {
        let &Maps {
            count, height, width, ..
        } = maps;
        let seen = [height, width];
        let made = seen.map(|n| places(n, self.before, self.filter.stride));
        let frame = Frame {
            seen,
            made,
            before: [self.before; 2],
        };
        let channels = self.filter.bias.len();
        let mut values = vec![0.0; count * made[0] * made[1] * channels];
        let outs = values.chunks_exact_mut(made[0] * made[1] * channels);
        for (out, map) in outs.zip(maps.values.chunks_exact(height * width * channels)) {
            self.filter.apply(frame, map, out);
        }
        Maps {
            count,
            height: made[0],
            width: made[1],
            values,
        }
    }
}

/// A 3 x 3 convolution of one channel to many.
#[derive(Debug, Clone)]
pub(crate) struct Stem {
    pub(crate) pointwise: Pointwise,
    pub(crate) stride: usize,
    pub(crate) before: usize,
}

impl Stem {
    /// Runs over maps of one channel: neighbourhoods side by side, then one product.
    pub(crate) fn apply(&self, maps: &Maps) -> Maps {
        let [height, width] = [maps.height, maps.width].map(|n| places(n, self.before, self.stride));
        let mut beside = vec![0.0; maps.count * height * width * 9];
        for (place, row) in beside.chunks_exact_mut(9).enumerate() {
            let (map, place) = (place / (height * width), place % (height * width));
            let map = &maps.values[map * maps.height * maps.width..];
            for (tap, out) in row.iter_mut().enumerate() {
                let y = (place / width * self.stride + tap / 3).wrapping_sub(self.before);
                let x = (place % width * self.stride + tap % 3).wrapping_sub(self.before);
                if y < maps.height && x < maps.width {
                    *out = map[y * maps.width + x];
                }
            }
        }
        self.pointwise.apply(&Maps {
            count: maps.count,
            height,
            width,
            values: beside,
        })
    }
}

/// A convolution of one place.
#[derive(Debug, Clone)]
pub(crate) struct Pointwise {
    weights: Packed,
    bias: Vec<f32>,
}

impl Pointwise {
    /// Weights of shape (inputs, outputs), and what is added to each output.
    pub(crate) fn new(weights: ArrayView2<'_, f32>, bias: &[f32]) -> Pointwise {
        Pointwise {
            weights: Packed::new(weights),
            bias: bias.to_vec(),
        }
    }

    pub(crate) fn apply(&self, maps: &Maps) -> Maps {
        let places = maps.count * maps.height * maps.width;
        let mut values = Vec::with_capacity(places * self.bias.len());
        for _ in 0..places {
            values.extend_from_slice(&self.bias);
        }
        self.weights.add(&maps.values, &mut values);
        values.iter_mut().for_each(|v| *v = v.clamp(0.0, 6.0));
        Maps { values, ..*maps }
    }
}

/// The mean of every channel over each map.
pub(crate) fn averages(maps: &Maps) -> Vec<Vec<f32>> {
    let places = maps.height * maps.width;
    let channels = maps.values.len() / (maps.count * places).max(1);
    let mean = |map: &[f32]| {
        let mut sums = vec![0.0_f32; channels];
        for row in map.chunks_exact(channels) {
            sums.iter_mut().zip(row).for_each(|(s, v)| *s += v);
        }
        sums.iter_mut().for_each(|s| *s /= places as f32);
        sums
    };
    maps.values.chunks_exact(places * channels).map(mean).collect()
}
