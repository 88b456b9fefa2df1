//! What can be wrong with a table or a list, and where.

use std::fmt;
use std::path::{Path, PathBuf};

/// Why a table, a list or a data folder could not be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The file could not be read or written.
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A table is malformed.
    Table {
        /// Where it came from: a path, or a description.
        table: String,
        /// The line of the file (the header is line 1), when the fault is on one line.
        line: Option<u64>,
        /// The column, when the fault is in one column.
        column: Option<String>,
        /// What is wrong.
        message: String,
    },
    /// A text list (artists, duplicates, a split) is malformed.
    List {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// Recordings cannot be split as asked, or a split does not fit them.
    Split(String),
    /// A collection, or one of its entries, is not as its layout wants it.
    Collection {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A name is none of the known ones.
    UnknownName {
        /// What was to be named.
        what: &'static str,
        /// The name.
        name: String,
        /// The known names.
        known: String,
    },
    /// A path of a collection leads outside its folder.
    Outside {
        /// The collection's folder.
        root: PathBuf,
        /// The path, as it was written.
        path: PathBuf,
    },
    /// A name is not one of the known genres.
    UnknownGenre(String),
    /// No data folder was found at any of these places.
    NoData(Vec<PathBuf>),
}

impl Error {
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::Io { path, source }
    }

    pub(crate) fn table(table: &str, message: impl Into<String>) -> Error {
        Error::Table {
            table: table.to_owned(),
            line: None,
            column: None,
            message: message.into(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io { path, source } => write!(f, "{}: {source}", path.display()),
            Error::Table {
                table,
                line,
                column,
                message,
            } => {
                write!(f, "{table}")?;
                if let Some(line) = line {
                    write!(f, ", line {line}")?;
                }
                if let Some(column) = column {
                    write!(f, ", column `{column}`")?;
                }
                write!(f, ": {message}")
            }
            Error::List { path, line, message } => write!(f, "{}, line {line}: {message}", path.display()),
            Error::Split(message) => write!(f, "cannot split: {message}"),
            Error::Collection { path, message } => write!(f, "{}: {message}", path.display()),
            Error::UnknownName { what, name, known } => {
                write!(f, "unknown {what} `{name}` (known: {known})")
            }
            Error::Outside { root, path } => {
                write!(f, "{}: the path leads outside {}", path.display(), root.display())
            }
            Error::UnknownGenre(name) => write!(f, "unknown genre `{name}`"),
            Error::NoData(tried) => {
                f.write_str("no data folder found; tried")?;
                for path in tried {
                    write!(f, " {}", path.display())?;
                }
                f.write_str(" (give --data or set MELISMA_DATA)")
            }
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
