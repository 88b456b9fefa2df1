//! Spectrograms as pictures: masks, noise, and the changes of place that a picture allows. Not for sound.

use crate::augment::{normal, uniform};
use crate::rng::Rng;

/// The standard deviation of the noise in [`four_copies`].
const NOISE: f64 = 0.3;

/// A picture of `height` rows (frequencies, the lowest first) and `width` columns (frames).
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    height: usize,
    width: usize,
    values: Vec<f32>,
}

impl Image {
    /// A picture from its values, row after row.
    ///
    /// # Panics
    /// If there are not `height * width` values.
    pub fn new(height: usize, width: usize, values: Vec<f32>) -> Image {
        assert_eq!(values.len(), height * width, "a value for each place");
        Image {
            height,
            width,
            values,
        }
    }

    /// Rows and columns.
    pub fn shape(&self) -> (usize, usize) {
        (self.height, self.width)
    }

    /// The values, row after row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The value at a row and a column.
    ///
    /// # Panics
    /// If the place is outside.
    pub fn at(&self, row: usize, column: usize) -> f32 {
        assert!(row < self.height && column < self.width, "a place inside");
        self.values[row * self.width + column]
    }

    /// The picture whose value at (row, column) is `value` of them.
    fn made(&self, mut value: impl FnMut(usize, usize) -> f32) -> Image {
        let places = (0..self.height).flat_map(|row| (0..self.width).map(move |column| (row, column)));
        Image {
            height: self.height,
            width: self.width,
            values: places.map(|(row, column)| value(row, column)).collect(),
        }
    }

    /// Between the four nearest values; 0 outside.
    fn between(&self, row: f64, column: f64) -> f32 {
        let (top, left) = (row.floor(), column.floor());
        let (down, right) = (row - top, column - left);
        let value = |row: f64, column: f64| {
            let inside =
                row >= 0.0 && column >= 0.0 && row < self.height as f64 && column < self.width as f64;
            if inside {
                f64::from(self.at(row as usize, column as usize))
            } else {
                0.0
            }
        };
        let upper = value(top, left) * (1.0 - right) + value(top, left + 1.0) * right;
        let lower = value(top + 1.0, left) * (1.0 - right) + value(top + 1.0, left + 1.0) * right;
        (upper * (1.0 - down) + lower * down) as f32
    }

    /// Of mean 0 and standard deviation 1; all zeros where every value is the same.
    pub fn standardised(&self) -> Image {
        let count = self.values.len().max(1) as f64;
        let mean = self.values.iter().map(|v| f64::from(*v)).sum::<f64>() / count;
        let square = |v: &f32| (f64::from(*v) - mean).powi(2);
        let deviation = (self.values.iter().map(square).sum::<f64>() / count).sqrt();
        self.made(|row, column| match f64::from(self.at(row, column)) - mean {
            _ if deviation == 0.0 => 0.0,
            distance => (distance / deviation) as f32,
        })
    }

    /// Moved by whole rows and columns; what comes in is 0.
    pub fn shifted(&self, rows: isize, columns: isize) -> Image {
        self.made(|row, column| {
            let from = (row.checked_add_signed(-rows), column.checked_add_signed(-columns));
            match from {
                (Some(row), Some(column)) if row < self.height && column < self.width => self.at(row, column),
                _ => 0.0,
            }
        })
    }

    /// Mirrored in time.
    pub fn flipped_in_time(&self) -> Image {
        self.made(|row, column| self.at(row, self.width - 1 - column))
    }

    /// Mirrored in frequency.
    pub fn flipped_in_frequency(&self) -> Image {
        self.made(|row, column| self.at(self.height - 1 - row, column))
    }

    /// Turned about its centre by `degrees`, interpolated; what comes in is 0.
    pub fn rotated(&self, degrees: f64) -> Image {
        let (sin, cos) = degrees.to_radians().sin_cos();
        self.about_centre(|row, column| (cos * row + sin * column, cos * column - sin * row))
    }

