//! Pictures side by side on one scale: one mel spectrogram of each genre.

use crate::axis::{Axis, range};
use crate::canvas::{Anchor, Canvas};
use crate::color::{Colors, TEXT};
use crate::error::Error;
use crate::figure::{Caption, Figure};
use crate::font::Font;
use crate::frame::{
    Area, BOTTOM, EDGE, Frame, LABEL_SIZE, WIDTH, color_bar, color_bar_width, heading, one_line, tick_width,
    top,
};
use crate::grid::Grid;
use crate::scales::Rows;
use crate::table::Table;

/// Most pictures.
const MAX_TILES: usize = 40;
/// Space between neighbours.
const GAP: f64 = 24.0;
/// Columns that each is reduced to.
const TILE_COLUMNS: usize = 260;

/// One of the pictures.
#[derive(Debug, Clone)]
pub struct Tile<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its values.
    pub grid: &'a Grid,
    /// Its length in seconds.
    pub seconds: f64,
}

/// Pictures on one scale of colours.
#[derive(Debug, Clone, Default)]
pub struct Tiles<'a> {
    /// The pictures; of more than 40 the first are drawn.
    pub tiles: &'a [Tile<'a>],
    /// What the rows are.
    pub rows: Rows,
    /// The colours.
    pub colors: Colors,
    /// What a value is, with its unit.
    pub value: &'a str,
    /// A quieter line under the title; may be empty.
    pub note: &'a str,
}

impl Tiles<'_> {
    /// Draws the pictures, three beside each other. The CSV holds the mean over time of each row.
    ///
    /// # Errors
    /// If no picture has a finite value.
    pub fn draw(&self, caption: &Caption<'_>) -> Result<Figure, Error> {
        caption.check()?;
        let tiles: Vec<&Tile<'_>> = self
            .tiles
            .iter()
            .filter(|t| t.grid.columns() > 0)
            .take(MAX_TILES)
            .collect();
        let values = tiles
            .iter()
            .flat_map(|t| t.grid.values().iter().map(|&v| f64::from(v)));
        let (lo, hi) = range(values).ok_or_else(|| caption.empty())?;
        let scale = Axis::between(lo, hi, 6, self.value);
        let columns = 3usize.min(tiles.len());
        let lines = tiles.len().div_ceil(columns);
        let y_axis = |rows: usize| {
            let mut axis = self.rows.axis(rows);
            // A small panel has room for every other number.
            let mut keep = false;
            axis.ticks.retain(|_| {
                keep = !keep;
                keep
            });
            axis
        };
        let widest = tiles
            .iter()
            .map(|t| tick_width(&y_axis(t.grid.rows())))
            .fold(0.0, f64::max);
        let left = EDGE + LABEL_SIZE + 8.0 + widest + 12.0;
        let width = (WIDTH - left - color_bar_width(&scale)) / columns as f64;
        let height = 190.0;
        let begin = top(self.note);
        let mut canvas = Canvas::new(WIDTH, begin + lines as f64 * height + BOTTOM);
        heading(&mut canvas, caption.title, self.note);
        let font = Font::new(false);
        let mut table = Table::new(["name", "row", "mean"]);
        for (i, tile) in tiles.iter().enumerate() {
            let area = Area {
                x: left + (i % columns) as f64 * width,
                y: begin + (i / columns) as f64 * height + 24.0,
                w: width - GAP,
                h: height - 36.0,
            };
            let seconds = if tile.seconds > 0.0 && tile.seconds.is_finite() {
                tile.seconds
            } else {
                1.0
            };
            let mut y = y_axis(tile.grid.rows());
            let first = i % columns == 0;
            if !first {
                y.ticks.iter_mut().for_each(|tick| tick.label.clear());
            }
            y.label.clear();
            let frame = Frame {
                area,
                x: Axis::time(0.0, seconds, 4),
                y,
            };
            let name = font.fit(&one_line(tile.name), LABEL_SIZE, area.w);
            canvas.text(area.x, area.y - 7.0, name, LABEL_SIZE, Anchor::Start, TEXT);
            let picture = tile.grid.narrowed(TILE_COLUMNS).picture(self.colors, &scale);
            canvas.image(area.x, area.y, area.w, area.h, picture);
            frame.outline(&mut canvas);
            frame.y_axis(&mut canvas);
            let last = i + columns >= tiles.len();
            frame.x_axis(&mut canvas, last);
            for row in 0..tile.grid.rows() {
                table
                    .cell(tile.name)
                    .cell(&row.to_string())
                    .number(tile.grid.row_mean(row))
                    .end();
            }
        }
        let middle = begin + 24.0 + (lines as f64 * height - 36.0) / 2.0;
        let label = tiles
            .first()
            .map_or(String::new(), |t| y_axis(t.grid.rows()).label);
        canvas.upright_text(
            EDGE + LABEL_SIZE - 4.0,
            middle,
            label,
            LABEL_SIZE,
            Anchor::Middle,
            TEXT,
        );
        let beside = Area {
            x: left,
            y: begin + 24.0,
            w: width * columns as f64 - GAP,
            h: (lines as f64 * height - 36.0).min(460.0),
        };
        color_bar(&mut canvas, beside, self.colors, &scale);
        Figure::new(caption, canvas, table)
    }
}
