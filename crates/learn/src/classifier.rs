//! The registry of classifiers: one line each in two lists.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::kernel::{KernelRidge, KernelRidgeParams};
use crate::logistic::{Logistic, LogisticParams};
use crate::metrics::top;
use crate::payload::{Reader, Writer};
use crate::voting::{Voting, VotingParams};
use crate::{Error, Examples, Result};

/// The parameters of any classifier, as a recipe writes them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ClassifierParams {
    /// Multinomial logistic regression.
    Logistic(LogisticParams),
    /// Kernel ridge classification in a learned metric.
    KernelRidge(KernelRidgeParams),
    /// The mean of several classifiers.
    Voting(VotingParams),
}

impl ClassifierParams {
    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error::Params`] naming the estimator and the parameter.
    pub fn check(&self) -> Result<()> {
        match self {
            ClassifierParams::Logistic(params) => params.check(),
            ClassifierParams::KernelRidge(params) => params.check(),
            ClassifierParams::Voting(params) => params.check(),
        }
    }

    /// Fits the classifier.
    ///
    /// # Errors
    /// As [`ClassifierParams::check`], and [`Error::Examples`] when the rows cannot be learned from.
    pub fn fit(&self, examples: &Examples) -> Result<Classifier> {
        Ok(match self {
            ClassifierParams::Logistic(params) => Classifier::Logistic(params.fit(examples)?),
            ClassifierParams::KernelRidge(params) => Classifier::KernelRidge(params.fit(examples)?),
            ClassifierParams::Voting(params) => Classifier::Voting(params.fit(examples)?),
        })
    }
}

/// Any fitted classifier.
#[derive(Debug, Clone, PartialEq)]
pub enum Classifier {
    /// Multinomial logistic regression.
    Logistic(Logistic),
    /// Kernel ridge classification in a learned metric.
    KernelRidge(KernelRidge),
    /// The mean of several classifiers.
    Voting(Voting),
}

impl Classifier {
    /// The probability of each class for each row, shape (rows, classes); every row sums to 1.
    ///
    /// # Panics
    /// If `x` has another number of inputs than the examples had.
    pub fn predict_proba(&self, x: &Array2<f64>) -> Array2<f64> {
        match self {
            Classifier::Logistic(model) => model.predict_proba(x),
            Classifier::KernelRidge(model) => model.predict_proba(x),
            Classifier::Voting(model) => model.predict_proba(x),
        }
    }

    /// The class each row is taken for: the most probable one, unless the classifier decides otherwise than by
    /// probabilities.
    ///
    /// # Panics
    /// As [`Classifier::predict_proba`].
    pub fn predict(&self, x: &Array2<f64>) -> Vec<usize> {
        self.predict_proba(x).rows().into_iter().map(top).collect()
    }

    /// The number of inputs and of classes.
    pub(crate) fn shape(&self) -> (usize, usize) {
        match self {
            Classifier::Logistic(model) => model.shape(),
            Classifier::KernelRidge(model) => model.shape(),
            Classifier::Voting(model) => model.shape(),
        }
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        match self {
            Classifier::Logistic(model) => {
                out.tag(1);
                model.write(out);
            }
            Classifier::KernelRidge(model) => {
                out.tag(2);
                model.write(out);
            }
            Classifier::Voting(model) => {
                out.tag(3);
                model.write(out);
            }
        }
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<Classifier> {
        match input.tag()? {
            3 => Ok(Classifier::Voting(Voting::read(input)?)),
            tag => Classifier::read_tagged(tag, input),
        }
    }

    /// Reads a classifier that is no vote, so that reading cannot recurse.
    pub(crate) fn read_member(input: &mut Reader<'_>) -> Result<Classifier> {
        let tag = input.tag()?;
        Classifier::read_tagged(tag, input)
    }

    fn read_tagged(tag: u8, input: &mut Reader<'_>) -> Result<Classifier> {
        match tag {
            1 => Ok(Classifier::Logistic(Logistic::read(input)?)),
            2 => Ok(Classifier::KernelRidge(KernelRidge::read(input)?)),
            tag => Err(Error::Model(format!("unknown classifier {tag}"))),
        }
    }
}
