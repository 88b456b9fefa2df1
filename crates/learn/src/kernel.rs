//! Kernel ridge classification with a Mahalanobis distance learned from the examples.
//!
//! Distances are measured in units of how much clips of one genre differ: with S the covariance of the inputs
//! within classes, shrunk as `S + shrinkage · mean(diag S) · I`, the distance of two rows is
//! `d² = (a - b)ᵀ S⁻¹ (a - b)`. The kernel is Matérn's with smoothness 3/2,
//! `k = (1 + √(3γ) d) exp(-√(3γ) d)` (Rasmussen and Williams, "Gaussian Processes for Machine Learning",
//! 2006, equation 4.17), which is a Gaussian process' view of a smooth but not too smooth function. Scores
//! for every class are fitted by ridge regression on the 0/1 class indicators, over a subset of the rows as landmarks
//! (subset of regressors, ibid. section 8.3.1): `(KᵀWK + λ K_m) A = KᵀW (Y - 1/classes)`. Probabilities are the softmax of
//! the scores times `sharpness`.

use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

use crate::linalg::{cholesky, solve_cholesky, solve_lower};
use crate::payload::{Reader, Writer};
use crate::rng::Rng;
use crate::{Error, Examples, Result, softmax_rows};

/// Parameters of [`KernelRidge`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KernelRidgeParams {
    /// The inverse squared length scale of the kernel.
    pub gamma: f64,
    /// The ridge penalty.
    pub lambda: f64,
    /// How far the within-class covariance is drawn to a multiple of the identity.
    pub shrinkage: f64,
    /// The number of training rows kept as landmarks.
    pub landmarks: usize,
    /// The factor of the scores before the softmax.
    pub sharpness: f64,
    /// Whether classes weigh the same whatever their number of rows.
    #[serde(default)]
    pub balanced: bool,
    /// Picks the landmarks.
    pub seed: u64,
}

