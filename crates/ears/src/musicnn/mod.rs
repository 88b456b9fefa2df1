//! musicnn: fifty tags for every three seconds of music.
//!
//! A convolutional network whose first layer looks at timbre (wide in frequency, short in time) and at rhythm (one band, up to two
//! seconds), trained on the tags that listeners gave to the MagnaTagATune or the Million Song Dataset. Source: J. Pons and X. Serra, *musicnn:
//! pre-trained convolutional neural networks for music audio tagging* (2019), PyPI package `musicnn` 0.1.0 (ISC licence); the numbers
//! are those of its checkpoint.
//!
//! The package rounds the mel spectrogram to half precision before the logarithm, where 10,000 times a band's power overflows for powers
//! above 6.55; here it stays in single precision.

mod network;
mod parameters;

use melisma_audio::Signal;
use ndarray::{Array2, Array3, ArrayView3, Axis};
use rayon::prelude::*;

use crate::front::{self, Bank, Frames, Magnitude, SAMPLE_RATE};
use crate::weights::onnx::Graph;
use crate::weights::{Fault, Weights};
use network::Network;

/// Frames of a patch: three seconds.
pub const PATCH_FRAMES: usize = 187;
/// Mel bands of a frame.
pub const N_MELS: usize = 96;
/// Samples from one frame to the next.
pub const HOP_LENGTH: usize = 256;
/// Tags of either version.
pub const TAGS: usize = 50;
/// Values of the layer before the tags.
pub const PENULTIMATE: usize = 200;
/// Features that are pooled over a patch.
pub const POOLED: usize = 753;

/// The tags of the version trained on the Million Song Dataset, in the order of its outputs.
#[rustfmt::skip]
pub const MSD_TAGS: [&str; TAGS] = [
    "rock", "pop", "alternative", "indie", "electronic", "female vocalists", "dance", "00s", "alternative rock", "jazz",
    "beautiful", "metal", "chillout", "male vocalists", "classic rock", "soul", "indie rock", "Mellow", "electronica", "80s",
    "folk", "90s", "chill", "instrumental", "punk", "oldies", "blues", "hard rock", "ambient", "acoustic",
    "experimental", "female vocalist", "guitar", "Hip-Hop", "70s", "party", "country", "easy listening", "sexy", "catchy",
    "funk", "electro", "heavy metal", "Progressive rock", "60s", "rnb", "indie pop", "sad", "House", "happy",
];

/// The tags of the version trained on MagnaTagATune, in the order of its outputs.
#[rustfmt::skip]
pub const MTT_TAGS: [&str; TAGS] = [
    "guitar", "classical", "slow", "techno", "strings", "drums", "electronic", "rock", "fast", "piano",
    "ambient", "beat", "violin", "vocal", "synth", "female", "indian", "opera", "male", "singing",
    "vocals", "no vocals", "harpsichord", "loud", "quiet", "flute", "woman", "male vocal", "no vocal", "pop",
    "soft", "sitar", "solo", "man", "classic", "choir", "voice", "new age", "dance", "male voice",
    "female vocal", "beats", "harp", "cello", "no voice", "weird", "country", "metal", "female voice", "choral",
];

/// What musicnn heard, one row per patch.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// Probability of every tag, shape (patches, [`TAGS`]).
    pub tags: Array2<f32>,
    /// The layer before the tags, shape (patches, [`PENULTIMATE`]).
    pub penultimate: Array2<f32>,
    /// Mean of every feature over the patch, shape (patches, [`POOLED`]).
    pub mean_pool: Array2<f32>,
    /// Maximum of every feature over the patch, shape (patches, [`POOLED`]).
    pub max_pool: Array2<f32>,
}

/// The network, ready to listen.
#[derive(Debug, Clone)]
pub struct Musicnn {
    network: Network,
}

impl Musicnn {
    /// From the variables of the package's TensorFlow checkpoint (`conv2d/kernel`, `batch_normalization/gamma`, ...).
    ///
    /// # Errors
    /// When a variable is missing, of another shape, or holds values that are not finite.
    pub fn from_weights(weights: &Weights) -> Result<Musicnn, Fault> {
        Ok(Musicnn {
            network: parameters::from_checkpoint(weights)?,
        })
    }

    /// From a conversion to ONNX whose tensors are called `f0.w`, `fb0.s` and so on.
    ///
    /// # Errors
    /// When a tensor is missing, of another shape, or holds values that are not finite.
    pub fn from_onnx(graph: &Graph) -> Result<Musicnn, Fault> {
        Ok(Musicnn {
            network: parameters::from_onnx(&graph.initializers)?,
        })
    }

    /// Listens to a signal of any rate, best 16 kHz: others are resampled.
    ///
    /// The signal is cut into patches of three seconds without overlap, as [`patches`] tells.
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
        let heard: Vec<network::Answer> = (0..patches.len_of(Axis(0)))
            .into_par_iter()
            .map(|i| self.network.run(patches.index_axis(Axis(0), i)))
            .collect();
        let table = |columns: usize, of: fn(&network::Answer) -> &[f32]| {
            let values: Vec<f32> = heard.iter().flat_map(of).copied().collect();
            Array2::from_shape_vec((heard.len(), columns), values).expect("every answer has as many values")
        };
        Heard {
            tags: table(TAGS, |a| &a.tags),
            penultimate: table(PENULTIMATE, |a| &a.penultimate),
            mean_pool: table(POOLED, |a| &a.mean_pool),
            max_pool: table(POOLED, |a| &a.max_pool),
        }
    }
}

/// Cuts a signal into patches of its log-mel spectrogram, shape (patches, [`PATCH_FRAMES`], [`N_MELS`]).
///
/// `log10(1 + 10000 M)`, `M` being `librosa.feature.melspectrogram` of 16 kHz audio with `n_fft=512, hop_length=256, n_mels=96`. Patches
/// follow one another without overlap; what is left at the end is dropped. A signal too short for one patch (less than 2.98 seconds)
/// is repeated until it fills one: silence after it would be heard as part of the music.
///
/// # Errors
/// When the signal is empty or holds values that are no samples.
pub fn patches(signal: &Signal) -> Result<Array3<f32>, front::Error> {
    let mut samples = front::samples(signal)?;
    let shortest = (PATCH_FRAMES - 1) * HOP_LENGTH;
    if samples.len() < shortest {
        samples = samples.iter().copied().cycle().take(shortest).collect();
    }
    let count = (1 + samples.len() / HOP_LENGTH) / PATCH_FRAMES;
    let bank = Bank::slaney(SAMPLE_RATE.0, front::N_FFT, N_MELS);
    let patch_length = PATCH_FRAMES * N_MELS;
    let mut values = vec![0.0; count * patch_length];
    values
        .par_chunks_exact_mut(patch_length)
        .enumerate()
        .for_each(|(patch, values)| {
            let mut frames = Frames::new(front::N_FFT, Magnitude::Power);
            for (frame, row) in values.chunks_exact_mut(N_MELS).enumerate() {
                let centre = (patch * PATCH_FRAMES + frame) * HOP_LENGTH;
                let power = frames.at(&samples, centre as isize - (front::N_FFT / 2) as isize);
                for (value, power) in row.iter_mut().zip(bank.apply(power)) {
                    *value = (1.0 + 10_000.0 * power).log10();
                }
            }
        });
    Ok(Array3::from_shape_vec((count, PATCH_FRAMES, N_MELS), values).expect("the values fill the patches"))
}
