//! How good predictions are, and how sure one can be of that.

mod compare;
mod scores;

use std::collections::BTreeMap;

pub use compare::{McNemar, kappa, mcnemar};
pub use scores::{ConfusedPair, Prediction, Scores, TrackVote, track_vote};

use ndarray::{Array2, ArrayView1};
use serde::Serialize;

use crate::rng::Rng;

/// Probabilities are not taken to be smaller than this in a logarithm.
const SMALLEST: f64 = 1e-15;

/// An estimate with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The estimate.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// Wilson's 95 % score interval for `correct` of `total` independent trials (Wilson 1927).
///
/// Without trials the interval is the whole of 0 to 1.
pub fn wilson(correct: usize, total: usize) -> Interval {
    const Z: f64 = 1.959_963_984_540_054;
    if total == 0 {
        return Interval {
            value: 0.0,
            low: 0.0,
            high: 1.0,
        };
    }
    let (n, p) = (total as f64, correct as f64 / total as f64);
    let middle = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    Interval {
        value: p,
        low: (middle - half).max(0.0),
        high: (middle + half).min(1.0),
    }
}

/// The accuracy of rows that come in groups, with the 2.5 and 97.5 % points of a bootstrap that draws
/// whole groups (`rounds` times): windows of one track are no independent trials.
pub fn group_bootstrap(correct: &[bool], groups: &[usize], rounds: usize, seed: u64) -> Interval {
    let mut tallies: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    for (&hit, &group) in correct.iter().zip(groups) {
        let tally = tallies.entry(group).or_default();
        *tally = (tally.0 + usize::from(hit), tally.1 + 1);
    }
    let tallies: Vec<(usize, usize)> = tallies.into_values().collect();
    if tallies.is_empty() || rounds == 0 {
        return wilson(0, 0);
    }
    let share = |(hits, rows): (usize, usize)| hits as f64 / rows as f64;
    let sum = |a: (usize, usize), b: &(usize, usize)| (a.0 + b.0, a.1 + b.1);
    let mut rng = Rng::new(seed);
    let mut drawn: Vec<f64> = (0..rounds)
        .map(|_| {
            share(
                (0..tallies.len())
                    .map(|_| &tallies[rng.below(tallies.len())])
                    .fold((0, 0), sum),
            )
        })
        .collect();
    drawn.sort_by(f64::total_cmp);
    let point = |quantile: f64| drawn[((drawn.len() - 1) as f64 * quantile).round() as usize];
    Interval {
        value: share(tallies.iter().fold((0, 0), sum)),
        low: point(0.025),
        high: point(0.975),
    }
}

/// The most probable class of a row of probabilities; the first of equals.
pub fn top(probabilities: ArrayView1<f64>) -> usize {
    let mut best = 0;
    for (class, probability) in probabilities.iter().enumerate() {
        if *probability > probabilities[best] {
            best = class;
        }
    }
    best
}

/// Whether each row's most probable class is its true one.
pub fn hits(probabilities: &Array2<f64>, truth: &[usize]) -> Vec<bool> {
    probabilities
        .rows()
        .into_iter()
        .zip(truth)
        .map(|(row, &class)| top(row) == class)
        .collect()
}

/// The share of rows whose most probable class is the true one.
pub fn accuracy(probabilities: &Array2<f64>, truth: &[usize]) -> f64 {
    let hits = hits(probabilities, truth);
    hits.iter().filter(|&&hit| hit).count() as f64 / hits.len().max(1) as f64
}

/// The mean of -ln of the true class's probability, in nats.
pub fn log_loss(probabilities: &Array2<f64>, truth: &[usize]) -> f64 {
    let rows = probabilities.rows().into_iter().zip(truth);
    rows.map(|(row, &class)| -row[class].max(SMALLEST).ln())
        .sum::<f64>()
        / truth.len().max(1) as f64
}

/// The mean squared distance of the probabilities from certainty of the truth, summed over classes (0 to 2).
pub fn brier(probabilities: &Array2<f64>, truth: &[usize]) -> f64 {
    let row = |(row, &class): (ArrayView1<f64>, &usize)| {
        row.iter()
            .enumerate()
            .map(|(c, p)| (p - f64::from(u8::from(c == class))).powi(2))
            .sum::<f64>()
    };
    probabilities.rows().into_iter().zip(truth).map(row).sum::<f64>() / truth.len().max(1) as f64
}

/// One bin of a reliability table.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ReliabilityBin {
    /// The bin holds rows whose highest probability is at least this ...
    pub from: f64,
    /// ... and below this (1 belongs to the last bin).
    pub to: f64,
    /// The number of rows.
    pub rows: usize,
    /// The mean of their highest probabilities.
    pub confidence: f64,
    /// The share of them that is right.
    pub accuracy: f64,
}

/// Rows by their highest probability, in `bins` equal bins; empty bins are left out.
pub fn reliability(probabilities: &Array2<f64>, truth: &[usize], bins: usize) -> Vec<ReliabilityBin> {
    let bins = bins.max(1);
    let mut sums = vec![(0usize, 0.0, 0usize); bins];
    for (row, &class) in probabilities.rows().into_iter().zip(truth) {
        let best = top(row);
        let bin = ((row[best] * bins as f64) as usize).min(bins - 1);
        sums[bin].0 += 1;
        sums[bin].1 += row[best];
        sums[bin].2 += usize::from(best == class);
    }
    let filled = sums.into_iter().enumerate().filter(|(_, sum)| sum.0 > 0);
    filled
        .map(|(bin, (rows, confidence, right))| ReliabilityBin {
            from: bin as f64 / bins as f64,
            to: (bin + 1) as f64 / bins as f64,
            rows,
            confidence: confidence / rows as f64,
            accuracy: right as f64 / rows as f64,
        })
        .collect()
}

