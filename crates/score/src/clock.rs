//! Musical time: ticks to seconds and back, and the grid of bars.

use serde::Serialize;

use crate::score::{MAX_QUARTERS, Score, TimeSignature};

/// Tells ticks from seconds.
#[derive(Debug, Clone)]
pub struct Clock {
    /// Where a tempo begins: tick, seconds, seconds to a tick.
    steps: Vec<(u32, f64, f64)>,
}

impl Clock {
    /// The time at a tick, in seconds from the start.
    pub fn seconds(&self, tick: u32) -> f64 {
        let at = self.steps.partition_point(|step| step.0 <= tick) - 1;
        let (start, seconds, rate) = self.steps[at];
        seconds + f64::from(tick - start) * rate
    }

    /// The tick nearest to a time in seconds; 0 for times before the start.
    pub fn tick(&self, seconds: f64) -> u32 {
        let at = self.steps.partition_point(|step| step.1 <= seconds).max(1) - 1;
        let (start, from, rate) = self.steps[at];
        start.saturating_add(((seconds - from) / rate).round().max(0.0) as u32)
    }
}

/// One bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Bar {
    /// Where it begins, in ticks.
    pub start: u32,
    /// Where the next begins, in ticks.
    pub end: u32,
    /// Beats to the bar.
    pub numerator: u8,
    /// The note value of a beat.
    pub denominator: u8,
}

impl Bar {
    /// Where its beats begin, in ticks; rounded where the ticks do not divide.
    pub fn beats(&self) -> impl Iterator<Item = u32> + use<> {
        let (start, length, count) = (
            u64::from(self.start),
            u64::from(self.end - self.start),
            u64::from(self.numerator),
        );
        (0..count).map(move |beat| (start + beat * length / count) as u32)
    }
}

impl Score {
    /// The clock of this score's tempos.
    pub fn clock(&self) -> Clock {
        let rate = |micros: u32| f64::from(micros.max(1)) / 1e6 / f64::from(self.ticks_per_quarter.max(1));
        let mut steps = vec![(0, 0.0, rate(500_000))];
        for tempo in &self.tempos {
            let (start, seconds, old) = *steps.last().expect("there is a first step");
            if tempo.tick < start {
                continue;
            }
            let now = seconds + f64::from(tempo.tick - start) * old;
            if tempo.tick == start {
                steps.pop();
            }
            steps.push((tempo.tick, now, rate(tempo.micros_per_quarter)));
        }
        Clock { steps }
    }

    /// The time signature that holds at a tick.
    pub fn time_signature(&self, tick: u32) -> TimeSignature {
        let common = TimeSignature {
            tick: 0,
            numerator: 4,
            denominator: 4,
        };
        let at = self
            .time_signatures
            .partition_point(|signature| signature.tick <= tick);
        at.checked_sub(1).map_or(common, |at| self.time_signatures[at])
    }

    /// The bars from the start to the end of the last note; a change of metre begins a bar, cutting the one before.
    pub fn bars(&self) -> Vec<Bar> {
        let end = self.end();
        let mut bars = Vec::new();
        let mut start = 0;
        // Bars of 255 64ths and of one 64th at one tick to the quarter both occur in strangers' files.
        while start < end && bars.len() < 4 * MAX_QUARTERS as usize {
            let signature = self.time_signature(start);
            let whole = 4 * u64::from(self.ticks_per_quarter);
            let length =
                (whole * u64::from(signature.numerator) / u64::from(signature.denominator.max(1))).max(1);
            let next = self
                .time_signatures
                .partition_point(|signature| signature.tick <= start);
            let cut = self
                .time_signatures
                .get(next)
                .map_or(u32::MAX, |signature| signature.tick);
            let stop = u32::try_from(u64::from(start) + length)
                .unwrap_or(u32::MAX)
                .min(cut);
            bars.push(Bar {
                start,
                end: stop,
                numerator: signature.numerator,
                denominator: signature.denominator,
            });
            start = stop;
        }
        bars
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::{Note, Tempo, Track};

    fn score(end: u32) -> Score {
        Score {
            ticks_per_quarter: 100,
            tracks: vec![Track {
                notes: vec![Note {
                    onset: 0,
                    pitch: 60,
                    duration: end,
                    velocity: 64,
                }],
                ..Track::default()
            }],
            ..Score::default()
        }
    }

    #[test]
    fn tempo_changes_bend_the_clock() {
        let mut score = score(400);
        score.tempos = vec![
            Tempo {
                tick: 100,
                micros_per_quarter: 1_000_000,
            },
            Tempo {
                tick: 200,
                micros_per_quarter: 250_000,
            },
        ];
        let clock = score.clock();
        for (tick, seconds) in [(0, 0.0), (100, 0.5), (150, 1.0), (200, 1.5), (400, 2.0)] {
            assert!((clock.seconds(tick) - seconds).abs() < 1e-12);
            assert_eq!(clock.tick(seconds), tick);
        }
        assert_eq!(clock.tick(-1.0), 0);
    }

    #[test]
    fn bars_follow_the_metre_and_are_cut_by_a_change() {
        let mut score = score(1_100);
        let signature = |tick, numerator, denominator| TimeSignature {
            tick,
            numerator,
            denominator,
        };
        score.time_signatures = vec![signature(0, 3, 4), signature(500, 6, 8)];
        let ends: Vec<u32> = score.bars().iter().map(|bar| bar.end).collect();
        assert_eq!(ends, [300, 500, 800, 1_100]);
        let beats: Vec<u32> = score.bars()[2].beats().collect();
        assert_eq!(beats, [500, 550, 600, 650, 700, 750]);
    }
}
