//! `melisma dataset check`: what it prints, writes and exits with.

mod common;

use common::{RATE, melisma, music, names_in, put, run, wav16};
use tempfile::{TempDir, tempdir};

/// Two pieces, a copy of one under another genre, and a file that is no sound.
fn collection() -> TempDir {
    let folder = tempdir().unwrap();
    for (name, seed) in [("jazz/a.wav", 1), ("jazz/b.wav", 2), ("rock/a copy.wav", 1)] {
        put(
            folder.path().join("music").join(name),
            wav16(&music(seed, 6.0, RATE)),
        );
    }
    put(folder.path().join("music/rock/bad.wav"), "no sound");
    folder
}

#[test]
fn findings_are_no_failures_unless_asked_for() {
    let folder = collection();
    let music = folder.path().join("music");
    let ran = run(melisma!("dataset", "check", &music)).succeeded();
    for text in [
        "duplicate\n  jazz/a.wav, rock/a copy.wav",
        "unreadable\n  rock/bad.wav",
        "label-conflict",
        "-> keep one",
        "music: 4 recordings, 4 files: ",
    ] {
        assert!(ran.stdout.contains(text), "{text}\n{}", ran.stdout);
    }
    let strict = run(melisma!("dataset", "check", &music, "--strict"));
    assert_eq!(strict.code, Some(1), "{}", strict.stderr);
    let clean = music.join("jazz");
    run(melisma!("dataset", "check", clean, "--genre", "folder")).succeeded();
}

#[test]
fn the_report_is_json_and_a_page() {
    let folder = collection();
    let music = folder.path().join("music");
    let page = folder.path().join("report.html");
    let cache = folder.path().join("cache");
    let report = run(melisma!(
        "dataset", "check", &music, "--json", "--html", &page, "--cache", &cache
    ));
    let report = report.succeeded().json();
    assert_eq!(report["recordings"], 4);
    let kinds: Vec<_> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| &f["kind"])
        .collect();
    assert_eq!(kinds, ["unreadable", "duplicate", "label-conflict"]);
    let html = std::fs::read_to_string(&page).unwrap();
    assert!(html.starts_with("<!doctype html>") && html.contains("rock/a copy.wav"));
    let again = run(melisma!("dataset", "check", &music, "--json", "--cache", &cache))
        .succeeded()
        .json();
    assert_eq!(again["resumed"], 3);
    assert_eq!(again["findings"], report["findings"]);
    assert_eq!(names_in(folder.path()), ["cache", "music", "report.html"]);
}

#[test]
fn what_cannot_be_checked_is_named() {
    let folder = tempdir().unwrap();
    let none = folder.path().join("none");
    run(melisma!("dataset", "check", &none)).refused(&["none"]);
    run(melisma!("dataset", "check", folder.path())).refused(&["no recordings here"]);
    let file = put(folder.path().join("song.txt"), "la la la");
    run(melisma!("dataset", "check", file)).refused(&["song.txt", "neither a folder"]);
    run(melisma!("dataset", "check", folder.path(), "--kind", "fma")).refused(&["fma_metadata"]);
    run(melisma!("dataset", "check", folder.path(), "--kind", "tape")).refused(&["unknown kind", "`tape`"]);
}
