//! 3 x 3 convolutions on planes, without ever writing out patches.
//!
//! Planes carry a border of one zero all around and lie row after row, `width + 2` apart. Seen as one long row, the
//! output at a place is then a sum over nine fixed distances, for whole vectors of places at once; the two places at the
//! end of each row that this computes in vain are never read. Tiles of 4 channels by 3 vectors stay in registers.

use pulp::Simd;

/// Channels of a tile.
pub(super) const TILE: usize = 4;
/// Vectors of a tile.
const WIDE: usize = 3;
/// Tiles that are computed from one channel group before the next: their inputs stay in the nearest cache.
const CHUNK: usize = 12;
/// Places beyond a plane that a last vector may touch.
pub(super) const SLACK: usize = 64;

/// How planes lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plane {
    pub height: usize,
    pub width: usize,
}

impl Plane {
    /// From a row to the next.
    pub fn stride(self) -> usize {
        self.width + 2
    }

    /// Values of a plane with its border.
    pub fn padded(self) -> usize {
        (self.height + 2) * self.stride() + SLACK
    }

    /// Places of an output plane.
    pub fn places(self) -> usize {
        self.height * self.stride()
    }

    /// Values of an output plane.
    pub fn flat(self) -> usize {
        self.places() + SLACK
    }

    /// Values of an image's channel.
    pub fn area(self) -> usize {
        self.height * self.width
    }

    /// Puts channels into planes with borders.
    pub fn pad(self, image: &[f32], padded: &mut [f32]) {
        padded.fill(0.0);
        let planes = padded.chunks_exact_mut(self.padded());
        for (channel, plane) in image.chunks_exact(self.area()).zip(planes) {
            for (y, row) in channel.chunks_exact(self.width).enumerate() {
                let at = (y + 1) * self.stride() + 1;
                plane[at..at + self.width].copy_from_slice(row);
            }
        }
    }
}

/// Weights (outputs x inputs x 9) in tiles: for each group of [`TILE`] outputs, inputs x 9 x [`TILE`].
pub(super) fn packed(weights: &[f32], outputs: usize, inputs: usize) -> Vec<f32> {
    let taps = 9 * inputs;
    let mut out = vec![0.0; outputs.div_ceil(TILE) * taps * TILE];
    for o in 0..outputs {
        for tap in 0..taps {
            out[(o / TILE * taps + tap) * TILE + o % TILE] = weights[o * taps + tap];
        }
    }
    out
}

/// Weights of the convolution that takes gradients back to the inputs (inputs x outputs x 9, mirrored).
pub(super) fn mirrored(weights: &[f32], outputs: usize, inputs: usize) -> Vec<f32> {
    let mut out = vec![0.0; weights.len()];
    for o in 0..outputs {
        for i in 0..inputs {
            for tap in 0..9 {
                out[(i * outputs + o) * 9 + 8 - tap] = weights[(o * inputs + i) * 9 + tap];
            }
        }
    }
    out
}

/// Values of `outputs` output planes, rounded up to whole tiles.
pub(super) fn flat_len(plane: Plane, outputs: usize) -> usize {
    outputs.next_multiple_of(TILE) * plane.flat()
}

/// Convolves padded planes to output planes; `weights` are [`packed`].
#[inline(always)]
pub(super) fn convolve<S: Simd>(simd: S, plane: Plane, padded: &[f32], weights: &[f32], flat: &mut [f32]) {
    let lanes = S::F32_LANES;
    let inputs = padded.len() / plane.padded();
    let step = WIDE * lanes;
    let groups = weights.chunks_exact(9 * inputs * TILE);
    let mut start = 0;
    while start < plane.places() {
        let end = (start + CHUNK * step).min(plane.places());
        for (group, weights) in groups.clone().enumerate() {
            let out = &mut flat[group * TILE * plane.flat()..(group + 1) * TILE * plane.flat()];
            let mut at = start;
            while at < end {
                let sums = tile(simd, plane, padded, weights, at);
                for (t, sums) in sums.iter().enumerate() {
                    let place = t * plane.flat() + at;
                    let (vectors, _) = S::as_mut_simd_f32s(&mut out[place..place + step]);
                    vectors.copy_from_slice(sums);
                }
                at += step;
            }
        }
        start = end;
    }
}

/// The sums of one tile of outputs at `at`.
#[inline(always)]
fn tile<S: Simd>(
    simd: S,
    plane: Plane,
    padded: &[f32],
    weights: &[f32],
    at: usize,
) -> [[S::f32s; WIDE]; TILE] {
    let lanes = S::F32_LANES;
    let stride = plane.stride();
    let mut sums = [[simd.splat_f32s(0.0); WIDE]; TILE];
    let channels = padded.chunks_exact(plane.padded());
    for (channel, weights) in channels.zip(weights.chunks_exact(9 * TILE)) {
        for ky in 0..3 {
            let row = &channel[at + ky * stride..at + ky * stride + WIDE * lanes + 2];
            for kx in 0..3 {
                let (x, _) = S::as_simd_f32s(&row[kx..kx + WIDE * lanes]);
                let weights = &weights[(ky * 3 + kx) * TILE..(ky * 3 + kx + 1) * TILE];
                for t in 0..TILE {
                    let weight = simd.splat_f32s(weights[t]);
                    for v in 0..WIDE {
                        sums[t][v] = simd.mul_add_e_f32s(weight, x[v], sums[t][v]);
                    }
                }
            }
        }
    }
    sums
}

