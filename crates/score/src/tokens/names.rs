//! The reference's tokens: the main part's notes by name, its chords by the normal order of their pitch classes.

use super::{Design, Field, TokenFault};
use crate::score::Score;

/// Note names and dotted normal orders of the main part.
#[derive(Debug, Clone)]
pub struct Names {
    fields: [Field; 1],
}
