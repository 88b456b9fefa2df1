//! The Free Music Archive (Defferrard, Benzi, Vandergheynst and Bresson, "FMA: a dataset for music analysis", ISMIR 2017): its tables
//! and its numbered mp3 files.
//!
//! `tracks.csv` and `features.csv` have headers of three rows: a column is known by the names in the first two (three for features), the
//! third row names the index. Rows are streamed. Not for `echonest.csv` and the `raw_*.csv` tables, which the published splits do not need.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use csv::{Reader, ReaderBuilder, StringRecord};

use super::folder::folder_name;
use super::open::fma_metadata;
use super::{Collection, Part, Recording, Recordings, Root};
use crate::{Error, Result};

/// Clips of the medium subset that are not 30 seconds long.
const FAULTY: [u32; 21] = [
    1486, 5574, 65753, 80391, 98558, 98559, 98560, 98565, 98566, 98567, 98568, 98569, 98571, 99134, 105247,
    108924, 108925, 126981, 127336, 133297, 143992,
];

/// The most genres that one may lie below another; a longer chain is a circle.
const DEEPEST: usize = 16;

/// How much of the archive a folder holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Subset {
    Small,
    Medium,
    Large,
    Full,
}

impl Subset {
    /// All subsets, the largest first.
    const ALL: [Subset; 4] = [Subset::Full, Subset::Large, Subset::Medium, Subset::Small];

    fn folder(self) -> &'static str {
        match self {
            Subset::Small => "fma_small",
            Subset::Medium => "fma_medium",
            Subset::Large => "fma_large",
            Subset::Full => "fma_full",
        }
    }

    /// Whether a track that `tracks.csv` counts to the subset `name` is part of this one: the subsets contain each other.
    fn holds(self, name: &str) -> bool {
        match self {
            Subset::Small => name == "small",
            Subset::Medium => name == "small" || name == "medium",
            Subset::Large | Subset::Full => true,
        }
    }
}

/// One genre of `genres.csv`.
#[derive(Debug)]
struct FmaGenre {
    title: String,
    parent: u32,
}

/// The Free Music Archive, or a subset of it.
///
/// The id of a recording is its track number. Its genre is `track/genre_top`; `genres` holds all of `track/genres_all`, the most general
/// first. Its part is that of the official split.
#[derive(Debug)]
pub struct Fma {
    name: String,
    root: Root,
    tracks: PathBuf,
    /// Where the audio lies, and how much; `None` for the tables alone.
    audio: Option<Subset>,
    genres: BTreeMap<u32, FmaGenre>,
}

impl Fma {
    /// The archive at `path`: a folder such as `fma_small` with `fma_metadata` beside it, the folder that holds both, or `fma_metadata` alone.
    ///
    /// Where several subsets lie side by side, the largest is taken; give its path to choose another.
    ///
    /// # Errors
    /// [`Error::Io`] when a table is missing, [`Error::Table`] when `genres.csv` or the header of `tracks.csv` is malformed.
    pub fn open(path: &Path) -> Result<Fma> {
        let metadata = fma_metadata(path).ok_or_else(|| Error::Collection {
            path: path.to_owned(),
            message: "no fma_metadata/tracks.csv here or beside it".into(),
        })?;
        let given = folder_name(path);
        let own = Subset::ALL.into_iter().find(|subset| subset.folder() == given);
        // What is beside the folder given is of the collection too: the root is then the folder above.
        let base = match metadata.parent() {
            Some(above) if metadata != path => above.to_owned(),
            _ => path.to_owned(),
        };
        let largest = || Subset::ALL.into_iter().find(|s| base.join(s.folder()).is_dir());
        let audio = own.or_else(largest);
        let fma = Fma {
            name: audio.map_or(given, |subset| subset.folder().to_owned()),
            root: Root::open(&base)?,
            tracks: metadata.join("tracks.csv"),
            audio,
            genres: read_genres(&metadata.join("genres.csv"))?,
        };
        Tracks::open(&fma)?;
        Ok(fma)
    }

    /// The titles of the genres with these numbers, the most general first.
    fn titles(&self, numbers: &str) -> Vec<String> {
        let numbers = numbers.trim_matches(['[', ']']).split(',');
        let mut genres: Vec<(usize, u32)> = numbers
            .filter_map(|number| number.trim().parse().ok())
            .map(|number| (self.depth(number), number))
            .collect();
        genres.sort_unstable();
        genres.dedup();
        let titles = genres.iter().filter_map(|(_, number)| self.genres.get(number));
        titles.map(|genre| genre.title.clone()).collect()
    }

