//! The penalised log loss, in a basis in which it is easy to minimise.
//!
//! The inputs are centred (which only shifts the intercepts) and multiplied by T: with Z = X T and W = T V the loss of V on
//! Z is the loss of W on X. Where squares are penalised, T makes the inputs white: by Böhning's bound
//! ("Multinomial logistic regression algorithm", 1992) the Hessian of the mean log loss is at most `½ XᵀX / rows`, so that in this
//! basis no direction is much steeper than another. Without a penalty it does so by half. Absolute values are tied to the inputs; there T only scales each.

use ndarray::{Array1, Array2, Axis, Slice, Zip};

use super::LogisticParams;
use super::lbfgs::{self, Function};
use crate::linalg::{cholesky, solve_lower};
use crate::{Examples, Result};

/// What is added to the diagonal of the inputs' correlations, so that dependent inputs can be made white.
const RIDGE: f64 = 1e-7;

/// The function to minimise, divided by `C` and the number of rows, so that tolerances mean the same everywhere.
pub(super) struct Objective {
    /// The centred inputs in the new basis, shape (rows, inputs).
    z: Array2<f64>,
    mean: Array1<f64>,
    /// T, shape (inputs, inputs).
    basis: Array2<f64>,
    /// S and L of T = S⁻¹ L⁻ᵀ, which turn gradients back: the inputs' deviations, and a lower triangle.
    scale: Array1<f64>,
    factor: Array2<f64>,
    /// The column of each row's class among those present.
    target: Vec<usize>,
    present: usize,
    weights: Vec<f64>,
    l2: f64,
    /// The factor of each absolute value in the new basis, the intercepts' 0.
    absolute: Option<Array2<f64>>,
    tol: f64,
}

impl Objective {
    pub(super) fn new(params: &LogisticParams, examples: &Examples) -> Result<Self> {
        let present = examples.present();
        let mut column = vec![0; examples.classes()];
        present
            .iter()
            .enumerate()
            .for_each(|(index, &class)| column[class] = index);
        let rows = examples.y().len() as f64;
        let (l1, l2) = params.shares();
        let (l1, l2) = (l1 / (params.c * rows), l2 / (params.c * rows));

        let mean = examples.x().mean_axis(Axis(0)).unwrap_or_default();
        let centred = examples.x() - &mean;
        let scale = deviations(&centred);
        let scaled = &centred / &scale;
        let width = scale.len();
        let factor = if l1 > 0.0 {
            Array2::eye(width)
        } else {
            // An L2 penalty alone would make the Hessian `l2 / scale²`; a quarter stands for Böhning's bound.
            let mut bound = scaled.t().dot(&scaled) / rows;
            Zip::from(bound.diag_mut())
                .and(&scale)
                .for_each(|d, s| *d += RIDGE + 4.0 * l2 / (s * s));
            cholesky(bound)?
        };
        // scaled = centred S⁻¹, bound = L Lᵀ, Z = scaled L⁻ᵀ: its covariance is the identity.
        let whitening = solve_lower(factor.view(), Array2::eye(width)).reversed_axes();
        let z = scaled.dot(&whitening);
        let basis = &whitening / &scale.clone().insert_axis(Axis(1));
        let absolute = (l1 > 0.0).then(|| {
            let mut factors = Array2::zeros((width + 1, present.len()));
            for (mut row, s) in factors.rows_mut().into_iter().zip(&scale) {
                row.fill(l1 / s);
            }
            factors
        });
        Ok(Objective {
            z,
            mean,
            basis,
            scale,
            factor,
            target: examples.y().iter().map(|&class| column[class]).collect(),
            present: present.len(),
            weights: examples.weights(params.balanced),
            l2,
            absolute,
            tol: params.tol,
        })
    }

