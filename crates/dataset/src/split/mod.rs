//! Splits: which recordings are learnt from, chosen on and measured on.
//!
//! [`make`] assigns every [`Item`] a [`Place`], a part or a fold, by a [`Method`]; the same items and seed give the
//! same bytes whatever order the items come in. A [`Split`] is a file that says how it was made, and is known by its
//! hash. Whatever is trained on it carries that hash and the seed, as a [`Stamp`]. Nothing here reads features.

mod cut;
mod file;
mod folds;
mod items;
mod lists;
mod method;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

pub use folds::stratified_group_folds;
pub use items::{Item, Items};
pub use lists::{gtzan_filtered, read_list};
pub use method::{Cut, Method, SplitParams, make};

use crate::collection::Part;
use crate::{Error, Result, TrackId, sha256_hex};

/// Where an item goes: a part of one split, or the fold in which it is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A part.
    Part(Part),
    /// A fold, counted from 0.
    Fold(u32),
}

impl fmt::Display for Place {
    /// `train`, `valid`, `test`, or the number of a fold.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Part(part) => f.pad(part.name()),
            Place::Fold(fold) => f.pad(&fold.to_string()),
        }
    }
}

impl std::str::FromStr for Place {
    type Err = Error;

    fn from_str(text: &str) -> Result<Place> {
        if let Some(part) = Part::ALL.into_iter().find(|part| part.name() == text) {
            return Ok(Place::Part(part));
        }
        text.parse().map(Place::Fold).map_err(|_| {
            fault(format!(
                "`{text}` is neither train, valid, test nor the number of a fold"
            ))
        })
    }
}

/// How a split was made, as its file says it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct About {
    /// The method's name.
    pub method: String,
    /// The column whose values were kept together, or left out one by one.
    pub column: Option<String>,
    /// The share of each part that was asked for.
    pub fractions: Option<Vec<f64>>,
    /// The number of folds.
    pub folds: Option<usize>,
    /// What each fold leaves out, where it is one named group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fold_names: Vec<String>,
    /// The seed, where chance was involved.
    pub seed: Option<u64>,
    /// What was split: the name of a file or a collection.
    pub source: String,
    /// SHA-256 of it: of a file's bytes, or of a collection's sorted entries.
    pub source_sha256: String,
    /// How many groups were kept whole, where there were any.
    pub groups: Option<usize>,
    /// Items by place and label (empty where an item has none).
    pub counts: BTreeMap<String, BTreeMap<String, usize>>,
    /// How many items of the source have no place: lists need not name all.
    pub unassigned: usize,
    /// Names in the lists that the source lacks, by part.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub missing: BTreeMap<String, Vec<String>>,
    /// What whoever uses the split should know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// SHA-256 over the sorted lines `id`, tab, place, line feed.
    pub sha256: String,
}

/// What a model or a result says about a split it used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stamp {
    /// What the split was for, or how it was made.
    pub name: String,
    /// The seed that drew it, where chance was involved.
    pub seed: Option<u64>,
    /// The split's hash.
    pub sha256: String,
}

/// The ids a split and a table do not share, sorted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Difference {
    /// In the split only.
    pub not_in_table: Vec<String>,
    /// In the table only.
    pub not_in_split: Vec<String>,
}

impl Difference {
    /// Whether both have the same ids.
    pub fn is_empty(&self) -> bool {
        self.not_in_table.is_empty() && self.not_in_split.is_empty()
    }
}

/// A place for each of a number of ids, and how it came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    places: BTreeMap<String, Place>,
    about: About,
}

impl Split {
    /// Puts a split together; counts, folds and hash of `about` are made to fit.
    ///
    /// # Errors
    /// [`Error::Split`] when there are no places, an id is empty or holds control characters, or parts and folds are
    /// mixed.
    pub fn new(places: BTreeMap<String, Place>, mut about: About) -> Result<Split> {
        let folds = places
            .values()
            .filter(|place| matches!(place, Place::Fold(_)))
            .count();
        if places.is_empty() {
            return Err(fault("no rows"));
        }
        if folds != 0 && folds != places.len() {
            return Err(fault("parts and folds are mixed"));
        }
        if let Some(id) = places
            .keys()
            .find(|id| id.is_empty() || id.contains(char::is_control))
        {
            return Err(fault(format!(
                "the id {id:?} is empty or holds control characters"
            )));
        }
        about.sha256 = hash(places.iter().map(|(id, place)| (id.as_str(), *place)));
        Ok(Split { places, about })
    }

    /// SHA-256 over the sorted lines `id`, tab, place, line feed: the split's identity.
    pub fn hash(&self) -> &str {
        &self.about.sha256
    }

    /// The seed, where chance was involved.
    pub fn seed(&self) -> Option<u64> {
        self.about.seed
    }

    /// How it was made.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// The hash and the seed, for what is trained on the split.
    pub fn stamp(&self) -> Stamp {
        Stamp {
            name: self.about.method.clone(),
            seed: self.about.seed,
            sha256: self.about.sha256.clone(),
        }
    }

