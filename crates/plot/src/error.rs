//! What can be wrong with the data of a figure, or with the place where it shall go.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a figure cannot be drawn or written.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// There is no finite value to draw.
    Empty {
        /// The figure.
        figure: String,
    },
    /// Two things that belong together have different lengths.
    Shape {
        /// The figure.
        figure: String,
        /// Which, and how long they are.
        fault: String,
    },
    /// A name that cannot be a file's: empty, or with other than letters, digits, `-`, `_` and `.`.
    Id {
        /// The name.
        id: String,
    },
    /// A picture of this size is beyond what a picture may have.
    TooLarge {
        /// The figure.
        figure: String,
        /// Pixels from left to right.
        width: f64,
        /// Pixels from top to bottom.
        height: f64,
    },
    /// The file cannot be written.
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The recording cannot be read.
    Audio(melisma_audio::Error),
    /// The recording cannot be analysed.
    Analysis {
        /// The recording.
        path: PathBuf,
        /// What is wrong with it.
        source: melisma_features::Error,
    },
    /// The part of the recording that was asked for has no samples.
    NoSuchPart {
        /// The recording.
        path: PathBuf,
        /// Its length in seconds.
        length_s: f64,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Empty { figure } => write!(f, "figure {figure}: there is nothing to draw"),
            Error::Shape { figure, fault } => write!(f, "figure {figure}: {fault}"),
            Error::Id { id } => write!(f, "`{id}` cannot be the name of a figure's files"),
            Error::TooLarge {
                figure,
                width,
                height,
            } => write!(
                f,
                "figure {figure}: a picture of {width:.0} x {height:.0} pixels is too large"
            ),
            Error::Write { path, source } => write!(f, "{}: cannot be written: {source}", path.display()),
            Error::Audio(source) => source.fmt(f),
            Error::Analysis { path, source } => write!(f, "{}: {source}", path.display()),
            Error::NoSuchPart { path, length_s } => write!(
                f,
                "{}: the part asked for lies outside its {length_s:.2} seconds",
                path.display()
            ),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Write { source, .. } => Some(source),
            Error::Audio(source) => Some(source),
            Error::Analysis { source, .. } => Some(source),
            _ => None,
        }
    }
}
