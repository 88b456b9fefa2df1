//! A layer of LSTM cells as one operation: one product for the inputs of all steps, then a small one for each step.
//!
//! Sequences are independent until their gradients are added up, and each sum is taken in one order by one thread: results are the
//! same on any number of threads. For the way back, the gates and the memory of every step are kept.

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayView3, ArrayViewMut2, ArrayViewMut3, Axis};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::super::elu::exp_of;
use super::super::spare::{Buffer, Spare};

/// Cells side by side.
const LANES: usize = 16;

/// The sizes of a layer and its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    pub batch: usize,
    pub steps: usize,
    pub inputs: usize,
    pub units: usize,
}

/// What a layer works on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbers<'a> {
    /// Batch x steps x inputs.
    pub x: &'a [f32],
    /// Inputs x 4 units: input, forget, cell, output.
    pub kernel: &'a [f32],
    /// Units x 4 units.
    pub recurrent: &'a [f32],
    /// 4 units.
    pub bias: &'a [f32],
    /// Batch x units.
    pub hidden: &'a [f32],
    /// Batch x units.
    pub cell: &'a [f32],
}

/// What the way back needs beside the numbers.
#[derive(Debug)]
pub(super) struct Kept {
    /// Batch x steps x 4 units, after their functions.
    gates: Buffer,
    /// What the cells gave before each step: batch x steps x units.
    before: Buffer,
    /// What they remembered before each step and after the last: batch x (steps + 1) x units.
    cells: Buffer,
}

/// The gradients of a layer.
#[derive(Debug)]
pub(super) struct Backward {
    /// Of the inputs, where they were asked for.
    pub x: Option<Vec<f32>>,
    pub kernel: Vec<f32>,
    pub recurrent: Vec<f32>,
    pub bias: Vec<f32>,
    pub hidden: Vec<f32>,
    pub cell: Vec<f32>,
}

/// What the cells give after each step and remember after the last: batch x (steps + 1) x units.
pub(super) fn forward(sizes: Sizes, numbers: Numbers<'_>, spare: &Spare) -> (Vec<f32>, Kept) {
    let Sizes {
        batch,
        steps,
        inputs,
        units,
    } = sizes;
    let mut gates = spare.take(batch * steps * 4 * units);
    let mut before = spare.take(batch * steps * units);
    let mut cells = spare.take(batch * (steps + 1) * units);
    for row in gates.values.chunks_exact_mut(4 * units) {
        row.copy_from_slice(numbers.bias);
    }
    let rows = batch * steps;
    add_product(
        matrix(numbers.x, rows, inputs),
        matrix(numbers.kernel, inputs, 4 * units),
        matrix_mut(&mut gates.values, rows, 4 * units),
    );
    let mut output = vec![0.0; batch * (steps + 1) * units];
    let some = share(batch);
    let parts = gates.values.par_chunks_mut(some * steps * 4 * units);
    parts
        .zip(before.values.par_chunks_mut(some * steps * units))
        .zip(cells.values.par_chunks_mut(some * (steps + 1) * units))
        .zip(output.par_chunks_mut(some * (steps + 1) * units))
        .zip(numbers.hidden.par_chunks(some * units))
        .zip(numbers.cell.par_chunks(some * units))
        .for_each(|(((((gates, before), cells), output), hidden), cell)| {
            let sequences = hidden.len() / units;
            for b in 0..sequences {
                before[b * steps * units..][..units].copy_from_slice(&hidden[b * units..][..units]);
                cells[b * (steps + 1) * units..][..units].copy_from_slice(&cell[b * units..][..units]);
            }
            for step in 0..steps {
                let seen = cube(before, sequences, steps, units);
                let mut driven = cube_mut(gates, sequences, steps, 4 * units);
                general_mat_mul(
                    1.0,
                    &seen.index_axis(Axis(1), step),
                    &matrix(numbers.recurrent, units, 4 * units),
                    1.0,
                    &mut driven.index_axis_mut(Axis(1), step),
                );
                Arch::new().dispatch(Forth {
                    sizes,
                    step,
                    gates,
                    before,
                    cells,
                    output,
                });
            }
        });
    let kept = Kept { gates, before, cells };
    (output, kept)
}

