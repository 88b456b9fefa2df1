//! Distributions of one value: counts in bins of equal width.

use crate::axis::{Axis, number, range};
use crate::canvas::{Canvas, Mark, Shape};
use crate::color::{PAPER, class_color};
use crate::error::Error;
use crate::figure::{Caption, Figure};
use crate::frame::{Area, BOTTOM, EDGE, Frame, WIDTH, heading, left_margin, top};
use crate::table::Table;

/// Counts in bins of equal width.
pub(crate) struct Bins {
    pub lo: f64,
    pub width: f64,
    pub counts: Vec<u64>,
}

impl Bins {
    /// Counts all finite values between two bounds.
    pub(crate) fn between(values: impl Iterator<Item = f64>, lo: f64, hi: f64, bins: usize) -> Self {
        let bins = bins.clamp(1, 400);
        let width = (hi - lo) / bins as f64;
        let mut counts = vec![0; bins];
        for value in values.filter(|v| v.is_finite()) {
            // The cast saturates; the last bin takes its upper bound.
            counts[(((value - lo) / width) as usize).min(bins - 1)] += 1;
        }
        Bins { lo, width, counts }
    }

    pub(crate) fn most(&self) -> f64 {
        self.counts.iter().copied().max().unwrap_or(0).max(1) as f64
    }

    pub(crate) fn bounds(&self, bin: usize) -> (f64, f64) {
        (
            self.lo + bin as f64 * self.width,
            self.lo + (bin + 1) as f64 * self.width,
        )
    }

    pub(crate) fn tell(&self, bin: usize) -> String {
        let (from, to) = self.bounds(bin);
        format!("{} to {}: {}", number(from), number(to), self.counts[bin])
    }
}

/// The values of one feature.
#[derive(Debug, Clone, Default)]
pub struct Histogram<'a> {
    /// The values; what is not finite is left out.
    pub values: &'a [f64],
    /// What they are, with their unit.
    pub axis: &'a str,
    /// What is counted, for example `clips`.
    pub counted: &'a str,
    /// How many bins; chosen by D. Freedman and P. Diaconis's rule where there is no number.
    pub bins: Option<usize>,
    /// A quieter line under the title; may be empty.
    pub note: &'a str,
}

impl Histogram<'_> {
    /// Draws the histogram.
    ///
    /// # Errors
    /// If no value is finite.
    pub fn draw(&self, caption: &Caption<'_>) -> Result<Figure, Error> {
        caption.check()?;
        let (lo, hi) = range(self.values.iter().copied()).ok_or_else(|| caption.empty())?;
        let count = self.bins.unwrap_or_else(|| bin_count(self.values, lo, hi));
        let bins = Bins::between(self.values.iter().copied(), lo, hi, count);
        let x = Axis::around([lo, hi].into_iter(), 9, self.axis).ok_or_else(|| caption.empty())?;
        let counted = if self.counted.is_empty() {
            "count"
        } else {
            self.counted
        };
        let y = Axis::from_zero(bins.counts.iter().map(|&c| c as f64), 6, counted)
            .ok_or_else(|| caption.empty())?;
        let left = left_margin(&y);
        let area = Area {
            x: left,
            y: top(self.note),
            w: WIDTH - left - EDGE - 12.0,
            h: 420.0,
        };
        let frame = Frame { area, x, y };
        let mut canvas = Canvas::new(WIDTH, area.y + area.h + BOTTOM);
        heading(&mut canvas, caption.title, self.note);
        frame.grid(&mut canvas, false, true);
        let mut table = Table::new(["from", "to", "count"]);
        for (bin, &count) in bins.counts.iter().enumerate() {
            let (from, to) = bins.bounds(bin);
            table.number(from).number(to).number(count as f64).end();
            let (x, y) = frame.point(from, count as f64);
            let (right, bottom) = frame.point(to, 0.0);
            let shape = Shape::Rect {
                x,
                y,
                w: right - x,
                h: bottom - y,
            };
            canvas.add(
                Mark::filled(shape, class_color(0))
                    .edge(PAPER, 0.8)
                    .hover(bins.tell(bin)),
            );
        }
        frame.axes(&mut canvas);
        Figure::new(caption, canvas, table)
    }
}

/// Twice the interquartile range over the cube root of the number of values, as a number of bins between 5 and 80.
fn bin_count(values: &[f64], lo: f64, hi: f64) -> usize {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let quartile = |q: f64| sorted[((sorted.len() - 1) as f64 * q) as usize];
    let width = 2.0 * (quartile(0.75) - quartile(0.25)) / (sorted.len() as f64).cbrt();
    if width > 0.0 {
        (((hi - lo) / width).ceil() as usize).clamp(5, 80)
    } else {
        20
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finite_value_is_in_one_bin() {
        let values = [0.0, 0.1, 0.5, 1.0, f64::NAN, f64::INFINITY];
        let bins = Bins::between(values.into_iter(), 0.0, 1.0, 2);
        assert_eq!(bins.counts, [2, 2]);
        assert_eq!(bins.bounds(1), (0.5, 1.0));
    }

    #[test]
    fn the_number_of_bins_follows_the_spread() {
        let values: Vec<f64> = (0..1000).map(f64::from).collect();
        assert_eq!(bin_count(&values, 0.0, 999.0), 10);
        assert_eq!(bin_count(&[1.0; 50], 0.9, 1.1), 20);
    }
}
