//! Rows unlike all others, by name, and why.

use melisma_plot::{Bars, Caption, Series};

use super::Context;
use crate::report::{Cell, ReportError, Section, TableView};

/// Rows that are drawn.
const MOST_BARS: usize = 30;

pub(super) fn section(context: &mut Context<'_>) -> Result<Option<Section>, ReportError> {
    let table = context.table;
    if table.outliers.is_empty() {
        return Ok(None);
    }
    let mut part = Section::new("outliers", "Outliers");
    part.text.push(
        "The rows farthest from the mean of all, by Mahalanobis distance on the leading principal components, which finds odd combinations of ordinary values. \
         Beside each stand its features farthest from their median, in robust standard deviations (1.4826 times the median absolute deviation)."
            .to_owned(),
    );
    if !table.sample.whole {
        part.sampled
            .push("Sampled: all rows were measured; the medians are those of the sample.".to_owned());
    }
    let shown = &table.outliers[..table.outliers.len().min(MOST_BARS)];
    let names: Vec<String> = shown.iter().map(|row| row.name.clone()).collect();
    let distances: Vec<f64> = shown.iter().map(|row| row.distance).collect();
    let bars = Bars {
        names: &names,
        series: &[Series {
            name: "",
            values: &distances,
        }],
        axis: "Mahalanobis distance",
        ..Bars::default()
    };
    part.figures.push(bars.draw(&Caption::new(
        "outliers",
        "Rows farthest from the others",
        "Bars with the Mahalanobis distance of the rows farthest from the mean.",
    ))?);
    let used = table.used_names();
    let rows = table.outliers.iter().map(|row| {
        let why: Vec<String> = row
            .features
            .iter()
            .map(|&(feature, z)| format!("{} {z:+.1}", used[feature]))
            .collect();
        vec![
            Cell::from(row.name.as_str()),
            Cell::from(row.class.as_deref().unwrap_or_default()),
            Cell::from(row.distance),
            Cell::Text(why.join(", ")),
        ]
    });
    part.tables.push(TableView {
        id: "outliers".to_owned(),
        title: "Outliers".to_owned(),
        header: ["row", "class", "distance", "most unusual features"]
            .map(str::to_owned)
            .to_vec(),
        rows: rows.collect(),
    });
    Ok(Some(part))
}
