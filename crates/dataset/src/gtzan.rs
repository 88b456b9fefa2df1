//! The GTZAN collection: tables, artists, duplicates, faults and published splits.
//!
//! GTZAN (Tzanetakis and Cook 2002) holds 100 clips in each of ten genres. Its faults were catalogued
//! by Sturm ("The GTZAN dataset: its contents, its faults, their effects on evaluation, and its future
//! use", arXiv:1306.1461); the split that filters artists and faults is that of Kereliuk, Sturm and
//! Larsen ("Deep learning and music adversaries", 2015). No audio is needed here.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use melisma_features::Schema;

use crate::artists::{artist_groups, plain};
use crate::collection::Part;
use crate::{Error, Result, Table, TrackId};

/// Clips that cannot be decoded whole or are damaged beyond use.
pub(crate) const CORRUPT: [&str; 1] = ["jazz.00054"];

/// One of the two feature tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GtzanTable {
    /// One row per 30-second clip.
    Seconds30,
    /// Three rows per clip, one for each 10-second window.
    Seconds10,
}

impl GtzanTable {
    /// Both tables.
    pub const ALL: [GtzanTable; 2] = [GtzanTable::Seconds30, GtzanTable::Seconds10];

    /// The short name: `30s` or `10s`.
    pub fn name(self) -> &'static str {
        match self {
            GtzanTable::Seconds30 => "30s",
            GtzanTable::Seconds10 => "10s",
        }
    }

    /// How many seconds a row summarises.
    pub fn seconds(self) -> f64 {
        match self {
            GtzanTable::Seconds30 => 30.0,
            GtzanTable::Seconds10 => 10.0,
        }
    }

    /// The name of the table's file without extension.
    fn stem(self) -> &'static str {
        match self {
            GtzanTable::Seconds30 => "features_30_sec",
            GtzanTable::Seconds10 => "features_10_sec",
        }
    }
}

/// The lists that accompany GTZAN, and the way to its tables.
#[derive(Debug, Clone)]
pub struct Gtzan {
    folder: PathBuf,
    recordings: BTreeMap<TrackId, Recording>,
    duplicates: Vec<(TrackId, TrackId)>,
    groups: BTreeMap<TrackId, usize>,
}

/// What the index says about a track.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Recording {
    artist: Option<String>,
    title: Option<String>,
}

impl Gtzan {
    /// Reads the artist index and the list of duplicates in the folder `gtzan` of `data_dir`.
    ///
    /// # Errors
    /// [`Error::Io`] for a missing file, [`Error::List`] for a line that cannot be understood.
    pub fn open(data_dir: &Path) -> Result<Gtzan> {
        Gtzan::open_folder(&data_dir.join("gtzan"))
    }

    /// As [`Gtzan::open`], with the folder that holds the lists themselves.
    ///
    /// # Errors
    /// As [`Gtzan::open`].
    pub fn open_folder(folder: &Path) -> Result<Gtzan> {
        let folder = folder.to_owned();
        let recordings = parse_artists(&folder.join("artists.txt"))?;
        let duplicates = parse_duplicates(&folder.join("duplicates.txt"))?;
        let groups = group(&recordings, &duplicates);
        Ok(Gtzan {
            folder,
            recordings,
            duplicates,
            groups,
        })
    }

    /// The feature table with the columns of the `gtzan` schema, in its order.
    ///
    /// # Errors
    /// As [`Table::read_csv`], and for a missing column or a missing label.
    pub fn table(&self, which: GtzanTable) -> Result<Table> {
        let path = self.table_path(which);
        let table = Table::read_csv(&path)?;
        if table.labels.is_none() {
            return Err(Error::table(&path.display().to_string(), "no column `label`"));
        }
        table.select_schema(Schema::Gtzan)
    }

    /// The file of a feature table.
    pub fn table_path(&self, which: GtzanTable) -> PathBuf {
        self.folder.join(which.stem()).with_extension("csv")
    }

    /// The tracks of a part of the filtered split.
    ///
    /// # Errors
    /// [`Error::Io`] when the list cannot be read.
    pub fn filtered(&self, part: Part) -> Result<BTreeSet<TrackId>> {
        Ok(lines(&self.split_path(part))?
            .iter()
            .map(|line| TrackId::of_row(line))
            .collect())
    }

    /// The list file of a part of the filtered split.
    pub fn split_path(&self, part: Part) -> PathBuf {
        self.folder
            .join("splits")
            .join(format!("{}_filtered.txt", part.name()))
    }

    /// The published test rows of the protocol that splits rows at random (80/20, stratified, seed 42).
    ///
    /// # Errors
    /// [`Error::Io`] when the list cannot be read.
    pub fn random_test_rows(&self, which: GtzanTable) -> Result<BTreeSet<String>> {
        self.test_rows(which, "random")
    }

