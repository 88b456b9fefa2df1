//! `melisma nll`: how well a model predicts.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

use melisma_compose::counting::{self, Counting, MemoryParams, NgramParams, Params};
use melisma_compose::stream::{self, Vocabulary, fold};
use melisma_compose::{About, Judge, Judged, Mixture, Model, open};
use melisma_score::corpus::{Corpus, Part};
use melisma_score::tokens::design;
use melisma_score::{midi_files, read};
use rayon::prelude::*;
use serde::Serialize;

use crate::args::{CountingKind, NllArgs, PartName, TokensName};
use crate::context::{Failed, Run, because, note, print_json, threads};

/// How fast the weights of several models are learnt.
const MIXING_RATE: f32 = 0.1;

/// What is predicted.
enum Source {
    Midi(PathBuf),
    Corpus(PathBuf, Box<Corpus>),
    Stream(PathBuf),
}

/// A piece that is predicted.
struct Piece {
    name: String,
    tokens: Vec<u16>,
}

/// What predicts, and of what it is.
struct Predictor {
    name: String,
    about: About,
    model: Box<dyn Model>,
}

/// A piece, judged.
#[derive(Serialize)]
struct Line {
    file: String,
    tokens: usize,
    notes: Option<usize>,
    nats: f64,
    nats_per_token: Option<f64>,
    unigram_nats_per_token: Option<f64>,
    nats_per_note: Option<f64>,
    #[serde(skip)]
    judged: Judged,
}

impl Line {
    fn new(file: String, judged: Judged) -> Line {
        Line {
            file,
            tokens: judged.tokens,
            notes: judged.notes,
            nats: judged.nats,
            nats_per_token: judged.per_token(),
            unigram_nats_per_token: judged.unigram_per_token(),
            nats_per_note: judged.per_note(),
            judged,
        }
    }
}

#[derive(Serialize)]
struct Summary<'a> {
    model: &'a str,
    design: &'a str,
    files: usize,
    tokens: usize,
    notes: Option<usize>,
    nats_per_token: Option<f64>,
    unigram_nats_per_token: Option<f64>,
    nats_per_note: Option<f64>,
    median_nats_per_token: Option<f64>,
    median_nats_per_note: Option<f64>,
    pieces: &'a [Line],
}

/// Predicts every path; what cannot be read is named, and the rest goes on.
pub fn run(args: &NllArgs, run: &Run) -> Result<(), Failed> {
    let (sources, mut failed) = sources(args);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads(args.threads))
        .build()
        .map_err(because)?;
    if sources.is_empty() {
        return Err(match failed {
            0 => because("no MIDI files (.mid, .midi, .kar, .rmi), corpora or streams of tokens there"),
            _ => Failed::Reported,
        });
    }
    let (name, design, lines) = match predictor(args, &sources)? {
        Some(predictor) => {
            let lines = predict(args, run, &pool, &predictor, sources, &mut failed)?;
            (predictor.name, predictor.about.design, lines)
        }
        None => {
            let lines = pool.install(|| folds(args, run, &sources))?;
            (kind_name(args), "stream".to_owned(), lines)
        }
    };
    if lines.is_empty() {
        return Err(match failed {
            0 => because("nothing to predict there"),
            _ => Failed::Reported,
        });
    }
    print(args, &name, &design, &lines)?;
    match failed {
        0 => Ok(()),
        _ => {
            note!(
                "{failed} of {} paths could not be predicted",
                failed + lines.len()
            );
            Err(Failed::Reported)
        }
    }
}

/// What the paths are, and how many could not be told.
fn sources(args: &NllArgs) -> (Vec<Source>, usize) {
    let (mut sources, mut failed) = (Vec::new(), 0);
    let found = midi_files(&args.paths);
    for (path, fault) in &found.faults {
        failed += 1;
        note!("melisma: {}: {fault}", path.display());
    }
    for path in found.files {
        match source(&path) {
            Ok(source) => sources.push(source),
            Err(fault) => {
                failed += 1;
                note!("melisma: {fault}");
            }
        }
    }
    (sources, failed)
}

