//! Which track a row of a table belongs to.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The identity of a track: the part of a row's file name that all its windows share.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TrackId(String);

impl TrackId {
    /// The track of a row's `filename`.
    ///
    /// Folders are ignored. GTZAN names are `genre.number[.window].extension`, and the first two parts
    /// name the track: `blues.00000.2.wav` and `blues/blues.00000.au` are both `blues.00000`. Any other
    /// name loses its last extension only.
    pub fn of_row(filename: &str) -> TrackId {
        let base = filename.rsplit(['/', '\\']).next().unwrap_or(filename);
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

    /// The identity as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
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
    fn other_names_lose_their_extension() {
        assert_eq!(TrackId::of_row("My song.v2.mp3").as_str(), "My song.v2");
        assert_eq!(TrackId::of_row("a/b/take five").as_str(), "take five");
        assert_eq!(TrackId::of_row(".hidden").as_str(), ".hidden");
        assert_eq!(TrackId::of_row("").as_str(), "");
    }
}