/// The way back: from the gradient of what [`forward`] gives to all others; inputs that need none are left out.
pub(super) fn backward(
    sizes: Sizes,
    numbers: Numbers<'_>,
    kept: &Kept,
    gradient: &[f32],
    needed: bool,
    spare: &Spare,
) -> Backward {
    let Sizes {
        batch,
        steps,
        inputs,
        units,
    } = sizes;
    let rows = batch * steps;
    let recurrent = matrix(numbers.recurrent, units, 4 * units);
    let mut gates = spare.take(rows * 4 * units);
    let mut hidden = vec![0.0; batch * units];
    let mut cell = vec![0.0; batch * units];
    let some = share(batch);
    let parts = gates.values.par_chunks_mut(some * steps * 4 * units);
    parts
        .zip(hidden.par_chunks_mut(some * units))
        .zip(cell.par_chunks_mut(some * units))
        .zip(kept.gates.values.par_chunks(some * steps * 4 * units))
        .zip(kept.cells.values.par_chunks(some * (steps + 1) * units))
        .zip(gradient.par_chunks(some * (steps + 1) * units))
        .for_each(|(((((gates, hidden), cell), known), cells), gradient)| {
            let sequences = hidden.len() / units;
            for b in 0..sequences {
                let last = (b * (steps + 1) + steps) * units;
                cell[b * units..][..units].copy_from_slice(&gradient[last..][..units]);
            }
            for step in (0..steps).rev() {
                Arch::new().dispatch(Back {
                    sizes,
                    step,
                    known,
                    cells,
                    gradient,
                    gates,
                    hidden,
                    cell,
                });
                let gates = cube(gates, sequences, steps, 4 * units);
                general_mat_mul(
                    1.0,
                    &gates.index_axis(Axis(1), step),
                    &recurrent.t(),
                    0.0,
                    &mut matrix_mut(hidden, sequences, units),
                );
            }
        });
    let driven = matrix(&gates.values, rows, 4 * units);
    let x = needed.then(|| {
        let mut x = vec![0.0; rows * inputs];
        let kernel = matrix(numbers.kernel, inputs, 4 * units);
        add_product(driven, kernel.reversed_axes(), matrix_mut(&mut x, rows, inputs));
        x
    });
    let mut of_kernel = vec![0.0; inputs * 4 * units];
    let seen = matrix(numbers.x, rows, inputs);
    add_product(
        seen.reversed_axes(),
        driven,
        matrix_mut(&mut of_kernel, inputs, 4 * units),
    );
    let mut of_recurrent = vec![0.0; units * 4 * units];
    let before = matrix(&kept.before.values, rows, units);
    add_product(
        before.reversed_axes(),
        driven,
        matrix_mut(&mut of_recurrent, units, 4 * units),
    );
    let mut bias = vec![0.0; 4 * units];
    for row in gates.values.chunks_exact(4 * units) {
        bias.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
    Backward {
        x,
        kernel: of_kernel,
        recurrent: of_recurrent,
        bias,
        hidden,
        cell,
    }
}

/// Sequences that one thread takes.
fn share(batch: usize) -> usize {
    batch.div_ceil(rayon::current_num_threads()).max(1)
}

fn matrix(values: &[f32], rows: usize, columns: usize) -> ArrayView2<'_, f32> {
    ArrayView2::from_shape((rows, columns), values).expect("numbers have the sizes they were made with")
}

fn matrix_mut(values: &mut [f32], rows: usize, columns: usize) -> ArrayViewMut2<'_, f32> {
    ArrayViewMut2::from_shape((rows, columns), values).expect("numbers have the sizes they were made with")
}

fn cube(values: &[f32], batch: usize, steps: usize, width: usize) -> ArrayView3<'_, f32> {
    ArrayView3::from_shape((batch, steps, width), values).expect("numbers have the sizes they were made with")
}

fn cube_mut(values: &mut [f32], batch: usize, steps: usize, width: usize) -> ArrayViewMut3<'_, f32> {
    ArrayViewMut3::from_shape((batch, steps, width), values)
        .expect("numbers have the sizes they were made with")
}

/// Adds `a b` to `out`, each thread to some of its rows.
fn add_product(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>, mut out: ArrayViewMut2<'_, f32>) {
    let some = share(out.nrows());
    let outs: Vec<_> = out.axis_chunks_iter_mut(Axis(0), some).collect();
    let rows: Vec<_> = a.axis_chunks_iter(Axis(0), some).collect();
    outs.into_par_iter()
        .zip(rows)
        .for_each(|(mut out, rows)| general_mat_mul(1.0, &rows, &b, 1.0, &mut out));
}

/// One over one plus the exponential of `-z`.
#[inline(always)]
fn sigmoid_of(z: f32) -> f32 {
    let e = exp_of(-z.abs());
    let small = 1.0 / (1.0 + e);
    if z < 0.0 { e * small } else { small }
}

#[inline(always)]
fn tanh_of(z: f32) -> f32 {
    let e = exp_of(-2.0 * z.abs());
    ((1.0 - e) / (1.0 + e)).copysign(z)
}

/// Neighbouring values; zeros beyond the last.
#[inline(always)]
fn load(values: &[f32], at: usize) -> [f32; LANES] {
    let values = &values[at..];
    let mut out = [0.0; LANES];
    match values.first_chunk() {
        Some(values) => out = *values,
        None => out[..values.len()].copy_from_slice(values),
    }
    out
}

