//! Sections and form, from how alike the bars of a piece are.
//!
//! Two bars are as alike as the pitch classes of their halves and their onsets are (cosines). A section may begin where the bars before are
//! unlike those after (Foote 2000, "Automatic audio segmentation using a measure of audio novelty"), or where something that is repeated begins or ends
//! (Serrà, Müller, Grosche and Arcos 2012, "Unsupervised detection of music boundaries by time series structure features"). Of all ways to cut the piece, that is
//! taken which has most of both at its cuts and most sections of a usual length, which is eight bars, or what the piece repeats itself after.
//! Sections that are alike have one letter.

use serde::Serialize;

use super::sounding::sounding;
use crate::clock::Bar;
use crate::score::{Score, Span};

/// The most bars that are looked at: time and memory are quadratic in them.
pub const MAX_BARS: usize = 1_024;

/// Positions of onsets in a bar.
const POSITIONS: usize = 16;
/// Values of a bar: pitch classes of each half and whether it has none, onsets and whether there are none; the rest fills up what a
/// processor takes at once.
const WIDTH: usize = 48;
/// Bars before and after a boundary that are set against each other.
const REACH: usize = 4;
/// Lags that tell of a boundary: so many that change most.
const TELLING: usize = 2;
/// A contrast, and a change of repetition above the usual one, that make a clear boundary.
const CLEAR_CONTRAST: f64 = 0.35;
const CLEAR_REPETITION: f64 = 0.3;
/// The longest section, in bars.
const LONGEST: usize = 64;
/// How far above the usual likeness of two bars, towards being the same, sections of one letter are.
const SAME: f64 = 0.5;

/// A section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Section {
    /// Its first bar, counted from 0.
    pub bar: u32,
    /// How many bars it has.
    pub bars: u32,
    /// Where it begins, in ticks.
    pub start: u32,
    /// Where it ends, in ticks.
    pub end: u32,
    /// Which sections are like it: 0 is A.
    pub letter: u16,
}

impl Section {
    /// Its letter: `A` to `Z`, then `A2`, `B2` and so on.
    pub fn name(&self) -> String {
        let letter = char::from(b'A' + (self.letter % 26) as u8);
        match self.letter / 26 {
            0 => letter.to_string(),
            round => format!("{letter}{}", round + 1),
        }
    }
}

/// How alike the bars of a piece are, and the sections that follow from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Structure {
    /// The bars that were looked at: those up to the end of the last note, [`MAX_BARS`] at most.
    pub bars: Vec<Bar>,
    /// How alike each two bars are, 0 to 1, row after row.
    pub similarity: Vec<f32>,
    /// How much of a boundary there is before each bar: 0 is none, 1 a clear one; the first bar has none.
    pub novelty: Vec<f64>,
    /// The sections; they follow each other and fill all bars.
    pub sections: Vec<Section>,
}

impl Structure {
    /// Finds the sections of a piece.
    pub fn of(score: &Score) -> Structure {
        let mut bars = score.bars();
        bars.truncate(MAX_BARS);
        let alike = Alike::of(score, &bars);
        let novelty = alike.novelty();
        let cuts = alike.cuts(&novelty);
        let letters = alike.letters(&cuts);
        let section = |(ends, letter): (&[usize], &u16)| Section {
            bar: ends[0] as u32,
            bars: (ends[1] - ends[0]) as u32,
            start: bars[ends[0]].start,
            end: bars[ends[1] - 1].end,
            letter: *letter,
        };
        Structure {
            sections: cuts.windows(2).zip(&letters).map(section).collect(),
            similarity: alike.values,
            novelty,
            bars,
        }
    }

    /// The letters of the sections, such as `AABA`.
    pub fn form(&self) -> String {
        self.sections.iter().map(Section::name).collect()
    }

    /// Where the sections lie.
    pub fn spans(&self) -> Vec<Span> {
        let span = |section: &Section| Span {
            start: section.start,
            end: section.end,
        };
        self.sections.iter().map(span).collect()
    }
}

/// How alike bars are.
struct Alike {
    count: usize,
    values: Vec<f32>,
}

impl Alike {
    fn of(score: &Score, bars: &[Bar]) -> Alike {
        let count = bars.len();
        let vectors = vectors(score, bars);
        let mut values = vec![0.0; count * count];
        for row in 0..count {
            for column in 0..=row {
                let value = dot(&vectors[row], &vectors[column]).clamp(0.0, 1.0);
                values[row * count + column] = value;
                values[column * count + row] = value;
            }
        }
        Alike { count, values }
    }

    fn at(&self, a: usize, b: usize) -> f64 {
        f64::from(self.values[a * self.count + b])
    }

    /// The mean of all pairs of different bars; 1 of fewer than two.
    fn usual(&self) -> f64 {
        let pairs = self.count * self.count.saturating_sub(1);
        if pairs == 0 {
            return 1.0;
        }
        let diagonal: f64 = (0..self.count).map(|at| self.at(at, at)).sum();
        (self.values.iter().map(|value| f64::from(*value)).sum::<f64>() - diagonal) / pairs as f64
    }

