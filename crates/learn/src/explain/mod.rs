//! Why a classifier said what it said: Shapley values of its inputs.
//!
//! What a classifier gives a row is shared among the row's inputs so that the shares and a base sum up to it exactly
//! (Lundberg and Lee, "A Unified Approach to Interpreting Model Predictions", NIPS 2017). Use [`tree`] for forests and boosting,
//! [`linear`] for logistic regression, [`kernel`] for everything else. A share says what the *model* made of an input, not what
//! causes a genre; inputs that say the same split the credit. Figures are not drawn here.

pub mod kernel;
pub mod linear;
pub mod tree;

use ndarray::{Array2, Array3, Axis};

use crate::Result;
use crate::classifier::Classifier;
use crate::pipeline::Pipeline;

/// What each input added to each class's output, for each explained row.
#[derive(Debug, Clone, PartialEq)]
pub struct Attributions {
    /// Shape (rows, inputs, classes), in the unit of the output: probability or margin.
    pub values: Array3<f64>,
    /// The output of each class where no input is known; minus infinity for the margin of a class without training rows.
    pub base: Vec<f64>,
}

impl Attributions {
    /// Base and shares summed: the explained output, shape (rows, classes).
    pub fn output(&self) -> Array2<f64> {
        let mut sum = self.values.sum_axis(Axis(1));
        for mut row in sum.rows_mut() {
            row.iter_mut()
                .zip(&self.base)
                .for_each(|(sum, base)| *sum += base);
        }
        sum
    }

    /// The mean size of each input's share over the rows, shape (inputs, classes): importance for each class. 0 without rows.
    pub fn importance(&self) -> Array2<f64> {
        let rows = self.values.len_of(Axis(0)).max(1) as f64;
        self.values.mapv(f64::abs).sum_axis(Axis(0)) / rows
    }
}

/// What is shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Probabilities.
    Probability,
    /// Scores before they become probabilities: logarithms up to a constant.
    Margin,
}

/// A pipeline explained.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// The shares of the classifier's inputs: what the steps make of the columns.
    pub attributions: Attributions,
    /// What base and shares sum up to, shape (rows, classes).
    pub output: Array2<f64>,
    /// Its unit.
    pub unit: Unit,
    /// How the shares were found: `tree`, `linear` or `kernel`.
    pub method: &'static str,
}

/// Whether a pipeline is explained exactly and quickly, and not by trying sets of inputs.
pub fn is_quick(pipeline: &Pipeline) -> bool {
    pipeline.calibration().is_none()
        && matches!(
            **pipeline.classifier(),
            Classifier::Forest(_) | Classifier::Boost(_) | Classifier::Logistic(_)
        )
}

/// Explains rows `x` (as they are before the steps) by the way that suits the classifier: [`tree`] for forests and boosting, [`linear`]
/// for logistic regression, [`kernel`] for the rest and whatever is calibrated. `background` are training rows.
///
/// # Errors
/// As the three.
pub fn of_pipeline(
    pipeline: &Pipeline,
    background: &Array2<f64>,
    x: &Array2<f64>,
    seed: u64,
) -> Result<Explained> {
    let rows = pipeline.transform(x);
    let background = pipeline.transform(background);
    if is_quick(pipeline) {
        match &**pipeline.classifier() {
            Classifier::Forest(forest) => {
                return Ok(Explained {
                    attributions: tree::shap(forest, &rows)?,
                    output: forest.predict_proba(&rows),
                    unit: Unit::Probability,
                    method: "tree",
                });
            }
            Classifier::Boost(boost) => {
                return Ok(Explained {
                    attributions: tree::shap(boost, &rows)?,
                    output: boost.margins(&rows),
                    unit: Unit::Margin,
                    method: "tree",
                });
            }
            Classifier::Logistic(logistic) => {
                let mean = background.mean_axis(Axis(0)).unwrap_or_default();
                return Ok(Explained {
                    attributions: linear::shap(logistic, mean.view(), &rows)?,
                    output: logistic.margins(&rows),
                    unit: Unit::Margin,
                    method: "linear",
                });
            }
            _ => {}
        }
    }
    let params = kernel::KernelParams {
        seed,
        ..kernel::KernelParams::default()
    };
    let say = |x: &Array2<f64>| pipeline.predict_transformed(x);
    Ok(Explained {
        attributions: kernel::shap(say, &background, &rows, &params)?,
        output: say(&rows),
        unit: Unit::Probability,
        method: "kernel",
    })
}
