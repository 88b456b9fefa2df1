//! Root mean square of a frame of the waveform.
//!
//! `sqrt(sum_n y[n]^2 / N)` over the 2048 samples of a centred, padded frame, without a window. Unit: that of the samples.
//! Shape: one value per frame. Source: `librosa.feature.rms`.

use crate::grid::{N_FFT, PadMode, fill_frame, frame_count};
use crate::simd::{self, vectorise};

/// One value per frame.
pub(crate) fn rms(arch: pulp::Arch, signal: &[f32], pad: PadMode) -> Vec<f32> {
    let mut frame = vec![0.0; N_FFT];
    (0..frame_count(signal.len()))
        .map(|t| {
            fill_frame(signal, t, pad, &mut frame);
            vectorise!(arch, (simd::sum_of_squares(&frame) / N_FFT as f32).sqrt())
        })
        .collect()
}
