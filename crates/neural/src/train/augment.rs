//! Samples varied on the fly: what a network sees is never twice the same.

use melisma_dataset::rng::Rng;
use serde::{Deserialize, Serialize};

use crate::layers::unit;
use crate::{Error, Result};

/// How samples are varied while training. Nothing is by default. Shift, crop, masks and gain are for images, whose
/// last axis is time and whose last but one is frequency; tables are left alone by them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augmentation {
    /// Time is rotated by up to this share of the width, either way, in [0, 1].
    pub shift: f64,
    /// Up to this share of the width is cropped away and the rest stretched to fill it, in [0, 1).
    pub crop: f64,
    /// Bands of frequency that are replaced by the image's mean (SpecAugment, Park and others 2019).
    pub frequency_masks: usize,
    /// The largest share of the height that a band takes, in [0, 1].
    pub frequency_mask: f64,
    /// Spans of time that are replaced by the image's mean.
    pub time_masks: usize,
    /// The largest share of the width that a span takes, in [0, 1].
    pub time_mask: f64,
    /// The deviation of a number added to each value, in units of the values.
    pub noise: f64,
    /// The deviation of a number added to all values of an image: a gain, where values are levels.
    pub gain: f64,
    /// Alpha of mixup (Zhang and others 2018): each sample is mixed with another by a Beta(alpha, alpha) share.
    pub mixup: f64,
}

/// Masks a sample may have.
const MOST_MASKS: usize = 64;

impl Augmentation {
    pub(super) fn check(&self) -> Result<()> {
        let share = |x: f64| (0.0..=1.0).contains(&x);
        let positive = |x: f64| x.is_finite() && x >= 0.0;
        let fits = share(self.shift)
            && (0.0..1.0).contains(&self.crop)
            && share(self.frequency_mask)
            && share(self.time_mask)
            && self.frequency_masks.max(self.time_masks) <= MOST_MASKS
            && positive(self.noise)
            && positive(self.gain)
            && (0.0..=100.0).contains(&self.mixup);
        match fits {
            true => Ok(()),
            false => Err(Error::params(
                "the augmentation",
                "shares must be in [0, 1], masks at most 64, `noise`, `gain` and `mixup` at least 0",
            )),
        }
    }

    /// Varies one sample in place.
    pub(super) fn apply(&self, values: &mut [f32], shape: &[usize], rng: &mut Rng) {
        if let [channels, height, width] = *shape {
            self.apply_to_image(values, [channels, height, width], rng);
        }
        if self.noise > 0.0 {
            for value in values.iter_mut() {
                *value += (self.noise * normal(rng)) as f32;
            }
        }
    }

    fn apply_to_image(&self, values: &mut [f32], [channels, height, width]: [usize; 3], rng: &mut Rng) {
        if self.crop > 0.0 {
            let kept = width as f64 * (1.0 - self.crop * unit(rng));
            let start = (width as f64 - kept) * unit(rng);
            values
                .chunks_exact_mut(width)
                .for_each(|row| stretch(row, start, kept));
        }
        if self.shift > 0.0 {
            let by = (self.shift * width as f64 * (2.0 * unit(rng) - 1.0)).round() as isize;
            let by = by.rem_euclid(width as isize) as usize;
            values
                .chunks_exact_mut(width)
                .for_each(|row| row.rotate_right(by));
        }
        let masks = self.frequency_masks * usize::from(self.frequency_mask > 0.0)
            + self.time_masks * usize::from(self.time_mask > 0.0);
        if masks > 0 {
            let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / values.len() as f64;
            for _ in 0..self.frequency_masks {
                let (start, end) = span(height, self.frequency_mask, rng);
                for c in 0..channels {
                    values[(c * height + start) * width..(c * height + end) * width].fill(mean as f32);
                }
            }
            for _ in 0..self.time_masks {
                let (start, end) = span(width, self.time_mask, rng);
                values
                    .chunks_exact_mut(width)
                    .for_each(|row| row[start..end].fill(mean as f32));
            }
        }
        if self.gain > 0.0 {
            let gain = (self.gain * normal(rng)) as f32;
            values.iter_mut().for_each(|v| *v += gain);
        }
    }

