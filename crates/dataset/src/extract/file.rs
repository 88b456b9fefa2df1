//! One audio file to its rows: decoded as a stream, cut into windows, described on one thread or several.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use melisma_audio::{Hertz, Limit, Windows, load};
use melisma_features::{Extractor, PadMode, SAMPLE_RATE, Schema};

use super::ExtractError;

/// The stretch of a file that one row describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Window {
    /// The whole file.
    Whole,
    /// Consecutive windows of so many samples at 22,050 Hz; the last partial one is dropped.
    Samples(usize),
}

impl Window {
    /// Windows of so many seconds.
    ///
    /// # Errors
    /// If the length is not between 0.1 seconds and an hour.
    pub fn seconds(seconds: f64) -> Result<Self, ExtractError> {
        if !(0.1..=3600.0).contains(&seconds) {
            return Err(ExtractError::Window(seconds));
        }
        Ok(Window::Samples(
            (seconds * f64::from(SAMPLE_RATE)).round() as usize
        ))
    }
}

/// One row of a table, before it has a name.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Row {
    /// Which window of the file, from 0.
    pub window: usize,
    /// Samples described, at 22,050 Hz.
    pub length: u64,
    /// Whether every sample is zero.
    pub silent: bool,
    /// The schema's values, all finite.
    pub values: Vec<f64>,
}

impl Row {
    /// The row of window `window`, whose samples have these values.
    pub fn of(samples: &[f32], window: usize, values: Vec<f64>) -> Self {
        Row {
            window,
            length: samples.len() as u64,
            silent: is_silent(samples),
            values,
        }
    }
}

/// The rows of one file.
#[derive(Debug, Clone, Default)]
pub struct FileRows {
    /// One per window, or one for the whole file.
    pub rows: Vec<Row>,
    /// Samples in the file, at 22,050 Hz, those of a dropped last window included.
    pub samples: u64,
    /// The samples that did not fill a last window; none where the whole file was described.
    pub tail: Vec<f32>,
    /// What was odd about the file, though it could be read.
    pub warnings: Vec<String>,
}

/// Why a file has no rows.
#[derive(Debug)]
#[non_exhaustive]
pub enum FileError {
    /// The file cannot be decoded.
    Audio(melisma_audio::Error),
    /// The sound cannot be described.
    Features(melisma_features::Error),
}

impl std::fmt::Display for FileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            FileError::Audio(error) => error.fmt(f),
            FileError::Features(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for FileError {}

impl From<melisma_audio::Error> for FileError {
    fn from(error: melisma_audio::Error) -> Self {
        FileError::Audio(error)
    }
}

impl From<melisma_features::Error> for FileError {
    fn from(error: melisma_features::Error) -> Self {
        FileError::Features(error)
    }
}

/// Windows decoded ahead for each of several threads, so that all are busy.
const AHEAD: usize = 4;
/// Samples that are decoded ahead at most, long windows or not: ten minutes.
const MOST_AHEAD: usize = 600 * SAMPLE_RATE as usize;

/// Describes one file, with as many threads as there are extractors.
///
/// Returns early, with the rows so far, once `stop` is set.
///
/// # Errors
/// If the file cannot be decoded or its sound not described. In windows, memory does not grow with the file; a whole file longer than four hours is refused.
///
/// # Panics
/// If there is no extractor.
pub fn rows_of_file(
    path: &Path,
    schema: Schema,
    pad: PadMode,
    window: Window,
    extractors: &mut [Extractor],
    stop: &AtomicBool,
) -> Result<FileRows, FileError> {
    let rate = Hertz(SAMPLE_RATE);
    let Window::Samples(length) = window else {
        let loaded = load(path, Some(rate), Limit::Default)?;
        let samples = loaded.signal.samples();
        let row = Row::of(samples, 0, extractors[0].row(samples, pad, schema)?);
        return Ok(FileRows {
            samples: row.length,
            rows: vec![row],
            tail: Vec::new(),
            warnings: loaded.warnings,
        });
    };
    let mut windows = Windows::open(path, rate, length)?;
    let mut rows = Vec::new();
    // All windows of silence are alike, and a long file may hold nothing else.
    let mut silence: Option<Vec<f64>> = None;
    let mut batch: Vec<f32> = Vec::new();
    let mut ended = false;
    while !ended && !stop.load(Ordering::Relaxed) {
        batch.clear();
        let room = if extractors.len() == 1 {
            length
        } else {
            // One window for each thread even if they are long.
            (MOST_AHEAD / length).clamp(extractors.len(), AHEAD * extractors.len()) * length
        };
        while batch.len() < room {
            match windows.next_window()? {
                Some(samples) => batch.extend_from_slice(samples),
                None => {
                    ended = true;
                    break;
                }
            }
        }
        let count = batch.len() / length;
        let mut described: Vec<Option<Vec<f64>>> = vec![None; count];
        let mut jobs: Vec<(&[f32], &mut Option<Vec<f64>>)> = Vec::new();
        for (samples, slot) in batch.chunks_exact(length).zip(&mut described) {
            if !is_silent(samples) {
                jobs.push((samples, slot));
            } else if let Some(values) = &silence {
                *slot = Some(values.clone());
            } else {
                let values = extractors[0].row(samples, pad, schema)?;
                *slot = Some(silence.insert(values).clone());
            }
        }
        describe_all(&mut jobs, extractors, pad, schema)?;
        for (samples, values) in batch.chunks_exact(length).zip(described) {
            let values = values.expect("every window of the batch was described");
            rows.push(Row::of(samples, rows.len(), values));
        }
    }
    Ok(FileRows {
        rows,
        samples: windows.samples_read(),
        tail: windows.remainder().to_vec(),
        warnings: windows.warnings().to_vec(),
    })
}

/// Fills each job's slot, the jobs shared out among the extractors.
fn describe_all(
    jobs: &mut [(&[f32], &mut Option<Vec<f64>>)],
    extractors: &mut [Extractor],
    pad: PadMode,
    schema: Schema,
) -> Result<(), melisma_features::Error> {
    let work = |jobs: &mut [(&[f32], &mut Option<Vec<f64>>)], extractor: &mut Extractor| {
        for (samples, slot) in jobs {
            **slot = Some(extractor.row(samples, pad, schema)?);
        }
        Ok(())
    };
    if extractors.len() == 1 || jobs.len() < 2 {
        return work(jobs, &mut extractors[0]);
    }
    let share = jobs.len().div_ceil(extractors.len());
    std::thread::scope(|scope| {
        let threads: Vec<_> = jobs
            .chunks_mut(share)
            .zip(extractors)
            .map(|(jobs, extractor)| scope.spawn(move || work(jobs, extractor)))
            .collect();
        threads
            .into_iter()
            .try_for_each(|t| t.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

fn is_silent(samples: &[f32]) -> bool {
    samples.iter().all(|&s| s == 0.0)
}
