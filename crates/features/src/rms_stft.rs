//! Root mean square of a windowed frame, from its spectrum.
//!
//! `sqrt(2 sum_k P[k]) / N` with the first and the last bin at half their power: by Parseval's theorem the root mean square of the 2048 samples
//! under their Hann window, without correction for the window. Unit: that of the samples. Shape: one value per frame.
//! Source: `librosa.feature.rms(S=|X|)`.

use crate::grid::{N_BINS, N_FFT};
use crate::simd;

/// Of one magnitude spectrum.
#[inline(always)]
pub(crate) fn rms_stft(magnitude: &[f32]) -> f32 {
    let ends = magnitude[0] * magnitude[0] + magnitude[N_BINS - 1] * magnitude[N_BINS - 1];
    let power = simd::sum_of_squares(&magnitude[..N_BINS]) - 0.5 * ends;
    (2.0 * power.max(0.0)).sqrt() / N_FFT as f32
}
