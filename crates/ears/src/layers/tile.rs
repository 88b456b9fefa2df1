//! Direct convolution along one axis: the hot loop of musicnn.
//!
//! A tile is six neighbouring positions of the output by two vectors of channels, twelve running sums in registers. A tap reads
//! its weights (two vectors) and six neighbouring inputs, each spread over a vector, and adds twelve products: the input is read where
//! it lies, and no matrix of shifted copies is made.

use pulp::{Arch, Simd, WithSimd};

/// Positions of a tile.
const POSITIONS: usize = 6;

/// Running sums: positions by vectors of channels.
type Tile<S> = [[<S as Simd>::f32s; 2]; POSITIONS];

/// The weights of one output channel.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    /// Taps before the first, whose weights are zero and not stored.
    pub(crate) start: usize,
    /// Weights, row after row.
    pub(crate) taps: Vec<f32>,
}

/// Filters packed for tiles, as many side by side as a tile is wide.
#[derive(Debug, Clone)]
pub(crate) struct Filters {
    /// Neighbouring inputs that a row of taps covers.
    run: usize,
    count: usize,
    /// Channels of a tile on this processor.
    width: usize,
    blocks: Vec<Block>,
}

#[derive(Debug, Clone)]
struct Block {
    start: usize,
    /// Taps by channels.
    weights: Vec<f32>,
}

struct Width;

impl WithSimd for Width {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        2 * S::F32_LANES
    }
}

impl Filters {
    /// Packs filters whose rows of taps cover `run` neighbours; `run` divides the number of taps of each.
    pub(crate) fn new(filters: &[Filter], run: usize) -> Filters {
        let width = Arch::new().dispatch(Width);
        let blocks = filters.chunks(width).map(|chunk| pack(chunk, width)).collect();
        Filters {
            run,
            count: filters.len(),
            width,
            blocks,
        }
    }

    /// Channels of the output.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Convolves and keeps the largest sum over the first axis of the output.
    ///
    /// `input` has rows `pitch` apart. Output row `y` is the largest over `positions` neighbouring places of the sum over taps that begin
    /// at row `y` (taps of one row side by side in the input's row); shape (`rows`, [`Filters::stride`]).
    pub(crate) fn largest_along_rows(
        &self,
        input: &[f32],
        pitch: usize,
        rows: usize,
        positions: usize,
    ) -> Vec<f32> {
        let mut out = vec![0.0; rows * self.stride()];
        Arch::new().dispatch(LargestAlongRows {
            filters: self,
            input,
            pitch,
            positions,
            out: &mut out,
        });
        out
    }

    /// Convolves each row of the input along itself and keeps the largest sum over rows.
    ///
    /// Output `[t]` is the largest over the rows of `input`, `pitch` apart, of the sum over taps that begin at the place `t` of the row;
    /// shape (`times`, [`Filters::stride`]).
    pub(crate) fn largest_over_rows(&self, input: &[f32], pitch: usize, times: usize) -> Vec<f32> {
        let mut out = vec![f32::NEG_INFINITY; times * self.stride()];
        Arch::new().dispatch(LargestOverRows {
            filters: self,
            input,
            pitch,
            times,
            out: &mut out,
        });
        out
    }

    /// Convolves all rows of the input together along themselves.
    ///
    /// Output `[t]` is the sum over all rows, `pitch` apart, of the taps of that row beginning at the place `t`; shape
    /// (`times`, [`Filters::stride`]).
    pub(crate) fn sum_over_rows(&self, input: &[f32], pitch: usize, times: usize) -> Vec<f32> {
        let mut out = vec![0.0; times * self.stride()];
        Arch::new().dispatch(SumOverRows {
            filters: self,
            input,
            pitch,
            times,
            out: &mut out,
        });
        out
    }

    /// Floats from one position of an output to the next: [`Filters::count`] rounded up to whole tiles.
    pub(crate) fn stride(&self) -> usize {
        self.blocks.len() * self.width
    }
}

