//! Which fingerprints belong to the same recording: an inverted index for candidates, bit errors for the verdict.
//!
//! No pair of recordings is compared unless they share a word, so the work grows with the number of recordings, not with its square. Words
//! that very many recordings share say nothing and are passed over.
//!
//! The bit-error rate and its threshold follow Haitsma and Kalker, "A highly robust audio fingerprinting system" (ISMIR 2002): words of
//! unrelated recordings differ in half their bits.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The share of differing bits up to which a stretch counts as the same sound.
///
/// Measured on the GTZAN clips (`scripts/check_planted.sh`): copies differ in at most 0.093 (another encoding, and a shift by half a word),
/// the best stretches of different recordings in at least 0.357.
const MAX_ERROR: f64 = 0.22;
/// Words that must agree, at least: with the words' own reach this is 5 seconds.
const MIN_ITEMS: usize = 20;
/// The part of the shorter fingerprint that must agree.
const MIN_SHARE: f64 = 0.5;
/// Different words in the stretch that agrees, at least: a held tone has too few to tell it from another.
const MIN_DISTINCT: usize = 8;
/// Places of a word that are looked at, at most; a more common word is no evidence.
const MAX_PLACES: usize = 200;
/// Alignments that are compared for one recording, those with the most common words first.
const MAX_CANDIDATES: usize = 5000;

/// Two fingerprints that agree over a stretch.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// The index of one fingerprint.
    pub a: usize,
    /// The index of the other, larger than `a`.
    pub b: usize,
    /// By how many words `b` must be moved to the right to lie on `a`.
    pub offset: i32,
    /// Words in the stretch that agrees.
    pub items: usize,
    /// The share of bits in it that differ.
    pub error: f64,
}

/// Where each word occurs.
struct Index {
    /// Sorted by word.
    words: Vec<u32>,
    /// The fingerprint and the position of each word.
    places: Vec<(u32, u32)>,
}

impl Index {
    fn of(prints: &[&[u32]]) -> Self {
        let mut entries: Vec<(u32, u32, u32)> = Vec::new();
        for (print, words) in prints.iter().enumerate() {
            for (position, &word) in words.iter().enumerate() {
                // A held sound repeats its word; once is enough to find it.
                if position == 0 || words[position - 1] != word {
                    entries.push((word, print as u32, position as u32));
                }
            }
        }
        entries.sort_unstable();
        Index {
            words: entries.iter().map(|e| e.0).collect(),
            places: entries.iter().map(|e| (e.1, e.2)).collect(),
        }
    }

    /// The places of a word; none if it is too common.
    fn places(&self, word: u32) -> &[(u32, u32)] {
        let start = self.words.partition_point(|&w| w < word);
        let count = self.words[start..].partition_point(|&w| w == word);
        match count {
            0..=MAX_PLACES => &self.places[start..start + count],
            _ => &[],
        }
    }
}

/// All pairs of fingerprints that agree, ordered by `a` and `b`.
///
/// Ends early, with fewer pairs, once `stop` is set.
pub fn find_similar(prints: &[&[u32]], threads: usize, stop: &AtomicBool) -> Vec<Match> {
    let index = Index::of(prints);
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let a = next.fetch_add(1, Ordering::Relaxed);
                    if a >= prints.len() {
                        break;
                    }
                    let matches = matches_of(a, prints, &index);
                    if !matches.is_empty() {
                        found.lock().unwrap_or_else(|e| e.into_inner()).extend(matches);
                    }
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap_or_else(|e| e.into_inner());
    found.sort_by_key(|m: &Match| (m.a, m.b));
    found
}

