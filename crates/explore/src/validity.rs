//! How well two ways of grouping rows agree, and how well a map keeps neighbours together.

use ndarray::{Array2, ArrayView2, Axis};

use crate::distances::Distances;
use crate::error::{check_labels, check_rows};
use crate::{Error, Result, Watch, neighbours, parallel};

/// The most cells of a contingency table.
const MOST_CELLS: usize = 1 << 24;

/// How often each label of `first` comes with each label of `second`, shape (labels of first, labels of second): the
/// greatest label plus 1 each.
///
/// # Errors
/// [`Error::Rows`] when the lists differ in length, or the labels are so many that the table would exceed 16 million cells.
pub fn contingency(first: &[usize], second: &[usize]) -> Result<Array2<u64>> {
    check_labels(first.len(), second)?;
    let labels = |list: &[usize]| list.iter().max().map_or(0, |most| most.saturating_add(1));
    let (rows, columns) = (labels(first), labels(second));
    if rows.saturating_mul(columns) > MOST_CELLS {
        return Err(Error::Rows(format!(
            "labels up to {rows} and {columns} are too many"
        )));
    }
    let mut table = Array2::zeros((rows, columns));
    for (&a, &b) in first.iter().zip(second) {
        table[[a, b]] += 1;
    }
    Ok(table)
}

/// The adjusted Rand index of two labellings (Hubert and Arabie 1985): 1 for the same grouping, about 0 for unrelated ones.
///
/// Equals scikit-learn's `adjusted_rand_score`.
///
/// # Errors
/// As [`contingency`], and [`Error::Rows`] for no rows.
pub fn adjusted_rand_index(first: &[usize], second: &[usize]) -> Result<f64> {
    if first.is_empty() {
        return Err(Error::Rows("there are no labels to compare".to_owned()));
    }
    let table = contingency(first, second)?;
    let pairs = |count: u64| count as f64 * (count as f64 - 1.0) / 2.0;
    let both: f64 = table.iter().map(|&count| pairs(count)).sum();
    let rows: f64 = table.sum_axis(Axis(1)).iter().map(|&count| pairs(count)).sum();
    let columns: f64 = table.sum_axis(Axis(0)).iter().map(|&count| pairs(count)).sum();
    let all = pairs(first.len() as u64);
    if rows == columns && (both == rows || all == 0.0) {
        return Ok(1.0);
    }
    let expected = rows * columns / all;
    Ok((both - expected) / ((rows + columns) / 2.0 - expected))
}

/// To what extent the `k` nearest neighbours of each row on a map are near it in the table (Venna and Kaski 2001): 0 to 1.
///
/// `table` has shape (rows, features), `map` (rows, dimensions). Equals scikit-learn's `trustworthiness` but for ties.
///
/// # Errors
/// [`Error::Rows`] for fewer than 3 rows, different numbers of rows, or a value that is not finite; [`Error::Params`] unless
/// 0 < `k` < rows / 2; [`Error::Interrupted`].
pub fn trustworthiness(
    table: ArrayView2<f64>,
    map: ArrayView2<f64>,
    k: usize,
    threads: usize,
    watch: Watch,
) -> Result<f64> {
    check_rows(table, 3)?;
    let n = table.nrows();
    if map.nrows() != n {
        return Err(Error::Rows(format!(
            "{n} rows in the table and {} on the map",
            map.nrows()
        )));
    }
    if k == 0 || 2 * k >= n {
        return Error::params(
            "trustworthiness",
            format!("{k} neighbours of {n} rows; less than half are needed"),
        );
    }
    let near = neighbours::nearest(map, k, threads, watch)?;
    let distances = Distances::of(table);
    let mut excess = vec![0_u64; n];
    parallel::for_blocks(threads, &mut excess, distances.block(), |block, part| {
        if watch.stopped() {
            return;
        }
        let range = distances.range(block);
        let squared = distances.squared(range.clone());
        for ((own, row), excess) in range.zip(squared.rows()).zip(part) {
            for &other in near.indices.row(own) {
                let other = other as usize;
                let limit = row[other];
                let closer = row.iter().filter(|&&distance| distance < limit).count();
                // Of rows at the same distance the one with the lower number is the nearer; the row itself is none of them.
                let tied = row
                    .iter()
                    .take(other)
                    .filter(|&&distance| distance == limit)
                    .count();
                let rank = closer + tied + usize::from(limit == 0.0 && own > other);
                *excess += rank.saturating_sub(k) as u64;
            }
        }
    });
    watch.check()?;
    let (n, k) = (n as f64, k as f64);
    let total = excess.into_iter().sum::<u64>() as f64;
    Ok(1.0 - total * 2.0 / (n * k * (2.0 * n - 3.0 * k - 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_same_grouping_under_other_names_agrees_wholly() {
        assert_eq!(adjusted_rand_index(&[0, 0, 1, 2], &[3, 3, 0, 1]).unwrap(), 1.0);
        assert_eq!(adjusted_rand_index(&[0, 0, 0], &[0, 0, 0]).unwrap(), 1.0);
        assert_eq!(adjusted_rand_index(&[0, 1, 2], &[0, 1, 2]).unwrap(), 1.0);
        assert_eq!(adjusted_rand_index(&[0], &[0]).unwrap(), 1.0);
        assert_eq!(adjusted_rand_index(&[0, 1], &[0, 0]).unwrap(), 0.0);
        assert!(adjusted_rand_index(&[0, 0, 1, 1], &[0, 1, 0, 1]).unwrap() < 0.0);
    }

    #[test]
    fn a_table_counts_pairs_of_labels() {
        assert_eq!(
            contingency(&[0, 1, 1], &[2, 0, 0]).unwrap(),
            array![[0, 0, 1], [2, 0, 0]]
        );
        assert!(contingency(&[0], &[]).is_err());
        assert!(contingency(&[usize::MAX], &[1]).is_err());
        assert!(adjusted_rand_index(&[], &[]).is_err());
    }

    #[test]
    fn a_faithful_map_is_trusted_wholly() {
        let rows = Array2::from_shape_fn((20, 3), |(r, c)| ((r * r + c * 5) as f64 * 0.37).sin());
        let of = |map: ArrayView2<f64>| trustworthiness(rows.view(), map, 5, 2, Watch::none());
        assert_eq!(of(rows.view()).unwrap(), 1.0);
        let scrambled = Array2::from_shape_fn((20, 1), |(r, _)| (r * 7 % 20) as f64);
        assert!(of(scrambled.view()).unwrap() < 0.9);
        assert!(trustworthiness(rows.view(), rows.view(), 10, 1, Watch::none()).is_err());
        assert!(of(array![[0.0], [1.0], [2.0]].view()).is_err());
    }
}
