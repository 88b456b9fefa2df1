//! Steps, naive Bayes, penalties, stacking and calibration against scikit-learn's numbers (`tests/golden/steps.py`).

use melisma_learn::bayes::BayesParams;
use melisma_learn::calibration::{CalibrationKind, CalibrationParams};
use melisma_learn::classifier::ClassifierParams;
use melisma_learn::folds::FoldsParams;
use melisma_learn::logistic::{LogisticParams, Penalty};
use melisma_learn::select::{Method, SelectParams, elimination_curve, ranking};
use melisma_learn::stacking::StackingParams;
use melisma_learn::{Examples, StepParams};
use ndarray::{Array2, Axis};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/steps.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().flat_map(numbers).collect(),
        number => vec![number.as_f64().unwrap()],
    }
}

fn near(ours: impl IntoIterator<Item = f64>, theirs: &Value, tolerance: f64, what: &str) {
    let (ours, theirs) = (ours.into_iter().collect::<Vec<_>>(), numbers(theirs));
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (index, (a, b)) in ours.iter().zip(&theirs).enumerate() {
        assert!(
            (a - b).abs() <= tolerance * b.abs().max(1.0),
            "{what} {index}: {a} {b}"
        );
    }
}

/// Training rows and (stretched) test rows of the formula's table.
fn table() -> (Examples, Array2<f64>) {
    let x = Array2::from_shape_fn((90, 6), |(i, j)| {
        let (fi, fj) = (i as f64, j as f64);
        let value = (1.3 * fi + 2.1 * fj + 0.37 * fi * fj).sin() * (1.0 + fj);
        match j {
            4 => value.round_ties_even(),
            5 => 7.5,
            _ => value,
        }
    });
    let y: Vec<usize> = (0..90)
        .map(|i| (i * 7 / 5 + usize::from(x[[i, 0]] > 0.2) + usize::from(x[[i, 1]] > 0.9)) % 3)
        .collect();
    let (test, train): (Vec<usize>, Vec<usize>) = (0..90).partition(|i| i % 5 == 0);
    let examples = Examples::new(x, y, 3).unwrap();
    let stretched = examples.x().select(Axis(0), &test) * 1.2;
    (examples.subset(&train).unwrap(), stretched)
}

