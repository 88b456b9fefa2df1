//! Measures of rhythm over the whole piece: empty beats and bars, groove, drum patterns, swing.

use crate::score::{ControlKind, Score};

use super::{Played, mean};

/// When a piece's notes begin and end.
pub(super) struct Rhythm {
    /// Ticks to the last end of a note or the last controller, whichever is later, as muspy counts.
    pub(super) length: u64,
    /// Ticks of a bar of the first time signature.
    pub(super) bar_ticks: u64,
    ticks_per_quarter: u64,
    /// Onset and end of every note, by onset.
    intervals: Vec<(u64, u64)>,
    /// The onsets, each once.
    onsets: Vec<u64>,
}

impl Rhythm {
    pub(super) fn of(score: &Score, notes: &[Played]) -> Rhythm {
        let intervals: Vec<(u64, u64)> = notes
            .iter()
            .map(|note| (u64::from(note.onset), u64::from(note.end)))
            .collect();
        let mut onsets: Vec<u64> = intervals.iter().map(|interval| interval.0).collect();
        onsets.dedup();
        let last_control = score
            .tracks
            .iter()
            .flat_map(|track| &track.controls)
            .filter(|control| matches!(control.kind, ControlKind::Controller(..)))
            .map(|control| control.tick)
            .max();
        let ticks_per_quarter = u64::from(score.ticks_per_quarter.max(1));
        let (numerator, denominator) = score.time_signatures.first().map_or((4, 4), |s| {
            (u64::from(s.numerator), u64::from(s.denominator.max(1)))
        });
        Rhythm {
            length: u64::from(score.end().max(last_control.unwrap_or(0))),
            bar_ticks: (4 * ticks_per_quarter * numerator / denominator).max(1),
            ticks_per_quarter,
            intervals,
            onsets,
        }
    }

    /// The share of units of so many ticks that no note touches; NaN of a piece without length.
    pub(super) fn empty_rate(&self, unit: u64) -> f64 {
        if self.length == 0 {
            return f64::NAN;
        }
        let (mut touched, mut next) = (0, 0);
        for (onset, end) in &self.intervals {
            let (first, beyond) = ((onset / unit).max(next), end / unit + 1);
            if beyond > first {
                touched += beyond - first;
                next = beyond;
            }
        }
        1.0 - touched as f64 / (self.length / unit + 1) as f64
    }

    /// Groove consistency on so many positions to the bar; on as many as it has ticks, muspy's.
    pub(super) fn groove_consistency(&self, positions: u64) -> f64 {
        // An onset goes to the nearest position, halves up; the positions run on from bar to bar.
        let nearest = |onset: &u64| (2 * onset * positions + self.bar_ticks) / (2 * self.bar_ticks);
        let mut places: Vec<u64> = self.onsets.iter().map(nearest).collect();
        places.dedup();
        let last = places.last().map_or(0, |place| place / positions);
        let bars = (self.length / self.bar_ticks).max(last) + 1;
        if bars < 2 {
            return f64::NAN;
        }
        // Every onset is set against the bar before and the bar after, but for those of the first and the last bar.
        let within = |bar: u64| places.iter().filter(|place| **place / positions == bar).count() as u64;
        let alone = 2 * places.len() as u64 - within(0) - within(bars - 1);
        let differing = alone - 2 * pairs_at(&places, positions);
        1.0 - differing as f64 / (positions * (bars - 1)) as f64
    }

    /// Swing ratio and share of swung eighths.
    pub(super) fn swing(&self) -> (f64, f64) {
        let offbeats = self.offbeat_eighths();
        let ratio = mean(offbeats.iter().map(|phase| phase / (1.0 - phase)));
        // Played times fall beside seven twelfths by rounding.
        let swung = |phase: &f64| f64::from(u8::from(*phase >= 7.0 / 12.0 - 1e-9));
        (ratio, mean(offbeats.iter().map(swung)))
    }

    /// Where in its quarter the off-beat eighth comes, for every quarter that has one and nothing else inside.
    fn offbeat_eighths(&self) -> Vec<f64> {
        let phase = |onset: u64| (onset % self.ticks_per_quarter) as f64 / self.ticks_per_quarter as f64;
        let quarter = |onset: &u64| onset / self.ticks_per_quarter;
        let mut found = Vec::new();
        for onsets in self.onsets.chunk_by(|a, b| quarter(a) == quarter(b)) {
            // What is that near to a beat is on the beat.
            let inside: Vec<f64> = onsets
                .iter()
                .map(|onset| phase(*onset))
                .filter(|phase| (1.0 / 12.0..11.0 / 12.0).contains(phase))
                .collect();
            let (Some(first), Some(last)) = (inside.first(), inside.last()) else {
                continue;
            };
            let eighth = *first >= 5.0 / 12.0 - 1e-9 && *last <= 10.0 / 12.0 + 1e-9 && last - first <= 0.125;
            if eighth {
                found.push(mean(inside.iter().copied()));
            }
        }
        found
    }
}

/// How many of these increasing numbers have a fellow at this distance above.
fn pairs_at(places: &[u64], distance: u64) -> u64 {
    let (mut pairs, mut ahead) = (0, 0);
    for place in places {
        while ahead < places.len() && places[ahead] < place + distance {
            ahead += 1;
        }
        pairs += u64::from(places.get(ahead) == Some(&(place + distance)));
    }
    pairs
}

/// The shares of drum notes in the duple and in the triple pattern of a quarter.
pub(super) fn drum_pattern_rates(score: &Score) -> (f64, f64) {
    let quarter = u32::from(score.ticks_per_quarter.max(1));
    let on = |place: u32, parts: u32| quarter.is_multiple_of(parts) && place.is_multiple_of(quarter / parts);
    let drums = || {
        let tracks = score.tracks.iter().filter(|track| track.drums);
        tracks
            .flat_map(|track| &track.notes)
            .map(|note| note.onset % quarter)
    };
    let rate = |inside: &dyn Fn(u32) -> bool| {
        mean(drums().map(|place| f64::from(u8::from(place == 0 || inside(place)))))
    };
    (
        rate(&|place| on(place, 4) || on(place, 2)),
        rate(&|place| on(place, 3)),
    )
}
