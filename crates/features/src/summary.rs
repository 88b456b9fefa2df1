//! Mean and variance of many values.

use crate::simd::LANES;

/// Mean and population variance.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Moments {
    /// Arithmetic mean; 0 of nothing.
    pub mean: f64,
    /// Population variance, as `numpy.var`; 0 of nothing.
    pub variance: f64,
}

impl Moments {
    /// Of values that can be gone over twice.
    pub fn of(values: impl Iterator<Item = f32> + Clone) -> Self {
        let mut count = 0usize;
        let mut sum = 0.0f64;
        for value in values.clone() {
            sum += f64::from(value);
            count += 1;
        }
        if count == 0 {
            return Moments::default();
        }
        let mean = sum / count as f64;
        let squares: f64 = values.map(|v| (f64::from(v) - mean).powi(2)).sum();
        Moments {
            mean,
            variance: squares / count as f64,
        }
    }
}

/// Mean and variance of values that come once and are not kept.
///
/// Sums are taken about zero in double precision, which suits waveforms: their mean is small beside their deviation.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RunningMoments {
    count: usize,
    sums: [f64; LANES],
    squares: [f64; LANES],
}

impl RunningMoments {
    #[inline(always)]
    pub(crate) fn add(&mut self, values: &[f32]) {
        self.count += values.len();
        for block in values.chunks(LANES) {
            for (lane, &value) in block.iter().enumerate() {
                let value = f64::from(value);
                self.sums[lane] += value;
                self.squares[lane] += value * value;
            }
        }
    }

    pub(crate) fn moments(&self) -> Moments {
        if self.count == 0 {
            return Moments::default();
        }
        let count = self.count as f64;
        let mean = self.sums.iter().sum::<f64>() / count;
        let variance = (self.squares.iter().sum::<f64>() / count - mean * mean).max(0.0);
        Moments { mean, variance }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_known_values() {
        let values = [1.0f32, 2.0, 3.0, 4.0];
        let expected = Moments {
            mean: 2.5,
            variance: 1.25,
        };
        assert_eq!(Moments::of(values.iter().copied()), expected);
        let mut running = RunningMoments::default();
        running.add(&values[..1]);
        running.add(&values[1..]);
        assert_eq!(running.moments(), expected);
        assert_eq!(Moments::of([].iter().copied()), Moments::default());
    }
}
