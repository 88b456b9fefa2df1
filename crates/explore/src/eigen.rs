//! Eigenvalues and eigenvectors of symmetric matrices.
//!
//! Householder's reduction to a tridiagonal matrix and the QL algorithm with implicit shifts (EISPACK's `tred2` and
//! `tql2`; Bowdler, Martin, Reinsch and Wilkinson 1968). A table of features has hundreds of columns, where this
//! takes a fraction of a second; a linear algebra library would multiply the time this project takes to build.

use ndarray::{Array1, Array2, Axis};

use crate::{Error, Result};

/// Rounds of QL after which an eigenvalue that is still moving is given up; few need more than five.
const MOST_ROUNDS: usize = 100;

/// The eigenvalues in decreasing order, and the eigenvectors as rows in the same order, for a symmetric `a`.
///
/// # Errors
/// [`Error::Rows`] when the iteration does not settle, which finite matrices do not bring about.
pub(crate) fn symmetric(a: Array2<f64>) -> Result<(Array1<f64>, Array2<f64>)> {
    let n = a.nrows();
    let (mut diagonal, mut beside, mut vectors) = tridiagonal(a);
    settle(&mut diagonal, &mut beside, &mut vectors)?;
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| diagonal[b].total_cmp(&diagonal[a]));
    let values = order.iter().map(|&i| diagonal[i]).collect();
    Ok((values, vectors.select(Axis(0), &order)))
}

/// The diagonal and the subdiagonal (from its second element on) of Q a Qᵀ, and Q.
fn tridiagonal(mut a: Array2<f64>) -> (Vec<f64>, Vec<f64>, Array2<f64>) {
    let n = a.nrows();
    let mut beside = vec![0.0; n];
    let mut q = Array2::eye(n);
    for column in 0..n.saturating_sub(2) {
        let Some((reflector, alpha)) = householder(&a, column) else {
            beside[column + 1] = a[[column + 1, column]];
            continue;
        };
        beside[column + 1] = alpha;
        reflect_both_sides(&mut a, &reflector, column + 1);
        // Q becomes H Q; H leaves the rows up to `column` as they are.
        let mut lower = q.slice_axis_mut(Axis(0), (column + 1..).into());
        let projection = reflector.dot(&lower);
        for (mut row, &v) in lower.rows_mut().into_iter().zip(&reflector) {
            row.scaled_add(-2.0 * v, &projection);
        }
    }
    if n > 1 {
        beside[n - 1] = a[[n - 1, n - 2]];
    }
    (a.diag().to_vec(), beside, q)
}

/// The unit vector v such that `I - 2vvᵀ` maps what lies below the diagonal in `column` to a multiple `alpha` of the first
/// unit vector; none when it already is one.
fn householder(a: &Array2<f64>, column: usize) -> Option<(Array1<f64>, f64)> {
    let below = a.column(column).slice_axis_move(Axis(0), (column + 1..).into());
    let scale = below.iter().skip(1).fold(0.0_f64, |most, v| most.max(v.abs()));
    if scale == 0.0 {
        return None;
    }
    let scale = scale.max(below[0].abs());
    let mut v = below.mapv(|value| value / scale);
    let norm = v.dot(&v).sqrt();
    let alpha = if v[0] > 0.0 { -norm } else { norm };
    v[0] -= alpha;
    let length = v.dot(&v).sqrt();
    v /= length;
    Some((v, alpha * scale))
}

/// Replaces the lower right part of `a` from `first` on by H a H with `H = I - 2vvᵀ`.
fn reflect_both_sides(a: &mut Array2<f64>, v: &Array1<f64>, first: usize) {
    let mut part = a.slice_axis_mut(Axis(0), (first..).into());
    let mut part = part.slice_axis_mut(Axis(1), (first..).into());
    let mut w = part.dot(v);
    let overlap = w.dot(v);
    w.scaled_add(-overlap, v);
    for (index, mut row) in part.rows_mut().into_iter().enumerate() {
        row.scaled_add(-2.0 * v[index], &w);
        row.scaled_add(-2.0 * w[index], v);
    }
}