    /// How many genres lie above one.
    fn depth(&self, number: u32) -> usize {
        let above = |number: &u32| self.genres.get(number).map(|genre| genre.parent);
        let line = std::iter::successors(Some(number), above);
        line.take(DEEPEST).take_while(|&n| n != 0).count()
    }
}

/// `tracks.csv`, row by row.
struct Tracks<'a> {
    fma: &'a Fma,
    reader: Reader<File>,
    name: String,
    columns: Columns,
    ended: bool,
}

/// Where the columns of `tracks.csv` stand.
struct Columns {
    split: usize,
    subset: usize,
    genre_top: usize,
    genres_all: usize,
    artist: usize,
    album: usize,
    title: usize,
}

impl<'a> Tracks<'a> {
    fn open(fma: &'a Fma) -> Result<Self> {
        let (reader, header) = open_table(&fma.tracks, 2)?;
        let name = fma.tracks.display().to_string();
        let column = |group: &str, field: &str| {
            let at =
                (0..header[0].len()).find(|&i| &header[0][i] == group && header[1].get(i) == Some(field));
            at.ok_or_else(|| Error::table(&name, format!("no column `{group}, {field}`")))
        };
        let columns = Columns {
            split: column("set", "split")?,
            subset: column("set", "subset")?,
            genre_top: column("track", "genre_top")?,
            genres_all: column("track", "genres_all")?,
            artist: column("artist", "name")?,
            album: column("album", "title")?,
            title: column("track", "title")?,
        };
        Ok(Tracks {
            fma,
            reader,
            name,
            columns,
            ended: false,
        })
    }

    /// A row; `None` for a track of a larger subset.
    fn recording(&self, row: &StringRecord) -> Result<Option<Recording>> {
        let field = |column: usize| row.get(column).unwrap_or_default().trim();
        let fault = |message: String| Error::Table {
            table: self.name.clone(),
            line: row.position().map(csv::Position::line),
            column: None,
            message,
        };
        let number: u32 = field(0)
            .parse()
            .map_err(|_| fault(format!("`{}` is not a track number", field(0))))?;
        if self
            .fma
            .audio
            .is_some_and(|subset| !subset.holds(field(self.columns.subset)))
        {
            return Ok(None);
        }
        let part = match field(self.columns.split) {
            "" => None,
            name => {
                let part = Part::of_name(name);
                Some(part.ok_or_else(|| fault(format!("`{name}` is no part of a split")))?)
            }
        };
        let text = |column| Some(field(column).to_owned()).filter(|text| !text.is_empty());
        let genre = text(self.columns.genre_top);
        let mut genres = self.fma.titles(field(self.columns.genres_all));
        if let Some(genre) = &genre
            && !genres.contains(genre)
        {
            genres.insert(0, genre.clone());
        }
        let path = |subset: Subset| {
            let name = format!("{number:06}");
            let folder = name[..name.len() - 3].to_owned();
            PathBuf::from(subset.folder()).join(folder).join(name + ".mp3")
        };
        Ok(Some(Recording {
            id: number.to_string(),
            path: self.fma.audio.map(path),
            genre,
            genres,
            artist: text(self.columns.artist),
            title: text(self.columns.title),
            album: text(self.columns.album),
            part,
        }))
    }
}

impl Iterator for Tracks<'_> {
    type Item = Result<Recording>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            let row = match next_row(&mut self.reader, &self.name, &mut self.ended)? {
                Ok(row) => row,
                Err(error) => return Some(Err(error)),
            };
            match self.recording(&row) {
                Ok(None) => {}
                Ok(Some(recording)) => return Some(Ok(recording)),
                Err(error) => return Some(Err(error)),
            }
        }
        None
    }
}

impl Collection for Fma {
    fn name(&self) -> &str {
        &self.name
    }

    fn root(&self) -> &Root {
        &self.root
    }

    fn recordings(&self) -> Result<Recordings<'_>> {
        Ok(Box::new(Tracks::open(self)?))
    }

    fn has_audio(&self) -> bool {
        self.audio.is_some()
    }

    fn clip_seconds(&self) -> Option<f64> {
        self.audio.filter(|&subset| subset != Subset::Full).map(|_| 30.0)
    }

    fn known_faults(&self) -> BTreeMap<String, String> {
        let why = "not 30 s long, says the collection's documentation";
        FAULTY.iter().map(|id| (id.to_string(), why.to_owned())).collect()
    }

    fn parents(&self) -> BTreeMap<String, String> {
        let genres = self.genres.values();
        let pairs = genres.filter_map(|g| Some((g.title.clone(), self.genres.get(&g.parent)?.title.clone())));
        pairs.collect()
    }
}

