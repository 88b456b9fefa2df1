//! Measures of how bars are alike: entropies of windows, similarities of pairs, structureness.
//!
//! Means over all pairs of bars come from sums, not from pairs: the vectors of n bars scaled to length one add up to a vector whose
//! squared length is n and twice the sum of the cosines.

use super::bars::{Bars, Placed};
use super::tones::entropy;
use super::{DRUMS, Played, mean};

/// Positions of onsets in a bar.
const POSITIONS: u32 = 16;
/// The same for the grooving pattern, as its authors count.
const GROOVING_POSITIONS: u32 = 64;
/// Bars that structureness looks at: the time is quadratic in them.
const MAX_BARS: u32 = 1_024;
/// Bars of the spans of structureness. At a usual tempo they take the times of Wu and Yang: 3 to 8, 8 to 15 and 15 seconds.
const STRUCTURE_SPANS: [usize; 3] = [2, 4, 8];
/// A bar's vector: pitch classes, whether it has no tones, and positions; the rest fills up what a processor takes at once.
type Vector = [f32; 32];

/// What begins in each bar that is not empty.
pub(super) struct Contents {
    contents: Vec<Content>,
    /// Bars there are, the empty ones too.
    count: u32,
}

/// What begins in one bar.
struct Content {
    bar: u32,
    pitch_classes: [u32; 12],
    onsets: [u32; POSITIONS as usize],
    /// One bit for each instrument.
    instruments: [u128; 2],
}

impl Contents {
    pub(super) fn of(bars: &Bars, notes: &[Played]) -> Contents {
        let mut contents: Vec<Content> = Vec::new();
        for note in bars.place(notes, POSITIONS) {
            if contents.last().is_none_or(|content| content.bar != note.bar) {
                contents.push(Content {
                    bar: note.bar,
                    pitch_classes: [0; 12],
                    onsets: [0; POSITIONS as usize],
                    instruments: [0; 2],
                });
            }
            contents.last_mut().expect("there is one by now").add(note);
        }
        // An onset just before the end may belong to the bar after it.
        let count = contents
            .last()
            .map_or(0, |content| content.bar + 1)
            .max(bars.count);
        Contents { contents, count }
    }

    /// The mean entropy of the pitch classes of windows of so many bars, one beginning at each bar; windows without tones are left out.
    pub(super) fn window_entropy(&self, bars: u32) -> f64 {
        let windows = self.count.saturating_sub(bars) + 1;
        let (mut counts, mut bits) = ([0_u32; 12], f64::NAN);
        let (mut first, mut next) = (0, 0);
        mean((0..windows).filter_map(|start| {
            let changed = (first, next);
            while let Some(content) = self.contents.get(next).filter(|c| c.bar < start + bars) {
                each(&mut counts, &content.pitch_classes, u32::wrapping_add);
                next += 1;
            }
            while first < next && self.contents[first].bar < start {
                each(
                    &mut counts,
                    &self.contents[first].pitch_classes,
                    u32::wrapping_sub,
                );
                first += 1;
            }
            if changed != (first, next) {
                bits = entropy(&counts);
            }
            (!bits.is_nan()).then_some(bits)
        }))
    }

    pub(super) fn chroma_similarity(&self) -> f64 {
        mean_cosine(
            self.contents
                .iter()
                .map(|content| content.pitch_classes.map(f64::from)),
        )
    }

    pub(super) fn instrumentation_similarity(&self) -> f64 {
        mean_cosine(self.contents.iter().map(|content| -> [f64; DRUMS as usize + 1] {
            std::array::from_fn(|i| f64::from((content.instruments[i / 128] >> (i % 128) & 1) as u8))
        }))
    }

