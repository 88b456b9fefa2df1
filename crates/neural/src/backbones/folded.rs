//! Inverted residuals for inference on the processor: batch norms folded into convolutions, channels side by side in memory, no tensors.
//!
//! A pointwise convolution is then one matrix product, and the filters of single channels run along rows; burn's general convolution
//! takes several times as long for the same numbers.

use ndarray::{Array2, ArrayView3};
use pulp::Arch;
use rayon::prelude::*;

use super::embed::{checked, embedded};
use super::inverted::Inverted;
use super::layers::{ConvNorm, Padding, Scaling};
use super::product::Packed;
use crate::Result;
use crate::layers::numbers;
use crate::train::Samples;

/// Channels that are filtered side by side.
const LANES: usize = 32;
/// Where rectifiers cut.
const CEILING: f32 = 6.0;

/// An [`Inverted`] network as it was when it was folded.
#[derive(Debug, Clone)]
pub struct Folded {
    scaling: Scaling,
    channels: usize,
    stem: Layer,
    blocks: Vec<Block>,
    head: Layer,
}

#[derive(Debug, Clone)]
struct Block {
    expand: Option<Layer>,
    depthwise: Layer,
    project: Layer,
    adds: bool,
}

/// A convolution with what follows it.
#[derive(Debug, Clone)]
struct Layer {
    /// (taps x inputs) x outputs; of single channels: taps x channels.
    weights: Array2<f32>,
    packed: Packed,
    bias: Vec<f32>,
    kernel: usize,
    stride: usize,
    padding: Padding,
    relu6: bool,
}

/// An image of features: (height * width) x channels.
#[derive(Debug, Clone)]
struct Map {
    height: usize,
    width: usize,
    values: Array2<f32>,
}

impl Inverted {
    /// The network for inference, with the means and variances that its batch norms have now.
    pub fn folded(&self) -> Folded {
        let layer = |layer: &ConvNorm| Layer::new(layer, self.padding());
        Folded {
            scaling: self.scaling().clone(),
            channels: self.stem.conv.weight.dims()[1],
            stem: layer(&self.stem),
            blocks: self
                .blocks
                .iter()
                .map(|block| Block {
                    expand: block.expand.as_ref().map(layer),
                    depthwise: layer(&block.depthwise),
                    project: layer(&block.project),
                    adds: block.adds,
                })
                .collect(),
            head: layer(&self.head),
        }
    }
}

impl Folded {
    /// Values of an embedding.
    pub fn width(&self) -> usize {
        self.head.bias.len()
    }

    /// The embedding of an image (channels x height x width, values from 0 to 1; one channel is seen in all).
    ///
    /// # Panics
    /// Where the image has neither one channel nor as many as the network.
    pub fn features(&self, image: ArrayView3<'_, f32>) -> Vec<f32> {
        let arch = Arch::new();
        let mut map = self.stem.spread(&self.scaled(image));
        for block in &self.blocks {
            let inside = block.expand.as_ref().map(|expand| expand.mix(&map, None));
            let inside = block.depthwise.filter(inside.as_ref().unwrap_or(&map), arch);
            map = block.project.mix(&inside, block.adds.then_some(&map));
        }
        let map = self.head.mix(&map, None);
        let mut sums = vec![0.0_f32; self.width()];
        for row in map.values.rows() {
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
        sums.iter().map(|sum| sum / map.values.nrows() as f32).collect()
    }

    /// The embeddings of images (values from 0 to 1) as samples of their own, with the same labels, groups and weights; on as many
    /// threads as the caller's pool has, which changes no number.
    ///
    /// # Errors
    /// As [`super::embed`].
    pub fn embed(&self, samples: &Samples) -> Result<Samples> {
        let shape = checked(samples, self.channels)?;
        let one = |i: usize| {
            let image = ArrayView3::from_shape(shape, samples.row(i)).expect("a sample has its shape");
            self.features(image)
        };
        let values: Vec<Vec<f32>> = (0..samples.len()).into_par_iter().map(one).collect();
        embedded(samples, self.width(), values.concat())
    }

    fn scaled(&self, image: ArrayView3<'_, f32>) -> Map {
        let (given, height, width) = image.dim();
        assert!(
            given == 1 || given == self.channels,
            "images have the network's channels"
        );
        let mut values = Array2::zeros((height * width, self.channels));
        for (channel, mut column) in values.columns_mut().into_iter().enumerate() {
            let pick = |values: &[f32]| values[channel % values.len()];
            let (mean, deviation) = (pick(&self.scaling.mean), pick(&self.scaling.deviation));
            let seen = image.index_axis(ndarray::Axis(0), channel.min(given - 1));
            column
                .iter_mut()
                .zip(seen)
                .for_each(|(out, v)| *out = (v - mean) / deviation);
        }
        Map {
            height,
            width,
            values,
        }
    }
}

impl Layer {
    fn new(layer: &ConvNorm, padding: Padding) -> Layer {
        let [outputs, inputs, kernel, _] = layer.conv.weight.dims();
        let taps = kernel * kernel;
        let of = |tensor| numbers::<1>(tensor);
        let (gamma, beta) = (of(layer.norm.gamma.val()), of(layer.norm.beta.val()));
        let (mean, variance) = (
            of(layer.norm.running_mean.value()),
            of(layer.norm.running_var.value()),
        );
        let scale: Vec<f32> = gamma
            .iter()
            .zip(&variance)
            .map(|(&g, &v)| (f64::from(g) / (f64::from(v) + layer.norm.epsilon).sqrt()) as f32)
            .collect();
        let published = numbers(layer.conv.weight.val());
        let weights = Array2::from_shape_fn((taps * inputs, outputs), |(row, output)| {
            let (tap, input) = (row / inputs, row % inputs);
            published[(output * inputs + input) * taps + tap] * scale[output]
        });
        let bias = (0..outputs).map(|i| beta[i] - mean[i] * scale[i]).collect();
        let (stride, relu6) = (layer.conv.stride[0], layer.relu6);
        let packed = Packed::new(weights.view());
        Layer {
            weights,
            packed,
            bias,
            kernel,
            stride,
            padding,
            relu6,
        }
    }

