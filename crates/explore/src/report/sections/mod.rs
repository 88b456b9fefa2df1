//! The parts of a report, in the order a reader meets them.
//!
//! Each file makes one part: what is measured, said, tabled and drawn.

mod bivariate;
mod classes;
mod clusters;
mod components;
mod correlation;
mod distributions;
mod examples;
mod maps;
mod outliers;
mod overview;
mod statistics;
mod together;

use melisma_dataset::rng::Rng;
use melisma_plot::Classes;
use ndarray::{Array2, Axis};
use serde_json::{Map, Value, json};

use super::gather::Table;
use super::{OnStep, Report, ReportError, ReportOptions, Section};
use crate::Watch;
use crate::pca::{Pca, Scaling};

/// The most columns that are drawn with their names, or each in a figure of its own.
const MANY_COLUMNS: usize = 120;

/// What all parts draw from.
struct Context<'a> {
    table: &'a Table,
    options: &'a ReportOptions,
    watch: Watch<'a>,
    /// Principal components of all rows.
    pca: Pca,
    /// The sample's used columns, standardised by the moments of all rows.
    standard: Array2<f64>,
    /// The rows of the sample that maps are made of.
    map_rows: Vec<usize>,
    /// What a program would want to know.
    summary: Map<String, Value>,
}

/// Makes every part.
pub(super) fn report(
    table: &Table,
    options: &ReportOptions,
    watch: Watch,
    on_step: OnStep<'_>,
) -> Result<Report, ReportError> {
    let pca = Pca::from_covariance(&table.covariance, table.used.len(), Scaling::Standardise)
        .map_err(|error| fault(table, error))?;
    let filled = table.filled(table.sample.values.view());
    let standard = (filled - &pca.mean) / &pca.scale;
    let map_rows = Rng::new(options.seed).sample(standard.nrows(), options.map_rows);
    let mut context = Context {
        table,
        options,
        watch,
        pca,
        standard,
        map_rows,
        summary: Map::new(),
    };
    let mut sections = Vec::new();
    type Part = fn(&mut Context<'_>) -> Result<Option<Section>, ReportError>;
    let parts: [(&str, Part); 12] = [
        ("counting", overview::section),
        ("describing", statistics::section),
        ("comparing classes", classes::section),
        ("classes that come together", together::section),
        ("one recording of each class", examples::section),
        ("correlating", correlation::section),
        ("principal components", components::section),
        ("maps: t-SNE and UMAP", maps::section),
        ("clustering", clusters::section),
        ("outliers", outliers::section),
        ("pairs of features", bivariate::section),
        ("distributions", distributions::section),
    ];
    for (step, part) in parts {
        if watch.stopped() {
            return Err(ReportError::Interrupted);
        }
        on_step(step);
        sections.extend(part(&mut context)?);
    }
    let file = std::path::Path::new(&table.name).file_name();
    let file = file.map_or_else(|| table.name.clone(), |name| name.to_string_lossy().into_owned());
    Ok(Report {
        title: format!("Exploration of {file}"),
        sections,
        summary: Value::Object(context.summary),
    })
}

fn fault(table: &Table, error: crate::Error) -> ReportError {
    match error {
        crate::Error::Interrupted => ReportError::Interrupted,
        error => ReportError::Rows {
            table: table.name.clone(),
            message: error.to_string(),
        },
    }
}

impl<'a> Context<'a> {
    fn fault(&self, error: crate::Error) -> ReportError {
        fault(self.table, error)
    }

    /// Keeps a figure for programs.
    fn keep(&mut self, name: &str, value: impl Into<Value>) {
        self.summary.insert(name.to_owned(), value.into());
    }

    /// The names of the classes; none for a table without.
    fn class_names(&self) -> &'a [String] {
        self.table.classes.as_ref().map_or(&[], |classes| &classes.names)
    }

    /// The classes of the sample's rows, for drawing.
    fn classes(&self) -> Classes<'a> {
        Classes {
            names: self.class_names(),
            of: &self.table.sample.of,
        }
    }

    /// The rows of a map, standardised.
    fn map_standard(&self) -> Array2<f64> {
        self.standard.select(Axis(0), &self.map_rows)
    }

    /// The classes of a map's rows; empty for a table without.
    fn map_classes(&self) -> Vec<usize> {
        let of = &self.table.sample.of;
        self.map_rows
            .iter()
            .filter_map(|&row| of.get(row).copied())
            .collect()
    }

    /// The names of a map's rows.
    fn map_names(&self) -> Vec<String> {
        self.map_rows
            .iter()
            .map(|&row| self.table.sample.names[row].clone())
            .collect()
    }

    /// Says that a part was told from the sample, where that is not the whole table.
    fn sample_note(&self) -> Vec<String> {
        let sample = &self.table.sample;
        if sample.whole {
            return Vec::new();
        }
        vec![format!(
            "Sampled: told from {} rows, drawn by chance (seed {}) from {}.",
            sample.names.len(),
            self.options.seed,
            self.table.rows
        )]
    }

    /// Says that a part was told from the rows of a map.
    fn map_note(&self) -> Vec<String> {
        if self.map_rows.len() as u64 == self.table.rows {
            return Vec::new();
        }
        vec![format!(
            "Sampled: told from {} rows, drawn by chance (seed {}) from {}, because the work grows with the square of the rows.",
            self.map_rows.len(),
            self.options.seed,
            self.table.rows
        )]
    }
}

/// A foreign name as a part of a file's name.
fn stem(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '_' {
                c
            } else {
                '-'
            }
        })
        .take(60)
        .collect()
}

/// `1 row`, `2 rows`.
fn count(number: u64, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

/// The numbers of a list, for programs.
fn numbers(values: impl IntoIterator<Item = f64>) -> Value {
    values.into_iter().map(|value| json!(value)).collect()
}
