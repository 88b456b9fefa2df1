//! n-grams: unigrams and bigrams by Witten and Bell, longer ones by Kneser and Ney.

use serde::{Deserialize, Serialize};

use super::contexts::Contexts;
use super::table::{Node, Table};
use crate::model::check;
use crate::{Error, Model, Reader, Result};

/// Contexts and successors that a table has room for: about 1 GB.
const MOST_TRAINED: usize = 1 << 24;

/// The same for a single piece, beyond which nothing new is remembered of it: about 100 MB.
const MOST_READ: usize = 1 << 21;

/// No token is impossible, however small a number can be.
const LEAST: f32 = f32::MIN_POSITIVE;

/// How what was never seen after a context is told from shorter ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Smoothing {
    /// Witten and Bell 1991, method C: as much for the unseen as there are types.
    WittenBell,
    /// Chen and Goodman 1998, modified Kneser-Ney, interpolated: a discount for types seen once, twice and more often, from the counts
    /// of counts; shorter contexts count in how many longer ones a token was new.
    KneserNey,
}

/// What an n-gram model is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NgramParams {
    /// How many tokens each field's vocabulary has.
    pub fields: Vec<usize>,
    /// Where it looks.
    pub contexts: Contexts,
    /// How it tells the unseen.
    pub smoothing: Smoothing,
    /// Whether it counts the piece that it reads, too.
    pub remembers: bool,
    /// What is assumed of each field before anything is counted: chances that sum to 1. Without, all tokens are alike.
    pub prior: Option<Vec<Vec<f32>>>,
}

impl NgramParams {
    /// A model of steps of these fields by at most `order - 1` earlier tokens, by [`Smoothing::KneserNey`] from the third order on.
    ///
    /// # Errors
    /// [`Error::Params`] for the order 0, or one too long.
    pub fn new(fields: &[usize], order: usize) -> Result<Self> {
        let length = order
            .checked_sub(1)
            .ok_or_else(|| Error::Params("an n-gram has at least one token".to_owned()))?;
        Ok(NgramParams {
            fields: fields.to_vec(),
            contexts: Contexts::usual(fields.len(), length)?,
            smoothing: if order < 3 {
                Smoothing::WittenBell
            } else {
                Smoothing::KneserNey
            },
            remembers: false,
            prior: None,
        })
    }

    pub(super) fn check(&self) -> Result<Vec<Vec<f32>>> {
        let fault = |fault: &str| Err(Error::Params(fault.to_owned()));
        if self.fields.len() != self.contexts.fields() {
            return fault("contexts for another number of fields");
        }
        if self
            .fields
            .iter()
            .any(|size| !(1..=usize::from(u16::MAX)).contains(size))
        {
            return fault("a vocabulary has 1 to 65,535 tokens");
        }
        match &self.prior {
            None => Ok(self
                .fields
                .iter()
                .map(|size| vec![1.0 / *size as f32; *size])
                .collect()),
            Some(prior) => {
                let lengths = prior.iter().map(Vec::len).eq(self.fields.iter().copied());
                let good = |field: &Vec<f32>| {
                    field.iter().all(|p| *p > 0.0) && (field.iter().sum::<f32>() - 1.0).abs() < 1e-3
                };
                match lengths && prior.iter().all(good) {
                    true => Ok(prior.clone()),
                    false => fault("chances before counting that are no chances of the vocabulary"),
                }
            }
        }
    }
}

/// A model of n-grams.
#[derive(Debug, Clone)]
pub struct Ngram {
    params: NgramParams,
    prior: Vec<Vec<f32>>,
    table: Table,
    /// How many successors of each order's contexts occur once to four times, by field.
    counts: Vec<Vec<[u64; 4]>>,
    discounts: Vec<Vec<[f32; 3]>>,
}

