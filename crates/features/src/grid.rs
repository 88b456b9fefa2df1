//! The analysis grid: the rate, frame and hop that every descriptor shares, and how a clip's edges are padded.
//!
//! These are librosa's defaults. They are constants, not parameters, because the schemas, the published
//! tables and every model trained on them are only comparable on this grid.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Samples per second of every signal that is analysed.
pub const SAMPLE_RATE: u32 = 22_050;
/// Samples in a frame.
pub const N_FFT: usize = 2048;
/// Samples from the start of one frame to the start of the next.
pub const HOP_LENGTH: usize = 512;
/// Frequency bins of a frame, 0 Hz to the Nyquist frequency.
pub const N_BINS: usize = N_FFT / 2 + 1;
/// Floats from one spectrum to the next in memory: [`N_BINS`] rounded up to whole cache lines.
pub(crate) const STRIDE: usize = N_BINS.next_multiple_of(16);

/// What stands before the first and after the last sample when frames are centred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PadMode {
    /// Zeros: librosa's default since 0.10.
    #[default]
    Constant,
    /// The signal mirrored about its first and last sample: librosa's default before 0.10, and what the
    /// published GTZAN table was made with.
    Reflect,
}

impl PadMode {
    /// The name used on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            PadMode::Constant => "constant",
            PadMode::Reflect => "reflect",
        }
    }
}

impl fmt::Display for PadMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for PadMode {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "constant" => Ok(PadMode::Constant),
            "reflect" => Ok(PadMode::Reflect),
            _ => Err(format!("unknown padding `{s}` (known: constant, reflect)")),
        }
    }
}

/// Frequency of a bin of the spectrum, in Hz.
pub fn bin_frequency(bin: usize) -> f64 {
    bin as f64 * f64::from(SAMPLE_RATE) / N_FFT as f64
}

/// Frames of a centred analysis of `samples` samples: one per hop, and one for the start.
pub fn frame_count(samples: usize) -> usize {
    1 + samples / HOP_LENGTH
}

/// Position, in a signal of `len` samples mirrored without repeating its ends, that stands at `index`.
///
/// `len` must not be zero. Follows `numpy.pad(mode="reflect")`, also where the padding is longer than
/// the signal.
fn mirror(index: isize, len: usize) -> usize {
    if len == 1 {
        return 0;
    }
    let period = 2 * (len as isize - 1);
    let position = index.rem_euclid(period);
    position.min(period - position) as usize
}

/// Writes frame `frame` of the padded signal into `out`, which holds [`N_FFT`] samples.
pub(crate) fn fill_frame(signal: &[f32], frame: usize, pad: PadMode, out: &mut [f32]) {
    fill_around(signal, frame * HOP_LENGTH, pad, out);
}

/// Fills `out` with the padded signal around the sample at `centre`, which comes to stand at the middle of `out`.
pub(crate) fn fill_around(signal: &[f32], centre: usize, pad: PadMode, out: &mut [f32]) {
    let start = centre as isize - (out.len() / 2) as isize;
    let end = start + out.len() as isize;
    if start >= 0 && end <= signal.len() as isize {
        out.copy_from_slice(&signal[start as usize..end as usize]);
        return;
    }
    for (index, value) in (start..end).zip(out) {
        *value = match pad {
            PadMode::Constant => usize::try_from(index)
                .ok()
                .and_then(|i| signal.get(i))
                .copied()
                .unwrap_or(0.0),
            PadMode::Reflect => signal[mirror(index, signal.len())],
        };
    }
}

/// Whether a frame reaches beyond the signal, so that the padding matters.
pub(crate) fn touches_edge(samples: usize, frame: usize) -> bool {
    let centre = frame * HOP_LENGTH;
    centre < N_FFT / 2 || centre + N_FFT / 2 > samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirror_follows_numpy() {
        // numpy.pad([0, 1, 2], 5, mode="reflect")
        let expected = [1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1];
        let got: Vec<_> = (-5..8).map(|i| mirror(i, 3)).collect();
        assert_eq!(got, expected);
        assert_eq!(mirror(-7, 1), 0);
    }

    #[test]
    fn frames_are_centred_and_padded() {
        let signal: Vec<f32> = (0..5000).map(|i| i as f32).collect();
        let mut frame = vec![0.0; N_FFT];
        fill_frame(&signal, 0, PadMode::Constant, &mut frame);
        assert_eq!((frame[1023], frame[1024], frame[1025]), (0.0, 0.0, 1.0));
        fill_frame(&signal, 0, PadMode::Reflect, &mut frame);
        assert_eq!((frame[0], frame[1023], frame[1025]), (1024.0, 1.0, 1.0));
        fill_frame(&signal, 3, PadMode::Constant, &mut frame);
        assert_eq!((frame[0], frame[2047]), (512.0, 2559.0));
        assert!(!touches_edge(5000, 3));
        assert!(touches_edge(5000, 8));
        assert_eq!(frame_count(5000), 10);
    }
}
