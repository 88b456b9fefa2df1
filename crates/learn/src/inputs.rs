//! From schema columns to the inputs of a model.
//!
//! A recording carries more than music: its level, and how far up its spectrum a codec or an old tape
//! lets it reach. A model that reads the columns as they are learns both. The inputs here are built so
//! that, to the precision of the extractor, neither can be seen:
//!
//! - **Level.** Under a gain g, `rms_mean` is multiplied by g, the variances `rms_var`, `harmony_var`
//!   and `perceptr_var` by g², and `mfcc1_mean` (the first coefficient of an orthonormal DCT-II over 128
//!   mel bands in dB) grows by √128 · 20 log10 g. So variances are taken relative to `rms_mean`², and
//!   `mfcc1_mean` relative to the level of `rms_mean`. All other columns but the two waveform means do
//!   not change under gain.
//! - **Bandwidth.** A change that only touches the highest mel bands moves the MFCC means along the DCT
//!   columns of those bands. Their span over 8 neighbouring bands is, nearly, two directions: a level
//!   and a tilt. Both are projected out of the 20 means.
//! - The **means of the harmonic and percussive waveforms** are dropped: they are offsets near zero.
//! - The **variances of the high MFCCs**, which move most under a codec, may be dropped.

use std::collections::HashMap;

use melisma_features::Schema;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Logarithms are taken of values no smaller than this.
const FLOOR: f64 = 1e-20;
/// The mel bands of the MFCCs.
const MEL_BANDS: usize = 128;
/// The coefficients the schema keeps.
const COEFFICIENTS: usize = 20;

/// How a recipe names a set of inputs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum InputsParams {
    /// Every column of the schema as it is.
    Raw,
    /// The columns of the `gtzan` schema made blind to level and bandwidth, as the module describes.
    Invariant {
        /// How many of the highest of 128 mel bands must not be seen; 0 for none.
        top_bands: usize,
        /// The directions projected out for them: polynomials over the bands of degree 0, 1, ...
        directions: usize,
        /// How many MFCC variances to keep, from the first.
        mfcc_variances: usize,
    },
}

impl InputsParams {
    /// Builds the inputs over the `gtzan` schema.
    ///
    /// # Errors
    /// [`Error::Params`] for counts out of range.
    pub fn build(&self) -> Result<Inputs> {
        let fault = |message: &str| Error::Params {
            estimator: "inputs",
            message: message.to_owned(),
        };
        match *self {
            InputsParams::Raw => {
                let list = Schema::Gtzan
                    .names()
                    .into_iter()
                    .map(|name| Input::new(&name).raw(&name, 1.0));
                Inputs::new(Schema::Gtzan, list.collect())
            }
            InputsParams::Invariant {
                top_bands,
                directions,
                mfcc_variances,
            } => {
                if top_bands > MEL_BANDS || directions > top_bands || directions >= COEFFICIENTS {
                    return Err(fault("more directions than bands, or more bands than there are"));
                }
                if mfcc_variances > COEFFICIENTS {
                    return Err(fault("there are 20 MFCC variances"));
                }
                Inputs::new(Schema::Gtzan, invariant(top_bands, directions, mfcc_variances))
            }
        }
    }
}

/// One input: a weighted sum of columns or of their natural logarithms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// A name for people.
    pub name: String,
    /// What is added up.
    pub terms: Vec<Term>,
}

/// A column, or its logarithm, times a weight.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Term {
    /// The schema column.
    pub column: String,
    /// Whether the natural logarithm is taken (of at least 1e-20).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub log: bool,
    /// The factor.
    pub weight: f64,
}

impl Input {
    /// An input without terms.
    pub fn new(name: &str) -> Input {
        Input {
            name: name.to_owned(),
            terms: Vec::new(),
        }
    }

    /// Adds `weight` times a column.
    pub fn raw(mut self, column: &str, weight: f64) -> Input {
        self.terms.push(Term {
            column: column.to_owned(),
            log: false,
            weight,
        });
        self
    }

