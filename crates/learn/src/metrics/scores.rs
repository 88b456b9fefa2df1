//! Everything that is said of one classifier on rows it has not seen.

use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

use super::{
    ClassReport, Confusion, ReliabilityBin, brier, calibration_error, group_bootstrap, kappa, log_loss,
    reliability, top, wilson,
};

/// Bootstrap rounds for intervals over rows that come in groups.
const ROUNDS: usize = 2000;
/// Bins of a reliability table.
const BINS: usize = 10;
/// A genre is nearly right if it is among so many most probable ones.
const TOP: usize = 3;

/// What a classifier says of rows: how probable each class is, and which it decides for.
///
/// The two can disagree: a support vector machine decides by votes, its probabilities are fitted afterwards.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// Shape (rows, classes); rows sum to 1.
    pub probabilities: Array2<f64>,
    /// The class decided for.
    pub classes: Vec<usize>,
}

impl Prediction {
    /// The most probable class of each row is the one decided for.
    pub fn most_probable(probabilities: Array2<f64>) -> Prediction {
        let classes = probabilities.rows().into_iter().map(top).collect();
        Prediction {
            probabilities,
            classes,
        }
    }

    /// Which rows are right.
    pub fn hits(&self, truth: &[usize]) -> Vec<bool> {
        self.classes
            .iter()
            .zip(truth)
            .map(|(class, truth)| class == truth)
            .collect()
    }
}

/// Rows of one track taken together.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackVote {
    /// The mean probabilities of each track and the class with the highest.
    pub prediction: Prediction,
    /// The class of each track.
    pub truth: Vec<usize>,
    /// The tracks, in order of their first rows.
    pub tracks: Vec<usize>,
}

/// The mean probabilities of the rows of each track.
///
/// # Panics
/// If lengths differ.
pub fn track_vote(probabilities: &Array2<f64>, truth: &[usize], track_of: &[usize]) -> TrackVote {
    assert_eq!(truth.len(), track_of.len(), "each row has a class and a track");
    let mut tracks: Vec<usize> = Vec::new();
    let mut place = std::collections::HashMap::new();
    let mut classes = Vec::new();
    let of_row: Vec<usize> = track_of
        .iter()
        .zip(truth)
        .map(|(&track, &class)| {
            *place.entry(track).or_insert_with(|| {
                tracks.push(track);
                classes.push(class);
                tracks.len() - 1
            })
        })
        .collect();
    let mut means = Array2::zeros((tracks.len(), probabilities.ncols()));
    let mut rows = vec![0.0; tracks.len()];
    for (row, &track) in probabilities.rows().into_iter().zip(&of_row) {
        let mut mean = means.row_mut(track);
        mean += &row;
        rows[track] += 1.0;
    }
    for (mut mean, rows) in means.axis_iter_mut(Axis(0)).zip(rows) {
        mean /= rows;
    }
    TrackVote {
        prediction: Prediction::most_probable(means),
        truth: classes,
        tracks,
    }
}

/// How often one class is taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfusedPair {
    /// The true class.
    pub truth: usize,
    /// What it is taken for.
    pub taken_for: usize,
    /// How often.
    pub count: usize,
}

/// The scores of a prediction.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scores {
    /// The number of rows.
    pub rows: usize,
    /// The share decided rightly.
    pub accuracy: f64,
    /// The lower end of its 95 % interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// How the interval was made: `wilson` for rows that are independent, `bootstrap by group` for rows that are not.
    pub interval: &'static str,
    /// The mean recall of the classes that have rows.
    pub balanced_accuracy: f64,
    /// The mean precision over classes that have rows.
    pub macro_precision: f64,
    /// The mean F1 over classes that have rows.
    pub macro_f1: f64,
    /// F1 weighted by the classes' rows.
    pub weighted_f1: f64,
    /// The share of rows whose class is among the three most probable.
    pub top3_accuracy: f64,
    /// Mean log loss, in nats.
    pub log_loss: f64,
    /// Brier score, summed over classes (0 to 2).
    pub brier: f64,
    /// Expected calibration error over ten bins.
    pub calibration_error: f64,
    /// Cohen's kappa.
    pub kappa: f64,
    /// Precision, recall and F1 of each class.
    pub per_class: Vec<ClassReport>,
    /// True class by class decided for.
    pub confusion: Confusion,
    /// The bins behind the calibration error.
    pub reliability: Vec<ReliabilityBin>,
}

