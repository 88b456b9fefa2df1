//! Experiments as files: which data, inputs and classifiers, how one is chosen, what is shipped.
//!
//! A run has four steps. **Choose**: every candidate is scored by repeated cross-validation, grouped by
//! artist, on the training list of the filtered split; the one with the least log loss must be the one the recipe
//! ships. **Measure**: the chosen candidate is fitted on each protocol's training rows and scored on its test rows, once.
//! **Fit**: the model to ship is fitted on all clean tracks of both tables. **Calibrate**: its temperature comes
//! from out-of-fold predictions, grouped by artist. The same recipe and data give the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use melisma_dataset::split::{About, Place, Split, Stamp, stratified_group_folds};
use melisma_dataset::{Genre, Gtzan, GtzanTable, Part, TrackId, sha256_file, sha256_hex};
use melisma_features::Schema;
use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

use crate::calibration::{fit_temperature, tempered_means};
use crate::classifier::{Classifier, ClassifierParams};
use crate::files::cpu_seconds;
use crate::inputs::InputsParams;
use crate::metrics::{
    Confusion, accuracy, brier, calibration_error, group_bootstrap, hits, log_loss, reliability, wilson,
};
use crate::model::{Header, Model};
use crate::report::{Calibration, CandidateScore, Outcome, ResultRow, Scores};
use crate::robustness::Robustness;
use crate::scale::{Standard, StandardParams};
use crate::{Error, Examples, Result};

/// Bootstrap rounds for intervals over windows.
const ROUNDS: usize = 2000;
/// Bins of a reliability table.
const BINS: usize = 10;
/// The seed with which the published test rows were drawn.
const PUBLISHED_SEED: u64 = 42;

/// A recipe, as its file says it.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    path: PathBuf,
    hash: String,
    content: Content,
}

/// The file's fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    name: String,
    version: u32,
    seed: u64,
    schema: Schema,
    /// Beside the recipe: figures of robustness for the card, if they have been measured.
    robustness: Option<PathBuf>,
    inference: Inference,
    selection: Selection,
    scaling: StandardParams,
    candidate: Vec<Candidate>,
}

/// How a recording is cut when the model is used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Inference {
    window_seconds: f64,
    pad: String,
}

/// How a candidate is chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Selection {
    folds: usize,
    repeats: usize,
    /// The candidate the recipe ships; a run fails if another one is better.
    ship: String,
}

/// Inputs and a classifier on them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Candidate {
    name: String,
    inputs: InputsParams,
    classifier: ClassifierParams,
}

impl Recipe {
    /// Reads and checks a recipe.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read, [`Error::Recipe`] when it is malformed, and
    /// [`Error::Params`] for parameters out of range.
    pub fn read(path: &Path) -> Result<Recipe> {
        let text = fs::read_to_string(path).map_err(Error::io(path))?;
        let fault = |message: String| Error::Recipe {
            path: path.to_owned(),
            message,
        };
        let content: Content = toml::from_str(&text).map_err(|error| fault(error.to_string()))?;
        if content.schema != Schema::Gtzan {
            return Err(fault(format!(
                "the tables have schema gtzan, not {}",
                content.schema
            )));
        }
        if content.selection.repeats == 0 {
            return Err(fault("selection.repeats is 0".to_owned()));
        }
        let names: BTreeSet<&str> = content.candidate.iter().map(|c| c.name.as_str()).collect();
        if names.len() != content.candidate.len() || !names.contains(content.selection.ship.as_str()) {
            return Err(fault(
                "candidates need different names, one of them `selection.ship`".to_owned(),
            ));
        }
        content.scaling.check()?;
        for candidate in &content.candidate {
            candidate.classifier.check()?;
            candidate.inputs.build()?;
        }
        Ok(Recipe {
            path: path.to_owned(),
            hash: sha256_hex(text.as_bytes()),
            content,
        })
    }

    /// The recipe's name.
    pub fn name(&self) -> &str {
        &self.content.name
    }

