//! Running a recipe: search on training rows, fit, judge, compare.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use melisma_dataset::split::Stamp;
use melisma_learn::PipelineParams;
use melisma_learn::metrics::{Prediction, Scores, mcnemar, track_vote};
use melisma_learn::select::{SelectParams, ranking};
use melisma_learn::validation::ledger::Ledger;
use melisma_learn::validation::search::{self, Found, SearchParams};
use melisma_learn::{Examples, cpu_seconds, fit_steps, validation};
use ndarray::{Array2, Axis};

use crate::data::{Data, Estimate, Rows, inner_folds};
use crate::fit::{Fits, Fitted, fit};
use crate::network::{NetworkSpec, Training};
use crate::outcome::{Comparison, Outcome, Ranking, ResultRow, Said, SearchSummary};
use crate::protocol::Protocol;
use crate::recipe::{Candidate, Collection, Recipe, ValidationSpec, json, to_json};
use crate::{Error, Result, explain};

/// What a run needs of the world.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Set when the run shall end.
    pub stop: &'a AtomicBool,
    /// Told what is being done.
    pub say: &'a (dyn Fn(&str) + Sync),
    /// Told how many fits of a search are done, of how many.
    pub step: &'a (dyn Fn(usize, usize) + Sync),
}

impl Watch<'_> {
    pub(crate) fn check(&self) -> Result<()> {
        match self.stop.load(Ordering::Relaxed) {
            true => Err(Error::Interrupted),
            false => Ok(()),
        }
    }
}

/// A run in progress.
pub(crate) struct Session<'a> {
    pub(crate) recipe: &'a Recipe,
    pub(crate) data: Data,
    pub(crate) ledger: Ledger,
    pub(crate) watch: Watch<'a>,
    pub(crate) estimate: Estimate,
    /// Where work that was interrupted can be gone on from.
    folder: Option<PathBuf>,
}

impl Recipe {
    /// Runs the recipe. With a `folder`, scores of the search are kept in it as they are found (`search.ledger`), and a run that
    /// was interrupted goes on there. The current rayon pool does the work; the results do not depend on its size.
    ///
    /// # Errors
    /// [`Error::Data`] and [`Error::Table`] for data that cannot be read or learned from, [`Error::Candidate`] naming a
    /// candidate and protocol that fail, [`Error::Recipe`] where it asks for what the data do not have, [`Error::Interrupted`].
    pub fn run(&self, data_dir: &Path, folder: Option<&Path>, watch: Watch<'_>) -> Result<Outcome> {
        let session = Session::open(self, data_dir, folder, watch)?;
        let choice = session.choose()?;
        let mut outcome = session.measure(choice.as_ref().map(|choice| choice.chosen.as_str()))?;
        outcome.choice = choice;
        Ok(outcome)
    }
}

/// The data a recipe learns from.
pub(crate) fn open_data(recipe: &Recipe, data_dir: &Path, stop: &AtomicBool) -> Result<Data> {
    let content = recipe.content();
    let spec = &content.data;
    match spec.collection {
        Collection::Gtzan => Data::gtzan(data_dir, &spec.sources, spec.clean, content.seed, stop),
        Collection::Table => {
            let path = spec.path.clone().unwrap_or_default();
            let below = data_dir.join(&path);
            let path: PathBuf = if below.exists() { below } else { path };
            Data::table(&path, spec.label.as_deref(), spec.clean, content.seed)
        }
        Collection::Scores => {
            let path = spec.path.clone().unwrap_or_default();
            let below = data_dir.join(&path);
            let path: PathBuf = if below.exists() { below } else { path };
            Data::scores(&path, data_dir, spec, content.seed, stop)
        }
    }
}

