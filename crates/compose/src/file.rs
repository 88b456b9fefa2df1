//! Trained networks in files.

use std::path::Path;

use melisma_score::measures::Measures;
use melisma_score::tokens::{Compound, Design};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::container::{self, Precision};
use crate::network::{Kind, Shape, Weights};
use crate::open::About;
use crate::steps::Steps;
use crate::transformer::Transformer;
use crate::{Error, Result};

/// What the description of such a file says it is.
pub(crate) const KIND: &str = "transformer";

/// The network that comes with the program.
const SHIPPED: &[u8] = include_bytes!("../../../models/jazz-notes-1.melcomp");
const SHIPPED_NAME: &str = "jazz-notes-1, which the program comes with";

/// A network with what is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Composer {
    /// Its name.
    pub name: String,
    /// The genres it can be told of, in the order of their controls from 1.
    pub genres: Vec<String>,
    /// What tokens it is of.
    pub about: About,
    /// What pieces of the first genre are like, of those it learnt from.
    pub typical: Vec<Typical>,
    /// The network.
    pub network: Transformer,
}

/// A measure over many pieces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Typical {
    /// The measure's name, as in [`melisma_score::measures::Measures`].
    pub measure: String,
    /// The mean over the pieces.
    pub mean: f64,
    /// The standard deviation.
    pub deviation: f64,
}

impl Typical {
    /// The measures that are kept.
    pub const MEASURES: [&'static str; 9] = [
        "pitch_class_entropy",
        "pitch_class_entropy_1_bar",
        "pitch_class_entropy_4_bars",
        "scale_consistency",
        "groove_consistency_16",
        "swing_ratio",
        "polyphony",
        "notes_per_bar",
        "self_repetition_1_bar",
    ];

    /// Those of pieces of compound tokens.
    pub fn of(pieces: &[&[u16]]) -> Vec<Typical> {
        let measured = |tokens: &&[u16]| {
            let score = Compound::new().decode(tokens).ok()?;
            Some(Measures::of(&score).values())
        };
        let rows: Vec<Vec<f64>> = pieces.par_iter().filter_map(measured).collect();
        let typical = |measure: &str| {
            let at = Measures::NAMES.iter().position(|name| *name == measure)?;
            let values: Vec<f64> = rows
                .iter()
                .map(|row| row[at])
                .filter(|value| value.is_finite())
                .collect();
            let count = values.len() as f64;
            let mean = values.iter().sum::<f64>() / count;
            let variance = values
                .iter()
                .map(|value| (value - mean) * (value - mean))
                .sum::<f64>()
                / count;
            (variance > 0.0).then(|| Typical {
                measure: measure.to_owned(),
                mean,
                deviation: variance.sqrt(),
            })
        };
        Self::MEASURES
            .iter()
            .filter_map(|measure| typical(measure))
            .collect()
    }

