//! A fully connected layer.

use super::norm::Norm;

/// `x W + b`, `W` being row-major of shape (inputs, outputs).
#[derive(Debug, Clone)]
pub(crate) struct Dense {
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Dense {
    pub(crate) fn new(weights: &[f32], bias: &[f32]) -> Dense {
        Dense {
            weights: weights.to_vec(),
            bias: bias.to_vec(),
        }
    }

    /// The layer that does what this one does after `norm`.
    pub(crate) fn after(self, norm: &Norm) -> Dense {
        let outputs = self.bias.len();
        let mut bias: Vec<f64> = self.bias.iter().map(|&b| f64::from(b)).collect();
        let mut weights = self.weights;
        for ((row, &gain), &offset) in weights
            .chunks_exact_mut(outputs)
            .zip(&norm.gain)
            .zip(&norm.offset)
        {
            for (weight, bias) in row.iter_mut().zip(&mut bias) {
                *bias += f64::from(*weight) * f64::from(offset);
                *weight *= gain;
            }
        }
        Dense {
            weights,
            bias: bias.into_iter().map(|b| b as f32).collect(),
        }
    }

    pub(crate) fn apply(&self, x: &[f32]) -> Vec<f32> {
        let mut out = self.bias.clone();
        for (&x, row) in x.iter().zip(self.weights.chunks_exact(self.bias.len())) {
            for (out, &weight) in out.iter_mut().zip(row) {
                *out += x * weight;
            }
        }
        out
    }
}

/// The logistic function.
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}
