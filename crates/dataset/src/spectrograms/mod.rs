//! Tables of descriptors of spectrogram images, from an archive of pictures. Not for sound: that is [`extract`](crate::extract).
//!
//! The archive is a tar file of grey PNG pictures of [`BANDS`](melisma_features::image::BANDS) rows, time from left to right and
//! low frequencies at the bottom, as `GENRE/GENRE.NNNNN.png`.

mod archive;
mod picture;

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use melisma_features::image::{ImageView, SpectrogramImage};

use crate::extract::Failure;
use crate::{Error, Result, Table};

/// The most pictures an archive may hold: a table of them is kept in memory.
const MOST_PICTURES: usize = 20_000;

/// What to describe.
#[derive(Debug, Clone, PartialEq)]
pub struct SpectrogramOptions {
    /// The descriptors, in the order of their columns.
    pub views: Vec<ImageView>,
    /// Pieces of equal duration each picture is cut into, with a row for each; 1 for whole pictures.
    pub parts: usize,
}

impl Default for SpectrogramOptions {
    fn default() -> Self {
        SpectrogramOptions {
            views: ImageView::ALL.to_vec(),
            parts: 1,
        }
    }
}

/// What an archive gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Spectrograms {
    /// A row for each picture, `blues.00000.png`, or for each piece of one, `blues.00000.0.png`, in the order of the
    /// archive; the label is the folder the picture lies in, if every picture lies in one.
    pub table: Table,
    /// The pictures that could not be read.
    pub failed: Vec<Failure>,
    /// Whether it was asked to stop before the end.
    pub interrupted: bool,
}

/// Reads an archive and describes its pictures; one that is faulty does not keep the others from being read.
///
/// # Errors
/// [`Error::Io`] when the file cannot be opened, [`Error::Collection`] when it is no tar file, or breaks off, or holds too
/// many pictures, or none at all.
pub fn read_spectrograms(
    path: &Path,
    options: &SpectrogramOptions,
    stop: &AtomicBool,
) -> Result<Spectrograms> {
    let file = File::open(path).map_err(Error::io(path))?;
    read_spectrograms_from(BufReader::new(file), path, options, stop)
}

/// As [`read_spectrograms`], from the bytes of an archive; `path` stands for it in errors.
///
/// # Errors
/// As [`read_spectrograms`].
pub fn read_spectrograms_from(
    input: impl Read,
    path: &Path,
    options: &SpectrogramOptions,
    stop: &AtomicBool,
) -> Result<Spectrograms> {
    let fault = |message: String| Error::Collection {
        path: path.to_owned(),
        message,
    };
    let mut rows = Rows::default();
    let mut failed = Vec::new();
    let mut interrupted = false;
    archive::pictures(input, &mut |name, bytes| {
        if rows.seen.len() + failed.len() >= MOST_PICTURES {
            return Err(format!("holds more than {MOST_PICTURES} pictures"));
        }
        if let Err(fault) = bytes.and_then(|bytes| rows.push(name, &bytes, options)) {
            failed.push(Failure {
                path: PathBuf::from(name),
                fault,
            });
        }
        interrupted = stop.load(Ordering::Relaxed);
        Ok(!interrupted)
    })
    .map_err(fault)?;
    if rows.seen.is_empty() && failed.is_empty() && !interrupted {
        return Err(fault("holds no pictures (.png)".to_owned()));
    }
    Ok(Spectrograms {
        table: rows.table(options),
        failed,
        interrupted,
    })
}

/// The pictures of an archive themselves.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pictures {
    /// The name of each, `blues.00000.png`, in the order of the archive.
    pub filenames: Vec<String>,
    /// The folder each lies in.
    pub labels: Vec<Option<String>>,
    /// The pictures.
    pub images: Vec<SpectrogramImage>,
    /// The pictures that could not be read.
    pub failed: Vec<Failure>,
    /// Whether it was asked to stop before the end.
    pub interrupted: bool,
}