/// The expected calibration error: mean distance of confidence from accuracy over the bins of [`reliability`].
pub fn calibration_error(bins: &[ReliabilityBin]) -> f64 {
    let rows: usize = bins.iter().map(|bin| bin.rows).sum();
    bins.iter()
        .map(|b| b.rows as f64 * (b.confidence - b.accuracy).abs())
        .sum::<f64>()
        / rows.max(1) as f64
}

/// How often each true class (row) was taken for each class (column).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Confusion(pub Vec<Vec<usize>>);

/// Precision, recall and F1 of a class.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ClassReport {
    /// The share of rows taken for the class that belong to it; 0 when none is.
    pub precision: f64,
    /// The share of the class's rows that were recognised; 0 when it has none.
    pub recall: f64,
    /// The harmonic mean of the two; 0 when both are.
    pub f1: f64,
    /// The number of rows of the class.
    pub support: usize,
}

impl Confusion {
    /// Counts over rows.
    ///
    /// # Panics
    /// If a true class is not below the number of columns.
    pub fn new(probabilities: &Array2<f64>, truth: &[usize]) -> Confusion {
        let mut counts = vec![vec![0; probabilities.ncols()]; probabilities.ncols()];
        for (row, &class) in probabilities.rows().into_iter().zip(truth) {
            counts[class][top(row)] += 1;
        }
        Confusion(counts)
    }

    /// Counts over rows whose class has been decided otherwise than by the highest probability.
    ///
    /// # Panics
    /// If a class is not below `classes`.
    pub fn of_classes(predicted: &[usize], truth: &[usize], classes: usize) -> Confusion {
        let mut counts = vec![vec![0; classes]; classes];
        for (&taken, &class) in predicted.iter().zip(truth) {
            counts[class][taken] += 1;
        }
        Confusion(counts)
    }

    /// Precision, recall, F1 and support of every class.
    pub fn report(&self) -> Vec<ClassReport> {
        let ratio = |a: usize, b: usize| if b == 0 { 0.0 } else { a as f64 / b as f64 };
        (0..self.0.len())
            .map(|class| {
                let support = self.0[class].iter().sum();
                let taken = self.0.iter().map(|row| row[class]).sum();
                let right = self.0[class][class];
                ClassReport {
                    precision: ratio(right, taken),
                    recall: ratio(right, support),
                    f1: ratio(2 * right, support + taken),
                    support,
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn wilson_matches_statsmodels() {
        // statsmodels.stats.proportion.proportion_confint(50, 100, method="wilson") and (0, 10)
        let half = wilson(50, 100);
        assert!((half.low - 0.403_831_530).abs() < 1e-8 && (half.high - 0.596_168_470).abs() < 1e-8);
        let none = wilson(0, 10);
        assert!(none.low == 0.0 && (none.high - 0.277_532_799).abs() < 1e-8);
        assert_eq!(wilson(0, 0).high, 1.0);
    }

    #[test]
    fn bootstrap_of_whole_groups_is_wider_than_of_rows() {
        let correct: Vec<bool> = (0..300).map(|row| row / 3 % 2 == 0).collect();
        let tracks: Vec<usize> = (0..300).map(|row| row / 3).collect();
        let rows: Vec<usize> = (0..300).collect();
        let (by_track, by_row) = (
            group_bootstrap(&correct, &tracks, 2000, 1),
            group_bootstrap(&correct, &rows, 2000, 1),
        );
        assert_eq!(by_track.value, 0.5);
        let ratio = (by_track.high - by_track.low) / (by_row.high - by_row.low);
        assert!((1.5..2.0).contains(&ratio), "about sqrt(3): {ratio}");
        assert_eq!(group_bootstrap(&correct, &tracks, 2000, 1), by_track);
    }

    #[test]
    fn losses_of_a_worked_example() {
        let p = array![[0.5, 0.5, 0.0], [0.1, 0.1, 0.8], [0.2, 0.7, 0.1]];
        let truth = [0, 2, 0];
        assert!((log_loss(&p, &truth) - -(0.5f64.ln() + 0.8f64.ln() + 0.2f64.ln()) / 3.0).abs() < 1e-12);
        assert!((brier(&p, &truth) - (0.5 + 0.06 + 1.14) / 3.0).abs() < 1e-12);
        assert!((accuracy(&p, &truth) - 2.0 / 3.0).abs() < 1e-12);
        let confusion = Confusion::new(&p, &truth);
        assert_eq!(confusion.0, [[1, 1, 0], [0, 0, 0], [0, 0, 1]]);
        let report = confusion.report();
        assert_eq!(
            (report[0].precision, report[0].recall, report[0].support),
            (1.0, 0.5, 2)
        );
        assert_eq!(
            (report[1].precision, report[1].recall, report[1].f1),
            (0.0, 0.0, 0.0)
        );
        let bins = reliability(&p, &truth, 10);
        assert_eq!(bins.iter().map(|bin| bin.rows).collect::<Vec<_>>(), [1, 1, 1]);
        assert!((calibration_error(&bins) - (0.5 + 0.7 + 0.2) / 3.0).abs() < 1e-12);
    }
}
