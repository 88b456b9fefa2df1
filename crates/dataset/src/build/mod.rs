//! Making a labelled collection from the user's own sources: files with tags, playlists, services with previews.
//!
//! A [`Source`] offers recordings by genre, page by page; [`build`] takes as many of each genre as are wanted, writes them as
//! `GENRE/artist - title.ext` with title and artist as tags, and lists them in `collection.csv`. What is done is kept in
//! `manifest.jsonl`, so that a second run goes on where the first stopped. Nothing here decides what a song is.

mod http;
mod local;
mod name;
mod store;
mod web;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

pub use http::{Client, Patience, Pause, Request, Verdict};
pub use local::Local;
pub use name::{extension_of, safe_name};
pub use web::{Service, Web};

use crate::artists::plain;
use crate::collection::Part;
use store::Store;

/// A recording that a source offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Unique in all sources: `deezer:3135556`, `file:a/b.mp3`.
    pub id: String,
    /// The title.
    pub title: String,
    /// Who made it; empty where that is unknown.
    pub artist: String,
    /// The release.
    pub album: Option<String>,
    /// The genre.
    pub genre: String,
    /// Where the sound is; `None` where the source gives none.
    pub sound: Option<Sound>,
    /// The licence, where the source names it.
    pub licence: Option<String>,
    /// The page of the recording.
    pub url: Option<String>,
}

/// Where a sound is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sound {
    /// In a file of this machine.
    File(PathBuf),
    /// On the web.
    Url(String),
}

/// Some offers, and where the next are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// The offers.
    pub offers: Vec<Offer>,
    /// The offset of the next page; `None` at the end.
    pub next: Option<usize>,
}

/// Something that offers recordings by genre.
pub trait Source {
    /// Its name: `folder`, `deezer`.
    fn name(&self) -> &str;

    /// What its users must know before anything is done.
    fn notice(&self) -> Option<&str> {
        None
    }

    /// The offers of a genre from `offset` on.
    ///
    /// # Errors
    /// [`BuildError::Web`] when it does not answer.
    fn page(&mut self, genre: &str, offset: usize) -> Result<Page, BuildError>;

    /// The bytes behind the address of a sound.
    ///
    /// # Errors
    /// [`BuildError::Web`] when they cannot be had.
    fn fetch(&mut self, url: &str) -> Result<Vec<u8>, BuildError> {
        Err(BuildError::Web {
            url: url.to_owned(),
            message: "this source has no previews".to_owned(),
        })
    }
}

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildParams {
    /// The genres.
    pub genres: Vec<String>,
    /// Recordings of each, to learn from.
    pub per_genre: usize,
    /// Recordings of each beyond these, to test on, by artists of whom none is learnt from.
    pub test_per_genre: usize,
    /// Only say what there is; write nothing.
    pub dry_run: bool,
}

/// A finished recording, as the manifest and the list hold it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The offer's id.
    pub source_id: String,
    /// The file, below the collection's folder.
    pub path: String,
    /// The genre.
    pub genre: String,
    /// Its part, where test recordings were asked for.
    pub part: Option<Part>,
    /// Who made it; empty where unknown.
    pub artist: String,
    /// Its title.
    pub title: String,
    /// The release.
    pub album: Option<String>,
    /// The licence.
    pub licence: Option<String>,
    /// The page.
    pub url: Option<String>,
    /// SHA-256 of the file.
    pub sha256: String,
}

/// What was done for one genre.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct GenreReport {
    /// Recordings there are now to learn from.
    pub train: usize,
    /// Recordings there are now to test on.
    pub test: usize,
    /// Of all these, how many an earlier run had taken.
    pub resumed: usize,
    /// Offers passed over: the same artist and title, or the same id, was there already.
    pub repeated: usize,
    /// Offers without a sound.
    pub without_sound: usize,
    /// Offers whose sound could not be had or is none, and why.
    pub failed: Vec<String>,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct BuildReport {
    /// By genre.
    pub genres: BTreeMap<String, GenreReport>,
    /// Why a genre was given up.
    pub faults: Vec<String>,
    /// Whether it was stopped.
    pub interrupted: bool,
}

