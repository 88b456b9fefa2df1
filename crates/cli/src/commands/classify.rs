//! `melisma classify`: the genre mixture of recordings and scores.

use std::borrow::Cow;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use melisma_dataset::extract::{Failure, walk};
use melisma_ears::head::{GenreMap, Head};
use melisma_ears::hear::{self, Ears};
use melisma_ears::store::Store;
use melisma_features::Extractor;
use melisma_genre::Genres;
use melisma_learn::classify::{Classification, ClassifyError, Explanation, classify_file, explain_file};
use melisma_learn::{Model, Rows};
use melisma_neural::explain::{Hearing, hearing};
use melisma_plot::{Caption, Figure, Waterfall};
use serde::Serialize;

use crate::args::{By, ClassifyArgs};
use crate::context::{Failed, Run, because, note, print_json, threads};
use crate::text::{bar, clock, genre_bars};

#[derive(Serialize)]
struct Line<'a> {
    file: Cow<'a, str>,
    #[serde(flatten)]
    classification: &'a Classification,
    /// What the ears' answer rests on, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    hearing: Option<&'a Hearing>,
}

#[derive(Serialize)]
struct Fault<'a> {
    file: Cow<'a, str>,
    error: &'a str,
}

/// Classifies each file in turn, its windows shared out among the threads.
pub fn run(args: &ClassifyArgs, run: &Run) -> Result<(), Failed> {
    let (scores, others) = scores_among(&args.paths);
    let (found, unreadable) = match others.is_empty() {
        true => (Vec::new(), Vec::new()),
        false => walk(&others),
    };
    if found.is_empty() && unreadable.is_empty() && scores.is_empty() {
        let paths: Vec<_> = args.paths.iter().map(|p| p.display().to_string()).collect();
        return Err(because(format!(
            "{}: no audio files here, and no scores",
            paths.join(", ")
        )));
    }
    let model = args.model.as_deref().map(read_model).transpose()?;
    let voice = match found.is_empty() {
        true => None,
        false => Some(Voice::open(args, model.as_ref())?),
    };
    let genres = match scores.is_empty() {
        true => None,
        false => Some(open_genres(model.as_ref())?),
    };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads(args.threads))
        .build()
        .map_err(because)?;
    if let Some(folder) = &args.figures {
        std::fs::create_dir_all(folder).map_err(|error| because(format!("{}: {error}", folder.display())))?;
    }
    let mut extractors: Vec<Extractor> = (0..threads(args.threads)).map(|_| Extractor::new()).collect();
    for Failure { path, fault } in &unreadable {
        report(path, fault, args.json)?;
    }
    let mut failed = unreadable.len();
    let files = found.iter().map(|file| file.path.as_path());
    for path in files.chain(scores.iter().map(PathBuf::as_path)) {
        let heard = pool.install(|| match (&voice, &genres) {
            (_, Some(genres)) if scores.iter().any(|score| score == path) => {
                classify_score(path, genres, args.explain, run.stop())
            }
            (Some(voice), _) => voice.classify(path, args.explain, &mut extractors, run.stop()),
            (None, _) => Err(None),
        });
        if let (Ok((heard, why)), Some(folder)) = (&heard, &args.figures) {
            if let Some(explanation) = &heard.explanation {
                draw(path, explanation, folder)?;
            }
            if let Some(why) = why {
                let id = figure_id(path);
                let title = format!("Why {} is heard in {}", why.genre, name_of(path));
                save(&why.draw(&id, &title).map_err(because)?, folder)?;
            }
        }
        match heard {
            Ok((classification, hearing)) if args.json => {
                print_json(&Line {
                    file: path.to_string_lossy(),
                    classification: &classification,
                    hearing: hearing.as_ref(),
                })?;
            }
            Ok((classification, hearing)) => {
                print(path, &classification, hearing.as_ref(), args.windows)?;
            }
            Err(None) => return Err(Failed::Interrupted),
            Err(Some(message)) => {
                failed += 1;
                // Errors of reading name the file themselves.
                let prefix = format!("{}: ", path.display());
                report(path, message.strip_prefix(&prefix).unwrap_or(&message), args.json)?;
            }
        }
    }
    if failed > 0 {
        let files = found.len() + unreadable.len() + scores.len();
        if files > 1 {
            note!("melisma: {failed} of {files} files could not be classified");
        }
        return Err(Failed::Reported);
    }
    Ok(())
}

