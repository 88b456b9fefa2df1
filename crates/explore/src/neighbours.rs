//! The nearest neighbours of every row, exactly, by blocks of distances.
//!
//! The work grows with the square of the rows: tens of thousands are a matter of seconds, a million is for a sample.

use ndarray::{Array2, ArrayView2};

use crate::distances::Distances;
use crate::error::check_rows;
use crate::{Error, Result, Watch, parallel};

/// The most rows: a neighbour's number is kept in 32 bits.
const MOST_ROWS: usize = u32::MAX as usize;

/// The nearest neighbours of every row of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbours {
    /// The neighbours' row numbers, the nearest first and without the row itself, shape (rows, k). Of rows at the same distance
    /// the one with the lower number comes first.
    pub indices: Array2<u32>,
    /// Their Euclidean distances, shape (rows, k).
    pub distances: Array2<f64>,
}

/// Finds the `k` nearest other rows of every row, by Euclidean distance, with up to `threads` threads.
///
/// # Errors
/// [`Error::Rows`] for fewer than 2 rows or a value that is not finite, [`Error::Params`] when `k` is 0 or not less than the
/// number of rows, [`Error::Interrupted`].
pub fn nearest(rows: ArrayView2<f64>, k: usize, threads: usize, watch: Watch) -> Result<Neighbours> {
    check_rows(rows, 2)?;
    let n = rows.nrows();
    if k == 0 || k >= n || n > MOST_ROWS {
        return Error::params("nearest neighbours", format!("{k} neighbours among {n} rows"));
    }
    let distances = Distances::of(rows);
    let mut found = vec![(0.0, 0_u32); n * k];
    parallel::for_blocks(threads, &mut found, distances.block() * k, |block, part| {
        if watch.stopped() {
            return;
        }
        let range = distances.range(block);
        let squared = distances.squared(range.clone());
        let mut candidates = Vec::with_capacity(4 * k);
        for ((own, row), slots) in range.zip(squared.rows()).zip(part.chunks_mut(k)) {
            let row = row.to_slice().unwrap_or_default();
            keep_least(row, own, k, &mut candidates);
            for (slot, &(_, other)) in slots.iter_mut().zip(&candidates) {
                *slot = (distances.exact(own, other as usize), other);
            }
            slots.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        }
    });
    watch.check()?;
    let indices = Array2::from_shape_fn((n, k), |(row, place)| found[row * k + place].1);
    let distances = Array2::from_shape_fn((n, k), |(row, place)| found[row * k + place].0.sqrt());
    Ok(Neighbours { indices, distances })
}

/// Leaves in `candidates` the `k` least of `row`, `own` apart, in no order.
fn keep_least(row: &[f64], own: usize, k: usize, candidates: &mut Vec<(f64, u32)>) {
    candidates.clear();
    let mut bound = f64::INFINITY;
    let cut = |candidates: &mut Vec<(f64, u32)>| {
        candidates.select_nth_unstable_by(k - 1, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        candidates.truncate(k);
        candidates[k - 1].0
    };
    for (other, &distance) in row.iter().enumerate() {
        if distance < bound && other != own {
            candidates.push((distance, other as u32));
            if candidates.len() == 4 * k {
                bound = cut(candidates);
            }
        }
    }
    cut(candidates);
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn neighbours_come_nearest_first_and_the_row_itself_not_at_all() {
        let rows = array![[0.0], [1.0], [3.0], [0.0], [10.0]];
        let found = nearest(rows.view(), 3, 2, Watch::none()).unwrap();
        assert_eq!(found.indices.row(0).to_vec(), [3, 1, 2]);
        assert_eq!(found.distances.row(0).to_vec(), [0.0, 1.0, 3.0]);
        assert_eq!(found.indices.row(4).to_vec(), [2, 1, 0]);
    }

    #[test]
    fn equal_distances_take_the_lower_number() {
        let found = nearest(Array2::zeros((40, 2)).view(), 2, 1, Watch::none()).unwrap();
        assert_eq!(found.indices.row(20).to_vec(), [0, 1]);
        assert_eq!(found.indices.row(0).to_vec(), [1, 2]);
    }

    #[test]
    fn faults_are_errors() {
        let rows = array![[0.0], [1.0], [3.0]];
        assert!(nearest(rows.view(), 3, 1, Watch::none()).is_err());
        assert!(nearest(rows.view(), 0, 1, Watch::none()).is_err());
        let stop = std::sync::atomic::AtomicBool::new(true);
        let stopped = nearest(rows.view(), 1, 1, Watch::none().with_stop(&stop));
        assert_eq!(stopped.unwrap_err(), Error::Interrupted);
    }
}
