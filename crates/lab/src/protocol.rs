//! The three protocols: who may know whom.

use std::fmt;

use melisma_learn::validation::FoldsBy;
use serde::{Deserialize, Serialize};

/// How far test rows are kept from training rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Rows at random: windows of one track fall on both sides, and the figures leak.
    Random,
    /// The windows of a track stay together; its artist's other tracks may be on the other side.
    Grouped,
    /// No artist is on both sides: what to expect of music by others.
    Filtered,
}

impl Protocol {
    /// All protocols, the strictest last.
    pub const ALL: [Protocol; 3] = [Protocol::Random, Protocol::Grouped, Protocol::Filtered];

    /// The name in recipes and results.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Random => "random",
            Protocol::Grouped => "grouped",
            Protocol::Filtered => "filtered",
        }
    }

    /// What a heading says.
    pub fn title(self) -> &'static str {
        match self {
            Protocol::Random => "random (leaks)",
            Protocol::Grouped => "grouped by track",
            Protocol::Filtered => "artist-filtered",
        }
    }

    /// The folds that keep together within the training rows what the protocol keeps together.
    pub fn folds(self) -> FoldsBy {
        match self {
            Protocol::Random => FoldsBy::Stratified,
            Protocol::Grouped | Protocol::Filtered => FoldsBy::StratifiedGrouped,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
