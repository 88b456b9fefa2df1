//! Multinomial logistic regression.
//!
//! Minimises `C Σ wᵢ log loss(xᵢ, yᵢ) + ½ ‖W‖²` over weights W and unpenalised intercepts, the objective
//! of scikit-learn's `LogisticRegression(C)`, by L-BFGS (Nocedal and Wright, "Numerical Optimization", algorithm
//! 7.4) with a backtracking line search. Probabilities equal scikit-learn's (golden test).

use std::collections::VecDeque;

use ndarray::{Array1, Array2, Axis, Slice, Zip};
use serde::{Deserialize, Serialize};

use crate::payload::{Reader, Writer};
use crate::{Error, Examples, Result, softmax_rows};

/// Corrections L-BFGS remembers.
const MEMORY: usize = 10;

/// Parameters of [`Logistic`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogisticParams {
    /// The inverse strength of the L2 penalty, as in scikit-learn.
    pub c: f64,
    /// Whether classes weigh the same whatever their number of rows.
    #[serde(default)]
    pub balanced: bool,
    /// The largest number of iterations.
    #[serde(default = "default_max_iter")]
    pub max_iter: usize,
    /// Stop when no entry of the gradient, divided by `C` and the number of rows, exceeds this.
    #[serde(default = "default_tol")]
    pub tol: f64,
}

fn default_max_iter() -> usize {
    1000
}

fn default_tol() -> f64 {
    1e-6
}

