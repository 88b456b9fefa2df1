//! What a report needs of a table, gathered in passes over its rows: never more of them in memory than the sample.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use melisma_dataset::{Batch, Metadata, TableReader};
use ndarray::{Array2, ArrayView2, Axis, Slice};

use super::{OnStep, ReportError, ReportOptions};
use crate::Watch;
use crate::classes::co_occurrence;
use crate::moments::{Covariance, Moments, Summary};
use crate::outliers::Detector;
use crate::sample::Reservoir;

/// Classes beyond this are no classes but names or numbers.
const MOST_CLASSES: usize = 500;

/// A column with a larger share of missing values is left out of what needs all columns.
const MOST_MISSING: f64 = 0.5;

/// Rows between two signs of life.
const TELL_EVERY: u64 = 100_000;

/// The share of the variance that the components in which outliers are measured explain.
const EXPLAINED: f64 = 0.9;

/// The features that are named for an outlier.
const UNUSUAL: usize = 4;

/// A table, as far as it is held.
#[derive(Debug)]
pub struct Table {
    /// What stands for it in errors: its path.
    pub name: String,
    /// What its maker wrote about it.
    pub metadata: Metadata,
    /// Its columns of numbers.
    pub columns: Vec<String>,
    /// Its columns of text, which are not looked at.
    pub text_columns: Vec<String>,
    /// How many rows it has.
    pub rows: u64,
    /// One summary per column, of all rows.
    pub summaries: Vec<Summary>,
    /// Its classes, if it has any.
    pub classes: Option<Classes>,
    /// How often the listed classes come together, if rows list several.
    pub together: Option<Together>,
    /// Rows at hand: all of them, or a sample.
    pub sample: Sample,
    /// The columns that take part in what needs every value: neither constant nor mostly missing.
    pub used: Vec<usize>,
    /// Means and covariances of the used columns over all rows, gaps filled with the column's mean.
    pub covariance: Covariance,
    /// The rows of all that are farthest from the others, the farthest first.
    pub outliers: Vec<Outlying>,
}

/// A row far from the others.
#[derive(Debug)]
pub struct Outlying {
    /// Its name.
    pub name: String,
    /// Its class, where it has one.
    pub class: Option<String>,
    /// Its Mahalanobis distance in the space of the leading components.
    pub distance: f64,
    /// Its features farthest from the median, with their robust z-scores; features by their place among the used columns.
    pub features: Vec<(usize, f64)>,
}

/// The classes of a table, over all its rows.
#[derive(Debug)]
pub struct Classes {
    /// The names, in alphabetical order.
    pub names: Vec<String>,
    /// How many rows each has.
    pub counts: Vec<u64>,
    /// For each class, one summary per column.
    pub summaries: Vec<Vec<Summary>>,
}

/// Classes that rows list, and how often two of them come together, over all rows.
#[derive(Debug)]
pub struct Together {
    /// The names, in the order in which they came.
    pub names: Vec<String>,
    /// Shape (names, names); the diagonal counts the rows that list a class.
    pub counts: Array2<u64>,
}

/// Rows at hand.
#[derive(Debug)]
pub struct Sample {
    /// Whether these are all rows of the table.
    pub whole: bool,
    /// Their names.
    pub names: Vec<String>,
    /// The class of each, by position; empty in a table without classes.
    pub of: Vec<usize>,
    /// Shape (rows, columns); NaN where a value is missing.
    pub values: Array2<f64>,
}

impl Table {
    /// The used columns of some rows, gaps filled with the column's mean, shape (rows, used columns).
    pub fn filled(&self, rows: ArrayView2<f64>) -> Array2<f64> {
        fill(rows, &self.used, &self.summaries)
    }

    /// The names of the used columns.
    pub fn used_names(&self) -> Vec<String> {
        self.used.iter().map(|&c| self.columns[c].clone()).collect()
    }
}

fn fill(rows: ArrayView2<f64>, used: &[usize], summaries: &[Summary]) -> Array2<f64> {
    Array2::from_shape_fn((rows.nrows(), used.len()), |(row, place)| {
        let value = rows[[row, used[place]]];
        if value.is_nan() {
            summaries[used[place]].mean
        } else {
            value
        }
    })
}