/// Turns a tridiagonal matrix into a diagonal one by QL with implicit shifts; the rotations are applied to the
/// rows of `vectors`.
fn settle(diagonal: &mut [f64], beside: &mut [f64], vectors: &mut Array2<f64>) -> Result<()> {
    let n = diagonal.len();
    // beside[i] shall couple i and i + 1.
    beside.rotate_left(usize::from(n > 0));
    for low in 0..n {
        let mut rounds = 0;
        loop {
            let end = (low..n - 1)
                .find(|&i| {
                    let size = diagonal[i].abs() + diagonal[i + 1].abs();
                    beside[i].abs() <= f64::EPSILON * size || beside[i].abs() < f64::MIN_POSITIVE
                })
                .unwrap_or(n - 1);
            if end == low {
                break;
            }
            rounds += 1;
            if rounds > MOST_ROUNDS {
                return Err(Error::Rows("the eigenvalues do not settle".to_owned()));
            }
            ql_round(diagonal, beside, vectors, low, end);
        }
    }
    Ok(())
}

/// One round of QL with Wilkinson's shift on the rows `low..=end`.
fn ql_round(diagonal: &mut [f64], beside: &mut [f64], vectors: &mut Array2<f64>, low: usize, end: usize) {
    let mut g = (diagonal[low + 1] - diagonal[low]) / (2.0 * beside[low]);
    let r = g.hypot(1.0);
    g = diagonal[end] - diagonal[low] + beside[low] / (g + r.copysign(g));
    let (mut s, mut c, mut p) = (1.0, 1.0, 0.0);
    for i in (low..end).rev() {
        let f = s * beside[i];
        let b = c * beside[i];
        let r = f.hypot(g);
        beside[i + 1] = r;
        if r == 0.0 {
            diagonal[i + 1] -= p;
            beside[end] = 0.0;
            return;
        }
        s = f / r;
        c = g / r;
        g = diagonal[i + 1] - p;
        let t = (diagonal[i] - g) * s + 2.0 * c * b;
        p = s * t;
        diagonal[i + 1] = g + p;
        g = c * t - b;
        let (mut first, mut second) = vectors.multi_slice_rows(i);
        ndarray::Zip::from(&mut first).and(&mut second).for_each(|x, y| {
            let old = *y;
            *y = s * *x + c * old;
            *x = c * *x - s * old;
        });
    }
    diagonal[low] -= p;
    beside[low] = g;
    beside[end] = 0.0;
}

/// Two neighbouring rows at once.
trait RowPair {
    fn multi_slice_rows(
        &mut self,
        row: usize,
    ) -> (ndarray::ArrayViewMut1<'_, f64>, ndarray::ArrayViewMut1<'_, f64>);
}

impl RowPair for Array2<f64> {
    fn multi_slice_rows(
        &mut self,
        row: usize,
    ) -> (ndarray::ArrayViewMut1<'_, f64>, ndarray::ArrayViewMut1<'_, f64>) {
        let (above, below) = self.view_mut().split_at(Axis(0), row + 1);
        (
            above.index_axis_move(Axis(0), row),
            below.index_axis_move(Axis(0), 0),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;
    use ndarray::array;

    fn check(a: Array2<f64>) {
        let n = a.nrows();
        let (values, vectors) = symmetric(a.clone()).unwrap();
        let size = a.iter().fold(1e-300_f64, |most, v| most.max(v.abs()));
        let restored = vectors.t().dot(&Array2::from_diag(&values)).dot(&vectors);
        assert!(
            (&restored - &a).iter().all(|d| d.abs() < 1e-12 * size * n as f64),
            "{restored} {a}"
        );
        let product = vectors.dot(&vectors.t());
        assert!(
            (&product - &Array2::<f64>::eye(n))
                .iter()
                .all(|d: &f64| d.abs() < 1e-12 * n as f64)
        );
        assert!(values.windows(2).into_iter().all(|pair| pair[0] >= pair[1]));
    }

    #[test]
    fn matrices_are_restored_from_their_eigenvectors() {
        check(array![[2.0]]);
        check(array![[2.0, 1.0], [1.0, 2.0]]);
        check(Array2::zeros((4, 4)));
        check(Array2::eye(5));
        check(Array2::from_elem((6, 6), 1e150));
        check(Array2::from_elem((6, 6), 1e-150));
        let mut rng = random::part(1, 0);
        for n in [3, 10, 60] {
            let half = Array2::from_shape_fn((n, n), |_| random::normal(&mut rng));
            check(&half + &half.t());
            check(half.dot(&half.t()));
            let thin = Array2::from_shape_fn((n, 2), |_| random::normal(&mut rng));
            check(thin.dot(&thin.t()));
        }
    }

    #[test]
    fn known_eigenvalues() {
        let (values, vectors) = symmetric(array![[2.0, 1.0], [1.0, 2.0]]).unwrap();
        assert!((values[0] - 3.0).abs() < 1e-14 && (values[1] - 1.0).abs() < 1e-14);
        assert!((vectors[[0, 0]] - vectors[[0, 1]]).abs() < 1e-14);
    }
}