    /// Runs all four steps; `progress` is told what is being done.
    ///
    /// # Errors
    /// [`Error::Dataset`] when the data cannot be read, [`Error::Recipe`] when cross-validation prefers another candidate
    /// than the one the recipe ships.
    pub fn run(&self, data_dir: &Path, progress: &mut dyn FnMut(&str)) -> Result<Outcome> {
        progress("reading tables");
        let rows = Rows::read(data_dir)?;
        let (candidates, mut splits) = self.choose(&rows, progress)?;
        let ship = self.shipped();
        let mut results = Vec::new();
        for which in GtzanTable::ALL {
            for (protocol, test) in [
                ("random", rows.gtzan.random_test_rows(which)?),
                ("grouped", rows.gtzan.grouped_test_rows(which)?),
            ] {
                progress(&format!("protocol {protocol}, {} table", which.name()));
                let part = |in_test: bool| {
                    rows.pick(|row| row.table == which && test.contains(&row.filename) == in_test)
                };
                let name = format!("{protocol}, {} rows", which.name());
                let published = rows.list.iter().filter(|row| row.table == which).map(|row| {
                    let part = if test.contains(&row.filename) {
                        Part::Test
                    } else {
                        Part::Train
                    };
                    (row.filename.clone(), Place::Part(part))
                });
                let split = stamp(&name, Some(PUBLISHED_SEED), published)?;
                let (row, _) =
                    self.measure(ship, protocol, &split, &rows, [&part(false), &part(true)], 1.0)?;
                results.push(row);
                splits.push(split);
            }
        }
        progress("protocol filtered");
        let clean = rows.gtzan.clean_tracks();
        let [train, valid, test] =
            [Part::Train, Part::Valid, Part::Test].map(|part| rows.gtzan.filtered(part));
        let (train, valid, test) = (train?, valid?, test?);
        let listed = [(&train, Part::Train), (&valid, Part::Valid), (&test, Part::Test)];
        let listed = listed.into_iter().flat_map(|(tracks, part)| {
            tracks
                .iter()
                .map(move |track| (track.to_string(), Place::Part(part)))
        });
        let filtered = stamp("filtered, tracks", None, listed)?;
        let training = rows.pick(|row| {
            clean.contains(&row.track) && (train.contains(&row.track) || valid.contains(&row.track))
        });
        let (out_of_fold, folds) =
            self.out_of_fold(ship, &rows, &training, 0, "filtered train and valid lists")?;
        splits.extend([filtered.clone(), folds]);
        let temperature = out_of_fold.temperature();
        let mut calibration = vec![out_of_fold.calibration("out of fold, training tracks", temperature)];
        let mut tested = None;
        for which in GtzanTable::ALL {
            let testing = rows.pick(|row| row.table == which && test.contains(&row.track));
            let (row, prediction) = self.measure(
                ship,
                "filtered",
                &filtered,
                &rows,
                [&training, &testing],
                temperature,
            )?;
            if which == GtzanTable::Seconds10 {
                results.push(prediction.track_row(&row, temperature));
                calibration.push(prediction.calibration("filtered test tracks", temperature));
                tested = Some(prediction.tracks(temperature));
            }
            results.push(row);
        }
        let (probabilities, truth) = tested.unwrap_or_default();
        let confusion = Confusion::new(&probabilities, &truth);

        progress("fitting the model to ship");
        let (mut model, shipped_calibration) = self.train(&rows, &clean)?;
        calibration.push(shipped_calibration);
        let mut header = model.header().clone();
        splits.extend(header.splits);
        header.splits = splits.clone();
        header.figures = results
            .iter()
            .filter(|row| row.protocol == "filtered")
            .flat_map(|row| {
                let key = |what: &str| format!("filtered_{}_{}_{what}", row.table, row.unit);
                let values = [("accuracy", row.accuracy), ("low", row.low), ("high", row.high)];
                values.map(|(what, value)| (key(what), value))
            })
            .collect();
        model = model.with_header(header)?;
        Ok(Outcome {
            recipe: self.content.name.clone(),
            recipe_file: self
                .path
                .file_name()
                .map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            seed: self.content.seed,
            folds: self.content.selection.folds,
            repeats: self.content.selection.repeats,
            shipped: ship.name.clone(),
            candidates,
            results,
            group_overlap: rows.group_overlap(&training, &test),
            per_genre: Genre::ALL
                .iter()
                .map(|g| g.to_string())
                .zip(confusion.report())
                .collect(),
            confusion,
            calibration,
            training_tracks: clean.len(),
            splits,
            robustness: self.robustness()?,
            model,
        })
    }

