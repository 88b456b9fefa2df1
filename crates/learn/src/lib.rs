//! Learning from feature tables: steps, classifiers, ensembles, validation, calibration, metrics, explanation, model files.
//!
//! Every estimator has the same life cycle: `XParams` → `check` → `fit(&Examples)` → `X` →
//! `predict_proba`. Nothing here reads audio; rows come from `melisma-features` or from a table.

pub mod bayes;
pub mod boost;
pub mod calibration;
pub mod classifier;
pub mod classify;
pub mod combination;
mod eigen;
mod error;
mod examples;
pub mod explain;
mod files;
pub mod folds;
pub mod forest;
pub mod inputs;
pub mod kernel;
pub mod knn;
pub mod linalg;
pub mod logistic;
pub mod metrics;
mod model;
mod payload;
mod pipeline;
pub mod projection;
pub mod robustness;
pub mod scale;
pub mod select;
mod simd;
pub mod stacking;
mod step;
pub mod svm;
pub mod tree;
pub mod validation;
pub mod voting;

pub use error::Error;
pub use examples::Examples;
pub use files::cpu_seconds;
pub use melisma_dataset::rng;
pub use model::{Header, Model, Rows, mean_prediction};
pub use pipeline::{Pipeline, PipelineParams, fit_steps};
pub use step::{Step, StepParams};

/// The result of an operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// The model shipped with this version.
///
/// # Errors
/// As [`Model::shipped`].
pub fn shipped() -> Result<Model> {
    Model::shipped()
}

/// SHA-256 of parameters, as text.
fn hash_of(params: &impl serde::Serialize) -> Result<String> {
    let text = toml::Value::try_from(params).map_err(|error| Error::Params {
        estimator: "search",
        message: error.to_string(),
    })?;
    Ok(melisma_dataset::sha256_hex(text.to_string().as_bytes()))
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
