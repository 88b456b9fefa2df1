//! `melisma features`: what the table holds, and that no accident changes it.

mod common;

use std::fs;
use std::path::Path;
use std::process::Stdio;

use common::{RATE, Table, finish, melisma, music, names_in, put, run, wav_float, wav16};
use tempfile::tempdir;

#[test]
fn every_schema_has_its_columns() {
    let folder = tempdir().unwrap();
    let song = put(folder.path().join("song.wav"), wav16(&music(1, 1.0, RATE)));
    let out = folder.path().join("table.csv");
    let both = |name: &str| [format!("{name}_mean"), format!("{name}_var")];
    let gtzan: Vec<String> = [
        "chroma_stft",
        "rms",
        "spectral_centroid",
        "spectral_bandwidth",
        "rolloff",
    ]
    .into_iter()
    .chain(["zero_crossing_rate", "harmony", "perceptr"])
    .flat_map(both)
    .chain(["tempo".to_owned()])
    .chain((1..=20).flat_map(|n| both(&format!("mfcc{n}"))))
    .collect();
    let spotify: Vec<String> = [
        "chroma_stft",
        "rms",
        "spectral_centroid",
        "spectral_bandwidth",
        "rolloff",
    ]
    .into_iter()
    .chain(["flatness", "contrast", "flux", "zcr", "harmonics", "percussive"])
    .flat_map(both)
    .chain(["tempo".to_owned()])
    .chain((1..=20).flat_map(|n| both(&format!("mfcc_{n}"))))
    .collect();
    for (schema, columns) in [("gtzan", &gtzan), ("spotify", &spotify)] {
        run(melisma!("features", &song, "--schema", schema, "--output", &out)).succeeded();
        let table = Table::read(&out).all_finite();
        assert_eq!(table.columns[..2], ["filename", "length"]);
        assert_eq!(table.columns[2..], columns[..], "{schema}");
        assert_eq!(table.rows.len(), 1);
        assert_eq!(table.rows[0][..2], ["song.wav", "22050"]);
    }
    run(melisma!("features", &song, "--schema", "full", "--output", &out)).succeeded();
    let full = Table::read(&out).all_finite();
    assert_eq!(full.columns[2..65], spotify[..], "full begins with spotify");
    assert!(full.columns.len() > 300);
    run(melisma!("features", &song, "--schema", "fma", "--output", &out)).succeeded();
    let fma = Table::read(&out).all_finite();
    assert_eq!(fma.columns.len(), 2 + 518);
    assert_eq!(fma.columns[2], "chroma_cens_kurtosis_01");
    run(melisma!("features", &song, "--schema", "mine", "--output", &out))
        .refused(&["unknown schema `mine`", "gtzan, spotify, full, fma"]);
    run(melisma!("features", &song, "--output", &out)).succeeded();
    assert_eq!(Table::read(&out).columns.len(), 59, "gtzan is the default");
    assert_eq!(
        names_in(folder.path()),
        ["song.wav", "table.csv", "table.csv.json"]
    );
}

/// A few files in folders, two of them named alike.
fn collection(folder: &Path) {
    for (seed, name) in [
        "b/two.wav",
        "a/one.wav",
        "a/deep/er/two.wav",
        "c.wav",
        "b/one é.wav",
    ]
    .iter()
    .enumerate()
    {
        put(
            folder.join(name),
            wav16(&music(seed as u64, 1.3 + seed as f64 / 10.0, RATE)),
        );
    }
    put(folder.join("a/notes.txt"), "no music");
    put(folder.join(".hidden/x.wav"), "no music");
}

#[test]
fn threads_change_no_byte() {
    let folder = tempdir().unwrap();
    let music = folder.path().join("music");
    collection(&music);
    for extension in ["csv", "parquet"] {
        let tables: Vec<Vec<u8>> = ["1", "2", "7"]
            .iter()
            .map(|threads| {
                let out = folder.path().join(format!("{threads}.{extension}"));
                run(melisma!(
                    "features",
                    &music,
                    "--window",
                    "0.4",
                    "--threads",
                    threads,
                    "-o",
                    &out
                ))
                .succeeded();
                fs::read(out).unwrap()
            })
            .collect();
        assert!(tables[0] == tables[1] && tables[0] == tables[2], "{extension}");
    }
    let names = Table::read(&folder.path().join("1.csv"));
    let mut names: Vec<_> = names
        .names()
        .iter()
        .map(|n| n.rsplit_once(".").unwrap().0.to_owned())
        .collect();
    names.iter_mut().for_each(|n| n.truncate(n.rfind('.').unwrap()));
    names.dedup();
    assert_eq!(names, ["a/deep/er/two", "a/one", "b/one é", "b/two", "c"]);
}

