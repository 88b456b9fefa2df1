//! Collections: recordings with what is known about them, whatever the layout they come in.
//!
//! A [`Collection`] tells of each [`Recording`] where its audio lies, which genres it carries, who made it
//! and which part of an official split it belongs to. Checks, splits and tables are written once, against
//! this trait. Readers stream: a million recordings are never held at once unless a caller collects them.
//! Nothing here opens audio.

mod fma;
mod folder;
mod gtzan;
mod msd;
mod open;
mod root;
mod table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use fma::{Fma, FmaFeatures};
pub use folder::Folder;
pub use gtzan::GtzanAudio;
pub use msd::{Msd, Song};
pub(crate) use open::fma_metadata;
pub use open::{GenreSource, Kind, OpenOptions, open, open_with};
pub use root::Root;
pub use table::TableRows;

use crate::Result;

/// One recording of a collection, as its files and lists describe it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recording {
    /// The name that is unique in the collection: `blues.00000`, a track number, a path below the root.
    pub id: String,
    /// Where the audio (or, for collections without audio, the feature file) lies, below the collection's root.
    pub path: Option<PathBuf>,
    /// The one genre to learn, as the collection spells it; `None` where it names none or contradicts itself.
    pub genre: Option<String>,
    /// Every genre the collection gives, the one to learn included, the most general first.
    pub genres: Vec<String>,
    /// Who made it, as the collection spells it.
    pub artist: Option<String>,
    /// Its title.
    pub title: Option<String>,
    /// The release it is part of.
    pub album: Option<String>,
    /// Its part of the collection's official split.
    pub part: Option<Part>,
}

/// A part of a split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// What is learnt from.
    Train,
    /// What choices are made on.
    Valid,
    /// What figures are measured on, once.
    Test,
}

impl Part {
    /// All parts in order.
    pub const ALL: [Part; 3] = [Part::Train, Part::Valid, Part::Test];

    /// The part that a list calls by this name: `train` or `training`; `valid`, `validation`, `val` or `dev`; `test`, `testing` or `eval`.
    pub fn of_name(name: &str) -> Option<Part> {
        match name.trim().to_ascii_lowercase().as_str() {
            "train" | "training" => Some(Part::Train),
            "valid" | "validation" | "val" | "dev" => Some(Part::Valid),
            "test" | "testing" | "eval" => Some(Part::Test),
            _ => None,
        }
    }

    /// The name in reports and files: `train`, `valid` or `test`.
    pub fn name(self) -> &'static str {
        match self {
            Part::Train => "train",
            Part::Valid => "valid",
            Part::Test => "test",
        }
    }
}

/// The recordings of a collection, one after the other.
///
/// A fault of one entry is an item of its own: whoever walks may go on after it.
pub type Recordings<'a> = Box<dyn Iterator<Item = Result<Recording>> + 'a>;

/// A set of recordings with labels.
pub trait Collection {
    /// What the collection is called: `gtzan`, `fma_small`, the name of a folder.
    fn name(&self) -> &str;

    /// The folder that holds it; no path of it leads outside.
    fn root(&self) -> &Root;

    /// The recordings in a stable order.
    ///
    /// # Errors
    /// When a list that is needed to begin cannot be read; later faults come as items.
    fn recordings(&self) -> Result<Recordings<'_>>;

    /// How many recordings there are, where that is known without walking.
    fn count(&self) -> Option<usize> {
        None
    }

    /// Whether recordings have audio files; `false` for collections of features and metadata.
    fn has_audio(&self) -> bool {
        true
    }

    /// Whether a recording has one genre only, so that a second one contradicts the first.
    fn one_genre_each(&self) -> bool {
        false
    }

    /// How long each clip is, in seconds, where the collection is published with clips of one length.
    fn clip_seconds(&self) -> Option<f64> {
        None
    }

    /// Recordings that the collection's documentation or literature calls faulty, and why.
    fn known_faults(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    /// Pairs that the literature calls copies of each other.
    fn known_duplicates(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// For each genre the more general one above it, where genres form a hierarchy.
    fn parents(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }
}

impl Recording {
    /// The audio file of this recording under `root`, checked to lie inside.
    ///
    /// # Errors
    /// As [`Root::file`].
    pub fn file(&self, root: &Root) -> Result<Option<PathBuf>> {
        self.path
            .as_deref()
            .map(|path: &Path| root.file(path))
            .transpose()
    }
}
