//! Chroma energy normalised statistics: coarse chroma, smoothed over a second, that outlast dynamics and ornament.
//!
//! The folded constant-Q magnitudes are divided by their sum; each pitch class then counts how many of 0.05, 0.1, 0.2 and 0.4 it exceeds, in quarters;
//! the counts are smoothed over 41 frames under a Hann window and divided by their Euclidean norm. Unit: none, 0 to 1. Shape: 12 per frame.
//! Source: M. Mueller and S. Ewert, *Chroma Toolbox*, ISMIR 2011; `librosa.feature.chroma_cens` with `bins_per_octave=12`, where librosa's
//! default is 36.
//!
//! A share that lies on a step within the rounding of single precision can fall on either side of it, here or in librosa.

use crate::chroma::N_CHROMA;
use crate::chroma_cqt::divide;

const QUANTISATION: [f32; 4] = [0.05, 0.1, 0.2, 0.4];
/// Frames on either side of the smoothing window's centre.
const REACH: usize = 20;

/// Twelve values per frame, of the sums of [`fold`](crate::chroma_cqt::fold).
pub(crate) fn chroma_cens(mut folded: Vec<f32>) -> Vec<f32> {
    for frame in folded.chunks_exact_mut(N_CHROMA) {
        divide(frame, frame.iter().copied().map(f64::from).sum());
        for value in frame {
            *value = QUANTISATION.iter().filter(|&step| *value > *step).count() as f32 / 4.0;
        }
    }
    let mut smooth = smoothed(&folded);
    for frame in smooth.chunks_exact_mut(N_CHROMA) {
        divide(
            frame,
            frame.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt(),
        );
    }
    smooth
}

/// Every row convolved with the window, zeros standing beyond its ends.
fn smoothed(values: &[f32]) -> Vec<f32> {
    let window = window();
    let frames = values.len() / N_CHROMA;
    let mut out = Vec::with_capacity(values.len());
    for frame in 0..frames {
        let mut sums = [0.0f64; N_CHROMA];
        let (from, to) = (frame.saturating_sub(REACH), (frame + REACH + 1).min(frames));
        let weights = &window[from + REACH - frame..];
        for (neighbour, weight) in values[from * N_CHROMA..to * N_CHROMA]
            .chunks_exact(N_CHROMA)
            .zip(weights)
        {
            for (sum, &value) in sums.iter_mut().zip(neighbour) {
                *sum += weight * f64::from(value);
            }
        }
        out.extend(sums.map(|sum| sum as f32));
    }
    out
}

/// A symmetric Hann window without the zeros at its ends, of unit sum.
fn window() -> [f64; 2 * REACH + 1] {
    let step = std::f64::consts::PI / (REACH + 1) as f64;
    // The sum of the raised cosines is half their period.
    std::array::from_fn(|i| (0.5 - 0.5 * (step * (i + 1) as f64).cos()) / (REACH + 1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_symmetric_and_sums_to_one() {
        let window = window();
        assert!((window.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        for i in 0..REACH {
            assert!((window[i] - window[2 * REACH - i]).abs() < 1e-15);
        }
    }

    #[test]
    fn shares_are_quantised_smoothed_and_normalised() {
        // One frame of 50 classes' worth: 45 %, 25 %, 15 %, 8 %, 5 % (which does not exceed its step), 2 %.
        let mut folded = vec![0.0; 100 * N_CHROMA];
        folded[50 * N_CHROMA..50 * N_CHROMA + 6].copy_from_slice(&[45.0, 25.0, 15.0, 8.0, 5.0, 2.0]);
        let cens = chroma_cens(folded);
        let norm = f32::sqrt(16.0 + 9.0 + 4.0 + 1.0);
        for frame in 0..100 {
            let values = &cens[frame * N_CHROMA..frame * N_CHROMA + 6];
            let near = frame.abs_diff(50) <= REACH;
            for (value, quarters) in values.iter().zip([4.0, 3.0, 2.0, 1.0, 0.0, 0.0]) {
                let want = if near { quarters / norm } else { 0.0 };
                assert!((value - want).abs() < 1e-6, "frame {frame}: {value}, not {want}");
            }
        }
    }
}