    /// The published test rows of the protocol that keeps the windows of a track together.
    ///
    /// # Errors
    /// [`Error::Io`] when the list cannot be read.
    pub fn grouped_test_rows(&self, which: GtzanTable) -> Result<BTreeSet<String>> {
        self.test_rows(which, "grouped")
    }

    fn test_rows(&self, which: GtzanTable, protocol: &str) -> Result<BTreeSet<String>> {
        let path = self
            .folder
            .join("splits")
            .join(format!("{}_{protocol}_test.txt", which.stem()));
        Ok(lines(&path)?.into_iter().collect())
    }

    /// The group of a track: tracks of one artist, and duplicates, share it.
    ///
    /// An artist credited alone joins the groups of collaborations that name them. A track whose artist
    /// is unknown forms its own group, unless a track of the same title exists, which it then joins.
    /// `None` for a track that is not in the index.
    pub fn group(&self, track: &TrackId) -> Option<usize> {
        self.groups.get(track).copied()
    }

    /// The artist of a track as the index spells it.
    pub fn artist(&self, track: &TrackId) -> Option<&str> {
        self.recordings.get(track)?.artist.as_deref()
    }

    /// The title of a track as the index spells it.
    pub fn title(&self, track: &TrackId) -> Option<&str> {
        self.recordings.get(track)?.title.as_deref()
    }

    /// The pairs of bit-identical tracks, in the order of the list.
    pub fn duplicates(&self) -> &[(TrackId, TrackId)] {
        &self.duplicates
    }

    /// All tracks of the index in order.
    pub fn tracks(&self) -> impl Iterator<Item = &TrackId> {
        self.recordings.keys()
    }

    /// All tracks but the corrupt ones and the first of each duplicate pair.
    ///
    /// The filtered split drops the same member of each pair, but its training part keeps `jazz.00054`.
    pub fn clean_tracks(&self) -> BTreeSet<TrackId> {
        let repeated: BTreeSet<_> = self.duplicates.iter().map(|(first, _)| first).collect();
        self.tracks()
            .filter(|track| !repeated.contains(track) && !CORRUPT.contains(&track.as_str()))
            .cloned()
            .collect()
    }

    /// `tracks` and every bit-identical copy of them.
    pub fn with_duplicates(&self, tracks: &BTreeSet<TrackId>) -> BTreeSet<TrackId> {
        let mut all = tracks.clone();
        for (a, b) in &self.duplicates {
            if tracks.contains(a) || tracks.contains(b) {
                all.extend([a.clone(), b.clone()]);
            }
        }
        all
    }

    /// `tracks` and every track of their groups (same artist or duplicate).
    pub fn with_groups(&self, tracks: &BTreeSet<TrackId>) -> BTreeSet<TrackId> {
        let wanted: BTreeSet<usize> = tracks.iter().filter_map(|track| self.group(track)).collect();
        let mut all = tracks.clone();
        all.extend(
            self.groups
                .iter()
                .filter(|(_, group)| wanted.contains(group))
                .map(|(id, _)| id.clone()),
        );
        all
    }
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(Error::io(path))
}

/// The lines of a list that hold something.
fn lines(path: &Path) -> Result<Vec<String>> {
    Ok(read(path)?
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect())
}

/// Reads Sturm's index: `file ::: artist ::: title`, comments after `#`, unknown fields empty.
fn parse_artists(path: &Path) -> Result<BTreeMap<TrackId, Recording>> {
    let mut recordings = BTreeMap::new();
    for (index, line) in read(path)?.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let fault = |message: &str| Error::List {
            path: path.to_owned(),
            line: index + 1,
            message: message.to_owned(),
        };
        let fields: Vec<&str> = line.splitn(3, ":::").map(str::trim).collect();
        let [file, artist, title] = fields[..] else {
            return Err(fault("expected `file ::: artist ::: title`"));
        };
        let known = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let recording = Recording {
            artist: known(artist),
            title: known(title),
        };
        if recordings.insert(TrackId::of_row(file), recording).is_some() {
            return Err(fault("the track occurs twice"));
        }
    }
    Ok(recordings)
}

/// The artist of each track that Sturm's index names one for.
pub(crate) fn read_artists(path: &Path) -> Result<BTreeMap<String, String>> {
    let known =
        |(track, recording): (TrackId, Recording)| Some((track.as_str().to_owned(), recording.artist?));
    Ok(parse_artists(path)?.into_iter().filter_map(known).collect())
}

/// The pairs of tracks that a list of duplicates names.
pub(crate) fn read_pairs(path: &Path) -> Result<Vec<(String, String)>> {
    let text = |(a, b): (TrackId, TrackId)| (a.as_str().to_owned(), b.as_str().to_owned());
    Ok(parse_duplicates(path)?.into_iter().map(text).collect())
}

