//! `melisma frames`: one feature of a recording, frame by frame.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use melisma_audio::{Hertz, Limit, load};
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
    save(&args.output, |out| write(&series, out))
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

fn save(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let written = File::create(&beside).and_then(|file| {
        let mut out = BufWriter::new(file);
        write(&mut out)?;
        out.into_inner()?.sync_all()?;
        std::fs::rename(&beside, path)
    });
    if written.is_err() {
        // The first error is the one to report.
        let _ = std::fs::remove_file(&beside);
    }
    written
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

/// NumPy's format, version 1.0: single precision, rows x frames (or one axis, for one row of samples).
fn write_npy(series: &Series<'_>, out: &mut dyn Write) -> io::Result<()> {
    let frames = series.values.len() / series.rows;
    let shape = match (series.step_s * f64::from(SAMPLE_RATE)).round() as usize {
        1 => format!("({frames},)"),
        _ => format!("({}, {frames})", series.rows),
    };
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
    // The header ends with a line feed, and the data begin at a multiple of 64 bytes.
    let length = (10 + header.len() + 1).next_multiple_of(64) - 10;
    header.push_str(&" ".repeat(length - header.len() - 1));
    header.push('\n');
    out.write_all(b"\x93NUMPY\x01\x00")?;
    out.write_all(&(length as u16).to_le_bytes())?;
    out.write_all(header.as_bytes())?;
    for row in 0..series.rows {
        for value in series.values.iter().skip(row).step_by(series.rows) {
            out.write_all(&value.to_le_bytes())?;
        }
    }
    Ok(())
}