/// Why a collection could not be built.
#[derive(Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// A service wants a credential and none was given.
    Credential {
        /// The service.
        service: &'static str,
        /// The environment variable it is read from.
        variable: &'static str,
    },
    /// An answer could not be had.
    Web {
        /// The address, without any credential.
        url: String,
        /// What went wrong.
        message: String,
    },
    /// What was asked for makes no sense.
    Params(String),
    /// A file could not be read or written.
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A folder or list is at fault.
    Dataset(crate::Error),
    /// The work was stopped.
    Stopped,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::Credential { service, variable } => {
                write!(
                    f,
                    "{service} wants a credential: set the environment variable {variable}"
                )
            }
            BuildError::Web { url, message } => write!(f, "{url}: {message}"),
            BuildError::Params(message) => f.write_str(message),
            BuildError::Io { path, source } => write!(f, "{}: {source}", path.display()),
            BuildError::Dataset(error) => error.fmt(f),
            BuildError::Stopped => f.write_str("stopped"),
        }
    }
}

impl std::error::Error for BuildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            BuildError::Io { source, .. } => Some(source),
            BuildError::Dataset(error) => Some(error),
            _ => None,
        }
    }
}

impl From<crate::Error> for BuildError {
    fn from(error: crate::Error) -> Self {
        BuildError::Dataset(error)
    }
}

/// Pages asked for of one genre at most, so that a service that never ends does not keep us.
const MOST_PAGES: usize = 1000;

/// Takes from `source` what `params` wants and writes it to the folder `output`; `progress` hears of every offer.
///
/// A genre whose source fails is given up and told of, and the others go on.
///
/// # Errors
/// [`BuildError::Params`] for no genres, equal ones, or none of any wanted; [`BuildError::Io`] when the folder cannot be
/// written to, or its manifest read.
pub fn build(
    source: &mut dyn Source,
    output: &Path,
    params: &BuildParams,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(&str),
) -> Result<BuildReport, BuildError> {
    let distinct: BTreeSet<String> = params
        .genres
        .iter()
        .map(|genre| web::plain_genre(genre))
        .collect();
    if distinct.len() != params.genres.len() || distinct.contains("") || distinct.is_empty() {
        return Err(BuildError::Params(
            "the genres must be different, and not without letters".to_owned(),
        ));
    }
    if params.per_genre + params.test_per_genre == 0 {
        return Err(BuildError::Params("no recordings are asked for".to_owned()));
    }
    let store = Store::open(output, params.dry_run)?;
    let mut work = Work {
        source,
        params,
        stop,
        taken: Taken::of(store.entries()),
        store,
        report: BuildReport::default(),
    };
    for genre in &params.genres {
        match work.genre(genre, progress) {
            Ok(()) => {}
            Err(BuildError::Stopped) => {
                work.report.interrupted = true;
                break;
            }
            Err(error @ BuildError::Web { .. }) => work.report.faults.push(format!("{genre}: {error}")),
            Err(error) => return Err(error),
        }
    }
    work.store.finish()?;
    Ok(work.report)
}

/// What is there already.
struct Taken {
    ids: BTreeSet<String>,
    songs: BTreeSet<(String, String)>,
    train_artists: BTreeSet<String>,
    test_artists: BTreeSet<String>,
}

impl Taken {
    fn of(entries: &[Entry]) -> Taken {
        let mut taken = Taken {
            ids: BTreeSet::new(),
            songs: BTreeSet::new(),
            train_artists: BTreeSet::new(),
            test_artists: BTreeSet::new(),
        };
        for entry in entries {
            taken.add(&entry.source_id, &entry.artist, &entry.title, entry.part);
        }
        taken
    }

    fn has(&self, offer: &Offer) -> bool {
        self.ids.contains(&offer.id)
            || (!offer.artist.is_empty() && self.songs.contains(&(plain(&offer.artist), plain(&offer.title))))
    }