/// Passes over the table: one where the sample holds all of it, three otherwise.
pub(super) fn gather(
    path: &Path,
    options: &ReportOptions,
    watch: Watch,
    on_step: OnStep<'_>,
) -> Result<Table, ReportError> {
    on_step("reading");
    let mut reader = TableReader::open(path, &options.read)?;
    let labelled = reader.has_labels() && !options.unlabelled;
    let reservoir = Reservoir::new(options.sample, 0, options.seed).map_err(|error| ReportError::Rows {
        table: reader.name().to_owned(),
        message: error.to_string(),
    })?;
    let mut first = FirstPass::new(reader.columns().len(), labelled, reservoir);
    while let Some(batch) = reader.next_batch()? {
        stop(watch)?;
        first.take(&batch, reader.name(), options)?;
        if first.rows / TELL_EVERY > batch.first / TELL_EVERY {
            on_step(&format!("reading: {} rows", first.rows));
        }
    }
    let mut table = first.finish(&reader, options)?;
    on_step("covariances");
    table.covary(path, options, watch)?;
    on_step("measuring distances");
    table.find_outliers(path, options, watch)?;
    Ok(table)
}

fn stop(watch: Watch) -> Result<(), ReportError> {
    watch.check().map_err(|_| ReportError::Interrupted)
}

fn view<'a>(batch: &'a Batch, columns: usize) -> ArrayView2<'a, f64> {
    ArrayView2::from_shape((batch.len(), columns), &batch.values)
        .expect("a batch has a value for every column")
}

/// What is gathered while the rows are seen for the first time.
struct FirstPass {
    rows: u64,
    moments: Moments,
    codes: Option<HashMap<String, usize>>,
    counts: Vec<u64>,
    class_moments: Vec<Moments>,
    listed: HashMap<String, usize>,
    together: Option<Array2<u64>>,
    /// Name and values of the rows that chance has kept so far.
    reservoir: Reservoir<(String, Vec<f64>)>,
}

impl FirstPass {
    fn new(columns: usize, labelled: bool, reservoir: Reservoir<(String, Vec<f64>)>) -> Self {
        FirstPass {
            rows: 0,
            moments: Moments::new(columns),
            codes: labelled.then(HashMap::new),
            counts: Vec::new(),
            class_moments: Vec::new(),
            listed: HashMap::new(),
            together: None,
            reservoir,
        }
    }

    fn take(&mut self, batch: &Batch, table: &str, options: &ReportOptions) -> Result<(), ReportError> {
        let columns = batch.values.len() / batch.len();
        let rows = view(batch, columns);
        let faulty = |error: crate::Error| ReportError::Rows {
            table: table.to_owned(),
            message: error.to_string(),
        };
        self.moments.add(rows).map_err(faulty)?;
        let codes = self.classify(batch, columns, table, options)?;
        self.count_lists(batch, table, options)?;
        for (code, members) in members(&codes) {
            let of_class = rows.select(Axis(0), &members);
            self.class_moments[code].add(of_class.view()).map_err(faulty)?;
        }
        for row in 0..batch.len() {
            let values = &batch.values[row * columns..(row + 1) * columns];
            let keep = || (batch.names[row].clone(), values.to_vec());
            self.reservoir.offer(codes.get(row).copied(), keep);
        }
        self.rows += batch.len() as u64;
        Ok(())
    }

    /// The classes of a batch's rows by number; none for a table without classes.
    fn classify(
        &mut self,
        batch: &Batch,
        columns: usize,
        table: &str,
        options: &ReportOptions,
    ) -> Result<Vec<usize>, ReportError> {
        let (Some(codes), Some(labels)) = (&mut self.codes, &batch.labels) else {
            return Ok(Vec::new());
        };
        let mut of = Vec::with_capacity(labels.len());
        for label in labels {
            let label = label.trim();
            let code = match codes.get(label) {
                Some(&code) => code,
                None => {
                    let code = codes.len();
                    codes.insert(label.to_owned(), code);
                    self.counts.push(0);
                    self.class_moments.push(Moments::new(columns));
                    code
                }
            };
            if codes.len() > MOST_CLASSES {
                return Err(ReportError::Rows {
                    table: table.to_owned(),
                    message: format!(
                        "column `{}` has more than {MOST_CLASSES} different values, which are no classes (name another with --label, or give --unlabelled)",
                        options.read.label
                    ),
                });
            }
            self.counts[code] += 1;
            of.push(code);
        }
        Ok(of)
    }

