//! Inverted residuals for inference on the processor: batch norms folded into convolutions, channels side by side in memory, no tensors.
//!
//! A pointwise convolution is then one matrix product, and the filters of single channels run along rows; burn's general convolution
//! takes several times as long for the same numbers.

use melisma_ears::layers::filter::{Filter, Frame};
use melisma_ears::layers::product::Packed;
use ndarray::{Array2, ArrayView3};
use rayon::prelude::*;

use super::embed::{checked, embedded};
use super::inverted::Inverted;
use super::layers::{ConvNorm, Padding, Scaling};
use crate::Result;
use crate::layers::numbers;
use crate::train::Samples;

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
    /// (taps x inputs) x outputs.
    packed: Packed,
    /// What a convolution of single channels does; of all others only the bias, the kernel and the stride.
    filter: Filter,
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
        self.head.packed.outputs()
    }

    /// The embedding of an image (channels x height x width, values from 0 to 1; one channel is seen in all).
    ///
    /// # Panics
    /// Where the image has neither one channel nor as many as the network.
    pub fn features(&self, image: ArrayView3<'_, f32>) -> Vec<f32> {
        let mut map = self.stem.spread(&self.scaled(image));
        for block in &self.blocks {
            let inside = block.expand.as_ref().map(|expand| expand.mix(&map, None));
            let inside = block.depthwise.alone(inside.as_ref().unwrap_or(&map));
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
        Layer {
            packed: Packed::new(weights.view()),
            filter: Filter {
                taps: if inputs == 1 {
                    weights.into_raw_vec_and_offset().0
                } else {
                    Vec::new()
                },
                bias,
                kernel,
                stride: layer.conv.stride[0],
            },
            padding,
            relu6: layer.relu6,
        }
    }

    /// Places of the output along an axis, and rows of zeros before the first of the input.
    fn reach(&self, length: usize) -> (usize, usize) {
        let places = length.div_ceil(self.filter.stride);
        let before = match self.padding {
            Padding::Symmetric => self.filter.kernel / 2,
            Padding::Same => {
                ((places - 1) * self.filter.stride + self.filter.kernel).saturating_sub(length) / 2
            }
        };
        (places, before)
    }

    /// A convolution over all channels and a neighbourhood: the neighbourhoods side by side, then one product.
    fn spread(&self, map: &Map) -> Map {
        let ((height, above), (width, left)) = (self.reach(map.height), self.reach(map.width));
        let channels = map.values.ncols();
        let all = map.values.as_slice().expect("maps are contiguous");
        let mut beside = Array2::zeros((height * width, self.filter.kernel * self.filter.kernel * channels));
        for (place, mut row) in beside.rows_mut().into_iter().enumerate() {
            let row = row.as_slice_mut().expect("rows are contiguous");
            for (tap, out) in row.chunks_exact_mut(channels).enumerate() {
                let y = (place / width * self.filter.stride + tap / self.filter.kernel).wrapping_sub(above);
                let x = (place % width * self.filter.stride + tap % self.filter.kernel).wrapping_sub(left);
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
            None => Array2::zeros((map.values.nrows(), self.filter.bias.len())),
        };
        let out = values.as_slice_mut().expect("maps are contiguous");
        for row in out.chunks_exact_mut(self.filter.bias.len()) {
            row.iter_mut().zip(&self.filter.bias).for_each(|(v, b)| *v += b);
        }
        let rows = map.values.as_slice().expect("maps are contiguous");
        self.packed.add(rows, out);
        if self.relu6 {
            out.iter_mut().for_each(|v| *v = v.clamp(0.0, CEILING));
        }
        Map { values, ..*map }
    }

    /// A convolution of each channel by itself.
    fn alone(&self, map: &Map) -> Map {
        let ((height, above), (width, left)) = (self.reach(map.height), self.reach(map.width));
        let mut values = Array2::zeros((height * width, self.filter.bias.len()));
        let frame = Frame {
            seen: [map.height, map.width],
            made: [height, width],
            before: [above, left],
        };
        let seen = map.values.as_slice().expect("maps are contiguous");
        let out = values.as_slice_mut().expect("a new array is contiguous");
        self.filter.apply(frame, seen, out);
        Map {
            height,
            width,
            values,
        }
    }
}
