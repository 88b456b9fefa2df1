//! A memory of the piece: what followed contexts like this one, here and in other pieces, each told how much to trust it.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::contexts::{self, back_at, usual_for_memory};
use super::ngram::{Ngram, NgramParams, Place as Background};
use super::table::{Table, extend, start};
use crate::model::check;
use crate::{Error, Model, Reader, Result};

/// Contexts and successors that the table of all pieces has room for: about 500 MB.
const MOST_TRAINED: usize = 1 << 23;

/// The same for a single piece: about 120 MB.
const MOST_READ: usize = 1 << 21;

/// Successors of a context that are looked at, the latest first.
const LATEST: usize = 16;

/// Classes of how often a token followed a context.
const LEVELS: usize = 8;

/// Classes of what followed a context in the piece: how often this, how often others, how long ago.
const HERE: usize = LEVELS * LEVELS * 3;

/// Classes of what followed it elsewhere: how often this, how often others, whether these are more than two.
const ELSEWHERE: usize = LEVELS * LEVELS * 2;

/// What the background's logarithms may be multiplied by.
const SCALES: RangeInclusive<f32> = 0.05..=3.0;

/// What a memory is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemoryParams {
    /// The n-grams that it begins from.
    pub background: NgramParams,
    /// The contexts that it remembers, by field: how far back the tokens of each lie. Rather short before long.
    pub contexts: Vec<Vec<Vec<usize>>>,
    /// How fast it learns whom to trust.
    pub rate: f32,
    /// At most how many tokens of the training it practises on: the last pieces, each before it is counted. Of those before only the
    /// background counts n-grams.
    pub practice: usize,
}

impl MemoryParams {
    /// The usual ones for steps of these fields.
    ///
    /// # Errors
    /// [`Error::Params`] for vocabularies without tokens, or with too many.
    pub fn new(fields: &[usize]) -> Result<Self> {
        let mut background = NgramParams::new(fields, 6)?;
        background.remembers = true;
        background.check()?;
        Ok(MemoryParams {
            background,
            contexts: usual_for_memory(fields.len()),
            rate: 0.02,
            practice: 1_000_000,
        })
    }
}

/// A model that trusts what it remembers of the piece as far as that has served.
///
/// The logarithm of a token's chance is, up to what makes chances sum to 1, that of the background's (an [`Ngram`] that counts the piece)
/// times a scale, plus a bonus for each context that the token has followed: one number for each context, number of times that this
/// token and that others followed, and whether it was the latest. The bonuses and scales are learnt by descent on each token's cost,
/// as it is read, first over training pieces, each before it is counted, then on in every piece that is read. That is
/// the way of PAQ's mixers (Mahoney 2005) over whole tokens instead of bits.
#[derive(Debug, Clone)]
pub struct Memory {
    background: Ngram,
    contexts: Vec<Vec<Vec<usize>>>,
    rate: f32,
    table: Table,
    trust: Trust,
}

/// What a [`Memory`] has learnt by practice, by field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Trust {
    bonus: Vec<Vec<f32>>,
    /// By how many contexts have been met in the piece.
    scale: Vec<Vec<f32>>,
}

impl Memory {
    /// One that has read nothing.
    fn new(params: MemoryParams) -> Result<Memory> {
        if params.contexts.len() != params.background.fields.len() || !(0.0..=1.0).contains(&params.rate) {
            return Err(Error::Params(
                "a memory has contexts for each field, and a rate between 0 and 1".to_owned(),
            ));
        }
        for field in &params.contexts {
            contexts::check(field)?;
        }
        let lengths = params.contexts.iter().map(Vec::len);
        Ok(Memory {
            trust: Trust {
                bonus: lengths
                    .clone()
                    .map(|n| vec![0.0; n * (HERE + ELSEWHERE)])
                    .collect(),
                scale: lengths.map(|n| vec![1.0; n + 1]).collect(),
            },
            background: Ngram::new(params.background)?,
            table: Table::new(MOST_TRAINED),
            rate: params.rate,
            contexts: params.contexts,
        })
    }

