//! Keys against music21's on 100 files of the world (tests/golden/keys.py made them).

use std::collections::HashMap;
use std::io::Read;

use melisma_score::analysis::{Key, KeyProfile, key_with};
use melisma_score::parse;
use serde_json::Value;

/// Folder of the data, known where it was found when this was built.
const DATA: Option<&str> = option_env!("MELISMA_TEST_DATA");

/// A key as music21's script writes it: pitch class of the tonic, and mode.
fn written(key: Key) -> String {
    format!("{} {}", key.tonic, if key.minor { "minor" } else { "major" })
}

#[test]
#[cfg_attr(
    not(melisma_data),
    ignore = "needs the MIDI files of the data folder: set MELISMA_DATA"
)]
fn a_hundred_files_have_the_keys_that_music21_finds() {
    let golden: Vec<Value> = serde_json::from_str(include_str!("golden/keys.json")).unwrap();
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
    let (mut wrong, mut as_parsed, mut parsed) = (Vec::new(), 0, 0);
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_string_lossy().into_owned();
        let name = name.strip_prefix("./").unwrap_or(&name).to_owned();
        let Some(row) = wanted.remove(name.as_str()) else {
            continue;
        };
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        let found = key_with(&parse(&bytes).unwrap().score, KeyProfile::Krumhansl).unwrap();
        let got = (written(found.key), written(found.runner_up));
        let same = row["key"] == got.0.as_str() && row["runner_up"] == got.1.as_str();
        // music21 keeps lengths as fractions whose denominators have an end.
        if !same || (row["correlation"].as_f64().unwrap() - found.strength).abs() > 1e-4 {
            wrong.push(format!("{name}: {got:?} {}, music21: {row}", found.strength));
        }
        if let Some(said) = row["parsed"].as_str() {
            parsed += 1;
            as_parsed += u32::from(said == got.0);
        }
    }
    assert!(wanted.is_empty(), "not in the archive: {:?}", wanted.keys());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("the key of the file as music21 itself reads it: {as_parsed} of {parsed}");
    assert!(as_parsed >= AS_PARSED, "{as_parsed} of {parsed}");
}

/// Files whose key is the one that music21 finds when it reads them itself, on its grid.
const AS_PARSED: u32 = 96;
