//! The one error type of this crate: what is wrong with which file, in words a person can act on.
//!
//! Not for warnings: a file that is damaged but still yields sound is read, and what was lost is said by
//! [`Stream::warnings`](crate::Stream::warnings).

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// What this crate's functions return.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a file could not be read as audio, or not be written.
///
/// `Display` prints `PATH: fault`. Every variant carries the path, see [`Error::path`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// There is no such file.
    NotFound {
        /// The file asked for.
        path: PathBuf,
    },
    /// The operating system does not let us read the file.
    Permission {
        /// The file asked for.
        path: PathBuf,
    },
    /// The path names a directory.
    Directory {
        /// The directory.
        path: PathBuf,
    },
    /// The file has no bytes.
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The content is none of the formats this crate knows.
    Unrecognised {
        /// The file.
        path: PathBuf,
        /// What was looked for and not found.
        detail: String,
    },
    /// The format is known, but the file uses a part of it that this crate does not read.
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The part: a codec, a rate, a number of channels.
        what: String,
    },
    /// The content contradicts its format.
    Malformed {
        /// The file.
        path: PathBuf,
        /// What contradicts what.
        fault: String,
    },
    /// The file is intact but holds not a single sample.
    NoAudio {
        /// The file.
        path: PathBuf,
    },
    /// The file holds more sound than the caller's [`Limit`](crate::Limit) allows to hold at once.
    TooLong {
        /// The file.
        path: PathBuf,
        /// The limit in seconds.
        limit_s: f64,
    },
    /// Reading failed for a reason outside the file's content.
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl Error {
    /// The file that this error is about.
    pub fn path(&self) -> &Path {
        match self {
            Error::NotFound { path }
            | Error::Permission { path }
            | Error::Directory { path }
            | Error::Empty { path }
            | Error::Unrecognised { path, .. }
            | Error::Unsupported { path, .. }
            | Error::Malformed { path, .. }
            | Error::NoAudio { path }
            | Error::TooLong { path, .. }
            | Error::Io { path, .. } => path,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.path().display())?;
        match self {
            Error::NotFound { .. } => f.write_str("no such file"),
            Error::Permission { .. } => f.write_str("permission denied"),
            Error::Directory { .. } => f.write_str("is a directory, not an audio file"),
            Error::Empty { .. } => f.write_str("is empty"),
            Error::Unrecognised { detail, .. } => write!(f, "not a known audio format: {detail}"),
            Error::Unsupported { what, .. } => write!(f, "unsupported: {what}"),
            Error::Malformed { fault, .. } => write!(f, "malformed: {fault}"),
            Error::NoAudio { .. } => f.write_str("holds no audio samples"),
            Error::TooLong { limit_s, .. } => {
                write!(f, "longer than the limit of {limit_s} s for reading at once")
            }
            Error::Io { source, .. } => write!(f, "{source}"),
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

/// An error that does not know its file yet: what the decoders return, given a path at the crate's edge.
#[derive(Debug)]
pub(crate) enum Fault {
    Empty,
    Unrecognised(String),
    Unsupported(String),
    Malformed(String),
    NoAudio,
    Io(io::Error),
}

impl Fault {
    /// Says which file the fault is in.
    pub(crate) fn at(self, path: &Path) -> Error {
        let path = path.to_path_buf();
        match self {
            Fault::Empty => Error::Empty { path },
            Fault::Unrecognised(detail) => Error::Unrecognised { path, detail },
            Fault::Unsupported(what) => Error::Unsupported { path, what },
            Fault::Malformed(fault) => Error::Malformed { path, fault },
            Fault::NoAudio => Error::NoAudio { path },
            Fault::Io(source) => match source.kind() {
                io::ErrorKind::NotFound => Error::NotFound { path },
                io::ErrorKind::PermissionDenied => Error::Permission { path },
                io::ErrorKind::IsADirectory => Error::Directory { path },
                _ => Error::Io { path, source },
            },
        }
    }
}

impl From<io::Error> for Fault {
    fn from(source: io::Error) -> Self {
        Fault::Io(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_names_the_path_and_the_fault() {
        let error = Fault::Malformed("no data".into()).at(Path::new("a/b.wav"));
        assert_eq!(error.to_string(), "a/b.wav: malformed: no data");
        assert_eq!(error.path(), Path::new("a/b.wav"));
    }

    #[test]
    fn io_kinds_become_variants_of_their_own() {
        let at = |kind: io::ErrorKind| Fault::Io(kind.into()).at(Path::new("x"));
        assert!(matches!(at(io::ErrorKind::NotFound), Error::NotFound { .. }));
        assert!(matches!(
            at(io::ErrorKind::PermissionDenied),
            Error::Permission { .. }
        ));
        assert!(matches!(at(io::ErrorKind::IsADirectory), Error::Directory { .. }));
        assert!(matches!(at(io::ErrorKind::BrokenPipe), Error::Io { .. }));
    }

    #[test]
    fn errors_cross_threads() {
        fn send_and_sync<T: Send + Sync + std::error::Error>() {}
        send_and_sync::<Error>();
    }
}
