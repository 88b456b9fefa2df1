//! Temperature scaling: probabilities that mean what they say.
//!
//! A temperature T turns probabilities p into `p^(1/T)`, normalised (Guo, Pleiss, Sun and Weinberger, "On
//! calibration of modern neural networks", ICML 2017). It changes no ranking within a row.

use ndarray::{Array2, ArrayViewMut1};

use crate::metrics::log_loss;

/// Temperatures considered.
const RANGE: (f64, f64) = (0.1, 10.0);

/// Applies temperature `t` to one row of probabilities.
pub(crate) fn temper(mut row: ArrayViewMut1<f64>, t: f64) {
    if t == 1.0 {
        return;
    }
    let top = row.fold(0.0f64, |a, &b| a.max(b));
    if top > 0.0 {
        row.mapv_inplace(|p| (p / top).powf(1.0 / t));
    }
    let sum = row.sum();
    if sum > 0.0 {
        row /= sum;
    }
}

/// Rows of probabilities at temperature `t`, averaged over the rows of each group, shape (groups, classes).
pub fn tempered_means(probabilities: &Array2<f64>, groups: &[usize], count: usize, t: f64) -> Array2<f64> {
    let mut sums = Array2::zeros((count, probabilities.ncols()));
    let mut rows = vec![0usize; count];
    let mut tempered = probabilities.clone();
    for (mut row, &group) in tempered.rows_mut().into_iter().zip(groups) {
        temper(row.view_mut(), t);
        let mut sum = sums.row_mut(group);
        sum += &row;
        rows[group] += 1;
    }
    for (mut sum, count) in sums.rows_mut().into_iter().zip(rows) {
        sum /= count.max(1) as f64;
    }
    sums
}

/// The temperature at which the log loss of the groups' mean probabilities is least.
///
/// `probabilities` are rows (windows) predicted by a model that has not seen them, `groups` their tracks
/// (numbered from 0), `truth` the class of each track. Found by golden-section search on ln T to 1e-6.
pub fn fit_temperature(probabilities: &Array2<f64>, groups: &[usize], truth: &[usize]) -> f64 {
    let loss = |log_t: f64| {
        log_loss(
            &tempered_means(probabilities, groups, truth.len(), log_t.exp()),
            truth,
        )
    };
    let golden = (5f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (RANGE.0.ln(), RANGE.1.ln());
    let (mut a, mut b) = (high - golden * (high - low), low + golden * (high - low));
    let (mut at_a, mut at_b) = (loss(a), loss(b));
    while high - low > 1e-6 {
        if at_a <= at_b {
            (high, b, at_b) = (b, a, at_a);
            a = high - golden * (high - low);
            at_a = loss(a);
        } else {
            (low, a, at_a) = (a, b, at_b);
            b = low + golden * (high - low);
            at_b = loss(b);
        }
    }
    ((low + high) / 2.0).exp()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use ndarray::array;

    #[test]
    fn a_known_temperature_is_recovered() {
        let mut rng = Rng::new(4);
        let mut uniform = move || (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        let mut p = Array2::zeros((4000, 3));
        let mut truth = Vec::new();
        for mut row in p.rows_mut() {
            row.mapv_inplace(|_: f64| uniform() + 0.05);
            let sum = row.sum();
            row /= sum;
            let draw = uniform();
            truth.push(if draw < row[0] {
                0
            } else if draw < row[0] + row[1] {
                1
            } else {
                2
            });
            temper(row, 1.0 / 2.5); // overconfident by 2.5
        }
        let groups: Vec<usize> = (0..4000).collect();
        let t = fit_temperature(&p, &groups, &truth);
        assert!((2.1..3.0).contains(&t), "{t}");
    }

    #[test]
    fn tempering_keeps_order_and_sum() {
        let mut row = array![0.7, 0.3, 0.0];
        temper(row.view_mut(), 3.0);
        assert!(row[0] > row[1] && row[2] == 0.0 && (row.sum() - 1.0).abs() < 1e-12);
        let before = row.clone();
        temper(row.view_mut(), 1.0);
        assert_eq!(row, before);
    }
}
