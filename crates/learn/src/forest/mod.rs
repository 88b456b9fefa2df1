//! Random forests and extremely randomised trees.
//!
//! Breiman, "Random Forests", Machine Learning 45 (2001); Geurts, Ernst and Wehenkel, "Extremely randomized trees", Machine
//! Learning 63 (2006). Splits maximise the decrease of Gini impurity over a random choice of inputs; probabilities are the mean
//! of the leaves' class shares, as in scikit-learn's `RandomForestClassifier` and `ExtraTreesClassifier`. Splits are
//! exact: every value of an input is a candidate, none is binned.

mod grow;

use ndarray::Array2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::payload::{Reader, Writer};
use crate::rng::Rng;
use crate::tree::{MOST_DEPTH, Tree, by_blocks};
use crate::{Error, Examples, Result};

/// Trees a forest may have.
const MOST_TREES: usize = 100_000;

/// Parameters of [`Forest`]; what is left out has scikit-learn's default, save that there are 200 trees.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ForestParams {
    /// The number of trees.
    pub trees: usize,
    /// Whether thresholds are drawn at random (extra trees) instead of searched.
    pub extra: bool,
    /// The most levels of splits, or as many as it takes (up to [`MOST_DEPTH`]).
    pub max_depth: Option<usize>,
    /// Nodes of fewer training rows are not split.
    pub min_split: usize,
    /// The fewest training rows of a leaf.
    pub min_leaf: usize,
    /// How many inputs each split chooses from.
    pub features: Features,
    /// Whether each tree sees its own draw of the rows, with replacement; by default not for extra trees.
    pub bootstrap: Option<bool>,
    /// Whether classes weigh the same whatever their number of rows.
    pub balanced: bool,
    /// Draws rows, inputs and thresholds.
    pub seed: u64,
}

impl Default for ForestParams {
    fn default() -> Self {
        ForestParams {
            trees: 200,
            extra: false,
            max_depth: None,
            min_split: 2,
            min_leaf: 1,
            features: Features::Rule(FeatureRule::Sqrt),
            bootstrap: None,
            balanced: false,
            seed: 0,
        }
    }
}

/// How many inputs each split chooses from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Features {
    /// By a rule.
    Rule(FeatureRule),
    /// This many.
    Count(usize),
}

/// How many inputs each split chooses from, given how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeatureRule {
    /// The square root, rounded down.
    Sqrt,
    /// The logarithm to base 2, rounded down.
    Log2,
    /// All.
    All,
}

impl Features {
    fn of(self, inputs: usize) -> usize {
        let count = match self {
            Features::Rule(FeatureRule::Sqrt) => inputs.isqrt(),
            Features::Rule(FeatureRule::Log2) => inputs.max(1).ilog2() as usize,
            Features::Rule(FeatureRule::All) => inputs,
            Features::Count(count) => count,
        };
        count.clamp(1, inputs)
    }
}

