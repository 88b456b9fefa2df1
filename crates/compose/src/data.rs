//! Scores to learn from: a folder of MIDI files, or an archive of one, split into training, validation and test.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use melisma_score::corpus::{Part, Shares, group, split};
use melisma_score::tokens::Design;
use melisma_score::{MAX_BYTES, Score, is_score, midi_files};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xz4rust::{XzDecoder, XzReader};

use crate::songs::{Moves, Song, Songs};
use crate::steps::Steps;
use crate::{About, Error, Result, songs, stream};

/// Files of an archive at most.
const MOST_FILES: usize = 1_000_000;
/// Bytes that a decompressor may look back.
const MAX_DICTIONARY: usize = 64 << 20;
/// Bytes of the longest list of names.
const MOST_LIST: u64 = 16 << 20;

/// Where scores come from, and which are held out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// A folder, or an archive (`.tar`, `.tar.xz`) of one. The folder that a file lies in is its genre.
    pub scores: PathBuf,
    /// A list of file names of the first genre that are for test.
    #[serde(default)]
    pub test: Option<PathBuf>,
    /// A list of file names of the first genre that are for validation.
    #[serde(default)]
    pub valid: Option<PathBuf>,
    /// The share of songs for validation, where there is no list.
    #[serde(default = "valid_share")]
    pub valid_share: f64,
}

fn valid_share() -> f64 {
    0.03
}

/// The parts of a corpus in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Parts {
    /// To learn from.
    pub train: Songs,
    /// To choose by.
    pub valid: Songs,
    /// To judge by.
    pub test: Songs,
    /// What tokens they are of, and how often each occurs in what is learnt from.
    pub about: About,
    /// What could not be read, or was mended: the file and the fault.
    pub faults: Vec<(String, String)>,
}

/// Scores with their names (the path in the folder or archive), and what could not be read.
type Gathered = (Vec<(PathBuf, Score)>, Vec<(String, String)>);

/// Reads all scores of a folder or an archive.
fn gather(path: &Path) -> Result<Gathered> {
    if path.is_dir() {
        let found = midi_files(&[path.to_owned()]);
        let mut faults: Vec<(String, String)> = found
            .faults
            .iter()
            .map(|(path, fault)| (path.display().to_string(), fault.to_string()))
            .collect();
        let read = |path: PathBuf| match melisma_score::read(&path) {
            Ok(read) => Ok((path, read.score)),
            Err(fault) => Err((path.display().to_string(), fault.to_string())),
        };
        let mut scores = Vec::new();
        for result in found.files.into_par_iter().map(read).collect::<Vec<_>>() {
            match result {
                Ok(score) => scores.push(score),
                Err(fault) => faults.push(fault),
            }
        }
        return Ok((scores, faults));
    }
    let file = File::open(path).map_err(Error::io(path))?;
    let name = path.to_string_lossy().to_lowercase();
    match name.ends_with(".xz") {
        true => {
            let decoder = XzDecoder::in_heap_with_alloc_dict_size(1 << 20, MAX_DICTIONARY);
            let block = NonZeroUsize::new(1 << 16).expect("not zero");
            archived(
                path,
                XzReader::new_with_buffer_size_and_decoder(file, block, decoder),
            )
        }
        false => archived(path, file),
    }
}

fn archived(path: &Path, bytes: impl Read) -> Result<Gathered> {
    let (mut scores, mut faults) = (Vec::new(), Vec::new());
    let mut archive = tar::Archive::new(bytes);
    let fault = |fault: std::io::Error| Error::file(path, format!("cannot be unpacked: {fault}"));
    for (count, entry) in archive.entries().map_err(fault)?.enumerate() {
        if count >= MOST_FILES {
            return Err(Error::file(path, "more than a million files"));
        }
        let entry = entry.map_err(fault)?;
        let name = entry.path().map_err(fault)?.into_owned();
        if !entry.header().entry_type().is_file() || !is_score(&name) {
            continue;
        }
        let mut bytes = Vec::new();
        entry.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(fault)?;
        match melisma_score::parse(&bytes) {
            Ok(read) => scores.push((name, read.score)),
            Err(fault) => faults.push((name.display().to_string(), fault.to_string())),
        }
    }
    Ok((scores, faults))
}

fn list(path: Option<&Path>) -> Result<HashSet<String>> {
    let Some(path) = path else {
        return Ok(HashSet::new());
    };
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(MOST_LIST).read_to_string(&mut text))
        .map_err(Error::io(path))?;
    let names: HashSet<String> = text
        .lines()
        .map(|line| line.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect();
    match names.is_empty() {
        true => Err(Error::file(path, "a list without names")),
        false => Ok(names),
    }
}

