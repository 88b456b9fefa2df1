//! Parquet as cells, through Arrow.
//!
//! The file is a stranger's: the reader below is kept from taking the program down, and from chunks beyond all measure.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::Metadata;
use super::reader::{BATCH, Cell, Cells, Texts};
use crate::{Error, Result};

/// The most bytes one column of a row group may unpack to.
const MAX_CHUNK: i64 = 1 << 30;

/// Rows of a Parquet file.
pub(super) struct ParquetSource {
    reader: ParquetRecordBatchReader,
    header: Vec<String>,
    metadata: Metadata,
    name: String,
    row: u64,
}

impl ParquetSource {
    /// The columns of the file that are to be kept, in its order.
    pub(super) fn open(path: &Path, keep: &dyn Fn(&str) -> bool) -> Result<ParquetSource> {
        let name = path.display().to_string();
        let file = File::open(path).map_err(Error::io(path))?;
        let length = file.metadata().map_err(Error::io(path))?.len();
        let (reader, header, metadata) = guarded(&name, || {
            let found =
                ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(|e| e.to_string())?;
            let chunks = found
                .metadata()
                .row_groups()
                .iter()
                .flat_map(|group| group.columns());
            for chunk in chunks {
                if chunk.uncompressed_size() > MAX_CHUNK || chunk.compressed_size() as u64 > length {
                    return Err(format!(
                        "column `{}` claims {} bytes in one row group",
                        chunk.column_descr().name(),
                        chunk.uncompressed_size()
                    ));
                }
            }
            // Dictionaries and views are read as the plain types they stand for.
            let plain = Schema::new(
                found
                    .schema()
                    .fields()
                    .iter()
                    .map(|f| plain(f))
                    .collect::<Vec<_>>(),
            );
            let options = ArrowReaderOptions::new().with_schema(Arc::new(plain));
            let found =
                ArrowReaderMetadata::try_new(found.metadata().clone(), options).map_err(|e| e.to_string())?;
            let names = found.schema().fields().iter().map(|field| field.name());
            let (kept, header): (Vec<usize>, Vec<String>) = names
                .enumerate()
                .filter(|(_, name)| keep(name))
                .map(|(at, name)| (at, name.clone()))
                .unzip();
            let projection = ProjectionMask::roots(found.parquet_schema(), kept);
            let metadata = found
                .metadata()
                .file_metadata()
                .key_value_metadata()
                .into_iter()
                .flatten()
                .filter(|entry| entry.key.starts_with(Metadata::PREFIX))
                .filter_map(|entry| Some((entry.key.clone(), entry.value.clone()?)))
                .collect();
            let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, found)
                .with_batch_size(BATCH)
                .with_projection(projection)
                .build()
                .map_err(|e| e.to_string())?;
            Ok((reader, header, metadata))
        })?;
        Ok(ParquetSource {
            reader,
            header,
            metadata,
            name,
            row: 0,
        })
    }

    pub(super) fn header(&self) -> &[String] {
        &self.header
    }

    pub(super) fn metadata(&self) -> Metadata {
        self.metadata.clone()
    }

    /// The next rows; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Cells>> {
        loop {
            let reader = &mut self.reader;
            let read = guarded(&self.name, || {
                reader.next().transpose().map_err(|e| e.to_string())
            })?;
            let Some(batch) = read else {
                return Ok(None);
            };
            if batch.num_rows() > 0 {
                return self.cells(&batch).map(Some);
            }
        }
    }

    fn cells(&mut self, batch: &RecordBatch) -> Result<Cells> {
        let columns = batch
            .columns()
            .iter()
            .zip(&self.header)
            .map(|(array, column)| {
                cell(array).ok_or_else(|| Error::Table {
                    table: self.name.clone(),
                    line: None,
                    column: Some(column.clone()),
                    message: format!(
                        "values of type {} are neither numbers nor text",
                        array.data_type()
                    ),
                })
            })
            .collect::<Result<_>>()?;
        let first = self.row + 1;
        self.row += batch.num_rows() as u64;
        Ok(Cells {
            rows: batch.num_rows(),
            columns,
            lines: (first..=self.row).collect(),
        })
    }
}

