//! The model a recipe makes for use: fitted on all clean tracks, its probabilities calibrated by what it says of tracks it was not
//! fitted on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use melisma_dataset::split::{About, Place, Split, Stamp};
use melisma_dataset::{TrackId, sha256_hex};
use melisma_features::Schema;
use melisma_learn::Rows as RowKind;
use melisma_learn::calibration::{fit_temperature, tempered_means};
use melisma_learn::metrics::{Prediction, ReliabilityBin, brier, calibration_error, log_loss, reliability};
use melisma_learn::rng::Rng;
use melisma_learn::robustness::Robustness;
use melisma_learn::{Header, Model};
use ndarray::{Array2, Axis};
use serde::Serialize;

use crate::card::Card;
use crate::data::{Estimate, Rows};
use crate::fit::Fits;
use crate::outcome::{Outcome, Said};
use crate::protocol::Protocol;
use crate::recipe::{Candidate, Collection, Recipe, ShipSpec};
use crate::run::{Session, Watch};
use crate::{Error, Result};

/// Training rows that a model keeps for explanations.
const BACKGROUND: usize = 32;
/// Bins of a reliability table.
const BINS: usize = 10;

/// Calibration of tracks' mixtures, before and after.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    /// On what.
    pub name: String,
    /// The number of tracks.
    pub tracks: usize,
    /// The temperature.
    pub temperature: f64,
    /// At temperature 1.
    pub before: CalibrationScores,
    /// At the temperature.
    pub after: CalibrationScores,
}

/// Scores of probabilities.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CalibrationScores {
    /// Mean log loss in nats.
    pub log_loss: f64,
    /// Brier score, summed over classes.
    pub brier: f64,
    /// Expected calibration error over ten bins.
    pub calibration_error: f64,
    /// The bins.
    pub reliability: Vec<ReliabilityBin>,
}

impl Recipe {
    /// Makes the model the recipe ships, if it ships one, and writes it and its card into the folder as `NAME-VERSION.bin` and `.md`;
    /// returns their paths.
    ///
    /// # Errors
    /// [`Error::Recipe`] when another candidate was chosen than the one to ship, or its robustness file is malformed;
    /// otherwise as [`Recipe::run`].
    pub fn ship(
        &self,
        data_dir: &Path,
        outcome: &Outcome,
        folder: &Path,
        watch: Watch<'_>,
    ) -> Result<Vec<PathBuf>> {
        let Some(spec) = &self.content().ship else {
            return Ok(Vec::new());
        };
        if let Some(choice) = &outcome.choice
            && choice.chosen != spec.candidate
        {
            let message = format!(
                "ships `{}`, but cross-validation prefers `{}`",
                spec.candidate, choice.chosen
            );
            return Err(self.fault(message));
        }
        let session = Session::open(self, data_dir, None, watch)?;
        (watch.say)("calibrating on tracks left out");
        let mut calibration = session.calibrations(spec, outcome)?;
        (watch.say)("fitting the model to ship");
        let (model, shipped) = session.train(spec, &BTreeSet::new(), false)?;
        calibration.push(shipped);
        let mut header = model.header().clone();
        header.splits = outcome.splits.iter().chain(&header.splits).cloned().collect();
        header.figures = figures(spec, outcome);
        let model = model.with_header(header)?;
        let card = Card {
            outcome,
            model: &model,
            recipe: self,
            candidate: &spec.candidate,
            calibration: &calibration,
            training_tracks: session.clean(&BTreeSet::new(), false).len(),
            overlap: session.overlap()?,
            robustness: self.robustness(spec)?,
        };
        let name = format!("{}-{}", self.name(), spec.version);
        let paths = [
            folder.join(format!("{name}.bin")),
            folder.join(format!("{name}.md")),
        ];
        model.write(&paths[0])?;
        melisma_plot::save(&paths[1], card.text().as_bytes())?;
        Ok(paths.to_vec())
    }

    /// Trains the model the recipe ships on all clean tracks but `exclude` and, if `also_artists`, every other track of the same
    /// artists; copies of excluded tracks are excluded too.
    ///
    /// # Errors
    /// [`Error::Recipe`] for a recipe that ships nothing; otherwise as [`Recipe::run`].
    pub fn train_excluding(
        &self,
        data_dir: &Path,
        exclude: &BTreeSet<TrackId>,
        also_artists: bool,
        watch: Watch<'_>,
    ) -> Result<Model> {
        let Some(spec) = &self.content().ship else {
            return Err(self.fault("ships no model".to_owned()));
        };
        let session = Session::open(self, data_dir, None, watch)?;
        Ok(session.train(spec, exclude, also_artists)?.0)
    }

