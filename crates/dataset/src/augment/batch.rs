//! Altered copies of files: walked, altered on all threads, written whole, listed. Not the alterations themselves.
//!
//! Every copy draws from a generator of its own, made from the seed and the copy's name, so that neither the number of threads
//! nor the order of the files, nor which other copies are made, changes a byte of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use melisma_audio::{Hertz, Limit, Signal, load};
use melisma_features::{Descriptor, Extractor, MAX_SAMPLE, PadMode, SAMPLE_RATE};
use sha2::{Digest, Sha256};

use super::manifest::{Entry, Manifest};
use super::{Alteration, CopyKind, Image, SPECTROGRAM, copy_name, four_copies, marked_name, write_wav};
use crate::extract::{Event, Failure, Found, walk};
use crate::files::{write_beside, write_npy};
use crate::rng::Rng;
use crate::track::is_copy;
use crate::{Error, Result};

/// The longest recording that is altered, in seconds: several copies of its samples are in memory at once.
const MOST_S: f64 = 1800.0;
/// What the four copies of a spectrogram are, in their order.
const SPECTROGRAM_COPIES: [&str; 4] = ["untouched", "frequency_mask", "time_mask", "noise_sd=0.3"];

/// What copies to make.
#[derive(Debug, Clone)]
pub struct AugmentOptions {
    /// The kinds of altered sound.
    pub kinds: BTreeSet<CopyKind>,
    /// Copies of each kind of each file.
    pub per_file: u32,
    /// Whether to write the [`four_copies`] of each file's standardised mel spectrogram too.
    pub spectrograms: bool,
    /// What chance starts from.
    pub seed: u64,
    /// Worker threads, at least 1.
    pub threads: usize,
}

/// What a run did.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct AugmentReport {
    /// Recordings that were found, copies of earlier runs left out.
    pub files: usize,
    /// Altered copies found under the paths; none is altered again.
    pub passed_over: usize,
    /// Copies written.
    pub copies: usize,
    /// Seconds of recordings read.
    pub audio_s: f64,
    /// Recordings of which copies are missing.
    pub failed: Vec<Failure>,
    /// Recordings that were read with a warning, and the warning.
    pub warnings: Vec<Failure>,
    /// Whether the run was asked to stop before all copies were made; those that are written are complete, and listed.
    pub interrupted: bool,
}

