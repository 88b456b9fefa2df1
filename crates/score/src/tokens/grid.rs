//! The grid that event and compound tokens lie on: what remains of a score there, and a score made of it.

use crate::score::{MAX_QUARTERS, Note, Score, Tempo, TimeSignature, Track};

/// Steps of the grid to a quarter note: the smallest number that sixteenths and triplets divide, so that swing is kept.
pub const STEPS_PER_QUARTER: u32 = 12;

/// Ticks of a step in a score that is made of a piece.
const TICKS: u32 = 40;

/// The voice of drums; the voices below are General MIDI programs.
pub(super) const DRUMS: u8 = 128;

/// The most steps that a bar may have: six quarters.
pub(super) const MAX_POSITIONS: u32 = 6 * STEPS_PER_QUARTER;

/// Levels of velocity.
pub(super) const VELOCITIES: u8 = 16;

/// Levels of tempo.
pub(super) const TEMPOS: u8 = 32;
const SLOWEST: f64 = 30.0;
const FASTEST: f64 = 300.0;

/// The metres of the grid: up to six quarters to a bar; any other is taken for 4/4.
pub(super) fn metres() -> Vec<(u8, u8)> {
    let mut metres = Vec::new();
    for denominator in [2_u8, 4, 8, 16] {
        for numerator in 1..=16_u8 {
            if bar_steps((numerator, denominator)) <= MAX_POSITIONS {
                metres.push((numerator, denominator));
            }
        }
    }
    metres
}

/// The steps of a bar of a metre.
pub(super) fn bar_steps((numerator, denominator): (u8, u8)) -> u32 {
    u32::from(numerator) * 4 * STEPS_PER_QUARTER / u32::from(denominator)
}

/// The durations of the grid, in steps: every step up to a half note, then ever wider apart, up to twelve quarters.
pub(super) fn durations() -> Vec<u32> {
    let quarter = STEPS_PER_QUARTER;
    let mut durations: Vec<u32> = (1..=2 * quarter).collect();
    durations.extend((2 * quarter + 3..=4 * quarter).step_by(3));
    durations.extend((4 * quarter + 6..=8 * quarter).step_by(6));
    durations.extend((8 * quarter + quarter..=12 * quarter).step_by(quarter as usize));
    durations
}

/// The index of the duration nearest to a number of steps; of two as near the shorter.
fn duration_index(steps: u32, durations: &[u32]) -> u8 {
    let above = durations
        .partition_point(|duration| *duration < steps)
        .min(durations.len() - 1);
    let index = match above.checked_sub(1) {
        Some(below) if steps.abs_diff(durations[below]) <= steps.abs_diff(durations[above]) => below,
        _ => above,
    };
    index as u8
}

pub(super) fn tempo_level(per_minute: f64) -> u8 {
    let place = (per_minute.clamp(SLOWEST, FASTEST) / SLOWEST).ln() / (FASTEST / SLOWEST).ln();
    (place * f64::from(TEMPOS - 1)).round() as u8
}

/// Quarters a minute of a level of tempo.
pub(super) fn per_minute(level: u8) -> f64 {
    SLOWEST * (FASTEST / SLOWEST).powf(f64::from(level) / f64::from(TEMPOS - 1))
}

/// A score on the grid.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Piece {
    /// The bars, up to the one in which the last note begins.
    pub bars: Vec<GridBar>,
    /// The notes, by step, voice and pitch; a voice plays a pitch but once at a step.
    pub notes: Vec<GridNote>,
    /// Changes of tempo up to the last onset: step and level; 120 quarters a minute hold before the first.
    pub tempos: Vec<(u32, u8)>,
}

/// A bar of the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GridBar {
    /// The step at which it begins.
    pub start: u32,
    /// Beats to the bar, and the note value of a beat.
    pub metre: (u8, u8),
}

