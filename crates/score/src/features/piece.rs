//! A piece on the grid.

use crate::clock::Bar;
use crate::score::{MAX_QUARTERS, Score};

/// Steps of the grid to a quarter.
pub(super) const STEPS: u32 = 12;

/// A tone on the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tone {
    /// Where it begins, in steps.
    pub(super) start: u32,
    /// MIDI pitch.
    pub(super) pitch: u8,
    /// Where it ends, in steps: a step after its start, at least.
    pub(super) end: u32,
    /// Who plays it.
    pub(super) program: u8,
    /// How hard, 1 to 127.
    pub(super) velocity: u8,
}

/// A stroke of a drum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stroke {
    /// When, in steps.
    pub(super) start: u32,
    /// Which drum, as a MIDI key.
    pub(super) key: u8,
    /// How hard, 1 to 127.
    pub(super) velocity: u8,
}

/// A piece on the grid: tones and drums by time, whatever tracks they came in.
pub(super) struct Piece<'a> {
    pub(super) score: &'a Score,
    pub(super) tones: Vec<Tone>,
    pub(super) strokes: Vec<Stroke>,
    pub(super) bars: Vec<Bar>,
    /// Where the last note ends, in steps.
    pub(super) end: u32,
}

impl<'a> Piece<'a> {
    pub(super) fn of(score: &'a Score) -> Piece<'a> {
        let quarter = u64::from(score.ticks_per_quarter.max(1));
        let (mut tones, mut strokes) = (Vec::new(), Vec::new());
        for track in &score.tracks {
            for note in &track.notes {
                let start = step(note.onset, quarter);
                match track.drums {
                    true => strokes.push(Stroke {
                        start,
                        key: note.pitch,
                        velocity: note.velocity,
                    }),
                    false => tones.push(Tone {
                        start,
                        pitch: note.pitch & 127,
                        end: step(note.end(), quarter).max(start + 1),
                        program: track.program & 127,
                        velocity: note.velocity,
                    }),
                }
            }
        }
        tones.sort_unstable();
        strokes.sort_unstable();
        let last = tones.iter().map(|tone| tone.end);
        let end = last.chain(strokes.iter().map(|stroke| stroke.start + 1)).max();
        Piece {
            score,
            bars: score.bars(),
            end: end.unwrap_or(0),
            tones,
            strokes,
        }
    }

    /// Its length in quarters.
    pub(super) fn quarters(&self) -> f64 {
        f64::from(self.end) / f64::from(STEPS)
    }

    /// The pitch class of the lowest tone; 0 without any.
    pub(super) fn lowest_class(&self) -> usize {
        let lowest = self.tones.iter().map(|tone| tone.pitch).min();
        usize::from(lowest.unwrap_or(0) % 12)
    }

    /// Where bars begin and end, in steps.
    pub(super) fn bars_in_steps(&self) -> impl Iterator<Item = (u32, u32)> {
        let quarter = u64::from(self.score.ticks_per_quarter.max(1));
        self.bars
            .iter()
            .map(move |bar| (step(bar.start, quarter), step(bar.end, quarter)))
    }
}

/// The nearest step to a tick, halves up.
fn step(tick: u32, quarter: u64) -> u32 {
    let step = (2 * u64::from(tick) * u64::from(STEPS) + quarter) / (2 * quarter);
    step.min(u64::from(MAX_QUARTERS * STEPS)) as u32
}

/// What sounds between changes: the number of tones of each pitch class that sound, as shown to `see` for each stretch (from, to) of
/// windows of `window` steps, in order; a stretch never crosses a window's edge.
pub(super) fn sweep(tones: &[Tone], window: u32, mut see: impl FnMut(u32, u32, &[u32; 12])) {
    let mut changes: Vec<(u32, i32, u8)> = Vec::with_capacity(2 * tones.len());
    for tone in tones {
        changes.push((tone.start, 1, tone.pitch % 12));
        changes.push((tone.end, -1, tone.pitch % 12));
    }
    changes.sort_unstable();
    let (mut sounding, mut now) = ([0_u32; 12], 0);
    let mut at = 0;
    while at < changes.len() {
        let tick = changes[at].0;
        while now < tick {
            let to = tick.min((now / window + 1) * window);
            see(now, to, &sounding);
            now = to;
        }
        while let Some((_, change, class)) = changes.get(at).filter(|change| change.0 == tick) {
            let count = &mut sounding[usize::from(*class)];
            *count = count.saturating_add_signed(*change);
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_stops_at_changes_and_windows() {
        let tone = |start, end, pitch| Tone {
            start,
            pitch,
            end,
            program: 0,
            velocity: 64,
        };
        let mut seen = Vec::new();
        sweep(
            &[tone(2, 14, 60), tone(2, 6, 72), tone(6, 14, 67)],
            12,
            |from, to, sounding| {
                seen.push((from, to, sounding[0], sounding[7]));
            },
        );
        assert_eq!(seen, [(0, 2, 0, 0), (2, 6, 2, 0), (6, 12, 1, 1), (12, 14, 1, 1)]);
    }

    #[test]
    fn steps_are_the_nearest() {
        assert_eq!([0, 19, 20, 59, 480].map(|tick| step(tick, 480)), [0, 0, 1, 1, 12]);
        assert_eq!(step(u32::MAX, 1), MAX_QUARTERS * STEPS);
    }
}
