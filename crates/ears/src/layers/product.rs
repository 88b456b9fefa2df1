//! Products of tall matrices with the weights of a pointwise convolution.
//!
//! A general product packs both of its matrices first, which for a few dozen columns takes longer than the product itself; here the
//! weights are packed once, and the other matrix is read where it lies.

use ndarray::ArrayView2;
use pulp::{Arch, Simd, WithSimd};

/// Rows that are multiplied side by side.
const ROWS: usize = 6;
/// Vectors of columns that are multiplied side by side.
const VECTORS: usize = 2;

/// Weights (inputs x outputs) in panels of some columns, row after row.
#[derive(Debug, Clone)]
pub struct Packed {
    panels: Vec<f32>,
    inputs: usize,
    outputs: usize,
    /// Columns of a panel; missing ones are zero.
    wide: usize,
}

impl Packed {
    /// Packs weights (inputs x outputs) for the vectors of this processor.
    pub fn new(weights: ArrayView2<'_, f32>) -> Packed {
        let (inputs, outputs) = weights.dim();
        let wide = Arch::new().dispatch(Wide);
        let mut panels = Vec::with_capacity(outputs.div_ceil(wide) * wide * inputs);
        for from in (0..outputs).step_by(wide) {
            for row in weights.rows() {
                panels.extend((from..from + wide).map(|column| row.get(column).copied().unwrap_or(0.0)));
            }
        }
        Packed {
            panels,
            inputs,
            outputs,
            wide,
        }
    }

    /// Columns of the weights.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Adds the product of rows (each of as many values as there are inputs) and the weights to `out`, whose rows are as many.
    pub fn add(&self, rows: &[f32], out: &mut [f32]) {
        Arch::new().dispatch(Product {
            packed: self,
            rows,
            out,
        });
    }
}

/// Asks for the columns of a panel.
struct Wide;

impl WithSimd for Wide {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        VECTORS * S::F32_LANES
    }
}

struct Product<'a> {
    packed: &'a Packed,
    rows: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let &Packed {
            ref panels,
            inputs,
            outputs,
            wide,
        } = self.packed;
        for (number, panel) in panels.chunks_exact(inputs * wide).enumerate() {
            let columns = number * wide..((number + 1) * wide).min(outputs);
            let (panel, _) = S::as_simd_f32s(panel);
            let mut rows = self.rows.chunks_exact(ROWS * inputs);
            let mut outs = self.out.chunks_exact_mut(ROWS * outputs);
            for (rows, out) in rows.by_ref().zip(outs.by_ref()) {
                tile::<S, ROWS>(simd, rows, panel, out, outputs, columns.clone());
            }
            let last = outs.into_remainder().chunks_exact_mut(outputs);
            for (row, out) in rows.remainder().chunks_exact(inputs).zip(last) {
                tile::<S, 1>(simd, row, panel, out, outputs, columns.clone());
            }
        }
    }
}

/// Some rows times one panel.
#[inline(always)]
fn tile<S: Simd, const R: usize>(
    simd: S,
    rows: &[f32],
    panel: &[S::f32s],
    out: &mut [f32],
    outputs: usize,
    columns: std::ops::Range<usize>,
) {
    let (panel, _) = pulp::as_arrays::<VECTORS, _>(panel);
    let mut starts = rows.chunks_exact(panel.len());
    // Of the panel's length all, so that places are checked once.
    let rows: [&[f32]; R] = std::array::from_fn(|_| &starts.next().unwrap_or_default()[..panel.len()]);
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; R];
    for input in 0..panel.len() {
        for row in 0..R {
            let value = simd.splat_f32s(rows[row][input]);
            for vector in 0..VECTORS {
                sums[row][vector] = simd.mul_add_e_f32s(value, panel[input][vector], sums[row][vector]);
            }
        }
    }
    for (row, sums) in sums.into_iter().enumerate() {
        let out = &mut out[row * outputs..(row + 1) * outputs][columns.clone()];
        let lanes = S::F32_LANES;
        if out.len() == VECTORS * lanes {
            let (out, _) = S::as_mut_simd_f32s(out);
            for (out, sum) in out.iter_mut().zip(sums) {
                *out = simd.add_f32s(*out, sum);
            }
            continue;
        }
        for (out, sum) in out.chunks_mut(lanes).zip(sums) {
            let before = simd.partial_load_f32s(out);
            simd.partial_store_f32s(out, simd.add_f32s(before, sum));
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn products_are_those_of_the_matrices() {
        for (rows, inputs, outputs) in [(1, 1, 1), (6, 3, 16), (13, 27, 37), (5, 40, 7), (49, 32, 160)] {
            let x = Array2::from_shape_fn((rows, inputs), |(i, j)| ((3 * i + 5 * j) % 11) as f32 - 5.0);
            let w = Array2::from_shape_fn((inputs, outputs), |(i, j)| ((7 * i + 2 * j) % 13) as f32 - 6.0);
            let mut out = vec![0.5; rows * outputs];
            Packed::new(w.view()).add(x.as_slice().unwrap(), &mut out);
            let expected = x.dot(&w) + 0.5;
            assert_eq!(
                out,
                expected.into_raw_vec_and_offset().0,
                "{rows} x {inputs} x {outputs}"
            );
        }
    }
}
