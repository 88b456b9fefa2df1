//! Panels under each other that share one axis of time: waveforms, curves, spectrograms.

use crate::axis::{Axis, clock, number};
use crate::canvas::{Anchor, Canvas, Mark, Shape};
use crate::color::{BACKDROP, Colors, GRID, LINE, PAPER, TEXT, class_color};
use crate::error::Error;
use crate::figure::{Caption, Figure};
use crate::frame::{
    Area, BOTTOM, EDGE, Entry, Frame, TICK_SIZE, WIDTH, color_bar, color_bar_width, heading, left_margin,
    legend_across, one_line, top,
};
use crate::grid::Grid;
use crate::lines::reduce;
use crate::scales::Rows;
use crate::table::Table;

/// Columns of a waveform.
const MAX_COLUMNS: usize = 1000;
/// Columns of a curve, each with its extremes.
const CURVE_COLUMNS: usize = 900;
/// Places along a panel that tell their values.
const TOLD_COLUMNS: usize = 60;
const TOLD_ROWS: usize = 16;

/// A waveform, reduced to the lowest and highest sample of each of at most 1,000 columns.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Envelope {
    lows: Vec<f32>,
    highs: Vec<f32>,
}

impl Envelope {
    /// The envelope of samples; those that are not finite are left out.
    pub fn of(samples: &[f32]) -> Self {
        let size = samples.len().div_ceil(MAX_COLUMNS).max(1);
        let fold = |part: &[f32], start: f32, pick: fn(f32, f32) -> f32| {
            part.iter().copied().filter(|s| s.is_finite()).fold(start, pick)
        };
        let columns = samples.chunks(size).map(|part| {
            let (low, high) = (
                fold(part, f32::INFINITY, f32::min),
                fold(part, f32::NEG_INFINITY, f32::max),
            );
            if low <= high { (low, high) } else { (0.0, 0.0) }
        });
        let (lows, highs) = columns.unzip();
        Envelope { lows, highs }
    }

    fn peak(&self) -> f32 {
        let all = self.lows.iter().chain(&self.highs);
        all.fold(0.0, |peak, value| peak.max(value.abs()))
    }
}

/// Values at equal distances of time.
#[derive(Debug, Clone, Default)]
pub struct Curve<'a> {
    /// Its name, for the legend.
    pub name: &'a str,
    /// The values; the curve is broken where one is not finite.
    pub values: &'a [f32],
}

/// One of the panels.
#[derive(Debug, Clone)]
pub enum Panel<'a> {
    /// A waveform, with curves of the same unit over it.
    Wave {
        /// The waveform.
        envelope: &'a Envelope,
        /// Curves over it.
        curves: &'a [Curve<'a>],
        /// What the values are.
        axis: &'a str,
    },
    /// Curves on an axis of their own.
    Curves {
        /// The curves.
        curves: &'a [Curve<'a>],
        /// What the values are, with their unit.
        axis: &'a str,
    },
    /// A picture.
    Picture {
        /// The values, evenly over the time of the figure.
        grid: &'a Grid,
        /// What the rows are.
        rows: Rows,
        /// The colours.
        colors: Colors,
        /// The values at the ends of the colours; the data's where there are none.
        limits: Option<(f64, f64)>,
        /// What a value is, with its unit.
        value: &'a str,
        /// A level of the vertical axis that is marked, with its text.
        mark: Option<(f64, &'a str)>,
    },
}

/// Panels over the same time.
#[derive(Debug, Clone, Default)]
pub struct Timeline<'a> {
    /// Where the time begins and ends, in seconds.
    pub seconds: (f64, f64),
    /// The panels from the top.
    pub panels: &'a [Panel<'a>],
    /// A quieter line under the title; may be empty.
    pub note: &'a str,
}

/// A panel with its axis.
struct Placed<'a> {
    panel: &'a Panel<'a>,
    y: Axis,
    colors: Option<Axis>,
    height: f64,
}

