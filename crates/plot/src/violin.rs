//! Distributions of a feature by class: violins with median and quartiles, one figure large or many small ones in a grid.
//!
//! The outline is a Gaussian kernel density with B. Silverman's bandwidth, over the range of the values; every violin is as wide as the
//! others. It is taken of 1,000 quantiles where there are more values.

use crate::axis::{Axis, number};
use crate::canvas::{Anchor, Canvas, Mark, Shape};
use crate::color::{PAPER, TEXT, class_color};
use crate::error::Error;
use crate::figure::{Caption, Figure};
use crate::font::Font;
use crate::frame::{
    Area, EDGE, Entry, Frame, LABEL_SIZE, TICK_SIZE, WIDTH, heading, left_margin, legend_across, one_line,
    tick_width, top,
};
use crate::table::Table;

const MAX_SAMPLE: usize = 1000;
/// Points of an outline's side: where there are few violins, and where there are many.
const STEPS: usize = 48;
const FEW_STEPS: usize = 20;
/// Violins of a figure from which on there are many.
const MANY: usize = 700;
/// Most violins in a panel of a grid.
const MAX_GRID_GROUPS: usize = 24;
/// Most violins in one panel, and most panels in a grid.
const MAX_GROUPS: usize = 40;
const MAX_PANELS: usize = 60;

/// The values of one class.
#[derive(Debug, Clone, Default)]
pub struct Group<'a> {
    /// The class.
    pub name: &'a str,
    /// Its values; what is not finite is left out.
    pub values: &'a [f64],
}

/// One feature by class.
#[derive(Debug, Clone, Default)]
pub struct Violins<'a> {
    /// The classes with their values; of more than 40 the first are drawn.
    pub groups: &'a [Group<'a>],
    /// What the values are, with their unit.
    pub axis: &'a str,
    /// A quieter line under the title; may be empty.
    pub note: &'a str,
}

/// Many features by class, each in a small panel.
#[derive(Debug, Clone, Default)]
pub struct ViolinGrid<'a> {
    /// The features; the classes of all must be the same. Of more than 60 the first are drawn.
    pub panels: &'a [Violins<'a>],
    /// A quieter line under the title; may be empty.
    pub note: &'a str,
}

/// A group with its statistics.
struct Outline {
    /// Values and half widths from the lowest up, the widest 1.
    sides: Vec<(f64, f64)>,
    quartiles: [f64; 3],
    ends: (f64, f64),
    count: usize,
}

impl Outline {
    fn new(values: &[f64], steps: usize) -> Option<Self> {
        let mut sorted: Vec<f64> = values
            .iter()
            .filter(|v| v.is_finite())
            .map(|v| v.clamp(-1e300, 1e300))
            .collect();
        if sorted.is_empty() {
            return None;
        }
        sorted.sort_by(f64::total_cmp);
        let ends = (sorted[0], sorted[sorted.len() - 1]);
        let quartiles = [0.25, 0.5, 0.75].map(|q| quantile(&sorted, q));
        Some(Outline {
            sides: density(&sorted, ends, quartiles, steps),
            quartiles,
            ends,
            count: sorted.len(),
        })
    }
}

/// The value below which a share of sorted values lies, between neighbours by a straight line.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let at = (sorted.len() - 1) as f64 * q;
    let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    low + (high - low) * at.fract()
}

fn density(sorted: &[f64], (lo, hi): (f64, f64), quartiles: [f64; 3], steps: usize) -> Vec<(f64, f64)> {
    let n = sorted.len().min(MAX_SAMPLE);
    let sample: Vec<f64> = (0..n)
        .map(|i| quantile(sorted, if n > 1 { i as f64 / (n - 1) as f64 } else { 0.5 }))
        .collect();
    // In units of the range, so that no square overflows.
    let span = hi - lo;
    if span <= 0.0 || !span.is_finite() {
        return vec![(lo, 1.0)];
    }
    let unit: Vec<f64> = sample.iter().map(|v| (v - lo) / span).collect();
    let mean = unit.iter().sum::<f64>() / n as f64;
    let deviation = (unit.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n as f64).sqrt();
    let spread = (quartiles[2] - quartiles[0]) / span / 1.34;
    let scale = if spread > 0.0 {
        deviation.min(spread)
    } else {
        deviation
    };
    let bandwidth = (0.9 * scale * (sorted.len() as f64).powf(-0.2)).max(0.01);
    let at = |t: f64| {
        unit.iter()
            .map(|v| (-0.5 * ((t - v) / bandwidth).powi(2)).exp())
            .sum::<f64>()
    };
    let steps: Vec<(f64, f64)> = (0..=steps)
        .map(|i| i as f64 / steps as f64)
        .map(|t| (lo + t * span, at(t)))
        .collect();
    let most = steps.iter().map(|s| s.1).fold(f64::MIN_POSITIVE, f64::max);
    steps.into_iter().map(|(v, d)| (v, d / most)).collect()
}

