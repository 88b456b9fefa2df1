//! What an experiment learns from: tables over common tracks, and which rows each protocol parts.
//!
//! A [`Data`] has tracks (class, artist, part of an official split) and sources: tables whose rows belong to those tracks.
//! [`Data::parts`] answers the only question an experiment asks: under this protocol, which rows are fitted on, which judged.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use melisma_dataset::collection::Fma;
use melisma_dataset::spectrograms::{SpectrogramOptions, read_pictures, read_spectrograms};
use melisma_dataset::split::{About, Item, Items, Place, Split, Stamp};
use melisma_dataset::{Gtzan, GtzanTable, Part, ReadOptions, Table, TrackId, sha256_file};
use melisma_learn::rng::Rng;
use melisma_learn::validation::{FoldsBy, FoldsParams};
use melisma_learn::{Examples, validation};
use ndarray::{Array2, Axis};

use crate::embedding::{BACKBONES, embeddings};
use crate::protocol::Protocol;
use crate::{Error, Result};

/// One test row in so many, where nothing else says which rows are tested.
const TEST_SHARE: usize = 5;
/// The source of GTZAN's spectrogram images.
const SPECTROGRAMS: &str = "spectrograms";
/// The sources of those images themselves, and how many pixels across and down are averaged to one.
const PICTURES: [(&str, usize); 2] = [("images", 1), ("images-64x128", 2)];
/// The seed with which GTZAN's published test rows were drawn.
const PUBLISHED_SEED: u64 = 42;

/// A track and what is known of it.
#[derive(Debug, Clone)]
pub struct Track {
    /// Its name.
    pub id: TrackId,
    /// Its class.
    pub class: usize,
    /// The number of its artist, where one is known.
    pub artist: Option<usize>,
    /// The number of its title, where files of one title are kept together like windows of a recording.
    pub title: Option<usize>,
    /// The number of the collection it came in, among [`Data::collections`], where that is known.
    pub collection: Option<usize>,
    /// Its part of the official split, where there is one and it has a part in it.
    pub part: Option<Part>,
    /// Whether it is damaged or a copy of another: not to be fitted on where a recipe wants clean data.
    pub faulty: bool,
}

/// A table whose rows belong to tracks.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its name in recipes and results.
    pub name: String,
    /// The names of its columns.
    pub columns: Arc<[String]>,
    /// Its rows, shape (rows, columns).
    pub x: Array2<f64>,
    /// The number of each row's track.
    pub track_of: Vec<usize>,
    /// The name of each row.
    pub ids: Vec<String>,
    /// Whether some track has several rows.
    pub windows: bool,
    /// Bands and columns of the image that each row is, if rows are images.
    pub image: Option<(usize, usize)>,
    /// Test rows that were published for a protocol.
    published: BTreeMap<Protocol, BTreeSet<String>>,
}

/// All that an experiment learns from.
#[derive(Debug, Clone)]
pub struct Data {
    /// What it is called.
    pub name: String,
    /// The names of the classes.
    pub labels: Vec<String>,
    /// The tracks.
    pub tracks: Vec<Track>,
    /// The tables.
    pub sources: Vec<Source>,
    /// SHA-256 of every file that was read.
    pub files: BTreeMap<String, String>,
    /// The collections that tracks came in, where that is known.
    pub collections: Vec<String>,
    /// What whoever reads figures of these data should know.
    pub notes: Vec<String>,
    /// Pairs of tracks that are copies of each other.
    copies: Vec<(TrackId, TrackId)>,
    /// Whether tracks have parts of an official split.
    official: bool,
    /// Whether faulty tracks are kept from being fitted on under the filtered protocol.
    clean: bool,
    seed: u64,
}

/// Rows to fit on, as (source, row), and rows of one source to judge on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    /// To fit on.
    pub train: Vec<(usize, usize)>,
    /// To judge on.
    pub test: Vec<usize>,
}

