//! Which recordings are by the same people: spellings, collaborations, copies. Not for telling who somebody is.

use std::collections::HashMap;

use crate::UnionFind;

/// A name as it is compared: lower case, `&` as "and", letters and digits only, single spaces.
pub(crate) fn plain(name: &str) -> String {
    let text = name.to_lowercase().replace('&', "and");
    let kept: String = text
        .chars()
        .filter(|c| c.is_alphanumeric() || c.is_whitespace())
        .collect();
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The names in a credit such as "Peter Tosh and Mick Jagger".
fn credited(artist: &str) -> Vec<String> {
    artist
        .replace(" & ", ",")
        .replace(" and ", ",")
        .split(',')
        .map(plain)
        .filter(|name| !name.is_empty())
        .collect()
}

/// A group for each recording: those of one artist share it, and so do the pairs in `joined`.
///
/// Artists are compared by their plain spelling; one that is credited alone somewhere takes in the collaborations
/// that name it. A recording whose artist is unknown is a group of its own unless a pair joins it to another.
/// Groups are numbered from 0 in order of first appearance.
///
/// # Panics
/// If a pair names a recording that is out of range.
pub(crate) fn artist_groups(artists: &[Option<&str>], joined: &[(usize, usize)]) -> Vec<usize> {
    let mut first_of: HashMap<String, usize> = HashMap::new();
    let mut sets = UnionFind::new(artists.len());
    let known = || artists.iter().enumerate().filter_map(|(i, a)| Some((i, (*a)?)));
    for (index, artist) in known() {
        let name = plain(artist);
        if !name.is_empty() {
            sets.join(index, *first_of.entry(name).or_insert(index));
        }
    }
    for (index, artist) in known() {
        for name in credited(artist) {
            if let Some(&other) = first_of.get(&name) {
                sets.join(index, other);
            }
        }
    }
    for &(a, b) in joined {
        sets.join(a, b);
    }
    sets.groups()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_collaborations_and_pairs_join() {
        let artists = [
            Some("Earth, Wind & Fire"),
            Some("earth wind and fire"),
            None,
            None,
            Some("Peter Tosh"),
            Some("Mick Jagger and Peter Tosh"),
            Some("!!!"),
            Some("???"),
        ];
        assert_eq!(artist_groups(&artists, &[]), [0, 0, 1, 2, 3, 3, 4, 5]);
        assert_eq!(artist_groups(&artists, &[(2, 4)]), [0, 0, 1, 2, 1, 1, 3, 4]);
    }
}
