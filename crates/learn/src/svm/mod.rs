//! Support vector machines: one for each pair of classes.
//!
//! Each pair is solved by sequential minimal optimisation (`smo.rs`) to LIBSVM's optimality condition, so decisions equal
//! scikit-learn's `SVC` within the tolerance (golden test). Small training sets share one kernel matrix among all pairs and
//! calibration folds; large ones compute its rows as they are needed and keep a bounded number (`rows.rs`).
//! Probabilities are Platt's, coupled over pairs (`platt.rs`). [`grid`] evaluates many parameters on one training set.

mod grid;
mod kernel;
mod model;
mod panels;
mod platt;
mod rows;
mod smo;
mod train;

use serde::{Deserialize, Serialize};

use crate::{Error, Examples, Result};

pub use grid::grid;
pub use kernel::Kernel;
pub use model::Svm;

use kernel::Function;
use train::Training;

/// The factor of distances or products in a kernel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "GammaText", into = "GammaText")]
pub enum Gamma {
    /// `1 / (inputs · variance of all training values)`, as scikit-learn; written `"scale"`.
    #[default]
    Scale,
    /// This number.
    Value(f64),
}

/// How a recipe writes a [`Gamma`].
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum GammaText {
    Value(f64),
    Name(String),
}

impl TryFrom<GammaText> for Gamma {
    type Error = String;

    fn try_from(text: GammaText) -> std::result::Result<Gamma, String> {
        match text {
            GammaText::Value(value) => Ok(Gamma::Value(value)),
            GammaText::Name(name) if name == "scale" => Ok(Gamma::Scale),
            GammaText::Name(name) => Err(format!("gamma is a number or \"scale\", not \"{name}\"")),
        }
    }
}

impl From<Gamma> for GammaText {
    fn from(gamma: Gamma) -> GammaText {
        match gamma {
            Gamma::Scale => GammaText::Name("scale".to_owned()),
            Gamma::Value(value) => GammaText::Value(value),
        }
    }
}

/// Parameters of [`Svm`]; names and defaults are scikit-learn's `SVC`, but that probabilities are on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SvmParams {
    /// The shape of the boundaries.
    pub kernel: Kernel,
    /// What a row on the wrong side costs.
    pub c: f64,
    /// The factor in the rbf and poly kernels.
    pub gamma: Gamma,
    /// The degree of the poly kernel, 1 to 10.
    pub degree: u32,
    /// The constant of the poly kernel.
    pub coef0: f64,
    /// Whether to fit probabilities, which takes about `folds` times as long as the machine.
    pub probability: bool,
    /// The folds of the cross-validation behind probabilities; rows of one group share a fold.
    pub folds: usize,
    /// Draws the folds.
    pub seed: u64,
    /// How far from optimal a solution may be, as LIBSVM measures it.
    pub tol: f64,
    /// Whether classes weigh the same whatever their number of rows.
    pub balanced: bool,
    /// Whether rows unlikely to matter any more are set aside while solving.
    pub shrinking: bool,
    /// The most iterations spent on one pair of classes. A pair that runs out of them keeps what it has, and
    /// [`Svm::converged`] says so.
    pub max_iter: usize,
    /// The room for kernel rows of all threads together, in MiB.
    pub cache_mb: usize,
}

impl Default for SvmParams {
    fn default() -> Self {
        SvmParams {
            kernel: Kernel::default(),
            c: 1.0,
            gamma: Gamma::default(),
            degree: 3,
            coef0: 0.0,
            probability: true,
            folds: 5,
            seed: 0,
            tol: 1e-3,
            balanced: false,
            shrinking: true,
            max_iter: 10_000_000,
            cache_mb: 200,
        }
    }
}

