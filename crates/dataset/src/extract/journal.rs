//! The journal of a run: one line per finished file, so that an interrupted run can go on.
//!
//! The first line holds what the rows depend on; a journal of other options is not taken up. A line that was cut off in the middle is
//! dropped. A file that has changed since, or that failed, is described again.

use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use melisma_features::SAMPLE_RATE;
use serde::{Deserialize, Serialize};

use super::file::{FileRows, Row};
use super::output::is_special;
use super::{ExtractError, ExtractOptions};

/// What a journal's rows depend on.
#[derive(Serialize)]
struct Header {
    journal: u32,
    version: String,
    schema: String,
    schema_hash: String,
    window: super::Window,
    pad: melisma_features::PadMode,
}

impl Header {
    fn of(options: &ExtractOptions) -> Self {
        Header {
            journal: 2,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            schema: options.schema.name().to_owned(),
            schema_hash: options.schema.hash(),
            window: options.window,
            pad: options.pad,
        }
    }
}

/// A file as it was when it was read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Key {
    path: String,
    size: u64,
    modified_ns: u128,
}

impl Key {
    /// The file's present state; an unreadable one counts as empty, and fails later with its reason.
    pub(crate) fn of(path: &Path) -> Self {
        let metadata = std::fs::metadata(path).ok();
        let modified = metadata.as_ref().and_then(|m| m.modified().ok());
        Key {
            path: path.to_string_lossy().into_owned(),
            size: metadata.map_or(0, |m| m.len()),
            modified_ns: modified
                .and_then(|t| t.duration_since(UNIX_EPOCH).ok())
                .map_or(0, |d| d.as_nanos()),
        }
    }
}

/// What became of one file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Entry {
    /// Its rows.
    Done {
        rows: Vec<Row>,
        samples: u64,
        warnings: Vec<String>,
        /// SHA-256 of the file, in hexadecimal.
        sha256: String,
    },
    /// Why it has none.
    Failed { fault: String },
}

impl Entry {
    pub(super) fn done(rows: FileRows, sha256: String) -> Self {
        Entry::Done {
            rows: rows.rows,
            samples: rows.samples,
            warnings: rows.warnings,
            sha256,
        }
    }

    /// `fault` may begin with the path, which is known already.
    pub(super) fn failed(path: &Path, fault: &str) -> Self {
        let prefix = format!("{}: ", path.display());
        Entry::Failed {
            fault: fault.strip_prefix(&prefix).unwrap_or(fault).to_owned(),
        }
    }

    pub(super) fn audio_s(&self) -> f64 {
        match self {
            Entry::Done { samples, .. } => *samples as f64 / f64::from(SAMPLE_RATE),
            Entry::Failed { .. } => 0.0,
        }
    }

