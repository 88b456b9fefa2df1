//! Steps that project the inputs on a few directions: principal components and linear discriminants.

use ndarray::{Array1, Array2, Axis, Slice};
use serde::{Deserialize, Serialize};

use crate::payload::{Reader, Writer};
use crate::{Error, Examples, Result, eigen};

/// Directions within classes shorter than this, inputs scaled to deviation 1, count as none (scikit-learn's `tol`).
const LEAST_WITHIN: f64 = 1e-4;

/// How many principal components are kept.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Components {
    /// This many, and never more than there are inputs or rows.
    Count(usize),
    /// As many as explain more than this share of the variance, between 0 and 1.
    Share(f64),
}

/// Parameters of principal components.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PcaParams {
    /// How many: a whole number, or a share of the variance such as `0.95`.
    pub components: Components,
    /// Whether every component is brought to variance 1 (divisor rows - 1).
    #[serde(default)]
    pub whiten: bool,
}

impl PcaParams {
    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error::Params`] for no components or a share that is none.
    pub fn check(&self) -> Result<()> {
        let sound = match self.components {
            Components::Count(count) => count > 0,
            Components::Share(share) => 0.0 < share && share < 1.0,
        };
        if sound {
            return Ok(());
        }
        Err(Error::Params {
            estimator: "pca",
            message: format!("components is {:?}", self.components),
        })
    }

    /// Finds the directions of greatest variance (scikit-learn's `PCA`, signs included).
    ///
    /// # Errors
    /// As [`PcaParams::check`]; [`Error::Examples`] when nothing varies, or numbers are too large to be squared.
    pub fn fit(&self, examples: &Examples) -> Result<Projection> {
        self.check()?;
        let rows = examples.y().len();
        let mean = examples.x().mean_axis(Axis(0)).unwrap_or_default();
        let centred = examples.x() - &mean;
        let covariance = centred.t().dot(&centred) / (rows - 1) as f64;
        finite(&covariance)?;
        let (values, vectors) = eigen::symmetric(covariance);
        let values = values.mapv(|v| v.max(0.0));
        let total = values.sum();
        if total <= 0.0 {
            return Err(Error::Examples("no input varies".to_owned()));
        }
        let most = values.len().min(rows);
        let kept = match self.components {
            Components::Count(count) => count.min(most),
            Components::Share(share) => {
                let mut sum = 0.0;
                let below = values.iter().take_while(|&&value| {
                    sum += value;
                    sum / total <= share
                });
                (below.count() + 1).min(most)
            }
        };
        let mut directions = vectors.slice_axis(Axis(0), Slice::from(..kept)).to_owned();
        if self.whiten {
            let least = f64::EPSILON * values[0];
            for (mut direction, &value) in directions.rows_mut().into_iter().zip(&values) {
                direction /= value.max(least).sqrt();
            }
        }
        Ok(Projection {
            mean,
            directions,
            kind: Kind::Pca,
        })
    }
}

/// Parameters of linear discriminants.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LdaParams {
    /// How many, never more than there are classes less one; without, all of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub components: Option<usize>,
}

impl LdaParams {
    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error::Params`] for no components.
    pub fn check(&self) -> Result<()> {
        if self.components != Some(0) {
            return Ok(());
        }
        Err(Error::Params {
            estimator: "lda",
            message: "components is 0".to_owned(),
        })
    }

    /// Finds the directions in which classes lie farthest apart, measured by how much their rows differ
    /// (scikit-learn's `LinearDiscriminantAnalysis(solver="svd")`); the greatest entry of each is positive.
    ///
    /// # Errors
    /// As [`LdaParams::check`]; [`Error::Examples`] when nothing varies within classes or nothing between them.
    pub fn fit(&self, examples: &Examples) -> Result<Projection> {
        self.check()?;
        let (rows, inputs) = examples.x().dim();
        let mean = examples.x().mean_axis(Axis(0)).unwrap_or_default();
        let (means, within) = class_means(examples);
        let deviation = within.map_axis(Axis(0), |column| {
            let d = (column.dot(&column) / rows as f64).sqrt();
            if d > 0.0 { d } else { 1.0 }
        });
        let scaled = within / &deviation;
        let covariance = scaled.t().dot(&scaled) / rows as f64;
        finite(&covariance)?;
        let (values, vectors) = eigen::symmetric(covariance);
        let rank = values
            .iter()
            .filter(|&&v| v > LEAST_WITHIN * LEAST_WITHIN)
            .count();
        if rank == 0 {
            return Err(Error::Examples("no input varies within the classes".to_owned()));
        }
        // Columns: directions in which the classes' rows have covariance 1.
        let mut whitening = Array2::zeros((inputs, rank));
        for ((mut column, vector), value) in whitening
            .columns_mut()
            .into_iter()
            .zip(vectors.rows())
            .zip(&values)
        {
            column.assign(&(&vector / &deviation / value.sqrt()));
        }
        let present = examples.present();
        let counts = examples.counts();
        let mut between = Array2::zeros((present.len(), inputs));
        for (mut row, &class) in between.rows_mut().into_iter().zip(&present) {
            let weight = (counts[class] as f64 / (present.len() - 1) as f64).sqrt();
            row.assign(&((&means.row(class) - &mean) * weight));
        }
        let between = between.dot(&whitening);
        let (values, vectors) = eigen::symmetric(between.t().dot(&between));
        let least = (LEAST_WITHIN * LEAST_WITHIN) * values[0];
        let most = (present.len() - 1).min(values.iter().filter(|&&v| v > least && v > 0.0).count());
        if most == 0 {
            return Err(Error::Examples("the classes have the same means".to_owned()));
        }
        let kept = self.components.map_or(most, |count| count.min(most));
        let mut directions = vectors
            .slice_axis(Axis(0), Slice::from(..kept))
            .dot(&whitening.t());
        for mut direction in directions.rows_mut() {
            let greatest = direction.fold(0.0f64, |most, &v| if v.abs() > most.abs() { v } else { most });
            direction *= greatest.signum();
        }
        Ok(Projection {
            mean,
            directions,
            kind: Kind::Lda,
        })
    }
}

