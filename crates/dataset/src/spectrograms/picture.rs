//! A grey PNG as a spectrogram image.

use std::io::Cursor;

use melisma_features::image::{BANDS, SpectrogramImage};
use png::{BitDepth, ColorType, Decoder, Limits};

/// The widest picture, in columns.
const MOST_COLUMNS: u32 = 4096;

/// Decodes a picture of [`BANDS`] rows, the lowest frequencies at the bottom, grey with 8 bits.
pub(super) fn decode(bytes: &[u8]) -> Result<SpectrogramImage, String> {
    // Room for a picture of the largest size and the decoder's own work.
    let limits = Limits { bytes: 16 << 20 };
    let mut reader = Decoder::new_with_limits(Cursor::new(bytes), limits)
        .read_info()
        .map_err(|error| format!("no PNG picture: {error}"))?;
    let (width, height) = (reader.info().width, reader.info().height);
    if height as usize != BANDS {
        return Err(format!("{height} rows, where a spectrogram image has {BANDS}"));
    }
    if width > MOST_COLUMNS {
        return Err(format!("{width} columns are more than {MOST_COLUMNS}"));
    }
    let (color, depth) = reader.output_color_type();
    if (color, depth) != (ColorType::Grayscale, BitDepth::Eight) {
        return Err(format!("colours are {color:?} of {depth:?} bits, not grey of 8"));
    }
    let width = width as usize;
    let mut grey = vec![0; width * BANDS];
    reader
        .next_frame(&mut grey)
        .map_err(|error| format!("a faulty PNG picture: {error}"))?;
    let upwards = grey.chunks_exact(width.max(1)).rev().flatten();
    SpectrogramImage::new(width, upwards.map(|&value| f32::from(value) / 255.0).collect())
        .map_err(|error| error.to_string())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A picture whose values follow from a number.
    pub(crate) fn png(width: u32, height: u32, number: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(ColorType::Grayscale);
        encoder.set_depth(BitDepth::Eight);
        let count = width as usize * height as usize;
        let values: Vec<u8> = (0..count)
            .map(|at| (at * (7919 + number) / 13 % 256) as u8)
            .collect();
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&values).unwrap();
        writer.finish().unwrap();
        bytes
    }

    #[test]
    fn low_frequencies_come_first() {
        let image = decode(&png(16, 128, 1)).unwrap();
        let first_of_bottom = 127 * 16 * 7920 / 13 % 256;
        assert_eq!(image.band(0)[0], first_of_bottom as f32 / 255.0);
        assert_eq!(image.band(127)[0], 0.0);
    }

    #[test]
    fn other_pictures_are_refused() {
        assert!(decode(&png(7, 128, 1)).unwrap_err().contains("columns"));
        assert!(decode(&png(5000, 128, 1)).unwrap_err().contains("5000 columns"));
        assert!(decode(&png(16, 100_000, 1)).unwrap_err().contains("100000 rows"));
        let whole = png(16, 128, 1);
        for cut in [0, 8, 20, 40, whole.len() / 2] {
            assert!(decode(&whole[..cut]).is_err(), "{cut}");
        }
        let mut rgb = Vec::new();
        let mut encoder = png::Encoder::new(&mut rgb, 16, 128);
        encoder.set_color(ColorType::Rgb);
        encoder
            .write_header()
            .unwrap()
            .write_image_data(&[0; 16 * 128 * 3])
            .unwrap();
        assert!(decode(&rgb).unwrap_err().contains("Rgb"));
    }
}
