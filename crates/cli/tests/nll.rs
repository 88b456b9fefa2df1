//! `melisma nll`: streams, corpora and files predicted; models saved and read; bad input named.

mod common;

use std::path::{Path, PathBuf};

use common::{melisma, run};
use melisma_score::corpus::{self, Part, Song};
use melisma_score::tokens::design;
use melisma_score::{Note, Score, Track, write};

/// A tune of a phrase that comes again and again, in a key and with a phrase of its own.
fn tune(seed: u32) -> Score {
    let step = |at: u32| {
        seed.wrapping_mul(2_654_435_761)
            .wrapping_add(at * at * 97 + at * seed * 31)
            >> 3
    };
    let notes = (0..160_u32).map(|at| Note {
        onset: at * 240,
        pitch: 50 + (step(at % 16) % 24) as u8,
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
    score
}

/// A corpus of six tunes to learn from and two to judge by.
fn corpus(folder: &Path, name: &str) -> PathBuf {
    let design = design(name).unwrap();
    let song = |seed: u32| {
        let part = if seed < 6 { Part::Train } else { Part::Test };
        let score = tune(seed);
        let song = Song {
            name: format!("{seed}.mid"),
            group: seed.to_string(),
            part,
            start: 0,
            steps: 0,
            notes: score.notes().count() as u64,
        };
        (song, design.encode(&score))
    };
    let path = folder.join(format!("{name}.tokens"));
    corpus::write(&path, design.as_ref(), (0..8).map(song).collect()).unwrap();
    path
}

/// A stream of names in which phrases of eight are played ten times each.
fn stream(folder: &Path) -> PathBuf {
    let names = ["C4", "D4", "E-4", "F#4", "0.4.7", "9.0.4", "G4", "B-4"];
    let mut state = 1_u32;
    let mut text = Vec::new();
    for _ in 0..40 {
        let mut note = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            names[(state >> 16) as usize % 8]
        };
        let phrase: Vec<&str> = (0..8).map(|_| note()).collect();
        text.extend(phrase.repeat(10));
    }
    let path = folder.join("names.txt");
    std::fs::write(&path, text.join("\n")).unwrap();
    path
}

#[test]
fn a_stream_is_divided_and_remembering_pays() {
    let folder = tempfile::tempdir().unwrap();
    let path = stream(folder.path());
    let cost = |kind: &str| {
        let said = run(melisma!("nll", &path, "--kind", kind, "--order", "4", "--json"))
            .succeeded()
            .json();
        assert_eq!((&said["tokens"], &said["files"]), (&320.into(), &1.into()));
        assert!(said["unigram_nats_per_token"].as_f64().unwrap() > 1.5);
        assert!(said["nats_per_note"].is_null());
        said["nats_per_token"].as_f64().unwrap()
    };
    let (ngram, remember, memory) = (cost("ngram"), cost("remember"), cost("memory"));
    assert!(remember < 0.8 * ngram, "{remember} {ngram}");
    assert!(memory < 1.1 * remember, "{memory} {remember}");
    let all = run(melisma!(
        "nll",
        &path,
        "--kind",
        "ngram",
        "--folds",
        "4",
        "--all-folds",
        "--json"
    ))
    .succeeded()
    .json();
    assert_eq!((&all["tokens"], &all["files"]), (&3200.into(), &4.into()));
    let table = run(melisma!(
        "nll", &path, "--fold", "3", "--kind", "ngram", "--order", "1"
    ))
    .succeeded();
    assert!(table.stdout.contains("fold 3 of 10"), "{}", table.stdout);
}

#[test]
fn a_corpus_is_predicted_from_its_training_part_and_its_model_from_the_file_alike() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["events", "compound"] {
        let path = corpus(folder.path(), name);
        let model = folder.path().join(format!("{name}.model"));
        let said = run(melisma!("nll", &path, "--save", &model, "--json"))
            .succeeded()
            .json();
        assert_eq!((&said["design"], &said["files"]), (&name.into(), &2.into()));
        assert_eq!(said["notes"], 320);
        let per_note = said["nats_per_note"].as_f64().unwrap();
        assert!(per_note > 0.0 && said["nats_per_token"].as_f64() < said["unigram_nats_per_token"].as_f64());
        // The tunes as MIDI files, under the model from its file.
        let midi = folder.path().join("midi");
        std::fs::create_dir_all(&midi).unwrap();
        for seed in [6, 7] {
            write(&tune(seed), &midi.join(format!("{seed}.mid"))).unwrap();
        }
        let again = run(melisma!("nll", &midi, "--model", &model, "--json"))
            .succeeded()
            .json();
        let found = again["nats_per_note"].as_f64().unwrap();
        assert!(
            (found - per_note).abs() < 1e-6 * per_note,
            "{name}: {found} {per_note}"
        );
        // Two models are mixed; the same twice is the same at first.
        let two = run(melisma!(
            "nll", &midi, "--model", &model, "--model", &model, "--json"
        ))
        .succeeded();
        let mixed = two.json()["nats_per_note"].as_f64().unwrap();
        assert!(
            (mixed - per_note).abs() < 0.2 * per_note,
            "{name}: {mixed} {per_note}"
        );
        let cut = run(melisma!("nll", &midi, "--model", &model, "--cut", "80", "--json"))
            .succeeded()
            .json();
        assert_eq!(cut["tokens"], 160);
        let threads = |n: &str| {
            run(melisma!(
                "nll",
                &midi,
                "--model",
                &model,
                "--threads",
                n,
                "--json"
            ))
            .stdout
        };
        assert_eq!(threads("1"), threads("2"));
    }
}

