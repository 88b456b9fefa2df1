//! The bars of a piece, and where in them its notes begin.

use crate::clock::Bar;
use crate::score::Score;

use super::Played;

/// The bars of a piece.
pub(super) struct Bars {
    bars: Vec<Bar>,
    /// How many there are, up to the end of the last note.
    pub(super) count: u32,
    ticks_per_quarter: u64,
}

/// A note at its place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    pub(super) bar: u32,
    pub(super) position: u32,
    pub(super) pitch: u8,
    pub(super) instrument: u8,
}

impl Bars {
    pub(super) fn of(score: &Score, notes: &[Played]) -> Bars {
        let mut bars = score.bars();
        // A note of no length at the very end begins where no bar is any more.
        if let Some(note) = notes.last()
            && bars.last().map_or(0, |bar| bar.end) == note.onset
        {
            let signature = score.time_signature(note.onset);
            let whole = 4 * u64::from(score.ticks_per_quarter);
            let length = whole * u64::from(signature.numerator) / u64::from(signature.denominator.max(1));
            bars.push(Bar {
                start: note.onset,
                end: note.onset.saturating_add(length.max(1) as u32),
                numerator: signature.numerator,
                denominator: signature.denominator,
            });
        }
        Bars {
            count: bars.len() as u32,
            bars,
            ticks_per_quarter: u64::from(score.ticks_per_quarter.max(1)),
        }
    }

    /// Every note at the nearest of so many positions to the bar, in order; what lies beyond the last bar that is counted is left out.
    pub(super) fn place(&self, notes: &[Played], positions: u32) -> impl Iterator<Item = Placed> {
        self.place_by(notes, move |_| u64::from(positions))
    }

    /// The same on so many positions to the quarter.
    pub(super) fn place_by_quarter(&self, notes: &[Played], positions: u32) -> impl Iterator<Item = Placed> {
        let quarter = self.ticks_per_quarter;
        self.place_by(notes, move |length| {
            ((2 * length * u64::from(positions) + quarter) / (2 * quarter)).max(1)
        })
    }

    fn place_by(&self, notes: &[Played], positions: impl Fn(u64) -> u64) -> impl Iterator<Item = Placed> {
        let mut at = 0;
        notes.iter().map_while(move |note| {
            while self.bars.get(at)?.end <= note.onset {
                at += 1;
            }
            let bar = self.bars[at];
            let (offset, length) = (u64::from(note.onset - bar.start), u64::from(bar.end - bar.start));
            let positions = positions(length);
            let position = (2 * offset * positions + length) / (2 * length);
            let (bar, position) = match position < positions {
                true => (at, position),
                false => (at + 1, 0),
            };
            Some(Placed {
                bar: bar as u32,
                position: position as u32,
                pitch: note.pitch,
                instrument: note.instrument,
            })
        })
    }
}
