//! Event tokens: a bar, then positions in it, and at each position the notes that begin there.
//!
//! In the manner of REMI (Huang and Yang, Pop Music Transformer, 2020), with programs. A program is said at the first note of a bar
//! and wherever it changes, so that a line of one instrument costs no tokens for it; a drum has no duration.
//!
//! [`Events::with_chords`] says chords too, where they change, as REMI does. They are those that are heard in the notes
//! ([`chord_spans`]), told to a model before it hears them; decoding checks where they stand and makes no notes of them.

use super::grid::{DRUMS, MAX_POSITIONS, TEMPOS, VELOCITIES, bar_steps, durations, metres, per_minute};
use super::{Design, Field, GridBar, GridNote, Piece, TokenFault};
use crate::analysis::{Chord, chord_spans};
use crate::score::{MAX_QUARTERS, Score};
use crate::tokens::STEPS_PER_QUARTER;

/// Event tokens: one field.
///
/// The grammar, which [`decode`](Design::decode) holds a model to:
///
/// ```text
/// piece    = { bar }
/// bar      = "Bar" [ Metre ] { position }
/// position = Position [ Tempo ] [ Chord ] { note }
/// note     = [ Program ] ( Pitch Velocity Duration | Drum Velocity )
/// ```
///
/// Chords are of the design [`with_chords`](Events::with_chords) alone; their tokens follow the others, which keep their indices.
/// `Pad`, `Begin` and `End` are for models; `Begin` and `End` may stand at the ends.
#[derive(Debug, Clone)]
pub struct Events {
    fields: [Field; 1],
    metres: Vec<(u8, u8)>,
    layout: Layout,
}

/// Where each kind of token begins in the vocabulary.
#[derive(Debug, Clone, Copy)]
struct Layout {
    metre: u16,
    position: u16,
    tempo: u16,
    program: u16,
    pitch: u16,
    drum: u16,
    velocity: u16,
    duration: u16,
    /// Where chords begin: no chord, then [`Chord::all`]; without chords, the end.
    chord: u16,
    end: u16,
}

/// A token taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Pad,
    Begin,
    End,
    Bar,
    Metre(u8),
    Position(u8),
    Tempo(u8),
    Program(u8),
    Pitch(u8),
    Drum(u8),
    Velocity(u8),
    Duration(u8),
    Chord,
}

impl Default for Events {
    fn default() -> Self {
        Self::new()
    }
}

impl Events {
    /// The token of nothing.
    pub const PAD: u16 = 0;
    /// The token before a piece.
    pub const BEGIN: u16 = 1;
    /// The token after a piece.
    pub const END: u16 = 2;
    /// The token of a bar.
    pub const BAR: u16 = 3;

    /// The design without chords.
    pub fn new() -> Self {
        Self::make(false)
    }

    /// The design with chords, `events-chords`.
    ///
    /// A chord is said where one begins, at the beat, `Chord N` where none is heard; it holds until the next. What is encoded are the chords of
    /// the score on the grid, so that what is decoded is encoded again as it was.
    pub fn with_chords() -> Self {
        Self::make(true)
    }

    fn make(chords: bool) -> Self {
        let metres = metres();
        let mut vocabulary: Vec<String> = ["Pad", "Begin", "End", "Bar"].map(str::to_owned).to_vec();
        let mut add = |names: &mut dyn Iterator<Item = String>| {
            let from = vocabulary.len() as u16;
            vocabulary.extend(names);
            from
        };
        let layout = Layout {
            metre: add(&mut metres.iter().map(|(n, d)| format!("Metre {n}/{d}"))),
            position: add(&mut (0..MAX_POSITIONS).map(|p| format!("Position {p}"))),
            tempo: add(&mut (0..TEMPOS).map(|t| format!("Tempo {:.1}", per_minute(t)))),
            program: add(&mut (0..DRUMS)
                .map(|p| format!("Program {p}"))
                .chain(["Program drums".to_owned()])),
            pitch: add(&mut (0..128).map(|p| format!("Pitch {p}"))),
            drum: add(&mut (0..128).map(|p| format!("Drum {p}"))),
            velocity: add(&mut (0..VELOCITIES)
                .map(|v| format!("Velocity {}", v * (128 / VELOCITIES) + 64 / VELOCITIES))),
            duration: add(&mut durations().iter().map(|d| format!("Duration {d}"))),
            chord: add(&mut std::iter::once("Chord N".to_owned())
                .chain(Chord::all().map(|chord| format!("Chord {chord}")))
                .filter(|_| chords)),
            end: 0,
        };
        let layout = Layout {
            end: vocabulary.len() as u16,
            ..layout
        };
        Events {
            fields: [Field {
                name: "event",
                vocabulary,
            }],
            metres,
            layout,
        }
    }

