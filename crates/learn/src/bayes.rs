//! Gaussian naive Bayes: in each class, every input is normal and independent of the others.
//!
//! It is scikit-learn's `GaussianNB`, with classes as probable as their share of the training rows.

use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

use crate::payload::{Reader, Writer};
use crate::{Error, Examples, Result, softmax_rows};

/// No variance is taken for less: where all inputs are constant, smoothing adds nothing.
const LEAST_VARIANCE: f64 = 1e-150;

/// Parameters of [`Bayes`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BayesParams {
    /// This share of the greatest variance of any input is added to all variances (`var_smoothing`).
    pub smoothing: f64,
}

impl Default for BayesParams {
    fn default() -> Self {
        BayesParams { smoothing: 1e-9 }
    }
}

impl BayesParams {
    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error::Params`] when smoothing is negative or not finite.
    pub fn check(&self) -> Result<()> {
        if self.smoothing >= 0.0 && self.smoothing.is_finite() {
            return Ok(());
        }
        Err(Error::Params {
            estimator: "bayes",
            message: format!("smoothing is {}", self.smoothing),
        })
    }

    /// Takes means and variances of each class from the examples.
    ///
    /// # Errors
    /// As [`BayesParams::check`].
    pub fn fit(&self, examples: &Examples) -> Result<Bayes> {
        self.check()?;
        let (rows, inputs) = examples.x().dim();
        let largest = examples
            .x()
            .var_axis(Axis(0), 0.0)
            .fold(0.0f64, |a, &b| a.max(b))
            .min(f64::MAX);
        let mut model = Bayes {
            means: Array2::zeros((examples.classes(), inputs)),
            variances: Array2::ones((examples.classes(), inputs)),
            log_priors: vec![f64::NEG_INFINITY; examples.classes()],
        };
        for class in examples.present() {
            let own: Vec<usize> = (0..rows).filter(|&row| examples.y()[row] == class).collect();
            let own = examples.x().select(Axis(0), &own);
            let variances = own
                .var_axis(Axis(0), 0.0)
                .mapv(|v| (v + self.smoothing * largest).clamp(LEAST_VARIANCE, f64::MAX));
            model.variances.row_mut(class).assign(&variances);
            model
                .means
                .row_mut(class)
                .assign(&own.mean_axis(Axis(0)).unwrap_or_default());
            model.log_priors[class] = (own.nrows() as f64 / rows as f64).ln();
        }
        Ok(model)
    }
}

/// Fitted Gaussian naive Bayes.
#[derive(Debug, Clone, PartialEq)]
pub struct Bayes {
    /// Shape (classes, inputs).
    means: Array2<f64>,
    /// Shape (classes, inputs), all positive.
    variances: Array2<f64>,
    /// Minus infinity for a class without training rows.
    log_priors: Vec<f64>,
}

impl Bayes {
    /// The probability of each class for each row, shape (rows, classes).
    ///
    /// # Panics
    /// If `x` has another number of inputs than the examples had.
    pub fn predict_proba(&self, x: &Array2<f64>) -> Array2<f64> {
        assert_eq!(
            x.ncols(),
            self.means.ncols(),
            "rows have the inputs of the examples"
        );
        let spread: Vec<f64> = self
            .variances
            .rows()
            .into_iter()
            .map(|row| row.iter().map(|v| (2.0 * std::f64::consts::PI * v).ln()).sum())
            .collect();
        let mut scores = Array2::zeros((x.nrows(), self.log_priors.len()));
        for (row, mut scores) in x.rows().into_iter().zip(scores.rows_mut()) {
            for (class, score) in scores.iter_mut().enumerate() {
                let (means, variances) = (self.means.row(class), self.variances.row(class));
                let distance: f64 = row
                    .iter()
                    .zip(means)
                    .zip(variances)
                    .map(|((x, mean), variance)| (x - mean) * (x - mean) / variance)
                    .sum();
                // Even the farthest row has a nearest class.
                let log_likelihood = (-0.5 * (spread[class] + distance)).max(f64::MIN);
                *score = self.log_priors[class] + log_likelihood;
            }
        }
        softmax_rows(&mut scores);
        scores
    }

    pub(crate) fn shape(&self) -> (usize, usize) {
        (self.means.ncols(), self.means.nrows())
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.exact_matrix(&self.means);
        out.exact_matrix(&self.variances);
        out.exact(&self.log_priors);
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<Bayes> {
        let (means, variances, log_priors) = (input.exact_matrix()?, input.exact_matrix()?, input.exact()?);
        let sound = means.dim() == variances.dim()
            && means.nrows() == log_priors.len()
            && variances.iter().all(|&v| v >= LEAST_VARIANCE)
            && log_priors.iter().any(|v| v.is_finite())
            && log_priors.iter().all(|&v| v <= 0.0);
        if sound {
            Ok(Bayes {
                means,
                variances,
                log_priors,
            })
        } else {
            Err(Error::Model("malformed naive Bayes".to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_normal_density_is_weighed_by_its_prior() {
        let x = array![[-1.0], [1.0], [2.0], [4.0], [2.0], [4.0]];
        let examples = Examples::new(x, vec![0, 0, 2, 2, 2, 2], 3).unwrap();
        let model = BayesParams { smoothing: 0.0 }.fit(&examples).unwrap();
        let p = model.predict_proba(&array![[1.5]]);
        assert!((p[[0, 0]] - 1.0 / 3.0).abs() < 1e-12, "{p}");
        assert_eq!(p[[0, 1]], 0.0);
    }

    #[test]
    fn constant_inputs_and_far_rows_give_finite_probabilities() {
        let examples = Examples::new(array![[3.0], [3.0], [3.0]], vec![0, 1, 1], 2).unwrap();
        let model = BayesParams { smoothing: 0.0 }.fit(&examples).unwrap();
        for value in [3.0, 4.0, 1e300, -1e300] {
            let p = model.predict_proba(&array![[value]]);
            assert!(
                p.iter().all(|p| p.is_finite()) && (p.sum() - 1.0).abs() < 1e-12,
                "{value} {p}"
            );
        }
        assert!(BayesParams { smoothing: -1.0 }.check().is_err());
    }
}
