//! A trained model as one file: what it is, what it was trained on, and its numbers.
//!
//! Layout, all integers little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `MELISMA` and a zero byte |
//! | 4 | format version, 2 |
//! | 4 | length of the header |
//! | 4 | length of the payload |
//! | | the header, JSON ([`Header`]) |
//! | | the payload: steps, classifier, and training rows that stand for "unknown" in explanations |
//! | 32 | SHA-256 of everything before |
//!
//! Reading never panics and never allocates more than a few times the size of the bytes it is given.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use melisma_dataset::split::Stamp;
use melisma_features::Schema;
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::calibration::temper;
use crate::explain::Attributions;
use crate::explain::kernel::{self, KernelParams};
use crate::files::write_whole;
use crate::payload::{Reader, Writer};
use crate::pipeline::Pipeline;
use crate::{Error, Result};

const MAGIC: &[u8; 8] = b"MELISMA\0";
const FORMAT: u32 = 2;
const PREFIX: usize = 20;
const CHECKSUM: usize = 32;
/// No model file is larger than this.
const LARGEST: usize = 64 << 20;

/// The rows a model takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Rows {
    /// Descriptors of a recording's windows.
    Recording(Schema),
    /// Rows that another crate makes, under this name; they hold the columns of the header and no others.
    Named(String),
}

impl std::fmt::Display for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Rows::Recording(schema) => schema.fmt(f),
            Rows::Named(name) => f.write_str(name),
        }
    }
}

/// What a model says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The model's name.
    pub name: String,
    /// The model's version.
    pub version: u32,
    /// The schema whose rows it takes.
    pub schema: Rows,
    /// The hash of that schema when the model was trained. Who makes named rows checks theirs.
    pub schema_hash: String,
    /// The columns of the schema that it looks at, in its order.
    pub columns: Vec<String>,
    /// The classes, in the order of the probabilities.
    pub genres: Vec<String>,
    /// The length of the windows a recording is cut into, in seconds; of recordings only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_seconds: Option<f64>,
    /// How the frames at a window's ends are padded, `reflect` or `constant`; of recordings only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pad: Option<String>,
    /// The temperature its probabilities are calibrated with.
    pub temperature: f64,
    /// SHA-256 of each data file it was trained on.
    pub data: BTreeMap<String, String>,
    /// SHA-256 of the sorted list of tracks it was trained on.
    pub tracks_hash: String,
    /// SHA-256 of the recipe.
    pub recipe_hash: String,
    /// The recipe's seed.
    pub seed: u64,
    /// The splits behind its calibration and its figures; old models name none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub splits: Vec<Stamp>,
    /// Figures of the run that made it, by name.
    pub figures: BTreeMap<String, f64>,
}

/// A classifier with everything it needs: columns, steps, temperature.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    header: Header,
    pipeline: Pipeline,
    /// Training rows, shape (rows, columns).
    background: Array2<f64>,
    /// The place of each column in the schema.
    places: Vec<usize>,
}

impl Model {
    /// Puts a model together; `background` are training rows of its columns that stand for "unknown" in explanations.
    ///
    /// # Errors
    /// [`Error::Model`] when the parts do not fit one another.
    pub fn new(header: Header, pipeline: Pipeline, background: Array2<f64>) -> Result<Model> {
        let places = places(&header)?;
        let model = Model {
            header,
            pipeline,
            background,
            places,
        };
        // Numbers are kept as the file will hold them.
        Model::from_bytes(&model.to_bytes()?)
    }

    /// The model shipped with this version.
    ///
    /// # Errors
    /// [`Error::Model`] if it was trained for another version of the schema.
    pub fn shipped() -> Result<Model> {
        Model::from_bytes(include_bytes!("../../../models/genre-table-1.bin"))
    }

