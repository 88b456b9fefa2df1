//! Steps, a classifier and its calibration as one: what a recipe fits on training rows and nothing else.

use std::sync::Arc;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::calibration::{Calibration, CalibrationParams};
use crate::classifier::{Classifier, ClassifierParams};
use crate::folds::out_of_fold;
use crate::metrics::{Prediction, top};
use crate::payload::{Reader, Writer};
use crate::step::{Step, StepParams};
use crate::{Error, Examples, Result};

/// Steps a pipeline may have.
const MOST_STEPS: usize = 16;

/// The parameters of a pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PipelineParams {
    /// What happens to the inputs, in this order.
    #[serde(default)]
    pub steps: Vec<StepParams>,
    /// What learns from them.
    pub classifier: ClassifierParams,
    /// How its probabilities are corrected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<CalibrationParams>,
}

impl PipelineParams {
    /// Checks the parameters of every part.
    ///
    /// # Errors
    /// [`Error::Params`] naming the first part at fault and its parameter.
    pub fn check(&self) -> Result<()> {
        if self.steps.len() > MOST_STEPS {
            return Err(Error::Params {
                estimator: "pipeline",
                message: format!("{} steps, at most {MOST_STEPS} are allowed", self.steps.len()),
            });
        }
        self.steps.iter().try_for_each(StepParams::check)?;
        self.classifier.check()?;
        self.calibration.as_ref().map_or(Ok(()), CalibrationParams::check)
    }

    /// Fits every step on what the ones before it make of the training rows, then the classifier, then its calibration.
    ///
    /// Calibration learns from out-of-fold predictions for which all steps were fitted again without the fold.
    ///
    /// # Errors
    /// As [`PipelineParams::check`], and whatever a part reports.
    pub fn fit(&self, examples: &Examples) -> Result<Pipeline> {
        self.check()?;
        let mut pipeline = self.fit_plain(examples)?;
        if let Some(params) = &self.calibration {
            let fold_of = params.folds_params().of(examples)?;
            let predicted = out_of_fold(examples, &fold_of, |train, test| {
                Ok(self.fit_plain(train)?.predict_proba(test))
            })?;
            pipeline.calibration = Some(params.fit(&predicted, examples));
        }
        Ok(pipeline)
    }

    fn fit_plain(&self, examples: &Examples) -> Result<Pipeline> {
        let (steps, made) = fit_steps(&self.steps, examples)?;
        let classifier = Arc::new(self.classifier.fit(&made)?);
        Pipeline::of(steps, classifier, None)
    }
}

/// Fits steps one after the other; returns them and what they make of the examples.
///
/// # Errors
/// Whatever a step reports; [`Error::Examples`] when one makes a value that is not finite.
pub fn fit_steps(params: &[StepParams], examples: &Examples) -> Result<(Vec<Step>, Examples)> {
    let mut made = examples.clone();
    let mut steps = Vec::with_capacity(params.len());
    for params in params {
        let step = params.fit(&made)?;
        let names = made.names().map(|names| step.names(names).into());
        made = made.with_x(step.transform(made.x().clone()), names)?;
        steps.push(step);
    }
    Ok((steps, made))
}

/// Fitted steps, classifier and calibration.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    steps: Vec<Step>,
    classifier: Arc<Classifier>,
    calibration: Option<Calibration>,
}

impl Pipeline {
    /// Puts fitted parts together.
    ///
    /// # Errors
    /// [`Error::Model`] when the parts do not fit one another.
    pub fn of(
        steps: Vec<Step>,
        classifier: Arc<Classifier>,
        calibration: Option<Calibration>,
    ) -> Result<Pipeline> {
        let (inputs, classes) = classifier.shape();
        let after = steps.iter().map(|step| step.shape().1);
        let before = steps.iter().map(|step| step.shape().0).skip(1).chain([inputs]);
        let classes_fit = calibration
            .as_ref()
            .and_then(Calibration::classes)
            .is_none_or(|count| count == classes);
        if steps.len() > MOST_STEPS || after.zip(before).any(|(a, b)| a != b) || !classes_fit {
            return Err(Error::Model(
                "the parts of a pipeline do not fit one another".to_owned(),
            ));
        }
        Ok(Pipeline {
            steps,
            classifier,
            calibration,
        })
    }

