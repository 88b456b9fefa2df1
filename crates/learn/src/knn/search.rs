//! Exact nearest neighbours by matrix products.
//!
//! Products of blocks in single precision give every distance an interval that holds its true value; rows whose interval
//! reaches below the k-th smallest upper end are measured again, exactly, in double precision.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, Slice};
use rayon::prelude::*;

use super::Metric;

/// Queries handled at once by one thread.
const QUERIES: usize = 128;
/// Training rows multiplied with them at once: a block of products is 1 MiB.
const BLOCK: usize = 2048;
/// Candidates a query collects before they are measured exactly.
const MOST_CANDIDATES: usize = 1024;
/// Products looked at side by side.
const LANES: usize = 16;

/// Training rows, and a smaller copy for the search.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Index {
    metric: Metric,
    /// As they were given.
    rows: Array2<f64>,
    /// As they are measured: of unit length for the cosine.
    measured: Option<Array2<f64>>,
    /// Subtracted before rounding to single precision, so that little cancels.
    centre: Array1<f64>,
    /// Divides what is left, so that nothing overflows.
    scale: f64,
    /// Centred and scaled, shape (inputs, rows).
    small: Array2<f32>,
    /// The squared length of each small row (0 for the cosine), and how far half a squared distance to it may be off.
    squares: Vec<f32>,
    slack: Vec<f32>,
}

impl Index {
    pub(super) fn new(rows: Array2<f64>, metric: Metric) -> Index {
        let measured = match metric {
            Metric::Euclidean => None,
            Metric::Cosine => Some(unit_length(rows.clone())),
        };
        let points = measured.as_ref().unwrap_or(&rows);
        let centre = match metric {
            // Halved first, so that no sum of finite numbers overflows.
            Metric::Euclidean => points.mapv(|v| v / points.nrows() as f64).sum_axis(Axis(0)),
            Metric::Cosine => Array1::zeros(points.ncols()),
        };
        let largest = points.rows().into_iter().flat_map(|row| {
            row.iter()
                .zip(&centre)
                .map(|(v, c)| (v - c).abs())
                .collect::<Vec<_>>()
        });
        let scale = largest.fold(0.0f64, f64::max);
        let scale = if scale > 0.0 && scale.is_finite() {
            scale
        } else {
            1.0
        };
        let small = shrink(points.view(), &centre, scale);
        let squares: Vec<f32> = small.rows().into_iter().map(|row| row.dot(&row)).collect();
        let unit = error_unit(points.ncols());
        let slack = squares.iter().map(|square| unit * (square + 1e-30)).collect();
        Index {
            metric,
            measured,
            centre,
            scale,
            squares: match metric {
                Metric::Euclidean => squares,
                Metric::Cosine => vec![0.0; squares.len()],
            },
            slack,
            small: small.reversed_axes().as_standard_layout().into_owned(),
            rows,
        }
    }

    pub(super) fn width(&self) -> usize {
        self.rows.ncols()
    }

    pub(super) fn rows(&self) -> &Array2<f64> {
        &self.rows
    }

    /// The `k` nearest rows of each query with their distances, sorted by distance and number.
    pub(super) fn nearest(&self, queries: &Array2<f64>, k: usize) -> Vec<Vec<(usize, f64)>> {
        assert_eq!(queries.ncols(), self.width(), "inputs");
        queries
            .axis_chunks_iter(Axis(0), QUERIES)
            .collect::<Vec<_>>()
            .into_par_iter()
            .flat_map_iter(|block| self.search(block, k))
            .collect()
    }

    fn search(&self, block: ArrayView2<f64>, k: usize) -> Vec<Vec<(usize, f64)>> {
        let queries = match self.metric {
            Metric::Euclidean => block.to_owned(),
            Metric::Cosine => unit_length(block.to_owned()),
        };
        let small = shrink(queries.view(), &self.centre, self.scale);
        let unit = error_unit(self.width());
        let mut found: Vec<Nearest> = small
            .rows()
            .into_iter()
            .map(|row| Nearest::new(k, unit * (row.dot(&row) + 1e-30)))
            .collect();
        let points = self.measured.as_ref().unwrap_or(&self.rows);
        for start in (0..points.nrows()).step_by(BLOCK) {
            let end = (start + BLOCK).min(points.nrows());
            let products = small.dot(&self.small.slice_axis(Axis(1), Slice::from(start..end)));
            let (squares, slack) = (&self.squares[start..end], &self.slack[start..end]);
            for ((products, query), nearest) in
                products.rows().into_iter().zip(queries.rows()).zip(&mut found)
            {
                let products = products.to_slice().expect("a product is contiguous");
                let measure = |row: usize| self.exact(query, points.row(row));
                nearest.consider(products, squares, slack, start, &measure);
            }
        }
        let finish = |(mut nearest, query): (Nearest, ArrayView1<f64>)| {
            nearest.settle(&|row| self.exact(query, points.row(row)));
            let distance = |exact: f64| match self.metric {
                Metric::Euclidean => exact.sqrt(),
                Metric::Cosine => exact.clamp(0.0, 2.0),
            };
            nearest
                .best
                .into_iter()
                .map(|(exact, row)| (row, distance(exact)))
                .collect()
        };
        found.into_iter().zip(queries.rows()).map(finish).collect()
    }

