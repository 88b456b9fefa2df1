//! Recipes: experiments as files.
//!
//! A recipe says which data, which protocols, which candidates (steps and a classifier, or an ensemble of other candidates),
//! and where their parameters are searched. [`Recipe::read`] refuses what cannot be run before anything is computed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use melisma_dataset::sha256_hex;
use melisma_learn::PipelineParams;
use melisma_learn::StepParams;
use melisma_learn::select::SelectParams;
use melisma_learn::validation::Space;
use melisma_learn::validation::search::{Method, Score};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::network::NetworkSpec;
use crate::protocol::Protocol;
use crate::{Error, Result};

/// No recipe is longer than this.
const LONGEST: u64 = 1 << 20;

/// A recipe, read and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    path: PathBuf,
    hash: String,
    content: Content,
}

/// The fields of a recipe's file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// Its name.
    pub name: String,
    /// What it is for: a sentence or two for the report.
    #[serde(default)]
    pub about: String,
    /// What chance starts from: splits, folds, bootstrap.
    #[serde(default)]
    pub seed: u64,
    /// What is learned from.
    pub data: DataSpec,
    /// The protocols, by default all.
    #[serde(default = "all_protocols")]
    pub protocols: Vec<Protocol>,
    /// How performance is estimated.
    #[serde(default)]
    pub validation: ValidationSpec,
    /// How candidates with a grid are searched.
    #[serde(default)]
    pub search: SearchSpec,
    /// Steps before every candidate's classifier that names none of its own.
    #[serde(default)]
    pub steps: Vec<StepParams>,
    /// What is compared.
    pub candidate: Vec<Candidate>,
    /// How one candidate is chosen among all.
    pub choose: Option<ChooseSpec>,
    /// Which model is made for use.
    pub ship: Option<ShipSpec>,
    /// What the report shows beside the results.
    #[serde(default)]
    pub report: ReportSpec,
}

/// What is learned from.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSpec {
    /// `gtzan`, `table` or `scores`.
    pub collection: Collection,
    /// The table, or the folder of FMA, for `table`; the folder or archive of MIDI files for `scores`: below the data folder, or a path of
    /// its own.
    pub path: Option<PathBuf>,
    /// GTZAN's tables `30s` and `10s`, and its images `spectrograms`; of scores, whole `pieces` and their `passages`.
    #[serde(default)]
    pub sources: Vec<String>,
    /// The genres of scores that are learned, as their folders are called.
    #[serde(default)]
    pub genres: Vec<String>,
    /// The most scores of a genre; which ones, the seed draws.
    pub per_genre: Option<usize>,
    /// Lists of names of scores that are not to be learned from, below the data folder.
    #[serde(default)]
    pub leave_out: Vec<PathBuf>,
    /// The column of labels, by default `label`.
    pub label: Option<String>,
    /// Whether damaged tracks and copies are kept from being fitted on under the filtered protocol.
    #[serde(default)]
    pub clean: bool,
}

/// Kinds of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Collection {
    /// GTZAN's published tables, lists and splits.
    Gtzan,
    /// A feature table of one's own, or FMA's published features.
    Table,
    /// MIDI files in folders by genre.
    Scores,
}

/// How performance is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[serde(deny_unknown_fields, tag = "method", rename_all = "lowercase")]
pub enum ValidationSpec {
    /// On test rows held out once.
    #[default]
    Holdout,
    /// By cross-validation; with a search inside, this is nested cross-validation.
    Cross {
        /// Folds.
        folds: usize,
        /// Repetitions.
        #[serde(default = "one")]
        repeats: usize,
    },
}

/// How candidates with a grid are searched: cross-validation on the training rows, keeping together what the protocol does.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SearchSpec {
    /// Which points.
    pub method: Method,
    /// Folds.
    pub folds: usize,
    /// Repetitions.
    pub repeats: usize,
    /// What is to be high.
    pub score: Score,
    /// Points, for random search.
    pub points: usize,
    /// By what halving cuts.
    pub factor: usize,
}

impl Default for SearchSpec {
    /// A grid, five folds, accuracy: the reference's search.
    fn default() -> Self {
        SearchSpec {
            method: Method::Grid,
            folds: 5,
            repeats: 1,
            score: Score::Accuracy,
            points: 60,
            factor: 3,
        }
    }
}

