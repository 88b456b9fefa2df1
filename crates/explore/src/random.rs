//! Real numbers from the seeded generator.

use melisma_dataset::rng::Rng;

/// A number in [0, 1), with 53 random bits.
pub(crate) fn unit(rng: &mut Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// A number of the standard normal distribution (Box and Muller 1958).
pub(crate) fn normal(rng: &mut Rng) -> f64 {
    let radius = (-2.0 * (1.0 - unit(rng)).ln()).sqrt();
    radius * (std::f64::consts::TAU * unit(rng)).cos()
}

/// A generator for part `index` of what `seed` governs, unrelated to that of any other part.
pub(crate) fn part(seed: u64, index: u64) -> Rng {
    let mut rng = Rng::new(seed);
    let start = rng.next_u64();
    let mut rng = Rng::new(start ^ index.wrapping_mul(0xD6E8_FEB8_6659_FD93));
    Rng::new(rng.next_u64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_distribution_they_say() {
        let mut rng = part(7, 3);
        let n = 20_000;
        let units: Vec<f64> = (0..n).map(|_| unit(&mut rng)).collect();
        assert!(units.iter().all(|u| (0.0..1.0).contains(u)));
        assert!((units.iter().sum::<f64>() / f64::from(n) - 0.5).abs() < 0.01);
        let normals: Vec<f64> = (0..n).map(|_| normal(&mut rng)).collect();
        assert!((normals.iter().sum::<f64>() / f64::from(n)).abs() < 0.03);
        assert!((normals.iter().map(|v| v * v).sum::<f64>() / f64::from(n) - 1.0).abs() < 0.05);
    }

    #[test]
    fn parts_differ() {
        assert_ne!(part(1, 0).next_u64(), part(1, 1).next_u64());
        assert_ne!(part(1, 0).next_u64(), part(2, 0).next_u64());
    }
}