    /// Counts which listed classes come together.
    fn count_lists(
        &mut self,
        batch: &Batch,
        table: &str,
        options: &ReportOptions,
    ) -> Result<(), ReportError> {
        let Some(lists) = &batch.lists else {
            return Ok(());
        };
        let mut sets: Vec<Vec<usize>> = Vec::with_capacity(lists.len());
        for list in lists {
            let mut set = Vec::with_capacity(list.len());
            for class in list {
                let next = self.listed.len();
                set.push(*self.listed.entry(class.clone()).or_insert(next));
            }
            sets.push(set);
        }
        let fault = |message: String| ReportError::Rows {
            table: table.to_owned(),
            message,
        };
        if self.listed.len() > MOST_CLASSES {
            return Err(fault(format!(
                "column `{}` lists more than {MOST_CLASSES} different classes",
                options.read.lists.as_deref().unwrap_or_default()
            )));
        }
        let counts = co_occurrence(&sets, MOST_CLASSES).map_err(|error| fault(error.to_string()))?;
        match &mut self.together {
            Some(together) => *together += &counts,
            none => *none = Some(counts),
        }
        Ok(())
    }

    /// The counts of the classes that were listed.
    fn listed_together(&mut self) -> Option<Together> {
        let counts = self.together.take()?;
        let mut names = vec![String::new(); self.listed.len()];
        for (name, place) in self.listed.drain() {
            names[place] = name;
        }
        let counts = counts.slice_axis(Axis(0), Slice::from(..names.len()));
        let counts = counts.slice_axis(Axis(1), Slice::from(..names.len())).to_owned();
        (!names.is_empty()).then_some(Together { names, counts })
    }

    fn finish(mut self, reader: &TableReader, options: &ReportOptions) -> Result<Table, ReportError> {
        let fault = |message: String| ReportError::Rows {
            table: reader.name().to_owned(),
            message,
        };
        if self.rows < 3 {
            return Err(fault(format!("{} rows, where at least 3 are needed", self.rows)));
        }
        let columns = reader.columns().to_vec();
        let summaries = self.moments.summaries();
        let together = self.listed_together();
        let drawn = self.reservoir.finish();
        let mut of: Vec<usize> = drawn.iter().filter_map(|drawn| drawn.class).collect();
        let classes = match self.codes {
            None => None,
            Some(codes) if codes.len() < 2 => {
                let only = codes.into_keys().next().unwrap_or_default();
                return Err(fault(format!(
                    "lines 2 to {}, column `{}`: all rows are of one class, `{only}` (give --unlabelled to explore them without)",
                    self.rows + 1,
                    options.read.label
                )));
            }
            Some(codes) => {
                // Numbers were given in the order of the file; names are shown in alphabetical order.
                let ordered: BTreeMap<String, usize> = codes.into_iter().collect();
                let mut place = vec![0; ordered.len()];
                for (new, &old) in ordered.values().enumerate() {
                    place[old] = new;
                }
                of.iter_mut().for_each(|code| *code = place[*code]);
                Some(Classes {
                    counts: ordered.values().map(|&old| self.counts[old]).collect(),
                    summaries: ordered
                        .values()
                        .map(|&old| self.class_moments[old].summaries())
                        .collect(),
                    names: ordered.into_keys().collect(),
                })
            }
        };
        let used: Vec<usize> = (0..columns.len())
            .filter(|&column| {
                let summary = &summaries[column];
                summary.min < summary.max && summary.missing as f64 <= MOST_MISSING * self.rows as f64
            })
            .collect();
        if used.is_empty() {
            return Err(fault("every column is constant or mostly missing".to_owned()));
        }
        let (names, values): (Vec<String>, Vec<Vec<f64>>) = drawn.into_iter().map(|drawn| drawn.row).unzip();
        let values = Array2::from_shape_vec((names.len(), columns.len()), values.concat())
            .expect("every row held has a value for every column");
        Ok(Table {
            name: reader.name().to_owned(),
            metadata: reader.metadata().clone(),
            text_columns: reader.text_columns().to_vec(),
            rows: self.rows,
            covariance: Covariance::new(used.len()),
            outliers: Vec::new(),
            summaries,
            classes,
            together,
            sample: Sample {
                whole: names.len() as u64 == self.rows,
                names,
                of,
                values,
            },
            columns,
            used,
        })
    }
}

