//! The colours: one palette for classes, five scales for values, all told apart with any colour vision.
//!
//! Scales are Matplotlib's `viridis`, `plasma` and `magma` (N. Smith and S. van der Walt, public domain) and ColorBrewer's `RdBu` and `Blues`
//! (C. Brewer, Apache 2.0), at 17 points with straight lines between. The classes' first eight colours are those of M. Okabe and
//! K. Ito, *Color Universal Design* (2008), yellow darkened to be seen on white; eight of P. Tol's follow.

/// Red, green and blue, 0 to 255.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rgb(pub u8, pub u8, pub u8);

impl Rgb {
    const fn hex(value: u32) -> Self {
        Rgb((value >> 16) as u8, (value >> 8) as u8, value as u8)
    }

    /// Relative luminance, 0 (black) to 1 (white), without gamma.
    pub(crate) fn luminance(self) -> f64 {
        (0.2126 * f64::from(self.0) + 0.7152 * f64::from(self.1) + 0.0722 * f64::from(self.2)) / 255.0
    }

    /// The colour of text that is to be read on this one.
    pub(crate) fn ink(self) -> Rgb {
        if self.luminance() > 0.5 { TEXT } else { PAPER }
    }
}

pub(crate) const PAPER: Rgb = Rgb::hex(0xffffff);
pub(crate) const TEXT: Rgb = Rgb::hex(0x222222);
pub(crate) const QUIET: Rgb = Rgb::hex(0x5a5a5a);
pub(crate) const LINE: Rgb = Rgb::hex(0x8a8a8a);
pub(crate) const GRID: Rgb = Rgb::hex(0xe4e4e4);
/// Every other row of a figure.
pub(crate) const BAND: Rgb = Rgb::hex(0xf6f6f6);
/// Where a value is missing or not a number.
pub(crate) const MISSING: Rgb = Rgb::hex(0xd0d0d0);
/// What is drawn behind something else.
pub(crate) const BACKDROP: Rgb = Rgb::hex(0xb4c7d9);

const CLASSES: [Rgb; 16] = [
    Rgb::hex(0x0072b2),
    Rgb::hex(0xe69f00),
    Rgb::hex(0x009e73),
    Rgb::hex(0xcc79a7),
    Rgb::hex(0x56b4e9),
    Rgb::hex(0xd55e00),
    Rgb::hex(0xcdb800),
    Rgb::hex(0x3a3a3a),
    Rgb::hex(0x882255),
    Rgb::hex(0x44aa99),
    Rgb::hex(0x332288),
    Rgb::hex(0x999933),
    Rgb::hex(0xaa4499),
    Rgb::hex(0x117733),
    Rgb::hex(0xa6761d),
    Rgb::hex(0x8f8f8f),
];

/// The colour of class `index`; sixteen differ, then they come again (with other markers).
pub fn class_color(index: usize) -> Rgb {
    CLASSES[index % CLASSES.len()]
}

/// A scale of colours for values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Colors {
    /// From little to much, dark to light (`viridis`).
    #[default]
    Sequential,
    /// From low to high, dark blue to orange (`plasma` without its lightest end): for small points on white.
    Points,
    /// From silence to loudness, black to light (`magma`).
    Intensity,
    /// From nothing to many, white to dark blue: for numbers that are written into their cells.
    Count,
    /// From below to above zero, blue over white to red.
    Diverging,
}

impl Colors {
    fn points(self) -> &'static [u32; 17] {
        match self {
            Colors::Sequential => &[
                0x440154, 0x48186a, 0x472d7b, 0x424086, 0x3b528b, 0x33638d, 0x2c728e, 0x26828e, 0x21918c,
                0x1fa088, 0x28ae80, 0x3fbc73, 0x5ec962, 0x84d44b, 0xaddc30, 0xd8e219, 0xfde725,
            ],
            Colors::Points => &[
                0x0d0887, 0x2c0594, 0x43039e, 0x5901a5, 0x6e00a8, 0x8305a7, 0x9511a1, 0xa72197, 0xb6308b,
                0xc43e7f, 0xd14e72, 0xdc5d67, 0xe76e5b, 0xef7e50, 0xf79044, 0xfba238, 0xfeb72d,
            ],
            Colors::Intensity => &[
                0x000004, 0x0a0822, 0x1d1147, 0x36106b, 0x51127c, 0x6a1c81, 0x832681, 0x9c2e7f, 0xb73779,
                0xd0416f, 0xe75263, 0xf56b5c, 0xfc8961, 0xfea772, 0xfec488, 0xfde2a3, 0xfcfdbf,
            ],
            Colors::Count => &[
                0xffffff, 0xeaf3fb, 0xdeebf7, 0xd2e3f3, 0xc6dbef, 0xb2d2e8, 0x9dcae1, 0x84bcdb, 0x6aaed6,
                0x56a0ce, 0x4191c6, 0x3181bd, 0x2070b4, 0x1460a8, 0x08509b, 0x084082, 0x08306b,
            ],
            Colors::Diverging => &[
                0x053061, 0x175290, 0x2a71b2, 0x3f8ec0, 0x6bacd1, 0x9bc9e0, 0xc2ddec, 0xe0ecf3, 0xf7f6f6,
                0xfbe5d8, 0xfbccb4, 0xf5aa89, 0xe48066, 0xd05548, 0xba2832, 0x930e26, 0x67001f,
            ],
        }
    }

    /// The colour at `t` between 0 and 1; what lies outside takes the end's, what is no number is grey.
    pub fn at(self, t: f64) -> Rgb {
        if t.is_nan() {
            return MISSING;
        }
        let points = self.points();
        let position = t.clamp(0.0, 1.0) * (points.len() - 1) as f64;
        let index = (position as usize).min(points.len() - 2);
        let (a, b) = (Rgb::hex(points[index]), Rgb::hex(points[index + 1]));
        let share = position - index as f64;
        let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * share).round() as u8;
        Rgb(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_begin_and_end_where_they_should() {
        assert_eq!(Colors::Sequential.at(-1.0), Rgb(0x44, 0x01, 0x54));
        assert_eq!(Colors::Sequential.at(2.0), Rgb(0xfd, 0xe7, 0x25));
        assert_eq!(Colors::Diverging.at(0.5), Rgb(0xf7, 0xf6, 0xf6));
        assert_eq!(Colors::Count.at(f64::NAN), MISSING);
    }

    #[test]
    fn lightness_orders_the_sequential_scales() {
        for colors in [Colors::Sequential, Colors::Points, Colors::Intensity] {
            let light: Vec<f64> = (0..=64)
                .map(|i| colors.at(f64::from(i) / 64.0).luminance())
                .collect();
            assert!(light.windows(2).all(|w| w[0] < w[1] + 1e-9), "{colors:?}");
        }
    }

    #[test]
    fn sixteen_classes_differ() {
        for i in 0..16 {
            for j in 0..i {
                assert_ne!(class_color(i), class_color(j));
            }
        }
        assert_eq!(class_color(16), class_color(0));
    }
}
