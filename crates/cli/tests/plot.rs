//! `melisma plot`: every figure of a recording, as a drawing, as pixels and as numbers.

mod common;

use std::fs;

use common::{RATE, melisma, music, names_in, put, run, wav16};
use tempfile::tempdir;

const FIGURES: [&str; 17] = [
    "waveform",
    "rms",
    "spectral_centroid",
    "spectral_bandwidth",
    "spectral_rolloff",
    "spectral_flatness",
    "spectral_contrast",
    "spectral_flux",
    "zero_crossings",
    "zero_crossing_rate",
    "harmonic_percussive",
    "chroma_stft",
    "tempogram",
    "mfcc",
    "mfcc_standardised",
    "melspectrogram",
    "spectrogram",
];

#[test]
fn every_figure_in_every_format() {
    let folder = tempdir().unwrap();
    let song = put(
        folder.path().join("a <song> & more.wav"),
        wav16(&music(3, 4.0, RATE)),
    );
    let out = folder.path().join("figures");
    let summary = run(melisma!("plot", &song, "-o", &out, "--scale", "1", "--json"))
        .succeeded()
        .json();
    let figures = summary["figures"].as_array().unwrap();
    let named: Vec<&str> = figures.iter().map(|f| f["figure"].as_str().unwrap()).collect();
    assert_eq!(named, FIGURES);
    assert_eq!(names_in(&out).len(), 3 * FIGURES.len());
    for figure in figures {
        let path = |kind: &str| figure[kind].as_str().unwrap().to_owned();
        let svg = fs::read_to_string(path("svg")).unwrap();
        let document = roxmltree::Document::parse(&svg).unwrap_or_else(|error| panic!("{error}: {svg}"));
        let label = document.root_element().attribute("aria-label").unwrap();
        assert!(label.ends_with(": a <song> & more.wav"), "{label}");
        assert!(svg.len() < 2_000_000);
        assert!(fs::read(path("png")).unwrap().starts_with(b"\x89PNG\r\n\x1a\n"));
        let mut table = csv::Reader::from_path(path("csv")).unwrap();
        assert!(
            table.records().map(Result::unwrap).count() > 40,
            "{}",
            path("csv")
        );
    }
    let tempogram = fs::read_to_string(out.join("tempogram.svg")).unwrap();
    assert!(tempogram.contains("tempo 117.5 BPM") || tempogram.contains("tempo 120.2 BPM"));
    let waveform = fs::read_to_string(out.join("waveform.svg")).unwrap();
    assert!(waveform.contains("wav (pcm_s16le), 22050 Hz, 16 bits, mono, 4.00 s"));
}

#[test]
fn one_figure_in_one_file() {
    let folder = tempdir().unwrap();
    let song = put(folder.path().join("song.wav"), wav16(&music(1, 3.0, RATE)));
    for (name, begins) in [
        ("x.svg", "<svg"),
        ("x.PNG", "\u{fffd}PNG"),
        ("x.csv", "time_s,row_1"),
    ] {
        let out = folder.path().join(name);
        run(melisma!(
            "plot",
            &song,
            "--figure",
            "melspectrogram",
            "--output",
            &out
        ))
        .succeeded();
        let text = String::from_utf8_lossy(&fs::read(&out).unwrap()).into_owned();
        assert!(text.starts_with(begins), "{name}");
    }
    assert_eq!(names_in(folder.path()), ["song.wav", "x.PNG", "x.csv", "x.svg"]);
    // The same recording gives the same bytes, and a part of it others.
    let out = |name: &str| folder.path().join(name);
    run(melisma!(
        "plot",
        &song,
        "--figure",
        "melspectrogram",
        "-o",
        out("y.svg")
    ))
    .succeeded();
    assert_eq!(fs::read(out("x.svg")).unwrap(), fs::read(out("y.svg")).unwrap());
    let part = ["--start", "1", "--duration", "0.5"];
    run(melisma!(
        "plot",
        &song,
        "--figure",
        "rms",
        "-o",
        out("z.csv"),
        part[0],
        part[1],
        part[2],
        part[3]
    ))
    .succeeded();
    let mut table = csv::Reader::from_path(out("z.csv")).unwrap();
    let times: Vec<f64> = table.records().map(|r| r.unwrap()[1].parse().unwrap()).collect();
    assert!(times.iter().all(|&t| (1.0..=1.5).contains(&t)), "{times:?}");
}

