//! What pieces cost under a model, beside what they cost by the frequencies of tokens alone.

use serde::Serialize;

use crate::{About, Error, Model, Result};

/// What a piece costs.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Judged {
    /// Nats of the whole piece.
    pub nats: f64,
    /// The same by the training frequencies of its tokens alone.
    pub unigram_nats: f64,
    /// Its tokens, those of every field counted.
    pub tokens: usize,
    /// Its notes; of a stream of names, whose chords are one token, it is not known.
    pub notes: Option<usize>,
}

impl Judged {
    /// Nats for each token; `None` where there is none.
    pub fn per_token(&self) -> Option<f64> {
        (self.tokens > 0).then(|| self.nats / self.tokens as f64)
    }

    /// Nats for each token by training frequencies.
    pub fn unigram_per_token(&self) -> Option<f64> {
        (self.tokens > 0).then(|| self.unigram_nats / self.tokens as f64)
    }

    /// Nats for each note; `None` where there is none, or none is known.
    pub fn per_note(&self) -> Option<f64> {
        let notes = self.notes.filter(|notes| *notes > 0)?;
        Some(self.nats / notes as f64)
    }

    /// What several pieces cost together.
    pub fn sum<'a>(pieces: impl IntoIterator<Item = &'a Judged>) -> Judged {
        let none = Judged {
            notes: Some(0),
            ..Judged::default()
        };
        pieces.into_iter().fold(none, |sum, piece| Judged {
            nats: sum.nats + piece.nats,
            unigram_nats: sum.unigram_nats + piece.unigram_nats,
            tokens: sum.tokens + piece.tokens,
            notes: sum.notes.zip(piece.notes).map(|(a, b)| a + b),
        })
    }
}

/// Tells what pieces cost.
#[derive(Debug, Clone)]
pub struct Judge {
    about: About,
    unigram: Vec<Vec<f64>>,
    /// By field, which tokens are a note.
    notes: Option<Vec<Vec<bool>>>,
}

impl Judge {
    /// One for tokens like these.
    pub fn new(about: &About) -> Judge {
        let fields = about.fields.iter().enumerate();
        // A compound step is a note: its first field stands for it.
        let of = |(at, (_, vocabulary)): (usize, &(String, Vec<String>))| match about.fields.len() {
            1 => vocabulary
                .iter()
                .map(|name| name.starts_with("Pitch ") || name.starts_with("Drum "))
                .collect(),
            _ => vec![at == 0; vocabulary.len()],
        };
        Judge {
            unigram: about.unigram(),
            notes: about.rest.is_none().then(|| fields.map(of).collect()),
            about: about.clone(),
        }
    }

    /// What a piece costs under a model of such tokens.
    ///
    /// # Errors
    /// [`Error::Params`] for a model of other tokens, [`Error::Tokens`] for a token outside its vocabulary.
    pub fn piece(&self, model: &dyn Model, tokens: &[u16]) -> Result<Judged> {
        if model.fields() != self.about.sizes() {
            return Err(Error::Params("a model of other tokens".to_owned()));
        }
        let spelling = self.about.vocabulary().map_or(0.0, |v| v.spelling(tokens));
        let width = self.unigram.len();
        let costs = model.costs(tokens)?;
        let placed = || {
            tokens
                .iter()
                .enumerate()
                .map(|(at, token)| (at % width, usize::from(*token)))
        };
        let unigram: f64 = placed().map(|(field, token)| self.unigram[field][token]).sum();
        Ok(Judged {
            nats: costs.into_iter().map(f64::from).sum::<f64>() + spelling,
            unigram_nats: unigram + spelling,
            tokens: tokens.len(),
            notes: self
                .notes
                .as_ref()
                .map(|notes| placed().filter(|(field, token)| notes[*field][*token]).count()),
        })
    }
}
