//! How well genres are told: on clips with known genres and artists, without ever learning from an artist that is judged.

use ndarray::Array2;
use serde::Serialize;

use melisma_learn::metrics::{Interval, group_bootstrap};

use super::{Correction, GenreMap, Head, Mixture, Said};
use crate::weights::Fault;

/// Rounds of the bootstrap over artists.
const ROUNDS: usize = 2000;

/// A clip of known genre and artist.
#[derive(Debug, Clone, PartialEq)]
pub struct Clip {
    /// Its genre, one of the map's.
    pub genre: String,
    /// The group of its artist.
    pub artist: usize,
    /// What the ears say of it.
    pub said: Said,
}

/// Figures over clips.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// How many clips.
    pub clips: usize,
    /// How many artists.
    pub artists: usize,
    /// The tags alone, no genre of any clip used.
    pub zero_shot: Reached,
    /// With a correction learned from the clips of all other artists.
    pub corrected: Reached,
    /// How many clips "none of these" came first for, with all genres in the map.
    pub none_first: usize,
    /// The probability that a clip is more surely none of these when its genre is missing from the map than another clip
    /// whose genre is there (area under the ROC curve).
    pub open_set_auc: f64,
}

/// What was reached.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reached {
    /// The share told rightly, with the interval of a bootstrap over artists.
    pub accuracy: Interval,
    /// By genre, in the map's order.
    pub genres: Vec<GenreCount>,
}

/// A genre's clips.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GenreCount {
    /// The genre.
    pub genre: String,
    /// How many clips are of it.
    pub clips: usize,
    /// How many of them were told rightly.
    pub correct: usize,
    /// How many artists they are by.
    pub artists: usize,
}

/// Judges `map` on `clips`; the priors are the clips' mean, which knows nothing of their genres.
///
/// # Errors
/// When a clip's genre is not in the map, or no correction can be learned.
pub fn evaluate(map: &GenreMap, clips: &[Clip], penalty: f64, seed: u64) -> Result<Evaluation, Fault> {
    let names: Vec<&str> = map.genres().collect();
    let truth = truth(&names, clips)?;
    let said: Vec<Said> = clips.iter().map(|clip| clip.said.clone()).collect();
    let head = Head::of_priors("evaluation", &said);
    let plain: Vec<Mixture> = said.iter().map(|said| head.mixture(map, said)).collect();
    let mut corrected = Vec::new();
    for (index, clip) in clips.iter().enumerate() {
        let others: Vec<usize> = (0..clips.len())
            .filter(|&i| clips[i].artist != clip.artist)
            .collect();
        let learned = learn(&names, &head, map, clips, &others, &truth, penalty)?;
        corrected.push(match learned {
            Some(correction) => head.clone().corrected(correction).mixture(map, &said[index]),
            None => plain[index].clone(),
        });
    }
    let known: Vec<f64> = plain.iter().map(|mixture| mixture.none).collect();
    let unknown: Vec<f64> = clips
        .iter()
        .map(|clip| head.mixture(&map.without(&clip.genre), &clip.said).none)
        .collect();
    Ok(Evaluation {
        clips: clips.len(),
        artists: count(clips.iter().map(|clip| clip.artist)),
        zero_shot: reached(&names, clips, &plain, seed),
        corrected: reached(&names, clips, &corrected, seed),
        none_first: plain
            .iter()
            .filter(|mixture| mixture.genres.iter().all(|(_, p)| *p < mixture.none))
            .count(),
        open_set_auc: auc(&known, &unknown),
    })
}

/// The head made of all clips: their mean as priors, and a correction where both taggers listened.
///
/// # Errors
/// As [`evaluate`].
pub fn make(name: &str, map: &GenreMap, clips: &[Clip], penalty: f64) -> Result<Head, Fault> {
    let names: Vec<&str> = map.genres().collect();
    let truth = truth(&names, clips)?;
    let said: Vec<Said> = clips.iter().map(|clip| clip.said.clone()).collect();
    let head = Head::of_priors(name, &said);
    let all: Vec<usize> = (0..clips.len()).collect();
    Ok(match learn(&names, &head, map, clips, &all, &truth, penalty)? {
        Some(correction) => head.corrected(correction),
        None => head,
    })
}

fn truth(names: &[&str], clips: &[Clip]) -> Result<Vec<usize>, Fault> {
    clips
        .iter()
        .map(|clip| {
            names
                .iter()
                .position(|name| *name == clip.genre)
                .ok_or_else(|| Fault::new(format!("the map has no genre called `{}`", clip.genre)))
        })
        .collect()
}

