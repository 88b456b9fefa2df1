//! Sun/NeXT `.au` and `.snd` files, GTZAN's original container, which Symphonia lacks.
//!
//! Header (all big-endian 32-bit words): the magic `.snd`, offset of the data, length of the data in bytes
//! (0xFFFFFFFF where unknown), encoding, sample rate, channels; then text up to the data. Every encoding of linear
//! PCM, floating point and the two logarithmic ones is read. Not for the ADPCM, DSP-program and fragmented
//! encodings, which are refused by name. Source: Sun Microsystems, `audio_filehdr.h`; the man page `au(4)`.

use std::io::{self, Read};

use crate::decode::{Block, Damage, Decode, Header, check_layout};
use crate::error::Fault;

/// The first four bytes of a file.
pub(crate) const MAGIC: &[u8] = b".snd";

const FIXED_HEADER_LEN: u32 = 24;
/// The text between header and data may not be longer than this.
const MAX_HEADER_LEN: u32 = 1 << 20;
const UNKNOWN_LEN: u32 = u32::MAX;
/// Frames decoded at a time.
const FRAMES_PER_BLOCK: usize = 4096;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    MuLaw,
    ALaw,
    Signed8,
    Signed16,
    Signed24,
    Signed32,
    Float32,
    Float64,
}

impl Encoding {
    fn from_code(code: u32) -> Result<Self, Fault> {
        Ok(match code {
            1 => Encoding::MuLaw,
            2 => Encoding::Signed8,
            3 => Encoding::Signed16,
            4 => Encoding::Signed24,
            5 => Encoding::Signed32,
            6 => Encoding::Float32,
            7 => Encoding::Float64,
            27 => Encoding::ALaw,
            8 => return Err(unsupported("fragmented samples")),
            23 => return Err(unsupported("G.721 ADPCM")),
            24 => return Err(unsupported("G.722 ADPCM")),
            25 | 26 => return Err(unsupported("G.723 ADPCM")),
            other => return Err(unsupported(&format!("encoding {other}"))),
        })
    }

    fn name(self) -> &'static str {
        match self {
            Encoding::MuLaw => "pcm_mulaw",
            Encoding::ALaw => "pcm_alaw",
            Encoding::Signed8 => "pcm_s8",
            Encoding::Signed16 => "pcm_s16be",
            Encoding::Signed24 => "pcm_s24be",
            Encoding::Signed32 => "pcm_s32be",
            Encoding::Float32 => "pcm_f32be",
            Encoding::Float64 => "pcm_f64be",
        }
    }

    fn bytes(self) -> usize {
        match self {
            Encoding::MuLaw | Encoding::ALaw | Encoding::Signed8 => 1,
            Encoding::Signed16 => 2,
            Encoding::Signed24 => 3,
            Encoding::Signed32 | Encoding::Float32 => 4,
            Encoding::Float64 => 8,
        }
    }

    /// Decodes whole samples to [-1, 1), integers by division by 2^(bits - 1) as libsndfile does.
    fn decode(self, bytes: &[u8], out: &mut Vec<f32>) {
        match self {
            Encoding::MuLaw => out.extend(bytes.iter().map(|&b| f32::from(mu_law(b)) / 32_768.0)),
            Encoding::ALaw => out.extend(bytes.iter().map(|&b| f32::from(a_law(b)) / 32_768.0)),
            Encoding::Signed8 => out.extend(bytes.iter().map(|&b| f32::from(b.cast_signed()) / 128.0)),
            Encoding::Signed16 => {
                out.extend(words(bytes).map(|b| f32::from(i16::from_be_bytes(b)) / 32_768.0));
            }
            Encoding::Signed24 => out.extend(words(bytes).map(|[a, b, c]| {
                // Shifted down so that the sign is kept; 24 bits are exact in single precision.
                (i32::from_be_bytes([a, b, c, 0]) >> 8) as f32 / 8_388_608.0
            })),
            Encoding::Signed32 => {
                out.extend(words(bytes).map(|b| i32::from_be_bytes(b) as f32 / 2_147_483_648.0));
            }
            Encoding::Float32 => out.extend(words(bytes).map(f32::from_be_bytes)),
            Encoding::Float64 => out.extend(words(bytes).map(|b| f64::from_be_bytes(b) as f32)),
        }
    }
}

fn unsupported(what: &str) -> Fault {
    Fault::Unsupported(format!("{what} in a Sun .au file"))
}

fn words<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.as_chunks::<N>().0.iter().copied()
}

/// One byte of mu-law to a 16-bit sample (ITU-T G.711).
fn mu_law(byte: u8) -> i16 {
    const BIAS: i16 = 0x84;
    let byte = !byte;
    let magnitude = (((i16::from(byte & 0x0f) << 3) + BIAS) << ((byte & 0x70) >> 4)) - BIAS;
    if byte & 0x80 == 0 { magnitude } else { -magnitude }
}

