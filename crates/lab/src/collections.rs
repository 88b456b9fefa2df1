//! Figures collection by collection, where tracks come from several: files of one collection share more than their genre, and a classifier
//! may tell the collection instead.
//!
//! Three questions are asked of a candidate. What would the collection alone have said, in the same folds? What does the candidate get
//! right among the tracks of one collection, where the collection says nothing? And what of a collection it has never met?

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use melisma_learn::metrics::{Prediction, track_vote};
use serde::Serialize;

use crate::Result;
use crate::data::Rows;
use crate::fit::Fits;
use crate::outcome::{Outcome, aligned};
use crate::protocol::Protocol;
use crate::run::Session;

/// A genre counts within a collection if so many of its tracks are there.
const ENOUGH: usize = 5;

/// A candidate judged by collections.
#[derive(Debug, Clone, Serialize)]
pub struct Collections {
    /// The candidate.
    pub candidate: String,
    /// Balanced accuracy over all tracks, cross-validated.
    pub balanced_accuracy: f64,
    /// The same of whoever knows nothing but the collection: each one's most typical genre by the same folds' training tracks.
    pub collection_alone: f64,
    /// Balanced accuracy within collections, the mean over them by their tracks; tracks of genres with fewer than five tracks there are left
    /// out.
    pub within: f64,
    /// What guessing gets there: one over the number of genres, the mean likewise.
    pub within_by_chance: f64,
    /// Balanced accuracy over all tracks, each judged by a model that knew no track of its collection, and none of its group; collections
    /// without which there are fewer than two classes are left out.
    pub collection_unknown: f64,
    /// Each collection.
    pub rows: Vec<CollectionRow>,
}

/// A candidate's figures on one collection.
#[derive(Debug, Clone, Serialize)]
pub struct CollectionRow {
    /// The collection.
    pub collection: String,
    /// Its tracks.
    pub tracks: usize,
    /// How many of them are of each class.
    pub of_class: Vec<usize>,
    /// Genres with at least five tracks.
    pub genres: usize,
    /// Balanced accuracy over those genres; `None` where there are fewer than two.
    pub balanced_accuracy: Option<f64>,
    /// The same by models that knew no track of the collection.
    pub unknown_balanced_accuracy: Option<f64>,
}

/// What was said of tracks.
struct Told {
    track: usize,
    said: usize,
    truth: usize,
}

impl Session<'_> {
    /// Judges the candidates that the recipe names, on what was said of them under the strictest protocol.
    pub(crate) fn by_collection(&self, outcome: &Outcome) -> Result<Vec<Collections>> {
        if self.data.collections.len() < 2 {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        for name in &self.recipe.content().report.collections {
            let Some(candidate) = self.recipe.content().candidate(name) else {
                continue;
            };
            let source = self.sources(candidate).first().copied().unwrap_or(0);
            let source_name = &self.data.sources[source].name;
            let Some(row) = outcome.row(name, Protocol::Filtered, source_name) else {
                continue;
            };
            let vote = track_vote(
                &row.said.prediction.probabilities,
                &row.said.truth,
                &row.said.tracks,
            );
            let known = told(&vote.tracks, &vote.prediction, &vote.truth);
            let mut unknown = Vec::new();
            for collection in 0..self.data.collections.len() {
                self.watch.check()?;
                (self.watch.say)(&format!(
                    "{name} without collection {}",
                    self.data.collections[collection]
                ));
                unknown.extend(self.unknown(name, collection)?);
            }
            let mut rows = Vec::new();
            for (collection, title) in self.data.collections.iter().enumerate() {
                let mut of_class = vec![0; self.data.labels.len()];
                for told in known.iter().filter(|told| self.is_of(told.track, collection)) {
                    of_class[told.truth] += 1;
                }
                let genres = of_class.iter().filter(|count| **count >= ENOUGH).count();
                let within = |all: &[Told]| {
                    let counts =
                        |told: &&Told| self.is_of(told.track, collection) && of_class[told.truth] >= ENOUGH;
                    let inside: Vec<(usize, usize)> = all
                        .iter()
                        .filter(counts)
                        .map(|told| (told.said, told.truth))
                        .collect();
                    (genres >= 2 && !inside.is_empty()).then(|| balanced(inside.into_iter()))
                };
                rows.push(CollectionRow {
                    collection: title.clone(),
                    tracks: of_class.iter().sum(),
                    genres,
                    balanced_accuracy: within(&known),
                    unknown_balanced_accuracy: within(&unknown),
                    of_class,
                });
            }
            let pairs = |all: &[Told]| balanced(all.iter().map(|told| (told.said, told.truth)));
            let counted = |row: &CollectionRow| {
                row.of_class
                    .iter()
                    .filter(|count| **count >= ENOUGH)
                    .sum::<usize>() as f64
            };
            let mean = |value: &dyn Fn(&CollectionRow) -> Option<f64>| {
                let parts = rows.iter().filter_map(|row| Some((value(row)?, counted(row))));
                let (sum, weight) = parts.fold((0.0, 0.0), |(s, w), (value, weight)| {
                    (s + value * weight, w + weight)
                });
                sum / weight
            };
            found.push(Collections {
                candidate: name.clone(),
                balanced_accuracy: pairs(&known),
                collection_alone: self.collection_alone()?,
                within: mean(&|row| row.balanced_accuracy),
                within_by_chance: mean(&|row| row.balanced_accuracy.map(|_| 1.0 / row.genres as f64)),
                collection_unknown: pairs(&unknown),
                rows,
            });
        }
        Ok(found)
    }

    fn is_of(&self, track: usize, collection: usize) -> bool {
        self.data.tracks[track].collection == Some(collection)
    }

    /// What a candidate says of a collection's tracks when fitted without them and without other tracks of their groups; nothing where
    /// that leaves fewer than two classes.
    fn unknown(&self, name: &str, collection: usize) -> Result<Vec<Told>> {
        let content = self.recipe.content();
        let Some(candidate) = content.candidate(name) else {
            return Ok(Vec::new());
        };
        let group = |track: usize| self.data.group(Protocol::Filtered, track);
        let inside: BTreeSet<usize> = (0..self.data.tracks.len())
            .filter(|&track| self.is_of(track, collection))
            .collect();
        let groups: BTreeSet<usize> = inside.iter().map(|&track| group(track)).collect();
        let outside: Vec<usize> = (0..self.data.tracks.len())
            .filter(|&track| !inside.contains(&track) && !groups.contains(&group(track)))
            .collect();
        let classes: BTreeSet<usize> = outside
            .iter()
            .map(|&track| self.data.tracks[track].class)
            .collect();
        if classes.len() < 2 {
            return Ok(Vec::new());
        }
        let sources = self.sources(candidate);
        let source = sources.first().copied().unwrap_or(0);
        let of = &self.data.sources[source].track_of;
        let rows = Rows {
            train: self.data.rows_of_tracks(&sources, &outside),
            test: (0..of.len()).filter(|&row| inside.contains(&of[row])).collect(),
        };
        let judged = self.judge(
            candidate,
            Protocol::Filtered,
            source,
            &rows,
            &mut Fits::new(),
            &mut BTreeMap::new(),
        )?;
        let said = judged.said;
        let vote = track_vote(&said.prediction.probabilities, &said.truth, &said.tracks);
        Ok(told(&vote.tracks, &vote.prediction, &vote.truth))
    }

    /// Balanced accuracy of knowing the collection and nothing else: in each fold, the class of which the largest share of training
    /// tracks came in the collection.
    fn collection_alone(&self) -> Result<f64> {
        let Some(parts) = self.data.track_parts(Protocol::Filtered, self.estimate)? else {
            return Ok(f64::NAN);
        };
        let classes = self.data.labels.len();
        let mut said = Vec::new();
        for (train, test) in &parts.parts {
            let mut counts = vec![vec![0.0; classes]; self.data.collections.len()];
            let mut sums = vec![0.0; classes];
            for &track in train {
                let track = &self.data.tracks[track];
                if let Some(collection) = track.collection {
                    counts[collection][track.class] += 1.0;
                }
                sums[track.class] += 1.0;
            }
            let typical: Vec<usize> = counts
                .iter()
                .map(|counts| {
                    let share = |class: &usize| counts[*class] / f64::max(sums[*class], 1.0);
                    let best = (0..classes).max_by(|a, b| share(a).total_cmp(&share(b)).then(b.cmp(a)));
                    best.unwrap_or(0)
                })
                .collect();
            for &track in test {
                let track = &self.data.tracks[track];
                said.push((
                    track.collection.map_or(0, |collection| typical[collection]),
                    track.class,
                ));
            }
        }
        Ok(balanced(said.into_iter()))
    }
}