fn folder(path: &Path) -> String {
    path.parent()
        .and_then(Path::file_name)
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

impl Data {
    /// The genres there are: the names of the folders that scores lie in, `first` before the others, those after it by name.
    fn genres(scores: &[(PathBuf, Score)], first: Option<&str>) -> Vec<String> {
        let names: std::collections::BTreeSet<String> = scores.iter().map(|(path, _)| folder(path)).collect();
        let (mut genres, others): (Vec<String>, Vec<String>) =
            names.into_iter().partition(|name| Some(name.as_str()) == first);
        genres.extend(others);
        genres
    }

    /// Reads and splits: `genre` names the folder that the lists are of and that comes first among the genres. Songs that are one tune with
    /// one that is held out are left out of training; they are not judged by either.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::File`]; [`Error::Params`] where no score could be read.
    pub fn read(&self, design: &dyn Design, genre: Option<&str>) -> Result<Parts> {
        let (test, valid) = (list(self.test.as_deref())?, list(self.valid.as_deref())?);
        let (mut scores, faults) = gather(&self.scores)?;
        scores.retain(|(_, score)| score.notes().next().is_some());
        if scores.is_empty() {
            return Err(Error::Params(format!(
                "{}: no MIDI file that can be read, or none with notes",
                self.scores.display()
            )));
        }
        let genres = Data::genres(&scores, genre);
        let stem = |path: &Path| {
            path.file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()
        };
        let stems: Vec<String> = scores.iter().map(|(path, _)| stem(path)).collect();
        let all: Vec<&Score> = scores.iter().map(|(_, score)| score).collect();
        let groups = group(&stems, &all);
        let named: Vec<Option<Part>> = scores
            .iter()
            .map(|(path, _)| {
                let name = path.file_name()?.to_string_lossy().into_owned();
                if genre.is_some_and(|genre| folder(path) != genre) {
                    return None;
                }
                match () {
                    () if test.contains(&name) => Some(Part::Test),
                    () if valid.contains(&name) => Some(Part::Valid),
                    () => None,
                }
            })
            .collect();
        let shares = Shares {
            valid: if valid.is_empty() { self.valid_share } else { 0.0 },
            test: 0.0,
            seed: 1,
        };
        let parts = split(&groups.names, &named, &shares);
        let encoded: Vec<Vec<u16>> = scores.par_iter().map(|(_, score)| design.encode(score)).collect();
        let compound = design.name() == "compound";
        let controls = if compound {
            songs::control_sizes(genres.len())
        } else {
            Vec::new()
        };
        let empty = Songs {
            steps: Steps::of(design, &controls),
            genres: genres.clone(),
            songs: Vec::new(),
            moves: if compound {
                songs::Moves::Pitches
            } else {
                songs::Moves::None
            },
        };
        let mut all = Parts {
            train: empty.clone(),
            valid: empty.clone(),
            test: empty,
            about: About::scores(design.name(), &[], &[]),
            faults,
        };
        for (((path, _), tokens), (part, named)) in
            scores.iter().zip(encoded).zip(parts.into_iter().zip(named))
        {
            let listed = match part {
                Part::Train => true,
                Part::Valid => valid.is_empty() || named == Some(Part::Valid),
                Part::Test => named == Some(Part::Test),
            };
            if tokens.is_empty() || !listed {
                continue;
            }
            let into = match part {
                Part::Train => &mut all.train,
                Part::Valid => &mut all.valid,
                Part::Test => &mut all.test,
            };
            let song = into.song(path.display().to_string(), tokens, &folder(path));
            into.songs.push(song);
        }
        let fields: Vec<(String, Vec<String>)> = design
            .fields()
            .iter()
            .map(|field| (field.name.to_owned(), field.vocabulary.clone()))
            .collect();
        all.about = About::scores(design.name(), &fields, &all.train.pieces());
        Ok(all)
    }

    /// Reads and parts a stream of named tokens ([`stream::split`]), whose names are moved to other keys if all are notes and chords.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::File`]; [`Error::Params`] where lists are given, which no stream can be parted by.
    pub fn read_stream(&self, transpose: [i8; 2]) -> Result<Parts> {
        if self.test.is_some() || self.valid.is_some() {
            return Err(Error::Params(
                "a stream has no songs for lists to name: its last tenth is for test".into(),
            ));
        }
        let tokens = stream::read(&self.scores)?;
        let parts =
            stream::split(&tokens, self.valid_share).map_err(|fault| Error::file(&self.scores, fault))?;
        let steps = Steps::Plain {
            size: parts.vocabulary.size(),
            controls: Vec::new(),
        };
        let moves: Option<Vec<_>> = (transpose[0]..=transpose[1])
            .filter(|by| *by != 0)
            .map(|by| Some((by, parts.vocabulary.moved(by)?)))
            .collect();
        let songs = |name: &str, tokens: Vec<u16>| Songs {
            songs: match tokens.is_empty() {
                true => Vec::new(),
                false => vec![Song {
                    name: name.to_owned(),
                    times: steps.times(&tokens),
                    tokens,
                    controls: Vec::new(),
                }],
            },
            steps: steps.clone(),
            genres: Vec::new(),
            moves: moves.clone().map_or(Moves::None, Moves::Table),
        };
        let train = songs("the stream", parts.train);
        Ok(Parts {
            valid: songs("its end, for validation", parts.valid),
            test: songs("the last tenth", parts.test),
            about: About::stream(&parts.vocabulary, &train.pieces()),
            train,
            faults: Vec::new(),
        })
    }
}
