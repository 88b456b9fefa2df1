//! Silhouettes: whether rows lie nearer to their own cluster than to the next (Rousseeuw 1987).

use melisma_dataset::rng::Rng;
use ndarray::{ArrayView2, Axis};

use crate::distances::Distances;
use crate::error::{check_labels, check_rows};
use crate::{Error, Result, Watch, parallel};

/// Silhouettes of the rows of a table, or of a sample of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Silhouette {
    /// The mean over the rows looked at, -1 to 1.
    pub mean: f64,
    /// The mean of every cluster; NaN for one without a row looked at.
    pub clusters: Vec<f64>,
    /// The rows looked at, in increasing order.
    pub rows: Vec<usize>,
    /// Their silhouettes.
    pub values: Vec<f64>,
}

/// The silhouettes of rows of shape (rows, features), labelled 0 to the number of clusters - 1; of a sample of `most` rows, drawn by
/// `seed`, when there are more.
///
/// Equals scikit-learn's `silhouette_samples` when all rows are looked at; a row alone in its cluster has 0.
///
/// # Errors
/// [`Error::Rows`] for fewer than 3 rows, labels that are not one per row, fewer than 2 labels in use or more clusters than
/// rows, or a value that is not finite; [`Error::Params`] when `most` is less than 3; [`Error::Interrupted`].
pub fn silhouette(
    rows: ArrayView2<f64>,
    labels: &[usize],
    most: usize,
    seed: u64,
    threads: usize,
    watch: Watch,
) -> Result<Silhouette> {
    check_rows(rows, 3)?;
    check_labels(rows.nrows(), labels)?;
    if most < 3 {
        return Error::params("silhouette", format!("a sample of {most} rows"));
    }
    let clusters = labels.iter().max().map_or(0, |label| label.saturating_add(1));
    if clusters > rows.nrows() {
        return Err(Error::Rows(format!(
            "{clusters} clusters of {} rows",
            rows.nrows()
        )));
    }
    let sample = Rng::new(seed).sample(rows.nrows(), most);
    let labels: Vec<usize> = sample.iter().map(|&row| labels[row]).collect();
    let mut sizes = vec![0_usize; clusters];
    labels.iter().for_each(|&label| sizes[label] += 1);
    if sizes.iter().filter(|&&size| size > 0).count() < 2 {
        return Err(Error::Rows("all rows are in one cluster".to_owned()));
    }
    let distances = Distances::of(rows.select(Axis(0), &sample).view());
    let mut values = vec![0.0; sample.len()];
    parallel::for_blocks(threads, &mut values, distances.block(), |block, part| {
        if watch.stopped() {
            return;
        }
        let range = distances.range(block);
        let squared = distances.squared(range.clone());
        for ((own, row), value) in range.zip(squared.rows()).zip(part) {
            let mut sums = vec![0.0; clusters];
            for (distance, &label) in row.iter().zip(&labels) {
                sums[label] += distance.sqrt();
            }
            *value = of_row(&sums, &sizes, labels[own]);
        }
    });
    watch.check()?;
    let mut of_cluster = vec![0.0; clusters];
    for (&label, value) in labels.iter().zip(&values) {
        of_cluster[label] += value / sizes[label] as f64;
    }
    for (mean, &size) in of_cluster.iter_mut().zip(&sizes) {
        if size == 0 {
            *mean = f64::NAN;
        }
    }
    Ok(Silhouette {
        mean: values.iter().sum::<f64>() / values.len() as f64,
        clusters: of_cluster,
        rows: sample,
        values,
    })
}

/// The silhouette of a row of cluster `own` with these sums of distances to the clusters.
fn of_row(sums: &[f64], sizes: &[usize], own: usize) -> f64 {
    if sizes[own] < 2 {
        return 0.0;
    }
    let within = sums[own] / (sizes[own] - 1) as f64;
    let beyond = (0..sums.len())
        .filter(|&cluster| cluster != own && sizes[cluster] > 0)
        .map(|cluster| sums[cluster] / sizes[cluster] as f64)
        .fold(f64::INFINITY, f64::min);
    let greater = within.max(beyond);
    if greater > 0.0 {
        (beyond - within) / greater
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn clusters_far_apart_have_silhouettes_near_one() {
        let rows = array![[0.0], [1.0], [100.0], [101.0], [500.0]];
        let found = silhouette(rows.view(), &[0, 0, 1, 1, 3], 10, 0, 2, Watch::none()).unwrap();
        assert!((found.values[0] - (100.5 - 1.0) / 100.5).abs() < 1e-12);
        assert_eq!(found.values[4], 0.0);
        assert!(found.clusters[2].is_nan());
        let sampled = silhouette(rows.view(), &[0, 1, 2, 3, 4], 4, 0, 1, Watch::none()).unwrap();
        assert_eq!(sampled.rows.len(), 4);
    }

    #[test]
    fn faults_are_errors() {
        let rows = array![[0.0], [1.0], [100.0]];
        let of = |labels: &[usize], most| silhouette(rows.view(), labels, most, 0, 1, Watch::none());
        assert!(of(&[0, 0, 0], 9).is_err());
        assert!(of(&[0, 1], 9).is_err());
        assert!(of(&[0, 1, 0], 2).is_err());
        assert!(of(&[0, 1, 99], 9).is_err());
    }
}
