//! `melisma compose`: pieces as they are asked for.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;

use melisma_compose::Composer;
use melisma_compose::sample::{Bars, Form, Key, Piece, Request, compose, instrument, instrument_name};
use melisma_plot::{ScoreFigure, save};
use melisma_score::tokens::{Compound, Design};
use melisma_score::{read, to_bytes};
use rayon::prelude::*;
use serde::Serialize;

use crate::args::ComposeArgs;
use crate::context::{Failed, Run, because, note, print_json, threads};

/// A piece that was composed, and how good it is.
struct Candidate {
    seed: u64,
    piece: Piece,
    /// Whether it is in the key that was asked for.
    met: bool,
}

#[derive(Serialize)]
struct Summary<'a> {
    output: &'a Path,
    model: &'a str,
    genre: Option<&'a str>,
    key: Option<String>,
    tempo: f64,
    bars: usize,
    seconds: f64,
    instruments: Vec<&'a str>,
    notes: usize,
    nats_per_note: f64,
    seed: u64,
    candidates: usize,
}

/// Composes, ranks and writes.
pub fn run(args: &ComposeArgs, run: &Run) -> Result<(), Failed> {
    let request = request(args)?;
    let picture = args.figure.as_deref().map(extension).transpose()?;
    let composer = Composer::read(&args.model).map_err(because)?;
    request.check(&composer.genres).map_err(because)?;
    let prime = args
        .prime
        .as_deref()
        .map(|path| prime(path, &request))
        .transpose()?;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads(args.threads))
        .build()
        .map_err(because)?;
    let seeds: Vec<u64> = (0..u64::from(args.candidates))
        .map(|n| request.seed.wrapping_add(n))
        .collect();
    let one = seeds.len() == 1;
    let candidates: Vec<Result<Candidate, melisma_compose::Error>> = pool.install(|| {
        let candidate = |seed: &u64| {
            let request = Request {
                seed: *seed,
                ..request.clone()
            };
            let mut follow = Follow {
                run,
                shown: one && std::io::stderr().is_terminal(),
                bars: request.bars,
            };
            let piece = compose(&composer, &request, prime.as_deref(), &mut follow)?;
            let met = request.key.is_none_or(|key| piece.key == Some(key));
            Ok(Candidate {
                seed: *seed,
                met,
                piece,
            })
        };
        seeds.par_iter().map(candidate).collect()
    });
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        match candidate {
            Ok(candidate) => kept.push(candidate),
            Err(melisma_compose::Error::Interrupted) => return Err(Failed::Interrupted),
            Err(fault) => return Err(because(fault)),
        }
    }
    let count = kept.len();
    let best = best(kept).ok_or_else(|| because("nothing was composed"))?;
    if !best.met {
        note!(
            "melisma: the piece is heard in {}, not in the key that was asked for; another seed or more candidates may do",
            best.piece.key.map_or("no key".to_owned(), |key| key.to_string())
        );
    }
    let score = &best.piece.score;
    let drawn = match picture {
        Some(extension) => {
            let title = args.output.file_stem().unwrap_or_default().to_string_lossy();
            let figure = ScoreFigure::PianoRoll
                .draw(score, &title, 0.0, None)
                .map_err(because)?;
            Some(match extension {
                Picture::Svg => figure.svg().into_bytes(),
                Picture::Png => figure.png(2.0).map_err(because)?,
            })
        }
        None => None,
    };
    save(&args.output, &to_bytes(score)).map_err(because)?;
    if let (Some(path), Some(bytes)) = (&args.figure, drawn) {
        save(path, &bytes).map_err(because)?;
    }
    let summary = Summary {
        output: &args.output,
        model: &composer.name,
        genre: request.genre.as_deref(),
        key: best.piece.key.map(|key| key.to_string()),
        tempo: score.tempos.first().map_or(120.0, |tempo| tempo.per_minute()),
        bars: score.bars().len(),
        seconds: score.clock().seconds(score.end()),
        instruments: request
            .instruments
            .iter()
            .map(|voice| instrument_name(*voice))
            .collect(),
        notes: best.piece.notes,
        nats_per_note: best.piece.nats_per_note,
        seed: best.seed,
        candidates: count,
    };
    if args.json {
        return print_json(&summary);
    }
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{}: {} bars, {:.0} s, {}, {:.0} a minute, {} notes, seed {}",
        args.output.display(),
        summary.bars,
        summary.seconds,
        summary.key.as_deref().unwrap_or("no key"),
        summary.tempo,
        summary.notes,
        summary.seed
    )?;
    Ok(())
}

