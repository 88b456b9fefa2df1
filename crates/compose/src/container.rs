//! Matrices and a description in one file that tells when it was damaged.
//!
//! `MELCOMP1`, the length of the header (eight bytes, little end first), the header in JSON (a description, and name, rows, columns and
//! precision of each matrix), the matrices one after another, and a SHA-256 of all that. A matrix is single precision, or 8 bits a number: blocks of
//! 64 numbers of a row, each with a scale of single precision before it.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// What a file begins with.
pub(crate) const MAGIC: [u8; 8] = *b"MELCOMP1";
/// Bytes of the longest header that is read.
const MOST_HEADER: u64 = 64 << 20;
/// Bytes of the longest file that is read.
const MOST_BYTES: u64 = 4 << 30;
/// Numbers that share a scale.
const BLOCK: usize = 64;

/// How the numbers of a matrix are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Four bytes a number.
    Single,
    /// A byte a number, and four for each block of 64 of a row.
    Eight,
}

/// A matrix of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    /// Its name.
    pub name: String,
    /// Rows and columns.
    pub size: [usize; 2],
    /// Row after row.
    pub values: Vec<f32>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    size: [usize; 2],
    precision: Precision,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    about: serde_json::Value,
    matrices: Vec<Entry>,
}

fn bytes_of(entry: &Entry) -> Option<usize> {
    let [rows, columns] = entry.size;
    let row = match entry.precision {
        Precision::Single => columns.checked_mul(4)?,
        Precision::Eight => columns.checked_add(columns.div_ceil(BLOCK).checked_mul(4)?)?,
    };
    rows.checked_mul(row)
}

/// The nearest numbers that eight bits can tell, block by block: the scale and the bytes.
fn eight(block: &[f32]) -> (f32, Vec<i8>) {
    let most = block.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
    let scale = if most > 0.0 { most / 127.0 } else { 1.0 };
    let bytes = block.iter().map(|v| (v / scale).round() as i8).collect();
    (scale, bytes)
}

/// Writes a file beside its place, then moves it there.
///
/// # Errors
/// [`Error::Io`].
pub fn write(
    path: &Path,
    about: &serde_json::Value,
    matrices: &[(&str, [usize; 2], &[f32], Precision)],
) -> Result<()> {
    let header = Header {
        about: about.clone(),
        matrices: matrices
            .iter()
            .map(|(name, size, _, precision)| Entry {
                name: (*name).to_owned(),
                size: *size,
                precision: *precision,
            })
            .collect(),
    };
    let json = serde_json::to_vec(&header).map_err(|fault| Error::file(path, fault))?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let beside = path.with_file_name(name);
    let all = || {
        let mut out = Hashed {
            file: BufWriter::new(File::create(&beside)?),
            hash: Sha256::new(),
        };
        out.put(&MAGIC)?;
        out.put(&(json.len() as u64).to_le_bytes())?;
        out.put(&json)?;
        for (_, [_, columns], values, precision) in matrices {
            for row in values.chunks(*columns) {
                out.row(row, *precision)?;
            }
        }
        let hash = out.hash.finalize();
        out.file.write_all(&hash)?;
        out.file.into_inner().map_err(|e| e.into_error())?.sync_all()?;
        std::fs::rename(&beside, path)
    };
    all().map_err(|source| {
        // What is half-written is of no use; that it may not be there either is no second fault.
        let _ = std::fs::remove_file(&beside);
        Error::io(path)(source)
    })
}

struct Hashed {
    file: BufWriter<File>,
    hash: Sha256,
}

impl Hashed {
    fn put(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.hash.update(bytes);
        self.file.write_all(bytes)
    }

    fn row(&mut self, row: &[f32], precision: Precision) -> std::io::Result<()> {
        match precision {
            Precision::Single => {
                let bytes: Vec<u8> = row.iter().flat_map(|v| v.to_le_bytes()).collect();
                self.put(&bytes)
            }
            Precision::Eight => {
                for block in row.chunks(BLOCK) {
                    let (scale, bytes) = eight(block);
                    self.put(&scale.to_le_bytes())?;
                    let bytes: Vec<u8> = bytes.into_iter().map(|b| b as u8).collect();
                    self.put(&bytes)?;
                }
                Ok(())
            }
        }
    }
}