#[test]
fn figures_by_list_and_one_by_one() {
    let folder = tempdir().unwrap();
    let song = put(folder.path().join("song.wav"), wav16(&music(1, 0.4, RATE)));
    let out = folder.path().join("out.svg");
    fs::create_dir(&out).unwrap();
    run(melisma!(
        "plot",
        &song,
        "--figure",
        "rms,waveform",
        "--figure",
        "rms",
        "-o",
        &out
    ))
    .succeeded();
    let expected = [
        "rms.csv",
        "rms.png",
        "rms.svg",
        "waveform.csv",
        "waveform.png",
        "waveform.svg",
    ];
    assert_eq!(names_in(&out), expected);
}

#[test]
fn short_and_silent_sounds_are_drawn() {
    let folder = tempdir().unwrap();
    for (name, samples) in [
        ("one.wav", vec![0.5]),
        ("silent.wav", vec![0.0; 9000]),
        ("short.wav", music(1, 0.05, RATE)),
    ] {
        let song = put(folder.path().join(name), wav16(&samples));
        let out = folder.path().join(format!("{name}.figures"));
        // A single sample has no zero crossings to look at.
        let figures = FIGURES
            .iter()
            .filter(|f| samples.len() > 1 || **f != "zero_crossings");
        let list: Vec<&str> = figures.copied().collect();
        run(melisma!(
            "plot",
            &song,
            "--figure",
            list.join(","),
            "-o",
            &out,
            "--scale",
            "0.3"
        ))
        .succeeded();
        assert_eq!(names_in(&out).len(), 3 * list.len());
    }
}

#[test]
fn what_is_refused_leaves_nothing() {
    let folder = tempdir().unwrap();
    let song = put(folder.path().join("song.wav"), wav16(&music(1, 0.5, RATE)));
    let bad = put(folder.path().join("bad.wav"), "no music");
    let out = |name: &str| folder.path().join(name);
    run(melisma!("plot", &bad, "-o", out("x"))).refused(&["bad.wav", "not a known"]);
    run(melisma!("plot", out("none.wav"), "-o", out("x"))).refused(&["none.wav: no such"]);
    run(melisma!("plot", &song, "-o", out("x.svg"))).refused(&["x.svg", "one file holds one figure"]);
    run(melisma!("plot", &song, "--figure", "piano", "-o", out("x"))).refused(&[
        "`piano`",
        "waveform",
        "tempogram",
    ]);
    run(melisma!("plot", &song, "-o", out("no/such"))).refused(&["no/such: cannot be made"]);
    run(melisma!("plot", &song, "-o", &song)).refused(&["song.wav: cannot be made"]);
    run(melisma!("plot", &song, "--figure", "rms", "-o", out("no/x.svg")))
        .refused(&["x.svg: cannot be written"]);
    run(melisma!("plot", &song, "-o", out("x"), "--start", "2")).refused(&["song.wav", "0.50 seconds"]);
    run(melisma!("plot", &song, "-o", out("x"), "--start=-1")).refused(&["--start"]);
    run(melisma!("plot", &song, "-o", out("x"), "--duration", "nan")).refused(&["--duration"]);
    run(melisma!("plot", &song, "-o", out("x"), "--scale", "99")).refused(&["--scale"]);
    assert_eq!(names_in(folder.path()), ["bad.wav", "song.wav"]);
}

#[test]
fn a_score_is_drawn_as_a_piano_roll_and_as_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tune.mid");
    let note = |at: u32| melisma_score::Note {
        onset: at * 480,
        pitch: 60,
        duration: 480,
        velocity: 80,
    };
    let score = melisma_score::Score {
        tracks: vec![melisma_score::Track {
            notes: (0..8).map(note).collect(),
            ..Default::default()
        }],
        ..Default::default()
    };
    melisma_score::write(&score, &path).unwrap();
    let output = folder.path().join("figures");
    let said = run(melisma!("plot", &path, "-o", &output, "--json"))
        .succeeded()
        .json();
    assert!(said["figures"].as_array().unwrap().len() >= 2, "{said}");
    for name in [
        "pianoroll.svg",
        "pianoroll.png",
        "pianoroll.csv",
        "structure.svg",
        "chords.png",
        "chords.csv",
        "tokens.svg",
    ] {
        assert!(output.join(name).exists(), "{name}");
    }
    run(melisma!("plot", &path, "-o", &output, "--figure", "waveform"))
        .refused(&["unknown figure of a score `waveform`", "pianoroll"]);
    std::fs::write(&path, "<html>").unwrap();
    run(melisma!("plot", &path, "-o", &output)).refused(&["tune.mid", "a web page"]);
}
