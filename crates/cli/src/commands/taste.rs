//! What makes one piece better than another: that it is told for its genre by its notes, and like others of it.

use melisma_compose::Typical;
use melisma_compose::sample::Reward;
use melisma_genre::Genres;
use melisma_score::Score;
use melisma_score::measures::Measures;

use crate::context::{Failed, because};

/// What the distance from typical pieces weighs against the logarithm of the genre's probability.
const DISTANCE: f64 = 1.0;

/// A taste for a genre.
pub struct Taste {
    genres: Genres,
    /// The genre's place among those that are told; none where it is not one of them.
    at: Option<usize>,
    typical: Vec<Typical>,
}

impl Taste {
    /// For a genre, by what is typical of it; without a genre only the latter counts.
    pub fn new(genre: Option<&str>, typical: &[Typical]) -> Result<Taste, Failed> {
        let genres = Genres::shipped().map_err(because)?;
        let at = genre.and_then(|genre| genres.names().iter().position(|name| name == genre));
        Ok(Taste {
            genres,
            at,
            typical: typical.to_vec(),
        })
    }

    /// Whether the genre is the likeliest by the notes, and its probability.
    pub fn likeliest(&self, score: &Score) -> Option<(bool, f64)> {
        let probabilities = self.genres.probabilities(score).ok()?;
        let own = probabilities[self.at?];
        Some((probabilities.iter().all(|other| *other <= own), own))
    }

    /// The probability that the notes are of the genre.
    pub fn probability(&self, score: &Score) -> Option<f64> {
        let probabilities = self.genres.probabilities(score).ok()?;
        self.at.map(|at| probabilities[at])
    }
}

impl Reward for Taste {
    fn reward(&self, score: &Score) -> f64 {
        let told = match self.at {
            Some(_) => match self.probability(score) {
                Some(probability) => probability.max(1e-6).ln(),
                None => return f64::NEG_INFINITY,
            },
            None => 0.0,
        };
        told - DISTANCE * Typical::distance(&self.typical, &Measures::of(score))
    }
}
