//! Even odds: classes told apart as if all were equally frequent.
//!
//! How many rows of each class there are is often an accident of collecting. Each class' probability is weighted, and the
//! weights are those at which the mean probability of a class, over rows of which every class counts the same, is the same
//! for all: the optimum of the balanced log loss over one bias a class (without the temperature of Alexandari, Kundaje and
//! Shrikumar 2020, "Maximum likelihood with bias-corrected calibration").

use ndarray::{Array2, ArrayViewMut1};

/// Rounds of the fixed-point iteration; it has long settled by then.
const ROUNDS: usize = 200;
/// The least probability that is believed: a class is never out of the question.
const LEAST: f64 = 1e-6;
/// Weights beyond these bounds are none that a fit finds.
const RANGE: (f64, f64) = (1e-9, 1e9);

/// A weight for each class.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights(Vec<f64>);

impl Weights {
    /// Takes weights; `None` for those that are not positive numbers.
    pub(crate) fn new(weights: Vec<f64>) -> Option<Weights> {
        let sound = |weight: &f64| (RANGE.0..=RANGE.1).contains(weight);
        (!weights.is_empty() && weights.iter().all(sound)).then_some(Weights(weights))
    }

    /// Learns the weights from probabilities, shape (rows, classes), and the class of each row; classes without rows weigh 1.
    pub(crate) fn fit(probabilities: &Array2<f64>, truth: &[usize]) -> Weights {
        let classes = probabilities.ncols();
        let mut counts = vec![0.0; classes];
        truth.iter().for_each(|class| counts[*class] += 1.0);
        let there = counts.iter().filter(|count| **count > 0.0).count() as f64;
        let mut weights = Weights(vec![1.0; classes]);
        for _ in 0..ROUNDS {
            let mut means = vec![0.0; classes];
            for (row, class) in probabilities.rows().into_iter().zip(truth) {
                let mut row = row.to_owned();
                weights.apply(row.view_mut());
                let share = 1.0 / (row.sum() * there * counts[*class]);
                means
                    .iter_mut()
                    .zip(&row)
                    .for_each(|(mean, p)| *mean += p * share);
            }
            for ((weight, mean), count) in weights.0.iter_mut().zip(means).zip(&counts) {
                if *count > 0.0 {
                    *weight = (*weight / (mean * there)).clamp(RANGE.0, RANGE.1);
                }
            }
        }
        weights
    }

    /// Weights a row; it need not sum to 1 afterwards.
    pub(crate) fn apply(&self, mut row: ArrayViewMut1<'_, f64>) {
        row.iter_mut()
            .zip(&self.0)
            .for_each(|(p, weight)| *p = p.max(LEAST) * weight);
    }

    pub(crate) fn numbers(&self) -> &[f64] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rare_class_is_weighted_by_how_rare_it_is() {
        // Whoever knows nothing says the shares of the classes: three to one. Even odds make that a half each.
        let truth = [0, 0, 0, 1];
        let said = Array2::from_shape_fn((4, 3), |(_, class)| [0.75, 0.25, 0.0][class]);
        let weights = Weights::fit(&said, &truth);
        let mut row = said.row(0).to_owned();
        weights.apply(row.view_mut());
        assert!((row[0] / row[1] - 1.0).abs() < 1e-6);
        assert_eq!(weights.numbers()[2], 1.0);
    }

    #[test]
    fn weights_that_no_fit_finds_are_refused() {
        for bad in [
            vec![],
            vec![1.0, 0.0],
            vec![-1.0],
            vec![f64::NAN],
            vec![f64::INFINITY],
        ] {
            assert_eq!(Weights::new(bad), None);
        }
        assert!(Weights::new(vec![0.5, 3.0]).is_some());
    }
}
