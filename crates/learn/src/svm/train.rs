//! From examples to fitted machines: one problem for each pair of classes.

use ndarray::{Array2, Axis};
use rayon::prelude::*;

use super::SvmParams;
use super::kernel::{Dots, Function, Gram, Points};
use super::model::{Svm, pairs};
use super::platt::{Sigmoid, calibrate};
use super::rows::{Rows, Source};
use super::smo::{Problem, Solution, solve};
use crate::rng::Rng;
use crate::{Examples, Result};

/// A kernel matrix of up to this size is computed whole.
const LARGEST_GRAM: usize = 200 << 20;

/// Examples sorted by class.
pub(super) struct Training<'a> {
    examples: &'a Examples,
    /// The classes that have rows.
    present: Vec<usize>,
    /// Where each present class starts, and where the last ends.
    starts: Vec<usize>,
    pub(super) x: Array2<f64>,
    /// The group of each row.
    groups: Vec<usize>,
    dots: Option<Dots>,
}

/// The kernel matrix of a training set, or what it is computed from.
pub(super) enum Matrix {
    Gram(Gram),
    Points(Points),
}

/// A machine and the sorted training rows that are its support vectors.
pub(super) struct Fitted {
    pub(super) svm: Svm,
    pub(super) support: Vec<usize>,
}

impl<'a> Training<'a> {
    pub(super) fn new(examples: &'a Examples) -> Training<'a> {
        let mut order: Vec<usize> = (0..examples.y().len()).collect();
        order.sort_by_key(|&row| examples.y()[row]);
        let present = examples.present();
        let counts = examples.counts();
        let mut starts = vec![0];
        present
            .iter()
            .for_each(|&class| starts.push(starts[starts.len() - 1] + counts[class]));
        let groups = match examples.groups() {
            Some(groups) => order.iter().map(|&row| groups[row]).collect(),
            None => order.clone(),
        };
        let x = examples.x().select(Axis(0), &order);
        let whole = size_of::<f32>()
            .saturating_mul(order.len())
            .saturating_mul(order.len())
            <= LARGEST_GRAM;
        Training {
            examples,
            present,
            starts,
            dots: whole.then(|| Dots::new(&x)),
            x,
            groups,
        }
    }

    /// # Errors
    /// [`crate::Error::Examples`] when a kernel value is too large.
    pub(super) fn matrix(&self, function: &Function) -> Result<Matrix> {
        Ok(match &self.dots {
            Some(dots) => Matrix::Gram(Gram::new(dots, function)?),
            None => Matrix::Points(Points::new(&self.x, function)?),
        })
    }

    /// Fits machines that differ in `C` alone; `cs` increase.
    pub(super) fn fit(
        &self,
        params: &SvmParams,
        function: &Function,
        matrix: &Matrix,
        cs: &[f64],
    ) -> Vec<Fitted> {
        let all: Vec<(usize, usize)> = pairs(self.present.len()).collect();
        let room = (params.cache_mb << 20) / rayon::current_num_threads();
        let solved: Vec<Vec<(Solution, Option<Sigmoid>)>> = all
            .par_iter()
            .enumerate()
            .map(|(number, &pair)| {
                let source = match matrix {
                    Matrix::Gram(gram) => Source::Gram(gram),
                    Matrix::Points(points) => Source::Points(points, function),
                };
                self.fit_pair(params, source, pair, number as u64, cs, room)
            })
            .collect();
        (0..cs.len())
            .map(|at| {
                let solutions: Vec<_> = solved.iter().map(|of_pair| &of_pair[at]).collect();
                self.assemble(function, &solutions)
            })
            .collect()
    }

    /// The sorted rows of a pair: those of the first class, then those of the second.
    fn rows_of(&self, (first, second): (usize, usize)) -> Vec<usize> {
        let of = |class: usize| self.starts[class]..self.starts[class + 1];
        of(first).chain(of(second)).collect()
    }

    fn fit_pair(
        &self,
        params: &SvmParams,
        source: Source<'_>,
        pair: (usize, usize),
        number: u64,
        cs: &[f64],
        room: usize,
    ) -> Vec<(Solution, Option<Sigmoid>)> {
        let at = self.rows_of(pair);
        let boundary = self.starts[pair.0 + 1] - self.starts[pair.0];
        let y: Vec<f64> = (0..at.len())
            .map(|row| if row < boundary { 1.0 } else { -1.0 })
            .collect();
        let groups: Vec<usize> = at.iter().map(|&row| self.groups[row]).collect();
        let weights = self.class_weights(params.balanced);
        let mut rows = Rows::new(source, at, room);
        let mut solved: Vec<(Solution, Option<Sigmoid>)> = Vec::with_capacity(cs.len());
        for &c in cs {
            // A solution that no limit touched is the solution for every larger limit.
            if let Some((last, None)) = solved.last()
                && !last.bounded
            {
                solved.push((last.clone(), None));
                continue;
            }
            let limit = |&y: &f64| c * weights[if y > 0.0 { pair.0 } else { pair.1 }];
            let c: Vec<f64> = y.iter().map(limit).collect();
            let problem = Problem {
                y: &y,
                c: &c,
                tol: params.tol,
                max_iter: params.max_iter,
                shrinking: params.shrinking,
            };
            let solution = solve(&mut rows, &problem);
            let sigmoid = params.probability.then(|| {
                // Neighbouring seeds give unrelated numbers, and every pair has its own.
                let mut rng = Rng::new(Rng::new(params.seed).next_u64() ^ number);
                calibrate(&mut rows, &problem, &groups, params.folds, &mut rng)
            });
            solved.push((solution, sigmoid));
        }
        solved
    }

    fn class_weights(&self, balanced: bool) -> Vec<f64> {
        let rows = self.x.nrows() as f64;
        let count = |at: usize| (self.starts[at + 1] - self.starts[at]) as f64;
        let present = self.present.len();
        (0..present)
            .map(|at| {
                if balanced {
                    rows / (present as f64 * count(at))
                } else {
                    1.0
                }
            })
            .collect()
    }

    fn assemble(&self, function: &Function, solved: &[&(Solution, Option<Sigmoid>)]) -> Fitted {
        let k = self.present.len();
        let mut coef = Array2::zeros((self.x.nrows(), k - 1));
        for (pair, (solution, _)) in pairs(k).zip(solved) {
            let boundary = self.starts[pair.0 + 1] - self.starts[pair.0];
            for (at, (row, &value)) in self.rows_of(pair).into_iter().zip(&solution.coef).enumerate() {
                coef[[row, if at < boundary { pair.1 - 1 } else { pair.0 }]] = value;
            }
        }
        let used = |row: &usize| coef.row(*row).iter().any(|&value| value != 0.0);
        let support: Vec<usize> = (0..self.x.nrows()).filter(used).collect();
        let mut counts = vec![0; self.examples.classes()];
        for &row in &support {
            counts[self.present[self.starts.partition_point(|&start| start <= row) - 1]] += 1;
        }
        let svm = Svm {
            function: *function,
            counts,
            vectors: self.x.select(Axis(0), &support),
            coef: coef.select(Axis(0), &support),
            intercepts: solved.iter().map(|(solution, _)| solution.intercept).collect(),
            sigmoids: solved.iter().filter_map(|(_, sigmoid)| *sigmoid).collect(),
            converged: solved.iter().all(|(solution, _)| solution.converged),
        };
        Fitted { svm, support }
    }
}
