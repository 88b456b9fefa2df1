//! Tempo and pitch by a phase vocoder, as `librosa.effects.time_stretch` and `pitch_shift` do it. Not for real time.

use std::f64::consts::{PI, TAU};

use melisma_audio::{Hertz, Resampler};
use realfft::RealFftPlanner;
use realfft::num_complex::Complex64;

const N_FFT: usize = 2048;
const HOP: usize = 512;
const BINS: usize = N_FFT / 2 + 1;
/// The largest denominator of the ratio a pitch is shifted by: 0.1 cent off at most.
const DENOMINATORS: u32 = 200;

/// The samples played `rate` times as fast at the same pitch: `round(len / rate)` samples.
///
/// `librosa.effects.time_stretch` with its defaults (2,048-sample Hann windows, hop 512).
///
/// # Panics
/// If the rate is not between 0.1 and 10.
pub fn time_stretch(samples: &[f32], rate: f64) -> Vec<f32> {
    assert!((0.1..=10.0).contains(&rate), "a rate between 0.1 and 10");
    let length = (samples.len() as f64 / rate).round_ties_even() as usize;
    if length == 0 {
        return Vec::new();
    }
    let window: Vec<f64> = (0..N_FFT)
        .map(|n| 0.5 - 0.5 * (TAU * n as f64 / N_FFT as f64).cos())
        .collect();
    let mut spectra = Spectra::new(samples, &window);
    let mut phase: Vec<f64> = spectra.pair[0].iter().map(|bin| bin.arg()).collect();
    let mut out = Overlap::new(&window);
    for step in (0..)
        .map(|n| n as f64 * rate)
        .take_while(|step| *step < Spectra::count(samples) as f64)
    {
        spectra.advance(step as usize);
        let [before, after] = &spectra.pair;
        let share = step.fract();
        let mut spectrum = Vec::with_capacity(BINS);
        for (bin, phase) in phase.iter_mut().enumerate() {
            let magnitude = (1.0 - share) * before[bin].norm() + share * after[bin].norm();
            spectrum.push(Complex64::from_polar(magnitude, *phase));
            let advance = PI * HOP as f64 * bin as f64 / (BINS - 1) as f64;
            let change = after[bin].arg() - before[bin].arg() - advance;
            *phase += advance + change - TAU * (change / TAU).round_ties_even();
        }
        out.add(spectrum);
    }
    out.finish(length)
}

/// The samples with their pitch raised by `semitones` (lowered below 0) at the same length.
///
/// Stretched, then resampled back, as `librosa.effects.pitch_shift` does; the ratio is the nearest fraction with a
/// denominator up to 200.
///
/// # Panics
/// If the shift is more than 24 semitones.
pub fn pitch_shift(samples: &[f32], semitones: f64) -> Vec<f32> {
    assert!(semitones.abs() <= 24.0, "no more than two octaves");
    let ratio = 2f64.powf(semitones / 12.0);
    let (up, down) = (1..=DENOMINATORS)
        .map(|down| ((ratio * f64::from(down)).round() as u32, down))
        .min_by(|a, b| {
            let miss = |(up, down): &(u32, u32)| (f64::from(*up) / f64::from(*down) - ratio).abs();
            miss(a).total_cmp(&miss(b))
        })
        .unwrap_or((1, 1));
    let stretched = time_stretch(samples, f64::from(down) / f64::from(up));
    let mut resampler = Resampler::new(Hertz(up), Hertz(down));
    let mut out = Vec::new();
    resampler.process(&stretched, &mut out);
    resampler.finish(&mut out);
    out.resize(samples.len(), 0.0);
    out
}

/// The spectra of centred frames, padded with zeros; silence after the last. Two at a time, so that memory does not grow with
/// the sound.
struct Spectra<'a> {
    samples: &'a [f32],
    window: &'a [f64],
    forward: std::sync::Arc<dyn realfft::RealToComplex<f64>>,
    first: usize,
    pair: [Vec<Complex64>; 2],
}

impl<'a> Spectra<'a> {
    fn new(samples: &'a [f32], window: &'a [f64]) -> Self {
        let mut spectra = Spectra {
            samples,
            window,
            forward: RealFftPlanner::<f64>::new().plan_fft_forward(N_FFT),
            first: 0,
            pair: [Vec::new(), Vec::new()],
        };
        spectra.pair = [spectra.frame(0), spectra.frame(1)];
        spectra
    }

    /// Frames that hold samples.
    fn count(samples: &[f32]) -> usize {
        samples.len() / HOP + 1
    }

    /// Makes the pair begin with this frame, which is none before the present one.
    fn advance(&mut self, first: usize) {
        if first == self.first + 1 {
            self.pair.swap(0, 1);
            self.pair[1] = self.frame(first + 1);
        } else if first != self.first {
            self.pair = [self.frame(first), self.frame(first + 1)];
        }
        self.first = first;
    }

