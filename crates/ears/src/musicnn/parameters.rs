//! Finding musicnn's parameters under the names of two files: the TensorFlow checkpoint and its conversion to ONNX.

use super::network::{FRONT, Network, Rhythm, Stage, TIMBRE_BANDS};
use super::{N_MELS, PENULTIMATE, POOLED, TAGS};
use crate::layers::dense::Dense;
use crate::layers::norm::Norm;
use crate::layers::tile::Filter;
use crate::weights::{Fault, Weights, exactly};

/// Filters of a timbral layer, a temporal layer, and a layer of the middle.
const FILTERS: [usize; 3] = [204, 51, 64];
/// Frames of the temporal filters.
const TEMPORAL_FRAMES: [usize; 3] = [128, 64, 32];
/// Frames of all other filters.
const FRAMES: usize = 7;
/// Of every batch normalisation.
const EPSILON: f64 = 0.001;

/// Reads the variables of the checkpoint; those of the optimiser are passed over.
pub(super) fn from_checkpoint(weights: &Weights) -> Result<Network, Fault> {
    build(&Names { weights, onnx: false })
}

/// Reads the tensors of the conversion.
pub(super) fn from_onnx(weights: &Weights) -> Result<Network, Fault> {
    build(&Names { weights, onnx: true })
}

/// Parameters by their place in the network: layers and norms are counted from its input.
struct Names<'a> {
    weights: &'a Weights,
    onnx: bool,
}

/// `name`, `name_1`, `name_2`: how TensorFlow tells layers of a kind apart.
fn counted(name: &str, index: usize) -> String {
    if index == 0 {
        name.to_owned()
    } else {
        format!("{name}_{index}")
    }
}

impl<'a> Names<'a> {
    /// Filters as (taps per filter) vectors, time first, and their biases.
    fn convolution(&self, index: usize, count: usize, height: usize, width: usize) -> Result<Raw<'a>, Fault> {
        if self.onnx {
            let layer = if index < 5 {
                format!("f{index}")
            } else {
                format!("m{}", index - 5)
            };
            let taps = exactly(self.weights, &format!("{layer}.w"), &[count, 1, height, width])?;
            let filters = taps.chunks_exact(height * width).map(<[f32]>::to_vec).collect();
            let bias = exactly(self.weights, &format!("{layer}.bias"), &[count])?;
            Ok(Raw { filters, bias })
        } else {
            let layer = counted("conv2d", index);
            let taps = exactly(
                self.weights,
                &format!("{layer}/kernel"),
                &[height, width, 1, count],
            )?;
            let filter = |c: usize| taps.iter().skip(c).step_by(count).copied().collect();
            let bias = exactly(self.weights, &format!("{layer}/bias"), &[count])?;
            Ok(Raw {
                filters: (0..count).map(filter).collect(),
                bias,
            })
        }
    }

    fn norm(&self, index: usize, count: usize) -> Result<Norm, Fault> {
        let (layer, parts) = if self.onnx {
            let layer = match index {
                0 => "bn0".to_owned(),
                1..=5 => format!("fb{}", index - 1),
                6..=8 => format!("mb{}", index - 6),
                9 => "bn9".to_owned(),
                _ => "penultimate".to_owned(),
            };
            (layer, [".s", ".b", ".m", ".v"])
        } else {
            let parts = ["/gamma", "/beta", "/moving_mean", "/moving_variance"];
            (counted("batch_normalization", index), parts)
        };
        let [scale, shift, mean, variance] =
            parts.map(|part| exactly(self.weights, &format!("{layer}{part}"), &[count]));
        Norm::new(&layer, [scale?, shift?, mean?, variance?], EPSILON)
    }

    fn dense(&self, index: usize, inputs: usize, outputs: usize) -> Result<Dense, Fault> {
        let [weights, bias] = if self.onnx {
            [format!("d{}w", index + 1), format!("d{}b", index + 1)]
        } else {
            let layer = counted("dense", index);
            [format!("{layer}/kernel"), format!("{layer}/bias")]
        };
        let weights = exactly(self.weights, &weights, &[inputs, outputs])?;
        Ok(Dense::new(weights, exactly(self.weights, &bias, &[outputs])?))
    }
}

/// The parameters of a convolution as the files tell them.
struct Raw<'a> {
    filters: Vec<Vec<f32>>,
    bias: &'a [f32],
}

fn build(names: &Names) -> Result<Network, Fault> {
    let timbre = |index: usize| -> Result<Stage, Fault> {
        let bands = TIMBRE_BANDS[index];
        let raw = names.convolution(index, FILTERS[0], FRAMES, bands)?;
        let norm = names.norm(index + 1, FILTERS[0])?;
        Ok(Stage::largest(at_start(raw.filters), raw.bias, norm, bands))
    };
    let middle = |index: usize, inputs: usize| -> Result<Stage, Fault> {
        let raw = names.convolution(5 + index, FILTERS[2], FRAMES, inputs)?;
        let filters = raw.filters.iter().map(|taps| transposed(taps, inputs)).collect();
        let norm = names.norm(6 + index, FILTERS[2])?;
        Ok(Stage::sum(at_start(filters), raw.bias, norm, FRAMES))
    };
    Ok(Network {
        input: names.norm(0, 1)?,
        timbre: [timbre(0)?, timbre(1)?],
        rhythm: rhythm(names)?,
        middle: [middle(0, FRONT)?, middle(1, FILTERS[2])?, middle(2, FILTERS[2])?],
        penultimate: names
            .dense(0, 2 * POOLED, PENULTIMATE)?
            .after(&names.norm(9, 2 * POOLED)?),
        penultimate_norm: names.norm(10, PENULTIMATE)?,
        tags: names.dense(1, PENULTIMATE, TAGS)?,
    })
}

/// The three temporal layers as one, the shorter filters in the middle of the longest.
fn rhythm(names: &Names) -> Result<Rhythm, Fault> {
    let (mut filters, mut bias) = (Vec::new(), Vec::new());
    let mut norm = Norm {
        gain: Vec::new(),
        offset: Vec::new(),
    };
    for (i, frames) in TEMPORAL_FRAMES.into_iter().enumerate() {
        let raw = names.convolution(2 + i, FILTERS[1], frames, 1)?;
        // "Same" padding puts (frames - 1) / 2 zeros before the first frame, rounded down.
        let start = (TEMPORAL_FRAMES[0] - 1) / 2 - (frames - 1) / 2;
        filters.extend(raw.filters.into_iter().map(|taps| Filter { start, taps }));
        bias.extend_from_slice(raw.bias);
        let part = names.norm(3 + i, FILTERS[1])?;
        norm.gain.extend(part.gain);
        norm.offset.extend(part.offset);
    }
    Ok(Rhythm {
        stage: Stage::largest(filters, &bias, norm, 1),
        before: (TEMPORAL_FRAMES[0] - 1) / 2,
        after: TEMPORAL_FRAMES[0] / 2,
    })
}

fn at_start(filters: Vec<Vec<f32>>) -> Vec<Filter> {
    filters
        .into_iter()
        .map(|taps| Filter { start: 0, taps })
        .collect()
}

/// Taps of (frame, input) as (input, frame).
fn transposed(taps: &[f32], inputs: usize) -> Vec<f32> {
    (0..inputs)
        .flat_map(|i| taps.iter().skip(i).step_by(inputs).copied())
        .collect()
}

const _: () = assert!(FRONT == 2 * FILTERS[0] + 3 * FILTERS[1] && POOLED == FRONT + 3 * FILTERS[2]);
const _: () = assert!(TIMBRE_BANDS[1] < N_MELS);
