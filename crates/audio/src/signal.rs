//! The noun everything else speaks of: mono samples together with their rate.
//!
//! Not for multichannel sound: files are mixed down while they are read.

/// A sample rate in samples per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hertz(pub u32);

impl std::fmt::Display for Hertz {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} Hz", self.0)
    }
}

/// Mono samples, nominally in [-1, 1], and their rate.
///
/// Decoded lossy audio may exceed the nominal range a little; it is not clipped (as librosa does not).
#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    samples: Vec<f32>,
    rate: Hertz,
}

impl Signal {
    /// Joins samples and their rate.
    pub fn new(samples: Vec<f32>, rate: Hertz) -> Self {
        Signal { samples, rate }
    }

    /// The samples in order of time.
    pub fn samples(&self) -> &[f32] {
        &self.samples
    }

    /// Gives up the rate and returns the samples without copying.
    pub fn into_samples(self) -> Vec<f32> {
        self.samples
    }

    /// Samples per second.
    pub fn rate(&self) -> Hertz {
        self.rate
    }

    /// Length in seconds; 0 where the rate is 0.
    pub fn duration_s(&self) -> f64 {
        if self.rate.0 == 0 {
            0.0
        } else {
            self.samples.len() as f64 / f64::from(self.rate.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_is_samples_over_rate() {
        assert_eq!(Signal::new(vec![0.0; 11_025], Hertz(22_050)).duration_s(), 0.5);
        assert_eq!(Signal::new(vec![0.0; 5], Hertz(0)).duration_s(), 0.0);
        assert_eq!(Hertz(8000).to_string(), "8000 Hz");
    }
}
