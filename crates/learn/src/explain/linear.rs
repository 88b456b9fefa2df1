//! Shapley values of logistic regression's margins.
//!
//! For a linear function whose other inputs are drawn from a background independently of the explained row, they are
//! `weight · (value - mean of the background)` (Lundberg and Lee 2017, corollary 1).

use ndarray::{Array2, Array3, ArrayView1};

use super::Attributions;
use crate::logistic::Logistic;
use crate::{Error, Result};

/// The shares of each input in each class's margin (the score before the softmax), for rows `x` of shape (rows, inputs) against
/// the `mean` of the background rows, both scaled as the classifier is used to.
///
/// # Errors
/// [`Error::Row`] when rows or mean have another number of inputs than the classifier.
pub fn shap(model: &Logistic, mean: ArrayView1<'_, f64>, x: &Array2<f64>) -> Result<Attributions> {
    let (weights, intercepts) = (model.weights(), model.intercepts());
    let (inputs, classes) = weights.dim();
    if mean.len() != inputs || x.ncols() != inputs {
        return Err(Error::Row(format!(
            "rows have {} inputs and the background {}, the classifier {inputs}",
            x.ncols(),
            mean.len()
        )));
    }
    let values = Array3::from_shape_fn((x.nrows(), inputs, classes), |(row, input, class)| {
        weights[[input, class]] * (x[[row, input]] - mean[input])
    });
    let at_mean = mean.dot(weights);
    let base = at_mean
        .iter()
        .zip(intercepts)
        .map(|(score, intercept)| score + intercept);
    Ok(Attributions {
        values,
        base: base.collect(),
    })
}
