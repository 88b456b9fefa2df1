//! Spectra of windowed frames.

use std::sync::Arc;

use melisma_features::window::hann;
use realfft::num_complex::Complex64;
use realfft::{RealFftPlanner, RealToComplex};

/// Points of the transform, in both networks.
pub(crate) const N_FFT: usize = 512;

/// Which size of a bin goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Magnitude {
    /// The absolute value.
    Amplitude,
    /// Its square.
    Power,
}

/// Transforms frames with a periodic Hann window of its own length, filled up with zeros to [`N_FFT`].
///
/// In double precision, rounded at the end, as librosa and TensorFlow come closest to.
pub(crate) struct Frames {
    window: Vec<f64>,
    magnitude: Magnitude,
    plan: Arc<dyn RealToComplex<f64>>,
    windowed: Vec<f64>,
    spectrum: Vec<Complex64>,
    scratch: Vec<Complex64>,
    sizes: Vec<f32>,
}

impl Frames {
    pub(crate) fn new(window_length: usize, magnitude: Magnitude) -> Frames {
        let plan = RealFftPlanner::<f64>::new().plan_fft_forward(N_FFT);
        Frames {
            window: hann(window_length),
            magnitude,
            windowed: plan.make_input_vec(),
            spectrum: plan.make_output_vec(),
            scratch: plan.make_scratch_vec(),
            sizes: vec![0.0; N_FFT / 2 + 1],
            plan,
        }
    }

    /// The sizes of the bins of the frame that begins at `start`; beyond both ends of the samples there is silence.
    pub(crate) fn at(&mut self, samples: &[f32], start: isize) -> &[f32] {
        self.windowed.fill(0.0);
        let skip = start.min(0).unsigned_abs();
        let heard = samples.get(start.max(0) as usize..).unwrap_or(&[]);
        let (values, weights) = (self.windowed.iter_mut().skip(skip), self.window.iter().skip(skip));
        for ((value, weight), &sample) in values.zip(weights).zip(heard) {
            *value = f64::from(sample) * weight;
        }
        self.plan
            .process_with_scratch(&mut self.windowed, &mut self.spectrum, &mut self.scratch)
            .expect("buffers have the planned lengths");
        for (size, bin) in self.sizes.iter_mut().zip(&self.spectrum) {
            let power = bin.norm_sqr();
            *size = match self.magnitude {
                Magnitude::Power => power as f32,
                Magnitude::Amplitude => power.sqrt() as f32,
            };
        }
        &self.sizes
    }
}
