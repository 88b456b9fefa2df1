//! Names: the reference's tokens. A note is its name (`B-4`), a chord the normal order of its pitch classes (`9.11.2.4`); what is
//! read is the main part, as music21 reads a file and parts it by instruments.

mod bars;
mod instruments;
mod orders;
mod part;
mod quantise;

use std::collections::HashMap;

use self::instruments::Table;
use self::orders::{SETS, dotted, normal_order, pitch_name};
use self::part::{Conductor, Part, Reader, Sound};
use super::{Design, Field, TokenFault};
use crate::error::Result;
use crate::score::{MAX_QUARTERS, Note, Score, Track};
use crate::smf::{FileTrack, Read, parse_tracks, to_bytes};

/// The most notes and chords of a file that are read as names, counting each bar that one is tied through.
pub const MAX_NAMES: usize = 1 << 20;

/// The most tracks of a file that are looked at.
const MAX_TRACKS: usize = 4096;

/// Ticks of a token in a score that is made of tokens: an eighth note.
const TICKS: u32 = 240;

/// The reference's tokens, as `music21` 10.5.1 gives them: notes by name and chords by normal order, of the main part.
///
/// The vocabulary is finite: 126 names of the 128 MIDI pitches in music21's spelling, then the 4,095 sets of pitch classes as normal
/// orders. (`E-1` is both the E below the lowest piano key's octave and the E flat above it, `B-1` likewise: one token each, taken for the
/// flat.)
///
/// The main part is what music21's `partitionByInstrument` gives first: the notes of the first instrument that the first track with notes
/// names, from all tracks, as long as it is the instrument. Where a track's name means one instrument and its program another, the name
/// comes first and has nothing to play: the part is empty, as it is in music21. A note tied over a bar line is a token in each bar.
///
/// Those are a file's tokens ([`encode_file`](Design::encode_file)): which of two simultaneous notes comes first is told by the file,
/// not by a score. [`encode`](Design::encode) gives the tokens of the file that [`write`](crate::write()) would make of the score
/// (none if that is more than [`MAX_BYTES`](crate::MAX_BYTES)).
///
/// Decoded, each token is an eighth note or chord of a piano; pitch classes of a chord lie upwards from the first, which is in the
/// octave of middle C (a single one is doubled an octave higher).
#[derive(Debug, Clone)]
pub struct Names {
    fields: [Field; 1],
    table: Table,
    /// The token of a MIDI pitch.
    pitches: [u16; 128],
    /// What each name's token sounds.
    named: Vec<u8>,
}

impl Default for Names {
    fn default() -> Self {
        Self::new()
    }
}

impl Names {
    /// The design.
    pub fn new() -> Self {
        let mut vocabulary: Vec<String> = Vec::new();
        let mut index: HashMap<String, u16> = HashMap::new();
        let mut pitches = [0; 128];
        let mut named = Vec::new();
        for pitch in 0..128_u8 {
            let name = pitch_name(pitch);
            let token = *index.entry(name.clone()).or_insert_with(|| {
                vocabulary.push(name);
                named.push(pitch);
                named.len() as u16 - 1
            });
            pitches[usize::from(pitch)] = token;
            named[usize::from(token)] = pitch;
        }
        vocabulary.extend(SETS.map(dotted));
        Names {
            fields: [Field {
                name: "name",
                vocabulary,
            }],
            table: Table::new(),
            pitches,
            named,
        }
    }

    /// The token of a name or of pitch classes with dots between, whatever their order: older music21s, the reference's among them, order
    /// some sets otherwise. `None` for what is neither.
    pub fn token_of(&self, name: &str) -> Option<u16> {
        let pitches = &self.fields[0].vocabulary[..self.named.len()];
        if let Some(at) = pitches.iter().position(|known| known == name) {
            return Some(at as u16);
        }
        let mut set = 0;
        for class in name.split('.') {
            let class = Some(class).filter(|class| class.bytes().all(|byte| byte.is_ascii_digit()))?;
            let bit = 1 << class.parse::<u16>().ok().filter(|class| *class < 12)?;
            if set & bit != 0 {
                return None;
            }
            set |= bit;
        }
        self.token(Sound::Chord(set))
    }

    fn token(&self, sound: Sound) -> Option<u16> {
        match sound {
            Sound::Note(pitch) => Some(self.pitches[usize::from(pitch)]),
            Sound::Chord(set) => Some(self.named.len() as u16 + set - SETS.start),
            Sound::Drums => None,
        }
    }

