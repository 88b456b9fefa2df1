//! Selection: which inputs are worth keeping.
//!
//! Filters score each input by itself (chi-squared, analysis of variance, mutual information); embedded methods read a fitted
//! classifier's own importances (lasso, trees); wrappers try sets of inputs in cross-validation (recursive elimination,
//! sequential selection). As a step of a pipeline, all of them see training rows only.

mod filters;
mod permutation;
mod special;
mod wrappers;

use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

use crate::classifier::ClassifierParams;
use crate::folds::FoldsParams;
use crate::logistic::{LogisticParams, Penalty};
use crate::payload::{Reader, Writer};
use crate::{Error, Examples, Result};
pub use permutation::{PermutationImportance, permutation_importance};
pub use wrappers::{CountScore, elimination_curve};

/// How inputs are ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Pearson's chi-squared statistic; inputs must not be negative.
    Chi2,
    /// The F statistic of the analysis of variance.
    Anova,
    /// Mutual information with the class, in nats.
    MutualInformation,
    /// Sum of the squared weights of a logistic regression with an L1 penalty.
    Lasso,
    /// The importances of [`SelectParams::classifier`], such as a forest's.
    Importance,
    /// The input of least importance to [`SelectParams::classifier`] is dropped, again and again; without a number to keep,
    /// cross-validation chooses it.
    Recursive,
    /// The input that most raises the cross-validated accuracy of [`SelectParams::classifier`] is added, again and again.
    Forward,
    /// The input that least lowers that accuracy is dropped, again and again.
    Backward,
}

impl Method {
    /// The name in recipes and reports.
    pub fn name(self) -> &'static str {
        match self {
            Method::Chi2 => "chi2",
            Method::Anova => "anova",
            Method::MutualInformation => "mutual_information",
            Method::Lasso => "lasso",
            Method::Importance => "importance",
            Method::Recursive => "recursive",
            Method::Forward => "forward",
            Method::Backward => "backward",
        }
    }
}

/// Parameters of [`Select`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelectParams {
    /// How inputs are ranked.
    pub method: Method,
    /// How many are kept; all, where there are no more. May be left out for `recursive` (cross-validation chooses) and `lasso`
    /// (those with a weight other than 0).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<usize>,
    /// The classifier that `importance` and the wrappers ask; logistic regression if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classifier: Option<Box<ClassifierParams>>,
    /// The inverse strength of the penalty of `lasso`.
    #[serde(default = "default_c")]
    pub c: f64,
    /// The neighbours that mutual information is estimated from.
    #[serde(default = "default_neighbors")]
    pub neighbors: usize,
    /// How wrappers cross-validate.
    #[serde(default)]
    pub cross_validation: FoldsParams,
    /// Draws the noise of mutual information.
    #[serde(default)]
    pub seed: u64,
}

fn default_c() -> f64 {
    1.0
}

fn default_neighbors() -> usize {
    3
}

/// An input's place among the others.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ranked {
    /// The input's number.
    pub input: usize,
    /// Its name.
    pub name: String,
    /// What the method says of it; what that is, [`ranking`] tells.
    pub score: f64,
    /// The probability of so great a score by chance, where the method knows it.
    pub p: Option<f64>,
}