    /// The squared Euclidean distance, or one minus the cosine of rows of unit length.
    fn exact(&self, a: ArrayView1<f64>, b: ArrayView1<f64>) -> f64 {
        let pairs = a.iter().zip(&b);
        match self.metric {
            Metric::Euclidean => pairs.map(|(a, b)| (a - b) * (a - b)).sum(),
            Metric::Cosine => 1.0 - pairs.map(|(a, b)| a * b).sum::<f64>(),
        }
    }
}

/// What a product of rows of `width` numbers may be off by, in parts of the sum of both squared lengths: the bound
/// `γₙ = n u / (1 - n u)` of Higham, "Accuracy and Stability of Numerical Algorithms", section 3.1, with room for the
/// rounding of the rows themselves.
fn error_unit(width: usize) -> f32 {
    (width as f32 + 8.0) * f32::EPSILON
}

fn shrink(points: ArrayView2<f64>, centre: &Array1<f64>, scale: f64) -> Array2<f32> {
    let mut small = Array2::zeros(points.dim());
    for (mut row, point) in small.rows_mut().into_iter().zip(points.rows()) {
        for ((small, value), centre) in row.iter_mut().zip(point).zip(centre) {
            *small = ((value - centre) / scale) as f32;
        }
    }
    small
}

fn unit_length(mut rows: Array2<f64>) -> Array2<f64> {
    for mut row in rows.rows_mut() {
        let length = row.dot(&row).sqrt();
        if length > 0.0 {
            row /= length;
        }
    }
    rows
}

/// What is known of one query's neighbours.
struct Nearest {
    k: usize,
    /// How far half a squared distance may be off on the query's account.
    slack: f32,
    /// The smallest upper ends so far, in order.
    upper: Vec<f32>,
    /// Lower end and number of the rows that may be neighbours.
    candidates: Vec<(f32, usize)>,
    /// The nearest of those measured exactly, in order.
    best: Vec<(f64, usize)>,
}

impl Nearest {
    fn new(k: usize, slack: f32) -> Nearest {
        Nearest {
            k,
            slack,
            upper: Vec::new(),
            candidates: Vec::new(),
            best: Vec::new(),
        }
    }

    /// What a row's lower end must not exceed.
    fn threshold(&self) -> f32 {
        if self.upper.len() < self.k {
            f32::INFINITY
        } else {
            self.upper[self.k - 1]
        }
    }

    /// Takes note of the rows from `start` on whose products with the query are given.
    fn consider(
        &mut self,
        products: &[f32],
        squares: &[f32],
        slack: &[f32],
        start: usize,
        measure: &dyn Fn(usize) -> f64,
    ) {
        let mut threshold = self.threshold();
        let chunks = products
            .chunks(LANES)
            .zip(squares.chunks(LANES))
            .zip(slack.chunks(LANES));
        for (chunk, ((products, squares), slack)) in chunks.enumerate() {
            // Half the squared distance, but for the query's own share, which all have in common.
            let mut lower = [f32::INFINITY; LANES];
            let lanes = lower.iter_mut().zip(products).zip(squares).zip(slack);
            lanes.for_each(|(((lower, product), square), slack)| *lower = 0.5 * square - product - slack);
            let limit = threshold + self.slack;
            if lower
                .iter()
                .fold(false, |any, l| any | (*l <= limit) | l.is_nan())
            {
                for (lane, &lower) in lower.iter().enumerate().take(products.len()) {
                    if lower - self.slack <= threshold || !lower.is_finite() {
                        let row = start + chunk * LANES + lane;
                        self.note(lower - self.slack, lower + 2.0 * slack[lane] + self.slack, row);
                        threshold = self.threshold();
                    }
                }
                if self.candidates.len() >= MOST_CANDIDATES {
                    self.settle(measure);
                }
            }
        }
    }

    fn note(&mut self, lower: f32, upper: f32, row: usize) {
        self.candidates.push((lower, row));
        // Products that overflow say nothing.
        let upper = if upper.is_nan() { f32::INFINITY } else { upper };
        let at = self.upper.partition_point(|&other| other <= upper);
        if at < self.k {
            self.upper.truncate(self.k - 1);
            self.upper.insert(at, upper);
        }
    }

    /// Measures the candidates exactly and keeps the nearest.
    fn settle(&mut self, measure: &dyn Fn(usize) -> f64) {
        let threshold = self.threshold();
        for (lower, row) in self.candidates.drain(..) {
            if lower > threshold {
                continue;
            }
            let exact = (measure(row), row);
            let at = self
                .best
                .partition_point(|other| other.0.total_cmp(&exact.0).then(other.1.cmp(&exact.1)).is_lt());
            if at < self.k {
                self.best.truncate(self.k - 1);
                self.best.insert(at, exact);
            }
        }
    }
}
