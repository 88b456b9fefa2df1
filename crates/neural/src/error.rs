//! What can go wrong with networks, and who is at fault.

use std::fmt;
use std::path::{Path, PathBuf};

/// Why a network could not be built, trained, used, read or written.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A parameter is out of range.
    Params {
        /// The network, or the training.
        of: &'static str,
        /// What is wrong.
        message: String,
    },
    /// The samples do not fit the network, or cannot be learned from.
    Samples(String),
    /// Weights do not fit the network.
    Weights(String),
    /// Training left the numbers: the loss is no longer finite.
    Diverged {
        /// The epoch, from 1.
        epoch: usize,
    },
    /// The work was asked to stop.
    Interrupted,
    /// A file is not what it should be.
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A file could not be read or written.
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A figure could not be drawn.
    Plot(melisma_plot::Error),
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::Io { path, source }
    }

    pub(crate) fn file(path: &Path, message: impl fmt::Display) -> Error {
        Error::File {
            path: path.to_owned(),
            message: message.to_string(),
        }
    }

    pub(crate) fn params(of: &'static str, message: impl Into<String>) -> Error {
        Error::Params {
            of,
            message: message.into(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Params { of, message } => write!(f, "parameters of {of}: {message}"),
            Error::Samples(message) => write!(f, "unusable samples: {message}"),
            Error::Weights(message) => write!(f, "unusable weights: {message}"),
            Error::Diverged { epoch } => {
                write!(
                    f,
                    "the loss is not finite in epoch {epoch}: try a lower learning rate"
                )
            }
            Error::Interrupted => f.write_str("interrupted"),
            Error::File { path, message } => write!(f, "{}: {message}", path.display()),
            Error::Io { path, source } => write!(f, "{}: {source}", path.display()),
            Error::Plot(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io { source, .. } => Some(source),
            Error::Plot(error) => Some(error),
            _ => None,
        }
    }
}

impl From<melisma_plot::Error> for Error {
    fn from(error: melisma_plot::Error) -> Self {
        Error::Plot(error)
    }
}
