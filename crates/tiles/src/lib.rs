//! Products of matrices on the tile units that Intel's server processors have had since 2023 (AMX), for training.
//!
//! A tile unit multiplies blocks of 16 by 32 and 32 by 16 numbers of 8 bits' precision (bfloat16) in sixteen cycles and adds up in single
//! precision, about thirty times what vectors of 16 numbers do. Numbers are rounded to the nearest on their way in, so a product is good
//! to about a 250th of its terms: enough for the gradients of a training, which are far noisier, and not for what is measured.
//!
//! [`Unit::get`] says whether this processor has such a unit and the system lets it be used; without, callers take another way.

mod layout;
mod unit;

use std::cell::RefCell;

use pulp::{Arch, Simd, WithSimd};

pub use unit::Unit;

/// Rows and columns of a tile of sums; pairs of numbers in a row of a factor's tile.
pub(crate) const SIDE: usize = 16;
/// Numbers of a tile's sum.
pub(crate) const DEPTH: usize = 2 * SIDE;
/// Pairs of numbers in a tile.
pub(crate) const TILE: usize = SIDE * SIDE;
/// Rows and columns that are computed at once: two tiles each way.
pub(crate) const BLOCK: usize = 2 * SIDE;

/// A matrix that lies somewhere in a row of numbers.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    /// The numbers, from the first of the matrix on.
    pub values: &'a [f32],
    /// How many rows.
    pub rows: usize,
    /// How many columns.
    pub columns: usize,
    /// From a row to the next, and from a column to the next; one of both is 1.
    pub steps: [usize; 2],
}

thread_local! {
    /// Room for the laid-out matrices.
    static ROOM: RefCell<[Vec<u32>; 2]> = const { RefCell::new([Vec::new(), Vec::new()]) };
}

/// A right factor that was laid out once, for several products.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    rows: usize,
    columns: usize,
    panels: Vec<u32>,
}

/// Lays a right factor out.
///
/// # Panics
/// If the matrix does not fit what it lies in.
pub fn prepare(b: Matrix<'_>) -> Prepared {
    let mut panels = Vec::new();
    Arch::new().dispatch(Right(b, &mut panels));
    Prepared {
        rows: b.rows,
        columns: b.columns,
        panels,
    }
}

/// As [`product`], with a right factor that was laid out before.
///
/// # Panics
/// If the matrices do not fit one another or what they lie in.
pub fn product_prepared(
    unit: &Unit,
    scale: f32,
    a: Matrix<'_>,
    b: &Prepared,
    keep: f32,
    out: &mut [f32],
    stride: usize,
) {
    ROOM.with_borrow_mut(|[left, _]| {
        multiply(
            unit,
            scale,
            a,
            (&b.panels, b.rows, b.columns),
            keep,
            out,
            stride,
            left,
        )
    });
}

/// `out = keep * out + scale a b`, rows of `out` being `stride` apart.
///
/// # Panics
/// If the matrices do not fit one another or what they lie in.
pub fn product(
    unit: &Unit,
    scale: f32,
    a: Matrix<'_>,
    b: Matrix<'_>,
    keep: f32,
    out: &mut [f32],
    stride: usize,
) {
    ROOM.with_borrow_mut(|[left, right]| {
        Arch::new().dispatch(Right(b, right));
        multiply(
            unit,
            scale,
            a,
            (right, b.rows, b.columns),
            keep,
            out,
            stride,
            left,
        );
    });
}

/// The same for a right factor in panels, with its rows and columns.
#[allow(clippy::too_many_arguments)]
fn multiply(
    unit: &Unit,
    scale: f32,
    a: Matrix<'_>,
    (right, rows, columns): (&[u32], usize, usize),
    keep: f32,
    out: &mut [f32],
    stride: usize,
    left: &mut Vec<u32>,
) {
    assert_eq!(
        a.columns, rows,
        "columns of the left and rows of the right matrix"
    );
    assert!(stride >= columns, "rows of what comes out overlap");
    Arch::new().dispatch(Product {
        unit,
        scale,
        a,
        right,
        columns,
        keep,
        out,
        stride,
        left,
    });
}

struct Right<'a, 'b>(Matrix<'a>, &'b mut Vec<u32>);

impl WithSimd for Right<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        layout::right(self.0, self.1);
    }
}