fn source(path: &Path) -> Result<Source, String> {
    let mut start = Vec::new();
    File::open(path)
        .and_then(|file| file.take(8).read_to_end(&mut start))
        .map_err(|error| format!("{}: {error}", path.display()))?;
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    let midi = ["mid", "midi", "kar", "rmi"]
        .iter()
        .any(|known| extension == *known);
    match () {
        () if start.starts_with(b"MELTOKS") => Corpus::open(path)
            .map(|corpus| Source::Corpus(path.to_owned(), Box::new(corpus)))
            .map_err(|error| error.to_string()),
        () if midi || start.starts_with(b"MThd") => Ok(Source::Midi(path.to_owned())),
        () => Ok(Source::Stream(path.to_owned())),
    }
}

/// The model that was named, or one that counts what was named for it; `None` where a stream is to be divided.
fn predictor(args: &NllArgs, sources: &[Source]) -> Result<Option<Predictor>, Failed> {
    let predictor = if !args.model.is_empty() {
        opened(&args.model)?
    } else {
        let train = match (&args.train, &sources[0]) {
            (Some(path), _) => source(path).map_err(because)?,
            (None, Source::Stream(_)) => {
                if sources.iter().any(|source| !matches!(source, Source::Stream(_))) {
                    return Err(because(
                        "a stream of tokens and files: each is predicted by itself, or by a model",
                    ));
                }
                return Ok(None);
            }
            (None, Source::Corpus(path, _)) => source(path).map_err(because)?,
            // Scores are predicted by the composer that comes with the program.
            (None, Source::Midi(_)) => {
                let composer = super::compose::composer(None)?;
                return checked(
                    args,
                    Predictor {
                        name: composer.name,
                        about: composer.about,
                        model: Box::new(composer.network),
                    },
                );
            }
        };
        counted(args, &train)?
    };
    checked(args, predictor)
}

/// A predictor, if it is of the tokens that were asked for.
fn checked(args: &NllArgs, predictor: Predictor) -> Result<Option<Predictor>, Failed> {
    let found = &predictor.about.design;
    match args.tokens.map(name_of) {
        Some(asked) if asked != found => {
            Err(because(format!("a model of the tokens `{found}`, not `{asked}`")))
        }
        _ => Ok(Some(predictor)),
    }
}

/// What a design is called in a model.
fn name_of(tokens: TokensName) -> &'static str {
    match tokens {
        TokensName::Names => "stream",
        TokensName::Events => "events",
        TokensName::Compound => "compound",
    }
}

fn opened(paths: &[PathBuf]) -> Result<Predictor, Failed> {
    let mut models = Vec::new();
    let mut about: Option<About> = None;
    for path in paths {
        let opened = open(path).map_err(because)?;
        match &about {
            Some(about) if (&about.design, &about.fields) != (&opened.about.design, &opened.about.fields) => {
                return Err(because(format!(
                    "{}: a model of other tokens than the first",
                    path.display()
                )));
            }
            Some(_) => (),
            None => about = Some(opened.about),
        }
        models.push(opened.model);
    }
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let model = match models.len() {
        1 => models.remove(0),
        _ => Box::new(Mixture::gated(models, MIXING_RATE).map_err(because)?),
    };
    Ok(Predictor {
        name: names.join(" + "),
        about: about.expect("at least one model was named"),
        model,
    })
}

/// The name of what counts.
fn kind_name(args: &NllArgs) -> String {
    match args.kind {
        CountingKind::Ngram => format!("{}-gram", args.order),
        CountingKind::Remember => format!("{}-gram that counts the piece", args.order),
        CountingKind::Memory => format!("memory over a {}-gram", args.order),
    }
}

/// What counts tokens like these.
fn params(args: &NllArgs, about: &About) -> Result<Params, Failed> {
    let sizes = about.sizes();
    let mut ngram = NgramParams::new(&sizes, usize::from(args.order)).map_err(because)?;
    ngram.prior = about.prior();
    ngram.remembers = args.kind != CountingKind::Ngram;
    Ok(match args.kind {
        CountingKind::Ngram | CountingKind::Remember => Params::Ngram(ngram),
        CountingKind::Memory => Params::Memory(MemoryParams {
            background: ngram,
            ..MemoryParams::new(&sizes).map_err(because)?
        }),
    })
}

