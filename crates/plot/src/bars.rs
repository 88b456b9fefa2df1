//! Bars: counts of classes, missing values, rankings; one bar to a name, or one of each series, side by side or end to end.

use crate::axis::Axis;
use crate::axis::number;
use crate::canvas::{Anchor, Canvas, Mark, Shape};
use crate::color::{TEXT, class_color};
use crate::error::Error;
use crate::figure::{Caption, Figure};
use crate::frame::{
    Area, BOTTOM, EDGE, Entry, Frame, TICK_SIZE, WIDTH, fitted, heading, left_margin, legend_across,
    legend_height, noted, one_line, tell, top,
};
use crate::table::Table;

/// Most names that are drawn; the rest is in the CSV.
const MAX_NAMES: usize = 180;
/// Longest name in pixels.
const NAME_WIDTH: f64 = 260.0;

/// A value for each name.
#[derive(Debug, Clone, Default)]
pub struct Series<'a> {
    /// Name of the series, for the legend.
    pub name: &'a str,
    /// The values; what is not finite has no bar.
    pub values: &'a [f64],
}

/// Bars with names.
#[derive(Debug, Clone, Default)]
pub struct Bars<'a> {
    /// Names of the bars.
    pub names: &'a [String],
    /// One series, or several.
    pub series: &'a [Series<'a>],
    /// Whether the bars of several series stand end to end and add up (those below zero apart), and not side by side.
    pub stacked: bool,
    /// What the values are, with their unit.
    pub axis: &'a str,
    /// Whether bars stand; they lie otherwise, with room for long names.
    pub upright: bool,
    /// A quieter line under the title; may be empty.
    pub note: &'a str,
}