fn told(tracks: &[usize], prediction: &Prediction, truth: &[usize]) -> Vec<Told> {
    let pairs = tracks.iter().zip(&prediction.classes).zip(truth);
    pairs
        .map(|((&track, &said), &truth)| Told { track, said, truth })
        .collect()
}

/// The mean recall of the classes that occur, of pairs (said, true).
fn balanced(pairs: impl Iterator<Item = (usize, usize)>) -> f64 {
    let mut classes: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
    for (said, truth) in pairs {
        let (right, all) = classes.entry(truth).or_default();
        *right += f64::from(u8::from(said == truth));
        *all += 1.0;
    }
    let count = classes.len() as f64;
    classes.into_values().map(|(right, all)| right / all).sum::<f64>() / count
}

impl Collections {
    /// The figures as a paragraph and a table.
    pub fn to_markdown(&self, labels: &[String]) -> String {
        let mut text = format!(
            "{} by collection (balanced accuracy, grouped)\n\n",
            self.candidate
        );
        let _ = writeln!(
            text,
            "All tracks: {:.3}. The collection alone: {:.3}. Within collections: {:.3}, by chance {:.3}. Collections never met: {:.3}.\n",
            self.balanced_accuracy,
            self.collection_alone,
            self.within,
            self.within_by_chance,
            self.collection_unknown,
        );
        let mut table = vec![
            ["collection", "tracks", "of", "within", "by chance", "never met"]
                .map(str::to_owned)
                .to_vec(),
        ];
        for row in &self.rows {
            let of = row.of_class.iter().zip(labels).filter(|(count, _)| **count > 0);
            let of: Vec<String> = of.map(|(count, label)| format!("{label} {count}")).collect();
            let figure =
                |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"));
            table.push(vec![
                row.collection.clone(),
                row.tracks.to_string(),
                of.join(", "),
                figure(row.balanced_accuracy),
                figure(row.balanced_accuracy.map(|_| 1.0 / row.genres as f64)),
                figure(row.unknown_balanced_accuracy),
            ]);
        }
        text.push_str(&aligned(&table));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_count_alike_however_many_tracks_they_have() {
        let pairs = [(0, 0), (0, 0), (0, 0), (0, 0), (0, 1), (1, 1)];
        assert_eq!(balanced(pairs.into_iter()), 0.75);
        assert_eq!(balanced([(2, 1)].into_iter()), 0.0);
    }
}
