//! Named columns of numbers with one row per clip or window, read from CSV and Parquet.
//!
//! [`Table`] holds all rows; [`TableReader`] hands them out in batches, for tables that memory cannot hold.

mod csv_source;
mod fma_source;
mod metadata;
mod parquet_source;
mod reader;

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use melisma_features::Schema;

pub use metadata::Metadata;
pub(crate) use parquet_source::ParquetTexts;
pub use reader::{Batch, ReadOptions, TableReader};

use crate::{Error, Result};

/// The column that names a row's file.
const FILENAME: &str = "filename";
/// The column with the number of samples a row summarises.
const LENGTH: &str = "length";
/// The column with a row's class.
const LABEL: &str = "label";

/// A feature table: one row per clip or window, one column per feature.
///
/// In a file the columns `filename` (required), `length` and `label` (optional) stand anywhere among
/// the feature columns; all other columns hold finite numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// The names of the feature columns, all different.
    pub columns: Vec<String>,
    /// The features, row after row: `columns.len()` values for each row.
    pub values: Vec<f64>,
    /// The file (or window of a file) each row describes.
    pub filenames: Vec<String>,
    /// The number of samples each row summarises.
    pub lengths: Option<Vec<u64>>,
    /// The class of each row, as it was written.
    pub labels: Option<Vec<String>>,
}

impl Table {
    /// Reads a CSV file.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read; [`Error::Table`], naming line and column, for a missing
    /// or repeated column, a row with too few or too many fields, a field that is no finite number, or a
    /// table without rows.
    pub fn read_csv(path: &Path) -> Result<Table> {
        let file = File::open(path).map_err(Error::io(path))?;
        Table::from_csv(file, &path.display().to_string())
    }

    /// Reads CSV from `input`; `name` stands for it in errors.
    ///
    /// # Errors
    /// As [`Table::read_csv`].
    pub fn from_csv(input: impl Read + 'static, name: &str) -> Result<Table> {
        Table::collect(TableReader::from_csv(input, name, &ReadOptions::default())?)
    }

    /// Reads a whole CSV or Parquet file, by its ending.
    ///
    /// # Errors
    /// As [`TableReader::open`] and [`TableReader::next_batch`].
    pub fn read(path: &Path, options: &ReadOptions) -> Result<Table> {
        Table::collect(TableReader::open(path, options)?)
    }

    fn collect(mut reader: TableReader) -> Result<Table> {
        let mut table = Table {
            columns: reader.columns().to_vec(),
            values: Vec::new(),
            filenames: Vec::new(),
            lengths: None,
            labels: None,
        };
        while let Some(batch) = reader.next_batch()? {
            table.values.extend(batch.values);
            table.filenames.extend(batch.names);
            if let Some(lengths) = batch.lengths {
                table.lengths.get_or_insert_default().extend(lengths);
            }
            if let Some(labels) = batch.labels {
                table.labels.get_or_insert_default().extend(labels);
            }
        }
        Ok(table)
    }

    /// Writes CSV: `filename`, `length` if known, the features, `label` if known.
    ///
    /// Numbers are written in the shortest form that reads back the same.
    ///
    /// # Errors
    /// [`Error::Io`] (with an empty path) when `output` cannot be written to.
    pub fn to_csv(&self, output: impl Write) -> Result<()> {
        self.write_records(output)
            .map_err(|error| Error::io(Path::new(""))(error.into()))
    }

    fn write_records(&self, output: impl Write) -> std::result::Result<(), csv::Error> {
        let mut writer = csv::Writer::from_writer(output);
        let mut record = vec![FILENAME.to_owned()];
        record.extend(self.lengths.as_ref().map(|_| LENGTH.to_owned()));
        record.extend(self.columns.iter().cloned());
        record.extend(self.labels.as_ref().map(|_| LABEL.to_owned()));
        writer.write_record(&record)?;
        for row in 0..self.len() {
            record.clear();
            record.push(self.filenames[row].clone());
            record.extend(self.lengths.as_ref().map(|lengths| lengths[row].to_string()));
            record.extend(self.row(row).iter().map(f64::to_string));
            record.extend(self.labels.as_ref().map(|labels| labels[row].clone()));
            writer.write_record(&record)?;
        }
        writer.flush()?;
        Ok(())
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.filenames.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.filenames.is_empty()
    }

