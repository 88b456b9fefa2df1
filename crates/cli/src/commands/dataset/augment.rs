//! `melisma dataset augment`: altered copies of recordings, to train on.

use std::borrow::Cow;

use melisma_dataset::augment::{AugmentOptions, AugmentReport, CopyKind, augment_files};
use melisma_dataset::extract::Event;
use serde::Serialize;

use crate::args::AugmentArgs;
use crate::context::{Failed, Run, because, note, print_json, threads};
use crate::progress::Progress;

#[derive(Serialize)]
struct Summary<'a> {
    output: Cow<'a, str>,
    #[serde(flatten)]
    report: &'a AugmentReport,
}

/// Makes the copies, says how many, and names the files that gave none.
pub fn run(args: &AugmentArgs, run: &Run) -> Result<(), Failed> {
    let kinds = match (args.kinds.is_empty(), args.spectrograms) {
        (true, false) => CopyKind::ALL.into(),
        _ => args.kinds.iter().copied().collect(),
    };
    let options = AugmentOptions {
        kinds,
        per_file: args.per_file.get(),
        spectrograms: args.spectrograms,
        seed: args.seed,
        threads: threads(args.threads),
    };
    let mut progress: Option<Progress> = None;
    let mut on_event = |event: Event<'_>| match event {
        Event::Start { files, .. } => progress = Some(Progress::new(files, 0)),
        Event::File { path, audio_s, fault } => {
            if let Some(progress) = &mut progress {
                if let Some(fault) = fault {
                    progress.say(&format!("melisma: {}: {fault}", path.display()));
                }
                progress.step(audio_s);
            }
        }
    };
    let result = augment_files(&args.paths, &args.output, &options, run.stop(), &mut on_event);
    if let Some(progress) = &progress {
        progress.finish();
    }
    let report = result.map_err(because)?;
    for warning in &report.warnings {
        note!("melisma: {}: {}", warning.path.display(), warning.fault);
    }
    if args.json {
        let output = args.output.to_string_lossy();
        print_json(&Summary {
            output,
            report: &report,
        })?;
    } else {
        let place = args.output.display();
        note!("{} copies of {} files in {place}", report.copies, report.files);
        if report.passed_over > 0 {
            note!("passed over {} altered copies", report.passed_over);
        }
    }
    if report.interrupted {
        note!("melisma: interrupted; the copies that are there are complete");
        return Err(Failed::Interrupted);
    }
    match report.failed.is_empty() {
        true => Ok(()),
        false => Err(Failed::Reported),
    }
}
