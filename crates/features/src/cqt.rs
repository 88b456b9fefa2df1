//! The constant-Q transform: how much of each semitone of seven octaves, C1 to B7, a frame holds.
//!
//! `|sum_n y[n] w_k[n]| / sqrt(N_k)`, where `w_k` is a complex exponential at semitone `k` under a Hann window of `N_k` samples, of unit sum of
//! magnitudes times `N_k`; `N_k` holds the same number of cycles (17.3) for every `k`. The semitones are shifted by the clip's tuning, which is
//! taken from the peaks of the magnitude spectra (`tuning` and `chroma_stft` take theirs from the power spectra). The twelve filters of the
//! topmost octave are applied in the frequency domain, without the weakest coefficients that make up 1 % of each; each octave
//! below has the same filters on the signal at half the rate, half the hop apart. Unit: that of the samples. Shape: 84 per frame, C1
//! first. Source: C. Schoerkhuber and A. Klapuri, *Constant-Q transform toolbox for music processing*, SMC 2010;
//! the magnitude of `librosa.cqt` with `tuning=None`.

use std::f64::consts::PI;
use std::sync::Arc;

use melisma_audio::{Hertz, Resampler};
use realfft::num_complex::{Complex32, Complex64};
use realfft::{RealFftPlanner, RealToComplex};

use crate::grid::{HOP_LENGTH, PadMode, SAMPLE_RATE, fill_around, frame_count};
use crate::tuning::{STEPS, tuning_of_step};
use crate::window::hann;

/// Semitones per frame.
pub const N_CQT: usize = PER_OCTAVE * OCTAVES;
/// Filters of an octave.
const PER_OCTAVE: usize = 12;
const OCTAVES: usize = 7;
/// C1 in semitones above A440.
const LOWEST: f64 = -45.0;
/// Samples of a transform: the longest filter of the topmost octave, whatever the tuning, in a power of two.
const LENGTH: usize = 256;
/// Share of a filter's coefficients, by magnitude, that is left out.
const SPARSITY: f64 = 0.01;

/// Computes constant-Q transforms; keeps its plans, filters and buffers.
pub(crate) struct Cqt {
    forward: Arc<dyn RealToComplex<f32>>,
    samples: Vec<f32>,
    spectrum: Vec<Complex32>,
    scratch: Vec<Complex32>,
    halver: Resampler,
    /// Filters by step of tuning, made when first needed.
    filters: Vec<Option<Vec<Filter>>>,
}

impl Cqt {
    pub(crate) fn new() -> Self {
        let forward = RealFftPlanner::<f32>::new().plan_fft_forward(LENGTH);
        Cqt {
            samples: forward.make_input_vec(),
            spectrum: forward.make_output_vec(),
            scratch: forward.make_scratch_vec(),
            forward,
            halver: Resampler::new(Hertz(2), Hertz(1)),
            filters: vec![None; STEPS],
        }
    }

    /// [`N_CQT`] magnitudes per frame, for a tuning given as a step of its histogram. The signal must not be empty.
    pub(crate) fn magnitudes(&mut self, signal: &[f32], pad: PadMode, tuning_step: usize) -> Vec<f32> {
        let mut out = vec![0.0; frame_count(signal.len()) * N_CQT];
        let filters = self.filters[tuning_step].get_or_insert_with(|| filters(tuning_of_step(tuning_step)));
        let mut halved: Vec<f32> = Vec::new();
        for octave in 0..OCTAVES {
            if octave > 0 {
                let mut next = Vec::with_capacity(signal.len().div_ceil(1 << octave));
                self.halver.reset();
                self.halver
                    .process(if octave == 1 { signal } else { &halved }, &mut next);
                self.halver.finish(&mut next);
                halved = next;
            }
            let samples = if octave == 0 { signal } else { &halved };
            let first = N_CQT - PER_OCTAVE * (octave + 1);
            // A filter of twice as many samples of the whole signal has half as many of the halved one.
            let gain = f32::powf(2.0, octave as f32 / 2.0);
            for (frame, row) in out.chunks_exact_mut(N_CQT).enumerate() {
                fill_around(samples, frame * (HOP_LENGTH >> octave), pad, &mut self.samples);
                self.forward
                    .process_with_scratch(&mut self.samples, &mut self.spectrum, &mut self.scratch)
                    .expect("buffers have the planned lengths");
                for (value, filter) in row[first..].iter_mut().zip(filters.iter()) {
                    *value = gain * filter.response(&self.spectrum);
                }
            }
        }
        out
    }
}

/// A filter of the topmost octave, in the frequency domain.
#[derive(Debug, Clone)]
struct Filter {
    /// The first bin with a weight.
    first: usize,
    weights: Vec<Complex32>,
}

