//! Two sets of pieces side by side.

use serde::Serialize;

use super::copies::mix;
use super::{Measures, mean};

/// Times that the pieces are drawn anew for an interval.
pub const RESAMPLES: usize = 1_000;

/// Points at which densities are taken.
const POINTS: usize = 512;
/// Below this share of a set a density is taken for this.
const FLOOR: f64 = 1e-12;

/// How two sets of pieces differ in one measure. Pieces without the measure are left out; what cannot be told is NaN.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The measure's name.
    pub measure: &'static str,
    /// Pieces of each set that have the measure.
    pub pieces: [usize; 2],
    /// Each set's mean.
    pub means: [f64; 2],
    /// The first mean less the second.
    pub difference: f64,
    /// The difference's bootstrap interval of 95 % (percentiles): pieces of both sets are drawn with replacement.
    pub interval: [f64; 2],
    /// The difference in standard deviations: the root of the mean of both variances (Cohen's d).
    pub standardised: f64,
    /// The area under both sets' densities, 0 to 1 (the overlapping area of Yang and Lerch 2020, "On the evaluation of generative models in music",
    /// of the values themselves rather than of their distances). Densities are Gaussian with Scott's width.
    pub overlap: f64,
    /// The Kullback-Leibler divergence of the second set's density from the first's, in nats.
    pub divergence: f64,
}

/// Compares two sets of pieces measure by measure; the same seed gives the same intervals.
pub fn compare(first: &[Measures], second: &[Measures], seed: u64) -> Vec<Difference> {
    let columns = |set: &[Measures]| -> Vec<Vec<f64>> {
        let mut columns = vec![Vec::with_capacity(set.len()); Measures::NAMES.len()];
        for measures in set {
            for (column, value) in columns.iter_mut().zip(measures.values()) {
                if value.is_finite() {
                    column.push(value);
                }
            }
        }
        columns
    };
    Measures::NAMES
        .iter()
        .zip(columns(first).iter().zip(&columns(second)))
        .enumerate()
        .map(|(index, (measure, (a, b)))| difference(measure, a, b, mix(seed ^ mix(index as u64))))
        .collect()
}

fn difference(measure: &'static str, a: &[f64], b: &[f64], seed: u64) -> Difference {
    let means = [average(a), average(b)];
    let difference = means[0] - means[1];
    let (overlap, divergence) = densities(a, b);
    Difference {
        measure,
        pieces: [a.len(), b.len()],
        means,
        difference,
        interval: interval(a, b, seed),
        standardised: match ((variance(a) + variance(b)) / 2.0).sqrt() {
            0.0 => f64::NAN,
            deviation => difference / deviation,
        },
        overlap,
        divergence,
    }
}

fn average(values: &[f64]) -> f64 {
    mean(values.iter().copied())
}

/// The variance without bias; NaN of fewer than two values.
fn variance(values: &[f64]) -> f64 {
    let center = average(values);
    let squares: f64 = values.iter().map(|value| (value - center).powi(2)).sum();
    match values.len() {
        0 | 1 => f64::NAN,
        count => squares / (count - 1) as f64,
    }
}

fn interval(a: &[f64], b: &[f64], seed: u64) -> [f64; 2] {
    if a.len() < 2 || b.len() < 2 {
        return [f64::NAN; 2];
    }
    let mut drawn = 0;
    let mut redrawn = |values: &[f64]| {
        let draw = |_| {
            drawn += 1;
            // The high half of the product is a number below the count.
            let at = (u128::from(mix(seed.wrapping_add(drawn))) * values.len() as u128) >> 64;
            values[at as usize]
        };
        (0..values.len()).map(draw).sum::<f64>() / values.len() as f64
    };
    let mut differences: Vec<f64> = (0..RESAMPLES).map(|_| redrawn(a) - redrawn(b)).collect();
    differences.sort_unstable_by(f64::total_cmp);
    [0.025, 0.975].map(|share| {
        let place = share * (RESAMPLES - 1) as f64;
        let below = differences[place as usize];
        below + place.fract() * (differences[place.ceil() as usize] - below)
    })
}

