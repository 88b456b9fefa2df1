//! Two channels of sound, as they are rendered and encoded. Not for listening: that is done on a mono [`Signal`].

use crate::{Hertz, Signal};

/// Samples of a left and a right channel, nominally in [-1, 1], and their rate.
#[derive(Debug, Clone, PartialEq)]
pub struct Stereo {
    left: Vec<f32>,
    right: Vec<f32>,
    rate: Hertz,
}

impl Stereo {
    /// Joins two channels and their rate; the longer one is cut to the shorter.
    pub fn new(mut left: Vec<f32>, mut right: Vec<f32>, rate: Hertz) -> Self {
        let frames = left.len().min(right.len());
        left.truncate(frames);
        right.truncate(frames);
        Stereo { left, right, rate }
    }

    /// The left channel.
    pub fn left(&self) -> &[f32] {
        &self.left
    }

    /// The right channel.
    pub fn right(&self) -> &[f32] {
        &self.right
    }

    /// Both channels, to be changed in place.
    pub fn channels_mut(&mut self) -> [&mut [f32]; 2] {
        [&mut self.left, &mut self.right]
    }

    /// Samples of each channel per second.
    pub fn rate(&self) -> Hertz {
        self.rate
    }

    /// Samples of each channel.
    pub fn frames(&self) -> usize {
        self.left.len()
    }

    /// Length in seconds; 0 where the rate is 0.
    pub fn duration_s(&self) -> f64 {
        match self.rate.0 {
            0 => 0.0,
            rate => self.frames() as f64 / f64::from(rate),
        }
    }

    /// The mean of both channels, as a file with them is read.
    pub fn to_mono(&self) -> Signal {
        let mean = self.left.iter().zip(&self.right).map(|(l, r)| 0.5 * (l + r));
        Signal::new(mean.collect(), self.rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_of_both_channels_is_heard() {
        let sound = Stereo::new(vec![1.0, 0.5, 0.0], vec![0.0, 0.5], Hertz(2));
        assert_eq!((sound.frames(), sound.duration_s()), (2, 1.0));
        assert_eq!(sound.to_mono().samples(), [0.5, 0.5]);
    }
}
