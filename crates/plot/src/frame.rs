//! The parts that figures share: title, plot area with axes, legend, scale of colours.

use crate::axis::{Axis, Tick, number};
use crate::canvas::{Anchor, Canvas, Mark, Shape};
use crate::color::{Colors, GRID, LINE, QUIET, Rgb, TEXT};
use crate::font::Font;
use crate::picture::{Picture, Pixels};

/// Width of most figures.
pub(crate) const WIDTH: f64 = 1000.0;
/// Empty space at the edges.
pub(crate) const EDGE: f64 = 18.0;
pub(crate) const TITLE_SIZE: f64 = 21.0;
pub(crate) const LABEL_SIZE: f64 = 16.0;
pub(crate) const TICK_SIZE: f64 = 15.0;
/// Where the plot area begins below a title, and below a title with a second line.
pub(crate) const TOP: f64 = 56.0;
pub(crate) const TOP_WITH_NOTE: f64 = 80.0;
/// Space below a plot area for ticks and the axis's name.
pub(crate) const BOTTOM: f64 = 66.0;

/// A rectangle of the canvas.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Area {
    pub x: f64,
    pub y: f64,
    pub w: f64,
    pub h: f64,
}

/// Data in a rectangle: two axes and where their values lie.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub area: Area,
    pub x: Axis,
    pub y: Axis,
}

impl Frame {
    pub(crate) fn px(&self, value: f64) -> f64 {
        self.area.x + self.x.share(value) * self.area.w
    }

    pub(crate) fn py(&self, value: f64) -> f64 {
        self.area.y + (1.0 - self.y.share(value)) * self.area.h
    }

    pub(crate) fn point(&self, x: f64, y: f64) -> (f64, f64) {
        (self.px(x), self.py(y))
    }

    /// Lines at the ticks, behind the data.
    pub(crate) fn grid(&self, canvas: &mut Canvas, vertical: bool, horizontal: bool) {
        let Area { x, y, w, h } = self.area;
        for tick in self.x.ticks.iter().filter(|_| vertical) {
            let at = self.px(tick.at);
            canvas.line((at, y), (at, y + h), GRID, 1.0);
        }
        for tick in self.y.ticks.iter().filter(|_| horizontal) {
            let at = self.py(tick.at);
            canvas.line((x, at), (x + w, at), GRID, 1.0);
        }
    }

    /// The axes' lines, ticks, numbers and names, about the data.
    pub(crate) fn axes(&self, canvas: &mut Canvas) {
        self.outline(canvas);
        self.x_axis(canvas, true);
        self.y_axis(canvas);
    }

    pub(crate) fn outline(&self, canvas: &mut Canvas) {
        let Area { x, y, w, h } = self.area;
        canvas.add(Mark::stroked(Shape::Rect { x, y, w, h }, LINE, 1.0));
    }

    /// The axis below; without its texts where the panel underneath has them.
    pub(crate) fn x_axis(&self, canvas: &mut Canvas, texts: bool) {
        let Area { x, y, w, h } = self.area;
        let font = Font::new(false);
        let bottom = y + h;
        let mut free = f64::NEG_INFINITY;
        for tick in &self.x.ticks {
            let at = self.px(tick.at);
            canvas.line((at, bottom), (at, bottom + 5.0), LINE, 1.0);
            let half = font.width(&tick.label, TICK_SIZE) / 2.0;
            // A text that would touch the one before it, or leave the canvas, is left out.
            if texts && at - half > free && at + half < canvas.width - 2.0 && at - half > 2.0 {
                canvas.text(at, bottom + 21.0, &tick.label, TICK_SIZE, Anchor::Middle, TEXT);
                free = at + half + 8.0;
            }
        }
        if texts && !self.x.label.is_empty() {
            let label = font.fit(&self.x.label, LABEL_SIZE, w.max(200.0));
            canvas.text(
                x + w / 2.0,
                bottom + 47.0,
                label,
                LABEL_SIZE,
                Anchor::Middle,
                TEXT,
            );
        }
    }

