//! Scores: MIDI files in and out, musical time, tokens, measures.
//!
//! The noun is [`Score`]: tracks of notes in ticks, with tempo, time and key signatures beside them. [`read`] makes one of
//! any Standard MIDI File, repairs what can be repaired and says what it did ([`Repair`]); [`write()`] writes one back, exactly.
//! [`Clock`] tells ticks from seconds, [`Score::bars`] lays the grid of bars.
//!
//! ```no_run
//! use std::path::Path;
//!
//! let read = melisma_score::read(Path::new("song.mid"))?;
//! for repair in &read.repairs {
//!     eprintln!("song.mid: {repair}");
//! }
//! let clock = read.score.clock();
//! println!("{} notes, {:.1} s", read.score.notes().count(), clock.seconds(read.score.end()));
//! # Ok::<(), melisma_score::Error>(())
//! ```
//!
//! Files are strangers' bytes: no length in a file decides an allocation, and time has an end ([`MAX_QUARTERS`]).

pub mod analysis;
mod clock;
pub mod corpus;
mod error;
pub mod features;
mod files;
pub mod general_midi;
pub mod measures;
mod score;
mod smf;
pub mod tokens;

pub use clock::{Bar, Clock};
pub use error::{Error, Result};
pub use files::{Found, is_score, midi_files};
pub use score::{
    Control, ControlKind, KeySignature, MAX_QUARTERS, Note, Score, Span, Tempo, Text, TextKind,
    TimeSignature, Track,
};
pub use smf::{MAX_BYTES, Read, Repair, parse, read, read_bytes, to_bytes, write};