/// What kind of picture.
#[derive(Clone, Copy)]
enum Picture {
    Svg,
    Png,
}

fn extension(path: &Path) -> Result<Picture, Failed> {
    match path
        .extension()
        .and_then(|e| e.to_str())
        .map(str::to_ascii_lowercase)
        .as_deref()
    {
        Some("svg") => Ok(Picture::Svg),
        Some("png") => Ok(Picture::Png),
        _ => Err(because(format!("{}: figures are .svg or .png", path.display()))),
    }
}

fn request(args: &ComposeArgs) -> Result<Request, Failed> {
    let parsed = |text: &str| -> Option<(u8, u8)> {
        let (beats, value) = text.split_once('/')?;
        Some((beats.trim().parse().ok()?, value.trim().parse().ok()?))
    };
    let metre = parsed(&args.metre)
        .filter(|(beats, value)| *beats > 0 && *value > 0)
        .ok_or_else(|| because(format!("`{}` is no metre: 4/4, 3/4, 6/8 are some", args.metre)))?;
    let instruments = args
        .instruments
        .iter()
        .map(|name| instrument(name).map_err(because))
        .collect::<Result<Vec<u8>, Failed>>()?;
    Ok(Request {
        genre: (args.genre != "any").then(|| args.genre.clone()),
        key: args.key.as_deref().map(Key::parse).transpose().map_err(because)?,
        tempo: args.tempo,
        bars: args.bars,
        metre,
        instruments,
        form: args
            .form
            .as_deref()
            .map(Form::parse)
            .transpose()
            .map_err(because)?,
        notes_per_bar: args.density,
        temperature: args.temperature,
        top_p: args.top_p,
        chromaticism: args.chromaticism,
        seed: args.seed,
    })
}

/// The tokens of a piece to go on from.
fn prime(path: &Path, request: &Request) -> Result<Vec<u16>, Failed> {
    let read = read(path).map_err(because)?;
    for repair in &read.repairs {
        note!("melisma: {}: {repair}", path.display());
    }
    let tokens = Compound::new().encode(&read.score);
    if tokens.is_empty() {
        return Err(because(format!("{}: no notes to go on from", path.display())));
    }
    let own = read
        .score
        .time_signatures
        .last()
        .map_or((4, 4), |signature| (signature.numerator, signature.denominator));
    if own != request.metre {
        return Err(because(format!(
            "{}: ends in {}/{}, and {}/{} is asked for: say --metre {}/{}",
            path.display(),
            own.0,
            own.1,
            request.metre.0,
            request.metre.1,
            own.0,
            own.1
        )));
    }
    Ok(tokens)
}

/// The best: in the key that was asked for, then the one whose cost is nearest to the middle of all, which is neither dull nor confused.
fn best(candidates: Vec<Candidate>) -> Option<Candidate> {
    let mut costs: Vec<f64> = candidates.iter().map(|c| c.piece.nats_per_note).collect();
    costs.sort_by(f64::total_cmp);
    let middle = *costs.get(costs.len() / 2)?;
    candidates.into_iter().min_by(|a, b| {
        let far = |c: &Candidate| (c.piece.nats_per_note - middle).abs();
        b.met.cmp(&a.met).then(far(a).total_cmp(&far(b)))
    })
}

/// Shows bars as they come.
struct Follow<'a> {
    run: &'a Run,
    shown: bool,
    bars: u32,
}

impl Bars for Follow<'_> {
    fn bar(&mut self, number: u32, steps: &[[u16; 8]]) {
        if self.shown {
            let _ = write!(
                std::io::stderr(),
                "\rbar {number}/{}, {} notes \x1b[K",
                self.bars,
                steps.len()
            );
            if number == self.bars {
                note!("");
            }
        }
    }

    fn stopped(&self) -> bool {
        self.run.stopped()
    }
}