/// Reads the pictures of an archive as they are, for networks that look at them.
///
/// # Errors
/// As [`read_spectrograms`].
pub fn read_pictures(path: &Path, stop: &AtomicBool) -> Result<Pictures> {
    let file = File::open(path).map_err(Error::io(path))?;
    let fault = |message: String| Error::Collection {
        path: path.to_owned(),
        message,
    };
    let mut read = Pictures::default();
    let mut seen = HashSet::new();
    archive::pictures(BufReader::new(file), &mut |name, bytes| {
        if read.images.len() + read.failed.len() >= MOST_PICTURES {
            return Err(format!("holds more than {MOST_PICTURES} pictures"));
        }
        let (folder, file) = folder_and_file(name);
        let image = match seen.contains(file) {
            true => Err("a picture of this name occurs twice".to_owned()),
            false => bytes.and_then(|bytes| picture::decode(&bytes)),
        };
        match image {
            Ok(image) => {
                seen.insert(file.to_owned());
                read.filenames.push(file.to_owned());
                read.labels.push(folder.map(str::to_owned));
                read.images.push(image);
            }
            Err(fault) => read.failed.push(Failure {
                path: PathBuf::from(name),
                fault,
            }),
        }
        read.interrupted = stop.load(Ordering::Relaxed);
        Ok(!read.interrupted)
    })
    .map_err(fault)?;
    match read.images.is_empty() && read.failed.is_empty() && !read.interrupted {
        true => Err(fault("holds no pictures (.png)".to_owned())),
        false => Ok(read),
    }
}

/// The folder a picture lies in, if it lies in one, and its file's name.
fn folder_and_file(name: &str) -> (Option<&str>, &str) {
    match name.rsplit_once('/') {
        Some((folders, file)) => (
            folders.rsplit('/').next().filter(|f| !matches!(*f, "" | ".")),
            file,
        ),
        None => (None, name),
    }
}

/// Rows under construction.
#[derive(Default)]
struct Rows {
    /// The pictures that gave rows.
    seen: HashSet<String>,
    filenames: Vec<String>,
    labels: Vec<Option<String>>,
    values: Vec<f64>,
}

impl Rows {
    fn push(
        &mut self,
        name: &str,
        bytes: &[u8],
        options: &SpectrogramOptions,
    ) -> std::result::Result<(), String> {
        let (folder, file) = folder_and_file(name);
        if self.seen.contains(file) {
            return Err("a picture of this name occurs twice".to_owned());
        }
        let image = picture::decode(bytes)?;
        if options.parts == 1 {
            self.row(file.to_owned(), folder, &image, options);
        } else {
            let (stem, ending) = file.rsplit_once('.').unwrap_or((file, "png"));
            let pieces = image.cut(options.parts).map_err(|error| error.to_string())?;
            for (number, piece) in pieces.iter().enumerate() {
                self.row(format!("{stem}.{number}.{ending}"), folder, piece, options);
            }
        }
        self.seen.insert(file.to_owned());
        Ok(())
    }

    fn row(
        &mut self,
        filename: String,
        folder: Option<&str>,
        image: &SpectrogramImage,
        options: &SpectrogramOptions,
    ) {
        self.filenames.push(filename);
        self.labels.push(folder.map(str::to_owned));
        self.values
            .extend(options.views.iter().flat_map(|view| view.values(image)));
    }

