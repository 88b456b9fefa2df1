//! Correlations of columns, and an order in which alike columns are neighbours.

use kodama::{Method, linkage};
use ndarray::Array2;

use crate::moments::Covariance;
use crate::{Error, Result};

/// The most columns that are put in order: the distances of all pairs are held in memory.
const MOST_COLUMNS: usize = 10_000;

/// Pearson's correlations of all pairs of columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Correlation {
    /// Shape (columns, columns), -1 to 1, with ones on the diagonal. A constant column has no correlation with
    /// another; it counts as 0.
    pub matrix: Array2<f64>,
    /// The constant columns, in increasing order.
    pub constant: Vec<usize>,
}

/// A pair of columns and its correlation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// The column with the lower number.
    pub first: usize,
    /// The column with the higher number.
    pub second: usize,
    /// Their correlation.
    pub r: f64,
}

impl Correlation {
    /// The correlations that follow from covariances (as `numpy.corrcoef`, but for constant columns).
    ///
    /// # Errors
    /// [`Error::Rows`] for fewer than 3 rows without a missing value, or without columns.
    pub fn of(covariance: &Covariance) -> Result<Self> {
        if covariance.columns() == 0 || covariance.count() < 3 {
            return Err(Error::Rows(format!(
                "{} columns and {} rows without a missing value; a correlation needs 3 rows",
                covariance.columns(),
                covariance.count()
            )));
        }
        let mut matrix = covariance.matrix(0)?;
        let scale = matrix.diag().mapv(f64::sqrt);
        for ((row, column), value) in matrix.indexed_iter_mut() {
            let both = scale[row] * scale[column];
            *value = if row == column {
                1.0
            } else if both > 0.0 {
                (*value / both).clamp(-1.0, 1.0)
            } else {
                0.0
            };
        }
        Ok(Correlation {
            matrix,
            constant: covariance.constant(),
        })
    }

    /// The columns in the order of the leaves of a hierarchical clustering (average linkage, distance `1 - |r|`), which
    /// draws blocks of alike columns together.
    ///
    /// Equals `scipy.cluster.hierarchy.leaves_list` but for ties.
    ///
    /// # Errors
    /// [`Error::Rows`] for more than 10,000 columns.
    pub fn order(&self) -> Result<Vec<usize>> {
        let columns = self.matrix.nrows();
        if columns > MOST_COLUMNS {
            return Err(Error::Rows(format!(
                "{columns} columns; no more than {MOST_COLUMNS} can be put in order"
            )));
        }
        if columns < 2 {
            return Ok((0..columns).collect());
        }
        let mut distances: Vec<f64> = (0..columns)
            .flat_map(|row| (row + 1..columns).map(move |column| (row, column)))
            .map(|pair| 1.0 - self.matrix[pair].abs())
            .collect();
        let tree = linkage(&mut distances, columns, Method::Average);
        let mut order = Vec::with_capacity(columns);
        let mut open = vec![2 * columns - 2];
        while let Some(cluster) = open.pop() {
            match cluster.checked_sub(columns) {
                None => order.push(cluster),
                Some(step) => open.extend([tree[step].cluster2, tree[step].cluster1]),
            }
        }
        Ok(order)
    }

    /// The pairs with `|r|` of at least `least`, the strongest first, no more than `most`.
    pub fn strongest(&self, least: f64, most: usize) -> Vec<Pair> {
        let columns = self.matrix.nrows();
        let mut pairs: Vec<Pair> = (0..columns)
            .flat_map(|first| (first + 1..columns).map(move |second| (first, second)))
            .map(|(first, second)| Pair {
                first,
                second,
                r: self.matrix[[first, second]],
            })
            .filter(|pair| pair.r.abs() >= least)
            .collect();
        pairs.sort_by(|a, b| b.r.abs().total_cmp(&a.r.abs()));
        pairs.truncate(most);
        pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn of(rows: Array2<f64>) -> Correlation {
        Correlation::of(&Covariance::of(rows.view(), 1).unwrap()).unwrap()
    }

    #[test]
    fn opposite_columns_and_constant_ones() {
        let correlation = of(array![[1.0, -2.0, 7.0], [2.0, -4.0, 7.0], [4.0, -8.0, 7.0]]);
        assert!((correlation.matrix[[0, 1]] + 1.0).abs() < 1e-15);
        assert_eq!(
            (correlation.matrix[[0, 2]], correlation.matrix[[2, 2]]),
            (0.0, 1.0)
        );
        assert_eq!(correlation.constant, [2]);
        let strongest = correlation.strongest(0.5, 9);
        assert_eq!(
            (strongest.len(), strongest[0].first, strongest[0].second),
            (1, 0, 1)
        );
    }

    #[test]
    fn alike_columns_become_neighbours() {
        let wave = |column: usize, row: usize| ((row * (column % 2 * 3 + 1)) as f64 * 0.7).sin();
        let rows = Array2::from_shape_fn((40, 4), |(row, column)| {
            wave(column, row) + 0.01 * (row as f64 * (column + 1) as f64).cos()
        });
        let order = of(rows).order().unwrap();
        let place = |column| order.iter().position(|&other| other == column).unwrap();
        assert_eq!(place(0).abs_diff(place(2)), 1);
        assert_eq!(place(1).abs_diff(place(3)), 1);
    }

    #[test]
    fn two_rows_are_too_few() {
        assert!(Correlation::of(&Covariance::of(array![[1.0], [2.0]].view(), 1).unwrap()).is_err());
        assert_eq!(of(array![[1.0], [2.0], [4.0]]).order().unwrap(), [0]);
    }
}
