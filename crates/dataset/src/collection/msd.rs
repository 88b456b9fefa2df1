//! The Million Song Dataset (Bertin-Mahieux, Ellis, Whitman and Lamere, ISMIR 2011): HDF5 files in folders, or its summary file, and
//! lists of genres.
//!
//! There is no audio, only metadata and features. Tables may be deflated and shuffled, as the published files are; Blosc, LZF and bzip2
//! are not read. Genre lists are lines `TRACKID<tab>GENRE[<tab>GENRE]`, comments after `#`, as those of tagtraum.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use hdf5_reader::error::Error as Hdf5Error;
use hdf5_reader::{
    CompoundField, Dataset, Datatype, H5Type, Hdf5File, OpenOptions, SliceInfo, SliceInfoElem,
};
use walkdir::WalkDir;

use super::folder::{folder_name, slashed};
use super::{Collection, Recording, Recordings, Root};
use crate::{Error, Result};

/// The most bytes that one chunk, or one reading of rows, may take.
const MAX_BYTES: usize = 64 << 20;
/// The most bytes of a row; the published ones have 5,320.
const MAX_RECORD: u32 = 1 << 16;
/// Rows read at a time.
const ROWS: u64 = 1024;
/// The most rows of a file: a hundred times the published ones.
const MAX_ROWS: u64 = 100_000_000;
/// The most segments of a song.
const MAX_SEGMENTS: u64 = 100_000;
/// The longest line of a genre list.
const MAX_LINE: usize = 10_000;

/// The Million Song Dataset, or a part of it.
///
/// The id of a recording is its track id; its path is its own file's, and none in a summary file. Its genre is that of the genre list, the
/// majority's; `genres` adds the minority's.
#[derive(Debug)]
pub struct Msd {
    name: String,
    root: Root,
    /// The file with all songs, where there is one.
    summary: Option<PathBuf>,
    genres: HashMap<String, Vec<String>>,
    /// Lines of the genre list that cannot be understood.
    faults: Vec<(PathBuf, usize, String)>,
}

impl Msd {
    /// The songs in the file or below the folder at `path`, with the genre list `lists`: a file, or a folder whose `.cls` files are read.
    ///
    /// # Errors
    /// [`Error::Io`] when path or list cannot be read.
    pub fn open(path: &Path, lists: Option<&Path>) -> Result<Msd> {
        let is_file = path.is_file();
        let folder = match path.parent() {
            Some(parent) if is_file && parent.as_os_str().is_empty() => Path::new("."),
            Some(parent) if is_file => parent,
            _ => path,
        };
        let mut msd = Msd {
            name: folder_name(path),
            root: Root::open(folder)?,
            summary: is_file.then(|| path.to_owned()),
            genres: HashMap::new(),
            faults: Vec::new(),
        };
        if let Some(lists) = lists {
            for list in list_files(lists)? {
                msd.read_genres(&list)?;
            }
        }
        Ok(msd)
    }

    fn read_genres(&mut self, path: &Path) -> Result<()> {
        let file = std::fs::File::open(path).map_err(Error::io(path))?;
        for (index, line) in BufReader::new(file).split(b'\n').enumerate() {
            let line = line.map_err(Error::io(path))?;
            let text = String::from_utf8_lossy(&line[..line.len().min(MAX_LINE)]);
            let text = text.trim();
            if text.is_empty() || text.starts_with(['#', '%']) {
                continue;
            }
            let mut fields = text.split('\t').map(str::trim).filter(|field| !field.is_empty());
            let track = fields.next().filter(|track| is_track_id(track));
            let genres: Vec<String> = fields.map(str::to_owned).collect();
            match track {
                Some(track) if !genres.is_empty() => {
                    self.genres.insert(track.to_owned(), genres);
                }
                _ => {
                    let message = "expected `TRACKID<tab>GENRE`".to_owned();
                    self.faults.push((path.to_owned(), index + 1, message));
                }
            }
        }
        Ok(())
    }

