//! Reading tables in batches: CSV and Parquet behind one interface, in memory that does not grow with the table.
//!
//! What the columns mean is settled from the header and the first batch; every later fault names its line and
//! column. What to do with the rows is the caller's.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use super::csv_source::CsvSource;
use super::fma_source::FmaSource;
use super::parquet_source::ParquetSource;
use super::{FILENAME, LABEL, LENGTH, Metadata};
use crate::{Error, Result};

/// Rows in a batch, at most.
pub(super) const BATCH: usize = 2048;

/// What to make of a table's columns and of its gaps.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// The column that names the rows; rows of a table without it are called `row 1`, `row 2` and so on
    /// unless it is [required](ReadOptions::named).
    pub name: String,
    /// The column with the classes, where there is one.
    pub label: String,
    /// A column whose cells list several classes, apart by `|` or `;`; it is no column of numbers.
    pub lists: Option<String>,
    /// Columns to leave out.
    pub skip: Vec<String>,
    /// Whether the name column must be there.
    pub named: bool,
    /// Whether two rows may have one name.
    pub repeated_names: bool,
    /// Whether a number may be missing (empty, `NaN`, `NA`, `null`, or null in Parquet); it is then read as NaN.
    pub missing: bool,
    /// Whether columns of text are passed over; otherwise a text where a number should be is always an error.
    pub text: bool,
}

impl Default for ReadOptions {
    /// A complete table: `filename` required, every other column but `length` and `label` finite numbers.
    fn default() -> Self {
        ReadOptions {
            name: FILENAME.to_owned(),
            label: LABEL.to_owned(),
            lists: None,
            skip: Vec::new(),
            named: true,
            repeated_names: true,
            missing: false,
            text: false,
        }
    }
}

impl ReadOptions {
    /// A table to look at: names optional but different, gaps and columns of text allowed.
    pub fn lenient() -> Self {
        ReadOptions {
            named: false,
            repeated_names: false,
            missing: true,
            text: true,
            ..Default::default()
        }
    }
}

/// Some rows of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The number of the first row, counted from 0.
    pub first: u64,
    /// The names of the rows.
    pub names: Vec<String>,
    /// The classes of the rows, if the table has a column for them.
    pub labels: Option<Vec<String>>,
    /// The classes listed for each row, if a column of lists was asked for and is there.
    pub lists: Option<Vec<Vec<String>>>,
    /// How many samples each row summarises, if the table says so.
    pub lengths: Option<Vec<u64>>,
    /// The numbers, row after row, one for each of [`TableReader::columns`]; NaN where one is missing.
    pub values: Vec<f64>,
}

impl Batch {
    /// The number of rows.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

/// A table that is read batch by batch.
pub struct TableReader {
    table: String,
    source: Source,
    layout: Layout,
    options: ReadOptions,
    metadata: Metadata,
    pending: Option<Cells>,
    seen: HashSet<u64>,
    rows: u64,
}

/// Where cells come from.
enum Source {
    Csv(Box<CsvSource>),
    Parquet(Box<ParquetSource>),
    Fma(Box<FmaSource>),
}

/// The cells of some rows, column after column, as the file has them.
pub(super) struct Cells {
    pub(super) rows: usize,
    pub(super) columns: Vec<Cell>,
    /// The line (CSV) or row (Parquet) of each row in the file, from 1.
    pub(super) lines: Vec<u64>,
}

/// A column of a batch.
pub(super) enum Cell {
    /// Text; empty where it is missing.
    Text(Texts),
    /// Numbers; NaN where one is missing.
    Number(Vec<f64>),
}

/// Texts one behind the other: a table has too many cells for a piece of memory each.
#[derive(Default)]
pub(super) struct Texts {
    all: String,
    ends: Vec<usize>,
}

impl Texts {
    pub(super) fn push(&mut self, text: &str) {
        self.all.push_str(text);
        self.ends.push(self.all.len());
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.all[start..end])
    }
}

/// Which column of the file holds what.
#[derive(Default)]
struct Layout {
    header: Vec<String>,
    name: Option<usize>,
    label: Option<usize>,
    lists: Option<usize>,
    length: Option<usize>,
    values: Vec<usize>,
    columns: Vec<String>,
    text: Vec<String>,
}

