//! What was measured, kept from one check to the next: a line of JSON for each file, known by path, size and time of change.
//!
//! A line that was cut off or cannot be understood is passed over, so that an interrupted check loses nothing but its last file. Files that
//! could not be read are not kept.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Measured;
use crate::extract::Key;
use crate::{Error, Result};

/// The first line; a file that begins otherwise is no cache, and is not overwritten.
const HEADER: &[u8] = b"{\"melisma\":\"check\",\"version\":1}\n";
/// The longest line that is read: far beyond any fingerprint of two minutes.
const MAX_LINE: u64 = 1 << 20;

#[derive(Serialize, Deserialize)]
struct Line<M> {
    file: Key,
    measured: M,
}

/// A cache that is being used and added to.
pub(super) struct Cache {
    path: PathBuf,
    file: File,
    known: HashMap<Key, Measured>,
}

impl Cache {
    /// Opens the cache at `path`, which is made where there is none.
    pub(super) fn open(path: &Path) -> Result<Cache> {
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(Error::io(path))?;
        let (known, end) = read(&file, path)?;
        file.set_len(end).map_err(Error::io(path))?;
        file.seek(SeekFrom::Start(end)).map_err(Error::io(path))?;
        if end == 0 {
            file.write_all(HEADER).map_err(Error::io(path))?;
        }
        Ok(Cache {
            path: path.to_owned(),
            file,
            known,
        })
    }

    /// What is known of a file as it is now.
    pub(super) fn take(&mut self, file: &Path) -> Option<Measured> {
        self.known.remove(&Key::of(file))
    }

    /// Adds a file.
    pub(super) fn append(&mut self, file: &Path, measured: &Measured) -> Result<()> {
        let line = Line {
            file: Key::of(file),
            measured,
        };
        let mut line = serde_json::to_vec(&line)
            .map_err(std::io::Error::from)
            .map_err(Error::io(&self.path))?;
        line.push(b'\n');
        self.file.write_all(&line).map_err(Error::io(&self.path))
    }
}

/// The entries of a cache, and where the last whole line ends.
fn read(file: &File, path: &Path) -> Result<(HashMap<Key, Measured>, u64)> {
    let mut reader = BufReader::new(file);
    let mut known = HashMap::new();
    let (mut line, mut end) = (Vec::new(), 0);
    loop {
        line.clear();
        let read = std::io::Read::take(&mut reader, MAX_LINE).read_until(b'\n', &mut line);
        let read = read.map_err(Error::io(path))? as u64;
        if end == 0 && line != HEADER {
            if HEADER.starts_with(&line) {
                return Ok((known, 0));
            }
            return Err(Error::Collection {
                path: path.to_owned(),
                message: "this is no cache of a check; give another name".into(),
            });
        }
        if line.last() != Some(&b'\n') {
            return Ok((known, end));
        }
        if let Ok(Line { file, measured }) = serde_json::from_slice::<Line<Measured>>(&line) {
            known.insert(file, measured);
        }
        end += read;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(hash: &str) -> Measured {
        Measured {
            duration_s: 1.5,
            sample_rate: 8000,
            bytes: 3,
            file_hash: hash.into(),
            sound_hash: String::new(),
            peak: 0.25,
            dc_offset: 0.0,
            silent_share: 0.0,
            clipped_share: 0.0,
            warnings: vec!["cut".into()],
            fingerprint: vec![1, u32::MAX],
        }
    }

    #[test]
    fn what_is_kept_is_found_until_the_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        let [path, a, b] = ["cache", "a.wav", "b.wav"].map(|n| folder.path().join(n));
        std::fs::write(&a, b"abc").unwrap();
        std::fs::write(&b, b"abc").unwrap();
        let mut cache = Cache::open(&path).unwrap();
        cache.append(&a, &sample("a")).unwrap();
        cache.append(&b, &sample("b")).unwrap();
        drop(cache);
        // The last line is cut off.
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 5]).unwrap();
        let mut cache = Cache::open(&path).unwrap();
        assert_eq!(cache.take(&a), Some(sample("a")));
        assert_eq!(cache.take(&b), None);
        cache.append(&b, &sample("b")).unwrap();
        let mut cache = Cache::open(&path).unwrap();
        assert_eq!(cache.take(&b), Some(sample("b")));
        std::fs::write(&a, b"abcd").unwrap();
        assert_eq!(cache.take(&a), None);
    }

    #[test]
    fn another_file_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        std::fs::write(&path, "my notes\n").unwrap();
        assert!(
            Cache::open(&path)
                .err()
                .unwrap()
                .to_string()
                .contains("notes.txt")
        );
        assert_eq!(std::fs::read(&path).unwrap(), b"my notes\n");
    }
}
