//! `melisma judge`: composed pieces beside real ones.

use std::collections::{BTreeMap, HashSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use melisma_compose::{Judge, Model};
use melisma_dataset::rng::Rng;
use melisma_score::measures::{BarKeys, Corpus, Measures, compare};
use melisma_score::tokens::{Compound, Design};
use melisma_score::{Score, midi_files, read};
use rayon::prelude::*;
use serde::Serialize;

use super::ear::{Ear, beginning};
use super::taste::Taste;
use crate::args::JudgeArgs;
use crate::context::{Failed, Run, because, note, print_json, threads};

/// The measures that pieces are held to.
const HELD_TO: [&str; 9] = [
    "pitch_class_entropy_1_bar",
    "pitch_class_entropy_4_bars",
    "pitch_class_entropy",
    "scale_consistency",
    "groove_consistency_16",
    "swing_ratio",
    "notes_per_bar",
    "pitch_range",
    "polyphony",
];
/// Times that the corpus is parted in random halves.
const HALVES: usize = 400;
/// Bars of the spans that are looked for elsewhere.
const SPAN: usize = 8;

/// A piece that was read.
struct Piece {
    name: String,
    genre: String,
    score: Score,
    measures: Measures,
    keys: BarKeys,
}

/// How many of a set are told for the genre.
#[derive(Debug, Clone, Serialize)]
struct Told {
    pieces: usize,
    /// The share of pieces of which the genre is the likeliest.
    share: f64,
    /// The mean of its probability.
    probability: f64,
}

/// What is copied from the corpus: means of the shares of pieces' spans of eight bars, and the longest copy.
#[derive(Debug, Clone, Serialize)]
struct Copied {
    exact: Option<f64>,
    transposed: Option<f64>,
    longest_bars: u32,
}

/// How a set stands to the corpus in a measure.
#[derive(Debug, Clone, Serialize)]
struct Standing {
    measure: &'static str,
    mean: f64,
    corpus: f64,
    difference: f64,
    /// What two random halves of the corpus, of as many pieces as the set has, differ by at most in 95 of 100 cases.
    halves: f64,
    /// Whether the difference is at most twice that.
    within: bool,
    /// Of the genres of the other pieces the one whose mean is nearest to the corpus, and how far it is.
    nearest_other: Option<(String, f64)>,
    overlap: f64,
}

#[derive(Serialize)]
struct Set {
    name: &'static str,
    pieces: usize,
    nats_per_note: Option<f64>,
    median_nats_per_note: Option<f64>,
    copied: Copied,
    by_notes: Option<Told>,
    by_ear: Option<Told>,
    standing: Vec<Standing>,
}

#[derive(Serialize)]
struct Report<'a> {
    against: &'a Path,
    corpus: usize,
    genre: &'a str,
    seconds: f64,
    seed: u64,
    model: String,
    ear: Option<&'a str>,
    font: Option<&'a str>,
    sets: Vec<Set>,
}

/// What judges.
struct Bench<'a> {
    args: &'a JudgeArgs,
    run: &'a Run,
    model: Box<dyn Model>,
    judge: Judge,
    taste: Taste,
    ear: Option<Ear>,
}

/// What came of a piece.
struct Verdict {
    nats: f64,
    notes: usize,
    copies: (f64, f64, u32),
    by_notes: Option<(bool, f64)>,
    by_ear: Option<(bool, f64)>,
}

/// Judges all sets; files that cannot be read are named, and the rest goes on.
pub fn run(args: &JudgeArgs, run: &Run) -> Result<(), Failed> {
    if !(args.seconds > 0.0 && args.seconds.is_finite()) {
        return Err(because("--seconds must be above 0"));
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads(args.threads))
        .build()
        .map_err(because)?;
    pool.install(|| judge(args, run))
}

