//! Counting models in files.
//!
//! A counting model is what it has read, so its file keeps that and is counted anew when it is opened: `MELCOUN1`, the length of a header,
//! the header (JSON: what the model is, of what tokens, what it has practised, how long the pieces are), the tokens, and the SHA-256 of
//! all that. Numbers are little end first, tokens have two bytes.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::memory::{Memory, MemoryParams, Trust};
use super::ngram::{Ngram, NgramParams};
use crate::{About, Error, Model, Reader, Result};

/// What a file begins with.
pub(crate) const MAGIC: [u8; 8] = *b"MELCOUN1";
/// Bytes of the longest header.
const MOST_HEADER: usize = 256 << 20;
/// Bytes of the longest file.
const MOST_BYTES: u64 = 1 << 30;
/// Bytes of the digest.
const DIGEST: usize = 32;

/// What a counting model is made by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Params {
    /// An [`Ngram`].
    Ngram(NgramParams),
    /// A [`Memory`].
    Memory(MemoryParams),
}

/// A model that counts, of whichever sort.
#[derive(Debug, Clone)]
pub enum Counting {
    /// n-grams.
    Ngram(Box<Ngram>),
    /// n-grams and a memory of the piece.
    Memory(Box<Memory>),
}

impl Counting {
    /// A model of pieces.
    ///
    /// # Errors
    /// As for [`Ngram::train`] and [`Memory::train`].
    pub fn train(params: Params, pieces: &[&[u16]]) -> Result<Counting> {
        let pieces = pieces.iter().copied();
        Ok(match params {
            Params::Ngram(params) => Counting::Ngram(Box::new(Ngram::train(params, pieces)?)),
            Params::Memory(params) => Counting::Memory(Box::new(Memory::train(params, pieces)?)),
        })
    }

    fn model(&self) -> &dyn Model {
        match self {
            Counting::Ngram(model) => model.as_ref(),
            Counting::Memory(model) => model.as_ref(),
        }
    }
}

impl Model for Counting {
    fn fields(&self) -> &[usize] {
        self.model().fields()
    }

    fn begin(&self) -> Box<dyn Reader + '_> {
        self.model().begin()
    }

    fn costs(&self, tokens: &[u16]) -> Result<Vec<f32>> {
        self.model().costs(tokens)
    }
}

#[derive(Serialize, Deserialize)]
struct Header {
    kind: String,
    about: About,
    params: Params,
    trust: Option<Trust>,
    pieces: Vec<u64>,
}

/// Writes a model that was trained on these pieces, beside its place first.
///
/// # Errors
/// The file cannot be written, or would be longer than one that is read (1 GB).
pub fn write(path: &Path, about: &About, params: &Params, model: &Counting, pieces: &[&[u16]]) -> Result<()> {
    let header = Header {
        kind: "counting".to_owned(),
        about: about.clone(),
        params: params.clone(),
        trust: match model {
            Counting::Ngram(_) => None,
            Counting::Memory(memory) => Some(memory.trust().clone()),
        },
        pieces: pieces.iter().map(|piece| piece.len() as u64).collect(),
    };
    let json = serde_json::to_vec(&header).map_err(|error| Error::file(path, error))?;
    let mut bytes = Vec::from(MAGIC);
    bytes.extend((json.len() as u64).to_le_bytes());
    bytes.extend(&json);
    bytes.extend(
        pieces
            .iter()
            .copied()
            .flatten()
            .flat_map(|token| token.to_le_bytes()),
    );
    let digest = Sha256::digest(&bytes);
    bytes.extend(digest.as_slice());
    if bytes.len() as u64 > MOST_BYTES || json.len() > MOST_HEADER {
        return Err(Error::file(
            path,
            "more was read than a file of a counting model holds (1 GB)",
        ));
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.part", std::process::id()));
    let beside = PathBuf::from(beside);
    let save = || {
        let mut file = BufWriter::new(File::create(&beside)?);
        file.write_all(&bytes)?;
        file.into_inner()
            .map_err(std::io::IntoInnerError::into_error)?
            .sync_all()?;
        std::fs::rename(&beside, path)
    };
    save().map_err(|source| {
        // What is half-written is of no use; that it may not be there either is no second fault.
        let _ = std::fs::remove_file(&beside);
        Error::io(path)(source)
    })
}

/// Reads a model.
///
/// # Errors
/// The file cannot be read, is no such file, or is damaged.
pub fn read(path: &Path) -> Result<(About, Counting)> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(Error::io(path))?;
    file.take(MOST_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(Error::io(path))?;
    parse(&bytes).map_err(|fault| Error::file(path, fault))
}

/// Reads the bytes of such a file.
///
/// # Errors
/// What is wrong with them.
pub fn parse(bytes: &[u8]) -> std::result::Result<(About, Counting), String> {
    let cut = || "the file is cut short or damaged".to_owned();
    if bytes.len() as u64 > MOST_BYTES {
        return Err("longer than 1 GB: no counting model".to_owned());
    }
    let rest = bytes
        .strip_prefix(&MAGIC)
        .ok_or_else(|| "no counting model".to_owned())?;
    let (body, digest) = bytes
        .split_at_checked(bytes.len().saturating_sub(DIGEST))
        .ok_or_else(cut)?;
    if Sha256::digest(body).as_slice() != digest {
        return Err("the file is damaged: its SHA-256 is not the one it states".to_owned());
    }
    let (length, rest) = rest.split_first_chunk::<8>().ok_or_else(cut)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| cut())?;
    let content = rest.len().checked_sub(DIGEST).ok_or_else(cut)?;
    if length > MOST_HEADER {
        return Err("a header longer than any model's".to_owned());
    }
    let (json, tokens) = rest[..content].split_at_checked(length).ok_or_else(cut)?;
    let header: Header =
        serde_json::from_slice(json).map_err(|error| format!("its header is damaged: {error}"))?;
    if header.kind != "counting" {
        return Err(format!(
            "a model of the kind `{}`, which does not count",
            header.kind
        ));
    }
    let (pairs, odd) = tokens.as_chunks::<2>();
    let tokens: Vec<u16> = pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
    let mut left: &[u16] = &tokens;
    let mut pieces = Vec::with_capacity(header.pieces.len());
    for length in &header.pieces {
        let length = usize::try_from(*length).map_err(|_| cut())?;
        let (piece, after) = left.split_at_checked(length).ok_or_else(cut)?;
        pieces.push(piece);
        left = after;
    }
    if !odd.is_empty() || !left.is_empty() {
        return Err(cut());
    }
    let sizes: Vec<usize> = header.about.sizes();
    if !header.about.counts.iter().map(Vec::len).eq(sizes.iter().copied()) {
        return Err("what it says of itself does not agree".to_owned());
    }
    let model = match (header.params, header.trust) {
        (Params::Ngram(params), None) if params.fields == sizes => {
            Ngram::train(params, pieces).map(|model| Counting::Ngram(Box::new(model)))
        }
        (Params::Memory(params), Some(trust)) if params.background.fields == sizes => {
            Memory::restore(params, trust, pieces.into_iter()).map(|model| Counting::Memory(Box::new(model)))
        }
        _ => return Err("what it says of itself does not agree".to_owned()),
    };
    Ok((header.about, model.map_err(|error| error.to_string())?))
}
