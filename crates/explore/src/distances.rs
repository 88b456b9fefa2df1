//! Squared Euclidean distances of all pairs of rows, a block of rows at a time, by matrix products.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, Axis, Slice, linalg::general_mat_mul};

/// Distances held at once by a thread: 8 MiB of them.
const HELD: usize = 1 << 20;

/// A table prepared for distances.
pub(crate) struct Distances {
    /// The rows less their mean: small norms lose fewer digits in `|a|² + |b|² - 2ab`.
    rows: Array2<f64>,
    /// The squared lengths of the rows.
    norms: Vec<f64>,
}

impl Distances {
    pub(crate) fn of(rows: ArrayView2<f64>) -> Self {
        let mut rows = rows.as_standard_layout().into_owned();
        if let Some(mean) = rows.mean_axis(Axis(0)) {
            rows -= &mean;
        }
        let norms = rows.rows().into_iter().map(|row| row.dot(&row)).collect();
        Distances { rows, norms }
    }

    pub(crate) fn len(&self) -> usize {
        self.norms.len()
    }

    /// Rows per block; depends on the table alone.
    pub(crate) fn block(&self) -> usize {
        (HELD / self.len().max(1)).clamp(1, 128)
    }

    /// The rows of block number `block`.
    pub(crate) fn range(&self, block: usize) -> Range<usize> {
        let first = block * self.block();
        first..(first + self.block()).min(self.len())
    }

    /// The squared distances of the rows in `range` to all rows, shape (range, rows); those of a row to itself are 0.
    ///
    /// Exact to about 1e-16 times the squared norms.
    pub(crate) fn squared(&self, range: Range<usize>) -> Array2<f64> {
        let some = self.rows.slice_axis(Axis(0), Slice::from(range.clone()));
        let mut distances = Array2::zeros((range.len(), self.len()));
        general_mat_mul(-2.0, &some, &self.rows.t(), 0.0, &mut distances);
        for (offset, mut row) in distances.rows_mut().into_iter().enumerate() {
            let own = self.norms[range.start + offset];
            for (distance, norm) in row.iter_mut().zip(&self.norms) {
                *distance = (*distance + own + norm).max(0.0);
            }
            row[range.start + offset] = 0.0;
        }
        distances
    }

    /// The squared distance of two rows from their differences.
    pub(crate) fn exact(&self, a: usize, b: usize) -> f64 {
        let (a, b) = (self.rows.row(a), self.rows.row(b));
        a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn blocks_hold_the_squared_distances() {
        let distances = Distances::of(array![[1e6, 0.0], [1e6 + 3.0, 4.0], [1e6, 0.0]].view());
        assert_eq!(distances.range(0), 0..3);
        let block = distances.squared(1..3);
        assert!((block[[0, 0]] - 25.0).abs() < 1e-12 && block[[0, 1]] == 0.0 && block[[1, 0]].abs() < 1e-12);
        assert!((distances.exact(1, 2) - 25.0).abs() < 1e-12);
    }
}
