//! A CSV or Parquet file with one row per recording: its name, and as far as there are columns, genre, artist, title, album and part.
//!
//! Not for feature values: see [`Table`](crate::Table).

use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use parquet::schema::types::Type;

use super::folder::folder_name;
use super::{Collection, Part, Recording, Recordings, Root};
use crate::{Error, Result};

/// What a column says, by the names that it goes by.
const ROLES: [&[&str]; 6] = [
    &["filename", "file", "path"],
    &["label", "genre"],
    &["artist"],
    &["title"],
    &["album"],
    &["split", "part", "set"],
];

/// The fields of one row, by role.
type Fields = [Option<String>; 6];
/// The fields of row after row.
type Rows<'a> = Box<dyn Iterator<Item = Result<Fields>> + 'a>;

/// The rows of a table as recordings.
///
/// A row's name is its id, and its audio file where the first row's name is that of a file below the table's folder.
#[derive(Debug)]
pub struct TableRows {
    name: String,
    path: PathBuf,
    root: Root,
    has_audio: bool,
}

impl TableRows {
    /// The table at `path`; a name that ends in `.parquet` is Parquet, any other CSV (`.tsv`: with tabs).
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read, [`Error::Table`] when it has no column `filename`, `file` or `path`.
    pub fn open(path: &Path) -> Result<TableRows> {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
        let mut table = TableRows {
            name: folder_name(path),
            path: path.to_owned(),
            root: Root::open(folder.unwrap_or(Path::new(".")))?,
            has_audio: false,
        };
        let first = table.fields()?.next();
        if let Some(Ok([Some(name), ..])) = first {
            table.has_audio = table.root.file(Path::new(&name)).is_ok();
        }
        Ok(table)
    }

    /// The fields of each row, by role.
    fn fields(&self) -> Result<Rows<'_>> {
        match super::open::extension(&self.path).as_str() {
            "parquet" => self.parquet_fields(),
            "tsv" => self.csv_fields(b'\t'),
            _ => self.csv_fields(b','),
        }
    }

    fn csv_fields(&self, delimiter: u8) -> Result<Rows<'_>> {
        let file = File::open(&self.path).map_err(Error::io(&self.path))?;
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(file);
        let header = reader.headers().map_err(|e| self.fault(None, e.to_string()))?;
        let columns = self.columns(header.iter())?;
        let mut ended = false;
        let rows = reader.into_records().map_while(move |row| {
            if ended {
                return None;
            }
            Some(match row {
                Ok(row) => Ok(columns.map(|column| row.get(column?).map(str::to_owned))),
                Err(error) => {
                    ended = error.is_io_error();
                    let line = error.position().map(csv::Position::line);
                    Err(self.fault(line, error.to_string()))
                }
            })
        });
        Ok(Box::new(rows))
    }

    fn parquet_fields(&self) -> Result<Rows<'_>> {
        let file = File::open(&self.path).map_err(Error::io(&self.path))?;
        let fault = |error: parquet::errors::ParquetError| self.fault(None, error.to_string());
        let reader = SerializedFileReader::new(file).map_err(fault)?;
        let schema = reader.metadata().file_metadata().schema().clone();
        let names: Vec<String> = schema.get_fields().iter().map(|f| f.name().to_owned()).collect();
        let columns = self.columns(names.iter().map(String::as_str))?;
        let wanted: Vec<usize> = columns.into_iter().flatten().collect();
        let fields = schema.get_fields().iter().enumerate();
        let fields = fields
            .filter(|(i, _)| wanted.contains(i))
            .map(|(_, f)| f.clone())
            .collect();
        let projection = Type::group_type_builder(schema.name())
            .with_fields(fields)
            .build()
            .map_err(fault)?;
        let rows = reader.into_iter().project(Some(projection)).map_err(fault)?;
        Ok(Box::new(rows.map(move |row| {
            let row = row.map_err(|error| self.fault(None, error.to_string()))?;
            Ok(columns.map(|column| text(&row, &names[column?])))
        })))
    }

    /// Where the columns of each role stand.
    fn columns<'n>(&self, names: impl Iterator<Item = &'n str>) -> Result<[Option<usize>; 6]> {
        let names: Vec<String> = names.map(|name| name.trim().to_ascii_lowercase()).collect();
        let find = |role: &[&str]| {
            role.iter()
                .find_map(|known| names.iter().position(|name| name == known))
        };
        let columns = ROLES.map(find);
        match columns[0] {
            Some(_) => Ok(columns),
            None => Err(self.fault(None, "no column `filename`, `file` or `path`".into())),
        }
    }

    fn fault(&self, line: Option<u64>, message: String) -> Error {
        Error::Table {
            table: self.path.display().to_string(),
            line,
            column: None,
            message,
        }
    }

    fn recording(&self, fields: Fields) -> Result<Recording> {
        let known = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        let [name, genre, artist, title, album, part] = fields.map(known);
        let name = name.ok_or_else(|| self.fault(None, "a row without a name".into()))?;
        Ok(Recording {
            path: self.has_audio.then(|| PathBuf::from(&name)),
            id: name,
            genres: genre.iter().cloned().collect(),
            genre,
            artist,
            title,
            album,
            part: part.and_then(|name| Part::of_name(&name)),
        })
    }
}