    /// Trains the model the recipe ships on all clean tracks but `exclude` and their duplicates, and, if `also_artists`,
    /// every other track of the same artists.
    ///
    /// # Errors
    /// As [`Recipe::run`], and [`Error::Examples`] when too little is left.
    pub fn train_excluding(
        &self,
        data_dir: &Path,
        exclude: &BTreeSet<TrackId>,
        also_artists: bool,
    ) -> Result<Model> {
        let rows = Rows::read(data_dir)?;
        let tracks = remaining(&rows.gtzan, exclude, also_artists);
        Ok(self.train(&rows, &tracks)?.0)
    }

    fn robustness(&self) -> Result<Option<Robustness>> {
        let Some(relative) = &self.content.robustness else {
            return Ok(None);
        };
        let path = self.path.parent().unwrap_or(Path::new("")).join(relative);
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read(&path).map_err(Error::io(&path))?;
        let parsed = serde_json::from_slice(&text);
        parsed.map(Some).map_err(|error| Error::Recipe {
            path,
            message: error.to_string(),
        })
    }

    fn shipped(&self) -> &Candidate {
        let ship = &self.content.selection.ship;
        let found = self
            .content
            .candidate
            .iter()
            .find(|candidate| candidate.name == *ship);
        found.expect("`read` has checked that the shipped candidate exists")
    }

    /// Scores every candidate on the filtered training list and checks that the shipped one wins.
    fn choose(
        &self,
        rows: &Rows,
        progress: &mut dyn FnMut(&str),
    ) -> Result<(Vec<CandidateScore>, Vec<Stamp>)> {
        let clean = rows.gtzan.clean_tracks();
        let train = rows.gtzan.filtered(Part::Train)?;
        let training = rows.pick(|row| clean.contains(&row.track) && train.contains(&row.track));
        let repeats = self.content.selection.repeats;
        let mut scores = Vec::new();
        let mut splits: Vec<Stamp> = Vec::new();
        for candidate in &self.content.candidate {
            progress(&format!("cross-validating {}", candidate.name));
            let mut score = CandidateScore {
                name: candidate.name.clone(),
                ..CandidateScore::default()
            };
            for repeat in 0..repeats {
                let (prediction, split) =
                    self.out_of_fold(candidate, rows, &training, repeat as u64, "filtered train list")?;
                // Every candidate meets the same folds.
                if !splits.contains(&split) {
                    splits.push(split);
                }
                let (probabilities, truth) = prediction.tracks(prediction.temperature());
                score.accuracy_10s += accuracy(&probabilities, &truth) / repeats as f64;
                score.log_loss += log_loss(&probabilities, &truth) / repeats as f64;
                let whole = prediction.only(GtzanTable::Seconds30).tracks(1.0);
                score.accuracy_30s += accuracy(&whole.0, &whole.1) / repeats as f64;
            }
            scores.push(score);
        }
        let best = scores
            .iter()
            .min_by(|a, b| a.log_loss.total_cmp(&b.log_loss))
            .map(|score| score.name.clone());
        match best {
            Some(best) if best != self.content.selection.ship => Err(Error::Recipe {
                path: self.path.clone(),
                message: format!(
                    "ships `{}`, but `{best}` has the least log loss",
                    self.content.selection.ship
                ),
            }),
            _ => Ok((scores, splits)),
        }
    }

    /// Fits the shipped candidate on `tracks` and calibrates it.
    fn train(&self, rows: &Rows, tracks: &BTreeSet<TrackId>) -> Result<(Model, Calibration)> {
        let ship = self.shipped();
        let training = rows.pick(|row| tracks.contains(&row.track));
        let (out_of_fold, folds) = self.out_of_fold(ship, rows, &training, 0, "tracks trained on")?;
        let temperature = out_of_fold.temperature();
        let fitted = self.fit(ship, rows, &training)?;
        let listed: String = tracks.iter().map(|track| format!("{track}\n")).collect();
        let header = Header {
            name: self.content.name.clone(),
            version: self.content.version,
            schema: self.content.schema,
            schema_hash: self.content.schema.hash(),
            genres: Genre::ALL.to_vec(),
            window_seconds: self.content.inference.window_seconds,
            pad: self.content.inference.pad.clone(),
            temperature,
            inputs: ship.inputs.build()?.list().to_vec(),
            data: rows.hashes.clone(),
            tracks_hash: sha256_hex(listed.as_bytes()),
            recipe_hash: self.hash.clone(),
            seed: self.content.seed,
            splits: vec![folds],
            figures: BTreeMap::new(),
        };
        let model = Model::new(header, fitted.scaler, fitted.classifier)?;
        Ok((
            model,
            out_of_fold.calibration("out of fold, all clean tracks (shipped model)", temperature),
        ))
    }