/// How rows are parted.
#[derive(Debug, Clone)]
pub struct Parts {
    /// One part, or one for each fold.
    pub parts: Vec<Rows>,
    /// The hash of the split, its name and seed.
    pub stamp: Stamp,
}

/// Tracks to fit on and tracks to judge on.
pub type TrackSides = (Vec<usize>, Vec<usize>);

/// How tracks are parted.
#[derive(Debug, Clone)]
pub struct TrackParts {
    /// One part, or one for each fold.
    pub parts: Vec<TrackSides>,
    /// The hash of the split, its name and seed.
    pub stamp: Stamp,
}

/// How performance is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Estimate {
    /// On test rows held out once.
    Holdout,
    /// By cross-validation, all rows being tested once a repetition.
    Cross {
        /// Folds.
        folds: usize,
        /// Repetitions.
        repeats: usize,
    },
}

impl Data {
    /// GTZAN's tables (`30s`, `10s`) and descriptors of its spectrogram images (`spectrograms`), from the folder `gtzan` of
    /// `data_dir`.
    ///
    /// # Errors
    /// [`Error::Data`] when a list or table cannot be read, [`Error::Table`] for an unknown source or a track without an artist.
    pub fn gtzan(
        data_dir: &Path,
        sources: &[String],
        clean: bool,
        seed: u64,
        stop: &AtomicBool,
    ) -> Result<Data> {
        let gtzan = Gtzan::open(data_dir)?;
        let mut builder = Builder::default();
        let mut files = vec![
            data_dir.join("gtzan/artists.txt"),
            data_dir.join("gtzan/duplicates.txt"),
        ];
        files.extend(Part::ALL.map(|part| gtzan.split_path(part)));
        for name in sources {
            if name == SPECTROGRAMS {
                let path = data_dir.join("gtzan/spectrograms.tar");
                let table = spectrograms(&path, stop)?;
                let tracks = table.filenames.iter().map(|name| TrackId::of_row(name)).collect();
                builder.add(name, table, tracks, None, BTreeMap::new())?;
                files.push(path);
                continue;
            }
            if let Some((_, by)) = PICTURES.into_iter().find(|(images, _)| images == name) {
                let path = data_dir.join("gtzan/spectrograms.tar");
                let (table, image) = pictures(&path, by, stop)?;
                let tracks = table.filenames.iter().map(|name| TrackId::of_row(name)).collect();
                builder.add(name, table, tracks, Some(image), BTreeMap::new())?;
                files.push(path);
                continue;
            }
            if BACKBONES.contains(&name.as_str()) {
                let path = data_dir.join("gtzan/spectrograms.tar");
                let table = embeddings(&path, name, stop)?;
                let tracks = table.filenames.iter().map(|name| TrackId::of_row(name)).collect();
                builder.add(name, table, tracks, None, BTreeMap::new())?;
                files.push(path);
                continue;
            }
            let Some(which) = GtzanTable::ALL.into_iter().find(|which| which.name() == name) else {
                return Err(Error::Table {
                    table: "gtzan".to_owned(),
                    message: format!(
                        "there is no source `{name}`; 30s, 10s, {SPECTROGRAMS}, {}, {}, {} are known",
                        PICTURES[0].0,
                        PICTURES[1].0,
                        BACKBONES.join(", ")
                    ),
                });
            };
            files.push(gtzan.table_path(which));
            let published = BTreeMap::from([
                (Protocol::Random, gtzan.random_test_rows(which)?),
                (Protocol::Grouped, gtzan.grouped_test_rows(which)?),
            ]);
            let table = gtzan.table(which)?;
            let tracks: Vec<TrackId> = table.filenames.iter().map(|name| TrackId::of_row(name)).collect();
            builder.add(name, table, tracks, None, published)?;
        }
        let parts: Vec<(Part, BTreeSet<TrackId>)> = Part::ALL
            .into_iter()
            .map(|part| Ok((part, gtzan.filtered(part)?)))
            .collect::<Result<_>>()?;
        let clean_tracks = gtzan.clean_tracks();
        let mut data = builder.finish("gtzan", clean, seed)?;
        for track in &mut data.tracks {
            let group = gtzan.group(&track.id).ok_or_else(|| Error::Table {
                table: "gtzan".to_owned(),
                message: format!("track {} is not in artists.txt", track.id),
            })?;
            track.artist = Some(group);
            track.faulty = !clean_tracks.contains(&track.id);
            track.part = parts
                .iter()
                .find(|(_, listed)| listed.contains(&track.id))
                .map(|(part, _)| *part);
        }
        data.official = true;
        data.copies = gtzan.duplicates().to_vec();
        for path in files {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            data.files.insert(name, sha256_file(&path)?);
        }
        Ok(data)
    }

