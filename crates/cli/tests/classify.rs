//! `melisma classify`: the mixture, its shape, and what it must not depend on.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use common::{RATE, finish, melisma, music, put, run, wav_float, wav16};
use serde_json::Value;
use tempfile::{TempDir, tempdir};

const GENRES: [&str; 10] = [
    "blues",
    "classical",
    "country",
    "disco",
    "hiphop",
    "jazz",
    "metal",
    "pop",
    "reggae",
    "rock",
];

/// A file in a folder of its own.
fn file(name: &str, bytes: Vec<u8>) -> (TempDir, PathBuf) {
    let folder = tempdir().unwrap();
    let path = put(folder.path().join(name), bytes);
    (folder, path)
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// A list of genres as a map, once its form is checked: every genre once, sorted, summing to one.
#[track_caller]
fn mixture(genres: &Value) -> BTreeMap<String, f64> {
    let list: Vec<(&str, f64)> = genres
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            assert_eq!(keys(entry), ["genre", "probability"]);
            (
                entry["genre"].as_str().unwrap(),
                entry["probability"].as_f64().unwrap(),
            )
        })
        .collect();
    assert!(list.is_sorted_by(|a, b| a.1 >= b.1), "{list:?}");
    assert!(list.iter().all(|(_, p)| (0.0..=1.0).contains(p)), "{list:?}");
    assert!(
        (list.iter().map(|(_, p)| p).sum::<f64>() - 1.0).abs() < 1e-9,
        "{list:?}"
    );
    let map: BTreeMap<_, _> = list.into_iter().map(|(genre, p)| (genre.to_owned(), p)).collect();
    assert!(map.keys().eq(&GENRES), "{map:?}");
    map
}

/// Half the sum of absolute differences: 0 for the same mixture, 1 for mixtures with nothing in common.
fn total_variation(a: &BTreeMap<String, f64>, b: &BTreeMap<String, f64>) -> f64 {
    a.iter().map(|(genre, p)| (p - b[genre]).abs()).sum::<f64>() / 2.0
}

/// What `--json` says of a single file.
fn classified(path: &Path) -> Value {
    run(melisma!("classify", path, "--json")).succeeded().json()
}

#[test]
fn the_shape_of_the_json() {
    let (_folder, path) = file("song.wav", wav16(&music(1, 7.5, RATE)));
    let ran = run(melisma!("classify", &path, "--json")).succeeded();
    assert_eq!(ran.stderr, "");
    let json = ran.json();
    assert_eq!(keys(&json), ["duration_s", "file", "genres", "model", "windows"]);
    let head = format!(
        "{{\"file\":{},\"duration_s\":7.5,\"model\":\"",
        serde_json::to_string(&path).unwrap()
    );
    assert!(ran.stdout.starts_with(&head), "{}", ran.stdout);
    assert!(ran.stdout.contains("\"genres\":[{\"genre\":\""));
    assert_eq!(json["file"], path.to_str().unwrap());
    assert_eq!(json["duration_s"], 7.5);
    assert!(
        json["model"].as_str().unwrap().starts_with("genre-"),
        "{}",
        json["model"]
    );
    let mean = mixture(&json["genres"]);
    let windows = json["windows"].as_array().unwrap();
    assert_eq!(windows.len(), 2, "of three seconds each");
    let mut sum: BTreeMap<String, f64> = BTreeMap::new();
    for (index, window) in windows.iter().enumerate() {
        assert_eq!(keys(window), ["end_s", "genres", "silent", "start_s"]);
        assert_eq!(window["start_s"], 3.0 * index as f64);
        assert_eq!(window["end_s"], 3.0 * (index + 1) as f64);
        assert_eq!(window["silent"], false);
        for (genre, p) in mixture(&window["genres"]) {
            *sum.entry(genre).or_default() += p / 2.0;
        }
    }
    assert!(total_variation(&mean, &sum) < 1e-9, "the mean over the windows");
}

