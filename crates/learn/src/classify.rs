//! A recording's genre mixture: windows, a prediction for each, and their mean.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use melisma_dataset::extract::{FileError, Row, Window, rows_of_file};
use melisma_features::{Extractor, PadMode, SAMPLE_RATE};
use ndarray::{ArrayView1, Axis};
use serde::Serialize;

use crate::{Error, Model, mean_prediction};

/// The least sound a genre is told from, in seconds.
pub const SHORTEST_S: f64 = 0.5;

/// A genre and how probable it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GenreProbability {
    /// The genre, as the model calls it.
    pub genre: String,
    /// From 0 to 1.
    pub probability: f64,
}

/// What is heard in one window.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WindowClassification {
    /// Where the window starts, in seconds.
    pub start_s: f64,
    /// Where it ends, in seconds.
    pub end_s: f64,
    /// Whether it holds nothing but zeros; such a window has no genres and no part in the mean.
    pub silent: bool,
    /// All genres, the most probable first.
    pub genres: Vec<GenreProbability>,
}

/// What is heard in a recording.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Classification {
    /// Length of the recording, in seconds.
    pub duration_s: f64,
    /// Name and version of the model.
    pub model: String,
    /// All genres, the most probable first; the mean over the windows.
    pub genres: Vec<GenreProbability>,
    /// The windows in order.
    pub windows: Vec<WindowClassification>,
    /// What the answer rests on, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
    /// What was odd about the file, though it could be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// What each input adds to the probability of the first genre, from what the model says of an unknown recording.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The genre explained: the most probable one.
    pub genre: String,
    /// Its probability where nothing is known.
    pub base: f64,
    /// Its probability over the windows explained; base and contributions sum up to it.
    pub probability: f64,
    /// How many windows were explained: some at even distances where there are many.
    pub windows: usize,
    /// The inputs, the one that moves the answer most first; means over the windows.
    pub inputs: Vec<Contribution>,
}

/// What one input adds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Contribution {
    /// The input.
    pub input: String,
    /// Its value as the classifier sees it: behind the steps, in standard deviations where they end in scaling.
    pub value: f64,
    /// What it adds to the probability.
    pub adds: f64,
}

/// Windows explained, at most.
const EXPLAINED: usize = 6;

/// Explains a genre by the rows of a recording's windows, some at even distances where there are many.
///
/// # Errors
/// As [`Model::explain`].
pub fn explain_rows(model: &Model, rows: &[&[f64]], genre: &str) -> crate::Result<Explanation> {
    let step = rows.len().div_ceil(EXPLAINED).max(1);
    let rows: Vec<&[f64]> = rows.iter().copied().step_by(step).collect();
    let windows = rows.len();
    let (attributions, names, x) = model.explain(rows, 0)?;
    let class = model.genres().iter().position(|g| g == genre).unwrap_or(0);
    let mean = |values: ArrayView1<f64>| values.mean().unwrap_or(0.0);
    let mut inputs: Vec<Contribution> = names
        .into_iter()
        .enumerate()
        .map(|(input, name)| Contribution {
            adds: mean(
                attributions
                    .values
                    .index_axis(Axis(2), class)
                    .index_axis(Axis(1), input),
            ),
            value: mean(x.column(input)),
            input: name,
        })
        .collect();
    inputs.sort_by(|a, b| b.adds.abs().total_cmp(&a.adds.abs()));
    let base = attributions.base[class];
    Ok(Explanation {
        genre: genre.to_owned(),
        base,
        probability: base + inputs.iter().map(|input| input.adds).sum::<f64>(),
        windows,
        inputs,
    })
}

/// Why a recording has no genre mixture.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClassifyError {
    /// The file cannot be decoded or described.
    File(FileError),
    /// There is less than [`SHORTEST_S`] of sound, given in seconds.
    TooShort(f64),
    /// Every sample is zero.
    Silent,
    /// The model cannot be used.
    Model(Error),
    /// The run was asked to stop.
    Interrupted,
}

impl std::fmt::Display for ClassifyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ClassifyError::File(error) => error.fmt(f),
            ClassifyError::TooShort(seconds) => {
                write!(
                    f,
                    "{seconds:.3} s of sound is too little to tell a genre from; it takes {SHORTEST_S} s"
                )
            }
            ClassifyError::Silent => f.write_str("digital silence has no genre"),
            ClassifyError::Model(error) => error.fmt(f),
            ClassifyError::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl std::error::Error for ClassifyError {}