/// The mean of each class, and the rows less their class' mean.
fn class_means(examples: &Examples) -> (Array2<f64>, Array2<f64>) {
    let mut means = Array2::<f64>::zeros((examples.classes(), examples.x().ncols()));
    for (row, &class) in examples.x().rows().into_iter().zip(examples.y()) {
        let mut mean = means.row_mut(class);
        mean += &row;
    }
    for (mut mean, count) in means.rows_mut().into_iter().zip(examples.counts()) {
        mean /= count.max(1) as f64;
    }
    let within = examples.x() - &means.select(Axis(0), examples.y());
    (means, within)
}

fn finite(matrix: &Array2<f64>) -> Result<()> {
    if matrix.iter().all(|v| v.is_finite()) {
        Ok(())
    } else {
        Err(Error::Examples("the variance of an input overflows".to_owned()))
    }
}

/// What was projected on, for the names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Pca,
    Lda,
}

/// Subtracts a mean and projects on directions.
#[derive(Debug, Clone, PartialEq)]
pub struct Projection {
    mean: Array1<f64>,
    /// Shape (directions, inputs).
    directions: Array2<f64>,
    kind: Kind,
}

impl Projection {
    /// The scores of rows, shape (rows, directions).
    pub fn transform(&self, x: &Array2<f64>) -> Array2<f64> {
        // Rows no training ever saw may overflow; what follows shall have numbers.
        (x - &self.mean).dot(&self.directions.t()).mapv(|v| {
            if v.is_nan() {
                0.0
            } else {
                v.clamp(f64::MIN, f64::MAX)
            }
        })
    }

    /// The directions, shape (directions, inputs).
    pub fn directions(&self) -> &Array2<f64> {
        &self.directions
    }

    /// The number of inputs and of directions.
    pub fn shape(&self) -> (usize, usize) {
        (self.directions.ncols(), self.directions.nrows())
    }

    /// `pca 1`, `pca 2`, ... or `lda 1`, ...
    pub fn names(&self) -> Vec<String> {
        let name = match self.kind {
            Kind::Pca => "pca",
            Kind::Lda => "lda",
        };
        (1..=self.directions.nrows())
            .map(|number| format!("{name} {number}"))
            .collect()
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.tag(match self.kind {
            Kind::Pca => 0,
            Kind::Lda => 1,
        });
        out.exact(&self.mean.to_vec());
        out.exact_matrix(&self.directions);
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<Projection> {
        let kind = match input.tag()? {
            0 => Kind::Pca,
            1 => Kind::Lda,
            tag => return Err(Error::Model(format!("unknown projection {tag}"))),
        };
        let (mean, directions) = (Array1::from(input.exact()?), input.exact_matrix()?);
        if mean.len() != directions.ncols() || directions.is_empty() || mean.iter().any(|v| !v.is_finite()) {
            return Err(Error::Model("malformed projection".to_owned()));
        }
        Ok(Projection {
            mean,
            directions,
            kind,
        })
    }
}