impl Ngram {
    /// A model that has read nothing.
    ///
    /// # Errors
    /// [`Error::Params`] where they contradict each other.
    pub fn new(params: NgramParams) -> Result<Ngram> {
        let prior = params.check()?;
        let counts: Vec<Vec<[u64; 4]>> = (0..params.fields.len())
            .map(|field| vec![[0; 4]; params.contexts.of(field).len() + 1])
            .collect();
        let mut model = Ngram {
            params,
            prior,
            table: Table::new(MOST_TRAINED),
            discounts: Vec::new(),
            counts,
        };
        model.discount();
        Ok(model)
    }

    /// A model of pieces.
    ///
    /// # Errors
    /// [`Error::Params`] as for [`Ngram::new`]; [`Error::Tokens`] as for [`Ngram::learn`].
    pub fn train<'a>(params: NgramParams, pieces: impl IntoIterator<Item = &'a [u16]>) -> Result<Ngram> {
        let mut model = Ngram::new(params)?;
        for piece in pieces {
            model.count(piece)?;
        }
        model.discount();
        Ok(model)
    }

    /// Counts one piece more.
    ///
    /// # Errors
    /// [`Error::Tokens`] for a token outside its vocabulary.
    pub fn learn(&mut self, piece: &[u16]) -> Result<()> {
        self.count(piece)?;
        self.discount();
        Ok(())
    }

    fn count(&mut self, piece: &[u16]) -> Result<()> {
        check(&self.params.fields, piece)?;
        let mut keys = Vec::new();
        for (at, token) in piece.iter().enumerate() {
            let field = at % self.params.fields.len();
            self.params.contexts.keys(field, &piece[..at], &mut keys);
            for (order, key) in keys.iter().enumerate().rev() {
                let was = self.table.add(None, *key, *token) as usize;
                let counts = &mut self.counts[field][order];
                if (1..=4).contains(&was) {
                    counts[was - 1] -= 1;
                }
                if was < 4 {
                    counts[was] += 1;
                }
                if was > 0 && self.params.smoothing == Smoothing::KneserNey {
                    break;
                }
            }
        }
        Ok(())
    }

    /// The discounts from the counts of counts; where these are too few, those of a distribution with the usual tail.
    fn discount(&mut self) {
        let of = |counts: &[u64; 4]| {
            if counts.contains(&0) {
                return [0.5, 1.0, 1.5];
            }
            let [one, two, three, four] = counts.map(|n| n as f32);
            let y = one / (one + 2.0 * two);
            [
                (1.0 - 2.0 * y * two / one).clamp(0.05, 0.95),
                (2.0 - 3.0 * y * three / two).clamp(0.1, 1.9),
                (3.0 - 4.0 * y * four / three).clamp(0.15, 2.9),
            ]
        };
        self.discounts = self
            .counts
            .iter()
            .map(|field| field.iter().map(of).collect())
            .collect();
    }

    /// A reader that is not behind a box.
    pub(super) fn place(&self) -> Place<'_> {
        Place {
            model: self,
            read: Table::new(MOST_READ),
            history: Vec::new(),
            keys: Vec::new(),
        }
    }
}

impl Model for Ngram {
    fn fields(&self) -> &[usize] {
        &self.params.fields
    }

    fn begin(&self) -> Box<dyn Reader + '_> {
        Box::new(self.place())
    }

    fn costs(&self, tokens: &[u16]) -> Result<Vec<f32>> {
        check(&self.params.fields, tokens)?;
        let mut place = self.place();
        let cost = |token: &u16| {
            let cost = -place.chance(*token).ln();
            place.read(*token);
            cost
        };
        Ok(tokens.iter().map(cost).collect())
    }
}

/// An n-gram model in a piece.
pub(super) struct Place<'a> {
    model: &'a Ngram,
    /// The counts that the piece has changed, over the model's.
    read: Table,
    history: Vec<u16>,
    keys: Vec<u64>,
}

impl<'a> Place<'a> {
    fn field(&self) -> usize {
        self.history.len() % self.model.params.fields.len()
    }