/// Packs filters side by side, from the first tap of any to the last of any.
fn pack(filters: &[Filter], width: usize) -> Block {
    let start = filters.iter().map(|f| f.start).min().unwrap_or(0);
    let end = filters.iter().map(|f| f.start + f.taps.len()).max().unwrap_or(0);
    let mut weights = vec![0.0; (end - start) * width];
    for (channel, filter) in filters.iter().enumerate() {
        for (tap, &weight) in filter.taps.iter().enumerate() {
            weights[(filter.start - start + tap) * width + channel] = weight;
        }
    }
    Block { start, weights }
}

/// The tile's places in an output of `length` places; the last overlaps the one before where they do not divide it.
#[inline(always)]
fn places(length: usize) -> impl Iterator<Item = usize> {
    assert!(length >= POSITIONS);
    (0..length)
        .step_by(POSITIONS)
        .map(move |place| place.min(length - POSITIONS))
}

/// The sums of a tile: the taps' rows lie `pitch` apart in `input`, each covering `run` neighbours.
#[inline(always)]
fn sums<S: Simd>(simd: S, weights: &[[S::f32s; 2]], run: usize, input: &[f32], pitch: usize) -> Tile<S> {
    let mut tile = [[simd.splat_f32s(0.0); 2]; POSITIONS];
    for (row, weights) in weights.chunks_exact(run).enumerate() {
        let input = &input[row * pitch..][..run + POSITIONS - 1];
        for (&[left, right], x) in weights.iter().zip(input.array_windows::<POSITIONS>()) {
            for (sums, &x) in tile.iter_mut().zip(x) {
                let x = simd.splat_f32s(x);
                sums[0] = simd.mul_add_e_f32s(left, x, sums[0]);
                sums[1] = simd.mul_add_e_f32s(right, x, sums[1]);
            }
        }
    }
    tile
}

/// A slice as pairs of vectors.
#[inline(always)]
fn pairs<S: Simd>(slice: &[f32]) -> &[[S::f32s; 2]] {
    S::as_simd_f32s(slice).0.as_chunks::<2>().0
}

/// A slice as pairs of vectors to be written.
#[inline(always)]
fn pairs_mut<S: Simd>(slice: &mut [f32]) -> &mut [[S::f32s; 2]] {
    S::as_mut_simd_f32s(slice).0.as_chunks_mut::<2>().0
}

#[inline(always)]
fn larger<S: Simd>(simd: S, a: [S::f32s; 2], b: [S::f32s; 2]) -> [S::f32s; 2] {
    [simd.max_f32s(a[0], b[0]), simd.max_f32s(a[1], b[1])]
}

struct LargestAlongRows<'a> {
    filters: &'a Filters,
    input: &'a [f32],
    pitch: usize,
    positions: usize,
    out: &'a mut [f32],
}

impl WithSimd for LargestAlongRows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Filters {
            run, blocks, width, ..
        } = self.filters;
        for (b, block) in blocks.iter().enumerate() {
            let weights = pairs::<S>(&block.weights);
            let outputs = self.out.chunks_exact_mut(blocks.len() * width);
            for (y, out) in outputs.enumerate() {
                let input = &self.input[y * self.pitch..];
                let mut best = [simd.splat_f32s(f32::NEG_INFINITY); 2];
                for place in places(self.positions) {
                    for sums in sums(simd, weights, *run, &input[place..], self.pitch) {
                        best = larger(simd, best, sums);
                    }
                }
                pairs_mut::<S>(&mut out[b * width..][..*width])[0] = best;
            }
        }
    }
}

struct LargestOverRows<'a> {
    filters: &'a Filters,
    input: &'a [f32],
    pitch: usize,
    times: usize,
    out: &'a mut [f32],
}

impl WithSimd for LargestOverRows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Filters { blocks, width, .. } = self.filters;
        let stride = blocks.len() * width;
        for (b, block) in blocks.iter().enumerate() {
            let weights = pairs::<S>(&block.weights);
            for place in places(self.times) {
                let mut best = [[simd.splat_f32s(f32::NEG_INFINITY); 2]; POSITIONS];
                for row in self.input.chunks_exact(self.pitch) {
                    let sums = sums(simd, weights, weights.len(), &row[block.start + place..], 0);
                    for (best, sums) in best.iter_mut().zip(sums) {
                        *best = larger(simd, *best, sums);
                    }
                }
                for (i, best) in best.into_iter().enumerate() {
                    pairs_mut::<S>(&mut self.out[(place + i) * stride + b * width..][..*width])[0] = best;
                }
            }
        }
    }
}

