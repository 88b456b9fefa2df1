//! A trained network, its history, and its file.

use std::collections::BTreeMap;
use std::path::Path;

use ndarray::Array2;

use super::container::{self, Content};
use super::{History, Samples};
use crate::networks::{Network, NetworkParams};
use crate::{Error, Result};

/// What a file of this kind says it is.
const FORMAT: &str = "melisma network 1";
/// Classes a network may tell apart.
const MOST_CLASSES: usize = 100_000;

/// A trained network and how it came to be.
#[derive(Debug)]
pub struct Trained {
    /// The network.
    pub network: Network,
    /// Its training.
    pub history: History,
}

impl Trained {
    /// The probability of each class (columns) for each sample (rows).
    ///
    /// # Errors
    /// [`Error::Samples`] when they are of another shape.
    pub fn predict(&self, samples: &Samples) -> Result<Array2<f64>> {
        self.network.predict(samples)
    }

    /// Writes the network, with its description and history, as a safetensors file.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn save(&self, path: &Path) -> Result<()> {
        let json = |value: serde_json::Result<String>| value.map_err(|e| Error::file(path, e));
        let metadata = BTreeMap::from([
            ("format".to_owned(), FORMAT.to_owned()),
            (
                "network".to_owned(),
                json(serde_json::to_string(self.network.params()))?,
            ),
            (
                "shape".to_owned(),
                json(serde_json::to_string(self.network.shape()))?,
            ),
            ("classes".to_owned(), self.network.classes().to_string()),
            ("history".to_owned(), json(serde_json::to_string(&self.history))?),
        ]);
        let weights = self.network.weights();
        container::write(path, &Content { metadata, weights })
    }

    /// Reads what [`Trained::save`] wrote.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::File`] naming the file and what is wrong with it.
    pub fn load(path: &Path) -> Result<Trained> {
        let Content { metadata, weights } = container::read(path)?;
        let fault = |what: &str| Error::file(path, format!("not a network of this program: {what}"));
        let entry = |name: &str| metadata.get(name).ok_or_else(|| fault(&format!("no `{name}`")));
        if entry("format")? != FORMAT {
            return Err(fault("of another format or version"));
        }
        let params: NetworkParams =
            serde_json::from_str(entry("network")?).map_err(|e| fault(&format!("`network`: {e}")))?;
        let shape: Vec<usize> =
            serde_json::from_str(entry("shape")?).map_err(|e| fault(&format!("`shape`: {e}")))?;
        let classes: usize = entry("classes")?
            .parse()
            .map_err(|_| fault("`classes` is no number"))?;
        let history: History =
            serde_json::from_str(entry("history")?).map_err(|e| fault(&format!("`history`: {e}")))?;
        let held: usize = weights.values().map(|array| array.values().len()).sum();
        let size = shape.iter().try_fold(1_usize, |all, &n| all.checked_mul(n));
        if !matches!(shape.len(), 1 | 3)
            || size.is_none_or(|n| n == 0 || n > 1 << 28)
            || classes > MOST_CLASSES
        {
            return Err(fault("inputs or classes of an impossible size"));
        }
        let named = |e: Error| Error::file(path, e);
        let mut network = params.init_within(&shape, classes, held).map_err(named)?;
        network.set_weights(&weights).map_err(named)?;
        Ok(Trained { network, history })
    }
}