    /// The features of a row.
    ///
    /// # Panics
    /// If `row` is out of range.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.columns.len()..(row + 1) * self.columns.len()]
    }

    /// The same rows with the columns of `schema`, in its order.
    ///
    /// # Errors
    /// [`Error::Table`] naming the first column that is missing.
    pub fn select_schema(&self, schema: Schema) -> Result<Table> {
        self.select_columns(&schema.names())
    }

    /// The same rows with these columns, in this order.
    ///
    /// # Errors
    /// [`Error::Table`] naming the first column that is missing.
    pub fn select_columns(&self, names: &[String]) -> Result<Table> {
        let position: HashMap<&str, usize> = self
            .columns
            .iter()
            .enumerate()
            .map(|(index, column)| (column.as_str(), index))
            .collect();
        let picked = names
            .iter()
            .map(|name| {
                position.get(name.as_str()).copied().ok_or_else(|| Error::Table {
                    table: "table".to_owned(),
                    line: None,
                    column: Some(name.clone()),
                    message: "no such column".to_owned(),
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let values = (0..self.len())
            .flat_map(|row| picked.iter().map(move |&column| self.row(row)[column]))
            .collect();
        Ok(Table {
            columns: names.to_vec(),
            values,
            ..self.without_values()
        })
    }

    /// The given rows, in the given order.
    ///
    /// # Panics
    /// If a row is out of range.
    pub fn select_rows(&self, rows: &[usize]) -> Table {
        Table {
            columns: self.columns.clone(),
            values: rows.iter().flat_map(|&row| self.row(row)).copied().collect(),
            filenames: rows.iter().map(|&row| self.filenames[row].clone()).collect(),
            lengths: self
                .lengths
                .as_ref()
                .map(|all| rows.iter().map(|&row| all[row]).collect()),
            labels: self
                .labels
                .as_ref()
                .map(|all| rows.iter().map(|&row| all[row].clone()).collect()),
        }
    }

    fn without_values(&self) -> Table {
        Table {
            columns: Vec::new(),
            values: Vec::new(),
            filenames: self.filenames.clone(),
            lengths: self.lengths.clone(),
            labels: self.labels.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Table> {
        Table::from_csv(std::io::Cursor::new(text.to_owned()), "t.csv")
    }

    #[test]
    fn columns_are_found_by_name_wherever_they_stand() {
        let table = read("b,filename,a,label\n1,x.wav,2,jazz\n3,y.wav,4,rock\n").unwrap();
        assert_eq!(table.columns, ["b", "a"]);
        assert_eq!(table.filenames, ["x.wav", "y.wav"]);
        assert_eq!(
            table.labels.as_deref(),
            Some(&["jazz".to_owned(), "rock".to_owned()][..])
        );
        assert_eq!(table.lengths, None);
        let turned = table.select_columns(&["a".to_owned(), "b".to_owned()]).unwrap();
        assert_eq!(turned.row(1), [4.0, 3.0]);
        assert!(
            table
                .select_columns(&["c".to_owned()])
                .unwrap_err()
                .to_string()
                .contains("`c`")
        );
    }

    #[test]
    fn faults_are_named() {
        for (text, said) in [
            ("", "no column `filename`"),
            ("filename,a\n", "no rows"),
            ("a,b\n1,2\n", "no column `filename`"),
            ("filename,length\nx,3\n", "no feature columns"),
            ("filename,a,a\nx,1,2\n", "column `a`: the name occurs twice"),
            (
                "filename,a\nx,1\ny,2,3\n",
                "line 3: 3 fields where the header has 2",
            ),
            ("filename,a\nx\n", "line 2: 1 fields where the header has 2"),
            (
                "filename,a\nx,loud\n",
                "line 2, column `a`: `loud` is not a number",
            ),
            ("filename,a\nx,\n", "line 2, column `a`: `` is not a number"),
            ("filename,a\nx,NaN\n", "line 2, column `a`: `NaN` is not finite"),
            (
                "filename,a\nx,1\ny,-inf\n",
                "line 3, column `a`: `-inf` is not finite",
            ),
            (
                "filename,length,a\nx,1.5,2\n",
                "column `length`: `1.5` is not a whole number",
            ),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(
                error.starts_with("t.csv") && error.contains(said),
                "{text:?}: {error}"
            );
        }
        let error = Table::from_csv(&b"filename,a\nx\xff,1\n"[..], "t.csv")
            .unwrap_err()
            .to_string();
        assert!(error.contains("not UTF-8"), "{error}");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            rows in prop::collection::vec((any::<f64>(), any::<f64>(), "\\PC{0,12}"), 1..20)
        ) {
            let finite = |v: f64| if v.is_finite() { v } else { 0.0 };
            let table = Table {
                columns: vec!["a".into(), "b, \"c\"".into()],
                values: rows.iter().flat_map(|(a, b, _)| [finite(*a), finite(*b)]).collect(),
                filenames: rows.iter().map(|(_, _, name)| name.clone()).collect(),
                lengths: Some((0..rows.len() as u64).collect()),
                labels: Some(rows.iter().map(|(_, _, name)| name.clone()).collect()),
            };
            let mut text = Vec::new();
            table.to_csv(&mut text).unwrap();
            prop_assert_eq!(Table::from_csv(std::io::Cursor::new(text), "t").unwrap(), table);
        }

        #[test]
        fn no_text_makes_it_panic(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Table::from_csv(std::io::Cursor::new(text), "t");
        }
    }
}
