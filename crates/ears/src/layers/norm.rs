//! Batch normalisation at inference: a gain and an offset per channel.

use crate::weights::Fault;

/// `gain * x + offset`, per channel.
#[derive(Debug, Clone)]
pub(crate) struct Norm {
    pub(crate) gain: Vec<f32>,
    pub(crate) offset: Vec<f32>,
}

impl Norm {
    /// From the running statistics: `scale * (x - mean) / sqrt(variance + epsilon) + shift`.
    pub(crate) fn new(
        name: &str,
        [scale, shift, mean, variance]: [&[f32]; 4],
        epsilon: f64,
    ) -> Result<Norm, Fault> {
        if variance.iter().any(|&v| v < 0.0) {
            return Err(Fault::new(format!("the variance of `{name}` is negative")));
        }
        let gain = |i: usize| f64::from(scale[i]) / (f64::from(variance[i]) + epsilon).sqrt();
        Ok(Norm {
            gain: (0..scale.len()).map(|i| gain(i) as f32).collect(),
            offset: (0..scale.len())
                .map(|i| (f64::from(shift[i]) - gain(i) * f64::from(mean[i])) as f32)
                .collect(),
        })
    }
}
