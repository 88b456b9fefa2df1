//! The features of the whole GTZAN clips against the table their author published, and against librosa 0.11 for the five columns
//! that librosa has changed since.
//!
//! `golden/librosa_waveforms.csv` holds librosa 0.11's values with reflected padding, as a script that calls `librosa.load`,
//! `effects.hpss(pad_mode="reflect")` and `feature.tempo` on the six clips prints them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

type Table = BTreeMap<String, BTreeMap<String, f64>>;

/// Rows by the name of the clip, without its ending.
fn read(text: &str) -> Table {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let row = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        let stem = fields[0].rsplit_once('.').unwrap().0.to_owned();
        let numbers = names
            .iter()
            .zip(&fields)
            .filter_map(|(n, f)| Some(((*n).to_owned(), f.parse().ok()?)));
        (stem, numbers.collect())
    };
    lines.map(row).collect()
}

#[test]
#[cfg_attr(not(melisma_data), ignore = "needs the GTZAN clips: set MELISMA_DATA")]
fn whole_clips_reproduce_the_published_table() {
    let data = Path::new(option_env!("MELISMA_TEST_DATA").unwrap_or_default()).join("gtzan");
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("table.csv");
    let status = Command::new(env!("CARGO_BIN_EXE_melisma"))
        .args(["features", "--schema", "gtzan", "--pad", "reflect", "--output"])
        .args([&output, &data.join("audio/full")])
        .status()
        .unwrap();
    assert!(status.success());
    let ours = read(&std::fs::read_to_string(&output).unwrap());
    let published = read(&std::fs::read_to_string(data.join("features_30_sec.csv")).unwrap());
    let librosa = read(include_str!("golden/librosa_waveforms.csv"));
    assert_eq!(ours.len(), 6);
    for (clip, row) in &ours {
        for (name, &got) in row {
            let (want, limit) = match name.as_str() {
                "harmony_mean" | "perceptr_mean" => (librosa[clip][name], 3e-6),
                "tempo" => (librosa[clip][name], 1e-9),
                "harmony_var" | "perceptr_var" => (librosa[clip][name], 1e-4 * librosa[clip][name].abs()),
                _ => (published[clip][name], 1e-4 * published[clip][name].abs()),
            };
            assert!(
                (got - want).abs() <= limit,
                "{clip} {name}: {got} where {want} was expected"
            );
        }
    }
}