    fn fit(&self, candidate: &Candidate, rows: &Rows, training: &[usize]) -> Result<Fitted> {
        let inputs = candidate.inputs.build()?;
        let x = inputs.apply_all(training.iter().map(|&row| rows.values(row)))?;
        let y: Vec<usize> = training.iter().map(|&row| rows.list[row].class).collect();
        let examples = Examples::new(x, y, Genre::ALL.len())?;
        let scaler = self.content.scaling.fit(&examples)?;
        let scaled = Examples::new(
            scaler.transform(examples.x().clone()),
            examples.y().to_vec(),
            Genre::ALL.len(),
        )?;
        Ok(Fitted {
            classifier: candidate.classifier.fit(&scaled)?,
            scaler,
        })
    }

    fn predict(
        &self,
        candidate: &Candidate,
        fitted: &Fitted,
        rows: &Rows,
        which: &[usize],
    ) -> Result<Array2<f64>> {
        let inputs = candidate.inputs.build()?;
        let x = inputs.apply_all(which.iter().map(|&row| rows.values(row)))?;
        Ok(fitted.classifier.predict_proba(&fitted.scaler.transform(x)))
    }

    /// Predictions for all of `training`, each by a model fitted without the artist's group, and the folds.
    fn out_of_fold(
        &self,
        candidate: &Candidate,
        rows: &Rows,
        training: &[usize],
        repeat: u64,
        what: &str,
    ) -> Result<(Prediction, Stamp)> {
        let tracks: BTreeMap<&TrackId, (usize, usize)> = training
            .iter()
            .map(|&row| {
                (
                    &rows.list[row].track,
                    (rows.list[row].class, rows.list[row].group),
                )
            })
            .collect();
        let (classes, groups): (Vec<_>, Vec<_>) = tracks.values().copied().unzip();
        let seed = self.content.seed.wrapping_mul(1000).wrapping_add(repeat);
        let folds = self.content.selection.folds;
        let fold_of_track = stratified_group_folds(&classes, &groups, folds, seed)?;
        let fold_of: BTreeMap<&TrackId, usize> = tracks.keys().copied().zip(fold_of_track).collect();
        let name = format!("{what}, {folds} folds by artist, repeat {}", repeat + 1);
        let places = fold_of
            .iter()
            .map(|(track, fold)| (track.to_string(), Place::Fold(*fold as u32)));
        let split = stamp(&name, Some(seed), places)?;
        let mut probabilities = Array2::zeros((training.len(), Genre::ALL.len()));
        for fold in 0..folds {
            let held = |position: &usize| fold_of[&rows.list[training[*position]].track] == fold;
            let (inside, outside): (Vec<usize>, Vec<usize>) = (0..training.len()).partition(held);
            let row = |positions: &[usize]| positions.iter().map(|&p| training[p]).collect::<Vec<_>>();
            let fitted = self.fit(candidate, rows, &row(&outside))?;
            let predicted = self.predict(candidate, &fitted, rows, &row(&inside))?;
            for (position, prediction) in inside.iter().zip(predicted.rows()) {
                probabilities.row_mut(*position).assign(&prediction);
            }
        }
        Ok((Prediction::new(rows, training, probabilities), split))
    }

    /// Fits on `training`, scores on `testing`, row by row.
    fn measure(
        &self,
        candidate: &Candidate,
        protocol: &str,
        split: &Stamp,
        rows: &Rows,
        [training, testing]: [&[usize]; 2],
        temperature: f64,
    ) -> Result<(ResultRow, Prediction)> {
        let start = cpu_seconds();
        let fitted = self.fit(candidate, rows, training)?;
        let middle = cpu_seconds();
        let probabilities = self.predict(candidate, &fitted, rows, testing)?;
        let end = cpu_seconds();
        let prediction = Prediction::new(rows, testing, probabilities);
        let table = testing
            .first()
            .map_or(GtzanTable::Seconds30, |&row| rows.list[row].table);
        let each: Vec<usize> = (0..testing.len()).collect();
        let truth = &prediction.row_truth();
        let tempered = tempered_means(&prediction.probabilities, &each, each.len(), temperature);
        let right = hits(&tempered, truth);
        let (interval, method) = match table {
            GtzanTable::Seconds30 => (
                wilson(right.iter().filter(|&&hit| hit).count(), right.len()),
                "wilson",
            ),
            GtzanTable::Seconds10 => (
                group_bootstrap(&right, &prediction.track_of, ROUNDS, self.content.seed),
                "bootstrap by track",
            ),
        };
        let row = ResultRow {
            name: candidate.name.clone(),
            protocol: protocol.to_owned(),
            split: split.sha256.clone(),
            table: table.name().to_owned(),
            unit: if table == GtzanTable::Seconds30 {
                "track"
            } else {
                "window"
            }
            .to_owned(),
            accuracy: interval.value,
            low: interval.low,
            high: interval.high,
            interval: method.to_owned(),
            log_loss: log_loss(&tempered, truth),
            train_rows: training.len(),
            test_rows: testing.len(),
            fit_cpu_s: start.zip(middle).map(|(a, b)| b - a),
            predict_cpu_s: middle.zip(end).map(|(a, b)| b - a),
            params: serde_json::to_value(&candidate.classifier).unwrap_or_default(),
        };
        Ok((row, prediction))
    }
}

