//! How a caller follows a long computation, and ends it early.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Error, Result};

/// What is called with the steps done and the steps in all.
type Progress<'a> = dyn Fn(usize, usize) + Sync + 'a;

/// A stop flag and a progress callback for what takes long; both may be left out.
#[derive(Clone, Copy, Default)]
pub struct Watch<'a> {
    stop: Option<&'a AtomicBool>,
    progress: Option<&'a Progress<'a>>,
}

impl<'a> Watch<'a> {
    /// Neither stops nor reports.
    pub fn none() -> Self {
        Watch::default()
    }

    /// Ends the computation with [`Error::Interrupted`] soon after `stop` becomes true.
    pub fn with_stop(mut self, stop: &'a AtomicBool) -> Self {
        self.stop = Some(stop);
        self
    }

    /// Calls `progress(done, total)` now and then; the unit is the method's (iterations, blocks of rows).
    pub fn with_progress(mut self, progress: &'a Progress<'a>) -> Self {
        self.progress = Some(progress);
        self
    }

    /// Whether the stop flag is up.
    pub(crate) fn stopped(&self) -> bool {
        self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }

    /// Fails when the stop flag is up.
    pub(crate) fn check(&self) -> Result<()> {
        if self.stopped() {
            Err(Error::Interrupted)
        } else {
            Ok(())
        }
    }

    /// Reports progress, and fails when the stop flag is up.
    pub(crate) fn step(&self, done: usize, total: usize) -> Result<()> {
        self.check()?;
        if let Some(progress) = self.progress {
            progress(done, total);
        }
        Ok(())
    }
}

impl fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("stop", &self.stop)
            .field("progress", &self.progress.is_some())
            .finish()
    }
}
