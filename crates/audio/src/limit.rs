//! How much sound a caller is willing to hold in memory at once.
//!
//! Not for streaming: [`Stream`](crate::Stream) and [`Windows`](crate::Windows) hold a bounded piece whatever
//! the file's length.

use crate::Hertz;

/// A bound on the length of what [`load`](crate::load) returns.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Limit {
    /// No bound: the caller knows the file.
    None,
    /// [`Limit::DEFAULT_S`] seconds.
    #[default]
    Default,
    /// At most this many seconds.
    Maximum(f64),
}

impl Limit {
    /// Four hours, in seconds: 1.27 GB of samples at 22,050 Hz.
    pub const DEFAULT_S: f64 = 4.0 * 3600.0;

    /// The bound in seconds, if there is one.
    pub fn seconds(self) -> Option<f64> {
        match self {
            Limit::None => None,
            Limit::Default => Some(Self::DEFAULT_S),
            Limit::Maximum(seconds) => Some(seconds),
        }
    }

    /// The bound in samples at `rate`; a bound that is negative or not a number allows nothing.
    pub(crate) fn samples(self, rate: Hertz) -> usize {
        // The cast saturates, and maps NaN to 0.
        self.seconds().map_or(usize::MAX, |seconds| {
            (seconds * f64::from(rate.0)).floor() as usize
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_in_samples() {
        assert_eq!(Limit::None.samples(Hertz(10)), usize::MAX);
        assert_eq!(Limit::Default.samples(Hertz(10)), 144_000);
        assert_eq!(Limit::Maximum(1.05).samples(Hertz(10)), 10);
        assert_eq!(Limit::Maximum(-1.0).samples(Hertz(10)), 0);
        assert_eq!(Limit::Maximum(f64::NAN).samples(Hertz(10)), 0);
        assert_eq!(Limit::Maximum(f64::INFINITY).samples(Hertz(10)), usize::MAX);
    }
}
