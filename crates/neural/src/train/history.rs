//! What happened in each epoch, as numbers, as a log and as curves.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use melisma_plot::{Caption, Figure, Line, Lines};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// One round through all samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Epoch {
    /// Its number, from 1.
    pub epoch: usize,
    /// Steps made since training began.
    pub steps: u64,
    /// The learning rate of its last step.
    pub rate: f64,
    /// The mean loss over its steps, as the network was at each and with what was dropped.
    pub loss: f64,
    /// The share of samples (as augmented) that were told right.
    pub accuracy: f64,
    /// The loss on the samples for validation, without augmentation, smoothing or weights.
    pub valid_loss: Option<f64>,
    /// The accuracy on them.
    pub valid_accuracy: Option<f64>,
    /// Seconds it took, on the clock.
    pub seconds: f64,
}

/// The epochs of a training.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// The epochs, in order.
    pub epochs: Vec<Epoch>,
    /// The epoch whose weights were kept, from 1; none when the last one's were.
    pub best: Option<usize>,
}

impl History {
    /// Writes the epochs as a table: `epoch,steps,rate,loss,accuracy,valid_loss,valid_accuracy,seconds`.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn write_csv(&self, path: &Path) -> Result<()> {
        let mut text = String::from("epoch,steps,rate,loss,accuracy,valid_loss,valid_accuracy,seconds\n");
        let maybe = |value: Option<f64>| value.map(|v| v.to_string()).unwrap_or_default();
        for e in &self.epochs {
            text.push_str(&format!(
                "{},{},{},{},{},{},{},{:.3}\n",
                e.epoch,
                e.steps,
                e.rate,
                e.loss,
                e.accuracy,
                maybe(e.valid_loss),
                maybe(e.valid_accuracy),
                e.seconds
            ));
        }
        let beside = path.with_extension("csv.part");
        let write = || {
            let mut file = File::create(&beside)?;
            file.write_all(text.as_bytes())?;
            std::fs::rename(&beside, path)
        };
        write().map_err(Error::io(path))
    }
}

/// The figures of a history: its loss, and its accuracy in per cent, epoch by epoch.
///
/// # Errors
/// [`Error::Plot`] when there is no epoch.
pub fn curves(history: &History, stem: &str, title: &str) -> Result<[Figure; 2]> {
    let epochs = &history.epochs;
    let x: Vec<f64> = epochs.iter().map(|e| e.epoch as f64).collect();
    let note = match history.best {
        Some(best) => format!("weights of epoch {best} kept"),
        None => String::new(),
    };
    let draw = |what: &str, unit: &str, train: Vec<f64>, valid: Vec<Option<f64>>| {
        let valid: Vec<f64> = valid.into_iter().map(|v| v.unwrap_or(f64::NAN)).collect();
        let both = [("training", &train), ("validation", &valid)].map(|(name, y)| Line { name, x: &x, y });
        let shown = match valid.iter().any(|v| v.is_finite()) {
            true => &both[..],
            false => &both[..1],
        };
        let lines = Lines {
            lines: shown,
            x_axis: "epoch",
            y_axis: unit,
            note: &note,
            ..Lines::default()
        };
        let title = format!("{title}: {what}");
        let description = format!("{unit} by epoch");
        lines.draw(&Caption::new(&format!("{stem}-{what}"), &title, &description))
    };
    let percent = |v: f64| 100.0 * v;
    Ok([
        draw(
            "loss",
            "cross-entropy, nats",
            epochs.iter().map(|e| e.loss).collect(),
            epochs.iter().map(|e| e.valid_loss).collect(),
        )?,
        draw(
            "accuracy",
            "accuracy, %",
            epochs.iter().map(|e| percent(e.accuracy)).collect(),
            epochs.iter().map(|e| e.valid_accuracy.map(percent)).collect(),
        )?,
    ])
}