#[test]
fn one_long_file_is_shared_among_threads_and_changes_no_byte() {
    let folder = tempdir().unwrap();
    let song = put(folder.path().join("song.wav"), wav16(&music(3, 8.2, RATE)));
    let outs = ["1", "2", "5"].map(|threads| {
        run(melisma!(
            "features",
            &song,
            "--window",
            "0.3",
            "--threads",
            threads,
            "-o",
            "-"
        ))
        .succeeded()
        .stdout
    });
    assert_eq!(Table::parse(&outs[0]).all_finite().rows.len(), 27);
    assert!(outs[0] == outs[1] && outs[0] == outs[2]);
}

#[test]
fn the_label_is_the_folder_where_that_is_a_genre() {
    let folder = tempdir().unwrap();
    let sound = wav16(&music(1, 0.5, RATE));
    put(folder.path().join("mixed/Jazz/take.wav"), &sound);
    put(folder.path().join("mixed/mine/own.wav"), &sound);
    put(folder.path().join("mixed/jazz.wav"), &sound);
    let out = folder.path().join("t.csv");
    run(melisma!("features", folder.path().join("mixed"), "-o", &out)).succeeded();
    let table = Table::read(&out);
    assert_eq!(table.columns.last().unwrap(), "label");
    assert_eq!(table.names(), ["take.wav", "jazz.wav", "own.wav"]);
    assert_eq!(table.column("label"), ["jazz", "", ""]);
    run(melisma!("features", folder.path().join("mixed/mine"), "-o", &out)).succeeded();
    assert_eq!(Table::read(&out).columns.last().unwrap(), "mfcc20_var");
    // The genre is seen from inside its folder as well.
    let mut inside = melisma!("features", "take.wav", "-o", "-");
    inside.current_dir(folder.path().join("mixed/Jazz"));
    assert_eq!(
        Table::parse(&run(inside).succeeded().stdout).column("label"),
        ["jazz"]
    );
}

#[test]
fn windows_are_named_and_the_last_partial_one_is_dropped() {
    let folder = tempdir().unwrap();
    let sound = music(1, 2.6, RATE);
    let song = put(folder.path().join("blues.00000.wav"), wav16(&sound));
    let out = folder.path().join("t.csv");
    run(melisma!("features", &song, "--window", "1", "-o", &out)).succeeded();
    let table = Table::read(&out).all_finite();
    assert_eq!(table.names(), ["blues.00000.0.wav", "blues.00000.1.wav"]);
    assert_eq!(table.column("length"), ["22050", "22050"]);
    run(melisma!("features", &song, "-o", &out)).succeeded();
    let whole = Table::read(&out);
    assert_eq!(
        (whole.names(), whole.column("length")),
        (vec!["blues.00000.wav"], vec!["57330"])
    );
    // A window is described as if it were a file.
    let second = put(folder.path().join("second.wav"), wav16(&sound[22_050..44_100]));
    run(melisma!("features", &second, "-o", &out)).succeeded();
    assert_eq!(Table::read(&out).values()[0], table.values()[1]);
    run(melisma!("features", &song, "--window", "3", "-o", &out))
        .refused(&["blues.00000.wav", "2.600 s of sound is shorter than one window"]);
    for window in ["0", "-1", "NaN", "0.01", "1e9"] {
        run(melisma!(
            "features",
            &song,
            format!("--window={window}"),
            "-o",
            &out
        ))
        .refused(&["window of"]);
    }
}

#[test]
fn the_padding_matters_and_is_named() {
    let folder = tempdir().unwrap();
    let song = put(folder.path().join("song.wav"), wav16(&music(1, 1.0, RATE)));
    let table = |pad: &[&str]| {
        let mut command = melisma!("features", &song, "-o", "-");
        command.args(pad);
        run(command).succeeded().stdout
    };
    let (default, constant, reflect) = (
        table(&[]),
        table(&["--pad", "constant"]),
        table(&["--pad", "reflect"]),
    );
    assert_eq!(default, constant);
    let (constant, reflect) = (Table::parse(&constant), Table::parse(&reflect));
    assert_ne!(constant.column("rms_mean"), reflect.column("rms_mean"));
    assert_ne!(constant.column("mfcc1_mean"), reflect.column("mfcc1_mean"));
    assert_eq!(
        constant.column("zero_crossing_rate_mean"),
        reflect.column("zero_crossing_rate_mean")
    );
    run(melisma!("features", &song, "--pad", "wrap", "-o", "-")).refused(&["wrap"]);
}

