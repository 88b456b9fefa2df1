//! Which tags speak for which genre: an openly editable file.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Ear;
use crate::weights::Fault;

/// No map is longer than this.
const LONGEST: usize = 1 << 18;
/// Genres of a map, at most.
const MOST_GENRES: usize = 500;

/// Genres and the tags that speak for them.
#[derive(Debug, Clone, PartialEq)]
pub struct GenreMap {
    name: String,
    genres: Vec<GenreTags>,
}

/// The tags that speak for one genre, as positions among each ear's outputs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GenreTags {
    pub(crate) genre: String,
    pub(crate) tags: BTreeMap<Ear, Vec<usize>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    genre: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(default)]
    msd: Vec<String>,
    #[serde(default)]
    mtt: Vec<String>,
    #[serde(default)]
    yamnet: Vec<String>,
}

impl GenreMap {
    /// GTZAN's ten genres.
    ///
    /// # Panics
    /// Never: the map is part of the program and read by its tests.
    pub fn ten() -> GenreMap {
        GenreMap::parse(include_str!("../../maps/ten.toml")).expect("the map of the program")
    }

    /// More than ten genres.
    ///
    /// # Panics
    /// Never: the map is part of the program and read by its tests.
    pub fn wide() -> GenreMap {
        GenreMap::parse(include_str!("../../maps/wide.toml")).expect("the map of the program")
    }

    /// Reads a map.
    ///
    /// # Errors
    /// When it is malformed, or names a tag that its ear does not have.
    pub fn parse(text: &str) -> Result<GenreMap, Fault> {
        if text.len() > LONGEST {
            return Err(Fault::new("too large for a map of genres"));
        }
        let file: File = toml::from_str(text).map_err(|error| Fault::new(error.to_string()))?;
        if file.genre.len() < 2 || file.genre.len() > MOST_GENRES {
            return Err(Fault::new(format!(
                "names {} genres; it takes from 2 to {MOST_GENRES}",
                file.genre.len()
            )));
        }
        let genres = file.genre.into_iter().map(|(genre, entry)| tags_of(genre, entry));
        Ok(GenreMap {
            name: file.name,
            genres: genres.collect::<Result<_, _>>()?,
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its genres in order.
    pub fn genres(&self) -> impl ExactSizeIterator<Item = &str> {
        self.genres.iter().map(|genre| genre.genre.as_str())
    }

    /// The map without one of its genres.
    pub fn without(&self, genre: &str) -> GenreMap {
        let mut map = self.clone();
        map.genres.retain(|tags| tags.genre != genre);
        map
    }

    pub(crate) fn tags(&self) -> &[GenreTags] {
        &self.genres
    }
}

fn tags_of(genre: String, entry: Entry) -> Result<GenreTags, Fault> {
    let lists = [
        (Ear::Msd, entry.msd),
        (Ear::Mtt, entry.mtt),
        (Ear::Yamnet, entry.yamnet),
    ];
    let mut tags = BTreeMap::new();
    for (ear, names) in lists {
        if names.is_empty() {
            continue;
        }
        let mut places: Vec<usize> = names
            .iter()
            .map(|name| {
                ear.labels()
                    .iter()
                    .position(|label| label == name)
                    .ok_or_else(|| Fault::new(format!("{genre}: {} has no tag called `{name}`", ear.model())))
            })
            .collect::<Result<_, _>>()?;
        places.sort_unstable();
        places.dedup();
        tags.insert(ear, places);
    }
    match tags.is_empty() {
        true => Err(Fault::new(format!("{genre}: names no tags"))),
        false => Ok(GenreTags { genre, tags }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_maps_of_the_program_can_be_read() {
        assert_eq!(GenreMap::ten().genres().len(), 10);
        assert!(GenreMap::wide().genres().len() > 20);
        assert_eq!(GenreMap::ten().without("jazz").genres().len(), 9);
    }

    #[test]
    fn a_tag_that_is_not_there_is_named() {
        let text = "name = \"x\"\n[genre.a]\nmsd = [\"jazz\"]\n[genre.b]\nmtt = [\"jazz\"]\n";
        let fault = GenreMap::parse(text).unwrap_err().to_string();
        assert!(
            fault.contains("b: musicnn-mtt has no tag called `jazz`"),
            "{fault}"
        );
        for (text, expected) in [
            ("name = \"x\"\n[genre.a]\nmsd = [\"jazz\"]\n", "1 genres"),
            (
                "name = \"x\"\n[genre.a]\n[genre.b]\nmsd = [\"jazz\"]\n",
                "names no tags",
            ),
            ("name = \"x\"\n[genre.a]\nears = [\"jazz\"]\n", "unknown field"),
            ("\u{0}", "TOML parse error"),
        ] {
            let fault = GenreMap::parse(text).unwrap_err().to_string();
            assert!(fault.contains(expected), "{fault}");
        }
    }
}
