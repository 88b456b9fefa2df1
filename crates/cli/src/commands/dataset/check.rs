//! `melisma dataset check`: what is wrong with a collection.

use std::io::Write;
use std::path::Path;

use melisma_dataset::check::{CheckOptions, Event, Finding, Report, check};

use crate::args::CheckArgs;
use crate::context::{Failed, Run, because, note, print_json, threads};
use crate::progress::Progress;

/// Recordings of a finding that are named on the terminal; the rest is counted.
const NAMED: usize = 4;

/// Checks the collection, prints the report and writes it as a page where that is asked for.
pub fn run(args: &CheckArgs, run: &Run) -> Result<(), Failed> {
    let collection = super::open(&args.collection)?;
    let options = CheckOptions {
        threads: threads(args.threads),
        cache: args.cache.clone(),
    };
    let mut progress: Option<Progress> = None;
    let result = check(&*collection, &options, run.stop(), &mut |event| match event {
        Event::Start { files, resumed } => {
            let started = Progress::new(files, resumed);
            if resumed > 0 {
                started.say(&format!("{resumed} of {files} files are known from the cache"));
            }
            progress = Some(started);
        }
        Event::File { id, audio_s, fault } => {
            if let Some(progress) = &mut progress {
                if let Some(fault) = fault {
                    progress.say(&plain(&format!("melisma: {id}: {fault}")));
                }
                progress.step(audio_s);
            }
        }
        Event::Comparing => {
            if let Some(progress) = &progress {
                progress.finish();
            }
        }
    });
    if let Some(progress) = &progress {
        progress.finish();
    }
    let report = result.map_err(because)?;
    if report.interrupted {
        note!("melisma: interrupted; with --cache the same command goes on from here");
        return Err(Failed::Interrupted);
    }
    if report.recordings == 0 && report.findings.is_empty() {
        return Err(because(format!(
            "{}: no recordings here",
            args.collection.path.display()
        )));
    }
    if let Some(path) = &args.html {
        save(path, &report.to_html())
            .map_err(|error| because(format!("{}: cannot be written: {error}", path.display())))?;
    }
    if args.json {
        print_json(&report)?;
    } else {
        print(&report)?;
    }
    if args.strict && !report.findings.is_empty() {
        return Err(Failed::Findings);
    }
    Ok(())
}

/// Writes beside the place, then renames.
fn save(path: &Path, text: &str) -> std::io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let written = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        // The first error is the one to report.
        let _ = std::fs::remove_file(&beside);
    }
    written
}

/// The findings, kind by kind, and a summary.
fn print(report: &Report) -> Result<(), Failed> {
    let mut out = std::io::stdout().lock();
    let mut last = None;
    for finding in &report.findings {
        if last != Some(finding.kind) {
            if last.is_some() {
                writeln!(out)?;
            }
            writeln!(out, "{}", finding.kind)?;
            last = Some(finding.kind);
        }
        writeln!(out, "  {}", plain(&names(finding)))?;
        writeln!(out, "      {}", plain(&finding.detail))?;
        writeln!(out, "      -> {}", plain(&finding.advice))?;
    }
    if last.is_some() {
        writeln!(out)?;
    }
    let counts: Vec<String> = report
        .counts()
        .iter()
        .map(|(kind, count)| format!("{kind} {count}"))
        .collect();
    let counts = match counts.is_empty() {
        true => "nothing was found".to_owned(),
        false => counts.join(", "),
    };
    writeln!(
        out,
        "{}: {} recordings, {} files: {counts}",
        plain(&report.collection),
        report.recordings,
        report.files
    )?;
    Ok(())
}

fn names(finding: &Finding) -> String {
    let ids = &finding.recordings;
    match ids.len() {
        0 => "(collection)".to_owned(),
        n if n <= NAMED => ids.join(", "),
        n => format!("{}, ... ({n} in all)", ids[..NAMED].join(", ")),
    }
}

/// A stranger's text must not steer the terminal.
fn plain(text: &str) -> String {
    text.replace(char::is_control, " ")
}