    /// Enlarged about its centre by `factor` (made smaller below 1), interpolated; what comes in is 0.
    ///
    /// # Panics
    /// If the factor is not positive.
    pub fn zoomed(&self, factor: f64) -> Image {
        assert!(factor > 0.0, "a positive factor");
        self.about_centre(|row, column| (row / factor, column / factor))
    }

    /// Each place takes what lies where `source` sends it, both seen from the centre.
    fn about_centre(&self, source: impl Fn(f64, f64) -> (f64, f64)) -> Image {
        let centre = |length: usize| (length as f64 - 1.0) / 2.0;
        let (middle_row, middle_column) = (centre(self.height), centre(self.width));
        self.made(|row, column| {
            let (row, column) = source(row as f64 - middle_row, column as f64 - middle_column);
            self.between(row + middle_row, column + middle_column)
        })
    }
}

/// Sets a random band of up to `widest` neighbouring rows to 0, which is the mean of a standardised spectrogram
/// (Park and others 2019, "SpecAugment").
pub fn frequency_mask(image: &Image, widest: usize, rng: &mut Rng) -> Image {
    let (from, to) = band(image.height, widest, rng);
    image.made(|row, column| {
        if (from..to).contains(&row) {
            0.0
        } else {
            image.at(row, column)
        }
    })
}

/// As [`frequency_mask`] for neighbouring columns.
pub fn time_mask(image: &Image, widest: usize, rng: &mut Rng) -> Image {
    let (from, to) = band(image.width, widest, rng);
    image.made(|row, column| {
        if (from..to).contains(&column) {
            0.0
        } else {
            image.at(row, column)
        }
    })
}

/// A band of 1 to `widest` of `length` places, nothing where there are none.
fn band(length: usize, widest: usize, rng: &mut Rng) -> (usize, usize) {
    let widest = widest.min(length);
    if widest == 0 {
        return (0, 0);
    }
    let width = 1 + rng.below(widest);
    let from = rng.below(length - width + 1);
    (from, from + width)
}

/// Adds noise of mean 0 and this standard deviation to every value.
pub fn gaussian_noise(image: &Image, deviation: f64, rng: &mut Rng) -> Image {
    image.made(|row, column| image.at(row, column) + (deviation * normal(rng)) as f32)
}

/// The four copies of a standardised spectrogram that are trained on: as it is, with a frequency mask and with a time mask
/// (each up to an eighth wide), and with noise of standard deviation 0.3.
pub fn four_copies(image: &Image, rng: &mut Rng) -> [Image; 4] {
    [
        image.clone(),
        frequency_mask(image, image.height / 8, rng),
        time_mask(image, image.width / 8, rng),
        gaussian_noise(image, NOISE, rng),
    ]
}