    /// The weights, shape (inputs, present classes), and intercepts of the minimum.
    pub(super) fn minimise(&self, max_iter: usize) -> (Array2<f64>, Array1<f64>) {
        let start = Array2::zeros((self.mean.len() + 1, self.present));
        let theta = lbfgs::minimise(self, start, max_iter);
        let last = theta.nrows() - 1;
        let weights = self.basis.dot(&theta.slice_axis(Axis(0), Slice::from(..last)));
        let intercepts = &theta.row(last) - &self.mean.dot(&weights);
        (weights, intercepts)
    }
}

/// The standard deviation of each centred column; 1 for a constant one.
fn deviations(centred: &Array2<f64>) -> Array1<f64> {
    let rows = centred.nrows() as f64;
    centred.map_axis(Axis(0), |column| {
        let deviation = (column.dot(&column) / rows).sqrt();
        if deviation > f64::MIN_POSITIVE {
            deviation
        } else {
            1.0
        }
    })
}

impl Function for Objective {
    /// Value and gradient at `theta`, shape (inputs + 1, present classes), intercepts last.
    fn evaluate(&self, theta: &Array2<f64>) -> (f64, Array2<f64>) {
        let last = theta.nrows() - 1;
        let v = theta.slice_axis(Axis(0), Slice::from(..last));
        let mut residual = self.z.dot(&v);
        residual += &theta.row(last);
        let rows = residual.nrows() as f64;
        let loss = log_loss_to_residuals(&mut residual, &self.target, &self.weights);
        let mut gradient = Array2::zeros(theta.raw_dim());
        let mut of_weights = gradient.slice_axis_mut(Axis(0), Slice::from(..last));
        ndarray::linalg::general_mat_mul(1.0 / rows, &self.z.t(), &residual, 0.0, &mut of_weights);
        let mut penalty = 0.0;
        if self.l2 > 0.0 {
            let w = self.basis.dot(&v);
            penalty = 0.5 * self.l2 * w.iter().map(|w| w * w).sum::<f64>();
            ndarray::linalg::general_mat_mul(self.l2, &self.basis.t(), &w, 1.0, &mut of_weights);
        }
        gradient
            .row_mut(last)
            .assign(&(residual.sum_axis(Axis(0)) / rows));
        (loss / rows + penalty, gradient)
    }

    fn absolute(&self) -> Option<&Array2<f64>> {
        self.absolute.as_ref()
    }

    /// Compares the gradient with respect to the weights of the centred inputs, as they came, with the tolerance.
    fn settled(&self, gradient: &Array2<f64>) -> bool {
        let last = gradient.nrows() - 1;
        let within = |g: &f64| g.abs() <= self.tol;
        // T⁻ᵀ = S L, for T = S⁻¹ L⁻ᵀ.
        let original = self
            .factor
            .dot(&gradient.slice_axis(Axis(0), Slice::from(..last)));
        gradient.row(last).iter().all(within)
            && original
                .rows()
                .into_iter()
                .zip(&self.scale)
                .all(|(row, s)| row.iter().all(|g| within(&(g * s))))
    }
}

/// The summed log loss of rows of scores, which become the derivatives of that loss.
fn log_loss_to_residuals(scores: &mut Array2<f64>, target: &[usize], weights: &[f64]) -> f64 {
    let mut loss = 0.0;
    for ((mut row, &target), &weight) in scores.rows_mut().into_iter().zip(target).zip(weights) {
        let top = row.fold(f64::NEG_INFINITY, |a, &b| a.max(b));
        let own = row[target];
        row.mapv_inplace(|score| (score - top).exp());
        let sum = row.sum();
        loss += weight * (sum.ln() + top - own);
        row.mapv_inplace(|e| weight * e / sum);
        row[target] -= weight;
    }
    loss
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_gradient_is_the_derivative() {
        let x = array![[1.0, -0.3], [0.2, 0.5], [-1.0, 2.0], [0.4, 0.1]];
        let examples = Examples::new(x, vec![0, 1, 2, 1], 3).unwrap();
        let params = LogisticParams {
            balanced: true,
            ..LogisticParams::default()
        };
        let objective = Objective::new(&params, &examples).unwrap();
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
}
