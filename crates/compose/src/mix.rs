//! Several models as one.
//!
//! Three ways: chances averaged with fixed weights; averaged with weights that follow Bayes (never worse than the best member by more than
//! the logarithm of their number, on any piece); and logarithms of chances added with weights that are learnt as the piece goes on
//! and depend on how sure the members are, in the way of PAQ's mixers (Mahoney 2005) over whole tokens. The last is the best by far.

use crate::model::check;
use crate::{Cost, Error, Model, Reader, Result};

/// Members whose sureness chooses the weights.
const CHOOSERS: usize = 3;

/// The bounds between the classes of sureness: the highest chance that a member gives.
const SURE: [f32; 3] = [0.3, 0.6, 0.9];

/// Classes of sureness of all choosers.
const CLASSES: usize = (SURE.len() + 1).pow(CHOOSERS as u32);

/// The logarithm that stands for chances below it where logarithms are added.
const LEAST: f32 = -30.0;

/// How models are mixed.
#[derive(Debug, Clone, PartialEq)]
enum Way {
    Fixed(Vec<f32>),
    Bayes,
    Gated(Gate),
}

/// Weights that are learnt.
#[derive(Debug, Clone, PartialEq)]
struct Gate {
    rate: f32,
    /// By field, the weights of all classes.
    shared: Vec<Weights>,
    /// By field and class, what is added to these.
    own: Vec<Vec<Weights>>,
}

/// A weight for each member, and the sum of the squares of what it was moved by, which slows it down (Duchi and others 2011).
#[derive(Debug, Clone, PartialEq)]
struct Weights {
    values: Vec<f32>,
    squares: Vec<f32>,
}

impl Weights {
    fn new(value: f32, members: usize) -> Weights {
        Weights {
            values: vec![value; members],
            squares: vec![1.0; members],
        }
    }

    fn step(&mut self, member: usize, rate: f32, slope: f32) {
        self.squares[member] += slope * slope;
        let value = &mut self.values[member];
        *value = (*value + rate * slope / self.squares[member].sqrt()).clamp(-2.0, 4.0);
    }
}

/// A mixture of models of the same fields.
pub struct Mixture {
    members: Vec<Box<dyn Model>>,
    way: Way,
}

impl Mixture {
    /// Chances averaged with these weights, which are divided by their sum.
    ///
    /// # Errors
    /// [`Error::Params`] for no members, members of other fields than the first, or weights that are not one for each, at least 0 and not
    /// all 0.
    pub fn fixed(members: Vec<Box<dyn Model>>, weights: &[f32]) -> Result<Mixture> {
        let sum: f32 = weights.iter().sum();
        if weights.len() != members.len() || weights.iter().any(|w| *w < 0.0) || !sum.is_normal() {
            return Err(Error::Params(
                "a mixture has a weight for each model, none below 0, not all 0".to_owned(),
            ));
        }
        Mixture::new(members, Way::Fixed(weights.iter().map(|w| w / sum).collect()))
    }

    /// Chances averaged with weights that are alike at first and then as likely as each member made the piece so far.
    ///
    /// # Errors
    /// [`Error::Params`] for no members, or members of other fields than the first.
    pub fn bayes(members: Vec<Box<dyn Model>>) -> Result<Mixture> {
        Mixture::new(members, Way::Bayes)
    }

    /// Logarithms of chances added with weights that are learnt at `rate` (0.1 serves), at first alike. There is a set of weights for
    /// each field, and one that is added for each class of the first three members' sureness, so the surest to be right stand first.
    ///
    /// # Errors
    /// [`Error::Params`] for no members, members of other fields than the first, or a rate that is not between 0 and 1.
    pub fn gated(members: Vec<Box<dyn Model>>, rate: f32) -> Result<Mixture> {
        if !(0.0..=1.0).contains(&rate) {
            return Err(Error::Params("a rate between 0 and 1".to_owned()));
        }
        let fields = members.first().map_or(0, |member| member.fields().len());
        let count = members.len();
        let gate = Gate {
            rate,
            shared: vec![Weights::new(1.0 / count.max(1) as f32, count); fields],
            own: vec![vec![Weights::new(0.0, count); CLASSES]; fields],
        };
        Mixture::new(members, Way::Gated(gate))
    }

    fn new(members: Vec<Box<dyn Model>>, way: Way) -> Result<Mixture> {
        let Some(first) = members.first() else {
            return Err(Error::Params("a mixture of no models".to_owned()));
        };
        match members.iter().all(|member| member.fields() == first.fields()) {
            true => Ok(Mixture { members, way }),
            false => Err(Error::Params("a mixture of models of other fields".to_owned())),
        }
    }

