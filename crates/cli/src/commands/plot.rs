//! `melisma plot`: figures of a recording or a score.

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::Path;

use melisma_plot::{Figure, Recording, RecordingFigure, ScoreFigure, save};
use serde::Serialize;

use crate::args::PlotArgs;
use crate::context::{Failed, Run, because, note, print_json};

/// A figure's files, as far as they were written.
#[derive(Serialize, Default)]
struct Files {
    figure: String,
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    svg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    png: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    csv: Option<String>,
}

#[derive(Serialize)]
struct Summary<'a> {
    file: Cow<'a, str>,
    figures: Vec<Files>,
}

/// Draws everything before it writes anything.
pub fn run(args: &PlotArgs, run: &Run) -> Result<(), Failed> {
    check_numbers(args)?;
    let single = single_file(&args.output);
    let drawn = match melisma_score::is_score(&args.file) {
        true => of_score(args, run, single.is_some())?,
        false => of_recording(args, run, single.is_some())?,
    };
    let mut written = Vec::new();
    match single {
        Some(extension) => written.push(write_one(&drawn[0], &extension, args)?),
        None => {
            make_folder(&args.output)?;
            for figure in &drawn {
                if run.stopped() {
                    return Err(Failed::Interrupted);
                }
                written.push(write_three(figure, args)?);
            }
        }
    }
    if args.json {
        let file = args.file.to_string_lossy();
        return print_json(&Summary {
            file,
            figures: written,
        });
    }
    match single_name(&written) {
        Some(name) => note!("{name} in {}", args.output.display()),
        None => note!("{} figures in {}", written.len(), args.output.display()),
    }
    Ok(())
}

fn single_name(written: &[Files]) -> Option<&str> {
    match written {
        [one] => Some(&one.figure),
        _ => None,
    }
}

fn of_recording(args: &PlotArgs, run: &Run, single: bool) -> Result<Vec<Figure>, Failed> {
    let wanted: Vec<RecordingFigure> = figures(args, &RecordingFigure::ALL, single)?;
    let mut recording = Recording::read(&args.file, args.start, args.duration).map_err(because)?;
    for warning in recording.warnings() {
        note!("melisma: {}: {warning}", args.file.display());
    }
    let draw = |figure| match run.stopped() {
        true => Err(Failed::Interrupted),
        false => recording.draw(figure).map_err(because),
    };
    wanted.into_iter().map(draw).collect()
}

fn of_score(args: &PlotArgs, run: &Run, single: bool) -> Result<Vec<Figure>, Failed> {
    let wanted: Vec<ScoreFigure> = figures(args, &ScoreFigure::ALL, single)?;
    let read = melisma_score::read(&args.file).map_err(because)?;
    for repair in &read.repairs {
        note!("melisma: {}: {repair}", args.file.display());
    }
    let title = args.file.file_stem().unwrap_or_default().to_string_lossy();
    let to = args.duration.map(|duration| args.start + duration);
    let draw = |figure: ScoreFigure| match run.stopped() {
        true => Err(Failed::Interrupted),
        false => (figure.draw(&read.score, &title, args.start, to))
            .map_err(|error| because(format!("{}: {error}", args.file.display()))),
    };
    wanted.into_iter().map(draw).collect()
}

/// The figures asked for, each once, in the order asked for.
fn figures<F: Copy + PartialEq + std::str::FromStr<Err = String>>(
    args: &PlotArgs,
    all: &[F],
    single: bool,
) -> Result<Vec<F>, Failed> {
    let mut figures = Vec::new();
    for name in &args.figure {
        let named = match name.as_str() {
            "all" => all.to_vec(),
            name => vec![name.parse().map_err(|error: String| because(error))?],
        };
        for figure in named {
            if !figures.contains(&figure) {
                figures.push(figure);
            }
        }
    }
    if single && figures.len() != 1 {
        return Err(because(format!(
            "{}: one file holds one figure; name a folder for {} figures",
            args.output.display(),
            figures.len()
        )));
    }
    Ok(figures)
}

/// The extension of an output that is a file; a folder that is there is a folder, whatever its name.
fn single_file(output: &Path) -> Option<String> {
    let extension = output.extension()?.to_str()?.to_ascii_lowercase();
    let known = matches!(extension.as_str(), "svg" | "png" | "csv");
    (known && !output.is_dir()).then_some(extension)
}

fn check_numbers(args: &PlotArgs) -> Result<(), Failed> {
    if !(args.start >= 0.0 && args.start.is_finite()) {
        return Err(because(format!("--start {}: not a time", args.start)));
    }
    if let Some(duration) = args.duration.filter(|d| !(*d > 0.0 && d.is_finite())) {
        return Err(because(format!("--duration {duration}: not a length of time")));
    }
    if !(0.1..=6.0).contains(&args.scale) {
        return Err(because(format!("--scale {}: not between 0.1 and 6", args.scale)));
    }
    Ok(())
}

fn make_folder(folder: &Path) -> Result<(), Failed> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(error) => Err(because(format!("{}: cannot be made: {error}", folder.display()))),
        Ok(()) => Ok(()),
    }
}

fn write_three(figure: &Figure, args: &PlotArgs) -> Result<Files, Failed> {
    let written = figure.write_scaled(&args.output, args.scale).map_err(because)?;
    let text = |path: &Path| Some(path.to_string_lossy().into_owned());
    Ok(Files {
        figure: figure.id().to_owned(),
        title: figure.title().to_owned(),
        svg: text(&written.svg),
        png: text(&written.png),
        csv: text(&written.csv),
    })
}

fn write_one(figure: &Figure, extension: &str, args: &PlotArgs) -> Result<Files, Failed> {
    let mut files = Files {
        figure: figure.id().to_owned(),
        title: figure.title().to_owned(),
        ..Files::default()
    };
    let name = Some(args.output.to_string_lossy().into_owned());
    let bytes = match extension {
        "svg" => {
            files.svg = name;
            figure.svg().into_bytes()
        }
        "png" => {
            files.png = name;
            figure.png(args.scale).map_err(because)?
        }
        _ => {
            files.csv = name;
            figure.csv().to_vec()
        }
    };
    save(&args.output, &bytes).map_err(because)?;
    Ok(files)
}
