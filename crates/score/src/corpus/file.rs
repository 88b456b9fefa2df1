//! The corpus file.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use super::split::Part;
use crate::error::{Error, Result};
use crate::tokens::Design;

/// What a corpus file begins with.
const MAGIC: [u8; 8] = *b"MELTOKS1";

/// Bytes of the longest header: a million songs.
const MAX_HEADER: u64 = 512 << 20;

/// What a corpus is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The name of the design.
    pub design: String,
    /// The fields of a step: name and vocabulary.
    pub fields: Vec<(String, Vec<String>)>,
    /// The songs, in the order of their tokens.
    pub songs: Vec<Song>,
}

/// A song of a corpus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Song {
    /// The file it was made of, as its path in the folder.
    pub name: String,
    /// The songs it must not be parted from.
    pub group: String,
    /// The part of the corpus that it is in.
    pub part: Part,
    /// Its first step.
    pub start: u64,
    /// How many steps it has.
    pub steps: u64,
    /// How many notes its score has.
    pub notes: u64,
}

/// Writes a corpus, beside its place first and then renamed: `songs` with the tokens of each; their `start` and `steps` are set here.
///
/// # Errors
/// The file cannot be written.
///
/// # Panics
/// If a song has no whole number of steps.
pub fn write(path: &Path, design: &dyn Design, songs: Vec<(Song, Vec<u16>)>) -> Result<Header> {
    let width = design.fields().len();
    let mut start = 0;
    let (mut list, mut tokens) = (Vec::new(), Vec::new());
    for (mut song, ids) in songs {
        assert!(
            ids.len().is_multiple_of(width),
            "a song of {} has whole steps",
            design.name()
        );
        song.start = start;
        song.steps = (ids.len() / width) as u64;
        start += song.steps;
        list.push(song);
        tokens.push(ids);
    }
    let fields = design
        .fields()
        .iter()
        .map(|field| (field.name.to_owned(), field.vocabulary.clone()));
    let header = Header {
        design: design.name().to_owned(),
        fields: fields.collect(),
        songs: list,
    };
    let io = |source| Error::Io {
        path: path.to_owned(),
        source,
    };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let beside = path.with_file_name(name);
    let written = write_all(&beside, &header, &tokens).and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        // What is half-written helps nobody; the first error is the one that counts.
        let _ = std::fs::remove_file(&beside);
    }
    written.map_err(io)?;
    Ok(header)
}

fn write_all(path: &Path, header: &Header, tokens: &[Vec<u16>]) -> std::io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    let json = serde_json::to_vec(header).map_err(std::io::Error::other)?;
    out.write_all(&MAGIC)?;
    out.write_all(&(json.len() as u64).to_le_bytes())?;
    out.write_all(&json)?;
    for id in tokens.iter().flatten() {
        out.write_all(&id.to_le_bytes())?;
    }
    out.into_inner()
        .map_err(std::io::IntoInnerError::into_error)?
        .sync_all()
}

/// A corpus in its file.
#[derive(Debug)]
pub struct Corpus {
    path: PathBuf,
    header: Header,
    file: Mutex<File>,
    /// Where the tokens begin.
    tokens: u64,
}

impl Corpus {
    /// Opens a corpus; of the tokens none is read.
    ///
    /// # Errors
    /// The file cannot be opened, is no corpus, or its songs are not what it holds.
    pub fn open(path: &Path) -> Result<Corpus> {
        let io = |source| Error::Io {
            path: path.to_owned(),
            source,
        };
        let fault = |fault: &str| Error::malformed(fault).in_file(path);
        let mut file = File::open(path).map_err(io)?;
        let bytes = file.metadata().map_err(io)?.len();
        let mut start = [0; 16];
        file.read_exact(&mut start)
            .map_err(|_| fault("no corpus of tokens"))?;
        if start[..8] != MAGIC {
            return Err(fault("no corpus of tokens"));
        }
        let length = u64::from_le_bytes(start[8..].try_into().expect("eight bytes"));
        if length > MAX_HEADER.min(bytes - 16) {
            return Err(fault("a header longer than the file"));
        }
        let mut json = Vec::new();
        (&mut file).take(length).read_to_end(&mut json).map_err(io)?;
        let header: Header =
            serde_json::from_slice(&json).map_err(|error| fault(&format!("its header: {error}")))?;
        let tokens = 16 + length;
        let mut step = 0_u64;
        for song in &header.songs {
            if song.start != step {
                return Err(fault("songs that do not follow one another"));
            }
            step = step
                .checked_add(song.steps)
                .ok_or_else(|| fault("more steps than a file can hold"))?;
        }
        let width = header.fields.len() as u64;
        if width == 0 || step.checked_mul(width * 2) != Some(bytes - tokens) {
            return Err(fault("other tokens than its songs have"));
        }
        Ok(Corpus {
            path: path.to_owned(),
            header,
            file: Mutex::new(file),
            tokens,
        })
    }

    /// What it is of.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The songs of a part, as indices into the header's.
    pub fn part(&self, part: Part) -> Vec<usize> {
        let songs = self.header.songs.iter().enumerate();
        songs
            .filter(|(_, song)| song.part == part)
            .map(|(at, _)| at)
            .collect()
    }

    /// The tokens of the steps `from..from + count` of a song, fewer where it ends; all fields of a step side by side.
    ///
    /// # Errors
    /// The file cannot be read.
    ///
    /// # Panics
    /// If there is no such song.
    pub fn read(&self, song: usize, from: u64, count: u64) -> Result<Vec<u16>> {
        let song = &self.header.songs[song];
        let from = from.min(song.steps);
        let count = count.min(song.steps - from);
        let step = self.header.fields.len() as u64 * 2;
        let io = |source| Error::Io {
            path: self.path.clone(),
            source,
        };
        let mut bytes = vec![0; (count * step) as usize];
        let mut file = self
            .file
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        file.seek(SeekFrom::Start(self.tokens + (song.start + from) * step))
            .map_err(io)?;
        file.read_exact(&mut bytes).map_err(io)?;
        let (pairs, _) = bytes.as_chunks::<2>();
        Ok(pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect())
    }
}
