//! musicnn's layers, from a patch to the tags.

use ndarray::ArrayView2;

use super::{N_MELS, PATCH_FRAMES};
use crate::layers::dense::{Dense, sigmoid};
use crate::layers::norm::Norm;
use crate::layers::tile::{Filter, Filters};

/// Features of the front: those of timbre and of rhythm.
pub(super) const FRONT: usize = 561;
/// Mel bands that the two timbral layers see at once.
pub(super) const TIMBRE_BANDS: [usize; 2] = [38, 67];
/// Frames of silence at both ends of what a filter of seven frames sees.
const MARGIN: usize = 3;
/// Frames of a map with its margins.
const PADDED: usize = PATCH_FRAMES + 2 * MARGIN;

#[derive(Debug, Clone)]
pub(super) struct Network {
    pub(super) input: Norm,
    pub(super) timbre: [Stage; 2],
    pub(super) rhythm: Rhythm,
    pub(super) middle: [Stage; 3],
    /// With the normalisation before it.
    pub(super) penultimate: Dense,
    pub(super) penultimate_norm: Norm,
    pub(super) tags: Dense,
}

/// The temporal layers, and the frames of silence they see before and after the patch.
#[derive(Debug, Clone)]
pub(super) struct Rhythm {
    pub(super) stage: Stage,
    pub(super) before: usize,
    pub(super) after: usize,
}

/// A convolution, its rectifier and its normalisation.
#[derive(Debug, Clone)]
pub(super) struct Stage {
    filters: Filters,
    /// Minus one where the filter is stored with its sign turned.
    sign: Vec<f32>,
    bias: Vec<f32>,
    norm: Norm,
}

/// What the network says of a patch.
pub(super) struct Answer {
    pub(super) tags: Vec<f32>,
    pub(super) penultimate: Vec<f32>,
    pub(super) mean_pool: Vec<f32>,
    pub(super) max_pool: Vec<f32>,
}

impl Stage {
    /// A layer of which the maximum over frequency is taken.
    ///
    /// The maximum comes after the normalisation, but the sums alone are compared here. Where the gain is negative that asks
    /// for the smallest sum, which is found as the largest one of the filter with its sign turned.
    pub(super) fn largest(mut filters: Vec<Filter>, bias: &[f32], norm: Norm, run: usize) -> Stage {
        let sign: Vec<f32> = norm
            .gain
            .iter()
            .map(|&gain| if gain < 0.0 { -1.0 } else { 1.0 })
            .collect();
        for (filter, sign) in filters.iter_mut().zip(&sign) {
            filter.taps.iter_mut().for_each(|tap| *tap *= sign);
        }
        Stage {
            filters: Filters::new(&filters, run),
            sign,
            bias: bias.to_vec(),
            norm,
        }
    }

    /// A layer whose sums all go on.
    pub(super) fn sum(filters: Vec<Filter>, bias: &[f32], norm: Norm, run: usize) -> Stage {
        let sign = vec![1.0; filters.len()];
        Stage {
            filters: Filters::new(&filters, run),
            sign,
            bias: bias.to_vec(),
            norm,
        }
    }

    /// Adds the bias, rectifies and normalises the sums (frames, channels) into rows of a map, one per channel, between the margins.
    fn finish(&self, sums: &[f32], rows: &mut [f32]) {
        for (channel, row) in rows.chunks_exact_mut(PADDED).enumerate() {
            let (sign, bias) = (self.sign[channel], self.bias[channel]);
            let (gain, offset) = (self.norm.gain[channel], self.norm.offset[channel]);
            let sums = sums.chunks_exact(self.filters.stride());
            for (value, sums) in row[MARGIN..][..PATCH_FRAMES].iter_mut().zip(sums) {
                *value = gain * (sign * sums[channel] + bias).max(0.0) + offset;
            }
        }
    }
}

impl Network {
    /// Listens to a patch of shape ([`PATCH_FRAMES`], [`N_MELS`]).
    pub(super) fn run(&self, patch: ArrayView2<f32>) -> Answer {
        let map = self.map(patch);
        let (mut max_pool, mut mean_pool) = (Vec::new(), Vec::new());
        for row in map.chunks_exact(PADDED) {
            let row = &row[MARGIN..][..PATCH_FRAMES];
            max_pool.push(row.iter().copied().fold(f32::NEG_INFINITY, f32::max));
            mean_pool.push((row.iter().map(|&v| f64::from(v)).sum::<f64>() / PATCH_FRAMES as f64) as f32);
        }
        // The maximum and the mean of a feature stand side by side.
        let pooled: Vec<f32> = max_pool
            .iter()
            .zip(&mean_pool)
            .flat_map(|(&max, &mean)| [max, mean])
            .collect();
        let mut penultimate = self.penultimate.apply(&pooled);
        let Norm { gain, offset } = &self.penultimate_norm;
        for ((value, gain), offset) in penultimate.iter_mut().zip(gain).zip(offset) {
            *value = gain * value.max(0.0) + offset;
        }
        let tags = self.tags.apply(&penultimate).into_iter().map(sigmoid).collect();
        Answer {
            tags,
            penultimate,
            mean_pool,
            max_pool,
        }
    }

    /// All features that are pooled: rows of [`PADDED`] frames, the front's first, then those of the three layers of the middle.
    fn map(&self, patch: ArrayView2<f32>) -> Vec<f32> {
        let widths = self.middle.each_ref().map(|stage| stage.filters.count());
        let mut map = vec![0.0; (FRONT + widths.iter().sum::<usize>()) * PADDED];
        let (front, mut rest) = map.split_at_mut(FRONT * PADDED);
        self.front(patch, front);
        let mut input: &[f32] = front;
        for (i, stage) in self.middle.iter().enumerate() {
            let (out, after) = rest.split_at_mut(widths[i] * PADDED);
            stage.finish(&stage.filters.sum_over_rows(input, PADDED, PATCH_FRAMES), out);
            if i > 0 {
                out.iter_mut().zip(input).for_each(|(out, input)| *out += input);
            }
            (input, rest) = (out, after);
        }
        map
    }

    /// The features of timbre and of rhythm.
    fn front(&self, patch: ArrayView2<f32>, out: &mut [f32]) {
        let (gain, offset) = (self.input.gain[0], self.input.offset[0]);
        let mut image = vec![0.0; PADDED * N_MELS];
        let Rhythm { stage, before, after } = &self.rhythm;
        let pitch = PATCH_FRAMES + before + after;
        let mut bands = vec![0.0; N_MELS * pitch];
        for ((frame, band), &value) in patch.indexed_iter() {
            let value = gain * value + offset;
            image[(frame + MARGIN) * N_MELS + band] = value;
            bands[band * pitch + before + frame] = value;
        }
        let mut rest = out;
        for (stage, seen) in self.timbre.iter().zip(TIMBRE_BANDS) {
            let (rows, after) = rest.split_at_mut(stage.filters.count() * PADDED);
            let sums = stage
                .filters
                .largest_along_rows(&image, N_MELS, PATCH_FRAMES, N_MELS - seen + 1);
            stage.finish(&sums, rows);
            rest = after;
        }
        stage.finish(
            &stage.filters.largest_over_rows(&bands, pitch, PATCH_FRAMES),
            rest,
        );
    }
}