/// The same between 0 and 1, without the constant.
fn unit_table() -> (Examples, Array2<f64>) {
    let (train, test) = table();
    let scaler = step(r#"{"kind": "min_max"}"#).fit(&train).unwrap();
    let five = |x: Array2<f64>| scaler.transform(x).select(Axis(1), &[0, 1, 2, 3, 4]);
    let scaled = train.with_x(five(train.x().clone()), None).unwrap();
    (scaled, five(test))
}

fn step(json: &str) -> StepParams {
    serde_json::from_str(json).unwrap()
}

#[test]
fn scalers() {
    let (train, test) = table();
    for (name, json) in [
        ("min_max", r#"{"kind": "min_max"}"#),
        ("standard", r#"{"kind": "standard"}"#),
        ("robust", r#"{"kind": "robust"}"#),
        ("uniform", r#"{"kind": "quantile"}"#),
        ("normal", r#"{"kind": "quantile", "distribution": "normal"}"#),
        ("uniform_10", r#"{"kind": "quantile", "quantiles": 10}"#),
    ] {
        let scaled = step(json).fit(&train).unwrap().transform(test.clone());
        near(scaled, &golden()["scalers"][name], 1e-9, name);
    }
}

#[test]
fn projections() {
    let (train, test) = table();
    for (name, json) in [
        ("pca_3", r#"{"kind": "pca", "components": 3}"#),
        ("pca_share", r#"{"kind": "pca", "components": 0.7}"#),
        ("pca_white", r#"{"kind": "pca", "components": 2, "whiten": true}"#),
        ("lda", r#"{"kind": "lda"}"#),
        ("lda_1", r#"{"kind": "lda", "components": 1}"#),
    ] {
        let mut projected = step(json).fit(&train).unwrap().transform(test.clone());
        let theirs = golden()["projections"][name].clone();
        if name.starts_with("lda") {
            // scikit-learn leaves the sign to its singular value decomposition.
            for (column, first) in numbers(&theirs[0]).into_iter().enumerate() {
                let sign = first.signum() * projected[[0, column]].signum();
                projected.column_mut(column).mapv_inplace(|v| v * sign);
            }
        }
        near(projected, &theirs, 1e-8, name);
    }
}

#[test]
fn filters() {
    let (train, _) = table();
    let (unit, _) = unit_table();
    let golden = golden();
    let score = |examples: &Examples, method| {
        let mut ranked = ranking(examples, &SelectParams::new(method, Some(1))).unwrap();
        assert!(ranked.windows(2).all(|pair| pair[0].score >= pair[1].score));
        ranked.sort_by_key(|input| input.input);
        let ps: Vec<f64> = ranked.iter().filter_map(|input| input.p).collect();
        (
            ranked.into_iter().map(|input| input.score).collect::<Vec<_>>(),
            ps,
        )
    };
    let scaled = step(r#"{"kind": "min_max"}"#).fit(&train).unwrap();
    let whole_unit = train.with_x(scaled.transform(train.x().clone()), None).unwrap();
    let (chi2, p) = score(&whole_unit, Method::Chi2);
    near(chi2, &golden["filters"]["chi2"]["score"], 1e-10, "chi2");
    near(p, &golden["filters"]["chi2"]["p"], 1e-10, "chi2 p");
    let five = train
        .with_x(train.x().select(Axis(1), &[0, 1, 2, 3, 4]), None)
        .unwrap();
    let (f, p) = score(&five, Method::Anova);
    near(f, &golden["filters"]["anova"]["score"], 1e-10, "anova");
    near(p, &golden["filters"]["anova"]["p"], 1e-10, "anova p");
    let four = unit
        .with_x(unit.x().select(Axis(1), &[0, 1, 2, 3]), None)
        .unwrap();
    let (information, p) = score(&four, Method::MutualInformation);
    near(
        information,
        &golden["filters"]["mutual_information"],
        1e-9,
        "mutual information",
    );
    assert!(p.is_empty());
}

#[test]
fn wrappers() {
    let (unit, _) = unit_table();
    let golden = &golden()["wrappers"];
    let judge = ClassifierParams::Logistic(LogisticParams {
        max_iter: 20000,
        tol: 1e-8,
        ..LogisticParams::default()
    });
    for (name, method) in [
        ("rfe_2", Method::Recursive),
        ("forward_2", Method::Forward),
        ("backward_2", Method::Backward),
    ] {
        let params = SelectParams {
            classifier: Some(Box::new(judge.clone())),
            ..SelectParams::new(method, Some(2))
        };
        let kept = params.fit(&unit).unwrap();
        near(
            kept.kept().iter().map(|&input| input as f64),
            &golden[name],
            0.0,
            name,
        );
    }
    let curve = elimination_curve(&judge, &FoldsParams::default(), &unit).unwrap();
    near(
        curve.iter().map(|at| at.accuracy),
        &golden["rfecv_scores"],
        1e-12,
        "rfecv",
    );
    let chosen = SelectParams {
        classifier: Some(Box::new(judge)),
        ..SelectParams::new(Method::Recursive, None)
    };
    assert_eq!(
        chosen.fit(&unit).unwrap().kept().len(),
        1,
        "the first number of inputs is best"
    );
}

#[test]
fn naive_bayes() {
    let (train, test) = unit_table();
    for fit in golden()["bayes"].as_array().unwrap() {
        let smoothing = fit["smoothing"].as_f64().unwrap();
        let model = BayesParams { smoothing }.fit(&train).unwrap();
        near(model.predict_proba(&test), &fit["p"], 1e-9, "bayes");
    }
}

#[test]
fn penalties() {
    let (train, test) = unit_table();
    for fit in golden()["penalties"].as_array().unwrap() {
        let penalty: Penalty = serde_json::from_value(fit["penalty"].clone()).unwrap();
        let params = LogisticParams {
            c: fit["c"].as_f64().unwrap_or(f64::INFINITY),
            penalty,
            l1_ratio: fit["l1_ratio"].as_f64().unwrap(),
            max_iter: 20000,
            tol: 1e-9,
            ..LogisticParams::default()
        };
        let model = params.fit(&train).unwrap();
        let w = model.weights();
        let p = model.predict_proba(train.x());
        let loss: f64 = train
            .y()
            .iter()
            .enumerate()
            .map(|(row, &class)| -p[[row, class]].ln())
            .sum();
        let (sum, squares) = (w.mapv(f64::abs).sum(), w.iter().map(|w| w * w).sum::<f64>());
        let penalised = params.l1_ratio * sum + (1.0 - params.l1_ratio) / 2.0 * squares;
        let objective = loss
            + if params.c.is_finite() {
                penalised / params.c
            } else {
                0.0
            };
        let theirs = fit["objective"].as_f64().unwrap();
        assert!((objective - theirs).abs() < 1e-6 * theirs, "{fit} {objective}");
        near(model.predict_proba(&test), &fit["p"], 1e-4, "penalties");
        let zeros = w.iter().filter(|w| **w == 0.0).count() as u64;
        assert_eq!(zeros, fit["zeros"].as_u64().unwrap(), "{penalty:?}");
    }
}

#[test]
fn stacking() {
    let (train, test) = unit_table();
    let tight = LogisticParams {
        max_iter: 20000,
        tol: 1e-8,
        ..LogisticParams::default()
    };
    let members = vec![
        ClassifierParams::Bayes(BayesParams::default()),
        ClassifierParams::Logistic(tight.clone()),
    ];
    for fit in golden()["stacking"].as_array().unwrap() {
        let params = StackingParams {
            meta: tight.clone(),
            passthrough: fit["passthrough"].as_bool().unwrap(),
            ..StackingParams::new(members.clone())
        };
        let model = params.fit(&train).unwrap();
        near(model.predict_proba(&test), &fit["p"], 1e-4, "stacking");
        let again = params.fit_with(model.members().to_vec(), &train).unwrap();
        assert_eq!(again, model, "fitted members may be handed in");
    }
}

#[test]
fn calibration() {
    // Both columns are calibrated alike, each the mirror of the other, so that they still sum to 1.
    let p: Vec<f64> = (0..60)
        .map(|i| ((f64::from(i) * 1.7).sin() + 1.02) / 2.04)
        .collect();
    let own: Vec<usize> = (0..60)
        .map(|i| usize::from((f64::from(i) * 1.7 + (f64::from(i) * 3.1).cos()).sin() <= 0.1))
        .collect();
    let pair =
        |p: &[f64]| Array2::from_shape_fn((p.len(), 2), |(i, j)| if j == 0 { p[i] } else { 1.0 - p[i] });
    let examples = Examples::new(pair(&p), own, 2).unwrap();
    let golden = &golden()["calibration"];
    let sigmoid = CalibrationParams::new(CalibrationKind::Sigmoid).fit(&pair(&p), &examples);
    near(
        sigmoid.apply(pair(&p)).column(0).to_vec(),
        &golden["sigmoid"],
        1e-6,
        "sigmoid",
    );
    let grid: Vec<f64> = (0..21).map(|i| f64::from(i) / 20.0).collect();
    let isotonic = CalibrationParams::new(CalibrationKind::Isotonic).fit(&pair(&p), &examples);
    near(
        isotonic.apply(pair(&grid)).column(0).to_vec(),
        &golden["isotonic"],
        1e-9,
        "isotonic",
    );
}