#[test]
fn parquet_holds_what_csv_holds() {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;

    let folder = tempdir().unwrap();
    // More rows than one group holds; silence is quick.
    let mut sound = music(1, 1.0, RATE);
    sound.resize(RATE as usize * 450, 0.0);
    put(folder.path().join("rock/long.wav"), wav16(&sound));
    put(folder.path().join("other/short.wav"), wav16(&sound[..30_000]));
    let (csv, parquet) = (folder.path().join("t.csv"), folder.path().join("t.parquet"));
    for out in [&csv, &parquet] {
        run(melisma!(
            "features",
            folder.path(),
            "--schema",
            "spotify",
            "--window",
            "0.1",
            "-o",
            out
        ))
        .succeeded();
    }
    let table = Table::read(&csv).all_finite();
    assert_eq!(table.rows.len(), 4513);
    let reader = SerializedFileReader::new(fs::File::open(&parquet).unwrap()).unwrap();
    let metadata = reader.metadata().file_metadata();
    assert_eq!(metadata.num_rows(), 4513);
    let pairs = metadata.key_value_metadata().unwrap();
    let value = |key: &str| {
        pairs
            .iter()
            .find(|pair| pair.key == key)
            .unwrap()
            .value
            .clone()
            .unwrap()
    };
    assert_eq!(value("melisma.schema"), "spotify");
    assert_eq!(value("melisma.window_samples"), "2205");
    assert_eq!(value("melisma.pad"), "constant");
    let mut rows = 0;
    for (parquet, csv) in reader.get_row_iter(None).unwrap().zip(&table.rows) {
        let parquet = parquet.unwrap();
        for (((name, field), csv), column) in parquet.get_column_iter().zip(csv).zip(&table.columns) {
            assert_eq!(name, column);
            match field {
                Field::Double(value) => assert_eq!(*value, csv.parse::<f64>().unwrap(), "{name}"),
                Field::Long(value) => assert_eq!(value.to_string(), *csv),
                Field::Str(value) => assert_eq!(value, csv),
                Field::Null => assert_eq!((name.as_str(), csv.as_str()), ("label", "")),
                other => panic!("{name}: {other:?}"),
            }
        }
        rows += 1;
    }
    assert_eq!(rows, table.rows.len());
}

#[test]
fn the_summary_in_json() {
    let folder = tempdir().unwrap();
    let good = put(folder.path().join("good.wav"), wav16(&music(1, 2.0, RATE)));
    let bad = put(folder.path().join("bad.wav"), "no music");
    let out = folder.path().join("t.csv");
    let summary = run(melisma!(
        "features", &good, "--window", "0.5", "-o", &out, "--json"
    ))
    .succeeded()
    .json();
    let expected = serde_json::json!({
        "output": out, "schema": "gtzan", "files": 1, "resumed": 0, "rows": 4, "audio_s": 2.0,
        "failed": [], "warnings": [], "interrupted": false,
    });
    assert_eq!(summary, expected);
    let summary = run(melisma!("features", &good, &bad, "-o", &out, "--json"))
        .refused(&["bad.wav"])
        .json();
    assert_eq!(summary["rows"], 1);
    assert_eq!(summary["failed"][0]["path"], bad.to_str().unwrap());
    assert!(
        summary["failed"][0]["fault"]
            .as_str()
            .unwrap()
            .starts_with("not a known audio format")
    );
    assert_eq!(Table::read(&out).names(), ["good.wav"]);
}

#[test]
fn a_table_on_standard_output() {
    let folder = tempdir().unwrap();
    let music_folder = folder.path().join("music");
    collection(&music_folder);
    let out = folder.path().join("t.csv");
    run(melisma!("features", &music_folder, "-o", &out)).succeeded();
    let ran = run(melisma!("features", &music_folder, "-o", "-")).succeeded();
    assert_eq!(ran.stdout, fs::read_to_string(&out).unwrap());
    // The summary stays out of the table.
    let ran = run(melisma!("features", &music_folder, "-o", "-", "--json")).succeeded();
    assert_eq!(ran.stdout, fs::read_to_string(&out).unwrap());
    let summary: serde_json::Value = serde_json::from_str(ran.stderr.lines().last().unwrap()).unwrap();
    assert_eq!(summary["rows"], 5);
    // Where there is nothing to tell, nothing is printed.
    let bad = put(folder.path().join("bad.wav"), "no music");
    assert_eq!(
        run(melisma!("features", &bad, "-o", "-"))
            .refused(&["bad.wav"])
            .stdout,
        ""
    );
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let folder = tempdir().unwrap();
    let song = put(folder.path().join("song.wav"), wav16(&music(1, 3.0, RATE)));
    // A small table breaks when it is flushed, a large one in the middle.
    for schema in ["gtzan", "full"] {
        let mut command = melisma!(
            "features", &song, "--window", "0.1", "--schema", schema, "-o", "-"
        );
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let ran = finish(child).succeeded();
        assert_eq!(ran.stderr, "", "{schema}");
    }
    // Nor is nobody listening to what is said about the run.
    let out = folder.path().join("t.csv");
    let bad = put(folder.path().join("bad.wav"), "no music");
    let mut command = melisma!("features", &song, &bad, "-o", &out);
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stderr.take());
    assert_eq!(finish(child).code, Some(2));
    assert_eq!(Table::read(&out).names(), ["song.wav"]);
}

