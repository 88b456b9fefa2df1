//! A file as one stream of mono samples at the rate asked for.
//!
//! Joins the decoder, the mix-down and the resampler, and holds no more than a few packets at a time. Not for
//! keeping sound: see [`load`](crate::load) and [`Windows`](crate::Windows).

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::Hertz;
use crate::au::{self, AuReader};
use crate::container::Container;
use crate::decode::{Block, Decode, Header, RATES};
use crate::error::{Error, Fault, Result};
use crate::mix::{MAX_MAGNITUDE, mix_down};
use crate::resample::Resampler;
use crate::source::Source;

/// The name that errors carry for sound that comes from memory.
const MEMORY: &str = "<memory>";

/// Frames that may be missing from a rounded length without a word: a packet of ALAC or two of AAC.
const MAX_ROUNDING: u64 = 4096;

/// An open audio file that yields mono samples.
///
/// The channels are averaged, as `librosa.to_mono` does, and the mean is resampled to the rate asked for, as
/// `librosa.load(sr=...)` does with its default `soxr_hq`.
///
/// # Examples
/// ```
/// # fn main() -> melisma_audio::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let path = directory.path().join("tone.au");
/// # let mut bytes = b".snd\0\0\0\x18\0\0\0\x06\0\0\0\x03\0\0\x56\x22\0\0\0\x01".to_vec();
/// # bytes.extend([0x40, 0, 0xc0, 0, 0, 0]);
/// # std::fs::write(&path, bytes).unwrap();
/// use melisma_audio::{Hertz, Stream};
///
/// let mut stream = Stream::open(&path, Some(Hertz(22_050)))?;
/// let mut samples = Vec::new();
/// while stream.read(&mut samples, 4096)? > 0 {}
/// assert_eq!(samples, [0.5, -0.5, 0.0]);
/// # Ok(())
/// # }
/// ```
pub struct Stream {
    path: PathBuf,
    decoder: Box<dyn Decode + Sync>,
    resampler: Resampler,
    rate: Hertz,
    block: Block,
    mono: Vec<f32>,
    /// Samples ready to be handed out, from `ready_at` on.
    ready: Vec<f32>,
    ready_at: usize,
    frames: u64,
    replaced: u64,
    ended: bool,
    warnings: Vec<String>,
}

impl Stream {
    /// Opens a file to be read at the rate `target`, or at its own rate where that is `None`.
    ///
    /// The content decides what the file is; its extension is a hint only. A path that is no regular file (a FIFO,
    /// `/dev/stdin`) is read forwards.
    ///
    /// # Errors
    /// Every variant of [`Error`] but [`Error::TooLong`]. The first packets are decoded here, so that a file that
    /// opens has sound. A `target` outside 1,000 to 768,000 Hz is [`Error::Unsupported`].
    pub fn open(path: &Path, target: Option<Hertz>) -> Result<Self> {
        let decoder = open_decoder(path)?;
        Self::new(decoder, path, target)
    }

    /// As [`Stream::open`], from bytes in memory; errors name the path `<memory>`.
    ///
    /// # Errors
    /// As [`Stream::open`].
    pub fn from_bytes(bytes: Vec<u8>, extension: Option<&str>, target: Option<Hertz>) -> Result<Self> {
        let decoder = Source::from_bytes(bytes).and_then(|source| decoder_for(source, extension));
        Self::new(
            decoder.map_err(|fault| fault.at(Path::new(MEMORY)))?,
            Path::new(MEMORY),
            target,
        )
    }

    /// As [`Stream::open`], from a reader that only goes forwards; `name` stands for the path in errors.
    ///
    /// Formats that keep their index at the end (some mp4 files) cannot be read this way.
    ///
    /// # Errors
    /// As [`Stream::open`].
    pub fn from_reader(
        reader: Box<dyn Read + Send + Sync>,
        name: &Path,
        extension: Option<&str>,
        target: Option<Hertz>,
    ) -> Result<Self> {
        let decoder = Source::from_reader(reader).and_then(|source| decoder_for(source, extension));
        Self::new(decoder.map_err(|fault| fault.at(name))?, name, target)
    }

    fn new(decoder: Box<dyn Decode + Sync>, path: &Path, target: Option<Hertz>) -> Result<Self> {
        let source = Hertz(decoder.header().rate);
        let rate = target.unwrap_or(source);
        if !RATES.contains(&rate.0) {
            let what = format!(
                "resampling to {rate} ({} to {} Hz are accepted)",
                RATES.start(),
                RATES.end()
            );
            return Err(Fault::Unsupported(what).at(path));
        }
        let mut stream = Stream {
            path: path.to_path_buf(),
            resampler: Resampler::new(source, rate),
            decoder,
            rate,
            block: Block::default(),
            mono: Vec::new(),
            ready: Vec::new(),
            ready_at: 0,
            frames: 0,
            replaced: 0,
            ended: false,
            warnings: Vec::new(),
        };
        if !stream.fill()? {
            return Err(Error::NoAudio { path: stream.path });
        }
        Ok(stream)
    }

