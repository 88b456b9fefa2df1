//! Attention of one sequence to its own past, or to all of itself, in blocks of rows, and its way back.
//!
//! Shares are not kept: the way back computes them again from the queries, the keys and the logarithm of each row's sum, which
//! takes less time than fetching them.

use pulp::{Arch, Simd, WithSimd};

use super::maths::{Rows, dot, exp_row, largest, times, times_turned, turned_times};

/// Rows that are computed together.
const BLOCK: usize = 64;

/// The sizes of attention.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    /// Places.
    pub places: usize,
    /// Numbers of a place.
    pub width: usize,
    /// Heads, each of an even share.
    pub heads: usize,
    /// Whether a place sees only itself and those before it.
    pub causal: bool,
}

impl Sizes {
    fn head(self) -> usize {
        self.width / self.heads
    }

    fn scale(self) -> f32 {
        1.0 / (self.head() as f32).sqrt()
    }

    /// How many places the row before `end` sees.
    fn seen(self, end: usize) -> usize {
        match self.causal {
            true => end,
            false => self.places,
        }
    }
}

/// Shares of a block: rows from `first` on may look at all columns up to their own, or at all there are.
struct Share<'a> {
    scores: &'a mut [f32],
    columns: usize,
    first: usize,
    causal: bool,
    scale: f32,
    /// The logarithm of each row's sum: found where `known` is false, used where it is true.
    level: &'a mut [f32],
    known: bool,
}

impl WithSimd for Share<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let rows = self.scores.chunks_exact_mut(self.columns).zip(self.level);
        for (at, (row, level)) in rows.enumerate() {
            let (seen, hidden) = row.split_at_mut(match self.causal {
                true => self.first + at + 1,
                false => self.columns,
            });
            hidden.fill(0.0);
            seen.iter_mut().for_each(|score| *score *= self.scale);
            if self.known {
                exp_row(seen, *level);
                continue;
            }
            let most = largest(seen);
            let sum = exp_row(seen, most);
            let share = 1.0 / sum;
            seen.iter_mut().for_each(|score| *score *= share);
            *level = most + sum.ln();
        }
    }
}

/// Attends: `qkv` has queries, keys and values of each place side by side, already turned; the outcome goes to `out` (places x
/// width), the logarithms of the rows' sums to `levels` (heads x places). `scores` is room to work in.
pub(crate) fn attend(sizes: Sizes, qkv: &[f32], out: &mut [f32], levels: &mut [f32], scores: &mut Vec<f32>) {
    let Sizes { places, width, .. } = sizes;
    let (head, stride) = (sizes.head(), 3 * width);
    scores.resize(BLOCK * places, 0.0);
    for h in 0..sizes.heads {
        let part = |of: usize| of * width + h * head..of * width + (h + 1) * head;
        for first in (0..places).step_by(BLOCK) {
            let end = (first + BLOCK).min(places);
            let seen = sizes.seen(end);
            let scores = &mut scores[..(end - first) * seen];
            times_turned(
                Rows::part(qkv, stride, first..end, part(0)),
                Rows::part(qkv, stride, 0..seen, part(1)),
                0.0,
                scores,
                seen,
            );
            Arch::new().dispatch(Share {
                scores,
                columns: seen,
                first,
                causal: sizes.causal,
                scale: sizes.scale(),
                level: &mut levels[h * places + first..h * places + end],
                known: false,
            });
            times(
                Rows::new(scores, seen),
                Rows::part(qkv, stride, 0..seen, part(2)),
                0.0,
                &mut out[first * width + h * head..],
                width,
            );
        }
    }
}

/// `shares` times what flows back to them less its mean by row.
struct ShareBack<'a> {
    shares: &'a [f32],
    d: &'a mut [f32],
    columns: usize,
    mean: &'a [f32],
    scale: f32,
}

impl WithSimd for ShareBack<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let rows = self
            .d
            .chunks_exact_mut(self.columns)
            .zip(self.shares.chunks_exact(self.columns));
        for ((d, shares), mean) in rows.zip(self.mean) {
            for (d, share) in d.iter_mut().zip(shares) {
                *d = (*d - mean) * share * self.scale;
            }
        }
    }
}

/// Room to work in on the way back.
#[derive(Debug, Default)]
pub(crate) struct Room {
    shares: Vec<f32>,
    d: Vec<f32>,
}

/// The way back of [`attend`]: `dqkv` is overwritten with what flows back to `qkv`.
pub(crate) fn attend_back(
    sizes: Sizes,
    qkv: &[f32],
    out: &[f32],
    levels: &mut [f32],
    dout: &[f32],
    dqkv: &mut [f32],
    room: &mut Room,
) {
    let Sizes { places, width, .. } = sizes;
    let (head, stride) = (sizes.head(), 3 * width);
    room.shares.resize(BLOCK * places, 0.0);
    room.d.resize(BLOCK * places, 0.0);
    dqkv.fill(0.0);
    for h in 0..sizes.heads {
        let part = |of: usize| of * width + h * head..of * width + (h + 1) * head;
        for first in (0..places).step_by(BLOCK) {
            let end = (first + BLOCK).min(places);
            let count = end - first;
            let seen = sizes.seen(end);
            let shares = &mut room.shares[..count * seen];
            let d = &mut room.d[..count * seen];
            let queries = Rows::part(qkv, stride, first..end, part(0));
            let keys = Rows::part(qkv, stride, 0..seen, part(1));
            times_turned(queries, keys, 0.0, shares, seen);
            Arch::new().dispatch(Share {
                scores: shares,
                columns: seen,
                first,
                causal: sizes.causal,
                scale: sizes.scale(),
                level: &mut levels[h * places + first..h * places + end],
                known: true,
            });
            let own = h * head..(h + 1) * head;
            let dout_rows = Rows::part(dout, width, first..end, own.clone());
            times_turned(dout_rows, Rows::part(qkv, stride, 0..seen, part(2)), 0.0, d, seen);
            let mut mean = [0.0; BLOCK];
            for (at, mean) in mean[..count].iter_mut().enumerate() {
                let row = (first + at) * width;
                let row = row + own.start..row + own.end;
                *mean = dot(&out[row.clone()], &dout[row]);
            }
            turned_times(
                Rows::new(shares, seen),
                dout_rows,
                1.0,
                &mut dqkv[part(2).start..],
                stride,
            );
            Arch::new().dispatch(ShareBack {
                shares,
                d,
                columns: seen,
                mean: &mean[..count],
                scale: sizes.scale(),
            });
            times(
                Rows::new(d, seen),
                keys,
                0.0,
                &mut dqkv[first * stride + part(0).start..],
                stride,
            );
            turned_times(
                Rows::new(d, seen),
                queries,
                1.0,
                &mut dqkv[part(1).start..],
                stride,
            );
        }
    }
}
