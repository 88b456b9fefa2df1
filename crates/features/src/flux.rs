//! Spectral flux: how much the shape of the spectrum changes from one frame to the next.
//!
//! `sum_k (N_t[k] - N_{t-1}[k])^2`, `N` the magnitude spectrum divided by its sum (silence stays zero); 0 at the first frame.
//! Unit: none. Shape: one value per frame. Source: T. Giannakopoulos and A. Pikrakis, *Introduction to Audio Analysis* (2014),
//! section 4.4. The reference's `flux` column is librosa's onset strength instead, which is in `onset.rs`.

use crate::simd;

/// Flux from one magnitude spectrum to the next, with the sum of each.
#[inline(always)]
pub(crate) fn spectral_flux(
    previous: &[f32],
    previous_total: f32,
    current: &[f32],
    current_total: f32,
) -> f32 {
    let scale = |total: f32| {
        if total < f32::MIN_POSITIVE {
            0.0
        } else {
            1.0 / total
        }
    };
    simd::scaled_distance(current, scale(current_total), previous, scale(previous_total))
}
