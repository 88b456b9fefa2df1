//! Calibration: probabilities that mean what they say.
//!
//! What turns a classifier's probabilities into calibrated ones is learned from out-of-fold predictions, so that it meets the
//! classifier's mistakes as they are on rows it has not seen; the classifier itself is fitted on all rows (scikit-learn's
//! `CalibratedClassifierCV(ensemble=False)`).

mod even;
mod isotonic;
mod sigmoid;
mod temperature;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::folds::{By, FoldsParams};
use crate::payload::{Reader, Writer};
use crate::{Error, Examples, Result};
use even::Weights;
use isotonic::Steps;
use sigmoid::Sigmoid;
pub(crate) use temperature::temper;
pub use temperature::{fit_temperature, tempered_means};

/// How probabilities are corrected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CalibrationKind {
    /// Platt's sigmoid of each class' log-odds against the rest, then normalised.
    Sigmoid,
    /// A rising step function of each class' probability against the rest, then normalised.
    Isotonic,
    /// One temperature for all classes; it changes no ranking within a row.
    Temperature,
    /// A weight for each class, so that they are told apart as if all were equally frequent, then normalised.
    Even,
}

/// Parameters of [`Calibration`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibrationParams {
    /// How probabilities are corrected.
    pub kind: CalibrationKind,
    /// How many folds the out-of-fold predictions come from.
    #[serde(default = "default_folds")]
    pub folds: usize,
    /// What those folds keep together.
    #[serde(default)]
    pub by: By,
    /// Breaks ties between groups.
    #[serde(default)]
    pub seed: u64,
}

fn default_folds() -> usize {
    5
}

impl CalibrationParams {
    /// A correction of this kind with everything else as it is by default.
    pub fn new(kind: CalibrationKind) -> CalibrationParams {
        CalibrationParams {
            kind,
            folds: default_folds(),
            by: By::default(),
            seed: 0,
        }
    }

    pub(crate) fn folds_params(&self) -> FoldsParams {
        FoldsParams {
            folds: self.folds,
            by: self.by,
            seed: self.seed,
        }
    }

    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error::Params`] for fewer than two folds.
    pub fn check(&self) -> Result<()> {
        self.folds_params().check("calibration")
    }

    /// Learns the correction of probabilities, shape (rows, classes), that were predicted for the rows of the examples by
    /// something that had not seen them.
    ///
    /// # Panics
    /// If the probabilities have other rows or classes than the examples.
    pub fn fit(&self, probabilities: &Array2<f64>, examples: &Examples) -> Calibration {
        let truth = examples.y();
        assert_eq!(
            probabilities.dim(),
            (truth.len(), examples.classes()),
            "every row has a probability for every class"
        );
        let each = (0..examples.classes()).map(|class| {
            let own: Vec<bool> = truth.iter().map(|&y| y == class).collect();
            (probabilities.column(class).to_vec(), own)
        });
        match self.kind {
            CalibrationKind::Sigmoid => {
                Calibration::Sigmoid(each.map(|(p, own)| Sigmoid::fit(&p, &own)).collect())
            }
            CalibrationKind::Isotonic => {
                Calibration::Isotonic(each.map(|(p, own)| Steps::fit(&p, &own)).collect())
            }
            CalibrationKind::Temperature => {
                let rows: Vec<usize> = (0..truth.len()).collect();
                Calibration::Temperature(fit_temperature(probabilities, &rows, truth))
            }
            CalibrationKind::Even => Calibration::Even(Weights::fit(probabilities, truth)),
        }
    }
}

/// A learned correction of probabilities.
#[derive(Debug, Clone, PartialEq)]
pub enum Calibration {
    /// A sigmoid for each class.
    Sigmoid(Vec<Sigmoid>),
    /// A step function for each class.
    Isotonic(Vec<Steps>),
    /// A temperature.
    Temperature(f64),
    /// A weight for each class.
    Even(Weights),
}

impl Calibration {
    /// The corrected probabilities, shape (rows, classes); every row sums to 1.
    ///
    /// A row of which every class is corrected to 0 is equally likely to be of each.
    pub fn apply(&self, mut probabilities: Array2<f64>) -> Array2<f64> {
        for mut row in probabilities.rows_mut() {
            match self {
                Calibration::Sigmoid(classes) => {
                    row.iter_mut()
                        .zip(classes)
                        .for_each(|(p, sigmoid)| *p = sigmoid.apply(*p));
                }
                Calibration::Isotonic(classes) => {
                    row.iter_mut()
                        .zip(classes)
                        .for_each(|(p, steps)| *p = steps.apply(*p));
                }
                Calibration::Temperature(t) => {
                    temper(row, *t);
                    continue;
                }
                Calibration::Even(weights) => weights.apply(row.view_mut()),
            }
            let sum = row.sum();
            if sum > 0.0 {
                row /= sum;
            } else {
                let even = 1.0 / row.len() as f64;
                row.fill(even);
            }
        }
        probabilities
    }

    /// The number of classes it was learned for; none where it takes any.
    pub(crate) fn classes(&self) -> Option<usize> {
        match self {
            Calibration::Sigmoid(classes) => Some(classes.len()),
            Calibration::Isotonic(classes) => Some(classes.len()),
            Calibration::Temperature(_) => None,
            Calibration::Even(weights) => Some(weights.numbers().len()),
        }
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        match self {
            Calibration::Sigmoid(classes) => {
                out.tag(1);
                out.exact(&classes.iter().flat_map(Sigmoid::numbers).collect::<Vec<_>>());
            }
            Calibration::Isotonic(classes) => {
                out.tag(2);
                out.whole(&[u32::try_from(classes.len()).unwrap_or(u32::MAX)]);
                classes.iter().for_each(|steps| steps.write(out));
            }
            Calibration::Temperature(t) => {
                out.tag(3);
                out.exact(&[*t]);
            }
            Calibration::Even(weights) => {
                out.tag(4);
                out.exact(weights.numbers());
            }
        }
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<Calibration> {
        let fault = || Error::Model("malformed calibration".to_owned());
        match input.tag()? {
            1 => {
                let numbers = input.exact()?;
                if numbers.is_empty() || numbers.len() % 2 != 0 || numbers.iter().any(|v| !v.is_finite()) {
                    return Err(fault());
                }
                let pairs = numbers.as_chunks::<2>().0.iter();
                Ok(Calibration::Sigmoid(
                    pairs.map(|&[a, b]| Sigmoid::new(a, b)).collect(),
                ))
            }
            2 => {
                let [count] = input.whole()?[..] else {
                    return Err(fault());
                };
                let mut classes = Vec::new();
                for _ in 0..count {
                    classes.push(Steps::read(input)?);
                }
                Ok(Calibration::Isotonic(classes))
            }
            3 => match input.exact()?[..] {
                [t] if t > 0.0 && t.is_finite() => Ok(Calibration::Temperature(t)),
                _ => Err(fault()),
            },
            4 => Weights::new(input.exact()?)
                .map(Calibration::Even)
                .ok_or_else(fault),
            tag => Err(Error::Model(format!("unknown calibration {tag}"))),
        }
    }
}
