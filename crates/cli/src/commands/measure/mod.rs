//! `melisma measure`: pieces in numbers, alone and against others.

mod table;

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use melisma_score::analysis::Analysis;
use melisma_score::general_midi::program_name;
use melisma_score::measures::{BarKeys, Copies, CopyRate, Corpus, Difference, Measures, RESAMPLES, compare};
use melisma_score::{Found, Track, midi_files};
use rayon::prelude::*;
use serde::Serialize;

use crate::args::MeasureArgs;
use crate::context::{Failed, Run, because, note, print_json, threads};
use crate::progress::Progress;

/// Files that are measured between two looks at whether to stop.
const CHUNK: usize = 64;

#[derive(Serialize)]
struct Line<'a> {
    file: Cow<'a, str>,
    measures: &'a Measures,
    analysis: &'a Analysis,
    /// What the tracks are, in the order of the roles.
    instruments: &'a [String],
    /// What is copied, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    copies: Option<CopyRate>,
}

#[derive(Serialize)]
struct Fault<'a> {
    file: Cow<'a, str>,
    error: &'a str,
}

#[derive(Serialize)]
struct ComparisonLine<'a> {
    comparison: &'a Comparison,
}

/// Two sets of pieces.
#[derive(Serialize)]
struct Comparison {
    against: String,
    /// Pieces of each set.
    pieces: [usize; 2],
    seed: u64,
    resamples: usize,
    measures: Vec<Difference>,
    /// What the first set copies from the second: shares are means over pieces, the longest is that of all.
    copies: CopyRate,
}

/// A piece that was measured.
struct Measured {
    measures: Measures,
    /// What was found out about it, and its instruments; not kept of many pieces.
    analysis: Option<(Analysis, Vec<String>)>,
    copies: Option<CopyRate>,
}

/// What a file gave.
struct Piece {
    measures: Measures,
    keys: BarKeys,
    /// The analysis, where it was asked for, and the instruments of the tracks.
    analysis: Option<(Analysis, Vec<String>)>,
    /// What had to be mended.
    repairs: Vec<String>,
}

/// Measures each file; those that cannot be read are named, and at the end by the exit code.
pub fn run(args: &MeasureArgs, run: &Run) -> Result<(), Failed> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads(args.threads))
        .build()
        .map_err(because)?;
    pool.install(|| measure(args, run))
}

fn measure(args: &MeasureArgs, run: &Run) -> Result<(), Failed> {
    let mut batch = Batch {
        run,
        json: args.json,
        analysed: false,
        files: 0,
        failed: 0,
    };
    let found = batch.find(&args.paths, true)?;
    let (mut others, mut keys) = (Vec::new(), Vec::new());
    if let Some(folder) = &args.against {
        let there = batch.find(std::slice::from_ref(folder), false)?;
        say_common(&found, &there);
        batch.each(&there, false, |_, piece| {
            others.push(piece.measures);
            keys.push(piece.keys);
            Ok(())
        })?;
    }
    let corpus = args.against.as_ref().map(|_| Corpus::new(&keys));
    drop(keys);
    let mut rows: Vec<(String, Measured)> = Vec::new();
    batch.analysed = args.json || found.len() == 1;
    batch.each(&found, true, |path, piece| {
        for repair in piece.repairs {
            note!("melisma: {}: {repair}", path.display());
        }
        let copies = corpus.as_ref().map(|corpus| corpus.copy_rate(&piece.keys));
        if let Some((analysis, instruments)) = piece.analysis.as_ref().filter(|_| args.json) {
            print_json(&Line {
                file: path.to_string_lossy(),
                measures: &piece.measures,
                analysis,
                instruments,
                copies,
            })?;
        }
        let row = Measured {
            measures: piece.measures,
            analysis: piece.analysis.filter(|_| !args.json),
            copies,
        };
        rows.push((path.to_string_lossy().into_owned(), row));
        Ok(())
    })?;
    let comparison = args
        .against
        .as_ref()
        .filter(|_| !rows.is_empty() && !others.is_empty())
        .map(|folder| {
            let ours: Vec<Measures> = rows.iter().map(|(_, row)| row.measures).collect();
            Comparison {
                against: folder.to_string_lossy().into_owned(),
                pieces: [ours.len(), others.len()],
                seed: args.seed,
                resamples: RESAMPLES,
                measures: compare(&ours, &others, args.seed),
                copies: overall(&rows),
            }
        });
    match args.json {
        true => comparison
            .iter()
            .try_for_each(|comparison| print_json(&ComparisonLine { comparison }))?,
        false => print(&rows, comparison.as_ref())?,
    }
    batch.end()
}

fn print(rows: &[(String, Measured)], comparison: Option<&Comparison>) -> Result<(), Failed> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    if !rows.is_empty() {
        table::pieces(rows, &mut out)?;
    }
    if let [(_, row)] = rows
        && let Some((analysis, instruments)) = &row.analysis
    {
        table::analysis(analysis, instruments, &row.measures, &mut out)?;
    }
    if let Some(comparison) = comparison {
        table::comparison(comparison, &mut out)?;
    }
    std::io::Write::flush(&mut out)?;
    Ok(())
}

