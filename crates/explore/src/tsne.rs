//! t-SNE: a map in two dimensions that keeps near rows near (van der Maaten and Hinton 2008; Barnes-Hut: van der Maaten 2014).
//!
//! Neighbours are exact; the start is the first two principal components, scaled; exaggeration, momentum, gains, the learning rate
//! and the tree's accuracy are those of scikit-learn's `TSNE`. Same rows, same map: there is no chance in it, and the number of threads
//! changes nothing.

use ndarray::{Array2, ArrayView2};

use crate::error::check_rows;
use crate::neighbours::{self, Neighbours};
use crate::pca::{Pca, Scaling};
use crate::{Error, Result, Watch, parallel};

mod tree;

use tree::Tree;

/// Points whose forces are summed by a thread at a time.
const BLOCK: usize = 256;

/// Iterations with exaggerated similarities and with the lesser momentum.
const EARLY: usize = 250;

/// A perplexity of less than one neighbour means nothing.
const LEAST_PERPLEXITY: f64 = 1.0;

/// Parameters of [`Tsne`].
#[derive(Debug, Clone, PartialEq)]
pub struct TsneParams {
    /// How many neighbours a row is to have, smoothly counted; brought down to a third of the other rows where there are
    /// too few.
    pub perplexity: f64,
    /// Iterations, the first 250 with exaggerated similarities.
    pub iterations: usize,
    /// The factor of the similarities in the first iterations.
    pub exaggeration: f64,
    /// The step size; rows / exaggeration / 4, but at least 50, when not given.
    pub learning_rate: Option<f64>,
    /// A cell of the tree counts as one point when its width is less than this times its distance.
    pub theta: f64,
    /// Threads; the result does not depend on them.
    pub threads: usize,
}

impl Default for TsneParams {
    /// Perplexity 30, 1,000 iterations, exaggeration 12, theta 0.5, one thread.
    fn default() -> Self {
        TsneParams {
            perplexity: 30.0,
            iterations: 1000,
            exaggeration: 12.0,
            learning_rate: None,
            theta: 0.5,
            threads: 1,
        }
    }
}

/// A t-SNE map.
#[derive(Debug, Clone, PartialEq)]
pub struct Tsne {
    /// Where the rows lie, shape (rows, 2); the mean is 0 and the unit has no meaning.
    pub map: Array2<f64>,
    /// The perplexity used: what was asked for, or less where the rows are few.
    pub perplexity: f64,
}

