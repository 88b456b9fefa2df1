//! From what the ears say to genres: tags, less what they say of any music, and a small learned correction.
//!
//! A genre's score is the logarithm of the sum of its tags' probabilities, less the same of their priors; the mixture is the
//! softmax of the scores, with "none of these" as one more member of score 0: a genre whose tags sound as likely as ever.

mod correction;
mod evaluation;
mod map;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

pub use correction::Correction;
pub use evaluation::{Clip, Evaluation, GenreCount, Reached, evaluate, make};
pub use map::GenreMap;

use crate::weights::Fault;

/// Keeps logarithms finite where a tag is given no probability at all.
const FLOOR: f64 = 1e-6;

/// A network that listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ear {
    /// musicnn trained on the Million Song Dataset's tags.
    Msd,
    /// musicnn trained on MagnaTagATune's tags.
    Mtt,
    /// YAMNet, trained on AudioSet.
    Yamnet,
}

impl Ear {
    /// All ears.
    pub const ALL: [Ear; 3] = [Ear::Msd, Ear::Mtt, Ear::Yamnet];

    /// The name of its model in the store.
    pub fn model(self) -> &'static str {
        match self {
            Ear::Msd => "musicnn-msd",
            Ear::Mtt => "musicnn-mtt",
            Ear::Yamnet => "yamnet",
        }
    }

    /// What its outputs are called, in order.
    pub fn labels(self) -> &'static [&'static str] {
        match self {
            Ear::Msd => &crate::musicnn::MSD_TAGS,
            Ear::Mtt => &crate::musicnn::MTT_TAGS,
            Ear::Yamnet => {
                static NAMES: OnceLock<Vec<&'static str>> = OnceLock::new();
                NAMES.get_or_init(|| crate::yamnet::class_names().collect())
            }
        }
    }
}

/// What the ears say of a stretch of sound.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Said {
    /// The probability of each label, by ear.
    pub tags: BTreeMap<Ear, Vec<f64>>,
    /// The last layer before the tags, of the ears that have one: 200 values each.
    pub inner: BTreeMap<Ear, Vec<f64>>,
}

impl Said {
    /// The mean of what was said of several stretches; empty where there are none.
    pub fn mean<'a>(all: impl IntoIterator<Item = &'a Said>) -> Said {
        let mut mean = Said::default();
        let mut count = 0.0;
        for said in all {
            count += 1.0;
            for (sums, values) in [(&mut mean.tags, &said.tags), (&mut mean.inner, &said.inner)] {
                for (&ear, values) in values {
                    let sum = sums.entry(ear).or_insert_with(|| vec![0.0; values.len()]);
                    sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
                }
            }
        }
        let values = mean.tags.values_mut().chain(mean.inner.values_mut()).flatten();
        values.for_each(|value| *value /= count);
        mean
    }

    /// What these ears alone say.
    pub fn only(&self, ears: &[Ear]) -> Said {
        let keep = |all: &BTreeMap<Ear, Vec<f64>>| {
            let kept = all.iter().filter(|(ear, _)| ears.contains(ear));
            kept.map(|(&ear, values)| (ear, values.clone())).collect()
        };
        Said {
            tags: keep(&self.tags),
            inner: keep(&self.inner),
        }
    }
}

/// Genres and how probable they are.
#[derive(Debug, Clone, PartialEq)]
pub struct Mixture {
    /// The probability of each genre that can be heard, in the map's order; with `none` they sum to 1.
    pub genres: Vec<(String, f64)>,
    /// How probable it is that the music is none of these.
    pub none: f64,
}

/// A tag that speaks for a genre.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Reason {
    /// The ear that gives it.
    pub ear: Ear,
    /// The tag.
    pub tag: &'static str,
    /// How probable the ear takes it to be.
    pub probability: f64,
    /// How probable it takes it to be on the mean over music of many kinds.
    pub prior: f64,
}

/// Tells genres from what ears say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Name and version.
    pub name: String,
    /// The mean probability of each label over music of many kinds.
    priors: BTreeMap<Ear, Vec<f64>>,
    /// What was learned on top, for the genres of the ten.
    correction: Option<Correction>,
}

