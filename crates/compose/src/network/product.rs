//! Products of matrices for the vectors of this processor.
//!
//! As in every fast product (Goto and van de Geijn 2008), both matrices are first laid out in the order in which they are met: the right
//! one in panels a few vectors wide, the left one in strips a few rows high; a tile of running sums then stays in registers. ndarray's
//! product has no tiles for vectors of 16.

use std::cell::RefCell;

use pulp::{Arch, Simd, WithSimd};

/// Terms of a sum that are laid out at once: a panel of so many rows fits the nearest cache.
const DEPTH: usize = 256;
/// Vectors of a panel.
const VECTORS: usize = 3;
/// Rows that are laid out side by side.
const SIDE: usize = 8;

/// A matrix that lies somewhere in a row of numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    pub values: &'a [f32],
    pub rows: usize,
    pub columns: usize,
    /// From a row to the next, and from a column to the next; one of both must be 1.
    pub steps: [usize; 2],
}

/// Where a product goes: rows `stride` apart.
pub(super) struct Out<'a> {
    pub values: &'a mut [f32],
    pub stride: usize,
}

thread_local! {
    /// Room for the laid-out matrices.
    static ROOM: RefCell<[Vec<f32>; 2]> = const { RefCell::new([Vec::new(), Vec::new()]) };
}

/// `out = keep * out + scale a b`.
pub(super) fn product(scale: f32, a: View<'_>, b: View<'_>, keep: f32, out: &mut Out<'_>) {
    debug_assert_eq!(a.columns, b.rows);
    #[cfg(feature = "tiles")]
    if on_tiles(scale, a, b, keep, out) {
        return;
    }
    if keep != 1.0 {
        for row in out.values.chunks_mut(out.stride).take(a.rows) {
            let row = &mut row[..b.columns];
            match keep == 0.0 {
                true => row.fill(0.0),
                false => row.iter_mut().for_each(|value| *value *= keep),
            }
        }
    }
    ROOM.with_borrow_mut(|[strips, panels]| {
        Arch::new().dispatch(Product {
            scale,
            a,
            b,
            out,
            strips,
            panels,
        });
    });
}

/// The same by the processor's tile unit, if there is one and the product is worth its rounding.
#[cfg(feature = "tiles")]
fn on_tiles(scale: f32, a: View<'_>, b: View<'_>, keep: f32, out: &mut Out<'_>) -> bool {
    /// Rows and columns below which the tiles would be mostly empty.
    const LEAST: usize = 16;
    let Some(unit) = melisma_tiles::Unit::get().filter(|_| a.rows.min(b.columns).min(b.rows) >= LEAST) else {
        return false;
    };
    melisma_tiles::product(&unit, scale, matrix(a), matrix(b), keep, out.values, out.stride);
    true
}

#[cfg(feature = "tiles")]
fn matrix(view: View<'_>) -> melisma_tiles::Matrix<'_> {
    melisma_tiles::Matrix {
        values: view.values,
        rows: view.rows,
        columns: view.columns,
        steps: view.steps,
    }
}

/// A right factor of many products.
pub(super) struct Right<'a> {
    view: View<'a>,
    #[cfg(feature = "tiles")]
    laid_out: Option<(melisma_tiles::Unit, melisma_tiles::Prepared)>,
}

impl<'a> Right<'a> {
    pub fn new(view: View<'a>) -> Self {
        Right {
            #[cfg(feature = "tiles")]
            laid_out: melisma_tiles::Unit::get().map(|unit| (unit, melisma_tiles::prepare(matrix(view)))),
            view,
        }
    }

    /// `out = keep * out + a b`.
    pub fn product(&self, a: View<'_>, keep: f32, out: &mut Out<'_>) {
        #[cfg(feature = "tiles")]
        if let Some((unit, b)) = &self.laid_out {
            melisma_tiles::product_prepared(unit, 1.0, matrix(a), b, keep, out.values, out.stride);
            return;
        }
        product(1.0, a, self.view, keep, out);
    }
}

struct Product<'a, 'b> {
    scale: f32,
    a: View<'a>,
    b: View<'a>,
    out: &'a mut Out<'b>,
    strips: &'a mut Vec<f32>,
    panels: &'a mut Vec<f32>,
}

impl WithSimd for Product<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // With 32 registers of 16 numbers there is room for 8 rows, with 16 for 4.
        match S::F32_LANES {
            16 => self.run::<S, 8>(simd),
            _ => self.run::<S, 4>(simd),
        }
    }
}

impl Product<'_, '_> {
    #[inline(always)]
    fn run<S: Simd, const R: usize>(self, simd: S) {
        let Product {
            scale,
            a,
            b,
            out,
            strips,
            panels,
        } = self;
        let lanes = S::F32_LANES;
        for from in (0..b.rows).step_by(DEPTH) {
            let depth = DEPTH.min(b.rows - from);
            lay_out(b.turned(), from, depth, VECTORS * lanes, lanes, 1.0, panels);
            lay_out(a, from, depth, R, R, scale, strips);
            let strip = depth * R;
            let mut rest = &panels[..];
            for column in (0..b.columns).step_by(VECTORS * lanes) {
                let wide = (b.columns - column).min(VECTORS * lanes);
                let vectors = wide.div_ceil(lanes);
                let (panel, later) = rest.split_at(depth * vectors * lanes);
                rest = later;
                let (panel, _) = S::as_simd_f32s(panel);
                for (number, strip) in strips.chunks_exact(strip).enumerate() {
                    let rows = R.min(a.rows - number * R);
                    let first = number * R * out.stride + column;
                    let target = Target {
                        values: &mut out.values[first..],
                        stride: out.stride,
                        rows,
                        columns: wide,
                    };
                    match vectors {
                        3 => tile::<S, R, 3>(simd, strip, panel, target),
                        2 => tile::<S, R, 2>(simd, strip, panel, target),
                        _ => tile::<S, R, 1>(simd, strip, panel, target),
                    }
                }
            }
        }
    }
}