    fn recording(&self, row: SongRow, path: Option<PathBuf>) -> Recording {
        let known = |text: String| Some(text).filter(|text| !text.is_empty());
        let genres = match self.genres.get(&row.track_id) {
            Some(genres) => genres.clone(),
            None => known(row.genre).into_iter().collect(),
        };
        Recording {
            path,
            genre: genres.first().cloned(),
            genres,
            artist: known(row.artist),
            title: known(row.title),
            album: known(row.release),
            part: None,
            id: row.track_id,
        }
    }

    /// The recordings of one file; a file that cannot be read is one fault.
    fn of_file(
        &self,
        file: PathBuf,
        relative: Option<PathBuf>,
    ) -> impl Iterator<Item = Result<Recording>> + '_ {
        let (songs, fault) = match Songs::open(&file) {
            Ok(songs) => (Some(songs), None),
            Err(fault) => (None, Some(Err(fault))),
        };
        let songs = songs.into_iter().flatten();
        fault
            .into_iter()
            .chain(songs.map(move |row| Ok(self.recording(row?, relative.clone()))))
    }
}

/// Whether a text looks like `TRAXLZU12903D05F94`.
fn is_track_id(text: &str) -> bool {
    text.len() == 18 && text.starts_with("TR") && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// The list itself, or the `.cls` files of a folder in order.
fn list_files(lists: &Path) -> Result<Vec<PathBuf>> {
    if !lists.is_dir() {
        return Ok(vec![lists.to_owned()]);
    }
    let entries = std::fs::read_dir(lists).map_err(Error::io(lists))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| super::open::extension(path) == "cls");
    files.sort();
    Ok(files)
}

impl Collection for Msd {
    fn name(&self) -> &str {
        &self.name
    }

    fn root(&self) -> &Root {
        &self.root
    }

    fn recordings(&self) -> Result<Recordings<'_>> {
        let faults = self.faults.iter().map(|(path, line, message)| {
            Err(Error::List {
                path: path.clone(),
                line: *line,
                message: message.clone(),
            })
        });
        if let Some(summary) = &self.summary {
            return Ok(Box::new(faults.chain(self.of_file(summary.clone(), None))));
        }
        let entries = WalkDir::new(self.root.path())
            .sort_by_file_name()
            .into_iter()
            .flatten();
        let files = entries
            .map(|entry| entry.into_path())
            .filter(|path| super::open::extension(path) == "h5" && path.is_file());
        let recordings = files.flat_map(move |path| {
            let below = path.strip_prefix(self.root.path()).unwrap_or(&path).to_owned();
            let (file, fault) = match self.root.file(&below) {
                Ok(file) => (Some(file), None),
                Err(fault) => (None, Some(Err(fault))),
            };
            let songs = file.map(|file| self.of_file(file, Some(PathBuf::from(slashed(&below)))));
            fault.into_iter().chain(songs.into_iter().flatten())
        });
        Ok(Box::new(faults.chain(recordings)))
    }

    fn has_audio(&self) -> bool {
        false
    }
}

/// What the tables of a file say of a song.
#[derive(Debug, Clone, PartialEq)]
struct SongRow {
    track_id: String,
    artist: String,
    title: String,
    release: String,
    genre: String,
}

/// The features of a song, as its file holds them.
#[derive(Debug, Clone, PartialEq)]
pub struct Song {
    /// The track id.
    pub track_id: String,
    /// Length in seconds.
    pub duration_s: f64,
    /// Tempo in beats a minute.
    pub tempo: f64,
    /// Overall loudness in dB.
    pub loudness: f64,
    /// The timbre of each segment: twelve coefficients.
    pub timbre: Vec<[f64; 12]>,
    /// The chroma of each segment: twelve pitch classes from C, 0 to 1.
    pub pitches: Vec<[f64; 12]>,
}

