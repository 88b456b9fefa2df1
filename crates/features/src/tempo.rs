//! Global tempo of a clip.
//!
//! The lag `l` that maximises `ln(1 + 1e6 T[l]) - (log2 b(l) - log2 120)^2 / 2`, `T` the tempogram over 8 seconds averaged over the
//! clip, `b(l) = 60 * 22050 / (512 l)` the tempo of a lag, below 320. Unit: beats per minute. Shape: one value per clip; 117.45 for silence.
//! Source: D. Ellis, *Beat tracking by dynamic programming*, J. New Music Research 36 (2007); `librosa.feature.tempo` with its defaults.

use crate::grid::{HOP_LENGTH, SAMPLE_RATE};

/// Frames in the 8 seconds over which onsets are compared with themselves.
pub(crate) const WIN_LENGTH: usize = 8 * SAMPLE_RATE as usize / HOP_LENGTH;
const START_BPM: f64 = 120.0;
const MAX_TEMPO: f64 = 320.0;

/// Tempo in beats per minute of a lag of the tempogram, which must not be 0.
pub fn tempo_of_lag(lag: usize) -> f64 {
    60.0 * f64::from(SAMPLE_RATE) / (HOP_LENGTH * lag) as f64
}

/// Tempo of a clip from its mean tempogram.
pub(crate) fn tempo(mean_tempogram: &[f32]) -> f64 {
    let score = |lag: usize| {
        let octaves = tempo_of_lag(lag).log2() - START_BPM.log2();
        (1e6 * f64::from(mean_tempogram[lag]).max(0.0)).ln_1p() - 0.5 * octaves * octaves
    };
    let best = (1..mean_tempogram.len())
        .filter(|&lag| tempo_of_lag(lag) < MAX_TEMPO)
        .map(|lag| (lag, score(lag)))
        // The first of the largest, as numpy.argmax.
        .fold(None, |best: Option<(usize, f64)>, (lag, s)| match best {
            Some((_, highest)) if highest >= s => best,
            _ => Some((lag, s)),
        });
    best.map_or(START_BPM, |(lag, _)| tempo_of_lag(lag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_falls_back_to_the_prior() {
        assert!((tempo(&[0.0; WIN_LENGTH]) - 117.453_835).abs() < 1e-5);
    }

    #[test]
    fn the_strongest_lag_wins() {
        let mut tempogram = [0.0; WIN_LENGTH];
        tempogram[26] = 0.5;
        assert_eq!(tempo(&tempogram), tempo_of_lag(26));
    }
}
