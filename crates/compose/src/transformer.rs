//! A transformer that has learnt a design: its network, and how it reads steps.

use rayon::prelude::*;

use crate::model::{self, Model, Reader};
use crate::network::{Scratch, Shape, TransformerReader, Weights, costs};
use crate::steps::Steps;
use crate::{Error, Result};

/// A trained network over the steps of a design.
#[derive(Debug, Clone, PartialEq)]
pub struct Transformer {
    shape: Shape,
    weights: Weights,
    steps: Steps,
    fields: Vec<usize>,
    /// Places that are looked back at.
    context: usize,
    /// What is told of a piece beforehand; 0 where nothing is.
    controls: Vec<u16>,
}

impl Transformer {
    /// A network with its weights.
    ///
    /// # Errors
    /// [`Error::Params`] if shape, weights and steps do not fit one another.
    pub fn new(shape: Shape, weights: Weights, steps: Steps, context: usize) -> Result<Self> {
        shape.check()?;
        let fault = |fault: &str| Err(Error::Params(format!("the network: {fault}")));
        if !steps.known() || shape.inputs != steps.sizes() || shape.fields != steps.fields() {
            return fault("it is not of the design's steps");
        }
        let sizes = Weights::names(&shape);
        if sizes.len() != weights.values.len()
            || sizes
                .iter()
                .zip(&weights.values)
                .any(|((_, _, [rows, columns]), values)| rows * columns != values.len())
        {
            return fault("its weights are not of its shape");
        }
        if !(16..=65_536).contains(&context) {
            return fault("its context must be 16 to 65,536 places");
        }
        let controls = vec![0; steps.controls().len()];
        Ok(Transformer {
            fields: shape.fields.clone(),
            shape,
            weights,
            steps,
            context,
            controls,
        })
    }

    /// Its shape.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// How it reads steps.
    pub fn steps(&self) -> &Steps {
        &self.steps
    }

    /// Its numbers.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// Places that it looks back at.
    pub fn context(&self) -> usize {
        self.context
    }

    /// The same network, told so much of every piece beforehand.
    ///
    /// # Errors
    /// [`Error::Params`] if a control is not one it has, or out of its range.
    pub fn with_controls(mut self, controls: &[u16]) -> Result<Self> {
        let sizes = self.steps.controls();
        if controls.len() != sizes.len()
            || controls
                .iter()
                .zip(sizes)
                .any(|(control, size)| usize::from(*control) >= *size)
        {
            return Err(Error::Params("controls that the network does not have".into()));
        }
        self.controls = controls.to_vec();
        Ok(self)
    }

    /// A reader at the beginning of a piece of which so much is told.
    ///
    /// # Panics
    /// If the controls are not those of the network.
    pub fn begin_with(&self, controls: &[u16]) -> TransformerReader<'_> {
        assert_eq!(controls.len(), self.controls.len(), "the network's controls");
        TransformerReader::new(&self.shape, &self.weights, &self.steps, self.context, controls)
    }
}

impl Model for Transformer {
    fn fields(&self) -> &[usize] {
        &self.fields
    }

    fn begin(&self) -> Box<dyn Reader + '_> {
        Box::new(self.begin_with(&self.controls))
    }

    /// In windows that overlap by half, so that every step has half a context before it at least.
    fn costs(&self, tokens: &[u16]) -> Result<Vec<f32>> {
        model::check(&self.fields, tokens)?;
        let width = self.fields.len();
        let steps = tokens.len() / width;
        if steps == 0 {
            return Ok(Vec::new());
        }
        let times = self.steps.times(tokens);
        let half = self.context / 2;
        let starts: Vec<usize> = (0..steps.saturating_sub(half).max(1)).step_by(half).collect();
        let parts: Vec<Vec<f32>> = starts
            .par_iter()
            .map_init(Scratch::default, |scratch, &from| {
                let window = self
                    .steps
                    .window(tokens, &times, from, self.context, &self.controls);
                let all = costs(&self.shape, &self.weights, &window, scratch);
                let new = if from == 0 { 0 } else { half * width };
                all[new.min(all.len())..].to_vec()
            })
            .collect();
        Ok(parts.concat())
    }
}

#[cfg(test)]
mod tests {
    use melisma_dataset::rng::Rng;
    use melisma_score::tokens::{Compound, Design};

    use super::*;
    use crate::network::Stage;

    fn network(context: usize) -> Transformer {
        let steps = Steps::of(&Compound::new(), &[3, 2]);
        let shape = Shape {
            inputs: steps.sizes(),
            fields: steps.fields(),
            stages: vec![Stage { layers: 1, fields: 5 }, Stage { layers: 1, fields: 3 }],
            width: 16,
            heads: 2,
            hidden: 32,
            told: 8,
        };
        let mut weights = Weights::new(&shape, 2);
        let mut rng = Rng::new(8);
        for value in weights.values.iter_mut().flatten() {
            *value += 0.3 * (crate::network::unit(&mut rng) - 0.5);
        }
        Transformer::new(shape, weights, steps, context).unwrap()
    }

    /// Steps that may be no music, but lie in their vocabularies.
    fn tokens(steps: usize) -> Vec<u16> {
        let design = Compound::new();
        let mut rng = Rng::new(1);
        (0..steps)
            .flat_map(|_| {
                design
                    .fields()
                    .iter()
                    .map(|field| rng.below(field.vocabulary.len()) as u16)
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    #[test]
    fn step_by_step_or_all_at_once_costs_the_same() {
        let network = network(128).with_controls(&[2, 1]).unwrap();
        let tokens = tokens(100);
        let at_once = network.costs(&tokens).unwrap();
        let mut reader = network.begin();
        let mut out = Vec::new();
        for (at, (token, cost)) in tokens.iter().zip(&at_once).enumerate() {
            reader.predict(&mut out);
            assert!((out[usize::from(*token)] + cost).abs() < 2e-3, "{at}");
            let sum: f32 = out.iter().map(|v| v.exp()).sum();
            assert!((sum - 1.0).abs() < 1e-4);
            reader.read(*token);
        }
    }

    #[test]
    fn windows_cost_every_step_once() {
        let network = network(16);
        for steps in [0, 1, 7, 8, 9, 16, 17, 24, 25, 40, 41] {
            let tokens = tokens(steps);
            assert_eq!(network.costs(&tokens).unwrap().len(), tokens.len(), "{steps}");
        }
    }
}