impl TableReader {
    /// Opens a CSV or Parquet file, by its ending, or the features of FMA, by its folder, and settles the columns.
    ///
    /// FMA's tracks without a top genre are passed over; `genres` lists all genres of a track.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read; [`Error::Table`] when it is malformed: a column without a name or
    /// named twice, no name column where one is required, no numbers, no rows, or a fault in the first batch.
    pub fn open(path: &Path, options: &ReadOptions) -> Result<TableReader> {
        let name = path.display().to_string();
        if path.is_dir()
            && let Some(fma) = FmaSource::open(path)?
        {
            return TableReader::of(Source::Fma(Box::new(fma)), Metadata::default(), name, options);
        }
        let parquet = path
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("parquet"));
        let (source, metadata) = if parquet {
            let source = ParquetSource::open(path, &|_| true)?;
            let metadata = source.metadata();
            (Source::Parquet(Box::new(source)), metadata)
        } else {
            let file = std::fs::File::open(path).map_err(Error::io(path))?;
            let metadata = Metadata::beside(path)?;
            (
                Source::Csv(Box::new(CsvSource::new(Box::new(file), &name)?)),
                metadata,
            )
        };
        TableReader::of(source, metadata, name, options)
    }

    /// Reads CSV from `input`; `name` stands for it in errors.
    ///
    /// # Errors
    /// As [`TableReader::open`].
    pub fn from_csv(
        input: impl std::io::Read + 'static,
        name: &str,
        options: &ReadOptions,
    ) -> Result<TableReader> {
        let source = Source::Csv(Box::new(CsvSource::new(Box::new(input), name)?));
        TableReader::of(source, Metadata::default(), name.to_owned(), options)
    }

    fn of(source: Source, metadata: Metadata, table: String, options: &ReadOptions) -> Result<TableReader> {
        let mut reader = TableReader {
            layout: Layout::default(),
            table,
            source,
            options: options.clone(),
            metadata,
            pending: None,
            seen: HashSet::new(),
            rows: 0,
        };
        let header = match &reader.source {
            Source::Csv(csv) => csv.header().to_vec(),
            Source::Parquet(parquet) => parquet.header().to_vec(),
            Source::Fma(fma) => fma.header().to_vec(),
        };
        reader.layout = reader.roles(header)?;
        let first = reader.cells()?;
        reader.settle(first.as_ref())?;
        if first.is_none() {
            return Err(reader.whole_table("no rows"));
        }
        reader.pending = first;
        Ok(reader)
    }

    /// The columns of numbers, in the order of the file.
    pub fn columns(&self) -> &[String] {
        &self.layout.columns
    }

    /// The columns of text that are passed over.
    pub fn text_columns(&self) -> &[String] {
        &self.layout.text
    }

    /// Whether the rows have classes.
    pub fn has_labels(&self) -> bool {
        self.layout.label.is_some()
    }

    /// What the table's maker wrote about it.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// What stands for the table in errors.
    pub fn name(&self) -> &str {
        &self.table
    }

    /// The next rows; none at the end.
    ///
    /// # Errors
    /// [`Error::Table`], naming line and column, for a cell that is not what its column holds, a missing label, a name
    /// that has occurred before where that is not allowed, or a row with too few or too many fields.
    pub fn next_batch(&mut self) -> Result<Option<Batch>> {
        let cells = match self.pending.take() {
            Some(cells) => Some(cells),
            None => self.cells()?,
        };
        cells.map(|cells| self.batch(cells)).transpose()
    }

    fn cells(&mut self) -> Result<Option<Cells>> {
        match &mut self.source {
            Source::Csv(csv) => csv.next(),
            Source::Parquet(parquet) => parquet.next(),
            Source::Fma(fma) => fma.next(),
        }
    }

    fn whole_table(&self, message: &str) -> Error {
        Error::table(&self.table, message)
    }

    fn fault(&self, line: u64, column: usize, message: String) -> Error {
        Error::Table {
            table: self.table.clone(),
            line: Some(line),
            column: Some(self.layout.header[column].clone()),
            message,
        }
    }

    /// Finds the name, label and length columns; everything else may hold numbers.
    fn roles(&self, header: Vec<String>) -> Result<Layout> {
        let mut seen = HashSet::new();
        for column in &header {
            if column.is_empty() {
                return Err(self.whole_table("a column has no name"));
            }
            if !seen.insert(column) {
                return Err(Error::Table {
                    table: self.table.clone(),
                    line: Some(1),
                    column: Some(column.clone()),
                    message: "the name occurs twice".to_owned(),
                });
            }
        }
        let place = |wanted: &str| header.iter().position(|column| column == wanted);
        let options = &self.options;
        let (name, label, length) = (place(&options.name), place(&options.label), place(LENGTH));
        let lists = options.lists.as_deref().and_then(place);
        for wanted in &options.skip {
            if place(wanted).is_none() {
                return Err(Error::Table {
                    table: self.table.clone(),
                    line: None,
                    column: Some(wanted.clone()),
                    message: "no such column".to_owned(),
                });
            }
        }
        if options.named && name.is_none() {
            return Err(self.whole_table(&format!("no column `{}`", options.name)));
        }
        let special = [name, label, length, lists];
        let values: Vec<usize> = (0..header.len())
            .filter(|&column| !special.contains(&Some(column)) && !options.skip.contains(&header[column]))
            .collect();
        if values.is_empty() {
            return Err(self.whole_table("no feature columns"));
        }
        Ok(Layout {
            columns: values.iter().map(|&column| header[column].clone()).collect(),
            header,
            name,
            label,
            lists,
            length,
            values,
            text: Vec::new(),
        })
    }

    /// Passes over the columns in which most of the first cells are no numbers, where that is allowed.
    fn settle(&mut self, first: Option<&Cells>) -> Result<()> {
        let (Some(cells), true) = (first, self.options.text) else {
            return Ok(());
        };
        let is_text = |cell: &Cell| match cell {
            Cell::Number(_) => false,
            Cell::Text(fields) => {
                let said: Vec<&str> = fields.iter().filter(|f| !is_missing(f)).collect();
                let numbers = said.iter().filter(|f| f.trim().parse::<f64>().is_ok()).count();
                2 * numbers < said.len()
            }
        };
        let layout = &mut self.layout;
        let (text, values): (Vec<usize>, Vec<usize>) = layout
            .values
            .iter()
            .partition(|&&column| is_text(&cells.columns[column]));
        layout.text = text.iter().map(|&c| layout.header[c].clone()).collect();
        layout.columns = values.iter().map(|&c| layout.header[c].clone()).collect();
        layout.values = values;
        if self.layout.values.is_empty() {
            return Err(self.whole_table("no feature columns: all hold text"));
        }
        Ok(())
    }

    fn batch(&mut self, cells: Cells) -> Result<Batch> {
        let first = self.rows;
        let names = match self.layout.name {
            Some(column) => self.texts(&cells, column, false)?,
            None => (0..cells.rows as u64)
                .map(|row| format!("row {}", first + row + 1))
                .collect(),
        };
        if let (Some(column), false) = (self.layout.name, self.options.repeated_names) {
            self.refuse_repeats(&names, &cells, column)?;
        }
        let labels = self
            .layout
            .label
            .map(|column| self.texts(&cells, column, self.options.text))
            .transpose()?;
        let lists = self
            .layout
            .lists
            .map(|column| self.texts(&cells, column, false))
            .transpose()?
            .map(|cells| cells.iter().map(|cell| listed(cell)).collect());
        let lengths = self
            .layout
            .length
            .map(|column| self.lengths(&cells, column))
            .transpose()?;
        let width = self.layout.values.len();
        let mut values = vec![f64::NAN; cells.rows * width];
        for (place, &column) in self.layout.values.iter().enumerate() {
            self.numbers(&cells, column, |row, value| values[row * width + place] = value)?;
        }
        self.rows += cells.rows as u64;
        Ok(Batch {
            first,
            names,
            labels,
            lists,
            lengths,
            values,
        })
    }

    /// The text of a column; where it is `required`, an empty cell is an error.
    fn texts(&self, cells: &Cells, column: usize, required: bool) -> Result<Vec<String>> {
        let fields: Vec<String> = match &cells.columns[column] {
            Cell::Text(fields) => fields.iter().map(str::to_owned).collect(),
            Cell::Number(values) => values
                .iter()
                .map(|v| if v.is_nan() { String::new() } else { v.to_string() })
                .collect(),
        };
        match fields.iter().position(|f| required && f.trim().is_empty()) {
            Some(row) => Err(self.fault(cells.lines[row], column, "missing".to_owned())),
            None => Ok(fields),
        }
    }

    fn refuse_repeats(&mut self, names: &[String], cells: &Cells, column: usize) -> Result<()> {
        for (row, name) in names.iter().enumerate() {
            // Sixty-four bits of a name are enough to know it by: a million names share none, but for one chance in 30 million.
            let mut hasher = DefaultHasher::new();
            name.hash(&mut hasher);
            if !self.seen.insert(hasher.finish()) {
                return Err(self.fault(
                    cells.lines[row],
                    column,
                    format!("`{name}` has occurred in an earlier row"),
                ));
            }
        }
        Ok(())
    }

    fn lengths(&self, cells: &Cells, column: usize) -> Result<Vec<u64>> {
        let fault = |row: usize, field: &dyn std::fmt::Display| {
            self.fault(
                cells.lines[row],
                column,
                format!("`{field}` is not a whole number"),
            )
        };
        match &cells.columns[column] {
            Cell::Text(fields) => fields
                .iter()
                .enumerate()
                .map(|(row, field)| field.trim().parse().map_err(|_| fault(row, &field)))
                .collect(),
            Cell::Number(values) => values
                .iter()
                .enumerate()
                .map(|(row, &value)| {
                    // The whole numbers that a double holds exactly.
                    let whole = value.fract() == 0.0 && (0.0..9.007_199_254_740_992e15).contains(&value);
                    if whole {
                        Ok(value as u64)
                    } else {
                        Err(fault(row, &value))
                    }
                })
                .collect(),
        }
    }

    /// Hands each number of a column to `put`.
    fn numbers(&self, cells: &Cells, column: usize, mut put: impl FnMut(usize, f64)) -> Result<()> {
        match &cells.columns[column] {
            Cell::Text(fields) => {
                for (row, field) in fields.iter().enumerate() {
                    let value = self
                        .number(field)
                        .map_err(|message| self.fault(cells.lines[row], column, message))?;
                    put(row, value);
                }
            }
            Cell::Number(values) => {
                for (row, &value) in values.iter().enumerate() {
                    if value.is_infinite() || value.is_nan() && !self.options.missing {
                        return Err(self.fault(cells.lines[row], column, format!("`{value}` is not finite")));
                    }
                    put(row, value);
                }
            }
        }
        Ok(())
    }

    fn number(&self, field: &str) -> std::result::Result<f64, String> {
        let trimmed = field.trim();
        if self.options.missing && is_missing(trimmed) {
            return Ok(f64::NAN);
        }
        match trimmed.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            Ok(_) => Err(format!("`{}` is not finite", shortened(field))),
            Err(_) => Err(format!("`{}` is not a number", shortened(field))),
        }
    }
}