impl SelectParams {
    /// A method with everything else as it is by default.
    pub fn new(method: Method, keep: Option<usize>) -> SelectParams {
        SelectParams {
            method,
            keep,
            classifier: None,
            c: default_c(),
            neighbors: default_neighbors(),
            cross_validation: FoldsParams::default(),
            seed: 0,
        }
    }

    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error::Params`] naming the first that is out of range.
    pub fn check(&self) -> Result<()> {
        let fault = |message: &str| {
            Err(Error::Params {
                estimator: "select",
                message: message.to_owned(),
            })
        };
        match self.keep {
            Some(0) => return fault("keep is 0"),
            None if !matches!(self.method, Method::Recursive | Method::Lasso) => {
                return fault("this method needs a number to keep");
            }
            _ => (),
        }
        if self.c.is_nan() || self.c <= 0.0 {
            return fault(&format!("C is {}", self.c));
        }
        if self.neighbors == 0 {
            return fault("neighbors is 0");
        }
        self.cross_validation.check("select")?;
        self.judge().check()
    }

    /// The classifier that is asked.
    fn judge(&self) -> ClassifierParams {
        match &self.classifier {
            Some(classifier) => (**classifier).clone(),
            None => ClassifierParams::Logistic(LogisticParams {
                tol: 1e-4,
                ..LogisticParams::default()
            }),
        }
    }

    /// Chooses inputs by the examples.
    ///
    /// # Errors
    /// As [`SelectParams::check`] and [`ranking`]; [`Error::Examples`] when `lasso` leaves no input a weight.
    pub fn fit(&self, examples: &Examples) -> Result<Select> {
        self.check()?;
        let (ranked, keep) = match (self.method, self.keep) {
            (Method::Recursive, keep) => {
                let keep = match keep {
                    Some(keep) => keep,
                    None => wrappers::best_count(&self.judge(), &self.cross_validation, examples)?,
                };
                (wrappers::eliminate(&self.judge(), examples, keep)?, keep)
            }
            (_, Some(keep)) => (ranking(examples, self)?, keep),
            (_, None) => {
                let mut ranked = ranking(examples, self)?;
                ranked.retain(|input| input.score > 0.0);
                let all = ranked.len();
                (ranked, all)
            }
        };
        let mut kept: Vec<usize> = ranked.iter().take(keep).map(|input| input.input).collect();
        kept.sort_unstable();
        if kept.is_empty() {
            return Err(Error::Examples(
                "the penalty leaves no input a weight; raise C".to_owned(),
            ));
        }
        Ok(Select {
            width: examples.x().ncols(),
            kept,
        })
    }
}

/// The inputs from best to worst, equals in their own order.
///
/// Scores are the statistic of a filter, the squared weights of the lasso, or the importances of a classifier. Recursive
/// elimination lists all inputs and scores each by how many it outlived. Sequential selection lists the inputs it keeps:
/// forward in the order they were added, each with the accuracy reached with it; backward, all with the accuracy of the
/// set that is left.
///
/// # Errors
/// As [`SelectParams::check`]; [`Error::Examples`] for a negative input of `chi2`, rows that cannot be folded, and whatever a
/// classifier reports; [`Error::Params`] for a classifier that has no importances.
pub fn ranking(examples: &Examples, params: &SelectParams) -> Result<Vec<Ranked>> {
    params.check()?;
    let judge = params.judge();
    let scores = match params.method {
        Method::Chi2 => filters::chi2(examples)?,
        Method::Anova => filters::anova(examples)?,
        Method::MutualInformation => filters::mutual_information(examples, params.neighbors, params.seed),
        Method::Lasso => {
            let lasso = ClassifierParams::Logistic(LogisticParams {
                c: params.c,
                penalty: Penalty::L1,
                tol: 1e-4,
                ..LogisticParams::default()
            });
            without_p(wrappers::importances(&lasso, examples)?)
        }
        Method::Importance => without_p(wrappers::importances(&judge, examples)?),
        Method::Recursive => return wrappers::eliminate(&judge, examples, 1),
        Method::Forward | Method::Backward => {
            let keep = params.keep.unwrap_or(examples.x().ncols());
            let forward = params.method == Method::Forward;
            return wrappers::sequential(&judge, &params.cross_validation, examples, keep, forward);
        }
    };
    let mut ranked: Vec<Ranked> = scores
        .into_iter()
        .enumerate()
        .map(|(input, (score, p))| Ranked {
            input,
            name: examples.name(input),
            score,
            p,
        })
        .collect();
    ranked.sort_by(|a, b| b.score.total_cmp(&a.score));
    Ok(ranked)
}

fn without_p(importances: Vec<f64>) -> Vec<filters::Score> {
    importances.into_iter().map(|score| (score, None)).collect()
}

/// Keeps some inputs, in their own order, and drops the others.
#[derive(Debug, Clone, PartialEq)]
pub struct Select {
    /// The number of inputs before.
    width: usize,
    /// Rising.
    kept: Vec<usize>,
}

impl Select {
    /// The numbers of the inputs kept, in order.
    pub fn kept(&self) -> &[usize] {
        &self.kept
    }

    /// The inputs kept, shape (rows, kept).
    pub fn transform(&self, x: &Array2<f64>) -> Array2<f64> {
        x.select(Axis(1), &self.kept)
    }

    /// Their names, from all names.
    pub fn names(&self, before: &[String]) -> Vec<String> {
        self.kept.iter().map(|&input| before[input].clone()).collect()
    }

    /// The number of inputs before and after.
    pub fn shape(&self) -> (usize, usize) {
        (self.width, self.kept.len())
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let mut numbers = vec![number(self.width)];
        numbers.extend(self.kept.iter().map(|&input| number(input)));
        out.whole(&numbers);
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<Select> {
        let numbers: Vec<usize> = input.whole()?.into_iter().map(|n| n as usize).collect();
        match numbers.split_first() {
            Some((&width, kept))
                if kept.last().is_some_and(|&last| last < width)
                    && kept.windows(2).all(|pair| pair[0] < pair[1]) =>
            {
                Ok(Select {
                    width,
                    kept: kept.to_vec(),
                })
            }
            _ => Err(Error::Model("malformed selection".to_owned())),
        }
    }
}