fn judge(args: &JudgeArgs, run: &Run) -> Result<(), Failed> {
    let composer = super::compose::composer(args.model.as_deref())?;
    if composer.about.design != Compound::new().name() {
        return Err(because("a model of other tokens than compound ones"));
    }
    let mut failed = 0;
    let held: HashSet<String> = midi_files(&args.real)
        .files
        .iter()
        .map(|path| name_of(path))
        .collect();
    let mut rng = Rng::new(args.seed);
    let mut read = |paths: &[PathBuf], most: usize, without: &HashSet<String>| {
        pieces(paths, most, without, args.seconds, &mut rng, &mut failed)
    };
    let none = HashSet::new();
    let most = args.most.get();
    let corpus = read(std::slice::from_ref(&args.against), usize::MAX, &held)?;
    let ours = read(&args.paths, most, &none)?;
    let real = read(&args.real, most, &none)?;
    let others = read(&args.others, most, &none)?;
    if ours.is_empty() || corpus.len() < 4 {
        return Err(because(
            "there must be pieces to judge, and at least four to judge them against",
        ));
    }
    let ear = match args.deaf {
        true => None,
        false => Some(Ear::open(args.json)?),
    };
    let bench = Bench {
        args,
        run,
        judge: Judge::new(&composer.about),
        taste: Taste::new(Some(&args.genre), &composer.typical)?,
        model: Box::new(composer.network),
        ear,
    };
    let keys: Vec<&BarKeys> = corpus.iter().map(|piece| &piece.keys).collect();
    let index = Corpus::new(keys);
    let mut sets = Vec::new();
    for (name, pieces) in [("judged", &ours), ("real", &real), ("others", &others)] {
        if pieces.is_empty() {
            continue;
        }
        note!("{name}: {} pieces", pieces.len());
        let others = if name == "judged" { &others[..] } else { &[] };
        sets.push(bench.set(name, pieces, &corpus, &index, others)?);
    }
    let report = Report {
        against: &args.against,
        corpus: corpus.len(),
        genre: &args.genre,
        seconds: args.seconds,
        seed: args.seed,
        model: composer.name,
        ear: bench.ear.as_ref().map(Ear::name),
        font: bench.ear.as_ref().map(Ear::font),
        sets,
    };
    match args.json {
        true => print_json(&report)?,
        false => print(&report)?,
    }
    match failed {
        0 => Ok(()),
        _ => {
            note!("{failed} files could not be read");
            Err(Failed::Reported)
        }
    }
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Reads pieces, or so many of them by lot.
fn pieces(
    paths: &[PathBuf],
    most: usize,
    without: &HashSet<String>,
    seconds: f64,
    rng: &mut Rng,
    failed: &mut usize,
) -> Result<Vec<Piece>, Failed> {
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    let found = midi_files(paths);
    for (path, fault) in &found.faults {
        *failed += 1;
        note!("melisma: {}: {fault}", path.display());
    }
    let mut files = found.files;
    files.retain(|path| !without.contains(&name_of(path)));
    if files.len() > most {
        for at in 0..most {
            let other = at + rng.below(files.len() - at);
            files.swap(at, other);
        }
        files.truncate(most);
        files.sort();
    }
    let read: Vec<Result<Option<Piece>, String>> = files
        .par_iter()
        .map(|path| {
            let score = beginning(&read(path).map_err(|error| error.to_string())?.score, seconds);
            if score.notes().next().is_none() {
                return Ok(None);
            }
            let keys = BarKeys::of(&score);
            let folder = path.parent().and_then(Path::file_name).unwrap_or_default();
            Ok(Some(Piece {
                name: path.display().to_string(),
                genre: folder.to_string_lossy().into_owned(),
                measures: Measures::with_keys(&score, &keys),
                keys,
                score,
            }))
        })
        .collect();
    let mut pieces = Vec::new();
    for piece in read {
        match piece {
            Ok(piece) => pieces.extend(piece),
            Err(fault) => {
                *failed += 1;
                note!("melisma: {fault}");
            }
        }
    }
    Ok(pieces)
}

impl Bench<'_> {
    fn set(
        &self,
        name: &'static str,
        pieces: &[Piece],
        corpus: &[Piece],
        index: &Corpus,
        others: &[Piece],
    ) -> Result<Set, Failed> {
        let mut progress = crate::progress::Files::new(pieces.len());
        let mut verdicts = Vec::new();
        for some in pieces.chunks(2 * rayon::current_num_threads()) {
            if self.run.stopped() {
                return Err(Failed::Interrupted);
            }
            let new: Vec<Result<Verdict, Failed>> =
                some.par_iter().map(|piece| self.verdict(piece, index)).collect();
            for (verdict, piece) in new.into_iter().zip(some) {
                match verdict {
                    Ok(verdict) => verdicts.push(verdict),
                    Err(Failed::Because(fault)) => return Err(because(format!("{}: {fault}", piece.name))),
                    Err(other) => return Err(other),
                }
            }
            progress.step(some.len());
        }
        progress.finish();
        let notes: usize = verdicts.iter().map(|verdict| verdict.notes).sum();
        let mut each: Vec<f64> = verdicts
            .iter()
            .filter(|verdict| verdict.notes > 0)
            .map(|verdict| verdict.nats / verdict.notes as f64)
            .collect();
        each.sort_by(f64::total_cmp);
        let mean = |values: Vec<f64>| {
            let told: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
            (!told.is_empty()).then(|| told.iter().sum::<f64>() / told.len() as f64)
        };
        Ok(Set {
            name,
            pieces: pieces.len(),
            nats_per_note: (notes > 0)
                .then(|| verdicts.iter().map(|verdict| verdict.nats).sum::<f64>() / notes as f64),
            median_nats_per_note: each.get(each.len() / 2).copied(),
            copied: Copied {
                exact: mean(verdicts.iter().map(|verdict| verdict.copies.0).collect()),
                transposed: mean(verdicts.iter().map(|verdict| verdict.copies.1).collect()),
                longest_bars: verdicts.iter().map(|verdict| verdict.copies.2).max().unwrap_or(0),
            },
            by_notes: told(verdicts.iter().filter_map(|verdict| verdict.by_notes)),
            by_ear: told(verdicts.iter().filter_map(|verdict| verdict.by_ear)),
            standing: standing(pieces, corpus, others, self.args.seed),
        })
    }

    fn verdict(&self, piece: &Piece, index: &Corpus) -> Result<Verdict, Failed> {
        let tokens = Compound::new().encode(&piece.score);
        let judged = self.judge.piece(self.model.as_ref(), &tokens).map_err(because)?;
        let copies = index.copy_rate(&piece.keys);
        let by_notes = self.taste.likeliest(&piece.score);
        let by_ear = match &self.ear {
            None => None,
            Some(ear) => {
                let genres = ear.genres(&piece.score, self.run.stop())?;
                let own = genres.iter().find(|told| told.genre == self.args.genre);
                own.map(|own| (genres[0].genre == own.genre, own.probability))
            }
        };
        Ok(Verdict {
            nats: judged.nats,
            notes: judged.notes.unwrap_or(0),
            copies: (
                copies.exact.share_8_bars,
                copies.transposed.share_8_bars,
                copies.transposed.longest_bars,
            ),
            by_notes,
            by_ear,
        })
    }
}

