//! Floating point samples to integers: rounding, and dither where rounding would be heard.

/// Rounds to so many bits. 16 bits are dithered: the difference of two uniform draws, one step wide each, makes the error a
/// noise that does not depend on the music (Lipshitz, Wannamaker and Vanderkooy 1992).
pub(super) struct Quantiser {
    scale: f32,
    dither: bool,
    state: u32,
}

impl Quantiser {
    pub(super) fn new(bits: u32) -> Self {
        Quantiser {
            scale: (1_u32 << (bits - 1)) as f32,
            dither: bits <= 16,
            state: 0x9e37_79b9,
        }
    }

    /// The integer nearest to a sample, held within the range.
    pub(super) fn quantise(&mut self, sample: f32) -> i32 {
        let mut value = sample * self.scale;
        // Digital silence stays silent: there is no error that could be heard in it.
        if self.dither && sample != 0.0 {
            value += self.uniform() - self.uniform();
        }
        // The cast saturates, and maps what is no number to 0.
        value.round().clamp(-self.scale, self.scale - 1.0) as i32
    }

    /// Between 0 and 1 (xorshift, Marsaglia 2003).
    fn uniform(&mut self) -> f32 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 17;
        self.state ^= self.state << 5;
        (self.state >> 8) as f32 / (1 << 24) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_of_dithered_samples_lies_between_the_steps() {
        let mut quantiser = Quantiser::new(16);
        let mean: f64 = (0..200_000)
            .map(|_| f64::from(quantiser.quantise(3.3 / 32_768.0)))
            .sum::<f64>()
            / 200_000.0;
        assert!((mean - 3.3).abs() < 0.01, "{mean}");
    }

    #[test]
    fn the_range_is_kept() {
        let mut quantiser = Quantiser::new(24);
        assert_eq!(quantiser.quantise(1.5), (1 << 23) - 1);
        assert_eq!(quantiser.quantise(-1.5), -(1 << 23));
        assert_eq!(quantiser.quantise(f32::NAN), 0);
        assert_eq!(Quantiser::new(16).quantise(0.0), 0);
    }
}
