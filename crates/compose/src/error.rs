//! The error type of this crate.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// What this crate's functions return.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a model could not be made, read or asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The operating system does not let us read or write the file.
    Io {
        /// The file.
        path: PathBuf,
        /// What it says.
        source: io::Error,
    },
    /// A file is not what it should be.
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// Settings that are out of their range or contradict each other.
    Params(String),
    /// Tokens that the model has no place for.
    Tokens(String),
    /// The loss of a training is no number any more.
    Diverged {
        /// The step.
        step: u64,
    },
    /// It was asked to stop.
    Interrupted,
}

impl Error {
    /// What turns an error of the operating system into one that names the file.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::Io { path, source }
    }

    pub(crate) fn file(path: &Path, fault: impl fmt::Display) -> Error {
        Error::File {
            path: path.to_owned(),
            fault: fault.to_string(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io { path, source } => write!(f, "{}: {source}", path.display()),
            Error::File { path, fault } => write!(f, "{}: {fault}", path.display()),
            Error::Params(fault) | Error::Tokens(fault) => f.write_str(fault),
            Error::Diverged { step } => write!(
                f,
                "the loss is no number any more at step {step}: a lower rate may help"
            ),
            Error::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
