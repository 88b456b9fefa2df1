//! Principal components: from a table, or from the moments of one too large to hold.
//!
//! The components are eigenvectors of the covariance (or, standardised, of the correlation) of the columns. Values and
//! signs equal scikit-learn's `PCA`, after `StandardScaler` where standardised: the entry of a component that is greatest in
//! size is positive (`svd_flip`, decided by the components).

use ndarray::{Array1, Array2, ArrayView2, Axis, Slice};

use crate::moments::Covariance;
use crate::{Error, Result, eigen};

/// What is done to the columns first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scaling {
    /// The mean is taken off.
    Centre,
    /// The mean is taken off, and what is left is divided by the population standard deviation (a constant column stays 0).
    Standardise,
}

/// Principal components.
#[derive(Debug, Clone, PartialEq)]
pub struct Pca {
    /// What is taken off the columns, shape (features).
    pub mean: Array1<f64>,
    /// What the columns are then divided by, shape (features); 1 when not standardised, and for constant columns.
    pub scale: Array1<f64>,
    /// The directions, of length 1 and at right angles, the one of greatest variance first, shape (components, features).
    pub components: Array2<f64>,
    /// The variance of the scores of each component (divisor rows - 1), shape (components).
    pub explained_variance: Array1<f64>,
    /// Its share in the variance of all columns, shape (components); 0 when nothing varies.
    pub explained_variance_ratio: Array1<f64>,
}

impl Pca {
    /// The first `components` components of a table that is at hand, shape (rows, features).
    ///
    /// # Errors
    /// As [`Pca::from_covariance`], and [`Error::Rows`] when a value is not finite.
    pub fn fit(rows: ArrayView2<f64>, components: usize, scaling: Scaling, threads: usize) -> Result<Self> {
        crate::error::check_rows(rows, 3)?;
        Pca::from_covariance(&Covariance::of(rows, threads)?, components, scaling)
    }

    /// The first `components` components of a table whose moments are known; fewer when the table has fewer columns or
    /// rows than that.
    ///
    /// # Errors
    /// [`Error::Rows`] for fewer than 3 rows or no columns, [`Error::Params`] for no components.
    pub fn from_covariance(covariance: &Covariance, components: usize, scaling: Scaling) -> Result<Self> {
        if components == 0 {
            return Error::params("principal components", "no components asked for");
        }
        let count = covariance.count();
        if count < 3 || covariance.columns() == 0 {
            return Err(Error::Rows(format!(
                "{} columns and {count} rows without a missing value; principal components need 3 rows",
                covariance.columns()
            )));
        }
        let mut matrix = covariance.matrix(1)?;
        let scale = match scaling {
            Scaling::Centre => Array1::ones(covariance.columns()),
            Scaling::Standardise => covariance
                .standard_deviations()?
                .mapv(|sd| if sd > 0.0 { sd } else { 1.0 }),
        };
        for ((row, column), value) in matrix.indexed_iter_mut() {
            *value = *value / scale[row] / scale[column];
        }
        if matrix.iter().any(|value| !value.is_finite()) {
            return Err(Error::Rows("the variance of a column overflows".to_owned()));
        }
        let total = matrix.diag().sum();
        let (values, vectors) = eigen::symmetric(matrix)?;
        let kept = components
            .min(values.len())
            .min(usize::try_from(count).unwrap_or(usize::MAX));
        let mut components = vectors.slice_axis(Axis(0), Slice::from(..kept)).to_owned();
        components.rows_mut().into_iter().for_each(turn);
        // Rounding may leave a variance of nothing a little below it.
        let explained_variance: Array1<f64> = values.iter().take(kept).map(|value| value.max(0.0)).collect();
        let share = |variance: f64| if total > 0.0 { variance / total } else { 0.0 };
        Ok(Pca {
            mean: covariance.mean().to_owned(),
            scale,
            components,
            explained_variance_ratio: explained_variance.mapv(share),
            explained_variance,
        })
    }

    /// The same with the first `components` components alone.
    pub(crate) fn truncated(mut self, components: usize) -> Self {
        let kept = Slice::from(..components.min(self.components.nrows()));
        self.components = self.components.slice_axis(Axis(0), kept).to_owned();
        self.explained_variance = self.explained_variance.slice_axis(Axis(0), kept).to_owned();
        self.explained_variance_ratio = self.explained_variance_ratio.slice_axis(Axis(0), kept).to_owned();
        self
    }