    /// How far a piece is from these: deviations beyond the first, squared, the mean over the measures that it has.
    pub fn distance(typical: &[Typical], measures: &Measures) -> f64 {
        let values = measures.values();
        let far: Vec<f64> = typical
            .iter()
            .filter_map(|typical| {
                let at = Measures::NAMES.iter().position(|name| *name == typical.measure)?;
                let deviations = (values[at] - typical.mean).abs() / typical.deviation;
                deviations
                    .is_finite()
                    .then(|| (deviations - 1.0).max(0.0).powi(2))
            })
            .collect();
        far.iter().sum::<f64>() / far.len().max(1) as f64
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    kind: String,
    name: String,
    genres: Vec<String>,
    about: About,
    #[serde(default)]
    typical: Vec<Typical>,
    steps: Steps,
    shape: Shape,
    context: usize,
}

impl Composer {
    /// Writes it, its matrices in 8 bits a number or in single precision.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&self, path: &Path, precision: Precision) -> Result<()> {
        let shape = self.network.shape();
        let said = Said {
            kind: KIND.to_owned(),
            name: self.name.clone(),
            genres: self.genres.clone(),
            about: self.about.clone(),
            typical: self.typical.clone(),
            steps: self.network.steps().clone(),
            shape: shape.clone(),
            context: self.network.context(),
        };
        let said = serde_json::to_value(said).map_err(|fault| Error::file(path, fault))?;
        let names = Weights::names(shape);
        let matrices: Vec<_> = names
            .iter()
            .zip(&self.network.weights().values)
            .map(|((name, kind, size), values)| {
                let precision = match kind {
                    Kind::Vector => Precision::Single,
                    _ => precision,
                };
                (name.as_str(), *size, values.as_slice(), precision)
            })
            .collect();
        container::write(path, &said, &matrices)
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::File`] saying what is wrong with it.
    pub fn read(path: &Path) -> Result<Composer> {
        Composer::of(container::read(path)?).map_err(|fault| Error::file(path, fault))
    }

    /// The one that comes with the program. Where it came from, and what it is worth, its card says: `models/jazz-notes-1.md`.
    ///
    /// # Errors
    /// [`Error::File`], if the program was built with a damaged one.
    pub fn shipped() -> Result<Composer> {
        Composer::parse(SHIPPED).map_err(|fault| Error::file(Path::new(SHIPPED_NAME), fault))
    }

    /// One from the bytes of a file.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn parse(bytes: &[u8]) -> std::result::Result<Composer, String> {
        Composer::of(container::parse(bytes)?)
    }

    fn of((said, matrices): container::Content) -> std::result::Result<Composer, String> {
        let kind = said.get("kind").and_then(|kind| kind.as_str());
        if kind != Some(KIND) {
            return Err(format!("its kind is `{}`: no network", kind.unwrap_or("none")));
        }
        let said: Said = serde_json::from_value(said).map_err(|fault| format!("its description: {fault}"))?;
        said.shape.check().map_err(|fault| fault.to_string())?;
        let names = Weights::names(&said.shape);
        if names.len() != matrices.len() {
            return Err("it has other matrices than its network".to_owned());
        }
        let mut values = Vec::new();
        for ((name, _, size), matrix) in names.into_iter().zip(matrices) {
            if matrix.name != name || matrix.size != size {
                return Err(format!("`{name}` is missing or of another size"));
            }
            values.push(matrix.values);
        }
        if said.about.sizes() != said.shape.fields {
            return Err("its vocabularies are not those of its network".to_owned());
        }
        let network = Transformer::new(said.shape, Weights { values }, said.steps, said.context)
            .map_err(|fault| fault.to_string())?;
        Ok(Composer {
            name: said.name,
            genres: said.genres,
            about: said.about,
            typical: said.typical,
            network,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Model;
    use crate::network::Stage;

    #[test]
    fn a_network_is_read_as_it_was_written() {
        let design = Compound::new();
        let steps = Steps::of(&design, &[3, 2, 2]);
        let shape = Shape {
            inputs: steps.sizes(),
            fields: steps.fields(),
            stages: vec![Stage { layers: 1, fields: 5 }, Stage { layers: 1, fields: 3 }],
            width: 16,
            heads: 2,
            hidden: 32,
            told: 8,
        };
        let fields: Vec<(String, Vec<String>)> = design
            .fields()
            .iter()
            .map(|field| (field.name.to_owned(), field.vocabulary.clone()))
            .collect();
        let composer = Composer {
            name: "test".into(),
            genres: vec!["jazz".into(), "rock".into()],
            about: About::scores("compound", &fields, &[]),
            typical: vec![Typical {
                measure: "polyphony".into(),
                mean: 3.0,
                deviation: 1.0,
            }],
            network: Transformer::new(shape.clone(), Weights::new(&shape, 1), steps, 64).unwrap(),
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        composer.write(&path, Precision::Single).unwrap();
        assert_eq!(Composer::read(&path).unwrap(), composer);
        composer.write(&path, Precision::Eight).unwrap();
        let tokens = [1, 0, 0, 0, 5, 60, 3, 2, 0, 0, 6, 0, 5, 64, 3, 2];
        let cost = |composer: &Composer| -> f32 { composer.network.costs(&tokens).unwrap().iter().sum() };
        let eight = Composer::read(&path).unwrap();
        assert!((cost(&eight) - cost(&composer)).abs() < 0.05);
        let opened = crate::open(&path).unwrap();
        assert_eq!(opened.about, composer.about);
    }
}
