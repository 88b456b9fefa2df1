//! What can be wrong with a signal handed to the extractor.

use std::fmt;

/// Why a signal cannot be analysed.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// The signal has no samples.
    Empty,
    /// A sample is NaN or infinite.
    NotFinite {
        /// Position of the first such sample.
        index: usize,
    },
    /// A sample is so large that its power would overflow.
    TooLoud {
        /// Position of the first such sample.
        index: usize,
        /// Its value.
        value: f32,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Empty => write!(f, "the signal has no samples"),
            Error::NotFinite { index } => write!(f, "sample {index} is not a finite number"),
            Error::TooLoud { index, value } => {
                write!(
                    f,
                    "sample {index} is {value:e}, beyond the limit of {:e}",
                    crate::MAX_SAMPLE
                )
            }
        }
    }
}

impl std::error::Error for Error {}
