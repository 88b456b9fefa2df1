//! Mel spectrogram: power in bands spaced evenly on Slaney's mel scale.
//!
//! `M[b] = sum_k W[b, k] |X[k]|^2`, `W` being triangles between neighbouring centre frequencies, each scaled to
//! unit area in Hz. Unit: power. Shape: 128 bands per frame. Source: M. Slaney, *Auditory Toolbox* (1998);
//! `librosa.feature.melspectrogram` (`n_mels=128, htk=False, norm="slaney", power=2`).

use crate::simd;

/// Bands in melisma's mel spectrograms.
pub const N_MELS: usize = 128;

/// Frequency in Hz of a value on Slaney's mel scale: linear to 1 kHz, logarithmic above.
pub fn mel_to_hz(mel: f64) -> f64 {
    if mel >= BREAK_MEL {
        BREAK_HZ * (LOG_STEP * (mel - BREAK_MEL)).exp()
    } else {
        mel * LINEAR_STEP
    }
}

/// Value on Slaney's mel scale of a frequency in Hz.
pub fn hz_to_mel(hz: f64) -> f64 {
    if hz >= BREAK_HZ {
        BREAK_MEL + (hz / BREAK_HZ).ln() / LOG_STEP
    } else {
        hz / LINEAR_STEP
    }
}

const LINEAR_STEP: f64 = 200.0 / 3.0;
const BREAK_HZ: f64 = 1000.0;
const BREAK_MEL: f64 = BREAK_HZ / LINEAR_STEP;
/// Natural logarithm of 6.4, over 27.
const LOG_STEP: f64 = 0.068_751_777_420_949_12;

/// The triangles, each kept from its first to its last bin that is not zero.
#[derive(Debug, Clone)]
pub struct MelBank {
    bands: Vec<Band>,
}

#[derive(Debug, Clone)]
struct Band {
    first: usize,
    weights: Vec<f32>,
}

impl MelBank {
    /// A bank of `n_mels` bands between `f_min` and `f_max` Hz for spectra of `n_fft / 2 + 1` bins.
    pub fn new(sample_rate: u32, n_fft: usize, n_mels: usize, f_min: f64, f_max: f64) -> Self {
        let (low, high) = (hz_to_mel(f_min), hz_to_mel(f_max));
        let step = (high - low) / (n_mels + 1) as f64;
        let edges: Vec<f64> = (0..n_mels + 2)
            .map(|i| {
                mel_to_hz(if i == n_mels + 1 {
                    high
                } else {
                    low + step * i as f64
                })
            })
            .collect();
        let bin_hz = f64::from(sample_rate) / n_fft as f64;
        let bands = edges
            .windows(3)
            .map(|e| {
                let weights: Vec<f32> = (0..=n_fft / 2)
                    .map(|bin| {
                        let hz = bin as f64 * bin_hz;
                        let rise = (hz - e[0]) / (e[1] - e[0]);
                        let fall = (e[2] - hz) / (e[2] - e[1]);
                        // Rounded to f32 before it is scaled, as librosa does.
                        let triangle = rise.min(fall).max(0.0) as f32;
                        (f64::from(triangle) * (2.0 / (e[2] - e[0]))) as f32
                    })
                    .collect();
                let first = weights.iter().position(|&w| w > 0.0).unwrap_or(0);
                let last = weights.iter().rposition(|&w| w > 0.0).map_or(first, |i| i + 1);
                Band {
                    first,
                    weights: weights[first..last].to_vec(),
                }
            })
            .collect();
        MelBank { bands }
    }

    /// Writes the power in each band; `power` is one frame's power spectrum.
    #[inline(always)]
    pub(crate) fn apply(&self, power: &[f32], out: &mut [f32]) {
        for (band, value) in self.bands.iter().zip(out) {
            *value = simd::dot(&band.weights, &power[band.first..band.first + band.weights.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_inverts() {
        for hz in [0.0, 440.0, 999.0, 1000.0, 4321.0, 11025.0] {
            assert!((mel_to_hz(hz_to_mel(hz)) - hz).abs() < 1e-9 * (1.0 + hz));
        }
        // librosa.hz_to_mel([60, 4000])
        assert!((hz_to_mel(60.0) - 0.9).abs() < 1e-12);
        assert!((hz_to_mel(4000.0) - 35.163_760_3).abs() < 1e-6);
    }

    #[test]
    fn bands_have_unit_area() {
        let bank = MelBank::new(22_050, 2048, N_MELS, 0.0, 11_025.0);
        let bin_hz = 22_050.0 / 2048.0;
        for band in &bank.bands[20..] {
            let area: f64 = band.weights.iter().map(|&w| f64::from(w) * bin_hz).sum();
            assert!((area - 1.0).abs() < 0.15, "{area}");
        }
    }
}
