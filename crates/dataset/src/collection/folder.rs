//! Audio files in any tree of folders, described by their tags and the folders they lie in.
//!
//! Not for collections that come with lists of their own.

use std::path::{Path, PathBuf};

use melisma_audio::read_tags;

use super::{Collection, GenreSource, Recording, Recordings, Root};
use crate::extract::walk;
use crate::{Error, Result};

/// A tree of folders with audio files.
///
/// The id of a recording is its path below the root, with `/` between the parts. Its genre is the file's tag, or the folder it lies in, as the
/// [`GenreSource`] says; `genres` holds both where both are known and differ. Artist, title and album are the file's tags.
#[derive(Debug)]
pub struct Folder {
    name: String,
    root: Root,
    genre: GenreSource,
}

impl Folder {
    /// The folder at `path`.
    ///
    /// # Errors
    /// [`Error::Io`] when it does not exist or is no folder.
    pub fn open(path: &Path, genre: GenreSource) -> Result<Folder> {
        Ok(Folder {
            name: folder_name(path),
            root: Root::open(path)?,
            genre,
        })
    }

    fn recording(&self, path: PathBuf) -> Result<Recording> {
        let file = self.root.file(&path)?;
        let mut tags = read_tags(&file);
        let tag = tags.remove("genre");
        let folder = path
            .parent()
            .and_then(Path::file_name)
            .map(|name| name.to_string_lossy().into_owned());
        let (first, second) = match self.genre {
            GenreSource::TagOrFolder => (tag, folder),
            GenreSource::Tag => (tag, None),
            GenreSource::Folder => (folder, tag),
        };
        let genre = match self.genre {
            GenreSource::TagOrFolder => first.clone().or_else(|| second.clone()),
            GenreSource::Tag | GenreSource::Folder => first.clone(),
        };
        let mut genres: Vec<String> = first.into_iter().chain(second).collect();
        genres.dedup();
        Ok(Recording {
            id: slashed(&path),
            path: Some(path),
            genre,
            genres,
            artist: tags.remove("artist"),
            title: tags.remove("title"),
            album: tags.remove("album"),
            part: None,
        })
    }
}

impl Collection for Folder {
    fn name(&self) -> &str {
        &self.name
    }

    fn root(&self) -> &Root {
        &self.root
    }

    fn recordings(&self) -> Result<Recordings<'_>> {
        let (found, failed) = walk(&[self.root.path().to_owned()]);
        let failed = failed.into_iter().map(|failure| {
            Err(Error::Collection {
                path: failure.path,
                message: failure.fault,
            })
        });
        let found = found.into_iter().map(|found| {
            let below = found.path.strip_prefix(self.root.path()).unwrap_or(&found.path);
            self.recording(below.to_owned())
        });
        Ok(Box::new(found.chain(failed)))
    }
}

/// The name of a folder, however its path is written.
pub(super) fn folder_name(path: &Path) -> String {
    let absolute = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    absolute
        .file_name()
        .map_or_else(|| "/".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// A path below a root as an id: `/` between its parts on every system.
pub(super) fn slashed(path: &Path) -> String {
    let parts: Vec<_> = path
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A wav file of one sample with a genre tag.
    fn tagged(genre: Option<&str>) -> Vec<u8> {
        let mut chunks =
            b"fmt \x10\0\0\0\x01\0\x01\0\x22\x56\0\0\x44\xac\0\0\x02\0\x10\0data\x02\0\0\0\0\0".to_vec();
        if let Some(genre) = genre {
            let length = genre.len().next_multiple_of(2) as u32;
            chunks.extend(b"LIST");
            chunks.extend((12 + length).to_le_bytes());
            chunks.extend(b"INFOIGNR");
            chunks.extend((genre.len() as u32).to_le_bytes());
            chunks.extend(genre.as_bytes());
            chunks.resize(chunks.len().next_multiple_of(2), 0);
        }
        let mut bytes = b"RIFF".to_vec();
        bytes.extend((chunks.len() as u32 + 4).to_le_bytes());
        bytes.extend(b"WAVE");
        bytes.extend(chunks);
        bytes
    }

    fn put(folder: &Path, name: &str, bytes: &[u8]) {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    #[test]
    fn tags_and_folders_name_the_genre() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "jazz/a.wav", &tagged(Some("Rock")));
        put(folder.path(), "jazz/b.wav", &tagged(None));
        put(folder.path(), "c.wav", &tagged(Some("Pop")));
        put(folder.path(), "d.wav", &tagged(None));
        let genres = |source| {
            let folder = Folder::open(folder.path(), source).unwrap();
            let all: Vec<_> = folder.recordings().unwrap().map(|r| r.unwrap().genre).collect();
            all
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            genres(GenreSource::TagOrFolder),
            [some("Pop"), None, some("Rock"), some("jazz")]
        );
        assert_eq!(genres(GenreSource::Tag), [some("Pop"), None, some("Rock"), None]);
        assert_eq!(
            genres(GenreSource::Folder),
            [None, None, some("jazz"), some("jazz")]
        );
        let both = Folder::open(folder.path(), GenreSource::TagOrFolder).unwrap();
        let third = both.recordings().unwrap().nth(2).unwrap().unwrap();
        assert_eq!(
            (third.id.as_str(), third.genres),
            ("jazz/a.wav", vec!["Rock".into(), "jazz".into()])
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_outside_is_a_fault_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "secret.wav", &tagged(None));
        put(folder.path(), "in/b.wav", &tagged(None));
        std::os::unix::fs::symlink(folder.path().join("secret.wav"), folder.path().join("in/a.wav")).unwrap();
        let inside = Folder::open(&folder.path().join("in"), GenreSource::default()).unwrap();
        let all: Vec<_> = inside.recordings().unwrap().collect();
        assert!(matches!(all[0], Err(Error::Outside { .. })));
        assert_eq!(all[1].as_ref().unwrap().id, "b.wav");
    }
}
