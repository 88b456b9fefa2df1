//! Every pair of a few features: points by class, and each feature's distribution on the diagonal.

use crate::axis::Axis;
use crate::canvas::{Anchor, Canvas, Mark, Shape};
use crate::classes::Classes;
use crate::color::{BACKDROP, PAPER, TEXT};
use crate::error::Error;
use crate::figure::{Caption, Figure};
use crate::font::Font;
use crate::frame::marker;
use crate::frame::{Area, EDGE, Frame, TICK_SIZE, WIDTH, heading, legend_across, one_line, top};
use crate::histogram::Bins;
use crate::raster::flatten;
use crate::table::Table;

/// Points in all panels together that are shapes of their own.
const MAX_MARKS: usize = 4000;
/// Size of the pictures that more points become, together.
const MAX_BYTES: usize = 1_200_000;
const MAX_FEATURES: usize = 8;

/// A few features of the same things.
#[derive(Debug, Clone, Default)]
pub struct Pairs<'a> {
    /// Names of the features, with their units; 2 to 8.
    pub features: &'a [String],
    /// The values of each feature; what is not finite is left out.
    pub values: &'a [&'a [f64]],
    /// Which class each point belongs to.
    pub classes: Classes<'a>,
    /// A name for each point; may be empty.
    pub names: &'a [String],
    /// A quieter line under the title; may be empty.
    pub note: &'a str,
}

impl Pairs<'_> {
    /// Draws a square of panels: row and column say which features.
    ///
    /// # Errors
    /// If there are not 2 to 8 features, lengths do not match, or a feature has no finite value.
    pub fn draw(&self, caption: &Caption<'_>) -> Result<Figure, Error> {
        caption.check()?;
        let n = self.features.len();
        caption.same("columns of values", self.values.len(), "features", n)?;
        if !(2..=MAX_FEATURES).contains(&n) {
            let fault = format!("{n} features, not 2 to {MAX_FEATURES}");
            let figure = caption.id.to_owned();
            return Err(Error::Shape { figure, fault });
        }
        let points = self.values[0].len();
        for values in self.values {
            caption.same("values", values.len(), "in the first feature", points)?;
        }
        self.classes.check(caption, points)?;
        if !self.names.is_empty() {
            caption.same("names", self.names.len(), "points", points)?;
        }
        let axes: Option<Vec<Axis>> = self
            .values
            .iter()
            .map(|values| Axis::loose(values.iter().copied(), 4, ""))
            .collect();
        let axes = axes.ok_or_else(|| caption.empty())?;
        let looks = self.classes.looks();
        let legend = match looks.legend.is_empty() {
            true => 0.0,
            false => legend_across(&mut Canvas::new(1.0, 1.0), EDGE, 0.0, WIDTH - EDGE, &looks.legend),
        };
        let begin = top(self.note) + legend + 4.0;
        let (left, gap) = (EDGE + 66.0, 10.0);
        let side = (WIDTH - left - EDGE) / n as f64;
        let mut canvas = Canvas::new(WIDTH, begin + side * 0.86 * n as f64 + 56.0 + EDGE);
        heading(&mut canvas, caption.title, self.note);
        legend_across(
            &mut canvas,
            EDGE,
            top(self.note) - 6.0,
            WIDTH - EDGE,
            &looks.legend,
        );
        let many = points * n * (n - 1) > MAX_MARKS;
        for row in 0..n {
            for column in 0..n {
                let area = Area {
                    x: left + column as f64 * side,
                    y: begin + row as f64 * side * 0.86,
                    w: side - gap,
                    h: side * 0.86 - gap,
                };
                let frame = Frame {
                    area,
                    x: axes[column].clone(),
                    y: axes[row].clone(),
                };
                if row == column {
                    self.distribution(&mut canvas, &frame, row);
                } else {
                    self.points(&mut canvas, &frame, (row, column), &looks, many);
                }
                frame.outline(&mut canvas);
                if row == n - 1 {
                    frame.x_axis(&mut canvas, true);
                }
                if column == 0 && row > 0 {
                    frame.y_axis(&mut canvas);
                }
            }
        }
        let font = Font::new(false);
        for (i, name) in self.features.iter().enumerate() {
            let name = font.fit(&one_line(name), TICK_SIZE, side - gap);
            let x = left + (i as f64 + 0.5) * side - gap / 2.0;
            let y = begin + side * 0.86 * n as f64 + 40.0;
            canvas.text(x, y, &name, TICK_SIZE, Anchor::Middle, TEXT);
            let y = begin + (i as f64 + 0.5) * side * 0.86 - gap / 2.0;
            let name = font.fit(&name, TICK_SIZE, side * 0.86 - gap);
            canvas.upright_text(EDGE + 10.0, y, name, TICK_SIZE, Anchor::Middle, TEXT);
        }
        Figure::new(caption, canvas, self.table())
    }

    fn distribution(&self, canvas: &mut Canvas, frame: &Frame, feature: usize) {
        let values = self.values[feature].iter().copied();
        let bins = Bins::between(values, frame.x.lo, frame.x.hi, 24);
        let Area { x, y, w, h } = frame.area;
        let width = w / bins.counts.len() as f64;
        for (i, &count) in bins.counts.iter().enumerate() {
            let size = h * 0.92 * count as f64 / bins.most();
            let shape = Shape::Rect {
                x: x + i as f64 * width,
                y: y + h - size,
                w: width,
                h: size,
            };
            canvas.add(Mark::filled(shape, BACKDROP).edge(PAPER, 0.6).hover(bins.tell(i)));
        }
    }

    fn points(
        &self,
        canvas: &mut Canvas,
        frame: &Frame,
        (row, column): (usize, usize),
        looks: &crate::classes::Looks,
        many: bool,
    ) {
        let (x, y) = (self.values[column], self.values[row]);
        let n = self.features.len();
        let kept = (0..x.len()).filter(|&i| x[i].is_finite() && y[i].is_finite());
        let marks = kept.map(|i| {
            let (color, shape, _) = looks.of(self.classes.of(i));
            let mark = Mark::filled(marker(shape, frame.point(x[i], y[i]), 2.6), color).opacity(0.7);
            match many {
                true => mark,
                false => mark.hover(self.tell(i)),
            }
        });
        if !many {
            marks.for_each(|mark| canvas.add(mark));
            return;
        }
        let marks: Vec<Mark> = marks.collect();
        let Area { x, y, w, h } = frame.area;
        if let Some(picture) = flatten(&marks, (x, y), (w, h), MAX_BYTES / (n * (n - 1))) {
            canvas.image(x, y, w, h, picture);
        }
    }

    fn tell(&self, i: usize) -> String {
        let name = self.names.get(i).map_or("", String::as_str);
        format!("{}\n{}", one_line(name), one_line(self.classes.name(i)))
            .trim()
            .to_owned()
    }

    fn table(&self) -> Table {
        let head = ["name", "class"].into_iter();
        let mut table = Table::new(head.chain(self.features.iter().map(String::as_str)));
        for i in 0..self.values[0].len() {
            table
                .cell(self.names.get(i).map_or("", String::as_str))
                .cell(self.classes.name(i));
            for values in self.values {
                table.number(values[i]);
            }
            table.end();
        }
        table
    }
}
