//! Accuracies on the published test rows of GTZAN's 10-second table, against scikit-learn's on the same rows.

use std::path::Path;

use melisma_dataset::{Genre, Gtzan, GtzanTable, Table};
use melisma_learn::metrics::accuracy;
use melisma_learn::{Examples, PipelineParams};
use ndarray::Array2;

/// The data folder `build.rs` found.
const DATA: Option<&str> = option_env!("MELISMA_TEST_DATA");

fn examples(table: &Table, rows: &[usize]) -> Examples {
    let values = table.select_rows(rows).values;
    let x = Array2::from_shape_vec((rows.len(), table.columns.len()), values).unwrap();
    let labels = table.labels.as_ref().unwrap();
    let y = rows
        .iter()
        .map(|&row| labels[row].parse::<Genre>().unwrap().index());
    Examples::new(x, y.collect(), 10).unwrap()
}

#[test]
#[cfg_attr(
    not(melisma_data),
    ignore = "needs the data folder (../shared/data or MELISMA_DATA)"
)]
fn naive_bayes_and_logistic_regression() {
    let gtzan = Gtzan::open(Path::new(DATA.expect("ignored without data"))).unwrap();
    let table = gtzan.table(GtzanTable::Seconds10).unwrap();
    let random = gtzan.random_test_rows(GtzanTable::Seconds10).unwrap();
    let grouped = gtzan.grouped_test_rows(GtzanTable::Seconds10).unwrap();
    // Naive Bayes is exact. An unpenalised logistic regression depends on where it stops: scikit-learn's own solvers differ by
    // a point here.
    for (classifier, allowed, theirs) in [
        (r#"{"kind": "bayes", "smoothing": 1e-6}"#, 0.001, [0.538, 0.503]),
        (
            r#"{"kind": "logistic", "penalty": "none", "tol": 1e-4}"#,
            0.015,
            [0.770, 0.670],
        ),
    ] {
        let json = format!(r#"{{"steps": [{{"kind": "min_max"}}], "classifier": {classifier}}}"#);
        let params: PipelineParams = serde_json::from_str(&json).unwrap();
        for (test, theirs) in [&random, &grouped].into_iter().zip(theirs) {
            let (test, train): (Vec<usize>, Vec<usize>) =
                (0..table.len()).partition(|&row| test.contains(&table.filenames[row]));
            let (train, test) = (examples(&table, &train), examples(&table, &test));
            let ours = accuracy(&params.fit(&train).unwrap().predict_proba(test.x()), test.y());
            assert!((ours - theirs).abs() <= allowed, "{classifier} {ours} {theirs}");
        }
    }
}