    /// The tracks that [`Recipe::train_excluding`] fits on.
    ///
    /// # Errors
    /// As [`Recipe::run`], when the data cannot be read.
    pub fn tracks_without(
        &self,
        data_dir: &Path,
        exclude: &BTreeSet<TrackId>,
        also_artists: bool,
        watch: Watch<'_>,
    ) -> Result<BTreeSet<TrackId>> {
        let session = Session::open(self, data_dir, None, watch)?;
        let tracks = session.clean(exclude, also_artists).into_iter();
        Ok(tracks
            .map(|track| session.data.tracks[track].id.clone())
            .collect())
    }

    fn robustness(&self, spec: &ShipSpec) -> Result<Option<Robustness>> {
        let Some(relative) = &spec.robustness else {
            return Ok(None);
        };
        let path = self.path().parent().unwrap_or(Path::new("")).join(relative);
        if !path.exists() {
            return Ok(None);
        }
        let bytes = std::fs::read(&path).map_err(Error::io(&path))?;
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| Error::Recipe {
                path,
                message: error.to_string(),
            })
    }
}

fn figures(spec: &ShipSpec, outcome: &Outcome) -> BTreeMap<String, f64> {
    let mut figures = BTreeMap::new();
    let rows = outcome.results.iter();
    for row in rows.filter(|row| row.protocol == Protocol::Filtered && row.name == spec.candidate) {
        let mut put = |unit: &str, scores: &melisma_learn::metrics::Scores| {
            for (what, value) in [
                ("accuracy", scores.accuracy),
                ("low", scores.low),
                ("high", scores.high),
            ] {
                figures.insert(format!("filtered_{}_{unit}_{what}", row.source), value);
            }
        };
        put(row.unit, &row.scores);
        if let Some(track) = &row.track {
            put("track", track);
        }
    }
    figures
}

