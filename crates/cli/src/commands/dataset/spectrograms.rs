//! `melisma dataset spectrograms`: a table of descriptors of spectrogram images.

use std::io;

use melisma_dataset::Error;
use melisma_dataset::extract::Failure;
use melisma_dataset::files::write_beside;
use melisma_dataset::spectrograms::{SpectrogramOptions, read_spectrograms};
use serde::Serialize;

use crate::args::SpectrogramsArgs;
use crate::context::{Failed, Run, because, note, print_json};

#[derive(Serialize)]
struct Summary<'a> {
    output: String,
    rows: usize,
    columns: usize,
    failed: &'a [Failure],
}

/// Describes every image, writes the table, and names the images that gave no rows.
pub fn run(args: &SpectrogramsArgs, run: &Run) -> Result<(), Failed> {
    let mut views = args.views.clone();
    views.sort();
    views.dedup();
    let options = SpectrogramOptions {
        views,
        parts: args.parts.get(),
    };
    let read = read_spectrograms(&args.archive, &options, run.stop()).map_err(because)?;
    // A stranger's text must not steer the terminal.
    let shown = |text: &str| text.replace(char::is_control, " ");
    let archive = args.archive.display();
    for failure in &read.failed {
        let picture = failure.path.to_string_lossy();
        note!(
            "melisma: {archive}: {}: {}",
            shown(&picture),
            shown(&failure.fault)
        );
    }
    if read.interrupted {
        note!("melisma: interrupted; nothing was written");
        return Err(Failed::Interrupted);
    }
    let place = args.output.display();
    if read.table.is_empty() {
        note!("melisma: {archive}: no picture could be read; {place} was not written");
        return Err(Failed::Reported);
    }
    let write = |out: &mut dyn io::Write| {
        read.table.to_csv(out).map_err(|error| match error {
            Error::Io { source, .. } => source,
            error => io::Error::other(error.to_string()),
        })
    };
    write_beside(&args.output, write).map_err(|error| because(format!("{place}: {error}")))?;
    let (rows, columns) = (read.table.len(), read.table.columns.len());
    if args.json {
        print_json(&Summary {
            output: args.output.to_string_lossy().into_owned(),
            rows,
            columns,
            failed: &read.failed,
        })?;
    } else {
        note!("{rows} rows of {columns} columns in {place}");
    }
    match read.failed.is_empty() {
        true => Ok(()),
        false => Err(Failed::Reported),
    }
}
