//! Candidates that are networks: rows become samples, several seeds are averaged, a finished training is not done again.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use melisma_dataset::split::stratified_group_folds;
use melisma_learn::{Examples, Step, StepParams, cpu_seconds, fit_steps};
use melisma_neural::layers::Summary;
use melisma_neural::networks::NetworkParams;
use melisma_neural::train::{self, Epoch, History, Progress, Samples, TrainParams, Trained};
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Watch;

/// Networks averaged, at most.
const MOST_NETWORKS: usize = 100;

/// A network in a classifier's place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSpec {
    /// Its layers: a `kind` and parameters.
    pub layers: NetworkParams,
    /// How it is trained.
    #[serde(default)]
    pub train: TrainParams,
    /// How many networks of different seeds are trained, their probabilities averaged.
    #[serde(default = "one")]
    pub networks: usize,
    /// The share of the training rows kept for validation, whole groups together; 0 for none.
    #[serde(default)]
    pub valid: f64,
    /// How images are scaled.
    #[serde(default)]
    pub scaling: Scaling,
}

/// How images are scaled before a network sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scaling {
    /// As they are.
    #[default]
    None,
    /// Each band by the mean and deviation of its pixels over the training images.
    Band,
}

fn one() -> usize {
    1
}

/// What is told of a trained network.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Training {
    /// Its layers with their outputs and parameters.
    pub layers: Summary,
    /// Its parameters, moving statistics included.
    pub parameters: usize,
    /// CPU milliseconds of a step: training and validation over the steps made in this run, if any were.
    pub step_cpu_ms: Option<f64>,
    /// The course of each network's training.
    pub histories: Vec<History>,
}

/// Networks trained on some rows.
#[derive(Debug)]
pub(crate) struct FittedNetwork {
    steps: Vec<Step>,
    shape: Vec<usize>,
    classes: usize,
    /// Mean and deviation of each band.
    bands: Vec<(f32, f32)>,
    trained: Vec<Trained>,
    step_cpu_ms: Option<f64>,
}

impl NetworkSpec {
    /// Checks what can be checked before there are data.
    ///
    /// # Errors
    /// A message that names the fault.
    pub(crate) fn check(&self) -> Result<(), String> {
        if !(1..=MOST_NETWORKS).contains(&self.networks) {
            return Err(format!(
                "`networks` is {}, not from 1 to {MOST_NETWORKS}",
                self.networks
            ));
        }
        if !(0.0..=0.5).contains(&self.valid) {
            return Err(format!("`valid` is {}, not from 0 to 0.5", self.valid));
        }
        if self.train.early_stopping.is_some() && self.valid == 0.0 {
            return Err("stops early, but `valid` keeps no rows to see by".to_owned());
        }
        self.train.check().map_err(|error| error.to_string())
    }

    /// Trains on rows, which are images of `image` bands and columns if that is given. What a folder holds of the same training
    /// is gone on from.
    pub(crate) fn fit(
        &self,
        steps: &[StepParams],
        image: Option<(usize, usize)>,
        examples: &Examples,
        seed: u64,
        folder: Option<&Path>,
        watch: Watch<'_>,
    ) -> melisma_neural::Result<FittedNetwork> {
        let learned = |error: melisma_learn::Error| melisma_neural::Error::Samples(error.to_string());
        let (steps, made) = fit_steps(steps, examples).map_err(learned)?;
        let shape = match image {
            Some((bands, columns)) => vec![1, bands, columns],
            None => vec![made.x().ncols()],
        };
        let bands = match (self.scaling, image) {
            (Scaling::Band, Some((bands, columns))) => band_scales(made.x(), bands, columns),
            _ => Vec::new(),
        };
        let mut fitted = FittedNetwork {
            steps,
            classes: made.classes(),
            bands,
            trained: Vec::new(),
            step_cpu_ms: None,
            shape,
        };
        let all = fitted.samples(made.x(), made.y())?;
        let (mut cpu, mut done) = (0.0, 0);
        for number in 0..self.networks {
            let params = TrainParams {
                seed: seed
                    .wrapping_mul(1000)
                    .wrapping_add(self.train.seed)
                    .wrapping_add(number as u64),
                ..self.train.clone()
            };
            let (train_rows, valid_rows) = self.sides(&made, params.seed)?;
            let train_samples = all.select(&train_rows);
            let valid_samples = (!valid_rows.is_empty()).then(|| all.select(&valid_rows));
            let place = folder.map(|folder| self.place(folder, &params, &made));
            let following = Following {
                watch,
                number,
                networks: self.networks,
                steps: std::sync::atomic::AtomicUsize::new(0),
            };
            let start = cpu_seconds();
            let trained = train::train(
                &self.layers,
                &params,
                &train_samples,
                valid_samples.as_ref(),
                place.as_deref(),
                &following,
            )?;
            cpu += start.zip(cpu_seconds()).map_or(0.0, |(start, end)| end - start);
            done += following.steps.into_inner();
            fitted.trained.push(trained);
        }
        fitted.step_cpu_ms = (done > 0 && cpu > 0.0).then(|| 1000.0 * cpu / done as f64);
        Ok(fitted)
    }

