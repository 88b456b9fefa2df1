//! Mel-frequency cepstral coefficients: the shape of the mel spectrum in dB.
//!
//! `C[i] = s_i sum_b L[b] cos(pi i (2 b + 1) / 2 B)`, the orthonormal DCT-II of the `B = 128` mel bands `L` in dB,
//! `s_0 = sqrt(1 / B)`, `s_i = sqrt(2 / B)`. Unit: dB. Shape: 20 coefficients per frame. Source: S. Davis and
//! P. Mermelstein, *IEEE Trans. ASSP* 28 (1980); `librosa.feature.mfcc` (`n_mfcc=20`).

use crate::mel::N_MELS;
use crate::simd::{self, vectorise};

/// Coefficients that are kept.
pub const N_MFCC: usize = 20;

/// The first rows of the orthonormal DCT-II.
#[derive(Debug, Clone)]
pub(crate) struct Dct {
    rows: Vec<f32>,
}

impl Dct {
    pub(crate) fn new() -> Self {
        let size = N_MELS as f64;
        let rows = (0..N_MFCC * N_MELS)
            .map(|i| {
                let (coefficient, band) = ((i / N_MELS) as f64, (i % N_MELS) as f64);
                let scale = if coefficient == 0.0 {
                    1.0 / size
                } else {
                    2.0 / size
                };
                let angle = std::f64::consts::PI * coefficient * (2.0 * band + 1.0) / (2.0 * size);
                (scale.sqrt() * angle.cos()) as f32
            })
            .collect();
        Dct { rows }
    }

    /// Writes 20 coefficients per frame; `mel_db` holds 128 values per frame, in dB with limited range.
    pub(crate) fn apply(&self, arch: pulp::Arch, mel_db: &[f32], out: &mut [f32]) {
        vectorise!(arch, {
            for (bands, coefficients) in mel_db.chunks_exact(N_MELS).zip(out.chunks_exact_mut(N_MFCC)) {
                for (row, value) in self.rows.chunks_exact(N_MELS).zip(coefficients) {
                    *value = simd::dot(row, bands);
                }
            }
        });
    }
}
