//! Descriptive statistics of every feature.

use super::Context;
use crate::classes::quantile;
use crate::report::{Cell, ReportError, Section, TableView};

const HEADER: [&str; 12] = [
    "feature", "values", "missing", "mean", "sd", "skewness", "kurtosis", "min", "25 %", "median", "75 %",
    "max",
];

pub(super) fn section(context: &mut Context<'_>) -> Result<Option<Section>, ReportError> {
    let table = context.table;
    let mut part = Section::new("statistics", "Descriptive statistics");
    part.text.push(
        "Standard deviation, skewness and excess kurtosis are those of the population (divided by the number of values). \
         A feature whose skewness lies far from 0 has a long tail on that side."
            .to_owned(),
    );
    let whole = table.sample.whole;
    part.sampled = context
        .sample_note()
        .into_iter()
        .map(|note| note.replace("Sampled: told", "Sampled: quartiles are told"))
        .collect();
    let mut rows = Vec::with_capacity(table.columns.len());
    for (column, (name, summary)) in table.columns.iter().zip(&table.summaries).enumerate() {
        let mut values: Vec<f64> = table
            .sample
            .values
            .column(column)
            .iter()
            .copied()
            .filter(|value| !value.is_nan())
            .collect();
        values.sort_by(f64::total_cmp);
        let mut row: Vec<Cell> = vec![name.as_str().into()];
        row.extend(
            [
                summary.count as f64,
                summary.missing as f64,
                summary.mean,
                summary.standard_deviation(),
                summary.skewness,
                summary.kurtosis,
                summary.min,
                quantile(&values, 0.25),
                quantile(&values, 0.5),
                quantile(&values, 0.75),
                summary.max,
            ]
            .map(Cell::from),
        );
        rows.push(row);
    }
    part.tables.push(TableView {
        id: "statistics".to_owned(),
        title: if whole {
            "All features"
        } else {
            "All features (quartiles from the sample)"
        }
        .to_owned(),
        header: HEADER.map(str::to_owned).to_vec(),
        rows,
    });
    Ok(Some(part))
}
