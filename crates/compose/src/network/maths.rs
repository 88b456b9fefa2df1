//! Products, norms and soft maxima on rows of numbers.

use pulp::{Arch, Simd, WithSimd};

use super::product::{Out, Right, View, product};

/// What is added to the mean square before its root is taken.
const EPSILON: f32 = 1e-6;

/// Rows of numbers, `stride` apart.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    pub values: &'a [f32],
    pub rows: usize,
    pub columns: usize,
    pub stride: usize,
}

impl<'a> Rows<'a> {
    /// Rows side by side.
    pub fn new(values: &'a [f32], columns: usize) -> Self {
        Rows {
            values,
            rows: values.len() / columns,
            columns,
            stride: columns,
        }
    }

    /// Some rows and columns of rows `stride` apart.
    pub fn part(
        values: &'a [f32],
        stride: usize,
        rows: std::ops::Range<usize>,
        columns: std::ops::Range<usize>,
    ) -> Self {
        Rows {
            values: &values[rows.start * stride + columns.start..],
            rows: rows.len(),
            columns: columns.len(),
            stride,
        }
    }

    fn view(self) -> View<'a> {
        View {
            values: self.values,
            rows: self.rows,
            columns: self.columns,
            steps: [self.stride, 1],
        }
    }

    fn turned(self) -> View<'a> {
        View {
            values: self.values,
            rows: self.columns,
            columns: self.rows,
            steps: [1, self.stride],
        }
    }
}

/// `out = keep * out + a b`.
pub fn times(a: Rows<'_>, b: Rows<'_>, keep: f32, out: &mut [f32], stride: usize) {
    add_times(1.0, a, b, keep, out, stride);
}

/// `out = keep * out + scale a b`.
pub fn add_times(scale: f32, a: Rows<'_>, b: Rows<'_>, keep: f32, out: &mut [f32], stride: usize) {
    product(scale, a.view(), b.view(), keep, &mut Out { values: out, stride });
}

/// `out = keep * out + a bᵀ`.
pub fn times_turned(a: Rows<'_>, b: Rows<'_>, keep: f32, out: &mut [f32], stride: usize) {
    product(1.0, a.view(), b.turned(), keep, &mut Out { values: out, stride });
}

/// `out = keep * out + aᵀ b`.
pub fn turned_times(a: Rows<'_>, b: Rows<'_>, keep: f32, out: &mut [f32], stride: usize) {
    product(1.0, a.turned(), b.view(), keep, &mut Out { values: out, stride });
}

/// A right factor, as it is or turned, of many products.
pub struct Factor<'a>(Right<'a>);

impl<'a> Factor<'a> {
    pub fn new(b: Rows<'a>) -> Self {
        Factor(Right::new(b.view()))
    }

    pub fn turned(b: Rows<'a>) -> Self {
        Factor(Right::new(b.turned()))
    }

    /// `out = keep * out + a b`.
    pub fn times(&self, a: Rows<'_>, keep: f32, out: &mut [f32], stride: usize) {
        self.0.product(a.view(), keep, &mut Out { values: out, stride });
    }
}

/// Each row over its root mean square, times `gain`; the inverse roots are kept in `inverse`.
pub fn norm(x: &[f32], gain: &[f32], out: &mut [f32], inverse: &mut [f32]) {
    struct Norm<'a>(&'a [f32], &'a [f32], &'a mut [f32], &'a mut [f32]);
    impl WithSimd for Norm<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            let width = self.1.len();
            let rows = self.0.chunks_exact(width).zip(self.2.chunks_exact_mut(width));
            for ((x, out), inverse) in rows.zip(self.3) {
                *inverse = 1.0 / (dot(x, x) / width as f32 + EPSILON).sqrt();
                for ((out, x), gain) in out.iter_mut().zip(x).zip(self.1) {
                    *out = x * *inverse * gain;
                }
            }
        }
    }
    Arch::new().dispatch(Norm(x, gain, out, inverse));
}