/// One byte of A-law to a 16-bit sample (ITU-T G.711).
fn a_law(byte: u8) -> i16 {
    let byte = byte ^ 0x55;
    let step = i16::from(byte & 0x0f) << 4;
    let magnitude = match (byte & 0x70) >> 4 {
        0 => step + 8,
        segment => (step + 0x108) << (segment - 1),
    };
    if byte & 0x80 == 0 { -magnitude } else { magnitude }
}

/// A reader of `.au` data.
pub(crate) struct AuReader<R> {
    reader: R,
    header: Header,
    encoding: Encoding,
    /// Bytes of data still promised; `None` where the header does not know.
    left: Option<u64>,
    buffer: Vec<u8>,
    cut_short: bool,
}

impl<R: Read> AuReader<R> {
    /// Reads the header, leaving `reader` at the first sample.
    pub(crate) fn open(mut reader: R) -> Result<Self, Fault> {
        let mut fixed = [0; FIXED_HEADER_LEN as usize];
        reader.read_exact(&mut fixed).map_err(in_header)?;
        let word = |index: usize| {
            let at = index * 4;
            u32::from_be_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]])
        };
        if fixed[..4] != *MAGIC {
            return Err(Fault::Unrecognised("no .snd magic".into()));
        }
        let (offset, len, code, rate, channels) = (word(1), word(2), word(3), word(4), word(5));
        if !(FIXED_HEADER_LEN..=MAX_HEADER_LEN).contains(&offset) {
            return Err(Fault::Malformed(format!(
                "the .au header says its length is {offset} bytes ({FIXED_HEADER_LEN} to {MAX_HEADER_LEN} are accepted)"
            )));
        }
        let encoding = Encoding::from_code(code)?;
        check_layout(rate, channels as usize)?;

        let annotation = u64::from(offset - FIXED_HEADER_LEN);
        if io::copy(&mut (&mut reader).take(annotation), &mut io::sink())? < annotation {
            return Err(Fault::Malformed("the file ends inside its header".into()));
        }
        let left = (len != UNKNOWN_LEN).then_some(u64::from(len));
        let frame_len = encoding.bytes() as u64 * u64::from(channels);
        let header = Header {
            format: "au".into(),
            codec: encoding.name().into(),
            rate,
            // At most MAX_CHANNELS.
            channels: channels as u16,
            bits_per_sample: Some(8 * encoding.bytes() as u32),
            frames: left.map(|bytes| bytes / frame_len),
        };
        Ok(AuReader {
            reader,
            header,
            encoding,
            left,
            buffer: Vec::new(),
            cut_short: false,
        })
    }

    fn frame_len(&self) -> usize {
        self.encoding.bytes() * usize::from(self.header.channels)
    }

    /// Fills the buffer with whole frames; empty at the end.
    fn fill(&mut self) -> Result<(), Fault> {
        let frame_len = self.frame_len();
        let mut wanted = (frame_len * FRAMES_PER_BLOCK) as u64;
        if let Some(left) = self.left {
            wanted = wanted.min(left - left % frame_len as u64);
        }
        self.buffer.clear();
        let got = (&mut self.reader).take(wanted).read_to_end(&mut self.buffer)?;
        if let Some(left) = &mut self.left {
            *left -= got as u64;
            self.cut_short |= (got as u64) < wanted;
        } else {
            // Where no length is promised, a frame that is begun and not ended is the only sign of a cut.
            self.cut_short |= got % frame_len != 0;
        }
        self.buffer.truncate(got - got % frame_len);
        Ok(())
    }
}

fn in_header(error: io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Fault::Malformed("the file ends inside its header".into()),
        _ => Fault::Io(error),
    }
}

impl<R: Read + Send> Decode for AuReader<R> {
    fn header(&self) -> &Header {
        &self.header
    }

    fn next_block(&mut self, block: &mut Block) -> Result<bool, Fault> {
        self.fill()?;
        if self.buffer.is_empty() {
            return Ok(false);
        }
        block.samples.clear();
        block.channels = usize::from(self.header.channels);
        self.encoding.decode(&self.buffer, &mut block.samples);
        Ok(true)
    }

    fn count_frames(&mut self) -> Result<u64, Fault> {
        let bytes = io::copy(&mut self.reader, &mut io::sink())?;
        Ok(bytes / self.frame_len() as u64)
    }

