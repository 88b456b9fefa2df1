//! Spectral bandwidth: how far the spectrum spreads about its centroid.
//!
//! `sqrt(sum_k (f[k] - c)^2 S[k] / sum_k S[k])`, `S` the magnitude spectrum and `c` its centroid; 0 for silence.
//! Unit: Hz. Shape: one value per frame. Source: `librosa.feature.spectral_bandwidth` (`p=2, norm=True`).

use crate::simd;

/// Bandwidth in Hz of one magnitude spectrum whose sum is `total`.
#[inline(always)]
pub(crate) fn spectral_bandwidth(magnitude: &[f32], frequencies: &[f32], centroid: f32, total: f32) -> f32 {
    if total < f32::MIN_POSITIVE {
        0.0
    } else {
        (simd::weighted_deviation(magnitude, frequencies, centroid) / total).sqrt()
    }
}
