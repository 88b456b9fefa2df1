//! Which files are the same song: by title, and by what is played.
//!
//! Arrangements of one tune lie in many collections under many names, and a model that has learnt one of them has seen the
//! others. Two files are taken for one song when their titles are equal, or when a good part of what one of them plays, line by
//! line and in any key, is played by the other as well.

use std::collections::HashMap;

use crate::score::Score;

/// Notes of a fingerprint: so many intervals and the moves between their onsets.
const NOTES: usize = 12;

/// Fingerprints that occur in more files than this tell nothing: scales, boogie basses, one note repeated.
const COMMON: usize = 8;

/// The share of the rarer file's fingerprints that makes two files one song.
const SHARE: f64 = 0.2;

/// Fewer fingerprints than these are no evidence.
const ENOUGH: usize = 12;

/// The groups of songs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groups {
    /// The group of each file, named after the first title in it.
    pub names: Vec<String>,
    /// Pairs of files that are one song by what they play, though their titles differ.
    pub alike: Vec<(usize, usize)>,
}

/// Groups files by the stems of their names and what they play.
///
/// Rather too many songs share a group than too few: `all_of_me` and `all_of_you_xy` do, since `xy` may be an arranger.
pub fn group(stems: &[String], scores: &[&Score]) -> Groups {
    let titles: Vec<String> = stems.iter().map(|stem| normal_title(stem)).collect();
    let mut sets = Sets::new(stems.len());
    let mut first: HashMap<String, usize> = HashMap::new();
    for (at, stem) in stems.iter().enumerate() {
        for title in titles_of(stem) {
            let other = *first.entry(title).or_insert(at);
            sets.join(at, other);
        }
    }
    let prints: Vec<Vec<u64>> = scores.iter().map(|score| fingerprints(score)).collect();
    let mut alike = Vec::new();
    for (a, b) in similar(&prints) {
        if sets.find(a) != sets.find(b) {
            alike.push((a, b));
            sets.join(a, b);
        }
    }
    let names = (0..titles.len()).map(|at| {
        let root = sets.find(at);
        match titles[root].is_empty() {
            true => format!("#{root}"),
            false => titles[root].clone(),
        }
    });
    Groups {
        names: names.collect(),
        alike,
    }
}

/// A title as it is compared: of a file's stem, without a collection's prefix (`xy_`) and without what is no letter; in lower
/// case. `cj_So_What-2` and `so what` are the same.
pub fn normal_title(stem: &str) -> String {
    letters(without_prefix(stem))
}

fn without_prefix(stem: &str) -> &str {
    match stem.split_once('_') {
        Some((prefix, rest)) if prefix.len() == 2 && prefix.bytes().all(|byte| byte.is_ascii_lowercase()) => {
            rest
        }
        _ => stem,
    }
}

fn letters(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_alphabetic())
        .flat_map(char::to_lowercase)
        .collect()
}

/// The titles that a stem may stand for: the whole of it, without a short last word (an arranger's initials), and what comes
/// before a dash.
fn titles_of(stem: &str) -> Vec<String> {
    let whole = without_prefix(stem);
    let mut titles = vec![letters(whole)];
    let shorter = whole
        .rsplit_once('_')
        .filter(|(_, last)| last.chars().count() <= 4)
        .map_or(whole, |(rest, _)| rest);
    for part in [shorter, shorter.split(['-', '(']).next().unwrap_or_default()] {
        let title = letters(part);
        // A few letters are no title when they are not the whole of it.
        if title.chars().count() >= 5 {
            titles.push(title);
        }
    }
    titles.retain(|title| !title.is_empty());
    titles.sort_unstable();
    titles.dedup();
    titles
}

