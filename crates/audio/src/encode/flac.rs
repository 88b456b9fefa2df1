//! FLAC out, through flacenc. Not for floating point numbers.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use flacenc::bitsink::ByteSink;
use flacenc::component::{BitRepr, StreamInfo};
use flacenc::config;
use flacenc::encode_fixed_size_frame;
use flacenc::error::{Verified, Verify};
use flacenc::source::{Context, Fill, FrameBuf};

use super::quantise::Quantiser;
use super::{Depth, Sink, into_file, patch};
use crate::Hertz;
use crate::guard::guarded;

/// Samples of a block.
const BLOCK: usize = 4096;
/// `fLaC`, and the header of the one block of metadata: the last, stream information, 34 bytes.
const MARK: &[u8; 8] = b"fLaC\x80\0\0\x22";

pub(super) struct Flac {
    out: BufWriter<File>,
    config: Verified<config::Encoder>,
    info: StreamInfo,
    buffers: (FrameBuf, Context),
    quantiser: Quantiser,
    /// Samples of both channels in turn, waiting for a block to fill.
    waiting: Vec<i32>,
}

impl Flac {
    pub(super) fn begin(mut out: BufWriter<File>, rate: Hertz, depth: Depth) -> io::Result<Self> {
        let bits = if depth == Depth::Bits24 { 24 } else { 16 };
        let mut info = StreamInfo::new(rate.0 as usize, 2, bits).map_err(failed)?;
        info.set_block_sizes(BLOCK, BLOCK).map_err(failed)?;
        let config = config::Encoder::default()
            .into_verified()
            .map_err(|(_, e)| failed(e))?;
        let buffers = (
            FrameBuf::with_size(2, BLOCK).map_err(failed)?,
            Context::new(bits, 2),
        );
        out.write_all(MARK)?;
        out.write_all(&bytes(&info)?)?;
        Ok(Flac {
            out,
            config,
            info,
            buffers,
            quantiser: Quantiser::new(bits as u32),
            waiting: Vec::with_capacity(2 * BLOCK),
        })
    }

    fn block(&mut self) -> io::Result<()> {
        self.buffers.fill_interleaved(&self.waiting).map_err(failed)?;
        self.waiting.clear();
        let number = self.buffers.1.current_frame_number().unwrap_or(0);
        let (config, buffer, info) = (&self.config, &self.buffers.0, &self.info);
        let frame = guarded(|| encode_fixed_size_frame(config, buffer, number, info))
            .map_err(|_| io::Error::other("the FLAC encoder gave up"))?
            .map_err(failed)?;
        self.info.update_frame_info(&frame);
        self.out.write_all(&bytes(&frame)?)
    }
}

impl Sink for Flac {
    fn write(&mut self, left: &[f32], right: &[f32]) -> io::Result<()> {
        for sample in left.iter().zip(right).flat_map(|(l, r)| [*l, *r]) {
            self.waiting.push(self.quantiser.quantise(sample));
            if self.waiting.len() == 2 * BLOCK {
                self.block()?;
            }
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> io::Result<File> {
        if !self.waiting.is_empty() {
            self.block()?;
        }
        // A short last block makes no smaller block size of the stream.
        self.info.set_block_sizes(BLOCK, BLOCK).map_err(failed)?;
        self.info.set_md5_digest(&self.buffers.1.md5_digest());
        self.info.set_total_samples(self.buffers.1.total_samples());
        let info = bytes(&self.info)?;
        patch(&mut self.out, MARK.len() as u64, &info)?;
        into_file(self.out)
    }
}

fn bytes(part: &impl BitRepr) -> io::Result<Vec<u8>> {
    let mut sink = ByteSink::with_capacity(part.count_bits());
    part.write(&mut sink).map_err(failed)?;
    Ok(sink.as_slice().to_vec())
}

fn failed(error: impl std::fmt::Debug) -> io::Error {
    io::Error::other(format!("FLAC: {error:?}"))
}
