//! `melisma tokens`: scores as tokens, printed or in a corpus.

use std::collections::HashSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use melisma_score::corpus::{Header, Part, Shares, Song, group, split, write};
use melisma_score::tokens::{Design, design};
use melisma_score::{Score, midi_files, read_bytes};
use rayon::prelude::*;
use serde::Serialize;

use crate::args::TokensArgs;
use crate::context::{Failed, Run, because, note, print_json, threads};

/// Files that are read and written between two looks at the clock and at whether to go on.
const AT_A_TIME: usize = 64;

/// Bytes of the longest list of names.
const MAX_LIST: u64 = 16 << 20;

/// What was made of one file.
struct Done {
    path: PathBuf,
    score: Score,
    tokens: Vec<u16>,
}

/// Encodes every file; a file that cannot be read is named, and the others go on.
pub fn run(args: &TokensArgs, run: &Run) -> Result<(), Failed> {
    let design = design(args.design.name()).expect("every name is of a design");
    let lists = Lists::read(args)?;
    let found = midi_files(&args.paths);
    let mut failed = found.faults.len();
    for (path, fault) in &found.faults {
        note!("melisma: {}: {fault}", path.display());
    }
    if found.files.is_empty() && failed == 0 {
        return Err(because("no MIDI files (.mid, .midi, .kar, .rmi) there"));
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads(args.threads))
        .build()
        .map_err(because)?;
    let mut progress = crate::progress::Files::new(found.files.len());
    let mut all = Vec::new();
    for files in found.files.chunks(AT_A_TIME) {
        if run.stopped() {
            return Err(Failed::Interrupted);
        }
        let encode = |path: &PathBuf| {
            let bytes = read_bytes(path).map_err(|error| error.to_string())?;
            let encoded = design.encode_file(&bytes);
            encoded.map_err(|error| error.in_file(path).to_string())
        };
        let results: Vec<Result<_, String>> = pool.install(|| files.par_iter().map(encode).collect());
        for (path, result) in files.iter().zip(results) {
            match result {
                Ok((read, tokens)) => {
                    for repair in &read.repairs {
                        progress.say(&format!("melisma: {}: {repair}", path.display()));
                    }
                    let done = Done {
                        path: path.clone(),
                        score: read.score,
                        tokens,
                    };
                    match args.output {
                        Some(_) => all.push(done),
                        None => print(&done, design.as_ref(), args.json)?,
                    }
                }
                Err(fault) => {
                    failed += 1;
                    progress.say(&format!("melisma: {fault}"));
                }
            }
        }
        progress.step(files.len());
    }
    progress.finish();
    if let Some(output) = &args.output {
        if all.is_empty() {
            return Err(because(format!(
                "no file could be read: {} was not written",
                output.display()
            )));
        }
        corpus(args, output, design.as_ref(), all, &lists, &pool)?;
    }
    if failed > 0 {
        note!(
            "{failed} of {} files could not be read",
            found.files.len() + found.faults.len()
        );
        return Err(Failed::Reported);
    }
    Ok(())
}

#[derive(Serialize)]
struct Printed<'a> {
    file: &'a Path,
    design: &'a str,
    notes: usize,
    steps: usize,
    tokens: &'a [u16],
    names: Vec<&'a str>,
}

fn print(done: &Done, design: &dyn Design, json: bool) -> Result<(), Failed> {
    let fields = design.fields();
    let name =
        |(at, token): (usize, &u16)| fields[at % fields.len()].vocabulary[usize::from(*token)].as_str();
    let names: Vec<&str> = done.tokens.iter().enumerate().map(name).collect();
    let steps = done.tokens.len() / fields.len();
    let notes = done.score.notes().count();
    if json {
        return print_json(&Printed {
            file: &done.path,
            design: design.name(),
            notes,
            steps,
            tokens: &done.tokens,
            names,
        });
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}: {notes} notes, {steps} steps", done.path.display())?;
    let per_line = if fields.len() > 1 { fields.len() } else { 8 };
    for line in names.chunks(per_line) {
        writeln!(out, "  {}", line.join(" · "))?;
    }
    Ok(())
}

/// File names that are held out.
struct Lists {
    test: HashSet<String>,
    valid: HashSet<String>,
}

impl Lists {
    fn read(args: &TokensArgs) -> Result<Lists, Failed> {
        let names = |path: &Option<PathBuf>| match path {
            None => Ok(HashSet::new()),
            Some(path) => {
                let fault = |fault: String| because(format!("{}: {fault}", path.display()));
                let size = std::fs::metadata(path).map_err(|e| fault(e.to_string()))?.len();
                if size > MAX_LIST {
                    return Err(fault("too long for a list of names".to_owned()));
                }
                let text = std::fs::read_to_string(path).map_err(|e| fault(e.to_string()))?;
                let names: HashSet<String> = text
                    .lines()
                    .map(|line| line.trim().to_owned())
                    .filter(|l| !l.is_empty())
                    .collect();
                if names.is_empty() {
                    return Err(fault("a list without names".to_owned()));
                }
                Ok(names)
            }
        };
        Ok(Lists {
            test: names(&args.test_list)?,
            valid: names(&args.valid_list)?,
        })
    }

