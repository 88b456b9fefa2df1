//! Title, artist and the like, through lofty.
//!
//! Tags are a courtesy: whatever goes wrong here, the answer is fewer tags, never an error. Not for pictures.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use lofty::config::{ParseOptions, ParsingMode};
use lofty::file::TaggedFileExt;
use lofty::probe::Probe;
use lofty::tag::{ItemKey, Tag};

use crate::guard::guarded;

/// Longer values are cut to this many characters.
const MAX_CHARS: usize = 1000;

/// Our names, and where lofty keeps them; the first that is there counts.
const KEYS: [(&str, &[ItemKey]); 11] = [
    ("title", &[ItemKey::TrackTitle]),
    ("artist", &[ItemKey::TrackArtist]),
    ("album", &[ItemKey::AlbumTitle]),
    ("album_artist", &[ItemKey::AlbumArtist]),
    ("genre", &[ItemKey::Genre]),
    (
        "year",
        &[ItemKey::RecordingDate, ItemKey::Year, ItemKey::ReleaseDate],
    ),
    ("track", &[ItemKey::TrackNumber]),
    ("disc", &[ItemKey::DiscNumber]),
    ("composer", &[ItemKey::Composer]),
    ("bpm", &[ItemKey::IntegerBpm, ItemKey::Bpm]),
    ("comment", &[ItemKey::Comment]),
];

/// The tags of a regular file; empty where there are none or they are damaged.
///
/// The names are those of [`Info::tags`](crate::Info::tags). Nothing is decoded.
pub fn read_tags(path: &Path) -> BTreeMap<String, String> {
    // Pipes cannot be read a second time.
    if !path.is_file() {
        return BTreeMap::new();
    }
    guarded(|| parse(path)).ok().flatten().unwrap_or_default()
}

fn parse(path: &Path) -> Option<BTreeMap<String, String>> {
    let options = ParseOptions::new()
        .read_properties(false)
        .read_cover_art(false)
        .parsing_mode(ParsingMode::BestAttempt);
    let file = Probe::new(BufReader::new(File::open(path).ok()?))
        .options(options)
        .guess_file_type()
        .ok()?
        .read()
        .ok()?;
    let mut tags = BTreeMap::new();
    // The format's own kind of tag first; the others fill in what it lacks.
    for tag in file.primary_tag().into_iter().chain(file.tags()) {
        for (name, keys) in KEYS {
            if let Some(value) = first_text(tag, keys)
                && !tags.contains_key(name)
            {
                tags.insert(name.to_owned(), value);
            }
        }
    }
    Some(tags)
}

fn first_text(tag: &Tag, keys: &[ItemKey]) -> Option<String> {
    let text = keys.iter().find_map(|&key| tag.get_string(key))?.trim();
    (!text.is_empty()).then(|| text.chars().take(MAX_CHARS).collect())
}
