//! Acoustic fingerprints: the Chromaprint algorithm, as `fpcalc` and AcoustID use it.
//!
//! A fingerprint is a row of 32-bit words, one for every [`ITEM_S`] seconds, whose bits survive re-encoding and changes of level. Comparing
//! them is in `similar`. Not for recognising performances or covers.

use melisma_audio::{Hertz, Resampler};
use rusty_chromaprint::{Configuration, Fingerprinter};

/// Seconds between two words of a fingerprint: 1,365 samples at 11,025 Hz.
pub const ITEM_S: f64 = 1365.0 / 11_025.0;
/// The rate that the algorithm works at.
const RATE: u32 = 11_025;
/// How much of a recording is fingerprinted, from its start: `fpcalc`'s default.
const LENGTH_S: u32 = 120;

/// Makes the fingerprint of mono samples that come in pieces.
pub(super) struct Fingerprint {
    resampler: Resampler,
    fingerprinter: Fingerprinter,
    resampled: Vec<f32>,
    samples: Vec<i16>,
    room: usize,
}

impl Fingerprint {
    /// For samples at `rate`; only the first two minutes count.
    pub(super) fn new(rate: Hertz) -> Self {
        let mut fingerprinter = Fingerprinter::new(&Configuration::preset_test2());
        fingerprinter
            .start(RATE, 1)
            .expect("one channel at 11,025 Hz needs no resampling");
        Fingerprint {
            resampler: Resampler::new(rate, Hertz(RATE)),
            fingerprinter,
            resampled: Vec::new(),
            samples: Vec::new(),
            room: (LENGTH_S * RATE) as usize,
        }
    }

    /// Adds samples.
    pub(super) fn add(&mut self, samples: &[f32]) {
        if self.room > 0 {
            self.resampled.clear();
            self.resampler.process(samples, &mut self.resampled);
            self.consume();
        }
    }

    fn consume(&mut self) {
        let count = self.resampled.len().min(self.room);
        self.room -= count;
        self.samples.clear();
        // The cast saturates.
        let words = self.resampled[..count]
            .iter()
            .map(|s| (s * 32_767.0).round() as i16);
        self.samples.extend(words);
        self.fingerprinter.consume(&self.samples);
    }

    /// The words; none where the sound is shorter than about 2.6 seconds.
    pub(super) fn finish(mut self) -> Vec<u32> {
        if self.room > 0 {
            self.resampled.clear();
            self.resampler.finish(&mut self.resampled);
            self.consume();
        }
        self.fingerprinter.finish();
        self.fingerprinter.fingerprint().to_vec()
    }
}
