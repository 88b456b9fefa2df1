//! Probabilities from decision values.
//!
//! Each pair of classes gets a sigmoid `1 / (1 + exp(A f + B))` of its decision value f, fitted on values from
//! cross-validation (Lin, Lin and Weng, "A note on Platt's probabilistic outputs for support vector machines", Machine Learning 68,
//! 2007); the pairs' probabilities are coupled to one distribution (Wu, Lin and Weng, "Probability estimates for multi-class
//! classification by pairwise coupling", JMLR 5, 2004, second method).

use super::rows::Rows;
use super::smo::{Problem, solve};
use crate::rng::Rng;

/// Probabilities of a pair are kept this far from 0 and 1.
const LEAST: f64 = 1e-7;

/// A and B of a pair's sigmoid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sigmoid {
    pub(super) a: f64,
    pub(super) b: f64,
}

impl Sigmoid {
    /// The probability of the pair's first class.
    pub(super) fn probability(self, decision: f64) -> f64 {
        logistic(self.a * decision + self.b).clamp(LEAST, 1.0 - LEAST)
    }
}

/// `1 / (1 + e^x)` without overflow.
fn logistic(x: f64) -> f64 {
    if x >= 0.0 {
        (-x).exp() / (1.0 + (-x).exp())
    } else {
        1.0 / (1.0 + x.exp())
    }
}

/// The sigmoid of one problem's decision values, by cross-validation over `folds`; rows of one group share a fold.
pub(super) fn calibrate(
    rows: &mut Rows<'_>,
    problem: &Problem<'_>,
    groups: &[usize],
    folds: usize,
    rng: &mut Rng,
) -> Sigmoid {
    let fold = assign(groups, folds, rng);
    let mut decision = vec![0.0; problem.y.len()];
    for part in 0..folds {
        let c: Vec<f64> = problem
            .c
            .iter()
            .zip(&fold)
            .map(|(&c, &fold)| if fold == part { 0.0 } else { c })
            .collect();
        let trains = |sign: f64| problem.y.iter().zip(&c).any(|(&y, &c)| y == sign && c > 0.0);
        let solution = match (trains(1.0), trains(-1.0)) {
            (true, true) => solve(rows, &Problem { c: &c, ..*problem }).decision,
            (true, false) => vec![1.0; decision.len()],
            (false, true) => vec![-1.0; decision.len()],
            (false, false) => continue,
        };
        for (at, decision) in decision.iter_mut().enumerate() {
            if fold[at] == part {
                *decision = solution[at];
            }
        }
    }
    fit_sigmoid(&decision, problem.y)
}

/// The fold of each row: groups in random order, cut into parts of about the same number of rows.
fn assign(groups: &[usize], folds: usize, rng: &mut Rng) -> Vec<usize> {
    let mut names = groups.to_vec();
    names.sort_unstable();
    names.dedup();
    let number = |group: &usize| names.partition_point(|name| name < group);
    let numbers: Vec<usize> = groups.iter().map(number).collect();
    let mut sizes = vec![0; names.len()];
    numbers.iter().for_each(|&group| sizes[group] += 1);
    let mut shuffled: Vec<usize> = (0..names.len()).collect();
    rng.shuffle(&mut shuffled);
    let mut fold_of = vec![0; names.len()];
    let mut before = 0;
    for group in shuffled {
        fold_of[group] = before * folds / groups.len().max(1);
        before += sizes[group];
    }
    numbers.into_iter().map(|group| fold_of[group]).collect()
}

/// Newton's method with backtracking on the log loss of smoothed targets (the paper's appendix).
fn fit_sigmoid(decision: &[f64], y: &[f64]) -> Sigmoid {
    let positive = y.iter().filter(|&&y| y > 0.0).count() as f64;
    let negative = y.len() as f64 - positive;
    let (high, low) = ((positive + 1.0) / (positive + 2.0), 1.0 / (negative + 2.0));
    let target = |y: f64| if y > 0.0 { high } else { low };
    let loss = |a: f64, b: f64| -> f64 {
        let term = |(&f, &y): (&f64, &f64)| {
            let x = a * f + b;
            let t = target(y);
            if x >= 0.0 {
                t * x + (-x).exp().ln_1p()
            } else {
                (t - 1.0) * x + x.exp().ln_1p()
            }
        };
        decision.iter().zip(y).map(term).sum()
    };
    let (mut a, mut b) = (0.0, ((negative + 1.0) / (positive + 1.0)).ln());
    let mut value = loss(a, b);
    for _ in 0..100 {
        // The Hessian, made positive definite, and the gradient.
        let (mut h11, mut h22, mut h21, mut g1, mut g2) = (1e-12, 1e-12, 0.0, 0.0, 0.0);
        for (&f, &y) in decision.iter().zip(y) {
            let p = logistic(a * f + b);
            let d2 = p * (1.0 - p);
            let d1 = target(y) - p;
            h11 += f * f * d2;
            h22 += d2;
            h21 += f * d2;
            g1 += f * d1;
            g2 += d1;
        }
        if g1.abs() < 1e-5 && g2.abs() < 1e-5 {
            break;
        }
        let det = h11 * h22 - h21 * h21;
        let (da, db) = (-(h22 * g1 - h21 * g2) / det, -(h11 * g2 - h21 * g1) / det);
        let slope = g1 * da + g2 * db;
        let mut step = 1.0;
        loop {
            let next = loss(a + step * da, b + step * db);
            if next < value + 1e-4 * step * slope {
                (a, b, value) = (a + step * da, b + step * db, next);
                break;
            }
            step /= 2.0;
            if step < 1e-10 {
                return Sigmoid { a, b };
            }
        }
    }
    Sigmoid { a, b }
}