    /// A table of one's own (CSV or Parquet), or the features of FMA in a folder.
    ///
    /// Tracks, artists and parts come from columns of these names (`track`, `artist`, `part`); without a column `track` they are
    /// told from the rows' names. FMA's come from its own tables.
    ///
    /// # Errors
    /// [`Error::Data`] when it cannot be read or a number is missing (naming line and column), [`Error::Table`] when it has no
    /// labels.
    pub fn table(path: &Path, label: Option<&str>, clean: bool, seed: u64) -> Result<Data> {
        let options = ReadOptions {
            label: label.unwrap_or("label").to_owned(),
            lists: path.is_dir().then(|| "genres".to_owned()),
            text: true,
            ..ReadOptions::default()
        };
        let name = path.file_name().map_or_else(
            || path.display().to_string(),
            |n| n.to_string_lossy().into_owned(),
        );
        let table = Table::read(path, &options)?;
        let items = match path.is_dir() {
            true => Items::of_collection(&Fma::open(path)?, None)?,
            false => Items::read_table(path, None)?,
        };
        let by_id: HashMap<&str, &Item> = items.list().iter().map(|item| (item.id.as_str(), item)).collect();
        let tracks = table
            .filenames
            .iter()
            .map(|id| {
                TrackId::from(
                    by_id
                        .get(id.as_str())
                        .map_or(id.as_str(), |item| item.track.as_str()),
                )
            })
            .collect();
        let of_track: HashMap<&str, &Item> = items
            .list()
            .iter()
            .map(|item| (item.track.as_str(), item))
            .collect();
        let mut builder = Builder::default();
        builder.add(&name, table, tracks, None, BTreeMap::new())?;
        let mut data = builder.finish(&name, clean, seed)?;
        let mut artists: BTreeMap<&str, usize> = BTreeMap::new();
        for track in &mut data.tracks {
            let Some(item) = of_track.get(track.id.as_str()) else {
                continue;
            };
            track.part = item.part;
            track.artist = item.artist.as_deref().map(|artist| {
                let next = artists.len();
                *artists.entry(artist).or_insert(next)
            });
        }
        data.official = data.tracks.iter().any(|track| track.part == Some(Part::Test))
            && data.tracks.iter().any(|track| track.part == Some(Part::Train));
        data.files.insert(name, items.sha256().to_owned());
        Ok(data)
    }

    /// The tracks that are copies of this one.
    pub fn copies(&self, track: usize) -> Vec<usize> {
        let id = &self.tracks[track].id;
        let pairs = self.copies.iter();
        let others: BTreeSet<&TrackId> = pairs
            .filter_map(|(a, b)| match (a == id, b == id) {
                (true, _) => Some(b),
                (_, true) => Some(a),
                _ => None,
            })
            .collect();
        (0..self.tracks.len())
            .filter(|&other| others.contains(&self.tracks[other].id))
            .collect()
    }

    /// The place of a source among [`Data::sources`].
    pub fn source(&self, name: &str) -> Option<usize> {
        self.sources.iter().position(|source| source.name == name)
    }

