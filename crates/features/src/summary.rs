//! What many values have in common: mean and variance, and the shape of their distribution.

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

/// Deviation, in units of the mean, up to which values count as equal: what single precision can tell apart, as in `scipy.stats`.
const RESOLUTION: f64 = f32::EPSILON as f64;

/// How values are distributed. Everything is finite where the values are.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Distribution {
    /// Population standard deviation, as `numpy.std`.
    pub standard_deviation: f64,
    /// Third central moment over the cube of the deviation, as `scipy.stats.skew`; 0 where the values do not vary.
    pub skewness: f64,
    /// Fourth central moment over the square of the variance, less 3, as `scipy.stats.kurtosis`; 0 where the values do not vary.
    pub kurtosis: f64,
    /// The middle value, or the mean of the two in the middle.
    pub median: f64,
    /// The smallest value.
    pub minimum: f64,
    /// The largest value.
    pub maximum: f64,
}

impl Distribution {
    /// Of values about a mean that is known; all zeros for no values. Reorders the values.
    pub fn of(values: &mut [f32], moments: Moments) -> Self {
        if values.is_empty() {
            return Distribution::default();
        }
        let Moments { mean, variance } = moments;
        let (mut third, mut fourth) = (0.0, 0.0);
        for &value in values.iter() {
            let deviation = f64::from(value) - mean;
            let square = deviation * deviation;
            third += square * deviation;
            fourth += square * square;
        }
        let count = values.len() as f64;
        let varies = variance > (RESOLUTION * mean).powi(2);
        // The powers of the tiniest deviations vanish, and their quotient is no number.
        let quotient = |moment: f64, power: f64| {
            Some(moment / count / power).filter(|quotient| varies && quotient.is_finite())
        };
        let extreme = |pick: fn(f32, f32) -> f32| f64::from(values.iter().copied().fold(values[0], pick));
        let (minimum, maximum) = (extreme(f32::min), extreme(f32::max));
        Distribution {
            standard_deviation: variance.sqrt(),
            skewness: quotient(third, variance * variance.sqrt()).unwrap_or(0.0),
            kurtosis: quotient(fourth, variance * variance).map_or(0.0, |quotient| quotient - 3.0),
            median: median(values),
            minimum,
            maximum,
        }
    }
}

/// The middle of values that are not none.
fn median(values: &mut [f32]) -> f64 {
    let middle = values.len() / 2;
    let even = values.len().is_multiple_of(2);
    let (below, &mut upper, _) = values.select_nth_unstable_by(middle, f32::total_cmp);
    let lower = if even {
        below.iter().copied().fold(f32::NEG_INFINITY, f32::max)
    } else {
        upper
    };
    (f64::from(lower) + f64::from(upper)) / 2.0
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

    fn distribution(values: &[f32]) -> Distribution {
        Distribution::of(&mut values.to_vec(), Moments::of(values.iter().copied()))
    }

    #[test]
    fn a_distribution_of_known_values() {
        // numpy and scipy.stats of [2, 8, 0, 4, 1, 9, 9, 0].
        let got = distribution(&[2.0, 8.0, 0.0, 4.0, 1.0, 9.0, 9.0, 0.0]);
        let close = |got: f64, want: f64| assert!((got - want).abs() < 1e-12, "{got}, not {want}");
        close(got.standard_deviation, 3.7228181529588578);
        close(got.skewness, 0.2650554122698573);
        close(got.kurtosis, -1.6660010752838508);
        assert_eq!((got.median, got.minimum, got.maximum), (3.0, 0.0, 9.0));
        assert_eq!(distribution(&[5.0, 1.0, 2.0]).median, 2.0);
        assert_eq!(distribution(&[]), Distribution::default());
    }

    #[test]
    fn values_that_do_not_vary_have_no_shape() {
        for values in [[0.0; 7], [0.1; 7], [1e12; 7], [f32::MIN_POSITIVE; 7]] {
            let got = distribution(&values);
            assert_eq!((got.skewness, got.kurtosis), (0.0, 0.0));
        }
        let barely = distribution(&[1.0, 1.0 + 1e-7, 1.0]);
        assert_eq!((barely.skewness, barely.kurtosis), (0.0, 0.0));
    }
}