/// The distribution that fits the pairs' probabilities best; `r[i * k + j]` is that of i against j.
pub(super) fn couple(r: &[f64], k: usize) -> Vec<f64> {
    if k == 2 {
        return vec![r[1], r[2]];
    }
    let mut q = vec![0.0; k * k];
    for t in 0..k {
        for j in (0..k).filter(|&j| j != t) {
            q[t * k + t] += r[j * k + t] * r[j * k + t];
            q[t * k + j] = -r[j * k + t] * r[t * k + j];
        }
    }
    let mut p = vec![1.0 / k as f64; k];
    for _ in 0..k.max(100) {
        let mut qp: Vec<f64> = (0..k)
            .map(|t| (0..k).map(|j| q[t * k + j] * p[j]).sum())
            .collect();
        let mut pqp: f64 = p.iter().zip(&qp).map(|(p, qp)| p * qp).sum();
        if qp.iter().all(|qp| (qp - pqp).abs() < 0.005 / k as f64) {
            break;
        }
        for t in 0..k {
            let own = q[t * k + t];
            let diff = (pqp - qp[t]) / own;
            p[t] += diff;
            pqp = (pqp + diff * (diff * own + 2.0 * qp[t])) / (1.0 + diff) / (1.0 + diff);
            for j in 0..k {
                qp[j] = (qp[j] + diff * q[t * k + j]) / (1.0 + diff);
                p[j] /= 1.0 + diff;
            }
        }
    }
    p
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sigmoid_of_a_known_law_is_found() {
        // As many positives at each decision value as the law 1 / (1 + exp(-2 f + 0.5)) says.
        let (mut decision, mut y) = (Vec::new(), Vec::new());
        for step in -20..=20 {
            let f = f64::from(step) / 10.0;
            let positives = (1000.0 * logistic(-2.0 * f + 0.5)).round() as usize;
            decision.extend([f; 1000]);
            y.extend((0..1000).map(|at| if at < positives { 1.0 } else { -1.0 }));
        }
        let found = fit_sigmoid(&decision, &y);
        assert!(
            (found.a + 2.0).abs() < 0.01 && (found.b - 0.5).abs() < 0.01,
            "{found:?}"
        );
    }

    #[test]
    fn coupling_recovers_a_distribution_from_its_pairs() {
        for p in [vec![0.7, 0.3], vec![0.5, 0.2, 0.2, 0.1]] {
            let k = p.len();
            let mut r = vec![0.0; k * k];
            for i in 0..k {
                for j in (0..k).filter(|&j| j != i) {
                    r[i * k + j] = p[i] / (p[i] + p[j]);
                }
            }
            let found = couple(&r, k);
            assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            assert!(
                found.iter().zip(&p).all(|(a, b)| (a - b).abs() < 0.01),
                "{found:?}"
            );
        }
    }

    #[test]
    fn folds_are_even_and_part_no_group() {
        let groups: Vec<usize> = (0..100).map(|row| row / 4 * 1000).collect();
        let fold = assign(&groups, 5, &mut Rng::new(1));
        assert!(
            fold.chunks(4)
                .all(|group| group.iter().all(|part| part == &group[0]))
        );
        assert!((0..5).all(|part| fold.iter().filter(|&&fold| fold == part).count() == 20));
        let one = assign(&[7; 6], 5, &mut Rng::new(1));
        assert_eq!(one, [0; 6]);
    }

    #[test]
    fn extreme_decisions_give_finite_sigmoids() {
        let same = fit_sigmoid(&[1e300, -1e300, 1e300], &[1.0, -1.0, 1.0]);
        let none = fit_sigmoid(&[0.0; 4], &[1.0, 1.0, -1.0, -1.0]);
        for sigmoid in [same, none] {
            assert!(
                [1e9, 0.0, -1e9]
                    .iter()
                    .all(|&f| (0.0..=1.0).contains(&sigmoid.probability(f))),
                "{sigmoid:?}"
            );
        }
    }
}