/// Writes altered copies of every audio file under `paths` into `output`, below the same folders as they lie in below the path
/// that was given, and lists them in `augmented.csv` there.
///
/// A copy of sound is a mono wav file of 32-bit floating point numbers at 22,050 Hz; one of a spectrogram is an array of 128 x
/// frames (`song~mel1.npy` to `song~mel4.npy`). The list of an earlier run is added to. `stop` may be set at any time from
/// elsewhere: the run then ends with the copy it is at.
///
/// # Errors
/// [`Error::Collection`] when no file looks like audio, [`Error::Io`] when the folder or the list cannot be written,
/// [`Error::Table`] when `augmented.csv` is something else. A file that cannot be read or is longer than half an hour is no
/// error but an entry of [`AugmentReport::failed`], as are two files whose copies would have the same names.
pub fn augment_files(
    paths: &[PathBuf],
    output: &Path,
    options: &AugmentOptions,
    stop: &AtomicBool,
    on_event: &mut dyn FnMut(Event<'_>),
) -> Result<AugmentReport> {
    let (found, unreadable) = walk(paths);
    let (copies, originals): (Vec<Found>, Vec<Found>) =
        found.into_iter().partition(|file| is_copy(&file.relative));
    if originals.is_empty() && unreadable.is_empty() {
        return Err(Error::Collection {
            path: paths.first().cloned().unwrap_or_default(),
            message: "no audio files here".to_owned(),
        });
    }
    let mut report = AugmentReport {
        files: originals.len() + unreadable.len(),
        passed_over: copies.len(),
        ..Default::default()
    };
    std::fs::create_dir_all(output).map_err(Error::io(output))?;
    let mut manifest = Manifest::open(output)?;
    let (todo, mut failed) = without_clashes(originals);
    failed.extend(unreadable);
    on_event(Event::Start {
        files: report.files,
        resumed: 0,
    });
    for Failure { path, fault } in &failed {
        on_event(Event::File {
            path,
            audio_s: 0.0,
            fault: Some(fault),
        });
    }
    report.failed = failed;
    on_all_threads(&todo, output, options, stop, &mut |index, outcome| {
        let path = &todo[index].path;
        if !outcome.interrupted {
            on_event(Event::File {
                path,
                audio_s: outcome.audio_s,
                fault: outcome.fault.as_deref(),
            });
        }
        report.copies += outcome.entries.len();
        report.audio_s += outcome.audio_s;
        report.interrupted |= outcome.interrupted;
        outcome.entries.into_iter().for_each(|entry| manifest.add(entry));
        let said = |fault| Failure {
            path: path.clone(),
            fault,
        };
        report.warnings.extend(outcome.warnings.into_iter().map(said));
        report.failed.extend(outcome.fault.map(said));
    });
    report.failed.sort_by(|a, b| a.path.cmp(&b.path));
    report.warnings.sort_by(|a, b| a.path.cmp(&b.path));
    manifest.write()?;
    Ok(report)
}

/// The files whose copies have names of their own, and the others.
fn without_clashes(files: Vec<Found>) -> (Vec<Found>, Vec<Failure>) {
    let stem = |file: &Found| copy_name(&file.relative, CopyKind::Pitch, 1);
    let mut by_stem: BTreeMap<String, Vec<Found>> = BTreeMap::new();
    for file in files {
        by_stem.entry(stem(&file)).or_default().push(file);
    }
    let (mut kept, mut failed) = (Vec::new(), Vec::new());
    for mut files in by_stem.into_values() {
        if files.len() == 1 {
            kept.append(&mut files);
            continue;
        }
        for (index, file) in files.iter().enumerate() {
            let other = files[usize::from(index == 0)].path.display();
            failed.push(Failure {
                path: file.path.clone(),
                fault: format!("its copies would have the names of those of {other}"),
            });
        }
    }
    (kept, failed)
}

/// What became of one file.
#[derive(Default)]
struct Outcome {
    entries: Vec<Entry>,
    audio_s: f64,
    warnings: Vec<String>,
    fault: Option<String>,
    interrupted: bool,
}

/// Alters each file on some thread and hands what became of it to `done` on this one.
fn on_all_threads(
    files: &[Found],
    output: &Path,
    options: &AugmentOptions,
    stop: &AtomicBool,
    done: &mut dyn FnMut(usize, Outcome),
) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..options.threads.clamp(1, files.len().max(1)) {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                let mut extractor = options.spectrograms.then(Extractor::new);
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(file) = files.get(index) else {
                        break;
                    };
                    let mut outcome = Outcome::default();
                    // A fault of ours must not take the rest of the batch with it.
                    let altered = catch_unwind(AssertUnwindSafe(|| {
                        alter_file(file, output, options, extractor.as_mut(), stop, &mut outcome)
                    }));
                    outcome.fault = match altered {
                        Ok(result) => result.err().map(|fault| {
                            let prefix = format!("{}: ", file.path.display());
                            fault.strip_prefix(&prefix).unwrap_or(&fault).to_owned()
                        }),
                        Err(_) => Some("internal error while altering this file".to_owned()),
                    };
                    if sender.send((index, outcome)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        receiver
            .into_iter()
            .for_each(|(index, outcome)| done(index, outcome));
    });
}

