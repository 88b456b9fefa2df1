//! What came out of an experiment: for programs as JSON, for people as Markdown.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use melisma_dataset::split::Stamp;
use melisma_learn::metrics::{McNemar, Prediction, Scores};
use melisma_learn::select::Ranked;
use serde::Serialize;

use crate::collections::Collections;
use crate::explain::Explanation;
use crate::network::Training;
use crate::protocol::Protocol;

/// All that came out.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// The recipe's name.
    pub recipe: String,
    /// What it is for.
    pub about: String,
    /// SHA-256 of its file.
    pub recipe_sha256: String,
    /// The recipe's seed.
    pub seed: u64,
    /// The version that ran it.
    pub melisma: String,
    /// The classes, in the order of per-class figures and confusion matrices.
    pub labels: Vec<String>,
    /// SHA-256 of the files that were read.
    pub data: BTreeMap<String, String>,
    /// How performance is estimated: `holdout`, or `cross-validation` with its folds.
    pub validation: String,
    /// Each candidate under each protocol.
    pub results: Vec<ResultRow>,
    /// How candidates were chosen among, where the recipe does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
    /// McNemar's tests between candidates, over tracks.
    pub comparisons: Vec<Comparison>,
    /// The columns ranked.
    pub rankings: Vec<Ranking>,
    /// What the candidates' decisions rest on.
    pub explanations: Vec<Explanation>,
    /// The splits that were used.
    pub splits: Vec<Stamp>,
    /// Candidates judged collection by collection.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub collections: Vec<Collections>,
    /// CPU seconds of everything that was fitted and judged, by protocol, members of ensembles counted once.
    pub cpu_s: BTreeMap<String, f64>,
    /// What whoever reads the figures should know.
    pub notes: Vec<String>,
}

/// A candidate under a protocol.
#[derive(Debug, Clone, Serialize)]
pub struct ResultRow {
    /// The candidate.
    pub name: String,
    /// The protocol.
    pub protocol: Protocol,
    /// The source whose rows were judged; for a fusion, all of its.
    pub source: String,
    /// What was judged: `window` or `track`.
    pub unit: &'static str,
    /// The scores of those rows.
    #[serde(flatten)]
    pub scores: Scores,
    /// The scores of the mean of each track's windows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub track: Option<Scores>,
    /// Rows fitted on (the mean over folds).
    pub train_rows: usize,
    /// Columns the candidate sees.
    pub inputs: usize,
    /// CPU seconds of the fit, members of an ensemble included (the sum over folds), where the system tells.
    pub fit_cpu_s: Option<f64>,
    /// CPU seconds of the prediction.
    pub predict_cpu_s: Option<f64>,
    /// The parameters; a list where folds have found different ones.
    pub params: serde_json::Value,
    /// What the search on the training rows tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<SearchSummary>,
    /// How it was trained, for a network (of the first fold).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub training: Option<Training>,
    /// The hash of the split.
    pub split: String,
    /// What was said of each row.
    #[serde(skip)]
    pub said: Said,
}

/// What was said of rows.
#[derive(Debug, Clone)]
pub struct Said {
    /// Probabilities and decisions.
    pub prediction: Prediction,
    /// The true classes.
    pub truth: Vec<usize>,
    /// The tracks.
    pub tracks: Vec<usize>,
}

/// What a search tried.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SearchSummary {
    /// The number of points.
    pub points: usize,
    /// What was set at the best point (of the first fold).
    pub best: serde_json::Value,
    /// Its mean score over the inner folds.
    pub score: f64,
    /// All points with their mean scores and the share of rows they were tried on.
    pub tried: Vec<(serde_json::Value, f64, f64)>,
}

/// How one candidate was chosen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Choice {
    /// The one.
    pub chosen: String,
    /// Folds.
    pub folds: usize,
    /// Repetitions.
    pub repeats: usize,
    /// What was to be high.
    pub score: String,
    /// The number of tracks.
    pub tracks: usize,
    /// All candidates.
    pub candidates: Vec<Chosen>,
}

/// A candidate's cross-validated scores over tracks, means over repetitions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Chosen {
    /// The candidate.
    pub name: String,
    /// The mean accuracy.
    pub accuracy: f64,
    /// The standard deviation of the repetitions' accuracies.
    pub deviation: f64,
    /// The mean log loss at the best temperature, in nats.
    pub log_loss: f64,
}

/// Two candidates compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The protocol.
    pub protocol: Protocol,
    /// The source.
    pub source: String,
    /// The first.
    pub first: String,
    /// The second.
    pub second: String,
    /// The test.
    #[serde(flatten)]
    pub test: McNemar,
}

