//! Gradient-boosted trees over histograms, with the softmax objective.
//!
//! Chen and Guestrin, "XGBoost: A Scalable Tree Boosting System", KDD 2016: each round adds one tree per class, fitted to the
//! first and second derivative of the log loss; the gain of a split is
//! `G_l² / (H_l + λ) + G_r² / (H_r + λ) - G² / (H + λ)`, the value of a leaf `-rate · G / (H + λ)`. Derivatives, gain and starting
//! margins are those of `XGBClassifier` 3.2 (`multi:softprob`, `tree_method="hist"`); the bins differ from its sketch.

mod bins;
mod grow;

use ndarray::Array2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::payload::{Reader, Writer};
use crate::rng::Rng;
use crate::tree::{Tree, by_blocks};
use crate::{Error, Examples, Result, softmax_rows};
use bins::Binned;

/// Rounds a model may have.
const MOST_ROUNDS: usize = 100_000;
/// Levels of splits a boosted tree may have.
const MOST_LEVELS: usize = 64;
/// No leaf or starting margin is larger, so that sums of them stay finite.
const MOST_MARGIN: f64 = 1e6;

/// Parameters of [`Boost`], named and set as the peers' are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BoostParams {
    /// How often a tree per class is added (`n_estimators`).
    pub rounds: usize,
    /// The most levels of splits of a tree, 1 to 64 (`max_depth`).
    pub depth: usize,
    /// The factor of every leaf (`learning_rate`).
    pub rate: f64,
    /// The ridge penalty on leaves (`reg_lambda`).
    pub lambda: f64,
    /// The least gain of a split (`gamma`).
    pub gamma: f64,
    /// The least sum of second derivatives in a leaf.
    pub min_child_weight: f64,
    /// The most bins of an input, 2 to 256 (`max_bin`).
    pub bins: usize,
    /// The chance of a row to be seen by a tree.
    pub subsample: f64,
    /// The share of inputs a tree may split on (`colsample_bytree`).
    pub columns: f64,
    /// Draws rows and inputs.
    pub seed: u64,
}

impl Default for BoostParams {
    fn default() -> Self {
        BoostParams {
            rounds: 200,
            depth: 7,
            rate: 0.1,
            lambda: 1.0,
            gamma: 0.0,
            min_child_weight: 1.0,
            bins: 256,
            subsample: 1.0,
            columns: 1.0,
            seed: 0,
        }
    }
}