/// The correction these clips teach; none where a genre cannot be heard or a tagger is missing.
fn learn(
    names: &[&str],
    head: &Head,
    map: &GenreMap,
    clips: &[Clip],
    rows: &[usize],
    truth: &[usize],
    penalty: f64,
) -> Result<Option<Correction>, Fault> {
    if rows.is_empty() || rows.iter().any(|&row| clips[row].said.inner.len() < 2) {
        return Ok(None);
    }
    let mut shares = Array2::zeros((rows.len(), names.len()));
    for (at, &row) in rows.iter().enumerate() {
        let mixture = head.mixture(map, &clips[row].said);
        if mixture.genres.len() != names.len() {
            return Ok(None);
        }
        for (genre, (_, p)) in mixture.genres.iter().enumerate() {
            shares[[at, genre]] = p / (1.0 - mixture.none);
        }
    }
    let said: Vec<&Said> = rows.iter().map(|&row| &clips[row].said).collect();
    let truth: Vec<usize> = rows.iter().map(|&row| truth[row]).collect();
    Correction::fit(names, &said, &shares, &truth, penalty).map(Some)
}

fn reached(names: &[&str], clips: &[Clip], mixtures: &[Mixture], seed: u64) -> Reached {
    let right: Vec<bool> = clips
        .iter()
        .zip(mixtures)
        .map(|(clip, mixture)| {
            let first = mixture.genres.iter().max_by(|a, b| a.1.total_cmp(&b.1));
            first.is_some_and(|(genre, _)| *genre == clip.genre)
        })
        .collect();
    let groups: Vec<usize> = clips.iter().map(|clip| clip.artist).collect();
    let genres = names.iter().map(|name| {
        let of: Vec<usize> = (0..clips.len()).filter(|&i| clips[i].genre == *name).collect();
        GenreCount {
            genre: (*name).to_owned(),
            clips: of.len(),
            correct: of.iter().filter(|&&i| right[i]).count(),
            artists: count(of.iter().map(|&i| clips[i].artist)),
        }
    });
    Reached {
        accuracy: group_bootstrap(&right, &groups, ROUNDS, seed),
        genres: genres.collect(),
    }
}

fn count(groups: impl Iterator<Item = usize>) -> usize {
    groups.collect::<std::collections::BTreeSet<_>>().len()
}

/// The share of pairs in which the unknown one is higher; ties count half.
fn auc(known: &[f64], unknown: &[f64]) -> f64 {
    let pairs = known.iter().flat_map(|k| unknown.iter().map(move |u| (k, u)));
    let wins: f64 = pairs
        .map(|(k, u)| {
            if u > k {
                1.0
            } else {
                f64::from(u8::from(u == k)) * 0.5
            }
        })
        .sum();
    wins / (known.len() * unknown.len()).max(1) as f64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use melisma_dataset::rng::Rng;

    use super::*;
    use crate::head::Ear;

    /// Clips whose inner layers tell their artist perfectly and their genre not at all; the tags tell the genre mostly.
    fn clips(seed: u64) -> Vec<Clip> {
        let mut rng = Rng::new(seed);
        let genres = ["blues", "jazz", "metal"];
        (0..60)
            .map(|i| {
                let genre = i % 3;
                let artist = i / 6 * 3 + genre;
                let mut tags = vec![0.05; 50];
                let tag = |name: &str| Ear::Msd.labels().iter().position(|label| *label == name).unwrap();
                let heard = if rng.below(10) < 8 { genre } else { (genre + 1) % 3 };
                tags[tag(genres[heard])] = 0.6;
                let inner = |shift: usize| {
                    (0..200)
                        .map(|j| f64::from(u8::from(j == artist + shift)))
                        .collect()
                };
                Clip {
                    genre: genres[genre].to_owned(),
                    artist,
                    said: Said {
                        tags: BTreeMap::from([(Ear::Msd, tags)]),
                        inner: BTreeMap::from([(Ear::Msd, inner(0)), (Ear::Mtt, inner(50))]),
                    },
                }
            })
            .collect()
    }

    fn map() -> GenreMap {
        let text = "name = \"t\"\n[genre.blues]\nmsd = [\"blues\"]\n[genre.jazz]\nmsd = [\"jazz\"]\n[genre.metal]\nmsd = [\"metal\"]\n";
        GenreMap::parse(text).unwrap()
    }

    #[test]
    fn an_artist_that_is_judged_was_not_learned_from() {
        let clips = clips(3);
        let figures = evaluate(&map(), &clips, 0.01, 1).unwrap();
        let zero = figures.zero_shot.accuracy.value;
        assert!((0.65..0.95).contains(&zero), "{zero}");
        // A leak would let the inner layers, which know every artist, correct every fault.
        assert!(figures.corrected.accuracy.value <= zero + 0.05);
        let head = make("t", &map(), &clips, 0.01).unwrap();
        let seen = clips.iter().filter(|clip| {
            let mixture = head.mixture(&map(), &clip.said);
            let first = mixture.genres.iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
            first.0 == clip.genre
        });
        assert_eq!(
            seen.count(),
            clips.len(),
            "the correction can learn the artists it sees"
        );
        assert!(figures.open_set_auc > 0.6, "{}", figures.open_set_auc);
        assert_eq!(figures, evaluate(&map(), &clips, 0.01, 1).unwrap());
    }

    #[test]
    fn a_genre_that_is_not_in_the_map_is_named() {
        let mut clips = clips(3);
        clips[0].genre = "polka".to_owned();
        let fault = evaluate(&map(), &clips, 1.0, 1).unwrap_err().to_string();
        assert!(fault.contains("polka"), "{fault}");
    }
}
