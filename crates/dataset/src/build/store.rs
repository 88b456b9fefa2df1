//! The folder of a collection under construction: files, manifest, list. Nothing in it is half-written.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use lofty::config::WriteOptions;
use lofty::file::{AudioFile, TaggedFileExt};
use lofty::tag::{Accessor, Tag};

use crate::build::{BuildError, Entry, Offer, extension_of, safe_name};
use crate::collection::Part;
use crate::sha256_file;

/// What is done, one JSON object a line.
const MANIFEST: &str = "manifest.jsonl";
/// The list of the collection.
const LIST: &str = "collection.csv";
/// Where a file is before it has its name.
const PARTIAL: &str = ".partial";
/// No line of a manifest is longer than this.
const LONGEST: u64 = 1 << 20;

/// A file that was kept, or why it was not.
type Kept = Result<(), String>;

/// The folder.
pub(super) struct Store {
    folder: PathBuf,
    entries: Vec<Entry>,
    manifest: Option<File>,
}

impl Store {
    /// Opens the folder, made where there is none, and reads its manifest; `dry` writes nothing.
    pub(super) fn open(folder: &Path, dry: bool) -> Result<Store, BuildError> {
        let path = folder.join(MANIFEST);
        let io = |source| BuildError::Io {
            path: path.clone(),
            source,
        };
        let (entries, whole) = match File::open(&path) {
            Ok(file) => read_manifest(file).map_err(io)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => (Vec::new(), 0),
            Err(error) => return Err(io(error)),
        };
        let manifest = if dry {
            None
        } else {
            fs::create_dir_all(folder).map_err(io)?;
            let file = OpenOptions::new()
                .create(true)
                .append(true)
                .open(&path)
                .map_err(io)?;
            // A line that an interruption cut short is written again.
            file.set_len(whole).map_err(io)?;
            Some(file)
        };
        Ok(Store {
            folder: folder.to_owned(),
            entries,
            manifest,
        })
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Keeps a copy of a file of the user's, as it is.
    pub(super) fn copy(
        &mut self,
        offer: &Offer,
        from: &Path,
        part: Option<Part>,
    ) -> Result<Kept, BuildError> {
        let partial = self.folder.join(PARTIAL);
        if let Err(error) = fs::copy(from, &partial) {
            let _ = fs::remove_file(&partial); // the first error is the one to report
            return Ok(Err(error.to_string()));
        }
        self.keep(offer, part, &partial, false)
    }

    /// Keeps the bytes of a preview, with title and artist as its tags.
    pub(super) fn save(
        &mut self,
        offer: &Offer,
        bytes: &[u8],
        part: Option<Part>,
    ) -> Result<Kept, BuildError> {
        let partial = self.folder.join(PARTIAL);
        fs::write(&partial, bytes).map_err(|source| BuildError::Io {
            path: partial.clone(),
            source,
        })?;
        self.keep(offer, part, &partial, true)
    }

    /// Checks a file that has no name yet, tags it, gives it its name and enters it.
    fn keep(
        &mut self,
        offer: &Offer,
        part: Option<Part>,
        partial: &Path,
        tag: bool,
    ) -> Result<Kept, BuildError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| BuildError::Io { path, source }
        };
        let mut start = Vec::new();
        let file = File::open(partial).map_err(io(partial))?;
        file.take(16).read_to_end(&mut start).map_err(io(partial))?;
        let drop_it = |fault: String| -> Result<Kept, BuildError> {
            fs::remove_file(partial).map_err(io(partial))?;
            Ok(Err(fault))
        };
        let Some(extension) = extension_of(&start) else {
            return drop_it("not a sound file".to_owned());
        };
        if let Err(error) = melisma_audio::info(partial) {
            let text = error.to_string();
            return drop_it(text.replace(&format!("{}: ", partial.display()), ""));
        }
        if tag && let Err(error) = write_tags(partial, offer) {
            return drop_it(format!("cannot be tagged: {error}"));
        }
        let genre = safe_name(&offer.genre);
        let folder = self.folder.join(&genre);
        fs::create_dir_all(&folder).map_err(io(&folder))?;
        let artist = if offer.artist.is_empty() {
            "unknown"
        } else {
            &offer.artist
        };
        let stem = format!("{} - {}", safe_name(artist), safe_name(&offer.title));
        let mut name = format!("{stem}.{extension}");
        let used = |name: &str| folder.join(name).exists();
        if used(&name) {
            name = format!("{stem} ({}).{extension}", safe_name(&offer.id));
        }
        let path = folder.join(&name);
        let sha256 = sha256_file(partial)?;
        fs::rename(partial, &path).map_err(io(&path))?;
        let entry = Entry {
            source_id: offer.id.clone(),
            path: format!("{genre}/{name}"),
            genre: offer.genre.clone(),
            part,
            artist: offer.artist.clone(),
            title: offer.title.clone(),
            album: offer.album.clone(),
            licence: offer.licence.clone(),
            url: offer.url.clone(),
            sha256,
        };
        if let Some(manifest) = &mut self.manifest {
            let mut line = serde_json::to_vec(&entry).expect("texts make JSON");
            line.push(b'\n');
            manifest
                .write_all(&line)
                .map_err(io(&self.folder.join(MANIFEST)))?;
        }
        self.entries.push(entry);
        Ok(Ok(()))
    }

    /// Writes the list, in order of genre and path.
    pub(super) fn finish(&mut self) -> Result<(), BuildError> {
        if self.manifest.is_none() || self.entries.is_empty() {
            return Ok(());
        }
        self.entries
            .sort_by(|a, b| (&a.genre, &a.path).cmp(&(&b.genre, &b.path)));
        let path = self.folder.join(LIST);
        let beside = self.folder.join(format!("{LIST}.new"));
        let written = write_list(&beside, &self.entries).and_then(|()| fs::rename(&beside, &path));
        written.map_err(|source| BuildError::Io { path, source })
    }
}

