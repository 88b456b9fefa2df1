//! What is split: rows with an id, a label, a track and an artist, from a table or a collection.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;

use crate::collection::{Collection, Part};
use crate::split::{Place, fault};
use crate::table::ParquetTexts;
use crate::{Error, Result, TrackId, gtzan, sha256_file, sha256_hex};

/// One row to be split.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Item {
    /// The name that is unique: a file name, a window of one, a recording's id.
    pub id: String,
    /// The class.
    pub label: Option<String>,
    /// The track: all windows and altered copies of a recording share it.
    pub track: String,
    /// Who made it.
    pub artist: Option<String>,
    /// Its part of an official split.
    pub part: Option<Part>,
    /// The value of the column that was asked for.
    pub key: Option<String>,
}

/// The rows to be split, sorted by id, and what is known to be copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Items {
    items: Vec<Item>,
    copies: Vec<(String, String)>,
    source: String,
    sha256: String,
}

/// The columns that are found by these names, the first that is there counting.
const ID: &[&str] = &["id", "filename", "track_id", "file", "path"];
const LABEL: &[&str] = &["label", "genre"];

impl Items {
    /// Rows from anywhere; `source` is their name.
    ///
    /// # Errors
    /// [`Error::Split`] when there are none, or an id comes twice.
    pub fn new(mut items: Vec<Item>, source: &str) -> Result<Items> {
        items.sort_by(|a, b| a.id.cmp(&b.id));
        if items.is_empty() {
            return Err(fault(format!("{source}: no rows")));
        }
        if let Some(pair) = items.windows(2).find(|pair| pair[0].id == pair[1].id) {
            return Err(fault(format!("{source}: the id `{}` comes twice", pair[0].id)));
        }
        let line = |item: &Item| {
            let part = item.part.map_or("", Part::name);
            let text = |value: &Option<String>| value.clone().unwrap_or_default();
            format!(
                "{}\t{}\t{}\t{}\t{part}\t{}\n",
                item.id,
                text(&item.label),
                item.track,
                text(&item.artist),
                text(&item.key)
            )
        };
        let sha256 = sha256_hex(items.iter().map(line).collect::<String>().as_bytes());
        Ok(Items {
            items,
            copies: Vec::new(),
            source: source.to_owned(),
            sha256,
        })
    }

    /// The rows of a CSV or Parquet file, by its ending: a feature table, or a list of recordings.
    ///
    /// Columns are found by name: `id` (or `filename`, `track_id`, `file`, `path`), `label` (or `genre`), and, where there are
    /// any, `track` (else it is told from the id, see [`TrackId::of_rows`]), `artist` and `part`. `column` is one more to keep.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read, [`Error::Table`] for a malformed one or a column that is not there, and as
    /// [`Items::new`].
    pub fn read_table(path: &Path, column: Option<&str>) -> Result<Items> {
        let name = path.display().to_string();
        let is_parquet = path
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("parquet"));
        let (mut items, has_tracks) = match is_parquet {
            true => parquet_items(path, &name, column)?,
            false => csv_items(path, &name, column)?,
        };
        if !has_tracks {
            let tracks = TrackId::of_rows(items.iter().map(|item| item.id.as_str()));
            for (item, track) in items.iter_mut().zip(tracks) {
                item.track = track.as_str().to_owned();
            }
        }
        let source = path
            .file_name()
            .map_or(name, |n| n.to_string_lossy().into_owned());
        let mut items = Items::new(items, &source)?;
        items.sha256 = sha256_file(path)?;
        Ok(items)
    }

    /// The recordings of a collection and the copies its literature knows of. `column` may be `genre`, `album` or `title`.
    ///
    /// # Errors
    /// Those of the collection's recordings, the first of them, and as [`Items::new`].
    pub fn of_collection(collection: &dyn Collection, column: Option<&str>) -> Result<Items> {
        let mut items = Vec::new();
        for recording in collection.recordings()? {
            let recording = recording?;
            let key = match column {
                None | Some("artist" | "track") => None,
                Some("genre") => recording.genre.clone(),
                Some("album") => recording.album.clone(),
                Some("title") => recording.title.clone(),
                Some(other) => {
                    return Err(fault(format!(
                        "{}: no column `{other}` (genre, album, title, artist and track are known)",
                        collection.name()
                    )));
                }
            };
            items.push(Item {
                track: TrackId::of_row(&recording.id).as_str().to_owned(),
                id: recording.id,
                label: recording.genre,
                artist: recording.artist,
                part: recording.part,
                key,
            });
        }
        let items = Items::new(items, collection.name())?;
        Ok(items.with_copies(collection.known_duplicates()))
    }

    /// The same rows where these pairs (of ids or tracks) are copies of each other.
    pub fn with_copies(mut self, pairs: impl IntoIterator<Item = (String, String)>) -> Items {
        self.copies.extend(pairs);
        self
    }

    /// The same rows, those without an artist given the one that a list knows for their track.
    ///
    /// The list is a CSV file with the columns `id` and `artist`, or Sturm's index of GTZAN (`file ::: artist ::: title`).
    ///
    /// # Errors
    /// As [`Items::read_table`]; [`Error::List`] for a line of the index that cannot be understood.
    pub fn with_artists(mut self, list: &Path) -> Result<Items> {
        let known: BTreeMap<String, String> =
            if list.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv")) {
                let rows = Items::read_table(list, Some("artist"))?.items;
                rows.into_iter()
                    .filter_map(|item| Some((item.track, item.artist?)))
                    .collect()
            } else {
                gtzan::read_artists(list)?
            };
        for item in &mut self.items {
            if item.artist.is_none() {
                item.artist = known.get(&item.track).cloned();
            }
        }
        Ok(self)
    }

    /// The same rows with the pairs of a list of copies: two names of files a line.
    ///
    /// # Errors
    /// [`Error::Io`] when the list cannot be read, [`Error::List`] for a line that is no pair.
    pub fn with_copies_of(self, list: &Path) -> Result<Items> {
        Ok(self.with_copies(gtzan::read_pairs(list)?))
    }

    /// The rows, sorted by id.
    pub fn list(&self) -> &[Item] {
        &self.items
    }

    /// Pairs of ids or tracks that are copies of each other.
    pub(super) fn copies(&self) -> &[(String, String)] {
        &self.copies
    }

    /// The name of what the rows come from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// SHA-256 of the file they come from, or else of the sorted rows.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The labels in order.
    pub fn labels(&self) -> BTreeSet<&str> {
        self.items
            .iter()
            .filter_map(|item| item.label.as_deref())
            .collect()
    }
}

