//! Which track a row of a table belongs to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::augment::{CopyKind, SPECTROGRAM};

/// What stands between a track's name and the kind and number of an altered copy.
pub(crate) const MARK: char = '~';

/// The identity of a track: the part of a row's file name that all its windows share.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TrackId(String);

impl TrackId {
    /// The track of a row's `filename`.
    ///
    /// Folders are ignored. GTZAN names are `genre.number[.window].extension`, and the first two parts
    /// name the track: `blues.00000.2.wav` and `blues/blues.00000.au` are both `blues.00000`. Any other
    /// name loses its last extension only. An altered copy, marked as `song~pitch1.wav` by
    /// [`augment::copy_name`](crate::augment::copy_name), belongs to the track it was made from.
    pub fn of_row(filename: &str) -> TrackId {
        let base = filename.rsplit(['/', '\\']).next().unwrap_or(filename);
        let original = without_marks(base);
        let base = original.as_deref().unwrap_or(base);
        let mut parts = base.splitn(3, '.');
        if let (Some(genre), Some(number)) = (parts.next(), parts.next())
            && !genre.is_empty()
            && !number.is_empty()
            && number.bytes().all(|b| b.is_ascii_digit())
        {
            return TrackId(format!("{genre}.{number}"));
        }
        match base.rsplit_once('.') {
            Some((stem, _)) if !stem.is_empty() => TrackId(stem.to_owned()),
            _ => TrackId(base.to_owned()),
        }
    }

    /// The track and the number of a window, where a row's `filename` has the form `track.window.extension` or
    /// `track.window`, as feature tables name the windows of a file.
    ///
    /// A number with leading zeros is no window's. Whether a name such as `take.5.mp3` means a window can only be told
    /// from the rows beside it.
    pub fn of_window(filename: &str) -> Option<(TrackId, u64)> {
        let (folder, base) = match filename.rfind(['/', '\\']) {
            Some(at) => filename.split_at(at + 1),
            None => ("", filename),
        };
        let window = |text: &str| {
            let plain = text == "0" || !text.starts_with('0');
            let digits = text.bytes().all(|b| b.is_ascii_digit());
            (plain && digits).then(|| text.parse().ok()).flatten()
        };
        let (rest, last) = base.rsplit_once('.')?;
        let (name, number) = match (window(last), rest.rsplit_once('.')) {
            (Some(number), _) => (rest.to_owned(), number),
            (None, Some((stem, middle))) => (format!("{stem}.{last}"), window(middle)?),
            (None, None) => return None,
        };
        (!name.is_empty() && !name.starts_with('.'))
            .then(|| (TrackId::of_row(&format!("{folder}{name}")), number))
    }

    /// The tracks of the rows of one table, as [`TrackId::of_row`] tells them, but for the windows of a file, which are of one
    /// track: rows `song.0.mp3`, `song.1.mp3` and so on, when they count up from 0.
    pub fn of_rows<'a>(filenames: impl IntoIterator<Item = &'a str>) -> Vec<TrackId> {
        let rows: Vec<_> = filenames
            .into_iter()
            .map(|name| (name, TrackId::of_window(name)))
            .collect();
        let mut numbers: BTreeMap<&TrackId, BTreeSet<u64>> = BTreeMap::new();
        for (track, number) in rows.iter().filter_map(|(_, window)| window.as_ref()) {
            numbers.entry(track).or_default().insert(*number);
        }
        numbers.retain(|_, windows| windows.last() == Some(&(windows.len() as u64 - 1)));
        let track = |(name, window): &(&str, Option<(TrackId, u64)>)| match window {
            Some((track, _)) if numbers.contains_key(track) => track.clone(),
            _ => TrackId::of_row(name),
        };
        rows.iter().map(track).collect()
    }

    /// The identity as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a file's name marks it as an altered copy.
pub(crate) fn is_copy(filename: &str) -> bool {
    let base = filename.rsplit(['/', '\\']).next().unwrap_or(filename);
    without_marks(base).is_some()
}

/// A name without the first mark `~kind` and number of an altered copy, where it has one.
fn without_marks(base: &str) -> Option<String> {
    base.match_indices(MARK).find_map(|(at, _)| {
        let rest = &base[at + MARK.len_utf8()..];
        let kind = CopyKind::ALL
            .map(CopyKind::name)
            .into_iter()
            .chain([SPECTROGRAM])
            .find(|kind| rest.starts_with(kind))?;
        let number = &rest[kind.len()..];
        let tail = number.trim_start_matches(|c: char| c.is_ascii_digit());
        let whole = tail.len() < number.len() && (tail.is_empty() || tail.starts_with(['.', MARK]));
        whole.then(|| {
            let plain = format!("{}{tail}", &base[..at]);
            without_marks(&plain).unwrap_or(plain)
        })
    })
}

impl fmt::Display for TrackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<&str> for TrackId {
    fn from(id: &str) -> Self {
        TrackId(id.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_extensions_and_folders_do_not_matter() {
        for name in [
            "blues.00000.wav",
            "blues.00000.2.wav",
            "blues/blues.00000.au",
            "blues.00000",
        ] {
            assert_eq!(TrackId::of_row(name).as_str(), "blues.00000", "{name}");
        }
    }

    #[test]
    fn altered_copies_are_of_their_track() {
        for (name, track) in [
            ("blues.00000~pitch1.wav", "blues.00000"),
            ("x/blues.00000~stretch12.2.wav", "blues.00000"),
            ("song~noise3.wav", "song"),
            ("song~mel4.npy", "song"),
            ("song~noise3~gain1.wav", "song"),
            ("song~noise.wav", "song~noise"),
            ("song~noise3b.wav", "song~noise3b"),
            ("la~la1.wav", "la~la1"),
            ("~noise1", ""),
        ] {
            assert_eq!(TrackId::of_row(name).as_str(), track, "{name}");
        }
    }

    #[test]
    fn windows_are_told_by_their_number() {
        for (name, found) in [
            ("blues.00000.2.wav", Some(("blues.00000", 2))),
            ("blues.00000.wav", None),
            ("a/song.12.mp3", Some(("song", 12))),
            ("song~pitch1.0.wav", Some(("song", 0))),
            ("song.7", Some(("song", 7))),
            ("song.mp3", None),
            ("song", None),
            (".0.wav", None),
        ] {
            let window = TrackId::of_window(name);
            let window = window.as_ref().map(|(track, number)| (track.as_str(), *number));
            assert_eq!(window, found, "{name}");
        }
    }

    #[test]
    fn windows_that_count_up_from_0_are_of_one_track() {
        let names = [
            "a.1.mp3",
            "a.0.mp3",
            "b.1.mp3",
            "b.2.mp3",
            "c.mp3",
            "a~gain1.0.wav",
        ];
        let tracks = TrackId::of_rows(names);
        let tracks: Vec<&str> = tracks.iter().map(TrackId::as_str).collect();
        assert_eq!(tracks, ["a", "a", "b.1", "b.2", "c", "a"]);
    }

    #[test]
    fn other_names_lose_their_extension() {
        assert_eq!(TrackId::of_row("My song.v2.mp3").as_str(), "My song.v2");
        assert_eq!(TrackId::of_row("a/b/take five").as_str(), "take five");
        assert_eq!(TrackId::of_row(".hidden").as_str(), ".hidden");
        assert_eq!(TrackId::of_row("").as_str(), "");
    }
}
