//! `melisma dataset build`: a labelled collection from the user's own sources.

use std::path::Path;
use std::time::{Duration, Instant};

use melisma_dataset::build::{
    BuildParams, BuildReport, Client, Local, Patience, Service, Source, Web, build,
};

use crate::args::BuildArgs;
use crate::context::{Failed, Run, because, note, print_json};

/// How often a pause looks whether the run shall end.
const TICK: Duration = Duration::from_millis(100);

/// Builds, says what was done for each genre, and names what failed.
pub fn run(args: &BuildArgs, run: &Run) -> Result<(), Failed> {
    let mut source = source(args, run)?;
    if let Some(notice) = source.notice() {
        if !args.dry_run {
            return Err(because(format!("{notice}; --dry-run lists it")));
        }
        note!("{notice}");
    }
    let params = BuildParams {
        genres: args.genres.clone(),
        per_genre: args.per_genre,
        test_per_genre: args.test_per_genre,
        dry_run: args.dry_run,
    };
    // A stranger's text must not steer the terminal.
    let mut progress = |line: &str| note!("{}", line.replace(char::is_control, " "));
    let report = build(source.as_mut(), &args.output, &params, run.stop(), &mut progress).map_err(because)?;
    if args.json {
        print_json(&report)?;
    } else {
        summarise(&report);
    }
    for fault in &report.faults {
        note!("melisma: {fault}");
    }
    if report.interrupted {
        note!("melisma: interrupted; the same command goes on from here");
        return Err(Failed::Interrupted);
    }
    let failed = report.genres.values().any(|genre| !genre.failed.is_empty());
    if failed || !report.faults.is_empty() {
        return Err(Failed::Reported);
    }
    Ok(())
}

fn source<'a>(args: &BuildArgs, run: &'a Run) -> Result<Box<dyn Source + 'a>, Failed> {
    let local = match args.source.split_once(':') {
        Some(("folder", path)) => Some(Local::folder(Path::new(path))),
        Some(("playlist", path)) => {
            let single_genre = args.genres.len() == 1;
            Some(Local::playlist(
                Path::new(path),
                args.root.as_deref(),
                single_genre,
            ))
        }
        _ => None,
    };
    if let Some(local) = local {
        let local = local.map_err(because)?;
        local
            .skipped()
            .iter()
            .for_each(|entry| note!("melisma: passed over {}", entry.replace(char::is_control, " ")));
        return Ok(Box::new(local));
    }
    let service = Service::ALL
        .into_iter()
        .find(|service| service.name() == args.source);
    let Some(service) = service else {
        return Err(because(format!(
            "unknown source `{}`: folder:PATH, playlist:FILE, deezer, itunes, jamendo and spotify are known",
            args.source
        )));
    };
    let credential = service
        .variable()
        .and_then(|variable| std::env::var(variable).ok());
    let patience = Patience {
        interval: service.interval(),
        ..Patience::default()
    };
    let pause = |time: Duration| {
        let start = Instant::now();
        while let Some(left) = time.checked_sub(start.elapsed()).filter(|left| !left.is_zero()) {
            if run.stopped() {
                return false;
            }
            std::thread::sleep(left.min(TICK));
        }
        !run.stopped()
    };
    let client = Client::new(patience, args.seed, Box::new(pause));
    let web = Web::new(service, args.base_url.as_deref(), credential, client).map_err(because)?;
    Ok(Box::new(web))
}

fn summarise(report: &BuildReport) {
    for (name, genre) in &report.genres {
        note!(
            "{name}: {} to learn from, {} to test on ({} from before); {} repeated, {} without sound, {} failed",
            genre.train,
            genre.test,
            genre.resumed,
            genre.repeated,
            genre.without_sound,
            genre.failed.len()
        );
    }
}