impl Violins<'_> {
    /// Draws one violin for each class.
    ///
    /// # Errors
    /// If no value is finite.
    pub fn draw(&self, caption: &Caption<'_>) -> Result<Figure, Error> {
        caption.check()?;
        let groups = &self.groups[..self.groups.len().min(MAX_GROUPS)];
        let values = groups.iter().flat_map(|g| g.values.iter().copied());
        let y = Axis::around(values, 7, self.axis).ok_or_else(|| caption.empty())?;
        let font = Font::new(false);
        let left = left_margin(&y);
        let names: Vec<String> = groups
            .iter()
            .map(|g| font.fit(&one_line(g.name), TICK_SIZE, 170.0))
            .collect();
        let widest = names
            .iter()
            .map(|name| font.width(name, TICK_SIZE))
            .fold(0.0, f64::max);
        let area = Area {
            x: left,
            y: top(self.note),
            w: WIDTH - left - EDGE,
            h: 460.0,
        };
        let each = area.w / groups.len() as f64;
        let level = widest + 6.0 <= each;
        let below = if level { TICK_SIZE } else { widest };
        let frame = panel_frame(area, y);
        let mut canvas = Canvas::new(WIDTH, area.y + area.h + below + 14.0 + EDGE);
        heading(&mut canvas, caption.title, self.note);
        frame.grid(&mut canvas, false, true);
        let mut table = table();
        draw_groups(&mut canvas, &frame, groups, self.axis, &mut table, STEPS);
        frame.outline(&mut canvas);
        frame.y_axis(&mut canvas);
        for (i, name) in names.iter().enumerate() {
            let x = area.x + (i as f64 + 0.5) * each;
            let under = area.y + area.h + 8.0;
            match level {
                true => canvas.text(x, under + TICK_SIZE, name, TICK_SIZE, Anchor::Middle, TEXT),
                false => canvas.upright_text(x + 5.0, under, name, TICK_SIZE, Anchor::End, TEXT),
            }
        }
        Figure::new(caption, canvas, table)
    }
}

impl ViolinGrid<'_> {
    /// Draws a panel for each feature, three beside each other, classes by colour.
    ///
    /// # Errors
    /// If there is no panel with a finite value, or the classes of the panels differ.
    pub fn draw(&self, caption: &Caption<'_>) -> Result<Figure, Error> {
        caption.check()?;
        let panels = &self.panels[..self.panels.len().min(MAX_PANELS)];
        let first = panels.first().ok_or_else(|| caption.empty())?;
        for panel in panels {
            caption.same(
                "classes",
                panel.groups.len(),
                "in the first panel",
                first.groups.len(),
            )?;
        }
        let has_value = |panel: &Violins<'_>| {
            panel
                .groups
                .iter()
                .any(|g| g.values.iter().any(|v| v.is_finite()))
        };
        if !panels.iter().any(has_value) {
            return Err(caption.empty());
        }
        let shown = first.groups.len().min(MAX_GRID_GROUPS);
        let steps = if shown * panels.len() > MANY {
            FEW_STEPS
        } else {
            STEPS
        };
        let entry = |(i, group): (usize, &Group<'_>)| Entry {
            name: group.name.to_owned(),
            color: class_color(i),
            marker: None,
        };
        let entries: Vec<Entry> = first.groups[..shown].iter().enumerate().map(entry).collect();
        // Measured on a canvas that is thrown away.
        let legend = legend_across(&mut Canvas::new(1.0, 1.0), EDGE, 0.0, WIDTH - EDGE, &entries);
        let (columns, height) = (3usize.min(panels.len()), 210.0);
        let begin = top(self.note) + legend + 6.0;
        let rows = panels.len().div_ceil(columns);
        let mut canvas = Canvas::new(WIDTH, begin + rows as f64 * height + EDGE);
        heading(&mut canvas, caption.title, self.note);
        legend_across(&mut canvas, EDGE, top(self.note) - 6.0, WIDTH - EDGE, &entries);
        let width = (WIDTH - 2.0 * EDGE) / columns as f64;
        let font = Font::new(false);
        let mut table = table();
        for (i, panel) in panels.iter().enumerate() {
            let (x, y) = (
                EDGE + (i % columns) as f64 * width,
                begin + (i / columns) as f64 * height,
            );
            let groups = &panel.groups[..shown];
            let name = font.fit(&one_line(panel.axis), LABEL_SIZE, width - 14.0);
            canvas.text(x, y + 16.0, name, LABEL_SIZE, Anchor::Start, TEXT);
            let values = groups.iter().flat_map(|g| g.values.iter().copied());
            let Some(axis) = Axis::around(values, 4, "") else {
                canvas.text(x, y + 50.0, "no value", TICK_SIZE, Anchor::Start, TEXT);
                continue;
            };
            let left = tick_width(&axis) + 12.0;
            let area = Area {
                x: x + left,
                y: y + 28.0,
                w: width - left - 14.0,
                h: height - 46.0,
            };
            let frame = panel_frame(area, axis);
            frame.grid(&mut canvas, false, true);
            draw_groups(&mut canvas, &frame, groups, panel.axis, &mut table, steps);
            frame.outline(&mut canvas);
            frame.y_axis(&mut canvas);
        }
        Figure::new(caption, canvas, table)
    }
}

