//! `melisma compose`: pieces as they are asked for.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use melisma_audio::encode::Format;
use melisma_compose::Composer;
use melisma_compose::sample::{
    Bars, Form, Guide, Key, Piece, Request, Reward as _, compose_guided, instrument, instrument_name,
};
use melisma_plot::{ScoreFigure, save};
use melisma_score::tokens::{Compound, Design};
use melisma_score::{Score, read, to_bytes};
use rayon::prelude::*;
use serde::Serialize;

use super::ear;
use super::taste::Taste;

use crate::args::ComposeArgs;
use crate::context::{Failed, Run, because, note, print_json, threads};

/// Bars between two choices of how to go on.
const GUIDED_BARS: u32 = 4;

/// A piece that was composed, and how good it is.
struct Candidate {
    seed: u64,
    piece: Piece,
    /// Whether it is in the key that was asked for.
    met: bool,
    reward: f64,
}

/// One of many that were composed.
struct Made {
    best: Candidate,
    candidates: usize,
    path: PathBuf,
    seconds: f64,
}

#[derive(Serialize)]
struct Summary<'a> {
    output: &'a Path,
    model: &'a str,
    genre: Option<&'a str>,
    /// The probability of the genre by the notes, where the classifier of scores knows it.
    genre_probability: Option<f64>,
    key: Option<String>,
    tempo: f64,
    bars: usize,
    seconds: f64,
    instruments: Vec<&'a str>,
    notes: usize,
    nats_per_note: f64,
    seed: u64,
    candidates: usize,
    composing_seconds: f64,
    audio: Option<&'a Path>,
}

/// What composes, and by what taste it is chosen.
struct Composing<'a> {
    args: &'a ComposeArgs,
    run: &'a Run,
    composer: Composer,
    taste: Taste,
    prime: Option<Vec<u16>>,
}

/// The composer that is named, or the program's own.
pub fn composer(model: Option<&Path>) -> Result<Composer, Failed> {
    match model {
        Some(path) => Composer::read(path),
        None => Composer::shipped(),
    }
    .map_err(because)
}

/// Composes, ranks and writes.
pub fn run(args: &ComposeArgs, run: &Run) -> Result<(), Failed> {
    let request = request(args)?;
    let picture = args.figure.as_deref().map(extension).transpose()?;
    if let Some(path) = &args.audio
        && Format::of(path).is_none()
    {
        return Err(because(format!(
            "{}: sound is .wav, .flac, .mp3 or .ogg",
            path.display()
        )));
    }
    let composer = composer(args.model.as_deref())?;
    request.check(&composer.genres).map_err(because)?;
    let prime = args
        .prime
        .as_deref()
        .map(|path| prime(path, &request))
        .transpose()?;
    let composing = Composing {
        args,
        run,
        taste: Taste::new(request.genre.as_deref(), &composer.typical)?,
        composer,
        prime,
    };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads(args.threads))
        .build()
        .map_err(because)?;
    pool.install(|| match args.count {
        None => composing.one(&request, picture),
        Some(count) => composing.many(&request, count.get()),
    })
}

