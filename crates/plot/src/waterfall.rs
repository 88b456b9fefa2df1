//! Waterfalls: how the features of one row lead from the base value to its prediction. Not for computing contributions.

use crate::axis::{Axis, number};
use crate::canvas::{Anchor, Canvas, Mark, Shape};
use crate::color::{LINE, PAPER, QUIET, Rgb, TEXT, class_color};
use crate::error::Error;
use crate::figure::{Caption, Figure};
use crate::font::Font;
use crate::frame::{Area, BOTTOM, EDGE, Frame, TICK_SIZE, WIDTH, heading, one_line, top};
use crate::table::Table;

/// Features with a bar of their own: unless told otherwise, and at most.
const SHOWN: usize = 12;
const MAX_SHOWN: usize = 40;
/// Room for `feature = value`.
const NAME_WIDTH: f64 = 330.0;
/// Height of a row and of its bar.
const EACH: f64 = 34.0;
const THICK: f64 = 22.0;

/// What one feature adds to a prediction.
#[derive(Debug, Clone, Copy, Default)]
pub struct Contribution<'a> {
    /// The feature.
    pub name: &'a str,
    /// Its value in the row; `no value` where it is not finite.
    pub value: f64,
    /// What it adds, in the unit of the axis; finite.
    pub adds: f64,
}

/// The way from a base value to a prediction.
#[derive(Debug, Clone, Default)]
pub struct Waterfall<'a> {
    /// What is predicted without any feature, in the unit of the axis; finite.
    pub base: f64,
    /// The features in any order; the prediction is the base value and all they add.
    pub contributions: &'a [Contribution<'a>],
    /// How many of them, the strongest, have a bar of their own (1 to 40, 12 where there is no number); the others share one.
    pub shown: Option<usize>,
    /// What is predicted, with its unit: a probability, log odds, ...
    pub axis: &'a str,
    /// A quieter line under the title; may be empty.
    pub note: &'a str,
}

/// A bar between two values.
struct Step {
    label: String,
    hover: String,
    adds: f64,
    from: f64,
    to: f64,
}