    pub(crate) fn y_axis(&self, canvas: &mut Canvas) {
        let Area { x, y, h, .. } = self.area;
        let font = Font::new(false);
        let mut free = f64::INFINITY;
        let mut ticks: Vec<&Tick> = self.y.ticks.iter().collect();
        ticks.sort_by(|a, b| self.py(b.at).total_cmp(&self.py(a.at)));
        for tick in ticks {
            let at = self.py(tick.at);
            canvas.line((x - 5.0, at), (x, at), LINE, 1.0);
            if at + TICK_SIZE * 0.36 < free {
                canvas.text(
                    x - 9.0,
                    at + TICK_SIZE * 0.36,
                    &tick.label,
                    TICK_SIZE,
                    Anchor::End,
                    TEXT,
                );
                free = at - TICK_SIZE * 0.64;
            }
        }
        if !self.y.label.is_empty() {
            let label = font.fit(&self.y.label, LABEL_SIZE, h.max(60.0));
            let at = x - 9.0 - tick_width(&self.y) - 14.0;
            canvas.upright_text(at, y + h / 2.0, label, LABEL_SIZE, Anchor::Middle, TEXT);
        }
    }
}

/// Width of an axis's widest number.
pub(crate) fn tick_width(axis: &Axis) -> f64 {
    let font = Font::new(false);
    axis.ticks
        .iter()
        .map(|tick| font.width(&tick.label, TICK_SIZE))
        .fold(0.0, f64::max)
}

/// Space that an axis on the left needs.
pub(crate) fn left_margin(axis: &Axis) -> f64 {
    let name = if axis.label.is_empty() {
        0.0
    } else {
        LABEL_SIZE + 8.0
    };
    (EDGE + name + tick_width(axis) + 12.0).max(60.0)
}

/// The title, and a quieter line below it.
pub(crate) fn heading(canvas: &mut Canvas, title: &str, note: &str) {
    let room = canvas.width - 2.0 * EDGE;
    let title = Font::new(true).fit(&one_line(title), TITLE_SIZE, room);
    canvas.bold_text(EDGE, 34.0, title, TITLE_SIZE, TEXT);
    if !note.is_empty() {
        let note = Font::new(false).fit(&one_line(note), TICK_SIZE, room);
        canvas.text(EDGE, 59.0, note, TICK_SIZE, Anchor::Start, QUIET);
    }
}

/// Where the plot area begins under such a heading.
pub(crate) fn top(note: &str) -> f64 {
    if note.is_empty() { TOP } else { TOP_WITH_NOTE }
}

/// A text without line breaks and control characters.
pub(crate) fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// Markers that differ from one class to the next.
pub(crate) fn marker(class: usize, (x, y): (f64, f64), r: f64) -> Shape {
    // Areas are about equal.
    let polygon = |points: &[(f64, f64)]| {
        Shape::Polygon(points.iter().map(|&(dx, dy)| (x + dx * r, y + dy * r)).collect())
    };
    match class % 7 {
        0 => Shape::Circle { x, y, r },
        1 => polygon(&[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]),
        2 => polygon(&[(0.0, -1.3), (1.15, 0.75), (-1.15, 0.75)]),
        3 => polygon(&[(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)]),
        4 => polygon(&[(0.0, 1.3), (1.15, -0.75), (-1.15, -0.75)]),
        5 => polygon(&[
            (-0.45, -1.25),
            (0.45, -1.25),
            (0.45, -0.45),
            (1.25, -0.45),
            (1.25, 0.45),
            (0.45, 0.45),
            (0.45, 1.25),
            (-0.45, 1.25),
            (-0.45, 0.45),
            (-1.25, 0.45),
            (-1.25, -0.45),
            (-0.45, -0.45),
        ]),
        _ => polygon(&[(-1.25, -0.6), (1.25, -0.6), (1.25, 0.6), (-1.25, 0.6)]),
    }
}

/// A line of a legend: name, colour, and the class whose marker is shown (a bar of colour where there is none).
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub name: String,
    pub color: Rgb,
    pub marker: Option<usize>,
}

/// Width that a legend of these lines needs.
pub(crate) fn legend_width(entries: &[Entry]) -> f64 {
    let font = Font::new(false);
    let widest = entries
        .iter()
        .map(|entry| font.width(&entry.name, TICK_SIZE))
        .fold(0.0, f64::max);
    widest.min(190.0) + 40.0
}

/// Lines of names with their colours, downwards.
pub(crate) fn legend(canvas: &mut Canvas, x: f64, y: f64, entries: &[Entry]) {
    let font = Font::new(false);
    for (i, entry) in entries.iter().enumerate() {
        let at = y + 12.0 + i as f64 * 24.0;
        swatch(canvas, x + 8.0, at, entry);
        let name = font.fit(&one_line(&entry.name), TICK_SIZE, 190.0);
        canvas.text(x + 24.0, at + 5.0, name, TICK_SIZE, Anchor::Start, TEXT);
    }
}