/// A model that counts a corpus or stream.
fn counted(args: &NllArgs, train: &Source) -> Result<Predictor, Failed> {
    let pieces: Vec<Vec<u16>>;
    let about = match train {
        Source::Midi(path) => {
            return Err(because(format!(
                "{}: to be counted, MIDI files are made a corpus first (melisma tokens --output FILE)",
                path.display()
            )));
        }
        Source::Corpus(_, corpus) => {
            let songs = corpus.part(Part::Train);
            let tokens = songs.into_iter().map(|song| corpus.read(song, 0, u64::MAX));
            pieces = tokens.collect::<Result<_, _>>().map_err(because)?;
            let header = corpus.header();
            check_corpus(corpus, &pieces)?;
            About::scores(&header.design, &header.fields, &slices(&pieces))
        }
        Source::Stream(path) => {
            let tokens = stream::read(path).map_err(because)?;
            let vocabulary = Vocabulary::of(&tokens).map_err(because)?;
            let all = vocabulary.encode(&tokens);
            pieces = all
                .chunks(piece_length(args, all.len()))
                .map(<[u16]>::to_vec)
                .collect();
            About::stream(&vocabulary, &slices(&pieces))
        }
    };
    if pieces.iter().all(Vec::is_empty) {
        return Err(because("nothing to count: the training part has no tokens"));
    }
    let params = params(args, &about)?;
    let pieces = slices(&pieces);
    let model = Counting::train(params.clone(), &pieces).map_err(because)?;
    if let Some(path) = &args.save {
        counting::write(path, &about, &params, &model, &pieces).map_err(because)?;
    }
    Ok(Predictor {
        name: kind_name(args),
        about,
        model: Box::new(model),
    })
}

/// That the tokens of a foreign corpus are of its vocabularies.
fn check_corpus(corpus: &Corpus, pieces: &[Vec<u16>]) -> Result<(), Failed> {
    let fields = &corpus.header().fields;
    let strange = |piece: &Vec<u16>| {
        let mut tokens = piece.iter().zip(fields.iter().cycle());
        tokens.any(|(token, (_, vocabulary))| usize::from(*token) >= vocabulary.len())
    };
    match pieces.iter().any(strange) {
        true => Err(because("the corpus has a token outside its vocabulary")),
        false => Ok(()),
    }
}

/// How long the pieces are that a stream, whose bounds are lost, is taken for: as long as what is held out of it.
fn piece_length(args: &NllArgs, tokens: usize) -> usize {
    tokens.div_ceil(usize::from(args.folds)).max(1)
}

fn slices(pieces: &[Vec<u16>]) -> Vec<&[u16]> {
    pieces.iter().map(Vec::as_slice).collect()
}

fn cut(args: &NllArgs, mut tokens: Vec<u16>, width: usize) -> Vec<u16> {
    if let Some(most) = args.cut {
        tokens.truncate(most.get() / width * width);
    }
    tokens
}

fn predict(
    args: &NllArgs,
    run: &Run,
    pool: &rayon::ThreadPool,
    predictor: &Predictor,
    sources: Vec<Source>,
    failed: &mut usize,
) -> Result<Vec<Line>, Failed> {
    let judge = Judge::new(&predictor.about);
    // A song of a corpus is a source of its own.
    let parts: Vec<(&Source, Option<usize>)> = sources
        .iter()
        .flat_map(|source| match source {
            Source::Corpus(_, corpus) => corpus
                .part(part(args.part))
                .into_iter()
                .map(|song| (source, Some(song)))
                .collect(),
            _ => vec![(source, None)],
        })
        .collect();
    let mut progress = crate::progress::Files::new(parts.len());
    let mut lines = Vec::new();
    for some in parts.chunks(rayon_width(pool)) {
        if run.stopped() {
            return Err(Failed::Interrupted);
        }
        let judged = |(source, song): &(&Source, Option<usize>)| {
            let piece = piece(args, &predictor.about, source, *song)?;
            let judged = judge
                .piece(predictor.model.as_ref(), &piece.tokens)
                .map_err(|error| format!("{}: {error}", piece.name))?;
            Ok(Line::new(piece.name, judged))
        };
        let results: Vec<Result<Line, String>> = pool.install(|| some.par_iter().map(judged).collect());
        for result in results {
            match result {
                Ok(line) => lines.push(line),
                Err(fault) => {
                    *failed += 1;
                    progress.say(&format!("melisma: {fault}"));
                }
            }
        }
        progress.step(some.len());
    }
    progress.finish();
    Ok(lines)
}

