//! The report: one table, looked at from every side, as a page to read and figures to use elsewhere.
//!
//! ```text
//! table ── gather: passes over all rows ──► moments, classes, covariances, a sample ── sections ──► Report ── write ──► folder
//! ```
//!
//! What can be told from all rows in bounded memory is: moments, correlation, principal components, class
//! balance, missing values, outliers. What cannot (quartiles, maps, clusters, silhouettes, drawings of single rows) is told
//! from a sample, and the report says so in each place.

mod gather;
mod page;
mod sections;

use std::io;
use std::path::{Path, PathBuf};

use melisma_dataset::ReadOptions;
use melisma_plot::Figure;

use crate::Watch;
pub use gather::Table;

/// What to look at, and how closely.
#[derive(Debug, Clone)]
pub struct ReportOptions {
    /// How the table is read.
    pub read: ReadOptions,
    /// Whether the rows' classes are left aside.
    pub unlabelled: bool,
    /// Clusters for k-means; as many as there are classes (8 without classes) when not given.
    pub clusters: Option<usize>,
    /// Whether the correlation matrix is drawn in the order of a hierarchical clustering, not of the file.
    pub clustered_order: bool,
    /// The most rows that are held at once; a larger table is sampled down to this.
    pub sample: usize,
    /// The most rows for what grows with the square of the rows: maps, silhouettes.
    pub map_rows: usize,
    /// How many rows are named as outliers.
    pub outliers: usize,
    /// Recordings to show, each with its class; the first of each class that can be read is drawn.
    pub examples: Vec<(String, PathBuf)>,
    /// Draws samples and starts.
    pub seed: u64,
    /// Threads; the report does not depend on them.
    pub threads: usize,
}

impl Default for ReportOptions {
    /// A lenient reading, 20,000 rows at most in memory and 3,000 on maps, 30 outliers, seed 0, one thread.
    fn default() -> Self {
        ReportOptions {
            read: ReadOptions::lenient(),
            unlabelled: false,
            clusters: None,
            clustered_order: true,
            sample: 20_000,
            map_rows: 3_000,
            outliers: 30,
            examples: Vec::new(),
            seed: 0,
            threads: 1,
        }
    }
}

/// A report, not yet written.
#[derive(Debug)]
pub struct Report {
    /// Its title.
    pub title: String,
    /// Its parts, in order.
    pub sections: Vec<Section>,
    /// The figures a program would want: sizes, scores, what was sampled.
    pub summary: serde_json::Value,
}

/// A part of a report.
#[derive(Debug)]
pub struct Section {
    /// Its anchor on the page.
    pub id: &'static str,
    /// Its heading.
    pub title: String,
    /// Paragraphs.
    pub text: Vec<String>,
    /// What here was told from a sample, and how large a one.
    pub sampled: Vec<String>,
    /// Tables.
    pub tables: Vec<TableView>,
    /// Drawings.
    pub figures: Vec<Figure>,
}

/// A table to read.
#[derive(Debug)]
pub struct TableView {
    /// Stem of its file's name.
    pub id: String,
    /// Its heading.
    pub title: String,
    /// Names of its columns.
    pub header: Vec<String>,
    /// Its rows.
    pub rows: Vec<Vec<Cell>>,
}

/// A cell of a table to read.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Text.
    Text(String),
    /// A number.
    Number(f64),
}

impl Section {
    /// A part without content yet.
    pub fn new(id: &'static str, title: &str) -> Self {
        Section {
            id,
            title: title.to_owned(),
            text: Vec::new(),
            sampled: Vec::new(),
            tables: Vec::new(),
            figures: Vec::new(),
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Cell::Text(text.to_owned())
    }
}

impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        Cell::Number(value)
    }
}

/// Why there is no report.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReportError {
    /// The table cannot be read or is malformed.
    Table(melisma_dataset::Error),
    /// The table can be read, but not explored.
    Rows {
        /// The table.
        table: String,
        /// What stands against it.
        message: String,
    },
    /// A figure cannot be drawn.
    Figure(melisma_plot::Error),
    /// A file of the report cannot be written.
    Output {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// It was asked to stop.
    Interrupted,
}

