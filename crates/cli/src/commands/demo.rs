//! `melisma demo`: a piece composed, rendered, drawn and told.

use std::io::Write as _;

use melisma_compose::sample::{Form, Key, Request, compose, instrument};
use melisma_learn::classify::GenreProbability;
use melisma_plot::save;
use melisma_score::to_bytes;
use serde::Serialize;

use super::compose::{Follow, Picture, draw};
use super::ear::{self, Ear};
use super::taste::Taste;
use crate::args::DemoArgs;
use crate::context::{Failed, Run, because, note, print_json, threads};

#[derive(Serialize)]
struct Summary<'a> {
    folder: &'a std::path::Path,
    model: &'a str,
    notes: usize,
    jazz_by_notes: Option<f64>,
    by_ear: &'a str,
    genres_by_ear: Vec<GenreProbability>,
}

/// Does it all.
pub fn run(args: &DemoArgs, run: &Run) -> Result<(), Failed> {
    let composer = super::compose::composer(None)?;
    let taste = Taste::new(Some("jazz"), &composer.typical)?;
    let request = Request {
        genre: Some("jazz".into()),
        key: Some(Key::parse("F").map_err(because)?),
        tempo: 140.0,
        bars: 32,
        instruments: ["piano", "bass", "drums", "tenor sax"]
            .iter()
            .map(|name| instrument(name).map_err(because))
            .collect::<Result<_, _>>()?,
        form: Some(Form::parse("AABA").map_err(because)?),
        seed: args.seed,
        ..Request::default()
    };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads(args.threads))
        .build()
        .map_err(because)?;
    std::fs::create_dir_all(&args.output)
        .map_err(|error| because(format!("{}: {error}", args.output.display())))?;
    let file = |name: &str| args.output.join(name);
    note!("composing 32 bars of jazz in F: AABA, piano, bass, drums, tenor sax, 140 a minute");
    let piece = pool
        .install(|| {
            let mut follow = Follow {
                run,
                shown: false,
                bars: request.bars,
            };
            compose(&composer, &request, None, &mut follow)
        })
        .map_err(|fault| match fault {
            melisma_compose::Error::Interrupted => Failed::Interrupted,
            fault => because(fault),
        })?;
    save(&file("take.mid"), &to_bytes(&piece.score)).map_err(because)?;
    save(
        &file("take.svg"),
        &draw(&piece.score, "A take of melisma demo", Picture::Svg)?,
    )
    .map_err(because)?;
    note!("rendering");
    let sound = file("take.flac");
    ear::render(&ear::synth(), &piece.score, &sound, run.stop())?;
    note!("listening");
    let ear = Ear::open(args.json)?;
    let heard = ear.of_file(&sound, run.stop())?;
    let summary = Summary {
        folder: &args.output,
        model: &composer.name,
        notes: piece.notes,
        jazz_by_notes: taste.probability(&piece.score),
        by_ear: ear.name(),
        genres_by_ear: heard,
    };
    if args.json {
        return print_json(&summary);
    }
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{}: take.mid (the notes), take.flac (how it sounds), take.svg (how it looks)",
        args.output.display()
    )?;
    if let Some(probability) = summary.jazz_by_notes {
        writeln!(out, "told for jazz by its notes: {:.0} %", 100.0 * probability)?;
    }
    writeln!(out, "told by {}, as it sounds:", ear.name())?;
    write!(out, "{}", crate::text::genre_bars(&summary.genres_by_ear))?;
    Ok(())
}
