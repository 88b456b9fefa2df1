//! Nearest neighbours and support vector machines against scikit-learn (`tests/golden/neighbours_svm.py`).

use melisma_learn::classifier::ClassifierParams;
use melisma_learn::knn::KnnParams;
use melisma_learn::svm::SvmParams;
use melisma_learn::{Examples, metrics};
use ndarray::{Array2, Axis};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/neighbours_svm.json")).unwrap()
}

fn x() -> Array2<f64> {
    let mut x = Array2::from_shape_fn((90, 5), |(i, j)| {
        let own = f64::from(u8::from(i % 3 == j % 3));
        let (i, j) = (i as f64, j as f64);
        (1.3 * i + 2.1 * j + 0.37 * i * j).sin() + 0.4 * own
    });
    for row in 30..36 {
        let twin = x.row(row + 30).to_owned();
        x.row_mut(row).assign(&twin);
    }
    x
}

fn examples(rows: &[usize]) -> Examples {
    let y = rows.iter().map(|row| row % 3).collect();
    Examples::new(x().select(Axis(0), rows), y, 3).unwrap()
}

fn test_rows() -> Array2<f64> {
    x().select(Axis(0), &(1..90).step_by(4).collect::<Vec<_>>())
}

fn list<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn neighbours() {
    let train = examples(&(0..90).filter(|row| row % 4 != 1).collect::<Vec<_>>());
    let golden = golden();
    for case in golden["knn"].as_array().unwrap() {
        let params: KnnParams = list(&case["params"]);
        let model = params.fit(&train).unwrap();
        let numbers: Vec<Vec<usize>> = list(&case["neighbours"]);
        let distances: Vec<Vec<f64>> = list(&case["distances"]);
        let found = model.neighbours(&test_rows());
        assert_eq!(found.len(), numbers.len());
        for ((found, numbers), distances) in found.iter().zip(&numbers).zip(&distances) {
            assert_eq!(
                &found.iter().map(|near| near.0).collect::<Vec<_>>(),
                numbers,
                "{params:?}"
            );
            assert!(
                found
                    .iter()
                    .zip(distances)
                    .all(|(near, d)| (near.1 - d).abs() < 1e-9)
            );
        }
        let p = model.predict_proba(&test_rows());
        let expected: Vec<Vec<f64>> = list(&case["p"]);
        assert!(
            p.iter()
                .zip(expected.iter().flatten())
                .all(|(p, e)| (p - e).abs() < 1e-9)
        );
        let classes: Vec<usize> = p.rows().into_iter().map(metrics::top).collect();
        assert_eq!(classes, list::<Vec<usize>>(&case["predict"]), "{params:?}");
    }
}

#[test]
fn decisions_and_votes() {
    let golden = golden();
    for case in golden["svm"].as_array().unwrap() {
        let params = SvmParams {
            tol: 1e-6,
            probability: false,
            ..list(&case["params"])
        };
        let train = examples(&list::<Vec<usize>>(&case["rows"]));
        let model = params.fit(&train).unwrap();
        assert!(model.converged());
        let decision = model.decision(&test_rows());
        let expected: Vec<Vec<f64>> = list(&case["decision"]);
        assert_eq!(decision.len(), expected.iter().flatten().count());
        for (value, expected) in decision.iter().zip(expected.iter().flatten()) {
            assert!((value - expected).abs() < 1e-3, "{params:?}: {value} {expected}");
        }
        let votes: Vec<usize> = list(&case["votes"]);
        assert_eq!(model.predict(&test_rows()), votes, "{params:?}");
        let any = ClassifierParams::Svm(params).fit(&train).unwrap();
        assert_eq!(
            any.predict(&test_rows()),
            votes,
            "votes decide, not probabilities"
        );
    }
}