    /// What followed a context, and whether the piece changed it.
    fn node(&self, key: u64) -> Option<(Node, bool)> {
        let here = self.read.find(key).map(|node| (*node, true));
        here.or_else(|| self.model.table.find(key).map(|node| (*node, false)))
    }

    /// The share of the shorter contexts, and what becomes of a count.
    fn weights(&self, field: usize, order: usize, node: &Node) -> (f32, impl Fn(u32) -> f32 + use<'a>) {
        let total = node.total as f32;
        let smoothing = self.model.params.smoothing;
        let discounts = self.model.discounts[field][order];
        let (rest, total) = match smoothing {
            Smoothing::WittenBell => (node.distinct() as f32, total + node.distinct() as f32),
            Smoothing::KneserNey => {
                let left = node.types.iter().zip(&discounts);
                (
                    left.map(|(types, discount)| *types as f32 * discount).sum(),
                    total,
                )
            }
        };
        let share = move |count: u32| match (count, smoothing) {
            (0, _) => 0.0,
            (_, Smoothing::WittenBell) => count as f32 / total,
            (_, Smoothing::KneserNey) => (count as f32 - discounts[count.min(3) as usize - 1]) / total,
        };
        (rest / total, share)
    }

    /// The chances of the next token; `out` is overwritten.
    pub(super) fn chances(&mut self, out: &mut Vec<f32>) {
        let field = self.field();
        let model = self.model;
        let mut keys = std::mem::take(&mut self.keys);
        model.params.contexts.keys(field, &self.history, &mut keys);
        out.clear();
        out.extend_from_slice(&model.prior[field]);
        for (order, key) in keys.iter().enumerate() {
            let Some((node, here)) = self.node(*key) else {
                break;
            };
            let (rest, share) = self.weights(field, order, &node);
            out.iter_mut().for_each(|p| *p *= rest);
            if let Some(node) = model.table.find(*key) {
                for link in model.table.links(node) {
                    add(out, link.token, share(link.count));
                }
            }
            if here {
                for link in self.read.links(&node) {
                    add(out, link.token, share(link.count) - share(link.below));
                }
            }
        }
        out.iter_mut().for_each(|p| *p = p.max(LEAST));
        self.keys = keys;
    }

    /// The chance of one token, as [`Place::chances`] tells it.
    fn chance(&mut self, token: u16) -> f32 {
        let field = self.field();
        let model = self.model;
        let mut keys = std::mem::take(&mut self.keys);
        model.params.contexts.keys(field, &self.history, &mut keys);
        let mut chance = model.prior[field][usize::from(token)];
        for (order, key) in keys.iter().enumerate() {
            let Some((node, here)) = self.node(*key) else {
                break;
            };
            let (rest, share) = self.weights(field, order, &node);
            let changed = here
                .then(|| self.read.count(*key, token))
                .filter(|count| *count > 0);
            let count = changed.unwrap_or_else(|| model.table.count(*key, token));
            chance = chance * rest + share(count);
        }
        self.keys = keys;
        chance.max(LEAST)
    }
}

/// Adds to a chance. Keys of contexts may agree by chance, or by the ill will of whoever made a model's file: then there may be no such
/// token.
fn add(chances: &mut [f32], token: u16, share: f32) {
    if let Some(chance) = chances.get_mut(usize::from(token)) {
        *chance += share;
    }
}

impl Reader for Place<'_> {
    fn predict(&mut self, out: &mut Vec<f32>) {
        self.chances(out);
        out.iter_mut().for_each(|p| *p = p.ln());
    }

    fn read(&mut self, token: u16) {
        let model = self.model;
        if model.params.remembers {
            let mut keys = std::mem::take(&mut self.keys);
            model.params.contexts.keys(self.field(), &self.history, &mut keys);
            for key in keys.iter().rev() {
                let was = self.read.add(Some(&model.table), *key, token);
                if was > 0 && model.params.smoothing == Smoothing::KneserNey {
                    break;
                }
            }
            self.keys = keys;
        }
        self.history.push(token);
    }
}
