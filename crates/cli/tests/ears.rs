//! Commands that listen with pretrained ears, installed with invented weights: what they answer means nothing, how they answer does.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Noise, melisma, music, put, run, wav16};
use melisma_ears::weights::{Array, Weights, safetensors};
use serde_json::Value;
use tempfile::{TempDir, tempdir};

const RATE: u32 = 22_050;

/// Weights of musicnn's shapes, under the names of its checkpoint.
fn invented(seed: u64) -> Weights {
    let mut noise = Noise::new(seed);
    let mut weights = Weights::new();
    let mut put = |name: String, shape: &[usize], scale: f32, centre: f32| {
        let count = shape.iter().product();
        let values = (0..count).map(|_| centre + scale * noise.sample()).collect();
        weights.insert(name, Array::new(shape.to_vec(), values).unwrap());
    };
    let counted = |name: &str, i: usize| match i {
        0 => name.to_owned(),
        i => format!("{name}_{i}"),
    };
    let kernels = [
        (7, 38, 204),
        (7, 67, 204),
        (128, 1, 51),
        (64, 1, 51),
        (32, 1, 51),
        (7, 561, 64),
        (7, 64, 64),
        (7, 64, 64),
    ];
    for (i, (height, width, count)) in kernels.into_iter().enumerate() {
        let layer = counted("conv2d", i);
        let scale = 2.0 / ((height * width) as f32).sqrt();
        put(format!("{layer}/kernel"), &[height, width, 1, count], scale, 0.0);
        put(format!("{layer}/bias"), &[count], 0.5, 0.0);
    }
    for (i, (inputs, outputs)) in [(1506, 200), (200, 50)].into_iter().enumerate() {
        let layer = counted("dense", i);
        put(format!("{layer}/kernel"), &[inputs, outputs], 0.1, 0.0);
        put(format!("{layer}/bias"), &[outputs], 0.5, 0.0);
    }
    let norms = [1, 204, 204, 51, 51, 51, 64, 64, 64, 1506, 200];
    for (i, count) in norms.into_iter().enumerate() {
        let layer = counted("batch_normalization", i);
        put(format!("{layer}/gamma"), &[count], 2.0, 0.0);
        put(format!("{layer}/beta"), &[count], 0.5, 0.0);
        put(format!("{layer}/moving_mean"), &[count], 0.5, 0.0);
        put(format!("{layer}/moving_variance"), &[count], 0.5, 1.5);
    }
    weights
}

/// A folder with this file in it.
fn file(name: &str, bytes: Vec<u8>) -> (TempDir, PathBuf) {
    let folder = tempdir().unwrap();
    let path = put(folder.path().join(name), bytes);
    (folder, path)
}

/// A store with both taggers.
fn store() -> TempDir {
    let folder = tempdir().unwrap();
    for (seed, name) in [(1, "musicnn-msd"), (2, "musicnn-mtt")] {
        let model = folder.path().join(name);
        fs::create_dir(&model).unwrap();
        let bytes = safetensors::write(&invented(seed)).unwrap();
        let note = serde_json::json!({
            "name": name, "version": "0.1.0", "licence": "ISC", "source": "invented", "source_sha256": "0",
            "file": "weights.safetensors", "sha256": melisma_dataset::sha256_hex(&bytes), "bytes": bytes.len(),
        });
        put(model.join("weights.safetensors"), bytes);
        put(model.join("installed.json"), note.to_string());
    }
    folder
}

fn hearing(store: &Path, mut command: Command) -> Command {
    command.env("MELISMA_MODELS", store);
    command
}

/// The genres of a line, which must sum to one and come in order.
fn genres(line: &Value) -> Vec<(String, f64)> {
    let genres: Vec<(String, f64)> = line["genres"]
        .as_array()
        .unwrap()
        .iter()
        .map(|g| {
            (
                g["genre"].as_str().unwrap().to_owned(),
                g["probability"].as_f64().unwrap(),
            )
        })
        .collect();
    assert!(
        (genres.iter().map(|g| g.1).sum::<f64>() - 1.0).abs() < 1e-9,
        "{genres:?}"
    );
    assert!(genres.is_sorted_by(|a, b| a.1 >= b.1), "{genres:?}");
    genres
}