impl Song {
    /// The first song of an HDF5 file.
    ///
    /// # Errors
    /// [`Error::Collection`] when the file is not HDF5, lacks a table, is compressed in a way that is not read, or is damaged.
    pub fn read(path: &Path) -> Result<Song> {
        guarded(path, || {
            let file = open_file(path)?;
            let table = file.dataset("/analysis/songs")?;
            let rows = read_rows(&table, 0, 1)?;
            let row = rows.first().ok_or_else(|| invalid("no song"))?;
            let field = |name| field_of(&table, name);
            Ok(Song {
                track_id: text(row, &field("track_id")?),
                duration_s: number(row, &field("duration")?)?,
                tempo: number(row, &field("tempo")?)?,
                loudness: number(row, &field("loudness")?)?,
                timbre: twelves(&file.dataset("/analysis/segments_timbre")?)?,
                pitches: twelves(&file.dataset("/analysis/segments_pitches")?)?,
            })
        })
    }
}

/// The songs of a file, read some rows at a time.
struct Songs {
    path: PathBuf,
    tables: Tables,
    at: u64,
    count: u64,
    ready: std::vec::IntoIter<SongRow>,
}

/// The two tables that are read together, and where their fields stand.
struct Tables {
    metadata: Dataset,
    analysis: Dataset,
    track_id: CompoundField,
    artist: CompoundField,
    title: CompoundField,
    release: CompoundField,
    genre: Option<CompoundField>,
}

impl Songs {
    fn open(path: &Path) -> Result<Songs> {
        guarded(path, || {
            let file = open_file(path)?;
            let metadata = file.dataset("/metadata/songs")?;
            let analysis = file.dataset("/analysis/songs")?;
            let count = rows_in(&metadata)?.min(rows_in(&analysis)?);
            if count > MAX_ROWS {
                return Err(invalid(&format!("{count} songs are more than there can be")));
            }
            let tables = Tables {
                track_id: field_of(&analysis, "track_id")?,
                artist: field_of(&metadata, "artist_name")?,
                title: field_of(&metadata, "title")?,
                release: field_of(&metadata, "release")?,
                genre: field_of(&metadata, "genre").ok(),
                metadata,
                analysis,
            };
            Ok(Songs {
                path: path.to_owned(),
                tables,
                at: 0,
                count,
                ready: Vec::new().into_iter(),
            })
        })
    }
}

impl Tables {
    fn read(&self, from: u64, to: u64) -> std::result::Result<Vec<SongRow>, Hdf5Error> {
        let metadata = read_rows(&self.metadata, from, to)?;
        let analysis = read_rows(&self.analysis, from, to)?;
        let songs = metadata.iter().zip(&analysis).map(|(song, sound)| SongRow {
            track_id: text(sound, &self.track_id),
            artist: text(song, &self.artist),
            title: text(song, &self.title),
            release: text(song, &self.release),
            genre: self
                .genre
                .as_ref()
                .map_or_else(String::new, |field| text(song, field)),
        });
        Ok(songs.collect())
    }
}

impl Iterator for Songs {
    type Item = Result<SongRow>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(song) = self.ready.next() {
                if is_track_id(&song.track_id) {
                    return Some(Ok(song));
                }
                // What follows a row that cannot be one is not to be trusted either.
                self.at = self.count;
                self.ready = Vec::new().into_iter();
                return Some(Err(fault(
                    &self.path,
                    &format!("`{}` is no track id", song.track_id),
                )));
            }
            if self.at >= self.count {
                return None;
            }
            let to = self.count.min(self.at + ROWS);
            match guarded(&self.path, || self.tables.read(self.at, to)) {
                Ok(rows) if rows.is_empty() => return None,
                Ok(rows) => self.ready = rows.into_iter(),
                Err(error) => {
                    self.at = self.count;
                    return Some(Err(error));
                }
            }
            self.at = to;
        }
    }
}

/// A row of a table of records, as bytes.
#[derive(Clone)]
struct Record(Vec<u8>);