    /// Learns the weights of [`Mixture::gated`] from a piece that no member was trained on, and tells what it cost; others learn nothing.
    ///
    /// # Errors
    /// [`Error::Tokens`] for a token outside its vocabulary.
    pub fn practise(&mut self, piece: &[u16]) -> Result<Cost> {
        check(self.fields(), piece)?;
        let (mut nats, mut logs) = (0.0, Vec::new());
        let mut place = self.place();
        for token in piece {
            place.predict(&mut logs);
            nats -= f64::from(logs[usize::from(*token)]);
            place.read(*token);
        }
        let way = place.way.clone();
        drop(place);
        if let Way::Gated(_) = way {
            self.way = way;
        }
        Ok(Cost {
            nats,
            tokens: piece.len(),
        })
    }

    fn place(&self) -> Place<'_> {
        let count = self.members.len();
        Place {
            members: self.members.iter().map(|member| member.begin()).collect(),
            way: self.way.clone(),
            fields: self.members[0].fields().len(),
            at: 0,
            beliefs: vec![-(count as f32).ln(); count],
            looked: false,
            class: 0,
            given: vec![Vec::new(); count],
            logs: Vec::new(),
        }
    }
}

impl Model for Mixture {
    fn fields(&self) -> &[usize] {
        self.members[0].fields()
    }

    fn begin(&self) -> Box<dyn Reader + '_> {
        Box::new(self.place())
    }
}

/// A mixture in a piece.
struct Place<'a> {
    members: Vec<Box<dyn Reader + 'a>>,
    way: Way,
    fields: usize,
    at: usize,
    /// The logarithm of how likely each member is the right one.
    beliefs: Vec<f32>,
    /// Whether what follows is of this place.
    looked: bool,
    class: usize,
    /// What each member says.
    given: Vec<Vec<f32>>,
    logs: Vec<f32>,
}

impl Place<'_> {
    fn look(&mut self) {
        if std::mem::replace(&mut self.looked, true) {
            return;
        }
        for (member, given) in self.members.iter_mut().zip(&mut self.given) {
            member.predict(given);
        }
        self.logs.clear();
        self.logs.resize(self.given[0].len(), 0.0);
        match &self.way {
            Way::Fixed(weights) => average(&self.given, weights.iter().copied(), &mut self.logs),
            Way::Bayes => average(&self.given, self.beliefs.iter().map(|b| b.exp()), &mut self.logs),
            Way::Gated(gate) => {
                self.class = self.given.iter().take(CHOOSERS).fold(0, |class, given| {
                    let most = given.iter().copied().fold(f32::MIN, f32::max).exp();
                    class * (SURE.len() + 1) + SURE.iter().filter(|bound| most > **bound).count()
                });
                let field = self.at % self.fields;
                let (shared, own) = (&gate.shared[field], &gate.own[field][self.class]);
                let weights = shared.values.iter().zip(&own.values).map(|(a, b)| a + b);
                for (given, weight) in self.given.iter_mut().zip(weights) {
                    for (sum, log) in self.logs.iter_mut().zip(given) {
                        *log = log.max(LEAST);
                        *sum += weight * *log;
                    }
                }
                let most = self.logs.iter().copied().fold(f32::MIN, f32::max);
                let sum: f32 = self.logs.iter().map(|log| (log - most).exp()).sum();
                let all = most + sum.ln();
                self.logs.iter_mut().for_each(|log| *log -= all);
            }
        }
    }

    fn learn(&mut self, token: usize) {
        match &mut self.way {
            Way::Fixed(_) => (),
            Way::Bayes => {
                // The mixture's chance is what the beliefs are divided by, so that they stay chances.
                for (belief, given) in self.beliefs.iter_mut().zip(&self.given) {
                    *belief += given[token] - self.logs[token];
                }
            }
            Way::Gated(gate) => {
                let chances: Vec<f32> = self.logs.iter().map(|log| log.exp()).collect();
                let field = self.at % self.fields;
                let (shared, own) = (&mut gate.shared[field], &mut gate.own[field][self.class]);
                for (member, given) in self.given.iter().enumerate() {
                    let expected: f32 = chances.iter().zip(given).map(|(p, log)| p * log).sum();
                    let slope = given[token] - expected;
                    shared.step(member, gate.rate, slope);
                    own.step(member, gate.rate, slope);
                }
            }
        }
    }
}

/// The logarithms of averaged chances.
fn average(given: &[Vec<f32>], weights: impl Iterator<Item = f32>, out: &mut [f32]) {
    for (given, weight) in given.iter().zip(weights) {
        for (sum, log) in out.iter_mut().zip(given) {
            *sum += weight * log.exp();
        }
    }
    out.iter_mut().for_each(|sum| *sum = sum.ln());
}

impl Reader for Place<'_> {
    fn predict(&mut self, out: &mut Vec<f32>) {
        self.look();
        out.clear();
        out.extend_from_slice(&self.logs);
    }

    fn read(&mut self, token: u16) {
        if !matches!(self.way, Way::Fixed(_)) {
            self.look();
            self.learn(usize::from(token));
        }
        self.members.iter_mut().for_each(|member| member.read(token));
        self.at += 1;
        self.looked = false;
    }
}
