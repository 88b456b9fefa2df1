//! Search for parameters by cross-validation: a grid, points by chance, or successive halving.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ndarray::Array2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::ledger::Ledger;
use super::{Fold, FoldsParams, Holdout, Point, Space};
use crate::classifier::ClassifierParams;
use crate::metrics::{Confusion, Prediction, log_loss};
use crate::pipeline::{PipelineParams, fit_steps};
use crate::rng::Rng;
use crate::step::StepParams;
use crate::svm::{self, SvmParams};
use crate::{Error, Examples, Result};

/// What is to be high.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Score {
    /// The share of rows decided rightly.
    #[default]
    Accuracy,
    /// The mean recall of the classes.
    BalancedAccuracy,
    /// The mean F1 of the classes.
    MacroF1,
    /// Minus the mean log loss in nats.
    LogLoss,
}

/// How points are chosen and given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Every point of the grid.
    #[default]
    Grid,
    /// So many points by chance.
    Random,
    /// All points of the grid on few rows; the better part of them on more, and so on (Jamieson and Talwalkar 2016).
    Halving,
}

/// How a space is searched.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchParams {
    /// Which points.
    #[serde(default)]
    pub method: Method,
    /// How many points, for random search.
    #[serde(default = "sixty")]
    pub points: usize,
    /// By what halving cuts the points and raises the rows, each round.
    #[serde(default = "three")]
    pub factor: usize,
    /// What is to be high.
    #[serde(default)]
    pub score: Score,
    /// The cross-validation.
    pub folds: FoldsParams,
}

fn sixty() -> usize {
    60
}

fn three() -> usize {
    3
}

/// What a search needs of the world: what is known already, when to stop, whom to tell.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Scores found before.
    pub ledger: &'a Ledger,
    /// Set when the search shall end.
    pub stop: &'a AtomicBool,
    /// Told how many fits are done, of how many.
    pub on_step: &'a (dyn Fn(usize, usize) + Sync),
}

/// A point that was tried.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tried {
    /// What was set.
    pub set: std::collections::BTreeMap<String, toml::Value>,
    /// The mean score over the folds; higher is better.
    pub mean: f64,
    /// The standard deviation of the folds' scores.
    pub deviation: f64,
    /// The score of each fold.
    pub scores: Vec<f64>,
    /// The share of the training rows that it was tried on last (1 but for points that halving gave up).
    pub share: f64,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The pipeline with the best point's parameters.
    pub params: PipelineParams,
    /// The best point's place among those tried: the highest mean, the first of equals.
    pub best: usize,
    /// All points, in order.
    pub tried: Vec<Tried>,
}