    /// The share that a sample keeps of itself when mixed; drawn from Beta(alpha, alpha).
    pub(super) fn share(&self, rng: &mut Rng) -> f64 {
        let (a, b) = (gamma(self.mixup, rng), gamma(self.mixup, rng));
        match a + b > 0.0 {
            true => a / (a + b),
            false => 1.0,
        }
    }
}

/// A span of up to `share` of `length`.
fn span(length: usize, share: f64, rng: &mut Rng) -> (usize, usize) {
    let size = (share * length as f64 * unit(rng)).round() as usize;
    let start = rng.below(length - size.min(length) + 1);
    (start, (start + size).min(length))
}

/// Replaces a row by its part from `start` of length `kept`, interpolated to the row's length.
fn stretch(row: &mut [f32], start: f64, kept: f64) {
    let old = row.to_vec();
    let last = old.len() - 1;
    let step = kept / old.len() as f64;
    for (i, value) in row.iter_mut().enumerate() {
        let at = (start + (i as f64 + 0.5) * step - 0.5).clamp(0.0, last as f64);
        let left = at as usize;
        let share = (at - left as f64) as f32;
        *value = old[left] + share * (old[(left + 1).min(last)] - old[left]);
    }
}

/// A standard normal number (Box and Muller 1958).
fn normal(rng: &mut Rng) -> f64 {
    let radius = (-2.0 * (1.0 - unit(rng)).ln()).sqrt();
    radius * (std::f64::consts::TAU * unit(rng)).cos()
}

/// A number from Gamma(shape, 1) (Marsaglia and Tsang 2000; below one by their boost).
fn gamma(shape: f64, rng: &mut Rng) -> f64 {
    if shape < 1.0 {
        let boost = (1.0 - unit(rng)).powf(1.0 / shape.max(1e-3));
        return gamma(shape + 1.0, rng) * boost;
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = normal(rng);
        let v = (1.0 + c * x).powi(3);
        if v > 0.0 && (1.0 - unit(rng)).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d * v;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_changes_by_default() {
        let mut values: Vec<f32> = (0..24).map(|v| v as f32).collect();
        let before = values.clone();
        Augmentation::default().apply(&mut values, &[1, 4, 6], &mut Rng::new(1));
        assert_eq!(values, before);
    }

    #[test]
    fn a_shift_keeps_every_row_s_values() {
        let mut values: Vec<f32> = (0..24).map(|v| v as f32).collect();
        let shift = Augmentation {
            shift: 1.0,
            ..Augmentation::default()
        };
        shift.apply(&mut values, &[1, 4, 6], &mut Rng::new(3));
        for (i, row) in values.chunks_exact(6).enumerate() {
            let mut row = row.to_vec();
            row.sort_by(f32::total_cmp);
            assert_eq!(row, (0..6).map(|v| (6 * i + v) as f32).collect::<Vec<_>>());
        }
    }

    #[test]
    fn masks_leave_the_mean_and_stay_within_their_share() {
        let masks = Augmentation {
            time_masks: 1,
            time_mask: 0.5,
            ..Augmentation::default()
        };
        for seed in 0..50 {
            let mut values: Vec<f32> = (0..40).map(|v| (v % 10) as f32).collect();
            masks.apply(&mut values, &[1, 4, 10], &mut Rng::new(seed));
            let masked = values.iter().filter(|&&v| v == 4.5).count();
            assert!(masked <= 20 && masked % 4 == 0, "{masked}");
        }
    }

    #[test]
    fn stretching_by_nothing_changes_nothing() {
        let mut row = vec![1.0, 4.0, 2.0, 8.0];
        stretch(&mut row, 0.0, 4.0);
        assert_eq!(row, [1.0, 4.0, 2.0, 8.0]);
    }

    #[test]
    fn shares_of_a_mixture_are_those_of_a_beta() {
        let mixup = Augmentation {
            mixup: 0.2,
            ..Augmentation::default()
        };
        let mut rng = Rng::new(9);
        let shares: Vec<f64> = (0..20_000).map(|_| mixup.share(&mut rng)).collect();
        let mean = shares.iter().sum::<f64>() / 20_000.0;
        let variance = shares.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / 20_000.0;
        // Beta(a, a) has mean 1/2 and variance 1 / (4 (2 a + 1)).
        assert!(
            (mean - 0.5).abs() < 0.01 && (variance - 1.0 / 5.6).abs() < 0.005,
            "{mean} {variance}"
        );
    }
}
