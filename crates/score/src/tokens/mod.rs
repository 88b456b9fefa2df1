//! Tokens: a score as a sequence that a model can learn, and back. Three designs behind one trait.
//!
//! | design | a step is | keeps |
//! |---|---|---|
//! | [`Names`] | a note's name (`B-4`), or a chord's normal order (`9.11.2.4`) | the main part's pitches, nothing else: the vocabulary of the reference |
//! | [`Events`] | one of bar, position, program, pitch, velocity, duration, tempo; with [`Events::with_chords`] chords too | everything on a grid of 12 to the quarter, in the manner of REMI |
//! | [`Compound`] | a note, with all its properties side by side | the same as events, one step to a note, in the manner of the Compound Word transformer |
//!
//! [`TokenStream`] reads tokens from text, whatever design they are of.
//!
//! Events and compound tokens lie on one [grid](Piece): 12 steps to the quarter hold sixteenths, triplets and swung eighths alike.

mod compound;
mod events;
mod grid;
mod names;
mod stream;

use std::fmt;

pub use compound::Compound;
pub use events::Events;
pub use grid::{GridBar, GridNote, Piece, STEPS_PER_QUARTER};

pub use names::{MAX_NAMES, Names};
pub use stream::{MAX_STREAM_BYTES, MAX_STREAM_TYPES, TokenStream};

use crate::error::Result;
use crate::score::Score;
use crate::smf::{Read, parse};

/// A way to write a score as tokens.
///
/// A step is one token of every [field](Design::fields), side by side; most designs have a single field. A token is an index
/// into its field's vocabulary.
pub trait Design: Send + Sync {
    /// What it is called: `names`, `events`, `events-chords`, `compound`.
    fn name(&self) -> &'static str;

    /// The fields of a step, in order.
    fn fields(&self) -> &[Field];

    /// The tokens of a score, step after step.
    fn encode(&self, score: &Score) -> Vec<u16>;

    /// What is read of the bytes of a MIDI file, and its tokens: those of the score that was read, unless the design depends on what
    /// stands only in the file.
    ///
    /// # Errors
    /// As of [`parse`](crate::parse()).
    fn encode_file(&self, bytes: &[u8]) -> Result<(Read, Vec<u16>)> {
        let read = parse(bytes)?;
        let tokens = self.encode(&read.score);
        Ok((read, tokens))
    }

    /// The score of tokens, whether they were encoded or made up by a model.
    ///
    /// # Errors
    /// The tokens are no whole number of steps, lie outside their vocabulary, or stand where the design has no place for them.
    fn decode(&self, tokens: &[u16]) -> std::result::Result<Score, TokenFault>;

    /// What is left of a score once it has been encoded and decoded.
    fn quantised(&self, score: &Score) -> Score;
}

/// One field of a step: its name and its vocabulary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// What it tells.
    pub name: &'static str,
    /// The names of its tokens; a token is an index into them.
    pub vocabulary: Vec<String>,
}

/// Why tokens are no score.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFault {
    /// The step, counted from 0.
    pub step: usize,
    /// What is wrong there.
    pub fault: &'static str,
}

impl fmt::Display for TokenFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {}: {}", self.step, self.fault)
    }
}

impl std::error::Error for TokenFault {}

/// The design of a name.
pub fn design(name: &str) -> Option<Box<dyn Design>> {
    match name {
        "names" => Some(Box::new(Names::new())),
        "events" => Some(Box::new(Events::new())),
        "events-chords" => Some(Box::new(Events::with_chords())),
        "compound" => Some(Box::new(Compound::new())),
        _ => None,
    }
}