    /// The rows of a protocol, judged on the source `tested`, fitted on `trained` (in the order of
    /// [`Data::sources`]) where the protocol allows more than one.
    ///
    /// `None` where the protocol cannot be had: nobody knows the artists. Random and grouped holdouts fit on the tested table's
    /// own rows only, as the published rows do.
    ///
    /// # Errors
    /// As [`FoldsParams::draw`]; [`Error::Table`] where one side is empty.
    pub fn parts(
        &self,
        protocol: Protocol,
        estimate: Estimate,
        tested: usize,
        trained: &[usize],
    ) -> Result<Option<Parts>> {
        if protocol == Protocol::Filtered
            && !self.official
            && self.tracks.iter().all(|track| track.artist.is_none())
        {
            return Ok(None);
        }
        let trained = &in_order(trained);
        let (parts, seed) = match estimate {
            Estimate::Holdout => {
                let (rows, seed) = self.holdout(protocol, tested, trained)?;
                (vec![rows], seed)
            }
            Estimate::Cross { folds, repeats } => (
                self.cross(protocol, tested, trained, folds, repeats)?,
                Some(self.seed),
            ),
        };
        if parts
            .iter()
            .any(|rows| rows.train.is_empty() || rows.test.is_empty())
        {
            return Err(Error::Table {
                table: self.sources[tested].name.clone(),
                message: format!("protocol {protocol} leaves nothing to fit on or to judge on"),
            });
        }
        let stamp = self.stamp(protocol, tested, &parts, seed)?;
        Ok(Some(Parts { parts, stamp }))
    }

    fn holdout(&self, protocol: Protocol, tested: usize, trained: &[usize]) -> Result<(Rows, Option<u64>)> {
        let source = &self.sources[tested];
        if let Some(test) = source.published.get(&protocol) {
            let (test, train): (Vec<usize>, Vec<usize>) =
                (0..source.ids.len()).partition(|&row| test.contains(&source.ids[row]));
            let mut train: Vec<(usize, usize)> = train.into_iter().map(|row| (tested, row)).collect();
            if protocol == Protocol::Random {
                // As the published rows were drawn: in no order, so that folds of successive rows part tracks too.
                Rng::new(self.seed).shuffle(&mut train);
            }
            return Ok((Rows { train, test }, Some(PUBLISHED_SEED)));
        }
        if protocol != Protocol::Filtered && !source.windows && self.published_tracks(protocol).is_some() {
            let (mut parts, seed) = self.track_holdout(protocol)?;
            let (inside, tested_tracks) = parts.swap_remove(0);
            let tested_tracks: BTreeSet<usize> = tested_tracks.into_iter().collect();
            let of = &source.track_of;
            let test = (0..of.len())
                .filter(|row| tested_tracks.contains(&of[*row]))
                .collect();
            let train = self.rows_of_tracks(&[tested], &inside);
            return Ok((Rows { train, test }, seed));
        }
        if protocol == Protocol::Filtered && self.official {
            let part = |row: &usize| self.tracks[source.track_of[*row]].part;
            let test = (0..source.ids.len())
                .filter(|row| part(row) == Some(Part::Test))
                .collect();
            let train = self.train_rows(trained, |track| {
                matches!(track.part, Some(Part::Train | Part::Valid)) && !(self.clean && track.faulty)
            });
            return Ok((Rows { train, test }, None));
        }
        let first = self
            .cross(protocol, tested, trained, TEST_SHARE, 1)?
            .swap_remove(0);
        Ok((first, Some(self.seed)))
    }

    fn train_rows(&self, sources: &[usize], wanted: impl Fn(&Track) -> bool) -> Vec<(usize, usize)> {
        let rows = |&source: &usize| {
            let of = &self.sources[source].track_of;
            (0..of.len())
                .filter(|&row| wanted(&self.tracks[of[row]]))
                .map(move |row| (source, row))
                .collect::<Vec<_>>()
        };
        sources.iter().flat_map(rows).collect()
    }

