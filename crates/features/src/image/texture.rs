//! Local binary patterns of an image, counted in ranges of frequency.

use super::{BANDS, SpectrogramImage};

/// The patterns of 8 neighbours.
const PATTERNS: usize = 256;
/// Where each range of bands begins, and where the last ends; the lowest and the highest band are only neighbours.
const EDGES: [usize; 5] = [1, 16, 32, 64, BANDS - 1];
/// The neighbours (steps in band and column from the one at the lower left), in the order of a pattern's bits from the
/// lowest.
const NEIGHBOURS: [(usize, usize); 8] = [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0)];

/// `pattern_1_000` to `pattern_4_255`: range and pattern.
pub(super) fn names() -> Vec<String> {
    (1..EDGES.len())
        .flat_map(|range| (0..PATTERNS).map(move |pattern| format!("pattern_{range}_{pattern:03}")))
        .collect()
}

/// Square roots of the patterns' relative frequencies, range by range.
pub(super) fn values(image: &SpectrogramImage) -> Vec<f64> {
    EDGES
        .windows(2)
        .flat_map(|range| {
            let mut counts = [0_u32; PATTERNS];
            (range[0]..range[1]).for_each(|band| count(image, band, &mut counts));
            let places = (range[1] - range[0]) * (image.columns() - 2);
            counts.map(|count| (f64::from(count) / places as f64).sqrt())
        })
        .collect()
}

/// Counts the patterns of the places in a band, but for its two ends.
fn count(image: &SpectrogramImage, band: usize, counts: &mut [u32; PATTERNS]) {
    let centre = image.band(band);
    let rows = NEIGHBOURS.map(|(step, _)| image.band(band - 1 + step));
    for column in 1..image.columns() - 1 {
        let mut pattern = 0;
        for (bit, (row, (_, step))) in rows.iter().zip(NEIGHBOURS).enumerate() {
            let greater = row[column - 1 + step] >= centre[column];
            pattern |= usize::from(greater) << bit;
        }
        counts[pattern] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(value: impl Fn(usize, usize) -> f32) -> Vec<f64> {
        let grey = (0..BANDS).flat_map(|band| (0..10).map(move |column| (band, column)));
        let grey = grey.map(|(band, column)| value(band, column)).collect();
        values(&SpectrogramImage::new(10, grey).unwrap())
    }

    #[test]
    fn slopes_have_one_pattern() {
        // Rising with frequency: the neighbours at the same or a higher band (bits 3 to 7).
        let rising = picture(|band, _| band as f32);
        for range in 0..4 {
            assert_eq!(rising[range * PATTERNS + 0b1111_1000], 1.0);
        }
        // Rising with time: the same and the next column (bits 1 to 5).
        let later = picture(|_, column| column as f32);
        assert_eq!(later[0b0011_1110], 1.0);
        assert_eq!(rising.iter().sum::<f64>(), 4.0);
    }

    #[test]
    fn relative_frequencies_add_up() {
        let noise = picture(|band, column| ((band * 7919 + column * 104_729) % 97) as f32);
        for range in noise.chunks(PATTERNS) {
            let total: f64 = range.iter().map(|v| v * v).sum();
            assert!((total - 1.0).abs() < 1e-12, "{total}");
        }
    }
}