/// The rows of each class that occurs.
fn members(codes: &[usize]) -> BTreeMap<usize, Vec<usize>> {
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (row, &code) in codes.iter().enumerate() {
        members.entry(code).or_default().push(row);
    }
    members
}

/// Some rows of the table, seen again.
struct Rows<'a> {
    names: &'a [String],
    labels: Option<&'a [String]>,
    values: ArrayView2<'a, f64>,
}

impl Table {
    /// Hands all rows to `f` once more: from memory where they are at hand, else from the file.
    fn again(
        &self,
        path: &Path,
        options: &ReportOptions,
        watch: Watch,
        mut f: impl FnMut(Rows<'_>) -> crate::Result<()>,
    ) -> Result<(), ReportError> {
        let faulty = |error: crate::Error| match error {
            crate::Error::Interrupted => ReportError::Interrupted,
            error => ReportError::Rows {
                table: self.name.clone(),
                message: error.to_string(),
            },
        };
        if self.sample.whole {
            let rows = Rows {
                names: &self.sample.names,
                labels: None,
                values: self.sample.values.view(),
            };
            return f(rows).map_err(faulty);
        }
        let mut reader = TableReader::open(path, &options.read)?;
        let mut rows = 0;
        while let Some(batch) = reader.next_batch()? {
            stop(watch)?;
            rows += batch.len() as u64;
            let rows = Rows {
                names: &batch.names,
                labels: batch.labels.as_deref(),
                values: view(&batch, self.columns.len()),
            };
            f(rows).map_err(faulty)?;
        }
        if rows == self.rows {
            Ok(())
        } else {
            Err(ReportError::Rows {
                table: self.name.clone(),
                message: format!(
                    "the file changed while it was read: {} rows, then {rows}",
                    self.rows
                ),
            })
        }
    }

    fn covary(&mut self, path: &Path, options: &ReportOptions, watch: Watch) -> Result<(), ReportError> {
        let mut covariance = Covariance::new(self.used.len());
        self.again(path, options, watch, |rows| {
            covariance.add(self.filled(rows.values).view(), options.threads)
        })?;
        self.covariance = covariance;
        Ok(())
    }

    /// Measures every row, and keeps the farthest.
    fn find_outliers(
        &mut self,
        path: &Path,
        options: &ReportOptions,
        watch: Watch,
    ) -> Result<(), ReportError> {
        let detector = Detector::new(
            &self.covariance,
            self.filled(self.sample.values.view()).view(),
            EXPLAINED,
        );
        let detector = detector.map_err(|error| ReportError::Rows {
            table: self.name.clone(),
            message: error.to_string(),
        })?;
        let mut farthest: Vec<Outlying> = Vec::new();
        let mut first = 0;
        self.again(path, options, watch, |rows| {
            let filled = self.filled(rows.values);
            for (row, distance) in detector.distances(filled.view())?.into_iter().enumerate() {
                let full = farthest.len() >= options.outliers;
                if full && farthest.last().is_none_or(|last| distance <= last.distance) {
                    continue;
                }
                let outlying = Outlying {
                    name: rows.names[row].clone(),
                    class: self.class_of(first + row, rows.labels.map(|labels| labels[row].as_str())),
                    distance,
                    features: detector.unusual(filled.row(row), UNUSUAL),
                };
                let place = farthest.partition_point(|other| other.distance >= distance);
                farthest.insert(place, outlying);
                farthest.truncate(options.outliers);
            }
            first += filled.nrows();
            Ok(())
        })?;
        self.outliers = farthest;
        Ok(())
    }

    fn class_of(&self, row: usize, label: Option<&str>) -> Option<String> {
        let classes = self.classes.as_ref()?;
        let at_hand = || self.sample.of.get(row).map(|&class| classes.names[class].clone());
        label.map(|label| label.trim().to_owned()).or_else(at_hand)
    }
}