impl ForestParams {
    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error::Params`] naming the first that is out of range.
    pub fn check(&self) -> Result<()> {
        let faults = [
            (
                self.trees == 0 || self.trees > MOST_TREES,
                "trees must be 1 to 100000",
            ),
            (self.max_depth == Some(0), "max_depth is 0"),
            (self.min_split < 2, "min_split is below 2"),
            (self.min_leaf == 0, "min_leaf is 0"),
            (self.features == Features::Count(0), "features is 0"),
        ];
        match faults.iter().find(|(faulty, _)| *faulty) {
            Some((_, message)) => Err(Error::Params {
                estimator: "forest",
                message: (*message).to_owned(),
            }),
            None => Ok(()),
        }
    }

    /// Grows the trees, in parallel on rayon's current pool; the same whatever its size.
    ///
    /// # Errors
    /// As [`ForestParams::check`], and [`Error::Examples`] for more than 65,535 classes.
    pub fn fit(&self, examples: &Examples) -> Result<Forest> {
        self.check()?;
        let table = grow::Table::new(examples, self)?;
        let mut rng = Rng::new(self.seed);
        let seeds: Vec<u64> = (0..self.trees).map(|_| rng.next_u64()).collect();
        let grown = seeds
            .into_par_iter()
            .map_init(|| table.grower(), |grower, seed| grower.grow(Rng::new(seed)))
            .collect::<Result<Vec<_>>>()?;
        let mut importance = vec![0.0; examples.x().ncols()];
        let mut trees = Vec::with_capacity(grown.len());
        for (tree, decreases) in grown {
            add_shares(&mut importance, &decreases);
            trees.push(tree);
        }
        let total: Vec<f64> = std::mem::take(&mut importance);
        importance = vec![0.0; total.len()];
        add_shares(&mut importance, &total);
        Ok(Forest {
            trees,
            importance,
            classes: examples.classes(),
        })
    }

    fn draws_rows(&self) -> bool {
        self.bootstrap.unwrap_or(!self.extra)
    }

    fn depth_limit(&self) -> usize {
        self.max_depth.unwrap_or(MOST_DEPTH).min(MOST_DEPTH)
    }
}

/// Adds each value's share of their sum.
fn add_shares(shares: &mut [f64], values: &[f64]) {
    let sum: f64 = values.iter().sum();
    if sum > 0.0 {
        shares
            .iter_mut()
            .zip(values)
            .for_each(|(share, value)| *share += value / sum);
    }
}

/// A fitted forest.
#[derive(Debug, Clone, PartialEq)]
pub struct Forest {
    trees: Vec<Tree>,
    /// As [`Forest::importance`].
    importance: Vec<f64>,
    classes: usize,
}

impl Forest {
    /// A forest of trees grown elsewhere, over this many inputs, whose leaves hold one share per class; importance is unknown (0).
    ///
    /// # Errors
    /// [`Error::Model`] for no tree, or leaves that are no shares.
    pub fn from_trees(trees: Vec<Tree>, inputs: usize, classes: usize) -> Result<Forest> {
        Forest::sound(trees, vec![0.0; inputs], classes)
    }

    fn sound(trees: Vec<Tree>, importance: Vec<f64>, classes: usize) -> Result<Forest> {
        let shares = |values: &[f64]| {
            values.iter().all(|value| (0.0..=1.0).contains(value))
                && (values.iter().sum::<f64>() - 1.0).abs() < 1e-6
        };
        let sound = (1..=MOST_TREES).contains(&trees.len())
            && classes > 0
            && !importance.is_empty()
            && importance.iter().all(|share| (0.0..=1.0 + 1e-9).contains(share))
            && trees.iter().all(|tree| tree.values().chunks(classes).all(shares));
        if sound {
            Ok(Forest {
                trees,
                importance,
                classes,
            })
        } else {
            Err(Error::Model("malformed forest".to_owned()))
        }
    }

    /// The probability of each class for each row, shape (rows, classes): the mean of the trees' leaves.
    ///
    /// # Panics
    /// If `x` has another number of inputs than the examples had.
    pub fn predict_proba(&self, x: &Array2<f64>) -> Array2<f64> {
        assert_eq!(x.ncols(), self.importance.len(), "inputs of the rows");
        let share = 1.0 / self.trees.len() as f64;
        let mut mean = Array2::zeros((x.nrows(), self.classes));
        by_blocks(x, &mut mean, |rows, mean| {
            for tree in &self.trees {
                for (row, sum) in rows.iter().zip(mean.chunks_mut(self.classes)) {
                    sum.iter_mut()
                        .zip(tree.predict(row))
                        .for_each(|(sum, share)| *sum += share);
                }
            }
            mean.iter_mut().for_each(|sum| *sum *= share);
        });
        mean
    }

    /// The trees.
    pub fn trees(&self) -> &[Tree] {
        &self.trees
    }

    /// The share of each input in the decrease of impurity, as scikit-learn's `feature_importances_`: sums to 1, or all 0 where no
    /// tree has a split.
    ///
    /// Inputs with many distinct values are favoured, and inputs that say the same share their importance.
    pub fn importance(&self) -> &[f64] {
        &self.importance
    }

    pub(crate) fn shape(&self) -> (usize, usize) {
        (self.importance.len(), self.classes)
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.whole(&[self.classes as u32, self.trees.len() as u32]);
        out.exact(&self.importance);
        self.trees.iter().for_each(|tree| tree.write(out));
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<Forest> {
        let [classes, trees] = input.whole()?[..] else {
            return Err(Error::Model("malformed forest".to_owned()));
        };
        let (classes, importance) = (classes as usize, input.exact()?);
        let trees = (0..trees)
            .map(|_| Tree::read(input, importance.len(), classes))
            .collect::<Result<Vec<_>>>()?;
        Forest::sound(trees, importance, classes)
    }
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

    fn params() -> ForestParams {
        ForestParams {
            trees: 12,
            ..ForestParams::default()
        }
    }

    fn bytes(forest: &Forest) -> Vec<u8> {
        let mut out = Writer::default();
        forest.write(&mut out);
        out.into_bytes()
    }

    #[test]
    fn probabilities_are_the_mean_of_leaves() {
        let examples = examples();
        for extra in [false, true] {
            let forest = ForestParams { extra, ..params() }.fit(&examples).unwrap();
            let p = forest.predict_proba(examples.x());
            for (row, p) in examples.x().rows().into_iter().zip(p.rows()) {
                let leaves = forest
                    .trees()
                    .iter()
                    .map(|tree| tree.predict(row.as_slice().unwrap()));
                let mean = leaves.fold(vec![0.0; 4], |sum, leaf| {
                    sum.iter().zip(leaf).map(|(a, b)| a + b / 12.0).collect()
                });
                assert!(p.iter().zip(mean).all(|(p, mean)| (p - mean).abs() < 1e-12));
                assert_eq!(p[2], 0.0, "a class without rows");
            }
        }
    }

    #[test]
    fn without_bootstrap_distinct_training_rows_are_known_by_heart() {
        let examples = examples();
        let forest = ForestParams {
            bootstrap: Some(false),
            ..params()
        }
        .fit(&examples)
        .unwrap();
        for (p, &class) in forest
            .predict_proba(examples.x())
            .rows()
            .into_iter()
            .zip(examples.y())
        {
            assert!((p[class] - 1.0).abs() < 1e-12);
        }
        let (importance, sum) = (forest.importance(), forest.importance().iter().sum::<f64>());
        assert!(
            (sum - 1.0).abs() < 1e-9 && importance[4] == 0.0,
            "the constant input says nothing"
        );
    }

    #[test]
    fn rows_alike_share_a_leaf() {
        let x = ndarray::array![[1.0, 2.0], [1.0, 2.0], [1.0, 2.0], [1.0, 2.0]];
        let examples = Examples::new(x.clone(), vec![0, 0, 0, 1], 2).unwrap();
        for (balanced, expected) in [(false, 0.25), (true, 0.5)] {
            let params = ForestParams {
                bootstrap: Some(false),
                balanced,
                ..params()
            };
            let forest = params.fit(&examples).unwrap();
            assert!(forest.trees().iter().all(|tree| tree.len() == 1));
            assert!((forest.predict_proba(&x)[[0, 1]] - expected).abs() < 1e-12);
            assert_eq!(forest.importance(), [0.0, 0.0]);
        }
    }

    #[test]
    fn limits_hold() {
        let examples = examples();
        let leaves = |params: ForestParams| {
            let forest = ForestParams {
                bootstrap: Some(false),
                ..params
            }
            .fit(&examples)
            .unwrap();
            let nodes: Vec<_> = forest.trees().iter().flat_map(Tree::nodes).collect();
            let covers = nodes.iter().filter_map(|node| match node {
                crate::tree::Node::Leaf { cover, .. } => Some(*cover),
                crate::tree::Node::Split { .. } => None,
            });
            covers.collect::<Vec<f64>>()
        };
        for extra in [false, true] {
            let params = ForestParams { extra, ..params() };
            assert!(
                leaves(ForestParams {
                    min_leaf: 9,
                    ..params.clone()
                })
                .iter()
                .all(|&cover| cover >= 9.0)
            );
            assert!(
                leaves(ForestParams {
                    max_depth: Some(1),
                    ..params.clone()
                })
                .len()
                    <= 24
            );
            assert_eq!(
                leaves(ForestParams {
                    min_split: 121,
                    ..params
                })
                .len(),
                12
            );
        }
    }

    #[test]
    fn the_number_of_threads_does_not_matter_but_the_seed_does() {
        let examples = examples();
        for extra in [false, true] {
            let params = ForestParams { extra, ..params() };
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
                ForestParams {
                    seed: 1,
                    ..params.clone()
                }
                .fit(&examples)
                .unwrap()
            );
        }
    }

    #[test]
    fn files_keep_forests_exactly_and_forged_ones_never_panic() {
        let examples = examples();
        let forest = ForestParams { trees: 3, ..params() }.fit(&examples).unwrap();
        let whole = bytes(&forest);
        assert_eq!(Forest::read(&mut Reader::new(&whole)).unwrap(), forest);
        for at in 0..whole.len() {
            assert!(
                at % 7 > 0 || Forest::read(&mut Reader::new(&whole[..at])).is_err(),
                "cut to {at}"
            );
            let mut forged = whole.clone();
            forged[at] ^= 1 << (at % 8);
            if let Ok(forest) = Forest::read(&mut Reader::new(&forged)) {
                let p = forest.predict_proba(&Array2::ones((1, forest.shape().0)));
                assert!((p.sum() - 1.0).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn parameters_are_checked_and_have_defaults() {
        let faulty = [
            ForestParams { trees: 0, ..params() },
            ForestParams {
                max_depth: Some(0),
                ..params()
            },
            ForestParams {
                min_split: 1,
                ..params()
            },
            ForestParams {
                min_leaf: 0,
                ..params()
            },
            ForestParams {
                features: Features::Count(0),
                ..params()
            },
        ];
        assert!(faulty.iter().all(|params| params.check().is_err()));
        let read: ForestParams = toml::from_str("features = \"log2\"\nextra = true").unwrap();
        assert_eq!(
            (read.features, read.trees),
            (Features::Rule(FeatureRule::Log2), 200)
        );
        let read: ForestParams = toml::from_str("features = 9").unwrap();
        assert_eq!(read.features, Features::Count(9));
        assert_eq!(
            (read.features.of(5), Features::Rule(FeatureRule::Sqrt).of(57)),
            (5, 7)
        );
        assert!(toml::from_str::<ForestParams>("tree = 9").is_err());
    }
}
