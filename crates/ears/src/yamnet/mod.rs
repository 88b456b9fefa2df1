//! YAMNet: scores of 521 classes of sound for every 0.96 seconds.
//!
//! A MobileNet trained on AudioSet; of its classes some sixty are genres and moods of music and as many are instruments. The file is
//! the user's own (a conversion to ONNX). Source: M. Plakal and D. Ellis, *YAMNet* (2019), in TensorFlow's `models/research/audioset/yamnet`
//! (Apache-2.0), whose spectrogram and padding are followed here.

mod body;

use melisma_audio::Signal;
use ndarray::{Array2, Array3, ArrayView3, Axis};
use rayon::prelude::*;

use crate::front::{self, Bank, Frames, Magnitude, SAMPLE_RATE};
use crate::weights::Fault;
use crate::weights::onnx::Graph;
use body::Body;

/// Frames of a patch: 0.96 seconds.
pub const PATCH_FRAMES: usize = 96;
/// Frames from one patch to the next.
pub const PATCH_HOP: usize = 48;
/// Patches that go through a layer together.
const TOGETHER: usize = 4;
/// Mel bands of a frame.
pub const N_MELS: usize = 64;
/// Samples of a frame.
pub const WINDOW_LENGTH: usize = 400;
/// Samples from one frame to the next.
pub const HOP_LENGTH: usize = 160;
/// Classes of sound.
pub const CLASSES: usize = 521;
/// Values of the layer before the classes.
pub const EMBEDDING: usize = 1024;

/// Names of the classes, in the order of the scores: AudioSet's display names.
pub fn class_names() -> impl ExactSizeIterator<Item = &'static str> {
    let names: Vec<_> = include_str!("classes.txt").lines().collect();
    names.into_iter()
}

/// What YAMNet heard, one row per patch.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// Score of every class, 0 to 1, shape (patches, [`CLASSES`]).
    pub scores: Array2<f32>,
    /// The layer before the scores, shape (patches, [`EMBEDDING`]).
    pub embedding: Array2<f32>,
}

/// The network, ready to listen.
#[derive(Debug, Clone)]
pub struct Yamnet {
    body: Body,
}

impl Yamnet {
    /// From a conversion to ONNX: one chain of convolutions whose batch normalisations are folded in.
    ///
    /// # Errors
    /// When the graph has another shape, or its weights are missing or not finite.
    pub fn from_onnx(graph: &Graph) -> Result<Yamnet, Fault> {
        Ok(Yamnet {
            body: Body::from_onnx(graph)?,
        })
    }

    /// Listens to a signal of any rate, best 16 kHz: others are resampled.
    ///
    /// # Errors
    /// When the signal is empty or holds values that are no samples.
    pub fn listen(&self, signal: &Signal) -> Result<Heard, front::Error> {
        Ok(self.hear(patches(signal)?.view()))
    }

    /// Listens to patches of shape (patches, [`PATCH_FRAMES`], [`N_MELS`]), as [`patches`] makes them.
    ///
    /// The patches are shared out among the threads of rayon's current pool; the answers do not depend on their number.
    ///
    /// # Panics
    /// When patches are of another shape.
    pub fn hear(&self, patches: ArrayView3<f32>) -> Heard {
        assert_eq!(
            patches.shape()[1..],
            [PATCH_FRAMES, N_MELS],
            "patches of another shape"
        );
        let count = patches.len_of(Axis(0));
        let groups: Vec<_> = patches.axis_chunks_iter(Axis(0), TOGETHER).collect();
        let heard: Vec<(Vec<f32>, Vec<f32>)> = groups
            .into_par_iter()
            .flat_map_iter(|group| self.body.run(group.iter().copied().collect()))
            .collect();
        let (scores, embedding): (Vec<_>, Vec<_>) = heard.into_iter().unzip();
        let table = |rows: Vec<Vec<f32>>, columns| {
            Array2::from_shape_vec((count, columns), rows.concat()).expect("every answer has as many values")
        };
        Heard {
            scores: table(scores, CLASSES),
            embedding: table(embedding, EMBEDDING),
        }
    }
}

/// Cuts a signal into half-overlapping patches of its log-mel spectrogram, shape (patches, [`PATCH_FRAMES`], [`N_MELS`]).
///
/// `ln(0.001 + M)`, `M` being magnitudes in 64 bands from 125 to 7500 Hz. The signal is followed by silence until it fills
/// one patch, then until it fills a whole number of hops.
///
/// # Errors
/// When the signal is empty or holds values that are no samples.
pub fn patches(signal: &Signal) -> Result<Array3<f32>, front::Error> {
    let samples = front::samples(signal)?;
    let shortest = (PATCH_FRAMES - 1) * HOP_LENGTH + WINDOW_LENGTH;
    let count = 1 + samples
        .len()
        .saturating_sub(shortest)
        .div_ceil(PATCH_HOP * HOP_LENGTH);
    let bank = Bank::tensorflow(SAMPLE_RATE.0, front::N_FFT, N_MELS, 125.0, 7500.0);
    let hop_length = PATCH_HOP * N_MELS;
    let mut values = vec![0.0; (count + 1) * hop_length];
    values
        .par_chunks_exact_mut(hop_length)
        .enumerate()
        .for_each(|(hop, values)| {
            let mut frames = Frames::new(WINDOW_LENGTH, Magnitude::Amplitude);
            for (frame, row) in values.chunks_exact_mut(N_MELS).enumerate() {
                let start = (hop * PATCH_HOP + frame) * HOP_LENGTH;
                let magnitudes = frames.at(&samples, start as isize);
                for (value, magnitude) in row.iter_mut().zip(bank.apply(magnitudes)) {
                    *value = (0.001 + magnitude).ln();
                }
            }
        });
    Ok(Array3::from_shape_fn(
        (count, PATCH_FRAMES, N_MELS),
        |(patch, frame, band)| values[patch * hop_length + frame * N_MELS + band],
    ))
}

const _: () = assert!(PATCH_FRAMES == 2 * PATCH_HOP);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_its_name() {
        let names: Vec<_> = class_names().collect();
        assert_eq!(names.len(), CLASSES);
        assert_eq!((names[0], names[132]), ("Speech", "Music"));
        assert!(names.iter().all(|name| !name.is_empty()));
    }
}
