//! The nouns: a score, its tracks, notes and what changes over time.

use serde::{Deserialize, Serialize};

/// Quarter notes after which a score ends: about 28 hours at 120 a minute. What lies beyond is damage, not music.
pub const MAX_QUARTERS: u32 = 200_000;

/// A piece of music: tracks of notes, with tempo and signatures, in ticks.
///
/// A score that was read is in order: tracks hold notes; notes are ordered by onset, pitch, duration and velocity; what
/// changes over time is ordered by tick. [`Score::tidy`] makes any score so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// Ticks to a quarter note, 1 to 32,767.
    pub ticks_per_quarter: u16,
    /// Who plays.
    pub tracks: Vec<Track>,
    /// Tempo changes; 120 quarters a minute hold before the first.
    pub tempos: Vec<Tempo>,
    /// Time signatures; 4/4 holds before the first.
    pub time_signatures: Vec<TimeSignature>,
    /// Key signatures.
    pub key_signatures: Vec<KeySignature>,
    /// Lyrics, markers and other texts of the whole piece.
    pub texts: Vec<Text>,
}

impl Default for Score {
    fn default() -> Self {
        Score {
            ticks_per_quarter: 480,
            tracks: Vec::new(),
            tempos: Vec::new(),
            time_signatures: Vec::new(),
            key_signatures: Vec::new(),
            texts: Vec::new(),
        }
    }
}

/// One instrument's part.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Track {
    /// Its name in the file; may be empty.
    pub name: String,
    /// The file's track that it is of, counted from 0 over those that hold notes: a file's track that plays several channels or
    /// programs is several tracks of a score, one after another, and is written as one.
    pub source: u16,
    /// General MIDI program, 0 to 127; of a drum track, the kit.
    pub program: u8,
    /// Whether pitches name drums rather than tones.
    pub drums: bool,
    /// MIDI channel, 0 to 15; drums are on 9.
    pub channel: u8,
    /// The notes.
    pub notes: Vec<Note>,
    /// Controllers (the pedal among them) and bends.
    pub controls: Vec<Control>,
}

/// A note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Note {
    /// Where it begins, in ticks.
    pub onset: u32,
    /// MIDI pitch, 0 to 127; 60 is middle C.
    pub pitch: u8,
    /// How long it is held, in ticks; 0 where a file lets go at once.
    pub duration: u32,
    /// MIDI velocity, 1 to 127.
    pub velocity: u8,
}

impl Note {
    /// Where it ends, in ticks.
    pub fn end(&self) -> u32 {
        self.onset.saturating_add(self.duration)
    }
}

/// What a player does besides notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Control {
    /// When, in ticks.
    pub tick: u32,
    /// What.
    pub kind: ControlKind,
}

/// A kind of [`Control`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ControlKind {
    /// A controller (7 volume, 10 pan, 11 expression, 64 pedal) and its value, each 0 to 127.
    Controller(u8, u8),
    /// Pitch bend, -8,192 to 8,191.
    Bend(i16),
    /// Channel pressure, 0 to 127.
    Pressure(u8),
}

/// A change of tempo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tempo {
    /// From this tick on.
    pub tick: u32,
    /// Microseconds to a quarter note, 1 to 16,777,215.
    pub micros_per_quarter: u32,
}

impl Tempo {
    /// Quarter notes a minute.
    pub fn per_minute(&self) -> f64 {
        60e6 / f64::from(self.micros_per_quarter)
    }
}

/// A change of metre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TimeSignature {
    /// From this tick on.
    pub tick: u32,
    /// Beats to a bar, 1 to 255.
    pub numerator: u8,
    /// The note value of a beat: a power of two, 1 to 64.
    pub denominator: u8,
}

/// A change of key, as the file claims it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KeySignature {
    /// From this tick on.
    pub tick: u32,
    /// Sharps, or flats below zero: -7 to 7.
    pub sharps: i8,
    /// Whether it is minor.
    pub minor: bool,
}

/// A text in the file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Text {
    /// When, in ticks.
    pub tick: u32,
    /// What kind of text.
    pub kind: TextKind,
    /// The text; what is not UTF-8 in the file is taken for Latin-1.
    pub text: String,
}

/// What a [`Text`] is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TextKind {
    /// Any text.
    Text,
    /// Whose it is.
    Copyright,
    /// A syllable that is sung.
    Lyric,
    /// A rehearsal mark or section name.
    Marker,
    /// A cue.
    Cue,
}

/// A stretch of time, in ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    /// Where it begins.
    pub start: u32,
    /// Where it ends; not part of it.
    pub end: u32,
}

impl Score {
    /// Every note of every track.
    pub fn notes(&self) -> impl Iterator<Item = &Note> {
        self.tracks.iter().flat_map(|track| &track.notes)
    }

    /// Every note that is a tone, not a drum.
    pub fn tones(&self) -> impl Iterator<Item = &Note> {
        self.tracks
            .iter()
            .filter(|t| !t.drums)
            .flat_map(|track| &track.notes)
    }

    /// Where the last note ends, in ticks; 0 without notes.
    pub fn end(&self) -> u32 {
        self.notes().map(Note::end).max().unwrap_or(0)
    }

