//! Points in the plane by class: maps (PCA, t-SNE, UMAP) and pairs of features, with the distribution of each at the margins.

use crate::axis::{Axis, number};
use crate::canvas::{Canvas, Mark, Shape};
use crate::classes::{Classes, Looks};
use crate::color::{PAPER, class_color};
use crate::error::Error;
use crate::figure::{Caption, Figure};
use crate::frame::{
    Area, BOTTOM, EDGE, Frame, WIDTH, heading, left_margin, legend, legend_width, one_line, top,
};
use crate::histogram::Bins;
use crate::raster::flatten;
use crate::table::Table;

/// Most points that are shapes of their own and can be pointed at.
const MAX_MARKS: usize = 6000;
/// Size of the picture that more points become.
const MAX_BYTES: usize = 1_000_000;

/// Points with two values each.
#[derive(Debug, Clone, Default)]
pub struct Scatter<'a> {
    /// Values from left to right; a point with a value that is not finite is left out.
    pub x: &'a [f64],
    /// Values from bottom to top.
    pub y: &'a [f64],
    /// Which class each point belongs to.
    pub classes: Classes<'a>,
    /// A name for each point, shown when it is pointed at; may be empty.
    pub names: &'a [String],
    /// What `x` is, with its unit.
    pub x_axis: &'a str,
    /// What `y` is, with its unit.
    pub y_axis: &'a str,
    /// Whether histograms stand above and beside the points.
    pub margins: bool,
    /// Whether the axes carry numbers; a t-SNE's or UMAP's have no meaning.
    pub bare: bool,
    /// A quieter line under the title; may be empty.
    pub note: &'a str,
}

impl Scatter<'_> {
    /// Draws the points.
    ///
    /// # Errors
    /// If no point has two finite values, or lengths do not match.
    pub fn draw(&self, caption: &Caption<'_>) -> Result<Figure, Error> {
        caption.check()?;
        let n = self.x.len();
        caption.same("y values", self.y.len(), "x values", n)?;
        self.classes.check(caption, n)?;
        if !self.names.is_empty() {
            caption.same("names", self.names.len(), "points", n)?;
        }
        let kept: Vec<usize> = (0..n)
            .filter(|&i| self.x[i].is_finite() && self.y[i].is_finite())
            .collect();
        let axis = |values: &[f64], label: &str| Axis::loose(kept.iter().map(|&i| values[i]), 7, label);
        let (Some(mut x), Some(mut y)) = (axis(self.x, self.x_axis), axis(self.y, self.y_axis)) else {
            return Err(caption.empty());
        };
        if self.bare {
            x.ticks.clear();
            y.ticks.clear();
        }
        let looks = self.classes.looks();
        let frame = self.layout(x, y, &looks);
        let mut canvas = Canvas::new(WIDTH, frame.area.y + frame.area.h + BOTTOM);
        heading(&mut canvas, caption.title, self.note);
        frame.grid(&mut canvas, true, true);
        points(
            &mut canvas,
            &frame,
            &looks,
            &self.classes,
            &kept,
            (self.x, self.y),
            4.5,
            |i| self.tell(i),
        );
        frame.axes(&mut canvas);
        if self.margins {
            self.margins(&mut canvas, &frame, &kept);
        }
        let beside = if self.margins { MARGIN + 10.0 } else { 0.0 };
        legend(
            &mut canvas,
            frame.area.x + frame.area.w + beside + 16.0,
            frame.area.y,
            &looks.legend,
        );
        Figure::new(caption, canvas, self.table())
    }

    fn layout(&self, x: Axis, y: Axis, looks: &Looks) -> Frame {
        let left = left_margin(&y);
        let margin = if self.margins { MARGIN + 10.0 } else { 0.0 };
        let right = match looks.legend.is_empty() {
            true => EDGE,
            false => legend_width(&looks.legend) + 16.0,
        };
        let area = Area {
            x: left,
            y: top(self.note) + margin,
            w: WIDTH - left - right - margin,
            h: (620.0f64).max(24.0 * looks.legend.len() as f64),
        };
        Frame { area, x, y }
    }

    fn tell(&self, i: usize) -> String {
        let mut text = String::new();
        let name = self.names.get(i).map_or("", String::as_str);
        for part in [name, self.classes.name(i)]
            .into_iter()
            .filter(|part| !part.is_empty())
        {
            text.push_str(&one_line(part).chars().take(110).collect::<String>());
            text.push('\n');
        }
        if !self.bare || text.is_empty() {
            text.push_str(&format!("{}, {}", number(self.x[i]), number(self.y[i])));
        }
        text.trim_end().to_owned()
    }

    fn margins(&self, canvas: &mut Canvas, frame: &Frame, kept: &[usize]) {
        let Area { x, y, w, h } = frame.area;
        let bins = |values: &[f64], axis: &Axis| {
            Bins::between(kept.iter().map(|&i| values[i]), axis.lo, axis.hi, 40)
        };
        let above = bins(self.x, &frame.x);
        let most = above.most();
        for (i, &count) in above.counts.iter().enumerate() {
            let size = MARGIN * count as f64 / most;
            let width = w / above.counts.len() as f64;
            let shape = Shape::Rect {
                x: x + i as f64 * width,
                y: y - 6.0 - size,
                w: width,
                h: size,
            };
            canvas.add(
                Mark::filled(shape, class_color(0))
                    .edge(PAPER, 0.6)
                    .hover(above.tell(i)),
            );
        }
        let beside = bins(self.y, &frame.y);
        let most = beside.most();
        for (i, &count) in beside.counts.iter().enumerate() {
            let height = h / beside.counts.len() as f64;
            let shape = Shape::Rect {
                x: x + w + 6.0,
                y: y + h - (i + 1) as f64 * height,
                w: MARGIN * count as f64 / most,
                h: height,
            };
            canvas.add(
                Mark::filled(shape, class_color(0))
                    .edge(PAPER, 0.6)
                    .hover(beside.tell(i)),
            );
        }
    }

    fn table(&self) -> Table {
        let named = |name: &'static str, given: &str| match given.is_empty() {
            true => name.to_owned(),
            false => given.to_owned(),
        };
        let mut table = Table::new([
            "name",
            "class",
            &named("x", self.x_axis),
            &named("y", self.y_axis),
        ]);
        for i in 0..self.x.len() {
            table
                .cell(self.names.get(i).map_or("", String::as_str))
                .cell(self.classes.name(i))
                .number(self.x[i])
                .number(self.y[i])
                .end();
        }
        table
    }
}