    /// One that counts pieces and has practised elsewhere.
    pub(super) fn restore<'a>(
        params: MemoryParams,
        trust: Trust,
        pieces: impl DoubleEndedIterator<Item = &'a [u16]> + Clone,
    ) -> Result<Memory> {
        let first = first_practised(params.practice, pieces.clone());
        let mut model = Memory::new(params)?;
        let alike = |a: &[Vec<f32>], b: &[Vec<f32>]| a.iter().map(Vec::len).eq(b.iter().map(Vec::len));
        // Beyond these no practice leads, and numbers would overflow.
        let sane = trust.bonus.iter().flatten().all(|bonus| bonus.abs() <= 1e3)
            && trust.scale.iter().flatten().all(|scale| SCALES.contains(scale));
        if !sane || !alike(&trust.bonus, &model.trust.bonus) || !alike(&trust.scale, &model.trust.scale) {
            return Err(Error::Params(
                "what was practised is of other contexts".to_owned(),
            ));
        }
        model.trust = trust;
        for (at, piece) in pieces.enumerate() {
            check(model.fields(), piece)?;
            if at >= first {
                model.count(piece);
            }
            model.background.learn(piece)?;
        }
        Ok(model)
    }

    pub(super) fn trust(&self) -> &Trust {
        &self.trust
    }

    /// A model of pieces; their order matters, for the last are practised on.
    ///
    /// # Errors
    /// [`Error::Params`] where they contradict each other; [`Error::Tokens`] for a token outside its vocabulary.
    pub fn train<'a, I>(params: MemoryParams, pieces: I) -> Result<Memory>
    where
        I: IntoIterator<Item = &'a [u16], IntoIter: DoubleEndedIterator + Clone>,
    {
        let pieces = pieces.into_iter();
        let first = first_practised(params.practice, pieces.clone());
        let mut model = Memory::new(params)?;
        for (at, piece) in pieces.enumerate() {
            check(model.fields(), piece)?;
            if at >= first {
                let mut place = model.place();
                piece.iter().for_each(|token| place.read(*token));
                model.trust = place.trust;
                model.count(piece);
            }
            model.background.learn(piece)?;
        }
        Ok(model)
    }

    /// Counts what followed the contexts of a piece.
    fn count(&mut self, piece: &[u16]) {
        for (at, token) in piece.iter().enumerate() {
            let field = at % self.contexts.len();
            for (context, distances) in self.contexts[field].iter().enumerate() {
                self.table
                    .add(None, key(field, context, distances, &piece[..at]), *token);
            }
        }
    }

    fn place(&self) -> Place<'_> {
        Place {
            model: self,
            background: self.background.place(),
            read: Table::new(MOST_READ),
            trust: self.trust.clone(),
            history: Vec::new(),
            looked: false,
            keys: Vec::new(),
            met: 0,
            given: Vec::new(),
            logs: Vec::new(),
            chances: Vec::new(),
        }
    }
}

impl Model for Memory {
    fn fields(&self) -> &[usize] {
        self.background.fields()
    }

    fn begin(&self) -> Box<dyn Reader + '_> {
        Box::new(self.place())
    }
}

/// The first of the last pieces that have no more than so many tokens together.
fn first_practised<'a>(most: usize, pieces: impl DoubleEndedIterator<Item = &'a [u16]> + Clone) -> usize {
    let total = pieces.clone().count();
    let mut left = most;
    let fits = |piece: &&[u16]| match left.checked_sub(piece.len()) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    total - pieces.rev().take_while(fits).count()
}

/// The key of a context.
fn key(field: usize, context: usize, distances: &[usize], history: &[u16]) -> u64 {
    distances.iter().fold(start(field, context), |key, back| {
        extend(key, back_at(history, *back))
    })
}