    fn frame(&self, frame: usize) -> Vec<Complex64> {
        let mut spectrum = self.forward.make_output_vec();
        if frame >= Spectra::count(self.samples) {
            return spectrum;
        }
        let mut input = self.forward.make_input_vec();
        for (n, (value, weight)) in input.iter_mut().zip(self.window).enumerate() {
            let at = (frame * HOP + n)
                .checked_sub(N_FFT / 2)
                .and_then(|at| self.samples.get(at));
            *value = weight * at.map_or(0.0, |sample| f64::from(*sample));
        }
        self.forward
            .process(&mut input, &mut spectrum)
            .expect("buffers have the planned lengths");
        spectrum
    }
}

/// Frames added at their places, divided by the windows' sum of squares at the end.
struct Overlap<'a> {
    window: &'a [f64],
    inverse: std::sync::Arc<dyn realfft::ComplexToReal<f64>>,
    sum: Vec<f64>,
    norm: Vec<f64>,
    frames: usize,
}

impl<'a> Overlap<'a> {
    fn new(window: &'a [f64]) -> Self {
        Overlap {
            window,
            inverse: RealFftPlanner::<f64>::new().plan_fft_inverse(N_FFT),
            sum: Vec::new(),
            norm: Vec::new(),
            frames: 0,
        }
    }

    fn add(&mut self, mut spectrum: Vec<Complex64>) {
        // The spectrum of a real signal is real at both ends.
        spectrum[0].im = 0.0;
        spectrum[BINS - 1].im = 0.0;
        let mut frame = self.inverse.make_output_vec();
        self.inverse
            .process(&mut spectrum, &mut frame)
            .expect("buffers have the planned lengths and real ends");
        let start = self.frames * HOP;
        self.sum.resize(start + N_FFT, 0.0);
        self.norm.resize(start + N_FFT, 0.0);
        for (n, (value, weight)) in frame.iter().zip(self.window).enumerate() {
            self.sum[start + n] += value * weight / N_FFT as f64;
            self.norm[start + n] += weight * weight;
        }
        self.frames += 1;
    }

    fn finish(self, length: usize) -> Vec<f32> {
        let pairs = self.sum.iter().zip(&self.norm).skip(N_FFT / 2).take(length);
        let tiny = f64::from(f32::MIN_POSITIVE);
        let mut out: Vec<f32> = pairs
            .map(|(sum, norm)| (sum / if *norm > tiny { *norm } else { 1.0 }) as f32)
            .collect();
        out.resize(length, 0.0);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RATE: f64 = 22_050.0;

    fn sine(frequency: f64, length: usize) -> Vec<f32> {
        (0..length)
            .map(|n| (0.5 * (TAU * frequency * n as f64 / RATE).sin()) as f32)
            .collect()
    }

    /// The frequency of a tone, by its rising zero crossings away from the ends.
    fn frequency(samples: &[f32]) -> f64 {
        let middle = &samples[4096..samples.len() - 4096];
        let crossing = |n: usize| {
            let (a, b) = (f64::from(middle[n]), f64::from(middle[n + 1]));
            (a < 0.0 && b >= 0.0).then(|| n as f64 + a / (a - b))
        };
        let times: Vec<f64> = (0..middle.len() - 1).filter_map(crossing).collect();
        (times.len() - 1) as f64 * RATE / (times[times.len() - 1] - times[0])
    }

    #[test]
    fn a_stretched_tone_keeps_its_pitch_and_a_shifted_one_its_length() {
        let tone = sine(440.0, 40_000);
        for rate in [0.8, 0.95, 1.25] {
            let stretched = time_stretch(&tone, rate);
            assert_eq!(stretched.len(), (40_000.0 / rate).round() as usize);
            assert!(
                (frequency(&stretched) - 440.0).abs() < 0.5,
                "{rate}: {}",
                frequency(&stretched)
            );
        }
        for semitones in [-5.0, -1.0, 0.5, 2.0, 7.0] {
            let shifted = pitch_shift(&tone, semitones);
            assert_eq!(shifted.len(), tone.len());
            let cents = 1200.0 * (frequency(&shifted) / 440.0).log2() - 100.0 * semitones;
            assert!(cents.abs() < 3.0, "{semitones}: {cents} cents");
        }
    }

    #[test]
    fn a_rate_of_one_changes_nothing() {
        let tone: Vec<f32> = (0..10_000).map(|n| ((n * n) as f32 * 1e-5).sin()).collect();
        let same = time_stretch(&tone, 1.0);
        let worst = tone
            .iter()
            .zip(&same)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        assert!(worst < 1e-5, "{worst}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn lengths_follow_the_rate(length in 0usize..6000, rate in 0.5f64..2.0) {
            let stretched = time_stretch(&sine(300.0, length), rate);
            prop_assert_eq!(stretched.len(), (length as f64 / rate).round_ties_even() as usize);
            prop_assert!(stretched.iter().all(|v| v.is_finite()));
        }
    }
}
