//! Whether a collection is fit for use: every recording decoded, measured, fingerprinted, and compared with the others.
//!
//! ```text
//! collection ─► entries ─► worker threads: decode, measure ─► findings: sound, copies, labels, parts ─► report
//! ```
//!
//! Files are decoded as streams; what is kept of each is a few figures and its fingerprint (about 1 kB for 30 seconds). A file that cannot be
//! read is a finding, and the check goes on. With a cache, an interrupted or repeated check measures only what is new.
//!
//! Not for repairing anything: the report gives advice, files are never touched.

mod cache;
mod copies;
mod fingerprint;
mod html;
mod labels;
mod measure;
mod report;
mod similar;
mod sound;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use cache::Cache;
pub use fingerprint::ITEM_S;
pub use measure::Measured;
pub use report::{Finding, FindingKind, Report};
pub use similar::{Match, find_similar};

use crate::{Collection, Error, Recording, Result};

/// How to check.
#[derive(Debug, Clone)]
pub struct CheckOptions {
    /// Worker threads, at least 1.
    pub threads: usize,
    /// A file that keeps what was measured, so that the next check need not measure it again; written as the check goes.
    pub cache: Option<PathBuf>,
}

/// What happens during a check, for whoever shows progress.
#[derive(Debug)]
pub enum Event<'a> {
    /// The work is known.
    Start {
        /// Files to measure in all.
        files: usize,
        /// Files taken over from the cache.
        resumed: usize,
    },
    /// A file is done.
    File {
        /// The recording.
        id: &'a str,
        /// Seconds of audio in it.
        audio_s: f64,
        /// Why it cannot be used, if it cannot.
        fault: Option<&'a str>,
    },
    /// All files are measured; the recordings are now compared.
    Comparing,
}

/// A recording, and what was found out about its file.
pub(crate) struct Entry {
    recording: Recording,
    file: Option<PathBuf>,
    measured: Option<Measured>,
}

impl Entry {
    fn id(&self) -> &str {
        &self.recording.id
    }
}

/// Checks every recording of `collection`.
///
/// `stop` may be set at any time from elsewhere: the check then ends soon, and its report says that it is not complete.
///
/// # Errors
/// When the collection cannot be walked at all, or the cache cannot be written. Whatever is wrong with single recordings is a finding.
pub fn check(
    collection: &dyn Collection,
    options: &CheckOptions,
    stop: &AtomicBool,
    on_event: &mut dyn FnMut(Event<'_>),
) -> Result<Report> {
    let mut findings = Vec::new();
    let mut entries = list(collection, stop, &mut findings)?;
    let mut report = Report {
        collection: collection.name().to_owned(),
        recordings: entries.len(),
        ..Report::default()
    };
    measure_all(&mut entries, options, stop, on_event, &mut findings, &mut report)?;
    if !stop.load(Ordering::Relaxed) {
        on_event(Event::Comparing);
        findings.extend(sound::findings(&entries, collection.clip_seconds()));
        let groups = copies::groups(&entries, options.threads, stop);
        findings.extend(copies::findings(&entries, &groups));
        findings.extend(known(&entries, collection, &groups));
        findings.extend(labels::findings(&entries, &groups, collection.one_genre_each()));
    }
    report.interrupted = stop.load(Ordering::Relaxed);
    findings.sort_by(|a, b| (a.kind, &a.recordings).cmp(&(b.kind, &b.recordings)));
    report.findings = findings;
    Ok(report)
}

/// All recordings; entries of the collection's lists that are faulty, and files that are not there, become findings.
fn list(collection: &dyn Collection, stop: &AtomicBool, findings: &mut Vec<Finding>) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut missing = Vec::new();
    for recording in collection.recordings()? {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let recording = match recording {
            Ok(recording) => recording,
            Err(fault) => {
                findings.push(Finding::new(FindingKind::Entry, [], fault.to_string()));
                continue;
            }
        };
        let file = match collection.has_audio() {
            true => recording.file(collection.root()),
            false => Ok(None),
        };
        let file = match file {
            Ok(file) => file,
            Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                missing.push(recording.id.clone());
                None
            }
            Err(fault) => {
                findings.push(Finding::new(
                    FindingKind::Entry,
                    [recording.id.clone()],
                    fault.to_string(),
                ));
                None
            }
        };
        entries.push(Entry {
            recording,
            file,
            measured: None,
        });
    }
    if !missing.is_empty() {
        let detail = format!("{} of {} files are not there", missing.len(), entries.len());
        findings.push(Finding::new(FindingKind::Missing, missing, detail));
    }
    Ok(entries)
}