    /// The mean likeness of so many bars from `a` and from `b` on.
    fn along(&self, a: usize, b: usize, bars: usize) -> f64 {
        (0..bars).map(|k| self.at(a + k, b + k)).sum::<f64>() / bars as f64
    }

    fn novelty(&self) -> Vec<f64> {
        let of = |novelty: &dyn Fn(usize) -> f64| (1..self.count).map(novelty).collect::<Vec<f64>>();
        let contrasts = above_median(of(&|at| self.contrast(at)));
        let repetitions = above_median(of(&|at| self.repetition(at)));
        let sums = contrasts.iter().zip(repetitions).map(|(contrast, repetition)| {
            (contrast / CLEAR_CONTRAST + repetition / CLEAR_REPETITION).min(1.0)
        });
        // Before the first bar there is nothing to be unlike.
        std::iter::once(0.0).chain(sums).take(self.count).collect()
    }

    /// How much more alike the bars before a boundary are, and those after, than one to the other.
    fn contrast(&self, at: usize) -> f64 {
        let reach = REACH.min(at).min(self.count - at);
        if reach < 2 {
            return 0.0;
        }
        let (before, after) = (at - reach..at, at..at + reach);
        let mean = |a: &std::ops::Range<usize>, b: &std::ops::Range<usize>| {
            let pairs = a.clone().flat_map(|i| b.clone().map(move |j| (i, j)));
            let (mut sum, mut count) = (0.0, 0.0);
            for (i, j) in pairs.filter(|(i, j)| i != j) {
                sum += self.at(i, j);
                count += 1.0;
            }
            sum / count
        };
        (mean(&before, &before) + mean(&after, &after)) / 2.0 - mean(&before, &after)
    }

    /// How much the likeness to the bars at other distances changes at a boundary, at the distances at which it changes most.
    fn repetition(&self, at: usize) -> f64 {
        let mut changes: Vec<f64> = Vec::new();
        let (count, at) = (self.count as isize, at as isize);
        for lag in (-at + 1..count - at).filter(|lag| lag.abs() >= 2) {
            let mean = |bars: std::ops::Range<isize>| {
                let (mut sum, mut seen) = (0.0, 0);
                for bar in bars.filter(|bar| (0..count).contains(bar) && (0..count).contains(&(bar + lag))) {
                    sum += self.at(bar as usize, (bar + lag) as usize);
                    seen += 1;
                }
                (seen >= 2).then(|| sum / f64::from(seen))
            };
            let reach = REACH as isize;
            if let (Some(before), Some(after)) = (mean(at - reach..at), mean(at..at + reach)) {
                changes.push((after - before).abs());
            }
        }
        changes.sort_by(|a, b| b.total_cmp(a));
        changes.truncate(TELLING);
        changes.iter().sum::<f64>() / TELLING as f64
    }

    /// Where sections begin, and the end: the cuts with most novelty and the most usual lengths.
    fn cuts(&self, novelty: &[f64]) -> Vec<usize> {
        if self.count == 0 {
            return vec![0];
        }
        let lengths = self.lengths();
        // The best sum of a division of the bars up to each, and where its last section begins.
        let mut best = vec![(f64::NEG_INFINITY, 0); self.count + 1];
        best[0] = (0.0, 0);
        for end in 1..=self.count {
            for (length, worth) in lengths.iter().enumerate().take(end + 1).skip(1) {
                let start = end - length;
                let mut worth = *worth;
                // What leads in or fades out may be of any length.
                if start == 0 || end == self.count {
                    worth = worth.max(-0.5);
                }
                let cut = if start > 0 { novelty[start] } else { 0.0 };
                let sum = best[start].0 + worth + cut;
                if sum > best[end].0 {
                    best[end] = (sum, start);
                }
            }
        }
        let mut cuts = vec![self.count];
        while let Some(start) = cuts.last().filter(|at| **at > 0).map(|at| best[*at].1) {
            cuts.push(start);
        }
        cuts.reverse();
        cuts
    }

    /// What a section of each length is worth: most if it has eight bars, or twelve where the piece repeats itself after twelve rather than
    /// after eight or sixteen.
    fn lengths(&self) -> Vec<f64> {
        let lag = |lag: usize| match self.count >= 2 * lag {
            true => self.along(0, lag, self.count - lag),
            false => 0.0,
        };
        let twelve = lag(12) > lag(8).max(lag(16)) + 0.03;
        let worth = |length: usize| match (length, twelve) {
            (8, false) | (12, true) => 0.0,
            (16, false) | (24, true) => -0.1,
            (4 | 12, false) | (6 | 8 | 16, true) => -0.4,
            (24 | 32, false) | (4 | 36 | 48, true) => -0.4,
            (6 | 10 | 14 | 20 | 28, _) => -0.6,
            (0..=3, _) => -1.2,
            _ => -0.9,
        };
        (0..=LONGEST).map(worth).collect()
    }

