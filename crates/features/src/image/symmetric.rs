//! The logarithm of a small symmetric matrix. Not for large ones: Jacobi's rotations take n³ steps several times over.

/// Eigenvalues below this are taken for it, so that a logarithm exists.
const FLOOR: f64 = 1e-8;
/// Rounds of rotations after which to stop; few matrices need more than ten.
const MOST_SWEEPS: usize = 60;

/// The logarithm of a symmetric matrix of `n` rows with no negative eigenvalues, row after row.
///
/// Eigenvectors are found by cyclic Jacobi rotations (Golub and Van Loan, "Matrix Computations", section 8.5).
pub(super) fn logarithm(mut matrix: Vec<f64>, n: usize) -> Vec<f64> {
    let vectors = diagonalise(&mut matrix, n);
    let logs: Vec<f64> = (0..n).map(|i| matrix[i * n + i].max(FLOOR).ln()).collect();
    let mut result = vec![0.0; n * n];
    for (vector, log) in vectors.chunks_exact(n).zip(logs) {
        for (row, a) in result.chunks_exact_mut(n).zip(vector) {
            let factor = log * a;
            for (value, b) in row.iter_mut().zip(vector) {
                *value += factor * b;
            }
        }
    }
    result
}

/// Makes a symmetric matrix diagonal; returns the eigenvectors as rows.
fn diagonalise(a: &mut [f64], n: usize) -> Vec<f64> {
    let mut vectors = vec![0.0; n * n];
    (0..n).for_each(|i| vectors[i * n + i] = 1.0);
    let size = a.iter().map(|v| v * v).sum::<f64>();
    for _ in 0..MOST_SWEEPS {
        let off = |p: usize| a[p * n + p + 1..(p + 1) * n].iter().map(|v| v * v).sum::<f64>();
        if (0..n).map(off).sum::<f64>() <= 1e-30 * size {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                if let Some((c, s)) = rotation(a[p * n + p], a[q * n + q], a[p * n + q]) {
                    rotate_columns(a, n, p, q, c, s);
                    rotate_rows(a, n, p, q, c, s);
                    rotate_rows(&mut vectors, n, p, q, c, s);
                }
            }
        }
    }
    vectors
}

/// Cosine and sine of the rotation that brings the entry off the diagonal to 0; none where it is 0.
fn rotation(app: f64, aqq: f64, apq: f64) -> Option<(f64, f64)> {
    if apq == 0.0 {
        return None;
    }
    let theta = (aqq - app) / (2.0 * apq);
    let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
    let c = t.hypot(1.0).recip();
    Some((c, t * c))
}

fn rotate_rows(a: &mut [f64], n: usize, p: usize, q: usize, c: f64, s: f64) {
    let (above, below) = a.split_at_mut(q * n);
    for (x, y) in above[p * n..(p + 1) * n].iter_mut().zip(&mut below[..n]) {
        (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
    }
}

fn rotate_columns(a: &mut [f64], n: usize, p: usize, q: usize, c: f64, s: f64) {
    for row in a.chunks_exact_mut(n) {
        (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_logarithms() {
        let diagonal = logarithm(vec![1.0, 0.0, 0.0, std::f64::consts::E], 2);
        assert_eq!(diagonal, [0.0, 0.0, 0.0, 1.0]);
        // Eigenvalues 1 and 3 along the diagonals of the plane.
        let half = 3f64.ln() / 2.0;
        for (value, expected) in logarithm(vec![2.0, 1.0, 1.0, 2.0], 2).iter().zip([half; 4]) {
            assert!((value - expected).abs() < 1e-14, "{value}");
        }
        let nothing = logarithm(vec![0.0; 9], 3);
        assert_eq!(nothing[4], FLOOR.ln());
    }

    #[test]
    fn eigenvectors_restore_the_matrix() {
        let n = 20;
        let mut matrix: Vec<f64> = (0..n * n)
            .map(|at| {
                let (low, high) = ((at / n).min(at % n), (at / n).max(at % n));
                ((low * 31 + high * 17) % 23) as f64 - 11.0
            })
            .collect();
        let original = matrix.clone();
        let vectors = diagonalise(&mut matrix, n);
        for i in 0..n {
            for j in 0..n {
                let restored: f64 = (0..n)
                    .map(|k| vectors[k * n + i] * matrix[k * n + k] * vectors[k * n + j])
                    .sum();
                assert!((restored - original[i * n + j]).abs() < 1e-11);
            }
        }
    }
}
