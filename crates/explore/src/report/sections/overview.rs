//! What the table is: its size, its origin, its gaps.

use melisma_plot::{Bars, Caption, Series};

use super::{Context, count};
use crate::report::{Cell, ReportError, Section, TableView};

/// Columns with gaps that are drawn.
const MOST_BARS: usize = 40;

pub(super) fn section(context: &mut Context<'_>) -> Result<Option<Section>, ReportError> {
    let table = context.table;
    let mut part = Section::new("overview", "Overview");
    let classes = context.class_names().len();
    let mut first = format!(
        "{} and {} of numbers",
        count(table.rows, "row"),
        count(table.columns.len() as u64, "column")
    );
    match classes {
        0 => first.push_str("; no classes are told apart."),
        _ => first.push_str(&format!("; {classes} classes.")),
    }
    part.text.push(first);
    if !table.text_columns.is_empty() {
        part.text.push(format!(
            "Columns of text, which are not looked at: {}.",
            table.text_columns.join(", ")
        ));
    }
    let idle: Vec<&str> = (0..table.columns.len())
        .filter(|column| !table.used.contains(column))
        .map(|column| table.columns[column].as_str())
        .collect();
    if !idle.is_empty() {
        part.text.push(format!(
            "Constant or mostly missing, and left out of correlation, components, maps and clusters: {}.",
            idle.join(", ")
        ));
    }
    let facts: Vec<Vec<Cell>> = table
        .metadata
        .iter()
        .map(|(name, value)| vec![name.into(), value.into()])
        .collect();
    if !facts.is_empty() {
        part.tables.push(TableView {
            id: "origin".to_owned(),
            title: "How the table was made".to_owned(),
            header: vec!["fact".to_owned(), "value".to_owned()],
            rows: facts,
        });
    }
    missing(context, &mut part)?;
    context.keep("rows", table.rows);
    context.keep("columns", table.columns.len());
    context.keep("classes", classes);
    context.keep("columns_used", table.used.len());
    context.keep("rows_held", table.sample.names.len());
    Ok(Some(part))
}

fn missing(context: &mut Context<'_>, part: &mut Section) -> Result<(), ReportError> {
    let table = context.table;
    let mut gaps: Vec<(u64, &String)> = table
        .summaries
        .iter()
        .zip(&table.columns)
        .map(|(summary, name)| (summary.missing, name))
        .filter(|(missing, _)| *missing > 0)
        .collect();
    let total: u64 = gaps.iter().map(|(missing, _)| missing).sum();
    context.keep("missing_values", total);
    if gaps.is_empty() {
        part.text.push("No value is missing.".to_owned());
        return Ok(());
    }
    gaps.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    part.text.push(format!(
        "{} missing, in {}; where a method needs every value, a gap is filled with the column's mean.",
        count(total, "value")
            .replace("values", "values are")
            .replace("1 value", "1 value is"),
        count(gaps.len() as u64, "column")
    ));
    let shown = &gaps[..gaps.len().min(MOST_BARS)];
    let names: Vec<String> = shown.iter().map(|(_, name)| (*name).clone()).collect();
    let values: Vec<f64> = shown.iter().map(|(missing, _)| *missing as f64).collect();
    let bars = Bars {
        names: &names,
        series: &[Series {
            name: "",
            values: &values,
        }],
        axis: "rows without a value",
        ..Bars::default()
    };
    part.figures.push(bars.draw(&Caption::new(
        "missing-values",
        "Missing values",
        "Bars with the number of rows in which each feature has no value, most first.",
    ))?);
    Ok(())
}
