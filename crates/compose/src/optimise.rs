//! How training moves the weights: matrices within the layers by Muon, everything else by AdamW.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::network::{Kind, Rows, Shape, Weights, add_times, times_turned};
use crate::{Error, Result};

/// Settings of the optimiser.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Optimiser {
    /// The rate of the matrices within the layers: the spectral norm of a step, times the root of outputs over inputs where that is above 1.
    pub rate: f64,
    /// The rate of tables, vectors and the matrices that tell fields.
    pub adam_rate: f64,
    /// What Muon's momentum keeps.
    pub momentum: f64,
    /// What Adam's means keep.
    pub betas: [f64; 2],
    /// The share of each matrix, times its rate, that a step takes away.
    pub weight_decay: f64,
    /// Gradients longer than this are shortened to it.
    pub clip: f64,
}

impl Default for Optimiser {
    fn default() -> Self {
        Optimiser {
            rate: 0.02,
            adam_rate: 3e-3,
            momentum: 0.95,
            betas: [0.9, 0.98],
            weight_decay: 0.01,
            clip: 1.0,
        }
    }
}

impl Optimiser {
    /// Whether it can be used.
    ///
    /// # Errors
    /// [`Error::Params`] naming what is out of range.
    pub fn check(&self) -> Result<()> {
        let share = |x: f64| (0.0..1.0).contains(&x);
        let rate = |x: f64| x > 0.0 && x < 10.0;
        match share(self.momentum)
            && self.betas.into_iter().all(share)
            && rate(self.rate)
            && rate(self.adam_rate)
            && (0.0..10.0).contains(&self.weight_decay)
            && self.clip > 0.0
        {
            true => Ok(()),
            false => Err(Error::Params(
                "the optimiser: rates must be above 0, momentum and betas in [0, 1), the decay at least 0, the clip above 0".into(),
            )),
        }
    }

    /// One step, the `step`th from 1, with all rates times `share`. `first` and `second` are what is remembered; the second is
    /// empty for matrices within the layers.
    pub(crate) fn step(
        &self,
        shape: &Shape,
        step: u64,
        share: f64,
        weights: &mut Weights,
        gradients: &Weights,
        memory: &mut Memory,
    ) {
        let squares: f64 = gradients
            .values
            .par_iter()
            .map(|values| values.iter().map(|g| f64::from(*g) * f64::from(*g)).sum::<f64>())
            .collect::<Vec<f64>>()
            .into_iter()
            .sum();
        let scale = (self.clip / squares.sqrt().max(self.clip)) as f32;
        let names = Weights::names(shape);
        names
            .par_iter()
            .zip(&mut weights.values)
            .zip(&gradients.values)
            .zip(&mut memory.first)
            .zip(&mut memory.second)
            .for_each(
                |(((((_, kind, size), values), gradient), first), second)| match kind {
                    Kind::Inner(parts) => {
                        let rate = self.rate * share;
                        self.muon(*parts, *size, rate, values, gradient, first);
                    }
                    _ => {
                        let decay = match kind {
                            Kind::Outer => self.weight_decay,
                            _ => 0.0,
                        };
                        adam(
                            self.betas,
                            step,
                            self.adam_rate * share,
                            decay,
                            scale,
                            values,
                            gradient,
                            (first, second),
                        );
                    }
                },
            );
    }

    /// Muon (Jordan and others 2024): momentum whose singular values are all brought near 1.
    fn muon(
        &self,
        parts: usize,
        [rows, columns]: [usize; 2],
        rate: f64,
        values: &mut [f32],
        gradient: &[f32],
        momentum: &mut [f32],
    ) {
        let keep = self.momentum as f32;
        for (m, g) in momentum.iter_mut().zip(gradient) {
            *m += (g - *m) * (1.0 - keep);
        }
        let own = columns / parts;
        let longer = (own as f64 / rows as f64).max(1.0).sqrt();
        let decay = (1.0 - rate * self.weight_decay) as f32;
        for part in 0..parts {
            let place = |at: usize| at / own * columns + part * own + at % own;
            // Nesterov's look ahead.
            let ahead: Vec<f32> = (0..rows * own)
                .map(|at| gradient[place(at)] * (1.0 - keep) + momentum[place(at)] * keep)
                .collect();
            let step = orthogonal(ahead, rows, own);
            let rate = (rate * longer) as f32;
            for (at, step) in step.into_iter().enumerate() {
                let value = &mut values[place(at)];
                *value = *value * decay - rate * step;
            }
        }
    }
}