impl H5Type for Record {
    fn hdf5_type() -> Datatype {
        Datatype::Compound {
            size: 0,
            fields: Vec::new(),
        }
    }

    fn from_bytes(bytes: &[u8], _: &Datatype) -> std::result::Result<Self, Hdf5Error> {
        Ok(Record(bytes.to_vec()))
    }

    fn element_size(datatype: &Datatype) -> usize {
        match datatype {
            Datatype::Compound { size, .. } => *size as usize,
            _ => 1,
        }
    }
}

fn open_file(path: &Path) -> std::result::Result<Hdf5File, Hdf5Error> {
    let options = OpenOptions::default()
        .with_max_chunk_bytes(MAX_BYTES)
        .with_max_read_bytes(MAX_BYTES)
        .with_max_object_header_bytes(1 << 20)
        .with_chunk_cache_bytes(1 << 20);
    Hdf5File::open_with_options(path, options)
}

/// The rows of a table of records.
fn rows_in(table: &Dataset) -> std::result::Result<u64, Hdf5Error> {
    match (table.dtype(), table.shape()) {
        (
            Datatype::Compound {
                size: 1..=MAX_RECORD, ..
            },
            &[rows],
        ) => Ok(rows),
        _ => Err(invalid("not a table of records")),
    }
}

fn read_rows(table: &Dataset, from: u64, to: u64) -> std::result::Result<Vec<Record>, Hdf5Error> {
    let end = to.min(rows_in(table)?);
    let rows = SliceInfoElem::Slice {
        start: from,
        end,
        step: 1,
    };
    let selection = SliceInfo {
        selections: vec![rows],
    };
    Ok(table.read_slice::<Record>(&selection)?.into_iter().collect())
}

fn field_of(table: &Dataset, name: &str) -> std::result::Result<CompoundField, Hdf5Error> {
    let field = match table.dtype() {
        Datatype::Compound { fields, .. } => fields.iter().find(|field| field.name == name),
        _ => None,
    };
    field
        .cloned()
        .ok_or_else(|| invalid(&format!("no field `{name}`")))
}

/// A field of text, up to its first zero byte; empty where it is no text.
fn text(record: &Record, field: &CompoundField) -> String {
    let Ok(size) = hdf5_reader::dtype_element_size(&field.datatype) else {
        return String::new();
    };
    let start = field.byte_offset as usize;
    let bytes = record
        .0
        .get(start..start.saturating_add(size))
        .unwrap_or_default();
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).trim().to_owned()
}

fn number(record: &Record, field: &CompoundField) -> std::result::Result<f64, Hdf5Error> {
    let start = field.byte_offset as usize;
    let bytes = record.0.get(start..start.saturating_add(8));
    f64::from_bytes(
        bytes.ok_or_else(|| invalid("a row is too short"))?,
        &field.datatype,
    )
}

/// An array of twelve columns.
fn twelves(data: &Dataset) -> std::result::Result<Vec<[f64; 12]>, Hdf5Error> {
    match data.shape() {
        &[rows, 12] if rows <= MAX_SEGMENTS => {}
        shape => return Err(invalid(&format!("segments of shape {shape:?}"))),
    }
    let values: Vec<f64> = data.read_array::<f64>()?.into_iter().collect();
    Ok(values
        .chunks_exact(12)
        .filter_map(|row| row.try_into().ok())
        .collect())
}

fn invalid(message: &str) -> Hdf5Error {
    Hdf5Error::InvalidData(message.to_owned())
}

fn fault(path: &Path, message: &str) -> Error {
    Error::Collection {
        path: path.to_owned(),
        message: message.to_owned(),
    }
}

/// Runs a call into the HDF5 library; its errors and its panics become faults of the file.
fn guarded<T>(path: &Path, call: impl FnOnce() -> std::result::Result<T, Hdf5Error>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(|error| fault(path, &error.to_string())),
        Err(_) => Err(fault(path, "the HDF5 reader gave up")),
    }
}