impl Session<'_> {
    fn shipped(&self, spec: &ShipSpec) -> Result<&Candidate> {
        let found = self.recipe.content().candidate(&spec.candidate);
        found.ok_or_else(|| {
            self.recipe
                .fault(format!("there is no candidate `{}`", spec.candidate))
        })
    }

    /// The tracks that may be fitted on without `exclude`, copies of them, and, if `also_artists`, tracks of the same artists.
    pub(crate) fn clean(&self, exclude: &BTreeSet<TrackId>, also_artists: bool) -> Vec<usize> {
        let tracks = &self.data.tracks;
        let excluded: BTreeSet<usize> = (0..tracks.len())
            .filter(|&track| exclude.contains(&tracks[track].id))
            .collect();
        let copies: BTreeSet<usize> = excluded
            .iter()
            .flat_map(|&track| self.data.copies(track))
            .collect();
        let artists: BTreeSet<usize> = excluded
            .iter()
            .filter_map(|&track| tracks[track].artist)
            .collect();
        (0..tracks.len())
            .filter(|&track| {
                let by_excluded = tracks[track]
                    .artist
                    .is_some_and(|artist| artists.contains(&artist));
                let left_out =
                    excluded.contains(&track) || copies.contains(&track) || (also_artists && by_excluded);
                !tracks[track].faulty && !left_out
            })
            .collect()
    }

    /// Fits the candidate on clean tracks and calibrates it.
    fn train(
        &self,
        spec: &ShipSpec,
        exclude: &BTreeSet<TrackId>,
        also_artists: bool,
    ) -> Result<(Model, Calibration)> {
        let candidate = self.shipped(spec)?;
        let tracks = self.clean(exclude, also_artists);
        let (said, folds) = self.said_out_of_fold(candidate, &tracks, "tracks trained on")?;
        let temperature = temperature(&said);
        let sources = self.sources(candidate);
        let first = sources.first().copied().unwrap_or(0);
        let columns = self.columns(candidate, first)?;
        let rows = self.data.rows_of_tracks(&sources, &tracks);
        let train = self.data.examples(Protocol::Filtered, &rows, Some(&columns))?;
        let (fitted, _, _) = self.fit(
            candidate,
            Protocol::Filtered,
            &train,
            &mut Fits::new(),
            &mut BTreeMap::new(),
        )?;
        let mut kept =
            Rng::new(self.recipe.content().seed).sample(train.y().len(), BACKGROUND.min(train.y().len()));
        kept.sort_unstable();
        let ids: BTreeSet<&TrackId> = tracks.iter().map(|&track| &self.data.tracks[track].id).collect();
        let listed: String = ids.iter().map(|id| format!("{id}\n")).collect();
        let (schema, schema_hash) = match self.recipe.content().data.collection {
            Collection::Scores => (
                RowKind::Named(melisma_genre::ROWS.to_owned()),
                melisma_genre::schema_hash(),
            ),
            _ => (RowKind::Recording(Schema::Gtzan), Schema::Gtzan.hash()),
        };
        let header = Header {
            name: self.recipe.name().to_owned(),
            version: spec.version,
            schema,
            schema_hash,
            columns: (0..columns.len()).map(|input| train.name(input)).collect(),
            genres: self.data.labels.clone(),
            window_seconds: spec.window_seconds,
            pad: spec.pad.clone(),
            temperature,
            data: self.data.files.clone(),
            tracks_hash: sha256_hex(listed.as_bytes()),
            recipe_hash: self.recipe.hash().to_owned(),
            seed: self.recipe.content().seed,
            splits: vec![folds],
            figures: BTreeMap::new(),
        };
        let background = train.x().select(Axis(0), &kept);
        let model = Model::new(header, fitted.pipeline, background)?;
        Ok((
            model,
            calibration(
                "out of fold, all clean tracks (shipped model)",
                &said,
                temperature,
            ),
        ))
    }

    /// How a model of the filtered protocol's training tracks is calibrated, on them and on the test tracks.
    fn calibrations(&self, spec: &ShipSpec, outcome: &Outcome) -> Result<Vec<Calibration>> {
        let candidate = self.shipped(spec)?;
        if matches!(self.estimate, Estimate::Cross { .. }) {
            return self.crossed_calibration(candidate, outcome);
        }
        let Some(parts) = self.data.track_parts(Protocol::Filtered, Estimate::Holdout)? else {
            return Ok(Vec::new());
        };
        let tracks = &parts.parts[0].0;
        let (said, _) = self.said_out_of_fold(candidate, tracks, "filtered train and valid lists")?;
        let temperature = temperature(&said);
        let mut found = vec![calibration("out of fold, training tracks", &said, temperature)];
        let first = self
            .sources(candidate)
            .first()
            .map(|&source| self.data.sources[source].name.clone());
        let tested = first.and_then(|source| outcome.row(&candidate.name, Protocol::Filtered, &source));
        found.extend(tested.map(|row| calibration("filtered test tracks", &row.said, temperature)));
        Ok(found)
    }

    /// The same by cross-validation: each fold's tracks with the temperature that out-of-fold predictions of the others ask for.
    fn crossed_calibration(&self, candidate: &Candidate, outcome: &Outcome) -> Result<Vec<Calibration>> {
        let source = self.sources(candidate).first().copied().unwrap_or(0);
        let name = &self.data.sources[source].name;
        let parts = self.data.track_parts(Protocol::Filtered, self.estimate)?;
        let Some((row, parts)) = outcome.row(&candidate.name, Protocol::Filtered, name).zip(parts) else {
            return Ok(Vec::new());
        };
        let mut temperatures = Vec::new();
        let mut tempered = row.said.clone();
        for (train, test) in &parts.parts {
            let (said, _) = self.said_out_of_fold(candidate, train, "training folds")?;
            let temperature = temperature(&said);
            let test: BTreeSet<usize> = test.iter().copied().collect();
            let rows: Vec<usize> = (0..row.said.tracks.len())
                .filter(|&at| test.contains(&row.said.tracks[at]))
                .collect();
            let each: Vec<usize> = (0..rows.len()).collect();
            let said = row.said.prediction.probabilities.select(Axis(0), &rows);
            let means = tempered_means(&said, &each, rows.len(), temperature);
            for (mean, &at) in means.rows().into_iter().zip(&rows) {
                tempered.prediction.probabilities.row_mut(at).assign(&mean);
            }
            temperatures.push(temperature);
        }
        let mean = temperatures.iter().sum::<f64>() / temperatures.len() as f64;
        let name = "cross-validated, the temperature from the other folds";
        let (before, after) = (
            calibration(name, &row.said, 1.0),
            calibration(name, &tempered, 1.0),
        );
        Ok(vec![Calibration {
            temperature: mean,
            after: after.after,
            ..before
        }])
    }

    /// What the candidate says of the rows of its first source, each fitted without the artist's tracks; and the folds.
    fn said_out_of_fold(&self, candidate: &Candidate, tracks: &[usize], what: &str) -> Result<(Said, Stamp)> {
        let content = self.recipe.content();
        let folds = content.choose.unwrap_or_default().folds;
        let seed = content.seed.wrapping_mul(1000);
        let fold_of = self.artist_folds(tracks, folds, seed)?;
        let sources = self.sources(candidate);
        let source = sources.first().copied().unwrap_or(0);
        let of = &self.data.sources[source].track_of;
        let mut all = Said {
            prediction: Prediction::most_probable(Array2::zeros((0, self.data.labels.len()))),
            truth: Vec::new(),
            tracks: Vec::new(),
        };
        for fold in 0..folds {
            self.watch.check()?;
            let side = |inside: bool| -> BTreeSet<usize> {
                (0..tracks.len())
                    .filter(|&at| (fold_of[at] == fold) == inside)
                    .map(|at| tracks[at])
                    .collect()
            };
            let (outside, inside) = (side(false), side(true));
            let rows = Rows {
                train: self
                    .data
                    .rows_of_tracks(&sources, &outside.into_iter().collect::<Vec<_>>()),
                test: (0..of.len()).filter(|&row| inside.contains(&of[row])).collect(),
            };
            let judged = self.judge(
                candidate,
                Protocol::Filtered,
                source,
                &rows,
                &mut Fits::new(),
                &mut BTreeMap::new(),
            )?;
            let said = judged.said;
            let joined = ndarray::concatenate(
                Axis(0),
                &[
                    all.prediction.probabilities.view(),
                    said.prediction.probabilities.view(),
                ],
            );
            all.prediction.probabilities = joined.unwrap_or_default();
            all.prediction.classes.extend(said.prediction.classes);
            all.truth.extend(said.truth);
            all.tracks.extend(said.tracks);
        }
        let places = tracks
            .iter()
            .zip(&fold_of)
            .map(|(&track, &fold)| (self.data.tracks[track].id.to_string(), Place::Fold(fold as u32)));
        let about = About {
            method: format!("{what}, {folds} folds by artist"),
            seed: Some(seed),
            ..About::default()
        };
        let stamp = Split::new(places.collect(), about)?.stamp();
        Ok((all, stamp))
    }

    /// How many training tracks of the filtered protocol have groups that meet the test tracks', and how many of those meet theirs.
    fn overlap(&self) -> Result<(usize, usize)> {
        let Some(parts) = self.data.track_parts(Protocol::Filtered, Estimate::Holdout)? else {
            return Ok((0, 0));
        };
        let (train, test) = &parts.parts[0];
        let group = |&track: &usize| self.data.group(Protocol::Filtered, track);
        let groups = |tracks: &[usize]| tracks.iter().map(group).collect::<BTreeSet<_>>();
        let shared: BTreeSet<usize> = &groups(train) & &groups(test);
        let meets = |tracks: &[usize]| {
            tracks
                .iter()
                .filter(|track| shared.contains(&group(track)))
                .count()
        };
        Ok((meets(train), meets(test)))
    }
}