/// Who tells genres.
pub enum Voice {
    Table(Box<Model>),
    Ears(Box<(Ears, Head, GenreMap)>),
}

impl Voice {
    /// Who answers, as asked for and as what is installed allows; where it is not the ears, says what they would gain.
    fn open(args: &ClassifyArgs, model: Option<&Model>) -> Result<Voice, Failed> {
        let table = |model: Model| Voice::Table(Box::new(model));
        if let Some(model) = model {
            return Ok(table(model.clone()));
        }
        if args.by != By::Table {
            let ears = installed_ears(args.by == By::Ears || args.map.is_some())?;
            if let Some(ears) = ears {
                let map = read_map(args.map.as_deref())?;
                return Ok(Voice::Ears(Box::new((ears, Head::shipped(), map))));
            }
            // With --json the field `model` says who answered.
            if !args.json {
                note!(
                    "melisma: the model of descriptors answers; pretrained ears tell genres far better: melisma models install ears"
                );
            }
        } else if args.map.is_some() {
            return Err(because("a map is for the ears: leave --map or --by table away"));
        }
        melisma_learn::shipped().map_err(because).map(table)
    }

    /// The ears where they are installed, or the model of descriptors.
    pub fn any(json: bool) -> Result<Voice, Failed> {
        if let Some(ears) = installed_ears(false)? {
            return Ok(Voice::Ears(Box::new((ears, Head::shipped(), read_map(None)?))));
        }
        if !json {
            note!(
                "melisma: the model of descriptors listens; pretrained ears tell genres far better: melisma models install ears"
            );
        }
        melisma_learn::shipped()
            .map_err(because)
            .map(|model| Voice::Table(Box::new(model)))
    }

    /// Who it is.
    pub fn name(&self) -> &'static str {
        match self {
            Voice::Table(_) => "the model of descriptors",
            Voice::Ears(_) => "the pretrained ears",
        }
    }

    /// The mixture of a file; the error is a message, or nothing when the run was asked to stop.
    pub fn classify(
        &self,
        path: &Path,
        explain: bool,
        extractors: &mut [Extractor],
        stop: &AtomicBool,
    ) -> Result<(Classification, Option<Hearing>), Option<String>> {
        match self {
            Voice::Table(model) => match explain {
                true => explain_file(path, model, extractors, stop),
                false => classify_file(path, model, extractors, stop),
            }
            .map(|classification| (classification, None))
            .map_err(|error| match error {
                ClassifyError::Interrupted => None,
                error => Some(error.to_string()),
            }),
            Voice::Ears(by) => {
                let (ears, head, map) = by.as_ref();
                let heard = ears.listen_file(path, stop).map_err(|error| match error {
                    hear::Error::Interrupted => None,
                    error => Some(error.to_string()),
                })?;
                let why = match explain {
                    true => Some(
                        hearing(path, &heard, ears, head, map).map_err(|error| Some(error.to_string()))?,
                    ),
                    false => None,
                };
                Ok((heard.classify(head, map), why))
            }
        }
    }
}

/// The scores among what was asked for, and the rest: files by what they are, folders both ways.
fn scores_among(paths: &[PathBuf]) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let (mut scores, mut others) = (Vec::new(), Vec::new());
    for path in paths {
        let folder = path.is_dir();
        if folder {
            scores.extend(melisma_score::midi_files(std::slice::from_ref(path)).files);
        }
        match !folder && melisma_score::is_score(path) {
            true => scores.push(path.clone()),
            false => others.push(path.clone()),
        }
    }
    (scores, others)
}

/// Who tells the genres of scores: the program's own model, or one that was given for them.
fn open_genres(model: Option<&Model>) -> Result<Genres, Failed> {
    match model {
        Some(model) if matches!(model.header().schema, Rows::Named(_)) => Genres::new(model.clone()),
        _ => Genres::shipped(),
    }
    .map_err(because)
}

/// The mixture of a score; the error is a message, or nothing when the run was asked to stop.
fn classify_score(
    path: &Path,
    genres: &Genres,
    explain: bool,
    stop: &AtomicBool,
) -> Result<(Classification, Option<Hearing>), Option<String>> {
    if stop.load(std::sync::atomic::Ordering::Relaxed) {
        return Err(None);
    }
    let read = melisma_score::read(path).map_err(|error| Some(error.to_string()))?;
    let mut classification = match explain {
        true => genres.explain(&read.score),
        false => genres.classify(&read.score),
    }
    .map_err(|error| Some(error.to_string()))?;
    classification.warnings = read.repairs.iter().map(ToString::to_string).collect();
    Ok((classification, None))
}

