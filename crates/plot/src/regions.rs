//! What a model heard: a grey picture over time with the regions that decided in colour, and the stretches of time above it.

use crate::axis::{Axis, number};
use crate::canvas::{Canvas, Mark, Shape};
use crate::color::{Colors, LINE, Rgb};
use crate::error::Error;
use crate::figure::{Caption, Figure};
use crate::frame::{
    Area, BOTTOM, EDGE, Frame, LABEL_SIZE, WIDTH, color_bar, color_bar_width, heading, tick_width, top,
};
use crate::grid::Grid;
use crate::picture::{Picture, Pixels};
use crate::scales::Rows;
use crate::table::Table;

/// Height of the picture, and of the strip of windows above it.
const HEIGHT: f64 = 380.0;
const STRIP: f64 = 26.0;
const STRIP_GAP: f64 = 8.0;
/// How much of a colour the strongest region shows.
const OPACITY: f64 = 0.85;
/// Lightness of the loudest place of the picture: colours must be told from it.
const LIGHTEST: f64 = 235.0;
/// Columns and rows of the numbers behind the figure.
const TABLE_COLUMNS: usize = 60;
const TABLE_ROWS: usize = 32;

/// A stretch of time, and how much it spoke for the answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stretch {
    /// Begin in seconds.
    pub from: f64,
    /// End in seconds.
    pub to: f64,
    /// How much it spoke for the answer (above 0) or against it.
    pub value: f64,
}

/// A picture over time, and over it the regions that spoke for an answer (red) or against it (blue).
#[derive(Debug, Clone, Default)]
pub struct Regions<'a> {
    /// The picture, such as a spectrogram in dB.
    pub image: Option<&'a Grid>,
    /// How much each region spoke for the answer: the same time and the same rows as the picture, as fine as it may be.
    pub map: Option<&'a Grid>,
    /// The length of the picture in seconds.
    pub seconds: f64,
    /// What the rows are.
    pub rows: Rows,
    /// Windows that were judged one by one, drawn as a strip above the picture on a scale of their own; may be empty.
    pub windows: &'a [Stretch],
    /// What a value of the map is, with its unit.
    pub value: &'a str,
    /// A quieter line under the title; may be empty.
    pub note: &'a str,
}

impl Regions<'_> {
    /// Draws the picture. The CSV holds the map, averaged to no more than 60 columns and 32 rows.
    ///
    /// # Errors
    /// If the picture or the map has no finite value.
    pub fn draw(&self, caption: &Caption<'_>) -> Result<Figure, Error> {
        caption.check()?;
        let (Some(image), Some(map)) = (self.image, self.map) else {
            return Err(caption.empty());
        };
        let (lo, hi) = image.range().ok_or_else(|| caption.empty())?;
        let far = farthest(map.values().iter().map(|&v| f64::from(v))).ok_or_else(|| caption.empty())?;
        let scale = Axis::between(-far, far, 6, self.value);
        let y = self.rows.axis(image.rows());
        let left = EDGE + LABEL_SIZE + 8.0 + tick_width(&y) + 12.0;
        let strip = if self.windows.is_empty() {
            0.0
        } else {
            STRIP + STRIP_GAP
        };
        let area = Area {
            x: left,
            y: top(self.note) + strip,
            w: WIDTH - left - color_bar_width(&scale),
            h: HEIGHT,
        };
        let seconds = if self.seconds > 0.0 && self.seconds.is_finite() {
            self.seconds
        } else {
            1.0
        };
        let frame = Frame {
            area,
            x: Axis::time(0.0, seconds, 8),
            y,
        };
        let mut canvas = Canvas::new(WIDTH, area.y + area.h + BOTTOM);
        heading(&mut canvas, caption.title, self.note);
        self.strip(&mut canvas, &frame, seconds);
        canvas.image(
            area.x,
            area.y,
            area.w,
            area.h,
            blended(&image.reduced(), map, (lo, hi), far),
        );
        frame.axes(&mut canvas);
        color_bar(&mut canvas, area, Colors::Diverging, &scale);
        Figure::new(caption, canvas, table(map, seconds))
    }

    fn strip(&self, canvas: &mut Canvas, frame: &Frame, seconds: f64) {
        let Some(far) = farthest(self.windows.iter().map(|w| w.value)) else {
            return;
        };
        let y = frame.area.y - STRIP - STRIP_GAP;
        for window in self.windows {
            let (from, to) = (window.from.clamp(0.0, seconds), window.to.clamp(0.0, seconds));
            if from.partial_cmp(&to) != Some(std::cmp::Ordering::Less) {
                continue;
            }
            let (x, end) = (frame.px(from), frame.px(to));
            let shape = Shape::Rect {
                x,
                y,
                w: end - x,
                h: STRIP,
            };
            let color = Colors::Diverging.at(share(window.value, far));
            let hover = format!("{} s to {} s: {}", number(from), number(to), number(window.value));
            canvas.add(Mark::filled(shape, color).edge(LINE, 1.0).hover(hover));
        }
    }
}

