//! How alike the bars of a score are, as a matrix, with the sections that follow from it on its edges.

use melisma_score::analysis::{Section, Structure};

use crate::axis::{Axis, Tick};
use crate::canvas::{Anchor, Canvas, Label, Mark, Shape};
use crate::color::{Colors, PAPER, TEXT, class_color};
use crate::error::Error;
use crate::figure::{Caption, Figure};
use crate::font::Font;
use crate::frame::{
    Area, BOTTOM, Frame, WIDTH, color_bar, color_bar_width, heading, left_margin, noted, top,
};
use crate::picture::{Picture, Pixels, index};
use crate::table::Table;
use crate::token_sheet::pale;

/// Thickness of the bands of letters, and their distance from the matrix.
const BAND: f64 = 26.0;
const GAP: f64 = 5.0;
const LETTER: f64 = 16.0;

/// The self-similarity of a score's bars.
#[derive(Debug, Clone, Copy)]
pub struct SelfSimilarity<'a> {
    /// The bars, how alike they are, and the sections.
    pub structure: &'a Structure,
    /// From this tick on.
    pub from: u32,
    /// Up to this tick.
    pub to: u32,
    /// A quieter line under the title; may be empty.
    pub note: &'a str,
}

impl SelfSimilarity<'_> {
    /// Draws the matrix. The CSV holds a row for each bar: its section, how much of a boundary there is before it, and how like the others it is.
    ///
    /// # Errors
    /// If the part has no bar.
    pub fn draw(&self, caption: &Caption<'_>) -> Result<Figure, Error> {
        caption.check()?;
        let bars = &self.structure.bars;
        let first = bars.partition_point(|bar| bar.end <= self.from);
        let last = bars.partition_point(|bar| bar.start < self.to).max(first);
        if first == last {
            return Err(caption.empty());
        }
        let note = noted(
            self.note,
            &format!("Form {}.", shown_form(&self.structure.form())),
        );
        let axis = axis(first, last);
        let left = left_margin(&axis) + BAND + GAP;
        let values = self.values(first, last);
        let lowest = values.iter().flatten().copied().fold(1.0, f64::min);
        let scale = Axis::between(
            (lowest * 20.0).floor().min(18.0) / 20.0,
            1.0,
            5,
            "Likeness of two bars",
        );
        let side = WIDTH - left - color_bar_width(&scale);
        let begin = top(&note) + BAND + GAP;
        let mut canvas = Canvas::new(WIDTH, begin + side + BOTTOM);
        heading(&mut canvas, caption.title, &note);
        let area = Area {
            x: left,
            y: begin,
            w: side,
            h: side,
        };
        let frame = Frame {
            area,
            x: axis.clone(),
            y: axis,
        };
        canvas.image(area.x, area.y, area.w, area.h, picture(&values, &scale));
        self.sections(&mut canvas, &frame, (first, last));
        frame.outline(&mut canvas);
        frame.x_axis(&mut canvas, true);
        // The numbers on the left stand beyond the band of letters.
        let beside = Frame {
            area: Area {
                x: left - BAND - GAP,
                ..area
            },
            ..frame
        };
        beside.y_axis(&mut canvas);
        color_bar(&mut canvas, area, Colors::Sequential, &scale);
        Figure::new(caption, canvas, self.table(first, last, &values))
    }

    /// The likeness of the bars of the part, row after row from the first.
    fn values(&self, first: usize, last: usize) -> Vec<Vec<f64>> {
        let count = self.structure.bars.len();
        let row = |row: usize| {
            let cells = &self.structure.similarity[row * count + first..row * count + last];
            cells.iter().map(|value| f64::from(*value)).collect()
        };
        (first..last).map(row).collect()
    }

    fn sections(&self, canvas: &mut Canvas, frame: &Frame, (first, last): (usize, usize)) {
        let font = Font::new(true);
        for section in &self.structure.sections {
            let (start, end) = (section.bar as usize, (section.bar + section.bars) as usize);
            let (from, to) = (start.max(first), end.min(last));
            if from >= to {
                continue;
            }
            let (x, right) = (frame.px(from as f64), frame.px(to as f64));
            let (y, bottom) = (frame.py(to as f64), frame.py(from as f64));
            let Area {
                x: left, y: upper, ..
            } = frame.area;
            let across = (x, upper - GAP - BAND, right - x, BAND);
            let upwards = (left - GAP - BAND, y, BAND, bottom - y);
            for (x, y, w, h) in [across, upwards] {
                let color = class_color(usize::from(section.letter));
                let shape = Shape::Rect { x, y, w, h };
                canvas.add(
                    Mark::filled(shape, pale(color))
                        .edge(color, 1.0)
                        .hover(told(section)),
                );
                let name = section.name();
                if font.width(&name, LETTER) + 2.0 <= w && LETTER <= h {
                    letter(canvas, x + w / 2.0, y + h / 2.0 + LETTER * 0.36, name);
                }
            }
            let Area { w, h, .. } = frame.area;
            if start > first {
                let white = |from, to| Mark::stroked(Shape::Line(vec![from, to]), PAPER, 1.2).opacity(0.75);
                canvas.add(white((x, upper), (x, upper + h)));
                canvas.add(white((left, bottom), (left + w, bottom)));
            }
        }
    }

    fn table(&self, first: usize, last: usize, values: &[Vec<f64>]) -> Table {
        let head = ["bar", "section", "novelty"].map(str::to_owned);
        let mut table = Table::new(
            head.into_iter()
                .chain((first..last).map(|bar| (bar + 1).to_string())),
        );
        for (bar, row) in (first..last).zip(values) {
            let sections = &self.structure.sections;
            let at = sections.partition_point(|section| section.bar as usize <= bar);
            let name = at.checked_sub(1).map_or(String::new(), |at| sections[at].name());
            table.cell(&(bar + 1).to_string()).cell(&name);
            table.single(self.structure.novelty[bar] as f32);
            for value in row {
                table.single(*value as f32);
            }
            table.end();
        }
        table
    }
}