fn told(verdicts: impl Iterator<Item = (bool, f64)>) -> Option<Told> {
    let all: Vec<(bool, f64)> = verdicts.collect();
    let count = all.len() as f64;
    (!all.is_empty()).then(|| Told {
        pieces: all.len(),
        share: all.iter().filter(|told| told.0).count() as f64 / count,
        probability: all.iter().map(|told| told.1).sum::<f64>() / count,
    })
}

fn column(pieces: &[&Piece], at: usize) -> Vec<f64> {
    let values = pieces.iter().map(|piece| piece.measures.values()[at]);
    values.filter(|value| value.is_finite()).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn standing(pieces: &[Piece], corpus: &[Piece], others: &[Piece], seed: u64) -> Vec<Standing> {
    let of = |pieces: &[Piece]| -> Vec<Measures> { pieces.iter().map(|piece| piece.measures).collect() };
    let differences = compare(&of(pieces), &of(corpus), seed);
    let all: Vec<&Piece> = corpus.iter().collect();
    let mut genres: BTreeMap<&str, Vec<&Piece>> = BTreeMap::new();
    for piece in others {
        genres.entry(&piece.genre).or_default().push(piece);
    }
    let mut standing = Vec::new();
    for difference in differences {
        let Some(at) = HELD_TO.iter().position(|name| *name == difference.measure) else {
            continue;
        };
        let place = Measures::NAMES
            .iter()
            .position(|name| *name == difference.measure)
            .expect("a measure");
        let values = column(&all, place);
        let halves = halves(&values, difference.pieces[0], seed ^ at as u64);
        let nearest_other = genres
            .iter()
            .map(|(genre, pieces)| {
                (
                    (*genre).to_owned(),
                    (mean(&column(pieces, place)) - difference.means[1]).abs(),
                )
            })
            .filter(|(_, far)| far.is_finite())
            .min_by(|a, b| a.1.total_cmp(&b.1));
        standing.push(Standing {
            measure: difference.measure,
            mean: difference.means[0],
            corpus: difference.means[1],
            difference: difference.difference,
            halves,
            within: difference.difference.abs() <= 2.0 * halves,
            nearest_other,
            overlap: difference.overlap,
        });
    }
    standing
}

/// What the means of two halves, drawn by lot, of at most so many values each, differ by at most in 95 of 100 cases.
fn halves(values: &[f64], most: usize, seed: u64) -> f64 {
    let size = (values.len() / 2).min(most);
    if size == 0 {
        return f64::NAN;
    }
    let mut rng = Rng::new(seed ^ 0x6861_6c76_6573);
    let mut values = values.to_vec();
    let mut gaps: Vec<f64> = (0..HALVES)
        .map(|_| {
            for at in 0..2 * size {
                let other = at + rng.below(values.len() - at);
                values.swap(at, other);
            }
            (mean(&values[..size]) - mean(&values[size..2 * size])).abs()
        })
        .collect();
    gaps.sort_by(f64::total_cmp);
    gaps[HALVES * 95 / 100]
}

fn print(report: &Report<'_>) -> Result<(), Failed> {
    let mut out = std::io::stdout().lock();
    let sets = &report.sets;
    writeln!(
        out,
        "against {} pieces of {}, the first {} s of each; model {}\n",
        report.corpus,
        report.against.display(),
        report.seconds,
        report.model
    )?;
    let mut row = |name: &str, value: &dyn Fn(&Set) -> Option<String>| {
        write!(out, "{name:<34}")?;
        for set in sets {
            write!(out, "{:>12}", value(set).unwrap_or_else(|| "-".into()))?;
        }
        writeln!(out)
    };
    let share = |share: f64| format!("{:.0} %", 100.0 * share);
    row("", &|set| Some(set.name.to_owned()))?;
    row("pieces", &|set| Some(set.pieces.to_string()))?;
    row("nats a note", &|set| {
        set.nats_per_note.map(|nats| format!("{nats:.2}"))
    })?;
    row("nats a note, median piece", &|set| {
        set.median_nats_per_note.map(|nats| format!("{nats:.2}"))
    })?;
    row(&format!("spans of {SPAN} bars copied"), &|set| {
        set.copied.exact.map(|share| format!("{:.2} %", 100.0 * share))
    })?;
    row("the same, transposed or not", &|set| {
        set.copied
            .transposed
            .map(|share| format!("{:.2} %", 100.0 * share))
    })?;
    row("longest copy, bars", &|set| {
        Some(set.copied.longest_bars.to_string())
    })?;
    row(&format!("told for {} by notes", report.genre), &|set| {
        set.by_notes.as_ref().map(|told| share(told.share))
    })?;
    row("its probability", &|set| {
        set.by_notes
            .as_ref()
            .map(|told| format!("{:.2}", told.probability))
    })?;
    if let (Some(ear), Some(font)) = (report.ear, report.font) {
        row(&format!("told for {} by ear", report.genre), &|set| {
            set.by_ear.as_ref().map(|told| share(told.share))
        })?;
        row("its probability", &|set| {
            set.by_ear.as_ref().map(|told| format!("{:.2}", told.probability))
        })?;
        writeln!(out, "(by ear: {ear}, played by {font})")?;
    }
    for set in sets {
        writeln!(
            out,
            "\n{:<28}{:>9}{:>9}{:>10}{:>9}  {:<8}{:>8}  nearest other genre",
            set.name, "mean", "corpus", "apart", "halves", "within 2", "overlap"
        )?;
        for s in &set.standing {
            let other = s
                .nearest_other
                .as_ref()
                .map_or(String::new(), |(genre, far)| format!("{genre} {far:.3}"));
            writeln!(
                out,
                "{:<28}{:>9.3}{:>9.3}{:>+10.3}{:>9.3}  {:<8}{:>8.2}  {other}",
                s.measure,
                s.mean,
                s.corpus,
                s.difference,
                s.halves,
                if s.within { "yes" } else { "no" },
                s.overlap
            )?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_what_is_alike_do_not_differ_and_of_the_rest_little() {
        assert_eq!(halves(&[2.0; 40], 100, 1), 0.0);
        let values: Vec<f64> = (0..1_000).map(|at| f64::from(at % 10)).collect();
        let (few, many) = (halves(&values, 20, 1), halves(&values, 500, 1));
        // The deviation is 2.87: of two means of 20, 1.96 * 2.87 * sqrt(2 / 20) = 1.78.
        assert!((few - 1.78).abs() < 0.35, "{few}");
        assert!(many < few / 3.0, "{many}");
        assert!(halves(&[1.0], 5, 1).is_nan());
    }
}