    fn part(&self, path: &Path) -> Option<Part> {
        let name = path.file_name()?.to_str()?;
        match () {
            () if self.test.contains(name) => Some(Part::Test),
            () if self.valid.contains(name) => Some(Part::Valid),
            () => None,
        }
    }

    /// The names that no file has.
    fn missing<'a>(&'a self, files: &[Done]) -> Vec<&'a str> {
        let there: HashSet<&str> = files
            .iter()
            .filter_map(|done| done.path.file_name()?.to_str())
            .collect();
        let mut missing: Vec<&str> = self.test.union(&self.valid).map(String::as_str).collect();
        missing.retain(|name| !there.contains(name));
        missing.sort_unstable();
        missing
    }
}

#[derive(Serialize)]
struct Summary<'a> {
    output: &'a Path,
    vocabulary: PathBuf,
    design: &'a str,
    parts: Vec<PartSummary>,
    groups: usize,
    alike: Vec<[&'a Path; 2]>,
}

#[derive(Serialize)]
struct PartSummary {
    part: Part,
    songs: usize,
    steps: u64,
    notes: u64,
}

fn corpus(
    args: &TokensArgs,
    output: &Path,
    design: &dyn Design,
    mut all: Vec<Done>,
    lists: &Lists,
    pool: &rayon::ThreadPool,
) -> Result<(), Failed> {
    for name in lists.missing(&all) {
        note!("melisma: {name} is on a list, but not among the files");
    }
    let stem = |done: &Done| {
        done.path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    let stems: Vec<String> = all.iter().map(stem).collect();
    let scores: Vec<&Score> = all.iter().map(|done| &done.score).collect();
    let groups = pool.install(|| group(&stems, &scores));
    let named: Vec<Option<Part>> = all.iter().map(|done| lists.part(&done.path)).collect();
    let shares = Shares {
        valid: args.valid_share,
        test: args.test_share,
        seed: args.seed,
    };
    let parts = split(&groups.names, &named, &shares);
    let song = |at: usize| Song {
        name: all[at].path.to_string_lossy().into_owned(),
        group: groups.names[at].clone(),
        part: parts[at],
        start: 0,
        steps: 0,
        notes: all[at].score.notes().count() as u64,
    };
    let songs: Vec<Song> = (0..all.len()).map(song).collect();
    let tokens = all.iter_mut().map(|done| std::mem::take(&mut done.tokens));
    let header = write(output, design, songs.into_iter().zip(tokens).collect()).map_err(because)?;
    let vocabulary = vocabulary(output, &header)?;
    let count = HashSet::<&str>::from_iter(groups.names.iter().map(String::as_str)).len();
    let alike = groups
        .alike
        .iter()
        .map(|(a, b)| [all[*a].path.as_path(), all[*b].path.as_path()]);
    let summary = Summary {
        output,
        vocabulary,
        design: design.name(),
        parts: [Part::Train, Part::Valid, Part::Test]
            .map(|part| of_part(&header, part))
            .into(),
        groups: count,
        alike: alike.collect(),
    };
    if args.json {
        return print_json(&summary);
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{:8}{:>8}{:>12}{:>12}", "part", "songs", "steps", "notes")?;
    for part in &summary.parts {
        writeln!(
            out,
            "{:8}{:>8}{:>12}{:>12}",
            part.part.name(),
            part.songs,
            part.steps,
            part.notes
        )?;
    }
    let tunes = summary.alike.len();
    note!("{count} groups of songs; {tunes} pairs are one tune by what they play though their names differ");
    note!("{} and {}", output.display(), summary.vocabulary.display());
    Ok(())
}

fn of_part(header: &Header, part: Part) -> PartSummary {
    let songs: Vec<&Song> = header.songs.iter().filter(|song| song.part == part).collect();
    PartSummary {
        part,
        songs: songs.len(),
        steps: songs.iter().map(|song| song.steps).sum(),
        notes: songs.iter().map(|song| song.notes).sum(),
    }
}

/// Writes the vocabulary beside the corpus: field and token, one a line.
fn vocabulary(output: &Path, header: &Header) -> Result<PathBuf, Failed> {
    let mut name = output.file_name().unwrap_or_default().to_owned();
    name.push(".vocabulary.txt");
    let path = output.with_file_name(name);
    let mut text = String::new();
    for (field, tokens) in &header.fields {
        for token in tokens {
            text.push_str(&format!("{field}\t{token}\n"));
        }
    }
    melisma_plot::save(&path, text.as_bytes()).map_err(because)?;
    Ok(path)
}