/// Which column of a table holds what.
struct Columns<'a> {
    table: &'a str,
    id: usize,
    label: Option<usize>,
    track: Option<usize>,
    artist: Option<usize>,
    part: Option<usize>,
    key: Option<usize>,
}

impl<'a> Columns<'a> {
    /// Finds the columns in a header; `key` is one more.
    fn find(table: &'a str, header: &[&str], key: Option<&str>) -> Result<Self> {
        let find = |names: &[&str]| {
            names
                .iter()
                .find_map(|name| header.iter().position(|column| column == name))
        };
        let key = key
            .map(|column| {
                find(&[column]).ok_or_else(|| Error::Table {
                    table: table.to_owned(),
                    line: None,
                    column: Some(column.to_owned()),
                    message: "no such column".to_owned(),
                })
            })
            .transpose()?;
        Ok(Columns {
            table,
            id: find(ID).ok_or_else(|| Error::table(table, "no column `id` or `filename`"))?,
            label: find(LABEL),
            track: find(&["track"]),
            artist: find(&["artist"]),
            part: find(&["part"]),
            key,
        })
    }

    /// The row whose cells are these; its track is empty where the table has no column for it.
    fn item<'c>(&self, line: Option<u64>, cell: impl Fn(usize) -> Option<&'c str>) -> Result<Item> {
        let text = |at: Option<usize>| {
            let text = cell(at?)?.trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        let id = cell(self.id).unwrap_or_default().to_owned();
        let part = text(self.part)
            .map(|part| match part.parse() {
                Ok(Place::Part(part)) => Ok(part),
                _ => Err(Error::Table {
                    table: self.table.to_owned(),
                    line,
                    column: Some("part".to_owned()),
                    message: format!("`{part}` is not train, valid or test"),
                }),
            })
            .transpose()?;
        Ok(Item {
            track: text(self.track).unwrap_or_else(|| TrackId::of_row(&id).as_str().to_owned()),
            label: text(self.label),
            artist: text(self.artist),
            key: text(self.key),
            part,
            id,
        })
    }
}

/// The rows of a CSV file, and whether it names their tracks.
fn csv_items(path: &Path, name: &str, column: Option<&str>) -> Result<(Vec<Item>, bool)> {
    let file = File::open(path).map_err(Error::io(path))?;
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::Headers)
        .from_reader(file);
    let broken = |error: csv::Error| Error::Table {
        table: name.to_owned(),
        line: error.position().map(csv::Position::line),
        column: None,
        message: error.to_string(),
    };
    let header = reader.headers().map_err(broken)?.clone();
    let columns = Columns::find(name, &header.iter().collect::<Vec<_>>(), column)?;
    let mut items = Vec::new();
    for record in reader.records() {
        let record = record.map_err(broken)?;
        let line = record.position().map(csv::Position::line);
        items.push(columns.item(line, |at| record.get(at))?);
    }
    Ok((items, columns.track.is_some()))
}

