//! The error type of this crate: what is wrong with which file.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// What this crate's functions return.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a file could not be read as a score, or a score not be written.
///
/// `Display` prints `PATH: fault`, or the fault alone for bytes without a file.
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
    /// The content is no score that could be read, even after repair.
    Malformed {
        /// The file; `None` for bytes that are in none.
        path: Option<PathBuf>,
        /// What is wrong with it.
        fault: String,
    },
}

impl Error {
    pub(crate) fn malformed(fault: impl Into<String>) -> Self {
        Error::Malformed {
            path: None,
            fault: fault.into(),
        }
    }

    /// The same with its file, where it is of bytes alone.
    pub fn in_file(self, file: &std::path::Path) -> Self {
        match self {
            Error::Malformed { path: None, fault } => Error::Malformed {
                path: Some(file.to_owned()),
                fault,
            },
            other => other,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io { path, source } => write!(f, "{}: {source}", path.display()),
            Error::Malformed {
                path: Some(path),
                fault,
            } => write!(f, "{}: {fault}", path.display()),
            Error::Malformed { path: None, fault } => f.write_str(fault),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io { source, .. } => Some(source),
            Error::Malformed { .. } => None,
        }
    }
}
