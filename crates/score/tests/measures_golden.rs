//! Measures against muspy's numbers on 100 files of the world (tests/golden/measures.py made them).

use std::collections::HashMap;
use std::io::Read;

use melisma_score::measures::{Measures, pitch_in_scale_rate};
use melisma_score::parse;
use serde_json::Value;

/// Folder of the data, known where it was found when this was built.
const DATA: Option<&str> = option_env!("MELISMA_TEST_DATA");

#[test]
#[cfg_attr(
    not(melisma_data),
    ignore = "needs the MIDI files of the data folder: set MELISMA_DATA"
)]
fn a_hundred_files_measure_as_muspy_measures_them() {
    let golden: Vec<Value> = serde_json::from_str(include_str!("golden/measures.json")).unwrap();
    assert_eq!(golden.len(), 100);
    let mut wanted: HashMap<&str, &Value> = golden
        .iter()
        .map(|row| (row["file"].as_str().unwrap(), row))
        .collect();
    let path = format!(
        "{}/midi/midi.tar.xz",
        DATA.expect("tests without data are ignored")
    );
    let archive = std::fs::File::open(path).unwrap();
    let mut archive = tar::Archive::new(xz4rust::XzReader::new(archive));
    let mut wrong = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_string_lossy().into_owned();
        let name = name.strip_prefix("./").unwrap_or(&name).to_owned();
        let Some(row) = wanted.remove(name.as_str()) else {
            continue;
        };
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        let score = parse(&bytes).unwrap().score;
        let mut found: HashMap<&str, f64> = Measures::NAMES
            .iter()
            .copied()
            .zip(Measures::of(&score).values())
            .collect();
        found.insert("pitch_in_d_minor_rate", pitch_in_scale_rate(&score, 2, true));
        found.insert("pitch_in_e_major_rate", pitch_in_scale_rate(&score, 4, false));
        for (measure, value) in row.as_object().unwrap() {
            if measure == "file" || measure == "bar_ticks" {
                continue;
            }
            let (want, got) = (value.as_f64().unwrap_or(f64::NAN), found[measure.as_str()]);
            let same = (want - got).abs() < 1e-6 || (want.is_nan() && got.is_nan());
            if !same {
                wrong.push(format!("{name}: {measure} is {got}, muspy's {want}"));
            }
        }
    }
    assert!(wanted.is_empty(), "not in the archive: {:?}", wanted.keys());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
