//! Folds inside the training rows: for stacking, calibration and selection.
//!
//! Whatever is learned from out-of-fold predictions never sees a row's prediction by something fitted on that row.

use melisma_dataset::split::stratified_group_folds;
use ndarray::{Array2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{Error, Examples, Result};

/// What a fold keeps together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Nothing: rows of one track may be on both sides.
    #[default]
    Rows,
    /// The groups of the examples (tracks, artists).
    Groups,
}

/// How training rows are folded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FoldsParams {
    /// How many folds, at least 2.
    pub folds: usize,
    /// What stays together.
    pub by: By,
    /// Breaks ties between groups; folds by rows need no chance.
    pub seed: u64,
}

impl Default for FoldsParams {
    fn default() -> Self {
        FoldsParams {
            folds: 5,
            by: By::Rows,
            seed: 0,
        }
    }
}

impl FoldsParams {
    /// Checks the parameters; `estimator` is named in the error.
    ///
    /// # Errors
    /// [`Error::Params`] for fewer than two folds.
    pub fn check(&self, estimator: &'static str) -> Result<()> {
        if self.folds >= 2 {
            return Ok(());
        }
        Err(Error::Params {
            estimator,
            message: format!("{} folds", self.folds),
        })
    }

    /// The fold of each row.
    ///
    /// # Errors
    /// [`Error::Examples`] for fewer rows than folds, or folds by groups of rows that have none;
    /// [`Error::Dataset`] for fewer groups than folds.
    pub fn of(&self, examples: &Examples) -> Result<Vec<usize>> {
        match self.by {
            By::Rows => stratified_folds(examples.y(), self.folds),
            By::Groups => {
                let groups = examples.groups().ok_or_else(|| {
                    Error::Examples("folds by groups, but the rows have no groups".to_owned())
                })?;
                Ok(stratified_group_folds(
                    examples.y(),
                    groups,
                    self.folds,
                    self.seed,
                )?)
            }
        }
    }
}

/// The fold of each row such that every fold has its share of each class, rows in order (scikit-learn's `StratifiedKFold`
/// without shuffling, to the row).
///
/// A class with fewer rows than folds is absent from some of them.
///
/// # Errors
/// [`Error::Examples`] for fewer than two folds, or fewer rows than folds.
pub fn stratified_folds(classes: &[usize], folds: usize) -> Result<Vec<usize>> {
    if folds < 2 || classes.len() < folds {
        return Err(Error::Examples(format!(
            "{folds} folds of {} rows",
            classes.len()
        )));
    }
    // Classes are dealt in order of their first row.
    let mut seen: Vec<usize> = Vec::new();
    let mut ranks = Vec::with_capacity(classes.len());
    for class in classes {
        let rank = seen.iter().position(|other| other == class).unwrap_or_else(|| {
            seen.push(*class);
            seen.len() - 1
        });
        ranks.push(rank);
    }
    let mut order = ranks.clone();
    order.sort_unstable();
    let mut room = vec![vec![0usize; folds]; seen.len()];
    for (position, &rank) in order.iter().enumerate() {
        room[rank][position % folds] += 1;
    }
    Ok(ranks
        .into_iter()
        .map(|rank| {
            let fold = room[rank].iter().position(|&left| left > 0).unwrap_or(0);
            room[rank][fold] -= 1;
            fold
        })
        .collect())
}

/// The rows of `fold`, and all others.
pub(crate) fn sides(fold_of: &[usize], fold: usize) -> (Vec<usize>, Vec<usize>) {
    (0..fold_of.len()).partition(|&row| fold_of[row] == fold)
}

