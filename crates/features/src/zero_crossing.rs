//! Zero-crossing rate: how often the waveform changes sign.
//!
//! Share of the 2048 samples of a frame whose sign differs from the sample before them in that frame; values within 1e-10 of
//! zero count as positive. Edges repeat the first and last sample, whatever the padding of the spectra. Unit: none, 0 to 1.
//! Shape: one value per frame. Source: `librosa.feature.zero_crossing_rate`.

use crate::grid::{HOP_LENGTH, N_FFT, frame_count};

/// Values this close to zero have no sign.
const THRESHOLD: f32 = 1e-10;

/// One value per frame. The signal must not be empty.
pub(crate) fn zero_crossing_rate(signal: &[f32]) -> Vec<f32> {
    // crossings[i] counts the sign changes into samples 1..=i, so that a frame costs one subtraction.
    let mut crossings = Vec::with_capacity(signal.len());
    let mut count = 0u32;
    let mut negative = signal[0] < -THRESHOLD;
    for &value in signal {
        let now = value < -THRESHOLD;
        count += u32::from(now != negative);
        negative = now;
        crossings.push(count);
    }
    let last = signal.len() - 1;
    (0..frame_count(signal.len()))
        .map(|t| {
            let start = t * HOP_LENGTH;
            // A frame holds samples start - 1024 .. start + 1024; its first sample has none before it.
            let first = start.saturating_sub(N_FFT / 2).min(last);
            let end = (start + N_FFT / 2 - 1).min(last);
            (crossings[end] - crossings[first]) as f32 / N_FFT as f32
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_sign_changes() {
        let alternating: Vec<f32> = (0..8192).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
        let rates = zero_crossing_rate(&alternating);
        assert_eq!(rates.len(), 17);
        assert_eq!(rates[8], 2047.0 / 2048.0);
        assert_eq!(rates[0], 1023.0 / 2048.0);
        assert!(zero_crossing_rate(&[0.0; 100]).iter().all(|&r| r == 0.0));
        assert_eq!(zero_crossing_rate(&[1e-11, -1e-11]), [0.0]);
    }
}
