//! `melisma evaluate`: a recipe's model on recordings it has never seen.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use melisma_dataset::extract::{Failure, walk};
use melisma_dataset::{Genre, TrackId, data_dir};
use melisma_features::Extractor;
use melisma_lab::{Recipe, Watch};
use melisma_learn::classify::{ClassifyError, classify_file};
use serde::Serialize;

use crate::args::EvaluateArgs;
use crate::context::{Failed, Run, because, note, print_json, threads};
use crate::progress::Progress;

/// What a genre's recordings were taken for.
#[derive(Default, Serialize)]
struct GenreResult {
    clips: usize,
    correct: usize,
    /// How many were taken for each genre.
    heard_as: BTreeMap<Genre, usize>,
}

#[derive(Serialize)]
struct Evaluation {
    recipe: String,
    /// Whether other tracks by the artists of these were left out of the training too.
    other_artists: bool,
    clips: usize,
    correct: usize,
    accuracy: f64,
    /// Wilson interval at 95 %.
    low: f64,
    high: f64,
    genres: BTreeMap<Genre, GenreResult>,
}

/// Trains without the tracks at hand, classifies each, and counts.
pub fn run(args: &EvaluateArgs, run: &Run) -> Result<(), Failed> {
    let Some(recipe) = &args.recipe else {
        return super::evaluate_ears::run(args, run);
    };
    let recipe = Recipe::read(recipe).map_err(because)?;
    let data = data_dir(args.data.as_deref()).map_err(because)?;
    if let Some(missing) = args.paths.iter().find(|path| !path.exists()) {
        return Err(because(format!("{}: no such file or folder", missing.display())));
    }
    let (found, unreadable) = walk(&args.paths);
    if let Some(Failure { path, fault }) = unreadable.first() {
        return Err(because(format!("{}: {fault}", path.display())));
    }
    let clips: Vec<_> = found
        .iter()
        .filter_map(|f| Some((f, Genre::of_folder(&f.path)?)))
        .collect();
    if clips.is_empty() {
        return Err(because("no audio files in folders named after genres"));
    }
    let tracks: BTreeSet<TrackId> = clips
        .iter()
        .map(|(f, _)| TrackId::of_row(&base(&f.path)))
        .collect();
    note!("training without {} tracks and their duplicates", tracks.len());
    let watch = Watch {
        stop: run.stop(),
        say: &|_| {},
        step: &|_, _| {},
    };
    let model = recipe
        .train_excluding(&data, &tracks, args.other_artists, watch)
        .map_err(|error| match error {
            melisma_lab::Error::Interrupted => Failed::Interrupted,
            error => because(error),
        })?;
    let mut extractors: Vec<Extractor> = (0..threads(args.threads)).map(|_| Extractor::new()).collect();
    let mut progress = Progress::new(clips.len(), 0);
    let mut genres: BTreeMap<Genre, GenreResult> = BTreeMap::new();
    for (file, genre) in &clips {
        let heard = match classify_file(&file.path, &model, &mut extractors, run.stop()) {
            Ok(heard) => heard,
            Err(ClassifyError::Interrupted) => return Err(Failed::Interrupted),
            Err(error) => return Err(because(format!("{}: {error}", file.path.display()))),
        };
        progress.step(heard.duration_s);
        let result = genres.entry(*genre).or_default();
        let first: Genre = heard.genres[0].genre.parse().map_err(because)?;
        result.clips += 1;
        result.correct += usize::from(first == *genre);
        *result.heard_as.entry(first).or_default() += 1;
    }
    progress.finish();
    let (total, correct) = genres
        .values()
        .fold((0, 0), |(n, c), r| (n + r.clips, c + r.correct));
    let interval = melisma_learn::metrics::wilson(correct, total);
    let evaluation = Evaluation {
        recipe: recipe.name().to_owned(),
        other_artists: args.other_artists,
        clips: total,
        correct,
        accuracy: correct as f64 / total as f64,
        low: interval.low,
        high: interval.high,
        genres,
    };
    if args.json {
        print_json(&evaluation)
    } else {
        print(&evaluation)
    }
}

fn print(evaluation: &Evaluation) -> Result<(), Failed> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    writeln!(out, "genre       clips  correct  heard as")?;
    for (genre, result) in &evaluation.genres {
        let mut heard: Vec<_> = result.heard_as.iter().collect();
        heard.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let heard: Vec<_> = heard
            .iter()
            .map(|(genre, count)| format!("{genre} {count}"))
            .collect();
        let share = 100.0 * result.correct as f64 / result.clips as f64;
        writeln!(
            out,
            "{genre:10}  {:5}  {share:5.0} %  {}",
            result.clips,
            heard.join(", ")
        )?;
    }
    let Evaluation {
        clips,
        accuracy,
        low,
        high,
        ..
    } = evaluation;
    let [accuracy, low, high] = [accuracy, low, high].map(|share| share * 100.0);
    writeln!(
        out,
        "all         {clips:5}  {accuracy:5.1} %  95 % interval {low:.1} to {high:.1}"
    )?;
    Ok(())
}

fn base(path: &Path) -> String {
    path.file_name()
        .map_or_else(String::new, |n| n.to_string_lossy().into_owned())
}