/// The parts of a cell such as `rock|folk`, each once.
fn listed(cell: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for part in cell
        .split(['|', ';'])
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        if !parts.iter().any(|known| known == part) {
            parts.push(part.to_owned());
        }
    }
    parts
}

/// Whether a field says that there is no value.
fn is_missing(field: &str) -> bool {
    let field = field.trim();
    field.is_empty()
        || ["nan", "na", "n/a", "null", "none"]
            .iter()
            .any(|word| field.eq_ignore_ascii_case(word))
}

/// At most 60 characters of a foreign text, for a message.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn lenient(text: &str) -> Result<Vec<Batch>> {
        let mut reader =
            TableReader::from_csv(Cursor::new(text.to_owned()), "t.csv", &ReadOptions::lenient())?;
        let mut batches = Vec::new();
        while let Some(batch) = reader.next_batch()? {
            batches.push(batch);
        }
        Ok(batches)
    }

    #[test]
    fn gaps_and_columns_of_text_are_allowed_where_asked_for() {
        let text = "title,a,b,label\nBlue, 1 ,,jazz\nGreen,NaN,2,rock\n";
        let options = ReadOptions::lenient();
        let mut reader = TableReader::from_csv(Cursor::new(text), "t.csv", &options).unwrap();
        assert_eq!(reader.columns(), ["a", "b"]);
        assert_eq!(reader.text_columns(), ["title"]);
        let batch = reader.next_batch().unwrap().unwrap();
        assert_eq!(batch.names, ["row 1", "row 2"]);
        assert_eq!(
            batch.labels.as_deref(),
            Some(&["jazz".to_owned(), "rock".to_owned()][..])
        );
        assert_eq!((batch.values[0], batch.values[3]), (1.0, 2.0));
        assert!(batch.values[1].is_nan() && batch.values[2].is_nan());
        assert_eq!(reader.next_batch().unwrap(), None);
        assert!(TableReader::from_csv(Cursor::new(text), "t.csv", &ReadOptions::default()).is_err());
    }

    #[test]
    fn faults_name_line_and_column() {
        for (text, said) in [
            ("a,label\n1,x\n2,\n", "line 3, column `label`: missing"),
            (
                "filename,a\nx,1\ny,2\nx,3\n",
                "line 4, column `filename`: `x` has occurred in an earlier row",
            ),
            (
                "a,b\n1,2\n3,4\n5,loud\n",
                "line 4, column `b`: `loud` is not a number",
            ),
            ("a,b\n1,2\n3,inf\n", "line 3, column `b`: `inf` is not finite"),
            ("a,b\n1,2\n3\n", "line 3: 1 fields where the header has 2"),
            ("a,b\nx,y\n", "no feature columns: all hold text"),
            ("a,a\n1,2\n", "line 1, column `a`: the name occurs twice"),
            ("a,b\n", "no rows"),
        ] {
            let error = lenient(text).unwrap_err().to_string();
            assert!(
                error.starts_with("t.csv") && error.contains(said),
                "{text:?}: {error}"
            );
        }
    }

    #[test]
    fn a_fault_beyond_the_first_batch_is_found_in_its_place() {
        let mut text = String::from("filename,a\n");
        for row in 0..3 * BATCH {
            text.push_str(&format!("clip {row},{row}\n"));
        }
        let batches = lenient(&text).unwrap();
        assert_eq!(batches.iter().map(Batch::len).sum::<usize>(), 3 * BATCH);
        assert_eq!(batches[2].first, 2 * BATCH as u64);
        assert_eq!(batches[2].values[1], 2.0 * BATCH as f64 + 1.0);
        text.push_str("last,much\n");
        let error = lenient(&text).unwrap_err().to_string();
        assert!(
            error.contains(&format!("line {}, column `a`: `much`", 3 * BATCH + 2)),
            "{error}"
        );
    }

    #[test]
    fn a_row_without_end_is_refused() {
        let text = format!("filename,a\nx,\"{}", "1\n".repeat(3 << 20));
        let error = lenient(&text).unwrap_err().to_string();
        assert!(error.contains("is a quote left open?"), "{error}");
    }

    #[test]
    fn lists_of_classes_are_taken_apart() {
        let text = "genres,a\nrock| folk |rock,1\n,2\npop;jazz,3\n";
        let options = ReadOptions {
            lists: Some("genres".to_owned()),
            ..ReadOptions::lenient()
        };
        let mut reader = TableReader::from_csv(Cursor::new(text), "t.csv", &options).unwrap();
        assert_eq!(reader.columns(), ["a"]);
        let lists = reader.next_batch().unwrap().unwrap().lists.unwrap();
        assert_eq!(lists, [vec!["rock", "folk"], vec![], vec!["pop", "jazz"]]);
    }

    #[test]
    fn columns_can_be_left_out_and_named_otherwise() {
        let text = "track,genre,a,b\n1,jazz,2,3\n";
        let options = ReadOptions {
            name: "track".to_owned(),
            label: "genre".to_owned(),
            skip: vec!["a".to_owned()],
            ..ReadOptions::lenient()
        };
        let mut reader = TableReader::from_csv(Cursor::new(text), "t.csv", &options).unwrap();
        assert_eq!(reader.columns(), ["b"]);
        let batch = reader.next_batch().unwrap().unwrap();
        assert_eq!((batch.names[0].as_str(), batch.values[0]), ("1", 3.0));
        let options = ReadOptions {
            skip: vec!["c".to_owned()],
            ..options
        };
        assert!(TableReader::from_csv(Cursor::new(text), "t.csv", &options).is_err());
    }
}