/// As [`csv_items`] for Parquet; a line is a row there.
fn parquet_items(path: &Path, name: &str, column: Option<&str>) -> Result<(Vec<Item>, bool)> {
    let known = [ID, LABEL, &["track", "artist", "part"]].concat();
    let mut reader = ParquetTexts::open(path, &|name| known.contains(&name) || column == Some(name))?;
    let header: Vec<String> = reader.header().to_vec();
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let columns = Columns::find(name, &header, column)?;
    let mut items = Vec::new();
    while let Some(batch) = reader.next_batch()? {
        for (row, line) in batch.lines().enumerate() {
            items.push(columns.item(Some(line), |at| batch.text(at, row))?);
        }
    }
    Ok((items, columns.track.is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, column: Option<&str>) -> Result<Items> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, text).unwrap();
        Items::read_table(&path, column)
    }

    #[test]
    fn tables_and_lists_are_read() {
        let items = read(
            "filename,a,label\nrock.00001.1.wav,1,rock\nrock.00001.0.wav,2,rock\n",
            None,
        )
        .unwrap();
        assert_eq!(items.list()[0].id, "rock.00001.0.wav");
        assert_eq!(items.list()[1].track, "rock.00001");
        assert_eq!(items.list()[1].label.as_deref(), Some("rock"));
        let text = "id,genre,artist,track,part,year\nx,rock,A,t,test,1999\ny,,,,,\n";
        let items = read(text, Some("year")).unwrap();
        let [x, y] = items.list() else { panic!() };
        assert_eq!(
            (x.track.as_str(), x.part, x.key.as_deref()),
            ("t", Some(Part::Test), Some("1999"))
        );
        assert_eq!(
            (&y.artist, &y.label, y.track.as_str(), &y.key),
            (&None, &None, "y", &None)
        );
    }

    #[test]
    fn windows_belong_to_their_track_and_numbered_files_do_not() {
        let names = [
            "a/song.0.mp3",
            "a/song.1.mp3",
            "take.4.wav",
            "take.5.wav",
            "blues.00001.0.wav",
        ];
        let items = read(&format!("filename\n{}\n", names.join("\n")), None).unwrap();
        let tracks: Vec<&str> = items.list().iter().map(|item| item.track.as_str()).collect();
        assert_eq!(tracks, ["song", "song", "blues.00001", "take.4", "take.5"]);
    }

    #[test]
    fn parquet_is_read_as_csv_is() {
        use std::sync::Arc;

        use arrow_array::{
            ArrayRef, Float64Array, Int64Array, ListArray, RecordBatch, StringArray, types::Int32Type,
        };

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.parquet");
        let texts = |values: [Option<&str>; 3]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
        let lists = [Some(vec![Some(1)]), None, Some(vec![])];
        let columns = [
            (
                "tempo",
                Arc::new(Float64Array::from(vec![1.0, 2.0, 3.0])) as ArrayRef,
            ),
            // Neither text nor number, but nothing that a split asks for.
            (
                "chords",
                Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists)),
            ),
            (
                "year",
                Arc::new(Int64Array::from(vec![Some(1999), None, Some(2001)])),
            ),
            (
                "filename",
                texts([Some("b.0.mp3"), Some("b.1.mp3"), Some("a.mp3")]),
            ),
            ("genre", texts([Some("jazz"), None, Some("rock")])),
            ("artist", texts([Some("B"), Some("B"), None])),
            ("part", texts([Some("train"), None, Some("test")])),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let file = File::create(&path).unwrap();
        let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let text = "filename,genre,artist,part,year\nb.0.mp3,jazz,B,train,1999\nb.1.mp3,,B,,\na.mp3,rock,,test,2001\n";
        let items = Items::read_table(&path, Some("year")).unwrap();
        assert_eq!(items.list(), read(text, Some("year")).unwrap().list());
        assert_eq!(
            (items.source(), items.list()[2].track.as_str()),
            ("t.parquet", "b")
        );
        let said = |column| Items::read_table(&path, Some(column)).unwrap_err().to_string();
        assert!(said("none").contains("t.parquet, column `none`: no such column"));
        assert!(said("chords").contains("t.parquet, column `chords`: values of type"));
        std::fs::write(&path, "PAR1 nonsense PAR1").unwrap();
        assert!(said("year").contains("t.parquet"));
    }

    #[test]
    fn faults_are_named() {
        for (text, column, said) in [
            ("a,b\n1,2\n", None, "no column `id`"),
            ("id\n", None, "no rows"),
            ("id\na\na\n", None, "`a` comes twice"),
            ("id\na\n", Some("year"), "column `year`: no such column"),
            ("id,part\na,half\n", None, "line 2, column `part`: `half`"),
            ("id,part\na\n", None, "line"),
        ] {
            let error = read(text, column).unwrap_err().to_string();
            assert!(error.contains("t.csv") && error.contains(said), "{error}");
        }
    }

    #[test]
    fn artists_and_copies_come_from_lists() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let index = file(
            "artists.txt",
            "pop.00001.wav ::: A ::: x\npop.00002.wav ::: ::: \n",
        );
        let list = file("artists.csv", "id,artist\npop.00002,B\n");
        let pairs = file("pairs.txt", "pop.00001.wav pop.00002.wav\n");
        let items = read("filename\npop.00001.0.wav\npop.00002.0.wav\n", None).unwrap();
        let items = items.with_artists(&index).unwrap().with_artists(&list).unwrap();
        let artists: Vec<_> = items.list().iter().map(|item| item.artist.as_deref()).collect();
        assert_eq!(artists, [Some("A"), Some("B")]);
        let items = items.with_copies_of(&pairs).unwrap();
        assert_eq!(items.copies(), [("pop.00001".to_owned(), "pop.00002".to_owned())]);
    }
}
