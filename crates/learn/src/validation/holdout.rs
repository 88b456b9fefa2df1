//! Rows to fit on and rows to judge on, as different types.

use ndarray::{Array2, Axis};

use crate::metrics::{Prediction, Scores};
use crate::validation::Fold;
use crate::{Examples, Result};

/// Rows that are judged on. Estimators are fitted on [`Examples`] only, and there is no way from here to there.
#[derive(Debug, Clone)]
pub struct Held {
    x: Array2<f64>,
    y: Vec<usize>,
    groups: Option<Vec<usize>>,
}

/// Rows to fit on beside rows to judge on.
#[derive(Debug, Clone)]
pub struct Holdout {
    /// To fit on.
    pub train: Examples,
    /// To judge on.
    pub test: Held,
}

impl Held {
    /// Rows from elsewhere (a table with labels), which nothing is ever fitted on.
    pub fn new(x: Array2<f64>, y: Vec<usize>, groups: Option<Vec<usize>>) -> Held {
        Held { x, y, groups }
    }

    /// The rows, shape (rows, inputs), for prediction.
    pub fn x(&self) -> &Array2<f64> {
        &self.x
    }

    /// The class of each row, for scoring.
    pub fn truth(&self) -> &[usize] {
        &self.y
    }

    /// The group of each row, where rows have any.
    pub fn groups(&self) -> Option<&[usize]> {
        self.groups.as_deref()
    }

    /// Scores what was said of these rows.
    pub fn judge(&self, prediction: &Prediction, seed: u64) -> Scores {
        Scores::new(prediction, &self.y, self.groups(), seed)
    }
}

impl Holdout {
    /// Parts rows as a fold says.
    ///
    /// # Errors
    /// [`Error::Examples`](crate::Error::Examples) when fewer than two classes are left to fit on.
    pub fn of(examples: &Examples, fold: &Fold) -> Result<Holdout> {
        Holdout::of_rows(examples, &fold.train, &fold.test)
    }

    /// Parts rows by their numbers.
    ///
    /// # Errors
    /// As [`Holdout::of`].
    ///
    /// # Panics
    /// If a row is to be fitted on and judged on.
    pub fn of_rows(examples: &Examples, train: &[usize], test: &[usize]) -> Result<Holdout> {
        let mut fitted_on = vec![false; examples.y().len()];
        train.iter().for_each(|&row| fitted_on[row] = true);
        assert!(
            test.iter().all(|&row| !fitted_on[row]),
            "a row is to be fitted on and judged on"
        );
        Ok(Holdout {
            train: examples.subset(train)?,
            test: Held {
                x: examples.x().select(Axis(0), test),
                y: test.iter().map(|&row| examples.y()[row]).collect(),
                groups: examples
                    .groups()
                    .map(|groups| test.iter().map(|&row| groups[row]).collect()),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn rows_go_to_one_side_or_the_other() {
        let examples = Examples::new(array![[0.0], [1.0], [2.0]], vec![0, 1, 1], 2).unwrap();
        let parted = Holdout::of_rows(&examples, &[0, 2], &[1]).unwrap();
        assert_eq!(parted.train.x(), &array![[0.0], [2.0]]);
        assert_eq!((parted.test.x(), parted.test.truth()), (&array![[1.0]], &[1][..]));
        let said = Prediction::most_probable(array![[0.1, 0.9]]);
        assert_eq!(parted.test.judge(&said, 0).accuracy, 1.0);
        assert!(
            Holdout::of_rows(&examples, &[1, 2], &[0]).is_err(),
            "one class is left"
        );
    }

    #[test]
    #[should_panic(expected = "fitted on and judged on")]
    fn no_row_is_on_both_sides() {
        let examples = Examples::new(array![[0.0], [1.0]], vec![0, 1], 2).unwrap();
        let _ = Holdout::of_rows(&examples, &[0, 1], &[1]);
    }
}
