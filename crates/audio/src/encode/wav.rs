//! RIFF WAVE out. Not for more than 4 GB.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use super::quantise::Quantiser;
use super::{Depth, Sink, into_file, patch};
use crate::Hertz;

/// Bytes before the samples: the longest header, of floating point numbers; a shorter one is filled up.
const FLOAT_HEAD: u32 = 12 + (8 + 18) + (8 + 4) + 8;
const INTEGER_HEAD: u32 = 12 + (8 + 16) + 8;

pub(super) struct Wav {
    out: BufWriter<File>,
    rate: Hertz,
    depth: Depth,
    quantiser: Quantiser,
    bytes: u64,
}

impl Wav {
    pub(super) fn begin(mut out: BufWriter<File>, rate: Hertz, depth: Depth) -> io::Result<Self> {
        out.write_all(&header(rate, depth, 0))?;
        let quantiser = Quantiser::new(if depth == Depth::Bits24 { 24 } else { 16 });
        Ok(Wav {
            out,
            rate,
            depth,
            quantiser,
            bytes: 0,
        })
    }
}

impl Sink for Wav {
    fn write(&mut self, left: &[f32], right: &[f32]) -> io::Result<()> {
        let width = bytes_per_sample(self.depth);
        self.bytes += 2 * u64::from(width) * left.len() as u64;
        if self.bytes + u64::from(FLOAT_HEAD) > u64::from(u32::MAX) {
            return Err(io::Error::other(
                "more than 4 GB of samples, which wav cannot hold",
            ));
        }
        for sample in left.iter().zip(right).flat_map(|(l, r)| [*l, *r]) {
            match self.depth {
                Depth::Float => self.out.write_all(&sample.to_le_bytes())?,
                _ => {
                    let value = self.quantiser.quantise(sample).to_le_bytes();
                    self.out.write_all(&value[..width as usize])?;
                }
            }
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> io::Result<File> {
        // Chunks have even lengths; frames of two channels do too.
        let head = header(self.rate, self.depth, self.bytes as u32);
        patch(&mut self.out, 0, &head)?;
        into_file(self.out)
    }
}

fn bytes_per_sample(depth: Depth) -> u32 {
    match depth {
        Depth::Bits16 => 2,
        Depth::Bits24 => 3,
        Depth::Float => 4,
    }
}

fn header(rate: Hertz, depth: Depth, bytes: u32) -> Vec<u8> {
    let width = bytes_per_sample(depth);
    let float = depth == Depth::Float;
    let head = if float { FLOAT_HEAD } else { INTEGER_HEAD };
    let mut out = b"RIFF".to_vec();
    out.extend((head - 8 + bytes).to_le_bytes());
    out.extend(b"WAVEfmt ");
    out.extend((if float { 18_u32 } else { 16 }).to_le_bytes());
    out.extend((if float { 3_u16 } else { 1 }).to_le_bytes());
    out.extend(2_u16.to_le_bytes());
    out.extend(rate.0.to_le_bytes());
    out.extend((rate.0 * 2 * width).to_le_bytes());
    out.extend((2 * width as u16).to_le_bytes());
    out.extend((8 * width as u16).to_le_bytes());
    if float {
        out.extend([0, 0]);
        out.extend(b"fact\x04\0\0\0");
        out.extend((bytes / (2 * width)).to_le_bytes());
    }
    out.extend(b"data");
    out.extend(bytes.to_le_bytes());
    out
}
