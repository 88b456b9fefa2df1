//! Tempo and pitch against librosa: `tests/golden/vocoder.py` made the numbers.

use std::f64::consts::TAU;

use melisma_dataset::augment::{pitch_shift, time_stretch};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    time_stretch: Vec<Case>,
    pitch_shift: Vec<Case>,
}

/// Every 41st sample of what librosa made.
#[derive(Deserialize)]
struct Case {
    parameter: f64,
    length: usize,
    samples: Vec<f32>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/vocoder.json")).unwrap()
}

/// A steady tone and a rising one.
fn sound() -> Vec<f32> {
    let sample = |n: i32| {
        let t = f64::from(n) / 22_050.0;
        0.4 * (TAU * 440.0 * t).sin() + 0.2 * (TAU * (1500.0 * t + 800.0 * t * t)).sin()
    };
    (0..12_000).map(|n| sample(n) as f32).collect()
}

/// The power of the difference from librosa's samples over that of librosa's.
fn error(case: &Case, made: &[f32]) -> f64 {
    assert_eq!(made.len(), case.length, "{}", case.parameter);
    let pairs = made.iter().step_by(41).zip(&case.samples);
    let error: f64 = pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum();
    error / case.samples.iter().map(|b| f64::from(*b).powi(2)).sum::<f64>()
}

#[test]
fn time_stretch_gives_librosas_samples() {
    for case in &golden().time_stretch {
        let made = time_stretch(&sound(), case.parameter);
        let worst = made.iter().step_by(41).zip(&case.samples);
        let worst = worst.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert_eq!(made.len(), case.length);
        assert!(worst < 3e-6, "rate {}: {worst}", case.parameter);
    }
}

/// The ratio is a fraction here, up to 0.1 cent off: by the end of this sound that is a third of a sample, which is the error.
#[test]
fn pitch_shift_comes_near_librosas_samples() {
    for case in &golden().pitch_shift {
        let error = error(case, &pitch_shift(&sound(), case.parameter));
        assert!(error < 1e-2, "{} semitones: {error}", case.parameter);
    }
}
