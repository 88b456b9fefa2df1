//! Running a piece of code with the processor's vector units, and sums over slices in a fixed order of lanes.
//!
//! `vectorise!(arch, code)` compiles the code once for the baseline processor and once for AVX2 (through `pulp`, which
//! chooses when the program runs). What the code calls must be `#[inline(always)]` to be compiled along. The order of the additions is
//! written down here, not left to the compiler, so it is the same on every processor.

/// Evaluates an expression with the vector instructions of the processor at hand.
macro_rules! vectorise {
    ($arch:expr, $code:expr) => {{
        // Moving a value out makes the closure callable once only. Any other closure would be called through a
        // generated function of the baseline processor, and stay there.
        let once = $crate::simd::Once;
        $arch.dispatch(
            #[inline(always)]
            || {
                let _once: $crate::simd::Once = once;
                $code
            },
        )
    }};
}

pub(crate) use vectorise;

/// Has no value and cannot be copied: see [`vectorise`].
pub(crate) struct Once;

/// Values that are handled side by side.
pub(crate) const LANES: usize = 8;
/// Independent running sums, to hide the latency of an addition.
const WIDE: usize = 4 * LANES;

/// Folds a slice into [`WIDE`] running sums and these into one; the remainder is added last.
#[inline(always)]
fn reduce<const K: usize>(slices: [&[f32]; K], term: impl Fn([f32; K]) -> f32) -> f32 {
    let len = slices[0].len();
    let slices = slices.map(|s| &s[..len]);
    let mut sums = [0.0f32; WIDE];
    let whole = len - len % WIDE;
    let mut start = 0;
    while start < whole {
        let blocks: [&[f32; WIDE]; K] = slices.map(|s| {
            s[start..start + WIDE]
                .try_into()
                .expect("a block has WIDE values")
        });
        for lane in 0..WIDE {
            sums[lane] += term(blocks.map(|b| b[lane]));
        }
        start += WIDE;
    }
    let mut width = WIDE;
    while width > 1 {
        width /= 2;
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
    }
    let mut total = sums[0];
    for i in whole..len {
        total += term(slices.map(|s| s[i]));
    }
    total
}

/// Sum of the values.
#[inline(always)]
pub(crate) fn sum(a: &[f32]) -> f32 {
    reduce([a], |[x]| x)
}

/// Sum of the squares.
#[inline(always)]
pub(crate) fn sum_of_squares(a: &[f32]) -> f32 {
    reduce([a], |[x]| x * x)
}

/// Sum of the products of two slices of one length.
#[inline(always)]
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    reduce([a, b], |[x, y]| x * y)
}

/// Sum of `weight * (value - centre)^2`.
#[inline(always)]
pub(crate) fn weighted_deviation(weights: &[f32], values: &[f32], centre: f32) -> f32 {
    reduce([weights, values], |[w, v]| {
        let d = v - centre;
        w * (d * d)
    })
}

/// Sum of `(scale_a * a - scale_b * b)^2`.
#[inline(always)]
pub(crate) fn scaled_distance(a: &[f32], scale_a: f32, b: &[f32], scale_b: f32) -> f32 {
    reduce([a, b], |[x, y]| {
        let d = scale_a * x - scale_b * y;
        d * d
    })
}

/// Largest value, or zero for an empty slice of non-negative values.
#[inline(always)]
pub(crate) fn max_non_negative(a: &[f32]) -> f32 {
    let mut best = [0.0f32; WIDE];
    let blocks = a.chunks_exact(WIDE);
    let rest = blocks.remainder();
    for block in blocks {
        for lane in 0..WIDE {
            best[lane] = if block[lane] > best[lane] {
                block[lane]
            } else {
                best[lane]
            };
        }
    }
    best.iter()
        .chain(rest)
        .fold(0.0f32, |m, &x| if x > m { x } else { m })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reductions_equal_the_plain_loops() {
        for len in [0, 1, 7, 31, 32, 33, 100, 1025] {
            let a: Vec<f32> = (0..len).map(|i| ((i * 37) % 101) as f32 / 7.0).collect();
            let b: Vec<f32> = (0..len).map(|i| ((i * 53) % 97) as f32 / 9.0).collect();
            let close = |got: f32, want: f64| assert!((f64::from(got) - want).abs() <= 1e-5 * want.abs());
            let pairs = || a.iter().zip(&b).map(|(&x, &y)| (f64::from(x), f64::from(y)));
            close(sum(&a), pairs().map(|(x, _)| x).sum());
            close(sum_of_squares(&a), pairs().map(|(x, _)| x * x).sum());
            close(dot(&a, &b), pairs().map(|(x, y)| x * y).sum());
            close(
                weighted_deviation(&a, &b, 3.0),
                pairs().map(|(x, y)| x * (y - 3.0).powi(2)).sum(),
            );
            close(
                scaled_distance(&a, 0.5, &b, 2.0),
                pairs().map(|(x, y)| (0.5 * x - 2.0 * y).powi(2)).sum(),
            );
            assert_eq!(max_non_negative(&a), a.iter().copied().fold(0.0, f32::max));
        }
    }
}