/// A run over files some of which may be bad.
struct Batch<'a> {
    run: &'a Run,
    json: bool,
    /// Whether the pieces that are measured are analysed too.
    analysed: bool,
    files: usize,
    failed: usize,
}

impl Batch<'_> {
    /// The files under these paths; folders that cannot be read are reported.
    fn find(&mut self, paths: &[PathBuf], measured: bool) -> Result<Vec<PathBuf>, Failed> {
        let Found { files, faults } = midi_files(paths);
        if files.is_empty() && faults.is_empty() {
            let paths: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
            return Err(because(format!("{}: no MIDI files here", paths.join(", "))));
        }
        self.files += files.len() + faults.len();
        for (path, fault) in &faults {
            self.report(path, fault, measured)?;
        }
        Ok(files)
    }

    /// Measures files side by side and hands them on in order.
    fn each(
        &mut self,
        files: &[PathBuf],
        measured: bool,
        mut take: impl FnMut(&Path, Piece) -> Result<(), Failed>,
    ) -> Result<(), Failed> {
        // Lines of JSON on a terminal show how far it is; a bar among them would not.
        let quiet = self.json && std::io::stdout().is_terminal();
        let mut progress = (!quiet).then(|| Progress::new(files.len(), 0));
        for chunk in files.chunks(CHUNK) {
            if self.run.stopped() {
                return Err(Failed::Interrupted);
            }
            let analysed = measured && self.analysed;
            let pieces: Vec<Result<Piece, String>> =
                chunk.par_iter().map(|path| piece(path, analysed)).collect();
            for (path, piece) in chunk.iter().zip(pieces) {
                let seconds = piece.as_ref().map_or(0.0, |piece| piece.measures.seconds);
                match piece {
                    Ok(piece) => take(path, piece)?,
                    Err(fault) => self.report(path, &fault, measured)?,
                }
                if let Some(progress) = &mut progress {
                    progress.step(seconds);
                }
            }
        }
        if let Some(progress) = progress {
            progress.finish();
        }
        Ok(())
    }

    /// Says why a file has no measures; with `--json`, on standard output too, where its line would stand.
    fn report(&mut self, path: &Path, fault: &str, measured: bool) -> Result<(), Failed> {
        self.failed += 1;
        note!("melisma: {}: {fault}", path.display());
        match self.json && measured {
            true => print_json(&Fault {
                file: path.to_string_lossy(),
                error: fault,
            }),
            false => Ok(()),
        }
    }

    fn end(&self) -> Result<(), Failed> {
        if self.failed == 0 {
            return Ok(());
        }
        if self.files > 1 {
            note!(
                "melisma: {} of {} files could not be measured",
                self.failed,
                self.files
            );
        }
        Err(Failed::Reported)
    }
}

fn piece(path: &Path, analysed: bool) -> Result<Piece, String> {
    let read = melisma_score::read(path).map_err(|error| {
        let message = error.to_string();
        // The error names the file itself, as whoever reports it does.
        let prefix = format!("{}: ", path.display());
        message.strip_prefix(&prefix).unwrap_or(&message).to_owned()
    })?;
    let keys = BarKeys::of(&read.score);
    let measures = Measures::with_keys(&read.score, &keys);
    let instruments = || {
        let name = |track: &Track| match track.drums {
            true => "drums".to_owned(),
            false => program_name(track.program).to_owned(),
        };
        read.score.tracks.iter().map(name).collect()
    };
    Ok(Piece {
        measures,
        keys,
        analysis: analysed.then(|| (Analysis::of(&read.score), instruments())),
        repairs: read.repairs.iter().map(ToString::to_string).collect(),
    })
}

/// A piece that is in both sets is all copy.
fn say_common(here: &[PathBuf], there: &[PathBuf]) {
    let real = |path: &PathBuf| path.canonicalize().ok();
    let there: HashSet<PathBuf> = there.iter().filter_map(real).collect();
    let common = here
        .iter()
        .filter_map(real)
        .filter(|path| there.contains(path))
        .count();
    if common > 0 {
        note!("melisma: files in both sets, which count as copied whole: {common}");
    }
}

/// Means of the pieces' shares, and the longest copy of all.
fn overall(rows: &[(String, Measured)]) -> CopyRate {
    let of = |which: fn(&CopyRate) -> Copies| {
        let copies = || rows.iter().filter_map(|(_, row)| row.copies.as_ref()).map(which);
        let share = |share: fn(&Copies) -> f64| {
            let told: Vec<f64> = copies()
                .map(|c| share(&c))
                .filter(|share| !share.is_nan())
                .collect();
            told.iter().sum::<f64>() / told.len() as f64
        };
        Copies {
            longest_bars: copies().map(|c| c.longest_bars).max().unwrap_or(0),
            share_1_bar: share(|c| c.share_1_bar),
            share_2_bars: share(|c| c.share_2_bars),
            share_4_bars: share(|c| c.share_4_bars),
            share_8_bars: share(|c| c.share_8_bars),
        }
    };
    CopyRate {
        exact: of(|c| c.exact),
        transposed: of(|c| c.transposed),
    }
}
