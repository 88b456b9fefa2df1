//! `melisma frames`: one feature of a recording, frame by frame.

use std::borrow::Cow;
use std::io::{self, Write};

use melisma_audio::{Hertz, Limit, load};
use melisma_dataset::files::{self, write_beside};
use melisma_features::{Descriptor, Extractor, HOP_LENGTH, SAMPLE_RATE};
use serde::Serialize;

use crate::args::FramesArgs;
use crate::context::{Failed, because, note, print_json};

/// A feature's values: `rows` numbers at each step of time.
struct Series<'a> {
    name: &'a str,
    rows: usize,
    values: &'a [f32],
    step_s: f64,
}

#[derive(Serialize)]
struct Summary<'a> {
    file: Cow<'a, str>,
    feature: &'a str,
    rows: usize,
    frames: usize,
    step_s: f64,
    output: Cow<'a, str>,
}

/// Writes the feature beside its place, then renames it there.
pub fn run(args: &FramesArgs) -> Result<(), Failed> {
    let extension = args
        .output
        .extension()
        .and_then(|e| e.to_str())
        .unwrap_or_default()
        .to_ascii_lowercase();
    let write = match extension.as_str() {
        "csv" => write_csv,
        "npy" => write_npy,
        _ => {
            return Err(because(format!(
                "{}: the name must end in .csv or .npy",
                args.output.display()
            )));
        }
    };
    let loaded = load(&args.file, Some(Hertz(SAMPLE_RATE)), Limit::Default).map_err(because)?;
    for warning in &loaded.warnings {
        note!("melisma: {}: {warning}", args.file.display());
    }
    let analysis = Extractor::new()
        .analyze(loaded.signal.samples(), args.pad, &[args.feature])
        .map_err(|error| because(format!("{}: {error}", args.file.display())))?;
    let values = analysis.values(args.feature).unwrap_or_default();
    let step = match args.feature {
        Descriptor::Harmonic | Descriptor::Percussive => 1,
        _ => HOP_LENGTH,
    };
    let series = Series {
        name: args.feature.name(),
        rows: args.feature.rows(),
        values,
        step_s: step as f64 / f64::from(SAMPLE_RATE),
    };
    write_beside(&args.output, |out| write(&series, out))
        .map_err(|error| because(format!("{}: cannot be written: {error}", args.output.display())))?;
    let frames = series.values.len() / series.rows;
    if args.json {
        let (rows, step_s) = (series.rows, series.step_s);
        let (file, output) = (args.file.to_string_lossy(), args.output.to_string_lossy());
        print_json(&Summary {
            file,
            feature: series.name,
            rows,
            frames,
            step_s,
            output,
        })
    } else {
        note!(
            "{} x {frames} values of {} in {}",
            series.rows,
            series.name,
            args.output.display()
        );
        Ok(())
    }
}

/// One line per frame: its time and its values.
fn write_csv(series: &Series<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    let names: Vec<String> = match series.rows {
        1 => vec![series.name.to_owned()],
        rows => (1..=rows).map(|row| format!("{}_{row}", series.name)).collect(),
    };
    csv.write_record(std::iter::once("time_s").chain(names.iter().map(String::as_str)))?;
    for (frame, values) in series.values.chunks_exact(series.rows).enumerate() {
        let time = format!("{:.6}", frame as f64 * series.step_s);
        csv.write_record(std::iter::once(time).chain(values.iter().map(f32::to_string)))?;
    }
    csv.flush()
}

/// NumPy's format: rows x frames (or one axis, for one row of samples).
fn write_npy(series: &Series<'_>, out: &mut dyn Write) -> io::Result<()> {
    let frames = series.values.len() / series.rows;
    let shape = match (series.step_s * f64::from(SAMPLE_RATE)).round() as usize {
        1 => vec![frames],
        _ => vec![series.rows, frames],
    };
    let rows = (0..series.rows).map(|row| series.values.iter().skip(row).step_by(series.rows));
    files::write_npy(out, &shape, rows.flatten().copied())
}
