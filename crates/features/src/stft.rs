//! The short-time Fourier transform, forwards and backwards: the one transform every spectral descriptor shares.
//!
//! Source: `librosa.stft` and `librosa.istft` with `n_fft=2048, hop_length=512, window="hann", center=True`. Like librosa, the way
//! forwards is computed in double precision and rounded to single: in quiet bins (0 Hz, often) single precision would leave
//! nothing but its own noise, which the spectral contrast would show. The way back is computed in single precision.

use std::sync::Arc;

use realfft::num_complex::{Complex32, Complex64};
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use crate::grid::{HOP_LENGTH, N_BINS, N_FFT, PadMode, fill_frame};
use crate::window::hann;

/// Transforms windowed frames to spectra and back.
pub(crate) struct Stft {
    window: Vec<f64>,
    forward: Arc<dyn RealToComplex<f64>>,
    samples: Vec<f32>,
    windowed: Vec<f64>,
    spectrum: Vec<Complex64>,
    forward_scratch: Vec<Complex64>,
    backward: Arc<dyn ComplexToReal<f32>>,
    /// The window over the length of the transform, which does not scale by itself.
    scaled_window: Vec<f32>,
    frame: Vec<f32>,
    backward_scratch: Vec<Complex32>,
}

impl Stft {
    pub(crate) fn new() -> Self {
        let forward = RealFftPlanner::<f64>::new().plan_fft_forward(N_FFT);
        let backward = RealFftPlanner::<f32>::new().plan_fft_inverse(N_FFT);
        let window = hann(N_FFT);
        Stft {
            scaled_window: window.iter().map(|w| (w / N_FFT as f64) as f32).collect(),
            window,
            samples: vec![0.0; N_FFT],
            windowed: forward.make_input_vec(),
            spectrum: forward.make_output_vec(),
            forward_scratch: forward.make_scratch_vec(),
            forward,
            frame: backward.make_output_vec(),
            backward_scratch: backward.make_scratch_vec(),
            backward,
        }
    }

    /// Writes the [`N_BINS`] values of one frame's spectrum.
    pub(crate) fn forward(&mut self, signal: &[f32], frame: usize, pad: PadMode, spectrum: &mut [Complex32]) {
        fill_frame(signal, frame, pad, &mut self.samples);
        for ((value, &sample), weight) in self.windowed.iter_mut().zip(&self.samples).zip(&self.window) {
            *value = f64::from(sample) * weight;
        }
        self.forward
            .process_with_scratch(&mut self.windowed, &mut self.spectrum, &mut self.forward_scratch)
            .expect("buffers have the planned lengths");
        for (rounded, value) in spectrum[..N_BINS].iter_mut().zip(&self.spectrum) {
            *rounded = Complex32::new(value.re as f32, value.im as f32);
        }
    }

    /// Transforms a spectrum back and adds the windowed frame, scaled to unit gain, to `out`.
    ///
    /// The spectrum is used as working memory.
    pub(crate) fn backward_add(&mut self, spectrum: &mut [Complex32], out: &mut [f32]) {
        // The transform of a real signal is real at both ends; the mask keeps it so up to rounding.
        spectrum[0].im = 0.0;
        spectrum[N_BINS - 1].im = 0.0;
        self.backward
            .process_with_scratch(
                &mut spectrum[..N_BINS],
                &mut self.frame,
                &mut self.backward_scratch,
            )
            .expect("buffers have the planned lengths and real ends");
        for ((sum, value), weight) in out.iter_mut().zip(&self.frame).zip(&self.scaled_window) {
            *sum += value * weight;
        }
    }
}

/// Adds frames at their places and divides by the windows' sum of squares: the second half of `librosa.istft`.
///
/// Samples leave in order as soon as no later frame reaches them, so only one frame is ever held.
pub(crate) struct OverlapAdd {
    sum: Vec<f32>,
    norm: Vec<f32>,
    squared_window: Vec<f32>,
    /// Padded position of `sum[0]`.
    position: usize,
    length: usize,
}

impl OverlapAdd {
    /// For a signal of `length` samples.
    pub(crate) fn new(length: usize) -> Self {
        OverlapAdd {
            sum: vec![0.0; N_FFT],
            norm: vec![0.0; N_FFT],
            squared_window: hann(N_FFT).into_iter().map(|w| (w * w) as f32).collect(),
            position: 0,
            length,
        }
    }

    /// Adds the next frame and appends the samples it completes to `out`.
    pub(crate) fn push(&mut self, stft: &mut Stft, spectrum: &mut [Complex32], out: &mut Vec<f32>) {
        stft.backward_add(spectrum, &mut self.sum);
        for (norm, square) in self.norm.iter_mut().zip(&self.squared_window) {
            *norm += square;
        }
        self.drain(HOP_LENGTH, out);
    }

    /// Appends what is left after the last frame.
    pub(crate) fn finish(mut self, out: &mut Vec<f32>) {
        self.drain(N_FFT, out);
    }

    fn drain(&mut self, count: usize, out: &mut Vec<f32>) {
        let start = N_FFT / 2;
        let skip = start.saturating_sub(self.position).min(count);
        let stop = (start + self.length).saturating_sub(self.position).min(count);
        if skip < stop {
            let pairs = self.sum[skip..stop].iter().zip(&self.norm[skip..stop]);
            out.extend(pairs.map(|(sum, &norm)| sum / if norm > f32::MIN_POSITIVE { norm } else { 1.0 }));
        }
        for values in [&mut self.sum, &mut self.norm] {
            values.copy_within(count.., 0);
            values[N_FFT - count..].fill(0.0);
        }
        self.position += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::frame_count;

    #[test]
    fn backward_undoes_forward() {
        for (len, pad) in [
            (20_000, PadMode::Constant),
            (5_119, PadMode::Reflect),
            (300, PadMode::Constant),
        ] {
            let signal: Vec<f32> = (0..len).map(|i| ((i * i) as f32 * 0.001).sin()).collect();
            let mut stft = Stft::new();
            let mut spectrum = vec![Complex32::ZERO; N_BINS];
            let mut overlap = OverlapAdd::new(len);
            let mut back = Vec::new();
            for frame in 0..frame_count(len) {
                stft.forward(&signal, frame, pad, &mut spectrum);
                overlap.push(&mut stft, &mut spectrum, &mut back);
            }
            overlap.finish(&mut back);
            assert_eq!(back.len(), len);
            let worst = signal
                .iter()
                .zip(&back)
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f32::max);
            assert!(worst < 2e-6, "{len}: {worst}");
        }
    }
}