/// Names with their colours side by side, in as many lines as they need; the height they take.
pub(crate) fn legend_across(canvas: &mut Canvas, left: f64, y: f64, right: f64, entries: &[Entry]) -> f64 {
    let font = Font::new(false);
    let (mut x, mut line) = (left, 0.0);
    for entry in entries {
        let name = font.fit(&one_line(&entry.name), TICK_SIZE, 190.0);
        let width = 26.0 + font.width(&name, TICK_SIZE) + 20.0;
        if x + width > right && x > left {
            x = left;
            line += 1.0;
        }
        let at = y + 12.0 + line * 24.0;
        swatch(canvas, x + 8.0, at, entry);
        canvas.text(x + 22.0, at + 5.0, name, TICK_SIZE, Anchor::Start, TEXT);
        x += width;
    }
    (line + 1.0) * 24.0
}

fn swatch(canvas: &mut Canvas, x: f64, y: f64, entry: &Entry) {
    match entry.marker {
        Some(class) => canvas.add(Mark::filled(marker(class, (x, y), 6.0), entry.color)),
        None => canvas.rect(x - 8.0, y - 6.0, 14.0, 12.0, entry.color),
    }
}

/// Space that a scale of colours needs on the right.
pub(crate) fn color_bar_width(axis: &Axis) -> f64 {
    let name = if axis.label.is_empty() {
        0.0
    } else {
        LABEL_SIZE + 12.0
    };
    18.0 + 20.0 + 9.0 + tick_width(axis) + name + EDGE
}

/// Height of a legend across with the space below it; nothing where it has no line.
pub(crate) fn legend_height(left: f64, right: f64, entries: &[Entry]) -> f64 {
    if entries.is_empty() {
        return 0.0;
    }
    // Measured on a canvas that is thrown away.
    legend_across(&mut Canvas::new(1.0, 1.0), left, 0.0, right, entries) + 10.0
}

/// Names in one line each, as much of them as `room` holds, and the width of the widest.
pub(crate) fn fitted<'a>(names: impl Iterator<Item = &'a str>, room: f64) -> (Vec<String>, f64) {
    let font = Font::new(false);
    let names: Vec<String> = names
        .map(|name| font.fit(&one_line(name), TICK_SIZE, room))
        .collect();
    let widest = names.iter().map(|name| font.width(name, TICK_SIZE));
    let widest = widest.fold(0.0, f64::max);
    (names, widest)
}

/// A note with one more sentence; the note as it is where that is empty.
pub(crate) fn noted(note: &str, sentence: &str) -> String {
    match (note.is_empty(), sentence.is_empty()) {
        (true, _) => sentence.to_owned(),
        (_, true) => note.to_owned(),
        _ => format!("{note} {sentence}"),
    }
}

/// A scale of colours to the right of an area.
pub(crate) fn color_bar(canvas: &mut Canvas, beside: Area, colors: Colors, axis: &Axis) {
    let values: Vec<u8> = (1..=255).rev().collect();
    let picture = Picture {
        width: 1,
        height: values.len(),
        pixels: Pixels::Indexed(colors, values),
        smooth: false,
    };
    let area = Area {
        x: beside.x + beside.w + 18.0,
        y: beside.y,
        w: 20.0,
        h: beside.h.min(460.0),
    };
    canvas.image(area.x, area.y, area.w, area.h, picture);
    let frame = Frame {
        area,
        x: Axis::with_ticks(0.0, 1.0, Vec::new(), ""),
        y: axis.clone(),
    };
    frame.outline(canvas);
    let right = area.x + area.w;
    for tick in &axis.ticks {
        let at = frame.py(tick.at);
        canvas.line((right, at), (right + 5.0, at), LINE, 1.0);
        canvas.text(
            right + 9.0,
            at + TICK_SIZE * 0.36,
            &tick.label,
            TICK_SIZE,
            Anchor::Start,
            TEXT,
        );
    }
    if !axis.label.is_empty() {
        let label = Font::new(false).fit(&axis.label, LABEL_SIZE, area.h.max(60.0));
        let x = right + 9.0 + tick_width(axis) + LABEL_SIZE + 4.0;
        canvas.upright_text(x, area.y + area.h / 2.0, label, LABEL_SIZE, Anchor::Middle, TEXT);
    }
}

/// What is shown when a value is pointed at.
pub(crate) fn tell(name: &str, value: f64) -> String {
    format!("{}: {}", one_line(name), number(value))
}
