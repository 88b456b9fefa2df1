//! What a run found: as JSON, as Markdown, and as the card of the model it made.

use std::fmt::Write as _;
use std::path::Path;

use melisma_dataset::Genre;
use melisma_dataset::split::Stamp;
use serde::Serialize;

use crate::files::write_whole;
use crate::metrics::{ClassReport, Confusion, ReliabilityBin};
use crate::model::Model;
use crate::robustness::Robustness;
use crate::{Error, Result};

/// Everything a run of a recipe found, and the model it made.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// The recipe's name.
    pub recipe: String,
    /// The name of the recipe's file.
    pub recipe_file: String,
    /// The recipe's seed.
    pub seed: u64,
    /// Folds of the cross-validation that chose.
    pub folds: usize,
    /// How often it was repeated with other folds.
    pub repeats: usize,
    /// The candidate that was chosen.
    pub shipped: String,
    /// The cross-validated scores of all candidates.
    pub candidates: Vec<CandidateScore>,
    /// The chosen candidate under each protocol.
    pub results: Vec<ResultRow>,
    /// Training and test tracks of the filtered split whose groups (artist, collaboration, copy) meet.
    pub group_overlap: (usize, usize),
    /// Precision, recall and F1 by genre on the filtered test tracks.
    pub per_genre: Vec<(String, ClassReport)>,
    /// True genre by recognised genre on the filtered test tracks.
    pub confusion: Confusion,
    /// Calibration before and after, on several sets of tracks.
    pub calibration: Vec<Calibration>,
    /// The number of tracks the shipped model is fitted on.
    pub training_tracks: usize,
    /// The splits that were used: hash, and seed where chance was involved.
    pub splits: Vec<Stamp>,
    /// Figures measured from audio by another command, if there are any.
    pub robustness: Option<Robustness>,
    /// The model.
    #[serde(skip)]
    pub model: Model,
}

/// A candidate's cross-validated scores, means over repeats.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CandidateScore {
    /// The candidate.
    pub name: String,
    /// Accuracy on tracks by their 30-second row.
    pub accuracy_30s: f64,
    /// Accuracy on tracks by the mean of their 10-second windows.
    pub accuracy_10s: f64,
    /// Log loss of the latter, in nats, at the best temperature: the criterion.
    pub log_loss: f64,
}

/// A classifier under one protocol.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ResultRow {
    /// The candidate.
    pub name: String,
    /// `random`, `grouped` or `filtered`.
    pub protocol: String,
    /// The hash of the split.
    pub split: String,
    /// `30s` or `10s`.
    pub table: String,
    /// What was counted: `track` or `window`.
    pub unit: String,
    /// The share recognised.
    pub accuracy: f64,
    /// The lower end of the 95 % interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// How the interval was made.
    pub interval: String,
    /// Log loss in nats.
    pub log_loss: f64,
    /// Rows trained on.
    pub train_rows: usize,
    /// Rows (or tracks) tested on.
    pub test_rows: usize,
    /// CPU seconds of the fit, where the system tells.
    pub fit_cpu_s: Option<f64>,
    /// CPU seconds of the prediction, where the system tells.
    pub predict_cpu_s: Option<f64>,
    /// The classifier's parameters.
    pub params: serde_json::Value,
}

/// Calibration of whole-track mixtures before and after temperature scaling.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    /// On what.
    pub name: String,
    /// The number of tracks.
    pub tracks: usize,
    /// The temperature.
    pub temperature: f64,
    /// At temperature 1.
    pub before: Scores,
    /// At the temperature.
    pub after: Scores,
}

/// Scores of probabilities.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scores {
    /// Mean log loss in nats.
    pub log_loss: f64,
    /// Brier score, summed over genres.
    pub brier: f64,
    /// Expected calibration error over ten bins.
    pub calibration_error: f64,
    /// The bins.
    pub reliability: Vec<ReliabilityBin>,
}

