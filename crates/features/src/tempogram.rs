//! Tempogram: how strongly the onsets of a neighbourhood repeat after each lag.
//!
//! `T[t, l] = sum_n x_t[n] x_t[n + l]`, `x_t` the onset strength in a Hann window of `win_length` frames about frame `t`, divided
//! by the largest of the lags (lag 0). Beyond the ends the onset strength falls linearly to 0. Unit: none, -1 to 1 (here 0 to 1).
//! Shape: `win_length` lags per frame, a lag being one hop. Source: P. Grosche, M. Mueller and F. Kurth, *Cyclic tempogram*, ICASSP 2010;
//! `librosa.feature.tempogram`.

use std::sync::Arc;

use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use crate::window::hann;

/// Lags of the descriptor, as librosa's default.
pub const WIN_LENGTH: usize = 384;

/// Windowed autocorrelation of an onset envelope.
pub(crate) struct Tempogram {
    win_length: usize,
    window: Vec<f32>,
    size: usize,
    forward: Arc<dyn RealToComplex<f32>>,
    backward: Arc<dyn ComplexToReal<f32>>,
    frame: Vec<f32>,
    spectrum: Vec<Complex32>,
    scratch: Vec<Complex32>,
}

impl Tempogram {
    pub(crate) fn new(win_length: usize) -> Self {
        // Long enough that the end of a frame does not wrap to its start, and a product of small primes.
        let size = (2 * win_length - 1).next_multiple_of(48);
        let mut planner = RealFftPlanner::new();
        let forward = planner.plan_fft_forward(size);
        let backward = planner.plan_fft_inverse(size);
        let scratch = forward.get_scratch_len().max(backward.get_scratch_len());
        Tempogram {
            win_length,
            window: hann(win_length).into_iter().map(|w| w as f32).collect(),
            size,
            spectrum: forward.make_output_vec(),
            frame: vec![0.0; size],
            scratch: vec![Complex32::ZERO; scratch],
            forward,
            backward,
        }
    }

    /// The envelope with a ramp from and to zero at its ends, half a window each.
    fn pad(&self, envelope: &[f32]) -> Vec<f32> {
        let half = self.win_length / 2;
        let ramp = |edge: f32| (0..half).map(move |i| edge * i as f32 / half as f32);
        let (Some(&first), Some(&last)) = (envelope.first(), envelope.last()) else {
            return Vec::new();
        };
        let mut padded: Vec<f32> = ramp(first)
            .chain(envelope.iter().copied())
            .chain(ramp(last))
            .collect();
        let end = padded.len() - half;
        padded[end..].reverse();
        padded
    }

    /// Transforms each frame to its power spectrum, in `self.spectrum`'s real parts, and hands it on with its energy.
    fn each_frame(&mut self, envelope: &[f32], mut f: impl FnMut(&mut Self, f32)) {
        let padded = self.pad(envelope);
        for start in 0..envelope.len() {
            let mut energy = 0.0;
            self.frame.fill(0.0);
            let values = &padded[start..(start + self.win_length).min(padded.len())];
            for ((slot, value), weight) in self.frame.iter_mut().zip(values).zip(&self.window) {
                *slot = value * weight;
                energy += *slot * *slot;
            }
            let scratch = &mut self.scratch[..self.forward.get_scratch_len()];
            self.forward
                .process_with_scratch(&mut self.frame, &mut self.spectrum, scratch)
                .expect("buffers have the planned lengths");
            for value in &mut self.spectrum {
                *value = Complex32::new(value.norm_sqr(), 0.0);
            }
            f(self, energy);
        }
    }

    /// One row of `win_length` lags per frame.
    pub(crate) fn rows(&mut self, envelope: &[f32]) -> Vec<f32> {
        let mut rows = Vec::with_capacity(envelope.len() * self.win_length);
        self.each_frame(envelope, |plan, energy| {
            let scratch = &mut plan.scratch[..plan.backward.get_scratch_len()];
            plan.backward
                .process_with_scratch(&mut plan.spectrum, &mut plan.frame, scratch)
                .expect("buffers have the planned lengths and real ends");
            let scale = 1.0 / (plan.size as f32 * if energy < f32::MIN_POSITIVE { 1.0 } else { energy });
            rows.extend(plan.frame[..plan.win_length].iter().map(|value| value * scale));
        });
        rows
    }

    /// The mean of [`rows`](Self::rows) over the frames.
    ///
    /// The mean is taken of the power spectra, each over its energy, so that one inverse transform serves all frames.
    pub(crate) fn mean(&mut self, envelope: &[f32]) -> Vec<f32> {
        let mut sums = vec![0.0f64; self.spectrum.len()];
        self.each_frame(envelope, |plan, energy| {
            if energy >= f32::MIN_POSITIVE {
                let weight = 1.0 / energy;
                for (sum, value) in sums.iter_mut().zip(&plan.spectrum) {
                    *sum += f64::from(value.re * weight);
                }
            }
        });
        let scale = 1.0 / (self.size as f64 * envelope.len().max(1) as f64);
        for (value, sum) in self.spectrum.iter_mut().zip(&sums) {
            *value = Complex32::new((sum * scale) as f32, 0.0);
        }
        let scratch = &mut self.scratch[..self.backward.get_scratch_len()];
        self.backward
            .process_with_scratch(&mut self.spectrum, &mut self.frame, scratch)
            .expect("buffers have the planned lengths and real ends");
        self.frame[..self.win_length].to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope() -> Vec<f32> {
        (0..200)
            .map(|i| if i % 20 == 3 { 2.0 } else { (i % 7) as f32 * 0.1 })
            .collect()
    }

    #[test]
    fn rows_equal_the_plain_sum() {
        let mut plan = Tempogram::new(96);
        let rows = plan.rows(&envelope());
        let padded = plan.pad(&envelope());
        let x: Vec<f32> = (0..96).map(|n| padded[50 + n] * plan.window[n]).collect();
        let energy: f32 = x.iter().map(|v| v * v).sum();
        for lag in 0..96 {
            let want: f32 = (0..96 - lag).map(|n| x[n] * x[n + lag]).sum::<f32>() / energy;
            assert!((rows[50 * 96 + lag] - want).abs() < 1e-5, "lag {lag}");
        }
    }

    #[test]
    fn the_mean_equals_the_mean_of_the_rows() {
        let mut plan = Tempogram::new(96);
        let rows = plan.rows(&envelope());
        let mean = plan.mean(&envelope());
        for (lag, got) in mean.iter().enumerate() {
            let want = rows.iter().skip(lag).step_by(96).sum::<f32>() / 200.0;
            assert!((got - want).abs() < 1e-5);
        }
    }

    #[test]
    fn silence_stays_silent() {
        assert!(Tempogram::new(96).rows(&[0.0; 10]).iter().all(|&v| v == 0.0));
        assert!(Tempogram::new(96).mean(&[]).iter().all(|&v| v == 0.0));
    }
}
