//! Scaling of inputs to mean 0 and standard deviation 1.

use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

use crate::payload::{Reader, Writer};
use crate::{Error, Examples, Result};

/// Parameters of [`Standard`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandardParams {
    /// Scaled values beyond plus or minus this many standard deviations are set to it.
    ///
    /// Sound unlike anything in the training rows (silence, test tones) then cannot drive a linear
    /// classifier to certainty. Infinity, the default, turns it off, which is scikit-learn's `StandardScaler`.
    #[serde(default = "no_limit", skip_serializing_if = "is_no_limit")]
    pub limit: f64,
}

fn no_limit() -> f64 {
    f64::INFINITY
}

/// JSON has no infinity, so it is left out.
fn is_no_limit(limit: &f64) -> bool {
    *limit == f64::INFINITY
}

impl Default for StandardParams {
    fn default() -> Self {
        StandardParams { limit: no_limit() }
    }
}

impl StandardParams {
    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error::Params`] when the limit is not positive.
    pub fn check(&self) -> Result<()> {
        if self.limit > 0.0 {
            return Ok(());
        }
        Err(Error::Params {
            estimator: "standard",
            message: format!("limit is {}", self.limit),
        })
    }

    /// Takes means and standard deviations from the examples.
    ///
    /// # Errors
    /// As [`StandardParams::check`].
    pub fn fit(&self, examples: &Examples) -> Result<Standard> {
        self.check()?;
        let mean = examples.x().mean_axis(Axis(0)).unwrap_or_default();
        let variance = examples.x().var_axis(Axis(0), 0.0);
        let rows = examples.y().len() as f64;
        let scale = |(&variance, &mean): (&f64, &f64)| {
            // What rounding alone may leave of a constant (scikit-learn's bound).
            let rounding = rows * f64::EPSILON * variance + (rows * mean * f64::EPSILON).powi(2);
            let usable = variance.is_finite() && variance > rounding && variance.sqrt() > f64::EPSILON;
            if usable { variance.sqrt() } else { 1.0 }
        };
        Ok(Standard {
            scale: variance.iter().zip(&mean).map(scale).collect(),
            mean: mean.to_vec(),
            limit: self.limit,
        })
    }
}

/// Subtracts a mean and divides by a standard deviation (of the population, as `numpy.std`).
///
/// A constant input is left at its distance from the mean.
#[derive(Debug, Clone, PartialEq)]
pub struct Standard {
    mean: Vec<f64>,
    scale: Vec<f64>,
    limit: f64,
}

impl Standard {
    /// The number of inputs.
    pub fn width(&self) -> usize {
        self.mean.len()
    }

    /// The scaled rows, shape (rows, inputs).
    pub fn transform(&self, mut x: Array2<f64>) -> Array2<f64> {
        for mut row in x.rows_mut() {
            for ((value, mean), scale) in row.iter_mut().zip(&self.mean).zip(&self.scale) {
                *value = ((*value - mean) / scale).clamp(-self.limit, self.limit);
            }
        }
        x
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.exact(&self.mean);
        out.exact(&self.scale);
        out.exact(&[self.limit]);
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<Standard> {
        Standard::of(input.exact()?, input.exact()?, input.exact()?)
    }

    fn of(mean: Vec<f64>, scale: Vec<f64>, limit: Vec<f64>) -> Result<Standard> {
        let [limit] = limit[..] else {
            return Err(Error::Model("the scaler has no limit".to_owned()));
        };
        let sound = limit > 0.0 && mean.len() == scale.len() && scale.iter().all(|&s| s > 0.0);
        if sound {
            Ok(Standard { mean, scale, limit })
        } else {
            Err(Error::Model("malformed scaler".to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn means_vanish_constants_survive_and_outliers_are_held() {
        let x = array![[1.0, 7.0], [3.0, 7.0]];
        let examples = Examples::new(x.clone(), vec![0, 1], 2).unwrap();
        let scaler = StandardParams { limit: 2.0 }.fit(&examples).unwrap();
        assert_eq!(scaler.transform(x), array![[-1.0, 0.0], [1.0, 0.0]]);
        assert_eq!(scaler.transform(array![[100.0, 7.5]]), array![[2.0, 0.5]]);
        assert!(StandardParams { limit: 0.0 }.fit(&examples).is_err());
    }
}