impl Timeline<'_> {
    /// Draws the panels.
    ///
    /// # Errors
    /// If there is no panel, the time does not run forward, or a panel has no finite value.
    pub fn draw(&self, caption: &Caption<'_>) -> Result<Figure, Error> {
        caption.check()?;
        let (start, end) = self.seconds;
        if self.panels.is_empty() || !(end - start > 0.0 && (end - start).is_finite()) {
            return Err(caption.empty());
        }
        let placed: Option<Vec<Placed<'_>>> = self.panels.iter().map(|panel| self.place(panel)).collect();
        let placed = placed.ok_or_else(|| caption.empty())?;
        let left = placed.iter().map(|p| left_margin(&p.y)).fold(0.0, f64::max);
        let bars = placed
            .iter()
            .filter_map(|p| p.colors.as_ref())
            .map(color_bar_width);
        let right = bars.fold(EDGE + 12.0, f64::max);
        let x = Axis::time(start, end, 9);
        let total: f64 = placed.iter().map(|p| p.height).sum();
        let gaps = GAP * (placed.len() - 1) as f64;
        let mut canvas = Canvas::new(WIDTH, top(self.note) + total + gaps + BOTTOM);
        heading(&mut canvas, caption.title, self.note);
        let mut y = top(self.note);
        for (i, place) in placed.iter().enumerate() {
            let area = Area {
                x: left,
                y,
                w: WIDTH - left - right,
                h: place.height,
            };
            let frame = Frame {
                area,
                x: x.clone(),
                y: place.y.clone(),
            };
            self.draw_panel(&mut canvas, &frame, place);
            frame.outline(&mut canvas);
            frame.y_axis(&mut canvas);
            frame.x_axis(&mut canvas, i + 1 == placed.len());
            y += place.height + GAP;
        }
        Figure::new(caption, canvas, self.table())
    }

    fn place<'b>(&self, panel: &'b Panel<'b>) -> Option<Placed<'b>> {
        let several = self.panels.len() > 1;
        let values = |curves: &[Curve<'_>]| -> Vec<f64> {
            curves
                .iter()
                .flat_map(|c| c.values.iter().map(|&v| f64::from(v)))
                .collect()
        };
        let (y, colors, height) = match panel {
            Panel::Wave { envelope, axis, .. } => {
                let peak = f64::from(envelope.peak());
                let far = if peak > 0.0 { peak } else { 1.0 };
                let y = Axis::around([-far, far].into_iter(), 4, axis)?;
                (y, None, if several { 200.0 } else { 360.0 })
            }
            Panel::Curves { curves, axis } => {
                let y = Axis::around(values(curves).into_iter(), 5, axis)?;
                (y, None, if several { 240.0 } else { 380.0 })
            }
            Panel::Picture {
                grid,
                rows,
                limits,
                value,
                ..
            } => {
                let (lo, hi) = limits.filter(|(lo, hi)| lo < hi).or_else(|| grid.range())?;
                let scale = Axis::between(lo, hi, 6, value);
                (
                    rows.axis(grid.rows()),
                    Some(scale),
                    if several { 300.0 } else { 420.0 },
                )
            }
        };
        Some(Placed {
            panel,
            y,
            colors,
            height,
        })
    }

    fn draw_panel(&self, canvas: &mut Canvas, frame: &Frame, place: &Placed<'_>) {
        match place.panel {
            Panel::Wave { envelope, curves, .. } => {
                frame.grid(canvas, true, true);
                self.wave(canvas, frame, envelope, curves.is_empty());
                self.curves(canvas, frame, curves, 5);
            }
            Panel::Curves { curves, .. } => {
                frame.grid(canvas, true, true);
                self.curves(canvas, frame, curves, 0);
            }
            Panel::Picture {
                grid, colors, mark, ..
            } => {
                let Area { x, y, w, h } = frame.area;
                if let Some(scale) = &place.colors {
                    canvas.image(x, y, w, h, grid.picture(*colors, scale));
                    color_bar(canvas, frame.area, *colors, scale);
                }
                self.tell_grid(canvas, frame, grid);
                if let Some((level, text)) = mark {
                    level_line(canvas, frame, *level, text);
                }
            }
        }
    }

    fn wave(&self, canvas: &mut Canvas, frame: &Frame, envelope: &Envelope, alone: bool) {
        let columns = envelope.lows.len();
        if columns == 0 {
            return;
        }
        let Area { x, w, .. } = frame.area;
        let at = |i: usize| x + w * (i as f64 + 0.5) / columns as f64;
        let highs = envelope
            .highs
            .iter()
            .enumerate()
            .map(|(i, &v)| (at(i), frame.py(f64::from(v))));
        let lows = envelope
            .lows
            .iter()
            .enumerate()
            .rev()
            .map(|(i, &v)| (at(i), frame.py(f64::from(v))));
        let color = if alone { class_color(0) } else { BACKDROP };
        let outline: Vec<(f64, f64)> = highs.chain(lows).collect();
        // The edge keeps quiet parts visible as a line.
        canvas.add(Mark::filled(Shape::Polygon(outline), color).edge(color, 0.8));
    }

    fn curves(&self, canvas: &mut Canvas, frame: &Frame, curves: &[Curve<'_>], first_color: usize) {
        let Area { x, y, w, h } = frame.area;
        for (i, curve) in curves.iter().enumerate() {
            let n = curve.values.len();
            let at = |k: usize| {
                x + if n > 1 {
                    w * k as f64 / (n - 1) as f64
                } else {
                    w / 2.0
                }
            };
            let points: Vec<(f64, f64, bool)> = curve
                .values
                .iter()
                .enumerate()
                .map(|(k, &v)| (at(k), frame.py(f64::from(v)), v.is_finite()))
                .collect();
            for part in points.split(|p| !p.2) {
                let pixels: Vec<(f64, f64)> = part.iter().map(|p| (p.0, p.1)).collect();
                let pixels = reduce(&pixels, CURVE_COLUMNS);
                if pixels.len() > 1 {
                    canvas.add(Mark::stroked(
                        Shape::Line(pixels),
                        class_color(first_color + i),
                        1.6,
                    ));
                }
            }
        }
        let longest = curves.iter().map(|c| c.values.len()).max().unwrap_or(0);
        let places = longest.min(2 * TOLD_COLUMNS);
        for place in 0..places {
            let mut text = self.time_at((place as f64 + 0.5) / places as f64);
            for curve in curves {
                let at = ((place as f64 + 0.5) / places as f64 * curve.values.len() as f64) as usize;
                let value = curve.values.get(at).map_or(f64::NAN, |&v| f64::from(v));
                text.push_str(&format!("\n{}: {}", one_line(curve.name), number(value)));
            }
            let width = w / places as f64;
            let shape = Shape::Rect {
                x: x + place as f64 * width,
                y,
                w: width,
                h,
            };
            canvas.add(Mark::filled(shape, PAPER).opacity(0.0).hover(text));
        }
        if curves.len() > 1 {
            let entry = |(i, curve): (usize, &Curve<'_>)| Entry {
                name: curve.name.to_owned(),
                color: class_color(first_color + i),
                marker: None,
            };
            let entries: Vec<Entry> = curves.iter().enumerate().map(entry).collect();
            legend_across(canvas, x + 10.0, y + 4.0, x + w, &entries);
        }
    }

    /// Rectangles without colour that tell the mean of what lies under them.
    fn tell_grid(&self, canvas: &mut Canvas, frame: &Frame, grid: &Grid) {
        let small = grid.averaged(TOLD_COLUMNS, TOLD_ROWS);
        let Area { x, y, w, h } = frame.area;
        let (cw, ch) = (w / small.columns().max(1) as f64, h / small.rows() as f64);
        for column in 0..small.columns() {
            for (row, &value) in small.column(column).iter().enumerate() {
                let time = self.time_at((column as f64 + 0.5) / small.columns() as f64);
                let shape = Shape::Rect {
                    x: x + column as f64 * cw,
                    y: y + h - (row + 1) as f64 * ch,
                    w: cw,
                    h: ch,
                };
                let text = format!("{time}: {}", number(f64::from(value)));
                canvas.add(Mark::filled(shape, PAPER).opacity(0.0).hover(text));
            }
        }
    }

    fn time_at(&self, share: f64) -> String {
        let (start, end) = self.seconds;
        let seconds = start + share * (end - start);
        match end >= 120.0 {
            true => clock(seconds, 1.0),
            false => format!("{} s", number(seconds)),
        }
    }

    /// The picture's values, a line to a frame; where there is no picture, the values of waveforms and curves, a line to each.
    fn table(&self) -> Table {
        let (start, end) = self.seconds;
        let time = |share: f64| format!("{:.6}", start + share * (end - start));
        let picture = self.panels.iter().find_map(|panel| match panel {
            Panel::Picture { grid, .. } => Some(grid),
            _ => None,
        });
        if let Some(grid) = picture {
            let rows = (1..=grid.rows()).map(|row| format!("row_{row}"));
            let mut table = Table::new(std::iter::once("time_s".to_owned()).chain(rows));
            for column in 0..grid.columns() {
                table.cell(&time((column as f64 + 0.5) / grid.columns() as f64));
                grid.column(column).iter().for_each(|&value| {
                    table.single(value);
                });
                table.end();
            }
            return table;
        }
        let mut table = Table::new(["series", "time_s", "value"]);
        let mut row = |series: &str, share: f64, value: f32| {
            table.cell(series).cell(&time(share)).single(value).end();
        };
        for panel in self.panels {
            if let Panel::Wave { envelope, axis, .. } = panel {
                let n = envelope.lows.len() as f64;
                for (i, (&low, &high)) in envelope.lows.iter().zip(&envelope.highs).enumerate() {
                    let share = (i as f64 + 0.5) / n;
                    row(&format!("{axis}, lowest"), share, low);
                    row(&format!("{axis}, highest"), share, high);
                }
            }
            if let Panel::Wave { curves, .. } | Panel::Curves { curves, .. } = panel {
                for curve in *curves {
                    let last = curve.values.len().saturating_sub(1).max(1) as f64;
                    for (i, &value) in curve.values.iter().enumerate() {
                        row(curve.name, i as f64 / last, value);
                    }
                }
            }
        }
        table
    }
}