    /// Adds `weight` times the logarithm of a column.
    pub fn log(mut self, column: &str, weight: f64) -> Input {
        self.terms.push(Term {
            column: column.to_owned(),
            log: true,
            weight,
        });
        self
    }
}

/// The inputs of a model over a schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Inputs {
    schema: Schema,
    list: Vec<Input>,
    /// For each input.
    terms: Vec<Terms>,
}

impl Inputs {
    /// Inputs over the columns of `schema`.
    ///
    /// # Errors
    /// [`Error::Model`] for a column the schema lacks, a weight that is not finite, or no inputs at all.
    pub fn new(schema: Schema, list: Vec<Input>) -> Result<Inputs> {
        if list.is_empty() {
            return Err(Error::Model("no inputs".to_owned()));
        }
        let terms = resolve(&list, &schema.names(), &format!("schema {schema}")).map_err(Error::Model)?;
        Ok(Inputs { schema, list, terms })
    }

    /// The schema whose columns are read.
    pub fn schema(&self) -> Schema {
        self.schema
    }

    /// The inputs in order.
    pub fn list(&self) -> &[Input] {
        &self.list
    }

    pub(crate) fn terms(&self) -> &[Terms] {
        &self.terms
    }

    /// The inputs of one row of schema values.
    ///
    /// # Errors
    /// [`Error::Row`] when the number of values is not the schema's, or one of them (named) is not finite.
    pub fn apply(&self, row: &[f64]) -> Result<Vec<f64>> {
        let names = self.schema.names();
        if row.len() != names.len() {
            let message = format!(
                "{} values where schema {} has {}",
                row.len(),
                self.schema,
                names.len()
            );
            return Err(Error::Row(message));
        }
        if let Some(index) = row.iter().position(|value| !value.is_finite()) {
            return Err(Error::Row(format!("{} is {}", names[index], row[index])));
        }
        Ok(self.values(row))
    }

    /// The inputs of many rows, shape (rows, inputs).
    ///
    /// # Errors
    /// As [`Inputs::apply`], for the first row at fault.
    pub fn apply_all<'a>(&self, rows: impl IntoIterator<Item = &'a [f64]>) -> Result<Array2<f64>> {
        let mut values = Vec::new();
        let mut count = 0;
        for row in rows {
            values.extend(self.apply(row)?);
            count += 1;
        }
        Array2::from_shape_vec((count, self.list.len()), values)
            .map_err(|error| Error::Row(error.to_string()))
    }

    fn values(&self, row: &[f64]) -> Vec<f64> {
        self.terms.iter().map(|terms| value(terms, row)).collect()
    }
}

/// What is added up for one input: (column, logarithm, weight).
pub(crate) type Terms = Vec<(usize, bool, f64)>;

/// The terms of each input over columns of these names, or what is wrong; `whose` columns they are is said then.
pub(crate) fn resolve(
    list: &[Input],
    names: &[String],
    whose: &str,
) -> std::result::Result<Vec<Terms>, String> {
    let position: HashMap<&str, usize> = names
        .iter()
        .enumerate()
        .map(|(index, name)| (name.as_str(), index))
        .collect();
    let term = |term: &Term| match position.get(term.column.as_str()) {
        Some(&column) if term.weight.is_finite() => Ok((column, term.log, term.weight)),
        Some(_) => Err(format!("weight of `{}` is {}", term.column, term.weight)),
        None => Err(format!("{whose} has no column `{}`", term.column)),
    };
    list.iter()
        .map(|input| input.terms.iter().map(term).collect())
        .collect()
}

/// One input's value for one row.
pub(crate) fn value(terms: &Terms, row: &[f64]) -> f64 {
    let term = |&(column, log, weight): &(usize, bool, f64)| {
        weight
            * if log {
                row[column].max(FLOOR).ln()
            } else {
                row[column]
            }
    };
    // Huge values may overflow a sum; the scaler's limit brings a finite stand-in into range.
    let sum: f64 = terms.iter().map(term).sum();
    if sum.is_nan() {
        0.0
    } else {
        sum.clamp(f64::MIN, f64::MAX)
    }
}