impl KernelRidgeParams {
    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error::Params`] naming the first that is out of range.
    pub fn check(&self) -> Result<()> {
        let named = [
            ("gamma", self.gamma),
            ("lambda", self.lambda),
            ("shrinkage", self.shrinkage),
            ("sharpness", self.sharpness),
        ];
        let fault = |message: String| {
            Err(Error::Params {
                estimator: "kernel ridge",
                message,
            })
        };
        match named
            .iter()
            .find(|(_, value)| !(*value > 0.0 && value.is_finite()))
        {
            Some((name, value)) => fault(format!("{name} is {value}")),
            None if self.landmarks == 0 => fault("no landmarks".to_owned()),
            None => Ok(()),
        }
    }

    /// Fits metric and scores.
    ///
    /// # Errors
    /// As [`KernelRidgeParams::check`], and [`Error::Examples`] when a matrix is singular.
    pub fn fit(&self, examples: &Examples) -> Result<KernelRidge> {
        self.check()?;
        let factor = cholesky(self.within_class_covariance(examples))?;
        let whitening = solve_lower(factor.view(), Array2::eye(factor.nrows())).reversed_axes();
        let whitening = whitening.as_standard_layout().into_owned();
        let rows = examples.x().dot(&whitening);
        let picked = Rng::new(self.seed).sample(rows.nrows(), self.landmarks);
        let landmarks = rows.select(Axis(0), &picked);
        let mut kernel = matern(&rows, &landmarks, self.gamma);
        let between = kernel.select(Axis(0), &picked);

        let present = examples.present();
        let prior = 1.0 / present.len() as f64;
        let weights = examples.weights(self.balanced);
        let mut targets = Array2::zeros((rows.nrows(), examples.classes()));
        for (mut target, &class) in targets.rows_mut().into_iter().zip(examples.y()) {
            present.iter().for_each(|&other| target[other] = -prior);
            target[class] += 1.0;
        }
        for ((mut row, mut target), weight) in
            kernel.rows_mut().into_iter().zip(targets.rows_mut()).zip(weights)
        {
            row *= weight.sqrt();
            target *= weight.sqrt();
        }
        let mut normal = kernel.t().dot(&kernel) + self.lambda * between;
        normal
            .diag_mut()
            .mapv_inplace(|v| v + 1e-8 * self.lambda.max(1.0));
        let coefficients = solve_cholesky(cholesky(normal)?.view(), kernel.t().dot(&targets));
        let mut offsets = vec![f64::NEG_INFINITY; examples.classes()];
        present.iter().for_each(|&class| offsets[class] = 0.0);
        Ok(KernelRidge {
            whitening,
            landmarks,
            coefficients,
            offsets,
            gamma: self.gamma,
            sharpness: self.sharpness,
        })
    }

    fn within_class_covariance(&self, examples: &Examples) -> Array2<f64> {
        let mut means = Array2::<f64>::zeros((examples.classes(), examples.x().ncols()));
        for (row, &class) in examples.x().rows().into_iter().zip(examples.y()) {
            let mut mean = means.row_mut(class);
            mean += &row;
        }
        for (mut mean, count) in means.rows_mut().into_iter().zip(examples.counts()) {
            mean /= count.max(1) as f64;
        }
        let residual = examples.x() - &means.select(Axis(0), examples.y());
        let mut covariance = residual.t().dot(&residual) / examples.y().len() as f64;
        let mean_variance = covariance.diag().mean().unwrap_or(0.0).max(f64::MIN_POSITIVE);
        covariance
            .diag_mut()
            .mapv_inplace(|v| v + self.shrinkage * mean_variance);
        covariance
    }
}

/// A fitted kernel ridge classifier.
#[derive(Debug, Clone, PartialEq)]
pub struct KernelRidge {
    /// Maps inputs to where distances are Euclidean, shape (inputs, inputs).
    whitening: Array2<f64>,
    /// Shape (landmarks, inputs), already mapped.
    landmarks: Array2<f64>,
    /// Shape (landmarks, classes).
    coefficients: Array2<f64>,
    /// 0, or minus infinity for a class without training rows.
    offsets: Vec<f64>,
    gamma: f64,
    sharpness: f64,
}

impl KernelRidge {
    /// The probability of each class for each row, shape (rows, classes).
    pub fn predict_proba(&self, x: &Array2<f64>) -> Array2<f64> {
        let kernel = matern(&x.dot(&self.whitening), &self.landmarks, self.gamma);
        let mut scores = kernel.dot(&self.coefficients) * self.sharpness;
        for mut row in scores.rows_mut() {
            row.iter_mut()
                .zip(&self.offsets)
                .for_each(|(score, offset)| *score += offset);
        }
        softmax_rows(&mut scores);
        scores
    }

    pub(crate) fn shape(&self) -> (usize, usize) {
        (self.whitening.nrows(), self.coefficients.ncols())
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.matrix(&self.whitening);
        out.matrix(&self.landmarks);
        out.matrix(&self.coefficients);
        out.vector(&self.offsets);
        out.vector(&[self.gamma, self.sharpness]);
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<KernelRidge> {
        let (whitening, landmarks, coefficients) = (input.matrix()?, input.matrix()?, input.matrix()?);
        let (offsets, scalars) = (input.vector()?, input.vector()?);
        let malformed = || Error::Model("malformed kernel ridge".to_owned());
        let [gamma, sharpness] = scalars[..] else {
            return Err(malformed());
        };
        let sound = whitening.ncols() == landmarks.ncols()
            && landmarks.nrows() == coefficients.nrows()
            && coefficients.ncols() == offsets.len()
            && offsets.contains(&0.0)
            && offsets
                .iter()
                .all(|&offset| offset == 0.0 || offset == f64::NEG_INFINITY)
            && [gamma, sharpness].iter().all(|v| *v > 0.0 && v.is_finite());
        if !sound {
            return Err(malformed());
        }
        Ok(KernelRidge {
            whitening,
            landmarks,
            coefficients,
            offsets,
            gamma,
            sharpness,
        })
    }
}

/// Matérn 3/2 between the rows of `a` and those of `b`, shape (rows of a, rows of b).
fn matern(a: &Array2<f64>, b: &Array2<f64>, gamma: f64) -> Array2<f64> {
    let squares = |m: &Array2<f64>| m.map_axis(Axis(1), |row| row.dot(&row));
    let (of_a, of_b) = (squares(a), squares(b));
    let mut kernel = a.dot(&b.t());
    for (mut row, a) in kernel.rows_mut().into_iter().zip(of_a) {
        for (value, b) in row.iter_mut().zip(&of_b) {
            let distance = (3.0 * gamma * (a + b - 2.0 * *value).max(0.0)).sqrt();
            *value = if distance.is_finite() {
                (1.0 + distance) * (-distance).exp()
            } else {
                0.0
            };
        }
    }
    kernel
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    const PARAMS: KernelRidgeParams = KernelRidgeParams {
        gamma: 0.5,
        lambda: 0.01,
        shrinkage: 0.1,
        landmarks: 100,
        sharpness: 5.0,
        balanced: true,
        seed: 1,
    };

    #[test]
    fn what_no_line_separates_is_learned() {
        let corners = [(0.0, 0.0, 0), (1.0, 1.0, 0), (0.0, 1.0, 2), (1.0, 0.0, 2)];
        let x = Array2::from_shape_fn((40, 2), |(i, j)| {
            let (a, b, _) = corners[i % 4];
            let jitter = ((i * 7 + j * 3) % 11) as f64 / 110.0;
            (if j == 0 { a } else { b }) + jitter
        });
        let y = (0..40).map(|i| corners[i % 4].2).collect();
        let model = PARAMS.fit(&Examples::new(x, y, 3).unwrap()).unwrap();
        let p = model.predict_proba(&array![[0.05, 0.05], [0.05, 1.05]]);
        assert!(p[[0, 0]] > 0.8 && p[[1, 2]] > 0.8, "{p}");
        assert_eq!(p.column(1).sum(), 0.0, "a class without rows");
    }

    #[test]
    fn parameters_are_checked() {
        let faulty = [
            KernelRidgeParams { gamma: 0.0, ..PARAMS },
            KernelRidgeParams {
                lambda: -1.0,
                ..PARAMS
            },
            KernelRidgeParams {
                sharpness: f64::INFINITY,
                ..PARAMS
            },
            KernelRidgeParams {
                landmarks: 0,
                ..PARAMS
            },
        ];
        assert!(faulty.iter().all(|params| params.check().is_err()));
    }

    #[test]
    fn constant_inputs_are_borne() {
        let x = array![[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]];
        let model = PARAMS
            .fit(&Examples::new(x.clone(), vec![0, 1, 1], 2).unwrap())
            .unwrap();
        assert!(model.predict_proba(&x).iter().all(|p| p.is_finite()));
    }
}
