//! Streams of named tokens whose vocabulary is what occurs in a part of them.
//!
//! Models learn the types of the training part and one token more, which stands for every other. What it stands for is spelled by a fair
//! code, the same for all models: all that are possible and not in the training part are alike.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::Read;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};
use xz4rust::{XzDecoder, XzReader};

use crate::{Error, Result};

/// Bytes of the longest stream, unpacked.
const MOST_BYTES: u64 = 256 << 20;
/// Bytes of the longest token.
const MOST_TOKEN: usize = 256;
/// Types of the largest vocabulary; one token more stands for the rest.
const MOST_TYPES: usize = 65_534;
/// Bytes that a decompressor may look back.
const MAX_DICTIONARY: usize = 64 << 20;
/// How an .xz file begins.
const XZ: &[u8] = b"\xfd7zXZ\0";

/// Names of pitches (two of 128 are told by the name of another) and sets of pitch classes: all that a stream of note names can hold.
const POSSIBLE_NAMES: usize = 126 + 4095;

/// Reads a file of tokens, one a line, plain or compressed by xz. Space around a token is not part of it; empty lines are passed over.
///
/// # Errors
/// [`Error::Io`] where it cannot be read, [`Error::File`] where it is no text, holds no token, or one of more than 256 bytes, or more than 256 MB.
pub fn read(path: &Path) -> Result<Vec<String>> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(Error::io(path))?;
    file.take(MOST_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(Error::io(path))?;
    parse(bytes).map_err(|fault| Error::file(path, fault))
}

/// Reads the bytes of such a file.
///
/// # Errors
/// What is wrong with them.
pub fn parse(mut bytes: Vec<u8>) -> std::result::Result<Vec<String>, String> {
    if bytes.starts_with(XZ) {
        let decoder = XzDecoder::in_heap_with_alloc_dict_size(1 << 20, MAX_DICTIONARY);
        let block = NonZeroUsize::new(1 << 16).expect("not zero");
        let packed = std::io::Cursor::new(std::mem::take(&mut bytes));
        XzReader::new_with_buffer_size_and_decoder(packed, block, decoder)
            .take(MOST_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| format!("cannot be unpacked: {error}"))?;
    }
    if bytes.len() as u64 > MOST_BYTES {
        return Err(format!("more than {} MB of tokens", MOST_BYTES >> 20));
    }
    let text = String::from_utf8(bytes)
        .map_err(|error| format!("no text: byte {} is not UTF-8", error.utf8_error().valid_up_to()))?;
    let tokens: Vec<String> = text
        .lines()
        .map(|line| line.trim().to_owned())
        .filter(|token| !token.is_empty())
        .collect();
    match tokens.iter().find(|token| token.len() > MOST_TOKEN) {
        Some(_) => Err(format!("a token longer than {MOST_TOKEN} bytes")),
        None if tokens.is_empty() => Err("no tokens".to_owned()),
        None => Ok(tokens),
    }
}

/// The vocabulary of a training part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vocabulary {
    /// The types that occur in it, in the order of their bytes. The token after the last stands for every other.
    pub types: Vec<String>,
    /// How many others are possible: the rest of 4,221 names of notes and chords where all types are such, the rest of 65,535 elsewhere.
    pub rest: usize,
}

impl Vocabulary {
    /// That of these tokens.
    ///
    /// # Errors
    /// [`Error::Tokens`] for more than 65,534 types.
    pub fn of(tokens: &[String]) -> Result<Vocabulary> {
        let types: BTreeSet<&String> = tokens.iter().collect();
        if types.len() > MOST_TYPES {
            return Err(Error::Tokens(format!(
                "{} types of tokens: {MOST_TYPES} are the most",
                types.len()
            )));
        }
        let possible = match types.iter().all(|name| is_name(name)) {
            true => POSSIBLE_NAMES.max(types.len() + 1),
            false => MOST_TYPES + 1,
        };
        Ok(Vocabulary {
            rest: possible - types.len(),
            types: types.into_iter().cloned().collect(),
        })
    }

    /// How many tokens a model of it has, the one for the rest included.
    pub fn size(&self) -> usize {
        self.types.len() + 1
    }

