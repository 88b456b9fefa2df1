//! Training, validation and test by song.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

/// A part of a corpus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// To learn from.
    Train,
    /// To choose by.
    Valid,
    /// To judge by, once.
    Test,
}

impl Part {
    /// Its name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Part::Train => "train",
            Part::Valid => "valid",
            Part::Test => "test",
        }
    }
}

/// What part of the songs, where no list says so, is held out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shares {
    /// For validation, 0 to 1.
    pub valid: f64,
    /// For test, 0 to 1.
    pub test: f64,
    /// Where chance starts from.
    pub seed: u64,
}

/// The part of each song. `groups` are the songs' groups, none of which is divided; `named` says of a song whether a list holds it
/// out. Where a song of a group is held out the whole group is, for test before validation.
///
/// A group's lot is drawn from the seed and the group's name alone, so songs that are added later move no others.
pub fn split(groups: &[String], named: &[Option<Part>], shares: &Shares) -> Vec<Part> {
    let mut held: BTreeMap<&str, Part> = BTreeMap::new();
    for (group, part) in groups.iter().zip(named) {
        if let Some(part) = part {
            let now = held.entry(group).or_insert(*part);
            *now = (*now).max(*part);
        }
    }
    // Lists replace the shares of what they are for.
    let listed: HashSet<Part> = named.iter().flatten().copied().collect();
    let share = |part, share: f64| if listed.contains(&part) { 0.0 } else { share };
    let (test, valid) = (share(Part::Test, shares.test), share(Part::Valid, shares.valid));
    let lot = |group: &str| match held.get(group) {
        Some(part) => *part,
        None => {
            let draw = super::songs::hash(group.bytes().map(u64::from), shares.seed) as f64 / u64::MAX as f64;
            match draw {
                draw if draw < test => Part::Test,
                draw if draw < test + valid => Part::Valid,
                _ => Part::Train,
            }
        }
    };
    groups.iter().map(|group| lot(group)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_out_song_takes_its_group_along_and_lists_replace_shares() {
        let groups: Vec<String> = ["a", "b", "a", "c", "c"].map(str::to_owned).to_vec();
        let named = [Some(Part::Test), None, None, Some(Part::Valid), Some(Part::Test)];
        let shares = Shares {
            valid: 1.0,
            test: 1.0,
            seed: 1,
        };
        let parts = split(&groups, &named, &shares);
        assert_eq!(
            parts,
            [Part::Test, Part::Train, Part::Test, Part::Test, Part::Test]
        );
    }

    #[test]
    fn shares_are_met_and_do_not_depend_on_the_others() {
        let groups: Vec<String> = (0..5_000).map(|n| format!("song {n}")).collect();
        let shares = Shares {
            valid: 0.1,
            test: 0.2,
            seed: 7,
        };
        let parts = split(&groups, &vec![None; groups.len()], &shares);
        let share = |part| parts.iter().filter(|p| **p == part).count() as f64 / 5_000.0;
        assert!((share(Part::Valid) - 0.1).abs() < 0.02 && (share(Part::Test) - 0.2).abs() < 0.02);
        let fewer = split(&groups[2_000..], &vec![None; 3_000], &shares);
        assert_eq!(fewer, parts[2_000..]);
    }
}
