//! Logistic regression against scikit-learn's probabilities (`tests/golden/logistic.py`).

use std::collections::BTreeSet;
use std::path::Path;

use melisma_dataset::{Genre, Gtzan, GtzanTable, Part, TrackId};
use melisma_learn::Examples;
use melisma_learn::logistic::LogisticParams;
use melisma_learn::scale::StandardParams;
use ndarray::{Array2, Axis};
use serde_json::Value;

/// The data folder `build.rs` found.
const DATA: Option<&str> = option_env!("MELISMA_TEST_DATA");

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/logistic.json")).unwrap()
}

fn compare(examples: &Examples, test: &Array2<f64>, fit: &Value) {
    let (c, balanced) = (fit["c"].as_f64().unwrap(), fit["balanced"].as_bool().unwrap());
    let params = LogisticParams {
        c,
        balanced,
        max_iter: 5000,
        tol: 1e-8,
        ..LogisticParams::default()
    };
    let p = params.fit(examples).unwrap().predict_proba(test);
    for (row, expected) in p.rows().into_iter().zip(fit["p"].as_array().unwrap()) {
        for (p, expected) in row.iter().zip(expected.as_array().unwrap()) {
            let expected = expected.as_f64().unwrap();
            assert!(
                (p - expected).abs() < 1e-4,
                "C {c}, balanced {balanced}: {p} {expected}"
            );
        }
    }
    assert_eq!(p.nrows(), fit["p"].as_array().unwrap().len());
}

#[test]
fn formula() {
    let x = Array2::from_shape_fn((60, 4), |(i, j)| {
        let (i, j) = (i as f64, j as f64);
        (1.3 * i + 2.1 * j + 0.37 * i * j).sin()
    });
    let y = (0..60)
        .map(|i| (i * 7 / 5 + usize::from(x[[i, 0]] > 0.2)) % 3)
        .collect();
    let test = x.select(Axis(0), &(0..60).step_by(6).collect::<Vec<_>>());
    let examples = Examples::new(x, y, 3).unwrap();
    for fit in golden()["formula"].as_array().unwrap() {
        compare(&examples, &test, fit);
    }
}

#[test]
#[cfg_attr(
    not(melisma_data),
    ignore = "needs the data folder (../shared/data or MELISMA_DATA)"
)]
fn table() {
    let gtzan = Gtzan::open(Path::new(DATA.expect("ignored without data"))).unwrap();
    let table = gtzan.table(GtzanTable::Seconds30).unwrap();
    let train: BTreeSet<TrackId> = gtzan
        .filtered(Part::Train)
        .unwrap()
        .intersection(&gtzan.clean_tracks())
        .cloned()
        .collect();
    let rows: Vec<usize> = (0..table.len())
        .filter(|&row| train.contains(&TrackId::of_row(&table.filenames[row])))
        .collect();
    let matrix = |rows: &[usize]| {
        Array2::from_shape_vec((rows.len(), table.columns.len()), table.select_rows(rows).values).unwrap()
    };
    let genre = |row: &usize| {
        table.labels.as_ref().unwrap()[*row]
            .parse::<Genre>()
            .unwrap()
            .index()
    };
    let examples = Examples::new(matrix(&rows), rows.iter().map(genre).collect(), 10).unwrap();
    let scaler = StandardParams { limit: f64::INFINITY }.fit(&examples).unwrap();
    let golden = golden();
    let wanted: Vec<&str> = golden["table"]["filenames"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    let test: Vec<usize> = (0..table.len())
        .filter(|&row| wanted.contains(&table.filenames[row].as_str()))
        .collect();
    let test = scaler.transform(matrix(&test));
    let scaled = Examples::new(scaler.transform(examples.x().clone()), examples.y().to_vec(), 10).unwrap();
    for fit in golden["table"]["fits"].as_array().unwrap() {
        compare(&scaled, &test, fit);
    }
}
