//! Level and noise. Not for anything that takes a spectrum.

use crate::augment::normal;
use crate::rng::Rng;

/// The samples, louder by `decibels` (quieter below 0). Nothing is clipped.
pub fn gain(samples: &[f32], decibels: f64) -> Vec<f32> {
    let factor = 10f64.powf(decibels / 20.0);
    samples
        .iter()
        .map(|sample| (f64::from(*sample) * factor) as f32)
        .collect()
}

/// The samples with white Gaussian noise whose power lies `snr_db` below theirs; silence stays silent.
pub fn add_noise(samples: &[f32], snr_db: f64, rng: &mut Rng) -> Vec<f32> {
    let power = samples.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / samples.len().max(1) as f64;
    let deviation = (power * 10f64.powf(-snr_db / 10.0)).sqrt();
    samples
        .iter()
        .map(|sample| (f64::from(*sample) + deviation * normal(rng)) as f32)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn gains_add_up(samples in prop::collection::vec(-1f32..1.0, 0..50), a in -20f64..20.0, b in -20f64..20.0) {
            let (twice, once) = (gain(&gain(&samples, a), b), gain(&samples, a + b));
            for (x, y) in twice.iter().zip(&once) {
                prop_assert!((x - y).abs() <= 1e-5 * y.abs().max(1e-6));
            }
        }

        #[test]
        fn noise_is_the_same_for_the_same_seed(samples in prop::collection::vec(-1f32..1.0, 0..50), seed: u64) {
            let noisy = |seed| add_noise(&samples, 10.0, &mut Rng::new(seed));
            prop_assert_eq!(noisy(seed), noisy(seed));
            prop_assert_eq!(noisy(seed).len(), samples.len());
        }
    }

    #[test]
    fn noise_lies_as_far_below_as_asked() {
        let samples: Vec<f32> = (0..50_000).map(|n| (n as f32 * 0.1).sin()).collect();
        for snr in [0.0, 20.0] {
            let noisy = add_noise(&samples, snr, &mut Rng::new(1));
            let power =
                |values: &mut dyn Iterator<Item = f32>| values.map(|v| f64::from(v).powi(2)).sum::<f64>();
            let signal = power(&mut samples.iter().copied());
            let noise = power(&mut noisy.iter().zip(&samples).map(|(a, b)| a - b));
            assert!((10.0 * (signal / noise).log10() - snr).abs() < 0.1);
        }
        assert_eq!(add_noise(&[0.0; 9], 3.0, &mut Rng::new(1)), [0.0; 9]);
    }
}
