//! `melisma explore`: a report on a table, or on a folder of music.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use melisma_dataset::collection::Kind;
use melisma_dataset::extract::walk;
use melisma_dataset::{Genre, ReadOptions};
use melisma_explore::Watch;
use melisma_explore::report::{Report, ReportError, ReportOptions, explore};
use serde::Serialize;

use super::features;
use crate::args::{ExploreArgs, FeaturesArgs};
use crate::context::{Failed, Run, because, note, print_json, threads};

/// The column that lists several classes where none is named.
const LISTS: &str = "genres";

#[derive(Serialize)]
struct Done<'a> {
    source: Cow<'a, str>,
    report: Cow<'a, str>,
    figures: usize,
    seconds: f64,
    summary: &'a serde_json::Value,
}

/// Describes the folder first if it is one, then explores the table.
pub fn run(args: &ExploreArgs, run: &Run) -> Result<(), Failed> {
    let start = Instant::now();
    if args.output.exists() && !args.output.is_dir() {
        return Err(because(format!("{}: not a folder", args.output.display())));
    }
    // FMA brings its features along; any other folder's are described first.
    let describes = args.source.is_dir() && !matches!(Kind::detect(&args.source), Ok(Kind::Fma));
    let (table, all_described) = if describes {
        describe(args, run)?
    } else {
        (args.source.clone(), true)
    };
    let options = options(args);
    let watch = Watch::none().with_stop(run.stop());
    let step = |what: &str| note!("{:6.1} s  {what}", start.elapsed().as_secs_f64());
    let quiet = |_: &str| {};
    let on_step: &dyn Fn(&str) = if args.json { &quiet } else { &step };
    let report = explore(&table, &options, watch, on_step).map_err(failed)?;
    on_step("drawing and writing");
    let page = report
        .write(&args.output, options.threads, watch)
        .map_err(failed)?;
    if args.json {
        print_json(&Done {
            source: args.source.to_string_lossy(),
            report: page.to_string_lossy(),
            figures: figures(&report),
            seconds: start.elapsed().as_secs_f64(),
            summary: &report.summary,
        })?;
    } else {
        tell(&report, &page, start);
    }
    // The files that gave no features were named when they failed.
    if all_described {
        Ok(())
    } else {
        Err(Failed::Reported)
    }
}

fn tell(report: &Report, page: &Path, start: Instant) {
    for section in &report.sections {
        for sampled in &section.sampled {
            note!("{}: {sampled}", section.title);
        }
    }
    note!(
        "{} figures and a page in {:.1} s: {}",
        figures(report),
        start.elapsed().as_secs_f64(),
        page.display()
    );
}

fn figures(report: &Report) -> usize {
    report.sections.iter().map(|section| section.figures.len()).sum()
}

fn failed(error: ReportError) -> Failed {
    match error {
        ReportError::Interrupted => Failed::Interrupted,
        error => because(error),
    }
}

fn options(args: &ExploreArgs) -> ReportOptions {
    let lenient = ReadOptions::lenient();
    ReportOptions {
        read: ReadOptions {
            named: args.name.is_some(),
            name: args.name.clone().unwrap_or(lenient.name.clone()),
            label: args.label.clone().unwrap_or(lenient.label.clone()),
            lists: Some(args.lists.clone().unwrap_or_else(|| LISTS.to_owned())),
            skip: args.skip.clone(),
            ..lenient
        },
        unlabelled: args.unlabelled,
        clusters: args.clusters.map(usize::from),
        clustered_order: !args.file_order,
        sample: args.sample.into(),
        examples: examples(&args.source),
        seed: args.seed,
        threads: threads(args.threads),
        ..ReportOptions::default()
    }
}

/// Writes the features of a folder of music beside the report; false where some files gave none, which has then been told.
fn describe(args: &ExploreArgs, run: &Run) -> Result<(PathBuf, bool), Failed> {
    std::fs::create_dir_all(&args.output)
        .map_err(|error| because(format!("{}: cannot be made: {error}", args.output.display())))?;
    let output = args.output.join("features.csv");
    // A table of an earlier run must not pass for this one's.
    let _ = std::fs::remove_file(&output);
    let extraction = FeaturesArgs {
        paths: vec![args.source.clone()],
        schema: args.schema,
        window: args.window,
        pad: args.pad,
        output: output.clone(),
        fresh: false,
        json: false,
        threads: args.threads,
    };
    match features::run(&extraction, run) {
        Ok(()) => Ok((output, true)),
        Err(Failed::Reported) if output.is_file() => Ok((output, false)),
        Err(failed) => Err(failed),
    }
}

/// The recordings of a folder that lie in folders named after genres.
fn examples(source: &Path) -> Vec<(String, PathBuf)> {
    if !source.is_dir() {
        return Vec::new();
    }
    let (found, _) = walk(&[source.to_owned()]);
    let mut examples: Vec<(String, PathBuf)> = found
        .into_iter()
        .filter_map(|file| Some((Genre::of_folder(&file.path)?.name().to_owned(), file.path)))
        .collect();
    examples.sort();
    examples
}