    /// The scores of rows, shape (rows, components).
    ///
    /// # Errors
    /// [`Error::Rows`] when the number of columns is another or a value is not finite.
    pub fn transform(&self, rows: ArrayView2<f64>) -> Result<Array2<f64>> {
        if rows.ncols() != self.mean.len() {
            return Err(Error::Rows(format!(
                "{} columns where {} are expected",
                rows.ncols(),
                self.mean.len()
            )));
        }
        crate::error::check_rows(rows, 0)?;
        Ok(((&rows - &self.mean) / &self.scale).dot(&self.components.t()))
    }

    /// The rows that scores of shape (rows, components) stand for, in the units of the table.
    ///
    /// # Errors
    /// [`Error::Rows`] when the number of columns is not that of the components.
    pub fn inverse_transform(&self, scores: ArrayView2<f64>) -> Result<Array2<f64>> {
        if scores.ncols() != self.components.nrows() {
            return Err(Error::Rows(format!(
                "{} scores where {} are expected",
                scores.ncols(),
                self.components.nrows()
            )));
        }
        Ok(scores.dot(&self.components) * &self.scale + &self.mean)
    }
}

/// The columns of a table with mean 0 and population standard deviation 1, and 0 where a column is constant (as
/// scikit-learn's `StandardScaler`).
///
/// # Errors
/// [`Error::Rows`] for no rows, no columns, or a value that is not finite.
pub fn standardise(rows: ArrayView2<f64>, threads: usize) -> Result<Array2<f64>> {
    crate::error::check_rows(rows, 1)?;
    let covariance = Covariance::of(rows, threads)?;
    let scale = covariance.standard_deviations()?;
    let mut scaled = &rows - &covariance.mean();
    for (mut column, &sd) in scaled.columns_mut().into_iter().zip(&scale) {
        column.mapv_inplace(|value| if sd > 0.0 { value / sd } else { 0.0 });
    }
    Ok(scaled)
}

/// Makes the entry that is greatest in size positive; the first of equals decides.
fn turn(mut component: ndarray::ArrayViewMut1<f64>) {
    let mut greatest = 0.0_f64;
    for &value in &component {
        if value.abs() > greatest.abs() {
            greatest = value;
        }
    }
    if greatest < 0.0 {
        component.mapv_inplace(|value| -value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_line_has_one_component() {
        let rows = array![
            [1.0, 2.0, 5.0],
            [2.0, 4.0, 5.0],
            [3.0, 6.0, 5.0],
            [7.0, 14.0, 5.0]
        ];
        let pca = Pca::fit(rows.view(), 9, Scaling::Centre, 1).unwrap();
        assert!((pca.explained_variance_ratio[0] - 1.0).abs() < 1e-12);
        assert!((pca.components[[0, 1]] - 2.0 / 5.0_f64.sqrt()).abs() < 1e-12);
        let restored = pca
            .inverse_transform(pca.transform(rows.view()).unwrap().view())
            .unwrap();
        assert!((&restored - &rows).iter().all(|d| d.abs() < 1e-12));
        let standardised = Pca::fit(rows.view(), 1, Scaling::Standardise, 1).unwrap();
        assert_eq!(standardised.scale[2], 1.0);
        let scaled = standardise(rows.view(), 1).unwrap();
        assert!(scaled.column(2).iter().all(|v| *v == 0.0));
    }

    #[test]
    fn nothing_varies() {
        let pca = Pca::fit(Array2::ones((4, 2)).view(), 2, Scaling::Standardise, 1).unwrap();
        assert_eq!(pca.explained_variance_ratio, array![0.0, 0.0]);
    }

    #[test]
    fn faults_are_errors() {
        let two = array![[1.0], [2.0]];
        assert!(Pca::fit(two.view(), 1, Scaling::Centre, 1).is_err());
        let huge = array![[1e300], [-1e300], [0.0]];
        assert!(Pca::fit(huge.view(), 1, Scaling::Centre, 1).is_err());
        let fine = array![[1.0, 0.0], [2.0, 1.0], [5.0, 2.0]];
        assert!(Pca::fit(fine.view(), 0, Scaling::Centre, 1).is_err());
        let pca = Pca::fit(fine.view(), 1, Scaling::Centre, 1).unwrap();
        assert!(pca.transform(two.view()).is_err());
        assert!(pca.inverse_transform(fine.view()).is_err());
    }
}