/// Columns by what a method thinks of them.
#[derive(Debug, Clone, Serialize)]
pub struct Ranking {
    /// The method.
    pub method: String,
    /// The columns, best first.
    pub columns: Vec<Ranked>,
}

impl Outcome {
    /// The results as one line of JSON.
    ///
    /// # Errors
    /// When a figure cannot be written.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// The sources and units that results are about, in order.
    pub(crate) fn views(&self) -> Vec<(String, &'static str)> {
        let mut views: Vec<(String, &'static str)> = Vec::new();
        for row in &self.results {
            let view = (row.source.clone(), row.unit);
            if !views.contains(&view) {
                views.push(view);
            }
        }
        views
    }

    /// The candidates that have results, in order.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for row in &self.results {
            if !names.contains(&row.name.as_str()) {
                names.push(&row.name);
            }
        }
        names
    }

    /// A candidate under a protocol on a source.
    pub fn row(&self, name: &str, protocol: Protocol, source: &str) -> Option<&ResultRow> {
        self.results
            .iter()
            .find(|row| row.name == name && row.protocol == protocol && row.source == source)
    }

    /// The tables of the run, protocols side by side.
    pub fn to_markdown(&self) -> String {
        let mut text = String::new();
        if let Some(choice) = &self.choice {
            text.push_str(&choice.to_markdown());
        }
        for (source, unit) in self.views() {
            let _ = writeln!(text, "{source}, by {unit}; {}\n", self.validation);
            text.push_str(&self.table(&source, |row| Some(&row.scores)));
            if unit == "window" {
                let _ = writeln!(text, "\n{source}, by track (mean of its windows)\n");
                text.push_str(&self.table(&source, |row| row.track.as_ref()));
            }
            text.push('\n');
        }
        for collections in &self.collections {
            let _ = writeln!(text, "{}", collections.to_markdown(&self.labels));
        }
        for note in &self.notes {
            let _ = writeln!(text, "{note}");
        }
        text
    }

    fn table(&self, source: &str, scores: impl Fn(&ResultRow) -> Option<&Scores>) -> String {
        let mut rows = vec![vec!["candidate".to_owned()]];
        rows[0].extend(Protocol::ALL.map(|protocol| protocol.title().to_owned()));
        rows[0].push("fit, CPU s".to_owned());
        for name in self.names() {
            let mut row = vec![name.to_owned()];
            let mut any = false;
            for protocol in Protocol::ALL {
                let found = self.row(name, protocol, source).and_then(&scores);
                any |= found.is_some();
                row.push(found.map_or_else(
                    || "–".to_owned(),
                    |s| format!("{:.3} [{:.3}, {:.3}]", s.accuracy, s.low, s.high),
                ));
            }
            let first = Protocol::ALL
                .into_iter()
                .find_map(|protocol| self.row(name, protocol, source)?.fit_cpu_s);
            row.push(first.map_or_else(|| "–".to_owned(), |seconds| format!("{seconds:.2}")));
            if any {
                rows.push(row);
            }
        }
        aligned(&rows)
    }
}

impl Choice {
    /// The candidates and their scores as a table.
    pub fn to_markdown(&self) -> String {
        let mut rows = vec![vec![
            "candidate".to_owned(),
            "accuracy, tracks".to_owned(),
            "log loss".to_owned(),
        ]];
        for candidate in &self.candidates {
            let mark = if candidate.name == self.chosen {
                " **(chosen)**"
            } else {
                ""
            };
            rows.push(vec![
                format!("{}{mark}", candidate.name),
                format!("{:.3} ± {:.3}", candidate.accuracy, candidate.deviation),
                format!("{:.3}", candidate.log_loss),
            ]);
        }
        format!(
            "Chosen by cross-validation on {} training tracks ({} folds by artist, {} times), by {}:\n\n{}\n",
            self.tracks,
            self.folds,
            self.repeats,
            self.score,
            aligned(&rows)
        )
    }
}

/// A Markdown table whose columns line up in a terminal too.
pub(crate) fn aligned(rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..rows.first().map_or(0, Vec::len)).map(width).collect();
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        text.push('|');
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(text, " {cell:width$} |");
        }
        text.push('\n');
        if number == 0 {
            text.push('|');
            widths.iter().for_each(|width| {
                let _ = write!(text, "{}|", "-".repeat(width + 2));
            });
            text.push('\n');
        }
    }
    text
}
