//! The error type of this crate: what is wrong with which font, or with what was asked for.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// What this crate's functions return.
pub type Result<T> = std::result::Result<T, Error>;

/// Why there is no sound.
///
/// `Display` prints `PATH: fault` where a file is at fault, else the fault alone.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The operating system does not let us read the SoundFont, or make a folder.
    Io {
        /// The file.
        path: PathBuf,
        /// What it says.
        source: io::Error,
    },
    /// The file is no SoundFont that can be played.
    Font {
        /// The file; a name for fonts that are in none.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// The score holds not a single note.
    Empty,
    /// The score lasts longer than was allowed.
    TooLong {
        /// Its length in seconds.
        seconds: f64,
        /// The limit in seconds.
        limit_s: f64,
    },
    /// What was asked for is outside its range.
    Parameter(String),
    /// A file of sound could not be written.
    Audio(melisma_audio::Error),
    /// It was told to stop.
    Interrupted,
}

impl Error {
    pub(crate) fn font(path: &Path, fault: impl Into<String>) -> Self {
        Error::Font {
            path: path.to_owned(),
            fault: fault.into(),
        }
    }
}

impl From<melisma_audio::Error> for Error {
    fn from(error: melisma_audio::Error) -> Self {
        Error::Audio(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io { path, source } => write!(f, "{}: {source}", path.display()),
            Error::Font { path, fault } => write!(f, "{}: {fault}", path.display()),
            Error::Empty => f.write_str("a score without notes"),
            Error::TooLong { seconds, limit_s } => {
                write!(
                    f,
                    "{seconds:.0} s of music, longer than the limit of {limit_s:.0} s"
                )
            }
            Error::Parameter(fault) => f.write_str(fault),
            Error::Audio(error) => error.fmt(f),
            Error::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io { source, .. } => Some(source),
            Error::Audio(error) => Some(error),
            _ => None,
        }
    }
}