/// Pairs of files that share enough rare fingerprints.
fn similar(prints: &[Vec<u64>]) -> Vec<(usize, usize)> {
    let mut places: Vec<(u64, u32)> = Vec::new();
    for (at, prints) in prints.iter().enumerate() {
        places.extend(prints.iter().map(|print| (*print, at as u32)));
    }
    places.sort_unstable();
    let mut rare = vec![0_usize; prints.len()];
    let mut shared: HashMap<(u32, u32), usize> = HashMap::new();
    for same in places.chunk_by(|a, b| a.0 == b.0) {
        if same.len() > COMMON {
            continue;
        }
        for (at, a) in same.iter().enumerate() {
            rare[a.1 as usize] += 1;
            for b in &same[at + 1..] {
                *shared.entry((a.1, b.1)).or_default() += 1;
            }
        }
    }
    let mut pairs: Vec<(usize, usize)> = shared
        .into_iter()
        .map(|((a, b), count)| ((a as usize, b as usize), count))
        .filter(|((a, b), count)| *count >= ENOUGH && *count as f64 >= SHARE * rare[*a].min(rare[*b]) as f64)
        .map(|(pair, _)| pair)
        .collect();
    pairs.sort_unstable();
    pairs
}

/// What the lines of a score play, each run of notes as a number, whatever the key, the octave and the tempo.
fn fingerprints(score: &Score) -> Vec<u64> {
    let mut prints = Vec::new();
    for track in score.tracks.iter().filter(|track| !track.drums) {
        // The top of what begins together is the line.
        let mut line: Vec<(u32, u8)> = Vec::new();
        for note in &track.notes {
            match line.last_mut() {
                Some(last) if last.0 == note.onset => last.1 = last.1.max(note.pitch),
                _ => line.push((note.onset, note.pitch)),
            }
        }
        for run in line.windows(NOTES) {
            let moves = run
                .windows(2)
                .map(|two| u64::from(two[1].1.wrapping_sub(two[0].1)));
            let distinct = run
                .iter()
                .map(|note| note.1)
                .collect::<std::collections::BTreeSet<u8>>()
                .len();
            // Repeated notes and trills are everybody's.
            if distinct >= 4 {
                prints.push(hash(moves, 0));
            }
        }
    }
    prints.sort_unstable();
    prints.dedup();
    prints
}

/// A number of numbers, the same on every machine (FNV-1a with a final mix).
pub(super) fn hash(values: impl Iterator<Item = u64>, seed: u64) -> u64 {
    let mut state = 0xcbf2_9ce4_8422_2325 ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for value in values {
        state = (state ^ value).wrapping_mul(0x0100_0000_01b3);
    }
    state = (state ^ (state >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    state ^ (state >> 33)
}

/// Disjoint sets.
struct Sets(Vec<usize>);

impl Sets {
    fn new(count: usize) -> Self {
        Sets((0..count).collect())
    }

    /// The least member of a set.
    fn find(&mut self, at: usize) -> usize {
        let mut root = at;
        while self.0[root] != root {
            root = self.0[root];
        }
        let mut at = at;
        while self.0[at] != root {
            at = std::mem::replace(&mut self.0[at], root);
        }
        root
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.find(a), self.find(b));
        self.0[a.max(b)] = a.min(b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::{Note, Track};

    fn tune(seed: u64, key: u8, stretch: u32) -> Score {
        let notes = (0..60_u32).map(|at| Note {
            onset: at * stretch,
            pitch: key + (hash([u64::from(at)].into_iter(), seed) % 24) as u8,
            duration: stretch,
            velocity: 80,
        });
        Score {
            tracks: vec![Track {
                notes: notes.collect(),
                ..Track::default()
            }],
            ..Score::default()
        }
    }

    #[test]
    fn titles_lose_prefix_case_numbers_and_signs() {
        for (stem, title) in [
            ("cj_So_What-2", "sowhat"),
            ("So What", "sowhat"),
            ("All_of_Me", "allofme"),
            ("99", ""),
            ("dm_Été~1", "été"),
        ] {
            assert_eq!(normal_title(stem), title);
        }
    }

    #[test]
    fn a_tune_is_known_in_another_key_tempo_and_name() {
        let scores = [
            tune(1, 40, 480),
            tune(2, 40, 480),
            tune(1, 47, 120),
            tune(3, 50, 100),
        ];
        let titles = ["a", "b", "c", "b"].map(str::to_owned);
        let groups = group(&titles, &scores.iter().collect::<Vec<_>>());
        assert_eq!(groups.names, ["a", "b", "a", "b"]);
        assert_eq!(groups.alike, [(0, 2)]);
    }
}
