//! `melisma evaluate --ears`: pretrained ears on recordings of known genres and artists.

use std::io::Write;
use std::path::Path;

use melisma_dataset::extract::{Failure, walk};
use melisma_dataset::files::write_beside;
use melisma_dataset::{Genre, Gtzan, TrackId, data_dir};
use melisma_ears::head::{Clip, Ear, Evaluation, Reached, evaluate, make};
use melisma_ears::hear;
use serde::Serialize;

use super::classify::{installed_ears, read_map};
use crate::args::EvaluateArgs;
use crate::context::{Failed, Run, because, print_json, threads};
use crate::progress::Progress;

/// The head's name; its version counts its makings.
const HEAD: &str = "genre-ears-1";

#[derive(Serialize)]
struct Report {
    map: String,
    ears: Vec<Ear>,
    penalty: f64,
    #[serde(flatten)]
    figures: Evaluation,
}

/// Listens to every recording, judges the tags alone and with a correction, and may write the head.
pub fn run(args: &EvaluateArgs, run: &Run) -> Result<(), Failed> {
    if !(args.penalty.is_finite() && args.penalty > 0.0) {
        return Err(because("--penalty must be above 0"));
    }
    let map = read_map(args.map.as_deref())?;
    let ears = installed_ears(true)?.unwrap_or_default();
    let ears = match args.without_yamnet {
        true => ears.without_yamnet(),
        false => ears,
    };
    let data = data_dir(args.data.as_deref()).map_err(because)?;
    let gtzan = Gtzan::open(&data).map_err(because)?;
    let (found, unreadable) = walk(&args.paths);
    if let Some(Failure { path, fault }) = unreadable.first() {
        return Err(because(format!("{}: {fault}", path.display())));
    }
    let files: Vec<_> = found
        .iter()
        .filter_map(|file| Some((file, Genre::of_folder(&file.path)?)))
        .collect();
    if files.is_empty() {
        return Err(because("no audio files in folders named after genres"));
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads(args.threads))
        .build()
        .map_err(because)?;
    let mut progress = Progress::new(files.len(), 0);
    let mut clips = Vec::new();
    for (file, genre) in &files {
        let track = TrackId::of_row(&name(&file.path));
        let artist = gtzan
            .group(&track)
            .ok_or_else(|| because(format!("{}: its artist is not known", file.path.display())))?;
        let heard = match pool.install(|| ears.listen_file(&file.path, run.stop())) {
            Ok(heard) => heard,
            Err(hear::Error::Interrupted) => return Err(Failed::Interrupted),
            Err(error) => return Err(because(format!("{}: {error}", file.path.display()))),
        };
        progress.step(heard.duration_s);
        clips.push(Clip {
            genre: genre.name().to_owned(),
            artist,
            said: heard.said(),
        });
    }
    progress.finish();
    let figures = evaluate(&map, &clips, args.penalty, args.seed).map_err(because)?;
    if let Some(path) = &args.write {
        let head = make(HEAD, &map, &clips, args.penalty).map_err(because)?;
        let text = serde_json::to_string(&head).map_err(because)?;
        write_beside(path, |out| writeln!(out, "{text}"))
            .map_err(|error| because(format!("{}: {error}", path.display())))?;
    }
    let report = Report {
        map: map.name().to_owned(),
        ears: ears.which(),
        penalty: args.penalty,
        figures,
    };
    match args.json {
        true => print_json(&report),
        false => print(&report),
    }
}

fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn print(report: &Report) -> Result<(), Failed> {
    let mut out = std::io::stdout().lock();
    let figures = &report.figures;
    let ears: Vec<&str> = report.ears.iter().map(|ear| ear.model()).collect();
    writeln!(
        out,
        "{} clips by {} artists; {}; map: {}",
        figures.clips,
        figures.artists,
        ears.join(", "),
        report.map
    )?;
    writeln!(out, "genre       clips  artists  by tags alone  corrected")?;
    for (plain, corrected) in figures.zero_shot.genres.iter().zip(&figures.corrected.genres) {
        writeln!(
            out,
            "{:<10}  {:>5}  {:>7}  {:>13}  {:>9}",
            plain.genre, plain.clips, plain.artists, plain.correct, corrected.correct
        )?;
    }
    let line = |what: &str, reached: &Reached| {
        let a = &reached.accuracy;
        format!(
            "{what}: {:.1} % [{:.1}, {:.1}] (95 % bootstrap over artists)",
            100.0 * a.value,
            100.0 * a.low,
            100.0 * a.high
        )
    };
    writeln!(out, "{}", line("by tags alone", &figures.zero_shot))?;
    writeln!(
        out,
        "{}, learned without the artist judged",
        line("corrected", &figures.corrected)
    )?;
    writeln!(
        out,
        "none of these: first for {} clips; a clip whose genre the map lacks is surer to be none of these than one whose genre it \
         has in {:.1} % of pairs",
        figures.none_first,
        100.0 * figures.open_set_auc
    )?;
    let alone: Vec<&str> = figures
        .zero_shot
        .genres
        .iter()
        .filter(|genre| genre.clips > 1 && genre.artists == 1)
        .map(|genre| genre.genre.as_str())
        .collect();
    if !alone.is_empty() {
        writeln!(
            out,
            "of one artist each, so that their figures are those of that artist: {}",
            alone.join(", ")
        )?;
    }
    Ok(())
}
