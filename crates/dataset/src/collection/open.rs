//! Which reader a path needs, told from what lies there.
//!
//! Not for reading: each layout has its own file.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use walkdir::WalkDir;

use super::{Collection, Fma, Folder, GtzanAudio, Msd, TableRows};
use crate::{Error, Genre, Result};

/// Entries that are looked at before a folder's layout is decided.
const LOOKED_AT: usize = 2000;

/// A layout that a collection can come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `GENRE/GENRE.NNNNN.wav`, ten genres.
    Gtzan,
    /// The Free Music Archive: `fma_metadata/tracks.csv` and folders of numbered mp3 files.
    Fma,
    /// The Million Song Dataset: HDF5 files in folders, or one summary file.
    Msd,
    /// Audio files in any tree of folders.
    Folder,
    /// A CSV or Parquet file with one row per recording.
    Table,
}

impl Kind {
    /// All layouts.
    pub const ALL: [Kind; 5] = [Kind::Gtzan, Kind::Fma, Kind::Msd, Kind::Folder, Kind::Table];

    /// The name used on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Gtzan => "gtzan",
            Kind::Fma => "fma",
            Kind::Msd => "msd",
            Kind::Folder => "folder",
            Kind::Table => "table",
        }
    }

    /// The layout of what lies at `path`.
    ///
    /// A file is a table, or an HDF5 file of the Million Song Dataset. A folder with `tracks.csv` in it, in its `fma_metadata` or in
    /// an `fma_metadata` beside it is FMA; one with files named like GTZAN's is GTZAN; one with `.h5` files is the Million Song Dataset;
    /// any other is a plain folder.
    ///
    /// # Errors
    /// [`Error::Io`] when there is nothing at `path`, [`Error::Collection`] for a file that is neither table nor HDF5.
    pub fn detect(path: &Path) -> Result<Kind> {
        let metadata = std::fs::metadata(path).map_err(Error::io(path))?;
        if !metadata.is_dir() {
            return match extension(path).as_str() {
                "csv" | "tsv" | "parquet" => Ok(Kind::Table),
                "h5" | "hdf5" => Ok(Kind::Msd),
                _ => Err(Error::Collection {
                    path: path.to_owned(),
                    message: "neither a folder nor a .csv, .parquet or .h5 file".into(),
                }),
            };
        }
        if fma_metadata(path).is_some() {
            return Ok(Kind::Fma);
        }
        let entries = WalkDir::new(path).sort_by_file_name().into_iter();
        for entry in entries.flatten().take(LOOKED_AT) {
            if extension(entry.path()) == "h5" {
                return Ok(Kind::Msd);
            }
            if is_gtzan_clip(entry.path()) {
                return Ok(Kind::Gtzan);
            }
        }
        Ok(Kind::Folder)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Kind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Kind::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| unknown("kind of collection", text, &Kind::ALL.map(Kind::name)))
    }
}

/// Where a plain folder's genres are taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum GenreSource {
    /// The file's tag where it has one, else the folder it lies in.
    #[default]
    TagOrFolder,
    /// The file's tag alone.
    Tag,
    /// The name of the folder that the file lies in; none for a file at the top.
    Folder,
}

impl GenreSource {
    /// All sources.
    pub const ALL: [GenreSource; 3] = [GenreSource::TagOrFolder, GenreSource::Tag, GenreSource::Folder];

    /// The name used on the command line.
    pub fn name(self) -> &'static str {
        match self {
            GenreSource::TagOrFolder => "tag-or-folder",
            GenreSource::Tag => "tag",
            GenreSource::Folder => "folder",
        }
    }
}

impl fmt::Display for GenreSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for GenreSource {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        GenreSource::ALL
            .into_iter()
            .find(|source| source.name() == text)
            .ok_or_else(|| unknown("source of genres", text, &GenreSource::ALL.map(GenreSource::name)))
    }
}

fn unknown(what: &'static str, name: &str, known: &[&str]) -> Error {
    Error::UnknownName {
        what,
        name: name.to_owned(),
        known: known.join(", "),
    }
}

/// How to open a collection.
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    /// The layout; `None` finds out.
    pub kind: Option<Kind>,
    /// Where a plain folder's genres come from.
    pub genre: GenreSource,
    /// A folder of lists that accompany the collection (artists, duplicates, splits, genres).
    pub lists: Option<PathBuf>,
}

