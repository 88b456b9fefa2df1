//! What can go wrong with installed models, and which file is at fault.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::weights::Fault;

/// Why a model could not be installed, found or loaded.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// No folder for models is named, and there is no home to have one in.
    NoFolder,
    /// No model of this name is known.
    Unknown {
        /// The name asked for.
        name: String,
    },
    /// The model is known but not installed.
    NotInstalled {
        /// The model.
        name: &'static str,
        /// The folder of models it was looked for in.
        folder: PathBuf,
    },
    /// The model comes from a file that the user has; there is nothing to download.
    NoDownload {
        /// The model.
        name: &'static str,
        /// What such a file is.
        wanted: &'static str,
    },
    /// What a file holds is not what it should be.
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: Fault,
    },
    /// A file could not be read or written.
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Python or its package installer could not be run, or could not download.
    Python {
        /// The program that was to be run.
        program: String,
        /// What went wrong.
        message: String,
    },
    /// The work was asked to stop.
    Interrupted,
}

/// The outcome of work on installed models.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::Io { path, source }
    }

    pub(super) fn file(path: &Path) -> impl FnOnce(Fault) -> Error {
        let path = path.to_owned();
        move |fault| Error::File { path, fault }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NoFolder => {
                f.write_str("no folder for models: neither MELISMA_MODELS nor XDG_DATA_HOME nor HOME is set")
            }
            Error::Unknown { name } => {
                let names: Vec<_> = super::known().iter().map(|known| known.name).collect();
                write!(
                    f,
                    "no model is called `{}`: {} are known",
                    name.escape_debug(),
                    names.join(", ")
                )
            }
            Error::NotInstalled { name, folder } => {
                write!(
                    f,
                    "{name} is not installed in {}: `melisma models install {name}`",
                    folder.display()
                )
            }
            Error::NoDownload { name, wanted } => {
                write!(f, "{name} cannot be downloaded: name {wanted} (--from FILE)")
            }
            Error::File { path, fault } => write!(f, "{}: {fault}", path.display()),
            Error::Io { path, source } => write!(f, "{}: {source}", path.display()),
            Error::Python { program, message } => write!(f, "{program}: {message}"),
            Error::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::File { fault, .. } => Some(fault),
            Error::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
