//! Stacking: a logistic regression on several classifiers' out-of-fold probabilities.
//!
//! It is scikit-learn's `StackingClassifier` with probabilities (Wolpert, "Stacked generalization", 1992): the members are
//! fitted on all rows, the logistic regression on what members fitted without a row's fold say of that row. With two classes
//! scikit-learn drops one of the two probabilities of each member; here both are kept.

use std::sync::Arc;

use ndarray::{Array2, Axis, concatenate};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::classifier::{Classifier, ClassifierParams, check_members, read_members, write_members};
use crate::folds::{By, FoldsParams, out_of_fold};
use crate::logistic::{Logistic, LogisticParams};
use crate::payload::{Reader, Writer};
use crate::{Error, Examples, Result};

/// Parameters of [`Stacking`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StackingParams {
    /// The classifiers below.
    pub members: Vec<ClassifierParams>,
    /// The logistic regression on top.
    #[serde(default)]
    pub meta: LogisticParams,
    /// How many folds the out-of-fold probabilities come from.
    #[serde(default = "default_folds")]
    pub folds: usize,
    /// What those folds keep together.
    #[serde(default)]
    pub by: By,
    /// Breaks ties between groups.
    #[serde(default)]
    pub seed: u64,
    /// Whether the logistic regression sees the inputs as well.
    #[serde(default)]
    pub passthrough: bool,
}

fn default_folds() -> usize {
    5
}

impl StackingParams {
    /// Members with everything else as it is by default.
    pub fn new(members: Vec<ClassifierParams>) -> StackingParams {
        StackingParams {
            members,
            meta: LogisticParams::default(),
            folds: default_folds(),
            by: By::default(),
            seed: 0,
            passthrough: false,
        }
    }

    fn folds_params(&self) -> FoldsParams {
        FoldsParams {
            folds: self.folds,
            by: self.by,
            seed: self.seed,
        }
    }

    /// Checks the parameters, the members' included.
    ///
    /// # Errors
    /// [`Error::Params`] for no member, too many, ensembles nested too deep, or fewer than two folds.
    pub fn check(&self) -> Result<()> {
        check_members("stacking", &self.members)?;
        self.folds_params().check("stacking")?;
        self.meta.check()
    }

    /// Fits the members and what is on top of them.
    ///
    /// # Errors
    /// As [`StackingParams::check`]; [`Error::Examples`] when the rows cannot be folded or have one class outside a fold; and
    /// whatever a member reports.
    pub fn fit(&self, examples: &Examples) -> Result<Stacking> {
        self.check()?;
        let (members, meta) = rayon::join(
            || {
                self.members
                    .par_iter()
                    .map(|member| member.fit(examples).map(Arc::new))
                    .collect::<Result<_>>()
            },
            || self.fit_meta(examples),
        );
        Stacking::of(members?, meta?, self.passthrough)
    }

    /// Fits what is on top of members that are already fitted, with these parameters and on these examples.
    ///
    /// # Errors
    /// As [`StackingParams::fit`], and [`Error::Params`] when `fitted` are more or fewer than the members or differ in shape.
    pub fn fit_with(&self, fitted: Vec<Arc<Classifier>>, examples: &Examples) -> Result<Stacking> {
        self.check()?;
        if fitted.len() != self.members.len() {
            return Err(fault(format!(
                "{} fitted classifiers for {} members",
                fitted.len(),
                self.members.len()
            )));
        }
        Stacking::of(fitted, self.fit_meta(examples)?, self.passthrough)
    }

    fn fit_meta(&self, examples: &Examples) -> Result<Logistic> {
        let fold_of = self.folds_params().of(examples)?;
        let predicted: Vec<Array2<f64>> = self
            .members
            .par_iter()
            .map(|member| {
                out_of_fold(examples, &fold_of, |train, test| {
                    Ok(member.fit(train)?.predict_proba(test))
                })
            })
            .collect::<Result<_>>()?;
        let inputs = beside(predicted, self.passthrough.then_some(examples.x()));
        self.meta.fit(&examples.with_x(inputs, None)?)
    }
}

fn fault(message: String) -> Error {
    Error::Params {
        estimator: "stacking",
        message,
    }
}

/// The members' probabilities side by side, then the inputs.
fn beside(predicted: Vec<Array2<f64>>, x: Option<&Array2<f64>>) -> Array2<f64> {
    let views: Vec<_> = predicted.iter().chain(x).map(|part| part.view()).collect();
    concatenate(Axis(1), &views).expect("all have the rows that were predicted")
}

/// Fitted members and the logistic regression on top of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Stacking {
    members: Vec<Arc<Classifier>>,
    meta: Logistic,
    passthrough: bool,
}

impl Stacking {
    fn of(members: Vec<Arc<Classifier>>, meta: Logistic, passthrough: bool) -> Result<Stacking> {
        let shape = members
            .first()
            .ok_or_else(|| fault("no members".to_owned()))?
            .shape();
        if members.iter().any(|member| member.shape() != shape) {
            return Err(fault("members differ in inputs or classes".to_owned()));
        }
        let (inputs, classes) = shape;
        let below = members.len() * classes + if passthrough { inputs } else { 0 };
        if meta.shape() != (below, classes) {
            return Err(fault("what is on top does not fit the members".to_owned()));
        }
        Ok(Stacking {
            members,
            meta,
            passthrough,
        })
    }

    /// The members.
    pub fn members(&self) -> &[Arc<Classifier>] {
        &self.members
    }

    /// The logistic regression on top; its inputs are the first member's probability of each class, then the second's, ...
    pub fn meta(&self) -> &Logistic {
        &self.meta
    }

    /// The probability of each class for each row, shape (rows, classes).
    pub fn predict_proba(&self, x: &Array2<f64>) -> Array2<f64> {
        let predicted = self
            .members
            .iter()
            .map(|member| member.predict_proba(x))
            .collect();
        self.meta
            .predict_proba(&beside(predicted, self.passthrough.then_some(x)))
    }

    pub(crate) fn shape(&self) -> (usize, usize) {
        self.members.first().map_or((0, 0), |member| member.shape())
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        write_members(&self.members, out);
        out.tag(u8::from(self.passthrough));
        self.meta.write(out);
    }

    pub(crate) fn read(input: &mut Reader<'_>, depth: usize) -> Result<Stacking> {
        let members = read_members(input, depth)?;
        let passthrough = input.tag()? != 0;
        let meta = Logistic::read(input)?;
        Stacking::of(members, meta, passthrough).map_err(|error| Error::Model(error.to_string()))
    }
}