impl Bars<'_> {
    /// Draws the bars in the order given; of more than 180 names the first.
    ///
    /// # Errors
    /// If there is no finite value, or lengths do not match.
    pub fn draw(&self, caption: &Caption<'_>) -> Result<Figure, Error> {
        caption.check()?;
        for series in self.series {
            caption.same("values", series.values.len(), "names", self.names.len())?;
        }
        let shown = self.names.len().min(MAX_NAMES);
        let ends = (0..self.series.len()).flat_map(|s| (0..shown).filter_map(move |i| self.span(s, i)));
        let axis = Axis::from_zero(ends.map(|(_, end)| end), 7, self.axis).ok_or_else(|| caption.empty())?;
        let note = match self.names.len() - shown {
            0 => self.note.to_owned(),
            more => noted(self.note, &format!("{more} more are in the table.")),
        };
        let canvas = match self.upright {
            true => self.standing(caption, axis, shown, &note),
            false => self.lying(caption, axis, shown, &note),
        };
        Figure::new(caption, canvas, self.table())
    }

    fn entries(&self) -> Vec<Entry> {
        let several = self.series.len() > 1;
        let entry = |(i, series): (usize, &Series<'_>)| Entry {
            name: series.name.to_owned(),
            color: class_color(i),
            marker: None,
        };
        self.series
            .iter()
            .enumerate()
            .filter(|_| several)
            .map(entry)
            .collect()
    }

    /// The values between which a bar lies, its end second.
    fn span(&self, series: usize, name: usize) -> Option<(f64, f64)> {
        let value = self.series[series].values[name];
        if !value.is_finite() {
            return None;
        }
        let start = match self.stacked {
            true => self.total(&self.series[..series], name, value < 0.0),
            false => 0.0,
        };
        Some((start, (start + value).clamp(f64::MIN, f64::MAX)))
    }

    /// The sum of a name's values above zero, or of those below it.
    fn total(&self, series: &[Series<'_>], name: usize, below: bool) -> f64 {
        let values = series.iter().map(|s| s.values[name]);
        let same = values.filter(|v| v.is_finite() && (*v < 0.0) == below);
        same.fold(0.0, |sum, v| (sum + v).clamp(f64::MIN, f64::MAX))
    }

    /// How many bars share the place of a name.
    fn abreast(&self) -> f64 {
        if self.stacked {
            1.0
        } else {
            self.series.len() as f64
        }
    }

    /// What is written at the end of a name's bars, where there is one bar or one sum.
    fn end_text(&self, name: usize) -> Option<f64> {
        if self.series.len() > 1 && !self.stacked {
            return None;
        }
        let mut values = self
            .series
            .iter()
            .map(|s| s.values[name])
            .filter(|v| v.is_finite());
        let some = values.clone().next().is_some() && values.all(|v| v >= 0.0);
        some.then(|| self.total(self.series, name, false))
    }

    fn tell(&self, series: usize, name: usize) -> String {
        let value = self.series[series].values[name];
        match self.series.len() {
            1 => tell(&self.names[name], value),
            _ => format!(
                "{}\n{}",
                one_line(&self.names[name]),
                tell(self.series[series].name, value)
            ),
        }
    }

    fn lying(&self, caption: &Caption<'_>, axis: Axis, shown: usize, note: &str) -> Canvas {
        let (names, widest) = fitted(self.names[..shown].iter().map(String::as_str), NAME_WIDTH);
        let each = 8.0 + (14.0 * self.abreast()).max(15.0);
        let left = EDGE + widest + 12.0;
        let entries = self.entries();
        let area = Area {
            x: left,
            y: top(note) + legend_height(left, WIDTH - EDGE, &entries),
            w: WIDTH - left - EDGE - 60.0,
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
        frame.grid(&mut canvas, true, false);
        let thick = (each - 8.0) / self.abreast();
        for (i, name) in names.iter().enumerate() {
            let y = area.y + i as f64 * each;
            canvas.text(
                area.x - 8.0,
                y + each / 2.0 + 5.0,
                name,
                TICK_SIZE,
                Anchor::End,
                TEXT,
            );
            for s in 0..self.series.len() {
                let Some((start, end)) = self.span(s, i) else {
                    continue;
                };
                let (from, to) = (frame.px(start.min(end)), frame.px(start.max(end)));
                let place = if self.stacked { 0.0 } else { s as f64 };
                let shape = Shape::Rect {
                    x: from,
                    y: y + 4.0 + place * thick,
                    w: to - from,
                    h: thick,
                };
                canvas.add(Mark::filled(shape, class_color(s)).hover(self.tell(s, i)));
            }
            if let Some(total) = self.end_text(i) {
                let (x, y) = (frame.px(total) + 6.0, y + each / 2.0 + 5.0);
                canvas.text(x, y, number(total), TICK_SIZE, Anchor::Start, TEXT);
            }
        }
        frame.outline(&mut canvas);
        frame.x_axis(&mut canvas, true);
        canvas
    }

    fn standing(&self, caption: &Caption<'_>, axis: Axis, shown: usize, note: &str) -> Canvas {
        let left = left_margin(&axis);
        let width = WIDTH - left - EDGE;
        let each = width / shown.max(1) as f64;
        let (names, widest) = fitted(self.names[..shown].iter().map(String::as_str), 170.0);
        let entries = self.entries();
        let level = widest + 6.0 <= each;
        let area = Area {
            x: left,
            y: top(note) + legend_height(left, WIDTH - EDGE, &entries),
            w: width,
            h: 420.0,
        };
        let frame = Frame {
            area,
            x: Axis::with_ticks(0.0, 1.0, Vec::new(), ""),
            y: axis,
        };
        let below = if level { TICK_SIZE } else { widest };
        let mut canvas = Canvas::new(WIDTH, area.y + area.h + below + 14.0 + EDGE);
        heading(&mut canvas, caption.title, note);
        legend_across(&mut canvas, area.x, top(note) - 6.0, WIDTH - EDGE, &entries);
        frame.grid(&mut canvas, false, true);
        let thick = each * 0.76 / self.abreast();
        let every = if level {
            1
        } else {
            (TICK_SIZE / each).ceil().max(1.0) as usize
        };
        for (i, name) in names.iter().enumerate() {
            let x = area.x + i as f64 * each;
            let under = area.y + area.h + 8.0;
            if level {
                canvas.text(
                    x + each / 2.0,
                    under + TICK_SIZE,
                    name,
                    TICK_SIZE,
                    Anchor::Middle,
                    TEXT,
                );
            } else if i % every == 0 {
                canvas.upright_text(x + each / 2.0 + 5.0, under, name, TICK_SIZE, Anchor::End, TEXT);
            }
            for s in 0..self.series.len() {
                let Some((start, end)) = self.span(s, i) else {
                    continue;
                };
                let (high, low) = (frame.py(start.max(end)), frame.py(start.min(end)));
                let place = if self.stacked { 0.0 } else { s as f64 };
                let shape = Shape::Rect {
                    x: x + each * 0.12 + place * thick,
                    y: high,
                    w: thick,
                    h: low - high,
                };
                canvas.add(Mark::filled(shape, class_color(s)).hover(self.tell(s, i)));
            }
        }
        frame.outline(&mut canvas);
        frame.y_axis(&mut canvas);
        canvas
    }

    fn table(&self) -> Table {
        let names = self
            .series
            .iter()
            .map(|s| if s.name.is_empty() { "value" } else { s.name });
        let mut table = Table::new(std::iter::once("name").chain(names));
        for (i, name) in self.names.iter().enumerate() {
            table.cell(name);
            for series in self.series {
                table.number(series.values[i]);
            }
            table.end();
        }
        table
    }
}
