//! What a candidate's decisions rest on, from rows it was not fitted on.

use melisma_learn::explain::{Attributions, Unit, of_pipeline};
use melisma_learn::rng::Rng;
use melisma_learn::validation::Held;
use melisma_learn::{Examples, Result};
use ndarray::{Array2, Axis};
use serde::Serialize;

use crate::data::Data;
use crate::fit::Fitted;
use crate::protocol::Protocol;
use crate::recipe::Candidate;

/// Most test rows explained where that is quick (trees, linear models), and where it is not.
const QUICK_ROWS: usize = 300;
const SLOW_ROWS: usize = 40;
/// Training rows that stand for "unknown".
const BACKGROUND: usize = 30;

/// Importance of each input for each class, and the rows behind it.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// The candidate.
    pub name: String,
    /// The protocol whose test rows were explained.
    pub protocol: Protocol,
    /// How: `tree`, `linear` or `kernel`.
    pub method: &'static str,
    /// What is shared out: `probability` or `margin`.
    pub unit: &'static str,
    /// The inputs, the most important first.
    pub inputs: Vec<String>,
    /// Mean absolute SHAP value of each input for each class, in the order of `inputs` and of the labels.
    pub importance: Vec<Vec<f64>>,
    /// The number of rows explained.
    pub rows: usize,
    /// The largest distance of base and shares from the output.
    pub additivity_error: f64,
    /// Shares, in the order of `inputs`.
    #[serde(skip)]
    pub attributions: Attributions,
    /// The inputs' values, shape (rows, inputs), in the order of `inputs`.
    #[serde(skip)]
    pub x: Array2<f64>,
    /// Probabilities of the rows.
    #[serde(skip)]
    pub probabilities: Array2<f64>,
    /// Their classes.
    #[serde(skip)]
    pub truth: Vec<usize>,
}

/// Explains a sample of the test rows.
///
/// # Errors
/// As the explanation of a pipeline.
pub(crate) fn explain(
    candidate: &Candidate,
    fitted: &Fitted,
    train: &Examples,
    test: &Held,
    data: &Data,
    protocol: Protocol,
    seed: u64,
) -> Result<Explanation> {
    let mut rng = Rng::new(seed);
    let sample = |rng: &mut Rng, from: usize, most: usize| {
        let mut rows = rng.sample(from, most.min(from));
        rows.sort_unstable();
        rows
    };
    let background = train
        .x()
        .select(Axis(0), &sample(&mut rng, train.y().len(), BACKGROUND));
    let quick = melisma_learn::explain::is_quick(&fitted.pipeline);
    let most = if quick { QUICK_ROWS } else { SLOW_ROWS };
    let rows = sample(&mut rng, test.truth().len(), most);
    let x = test.x().select(Axis(0), &rows);
    let explained = of_pipeline(&fitted.pipeline, &background, &x, seed)?;
    let before: Vec<String> = (0..train.x().ncols()).map(|input| train.name(input)).collect();
    let names = fitted.pipeline.names(&before);
    let importance = explained.attributions.importance();
    let total = importance.sum_axis(Axis(1));
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_by(|&a, &b| total[b].total_cmp(&total[a]));
    let gap = &explained.attributions.output() - &explained.output;
    let additivity_error = gap
        .iter()
        .filter(|gap| gap.is_finite())
        .fold(0.0f64, |largest, gap| largest.max(gap.abs()));
    Ok(Explanation {
        name: candidate.name.clone(),
        protocol,
        method: explained.method,
        unit: match explained.unit {
            Unit::Probability => "probability",
            Unit::Margin => "margin",
        },
        inputs: order.iter().map(|&input| names[input].clone()).collect(),
        importance: order
            .iter()
            .map(|&input| {
                (0..data.labels.len())
                    .map(|class| importance[[input, class]])
                    .collect()
            })
            .collect(),
        rows: rows.len(),
        additivity_error,
        attributions: Attributions {
            values: explained.attributions.values.select(Axis(1), &order),
            base: explained.attributions.base,
        },
        x: fitted.pipeline.transform(&x).select(Axis(1), &order),
        probabilities: fitted.pipeline.predict_proba(&x),
        truth: rows.iter().map(|&row| test.truth()[row]).collect(),
    })
}
