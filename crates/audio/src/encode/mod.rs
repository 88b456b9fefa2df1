//! Sound to files: wav, flac, mp3, Ogg Opus.
//!
//! [`Encoder`] takes stereo frames piece by piece and writes beside the file's place; [`Encoder::finish`] moves the file
//! there, so that it is there whole or not at all. The same frames give the same bytes. Not for tags.

mod flac;
mod mp3;
mod opus;
mod quantise;
mod wav;

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::{Hertz, Stereo};

/// A file format that can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// RIFF WAVE: integers of 16 or 24 bits, or 32-bit floating point numbers; up to 4 GB.
    Wav,
    /// FLAC: 16 or 24 bits, without loss.
    Flac,
    /// MPEG-1 Layer III, 192 kbit/s.
    Mp3,
    /// Opus in Ogg, 128 kbit/s, at 48,000 Hz.
    Ogg,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 4] = [Format::Wav, Format::Flac, Format::Mp3, Format::Ogg];

    /// The format that a file's name ends with; `None` for others.
    pub fn of(path: &Path) -> Option<Format> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "wav" | "wave" => Some(Format::Wav),
            "flac" => Some(Format::Flac),
            "mp3" => Some(Format::Mp3),
            "ogg" | "oga" | "opus" => Some(Format::Ogg),
            _ => None,
        }
    }

    /// What its files' names end with, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Wav => "wav",
            Format::Flac => "flac",
            Format::Mp3 => "mp3",
            Format::Ogg => "ogg",
        }
    }

    /// The rate that its files should have; `None` where any will do.
    pub fn fixed_rate(self) -> Option<Hertz> {
        (self == Format::Ogg).then_some(Hertz(opus::RATE))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.extension())
    }
}

/// How exactly samples are kept in a format without loss; others choose for themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Depth {
    /// 16 bits, with triangular dither.
    #[default]
    Bits16,
    /// 24 bits, rounded.
    Bits24,
    /// 32-bit floating point numbers, unchanged; wav only.
    Float,
}

/// Writes one stereo file, piece by piece.
///
/// Dropped before [`finish`](Self::finish), it leaves nothing.
pub struct Encoder {
    path: PathBuf,
    beside: PathBuf,
    /// `None` once it is finished.
    sink: Option<Box<dyn Sink>>,
    frames: u64,
}

/// What a format does with frames.
trait Sink: Send {
    fn write(&mut self, left: &[f32], right: &[f32]) -> io::Result<()>;
    /// Writes what is left, and lengths that were not known before.
    fn finish(self: Box<Self>) -> io::Result<File>;
}

impl Encoder {
    /// Begins a file at `path` with samples at `rate`.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a rate or depth that the format does not have; otherwise what the operating system says.
    pub fn create(path: &Path, format: Format, rate: Hertz, depth: Depth) -> Result<Encoder> {
        let unsupported = |what: String| Error::Unsupported {
            path: path.to_owned(),
            what,
        };
        check(format, rate, depth).map_err(unsupported)?;
        if path.is_dir() {
            return Err(Error::Directory {
                path: path.to_owned(),
            });
        }
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let beside = path.with_file_name(name);
        let begun = File::create(&beside).and_then(|file| -> io::Result<Box<dyn Sink>> {
            let out = BufWriter::with_capacity(1 << 16, file);
            Ok(match format {
                Format::Wav => Box::new(wav::Wav::begin(out, rate, depth)?),
                Format::Flac => Box::new(flac::Flac::begin(out, rate, depth)?),
                Format::Mp3 => Box::new(mp3::Mp3::begin(out, rate)?),
                Format::Ogg => Box::new(opus::Opus::begin(out)?),
            })
        });
        match begun {
            Ok(sink) => Ok(Encoder {
                path: path.to_owned(),
                beside,
                sink: Some(sink),
                frames: 0,
            }),
            Err(source) => {
                let _ = std::fs::remove_file(&beside);
                Err(Error::Io {
                    path: path.to_owned(),
                    source,
                })
            }
        }
    }

    /// Appends frames; both channels are of one length.
    ///
    /// # Errors
    /// What the operating system or the codec says; a wav file of more than 4 GB.
    pub fn write(&mut self, left: &[f32], right: &[f32]) -> Result<()> {
        let frames = left.len().min(right.len());
        self.frames += frames as u64;
        let sink = self.sink.as_mut().expect("it is not finished");
        sink.write(&left[..frames], &right[..frames])
            .map_err(|source| Error::Io {
                path: self.path.clone(),
                source,
            })
    }

    /// Completes the file and moves it to its place.
    ///
    /// # Errors
    /// What the operating system or the codec says; then nothing is left behind.
    pub fn finish(mut self) -> Result<()> {
        let sink = self.sink.take().expect("it is not finished");
        let done = sink.finish().and_then(|file| {
            file.sync_all()?;
            std::fs::rename(&self.beside, &self.path)
        });
        done.map_err(|source| {
            let _ = std::fs::remove_file(&self.beside);
            Error::Io {
                path: self.path.clone(),
                source,
            }
        })
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        if self.sink.take().is_some() {
            let _ = std::fs::remove_file(&self.beside);
        }
    }
}

/// Writes a whole sound to a file.
///
/// # Errors
/// Those of [`Encoder`].
pub fn save(path: &Path, sound: &Stereo, format: Format, depth: Depth) -> Result<()> {
    let mut encoder = Encoder::create(path, format, sound.rate(), depth)?;
    encoder.write(sound.left(), sound.right())?;
    encoder.finish()
}

/// Whether a format can hold sound like this; else why not.
fn check(format: Format, rate: Hertz, depth: Depth) -> std::result::Result<(), String> {
    match format {
        Format::Wav if !(1_000..=768_000).contains(&rate.0) => Err(format!("wav at {rate}")),
        Format::Flac if !(1_000..=96_000).contains(&rate.0) => Err(format!("flac at {rate}")),
        Format::Flac if depth == Depth::Float => {
            Err("flac of floating point numbers; 16 and 24 bits are there".to_owned())
        }
        Format::Mp3 if ![32_000, 44_100, 48_000].contains(&rate.0) => {
            Err(format!("mp3 at {rate}; 32000, 44100 and 48000 Hz are there"))
        }
        Format::Ogg if rate.0 != opus::RATE => Err(format!("Opus at {rate}; it works at 48000 Hz")),
        _ => Ok(()),
    }
}

/// The file behind a buffer, once all is written to it.
fn into_file(out: BufWriter<File>) -> io::Result<File> {
    out.into_inner().map_err(io::IntoInnerError::into_error)
}

/// Writes bytes at a place in a file that goes on, and goes back to its end.
fn patch(out: &mut BufWriter<File>, at: u64, bytes: &[u8]) -> io::Result<()> {
    out.seek(io::SeekFrom::Start(at))?;
    out.write_all(bytes)?;
    out.seek(io::SeekFrom::End(0)).map(|_| ())
}