/// The inputs of [`InputsParams::Invariant`].
fn invariant(top_bands: usize, directions: usize, mfcc_variances: usize) -> Vec<Input> {
    let mut list = Vec::new();
    for name in ["rms_var", "harmony_var", "perceptr_var"] {
        list.push(
            Input::new(&format!("log {name} / rms_mean^2"))
                .log(name, 1.0)
                .log("rms_mean", -2.0),
        );
    }
    list.push(Input::new("chroma_stft_mean").raw("chroma_stft_mean", 1.0));
    let logs = [
        "chroma_stft_var",
        "spectral_centroid_mean",
        "spectral_centroid_var",
        "spectral_bandwidth_mean",
        "spectral_bandwidth_var",
        "rolloff_mean",
        "rolloff_var",
        "zero_crossing_rate_mean",
        "zero_crossing_rate_var",
        "tempo",
    ];
    list.extend(logs.map(|name| Input::new(&format!("log {name}")).log(name, 1.0)));
    let band_limited = projection(top_bands, directions);
    let level = (MEL_BANDS as f64).sqrt() * 20.0 / std::f64::consts::LN_10;
    for (row, weights) in band_limited.rows().into_iter().enumerate() {
        let mut input = Input::new(&format!(
            "mfcc{}_mean without level and top {top_bands} bands",
            row + 1
        ));
        for (column, &weight) in weights.iter().enumerate() {
            if weight != 0.0 {
                input = input.raw(&format!("mfcc{}_mean", column + 1), weight);
            }
        }
        list.push(if weights[0] == 0.0 {
            input
        } else {
            input.log("rms_mean", -level * weights[0])
        });
    }
    list.extend((1..=mfcc_variances).map(|number| {
        let name = format!("mfcc{number}_var");
        Input::new(&format!("log {name}")).log(&name, 1.0)
    }));
    list
}

