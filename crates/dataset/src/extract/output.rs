//! Writing a table row by row, as CSV or Parquet, beside its place; it gets its name when it is complete.
//!
//! How it was made is kept in Parquet's own metadata, or in a small file beside a CSV table: see [`Metadata`].

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::{ExtractOptions, Window};
use crate::Metadata;

/// The formats a table can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableFormat {
    /// Comma-separated values with a header.
    Csv,
    /// Apache Parquet.
    Parquet,
}

impl TableFormat {
    /// The format a path's ending names; `-` and special files, like `/dev/stdout`, take CSV.
    pub fn of(path: &Path) -> Option<Self> {
        let extension = path
            .extension()
            .and_then(|e| e.to_str())
            .map(str::to_ascii_lowercase);
        match extension.as_deref() {
            Some("csv") => Some(TableFormat::Csv),
            Some("parquet") => Some(TableFormat::Parquet),
            _ => is_special(path).then_some(TableFormat::Csv),
        }
    }
}

/// Whether a path is not a file that could be renamed into place: a pipe, a terminal, a device, or `-` for standard output.
pub(super) fn is_special(path: &Path) -> bool {
    path == Path::new("-") || std::fs::metadata(path).is_ok_and(|m| !m.is_file() && !m.is_dir())
}

/// Rows in a group of a Parquet file.
const GROUP: usize = 4096;

/// A table under construction.
pub(super) struct TableWriter {
    sink: Sink,
    labelled: bool,
    /// Where the table is written, and where it shall lie; none for special files.
    places: Option<(PathBuf, PathBuf)>,
}

enum Sink {
    Csv(Box<csv::Writer<Box<dyn Write>>>),
    Parquet(Box<ParquetSink>),
}

impl TableWriter {
    pub(super) fn create(
        output: &Path,
        format: TableFormat,
        options: &ExtractOptions,
        labelled: bool,
    ) -> io::Result<Self> {
        let (writer, places): (Box<dyn Write + Send>, _) = if output == Path::new("-") {
            (Box::new(io::stdout()), None)
        } else if is_special(output) {
            (Box::new(File::options().write(true).open(output)?), None)
        } else {
            let mut beside = output.as_os_str().to_owned();
            beside.push(".new");
            let beside = PathBuf::from(beside);
            (
                Box::new(File::create(&beside)?),
                Some((beside, output.to_owned())),
            )
        };
        let names = options.schema.names();
        let mut table = TableWriter {
            sink: match format {
                TableFormat::Csv => Sink::Csv(Box::new(csv::Writer::from_writer(Box::new(BufWriter::new(
                    writer,
                ))))),
                TableFormat::Parquet => {
                    Sink::Parquet(Box::new(ParquetSink::create(writer, &names, labelled)?))
                }
            },
            labelled,
            places,
        };
        if let Sink::Csv(csv) = &mut table.sink {
            let label = labelled.then_some("label");
            let header = ["filename", "length"]
                .into_iter()
                .chain(names.iter().map(String::as_str))
                .chain(label);
            csv.write_record(header).map_err(csv_to_io)?;
        }
        Ok(table)
    }

    pub(super) fn write(
        &mut self,
        name: &str,
        length: u64,
        values: &[f64],
        label: Option<&str>,
    ) -> io::Result<()> {
        match &mut self.sink {
            Sink::Csv(csv) => {
                // The shortest digits that read back as the same number.
                let numbers = values.iter().map(f64::to_string);
                let label = self.labelled.then(|| label.unwrap_or_default().to_owned());
                let fields = [name.to_owned(), length.to_string()]
                    .into_iter()
                    .chain(numbers)
                    .chain(label);
                csv.write_record(fields).map_err(csv_to_io)
            }
            Sink::Parquet(parquet) => parquet.push(name, length, values, label),
        }
    }

    /// Completes the table and puts it in its place, with what is known about it.
    pub(super) fn finish(mut self, metadata: &Metadata) -> io::Result<()> {
        match &mut self.sink {
            Sink::Csv(csv) => csv.flush()?,
            Sink::Parquet(parquet) => parquet.finish(metadata)?,
        }
        if let Some((beside, place)) = &self.places {
            File::open(beside)?.sync_all()?;
            if matches!(self.sink, Sink::Csv(_)) {
                let text = serde_json::to_string_pretty(metadata)?;
                std::fs::write(Metadata::path_beside(beside), text + "\n")?;
                std::fs::rename(Metadata::path_beside(beside), Metadata::path_beside(place))?;
            }
            std::fs::rename(beside, place)?;
        }
        self.places = None;
        Ok(())
    }
}

