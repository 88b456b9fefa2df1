//! Tuning: how far a clip's pitches lie from the equal-tempered scale on A440.
//!
//! Peaks of each spectrum between 150 and 4000 Hz that exceed a tenth of its maximum are refined by a parabola;
//! of the stronger half of all peaks, the commonest deviation from a semitone, in steps of 0.01, is the tuning.
//! Unit: semitones, -0.5 to 0.49; 0 where there is no peak. Shape: one value per clip.
//! Source: `librosa.estimate_tuning`, with `librosa.piptrack` on the power spectrum as `chroma_stft` calls it, or on the magnitude as `cqt` does.

use std::ops::Range;

use crate::grid::{N_BINS, N_FFT, SAMPLE_RATE, bin_frequency};
use crate::simd;

const F_MIN: f64 = 150.0;
const F_MAX: f64 = 4000.0;
/// Share of a frame's maximum that a peak must exceed.
const THRESHOLD: f32 = 0.1;
/// Steps per semitone of the histogram.
pub(crate) const STEPS: usize = 100;
/// Frequency of A0, from which octaves are counted.
const A0: f32 = 27.5;

/// Peaks of successive spectra.
#[derive(Debug, Clone)]
pub(crate) struct Peaks {
    bins: Range<usize>,
    /// Frequency in Hz and height of each peak.
    peaks: Vec<(f32, f32)>,
}

impl Peaks {
    pub(crate) fn new() -> Self {
        let first = (0..N_BINS).find(|&b| bin_frequency(b) >= F_MIN).unwrap_or(1);
        let end = (0..N_BINS)
            .find(|&b| bin_frequency(b) >= F_MAX)
            .unwrap_or(N_BINS - 1);
        Peaks {
            bins: first..end,
            peaks: Vec::new(),
        }
    }

    pub(crate) fn clear(&mut self) {
        self.peaks.clear();
    }

    /// Adds the peaks of one spectrum.
    #[inline(always)]
    pub(crate) fn add(&mut self, spectrum: &[f32]) {
        let floor = THRESHOLD * simd::max_non_negative(spectrum);
        let above = |value: f32| if value > floor { value } else { 0.0 };
        for bin in self.bins.clone() {
            let here = spectrum[bin];
            if here <= floor || here <= above(spectrum[bin - 1]) || here < above(spectrum[bin + 1]) {
                continue;
            }
            let slope = (spectrum[bin + 1] - spectrum[bin - 1]) / 2.0;
            let curve = spectrum[bin + 1] + spectrum[bin - 1] - 2.0 * here;
            let shift = if slope.abs() >= curve.abs() {
                0.0
            } else {
                -slope / curve
            };
            let hz = (bin as f64 + f64::from(shift)) * f64::from(SAMPLE_RATE) / N_FFT as f64;
            self.peaks.push((hz as f32, here + 0.5 * slope * shift));
        }
    }

    /// The tuning as a step of the histogram, 0 standing for -0.5 and [`STEPS`] - 1 for 0.49.
    pub(crate) fn tuning_step(&self) -> usize {
        let mut powers: Vec<f32> = self.peaks.iter().map(|&(_, power)| power).collect();
        if powers.is_empty() {
            return STEPS / 2;
        }
        let middle = powers.len() / 2;
        let even = powers.len().is_multiple_of(2);
        let (below, &mut upper, _) = powers.select_nth_unstable_by(middle, f32::total_cmp);
        let median = if even {
            let lower = below.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            (lower + upper) / 2.0
        } else {
            upper
        };
        let mut counts = [0u32; STEPS];
        for &(hz, power) in &self.peaks {
            if power >= median {
                counts[step_of(residual(hz))] += 1;
            }
        }
        // The first of the largest, as numpy.argmax.
        let largest = counts.iter().copied().max().unwrap_or(0);
        counts.iter().position(|&c| c == largest).unwrap_or(STEPS / 2)
    }
}

/// Deviation from the nearest semitone, -0.5 to 0.5, in the precision librosa computes it.
fn residual(hz: f32) -> f32 {
    let residual = (12.0 * (hz / A0).log2()).rem_euclid(1.0);
    if residual >= 0.5 { residual - 1.0 } else { residual }
}

/// Tuning in semitones of a step of the histogram: the step's lower edge, as `numpy.linspace(-0.5, 0.5, 101)` has it.
pub(crate) fn tuning_of_step(step: usize) -> f64 {
    -0.5 + step as f64 * (1.0 / STEPS as f64)
}

fn step_of(residual: f32) -> usize {
    let value = f64::from(residual);
    let guess = ((value + 0.5) * STEPS as f64).clamp(0.0, (STEPS - 1) as f64) as usize;
    // The guess can miss by one where the edge is not a binary fraction.
    if guess > 0 && value < tuning_of_step(guess) {
        guess - 1
    } else if guess + 1 < STEPS && value >= tuning_of_step(guess + 1) {
        guess + 1
    } else {
        guess
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detuned_scale_is_found() {
        for cents in [-40i32, -10, 0, 25] {
            let mut peaks = Peaks::new();
            for octave in 0..3 {
                let hz = 220.0 * f64::powi(2.0, octave) * f64::powf(2.0, f64::from(cents) / 1200.0);
                let bin = hz * N_FFT as f64 / f64::from(SAMPLE_RATE);
                // A parabola with its top at the wanted frequency.
                let power: Vec<f32> = (0..N_BINS)
                    .map(|b| (100.0 - (b as f64 - bin).powi(2)).max(0.0) as f32)
                    .collect();
                peaks.add(&power);
            }
            let got = tuning_of_step(peaks.tuning_step());
            assert!((got - f64::from(cents) / 100.0).abs() <= 0.0101, "{cents}: {got}");
        }
    }

    #[test]
    fn silence_is_in_tune() {
        let mut peaks = Peaks::new();
        peaks.add(&[0.0; N_BINS]);
        assert_eq!(tuning_of_step(peaks.tuning_step()), 0.0);
    }
}
