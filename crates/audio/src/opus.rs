//! Opus packets to samples: the part that Symphonia hands on but does not decode.
//!
//! Reads the identification header (RFC 7845, section 5.1; in mp4 the same fields in big-endian order), decodes
//! packets at 48 kHz, drops the pre-skip and applies the output gain. Trimming at the end is the container's
//! business. Channel mapping families 0 (mono, stereo), 1 (surround) and 255 (discrete) are read; ambisonics (2, 3)
//! is refused by name. Of the pure-Rust decoders, ropus runs at 200 times real time here and agrees with libopus to
//! 72 dB (it computes in fixed point); opus-decoder 0.1.1 runs at 2 times and fails on surround.

use ropus::OpusMSDecoder;

use crate::decode::{Block, MAX_CHANNELS};
use crate::error::Fault;
use crate::guard::guarded;

/// The rate Opus always decodes to here, in Hz.
pub(crate) const RATE: u32 = 48_000;

/// The longest packet: 120 ms.
const MAX_FRAMES: usize = 5760;

/// What the identification header says.
struct OpusHead {
    channels: usize,
    pre_skip: usize,
    gain: f32,
    streams: usize,
    coupled: usize,
    mapping: Vec<u8>,
}

impl OpusHead {
    fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let short = || Fault::Malformed("the Opus header is too short".into());
        let (fixed, rest) = bytes.split_at_checked(19).ok_or_else(short)?;
        if &fixed[..8] != b"OpusHead" {
            return Err(Fault::Malformed("no OpusHead in the Opus header".into()));
        }
        let channels = usize::from(fixed[9]);
        if channels == 0 || channels > MAX_CHANNELS {
            return Err(Fault::Unsupported(format!(
                "{channels} channels (1 to {MAX_CHANNELS} are accepted)"
            )));
        }
        // The version tells Ogg's layout (1) from mp4's (0).
        let word = |at: usize| match fixed[8] {
            0 => u16::from_be_bytes([fixed[at], fixed[at + 1]]),
            _ => u16::from_le_bytes([fixed[at], fixed[at + 1]]),
        };
        let gain_q8 = f32::from(word(16).cast_signed());
        let (streams, coupled, mapping) = match fixed[18] {
            0 if channels <= 2 => (1, channels - 1, (0..channels as u8).collect()),
            0 => {
                return Err(Fault::Malformed(format!(
                    "Opus mapping family 0 with {channels} channels"
                )));
            }
            1 | 255 => {
                let table = rest.get(..2 + channels).ok_or_else(short)?;
                (usize::from(table[0]), usize::from(table[1]), table[2..].to_vec())
            }
            family => {
                return Err(Fault::Unsupported(format!(
                    "Opus channel mapping family {family}"
                )));
            }
        };
        // Each stream costs a decoder, so no more are made than there are channels to hear them.
        if streams == 0 || streams > channels || coupled > streams {
            return Err(Fault::Malformed(format!(
                "{streams} Opus streams for {channels} channels"
            )));
        }
        Ok(OpusHead {
            channels,
            pre_skip: usize::from(word(10)),
            gain: 10_f32.powf(gain_q8 / (20.0 * 256.0)),
            streams,
            coupled,
            mapping,
        })
    }
}

/// A decoder of Opus packets.
pub(crate) struct OpusPackets {
    decoder: OpusMSDecoder,
    head: OpusHead,
    /// Frames still to be dropped from the start.
    skip: usize,
    buffer: Vec<i16>,
}

impl OpusPackets {
    /// Prepares to decode a stream whose identification header is `head`.
    pub(crate) fn new(head: &[u8]) -> Result<Self, Fault> {
        let head = OpusHead::parse(head)?;
        // All four are at most MAX_CHANNELS.
        let (channels, streams, coupled) = (head.channels as i32, head.streams as i32, head.coupled as i32);
        let decoder = guarded(|| OpusMSDecoder::new(RATE as i32, channels, streams, coupled, &head.mapping))?
            .map_err(|code| Fault::Malformed(format!("Opus header (libopus error {code})")))?;
        let buffer = vec![0; MAX_FRAMES * head.channels];
        Ok(OpusPackets {
            decoder,
            skip: head.pre_skip,
            head,
            buffer,
        })
    }

