//! What a check found: kinds of findings, what they mean and what to do.
//!
//! Not for finding anything.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

/// A kind of fault, in the order of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// An entry of the collection's own lists cannot be used.
    Entry,
    /// The audio file is not there.
    Missing,
    /// The audio file cannot be decoded.
    Unreadable,
    /// The audio file can be decoded, but not all of it.
    Damaged,
    /// The literature calls the recording faulty.
    KnownFault,
    /// The recording is longer or shorter than the others.
    Length,
    /// All or most of it is silence.
    Silent,
    /// Samples stand at full scale.
    Clipped,
    /// The samples are not centred on zero.
    DcOffset,
    /// The samples are alike, bit by bit.
    Duplicate,
    /// The sound is alike: another encoding, level, start or length.
    NearDuplicate,
    /// The literature calls them copies, their sound does not.
    KnownDuplicate,
    /// No genre is given.
    Unlabelled,
    /// More than one genre is given where there can be one.
    LabelConflict,
    /// An artist's recordings are in several parts of the official split.
    ArtistAcrossParts,
    /// Copies are in several parts of the official split.
    CopyAcrossParts,
}

impl FindingKind {
    /// The name in a report.
    pub fn name(self) -> &'static str {
        match self {
            FindingKind::Entry => "entry",
            FindingKind::Missing => "missing",
            FindingKind::Unreadable => "unreadable",
            FindingKind::Damaged => "damaged",
            FindingKind::KnownFault => "known-fault",
            FindingKind::Length => "length",
            FindingKind::Silent => "silent",
            FindingKind::Clipped => "clipped",
            FindingKind::DcOffset => "dc-offset",
            FindingKind::Duplicate => "duplicate",
            FindingKind::NearDuplicate => "near-duplicate",
            FindingKind::KnownDuplicate => "known-duplicate",
            FindingKind::Unlabelled => "unlabelled",
            FindingKind::LabelConflict => "label-conflict",
            FindingKind::ArtistAcrossParts => "artist-across-parts",
            FindingKind::CopyAcrossParts => "copy-across-parts",
        }
    }

    /// What to do about it, in general.
    pub fn advice(self) -> &'static str {
        match self {
            FindingKind::Entry => "correct the list",
            FindingKind::Missing => "fetch the files again, or leave the recordings out",
            FindingKind::Unreadable | FindingKind::Damaged => "fetch the file again, or leave it out",
            FindingKind::KnownFault => "leave it out",
            FindingKind::Length => "cut it to the common length, or leave it out",
            FindingKind::Silent => "leave it out",
            FindingKind::Clipped => "find a better copy; features of loudness and brightness suffer",
            FindingKind::DcOffset => "remove the offset before features are computed",
            FindingKind::Duplicate | FindingKind::NearDuplicate => "keep one",
            FindingKind::KnownDuplicate => "listen to both; keep one if they are alike",
            FindingKind::Unlabelled => "give it a genre, or leave it out of training",
            FindingKind::LabelConflict => "listen, and settle on one genre",
            FindingKind::ArtistAcrossParts => {
                "group by artist when splitting; figures are too high otherwise"
            }
            FindingKind::CopyAcrossParts => "keep one, or move the copies to one part",
        }
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// What kind of thing.
    pub kind: FindingKind,
    /// The ids of the recordings concerned; empty where an entry has none.
    pub recordings: Vec<String>,
    /// What exactly.
    pub detail: String,
    /// What to do.
    pub advice: String,
}

impl Finding {
    /// A finding with the advice of its kind.
    pub fn new(
        kind: FindingKind,
        recordings: impl IntoIterator<Item = String>,
        detail: impl Into<String>,
    ) -> Self {
        Finding {
            kind,
            recordings: recordings.into_iter().collect(),
            detail: detail.into(),
            advice: kind.advice().to_owned(),
        }
    }

    /// The same with other advice.
    pub fn advising(self, advice: impl Into<String>) -> Self {
        Finding {
            advice: advice.into(),
            ..self
        }
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Report {
    /// The collection's name.
    pub collection: String,
    /// Recordings in it.
    pub recordings: usize,
    /// Audio files that were there to be decoded.
    pub files: usize,
    /// Of these, files whose figures were taken from the cache.
    pub resumed: usize,
    /// Seconds of audio decoded in this run.
    pub audio_s: f64,
    /// Whether the check was stopped; then recordings were not compared.
    pub interrupted: bool,
    /// What is wrong, by kind.
    pub findings: Vec<Finding>,
}

impl Report {
    /// How many findings there are of each kind that occurs.
    pub fn counts(&self) -> BTreeMap<FindingKind, usize> {
        let mut counts = BTreeMap::new();
        for finding in &self.findings {
            *counts.entry(finding.kind).or_default() += 1;
        }
        counts
    }
}