/// AdamW's step number `step`, from 1, along a gradient times `scale`; what is remembered are the means of the gradient and of its square.
#[allow(clippy::too_many_arguments)]
pub(crate) fn adam(
    betas: [f64; 2],
    step: u64,
    rate: f64,
    decay: f64,
    scale: f32,
    values: &mut [f32],
    gradient: &[f32],
    (first, second): (&mut [f32], &mut [f32]),
) {
    let power = |beta: f64| 1.0 - beta.powf(step as f64);
    let along = (rate * power(betas[1]).sqrt() / power(betas[0])) as f32;
    let kept = (1.0 - rate * decay) as f32;
    let (keep1, keep2) = (betas[0] as f32, betas[1] as f32);
    let all = values.iter_mut().zip(gradient);
    for ((value, g), (m, v)) in all.zip(first.iter_mut().zip(second)) {
        let g = g * scale;
        *m += (g - *m) * (1.0 - keep1);
        *v += (g * g - *v) * (1.0 - keep2);
        *value = *value * kept - along * *m / (v.sqrt() + 1e-9);
    }
}

/// A matrix with the same singular vectors and singular values near 1, by five steps of a quintic iteration.
fn orthogonal(matrix: Vec<f32>, rows: usize, columns: usize) -> Vec<f32> {
    const A: f32 = 3.4445;
    const B: f32 = -4.7750;
    const C: f32 = 2.0315;
    let turn = |matrix: &[f32], columns: usize| -> Vec<f32> {
        let rows = matrix.len() / columns;
        (0..matrix.len())
            .map(|at| matrix[at % rows * columns + at / rows])
            .collect()
    };
    let tall = rows > columns;
    let (mut x, small, long) = match tall {
        true => (turn(&matrix, columns), columns, rows),
        false => (matrix, rows, columns),
    };
    let norm = x
        .iter()
        .map(|v| f64::from(*v) * f64::from(*v))
        .sum::<f64>()
        .sqrt();
    let scale = (1.0 / (norm + 1e-12)) as f32;
    x.iter_mut().for_each(|v| *v *= scale);
    let mut square = vec![0.0; small * small];
    let mut both = vec![0.0; small * small];
    let mut next = vec![0.0; small * long];
    for _ in 0..5 {
        times_turned(Rows::new(&x, long), Rows::new(&x, long), 0.0, &mut square, small);
        both.copy_from_slice(&square);
        add_times(
            C,
            Rows::new(&square, small),
            Rows::new(&square, small),
            B,
            &mut both,
            small,
        );
        next.copy_from_slice(&x);
        add_times(
            1.0,
            Rows::new(&both, small),
            Rows::new(&x, long),
            A,
            &mut next,
            long,
        );
        std::mem::swap(&mut x, &mut next);
    }
    match tall {
        true => turn(&x, long),
        false => x,
    }
}

/// What the optimiser remembers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Memory {
    /// Mean gradients.
    pub first: Vec<Vec<f32>>,
    /// Mean squares; empty for matrices within the layers.
    pub second: Vec<Vec<f32>>,
}

impl Memory {
    pub fn new(shape: &Shape) -> Self {
        let names = Weights::names(shape);
        Memory {
            first: Weights::zeros(shape).values,
            second: names
                .iter()
                .map(|(_, kind, [rows, columns])| match kind {
                    Kind::Inner(_) => Vec::new(),
                    _ => vec![0.0; rows * columns],
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use melisma_dataset::rng::Rng;

    use super::*;
    use crate::network::unit;

    #[test]
    fn singular_values_are_brought_near_one() {
        let mut rng = Rng::new(1);
        for (rows, columns) in [(6, 6), (5, 20), (20, 5)] {
            let matrix: Vec<f32> = (0..rows * columns).map(|_| unit(&mut rng) - 0.5).collect();
            let x = orthogonal(matrix, rows, columns);
            let small = rows.min(columns);
            // The smaller Gram matrix is near the identity: its trace is the sum of squared singular values.
            let trace: f32 = x.iter().map(|v| v * v).sum();
            assert!((trace / small as f32 - 1.0).abs() < 0.35, "{trace} of {small}");
        }
    }
}
