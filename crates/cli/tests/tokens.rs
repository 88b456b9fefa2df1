//! `melisma tokens`: tokens printed, corpora made, bad files named.

mod common;

use std::path::Path;

use common::{melisma, run};
use melisma_score::corpus::{Corpus, Part};
use melisma_score::{Note, Score, Track, write};

/// A tune that no other seed plays.
fn tune(folder: &Path, name: &str, seed: u32) {
    let notes = (0..40_u32).map(|at| Note {
        onset: at * 240,
        pitch: 40
            + (seed
                .wrapping_mul(2_654_435_761)
                .wrapping_add(at * at * 97 + at * seed * 31)
                >> 3) as u8
                % 40,
        duration: 200,
        velocity: 90,
    });
    let mut score = Score {
        tracks: vec![Track {
            notes: notes.collect(),
            ..Track::default()
        }],
        ..Score::default()
    };
    score.tidy();
    write(&score, &folder.join(name)).unwrap();
}

#[test]
fn a_file_is_printed_for_people_and_machines() {
    let folder = tempfile::tempdir().unwrap();
    tune(folder.path(), "one.mid", 1);
    let path = folder.path().join("one.mid");
    let ran = run(melisma!("tokens", &path)).succeeded();
    assert!(ran.stdout.contains("one.mid: 40 notes"), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("Bar · Position 0 · Program 0 · Pitch "),
        "{}",
        ran.stdout
    );
    let said = run(melisma!("tokens", &path, "--design", "compound", "--json"))
        .succeeded()
        .json();
    assert_eq!((&said["steps"], &said["notes"]), (&40.into(), &40.into()));
    assert_eq!(said["tokens"].as_array().unwrap().len(), 320);
    let said = run(melisma!("tokens", &path, "--design", "names", "--json"))
        .succeeded()
        .json();
    assert_eq!((&said["steps"], &said["notes"]), (&40.into(), &40.into()));
    let names = said["names"].as_array().unwrap();
    assert!(
        names.iter().all(|name| {
            let name = name.as_str().unwrap();
            name.starts_with(|c: char| ('A'..='G').contains(&c))
                && name.ends_with(|c: char| c.is_ascii_digit())
        }),
        "{names:?}"
    );
    let said = run(melisma!("tokens", &path, "--design", "events-chords", "--json"))
        .succeeded()
        .json();
    let names = said["names"].as_array().unwrap();
    assert_eq!(said["design"], "events-chords");
    assert!(
        names
            .iter()
            .any(|name| name.as_str().unwrap().starts_with("Chord ")),
        "{names:?}"
    );
}

#[test]
fn a_corpus_keeps_arrangements_together_and_names_what_it_could_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let midi = folder.path().join("midi");
    std::fs::create_dir(&midi).unwrap();
    for (name, seed) in [
        ("ab_autumn.mid", 1),
        ("other name.mid", 1),
        ("cd_autumn.mid", 2),
        ("blue.mid", 3),
        ("green.mid", 4),
    ] {
        tune(&midi, name, seed);
    }
    std::fs::write(midi.join("page.mid"), "<html>").unwrap();
    std::fs::write(midi.join("readme.txt"), "no score").unwrap();
    let list = folder.path().join("test.txt");
    std::fs::write(&list, "other name.mid\nnowhere.mid\n").unwrap();
    let output = folder.path().join("songs.tokens");
    let ran = run(melisma!(
        "tokens",
        &midi,
        "-o",
        &output,
        "--test-list",
        &list,
        "--valid-share",
        "0",
        "--json"
    ))
    .refused(&["page.mid", "a web page"])
    .said(&["nowhere.mid is on a list"])
    .said(&["1 of 6 files could not be read"]);
    let said = ran.json();
    assert_eq!(said["alike"].as_array().unwrap().len(), 1, "{said}");
    let corpus = Corpus::open(&output).unwrap();
    let name = |at: &usize| {
        Path::new(&corpus.header().songs[*at].name)
            .file_name()
            .unwrap()
            .to_owned()
    };
    let test: Vec<_> = corpus.part(Part::Test).iter().map(name).collect();
    assert_eq!(test, ["ab_autumn.mid", "cd_autumn.mid", "other name.mid"]);
    let vocabulary = std::fs::read_to_string(folder.path().join("songs.tokens.vocabulary.txt")).unwrap();
    assert!(vocabulary.starts_with("event\tPad\nevent\tBegin\n"));
    let two = run(melisma!(
        "tokens",
        &midi,
        "-o",
        folder.path().join("two"),
        "--threads",
        "1"
    ))
    .refused(&["page.mid"]);
    assert!(two.stdout.contains("train"), "{}", two.stdout);
}

#[test]
fn what_cannot_be_done_is_said() {
    let folder = tempfile::tempdir().unwrap();
    run(melisma!("tokens", folder.path())).refused(&["no MIDI files"]);
    run(melisma!("tokens", folder.path().join("none.mid"))).refused(&["none.mid"]);
    std::fs::write(folder.path().join("x.mid"), "").unwrap();
    let output = folder.path().join("out");
    run(melisma!("tokens", folder.path(), "-o", &output)).refused(&["x.mid", "no bytes"]);
    assert!(!output.exists());
    tune(folder.path(), "x.mid", 1);
    run(melisma!(
        "tokens",
        folder.path(),
        "-o",
        &output,
        "--test-list",
        folder.path().join("no.txt")
    ))
    .refused(&["no.txt"]);
    run(melisma!(
        "tokens",
        folder.path(),
        "-o",
        &output,
        "--test-share",
        "2"
    ))
    .refused(&["not between 0 and 1"]);
    run(melisma!(
        "tokens",
        folder.path(),
        "-o",
        folder.path().join("no/such/place")
    ))
    .refused(&["no/such/place"]);
}
