//! UMAP: a map in two dimensions from a fuzzy graph of nearest neighbours (McInnes, Healy and Melville 2018).
//!
//! The graph (exact neighbours, smoothed distances, fuzzy union), the curve, the schedule and the walk, one edge after the other, are those
//! of umap-learn 0.5; the start is the first two principal components. Threads share the search for neighbours; the walk is
//! sequential, so that the map depends on the rows and the seed alone.

use melisma_dataset::rng::Rng;
use ndarray::{Array2, ArrayView2};

use crate::error::check_rows;
use crate::neighbours::{self, Neighbours};
use crate::pca::{Pca, Scaling};
use crate::{Error, Result, Watch, random};

mod curve;

/// No single pull or push is longer than this times the learning rate.
const LONGEST: f32 = 4.0;

/// The width of the start.
const EXTENT: f64 = 10.0;

/// Parameters of [`Umap`].
#[derive(Debug, Clone, PartialEq)]
pub struct UmapParams {
    /// The size of a neighbourhood, the row itself counted; brought down to the number of rows where there are fewer.
    pub n_neighbors: usize,
    /// How near to each other points may come on the map.
    pub min_dist: f64,
    /// The scale of the map.
    pub spread: f64,
    /// Epochs; 500, or 200 for more than 10,000 rows, when not given.
    pub epochs: Option<usize>,
    /// Points that push for each that pulls.
    pub negative_sample_rate: usize,
    /// The step size of the first epoch; it falls to 0.
    pub learning_rate: f64,
    /// Draws the points that push, and a trace of noise at the start.
    pub seed: u64,
    /// Threads; the result does not depend on them.
    pub threads: usize,
}

impl Default for UmapParams {
    /// 15 neighbours, `min_dist` 0.1, spread 1, 5 negative samples, learning rate 1, seed 0, one thread.
    fn default() -> Self {
        UmapParams {
            n_neighbors: 15,
            min_dist: 0.1,
            spread: 1.0,
            epochs: None,
            negative_sample_rate: 5,
            learning_rate: 1.0,
            seed: 0,
            threads: 1,
        }
    }
}

/// A UMAP map.
#[derive(Debug, Clone, PartialEq)]
pub struct Umap {
    /// Where the rows lie, shape (rows, 2).
    pub map: Array2<f64>,
    /// The size of neighbourhoods used: what was asked for, or the number of rows.
    pub n_neighbors: usize,
}

