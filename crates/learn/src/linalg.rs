//! Solving with symmetric positive definite matrices.

use ndarray::{Array2, ArrayView1, ArrayView2, Axis, Slice};

use crate::{Error, Result};

/// The lower triangle L with L Lᵀ = `a` (Cholesky); only the lower triangle of `a` is read.
///
/// # Errors
/// [`Error::Examples`] when `a` is not positive definite to working precision.
pub fn cholesky(mut a: Array2<f64>) -> Result<Array2<f64>> {
    let n = a.nrows();
    for row in 0..n {
        for column in 0..=row {
            let dot = part(a.row(row), ..column).dot(&part(a.row(column), ..column));
            let rest = a[[row, column]] - dot;
            a[[row, column]] = if row > column {
                rest / a[[column, column]]
            } else if rest > 0.0 && rest.is_finite() {
                rest.sqrt()
            } else {
                return Err(Error::Examples(
                    "the inputs are linearly dependent; raise the penalty".to_owned(),
                ));
            };
        }
        a.row_mut(row)
            .slice_axis_mut(Axis(0), Slice::from(row + 1..))
            .fill(0.0);
    }
    Ok(a)
}

/// X with `l` X = `b`, for a lower triangle `l`.
pub(crate) fn solve_lower(l: ArrayView2<f64>, mut b: Array2<f64>) -> Array2<f64> {
    for row in 0..l.nrows() {
        let (above, mut rest) = b.view_mut().split_at(Axis(0), row);
        let mut current = rest.row_mut(0);
        for (value, done) in part(l.row(row), ..row).iter().zip(above.rows()) {
            current.scaled_add(-value, &done);
        }
        current /= l[[row, row]];
    }
    b
}

/// X with `l` `l`ᵀ X = `b`, for a lower triangle `l`.
pub fn solve_cholesky(l: ArrayView2<f64>, b: Array2<f64>) -> Array2<f64> {
    let mut x = solve_lower(l, b);
    for row in (0..l.nrows()).rev() {
        let (mut above, below) = x.view_mut().split_at(Axis(0), row + 1);
        let mut current = above.row_mut(row);
        for (value, done) in part(l.column(row), row + 1..).iter().zip(below.rows()) {
            current.scaled_add(-value, &done);
        }
        current /= l[[row, row]];
    }
    x
}

/// A range of a row or column (`s![]` expands to unsafe code, which this workspace forbids).
fn part(whole: ArrayView1<'_, f64>, range: impl Into<Slice>) -> ArrayView1<'_, f64> {
    whole.slice_axis_move(Axis(0), range.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_known_system_is_solved() {
        let a = array![[4.0, 2.0, 0.6], [2.0, 5.0, 1.0], [0.6, 1.0, 3.0]];
        let x = array![[1.0, -2.0], [0.5, 3.0], [-4.0, 0.0]];
        let l = cholesky(a.clone()).unwrap();
        assert!((&l.dot(&l.t()) - &a).iter().all(|d| d.abs() < 1e-12));
        let solved = solve_cholesky(l.view(), a.dot(&x));
        assert!((&solved - &x).iter().all(|d| d.abs() < 1e-12));
    }

    #[test]
    fn dependence_is_an_error() {
        assert!(cholesky(array![[1.0, 1.0], [1.0, 1.0]]).is_err());
        assert!(cholesky(array![[f64::NAN]]).is_err());
    }
}
