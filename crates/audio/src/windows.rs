//! Consecutive windows of one length over a file of any length, in constant memory.
//!
//! Not for overlapping frames: those are the business of the feature extractor within a window.

use std::path::Path;

use crate::{Hertz, Result, Stream};

/// Reads a file in windows of exactly `len` samples; a last window that is not full is not handed out.
pub struct Windows {
    stream: Stream,
    len: usize,
    buffer: Vec<f32>,
    /// Whether the buffer holds a window that has been handed out.
    handed_out: bool,
    samples_read: u64,
}

impl Windows {
    /// Opens a file to be read at the rate `target` in windows of `len` samples.
    ///
    /// # Errors
    /// Those of [`Stream::open`].
    ///
    /// # Panics
    /// If `len` is 0.
    pub fn open(path: &Path, target: Hertz, len: usize) -> Result<Self> {
        Ok(Self::over(Stream::open(path, Some(target))?, len))
    }

    /// Cuts what is left of `stream` into windows of `len` samples.
    ///
    /// # Panics
    /// If `len` is 0.
    pub fn over(stream: Stream, len: usize) -> Self {
        assert!(len > 0, "windows of 0 samples");
        Windows {
            stream,
            len,
            buffer: Vec::new(),
            handed_out: false,
            samples_read: 0,
        }
    }

    /// The next window, valid until the next call; `None` at the end.
    ///
    /// # Errors
    /// Those of [`Stream::read`].
    pub fn next_window(&mut self) -> Result<Option<&[f32]>> {
        if self.handed_out {
            self.buffer.clear();
            self.handed_out = false;
        }
        let wanted = self.len - self.buffer.len();
        self.samples_read += self.stream.read(&mut self.buffer, wanted)? as u64;
        self.handed_out = self.buffer.len() == self.len;
        Ok(self.handed_out.then_some(&self.buffer[..]))
    }

    /// Samples read from the file so far, at the target rate, those of a dropped tail included.
    pub fn samples_read(&self) -> u64 {
        self.samples_read
    }

    /// After the end: the samples that did not fill a window. Before: empty.
    pub fn remainder(&self) -> &[f32] {
        if self.handed_out { &[] } else { &self.buffer }
    }

    /// As [`Stream::warnings`].
    pub fn warnings(&self) -> &[String] {
        self.stream.warnings()
    }

    /// The rate of the file.
    pub fn source_rate(&self) -> Hertz {
        self.stream.source_rate()
    }
}