/// Something to be compared.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// Its name in results.
    pub name: String,
    /// Its classifier: a `kind` and parameters. An ensemble may name its members in `members`.
    #[serde(default)]
    pub classifier: Table,
    /// Its network, in a classifier's place.
    pub network: Option<NetworkSpec>,
    /// Its own steps.
    pub steps: Option<Vec<StepParams>>,
    /// How its probabilities are corrected.
    pub calibration: Option<Value>,
    /// Where its parameters are searched.
    #[serde(default)]
    pub grid: Space,
    /// The sources it is fitted on together and judged on, each in turn; by default all. Where one stands for a track, the first does.
    pub sources: Option<Vec<String>>,
    /// The columns it sees: names, in which `*` stands for anything; by default all.
    pub columns: Option<Vec<String>>,
    /// The columns it does not see.
    #[serde(default)]
    pub without: Vec<String>,
    /// Other candidates that vote or are stacked, with the parameters found for them.
    #[serde(default)]
    pub members: Vec<String>,
    /// Other candidates whose track mixtures are averaged: views of the same tracks.
    #[serde(default)]
    pub fuse: Vec<Fused>,
}

/// A part of a fusion.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fused {
    /// The candidate.
    pub candidate: String,
    /// The source whose rows stand for the track, by default its first.
    pub source: Option<String>,
    /// Its share of the mean.
    #[serde(default = "one_f")]
    pub weight: f64,
}

/// How one candidate is chosen: by cross-validation, never on test rows.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChooseSpec {
    /// Folds, by artist, of the filtered protocol's training tracks.
    pub folds: usize,
    /// Repetitions.
    pub repeats: usize,
    /// What is to be high, over tracks.
    pub score: Score,
}

impl Default for ChooseSpec {
    fn default() -> Self {
        ChooseSpec {
            folds: 5,
            repeats: 3,
            score: Score::Accuracy,
        }
    }
}

/// A model for use.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShipSpec {
    /// The candidate; the run fails if another one is chosen.
    pub candidate: String,
    /// The model's version.
    pub version: u32,
    /// The length of the windows a recording is cut into when the model is used, in seconds; not of scores.
    pub window_seconds: Option<f64>,
    /// How the frames at a window's ends are padded: `reflect` or `constant`; not of scores.
    pub pad: Option<String>,
    /// Figures of robustness for the card, beside the recipe, if they have been measured.
    pub robustness: Option<PathBuf>,
    /// For the card: what the inputs are, in a paragraph.
    #[serde(default)]
    pub inputs: String,
    /// For the card: what the model is not good for.
    #[serde(default)]
    pub limits: Vec<String>,
}

/// What the report shows beside the results.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReportSpec {
    /// Rankings of the inputs behind the recipe's steps, on the training rows of the strictest protocol.
    pub rankings: Vec<SelectParams>,
    /// Candidates that are explained.
    pub explain: Vec<String>,
    /// Candidates that are judged collection by collection, where data come from several: on each one's tracks, and without it.
    pub collections: Vec<String>,
}

fn all_protocols() -> Vec<Protocol> {
    Protocol::ALL.to_vec()
}

fn one() -> usize {
    1
}

fn one_f() -> f64 {
    1.0
}

