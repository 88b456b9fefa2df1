//! Altered copies of what is learnt from: of spectrograms, and of sound.
//!
//! [`augment_files`] makes copies of whole folders. What it does is there in pure functions, for a training loop: four copies of a standardised spectrogram ([`four_copies`]); rotation, shift, flip and
//! zoom on the fly ([`Image`]); pitch, tempo, level, noise and a codec for sound. Chance comes only through the
//! [`Rng`] that is handed in. A copy's file is named `song~pitch1.wav` ([`copy_name`]), so that
//! [`TrackId::of_row`](crate::TrackId::of_row), and with it every split, keeps it with its original.

mod alteration;
mod batch;
mod codec;
mod image;
mod manifest;
mod vocoder;
mod wav;
mod wave;

use std::f64::consts::TAU;

pub use alteration::Alteration;
pub use batch::{AugmentOptions, AugmentReport, augment_files};
pub use codec::opus_round_trip;
pub use image::{Image, four_copies, frequency_mask, gaussian_noise, time_mask};
pub use vocoder::{pitch_shift, time_stretch};
pub use wav::write_wav;
pub use wave::{add_noise, gain};

use crate::rng::Rng;
use crate::track::MARK;
use crate::{Error, Result};

/// What marks the copies of a spectrogram in file names, as the kinds mark those of sound.
pub(crate) const SPECTROGRAM: &str = "mel";

/// A way to alter a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CopyKind {
    /// Pitch, at the same length.
    Pitch,
    /// Tempo, at the same pitch.
    Stretch,
    /// Level.
    Gain,
    /// Noise added.
    Noise,
    /// Opus and back.
    Codec,
}

impl CopyKind {
    /// All kinds.
    pub const ALL: [CopyKind; 5] = [
        CopyKind::Pitch,
        CopyKind::Stretch,
        CopyKind::Gain,
        CopyKind::Noise,
        CopyKind::Codec,
    ];

    /// The name in file names.
    pub fn name(self) -> &'static str {
        match self {
            CopyKind::Pitch => "pitch",
            CopyKind::Stretch => "stretch",
            CopyKind::Gain => "gain",
            CopyKind::Noise => "noise",
            CopyKind::Codec => "codec",
        }
    }
}

impl std::str::FromStr for CopyKind {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = CopyKind::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| Error::UnknownName {
            what: "kind of copy",
            name: name.to_owned(),
            known: CopyKind::ALL.map(CopyKind::name).join(", "),
        })
    }
}

/// The name of the altered copy number `number` of a file: `song~pitch1.wav` of `song.mp3`.
pub fn copy_name(original: &str, kind: CopyKind, number: u32) -> String {
    marked_name(original, kind.name(), number, "wav")
}

/// A file's name with another extension, and a mark and a number before it.
fn marked_name(original: &str, mark: &str, number: u32, extension: &str) -> String {
    let base = original.rfind(['/', '\\']).map_or(0, |at| at + 1);
    let stem = match original[base..].rfind('.') {
        Some(dot) if dot > 0 => &original[..base + dot],
        _ => original,
    };
    format!("{stem}{MARK}{mark}{number}.{extension}")
}

/// A number in `0..1`.
fn uniform(rng: &mut Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// A number from the normal distribution of mean 0 and standard deviation 1 (Box and Muller 1958).
fn normal(rng: &mut Rng) -> f64 {
    let radius = (-2.0 * (1.0 - uniform(rng)).ln()).sqrt();
    radius * (TAU * uniform(rng)).cos()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TrackId;

    #[test]
    fn copies_belong_to_their_original() {
        for kind in CopyKind::ALL {
            for original in ["a/song.v2.mp3", "blues.00001.wav", "noext", "a.b/noext"] {
                let copy = copy_name(original, kind, 12);
                assert_eq!(TrackId::of_row(&copy), TrackId::of_row(original), "{copy}");
            }
        }
        assert_eq!(copy_name("song.mp3", CopyKind::Pitch, 1), "song~pitch1.wav");
    }

    #[test]
    fn the_normal_distribution_has_its_moments() {
        let mut rng = Rng::new(1);
        let values: Vec<f64> = (0..100_000).map(|_| normal(&mut rng)).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64;
        assert!(
            mean.abs() < 0.01 && (variance - 1.0).abs() < 0.02,
            "{mean} {variance}"
        );
    }
}