impl Composing<'_> {
    /// The best of as many candidates as were asked for, the first from the request's seed.
    fn best(&self, request: &Request, shown: bool) -> Result<(Candidate, usize), Failed> {
        let seeds: Vec<u64> = (0..u64::from(self.args.candidates))
            .map(|n| request.seed.wrapping_add(n.wrapping_mul(1_000_003)))
            .collect();
        let one = seeds.len() == 1;
        let guide = (self.args.guide > 1).then_some(Guide {
            reward: &self.taste,
            ways: usize::from(self.args.guide),
            bars: GUIDED_BARS,
        });
        let candidate = |seed: &u64| {
            let request = Request {
                seed: *seed,
                ..request.clone()
            };
            let mut follow = Follow {
                run: self.run,
                shown: one && shown && std::io::stderr().is_terminal(),
                bars: request.bars,
            };
            let piece = compose_guided(
                &self.composer,
                &request,
                self.prime.as_deref(),
                guide,
                &mut follow,
            )?;
            Ok(Candidate {
                seed: *seed,
                met: request.key.is_none_or(|key| piece.key == Some(key)),
                reward: self.taste.reward(&piece.score),
                piece,
            })
        };
        let candidates: Vec<Result<Candidate, melisma_compose::Error>> =
            seeds.par_iter().map(candidate).collect();
        let mut kept: Vec<Candidate> = Vec::new();
        for candidate in candidates {
            match candidate {
                Ok(candidate) => kept.push(candidate),
                Err(melisma_compose::Error::Interrupted) => return Err(Failed::Interrupted),
                Err(fault) => return Err(because(fault)),
            }
        }
        let count = kept.len();
        let best = kept
            .into_iter()
            .reduce(
                |best, other| match (other.met, other.reward) > (best.met, best.reward) {
                    true => other,
                    false => best,
                },
            )
            .ok_or_else(|| because("nothing was composed"))?;
        Ok((best, count))
    }

    fn summary<'a>(
        &'a self,
        request: &'a Request,
        best: &Candidate,
        count: usize,
        output: &'a Path,
    ) -> Summary<'a> {
        let score = &best.piece.score;
        Summary {
            output,
            model: &self.composer.name,
            genre: request.genre.as_deref(),
            genre_probability: self.taste.probability(score),
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
            composing_seconds: 0.0,
            audio: self.args.audio.as_deref(),
        }
    }

    fn say_missed(&self, best: &Candidate) {
        if !best.met {
            note!(
                "melisma: the piece is heard in {}, not in the key that was asked for; another seed or more candidates may do",
                best.piece.key.map_or("no key".to_owned(), |key| key.to_string())
            );
        }
    }

    fn one(&self, request: &Request, picture: Option<Picture>) -> Result<(), Failed> {
        let began = Instant::now();
        let (best, count) = self.best(request, true)?;
        let composing_seconds = began.elapsed().as_secs_f64();
        self.say_missed(&best);
        let args = self.args;
        let score = &best.piece.score;
        let drawn = match picture {
            Some(picture) => {
                let title = args.output.file_stem().unwrap_or_default().to_string_lossy();
                Some(draw(score, &title, picture)?)
            }
            None => None,
        };
        save(&args.output, &to_bytes(score)).map_err(because)?;
        if let (Some(path), Some(bytes)) = (&args.figure, drawn) {
            save(path, &bytes).map_err(because)?;
        }
        if let Some(path) = &args.audio {
            ear::render(&ear::synth(), score, path, self.run.stop())?;
        }
        let summary = Summary {
            composing_seconds,
            ..self.summary(request, &best, count, &args.output)
        };
        if args.json {
            return print_json(&summary);
        }
        tell(&summary)
    }

    /// Many pieces into a folder, side by side. One that is there already is left as it is.
    fn many(&self, request: &Request, count: u32) -> Result<(), Failed> {
        let folder = &self.args.output;
        std::fs::create_dir_all(folder).map_err(|error| because(format!("{}: {error}", folder.display())))?;
        let numbers: Vec<u32> = (0..count).collect();
        let mut progress = crate::progress::Files::new(numbers.len());
        for some in numbers.chunks(rayon::current_num_threads()) {
            let made: Vec<Result<Option<Made>, Failed>> = some
                .par_iter()
                .map(|number| {
                    let path = folder.join(format!("take-{:04}.mid", number + 1));
                    if path.exists() {
                        return Ok(None);
                    }
                    let request = Request {
                        seed: request.seed.wrapping_add(u64::from(*number)),
                        ..request.clone()
                    };
                    let began = Instant::now();
                    let (best, candidates) = self.best(&request, false)?;
                    save(&path, &to_bytes(&best.piece.score)).map_err(because)?;
                    Ok(Some(Made {
                        best,
                        candidates,
                        path,
                        seconds: began.elapsed().as_secs_f64(),
                    }))
                })
                .collect();
            for made in made {
                let Some(Made {
                    best,
                    candidates,
                    path,
                    seconds,
                }) = made?
                else {
                    continue;
                };
                if !best.met {
                    progress.say(&format!(
                        "melisma: {}: in another key than was asked for",
                        path.display()
                    ));
                }
                let summary = Summary {
                    composing_seconds: seconds,
                    ..self.summary(request, &best, candidates, &path)
                };
                match self.args.json {
                    true => print_json(&summary)?,
                    false => tell(&summary)?,
                }
            }
            progress.step(some.len());
        }
        progress.finish();
        Ok(())
    }
}

fn tell(summary: &Summary<'_>) -> Result<(), Failed> {
    let told = match (summary.genre, summary.genre_probability) {
        (Some(genre), Some(probability)) => format!(", {genre} {:.0} % by its notes", 100.0 * probability),
        _ => String::new(),
    };
    writeln!(
        std::io::stdout().lock(),
        "{}: {} bars, {:.0} s, {}, {:.0} a minute, {} notes{told}, seed {}",
        summary.output.display(),
        summary.bars,
        summary.seconds,
        summary.key.as_deref().unwrap_or("no key"),
        summary.tempo,
        summary.notes,
        summary.seed
    )?;
    Ok(())
}

/// The piano roll of a score.
pub fn draw(score: &Score, title: &str, picture: Picture) -> Result<Vec<u8>, Failed> {
    let figure = ScoreFigure::PianoRoll
        .draw(score, title, 0.0, None)
        .map_err(because)?;
    Ok(match picture {
        Picture::Svg => figure.svg().into_bytes(),
        Picture::Png => figure.png(2.0).map_err(because)?,
    })
}

/// What kind of picture.
#[derive(Clone, Copy)]
pub enum Picture {
    /// As text.
    Svg,
    /// As points.
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

/// Shows bars as they come.
pub struct Follow<'a> {
    pub run: &'a Run,
    pub shown: bool,
    pub bars: u32,
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