/// Reads pairs of file names, one pair a line.
fn parse_duplicates(path: &Path) -> Result<Vec<(TrackId, TrackId)>> {
    let mut pairs = Vec::new();
    for (index, line) in read(path)?.lines().enumerate() {
        let names: Vec<&str> = line.split_whitespace().collect();
        match names[..] {
            [] => {}
            [first, second] => pairs.push((TrackId::of_row(first), TrackId::of_row(second))),
            _ => {
                return Err(Error::List {
                    path: path.to_owned(),
                    line: index + 1,
                    message: format!("expected two file names, found {}", names.len()),
                });
            }
        }
    }
    Ok(pairs)
}

/// Artists and copies, and tracks of unknown artists with the tracks of the same title.
fn group(
    recordings: &BTreeMap<TrackId, Recording>,
    duplicates: &[(TrackId, TrackId)],
) -> BTreeMap<TrackId, usize> {
    let position: HashMap<&TrackId, usize> = recordings
        .keys()
        .enumerate()
        .map(|(index, track)| (track, index))
        .collect();
    let artists: Vec<Option<&str>> = recordings.values().map(|r| r.artist.as_deref()).collect();
    let titled = || {
        recordings
            .values()
            .enumerate()
            .filter_map(|(index, r)| Some((index, r.artist.is_some(), plain(r.title.as_deref()?))))
    };
    let mut joined = Vec::new();
    let mut first_unknown: HashMap<String, usize> = HashMap::new();
    for (index, _, title) in titled().filter(|(_, known, _)| !known) {
        joined.push((index, *first_unknown.entry(title).or_insert(index)));
    }
    for (index, _, title) in titled().filter(|(_, known, _)| *known) {
        joined.extend(first_unknown.get(&title).map(|&other| (index, other)));
    }
    joined.extend(
        duplicates
            .iter()
            .filter_map(|(a, b)| Some((*position.get(a)?, *position.get(b)?))),
    );
    recordings
        .keys()
        .cloned()
        .zip(artist_groups(&artists, &joined))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collection(artists: &str, duplicates: &str) -> Result<Gtzan> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("gtzan")).unwrap();
        fs::write(folder.path().join("gtzan/artists.txt"), artists).unwrap();
        fs::write(folder.path().join("gtzan/duplicates.txt"), duplicates).unwrap();
        Gtzan::open(folder.path())
    }

    const ARTISTS: &str = "## a comment\n\
        pop.00000.wav ::: Earth, Wind & Fire ::: September\n\
        pop.00001.wav ::: Earth Wind and Fire ::: Fantasy\n\
        pop.00002.wav ::: ::: \n\
        pop.00003.wav ::: ::: \n\
        pop.00004.wav ::: Peter Tosh ::: A\n\
        pop.00005.wav ::: Peter Tosh and Mick Jagger ::: B\n\
        pop.00006.wav ::: ::: a\n\
        pop.00007.wav ::: Someone ::: C\n";

    #[test]
    fn artists_collaborations_titles_and_duplicates_join() {
        let gtzan = collection(ARTISTS, " pop.00003.wav pop.00007.wav\n").unwrap();
        let group = |number: u32| {
            gtzan
                .group(&TrackId::from(format!("pop.0000{number}").as_str()))
                .unwrap()
        };
        assert_eq!(group(0), group(1));
        assert_eq!(group(4), group(5));
        assert_eq!(group(4), group(6), "a known title of an unknown artist");
        assert_eq!(group(3), group(7), "duplicates");
        for (a, b) in [(0, 2), (2, 3), (0, 4), (4, 7), (2, 7)] {
            assert_ne!(group(a), group(b), "{a} {b}");
        }
        let clean = gtzan.clean_tracks();
        assert!(!clean.contains(&"pop.00003".into()) && clean.contains(&"pop.00007".into()));
        let one = BTreeSet::from([TrackId::from("pop.00007")]);
        assert_eq!(gtzan.with_duplicates(&one).len(), 2);
        assert_eq!(gtzan.with_groups(&BTreeSet::from(["pop.00006".into()])).len(), 3);
    }

    #[test]
    fn odd_lines_are_named() {
        let error = collection("pop.00000.wav ::: x\n", "").unwrap_err().to_string();
        assert!(error.contains("line 1") && error.contains("artist"), "{error}");
        let error = collection(&format!("{ARTISTS}pop.00007.wav ::: y ::: z\n"), "")
            .unwrap_err()
            .to_string();
        assert!(error.contains("line 10") && error.contains("twice"), "{error}");
        let error = collection(ARTISTS, "pop.00000.wav\n").unwrap_err().to_string();
        assert!(error.contains("duplicates.txt, line 1"), "{error}");
    }
}