impl Waterfall<'_> {
    /// Draws the base value at the bottom, then the others, the weakest to the strongest, and the prediction on top.
    ///
    /// # Errors
    /// If there is no feature; or if the base value or a contribution is not finite, since nothing would then add up.
    pub fn draw(&self, caption: &Caption<'_>) -> Result<Figure, Error> {
        caption.check()?;
        let strongest = self.strongest(caption)?;
        let steps = self.steps(&strongest);
        let predicted = steps.last().map_or(self.base, |step| step.to);
        if steps.iter().any(|step| !step.to.is_finite()) {
            return Err(fault(
                caption,
                "the contributions add up to no finite number".to_owned(),
            ));
        }
        let ends = || steps.iter().map(|step| step.to).chain([self.base]);
        let (lo, hi) = crate::axis::range(ends()).ok_or_else(|| caption.empty())?;
        // Room for the numbers beside the first and the last bar.
        let room = (hi - lo) * 0.14;
        let x = Axis::between(lo - room, hi + room, 7, self.axis);

        let font = Font::new(false);
        let widest = steps.iter().map(|step| font.width(&step.label, TICK_SIZE));
        let left = EDGE + widest.fold(font.width("base value", TICK_SIZE), f64::max) + 14.0;
        let area = Area {
            x: left,
            y: top(self.note),
            w: WIDTH - left - EDGE - 12.0,
            h: EACH * (steps.len() + 2) as f64,
        };
        let frame = Frame {
            area,
            x,
            y: Axis::with_ticks(0.0, 1.0, Vec::new(), ""),
        };
        let mut canvas = Canvas::new(WIDTH, area.y + area.h + BOTTOM);
        heading(&mut canvas, caption.title, self.note);
        frame.grid(&mut canvas, true, false);
        let middle = |place: usize| area.y + area.h - (place as f64 + 0.5) * EACH;
        for (i, to) in std::iter::once(self.base)
            .chain(steps.iter().map(|s| s.to))
            .enumerate()
        {
            let x = frame.px(to);
            canvas.line((x, middle(i)), (x, middle(i + 1)), LINE, 1.0);
        }
        for (i, step) in steps.iter().enumerate() {
            step.draw(&mut canvas, &frame, middle(i + 1));
        }
        end(&mut canvas, &frame, "base value", self.base, middle(0));
        end(
            &mut canvas,
            &frame,
            "prediction",
            predicted,
            middle(steps.len() + 1),
        );
        frame.outline(&mut canvas);
        frame.x_axis(&mut canvas, true);
        Figure::new(caption, canvas, self.table(&strongest, predicted))
    }

    /// The contributions by size, the largest first.
    fn strongest(&self, caption: &Caption<'_>) -> Result<Vec<Contribution<'_>>, Error> {
        if self.contributions.is_empty() {
            return Err(caption.empty());
        }
        if !self.base.is_finite() {
            return Err(fault(caption, "the base value is not finite".to_owned()));
        }
        if let Some(part) = self.contributions.iter().find(|part| !part.adds.is_finite()) {
            let name = one_line(part.name);
            return Err(fault(
                caption,
                format!("the contribution of `{name}` is not finite"),
            ));
        }
        let mut parts = self.contributions.to_vec();
        parts.sort_by(|a, b| b.adds.abs().total_cmp(&a.adds.abs()));
        Ok(parts)
    }

    /// The bars from the base value on.
    fn steps(&self, strongest: &[Contribution<'_>]) -> Vec<Step> {
        let shown = self.shown.unwrap_or(SHOWN).clamp(1, MAX_SHOWN);
        // A bar for "1 other feature" would take the place of that feature's own.
        let shown = if strongest.len() == shown + 1 {
            shown + 1
        } else {
            shown.min(strongest.len())
        };
        let (own, others) = strongest.split_at(shown);
        let mut at = self.base;
        let mut step = |label: String, hover: &str, adds: f64| {
            let from = at;
            at += adds;
            Step {
                label,
                hover: format!("{hover}\n{}", signed(adds)),
                adds,
                from,
                to: at,
            }
        };
        let mut steps = Vec::with_capacity(shown + 1);
        if !others.is_empty() {
            let label = format!("{} other features", others.len());
            steps.push(step(
                label.clone(),
                &label,
                others.iter().map(|part| part.adds).sum(),
            ));
        }
        for part in own.iter().rev() {
            let hover = format!("{} = {}", one_line(part.name), number(part.value));
            steps.push(step(label(part), &hover, part.adds));
        }
        steps
    }

    fn table(&self, strongest: &[Contribution<'_>], predicted: f64) -> Table {
        let mut table = Table::new(["feature", "value", "contribution"]);
        table.cell("(base value)").cell("").number(self.base).end();
        for part in strongest {
            table.cell(part.name).number(part.value).number(part.adds).end();
        }
        table.cell("(prediction)").cell("").number(predicted).end();
        table
    }
}

fn fault(caption: &Caption<'_>, fault: String) -> Error {
    Error::Shape {
        figure: caption.id.to_owned(),
        fault,
    }
}

/// `feature = value`; of a long name as much as leaves room for the value.
fn label(part: &Contribution<'_>) -> String {
    let font = Font::new(false);
    let value = format!(" = {}", number(part.value));
    let room = NAME_WIDTH - font.width(&value, TICK_SIZE);
    format!("{}{value}", font.fit(&one_line(part.name), TICK_SIZE, room))
}

fn signed(value: f64) -> String {
    match value > 0.0 {
        true => format!("+{}", number(value)),
        false => number(value),
    }
}

fn color(adds: f64) -> Rgb {
    // Orange-red and blue, which no colour vision takes for each other.
    class_color(if adds < 0.0 { 0 } else { 5 })
}

impl Step {
    /// An arrow from one value to the other, with what it adds in it or behind its tip.
    fn draw(&self, canvas: &mut Canvas, frame: &Frame, middle: f64) {
        let adds = self.adds;
        let (from, to) = (frame.px(self.from), frame.px(self.to));
        let (top, bottom) = (middle - THICK / 2.0, middle + THICK / 2.0);
        let tip = (to - from).clamp(-7.0, 7.0);
        let points = vec![
            (from, top),
            (to - tip, top),
            (to, middle),
            (to - tip, bottom),
            (from, bottom),
        ];
        let arrow = Mark::filled(Shape::Polygon(points), color(adds)).edge(color(adds), 1.0);
        canvas.add(arrow.hover(&self.hover));
        label_left(canvas, frame, &self.label, middle);

        let text = signed(adds);
        let width = Font::new(false).width(&text, TICK_SIZE);
        let base = middle + TICK_SIZE * 0.36;
        let inside = width + 14.0 <= (to - from).abs() - tip.abs();
        let right = from.max(to) + 7.0;
        let fits_right = right + width + 4.0 <= frame.area.x + frame.area.w;
        let fits_left = from.min(to) - 11.0 - width >= frame.area.x;
        if inside {
            canvas.text(
                (from + to - tip) / 2.0,
                base,
                text,
                TICK_SIZE,
                Anchor::Middle,
                PAPER,
            );
        } else if (adds >= 0.0 || !fits_left) && fits_right {
            canvas.text(right, base, text, TICK_SIZE, Anchor::Start, TEXT);
        } else {
            canvas.text(from.min(to) - 7.0, base, text, TICK_SIZE, Anchor::End, TEXT);
        }
    }
}

fn label_left(canvas: &mut Canvas, frame: &Frame, text: &str, middle: f64) {
    let (x, y) = (frame.area.x - 9.0, middle + TICK_SIZE * 0.36);
    canvas.text(x, y, text, TICK_SIZE, Anchor::End, TEXT);
}

/// The base value or the prediction: a dot with its number.
fn end(canvas: &mut Canvas, frame: &Frame, name: &str, value: f64, middle: f64) {
    let x = frame.px(value);
    let dot = Shape::Circle { x, y: middle, r: 5.0 };
    let hover = format!("{name}: {}", number(value));
    canvas.add(Mark::filled(dot, QUIET).edge(PAPER, 1.0).hover(hover));
    label_left(canvas, frame, name, middle);
    let text = number(value);
    let base = middle + TICK_SIZE * 0.36;
    let width = Font::new(true).width(&text, TICK_SIZE);
    let right = x + 9.0 + width <= frame.area.x + frame.area.w;
    let x = if right { x + 9.0 } else { x - 9.0 - width };
    canvas.bold_text(x, base, text, TICK_SIZE, TEXT);
}
