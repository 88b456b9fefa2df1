//! Cross-validation: rows by chance, class by class, or whole groups.

use melisma_dataset::split::stratified_group_folds;
use serde::{Deserialize, Serialize};

use crate::rng::Rng;
use crate::{Error, Examples, Result};

/// What folds keep together and spread evenly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FoldsBy {
    /// Rows by chance.
    Rows,
    /// Rows by chance, each class spread evenly: the reference's way, which parts the windows of a track.
    Stratified,
    /// Whole groups by chance.
    Grouped,
    /// Whole groups, classes spread as evenly as groups allow.
    StratifiedGrouped,
}

/// How folds are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoldsParams {
    /// What is kept together.
    pub by: FoldsBy,
    /// How many folds.
    pub folds: usize,
    /// How often, each time drawn anew.
    #[serde(default = "once")]
    pub repeats: usize,
    /// Where chance begins.
    #[serde(default)]
    pub seed: u64,
}

fn once() -> usize {
    1
}

/// One fold: row numbers to fit on and to judge on, each in ascending order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fold {
    /// Which repetition.
    pub repeat: usize,
    /// Which fold of it.
    pub number: usize,
    /// Rows to fit on.
    pub train: Vec<usize>,
    /// Rows to judge on.
    pub test: Vec<usize>,
}

