//! Layers of every network: linear, batch normalisation, dropout.

use burn::tensor::module::{batch_norm, batch_norm_train};
use burn::tensor::{Tensor, TensorData};

use super::{Builder, Id, Init, Pass, Role};

/// A fully connected layer: `x W + b`, `W` of shape inputs x outputs as Keras keeps it.
#[derive(Debug, Clone)]
pub struct Linear {
    kernel: Id,
    bias: Id,
}

impl Linear {
    /// A layer with Glorot-uniform weights and no bias yet.
    pub fn new(builder: &mut Builder, name: &str, inputs: usize, outputs: usize) -> Self {
        let glorot = Init::Glorot {
            fan_in: inputs,
            fan_out: outputs,
        };
        Linear {
            kernel: builder.variable(format!("{name}.kernel"), &[inputs, outputs], glorot, Role::Weight),
            bias: builder.variable(
                format!("{name}.bias"),
                &[outputs],
                Init::Constant(0.0),
                Role::Weight,
            ),
        }
    }

    /// Rows of inputs to rows of outputs.
    pub fn forward(&self, x: Tensor<2>, pass: &Pass<'_>) -> Tensor<2> {
        x.matmul(pass.tensor::<2>(self.kernel)) + pass.tensor::<1>(self.bias).unsqueeze()
    }
}

/// Batch normalisation over all axes but the second (Ioffe and Szegedy 2015), epsilon 0.001 as in Keras.
#[derive(Debug, Clone)]
pub struct BatchNorm {
    pub(super) gamma: Id,
    pub(super) beta: Id,
    pub(super) mean: Id,
    pub(super) variance: Id,
    momentum: f32,
}

impl BatchNorm {
    /// What is added to the variance.
    pub const EPSILON: f64 = 1e-3;

    /// A layer for this many channels, whose moving statistics keep `momentum` of themselves at each step.
    pub fn new(builder: &mut Builder, name: &str, channels: usize, momentum: f64) -> Self {
        let mut new = |what: &str, value: f32, role: Role| {
            builder.variable(format!("{name}.{what}"), &[channels], Init::Constant(value), role)
        };
        BatchNorm {
            gamma: new("gamma", 1.0, Role::Weight),
            beta: new("beta", 0.0, Role::Weight),
            mean: new("moving_mean", 0.0, Role::Statistic),
            variance: new("moving_variance", 1.0, Role::Statistic),
            momentum: momentum as f32,
        }
    }

    /// Normalises by the batch while training, by the moving statistics otherwise and where frozen.
    pub fn forward<const D: usize>(&self, x: Tensor<D>, pass: &mut Pass<'_>) -> Tensor<D> {
        let (gamma, beta) = (pass.tensor::<1>(self.gamma), pass.tensor::<1>(self.beta));
        if !pass.trains(self.gamma) {
            let (mean, variance) = (pass.tensor::<1>(self.mean), pass.tensor::<1>(self.variance));
            return batch_norm(x, gamma, beta, mean, variance, Self::EPSILON);
        }
        let out = batch_norm_train(x, gamma, beta, Self::EPSILON);
        self.follow(out.mean, out.variance, pass);
        out.output
    }

    /// Notes the statistics of a batch.
    pub(super) fn follow(&self, mean: Tensor<1>, variance: Tensor<1>, pass: &mut Pass<'_>) {
        pass.follow(self.mean, mean, self.momentum);
        pass.follow(self.variance, variance, self.momentum);
    }
}

/// Drops values with probability `rate` while training, and scales the others so that their mean stays.
pub fn dropout<const D: usize>(x: Tensor<D>, rate: f64, pass: &mut Pass<'_>) -> Tensor<D> {
    let Some(rng) = pass.chance().filter(|_| rate > 0.0) else {
        return x;
    };
    let shape = x.dims();
    let count: usize = shape.iter().product();
    let scale = (1.0 / (1.0 - rate)) as f32;
    let threshold = (rate * f64::from(u32::MAX)) as u32;
    let kept = |bits: u32| if bits < threshold { 0.0 } else { scale };
    let mut mask = Vec::with_capacity(count + 1);
    while mask.len() < count {
        let bits = rng.next_u64();
        mask.extend([kept(bits as u32), kept((bits >> 32) as u32)]);
    }
    mask.truncate(count);
    let device = x.device();
    x * Tensor::from_data(TensorData::new(mask, shape), &device)
}
