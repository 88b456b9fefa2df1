//! Kernel functions and matrices.

use ndarray::{Array1, Array2, ArrayView2, Axis, Slice};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Rows of a kernel matrix computed at once.
const BLOCK: usize = 256;
/// Kernel values beyond this leave no room for arithmetic in single precision.
const LARGEST: f64 = 1e30;

/// The shape of the boundaries between classes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kernel {
    /// `x·y`.
    Linear,
    /// `exp(-gamma ‖x - y‖²)`.
    #[default]
    Rbf,
    /// `(gamma x·y + coef0)^degree`.
    Poly,
}

/// A kernel with its parameters settled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Function {
    pub(super) kind: Kernel,
    pub(super) gamma: f64,
    pub(super) coef0: f64,
    pub(super) degree: u32,
}

impl Function {
    /// The values for rows whose dot products are in `dots`, in place; `squares` are the squared lengths of the rows
    /// and of the columns.
    pub(super) fn apply(&self, dots: &mut Array2<f64>, rows: &[f64], columns: &[f64]) {
        match self.kind {
            Kernel::Linear => {}
            Kernel::Poly => dots.mapv_inplace(|dot| power(self.gamma * dot + self.coef0, self.degree)),
            Kernel::Rbf => {
                for (mut dots, &square) in dots.rows_mut().into_iter().zip(rows) {
                    for (dot, &other) in dots.iter_mut().zip(columns) {
                        let distance = square + other - 2.0 * *dot;
                        // Lengths that overflow are far from everything.
                        let distance = if distance.is_nan() {
                            f64::INFINITY
                        } else {
                            distance
                        };
                        *dot = (-self.gamma * distance.max(0.0)).exp();
                    }
                }
            }
        }
    }
}

/// `base` to a small whole power, by squaring as LIBSVM does it.
#[inline(always)]
fn power(base: f64, degree: u32) -> f64 {
    let (mut result, mut base, mut left) = (1.0, base, degree);
    while left > 0 {
        if left % 2 == 1 {
            result *= base;
        }
        base *= base;
        left /= 2;
    }
    result
}

/// The squared length of each row.
pub(super) fn squares(x: ArrayView2<f64>) -> Vec<f64> {
    x.rows().into_iter().map(|row| row.dot(&row)).collect()
}

/// All dot products of a set of rows, from which every kernel matrix is made.
#[derive(Debug)]
pub(super) struct Dots {
    /// Blocks of rows from the first column to the diagonal.
    blocks: Vec<Array2<f64>>,
    squares: Vec<f64>,
}

impl Dots {
    pub(super) fn new(x: &Array2<f64>) -> Dots {
        let starts: Vec<usize> = (0..x.nrows()).step_by(BLOCK).collect();
        let block = |&start: &usize| {
            let end = (start + BLOCK).min(x.nrows());
            let rows = x.slice_axis(Axis(0), Slice::from(start..end));
            rows.dot(&x.slice_axis(Axis(0), Slice::from(..end)).t())
        };
        let blocks = starts.par_iter().map(block).collect();
        Dots {
            blocks,
            squares: squares(x.view()),
        }
    }
}

/// A whole kernel matrix in single precision.
#[derive(Debug)]
pub(super) struct Gram {
    n: usize,
    values: Vec<f32>,
}

impl Gram {
    /// # Errors
    /// [`Error::Examples`] when a value is too large.
    pub(super) fn new(dots: &Dots, function: &Function) -> Result<Gram> {
        if !dots.squares.iter().all(|&square| square < LARGEST) {
            return Err(too_large());
        }
        let n = dots.squares.len();
        let mut gram = Gram {
            n,
            values: vec![0.0; n * n],
        };
        let bands = gram.values.par_chunks_mut((BLOCK * n).max(1));
        let sound = bands
            .zip(&dots.blocks)
            .enumerate()
            .map(|(band, (values, block))| {
                let start = band * BLOCK;
                let mut block = block.clone();
                function.apply(&mut block, &dots.squares[start..], &dots.squares);
                for (out, row) in values.chunks_exact_mut(n).zip(block.rows()) {
                    out.iter_mut()
                        .zip(row)
                        .for_each(|(out, &value)| *out = value as f32);
                }
                block.iter().all(|value| value.abs() < LARGEST)
            });
        if !sound.reduce(|| true, |a, b| a && b) {
            return Err(too_large());
        }
        gram.mirror();
        Ok(gram)
    }

    /// Fills what lies right of the diagonal blocks, in tiles that stay in the processor's cache.
    fn mirror(&mut self) {
        let n = self.n;
        for tile in (0..n).step_by(BLOCK) {
            let (upper, lower) = self.values.split_at_mut((tile + BLOCK).min(n) * n);
            let (below, right) = (lower.len() / n.max(1), (tile + BLOCK).min(n));
            for group in (0..below).step_by(8) {
                for row in tile..right {
                    for other in group..(group + 8).min(below) {
                        upper[row * n + right + other] = lower[other * n + row];
                    }
                }
            }
        }
    }

    pub(super) fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.n..(row + 1) * self.n]
    }
}

pub(super) fn too_large() -> Error {
    Error::Examples("kernel values of the support vector machine are too large; scale the inputs".to_owned())
}

/// Points copied to single precision, for kernel rows that are computed when they are asked for.
#[derive(Debug)]
pub(super) struct Points {
    pub(super) x: Array2<f32>,
    pub(super) diagonal: Vec<f32>,
}

impl Points {
    /// # Errors
    /// [`Error::Examples`] when a kernel value is too large.
    pub(super) fn new(x: &Array2<f64>, function: &Function) -> Result<Points> {
        // Distances do not change with the origin, and lose less to rounding near it.
        let centre = match function.kind {
            Kernel::Rbf => x.mean_axis(Axis(0)).unwrap_or_default(),
            _ => Array1::zeros(x.ncols()),
        };
        let small = (x - &centre).mapv(|value| value as f32);
        let itself = |square: f64| match function.kind {
            Kernel::Linear => square,
            Kernel::Poly => power(function.gamma * square + function.coef0, function.degree),
            Kernel::Rbf => 1.0,
        };
        let largest = squares((x - &centre).view());
        let sound = largest
            .iter()
            .all(|&square| square < LARGEST && itself(square).abs() < LARGEST);
        if !sound {
            return Err(too_large());
        }
        Ok(Points {
            diagonal: largest.iter().map(|&square| itself(square) as f32).collect(),
            x: small,
        })
    }
}
