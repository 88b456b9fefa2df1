//! Laws that hold for any table.

use melisma_explore::Watch;
use melisma_explore::kmeans::KMeansParams;
use melisma_explore::moments::{Covariance, Moments};
use melisma_explore::neighbours::nearest;
use melisma_explore::pca::{Pca, Scaling};
use melisma_explore::tsne::TsneParams;
use melisma_explore::umap::UmapParams;
use melisma_explore::validity::adjusted_rand_index;
use ndarray::{Array2, Axis, Slice};
use proptest::prelude::*;

fn table(columns: usize) -> impl Strategy<Value = Array2<f64>> {
    (5_usize..40).prop_flat_map(move |rows| {
        prop::collection::vec(-100.0..100.0, rows * columns)
            .prop_map(move |values| Array2::from_shape_vec((rows, columns), values).unwrap())
    })
}

fn near(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * a.abs().max(b.abs()).max(1.0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn parts_merge_into_the_whole(rows in table(3), cut in 0.0..1.0) {
        let cut = (rows.nrows() as f64 * cut) as usize;
        let (first, second) = rows.view().split_at(Axis(0), cut);
        let of = |rows| { let mut moments = Moments::new(3); moments.add(rows).map(|()| moments) };
        let mut merged = of(first).unwrap();
        merged.merge(&of(second).unwrap()).unwrap();
        for (a, b) in merged.summaries().iter().zip(of(rows.view()).unwrap().summaries()) {
            prop_assert!(a.count == b.count && near(a.mean, b.mean, 1e-10) && near(a.variance, b.variance, 1e-10));
            prop_assert!(near(a.skewness, b.skewness, 1e-8) && near(a.kurtosis, b.kurtosis, 1e-8));
            prop_assert!(a.min == b.min && a.max == b.max);
        }
        let mut merged = Covariance::of(first, 1).unwrap();
        merged.merge(&Covariance::of(second, 1).unwrap()).unwrap();
        let whole = Covariance::of(rows.view(), 2).unwrap();
        for (a, b) in merged.matrix(1).unwrap().iter().zip(&whole.matrix(1).unwrap()) {
            prop_assert!(near(*a, *b, 1e-9));
        }
    }

    #[test]
    fn all_components_restore_the_table(rows in table(4)) {
        for scaling in [Scaling::Centre, Scaling::Standardise] {
            let pca = Pca::fit(rows.view(), 4, scaling, 1).unwrap();
            let restored = pca.inverse_transform(pca.transform(rows.view()).unwrap().view()).unwrap();
            prop_assert!((&restored - &rows).iter().all(|d| d.abs() < 1e-9));
            prop_assert!(near(pca.explained_variance_ratio.sum(), 1.0, 1e-9));
            let unit = pca.components.dot(&pca.components.t()) - Array2::<f64>::eye(4);
            prop_assert!(unit.iter().all(|d| d.abs() < 1e-10));
        }
    }

    #[test]
    fn agreement_does_not_know_the_names_of_labels(
        pairs in prop::collection::vec((0_usize..4, 0_usize..5), 2..50),
        names in Just(vec![7_usize, 2, 9, 0, 4]).prop_shuffle(),
    ) {
        let (first, second): (Vec<usize>, Vec<usize>) = pairs.into_iter().unzip();
        let renamed: Vec<usize> = second.iter().map(|&label| names[label]).collect();
        let agreement = adjusted_rand_index(&first, &second).unwrap();
        prop_assert!(near(agreement, adjusted_rand_index(&first, &renamed).unwrap(), 1e-12));
        prop_assert!(near(agreement, adjusted_rand_index(&second, &first).unwrap(), 1e-12));
        prop_assert!(agreement <= 1.0 + 1e-12);
    }

    #[test]
    fn turning_and_shifting_a_table_keeps_its_neighbours(rows in table(2), angle in 0.0..6.0_f64, shift in -50.0..50.0) {
        let (sin, cos) = angle.sin_cos();
        let turned: Array2<f64> = rows.dot(&ndarray::array![[cos, sin], [-sin, cos]]) + shift;
        let a = nearest(rows.view(), 4, 1, Watch::none()).unwrap();
        let b = nearest(turned.view(), 4, 2, Watch::none()).unwrap();
        for (a, b) in a.distances.iter().zip(&b.distances) {
            prop_assert!(near(*a, *b, 1e-9));
        }
    }

    #[test]
    fn neighbours_are_the_least_distances(rows in table(3)) {
        let found = nearest(rows.view(), 4, 2, Watch::none()).unwrap();
        for (row, own) in rows.rows().into_iter().enumerate() {
            let mut distances: Vec<f64> = (0..rows.nrows())
                .filter(|&other| other != row)
                .map(|other| (&rows.row(other) - &own).mapv(|d| d * d).sum().sqrt())
                .collect();
            distances.sort_by(f64::total_cmp);
            for (a, b) in found.distances.row(row).iter().zip(distances) {
                prop_assert!(near(*a, b, 1e-9));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn the_same_seed_gives_the_same_result_on_any_number_of_threads(rows in table(3), seed in any::<u64>()) {
        let clusters = |threads| KMeansParams { threads, ..KMeansParams::new(3, seed) }.fit(rows.view(), Watch::none());
        prop_assert_eq!(clusters(1).unwrap(), clusters(3).unwrap());
        let umap = |threads| {
            UmapParams { seed, threads, epochs: Some(30), ..UmapParams::default() }.fit(rows.view(), Watch::none())
        };
        prop_assert_eq!(umap(1).unwrap(), umap(2).unwrap());
        let tsne = |threads| TsneParams { threads, iterations: 30, ..TsneParams::default() }.fit(rows.view(), Watch::none());
        prop_assert_eq!(tsne(1).unwrap(), tsne(2).unwrap());
    }

    #[test]
    fn a_table_read_in_pieces_counts_the_same(rows in table(2)) {
        let mut pieces = Covariance::new(2);
        for first in (0..rows.nrows()).step_by(3) {
            let last = (first + 3).min(rows.nrows());
            pieces.add(rows.slice_axis(Axis(0), Slice::from(first..last)), 1).unwrap();
        }
        prop_assert_eq!(pieces.count(), rows.nrows() as u64);
    }
}