/// Adds to `dx` and `dgain` what flows back through [`norm`].
pub fn norm_back(x: &[f32], gain: &[f32], inverse: &[f32], dout: &[f32], dx: &mut [f32], dgain: &mut [f32]) {
    struct Back<'a>(
        &'a [f32],
        &'a [f32],
        &'a [f32],
        &'a [f32],
        &'a mut [f32],
        &'a mut [f32],
    );
    impl WithSimd for Back<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            let Back(x, gain, inverse, dout, dx, dgain) = self;
            let width = gain.len();
            let rows = x.chunks_exact(width).zip(dout.chunks_exact(width));
            for (((x, dout), inverse), dx) in rows.zip(inverse).zip(dx.chunks_exact_mut(width)) {
                let mut along = [0.0_f32; LANES];
                let (xs, x_rest) = x.as_chunks::<LANES>();
                let (ds, d_rest) = dout.as_chunks::<LANES>();
                let (gs, g_rest) = gain.as_chunks::<LANES>();
                for ((x, d), g) in xs.iter().zip(ds).zip(gs) {
                    for i in 0..LANES {
                        along[i] += x[i] * d[i] * g[i];
                    }
                }
                let mut sum: f32 = along.iter().sum();
                for ((x, d), g) in x_rest.iter().zip(d_rest).zip(g_rest) {
                    sum += x * d * g;
                }
                let back = sum * inverse * inverse / width as f32;
                for ((((dx, x), d), g), dg) in dx.iter_mut().zip(x).zip(dout).zip(gain).zip(dgain.iter_mut())
                {
                    *dx += inverse * (d * g - x * back);
                    *dg += d * x * inverse;
                }
            }
        }
    }
    Arch::new().dispatch(Back(x, gain, inverse, dout, dx, dgain));
}

/// Sums that run side by side.
const LANES: usize = 16;

/// The sum of products.
#[inline(always)]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for (a, b) in a.iter().zip(b) {
        for i in 0..LANES {
            sums[i] += a[i] * b[i];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

/// The squared rectifier of `x`.
pub fn squared_rectifier(x: &[f32], out: &mut [f32]) {
    struct Go<'a>(&'a [f32], &'a mut [f32]);
    impl WithSimd for Go<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            for (out, x) in self.1.iter_mut().zip(self.0) {
                let x = x.max(0.0);
                *out = x * x;
            }
        }
    }
    Arch::new().dispatch(Go(x, out));
}

/// Turns what flows back to the squared rectifier's output into what flows back to its input `x`.
pub fn squared_rectifier_back(x: &[f32], d: &mut [f32]) {
    struct Go<'a>(&'a [f32], &'a mut [f32]);
    impl WithSimd for Go<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            for (d, x) in self.1.iter_mut().zip(self.0) {
                *d *= 2.0 * x.max(0.0);
            }
        }
    }
    Arch::new().dispatch(Go(x, d));
}

/// The exponential of a number that is not above 0 by much, to 2 ulp: a polynomial (as in Cephes) on [-ln 2 / 2, ln 2 / 2] times
/// a power of two; below -87 it is the exponential of that.
#[inline(always)]
pub fn exp(z: f32) -> f32 {
    // Adding this leaves the rounded number in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    let low = if z < -87.0 { -87.0 } else { z };
    let shifted = low * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = low - n * 0.693_359_4 - n * -2.121_944_4e-4;
    let p = 1.987_569_2e-4 * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let exp = p * (r * r) + r + 1.0;
    exp * f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3F80_0000))
}

/// Adds a row to every row.
pub fn add_to_rows(out: &mut [f32], row: &[f32]) {
    for out in out.chunks_exact_mut(row.len()) {
        for (out, value) in out.iter_mut().zip(row) {
            *out += value;
        }
    }
}

