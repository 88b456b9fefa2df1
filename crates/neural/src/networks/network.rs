//! A network: its description, its layers and its numbers.

use burn::tensor::{Device, Tensor, TensorData};
use melisma_ears::weights::{Array, Weights, exactly};
use ndarray::Array2;

use super::{Layers, NetworkParams};
use crate::layers::{Builder, Pass, Summary, Tensors, Variable, numbers};
use crate::train::Samples;
use crate::{Error, Result, device};

/// Samples that are predicted at once.
const BATCH: usize = 32;

/// A network with its weights.
#[derive(Debug)]
pub struct Network {
    params: NetworkParams,
    shape: Vec<usize>,
    classes: usize,
    layers: Box<dyn Layers>,
    variables: Vec<Variable>,
    summary: Summary,
}

impl Network {
    pub(super) fn new(
        params: NetworkParams,
        shape: &[usize],
        classes: usize,
        layers: Box<dyn Layers>,
        builder: Builder,
    ) -> Self {
        let (variables, summary) = builder.finish();
        Network {
            params,
            shape: shape.to_vec(),
            classes,
            layers,
            variables,
            summary,
        }
    }

    /// What it was made from.
    pub fn params(&self) -> &NetworkParams {
        &self.params
    }

    /// The shape of an input: features, or channels, height and width.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// How many classes it tells apart.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Its layers with their outputs and parameter counts.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Its numbers, in the order of its layers.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    pub(crate) fn variables_mut(&mut self) -> &mut [Variable] {
        &mut self.variables
    }

    /// Freezes what training shall leave alone: all variables whose name `chosen` accepts. A frozen layer of batch
    /// normalisation uses its moving statistics while training too.
    pub fn freeze(&mut self, chosen: impl Fn(&str) -> bool) {
        for variable in &mut self.variables {
            let frozen = chosen(variable.name());
            variable.freeze(frozen);
        }
    }

    /// Its numbers by name.
    pub fn weights(&self) -> Weights {
        let array = |v: &Variable| Array::new(v.shape().to_vec(), v.values().to_vec()).ok();
        self.variables
            .iter()
            .filter_map(|v| Some((v.name().to_owned(), array(v)?)))
            .collect()
    }

    /// Takes all of its numbers from `weights`.
    ///
    /// # Errors
    /// [`Error::Weights`] naming the array that is missing, of another shape, not finite, or unknown here; the
    /// network is then as before.
    pub fn set_weights(&mut self, weights: &Weights) -> Result<()> {
        let known: std::collections::BTreeSet<&str> = self.variables.iter().map(Variable::name).collect();
        if let Some(name) = weights.keys().find(|name| !known.contains(name.as_str())) {
            return Err(Error::Weights(format!(
                "the network has no weights called `{name}`"
            )));
        }
        self.set_some_weights(weights, |_| true)
    }

    /// Takes from `weights` those numbers whose name `chosen` accepts, such as all but a head of other classes.
    ///
    /// # Errors
    /// As [`Network::set_weights`], for the chosen names.
    pub fn set_some_weights(&mut self, weights: &Weights, chosen: impl Fn(&str) -> bool) -> Result<()> {
        let fault = |fault: melisma_ears::weights::Fault| Error::Weights(fault.to_string());
        let chosen: Vec<bool> = self.variables.iter().map(|v| chosen(v.name())).collect();
        for (variable, _) in self.variables.iter().zip(&chosen).filter(|(_, chosen)| **chosen) {
            exactly(weights, variable.name(), variable.shape()).map_err(fault)?;
        }
        for (variable, _) in self
            .variables
            .iter_mut()
            .zip(&chosen)
            .filter(|(_, chosen)| **chosen)
        {
            let values = exactly(weights, variable.name(), variable.shape())
                .map_err(fault)?
                .to_vec();
            variable.values_mut().copy_from_slice(&values);
        }
        Ok(())
    }

    /// Logits of a batch in a pass of the caller's.
    pub fn forward(&self, x: Tensor<4>, pass: &mut Pass<'_>) -> Tensor<2> {
        self.layers.forward(x, pass)
    }

    /// A batch as a tensor; `values` are rows of this network's shape.
    pub(crate) fn batch(&self, values: Vec<f32>, device: &Device) -> Tensor<4> {
        let size: usize = self.shape.iter().product();
        let shape = match self.shape[..] {
            [channels, height, width] => [channels, height, width],
            _ => [size, 1, 1],
        };
        let shape = [values.len() / size, shape[0], shape[1], shape[2]];
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    /// The probability of each class (columns) for each sample (rows).
    ///
    /// # Errors
    /// [`Error::Samples`] when they are of another shape.
    pub fn predict(&self, samples: &Samples) -> Result<Array2<f64>> {
        if samples.shape() != self.shape {
            return Err(Error::Samples(format!(
                "they are of shape {:?}, and the network is for {:?}",
                samples.shape(),
                self.shape
            )));
        }
        let device = device::default();
        let tensors = Tensors::new(&self.variables, &device);
        let mut out = Array2::zeros((samples.len(), self.classes));
        for start in (0..samples.len()).step_by(BATCH) {
            let end = (start + BATCH).min(samples.len());
            let values = (start..end)
                .flat_map(|i| samples.row(i).iter().copied())
                .collect();
            let mut pass = Pass::predict(&self.variables, &tensors);
            let logits = numbers(self.forward(self.batch(values, &device), &mut pass));
            for (i, logits) in logits.chunks_exact(self.classes).enumerate() {
                softmax(logits, out.row_mut(start + i));
            }
        }
        Ok(out)
    }
}

/// Probabilities of logits, in double precision.
fn softmax(logits: &[f32], mut out: ndarray::ArrayViewMut1<'_, f64>) {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for (out, &logit) in out.iter_mut().zip(logits) {
        *out = f64::from(logit - most).exp();
    }
    let sum = out.sum();
    out /= sum;
}