impl<'a> Session<'a> {
    pub(crate) fn open(
        recipe: &'a Recipe,
        data_dir: &Path,
        folder: Option<&Path>,
        watch: Watch<'a>,
    ) -> Result<Session<'a>> {
        (watch.say)("reading data");
        let data = open_data(recipe, data_dir, watch.stop)?;
        for candidate in &recipe.content().candidate {
            for source in candidate
                .sources
                .iter()
                .flatten()
                .chain(candidate.fuse.iter().filter_map(|f| f.source.as_ref()))
            {
                if data.source(source).is_none() {
                    let message = format!("candidate `{}`: there is no source `{source}`", candidate.name);
                    return Err(recipe.fault(message));
                }
            }
        }
        let ledger = match folder {
            None => Ledger::in_memory(),
            Some(folder) => {
                std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
                Ledger::open(&folder.join("search.ledger"))?
            }
        };
        if ledger.before() > 0 {
            (watch.say)(&format!("going on: {} scores are known", ledger.before()));
        }
        let estimate = match recipe.content().validation {
            ValidationSpec::Holdout => Estimate::Holdout,
            ValidationSpec::Cross { folds, repeats } => Estimate::Cross { folds, repeats },
        };
        Ok(Session {
            recipe,
            data,
            ledger,
            watch,
            estimate,
            folder: folder.map(Path::to_owned),
        })
    }

    /// The sources of a candidate, by number.
    pub(crate) fn sources(&self, candidate: &Candidate) -> Vec<usize> {
        match &candidate.sources {
            None => (0..self.data.sources.len()).collect(),
            Some(names) => names.iter().filter_map(|name| self.data.source(name)).collect(),
        }
    }

    pub(crate) fn columns(&self, candidate: &Candidate, source: usize) -> Result<Vec<usize>> {
        let names = &self.data.sources[source].columns;
        candidate
            .columns(names)
            .map_err(|message| self.recipe.fault(message))
    }

    pub(crate) fn failed(
        &self,
        candidate: &Candidate,
        protocol: Protocol,
    ) -> impl Fn(melisma_learn::Error) -> Error {
        let name = candidate.name.clone();
        move |source| match source {
            melisma_learn::Error::Interrupted => Error::Interrupted,
            source => Error::Candidate {
                name: name.clone(),
                protocol,
                source: Box::new(source),
            },
        }
    }

    /// A candidate's parameters for these training rows: as written, or as searched. `known` are those of its members.
    pub(crate) fn params(
        &self,
        candidate: &Candidate,
        protocol: Protocol,
        train: &Examples,
        known: &BTreeMap<String, PipelineParams>,
    ) -> Result<(PipelineParams, Option<Found>)> {
        let content = self.recipe.content();
        let members = candidate
            .members
            .iter()
            .filter_map(|name| known.get(name))
            .map(|params| toml::Value::try_from(&params.classifier))
            .collect::<std::result::Result<_, _>>()
            .map_err(|error| self.recipe.fault(error.to_string()))?;
        let base = candidate
            .pipeline(content, members)
            .map_err(|message| self.recipe.fault(message))?;
        if candidate.grid.0.is_empty() {
            return Ok((base, None));
        }
        let spec = content.search;
        let params = SearchParams {
            method: spec.method,
            points: spec.points,
            factor: spec.factor,
            score: spec.score,
            folds: inner_folds(protocol, spec.folds, spec.repeats, content.seed),
        };
        let watch = search::Watch {
            ledger: &self.ledger,
            stop: self.watch.stop,
            on_step: self.watch.step,
        };
        let found = params
            .run(train, &base, &candidate.grid, watch)
            .map_err(self.failed(candidate, protocol))?;
        Ok((found.params.clone(), Some(found)))
    }

    /// Fits a candidate with its members (those that `fits` lacks), and returns how.
    pub(crate) fn fit(
        &self,
        candidate: &Candidate,
        protocol: Protocol,
        train: &Examples,
        fits: &mut Fits,
        known: &mut BTreeMap<String, PipelineParams>,
    ) -> Result<(Fitted, PipelineParams, Option<Found>)> {
        for name in &candidate.members {
            if !fits.contains_key(name)
                && let Some(member) = self.recipe.content().candidate(name)
            {
                let (fitted, params, _) = self.fit(member, protocol, train, fits, known)?;
                fits.insert(name.clone(), fitted);
                known.insert(name.clone(), params);
            }
        }
        self.watch.check()?;
        let (params, found) = self.params(candidate, protocol, train, known)?;
        let fitted = fit(candidate, &params, train, fits).map_err(self.failed(candidate, protocol))?;
        Ok((fitted, params, found))
    }

    /// Measures candidates under all protocols: all of them, or the one that was chosen.
    fn measure(&self, only: Option<&str>) -> Result<Outcome> {
        let content = self.recipe.content();
        let measured: Vec<&Candidate> = content
            .candidate
            .iter()
            .filter(|candidate| only.is_none_or(|only| only == candidate.name))
            .collect();
        let mut outcome = self.empty();
        let strictest = content.protocols.iter().max().copied();
        for &protocol in &content.protocols {
            let start = cpu_seconds();
            let mut said_why = false;
            for tested in 0..self.data.sources.len() {
                let of_source: Vec<&Candidate> = measured
                    .iter()
                    .copied()
                    .filter(|c| c.fuse.is_empty() && self.sources(c).contains(&tested))
                    .collect();
                let explained = (Some(protocol) == strictest).then_some(&content.report.explain);
                let done = self.measure_source(protocol, tested, &of_source, explained, &mut outcome)?;
                if !done && !said_why && !of_source.is_empty() {
                    said_why = true;
                    outcome.notes.push(format!(
                        "Protocol {protocol} cannot be had: the table has neither artists nor the parts of an official split."
                    ));
                }
            }
            for candidate in measured.iter().filter(|candidate| !candidate.fuse.is_empty()) {
                self.measure_fusion(protocol, candidate, &mut outcome)?;
            }
            if let Some(seconds) = start.zip(cpu_seconds()).map(|(start, end)| end - start) {
                outcome.cpu_s.insert(protocol.to_string(), seconds);
            }
        }
        outcome.comparisons = comparisons(&outcome.results);
        outcome.collections = self.by_collection(&outcome)?;
        if let Some(protocol) = strictest {
            outcome.rankings = self.rankings(protocol)?;
        }
        Ok(outcome)
    }

    fn empty(&self) -> Outcome {
        let content = self.recipe.content();
        Outcome {
            recipe: content.name.clone(),
            about: content.about.clone(),
            recipe_sha256: self.recipe.hash().to_owned(),
            seed: content.seed,
            melisma: env!("CARGO_PKG_VERSION").to_owned(),
            labels: self.data.labels.clone(),
            data: self.data.files.clone(),
            validation: match self.estimate {
                Estimate::Holdout => "test rows held out once".to_owned(),
                Estimate::Cross { folds, repeats: 1 } => format!("{folds}-fold cross-validation"),
                Estimate::Cross { folds, repeats } => {
                    format!("{folds}-fold cross-validation, {repeats} times")
                }
            },
            results: Vec::new(),
            choice: None,
            comparisons: Vec::new(),
            rankings: Vec::new(),
            explanations: Vec::new(),
            splits: Vec::new(),
            collections: Vec::new(),
            cpu_s: BTreeMap::new(),
            notes: self.data.notes.clone(),
        }
    }

    /// Measures candidates on the rows of one source; `false` where the protocol cannot be had.
    fn measure_source(
        &self,
        protocol: Protocol,
        tested: usize,
        candidates: &[&Candidate],
        explained: Option<&Vec<String>>,
        outcome: &mut Outcome,
    ) -> Result<bool> {
        let mut tallies: BTreeMap<usize, Tally> = BTreeMap::new();
        // Candidates that are fitted on the same sources meet the same rows.
        let mut by_sources: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
        for (number, candidate) in candidates.iter().enumerate() {
            by_sources
                .entry(self.sources(candidate))
                .or_default()
                .push(number);
        }
        for (sources, numbers) in by_sources {
            let Some(parts) = self.data.parts(protocol, self.estimate, tested, &sources)? else {
                return Ok(false);
            };
            note(&mut outcome.splits, &parts.stamp);
            let folds = parts.parts.len();
            for (fold, rows) in parts.parts.iter().enumerate() {
                let (mut fits, mut known) = (Fits::new(), BTreeMap::new());
                for &number in &numbers {
                    let candidate = candidates[number];
                    let of = match folds {
                        1 => String::new(),
                        _ => format!(", fold {} of {folds}", fold + 1),
                    };
                    (self.watch.say)(&format!(
                        "{protocol}, {} rows{of}: {}",
                        self.data.sources[tested].name, candidate.name
                    ));
                    let judged = self.judge(candidate, protocol, tested, rows, &mut fits, &mut known)?;
                    if let Some(fitted) = fits.get(&candidate.name)
                        && fold == 0
                        && explained.is_some_and(|names| names.contains(&candidate.name))
                    {
                        let columns = self.columns(candidate, tested)?;
                        let train = self.data.examples(protocol, &rows.train, Some(&columns))?;
                        let test = self.data.held(tested, &rows.test, &columns);
                        outcome.explanations.push(
                            explain::explain(
                                candidate,
                                fitted,
                                &train,
                                &test,
                                &self.data,
                                protocol,
                                outcome.seed,
                            )
                            .map_err(self.failed(candidate, protocol))?,
                        );
                    }
                    let tally = tallies.entry(number).or_insert_with(|| Tally {
                        split: parts.stamp.sha256.clone(),
                        ..Tally::default()
                    });
                    tally.add(judged, rows);
                }
            }
        }
        for (number, tally) in tallies {
            let candidate = candidates[number];
            let inputs = self.columns(candidate, tested)?.len();
            let source = &self.data.sources[tested];
            let repeated = matches!(self.estimate, Estimate::Cross { repeats, .. } if repeats > 1);
            outcome.results.push(tally.row(
                candidate,
                protocol,
                &source.name,
                source.windows,
                repeated,
                inputs,
                outcome.seed,
            ));
        }
        Ok(true)
    }

    pub(crate) fn judge(
        &self,
        candidate: &Candidate,
        protocol: Protocol,
        tested: usize,
        rows: &Rows,
        fits: &mut Fits,
        known: &mut BTreeMap<String, PipelineParams>,
    ) -> Result<Judged> {
        let columns = self.columns(candidate, tested)?;
        let train = self.data.examples(protocol, &rows.train, Some(&columns))?;
        let test: validation::Held = self.data.held(tested, &rows.test, &columns);
        if let Some(spec) = &candidate.network {
            return self.judge_network(candidate, spec, protocol, tested, rows, &train, &test);
        }
        let (fitted, params, found) = self.fit(candidate, protocol, &train, fits, known)?;
        let start = cpu_seconds();
        let prediction = fitted.pipeline.prediction(test.x());
        let predict_cpu_s = start.zip(cpu_seconds()).map(|(start, end)| end - start);
        let source = &self.data.sources[tested];
        let judged = Judged {
            said: Said {
                prediction,
                truth: test.truth().to_vec(),
                tracks: rows.test.iter().map(|&row| source.track_of[row]).collect(),
            },
            fit_cpu_s: fitted.cpu_s,
            predict_cpu_s,
            params: to_json(&params.classifier),
            found,
            training: None,
        };
        fits.insert(candidate.name.clone(), fitted);
        known.insert(candidate.name.clone(), params);
        Ok(judged)
    }

    #[allow(clippy::too_many_arguments)]
    fn judge_network(
        &self,
        candidate: &Candidate,
        spec: &NetworkSpec,
        protocol: Protocol,
        tested: usize,
        rows: &Rows,
        train: &Examples,
        test: &validation::Held,
    ) -> Result<Judged> {
        let source = &self.data.sources[tested];
        let failed = |error: melisma_neural::Error| match error {
            melisma_neural::Error::Interrupted => Error::Interrupted,
            error => Error::Network {
                name: candidate.name.clone(),
                protocol,
                source: Box::new(error),
            },
        };
        let image = source
            .image
            .filter(|(bands, columns)| bands * columns == train.x().ncols());
        let content = self.recipe.content();
        let steps = candidate.steps(content);
        let folder = self.folder.as_deref();
        let start = cpu_seconds();
        let fitted = spec
            .fit(steps, image, train, content.seed, folder, self.watch)
            .map_err(failed)?;
        let between = cpu_seconds();
        let probabilities = fitted.predict(test.x()).map_err(failed)?;
        let end = cpu_seconds();
        let seconds = |from: Option<f64>, to: Option<f64>| from.zip(to).map(|(from, to)| to - from);
        Ok(Judged {
            said: Said {
                prediction: Prediction::most_probable(probabilities),
                truth: test.truth().to_vec(),
                tracks: rows.test.iter().map(|&row| source.track_of[row]).collect(),
            },
            fit_cpu_s: seconds(start, between),
            predict_cpu_s: seconds(between, end),
            params: to_json(spec),
            found: None,
            training: Some(fitted.training()),
        })
    }

    /// The weighted mean of several candidates' track mixtures.
    fn measure_fusion(&self, protocol: Protocol, candidate: &Candidate, outcome: &mut Outcome) -> Result<()> {
        (self.watch.say)(&format!("{protocol}, tracks: {}", candidate.name));
        let mut tally = Tally::default();
        let Some(parts) = self.data.track_parts(protocol, self.estimate)? else {
            return Ok(());
        };
        note(&mut outcome.splits, &parts.stamp);
        tally.split.clone_from(&parts.stamp.sha256);
        let mut inputs = 0;
        for (train, test) in &parts.parts {
            let fused = self.fused(candidate, protocol, train, test)?;
            inputs = fused.inputs;
            let rows = Rows {
                train: vec![(0, 0); fused.train_rows],
                test: Vec::new(),
            };
            tally.add(fused.judged, &rows);
        }
        let repeated = matches!(self.estimate, Estimate::Cross { repeats, .. } if repeats > 1);
        outcome.results.push(tally.row(
            candidate,
            protocol,
            "tracks",
            false,
            repeated,
            inputs,
            outcome.seed,
        ));
        Ok(())
    }

    /// Fits the parts of a fusion (or a candidate alone) on some tracks, and averages what they say of others.
    pub(crate) fn fused(
        &self,
        candidate: &Candidate,
        protocol: Protocol,
        train: &[usize],
        test: &[usize],
    ) -> Result<FusedJudgement> {
        let content = self.recipe.content();
        let single = [(
            candidate,
            self.sources(candidate).first().copied().unwrap_or(0),
            1.0,
        )];
        let views: Vec<(&Candidate, usize, f64)> = if candidate.fuse.is_empty() {
            single.to_vec()
        } else {
            candidate
                .fuse
                .iter()
                .filter_map(|part| {
                    let view = content.candidate(&part.candidate)?;
                    let source = match &part.source {
                        Some(name) => self.data.source(name)?,
                        None => *self.sources(view).first()?,
                    };
                    Some((view, source, part.weight))
                })
                .collect()
        };
        let mut sum = Array2::<f64>::zeros((test.len(), self.data.labels.len()));
        let mut weights = vec![0.0; test.len()];
        let place: BTreeMap<usize, usize> = test
            .iter()
            .enumerate()
            .map(|(place, &track)| (track, place))
            .collect();
        let (mut fit_s, mut predict_s) = (Some(0.0), Some(0.0));
        let (mut inputs, mut train_rows) = (0, 0);
        let mut params = Vec::new();
        for (view, source, weight) in views {
            let rows = self.data.rows_of_tracks(&self.sources(view), train);
            let of = &self.data.sources[source].track_of;
            let test_rows: Vec<usize> = (0..of.len())
                .filter(|row| place.contains_key(&of[*row]))
                .collect();
            let rows = Rows {
                train: rows,
                test: test_rows,
            };
            train_rows += rows.train.len();
            inputs += self.columns(view, source)?.len();
            let judged = self.judge(
                view,
                protocol,
                source,
                &rows,
                &mut Fits::new(),
                &mut BTreeMap::new(),
            )?;
            let vote = track_vote(
                &judged.said.prediction.probabilities,
                &judged.said.truth,
                &judged.said.tracks,
            );
            for (mean, track) in vote.prediction.probabilities.rows().into_iter().zip(&vote.tracks) {
                let at = place[track];
                sum.row_mut(at).scaled_add(weight, &mean);
                weights[at] += weight;
            }
            fit_s = fit_s.zip(judged.fit_cpu_s).map(|(a, b)| a + b);
            predict_s = predict_s.zip(judged.predict_cpu_s).map(|(a, b)| a + b);
            params.push(judged.params);
        }
        // A track that a view lacks is judged by the others; one that all lack is not judged.
        let kept: Vec<usize> = (0..test.len()).filter(|&at| weights[at] > 0.0).collect();
        let mut probabilities = sum.select(Axis(0), &kept);
        for (mut row, &at) in probabilities.rows_mut().into_iter().zip(&kept) {
            row /= weights[at];
        }
        let tracks: Vec<usize> = kept.iter().map(|&at| test[at]).collect();
        Ok(FusedJudgement {
            judged: Judged {
                said: Said {
                    prediction: Prediction::most_probable(probabilities),
                    truth: tracks
                        .iter()
                        .map(|&track| self.data.tracks[track].class)
                        .collect(),
                    tracks,
                },
                fit_cpu_s: fit_s,
                predict_cpu_s: predict_s,
                params: serde_json::Value::Array(params),
                found: None,
                training: None,
            },
            inputs,
            train_rows,
        })
    }

    fn rankings(&self, protocol: Protocol) -> Result<Vec<Ranking>> {
        let rankers = &self.recipe.content().report.rankings;
        if rankers.is_empty() || self.data.sources.is_empty() {
            return Ok(Vec::new());
        }
        let Some(parts) = self.data.parts(protocol, Estimate::Holdout, 0, &[0])? else {
            return Ok(Vec::new());
        };
        let examples = self.data.examples(protocol, &parts.parts[0].train, None)?;
        let (_, examples) = fit_steps(&self.recipe.content().steps, &examples)?;
        let mut rankings = Vec::new();
        for ranker in rankers {
            self.watch.check()?;
            let method = ranker.method.name().to_owned();
            (self.watch.say)(&format!("ranking inputs by {method}"));
            let all = SelectParams {
                keep: ranker.keep.or(Some(examples.x().ncols())),
                ..ranker.clone()
            };
            rankings.push(Ranking {
                columns: ranking(&examples, &all)?,
                method,
            });
        }
        Ok(rankings)
    }
}

