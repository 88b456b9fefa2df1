//! Methods that ask a classifier: by its importances, or by how well it does on sets of inputs.

use ndarray::Axis;
use rayon::prelude::*;
use serde::Serialize;

use super::Ranked;
use crate::classifier::{Classifier, ClassifierParams};
use crate::folds::{FoldsParams, sides};
use crate::{Error, Examples, Result};

/// What a classifier fitted on the examples thinks of each input.
///
/// # Errors
/// [`Error::Params`] for a classifier that has no importances.
pub(super) fn importances(params: &ClassifierParams, examples: &Examples) -> Result<Vec<f64>> {
    params.fit(examples)?.importances().ok_or_else(|| Error::Params {
        estimator: "select",
        message: "this classifier has no importances to select by".to_owned(),
    })
}

/// The examples with these inputs alone.
fn with_inputs(examples: &Examples, inputs: &[usize]) -> Result<Examples> {
    let names = examples
        .names()
        .map(|names| inputs.iter().map(|&input| names[input].clone()).collect());
    examples.with_x(examples.x().select(Axis(1), inputs), names)
}

/// The inputs in the order in which they would be dropped, the least important first, down to `keep`; then the others.
///
/// `watch` is told every set before it loses its weakest input.
fn elimination(
    params: &ClassifierParams,
    examples: &Examples,
    keep: usize,
    mut watch: impl FnMut(&[usize], &Classifier) -> Result<()>,
) -> Result<(Vec<usize>, Vec<usize>)> {
    let mut left: Vec<usize> = (0..examples.x().ncols()).collect();
    let mut dropped = Vec::new();
    loop {
        let model = params.fit(&with_inputs(examples, &left)?)?;
        watch(&left, &model)?;
        if left.len() <= keep.max(1) {
            return Ok((dropped, left));
        }
        let scores = model.importances().ok_or_else(|| Error::Params {
            estimator: "select",
            message: "this classifier has no importances to select by".to_owned(),
        })?;
        let weakest = (0..left.len())
            .min_by(|&a, &b| scores[a].total_cmp(&scores[b]))
            .unwrap_or(0);
        dropped.push(left.remove(weakest));
    }
}

/// Recursive elimination down to `keep` inputs (Guyon and others, "Gene selection for cancer classification using support
/// vector machines", 2002): those that are left, then the dropped ones, the last dropped first.
pub(super) fn eliminate(params: &ClassifierParams, examples: &Examples, keep: usize) -> Result<Vec<Ranked>> {
    let (dropped, left) = elimination(params, examples, keep, |_, _| Ok(()))?;
    let ranked = |input: usize, outlived: usize| Ranked {
        input,
        name: examples.name(input),
        score: outlived as f64,
        p: None,
    };
    let outlived = dropped.len();
    let mut all: Vec<Ranked> = left.into_iter().map(|input| ranked(input, outlived)).collect();
    all.extend(
        dropped
            .into_iter()
            .enumerate()
            .rev()
            .map(|(outlived, input)| ranked(input, outlived)),
    );
    Ok(all)
}

/// How well a classifier does with a number of inputs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CountScore {
    /// The number of inputs.
    pub inputs: usize,
    /// The mean accuracy over the folds.
    pub accuracy: f64,
    /// The standard deviation over the folds.
    pub deviation: f64,
}

/// The cross-validated accuracy at every number of inputs, fewest first, where each fold eliminates inputs by itself.
///
/// # Errors
/// As [`FoldsParams::of`]; [`Error::Params`] for a classifier without importances.
pub fn elimination_curve(
    params: &ClassifierParams,
    cross_validation: &FoldsParams,
    examples: &Examples,
) -> Result<Vec<CountScore>> {
    let fold_of = cross_validation.of(examples)?;
    let by_fold: Vec<Vec<f64>> = (0..cross_validation.folds)
        .into_par_iter()
        .map(|fold| {
            let (inside, outside) = sides(&fold_of, fold);
            let train = examples.subset(&outside)?;
            let test = examples.x().select(Axis(0), &inside);
            let mut accuracies = Vec::new();
            elimination(params, &train, 1, |inputs, model| {
                let predicted = model.predict(&test.select(Axis(1), inputs));
                let right = predicted
                    .iter()
                    .zip(&inside)
                    .filter(|(class, row)| **class == examples.y()[**row])
                    .count();
                accuracies.push(right as f64 / inside.len().max(1) as f64);
                Ok(())
            })?;
            accuracies.reverse(); // from one input on
            Ok(accuracies)
        })
        .collect::<Result<_>>()?;
    let folds = by_fold.len() as f64;
    let curve = (0..examples.x().ncols()).map(|index| {
        let mean = by_fold.iter().map(|fold| fold[index]).sum::<f64>() / folds;
        let squares: f64 = by_fold.iter().map(|fold| (fold[index] - mean).powi(2)).sum();
        CountScore {
            inputs: index + 1,
            accuracy: mean,
            deviation: (squares / folds).sqrt(),
        }
    });
    Ok(curve.collect())
}