fn told(section: &Section) -> String {
    format!(
        "{}: bars {} to {}",
        section.name(),
        section.bar + 1,
        section.bar + section.bars
    )
}

/// The form, its end cut off if it is long.
pub(crate) fn shown_form(form: &str) -> String {
    match form.char_indices().nth(48) {
        Some((at, _)) => format!("{}…", &form[..at]),
        None => form.to_owned(),
    }
}

/// A bold letter about a point.
pub(crate) fn letter(canvas: &mut Canvas, x: f64, y: f64, text: String) {
    let label = Label {
        x,
        y,
        text,
        size: LETTER,
        anchor: Anchor::Middle,
        bold: true,
        upright: false,
    };
    canvas.add(Mark::filled(Shape::Text(label), TEXT));
}

/// An axis of bars, each a unit wide; numbers stand in the middle of their bars.
fn axis(first: usize, last: usize) -> Axis {
    let steps = [1, 2, 4, 8, 16, 32, 64, 128];
    let step = steps
        .into_iter()
        .find(|step| (last - first) / step <= 16)
        .unwrap_or(256);
    let ticks = (first..last).filter(|bar| bar % step == 0).map(|bar| Tick {
        at: bar as f64 + 0.5,
        label: (bar + 1).to_string(),
    });
    Axis::with_ticks(first as f64, last as f64, ticks.collect(), "Bar")
}

/// The first bar at the lower left.
fn picture(values: &[Vec<f64>], scale: &Axis) -> Picture {
    let pixels = values
        .iter()
        .rev()
        .flatten()
        .map(|value| index(*value, scale.lo, scale.hi))
        .collect();
    Picture {
        width: values.len(),
        height: values.len(),
        pixels: Pixels::Indexed(Colors::Sequential, pixels),
        smooth: false,
    }
}
