//! What was wrong with a file and how it was read all the same.

use std::fmt;

use serde::Serialize;

/// One kind of damage, and how often it was mended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Repair {
    /// The track in the file, counted from 1; `None` for the file as a whole.
    pub track: Option<usize>,
    /// What was wrong and what was done.
    pub what: &'static str,
    /// How often.
    pub times: usize,
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(track) = self.track {
            write!(f, "track {track}: ")?;
        }
        f.write_str(self.what)?;
        match self.times {
            1 => Ok(()),
            times => write!(f, " ({times} times)"),
        }
    }
}

/// Repairs as they are found; each kind is counted, so that a file of nothing but damage makes no long list.
#[derive(Debug, Default)]
pub(super) struct Repairs(pub Vec<Repair>);

impl Repairs {
    pub fn add(&mut self, track: Option<usize>, what: &'static str) {
        match self
            .0
            .iter_mut()
            .rev()
            .find(|repair| repair.track == track && repair.what == what)
        {
            Some(repair) => repair.times += 1,
            None => self.0.push(Repair {
                track,
                what,
                times: 1,
            }),
        }
    }
}