/// The orthogonal projection of 20 cepstral coefficients that removes what polynomials of degree below
/// `directions` over the highest `top_bands` mel bands contribute, shape (20, 20).
fn projection(top_bands: usize, directions: usize) -> Array2<f64> {
    let bands = MEL_BANDS as f64;
    let dct = |coefficient: usize, band: usize| {
        let norm = if coefficient == 0 {
            1.0 / bands
        } else {
            2.0 / bands
        }
        .sqrt();
        norm * (std::f64::consts::PI * coefficient as f64 * (band as f64 + 0.5) / bands).cos()
    };
    let mut removed: Vec<Vec<f64>> = Vec::new();
    for degree in 0..directions {
        let mut direction: Vec<f64> = (0..COEFFICIENTS)
            .map(|coefficient| {
                (0..top_bands)
                    .map(|k| {
                        let place = (2 * k + 1) as f64 / top_bands as f64 - 1.0;
                        place.powi(degree as i32) * dct(coefficient, MEL_BANDS - top_bands + k)
                    })
                    .sum()
            })
            .collect();
        for earlier in &removed {
            let dot: f64 = earlier.iter().zip(&direction).map(|(a, b)| a * b).sum();
            direction.iter_mut().zip(earlier).for_each(|(d, e)| *d -= dot * e);
        }
        let length = direction.iter().map(|d| d * d).sum::<f64>().sqrt();
        removed.push(direction.into_iter().map(|d| d / length).collect());
    }
    Array2::from_shape_fn((COEFFICIENTS, COEFFICIENTS), |(i, j)| {
        f64::from(u8::from(i == j)) - removed.iter().map(|d| d[i] * d[j]).sum::<f64>()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const INVARIANT: InputsParams = InputsParams::Invariant {
        top_bands: 8,
        directions: 2,
        mfcc_variances: 10,
    };

    fn row(seed: &[f64]) -> Vec<f64> {
        let value = |(name, s): (String, &f64)| match name.as_str() {
            "harmony_mean" | "perceptr_mean" => s * 1e-5,
            "rms_mean" => 0.01 + s.abs(),
            name if name.ends_with("_var") => 1e-4 + s.abs(),
            _ => 1.0 + 100.0 * s.abs(),
        };
        Schema::Gtzan
            .names()
            .into_iter()
            .zip(seed.iter().cycle())
            .map(value)
            .collect()
    }

    fn louder(row: &[f64], gain: f64) -> Vec<f64> {
        let change = |(name, v): (String, &f64)| match name.as_str() {
            "rms_mean" | "harmony_mean" | "perceptr_mean" => v * gain,
            "rms_var" | "harmony_var" | "perceptr_var" => v * gain * gain,
            "mfcc1_mean" => v + 128f64.sqrt() * 20.0 * gain.log10(),
            _ => *v,
        };
        Schema::Gtzan.names().into_iter().zip(row).map(change).collect()
    }

    proptest! {
        #[test]
        fn gain_cannot_be_seen(seed in prop::collection::vec(-1.0..1.0f64, 57), db in -40.0..40.0f64) {
            let inputs = INVARIANT.build().unwrap();
            let row = row(&seed);
            let a = inputs.apply(&row).unwrap();
            let b = inputs.apply(&louder(&row, 10f64.powf(db / 20.0))).unwrap();
            for (a, b) in a.iter().zip(&b) {
                prop_assert!((a - b).abs() < 1e-9 * (1.0 + a.abs()), "{} {}", a, b);
            }
        }

        #[test]
        fn a_change_of_the_top_bands_cannot_be_seen(seed in prop::collection::vec(-1.0..1.0f64, 57),
                                                    level in -60.0..60.0f64, tilt in -5.0..5.0f64) {
            let inputs = INVARIANT.build().unwrap();
            let row = row(&seed);
            let mut cut = row.clone();
            for band in 120..128 {
                let db = level + tilt * (band as f64 - 120.0);
                for coefficient in 0..20 {
                    let norm = if coefficient == 0 { 1.0 / 128.0 } else { 2.0 / 128.0 };
                    let angle = std::f64::consts::PI * coefficient as f64 * (band as f64 + 0.5) / 128.0;
                    cut[17 + 2 * coefficient] += db * f64::sqrt(norm) * angle.cos();
                }
            }
            let (a, b) = (inputs.apply(&row).unwrap(), inputs.apply(&cut).unwrap());
            for (a, b) in a.iter().zip(&b) {
                prop_assert!((a - b).abs() < 1e-9 * (1.0 + a.abs()), "{} {}", a, b);
            }
        }

        #[test]
        fn any_finite_row_gives_finite_inputs(seed in prop::collection::vec(any::<f64>(), 57)) {
            let row: Vec<f64> = seed.iter().map(|v| if v.is_finite() { *v } else { 0.0 }).collect();
            for params in [INVARIANT, InputsParams::Raw] {
                prop_assert!(params.build().unwrap().apply(&row).unwrap().iter().all(|v| v.is_finite()));
            }
        }
    }

    #[test]
    fn faults_are_named() {
        let inputs = INVARIANT.build().unwrap();
        assert!(
            inputs
                .apply(&[1.0])
                .unwrap_err()
                .to_string()
                .contains("1 values where schema gtzan has 57")
        );
        let mut values = vec![1.0; 57];
        values[16] = f64::INFINITY;
        assert!(
            inputs
                .apply(&values)
                .unwrap_err()
                .to_string()
                .contains("tempo is inf")
        );
        let unknown = vec![Input::new("x").raw("loudness", 1.0)];
        assert!(
            Inputs::new(Schema::Gtzan, unknown)
                .unwrap_err()
                .to_string()
                .contains("`loudness`")
        );
        let odd = InputsParams::Invariant {
            top_bands: 1,
            directions: 2,
            mfcc_variances: 0,
        };
        assert!(odd.build().is_err());
    }
}
