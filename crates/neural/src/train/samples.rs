//! What networks learn from: rows of a table or images, with labels.

use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// Labelled inputs of one shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    shape: Vec<usize>,
    classes: usize,
    values: Vec<f32>,
    labels: Vec<usize>,
    groups: Option<Vec<usize>>,
    weights: Option<Vec<f32>>,
}

impl Samples {
    /// Samples of `shape` (features, or channels, height and width) one after the other in `values`, each with a
    /// label below `classes`.
    ///
    /// # Errors
    /// [`Error::Samples`] when lengths do not match, a value is not finite or a label is out of range.
    pub fn new(shape: &[usize], values: Vec<f32>, labels: Vec<usize>, classes: usize) -> Result<Self> {
        let fault = |message: String| Err(Error::Samples(message));
        if !(shape.len() == 1 || shape.len() == 3) || shape.contains(&0) {
            return fault(format!(
                "a shape of {shape:?} is neither features nor channels x height x width"
            ));
        }
        let size = shape.iter().try_fold(labels.len(), |all, &n| all.checked_mul(n));
        if size != Some(values.len()) {
            return fault(format!(
                "{} values for {} samples of {shape:?}",
                values.len(),
                labels.len()
            ));
        }
        if let Some(label) = labels.iter().find(|&&label| label >= classes) {
            return fault(format!("a label {label} where there are {classes} classes"));
        }
        if let Some(at) = values.iter().position(|v| !v.is_finite()) {
            let sample = at * labels.len() / values.len();
            return fault(format!("sample {sample} holds values that are not finite"));
        }
        Ok(Samples {
            shape: shape.to_vec(),
            classes,
            values,
            labels,
            groups: None,
            weights: None,
        })
    }

    /// Says which samples belong together (windows of a track, tracks of an artist).
    ///
    /// # Errors
    /// [`Error::Samples`] when there is not one number a sample.
    pub fn with_groups(mut self, groups: Vec<usize>) -> Result<Self> {
        if groups.len() != self.len() {
            return Err(Error::Samples(format!(
                "{} groups for {} samples",
                groups.len(),
                self.len()
            )));
        }
        self.groups = Some(groups);
        Ok(self)
    }

    /// Says how much each sample counts in the loss.
    ///
    /// # Errors
    /// [`Error::Samples`] when there is not one finite number of at least 0 a sample.
    pub fn with_weights(mut self, weights: Vec<f32>) -> Result<Self> {
        if weights.len() != self.len() || weights.iter().any(|w| !w.is_finite() || *w < 0.0) {
            let message = "weights must be finite numbers of at least 0, one a sample".to_owned();
            return Err(Error::Samples(message));
        }
        self.weights = Some(weights);
        Ok(self)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The shape of each.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// How many classes labels may name.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The class of each.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// What belongs together, where that was said.
    pub fn groups(&self) -> Option<&[usize]> {
        self.groups.as_deref()
    }

    /// How much each counts, where that was said.
    pub fn weights(&self) -> Option<&[f32]> {
        self.weights.as_deref()
    }

    /// The values of one.
    ///
    /// # Panics
    /// If there is none of that number.
    pub fn row(&self, index: usize) -> &[f32] {
        let size: usize = self.shape.iter().product();
        &self.values[index * size..(index + 1) * size]
    }

    /// Those of these numbers, in this order.
    ///
    /// # Panics
    /// If there is none of a number.
    pub fn select(&self, indices: &[usize]) -> Samples {
        Samples {
            shape: self.shape.clone(),
            classes: self.classes,
            values: indices
                .iter()
                .flat_map(|&i| self.row(i).iter().copied())
                .collect(),
            labels: indices.iter().map(|&i| self.labels[i]).collect(),
            groups: self
                .groups
                .as_ref()
                .map(|all| indices.iter().map(|&i| all[i]).collect()),
            weights: self
                .weights
                .as_ref()
                .map(|all| indices.iter().map(|&i| all[i]).collect()),
        }
    }

    /// Feeds all that training depends on to a digest.
    pub(super) fn digest(&self, digest: &mut Sha256) {
        for &n in self
            .shape
            .iter()
            .chain([&self.classes, &self.labels.len()])
            .chain(&self.labels)
        {
            digest.update((n as u64).to_le_bytes());
        }
        for values in [Some(&self.values), self.weights.as_ref()].into_iter().flatten() {
            for value in values {
                digest.update(value.to_le_bytes());
            }
        }
    }
}
