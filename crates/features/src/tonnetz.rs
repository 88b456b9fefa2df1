//! Tonal centroids: where a frame's chroma lies on the circles of fifths, minor thirds and major thirds.
//!
//! `T[2 i] = r_i sum_c sin(pi a_i c) p[c]` and `T[2 i + 1] = r_i sum_c cos(pi a_i c) p[c]` with `a = 7/6, 3/2, 2/3`, `r = 1, 1, 1/2` and
//! `p` the chroma divided by its sum. Unit: none, -1 to 1. Shape: 6 per frame. Source: C. Harte, M. Sandler and M. Gasser,
//! *Detecting harmonic change in musical audio*, ACM AMCMM 2006; `librosa.feature.tonnetz` of `chroma_cens`, as FMA's features are made
//! (librosa's default is of `chroma_cqt`).

use std::f64::consts::PI;

use crate::chroma::N_CHROMA;

/// Values per frame.
pub const N_TONNETZ: usize = 6;
/// Angle of a semitone on each circle, in units of pi, and the circle's radius.
const CIRCLES: [(f64, f64); 3] = [(7.0 / 6.0, 1.0), (3.0 / 2.0, 1.0), (2.0 / 3.0, 0.5)];

/// Six values per frame, of twelve non-negative values each; zeros for silence.
pub(crate) fn tonnetz(chroma: &[f32]) -> Vec<f32> {
    let axes = axes();
    let mut out = Vec::with_capacity(chroma.len() / N_CHROMA * N_TONNETZ);
    for frame in chroma.chunks_exact(N_CHROMA) {
        let sum: f64 = frame.iter().copied().map(f64::from).sum();
        let norm = if sum >= f64::from(f32::MIN_POSITIVE) {
            sum
        } else {
            1.0
        };
        for axis in &axes {
            let products = axis.iter().zip(frame).map(|(a, &v)| a * f64::from(v));
            out.push((products.sum::<f64>() / norm) as f32);
        }
    }
    out
}

fn axes() -> [[f64; N_CHROMA]; N_TONNETZ] {
    std::array::from_fn(|i| {
        let (angle, radius) = CIRCLES[i / 2];
        std::array::from_fn(|class| {
            let (sin, cos) = (PI * angle * class as f64).sin_cos();
            radius * if i % 2 == 0 { sin } else { cos }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifth_turns_the_first_circle_by_a_twelfth() {
        let tone = |class: usize| {
            let mut chroma = [0.0; N_CHROMA];
            chroma[class] = 0.7;
            tonnetz(&chroma)
        };
        let (c, g) = (tone(0), tone(7));
        let want = [0.0, 1.0, 0.0, 1.0, 0.0, 0.5];
        assert!(c.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-6), "{c:?}");
        let turn = f32::atan2(g[0], g[1]).rem_euclid(2.0 * std::f32::consts::PI);
        assert!((turn - std::f32::consts::PI / 6.0).abs() < 1e-5, "{turn}");
        assert_eq!(tonnetz(&[0.0; N_CHROMA]), [0.0; N_TONNETZ]);
    }
}