    fn cross(
        &self,
        protocol: Protocol,
        tested: usize,
        trained: &[usize],
        folds: usize,
        repeats: usize,
    ) -> Result<Vec<Rows>> {
        let source = &self.sources[tested];
        let kept: Vec<usize> = (0..source.ids.len())
            .filter(|&row| {
                let track = &self.tracks[source.track_of[row]];
                protocol != Protocol::Filtered || !(self.clean && track.faulty)
            })
            .collect();
        let rows: Vec<(usize, usize)> = kept.iter().map(|&row| (tested, row)).collect();
        let examples = self.examples(protocol, &rows, None)?;
        let params = FoldsParams {
            by: protocol.folds(),
            folds,
            repeats,
            seed: self.seed,
        };
        let parts = |fold: validation::Fold| {
            let test: Vec<usize> = fold.test.iter().map(|&position| kept[position]).collect();
            let mut train: Vec<(usize, usize)> = fold.train.iter().map(|&position| rows[position]).collect();
            if protocol != Protocol::Random {
                let inside: BTreeSet<usize> = train.iter().map(|&(_, row)| source.track_of[row]).collect();
                for &other in trained.iter().filter(|&&other| other != tested) {
                    let of = &self.sources[other].track_of;
                    train.extend(
                        (0..of.len())
                            .filter(|row| inside.contains(&of[*row]))
                            .map(|row| (other, row)),
                    );
                }
            }
            Rows { train, test }
        };
        Ok(params.draw(&examples)?.into_iter().map(parts).collect())
    }

    /// The tracks of a protocol, parted whole: for views of the same tracks in several sources.
    ///
    /// Random and grouped part GTZAN's tracks as its published 30-second rows do, where that table is among the sources; else
    /// both draw whole tracks, class by class. Filtered is as for rows. `None` as for [`Data::parts`].
    ///
    /// # Errors
    /// As [`Data::parts`].
    pub fn track_parts(&self, protocol: Protocol, estimate: Estimate) -> Result<Option<TrackParts>> {
        if protocol == Protocol::Filtered
            && !self.official
            && self.tracks.iter().all(|track| track.artist.is_none())
        {
            return Ok(None);
        }
        let (parts, seed) = match estimate {
            Estimate::Holdout => self.track_holdout(protocol)?,
            Estimate::Cross { folds, repeats } => {
                (self.track_folds(protocol, folds, repeats)?, Some(self.seed))
            }
        };
        if parts
            .iter()
            .any(|(train, test)| train.is_empty() || test.is_empty())
        {
            return Err(Error::Table {
                table: self.name.clone(),
                message: format!("protocol {protocol} leaves no tracks to fit on or to judge on"),
            });
        }
        let mut places = BTreeMap::new();
        for (number, (train, test)) in parts.iter().enumerate() {
            let single = parts.len() == 1;
            let sides = [(train, Place::Part(Part::Train)), (test, Place::Part(Part::Test))];
            for (tracks, place) in sides {
                for &track in tracks
                    .iter()
                    .filter(|_| single || place == Place::Part(Part::Test))
                {
                    let place = if single { place } else { Place::Fold(number as u32) };
                    places.entry(self.tracks[track].id.to_string()).or_insert(place);
                }
            }
        }
        let about = About {
            method: format!("{protocol}, tracks"),
            seed,
            ..About::default()
        };
        let stamp = Split::new(places, about)?.stamp();
        Ok(Some(TrackParts { parts, stamp }))
    }

    /// A source of one row a track whose test rows were published.
    fn published_tracks(&self, protocol: Protocol) -> Option<(&Source, &BTreeSet<String>)> {
        let mut whole = self.sources.iter().filter(|source| !source.windows);
        whole.find_map(|source| Some((source, source.published.get(&protocol)?)))
    }

