//! The chunks of a SoundFont file (SoundFont 2.04, sections 4 to 7): where its samples lie, and its tables.
//!
//! Lengths are believed only as far as the file goes. Not for what the tables mean.

use std::io::{self, Read, Seek, SeekFrom};

use super::tables::{NAMES, Tables};

/// Bytes of the longest tables that are read.
const MAX_TABLE: u64 = 64 << 20;
/// Bytes of the most samples that are read.
const MAX_SAMPLES: u64 = 4 << 30;

/// What stops the reading.
pub(super) enum Fault {
    Io(io::Error),
    Content(String),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Fault::Io(error)
    }
}

fn content<T>(text: &str) -> Result<T, Fault> {
    Err(Fault::Content(text.to_owned()))
}

/// Where things are in a file.
pub(super) struct Layout {
    pub tables: Tables,
    /// The first byte of the samples, and how many there are.
    pub samples: (u64, u64),
}

impl Layout {
    /// Walks the chunks of a file of `length` bytes.
    pub(super) fn find(file: &mut (impl Read + Seek), length: u64) -> Result<Layout, Fault> {
        let mut head = [0; 12];
        if length < 12 {
            return content("too short for a SoundFont");
        }
        file.read_exact(&mut head)?;
        if &head[..4] != b"RIFF" || &head[8..] != b"sfbk" {
            return content(what_else(&head));
        }
        let mut tables = Tables::default();
        let mut samples = None;
        let mut at = 12;
        while let Some((id, start, end)) = chunk(file, at, length)? {
            if &id == b"LIST" && end - start >= 4 {
                let mut kind = [0; 4];
                file.read_exact(&mut kind)?;
                let mut inner = start + 4;
                while let Some((id, from, to)) = chunk(file, inner, end)? {
                    match (&kind, &id) {
                        (b"sdta", b"smpl") if samples.is_none() => samples = Some((from, to - from)),
                        (b"pdta", id) => {
                            if let Some(table) = NAMES.iter().position(|name| *name == id) {
                                if to - from > MAX_TABLE {
                                    return content("tables of more than 64 MB");
                                }
                                let mut bytes = vec![0; (to - from) as usize];
                                file.read_exact(&mut bytes)?;
                                tables.set(table, bytes);
                            }
                        }
                        _ => {}
                    }
                    inner = to + (to - from) % 2;
                }
            }
            at = end + (end - start) % 2;
        }
        match samples {
            Some((start, bytes)) if bytes >= 4 => match bytes <= MAX_SAMPLES {
                true => Ok(Layout {
                    tables,
                    samples: (start, bytes),
                }),
                false => content("more than 4 GB of samples"),
            },
            _ => content("a SoundFont without samples"),
        }
    }
}

/// The chunk at a place: its name, and where its content begins and ends; cut where `limit` is. `None` at the limit.
fn chunk(file: &mut (impl Read + Seek), at: u64, limit: u64) -> Result<Option<([u8; 4], u64, u64)>, Fault> {
    if at + 8 > limit {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(at))?;
    let mut head = [0; 8];
    file.read_exact(&mut head)?;
    let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
    let start = at + 8;
    let end = (start + u64::from(length)).min(limit);
    Ok(Some(([head[0], head[1], head[2], head[3]], start, end)))
}

/// What a file that is no SoundFont may be.
fn what_else(head: &[u8; 12]) -> &'static str {
    match (&head[..4], &head[8..]) {
        (b"RIFF", b"DLS ") => "a DLS file, not a SoundFont (.sf2, .sf3)",
        (b"RIFF", b"WAVE") => "a wav file, not a SoundFont (.sf2, .sf3)",
        (b"RIFF", _) => "a RIFF file, but no SoundFont",
        ([b'P', b'K', ..], _) => "a zip archive, not a SoundFont (.sf2, .sf3): unpack it first",
        ([0x1f, 0x8b, ..], _) => "a gzip file, not a SoundFont (.sf2, .sf3): unpack it first",
        _ => "not a SoundFont (.sf2, .sf3)",
    }
}