    fn event(&self, token: u16) -> Option<Event> {
        let at = &self.layout;
        let below = |from: u16| (token - from) as u8;
        Some(match token {
            Self::PAD => Event::Pad,
            Self::BEGIN => Event::Begin,
            Self::END => Event::End,
            Self::BAR => Event::Bar,
            t if t < at.position => Event::Metre(below(at.metre)),
            t if t < at.tempo => Event::Position(below(at.position)),
            t if t < at.program => Event::Tempo(below(at.tempo)),
            t if t < at.pitch => Event::Program(below(at.program)),
            t if t < at.drum => Event::Pitch(below(at.pitch)),
            t if t < at.velocity => Event::Drum(below(at.drum)),
            t if t < at.duration => Event::Velocity(below(at.velocity)),
            t if t < at.chord => Event::Duration(below(at.duration)),
            t if t < at.end => Event::Chord,
            _ => return None,
        })
    }

    fn metre(&self, metre: (u8, u8)) -> u16 {
        let at = self.metres.iter().position(|known| *known == metre);
        self.layout.metre + at.expect("a piece has the grid's metres") as u16
    }

    fn says_chords(&self) -> bool {
        self.layout.end > self.layout.chord
    }

    /// Where chords begin, step and token, up to the last onset.
    fn chords(&self, piece: &Piece) -> Vec<(u32, u16)> {
        let (true, Some(last)) = (self.says_chords(), piece.notes.last()) else {
            return Vec::new();
        };
        let score = piece.score();
        let ticks = u32::from(score.ticks_per_quarter) / STEPS_PER_QUARTER;
        let token =
            |chord: Option<Chord>| self.layout.chord + chord.map_or(0, |chord| 1 + chord.index() as u16);
        let spans = chord_spans(&score).into_iter();
        let told = spans.map(|span| (span.start / ticks, token(span.chord)));
        // Before the first chord there is none.
        told.take_while(|(step, _)| *step <= last.step)
            .skip_while(|(_, token)| *token == self.layout.chord)
            .collect()
    }

    /// The chords that tokens say, `None` for no chord, each with the token's place; empty of a design without chords.
    pub fn chords_of(&self, tokens: &[u16]) -> Vec<(usize, Option<Chord>)> {
        let said = |(place, token): (usize, &u16)| {
            let index = token
                .checked_sub(self.layout.chord)
                .filter(|_| *token < self.layout.end)?;
            Some((
                place,
                usize::from(index)
                    .checked_sub(1)
                    .and_then(|at| Chord::all().nth(at)),
            ))
        };
        tokens.iter().enumerate().filter_map(said).collect()
    }

    /// The tokens of a piece.
    pub fn encode_piece(&self, piece: &Piece) -> Vec<u16> {
        let at = &self.layout;
        let chords = self.chords(piece);
        let mut chords = chords.iter().peekable();
        let mut tokens = Vec::with_capacity(piece.notes.len() * 4);
        let (mut notes, mut tempos) = (piece.notes.iter().peekable(), piece.tempos.iter().peekable());
        let mut metre = (4, 4);
        for bar in &piece.bars {
            tokens.push(Self::BAR);
            if bar.metre != metre {
                metre = bar.metre;
                tokens.push(self.metre(metre));
            }
            let end = bar.start + bar.steps();
            let mut voice = None;
            loop {
                let next = [
                    notes.peek().map(|note| note.step),
                    tempos.peek().map(|tempo| tempo.0),
                    chords.peek().map(|chord| chord.0),
                ];
                let Some(step) = next.into_iter().flatten().min().filter(|step| *step < end) else {
                    break;
                };
                tokens.push(at.position + (step - bar.start) as u16);
                while let Some((_, level)) = tempos.next_if(|tempo| tempo.0 == step) {
                    tokens.push(at.tempo + u16::from(*level));
                }
                tokens.extend(chords.next_if(|chord| chord.0 == step).map(|chord| chord.1));
                while let Some(note) = notes.next_if(|note| note.step == step) {
                    if voice != Some(note.voice) {
                        voice = Some(note.voice);
                        tokens.push(at.program + u16::from(note.voice));
                    }
                    let velocity = at.velocity + u16::from(note.velocity);
                    match note.voice {
                        DRUMS => tokens.extend([at.drum + u16::from(note.pitch), velocity]),
                        _ => tokens.extend([
                            at.pitch + u16::from(note.pitch),
                            velocity,
                            at.duration + u16::from(note.duration),
                        ]),
                    }
                }
            }
        }
        tokens
    }

    /// The piece of tokens.
    ///
    /// # Errors
    /// As of [`decode`](Design::decode).
    pub fn decode_piece(&self, tokens: &[u16]) -> Result<Piece, TokenFault> {
        let mut reader = Reader::new(self);
        for (step, token) in tokens.iter().enumerate() {
            let fault = |fault| TokenFault { step, fault };
            let event = self
                .event(*token)
                .ok_or(fault("a token outside the vocabulary"))?;
            reader.take(event).map_err(fault)?;
        }
        reader.finish().map_err(|fault| TokenFault {
            step: tokens.len(),
            fault,
        })
    }
}

