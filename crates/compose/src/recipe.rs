//! Experiments of composing as files: what is learnt from, the network, the training.

use std::path::{Path, PathBuf};

use melisma_score::tokens::design;
use serde::{Deserialize, Serialize};

use crate::data::{Data, Parts};
use crate::network::{Shape, Stage};
use crate::songs::Songs;
use crate::train::TrainParams;
use crate::{Error, Result};

/// Bytes of the longest recipe.
const MOST_BYTES: u64 = 1 << 20;

/// What to train, on what, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The model's name.
    pub name: String,
    /// The design of the tokens: `compound` or `events`.
    pub design: String,
    /// The genre that the lists are of, and that comes first: the name of a folder.
    #[serde(default)]
    pub genre: Option<String>,
    /// What is learnt from.
    pub data: Data,
    /// The network.
    #[serde(default)]
    pub network: NetworkParams,
    /// The training.
    #[serde(default)]
    pub train: TrainParams,
}

/// The sizes of a network; its inputs and fields are those of the design.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetworkParams {
    /// Layers before and after a compound step's bar, metre, position, tempo and program are told; of a design with one field their sum counts.
    pub layers: [usize; 2],
    /// Numbers of the stream.
    pub width: usize,
    /// Heads of attention.
    pub heads: usize,
    /// Units of a layer's second part.
    pub hidden: usize,
    /// Units through which a field is told.
    pub told: usize,
    /// Places that the model looks back at once it is trained.
    pub context: usize,
}

impl Default for NetworkParams {
    fn default() -> Self {
        NetworkParams {
            layers: [3, 3],
            width: 256,
            heads: 8,
            hidden: 1_024,
            told: 192,
            context: 512,
        }
    }
}

impl NetworkParams {
    /// The shape of a network for such songs.
    pub fn shape(&self, songs: &Songs) -> Shape {
        let fields = songs.steps.fields();
        let [low, high] = self.layers;
        let stage = |layers, fields| Stage { layers, fields };
        Shape {
            stages: match fields.len() {
                8 => vec![stage(low, 5), stage(high, 3)],
                all => vec![stage(low + high, all)],
            },
            inputs: songs.steps.sizes(),
            fields,
            width: self.width,
            heads: self.heads,
            hidden: self.hidden,
            told: self.told,
        }
    }
}

impl Recipe {
    /// One for a folder of MIDI files of one's own.
    pub fn for_folder(folder: &Path) -> Recipe {
        let name = folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        Recipe {
            name: if name.is_empty() { "mine".into() } else { name },
            design: "compound".into(),
            genre: None,
            data: Data {
                scores: folder.to_owned(),
                test: None,
                valid: None,
                valid_share: 0.05,
            },
            network: NetworkParams::default(),
            train: TrainParams::default(),
        }
    }

    /// Reads a recipe; its paths are taken from `data`, where they are not absolute.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::File`] naming what is wrong, [`Error::Params`].
    pub fn read(path: &Path, data: &Path) -> Result<Recipe> {
        let size = std::fs::metadata(path).map_err(Error::io(path))?.len();
        if size > MOST_BYTES {
            return Err(Error::file(path, "too long for a recipe"));
        }
        let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
        let mut recipe: Recipe = toml::from_str(&text).map_err(|fault| Error::file(path, fault))?;
        let place = |path: &mut PathBuf| *path = data.join(&*path);
        place(&mut recipe.data.scores);
        recipe.data.test.as_mut().map(place);
        recipe.data.valid.as_mut().map(place);
        recipe.train.check().map_err(|fault| Error::file(path, fault))?;
        if !(0.0..0.9).contains(&recipe.data.valid_share) {
            return Err(Error::file(path, "`valid_share` must be a share below 0.9"));
        }
        match design(&recipe.design) {
            Some(_) => Ok(recipe),
            None => Err(Error::file(
                path,
                format!("there is no design called `{}`", recipe.design),
            )),
        }
    }

    /// What is learnt from, read and split.
    ///
    /// # Errors
    /// As [`Data::read`].
    pub fn songs(&self) -> Result<Parts> {
        let design = design(&self.design)
            .ok_or_else(|| Error::Params(format!("there is no design called `{}`", self.design)))?;
        self.data.read(design.as_ref(), self.genre.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipe_of_the_repository_can_be_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes/compose");
        let mut count = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let recipe = Recipe::read(&entry.unwrap().path(), Path::new("data")).unwrap();
            assert!(recipe.data.scores.starts_with("data"));
            count += 1;
        }
        assert!(count > 0);
    }

    #[test]
    fn a_recipe_that_cannot_be_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bad recipe.toml");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Recipe::read(&path, Path::new(".")).unwrap_err().to_string()
        };
        let good = "name = 'a'\ndesign = 'compound'\n[data]\nscores = 'x'\n";
        assert!(read(&good.replace("compound", "runes")).contains("no design called `runes`"));
        assert!(read(&format!("{good}[train]\nsteps = 0\n")).contains("`warm_up`"));
        assert!(read(&format!("{good}[trian]\n")).contains("trian"));
        assert!(read(good.trim_end_matches("scores = 'x'\n")).contains("bad recipe.toml"));
    }
}
