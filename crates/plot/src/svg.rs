//! A canvas as SVG text: short numbers, escaped texts, the same bytes for the same canvas.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::canvas::{Anchor, Canvas, Label, Mark, Shape};
use crate::color::Rgb;
use crate::font::FAMILY;

/// The whole file; `title` and `description` are for those who cannot see it.
pub(crate) fn svg(canvas: &Canvas, title: &str, description: &str) -> String {
    let mut out = String::new();
    let (width, height) = (short(canvas.width), short(canvas.height));
    // A title element at the root would be shown wherever nothing else is pointed at.
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\" aria-label=\"{}\" font-family=\"{FAMILY}\">\n<desc>{}</desc>\n",
        escape(title),
        escape(description)
    );
    for mark in &canvas.marks {
        write_mark(&mut out, mark);
    }
    out.push_str("</svg>\n");
    out
}

fn write_mark(out: &mut String, mark: &Mark) {
    let name = match &mark.shape {
        Shape::Rect { x, y, w, h } => {
            let _ = write!(
                out,
                "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"",
                short(*x),
                short(*y),
                short(*w),
                short(*h)
            );
            "rect"
        }
        Shape::Circle { x, y, r } => {
            let _ = write!(
                out,
                "<circle cx=\"{}\" cy=\"{}\" r=\"{}\"",
                short(*x),
                short(*y),
                short(*r)
            );
            "circle"
        }
        Shape::Line(points) => {
            write_points(out, "polyline", points);
            "polyline"
        }
        Shape::Polygon(points) => {
            write_points(out, "polygon", points);
            "polygon"
        }
        Shape::Text(label) => {
            write_text(out, label);
            "text"
        }
        Shape::Image { x, y, w, h, picture } => {
            let style = if picture.smooth { "auto" } else { "pixelated" };
            let _ = write!(
                out,
                "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" \
                 style=\"image-rendering:{style}\" href=\"data:image/png;base64,{}\"",
                short(*x),
                short(*y),
                short(*w),
                short(*h),
                STANDARD.encode(picture.png())
            );
            "image"
        }
    };
    if name != "image" {
        write_colors(out, mark);
    }
    if mark.opacity < 1.0 {
        let _ = write!(out, " opacity=\"{}\"", short(mark.opacity));
    }
    let content = match &mark.shape {
        Shape::Text(label) => escape(&label.text),
        _ => String::new(),
    };
    let hover = mark
        .hover
        .as_ref()
        .map(|text| format!("<title>{}</title>", escape(text)));
    match (content.is_empty(), hover) {
        (true, None) => out.push_str("/>\n"),
        (_, hover) => {
            let _ = writeln!(out, ">{}{content}</{name}>", hover.unwrap_or_default());
        }
    }
}

fn write_points(out: &mut String, name: &str, points: &[(f64, f64)]) {
    let _ = write!(out, "<{name} points=\"");
    for (i, (x, y)) in points.iter().enumerate() {
        let space = if i == 0 { "" } else { " " };
        let _ = write!(out, "{space}{},{}", short(*x), short(*y));
    }
    out.push('"');
}

fn write_text(out: &mut String, label: &Label) {
    let (x, y) = (short(label.x), short(label.y));
    let _ = write!(
        out,
        "<text x=\"{x}\" y=\"{y}\" font-size=\"{}\"",
        short(label.size)
    );
    match label.anchor {
        Anchor::Start => {}
        Anchor::Middle => out.push_str(" text-anchor=\"middle\""),
        Anchor::End => out.push_str(" text-anchor=\"end\""),
    }
    if label.bold {
        out.push_str(" font-weight=\"bold\"");
    }
    if label.upright {
        let _ = write!(out, " transform=\"rotate(-90 {x} {y})\"");
    }
}

fn write_colors(out: &mut String, mark: &Mark) {
    match mark.fill {
        Some(color) => {
            let _ = write!(out, " fill=\"{}\"", hex(color));
        }
        None => out.push_str(" fill=\"none\""),
    }
    if let Some((color, width)) = mark.stroke {
        let _ = write!(
            out,
            " stroke=\"{}\" stroke-width=\"{}\"",
            hex(color),
            short(width)
        );
        if matches!(mark.shape, Shape::Line(_)) {
            out.push_str(" stroke-linejoin=\"round\"");
        }
        if mark.dashed {
            out.push_str(" stroke-dasharray=\"7 5\"");
        }
    }
}

fn hex(Rgb(r, g, b): Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// A number with at most two decimals.
fn short(value: f64) -> String {
    let mut text = format!("{value:.2}");
    let kept = text.trim_end_matches('0').trim_end_matches('.').len();
    text.truncate(kept);
    if text == "-0" { "0".to_owned() } else { text }
}

/// Makes a text safe between tags and between quotes; what XML cannot hold becomes a replacement character.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\n' | '\r' | '\t' => safe.push(letter),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            _ => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let cases = [
            (0.0, "0"),
            (-0.001, "0"),
            (1.5, "1.5"),
            (2.0, "2"),
            (100.0, "100"),
            (0.126, "0.13"),
        ];
        for (value, text) in cases {
            assert_eq!(short(value), text);
        }
    }

    #[test]
    fn foreign_texts_are_escaped() {
        assert_eq!(
            escape("<b> & \"x\" 'y'\0\u{1b}"),
            "&lt;b&gt; &amp; &quot;x&quot; &#39;y&#39;\u{fffd}\u{fffd}"
        );
        assert_eq!(escape("Жñ♫音"), "Жñ♫音");
    }
}