impl Head {
    /// The head of the program, made by `melisma evaluate CLIPS --ears --write FILE`.
    ///
    /// # Panics
    /// Never: the head is part of the program and read by its tests.
    pub fn shipped() -> Head {
        Head::parse(include_str!("../../head.json")).expect("the head of the program")
    }

    /// Reads a head.
    ///
    /// # Errors
    /// When it is malformed or its numbers are not as many as the ears' labels, or not finite.
    pub fn parse(text: &str) -> Result<Head, Fault> {
        let head: Head = serde_json::from_str(text).map_err(|error| Fault::new(error.to_string()))?;
        for (ear, prior) in &head.priors {
            if prior.len() != ear.labels().len() || !prior.iter().all(|p| (0.0..=1.0).contains(p)) {
                return Err(Fault::new(format!(
                    "the prior of {} is not {} probabilities",
                    ear.model(),
                    ear.labels().len()
                )));
            }
        }
        if let Some(correction) = &head.correction {
            correction.check()?;
        }
        Ok(head)
    }

    /// A head without a correction: its priors are what was said of these clips on the mean, whatever their genres.
    pub fn of_priors(name: &str, clips: &[Said]) -> Head {
        let mut priors = Said::mean(clips).tags;
        // Four digits are plenty, and keep the file readable.
        for p in priors.values_mut().flatten() {
            *p = (*p * 1e6).round() / 1e6;
        }
        Head {
            name: name.to_owned(),
            priors,
            correction: None,
        }
    }

    /// The head with a correction.
    pub fn corrected(mut self, correction: Correction) -> Head {
        self.correction = Some(correction);
        self
    }

    /// The head without its correction.
    pub fn uncorrected(&self) -> Head {
        Head {
            correction: None,
            ..self.clone()
        }
    }

    /// Each genre's score; `None` for one that none of these ears can hear.
    pub fn scores(&self, map: &GenreMap, said: &Said) -> Vec<Option<f64>> {
        map.tags()
            .iter()
            .map(|genre| self.score(&genre.tags, said))
            .collect()
    }

    fn score(&self, tags: &BTreeMap<Ear, Vec<usize>>, said: &Said) -> Option<f64> {
        let heard = |ear: Ear| {
            let places = tags.get(&ear)?;
            let (values, prior) = (said.tags.get(&ear)?, self.priors.get(&ear)?);
            let sum = |of: &[f64]| places.iter().map(|&place| of[place]).sum::<f64>();
            Some((sum(values), sum(prior)))
        };
        let (value, prior) = heard(Ear::Yamnet).or_else(|| {
            let both = [heard(Ear::Msd), heard(Ear::Mtt)];
            both.into_iter().flatten().reduce(|a, b| (a.0 + b.0, a.1 + b.1))
        })?;
        Some((value + FLOOR).ln() - (prior + FLOOR).ln())
    }

    /// What the tags that speak for a genre say, the ones that stand out most from their priors first; empty for a genre that is not in
    /// the map.
    pub fn reasons(&self, map: &GenreMap, genre: &str, said: &Said) -> Vec<Reason> {
        let Some(of) = map.tags().iter().find(|tags| tags.genre == genre) else {
            return Vec::new();
        };
        let speaks = |ear: &Ear| said.tags.contains_key(ear) && self.priors.contains_key(ear);
        let alone = of.tags.contains_key(&Ear::Yamnet) && speaks(&Ear::Yamnet);
        let mut reasons: Vec<Reason> = of
            .tags
            .iter()
            .filter(|(ear, _)| speaks(ear) && (!alone || **ear == Ear::Yamnet))
            .flat_map(|(&ear, places)| {
                places.iter().map(move |&place| Reason {
                    ear,
                    tag: ear.labels()[place],
                    probability: said.tags[&ear][place],
                    prior: self.priors[&ear][place],
                })
            })
            .collect();
        reasons.sort_by(|a, b| (b.probability - b.prior).total_cmp(&(a.probability - a.prior)));
        reasons
    }