    /// Places of the output along an axis, and rows of zeros before the first of the input.
    fn reach(&self, length: usize) -> (usize, usize) {
        let places = length.div_ceil(self.stride);
        let before = match self.padding {
            Padding::Symmetric => self.kernel / 2,
            Padding::Same => ((places - 1) * self.stride + self.kernel).saturating_sub(length) / 2,
        };
        (places, before)
    }

    /// A convolution over all channels and a neighbourhood: the neighbourhoods side by side, then one product.
    fn spread(&self, map: &Map) -> Map {
        let ((height, above), (width, left)) = (self.reach(map.height), self.reach(map.width));
        let channels = map.values.ncols();
        let all = map.values.as_slice().expect("maps are contiguous");
        let mut beside = Array2::zeros((height * width, self.kernel * self.kernel * channels));
        for (place, mut row) in beside.rows_mut().into_iter().enumerate() {
            let row = row.as_slice_mut().expect("rows are contiguous");
            for (tap, out) in row.chunks_exact_mut(channels).enumerate() {
                let y = (place / width * self.stride + tap / self.kernel).wrapping_sub(above);
                let x = (place % width * self.stride + tap % self.kernel).wrapping_sub(left);
                if y < map.height && x < map.width {
                    let at = (y * map.width + x) * channels;
                    out.copy_from_slice(&all[at..at + channels]);
                }
            }
        }
        self.mix(
            &Map {
                height,
                width,
                values: beside,
            },
            None,
        )
    }

    /// A pointwise convolution, added to what is given.
    fn mix(&self, map: &Map, onto: Option<&Map>) -> Map {
        let mut values = match onto {
            Some(onto) => onto.values.clone(),
            None => Array2::zeros((map.values.nrows(), self.bias.len())),
        };
        let out = values.as_slice_mut().expect("maps are contiguous");
        for row in out.chunks_exact_mut(self.bias.len()) {
            row.iter_mut().zip(&self.bias).for_each(|(v, b)| *v += b);
        }
        let rows = map.values.as_slice().expect("maps are contiguous");
        self.packed.add(rows, out);
        if self.relu6 {
            out.iter_mut().for_each(|v| *v = v.clamp(0.0, CEILING));
        }
        Map { values, ..*map }
    }

    /// A convolution of each channel by itself.
    fn filter(&self, map: &Map, arch: Arch) -> Map {
        let ((height, above), (width, left)) = (self.reach(map.height), self.reach(map.width));
        let channels = self.bias.len();
        let mut values = Array2::zeros((height * width, channels));
        let out = values.as_slice_mut().expect("a new array is contiguous");
        let seen = map.values.as_slice().expect("maps are contiguous");
        let taps = self.weights.as_slice().expect("weights are contiguous");
        // Moved in, so that the closure is called once and compiled for the processor's vectors.
        let once = Once;
        arch.dispatch(
            #[inline(always)]
            || {
                let _once: Once = once;
                for (place, out) in out.chunks_exact_mut(channels).enumerate() {
                    let rows = within(place / width * self.stride, above, self.kernel, map.height);
                    let columns = within(place % width * self.stride, left, self.kernel, map.width);
                    for from in (0..channels).step_by(LANES) {
                        let to = (from + LANES).min(channels);
                        let mut sums = [0.0_f32; LANES];
                        sums[..to - from].copy_from_slice(&self.bias[from..to]);
                        for (tap_y, y) in rows.clone() {
                            for (tap_x, x) in columns.clone() {
                                let tap = (tap_y * self.kernel + tap_x) * channels;
                                let at = (y * map.width + x) * channels;
                                add_products(
                                    &mut sums,
                                    &seen[at + from..at + to],
                                    &taps[tap + from..tap + to],
                                );
                            }
                        }
                        let sums = sums.map(|sum| sum.clamp(0.0, CEILING));
                        out[from..to].copy_from_slice(&sums[..to - from]);
                    }
                }
            },
        );
        Map {
            height,
            width,
            values,
        }
    }
}

/// Has no value and cannot be copied: a closure that takes it in is called once only.
struct Once;

/// The taps of a kernel that lie within a line, each with its place there.
#[inline(always)]
fn within(
    start: usize,
    before: usize,
    kernel: usize,
    length: usize,
) -> impl Iterator<Item = (usize, usize)> + Clone {
    let first = before.saturating_sub(start);
    let last = kernel.min(length + before - start);
    (first..last).map(move |tap| (tap, start + tap - before))
}

#[inline(always)]
fn add_products(sums: &mut [f32; LANES], a: &[f32], b: &[f32]) {
    if let (Ok(a), Ok(b)) = (<&[f32; LANES]>::try_from(a), <&[f32; LANES]>::try_from(b)) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    } else {
        sums.iter_mut()
            .zip(a.iter().zip(b))
            .for_each(|(sum, (a, b))| *sum += a * b);
    }
}
