//! CSV as cells: a fault of form (ragged rows, endless lines, no UTF-8) is an error with its line.

use std::io::{self, Read};

use super::reader::{BATCH, Cell, Cells, Texts};
use crate::{Error, Result};

/// The most bytes a row may take: more means a quote that is never closed, or no table at all.
const MAX_ROW: usize = 4 << 20;

/// Cells a batch may hold, so that very wide tables are read in smaller batches.
const MAX_CELLS: usize = 1 << 20;

/// Rows of a CSV text.
pub(super) struct CsvSource {
    reader: csv::Reader<RowLimit<Box<dyn Read>>>,
    header: Vec<String>,
    name: String,
    record: csv::StringRecord,
}

impl CsvSource {
    pub(super) fn new(input: Box<dyn Read>, name: &str) -> Result<CsvSource> {
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::Headers)
            .from_reader(RowLimit::new(input));
        let header = reader
            .headers()
            .map_err(|error| csv_error(name, error))?
            .iter()
            .map(str::to_owned)
            .collect();
        Ok(CsvSource {
            reader,
            header,
            name: name.to_owned(),
            record: csv::StringRecord::new(),
        })
    }

    pub(super) fn header(&self) -> &[String] {
        &self.header
    }

    /// The next rows; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Cells>> {
        let wanted = BATCH.min(MAX_CELLS / self.header.len().max(1)).max(1);
        let mut columns: Vec<Texts> = self.header.iter().map(|_| Texts::default()).collect();
        let mut lines = Vec::new();
        while lines.len() < wanted
            && self
                .reader
                .read_record(&mut self.record)
                .map_err(|error| csv_error(&self.name, error))?
        {
            lines.push(self.record.position().map_or(0, csv::Position::line));
            for (column, field) in columns.iter_mut().zip(&self.record) {
                column.push(field);
            }
        }
        Ok((!lines.is_empty()).then(|| Cells {
            rows: lines.len(),
            columns: columns.into_iter().map(Cell::Text).collect(),
            lines,
        }))
    }
}

/// Passes bytes on until a row gets too long.
struct RowLimit<R> {
    inner: R,
    row: usize,
    quoted: bool,
}

impl<R> RowLimit<R> {
    fn new(inner: R) -> Self {
        RowLimit {
            inner,
            row: 0,
            quoted: false,
        }
    }
}

impl<R: Read> Read for RowLimit<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        for &byte in &buffer[..count] {
            self.quoted ^= byte == b'"';
            if byte == b'\n' && !self.quoted {
                self.row = 0;
            } else {
                self.row += 1;
            }
            if self.row > MAX_ROW {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("a row of more than {MAX_ROW} bytes (is a quote left open?)"),
                ));
            }
        }
        Ok(count)
    }
}

fn csv_error(name: &str, error: csv::Error) -> Error {
    let line = error.position().map(csv::Position::line);
    let table = |message| Error::Table {
        table: name.to_owned(),
        line,
        column: None,
        message,
    };
    match error.into_kind() {
        csv::ErrorKind::Io(source) if source.kind() == io::ErrorKind::InvalidData => {
            table(source.to_string())
        }
        csv::ErrorKind::Io(source) => Error::Io {
            path: name.into(),
            source,
        },
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => table(format!("{len} fields where the header has {expected_len}")),
        csv::ErrorKind::Utf8 { .. } => table("not UTF-8 text".to_owned()),
        kind => table(format!("{kind:?}")),
    }
}
