//! The report as one HTML page that needs no other file: text, tables and drawings in one, with a list of
//! contents, texts where marks are pointed at, and tables that sort.

use std::fmt::Write as _;

use melisma_plot::Figure;

use super::{Cell, Report, Section, TableView};

/// The page's looks.
const STYLE: &str = include_str!("page.css");
/// What the page does: texts at the pointer, sorting, filtering.
const SCRIPT: &str = include_str!("page.js");

/// The whole page.
pub(super) fn page(report: &Report) -> String {
    let mut html = String::with_capacity(1 << 20);
    let title = escape(&report.title);
    let _ = write!(
        html,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"generator\" content=\"melisma {}\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n",
        env!("CARGO_PKG_VERSION")
    );
    let _ = write!(html, "<nav aria-label=\"Contents\">\n<h1>{title}</h1>\n<ol>\n");
    for section in &report.sections {
        let _ = writeln!(
            html,
            "<li><a href=\"#{}\">{}</a></li>",
            section.id,
            escape(&section.title)
        );
    }
    html.push_str("</ol>\n</nav>\n<main>\n");
    for section in &report.sections {
        write_section(&mut html, section);
    }
    let _ = write!(
        html,
        "</main>\n<div id=\"hint\" role=\"tooltip\" hidden></div>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n"
    );
    html
}

fn write_section(html: &mut String, section: &Section) {
    let _ = write!(
        html,
        "<section id=\"{}\">\n<h2>{}</h2>\n",
        section.id,
        escape(&section.title)
    );
    for paragraph in &section.text {
        let _ = writeln!(html, "<p>{}</p>", escape(paragraph));
    }
    for note in &section.sampled {
        let _ = writeln!(html, "<p class=\"sampled\">{}</p>", escape(note));
    }
    if section.figures.len() > 8 {
        let _ = writeln!(
            html,
            "<p><label>Show only <input type=\"search\" class=\"filter\" data-section=\"{}\" placeholder=\"part of a name\"></label></p>",
            section.id
        );
    }
    html.push_str("<div class=\"figures\">\n");
    for figure in &section.figures {
        write_figure(html, figure);
    }
    html.push_str("</div>\n");
    for table in &section.tables {
        write_table(html, table);
    }
    html.push_str("</section>\n");
}

fn write_figure(html: &mut String, figure: &Figure) {
    let id = figure.id();
    let (title, description) = (escape(figure.title()), escape(figure.description()));
    let _ = write!(
        html,
        "<figure id=\"figure-{id}\" data-name=\"{title}\">\n{}\n<figcaption>{description} \
         <span class=\"files\"><a href=\"figures/{id}.svg\">SVG</a> <a href=\"figures/{id}.png\">PNG</a> \
         <a href=\"figures/{id}.csv\">CSV</a></span></figcaption>\n</figure>\n",
        inline(&figure.svg())
    );
}

/// A drawing as part of a page: without the lines that only a file of its own has.
fn inline(svg: &str) -> &str {
    svg.find("<svg").map_or(svg, |start| svg[start..].trim_end())
}

fn write_table(html: &mut String, table: &TableView) {
    let _ = write!(
        html,
        "<div class=\"table\">\n<h3>{} <span class=\"files\"><a href=\"tables/{}.csv\">CSV</a></span></h3>\n<table>\n<thead><tr>",
        escape(&table.title),
        table.id
    );
    for name in &table.header {
        let _ = write!(html, "<th scope=\"col\">{}</th>", escape(name));
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        html.push_str("<tr>");
        for cell in row {
            let _ = match cell {
                Cell::Text(text) => write!(html, "<td>{}</td>", escape(text)),
                Cell::Number(value) => write!(
                    html,
                    "<td class=\"number\" data-value=\"{value}\">{}</td>",
                    shown(*value)
                ),
            };
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody>\n</table>\n</div>\n");
}

/// A number with about four digits that matter.
pub(super) fn shown(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        "–".to_owned()
    } else if value == value.trunc() && size < 1e7 {
        format!("{value:.0}")
    } else if (1e-3..1e6).contains(&size) {
        let decimals = (3.0 - size.log10().floor()).clamp(0.0, 6.0) as usize;
        format!("{value:.decimals$}")
    } else {
        format!("{value:.3e}")
    }
}

/// Foreign text as text, wherever it stands.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c if c.is_control() && c != '\n' && c != '\t' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_cannot_leave_its_place() {
        assert_eq!(
            escape("<b a='1' c=\"2\">&\u{7}"),
            "&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp;\u{fffd}"
        );
    }

    #[test]
    fn numbers_keep_the_digits_that_matter() {
        for (value, text) in [
            (0.0, "0"),
            (1000.0, "1000"),
            (0.123_456, "0.1235"),
            (12.345_6, "12.35"),
            (12_345.6, "12346"),
            (-0.001_234_5, "-0.001234"),
            (1.5e-7, "1.500e-7"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(shown(value), text);
        }
    }
}
