//! Scores as data: a folder, or an archive, of MIDI files in folders by genre.
//!
//! A track is a file. Under the protocol grouped, files of one normalised title ([`normal_title`]) are kept together; under filtered,
//! whatever [`melisma_score::corpus::group`] joins: files whose titles agree to a dash, which joins the songs of one artist where names begin with
//! the artist's, and files that play the same. A file's collection is the prefix of its name, of two letters and an underscore; it is no
//! input of anything, but figures are told collection by collection, since a collection's files share more than their genre.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use melisma_dataset::{Table, TrackId, sha256_file, sha256_hex};
use melisma_learn::rng::Rng;
use melisma_score::corpus::{group, normal_title};
use melisma_score::features::Features;
use melisma_score::{MAX_BYTES, Score, Span};
use rayon::prelude::*;

use crate::data::{Builder, Data};
use crate::recipe::DataSpec;
use crate::{Error, Result};

/// The sources of scores: a row a piece, and a row a passage of so many bars.
const PIECES: &str = "pieces";
const PASSAGES: &str = "passages";
/// Bars of a passage, and the fewest that the last one of a piece may have.
const PASSAGE: usize = 32;
const SHORTEST: usize = 16;

/// A score of the collection.
struct Piece {
    genre: String,
    /// The file's name.
    name: String,
    score: Score,
}

impl Piece {
    fn stem(&self) -> &str {
        self.name.rsplit_once('.').map_or(&self.name, |(stem, _)| stem)
    }

    /// The collection that it came in.
    fn collection(&self) -> &str {
        match self.name.split_once('_') {
            Some((prefix, _))
                if prefix.len() == 2 && prefix.bytes().all(|byte| byte.is_ascii_lowercase()) =>
            {
                prefix
            }
            _ => "none",
        }
    }
}

impl Data {
    /// Scores of some genres from a folder or a `.tar.xz` archive, at most so many of each, drawn by the seed; files on the lists to be
    /// left out and other arrangements of their tunes are never among them.
    ///
    /// # Errors
    /// [`Error::Io`] when archive, folder or lists cannot be read, [`Error::Table`] when a genre has no scores or a source is unknown.
    pub(crate) fn scores(
        path: &Path,
        data_dir: &Path,
        spec: &DataSpec,
        seed: u64,
        stop: &AtomicBool,
    ) -> Result<Data> {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let fault = |message: String| Error::Table {
            table: name.clone(),
            message,
        };
        let read = match path.is_dir() {
            true => read_folder(path, &spec.genres, stop)?,
            false => read_archive(path, &spec.genres, stop)?,
        };
        let mut files = BTreeMap::from([(name.clone(), read.sha256)]);
        let mut left_out = BTreeSet::new();
        for list in &spec.leave_out {
            let list = data_dir.join(list);
            let text = std::fs::read_to_string(&list).map_err(Error::io(&list))?;
            left_out.extend(text.lines().map(|line| line.trim().to_owned()));
            let list_name = list
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            files.insert(list_name, sha256_file(&list)?);
        }
        let pieces = read.pieces;
        if let Some(genre) = spec
            .genres
            .iter()
            .find(|genre| !pieces.iter().any(|piece| piece.genre == **genre))
        {
            return Err(fault(format!("no scores of genre `{genre}`")));
        }
        let stems: Vec<String> = pieces.iter().map(|piece| piece.stem().to_owned()).collect();
        let scores: Vec<&Score> = pieces.iter().map(|piece| &piece.score).collect();
        let groups = group(&stems, &scores).names;
        let closed: BTreeSet<&String> = pieces
            .iter()
            .zip(&groups)
            .filter(|(piece, _)| left_out.contains(&piece.name))
            .map(|(_, group)| group)
            .collect();
        let open: Vec<usize> = (0..pieces.len())
            .filter(|at| !closed.contains(&groups[*at]))
            .collect();
        let chosen = choose(&pieces, &open, &spec.genres, spec.per_genre, seed);
        let mut builder = Builder::default();
        for source in &spec.sources {
            let table = match source.as_str() {
                PIECES => table(&pieces, &chosen, false, stop)?,
                PASSAGES => table(&pieces, &chosen, true, stop)?,
                other => {
                    return Err(fault(format!(
                        "there is no source `{other}`; {PIECES}, {PASSAGES} are known"
                    )));
                }
            };
            let (table, tracks) = table;
            builder.add(source, table, tracks, None, BTreeMap::new())?;
        }
        let mut data = builder.finish(&name, spec.clean, seed)?;
        let of: BTreeMap<String, usize> = chosen.iter().map(|at| (track_of(&pieces[*at]), *at)).collect();
        let mut numbers: BTreeMap<&String, usize> = BTreeMap::new();
        let mut titles: BTreeMap<String, usize> = BTreeMap::new();
        let collections: BTreeSet<&str> = chosen.iter().map(|at| pieces[*at].collection()).collect();
        data.collections = collections.iter().map(|name| (*name).to_owned()).collect();
        for track in &mut data.tracks {
            let at = of[track.id.as_str()];
            let next = titles.len();
            track.title = Some(*titles.entry(normal_title(pieces[at].stem())).or_insert(next));
            let next = numbers.len();
            track.artist = Some(*numbers.entry(&groups[at]).or_insert(next));
            track.collection = data
                .collections
                .iter()
                .position(|name| name == pieces[at].collection());
        }
        data.files = files;
        data.notes.push(format!(
            "{} of {} scores: {} of tunes on the lists of those left out are not among them; {} files are no MIDI files.",
            chosen.len(),
            pieces.len(),
            pieces.len() - open.len(),
            read.refused,
        ));
        Ok(data)
    }
}