/// What a file holds: its description and its matrices.
pub type Content = (serde_json::Value, Vec<Matrix>);

/// Reads what [`write()`] wrote.
///
/// # Errors
/// [`Error::Io`], and [`Error::File`] saying what is wrong with it.
pub fn read(path: &Path) -> Result<Content> {
    let file = File::open(path).map_err(Error::io(path))?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES)
        .read_to_end(&mut bytes)
        .map_err(Error::io(path))?;
    parse(&bytes).map_err(|fault| Error::file(path, fault))
}

/// Reads the bytes of such a file.
///
/// # Errors
/// What is wrong with them.
pub fn parse(bytes: &[u8]) -> std::result::Result<Content, String> {
    let cut = || "the file is cut short or damaged".to_owned();
    if !bytes.starts_with(&MAGIC) {
        return Err("not a model of melisma's composers".to_owned());
    }
    let (all, hash) = bytes.split_last_chunk::<32>().ok_or_else(cut)?;
    let (length, rest) = all
        .get(8..)
        .and_then(<[u8]>::split_first_chunk::<8>)
        .ok_or_else(cut)?;
    let length = u64::from_le_bytes(*length);
    if length > MOST_HEADER || length > rest.len() as u64 {
        return Err(cut());
    }
    if Sha256::digest(all)[..] != hash[..] {
        return Err("the file is damaged: its SHA-256 is not the one it states".to_owned());
    }
    let (json, mut data) = rest.split_at(length as usize);
    let header: Header = serde_json::from_slice(json).map_err(|fault| format!("its header: {fault}"))?;
    let mut matrices = Vec::new();
    for entry in header.matrices {
        let count = bytes_of(&entry).ok_or_else(cut)?;
        let (own, rest) = data.split_at_checked(count).ok_or_else(cut)?;
        data = rest;
        let values: Vec<f32> = match entry.precision {
            Precision::Single => {
                let (words, _) = own.as_chunks::<4>();
                words.iter().map(|word| f32::from_le_bytes(*word)).collect()
            }
            Precision::Eight => eights(own, entry.size[1]),
        };
        if values.iter().any(|value| !value.is_finite()) {
            return Err(format!("`{}` holds what is no number", entry.name));
        }
        matrices.push(Matrix {
            name: entry.name,
            size: entry.size,
            values,
        });
    }
    match data.is_empty() {
        true => Ok((header.about, matrices)),
        false => Err("more numbers than it says".to_owned()),
    }
}

fn eights(bytes: &[u8], columns: usize) -> Vec<f32> {
    let row = columns + 4 * columns.div_ceil(BLOCK);
    let mut values = Vec::with_capacity(bytes.len());
    for row in bytes.chunks_exact(row.max(1)) {
        for block in row.chunks(BLOCK + 4) {
            let Some((scale, bytes)) = block.split_first_chunk::<4>() else {
                continue;
            };
            let scale = f32::from_le_bytes(*scale);
            values.extend(bytes.iter().map(|byte| scale * f32::from(*byte as i8)));
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_damage_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a model");
        let a: Vec<f32> = (0..150).map(|i| (i as f32 * 0.37).sin()).collect();
        let about = serde_json::json!({"kind": "test"});
        write(
            &path,
            &about,
            &[
                ("a", [2, 75], &a, Precision::Single),
                ("b", [2, 75], &a, Precision::Eight),
            ],
        )
        .unwrap();
        let (read_about, matrices) = read(&path).unwrap();
        assert_eq!(read_about, about);
        assert_eq!(matrices[0].values, a);
        assert_eq!(matrices[1].size, [2, 75]);
        assert!(
            matrices[1]
                .values
                .iter()
                .zip(&a)
                .all(|(b, a)| (a - b).abs() <= 0.5 / 127.0 + 1e-6)
        );
        let good = std::fs::read(&path).unwrap();
        for length in 0..good.len() {
            assert!(parse(&good[..length]).is_err());
        }
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x15;
            assert!(parse(&bad).is_err(), "byte {at}");
        }
    }
}