/// All copies of one file; those that are written before a fault are in the outcome.
fn alter_file(
    file: &Found,
    output: &Path,
    options: &AugmentOptions,
    extractor: Option<&mut Extractor>,
    stop: &AtomicBool,
    outcome: &mut Outcome,
) -> std::result::Result<(), String> {
    let stopped = |outcome: &mut Outcome| {
        outcome.interrupted = stop.load(Ordering::Relaxed);
        outcome.interrupted
    };
    if stopped(outcome) {
        return Ok(());
    }
    let limit = Limit::Maximum(MOST_S);
    let loaded = load(&file.path, Some(Hertz(SAMPLE_RATE)), limit).map_err(|error| error.to_string())?;
    let signal = loaded.signal;
    outcome.warnings = loaded.warnings;
    outcome.audio_s = signal.duration_s();
    if signal.samples().is_empty() {
        return Err("holds no sound".to_owned());
    }
    // What is not a number is not below either.
    if !signal.samples().iter().all(|sample| sample.abs() <= MAX_SAMPLE) {
        return Err(format!(
            "holds a sample that is not a number or beyond {MAX_SAMPLE:e}"
        ));
    }
    let entry = |name: String, kind: &str, parameters: String| Entry {
        file: name,
        source: file.relative.clone(),
        kind: kind.to_owned(),
        parameters,
        seed: options.seed,
    };
    for &kind in &options.kinds {
        for number in 1..=options.per_file {
            if stopped(outcome) {
                return Ok(());
            }
            let name = copy_name(&file.relative, kind, number);
            let mut rng = rng_of(options.seed, &name);
            let alteration = Alteration::draw(kind, &mut rng);
            let altered = alteration.apply(&signal, &mut rng)?;
            put(output, &name, |out| write_wav(out, &altered))?;
            outcome
                .entries
                .push(entry(name, kind.name(), alteration.to_string()));
        }
    }
    let Some(extractor) = extractor else {
        return Ok(());
    };
    let image = spectrogram(&signal, extractor)?;
    let mut rng = rng_of(options.seed, &marked_name(&file.relative, SPECTROGRAM, 0, "npy"));
    for (index, copy) in four_copies(&image, &mut rng).iter().enumerate() {
        if stopped(outcome) {
            return Ok(());
        }
        let name = marked_name(&file.relative, SPECTROGRAM, index as u32 + 1, "npy");
        let (height, width) = copy.shape();
        put(output, &name, |out| {
            write_npy(out, &[height, width], copy.values().iter().copied())
        })?;
        let parameters = SPECTROGRAM_COPIES[index].to_owned();
        outcome.entries.push(entry(name, SPECTROGRAM, parameters));
    }
    Ok(())
}

/// The mel spectrogram in decibels, standardised, the lowest band first.
fn spectrogram(signal: &Signal, extractor: &mut Extractor) -> std::result::Result<Image, String> {
    let (wanted, bands) = (Descriptor::MelDb, Descriptor::MelDb.rows());
    let analysis = extractor
        .analyze(signal.samples(), PadMode::Constant, &[wanted])
        .map_err(|error| error.to_string())?;
    let frames = analysis.values(wanted).unwrap_or_default();
    let values = (0..bands).flat_map(|band| frames.iter().skip(band).step_by(bands).copied());
    Ok(Image::new(bands, frames.len() / bands, values.collect()).standardised())
}

/// The generator of one copy: none shares its numbers.
fn rng_of(seed: u64, name: &str) -> Rng {
    let hash = Sha256::new()
        .chain_update(seed.to_le_bytes())
        .chain_update(name)
        .finalize();
    Rng::new(
        hash.iter()
            .take(8)
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
    )
}

/// Writes a file below the folder, in folders that are made as needed.
fn put(
    output: &Path,
    name: &str,
    write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>,
) -> std::result::Result<(), String> {
    let path = output.join(name);
    let folder = path.parent().unwrap_or(output);
    std::fs::create_dir_all(folder)
        .and_then(|()| write_beside(&path, write))
        .map_err(|error| format!("{}: cannot be written: {error}", path.display()))
}