/// Opens the collection at `path`, whose layout is found out where `kind` is `None`.
///
/// # Errors
/// As [`open_with`].
///
/// # Examples
/// ```no_run
/// use std::path::Path;
/// use melisma_dataset::collection;
///
/// let collection = collection::open(Path::new("music"), None)?;
/// for recording in collection.recordings()? {
///     match recording {
///         Ok(recording) => println!("{} {:?}", recording.id, recording.genre),
///         Err(fault) => eprintln!("{fault}"),
///     }
/// }
/// # Ok::<(), melisma_dataset::Error>(())
/// ```
pub fn open(path: &Path, kind: Option<Kind>) -> Result<Box<dyn Collection>> {
    open_with(
        path,
        &OpenOptions {
            kind,
            ..OpenOptions::default()
        },
    )
}

/// As [`open`], with lists and the source of genres chosen.
///
/// # Errors
/// [`Error::Io`] when there is nothing at `path`, [`Error::Collection`] when it is not laid out as its kind says.
pub fn open_with(path: &Path, options: &OpenOptions) -> Result<Box<dyn Collection>> {
    let kind = match options.kind {
        Some(kind) => kind,
        None => Kind::detect(path)?,
    };
    let lists = options.lists.as_deref();
    Ok(match kind {
        Kind::Gtzan => Box::new(GtzanAudio::open(path, lists)?),
        Kind::Fma => Box::new(Fma::open(path)?),
        Kind::Msd => Box::new(Msd::open(path, lists)?),
        Kind::Table => Box::new(TableRows::open(path)?),
        Kind::Folder => Box::new(Folder::open(path, options.genre)?),
    })
}

/// The extension in lower case; empty where there is none.
pub(super) fn extension(path: &Path) -> String {
    path.extension()
        .and_then(|e| e.to_str())
        .unwrap_or_default()
        .to_ascii_lowercase()
}

/// The folder that holds `tracks.csv` of the FMA collection at `path`.
pub(crate) fn fma_metadata(path: &Path) -> Option<PathBuf> {
    let beside = path
        .canonicalize()
        .ok()
        .filter(|p| {
            p.file_name()
                .is_some_and(|n| n.to_string_lossy().starts_with("fma_"))
        })
        .and_then(|p| Some(p.parent()?.join("fma_metadata")));
    [Some(path.join("fma_metadata")), Some(path.to_owned()), beside]
        .into_iter()
        .flatten()
        .find(|folder| folder.join("tracks.csv").is_file())
}

/// Whether a path ends like `blues/blues.00000.wav`.
pub(super) fn is_gtzan_clip(path: &Path) -> bool {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    let mut parts = name.split('.');
    let (Some(genre), Some(number), Some(extension), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let folder = path.parent().and_then(|p| p.file_name()).and_then(|n| n.to_str());
    folder == Some(genre)
        && genre.parse::<Genre>().is_ok()
        && number.len() == 5
        && number.bytes().all(|b| b.is_ascii_digit())
        && melisma_audio::is_audio_extension(extension)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, b"").unwrap();
        path
    }

    #[test]
    fn layouts_are_told_apart() {
        for (file, kind) in [
            ("blues/blues.00007.au", Kind::Gtzan),
            ("fma_metadata/tracks.csv", Kind::Fma),
            ("tracks.csv", Kind::Fma),
            ("A/B/C/TRABC.h5", Kind::Msd),
            ("blues/one.mp3", Kind::Folder),
            ("blues/rock.00001.wav", Kind::Folder),
        ] {
            let folder = tempfile::tempdir().unwrap();
            put(folder.path(), file);
            assert_eq!(Kind::detect(folder.path()).unwrap(), kind, "{file}");
        }
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "fma_metadata/tracks.csv");
        put(folder.path(), "fma_small/000/000002.mp3");
        assert_eq!(Kind::detect(&folder.path().join("fma_small")).unwrap(), Kind::Fma);
        for (file, kind) in [
            ("a.csv", Kind::Table),
            ("a.Parquet", Kind::Table),
            ("a.h5", Kind::Msd),
        ] {
            assert_eq!(Kind::detect(&put(folder.path(), file)).unwrap(), kind);
        }
        let error = Kind::detect(&put(folder.path(), "a.doc"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("a.doc") && error.contains("neither"), "{error}");
        assert!(Kind::detect(&folder.path().join("none")).is_err());
    }

    #[test]
    fn names_parse_back() {
        for kind in Kind::ALL {
            assert_eq!(kind.name().parse::<Kind>().unwrap(), kind);
        }
        for source in GenreSource::ALL {
            assert_eq!(source.name().parse::<GenreSource>().unwrap(), source);
        }
        let error = "tape".parse::<Kind>().unwrap_err().to_string();
        assert!(
            error.contains("`tape`") && error.contains("gtzan, fma"),
            "{error}"
        );
    }
}
