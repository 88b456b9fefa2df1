//! From audio files to a feature table: folders are walked, files are decoded and described on all threads, and the
//! table is written in a stable order, however the work was shared out or interrupted.
//!
//! ```text
//! paths ── walk ──► files ── worker threads: decode, describe ──► journal ── in order ──► table
//! ```
//!
//! Every finished file goes into a journal beside the table. A run that is interrupted is taken up from there; the table itself
//! is written at the end, beside its place, and renamed. Nothing but the place of each file's entry is kept in memory.
//! Describing a single file is in [`file`]; learning from tables is elsewhere.

mod file;
mod journal;
mod output;
mod walk;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use melisma_features::{Extractor, PadMode, SAMPLE_RATE, Schema};
use sha2::{Digest, Sha256};

use crate::locate::hex;
use crate::{Genre, sha256_file, sha256_hex};
pub use file::{FileError, FileRows, Row, Window, rows_of_file};
pub(crate) use journal::Key;
use journal::{Entry, Journal};
pub use output::TableFormat;
use output::TableWriter;
pub use walk::{Found, walk};

/// What to extract, and with how many threads.
#[derive(Debug, Clone)]
pub struct ExtractOptions {
    /// The columns.
    pub schema: Schema,
    /// Samples per window at 22,050 Hz, or the whole file.
    pub window: Window,
    /// Padding of the frames at the ends of a clip or window.
    pub pad: PadMode,
    /// Worker threads, at least 1.
    pub threads: usize,
    /// Start again even where a journal of an interrupted run lies.
    pub fresh: bool,
}

/// One file that gave no rows, and why.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Failure {
    /// The file.
    #[serde(serialize_with = "as_shown")]
    pub path: PathBuf,
    /// What is wrong with it.
    pub fault: String,
}

/// Writes a path as a terminal shows it: one that is not Unicode must not end the report.
fn as_shown<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

/// What a run did.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct ExtractReport {
    /// Files that were asked for.
    pub files: usize,
    /// Files taken over from an interrupted run.
    pub resumed: usize,
    /// Rows in the table.
    pub rows: u64,
    /// Seconds of audio described in this run.
    pub audio_s: f64,
    /// Files that gave no rows.
    pub failed: Vec<Failure>,
    /// Files that were read with a warning, and the warning.
    pub warnings: Vec<Failure>,
    /// Whether the run was asked to stop before the table was complete; the journal then holds what is done.
    pub interrupted: bool,
}

/// What happens during a run, for whoever shows progress.
#[derive(Debug)]
pub enum Event<'a> {
    /// The work is known.
    Start {
        /// Files in all.
        files: usize,
        /// Files taken over from an interrupted run.
        resumed: usize,
    },
    /// A file is done.
    File {
        /// The file.
        path: &'a Path,
        /// Seconds of audio in it.
        audio_s: f64,
        /// Why it gave no rows, if it gave none.
        fault: Option<&'a str>,
    },
}

/// Why a run came to nothing.
#[derive(Debug)]
#[non_exhaustive]
pub enum ExtractError {
    /// No file under the paths looks like audio.
    NoAudio(Vec<PathBuf>),
    /// The window is not between 0.1 seconds and an hour.
    Window(f64),
    /// The table or its journal cannot be written.
    Output {
        /// The file that cannot be written.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The journal beside the table belongs to a run with other options.
    OtherJournal(PathBuf),
    /// The table's name does not say its format.
    Format(PathBuf),
}

impl std::fmt::Display for ExtractError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ExtractError::NoAudio(paths) => {
                let paths: Vec<_> = paths.iter().map(|p| p.display().to_string()).collect();
                write!(f, "{}: no audio files here", paths.join(", "))
            }
            ExtractError::Window(seconds) => {
                write!(f, "a window of {seconds} s is not between 0.1 s and 3600 s")
            }
            ExtractError::Output { path, source } => {
                write!(f, "{}: cannot be written: {source}", path.display())
            }
            ExtractError::OtherJournal(path) => write!(
                f,
                "{}: an interrupted run with other options left this; finish it with its options, or start again with --fresh",
                path.display()
            ),
            ExtractError::Format(path) => {
                write!(
                    f,
                    "{}: the table's name must end in .csv or .parquet",
                    path.display()
                )
            }
        }
    }
}