impl LogisticParams {
    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error::Params`] naming the first that is out of range.
    pub fn check(&self) -> Result<()> {
        let fault = |message: String| {
            Err(Error::Params {
                estimator: "logistic",
                message,
            })
        };
        if !(self.c > 0.0 && self.c.is_finite()) {
            return fault(format!("C is {}", self.c));
        }
        if self.tol.is_nan() || self.tol <= 0.0 || self.max_iter == 0 {
            return fault(format!("tol is {}, max_iter {}", self.tol, self.max_iter));
        }
        Ok(())
    }

    /// Fits the weights.
    ///
    /// # Errors
    /// As [`LogisticParams::check`].
    pub fn fit(&self, examples: &Examples) -> Result<Logistic> {
        self.check()?;
        let objective = Objective::new(self, examples);
        let present = examples.present();
        let theta = objective.minimise(self.max_iter, self.tol);
        let mut weights = Array2::zeros((examples.x().ncols(), examples.classes()));
        let mut intercepts = vec![f64::NEG_INFINITY; examples.classes()];
        for (column, &class) in present.iter().enumerate() {
            let last = theta.nrows() - 1;
            weights
                .column_mut(class)
                .assign(&theta.column(column).slice_axis(Axis(0), Slice::from(..last)));
            intercepts[class] = theta[[last, column]];
        }
        Ok(Logistic { weights, intercepts })
    }
}

/// A fitted multinomial logistic regression.
#[derive(Debug, Clone, PartialEq)]
pub struct Logistic {
    /// Shape (inputs, classes).
    weights: Array2<f64>,
    /// Minus infinity for a class without training rows.
    intercepts: Vec<f64>,
}

impl Logistic {
    /// The probability of each class for each row, shape (rows, classes).
    pub fn predict_proba(&self, x: &Array2<f64>) -> Array2<f64> {
        let mut scores = x.dot(&self.weights);
        scores += &Array1::from(self.intercepts.clone());
        softmax_rows(&mut scores);
        scores
    }

    pub(crate) fn shape(&self) -> (usize, usize) {
        self.weights.dim()
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.matrix(&self.weights);
        out.vector(&self.intercepts);
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<Logistic> {
        let (weights, intercepts) = (input.matrix()?, input.vector()?);
        let sound = weights.ncols() == intercepts.len()
            && intercepts.iter().any(|value| value.is_finite())
            && intercepts.iter().all(|&value| value < f64::INFINITY);
        if sound {
            Ok(Logistic { weights, intercepts })
        } else {
            Err(Error::Model("malformed logistic regression".to_owned()))
        }
    }
}

/// The function L-BFGS minimises, divided by `C` and the number of rows, so that tolerances mean the same everywhere.
struct Objective<'a> {
    examples: &'a Examples,
    /// The column of each class among those present.
    column: Vec<usize>,
    present: usize,
    weights: Vec<f64>,
    penalty: f64,
}

impl<'a> Objective<'a> {
    fn new(params: &LogisticParams, examples: &'a Examples) -> Self {
        let present = examples.present();
        let mut column = vec![0; examples.classes()];
        present
            .iter()
            .enumerate()
            .for_each(|(index, &class)| column[class] = index);
        let rows = examples.y().len() as f64;
        Objective {
            examples,
            column,
            present: present.len(),
            weights: examples.weights(params.balanced),
            penalty: 1.0 / (params.c * rows),
        }
    }

    /// Value and gradient at `theta`, shape (inputs + 1, present classes), intercepts last.
    fn evaluate(&self, theta: &Array2<f64>) -> (f64, Array2<f64>) {
        let x = self.examples.x();
        let last = theta.nrows() - 1;
        let weights = theta.slice_axis(Axis(0), Slice::from(..last));
        let mut residual = x.dot(&weights) + theta.row(last);
        let rows = residual.nrows() as f64;
        let mut loss = 0.0;
        for ((mut row, &class), &weight) in residual
            .rows_mut()
            .into_iter()
            .zip(self.examples.y())
            .zip(&self.weights)
        {
            let top = row.fold(f64::NEG_INFINITY, |a, &b| a.max(b));
            let target = self.column[class];
            let own = row[target];
            row.mapv_inplace(|score| (score - top).exp());
            let sum = row.sum();
            loss += weight * (sum.ln() + top - own);
            row.mapv_inplace(|e| weight * e / sum);
            row[target] -= weight;
        }
        let mut gradient = Array2::zeros(theta.raw_dim());
        let mut of_weights = gradient.slice_axis_mut(Axis(0), Slice::from(..last));
        of_weights.assign(&(x.t().dot(&residual) / rows));
        of_weights.scaled_add(self.penalty, &weights);
        gradient
            .row_mut(last)
            .assign(&(residual.sum_axis(Axis(0)) / rows));
        let squares = weights.iter().map(|w| w * w).sum::<f64>();
        (loss / rows + 0.5 * self.penalty * squares, gradient)
    }

    fn minimise(&self, max_iter: usize, tol: f64) -> Array2<f64> {
        let mut theta = Array2::zeros((self.examples.x().ncols() + 1, self.present));
        let (mut value, mut gradient) = self.evaluate(&theta);
        let mut memory: VecDeque<(Array2<f64>, Array2<f64>, f64)> = VecDeque::with_capacity(MEMORY);
        for _ in 0..max_iter {
            if gradient.iter().all(|g| g.abs() <= tol) {
                break;
            }
            let direction = descend(&gradient, &memory);
            let slope = dot(&direction, &gradient);
            let mut step = if memory.is_empty() {
                1.0 / (1.0 + dot(&gradient, &gradient).sqrt())
            } else {
                1.0
            };
            let (next, next_value, next_gradient) = loop {
                let next = &theta + &(step * &direction);
                let (next_value, next_gradient) = self.evaluate(&next);
                if next_value <= value + 1e-4 * step * slope || step < 1e-12 {
                    break (next, next_value, next_gradient);
                }
                step *= 0.5;
            };
            if next_value >= value {
                break; // the line search found nothing better: the minimum to working precision
            }
            let (moved, turned) = (&next - &theta, &next_gradient - &gradient);
            let curvature = dot(&moved, &turned);
            if curvature > 0.0 {
                if memory.len() == MEMORY {
                    memory.pop_front();
                }
                memory.push_back((moved, turned, 1.0 / curvature));
            }
            (theta, value, gradient) = (next, next_value, next_gradient);
        }
        theta
    }
}

fn dot(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    Zip::from(a).and(b).fold(0.0, |sum, a, b| sum + a * b)
}

/// Minus the inverse Hessian, as remembered, times the gradient (the two-loop recursion).
fn descend(gradient: &Array2<f64>, memory: &VecDeque<(Array2<f64>, Array2<f64>, f64)>) -> Array2<f64> {
    let mut q = -gradient;
    let mut alphas = Vec::with_capacity(memory.len());
    for (moved, turned, rho) in memory.iter().rev() {
        let alpha = rho * dot(moved, &q);
        q.scaled_add(-alpha, turned);
        alphas.push(alpha);
    }
    if let Some((_, turned, rho)) = memory.back() {
        q *= 1.0 / (rho * dot(turned, turned));
    }
    for ((moved, turned, rho), alpha) in memory.iter().zip(alphas.into_iter().rev()) {
        let beta = rho * dot(turned, &q);
        q.scaled_add(alpha - beta, moved);
    }
    q
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    const PARAMS: LogisticParams = LogisticParams {
        c: 1.0,
        balanced: false,
        max_iter: 500,
        tol: 1e-10,
    };

    #[test]
    fn the_gradient_is_the_derivative() {
        let x = array![[1.0, -0.3], [0.2, 0.5], [-1.0, 2.0], [0.4, 0.1]];
        let examples = Examples::new(x, vec![0, 1, 2, 1], 3).unwrap();
        let objective = Objective::new(
            &LogisticParams {
                balanced: true,
                ..PARAMS
            },
            &examples,
        );
        let theta = Array2::from_shape_fn((3, 3), |(i, j)| 0.3 * i as f64 - 0.2 * j as f64);
        let (_, gradient) = objective.evaluate(&theta);
        for index in ndarray::indices((3, 3)) {
            let at = |shift: f64| {
                let mut moved = theta.clone();
                moved[index] += shift;
                objective.evaluate(&moved).0
            };
            let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!(
                (slope - gradient[index]).abs() < 1e-8,
                "{index:?} {slope} {}",
                gradient[index]
            );
        }
    }

    #[test]
    fn a_class_without_rows_has_probability_zero() {
        let examples = Examples::new(array![[0.0], [1.0]], vec![0, 2], 4).unwrap();
        let model = PARAMS.fit(&examples).unwrap();
        let p = model.predict_proba(&array![[0.9]]);
        assert_eq!((p[[0, 1]], p[[0, 3]]), (0.0, 0.0));
        assert!(p[[0, 2]] > 0.5 && (p.sum() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn parameters_are_checked() {
        for params in [
            LogisticParams { c: 0.0, ..PARAMS },
            LogisticParams {
                c: f64::NAN,
                ..PARAMS
            },
            LogisticParams { tol: 0.0, ..PARAMS },
            LogisticParams {
                max_iter: 0,
                ..PARAMS
            },
        ] {
            assert!(params.check().is_err(), "{params:?}");
        }
    }
}