    fn track_holdout(&self, protocol: Protocol) -> Result<(Vec<TrackSides>, Option<u64>)> {
        let published = self.published_tracks(protocol);
        let all = 0..self.tracks.len();
        if let Some((source, test)) = published {
            let rows = source.ids.iter().zip(&source.track_of);
            let tested: BTreeSet<usize> = rows
                .filter(|(id, _)| test.contains(*id))
                .map(|(_, track)| *track)
                .collect();
            let (test, train) = all.partition(|track| tested.contains(track));
            return Ok((vec![(train, test)], Some(PUBLISHED_SEED)));
        }
        if protocol == Protocol::Filtered && self.official {
            let part = |track: usize| self.tracks[track].part;
            let train = all
                .clone()
                .filter(|&track| {
                    matches!(part(track), Some(Part::Train | Part::Valid))
                        && !(self.clean && self.tracks[track].faulty)
                })
                .collect();
            let test = all.filter(|&track| part(track) == Some(Part::Test)).collect();
            return Ok((vec![(train, test)], None));
        }
        let first = self.track_folds(protocol, TEST_SHARE, 1)?.swap_remove(0);
        Ok((vec![first], Some(self.seed)))
    }

    fn track_folds(&self, protocol: Protocol, folds: usize, repeats: usize) -> Result<Vec<TrackSides>> {
        let kept: Vec<usize> = (0..self.tracks.len())
            .filter(|&track| protocol != Protocol::Filtered || !(self.clean && self.tracks[track].faulty))
            .collect();
        let examples = Examples::new(
            Array2::zeros((kept.len(), 1)),
            kept.iter().map(|&track| self.tracks[track].class).collect(),
            self.labels.len(),
        )?
        .with_groups(kept.iter().map(|&track| self.group(protocol, track)).collect())?;
        let sides = |fold: validation::Fold| {
            let tracks = |positions: Vec<usize>| positions.into_iter().map(|at| kept[at]).collect();
            (tracks(fold.train), tracks(fold.test))
        };
        let drawn = inner_folds(protocol, folds, repeats, self.seed).draw(&examples)?;
        Ok(drawn.into_iter().map(sides).collect())
    }

    /// The rows of these tracks in these sources, as (source, row), in the order of [`Data::sources`].
    pub fn rows_of_tracks(&self, sources: &[usize], tracks: &[usize]) -> Vec<(usize, usize)> {
        let wanted: BTreeSet<usize> = tracks.iter().copied().collect();
        let rows = |&source: &usize| {
            let of = &self.sources[source].track_of;
            let wanted = &wanted;
            (0..of.len())
                .filter(move |&row| wanted.contains(&of[row]))
                .map(move |row| (source, row))
        };
        in_order(sources).iter().flat_map(rows).collect()
    }

    /// The group of a track under a protocol: itself, its title, or its artist (itself where that is unknown).
    pub fn group(&self, protocol: Protocol, track: usize) -> usize {
        let Track { artist, title, .. } = &self.tracks[track];
        match (protocol, artist, title) {
            (Protocol::Filtered, Some(artist), _) => self.tracks.len() + artist,
            (Protocol::Grouped, _, Some(title)) => self.tracks.len() + title,
            _ => track,
        }
    }

    /// Rows as examples, with the protocol's groups; `columns` picks some of the columns.
    ///
    /// # Errors
    /// [`Error::Learn`] when the rows cannot be learned from, [`Error::Table`] when sources differ in their columns.
    pub fn examples(
        &self,
        protocol: Protocol,
        rows: &[(usize, usize)],
        columns: Option<&[usize]>,
    ) -> Result<Examples> {
        let first = rows.first().map_or(0, |(source, _)| *source);
        let names = &self.sources[first].columns;
        if let Some((other, _)) = rows
            .iter()
            .find(|(source, _)| self.sources[*source].columns != *names)
        {
            return Err(Error::Table {
                table: self.sources[*other].name.clone(),
                message: format!("has other columns than `{}`", self.sources[first].name),
            });
        }
        let all: Vec<usize> = (0..names.len()).collect();
        let columns = columns.unwrap_or(&all);
        let mut x = Array2::zeros((rows.len(), columns.len()));
        for (mut to, &(source, row)) in x.rows_mut().into_iter().zip(rows) {
            let from = self.sources[source].x.row(row);
            to.iter_mut()
                .zip(columns)
                .for_each(|(to, &column)| *to = from[column]);
        }
        let track = |&(source, row): &(usize, usize)| self.sources[source].track_of[row];
        let y = rows.iter().map(|row| self.tracks[track(row)].class).collect();
        let names: Vec<String> = columns.iter().map(|&column| names[column].clone()).collect();
        Ok(Examples::new(x, y, self.labels.len())?
            .with_names(names.into())?
            .with_groups(rows.iter().map(|row| self.group(protocol, track(row))).collect())?)
    }

