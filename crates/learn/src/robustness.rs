//! How a model fares on clips it has never seen, and how much a change that is not musical moves it.

use std::collections::BTreeMap;

use melisma_dataset::{Genre, Table, TrackId};
use serde::{Deserialize, Serialize};

use crate::metrics::wilson;
use crate::{Error, Model, Result, mean_prediction};

/// Figures of robustness, as a command writes them and a model card shows them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Robustness {
    /// The command that made the figures.
    pub made_by: String,
    /// What the model had not seen: a sentence.
    pub held_out: String,
    /// Accuracy on the clips.
    pub clips: Vec<ClipAccuracy>,
    /// One entry per change of the sound.
    pub cases: Vec<Case>,
}

/// Accuracy on whole clips.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClipAccuracy {
    /// What was left out of training.
    pub name: String,
    /// The number of clips.
    pub clips: usize,
    /// The share recognised.
    pub accuracy: f64,
    /// The lower end of Wilson's 95 % interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// Clips recognised and clips, by genre.
    pub per_genre: BTreeMap<String, (usize, usize)>,
}

/// How far a change of the sound moves the mixtures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What was changed.
    pub name: String,
    /// The number of clips compared.
    pub clips: usize,
    /// The mean total-variation distance of the mixtures (0 same, 1 disjoint).
    pub mean_total_variation: f64,
    /// The largest total-variation distance.
    pub largest_total_variation: f64,
    /// The share of clips whose most probable genre stays.
    pub unchanged_top: f64,
}

/// The mixture of every track of a table whose rows are windows.
///
/// # Errors
/// [`Error::Dataset`] for a missing column, [`Error::Row`] for a row the model refuses.
pub fn mixtures(model: &Model, windows: &Table) -> Result<BTreeMap<TrackId, Vec<f64>>> {
    let table = windows.select_schema(model.schema()?)?;
    let mut by_track: BTreeMap<TrackId, Vec<Vec<f64>>> = BTreeMap::new();
    let tracks = TrackId::of_rows(table.filenames.iter().map(String::as_str));
    for (row, track) in tracks.into_iter().enumerate() {
        by_track
            .entry(track)
            .or_default()
            .push(model.predict(table.row(row))?);
    }
    Ok(by_track
        .into_iter()
        .filter_map(|(track, rows)| Some((track, mean_prediction(&rows)?)))
        .collect())
}

/// Accuracy on clips whose names begin with their genre (`blues.00000...`).
///
/// # Errors
/// As [`mixtures`], and for a name that does not begin with a genre.
pub fn clip_accuracy(name: &str, model: &Model, windows: &Table) -> Result<ClipAccuracy> {
    let mut per_genre: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (track, mixture) in mixtures(model, windows)? {
        let genre: Genre = track.as_str().split('.').next().unwrap_or_default().parse()?;
        let entry = per_genre.entry(genre.to_string()).or_default();
        entry.0 += usize::from(model.genres()[best(&mixture)] == genre.name());
        entry.1 += 1;
    }
    let (right, clips) = per_genre
        .values()
        .fold((0, 0), |sum, entry| (sum.0 + entry.0, sum.1 + entry.1));
    let interval = wilson(right, clips);
    let (accuracy, low, high) = (interval.value, interval.low, interval.high);
    Ok(ClipAccuracy {
        name: name.to_owned(),
        clips,
        accuracy,
        low,
        high,
        per_genre,
    })
}

/// Compares the mixtures of the same tracks in two tables of windows.
///
/// # Errors
/// As [`mixtures`], and [`Error::Examples`] when the tables hold different tracks.
pub fn compare(name: &str, model: &Model, original: &Table, changed: &Table) -> Result<Case> {
    let (original, changed) = (mixtures(model, original)?, mixtures(model, changed)?);
    if original.is_empty() || !original.keys().eq(changed.keys()) {
        return Err(Error::Examples(format!(
            "{name}: the tables hold different tracks"
        )));
    }
    let clips = original.len();
    let distance =
        |(a, b): (&Vec<f64>, &Vec<f64>)| a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f64>() / 2.0;
    let pairs = || original.values().zip(changed.values());
    let same = pairs().filter(|(a, b)| best(a) == best(b)).count();
    Ok(Case {
        name: name.to_owned(),
        clips,
        mean_total_variation: pairs().map(distance).sum::<f64>() / clips as f64,
        largest_total_variation: pairs().map(distance).fold(0.0, f64::max),
        unchanged_top: same as f64 / clips as f64,
    })
}

fn best(mixture: &[f64]) -> usize {
    crate::metrics::top(ndarray::ArrayView1::from(mixture))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_gathered_and_numbered_files_are_not() {
        let model = Model::shipped().unwrap();
        let names = [
            "song.0.wav",
            "song.1.wav",
            "take.4.wav",
            "take.5.wav",
            "blues.00001.0.wav",
        ];
        let columns = model.schema().unwrap().names();
        let table = Table {
            values: (0..names.len() * columns.len()).map(|n| n as f64).collect(),
            columns,
            filenames: names.map(str::to_owned).to_vec(),
            lengths: None,
            labels: None,
        };
        let mixtures = mixtures(&model, &table).unwrap();
        let tracks: Vec<&str> = mixtures.keys().map(TrackId::as_str).collect();
        assert_eq!(tracks, ["blues.00001", "song", "take.4", "take.5"]);
        let windows = [
            model.predict(table.row(0)).unwrap(),
            model.predict(table.row(1)).unwrap(),
        ];
        assert_eq!(mixtures.get(&"song".into()), mean_prediction(&windows).as_ref());
    }
}