#[test]
fn bad_input_is_named_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = corpus(folder.path(), "events");
    let model = folder.path().join("events.model");
    run(melisma!(
        "nll", &path, "--kind", "ngram", "--save", &model, "--json"
    ))
    .succeeded();
    let good = folder.path().join("good.mid");
    write(&tune(9), &good).unwrap();
    let bad = folder.path().join("bad.mid");
    std::fs::write(&bad, b"no midi").unwrap();
    let ran = run(melisma!("nll", &good, &bad, "--model", &model, "--json")).refused(&["bad.mid"]);
    assert_eq!(ran.json()["files"], 1);

    let names = stream(folder.path());
    run(melisma!("nll", &names, "--model", &model)).refused(&["names.txt", "events"]);
    // Scores alone are predicted by the composer that comes with the program.
    let own = run(melisma!("nll", &good, "--json")).succeeded().json();
    assert_eq!(
        (&own["model"], &own["design"]),
        (&"jazz-notes-1".into(), &"compound".into())
    );
    run(melisma!("nll", &good, "--train", &bad)).refused(&["bad.mid", "corpus"]);
    run(melisma!("nll", &path, "--tokens", "compound")).refused(&["events", "compound"]);
    run(melisma!("nll", &names, "--fold", "11")).refused(&["fold 11 of 10"]);
    run(melisma!("nll", folder.path().join("none.txt"))).refused(&["none.txt"]);
    let empty = folder.path().join("empty.txt");
    std::fs::write(&empty, "\n").unwrap();
    run(melisma!("nll", &empty)).refused(&["empty.txt", "no tokens"]);

    let mut bytes = std::fs::read(&model).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let damaged = folder.path().join("damaged.model");
    std::fs::write(&damaged, &bytes).unwrap();
    run(melisma!("nll", &good, "--model", &damaged)).refused(&["damaged.model", "SHA-256"]);
    run(melisma!("nll", &good, "--model", &good)).refused(&["good.mid", "no model"]);
    let nowhere = folder.path().join("no folder").join("a.model");
    run(melisma!("nll", &path, "--kind", "ngram", "--save", &nowhere)).refused(&["no folder"]);
}
