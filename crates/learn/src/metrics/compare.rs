//! Whether two classifiers differ, and whether one is better than chance: McNemar's test and Cohen's kappa.

use serde::Serialize;

use super::Confusion;

/// McNemar's test of two classifiers on the same rows (McNemar 1947), exact.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct McNemar {
    /// Rows that only the first has right.
    pub first_only: usize,
    /// Rows that only the second has right.
    pub second_only: usize,
    /// The probability of a difference at least this large if both were equally good: two-sided, binomial.
    ///
    /// It supposes independent rows: windows of one track are not, so tracks are compared, not windows.
    pub p: f64,
}

/// Compares what two classifiers have right; the rows in the same order.
///
/// # Panics
/// If the lengths differ.
pub fn mcnemar(first: &[bool], second: &[bool]) -> McNemar {
    assert_eq!(
        first.len(),
        second.len(),
        "classifiers are compared on the same rows"
    );
    let only = |a: &[bool], b: &[bool]| a.iter().zip(b).filter(|(a, b)| **a && !**b).count();
    let (first_only, second_only) = (only(first, second), only(second, first));
    McNemar {
        first_only,
        second_only,
        p: two_sided(first_only.min(second_only), first_only + second_only),
    }
}

/// Twice the probability of at most `few` heads in `total` throws of a fair coin, at most 1.
fn two_sided(few: usize, total: usize) -> f64 {
    // ln C(n, k) - n ln 2, from one k to the next.
    let mut log = -(total as f64) * std::f64::consts::LN_2;
    let mut sum = log.exp();
    for k in 1..=few {
        log += ((total - k + 1) as f64 / k as f64).ln();
        sum += log.exp();
    }
    (2.0 * sum).min(1.0)
}

/// Cohen's kappa: agreement of truth and prediction beyond what their class shares alone would give (Cohen 1960).
///
/// 1 is perfect, 0 is chance; 0 also where chance cannot be exceeded (one class only).
pub fn kappa(confusion: &Confusion) -> f64 {
    let classes = confusion.0.len();
    let sum = |of: &dyn Fn(usize) -> usize| (0..classes).map(of).sum::<usize>() as f64;
    let total = sum(&|c| confusion.0[c].iter().sum());
    if total == 0.0 {
        return 0.0;
    }
    let agreed = sum(&|c| confusion.0[c][c]) / total;
    let chance = (0..classes)
        .map(|c| {
            let truly = confusion.0[c].iter().sum::<usize>() as f64;
            let taken = confusion.0.iter().map(|row| row[c]).sum::<usize>() as f64;
            truly * taken / (total * total)
        })
        .sum::<f64>();
    if chance < 1.0 {
        (agreed - chance) / (1.0 - chance)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mcnemar_matches_statsmodels() {
        // statsmodels.stats.contingency_tables.mcnemar([[30, 12], [5, 3]], exact=True).pvalue
        let first: Vec<bool> = (0..50).map(|i| i < 42).collect();
        let second: Vec<bool> = (0..50).map(|i| i < 30 || (42..47).contains(&i)).collect();
        let test = mcnemar(&first, &second);
        assert_eq!((test.first_only, test.second_only), (12, 5));
        assert!((test.p - 0.143_463_134_765_625).abs() < 1e-12, "{}", test.p);
        assert_eq!(mcnemar(&first, &first).p, 1.0);
        let (all, none) = (vec![true; 3000], vec![false; 3000]);
        assert!(mcnemar(&all, &none).p < 1e-300, "many rows do not overflow");
    }

    #[test]
    fn kappa_matches_scikit_learn() {
        // sklearn.metrics.cohen_kappa_score([0]*5+[1]*5+[2]*5, [0,0,0,1,2, 1,1,1,1,0, 2,2,2,2,2])
        let confusion = Confusion(vec![vec![3, 1, 1], vec![1, 4, 0], vec![0, 0, 5]]);
        assert!((kappa(&confusion) - 0.7).abs() < 1e-12);
        assert_eq!(kappa(&Confusion(vec![vec![4, 0], vec![0, 0]])), 0.0);
        assert_eq!(kappa(&Confusion(vec![vec![0]])), 0.0);
    }
}