#[inline(always)]
fn store(out: &mut [f32], at: usize, values: [f32; LANES]) {
    let out = &mut out[at..];
    match out.first_chunk_mut() {
        Some(out) => *out = values,
        None => out.copy_from_slice(&values[..out.len()]),
    }
}

/// The functions of a step, for some sequences.
struct Forth<'a> {
    sizes: Sizes,
    step: usize,
    gates: &'a mut [f32],
    before: &'a mut [f32],
    cells: &'a mut [f32],
    output: &'a mut [f32],
}

impl WithSimd for Forth<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Sizes { steps, units, .. } = self.sizes;
        let (step, all) = (self.step, steps + 1);
        for b in 0..self.cells.len() / (all * units) {
            let gates = &mut self.gates[(b * steps + step) * 4 * units..][..4 * units];
            let (input, rest) = gates.split_at_mut(units);
            let (forget, rest) = rest.split_at_mut(units);
            let (candidate, opening) = rest.split_at_mut(units);
            let (known, next) = self.cells[(b * all + step) * units..][..2 * units].split_at_mut(units);
            let output = &mut self.output[b * all * units..][..all * units];
            let given = &mut output[step * units..][..units];
            for at in (0..units).step_by(LANES) {
                let (mut i, mut f) = (load(input, at), load(forget, at));
                let (mut g, mut o) = (load(candidate, at), load(opening, at));
                let mut c = load(known, at);
                let mut h = [0.0; LANES];
                for lane in 0..LANES {
                    i[lane] = sigmoid_of(i[lane]);
                    f[lane] = sigmoid_of(f[lane]);
                    g[lane] = tanh_of(g[lane]);
                    o[lane] = sigmoid_of(o[lane]);
                    c[lane] = f[lane] * c[lane] + i[lane] * g[lane];
                    h[lane] = o[lane] * tanh_of(c[lane]);
                }
                store(input, at, i);
                store(forget, at, f);
                store(candidate, at, g);
                store(opening, at, o);
                store(next, at, c);
                store(given, at, h);
            }
            if step + 1 < steps {
                self.before[(b * steps + step + 1) * units..][..units].copy_from_slice(given);
            } else {
                output[steps * units..].copy_from_slice(next);
            }
        }
    }
}

/// The way back through the functions of a step, for some sequences.
struct Back<'a> {
    sizes: Sizes,
    step: usize,
    /// The gates of the way forth.
    known: &'a [f32],
    cells: &'a [f32],
    /// Of all that was given.
    gradient: &'a [f32],
    /// Of the gates, before their functions.
    gates: &'a mut [f32],
    /// Of what the cells gave, as far as later steps say.
    hidden: &'a [f32],
    /// Of what the cells remember.
    cell: &'a mut [f32],
}

impl WithSimd for Back<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Sizes { steps, units, .. } = self.sizes;
        let (step, all) = (self.step, steps + 1);
        for b in 0..self.hidden.len() / units {
            let known = &self.known[(b * steps + step) * 4 * units..][..4 * units];
            let (input, rest) = known.split_at(units);
            let (forget, rest) = rest.split_at(units);
            let (candidate, opening) = rest.split_at(units);
            let gates = &mut self.gates[(b * steps + step) * 4 * units..][..4 * units];
            let (before, after) = self.cells[(b * all + step) * units..][..2 * units].split_at(units);
            let gradient = &self.gradient[(b * all + step) * units..][..units];
            let hidden = &self.hidden[b * units..][..units];
            let cell = &mut self.cell[b * units..][..units];
            for at in (0..units).step_by(LANES) {
                let (mut i, mut f) = (load(input, at), load(forget, at));
                let (mut g, mut o) = (load(candidate, at), load(opening, at));
                let (before, after) = (load(before, at), load(after, at));
                let (direct, later) = (load(gradient, at), load(hidden, at));
                let mut of_cell = load(cell, at);
                for lane in 0..LANES {
                    let of_hidden = direct[lane] + later[lane];
                    let bent = tanh_of(after[lane]);
                    let through = of_cell[lane] + of_hidden * o[lane] * (1.0 - bent * bent);
                    of_cell[lane] = through * f[lane];
                    o[lane] = of_hidden * bent * o[lane] * (1.0 - o[lane]);
                    f[lane] = through * before[lane] * f[lane] * (1.0 - f[lane]);
                    let (open, value) = (i[lane], g[lane]);
                    i[lane] = through * value * open * (1.0 - open);
                    g[lane] = through * open * (1.0 - value * value);
                }
                store(cell, at, of_cell);
                for (n, values) in [i, f, g, o].into_iter().enumerate() {
                    store(&mut gates[n * units..(n + 1) * units], at, values);
                }
            }
        }
    }
}
