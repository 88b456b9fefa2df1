//! Onset strength: how much louder the mel bands are than one frame before.
//!
//! `O[t] = mean_b max(0, L[b, t'] - L[b, t' - 1])`, `L` the mel spectrogram in dB (128 bands, range 80 dB) and `t' = t - 2`, two frames
//! being half a transform; 0 where there is no frame before. Unit: dB. Shape: one value per frame. Frames are always padded with zeros.
//! Source: S. Boeck and G. Widmer, *Maximum filter vibrato suppression for onset detection*, DAFx 2013;
//! `librosa.onset.onset_strength` with its defaults.

use crate::grid::{HOP_LENGTH, N_FFT};
use crate::mel::N_MELS;
use crate::simd::{LANES, vectorise};

/// One value per frame; `mel_db` holds 128 values per frame, in dB with limited range.
pub(crate) fn onset_strength(arch: pulp::Arch, mel_db: &[f32]) -> Vec<f32> {
    let frames = mel_db.len() / N_MELS;
    let mut strength = vec![0.0; frames];
    let shift = N_FFT / (2 * HOP_LENGTH) + 1;
    let pairs = mel_db
        .chunks_exact(N_MELS)
        .zip(mel_db.chunks_exact(N_MELS).skip(1));
    vectorise!(arch, {
        for (value, (before, now)) in strength.iter_mut().skip(shift).zip(pairs) {
            *value = rise(before, now) / N_MELS as f32;
        }
    });
    strength
}

#[inline(always)]
fn rise(before: &[f32], now: &[f32]) -> f32 {
    let mut sums = [0.0f32; LANES];
    for (b, n) in before.chunks_exact(LANES).zip(now.chunks_exact(LANES)) {
        for lane in 0..LANES {
            let d = n[lane] - b[lane];
            sums[lane] += if d > 0.0 { d } else { 0.0 };
        }
    }
    sums.iter().sum()
}
