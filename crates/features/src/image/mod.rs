//! Descriptors of spectrogram images: grey pictures of logarithmic power over frequency and time. Not for sound, and not
//! for drawing or reading pictures.
//!
//! Such a picture has lost its scale: each is stretched between its own least and greatest value. So nothing here depends
//! on the level or the contrast of a picture. [`ImageView::Texture`] only compares neighbouring values;
//! [`ImageView::Dynamics`] first brings the whole picture to mean 0 and standard deviation 1.

mod dynamics;
mod symmetric;
mod texture;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The bands of an image, equally wide from 0 Hz up.
pub const BANDS: usize = 128;
/// The fewest columns (moments) an image may have.
pub const LEAST_COLUMNS: usize = 8;

/// A spectrogram as a picture: [`BANDS`] rows, the lowest frequencies first, over at least [`LEAST_COLUMNS`] moments.
#[derive(Debug, Clone, PartialEq)]
pub struct SpectrogramImage {
    columns: usize,
    /// Row after row.
    grey: Vec<f32>,
}

/// Why values are no spectrogram image.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ImageError {
    /// There are too few columns.
    Narrow {
        /// How many there are.
        columns: usize,
    },
    /// The number of values is not that of bands times columns.
    Count {
        /// How many there are.
        values: usize,
        /// How many columns they shall fill.
        columns: usize,
    },
    /// A value is NaN or infinite.
    NotFinite {
        /// The band of the first such value.
        band: usize,
        /// Its column.
        column: usize,
    },
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ImageError::Narrow { columns } => {
                write!(
                    f,
                    "{columns} columns, of which at least {LEAST_COLUMNS} are needed"
                )
            }
            ImageError::Count { values, columns } => {
                write!(
                    f,
                    "{values} values do not fill {BANDS} bands of {columns} columns"
                )
            }
            ImageError::NotFinite { band, column } => {
                write!(
                    f,
                    "the value of band {band} in column {column} is not a finite number"
                )
            }
        }
    }
}

impl std::error::Error for ImageError {}

impl SpectrogramImage {
    /// An image from its values, band after band, the lowest first.
    ///
    /// # Errors
    /// [`ImageError`] for too few columns, another number of values than `BANDS * columns`, or one that is not finite.
    pub fn new(columns: usize, grey: Vec<f32>) -> Result<SpectrogramImage, ImageError> {
        if columns < LEAST_COLUMNS {
            return Err(ImageError::Narrow { columns });
        }
        if columns.checked_mul(BANDS) != Some(grey.len()) {
            return Err(ImageError::Count {
                values: grey.len(),
                columns,
            });
        }
        if let Some(at) = grey.iter().position(|value| !value.is_finite()) {
            return Err(ImageError::NotFinite {
                band: at / columns,
                column: at % columns,
            });
        }
        Ok(SpectrogramImage { columns, grey })
    }

    /// The number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The values of a band over time.
    ///
    /// # Panics
    /// If there is no such band.
    pub fn band(&self, band: usize) -> &[f32] {
        &self.grey[band * self.columns..(band + 1) * self.columns]
    }

    /// The image cut into `parts` pieces of (nearly) equal duration, in their order.
    ///
    /// # Errors
    /// [`ImageError::Narrow`] if a piece would have too few columns, as every piece does when `parts` is 0.
    pub fn cut(&self, parts: usize) -> Result<Vec<SpectrogramImage>, ImageError> {
        let shortest = self.columns.checked_div(parts).unwrap_or(0);
        if shortest < LEAST_COLUMNS {
            return Err(ImageError::Narrow { columns: shortest });
        }
        let edge = |part: usize| part * self.columns / parts;
        let piece = |part: usize| {
            let (from, to) = (edge(part), edge(part + 1));
            let grey = (0..BANDS).flat_map(|band| &self.band(band)[from..to]).copied();
            SpectrogramImage {
                columns: to - from,
                grey: grey.collect(),
            }
        };
        Ok((0..parts).map(piece).collect())
    }
}

/// A set of descriptors of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageView {
    /// How often each of the 256 local binary patterns occurs in each of four ranges of frequency, as square roots of
    /// relative frequencies: 1,024 values from 0 to 1.
    ///
    /// A place's pattern says which of its 8 neighbours are at least as great as it (Ojala, Pietikäinen and Mäenpää 2002;
    /// for spectrograms and genres, Costa et al., "Music genre classification using LBP textural features", 2012).
    Texture,
    /// The mean of 12 cepstral coefficients (a DCT over 26 bands that widen with frequency), and the matrix logarithm of
    /// their covariance with themselves over four successive columns: 1,188 values.
    ///
    /// The logarithm makes distances and averages of covariance matrices sensible in a space of plain numbers (Arsigny et
    /// al., "Log-Euclidean metrics", 2006). Entries off the diagonal are multiplied by √2, so that the Euclidean
    /// length is that of the matrix.
    Dynamics,
}

