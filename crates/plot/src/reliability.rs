//! Calibration curves: how often a classifier is right when it is so sure (M. DeGroot and S. Fienberg, 1983), and how many
//! predictions that is said of. Not for computing the bins.

use crate::axis::{Axis, number};
use crate::canvas::{Canvas, Mark, Shape};
use crate::color::{PAPER, QUIET, class_color};
use crate::error::Error;
use crate::figure::{Caption, Figure};
use crate::frame::{
    Area, BOTTOM, EDGE, Entry, Frame, WIDTH, heading, left_margin, legend, legend_width, marker, one_line,
    top,
};
use crate::table::Table;

/// Most series that are drawn; the rest is in the CSV.
const MAX_SERIES: usize = 14;
/// Most bins of a series.
const MAX_BINS: usize = 100;

/// One classifier's bins of equal width between confidence 0 and 1, in rising order.
#[derive(Debug, Clone, Default)]
pub struct Calibration<'a> {
    /// Its name, for the legend.
    pub name: &'a str,
    /// Mean confidence of each bin's predictions, 0 to 1; what is not finite is left out.
    pub confidence: &'a [f64],
    /// Share of them that are right, 0 to 1; what is not finite is left out.
    pub right: &'a [f64],
    /// How many they are; an empty bin has no point.
    pub counts: &'a [u64],
}

/// Calibration curves of one or several classifiers.
#[derive(Debug, Clone, Default)]
pub struct Reliability<'a> {
    /// The classifiers; of more than 14 the first are drawn.
    pub series: &'a [Calibration<'a>],
    /// A quieter line under the title; may be empty.
    pub note: &'a str,
}

impl Reliability<'_> {
    /// Draws the curves about the diagonal, on which confidence is what it claims, and the sizes of the bins below.
    ///
    /// # Errors
    /// If no bin has a point, lengths do not match, a finite number lies outside 0 to 1, or a series has more than 100 bins.
    pub fn draw(&self, caption: &Caption<'_>) -> Result<Figure, Error> {
        caption.check()?;
        for series in self.series {
            series.check(caption)?;
        }
        let shown = &self.series[..self.series.len().min(MAX_SERIES)];
        if shown.iter().all(|series| series.points().next().is_none()) {
            return Err(caption.empty());
        }
        let entries = entries(shown);
        let counts = shown.iter().flat_map(|s| s.counts).map(|&count| count as f64);
        let sizes = Axis::from_zero(counts, 3, "predictions").ok_or_else(|| caption.empty())?;
        let shares = Axis::between(0.0, 1.0, 5, "share that is right");
        let left = left_margin(&shares).max(left_margin(&sizes));
        let right = match entries.is_empty() {
            true => EDGE + 12.0,
            false => legend_width(&entries) + 16.0,
        };
        let area = Area {
            x: left,
            y: top(self.note),
            w: WIDTH - left - right,
            h: 460.0,
        };
        let below = Area {
            y: area.y + area.h + 26.0,
            h: 110.0,
            ..area
        };
        let x = Axis::between(0.0, 1.0, 10, "confidence");
        let curves = Frame {
            area,
            x: x.clone(),
            y: shares,
        };
        let histogram = Frame {
            area: below,
            x,
            y: sizes,
        };

        let mut canvas = Canvas::new(WIDTH, below.y + below.h + BOTTOM);
        heading(&mut canvas, caption.title, self.note);
        curves.grid(&mut canvas, true, true);
        let diagonal = Shape::Line(vec![curves.point(0.0, 0.0), curves.point(1.0, 1.0)]);
        canvas.add(
            Mark::stroked(diagonal, QUIET, 1.4)
                .dashed()
                .hover("as often right as sure"),
        );
        for (i, series) in shown.iter().enumerate() {
            series.draw_curve(&mut canvas, &curves, i);
        }
        curves.outline(&mut canvas);
        curves.x_axis(&mut canvas, false);
        curves.y_axis(&mut canvas);
        histogram.grid(&mut canvas, true, true);
        for (i, series) in shown.iter().enumerate() {
            series.draw_sizes(&mut canvas, &histogram, i, shown.len());
        }
        histogram.axes(&mut canvas);
        legend(&mut canvas, area.x + area.w + 16.0, area.y, &entries);
        Figure::new(caption, canvas, self.table())
    }

    fn table(&self) -> Table {
        let mut table = Table::new(["series", "confidence", "right", "count"]);
        for series in self.series {
            for (i, count) in series.counts.iter().enumerate() {
                table
                    .cell(series.name)
                    .number(series.confidence[i])
                    .number(series.right[i])
                    .cell(&count.to_string())
                    .end();
            }
        }
        table
    }
}