/// Pieces that are predicted between two looks at whether to go on.
fn rayon_width(pool: &rayon::ThreadPool) -> usize {
    pool.current_num_threads() * 2
}

fn part(part: PartName) -> Part {
    match part {
        PartName::Train => Part::Train,
        PartName::Valid => Part::Valid,
        PartName::Test => Part::Test,
    }
}

/// A piece as tokens of a model.
fn piece(args: &NllArgs, about: &About, source: &Source, song: Option<usize>) -> Result<Piece, String> {
    let other = |path: &Path, what: &str| {
        let design = &about.design;
        format!("{}: {what}, and a model of the tokens `{design}`", path.display())
    };
    match source {
        Source::Midi(path) => {
            let design = design(&about.design).ok_or_else(|| other(path, "a MIDI file"))?;
            let fields = design.fields().iter().map(|field| &field.vocabulary);
            if !fields.eq(about.fields.iter().map(|(_, vocabulary)| vocabulary)) {
                return Err(other(
                    path,
                    "a MIDI file, whose tokens have another vocabulary now",
                ));
            }
            let score = read(path).map_err(|error| error.to_string())?.score;
            Ok(Piece {
                name: path.display().to_string(),
                tokens: cut(args, design.encode(&score), about.fields.len()),
            })
        }
        Source::Corpus(path, corpus) => {
            let header = corpus.header();
            if (&header.design, &header.fields) != (&about.design, &about.fields) {
                return Err(other(path, "a corpus of other tokens"));
            }
            let song = song.expect("a corpus is predicted song by song");
            let tokens = corpus
                .read(song, 0, u64::MAX)
                .map_err(|error| error.to_string())?;
            Ok(Piece {
                name: header.songs[song].name.clone(),
                tokens: cut(args, tokens, about.fields.len()),
            })
        }
        Source::Stream(path) => {
            let vocabulary = about
                .vocabulary()
                .ok_or_else(|| other(path, "a stream of tokens"))?;
            let tokens = stream::read(path).map_err(|error| error.to_string())?;
            let (mut held, mut name) = (0..tokens.len(), path.display().to_string());
            if let Some(at) = args.fold.map(usize::from) {
                let count = usize::from(args.folds);
                if !(1..=count).contains(&at) {
                    return Err(format!("fold {at} of {count}"));
                }
                held = fold(tokens.len(), at - 1, count);
                name = format!("{name}, fold {at} of {count}");
            }
            Ok(Piece {
                name,
                tokens: cut(args, vocabulary.encode(&tokens[held]), 1),
            })
        }
    }
}

