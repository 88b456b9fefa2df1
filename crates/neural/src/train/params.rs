//! How a network is trained.

use serde::{Deserialize, Serialize};

use super::{Augmentation, Optimizer};
use crate::{Error, Result};

/// Parameters of a training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainParams {
    /// What moves the weights.
    pub optimizer: Optimizer,
    /// The learning rate, above 0.
    pub rate: f64,
    /// Samples of a step.
    pub batch: usize,
    /// Rounds through all samples.
    pub epochs: usize,
    /// How the rate changes.
    pub schedule: Schedule,
    /// Epochs over which the rate first rises from zero; may be a fraction.
    pub warm_up: f64,
    /// When to end early; needs samples for validation. The best epoch's weights are kept.
    pub early_stopping: Option<EarlyStopping>,
    /// The share of each target that is spread over all classes, in [0, 1).
    pub label_smoothing: f64,
    /// How much each class counts.
    pub class_weights: ClassWeights,
    /// The largest norm of the gradient; longer ones are shortened.
    pub clip_norm: Option<f64>,
    /// How samples are varied.
    pub augmentation: Augmentation,
    /// What first weights, order, dropout and augmentation are drawn from.
    pub seed: u64,
    /// Minutes between checkpoints, where there is a folder for them; they are also written on interruption.
    pub checkpoint_minutes: f64,
}

impl Default for TrainParams {
    fn default() -> Self {
        TrainParams {
            optimizer: Optimizer::default(),
            rate: 1e-3,
            batch: 64,
            epochs: 30,
            schedule: Schedule::Constant,
            warm_up: 0.0,
            early_stopping: None,
            label_smoothing: 0.0,
            class_weights: ClassWeights::None,
            clip_norm: None,
            augmentation: Augmentation::default(),
            seed: 0,
            checkpoint_minutes: 5.0,
        }
    }
}

/// How the learning rate changes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// It does not.
    Constant,
    /// Times `factor` after every `epochs` epochs.
    Step {
        /// Epochs between changes.
        epochs: usize,
        /// In (0, 1).
        factor: f64,
    },
    /// Times `factor` when the loss (of validation where there is one) has not fallen for `patience` epochs.
    Plateau {
        /// Epochs without improvement.
        patience: usize,
        /// In (0, 1).
        factor: f64,
        /// The lowest rate.
        lowest: f64,
    },
    /// Along half a cosine to `lowest` at the last step (Loshchilov and Hutter 2017, without restarts).
    Cosine {
        /// The last rate.
        lowest: f64,
    },
}

/// What tells whether an epoch was better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// The validation loss: lower is better.
    Loss,
    /// The validation accuracy: higher is better.
    Accuracy,
}

/// When to end early.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlyStopping {
    /// What is watched.
    pub on: Measure,
    /// Epochs without a better one after which training ends.
    pub patience: usize,
}

/// How much each class counts in the loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassWeights {
    /// Each sample counts the same.
    None,
    /// Each class counts the same: samples weigh `n / (classes * n_class)`.
    Balanced,
}

impl TrainParams {
    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error::Params`] naming the parameter.
    pub fn check(&self) -> Result<()> {
        let fault = |message: String| Err(Error::params("training", message));
        let positive = |x: f64| x.is_finite() && x > 0.0;
        if !positive(self.rate) {
            return fault(format!("`rate` must be above 0, not {}", self.rate));
        }
        if self.batch == 0 || self.epochs == 0 {
            return fault("`batch` and `epochs` must be at least 1".into());
        }
        if !(0.0..1.0).contains(&self.label_smoothing) {
            return fault(format!(
                "`label_smoothing` must be in [0, 1), not {}",
                self.label_smoothing
            ));
        }
        if !(self.warm_up.is_finite() && self.warm_up >= 0.0) {
            return fault(format!("`warm_up` must be at least 0, not {}", self.warm_up));
        }
        if self.clip_norm.is_some_and(|norm| !positive(norm)) {
            return fault("`clip_norm` must be above 0".into());
        }
        if !(0.0..=1e6).contains(&self.checkpoint_minutes) {
            return fault("`checkpoint_minutes` must be at least 0".into());
        }
        let fits = match self.schedule {
            Schedule::Constant => true,
            Schedule::Step { epochs, factor } => epochs > 0 && factor > 0.0 && factor < 1.0,
            Schedule::Plateau { factor, lowest, .. } => {
                factor > 0.0 && factor < 1.0 && (0.0..=self.rate).contains(&lowest)
            }
            Schedule::Cosine { lowest } => (0.0..=self.rate).contains(&lowest),
        };
        if !fits {
            return fault(
                "`schedule` needs factors in (0, 1), epochs of at least 1 and `lowest` in [0, rate]".into(),
            );
        }
        self.optimizer.check()?;
        self.augmentation.check()
    }

    /// The rate after `epoch` whole epochs and this share of the next, where plateaus have lowered it by `lowered`.
    pub(super) fn rate_at(&self, epoch: usize, share: f64, lowered: f64) -> f64 {
        let time = epoch as f64 + share;
        let rate = match self.schedule {
            Schedule::Constant => self.rate,
            Schedule::Step { epochs, factor } => self.rate * factor.powi((epoch / epochs) as i32),
            Schedule::Plateau { lowest, .. } => (self.rate * lowered).max(lowest),
            Schedule::Cosine { lowest } => {
                let after = (time - self.warm_up) / (self.epochs as f64 - self.warm_up).max(1e-9);
                let cosine = (std::f64::consts::PI * after.clamp(0.0, 1.0)).cos();
                lowest + 0.5 * (self.rate - lowest) * (1.0 + cosine)
            }
        };
        match time < self.warm_up {
            true => rate * time / self.warm_up,
            false => rate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cosine_rises_then_falls_to_the_lowest() {
        let params = TrainParams {
            rate: 1.0,
            epochs: 10,
            warm_up: 2.0,
            schedule: Schedule::Cosine { lowest: 0.1 },
            ..TrainParams::default()
        };
        assert_eq!(params.rate_at(1, 0.0, 1.0), 0.5);
        assert_eq!(params.rate_at(2, 0.0, 1.0), 1.0);
        assert!((params.rate_at(6, 0.0, 1.0) - 0.55).abs() < 1e-12);
        assert!((params.rate_at(9, 1.0, 1.0) - 0.1).abs() < 1e-12);
    }

    #[test]
    fn steps_and_plateaus_lower_the_rate() {
        let with = |schedule| TrainParams {
            rate: 1.0,
            schedule,
            ..TrainParams::default()
        };
        let step = with(Schedule::Step {
            epochs: 3,
            factor: 0.5,
        });
        assert_eq!(
            [0, 2, 3, 6].map(|epoch| step.rate_at(epoch, 0.0, 1.0)),
            [1.0, 1.0, 0.5, 0.25]
        );
        let plateau = with(Schedule::Plateau {
            patience: 2,
            factor: 0.5,
            lowest: 0.2,
        });
        assert_eq!(
            [1.0, 0.5, 0.1].map(|lowered| plateau.rate_at(4, 0.0, lowered)),
            [1.0, 0.5, 0.2]
        );
    }
}
