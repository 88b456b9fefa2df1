//! What the networks are shown: logarithmic mel spectrograms of 16 kHz audio.
//!
//! Each network was trained on one picture of sound and hears only that: the bands, their edges and the logarithm are part of its
//! weights. This module makes the spectrograms; how they are cut into patches is told with each network.

mod bank;
mod spectrum;

use std::borrow::Cow;
use std::fmt;

use melisma_audio::{Hertz, Resampler, Signal};

pub(crate) use bank::Bank;
pub(crate) use spectrum::{Frames, Magnitude, N_FFT};

/// Samples per second that every network here was trained on.
pub const SAMPLE_RATE: Hertz = Hertz(16_000);

/// The largest sample whose power, in every sum made of it, stays a finite number.
pub const MAX_SAMPLE: f32 = 1e12;

/// Why a signal cannot be listened to.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// The signal has no samples.
    Empty,
    /// The signal's sample rate is zero.
    NoRate,
    /// A sample is not a number, or beyond [`MAX_SAMPLE`].
    BadSample {
        /// Position of the first such sample.
        index: usize,
        /// Its value.
        value: f32,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Empty => write!(f, "the signal has no samples"),
            Error::NoRate => write!(f, "the signal has a sample rate of 0 Hz"),
            Error::BadSample { index, value } => {
                write!(f, "sample {index} is {value:e}, not within ±{MAX_SAMPLE:e}")
            }
        }
    }
}

impl std::error::Error for Error {}

/// The samples at [`SAMPLE_RATE`], after a look at each.
pub(crate) fn samples(signal: &Signal) -> Result<Cow<'_, [f32]>, Error> {
    let samples = signal.samples();
    if samples.is_empty() {
        return Err(Error::Empty);
    }
    if signal.rate().0 == 0 {
        return Err(Error::NoRate);
    }
    let bad = samples.iter().position(|s| s.is_nan() || s.abs() > MAX_SAMPLE);
    if let Some(index) = bad {
        let value = samples[index];
        return Err(Error::BadSample { index, value });
    }
    if signal.rate() == SAMPLE_RATE {
        return Ok(Cow::Borrowed(samples));
    }
    let mut resampler = Resampler::new(signal.rate(), SAMPLE_RATE);
    let mut out = Vec::new();
    resampler.process(samples, &mut out);
    resampler.finish(&mut out);
    if out.is_empty() {
        Err(Error::Empty)
    } else {
        Ok(Cow::Owned(out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_heard_is_told() {
        let at = |samples: &[f32], rate| samples_of(samples, rate).unwrap_err();
        fn samples_of(values: &[f32], rate: u32) -> Result<Vec<f32>, Error> {
            samples(&Signal::new(values.to_vec(), Hertz(rate))).map(Cow::into_owned)
        }
        assert_eq!(at(&[], 16_000), Error::Empty);
        assert_eq!(at(&[0.5], 0), Error::NoRate);
        assert!(matches!(
            at(&[0.0, f32::NAN], 16_000),
            Error::BadSample { index: 1, .. }
        ));
        assert!(matches!(
            at(&[f32::INFINITY], 8_000),
            Error::BadSample { index: 0, .. }
        ));
        assert!(at(&[2e12], 16_000).to_string().contains("sample 0"));
        assert_eq!(samples_of(&[0.25; 7], 16_000).unwrap(), [0.25; 7]);
        assert_eq!(samples_of(&[0.0; 441], 44_100).unwrap().len(), 160);
    }
}
