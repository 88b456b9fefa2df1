//! `melisma features`, interrupted in every way and taken up again.

#![cfg(unix)]

mod common;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use common::{RATE, Ran, finish, melisma, music, names_in, put, run, signal, wav16};
use tempfile::{TempDir, tempdir};

/// Files in the collection: enough that a run is never done before it is interrupted.
const FILES: usize = 40;

/// A collection, and the table that an undisturbed run makes of it.
struct Work {
    folder: TempDir,
    expected: Vec<u8>,
}

impl Work {
    fn new() -> Self {
        let folder = tempdir().unwrap();
        for index in 0..FILES {
            let name = format!("music/{index:02}.wav");
            put(folder.path().join(name), wav16(&music(index as u64, 2.0, RATE)));
        }
        let expected = undisturbed(&folder.path().join("music"));
        Work { folder, expected }
    }

    fn music(&self) -> PathBuf {
        self.folder.path().join("music")
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("table.csv")
    }

    fn journal(&self) -> PathBuf {
        self.folder.path().join("table.csv.partial")
    }

    /// Starts a run and sends it a signal after so many files.
    fn interrupted_by(&self, name: &str, after: usize) -> Ran {
        let mut command = melisma!("features", self.music(), "--threads", "1", "-o", self.out());
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while journal_lines(&self.journal()) <= after {
            assert!(
                child.try_wait().unwrap().is_none(),
                "done before it was interrupted"
            );
            assert!(start.elapsed() < Duration::from_secs(60));
            std::thread::sleep(Duration::from_millis(1));
        }
        signal(&child, name);
        let ran = finish(child);
        assert_eq!(
            names_in(self.folder.path()),
            ["music", "table.csv.partial"],
            "after {name}"
        );
        ran
    }

    /// Gives the command again; asserts that the table is the expected one, and returns how many files were taken over.
    #[track_caller]
    fn resumed(&self) -> u64 {
        let ran = run(melisma!("features", self.music(), "-o", self.out(), "--json")).succeeded();
        assert!(
            fs::read(self.out()).unwrap() == self.expected,
            "the table differs from that of an undisturbed run"
        );
        assert_eq!(
            names_in(self.folder.path()),
            ["music", "table.csv", "table.csv.json"]
        );
        let resumed = ran.json()["resumed"].as_u64().unwrap();
        if resumed > 0 {
            ran.said(&[&format!("going on: {resumed} of {FILES} files are done already")]);
        }
        resumed
    }
}

fn undisturbed(folder: &Path) -> Vec<u8> {
    run(melisma!("features", folder, "-o", "-"))
        .succeeded()
        .stdout
        .into_bytes()
}

fn journal_lines(path: &Path) -> usize {
    fs::read(path).map_or(0, |bytes| bytes.iter().filter(|&&byte| byte == b'\n').count())
}

#[test]
fn an_interrupted_run_goes_on_where_it_stopped() {
    let work = Work::new();
    for (name, after) in [("INT", 3), ("TERM", 24)] {
        let ran = work.interrupted_by(name, after);
        assert_eq!(ran.code, Some(130), "{}", ran.stderr);
        ran.said(&["interrupted; the same command goes on from here"]);
        let done = journal_lines(&work.journal()) as u64 - 1;
        assert!((after as u64..FILES as u64).contains(&done));
        assert_eq!(work.resumed(), done);
        fs::remove_file(work.out()).unwrap();
        fs::remove_file(work.out().with_extension("csv.json")).unwrap();
    }
}

#[test]
fn a_killed_run_goes_on_and_a_torn_line_is_dropped() {
    let work = Work::new();
    assert_eq!(work.interrupted_by("KILL", 24).code, None);
    let bytes = fs::read(work.journal()).unwrap();
    // Whole lines only, as a kill in the middle of a write would leave one that is not.
    let end = bytes.iter().rposition(|&byte| byte == b'\n').unwrap() + 1;
    let done = journal_lines(&work.journal()) as u64 - 1;
    let torn = [
        (bytes[..end].to_vec(), done),
        (bytes[..end - 1].to_vec(), done - 1),
        (bytes[..end - 20].to_vec(), done - 1),
        ([&bytes[..end], b"{\"file\":{\"pa"].concat(), done),
        ([&bytes[..end], b"\0\0\0\0\0\0\n\0\0"].concat(), done),
        (bytes[..17].to_vec(), 0),
        (Vec::new(), 0),
    ];
    for (journal, taken_over) in torn {
        put(work.journal(), journal);
        assert_eq!(work.resumed(), taken_over);
        fs::remove_file(work.out()).unwrap();
        fs::remove_file(work.out().with_extension("csv.json")).unwrap();
    }
}

#[test]
fn two_runs_cannot_write_one_table() {
    let work = Work::new();
    put(work.journal(), "");
    let other = fs::File::open(work.journal()).unwrap();
    other.lock().unwrap();
    run(melisma!("features", work.music(), "-o", work.out())).refused(&["table.csv", "another run"]);
    drop(other);
    assert_eq!(work.resumed(), 0);
}

#[test]
fn a_journal_of_other_options_is_left_alone() {
    let work = Work::new();
    work.interrupted_by("INT", 20);
    let journal = fs::read(work.journal()).unwrap();
    for (flag, value) in [("--window", "1"), ("--schema", "spotify"), ("--pad", "reflect")] {
        run(melisma!("features", work.music(), flag, value, "-o", work.out())).refused(&[
            "table.csv.partial",
            "other options",
            "--fresh",
        ]);
        assert!(fs::read(work.journal()).unwrap() == journal, "untouched");
        assert!(!work.out().exists());
    }
    let ran = run(melisma!(
        "features",
        work.music(),
        "--window",
        "1",
        "--fresh",
        "-o",
        work.out(),
        "--json"
    ));
    assert_eq!(ran.succeeded().json()["resumed"], 0);
    assert_eq!(common::Table::read(&work.out()).rows.len(), 2 * FILES);
    fs::remove_file(work.out()).unwrap();
    // What is no journal at all is not overwritten either.
    put(work.journal(), "my own notes\n");
    run(melisma!("features", work.music(), "-o", work.out())).refused(&["table.csv.partial"]);
    assert_eq!(fs::read_to_string(work.journal()).unwrap(), "my own notes\n");
}

#[test]
fn files_that_changed_or_went_or_came_are_noticed() {
    let mut work = Work::new();
    work.interrupted_by("INT", 20);
    let done = journal_lines(&work.journal()) as u64 - 1;
    assert!(done >= 3);
    // Of the first three files, which are in the journal, one is another now, one is gone, and a new one stands before them.
    put(work.music().join("00.wav"), wav16(&music(99, 2.0, RATE)));
    fs::remove_file(work.music().join("01.wav")).unwrap();
    put(work.music().join("000.wav"), wav16(&music(77, 1.0, RATE)));
    work.expected = undisturbed(&work.music());
    assert_eq!(work.resumed(), done - 2);
}

#[test]
fn a_file_that_failed_is_tried_again() {
    let mut work = Work::new();
    let first = work.music().join("00.wav");
    let good = fs::read(&first).unwrap();
    put(&first, "no music");
    work.interrupted_by("INT", 20);
    let done = journal_lines(&work.journal()) as u64 - 1;
    // The same size and time, so that nothing but the failure speaks for trying again.
    let time = fs::metadata(&first).unwrap().modified().unwrap();
    let mut file = fs::File::create(&first).unwrap();
    file.write_all(&good).unwrap();
    file.set_modified(time).unwrap();
    drop(file);
    work.expected = undisturbed(&work.music());
    assert_eq!(work.resumed(), done - 1);
}