impl UmapParams {
    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error::Params`] naming the first that is out of range.
    pub fn check(&self) -> Result<()> {
        let fault = |message: String| Error::params("UMAP", message);
        if self.n_neighbors < 2 {
            return fault(format!("{} neighbours; 2 are the least", self.n_neighbors));
        }
        if !(self.spread > 0.0 && self.spread.is_finite()) {
            return fault(format!("spread is {}", self.spread));
        }
        if !(0.0..=self.spread).contains(&self.min_dist) {
            return fault(format!("min_dist is {}, beyond 0 to the spread", self.min_dist));
        }
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return fault(format!("learning rate is {}", self.learning_rate));
        }
        if self.epochs == Some(0) {
            return fault("no epochs".to_owned());
        }
        Ok(())
    }

    /// Maps rows of shape (rows, features), which should be standardised; progress counts epochs.
    ///
    /// # Errors
    /// As [`UmapParams::check`]; [`Error::Rows`] for fewer than 4 rows or a value that is not finite, [`Error::Interrupted`].
    pub fn fit(&self, rows: ArrayView2<f64>, watch: Watch) -> Result<Umap> {
        self.check()?;
        check_rows(rows, 4)?;
        let n = rows.nrows();
        let n_neighbors = self.n_neighbors.min(n);
        let epochs = self.epochs.unwrap_or(if n <= 10_000 { 500 } else { 200 });
        let near = neighbours::nearest(rows, n_neighbors - 1, self.threads, watch)?;
        let graph = Graph::of(&near, epochs);
        let (a, b) = curve::fit(self.spread, self.min_dist);
        let mut points = self.start(rows)?;
        let mut rng = random::part(self.seed, 1);
        for epoch in 0..epochs {
            watch.step(epoch, epochs)?;
            let walk = Walk {
                graph: &graph,
                a: a as f32,
                b: b as f32,
                rate: (self.learning_rate * (1.0 - epoch as f64 / epochs as f64)) as f32,
                negative: self.negative_sample_rate,
                epoch,
            };
            walk.step(&mut points, &mut rng);
        }
        watch.step(epochs, epochs)?;
        Ok(Umap {
            map: Array2::from_shape_fn((n, 2), |(row, axis)| f64::from(points[row][axis])),
            n_neighbors,
        })
    }

    /// The first two principal components, each from 0 to 10, with a trace of noise that parts equal rows.
    fn start(&self, rows: ArrayView2<f64>) -> Result<Vec<[f32; 2]>> {
        let scores = Pca::fit(rows, 2, Scaling::Centre, self.threads)?.transform(rows)?;
        let mut points = vec![[0.0; 2]; rows.nrows()];
        let mut rng = random::part(self.seed, 0);
        for axis in 0..2 {
            let column: Vec<f64> = if axis < scores.ncols() {
                scores.column(axis).to_vec()
            } else {
                vec![0.0; rows.nrows()]
            };
            let low = column.iter().copied().fold(f64::INFINITY, f64::min);
            let high = column.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let scale = if high > low { EXTENT / (high - low) } else { 0.0 };
            for (point, value) in points.iter_mut().zip(column) {
                point[axis] = ((value - low) * scale + 1e-4 * random::normal(&mut rng)) as f32;
            }
        }
        Ok(points)
    }
}

/// The fuzzy graph in compressed rows, both directions of each edge; the greatest weight is 1.
struct Graph {
    starts: Vec<usize>,
    columns: Vec<u32>,
    weights: Vec<f32>,
}

impl Graph {
    /// Edges that would not be drawn once in `epochs` are left out.
    fn of(near: &Neighbours, epochs: usize) -> Self {
        let (n, k) = near.distances.dim();
        let mean = near.distances.sum() / (n * (k + 1)) as f64;
        let mut pairs: Vec<(u32, u32, f64)> = Vec::with_capacity(2 * n * k);
        for row in 0..n {
            let distances = near.distances.row(row);
            let weights = membership(&distances.to_vec(), mean);
            for (&other, weight) in near.indices.row(row).iter().zip(weights) {
                pairs.push((row as u32, other, weight));
                pairs.push((other, row as u32, weight));
            }
        }
        pairs.sort_unstable_by(|x, y| (x.0, x.1).cmp(&(y.0, y.1)).then(x.2.total_cmp(&y.2)));
        // Either end holds the edge for true: a + b - ab.
        let union = |same: &[(u32, u32, f64)]| 1.0 - same.iter().fold(1.0, |not, pair| not * (1.0 - pair.2));
        let edges: Vec<(u32, u32, f64)> = pairs
            .chunk_by(|x, y| (x.0, x.1) == (y.0, y.1))
            .map(|same| (same[0].0, same[0].1, union(same)))
            .collect();
        let greatest = edges.iter().map(|edge| edge.2).fold(f64::MIN_POSITIVE, f64::max);
        let least = greatest / epochs as f64;
        let mut graph = Graph {
            starts: vec![0; n + 1],
            columns: Vec::new(),
            weights: Vec::new(),
        };
        for (row, other, weight) in edges.into_iter().filter(|edge| edge.2 >= least) {
            graph.starts[row as usize + 1] += 1;
            graph.columns.push(other);
            graph.weights.push((weight / greatest) as f32);
        }
        for row in 0..n {
            graph.starts[row + 1] += graph.starts[row];
        }
        graph
    }
}

/// To what degree neighbours at these distances belong to a row: 1 up to the nearest that is not in the same place, then falling
/// so that the degrees sum to log2 of the size of the neighbourhood (`smooth_knn_dist`). `mean` is the mean over all rows.
fn membership(distances: &[f64], mean: f64) -> Vec<f64> {
    const LEAST_WIDTH: f64 = 1e-3;
    let nearest = distances
        .iter()
        .copied()
        .find(|distance| *distance > 0.0)
        .unwrap_or(0.0);
    let beyond: Vec<f64> = distances
        .iter()
        .map(|distance| (distance - nearest).max(0.0))
        .collect();
    let degree = |excess: f64, width: f64| {
        if excess > 0.0 {
            (-excess / width).exp()
        } else {
            1.0
        }
    };
    let target = ((distances.len() + 1) as f64).log2();
    let (mut low, mut high, mut width) = (0.0, f64::INFINITY, 1.0);
    for _ in 0..64 {
        let sum: f64 = beyond.iter().map(|&excess| degree(excess, width)).sum();
        if (sum - target).abs() < 1e-5 {
            break;
        }
        if sum > target {
            high = width;
            width = (low + high) / 2.0;
        } else {
            low = width;
            width = if high.is_finite() {
                (low + high) / 2.0
            } else {
                width * 2.0
            };
        }
    }
    let own_mean = distances.iter().sum::<f64>() / (distances.len() + 1) as f64;
    let least = LEAST_WIDTH * if nearest > 0.0 { own_mean } else { mean };
    let width = width.max(least).max(f64::MIN_POSITIVE);
    beyond.into_iter().map(|excess| degree(excess, width)).collect()
}

/// What an epoch is done with.
struct Walk<'a> {
    graph: &'a Graph,
    a: f32,
    b: f32,
    rate: f32,
    negative: usize,
    epoch: usize,
}

impl Walk<'_> {
    /// One edge after the other, as far as it is their turn: both ends are drawn together, and one is driven off by points drawn at
    /// random.
    fn step(&self, points: &mut [[f32; 2]], rng: &mut Rng) {
        for row in 0..points.len() {
            for edge in self.graph.starts[row]..self.graph.starts[row + 1] {
                let weight = self.graph.weights[edge];
                let drawn = |epoch: usize| (epoch as f32 * weight) as u32;
                if drawn(self.epoch) == drawn(self.epoch + 1) {
                    continue;
                }
                let other = self.graph.columns[edge] as usize;
                let shift = self.shift(points[row], points[other], |square| self.pull(square));
                for axis in 0..2 {
                    points[row][axis] += shift[axis];
                    points[other][axis] -= shift[axis];
                }
                for _ in 0..self.negative {
                    let other = rng.below(points.len());
                    if other != row {
                        let shift = self.shift(points[row], points[other], |square| self.push(square));
                        for axis in 0..2 {
                            points[row][axis] += shift[axis];
                        }
                    }
                }
            }
        }
    }

    /// How far `own` goes because of `other`.
    fn shift(&self, own: [f32; 2], other: [f32; 2], coefficient: impl Fn(f32) -> f32) -> [f32; 2] {
        let difference = [own[0] - other[0], own[1] - other[1]];
        let square = difference[0] * difference[0] + difference[1] * difference[1];
        if square > 0.0 {
            let coefficient = coefficient(square);
            difference.map(|part| self.rate * (coefficient * part).clamp(-LONGEST, LONGEST))
        } else {
            [0.0; 2]
        }
    }

    fn pull(&self, square: f32) -> f32 {
        let power = square.powf(self.b);
        -2.0 * self.a * self.b * power / (square * (self.a * power + 1.0))
    }

    fn push(&self, square: f32) -> f32 {
        2.0 * self.b / ((0.001 + square) * (self.a * square.powf(self.b) + 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn two_groups() -> Array2<f64> {
        Array2::from_shape_fn((80, 3), |(r, c)| {
            (r % 2 * 20) as f64 + ((r * 3 + c * 7) as f64).sin()
        })
    }

    #[test]
    fn groups_stay_apart_and_threads_change_nothing() {
        let rows = two_groups();
        let mut params = UmapParams {
            seed: 4,
            ..UmapParams::default()
        };
        let one = params.fit(rows.view(), Watch::none()).unwrap();
        params.threads = 3;
        assert_eq!(params.fit(rows.view(), Watch::none()).unwrap(), one);
        params.seed = 5;
        assert_ne!(params.fit(rows.view(), Watch::none()).unwrap(), one);
        let near = neighbours::nearest(one.map.view(), 5, 1, Watch::none()).unwrap();
        assert!(
            near.indices
                .indexed_iter()
                .all(|((row, _), &other)| row % 2 == other as usize % 2)
        );
    }

    #[test]
    fn memberships_sum_to_the_logarithm_of_the_neighbourhood() {
        let weights = membership(&[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0], 1.0);
        assert!((weights.iter().sum::<f64>() - 3.0).abs() < 1e-4 && weights[0] == 1.0);
        assert_eq!(membership(&[0.0, 0.0], 0.0), [1.0, 1.0]);
    }

    #[test]
    fn few_or_equal_rows_do_no_harm() {
        let few = UmapParams::default().fit(
            two_groups().select(ndarray::Axis(0), &[0, 1, 2, 3]).view(),
            Watch::none(),
        );
        assert_eq!(few.unwrap().n_neighbors, 4);
        let equal = UmapParams::default()
            .fit(Array2::ones((30, 1)).view(), Watch::none())
            .unwrap();
        assert!(equal.map.iter().all(|v| v.is_finite()));
    }

    #[test]
    fn faults_and_stops_are_errors() {
        let rows = two_groups();
        for params in [
            UmapParams {
                n_neighbors: 1,
                ..UmapParams::default()
            },
            UmapParams {
                min_dist: 2.0,
                ..UmapParams::default()
            },
            UmapParams {
                spread: f64::NAN,
                ..UmapParams::default()
            },
            UmapParams {
                epochs: Some(0),
                ..UmapParams::default()
            },
        ] {
            assert!(matches!(
                params.fit(rows.view(), Watch::none()),
                Err(Error::Params { .. })
            ));
        }
        assert!(
            UmapParams::default()
                .fit(array![[1.0], [2.0]].view(), Watch::none())
                .is_err()
        );
        let stop = std::sync::atomic::AtomicBool::new(true);
        let stopped = UmapParams::default().fit(rows.view(), Watch::none().with_stop(&stop));
        assert_eq!(stopped.unwrap_err(), Error::Interrupted);
    }
}