impl From<FileError> for ClassifyError {
    fn from(error: FileError) -> Self {
        ClassifyError::File(error)
    }
}

impl From<Error> for ClassifyError {
    fn from(error: Error) -> Self {
        ClassifyError::Model(error)
    }
}

/// Classifies one file, with as many threads as there are extractors.
///
/// The file is cut into windows of the model's length; a file shorter than one is taken whole.
///
/// # Errors
/// See [`ClassifyError`].
///
/// # Panics
/// If there is no extractor.
pub fn classify_file(
    path: &Path,
    model: &Model,
    extractors: &mut [Extractor],
    stop: &AtomicBool,
) -> Result<Classification, ClassifyError> {
    classify(path, model, extractors, stop, false)
}

/// As [`classify_file`], and says what the answer rests on. Takes some seconds more, on rayon's current pool.
///
/// # Errors
/// As [`classify_file`]; [`ClassifyError::Model`] for a model that keeps nothing to explain by.
///
/// # Panics
/// If there is no extractor.
pub fn explain_file(
    path: &Path,
    model: &Model,
    extractors: &mut [Extractor],
    stop: &AtomicBool,
) -> Result<Classification, ClassifyError> {
    classify(path, model, extractors, stop, true)
}

fn classify(
    path: &Path,
    model: &Model,
    extractors: &mut [Extractor],
    stop: &AtomicBool,
    explained: bool,
) -> Result<Classification, ClassifyError> {
    let header = model.header();
    let schema = model.schema()?;
    let pad = header.pad.as_deref().unwrap_or_default();
    let pad: PadMode = pad.parse().map_err(Error::Model)?;
    let samples = (header.window_seconds.unwrap_or_default() * f64::from(SAMPLE_RATE)).round() as usize;
    let mut file = rows_of_file(path, schema, pad, Window::Samples(samples), extractors, stop)?;
    if stop.load(std::sync::atomic::Ordering::Relaxed) {
        return Err(ClassifyError::Interrupted);
    }
    let duration_s = file.samples as f64 / f64::from(SAMPLE_RATE);
    if duration_s < SHORTEST_S {
        return Err(ClassifyError::TooShort(duration_s));
    }
    if file.rows.is_empty() {
        let values = extractors[0]
            .row(&file.tail, pad, schema)
            .map_err(FileError::from)?;
        file.rows.push(Row::of(&file.tail, 0, values));
    }
    let mut predictions = Vec::new();
    let mut windows = Vec::new();
    let mut start_s = 0.0;
    for row in &file.rows {
        let window = window_of(row, start_s, model, &mut predictions)?;
        start_s = window.end_s;
        windows.push(window);
    }
    let mean = mean_prediction(&predictions).ok_or(ClassifyError::Silent)?;
    let genres = ranked(model, &mean);
    let sounding = file.rows.iter().filter(|row| !row.silent);
    let rows: Vec<&[f64]> = sounding.map(|row| row.values.as_slice()).collect();
    let explanation = match explained {
        true => Some(explain_rows(model, &rows, &genres[0].genre)?),
        false => None,
    };
    Ok(Classification {
        duration_s,
        model: format!("{}-{}", header.name, header.version),
        explanation,
        genres,
        windows,
        warnings: file.warnings,
    })
}

fn window_of(
    row: &Row,
    start_s: f64,
    model: &Model,
    predictions: &mut Vec<Vec<f64>>,
) -> Result<WindowClassification, ClassifyError> {
    let end_s = start_s + row.length as f64 / f64::from(SAMPLE_RATE);
    let mut genres = Vec::new();
    if !row.silent {
        let prediction = model.predict(&row.values)?;
        genres = ranked(model, &prediction);
        predictions.push(prediction);
    }
    Ok(WindowClassification {
        start_s,
        end_s,
        silent: row.silent,
        genres,
    })
}

/// Genres with their probabilities, the most probable first.
pub fn ranked(model: &Model, probabilities: &[f64]) -> Vec<GenreProbability> {
    let pairs = model.genres().iter().zip(probabilities);
    let mut genres: Vec<_> = pairs
        .map(|(genre, &probability)| GenreProbability {
            genre: genre.clone(),
            probability,
        })
        .collect();
    genres.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    genres
}