/// For each row what something fitted without its fold predicts, shape (rows, classes).
///
/// `predict` is given the other folds' examples and the fold's inputs. Folds are worked on in parallel.
///
/// # Errors
/// [`Error::Examples`] when the rows outside a fold have fewer than two classes, and whatever `predict` reports.
pub(crate) fn out_of_fold(
    examples: &Examples,
    fold_of: &[usize],
    predict: impl Fn(&Examples, &Array2<f64>) -> Result<Array2<f64>> + Sync,
) -> Result<Array2<f64>> {
    let folds = fold_of.iter().max().map_or(0, |last| last + 1);
    let parts: Vec<(Vec<usize>, Array2<f64>)> = (0..folds)
        .into_par_iter()
        .map(|fold| {
            let (inside, outside) = sides(fold_of, fold);
            let train = examples.subset(&outside)?;
            let predicted = predict(&train, &examples.x().select(Axis(0), &inside))?;
            Ok((inside, predicted))
        })
        .collect::<Result<_>>()?;
    let mut all = Array2::zeros((fold_of.len(), examples.classes()));
    for (rows, predicted) in parts {
        for (row, predicted) in rows.into_iter().zip(predicted.rows()) {
            all.row_mut(row).assign(&predicted);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn folds_are_scikit_learns() {
        // StratifiedKFold(3).split, test folds
        let classes = [2, 0, 0, 2, 1, 0, 1, 2, 0, 0, 1, 2];
        assert_eq!(
            stratified_folds(&classes, 3).unwrap(),
            [0, 0, 1, 0, 0, 1, 1, 1, 2, 2, 2, 2]
        );
        assert_eq!(stratified_folds(&[1, 1, 0], 2).unwrap(), [0, 1, 0]);
        assert_eq!(
            stratified_folds(&[3, 3, 3, 1, 1, 0, 0, 0, 0, 2, 1, 0, 3], 4).unwrap(),
            [0, 1, 2, 0, 1, 0, 1, 2, 3, 0, 2, 3, 3]
        );
        assert!(
            stratified_folds(&[1, 0], 3)
                .unwrap_err()
                .to_string()
                .contains("3 folds of 2 rows")
        );
    }

    #[test]
    fn no_row_is_predicted_by_what_saw_it() {
        let x = Array2::from_shape_fn((10, 1), |(i, _)| i as f64);
        let examples = Examples::new(x, (0..10).map(|i| i % 2).collect(), 2).unwrap();
        let fold_of = FoldsParams::default().of(&examples).unwrap();
        let seen = out_of_fold(&examples, &fold_of, |train, test| {
            let known = |value: &f64| train.x().iter().any(|other| other == value);
            Ok(Array2::from_shape_fn((test.nrows(), 2), |(i, j)| {
                if j == 0 {
                    test[[i, 0]]
                } else {
                    f64::from(u8::from(known(&test[[i, 0]])))
                }
            }))
        })
        .unwrap();
        assert_eq!(
            seen.column(0),
            examples.x().column(0),
            "predictions return to their rows"
        );
        assert_eq!(seen.column(1).sum(), 0.0);
    }

    #[test]
    fn groups_stay_together_and_must_be_there() {
        let examples = Examples::new(Array2::zeros((6, 1)), vec![0, 0, 1, 1, 0, 1], 2).unwrap();
        let params = FoldsParams {
            folds: 2,
            by: By::Groups,
            seed: 0,
        };
        assert!(
            params
                .of(&examples)
                .unwrap_err()
                .to_string()
                .contains("no groups")
        );
        let grouped = examples.with_groups(vec![0, 0, 1, 1, 2, 2]).unwrap();
        let fold_of = params.of(&grouped).unwrap();
        assert!(fold_of[0] == fold_of[1] && fold_of[2] == fold_of[3] && fold_of[4] == fold_of[5]);
        let single = Examples::new(array![[0.0], [1.0]], vec![0, 1], 2).unwrap();
        let error =
            out_of_fold(&single, &[0, 1], |_, test| Ok(Array2::zeros((test.nrows(), 2)))).unwrap_err();
        assert!(error.to_string().contains("fewer than two classes"));
    }
}
