//! A fitted support vector machine: decisions, votes, probabilities, and its place in a model file.

use ndarray::{Array2, ArrayView2, Axis, Slice};
use rayon::prelude::*;

use super::kernel::{Function, Kernel, squares};
use super::platt::{Sigmoid, couple};
use crate::metrics::top;
use crate::payload::{Reader, Writer};
use crate::{Error, Result};

/// Rows decided at once by one thread.
const BLOCK: usize = 128;
/// The highest degree of a polynomial kernel.
pub(super) const HIGHEST_DEGREE: u32 = 10;

/// Fitted support vector machines, one for each pair of classes that have rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Svm {
    pub(super) function: Function,
    /// The number of support vectors of each class; none for a class without training rows.
    pub(super) counts: Vec<usize>,
    /// Class by class, shape (support vectors, inputs).
    pub(super) vectors: Array2<f64>,
    /// `αy` of each support vector against each other class that has rows, shape (support vectors, present classes - 1).
    pub(super) coef: Array2<f64>,
    /// Of each pair, (0, 1), (0, 2) ... (1, 2) ...
    pub(super) intercepts: Vec<f64>,
    /// Of each pair, or none at all.
    pub(super) sigmoids: Vec<Sigmoid>,
    pub(super) converged: bool,
}

impl Svm {
    /// Whether every pair was solved to the tolerance before the iterations ran out; true of a model read from a file.
    pub fn converged(&self) -> bool {
        self.converged
    }

    /// The number of support vectors of each class.
    pub fn support(&self) -> &[usize] {
        &self.counts
    }

    /// The decision value of each pair of classes that have rows, shape (rows, pairs): above 0 for the first class. Pairs are
    /// ordered (0, 1), (0, 2) ... (1, 2) ..., as scikit-learn's `decision_function_shape="ovo"`.
    ///
    /// # Panics
    /// If `x` has another number of inputs than the examples had.
    pub fn decision(&self, x: &Array2<f64>) -> Array2<f64> {
        assert_eq!(x.ncols(), self.vectors.ncols(), "inputs");
        let lengths = squares(self.vectors.view());
        let mut out = Array2::zeros((x.nrows(), self.intercepts.len()));
        out.axis_chunks_iter_mut(Axis(0), BLOCK)
            .zip(x.axis_chunks_iter(Axis(0), BLOCK))
            .collect::<Vec<_>>()
            .into_par_iter()
            .for_each(|(mut out, x)| {
                let mut kernel = x.dot(&self.vectors.t());
                self.function.apply(&mut kernel, &squares(x), &lengths);
                out.assign(&self.decide(kernel.view()));
            });
        out
    }

    /// Decision values from the kernel of each row with each support vector.
    pub(super) fn decide(&self, kernel: ArrayView2<f64>) -> Array2<f64> {
        let present = self.present();
        let mut start = 0;
        let sums: Vec<Array2<f64>> = present
            .iter()
            .map(|&class| {
                let part = Slice::from(start..start + self.counts[class]);
                start += self.counts[class];
                kernel
                    .slice_axis(Axis(1), part)
                    .dot(&self.coef.slice_axis(Axis(0), part))
            })
            .collect();
        let mut out = Array2::zeros((kernel.nrows(), self.intercepts.len()));
        for ((mut column, (first, second)), intercept) in out
            .columns_mut()
            .into_iter()
            .zip(pairs(present.len()))
            .zip(&self.intercepts)
        {
            column.assign(&sums[first].column(second - 1));
            column += &sums[second].column(first);
            column += *intercept;
        }
        out
    }

    /// The votes of the pairs for each class, shape (rows, classes).
    pub(super) fn votes(&self, decision: &Array2<f64>) -> Array2<f64> {
        let present = self.present();
        let mut votes = Array2::zeros((decision.nrows(), self.counts.len()));
        for (mut votes, decision) in votes.rows_mut().into_iter().zip(decision.rows()) {
            for (&decision, (first, second)) in decision.iter().zip(pairs(present.len())) {
                votes[present[if decision > 0.0 { first } else { second }]] += 1.0;
            }
        }
        votes
    }