impl Outcome {
    /// The run as JSON, without the model.
    ///
    /// # Errors
    /// [`Error::Model`] when a figure cannot be written.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string_pretty(self).map_err(|error| Error::Model(error.to_string()))
    }

    /// Writes the model's file.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be written.
    pub fn write_model(&self, path: &Path) -> Result<()> {
        self.model.write(path)
    }

    /// Writes the model's card.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be written.
    pub fn write_card(&self, path: &Path) -> Result<()> {
        write_whole(path, self.card().as_bytes())
    }

    /// The tables of the run as Markdown, protocols side by side.
    pub fn to_markdown(&self) -> String {
        let mut text = String::new();
        self.candidates_table(&mut text);
        text.push('\n');
        self.results_table(&mut text);
        text.push('\n');
        self.splits_table(&mut text);
        text
    }

    fn candidates_table(&self, text: &mut String) {
        text.push_str(
            "| candidate | accuracy, 30-s row | accuracy, mean of 10-s windows | log loss (criterion) |\n",
        );
        text.push_str("|---|---|---|---|\n");
        for score in &self.candidates {
            let chosen = if score.name == self.shipped {
                " **(shipped)**"
            } else {
                ""
            };
            let (a, b, c) = (score.accuracy_30s, score.accuracy_10s, score.log_loss);
            let _ = writeln!(text, "| {}{chosen} | {a:.3} | {b:.3} | {c:.3} |", score.name);
        }
    }

    fn splits_table(&self, text: &mut String) {
        text.push_str("| split | seed | SHA-256 |\n|---|---|---|\n");
        for split in &self.splits {
            let seed = split
                .seed
                .map_or_else(|| "none".to_owned(), |seed| seed.to_string());
            let _ = writeln!(text, "| {} | {seed} | `{}` |", split.name, split.sha256);
        }
    }

    fn results_table(&self, text: &mut String) {
        text.push_str("| table, counted by | random (leaks) | grouped by track | artist-filtered |\n|---|---|---|---|\n");
        for (table, unit) in [("30s", "track"), ("10s", "window"), ("10s", "track")] {
            let _ = write!(text, "| {table}, {unit} |");
            for protocol in ["random", "grouped", "filtered"] {
                let found = self
                    .results
                    .iter()
                    .find(|r| r.table == table && r.unit == unit && r.protocol == protocol);
                let _ = match found {
                    Some(r) => write!(text, " {:.3} [{:.3}, {:.3}] |", r.accuracy, r.low, r.high),
                    None => write!(text, " |"),
                };
            }
            text.push('\n');
        }
    }

    /// The card of the model, in Markdown. The same run gives the same text: it holds no times.
    pub fn card(&self) -> String {
        let header = self.model.header();
        let mut text = format!("# {}, version {}\n\n", header.name, header.version);
        text.push_str("Generated by the command below; do not edit.\n\n```sh\n");
        let _ = writeln!(
            text,
            "melisma run recipes/{} --output models/{}-{}\n```\n",
            self.recipe_file, header.name, header.version
        );
        let _ = writeln!(
            text,
            "A genre mixture for music in ten genres ({}), from the {} values of schema `{}` over windows of {} seconds with \
             `{}` padding; the probabilities of a recording's windows are averaged.\n",
            list(header.genres.iter().map(Genre::to_string)),
            header.schema.names().len(),
            header.schema,
            header.window_seconds,
            header.pad,
        );
        self.data_section(&mut text);
        text.push_str("## How it was chosen\n\n");
        let _ = writeln!(
            text,
            "Cross-validation on the training list of the filtered split ({} folds, {} times, grouped by artist, means \
             below). The criterion is the log loss of the mean over a track's 10-second windows, at the best temperature. \
             The test list had no say. The settings of the \
             inputs and classifiers were explored with the same cross-validation beforehand, so its scores are a little optimistic; those under \
             \"artist-filtered\" below are not.\n",
            self.folds, self.repeats
        );
        self.candidates_table(&mut text);
        text.push_str("\n## Accuracy\n\nWith 95 % intervals: Wilson's over tracks, a bootstrap of whole tracks over windows.\n\n");
        self.results_table(&mut text);
        text.push_str(
            "\nRandom and grouped use the published test rows (`splits/*_test.txt`) and train on the other rows of the same \
             table. Filtered trains on the rows of both tables of the train and valid lists, without the corrupt clip, and \
             tests on the test list. Only the last column says what to expect of music by other artists.\n",
        );
        text.push_str(
            "\nThe splits, each known by the SHA-256 of its sorted lines (id, tab, part or fold). The recipe gives the seeds but \
             for the published test rows, whose makers drew them with seed 42, and the filtered lists, which were made by hand.\n\n",
        );
        self.splits_table(&mut text);
        text.push('\n');
        let (train, test) = self.group_overlap;
        let _ = writeln!(
            text,
            "The published lists are disjoint by artist as their makers counted. Where collaborations and copies are followed too, \
             {train} training and {test} test tracks remain connected.",
        );
        self.confusion_section(&mut text);
        self.calibration_section(&mut text);
        self.inputs_section(&mut text);
        self.robustness_section(&mut text);
        text.push_str(LIMITS);
        text
    }

    fn data_section(&self, text: &mut String) {
        let header = self.model.header();
        let _ = writeln!(
            text,
            "## Data\n\nGTZAN: the published table of whole 30-second clips and one of the same features on 10-second windows. The \
             shipped model is fitted on the rows of both of {} of 1,000 tracks: all but `jazz.00054` (corrupt) and one of \
             each bit-identical pair. The figures below come from models fitted on each protocol's training rows only.\n",
            self.training_tracks
        );
        text.push_str("The kernel member of the vote keeps feature rows of training tracks, transformed, as landmarks.\n\n");
        text.push_str("| file or list | SHA-256 |\n|---|---|\n");
        for (name, hash) in &header.data {
            let _ = writeln!(text, "| `{name}` | `{hash}` |");
        }
        let _ = writeln!(text, "| tracks trained on, sorted | `{}` |", header.tracks_hash);
        let _ = writeln!(
            text,
            "| recipe (seed {}) | `{}` |",
            header.seed, header.recipe_hash
        );
        let _ = writeln!(
            text,
            "| schema `{}` | `{}` |\n",
            header.schema, header.schema_hash
        );
    }

    fn confusion_section(&self, text: &mut String) {
        text.push_str("\n## Confusion on the filtered test tracks\n\nMean of 10-second windows; rows are true genres.\n\n| |");
        let genres = self.model.genres();
        genres.iter().for_each(|genre| {
            let _ = write!(text, " {genre} |");
        });
        text.push_str(" precision | recall | F1 |\n|---|");
        text.push_str(&"---|".repeat(genres.len() + 3));
        text.push('\n');
        for ((genre, counts), (_, report)) in genres.iter().zip(&self.confusion.0).zip(&self.per_genre) {
            let _ = write!(text, "| **{genre}** |");
            counts.iter().for_each(|count| {
                let _ = write!(text, " {count} |");
            });
            let _ = writeln!(
                text,
                " {:.2} | {:.2} | {:.2} |",
                report.precision, report.recall, report.f1
            );
        }
    }

    fn calibration_section(&self, text: &mut String) {
        text.push_str(
            "\n## Calibration\n\nOne temperature, fitted on out-of-fold predictions grouped by artist, on the mixtures of whole tracks.\n\n\
             | tracks | temperature | log loss | Brier | calibration error |\n|---|---|---|---|---|\n",
        );
        for c in &self.calibration {
            let _ = writeln!(
                text,
                "| {} ({}) | {:.3} | {:.3} → {:.3} | {:.3} → {:.3} | {:.3} → {:.3} |",
                c.name,
                c.tracks,
                c.temperature,
                c.before.log_loss,
                c.after.log_loss,
                c.before.brier,
                c.after.brier,
                c.before.calibration_error,
                c.after.calibration_error,
            );
        }
        if let Some(tested) = self.calibration.iter().find(|c| c.name.contains("test")) {
            let _ = writeln!(text, "\nReliability, {}, after:\n", tested.name);
            text.push_str("| highest probability | tracks | mean | right |\n|---|---|---|---|\n");
            for bin in &tested.after.reliability {
                let (from, to, rows) = (bin.from, bin.to, bin.rows);
                let _ = writeln!(
                    text,
                    "| {from:.1} to {to:.1} | {rows} | {:.2} | {:.2} |",
                    bin.confidence, bin.accuracy
                );
            }
        }
    }

    fn inputs_section(&self, text: &mut String) {
        let _ = writeln!(text, "\n## Inputs\n\n{INPUTS}");
        let names = self
            .model
            .header()
            .inputs
            .iter()
            .map(|input| format!("`{}`", input.name));
        let _ = writeln!(text, "{}.", list(names));
    }

    fn robustness_section(&self, text: &mut String) {
        text.push_str("\n## Robustness\n\n");
        let Some(found) = &self.robustness else {
            text.push_str("Not measured yet.\n");
            return;
        };
        let _ = writeln!(text, "{} Made by `{}`.\n", found.held_out, found.made_by);
        text.push_str(
            "| change | clips | mean total variation | largest | same top genre |\n|---|---|---|---|---|\n",
        );
        for case in &found.cases {
            let _ = writeln!(
                text,
                "| {} | {} | {:.4} | {:.4} | {:.1} % |",
                case.name,
                case.clips,
                case.mean_total_variation,
                case.largest_total_variation,
                100.0 * case.unchanged_top
            );
        }
        text.push_str("\n| never seen | clips | accuracy | by genre |\n|---|---|---|---|\n");
        for clips in &found.clips {
            let genres = clips
                .per_genre
                .iter()
                .map(|(genre, (right, all))| format!("{genre} {right}/{all}"));
            let (a, low, high) = (clips.accuracy, clips.low, clips.high);
            let by_genre = list(genres);
            let _ = writeln!(
                text,
                "| {} | {} | {a:.3} [{low:.3}, {high:.3}] | {by_genre} |",
                clips.name, clips.clips
            );
        }
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

const INPUTS: &str = "\
The model does not read the columns as they are. Level: variances of RMS and of the harmonic and percussive waveforms are taken
relative to the squared mean RMS, and the first MFCC mean relative to its level, so that a gain changes nothing. Bandwidth: what
the 8 highest of 128 mel bands contribute (a level and a tilt) is projected out of the MFCC means, since a codec or an old tape
removes these bands; in cross-validation this also lowers the log loss, probably because GTZAN's recordings differ in
bandwidth by source. The means of the harmonic and percussive waveforms (offsets near zero) and the variances of the
MFCCs above the tenth are left out. Variances and frequencies enter as logarithms. The inputs:
";

const LIMITS: &str = "
## Limits

- Ten genres as understood by one collector around 2001, mostly Western and in English; other music is forced into them.
- Fitted on 30- and 10-second windows, used on 3-second ones, where variances are a little smaller and tempo is less sure. Shifting the
  inputs to make up for it gained nothing in cross-validation from 30 to 10 seconds, so it is not done. The calibration is measured
  on means of 10-second windows, not of 3-second ones.
- The lists have been in use for years: whoever designs features for GTZAN, us included, knows what others found on them.
- Not fit for decisions about people, rights or payment.

## Licence

The model's numbers and this card: MIT or Apache-2.0, as the code. It contains no audio.
";