    fn damage(&self) -> Damage {
        Damage {
            cut_short: self.cut_short,
            ..Damage::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(offset: u32, len: u32, code: u32, rate: u32, channels: u32, data: &[u8]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for word in [offset, len, code, rate, channels] {
            bytes.extend(word.to_be_bytes());
        }
        bytes.resize(bytes.len().max(offset.min(100) as usize), b' ');
        bytes.extend(data);
        bytes
    }

    fn read(bytes: &[u8]) -> Result<(Vec<f32>, Damage), Fault> {
        let mut reader = AuReader::open(bytes)?;
        let (mut all, mut block) = (Vec::new(), Block::default());
        while reader.next_block(&mut block)? {
            all.extend(&block.samples);
        }
        Ok((all, reader.damage()))
    }

    #[test]
    fn every_encoding() {
        let cases: [(u32, &[u8], &[f32]); 8] = [
            (
                1,
                &[0xff, 0x7f, 0x80, 0x00],
                &[0.0, 0.0, 32_124.0 / 32_768.0, -32_124.0 / 32_768.0],
            ),
            (2, &[0x00, 0x40, 0x80], &[0.0, 0.5, -1.0]),
            (3, &[0x00, 0x00, 0x40, 0x00, 0x80, 0x00], &[0.0, 0.5, -1.0]),
            (
                4,
                &[0x40, 0x00, 0x00, 0xff, 0xff, 0xff],
                &[0.5, -1.0 / 8_388_608.0],
            ),
            (5, &[0x40, 0x00, 0x00, 0x00, 0x80, 0x00, 0x00, 0x00], &[0.5, -1.0]),
            (6, &0.25_f32.to_be_bytes(), &[0.25]),
            (7, &(-0.25_f64).to_be_bytes(), &[-0.25]),
            (
                27,
                &[0xd5, 0x55, 0xaa, 0x2a],
                &[8.0 / 32_768.0, -8.0 / 32_768.0, 0.984_375, -0.984_375],
            ),
        ];
        for (code, data, expected) in cases {
            let (samples, damage) = read(&file(32, data.len() as u32, code, 8000, 1, data)).unwrap();
            assert_eq!(samples, expected, "encoding {code}");
            assert!(!damage.cut_short);
        }
    }

    #[test]
    fn unknown_length_reads_to_the_end() {
        let bytes = file(28, UNKNOWN_LEN, 2, 22_050, 1, &[0x40; 10_000]);
        assert_eq!(read(&bytes).unwrap().0, vec![0.5; 10_000]);
        let mut reader = AuReader::open(&bytes[..]).unwrap();
        assert_eq!(
            (reader.header().frames, reader.count_frames().unwrap()),
            (None, 10_000)
        );
    }

    #[test]
    fn what_follows_the_data_is_left_alone() {
        assert_eq!(
            read(&file(24, 4, 3, 22_050, 1, &[0x40, 0, 0x40, 0, 1, 2, 3]))
                .unwrap()
                .0,
            [0.5, 0.5]
        );
    }

    #[test]
    fn a_cut_file_yields_its_whole_frames() {
        let (samples, damage) =
            read(&file(24, 400, 3, 22_050, 2, &[0x40, 0, 0x40, 0, 0x40, 0, 0x40])).unwrap();
        assert_eq!(samples, [0.5, 0.5]);
        assert!(damage.cut_short);
    }

    #[test]
    fn headers_that_lie_are_refused() {
        let fault = |bytes: &[u8]| match read(bytes).unwrap_err() {
            Fault::Unsupported(text) | Fault::Malformed(text) | Fault::Unrecognised(text) => text,
            other => panic!("{other:?}"),
        };
        assert!(fault(&file(24, 4, 3, 0, 1, &[0; 4])).contains("0 Hz"));
        assert!(fault(&file(24, 4, 3, 1_000_000_000, 1, &[0; 4])).contains("1000000000 Hz"));
        assert!(fault(&file(24, 4, 3, 8000, 0, &[0; 4])).contains("0 channels"));
        assert!(fault(&file(24, 4, 3, 8000, u32::MAX, &[0; 4])).contains("4294967295 channels"));
        assert!(fault(&file(24, 4, 23, 8000, 1, &[0; 4])).contains("G.721"));
        assert!(fault(&file(24, 4, 99, 8000, 1, &[0; 4])).contains("encoding 99"));
        assert!(fault(&file(8, 4, 3, 8000, 1, &[0; 4])).contains("length is 8 bytes"));
        assert!(fault(&file(u32::MAX, 4, 3, 8000, 1, &[0; 4])).contains("length is 4294967295 bytes"));
        assert!(fault(&file(1 << 20, 4, 3, 8000, 1, &[0; 4])).contains("ends inside its header"));
        assert!(fault(b".snd\0\0").contains("ends inside its header"));
        assert!(fault(&[0; 30]).contains("magic"));
    }
}