/// The class of a number of times.
fn level(times: u32) -> usize {
    match times {
        0..=3 => times as usize,
        4..=5 => 4,
        6..=10 => 5,
        11..=30 => 6,
        _ => 7,
    }
}

/// A memory in a piece.
struct Place<'a> {
    model: &'a Memory,
    background: Background<'a>,
    read: Table,
    trust: Trust,
    history: Vec<u16>,
    /// Whether what follows is of this place.
    looked: bool,
    keys: Vec<u64>,
    met: usize,
    /// The tokens that are given a bonus, and which.
    given: Vec<(u16, u32)>,
    /// The background's logarithms.
    logs: Vec<f32>,
    chances: Vec<f32>,
}

impl Place<'_> {
    fn look(&mut self) {
        if std::mem::replace(&mut self.looked, true) {
            return;
        }
        let model = self.model;
        let field = self.history.len() % model.contexts.len();
        self.background.chances(&mut self.logs);
        self.logs.iter_mut().for_each(|p| *p = p.ln());
        self.given.clear();
        self.keys.clear();
        self.met = 0;
        for (context, distances) in model.contexts[field].iter().enumerate() {
            let key = key(field, context, distances, &self.history);
            let start = context * (HERE + ELSEWHERE);
            self.keys.push(key);
            if let Some(node) = self.read.find(key) {
                self.met += 1;
                for (ago, link) in self.read.links(node).take(LATEST).enumerate() {
                    let class = level(link.count) * LEVELS + level(node.total - link.count);
                    self.given
                        .push((link.token, (start + class * 3 + ago.min(2)) as u32));
                }
            }
            if let Some(node) = model.table.find(key) {
                let many = usize::from(node.distinct() > 3);
                for link in model.table.links(node).take(LATEST) {
                    let class = level(link.count) * LEVELS + level(node.total - link.count);
                    self.given
                        .push((link.token, (start + HERE + class * 2 + many) as u32));
                }
            }
        }
        // Keys may agree by chance, or by the ill will of whoever made a model's file.
        self.given
            .retain(|(token, _)| usize::from(*token) < self.logs.len());
        let scale = self.trust.scale[field][self.met];
        self.chances.clear();
        self.chances.extend(self.logs.iter().map(|log| log * scale));
        for (token, bonus) in &self.given {
            self.chances[usize::from(*token)] += self.trust.bonus[field][*bonus as usize];
        }
        let most = self.chances.iter().copied().fold(f32::MIN, f32::max);
        self.chances.iter_mut().for_each(|p| *p = (*p - most).exp());
        let sum: f32 = self.chances.iter().sum();
        // No token is impossible, however small a number can be.
        self.chances
            .iter_mut()
            .for_each(|p| *p = (*p / sum).max(f32::MIN_POSITIVE));
    }

    /// Descends the cost of the token that came.
    fn learn(&mut self, token: u16) {
        let field = self.history.len() % self.model.contexts.len();
        let rate = self.model.rate;
        let bonus = &mut self.trust.bonus[field];
        for (given, at) in &self.given {
            let came = f32::from(u8::from(*given == token));
            bonus[*at as usize] += rate * (came - self.chances[usize::from(*given)]);
        }
        let expected: f32 = self.chances.iter().zip(&self.logs).map(|(p, log)| p * log).sum();
        let scale = &mut self.trust.scale[field][self.met];
        *scale = (*scale + rate / 10.0 * (self.logs[usize::from(token)] - expected))
            .clamp(*SCALES.start(), *SCALES.end());
    }
}

impl Reader for Place<'_> {
    fn predict(&mut self, out: &mut Vec<f32>) {
        self.look();
        out.clear();
        out.extend(self.chances.iter().map(|p| p.ln()));
    }

    fn read(&mut self, token: u16) {
        self.look();
        self.learn(token);
        for key in &self.keys {
            self.read.add(None, *key, token);
        }
        self.background.read(token);
        self.history.push(token);
        self.looked = false;
    }
}