    /// Letters of the sections between cuts: a section has that of the earlier ones it is most like, or a new one.
    fn letters(&self, cuts: &[usize]) -> Vec<u16> {
        let usual = self.usual();
        let same = usual + SAME * (1.0 - usual);
        let mut letters: Vec<u16> = Vec::new();
        for at in 0..cuts.len().saturating_sub(1) {
            let count = letters.iter().max().map_or(0, |letter| usize::from(*letter) + 1);
            let mut sums = vec![(0.0, 0.0); count];
            for (other, letter) in letters.iter().enumerate() {
                let sum = &mut sums[usize::from(*letter)];
                sum.0 += self.sections_alike((cuts[at], cuts[at + 1]), (cuts[other], cuts[other + 1]));
                sum.1 += 1.0;
            }
            let means = sums.iter().map(|(sum, count)| sum / count);
            let best = means.enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
            letters.push(match best {
                Some((letter, mean)) if mean >= same => letter as u16,
                _ => count as u16,
            });
        }
        letters
    }

    /// How alike two sections are: their bars in turn, from the start or up to the end, whichever is better. Those of very different
    /// lengths are not.
    fn sections_alike(&self, a: (usize, usize), b: (usize, usize)) -> f64 {
        let (long, short) = ((a.1 - a.0).max(b.1 - b.0), (a.1 - a.0).min(b.1 - b.0));
        if 3 * short < 2 * long {
            return 0.0;
        }
        let starts = self.along(a.0, b.0, short);
        let ends = self.along(a.1 - short, b.1 - short, short);
        starts.max(ends) * (short as f64 / long as f64).sqrt()
    }
}

/// Values less their median; what is below is nothing.
fn above_median(mut values: Vec<f64>) -> Vec<f64> {
    let mut sorted = values.clone();
    sorted.sort_by(f64::total_cmp);
    let median = sorted.get(sorted.len() / 2).copied().unwrap_or(0.0);
    for value in &mut values {
        *value = (*value - median).max(0.0);
    }
    values
}

/// Each bar's values, scaled so that the product of two is how alike they are.
fn vectors(score: &Score, bars: &[Bar]) -> Vec<[f32; WIDTH]> {
    let mut vectors = vec![[0.0; WIDTH]; bars.len()];
    // Bars are at least a tick long; a half of one may be of no length.
    let mut cuts: Vec<u32> = bars
        .iter()
        .flat_map(|bar| [bar.start, bar.start + (bar.end - bar.start) / 2])
        .chain(bars.last().map(|bar| bar.end))
        .collect();
    cuts.dedup();
    let sounds = sounding(score, &cuts);
    for (cut, sounds) in cuts.iter().zip(&sounds) {
        let bar = bars.partition_point(|bar| bar.start <= *cut) - 1;
        let from = if *cut > bars[bar].start { 13 } else { 0 };
        vectors[bar][from..from + 12]
            .iter_mut()
            .zip(sounds.pitches)
            .for_each(|(value, time)| *value = time as f32);
    }
    for track in &score.tracks {
        for note in &track.notes {
            let Some(bar) = bars.partition_point(|bar| bar.start <= note.onset).checked_sub(1) else {
                continue;
            };
            let (offset, length) = (
                u64::from(note.onset - bars[bar].start),
                u64::from(bars[bar].end - bars[bar].start),
            );
            let position = ((2 * offset * POSITIONS as u64 + length) / (2 * length)) as usize;
            let (bar, position) = match position < POSITIONS {
                true => (bar, position),
                false => (bar + 1, 0),
            };
            if let Some(vector) = vectors
                .get_mut(bar)
                .filter(|_| note.onset < bars[bars.len() - 1].end)
            {
                vector[26 + position] += 1.0;
            }
        }
    }
    for vector in &mut vectors {
        let (first, rest) = vector.split_at_mut(13);
        let (second, onsets) = rest.split_at_mut(13);
        scale(first, 0.25);
        scale(second, 0.25);
        scale(&mut onsets[..POSITIONS + 1], 0.5);
    }
    vectors
}

/// Scales values so that the sum of their squares is `share`; where there are none, the last one stands for it.
fn scale(values: &mut [f32], share: f32) {
    let squares: f32 = values.iter().map(|value| value * value).sum();
    match squares > 0.0 {
        true => values
            .iter_mut()
            .for_each(|value| *value *= (share / squares).sqrt()),
        false => *values.last_mut().expect("there are values") = share.sqrt(),
    }
}

fn dot(a: &[f32; WIDTH], b: &[f32; WIDTH]) -> f32 {
    // Eight sums side by side, which a processor forms at once.
    let mut sums = [0.0_f32; 8];
    for (a, b) in a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_go_on_after_z() {
        let name = |letter| {
            Section {
                bar: 0,
                bars: 8,
                start: 0,
                end: 1,
                letter,
            }
            .name()
        };
        assert_eq!([0, 25, 26, 53].map(name), ["A", "Z", "A2", "B3"]);
    }

    #[test]
    fn values_of_nothing_are_alike() {
        let mut empty = [0.0; 5];
        scale(&mut empty, 0.25);
        assert_eq!(empty, [0.0, 0.0, 0.0, 0.0, 0.5]);
    }
}