/// Overlap and divergence of two sets' densities; NaN where one has no spread.
fn densities(a: &[f64], b: &[f64]) -> (f64, f64) {
    // Scott 1992, in one dimension.
    let width = |values: &[f64]| variance(values).sqrt() * (values.len() as f64).powf(-0.2);
    let (width_a, width_b) = (width(a), width(b));
    if !(width_a > 0.0 && width_b > 0.0) {
        return (f64::NAN, f64::NAN);
    }
    let margin = 4.0 * width_a.max(width_b);
    let both = || a.iter().chain(b);
    let low = both().copied().fold(f64::INFINITY, f64::min) - margin;
    let high = both().copied().fold(f64::NEG_INFINITY, f64::max) + margin;
    let step = (high - low) / (POINTS - 1) as f64;
    let density = |values: &[f64], width: f64| {
        let at = |point: usize| {
            let x = low + step * point as f64;
            values
                .iter()
                .map(|value| (-0.5 * ((x - value) / width).powi(2)).exp())
                .sum::<f64>()
        };
        let heights: Vec<f64> = (0..POINTS).map(at).collect();
        let total: f64 = heights.iter().sum();
        heights
            .into_iter()
            .map(move |height| (height / total).max(FLOOR))
            .collect::<Vec<_>>()
    };
    let (p, q) = (density(a, width_a), density(b, width_b));
    let overlap: f64 = p.iter().zip(&q).map(|(p, q)| p.min(*q)).sum();
    let divergence: f64 = p.iter().zip(&q).map(|(p, q)| p * (p / q).ln()).sum();
    (overlap.min(1.0), divergence.max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_sets_apart_are_told_apart() {
        let (a, b) = ([1.0, 2.0, 3.0, 4.0], [11.0, 12.0, 13.0, 14.0]);
        let found = difference("x", &a, &b, 1);
        assert_eq!((found.means, found.difference), ([2.5, 12.5], -10.0));
        // Both variances are 5/3.
        assert!((found.standardised + 10.0 / (5.0_f64 / 3.0).sqrt()).abs() < 1e-12);
        assert!(found.interval[0] >= -13.0 && found.interval[0] < -10.0);
        assert!(found.interval[1] <= -7.0 && found.interval[1] > -10.0);
        assert!(found.overlap < 0.01 && found.divergence > 1.0, "{found:?}");
        assert_eq!(found, difference("x", &a, &b, 1));
        let uneven = [0.113, 0.257, 0.901, 1.733, 3.19, 7.07];
        assert_ne!(interval(&uneven, &b, 1), interval(&uneven, &b, 2));
    }

    #[test]
    fn a_set_is_like_itself_and_one_piece_has_no_spread() {
        let a = [1.0, 2.0, 4.0];
        let same = difference("x", &a, &a, 0);
        assert_eq!((same.difference, same.standardised), (0.0, 0.0));
        assert!((same.overlap - 1.0).abs() < 1e-9 && same.divergence.abs() < 1e-9);
        let one = difference("x", &a, &[1.0], 0);
        assert!(one.interval[0].is_nan() && one.overlap.is_nan() && one.standardised.is_nan());
        assert!(difference("x", &[], &a, 0).means[0].is_nan());
    }

    #[test]
    fn the_overlap_of_two_normal_densities_is_that_of_their_distance() {
        // Quantiles of a normal distribution and the same, one further: the kernels widen their deviation from 0.94 to 1.125,
        // and the area is 2 Φ(-0.5 / 1.125) = 0.657.
        let quantiles = [-1.64, -1.04, -0.67, -0.39, -0.13, 0.13, 0.39, 0.67, 1.04, 1.64];
        let moved = quantiles.map(|value| value + 1.0);
        let (overlap, _) = densities(&quantiles, &moved);
        assert!((overlap - 0.657).abs() < 0.02, "{overlap}");
    }
}