/// Opens a table whose header has so many rows, and the row that names the index after them.
fn open_table(path: &Path, rows: usize) -> Result<(Reader<File>, Vec<StringRecord>)> {
    let file = File::open(path).map_err(Error::io(path))?;
    let name = path.display().to_string();
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(file);
    let mut header = Vec::new();
    let mut ended = false;
    for _ in 0..=rows {
        let row = next_row(&mut reader, &name, &mut ended);
        header.push(row.ok_or_else(|| Error::table(&name, "the header is cut off"))??);
    }
    if header.pop().is_none_or(|row| row.get(0) != Some("track_id")) {
        let message = format!("no row `track_id` after {rows} rows of names");
        return Err(Error::table(&name, message));
    }
    Ok((reader, header))
}

/// The next row; `ended` is set at the end, and where nothing more can be read.
fn next_row(reader: &mut Reader<File>, name: &str, ended: &mut bool) -> Option<Result<StringRecord>> {
    let mut row = StringRecord::new();
    match reader.read_record(&mut row) {
        Ok(true) => Some(Ok(row)),
        Ok(false) => {
            *ended = true;
            None
        }
        Err(error) => {
            *ended = error.is_io_error();
            let line = error.position().map(csv::Position::line);
            let message = match error.kind() {
                csv::ErrorKind::Utf8 { .. } => "not UTF-8".to_owned(),
                _ => error.to_string(),
            };
            Some(Err(Error::Table {
                table: name.to_owned(),
                line,
                column: None,
                message,
            }))
        }
    }
}

fn read_genres(path: &Path) -> Result<BTreeMap<u32, FmaGenre>> {
    let file = File::open(path).map_err(Error::io(path))?;
    let name = path.display().to_string();
    let mut reader = Reader::from_reader(file);
    let fault = |error: csv::Error| Error::table(&name, error.to_string());
    let header = reader.headers().map_err(fault)?.clone();
    let column = |wanted: &str| {
        let at = header.iter().position(|column| column == wanted);
        at.ok_or_else(|| Error::table(&name, format!("no column `{wanted}`")))
    };
    let [number, parent, title] = [column("genre_id")?, column("parent")?, column("title")?];
    let mut genres = BTreeMap::new();
    for row in reader.records() {
        let row = row.map_err(fault)?;
        let whole = |column: usize| {
            row[column].trim().parse().map_err(|_| Error::Table {
                table: name.clone(),
                line: row.position().map(csv::Position::line),
                column: Some(header[column].to_owned()),
                message: format!("`{}` is not a whole number", &row[column]),
            })
        };
        let genre = FmaGenre {
            title: row[title].to_owned(),
            parent: whole(parent)?,
        };
        genres.insert(whole(number)?, genre);
    }
    Ok(genres)
}

/// `features.csv` of FMA: 518 columns, row by row.
///
/// Columns are named feature, statistic and number joined by `_`, such as `chroma_cens_kurtosis_01`, in the file's own order.
pub struct FmaFeatures {
    reader: Reader<File>,
    name: String,
    columns: Vec<String>,
    ended: bool,
}

impl FmaFeatures {
    /// Opens the table at `path`.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read, [`Error::Table`] when its header is malformed.
    pub fn open(path: &Path) -> Result<FmaFeatures> {
        let (reader, header) = open_table(path, 3)?;
        let name = path.display().to_string();
        let width = header[0].len();
        if header.iter().any(|row| row.len() != width) || width < 2 {
            return Err(Error::table(&name, "the rows of the header differ in length"));
        }
        let columns = (1..width).map(|i| format!("{}_{}_{}", &header[0][i], &header[1][i], &header[2][i]));
        Ok(FmaFeatures {
            columns: columns.collect(),
            reader,
            name,
            ended: false,
        })
    }

    /// The names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    fn values(&self, row: &StringRecord) -> Result<(String, Vec<f64>)> {
        let fault = |column: Option<&String>, message: String| Error::Table {
            table: self.name.clone(),
            line: row.position().map(csv::Position::line),
            column: column.cloned(),
            message,
        };
        if row.len() != self.columns.len() + 1 {
            let message = format!(
                "{} fields where the header has {}",
                row.len(),
                self.columns.len() + 1
            );
            return Err(fault(None, message));
        }
        let values = row.iter().skip(1).zip(&self.columns).map(|(field, column)| {
            let value = field.trim().parse::<f64>().ok().filter(|v| v.is_finite());
            value.ok_or_else(|| fault(Some(column), format!("`{field}` is not a finite number")))
        });
        Ok((row[0].to_owned(), values.collect::<Result<_>>()?))
    }
}