struct Product<'a, 'b> {
    unit: &'b Unit,
    scale: f32,
    a: Matrix<'a>,
    /// The right factor, laid out.
    right: &'b [u32],
    columns: usize,
    keep: f32,
    out: &'b mut [f32],
    stride: usize,
    left: &'b mut Vec<u32>,
}

impl WithSimd for Product<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let (rows, columns) = (self.a.rows, self.columns);
        layout::left(self.a, self.left);
        let strip = self.a.columns.div_ceil(DEPTH) * TILE;
        let mut sums = [0.0; BLOCK * BLOCK];
        let work = self.unit.begin();
        for (column, panels) in (0..columns)
            .step_by(BLOCK)
            .zip(self.right.chunks_exact(2 * strip))
        {
            let wide = BLOCK.min(columns - column);
            for (row, strips) in (0..rows).step_by(BLOCK).zip(self.left.chunks_exact(2 * strip)) {
                work.block(strips, panels, &mut sums);
                let first = row * self.stride + column;
                let target = self.out[first..].chunks_mut(self.stride).take(rows - row);
                for (out, sums) in target.zip(sums.chunks_exact(BLOCK)) {
                    let out = &mut out[..wide];
                    match self.keep == 0.0 {
                        true => {
                            for (out, sum) in out.iter_mut().zip(sums) {
                                *out = sum * self.scale;
                            }
                        }
                        false => {
                            for (out, sum) in out.iter_mut().zip(sums) {
                                *out = *out * self.keep + sum * self.scale;
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_of_the_definition() {
        let Some(unit) = Unit::get() else {
            eprintln!("this processor has no tile unit: nothing is tested");
            return;
        };
        for (m, k, n) in [
            (1, 1, 1),
            (16, 32, 16),
            (32, 64, 32),
            (13, 100, 37),
            (70, 513, 33),
            (100, 31, 16),
            (2, 64, 90),
        ] {
            // Small whole numbers are exact in eight bits.
            let a: Vec<f32> = (0..m * k).map(|i| ((i * 7) % 11) as f32 - 5.0).collect();
            let b: Vec<f32> = (0..k * n).map(|i| ((i * 5) % 13) as f32 - 6.0).collect();
            for turn_a in [false, true] {
                for turn_b in [false, true] {
                    let view = |values, rows, columns, turned: bool| Matrix {
                        values,
                        rows,
                        columns,
                        steps: if turned { [1, rows] } else { [columns, 1] },
                    };
                    let (a, b) = (view(&a, m, k, turn_a), view(&b, k, n, turn_b));
                    let at = |v: Matrix<'_>, i: usize, j: usize| v.values[i * v.steps[0] + j * v.steps[1]];
                    let stride = n + 3;
                    for keep in [0.0, 2.0] {
                        let mut out = vec![1.5; m * stride];
                        product(&unit, 0.5, a, b, keep, &mut out, stride);
                        let mut again = vec![1.5; m * stride];
                        product_prepared(&unit, 0.5, a, &prepare(b), keep, &mut again, stride);
                        assert_eq!(out, again);
                        for i in 0..m {
                            for j in 0..n {
                                let sum: f32 = (0..k).map(|t| at(a, i, t) * at(b, t, j)).sum();
                                assert_eq!(out[i * stride + j], 1.5 * keep + 0.5 * sum, "{m} {k} {n}");
                            }
                            assert!(out[i * stride + n..(i + 1) * stride].iter().all(|v| *v == 1.5));
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn numbers_are_rounded_to_the_nearest() {
        let Some(unit) = Unit::get() else { return };
        let one = |value: f32| {
            let matrix = |values| Matrix {
                values,
                rows: 1,
                columns: 1,
                steps: [1, 1],
            };
            let mut out = [0.0];
            product(&unit, 1.0, matrix(&[value]), matrix(&[1.0]), 0.0, &mut out, 1);
            out[0]
        };
        // Eight bits: between 1 and 2 there are 128 numbers.
        assert_eq!(one(1.0 + 0.6 / 128.0), 1.0 + 1.0 / 128.0);
        assert_eq!(one(1.0 + 0.4 / 128.0), 1.0);
        assert_eq!(one(-3.0), -3.0);
        assert!(one(f32::NAN).is_nan());
        assert_eq!(one(f32::INFINITY), f32::INFINITY);
    }
}