/// Predicts folds of streams from the rest of each.
fn folds(args: &NllArgs, run: &Run, sources: &[Source]) -> Result<Vec<Line>, Failed> {
    let count = usize::from(args.folds);
    let held: Vec<usize> = match args.fold.map(usize::from) {
        Some(fold) if (1..=count).contains(&fold) => vec![fold - 1],
        Some(fold) => return Err(because(format!("fold {fold} of {count}"))),
        None if args.all_folds => (0..count).collect(),
        None => vec![count - 1],
    };
    if args.tokens.is_some_and(|tokens| tokens != TokensName::Names) {
        return Err(because("a stream of tokens is of names"));
    }
    if args.save.is_some() && sources.len() > 1 {
        return Err(because("one model is saved, of one stream"));
    }
    let mut lines = Vec::new();
    for source in sources {
        let Source::Stream(path) = source else {
            unreachable!("only streams are divided");
        };
        let tokens = stream::read(path).map_err(because)?;
        if tokens.len() < 2 * count {
            return Err(because(format!(
                "{}: too few tokens for {count} folds",
                path.display()
            )));
        }
        let line = |at: &usize| {
            if run.stopped() {
                return Err("interrupted".to_owned());
            }
            let judged =
                held_out(args, &tokens, fold(tokens.len(), *at, count)).map_err(|error| match error {
                    Failed::Because(reason) => format!("{}: {reason}", path.display()),
                    _ => "interrupted".to_owned(),
                })?;
            Ok(Line::new(
                format!("{}, fold {} of {count}", path.display(), at + 1),
                judged,
            ))
        };
        let some: Result<Vec<Line>, String> = held.par_iter().map(line).collect();
        lines.extend(some.map_err(|fault| match run.stopped() {
            true => Failed::Interrupted,
            false => because(fault),
        })?);
    }
    Ok(lines)
}

/// What a part of a stream costs under a model of the rest.
fn held_out(args: &NllArgs, tokens: &[String], held: Range<usize>) -> Result<Judged, Failed> {
    let (before, after) = (&tokens[..held.start], &tokens[held.end..]);
    let vocabulary = Vocabulary::of(&[before, after].concat()).map_err(because)?;
    let length = piece_length(args, tokens.len());
    let parts = [before, after].map(|part| vocabulary.encode(part));
    let pieces: Vec<&[u16]> = parts.iter().flat_map(|part| part.chunks(length)).collect();
    let about = About::stream(&vocabulary, &pieces);
    let params = params(args, &about)?;
    let model = Counting::train(params.clone(), &pieces).map_err(because)?;
    if let Some(path) = &args.save {
        counting::write(path, &about, &params, &model, &pieces).map_err(because)?;
    }
    let piece = cut(args, vocabulary.encode(&tokens[held]), 1);
    Judge::new(&about).piece(&model, &piece).map_err(because)
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        n if n % 2 == 1 => Some(values[middle]),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}

fn print(args: &NllArgs, model: &str, design: &str, lines: &[Line]) -> Result<(), Failed> {
    let sum = Judged::sum(lines.iter().map(|line| &line.judged));
    let per_note = median(lines.iter().filter_map(|line| line.nats_per_note).collect());
    let per_token = median(lines.iter().filter_map(|line| line.nats_per_token).collect());
    if args.json {
        return print_json(&Summary {
            model,
            design,
            files: lines.len(),
            tokens: sum.tokens,
            notes: sum.notes,
            nats_per_token: sum.per_token(),
            unigram_nats_per_token: sum.unigram_per_token(),
            nats_per_note: sum.per_note(),
            median_nats_per_token: per_token,
            median_nats_per_note: per_note,
            pieces: lines,
        });
    }
    let mut out = std::io::stdout().lock();
    let shown = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.3}"));
    writeln!(out, "{design}, {model}; nats\n")?;
    writeln!(
        out,
        "{:>9}{:>9}{:>10}{:>10}{:>10}",
        "tokens", "notes", "per token", "unigram", "per note"
    )?;
    let mut line = |name: &str, judged: &Judged| {
        writeln!(
            out,
            "{:>9}{:>9}{:>10}{:>10}{:>10}  {name}",
            judged.tokens,
            judged.notes.map_or("-".to_owned(), |notes| notes.to_string()),
            shown(judged.per_token()),
            shown(judged.unigram_per_token()),
            shown(judged.per_note()),
        )
    };
    for piece in lines {
        line(&piece.file, &piece.judged)?;
    }
    if lines.len() > 1 {
        line("all", &sum)?;
        writeln!(
            out,
            "{:>9}{:>9}{:>10}{:>10}{:>10}  median",
            "",
            "",
            shown(per_token),
            "",
            shown(per_note)
        )?;
    }
    Ok(())
}