    /// Reads a model.
    ///
    /// # Errors
    /// [`Error::Model`] for bytes that are no model, are damaged, come from a newer version, or were trained
    /// for a schema that has since changed.
    pub fn from_bytes(bytes: &[u8]) -> Result<Model> {
        let fault = |message: &str| Error::Model(message.to_owned());
        if bytes.len() > LARGEST {
            return Err(fault("larger than 64 MiB"));
        }
        if bytes.len() < PREFIX + CHECKSUM || &bytes[..8] != MAGIC {
            return Err(fault("no melisma model file"));
        }
        let number = |at: usize| {
            bytes[at..at + 4]
                .iter()
                .rev()
                .fold(0u32, |n, &byte| n << 8 | u32::from(byte))
        };
        if number(8) != FORMAT {
            return Err(Error::Model(format!(
                "format {} where this version reads {FORMAT}",
                number(8)
            )));
        }
        let (header_length, payload_length) = (u64::from(number(12)), u64::from(number(16)));
        if PREFIX as u64 + header_length + payload_length + CHECKSUM as u64 != bytes.len() as u64 {
            return Err(fault("truncated, or longer than it says"));
        }
        let (content, checksum) = bytes.split_at(bytes.len() - CHECKSUM);
        if Sha256::digest(content)[..] != *checksum {
            return Err(fault("the checksum does not match: the file is damaged"));
        }
        let (header, payload) = content[PREFIX..].split_at(header_length as usize);
        let header: Header =
            serde_json::from_slice(header).map_err(|error| Error::Model(format!("header: {error}")))?;
        let mut reader = Reader::new(payload);
        let pipeline = Pipeline::read(&mut reader)?;
        let background = reader.exact_matrix()?;
        reader.end()?;
        let places = places(&header)?;
        let model = Model {
            header,
            pipeline,
            background,
            places,
        };
        model.check()?;
        Ok(model)
    }

    fn check(&self) -> Result<()> {
        let header = &self.header;
        if let Rows::Recording(schema) = header.schema
            && header.schema_hash != schema.hash()
        {
            return Err(Error::Model(format!(
                "trained for another version of schema {schema}"
            )));
        }
        if header.genres.is_empty() {
            return Err(Error::Model("no genres".to_owned()));
        }
        let width = self.places.len();
        if self.pipeline.shape() != (width, header.genres.len()) || self.background.ncols() != width {
            return Err(Error::Model(
                "columns, steps and classifier do not fit one another".to_owned(),
            ));
        }
        let sound = |value: f64| value > 0.0 && value.is_finite();
        if !sound(header.temperature) || !header.window_seconds.is_none_or(sound) {
            return Err(Error::Model(
                "temperature or window length out of range".to_owned(),
            ));
        }
        if let Some(pad) = &header.pad
            && !["reflect", "constant"].contains(&pad.as_str())
        {
            return Err(Error::Model(format!("unknown padding `{pad}`")));
        }
        let of_recordings = matches!(header.schema, Rows::Recording(_));
        if of_recordings && (header.window_seconds.is_none() || header.pad.is_none()) {
            return Err(Error::Model("windows or padding are not told".to_owned()));
        }
        Ok(())
    }

