//! Which files a person means by a list of files and folders.

use std::collections::HashSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

/// What was found: the MIDI files, and what could not be looked into.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// The files, folder by folder in the order of their names; a file that was named itself counts whatever its extension.
    pub files: Vec<PathBuf>,
    /// What could not be looked into, and why.
    pub faults: Vec<(PathBuf, String)>,
}

/// The MIDI files among paths: files as named, folders walked for `.mid`, `.midi`, `.kar` and `.rmi`, hidden ones left out; each
/// once.
pub fn midi_files(paths: &[PathBuf]) -> Found {
    let mut found = Found::default();
    let mut seen = HashSet::new();
    for path in paths {
        // A path that is not there is a file as well: whoever opens it learns the reason.
        if !path.is_dir() {
            found.files.push(path.clone());
            continue;
        }
        let shown = |entry: &walkdir::DirEntry| {
            entry.depth() == 0 || !entry.file_name().to_string_lossy().starts_with('.')
        };
        for entry in WalkDir::new(path)
            .sort_by_file_name()
            .into_iter()
            .filter_entry(shown)
        {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => {}
                Ok(entry) if is_midi(entry.path()) => found.files.push(entry.into_path()),
                Ok(_) => {}
                Err(error) => {
                    let at = error.path().unwrap_or(path).to_owned();
                    let fault = error
                        .io_error()
                        .map_or_else(|| error.to_string(), ToString::to_string);
                    found.faults.push((at, fault));
                }
            }
        }
    }
    found.files.retain(|file| seen.insert(file.clone()));
    found
}

/// Whether a file is a score by its content, or by its name where it cannot be looked into.
pub fn is_score(path: &Path) -> bool {
    let mut start = [0; 4];
    // A pipe can be read once only, by whoever reads all of it.
    if !path.is_file() {
        return is_midi(path);
    }
    match std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut start)) {
        Ok(()) if &start == b"MThd" => true,
        _ => is_midi(path),
    }
}

fn is_midi(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| {
        ["mid", "midi", "kar", "rmi"].contains(&extension.to_ascii_lowercase().as_str())
    })
}