impl ImageView {
    /// Both views, in the order they are listed to users.
    pub const ALL: [ImageView; 2] = [ImageView::Texture, ImageView::Dynamics];

    /// The name used on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            ImageView::Texture => "texture",
            ImageView::Dynamics => "dynamics",
        }
    }

    /// The names of the columns, in their order.
    pub fn names(self) -> Vec<String> {
        match self {
            ImageView::Texture => texture::names(),
            ImageView::Dynamics => dynamics::names(),
        }
    }

    /// The values of an image, in the order of [`ImageView::names`]; all are finite.
    pub fn values(self, image: &SpectrogramImage) -> Vec<f64> {
        match self {
            ImageView::Texture => texture::values(image),
            ImageView::Dynamics => dynamics::values(image),
        }
    }
}

impl fmt::Display for ImageView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ImageView {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        ImageView::ALL
            .into_iter()
            .find(|view| view.name() == text)
            .ok_or_else(|| format!("unknown view `{text}` (known: texture, dynamics)"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An image whose values are given by a seed.
    pub(super) fn image(columns: usize, seed: u64) -> SpectrogramImage {
        let mut state = seed;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1 << 24) as f32
        };
        SpectrogramImage::new(columns, (0..BANDS * columns).map(|_| next()).collect()).unwrap()
    }

    #[test]
    fn what_is_no_image_is_refused() {
        assert_eq!(
            SpectrogramImage::new(7, vec![0.0; 7 * BANDS]),
            Err(ImageError::Narrow { columns: 7 })
        );
        assert!(SpectrogramImage::new(8, vec![0.0; 8 * BANDS + 1]).is_err());
        assert!(SpectrogramImage::new(usize::MAX, Vec::new()).is_err());
        let mut grey = vec![0.0; 8 * BANDS];
        grey[17] = f32::NAN;
        let error = SpectrogramImage::new(8, grey).unwrap_err();
        assert_eq!(error, ImageError::NotFinite { band: 2, column: 1 });
    }

    #[test]
    fn pieces_follow_one_another() {
        let whole = image(26, 1);
        let pieces = whole.cut(3).unwrap();
        let joined: Vec<f32> = pieces.iter().flat_map(|piece| piece.band(5)).copied().collect();
        assert_eq!(joined, whole.band(5));
        assert_eq!(whole.cut(1).unwrap(), std::slice::from_ref(&whole));
        assert!(whole.cut(4).is_err() && whole.cut(0).is_err());
    }

    #[test]
    fn names_are_different_and_as_many_as_values() {
        let picture = image(30, 2);
        let mut all = Vec::new();
        for view in ImageView::ALL {
            assert_eq!(view.names().len(), view.values(&picture).len());
            assert_eq!(view.name().parse(), Ok(view));
            all.extend(view.names());
        }
        assert_eq!(all.len(), 1024 + 1188);
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 1024 + 1188);
        assert!("colour".parse::<ImageView>().is_err());
    }

    #[test]
    fn a_picture_of_one_grey_has_finite_values() {
        let flat = SpectrogramImage::new(8, vec![0.3; 8 * BANDS]).unwrap();
        for view in ImageView::ALL {
            assert!(view.values(&flat).iter().all(|value| value.is_finite()), "{view}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn neither_level_nor_contrast_matters(seed: u64, columns in 8usize..40, power in 1i32..4, shift in -2i32..3) {
            let picture = image(columns, seed);
            // A factor that is a power of two is exact, so that no two values become equal.
            let changed = picture.grey.iter().map(|v| v * 2f32.powi(-power));
            let changed = SpectrogramImage::new(columns, changed.collect()).unwrap();
            prop_assert_eq!(ImageView::Texture.values(&picture), ImageView::Texture.values(&changed));
            let shifted = picture.grey.iter().map(|v| v * 0.3 + shift as f32);
            let shifted = SpectrogramImage::new(columns, shifted.collect()).unwrap();
            for (a, b) in ImageView::Dynamics.values(&picture).iter().zip(ImageView::Dynamics.values(&shifted)) {
                prop_assert!((a - b).abs() < 1e-2, "{} {}", a, b);
            }
        }
    }
}