    fn table(self, options: &SpectrogramOptions) -> Table {
        Table {
            columns: options.views.iter().flat_map(|view| view.names()).collect(),
            values: self.values,
            filenames: self.filenames,
            lengths: None,
            labels: self.labels.into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spectrograms::picture::tests::png;
    use proptest::prelude::*;

    /// An archive of these files.
    fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, bytes) in files {
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, name, *bytes).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn read(bytes: &[u8], options: &SpectrogramOptions) -> Result<Spectrograms> {
        read_spectrograms_from(bytes, Path::new("a.tar"), options, &AtomicBool::new(false))
    }

    fn texture(parts: usize) -> SpectrogramOptions {
        SpectrogramOptions {
            views: vec![ImageView::Texture],
            parts,
        }
    }

    #[test]
    fn pictures_become_rows_and_faulty_ones_are_named() {
        let (good, flat) = (png(32, 128, 1), png(32, 127, 1));
        let bytes = tar(&[
            ("./jazz/jazz.00001.png", &good),
            ("./jazz/jazz.00002.png", &flat),
            ("./jazz/readme.txt", b"hello"),
            ("./jazz/._jazz.00003.png", b"hidden"),
            ("./rock/rock.00001.png", b"no picture"),
            ("./rock/jazz.00001.png", &good),
            ("./rock/rock.00002.png", &png(32, 128, 2)),
        ]);
        let read = read(&bytes, &texture(1)).unwrap();
        assert_eq!(read.table.filenames, ["jazz.00001.png", "rock.00002.png"]);
        assert_eq!(read.table.labels.unwrap(), ["jazz", "rock"]);
        assert_eq!(read.table.values.len(), 2 * 1024);
        assert!(read.table.values[..1024] != read.table.values[1024..]);
        let faults: Vec<_> = read.failed.iter().map(|f| f.fault.as_str()).collect();
        assert_eq!(faults.len(), 3, "{faults:?}");
        assert!(
            faults[0].contains("127 rows") && faults[2].contains("twice"),
            "{faults:?}"
        );
    }

    #[test]
    fn pieces_are_windows_of_their_track() {
        let bytes = tar(&[("jazz.00001.png", &png(48, 128, 1))]);
        let table = read(&bytes, &texture(3)).unwrap().table;
        assert_eq!(
            table.filenames,
            ["jazz.00001.0.png", "jazz.00001.1.png", "jazz.00001.2.png"]
        );
        assert_eq!(table.labels, None);
        assert_eq!(crate::TrackId::of_row(&table.filenames[2]).as_str(), "jazz.00001");
        let narrow = read(&bytes, &texture(7)).unwrap();
        assert!(narrow.failed[0].fault.contains("columns"));
    }

    #[test]
    fn what_is_no_archive_is_an_error() {
        let said = |bytes: &[u8]| read(bytes, &texture(1)).unwrap_err().to_string();
        assert!(said(&[]).contains("holds no pictures"));
        assert!(said(&[7; 1000]).contains("a.tar"));
        let whole = tar(&[("jazz.00001.png", &png(32, 128, 1))]);
        assert!(
            said(&whole[..600]).contains("breaks off"),
            "{}",
            said(&whole[..600])
        );
    }

    #[test]
    fn a_name_that_was_cut_short_is_not_taken() {
        let long = format!("{}/jazz.00001.png", "x".repeat(300));
        let read = read(&tar(&[(&long, &png(32, 128, 1))]), &texture(1)).unwrap();
        assert!(
            read.table.is_empty() && read.failed[0].fault.contains("long"),
            "{read:?}"
        );
    }

    #[test]
    fn it_stops_when_asked() {
        let picture = png(32, 128, 1);
        let bytes = tar(&[("a.png", &picture), ("b.png", &picture)]);
        let stop = AtomicBool::new(true);
        let read = read_spectrograms_from(&bytes[..], Path::new("a.tar"), &texture(1), &stop).unwrap();
        assert!(read.interrupted && read.table.len() == 1);
    }

    proptest! {
        #[test]
        fn damage_never_panics(at in 0_usize..4000, bytes in proptest::collection::vec(any::<u8>(), 1..20)) {
            let mut archive = tar(&[("a/a.00001.png", &png(8, 128, 1)), ("b/b.00001.png", &png(9, 128, 1))]);
            for (place, byte) in archive.iter_mut().skip(at).zip(bytes) {
                *place = byte;
            }
            if let Ok(read) = read(&archive, &texture(1)) {
                prop_assert_eq!(read.table.values.len(), 1024 * read.table.len());
                prop_assert!(read.table.len() <= 2 && read.table.values.iter().all(|v| v.is_finite()));
            }
        }
    }
}
