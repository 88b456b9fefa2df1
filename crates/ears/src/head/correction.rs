//! What a ridge regression towards zero adds to the genres' shares, from the layer before the tags.
//!
//! Unregularised, such a layer learns to know artists again; the penalty keeps the correction small against the tags' word.

use melisma_learn::linalg::{cholesky, solve_cholesky};
use ndarray::{Array2, ArrayView1, Axis};
use serde::{Deserialize, Serialize};

use super::{Ear, Said};
use crate::weights::Fault;

/// The ears whose inner layers the correction sees.
const SEES: [Ear; 2] = [Ear::Msd, Ear::Mtt];

/// A linear correction of genres' shares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Correction {
    genres: Vec<String>,
    mean: Vec<f64>,
    scale: Vec<f64>,
    /// For each genre, a weight for each input.
    weights: Vec<Vec<f64>>,
}

impl Correction {
    /// Learns what is missing between the shares found and the truth.
    ///
    /// `shares` holds a row for each clip and a column for each genre, `truth` the columns of the clips' own genres;
    /// `penalty` is in units of an input's variance.
    ///
    /// # Errors
    /// When a clip was not heard by the two taggers.
    pub fn fit(
        genres: &[&str],
        said: &[&Said],
        shares: &Array2<f64>,
        truth: &[usize],
        penalty: f64,
    ) -> Result<Correction, Fault> {
        let rows: Vec<Vec<f64>> = said
            .iter()
            .map(|said| inputs(said).ok_or_else(|| Fault::new("a clip was not heard by both taggers")))
            .collect::<Result<_, _>>()?;
        let width = rows.first().map_or(0, Vec::len);
        if rows.iter().any(|row| row.len() != width) {
            return Err(Fault::new("clips were heard by different ears"));
        }
        let x = Array2::from_shape_fn((rows.len(), width), |(i, j)| rows[i][j]);
        let mean = x.mean_axis(Axis(0)).unwrap_or_default();
        let scale = x.std_axis(Axis(0), 0.0).mapv(|s| s + 1e-3);
        let z = (&x - &mean) / &scale;
        let mut missing = -shares;
        for (row, &genre) in truth.iter().enumerate() {
            missing[[row, genre]] += 1.0;
        }
        let mut kernel = z.dot(&z.t()) / width.max(1) as f64;
        kernel.diag_mut().mapv_inplace(|d| d + penalty);
        let factor = cholesky(kernel).map_err(|_| Fault::new("the clips do not determine a correction"))?;
        let dual = solve_cholesky(factor.view(), missing);
        let weights = dual.t().dot(&z) / width.max(1) as f64;
        let rounded = |values: ArrayView1<f64>| values.iter().map(|v| digits(*v)).collect::<Vec<_>>();
        Ok(Correction {
            genres: genres.iter().map(|&genre| genre.to_owned()).collect(),
            mean: rounded(mean.view()),
            scale: rounded(scale.view()),
            weights: weights.outer_iter().map(rounded).collect(),
        })
    }

    pub(crate) fn check(&self) -> Result<(), Fault> {
        let finite = |values: &[f64]| values.iter().all(|v| v.is_finite());
        let width = self.mean.len();
        let fits = self.scale.len() == width
            && self.weights.len() == self.genres.len()
            && self.weights.iter().all(|w| w.len() == width && finite(w))
            && finite(&self.mean)
            && self.scale.iter().all(|s| s.is_finite() && *s > 0.0);
        match fits {
            true => Ok(()),
            false => Err(Fault::new("the correction's numbers do not fit together")),
        }
    }

    /// Adds the correction to the shares of `genres`, if these are the genres it was learned for and its ears were there.
    pub(crate) fn apply(&self, genres: &[&str], said: &Said, shares: &mut [f64]) {
        let Some(x) = inputs(said).filter(|x| x.len() == self.mean.len()) else {
            return;
        };
        if self.genres != genres {
            return;
        }
        for (share, weights) in shares.iter_mut().zip(&self.weights) {
            let adds: f64 = (0..x.len())
                .map(|j| weights[j] * (x[j] - self.mean[j]) / self.scale[j])
                .sum();
            *share = (*share + adds).max(1e-4);
        }
        let sum: f64 = shares.iter().sum();
        shares.iter_mut().for_each(|share| *share /= sum);
    }
}

/// The inner layers side by side; `None` where an ear is missing.
fn inputs(said: &Said) -> Option<Vec<f64>> {
    let parts: Option<Vec<&Vec<f64>>> = SEES.iter().map(|ear| said.inner.get(ear)).collect();
    Some(parts?.into_iter().flatten().copied().collect())
}

/// Six significant digits: the rest is noise, and costs a file that people may want to read.
fn digits(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}