    fn add(&mut self, id: &str, artist: &str, title: &str, part: Option<Part>) {
        self.ids.insert(id.to_owned());
        self.songs.insert((plain(artist), plain(title)));
        let artists = match part {
            Some(Part::Test) => &mut self.test_artists,
            _ => &mut self.train_artists,
        };
        artists.insert(plain(artist));
    }
}

struct Work<'a> {
    source: &'a mut dyn Source,
    params: &'a BuildParams,
    stop: &'a AtomicBool,
    taken: Taken,
    store: Store,
    report: BuildReport,
}

impl Work<'_> {
    fn genre(&mut self, genre: &str, progress: &mut dyn FnMut(&str)) -> Result<(), BuildError> {
        let mut report = GenreReport::default();
        for entry in self.store.entries().iter().filter(|entry| entry.genre == genre) {
            *match entry.part {
                Some(Part::Test) => &mut report.test,
                _ => &mut report.train,
            } += 1;
            report.resumed += 1;
        }
        let result = self.pages(genre, &mut report, progress);
        self.report.genres.insert(genre.to_owned(), report);
        result
    }

    fn pages(
        &mut self,
        genre: &str,
        report: &mut GenreReport,
        progress: &mut dyn FnMut(&str),
    ) -> Result<(), BuildError> {
        let full = |report: &GenreReport| {
            report.train >= self.params.per_genre && report.test >= self.params.test_per_genre
        };
        let mut offset = 0;
        for _ in 0..MOST_PAGES {
            if full(report) {
                return Ok(());
            }
            let page = self.source.page(genre, offset)?;
            for offer in page.offers {
                if self.stop.load(Ordering::Relaxed) {
                    return Err(BuildError::Stopped);
                }
                if full(report) {
                    return Ok(());
                }
                self.offer(offer, report, progress)?;
            }
            match page.next {
                Some(next) if next > offset => offset = next,
                _ => return Ok(()),
            }
        }
        Ok(())
    }

    fn offer(
        &mut self,
        offer: Offer,
        report: &mut GenreReport,
        progress: &mut dyn FnMut(&str),
    ) -> Result<(), BuildError> {
        if self.taken.has(&offer) {
            report.repeated += 1;
            return Ok(());
        }
        let Some(part) = self.part(&offer, report) else {
            return Ok(());
        };
        let Some(sound) = &offer.sound else {
            report.without_sound += 1;
            if self.params.dry_run {
                progress(&format!(
                    "{}: {} - {} (no sound)",
                    offer.genre, offer.artist, offer.title
                ));
            }
            return Ok(());
        };
        if !self.params.dry_run {
            let kept = match sound {
                Sound::File(path) => self.store.copy(&offer, path, part),
                Sound::Url(url) => match self.source.fetch(url) {
                    Ok(bytes) => self.store.save(&offer, &bytes, part),
                    Err(error @ BuildError::Web { .. }) => Ok(Err(error.to_string())),
                    Err(error) => Err(error),
                },
            }?;
            if let Err(fault) = kept {
                progress(&format!("melisma: {} - {}: {fault}", offer.artist, offer.title));
                report.failed.push(format!("{}: {fault}", offer.id));
                return Ok(());
            }
        }
        progress(&format!("{}: {} - {}", offer.genre, offer.artist, offer.title));
        self.taken.add(&offer.id, &offer.artist, &offer.title, part);
        *match part {
            Some(Part::Test) => &mut report.test,
            _ => &mut report.train,
        } += 1;
        Ok(())
    }

    /// Where an offer goes: to learn from until there are enough, then to test on if its artist is new to the former.
    fn part(&self, offer: &Offer, report: &GenreReport) -> Option<Option<Part>> {
        let parted = self.params.test_per_genre > 0;
        let artist = plain(&offer.artist);
        if report.train < self.params.per_genre && !(parted && self.taken.test_artists.contains(&artist)) {
            return Some(parted.then_some(Part::Train));
        }
        let new = !artist.is_empty() && !self.taken.train_artists.contains(&artist);
        (report.test < self.params.test_per_genre && new).then_some(Some(Part::Test))
    }
}
