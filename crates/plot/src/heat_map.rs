//! Matrices as colours: correlations, co-occurrences, loadings. Up to some thousand cells can be pointed at one by one; larger matrices
//! are a picture in the figure.

use crate::axis::{Axis, number, range};
use crate::canvas::{Anchor, Canvas, Mark, Shape};
use crate::color::{Colors, LINE, TEXT};
use crate::error::Error;
use crate::figure::{Caption, Figure};
use crate::font::Font;
use crate::frame::{
    Area, EDGE, LABEL_SIZE, TICK_SIZE, TITLE_SIZE, color_bar, color_bar_width, heading, one_line, top,
};
use crate::picture::{Picture, Pixels, index};
use crate::table::Table;

/// Most cells that are shapes of their own.
const MAX_CELLS: usize = 4000;
/// Most rows and columns; larger matrices are refused, since nobody could read them.
const MAX_SIDE: usize = 1000;
/// Size of names and of numbers in cells.
const NAME_SIZE: f64 = 14.0;
/// Longest name in pixels.
const NAME_WIDTH: f64 = 210.0;

/// What is written into the cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CellText {
    /// Nothing.
    #[default]
    None,
    /// The value with so many decimals, if the cells are wide enough for it.
    Decimals(usize),
}

/// A matrix with named rows and columns.
#[derive(Debug, Clone, Default)]
pub struct HeatMap<'a> {
    /// Names of the rows, from the top.
    pub rows: &'a [String],
    /// Names of the columns, from the left.
    pub columns: &'a [String],
    /// The values, row after row; what is not finite is shown grey.
    pub values: &'a [f64],
    /// The colours.
    pub colors: Colors,
    /// The values at the ends of the colours; taken from the data (about zero for diverging colours) where there are none.
    pub limits: Option<(f64, f64)>,
    /// What a value is, with its unit: stands beside the colours.
    pub value: &'a str,
    /// What the rows are; may be empty.
    pub row_axis: &'a str,
    /// What the columns are; may be empty.
    pub column_axis: &'a str,
    /// What is written into the cells.
    pub cell_text: CellText,
    /// A quieter line under the title; may be empty.
    pub note: &'a str,
}

impl HeatMap<'_> {
    /// Draws the matrix.
    ///
    /// # Errors
    /// If lengths do not match, nothing is finite, or there are more than 1,000 rows or columns.
    pub fn draw(&self, caption: &Caption<'_>) -> Result<Figure, Error> {
        caption.check()?;
        let cells = self.rows.len() * self.columns.len();
        caption.same("values", self.values.len(), "cells", cells)?;
        let limits = self.color_limits().ok_or_else(|| caption.empty())?;
        if self.rows.len().max(self.columns.len()) > MAX_SIDE {
            let fault = format!(
                "{} x {} cells, more than {MAX_SIDE} a side",
                self.rows.len(),
                self.columns.len()
            );
            let figure = caption.id.to_owned();
            return Err(Error::Shape { figure, fault });
        }
        let layout = Layout::new(self, limits);
        let mut canvas = Canvas::new(layout.width, layout.height);
        heading(&mut canvas, caption.title, self.note);
        self.cells(&mut canvas, &layout, |value| {
            format!("{} {}", number(value), self.value)
        });
        self.finish(caption, canvas, &layout)
    }

    fn finish(&self, caption: &Caption<'_>, mut canvas: Canvas, layout: &Layout) -> Result<Figure, Error> {
        self.names(&mut canvas, layout);
        let Area { x, y, w, h } = layout.area;
        canvas.add(Mark::stroked(Shape::Rect { x, y, w, h }, LINE, 1.0));
        color_bar(&mut canvas, layout.area, self.colors, &layout.scale);
        Figure::new(caption, canvas, self.table())
    }

    fn color_limits(&self) -> Option<(f64, f64)> {
        let (lo, hi) = range(self.values.iter().copied())?;
        if let Some((lo, hi)) = self.limits.filter(|(lo, hi)| lo < hi && (hi - lo).is_finite()) {
            return Some((lo, hi));
        }
        Some(match self.colors {
            Colors::Diverging => {
                let far = lo.abs().max(hi.abs());
                (-far, far)
            }
            Colors::Count => (lo.min(0.0), hi.max(lo.min(0.0) + f64::MIN_POSITIVE)),
            _ => (lo, hi),
        })
    }

    fn cells(&self, canvas: &mut Canvas, layout: &Layout, tell: impl Fn(f64) -> String) {
        let (lo, hi) = (layout.scale.lo, layout.scale.hi);
        let Area { x, y, w, h } = layout.area;
        if self.values.len() > MAX_CELLS {
            let picture = Picture {
                width: self.columns.len(),
                height: self.rows.len(),
                pixels: Pixels::Indexed(
                    self.colors,
                    self.values.iter().map(|&v| index(v, lo, hi)).collect(),
                ),
                smooth: false,
            };
            canvas.image(x, y, w, h, picture);
            return;
        }
        let (cw, ch) = layout.cell;
        for (row, name) in self.rows.iter().enumerate() {
            for (column, other) in self.columns.iter().enumerate() {
                let value = self.values[row * self.columns.len() + column];
                let share = if value.is_finite() {
                    (value - lo) / (hi - lo)
                } else {
                    f64::NAN
                };
                let color = self.colors.at(share);
                let (cx, cy) = (x + column as f64 * cw, y + row as f64 * ch);
                let shape = Shape::Rect {
                    x: cx,
                    y: cy,
                    w: cw,
                    h: ch,
                };
                let hover = format!("{} × {}: {}", brief(name), brief(other), tell(value));
                canvas.add(Mark::filled(shape, color).hover(hover));
                if let Some(text) = layout.text(self.cell_text, value) {
                    let (tx, ty) = (cx + cw / 2.0, cy + ch / 2.0 + NAME_SIZE * 0.36);
                    canvas.text(tx, ty, text, NAME_SIZE, Anchor::Middle, color.ink());
                }
            }
        }
    }

    fn names(&self, canvas: &mut Canvas, layout: &Layout) {
        let font = Font::new(false);
        let Area { x, y, w, h } = layout.area;
        let (cw, ch) = layout.cell;
        let every = (TICK_SIZE / ch).ceil().max(1.0) as usize;
        for (row, name) in self.rows.iter().enumerate().step_by(every) {
            let name = font.fit(&one_line(name), NAME_SIZE, NAME_WIDTH);
            let at = y + (row as f64 + 0.5) * ch + NAME_SIZE * 0.36;
            canvas.text(x - 7.0, at, name, NAME_SIZE, Anchor::End, TEXT);
        }
        let below = y + h + 7.0;
        let every = if layout.level {
            1
        } else {
            (TICK_SIZE / cw).ceil().max(1.0) as usize
        };
        for (column, name) in self.columns.iter().enumerate().step_by(every) {
            let name = font.fit(&one_line(name), NAME_SIZE, NAME_WIDTH);
            let at = x + (column as f64 + 0.5) * cw;
            if layout.level {
                canvas.text(at, below + NAME_SIZE, name, NAME_SIZE, Anchor::Middle, TEXT);
            } else {
                canvas.upright_text(at + NAME_SIZE * 0.36, below, name, NAME_SIZE, Anchor::End, TEXT);
            }
        }
        if !self.row_axis.is_empty() {
            let name = font.fit(self.row_axis, LABEL_SIZE, h.max(100.0));
            canvas.upright_text(
                EDGE + LABEL_SIZE - 4.0,
                y + h / 2.0,
                name,
                LABEL_SIZE,
                Anchor::Middle,
                TEXT,
            );
        }
        if !self.column_axis.is_empty() {
            let name = font.fit(self.column_axis, LABEL_SIZE, w.max(200.0));
            let at = canvas.height - EDGE;
            canvas.text(x + w / 2.0, at, name, LABEL_SIZE, Anchor::Middle, TEXT);
        }
    }

    fn table(&self) -> Table {
        let corner = std::iter::once("");
        let mut table = Table::new(corner.chain(self.columns.iter().map(String::as_str)));
        for (row, name) in self.rows.iter().enumerate() {
            table.cell(name);
            let start = row * self.columns.len();
            for &value in &self.values[start..start + self.columns.len()] {
                table.number(value);
            }
            table.end();
        }
        table
    }
}

