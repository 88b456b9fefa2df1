//! `melisma classify` on MIDI files: the mixture, what it must not depend on, and files that are none.

mod common;

use common::{melisma, put, run};
use melisma_score::{Note, Score, Text, TextKind, Track, to_bytes};
use serde_json::Value;
use tempfile::tempdir;

const GENRES: [&str; 8] = [
    "blues",
    "classical",
    "country",
    "hiphop",
    "jazz",
    "metal",
    "pop",
    "rock",
];

fn track(program: u8, drums: bool, notes: impl Iterator<Item = (u32, u32, u8)>) -> Track {
    Track {
        program,
        drums,
        channel: if drums { 9 } else { program / 16 },
        notes: notes
            .map(|(onset, duration, pitch)| Note {
                onset,
                pitch,
                duration,
                velocity: 80,
            })
            .collect(),
        ..Track::default()
    }
}

/// Sixteen bars of a trio that swings: a bass that walks, seventh chords off the beat, a ride cymbal.
fn swing() -> Score {
    let roots = [38_u8, 43, 36, 45];
    let bass = (0..64_u32).map(|beat| {
        let step = [0, 4, 7, 10][beat as usize % 4];
        (480 * beat, 460, roots[beat as usize / 4 % 4] + step)
    });
    let piano = (0..16_u32).flat_map(|bar| {
        let root = roots[bar as usize % 4] + 24;
        [0, 3, 7, 10, 14].map(|above| (1920 * bar + 800, 300, root + above))
    });
    let line = (0..128_u32).map(|at| {
        let swung = 480 * (at / 2) + if at % 2 == 0 { 0 } else { 320 };
        (swung, 150, 70 + [0, 1, 3, 4, 7, 9, 10, 6][at as usize % 8])
    });
    let ride = (0..64_u32).flat_map(|beat| {
        let off = (beat % 2 == 1).then_some((480 * beat + 320, 60, 51));
        [(480 * beat, 60, 51)].into_iter().chain(off)
    });
    let mut score = Score {
        tracks: vec![
            track(32, false, bass),
            track(0, false, piano),
            track(66, false, line),
            track(0, true, ride),
        ],
        ..Score::default()
    };
    score
        .tracks
        .iter_mut()
        .zip(0..)
        .for_each(|(track, source)| track.source = source);
    score.tidy();
    score
}

fn genres(line: &Value) -> Vec<(&str, f64)> {
    let list = line["genres"].as_array().unwrap().iter();
    list.map(|entry| {
        (
            entry["genre"].as_str().unwrap(),
            entry["probability"].as_f64().unwrap(),
        )
    })
    .collect()
}

#[test]
fn a_score_has_a_mixture_that_its_names_do_not_change() {
    let folder = tempdir().unwrap();
    let plain = put(folder.path().join("a.mid"), to_bytes(&swing()));
    let mut named = swing();
    named.tracks[0].name = "Death Metal".to_owned();
    named.tracks.rotate_left(2);
    named
        .tracks
        .iter_mut()
        .zip(0..)
        .for_each(|(track, source)| track.source = source);
    named.texts.push(Text {
        tick: 0,
        kind: TextKind::Text,
        text: "metal".to_owned(),
    });
    put(folder.path().join("metal/heavy_metal.MID"), to_bytes(&named));
    let lines = run(melisma!("classify", folder.path(), "--json"))
        .succeeded()
        .json_lines();
    assert_eq!(lines.len(), 2);
    for line in &lines {
        let genres = genres(line);
        let mut names: Vec<&str> = genres.iter().map(|genre| genre.0).collect();
        names.sort_unstable();
        assert_eq!(names, GENRES);
        assert!((genres.iter().map(|genre| genre.1).sum::<f64>() - 1.0).abs() < 1e-9);
        assert_eq!(line["model"], "genre-score-1");
        assert!((line["duration_s"].as_f64().unwrap() - 32.0).abs() < 0.5);
    }
    assert_eq!(lines[0]["genres"], lines[1]["genres"]);
    let text = run(melisma!("classify", &plain)).succeeded();
    let first = genres(&lines[0])[0].0;
    assert!(
        text.stdout.contains(first) && text.stdout.contains("genre-score-1"),
        "{}",
        text.stdout
    );
    assert!(
        !text.stderr.contains("ears"),
        "no recording, no ears: {}",
        text.stderr
    );
}

#[test]
fn the_answer_is_explained_by_what_adds_up_to_it() {
    let folder = tempdir().unwrap();
    let path = put(folder.path().join("swing.mid"), to_bytes(&swing()));
    let figures = folder.path().join("why");
    let line = &run(melisma!(
        "classify",
        &path,
        "--explain",
        "--figures",
        &figures,
        "--json"
    ))
    .succeeded()
    .json_lines()[0];
    let why = &line["explanation"];
    assert_eq!(why["genre"], line["genres"][0]["genre"]);
    let inputs = why["inputs"].as_array().unwrap();
    let adds: f64 = inputs.iter().map(|input| input["adds"].as_f64().unwrap()).sum();
    let (base, whole) = (
        why["base"].as_f64().unwrap(),
        why["probability"].as_f64().unwrap(),
    );
    assert!((base + adds - whole).abs() < 1e-6);
    assert!((whole - genres(line)[0].1).abs() < 1e-6);
    assert_eq!(std::fs::read_dir(&figures).unwrap().count(), 3, "SVG, PNG, CSV");
}

#[test]
fn what_is_no_score_is_told_and_the_rest_goes_on() {
    let folder = tempdir().unwrap();
    put(folder.path().join("a.mid"), "<html>");
    put(folder.path().join("b.mid"), to_bytes(&Score::default()));
    put(folder.path().join("c.mid"), to_bytes(&swing()));
    let all = run(melisma!("classify", folder.path(), "--json"));
    let lines = all.json_lines();
    assert_eq!(all.code, Some(2));
    assert_eq!(lines.len(), 3);
    assert!(
        lines[0]["error"].as_str().unwrap().contains("web page"),
        "{}",
        lines[0]
    );
    assert!(lines[1]["error"].is_string(), "{}", lines[1]);
    assert_eq!(genres(&lines[2]).len(), GENRES.len());
    assert!(all.stderr.contains("2 of 3 files"), "{}", all.stderr);
    run(melisma!("classify", folder.path().join("none.mid"))).refused(&["none.mid"]);
}