    /// The mixture of genres; empty, and surely none of these, where no ear can hear any.
    pub fn mixture(&self, map: &GenreMap, said: &Said) -> Mixture {
        let scores = self.scores(map, said);
        let heard: Vec<(&str, f64)> = map
            .genres()
            .zip(&scores)
            .filter_map(|(genre, score)| Some((genre, (*score)?)))
            .collect();
        let highest = heard.iter().map(|&(_, score)| score).fold(0.0, f64::max);
        let weights: Vec<f64> = heard.iter().map(|&(_, score)| (score - highest).exp()).collect();
        let sum: f64 = weights.iter().sum();
        let none = (-highest).exp() / (sum + (-highest).exp());
        let mut shares: Vec<f64> = weights.iter().map(|weight| weight / sum).collect();
        if let Some(correction) = &self.correction {
            let genres: Vec<&str> = heard.iter().map(|&(genre, _)| genre).collect();
            correction.apply(&genres, said, &mut shares);
        }
        Mixture {
            genres: heard
                .iter()
                .zip(shares)
                .map(|(&(genre, _), share)| (genre.to_owned(), share * (1.0 - none)))
                .collect(),
            none,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every tag as likely as its prior, but those given.
    fn said(louder: &[(&str, f64)]) -> Said {
        let mut tags = vec![0.1; 50];
        for (tag, p) in louder {
            tags[Ear::Msd.labels().iter().position(|label| label == tag).unwrap()] = *p;
        }
        Said {
            tags: BTreeMap::from([(Ear::Msd, tags)]),
            inner: BTreeMap::new(),
        }
    }

    #[test]
    fn what_is_no_louder_than_ever_is_none_of_these() {
        let head = Head::of_priors("t", &[said(&[])]);
        let quiet = head.mixture(&GenreMap::ten(), &said(&[("blues", 0.02), ("jazz", 0.02)]));
        let sum: f64 = quiet.genres.iter().map(|(_, p)| p).sum::<f64>() + quiet.none;
        assert!((sum - 1.0).abs() < 1e-12);
        // Of the ten, classical is heard by the other tagger alone.
        assert_eq!(quiet.genres.len(), 9);
        let blues = head.mixture(&GenreMap::ten(), &said(&[("blues", 0.9)]));
        let first = blues.genres.iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
        assert_eq!(first.0, "blues");
        assert!(first.1 > blues.none);
        let nothing = head.mixture(&GenreMap::ten(), &Said::default());
        assert_eq!((nothing.genres.len(), nothing.none), (0, 1.0));
    }

    #[test]
    fn the_tags_that_stand_out_are_the_reasons() {
        let head = Head::of_priors("t", &[said(&[])]);
        let reasons = head.reasons(&GenreMap::ten(), "metal", &said(&[("heavy metal", 0.5)]));
        let named: Vec<&str> = reasons.iter().map(|reason| reason.tag).collect();
        assert_eq!(named, ["heavy metal", "metal"]);
        assert!(reasons[0].probability > reasons[0].prior);
        assert!(head.reasons(&GenreMap::ten(), "polka", &said(&[])).is_empty());
    }

    #[test]
    fn a_rare_tag_says_more_than_a_frequent_one() {
        let head = Head::of_priors("t", &[said(&[("pop", 0.5), ("country", 0.01)])]);
        let mixture = head.mixture(&GenreMap::ten(), &said(&[("pop", 0.5), ("country", 0.2)]));
        let of = |name: &str| mixture.genres.iter().find(|(genre, _)| genre == name).unwrap().1;
        assert!(of("country") > 5.0 * of("pop"));
    }

    #[test]
    fn a_head_is_read_as_written_and_a_bad_one_refused() {
        let head = Head::of_priors("t", &[said(&[])]);
        let text = serde_json::to_string(&head).unwrap();
        assert_eq!(Head::parse(&text).unwrap(), head);
        assert!(Head::parse(&text.replacen("0.1", "7.0", 1)).is_err());
        assert!(Head::parse(&text.replacen("0.1,", "", 1)).is_err());
        assert!(Head::parse("{").is_err());
    }

    #[test]
    fn the_head_of_the_program_can_be_read() {
        let head = Head::shipped();
        assert!(Ear::ALL.iter().all(|ear| head.priors.contains_key(ear)));
        assert!(head.correction.is_some());
    }
}