/// Some columns of a Parquet file as texts, for whoever wants names and not numbers.
pub(crate) struct ParquetTexts(ParquetSource);

impl ParquetTexts {
    /// Opens a file for the columns that are to be kept.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read, [`Error::Table`] when it is malformed.
    pub(crate) fn open(path: &Path, keep: &dyn Fn(&str) -> bool) -> Result<ParquetTexts> {
        ParquetSource::open(path, keep).map(ParquetTexts)
    }

    /// The names of the columns.
    pub(crate) fn header(&self) -> &[String] {
        self.0.header()
    }

    /// The next rows; none at the end.
    ///
    /// # Errors
    /// [`Error::Table`] for a malformed file, or values that are neither numbers nor text.
    pub(crate) fn next_batch(&mut self) -> Result<Option<TextBatch>> {
        let as_texts = |column: Cell| match column {
            Cell::Text(texts) => texts.iter().map(str::to_owned).collect(),
            Cell::Number(values) => values
                .iter()
                .map(|v| if v.is_nan() { String::new() } else { v.to_string() })
                .collect(),
        };
        Ok(self.0.next()?.map(|cells| TextBatch {
            columns: cells.columns.into_iter().map(as_texts).collect(),
            lines: cells.lines,
        }))
    }
}

/// Some rows of [`ParquetTexts`].
pub(crate) struct TextBatch {
    columns: Vec<Vec<String>>,
    lines: Vec<u64>,
}

impl TextBatch {
    /// The number of each row in the file, from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = u64> {
        self.lines.iter().copied()
    }

    /// A cell; empty where the value is missing.
    pub(crate) fn text(&self, column: usize, row: usize) -> Option<&str> {
        Some(self.columns.get(column)?.get(row)?.as_str())
    }
}

/// Runs the foreign reader; its panics become errors of the table.
fn guarded<T>(name: &str, read: impl FnOnce() -> std::result::Result<T, String>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(result) => result.map_err(|message| Error::table(name, message)),
        Err(_) => Err(Error::table(name, "malformed Parquet")),
    }
}

fn plain(field: &Field) -> Field {
    let data_type = match field.data_type() {
        DataType::Dictionary(_, values) => values.as_ref().clone(),
        DataType::Utf8View => DataType::Utf8,
        other => other.clone(),
    };
    Field::new(field.name(), data_type, field.is_nullable())
}

fn cell(array: &ArrayRef) -> Option<Cell> {
    fn numbers<T: ArrowPrimitiveType>(array: &ArrayRef, convert: impl Fn(T::Native) -> f64) -> Cell {
        let values = array.as_primitive::<T>().iter();
        Cell::Number(values.map(|v| v.map_or(f64::NAN, &convert)).collect())
    }
    fn texts<'a>(values: impl Iterator<Item = Option<&'a str>>) -> Cell {
        let mut texts = Texts::default();
        values.for_each(|value| texts.push(value.unwrap_or_default()));
        Cell::Text(texts)
    }
    Some(match array.data_type() {
        DataType::Utf8 => texts(array.as_string::<i32>().iter()),
        DataType::LargeUtf8 => texts(array.as_string::<i64>().iter()),
        DataType::Float64 => numbers::<Float64Type>(array, |v| v),
        DataType::Float32 => numbers::<Float32Type>(array, f64::from),
        DataType::Int8 => numbers::<Int8Type>(array, f64::from),
        DataType::Int16 => numbers::<Int16Type>(array, f64::from),
        DataType::Int32 => numbers::<Int32Type>(array, f64::from),
        DataType::Int64 => numbers::<Int64Type>(array, |v| v as f64),
        DataType::UInt8 => numbers::<UInt8Type>(array, f64::from),
        DataType::UInt16 => numbers::<UInt16Type>(array, f64::from),
        DataType::UInt32 => numbers::<UInt32Type>(array, f64::from),
        DataType::UInt64 => numbers::<UInt64Type>(array, |v| v as f64),
        DataType::Boolean => {
            let values = array.as_boolean().iter();
            Cell::Number(
                values
                    .map(|v| v.map_or(f64::NAN, |b| f64::from(u8::from(b))))
                    .collect(),
            )
        }
        DataType::Null => Cell::Number(vec![f64::NAN; array.len()]),
        _ => return None,
    })
}
