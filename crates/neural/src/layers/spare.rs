//! Buffers that layers keep from one step to the next.

use std::sync::{Arc, Mutex};

/// Buffers that wait, at most.
const MOST: usize = 64;

/// Buffers that wait for the next step: fresh memory of this size costs more than it takes to fill.
#[derive(Debug, Clone, Default)]
pub(super) struct Spare(Arc<Mutex<Vec<Vec<f32>>>>);

impl Spare {
    /// A buffer with anything in it.
    pub(super) fn take(&self, len: usize) -> Buffer {
        let mut spare = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let fits = spare.iter().position(|buffer| buffer.len() == len);
        let values = fits
            .map(|at| spare.swap_remove(at))
            .unwrap_or_else(|| vec![0.0; len]);
        Buffer {
            values,
            home: self.clone(),
        }
    }
}

/// A buffer that goes back to where it came from.
#[derive(Debug)]
pub(super) struct Buffer {
    pub(super) values: Vec<f32>,
    home: Spare,
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let values = std::mem::take(&mut self.values);
        let mut spare = self
            .home
            .0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        if spare.len() >= MOST {
            spare.remove(0);
        }
        spare.push(values);
    }
}
