//! One track of a file as music21 reads it: notes and chords, quantised, in bars and voices, tied over bar lines.
//!
//! Follows `music21.midi.translate.midiTrackToStream` and what it calls (`quantize`, `makeMeasures`, `makeVoices`, `makeTies`,
//! `makeRests`), with what it does in odd cases. Bars in which nothing is are not kept, and what one file may give is bounded.

use std::sync::Arc;

use super::bars::{Bars, Grid, Metre, Timed};
use super::instruments::Table;
use super::orders::PitchClasses;
use super::quantise::{UNITS, nearest};
use crate::smf::{FileTrack, Mark, Played};

/// Notes among which those that sound with a note are looked for.
const MAX_TOGETHER: usize = 256;

/// Changes of metre that are kept of a track.
const MAX_METRES: usize = 1024;

/// What is played at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sound {
    /// A pitch alone.
    Note(u8),
    /// Pitches that begin and end together, by their pitch classes.
    Chord(PitchClasses),
    /// Drums: no token, but they take room.
    Drums,
}

/// A track with notes.
#[derive(Debug, Default)]
pub(super) struct Part {
    /// What is played, in order.
    pub sounds: Vec<Timed>,
    /// Who plays from when on, in order.
    pub instruments: Vec<(i64, Option<Arc<str>>)>,
    /// Where the last bar ends.
    pub end: i64,
}

/// What tracks without notes say to those after them.
#[derive(Debug, Default)]
pub(super) struct Conductor {
    metres: Vec<Metre>,
    end: i64,
    /// The bars of its metres, as long as they have not changed.
    grid: Option<Grid>,
}

/// What a track holds besides notes, quantised.
#[derive(Default)]
struct Marks {
    metres: Vec<Metre>,
    instruments: Vec<(i64, Option<Arc<str>>)>,
    /// The latest of signatures and tempos.
    changes: i64,
    /// Ticks of all marks, ascending.
    ticks: Vec<u32>,
}

/// Reads tracks one after another.
pub(super) struct Reader<'a> {
    pub table: &'a Table,
    pub ticks_per_quarter: u16,
    pub conductor: Conductor,
    /// Sounds that may still be made.
    pub left: usize,
}