/// The ears that are installed; `None` where there are none, which is an error if they are `wanted`.
pub fn installed_ears(wanted: bool) -> Result<Option<Ears>, Failed> {
    let store = match Store::open() {
        Ok(store) => store,
        Err(error) if wanted => return Err(because(error)),
        Err(_) => return Ok(None),
    };
    let ears = match Ears::open(&store) {
        Ok(ears) => ears,
        Err(error) if wanted => return Err(because(error)),
        Err(error) => {
            note!("melisma: the pretrained ears cannot be used: {error}");
            return Ok(None);
        }
    };
    match ears.which().is_empty() {
        false => Ok(Some(ears)),
        true if wanted => Err(because(
            "no pretrained ears are installed: melisma models install ears",
        )),
        true => Ok(None),
    }
}

/// A map of genres by its name in the program, or from a file.
pub fn read_map(asked: Option<&Path>) -> Result<GenreMap, Failed> {
    let Some(path) = asked else {
        return Ok(GenreMap::ten());
    };
    match path.to_str() {
        Some("ten") => return Ok(GenreMap::ten()),
        Some("wide") => return Ok(GenreMap::wide()),
        _ => {}
    }
    let fault = |error: &dyn std::fmt::Display| because(format!("{}: {error}", path.display()));
    let size = std::fs::metadata(path).map_err(|e| fault(&e))?.len();
    if size > LARGEST_MAP {
        return Err(fault(&"too large for a map of genres"));
    }
    let text = std::fs::read_to_string(path).map_err(|e| fault(&e))?;
    GenreMap::parse(&text).map_err(|e| fault(&e))
}

/// Maps of genres are small too.
const LARGEST_MAP: u64 = 1 << 18;

/// Says why a file has no mixture; with `json`, on standard output too, where its line would stand.
fn report(path: &Path, fault: &str, json: bool) -> Result<(), Failed> {
    note!("melisma: {}: {fault}", path.display());
    if json {
        print_json(&Fault {
            file: path.to_string_lossy(),
            error: fault,
        })
    } else {
        Ok(())
    }
}

/// Models are small: a larger file is not read at all.
const LARGEST_MODEL: u64 = 64 << 20;

fn read_model(path: &Path) -> Result<Model, Failed> {
    let fault = |error: &dyn std::fmt::Display| because(format!("{}: {error}", path.display()));
    let size = std::fs::metadata(path).map_err(|e| fault(&e))?.len();
    if size > LARGEST_MODEL {
        return Err(fault(&"too large for a model"));
    }
    let bytes = std::fs::read(path).map_err(|e| fault(&e))?;
    Model::from_bytes(&bytes).map_err(|e| fault(&e))
}

fn print(
    file: &Path,
    classification: &Classification,
    hearing: Option<&Hearing>,
    windows: bool,
) -> Result<(), Failed> {
    let mut out = std::io::stdout().lock();
    for warning in &classification.warnings {
        note!("melisma: {}: {warning}", file.display());
    }
    writeln!(
        out,
        "{}  ({}, {})",
        file.display(),
        clock(classification.duration_s),
        classification.model
    )?;
    write!(out, "{}", genre_bars(&classification.genres))?;
    if let Some(explanation) = &classification.explanation {
        why(explanation, classification.windows.is_empty(), &mut out)?;
    }
    if let Some(hearing) = hearing {
        why_heard(hearing, &mut out)?;
    }
    if windows {
        for window in &classification.windows {
            let time = format!("{} - {}", clock(window.start_s), clock(window.end_s));
            match window.genres.first() {
                None => writeln!(out, "  {time:>19}  silence")?,
                Some(first) => {
                    let others: Vec<_> = window.genres[1..]
                        .iter()
                        .take(2)
                        .map(|g| format!("{} {:.0} %", g.genre, g.probability * 100.0))
                        .collect();
                    let share = first.probability;
                    let bar = bar(share / 2.0);
                    let others = others.join(", ");
                    writeln!(
                        out,
                        "  {time:>19}  {:10}{:4.0} %  {bar:20}  {others}",
                        first.genre,
                        share * 100.0
                    )?;
                }
            }
        }
    }
    Ok(())
}

/// Inputs that are named.
const NAMED: usize = 10;

/// What the first genre rests on, in words and numbers.
/// Windows named as the most telling.
const TELLING: usize = 3;

