//! A score as a list of what happens when: the order in which a player turns ticks into messages.

use std::collections::HashMap;

use melisma_score::{ControlKind, Score};

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Event {
    /// When, in samples from the start.
    pub frame: u64,
    pub what: What,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// A part lets go of a key.
    Off { part: u16, key: u8 },
    /// A controller moves for every part on a channel.
    Controller { channel: u8, number: u8, value: u8 },
    /// The pitch bends for every part on a channel.
    Bend { channel: u8, value: i16 },
    /// A part strikes a key.
    On { part: u16, key: u8, velocity: u8 },
}

impl What {
    /// At one tick, keys are let go before controllers move, and these before keys are struck.
    fn rank(self) -> u8 {
        match self {
            What::Off { .. } => 0,
            What::Controller { .. } | What::Bend { .. } => 1,
            What::On { .. } => 2,
        }
    }
}

/// One instrument on one MIDI channel: tracks of a score that share both are one part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Part {
    pub channel: u8,
    pub program: u8,
    pub drums: bool,
}

/// What happens in a score, in order.
#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    pub parts: Vec<Part>,
    pub events: Vec<Event>,
    /// Where the last note ends, in samples.
    pub end: u64,
}

impl Schedule {
    /// The schedule of a score, or of one of its tracks alone; controllers are a channel's, so that a track is moved by those
    /// that other tracks on its channel carry.
    pub fn of(score: &Score, only: Option<usize>, rate: f64) -> Schedule {
        let mut parts = Vec::new();
        let mut index = HashMap::new();
        let mut timed: Vec<(u32, What)> = Vec::new();
        for (at, track) in score.tracks.iter().enumerate() {
            if only.is_some_and(|only| only != at) || track.notes.is_empty() {
                continue;
            }
            let key = Part {
                channel: track.channel.min(15),
                program: track.program.min(127),
                drums: track.drums,
            };
            // There are at most 16 channels, 128 programs and two kinds.
            let part = *index.entry(key).or_insert_with(|| {
                parts.push(key);
                (parts.len() - 1) as u16
            });
            for note in &track.notes {
                let (key, velocity) = (note.pitch.min(127), note.velocity.clamp(1, 127));
                timed.push((note.onset, What::On { part, key, velocity }));
                // A key that is let go at once was struck all the same.
                let end = note.onset.saturating_add(note.duration.max(1));
                timed.push((end, What::Off { part, key }));
            }
        }
        let mut heard = [false; 16];
        for part in &parts {
            heard[usize::from(part.channel)] = true;
        }
        for track in &score.tracks {
            let channel = track.channel.min(15);
            if !heard[usize::from(channel)] {
                continue;
            }
            for control in &track.controls {
                let what = match control.kind {
                    ControlKind::Controller(number, value) => What::Controller {
                        channel,
                        number,
                        value: value.min(127),
                    },
                    ControlKind::Bend(value) => What::Bend {
                        channel,
                        value: value.clamp(-8_192, 8_191),
                    },
                    // Neither SoundFonts' default nor our instruments' sound follows it.
                    ControlKind::Pressure(_) => continue,
                };
                timed.push((control.tick, what));
            }
        }
        // Stable: controllers at one tick keep their order.
        timed.sort_by_key(|(tick, what)| (*tick, what.rank()));
        let clock = score.clock();
        let frame = |tick: u32| (clock.seconds(tick) * rate).round() as u64;
        let end = frame(score.end());
        let mut events = Vec::with_capacity(timed.len());
        let mut held: HashMap<(u16, u8), u32> = HashMap::new();
        let mut last: Option<(u32, u64)> = None;
        for (tick, what) in timed {
            let frame = match last {
                Some((before, frame)) if before == tick => frame,
                _ => frame(tick),
            };
            last = Some((tick, frame));
            let event = Event { frame, what };
            match what {
                // A key that is struck while it is down sounds anew, and is down until the last that holds it lets go.
                What::On { part, key, .. } => {
                    let count = held.entry((part, key)).or_default();
                    if *count > 0 {
                        let what = What::Off { part, key };
                        events.push(Event { frame, what });
                    }
                    *count += 1;
                    events.push(event);
                }
                What::Off { part, key } => {
                    let count = held.entry((part, key)).or_default();
                    *count = count.saturating_sub(1);
                    if *count == 0 {
                        events.push(event);
                    }
                }
                _ => events.push(event),
            }
        }
        Schedule { parts, events, end }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use melisma_score::{Control, Note, Tempo, Track};

    fn note(onset: u32, duration: u32) -> Note {
        Note {
            onset,
            pitch: 60,
            duration,
            velocity: 90,
        }
    }

    #[test]
    fn ticks_become_samples_through_the_tempo() {
        let score = Score {
            ticks_per_quarter: 100,
            tempos: vec![Tempo {
                tick: 100,
                micros_per_quarter: 1_000_000,
            }],
            tracks: vec![Track {
                notes: vec![note(0, 100), note(200, 100)],
                ..Track::default()
            }],
            ..Score::default()
        };
        let schedule = Schedule::of(&score, None, 1_000.0);
        let frames: Vec<u64> = schedule.events.iter().map(|event| event.frame).collect();
        assert_eq!(frames, [0, 500, 1_500, 2_500]);
        assert_eq!(schedule.end, 2_500);
    }

    #[test]
    fn a_key_struck_while_it_is_down_is_let_go_once_more_than_it_ends() {
        let score = Score {
            tracks: vec![Track {
                notes: vec![note(0, 480), note(240, 480), note(960, 0)],
                ..Track::default()
            }],
            ..Score::default()
        };
        let kinds: Vec<u8> = Schedule::of(&score, None, 44_100.0)
            .events
            .iter()
            .map(|event| event.what.rank())
            .collect();
        assert_eq!(kinds, [2, 0, 2, 0, 2, 0]);
    }

    #[test]
    fn controllers_reach_every_part_of_their_channel_and_no_other() {
        let track = |channel, program, controls| Track {
            channel,
            program,
            notes: vec![note(0, 10)],
            controls,
            ..Track::default()
        };
        let volume = vec![Control {
            tick: 5,
            kind: ControlKind::Controller(7, 50),
        }];
        let score = Score {
            tracks: vec![track(1, 0, volume), track(1, 9, vec![]), track(2, 0, vec![])],
            ..Score::default()
        };
        let moves = |only| {
            let events = Schedule::of(&score, only, 44_100.0).events;
            events.iter().filter(|e| e.what.rank() == 1).count()
        };
        assert_eq!(Schedule::of(&score, None, 44_100.0).parts.len(), 3);
        assert_eq!((moves(Some(0)), moves(Some(1)), moves(Some(2))), (1, 1, 0));
    }
}