    /// The steps, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The classifier behind the steps.
    pub fn classifier(&self) -> &Arc<Classifier> {
        &self.classifier
    }

    /// The number of inputs before the steps, and of classes.
    pub fn shape(&self) -> (usize, usize) {
        let (inputs, classes) = self.classifier.shape();
        (self.steps.first().map_or(inputs, |step| step.shape().0), classes)
    }

    /// The names of the classifier's inputs, from the names before the steps.
    ///
    /// # Panics
    /// If there are more or fewer names than inputs.
    pub fn names(&self, before: &[String]) -> Vec<String> {
        self.steps
            .iter()
            .fold(before.to_vec(), |names, step| step.names(&names))
    }

    /// The classifier's inputs: what the steps make of rows, shape (rows, inputs after the steps).
    ///
    /// # Panics
    /// If `x` has another number of inputs than the examples had.
    pub fn transform(&self, x: &Array2<f64>) -> Array2<f64> {
        self.steps.iter().fold(x.clone(), |x, step| step.transform(x))
    }

    /// The probability of each class for each row, shape (rows, classes); every row sums to 1.
    ///
    /// # Panics
    /// If `x` has another number of inputs than the examples had.
    pub fn predict_proba(&self, x: &Array2<f64>) -> Array2<f64> {
        self.predict_transformed(&self.transform(x))
    }

    /// The probabilities of rows that have been through the steps already.
    ///
    /// # Panics
    /// If `x` has another number of inputs than the classifier.
    pub fn predict_transformed(&self, x: &Array2<f64>) -> Array2<f64> {
        let probabilities = self.classifier.predict_proba(x);
        match &self.calibration {
            Some(calibration) => calibration.apply(probabilities),
            None => probabilities,
        }
    }

    /// Probabilities and decisions at once.
    ///
    /// # Panics
    /// As [`Pipeline::predict_proba`].
    pub fn prediction(&self, x: &Array2<f64>) -> Prediction {
        let x = self.transform(x);
        let probabilities = self.predict_transformed(&x);
        match &*self.classifier {
            Classifier::Svm(machine) if self.calibration.is_none() => Prediction {
                classes: machine.predict(&x),
                probabilities,
            },
            _ => Prediction::most_probable(probabilities),
        }
    }

    /// How probabilities are corrected, if they are.
    pub fn calibration(&self) -> Option<&Calibration> {
        self.calibration.as_ref()
    }