/// The matches of fingerprint `a` among those after it.
fn matches_of(a: usize, prints: &[&[u32]], index: &Index) -> Vec<Match> {
    let mut shared: HashMap<(u32, i32), u32> = HashMap::new();
    for (position, &word) in prints[a].iter().enumerate() {
        for &(b, other) in index.places(word) {
            if b as usize > a {
                *shared.entry((b, position as i32 - other as i32)).or_default() += 1;
            }
        }
    }
    let mut candidates: Vec<((u32, i32), u32)> = shared.into_iter().collect();
    candidates.sort_unstable_by_key(|&(at, count)| (std::cmp::Reverse(count), at));
    candidates.truncate(MAX_CANDIDATES);
    let mut best: HashMap<u32, Match> = HashMap::new();
    for ((b, offset), _) in candidates {
        for offset in offset - 1..=offset + 1 {
            let Some((items, error)) = agreement(prints[a], prints[b as usize], offset) else {
                continue;
            };
            let found = Match {
                a,
                b: b as usize,
                offset,
                items,
                error,
            };
            let better = best
                .get(&b)
                .is_none_or(|m| (found.items, m.error) > (m.items, found.error));
            if better {
                best.insert(b, found);
            }
        }
    }
    best.into_values().collect()
}

/// The stretch over which two fingerprints agree best when `b` is moved by `offset`: its words and its bit-error rate.
///
/// `None` where it is too short, too monotonous or too different.
fn agreement(a: &[u32], b: &[u32], offset: i32) -> Option<(usize, f64)> {
    let start_a = offset.max(0) as usize;
    let start_b = (-offset).max(0) as usize;
    let overlap = a.len().checked_sub(start_a)?.min(b.len().checked_sub(start_b)?);
    let needed = MIN_ITEMS.max((a.len().min(b.len()) as f64 * MIN_SHARE).ceil() as usize);
    if overlap < needed {
        return None;
    }
    let (a, b) = (&a[start_a..start_a + overlap], &b[start_b..start_b + overlap]);
    // The stretch with the largest sum of (bits allowed - bits wrong), found in one pass (Kadane).
    let allowed = MAX_ERROR * 32.0;
    let (mut sum, mut from) = (0.0_f64, 0);
    let (mut best, mut stretch) = (0.0_f64, 0..0);
    for at in 0..overlap {
        if sum <= 0.0 {
            (sum, from) = (0.0, at);
        }
        sum += allowed - f64::from((a[at] ^ b[at]).count_ones());
        if sum > best {
            (best, stretch) = (sum, from..at + 1);
        }
    }
    if stretch.len() < needed {
        return None;
    }
    let (a, b) = (&a[stretch.clone()], &b[stretch]);
    let wrong: u32 = a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum();
    let error = f64::from(wrong) / (32 * a.len()) as f64;
    let mut distinct = a.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    (error <= MAX_ERROR && distinct.len() >= MIN_DISTINCT).then_some((a.len(), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words that look like those of a recording of their own.
    fn print(seed: u32, len: u32) -> Vec<u32> {
        let mix = |n: u32| (n.wrapping_mul(0x9e37_79b9) ^ n.rotate_left(13)).wrapping_mul(0x85eb_ca6b);
        (0..len)
            .map(|n| mix(mix(seed.wrapping_mul(7919) + n) ^ seed))
            .collect()
    }

    fn similar(prints: &[&[u32]]) -> Vec<Match> {
        find_similar(prints, 2, &AtomicBool::new(false))
    }

    #[test]
    fn shifted_and_noisy_copies_match_and_strangers_do_not() {
        let a = print(1, 200);
        // Every third word has four wrong bits.
        let noisy: Vec<u32> = a[30..]
            .iter()
            .enumerate()
            .map(|(n, w)| if n % 3 == 0 { w ^ 0x8010_0401 } else { *w })
            .collect();
        let stranger = print(2, 200);
        let found = similar(&[&a, &stranger, &noisy]);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].a, found[0].b, found[0].offset, found[0].items),
            (0, 2, 30, 170)
        );
        assert!((found[0].error - 4.0 / 96.0).abs() < 0.01, "{}", found[0].error);
    }

    #[test]
    fn short_monotonous_and_partial_stretches_are_no_match() {
        let a = print(1, 200);
        let held = vec![0x1234_5678; 100];
        let mut third = print(3, 200);
        third[..60].copy_from_slice(&a[..60]);
        assert_eq!(similar(&[&a, &a[..15]]), []);
        assert_eq!(similar(&[&held, &held]), []);
        assert_eq!(similar(&[&a, &third]), []);
        assert_eq!(similar(&[&[], &a, &[]]), []);
    }
}