/// Reads events into a piece.
struct Reader<'a> {
    events: &'a Events,
    piece: Piece,
    /// Where the next bar begins.
    next: u32,
    position: Option<u32>,
    voice: Option<u8>,
    /// A note that waits for its velocity, and a tone that waits for its duration too.
    pitch: Option<u8>,
    velocity: Option<u8>,
    last: Option<Event>,
}

impl<'a> Reader<'a> {
    fn new(events: &'a Events) -> Self {
        Reader {
            events,
            piece: Piece::default(),
            next: 0,
            position: None,
            voice: None,
            pitch: None,
            velocity: None,
            last: None,
        }
    }

    fn take(&mut self, event: Event) -> Result<(), &'static str> {
        if self.pitch.is_some() && !matches!(event, Event::Velocity(_) | Event::Duration(_)) {
            return Err("a note without velocity or duration");
        }
        match event {
            Event::Pad | Event::Begin => {
                if self
                    .last
                    .is_some_and(|last| !matches!(last, Event::Pad | Event::Begin | Event::End))
                {
                    return Err("a beginning within a piece");
                }
            }
            Event::End => {}
            Event::Bar => self.bar()?,
            Event::Metre(at) => {
                if self.last != Some(Event::Bar) {
                    return Err("a metre that no bar begins with");
                }
                let bar = self.piece.bars.last_mut().expect("a bar was read");
                bar.metre = self.events.metres[usize::from(at)];
                self.next = bar.start + bar.steps();
            }
            Event::Position(position) => self.place(u32::from(position))?,
            Event::Tempo(level) => {
                if !matches!(self.last, Some(Event::Position(_))) {
                    return Err("a tempo without a position of its own");
                }
                self.piece.tempos.push((self.step()?, level));
            }
            Event::Chord => {
                if !matches!(self.last, Some(Event::Position(_) | Event::Tempo(_))) {
                    return Err("a chord that is not the first at its position");
                }
            }
            Event::Program(voice) => self.voice = Some(voice),
            Event::Pitch(pitch) | Event::Drum(pitch) => {
                self.step()?;
                let drums = matches!(event, Event::Drum(_));
                match self.voice {
                    None => return Err("a note without a program in its bar"),
                    Some(voice) if (voice == DRUMS) != drums => {
                        return Err("a drum of a tone's program, or a tone of drums");
                    }
                    Some(_) => self.pitch = Some(pitch),
                }
            }
            Event::Velocity(velocity) => {
                if self.pitch.is_none() || self.velocity.is_some() {
                    return Err("a velocity without a note");
                }
                self.velocity = Some(velocity);
                if self.voice == Some(DRUMS) {
                    self.note(0)?;
                }
            }
            Event::Duration(duration) => self.note(duration)?,
        }
        self.last = Some(event);
        Ok(())
    }

    fn bar(&mut self) -> Result<(), &'static str> {
        if self.next >= MAX_QUARTERS * STEPS_PER_QUARTER {
            return Err("more bars than a score may have");
        }
        let metre = self.piece.bars.last().map_or((4, 4), |bar| bar.metre);
        let start = self.next;
        self.piece.bars.push(GridBar { start, metre });
        self.next = start + bar_steps(metre);
        (self.position, self.voice) = (None, None);
        Ok(())
    }

    fn place(&mut self, position: u32) -> Result<(), &'static str> {
        let bar = self.piece.bars.last().ok_or("a position without a bar")?;
        if position >= bar.steps() {
            return Err("a position after the end of its bar");
        }
        if self.position.is_some_and(|before| before >= position) {
            return Err("a position that is not after the last");
        }
        self.position = Some(position);
        Ok(())
    }

    fn step(&self) -> Result<u32, &'static str> {
        let bar = self.piece.bars.last().ok_or("no bar has begun")?;
        self.position
            .map(|position| bar.start + position)
            .ok_or("no position was given")
    }

    fn note(&mut self, duration: u8) -> Result<(), &'static str> {
        let (Some(pitch), Some(velocity)) = (self.pitch.take(), self.velocity.take()) else {
            return Err("a duration without a note");
        };
        let step = self.step()?;
        let voice = self.voice.expect("a note has a program");
        self.piece.notes.push(GridNote {
            step,
            voice,
            pitch,
            duration,
            velocity,
        });
        Ok(())
    }

    fn finish(self) -> Result<Piece, &'static str> {
        if self.pitch.is_some() {
            return Err("the last note is not whole");
        }
        Ok(self.piece.settled())
    }
}

impl Design for Events {
    fn name(&self) -> &'static str {
        if self.says_chords() {
            "events-chords"
        } else {
            "events"
        }
    }

    fn fields(&self) -> &[Field] {
        &self.fields
    }

    fn encode(&self, score: &Score) -> Vec<u16> {
        self.encode_piece(&Piece::of(score))
    }

    fn decode(&self, tokens: &[u16]) -> Result<Score, TokenFault> {
        self.decode_piece(tokens).map(|piece| piece.score())
    }

    fn quantised(&self, score: &Score) -> Score {
        Piece::of(score).score()
    }
}
