//! GTZAN as audio: folders of genres with clips named `GENRE.NNNNN`, and the lists that accompany them.
//!
//! Clips may be missing, and in any audio format. The feature tables are read by [`Gtzan`](crate::Gtzan) itself.

use std::collections::BTreeMap;
use std::path::Path;

use super::folder::folder_name;
use super::{Collection, Part, Recording, Recordings, Root};
use crate::extract::{Found, walk};
use crate::gtzan::CORRUPT;
use crate::{Error, Genre, Gtzan, Result, TrackId};

/// The clips of GTZAN below a folder.
///
/// The genre of a clip is its folder's. Where its name says another, it has none, and `genres` holds both.
#[derive(Debug)]
pub struct GtzanAudio {
    name: String,
    root: Root,
    lists: Option<Gtzan>,
    parts: BTreeMap<TrackId, Part>,
}

impl GtzanAudio {
    /// The clips below `path`, with the lists in `lists`; where that is `None`, with those in `path` itself, if there are any.
    ///
    /// The lists are `artists.txt`, `duplicates.txt` and, where they are there, `splits/{train,valid,test}_filtered.txt`.
    ///
    /// # Errors
    /// [`Error::Io`] when the folder or a list cannot be read, [`Error::List`] for a line that cannot be understood.
    pub fn open(path: &Path, lists: Option<&Path>) -> Result<GtzanAudio> {
        let root = Root::open(path)?;
        let own = || path.join("artists.txt").is_file().then_some(path);
        let lists = lists.or_else(own).map(Gtzan::open_folder).transpose()?;
        let mut parts = BTreeMap::new();
        if let Some(lists) = &lists {
            for part in Part::ALL {
                if lists.split_path(part).is_file() {
                    parts.extend(lists.filtered(part)?.into_iter().map(|track| (track, part)));
                }
            }
        }
        Ok(GtzanAudio {
            name: folder_name(path),
            root,
            lists,
            parts,
        })
    }

    fn recording(&self, found: &Found) -> Result<Recording> {
        let path = found.path.strip_prefix(self.root.path()).unwrap_or(&found.path);
        self.root.file(path)?;
        let track = TrackId::of_row(&found.relative);
        let folder = Genre::of_folder(&found.path);
        let named = track
            .as_str()
            .split('.')
            .next()
            .and_then(|name| name.parse::<Genre>().ok());
        let (genre, genres) = match (folder, named) {
            (Some(folder), Some(named)) if folder != named => (None, vec![folder, named]),
            (folder, named) => {
                let genre = folder.or(named);
                (genre, genre.into_iter().collect())
            }
        };
        let known = |of: fn(&Gtzan, &TrackId) -> Option<String>| of(self.lists.as_ref()?, &track);
        Ok(Recording {
            path: Some(path.to_owned()),
            genre: genre.map(|g| g.name().to_owned()),
            genres: genres.iter().map(|g| g.name().to_owned()).collect(),
            artist: known(|lists, track| lists.artist(track).map(str::to_owned)),
            title: known(|lists, track| lists.title(track).map(str::to_owned)),
            album: None,
            part: self.parts.get(&track).copied(),
            id: track.as_str().to_owned(),
        })
    }
}

impl Collection for GtzanAudio {
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
        let found = found.into_iter().map(|found| self.recording(&found));
        Ok(Box::new(found.chain(failed)))
    }

    fn one_genre_each(&self) -> bool {
        true
    }

    fn clip_seconds(&self) -> Option<f64> {
        Some(30.0)
    }

    fn known_faults(&self) -> BTreeMap<String, String> {
        let why = "the published file cannot be decoded whole (Sturm 2013)";
        CORRUPT
            .iter()
            .map(|id| ((*id).to_owned(), why.to_owned()))
            .collect()
    }

    fn known_duplicates(&self) -> Vec<(String, String)> {
        let pairs = self.lists.iter().flat_map(Gtzan::duplicates);
        pairs.map(|(a, b)| (a.to_string(), b.to_string())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(folder: &Path, name: &str, text: &str) {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn folders_names_and_lists_come_together() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "blues/blues.00003.au",
            "jazz/jazz.00054.wav",
            "jazz/rock.00001.flac",
        ] {
            put(folder.path(), name, "");
        }
        put(
            folder.path(),
            "artists.txt",
            "blues.00003.wav ::: Hooker ::: Boom\n",
        );
        put(folder.path(), "duplicates.txt", "jazz.00054.wav jazz.00055.wav\n");
        put(
            folder.path(),
            "splits/test_filtered.txt",
            "blues/blues.00003.wav\n",
        );
        let gtzan = GtzanAudio::open(folder.path(), None).unwrap();
        let all: Vec<_> = gtzan.recordings().unwrap().map(|r| r.unwrap()).collect();
        let ids: Vec<_> = all.iter().map(|r| r.id.as_str()).collect();
        assert_eq!(ids, ["blues.00003", "jazz.00054", "rock.00001"]);
        assert_eq!(all[0].artist.as_deref(), Some("Hooker"));
        assert_eq!(all[0].title.as_deref(), Some("Boom"));
        assert_eq!(
            (all[0].genre.as_deref(), all[0].part),
            (Some("blues"), Some(Part::Test))
        );
        assert_eq!(all[2].genre, None);
        assert_eq!(all[2].genres, ["jazz", "rock"]);
        assert!(gtzan.known_faults().contains_key("jazz.00054"));
        assert_eq!(
            gtzan.known_duplicates(),
            [("jazz.00054".to_owned(), "jazz.00055".to_owned())]
        );
        assert!(GtzanAudio::open(folder.path(), Some(&folder.path().join("jazz"))).is_err());
    }
}
