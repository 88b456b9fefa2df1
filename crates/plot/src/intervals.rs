//! Dots with whiskers: estimates with the intervals that they are known to, a row for each name and a mark for each series.

use crate::axis::{Axis, number};
use crate::canvas::{Anchor, Canvas, Mark, Shape};
use crate::color::{BAND, PAPER, QUIET, TEXT, class_color};
use crate::error::Error;
use crate::figure::{Caption, Figure};
use crate::font::Font;
use crate::frame::{
    Area, BOTTOM, EDGE, Entry, Frame, TICK_SIZE, WIDTH, fitted, heading, legend_across, legend_height,
    marker, noted, one_line, top,
};
use crate::table::Table;

/// Most names and series that are drawn; the rest is in the CSV.
const MAX_NAMES: usize = 80;
const MAX_SERIES: usize = 14;
/// Longest name in pixels.
const NAME_WIDTH: f64 = 260.0;
/// Height of a mark's line, and of the space about a row.
const LINE_HEIGHT: f64 = 17.0;
const GAP: f64 = 12.0;
const NUMBER_SIZE: f64 = 13.0;

/// A series of estimates, one for each name.
#[derive(Debug, Clone, Default)]
pub struct Estimates<'a> {
    /// Name of the series, for the legend.
    pub name: &'a str,
    /// The estimates; what is not finite has no mark.
    pub values: &'a [f64],
    /// Lower ends of their intervals; no whisker where either end is not finite.
    pub low: &'a [f64],
    /// Upper ends.
    pub high: &'a [f64],
}

/// Estimates with intervals.
#[derive(Debug, Clone, Default)]
pub struct Intervals<'a> {
    /// Names of the rows, from the top; of more than 80 the first are drawn.
    pub names: &'a [String],
    /// The series; of more than 14 the first are drawn.
    pub series: &'a [Estimates<'a>],
    /// What the values are, with their unit.
    pub axis: &'a str,
    /// A value to compare with, drawn as a dashed line, and its name: `(0.1, "chance")`.
    pub reference: Option<(f64, &'a str)>,
    /// A quieter line under the title; may be empty.
    pub note: &'a str,
}

