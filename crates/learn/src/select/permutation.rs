//! Permutation importance: what a model loses when an input tells it nothing.

use rayon::prelude::*;
use serde::Serialize;

use crate::rng::Rng;
use crate::{Error, Examples, Pipeline, Result};

/// An input's permutation importance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PermutationImportance {
    /// The input's number.
    pub input: usize,
    /// Its name.
    pub name: String,
    /// The accuracy lost when its values are shuffled among the rows, mean over the repeats; negative when nothing is.
    pub mean: f64,
    /// The standard deviation over the repeats.
    pub deviation: f64,
}

/// The importance of each input of a fitted pipeline, before its steps, on rows it has not seen (Breiman, "Random forests",
/// 2001; `sklearn.inspection.permutation_importance`), the most important first.
///
/// Shuffles are drawn from `seed` for each input and repeat.
///
/// # Errors
/// [`Error::Params`] for no repeats; [`Error::Row`] when the rows have other inputs than the pipeline.
pub fn permutation_importance(
    pipeline: &Pipeline,
    held_out: &Examples,
    repeats: usize,
    seed: u64,
) -> Result<Vec<PermutationImportance>> {
    if repeats == 0 {
        return Err(Error::Params {
            estimator: "permutation importance",
            message: "repeats is 0".to_owned(),
        });
    }
    let width = held_out.x().ncols();
    if width != pipeline.shape().0 {
        let message = format!("{width} inputs where the pipeline has {}", pipeline.shape().0);
        return Err(Error::Row(message));
    }
    let accuracy = |x: &ndarray::Array2<f64>| {
        let predicted = pipeline.predict(x);
        let right = predicted.iter().zip(held_out.y()).filter(|(a, b)| a == b).count();
        right as f64 / held_out.y().len() as f64
    };
    let whole = accuracy(held_out.x());
    let start = Rng::new(seed).next_u64();
    let mut all: Vec<PermutationImportance> = (0..width)
        .into_par_iter()
        .map(|input| {
            let mut rng = Rng::new(start ^ (input as u64).wrapping_mul(0xD6E8_FEB8_6659_FD93));
            let mut x = held_out.x().clone();
            let mut values = x.column(input).to_vec();
            let losses: Vec<f64> = (0..repeats)
                .map(|_| {
                    rng.shuffle(&mut values);
                    x.column_mut(input)
                        .iter_mut()
                        .zip(&values)
                        .for_each(|(x, v)| *x = *v);
                    whole - accuracy(&x)
                })
                .collect();
            let mean = losses.iter().sum::<f64>() / repeats as f64;
            let squares: f64 = losses.iter().map(|loss| (loss - mean).powi(2)).sum();
            PermutationImportance {
                input,
                name: held_out.name(input),
                mean,
                deviation: (squares / repeats as f64).sqrt(),
            }
        })
        .collect();
    all.sort_by(|a, b| b.mean.total_cmp(&a.mean));
    Ok(all)
}