    /// The pitches that a token sounds.
    fn pitches(&self, token: u16) -> Option<Vec<u8>> {
        let token = usize::from(token);
        if let Some(pitch) = self.named.get(token) {
            return Some(vec![*pitch]);
        }
        let set = SETS.clone().nth(token - self.named.len())?;
        let order = normal_order(set);
        let mut pitches: Vec<u8> = Vec::with_capacity(order.len().max(2));
        for class in &order {
            let before = pitches.last().copied().unwrap_or(59);
            pitches.push(before + 1 + (class + 24 - (before + 1) % 12) % 12);
        }
        if let [pitch] = pitches[..] {
            pitches.push(pitch + 12);
        }
        Some(pitches)
    }

    fn parse(&self, bytes: &[u8]) -> Result<(Read, Vec<u16>)> {
        let mut tracks: Vec<FileTrack> = Vec::new();
        let read = parse_tracks(bytes, &mut |track| {
            if tracks.len() < MAX_TRACKS {
                tracks.push(track);
            }
        })?;
        let mut reader = Reader {
            table: &self.table,
            ticks_per_quarter: read.score.ticks_per_quarter,
            conductor: Conductor::default(),
            left: MAX_NAMES,
        };
        let parts: Vec<Part> = tracks.iter().filter_map(|track| reader.track(track)).collect();
        let tokens = main_part(&parts)
            .into_iter()
            .filter_map(|sound| self.token(sound))
            .collect();
        Ok((read, tokens))
    }
}

/// What the first instrument of the first part that names one plays, in all parts; the first part where none names one.
fn main_part(parts: &[Part]) -> Vec<Sound> {
    let Some((_, name)) = parts.iter().find_map(|part| part.instruments.first()) else {
        let sounds = parts.first().map(|part| part.sounds.iter());
        return sounds.into_iter().flatten().map(|timed| timed.sound).collect();
    };
    let mut sounds = Vec::new();
    for part in parts {
        let mut taken = vec![false; part.sounds.len()];
        let mut over_at_once = None;
        for (at, (start, other)) in part.instruments.iter().enumerate() {
            if other.as_deref().unwrap_or("") != name.as_deref().unwrap_or("") {
                continue;
            }
            let end = part.instruments.get(at + 1).map_or(part.end, |next| next.0);
            // Of many at one time that are over at once, the first has it all.
            if end <= *start && over_at_once.replace(*start) == Some(*start) {
                continue;
            }
            let from = part.sounds.partition_point(|timed| timed.at < *start);
            for (timed, taken) in part.sounds[from..].iter().zip(&mut taken[from..]) {
                // An instrument that is over at once has what is over at once.
                let within = timed.at < end || (end <= *start && timed.at == *start && timed.grace);
                if !within && timed.at >= end.max(*start + 1) {
                    break;
                }
                if within && !std::mem::replace(taken, true) {
                    sounds.push(*timed);
                }
            }
        }
    }
    sounds.sort_by_key(bars::Timed::order);
    sounds.into_iter().map(|timed| timed.sound).collect()
}

impl Design for Names {
    fn name(&self) -> &'static str {
        "names"
    }

    fn fields(&self) -> &[Field] {
        &self.fields
    }

    fn encode(&self, score: &Score) -> Vec<u16> {
        // A score that is longer than a file may be has none.
        let parsed = self.parse(&to_bytes(score));
        parsed.map(|(_, tokens)| tokens).unwrap_or_default()
    }

    fn encode_file(&self, bytes: &[u8]) -> Result<(Read, Vec<u16>)> {
        self.parse(bytes)
    }

    fn decode(&self, tokens: &[u16]) -> std::result::Result<Score, TokenFault> {
        let per_quarter = Score::default().ticks_per_quarter;
        let mut notes = Vec::with_capacity(tokens.len());
        for (step, token) in tokens.iter().enumerate() {
            let fault = |fault| TokenFault { step, fault };
            let pitches = self
                .pitches(*token)
                .ok_or(fault("a token outside the vocabulary"))?;
            let onset = u32::try_from(step).ok().and_then(|step| step.checked_mul(TICKS));
            let onset = onset
                .filter(|onset| step < MAX_NAMES && onset / u32::from(per_quarter) < MAX_QUARTERS)
                .ok_or(fault("more tokens than a score may have"))?;
            notes.extend(pitches.into_iter().map(|pitch| Note {
                onset,
                pitch,
                duration: TICKS,
                velocity: 64,
            }));
        }
        let mut score = Score {
            tracks: vec![Track {
                notes,
                ..Track::default()
            }],
            ..Score::default()
        };
        score.tidy();
        Ok(score)
    }

    fn quantised(&self, score: &Score) -> Score {
        let mut tokens = self.encode(score);
        // What would not fit a score is left out.
        tokens.truncate((MAX_QUARTERS * u32::from(Score::default().ticks_per_quarter) / TICKS) as usize);
        self.decode(&tokens)
            .expect("encoded tokens are of the vocabulary")
    }
}