#[test]
fn files_are_told_in_order_and_a_bad_one_in_its_place() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (seed, name) in ["z.wav", "sub/b.wav", "sub/a.wav"].iter().enumerate() {
        put(at(name), wav16(&music(seed as u64, 3.1, RATE)));
    }
    put(at("sub/ab.wav"), "no music");
    let ran = run(melisma!(
        "classify",
        "--json",
        at("z.wav"),
        at("none.wav"),
        at("sub")
    ))
    .refused(&["none.wav: no such file"])
    .said(&["ab.wav", "not a known audio format"])
    .said(&["2 of 5 files could not be classified"]);
    let lines = ran.json_lines();
    let files: Vec<_> = lines.iter().map(|line| line["file"].as_str().unwrap()).collect();
    let expected = ["z.wav", "none.wav", "sub/a.wav", "sub/ab.wav", "sub/b.wav"].map(at);
    assert_eq!(files, expected.each_ref().map(|path| path.to_str().unwrap()));
    assert_eq!(lines[1]["error"], "no such file");
    assert_eq!(keys(&lines[3]), ["error", "file"]);
    for index in [0, 2, 4] {
        mixture(&lines[index]["genres"]);
    }
}

#[test]
fn threads_change_nothing() {
    let (_folder, path) = file("song.wav", wav16(&music(1, 16.0, RATE)));
    let outs = ["1", "2", "3"].map(|threads| {
        run(melisma!("classify", &path, "--json", "--threads", threads))
            .succeeded()
            .stdout
    });
    assert!(outs[0] == outs[1] && outs[0] == outs[2]);
}

#[test]
fn bars_and_percentages_for_people() {
    let (_folder, path) = file("song.wav", wav16(&music(1, 6.5, RATE)));
    let ran = run(melisma!("classify", &path)).succeeded();
    let lines: Vec<_> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), 11, "{}", ran.stdout);
    assert!(
        lines[0].starts_with(&format!("{}  (0:06.5, genre-", path.display())),
        "{}",
        lines[0]
    );
    let expected = mixture(&classified(&path)["genres"]);
    let mut last = (100.0, 40);
    for line in &lines[1..] {
        let words: Vec<_> = line.split_whitespace().collect();
        let percent: f64 = words[1].parse().unwrap();
        assert!(
            (percent - 100.0 * expected[words[0]]).abs() <= 0.005 + 1e-9,
            "{line}"
        );
        assert_eq!(words[2], "%");
        let bar = words.get(3).map_or(0, |bar| bar.chars().count());
        assert!(
            words
                .get(3)
                .is_none_or(|bar| bar.chars().all(|c| ('\u{2588}'..='\u{258f}').contains(&c)))
        );
        assert!(percent <= last.0 && bar <= last.1, "{line}");
        last = (percent, bar);
    }
}

#[test]
fn the_course_over_time() {
    let mut sound = music(1, 3.0, RATE);
    sound.extend(vec![0.0; 3 * RATE as usize]);
    sound.extend(music(2, 3.9, RATE));
    let (_folder, path) = file("song.wav", wav16(&sound));
    let ran = run(melisma!("classify", &path, "--windows")).succeeded();
    let lines: Vec<_> = ran.stdout.lines().skip(11).map(str::trim).collect();
    assert_eq!(lines.len(), 3, "{}", ran.stdout);
    assert!(lines[0].starts_with("0:00.0 - 0:03.0"), "{}", lines[0]);
    assert_eq!(lines[1], "0:03.0 - 0:06.0  silence");
    assert!(
        lines[2].starts_with("0:06.0 - 0:09.0") && lines[2].contains(" %"),
        "{}",
        lines[2]
    );
    // Silence has no part in the mean.
    let json = classified(&path);
    assert_eq!(json["windows"][1]["silent"], true);
    assert_eq!(json["windows"][1]["genres"], Value::Array(Vec::new()));
    let [first, third] = [0, 2].map(|index| mixture(&json["windows"][index]["genres"]));
    let mean = first
        .iter()
        .map(|(genre, p)| (genre.clone(), (p + third[genre]) / 2.0))
        .collect();
    assert!(total_variation(&mixture(&json["genres"]), &mean) < 1e-9);
}

