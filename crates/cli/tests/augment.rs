//! `melisma dataset augment` as its users meet it.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use common::{RATE, Table, melisma, music, names_in, put, run, wav16};
use melisma_dataset::Split;
use tempfile::tempdir;

/// Two recordings in folders named after their genres.
fn recordings(folder: &Path) {
    put(folder.join("blues/one.wav"), wav16(&music(1, 1.5, RATE)));
    put(folder.join("jazz/two.wav"), wav16(&music(2, 1.0, RATE)));
}

/// Every file below a folder, by its path there.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for name in names_in(folder) {
        let path = folder.join(&name);
        if path.is_dir() {
            let below = contents(&path).into_iter();
            found.extend(below.map(|(inner, bytes)| (format!("{name}/{inner}"), bytes)));
        } else {
            found.insert(name, fs::read(path).unwrap());
        }
    }
    found
}

#[test]
fn copies_of_every_kind_are_listed_with_what_was_done() {
    let folder = tempdir().unwrap();
    let (music, out) = (folder.path().join("music"), folder.path().join("out"));
    recordings(&music);
    put(out.join("mine.txt"), "mine");
    let said = run(melisma!(
        "dataset",
        "augment",
        &music,
        "-o",
        &out,
        "--per-file",
        "2",
        "--seed",
        "7",
        "--json"
    ))
    .succeeded()
    .json();
    assert_eq!(
        (said["files"].as_u64(), said["copies"].as_u64()),
        (Some(2), Some(20))
    );
    let manifest = Table::read(&out.join("augmented.csv"));
    assert_eq!(manifest.columns, ["file", "source", "kind", "parameters", "seed"]);
    assert_eq!(manifest.rows.len(), 20);
    assert!(manifest.column("seed").iter().all(|seed| *seed == "7"));
    let mut written: Vec<String> = contents(&out).into_keys().collect();
    written.retain(|name| name.ends_with(".wav"));
    assert_eq!(manifest.column("file"), written, "the list holds what is there");
    assert_eq!(names_in(&out), ["augmented.csv", "blues", "jazz", "mine.txt"]);
    assert_eq!(fs::read(out.join("mine.txt")).unwrap(), b"mine");
    for ((file, source), (kind, parameters)) in manifest
        .column("file")
        .into_iter()
        .zip(manifest.column("source"))
        .zip(
            manifest
                .column("kind")
                .into_iter()
                .zip(manifest.column("parameters")),
        )
    {
        assert!(file.starts_with(&format!("{}~{kind}", source.trim_end_matches(".wav"))));
        let seconds = if source == "blues/one.wav" { 1.5 } else { 1.0 };
        let rate: f64 = match parameters.strip_prefix("rate=") {
            Some(rate) => rate.parse().unwrap(),
            None => 1.0,
        };
        assert_eq!(kind == "stretch", rate != 1.0, "{parameters}");
        let info = run(melisma!("info", out.join(file), "--json")).succeeded().json();
        assert_eq!(
            (info["sample_rate"].as_u64(), info["channels"].as_u64()),
            (Some(22_050), Some(1)),
            "{info}"
        );
        assert!(
            (info["duration_s"].as_f64().unwrap() - seconds / rate).abs() < 1e-3,
            "{file}: {info}"
        );
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_however_the_work_is_shared_out() {
    let folder = tempdir().unwrap();
    let music = folder.path().join("music");
    recordings(&music);
    let copies = |name: &str, paths: &[&Path], more: &[&str]| {
        let out = folder.path().join(name);
        let mut command = melisma!("dataset", "augment", "-o", &out, "--spectrograms", "--kinds");
        command
            .args(["pitch,stretch,gain,noise,codec"])
            .args(more)
            .args(paths);
        run(command).succeeded();
        contents(&out)
    };
    let first = copies("a", &[&music], &["--seed", "3", "--threads", "1"]);
    assert_eq!(first.len(), 2 * 9 + 1);
    assert!(first == copies("b", &[&music], &["--seed", "3", "--threads", "4"]));
    let (one, two) = (music.join("blues/one.wav"), music.join("jazz/two.wav"));
    let forth = copies("c", &[&one, &two], &["--seed", "3"]);
    assert!(forth == copies("d", &[&two, &one], &["--seed", "3"]));
    let other = copies("e", &[&music], &["--seed", "4"]);
    let same: Vec<&String> = first.keys().filter(|name| first[*name] == other[*name]).collect();
    // What is untouched does not depend on chance; a codec has few bit rates to choose from.
    let expected = |name: &&&String| !name.contains("~mel1") && !name.contains("~codec");
    assert_eq!(same.iter().filter(expected).count(), 0, "{same:?}");
}

#[test]
fn four_spectrograms_of_each_file() {
    let folder = tempdir().unwrap();
    let out = folder.path().join("out");
    let song = put(folder.path().join("song.wav"), wav16(&music(1, 2.0, RATE)));
    run(melisma!(
        "dataset",
        "augment",
        &song,
        "-o",
        &out,
        "--spectrograms"
    ))
    .succeeded();
    let names = ["song~mel1.npy", "song~mel2.npy", "song~mel3.npy", "song~mel4.npy"];
    let images = names.map(|name| {
        let bytes = fs::read(out.join(name)).unwrap();
        let header = String::from_utf8_lossy(&bytes[..128]).into_owned();
        assert!(
            header.contains("'<f4'") && header.contains("'shape': (128, 87)"),
            "{header}"
        );
        let values = bytes[128..].as_chunks().0.iter().map(|b| f32::from_le_bytes(*b));
        values.collect::<Vec<f32>>()
    });
    assert_eq!(names_in(&out)[1..], names);
    let moments = |values: &[f32]| {
        let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>();
        (mean, (variance / values.len() as f64).sqrt())
    };
    let (mean, deviation) = moments(&images[0]);
    assert!(
        mean.abs() < 1e-3 && (deviation - 1.0).abs() < 1e-3,
        "{mean} {deviation}"
    );
    let zero_rows = |image: &[f32]| {
        image
            .chunks(87)
            .filter(|row| row.iter().all(|v| *v == 0.0))
            .count()
    };
    let zero_columns = |image: &[f32]| {
        (0..87)
            .filter(|c| image.iter().skip(*c).step_by(87).all(|v| *v == 0.0))
            .count()
    };
    assert!((1..=16).contains(&zero_rows(&images[1])) && zero_columns(&images[1]) == 0);
    assert!((1..=10).contains(&zero_columns(&images[2])) && zero_rows(&images[2]) == 0);
    let noise: Vec<f32> = images[3].iter().zip(&images[0]).map(|(a, b)| a - b).collect();
    assert!((moments(&noise).1 - 0.3).abs() < 0.01);
    let manifest = Table::read(&out.join("augmented.csv"));
    let done = ["untouched", "frequency_mask", "time_mask", "noise_sd=0.3"];
    assert_eq!(manifest.column("parameters"), done);
}

#[test]
fn a_bad_file_is_named_and_the_others_go_on() {
    let folder = tempdir().unwrap();
    let (music, out) = (folder.path().join("music"), folder.path().join("out"));
    recordings(&music);
    put(music.join("jazz/broken.wav"), "no sound at all");
    put(music.join("jazz/empty.wav"), wav16(&[]));
    put(music.join("rock/twice.wav"), wav16(&[0.1; 2000]));
    put(music.join("rock/twice.au"), wav16(&[0.1; 2000]));
    run(melisma!(
        "dataset", "augment", &music, "-o", &out, "--kinds", "gain"
    ))
    .refused(&["broken.wav"])
    .said(&["empty.wav"])
    .said(&["twice.au", "names of those of", "twice.wav"]);
    let manifest = Table::read(&out.join("augmented.csv"));
    assert_eq!(
        manifest.column("file"),
        ["blues/one~gain1.wav", "jazz/two~gain1.wav"]
    );
    assert_eq!(names_in(&out), ["augmented.csv", "blues", "jazz"]);
    run(melisma!(
        "dataset",
        "augment",
        folder.path().join("none.wav"),
        "-o",
        &out
    ))
    .refused(&["none.wav"]);
    run(melisma!(
        "dataset", "augment", &music, "-o", &out, "--kinds", "echo"
    ))
    .refused(&["echo", "pitch"]);
    put(out.join("augmented.csv"), "my,table\n1,2\n");
    run(melisma!("dataset", "augment", &music, "-o", &out)).refused(&["augmented.csv", "not a list"]);
    assert_eq!(fs::read(out.join("augmented.csv")).unwrap(), b"my,table\n1,2\n");
}

#[test]
fn copies_stay_with_their_original_and_keep_its_label() {
    let folder = tempdir().unwrap();
    let (music, table) = (folder.path().join("music"), folder.path().join("table.csv"));
    for number in 0..6 {
        let name = format!("{}/{number}.wav", ["blues", "jazz"][number % 2]);
        put(music.join(name), wav16(&common::music(number as u64, 0.6, RATE)));
    }
    let augment = || {
        run(melisma!(
            "dataset",
            "augment",
            &music,
            "-o",
            &music,
            "--kinds",
            "gain,noise"
        ))
    };
    augment().succeeded();
    // Copies are not copied again.
    augment().succeeded().said(&["passed over 12"]);
    run(melisma!("features", &music, "-o", &table)).succeeded();
    let rows = Table::read(&table);
    assert_eq!(rows.rows.len(), 18);
    for (name, label) in rows.names().into_iter().zip(rows.column("label")) {
        let number: usize = name[..1].parse().unwrap();
        assert_eq!(label, ["blues", "jazz"][number % 2], "{name}");
    }
    let split = folder.path().join("split.csv");
    for source in [&table, &music] {
        run(melisma!(
            "dataset", "split", source, "--method", "track", "--folds", "3", "-o", &split
        ))
        .succeeded();
        let split = Split::read(&split).unwrap();
        assert_eq!(split.len(), 18);
        for (id, place) in split.places() {
            let stem = id.split(['~', '.']).next().unwrap();
            let original = split.place(&format!("{stem}.wav")).unwrap();
            assert_eq!(place, original, "{id}");
        }
    }
}

#[cfg(unix)]
#[test]
fn an_interruption_leaves_complete_files_that_are_listed() {
    let folder = tempdir().unwrap();
    let out = folder.path().join("out");
    let song = put(folder.path().join("song.wav"), wav16(&music(1, 5.0, RATE)));
    let mut command = melisma!(
        "dataset",
        "augment",
        &song,
        "-o",
        &out,
        "--kinds",
        "pitch",
        "--per-file",
        "5000"
    );
    let command = command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    while !out.join("song~pitch1.wav").exists() {
        assert!(child.try_wait().unwrap().is_none());
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    common::signal(&child, "INT");
    let ran = common::finish(child).said(&["interrupted"]);
    assert_eq!(ran.code, Some(130));
    let mut names = names_in(&out);
    assert_eq!(names.remove(0), "augmented.csv");
    assert!((1..5000).contains(&names.len()));
    let mut listed = Table::read(&out.join("augmented.csv")).column("file").join(" ");
    names.iter().for_each(|name| {
        assert_eq!(
            fs::metadata(out.join(name)).unwrap().len(),
            58 + 4 * 5 * u64::from(RATE),
            "{name}"
        );
        listed = listed.replacen(name, "", 1);
    });
    assert_eq!(listed.trim(), "", "each is listed once");
}
