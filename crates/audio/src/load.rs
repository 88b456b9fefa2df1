//! A whole file at once.
//!
//! Not for files of unknown length without a bound: the default [`Limit`] is there for them.

use std::path::Path;

use crate::error::{Error, Result};
use crate::{Hertz, Limit, Signal, Stream};

/// Samples asked for at a time.
const PIECE: usize = 1 << 16;

/// What [`load`] returns.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The sound.
    pub signal: Signal,
    /// What was wrong with the file without making it unreadable.
    pub warnings: Vec<String>,
}

/// Reads a whole file, mixed to mono and resampled to `target` (its own rate where `None`).
///
/// The counterpart of `librosa.load(path, sr=target)`.
///
/// # Errors
/// Those of [`Stream::open`] and [`Stream::read`], and [`Error::TooLong`] as soon as more than `limit` is decoded.
pub fn load(path: &Path, target: Option<Hertz>, limit: Limit) -> Result<Loaded> {
    let mut stream = Stream::open(path, target)?;
    let max = limit.samples(stream.rate());
    let mut samples = Vec::new();
    while stream.read(&mut samples, PIECE)? > 0 {
        if samples.len() > max {
            let limit_s = limit.seconds().unwrap_or(f64::INFINITY);
            return Err(Error::TooLong {
                path: path.to_path_buf(),
                limit_s,
            });
        }
    }
    Ok(Loaded {
        signal: Signal::new(samples, stream.rate()),
        warnings: stream.warnings().to_vec(),
    })
}
