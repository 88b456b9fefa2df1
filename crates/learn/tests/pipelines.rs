//! Pipelines as a recipe uses them: laws of the scalers, nothing learned from held-out rows, bad tables.

use std::sync::Arc;

use melisma_learn::classifier::ClassifierParams;
use melisma_learn::metrics::{accuracy, log_loss};
use melisma_learn::rng::Rng;
use melisma_learn::select::permutation_importance;
use melisma_learn::stacking::StackingParams;
use melisma_learn::{Examples, Pipeline, PipelineParams, StepParams};
use ndarray::Array2;
use proptest::prelude::*;

fn step(json: &str) -> StepParams {
    serde_json::from_str(json).unwrap()
}

fn pipeline(json: &str) -> PipelineParams {
    serde_json::from_str(json).unwrap()
}

fn noise(rows: usize, inputs: usize, seed: u64) -> Array2<f64> {
    let mut rng = Rng::new(seed);
    Array2::from_shape_fn((rows, inputs), |_| rng.below(1 << 20) as f64 / f64::from(1 << 20))
}

fn mean_certainty(p: &Array2<f64>) -> f64 {
    let tops = p.rows().into_iter().map(|row| row.fold(0.0f64, |a, &b| a.max(b)));
    tops.sum::<f64>() / p.nrows() as f64
}

proptest! {
    #[test]
    fn units_do_not_matter(values in prop::collection::vec(-100.0..100.0f64, 20), factor in 0.01..100.0f64, shift in -50.0..50.0f64) {
        let x = Array2::from_shape_vec((10, 2), values).unwrap();
        let other = &x * factor + shift;
        let y: Vec<usize> = (0..10).map(|i| i % 2).collect();
        let (a, b) = (Examples::new(x, y.clone(), 2).unwrap(), Examples::new(other, y, 2).unwrap());
        for json in [r#"{"kind": "min_max"}"#, r#"{"kind": "standard"}"#, r#"{"kind": "robust"}"#] {
            let scaled = |examples: &Examples| step(json).fit(examples).unwrap().transform(examples.x().clone());
            for (a, b) in scaled(&a).iter().zip(&scaled(&b)) {
                prop_assert!((a - b).abs() < 1e-6 * (1.0 + a.abs()), "{} {} {}", json, a, b);
            }
        }
    }

    #[test]
    fn ranks_see_order_alone(values in prop::collection::vec(-5.0..5.0f64, 30)) {
        let x = Array2::from_shape_vec((15, 2), values).unwrap();
        let bent = x.mapv(f64::exp);
        let y: Vec<usize> = (0..15).map(|i| i % 2).collect();
        let (a, b) = (Examples::new(x, y.clone(), 2).unwrap(), Examples::new(bent, y, 2).unwrap());
        let ranks = |examples: &Examples| {
            step(r#"{"kind": "quantile"}"#).fit(examples).unwrap().transform(examples.x().clone())
        };
        for (a, b) in ranks(&a).iter().zip(&ranks(&b)) {
            prop_assert!((a - b).abs() < 1e-9 && (0.0..=1.0).contains(a));
        }
    }
}

#[test]
fn stacking_learns_nothing_from_a_row_s_own_prediction() {
    // Labels by chance, and a member that knows every row it has seen by heart.
    let mut rng = Rng::new(3);
    let y: Vec<usize> = (0..60).map(|_| rng.below(2)).collect();
    let examples = Examples::new(noise(60, 3, 5), y, 2).unwrap();
    let memory: ClassifierParams = serde_json::from_str(
        r#"{"kind": "kernel_ridge", "gamma": 10000.0, "lambda": 1e-6, "shrinkage": 0.1, "landmarks": 1000, "sharpness": 8.0, "seed": 0}"#,
    )
    .unwrap();
    let by_heart = memory.fit(&examples).unwrap().predict_proba(examples.x());
    assert!(
        log_loss(&by_heart, examples.y()) < 0.01,
        "or the test would show nothing"
    );
    let stack = StackingParams::new(vec![memory]).fit(&examples).unwrap();
    let p = stack.predict_proba(examples.x());
    assert!(log_loss(&p, examples.y()) > 0.6, "{}", log_loss(&p, examples.y()));
}

#[test]
fn selection_and_calibration_see_training_rows_alone() {
    // Of a thousand inputs of noise a few fit any labels; only rows that had no say in choosing them tell.
    let y: Vec<usize> = (0..40).map(|i| i % 2).collect();
    let examples = Examples::new(noise(40, 1000, 9), y, 2).unwrap();
    let json = |calibration: &str| {
        format!(
            r#"{{"steps": [{{"kind": "select", "method": "anova", "keep": 10}}], "classifier": {{"kind": "logistic", "c": 10.0}}{calibration}}}"#
        )
    };
    let plain = pipeline(&json(""))
        .fit(&examples)
        .unwrap()
        .predict_proba(examples.x());
    assert!(accuracy(&plain, examples.y()) > 0.9 && mean_certainty(&plain) > 0.85);
    for kind in ["temperature", "sigmoid"] {
        let calibration = format!(r#", "calibration": {{"kind": "{kind}"}}"#);
        let honest = pipeline(&json(&calibration)).fit(&examples).unwrap();
        let certainty = mean_certainty(&honest.predict_proba(examples.x()));
        assert!(certainty < 0.7, "{kind} {certainty}");
    }
}

/// Two inputs that tell the classes, one that tells nothing and one that never changes.
fn useful(rows: usize) -> Examples {
    let mut x = noise(rows, 4, 1);
    let y: Vec<usize> = (0..rows).map(|i| i % 3).collect();
    for (mut row, &class) in x.rows_mut().into_iter().zip(&y) {
        row[0] += class as f64;
        row[1] -= 0.5 * class as f64;
        row[3] = 2.0;
    }
    let names: Arc<[String]> = ["first", "second", "noise", "constant"].map(String::from).into();
    Examples::new(x, y, 3).unwrap().with_names(names).unwrap()
}

const ALL: &str = r#"{"steps": [{"kind": "min_max"}], "classifier": {"kind": "stacking", "members": [
    {"kind": "bayes", "smoothing": 1e-6}, {"kind": "logistic"}]}, "calibration": {"kind": "isotonic"}}"#;