/// A note of the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct GridNote {
    /// The step at which it begins.
    pub step: u32,
    /// General MIDI program, or 128 for drums.
    pub voice: u8,
    /// MIDI pitch.
    pub pitch: u8,
    /// An index into the grid's durations; of drums 0.
    pub duration: u8,
    /// A level of velocity, 0 to 15.
    pub velocity: u8,
}

impl GridBar {
    /// How many steps it lasts.
    pub fn steps(&self) -> u32 {
        bar_steps(self.metre)
    }
}

impl Piece {
    /// What the grid keeps of a score: onsets at the nearest step, a half up; tracks of one program become one voice; names,
    /// controls, keys and texts are left out.
    pub fn of(score: &Score) -> Piece {
        let durations = durations();
        let per_quarter = u64::from(score.ticks_per_quarter.max(1));
        let step = |tick: u32| {
            let steps =
                (u64::from(tick) * u64::from(STEPS_PER_QUARTER) * 2 + per_quarter) / (2 * per_quarter);
            steps.min(u64::from(MAX_QUARTERS * STEPS_PER_QUARTER)) as u32
        };
        let mut notes: Vec<GridNote> = Vec::with_capacity(score.notes().count());
        for track in &score.tracks {
            let voice = if track.drums {
                DRUMS
            } else {
                track.program.min(127)
            };
            notes.extend(track.notes.iter().map(|note| {
                let from = step(note.onset);
                let length = step(note.end()).saturating_sub(from);
                GridNote {
                    step: from,
                    voice,
                    pitch: note.pitch.min(127),
                    duration: if track.drums {
                        0
                    } else {
                        duration_index(length, &durations)
                    },
                    velocity: (note.velocity.min(127) / (128 / VELOCITIES)).min(VELOCITIES - 1),
                }
            }));
        }
        let Some(last) = notes.iter().map(|note| note.step).max() else {
            return Piece::default();
        };
        let metres = metres();
        let mut signatures: Vec<(u32, (u8, u8))> = Vec::new();
        for signature in &score.time_signatures {
            let metre = (signature.numerator, signature.denominator);
            let metre = if metres.contains(&metre) { metre } else { (4, 4) };
            signatures.push((step(signature.tick), metre));
        }
        let tempo = |tempo: &Tempo| (step(tempo.tick), tempo_level(tempo.per_minute()));
        let piece = Piece {
            bars: bars(&signatures, last),
            notes,
            tempos: score.tempos.iter().map(tempo).collect(),
        };
        piece.settled()
    }

    /// The piece with nothing said that is not heard: of several notes at one place the longest, then the loudest, of several
    /// tempos at one step the last; no tempo that holds anyway; no bar and no tempo after the last onset.
    pub(super) fn settled(mut self) -> Piece {
        self.notes.sort_unstable_by_key(|n| {
            (
                n.step,
                n.voice,
                n.pitch,
                std::cmp::Reverse((n.duration, n.velocity)),
            )
        });
        self.notes
            .dedup_by_key(|note| (note.step, note.voice, note.pitch));
        let Some(last) = self.notes.last().map(|note| note.step) else {
            return Piece::default();
        };
        self.bars
            .truncate(self.bars.partition_point(|bar| bar.start <= last));
        let mut tempos: Vec<(u32, u8)> = Vec::with_capacity(self.tempos.len());
        for change in self.tempos.into_iter().take_while(|change| change.0 <= last) {
            tempos.pop_if(|earlier| earlier.0 == change.0);
            tempos.push(change);
        }
        let mut level = tempo_level(120.0);
        tempos.retain(|change| std::mem::replace(&mut level, change.1) != change.1);
        self.tempos = tempos;
        self
    }