    /// Rows of a source to judge on: groups are tracks where rows are windows of them.
    pub fn held(&self, source: usize, rows: &[usize], columns: &[usize]) -> validation::Held {
        let of = &self.sources[source];
        let tracks: Vec<usize> = rows.iter().map(|&row| of.track_of[row]).collect();
        let y = tracks.iter().map(|&track| self.tracks[track].class).collect();
        let x = of.x.select(Axis(0), rows).select(Axis(1), columns);
        validation::Held::new(x, y, of.windows.then_some(tracks))
    }

    fn stamp(&self, protocol: Protocol, tested: usize, parts: &[Rows], seed: Option<u64>) -> Result<Stamp> {
        let source = &self.sources[tested];
        let mut places: BTreeMap<String, Place> = BTreeMap::new();
        if let [rows] = parts {
            for &(of, row) in &rows.train {
                places.insert(self.sources[of].ids[row].clone(), Place::Part(Part::Train));
            }
            for &row in &rows.test {
                places.insert(source.ids[row].clone(), Place::Part(Part::Test));
            }
        } else {
            for (number, rows) in parts.iter().enumerate() {
                for &row in &rows.test {
                    // The first repetition names the folds; the seed tells the others.
                    places
                        .entry(source.ids[row].clone())
                        .or_insert(Place::Fold(number as u32));
                }
            }
        }
        let about = About {
            method: format!("{protocol}, {} rows", source.name),
            seed,
            ..About::default()
        };
        Ok(Split::new(places, about)?.stamp())
    }
}

/// Sources in the order of the data, so that what is fitted does not depend on which a candidate names first.
fn in_order(sources: &[usize]) -> Vec<usize> {
    let mut sources = sources.to_vec();
    sources.sort_unstable();
    sources
}

/// The descriptors of an archive of spectrogram images.
fn spectrograms(path: &Path, stop: &AtomicBool) -> Result<Table> {
    let read = read_spectrograms(path, &SpectrogramOptions::default(), stop)?;
    if read.interrupted {
        return Err(Error::Interrupted);
    }
    match read.failed.first() {
        None => Ok(read.table),
        Some(failure) => Err(Error::Table {
            table: path.display().to_string(),
            message: format!("{}: {}", failure.path.display(), failure.fault),
        }),
    }
}

/// The images of an archive as rows of grey values, band after band from the lowest, each the mean of `by` x `by` pixels;
/// and how many bands and columns an image has.
fn pictures(path: &Path, by: usize, stop: &AtomicBool) -> Result<(Table, (usize, usize))> {
    let read = read_pictures(path, stop)?;
    if read.interrupted {
        return Err(Error::Interrupted);
    }
    let fault = |message: String| Error::Table {
        table: path.display().to_string(),
        message,
    };
    if let Some(failure) = read.failed.first() {
        return Err(fault(format!("{}: {}", failure.path.display(), failure.fault)));
    }
    let width = read.images[0].columns();
    if let Some(other) = read.images.iter().position(|image| image.columns() != width) {
        return Err(fault(format!(
            "{} is {} pixels wide, the first picture {width}; networks take images of one size",
            read.filenames[other],
            read.images[other].columns()
        )));
    }
    let (bands, columns) = (melisma_features::image::BANDS / by, width / by);
    let mut values = Vec::with_capacity(read.images.len() * bands * columns);
    for image in &read.images {
        for band in 0..bands {
            for column in 0..columns {
                let rows = band * by..(band + 1) * by;
                let sum: f32 = rows
                    .flat_map(|row| &image.band(row)[column * by..(column + 1) * by])
                    .sum();
                values.push(f64::from(sum / (by * by) as f32));
            }
        }
    }
    let names = (0..bands * columns).map(|at| format!("b{}_t{}", at / columns, at % columns));
    let table = Table {
        columns: names.collect(),
        values,
        filenames: read.filenames,
        lengths: None,
        labels: read.labels.into_iter().collect(),
    };
    Ok((table, (bands, columns)))
}

