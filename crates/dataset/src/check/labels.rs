//! Findings about genres, artists and the parts of the official split.
//!
//! Not for guessing genres.

use std::collections::{BTreeMap, BTreeSet};

use melisma_audio::is_genre_name;

use super::copies::Groups;
use super::{Entry, Finding, FindingKind};
use crate::Part;

/// Labels that are missing or contradict each other, and artists and copies in several parts.
pub(super) fn findings(entries: &[Entry], groups: &Groups, one_genre_each: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let unlabelled = entries.iter().filter(|e| e.recording.genre.is_none());
    let unlabelled: Vec<String> = unlabelled.map(|e| e.id().to_owned()).collect();
    if !unlabelled.is_empty() {
        let detail = format!(
            "{} of {} recordings have no genre",
            unlabelled.len(),
            entries.len()
        );
        findings.push(Finding::new(FindingKind::Unlabelled, unlabelled, detail));
    }
    if one_genre_each {
        findings.extend(entries.iter().filter_map(tag_against_folder));
    }
    findings.extend(same_id(entries));
    for group in groups.all() {
        findings.extend(copies_disagree(entries, &group));
    }
    findings.extend(artists(entries));
    findings
}

/// A name without case and punctuation: `Hip-Hop` and `hiphop` are the same genre.
fn plain(name: &str) -> String {
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

/// Two genres for one recording where both are names of genres; a folder may be named after anything else.
fn tag_against_folder(entry: &Entry) -> Option<Finding> {
    let genres = &entry.recording.genres;
    let distinct: BTreeSet<String> = genres.iter().map(|g| plain(g)).collect();
    if distinct.len() < 2 || !genres.iter().all(|g| is_genre_name(g)) {
        return None;
    }
    let detail = format!("tag, folder or name contradict each other: {}", genres.join(", "));
    Some(Finding::new(
        FindingKind::LabelConflict,
        [entry.id().to_owned()],
        detail,
    ))
}

/// Ids that occur more than once, with different genres.
fn same_id(entries: &[Entry]) -> Vec<Finding> {
    let mut by_id: BTreeMap<&str, BTreeMap<String, &str>> = BTreeMap::new();
    for entry in entries {
        let genres = by_id.entry(entry.id()).or_default();
        if let Some(genre) = &entry.recording.genre {
            genres.insert(plain(genre), genre);
        }
    }
    by_id.retain(|_, genres| genres.len() > 1);
    by_id
        .into_iter()
        .map(|(id, genres)| {
            let genres: Vec<_> = genres.into_values().collect();
            let detail = format!("the same name in several genres: {}", genres.join(", "));
            Finding::new(FindingKind::LabelConflict, [id.to_owned()], detail)
        })
        .collect()
}

/// Copies with different genres, or in different parts.
fn copies_disagree(entries: &[Entry], group: &[usize]) -> Vec<Finding> {
    let ids = || group.iter().map(|&i| entries[i].id().to_owned());
    let list = |values: &[&str]| {
        let pairs = group.iter().zip(values);
        let pairs: Vec<String> = pairs.map(|(&i, v)| format!("{} {v}", entries[i].id())).collect();
        pairs.join(", ")
    };
    let mut findings = Vec::new();
    let genres: Vec<&str> = group
        .iter()
        .map(|&i| entries[i].recording.genre.as_deref().unwrap_or("unlabelled"))
        .collect();
    let distinct: BTreeSet<String> = group
        .iter()
        .filter_map(|&i| entries[i].recording.genre.as_deref())
        .map(plain)
        .collect();
    if distinct.len() > 1 {
        let detail = format!("copies with different genres: {}", list(&genres));
        findings.push(Finding::new(FindingKind::LabelConflict, ids(), detail));
    }
    let parts: BTreeSet<Part> = group.iter().filter_map(|&i| entries[i].recording.part).collect();
    if parts.len() > 1 {
        let parts: Vec<&str> = group
            .iter()
            .map(|&i| entries[i].recording.part.map_or("in no part", Part::name))
            .collect();
        let detail = format!("copies in different parts: {}", list(&parts));
        findings.push(Finding::new(FindingKind::CopyAcrossParts, ids(), detail));
    }
    findings
}

/// Artists with recordings in several parts.
fn artists(entries: &[Entry]) -> Vec<Finding> {
    let mut by_artist: BTreeMap<String, Vec<(&Entry, Part)>> = BTreeMap::new();
    for entry in entries {
        if let (Some(artist), Some(part)) = (&entry.recording.artist, entry.recording.part) {
            let name = plain(artist);
            if !name.is_empty() {
                by_artist.entry(name).or_default().push((entry, part));
            }
        }
    }
    let mut findings = Vec::new();
    for members in by_artist.into_values() {
        let mut counts: BTreeMap<Part, usize> = BTreeMap::new();
        members
            .iter()
            .for_each(|(_, part)| *counts.entry(*part).or_default() += 1);
        if counts.len() > 1 {
            let counts: Vec<String> = counts
                .iter()
                .map(|(part, count)| format!("{count} in {}", part.name()))
                .collect();
            let artist = members[0].0.recording.artist.as_deref().unwrap_or_default();
            let detail = format!("{artist}: {}", counts.join(", "));
            let ids = members.iter().map(|(entry, _)| entry.id().to_owned());
            findings.push(Finding::new(FindingKind::ArtistAcrossParts, ids, detail));
        }
    }
    findings
}
