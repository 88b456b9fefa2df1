//! Which recordings are the same: bit by bit, or by their fingerprints.
//!
//! Not for labels: that copies contradict each other is for `labels`.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicBool;

use super::similar::{Match, find_similar};
use super::{Entry, Finding, FindingKind, ITEM_S, Measured};
use crate::UnionFind;

/// The share of silent blocks from which a fingerprint says nothing.
const TOO_SILENT: f64 = 0.9;
/// Pairs that a finding spells out.
const SPELT_OUT: usize = 3;
/// Extensions of formats that lose nothing.
const LOSSLESS: [&str; 9] = ["wav", "wave", "bwf", "flac", "aif", "aiff", "aifc", "au", "snd"];

/// Recordings that are the same.
pub(super) struct Groups {
    /// The group of each entry; entries of one group are copies of each other.
    of_entry: Vec<usize>,
    /// Entries with the same samples, in groups of two and more.
    exact: Vec<Vec<usize>>,
    /// Pairs that sound alike; of entries with the same samples only the first takes part.
    near: Vec<Match>,
}

impl Groups {
    /// Whether two entries are copies of each other.
    pub(super) fn same(&self, a: usize, b: usize) -> bool {
        self.of_entry[a] == self.of_entry[b]
    }

    /// The groups of two and more entries.
    pub(super) fn all(&self) -> Vec<Vec<usize>> {
        let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (entry, &group) in self.of_entry.iter().enumerate() {
            members.entry(group).or_default().push(entry);
        }
        members.into_values().filter(|group| group.len() > 1).collect()
    }
}

/// Finds the copies among the entries that could be measured.
pub(super) fn groups(entries: &[Entry], threads: usize, stop: &AtomicBool) -> Groups {
    let mut by_hash: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, entry) in entries.iter().enumerate() {
        if let Some(m) = entry.measured.as_ref().filter(|m| m.silent_share < 1.0) {
            by_hash.entry(&m.sound_hash).or_default().push(index);
        }
    }
    let mut firsts: Vec<usize> = by_hash.values().map(|group| group[0]).collect();
    firsts.sort_unstable();
    let mut exact: Vec<Vec<usize>> = by_hash.into_values().filter(|group| group.len() > 1).collect();
    exact.sort();
    let (mut who, mut prints) = (Vec::new(), Vec::new());
    for index in firsts {
        if let Some(m) = entries[index]
            .measured
            .as_ref()
            .filter(|m| m.silent_share < TOO_SILENT)
        {
            who.push(index);
            prints.push(m.fingerprint.as_slice());
        }
    }
    let mut near = find_similar(&prints, threads, stop);
    for m in &mut near {
        (m.a, m.b) = (who[m.a], who[m.b]);
    }
    let mut sets = UnionFind::new(entries.len());
    for group in &exact {
        group[1..].iter().for_each(|&other| sets.join(group[0], other));
    }
    near.iter().for_each(|m| sets.join(m.a, m.b));
    Groups {
        of_entry: sets.groups(),
        exact,
        near,
    }
}

/// One finding for each group.
pub(super) fn findings(entries: &[Entry], groups: &Groups) -> Vec<Finding> {
    let ids =
        |members: &[usize]| -> Vec<String> { members.iter().map(|&i| entries[i].id().to_owned()).collect() };
    let mut findings = Vec::new();
    for group in &groups.exact {
        let hashes = group.iter().filter_map(|&i| entries[i].measured.as_ref());
        let mut hashes: Vec<_> = hashes.map(|m| m.file_hash.as_str()).collect();
        hashes.sort_unstable();
        hashes.dedup();
        let detail = match hashes.len() {
            1 => "the files are identical",
            _ => "the files differ, their samples are identical",
        };
        findings.push(Finding::new(FindingKind::Duplicate, ids(group), detail));
    }
    let mut pairs: HashMap<usize, Vec<&Match>> = HashMap::new();
    for pair in &groups.near {
        pairs.entry(groups.of_entry[pair.a]).or_default().push(pair);
    }
    for pairs in pairs.into_values() {
        let mut members: Vec<usize> = pairs.iter().flat_map(|m| [m.a, m.b]).collect();
        members.sort_unstable();
        members.dedup();
        let mut detail: Vec<String> = pairs
            .iter()
            .take(SPELT_OUT)
            .map(|pair| describe(entries, pair, members.len() > 2))
            .collect();
        if pairs.len() > SPELT_OUT {
            detail.push(format!("and {} more pairs", pairs.len() - SPELT_OUT));
        }
        let finding = Finding::new(FindingKind::NearDuplicate, ids(&members), detail.join("; "));
        let advice = match best(entries, &members) {
            Some(best) => format!("keep one, best {}", entries[best].id()),
            None => FindingKind::NearDuplicate.advice().to_owned(),
        };
        findings.push(finding.advising(advice));
    }
    findings
}

/// How two recordings lie on each other.
fn describe(entries: &[Entry], pair: &Match, named: bool) -> String {
    let who = match named {
        true => format!("{} and {}: ", entries[pair.a].id(), entries[pair.b].id()),
        false => String::new(),
    };
    let seconds = f64::from(pair.offset) * ITEM_S;
    let shift = match pair.offset {
        -1..=1 => String::new(),
        _ => format!(
            ", the second begins {:.1} s {}",
            seconds.abs(),
            if seconds > 0.0 { "later" } else { "earlier" }
        ),
    };
    let length = pair.items as f64 * ITEM_S;
    let error = 100.0 * pair.error;
    format!("{who}alike over {length:.1} s{shift}, {error:.0} % of the fingerprint's bits differ")
}

/// The entry of the best quality: one without loss, the longest, the one with the most bytes.
fn best(entries: &[Entry], members: &[usize]) -> Option<usize> {
    let rank = |m: &Measured, lossless: bool| (lossless, (m.duration_s * 2.0).round() as u64, m.bytes);
    members
        .iter()
        .filter_map(|&i| {
            let entry = &entries[i];
            let extension = entry.file.as_ref()?.extension()?.to_str()?.to_ascii_lowercase();
            let lossless = LOSSLESS.contains(&extension.as_str());
            Some((rank(entry.measured.as_ref()?, lossless), i))
        })
        .max_by_key(|&(rank, i)| (rank, std::cmp::Reverse(i)))
        .map(|(_, i)| i)
}
