//! What a network is made of.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Numbers of a network at most: what a file describes may be absurd.
const MOST: usize = 200_000_000;

/// The shape of a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// How many values each input of a step may take; their embeddings are added.
    pub inputs: Vec<usize>,
    /// How many tokens the vocabulary of each field has.
    pub fields: Vec<usize>,
    /// Layers and the fields told after them, from the bottom.
    pub stages: Vec<Stage>,
    /// Numbers of the stream at each place.
    pub width: usize,
    /// Heads of attention; a head has an even share of the width.
    pub heads: usize,
    /// Units between the two products of a layer's second part.
    pub hidden: usize,
    /// Units through which a field is told.
    pub told: usize,
}

/// Some layers, and the fields told after them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// How many layers.
    pub layers: usize,
    /// How many of the fields, in their order.
    pub fields: usize,
}

impl Shape {
    /// Whether it can be built.
    ///
    /// # Errors
    /// [`Error::Params`] saying what does not fit.
    pub fn check(&self) -> Result<()> {
        let fault = |fault: &str| Err(Error::Params(format!("the network: {fault}")));
        let told: usize = self.stages.iter().map(|stage| stage.fields).sum();
        if self.fields.is_empty() || told != self.fields.len() {
            return fault("its stages must tell all of its fields");
        }
        if self.stages.iter().any(|stage| stage.fields == 0) || self.layers() > 64 {
            return fault("a stage must tell a field, and there may be 64 layers");
        }
        let sizes = self.fields.iter().chain(&self.inputs);
        if sizes.clone().any(|size| !(1..=65_536).contains(size)) || self.inputs.is_empty() {
            return fault("vocabularies and inputs have 1 to 65,536 members");
        }
        if self.heads == 0
            || self.width == 0
            || !self.width.is_multiple_of(4 * self.heads)
            || self.hidden == 0
            || self.told == 0
        {
            return fault("the width must be a multiple of four times the heads, and nothing may be 0");
        }
        if [self.width, self.hidden, self.told].iter().any(|n| *n > 8_192) {
            return fault("more than 8,192 units side by side");
        }
        match self.parameters() > MOST {
            true => fault("more than 200 million numbers"),
            false => Ok(()),
        }
    }

    /// Layers of all stages.
    pub fn layers(&self) -> usize {
        self.stages.iter().map(|stage| stage.layers).sum()
    }

    /// Numbers that training moves.
    pub fn parameters(&self) -> usize {
        super::weights::plan(self)
            .iter()
            .map(|plan| plan.rows * plan.columns)
            .sum()
    }

    /// The fields of each stage.
    pub(super) fn told_by(&self) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
        let mut from = 0;
        self.stages.iter().map(move |stage| {
            let range = from..from + stage.fields;
            from = range.end;
            range
        })
    }
}
