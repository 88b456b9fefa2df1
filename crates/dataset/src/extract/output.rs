//! Writing a table row by row, as CSV or Parquet, beside its place; it gets its name when it is complete.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, ConvertedType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

use super::{ExtractOptions, Window};

/// The formats a table can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableFormat {
    /// Comma-separated values with a header.
    Csv,
    /// Apache Parquet, with the parameters in its metadata.
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
                    Sink::Parquet(Box::new(ParquetSink::create(writer, &names, labelled, options)?))
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

    /// Completes the table and puts it in its place.
    pub(super) fn finish(mut self) -> io::Result<()> {
        match &mut self.sink {
            Sink::Csv(csv) => csv.flush()?,
            Sink::Parquet(parquet) => parquet.finish()?,
        }
        if let Some((beside, place)) = &self.places {
            File::open(beside)?.sync_all()?;
            std::fs::rename(beside, place)?;
        }
        self.places = None;
        Ok(())
    }
}

impl Drop for TableWriter {
    /// Leaves no unfinished table behind.
    fn drop(&mut self) {
        if let Some((beside, _)) = &self.places {
            let _ = std::fs::remove_file(beside);
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
    writer: SerializedFileWriter<Box<dyn Write + Send>>,
    names: Vec<ByteArray>,
    lengths: Vec<i64>,
    columns: Vec<Vec<f64>>,
    labels: Option<Vec<Option<ByteArray>>>,
}

impl ParquetSink {
    fn create(
        writer: Box<dyn Write + Send>,
        columns: &[String],
        labelled: bool,
        options: &ExtractOptions,
    ) -> io::Result<Self> {
        let field = |name: &str, physical, converted, repetition| {
            Type::primitive_type_builder(name, physical)
                .with_converted_type(converted)
                .with_repetition(repetition)
                .build()
                .map(Arc::new)
                .map_err(io::Error::other)
        };
        let text = |name, repetition| field(name, Physical::BYTE_ARRAY, ConvertedType::UTF8, repetition);
        let mut fields = vec![
            text("filename", Repetition::REQUIRED)?,
            field(
                "length",
                Physical::INT64,
                ConvertedType::NONE,
                Repetition::REQUIRED,
            )?,
        ];
        for name in columns {
            fields.push(field(
                name,
                Physical::DOUBLE,
                ConvertedType::NONE,
                Repetition::REQUIRED,
            )?);
        }
        if labelled {
            fields.push(text("label", Repetition::OPTIONAL)?);
        }
        let schema = Type::group_type_builder("features")
            .with_fields(fields)
            .build()
            .map_err(io::Error::other)?;
        let window = match options.window {
            Window::Whole => "whole".to_owned(),
            Window::Samples(n) => n.to_string(),
        };
        let metadata = [
            ("melisma.version", env!("CARGO_PKG_VERSION").to_owned()),
            ("melisma.schema", options.schema.name().to_owned()),
            ("melisma.schema_hash", options.schema.hash()),
            ("melisma.window_samples", window),
            ("melisma.pad", options.pad.name().to_owned()),
        ];
        let metadata = metadata
            .into_iter()
            .map(|(key, value)| KeyValue::new(key.to_owned(), value))
            .collect();
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_key_value_metadata(Some(metadata))
            .build();
        Ok(ParquetSink {
            writer: SerializedFileWriter::new(writer, Arc::new(schema), Arc::new(properties))
                .map_err(parquet_to_io)?,
            names: Vec::new(),
            lengths: Vec::new(),
            columns: vec![Vec::new(); columns.len()],
            labels: labelled.then(Vec::new),
        })
    }

    fn push(&mut self, name: &str, length: u64, values: &[f64], label: Option<&str>) -> io::Result<()> {
        self.names.push(ByteArray::from(name));
        self.lengths.push(length as i64);
        for (column, value) in self.columns.iter_mut().zip(values) {
            column.push(*value);
        }
        if let Some(labels) = &mut self.labels {
            labels.push(label.map(ByteArray::from));
        }
        if self.names.len() == GROUP {
            self.write_group()
        } else {
            Ok(())
        }
    }

    fn write_group(&mut self) -> io::Result<()> {
        if self.names.is_empty() {
            return Ok(());
        }
        self.try_write_group().map_err(parquet_to_io)?;
        self.names.clear();
        self.lengths.clear();
        self.columns.iter_mut().for_each(Vec::clear);
        self.labels.iter_mut().for_each(Vec::clear);
        Ok(())
    }

    fn try_write_group(&mut self) -> parquet::errors::Result<()> {
        let mut group = self.writer.next_row_group()?;
        let mut index = 0;
        while let Some(mut column) = group.next_column()? {
            match index {
                0 => column
                    .typed::<ByteArrayType>()
                    .write_batch(&self.names, None, None)?,
                1 => column
                    .typed::<Int64Type>()
                    .write_batch(&self.lengths, None, None)?,
                _ if index - 2 < self.columns.len() => {
                    column
                        .typed::<DoubleType>()
                        .write_batch(&self.columns[index - 2], None, None)?
                }
                _ => {
                    let labels = self.labels.as_deref().unwrap_or_default();
                    let levels: Vec<i16> = labels.iter().map(|l| i16::from(l.is_some())).collect();
                    let present: Vec<ByteArray> = labels.iter().flatten().cloned().collect();
                    column
                        .typed::<ByteArrayType>()
                        .write_batch(&present, Some(&levels), None)?
                }
            };
            column.close()?;
            index += 1;
        }
        group.close()?;
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.write_group()?;
        self.writer.finish().map_err(parquet_to_io)?;
        self.writer.inner_mut().flush()
    }
}
