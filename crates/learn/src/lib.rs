//! Learning from feature tables: inputs, scaling, classifiers, grouped validation, calibration, metrics,
//! model files, and recipes that make all of it reproducible.
//!
//! Every estimator has the same life cycle: `XParams` → `check` → `fit(&Examples)` → `X` →
//! `predict_proba`. Nothing here reads audio; rows come from `melisma-features` or from a table.

pub mod calibration;
pub mod classifier;
pub mod classify;
mod error;
mod examples;
mod files;
pub mod inputs;
pub mod kernel;
mod linalg;
pub mod logistic;
pub mod metrics;
mod model;
mod payload;
pub mod recipe;
mod report;
pub mod robustness;
pub mod scale;
pub mod voting;

pub use error::Error;
pub use examples::Examples;
pub use melisma_dataset::rng;
pub use model::{Header, Model, mean_prediction};
pub use recipe::Recipe;
pub use report::{Outcome, ResultRow};

/// The result of an operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// The model shipped with this version.
///
/// # Errors
/// As [`Model::shipped`].
pub fn shipped() -> Result<Model> {
    Model::shipped()
}

/// Turns rows of scores into probabilities; minus infinity becomes 0.
fn softmax_rows(scores: &mut ndarray::Array2<f64>) {
    for mut row in scores.rows_mut() {
        let top = row.fold(f64::NEG_INFINITY, |a, &b| a.max(b));
        row.mapv_inplace(|score| (score - top).exp());
        let sum = row.sum();
        row /= sum;
    }
}
