//! The numbers of numpy, scipy and scikit-learn on a small table (`golden/make_golden.py`).

use melisma_explore::Watch;
use melisma_explore::classes::ClassSummary;
use melisma_explore::correlation::Correlation;
use melisma_explore::kmeans::KMeansParams;
use melisma_explore::moments::{Covariance, Moments};
use melisma_explore::neighbours::nearest;
use melisma_explore::outliers::RobustScale;
use melisma_explore::pca::{Pca, Scaling, standardise};
use melisma_explore::silhouette::silhouette;
use melisma_explore::validity::{adjusted_rand_index, trustworthiness};
use ndarray::{Array2, Axis, Slice};
use serde_json::Value;

struct Golden(Value);

impl Golden {
    fn read() -> Self {
        Golden(serde_json::from_str(include_str!("golden/explore.json")).unwrap())
    }

    fn number(&self, name: &str) -> f64 {
        self.0[name].as_f64().unwrap()
    }

    /// Missing values become NaN.
    fn numbers(&self, name: &str) -> Vec<f64> {
        let list = self.0[name].as_array().unwrap();
        list.iter()
            .map(|value| value.as_f64().unwrap_or(f64::NAN))
            .collect()
    }

    fn labels(&self, name: &str) -> Vec<usize> {
        self.numbers(name)
            .into_iter()
            .map(|value| value as usize)
            .collect()
    }

    fn table(&self, name: &str) -> Array2<f64> {
        let rows = self.0[name].as_array().unwrap();
        let values = rows.iter().flat_map(|row| row.as_array().unwrap());
        let values: Vec<f64> = values.map(|value| value.as_f64().unwrap_or(f64::NAN)).collect();
        Array2::from_shape_vec((rows.len(), values.len() / rows.len()), values).unwrap()
    }

    fn standardised(&self) -> Array2<f64> {
        standardise(self.table("table").view(), 1).unwrap()
    }
}

fn assert_close<'a>(
    found: impl IntoIterator<Item = &'a f64>,
    expected: impl IntoIterator<Item = &'a f64>,
    tolerance: f64,
) {
    let (found, expected) = (
        found.into_iter().collect::<Vec<_>>(),
        expected.into_iter().collect::<Vec<_>>(),
    );
    assert_eq!(found.len(), expected.len());
    for (place, (a, b)) in found.into_iter().zip(expected).enumerate() {
        assert!(
            (a - b).abs() <= tolerance * b.abs().max(1e-3),
            "place {place}: {a} is not {b}"
        );
    }
}

#[test]
fn moments_of_a_table_with_holes() {
    let golden = Golden::read();
    let mut moments = Moments::new(6);
    for block in golden.table("holed").axis_chunks_iter(Axis(0), 7) {
        moments.add(block).unwrap();
    }
    let found = moments.summaries();
    for (name, value) in [
        ("mean", found.iter().map(|s| s.mean).collect::<Vec<_>>()),
        ("variance", found.iter().map(|s| s.variance).collect()),
        ("skewness", found.iter().map(|s| s.skewness).collect()),
        ("kurtosis", found.iter().map(|s| s.kurtosis).collect()),
    ] {
        assert_close(&value, &golden.numbers(name), 1e-9);
    }
}

#[test]
fn covariance_correlation_and_order() {
    let golden = Golden::read();
    let covariance = Covariance::of(golden.table("table").view(), 2).unwrap();
    let found = covariance.matrix(1).unwrap();
    // Small entries come of great ones, whose last digits they share.
    let scale = found.diag().mapv(f64::sqrt);
    for ((place, a), b) in found.indexed_iter().zip(&golden.table("covariance")) {
        assert!((a - b).abs() <= 1e-9 * scale[place.0] * scale[place.1]);
    }
    let correlation = Correlation::of(&covariance).unwrap();
    assert_close(&correlation.matrix, &golden.table("correlation"), 1e-9);
    assert_eq!(correlation.order().unwrap(), golden.labels("order"));
}

#[test]
fn principal_components_with_their_signs() {
    let golden = Golden::read();
    let rows = golden.table("table");
    let mut streamed = Covariance::new(6);
    for block in rows.axis_chunks_iter(Axis(0), 11) {
        streamed.add(block, 1).unwrap();
    }
    let whole = Pca::fit(rows.view(), 6, Scaling::Standardise, 1).unwrap();
    let streamed = Pca::from_covariance(&streamed, 6, Scaling::Standardise).unwrap();
    // scikit-learn standardises first and divides by rows - 1 afterwards, as is done here.
    for pca in [whole, streamed] {
        assert_close(
            &pca.explained_variance,
            &golden.numbers("explained_variance"),
            1e-9,
        );
        assert_close(
            &pca.explained_variance_ratio,
            &golden.numbers("explained_variance_ratio"),
            1e-9,
        );
        assert_close(&pca.components, &golden.table("components"), 1e-8);
        assert_close(
            &pca.transform(rows.view()).unwrap(),
            &golden.table("scores"),
            1e-8,
        );
    }
}

#[test]
fn clusters_and_their_validity() {
    let golden = Golden::read();
    let rows = golden.standardised();
    let labels = golden.labels("labels");
    let fitted = KMeansParams::new(4, 3).fit(rows.view(), Watch::none()).unwrap();
    assert!(fitted.inertia <= golden.number("inertia") * 1.001);
    let found = silhouette(rows.view(), &labels, 1000, 0, 2, Watch::none()).unwrap();
    assert_close(&found.values, &golden.numbers("silhouettes"), 1e-9);
    let agreement = adjusted_rand_index(&labels, &golden.labels("clusters")).unwrap();
    assert!((agreement - golden.number("adjusted_rand_index")).abs() < 1e-12);
}

#[test]
fn neighbours_and_trust() {
    let golden = Golden::read();
    let rows = golden.standardised();
    let near = nearest(rows.view(), 5, 2, Watch::none()).unwrap();
    assert_eq!(near.indices.mapv(f64::from), golden.table("neighbours"));
    assert_close(&near.distances, &golden.table("distances"), 1e-9);
    let map = golden.table("scores");
    let map = map.slice_axis(Axis(1), Slice::from(..2));
    let trust = trustworthiness(rows.view(), map, 5, 2, Watch::none()).unwrap();
    assert!((trust - golden.number("trustworthiness")).abs() < 1e-12);
}

#[test]
fn classes_and_robust_widths() {
    let golden = Golden::read();
    let rows = golden.table("table");
    let summary = ClassSummary::of(rows.view(), &golden.labels("labels"), 3).unwrap();
    let f: Vec<f64> = summary.separation.iter().map(|separation| separation.f).collect();
    assert_close(&f, &golden.numbers("f"), 1e-9);
    let quartiles: Vec<f64> = summary
        .spreads
        .iter()
        .flat_map(|s| [s[0].q1, s[0].median, s[0].q3])
        .collect();
    assert_close(&quartiles, &golden.table("quartiles"), 1e-9);
    assert_close(
        &RobustScale::of(rows.view()).unwrap().width,
        &golden.numbers("robust_width"),
        1e-9,
    );
}
