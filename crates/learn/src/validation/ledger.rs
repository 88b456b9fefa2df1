//! What a search has found so far, kept so that it can go on after an interruption.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::{Error, Result};

/// A line is a key, a space, a score: no more than this.
const LONGEST_LINE: u64 = 256;

/// Scores by the hash of what they are scores of: data, rows, steps, parameters.
///
/// In a file each score is one line, written as soon as it is known; what a kill leaves of a last line is ignored. Scores are
/// kept bit by bit, so that a search that went on decides as one that never stopped.
#[derive(Debug, Default)]
pub struct Ledger {
    known: Mutex<HashMap<String, f64>>,
    file: Option<(PathBuf, Mutex<File>)>,
    before: usize,
}

impl Ledger {
    /// A ledger that is forgotten with the process.
    pub fn in_memory() -> Ledger {
        Ledger::default()
    }

    /// Opens a ledger's file, or begins one.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read or written.
    pub fn open(path: &Path) -> Result<Ledger> {
        let mut known = HashMap::new();
        let mut whole = 0u64;
        match File::open(path) {
            Ok(file) => {
                let mut reader = BufReader::new(file);
                loop {
                    let mut line = String::new();
                    let count = (&mut reader)
                        .take(LONGEST_LINE)
                        .read_line(&mut line)
                        .map_err(Error::io(path))?;
                    if count == 0 || !line.ends_with('\n') {
                        break;
                    }
                    let entry = line.trim_end().split_once(' ').and_then(|(key, bits)| {
                        let bits = u64::from_str_radix(bits, 16).ok()?;
                        Some((key.to_owned(), f64::from_bits(bits)))
                    });
                    // A line that is none ends what can be trusted.
                    let Some((key, score)) = entry else { break };
                    whole += count as u64;
                    known.insert(key, score);
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io(path)(error)),
        }
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .map_err(Error::io(path))?;
        file.set_len(whole).map_err(Error::io(path))?;
        let mut file = file;
        std::io::Seek::seek(&mut file, std::io::SeekFrom::End(0)).map_err(Error::io(path))?;
        Ok(Ledger {
            before: known.len(),
            known: Mutex::new(known),
            file: Some((path.to_owned(), Mutex::new(file))),
        })
    }

    /// How many scores were known when the file was opened.
    pub fn before(&self) -> usize {
        self.before
    }

    /// A score, if it is known.
    pub fn get(&self, key: &str) -> Option<f64> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(key).copied()
    }

    /// Keeps a score.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be written.
    pub fn put(&self, key: &str, score: f64) -> Result<()> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.insert(key.to_owned(), score).is_none()
            && let Some((path, file)) = &self.file
        {
            let line = format!("{key} {:016x}\n", score.to_bits());
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            file.write_all(line.as_bytes()).map_err(Error::io(path))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_kill_leaves_is_mended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        let ledger = Ledger::open(&path).unwrap();
        ledger.put("a", 0.1 + 0.2).unwrap();
        ledger.put("b", -1.0).unwrap();
        drop(ledger);
        let mut bytes = std::fs::read(&path).unwrap();
        let whole = bytes.clone();
        bytes.extend_from_slice(b"c 3ff0");
        std::fs::write(&path, &bytes).unwrap();
        let ledger = Ledger::open(&path).unwrap();
        assert_eq!(
            (ledger.before(), ledger.get("a"), ledger.get("c")),
            (2, Some(0.1 + 0.2), None)
        );
        ledger.put("a", 0.1 + 0.2).unwrap();
        assert_eq!(
            std::fs::read(&path).unwrap(),
            whole,
            "the torn line is gone, nothing is written twice"
        );
        ledger.put("d", 2.0).unwrap();
        assert_eq!(Ledger::open(&path).unwrap().get("d"), Some(2.0));
    }

    #[test]
    fn foreign_bytes_are_no_scores() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        for bytes in [&b"\xff\xfe\n"[..], b"no score\n", &[b'x'; 5000]] {
            std::fs::write(&path, bytes).unwrap();
            let opened = Ledger::open(&path);
            assert!(opened.is_err() || opened.unwrap().before() == 0);
        }
        assert!(Ledger::open(folder.path()).is_err(), "a folder");
    }
}