    /// Brings it into the order that a score has after reading: sorted notes and changes, no empty track, sources
    /// counted without gaps.
    pub fn tidy(&mut self) {
        for track in &mut self.tracks {
            track.notes.sort_unstable();
            // Controllers at one tick keep their order: a bank is chosen in two steps.
            track.controls.sort_by_key(|control| control.tick);
        }
        self.tracks.retain(|track| !track.notes.is_empty());
        let mut last = None;
        let mut source = 0;
        for track in &mut self.tracks {
            if last.is_some_and(|last| last != track.source) {
                source += 1;
            }
            last = Some(track.source);
            track.source = source;
        }
        self.tempos.sort_by_key(|tempo| tempo.tick);
        self.time_signatures.sort_by_key(|signature| signature.tick);
        self.key_signatures.sort_by_key(|signature| signature.tick);
        self.texts.sort_by_key(|text| text.tick);
    }

    /// What begins in a stretch of time, as a score of its own: notes, which may sound beyond its end, controllers and texts, and the tempo,
    /// metre and key that hold there. Tracks that have no notes in it are left out.
    pub fn excerpt(&self, span: Span) -> Score {
        let inside = |tick: u32| (span.start..span.end).contains(&tick);
        // What held before the start holds at it.
        let holds = |ticks: &[u32]| {
            let before = ticks.partition_point(|tick| *tick <= span.start);
            before.saturating_sub(1)..ticks.partition_point(|tick| *tick < span.end)
        };
        macro_rules! kept {
            ($changes:expr) => {{
                let ticks: Vec<u32> = $changes.iter().map(|change| change.tick).collect();
                let mut kept = $changes[holds(&ticks)].to_vec();
                kept.iter_mut()
                    .for_each(|change| change.tick = change.tick.saturating_sub(span.start));
                kept
            }};
        }
        let mut score = Score {
            ticks_per_quarter: self.ticks_per_quarter,
            tracks: self.tracks.clone(),
            tempos: kept!(self.tempos),
            time_signatures: kept!(self.time_signatures),
            key_signatures: kept!(self.key_signatures),
            texts: self
                .texts
                .iter()
                .filter(|text| inside(text.tick))
                .cloned()
                .collect(),
        };
        score.texts.iter_mut().for_each(|text| text.tick -= span.start);
        for track in &mut score.tracks {
            track.notes.retain(|note| inside(note.onset));
            track.notes.iter_mut().for_each(|note| note.onset -= span.start);
            track.controls.retain(|control| inside(control.tick));
            track
                .controls
                .iter_mut()
                .for_each(|control| control.tick -= span.start);
        }
        score.tidy();
        score
    }

    /// The same music, every tone moved by `semitones`; `None` if one would leave 0 to 127. Drums stay; so do key signatures' modes.
    pub fn transposed(&self, semitones: i8) -> Option<Score> {
        let mut score = self.clone();
        for track in score.tracks.iter_mut().filter(|track| !track.drums) {
            for note in &mut track.notes {
                note.pitch = note
                    .pitch
                    .checked_add_signed(semitones)
                    .filter(|pitch| *pitch < 128)?;
            }
        }
        for key in &mut score.key_signatures {
            // Seven fifths to a semitone; then the nearest spelling.
            let fifths = (i32::from(key.sharps) + 7 * i32::from(semitones) + 5).rem_euclid(12) - 5;
            key.sharps = i8::try_from(fifths).expect("between -5 and 6");
        }
        Some(score)
    }
}

impl Track {
    /// When the sustain pedal is down.
    pub fn pedal(&self) -> Vec<Span> {
        let mut spans = Vec::new();
        let mut down = None;
        for control in &self.controls {
            let ControlKind::Controller(64, value) = control.kind else {
                continue;
            };
            match (down, value >= 64) {
                (None, true) => down = Some(control.tick),
                (Some(start), false) => {
                    spans.push(Span {
                        start,
                        end: control.tick,
                    });
                    down = None;
                }
                _ => {}
            }
        }
        if let Some(start) = down {
            let end = self.notes.iter().map(Note::end).max().unwrap_or(start).max(start);
            spans.push(Span { start, end });
        }
        spans
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pedals_are_pressed_once_and_let_go_at_the_end() {
        let pedal = |tick, value| Control {
            tick,
            kind: ControlKind::Controller(64, value),
        };
        let track = Track {
            notes: vec![Note {
                onset: 0,
                pitch: 60,
                duration: 90,
                velocity: 64,
            }],
            controls: vec![
                pedal(0, 127),
                pedal(10, 100),
                pedal(20, 0),
                pedal(30, 0),
                pedal(40, 64),
            ],
            ..Track::default()
        };
        assert_eq!(
            track.pedal(),
            [Span { start: 0, end: 20 }, Span { start: 40, end: 90 }]
        );
    }

    #[test]
    fn transposition_moves_tones_and_keys_and_leaves_drums() {
        let note = |pitch| Note {
            onset: 0,
            pitch,
            duration: 1,
            velocity: 1,
        };
        let score = Score {
            tracks: vec![
                Track {
                    notes: vec![note(60)],
                    ..Track::default()
                },
                Track {
                    notes: vec![note(36)],
                    drums: true,
                    ..Track::default()
                },
            ],
            key_signatures: vec![KeySignature {
                tick: 0,
                sharps: 0,
                minor: false,
            }],
            ..Score::default()
        };
        let up = score.transposed(2).unwrap();
        assert_eq!(
            (up.tracks[0].notes[0].pitch, up.tracks[1].notes[0].pitch),
            (62, 36)
        );
        assert_eq!(up.key_signatures[0].sharps, 2, "D major");
        assert_eq!(
            score.transposed(5).unwrap().key_signatures[0].sharps,
            -1,
            "F major"
        );
        assert_eq!(up.transposed(-2).unwrap(), score);
        assert_eq!(score.transposed(100), None);
    }
}