impl Intervals<'_> {
    /// Draws the estimates in the order given.
    ///
    /// # Errors
    /// If there is no finite estimate, lengths do not match, or an interval's lower end is above its upper one.
    pub fn draw(&self, caption: &Caption<'_>) -> Result<Figure, Error> {
        caption.check()?;
        self.check(caption)?;
        let shown = self.names.len().min(MAX_NAMES);
        let series = &self.series[..self.series.len().min(MAX_SERIES)];
        let finite = |s: &&Estimates<'_>| s.values[..shown].iter().any(|v| v.is_finite());
        series.iter().find(finite).ok_or_else(|| caption.empty())?;
        let ends = series.iter().flat_map(|s| (0..shown).filter_map(|i| s.reach(i)));
        let ends = ends.flat_map(|(low, high)| [low, high]);
        let reference = self.reference.filter(|(value, _)| value.is_finite());
        let axis = Axis::around(ends.chain(reference.map(|r| r.0)), 8, self.axis);
        let axis = axis.ok_or_else(|| caption.empty())?;
        let note = match (self.names.len() - shown) * self.series.len()
            + (self.series.len() - series.len()) * shown
        {
            0 => self.note.to_owned(),
            more => noted(self.note, &format!("{more} more estimates are in the table.")),
        };
        let canvas = self.canvas(caption, series, shown, axis, &note);
        Figure::new(caption, canvas, self.table())
    }

    fn check(&self, caption: &Caption<'_>) -> Result<(), Error> {
        let n = self.names.len();
        for series in self.series {
            caption.same("values", series.values.len(), "names", n)?;
            caption.same("lower ends", series.low.len(), "names", n)?;
            caption.same("upper ends", series.high.len(), "names", n)?;
            if let Some(i) = (0..n).find(|&i| series.low[i] > series.high[i]) {
                let (low, high) = (series.low[i], series.high[i]);
                let name = one_line(&self.names[i]);
                return Err(Error::Shape {
                    figure: caption.id.to_owned(),
                    fault: format!("the interval of `{name}` reaches from {low} to {high}"),
                });
            }
        }
        Ok(())
    }

    fn entries(&self, series: &[Estimates<'_>]) -> Vec<Entry> {
        let entry = |(i, series): (usize, &Estimates<'_>)| Entry {
            name: series.name.to_owned(),
            color: class_color(i),
            marker: Some(i),
        };
        let several = series.len() > 1;
        series.iter().enumerate().filter(|_| several).map(entry).collect()
    }

    fn canvas(
        &self,
        caption: &Caption<'_>,
        series: &[Estimates<'_>],
        shown: usize,
        axis: Axis,
        note: &str,
    ) -> Canvas {
        let (names, widest) = fitted(self.names[..shown].iter().map(String::as_str), NAME_WIDTH);
        let entries = self.entries(series);
        let left = EDGE + widest + 14.0;
        let each = GAP + LINE_HEIGHT * series.len().max(1) as f64;
        // The reference's name stands above the area.
        let above = if self.reference.is_some() { 16.0 } else { 0.0 };
        let area = Area {
            x: left,
            y: top(note) + legend_height(left, WIDTH - EDGE, &entries) + above,
            w: WIDTH - left - EDGE - 12.0,
            h: each * shown as f64,
        };
        let frame = Frame {
            area,
            x: axis,
            y: Axis::with_ticks(0.0, 1.0, Vec::new(), ""),
        };
        let mut canvas = Canvas::new(WIDTH, area.y + area.h + BOTTOM);
        heading(&mut canvas, caption.title, note);
        legend_across(&mut canvas, area.x, top(note) - 6.0, WIDTH - EDGE, &entries);
        for row in (1..shown).step_by(2) {
            canvas.rect(area.x, area.y + row as f64 * each, area.w, each, BAND);
        }
        frame.grid(&mut canvas, true, false);
        self.draw_reference(&mut canvas, &frame);
        for (row, name) in names.iter().enumerate() {
            let y = area.y + row as f64 * each;
            let base = y + each / 2.0 + TICK_SIZE * 0.36;
            canvas.text(area.x - 9.0, base, name, TICK_SIZE, Anchor::End, TEXT);
            for (i, estimates) in series.iter().enumerate() {
                let y = y + GAP / 2.0 + (i as f64 + 0.5) * LINE_HEIGHT;
                let hover = estimates.tell(&self.names[row], row);
                estimates.draw(&mut canvas, &frame, (i, row), y, &hover);
            }
        }
        frame.outline(&mut canvas);
        frame.x_axis(&mut canvas, true);
        canvas
    }

    fn draw_reference(&self, canvas: &mut Canvas, frame: &Frame) {
        let Some((value, name)) = self.reference.filter(|(value, _)| value.is_finite()) else {
            return;
        };
        let Area { x: left, y, w, h } = frame.area;
        let x = frame.px(value);
        let line = Mark::stroked(Shape::Line(vec![(x, y), (x, y + h)]), QUIET, 1.6).dashed();
        canvas.add(line.hover(format!("{}: {}", one_line(name), number(value))));
        let (names, width) = fitted(std::iter::once(name), w / 2.0);
        let middle = x.clamp(left + width / 2.0, left + w - width / 2.0);
        for name in names {
            canvas.text(middle, y - 7.0, name, TICK_SIZE, Anchor::Middle, QUIET);
        }
    }

    fn table(&self) -> Table {
        let mut table = Table::new(["name", "series", "value", "low", "high"]);
        for (i, name) in self.names.iter().enumerate() {
            for series in self.series {
                table
                    .cell(name)
                    .cell(series.name)
                    .number(series.values[i])
                    .number(series.low[i])
                    .number(series.high[i])
                    .end();
            }
        }
        table
    }
}

impl Estimates<'_> {
    /// The ends of an estimate's interval, if it has one.
    fn interval(&self, i: usize) -> Option<(f64, f64)> {
        let (low, high) = (self.low[i], self.high[i]);
        (low.is_finite() && high.is_finite()).then_some((low, high))
    }

    /// The values between which an estimate's mark and whisker lie, if it is drawn.
    fn reach(&self, i: usize) -> Option<(f64, f64)> {
        let value = self.values[i];
        let (low, high) = self.interval(i).unwrap_or((value, value));
        value.is_finite().then_some((low.min(value), high.max(value)))
    }

    fn tell(&self, name: &str, i: usize) -> String {
        let value = number(self.values[i]);
        let interval = match self.interval(i) {
            Some((low, high)) => format!(" ({} to {})", number(low), number(high)),
            None => String::new(),
        };
        let series = one_line(self.name);
        let separator = if series.is_empty() { "" } else { ": " };
        format!("{}\n{series}{separator}{value}{interval}", one_line(name))
    }

    fn draw(&self, canvas: &mut Canvas, frame: &Frame, (series, row): (usize, usize), y: f64, hover: &str) {
        let Some((start, end)) = self.reach(row) else {
            return;
        };
        let color = class_color(series);
        if let Some((low, high)) = self.interval(row) {
            let (low, high) = (frame.px(low), frame.px(high));
            canvas.add(Mark::stroked(Shape::Line(vec![(low, y), (high, y)]), color, 2.0).hover(hover));
            for x in [low, high] {
                canvas.line((x, y - 4.0), (x, y + 4.0), color, 2.0);
            }
        }
        let mark = marker(series, (frame.px(self.values[row]), y), 5.5);
        canvas.add(Mark::filled(mark, color).edge(PAPER, 0.8).hover(hover));
        let text = brief(self.values[row], frame.x.hi - frame.x.lo);
        let right = frame.px(end) + 8.0;
        let width = Font::new(false).width(&text, NUMBER_SIZE);
        let left = frame.px(start) - 8.0;
        let Area { x, w, .. } = frame.area;
        // Where neither side has room for the number, pointing at the mark tells it.
        let place = match (right + width + 4.0 <= x + w, left - width - 4.0 >= x) {
            (true, _) => Some((right, Anchor::Start)),
            (false, true) => Some((left, Anchor::End)),
            (false, false) => None,
        };
        if let Some((x, anchor)) = place {
            canvas.text(x, y + NUMBER_SIZE * 0.36, text, NUMBER_SIZE, anchor, QUIET);
        }
    }
}

/// A number with the same decimals as all others of an axis this long: about three digits of what can differ.
fn brief(value: f64, length: f64) -> String {
    if value.abs() >= 1e6 || !(1e-3..1e6).contains(&length) {
        return number(value);
    }
    let decimals = (3.0 - length.log10().round()).clamp(0.0, 6.0) as usize;
    format!("{value:.decimals$}").replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_an_axis_have_the_same_decimals() {
        assert_eq!(brief(0.72, 1.0), "0.720");
        assert_eq!(brief(0.905, 0.6), "0.905");
        assert_eq!(brief(72.04, 100.0), "72.0");
        assert_eq!(brief(-3.0, 5.0), "−3.00");
        assert_eq!(brief(2e7, 1.0), "2e7");
    }
}