/// Adds to `gradient` (outputs x inputs x 9) what output gradients (padded planes) and inputs (padded planes) say.
#[inline(always)]
pub(super) fn weight_gradient<S: Simd>(
    simd: S,
    plane: Plane,
    inputs: &[f32],
    outputs: &[f32],
    gradient: &mut [f32],
) {
    let lanes = S::F32_LANES;
    let chunk = 128 * lanes;
    let count = inputs.len() / plane.padded();
    let mut start = 0;
    while start < plane.places() {
        let vectors = (plane.places() - start).min(chunk).div_ceil(lanes);
        for (group, outputs) in outputs.chunks(TILE * plane.padded()).enumerate() {
            let tile = outputs.len() / plane.padded();
            for (c, input) in inputs.chunks_exact(plane.padded()).enumerate() {
                for ky in 0..3 {
                    let sums = correlate(simd, plane, input, outputs, [start, vectors, ky]);
                    for (t, sums) in sums.iter().enumerate().take(tile) {
                        let at = ((group * TILE + t) * count + c) * 9 + ky * 3;
                        for kx in 0..3 {
                            gradient[at + kx] += simd.reduce_sum_f32s(sums[kx]);
                        }
                    }
                }
            }
        }
        start += chunk;
    }
}

/// Sums of products of a tile of outputs' gradients with an input, at three distances.
#[inline(always)]
fn correlate<S: Simd>(
    simd: S,
    plane: Plane,
    input: &[f32],
    outputs: &[f32],
    [start, vectors, ky]: [usize; 3],
) -> [[S::f32s; 3]; TILE] {
    let lanes = S::F32_LANES;
    let length = vectors * lanes;
    let mut sums = [[simd.splat_f32s(0.0); 3]; TILE];
    let x = |kx: usize| {
        let at = start + ky * plane.stride() + kx;
        S::as_simd_f32s(&input[at..at + length]).0
    };
    let g = |t: usize| {
        // A last tile that is not full repeats its first plane; the caller drops what comes of it.
        let first = if (t + 1) * plane.padded() <= outputs.len() {
            t * plane.padded()
        } else {
            0
        };
        let at = first + plane.stride() + 1 + start;
        S::as_simd_f32s(&outputs[at..at + length]).0
    };
    let (x, g) = ([x(0), x(1), x(2)], [g(0), g(1), g(2), g(3)]);
    let (x, g) = (x.map(|x| &x[..vectors]), g.map(|g| &g[..vectors]));
    for i in 0..vectors {
        let x = [x[0][i], x[1][i], x[2][i]];
        for t in 0..TILE {
            for kx in 0..3 {
                sums[t][kx] = simd.mul_add_e_f32s(g[t][i], x[kx], sums[t][kx]);
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulp::{Arch, WithSimd};

    struct Both<'a> {
        plane: Plane,
        padded: &'a [f32],
        weights: &'a [f32],
        flat: &'a mut [f32],
        gradient: &'a mut [f32],
        outputs: &'a [f32],
    }

    impl WithSimd for Both<'_> {
        type Output = ();

        fn with_simd<S: Simd>(self, simd: S) {
            convolve(simd, self.plane, self.padded, self.weights, self.flat);
            weight_gradient(simd, self.plane, self.padded, self.outputs, self.gradient);
        }
    }

    /// The same by the definition.
    fn plain(image: &[f32], plane: Plane, c: usize, y: usize, x: usize, tap: usize) -> f32 {
        let (y, x) = ((y + tap / 3).wrapping_sub(1), (x + tap % 3).wrapping_sub(1));
        match y < plane.height && x < plane.width {
            true => image[c * plane.area() + y * plane.width + x],
            false => 0.0,
        }
    }

    #[test]
    fn planes_give_what_the_definition_gives() {
        let mut rng = melisma_dataset::rng::Rng::new(5);
        let mut random = |n: usize| -> Vec<f32> {
            (0..n)
                .map(|_| crate::layers::unit(&mut rng) as f32 - 0.5)
                .collect()
        };
        for (height, width, inputs, outputs) in [(1, 1, 1, 1), (5, 7, 3, 6), (40, 33, 2, 4)] {
            let plane = Plane { height, width };
            let image = random(inputs * plane.area());
            let weights = random(outputs * inputs * 9);
            let out_gradient = random(outputs * plane.area());
            let mut padded = vec![f32::NAN; inputs * plane.padded()];
            plane.pad(&image, &mut padded);
            let mut padded_out = vec![f32::NAN; outputs * plane.padded()];
            plane.pad(&out_gradient, &mut padded_out);
            let mut flat = vec![f32::NAN; flat_len(plane, outputs)];
            let mut gradient = vec![0.0; weights.len()];
            Arch::new().dispatch(Both {
                plane,
                padded: &padded,
                weights: &packed(&weights, outputs, inputs),
                flat: &mut flat,
                gradient: &mut gradient,
                outputs: &padded_out,
            });
            for o in 0..outputs {
                for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
                    let taps = (0..inputs).flat_map(|c| (0..9).map(move |tap| (c, tap)));
                    let expected: f32 = taps
                        .map(|(c, tap)| {
                            weights[(o * inputs + c) * 9 + tap] * plain(&image, plane, c, y, x, tap)
                        })
                        .sum();
                    let found = flat[o * plane.flat() + y * plane.stride() + x];
                    assert!((found - expected).abs() < 1e-4, "{found} for {expected}");
                }
                for (c, tap) in (0..inputs).flat_map(|c| (0..9).map(move |tap| (c, tap))) {
                    let places = (0..height).flat_map(|y| (0..width).map(move |x| (y, x)));
                    let expected: f32 = places
                        .map(|(y, x)| {
                            out_gradient[o * plane.area() + y * width + x]
                                * plain(&image, plane, c, y, x, tap)
                        })
                        .sum();
                    let found = gradient[(o * inputs + c) * 9 + tap];
                    assert!((found - expected).abs() < 1e-3, "{found} for {expected}");
                }
            }
        }
    }
}
