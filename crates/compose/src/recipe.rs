//! Experiments of composing as files: what is learnt from, the network, the training.

use std::path::{Path, PathBuf};

use melisma_score::tokens::design;
use serde::{Deserialize, Serialize};

use crate::data::{Data, Parts};
use crate::latent::{Form, Kind, LatentParams, own_inputs};
use crate::network::{Shape, Stage};
use crate::songs::Songs;
use crate::train::TrainParams;
use crate::{Error, Result};

/// What a file of named tokens is called in place of a design.
const STREAM: &str = "stream";
/// Bytes of the longest recipe.
const MOST_BYTES: u64 = 1 << 20;

/// What to train, on what, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The model's name.
    pub name: String,
    /// The design of the tokens: `compound` or `events`; `stream` for a file of named tokens, of which the last tenth is for test.
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

/// An autoencoder to train, on what, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatentRecipe {
    /// The model's name.
    pub name: String,
    /// The design of the tokens, as in [`Recipe`].
    pub design: String,
    /// The genre that the lists are of: the name of a folder.
    #[serde(default)]
    pub genre: Option<String>,
    /// What is learnt from.
    pub data: Data,
    /// The autoencoder.
    pub latent: LatentShape,
    /// The training.
    #[serde(default)]
    pub train: LatentParams,
}

/// The sizes of an autoencoder ([`Form`]); its inputs and fields are those of the design.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatentShape {
    /// What reads and writes.
    pub kind: Kind,
    /// Steps of a sequence.
    pub places: usize,
    /// Steps that share a latent; the whole sequence where it is not said.
    #[serde(default)]
    pub group: Option<usize>,
    /// Numbers of a latent.
    pub latent: usize,
    /// Numbers of the stream, and units of a memory that reads.
    pub width: usize,
    /// Layers that read, and that write.
    pub layers: [usize; 2],
    /// Units of a memory that writes, or between the two products of a layer of attention.
    pub hidden: usize,
    /// Heads of attention.
    #[serde(default = "heads")]
    pub heads: usize,
    /// Whether what writes is told the steps before.
    #[serde(default = "told")]
    pub told: bool,
    /// Whether steps are read as one number.
    #[serde(default)]
    pub scalar: bool,
}

fn heads() -> usize {
    8
}

fn told() -> bool {
    true
}

impl LatentRecipe {
    /// The form of an autoencoder for such songs.
    pub fn form(&self, songs: &Songs) -> Form {
        let shape = &self.latent;
        Form {
            kind: shape.kind,
            fields: songs.steps.fields(),
            inputs: own_inputs(songs),
            places: shape.places,
            group: shape.group.unwrap_or(shape.places),
            latent: shape.latent,
            width: shape.width,
            layers: shape.layers,
            hidden: shape.hidden,
            heads: shape.heads,
            told: shape.told,
            scalar: shape.scalar,
        }
    }

    /// What is learnt from, read and split.
    ///
    /// # Errors
    /// As [`Data::read`].
    pub fn songs(&self) -> Result<Parts> {
        songs_of(
            &self.design,
            &self.data,
            self.genre.as_deref(),
            self.train.transpose,
        )
    }
}

/// A recipe of either kind.
#[derive(Debug, Clone, PartialEq)]
pub enum AnyRecipe {
    /// A network.
    Network(Recipe),
    /// An autoencoder: it says `[latent]`.
    Latent(LatentRecipe),
}

impl AnyRecipe {
    /// Reads a recipe; its paths are taken from `data`, where they are not absolute.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::File`] naming what is wrong.
    pub fn read(path: &Path, data: &Path) -> Result<AnyRecipe> {
        let text = text(path)?;
        let table: toml::Table = toml::from_str(&text).map_err(|fault| Error::file(path, fault))?;
        if !table.contains_key("latent") {
            return Ok(AnyRecipe::Network(Recipe::read(path, data)?));
        }
        let mut recipe: LatentRecipe = toml::from_str(&text).map_err(|fault| Error::file(path, fault))?;
        place(&mut recipe.data, data);
        recipe.train.check().map_err(|fault| Error::file(path, fault))?;
        check(path, &recipe.design, &recipe.data)?;
        Ok(AnyRecipe::Latent(recipe))
    }
}

fn text(path: &Path) -> Result<String> {
    let size = std::fs::metadata(path).map_err(Error::io(path))?.len();
    if size > MOST_BYTES {
        return Err(Error::file(path, "too long for a recipe"));
    }
    std::fs::read_to_string(path).map_err(Error::io(path))
}

fn place(of: &mut Data, data: &Path) {
    let place = |path: &mut PathBuf| *path = data.join(&*path);
    place(&mut of.scores);
    of.test.as_mut().map(place);
    of.valid.as_mut().map(place);
}

fn check(path: &Path, name: &str, data: &Data) -> Result<()> {
    if !(0.0..0.9).contains(&data.valid_share) {
        return Err(Error::file(path, "`valid_share` must be a share below 0.9"));
    }
    match design(name).is_some() || name == STREAM {
        true => Ok(()),
        false => Err(Error::file(path, format!("there is no design called `{name}`"))),
    }
}

fn songs_of(name: &str, data: &Data, genre: Option<&str>, transpose: [i8; 2]) -> Result<Parts> {
    if name == STREAM {
        return data.read_stream(transpose);
    }
    let design = design(name).ok_or_else(|| Error::Params(format!("there is no design called `{name}`")))?;
    data.read(design.as_ref(), genre)
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
        let text = text(path)?;
        let mut recipe: Recipe = toml::from_str(&text).map_err(|fault| Error::file(path, fault))?;
        place(&mut recipe.data, data);
        recipe.train.check().map_err(|fault| Error::file(path, fault))?;
        check(path, &recipe.design, &recipe.data)?;
        Ok(recipe)
    }

    /// What is learnt from, read and split.
    ///
    /// # Errors
    /// As [`Data::read`].
    pub fn songs(&self) -> Result<Parts> {
        songs_of(
            &self.design,
            &self.data,
            self.genre.as_deref(),
            self.train.transpose,
        )
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
            let recipe = AnyRecipe::read(&entry.unwrap().path(), Path::new("data")).unwrap();
            let (AnyRecipe::Network(Recipe { data, .. }) | AnyRecipe::Latent(LatentRecipe { data, .. })) =
                recipe;
            assert!(data.scores.starts_with("data"));
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