/// The largest distance from 0, and never 0 itself.
fn farthest(values: impl Iterator<Item = f64>) -> Option<f64> {
    let far = values.filter(|v| v.is_finite()).map(f64::abs).reduce(f64::max)?;
    Some(far.max(1e-12))
}

/// Where a value stands between the ends of a scale about 0.
fn share(value: f64, far: f64) -> f64 {
    0.5 + 0.5 * value / far
}

/// The picture in grey, coloured where the map is far from 0, time to the right and the first row at the bottom.
fn blended(image: &Grid, map: &Grid, (lo, hi): (f64, f64), far: f64) -> Picture {
    let (width, height) = (image.columns(), image.rows());
    let mut pixels = Vec::with_capacity(4 * width * height);
    for row in (0..height).rev() {
        for column in 0..width {
            let value = f64::from(image.column(column)[row]);
            let loud = if hi > lo {
                ((value - lo) / (hi - lo)).clamp(0.0, 1.0)
            } else {
                0.5
            };
            let grey = if loud.is_nan() { 0.0 } else { loud * LIGHTEST };
            let over = f64::from(map.column(column * map.columns() / width)[row * map.rows() / height]);
            let over = if over.is_finite() { over } else { 0.0 };
            let Rgb(r, g, b) = Colors::Diverging.at(share(over, far));
            let opacity = OPACITY * (over.abs() / far).min(1.0).sqrt();
            let mix = |color: u8| (grey + (f64::from(color) - grey) * opacity).round() as u8;
            pixels.extend([mix(r), mix(g), mix(b), 255]);
        }
    }
    Picture {
        width,
        height,
        pixels: Pixels::Rgba(pixels),
        smooth: false,
    }
}

fn table(map: &Grid, seconds: f64) -> Table {
    let small = map.averaged(TABLE_COLUMNS, TABLE_ROWS);
    let mut table = Table::new(["seconds", "row", "value"]);
    // The last merged column may stand for fewer frames than the others.
    let across = map.columns().div_ceil(TABLE_COLUMNS).max(1);
    for column in 0..small.columns() {
        let from = seconds * (column * across) as f64 / map.columns() as f64;
        for (row, &value) in small.column(column).iter().enumerate() {
            table.number(from).cell(&row.to_string()).single(value).end();
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rgb(picture: &Picture, row: usize, column: usize) -> [u8; 3] {
        let bytes = picture.rgba();
        let at = 4 * (row * picture.width + column);
        [bytes[at], bytes[at + 1], bytes[at + 2]]
    }

    #[test]
    fn what_speaks_for_is_red_and_what_says_nothing_grey() {
        let image = Grid::new(2, vec![0.0, 1.0, 0.0, 1.0]);
        let map = Grid::new(2, vec![1.0, 0.0, -1.0, 0.0]);
        let picture = blended(&image, &map, (0.0, 1.0), 1.0);
        // The first row of the grid is the lowest of the picture.
        assert_eq!(rgb(&picture, 0, 0), [235; 3]);
        let [r, _, b] = rgb(&picture, 1, 0);
        assert!(r > b + 40);
        let [r, _, b] = rgb(&picture, 1, 1);
        assert!(b > r + 40);
    }
}