/// What is said of a fusion's tracks.
pub(crate) struct FusedJudgement {
    pub(crate) judged: Judged,
    inputs: usize,
    train_rows: usize,
}

/// What a fitted candidate says of rows, and what that took.
pub(crate) struct Judged {
    pub(crate) said: Said,
    fit_cpu_s: Option<f64>,
    predict_cpu_s: Option<f64>,
    params: serde_json::Value,
    found: Option<Found>,
    training: Option<Training>,
}

/// A candidate's judgements, fold after fold.
#[derive(Default)]
struct Tally {
    said: Vec<Said>,
    train_rows: Vec<usize>,
    fit_cpu_s: Vec<Option<f64>>,
    predict_cpu_s: Vec<Option<f64>>,
    params: Vec<serde_json::Value>,
    search: Option<SearchSummary>,
    training: Option<Training>,
    split: String,
}

impl Tally {
    fn add(&mut self, judged: Judged, rows: &Rows) {
        self.said.push(judged.said);
        self.train_rows.push(rows.train.len());
        self.fit_cpu_s.push(judged.fit_cpu_s);
        self.predict_cpu_s.push(judged.predict_cpu_s);
        self.params.push(judged.params);
        if self.training.is_none() {
            self.training = judged.training;
        }
        if self.search.is_none() {
            self.search = judged.found.as_ref().map(summary);
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn row(
        mut self,
        candidate: &Candidate,
        protocol: Protocol,
        source: &str,
        windows: bool,
        repeated: bool,
        inputs: usize,
        seed: u64,
    ) -> ResultRow {
        let classes = self
            .said
            .first()
            .map_or(0, |said| said.prediction.probabilities.ncols());
        let mut all = Said {
            prediction: Prediction::most_probable(Array2::zeros((0, classes))),
            truth: Vec::new(),
            tracks: Vec::new(),
        };
        let views: Vec<_> = self
            .said
            .iter()
            .map(|said| said.prediction.probabilities.view())
            .collect();
        if let Ok(joined) = ndarray::concatenate(Axis(0), &views) {
            all.prediction.probabilities = joined;
        }
        for said in &self.said {
            all.prediction.classes.extend(&said.prediction.classes);
            all.truth.extend(&said.truth);
            all.tracks.extend(&said.tracks);
        }
        let groups = (windows || repeated).then_some(all.tracks.as_slice());
        let scores = Scores::new(&all.prediction, &all.truth, groups, seed);
        let track = windows.then(|| {
            let vote = track_vote(&all.prediction.probabilities, &all.truth, &all.tracks);
            Scores::new(&vote.prediction, &vote.truth, None, seed)
        });
        let sum = |seconds: &[Option<f64>]| seconds.iter().copied().sum::<Option<f64>>();
        let same = self.params.windows(2).all(|pair| pair[0] == pair[1]);
        ResultRow {
            name: candidate.name.clone(),
            protocol,
            source: source.to_owned(),
            unit: if windows { "window" } else { "track" },
            scores,
            track,
            train_rows: self.train_rows.iter().sum::<usize>() / self.train_rows.len().max(1),
            inputs,
            fit_cpu_s: sum(&self.fit_cpu_s),
            predict_cpu_s: sum(&self.predict_cpu_s),
            params: match same && !self.params.is_empty() {
                true => self.params.swap_remove(0),
                false => serde_json::Value::Array(self.params),
            },
            search: self.search,
            training: self.training,
            split: self.split,
            said: all,
        }
    }
}

fn summary(found: &Found) -> SearchSummary {
    let set = |tried: &search::Tried| -> serde_json::Value {
        tried
            .set
            .iter()
            .map(|(name, value)| (name.clone(), json(value.clone())))
            .collect()
    };
    SearchSummary {
        points: found.tried.len(),
        best: set(&found.tried[found.best]),
        score: found.tried[found.best].mean,
        tried: found
            .tried
            .iter()
            .map(|tried| (set(tried), tried.mean, tried.share))
            .collect(),
    }
}

fn note(splits: &mut Vec<Stamp>, stamp: &Stamp) {
    if !splits.contains(stamp) {
        splits.push(stamp.clone());
    }
}

/// McNemar's test between all candidates of a protocol and source, over tracks.
fn comparisons(results: &[ResultRow]) -> Vec<Comparison> {
    let right = |row: &ResultRow| -> BTreeMap<usize, bool> {
        let said = &row.said;
        let vote = track_vote(&said.prediction.probabilities, &said.truth, &said.tracks);
        let hits = match row.unit {
            "track" if vote.tracks.len() == said.truth.len() => said.prediction.hits(&said.truth),
            _ => vote.prediction.hits(&vote.truth),
        };
        vote.tracks.iter().copied().zip(hits).collect()
    };
    let sets: Vec<BTreeMap<usize, bool>> = results.iter().map(right).collect();
    let mut found = Vec::new();
    for (i, first) in results.iter().enumerate() {
        for (j, second) in results.iter().enumerate().skip(i + 1) {
            let comparable = first.protocol == second.protocol && first.source == second.source;
            if !comparable || sets[i].keys().ne(sets[j].keys()) {
                continue;
            }
            let flags = |set: &BTreeMap<usize, bool>| set.values().copied().collect::<Vec<_>>();
            found.push(Comparison {
                protocol: first.protocol,
                source: first.source.clone(),
                first: first.name.clone(),
                second: second.name.clone(),
                test: mcnemar(&flags(&sets[i]), &flags(&sets[j])),
            });
        }
    }
    found
}
