//! Sliding medians of 31 values, along time and along frequency, for several neighbours at once.
//!
//! Each lane of the processor's vectors keeps a window sorted. Moving the window on by one value deletes the oldest and
//! inserts the newest in a single pass without branches: with `s` sorted, the deletion is
//! `d[i] = s[i] < old ? s[i] : s[i + 1]` and the insertion `max(d[i - 1], min(d[i], new))`. No step waits
//! for the one before it, so the 31 positions keep the vector units busy.
//!
//! Values are non-negative floats handled as the integers of their bits, which sort alike and compare faster.
//! Edges are mirrored with the end repeated (`d c b a | a b c d | d c b a`), which is
//! `scipy.ndimage.median_filter(mode="reflect")`.

use pulp::{Arch, Simd, WithSimd, bytemuck};

use crate::grid::{N_BINS, STRIDE};

/// Values in a window, as in `librosa.decompose.hpss`.
pub(crate) const KERNEL: usize = 31;
/// Values on either side of a window's centre.
pub(crate) const HALF: usize = KERNEL / 2;
/// No processor has more lanes of 32 bits; [`STRIDE`] is a multiple of it.
pub(crate) const MAX_LANES: usize = 16;

/// Replaces `old`, which is in the sorted window, by `new`, lane by lane.
#[inline(always)]
fn replace<S: Simd>(simd: S, window: &mut [S::i32s; KERNEL], old: S::i32s, new: S::i32s) {
    let mut below = simd.splat_i32s(i32::MIN);
    for i in 0..KERNEL {
        let here = window[i];
        let next = if i + 1 < KERNEL {
            window[i + 1]
        } else {
            simd.splat_i32s(i32::MAX)
        };
        let kept = simd.select_i32s(simd.less_than_i32s(here, old), here, next);
        window[i] = simd.max_i32s(below, simd.min_i32s(new, kept));
        below = kept;
    }
}

/// Adds `new` to sorted values, dropping the largest; a window that is not full yet is filled up with the largest integer.
#[inline(always)]
pub(crate) fn insert<S: Simd>(simd: S, sorted: &mut [S::i32s], new: S::i32s) {
    let mut below = simd.splat_i32s(i32::MIN);
    for slot in sorted {
        let here = *slot;
        *slot = simd.max_i32s(below, simd.min_i32s(new, here));
        below = here;
    }
}

/// Index into `0..len` of a position mirrored with the ends repeated.
pub(crate) fn mirror_repeating(index: isize, len: usize) -> usize {
    let period = 2 * len as isize;
    let position = index.rem_euclid(period);
    position.min(period - 1 - position) as usize
}

/// Writes spectra (rows of `STRIDE` floats) side by side, one to a lane: the bits of bin after bin.
#[inline(always)]
pub(crate) fn interleave(rows: &[f32], lanes: usize, columns: &mut [i32]) {
    for (lane, row) in rows.chunks_exact(STRIDE).enumerate() {
        for (column, value) in columns.chunks_exact_mut(lanes).zip(&row[..N_BINS]) {
            column[lane] = value.to_bits() as i32;
        }
    }
}

/// The bits of a row of non-negative floats, in vectors.
#[inline(always)]
fn bits<S: Simd>(row: &[f32]) -> &[S::i32s] {
    S::as_simd_i32s(bytemuck::cast_slice(row)).0
}

/// Medians over time of every frequency bin, kept from one block of frames to the next.
pub(crate) struct TimeMedian {
    /// For each group of lanes, its sorted window.
    windows: Vec<i32>,
}

impl TimeMedian {
    pub(crate) fn new() -> Self {
        TimeMedian {
            windows: vec![0; KERNEL * STRIDE],
        }
    }

    /// Starts at frame 0 with the 31 spectra around it.
    pub(crate) fn start<'a>(&mut self, arch: Arch, rows: impl Fn(usize) -> &'a [f32]) {
        arch.dispatch(Start {
            windows: &mut self.windows,
            rows: std::array::from_fn(rows),
        });
    }

    /// Writes the medians of as many successive frames as `steps` says, one row of `out` each.
    ///
    /// `steps[i]` is the pair of spectra that leaves and enters before frame `i`; none for the frame the
    /// window stands on already.
    pub(crate) fn advance(&mut self, arch: Arch, steps: &[Option<(&[f32], &[f32])>], out: &mut [f32]) {
        arch.dispatch(Advance {
            windows: &mut self.windows,
            steps,
            out,
        });
    }
}

struct Start<'a> {
    windows: &'a mut [i32],
    rows: [&'a [f32]; KERNEL],
}

impl WithSimd for Start<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for (group, kept) in self.windows.chunks_exact_mut(KERNEL * S::I32_LANES).enumerate() {
            let mut window = [simd.splat_i32s(i32::MAX); KERNEL];
            for row in self.rows {
                insert(simd, &mut window, bits::<S>(row)[group]);
            }
            S::as_mut_simd_i32s(kept).0.copy_from_slice(&window);
        }
    }
}

struct Advance<'a> {
    windows: &'a mut [i32],
    steps: &'a [Option<(&'a [f32], &'a [f32])>],
    out: &'a mut [f32],
}

