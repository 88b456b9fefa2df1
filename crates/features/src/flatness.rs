//! Spectral flatness: how noise-like a spectrum is.
//!
//! Geometric over arithmetic mean of the power spectrum, powers below 1e-10 raised to that. Unit: none, 0 (a tone) to
//! 1 (white noise, and silence). Shape: one value per frame. Source: `librosa.feature.spectral_flatness`.

use crate::decibel::AMIN;
use crate::simd::LANES;

/// Flatness of one power spectrum.
///
/// Eight powers are multiplied before one logarithm is taken: between 1e-10 and 1e30 each, their product fits an `f64`.
#[inline(always)]
pub(crate) fn spectral_flatness(power: &[f32]) -> f32 {
    let mut logs = 0.0f64;
    let mut sums = [0.0f64; LANES];
    let blocks = power.chunks_exact(LANES * LANES);
    let rest = blocks.remainder();
    for block in blocks {
        let mut products = [1.0f64; LANES];
        for row in block.chunks_exact(LANES) {
            for lane in 0..LANES {
                let value = f64::from(if row[lane] > AMIN { row[lane] } else { AMIN });
                products[lane] *= value;
                sums[lane] += value;
            }
        }
        logs += products.iter().map(|p| p.ln()).sum::<f64>();
    }
    let mut sum: f64 = sums.iter().sum();
    for &value in rest {
        let value = f64::from(value.max(AMIN));
        logs += value.ln();
        sum += value;
    }
    let count = power.len() as f64;
    ((logs / count).exp() / (sum / count)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_is_one_and_a_tone_is_near_zero() {
        assert!((spectral_flatness(&[3.0; 1025]) - 1.0).abs() < 1e-6);
        assert!((spectral_flatness(&[0.0; 1025]) - 1.0).abs() < 1e-6);
        let mut tone = [0.0; 1025];
        tone[40] = 1e5;
        assert!(spectral_flatness(&tone) < 1e-10);
        assert!((spectral_flatness(&[1e30; 1025]) - 1.0).abs() < 1e-5);
    }
}