    /// The class most pairs vote for; of several, the lowest. This is scikit-learn's `predict`, and may differ from the most
    /// probable class.
    ///
    /// # Panics
    /// As [`Svm::decision`].
    pub fn predict(&self, x: &Array2<f64>) -> Vec<usize> {
        let votes = self.votes(&self.decision(x));
        votes.rows().into_iter().map(top).collect()
    }

    /// The probability of each class for each row, shape (rows, classes); where the machine was fitted without
    /// `probability`, the share of the pairs' votes.
    ///
    /// # Panics
    /// As [`Svm::decision`].
    pub fn predict_proba(&self, x: &Array2<f64>) -> Array2<f64> {
        let decision = self.decision(x);
        if self.sigmoids.is_empty() {
            return self.votes(&decision) / self.intercepts.len() as f64;
        }
        let present = self.present();
        let k = present.len();
        let mut out = Array2::zeros((x.nrows(), self.counts.len()));
        out.axis_iter_mut(Axis(0))
            .zip(decision.axis_iter(Axis(0)))
            .collect::<Vec<_>>()
            .into_par_iter()
            .for_each(|(mut out, decision)| {
                let mut r = vec![0.0; k * k];
                for ((&decision, sigmoid), (first, second)) in
                    decision.iter().zip(&self.sigmoids).zip(pairs(k))
                {
                    let p = sigmoid.probability(decision);
                    (r[first * k + second], r[second * k + first]) = (p, 1.0 - p);
                }
                for (&class, p) in present.iter().zip(couple(&r, k)) {
                    out[class] = p;
                }
            });
        out
    }

    /// The classes that have support vectors, in order.
    fn present(&self) -> Vec<usize> {
        (0..self.counts.len())
            .filter(|&class| self.counts[class] > 0)
            .collect()
    }

    pub(crate) fn shape(&self) -> (usize, usize) {
        (self.vectors.ncols(), self.counts.len())
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.tag(self.function.kind as u8);
        out.tag(self.function.degree as u8);
        out.exact(&[self.function.gamma, self.function.coef0]);
        out.whole(&self.counts.iter().map(|&count| count as u32).collect::<Vec<_>>());
        out.exact_matrix(&self.vectors);
        out.exact_matrix(&self.coef);
        out.exact(&self.intercepts);
        out.exact(&self.sigmoids.iter().flat_map(|s| [s.a, s.b]).collect::<Vec<_>>());
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<Svm> {
        let fault = || Error::Model("malformed support vector machine".to_owned());
        let kind = match input.tag()? {
            0 => Kernel::Linear,
            1 => Kernel::Rbf,
            2 => Kernel::Poly,
            _ => return Err(fault()),
        };
        let degree = u32::from(input.tag()?);
        let numbers = input.exact()?;
        let counts: Vec<usize> = input.whole()?.into_iter().map(|count| count as usize).collect();
        let (vectors, coef) = (input.exact_matrix()?, input.exact_matrix()?);
        let (intercepts, sigmoids) = (input.exact()?, input.exact()?);
        let [gamma, coef0] = numbers[..] else {
            return Err(fault());
        };
        let present = counts.iter().filter(|&&count| count > 0).count();
        let sound = (1..=HIGHEST_DEGREE).contains(&degree)
            && [&numbers, &intercepts, &sigmoids]
                .iter()
                .all(|list| list.iter().all(|v| v.is_finite()))
            && present >= 2
            && counts
                .iter()
                .try_fold(0usize, |sum, &count| sum.checked_add(count))
                == Some(vectors.nrows())
            && coef.dim() == (vectors.nrows(), present - 1)
            && intercepts.len() == present * (present - 1) / 2
            && (sigmoids.is_empty() || sigmoids.len() == 2 * intercepts.len());
        if !sound {
            return Err(fault());
        }
        let function = Function {
            kind,
            gamma,
            coef0,
            degree,
        };
        Ok(Svm {
            function,
            counts,
            vectors,
            coef,
            intercepts,
            sigmoids: sigmoids
                .as_chunks()
                .0
                .iter()
                .map(|&[a, b]| Sigmoid { a, b })
                .collect(),
            converged: true,
        })
    }
}

/// All pairs of `k` things.
pub(super) fn pairs(k: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..k).flat_map(move |first| (first + 1..k).map(move |second| (first, second)))
}