    /// Frames at the start that belong to the codec, not the music.
    pub(crate) fn pre_skip(&self) -> usize {
        self.head.pre_skip
    }

    /// Decodes one packet into `block`, without its last `trim_end` frames. The inner error says why a packet is
    /// damaged; the outer one that the decoder cannot go on.
    pub(crate) fn decode(
        &mut self,
        packet: &[u8],
        trim_end: usize,
        block: &mut Block,
    ) -> Result<Result<(), String>, Fault> {
        block.samples.clear();
        block.channels = self.head.channels;
        if packet.is_empty() {
            // The decoder would take it for a lost packet and invent sound.
            return Ok(Err("empty Opus packet".into()));
        }
        let Ok(len) = i32::try_from(packet.len()) else {
            return Ok(Err("Opus packet of 2 GiB".into()));
        };
        let decoded = guarded(|| {
            self.decoder
                .decode(Some(packet), len, &mut self.buffer, MAX_FRAMES as i32, false)
        })?;
        let frames = match decoded {
            Ok(frames) => usize::try_from(frames).unwrap_or(0).min(MAX_FRAMES),
            Err(code) => return Ok(Err(format!("libopus error {code}"))),
        };
        let end = frames.saturating_sub(trim_end);
        let start = self.skip.min(end);
        self.skip -= self.skip.min(frames);
        let samples = &self.buffer[start * self.head.channels..end * self.head.channels];
        let scale = self.head.gain / 32_768.0;
        block
            .samples
            .extend(samples.iter().map(|&sample| f32::from(sample) * scale));
        Ok(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(channels: u8, gain: i16, family: u8, table: &[u8]) -> Vec<u8> {
        let mut bytes = b"OpusHead\x01".to_vec();
        bytes.push(channels);
        bytes.extend(312_u16.to_le_bytes());
        bytes.extend(44_100_u32.to_le_bytes());
        bytes.extend(gain.to_le_bytes());
        bytes.push(family);
        bytes.extend(table);
        bytes
    }

    #[test]
    fn the_header_is_understood() {
        let stereo = OpusHead::parse(&head(2, -1536, 0, &[])).unwrap();
        assert_eq!(
            (stereo.channels, stereo.pre_skip, stereo.streams, stereo.coupled),
            (2, 312, 1, 1)
        );
        assert!((stereo.gain - 0.501_187).abs() < 1e-5);
        let surround = OpusHead::parse(&head(6, 0, 1, &[4, 2, 0, 4, 1, 2, 3, 5])).unwrap();
        assert_eq!((surround.streams, surround.coupled, surround.gain), (4, 2, 1.0));
        assert_eq!(surround.mapping, [0, 4, 1, 2, 3, 5]);
    }

    #[test]
    fn the_header_of_mp4_is_big_endian() {
        let mut bytes = head(2, 0, 0, &[]);
        bytes[8] = 0;
        bytes[10..12].reverse();
        assert_eq!(OpusHead::parse(&bytes).unwrap().pre_skip, 312);
    }

    #[test]
    fn bad_headers_are_refused() {
        for (bytes, word) in [
            (head(0, 0, 0, &[]), "0 channels"),
            (head(255, 0, 255, &[0; 257]), "255 channels"),
            (head(3, 0, 0, &[]), "family 0"),
            (head(4, 0, 2, &[]), "family 2"),
            (head(6, 0, 1, &[4, 2, 0]), "too short"),
            (head(2, 0, 1, &[200, 0, 0, 1]), "200 Opus streams"),
            (b"OpusHead".to_vec(), "too short"),
            (vec![0; 30], "no OpusHead"),
        ] {
            match OpusPackets::new(&bytes).err() {
                Some(Fault::Malformed(text) | Fault::Unsupported(text)) => {
                    assert!(text.contains(word), "{text}")
                }
                other => panic!("{word}: {other:?}"),
            }
        }
    }

    #[test]
    fn damaged_packets_are_told_apart_from_a_broken_decoder() {
        let mut packets = OpusPackets::new(&head(1, 0, 0, &[])).unwrap();
        let mut block = Block::default();
        assert!(packets.decode(&[], 0, &mut block).unwrap().is_err());
        // Code 3 with no frames.
        assert!(packets.decode(&[0xff, 0x00], 0, &mut block).unwrap().is_err());
        assert!(block.samples.is_empty());
    }
}