impl FoldsParams {
    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error::Params`] for fewer than two folds or no repetition.
    pub fn check(&self) -> Result<()> {
        if self.folds >= 2 && self.repeats >= 1 {
            return Ok(());
        }
        Err(Error::Params {
            estimator: "folds",
            message: format!("{} folds, {} times", self.folds, self.repeats),
        })
    }

    /// Draws the folds, repetition after repetition. A class may be absent from a fold: one with fewer rows (or groups)
    /// than there are folds must be.
    ///
    /// # Errors
    /// As [`FoldsParams::check`]; [`Error::Examples`] for fewer rows or groups than folds, and for grouped folds of rows
    /// that have no groups.
    pub fn draw(&self, examples: &Examples) -> Result<Vec<Fold>> {
        self.check()?;
        let rows = examples.y().len();
        if rows < self.folds {
            return Err(Error::Examples(format!("{rows} rows for {} folds", self.folds)));
        }
        let mut all = Vec::with_capacity(self.folds * self.repeats);
        for repeat in 0..self.repeats {
            let fold_of = self.assign(examples, self.seed.wrapping_add(repeat as u64))?;
            for number in 0..self.folds {
                let (test, train) = (0..rows).partition(|&row| fold_of[row] == number);
                all.push(Fold {
                    repeat,
                    number,
                    train,
                    test,
                });
            }
        }
        Ok(all)
    }

    fn assign(&self, examples: &Examples, seed: u64) -> Result<Vec<usize>> {
        let grouped = || {
            examples
                .groups()
                .ok_or_else(|| Error::Examples("the rows have no groups to keep together".to_owned()))
        };
        let enough = |found: usize| {
            if found < self.folds {
                return Err(Error::Examples(format!(
                    "{found} groups for {} folds",
                    self.folds
                )));
            }
            Ok(())
        };
        let count = |groups: &[usize]| groups.iter().collect::<std::collections::BTreeSet<_>>().len();
        match self.by {
            FoldsBy::Rows => Ok(self.spread((0..examples.y().len()).map(|row| (0, row)), seed)),
            FoldsBy::Stratified => {
                let rows = examples.y().iter().enumerate();
                Ok(self.spread(rows.map(|(row, &class)| (class, row)), seed))
            }
            FoldsBy::Grouped => {
                let groups = grouped()?;
                enough(count(groups))?;
                let one_class = vec![0; groups.len()];
                Ok(stratified_group_folds(&one_class, groups, self.folds, seed)?)
            }
            FoldsBy::StratifiedGrouped => {
                let groups = grouped()?;
                enough(count(groups))?;
                Ok(stratified_group_folds(examples.y(), groups, self.folds, seed)?)
            }
        }
    }

    /// Deals rows out stratum by stratum, each shuffled, the deal going on from one to the next so that fold sizes differ by
    /// one at most.
    fn spread(&self, rows: impl Iterator<Item = (usize, usize)>, seed: u64) -> Vec<usize> {
        let mut strata: std::collections::BTreeMap<usize, Vec<usize>> = Default::default();
        let mut total = 0;
        for (stratum, row) in rows {
            strata.entry(stratum).or_default().push(row);
            total += 1;
        }
        let mut rng = Rng::new(seed);
        let mut fold_of = vec![0; total];
        let mut dealt = 0;
        for rows in strata.values_mut() {
            rng.shuffle(rows);
            for &row in rows.iter() {
                fold_of[row] = dealt % self.folds;
                dealt += 1;
            }
        }
        fold_of
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use proptest::prelude::*;

    fn examples(y: &[usize], groups: &[usize]) -> Examples {
        Examples::new(Array2::zeros((y.len(), 1)), y.to_vec(), 4)
            .unwrap()
            .with_groups(groups.to_vec())
            .unwrap()
    }

    proptest! {
        #[test]
        fn every_row_is_judged_once_a_repetition_and_groups_stay_whole(
            rows in prop::collection::vec((0usize..4, 0usize..15), 30..80),
            folds in 2usize..5, seed in 0u64..1000, kind in 0usize..4,
        ) {
            let by = [FoldsBy::Rows, FoldsBy::Stratified, FoldsBy::Grouped, FoldsBy::StratifiedGrouped][kind];
            let (y, groups): (Vec<_>, Vec<_>) = rows.iter().copied().unzip();
            let distinct = groups.iter().collect::<std::collections::BTreeSet<_>>().len();
            prop_assume!(distinct >= folds && y.iter().any(|c| *c != y[0]));
            let examples = examples(&y, &groups);
            let drawn = FoldsParams { by, folds, repeats: 2, seed }.draw(&examples).unwrap();
            prop_assert_eq!(drawn.len(), 2 * folds);
            for repeat in 0..2 {
                let mut judged: Vec<usize> = drawn.iter().filter(|f| f.repeat == repeat).flat_map(|f| f.test.clone()).collect();
                judged.sort_unstable();
                prop_assert_eq!(judged, (0..y.len()).collect::<Vec<_>>());
            }
            for fold in &drawn {
                prop_assert_eq!(fold.train.len() + fold.test.len(), y.len());
                prop_assert!(fold.train.iter().all(|row| !fold.test.contains(row)));
                if kind >= 2 {
                    prop_assert!(fold.train.iter().all(|a| fold.test.iter().all(|b| groups[*a] != groups[*b])));
                }
                if by == FoldsBy::Stratified {
                    for class in 0..4 {
                        let of = |rows: &[usize]| rows.iter().filter(|r| y[**r] == class).count();
                        let share = (of(&fold.test) + of(&fold.train)) / folds;
                        prop_assert!(of(&fold.test).abs_diff(share) <= 1);
                    }
                }
            }
        }
    }

    #[test]
    fn faults_are_named() {
        let few = examples(&[0, 1, 1], &[0, 0, 1]);
        let draw = |by, folds| {
            let params = FoldsParams {
                by,
                folds,
                repeats: 1,
                seed: 0,
            };
            params.draw(&few).unwrap_err().to_string()
        };
        assert!(draw(FoldsBy::Rows, 4).contains("3 rows for 4 folds"));
        assert!(draw(FoldsBy::StratifiedGrouped, 3).contains("2 groups for 3 folds"));
        assert!(draw(FoldsBy::Rows, 1).contains("1 folds"));
        let alone = Examples::new(Array2::zeros((3, 1)), vec![0, 1, 1], 2).unwrap();
        let params = FoldsParams {
            by: FoldsBy::Grouped,
            folds: 2,
            repeats: 1,
            seed: 0,
        };
        assert!(params.draw(&alone).unwrap_err().to_string().contains("no groups"));
    }
}