#[test]
fn the_number_of_threads_changes_nothing() {
    let (train, test) = (useful(60), useful(30));
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let fitted: Pipeline = pipeline(ALL).fit(&train).unwrap();
            let importance = permutation_importance(&fitted, &test, 4, 1).unwrap();
            (fitted, importance)
        })
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn shuffling_what_matters_costs_most() {
    let fitted = pipeline(ALL).fit(&useful(90)).unwrap();
    let importance = permutation_importance(&fitted, &useful(60), 5, 0).unwrap();
    assert_eq!(importance[0].name, "first");
    assert!(importance[0].mean > 0.2, "{importance:?}");
    let constant = importance.iter().find(|input| input.name == "constant").unwrap();
    assert_eq!((constant.mean, constant.deviation), (0.0, 0.0));
    assert!(permutation_importance(&fitted, &useful(60), 0, 0).is_err());
}

#[test]
fn bad_tables_are_named_or_give_numbers() {
    let said = |json: &str, examples: &Examples| pipeline(json).fit(examples).unwrap_err().to_string();
    let logistic = r#""classifier": {"kind": "logistic"}"#;
    let few = useful(4);
    assert!(said(ALL, &few).contains("5 folds of 4 rows"));
    let grouped = r#"{"classifier": {"kind": "stacking", "members": [{"kind": "bayes"}], "by": "groups"}}"#;
    assert!(said(grouped, &few).contains("no groups"));
    let rare = few.clone().with_groups(vec![0, 0, 1, 1]).unwrap();
    assert!(said(grouped, &rare).contains("5 folds of 2 groups"));
    let flat = Examples::new(Array2::from_elem((6, 2), 3.0), vec![0, 1, 0, 1, 0, 1], 2).unwrap();
    let with = |step: &str| format!(r#"{{"steps": [{step}], {logistic}}}"#);
    assert!(said(&with(r#"{"kind": "pca", "components": 1}"#), &flat).contains("no input varies"));
    assert!(said(&with(r#"{"kind": "lda"}"#), &flat).contains("no input varies within"));
    let lasso = with(r#"{"kind": "select", "method": "lasso"}"#);
    assert!(said(&lasso, &flat).contains("no input a weight"));
    let bayes = r#"{"kind": "select", "method": "importance", "keep": 1, "classifier": {"kind": "bayes"}}"#;
    assert!(said(&with(bayes), &flat).contains("no importances"));
    let constant =
        ["min_max", "standard", "robust", "quantile"].map(|kind| with(&format!(r#"{{"kind": "{kind}"}}"#)));
    for json in &constant {
        let p = pipeline(json).fit(&flat).unwrap().predict_proba(flat.x());
        assert!(p.iter().all(|p| (p - 0.5).abs() < 1e-6), "{json} {p}");
    }
    // A class with one row is absent from all folds but one; a class without rows has probability 0.
    let mut y: Vec<usize> = (0..20).map(|i| i % 2).collect();
    y[7] = 2;
    let rare = Examples::new(noise(20, 2, 2), y, 4).unwrap();
    let p = pipeline(ALL).fit(&rare).unwrap().predict_proba(rare.x());
    assert!(p.iter().all(|p| p.is_finite()) && p.column(3).sum() == 0.0, "{p}");
}

#[test]
fn parameters_are_refused_with_their_step() {
    for (json, said) in [
        (
            r#"{"kind": "select", "method": "anova"}"#,
            "select: this method needs a number",
        ),
        (
            r#"{"kind": "select", "method": "chi2", "keep": 0}"#,
            "select: keep is 0",
        ),
        (
            r#"{"kind": "quantile", "quantiles": 1}"#,
            "quantile: quantiles is 1",
        ),
        (r#"{"kind": "pca", "components": 1.5}"#, "pca: components is"),
        (r#"{"kind": "lda", "components": 0}"#, "lda: components is 0"),
        (r#"{"kind": "standard", "limit": -1.0}"#, "standard: limit is -1"),
    ] {
        let json = format!(r#"{{"steps": [{json}], "classifier": {{"kind": "bayes"}}}}"#);
        let error = pipeline(&json).check().unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    let deep = r#"{"classifier": {"kind": "voting", "members": [{"kind": "stacking", "members": [
        {"kind": "voting", "members": [{"kind": "bayes"}]}]}]}}"#;
    assert!(
        pipeline(deep)
            .check()
            .unwrap_err()
            .to_string()
            .contains("voting: ensembles nested too deep")
    );
    assert!(serde_json::from_str::<StepParams>(r#"{"kind": "min_max", "clop": true}"#).is_err());
}