impl View<'_> {
    fn turned(self) -> Self {
        View {
            rows: self.columns,
            columns: self.rows,
            steps: [self.steps[1], self.steps[0]],
            ..self
        }
    }
}

/// Lays out the columns `from..from + depth` of a matrix (times `scale`) in strips of `high` rows, column after column; the last strip is as high as its
/// rows need in multiples of `unit`, its missing rows zero.
#[inline(always)]
fn lay_out(
    matrix: View<'_>,
    from: usize,
    depth: usize,
    high: usize,
    unit: usize,
    scale: f32,
    out: &mut Vec<f32>,
) {
    out.resize(matrix.rows.next_multiple_of(unit) * depth, 0.0);
    let [down, right] = matrix.steps;
    let mut rest = &mut out[..];
    for first in (0..matrix.rows).step_by(high) {
        let rows = high.min(matrix.rows - first);
        let tall = rows.next_multiple_of(unit);
        let (strip, later) = rest.split_at_mut(tall * depth);
        rest = later;
        let corner = first * down + from * right;
        match down {
            // Rows lie side by side: a column is copied as a whole.
            1 => {
                for (at, column) in strip.chunks_exact_mut(tall).enumerate() {
                    let own = &matrix.values[corner + at * right..][..rows];
                    let (head, tail) = column.split_at_mut(rows);
                    for (out, value) in head.iter_mut().zip(own) {
                        *out = value * scale;
                    }
                    tail.fill(0.0);
                }
            }
            _ => {
                // Eight rows are read side by side, so that what is written lies together.
                for group in (0..tall).step_by(SIDE) {
                    let own: [&[f32]; SIDE] = std::array::from_fn(|row| match group + row < rows {
                        true => &matrix.values[corner + (group + row) * down..][..depth],
                        false => &[],
                    });
                    let columns = strip.chunks_exact_mut(tall).enumerate();
                    if group + SIDE <= rows {
                        for (at, column) in columns {
                            let column = &mut column[group..group + SIDE];
                            for (out, own) in column.iter_mut().zip(own) {
                                *out = own[at] * scale;
                            }
                        }
                        continue;
                    }
                    for (at, column) in columns {
                        let column = &mut column[group..tall.min(group + SIDE)];
                        for (out, own) in column.iter_mut().zip(own) {
                            *out = own.get(at).map_or(0.0, |value| value * scale);
                        }
                    }
                }
            }
        }
    }
}

/// Where a tile goes.
struct Target<'a> {
    values: &'a mut [f32],
    stride: usize,
    rows: usize,
    columns: usize,
}

/// Adds the product of a strip and a panel.
#[inline(always)]
fn tile<S: Simd, const R: usize, const V: usize>(
    simd: S,
    strip: &[f32],
    panel: &[S::f32s],
    target: Target<'_>,
) {
    let mut sums = [[simd.splat_f32s(0.0); V]; R];
    let (strip, _) = strip.as_chunks::<R>();
    let (panel, _) = pulp::as_arrays::<V, _>(panel);
    for (values, vectors) in strip.iter().zip(panel) {
        for row in 0..R {
            let value = simd.splat_f32s(values[row]);
            for vector in 0..V {
                sums[row][vector] = simd.mul_add_e_f32s(value, vectors[vector], sums[row][vector]);
            }
        }
    }
    let lanes = S::F32_LANES;
    let rows = target.values.chunks_mut(target.stride).take(target.rows);
    for (row, sums) in rows.zip(sums) {
        let row = &mut row[..target.columns];
        if target.columns == V * lanes {
            let (row, _) = S::as_mut_simd_f32s(row);
            for (out, sum) in row.iter_mut().zip(sums) {
                *out = simd.add_f32s(*out, sum);
            }
            continue;
        }
        for (out, sum) in row.chunks_mut(lanes).zip(sums) {
            let before = simd.partial_load_f32s(out);
            simd.partial_store_f32s(out, simd.add_f32s(before, sum));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_of_the_definition() {
        for (m, k, n) in [
            (1, 1, 1),
            (8, 3, 48),
            (13, 300, 37),
            (5, 40, 100),
            (70, 513, 32),
            (3, 2, 49),
        ] {
            let a: Vec<f32> = (0..m * k).map(|i| ((i * 7) % 11) as f32 - 5.0).collect();
            let b: Vec<f32> = (0..k * n).map(|i| ((i * 5) % 13) as f32 - 6.0).collect();
            for turn_a in [false, true] {
                for turn_b in [false, true] {
                    let view = |values, rows, columns, turned: bool| View {
                        values,
                        rows,
                        columns,
                        steps: if turned { [1, rows] } else { [columns, 1] },
                    };
                    let (a, b) = (view(&a, m, k, turn_a), view(&b, k, n, turn_b));
                    let at = |v: View<'_>, i: usize, j: usize| v.values[i * v.steps[0] + j * v.steps[1]];
                    let stride = n + 3;
                    let mut out = vec![1.5; m * stride];
                    let mut target = Out {
                        values: &mut out,
                        stride,
                    };
                    product(0.5, a, b, 2.0, &mut target);
                    for i in 0..m {
                        for j in 0..n {
                            let sum: f32 = (0..k).map(|t| at(a, i, t) * at(b, t, j)).sum();
                            assert_eq!(out[i * stride + j], 3.0 + 0.5 * sum, "{m} {k} {n}");
                        }
                        assert!(out[i * stride + n..(i + 1) * stride].iter().all(|v| *v == 1.5));
                    }
                }
            }
        }
    }
}
