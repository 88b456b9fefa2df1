//! How much of the variance each principal component explains, and all up to it together.

use crate::axis::Axis;
use crate::axis::number;
use crate::canvas::{Canvas, Mark, Shape};
use crate::color::{PAPER, class_color};
use crate::error::Error;
use crate::figure::{Caption, Figure};
use crate::frame::{Area, BOTTOM, EDGE, Entry, Frame, WIDTH, heading, left_margin, legend_across, top};
use crate::table::Table;

/// Components drawn; the rest is in the CSV.
const MAX_SHOWN: usize = 60;

/// The shares of variance.
#[derive(Debug, Clone, Default)]
pub struct Scree<'a> {
    /// Share of the variance that each component explains, 0 to 1, the first component first.
    pub ratios: &'a [f64],
    /// A quieter line under the title; may be empty.
    pub note: &'a str,
}

impl Scree<'_> {
    /// Draws bars for the components and a line for their sum so far.
    ///
    /// # Errors
    /// If there is no component, or a share is not between 0 and 1.
    pub fn draw(&self, caption: &Caption<'_>) -> Result<Figure, Error> {
        caption.check()?;
        if self.ratios.is_empty() {
            return Err(caption.empty());
        }
        if let Some(ratio) = self.ratios.iter().find(|r| !(-1e-9..=1.0 + 1e-9).contains(*r)) {
            return Err(Error::Shape {
                figure: caption.id.to_owned(),
                fault: format!("{ratio} is no share of the variance"),
            });
        }
        let sums: Vec<f64> = self
            .ratios
            .iter()
            .scan(0.0, |sum, ratio| {
                *sum += ratio;
                Some(*sum)
            })
            .collect();
        let shown = self.ratios.len().min(MAX_SHOWN);
        let mut x = Axis::between(0.5, shown as f64 + 0.5, 12, "principal component");
        x.ticks.retain(|tick| tick.at.fract() == 0.0);
        let y = Axis::between(0.0, 100.0, 5, "explained variance (%)");
        let left = left_margin(&y);
        let area = Area {
            x: left,
            y: top(self.note) + 34.0,
            w: WIDTH - left - EDGE - 10.0,
            h: 420.0,
        };
        let frame = Frame { area, x, y };
        let mut canvas = Canvas::new(WIDTH, area.y + area.h + BOTTOM);
        heading(&mut canvas, caption.title, self.note);
        let entry = |name: &str, class, marker| Entry {
            name: name.to_owned(),
            color: class_color(class),
            marker,
        };
        let entries = [
            entry("each component", 0, None),
            entry("all up to it", 5, Some(0)),
        ];
        legend_across(&mut canvas, area.x, top(self.note) - 6.0, WIDTH - EDGE, &entries);
        frame.grid(&mut canvas, false, true);
        let place = |i: usize| i as f64 + 1.0;
        for (i, &ratio) in self.ratios[..shown].iter().enumerate() {
            let (left, y) = frame.point(place(i) - 0.4, 100.0 * ratio);
            let (right, bottom) = frame.point(place(i) + 0.4, 0.0);
            let shape = Shape::Rect {
                x: left,
                y,
                w: right - left,
                h: bottom - y,
            };
            canvas.add(Mark::filled(shape, class_color(0)).hover(tell(i, ratio, sums[i])));
        }
        let line: Vec<(f64, f64)> = (0..shown)
            .map(|i| frame.point(place(i), 100.0 * sums[i]))
            .collect();
        canvas.add(Mark::stroked(Shape::Line(line.clone()), class_color(5), 2.0));
        for (i, &(x, y)) in line.iter().enumerate() {
            let dot = Shape::Circle { x, y, r: 4.0 };
            let mark = Mark::filled(dot, class_color(5)).edge(PAPER, 0.8);
            canvas.add(mark.hover(tell(i, self.ratios[i], sums[i])));
        }
        frame.axes(&mut canvas);
        let mut table = Table::new(["component", "explained_variance_ratio", "cumulative"]);
        for (i, (&ratio, &sum)) in self.ratios.iter().zip(&sums).enumerate() {
            table.cell(&(i + 1).to_string()).number(ratio).number(sum).end();
        }
        Figure::new(caption, canvas, table)
    }
}

fn tell(i: usize, ratio: f64, sum: f64) -> String {
    format!(
        "component {}: {} %, with those before {} %",
        i + 1,
        number(100.0 * ratio),
        number(100.0 * sum)
    )
}