#[test]
fn names_that_clash_become_paths() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["x/a.wav", "x/d/a.wav", "y/a.wav"] {
        put(at(name), wav16(&music(name.len() as u64, 0.5, RATE)));
    }
    let names = |paths: &[&str]| {
        let mut command = melisma!("features", "-o", "-");
        command.args(paths).current_dir(folder.path());
        let table = Table::parse(&run(command).succeeded().stdout);
        table
            .names()
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&["x/a.wav"]), ["a.wav"]);
    assert_eq!(names(&["x"]), ["a.wav", "d/a.wav"]);
    assert_eq!(names(&["x", "y"]), ["x/a.wav", "x/d/a.wav", "y/a.wav"]);
    assert_eq!(
        names(&["y/a.wav", "x/a.wav"]),
        ["y/a.wav", "x/a.wav"],
        "in the order given"
    );
    assert_eq!(names(&["y", "y/a.wav"]), ["a.wav"], "each file once");
}

#[test]
fn any_name_a_file_can_have() {
    let folder = tempdir().unwrap();
    let music_folder = folder.path().join("müsic & more");
    let names = [
        "-o.wav",
        "a b.wav",
        "café \"live\", 2.wav",
        "новая песня.wav",
        "日本.WAV",
    ];
    for name in names {
        put(music_folder.join(name), wav16(&music(1, 0.5, RATE)));
    }
    let out = folder.path().join("my täble.csv");
    run(melisma!("features", &music_folder, "-o", &out)).succeeded();
    assert_eq!(Table::read(&out).all_finite().names(), names);
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_not_unicode() {
    use std::os::unix::ffi::OsStrExt;

    let folder = tempdir().unwrap();
    let latin1 = |name: &[u8]| folder.path().join(std::ffi::OsStr::from_bytes(name));
    put(latin1(b"caf\xe9.wav"), wav16(&music(1, 0.5, RATE)));
    put(latin1(b"bad\xe9.wav"), "no music");
    put(folder.path().join("good.wav"), wav16(&music(2, 0.5, RATE)));
    let out = folder.path().join("t.csv");
    let summary = run(melisma!("features", folder.path(), "-o", &out, "--json"))
        .refused(&["bad\u{fffd}.wav"])
        .json();
    assert_eq!(summary["failed"].as_array().unwrap().len(), 1);
    assert_eq!(Table::read(&out).names(), ["caf\u{fffd}.wav", "good.wav"]);
}

#[test]
fn a_table_is_replaced_as_a_whole() {
    let folder = tempdir().unwrap();
    let song = put(folder.path().join("song.wav"), wav16(&music(1, 0.5, RATE)));
    let bad = put(folder.path().join("bad.wav"), "no music");
    let out = put(folder.path().join("t.csv"), "old");
    run(melisma!("features", &bad, "-o", &out)).refused(&["t.csv was not written"]);
    assert_eq!(
        fs::read_to_string(&out).unwrap(),
        "old",
        "kept, for there is nothing better"
    );
    run(melisma!("features", &song, "-o", &out)).succeeded();
    assert_eq!(Table::read(&out).names(), ["song.wav"]);
    assert_eq!(
        names_in(folder.path()),
        ["bad.wav", "song.wav", "t.csv", "t.csv.json"]
    );
}

#[test]
fn levels_of_float_files_are_kept() {
    let folder = tempdir().unwrap();
    let sound = music(1, 1.0, RATE);
    let loud: Vec<f32> = sound.iter().map(|s| s * 8.0).collect();
    let rms = |samples: &[f32]| -> f64 {
        let song = put(folder.path().join("song.wav"), wav_float(samples));
        let table = Table::parse(&run(melisma!("features", &song, "-o", "-")).succeeded().stdout);
        table.column("rms_mean")[0].parse().unwrap()
    };
    assert!((rms(&loud) / rms(&sound) - 8.0).abs() < 1e-5);
}