impl Filter {
    /// Magnitude of the filter's output at the middle of a frame.
    fn response(&self, spectrum: &[Complex32]) -> f32 {
        let bins = &spectrum[self.first..self.first + self.weights.len()];
        let mut sum = Complex32::ZERO;
        for (bin, weight) in bins.iter().zip(&self.weights) {
            sum += bin * weight;
        }
        sum.norm()
    }
}

/// The filters of the topmost octave, for a tuning in semitones.
fn filters(tuning: f64) -> Vec<Filter> {
    let rate = f64::from(SAMPLE_RATE);
    // Frequency over bandwidth, the latter reaching from one neighbour to the other.
    let third = f64::powf(2.0, 2.0 / PER_OCTAVE as f64);
    let q = (third + 1.0) / (third - 1.0);
    let forward = RealFftPlanner::<f64>::new().plan_fft_forward(LENGTH);
    let semitones = (N_CQT - PER_OCTAVE..N_CQT).map(|k| LOWEST + k as f64 + tuning);
    semitones
        .map(|semitone| {
            let frequency = 440.0 * f64::powf(2.0, semitone / 12.0);
            let length = q * rate / frequency;
            let before = (length / 2.0).ceil() as usize;
            let window = hann(before + (length / 2.0).floor() as usize);
            let start = (LENGTH - window.len()) / 2;
            // Unit sum, times the length that is lost to whole samples nowhere else.
            let scale = length.sqrt() / window.iter().sum::<f64>() / LENGTH as f64;
            let part = |of: fn(f64) -> f64| {
                let mut wave = vec![0.0; LENGTH];
                for (n, (value, weight)) in wave[start..].iter_mut().zip(&window).enumerate() {
                    let angle = 2.0 * PI * frequency * (n as f64 - before as f64) / rate;
                    *value = of(angle) * weight * scale;
                }
                let mut spectrum = forward.make_output_vec();
                forward
                    .process(&mut wave, &mut spectrum)
                    .expect("buffers have the planned lengths");
                spectrum
            };
            let (re, im) = (part(f64::cos), part(f64::sin));
            sparse(re.iter().zip(im).map(|(re, im)| re + Complex64::I * im).collect())
        })
        .collect()
}

/// Leaves out the smallest weights that sum to less than [`SPARSITY`] of all.
fn sparse(weights: Vec<Complex64>) -> Filter {
    let mut sorted: Vec<f64> = weights.iter().map(|w| w.norm()).collect();
    sorted.sort_by(f64::total_cmp);
    let limit = SPARSITY * sorted.iter().sum::<f64>();
    let mut sum = 0.0;
    let least = sorted.iter().copied().find(|magnitude| {
        sum += magnitude;
        sum >= limit
    });
    let kept = |weight: &Complex64| least.is_some_and(|least| weight.norm() >= least);
    let first = weights.iter().position(kept).unwrap_or(0);
    let end = weights.iter().rposition(kept).map_or(0, |last| last + 1);
    let weights = weights[first..end].iter().map(|weight| {
        let weight = if kept(weight) { *weight } else { Complex64::ZERO };
        Complex32::new(weight.re as f32, weight.im as f32)
    });
    Filter {
        first,
        weights: weights.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_loudest_at_its_semitone_whatever_its_octave() {
        let mut cqt = Cqt::new();
        for semitone in [3, 14, 30, 40, 57, 69, 80] {
            let hz = 440.0 * f64::powf(2.0, (LOWEST + semitone as f64 + 0.2) / 12.0);
            let signal: Vec<f32> = (0..66_150)
                .map(|i| (2.0 * PI * hz * f64::from(i) / f64::from(SAMPLE_RATE)).sin() as f32)
                .collect();
            // The step of a tuning of 0.2.
            let values = cqt.magnitudes(&signal, PadMode::Constant, 70);
            let frame = &values[60 * N_CQT..61 * N_CQT];
            let loudest = (0..N_CQT).max_by(|&a, &b| frame[a].total_cmp(&frame[b])).unwrap();
            assert_eq!(loudest, semitone);
            // A sine of amplitude 1 has half its amplitude at a positive frequency.
            let length = 17.331 * f64::from(SAMPLE_RATE) / hz;
            let want = 0.5 * length.sqrt();
            let got = f64::from(frame[loudest]);
            assert!((got - want).abs() < 0.01 * want, "{semitone}: {got}, not {want}");
        }
    }

    #[test]
    fn the_weakest_weights_are_left_out() {
        for step in [0, 50, 99] {
            for filter in filters(tuning_of_step(step)) {
                let kept = filter.weights.iter().filter(|w| w.norm() > 0.0).count();
                assert!((8..20).contains(&kept), "{kept}");
                assert!(filter.first + filter.weights.len() <= LENGTH / 2 + 1);
            }
        }
    }
}
