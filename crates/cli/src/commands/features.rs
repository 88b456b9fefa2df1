//! `melisma features`: a table of features.

use std::borrow::Cow;
use std::path::Path;

use melisma_dataset::extract::{Event, ExtractError, ExtractOptions, ExtractReport, Window, extract};
use serde::Serialize;

use crate::args::FeaturesArgs;
use crate::context::{Failed, Run, because, note, print_json, threads};
use crate::progress::Progress;

#[derive(Serialize)]
struct Summary<'a> {
    output: Cow<'a, str>,
    schema: &'a str,
    #[serde(flatten)]
    report: &'a ExtractReport,
}

/// Describes every file and writes the table; names the files that gave no rows.
pub fn run(args: &FeaturesArgs, run: &Run) -> Result<(), Failed> {
    let options = ExtractOptions {
        schema: args.schema,
        window: args
            .window
            .map_or(Ok(Window::Whole), Window::seconds)
            .map_err(because)?,
        pad: args.pad,
        threads: threads(args.threads),
        fresh: args.fresh,
    };
    let mut progress: Option<Progress> = None;
    let result = extract(
        &args.paths,
        &args.output,
        &options,
        run.stop(),
        &mut |event| match event {
            Event::Start { files, resumed } => {
                let started = Progress::new(files, resumed);
                if resumed > 0 {
                    started.say(&format!("going on: {resumed} of {files} files are done already"));
                }
                progress = Some(started);
            }
            Event::File { path, audio_s, fault } => {
                if let Some(progress) = &mut progress {
                    if let Some(fault) = fault {
                        progress.say(&format!("melisma: {}: {fault}", path.display()));
                    }
                    progress.step(audio_s);
                }
            }
        },
    );
    if let Some(progress) = &progress {
        progress.finish();
    }
    let report = match result {
        Err(ExtractError::Output { source, .. }) if source.kind() == std::io::ErrorKind::BrokenPipe => {
            return Err(Failed::BrokenPipe);
        }
        result => result.map_err(because)?,
    };
    if report.interrupted {
        note!("melisma: interrupted; the same command goes on from here");
        return Err(Failed::Interrupted);
    }
    for warning in &report.warnings {
        note!("melisma: {}: {}", warning.path.display(), warning.fault);
    }
    if args.json {
        let summary = Summary {
            output: args.output.to_string_lossy(),
            schema: args.schema.name(),
            report: &report,
        };
        if args.output == Path::new("-") {
            // Standard output holds the table.
            note!("{}", serde_json::to_string(&summary).map_err(because)?);
        } else {
            print_json(&summary)?;
        }
    } else {
        summarise(args, &report);
    }
    if report.failed.is_empty() {
        Ok(())
    } else {
        Err(Failed::Reported)
    }
}

fn summarise(args: &FeaturesArgs, report: &ExtractReport) {
    let done = report.files - report.failed.len();
    let count = |count: u64, noun| {
        if count == 1 {
            format!("1 {noun}")
        } else {
            format!("{count} {noun}s")
        }
    };
    let files = |number: usize| count(number as u64, "file");
    if report.rows > 0 {
        let rows = count(report.rows, "row");
        note!(
            "{rows} from {done} of {} in {}",
            files(report.files),
            args.output.display()
        );
    }
    if !report.failed.is_empty() {
        note!("{} gave no rows:", files(report.failed.len()));
        for failure in &report.failed {
            note!("  {}: {}", failure.path.display(), failure.fault);
        }
    }
    if report.rows == 0 {
        note!("{} was not written", args.output.display());
    }
}
