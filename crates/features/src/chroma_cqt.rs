//! Constant-Q chroma: the semitones of seven octaves folded to the twelve pitch classes, C first.
//!
//! `K[c] = sum_o C[12 o + c]`, the sum over octaves of the constant-Q magnitudes, divided by the largest of the twelve. Unit: none, 0 to 1.
//! Shape: 12 per frame. Source: `librosa.feature.chroma_cqt` with `bins_per_octave=12`, where librosa's default is 36.

use crate::chroma::N_CHROMA;
use crate::cqt::N_CQT;

/// Twelve sums over octaves per frame, of [`N_CQT`] magnitudes each.
pub(crate) fn fold(cqt: &[f32]) -> Vec<f32> {
    let mut chroma = Vec::with_capacity(cqt.len() / N_CQT * N_CHROMA);
    for semitones in cqt.chunks_exact(N_CQT) {
        chroma.extend((0..N_CHROMA).map(|class| semitones.iter().skip(class).step_by(N_CHROMA).sum::<f32>()));
    }
    chroma
}

/// Divides the twelve values of each frame by the largest of them.
pub(crate) fn chroma_cqt(mut folded: Vec<f32>) -> Vec<f32> {
    for frame in folded.chunks_exact_mut(N_CHROMA) {
        divide(frame, frame.iter().copied().fold(0.0, f32::max).into());
    }
    folded
}

/// Divides by a norm, unless it is as good as zero.
pub(crate) fn divide(values: &mut [f32], norm: f64) {
    if norm >= f64::from(f32::MIN_POSITIVE) {
        for value in values {
            *value = (f64::from(*value) / norm) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octaves_fold_and_silence_stays() {
        let mut cqt = vec![0.0; 2 * N_CQT];
        for (semitone, value) in [(0, 1.0), (12, 1.0), (9, 0.5), (83, 0.25)] {
            cqt[semitone] = value;
        }
        let chroma = chroma_cqt(fold(&cqt));
        assert_eq!((chroma[0], chroma[9], chroma[11]), (1.0, 0.25, 0.125));
        assert_eq!(chroma.iter().sum::<f32>(), 1.375);
    }
}