    /// Rows to train on and rows to validate on; those of one group lie on one side.
    fn sides(&self, examples: &Examples, seed: u64) -> melisma_neural::Result<(Vec<usize>, Vec<usize>)> {
        let rows = examples.y().len();
        if self.valid == 0.0 {
            return Ok(((0..rows).collect(), Vec::new()));
        }
        let each: Vec<usize> = (0..rows).collect();
        let groups = examples.groups().unwrap_or(&each);
        let folds = (1.0 / self.valid).round().max(2.0) as usize;
        let fold_of = stratified_group_folds(examples.y(), groups, folds, seed)
            .map_err(|error| melisma_neural::Error::Samples(error.to_string()))?;
        Ok((0..rows).partition(|&row| fold_of[row] != 0))
    }

    /// Where the checkpoint of this training lies: a folder for each layers, parameters and rows.
    fn place(&self, folder: &Path, params: &TrainParams, examples: &Examples) -> PathBuf {
        let mut digest = Sha256::new();
        digest.update(format!("{:?}{:?}{params:?}", self.layers, self.scaling));
        for value in examples.x() {
            digest.update(value.to_le_bytes());
        }
        for &class in examples.y() {
            digest.update(class.to_le_bytes());
        }
        let name: String = digest
            .finalize()
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        folder.join("networks").join(name)
    }
}

/// The mean and deviation of each band over all rows.
fn band_scales(x: &Array2<f64>, bands: usize, columns: usize) -> Vec<(f32, f32)> {
    let count = (x.nrows() * columns).max(1) as f64;
    let mut sums = vec![(0.0, 0.0); bands];
    for row in x.rows() {
        for (at, value) in row.iter().enumerate() {
            let (sum, squares) = &mut sums[at / columns];
            *sum += value;
            *squares += value * value;
        }
    }
    let scale = |(sum, squares): (f64, f64)| {
        let mean = sum / count;
        let deviation = (squares / count - mean * mean).max(0.0).sqrt();
        (mean as f32, if deviation > 1e-6 { deviation as f32 } else { 1.0 })
    };
    sums.into_iter().map(scale).collect()
}

impl FittedNetwork {
    fn samples(&self, x: &Array2<f64>, y: &[usize]) -> melisma_neural::Result<Samples> {
        let mut values: Vec<f32> = x.iter().map(|&value| value as f32).collect();
        if let [_, bands, columns] = self.shape[..]
            && self.bands.len() == bands
        {
            for image in values.chunks_exact_mut(bands * columns) {
                for (band, (mean, deviation)) in image.chunks_exact_mut(columns).zip(&self.bands) {
                    band.iter_mut()
                        .for_each(|value| *value = (*value - mean) / deviation);
                }
            }
        }
        Samples::new(&self.shape, values, y.to_vec(), self.classes)
    }

    /// The mean of what the networks say of rows as they come from the table.
    pub(crate) fn predict(&self, x: &Array2<f64>) -> melisma_neural::Result<Array2<f64>> {
        let mut x = x.clone();
        for step in &self.steps {
            x = step.transform(x);
        }
        let samples = self.samples(&x, &vec![0; x.nrows()])?;
        let mut sum = Array2::<f64>::zeros((x.nrows(), self.classes));
        for trained in &self.trained {
            sum += &trained.predict(&samples)?;
        }
        Ok(sum / self.trained.len() as f64)
    }

    /// What is told of them.
    pub(crate) fn training(&self) -> Training {
        let summary = self.trained[0].network.summary();
        Training {
            layers: summary.clone(),
            parameters: summary.parameters(),
            step_cpu_ms: self.step_cpu_ms,
            histories: self
                .trained
                .iter()
                .map(|trained| trained.history.clone())
                .collect(),
        }
    }
}

/// Passes on what a training tells.
struct Following<'a> {
    watch: Watch<'a>,
    number: usize,
    networks: usize,
    steps: std::sync::atomic::AtomicUsize,
}

impl train::Watch for Following<'_> {
    fn stopped(&self) -> bool {
        self.watch.stop.load(Ordering::Relaxed)
    }

    fn step(&self, progress: &Progress) {
        self.steps.fetch_add(1, Ordering::Relaxed);
        let of = progress.epochs * progress.steps;
        let done = (progress.epoch - 1) * progress.steps + progress.step;
        (self.watch.step)(self.number * of + done, self.networks * of);
    }

    fn epoch(&self, epoch: &Epoch) {
        let valid = epoch.valid_loss.zip(epoch.valid_accuracy);
        let valid = valid.map_or(String::new(), |(loss, accuracy)| {
            format!(", validation {loss:.3}, {:.1} %", 100.0 * accuracy)
        });
        (self.watch.say)(&format!(
            "  network {} of {}, epoch {}: loss {:.3}, {:.1} %{valid}",
            self.number + 1,
            self.networks,
            epoch.epoch,
            epoch.loss,
            100.0 * epoch.accuracy
        ));
    }
}
