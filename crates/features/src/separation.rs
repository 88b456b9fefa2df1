//! Harmonic and percussive parts of a clip, by median filtering of its spectrogram.
//!
//! `H` is the median of the magnitude over 31 frames (sustained sound), `P` over 31 bins (clicks). The mask `H^2 / (H^2 + P^2)`, one half
//! where both are zero, goes onto the transform, which goes back to a waveform: the harmonic part. The two masks sum to
//! one, so the percussive part is what is left of the signal, and only one inverse transform is needed.
//! Unit: that of the samples. Shape: one value per sample each. Source: D. FitzGerald, *Harmonic/percussive separation using median
//! filtering*, DAFx 2010; `librosa.effects.hpss` (`kernel_size=31, power=2, margin=1`).

use realfft::num_complex::Complex32;

/// Multiplies a spectrum by the harmonic mask.
#[inline(always)]
pub(crate) fn apply_harmonic_mask(spectrum: &mut [Complex32], harmonic: &[f32], percussive: &[f32]) {
    for ((value, &h), &p) in spectrum.iter_mut().zip(harmonic).zip(percussive) {
        let larger = if h > p { h } else { p };
        let scale = 1.0 / if larger < f32::MIN_POSITIVE { 1.0 } else { larger };
        let (h, p) = (h * scale, p * scale);
        let (hh, pp) = (h * h, p * p);
        let mask = if larger < f32::MIN_POSITIVE {
            0.5
        } else {
            hh / (hh + pp)
        };
        value.re *= mask;
        value.im *= mask;
    }
}