    /// The piece as a score: one track for each voice.
    pub fn score(&self) -> Score {
        let durations = durations();
        let mut voices: Vec<u8> = self.notes.iter().map(|note| note.voice).collect();
        voices.sort_unstable();
        voices.dedup();
        let mut score = Score {
            ticks_per_quarter: (STEPS_PER_QUARTER * TICKS) as u16,
            ..Score::default()
        };
        let mut melodic = 0;
        for (at, voice) in voices.iter().enumerate() {
            let drums = *voice == DRUMS;
            let notes = self.notes.iter().filter(|note| note.voice == *voice);
            score.tracks.push(Track {
                program: if drums { 0 } else { *voice },
                source: at as u16,
                drums,
                // Channel 9 is for drums; past fifteen voices, channels are shared.
                channel: if drums {
                    9
                } else {
                    [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15][melodic % 15]
                },
                notes: notes
                    .map(|note| Note {
                        onset: note.step * TICKS,
                        pitch: note.pitch,
                        duration: durations[usize::from(note.duration)] * TICKS,
                        velocity: note.velocity * (128 / VELOCITIES) + 64 / VELOCITIES,
                    })
                    .collect(),
                ..Track::default()
            });
            melodic += usize::from(!drums);
        }
        let mut metre = (4, 4);
        for bar in &self.bars {
            if bar.metre != metre {
                metre = bar.metre;
                score.time_signatures.push(TimeSignature {
                    tick: bar.start * TICKS,
                    numerator: metre.0,
                    denominator: metre.1,
                });
            }
        }
        let tempo = |(step, level): &(u32, u8)| Tempo {
            tick: step * TICKS,
            micros_per_quarter: (60e6 / per_minute(*level)).round() as u32,
        };
        score.tempos = self.tempos.iter().map(tempo).collect();
        score.tidy();
        score
    }
}

/// The bars up to the step `last`; a change of metre within a bar waits for the next.
fn bars(signatures: &[(u32, (u8, u8))], last: u32) -> Vec<GridBar> {
    let mut bars = Vec::new();
    let mut start = 0;
    while start <= last {
        let at = signatures.partition_point(|signature| signature.0 <= start);
        let metre = at.checked_sub(1).map_or((4, 4), |at| signatures[at].1);
        bars.push(GridBar { start, metre });
        start += bar_steps(metre);
    }
    bars
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metre_and_duration_lies_on_the_grid() {
        let metres = metres();
        for metre in [(4, 4), (3, 4), (5, 4), (2, 2), (3, 2), (6, 8), (12, 8), (7, 16)] {
            assert!(metres.contains(&metre), "{metre:?}");
        }
        let durations = durations();
        assert!(
            durations.is_sorted_by(|a, b| a < b) && durations.len() < 64,
            "{durations:?}"
        );
        for (at, steps) in durations.iter().enumerate() {
            assert_eq!(usize::from(duration_index(*steps, &durations)), at);
        }
        assert_eq!(duration_index(0, &durations), 0);
        assert_eq!(duration_index(9_999, &durations), durations.len() as u8 - 1);
    }

    #[test]
    fn levels_of_tempo_are_their_own_nearest() {
        for level in 0..TEMPOS {
            assert_eq!(tempo_level(per_minute(level)), level);
        }
        assert_eq!((tempo_level(1.0), tempo_level(1e4)), (0, TEMPOS - 1));
        assert!(
            per_minute(5) / per_minute(4) < 1.08,
            "neighbours are within eight per cent"
        );
    }

    #[test]
    fn swung_eighths_and_sixteenths_keep_their_places() {
        let notes = [0, 320, 480, 720, 840, 1_439].map(|onset| Note {
            onset,
            pitch: 60,
            duration: 100,
            velocity: 80,
        });
        let score = Score {
            tracks: vec![Track {
                notes: notes.to_vec(),
                ..Track::default()
            }],
            ..Score::default()
        };
        let steps: Vec<u32> = Piece::of(&score).notes.iter().map(|note| note.step).collect();
        assert_eq!(
            steps,
            [0, 8, 12, 18, 21, 36],
            "a tick before the bar is its first beat"
        );
    }
}
