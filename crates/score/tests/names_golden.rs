//! Names against music21's tokens of files of the world (tests/golden/names.py made them), and the reference's own stream.

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::path::Path;

use melisma_score::tokens::{Design, Names, TokenStream};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Folder of the data, known where it was found when this was built.
const DATA: Option<&str> = option_env!("MELISMA_TEST_DATA");

fn data(path: &str) -> String {
    format!("{}/{path}", DATA.expect("tests without data are ignored"))
}

fn text(design: &dyn Design, tokens: &[u16]) -> String {
    let vocabulary = &design.fields()[0].vocabulary;
    let line = |token: &u16| format!("{}\n", vocabulary[usize::from(*token)]);
    tokens.iter().map(line).collect()
}

fn hash(text: &str) -> String {
    let bytes = Sha256::digest(text.as_bytes());
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
#[cfg_attr(
    not(melisma_data),
    ignore = "needs the MIDI files of the data folder: set MELISMA_DATA"
)]
fn jazz_files_are_named_as_music21_names_them() {
    let golden: Vec<Value> = serde_json::from_str(include_str!("golden/names.json")).unwrap();
    let mut wanted: HashMap<&str, &Value> = golden
        .iter()
        .map(|row| (row["file"].as_str().unwrap(), row))
        .collect();
    let archive = std::fs::File::open(data("midi/midi.tar.xz")).unwrap();
    let mut archive = tar::Archive::new(xz4rust::XzReader::new(archive));
    let design = Names::new();
    let (mut same, mut wrong) = (0, Vec::new());
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().into_owned();
        if !path.parent().is_some_and(|folder| folder.ends_with("jazz")) {
            continue;
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Some(row) = wanted.remove(name.as_str()) else {
            continue;
        };
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        let (_, tokens) = design.encode_file(&bytes).unwrap();
        if row["sha256"].is_null() {
            // What music21 cannot read is read all the same.
            continue;
        }
        match hash(&text(&design, &tokens)) == row["sha256"] {
            true => same += 1,
            false => wrong.push(format!(
                "{name}: {} tokens, music21's {}",
                tokens.len(),
                row["tokens"]
            )),
        }
    }
    assert!(wanted.is_empty(), "not in the archive: {:?}", wanted.keys());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(same >= 40, "only {same} files were held against music21");
}

#[test]
#[cfg_attr(
    not(melisma_data),
    ignore = "needs the reference's tokens in the data folder: set MELISMA_DATA"
)]
fn the_reference_s_stream_is_read_and_is_of_the_vocabulary() {
    let stream = TokenStream::read(Path::new(&data("midi/jazz_tokens.txt.xz"))).unwrap();
    assert_eq!((stream.tokens.len(), stream.vocabulary.len()), (300_793, 787));
    let design = Names::new();
    let named: Vec<u16> = stream
        .vocabulary
        .iter()
        .map(|name| {
            design
                .token_of(name)
                .unwrap_or_else(|| panic!("`{name}` is no name"))
        })
        .collect();
    // Seventeen sets are in another order, as an older music21 wrote them; none is written in two.
    let vocabulary = &design.fields()[0].vocabulary;
    let texts = named.iter().map(|token| &vocabulary[usize::from(*token)]);
    let otherwise = texts
        .zip(&stream.vocabulary)
        .filter(|(ours, theirs)| ours != theirs);
    assert_eq!(otherwise.count(), 17);
    assert_eq!(named.iter().collect::<HashSet<_>>().len(), 787);
    let indices: Vec<u16> = stream
        .tokens
        .iter()
        .map(|token| named[usize::from(*token)])
        .collect();
    let score = design.decode(&indices).unwrap();
    assert_eq!(design.encode(&score), indices);
}

#[test]
fn the_vocabulary_is_music21_s() {
    let design = Names::new();
    let vocabulary = &design.fields()[0].vocabulary;
    assert_eq!(vocabulary.len(), 126 + 4_095);
    // The SHA-256 of all normal orders, one a line, as music21 10.5.1 writes those of the sets 1 to 4,095.
    assert_eq!(
        hash(
            &vocabulary[126..]
                .iter()
                .map(|order| format!("{order}\n"))
                .collect::<String>()
        ),
        "1152c7a4622476ebe4436c23202867887709a171720d0a166dd3d3efcd174a3c"
    );
}