impl BoostParams {
    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error::Params`] naming the first that is out of range.
    pub fn check(&self) -> Result<()> {
        let share = |share: f64| share > 0.0 && share <= 1.0;
        let penalty = |penalty: f64| penalty >= 0.0 && penalty.is_finite();
        let checks = [
            (
                (1..=MOST_ROUNDS).contains(&self.rounds),
                "rounds must be 1 to 100000",
            ),
            ((1..=MOST_LEVELS).contains(&self.depth), "depth must be 1 to 64"),
            (share(self.rate), "rate must be above 0 and at most 1"),
            (penalty(self.lambda), "lambda must be 0 or more"),
            (penalty(self.gamma), "gamma must be 0 or more"),
            (
                penalty(self.min_child_weight),
                "min_child_weight must be 0 or more",
            ),
            ((2..=256).contains(&self.bins), "bins must be 2 to 256"),
            (share(self.subsample), "subsample must be above 0 and at most 1"),
            (share(self.columns), "columns must be above 0 and at most 1"),
        ];
        match checks.iter().find(|(sound, _)| !sound) {
            Some((_, message)) => Err(Error::Params {
                estimator: "boost",
                message: (*message).to_owned(),
            }),
            None => Ok(()),
        }
    }

    /// Adds tree after tree, those of a round in parallel on rayon's current pool; the same whatever its size.
    ///
    /// # Errors
    /// As [`BoostParams::check`], and [`Error::Examples`] for 2³⁰ rows or more.
    pub fn fit(&self, examples: &Examples) -> Result<Boost> {
        self.check()?;
        if examples.y().len() >= 1 << 30 {
            return Err(Error::Examples("too many rows to boost on".to_owned()));
        }
        let binned = Binned::new(examples.x(), self.bins);
        let mut rng = Rng::new(self.seed);
        let present = examples.present();
        let base = starting_margins(examples);
        let mut margins: Vec<Vec<f64>> = present
            .iter()
            .map(|&class| vec![base[class]; examples.y().len()])
            .collect();
        let mut model = Boost {
            trees: Vec::with_capacity(self.rounds * present.len()),
            base,
            gains: vec![0.0; examples.x().ncols()],
            splits: vec![0; examples.x().ncols()],
        };
        for _ in 0..self.rounds {
            let norm = log_sums(&margins);
            let seeds: Vec<u64> = present.iter().map(|_| rng.next_u64()).collect();
            let grown = margins
                .par_iter_mut()
                .zip(&present)
                .zip(seeds)
                .map(|((margin, &class), seed)| {
                    let of_class = |row: usize| examples.y()[row] == class;
                    let rng = Rng::new(seed);
                    grow::Grower::new(self, &binned, margin, &norm, of_class, rng).grow(margin)
                })
                .collect::<Result<Vec<_>>>()?;
            for (grown, &class) in grown.into_iter().zip(&present) {
                for (input, gain) in grown.gains {
                    model.gains[input] += gain;
                    model.splits[input] += 1;
                }
                model.trees.push((class, grown.tree));
            }
        }
        Ok(model)
    }
}

/// The logarithm of each class's share of the rows less their mean, which is where XGBoost starts; minus infinity without rows.
fn starting_margins(examples: &Examples) -> Vec<f64> {
    let rows = examples.y().len() as f64;
    let logs: Vec<f64> = examples
        .counts()
        .iter()
        .map(|&count| (count as f64 / rows).ln())
        .collect();
    let finite: Vec<f64> = logs.iter().copied().filter(|log| log.is_finite()).collect();
    let mean = finite.iter().sum::<f64>() / finite.len() as f64;
    logs.iter().map(|log| log - mean).collect()
}

/// The logarithm of the sum over classes of exp(margin), for each row.
fn log_sums(margins: &[Vec<f64>]) -> Vec<f64> {
    let mut sums = vec![0.0; margins[0].len()];
    sums.par_chunks_mut(1024).enumerate().for_each(|(block, sums)| {
        for (row, sum) in (block * 1024..).zip(sums) {
            let top = margins
                .iter()
                .fold(f64::NEG_INFINITY, |top, margin| top.max(margin[row]));
            *sum = top
                + margins
                    .iter()
                    .map(|margin| (margin[row] - top).exp())
                    .sum::<f64>()
                    .ln();
        }
    });
    sums
}

/// A fitted ensemble of boosted trees.
#[derive(Debug, Clone, PartialEq)]
pub struct Boost {
    /// Each with the class whose margin it adds to.
    trees: Vec<(usize, Tree)>,
    /// The margin of each class before any tree; minus infinity for a class without training rows.
    base: Vec<f64>,
    /// The sum of gains of each input's splits.
    gains: Vec<f64>,
    /// How many splits each input has.
    splits: Vec<u32>,
}

impl Boost {
    /// An ensemble grown elsewhere: the class and the tree (one value per leaf), in order, and the margins before any tree;
    /// importance is unknown (0).
    ///
    /// # Errors
    /// [`Error::Model`] when a class or margin is out of range.
    pub fn from_trees(trees: Vec<(usize, Tree)>, inputs: usize, base: Vec<f64>) -> Result<Boost> {
        Boost {
            trees,
            base,
            gains: vec![0.0; inputs],
            splits: vec![0; inputs],
        }
        .sound()
    }

    fn sound(self) -> Result<Boost> {
        let (inputs, classes) = self.shape();
        let small = |margin: &f64| margin.abs() <= MOST_MARGIN;
        let sound = inputs > 0
            && self.splits.len() == inputs
            && self.gains.iter().all(|gain| *gain >= 0.0 && gain.is_finite())
            && self.base.iter().any(small)
            && self
                .base
                .iter()
                .all(|base| small(base) || *base == f64::NEG_INFINITY)
            && self
                .trees
                .iter()
                .all(|(class, tree)| *class < classes && tree.values().iter().all(small));
        if sound {
            Ok(self)
        } else {
            Err(Error::Model("malformed boosted trees".to_owned()))
        }
    }

    /// The sum of each class's trees for each row, shape (rows, classes); minus infinity for a class without training rows.
    ///
    /// # Panics
    /// If `x` has another number of inputs than the examples had.
    pub fn margins(&self, x: &Array2<f64>) -> Array2<f64> {
        assert_eq!(x.ncols(), self.gains.len(), "inputs of the rows");
        let classes = self.base.len();
        let mut margins = Array2::from_shape_fn((x.nrows(), classes), |(_, class)| self.base[class]);
        by_blocks(x, &mut margins, |rows, margins| {
            for (class, tree) in &self.trees {
                for (row, margins) in rows.iter().zip(margins.chunks_mut(classes)) {
                    margins[*class] += tree.predict(row)[0];
                }
            }
        });
        margins
    }

    /// The probability of each class for each row, shape (rows, classes).
    pub fn predict_proba(&self, x: &Array2<f64>) -> Array2<f64> {
        let mut margins = self.margins(x);
        softmax_rows(&mut margins);
        margins
    }

    /// The trees in the order they were added, each with the class whose margin it adds to.
    pub fn trees(&self) -> &[(usize, Tree)] {
        &self.trees
    }

    /// The margin of each class before any tree.
    pub fn base(&self) -> &[f64] {
        &self.base
    }

    /// The mean gain of each input's splits as shares, which is `XGBClassifier.feature_importances_`: sums to 1, or all 0 where no tree
    /// has a split.
    pub fn importance(&self) -> Vec<f64> {
        let mean = self.gains.iter().zip(&self.splits);
        shares(
            mean.map(|(gain, &splits)| gain / f64::from(splits.max(1)))
                .collect(),
        )
    }

    /// The sum of gains of each input's splits as shares (`total_gain` in XGBoost), which unlike [`Boost::importance`] grows with how
    /// often an input is used.
    pub fn total_gain(&self) -> Vec<f64> {
        shares(self.gains.clone())
    }

    pub(crate) fn shape(&self) -> (usize, usize) {
        (self.gains.len(), self.base.len())
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.exact(&self.base);
        out.exact(&self.gains);
        out.whole(&self.splits);
        out.whole(
            &self
                .trees
                .iter()
                .map(|(class, _)| *class as u32)
                .collect::<Vec<_>>(),
        );
        self.trees.iter().for_each(|(_, tree)| tree.write(out));
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<Boost> {
        let (base, gains) = (input.exact()?, input.exact()?);
        let (splits, classes) = (input.whole()?, input.whole()?);
        let trees = classes
            .into_iter()
            .map(|class| Ok((class as usize, Tree::read(input, gains.len(), 1)?)))
            .collect::<Result<_>>()?;
        Boost {
            trees,
            base,
            gains,
            splits,
        }
        .sound()
    }
}

fn shares(mut values: Vec<f64>) -> Vec<f64> {
    let sum: f64 = values.iter().sum();
    if sum > 0.0 {
        values.iter_mut().for_each(|value| *value /= sum);
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examples() -> Examples {
        let mut rng = Rng::new(3);
        let x = Array2::from_shape_fn((120, 5), |(row, input)| match input {
            4 => 7.0,
            _ => rng.below(50) as f64 / 3.0 + (row % 3 * (input + 1)) as f64,
        });
        Examples::new(x, (0..120).map(|row| [0, 1, 3][row % 3]).collect(), 4).unwrap()
    }

    fn params() -> BoostParams {
        BoostParams {
            rounds: 8,
            ..BoostParams::default()
        }
    }

    #[test]
    fn classes_are_learned_and_one_without_rows_is_never_said() {
        let examples = examples();
        let model = BoostParams {
            rounds: 30,
            min_child_weight: 0.0,
            ..params()
        }
        .fit(&examples)
        .unwrap();
        let p = model.predict_proba(examples.x());
        let mut hits = 0;
        for (p, &class) in p.rows().into_iter().zip(examples.y()) {
            assert!(p[2] == 0.0 && (p.sum() - 1.0).abs() < 1e-12);
            hits += usize::from(p[class] > 0.5);
        }
        assert!(hits >= 115, "{hits} of 120 training rows");
        for shares in [model.importance(), model.total_gain()] {
            assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9 && shares[4] == 0.0);
        }
    }

    #[test]
    fn one_split_is_the_best_there_is() {
        let mut rng = Rng::new(5);
        // More rows than are searched without a histogram, and fewer; both must find the best of all thresholds.
        for rows in [20, 200] {
            let x = Array2::from_shape_fn((rows, 3), |_| rng.below(40) as f64);
            let y: Vec<usize> = (0..rows)
                .map(|row| usize::from(x[[row, 1]] + rng.below(20) as f64 > 25.0))
                .collect();
            let examples = Examples::new(x.clone(), y.clone(), 2).unwrap();
            let params = BoostParams {
                rounds: 1,
                depth: 1,
                min_child_weight: 0.0,
                ..params()
            };
            let model = params.fit(&examples).unwrap();
            let share = y.iter().sum::<usize>() as f64 / rows as f64;
            let slope = |row: usize| share - y[row] as f64;
            let curvature = 2.0 * share * (1.0 - share);
            let score = |side: &[usize]| {
                let slope: f64 = side.iter().map(|&row| slope(row)).sum();
                slope * slope / (side.len() as f64 * curvature + 1.0)
            };
            let gain = |input: usize, threshold: f64| {
                let (left, right): (Vec<usize>, Vec<usize>) =
                    (0..rows).partition(|&row| x[[row, input]] <= threshold);
                score(&left) + score(&right)
            };
            let all = (0..3).flat_map(|input| (0..40).map(move |value| (input, f64::from(value) + 0.5)));
            let best = all
                .map(|(input, threshold)| gain(input, threshold))
                .fold(0.0, f64::max);
            let crate::tree::Node::Split { input, threshold } = model.trees()[1].1.nodes()[0] else {
                panic!("no split");
            };
            assert!((gain(input, threshold) - best).abs() < 1e-6 * best);
        }
    }

    #[test]
    fn limits_hold() {
        let examples = examples();
        let nodes = |params: BoostParams| -> usize {
            let model = params.fit(&examples).unwrap();
            model.trees().iter().map(|(_, tree)| tree.len()).sum()
        };
        assert_eq!(
            nodes(BoostParams {
                gamma: 1e9,
                ..params()
            }),
            24,
            "a leaf per tree"
        );
        assert_eq!(
            nodes(BoostParams {
                min_child_weight: 1e9,
                ..params()
            }),
            24
        );
        assert!(nodes(BoostParams { depth: 1, ..params() }) <= 72);
        assert!(nodes(params()) > 72);
    }

    #[test]
    fn the_number_of_threads_does_not_matter_but_the_seed_does() {
        let examples = examples();
        let params = BoostParams {
            subsample: 0.7,
            columns: 0.6,
            ..params()
        };
        let fit = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| params.fit(&examples).unwrap())
        };
        assert!(fit(1) == fit(2));
        assert_ne!(
            fit(1),
            BoostParams {
                seed: 1,
                ..params.clone()
            }
            .fit(&examples)
            .unwrap()
        );
    }

    #[test]
    fn rows_alike_give_a_leaf_of_their_shares() {
        let x = ndarray::array![[1.0], [1.0], [1.0], [1.0]];
        let model = params()
            .fit(&Examples::new(x.clone(), vec![0, 0, 0, 1], 2).unwrap())
            .unwrap();
        assert!(model.trees().iter().all(|(_, tree)| tree.len() == 1));
        assert!(
            (model.predict_proba(&x)[[0, 0]] - 0.75).abs() < 1e-9,
            "shares are where boosting starts"
        );
    }

    #[test]
    fn files_keep_trees_exactly_and_forged_ones_never_panic() {
        let examples = examples();
        let model = BoostParams {
            rounds: 2,
            depth: 3,
            ..params()
        }
        .fit(&examples)
        .unwrap();
        let mut out = Writer::default();
        model.write(&mut out);
        let whole = out.into_bytes();
        assert_eq!(Boost::read(&mut Reader::new(&whole)).unwrap(), model);
        for at in 0..whole.len() {
            assert!(
                Boost::read(&mut Reader::new(&whole[..at])).is_err(),
                "cut to {at}"
            );
            let mut forged = whole.clone();
            forged[at] ^= 1 << (at % 8);
            if let Ok(model) = Boost::read(&mut Reader::new(&forged)) {
                let p = model.predict_proba(&Array2::ones((1, model.shape().0)));
                assert!((p.sum() - 1.0).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn parameters_are_checked_and_have_defaults() {
        let faulty = [
            BoostParams {
                rounds: 0,
                ..params()
            },
            BoostParams {
                depth: 65,
                ..params()
            },
            BoostParams {
                rate: 0.0,
                ..params()
            },
            BoostParams {
                lambda: f64::NAN,
                ..params()
            },
            BoostParams {
                gamma: -1.0,
                ..params()
            },
            BoostParams {
                min_child_weight: f64::INFINITY,
                ..params()
            },
            BoostParams {
                bins: 257,
                ..params()
            },
            BoostParams {
                subsample: 0.0,
                ..params()
            },
            BoostParams {
                columns: 1.5,
                ..params()
            },
        ];
        assert!(faulty.iter().all(|params| params.check().is_err()));
        let read: BoostParams = toml::from_str("rounds = 8").unwrap();
        assert_eq!(read, params());
        assert!(toml::from_str::<BoostParams>("n_estimators = 8").is_err());
    }
}