impl Reader<'_> {
    /// The part of a track; `None` for one without notes, which is heard only as a conductor.
    pub fn track(&mut self, track: &FileTrack) -> Option<Part> {
        let marks = self.marks(&track.marks);
        let has_notes = track
            .played
            .iter()
            .any(|(_, played)| matches!(played, Played::On { .. }));
        if !has_notes {
            self.conductor.add(marks);
            return None;
        }
        let (sounds, voices) = self.together(&notes(&track.played));
        if sounds.is_empty() {
            return Some(Part {
                instruments: marks.instruments,
                ..Part::default()
            });
        }
        let sounds = self.quantised(sounds, &marks);
        Some(self.in_bars(sounds, marks, voices))
    }

    fn quarters(&self, ticks: u32) -> f64 {
        f64::from(ticks) / f64::from(self.ticks_per_quarter)
    }

    fn at(&self, tick: u32) -> i64 {
        nearest(self.quarters(tick), true, 0.0).units
    }

    fn marks(&self, all: &[(u32, Mark)]) -> Marks {
        let mut marks = Marks {
            ticks: all.iter().map(|(tick, _)| *tick).collect(),
            ..Marks::default()
        };
        for instrument in self.table.of(all) {
            marks
                .instruments
                .push((self.at(instrument.tick), instrument.name));
        }
        for (tick, mark) in all {
            match *mark {
                Mark::Metre(numerator, power) if numerator > 0 && power <= 7 => {
                    let at = self.at(*tick);
                    marks.changes = marks.changes.max(at);
                    if marks.metres.len() < MAX_METRES {
                        let length = (i64::from(numerator) * (4 * UNITS)) >> power;
                        marks.metres.push(Metre { at, length });
                    }
                }
                Mark::Change => marks.changes = marks.changes.max(self.at(*tick)),
                _ => {}
            }
        }
        marks
    }

    /// Notes that begin and end together are one chord; also whether some begin together and end apart.
    fn together(&self, notes: &[Note]) -> (Vec<Raw>, bool) {
        let tolerance = f64::from(self.ticks_per_quarter) / 4.0;
        let mut sounds = Vec::with_capacity(notes.len());
        let mut gathered = vec![false; notes.len()];
        let mut voices = false;
        for (i, note) in notes.iter().enumerate() {
            if gathered[i] {
                continue;
            }
            let (mut last, mut count) = (note, 1);
            let mut classes = 1 << (note.pitch % 12);
            let mut drums = note.channel == 9;
            for (j, other) in notes.iter().enumerate().skip(i + 1).take(MAX_TOGETHER) {
                if f64::from(other.on - note.on) >= tolerance {
                    break;
                }
                if f64::from(other.off.abs_diff(note.off)) > tolerance {
                    voices = true;
                    continue;
                }
                gathered[j] = true;
                (last, count) = (other, count + 1);
                classes |= 1 << (other.pitch % 12);
                drums |= other.channel == 9;
            }
            sounds.push(Raw {
                tick: note.on,
                // A chord lasts as long as its last note.
                ticks: last.off - last.on,
                sound: match count {
                    _ if drums => Sound::Drums,
                    1 => Sound::Note(note.pitch),
                    _ => Sound::Chord(classes),
                },
            });
        }
        sounds.sort_by_key(|sound| (sound.tick, sound.ticks > 0));
        (sounds, voices)
    }

    fn quantised(&self, sounds: Vec<Raw>, marks: &Marks) -> Vec<Timed> {
        // What comes next may be a mark: marks stand before notes of the same time.
        let mut ticks = marks.ticks.clone();
        ticks.extend(sounds.iter().map(|sound| sound.tick));
        ticks.sort_unstable();
        ticks.dedup();
        let at: Vec<_> = ticks
            .iter()
            .map(|tick| nearest(self.quarters(*tick), true, 0.0))
            .collect();
        let mut next = vec![None; at.len()];
        for i in (0..at.len().saturating_sub(1)).rev() {
            next[i] = match at[i + 1].quarters > at[i].quarters {
                true => Some(at[i + 1]),
                false => next[i + 1],
            };
        }
        let mut place = 0;
        sounds
            .into_iter()
            .map(|raw| {
                while ticks[place] < raw.tick {
                    place += 1;
                }
                let gap =
                    next[place].map_or(0.0, |next| (next.units - at[place].units) as f64 / UNITS as f64);
                let grace = raw.ticks == 0;
                Timed {
                    at: at[place].units,
                    length: nearest(self.quarters(raw.ticks), grace, gap).units,
                    grace,
                    sound: raw.sound,
                }
            })
            .collect()
    }

    fn in_bars(&mut self, mut sounds: Vec<Timed>, mut marks: Marks, voices: bool) -> Part {
        sounds.sort_by_key(Timed::order);
        let conductor_end = self.conductor.end;
        let own;
        let conducted = !self.conductor.metres.is_empty();
        let grid = match conducted {
            true => self.conductor.grid(),
            false => {
                marks.metres.sort_by_key(|metre| metre.at);
                own = Grid::new(&marks.metres);
                &own
            }
        };
        // Where others conduct, a track's own metres only tell how far notes go within a bar.
        let mut odd: Vec<Metre> = match conducted {
            true => std::mem::take(&mut marks.metres),
            false => Vec::new(),
        };
        odd.retain(|metre| grid.bar_at(metre.at).start != metre.at);
        odd.sort_by_key(|metre| metre.at);
        let latest = marks.instruments.iter().map(|instrument| instrument.0);
        let end = sounds
            .iter()
            .map(|sound| sound.at + sound.length)
            .chain(latest)
            .chain([marks.changes, conductor_end])
            .max()
            .unwrap_or(0);
        let mut bars = Bars::new(grid, odd, end, &mut self.left);
        for sound in sounds {
            bars.place(sound);
        }
        if voices {
            bars.make_voices();
        }
        bars.tie();
        let (sounds, placed) = bars.in_order();
        let mut instruments = marks.instruments;
        for instrument in &mut instruments {
            instrument.0 = placed.moved(instrument.0);
        }
        Part {
            sounds,
            instruments,
            end: placed.end,
        }
    }
}

impl Conductor {
    fn add(&mut self, marks: Marks) {
        self.end = self.end.max(marks.changes);
        if !marks.metres.is_empty() {
            self.metres.extend(marks.metres);
            self.metres.truncate(MAX_METRES);
            self.metres.sort_by_key(|metre| metre.at);
            self.grid = None;
        }
    }

    fn grid(&mut self) -> &Grid {
        self.grid.get_or_insert_with(|| Grid::new(&self.metres))
    }
}

/// A note of the file.
#[derive(Debug, Clone, Copy)]
struct Note {
    on: u32,
    off: u32,
    pitch: u8,
    channel: u8,
}

/// What is played at one time, in ticks.
#[derive(Debug)]
struct Raw {
    tick: u32,
    ticks: u32,
    sound: Sound,
}

/// The notes in the order in which they begin in the file. Each ends where its pitch is next let go, whatever began since; one that is
/// never let go is none.
fn notes(played: &[(u32, Played)]) -> Vec<Note> {
    let mut offs = vec![None; 16 * 128];
    let mut notes = Vec::new();
    for (tick, played) in played.iter().rev() {
        match *played {
            Played::Off { channel, pitch } => {
                offs[usize::from(channel) * 128 + usize::from(pitch)] = Some(*tick)
            }
            Played::On { channel, pitch, .. } => {
                if let Some(off) = offs[usize::from(channel) * 128 + usize::from(pitch)] {
                    notes.push(Note {
                        on: *tick,
                        off,
                        pitch,
                        channel,
                    });
                }
            }
            _ => {}
        }
    }
    notes.reverse();
    notes
}