/// Tracks and sources while tables are read.
#[derive(Default)]
pub(crate) struct Builder {
    labels: Vec<String>,
    tracks: Vec<(TrackId, String)>,
    number: HashMap<TrackId, usize>,
    sources: Vec<Source>,
}

impl Builder {
    pub(crate) fn add(
        &mut self,
        name: &str,
        table: Table,
        tracks: Vec<TrackId>,
        image: Option<(usize, usize)>,
        published: BTreeMap<Protocol, BTreeSet<String>>,
    ) -> Result<()> {
        let fault = |message: String| Error::Table {
            table: name.to_owned(),
            message,
        };
        let Some(labels) = &table.labels else {
            return Err(fault("no column of labels".to_owned()));
        };
        let mut track_of = Vec::with_capacity(tracks.len());
        for ((track, label), id) in tracks.into_iter().zip(labels).zip(&table.filenames) {
            let label = label.trim();
            if label.is_empty() {
                return Err(fault(format!("row `{id}` has no label")));
            }
            let number = *self.number.entry(track.clone()).or_insert_with(|| {
                self.tracks.push((track.clone(), label.to_owned()));
                self.tracks.len() - 1
            });
            if self.tracks[number].1 != label {
                let other = &self.tracks[number].1;
                return Err(fault(format!(
                    "row `{id}` of track {track} is labelled `{label}`, another row of it `{other}`"
                )));
            }
            track_of.push(number);
        }
        let windows = track_of.iter().collect::<BTreeSet<_>>().len() < track_of.len();
        let width = table.columns.len();
        self.labels
            .extend(labels.iter().map(|label| label.trim().to_owned()));
        let x = Array2::from_shape_vec((table.filenames.len(), width), table.values)
            .map_err(|error| fault(error.to_string()))?;
        self.sources.push(Source {
            name: name.to_owned(),
            columns: table.columns.into(),
            x,
            track_of,
            ids: table.filenames,
            windows,
            image,
            published,
        });
        Ok(())
    }

    pub(crate) fn finish(mut self, name: &str, clean: bool, seed: u64) -> Result<Data> {
        self.labels.sort();
        self.labels.dedup();
        let labels = self.labels;
        if labels.len() < 2 {
            return Err(Error::Table {
                table: name.to_owned(),
                message: match labels.first() {
                    Some(label) => format!("every row is labelled `{label}`; there is nothing to tell apart"),
                    None => "no rows".to_owned(),
                },
            });
        }
        let class = |label: &String| labels.binary_search(label).unwrap_or_default();
        let tracks = self
            .tracks
            .iter()
            .map(|(id, label)| Track {
                id: id.clone(),
                class: class(label),
                artist: None,
                title: None,
                collection: None,
                part: None,
                faulty: false,
            })
            .collect();
        Ok(Data {
            name: name.to_owned(),
            tracks,
            sources: self.sources,
            files: BTreeMap::new(),
            collections: Vec::new(),
            notes: Vec::new(),
            copies: Vec::new(),
            official: false,
            clean,
            seed,
            labels,
        })
    }
}

/// Folds that keep together what the protocol keeps together, with the data's seed.
pub(crate) fn inner_folds(protocol: Protocol, folds: usize, repeats: usize, seed: u64) -> FoldsParams {
    let by: FoldsBy = protocol.folds();
    FoldsParams {
        by,
        folds,
        repeats,
        seed,
    }
}
