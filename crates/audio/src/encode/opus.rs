//! Opus in Ogg out (RFC 7845), through ropus. Not for other rates than 48,000 Hz.

use std::fs::File;
use std::io::{self, BufWriter};

use ogg::writing::{PacketWriteEndInfo, PacketWriter};
use ropus::{Application, Bitrate, Channels, Encoder};

use super::{Sink, into_file};
use crate::guard::guarded;

/// The rate of Opus files here, in Hz.
pub(super) const RATE: u32 = 48_000;
/// Frames of a packet: 20 ms.
const PACKET: usize = 960;
/// No packet is larger than this.
const MAX_BYTES: usize = 4_000;
const BITS_PER_S: u32 = 128_000;
/// Names the stream among others in one file; here it is the only one.
const SERIAL: u32 = 1;

pub(super) struct Opus {
    out: PacketWriter<'static, BufWriter<File>>,
    encoder: Encoder,
    waiting: Vec<f32>,
    /// Frames of the music, and frames that went into packets.
    frames: u64,
    encoded: u64,
    delay: u64,
    /// The packet before the last: it is only known at the end which one ends the stream.
    packet: Option<Vec<u8>>,
}

impl Opus {
    pub(super) fn begin(out: BufWriter<File>) -> io::Result<Self> {
        let encoder = Encoder::builder(RATE, Channels::Stereo, Application::Audio)
            .bitrate(Bitrate::Bits(BITS_PER_S))
            .build()
            .map_err(failed)?;
        let delay = encoder.lookahead() as u16;
        let mut head = b"OpusHead\x01\x02".to_vec();
        head.extend(delay.to_le_bytes());
        head.extend(RATE.to_le_bytes());
        head.extend([0, 0, 0]);
        let vendor = concat!("melisma ", env!("CARGO_PKG_VERSION"));
        let mut tags = b"OpusTags".to_vec();
        tags.extend((vendor.len() as u32).to_le_bytes());
        tags.extend(vendor.as_bytes());
        tags.extend(0_u32.to_le_bytes());
        let mut out = PacketWriter::new(out);
        out.write_packet(head, SERIAL, PacketWriteEndInfo::EndPage, 0)?;
        out.write_packet(tags, SERIAL, PacketWriteEndInfo::EndPage, 0)?;
        Ok(Opus {
            out,
            encoder,
            waiting: Vec::with_capacity(2 * PACKET),
            frames: 0,
            encoded: 0,
            delay: u64::from(delay),
            packet: None,
        })
    }

    /// Encodes a whole packet, and writes the one before.
    fn packet(&mut self) -> io::Result<()> {
        let mut bytes = vec![0; MAX_BYTES];
        let (encoder, samples) = (&mut self.encoder, &self.waiting);
        let length = guarded(|| encoder.encode_float(samples, &mut bytes))
            .map_err(|_| io::Error::other("the Opus encoder gave up"))?
            .map_err(failed)?;
        bytes.truncate(length);
        self.waiting.clear();
        if let Some(before) = self.packet.replace(bytes) {
            self.out
                .write_packet(before, SERIAL, PacketWriteEndInfo::NormalPacket, self.encoded)?;
        }
        self.encoded += PACKET as u64;
        Ok(())
    }
}

impl Sink for Opus {
    fn write(&mut self, left: &[f32], right: &[f32]) -> io::Result<()> {
        for (l, r) in left.iter().zip(right) {
            self.waiting.extend([*l, *r]);
            self.frames += 1;
            if self.waiting.len() == 2 * PACKET {
                self.packet()?;
            }
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> io::Result<File> {
        // What the encoder holds back comes out with packets of silence.
        let end = self.frames + self.delay;
        while self.encoded < end || self.packet.is_none() {
            self.waiting.resize(2 * PACKET, 0.0);
            self.packet()?;
        }
        let last = self.packet.take().unwrap_or_default();
        // The granule position of the last page cuts the padding off.
        self.out
            .write_packet(last, SERIAL, PacketWriteEndInfo::EndStream, end)?;
        into_file(self.out.into_inner())
    }
}

fn failed(error: impl std::fmt::Display) -> io::Error {
    io::Error::other(format!("Opus: {error}"))
}