/// Decodes and measures every file, those in the cache excepted.
fn measure_all(
    entries: &mut [Entry],
    options: &CheckOptions,
    stop: &AtomicBool,
    on_event: &mut dyn FnMut(Event<'_>),
    findings: &mut Vec<Finding>,
    report: &mut Report,
) -> Result<()> {
    let mut cache = options.cache.as_deref().map(Cache::open).transpose()?;
    let mut todo: Vec<(usize, PathBuf)> = Vec::new();
    for (index, entry) in entries.iter_mut().enumerate() {
        let Some(file) = &entry.file else { continue };
        report.files += 1;
        entry.measured = cache.as_mut().and_then(|cache| cache.take(file));
        if entry.measured.is_none() {
            todo.push((index, file.clone()));
        }
    }
    report.resumed = report.files - todo.len();
    on_event(Event::Start {
        files: report.files,
        resumed: report.resumed,
    });
    let next = AtomicUsize::new(0);
    let workers = options.threads.clamp(1, todo.len().max(1));
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel(2 * workers);
        for _ in 0..workers {
            let (sender, todo, next) = (sender.clone(), &todo, &next);
            scope.spawn(move || {
                while let Some((index, file)) = todo.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let Some(result) = measure_guarded(file, stop) else {
                        break;
                    };
                    if sender.send((*index, result)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        for (index, result) in receiver {
            let entry = &mut entries[index];
            let (audio_s, fault) = match &result {
                Ok(measured) => (measured.duration_s, None),
                Err(fault) => (0.0, Some(fault.as_str())),
            };
            on_event(Event::File {
                id: entry.id(),
                audio_s,
                fault,
            });
            report.audio_s += audio_s;
            match result {
                Ok(measured) => {
                    if let (Some(cache), Some(file)) = (&mut cache, &entry.file) {
                        cache.append(file, &measured)?;
                    }
                    entry.measured = Some(measured);
                }
                Err(fault) => {
                    let id = entry.id().to_owned();
                    findings.push(Finding::new(FindingKind::Unreadable, [id], fault));
                }
            }
        }
        Ok(())
    })
}

/// Measures a file; a fault of ours or of a library must not take the rest of the check with it.
fn measure_guarded(file: &Path, stop: &AtomicBool) -> Option<std::result::Result<Measured, String>> {
    if stop.load(Ordering::Relaxed) {
        return None;
    }
    let measure = std::panic::AssertUnwindSafe(|| measure::measure(file, stop));
    match std::panic::catch_unwind(measure) {
        Ok(result) => result.transpose(),
        Err(_) => Some(Err("internal error while measuring this file".into())),
    }
}

/// What the collection's documentation says of recordings that are here, as far as it was not found by ear.
fn known(entries: &[Entry], collection: &dyn Collection, groups: &copies::Groups) -> Vec<Finding> {
    let faults = collection.known_faults();
    let place: BTreeMap<&str, usize> = entries.iter().enumerate().map(|(i, e)| (e.id(), i)).collect();
    let mut findings: Vec<Finding> = faults
        .into_iter()
        .filter(|(id, _)| place.contains_key(id.as_str()))
        .map(|(id, why)| Finding::new(FindingKind::KnownFault, [id], why))
        .collect();
    for (a, b) in collection.known_duplicates() {
        if let (Some(&i), Some(&j)) = (place.get(a.as_str()), place.get(b.as_str()))
            && !groups.same(i, j)
        {
            let detail = "listed as copies of each other, which their sound does not confirm";
            findings.push(Finding::new(FindingKind::KnownDuplicate, [a, b], detail));
        }
    }
    findings
}