impl SvmParams {
    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error::Params`] naming the first that is out of range.
    pub fn check(&self) -> Result<()> {
        let fault = |message: String| {
            Err(Error::Params {
                estimator: "svm",
                message,
            })
        };
        if !(self.c > 0.0 && self.c <= 1e9) {
            return fault(format!("c is {}, not between 0 and 1e9", self.c));
        }
        if let Gamma::Value(gamma) = self.gamma
            && !(gamma > 0.0 && gamma.is_finite())
        {
            return fault(format!("gamma is {gamma}"));
        }
        if !(1..=model::HIGHEST_DEGREE).contains(&self.degree) || !self.coef0.is_finite() {
            return fault(format!("degree is {}, coef0 {}", self.degree, self.coef0));
        }
        if !(self.tol > 0.0 && self.tol <= 1.0) || self.max_iter == 0 {
            return fault(format!("tol is {}, max_iter {}", self.tol, self.max_iter));
        }
        if self.folds < 2 {
            return fault(format!("{} folds", self.folds));
        }
        if self.cache_mb > 1 << 20 {
            return fault(format!("cache_mb is {}", self.cache_mb));
        }
        Ok(())
    }

    /// Fits the machines; pairs of classes run on rayon's current pool, and the result does not depend on its size.
    ///
    /// # Errors
    /// As [`SvmParams::check`], and [`Error::Examples`] when inputs are so large that kernel values overflow.
    pub fn fit(&self, examples: &Examples) -> Result<Svm> {
        self.check()?;
        let training = Training::new(examples);
        let function = self.function(examples);
        let matrix = training.matrix(&function)?;
        let mut fitted = training.fit(self, &function, &matrix, &[self.c]);
        Ok(fitted.remove(0).svm)
    }

    /// The kernel on these examples. Parameters that mean nothing to it are set to fixed values, so that kernels can be compared.
    fn function(&self, examples: &Examples) -> Function {
        let gamma = match self.gamma {
            Gamma::Value(gamma) => gamma,
            Gamma::Scale => {
                let variance = examples.x().var(0.0);
                if variance > 0.0 && variance.is_finite() {
                    1.0 / (examples.x().ncols() as f64 * variance)
                } else {
                    1.0
                }
            }
        };
        Function {
            kind: self.kernel,
            gamma: if self.kernel == Kernel::Linear { 1.0 } else { gamma },
            coef0: if self.kernel == Kernel::Poly {
                self.coef0
            } else {
                0.0
            },
            degree: if self.kernel == Kernel::Poly {
                self.degree
            } else {
                3
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::{Reader, Writer};
    use crate::rng::Rng;
    use ndarray::{Array2, Axis, array};
    use proptest::prelude::*;

    /// Three overlapping classes in the plane, the third inputs constant.
    fn examples(seed: u64, n: usize, classes: [usize; 3], count: usize) -> Examples {
        let mut rng = Rng::new(seed);
        let mut draw = || rng.below(10_000) as f64 / 10_000.0;
        let mut x = Array2::ones((n, 3));
        let mut y = Vec::new();
        for (at, mut row) in x.rows_mut().into_iter().enumerate() {
            let angle = (at % 3) as f64 * 2.0;
            (row[0], row[1]) = (angle.sin() + 1.5 * draw(), angle.cos() + 1.5 * draw());
            y.push(classes[at % 3]);
        }
        Examples::new(x, y, count).unwrap()
    }

    fn bytes(model: &Svm) -> Vec<u8> {
        let mut out = Writer::default();
        model.write(&mut out);
        out.into_bytes()
    }

    #[test]
    fn gamma_is_a_number_or_scale() {
        let read = |text: &str| serde_json::from_str::<SvmParams>(text);
        assert_eq!(read("{}").unwrap(), SvmParams::default());
        assert_eq!(read(r#"{"gamma": 2}"#).unwrap().gamma, Gamma::Value(2.0));
        assert_eq!(read(r#"{"gamma": "scale"}"#).unwrap().gamma, Gamma::Scale);
        assert!(read(r#"{"gamma": "auto"}"#).is_err());
        let written = serde_json::to_string(&SvmParams::default()).unwrap();
        assert_eq!(read(&written).unwrap(), SvmParams::default());
    }

    #[test]
    fn bad_parameters_are_refused() {
        let faulty = [
            r#"{"c": 0}"#,
            r#"{"c": 1e300}"#,
            r#"{"gamma": -1}"#,
            r#"{"degree": 0}"#,
            r#"{"degree": 11}"#,
            r#"{"tol": 0}"#,
            r#"{"folds": 1}"#,
            r#"{"max_iter": 0}"#,
            r#"{"cache_mb": 2000000}"#,
        ];
        for text in faulty {
            assert!(
                serde_json::from_str::<SvmParams>(text).unwrap().check().is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn files_give_the_same_model_and_damage_is_noticed() {
        let params = SvmParams {
            kernel: Kernel::Poly,
            coef0: 1.0,
            ..SvmParams::default()
        };
        let model = params.fit(&examples(1, 30, [0, 1, 3], 4)).unwrap();
        let bytes = bytes(&model);
        let mut reader = Reader::new(&bytes);
        assert_eq!(Svm::read(&mut reader).unwrap(), model);
        reader.end().unwrap();
        for length in 0..bytes.len() {
            assert!(
                Svm::read(&mut Reader::new(&bytes[..length])).is_err(),
                "cut to {length}"
            );
        }
        for at in 0..bytes.len() {
            let mut forged = bytes.clone();
            forged[at] ^= 0x41;
            if let Ok(read) = Svm::read(&mut Reader::new(&forged)) {
                let x = Array2::ones((1, read.shape().0));
                read.predict_proba(&x);
                read.predict(&x);
            }
        }
    }

    #[test]
    fn a_class_without_rows_changes_nothing_for_the_others() {
        let (dense, sparse) = (examples(2, 60, [0, 1, 2], 3), examples(2, 60, [1, 3, 4], 6));
        let params = SvmParams::default();
        let (a, b) = (params.fit(&dense).unwrap(), params.fit(&sparse).unwrap());
        let (p, q) = (a.predict_proba(dense.x()), b.predict_proba(sparse.x()));
        assert_eq!(p, q.select(Axis(1), &[1, 3, 4]));
        assert_eq!(q.select(Axis(1), &[0, 2, 5]).sum(), 0.0);
        let moved: Vec<usize> = a
            .predict(dense.x())
            .iter()
            .map(|&class| [1, 3, 4][class])
            .collect();
        assert_eq!(b.predict(sparse.x()), moved);
    }

    #[test]
    fn contradictions_duplicates_and_constants_are_borne() {
        let x = array![[1.0, 2.0], [1.0, 2.0], [1.0, 2.0], [1.0, 2.0], [1.0, 2.0]];
        let examples = Examples::new(x.clone(), vec![0, 1, 1, 0, 2], 3).unwrap();
        for kernel in [Kernel::Linear, Kernel::Rbf, Kernel::Poly] {
            let params = SvmParams {
                kernel,
                c: 100.0,
                ..SvmParams::default()
            };
            let model = params.fit(&examples).unwrap();
            let p = model.predict_proba(&x);
            assert!(model.converged());
            assert!(
                p.sum_axis(Axis(1)).iter().all(|sum| (sum - 1.0).abs() < 1e-9),
                "{p}"
            );
        }
    }

    #[test]
    fn kernels_that_overflow_are_refused_and_far_rows_are_borne() {
        let huge = Examples::new(array![[1e20], [-1e20]], vec![0, 1], 2).unwrap();
        for kernel in [Kernel::Linear, Kernel::Rbf, Kernel::Poly] {
            let params = SvmParams {
                kernel,
                ..SvmParams::default()
            };
            assert!(
                params
                    .fit(&huge)
                    .unwrap_err()
                    .to_string()
                    .contains("scale the inputs")
            );
        }
        let model = SvmParams::default().fit(&examples(5, 30, [0, 1, 2], 3)).unwrap();
        let p = model.predict_proba(&array![[1e200, -1e200, 1e300]]);
        assert!((p.sum() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn votes_are_the_probabilities_of_machines_without_any() {
        let examples = examples(7, 60, [0, 1, 2], 3);
        let params = SvmParams {
            probability: false,
            ..SvmParams::default()
        };
        let model = params.fit(&examples).unwrap();
        let p = model.predict_proba(examples.x());
        assert!(p.iter().all(|&p| [0.0, 1.0 / 3.0, 2.0 / 3.0].contains(&p)));
        let top: Vec<usize> = p.rows().into_iter().map(crate::metrics::top).collect();
        assert_eq!(top, model.predict(examples.x()));
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let examples = examples(8, 120, [0, 1, 2], 3);
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| {
                let model = SvmParams::default().fit(&examples).unwrap();
                (model.predict_proba(examples.x()), model)
            })
        };
        assert_eq!(run(1), run(3));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]

        #[test]
        fn a_grid_answers_as_each_fit_alone(seed in any::<u64>(), balanced: bool) {
            let (train, test) = (examples(seed, 90, [0, 1, 2], 3), examples(!seed, 300, [0, 1, 2], 3));
            let mut candidates = Vec::new();
            for kernel in [Kernel::Linear, Kernel::Rbf, Kernel::Poly] {
                for c in [100.0, 0.1, 10.0] {
                    for gamma in [Gamma::Value(0.1), Gamma::Value(10.0), Gamma::Scale] {
                        candidates.push(SvmParams { kernel, c, gamma, balanced, ..SvmParams::default() });
                    }
                }
            }
            let answers = grid(&train, test.x(), &candidates).unwrap();
            prop_assert_eq!(answers.len(), candidates.len());
            for (answer, candidate) in answers.iter().zip(&candidates) {
                let alone = SvmParams { probability: false, ..candidate.clone() };
                prop_assert_eq!(answer, &alone.fit(&train).unwrap().predict(test.x()));
            }
        }
    }
}