/// At most so many of these pieces of each genre, in order.
fn choose(pieces: &[Piece], open: &[usize], genres: &[String], most: Option<usize>, seed: u64) -> Vec<usize> {
    let mut rng = Rng::new(seed);
    let mut chosen = Vec::new();
    for genre in genres {
        let of: Vec<usize> = open
            .iter()
            .copied()
            .filter(|at| pieces[*at].genre == *genre)
            .collect();
        let count = most.unwrap_or(of.len()).min(of.len());
        chosen.extend(rng.sample(of.len(), count).into_iter().map(|place| of[place]));
    }
    chosen.sort_unstable();
    chosen
}

fn track_of(piece: &Piece) -> String {
    format!("{}/{}", piece.genre, piece.name)
}

/// The features of pieces, or of their passages, and the track of each row.
fn table(
    pieces: &[Piece],
    chosen: &[usize],
    passages: bool,
    stop: &AtomicBool,
) -> Result<(Table, Vec<TrackId>)> {
    let rows: Vec<Vec<(String, Features)>> = chosen
        .par_iter()
        .map(|at| {
            let piece = &pieces[*at];
            if stop.load(Ordering::Relaxed) {
                return Vec::new();
            }
            match passages {
                false => vec![(track_of(piece), Features::of(&piece.score))],
                true => excerpts(&piece.score)
                    .into_iter()
                    .enumerate()
                    .map(|(number, score)| (format!("{}#{number}", track_of(piece)), Features::of(&score)))
                    .collect(),
            }
        })
        .collect();
    if stop.load(Ordering::Relaxed) {
        return Err(Error::Interrupted);
    }
    let mut table = Table {
        columns: Features::columns().into_iter().map(str::to_owned).collect(),
        values: Vec::new(),
        filenames: Vec::new(),
        lengths: None,
        labels: Some(Vec::new()),
    };
    let mut tracks = Vec::new();
    for (rows, at) in rows.into_iter().zip(chosen) {
        for (id, features) in rows {
            table.values.extend(features.values());
            table.filenames.push(id);
            table
                .labels
                .get_or_insert_default()
                .push(pieces[*at].genre.clone());
            tracks.push(TrackId::from(track_of(&pieces[*at]).as_str()));
        }
    }
    Ok((table, tracks))
}

/// A piece's passages one after another; a short piece is one.
fn excerpts(score: &Score) -> Vec<Score> {
    let bars = score.bars();
    let starts = (0..bars.len()).step_by(PASSAGE);
    let spans = starts
        .filter(|start| *start == 0 || bars.len() - start >= SHORTEST)
        .map(|start| {
            let last = (start + PASSAGE).min(bars.len());
            Span {
                start: bars[start].start,
                end: bars[last - 1].end,
            }
        });
    spans
        .map(|span| score.excerpt(span))
        .filter(|score| score.notes().next().is_some())
        .collect()
}

/// What was read.
struct ReadScores {
    pieces: Vec<Piece>,
    /// Files that hold no score.
    refused: usize,
    sha256: String,
}

impl ReadScores {
    /// Reads scores from files' bytes; pieces without notes are no pieces.
    fn of(mut files: Vec<(String, String, Vec<u8>)>, sha256: String) -> ReadScores {
        files.sort();
        let all = files.len();
        let pieces: Vec<Piece> = files
            .into_par_iter()
            .filter_map(|(genre, name, bytes)| {
                let score = melisma_score::parse(&bytes).ok()?.score;
                score.notes().next()?;
                Some(Piece { genre, name, score })
            })
            .collect();
        ReadScores {
            refused: all - pieces.len(),
            pieces,
            sha256,
        }
    }
}

fn read_archive(path: &Path, genres: &[String], stop: &AtomicBool) -> Result<ReadScores> {
    let io = |source| Error::Io {
        path: path.to_owned(),
        source,
    };
    let mut archive = tar::Archive::new(xz4rust::XzReader::new(File::open(path).map_err(io)?));
    let mut files = Vec::new();
    for entry in archive.entries().map_err(io)? {
        if stop.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        let mut entry = entry.map_err(io)?;
        let Some((genre, name)) = place(&entry.path().map_err(io)?, genres) else {
            continue;
        };
        if entry.header().entry_type().is_file() {
            let mut bytes = Vec::new();
            (&mut entry).take(MAX_BYTES).read_to_end(&mut bytes).map_err(io)?;
            files.push((genre, name, bytes));
        }
    }
    Ok(ReadScores::of(files, sha256_file(path)?))
}

fn read_folder(path: &Path, genres: &[String], stop: &AtomicBool) -> Result<ReadScores> {
    let mut files = Vec::new();
    for genre in genres {
        let folder = path.join(genre);
        if !folder.is_dir() {
            continue;
        }
        for file in melisma_score::midi_files(&[folder]).files {
            if stop.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            let name = file
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let mut bytes = Vec::new();
            let opened = File::open(&file).map_err(Error::io(&file))?;
            opened
                .take(MAX_BYTES)
                .read_to_end(&mut bytes)
                .map_err(Error::io(&file))?;
            files.push((genre.clone(), name, bytes));
        }
    }
    files.sort();
    let lines = files
        .iter()
        .map(|(genre, name, bytes)| format!("{} {genre}/{name}\n", sha256_hex(bytes)));
    let sha256 = sha256_hex(lines.collect::<String>().as_bytes());
    Ok(ReadScores::of(files, sha256))
}

/// The genre and the name of a file of an archive, `GENRE/NAME` at its end; `None` for others.
fn place(path: &Path, genres: &[String]) -> Option<(String, String)> {
    let genre = path.parent()?.file_name()?.to_string_lossy().into_owned();
    let name = path.file_name()?.to_string_lossy().into_owned();
    (genres.contains(&genre) && !name.starts_with('.')).then_some((genre, name))
}