/// The text of a field.
fn text(row: &Row, name: &str) -> Option<String> {
    row.get_column_iter()
        .find(|(column, _)| *column == name)
        .and_then(|(_, field)| match field {
            Field::Str(text) => Some(text.clone()),
            Field::Null => None,
            other => Some(other.to_string()),
        })
}

impl Collection for TableRows {
    fn name(&self) -> &str {
        &self.name
    }

    fn root(&self) -> &Root {
        &self.root
    }

    fn recordings(&self) -> Result<Recordings<'_>> {
        let rows = self.fields()?;
        Ok(Box::new(rows.map(|fields| self.recording(fields?))))
    }

    fn has_audio(&self) -> bool {
        self.has_audio
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_roles_and_bad_rows_are_items() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        let text = "tempo,Filename,genre,artist,split\n1,a/x.wav,jazz,Evans,training\n2,y.wav,,,\n3,z.wav\n4,w.wav,rock,,test\n";
        std::fs::write(&path, text).unwrap();
        let table = TableRows::open(&path).unwrap();
        assert!(!table.has_audio());
        let rows: Vec<_> = table.recordings().unwrap().collect();
        let first = rows[0].as_ref().unwrap();
        assert_eq!(
            (first.id.as_str(), first.genre.as_deref()),
            ("a/x.wav", Some("jazz"))
        );
        assert_eq!(
            (first.artist.as_deref(), first.part),
            (Some("Evans"), Some(Part::Train))
        );
        assert_eq!(rows[1].as_ref().unwrap().genre, None);
        assert!(
            rows[2]
                .as_ref()
                .unwrap_err()
                .to_string()
                .contains("t.csv, line 4")
        );
        assert_eq!(rows[3].as_ref().unwrap().part, Some(Part::Test));
        std::fs::create_dir(folder.path().join("a")).unwrap();
        std::fs::write(folder.path().join("a/x.wav"), "").unwrap();
        let table = TableRows::open(&path).unwrap();
        assert!(table.has_audio());
        std::fs::write(&path, "a,b\n1,2\n").unwrap();
        assert!(
            TableRows::open(&path)
                .unwrap_err()
                .to_string()
                .contains("no column `filename`")
        );
    }

    #[test]
    fn a_broken_parquet_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.parquet");
        std::fs::write(&path, b"PAR1 nonsense PAR1").unwrap();
        assert!(
            TableRows::open(&path)
                .unwrap_err()
                .to_string()
                .contains("t.parquet")
        );
    }
}