impl SearchParams {
    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error::Params`] naming the parameter.
    pub fn check(&self) -> Result<()> {
        self.folds.check()?;
        if self.factor >= 2 && self.points >= 1 {
            return Ok(());
        }
        Err(Error::Params {
            estimator: "search",
            message: format!("factor is {}, points {}", self.factor, self.points),
        })
    }

    /// Searches a space for the best pipeline on these rows.
    ///
    /// # Errors
    /// As [`Space::grid`], [`FoldsParams::draw`] and the pipeline's fit; [`Error::Io`] when the ledger cannot be written;
    /// [`Error::Interrupted`].
    pub fn run(
        &self,
        examples: &Examples,
        base: &PipelineParams,
        space: &Space,
        watch: Watch<'_>,
    ) -> Result<Found> {
        self.check()?;
        let points = match self.method {
            Method::Random => space.random(base, self.points, self.folds.seed)?,
            Method::Grid | Method::Halving => space.grid(base)?,
        };
        let folds = self.folds.draw(examples)?;
        let tried = match self.method {
            Method::Halving => self.halve(examples, &points, &folds, watch)?,
            _ => {
                let all: Vec<usize> = (0..points.len()).collect();
                let scores = evaluate(examples, &points, &all, &folds, self.score, watch)?;
                points
                    .iter()
                    .zip(scores)
                    .map(|(point, scores)| tried(point, scores, 1.0))
                    .collect()
            }
        };
        let best = (0..tried.len()).fold(0, |best, i| {
            let better = (tried[i].share, tried[i].mean) > (tried[best].share, tried[best].mean);
            if better { i } else { best }
        });
        Ok(Found {
            params: points[best].params.clone(),
            best,
            tried,
        })
    }

    /// Rounds of halving: a share of each fold's training rows (of whole groups), ever fewer points.
    fn halve(
        &self,
        examples: &Examples,
        points: &[Point],
        folds: &[Fold],
        watch: Watch<'_>,
    ) -> Result<Vec<Tried>> {
        let mut rounds = 0;
        while self.factor.saturating_pow(rounds as u32 + 1) <= points.len() {
            rounds += 1;
        }
        let mut alive: Vec<usize> = (0..points.len()).collect();
        let mut found: Vec<Option<Tried>> = vec![None; points.len()];
        for round in 0..=rounds {
            let share = 1.0 / self.factor.pow((rounds - round) as u32) as f64;
            let thinned: Vec<Fold> = folds
                .iter()
                .map(|fold| thin(examples, fold, share, self.folds.seed))
                .collect();
            let scores = evaluate(examples, points, &alive, &thinned, self.score, watch)?;
            for (&point, scores) in alive.iter().zip(scores) {
                found[point] = Some(tried(&points[point], scores, share));
            }
            let mean = |point: &usize| found[*point].as_ref().map_or(f64::NEG_INFINITY, |t| t.mean);
            alive.sort_by(|a, b| mean(b).total_cmp(&mean(a)).then(a.cmp(b)));
            alive.truncate((alive.len() / self.factor).max(1));
            alive.sort_unstable();
        }
        Ok(found.into_iter().flatten().collect())
    }
}

fn tried(point: &Point, scores: Vec<f64>, share: f64) -> Tried {
    let count = scores.len().max(1) as f64;
    let mean = scores.iter().sum::<f64>() / count;
    let variance = scores.iter().map(|score| (score - mean).powi(2)).sum::<f64>() / count;
    Tried {
        set: point.set.clone(),
        mean,
        deviation: variance.sqrt(),
        scores,
        share,
    }
}

/// A fold with a share of its training rows: whole groups where rows have groups, class by class, at least two rows of each.
fn thin(examples: &Examples, fold: &Fold, share: f64, seed: u64) -> Fold {
    if share >= 1.0 {
        return fold.clone();
    }
    let mut strata: std::collections::BTreeMap<usize, std::collections::BTreeMap<usize, Vec<usize>>> =
        Default::default();
    for &row in &fold.train {
        let group = examples.groups().map_or(row, |groups| groups[row]);
        let of_class = strata.entry(examples.y()[row]).or_default();
        of_class.entry(group).or_default().push(row);
    }
    let mut rng = Rng::new(seed);
    let mut train = Vec::new();
    for groups in strata.into_values() {
        let mut groups: Vec<Vec<usize>> = groups.into_values().collect();
        rng.shuffle(&mut groups);
        let keep = ((groups.len() as f64 * share).ceil() as usize).max(2);
        train.extend(groups.into_iter().take(keep).flatten());
    }
    train.sort_unstable();
    Fold {
        train,
        ..fold.clone()
    }
}

/// The score of each of these points on each fold, in parallel on the current pool; the same for any number of threads.
fn evaluate(
    examples: &Examples,
    points: &[Point],
    which: &[usize],
    folds: &[Fold],
    score: Score,
    watch: Watch<'_>,
) -> Result<Vec<Vec<f64>>> {
    let of_rows = hash_of_rows(examples);
    let hashes: Vec<String> = which
        .iter()
        .map(|&point| crate::hash_of(&points[point].params))
        .collect::<Result<_>>()?;
    let total = which.len() * folds.len();
    let done = AtomicUsize::new(0);
    let report = |count: usize| {
        let before = done.fetch_add(count, Ordering::Relaxed);
        (watch.on_step)(before + count, total);
    };
    let columns: Vec<Vec<f64>> = folds
        .par_iter()
        .map(|fold| {
            let of_fold = hash_of_fold(&of_rows, fold, score);
            let keys: Vec<String> = hashes
                .iter()
                .map(|hash| melisma_dataset::sha256_hex(format!("{of_fold} {hash}").as_bytes()))
                .collect();
            let known: Vec<Option<f64>> = keys.iter().map(|key| watch.ledger.get(key)).collect();
            let open: Vec<usize> = (0..which.len()).filter(|&i| known[i].is_none()).collect();
            report(which.len() - open.len());
            let mut scores: Vec<f64> = known.into_iter().map(|s| s.unwrap_or(f64::NAN)).collect();
            if open.is_empty() {
                return Ok(scores);
            }
            let holdout = Holdout::of(examples, fold)?;
            let params: Vec<&PipelineParams> = open.iter().map(|&i| &points[which[i]].params).collect();
            let found = on_fold(&holdout, &params, score, watch.stop, &|i, score| {
                watch.ledger.put(&keys[open[i]], score)?;
                report(1);
                Ok(())
            })?;
            open.iter().zip(found).for_each(|(&i, score)| scores[i] = score);
            Ok(scores)
        })
        .collect::<Result<_>>()?;
    Ok((0..which.len())
        .map(|point| columns.iter().map(|column| column[point]).collect())
        .collect())
}

/// The scores of pipelines on one fold; steps that several share are fitted once.
fn on_fold(
    holdout: &Holdout,
    params: &[&PipelineParams],
    score: Score,
    stop: &AtomicBool,
    keep: &(dyn Fn(usize, f64) -> Result<()> + Sync),
) -> Result<Vec<f64>> {
    let mut by_steps: Vec<(&[StepParams], Vec<usize>)> = Vec::new();
    for (i, params) in params.iter().enumerate() {
        match by_steps
            .iter_mut()
            .find(|(steps, _)| *steps == params.steps.as_slice())
        {
            Some((_, members)) => members.push(i),
            None => by_steps.push((&params.steps, vec![i])),
        }
    }
    let mut scores = vec![0.0; params.len()];
    for (steps, members) in by_steps {
        interrupted(stop)?;
        let (train, x) = through_steps(steps, holdout)?;
        let judged = |prediction: &Prediction| judge(prediction, holdout.test.truth(), score);
        if let Some(machines) = machines(params, &members, score) {
            let classes = svm::grid(&train, &x, &machines)?;
            for (&i, classes) in members.iter().zip(classes) {
                let none = Array2::zeros((0, train.classes()));
                scores[i] = judged(&Prediction {
                    probabilities: none,
                    classes,
                });
                keep(i, scores[i])?;
            }
            continue;
        }
        let found: Vec<f64> = members
            .par_iter()
            .map(|&i| {
                interrupted(stop)?;
                let tail = PipelineParams {
                    steps: Vec::new(),
                    ..params[i].clone()
                };
                let value = judged(&tail.fit(&train)?.prediction(&x));
                keep(i, value)?;
                Ok(value)
            })
            .collect::<Result<_>>()?;
        members
            .iter()
            .zip(found)
            .for_each(|(&i, value)| scores[i] = value);
    }
    Ok(scores)
}

/// The parameters of support vector machines, where all these pipelines end in one and are judged by decisions alone: such a
/// grid shares kernels.
fn machines(params: &[&PipelineParams], members: &[usize], score: Score) -> Option<Vec<SvmParams>> {
    let machine = |&i: &usize| match &params[i].classifier {
        ClassifierParams::Svm(machine) if params[i].calibration.is_none() => Some(machine.clone()),
        _ => None,
    };
    match score {
        Score::LogLoss => None,
        _ => members.iter().map(machine).collect(),
    }
}

/// The training rows as the classifier will see them, and the inputs of the rows held out.
fn through_steps(steps: &[StepParams], holdout: &Holdout) -> Result<(Examples, Array2<f64>)> {
    let (fitted, train) = fit_steps(steps, &holdout.train)?;
    let x = fitted
        .iter()
        .fold(holdout.test.x().clone(), |x, step| step.transform(x));
    Ok((train, x))
}

fn judge(prediction: &Prediction, truth: &[usize], score: Score) -> f64 {
    let mean = |of: &dyn Fn(&crate::metrics::ClassReport) -> f64| {
        let classes = prediction.probabilities.ncols();
        let report = Confusion::of_classes(&prediction.classes, truth, classes).report();
        let present: Vec<f64> = report.iter().filter(|c| c.support > 0).map(of).collect();
        present.iter().sum::<f64>() / present.len().max(1) as f64
    };
    match score {
        Score::Accuracy => {
            let hits = prediction.hits(truth);
            hits.iter().filter(|&&hit| hit).count() as f64 / hits.len().max(1) as f64
        }
        Score::BalancedAccuracy => mean(&|class| class.recall),
        Score::MacroF1 => mean(&|class| class.f1),
        Score::LogLoss => -log_loss(&prediction.probabilities, truth),
    }
}

fn interrupted(stop: &AtomicBool) -> Result<()> {
    match stop.load(Ordering::Relaxed) {
        true => Err(Error::Interrupted),
        false => Ok(()),
    }
}

fn hash_of_rows(examples: &Examples) -> String {
    let mut hasher = Sha256::new();
    hasher.update((examples.x().ncols() as u64).to_le_bytes());
    examples
        .x()
        .iter()
        .for_each(|value| hasher.update(value.to_bits().to_le_bytes()));
    for numbers in [Some(examples.y()), examples.groups()].into_iter().flatten() {
        hasher.update(b"|");
        numbers
            .iter()
            .for_each(|&number| hasher.update((number as u64).to_le_bytes()));
    }
    examples
        .names()
        .into_iter()
        .flat_map(|names| names.iter())
        .for_each(|name| {
            hasher.update(b"|");
            hasher.update(name.as_bytes());
        });
    hex(&hasher.finalize())
}

fn hash_of_fold(of_rows: &str, fold: &Fold, score: Score) -> String {
    let mut hasher = Sha256::new();
    hasher.update(of_rows.as_bytes());
    hasher.update([score as u8]);
    for rows in [&fold.train, &fold.test] {
        hasher.update(b"|");
        rows.iter()
            .for_each(|&row| hasher.update((row as u64).to_le_bytes()));
    }
    hex(&hasher.finalize())
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