/// A pipe can be read once only, even if its sound is shorter than a window.
#[test]
#[cfg(target_os = "linux")]
fn short_sounds_from_a_pipe() {
    for seconds in [1.0, 4.0] {
        let (_folder, path) = file("sound.wav", wav16(&music(1, seconds, RATE)));
        let mut command = melisma!("classify", "/dev/stdin", "--json");
        let mut cat = std::process::Command::new("cat")
            .arg(&path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        command
            .stdin(cat.stdout.take().unwrap())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let json = finish(command.spawn().unwrap()).succeeded().json();
        assert_eq!(json["duration_s"], seconds);
        mixture(&json["genres"]);
        cat.wait().unwrap();
    }
}

#[test]
fn short_files() {
    let (_folder, path) = file("second.wav", wav16(&music(1, 1.0, RATE)));
    let json = classified(&path);
    mixture(&json["genres"]);
    assert_eq!(json["duration_s"], 1.0);
    assert_eq!(json["windows"].as_array().unwrap().len(), 1);
    assert_eq!(json["windows"][0]["end_s"], 1.0);
    let (_folder, path) = file("blink.wav", wav16(&music(1, 0.01, RATE)));
    run(melisma!("classify", &path))
        .refused(&["blink.wav: 0.010 s of sound is too little to tell a genre from"]);
}

#[test]
fn digital_silence_has_no_genre() {
    for seconds in [1, 10] {
        let (_folder, path) = file("nothing.wav", wav16(&vec![0.0; seconds * RATE as usize]));
        let ran = run(melisma!("classify", &path)).refused(&["nothing.wav: digital silence has no genre"]);
        assert_eq!(ran.stdout, "");
        let ran = run(melisma!("classify", &path, "--json")).refused(&["nothing.wav"]);
        assert_eq!(ran.json()["error"], "digital silence has no genre");
    }
}

#[test]
fn the_level_does_not_matter() {
    for seed in [1, 2, 5] {
        let sound = music(seed, 12.0, RATE);
        let at = |decibels: f32| {
            let gain = 10f32.powf(decibels / 20.0);
            let (_folder, path) = file(
                "song.wav",
                wav_float(&sound.iter().map(|s| s * gain).collect::<Vec<_>>()),
            );
            mixture(&classified(&path)["genres"])
        };
        let reference = at(0.0);
        for decibels in [-12.0, 12.0] {
            let distance = total_variation(&reference, &at(decibels));
            assert!(distance < 0.02, "seed {seed}, {decibels} dB: {distance}");
        }
    }
}

#[test]
fn another_model() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let entries = fs::read_dir(models).unwrap().map(|entry| entry.unwrap().path());
    let shipped = entries
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("genre-table") && name.ends_with(".bin")
        })
        .max()
        .unwrap();
    let (folder, path) = file("song.wav", wav16(&music(1, 3.0, RATE)));
    let with = |model: &Path| run(melisma!("classify", &path, "--json", "--model", model));
    assert_eq!(
        with(&shipped).succeeded().stdout,
        run(melisma!("classify", &path, "--json")).stdout
    );

    let good = fs::read(&shipped).unwrap();
    let changed = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    for (name, bytes, fault) in [
        ("empty.bin", Vec::new(), "no melisma model file"),
        (
            "text.bin",
            b"no model, but a text of some length that could be taken for one".repeat(9),
            "no melisma model",
        ),
        ("cut.bin", good[..good.len() - 1].to_vec(), "truncated"),
        ("longer.bin", [&good[..], b"x"].concat(), "longer than it says"),
        ("header.bin", changed(100), "checksum"),
        ("middle.bin", changed(good.len() / 2), "checksum"),
        ("end.bin", changed(good.len() - 1), "checksum"),
        ("future.bin", changed(8), "format"),
    ] {
        let model = put(folder.path().join(name), bytes);
        assert_eq!(
            with(&model).refused(&[name, "not a usable model", fault]).stdout,
            ""
        );
    }
    with(&folder.path().join("none.bin")).refused(&["none.bin", "No such file"]);
    with(folder.path()).refused(&[folder.path().to_str().unwrap()]);
    let sparse = put(folder.path().join("sparse.bin"), "");
    fs::File::options()
        .write(true)
        .open(&sparse)
        .unwrap()
        .set_len(8 << 30)
        .unwrap();
    with(&sparse).refused(&["sparse.bin", "too large for a model"]);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let (_folder, path) = file("song.wav", wav16(&music(1, 3.0, RATE)));
    for flags in [&["--json"][..], &["--windows"], &[]] {
        let mut command = melisma!("classify", "--by", "table", &path);
        let child = command
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = child.unwrap();
        drop(child.stdout.take());
        assert_eq!(finish(child).succeeded().stderr, "");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn standard_output_may_be_full_and_names_need_not_be_unicode() {
    use std::os::unix::ffi::OsStrExt;

    let folder = tempdir().unwrap();
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.wav");
    let path = put(folder.path().join(name), wav16(&music(1, 3.0, RATE)));
    assert!(
        classified(&path)["file"]
            .as_str()
            .unwrap()
            .ends_with("caf\u{fffd}.wav")
    );
    let mut command = melisma!("classify", &path);
    command
        .stdout(fs::File::options().write(true).open("/dev/full").unwrap())
        .stderr(Stdio::piped());
    finish(command.spawn().unwrap()).refused(&["standard output", "No space left on device"]);
}

#[cfg(unix)]
#[test]
fn an_interruption_ends_the_run() {
    let (folder, path) = file("long.wav", wav16(&music(1, 60.0, RATE).repeat(10)));
    let mut command = melisma!("classify", &path, "--threads", "1");
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    common::signal(&child, "INT");
    let ran = finish(child);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(130), ""));
    drop(folder);
}

