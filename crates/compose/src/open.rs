//! Models from files.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::container;
use crate::counting::file;
use crate::file::Composer;
use crate::stream::Vocabulary;
use crate::{Error, Model, Result};

/// What tokens a model is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The design: `events`, `compound`; `stream` for one whose vocabulary is what occurs in its training part.
    pub design: String,
    /// The fields of a step: name and vocabulary.
    pub fields: Vec<(String, Vec<String>)>,
    /// For a stream, how many tokens that are not in the vocabulary are possible. The model has one token more, for all of them.
    pub rest: Option<usize>,
    /// How often each token of each field occurs in what the model was trained on.
    pub counts: Vec<Vec<u64>>,
}

impl About {
    /// Of a stream of named tokens.
    pub fn stream(vocabulary: &Vocabulary, pieces: &[&[u16]]) -> About {
        let size = [vocabulary.size()];
        About {
            design: "stream".to_owned(),
            fields: vec![("token".to_owned(), vocabulary.types.clone())],
            rest: Some(vocabulary.rest),
            counts: count(&size, pieces),
        }
    }

    /// Of scores in a design.
    pub fn scores(design: &str, fields: &[(String, Vec<String>)], pieces: &[&[u16]]) -> About {
        let sizes: Vec<usize> = fields.iter().map(|(_, vocabulary)| vocabulary.len()).collect();
        About {
            design: design.to_owned(),
            fields: fields.to_vec(),
            rest: None,
            counts: count(&sizes, pieces),
        }
    }

    /// How many tokens a model of it has, by field.
    pub fn sizes(&self) -> Vec<usize> {
        let more = usize::from(self.rest.is_some());
        self.fields
            .iter()
            .map(|(_, vocabulary)| vocabulary.len() + more)
            .collect()
    }

    /// The vocabulary of a stream.
    pub fn vocabulary(&self) -> Option<Vocabulary> {
        let (_, types) = self.fields.first()?;
        self.rest.map(|rest| Vocabulary {
            types: types.clone(),
            rest,
        })
    }

    /// What is assumed of each token before any is counted; `None`: all are alike.
    pub fn prior(&self) -> Option<Vec<Vec<f32>>> {
        self.vocabulary().map(|vocabulary| vec![vocabulary.prior()])
    }

    /// The cost in nats of each token by the training frequencies alone, as Witten and Bell smooth them.
    pub fn unigram(&self) -> Vec<Vec<f64>> {
        let prior = self.prior();
        let of = |(field, counts): (usize, &Vec<u64>)| {
            let total: u64 = counts.iter().sum();
            let types = counts.iter().filter(|count| **count > 0).count().max(1) as f64;
            let cost = |(token, count): (usize, &u64)| {
                let alike = 1.0 / counts.len() as f64;
                let before = prior
                    .as_ref()
                    .map_or(alike, |prior| f64::from(prior[field][token]));
                -((*count as f64 + types * before) / (total as f64 + types)).ln()
            };
            counts.iter().enumerate().map(cost).collect()
        };
        self.counts.iter().enumerate().map(of).collect()
    }
}

fn count(sizes: &[usize], pieces: &[&[u16]]) -> Vec<Vec<u64>> {
    let mut counts: Vec<Vec<u64>> = sizes.iter().map(|size| vec![0; *size]).collect();
    for piece in pieces {
        for (at, token) in piece.iter().enumerate() {
            counts[at % sizes.len()][usize::from(*token)] += 1;
        }
    }
    counts
}

/// A model from a file.
pub struct Opened {
    /// What tokens it is of.
    pub about: About,
    /// The model.
    pub model: Box<dyn Model>,
}

/// Opens a model's file, of whichever kind.
///
/// # Errors
/// [`Error::Io`] where it cannot be read, [`Error::File`] where it holds no model or is damaged.
pub fn open(path: &Path) -> Result<Opened> {
    let mut start = Vec::new();
    let mut file = File::open(path).map_err(Error::io(path))?;
    (&mut file)
        .take(file::MAGIC.len() as u64)
        .read_to_end(&mut start)
        .map_err(Error::io(path))?;
    if start == file::MAGIC {
        let (about, model) = file::read(path)?;
        return Ok(Opened {
            about,
            model: Box::new(model),
        });
    }
    if start == container::MAGIC {
        let composer = Composer::read(path)?;
        return Ok(Opened {
            about: composer.about,
            model: Box::new(composer.network),
        });
    }
    Err(Error::file(path, "no model of tokens"))
}