    /// The class each row is taken for: by the calibrated probabilities, or as the classifier decides.
    ///
    /// # Panics
    /// As [`Pipeline::predict_proba`].
    pub fn predict(&self, x: &Array2<f64>) -> Vec<usize> {
        match self.calibration {
            Some(_) => self.predict_proba(x).rows().into_iter().map(top).collect(),
            None => self.classifier.predict(&self.transform(x)),
        }
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.tag(u8::try_from(self.steps.len()).unwrap_or(u8::MAX));
        self.steps.iter().for_each(|step| step.write(out));
        self.classifier.write(out);
        out.tag(u8::from(self.calibration.is_some()));
        if let Some(calibration) = &self.calibration {
            calibration.write(out);
        }
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<Pipeline> {
        let count = usize::from(input.tag()?);
        if count > MOST_STEPS {
            return Err(Error::Model(format!("{count} steps")));
        }
        let steps = (0..count).map(|_| Step::read(input)).collect::<Result<_>>()?;
        let classifier = Arc::new(Classifier::read(input)?);
        let calibration = match input.tag()? {
            0 => None,
            _ => Some(Calibration::read(input)?),
        };
        Pipeline::of(steps, classifier, calibration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A pipeline with every kind of step, ensemble and calibration somewhere in it.
    fn fitted() -> (Pipeline, Examples) {
        let x = Array2::from_shape_fn((60, 5), |(i, j)| {
            (1.7 * i as f64 + 2.3 * j as f64 + 0.4 * (i * j) as f64).sin()
        });
        let y: Vec<usize> = (0..60)
            .map(|i| (usize::from(x[[i, 0]] > 0.3) + usize::from(x[[i, 1]] > 0.0)) % 3)
            .collect();
        let examples = Examples::new(x, y, 3).unwrap();
        let params: PipelineParams = serde_json::from_str(
            r#"{"steps": [{"kind": "inputs", "inputs": {"kind": "raw"}}, {"kind": "standard", "limit": 4.0},
                {"kind": "robust"}, {"kind": "quantile", "distribution": "normal"}, {"kind": "pca", "components": 4},
                {"kind": "min_max"}, {"kind": "select", "method": "anova", "keep": 3}, {"kind": "lda"}],
              "classifier": {"kind": "stacking", "members": [
                {"kind": "voting", "members": [{"kind": "bayes"}, {"kind": "logistic"}], "weights": [2.0, 1.0]},
                {"kind": "voting", "members": [{"kind": "bayes"}]}]},
              "calibration": {"kind": "isotonic", "folds": 3}}"#,
        )
        .unwrap();
        (params.fit(&examples).unwrap(), examples)
    }

    fn bytes(pipeline: &Pipeline) -> Vec<u8> {
        let mut out = Writer::default();
        pipeline.write(&mut out);
        out.into_bytes()
    }

    #[test]
    fn a_pipeline_survives_its_bytes() {
        let (pipeline, examples) = fitted();
        let written = bytes(&pipeline);
        let mut input = Reader::new(&written);
        let read = Pipeline::read(&mut input).unwrap();
        input.end().unwrap();
        assert_eq!(bytes(&read), written);
        // Logistic regressions are rounded to 32 bits, and what a step function makes of that may jump.
        let (a, b) = (pipeline.predict(examples.x()), read.predict(examples.x()));
        assert!(a.iter().zip(&b).filter(|(a, b)| a != b).count() <= 1);
        let names: Vec<String> = "abcde".chars().map(String::from).collect();
        assert_eq!(read.names(&names), ["lda 1", "lda 2"]);
        assert_eq!((read.shape(), read.transform(examples.x()).ncols()), ((5, 3), 2));
        for kind in ["sigmoid", "temperature", "even"] {
            let kind = format!(r#"{{"kind": "{kind}"}}"#);
            let params: CalibrationParams = serde_json::from_str(&kind).unwrap();
            let p = pipeline.predict_proba(examples.x());
            let other = Pipeline {
                calibration: Some(params.fit(&p, &examples)),
                ..pipeline.clone()
            };
            let written = bytes(&other);
            let read = Pipeline::read(&mut Reader::new(&written)).unwrap();
            assert_eq!(read.calibration, other.calibration);
        }
    }

    #[test]
    fn ensembles_are_not_read_without_bound() {
        // Votes of one member each, one in the other.
        let nested = [3u8, 1].repeat(100_000);
        let error = Classifier::read(&mut Reader::new(&nested)).unwrap_err();
        assert!(error.to_string().contains("nested too deep"), "{error}");
    }

    proptest! {
        #[test]
        fn damaged_bytes_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
                                     cut in any::<prop::sample::Index>()) {
            static WRITTEN: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
            let written = WRITTEN.get_or_init(|| bytes(&fitted().0));
            let mut damaged = written.clone();
            for (place, value) in changes {
                let place = place.index(damaged.len());
                damaged[place] = value;
            }
            if let Ok(read) = Pipeline::read(&mut Reader::new(&damaged)) {
                let p = read.predict_proba(&Array2::from_elem((2, read.shape().0), 0.5));
                prop_assert_eq!(p.dim(), (2, read.shape().1));
            }
            damaged.truncate(cut.index(damaged.len()));
            prop_assert!(Pipeline::read(&mut Reader::new(&damaged)).is_err());
        }
    }
}