impl TsneParams {
    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error::Params`] naming the first that is out of range.
    pub fn check(&self) -> Result<()> {
        let named = [
            ("perplexity", self.perplexity, LEAST_PERPLEXITY),
            ("exaggeration", self.exaggeration, 1.0),
            ("theta", self.theta, 0.0),
            (
                "learning rate",
                self.learning_rate.unwrap_or(1.0),
                f64::MIN_POSITIVE,
            ),
        ];
        for (name, value, least) in named {
            if !(value >= least && value.is_finite()) {
                return Error::params("t-SNE", format!("{name} is {value}"));
            }
        }
        if self.iterations == 0 {
            return Error::params("t-SNE", "no iterations");
        }
        Ok(())
    }

    /// Maps rows of shape (rows, features), which should be standardised; progress counts iterations.
    ///
    /// # Errors
    /// As [`TsneParams::check`]; [`Error::Rows`] for fewer than 5 rows or a value that is not finite, [`Error::Interrupted`].
    pub fn fit(&self, rows: ArrayView2<f64>, watch: Watch) -> Result<Tsne> {
        self.check()?;
        check_rows(rows, 5)?;
        let n = rows.nrows();
        let perplexity = self.perplexity.min((n - 1) as f64 / 3.0);
        let k = ((3.0 * perplexity) as usize + 1).clamp(1, n - 1);
        let near = neighbours::nearest(rows, k, self.threads, watch)?;
        let similarities = Similarities::of(&near, perplexity, self.threads);
        let mut layout = Layout::start(rows, self.threads)?;
        let rate = self
            .learning_rate
            .unwrap_or((n as f64 / self.exaggeration / 4.0).max(50.0));
        for iteration in 0..self.iterations {
            watch.step(iteration, self.iterations)?;
            let early = iteration < EARLY;
            let step = Step {
                exaggeration: if early { self.exaggeration } else { 1.0 } as f32,
                momentum: if early { 0.5 } else { 0.8 },
                rate: rate as f32,
            };
            layout.improve(&similarities, self.theta as f32, step, self.threads);
        }
        watch.step(self.iterations, self.iterations)?;
        Ok(Tsne {
            map: Array2::from_shape_fn((n, 2), |(row, axis)| f64::from(layout.points[row][axis])),
            perplexity,
        })
    }
}

/// The joint probabilities of neighbours: symmetric, in compressed rows, with sum 1.
struct Similarities {
    starts: Vec<usize>,
    columns: Vec<u32>,
    values: Vec<f32>,
}

impl Similarities {
    fn of(near: &Neighbours, perplexity: f64, threads: usize) -> Self {
        let (n, k) = near.distances.dim();
        let mut conditional = vec![0.0; n * k];
        parallel::for_blocks(threads, &mut conditional, BLOCK * k, |block, part| {
            for (offset, weights) in part.chunks_mut(k).enumerate() {
                let distances = near.distances.row(block * BLOCK + offset);
                weights
                    .iter_mut()
                    .zip(distances)
                    .for_each(|(weight, distance)| *weight = distance * distance);
                to_perplexity(weights, perplexity);
            }
        });
        let edges = (0..n).flat_map(|row| (0..k).map(move |place| (row, place)));
        let mut pairs: Vec<(u32, u32, f64)> = edges
            .flat_map(|(row, place)| {
                let (a, b) = (row as u32, near.indices[[row, place]]);
                let weight = conditional[row * k + place];
                [(a, b, weight), (b, a, weight)]
            })
            .collect();
        pairs.sort_unstable_by_key(|&(a, b, _)| (a, b));
        let mut starts = vec![0; n + 1];
        let (mut columns, mut values) = (Vec::new(), Vec::<f32>::new());
        for same in pairs.chunk_by(|x, y| (x.0, x.1) == (y.0, y.1)) {
            starts[same[0].0 as usize + 1] += 1;
            columns.push(same[0].1);
            // Two directions at most, so that their order does not matter to the sum.
            values.push((same.iter().map(|pair| pair.2).sum::<f64>() / (2 * n) as f64) as f32);
        }
        for row in 0..n {
            starts[row + 1] += starts[row];
        }
        Similarities {
            starts,
            columns,
            values,
        }
    }

    fn row(&self, row: usize) -> impl Iterator<Item = (u32, f32)> {
        let range = self.starts[row]..self.starts[row + 1];
        let columns = self.columns[range.clone()].iter().copied();
        columns.zip(self.values[range].iter().copied())
    }
}

/// Turns squared distances into Gaussian weights with sum 1 whose width gives them the perplexity asked for.
fn to_perplexity(squares: &mut [f64], perplexity: f64) {
    let target = perplexity.ln();
    let least = squares.iter().copied().fold(f64::INFINITY, f64::min);
    let mean = squares.iter().map(|square| square - least).sum::<f64>() / squares.len() as f64;
    // In units of the row's own distances the search needs no luck; neighbours at one distance weigh the same anyway.
    let unit = if mean > 0.0 { mean } else { 1.0 };
    squares
        .iter_mut()
        .for_each(|square| *square = (*square - least) / unit);
    let (mut low, mut high, mut beta) = (0.0, f64::INFINITY, 1.0_f64);
    for _ in 0..100 {
        let (mut sum, mut moment) = (0.0, 0.0);
        for &square in squares.iter() {
            let weight = (-beta * square).exp();
            sum += weight;
            moment += weight * square;
        }
        let excess = f64::ln(sum) + beta * moment / sum - target;
        if excess.abs() < 1e-5 {
            break;
        }
        if excess > 0.0 {
            low = beta;
            beta = if high.is_finite() {
                (low + high) / 2.0
            } else {
                beta * 2.0
            };
        } else {
            high = beta;
            beta = (low + high) / 2.0;
        }
        beta = beta.min(1e12);
    }
    let sum: f64 = squares.iter().map(|square| (-beta * square).exp()).sum();
    squares
        .iter_mut()
        .for_each(|square| *square = (-beta * *square).exp() / sum);
}

/// What an iteration is done with.
#[derive(Clone, Copy)]
struct Step {
    exaggeration: f32,
    momentum: f32,
    rate: f32,
}

/// Points on their way to where they belong.
struct Layout {
    points: Vec<[f32; 2]>,
    speeds: Vec<[f32; 2]>,
    gains: Vec<[f32; 2]>,
    pulls: Vec<[f32; 2]>,
}

impl Layout {
    /// The first two principal components, the first with standard deviation 1e-4.
    fn start(rows: ArrayView2<f64>, threads: usize) -> Result<Self> {
        let pca = Pca::fit(rows, 2, Scaling::Centre, threads)?;
        let scores = pca.transform(rows)?;
        let n = scores.nrows();
        let deviation = (scores.column(0).mapv(|v| v * v).sum() / n as f64).sqrt();
        let scale = if deviation > 0.0 { 1e-4 / deviation } else { 0.0 };
        let at = |row, axis| {
            if axis < scores.ncols() {
                (scores[[row, axis]] * scale) as f32
            } else {
                0.0
            }
        };
        Ok(Layout {
            points: (0..n).map(|row| [at(row, 0), at(row, 1)]).collect(),
            speeds: vec![[0.0; 2]; n],
            gains: vec![[1.0; 2]; n],
            pulls: vec![[0.0; 2]; n],
        })
    }

    /// One step down the gradient of the Kullback-Leibler divergence.
    fn improve(&mut self, similarities: &Similarities, theta: f32, step: Step, threads: usize) {
        let points = &self.points;
        parallel::for_blocks(threads, &mut self.pulls, BLOCK, |block, part| {
            for (offset, pull) in part.iter_mut().enumerate() {
                *pull = attraction(points, similarities, block * BLOCK + offset);
            }
        });
        let tree = Tree::of(points);
        let (pushes, total) = tree.repulsion(theta, threads);
        let share = (1.0 / total.max(f64::MIN_POSITIVE)) as f32;
        for (row, push) in pushes {
            let row = row as usize;
            for (axis, force) in push.iter().enumerate() {
                let gradient = 4.0 * (step.exaggeration * self.pulls[row][axis] - share * force);
                let (gain, speed) = (&mut self.gains[row][axis], &mut self.speeds[row][axis]);
                *gain = if gradient * *speed < 0.0 {
                    *gain + 0.2
                } else {
                    (*gain * 0.8).max(0.01)
                };
                *speed = step.momentum * *speed - step.rate * *gain * gradient;
                self.points[row][axis] += *speed;
            }
        }
        self.centre();
    }

    fn centre(&mut self) {
        for axis in 0..2 {
            let sum: f64 = self.points.iter().map(|point| f64::from(point[axis])).sum();
            let mean = (sum / self.points.len() as f64) as f32;
            self.points.iter_mut().for_each(|point| point[axis] -= mean);
        }
    }
}

/// The sum over neighbours of similarity times difference over 1 + squared distance.
fn attraction(points: &[[f32; 2]], similarities: &Similarities, row: usize) -> [f32; 2] {
    let own = points[row];
    let (mut x, mut y) = (0.0, 0.0);
    for (other, similarity) in similarities.row(row) {
        let other = points[other as usize];
        let (dx, dy) = (own[0] - other[0], own[1] - other[1]);
        let weight = similarity / (1.0 + dx * dx + dy * dy);
        x += weight * dx;
        y += weight * dy;
    }
    [x, y]
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn two_groups() -> Array2<f64> {
        Array2::from_shape_fn((60, 3), |(r, c)| {
            (r % 2 * 20) as f64 + ((r * 3 + c * 7) as f64).sin()
        })
    }

    #[test]
    fn groups_stay_apart_and_threads_change_nothing() {
        let rows = two_groups();
        let mut params = TsneParams {
            perplexity: 10.0,
            iterations: 400,
            ..TsneParams::default()
        };
        let one = params.fit(rows.view(), Watch::none()).unwrap();
        params.threads = 3;
        assert_eq!(params.fit(rows.view(), Watch::none()).unwrap(), one);
        let near = neighbours::nearest(one.map.view(), 5, 1, Watch::none()).unwrap();
        assert!(
            near.indices
                .indexed_iter()
                .all(|((row, _), &other)| row % 2 == other as usize % 2)
        );
    }

    #[test]
    fn too_great_a_perplexity_is_brought_down() {
        let rows = array![[0.0], [1.0], [2.0], [3.0], [9.0], [4.0], [4.5]];
        let fitted = TsneParams::default().fit(rows.view(), Watch::none()).unwrap();
        assert_eq!(fitted.perplexity, 2.0);
        assert!(fitted.map.iter().all(|v| v.is_finite()));
    }

    #[test]
    fn weights_have_the_perplexity_asked_for() {
        let mut weights: Vec<f64> = (0..40).map(|i| f64::from(i * i) * 1e6 + 5e7).collect();
        to_perplexity(&mut weights, 12.0);
        let entropy: f64 = weights.iter().filter(|w| **w > 0.0).map(|w| -w * w.ln()).sum();
        assert!((entropy.exp() - 12.0).abs() < 1e-2);
        let mut equal = vec![3.0; 9];
        to_perplexity(&mut equal, 3.0);
        assert!(equal.iter().all(|w| (w - 1.0 / 9.0).abs() < 1e-12));
    }

    #[test]
    fn rows_without_any_difference_do_no_harm() {
        let fitted = TsneParams {
            iterations: 50,
            ..TsneParams::default()
        };
        let map = fitted
            .fit(Array2::ones((20, 2)).view(), Watch::none())
            .unwrap()
            .map;
        assert!(map.iter().all(|v| v.is_finite()));
    }

    #[test]
    fn faults_and_stops_are_errors() {
        let rows = two_groups();
        for params in [
            TsneParams {
                perplexity: 0.5,
                ..TsneParams::default()
            },
            TsneParams {
                theta: f64::NAN,
                ..TsneParams::default()
            },
            TsneParams {
                iterations: 0,
                ..TsneParams::default()
            },
        ] {
            assert!(matches!(
                params.fit(rows.view(), Watch::none()),
                Err(Error::Params { .. })
            ));
        }
        assert!(
            TsneParams::default()
                .fit(array![[1.0], [2.0]].view(), Watch::none())
                .is_err()
        );
        let stop = std::sync::atomic::AtomicBool::new(false);
        let raise = |done: usize, _: usize| stop.store(done == 3, std::sync::atomic::Ordering::Relaxed);
        let watch = Watch::none().with_stop(&stop).with_progress(&raise);
        assert_eq!(
            TsneParams::default().fit(rows.view(), watch).unwrap_err(),
            Error::Interrupted
        );
    }
}
