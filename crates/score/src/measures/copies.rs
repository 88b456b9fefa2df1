//! What of a piece occurs elsewhere: in itself, or in a corpus.

use std::cmp::Ordering;
use std::collections::HashSet;

use serde::Serialize;

use crate::score::Score;

use super::bars::{Bars, Placed};
use super::{DRUMS, in_order, mean};

/// Bars of the spans that are looked for.
pub const SPANS: [usize; 4] = [1, 2, 4, 8];

/// Bars of the longest copy that is told; longer ones are told as this long.
pub const LONGEST: usize = 256;

/// Positions to a quarter: sixteenths.
const POSITIONS: u32 = 4;

/// The key of one or more empty bars, or of the end of a piece. No bar with notes has it.
const GAP: u64 = 0;

/// The bars of a piece as keys: two bars with equal keys hold the same pitches and drums at the same sixteenths.
///
/// Onsets go to the nearest sixteenth, halves up. Durations, velocities, instruments and doubled notes do not count. A second set of keys
/// is the same for a piece and its transpositions: pitches are told from the lowest of the bar's first tones, and from bar to bar how that
/// one moves (over a bar without tones this is not told).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BarKeys {
    exact: Sequence,
    transposed: Sequence,
}

/// Keys of bars in turn. Which of a bar's two keys counts depends on whether it is the first of the span that is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Sequence {
    first: Vec<u64>,
    later: Vec<u64>,
}

impl Sequence {
    fn push(&mut self, first: u64, later: u64) {
        self.first.push(first);
        self.later.push(later);
    }

    fn push_gap(&mut self) {
        if self.first.last() != Some(&GAP) {
            self.push(GAP, GAP);
        }
    }

    /// Where spans of so many bars, none of them empty, begin.
    fn spans(&self, bars: usize) -> impl Iterator<Item = usize> {
        let starts = 0..(self.first.len() + 1).saturating_sub(bars);
        starts.filter(move |start| !self.first[*start..start + bars].contains(&GAP))
    }

    /// The keys of the span of so many bars from here on, cut at the end.
    fn span(&self, start: usize, bars: usize) -> (u64, &[u64]) {
        let end = (start + bars).min(self.later.len());
        (self.first[start], &self.later[start + 1..end])
    }
}

impl BarKeys {
    /// The keys of a piece's bars.
    pub fn of(score: &Score) -> BarKeys {
        let notes = in_order(score);
        let bars = Bars::of(score, &notes);
        let placed: Vec<Placed> = bars.place_by_quarter(&notes, POSITIONS).collect();
        let mut keys = BarKeys {
            exact: Sequence::default(),
            transposed: Sequence::default(),
        };
        let mut before = (0, None);
        for notes in placed.chunk_by(|a, b| a.bar == b.bar) {
            let bar = notes[0].bar;
            if bar > before.0 + 1 {
                keys.exact.push_gap();
                keys.transposed.push_gap();
                before.1 = None;
            }
            let reference = reference(notes);
            let exact = key(notes, 0);
            keys.exact.push(exact, exact);
            let relative = key(notes, reference.unwrap_or(0));
            let step = match (before.1, reference) {
                (Some(from), Some(to)) => i16::from(to) - i16::from(from),
                // No step from one pitch to another is that large.
                _ => i16::MAX,
            };
            keys.transposed
                .push(relative, not_gap(mix(relative ^ mix(step as u64))));
            before = (bar, reference);
        }
        keys
    }

    /// The share of spans of [`SPANS`] bars that occurred before in the piece, exactly.
    pub(super) fn self_repetition(&self) -> [f64; 4] {
        SPANS.map(|bars| {
            let mut seen = HashSet::new();
            let spans = self
                .exact
                .spans(bars)
                .map(|start| &self.exact.later[start..start + bars]);
            mean(spans.map(|span| f64::from(u8::from(!seen.insert(span)))))
        })
    }
}

/// The lowest of the first tones.
fn reference(notes: &[Placed]) -> Option<u8> {
    let tones = notes.iter().filter(|note| note.instrument != DRUMS);
    tones
        .min_by_key(|note| (note.position, note.pitch))
        .map(|note| note.pitch)
}

/// The key of a bar's notes, pitches of tones told from `reference`.
fn key(notes: &[Placed], reference: u8) -> u64 {
    let told = |note: &Placed| match note.instrument == DRUMS {
        true => (note.position, 1, i16::from(note.pitch)),
        false => (note.position, 0, i16::from(note.pitch) - i16::from(reference)),
    };
    let mut set: Vec<(u32, u8, i16)> = notes.iter().map(told).collect();
    set.sort_unstable();
    set.dedup();
    let hash = set.iter().fold(0, |hash, (position, drum, pitch)| {
        mix(hash ^ (u64::from(*position) << 24 | u64::from(*drum) << 16 | u64::from(*pitch as u16)))
    });
    not_gap(hash)
}