/// Height of the histograms at the margins.
const MARGIN: f64 = 90.0;

/// The points in a frame: shapes of their own where they are few, a picture where they are many.
#[allow(clippy::too_many_arguments)]
pub(crate) fn points(
    canvas: &mut Canvas,
    frame: &Frame,
    looks: &Looks,
    classes: &Classes<'_>,
    kept: &[usize],
    (x, y): (&[f64], &[f64]),
    size: f64,
    tell: impl Fn(usize) -> String,
) {
    let many = kept.len() > MAX_MARKS;
    let size = if many { size * 0.55 } else { size };
    let opacity = if many { 0.5 } else { 0.75 };
    // Points of classes that are shown lie above the others.
    let order = [false, true].into_iter().flat_map(|shown| {
        kept.iter()
            .copied()
            .filter(move |&i| looks.of(classes.of(i)).2 == shown)
    });
    let marks = order.map(|i| {
        let (color, shape, _) = looks.of(classes.of(i));
        let at = frame.point(x[i], y[i]);
        let shape = if many {
            Shape::Circle {
                x: at.0,
                y: at.1,
                r: size,
            }
        } else {
            crate::frame::marker(shape, at, size)
        };
        let mark = Mark::filled(shape, color).opacity(opacity);
        if many {
            mark
        } else {
            mark.edge(PAPER, 0.5).hover(tell(i))
        }
    });
    if !many {
        marks.for_each(|mark| canvas.add(mark));
        return;
    }
    let marks: Vec<Mark> = marks.collect();
    let Area { x, y, w, h } = frame.area;
    if let Some(picture) = flatten(&marks, (x, y), (w, h), MAX_BYTES) {
        canvas.image(x, y, w, h, picture);
    }
}
