//! What can go wrong while learning, and who is at fault.

use std::fmt;
use std::path::{Path, PathBuf};

/// Why something could not be learned, predicted, read or written.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A table, a list or the data folder is at fault.
    Dataset(melisma_dataset::Error),
    /// A parameter of an estimator is out of range.
    Params {
        /// The estimator.
        estimator: &'static str,
        /// What is wrong.
        message: String,
    },
    /// The examples cannot be learned from.
    Examples(String),
    /// A row given for prediction does not fit the model.
    Row(String),
    /// The bytes are no model this version can use.
    Model(String),
    /// A recipe is malformed, or contradicts what it finds.
    Recipe {
        /// The recipe's file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// The work was asked to stop.
    Interrupted,
    /// A file could not be read or written.
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
}

impl Error {
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::Io { path, source }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Dataset(error) => error.fmt(f),
            Error::Params { estimator, message } => write!(f, "parameters of {estimator}: {message}"),
            Error::Examples(message) => write!(f, "cannot learn from these rows: {message}"),
            Error::Row(message) => write!(f, "cannot classify this row: {message}"),
            Error::Model(message) => write!(f, "not a usable model: {message}"),
            Error::Recipe { path, message } => write!(f, "{}: {message}", path.display()),
            Error::Interrupted => f.write_str("interrupted"),
            Error::Io { path, source } => write!(f, "{}: {source}", path.display()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Dataset(error) => Some(error),
            Error::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl From<melisma_dataset::Error> for Error {
    fn from(error: melisma_dataset::Error) -> Self {
        Error::Dataset(error)
    }
}
