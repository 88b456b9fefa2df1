//! The registry of classifiers: one line each in two lists.

use std::sync::Arc;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::bayes::{Bayes, BayesParams};
use crate::boost::{Boost, BoostParams};
use crate::forest::{Forest, ForestParams};
use crate::kernel::{KernelRidge, KernelRidgeParams};
use crate::knn::{Knn, KnnParams};
use crate::logistic::{Logistic, LogisticParams};
use crate::metrics::top;
use crate::payload::{Reader, Writer};
use crate::stacking::{Stacking, StackingParams};
use crate::svm::{Svm, SvmParams};
use crate::voting::{Voting, VotingParams};
use crate::{Error, Examples, Result};

/// How deep ensembles may hold ensembles: one of plain classifiers is 1 deep.
const DEEPEST: usize = 2;
/// Members an ensemble may have.
const MOST_MEMBERS: usize = 64;

/// The parameters of any classifier, as a recipe writes them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ClassifierParams {
    /// Multinomial logistic regression.
    Logistic(LogisticParams),
    /// Kernel ridge classification in a learned metric.
    KernelRidge(KernelRidgeParams),
    /// K nearest neighbours.
    Knn(KnnParams),
    /// Support vector machines.
    Svm(SvmParams),
    /// A random forest or extra trees.
    Forest(ForestParams),
    /// Gradient-boosted trees.
    Boost(BoostParams),
    /// Gaussian naive Bayes.
    Bayes(BayesParams),
    /// The weighted mean of several classifiers.
    Voting(VotingParams),
    /// A logistic regression on several classifiers' out-of-fold probabilities.
    Stacking(StackingParams),
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
            ClassifierParams::Knn(params) => params.check(),
            ClassifierParams::Svm(params) => params.check(),
            ClassifierParams::Forest(params) => params.check(),
            ClassifierParams::Boost(params) => params.check(),
            ClassifierParams::Bayes(params) => params.check(),
            ClassifierParams::Voting(params) => params.check(),
            ClassifierParams::Stacking(params) => params.check(),
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
            ClassifierParams::Knn(params) => Classifier::Knn(params.fit(examples)?),
            ClassifierParams::Svm(params) => Classifier::Svm(params.fit(examples)?),
            ClassifierParams::Forest(params) => Classifier::Forest(params.fit(examples)?),
            ClassifierParams::Boost(params) => Classifier::Boost(params.fit(examples)?),
            ClassifierParams::Bayes(params) => Classifier::Bayes(params.fit(examples)?),
            ClassifierParams::Voting(params) => Classifier::Voting(params.fit(examples)?),
            ClassifierParams::Stacking(params) => Classifier::Stacking(params.fit(examples)?),
        })
    }

    /// The members of an ensemble; none of a plain classifier.
    pub fn members(&self) -> &[ClassifierParams] {
        match self {
            ClassifierParams::Voting(params) => &params.members,
            ClassifierParams::Stacking(params) => &params.members,
            _ => &[],
        }
    }

    /// How deep ensembles are nested: 0 for a plain classifier.
    fn depth(&self) -> usize {
        self.members()
            .iter()
            .map(|member| 1 + member.depth())
            .max()
            .unwrap_or(0)
    }
}

