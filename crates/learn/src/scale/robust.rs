//! Scaling of inputs by their quartiles, which outliers do not move.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::{by_column, quantile_of, sorted_columns, sound};
use crate::payload::{Reader, Writer};
use crate::{Examples, Result};

/// Parameters of [`Robust`]: there are none.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RobustParams {}

impl RobustParams {
    /// Takes medians and distances between quartiles from the examples.
    pub fn fit(&self, examples: &Examples) -> Robust {
        let (mut median, mut scale) = (Vec::new(), Vec::new());
        for sorted in sorted_columns(examples.x()) {
            let distance = quantile_of(&sorted, 0.75) - quantile_of(&sorted, 0.25);
            let usable = distance >= 10.0 * f64::EPSILON && distance.is_finite();
            median.push(quantile_of(&sorted, 0.5));
            scale.push(if usable { distance } else { 1.0 });
        }
        Robust { median, scale }
    }
}

/// Subtracts the median and divides by the distance between the quartiles (scikit-learn's `RobustScaler`).
///
/// An input whose quartiles coincide is left at its distance from the median.
#[derive(Debug, Clone, PartialEq)]
pub struct Robust {
    median: Vec<f64>,
    scale: Vec<f64>,
}

impl Robust {
    /// The number of inputs.
    pub fn width(&self) -> usize {
        self.median.len()
    }

    /// The scaled rows, shape (rows, inputs).
    pub fn transform(&self, x: Array2<f64>) -> Array2<f64> {
        by_column(x, |column, value| {
            (value - self.median[column]) / self.scale[column]
        })
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.exact(&self.median);
        out.exact(&self.scale);
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<Robust> {
        let (median, scale) = (input.exact()?, input.exact()?);
        sound(median.len() == scale.len() && median.iter().all(|v| v.is_finite()))?;
        sound(scale.iter().all(|&v| v > 0.0 && v.is_finite()))?;
        Ok(Robust { median, scale })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn an_outlier_moves_nothing() {
        let x = array![[1.0, 7.0], [2.0, 7.0], [3.0, 7.0], [4.0, 7.0], [1e9, 9.0]];
        let examples = Examples::new(x, vec![0, 1, 1, 0, 1], 2).unwrap();
        let scaler = RobustParams {}.fit(&examples);
        assert_eq!(
            scaler.transform(array![[3.0, 7.0], [5.0, 6.0]]),
            array![[0.0, 0.0], [1.0, -1.0]]
        );
    }
}
