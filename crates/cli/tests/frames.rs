//! `melisma frames`: every descriptor, in both formats.

mod common;

use std::fs;
use std::path::Path;

use common::{RATE, melisma, music, names_in, put, run, wav16};
use tempfile::tempdir;

/// Name and rows of every descriptor.
const DESCRIPTORS: [(&str, usize); 19] = [
    ("magnitude", 1025),
    ("chroma_stft", 12),
    ("rms", 1),
    ("spectral_centroid", 1),
    ("spectral_bandwidth", 1),
    ("spectral_rolloff", 1),
    ("spectral_flatness", 1),
    ("spectral_contrast", 7),
    ("spectral_flux", 1),
    ("onset_strength", 1),
    ("zero_crossing_rate", 1),
    ("harmonic", 1),
    ("percussive", 1),
    ("tempo", 1),
    ("tuning", 1),
    ("tempogram", 384),
    ("mfcc", 20),
    ("melspectrogram", 128),
    ("melspectrogram_db", 128),
];

/// The shape and the values of a `.npy` file of single precision.
#[track_caller]
fn read_npy(path: &Path) -> (String, Vec<f32>) {
    let bytes = fs::read(path).unwrap();
    assert_eq!(bytes[..8], *b"\x93NUMPY\x01\0");
    let start = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    assert_eq!(start % 64, 0);
    let header = std::str::from_utf8(&bytes[10..start]).unwrap();
    assert!(
        header.starts_with("{'descr': '<f4', 'fortran_order': False, 'shape': (") && header.ends_with('\n')
    );
    let shape = header
        .split_once("'shape': ")
        .unwrap()
        .1
        .split_once(", }")
        .unwrap()
        .0
        .to_owned();
    (
        shape,
        bytes[start..]
            .as_chunks()
            .0
            .iter()
            .map(|b| f32::from_le_bytes(*b))
            .collect(),
    )
}

#[test]
fn every_descriptor_in_both_formats() {
    let folder = tempdir().unwrap();
    let song = put(folder.path().join("song.wav"), wav16(&music(1, 1.5, RATE)));
    let (npy, csv) = (folder.path().join("x.npy"), folder.path().join("x.csv"));
    for (name, rows) in DESCRIPTORS {
        run(melisma!("frames", &song, "--feature", name, "--output", &npy)).succeeded();
        run(melisma!("frames", &song, "--feature", name, "-o", &csv)).succeeded();
        // A frame every 512 samples and one more; a waveform has its samples, a value of the whole clip stands alone.
        let (frames, step) = match name {
            "harmonic" | "percussive" => (33_075, 1.0 / 22_050.0),
            "tempo" | "tuning" => (1, 0.0),
            _ => (33_075 / 512 + 1, 512.0 / 22_050.0),
        };
        let (shape, values) = read_npy(&npy);
        let expected = if frames == 33_075 {
            format!("({frames},)")
        } else {
            format!("({rows}, {frames})")
        };
        assert_eq!(shape, expected, "{name}");
        assert_eq!(values.len(), rows * frames, "{name}");
        assert!(values.iter().all(|value| value.is_finite()), "{name}");

        let mut table = csv::Reader::from_path(&csv).unwrap();
        let header: Vec<_> = table.headers().unwrap().iter().map(str::to_owned).collect();
        let names = (1..=rows).map(|row| {
            if rows == 1 {
                name.to_owned()
            } else {
                format!("{name}_{row}")
            }
        });
        assert!(
            header
                .iter()
                .cloned()
                .eq(["time_s".to_owned()].into_iter().chain(names)),
            "{name}: {header:?}"
        );
        let lines: Vec<_> = table.records().map(Result::unwrap).collect();
        assert_eq!(lines.len(), frames, "{name}");
        for (frame, line) in lines.iter().enumerate() {
            let time: f64 = line[0].parse().unwrap();
            assert!((time - frame as f64 * step).abs() < 1e-6, "{name}: {time}");
            for (row, text) in line.iter().skip(1).enumerate() {
                assert_eq!(
                    text.parse::<f32>().unwrap(),
                    values[row * frames + frame],
                    "{name}, row {row}"
                );
            }
        }
    }
    assert_eq!(names_in(folder.path()), ["song.wav", "x.csv", "x.npy"]);
}

#[test]
fn what_was_written_in_json() {
    let folder = tempdir().unwrap();
    let song = put(folder.path().join("song.wav"), wav16(&music(1, 1.0, RATE)));
    let out = folder.path().join("x.NPY");
    let summary = run(melisma!(
        "frames",
        &song,
        "--feature",
        "mfcc",
        "-o",
        &out,
        "--json"
    ))
    .succeeded()
    .json();
    let expected = serde_json::json!({
        "file": song, "feature": "mfcc", "rows": 20, "frames": 44, "step_s": 512.0 / 22_050.0, "output": out,
    });
    assert_eq!(summary, expected);
    let constant = fs::read(&out).unwrap();
    run(melisma!(
        "frames",
        &song,
        "--feature",
        "mfcc",
        "--pad",
        "reflect",
        "-o",
        &out
    ))
    .succeeded();
    assert_ne!(fs::read(&out).unwrap(), constant, "the padding matters");
}

#[cfg(unix)]
#[test]
fn whoever_may_read_other_files_may_read_this() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempdir().unwrap();
    let song = put(folder.path().join("song.wav"), wav16(&music(1, 0.5, RATE)));
    let out = folder.path().join("x.csv");
    run(melisma!("frames", &song, "--feature", "rms", "-o", &out)).succeeded();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&out), mode(&song));
}

#[test]
fn what_is_refused_leaves_nothing() {
    let folder = tempdir().unwrap();
    let song = put(folder.path().join("song.wav"), wav16(&music(1, 0.5, RATE)));
    let bad = put(folder.path().join("bad.wav"), "no music");
    let out = |name: &str| folder.path().join(name);
    for name in ["x.txt", "x", "x.parquet", "csv"] {
        run(melisma!("frames", &song, "--feature", "rms", "-o", out(name))).refused(&[name, ".csv or .npy"]);
    }
    let ran = run(melisma!(
        "frames",
        &song,
        "--feature",
        "mfccs",
        "-o",
        out("x.csv")
    ))
    .refused(&["`mfccs`"]);
    let text = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    for (name, _) in DESCRIPTORS {
        assert!(
            text.contains(&format!(" {name},")) || text.contains(&format!(" {name})")),
            "{name}: {text}"
        );
    }
    run(melisma!("frames", &bad, "--feature", "rms", "-o", out("x.csv")))
        .refused(&["bad.wav", "not a known"]);
    run(melisma!(
        "frames",
        out("none.wav"),
        "--feature",
        "rms",
        "-o",
        out("x.csv")
    ))
    .refused(&["none.wav: no such"]);
    run(melisma!(
        "frames",
        &song,
        "--feature",
        "rms",
        "-o",
        out("no/such/x.csv")
    ))
    .refused(&["no/such/x.csv"]);
    fs::create_dir(out("d.csv")).unwrap();
    run(melisma!("frames", &song, "--feature", "rms", "-o", out("d.csv")))
        .refused(&["d.csv: cannot be written"]);
    assert_eq!(names_in(folder.path()), ["bad.wav", "d.csv", "song.wav"]);
}
