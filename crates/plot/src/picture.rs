//! A picture inside a figure: a rectangle of pixels, for matrices that have too many cells to be drawn one by one.

use crate::color::{Colors, Rgb};

/// Pixels, row after row from the top.
#[derive(Debug, Clone)]
pub(crate) struct Picture {
    pub width: usize,
    pub height: usize,
    pub pixels: Pixels,
    /// Whether neighbouring pixels flow into each other when the picture is enlarged.
    pub smooth: bool,
}

/// What a pixel is.
#[derive(Debug, Clone)]
pub(crate) enum Pixels {
    /// A place on a scale of colours, 1 to 255; 0 stands for a missing value.
    Indexed(Colors, Vec<u8>),
    /// Red, green, blue and opacity, not multiplied.
    Rgba(Vec<u8>),
}

/// The place of a value between `lo` and `hi` on an indexed scale.
pub(crate) fn index(value: f64, lo: f64, hi: f64) -> u8 {
    if !value.is_finite() {
        return 0;
    }
    1 + (((value - lo) / (hi - lo)).clamp(0.0, 1.0) * 254.0).round() as u8
}

fn palette_color(colors: Colors, index: u8) -> Rgb {
    match index {
        0 => colors.at(f64::NAN),
        _ => colors.at((f64::from(index) - 1.0) / 254.0),
    }
}

impl Picture {
    /// The picture as red, green, blue and opacity.
    pub(crate) fn rgba(&self) -> Vec<u8> {
        match &self.pixels {
            Pixels::Rgba(bytes) => bytes.clone(),
            Pixels::Indexed(colors, values) => {
                let palette: Vec<Rgb> = (0..=255).map(|i| palette_color(*colors, i)).collect();
                values
                    .iter()
                    .flat_map(|&value| {
                        let Rgb(r, g, b) = palette[usize::from(value)];
                        [r, g, b, 255]
                    })
                    .collect()
            }
        }
    }

    /// The picture as a PNG file.
    pub(crate) fn png(&self) -> Vec<u8> {
        match &self.pixels {
            Pixels::Rgba(bytes) => encode_rgba(self.width, self.height, bytes),
            Pixels::Indexed(colors, values) => {
                let palette: Vec<u8> = (0..=255)
                    .flat_map(|i| {
                        let Rgb(r, g, b) = palette_color(*colors, i);
                        [r, g, b]
                    })
                    .collect();
                encode(self.width, self.height, values, |encoder| {
                    encoder.set_color(png::ColorType::Indexed);
                    encoder.set_palette(palette);
                })
            }
        }
    }
}

/// A PNG file of red, green, blue and opacity.
pub(crate) fn encode_rgba(width: usize, height: usize, bytes: &[u8]) -> Vec<u8> {
    encode(width, height, bytes, |encoder| {
        encoder.set_color(png::ColorType::Rgba)
    })
}

/// A PNG file of red, green and blue.
pub(crate) fn encode_rgb(width: usize, height: usize, bytes: &[u8]) -> Vec<u8> {
    encode(width, height, bytes, |encoder| {
        encoder.set_color(png::ColorType::Rgb)
    })
}

fn encode(
    width: usize,
    height: usize,
    bytes: &[u8],
    set: impl FnOnce(&mut png::Encoder<'_, &mut Vec<u8>>),
) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width as u32, height as u32);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Balanced);
    set(&mut encoder);
    encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(bytes))
        .expect("a picture has as many pixels as it says, and memory takes all of them");
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_take_their_place() {
        assert_eq!(index(0.0, 0.0, 1.0), 1);
        assert_eq!(index(1.0, 0.0, 1.0), 255);
        assert_eq!(index(7.0, 0.0, 1.0), 255);
        assert_eq!(index(f64::NAN, 0.0, 1.0), 0);
        assert_eq!(index(f64::INFINITY, 0.0, 1.0), 0);
    }

    #[test]
    fn the_file_holds_the_pixels() {
        let picture = Picture {
            width: 3,
            height: 1,
            pixels: Pixels::Indexed(Colors::Count, vec![0, 1, 255]),
            smooth: false,
        };
        let file = picture.png();
        let mut decoder = png::Decoder::new(std::io::Cursor::new(file));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut bytes).unwrap();
        assert_eq!(bytes, [0xd0, 0xd0, 0xd0, 0xff, 0xff, 0xff, 0x08, 0x30, 0x6b]);
        let rgb: Vec<u8> = picture.rgba().chunks(4).flat_map(|p| p[..3].to_vec()).collect();
        assert_eq!(bytes, rgb);
    }
}