/// Space between panels.
const GAP: f64 = 20.0;

fn level_line(canvas: &mut Canvas, frame: &Frame, level: f64, text: &str) {
    let Area { x, w, .. } = frame.area;
    let y = frame.py(level);
    let line = Shape::Line(vec![(x, y), (x + w, y)]);
    canvas.add(Mark::stroked(line, PAPER, 2.0).dashed().hover(text));
    let width = crate::font::Font::new(false).width(text, TICK_SIZE);
    let label = Shape::Rect {
        x: x + w - width - 20.0,
        y: y - 26.0,
        w: width + 12.0,
        h: 21.0,
    };
    canvas.add(Mark::filled(label, PAPER).opacity(0.85).edge(GRID, 1.0));
    canvas.text(x + w - 14.0, y - 10.0, text, TICK_SIZE, Anchor::End, TEXT);
}

/// A few samples, one by one, with the places marked where their sign changes.
#[derive(Debug, Clone, Default)]
pub struct Crossings<'a> {
    /// The samples.
    pub samples: &'a [f32],
    /// Samples per second.
    pub rate: f64,
    /// Time of the first sample in the recording, in seconds.
    pub start_s: f64,
    /// A quieter line under the title; may be empty.
    pub note: &'a str,
}

impl Crossings<'_> {
    /// Positions of the samples whose sign differs from the one before; what is within 1e-10 of zero counts as positive.
    pub fn positions(&self) -> Vec<usize> {
        let negative = |value: f32| value < -1e-10;
        (1..self.samples.len())
            .filter(|&i| negative(self.samples[i]) != negative(self.samples[i - 1]))
            .collect()
    }

    /// Draws the samples.
    ///
    /// # Errors
    /// If there are fewer than two samples, more than 2,000, or one is not finite.
    pub fn draw(&self, caption: &Caption<'_>) -> Result<Figure, Error> {
        caption.check()?;
        let n = self.samples.len();
        if !(2..=2000).contains(&n) || self.samples.iter().any(|s| !s.is_finite()) {
            return Err(caption.empty());
        }
        let peak = self.samples.iter().fold(0.0f32, |peak, s| peak.max(s.abs()));
        let far = if peak > 0.0 { f64::from(peak) } else { 1.0 };
        let y = Axis::around([-far, far].into_iter(), 5, "amplitude").ok_or_else(|| caption.empty())?;
        let left = left_margin(&y);
        let area = Area {
            x: left,
            y: top(self.note),
            w: WIDTH - left - EDGE - 14.0,
            h: 380.0,
        };
        let milliseconds = 1000.0 * (n - 1) as f64 / self.rate;
        let label = format!("time after {} s (ms)", number(self.start_s));
        let frame = Frame {
            area,
            x: Axis::between(0.0, milliseconds, 9, &label),
            y,
        };
        let mut canvas = Canvas::new(WIDTH, area.y + area.h + BOTTOM);
        heading(&mut canvas, caption.title, self.note);
        frame.grid(&mut canvas, true, true);
        let time = |i: f64| 1000.0 * i / self.rate;
        canvas.line(frame.point(0.0, 0.0), frame.point(milliseconds, 0.0), LINE, 1.2);
        let sample = |i: usize| f64::from(self.samples[i]);
        let points: Vec<(f64, f64)> = (0..n).map(|i| frame.point(time(i as f64), sample(i))).collect();
        canvas.add(Mark::stroked(Shape::Line(points.clone()), class_color(0), 1.8));
        if n <= 400 {
            for (i, &(x, y)) in points.iter().enumerate() {
                let dot = Shape::Circle { x, y, r: 2.4 };
                canvas.add(Mark::filled(dot, class_color(0)).hover(number(sample(i))));
            }
        }
        let crossings = self.positions();
        for (k, &i) in crossings.iter().enumerate() {
            let (before, after) = (sample(i - 1), sample(i));
            let share = if before == after {
                0.5
            } else {
                (before / (before - after)).clamp(0.0, 1.0)
            };
            let at = time((i - 1) as f64 + share);
            let (x, y) = frame.point(at, 0.0);
            let ring = Shape::Circle { x, y, r: 6.0 };
            let hover = format!("crossing {} at {} ms", k + 1, number(at));
            canvas.add(Mark::filled(ring, class_color(5)).edge(PAPER, 1.0).hover(hover));
        }
        frame.axes(&mut canvas);
        let mut table = Table::new(["time_s", "sample", "crosses"]);
        for (i, &value) in self.samples.iter().enumerate() {
            let crosses = if crossings.binary_search(&i).is_ok() {
                "1"
            } else {
                "0"
            };
            let time = format!("{:.6}", self.start_s + i as f64 / self.rate);
            table.cell(&time).single(value).cell(crosses).end();
        }
        Figure::new(caption, canvas, table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_keeps_the_extremes() {
        let samples: Vec<f32> = (0..50_000)
            .map(|i| if i == 33_333 { -0.9 } else { 0.1 })
            .collect();
        let envelope = Envelope::of(&samples);
        assert_eq!(envelope.lows.len(), 1000);
        assert_eq!(envelope.lows.iter().filter(|&&low| low == -0.9).count(), 1);
        assert!(envelope.highs.iter().all(|&high| high == 0.1));
        assert_eq!(Envelope::of(&[f32::NAN, 0.5]).lows, [0.0, 0.5]);
    }

    #[test]
    fn crossings_are_changes_of_sign() {
        let crossings = Crossings {
            samples: &[0.5, -0.5, 0.0, -1e-12, -0.1, -0.2, 0.3],
            rate: 1.0,
            ..Crossings::default()
        };
        assert_eq!(crossings.positions(), [1, 2, 4, 6]);
    }
}