/// The clean tracks that are left to train on without `exclude`, their duplicates and, if `also_artists`, every other track
/// of the same artists.
pub fn remaining(gtzan: &Gtzan, exclude: &BTreeSet<TrackId>, also_artists: bool) -> BTreeSet<TrackId> {
    let mut excluded = gtzan.with_duplicates(exclude);
    if also_artists {
        excluded = gtzan.with_groups(&excluded);
    }
    gtzan.clean_tracks().difference(&excluded).cloned().collect()
}

/// The hash and seed of the split with these places.
fn stamp(name: &str, seed: Option<u64>, places: impl IntoIterator<Item = (String, Place)>) -> Result<Stamp> {
    let about = About {
        method: name.to_owned(),
        seed,
        ..About::default()
    };
    Ok(Split::new(places.into_iter().collect(), about)?.stamp())
}

/// A scaler and the classifier fitted behind it.
struct Fitted {
    scaler: Standard,
    classifier: Classifier,
}

/// A row of one of the tables.
struct Row {
    table: GtzanTable,
    filename: String,
    track: TrackId,
    class: usize,
    group: usize,
}

/// Both tables, one after the other.
struct Rows {
    gtzan: Gtzan,
    values: Vec<f64>,
    list: Vec<Row>,
    hashes: BTreeMap<String, String>,
}

impl Rows {
    fn read(data_dir: &Path) -> Result<Rows> {
        let gtzan = Gtzan::open(data_dir)?;
        let mut rows = Rows {
            gtzan,
            values: Vec::new(),
            list: Vec::new(),
            hashes: BTreeMap::new(),
        };
        for which in GtzanTable::ALL {
            let table = rows.gtzan.table(which)?;
            for (filename, label) in table.filenames.iter().zip(table.labels.iter().flatten()) {
                let track = TrackId::of_row(filename);
                let group = rows.gtzan.group(&track).ok_or_else(|| {
                    Error::Examples(format!(
                        "track {track} of the {} table is not in artists.txt",
                        which.name()
                    ))
                })?;
                let class = label.parse::<Genre>()?.index();
                rows.list.push(Row {
                    table: which,
                    filename: filename.clone(),
                    track,
                    class,
                    group,
                });
            }
            rows.values.extend(table.values);
        }
        let mut files = vec![
            data_dir.join("gtzan/artists.txt"),
            data_dir.join("gtzan/duplicates.txt"),
        ];
        files.extend(GtzanTable::ALL.map(|which| rows.gtzan.table_path(which)));
        files.extend([Part::Train, Part::Valid, Part::Test].map(|part| rows.gtzan.split_path(part)));
        for file in files {
            let name = file
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            rows.hashes.insert(name, sha256_file(&file)?);
        }
        Ok(rows)
    }

    fn values(&self, row: usize) -> &[f64] {
        let width = self.values.len() / self.list.len();
        &self.values[row * width..(row + 1) * width]
    }

    /// How many tracks of `training` have groups that meet `test`, and how many of `test` meet `training`.
    fn group_overlap(&self, training: &[usize], test: &BTreeSet<TrackId>) -> (usize, usize) {
        let trained: BTreeSet<&TrackId> = training.iter().map(|&row| &self.list[row].track).collect();
        let groups = |tracks: &mut dyn Iterator<Item = &TrackId>| -> BTreeSet<usize> {
            tracks.filter_map(|track| self.gtzan.group(track)).collect()
        };
        let shared: BTreeSet<usize> = &groups(&mut trained.iter().copied()) & &groups(&mut test.iter());
        let meets = |track: &&TrackId| {
            self.gtzan
                .group(track)
                .is_some_and(|group| shared.contains(&group))
        };
        (
            trained.iter().copied().filter(meets).count(),
            test.iter().filter(meets).count(),
        )
    }

