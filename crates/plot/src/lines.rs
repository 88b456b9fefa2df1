//! Lines: a value that follows another, in one or several series.

use crate::axis::{Axis, number};
use crate::canvas::{Canvas, Mark, Shape};
use crate::color::{PAPER, class_color};
use crate::error::Error;
use crate::figure::{Caption, Figure};
use crate::frame::{
    Area, BOTTOM, EDGE, Entry, Frame, WIDTH, heading, left_margin, legend, legend_width, marker, one_line,
    top,
};
use crate::table::Table;

/// Points of a line up to which each has a marker.
const MAX_MARKERS: usize = 60;
/// Columns that longer lines are reduced to; each keeps its extremes.
const MAX_COLUMNS: usize = 900;
/// Most lines that are drawn; the rest is in the CSV.
const MAX_LINES: usize = 60;

/// One line.
#[derive(Debug, Clone, Default)]
pub struct Line<'a> {
    /// Its name, for the legend; may be empty where there is only one.
    pub name: &'a str,
    /// Places from left to right, in rising order.
    pub x: &'a [f64],
    /// Values; the line is broken where one is not finite.
    pub y: &'a [f64],
}

/// Lines over a common axis.
#[derive(Debug, Clone, Default)]
pub struct Lines<'a> {
    /// The lines.
    pub lines: &'a [Line<'a>],
    /// What `x` is, with its unit.
    pub x_axis: &'a str,
    /// What `y` is, with its unit.
    pub y_axis: &'a str,
    /// Whether `x` is drawn to the logarithm.
    pub log_x: bool,
    /// Whether the vertical axis begins at zero.
    pub from_zero: bool,
    /// A quieter line under the title; may be empty.
    pub note: &'a str,
}

impl Lines<'_> {
    /// Draws the lines.
    ///
    /// # Errors
    /// If there is no finite point, or lengths do not match.
    pub fn draw(&self, caption: &Caption<'_>) -> Result<Figure, Error> {
        caption.check()?;
        for line in self.lines {
            caption.same("y values", line.y.len(), "x values", line.x.len())?;
        }
        let usable = |&(x, y): &(f64, f64)| x.is_finite() && y.is_finite() && (!self.log_x || x > 0.0);
        let points = || {
            self.lines
                .iter()
                .flat_map(|l| l.x.iter().copied().zip(l.y.iter().copied()))
                .filter(usable)
        };
        let xs = points().map(|p| p.0);
        let x = match self.log_x {
            true => Axis::logarithmic(xs, self.x_axis),
            false => crate::axis::range(xs).map(|(lo, hi)| Axis::between(lo, hi, 9, self.x_axis)),
        };
        let ys = points().map(|p| p.1);
        let y = match self.from_zero {
            true => Axis::from_zero(ys, 7, self.y_axis),
            false => Axis::around(ys, 7, self.y_axis),
        };
        let (Some(x), Some(y)) = (x, y) else {
            return Err(caption.empty());
        };
        let entries = self.entries();
        let left = left_margin(&y);
        let right = if entries.is_empty() {
            EDGE + 12.0
        } else {
            legend_width(&entries) + 16.0
        };
        let area = Area {
            x: left,
            y: top(self.note),
            w: WIDTH - left - right,
            h: (440.0f64).max(24.0 * entries.len() as f64),
        };
        let frame = Frame { area, x, y };
        let mut canvas = Canvas::new(WIDTH, area.y + area.h + BOTTOM);
        heading(&mut canvas, caption.title, self.note);
        frame.grid(&mut canvas, true, true);
        for (i, line) in self.lines.iter().take(MAX_LINES).enumerate() {
            self.draw_line(&mut canvas, &frame, i, line);
        }
        frame.axes(&mut canvas);
        legend(&mut canvas, area.x + area.w + 16.0, area.y, &entries);
        Figure::new(caption, canvas, self.table())
    }

    fn entries(&self) -> Vec<Entry> {
        let several = self.lines.len() > 1;
        let entry = |(i, line): (usize, &Line<'_>)| Entry {
            name: line.name.to_owned(),
            color: class_color(i),
            marker: Some(i),
        };
        self.lines
            .iter()
            .take(MAX_LINES)
            .enumerate()
            .filter(|_| several)
            .map(entry)
            .collect()
    }

    fn draw_line(&self, canvas: &mut Canvas, frame: &Frame, i: usize, line: &Line<'_>) {
        let usable = |&&(x, y): &&(f64, f64)| x.is_finite() && y.is_finite() && (!self.log_x || x > 0.0);
        let points: Vec<(f64, f64)> = line.x.iter().copied().zip(line.y.iter().copied()).collect();
        let columns = (8 * MAX_COLUMNS / self.lines.len()).clamp(100, MAX_COLUMNS);
        for part in points.split(|p| !usable(&p)) {
            let pixels: Vec<(f64, f64)> = part.iter().map(|&(x, y)| frame.point(x, y)).collect();
            let pixels = reduce(&pixels, columns);
            if pixels.len() > 1 {
                canvas
                    .add(Mark::stroked(Shape::Line(pixels), class_color(i), 2.0).hover(one_line(line.name)));
            }
        }
        if points.len() <= MAX_MARKERS {
            for point in points.iter().filter(usable) {
                let shape = marker(i, frame.point(point.0, point.1), 4.5);
                let hover = format!(
                    "{}\n{}: {}",
                    one_line(line.name),
                    number(point.0),
                    number(point.1)
                );
                canvas.add(
                    Mark::filled(shape, class_color(i))
                        .edge(PAPER, 0.6)
                        .hover(hover.trim_start()),
                );
            }
        }
    }

    fn table(&self) -> Table {
        let named = |name: &str, given: &str| {
            if given.is_empty() {
                name.to_owned()
            } else {
                given.to_owned()
            }
        };
        let mut table = Table::new([
            "series".to_owned(),
            named("x", self.x_axis),
            named("y", self.y_axis),
        ]);
        for line in self.lines {
            for (&x, &y) in line.x.iter().zip(line.y) {
                table.cell(line.name).number(x).number(y).end();
            }
        }
        table
    }
}

/// A line with at most four points (first, lowest, highest, last) to each of so many columns.
pub(crate) fn reduce(points: &[(f64, f64)], columns: usize) -> Vec<(f64, f64)> {
    if points.len() <= 4 * columns {
        return points.to_vec();
    }
    let size = points.len().div_ceil(columns);
    let mut kept = Vec::with_capacity(4 * columns);
    for part in points.chunks(size) {
        let by_height = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let mut four: Vec<&(f64, f64)> = [part.first(), part.last()].into_iter().flatten().collect();
        four.extend(part.iter().min_by(by_height));
        four.extend(part.iter().max_by(by_height));
        four.sort_by(|a, b| a.0.total_cmp(&b.0));
        four.dedup();
        kept.extend(four.into_iter().copied());
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reduced_line_keeps_its_peaks() {
        let points: Vec<(f64, f64)> = (0..100_000)
            .map(|i| (f64::from(i), if i == 77_777 { 9.0 } else { f64::from(i % 3) }))
            .collect();
        let kept = reduce(&points, 900);
        assert!(kept.len() <= 4 * 900);
        assert!(kept.contains(&(77_777.0, 9.0)));
        assert!(kept.windows(2).all(|w| w[0].0 <= w[1].0));
    }
}
