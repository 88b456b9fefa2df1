//! A recording's genre mixture: windows, a prediction for each, and their mean.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use melisma_dataset::Genre;
use melisma_dataset::extract::{FileError, Row, Window, rows_of_file};
use melisma_features::{Extractor, PadMode, SAMPLE_RATE};
use serde::Serialize;

use crate::{Error, Model, mean_prediction};

/// The least sound a genre is told from, in seconds.
pub const SHORTEST_S: f64 = 0.5;

/// A genre and how probable it is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct GenreProbability {
    /// The genre.
    pub genre: Genre,
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
    /// What was odd about the file, though it could be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
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
    let header = model.header();
    let pad: PadMode = header.pad.parse().map_err(Error::Model)?;
    let samples = (header.window_seconds * f64::from(SAMPLE_RATE)).round() as usize;
    let mut file = rows_of_file(
        path,
        model.schema(),
        pad,
        Window::Samples(samples),
        extractors,
        stop,
    )?;
    if stop.load(std::sync::atomic::Ordering::Relaxed) {
        return Err(ClassifyError::Interrupted);
    }
    let duration_s = file.samples as f64 / f64::from(SAMPLE_RATE);
    if duration_s < SHORTEST_S {
        return Err(ClassifyError::TooShort(duration_s));
    }
    if file.rows.is_empty() {
        let values = extractors[0]
            .row(&file.tail, pad, model.schema())
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
    Ok(Classification {
        duration_s,
        model: format!("{}-{}", header.name, header.version),
        genres: sorted(model, &mean),
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
        genres = sorted(model, &prediction);
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
fn sorted(model: &Model, probabilities: &[f64]) -> Vec<GenreProbability> {
    let pairs = model.genres().iter().zip(probabilities);
    let mut genres: Vec<_> = pairs
        .map(|(&genre, &probability)| GenreProbability { genre, probability })
        .collect();
    genres.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    genres
}
