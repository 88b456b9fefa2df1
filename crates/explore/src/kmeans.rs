//! k-means: rows in clusters around their means.
//!
//! Starts are drawn by k-means++ with several candidates for each centre (Arthur and Vassilvitskii 2007, greedy version),
//! improved by Lloyd's iteration, and the best of several is kept: the procedure, the defaults and the tolerance are those of
//! scikit-learn's `KMeans` with `n_init=10`.

use std::sync::atomic::{AtomicUsize, Ordering};

use melisma_dataset::rng::Rng;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use crate::error::check_rows;
use crate::{Error, Result, Watch, parallel, random};

/// Rows multiplied with the centres at once.
const BLOCK: usize = 256;

/// Parameters of [`KMeans`].
#[derive(Debug, Clone, PartialEq)]
pub struct KMeansParams {
    /// The number of clusters.
    pub clusters: usize,
    /// Starts, of which the best is kept.
    pub starts: usize,
    /// The most iterations from one start.
    pub most_iterations: usize,
    /// Centres that move by less than this, squared and relative to the mean variance of the columns, have settled.
    pub tolerance: f64,
    /// Draws the starts.
    pub seed: u64,
    /// Threads, among which the starts are shared; the result does not depend on them.
    pub threads: usize,
}

/// Clusters and their centres.
#[derive(Debug, Clone, PartialEq)]
pub struct KMeans {
    /// The means of the clusters, shape (clusters, features).
    pub centres: Array2<f64>,
    /// The cluster of every row. A table with fewer different rows than clusters leaves clusters empty.
    pub labels: Vec<usize>,
    /// The sum of the squared distances of the rows to their centres.
    pub inertia: f64,
    /// Iterations of the best start.
    pub iterations: usize,
    /// Whether the best start settled within the iterations allowed.
    pub converged: bool,
}