/// Any fitted classifier.
#[derive(Debug, Clone, PartialEq)]
pub enum Classifier {
    /// Multinomial logistic regression.
    Logistic(Logistic),
    /// Kernel ridge classification in a learned metric.
    KernelRidge(KernelRidge),
    /// K nearest neighbours.
    Knn(Knn),
    /// Support vector machines.
    Svm(Svm),
    /// A random forest or extra trees.
    Forest(Forest),
    /// Gradient-boosted trees.
    Boost(Boost),
    /// Gaussian naive Bayes.
    Bayes(Bayes),
    /// The weighted mean of several classifiers.
    Voting(Voting),
    /// A logistic regression on several classifiers' out-of-fold probabilities.
    Stacking(Stacking),
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
            Classifier::Knn(model) => model.predict_proba(x),
            Classifier::Svm(model) => model.predict_proba(x),
            Classifier::Forest(model) => model.predict_proba(x),
            Classifier::Boost(model) => model.predict_proba(x),
            Classifier::Bayes(model) => model.predict_proba(x),
            Classifier::Voting(model) => model.predict_proba(x),
            Classifier::Stacking(model) => model.predict_proba(x),
        }
    }

    /// The class each row is taken for: the most probable one, unless the classifier decides otherwise than by
    /// probabilities.
    ///
    /// # Panics
    /// As [`Classifier::predict_proba`].
    pub fn predict(&self, x: &Array2<f64>) -> Vec<usize> {
        match self {
            Classifier::Svm(model) => model.predict(x),
            _ => self.predict_proba(x).rows().into_iter().map(top).collect(),
        }
    }

    /// How much each input counts for the classifier, where it can tell: the sum of a logistic regression's squared weights, a
    /// forest's decrease of impurity, a boosting's gain.
    ///
    /// Numbers of different classifiers, or of inputs of different scale, cannot be compared.
    pub fn importances(&self) -> Option<Vec<f64>> {
        match self {
            Classifier::Logistic(model) => Some(model.importances()),
            Classifier::Forest(model) => Some(model.importance().to_vec()),
            Classifier::Boost(model) => Some(model.importance()),
            _ => None,
        }
    }

    /// The number of inputs and of classes.
    pub(crate) fn shape(&self) -> (usize, usize) {
        match self {
            Classifier::Logistic(model) => model.shape(),
            Classifier::KernelRidge(model) => model.shape(),
            Classifier::Knn(model) => model.shape(),
            Classifier::Svm(model) => model.shape(),
            Classifier::Forest(model) => model.shape(),
            Classifier::Boost(model) => model.shape(),
            Classifier::Bayes(model) => model.shape(),
            Classifier::Voting(model) => model.shape(),
            Classifier::Stacking(model) => model.shape(),
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
            Classifier::Voting(model) if model.even() => {
                out.tag(3);
                model.write(out);
            }
            Classifier::Voting(model) => {
                out.tag(10);
                model.write(out);
                model.write_shares(out);
            }
            Classifier::Knn(model) => {
                out.tag(4);
                model.write(out);
            }
            Classifier::Svm(model) => {
                out.tag(5);
                model.write(out);
            }
            Classifier::Forest(model) => {
                out.tag(6);
                model.write(out);
            }
            Classifier::Boost(model) => {
                out.tag(8);
                model.write(out);
            }
            Classifier::Bayes(model) => {
                out.tag(7);
                model.write(out);
            }
            Classifier::Stacking(model) => {
                out.tag(9);
                model.write(out);
            }
        }
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<Classifier> {
        Classifier::read_nested(input, DEEPEST)
    }

    /// Reads a classifier in which ensembles are nested at most `depth` deep.
    fn read_nested(input: &mut Reader<'_>, depth: usize) -> Result<Classifier> {
        let tag = input.tag()?;
        if depth == 0 && [3, 9, 10].contains(&tag) {
            return Err(Error::Model("ensembles nested too deep".to_owned()));
        }
        match tag {
            1 => Ok(Classifier::Logistic(Logistic::read(input)?)),
            2 => Ok(Classifier::KernelRidge(KernelRidge::read(input)?)),
            3 => Ok(Classifier::Voting(Voting::read(input, depth, false)?)),
            4 => Ok(Classifier::Knn(Knn::read(input)?)),
            5 => Ok(Classifier::Svm(Svm::read(input)?)),
            6 => Ok(Classifier::Forest(Forest::read(input)?)),
            8 => Ok(Classifier::Boost(Boost::read(input)?)),
            7 => Ok(Classifier::Bayes(Bayes::read(input)?)),
            9 => Ok(Classifier::Stacking(Stacking::read(input, depth)?)),
            10 => Ok(Classifier::Voting(Voting::read(input, depth, true)?)),
            tag => Err(Error::Model(format!("unknown classifier {tag}"))),
        }
    }
}

/// Checks the members of an ensemble, and that it may hold them.
pub(crate) fn check_members(estimator: &'static str, members: &[ClassifierParams]) -> Result<()> {
    let fault = |message: &str| {
        Err(Error::Params {
            estimator,
            message: message.to_owned(),
        })
    };
    if members.is_empty() || members.len() > MOST_MEMBERS {
        return fault("between 1 and 64 members are needed");
    }
    if members.iter().any(|member| member.depth() >= DEEPEST) {
        return fault("ensembles nested too deep");
    }
    members.iter().try_for_each(ClassifierParams::check)
}

pub(crate) fn write_members(members: &[Arc<Classifier>], out: &mut Writer) {
    out.tag(u8::try_from(members.len()).unwrap_or(u8::MAX));
    members.iter().for_each(|member| member.write(out));
}

/// What [`write_members`] wrote, for an ensemble that may be `depth` deep.
pub(crate) fn read_members(input: &mut Reader<'_>, depth: usize) -> Result<Vec<Arc<Classifier>>> {
    let count = usize::from(input.tag()?);
    if count == 0 || count > MOST_MEMBERS {
        return Err(Error::Model(format!("{count} members")));
    }
    (0..count)
        .map(|_| Classifier::read_nested(input, depth - 1).map(Arc::new))
        .collect()
}
