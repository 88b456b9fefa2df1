//! The registry of a pipeline's steps: what happens to inputs before a classifier sees them.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::combination::{Combination, CombinationParams};
use crate::payload::{Reader, Writer};
use crate::projection::{LdaParams, PcaParams, Projection};
use crate::scale::{
    MinMax, MinMaxParams, Quantile, QuantileParams, Robust, RobustParams, Standard, StandardParams,
};
use crate::select::{Select, SelectParams};
use crate::{Error, Examples, Result};

/// The parameters of any step, as a recipe writes them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StepParams {
    /// Inputs made from named columns.
    Inputs(CombinationParams),
    /// Mean 0 and standard deviation 1.
    Standard(StandardParams),
    /// The range 0 to 1.
    MinMax(MinMaxParams),
    /// Median 0 and distance between the quartiles 1.
    Robust(RobustParams),
    /// Ranks: a uniform or a normal distribution.
    Quantile(QuantileParams),
    /// The directions of greatest variance.
    Pca(PcaParams),
    /// The directions in which classes lie farthest apart.
    Lda(LdaParams),
    /// Some of the inputs.
    Select(SelectParams),
}

impl StepParams {
    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error::Params`] naming the step and the parameter.
    pub fn check(&self) -> Result<()> {
        match self {
            StepParams::Inputs(params) => params.check(),
            StepParams::Standard(params) => params.check(),
            StepParams::MinMax(_) | StepParams::Robust(_) => Ok(()),
            StepParams::Quantile(params) => params.check(),
            StepParams::Pca(params) => params.check(),
            StepParams::Lda(params) => params.check(),
            StepParams::Select(params) => params.check(),
        }
    }

    /// Fits the step on training rows.
    ///
    /// # Errors
    /// As [`StepParams::check`], and [`Error::Examples`] when the rows lack what the step needs.
    pub fn fit(&self, examples: &Examples) -> Result<Step> {
        Ok(match self {
            StepParams::Inputs(params) => Step::Inputs(params.fit(examples)?),
            StepParams::Standard(params) => Step::Standard(params.fit(examples)?),
            StepParams::MinMax(params) => Step::MinMax(params.fit(examples)),
            StepParams::Robust(params) => Step::Robust(params.fit(examples)),
            StepParams::Quantile(params) => Step::Quantile(params.fit(examples)?),
            StepParams::Pca(params) => Step::Projection(params.fit(examples)?),
            StepParams::Lda(params) => Step::Projection(params.fit(examples)?),
            StepParams::Select(params) => Step::Select(params.fit(examples)?),
        })
    }
}

/// Any fitted step.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Inputs made from named columns.
    Inputs(Combination),
    /// Mean 0 and standard deviation 1.
    Standard(Standard),
    /// The range 0 to 1.
    MinMax(MinMax),
    /// Median 0 and distance between the quartiles 1.
    Robust(Robust),
    /// Ranks: a uniform or a normal distribution.
    Quantile(Quantile),
    /// Principal components or linear discriminants.
    Projection(Projection),
    /// Some of the inputs.
    Select(Select),
}

impl Step {
    /// The rows as the step makes them, shape (rows, inputs after it).
    ///
    /// # Panics
    /// If `x` has another number of inputs than the examples had.
    pub fn transform(&self, x: Array2<f64>) -> Array2<f64> {
        assert_eq!(x.ncols(), self.shape().0, "rows have the inputs of the examples");
        match self {
            Step::Inputs(step) => step.transform(x),
            Step::Standard(step) => step.transform(x),
            Step::MinMax(step) => step.transform(x),
            Step::Robust(step) => step.transform(x),
            Step::Quantile(step) => step.transform(x),
            Step::Projection(step) => step.transform(&x),
            Step::Select(step) => step.transform(&x),
        }
    }

    /// The inputs' names after the step, from their names before it.
    ///
    /// # Panics
    /// If there are more or fewer names than inputs.
    pub fn names(&self, before: &[String]) -> Vec<String> {
        assert_eq!(before.len(), self.shape().0, "every input has a name");
        match self {
            Step::Inputs(step) => step.names(before),
            Step::Projection(step) => step.names(),
            Step::Select(step) => step.names(before),
            Step::Standard(_) | Step::MinMax(_) | Step::Robust(_) | Step::Quantile(_) => before.to_vec(),
        }
    }

    /// The number of inputs before and after the step.
    pub fn shape(&self) -> (usize, usize) {
        let same = |width| (width, width);
        match self {
            Step::Inputs(step) => step.shape(),
            Step::Standard(step) => same(step.width()),
            Step::MinMax(step) => same(step.width()),
            Step::Robust(step) => same(step.width()),
            Step::Quantile(step) => same(step.width()),
            Step::Projection(step) => step.shape(),
            Step::Select(step) => step.shape(),
        }
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        match self {
            Step::Standard(step) => {
                out.tag(1);
                step.write(out);
            }
            Step::MinMax(step) => {
                out.tag(2);
                step.write(out);
            }
            Step::Robust(step) => {
                out.tag(3);
                step.write(out);
            }
            Step::Quantile(step) => {
                out.tag(4);
                step.write(out);
            }
            Step::Inputs(step) => {
                out.tag(5);
                step.write(out);
            }
            Step::Projection(step) => {
                out.tag(6);
                step.write(out);
            }
            Step::Select(step) => {
                out.tag(7);
                step.write(out);
            }
        }
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<Step> {
        match input.tag()? {
            1 => Ok(Step::Standard(Standard::read(input)?)),
            2 => Ok(Step::MinMax(MinMax::read(input)?)),
            3 => Ok(Step::Robust(Robust::read(input)?)),
            4 => Ok(Step::Quantile(Quantile::read(input)?)),
            5 => Ok(Step::Inputs(Combination::read(input)?)),
            6 => Ok(Step::Projection(Projection::read(input)?)),
            7 => Ok(Step::Select(Select::read(input)?)),
            tag => Err(Error::Model(format!("unknown step {tag}"))),
        }
    }
}