struct SumOverRows<'a> {
    filters: &'a Filters,
    input: &'a [f32],
    pitch: usize,
    times: usize,
    out: &'a mut [f32],
}

impl WithSimd for SumOverRows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Filters {
            run, blocks, width, ..
        } = self.filters;
        let stride = blocks.len() * width;
        for (b, block) in blocks.iter().enumerate() {
            let weights = pairs::<S>(&block.weights);
            for place in places(self.times) {
                let tile = sums(simd, weights, *run, &self.input[place..], self.pitch);
                for (i, sums) in tile.into_iter().enumerate() {
                    pairs_mut::<S>(&mut self.out[(place + i) * stride + b * width..][..*width])[0] = sums;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(len: usize, step: usize) -> Vec<f32> {
        (0..len).map(|i| ((i * step) % 97) as f32 / 97.0 - 0.45).collect()
    }

    fn close(got: f32, want: f64) {
        assert!((f64::from(got) - want).abs() < 1e-5, "{got} {want}");
    }

    fn dot(taps: &[f32], x: impl Iterator<Item = f32>) -> f64 {
        taps.iter()
            .zip(x)
            .map(|(&w, x)| f64::from(w) * f64::from(x))
            .sum()
    }

    #[test]
    fn the_largest_along_rows_is_that_of_the_plain_loop() {
        let (pitch, rows, run, tall) = (17, 5, 4, 3);
        let input = noise(pitch * (rows + tall - 1), 31);
        let filters: Vec<Filter> = (0..19)
            .map(|c| Filter {
                start: 0,
                taps: noise(run * tall, 11 + c),
            })
            .collect();
        let packed = Filters::new(&filters, run);
        let out = packed.largest_along_rows(&input, pitch, rows, pitch - run + 1);
        for y in 0..rows {
            for (c, filter) in filters.iter().enumerate() {
                let at = |p: usize| {
                    dot(
                        &filter.taps,
                        (0..tall * run).map(|i| input[(y + i / run) * pitch + p + i % run]),
                    )
                };
                let want = (0..=pitch - run).map(at).fold(f64::NEG_INFINITY, f64::max);
                close(out[y * packed.stride() + c], want);
            }
        }
    }

    #[test]
    fn the_largest_over_rows_is_that_of_the_plain_loop() {
        let (pitch, rows, times) = (30, 4, 13);
        let input = noise(pitch * rows, 29);
        let filters: Vec<Filter> = (0..40)
            .map(|c| {
                let taps = if c < 21 { 16 } else { 8 };
                Filter {
                    start: (16 - taps) / 2,
                    taps: noise(taps, 5 + c),
                }
            })
            .collect();
        let packed = Filters::new(&filters, 1);
        let out = packed.largest_over_rows(&input, pitch, times);
        for t in 0..times {
            for (c, f) in filters.iter().enumerate() {
                let at = |row: &[f32]| dot(&f.taps, row[t + f.start..].iter().copied());
                let want = input.chunks(pitch).map(at).fold(f64::NEG_INFINITY, f64::max);
                close(out[t * packed.stride() + c], want);
            }
        }
    }

    #[test]
    fn the_sum_over_rows_is_that_of_the_plain_loop() {
        let (pitch, rows, run, times) = (19, 6, 7, 13);
        let input = noise(pitch * rows, 41);
        let filters: Vec<Filter> = (0..5)
            .map(|c| Filter {
                start: 0,
                taps: noise(run * rows, 3 + c),
            })
            .collect();
        let packed = Filters::new(&filters, run);
        let out = packed.sum_over_rows(&input, pitch, times);
        for t in 0..times {
            for (c, f) in filters.iter().enumerate() {
                let want = dot(
                    &f.taps,
                    (0..run * rows).map(|i| input[i / run * pitch + t + i % run]),
                );
                close(out[t * packed.stride() + c], want);
            }
        }
    }
}
