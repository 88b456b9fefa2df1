//! Lists of names, one a line: those of a file, and the published filtered split of GTZAN. Not for tables.

use std::collections::BTreeSet;
use std::path::Path;

use crate::collection::Part;
use crate::split::fault;
use crate::{Error, Result};

/// Names a part and a genre on each line, then numbers and ranges of numbers.
const FILTERED: &str = include_str!("gtzan_filtered.txt");

/// The most bytes a list may have.
const LARGEST: u64 = 256 << 20;

/// The track ids of the artist- and fault-filtered split of GTZAN by Kereliuk, Sturm and Larsen ("Deep learning and
/// music adversaries", 2015): 443 to train on, 197 to validate on, 290 to test on.
pub fn gtzan_filtered(part: Part) -> BTreeSet<String> {
    let of_line = |line: &'static str| {
        let mut words = line.split(' ');
        let (of, genre) = (words.next()?, words.next()?);
        (of == part.name()).then_some((genre, words))
    };
    let mut tracks = BTreeSet::new();
    for (genre, ranges) in FILTERED.lines().filter_map(of_line) {
        for range in ranges {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            if let (Ok(first), Ok(last)) = (first.parse::<u32>(), last.parse::<u32>()) {
                tracks.extend((first..=last).map(|number| format!("{genre}.{number:05}")));
            }
        }
    }
    tracks
}

/// The names in a list file: one a line, blank lines and what follows a `#` at a line's start left out.
///
/// # Errors
/// [`Error::Io`] when the file cannot be read, [`Error::List`] for a name that comes twice, [`Error::Split`] for a file
/// without names or larger than 256 MiB.
pub fn read_list(path: &Path) -> Result<BTreeSet<String>> {
    let size = std::fs::metadata(path).map_err(Error::io(path))?.len();
    if size > LARGEST {
        return Err(fault(format!("{}: larger than 256 MiB", path.display())));
    }
    let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
    let mut names = BTreeSet::new();
    for (index, line) in text.lines().enumerate() {
        let name = line.trim();
        if name.is_empty() || name.starts_with('#') {
            continue;
        }
        if !names.insert(name.to_owned()) {
            return Err(Error::List {
                path: path.to_owned(),
                line: index + 1,
                message: format!("`{name}` comes twice"),
            });
        }
    }
    match names.is_empty() {
        true => Err(fault(format!("{}: no names", path.display()))),
        false => Ok(names),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filtered_split_has_its_published_sizes_and_no_track_twice() {
        let parts = Part::ALL.map(gtzan_filtered);
        assert_eq!(parts.each_ref().map(BTreeSet::len), [443, 197, 290]);
        let all: BTreeSet<&String> = parts.iter().flatten().collect();
        assert_eq!(all.len(), 930);
        assert!(parts[0].contains("jazz.00054") && parts[2].contains("blues.00012"));
    }

    #[test]
    fn lists_are_read_and_their_faults_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        std::fs::write(&path, "# mine\n b\n\na\n").unwrap();
        assert_eq!(
            read_list(&path).unwrap().into_iter().collect::<Vec<_>>(),
            ["a", "b"]
        );
        std::fs::write(&path, "a\nb\na\n").unwrap();
        let error = read_list(&path).unwrap_err().to_string();
        assert!(error.contains("line 3") && error.contains("`a`"), "{error}");
        std::fs::write(&path, "\n").unwrap();
        assert!(read_list(&path).unwrap_err().to_string().contains("no names"));
    }
}