    /// The rate of the samples that [`Stream::read`] yields.
    pub fn rate(&self) -> Hertz {
        self.rate
    }

    /// The rate of the file.
    pub fn source_rate(&self) -> Hertz {
        Hertz(self.decoder.header().rate)
    }

    /// Appends up to `max` samples to `out` and returns how many; fewer than `max` only at the end, 0 after it.
    ///
    /// # Errors
    /// [`Error::Malformed`] where too much of the rest is damaged, [`Error::Io`] where reading fails.
    pub fn read(&mut self, out: &mut Vec<f32>, max: usize) -> Result<usize> {
        let mut count = 0;
        while count < max {
            let ready = &self.ready[self.ready_at..];
            let part = ready.len().min(max - count);
            out.extend_from_slice(&ready[..part]);
            self.ready_at += part;
            count += part;
            if self.ready_at == self.ready.len() && !self.fill()? {
                break;
            }
        }
        Ok(count)
    }

    /// What was wrong with the file without making it unreadable; complete once the end is reached.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Replaces what is ready by the next samples; false at the end.
    fn fill(&mut self) -> Result<bool> {
        self.ready.clear();
        self.ready_at = 0;
        while self.ready.is_empty() && !self.ended {
            match self.decoder.next_block(&mut self.block) {
                Ok(true) => {
                    self.mono.clear();
                    self.replaced += mix_down(&self.block, &mut self.mono);
                    self.frames += self.mono.len() as u64;
                    self.resampler.process(&self.mono, &mut self.ready);
                }
                Ok(false) => {
                    self.ended = true;
                    self.resampler.finish(&mut self.ready);
                    self.warn();
                }
                Err(fault) => {
                    self.ended = true;
                    return Err(fault.at(&self.path));
                }
            }
        }
        Ok(!self.ready.is_empty())
    }

    /// Puts into words what was lost.
    fn warn(&mut self) {
        let header = self.decoder.header();
        let damage = self.decoder.damage();
        let seconds = |frames: u64| frames as f64 / f64::from(header.rate);
        let missing = header
            .frames
            .map_or(0, |promised| promised.saturating_sub(self.frames));
        // Other containers round the length, some to whole packets.
        let rounding = match header.format.as_str() {
            "wav" | "aiff" | "flac" | "au" => 0,
            _ => u64::from(header.rate / 10).max(MAX_ROUNDING),
        };
        if damage.cut_short || missing > rounding {
            let read = seconds(self.frames);
            self.warnings.push(match header.frames {
                Some(promised) if missing > 0 => format!(
                    "file ends early: {read:.1} s of {:.1} s promised were read",
                    seconds(promised)
                ),
                _ => format!("file ends in the middle of a packet: {read:.1} s were read"),
            });
        }
        if damage.skipped_packets > 0 {
            self.warnings
                .push(format!("{} damaged packets skipped", damage.skipped_packets));
        }
        if damage.goes_on {
            self.warnings
                .push("file goes on after the end that its header promises".into());
        }
        if self.replaced > 0 {
            self.warnings.push(format!(
                "{} samples that are not finite or larger than {MAX_MAGNITUDE:e} set to 0",
                self.replaced
            ));
        }
    }
}

/// Opens a path with the decoder that its content asks for.
pub(crate) fn open_decoder(path: &Path) -> Result<Box<dyn Decode + Sync>> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    Source::open(path)
        .and_then(|source| decoder_for(source, extension))
        .map_err(|fault| fault.at(path))
}

fn decoder_for(
    source: Source,
    extension: Option<&str>,
) -> std::result::Result<Box<dyn Decode + Sync>, Fault> {
    if source.head().starts_with(au::MAGIC) {
        return Ok(Box::new(AuReader::open(std::io::BufReader::new(source))?));
    }
    Ok(Box::new(Container::open(source, extension)?))
}

/// What the header of a file says, and the file's length in frames: counted where the header is silent.
pub(crate) fn header_and_frames(path: &Path) -> Result<(Header, u64)> {
    let mut decoder = open_decoder(path)?;
    let frames = match decoder.header().frames {
        Some(frames) => frames,
        None => decoder.count_frames().map_err(|fault| fault.at(path))?,
    };
    Ok((decoder.header().clone(), frames))
}