impl std::fmt::Display for ReportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ReportError::Table(error) => error.fmt(f),
            ReportError::Rows { table, message } => write!(f, "{table}: {message}"),
            ReportError::Figure(error) => error.fmt(f),
            ReportError::Output { path, source } => {
                write!(f, "{}: cannot be written: {source}", path.display())
            }
            ReportError::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl std::error::Error for ReportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ReportError::Table(error) => Some(error),
            ReportError::Figure(error) => Some(error),
            ReportError::Output { source, .. } => Some(source),
            ReportError::Rows { .. } | ReportError::Interrupted => None,
        }
    }
}

impl From<melisma_dataset::Error> for ReportError {
    fn from(error: melisma_dataset::Error) -> Self {
        ReportError::Table(error)
    }
}

impl From<melisma_plot::Error> for ReportError {
    fn from(error: melisma_plot::Error) -> Self {
        ReportError::Figure(error)
    }
}

/// The steps of a report, for whoever shows progress: each is named as it begins.
pub type OnStep<'a> = &'a dyn Fn(&str);

/// Looks at the table in the file `path` from every side.
///
/// # Errors
/// [`ReportError::Table`] for a file that cannot be read or a malformed table, naming line and column; [`ReportError::Rows`] for one
/// with fewer than 3 rows, only one class, or more than 500; [`ReportError::Interrupted`].
pub fn explore(
    path: &Path,
    options: &ReportOptions,
    watch: Watch,
    on_step: OnStep<'_>,
) -> Result<Report, ReportError> {
    let table = gather::gather(path, options, watch, on_step)?;
    sections::report(&table, options, watch, on_step)
}

impl Report {
    /// Writes `index.html`, `summary.json`, `figures/` (each figure as SVG, PNG and CSV) and `tables/` into a folder, which is made
    /// if need be. Each file is written beside its place and renamed; `index.html` comes last. Returns the page's path.
    ///
    /// # Errors
    /// [`ReportError::Output`] naming the file, [`ReportError::Figure`], [`ReportError::Interrupted`].
    pub fn write(&self, folder: &Path, threads: usize, watch: Watch) -> Result<PathBuf, ReportError> {
        let (figures, tables) = (folder.join("figures"), folder.join("tables"));
        for path in [&figures, &tables] {
            std::fs::create_dir_all(path).map_err(|source| ReportError::Output {
                path: path.clone(),
                source,
            })?;
        }
        self.write_figures(&figures, threads, watch)?;
        for table in self.sections.iter().flat_map(|section| &section.tables) {
            put(&tables.join(format!("{}.csv", table.id)), &table.csv())?;
        }
        let mut summary = serde_json::to_vec_pretty(&self.summary).unwrap_or_default();
        summary.push(b'\n');
        put(&folder.join("summary.json"), &summary)?;
        let page = folder.join("index.html");
        put(&page, self.page().as_bytes())?;
        Ok(page)
    }

    /// The whole report as one HTML page.
    pub fn page(&self) -> String {
        page::page(self)
    }

    /// Pictures take longer than anything else here, and each is drawn for itself.
    fn write_figures(&self, folder: &Path, threads: usize, watch: Watch) -> Result<(), ReportError> {
        let figures: Vec<&Figure> = self
            .sections
            .iter()
            .flat_map(|section| &section.figures)
            .collect();
        let next = std::sync::atomic::AtomicUsize::new(0);
        let work = || -> Result<(), ReportError> {
            loop {
                let index = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let Some(figure) = figures.get(index) else {
                    return Ok(());
                };
                if watch.stopped() {
                    return Err(ReportError::Interrupted);
                }
                figure.write(folder)?;
            }
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
            workers.into_iter().try_for_each(|worker| {
                worker
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
        })
    }
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), ReportError> {
    Ok(melisma_plot::save(path, bytes)?)
}

impl TableView {
    /// The table as CSV, its numbers in full.
    pub fn csv(&self) -> Vec<u8> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let fields = |row: &Vec<Cell>| -> Vec<String> {
            row.iter()
                .map(|cell| match cell {
                    Cell::Text(text) => text.clone(),
                    Cell::Number(value) if value.is_nan() => String::new(),
                    Cell::Number(value) => value.to_string(),
                })
                .collect()
        };
        // Memory takes whatever is written to it.
        let _ = writer.write_record(&self.header);
        for row in &self.rows {
            let _ = writer.write_record(fields(row));
        }
        writer.into_inner().unwrap_or_default()
    }
}
