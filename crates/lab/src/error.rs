//! What can go wrong with an experiment.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::Protocol;

/// Why an experiment could not be run or reported.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The recipe is malformed, or asks for what there is not.
    Recipe {
        /// The recipe's file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A candidate cannot be fitted or judged.
    Candidate {
        /// The candidate.
        name: String,
        /// The protocol.
        protocol: Protocol,
        /// What is wrong.
        source: Box<melisma_learn::Error>,
    },
    /// A network cannot be trained or judged.
    Network {
        /// The candidate.
        name: String,
        /// The protocol.
        protocol: Protocol,
        /// What is wrong.
        source: Box<melisma_neural::Error>,
    },
    /// The data are at fault.
    Data(melisma_dataset::Error),
    /// A table can be read but not learned from.
    Table {
        /// The table.
        table: String,
        /// What is wrong.
        message: String,
    },
    /// A pretrained network is not installed, or cannot be used; the message names it.
    Model(String),
    /// An estimator, a ledger or a model is at fault.
    Learn(melisma_learn::Error),
    /// The report cannot be drawn or written.
    Report(melisma_explore::report::ReportError),
    /// A file cannot be read or written.
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The run was asked to stop; with a results folder, the same command goes on where it stopped.
    Interrupted,
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
            Error::Recipe { path, message } => write!(f, "{}: {message}", path.display()),
            Error::Candidate {
                name,
                protocol,
                source,
            } => write!(f, "candidate `{name}`, protocol {protocol}: {source}"),
            Error::Network {
                name,
                protocol,
                source,
            } => write!(f, "candidate `{name}`, protocol {protocol}: {source}"),
            Error::Data(error) => error.fmt(f),
            Error::Table { table, message } => write!(f, "{table}: {message}"),
            Error::Model(message) => f.write_str(message),
            Error::Learn(error) => error.fmt(f),
            Error::Report(error) => error.fmt(f),
            Error::Io { path, source } => write!(f, "{}: {source}", path.display()),
            Error::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Candidate { source, .. } => Some(source.as_ref()),
            Error::Network { source, .. } => Some(source.as_ref()),
            Error::Data(error) => Some(error),
            Error::Learn(error) => Some(error),
            Error::Report(error) => Some(error),
            Error::Io { source, .. } => Some(source),
            Error::Recipe { .. } | Error::Table { .. } | Error::Model(_) | Error::Interrupted => None,
        }
    }
}

impl From<melisma_dataset::Error> for Error {
    fn from(error: melisma_dataset::Error) -> Self {
        Error::Data(error)
    }
}

impl From<melisma_learn::Error> for Error {
    fn from(error: melisma_learn::Error) -> Self {
        match error {
            melisma_learn::Error::Interrupted => Error::Interrupted,
            error => Error::Learn(error),
        }
    }
}

impl From<melisma_explore::report::ReportError> for Error {
    fn from(error: melisma_explore::report::ReportError) -> Self {
        match error {
            melisma_explore::report::ReportError::Interrupted => Error::Interrupted,
            error => Error::Report(error),
        }
    }
}

impl From<melisma_plot::Error> for Error {
    fn from(error: melisma_plot::Error) -> Self {
        Error::Report(error.into())
    }
}