    /// The bytes of the model's file; the same model gives the same bytes.
    ///
    /// # Errors
    /// [`Error::Model`] when the header cannot be written (a figure that is not finite).
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let header = serde_json::to_vec(&self.header).map_err(|error| Error::Model(error.to_string()))?;
        let mut writer = Writer::default();
        self.pipeline.write(&mut writer);
        writer.exact_matrix(&self.background);
        let payload = writer.into_bytes();
        let mut bytes = MAGIC.to_vec();
        for length in [FORMAT as usize, header.len(), payload.len()] {
            let length = u32::try_from(length).map_err(|_| Error::Model("too large".to_owned()))?;
            bytes.extend_from_slice(&length.to_le_bytes());
        }
        bytes.extend_from_slice(&header);
        bytes.extend_from_slice(&payload);
        let checksum = Sha256::digest(&bytes);
        bytes.extend_from_slice(&checksum);
        Ok(bytes)
    }

    /// Writes the model's file beside its place, then moves it there.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        write_whole(path, &self.to_bytes()?)
    }

    /// The same model with another header.
    ///
    /// # Errors
    /// As [`Model::new`].
    pub fn with_header(self, header: Header) -> Result<Model> {
        Model::new(header, self.pipeline, self.background)
    }

    /// Its steps and classifier.
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// What the model says about itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The classes, in the order of the probabilities.
    pub fn genres(&self) -> &[String] {
        &self.header.genres
    }

    /// The schema of the rows to predict, for a model of recordings.
    ///
    /// # Errors
    /// [`Error::Model`] for a model of other rows.
    pub fn schema(&self) -> Result<Schema> {
        match &self.header.schema {
            Rows::Recording(schema) => Ok(*schema),
            Rows::Named(name) => Err(Error::Model(format!(
                "it takes rows of schema {name}, not of recordings"
            ))),
        }
    }

    /// The probability of each genre for one row (one window) of schema values; they sum to 1.
    ///
    /// # Errors
    /// [`Error::Row`] when the number of values is not the schema's, or one of them is not finite.
    pub fn predict(&self, row: &[f64]) -> Result<Vec<f64>> {
        Ok(self.predict_rows([row])?.into_raw_vec_and_offset().0)
    }

    /// The probabilities of many rows, shape (rows, genres).
    ///
    /// # Errors
    /// As [`Model::predict`], for the first row at fault.
    pub fn predict_rows<'a>(&self, rows: impl IntoIterator<Item = &'a [f64]>) -> Result<Array2<f64>> {
        let mut probabilities = self.pipeline.predict_proba(&self.columns_of(rows)?);
        self.temper(&mut probabilities);
        Ok(probabilities)
    }

    /// The columns the model looks at, shape (rows, columns).
    fn columns_of<'a>(&self, rows: impl IntoIterator<Item = &'a [f64]>) -> Result<Array2<f64>> {
        let names = names(&self.header);
        let mut values = Vec::new();
        let mut count = 0;
        for row in rows {
            if row.len() != names.len() {
                let message = format!(
                    "{} values where schema {} has {}",
                    row.len(),
                    self.header.schema,
                    names.len()
                );
                return Err(Error::Row(message));
            }
            if let Some(index) = row.iter().position(|value| !value.is_finite()) {
                return Err(Error::Row(format!("{} is {}", names[index], row[index])));
            }
            values.extend(self.places.iter().map(|&place| row[place]));
            count += 1;
        }
        Array2::from_shape_vec((count, self.places.len()), values)
            .map_err(|error| Error::Row(error.to_string()))
    }

    /// Calibrates probabilities.
    fn temper(&self, probabilities: &mut Array2<f64>) {
        for mut row in probabilities.rows_mut() {
            temper(row.view_mut(), self.header.temperature);
            if !row.sum().is_finite() {
                // Only numbers no training writes can do this; the answer is then "no idea".
                row.fill(1.0 / self.header.genres.len() as f64);
            }
        }
    }

    /// What each input adds to each genre's probability, for each row, and the inputs' names and values: Shapley values against
    /// the training rows the model keeps (of the calibrated probabilities, by sampling sets of inputs where there are many).
    ///
    /// # Errors
    /// As [`Model::predict_rows`]; [`Error::Model`] for a model that keeps no training rows.
    pub fn explain<'a>(
        &self,
        rows: impl IntoIterator<Item = &'a [f64]>,
        seed: u64,
    ) -> Result<(Attributions, Vec<String>, Array2<f64>)> {
        if self.background.nrows() == 0 {
            return Err(Error::Model("it keeps no training rows to explain by".to_owned()));
        }
        let x = self.pipeline.transform(&self.columns_of(rows)?);
        let background = self.pipeline.transform(&self.background);
        let say = |x: &Array2<f64>| {
            let mut probabilities = self.pipeline.predict_transformed(x);
            self.temper(&mut probabilities);
            probabilities
        };
        let params = KernelParams {
            seed,
            ..KernelParams::default()
        };
        let attributions = kernel::shap(say, &background, &x, &params)?;
        Ok((attributions, self.pipeline.names(&self.header.columns), x))
    }
}

/// The mean of the windows' probabilities: the mixture of the whole recording. `None` without windows.
///
/// # Panics
/// If the windows differ in length.
pub fn mean_prediction(windows: &[Vec<f64>]) -> Option<Vec<f64>> {
    let mut mean = vec![0.0; windows.first()?.len()];
    for window in windows {
        assert_eq!(
            window.len(),
            mean.len(),
            "windows of one model have the same genres"
        );
        mean.iter_mut()
            .zip(window)
            .for_each(|(sum, p)| *sum += p / windows.len() as f64);
    }
    Some(mean)
}

/// The columns of the rows a model takes.
fn names(header: &Header) -> Vec<String> {
    match &header.schema {
        Rows::Recording(schema) => schema.names(),
        Rows::Named(_) => header.columns.clone(),
    }
}

/// The places of a header's columns in its schema.
fn places(header: &Header) -> Result<Vec<usize>> {
    let names = names(header);
    let known: HashMap<&str, usize> = names
        .iter()
        .enumerate()
        .map(|(place, name)| (name.as_str(), place))
        .collect();
    let place = |column: &String| {
        known
            .get(column.as_str())
            .copied()
            .ok_or_else(|| Error::Model(format!("schema {} has no column `{column}`", header.schema)))
    };
    header.columns.iter().map(place).collect()
}
