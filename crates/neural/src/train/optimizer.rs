//! Adam and AdamW over plain numbers.

use pulp::{Arch, Simd, WithSimd};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Adam (Kingma and Ba 2015); with `weight_decay`, AdamW (Loshchilov and Hutter 2019).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Optimizer {
    /// What the mean of the gradient keeps of itself, in [0, 1).
    pub beta1: f64,
    /// What the mean of its square keeps of itself, in [0, 1).
    pub beta2: f64,
    /// What is added to the root of the latter.
    pub epsilon: f64,
    /// The share of each weight, times the rate, that every step takes away; biases and batch normalisation are
    /// spared.
    pub weight_decay: f64,
}

impl Default for Optimizer {
    /// Keras's Adam.
    fn default() -> Self {
        Optimizer {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-7,
            weight_decay: 0.0,
        }
    }
}

/// What Adam remembers of a variable.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Moments {
    /// The mean gradient.
    pub first: Vec<f32>,
    /// The mean square.
    pub second: Vec<f32>,
}

impl Moments {
    pub fn new(count: usize) -> Self {
        Moments {
            first: vec![0.0; count],
            second: vec![0.0; count],
        }
    }
}

impl Optimizer {
    pub(super) fn check(&self) -> Result<()> {
        let share = |x: f64| (0.0..1.0).contains(&x);
        let fits = share(self.beta1)
            && share(self.beta2)
            && self.epsilon > 0.0
            && (0.0..=1e3).contains(&self.weight_decay);
        match fits {
            true => Ok(()),
            false => Err(Error::params(
                "the optimizer",
                "`beta1` and `beta2` must be in [0, 1), `epsilon` above 0, `weight_decay` at least 0",
            )),
        }
    }

    /// Step number `step` (from 1) along a gradient scaled by `scale`.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn step(
        &self,
        step: u64,
        rate: f64,
        scale: f32,
        decays: bool,
        values: &mut [f32],
        gradient: &[f32],
        moments: &mut Moments,
    ) {
        let power = |beta: f64| 1.0 - beta.powf(step as f64);
        let rate_now = (rate * power(self.beta2).sqrt() / power(self.beta1)) as f32;
        let kept = match decays {
            true => (1.0 - rate * self.weight_decay) as f32,
            false => 1.0,
        };
        Arch::new().dispatch(Move {
            keep: [self.beta1 as f32, self.beta2 as f32],
            epsilon: self.epsilon as f32,
            kept,
            scale,
            rate: rate_now,
            values,
            gradient,
            moments,
        });
    }
}

/// A step, in the vectors of the processor; each value by itself, so that their length changes no number.
struct Move<'a> {
    keep: [f32; 2],
    epsilon: f32,
    kept: f32,
    scale: f32,
    rate: f32,
    values: &'a mut [f32],
    gradient: &'a [f32],
    moments: &'a mut Moments,
}

impl WithSimd for Move<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let [keep1, keep2] = self.keep;
        let all = self.values.iter_mut().zip(self.gradient);
        let moments = self.moments.first.iter_mut().zip(self.moments.second.iter_mut());
        for ((value, &gradient), (first, second)) in all.zip(moments) {
            let gradient = gradient * self.scale;
            *first += (gradient - *first) * (1.0 - keep1);
            *second += (gradient * gradient - *second) * (1.0 - keep2);
            *value = *value * self.kept - self.rate * *first / (second.sqrt() + self.epsilon);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_step_is_as_long_as_the_rate() {
        let (mut values, mut moments) = (vec![1.0, -1.0], Moments::new(2));
        Optimizer::default().step(1, 0.01, 1.0, false, &mut values, &[5.0, -0.1], &mut moments);
        assert!((values[0] - 0.99).abs() < 1e-5 && (values[1] + 0.99).abs() < 1e-5);
    }

    #[test]
    fn decay_shrinks_weights_without_a_gradient() {
        let adamw = Optimizer {
            weight_decay: 0.1,
            ..Optimizer::default()
        };
        let (mut values, mut moments) = (vec![2.0], Moments::new(1));
        adamw.step(1, 0.5, 1.0, true, &mut values, &[0.0], &mut moments);
        assert_eq!(values, [1.9]);
    }
}