impl KMeansParams {
    /// The usual parameters: 10 starts, 300 iterations, tolerance 1e-4.
    pub fn new(clusters: usize, seed: u64) -> Self {
        KMeansParams {
            clusters,
            starts: 10,
            most_iterations: 300,
            tolerance: 1e-4,
            seed,
            threads: 1,
        }
    }

    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error::Params`] naming the first that is out of range.
    pub fn check(&self) -> Result<()> {
        let fault = |message: &str| Error::params("k-means", message);
        if self.clusters == 0 {
            return fault("no clusters");
        }
        if self.starts == 0 || self.most_iterations == 0 {
            return fault("no starts or no iterations");
        }
        if !(self.tolerance >= 0.0 && self.tolerance.is_finite()) {
            return fault("the tolerance is negative or no number");
        }
        Ok(())
    }

    /// Clusters rows of shape (rows, features); progress counts starts.
    ///
    /// # Errors
    /// As [`KMeansParams::check`]; [`Error::Rows`] for fewer than 3 rows or a value that is not finite, [`Error::Params`] for more
    /// clusters than rows, [`Error::Interrupted`].
    pub fn fit(&self, rows: ArrayView2<f64>, watch: Watch) -> Result<KMeans> {
        self.check()?;
        check_rows(rows, 3)?;
        if self.clusters > rows.nrows() {
            let message = format!("{} clusters of {} rows", self.clusters, rows.nrows());
            return Error::params("k-means", message);
        }
        let mut centred = rows.as_standard_layout().into_owned();
        let mean = centred.mean_axis(Axis(0)).unwrap_or_default();
        centred -= &mean;
        let points = Points::of(centred);
        let variance = points.norms.sum() / points.rows.len() as f64;
        let tolerance = self.tolerance * variance;
        let done = AtomicUsize::new(0);
        let runs = parallel::map(self.threads, self.starts, |start| {
            let run = self.run(
                &points,
                tolerance,
                &mut random::part(self.seed, start as u64),
                watch,
            );
            watch.step(done.fetch_add(1, Ordering::Relaxed) + 1, self.starts)?;
            run
        });
        let mut best: Option<KMeans> = None;
        for run in runs {
            let run = run?;
            if best.as_ref().is_none_or(|best| run.inertia < best.inertia) {
                best = Some(run);
            }
        }
        let mut best = best.ok_or(Error::Interrupted)?;
        best.centres += &mean;
        Ok(best)
    }

    fn run(&self, points: &Points, tolerance: f64, rng: &mut Rng, watch: Watch) -> Result<KMeans> {
        let mut centres = plus_plus(points, self.clusters, rng);
        let mut labels = vec![usize::MAX; points.rows.nrows()];
        let (mut iterations, mut converged) = (0, false);
        while iterations < self.most_iterations && !converged {
            watch.check()?;
            iterations += 1;
            let before = labels.clone();
            points.assign(&centres, &mut labels);
            if labels == before {
                converged = true;
                break;
            }
            let moved = points.means(&mut labels, &centres);
            converged = (&moved - &centres).mapv(|d| d * d).sum() <= tolerance;
            centres = moved;
            if converged || iterations == self.most_iterations {
                points.assign(&centres, &mut labels);
            }
        }
        let inertia = points.inertia(&centres, &labels);
        Ok(KMeans {
            centres,
            labels,
            inertia,
            iterations,
            converged,
        })
    }
}

impl KMeans {
    /// The cluster with the nearest centre, for every row.
    ///
    /// # Errors
    /// [`Error::Rows`] when the number of columns is another or a value is not finite.
    pub fn predict(&self, rows: ArrayView2<f64>) -> Result<Vec<usize>> {
        if rows.ncols() != self.centres.ncols() {
            return Err(Error::Rows(format!(
                "{} columns where {} are expected",
                rows.ncols(),
                self.centres.ncols()
            )));
        }
        check_rows(rows, 0)?;
        let nearest = |row: ArrayView1<f64>| {
            let mut best = (f64::INFINITY, 0);
            for (cluster, centre) in self.centres.rows().into_iter().enumerate() {
                let distance = squared(row, centre);
                if distance < best.0 {
                    best = (distance, cluster);
                }
            }
            best.1
        };
        Ok(rows.rows().into_iter().map(nearest).collect())
    }

    /// The number of rows in every cluster.
    pub fn sizes(&self) -> Vec<usize> {
        let mut sizes = vec![0; self.centres.nrows()];
        self.labels.iter().for_each(|&label| sizes[label] += 1);
        sizes
    }
}

/// Rows whose mean is 0, and their squared lengths.
struct Points {
    rows: Array2<f64>,
    norms: Array1<f64>,
}

impl Points {
    fn of(rows: Array2<f64>) -> Self {
        let norms = rows.rows().into_iter().map(|row| row.dot(&row)).collect();
        Points { rows, norms }
    }

    /// Labels every row with its nearest centre; the first of equals.
    fn assign(&self, centres: &Array2<f64>, labels: &mut [usize]) {
        let halves: Vec<f64> = centres.rows().into_iter().map(|c| 0.5 * c.dot(&c)).collect();
        let blocks = self.rows.axis_chunks_iter(Axis(0), BLOCK);
        for (block, labels) in blocks.zip(labels.chunks_mut(BLOCK)) {
            let products = block.dot(&centres.t());
            for (row, label) in products.rows().into_iter().zip(labels) {
                let mut best = f64::INFINITY;
                for (cluster, (product, half)) in row.iter().zip(&halves).enumerate() {
                    if half - product < best {
                        best = half - product;
                        *label = cluster;
                    }
                }
            }
        }
    }

    /// The means of the clusters. An empty one is given the row farthest from its centre, as long as one lies apart from it.
    fn means(&self, labels: &mut [usize], centres: &Array2<f64>) -> Array2<f64> {
        let mut sums = Array2::zeros(centres.raw_dim());
        let mut counts = vec![0_usize; centres.nrows()];
        for (row, &label) in self.rows.rows().into_iter().zip(labels.iter()) {
            let mut sum = sums.row_mut(label);
            sum += &row;
            counts[label] += 1;
        }
        let empty: Vec<usize> = (0..counts.len())
            .filter(|&cluster| counts[cluster] == 0)
            .collect();
        if !empty.is_empty() {
            let mut far: Vec<(f64, usize)> = (0..labels.len())
                .map(|row| (squared(self.rows.row(row), centres.row(labels[row])), row))
                .filter(|(distance, _)| *distance > 0.0)
                .collect();
            far.sort_by(|a, b| b.0.total_cmp(&a.0));
            for (cluster, (_, row)) in empty.into_iter().zip(far) {
                let mut sum = sums.row_mut(labels[row]);
                sum -= &self.rows.row(row);
                counts[labels[row]] -= 1;
                sums.row_mut(cluster).assign(&self.rows.row(row));
                counts[cluster] = 1;
                labels[row] = cluster;
            }
        }
        for (cluster, (mut sum, count)) in sums.rows_mut().into_iter().zip(counts).enumerate() {
            if count > 0 {
                sum /= count as f64;
            } else {
                sum.assign(&centres.row(cluster));
            }
        }
        sums
    }

    fn inertia(&self, centres: &Array2<f64>, labels: &[usize]) -> f64 {
        let rows = self.rows.rows().into_iter().zip(labels);
        rows.map(|(row, &label)| squared(row, centres.row(label))).sum()
    }

    /// The squared distance of every row to row `other`.
    fn distances_to(&self, other: usize) -> Array1<f64> {
        let products = self.rows.dot(&self.rows.row(other));
        let mut distances = &self.norms - 2.0 * products + self.norms[other];
        distances.mapv_inplace(|distance| distance.max(0.0));
        distances[other] = 0.0;
        distances
    }
}

/// First centres: rows drawn in proportion to the squared distance to the centres already there, the best of several draws each
/// time.
fn plus_plus(points: &Points, clusters: usize, rng: &mut Rng) -> Array2<f64> {
    let trials = 2 + (clusters as f64).ln() as usize;
    let n = points.rows.nrows();
    let mut picked = vec![rng.below(n)];
    let mut nearest = points.distances_to(picked[0]);
    while picked.len() < clusters {
        let mut best: Option<(f64, usize, Array1<f64>)> = None;
        for _ in 0..trials {
            let candidate = draw(&nearest, rng);
            let mut closer = points.distances_to(candidate);
            closer.zip_mut_with(&nearest, |new, &old| *new = new.min(old));
            let left = closer.sum();
            if best.as_ref().is_none_or(|(least, ..)| left < *least) {
                best = Some((left, candidate, closer));
            }
        }
        if let Some((_, candidate, closer)) = best {
            picked.push(candidate);
            nearest = closer;
        }
    }
    points.rows.select(Axis(0), &picked)
}

/// A row drawn in proportion to `weights`; any row when they are all 0.
fn draw(weights: &Array1<f64>, rng: &mut Rng) -> usize {
    let total = weights.sum();
    if total.is_nan() || total <= 0.0 {
        return rng.below(weights.len());
    }
    let mut left = random::unit(rng) * total;
    let mut last = 0;
    for (row, &weight) in weights.iter().enumerate() {
        if weight > 0.0 {
            last = row;
            if left < weight {
                break;
            }
            left -= weight;
        }
    }
    last
}

fn squared(a: ArrayView1<f64>, b: ArrayView1<f64>) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn separate_groups_are_found() {
        let rows = Array2::from_shape_fn((30, 2), |(row, column)| {
            (row % 3) as f64 * 100.0 + (row * (column + 1) % 7) as f64
        });
        let fitted = KMeansParams::new(3, 5).fit(rows.view(), Watch::none()).unwrap();
        assert!(fitted.converged);
        assert_eq!(fitted.sizes(), [10, 10, 10]);
        assert!((0..27).all(|row| fitted.labels[row] == fitted.labels[row + 3]));
        assert_eq!(fitted.predict(rows.view()).unwrap(), fitted.labels);
    }

    #[test]
    fn threads_do_not_change_the_result() {
        let rows = Array2::from_shape_fn((200, 3), |(r, c)| ((r * 7 + c * 13) as f64).sin());
        let mut params = KMeansParams::new(6, 1);
        let one = params.fit(rows.view(), Watch::none()).unwrap();
        params.threads = 3;
        assert_eq!(params.fit(rows.view(), Watch::none()).unwrap(), one);
    }

    #[test]
    fn fewer_different_rows_than_clusters_do_no_harm() {
        let rows = array![[1.0], [1.0], [2.0], [2.0], [2.0]];
        let fitted = KMeansParams::new(4, 0).fit(rows.view(), Watch::none()).unwrap();
        assert!(fitted.inertia < 1e-20 && fitted.sizes().iter().sum::<usize>() == 5);
    }

    #[test]
    fn an_empty_cluster_takes_the_farthest_row() {
        let points = Points::of(array![[0.0], [1.0], [9.0]]);
        let mut labels = vec![0, 0, 0];
        let means = points.means(&mut labels, &array![[0.0], [50.0]]);
        assert_eq!((means, labels), (array![[0.5], [9.0]], vec![0, 0, 1]));
    }

    #[test]
    fn faults_are_errors() {
        let rows = array![[1.0], [2.0], [3.0]];
        for params in [
            KMeansParams::new(0, 0),
            KMeansParams::new(4, 0),
            KMeansParams {
                starts: 0,
                ..KMeansParams::new(2, 0)
            },
            KMeansParams {
                tolerance: f64::NAN,
                ..KMeansParams::new(2, 0)
            },
        ] {
            assert!(matches!(
                params.fit(rows.view(), Watch::none()),
                Err(Error::Params { .. })
            ));
        }
        let fitted = KMeansParams::new(2, 0).fit(rows.view(), Watch::none()).unwrap();
        assert!(fitted.predict(array![[1.0, 2.0]].view()).is_err());
    }
}
