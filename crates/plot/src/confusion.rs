//! Confusion matrices: what was taken for what, in numbers and in per cent of the true class.

use crate::axis::Axis;
use crate::canvas::{Anchor, Canvas, Mark, Shape};
use crate::color::{Colors, LINE, TEXT};
use crate::error::Error;
use crate::figure::{Caption, Figure};
use crate::font::Font;
use crate::frame::{Area, EDGE, LABEL_SIZE, color_bar, color_bar_width, heading, one_line, top};
use crate::heat_map::HeatMap;
use crate::table::Table;

/// Classes up to which the cells hold two lines of text.
const MAX_TEXTS: usize = 20;
const NAME_SIZE: f64 = 15.0;
const SMALL: f64 = 14.0;

/// A table of true against predicted classes.
#[derive(Debug, Clone, Default)]
pub struct Confusion<'a> {
    /// Names of the classes.
    pub classes: &'a [String],
    /// How often: a row for each true class, a column for each predicted one.
    pub counts: &'a [u64],
    /// A quieter line under the title; may be empty.
    pub note: &'a str,
}

impl Confusion<'_> {
    /// Draws the matrix; colours tell the share of the true class. The CSV holds the counts.
    ///
    /// # Errors
    /// If there is no class, nothing was counted, or the lengths do not match.
    pub fn draw(&self, caption: &Caption<'_>) -> Result<Figure, Error> {
        caption.check()?;
        let n = self.classes.len();
        caption.same("counts", self.counts.len(), "cells", n * n)?;
        if self.counts.iter().all(|&count| count == 0) {
            return Err(caption.empty());
        }
        let shares = self.shares();
        if n > MAX_TEXTS {
            let map = HeatMap {
                rows: self.classes,
                columns: self.classes,
                values: &shares,
                colors: Colors::Count,
                limits: Some((0.0, 100.0)),
                value: "% of the true class",
                row_axis: "true class",
                column_axis: "predicted class",
                note: self.note,
                ..HeatMap::default()
            };
            return Figure::new(caption, map.draw(caption)?.into_canvas(), self.table());
        }
        Figure::new(caption, self.canvas(caption, &shares), self.table())
    }

    /// Per cent of each row.
    fn shares(&self) -> Vec<f64> {
        let n = self.classes.len();
        let share = |row: &[u64]| {
            let sum: f64 = row.iter().map(|&count| count as f64).sum();
            row.iter()
                .map(|&count| {
                    if sum > 0.0 {
                        100.0 * count as f64 / sum
                    } else {
                        f64::NAN
                    }
                })
                .collect::<Vec<f64>>()
        };
        self.counts.chunks_exact(n.max(1)).flat_map(share).collect()
    }

    fn canvas(&self, caption: &Caption<'_>, shares: &[f64]) -> Canvas {
        let font = Font::new(false);
        let n = self.classes.len();
        let names: Vec<String> = self
            .classes
            .iter()
            .map(|name| font.fit(&one_line(name), NAME_SIZE, 150.0))
            .collect();
        let widest = names
            .iter()
            .map(|name| font.width(name, NAME_SIZE))
            .fold(0.0, f64::max);
        let scale = Axis::between(0.0, 100.0, 5, "% of the true class");
        let left = EDGE + LABEL_SIZE + 12.0 + widest + 10.0;
        let cw = ((1000.0 - left - color_bar_width(&scale)) / n as f64).clamp(58.0, 110.0);
        let ch = (cw * 0.8).max(46.0);
        let level = widest + 6.0 <= cw;
        let below = 16.0 + if level { NAME_SIZE } else { widest };
        let area = Area {
            x: left,
            y: top(self.note),
            w: cw * n as f64,
            h: ch * n as f64,
        };
        let width = (area.x + area.w + color_bar_width(&scale)).max(520.0);
        let mut canvas = Canvas::new(width, area.y + area.h + below + LABEL_SIZE + 12.0 + EDGE);
        heading(&mut canvas, caption.title, self.note);
        for (i, (&share, &count)) in shares.iter().zip(self.counts).enumerate() {
            let (row, column) = (i / n, i % n);
            let (x, y) = (area.x + column as f64 * cw, area.y + row as f64 * ch);
            let color = Colors::Count.at(share / 100.0);
            let hover = format!(
                "true {}, predicted {}: {count} ({share:.1} %)",
                one_line(&self.classes[row]),
                one_line(&self.classes[column])
            );
            canvas.add(Mark::filled(Shape::Rect { x, y, w: cw, h: ch }, color).hover(hover));
            if count > 0 {
                let ink = color.ink();
                let middle = x + cw / 2.0;
                canvas.text(
                    middle,
                    y + ch / 2.0 - 2.0,
                    count.to_string(),
                    NAME_SIZE,
                    Anchor::Middle,
                    ink,
                );
                canvas.text(
                    middle,
                    y + ch / 2.0 + 15.0,
                    percent(share),
                    SMALL,
                    Anchor::Middle,
                    ink,
                );
            }
        }
        for (i, name) in names.iter().enumerate() {
            let y = area.y + (i as f64 + 0.5) * ch + NAME_SIZE * 0.36;
            canvas.text(area.x - 8.0, y, name, NAME_SIZE, Anchor::End, TEXT);
            let x = area.x + (i as f64 + 0.5) * cw;
            let under = area.y + area.h + 8.0;
            match level {
                true => canvas.text(x, under + NAME_SIZE, name, NAME_SIZE, Anchor::Middle, TEXT),
                false => canvas.upright_text(x + NAME_SIZE * 0.36, under, name, NAME_SIZE, Anchor::End, TEXT),
            }
        }
        let Area { x, y, w, h } = area;
        canvas.add(Mark::stroked(Shape::Rect { x, y, w, h }, LINE, 1.0));
        canvas.upright_text(
            EDGE + 12.0,
            y + h / 2.0,
            "true class",
            LABEL_SIZE,
            Anchor::Middle,
            TEXT,
        );
        let bottom = canvas.height - EDGE;
        canvas.text(
            x + w / 2.0,
            bottom,
            "predicted class",
            LABEL_SIZE,
            Anchor::Middle,
            TEXT,
        );
        color_bar(&mut canvas, area, Colors::Count, &scale);
        canvas
    }

    fn table(&self) -> Table {
        let head = std::iter::once("true \\ predicted");
        let mut table = Table::new(head.chain(self.classes.iter().map(String::as_str)));
        for (name, row) in self
            .classes
            .iter()
            .zip(self.counts.chunks_exact(self.classes.len().max(1)))
        {
            table.cell(name);
            for count in row {
                table.cell(&count.to_string());
            }
            table.end();
        }
        table
    }
}

fn percent(share: f64) -> String {
    match share {
        s if s >= 9.95 => format!("{s:.0} %"),
        s => format!("{s:.1} %"),
    }
}