    /// Structureness at the three spans; NaN where the piece is shorter than two of them.
    pub(super) fn structureness(&self) -> [f64; 3] {
        let count = self.count.min(MAX_BARS) as usize;
        let mut vectors = vec![[0.0; 32]; count];
        for content in &self.contents {
            if let Some(vector) = vectors.get_mut(content.bar as usize) {
                *vector = content.vector();
            }
        }
        let mut best = STRUCTURE_SPANS.map(|span| vec![f64::NEG_INFINITY; (count + 1).saturating_sub(span)]);
        let mut sums = Vec::with_capacity(count + 1);
        for lag in STRUCTURE_SPANS[0]..count {
            // Running sums of the similarities of bars this far apart.
            sums.clear();
            sums.push(0.0);
            let mut sum = 0.0;
            for (a, b) in vectors.iter().zip(&vectors[lag..]) {
                sum += f64::from(dot(a, b));
                sums.push(sum);
            }
            for (span, best) in STRUCTURE_SPANS.into_iter().zip(&mut best) {
                if lag < span {
                    continue;
                }
                for (start, (from, to)) in sums.iter().zip(sums.iter().skip(span)).enumerate() {
                    let similarity = (to - from) / span as f64;
                    best[start] = best[start].max(similarity);
                    best[start + lag] = best[start + lag].max(similarity);
                }
            }
        }
        let sounds = |span: &[Vector]| span.iter().any(|vector| vector.iter().any(|value| *value > 0.0));
        std::array::from_fn(|i| {
            let span = STRUCTURE_SPANS[i];
            if count < 2 * span {
                return f64::NAN;
            }
            let heard = best[i]
                .iter()
                .zip(vectors.windows(span))
                .filter(|(_, bars)| sounds(bars));
            // Spans in the middle of a short piece overlap all others. Sums of single precision may exceed one by a hair.
            mean(
                heard
                    .map(|(best, _)| *best)
                    .filter(|best| best.is_finite())
                    .map(|best| best.min(1.0)),
            )
        })
    }
}

impl Content {
    fn add(&mut self, note: Placed) {
        self.onsets[note.position as usize] += 1;
        self.instruments[usize::from(note.instrument) / 128] |= 1 << (note.instrument % 128);
        if note.instrument != DRUMS {
            self.pitch_classes[usize::from(note.pitch) % 12] += 1;
        }
    }

    /// Pitch classes and onsets, each scaled so that a product of two vectors is the mean of both cosines.
    fn vector(&self) -> Vector {
        let mut vector = [0.0; 32];
        let length = |counts: &[u32]| {
            let squares = counts.iter().map(|count| f64::from(*count).powi(2)).sum::<f64>();
            (2.0 * squares).sqrt()
        };
        let tones = length(&self.pitch_classes);
        // Bars of drums alone are alike in having no tones.
        match tones == 0.0 {
            true => vector[12] = 0.5_f32.sqrt(),
            false => fill(&mut vector[..12], &self.pitch_classes, tones),
        }
        fill(&mut vector[13..], &self.onsets, length(&self.onsets));
        vector
    }
}

fn fill(values: &mut [f32], counts: &[u32], length: f64) {
    for (value, count) in values.iter_mut().zip(counts) {
        *value = (f64::from(*count) / length) as f32;
    }
}

fn each(counts: &mut [u32; 12], others: &[u32; 12], change: impl Fn(u32, u32) -> u32) {
    for (count, other) in counts.iter_mut().zip(others) {
        *count = change(*count, *other);
    }
}

fn dot(a: &Vector, b: &Vector) -> f32 {
    // Eight sums side by side, which a processor forms at once.
    let mut sums = [0.0_f32; 8];
    for (a, b) in a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum()
}

/// The mean cosine over all pairs of vectors that are not zero; NaN of fewer than two.
fn mean_cosine<const N: usize>(vectors: impl Iterator<Item = [f64; N]>) -> f64 {
    let (mut total, mut count) = ([0.0; N], 0.0);
    for vector in vectors {
        let length = vector.iter().map(|value| value * value).sum::<f64>().sqrt();
        if length > 0.0 {
            count += 1.0;
            for (total, value) in total.iter_mut().zip(vector) {
                *total += value / length;
            }
        }
    }
    if count < 2.0 {
        return f64::NAN;
    }
    let squared: f64 = total.iter().map(|value| value * value).sum();
    ((squared - count) / (count * (count - 1.0))).clamp(0.0, 1.0)
}

/// The mean share of positions at which two bars agree, over all pairs of bars.
pub(super) fn grooving_similarity(bars: &Bars, notes: &[Played]) -> f64 {
    let mut places: Vec<(u32, u32)> = bars
        .place(notes, GROOVING_POSITIONS)
        .map(|note| (note.bar, note.position))
        .collect();
    places.dedup();
    let count = places.last().map_or(0, |place| place.0 + 1).max(bars.count);
    if count < 2 {
        return f64::NAN;
    }
    let mut with_onset = [0_u64; GROOVING_POSITIONS as usize];
    for (_, position) in places {
        with_onset[position as usize] += 1;
    }
    let count = u64::from(count);
    let differing: u64 = with_onset.iter().map(|with| with * (count - with)).sum();
    let pairs = (count * (count - 1) / 2) as f64;
    1.0 - differing as f64 / (pairs * f64::from(GROOVING_POSITIONS))
}
