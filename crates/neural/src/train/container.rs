//! Arrays and texts in one safetensors file that tells when it was damaged.
//!
//! Single precision only, arrays in the order of their names, and in the metadata a SHA-256 of all the arrays' bytes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use melisma_ears::weights::{Array, Weights};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// Bytes of the longest header that is read.
const MOST_HEADER: u64 = 16 << 20;
/// Bytes of the longest file that is read.
const MOST_BYTES: u64 = 8 << 30;
/// Where the header keeps texts.
const METADATA: &str = "__metadata__";
/// The text that holds the digest.
const DIGEST: &str = "sha256";

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Content {
    /// Texts by name.
    pub metadata: BTreeMap<String, String>,
    /// Arrays by name.
    pub weights: Weights,
}

/// An array in the header.
#[derive(Serialize, Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: [usize; 2],
}

/// What the header has under a name.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Item {
    Array(Entry),
    Texts(BTreeMap<String, String>),
}

fn hex(digest: Sha256) -> String {
    digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Writes a file beside its place, then moves it there.
pub(super) fn write(path: &Path, content: &Content) -> Result<()> {
    let mut digest = Sha256::new();
    let mut header = BTreeMap::new();
    let mut end = 0;
    for (name, array) in &content.weights {
        array
            .values()
            .iter()
            .for_each(|value| digest.update(value.to_le_bytes()));
        let begin = end;
        end += 4 * array.values().len();
        let entry = Entry {
            dtype: "F32".to_owned(),
            shape: array.shape().to_vec(),
            data_offsets: [begin, end],
        };
        header.insert(name.clone(), Item::Array(entry));
    }
    let mut metadata = content.metadata.clone();
    metadata.insert(DIGEST.to_owned(), hex(digest));
    header.insert(METADATA.to_owned(), Item::Texts(metadata));
    let mut json = serde_json::to_vec(&header).map_err(|e| Error::file(path, e))?;
    json.resize(json.len().next_multiple_of(8), b' ');
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let beside = PathBuf::from(beside);
    let write = || {
        let mut file = BufWriter::new(File::create(&beside)?);
        file.write_all(&(json.len() as u64).to_le_bytes())?;
        file.write_all(&json)?;
        for value in content.weights.values().flat_map(Array::values) {
            file.write_all(&value.to_le_bytes())?;
        }
        file.into_inner().map_err(|e| e.into_error())?.sync_all()?;
        std::fs::rename(&beside, path)
    };
    write().map_err(|source| {
        // What is half-written is of no use; that it may not be there either is no second fault.
        let _ = std::fs::remove_file(&beside);
        Error::io(path)(source)
    })
}

/// Reads what [`write()`] wrote.
pub(super) fn read(path: &Path) -> Result<Content> {
    let file = File::open(path).map_err(Error::io(path))?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES)
        .read_to_end(&mut bytes)
        .map_err(Error::io(path))?;
    parse(&bytes).map_err(|message| Error::file(path, message))
}

fn parse(bytes: &[u8]) -> std::result::Result<Content, String> {
    let cut = || "the file is cut short or damaged".to_owned();
    let (length, rest) = bytes.split_first_chunk::<8>().ok_or_else(cut)?;
    let length = u64::from_le_bytes(*length);
    if length > MOST_HEADER || length > rest.len() as u64 {
        return Err(cut());
    }
    let (header, data) = rest.split_at(length as usize);
    let header: BTreeMap<String, Item> =
        serde_json::from_slice(header).map_err(|e| format!("its header is damaged: {e}"))?;
    let mut metadata = BTreeMap::new();
    let mut weights = Weights::new();
    let mut expected = 0;
    for (name, item) in header {
        let entry = match item {
            Item::Texts(texts) if name == METADATA => {
                metadata = texts;
                continue;
            }
            Item::Array(entry) if name != METADATA => entry,
            _ => return Err(format!("`{name}` is no array")),
        };
        let [begin, end] = entry.data_offsets;
        if entry.dtype != "F32" || begin != expected || end < begin {
            return Err(format!("`{name}` is not single precision in the order of names"));
        }
        expected = end;
        let stored = data.get(begin..end).ok_or_else(cut)?;
        let (words, odd) = stored.as_chunks::<4>();
        if !odd.is_empty() {
            return Err(cut());
        }
        let values = words.iter().map(|word| f32::from_le_bytes(*word)).collect();
        let array = Array::new(entry.shape, values).map_err(|fault| format!("`{name}`: {fault}"))?;
        weights.insert(name, array);
    }
    if expected != data.len() {
        return Err(cut());
    }
    let mut digest = Sha256::new();
    digest.update(data);
    match metadata.remove(DIGEST) {
        Some(said) if said == hex(digest) => Ok(Content { metadata, weights }),
        _ => Err("its arrays are damaged: their SHA-256 is not the one it states".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_damage_is_told_and_none_panics() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        let array = |shape: &[usize], values: &[f32]| Array::new(shape.to_vec(), values.to_vec()).unwrap();
        let content = Content {
            metadata: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
            weights: Weights::from([
                (
                    "x".to_owned(),
                    array(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, f32::MIN_POSITIVE]),
                ),
                ("y".to_owned(), array(&[], &[7.0])),
            ]),
        };
        write(&path, &content).unwrap();
        assert_eq!(read(&path).unwrap(), content);
        let good = std::fs::read(&path).unwrap();
        for length in 0..good.len() {
            assert!(parse(&good[..length]).is_err());
        }
        let header = good.len() - 28;
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x15;
            assert!(parse(&bad) != Ok(content.clone()) || at < header, "byte {at}");
            assert!(at < header || parse(&bad).is_err(), "byte {at}");
        }
    }
}
