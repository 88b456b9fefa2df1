//! Multinomial logistic regression with any of scikit-learn's penalties.
//!
//! Minimises `C Σ wᵢ log loss(xᵢ, yᵢ) + r ‖W‖₁ + (1 - r) ½ ‖W‖²` over weights W and unpenalised intercepts, the objective
//! of scikit-learn's `LogisticRegression(C)`: r is 0 for `l2`, 1 for `l1`, `l1_ratio` for `elastic_net`, and without a
//! penalty only the loss counts. Smooth objectives go to L-BFGS in a basis in which the inputs are white, the others to its
//! orthant-wise variant. Probabilities equal scikit-learn's (golden test).

mod lbfgs;
mod objective;

use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

use crate::payload::{Reader, Writer};
use crate::{Error, Examples, Result, softmax_rows};
use objective::Objective;

/// What is added to the loss to keep weights small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Penalty {
    /// Nothing.
    None,
    /// The sum of the weights' absolute values (lasso): many weights become exactly 0.
    L1,
    /// Half the sum of the squared weights (ridge).
    #[default]
    L2,
    /// A mixture of both, see [`LogisticParams::l1_ratio`].
    ElasticNet,
}

/// Parameters of [`Logistic`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogisticParams {
    /// The inverse strength of the penalty, as in scikit-learn; infinity is the same as no penalty.
    pub c: f64,
    /// The penalty.
    pub penalty: Penalty,
    /// The share of the absolute values in the elastic net, 0 to 1; other penalties do not look at it.
    pub l1_ratio: f64,
    /// Whether classes weigh the same whatever their number of rows.
    pub balanced: bool,
    /// The largest number of iterations.
    pub max_iter: usize,
    /// Stop when no entry of the gradient, divided by `C` and the number of rows, exceeds this.
    pub tol: f64,
}

impl Default for LogisticParams {
    fn default() -> Self {
        LogisticParams {
            c: 1.0,
            penalty: Penalty::L2,
            l1_ratio: 0.5,
            balanced: false,
            max_iter: 1000,
            tol: 1e-6,
        }
    }
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
        if self.c.is_nan() || self.c <= 0.0 {
            return fault(format!("C is {}", self.c));
        }
        if !(0.0..=1.0).contains(&self.l1_ratio) {
            return fault(format!("l1_ratio is {}", self.l1_ratio));
        }
        if self.tol.is_nan() || self.tol <= 0.0 || self.max_iter == 0 {
            return fault(format!("tol is {}, max_iter {}", self.tol, self.max_iter));
        }
        Ok(())
    }

    /// The factors of the absolute and of the squared weights, relative to `C` times the loss.
    fn shares(&self) -> (f64, f64) {
        match self.penalty {
            Penalty::None => (0.0, 0.0),
            Penalty::L1 => (1.0, 0.0),
            Penalty::L2 => (0.0, 1.0),
            Penalty::ElasticNet => (self.l1_ratio, 1.0 - self.l1_ratio),
        }
    }

    /// Fits the weights.
    ///
    /// # Errors
    /// As [`LogisticParams::check`].
    pub fn fit(&self, examples: &Examples) -> Result<Logistic> {
        self.check()?;
        let (of_present, shifts) = Objective::new(self, examples)?.minimise(self.max_iter);
        let mut weights = Array2::zeros((examples.x().ncols(), examples.classes()));
        let mut intercepts = vec![f64::NEG_INFINITY; examples.classes()];
        for (column, &class) in examples.present().iter().enumerate() {
            weights.column_mut(class).assign(&of_present.column(column));
            intercepts[class] = shifts[column];
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
    /// The scores whose softmax the probabilities are, shape (rows, classes).
    pub fn margins(&self, x: &Array2<f64>) -> Array2<f64> {
        x.dot(&self.weights) + &Array1::from(self.intercepts.clone())
    }

    /// The probability of each class for each row, shape (rows, classes).
    pub fn predict_proba(&self, x: &Array2<f64>) -> Array2<f64> {
        let mut scores = x.dot(&self.weights);
        scores += &Array1::from(self.intercepts.clone());
        softmax_rows(&mut scores);
        scores
    }

    /// The weights, shape (inputs, classes); 0 for a class without training rows.
    pub fn weights(&self) -> &Array2<f64> {
        &self.weights
    }

    /// The intercept of each class; minus infinity for a class without training rows.
    pub fn intercepts(&self) -> &[f64] {
        &self.intercepts
    }

    /// The sum over the classes of each input's squared weights.
    pub(crate) fn importances(&self) -> Vec<f64> {
        let rows = self.weights.rows();
        rows.into_iter().map(|row| row.dot(&row)).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn params() -> LogisticParams {
        LogisticParams {
            max_iter: 500,
            tol: 1e-10,
            ..LogisticParams::default()
        }
    }

    #[test]
    fn a_class_without_rows_has_probability_zero() {
        let examples = Examples::new(array![[0.0], [1.0]], vec![0, 2], 4).unwrap();
        let model = params().fit(&examples).unwrap();
        let p = model.predict_proba(&array![[0.9]]);
        assert_eq!((p[[0, 1]], p[[0, 3]]), (0.0, 0.0));
        assert!(p[[0, 2]] > 0.5 && (p.sum() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn constant_and_repeated_inputs_do_no_harm() {
        let x = array![[0.0, 5.0, 0.0], [1.0, 5.0, 1.0], [0.4, 5.0, 0.4], [0.6, 5.0, 0.6]];
        let examples = Examples::new(x.clone(), vec![0, 1, 1, 0], 2).unwrap();
        for penalty in [Penalty::None, Penalty::L1, Penalty::L2, Penalty::ElasticNet] {
            let model = LogisticParams { penalty, ..params() }.fit(&examples).unwrap();
            assert_eq!(model.weights().row(1).sum(), 0.0, "{penalty:?}");
            assert!(
                model.predict_proba(&x).iter().all(|p| p.is_finite()),
                "{penalty:?}"
            );
        }
    }

    #[test]
    fn parameters_are_checked() {
        let with = |change: fn(&mut LogisticParams)| {
            let mut params = params();
            change(&mut params);
            params.check()
        };
        assert!(with(|p| p.c = f64::INFINITY).is_ok());
        assert!(with(|p| p.c = 0.0).is_err());
        assert!(with(|p| p.c = f64::NAN).is_err());
        assert!(with(|p| p.tol = 0.0).is_err());
        assert!(with(|p| p.max_iter = 0).is_err());
        assert!(with(|p| p.l1_ratio = 1.5).is_err());
    }
}