    pub(super) fn fault(&self) -> Option<&str> {
        match self {
            Entry::Done { .. } => None,
            Entry::Failed { fault } => Some(fault),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Line<K, E> {
    file: K,
    entry: E,
}

/// The journal's file, and where each entry lies in it.
pub(super) struct Journal {
    file: File,
    path: PathBuf,
    /// Whether the file has no name that a later run could find.
    temporary: bool,
    end: u64,
    places: HashMap<Key, (u64, usize)>,
}

/// The journal's path: the table's, with `.partial` behind it.
fn journal_path(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

impl Journal {
    /// Opens the journal beside the table, taking up what an interrupted run with the same options left there.
    pub(super) fn open(output: &Path, options: &ExtractOptions) -> Result<Self, ExtractError> {
        let path = journal_path(output);
        let failed = |source| ExtractError::Output {
            path: path.clone(),
            source,
        };
        let temporary = is_special(output);
        let file = if temporary {
            tempfile::tempfile().map_err(failed)?
        } else {
            File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)
                .map_err(failed)?
        };
        // Held until the journal is dropped, so that two runs cannot write one table.
        // Where files cannot be locked, that is left to the user.
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            return Err(failed(std::io::Error::other("another run is writing this table")));
        }
        if options.fresh {
            file.set_len(0).map_err(failed)?;
        }
        let mut journal = Journal {
            file,
            path: path.clone(),
            temporary,
            end: 0,
            places: HashMap::new(),
        };
        let mut header = serde_json::to_vec(&Header::of(options))
            .map_err(std::io::Error::from)
            .map_err(failed)?;
        header.push(b'\n');
        if !journal.take_up(&header)? {
            if let Err(source) = journal
                .file
                .rewind()
                .and_then(|()| journal.file.write_all(&header))
            {
                journal.abandon();
                return Err(failed(source));
            }
            journal.end = header.len() as u64;
        }
        Ok(journal)
    }

    /// Reads the places of the entries of an earlier run; false where there is not even a whole header.
    fn take_up(&mut self, header: &[u8]) -> Result<bool, ExtractError> {
        let failed = |source| ExtractError::Output {
            path: self.path.clone(),
            source,
        };
        let mut reader = BufReader::new(&self.file);
        let mut line = Vec::new();
        let read = reader
            .by_ref()
            .take(header.len() as u64)
            .read_until(b'\n', &mut line)
            .map_err(failed)?;
        if line != header {
            // The run before may have been cut off in its first line.
            if header.starts_with(&line) {
                return Ok(false);
            }
            return Err(ExtractError::OtherJournal(self.path.clone()));
        }
        let mut end = read as u64;
        loop {
            line.clear();
            let read = reader.read_until(b'\n', &mut line).map_err(failed)?;
            // A line that was cut off, or anything after it, is not taken up.
            if read == 0 || line.last() != Some(&b'\n') {
                break;
            }
            let Ok(Line { file, entry }) = serde_json::from_slice::<Line<Key, Entry>>(&line) else {
                break;
            };
            if entry.fault().is_none() {
                self.places.insert(file, (end, read));
            }
            end += read as u64;
        }
        self.end = end;
        self.file.set_len(end).map_err(failed)?;
        Ok(true)
    }

    /// Whether the file, as it is now, is in the journal.
    pub(super) fn holds(&self, key: &Key) -> bool {
        self.places.contains_key(key)
    }

    /// Adds what became of a file.
    pub(super) fn append(&mut self, key: &Key, entry: &Entry) -> Result<(), ExtractError> {
        let failed = |source| ExtractError::Output {
            path: self.path.clone(),
            source,
        };
        let mut line = serde_json::to_vec(&Line { file: key, entry })
            .map_err(std::io::Error::from)
            .map_err(failed)?;
        line.push(b'\n');
        self.file.seek(SeekFrom::Start(self.end)).map_err(failed)?;
        self.file.write_all(&line).map_err(failed)?;
        self.places.insert(key.clone(), (self.end, line.len()));
        self.end += line.len() as u64;
        Ok(())
    }

    /// What became of a file that the journal holds.
    pub(super) fn read(&mut self, key: &Key) -> Result<Entry, ExtractError> {
        let failed = |source| ExtractError::Output {
            path: self.path.clone(),
            source,
        };
        let missing = || failed(std::io::Error::other("the journal lost an entry"));
        let (start, len) = *self.places.get(key).ok_or_else(missing)?;
        self.file.seek(SeekFrom::Start(start)).map_err(failed)?;
        let mut line = vec![0; len];
        self.file.read_exact(&mut line).map_err(failed)?;
        let line: Line<Key, Entry> = serde_json::from_slice(&line)
            .map_err(std::io::Error::from)
            .map_err(failed)?;
        Ok(line.entry)
    }

    /// Removes the journal of a run that is complete.
    pub(super) fn remove(self) {
        self.abandon();
    }

    /// Removes a journal that nothing was done for.
    fn abandon(&self) {
        if !self.temporary {
            // What is left behind does no harm: the next run takes it up or says so.
            let _ = std::fs::remove_file(&self.path);
        }
    }

    /// After a failed write: a journal that holds no file is of no use to anyone.
    pub(super) fn abandon_if_empty(&self) {
        if self.places.is_empty() {
            self.abandon();
        }
    }
}