/// What the ears' answer rests on: tags, windows, a region.
fn why_heard(hearing: &Hearing, out: &mut impl Write) -> std::io::Result<()> {
    writeln!(out, "  Why {}?", hearing.genre)?;
    for reason in hearing.tags.iter().take(NAMED) {
        writeln!(
            out,
            "  {:5.1} %  {} ({}; {:.1} % of music on the mean)",
            100.0 * reason.probability,
            reason.tag,
            reason.ear.model(),
            100.0 * reason.prior
        )?;
    }
    let mut windows = hearing.windows.clone();
    windows.sort_by(|a, b| b.evidence.total_cmp(&a.evidence));
    let named: Vec<String> = windows
        .iter()
        .take(TELLING)
        .filter(|window| window.evidence > 0.0)
        .map(|window| {
            format!(
                "{} - {} ({:+.2})",
                clock(window.start_s),
                clock(window.end_s),
                window.evidence
            )
        })
        .collect();
    if !named.is_empty() {
        writeln!(out, "  most telling: {}", named.join(", "))?;
    }
    let telling = &hearing.telling;
    if telling.falls > 0.0 {
        writeln!(
            out,
            "  there, without {:.0} to {:.0} Hz from {} to {}, its log-odds fall by {:.2}",
            telling.region_hz[0],
            telling.region_hz[1],
            clock(telling.region_s[0]),
            clock(telling.region_s[1]),
            telling.falls
        )?;
    }
    Ok(())
}

fn why(explanation: &Explanation, of_score: bool, out: &mut impl Write) -> std::io::Result<()> {
    let percent = |share: f64| share * 100.0;
    writeln!(
        out,
        "  Why {}? {:.1} % of an unknown {}, and then:",
        explanation.genre,
        percent(explanation.base),
        if of_score { "score" } else { "recording" }
    )?;
    let width = explanation
        .inputs
        .iter()
        .take(NAMED)
        .map(|i| i.input.chars().count())
        .max()
        .unwrap_or(0);
    for input in explanation.inputs.iter().take(NAMED) {
        let sign = if input.adds < 0.0 { "−" } else { "+" };
        writeln!(
            out,
            "  {sign}{:5.1} %  {:width$} = {:.2}",
            percent(input.adds.abs()),
            input.input,
            input.value
        )?;
    }
    let rest: f64 = explanation
        .inputs
        .iter()
        .skip(NAMED)
        .map(|input| input.adds)
        .sum();
    if explanation.inputs.len() > NAMED {
        let sign = if rest < 0.0 { "−" } else { "+" };
        let others = explanation.inputs.len() - NAMED;
        writeln!(
            out,
            "  {sign}{:5.1} %  {others} other inputs",
            percent(rest.abs())
        )?;
    }
    let over = match of_score {
        true => String::new(),
        false => format!(" over {} windows", explanation.windows),
    };
    writeln!(
        out,
        "  = {:.1} %{over}; values are as the classifier sees them",
        percent(explanation.probability)
    )
}

/// The same as a figure in the folder, named after the file.
fn draw(path: &Path, explanation: &Explanation, folder: &Path) -> Result<(), Failed> {
    let id = figure_id(path);
    let contributions: Vec<melisma_plot::Contribution<'_>> = explanation
        .inputs
        .iter()
        .map(|input| melisma_plot::Contribution {
            name: &input.input,
            value: input.value,
            adds: input.adds,
        })
        .collect();
    let axis = format!("probability of {}", explanation.genre);
    let figure = Waterfall {
        base: explanation.base,
        contributions: &contributions,
        shown: None,
        axis: &axis,
        note: "Values are as the classifier sees them, behind its steps.",
    };
    let title = format!("Why {}? {}", explanation.genre, name_of(path));
    let description = format!(
        "What each input adds to the probability of {}.",
        explanation.genre
    );
    let figure = figure
        .draw(&Caption::new(&id, &title, &description))
        .map_err(because)?;
    save(&figure, folder)
}

fn save(figure: &Figure, folder: &Path) -> Result<(), Failed> {
    let written = figure.write(folder).map_err(because)?;
    note!("wrote {}", written.svg.display());
    Ok(())
}

/// A file's name without its ending.
fn name_of(path: &Path) -> String {
    path.file_stem()
        .map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
}

/// What the figure that explains a file is called.
fn figure_id(path: &Path) -> String {
    let good = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') {
            c
        } else {
            '-'
        }
    };
    format!(
        "why-{}",
        name_of(path).chars().map(good).take(150).collect::<String>()
    )
}