impl Recipe {
    /// Reads and checks a recipe.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read, [`Error::Recipe`] when it is malformed or contradicts itself.
    pub fn read(path: &Path) -> Result<Recipe> {
        let size = fs::metadata(path).map_err(Error::io(path))?.len();
        let fault = |message: String| Error::Recipe {
            path: path.to_owned(),
            message,
        };
        if size > LONGEST {
            return Err(fault("too large for a recipe".to_owned()));
        }
        let text = fs::read_to_string(path).map_err(Error::io(path))?;
        let content: Content = toml::from_str(&text).map_err(|error| fault(error.to_string()))?;
        content.check().map_err(fault)?;
        Ok(Recipe {
            path: path.to_owned(),
            hash: sha256_hex(text.as_bytes()),
            content,
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.content.name
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// SHA-256 of its file.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// What it says.
    pub fn content(&self) -> &Content {
        &self.content
    }

    pub(crate) fn fault(&self, message: String) -> Error {
        Error::Recipe {
            path: self.path.clone(),
            message,
        }
    }
}

impl Content {
    fn check(&self) -> std::result::Result<(), String> {
        if self.candidate.is_empty() {
            return Err("no candidates".to_owned());
        }
        if self.protocols.is_empty() {
            return Err("no protocols".to_owned());
        }
        match self.data.collection {
            Collection::Gtzan if self.data.sources.is_empty() => {
                return Err("data.sources names none of gtzan's (30s, 10s, spectrograms)".to_owned());
            }
            Collection::Table if self.data.path.is_none() => {
                return Err("data.path names no table".to_owned());
            }
            Collection::Scores if self.data.path.is_none() => {
                return Err("data.path names no folder or archive of scores".to_owned());
            }
            Collection::Scores if self.data.genres.len() < 2 || self.data.sources.is_empty() => {
                return Err(
                    "scores take two data.genres or more, and data.sources (pieces, passages)".to_owned(),
                );
            }
            _ => {}
        }
        let mut names: BTreeSet<&str> = BTreeSet::new();
        for candidate in &self.candidate {
            candidate.check(self, &names)?;
            if !names.insert(&candidate.name) {
                return Err(format!("two candidates are called `{}`", candidate.name));
            }
        }
        let known = |name: &String| names.contains(name.as_str());
        if let Some(ship) = &self.ship
            && !known(&ship.candidate)
        {
            return Err(format!("ships `{}`, which is no candidate", ship.candidate));
        }
        if let Some(unknown) = self.report.explain.iter().find(|name| !known(name)) {
            return Err(format!("explains `{unknown}`, which is no candidate"));
        }
        if let Some(unknown) = self.report.collections.iter().find(|name| !known(name)) {
            return Err(format!("judges `{unknown}` by collection, which is no candidate"));
        }
        let told = |ship: &ShipSpec| ship.window_seconds.is_some() && ship.pad.is_some();
        if self.data.collection != Collection::Scores && !self.ship.as_ref().is_none_or(told) {
            return Err("ship tells no window_seconds or no pad".to_owned());
        }
        let shipped = self.ship.iter().map(|ship| &ship.candidate);
        if let Some(name) = shipped.chain(&self.report.explain).find(|name| {
            self.candidate(name)
                .is_some_and(|candidate| candidate.network.is_some())
        }) {
            return Err(format!(
                "`{name}` is a network: it can be neither shipped nor explained by its inputs"
            ));
        }
        Ok(())
    }

    /// The candidate of this name.
    pub fn candidate(&self, name: &str) -> Option<&Candidate> {
        self.candidate.iter().find(|candidate| candidate.name == name)
    }
}

impl Candidate {
    /// Its steps, or the recipe's.
    pub fn steps<'a>(&'a self, content: &'a Content) -> &'a [StepParams] {
        self.steps.as_deref().unwrap_or(&content.steps)
    }

    /// Its pipeline; `members` are the classifiers of the candidates it names.
    ///
    /// # Errors
    /// A message that names the fault.
    pub fn pipeline(
        &self,
        content: &Content,
        members: Vec<Value>,
    ) -> std::result::Result<PipelineParams, String> {
        let named = |message: String| format!("candidate `{}`: {message}", self.name);
        let mut classifier = self.classifier.clone();
        if !members.is_empty() {
            classifier.insert("members".to_owned(), Value::Array(members));
        }
        let mut tree = Table::new();
        tree.insert("classifier".to_owned(), Value::Table(classifier));
        let steps = Value::try_from(self.steps(content)).map_err(|error| named(error.to_string()))?;
        tree.insert("steps".to_owned(), steps);
        tree.extend(
            self.calibration
                .clone()
                .map(|calibration| ("calibration".to_owned(), calibration)),
        );
        let params: PipelineParams = Value::Table(tree)
            .try_into()
            .map_err(|error: toml::de::Error| named(error.message().to_owned()))?;
        params.check().map_err(|error| named(error.to_string()))?;
        Ok(params)
    }

    fn check(&self, content: &Content, before: &BTreeSet<&str>) -> std::result::Result<(), String> {
        let fault = |message: String| Err(format!("candidate `{}`: {message}", self.name));
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if self.name.is_empty()
            || self.name.len() > 60
            || !self.name.chars().all(good)
            || self.name.starts_with('.')
        {
            return fault("a name is of letters, digits, `-`, `_` and `.`, at most 60".to_owned());
        }
        if let Some(network) = &self.network {
            if !self.classifier.is_empty()
                || !self.members.is_empty()
                || !self.grid.0.is_empty()
                || !self.fuse.is_empty()
                || self.calibration.is_some()
            {
                return fault(
                    "a network has no classifier, members, grid, fusion or calibration beside it".to_owned(),
                );
            }
            return network.check().or_else(fault);
        }
        if !self.fuse.is_empty() {
            if !self.classifier.is_empty() || !self.members.is_empty() || !self.grid.0.is_empty() {
                return fault("a fusion has no classifier, members or grid of its own".to_owned());
            }
            if let Some(part) = self
                .fuse
                .iter()
                .find(|part| !before.contains(part.candidate.as_str()))
            {
                return fault(format!(
                    "fuses `{}`, which is no candidate before it",
                    part.candidate
                ));
            }
            let fused = |part: &Fused| {
                content
                    .candidate(&part.candidate)
                    .is_some_and(|c| !c.fuse.is_empty())
            };
            if let Some(part) = self.fuse.iter().find(|part| fused(part)) {
                return fault(format!("fuses `{}`, which is a fusion itself", part.candidate));
            }
            return match self
                .fuse
                .iter()
                .find(|part| !(part.weight > 0.0 && part.weight.is_finite()))
            {
                Some(part) => fault(format!("the weight of `{}` is {}", part.candidate, part.weight)),
                None => Ok(()),
            };
        }
        for name in &self.members {
            let Some(member) = content.candidate(name).filter(|_| before.contains(name.as_str())) else {
                return fault(format!(
                    "has the member `{name}`, which is no candidate before it"
                ));
            };
            let same = member.steps(content) == self.steps(content)
                && member.columns == self.columns
                && member.without == self.without
                && member.calibration.is_none()
                && member.fuse.is_empty()
                && member.network.is_none()
                && member.members.is_empty();
            if !same {
                return fault(format!(
                    "the member `{name}` has other steps or columns, a calibration, or members; such candidates can be fused"
                ));
            }
        }
        let members = self
            .members
            .iter()
            .filter_map(|name| content.candidate(name))
            .map(|member| Value::Table(member.classifier.clone()))
            .collect();
        let base = self.pipeline(content, members)?;
        let points = match content.search.method {
            _ if self.grid.0.is_empty() => return Ok(()),
            Method::Random => self.grid.random(&base, content.search.points, content.seed),
            Method::Grid | Method::Halving => self.grid.grid(&base),
        };
        match points {
            Ok(_) => Ok(()),
            Err(error) => fault(error.to_string()),
        }
    }

    /// The numbers of the columns it sees.
    ///
    /// # Errors
    /// A message naming a pattern that fits no column.
    pub fn columns(&self, names: &[String]) -> std::result::Result<Vec<usize>, String> {
        let fits_none = |pattern: &&String| !names.iter().any(|name| matches(pattern, name));
        let patterns = self.columns.iter().flatten().chain(&self.without);
        if let Some(pattern) = patterns.clone().find(fits_none) {
            return Err(format!(
                "candidate `{}`: no column is called `{pattern}`",
                self.name
            ));
        }
        let seen = |name: &String| {
            self.columns
                .as_ref()
                .is_none_or(|patterns| patterns.iter().any(|pattern| matches(pattern, name)))
                && !self.without.iter().any(|pattern| matches(pattern, name))
        };
        let seen: Vec<usize> = (0..names.len()).filter(|&column| seen(&names[column])).collect();
        match seen.is_empty() {
            true => Err(format!("candidate `{}` sees no columns", self.name)),
            false => Ok(seen),
        }
    }
}

/// Whether a name fits a pattern in which `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in between {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Parameters as JSON: what JSON has no number for (infinity) becomes text.
pub(crate) fn to_json(params: &impl Serialize) -> serde_json::Value {
    Value::try_from(params).map_or(serde_json::Value::Null, json)
}

/// A TOML value as JSON.
pub(crate) fn json(value: Value) -> serde_json::Value {
    match value {
        Value::Float(number) if !number.is_finite() => number.to_string().into(),
        Value::Float(number) => number.into(),
        Value::Integer(number) => number.into(),
        Value::Boolean(flag) => flag.into(),
        Value::String(text) => text.into(),
        Value::Datetime(time) => time.to_string().into(),
        Value::Array(items) => items.into_iter().map(json).collect(),
        Value::Table(table) => table.into_iter().map(|(key, value)| (key, json(value))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, name, fits) in [
            ("tempo", "tempo", true),
            ("tempo", "tempo2", false),
            ("mfcc*_mean", "mfcc12_mean", true),
            ("mfcc*_mean", "mfcc12_var", false),
            ("*_var", "rms_var", true),
            ("*", "", true),
            ("a*a", "a", false),
            ("*c*a*", "mfcc1_mean", true),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn infinity_is_text_in_json() {
        let value: Value = toml::from_str::<Table>("c = inf\nk = [1, 2.5]").unwrap().into();
        assert_eq!(json(value).to_string(), r#"{"c":"inf","k":[1,2.5]}"#);
    }
}