impl WithSimd for Advance<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for (group, kept) in self.windows.chunks_exact_mut(KERNEL * S::I32_LANES).enumerate() {
            let kept = S::as_mut_simd_i32s(kept).0;
            let mut window = [simd.splat_i32s(0); KERNEL];
            window.copy_from_slice(kept);
            for (step, row) in self.steps.iter().zip(self.out.chunks_exact_mut(STRIDE)) {
                if let Some((old, new)) = step {
                    replace(simd, &mut window, bits::<S>(old)[group], bits::<S>(new)[group]);
                }
                S::as_mut_simd_i32s(bytemuck::cast_slice_mut(row)).0[group] = window[HALF];
            }
            kept.copy_from_slice(&window);
        }
    }
}

/// Medians over frequency, of as many frames at once as there are lanes.
pub(crate) struct FrequencyMedian {
    /// Spectra side by side, bin by bin, mirrored at both ends.
    columns: Vec<i32>,
    medians: Vec<i32>,
}

impl FrequencyMedian {
    pub(crate) fn new() -> Self {
        FrequencyMedian {
            columns: vec![0; (N_BINS + 2 * HALF) * MAX_LANES],
            medians: vec![0; N_BINS * MAX_LANES],
        }
    }

    /// Writes the medians of spectra (rows of `STRIDE` floats) to the rows of `out`.
    pub(crate) fn apply(&mut self, arch: Arch, rows: &[f32], out: &mut [f32]) {
        arch.dispatch(Across {
            columns: &mut self.columns,
            medians: &mut self.medians,
            rows,
            out,
        });
    }
}

struct Across<'a> {
    columns: &'a mut [i32],
    medians: &'a mut [i32],
    rows: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for Across<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let lanes = S::I32_LANES;
        let batches = self
            .rows
            .chunks(lanes * STRIDE)
            .zip(self.out.chunks_mut(lanes * STRIDE));
        for (rows, out) in batches {
            interleave(rows, lanes, &mut self.columns[HALF * lanes..]);
            let columns = &mut S::as_mut_simd_i32s(self.columns).0[..N_BINS + 2 * HALF];
            for i in 0..HALF {
                columns[HALF - 1 - i] = columns[HALF + i];
                columns[HALF + N_BINS + i] = columns[HALF + N_BINS - 1 - i];
            }
            let medians = &mut S::as_mut_simd_i32s(self.medians).0[..N_BINS];
            let mut window = [simd.splat_i32s(i32::MAX); KERNEL];
            for &column in &columns[..KERNEL] {
                insert(simd, &mut window, column);
            }
            medians[0] = window[HALF];
            let leaving_and_entering = columns.iter().zip(&columns[KERNEL..]);
            for (median, (&old, &new)) in medians[1..].iter_mut().zip(leaving_and_entering) {
                replace(simd, &mut window, old, new);
                *median = window[HALF];
            }
            for (lane, row) in out.chunks_exact_mut(STRIDE).enumerate() {
                for (value, median) in row.iter_mut().zip(self.medians.chunks_exact(lanes)).take(N_BINS) {
                    *value = f32::from_bits(median[lane] as u32);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        (0..count)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                // Few distinct values, so that ties are common.
                ((state >> 24) % 50) as f32 * 0.37
            })
            .collect()
    }

    fn median(values: impl Iterator<Item = f32>) -> f32 {
        let mut v: Vec<f32> = values.collect();
        v.sort_by(f32::total_cmp);
        v[v.len() / 2]
    }

    #[test]
    fn mirror_repeats_the_ends() {
        let got: Vec<_> = (-4..7).map(|i| mirror_repeating(i, 3)).collect();
        assert_eq!(got, [2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0]);
    }

    #[test]
    fn medians_over_frequency_equal_sorting() {
        let rows = noise(3 * STRIDE, 5);
        let mut out = vec![0.0; rows.len()];
        FrequencyMedian::new().apply(pulp::Arch::new(), &rows, &mut out);
        for frame in 0..3 {
            let row = &rows[frame * STRIDE..][..N_BINS];
            for bin in 0..N_BINS {
                let window = (0..KERNEL)
                    .map(|k| row[mirror_repeating(bin as isize + k as isize - HALF as isize, N_BINS)]);
                assert_eq!(
                    out[frame * STRIDE + bin],
                    median(window),
                    "frame {frame} bin {bin}"
                );
            }
        }
    }

    #[test]
    fn medians_over_time_equal_sorting() {
        let frames = 50;
        let rows = noise(frames * STRIDE, 9);
        let row = |i: isize| &rows[mirror_repeating(i, frames) * STRIDE..][..STRIDE];
        let half = HALF as isize;
        let arch = pulp::Arch::new();
        let mut filter = TimeMedian::new();
        filter.start(arch, |i| row(i as isize - half));
        let mut out = vec![0.0; rows.len()];
        // Two uneven blocks: the windows must survive the seam.
        for (from, to) in [(0usize, 17usize), (17, frames)] {
            let steps: Vec<_> = (from..to)
                .map(|t| (t > 0).then(|| (row(t as isize - half - 1), row(t as isize + half))))
                .collect();
            filter.advance(arch, &steps, &mut out[from * STRIDE..to * STRIDE]);
        }
        for t in 0..frames {
            for bin in [0, 1, 500, N_BINS - 1] {
                let window = (0..KERNEL).map(|k| row(t as isize + k as isize - half)[bin]);
                assert_eq!(out[t * STRIDE + bin], median(window), "frame {t} bin {bin}");
            }
        }
    }
}
