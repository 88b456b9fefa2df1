//! The letters: widths of texts, and their outlines for the PNG.
//!
//! DejaVu Sans and its bold, cut down to Latin, Greek, Cyrillic and signs, lie in the program (`assets/fonts`, with their licence), so that
//! pictures are the same on every machine. An SVG names the font and leaves the drawing to the browser; its likes are as wide.

use ttf_parser::{Face, GlyphId, OutlineBuilder};

/// The fonts an SVG asks for, the like-sized first.
pub(crate) const FAMILY: &str = "'DejaVu Sans', Verdana, Geneva, sans-serif";

static REGULAR: &[u8] = include_bytes!("../assets/fonts/DejaVuSans-subset.ttf");
static BOLD: &[u8] = include_bytes!("../assets/fonts/DejaVuSans-Bold-subset.ttf");

/// A weight of the font, at any size.
pub(crate) struct Font {
    face: Face<'static>,
    per_em: f64,
}

impl Font {
    pub(crate) fn new(bold: bool) -> Self {
        let bytes = if bold { BOLD } else { REGULAR };
        let face = Face::parse(bytes, 0).expect("the font in the program is a font");
        let per_em = f64::from(face.units_per_em());
        Font { face, per_em }
    }

    fn glyph(&self, letter: char) -> GlyphId {
        self.face.glyph_index(letter).unwrap_or(GlyphId(0))
    }

    fn advance(&self, letter: char) -> f64 {
        f64::from(self.face.glyph_hor_advance(self.glyph(letter)).unwrap_or(0)) / self.per_em
    }

    /// Width of a text at a size, in the size's unit.
    pub(crate) fn width(&self, text: &str, size: f64) -> f64 {
        size * text.chars().map(|letter| self.advance(letter)).sum::<f64>()
    }

    /// The text, or as much of it as `width` holds with an ellipsis behind.
    pub(crate) fn fit(&self, text: &str, size: f64, width: f64) -> String {
        let dots = self.advance('…');
        let mut used = 0.0;
        let mut fits = 0;
        for (at, letter) in text.char_indices() {
            if (used + dots) * size <= width {
                fits = at;
            }
            used += self.advance(letter);
            if used * size > width {
                return format!("{}…", text[..fits].trim_end());
            }
        }
        text.to_owned()
    }

    /// Draws a text from the origin to the right, y upwards; `line` gets each glyph's outline.
    pub(crate) fn outline(&self, text: &str, size: f64, path: &mut tiny_skia::PathBuilder) {
        let scale = (size / self.per_em) as f32;
        let mut x = 0.0;
        for letter in text.chars() {
            let mut pen = Pen {
                path,
                scale,
                x: x as f32,
            };
            // A glyph without an outline is a space.
            let _ = self.face.outline_glyph(self.glyph(letter), &mut pen);
            x += self.advance(letter) * size;
        }
    }
}

/// Takes a glyph's outline to its place, y downwards.
struct Pen<'a> {
    path: &'a mut tiny_skia::PathBuilder,
    scale: f32,
    x: f32,
}

impl Pen<'_> {
    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        (self.x + x * self.scale, -y * self.scale)
    }
}

impl OutlineBuilder for Pen<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.at(x1, y1), self.at(x, y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.at(x1, y1), self.at(x2, y2), self.at(x, y));
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_add_up() {
        let font = Font::new(false);
        let (a, b) = (font.width("melis", 14.0), font.width("ma", 14.0));
        assert!((font.width("melisma", 14.0) - a - b).abs() < 1e-9);
        assert!(Font::new(true).width("melisma", 14.0) > a + b);
        assert_eq!(font.width("", 14.0), 0.0);
    }

    #[test]
    fn long_texts_are_cut_to_fit() {
        let font = Font::new(false);
        assert_eq!(font.fit("short", 14.0, 200.0), "short");
        for text in ["a".repeat(500), "音楽の長い題名".repeat(40), "♫ ñ Ж ".repeat(90)] {
            let cut = font.fit(&text, 14.0, 200.0);
            assert!(cut.ends_with('…'));
            assert!(font.width(&cut, 14.0) <= 200.0);
            assert!(font.width(&cut, 14.0) > 170.0);
        }
        assert_eq!(font.fit("abc", 14.0, 1.0), "…");
    }
}
