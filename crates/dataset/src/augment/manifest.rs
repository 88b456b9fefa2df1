//! The list of altered copies in a folder, `augmented.csv`: which file was made from which, and how.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::files::write_beside;
use crate::{Error, Result};

/// The list's file name.
const NAME: &str = "augmented.csv";
/// Its columns.
const COLUMNS: [&str; 5] = ["file", "source", "kind", "parameters", "seed"];

/// An altered copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// The copy, below the folder of copies.
    pub file: String,
    /// What it was made from, below the folder that was walked.
    pub source: String,
    /// The name of the kind.
    pub kind: String,
    /// What was drawn.
    pub parameters: String,
    /// The seed of the run.
    pub seed: u64,
}

/// The list of a folder, by file.
pub(super) struct Manifest {
    path: PathBuf,
    entries: BTreeMap<String, Entry>,
}

impl Manifest {
    /// The list as it lies in the folder, or an empty one.
    ///
    /// # Errors
    /// [`Error::Io`] when there is one that cannot be read, [`Error::Table`] when it is no such list.
    pub fn open(folder: &Path) -> Result<Manifest> {
        let path = folder.join(NAME);
        let mut manifest = Manifest {
            path: path.clone(),
            entries: BTreeMap::new(),
        };
        let text = match std::fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(manifest),
            read => read.map_err(Error::io(&path))?,
        };
        let fault = |line: Option<u64>, message: String| Error::Table {
            table: path.display().to_string(),
            line,
            column: None,
            message,
        };
        let broken = |error: csv::Error| fault(error.position().map(csv::Position::line), error.to_string());
        let mut reader = csv::Reader::from_reader(text.as_slice());
        if reader.headers().map_err(broken)? != COLUMNS.as_slice() {
            return Err(fault(None, "is not a list of altered copies".to_owned()));
        }
        for entry in reader.deserialize() {
            manifest.add(entry.map_err(broken)?);
        }
        Ok(manifest)
    }

    /// Adds a copy, in the place of an earlier one of that name.
    pub fn add(&mut self, entry: Entry) {
        self.entries.insert(entry.file.clone(), entry);
    }

    /// Writes the list, sorted by file.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be written.
    pub fn write(&self) -> Result<()> {
        let written = write_beside(&self.path, |out| {
            let mut writer = csv::Writer::from_writer(out);
            if self.entries.is_empty() {
                writer.write_record(COLUMNS)?;
            }
            for entry in self.entries.values() {
                writer.serialize(entry)?;
            }
            writer.flush()
        });
        written.map_err(Error::io(&self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(file: &str, seed: u64) -> Entry {
        Entry {
            file: file.to_owned(),
            source: "a, b.mp3".to_owned(),
            kind: "gain".to_owned(),
            parameters: "decibels=2.00".to_owned(),
            seed,
        }
    }

    #[test]
    fn later_copies_take_the_place_of_earlier_ones_and_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let mut manifest = Manifest::open(folder.path()).unwrap();
        manifest.write().unwrap();
        manifest.add(entry("b", 1));
        manifest.add(entry("c", 1));
        manifest.write().unwrap();
        let mut manifest = Manifest::open(folder.path()).unwrap();
        manifest.add(entry("b", 2));
        manifest.add(entry("a", u64::MAX));
        manifest.write().unwrap();
        let entries = Manifest::open(folder.path()).unwrap().entries;
        let want = [entry("a", u64::MAX), entry("b", 2), entry("c", 1)];
        assert!(entries.into_values().eq(want));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn another_file_of_that_name_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(NAME), "a,b\n1,2\n").unwrap();
        let error = Manifest::open(folder.path()).err().unwrap().to_string();
        assert!(error.contains("augmented.csv: is not a list"), "{error}");
    }
}