/// The entries of a manifest, and how many bytes of whole lines it has.
fn read_manifest(file: File) -> std::io::Result<(Vec<Entry>, u64)> {
    let mut reader = BufReader::new(file);
    let (mut entries, mut whole) = (Vec::new(), 0);
    loop {
        let mut line = Vec::new();
        let count = reader.by_ref().take(LONGEST).read_until(b'\n', &mut line)? as u64;
        if line.last() != Some(&b'\n') {
            return Ok((entries, whole));
        }
        whole += count;
        let number = entries.len() + 1;
        let entry = serde_json::from_slice(&line).map_err(|error| {
            std::io::Error::new(std::io::ErrorKind::InvalidData, format!("line {number}: {error}"))
        })?;
        entries.push(entry);
    }
}

fn write_list(path: &Path, entries: &[Entry]) -> std::io::Result<()> {
    let mut writer = csv::Writer::from_path(path)?;
    writer.write_record([
        "id", "path", "genre", "part", "artist", "title", "album", "source", "licence", "url",
    ])?;
    for entry in entries {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        writer.write_record([
            entry.path.as_str(),
            &entry.path,
            &entry.genre,
            entry.part.map_or("", Part::name),
            &entry.artist,
            &entry.title,
            &text(&entry.album),
            &entry.source_id,
            &text(&entry.licence),
            &text(&entry.url),
        ])?;
    }
    writer.flush()
}

/// Writes title, artist, album and genre; a foreign file that the tag library stumbles over is a fault like any other.
fn write_tags(path: &Path, offer: &Offer) -> Result<(), String> {
    let tagged = std::panic::catch_unwind(|| tag(path, offer).map_err(|error| error.to_string()));
    tagged.unwrap_or_else(|_| Err("the tag library cannot take it".to_owned()))
}

fn tag(path: &Path, offer: &Offer) -> Result<(), Box<dyn std::error::Error>> {
    let mut file = lofty::probe::Probe::open(path)?.guess_file_type()?.read()?;
    let kind = file.primary_tag_type();
    if file.primary_tag().is_none() {
        file.insert_tag(Tag::new(kind));
    }
    if let Some(tag) = file.primary_tag_mut() {
        tag.set_title(offer.title.clone());
        tag.set_artist(offer.artist.clone());
        tag.set_genre(offer.genre.clone());
        if let Some(album) = &offer.album {
            tag.set_album(album.clone());
        }
    }
    Ok(file.save_to_path(path, WriteOptions::default())?)
}
