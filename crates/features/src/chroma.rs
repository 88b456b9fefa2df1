//! Chroma: spectral energy folded to the twelve pitch classes, C first.
//!
//! `K[c] = sum_k W[c, k] |X[k]|^2`, divided by the largest of the twelve. `W` are Gaussian bumps about each pitch class,
//! two wide at half a semitone, of unit Euclidean norm per bin, weighted towards 880 Hz (deviation two octaves) and shifted by the clip's
//! tuning. Unit: none, 0 to 1. Shape: 12 per frame. Source: D. Ellis, *Chroma feature analysis and synthesis* (2007);
//! `librosa.feature.chroma_stft`, `librosa.filters.chroma`.

use crate::grid::{N_BINS, N_FFT, SAMPLE_RATE};
use crate::simd;

/// Pitch classes.
pub const N_CHROMA: usize = 12;
/// Octave, counted from A0, at which the weight is largest.
const CENTRE_OCTAVE: f64 = 5.0;
/// Deviation of the weight, in octaves.
const OCTAVE_WIDTH: f64 = 2.0;

/// Weights that fold spectra to pitch classes.
#[derive(Debug, Clone)]
pub(crate) struct ChromaBank {
    rows: Vec<f32>,
}

impl ChromaBank {
    /// For a tuning in semitones.
    pub(crate) fn new(tuning: f64) -> Self {
        let classes = N_CHROMA as f64;
        let a0 = 440.0 * f64::powf(2.0, tuning / classes) / 16.0;
        let pitch = |bin: usize| {
            let hz = bin as f64 * f64::from(SAMPLE_RATE) / N_FFT as f64;
            classes * (hz / a0).log2()
        };
        // The bin at 0 Hz has no pitch: it gets one an octave and a half below the next.
        let pitches: Vec<f64> = (0..=N_BINS)
            .map(|bin| {
                if bin == 0 {
                    pitch(1) - 1.5 * classes
                } else {
                    pitch(bin)
                }
            })
            .collect();
        let mut rows = vec![0.0; N_CHROMA * N_BINS];
        for bin in 0..N_BINS {
            let width = (pitches[bin + 1] - pitches[bin]).max(1.0);
            let bumps: [f64; N_CHROMA] = std::array::from_fn(|class| {
                let half = classes / 2.0;
                let distance =
                    (pitches[bin] - class as f64 + half + 10.0 * classes).rem_euclid(classes) - half;
                (-0.5 * (2.0 * distance / width).powi(2)).exp()
            });
            let norm = bumps.iter().map(|b| b * b).sum::<f64>().sqrt();
            let octave = (pitches[bin] / classes - CENTRE_OCTAVE) / OCTAVE_WIDTH;
            let weight = (-0.5 * octave.powi(2)).exp() / norm;
            for (class, bump) in bumps.iter().enumerate() {
                // Pitches are counted from A; C is three semitones above it.
                let row = (class + N_CHROMA - 3) % N_CHROMA;
                rows[row * N_BINS + bin] = (bump * weight) as f32;
            }
        }
        ChromaBank { rows }
    }

    /// Writes twelve values for one power spectrum.
    #[inline(always)]
    pub(crate) fn apply(&self, power: &[f32], out: &mut [f32]) {
        for (row, value) in self.rows.chunks_exact(N_BINS).zip(out.iter_mut()) {
            *value = simd::dot(row, power);
        }
        let largest = out.iter().copied().fold(0.0, f32::max);
        if largest >= f32::MIN_POSITIVE {
            for value in out {
                *value /= largest;
            }
        }
    }
}
