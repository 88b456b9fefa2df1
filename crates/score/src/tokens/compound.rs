//! Compound tokens: one step to a note, all its properties side by side.
//!
//! In the manner of the Compound Word Transformer (Hsiao and others, 2021) and of MusicBERT's octuples (Zeng and others, 2021).
//! Tempo and metre are those in force at the note; where a bar has to be told and no note begins in it, a step without a pitch does.

use super::grid::{DRUMS, MAX_POSITIONS, TEMPOS, VELOCITIES, durations, metres, per_minute, tempo_level};
use super::{Design, Field, GridBar, GridNote, Piece, TokenFault};
use crate::score::{MAX_QUARTERS, Score};
use crate::tokens::STEPS_PER_QUARTER;

/// The most bars that one step can begin.
const MAX_BARS: u16 = 16;

/// The pitch of a step that is no note.
const NO_PITCH: u16 = 128;

/// The tempo before any was said: the middle of the levels is not 120, so it is a token of its own.
const UNSAID: u16 = TEMPOS as u16;

/// Fields of a step.
const WIDTH: usize = 8;

/// Compound tokens: eight fields to a step, bars begun, metre, position, tempo, program, pitch, duration, velocity.
#[derive(Debug, Clone)]
pub struct Compound {
    fields: [Field; WIDTH],
    metres: Vec<(u8, u8)>,
}

impl Default for Compound {
    fn default() -> Self {
        Self::new()
    }
}

impl Compound {
    /// The design.
    pub fn new() -> Self {
        let metres = metres();
        let field = |name, vocabulary| Field { name, vocabulary };
        let numbers = |range: std::ops::Range<u32>| range.map(|n| n.to_string()).collect::<Vec<_>>();
        let with = |mut list: Vec<String>, more: &str| {
            list.push(more.to_owned());
            list
        };
        let fields = [
            field("bars", numbers(0..u32::from(MAX_BARS) + 1)),
            field("metre", metres.iter().map(|(n, d)| format!("{n}/{d}")).collect()),
            field("position", numbers(0..MAX_POSITIONS)),
            field(
                "tempo",
                with(
                    (0..TEMPOS).map(|t| format!("{:.1}", per_minute(t))).collect(),
                    "120 unsaid",
                ),
            ),
            field("program", with(numbers(0..u32::from(DRUMS)), "drums")),
            field("pitch", with(numbers(0..u32::from(NO_PITCH)), "none")),
            field("duration", durations().iter().map(u32::to_string).collect()),
            field(
                "velocity",
                (0..VELOCITIES)
                    .map(|v| (v * (128 / VELOCITIES) + 64 / VELOCITIES).to_string())
                    .collect(),
            ),
        ];
        Compound { fields, metres }
    }

    /// What a piece is once told note by note: a tempo is heard from the next onset on.
    fn told(piece: &Piece) -> Piece {
        let mut told = piece.clone();
        told.tempos.clear();
        let mut level = tempo_level(120.0);
        for note in &piece.notes {
            let at = piece.tempos.partition_point(|tempo| tempo.0 <= note.step);
            let now = at
                .checked_sub(1)
                .map_or(tempo_level(120.0), |at| piece.tempos[at].1);
            if now != level {
                told.tempos.push((note.step, now));
            }
            level = now;
        }
        told
    }

    fn metre(&self, metre: (u8, u8)) -> u16 {
        let at = self.metres.iter().position(|known| *known == metre);
        at.expect("a piece has the grid's metres") as u16
    }
}

impl Design for Compound {
    fn name(&self) -> &'static str {
        "compound"
    }

    fn fields(&self) -> &[Field] {
        &self.fields
    }

    fn encode(&self, score: &Score) -> Vec<u16> {
        let piece = Piece::of(score);
        let mut tokens = Vec::with_capacity(piece.notes.len() * WIDTH);
        let mut notes = piece.notes.iter().peekable();
        let mut begun = 0;
        let mut metre = (4, 4);
        let mut level = UNSAID;
        let mut tempos = piece.tempos.iter().peekable();
        for bar in &piece.bars {
            begun += 1;
            let end = bar.start + bar.steps();
            let silent = notes.peek().is_none_or(|note| note.step >= end);
            if silent && (begun == MAX_BARS || bar.metre != metre) {
                tokens.extend([begun, self.metre(bar.metre), 0, level, 0, NO_PITCH, 0, 0]);
                begun = 0;
            }
            metre = bar.metre;
            while let Some(note) = notes.next_if(|note| note.step < end) {
                let mut now = None;
                while let Some((_, change)) = tempos.next_if(|tempo| tempo.0 <= note.step) {
                    now = Some(*change);
                }
                // What holds anyway is no change.
                if let Some(now) = now.filter(|now| level != UNSAID || *now != tempo_level(120.0)) {
                    level = u16::from(now);
                }
                tokens.extend([
                    std::mem::take(&mut begun),
                    self.metre(bar.metre),
                    (note.step - bar.start) as u16,
                    level,
                    u16::from(note.voice),
                    u16::from(note.pitch),
                    u16::from(note.duration),
                    u16::from(note.velocity),
                ]);
            }
        }
        tokens
    }

    fn decode(&self, tokens: &[u16]) -> Result<Score, TokenFault> {
        let mut piece = Piece::default();
        let mut next = 0_u32;
        let mut level = UNSAID;
        let (steps, rest) = tokens.as_chunks::<WIDTH>();
        for (step, fields) in steps.iter().enumerate() {
            let fault = |fault| TokenFault { step, fault };
            for (field, token) in self.fields.iter().zip(fields) {
                if usize::from(*token) >= field.vocabulary.len() {
                    return Err(fault("a token outside its field's vocabulary"));
                }
            }
            let [bars, metre, position, tempo, voice, pitch, duration, velocity] = *fields;
            let metre = self.metres[usize::from(metre)];
            for begun in (0..bars).rev() {
                if next >= MAX_QUARTERS * STEPS_PER_QUARTER {
                    return Err(fault("more bars than a score may have"));
                }
                // The bars passed over keep the metre before.
                let before = piece.bars.last().map_or((4, 4), |bar| bar.metre);
                let bar = GridBar {
                    start: next,
                    metre: if begun == 0 { metre } else { before },
                };
                next += bar.steps();
                piece.bars.push(bar);
            }
            let bar = *piece.bars.last().ok_or(fault("a note before the first bar"))?;
            if bar.metre != metre {
                return Err(fault("a metre that is not its bar's"));
            }
            let position = u32::from(position);
            if position >= bar.steps() {
                return Err(fault("a position after the end of its bar"));
            }
            if pitch == NO_PITCH {
                continue;
            }
            let onset = bar.start + position;
            if piece.notes.last().is_some_and(|last| last.step > onset) {
                return Err(fault("a position before the last"));
            }
            if tempo != level && tempo != UNSAID {
                level = tempo;
                piece.tempos.push((onset, tempo as u8));
            }
            piece.notes.push(GridNote {
                step: onset,
                voice: voice as u8,
                pitch: pitch as u8,
                duration: if voice == u16::from(DRUMS) {
                    0
                } else {
                    duration as u8
                },
                velocity: velocity as u8,
            });
        }
        if !rest.is_empty() {
            return Err(TokenFault {
                step: steps.len(),
                fault: "the last step is not whole",
            });
        }
        Ok(piece.settled().score())
    }

    fn quantised(&self, score: &Score) -> Score {
        Self::told(&Piece::of(score)).score()
    }
}