/// What a table says about how it was made.
pub(super) fn metadata(options: &ExtractOptions, source_hash: String) -> Metadata {
    let window = match options.window {
        Window::Whole => "whole".to_owned(),
        Window::Samples(n) => n.to_string(),
    };
    let mut metadata = Metadata::default();
    metadata.set("version", env!("CARGO_PKG_VERSION"));
    metadata.set("schema", options.schema.name());
    metadata.set("schema_hash", options.schema.hash());
    metadata.set("window_samples", window);
    metadata.set("pad", options.pad.name());
    metadata.set("source_hash", source_hash);
    metadata
}

impl Drop for TableWriter {
    /// Leaves no unfinished table behind.
    fn drop(&mut self) {
        if let Some((beside, _)) = &self.places {
            let _ = std::fs::remove_file(beside);
            let _ = std::fs::remove_file(Metadata::path_beside(beside));
        }
    }
}

/// The operating system's own error where there is one, so that a broken pipe is known for what it is.
fn csv_to_io(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(source) => source,
        kind => io::Error::other(format!("{kind:?}")),
    }
}

/// As [`csv_to_io`].
fn parquet_to_io(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(source) => source
            .downcast::<io::Error>()
            .map_or_else(io::Error::other, |e| *e),
        error => io::Error::other(error),
    }
}

/// Columns gathered for one group of rows.
struct ParquetSink {
    writer: ArrowWriter<Box<dyn Write + Send>>,
    schema: Arc<Schema>,
    names: StringBuilder,
    lengths: Vec<i64>,
    columns: Vec<Vec<f64>>,
    labels: Option<StringBuilder>,
}

impl ParquetSink {
    fn create(writer: Box<dyn Write + Send>, columns: &[String], labelled: bool) -> io::Result<Self> {
        let mut fields = vec![
            Field::new("filename", DataType::Utf8, false),
            Field::new("length", DataType::Int64, false),
        ];
        fields.extend(
            columns
                .iter()
                .map(|name| Field::new(name, DataType::Float64, false)),
        );
        fields.extend(labelled.then(|| Field::new("label", DataType::Utf8, true)));
        let schema = Arc::new(Schema::new(fields));
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .build();
        Ok(ParquetSink {
            writer: ArrowWriter::try_new(writer, schema.clone(), Some(properties)).map_err(parquet_to_io)?,
            schema,
            names: StringBuilder::new(),
            lengths: Vec::new(),
            columns: vec![Vec::new(); columns.len()],
            labels: labelled.then(StringBuilder::new),
        })
    }

    fn push(&mut self, name: &str, length: u64, values: &[f64], label: Option<&str>) -> io::Result<()> {
        self.names.append_value(name);
        self.lengths.push(length as i64);
        for (column, value) in self.columns.iter_mut().zip(values) {
            column.push(*value);
        }
        if let Some(labels) = &mut self.labels {
            labels.append_option(label);
        }
        if self.lengths.len() == GROUP {
            self.write_group()
        } else {
            Ok(())
        }
    }

    fn write_group(&mut self) -> io::Result<()> {
        if self.lengths.is_empty() {
            return Ok(());
        }
        let mut arrays: Vec<ArrayRef> = vec![
            Arc::new(self.names.finish()),
            Arc::new(Int64Array::from(std::mem::take(&mut self.lengths))),
        ];
        for column in &mut self.columns {
            arrays.push(Arc::new(Float64Array::from(std::mem::take(column))));
        }
        if let Some(labels) = &mut self.labels {
            arrays.push(Arc::new(labels.finish()));
        }
        let batch = RecordBatch::try_new(self.schema.clone(), arrays).map_err(io::Error::other)?;
        self.writer.write(&batch).map_err(parquet_to_io)?;
        self.writer.flush().map_err(parquet_to_io)
    }

    fn finish(&mut self, metadata: &Metadata) -> io::Result<()> {
        self.write_group()?;
        for (name, value) in metadata.iter() {
            self.writer
                .append_key_value_metadata(KeyValue::new(name.to_owned(), value.to_owned()));
        }
        self.writer.finish().map_err(parquet_to_io)?;
        self.writer.inner_mut().flush()
    }
}
