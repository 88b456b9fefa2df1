//! The ten genres of GTZAN.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;

/// One of the ten genres of the GTZAN collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Genre {
    Blues,
    Classical,
    Country,
    Disco,
    Hiphop,
    Jazz,
    Metal,
    Pop,
    Reggae,
    Rock,
}

impl Genre {
    /// All genres in alphabetical order, which is the order of a model's outputs.
    pub const ALL: [Genre; 10] = [
        Genre::Blues,
        Genre::Classical,
        Genre::Country,
        Genre::Disco,
        Genre::Hiphop,
        Genre::Jazz,
        Genre::Metal,
        Genre::Pop,
        Genre::Reggae,
        Genre::Rock,
    ];

    /// The name used in files and on the command line, lower case.
    pub fn name(self) -> &'static str {
        match self {
            Genre::Blues => "blues",
            Genre::Classical => "classical",
            Genre::Country => "country",
            Genre::Disco => "disco",
            Genre::Hiphop => "hiphop",
            Genre::Jazz => "jazz",
            Genre::Metal => "metal",
            Genre::Pop => "pop",
            Genre::Reggae => "reggae",
            Genre::Rock => "rock",
        }
    }

    /// The genre whose name a file's folder bears, if it bears one.
    pub fn of_folder(file: &Path) -> Option<Genre> {
        let absolute = std::path::absolute(file).ok()?;
        absolute.parent()?.file_name()?.to_str()?.parse().ok()
    }

    /// The position in [`Genre::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Genre {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Genre {
    type Err = Error;

    /// Parses a name; upper case and the spellings `hip-hop` and `hip hop` are accepted.
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let plain: String = s
            .chars()
            .filter(|c| c.is_alphanumeric())
            .collect::<String>()
            .to_lowercase();
        Genre::ALL
            .into_iter()
            .find(|genre| genre.name() == plain)
            .ok_or_else(|| Error::UnknownGenre(s.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_back_and_indices_count_up() {
        for (index, genre) in Genre::ALL.into_iter().enumerate() {
            assert_eq!(genre.index(), index);
            assert_eq!(genre.name().parse::<Genre>().unwrap(), genre);
        }
        assert_eq!("Hip-Hop".parse::<Genre>().unwrap(), Genre::Hiphop);
        assert!("polka".parse::<Genre>().is_err());
        assert_eq!(
            Genre::of_folder(Path::new("/music/Jazz/take.mp3")),
            Some(Genre::Jazz)
        );
        assert_eq!(Genre::of_folder(Path::new("/music/mine/take.mp3")), None);
    }
}