/// The number of inputs with the best accuracy, the least of equals.
pub(super) fn best_count(
    params: &ClassifierParams,
    cross_validation: &FoldsParams,
    examples: &Examples,
) -> Result<usize> {
    let curve = elimination_curve(params, cross_validation, examples)?;
    let best = curve
        .iter()
        .map(|at| at.accuracy)
        .fold(f64::NEG_INFINITY, f64::max);
    Ok(curve
        .iter()
        .find(|at| at.accuracy >= best)
        .map_or(1, |at| at.inputs))
}

/// Greedy selection by the mean accuracy over folds (`SequentialFeatureSelector`), forward or backward, to `keep` inputs.
pub(super) fn sequential(
    params: &ClassifierParams,
    cross_validation: &FoldsParams,
    examples: &Examples,
    keep: usize,
    forward: bool,
) -> Result<Vec<Ranked>> {
    let fold_of = cross_validation.of(examples)?;
    let folds: Vec<Fold> = (0..cross_validation.folds)
        .map(|fold| Fold::new(examples, &fold_of, fold))
        .collect::<Result<_>>()?;
    let width = examples.x().ncols();
    let keep = keep.min(width);
    // (input, accuracy of the set when it was chosen)
    let mut chosen: Vec<(usize, f64)> = Vec::new();
    if !forward {
        let all: Vec<usize> = (0..width).collect();
        let accuracy = mean_accuracy(params, &folds, &all)?;
        chosen = all.into_iter().map(|input| (input, accuracy)).collect();
    }
    while chosen.len() != keep {
        let set: Vec<usize> = chosen.iter().map(|pair| pair.0).collect();
        let candidates: Vec<usize> = if forward {
            (0..width).filter(|input| !set.contains(input)).collect()
        } else {
            set.clone()
        };
        let accuracies: Vec<f64> = candidates
            .par_iter()
            .map(|&candidate| {
                let mut inputs: Vec<usize> =
                    set.iter().copied().filter(|&input| input != candidate).collect();
                if forward {
                    inputs.push(candidate);
                    inputs.sort_unstable();
                }
                mean_accuracy(params, &folds, &inputs)
            })
            .collect::<Result<_>>()?;
        let best = accuracies.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let position = accuracies.iter().position(|&a| a >= best).unwrap_or(0);
        if forward {
            chosen.push((candidates[position], best));
        } else {
            chosen.remove(position);
            chosen.iter_mut().for_each(|pair| pair.1 = best);
        }
    }
    Ok(chosen
        .into_iter()
        .map(|(input, score)| Ranked {
            input,
            name: examples.name(input),
            score,
            p: None,
        })
        .collect())
}

/// One fold's training and test rows.
struct Fold {
    train: Examples,
    test: ndarray::Array2<f64>,
    truth: Vec<usize>,
}

impl Fold {
    fn new(examples: &Examples, fold_of: &[usize], fold: usize) -> Result<Fold> {
        let (inside, outside) = sides(fold_of, fold);
        Ok(Fold {
            train: examples.subset(&outside)?,
            test: examples.x().select(Axis(0), &inside),
            truth: inside.iter().map(|&row| examples.y()[row]).collect(),
        })
    }
}

/// The mean over folds of the accuracy with these inputs alone.
fn mean_accuracy(params: &ClassifierParams, folds: &[Fold], inputs: &[usize]) -> Result<f64> {
    let mut sum = 0.0;
    for fold in folds {
        let model = params.fit(&with_inputs(&fold.train, inputs)?)?;
        let predicted = model.predict(&fold.test.select(Axis(1), inputs));
        let right = predicted.iter().zip(&fold.truth).filter(|(a, b)| a == b).count();
        sum += right as f64 / fold.truth.len().max(1) as f64;
    }
    Ok(sum / folds.len() as f64)
}
