//! Finding the audio files under paths, in a stable order.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::Failure;

/// An audio file and where it lies under the folder that was walked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The path to open.
    pub path: PathBuf,
    /// The path below the folder that was given, with `/` between its parts; the name alone for a file that was given itself.
    pub relative: String,
}

/// The audio files under `paths`: files that are given are taken as they are, folders are walked for names that end like audio.
///
/// Sorted by path below each path that was given, without repeats. Links to files are followed, links to folders are not, so that no walk
/// goes in circles or leaves its folder. Hidden files and folders are left out.
///
/// A path that does not exist is found as well: whoever opens it learns the reason, in its turn. The second list holds the folders
/// that cannot be read.
pub fn walk(paths: &[PathBuf]) -> (Vec<Found>, Vec<Failure>) {
    let mut found = Vec::new();
    let mut failed = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for root in paths {
        if !root.is_dir() {
            if seen.insert(root.clone()) {
                let relative = root
                    .file_name()
                    .map_or_else(String::new, |n| n.to_string_lossy().into_owned());
                found.push(Found {
                    path: root.clone(),
                    relative,
                });
            }
            continue;
        }
        let visible =
            |e: &walkdir::DirEntry| e.depth() == 0 || !e.file_name().to_string_lossy().starts_with('.');
        for entry in WalkDir::new(root)
            .sort_by_file_name()
            .into_iter()
            .filter_entry(visible)
        {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    let path = error.path().unwrap_or(root).to_owned();
                    failed.push(Failure {
                        path,
                        fault: error.io_error().map_or_else(|| error.to_string(), describe_io),
                    });
                    continue;
                }
            };
            let path = entry.path();
            if is_audio(path) && path.is_file() && seen.insert(path.to_owned()) {
                let below = path.strip_prefix(root).unwrap_or(path);
                let parts: Vec<_> = below
                    .components()
                    .map(|c| c.as_os_str().to_string_lossy())
                    .collect();
                found.push(Found {
                    path: path.to_owned(),
                    relative: parts.join("/"),
                });
            }
        }
    }
    (found, failed)
}

fn is_audio(path: &Path) -> bool {
    path.extension()
        .and_then(|e| e.to_str())
        .is_some_and(|e| melisma_audio::is_audio_extension(&e.to_ascii_lowercase()))
}

fn describe_io(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_walked_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "b/two.WAV",
            "b/one.mp3",
            "a/three.flac",
            "a/notes.txt",
            ".hidden/four.wav",
        ] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"").unwrap();
        }
        let given = folder.path().join("b/one.mp3");
        let missing = folder.path().join("none");
        let (found, failed) = walk(&[folder.path().to_owned(), given.clone(), missing, given]);
        let relative: Vec<_> = found.iter().map(|f| f.relative.as_str()).collect();
        assert_eq!(relative, ["a/three.flac", "b/one.mp3", "b/two.WAV", "none"]);
        assert_eq!(failed, []);
    }
}