impl std::error::Error for ExtractError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ExtractError::Output { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// Describes every audio file under `paths` and writes the table to `output`.
///
/// `stop` may be set at any time from elsewhere: the run then ends soon, keeps its journal and says so in the report.
///
/// # Errors
/// If no file looks like audio, the window is out of range, or the output cannot be written. A file that cannot be read is no error but an
/// entry of [`ExtractReport::failed`].
pub fn extract(
    paths: &[PathBuf],
    output: &Path,
    options: &ExtractOptions,
    stop: &AtomicBool,
    on_event: &mut dyn FnMut(Event<'_>),
) -> Result<ExtractReport, ExtractError> {
    let format = TableFormat::of(output).ok_or_else(|| ExtractError::Format(output.to_owned()))?;
    let (found, unreadable) = walk(paths);
    if found.is_empty() && unreadable.is_empty() {
        return Err(ExtractError::NoAudio(paths.to_vec()));
    }
    // A place that cannot be written is better known before an hour of work than after it.
    if output.is_dir() {
        let source = std::io::ErrorKind::IsADirectory.into();
        return Err(ExtractError::Output {
            path: output.to_owned(),
            source,
        });
    }
    let mut journal = Journal::open(output, options)?;
    let keys: Vec<Key> = found.iter().map(|f| Key::of(&f.path)).collect();
    let todo: Vec<usize> = (0..found.len()).filter(|&i| !journal.holds(&keys[i])).collect();
    let mut report = ExtractReport {
        files: found.len() + unreadable.len(),
        resumed: found.len() - todo.len(),
        ..Default::default()
    };
    on_event(Event::Start {
        files: report.files,
        resumed: report.resumed,
    });
    for Failure { path, fault } in &unreadable {
        on_event(Event::File {
            path,
            audio_s: 0.0,
            fault: Some(fault),
        });
    }
    report.failed = unreadable;

    let next = AtomicUsize::new(0);
    let workers = options.threads.clamp(1, todo.len().max(1));
    let result = std::thread::scope(|scope| {
        // The channel is short, so that workers wait for the journal instead of piling up rows.
        let (sender, receiver) = mpsc::sync_channel::<(usize, Entry)>(2 * workers);
        for worker in 0..workers {
            let (sender, todo, found, next) = (sender.clone(), &todo, &found, &next);
            // Threads left over when there are few files share the windows of a file.
            let threads = options.threads / workers + usize::from(worker < options.threads % workers);
            scope.spawn(move || {
                let mut extractors: Vec<Extractor> = (0..threads.max(1)).map(|_| Extractor::new()).collect();
                while !stop.load(Ordering::Relaxed) {
                    let Some(&index) = todo.get(next.fetch_add(1, Ordering::Relaxed)) else {
                        break;
                    };
                    let Some(entry) = describe(&found[index].path, options, &mut extractors, stop) else {
                        break;
                    };
                    if sender.send((index, entry)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        for (index, entry) in receiver {
            report.audio_s += entry.audio_s();
            journal.append(&keys[index], &entry)?;
            on_event(Event::File {
                path: &found[index].path,
                audio_s: entry.audio_s(),
                fault: entry.fault(),
            });
        }
        Ok(())
    });
    if let Err(error) = result {
        journal.abandon_if_empty();
        return Err(error);
    }
    if stop.load(Ordering::Relaxed) && keys.iter().any(|key| !journal.holds(key)) {
        report.interrupted = true;
        return Ok(report);
    }
    write_table(output, format, options, &found, &keys, &mut journal, &mut report)?;
    journal.remove();
    Ok(report)
}

/// Describes one file; none if the run was stopped in the middle of it.
fn describe(
    path: &Path,
    options: &ExtractOptions,
    extractors: &mut [Extractor],
    stop: &AtomicBool,
) -> Option<Entry> {
    let rows = || {
        rows_of_file(
            path,
            options.schema,
            options.pad,
            options.window,
            extractors,
            stop,
        )
    };
    // A fault of ours must not take the rest of the batch with it.
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(rows));
    if stop.load(Ordering::Relaxed) {
        return None;
    }
    Some(match result {
        Ok(Ok(rows)) if rows.rows.is_empty() => Entry::failed(
            path,
            &format!(
                "{:.3} s of sound is shorter than one window",
                rows.samples as f64 / f64::from(SAMPLE_RATE)
            ),
        ),
        Ok(Ok(rows)) => match content_hash(path) {
            Ok(sha256) => Entry::done(rows, sha256),
            Err(error) => Entry::failed(path, &error.to_string()),
        },
        Ok(Err(error)) => Entry::failed(path, &error.to_string()),
        Err(_) => Entry::failed(path, "internal error while describing this file"),
    })
}

/// SHA-256 of a file's content; of nothing, for what can be read only once.
fn content_hash(path: &Path) -> crate::Result<String> {
    if path.is_file() {
        sha256_file(path)
    } else {
        Ok(sha256_hex(b""))
    }
}

/// Copies the journal's rows, in the order of the files, into the table.
fn write_table(
    output: &Path,
    format: TableFormat,
    options: &ExtractOptions,
    found: &[Found],
    keys: &[Key],
    journal: &mut Journal,
    report: &mut ExtractReport,
) -> Result<(), ExtractError> {
    let failed = |source| ExtractError::Output {
        path: output.to_owned(),
        source,
    };
    let labels: Vec<Option<Genre>> = found.iter().map(|f| Genre::of_folder(&f.path)).collect();
    let labelled = labels.iter().any(Option::is_some);
    let names = row_names(found);
    // A table of nothing would only hide that every file failed, so it begins with the first row.
    let mut table: Option<TableWriter> = None;
    let mut sources = Sha256::new();
    for (((file, key), name), label) in found.iter().zip(keys).zip(&names).zip(&labels) {
        match journal.read(key)? {
            Entry::Failed { fault, .. } => report.failed.push(Failure {
                path: file.path.clone(),
                fault,
            }),
            Entry::Done {
                rows,
                warnings,
                sha256,
                ..
            } => {
                sources.update(format!("{name}\t{sha256}\n"));
                for fault in warnings {
                    report.warnings.push(Failure {
                        path: file.path.clone(),
                        fault,
                    });
                }
                for row in rows {
                    let name = match options.window {
                        Window::Whole => name.clone(),
                        Window::Samples(_) => window_name(name, row.window),
                    };
                    let table = match &mut table {
                        Some(table) => table,
                        none => none
                            .insert(TableWriter::create(output, format, options, labelled).map_err(failed)?),
                    };
                    table
                        .write(&name, row.length, &row.values, label.map(Genre::name))
                        .map_err(failed)?;
                    report.rows += 1;
                }
            }
        }
    }
    let metadata = output::metadata(options, hex(&sources.finalize()));
    table
        .map_or(Ok(()), |table| table.finish(&metadata))
        .map_err(failed)
}

/// What the table calls the files: the first of name, path under the folder that was walked, and path as given that no two files share.
fn row_names(found: &[Found]) -> Vec<String> {
    let distinct = |names: &[String]| names.iter().collect::<HashSet<_>>().len() == names.len();
    let base = |f: &Found| {
        f.path
            .file_name()
            .map_or_else(String::new, |n| n.to_string_lossy().into_owned())
    };
    let names: Vec<String> = found.iter().map(base).collect();
    if distinct(&names) {
        return names;
    }
    let names: Vec<String> = found.iter().map(|f| f.relative.clone()).collect();
    if distinct(&names) {
        return names;
    }
    found
        .iter()
        .map(|f| f.path.to_string_lossy().into_owned())
        .collect()
}

/// `blues.00000.wav` and window 2 give `blues.00000.2.wav`, as in the published GTZAN tables.
fn window_name(name: &str, window: usize) -> String {
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() && !extension.contains('/') => {
            format!("{stem}.{window}.{extension}")
        }
        _ => format!("{name}.{window}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_named_as_in_the_published_table() {
        assert_eq!(window_name("rock.00099.wav", 2), "rock.00099.2.wav");
        assert_eq!(window_name("noext", 1), "noext.1");
        assert_eq!(window_name("a.b/noext", 1), "a.b/noext.1");
    }

    #[test]
    fn names_are_paths_only_where_they_must_be() {
        let found = |path: &str, relative: &str| Found {
            path: path.into(),
            relative: relative.into(),
        };
        assert_eq!(
            row_names(&[found("x/a.wav", "a.wav"), found("x/d/b.wav", "d/b.wav")]),
            ["a.wav", "b.wav"]
        );
        assert_eq!(
            row_names(&[found("x/a.wav", "a.wav"), found("x/d/a.wav", "d/a.wav")]),
            ["a.wav", "d/a.wav"]
        );
        assert_eq!(
            row_names(&[found("x/a.wav", "a.wav"), found("y/a.wav", "a.wav")]),
            ["x/a.wav", "y/a.wav"]
        );
    }
}
