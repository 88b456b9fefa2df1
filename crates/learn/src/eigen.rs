//! Eigenvalues and eigenvectors of small symmetric matrices, by Jacobi's rotations.
//!
//! Cyclic sweeps with Rutishauser's stable angles (Golub and Van Loan, "Matrix Computations", section 8.5). A few hundred inputs
//! take seconds; it is not meant for thousands.

use ndarray::{Array1, Array2, Axis};

/// Sweeps after which whatever is left beside the diagonal is left there; ten are many.
const MOST_SWEEPS: usize = 60;

/// The eigenvalues in decreasing order, and the eigenvectors as rows in the same order, for a symmetric `a`.
///
/// The greatest entry of each eigenvector is positive, the first of equals deciding.
pub(crate) fn symmetric(mut a: Array2<f64>) -> (Array1<f64>, Array2<f64>) {
    let n = a.nrows();
    let mut vectors = Array2::eye(n);
    for _ in 0..MOST_SWEEPS {
        let mut turned = false;
        for p in 0..n {
            for q in p + 1..n {
                let beside = a[[p, q]];
                if beside.abs() <= f64::EPSILON * (a[[p, p]].abs() * a[[q, q]].abs()).sqrt()
                    || beside.abs() < f64::MIN_POSITIVE
                {
                    continue;
                }
                turned = true;
                let theta = (a[[q, q]] - a[[p, p]]) / (2.0 * beside);
                let tangent = theta.signum() / (theta.abs() + theta.hypot(1.0));
                let cosine = 1.0 / tangent.hypot(1.0);
                let turn = (cosine, tangent * cosine);
                rotate_rows(&mut a, p, q, turn);
                a.swap_axes(0, 1);
                rotate_rows(&mut a, p, q, turn);
                a.swap_axes(0, 1);
                (a[[p, q]], a[[q, p]]) = (0.0, 0.0);
                rotate_rows(&mut vectors, p, q, turn);
            }
        }
        if !turned {
            break;
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| a[[j, j]].total_cmp(&a[[i, i]]));
    let mut vectors = vectors.select(Axis(0), &order);
    for mut vector in vectors.rows_mut() {
        let greatest = vector.fold(0.0f64, |most, &v| if v.abs() > most.abs() { v } else { most });
        if greatest < 0.0 {
            vector.mapv_inplace(|v| -v);
        }
    }
    (order.iter().map(|&i| a[[i, i]]).collect(), vectors)
}

/// Turns the rows p < q into each other.
fn rotate_rows(a: &mut Array2<f64>, p: usize, q: usize, (cosine, sine): (f64, f64)) {
    let (mut above, mut below) = a.view_mut().split_at(Axis(0), q);
    let (mut first, mut second) = (above.row_mut(p), below.row_mut(0));
    ndarray::Zip::from(&mut first).and(&mut second).for_each(|x, y| {
        let (old_x, old_y) = (*x, *y);
        *x = cosine * old_x - sine * old_y;
        *y = sine * old_x + cosine * old_y;
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use ndarray::array;

    fn check(a: Array2<f64>) {
        let (values, vectors) = symmetric(a.clone());
        let size = a.iter().fold(1e-300f64, |most, v| most.max(v.abs())) * a.nrows() as f64;
        let restored = vectors.t().dot(&Array2::from_diag(&values)).dot(&vectors);
        assert!(
            (&restored - &a).iter().all(|d| d.abs() < 1e-13 * size),
            "{restored} {a}"
        );
        let product = vectors.dot(&vectors.t()) - Array2::<f64>::eye(a.nrows());
        assert!(product.iter().all(|d: &f64| d.abs() < 1e-13 * a.nrows() as f64));
        assert!(values.windows(2).into_iter().all(|pair| pair[0] >= pair[1]));
    }

    #[test]
    fn matrices_are_restored_from_their_eigenvectors() {
        check(array![[2.0]]);
        check(array![[0.0, 3.0], [3.0, 0.0]]);
        check(Array2::zeros((4, 4)));
        check(Array2::eye(5));
        check(Array2::from_elem((6, 6), 1e100));
        check(Array2::from_elem((6, 6), 1e-100));
        let mut rng = Rng::new(1);
        for n in [3, 10, 40] {
            let half = Array2::from_shape_fn((n, n), |_| rng.below(2000) as f64 / 1000.0 - 1.0);
            check(&half + &half.t());
            check(half.dot(&half.t()));
        }
    }

    #[test]
    fn known_eigenvalues() {
        let (values, vectors) = symmetric(array![[2.0, 1.0], [1.0, 2.0]]);
        assert!((values[0] - 3.0).abs() < 1e-14 && (values[1] - 1.0).abs() < 1e-14);
        assert!((vectors[[0, 0]] - vectors[[0, 1]]).abs() < 1e-14 && vectors[[0, 0]] > 0.0);
    }
}