impl Iterator for FmaFeatures {
    /// The track number and its values in the order of the columns.
    type Item = Result<(String, Vec<f64>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let row = next_row(&mut self.reader, &self.name, &mut self.ended)?;
        Some(row.and_then(|row| self.values(&row)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACKS: &str = ",album,artist,set,set,track,track,track\n\
        ,title,name,split,subset,genre_top,genres_all,title\n\
        track_id,,,,,,,\n\
        2,\"AWOL, A Way\",AWOL,training,small,Hip-Hop,\"[21, 100]\",Food\n\
        1486,Alec,K,validation,medium,,\"[10]\",Pop song\n\
        x,,,,small,,,\n\
        140000,Late,L,test,small,Rock,[],\"End\nof it\"\n\
        7,,,lunch,small,,,\n";
    const GENRES: &str = "genre_id,#tracks,parent,title,top_level\n\
        21,1,0,Hip-Hop,21\n100,1,21,Alternative Hip-Hop,21\n10,1,0,Pop,10\n5,1,6,A,5\n6,1,5,B,5\n";

    fn archive(folders: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("fma_metadata")).unwrap();
        std::fs::write(folder.path().join("fma_metadata/tracks.csv"), TRACKS).unwrap();
        std::fs::write(folder.path().join("fma_metadata/genres.csv"), GENRES).unwrap();
        for name in folders {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        folder
    }

    #[test]
    fn tracks_of_the_subset_come_with_genres_parts_and_paths() {
        let folder = archive(&["fma_small", "fma_medium"]);
        let small = Fma::open(&folder.path().join("fma_small")).unwrap();
        assert_eq!((small.name(), small.clip_seconds()), ("fma_small", Some(30.0)));
        let all: Vec<_> = small.recordings().unwrap().collect();
        let first = all[0].as_ref().unwrap();
        assert_eq!(first.id, "2");
        assert_eq!(first.path.as_deref(), Some(Path::new("fma_small/000/000002.mp3")));
        assert_eq!(first.genres, ["Hip-Hop", "Alternative Hip-Hop"]);
        assert_eq!(first.album.as_deref(), Some("AWOL, A Way"));
        assert_eq!(first.part, Some(Part::Train));
        let error = all[1].as_ref().unwrap_err().to_string();
        assert!(
            error.contains("tracks.csv, line 6") && error.contains("`x`"),
            "{error}"
        );
        let late = all[2].as_ref().unwrap();
        assert_eq!(late.path.as_deref(), Some(Path::new("fma_small/140/140000.mp3")));
        assert_eq!(
            (late.genres.as_slice(), late.part),
            (&["Rock".to_owned()][..], Some(Part::Test))
        );
        let error = all[3].as_ref().unwrap_err().to_string();
        assert!(error.contains("line 9") && error.contains("`lunch`"), "{error}");
        assert_eq!(all.len(), 4);

        let both = Fma::open(folder.path()).unwrap();
        assert_eq!(both.name(), "fma_medium");
        assert_eq!(both.recordings().unwrap().filter(|r| r.is_ok()).count(), 3);
        assert_eq!(both.parents()["Alternative Hip-Hop"], "Hip-Hop");
        assert!(both.known_faults().contains_key("1486"));
    }

    #[test]
    fn tables_alone_are_a_collection_without_audio() {
        let folder = archive(&[]);
        let tables = Fma::open(&folder.path().join("fma_metadata")).unwrap();
        assert!(!tables.has_audio());
        assert_eq!(tables.recordings().unwrap().filter(|r| r.is_ok()).count(), 3);
    }

    #[test]
    fn malformed_tables_are_named() {
        let folder = archive(&["fma_small"]);
        let path = folder.path().join("fma_metadata/tracks.csv");
        for (text, said) in [
            ("", "cut off"),
            (",a\n,b\ntrack_id,\n", "no column `set, split`"),
            (",a\n,b\n1,2\n", "no row `track_id`"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = Fma::open(folder.path()).unwrap_err().to_string();
            assert!(error.contains("tracks.csv") && error.contains(said), "{error}");
        }
    }

    #[test]
    fn features_are_streamed_with_flat_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("features.csv");
        let text = "feature,chroma_cens,zcr\nstatistics,kurtosis,std\nnumber,01,01\ntrack_id,,\n2,7.1,0.5\n3,loud,1\n5,1,2\n";
        std::fs::write(&path, text).unwrap();
        let features = FmaFeatures::open(&path).unwrap();
        assert_eq!(features.columns(), ["chroma_cens_kurtosis_01", "zcr_std_01"]);
        let rows: Vec<_> = features.collect();
        assert_eq!(rows[0].as_ref().unwrap(), &("2".to_owned(), vec![7.1, 0.5]));
        let error = rows[1].as_ref().unwrap_err().to_string();
        assert!(
            error.contains("line 6, column `chroma_cens_kurtosis_01`"),
            "{error}"
        );
        assert_eq!(rows[2].as_ref().unwrap().1, [1.0, 2.0]);
    }
}