fn panel_frame(area: Area, y: Axis) -> Frame {
    Frame {
        area,
        x: Axis::with_ticks(0.0, 1.0, Vec::new(), ""),
        y,
    }
}

fn table() -> Table {
    Table::new([
        "feature",
        "class",
        "count",
        "min",
        "quartile_1",
        "median",
        "quartile_3",
        "max",
    ])
}

fn draw_groups(
    canvas: &mut Canvas,
    frame: &Frame,
    groups: &[Group<'_>],
    feature: &str,
    table: &mut Table,
    steps: usize,
) {
    let each = frame.area.w / groups.len().max(1) as f64;
    let half = (each * 0.44).min(60.0);
    for (i, group) in groups.iter().enumerate() {
        let Some(shape) = Outline::new(group.values, steps) else {
            continue;
        };
        let [low, median, high] = shape.quartiles;
        table
            .cell(feature)
            .cell(group.name)
            .cell(&shape.count.to_string());
        for value in [shape.ends.0, low, median, high, shape.ends.1] {
            table.number(value);
        }
        table.end();
        let middle = frame.area.x + (i as f64 + 0.5) * each;
        let side = |sign: f64| {
            shape
                .sides
                .iter()
                .map(move |&(value, width)| (middle + sign * half * width, frame.py(value)))
        };
        let mut points: Vec<(f64, f64)> = side(-1.0).collect();
        points.extend(side(1.0).rev());
        let hover = format!(
            "{}: median {}, quartiles {} to {}, range {} to {}, {} values",
            one_line(group.name),
            number(median),
            number(low),
            number(high),
            number(shape.ends.0),
            number(shape.ends.1),
            shape.count
        );
        let color = class_color(i);
        let body = Mark::filled(Shape::Polygon(points), color)
            .opacity(0.8)
            .edge(color, 1.0);
        canvas.add(body.hover(&hover));
        // Where there are many violins, the text is given once.
        let tell = |mark: Mark| if steps == STEPS { mark.hover(&hover) } else { mark };
        let thick = (each * 0.09).clamp(2.0, 6.0);
        let (top, bottom) = (frame.py(high), frame.py(low));
        let bar = Shape::Rect {
            x: middle - thick / 2.0,
            y: top,
            w: thick,
            h: (bottom - top).max(0.5),
        };
        canvas.add(tell(Mark::filled(bar, TEXT)));
        let dot = Shape::Circle {
            x: middle,
            y: frame.py(median),
            r: thick.min(5.0) * 0.9 + 1.0,
        };
        canvas.add(tell(Mark::filled(dot, PAPER).edge(TEXT, 1.2)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outline_follows_the_values() {
        let values: Vec<f64> = (0..200)
            .map(|i| if i < 150 { 1.0 } else { 3.0 } + f64::from(i % 10) * 0.01)
            .collect();
        let shape = Outline::new(&values, STEPS).unwrap();
        let at = |value: f64| {
            let near = shape
                .sides
                .iter()
                .min_by(|a, b| (a.0 - value).abs().total_cmp(&(b.0 - value).abs()));
            near.unwrap().1
        };
        assert!(at(1.05) > 0.9, "{}", at(1.05));
        assert!(at(2.0) < 0.01);
        assert!((0.2..0.5).contains(&at(3.05)), "{}", at(3.05));
        assert_eq!(shape.count, 200);
        assert!((shape.quartiles[1] - 1.06).abs() < 0.02);
    }

    #[test]
    fn one_value_is_a_line() {
        assert_eq!(Outline::new(&[2.0, 2.0], STEPS).unwrap().sides, [(2.0, 1.0)]);
        assert!(Outline::new(&[f64::NAN], STEPS).is_none());
    }
}