/// Adds `b` to `a`.
pub fn add(a: &mut [f32], b: &[f32]) {
    struct Go<'a>(&'a mut [f32], &'a [f32]);
    impl WithSimd for Go<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            for (a, b) in self.0.iter_mut().zip(self.1) {
                *a += b;
            }
        }
    }
    Arch::new().dispatch(Go(a, b));
}

/// Turns rows of logits into logarithms of probabilities.
pub fn log_softmax(rows: &mut [f32], width: usize) {
    struct Go<'a>(&'a mut [f32], usize);
    impl WithSimd for Go<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            for row in self.0.chunks_exact_mut(self.1) {
                let most = largest(row);
                let whole: f32 = exp_sum(row, most);
                let level = most + whole.ln();
                row.iter_mut().for_each(|value| *value -= level);
            }
        }
    }
    Arch::new().dispatch(Go(rows, width));
}

/// The largest of a row.
#[inline(always)]
pub fn largest(row: &[f32]) -> f32 {
    let (blocks, rest) = row.as_chunks::<LANES>();
    let mut most = [f32::NEG_INFINITY; LANES];
    for block in blocks {
        for i in 0..LANES {
            most[i] = if block[i] > most[i] { block[i] } else { most[i] };
        }
    }
    most.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max)
}

/// The sum of the exponentials of a row less `most`.
#[inline(always)]
fn exp_sum(row: &[f32], most: f32) -> f32 {
    let (blocks, rest) = row.as_chunks::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for block in blocks {
        for i in 0..LANES {
            sums[i] += exp(block[i] - most);
        }
    }
    sums.iter().sum::<f32>() + rest.iter().map(|value| exp(value - most)).sum::<f32>()
}

/// Turns a row into its exponentials less `level`, in place, and gives their sum.
#[inline(always)]
pub fn exp_row(row: &mut [f32], level: f32) -> f32 {
    let (blocks, rest) = row.as_chunks_mut::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for block in blocks {
        for i in 0..LANES {
            block[i] = exp(block[i] - level);
            sums[i] += block[i];
        }
    }
    let mut sum: f32 = sums.iter().sum();
    for value in rest {
        *value = exp(*value - level);
        sum += *value;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn soft_maxima_are_logarithms_of_shares() {
        let mut rows: Vec<f32> = (0..74).map(|i| ((i * 37) % 23) as f32 - 60.0).collect();
        let before = rows.clone();
        log_softmax(&mut rows, 37);
        for (row, before) in rows.chunks(37).zip(before.chunks(37)) {
            let sum: f64 = row.iter().map(|v| f64::from(*v).exp()).sum();
            assert!((sum - 1.0).abs() < 1e-5, "{sum}");
            assert!((row[1] - row[0] - (before[1] - before[0])).abs() < 1e-4);
        }
    }

    #[test]
    fn products_lie_where_they_should() {
        let a = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let b = [1.0, 0.0, 2.0, 1.0, 0.0, 1.0];
        let mut out = [9.0; 6];
        times(Rows::new(&a, 3), Rows::new(&b, 2), 0.0, &mut out, 3);
        assert_eq!(out, [5.0, 5.0, 9.0, 14.0, 11.0, 9.0]);
        let mut out = [1.0; 4];
        times_turned(Rows::new(&a, 3), Rows::new(&b, 3), 1.0, &mut out, 2);
        assert_eq!(out, [8.0, 5.0, 17.0, 11.0]);
        let mut out = [0.0; 9];
        turned_times(Rows::new(&a, 3), Rows::new(&b, 3), 0.0, &mut out, 3);
        assert_eq!(out, [5.0, 0.0, 6.0, 7.0, 0.0, 9.0, 9.0, 0.0, 12.0]);
        let mut out = [0.0; 2];
        times(
            Rows::part(&a, 3, 0..2, 1..2),
            Rows::new(&[2.0], 1),
            0.0,
            &mut out,
            1,
        );
        assert_eq!(out, [4.0, 10.0]);
    }
}
