//! Analysis of scores: key, chords, the roles of tracks, sections and form.
//!
//! | question | answer |
//! |---|---|
//! | [`key`] | the key and its runner-up, of a piece or of any stretch of it ([`key_of`]) |
//! | [`chords`] | the chord of every beat, smoothed over time ([`Chord`]) |
//! | [`roles`] | which track is melody, bass, chords, pad or drums |
//! | [`Structure::of`] | how alike its bars are, where sections begin, and which of them are the same: `AABA` |
//!
//! [`Analysis::of`] puts the answers together. All of them are guesses from the notes alone: neither names nor programs of tracks are
//! looked at, nor the key signature, which in most files says C major whatever is played. How often they are right is told in `docs/scores.md`.
//!
//! Work and memory are bounded whatever a file holds: chords are found on the first [`MAX_BEATS`] beats, sections in the first
//! [`MAX_BARS`] bars.

mod beats;
mod chords;
mod key;
mod roles;
mod sections;
mod sounding;

pub use beats::{Beat, MAX_BEATS, beats};
pub use chords::{Chord, ChordSpan, Quality, beat_chroma, chord_spans, chords};
pub use key::{Key, KeyFinding, KeyProfile, find_key, key, key_of, key_with};
pub use roles::{Role, TrackRole, roles};
pub use sections::{MAX_BARS, Section, Structure};

use serde::Serialize;

use crate::score::Score;

/// What is found out about a piece.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Analysis {
    /// The key of the whole piece; `None` without tones.
    pub key: Option<KeyFinding>,
    /// The letters of the sections in order, such as `AABA`; empty without bars.
    pub form: String,
    /// The sections, each with its key.
    pub sections: Vec<SectionKey>,
    /// The chords, as long as each holds.
    pub chords: Vec<ChordSpan>,
    /// The role of each track, in the order of the score.
    pub roles: Vec<TrackRole>,
}

/// A section and its key.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SectionKey {
    /// Where it lies, and its letter.
    #[serde(flatten)]
    pub section: Section,
    /// Its key; `None` where no tone sounds.
    pub key: Option<KeyFinding>,
}

impl Analysis {
    /// Analyses a piece.
    pub fn of(score: &Score) -> Analysis {
        let structure = Structure::of(score);
        let keys = key::keys_of(score, &structure.spans());
        let sections = structure.sections.iter().zip(keys);
        Analysis {
            key: key(score),
            form: structure.form(),
            sections: sections
                .map(|(section, key)| SectionKey {
                    section: *section,
                    key,
                })
                .collect(),
            chords: chord_spans(score),
            roles: roles(score),
        }
    }
}
