//! The file of a split: two lines that say what it is, then CSV with an id and a place to a line.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;

use crate::split::{About, Place, Split, fault};
use crate::{Error, Result};

/// The first line of every split file.
const MAGIC: &str = "# melisma split, format 1";
/// The line about how the split was made is no longer than this.
const LARGEST: u64 = 64 << 20;

impl Split {
    /// The bytes of the split's file; the same split gives the same bytes.
    ///
    /// After the two lines that begin with `#` comes CSV with the columns `id` and `part` (or `fold`), sorted by id.
    pub fn to_bytes(&self) -> Vec<u8> {
        let about = serde_json::to_string(self.about()).expect("texts and finite numbers make JSON");
        let mut bytes = format!("{MAGIC}\n# {about}\n").into_bytes();
        let folds = self.places().any(|(_, place)| matches!(place, Place::Fold(_)));
        let mut writer = csv::Writer::from_writer(&mut bytes);
        let second = if folds { "fold" } else { "part" };
        let wrote = writer.write_record(["id", second]).and_then(|()| {
            for (id, place) in self.places() {
                writer.write_record([id, &place.to_string()])?;
            }
            writer.flush().map_err(csv::Error::from)
        });
        wrote.expect("memory takes what is written to it");
        drop(writer);
        bytes
    }

    /// Writes the split's file beside its place, then moves it there.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut name = path.as_os_str().to_owned();
        name.push(".new");
        let written = File::create(&name).and_then(|mut file| {
            file.write_all(&self.to_bytes())?;
            file.sync_all()?;
            fs::rename(&name, path)
        });
        if written.is_err() {
            let _ = fs::remove_file(&name); // the first error is the one to report
        }
        written.map_err(Error::io(path))
    }

    /// Reads a split's file.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read; [`Error::Table`] naming the line of a fault; [`Error::Split`] when the rows do
    /// not have the hash that the file gives.
    pub fn read(path: &Path) -> Result<Split> {
        let file = File::open(path).map_err(Error::io(path))?;
        Split::from_reader(BufReader::new(file), &path.display().to_string())
    }

    /// Reads a split; `name` stands for its file in errors.
    ///
    /// # Errors
    /// As [`Split::read`].
    pub fn from_reader(mut input: impl BufRead, name: &str) -> Result<Split> {
        let mut line = |number: u64| {
            let mut text = String::new();
            let mut limited = input.by_ref().take(LARGEST);
            match limited.read_line(&mut text) {
                Ok(_) => Ok(text),
                Err(error) => Err(at(name, Some(number), error.to_string())),
            }
        };
        if line(1)?.trim_end() != MAGIC {
            return Err(at(
                name,
                Some(1),
                "no split of a format that this version reads".to_owned(),
            ));
        }
        let second = line(2)?;
        let about: About = serde_json::from_str(second.trim_start_matches('#').trim())
            .map_err(|error| at(name, Some(2), error.to_string()))?;
        let mut places = BTreeMap::new();
        let mut reader = csv::Reader::from_reader(input);
        for (index, record) in reader.deserialize::<(String, String)>().enumerate() {
            let number = Some(index as u64 + 4);
            let (id, place) = record.map_err(|error| at(name, number, error.to_string()))?;
            let place = place
                .parse()
                .map_err(|error: Error| at(name, number, error.to_string()))?;
            if places.insert(id.clone(), place).is_some() {
                return Err(at(name, number, format!("the id `{id}` comes twice")));
            }
        }
        let said = about.sha256.clone();
        let split = Split::new(places, about).map_err(|error| at(name, None, error.to_string()))?;
        match split.hash() == said {
            true => Ok(split),
            false => Err(fault(format!(
                "{name}: the rows do not have the hash that the file gives: it was changed"
            ))),
        }
    }
}

fn at(name: &str, line: Option<u64>, message: String) -> Error {
    Error::Table {
        table: name.to_owned(),
        line,
        column: None,
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collection::Part;
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> Result<Split> {
        Split::from_reader(bytes, "s.csv")
    }

    #[test]
    fn changed_files_are_noticed() {
        let places = [("a", Part::Train), ("b", Part::Test)];
        let places = places.map(|(id, part)| (id.to_owned(), Place::Part(part)));
        let split = Split::new(places.into(), About::default()).unwrap();
        let text = String::from_utf8(split.to_bytes()).unwrap();
        for (from, to, said) in [
            ("b,test", "b,train", "was changed"),
            ("b,test", "b,tset", "line 5: cannot split: `tset`"),
            ("b,test", "a,test", "line 5: the id `a` comes twice"),
            ("b,test", "b", "line"),
            ("format 1", "format 9", "line 1"),
            ("\"method\"", "\"methods\"", "line 2"),
            ("a,train\nb,test\n", "", "no rows"),
        ] {
            assert!(text.contains(from), "{from}");
            let error = read(text.replacen(from, to, 1).as_bytes())
                .unwrap_err()
                .to_string();
            assert!(error.contains("s.csv") && error.contains(said), "{to}: {error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            ids in prop::collection::btree_map("\\PC{1,12}", 0u32..5, 1..30), folds: bool, note in "\\PC{0,20}"
        ) {
            let place = |number: u32| match folds {
                true => Place::Fold(number),
                false => Place::Part(Part::ALL[number as usize % 3]),
            };
            let places = ids.into_iter().map(|(id, number)| (id, place(number))).collect();
            let about = About { notes: vec![note], ..About::default() };
            prop_assume!(Split::new(BTreeMap::clone(&places), about.clone()).is_ok());
            let split = Split::new(places, about).unwrap();
            prop_assert_eq!(read(&split.to_bytes()).unwrap(), split);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(read(&bytes).is_err());
            let mut begun = format!("{MAGIC}\n").into_bytes();
            begun.extend(bytes);
            let _ = read(&begun);
        }
    }
}
