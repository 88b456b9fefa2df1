//! Trained autoencoders in files.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::model::{Autoencoder, Form};
use crate::container::{self, Precision};
use crate::open::About;
use crate::steps::Steps;
use crate::{Error, Result};

const KIND: &str = "autoencoder";

/// An autoencoder with what is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct LatentModel {
    /// Its name.
    pub name: String,
    /// What tokens it is of.
    pub about: About,
    /// How steps are read.
    pub steps: Steps,
    /// The autoencoder.
    pub model: Autoencoder,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    kind: String,
    name: String,
    about: About,
    steps: Steps,
    form: Form,
}

impl LatentModel {
    /// Writes it, its matrices in 8 bits a number or in single precision.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&self, path: &Path, precision: Precision) -> Result<()> {
        let said = Said {
            kind: KIND.to_owned(),
            name: self.name.clone(),
            about: self.about.clone(),
            steps: self.steps.clone(),
            form: self.model.form().clone(),
        };
        let said = serde_json::to_value(said).map_err(|fault| Error::file(path, fault))?;
        let matrices: Vec<_> = self
            .model
            .names()
            .iter()
            .zip(self.model.weights())
            .map(|(name, weight)| {
                let precision = match weight.rows {
                    1 => Precision::Single,
                    _ => precision,
                };
                (
                    name.as_str(),
                    [weight.rows, weight.columns],
                    weight.values.as_slice(),
                    precision,
                )
            })
            .collect();
        container::write(path, &said, &matrices)
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::File`] saying what is wrong with it.
    pub fn read(path: &Path) -> Result<LatentModel> {
        LatentModel::of(container::read(path)?).map_err(|fault| Error::file(path, fault))
    }

    /// One from the bytes of a file.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn parse(bytes: &[u8]) -> std::result::Result<LatentModel, String> {
        LatentModel::of(container::parse(bytes)?)
    }

    fn of((said, matrices): container::Content) -> std::result::Result<LatentModel, String> {
        let kind = said.get("kind").and_then(|kind| kind.as_str());
        if kind != Some(KIND) {
            return Err(format!(
                "its kind is `{}`: no autoencoder",
                kind.unwrap_or("none")
            ));
        }
        let said: Said = serde_json::from_value(said).map_err(|fault| format!("its description: {fault}"))?;
        let sizes = said.steps.sizes();
        let own = sizes.len().saturating_sub(said.steps.controls().len());
        if !said.steps.known()
            || said.about.sizes() != said.form.fields
            || said.steps.fields() != said.form.fields
            || sizes[..own] != said.form.inputs
        {
            return Err("its vocabularies are not those of its autoencoder".to_owned());
        }
        let model = Autoencoder::of(&said.form, matrices)?;
        Ok(LatentModel {
            name: said.name,
            about: said.about,
            steps: said.steps,
            model,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::Kind;
    use super::*;
    use crate::stream::Vocabulary;

    #[test]
    fn an_autoencoder_is_read_as_it_was_written() {
        let names: Vec<String> = ["C4", "D4", "E4"].map(str::to_owned).to_vec();
        let vocabulary = Vocabulary::of(&names).unwrap();
        let form = Form {
            kind: Kind::Transformer,
            fields: vec![4],
            inputs: vec![5],
            places: 16,
            group: 8,
            latent: 3,
            width: 8,
            layers: [1, 1],
            hidden: 16,
            heads: 2,
            told: true,
            scalar: false,
        };
        let model = LatentModel {
            name: "test".into(),
            about: About::stream(&vocabulary, &[&[0, 1, 2]]),
            steps: Steps::Plain {
                size: 4,
                controls: Vec::new(),
            },
            model: Autoencoder::new(&form, 5).unwrap(),
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        model.write(&path, Precision::Single).unwrap();
        assert_eq!(LatentModel::read(&path).unwrap(), model);
        // Not a network, and a network is no autoencoder.
        assert!(
            crate::Composer::read(&path)
                .unwrap_err()
                .to_string()
                .contains("no network")
        );
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        assert!(LatentModel::parse(&bytes).is_err());
    }
}