    /// Tokens as a model's.
    pub fn encode(&self, tokens: &[String]) -> Vec<u16> {
        let known: HashMap<&str, u16> = self.types.iter().map(String::as_str).zip(0..).collect();
        let rest = self.types.len() as u16;
        tokens
            .iter()
            .map(|token| known.get(token.as_str()).copied().unwrap_or(rest))
            .collect()
    }

    /// For each token, the last included, the one so many semitones higher; the last where that is not in the vocabulary. `None` where a type is no name.
    pub fn moved(&self, by: i8) -> Option<Vec<u16>> {
        let names: Vec<Name> = self
            .types
            .iter()
            .map(|name| Name::parse(name))
            .collect::<Option<_>>()?;
        let known: HashMap<Name, u16> = names.iter().copied().zip(0..).collect();
        let rest = self.types.len() as u16;
        let moved = names
            .iter()
            .map(|name| known.get(&name.moved(by)).copied().unwrap_or(rest));
        Some(moved.chain([rest]).collect())
    }

    /// Nats that it costs to spell what the last token stood for in these.
    pub fn spelling(&self, tokens: &[u16]) -> f64 {
        let others = tokens
            .iter()
            .filter(|token| usize::from(**token) == self.types.len())
            .count();
        others as f64 * (self.rest as f64).ln()
    }

    /// What to assume of each token before any is counted: all that is possible is alike.
    pub fn prior(&self) -> Vec<f32> {
        let all = (self.types.len() + self.rest) as f32;
        let mut prior = vec![1.0 / all; self.types.len()];
        prior.push(self.rest as f32 / all);
        prior
    }
}

/// What a name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Name {
    /// A note: semitones above C0.
    Note(i16),
    /// A chord: a bit for each of its pitch classes.
    Classes(u16),
}

impl Name {
    /// What a note's name (`B-4`) or a chord's pitch classes (`9.11.2.4`) tell.
    fn parse(token: &str) -> Option<Name> {
        let class = |part: &str| part.parse::<u8>().ok().filter(|class| *class < 12);
        let classes = token
            .split('.')
            .try_fold(0, |all, part| Some(all | 1 << class(part)?));
        if let Some(classes) = classes {
            return Some(Name::Classes(classes));
        }
        let mut letters = token.chars();
        let natural = match letters.next()? {
            'C' => 0,
            'D' => 2,
            'E' => 4,
            'F' => 5,
            'G' => 7,
            'A' => 9,
            'B' => 11,
            _ => return None,
        };
        let rest = letters.as_str();
        let (moved, octave) = match rest.strip_prefix('#') {
            Some(octave) => (1, octave),
            // A flat's sign is also that of the octave below zero: `B-1` is a flat, `B--1` a flat below, and `C-1` no C flat, of which there is none.
            None => match rest.strip_prefix('-') {
                Some(octave) if natural != 0 && natural != 5 => (-1, octave),
                _ => (0, rest),
            },
        };
        let octave = octave.parse::<i16>().ok().filter(|o| (-1..=9).contains(o))?;
        Some(Name::Note(12 * octave + natural + moved))
    }

    /// It, so many semitones higher.
    fn moved(self, by: i8) -> Name {
        match self {
            Name::Note(pitch) => Name::Note(pitch + i16::from(by)),
            Name::Classes(classes) => {
                let by = i32::from(by).rem_euclid(12);
                Name::Classes((classes << by | classes >> (12 - by)) & 0xFFF)
            }
        }
    }
}

/// Whether a token is a note's name (`B-4`) or a chord's pitch classes (`9.11.2.4`).
fn is_name(token: &str) -> bool {
    Name::parse(token).is_some()
}

/// A stream in parts: all but the last tenth to learn from, of which the end is for validation, and the last tenth for test.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// The types of the first nine tenths.
    pub vocabulary: Vocabulary,
    /// To learn from.
    pub train: Vec<u16>,
    /// To choose by.
    pub valid: Vec<u16>,
    /// To judge by.
    pub test: Vec<u16>,
}