fn entries(series: &[Calibration<'_>]) -> Vec<Entry> {
    let entry = |(i, series): (usize, &Calibration<'_>)| Entry {
        name: series.name.to_owned(),
        color: class_color(i),
        marker: Some(i),
    };
    let several = series.len() > 1;
    series.iter().enumerate().filter(|_| several).map(entry).collect()
}

impl Calibration<'_> {
    fn check(&self, caption: &Caption<'_>) -> Result<(), Error> {
        let bins = self.counts.len();
        caption.same("mean confidences", self.confidence.len(), "bins", bins)?;
        caption.same("shares", self.right.len(), "bins", bins)?;
        let mut values = self.confidence.iter().chain(self.right).filter(|v| v.is_finite());
        let fault = match values.find(|v| !(-1e-9..=1.0 + 1e-9).contains(*v)) {
            Some(value) => format!("{value} is no share of the predictions"),
            None if bins > MAX_BINS => format!("{bins} bins, more than {MAX_BINS}"),
            None => return Ok(()),
        };
        let figure = caption.id.to_owned();
        Err(Error::Shape { figure, fault })
    }

    /// Bins that have a point.
    fn points(&self) -> impl Iterator<Item = (usize, f64, f64)> {
        let bins = self.confidence.iter().zip(self.right).enumerate();
        let points = bins.map(|(bin, (&confidence, &right))| (bin, confidence, right));
        points.filter(|&(bin, x, y)| self.counts[bin] > 0 && x.is_finite() && y.is_finite())
    }

    fn tell(&self, bin: usize) -> String {
        let name = one_line(self.name);
        format!(
            "{name}\nconfidence {}, right {} of {}",
            number(self.confidence[bin]),
            number(self.right[bin]),
            self.counts[bin]
        )
        .trim_start()
        .to_owned()
    }

    fn draw_curve(&self, canvas: &mut Canvas, frame: &Frame, i: usize) {
        let color = class_color(i);
        let line: Vec<(f64, f64)> = self.points().map(|(_, x, y)| frame.point(x, y)).collect();
        if line.len() > 1 {
            canvas.add(Mark::stroked(Shape::Line(line), color, 2.0).hover(one_line(self.name)));
        }
        for (bin, x, y) in self.points() {
            let shape = marker(i, frame.point(x, y), 5.0);
            canvas.add(Mark::filled(shape, color).edge(PAPER, 0.6).hover(self.tell(bin)));
        }
    }

    /// Bars beside those of the other series in each bin.
    fn draw_sizes(&self, canvas: &mut Canvas, frame: &Frame, i: usize, series: usize) {
        let each = frame.area.w / self.counts.len().max(1) as f64;
        let thick = each * 0.84 / series as f64;
        for (bin, &count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let y = frame.py(count as f64);
            let shape = Shape::Rect {
                x: frame.area.x + (bin as f64 + 0.08) * each + i as f64 * thick,
                y,
                w: thick,
                h: frame.py(0.0) - y,
            };
            canvas.add(Mark::filled(shape, class_color(i)).hover(self.tell(bin)));
        }
    }
}