/// Rows of tracks numbered from 0 in order of their first rows, and the class of each.
fn numbered(said: &Said) -> (Vec<usize>, Vec<usize>) {
    let mut number = BTreeMap::new();
    let mut truth = Vec::new();
    let of_row = said
        .tracks
        .iter()
        .zip(&said.truth)
        .map(|(&track, &class)| {
            *number.entry(track).or_insert_with(|| {
                truth.push(class);
                truth.len() - 1
            })
        })
        .collect();
    (of_row, truth)
}

fn temperature(said: &Said) -> f64 {
    let (of_row, truth) = numbered(said);
    fit_temperature(&said.prediction.probabilities, &of_row, &truth)
}

fn calibration(name: &str, said: &Said, temperature: f64) -> Calibration {
    let (of_row, truth) = numbered(said);
    let scores = |temperature: f64| {
        let means = tempered_means(&said.prediction.probabilities, &of_row, truth.len(), temperature);
        let bins = reliability(&means, &truth, BINS);
        CalibrationScores {
            log_loss: log_loss(&means, &truth),
            brier: brier(&means, &truth),
            calibration_error: calibration_error(&bins),
            reliability: bins,
        }
    };
    Calibration {
        name: name.to_owned(),
        tracks: truth.len(),
        temperature,
        before: scores(1.0),
        after: scores(temperature),
    }
}