#[test]
fn an_explanation_adds_up_to_the_answer() {
    let (folder, path) = file("why me.wav", wav16(&music(5, 3.0, RATE)));
    let figures = folder.path().join("figures");
    let mut command = melisma!("classify");
    command
        .arg(&path)
        .args(["--explain", "--json", "--figures"])
        .arg(&figures);
    let said = run(command).succeeded().json();
    let why = &said["explanation"];
    assert_eq!(why["genre"], said["genres"][0]["genre"]);
    let inputs = why["inputs"].as_array().unwrap();
    let sum: f64 = inputs.iter().map(|input| input["adds"].as_f64().unwrap()).sum();
    let told = said["genres"][0]["probability"].as_f64().unwrap();
    assert!((why["base"].as_f64().unwrap() + sum - told).abs() < 1e-6, "{why}");
    let sizes: Vec<f64> = inputs
        .iter()
        .map(|input| input["adds"].as_f64().unwrap().abs())
        .collect();
    assert!(sizes.is_sorted_by(|a, b| a >= b), "the strongest first");
    for ending in ["svg", "png", "csv"] {
        assert!(figures.join(format!("why-why-me.{ending}")).exists(), "{ending}");
    }
}

#[test]
fn without_ears_the_model_of_descriptors_answers_and_says_so() {
    let (_folder, path) = file("song.wav", wav16(&music(1, 3.0, RATE)));
    let ran = run(melisma!("classify", &path)).succeeded();
    assert!(
        ran.stderr.contains("the model of descriptors answers"),
        "{}",
        ran.stderr
    );
    assert!(ran.stdout.contains("genre-table-1"), "{}", ran.stdout);
    run(melisma!("classify", &path, "--by", "ears")).refused(&["no pretrained ears are installed"]);
    run(melisma!("classify", &path, "--map", "wide")).refused(&["no pretrained ears are installed"]);
    run(melisma!("classify", &path, "--by", "table", "--map", "wide")).refused(&["a map is for the ears"]);
}
