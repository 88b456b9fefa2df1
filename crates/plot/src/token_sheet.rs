//! Tokens as a sheet to read: one box a token, line by line, a colour for each kind.

use crate::canvas::{Anchor, Canvas, Mark, Shape};
use crate::color::{Rgb, TEXT, class_color};
use crate::error::Error;
use crate::figure::{Caption, Figure};
use crate::font::Font;
use crate::frame::{EDGE, Entry, WIDTH, heading, legend_across, legend_height, noted, one_line, top};
use crate::table::Table;

const BOX: f64 = 24.0;
const GAP: f64 = 4.0;
const SIZE: f64 = 13.0;
/// The most tokens that are shown.
const MOST: usize = 360;

/// Tokens with their kinds.
#[derive(Debug, Clone, Copy)]
pub struct TokenSheet<'a> {
    /// Each token's kind and what it says, such as `Pitch` and `60`; what it says may be empty.
    pub tokens: &'a [(&'a str, &'a str)],
    /// Kinds that begin a line, such as `Bar`.
    pub line_breaks: &'a [&'a str],
    /// A quieter line under the title; may be empty.
    pub note: &'a str,
}

impl TokenSheet<'_> {
    /// Draws the first tokens. The CSV holds all of them.
    ///
    /// # Errors
    /// If there is no token.
    pub fn draw(&self, caption: &Caption<'_>) -> Result<Figure, Error> {
        caption.check()?;
        if self.tokens.is_empty() {
            return Err(caption.empty());
        }
        let shown = &self.tokens[..self.tokens.len().min(MOST)];
        let mut kinds: Vec<&str> = Vec::new();
        for (kind, _) in shown {
            if !kinds.contains(kind) {
                kinds.push(kind);
            }
        }
        let color =
            |kind: &str| class_color(kinds.iter().position(|known| *known == kind).unwrap_or_default());
        let entries: Vec<Entry> = kinds
            .iter()
            .map(|kind| Entry {
                name: (*kind).to_owned(),
                color: color(kind),
                marker: None,
            })
            .collect();
        let more = match self.tokens.len() > shown.len() {
            true => format!("The first {} of {} tokens.", shown.len(), self.tokens.len()),
            false => String::new(),
        };
        let note = noted(self.note, &more);
        let begin = top(&note);
        let legend = legend_height(EDGE, WIDTH - EDGE, &entries);
        let (boxes, height) = self.place(shown);
        let mut canvas = Canvas::new(WIDTH, begin + legend + height + EDGE);
        heading(&mut canvas, caption.title, &note);
        legend_across(&mut canvas, EDGE, begin, WIDTH - EDGE, &entries);
        let font = Font::new(false);
        for ((kind, value), (x, y, w)) in shown.iter().zip(boxes) {
            let y = y + begin + legend;
            let shape = Shape::Rect { x, y, w, h: BOX };
            let text = text(kind, value);
            canvas.add(
                Mark::filled(shape, pale(color(kind)))
                    .edge(color(kind), 1.0)
                    .hover(format!("{kind} {value}")),
            );
            canvas.text(
                x + w / 2.0,
                y + BOX / 2.0 + SIZE * 0.36,
                font.fit(&text, SIZE, w),
                SIZE,
                Anchor::Middle,
                TEXT,
            );
        }
        let mut table = Table::new(["token", "kind", "value"]);
        for (at, (kind, value)) in self.tokens.iter().enumerate() {
            table.cell(&at.to_string()).cell(kind).cell(value).end();
        }
        Figure::new(caption, canvas, table)
    }

    /// Where each box stands below the legend, and how wide it is; and the height of all lines.
    fn place(&self, shown: &[(&str, &str)]) -> (Vec<(f64, f64, f64)>, f64) {
        let font = Font::new(false);
        let (mut x, mut y) = (EDGE, 0.0);
        let mut boxes = Vec::with_capacity(shown.len());
        for (at, (kind, value)) in shown.iter().enumerate() {
            let w = (font.width(&text(kind, value), SIZE) + 12.0).clamp(26.0, 160.0);
            if x + w > WIDTH - EDGE || (at > 0 && self.line_breaks.contains(kind)) {
                (x, y) = (EDGE, y + BOX + GAP);
            }
            boxes.push((x, y, w));
            x += w + GAP;
        }
        (boxes, y + BOX)
    }
}

fn text(kind: &str, value: &str) -> String {
    one_line(if value.is_empty() { kind } else { value })
}

/// A colour mixed with much white.
pub(crate) fn pale(Rgb(r, g, b): Rgb) -> Rgb {
    let mix = |c: u8| 255 - (255 - c) / 5;
    Rgb(mix(r), mix(g), mix(b))
}