impl Scores {
    /// Scores rows; `groups` names the track of each where rows are parts of tracks.
    ///
    /// # Panics
    /// If lengths differ or a class is out of range.
    pub fn new(prediction: &Prediction, truth: &[usize], groups: Option<&[usize]>, seed: u64) -> Scores {
        let probabilities = &prediction.probabilities;
        assert_eq!(probabilities.nrows(), truth.len(), "each row has a class");
        let hits = prediction.hits(truth);
        let right = hits.iter().filter(|&&hit| hit).count();
        let (interval, method) = match groups {
            Some(groups) => (group_bootstrap(&hits, groups, ROUNDS, seed), "bootstrap by group"),
            None => (wilson(right, hits.len()), "wilson"),
        };
        let confusion = Confusion::of_classes(&prediction.classes, truth, probabilities.ncols());
        let per_class = confusion.report();
        let present: Vec<&ClassReport> = per_class.iter().filter(|class| class.support > 0).collect();
        let mean = |of: &dyn Fn(&ClassReport) -> f64| {
            present.iter().map(|class| of(class)).sum::<f64>() / present.len().max(1) as f64
        };
        let weighted = present.iter().map(|c| c.f1 * c.support as f64).sum::<f64>();
        let bins = reliability(probabilities, truth, BINS);
        Scores {
            rows: truth.len(),
            accuracy: interval.value,
            low: interval.low,
            high: interval.high,
            interval: method,
            balanced_accuracy: mean(&|class| class.recall),
            macro_precision: mean(&|class| class.precision),
            macro_f1: mean(&|class| class.f1),
            weighted_f1: weighted / truth.len().max(1) as f64,
            top3_accuracy: top_accuracy(probabilities, truth, TOP),
            log_loss: log_loss(probabilities, truth),
            brier: brier(probabilities, truth),
            calibration_error: calibration_error(&bins),
            kappa: kappa(&confusion),
            per_class,
            confusion,
            reliability: bins,
        }
    }

    /// The pairs of classes that are confused most, the most frequent first.
    pub fn confused(&self, most: usize) -> Vec<ConfusedPair> {
        let mut pairs: Vec<ConfusedPair> = self
            .confusion
            .0
            .iter()
            .enumerate()
            .flat_map(|(truth, row)| {
                row.iter()
                    .enumerate()
                    .map(move |(taken_for, &count)| ConfusedPair {
                        truth,
                        taken_for,
                        count,
                    })
            })
            .filter(|pair| pair.truth != pair.taken_for && pair.count > 0)
            .collect();
        pairs.sort_by_key(|pair| std::cmp::Reverse(pair.count));
        pairs.truncate(most);
        pairs
    }
}

/// The share of rows whose class is among the `most` most probable; of equals the first counts as more probable.
fn top_accuracy(probabilities: &Array2<f64>, truth: &[usize], most: usize) -> f64 {
    let found = probabilities
        .rows()
        .into_iter()
        .zip(truth)
        .filter(|(row, class)| {
            let own = row[**class];
            let before = row
                .iter()
                .enumerate()
                .filter(|(c, p)| **p > own || (**p == own && c < *class))
                .count();
            before < most
        });
    found.count() as f64 / truth.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn scores_of_a_worked_example() {
        // sklearn.metrics on the same numbers: balanced_accuracy_score, f1_score(average="macro" and "weighted"),
        // precision_score(average="macro", zero_division=0), top_k_accuracy_score(k=3)
        let p = array![
            [0.6, 0.2, 0.1, 0.1],
            [0.1, 0.2, 0.3, 0.4],
            [0.3, 0.4, 0.2, 0.1],
            [0.0, 0.1, 0.9, 0.0],
            [0.4, 0.3, 0.2, 0.1]
        ];
        let truth = [0, 0, 1, 2, 3];
        let scores = Scores::new(&Prediction::most_probable(p), &truth, None, 0);
        assert!((scores.accuracy - 0.6).abs() < 1e-12 && scores.interval == "wilson");
        assert!((scores.balanced_accuracy - 0.625).abs() < 1e-12);
        assert!((scores.macro_f1 - 0.625).abs() < 1e-12);
        assert!((scores.weighted_f1 - 0.6).abs() < 1e-12);
        assert!((scores.macro_precision - 0.625).abs() < 1e-12);
        assert!((scores.top3_accuracy - 0.6).abs() < 1e-12);
        assert_eq!(
            scores.confused(1),
            [ConfusedPair {
                truth: 0,
                taken_for: 3,
                count: 1
            }]
        );
        assert_eq!(scores.confused(9).len(), 2);
    }

    #[test]
    fn votes_and_probabilities_may_disagree() {
        let prediction = Prediction {
            probabilities: array![[0.6, 0.4]],
            classes: vec![1],
        };
        assert_eq!(Scores::new(&prediction, &[1], None, 0).accuracy, 1.0);
    }

    #[test]
    fn windows_of_a_track_are_averaged() {
        let p = array![[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.3, 0.7]];
        let vote = track_vote(&p, &[0, 1, 0, 1], &[7, 3, 7, 3]);
        assert_eq!((vote.tracks, vote.truth), (vec![7, 3], vec![0, 1]));
        assert!((vote.prediction.probabilities[[0, 0]] - 0.65).abs() < 1e-12);
        assert_eq!(vote.prediction.classes, [0, 1]);
    }
}
