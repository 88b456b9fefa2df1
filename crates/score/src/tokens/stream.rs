//! Streams of tokens as text, one a line, as others leave them: plain, or compressed by xz.

use std::collections::{BTreeMap, HashMap};
use std::io::{Cursor, Read as _};
use std::num::NonZeroUsize;
use std::path::Path;

use xz4rust::{XzDecoder, XzReader};

use super::Field;
use crate::error::{Error, Result};

/// Bytes of the longest text that is read, unpacked.
pub const MAX_STREAM_BYTES: u64 = 256 << 20;

/// The most tokens that differ: an index has two bytes.
pub const MAX_STREAM_TYPES: usize = 1 << 16;

/// Characters of the longest token.
const MAX_TOKEN: usize = 256;

/// Bytes that xz may look back over: the most that its presets ask for.
const MAX_DICTIONARY: usize = 64 << 20;

/// What an xz file begins with.
const XZ: &[u8] = b"\xfd7zXZ\0";

/// Tokens of a text, with the vocabulary of those that occur in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenStream {
    /// The tokens that occur, in the order of their bytes.
    pub vocabulary: Vec<String>,
    /// The text: indices into the vocabulary.
    pub tokens: Vec<u16>,
}

impl TokenStream {
    /// Reads a file of tokens, one a line, plain or compressed by xz.
    ///
    /// Space around a token is not part of it, and empty lines are passed over.
    ///
    /// # Errors
    /// The file cannot be read or unpacked, is no UTF-8, holds more than [`MAX_STREAM_BYTES`] or no tokens at all, more than
    /// [`MAX_STREAM_TYPES`] that differ, or a line that is too long for a token.
    pub fn read(path: &Path) -> Result<TokenStream> {
        let io = |source| Error::Io {
            path: path.to_owned(),
            source,
        };
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).map_err(io)?;
        file.take(MAX_STREAM_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(io)?;
        Self::parse(bytes).map_err(|error| error.in_file(path))
    }

    /// Reads the bytes of such a file.
    ///
    /// # Errors
    /// As of [`read`](TokenStream::read).
    pub fn parse(bytes: Vec<u8>) -> Result<TokenStream> {
        let bytes = unpacked(bytes)?;
        let text = std::str::from_utf8(&bytes).map_err(|error| {
            Error::malformed(format!("no text: byte {} is not UTF-8", error.valid_up_to()))
        })?;
        let mut first_seen: HashMap<&str, u32> = HashMap::new();
        let mut found: Vec<u32> = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let token = line.trim();
            if token.is_empty() {
                continue;
            }
            let fault = |fault: String| Error::malformed(format!("line {}: {fault}", number + 1));
            if token.len() > MAX_TOKEN {
                return Err(fault(format!("longer than {MAX_TOKEN} bytes: no token")));
            }
            let next = first_seen.len();
            let index = *first_seen.entry(token).or_insert(next as u32);
            if index as usize == MAX_STREAM_TYPES {
                return Err(fault(format!("more than {MAX_STREAM_TYPES} tokens that differ")));
            }
            found.push(index);
        }
        if found.is_empty() {
            return Err(Error::malformed("no tokens"));
        }
        let sorted: BTreeMap<&str, u32> = first_seen.into_iter().collect();
        let mut place = vec![0_u16; sorted.len()];
        for (at, index) in sorted.values().enumerate() {
            place[*index as usize] = at as u16;
        }
        Ok(TokenStream {
            vocabulary: sorted.into_keys().map(str::to_owned).collect(),
            tokens: found.into_iter().map(|index| place[index as usize]).collect(),
        })
    }

    /// The same tokens as indices into the vocabulary of a design's field.
    ///
    /// # Errors
    /// A token of the stream is not in it; the first that is not is named.
    pub fn in_field(&self, field: &Field) -> Result<Vec<u16>> {
        let known: HashMap<&str, u16> = field
            .vocabulary
            .iter()
            .enumerate()
            .map(|(at, name)| (name.as_str(), at as u16))
            .collect();
        let index = |name: &String| {
            known
                .get(name.as_str())
                .copied()
                .ok_or_else(|| Error::malformed(format!("`{name}` is no {} of the design", field.name)))
        };
        let indices: Vec<u16> = self.vocabulary.iter().map(index).collect::<Result<_>>()?;
        Ok(self
            .tokens
            .iter()
            .map(|token| indices[usize::from(*token)])
            .collect())
    }
}

fn unpacked(bytes: Vec<u8>) -> Result<Vec<u8>> {
    let mut plain = bytes;
    if plain.starts_with(XZ) {
        let decoder = XzDecoder::in_heap_with_alloc_dict_size(1 << 20, MAX_DICTIONARY);
        let block = NonZeroUsize::new(1 << 16).expect("not zero");
        let packed = Cursor::new(std::mem::take(&mut plain));
        XzReader::new_with_buffer_size_and_decoder(packed, block, decoder)
            .take(MAX_STREAM_BYTES + 1)
            .read_to_end(&mut plain)
            .map_err(|error| Error::malformed(format!("cannot be unpacked: {error}")))?;
    }
    match plain.len() as u64 > MAX_STREAM_BYTES {
        true => Err(Error::malformed(format!(
            "more than {} MB of text",
            MAX_STREAM_BYTES >> 20
        ))),
        false => Ok(plain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::{Design, Names};

    fn stream(text: &str) -> Result<TokenStream> {
        TokenStream::parse(text.as_bytes().to_vec())
    }

    #[test]
    fn tokens_are_indices_into_what_occurs() {
        let read = stream("B-4\n9.11.2.4\r\n\nB-4\nA3").unwrap();
        assert_eq!(read.vocabulary, ["9.11.2.4", "A3", "B-4"]);
        assert_eq!(read.tokens, [2, 0, 2, 1]);
        let names = Names::new();
        let field = &names.fields()[0];
        let indices = read.in_field(field).unwrap();
        let texts: Vec<&str> = indices
            .iter()
            .map(|index| field.vocabulary[usize::from(*index)].as_str())
            .collect();
        assert_eq!(texts, ["B-4", "9.11.2.4", "B-4", "A3"]);
    }

    #[test]
    fn what_is_no_stream_is_told() {
        let fault = |bytes: &[u8]| TokenStream::parse(bytes.to_vec()).unwrap_err().to_string();
        assert_eq!(fault(b" \n\n"), "no tokens");
        assert_eq!(fault(b"a\n\xff"), "no text: byte 2 is not UTF-8");
        assert!(fault(format!("a\n{}", "x".repeat(300)).as_bytes()).starts_with("line 2: longer than"));
        let many: Vec<String> = (0..=MAX_STREAM_TYPES).map(|n| n.to_string()).collect();
        assert!(fault(many.join("\n").as_bytes()).contains("line 65537: more than 65536 tokens"));
        assert!(fault(b"\xfd7zXZ\0nonsense").starts_with("cannot be unpacked"));
        let stray = stream("C4\nhello").unwrap();
        let names = Names::new();
        assert_eq!(
            stray.in_field(&names.fields()[0]).unwrap_err().to_string(),
            "`hello` is no name of the design"
        );
    }
}