/// Parts a stream, of whose first nine tenths `valid_share` are for validation.
///
/// # Errors
/// [`Error::Tokens`] if it is too short, or has too many types.
pub fn split(tokens: &[String], valid_share: f64) -> Result<Split> {
    let held = fold(tokens.len(), 9, 10);
    if held.is_empty() || held.start < 2 {
        return Err(Error::Tokens(format!(
            "{} tokens are too few to be parted",
            tokens.len()
        )));
    }
    let vocabulary = Vocabulary::of(&tokens[..held.start])?;
    let mut train = vocabulary.encode(&tokens[..held.start]);
    let chosen = (held.start as f64 * valid_share) as usize;
    let valid = train.split_off(held.start - chosen.min(held.start - 1));
    Ok(Split {
        test: vocabulary.encode(&tokens[held]),
        vocabulary,
        train,
        valid,
    })
}

/// What of `count` tokens is held out: the last tenth for fold 9 of 10, the first for fold 0.
pub fn fold(count: usize, fold: usize, folds: usize) -> Range<usize> {
    // From the end, so that the last is the whole last tenth, rounded down.
    let from_end = |n: usize| count - count * n / folds.max(1);
    let back = folds.saturating_sub(fold);
    from_end(back.min(folds))..from_end(back.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn what_is_not_in_the_training_part_is_one_token_and_spelled() {
        let vocabulary = Vocabulary::of(&names("B-4 9.11.2.4 C-1 B-4 F#5")).unwrap();
        assert_eq!(vocabulary.types, ["9.11.2.4", "B-4", "C-1", "F#5"]);
        assert_eq!(vocabulary.rest, 4217);
        let tokens = vocabulary.encode(&names("B-4 0 F#5 1"));
        assert_eq!(tokens, [1, 4, 3, 4]);
        assert!((vocabulary.spelling(&tokens) - 2.0 * 4217_f64.ln()).abs() < 1e-9);
        let sum: f32 = vocabulary.prior().iter().sum();
        assert!((sum - 1.0).abs() < 1e-6);
        assert_eq!(Vocabulary::of(&names("B-4 hello")).unwrap().rest, 65_533);
    }

    #[test]
    fn names_are_moved_by_semitones() {
        let vocabulary = Vocabulary::of(&names("B-4 9.11.2.4 C5 10.0.3.5 C-1 B4")).unwrap();
        let name = |token: u16| vocabulary.types.get(usize::from(token)).map(String::as_str);
        let up = vocabulary.moved(1).unwrap();
        let after = |from: &str| {
            let at = vocabulary.types.iter().position(|name| name == from).unwrap();
            name(up[at])
        };
        assert_eq!(after("B-4"), Some("B4"));
        assert_eq!(after("B4"), Some("C5"));
        assert_eq!(after("C5"), None);
        assert_eq!(after("C-1"), None);
        assert_eq!(after("9.11.2.4"), Some("10.0.3.5"));
        assert_eq!(vocabulary.moved(0).unwrap(), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(Vocabulary::of(&names("B-4 hello")).unwrap().moved(1), None);
    }

    #[test]
    fn a_stream_is_parted_in_its_order() {
        let tokens: Vec<String> = (0..100).map(|at| format!("{}", at % 12)).collect();
        let split = split(&tokens, 0.1).unwrap();
        assert_eq!(
            (split.train.len(), split.valid.len(), split.test.len()),
            (81, 9, 10)
        );
        assert_eq!(split.vocabulary.encode(&tokens[90..]), split.test);
        assert!(super::split(&tokens[..1], 0.1).is_err());
    }

    #[test]
    fn what_is_no_stream_is_told() {
        let fault = |bytes: &[u8]| parse(bytes.to_vec()).unwrap_err();
        assert_eq!(fault(b" \n\n"), "no tokens");
        assert_eq!(fault(b"a\n\xff"), "no text: byte 2 is not UTF-8");
        assert_eq!(fault("x".repeat(300).as_bytes()), "a token longer than 256 bytes");
        assert!(fault(b"\xfd7zXZ\0nonsense").starts_with("cannot be unpacked"));
        assert_eq!(parse(b"B-4\r\n\n 3.4 \n".to_vec()).unwrap(), ["B-4", "3.4"]);
    }

    #[test]
    fn folds_are_the_whole_and_the_last_is_the_last_tenth() {
        assert_eq!(fold(300_793, 9, 10), 270_714..300_793);
        let mut at = 0;
        for n in 0..10 {
            let range = fold(300_793, n, 10);
            assert_eq!(range.start, at);
            at = range.end;
        }
        assert_eq!(at, 300_793);
    }
}
