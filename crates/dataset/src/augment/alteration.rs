//! An alteration with its parameter: drawn, applied, written down. Not the signal processing itself.

use std::fmt;

use melisma_audio::Signal;

use super::{CopyKind, add_noise, gain, opus_round_trip, pitch_shift, time_stretch, uniform};
use crate::rng::Rng;

/// Bit rates of the codec, in bit/s: from a voice call to a small music file.
const BIT_RATES: [u32; 5] = [12_000, 16_000, 24_000, 32_000, 48_000];

/// A way to alter a recording, and how far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Alteration {
    /// Semitones up, down below 0.
    Pitch(f64),
    /// How many times as fast.
    Stretch(f64),
    /// Decibels louder, quieter below 0.
    Gain(f64),
    /// Decibels that the noise lies below the sound.
    Noise(f64),
    /// Bit/s of Opus.
    Codec(u32),
}

impl Alteration {
    /// One of this kind at random, always far enough to be heard: 0.5 to 2 semitones, 5 to 20 % faster or slower, 2 to 8 dB
    /// louder or quieter, noise 10 to 30 dB below the sound, or Opus at 12 to 48 kbit/s.
    ///
    /// Numbers are rounded to hundredths (thousandths for the tempo), so that what is written down is what was done.
    pub fn draw(kind: CopyKind, rng: &mut Rng) -> Alteration {
        let mut either_way = |least: f64, most: f64, digits: f64| {
            let sign = if uniform(rng) < 0.5 { -1.0 } else { 1.0 };
            sign * ((least + (most - least) * uniform(rng)) * digits).round() / digits
        };
        match kind {
            CopyKind::Pitch => Alteration::Pitch(either_way(0.5, 2.0, 100.0)),
            CopyKind::Stretch => Alteration::Stretch(1.0 + either_way(0.05, 0.2, 1000.0)),
            CopyKind::Gain => Alteration::Gain(either_way(2.0, 8.0, 100.0)),
            CopyKind::Noise => Alteration::Noise(((10.0 + 20.0 * uniform(rng)) * 100.0).round() / 100.0),
            CopyKind::Codec => Alteration::Codec(BIT_RATES[rng.below(BIT_RATES.len())]),
        }
    }

    /// The signal, altered, at its own rate.
    ///
    /// # Errors
    /// A sentence, when the codec refuses.
    ///
    /// # Panics
    /// If a pitch or a tempo is out of the range of [`pitch_shift`] or [`time_stretch`].
    pub fn apply(self, signal: &Signal, rng: &mut Rng) -> Result<Signal, String> {
        let samples = signal.samples();
        let altered = match self {
            Alteration::Pitch(semitones) => pitch_shift(samples, semitones),
            Alteration::Stretch(rate) => time_stretch(samples, rate),
            Alteration::Gain(decibels) => gain(samples, decibels),
            Alteration::Noise(snr_db) => add_noise(samples, snr_db, rng),
            Alteration::Codec(bits_per_s) => return opus_round_trip(signal, bits_per_s),
        };
        Ok(Signal::new(altered, signal.rate()))
    }
}

impl fmt::Display for Alteration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Alteration::Pitch(semitones) => write!(f, "semitones={semitones:.2}"),
            Alteration::Stretch(rate) => write!(f, "rate={rate:.3}"),
            Alteration::Gain(decibels) => write!(f, "decibels={decibels:.2}"),
            Alteration::Noise(snr_db) => write!(f, "snr_db={snr_db:.2}"),
            Alteration::Codec(bits_per_s) => write!(f, "codec=opus bits_per_s={bits_per_s}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use melisma_audio::Hertz;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_drawn_is_never_nothing_and_never_too_much(seed: u64) {
            for kind in CopyKind::ALL {
                let fits = match Alteration::draw(kind, &mut Rng::new(seed)) {
                    Alteration::Pitch(semitones) => (0.5..=2.0).contains(&semitones.abs()),
                    Alteration::Stretch(rate) => (0.049..=0.201).contains(&(rate - 1.0).abs()),
                    Alteration::Gain(decibels) => (2.0..=8.0).contains(&decibels.abs()),
                    Alteration::Noise(snr_db) => (10.0..=30.0).contains(&snr_db),
                    Alteration::Codec(bits_per_s) => BIT_RATES.contains(&bits_per_s),
                };
                prop_assert!(fits, "{kind:?}");
            }
        }
    }

    #[test]
    fn what_is_written_down_is_what_was_done() {
        let signal = Signal::new((0..4000).map(|n| (n as f32 * 0.1).sin()).collect(), Hertz(22_050));
        for seed in 0..20 {
            let drawn = Alteration::draw(CopyKind::Gain, &mut Rng::new(seed));
            let written: f64 = drawn.to_string()["decibels=".len()..].parse().unwrap();
            let altered = drawn.apply(&signal, &mut Rng::new(1)).unwrap();
            assert_eq!(altered.samples(), gain(signal.samples(), written));
        }
    }
}
