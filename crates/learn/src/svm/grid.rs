//! Many parameters on one training set.

use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

use super::SvmParams;
use super::kernel::{Function, squares};
use super::train::{Fitted, Training};
use crate::metrics::top;
use crate::{Examples, Result};

/// Test rows decided at once.
const BLOCK: usize = 256;

/// Candidates that differ in `C` alone.
struct Family {
    function: Function,
    params: SvmParams,
    /// `C` and the number of each candidate, by increasing `C`.
    members: Vec<(f64, usize)>,
}

/// The class each candidate, fitted on `train`, takes each row of `test_x` for: one list per candidate, exactly as
/// [`SvmParams::fit`] and [`super::Svm::predict`] would give alone, whatever `probability` says.
///
/// Dot products are computed once for all candidates, a kernel matrix once for all that differ in `C` alone, and
/// candidates that mean the same (a linear kernel with another gamma) or whose solution no limit touches (the same
/// kernel with a larger `C`) are solved once. Runs on rayon's current pool.
///
/// # Errors
/// As [`SvmParams::fit`], for any of the candidates.
///
/// # Panics
/// If `test_x` has another number of inputs than the examples.
pub fn grid(train: &Examples, test_x: &Array2<f64>, candidates: &[SvmParams]) -> Result<Vec<Vec<usize>>> {
    candidates.iter().try_for_each(SvmParams::check)?;
    assert_eq!(test_x.ncols(), train.x().ncols(), "inputs");
    let training = Training::new(train);
    let mut answers = vec![Vec::new(); candidates.len()];
    for family in families(train, candidates) {
        let mut cs: Vec<f64> = family.members.iter().map(|&(c, _)| c).collect();
        cs.dedup();
        let matrix = training.matrix(&family.function)?;
        let fitted = training.fit(&family.params, &family.function, &matrix, &cs);
        drop(matrix);
        let predicted = predict(&training, &family.function, test_x, &fitted);
        for &(c, candidate) in &family.members {
            let which = cs.partition_point(|&other| other < c);
            answers[candidate].clone_from(&predicted[which]);
        }
    }
    Ok(answers)
}

fn families(train: &Examples, candidates: &[SvmParams]) -> Vec<Family> {
    let mut families: Vec<Family> = Vec::new();
    for (number, candidate) in candidates.iter().enumerate() {
        let function = candidate.function(train);
        // What neither changes the votes nor is told by the kernel is set to fixed values.
        let params = SvmParams {
            kernel: candidate.kernel,
            tol: candidate.tol,
            balanced: candidate.balanced,
            shrinking: candidate.shrinking,
            max_iter: candidate.max_iter,
            cache_mb: candidate.cache_mb,
            probability: false,
            ..SvmParams::default()
        };
        let member = (candidate.c, number);
        let same = families
            .iter_mut()
            .find(|family| family.function == function && family.params == params);
        match same {
            Some(family) => family.members.push(member),
            None => families.push(Family {
                function,
                params,
                members: vec![member],
            }),
        }
    }
    families
        .iter_mut()
        .for_each(|family| family.members.sort_by(|a, b| a.0.total_cmp(&b.0)));
    families
}

/// The votes of several machines with one kernel for each row.
fn predict(
    training: &Training<'_>,
    function: &Function,
    x: &Array2<f64>,
    fitted: &[Fitted],
) -> Vec<Vec<usize>> {
    let lengths = squares(training.x.view());
    let blocks: Vec<Vec<Vec<usize>>> = x
        .axis_chunks_iter(Axis(0), BLOCK)
        .collect::<Vec<_>>()
        .into_par_iter()
        .map(|x: ArrayView2<f64>| {
            let mut kernel = x.dot(&training.x.t());
            function.apply(&mut kernel, &squares(x), &lengths);
            let vote = |fitted: &Fitted| {
                let decision = fitted.svm.decide(kernel.select(Axis(1), &fitted.support).view());
                fitted.svm.votes(&decision).rows().into_iter().map(top).collect()
            };
            fitted.iter().map(vote).collect()
        })
        .collect();
    (0..fitted.len())
        .map(|which| {
            blocks
                .iter()
                .flat_map(|block| block[which].iter().copied())
                .collect()
        })
        .collect()
}