#[test]
fn installed_ears_answer_and_say_so() {
    let store = store();
    let (_folder, song) = file("song.wav", wav16(&music(1, 7.5, RATE)));
    let line = run(hearing(store.path(), melisma!("classify", &song, "--json")))
        .succeeded()
        .json();
    assert_eq!(line["model"], "genre-ears-1 by musicnn-msd, musicnn-mtt");
    let heard = genres(&line);
    assert_eq!(heard.len(), 11);
    assert!(heard.iter().any(|(genre, _)| genre == "none of these"));
    assert_eq!(line["windows"].as_array().unwrap().len(), 2);
    assert!((line["duration_s"].as_f64().unwrap() - 7.5).abs() < 0.01);
    for threads in ["1", "3"] {
        let again = melisma!("classify", &song, "--json", "--threads", threads);
        assert_eq!(run(hearing(store.path(), again)).succeeded().json(), line);
    }
    let wide = melisma!("classify", &song, "--json", "--map", "wide");
    assert!(genres(&run(hearing(store.path(), wide)).succeeded().json()).len() > 15);
    let table = melisma!("classify", &song, "--json", "--by", "table");
    let table = run(hearing(store.path(), table)).succeeded().json();
    assert_eq!(table["model"], "genre-table-1");
}

#[test]
fn a_map_of_ones_own_is_used_and_a_bad_one_refused() {
    let store = store();
    let (folder, song) = file("song.wav", wav16(&music(1, 3.5, RATE)));
    let own = "name = \"two\"\n[genre.loud]\nmtt = [\"loud\"]\n[genre.quiet]\nmtt = [\"quiet\"]\n";
    let map = put(folder.path().join("my map.toml"), own);
    let line = run(hearing(
        store.path(),
        melisma!("classify", &song, "--json", "--map", &map),
    ));
    let mut names: Vec<String> = genres(&line.succeeded().json())
        .into_iter()
        .map(|g| g.0)
        .collect();
    names.sort();
    assert_eq!(names, ["loud", "none of these", "quiet"]);
    for (text, fault) in [
        (own.replace("\"loud\"]", "\"lawd\"]"), "has no tag called `lawd`"),
        (String::new(), "TOML parse error"),
    ] {
        put(folder.path().join("my map.toml"), text);
        run(hearing(store.path(), melisma!("classify", &song, "--map", &map)))
            .refused(&["my map.toml: ", fault]);
    }
}

#[test]
fn a_batch_goes_on_past_silence_and_scraps() {
    let store = store();
    let folder = tempdir().unwrap();
    put(folder.path().join("a-short.wav"), wav16(&music(1, 1.0, RATE)));
    put(folder.path().join("b-scrap.wav"), wav16(&music(1, 0.1, RATE)));
    put(
        folder.path().join("c-silent.wav"),
        wav16(&vec![0.0; 5 * RATE as usize]),
    );
    let ran = run(hearing(
        store.path(),
        melisma!("classify", folder.path(), "--json"),
    ))
    .refused(&["b-scrap.wav: 0.100 s of sound is too little"])
    .said(&["c-silent.wav: digital silence has no genre"]);
    let lines = ran.json_lines();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["windows"].as_array().unwrap().len(), 1);
    assert!(lines[1]["error"].is_string() && lines[2]["error"].is_string());
}

#[test]
fn what_was_heard_is_explained_and_drawn() {
    let store = store();
    let (folder, song) = file("song.wav", wav16(&music(1, 6.5, RATE)));
    let figures = folder.path().join("why");
    let explain = melisma!("classify", &song, "--explain", "--figures", &figures, "--json");
    let line = run(hearing(store.path(), explain)).succeeded().json();
    let why = &line["hearing"];
    let first = genres(&line)
        .into_iter()
        .find(|(genre, _)| genre != "none of these")
        .unwrap();
    assert_eq!(why["genre"], *first.0);
    assert_eq!(why["probability"].as_f64().unwrap(), first.1);
    assert_eq!(why["windows"].as_array().unwrap().len(), 2);
    assert!(!why["tags"].as_array().unwrap().is_empty());
    let (telling, number) = (&why["telling"], |v: &Value| v.as_f64().unwrap());
    let (from, to) = (number(&telling["region_s"][0]), number(&telling["region_s"][1]));
    assert!(from < to && from >= number(&telling["start_s"]) && to <= number(&telling["end_s"]) + 0.1);
    assert!(number(&telling["region_hz"][0]) < number(&telling["region_hz"][1]));
    for ending in ["svg", "png", "csv"] {
        assert!(
            figures
                .join(format!("why-song.{ending}"))
                .metadata()
                .unwrap()
                .len()
                > 100
        );
    }
}

#[test]
fn changed_weights_are_not_listened_with() {
    let store = store();
    let (_folder, song) = file("song.wav", wav16(&music(1, 3.5, RATE)));
    let weights = store.path().join("musicnn-mtt/weights.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&weights, bytes).unwrap();
    let ran = run(hearing(store.path(), melisma!("classify", &song))).succeeded();
    assert!(
        ran.stderr.contains("the pretrained ears cannot be used: "),
        "{}",
        ran.stderr
    );
    assert!(ran.stdout.contains("genre-table-1"), "{}", ran.stdout);
    run(hearing(store.path(), melisma!("classify", &song, "--by", "ears"))).refused(&["weights.safetensors"]);
    run(hearing(store.path(), melisma!("models", "verify"))).refused(&["weights.safetensors"]);
}
