//! Mel filter banks: Slaney's as librosa builds it, and the one of TensorFlow, whose triangles are straight on the mel scale.

use melisma_features::mel::{hz_to_mel, mel_to_hz};

/// Triangles over the bins of a spectrum, each kept from its first to its last bin that is not zero.
#[derive(Debug, Clone)]
pub(crate) struct Bank {
    bands: Vec<(usize, Vec<f32>)>,
}

impl Bank {
    /// Slaney's bank from 0 Hz to the Nyquist frequency, each band of unit area: `librosa.filters.mel`.
    pub(crate) fn slaney(sample_rate: u32, n_fft: usize, n_mels: usize) -> Bank {
        let high = hz_to_mel(f64::from(sample_rate) / 2.0);
        let edges: Vec<f64> = (0..n_mels + 2)
            .map(|i| mel_to_hz(high * i as f64 / (n_mels + 1) as f64))
            .collect();
        let bin_hz = f64::from(sample_rate) / n_fft as f64;
        Bank::triangles(&edges, n_fft, |bin| bin as f64 * bin_hz, |e| 2.0 / (e[2] - e[0]))
    }

    /// The bank of `tf.signal.linear_to_mel_weight_matrix`: O'Shaughnessy's mel scale, height one, nothing from 0 Hz.
    pub(crate) fn tensorflow(
        sample_rate: u32,
        n_fft: usize,
        n_mels: usize,
        low_hz: f64,
        high_hz: f64,
    ) -> Bank {
        let mel = |hz: f64| 1127.0 * (hz / 700.0).ln_1p();
        let (low, high) = (mel(low_hz), mel(high_hz));
        let edges: Vec<f64> = (0..n_mels + 2)
            .map(|i| low + (high - low) * i as f64 / (n_mels + 1) as f64)
            .collect();
        let bin_hz = f64::from(sample_rate) / n_fft as f64;
        let position = |bin: usize| {
            if bin == 0 {
                f64::NEG_INFINITY
            } else {
                mel(bin as f64 * bin_hz)
            }
        };
        Bank::triangles(&edges, n_fft, position, |_| 1.0)
    }

    fn triangles(
        edges: &[f64],
        n_fft: usize,
        position: impl Fn(usize) -> f64,
        height: impl Fn(&[f64]) -> f64,
    ) -> Bank {
        let band = |e: &[f64]| {
            let weights: Vec<f32> = (0..=n_fft / 2)
                .map(|bin| {
                    let at = position(bin);
                    let triangle = ((at - e[0]) / (e[1] - e[0])).min((e[2] - at) / (e[2] - e[1]));
                    // Rounded to f32 before it is scaled, as librosa does.
                    (f64::from(triangle.max(0.0) as f32) * height(e)) as f32
                })
                .collect();
            let first = weights.iter().position(|&w| w > 0.0).unwrap_or(0);
            let last = weights.iter().rposition(|&w| w > 0.0).map_or(first, |i| i + 1);
            (first, weights[first..last].to_vec())
        };
        Bank {
            bands: edges.windows(3).map(band).collect(),
        }
    }

    /// Sums a spectrum over each band.
    pub(crate) fn apply<'a>(&'a self, spectrum: &'a [f32]) -> impl Iterator<Item = f32> + 'a {
        self.bands.iter().map(|(first, weights)| {
            let bins = &spectrum[*first..first + weights.len()];
            bins.iter().zip(weights).map(|(x, w)| x * w).sum()
        })
    }
}
