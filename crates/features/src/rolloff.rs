//! Spectral roll-off: the frequency below which most of the magnitude lies.
//!
//! The lowest `f[k]` with `sum_{j <= k} S[j] >= 0.85 sum_j S[j]`, `S` the magnitude spectrum; 0 for silence.
//! Unit: Hz. Shape: one value per frame. Source: `librosa.feature.spectral_rolloff` (`roll_percent=0.85`).

use crate::grid::bin_frequency;

/// Share of the magnitude below the roll-off.
const ROLL_PERCENT: f32 = 0.85;

/// Roll-off in Hz of one magnitude spectrum.
///
/// The running sum is taken in the order and precision of numpy's, for the bin depends on both.
#[inline(always)]
pub(crate) fn spectral_rolloff(magnitude: &[f32], cumulative: &mut [f32]) -> f32 {
    let mut sum = 0.0f32;
    for (total, value) in cumulative.iter_mut().zip(magnitude) {
        sum += value;
        *total = sum;
    }
    let threshold = ROLL_PERCENT * sum;
    let bin = cumulative[..magnitude.len()].partition_point(|&total| total < threshold);
    bin_frequency(bin) as f32
}