fn brief(name: &str) -> String {
    one_line(name).chars().take(60).collect()
}

/// Sizes that follow from the names and the number of cells.
struct Layout {
    width: f64,
    height: f64,
    area: Area,
    cell: (f64, f64),
    /// Whether the columns' names lie level below them.
    level: bool,
    scale: Axis,
}

impl Layout {
    fn new(map: &HeatMap<'_>, (lo, hi): (f64, f64)) -> Self {
        let font = Font::new(false);
        let widest = |names: &[String]| {
            names
                .iter()
                .map(|name| font.width(&font.fit(&one_line(name), NAME_SIZE, NAME_WIDTH), NAME_SIZE))
                .fold(0.0, f64::max)
        };
        let scale = Axis::between(lo, hi, 6, map.value);
        let bar = color_bar_width(&scale);
        let row_axis = if map.row_axis.is_empty() {
            0.0
        } else {
            LABEL_SIZE + 10.0
        };
        let left = EDGE + row_axis + widest(map.rows) + 10.0;
        let (rows, columns) = (map.rows.len() as f64, map.columns.len() as f64);
        // Cells stay as wide as a line of text is high for as long as the figure stays within bounds.
        let room = (1000.0 - left - bar).max(300.0);
        let cw = (room / columns)
            .clamp(1.0, 90.0)
            .max((NAME_SIZE + 2.0).min(1100.0 / columns));
        let square = rows > 1.0 && (rows / columns).clamp(0.5, 2.0) == rows / columns;
        let tallest = if square {
            cw.min(60.0)
        } else {
            46.0f64.min(620.0 / rows)
        };
        let ch = tallest.max((NAME_SIZE + 2.0).min(1100.0 / rows));
        let cw = if square && rows == columns {
            cw.min(ch * 1.6)
        } else {
            cw
        };
        let names = widest(map.columns);
        let level = names + 8.0 <= cw;
        let below = 16.0 + if level { NAME_SIZE + 4.0 } else { names };
        let column_axis = if map.column_axis.is_empty() {
            0.0
        } else {
            LABEL_SIZE + 12.0
        };
        let area = Area {
            x: left,
            y: top(map.note),
            w: cw * columns,
            h: ch * rows,
        };
        Layout {
            width: (area.x + area.w + bar).max(520.0).max(TITLE_SIZE * 20.0),
            height: area.y + area.h.max(160.0) + below + column_axis + EDGE,
            area,
            cell: (cw, ch),
            level,
            scale,
        }
    }

    /// The text of a cell that it is wide and high enough for.
    fn text(&self, style: CellText, value: f64) -> Option<String> {
        let CellText::Decimals(decimals) = style else {
            return None;
        };
        if !value.is_finite() || value.abs() > 1e9 {
            return None;
        }
        let text = format!("{value:.*}", decimals.min(6)).replace('-', "−");
        let fits =
            Font::new(false).width(&text, NAME_SIZE) + 4.0 <= self.cell.0 && NAME_SIZE + 2.0 <= self.cell.1;
        fits.then_some(text)
    }
}