    /// How many ids have a place.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether no id has a place; a split that exists has some.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The ids and their places, sorted by id.
    pub fn places(&self) -> impl Iterator<Item = (&str, Place)> {
        self.places.iter().map(|(id, place)| (id.as_str(), *place))
    }

    /// The place of an id.
    pub fn place(&self, id: &str) -> Option<Place> {
        self.places.get(id).copied()
    }

    /// The place of a row of a table: of its name, or of the track it is a window or an altered copy of.
    pub fn place_of_row(&self, filename: &str) -> Option<Place> {
        self.place(filename)
            .or_else(|| self.place(TrackId::of_row(filename).as_str()))
            .or_else(|| self.place(TrackId::of_window(filename)?.0.as_str()))
    }

    /// The ids at a place, sorted.
    pub fn at(&self, place: Place) -> impl Iterator<Item = &str> {
        self.places().filter(move |(_, p)| *p == place).map(|(id, _)| id)
    }

    /// Compares the split's ids with those of a table.
    pub fn compare<'a>(&self, ids: impl IntoIterator<Item = &'a str>) -> Difference {
        let table: BTreeSet<&str> = ids.into_iter().collect();
        let own = |id: &&str| !table.contains(id);
        Difference {
            not_in_table: self
                .places
                .keys()
                .map(String::as_str)
                .filter(own)
                .map(str::to_owned)
                .collect(),
            not_in_split: table
                .iter()
                .filter(|id| !self.places.contains_key(**id))
                .map(|id| (*id).to_owned())
                .collect(),
        }
    }

    /// Checks that a table holds the split's ids and no others.
    ///
    /// # Errors
    /// [`Error::Split`] saying how many ids are on one side only, and naming the first of them.
    pub fn verify<'a>(&self, ids: impl IntoIterator<Item = &'a str>) -> Result<()> {
        let difference = self.compare(ids);
        if difference.is_empty() {
            return Ok(());
        }
        let side = |ids: &[String], only: &str| {
            ids.first()
                .map(|first| format!("{} ids are in the {only} only (first `{first}`)", ids.len()))
        };
        let sides = [
            side(&difference.not_in_table, "split"),
            side(&difference.not_in_split, "table"),
        ];
        Err(fault(sides.into_iter().flatten().collect::<Vec<_>>().join("; ")))
    }
}

/// SHA-256 over lines `id`, tab, place, line feed, which must come sorted by id.
pub(crate) fn hash<'a>(places: impl Iterator<Item = (&'a str, Place)>) -> String {
    let lines: String = places.map(|(id, place)| format!("{id}\t{place}\n")).collect();
    sha256_hex(lines.as_bytes())
}

pub(crate) fn fault(message: impl Into<String>) -> Error {
    Error::Split(message.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split() -> Split {
        let places = [("b", Part::Test), ("a.mp3", Part::Train), ("c", Part::Train)];
        let places = places.map(|(id, part)| (id.to_owned(), Place::Part(part)));
        Split::new(places.into(), About::default()).unwrap()
    }

    #[test]
    fn the_hash_is_that_of_the_sorted_lines() {
        assert_eq!(split().hash(), sha256_hex(b"a.mp3\ttrain\nb\ttest\nc\ttrain\n"));
        assert_eq!(split().stamp().sha256, split().hash());
    }

    #[test]
    fn ids_of_one_side_only_are_reported() {
        assert!(split().verify(["c", "a.mp3", "b"]).is_ok());
        let error = split().verify(["a.mp3", "d", "e", "b"]).unwrap_err().to_string();
        assert!(
            error.contains("1 ids are in the split only (first `c`)"),
            "{error}"
        );
        assert!(
            error.contains("2 ids are in the table only (first `d`)"),
            "{error}"
        );
    }

    #[test]
    fn windows_and_copies_lie_where_their_track_lies() {
        let train = Some(Place::Part(Part::Train));
        let places = [("blues.00001".to_owned(), Place::Part(Part::Train))];
        let split = Split::new(places.into(), About::default()).unwrap();
        for row in [
            "blues.00001",
            "blues.00001.2.wav",
            "x/blues.00001.au",
            "blues.00001~pitch2.wav",
        ] {
            assert_eq!(split.place_of_row(row), train, "{row}");
        }
        assert_eq!(split.place_of_row("blues.00002.wav"), None);
    }

    #[test]
    fn odd_ids_and_mixtures_are_refused() {
        for (places, said) in [
            (vec![], "no rows"),
            (vec![("a\tb", Place::Fold(0))], "control"),
            (vec![("", Place::Fold(0))], "empty"),
            (
                vec![("a", Place::Fold(0)), ("b", Place::Part(Part::Test))],
                "mixed",
            ),
        ] {
            let places = places
                .into_iter()
                .map(|(id, place)| (id.to_owned(), place))
                .collect();
            let error = Split::new(places, About::default()).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        assert!("fold 1".parse::<Place>().is_err());
        assert_eq!("12".parse::<Place>().unwrap(), Place::Fold(12));
    }
}
