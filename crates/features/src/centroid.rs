//! Spectral centroid: where the spectrum balances.
//!
//! `sum_k f[k] S[k] / sum_k S[k]`, `S` the magnitude spectrum; 0 for silence. Unit: Hz, 0 to the Nyquist frequency.
//! Shape: one value per frame. Source: `librosa.feature.spectral_centroid`.

use crate::simd;

/// Centroid in Hz of one magnitude spectrum whose sum is `total`.
#[inline(always)]
pub(crate) fn spectral_centroid(magnitude: &[f32], frequencies: &[f32], total: f32) -> f32 {
    if total < f32::MIN_POSITIVE {
        0.0
    } else {
        simd::dot(magnitude, frequencies) / total
    }
}
