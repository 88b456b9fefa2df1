//! The beats of a piece, as harmony moves by them.

use serde::Serialize;

use crate::clock::Bar;
use crate::score::Score;

/// The most beats that are looked at: about nine hours of music at 180 a minute.
pub const MAX_BEATS: usize = 100_000;

/// A beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Beat {
    /// Where it begins, in ticks.
    pub start: u32,
    /// Where it ends, in ticks.
    pub end: u32,
    /// Its bar, counted from 0.
    pub bar: u32,
    /// Its place in the bar, counted from 0.
    pub place: u16,
    /// Beats of its bar.
    pub of: u16,
}

/// The beats of the bars up to the end of the last note, [`MAX_BEATS`] at most.
///
/// A beat is a quarter in metres of whole, half and quarter notes, a dotted note in compound ones (6/8, 9/16), an eighth in others. What a
/// bar has left that is shorter than half a beat belongs to its last one.
pub fn beats(score: &Score) -> Vec<Beat> {
    let mut beats = Vec::new();
    for (at, bar) in score.bars().iter().enumerate() {
        let length = beat_ticks(bar, score.ticks_per_quarter);
        let ticks = bar.end - bar.start;
        let of = ((2 * u64::from(ticks) + u64::from(length)) / (2 * u64::from(length))).max(1);
        for place in 0..of {
            if beats.len() == MAX_BEATS {
                return beats;
            }
            let start = bar.start + (place * u64::from(length)) as u32;
            let end = match place + 1 == of {
                true => bar.end,
                false => start + length,
            };
            beats.push(Beat {
                start,
                end,
                bar: at as u32,
                place: place as u16,
                of: of as u16,
            });
        }
    }
    beats
}

fn beat_ticks(bar: &Bar, ticks_per_quarter: u16) -> u32 {
    let quarter = u32::from(ticks_per_quarter.max(1));
    let compound = bar.numerator.is_multiple_of(3);
    let ticks = match bar.denominator {
        0..=4 => quarter,
        8 if compound => 3 * quarter / 2,
        16 if compound => 3 * quarter / 4,
        _ => quarter / 2,
    };
    ticks.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::{Note, TimeSignature, Track};

    #[test]
    fn beats_are_those_of_the_metre() {
        let with = |numerator, denominator, cut: Option<u32>| {
            let signature = |tick, numerator, denominator| TimeSignature {
                tick,
                numerator,
                denominator,
            };
            let mut score = Score {
                ticks_per_quarter: 96,
                tracks: vec![Track {
                    notes: vec![Note {
                        onset: 0,
                        pitch: 60,
                        duration: 50,
                        velocity: 64,
                    }],
                    ..Track::default()
                }],
                time_signatures: vec![signature(0, numerator, denominator)],
                ..Score::default()
            };
            if let Some(tick) = cut {
                score.tracks[0].notes[0].duration = tick;
                score.time_signatures.push(signature(tick, 4, 4));
            }
            let beats = beats(&score);
            beats
                .iter()
                .map(|beat| beat.end - beat.start)
                .collect::<Vec<u32>>()
        };
        assert_eq!(with(3, 4, None), [96; 3]);
        assert_eq!(with(2, 2, None), [96; 4]);
        assert_eq!(with(6, 8, None), [144; 2]);
        assert_eq!(with(3, 8, None), [144]);
        assert_eq!(with(5, 8, None), [48; 5]);
        assert_eq!(
            with(4, 4, Some(220)),
            [96, 124],
            "what is left over belongs to the beat before"
        );
        assert_eq!(with(4, 4, Some(260)), [96, 96, 68]);
    }
}
