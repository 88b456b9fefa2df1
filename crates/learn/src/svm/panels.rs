//! Kernel rows computed from points, many columns side by side.

use ndarray::Array2;
use pulp::Arch;

use super::kernel::{Function, Kernel};
use crate::simd::vectorise;

/// Columns computed side by side.
pub(super) const WIDTH: usize = 32;

/// Points laid out so that one input of [`WIDTH`] points is contiguous.
#[derive(Debug)]
pub(super) struct Panels {
    inputs: usize,
    values: Vec<[f32; WIDTH]>,
}

impl Panels {
    /// The points of `x` at these positions.
    pub(super) fn new(x: &Array2<f32>, at: impl ExactSizeIterator<Item = usize>) -> Panels {
        let inputs = x.ncols();
        let mut values = vec![[0.0; WIDTH]; at.len().div_ceil(WIDTH) * inputs];
        for (column, point) in at.enumerate() {
            let panel = &mut values[column / WIDTH * inputs..][..inputs];
            for (lanes, &value) in panel.iter_mut().zip(x.row(point)) {
                lanes[column % WIDTH] = value;
            }
        }
        Panels { inputs, values }
    }

    /// The kernel of `point` with every point here; what pads the last panel has no meaning.
    pub(super) fn row(&self, arch: Arch, function: &Function, point: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; self.values.len() / self.inputs * WIDTH];
        let (gamma, coef0) = (function.gamma as f32, function.coef0 as f32);
        match function.kind {
            Kernel::Linear => vectorise!(arch, self.fill(point, &mut out, product, |dot| dot)),
            Kernel::Poly => vectorise!(
                arch,
                self.fill(
                    point,
                    &mut out,
                    product,
                    #[inline(always)]
                    |dot| power(gamma * dot + coef0, function.degree)
                )
            ),
            Kernel::Rbf => vectorise!(
                arch,
                self.fill(
                    point,
                    &mut out,
                    squared_difference,
                    #[inline(always)]
                    |square| exp(-gamma * square)
                )
            ),
        }
        out
    }

    #[inline(always)]
    fn fill(
        &self,
        point: &[f32],
        out: &mut [f32],
        term: impl Fn(f32, f32) -> f32,
        finish: impl Fn(f32) -> f32,
    ) {
        let panels = self.values.chunks_exact(self.inputs);
        for (out, panel) in out.as_chunks_mut::<WIDTH>().0.iter_mut().zip(panels) {
            let mut sums = [0.0f32; WIDTH];
            for (lanes, &value) in panel.iter().zip(point) {
                for lane in 0..WIDTH {
                    sums[lane] += term(lanes[lane], value);
                }
            }
            for lane in 0..WIDTH {
                out[lane] = finish(sums[lane]);
            }
        }
    }
}

#[inline(always)]
fn product(a: f32, b: f32) -> f32 {
    a * b
}

#[inline(always)]
fn squared_difference(a: f32, b: f32) -> f32 {
    (a - b) * (a - b)
}

#[inline(always)]
fn power(base: f32, degree: u32) -> f32 {
    let mut result = 1.0;
    for _ in 0..degree {
        result *= base;
    }
    result
}

/// `e^x` for `x` not above 0, to a few units in the last place.
#[inline(always)]
fn exp(x: f32) -> f32 {
    /// Adding and subtracting it rounds to a whole number.
    const ROUND: f32 = 12_582_912.0;
    let x = if x > -87.0 { x } else { -87.0 };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let whole = shifted - ROUND;
    // ln 2 in two parts, so that the remainder is exact.
    let r = x - whole * 0.693_359_4 + whole * 2.121_944_4e-4;
    let tail = 1.0 / 120.0 + r * (1.0 / 720.0 + r * (1.0 / 5040.0));
    let series = 1.0 + r * (1.0 + r * (0.5 + r * (1.0 / 6.0 + r * (1.0 / 24.0 + r * tail))));
    // The whole number sits in the low bits of `shifted`; moved into the exponent, it is the power of two.
    f32::from_bits((shifted.to_bits() + 127) << 23) * series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_accurate_and_never_odd() {
        for step in 0..90_000 {
            let x = -f64::from(step) / 1000.0;
            let (ours, true_value) = (f64::from(exp(x as f32)), f64::from(x as f32).exp());
            assert!(
                (ours - true_value).abs() <= 4e-7 * true_value + 2e-38,
                "{x}: {ours}"
            );
        }
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(f32::NEG_INFINITY) < 1e-37 && exp(f32::NAN) < 1e-37);
    }
}