impl Image {
    /// One change of place at random, for every epoch another: turned by up to 5 degrees, moved by up to a tenth, mirrored
    /// in time every other time, enlarged or made smaller by up to a tenth.
    pub fn moved_at_random(&self, rng: &mut Rng) -> Image {
        let mut signed = || 2.0 * uniform(rng) - 1.0;
        let turned = self.rotated(5.0 * signed()).zoomed(1.0 + 0.1 * signed());
        let tenth = |length: usize, share: f64| (length as f64 * 0.1 * share).round() as isize;
        let shifted = turned.shifted(tenth(self.height, signed()), tenth(self.width, signed()));
        match signed() < 0.0 {
            true => shifted.flipped_in_time(),
            false => shifted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use proptest::prelude::*;

    fn picture() -> impl Strategy<Value = Image> {
        (1usize..20, 1usize..20).prop_flat_map(|(height, width)| {
            let values = prop::collection::vec(0.5f32..2.0, height * width);
            values.prop_map(move |values| Image::new(height, width, values))
        })
    }

    proptest! {
        #[test]
        fn masks_are_one_band_no_wider_than_asked(image in picture(), widest in 1usize..8, seed: u64) {
            let (height, width) = image.shape();
            let masked = frequency_mask(&image, widest, &mut Rng::new(seed));
            let rows: Vec<usize> = (0..height).filter(|&row| masked.at(row, 0) == 0.0).collect();
            prop_assert!(!rows.is_empty() && rows.len() <= widest && rows[rows.len() - 1] - rows[0] + 1 == rows.len());
            for row in 0..height {
                for column in 0..width {
                    let want = if rows.contains(&row) { 0.0 } else { image.at(row, column) };
                    prop_assert_eq!(masked.at(row, column), want);
                }
            }
            let masked = time_mask(&image, widest, &mut Rng::new(seed));
            let columns = (0..width).filter(|&column| masked.at(0, column) == 0.0).count();
            prop_assert!(columns >= 1 && columns <= widest);
        }

        #[test]
        fn the_same_seed_gives_the_same_copies(image in picture(), seed: u64) {
            prop_assert_eq!(four_copies(&image, &mut Rng::new(seed)), four_copies(&image, &mut Rng::new(seed)));
            let (a, b) = (image.moved_at_random(&mut Rng::new(seed)), image.moved_at_random(&mut Rng::new(seed)));
            prop_assert_eq!(a.shape(), image.shape());
            prop_assert_eq!(a, b);
            prop_assert_eq!(&four_copies(&image, &mut Rng::new(seed))[0], &image);
        }

        #[test]
        fn flips_undo_themselves_and_nothing_changes_nothing(image in picture()) {
            prop_assert_eq!(&image.flipped_in_time().flipped_in_time(), &image);
            prop_assert_eq!(&image.flipped_in_frequency().flipped_in_frequency(), &image);
            prop_assert_eq!(&image.rotated(0.0), &image);
            prop_assert_eq!(&image.zoomed(1.0), &image);
            prop_assert_eq!(&image.shifted(0, 0), &image);
        }

        #[test]
        fn a_shift_moves_every_value(image in picture(), rows in -5isize..5, columns in -5isize..5) {
            let moved = image.shifted(rows, columns);
            let (height, width) = image.shape();
            for row in 0..height {
                for column in 0..width {
                    let (r, c) = (row as isize + rows, column as isize + columns);
                    if r >= 0 && c >= 0 && (r as usize) < height && (c as usize) < width {
                        prop_assert_eq!(moved.at(r as usize, c as usize), image.at(row, column));
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_standardised_has_mean_0_and_deviation_1() {
        let image = Image::new(20, 30, (0..600).map(|n| -40.0 + (n % 37) as f32).collect());
        let values = image.standardised().values;
        let sum: f64 = values.iter().map(|v| f64::from(*v)).sum();
        let power: f64 = values.iter().map(|v| f64::from(*v).powi(2)).sum();
        assert!(sum.abs() < 1e-3 && (power / 600.0 - 1.0).abs() < 1e-6);
        assert_eq!(Image::new(1, 3, vec![-100.0; 3]).standardised().values, [0.0; 3]);
    }

    #[test]
    fn a_quarter_turn_turns() {
        let image = Image::new(3, 3, (1..=9).map(|n| n as f32).collect());
        let turned = image.rotated(90.0);
        let want = [3.0, 6.0, 9.0, 2.0, 5.0, 8.0, 1.0, 4.0, 7.0];
        let other = [7.0, 4.0, 1.0, 8.0, 5.0, 2.0, 9.0, 6.0, 3.0];
        let near = |want: &[f32]| {
            turned
                .values()
                .iter()
                .zip(want)
                .all(|(a, b)| (a - b).abs() < 1e-4)
        };
        assert!(near(&want) || near(&other), "{turned:?}");
        assert!((image.zoomed(2.0).at(1, 0) - 4.5).abs() < 1e-6);
    }

    #[test]
    fn noise_has_its_deviation() {
        let image = Image::new(200, 200, vec![0.0; 40_000]);
        let noisy = gaussian_noise(&image, 0.3, &mut Rng::new(1));
        let power = noisy.values().iter().map(|v| f64::from(v * v)).sum::<f64>() / 40_000.0;
        assert!((power.sqrt() - 0.3).abs() < 0.005, "{power}");
    }
}