fn not_gap(hash: u64) -> u64 {
    hash.max(GAP + 1)
}

/// A step of SplitMix64 (Steele, Lea and Flood 2014): makes a number that looks like any other, always the same.
pub(super) fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Pieces in which copies are looked for: about 40 bytes a bar.
#[derive(Debug, Clone)]
pub struct Corpus {
    pieces: usize,
    exact: Index,
    transposed: Index,
}

/// All pieces' keys, and where each span is, in order.
#[derive(Debug, Clone)]
struct Index {
    keys: Sequence,
    /// Every bar, ordered by the keys of the [`LONGEST`] bars from it on.
    order: Vec<u32>,
}

impl Corpus {
    /// A corpus of these pieces. The bars after the 4 billionth are left out.
    pub fn new<'a>(pieces: impl IntoIterator<Item = &'a BarKeys>) -> Corpus {
        let (mut exact, mut transposed) = (Sequence::default(), Sequence::default());
        let mut count = 0;
        for piece in pieces {
            if exact.first.len() + piece.exact.first.len() >= u32::MAX as usize {
                break;
            }
            count += 1;
            for (all, one) in [(&mut exact, &piece.exact), (&mut transposed, &piece.transposed)] {
                all.first.extend(&one.first);
                all.later.extend(&one.later);
                all.push_gap();
            }
        }
        Corpus {
            pieces: count,
            exact: Index::new(exact),
            transposed: Index::new(transposed),
        }
    }

    /// How many pieces it holds.
    pub fn pieces(&self) -> usize {
        self.pieces
    }

    /// How much of a piece occurs in this corpus.
    pub fn copy_rate(&self, piece: &BarKeys) -> CopyRate {
        CopyRate {
            exact: self.exact.copies(&piece.exact),
            transposed: self.transposed.copies(&piece.transposed),
        }
    }
}

/// How much of a piece occurs in a corpus.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CopyRate {
    /// At the same pitches.
    pub exact: Copies,
    /// At any transposition: never less.
    pub transposed: Copies,
}

/// Spans of a piece that occur in a corpus. Spans with an empty bar are not counted; shares of none are NaN.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Copies {
    /// Bars of the longest, at most [`LONGEST`].
    pub longest_bars: u32,
    /// The share of bars.
    pub share_1_bar: f64,
    /// The share of spans of two bars.
    pub share_2_bars: f64,
    /// The share of spans of four bars.
    pub share_4_bars: f64,
    /// The share of spans of eight bars.
    pub share_8_bars: f64,
}

impl Index {
    fn new(keys: Sequence) -> Index {
        let mut order: Vec<u32> = (0..keys.first.len() as u32)
            .filter(|at| keys.first[*at as usize] != GAP)
            .collect();
        let span = |at: &u32| keys.span(*at as usize, LONGEST);
        order.sort_unstable_by(|a, b| span(a).cmp(&span(b)));
        Index { keys, order }
    }

    fn contains(&self, span: (u64, &[u64])) -> bool {
        let compare = |at: &u32| -> Ordering { self.keys.span(*at as usize, 1 + span.1.len()).cmp(&span) };
        self.order.binary_search_by(compare).is_ok()
    }

    fn copies(&self, piece: &Sequence) -> Copies {
        let [share_1_bar, share_2_bars, share_4_bars, share_8_bars] = SPANS.map(|bars| {
            let found = |start| self.contains(piece.span(start, bars));
            mean(piece.spans(bars).map(|start| f64::from(u8::from(found(start)))))
        });
        Copies {
            longest_bars: self.longest(piece) as u32,
            share_1_bar,
            share_2_bars,
            share_4_bars,
            share_8_bars,
        }
    }

    /// Bars of the longest span that is found.
    fn longest(&self, piece: &Sequence) -> usize {
        let mut longest = 0;
        let mut whole = 0;
        for start in 0..piece.first.len() {
            // Bars from here to the next gap.
            whole = match whole {
                0 | 1 => piece.first[start..].iter().take_while(|key| **key != GAP).count(),
                _ => whole - 1,
            };
            while longest < whole.min(LONGEST) && self.contains(piece.span(start, longest + 1)) {
                longest += 1;
            }
        }
        longest
    }
}