    fn pick(&self, wanted: impl Fn(&Row) -> bool) -> Vec<usize> {
        (0..self.list.len())
            .filter(|&row| wanted(&self.list[row]))
            .collect()
    }
}

/// Probabilities for rows, and which tracks they belong to.
struct Prediction {
    probabilities: Array2<f64>,
    tables: Vec<GtzanTable>,
    /// The number of each row's track, in order of the tracks' names.
    track_of: Vec<usize>,
    /// The class of each track.
    truth: Vec<usize>,
}

impl Prediction {
    fn new(rows: &Rows, which: &[usize], probabilities: Array2<f64>) -> Prediction {
        let classes: BTreeMap<&TrackId, usize> = which
            .iter()
            .map(|&row| (&rows.list[row].track, rows.list[row].class))
            .collect();
        let number: BTreeMap<&TrackId, usize> =
            classes.keys().enumerate().map(|(n, track)| (*track, n)).collect();
        Prediction {
            probabilities,
            tables: which.iter().map(|&row| rows.list[row].table).collect(),
            track_of: which.iter().map(|&row| number[&rows.list[row].track]).collect(),
            truth: classes.into_values().collect(),
        }
    }

    /// The true class of each row.
    fn row_truth(&self) -> Vec<usize> {
        self.track_of.iter().map(|&track| self.truth[track]).collect()
    }

    /// The rows of one table, and the tracks that have any.
    fn only(&self, table: GtzanTable) -> Prediction {
        let kept: Vec<usize> = (0..self.tables.len())
            .filter(|&row| self.tables[row] == table)
            .collect();
        let tracks: BTreeSet<usize> = kept.iter().map(|&row| self.track_of[row]).collect();
        let number: BTreeMap<usize, usize> =
            tracks.iter().enumerate().map(|(n, &track)| (track, n)).collect();
        Prediction {
            probabilities: self.probabilities.select(Axis(0), &kept),
            tables: vec![table; kept.len()],
            track_of: kept.iter().map(|&row| number[&self.track_of[row]]).collect(),
            truth: tracks.iter().map(|&track| self.truth[track]).collect(),
        }
    }

    /// The mean probabilities of each track over its 10-second windows (all its rows where it has none), and the true classes.
    fn tracks(&self, temperature: f64) -> (Array2<f64>, Vec<usize>) {
        let windows = self.only(GtzanTable::Seconds10);
        let part = if windows.tables.is_empty() { self } else { &windows };
        let means = tempered_means(&part.probabilities, &part.track_of, part.truth.len(), temperature);
        (means, part.truth.clone())
    }

    /// The temperature that suits the mixtures of whole tracks.
    fn temperature(&self) -> f64 {
        let windows = self.only(GtzanTable::Seconds10);
        fit_temperature(&windows.probabilities, &windows.track_of, &windows.truth)
    }

    fn track_row(&self, windows: &ResultRow, temperature: f64) -> ResultRow {
        let (probabilities, truth) = self.tracks(temperature);
        let right = hits(&probabilities, &truth).iter().filter(|&&hit| hit).count();
        let interval = wilson(right, truth.len());
        ResultRow {
            unit: "track".to_owned(),
            accuracy: interval.value,
            low: interval.low,
            high: interval.high,
            interval: "wilson".to_owned(),
            log_loss: log_loss(&probabilities, &truth),
            test_rows: truth.len(),
            ..windows.clone()
        }
    }

    fn calibration(&self, name: &str, temperature: f64) -> Calibration {
        let scores = |temperature: f64| {
            let (probabilities, truth) = self.tracks(temperature);
            let bins = reliability(&probabilities, &truth, BINS);
            Scores {
                log_loss: log_loss(&probabilities, &truth),
                brier: brier(&probabilities, &truth),
                calibration_error: calibration_error(&bins),
                reliability: bins,
            }
        };
        Calibration {
            name: name.to_owned(),
            tracks: self.tracks(1.0).1.len(),
            temperature,
            before: scores(1.0),
            after: scores(temperature),
        }
    }
}
