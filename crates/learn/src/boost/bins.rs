//! Inputs as bins of about as many rows each.

use ndarray::Array2;
use rayon::prelude::*;

use crate::tree::midpoint;

/// A table whose values are numbers of bins.
pub(super) struct Binned {
    /// The bin of each row, one list for each input.
    pub(super) columns: Vec<Vec<u8>>,
    /// The largest value of each bin but the last, one list for each input.
    pub(super) thresholds: Vec<Vec<f64>>,
}

impl Binned {
    /// Every distinct value its own bin where there are no more than `most` of them, else bins by quantiles.
    pub(super) fn new(x: &Array2<f64>, most: usize) -> Binned {
        let (columns, thresholds) = (0..x.ncols())
            .into_par_iter()
            .map(|input| {
                let column = x.column(input).to_vec();
                let thresholds = cut(&column, most);
                let bin = |value: &f64| thresholds.partition_point(|threshold| threshold < value) as u8;
                (column.iter().map(bin).collect(), thresholds)
            })
            .unzip();
        Binned { columns, thresholds }
    }
}

/// At most `most - 1` thresholds between distinct values.
fn cut(column: &[f64], most: usize) -> Vec<f64> {
    let mut sorted = column.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    // Where a new value begins.
    let starts: Vec<usize> = (1..sorted.len())
        .filter(|&at| sorted[at] > sorted[at - 1])
        .collect();
    let between = |&at: &usize| midpoint(sorted[at - 1], sorted[at]);
    if starts.len() < most {
        return starts.iter().map(between).collect();
    }
    let mut thresholds = Vec::with_capacity(most - 1);
    let mut done = 0;
    for at in &starts {
        // The rows still to be put into bins are shared among the bins still free, as frequent values use up more than their share.
        let free = most - thresholds.len();
        if free > 1 && (at - done) * free >= sorted.len() - done {
            thresholds.push(between(at));
            done = *at;
        }
    }
    thresholds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_keep_their_own_bins() {
        assert_eq!(cut(&[3.0, 1.0, 1.0, 2.0], 256), [1.5, 2.5]);
        assert!(cut(&[7.0; 5], 256).is_empty());
        let next = 1.0_f64.next_up();
        assert_eq!(cut(&[next, 1.0], 2), [1.0], "nothing lies between neighbours");
        assert_eq!(cut(&[f64::MAX, f64::MIN], 2), [0.0]);
    }

    #[test]
    fn many_values_share_bins_evenly() {
        let column: Vec<f64> = (0..1000).map(f64::from).collect();
        let thresholds = cut(&column, 4);
        assert_eq!(thresholds, [249.5, 499.5, 749.5]);
        let skewed: Vec<f64> = (0..1000).map(|i| f64::from(i.max(700))).collect();
        assert_eq!(cut(&skewed, 4).len(), 3, "one frequent value takes one bin only");
    }
}
