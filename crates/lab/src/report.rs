//! The results folder: a page to read, figures and tables to use elsewhere, the results for programs.

use std::path::{Path, PathBuf};

use melisma_explore::Watch as Looking;
use melisma_explore::report::{Cell, Report, Section, TableView};
use melisma_learn::metrics::Scores;
use melisma_plot::{
    Bars, Beeswarm, Calibration, Caption, CellText, Colors, Confusion, Contribution, Estimates, Figure,
    HeatMap, Intervals, Reliability, Series, Strip, Waterfall,
};
use ndarray::Axis;

use crate::explain::Explanation;
use crate::network::Training;
use crate::outcome::{Outcome, ResultRow};
use crate::protocol::Protocol;
use crate::run::Watch;
use crate::{Error, Result};

/// Inputs shown in figures of importance.
const TOP_INPUTS: usize = 20;
/// Pairs of classes listed as confused.
const PAIRS: usize = 5;
/// Points of a search listed.
const POINTS: usize = 30;

impl Outcome {
    /// Writes `index.html`, `results.json`, `figures/` and `tables/` into a folder; returns the page's path.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Report`] naming the file, [`Error::Interrupted`].
    pub fn write(&self, folder: &Path, threads: usize, watch: Watch<'_>) -> Result<PathBuf> {
        (watch.say)("drawing the report");
        let report = self.report()?;
        let json = self.to_json().map_err(|error| Error::Io {
            path: folder.join("results.json"),
            source: std::io::Error::other(error),
        })?;
        let page = report.write(folder, threads, Looking::none().with_stop(watch.stop))?;
        melisma_plot::save(&folder.join("results.json"), format!("{json}\n").as_bytes())?;
        Ok(page)
    }

    /// The report, not yet written.
    ///
    /// # Errors
    /// [`Error::Report`] when a figure cannot be drawn.
    pub fn report(&self) -> Result<Report> {
        let mut sections = vec![self.results()?];
        sections.extend(self.choice_section());
        sections.push(self.classes()?);
        sections.push(self.calibration()?);
        sections.extend(self.comparison());
        sections.extend(self.searches());
        sections.extend(self.ranking_section()?);
        sections.extend(self.training_section()?);
        sections.extend(self.explanation()?);
        sections.push(self.provenance());
        Ok(Report {
            title: format!("Results of {}", self.recipe),
            sections,
            summary: serde_json::json!({
                "recipe": self.recipe,
                "candidates": self.names(),
                "validation": self.validation,
            }),
        })
    }

    fn results(&self) -> Result<Section> {
        let mut section = Section::new("results", "Results");
        if !self.about.is_empty() {
            section.text.push(self.about.clone());
        }
        section.text.push(format!(
            "Accuracy with 95 % intervals: {}. Random parts the windows of a track and leaks; grouped keeps tracks whole; only \
             artist-filtered says what to expect of music by others.",
            self.validation
        ));
        section.text.extend(self.notes.iter().cloned());
        for (source, unit) in self.views() {
            let views: &[(&str, bool)] = match unit {
                "window" => &[("window", false), ("track", true)],
                _ => &[("track", false)],
            };
            for &(unit, by_track) in views {
                let stem = slug(&format!("accuracy-{source}-by-{unit}"));
                let scores = |row: &ResultRow| match by_track {
                    true => row.track.clone(),
                    false => Some(row.scores.clone()),
                };
                let title = format!("Accuracy, {source}, by {unit}");
                section
                    .figures
                    .push(self.intervals(&stem, &title, &source, &scores)?);
                section
                    .tables
                    .push(self.accuracy_table(&stem, &title, &source, &scores));
            }
        }
        section.tables.push(self.score_table());
        Ok(section)
    }

    /// The networks' layers, and their first training under each protocol, epoch by epoch.
    fn training_section(&self) -> Result<Option<Section>> {
        let mut section = Section::new("training", "Networks");
        section.text.push(
            "Layers and parameters, and the course of the first network of each protocol. Training accuracy is that of the \
             varied rows; a dash in the table of steps means that the training was finished by an earlier run."
                .to_owned(),
        );
        let mut told: Vec<&str> = Vec::new();
        let mut steps = Vec::new();
        for row in &self.results {
            let Some(training) = &row.training else { continue };
            if !told.contains(&row.name.as_str()) {
                told.push(&row.name);
                section.tables.push(layers_table(&row.name, training));
            }
            steps.push(vec![
                row.name.as_str().into(),
                row.protocol.name().into(),
                Cell::Number(training.histories.len() as f64),
                training.step_cpu_ms.map_or_else(|| "–".into(), Cell::Number),
            ]);
            if let Some(history) = training.histories.first() {
                let title = format!("{}, {}", row.name, row.protocol);
                let stem = slug(&format!("training-{}-{}", row.name, row.protocol));
                let figures = melisma_neural::train::curves(history, &stem, &title);
                section.figures.extend(figures.map_err(|error| Error::Network {
                    name: row.name.clone(),
                    protocol: row.protocol,
                    source: Box::new(error),
                })?);
            }
        }
        section.tables.push(TableView {
            id: "steps".to_owned(),
            title: "CPU time of a step".to_owned(),
            header: ["network", "protocol", "networks averaged", "CPU ms a step"]
                .map(str::to_owned)
                .to_vec(),
            rows: steps,
        });
        Ok((!told.is_empty()).then_some(section))
    }

    fn rows_of<'a>(&'a self, source: &'a str) -> impl Iterator<Item = &'a ResultRow> {
        self.results.iter().filter(move |row| row.source == source)
    }

    fn names_of(&self, source: &str) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for row in self.rows_of(source) {
            if !names.contains(&row.name) {
                names.push(row.name.clone());
            }
        }
        names
    }

    fn protocols(&self) -> Vec<Protocol> {
        Protocol::ALL
            .into_iter()
            .filter(|protocol| self.results.iter().any(|row| row.protocol == *protocol))
            .collect()
    }

    fn intervals(
        &self,
        stem: &str,
        title: &str,
        source: &str,
        scores: &dyn Fn(&ResultRow) -> Option<Scores>,
    ) -> Result<Figure> {
        let names = self.names_of(source);
        let protocols = self.protocols();
        let columns: Vec<[Vec<f64>; 3]> = protocols
            .iter()
            .map(|&protocol| {
                let found: Vec<Option<Scores>> = names
                    .iter()
                    .map(|name| self.row(name, protocol, source).and_then(scores))
                    .collect();
                let of = |get: fn(&Scores) -> f64| -> Vec<f64> {
                    found.iter().map(|s| s.as_ref().map_or(f64::NAN, get)).collect()
                };
                [of(|s| s.accuracy), of(|s| s.low), of(|s| s.high)]
            })
            .collect();
        let series: Vec<Estimates<'_>> = protocols
            .iter()
            .zip(&columns)
            .map(|(protocol, [values, low, high])| Estimates {
                name: protocol.title(),
                values,
                low,
                high,
            })
            .collect();
        let figure = Intervals {
            names: &names,
            series: &series,
            axis: "accuracy",
            reference: Some((1.0 / self.labels.len() as f64, "chance")),
            note: &self.validation,
        };
        let description = format!("{title}: one row a candidate, one mark a protocol, with 95 % intervals.");
        Ok(figure.draw(&Caption::new(stem, title, &description))?)
    }

    fn accuracy_table(
        &self,
        stem: &str,
        title: &str,
        source: &str,
        scores: &dyn Fn(&ResultRow) -> Option<Scores>,
    ) -> TableView {
        let mut header = vec!["candidate".to_owned()];
        for protocol in Protocol::ALL {
            header.extend([protocol.title().to_owned(), "low".to_owned(), "high".to_owned()]);
        }
        let rows = self.names_of(source).into_iter().map(|name| {
            let mut row: Vec<Cell> = vec![name.as_str().into()];
            for protocol in Protocol::ALL {
                let found = self.row(&name, protocol, source).and_then(scores);
                let values = found.map_or([f64::NAN; 3], |s| [s.accuracy, s.low, s.high]);
                row.extend(values.map(Cell::Number));
            }
            row
        });
        TableView {
            id: stem.to_owned(),
            title: title.to_owned(),
            rows: rows.collect(),
            header,
        }
    }

    fn score_table(&self) -> TableView {
        let header = [
            "candidate",
            "protocol",
            "source",
            "unit",
            "rows fitted on",
            "rows judged",
            "inputs",
            "accuracy",
            "balanced accuracy",
            "macro precision",
            "macro F1",
            "weighted F1",
            "top 3",
            "kappa",
            "log loss",
            "Brier",
            "calibration error",
            "fit, CPU s",
            "predict, CPU s",
        ];
        let row = |row: &ResultRow| -> Vec<Cell> {
            let s = &row.scores;
            let texts = [
                row.name.as_str(),
                row.protocol.name(),
                row.source.as_str(),
                row.unit,
            ];
            let numbers = [
                row.train_rows as f64,
                s.rows as f64,
                row.inputs as f64,
                s.accuracy,
                s.balanced_accuracy,
                s.macro_precision,
                s.macro_f1,
                s.weighted_f1,
                s.top3_accuracy,
                s.kappa,
                s.log_loss,
                s.brier,
                s.calibration_error,
                row.fit_cpu_s.unwrap_or(f64::NAN),
                row.predict_cpu_s.unwrap_or(f64::NAN),
            ];
            texts
                .map(Cell::from)
                .into_iter()
                .chain(numbers.map(Cell::Number))
                .collect()
        };
        TableView {
            id: "scores".to_owned(),
            title: "All scores".to_owned(),
            header: header.map(str::to_owned).to_vec(),
            rows: self.results.iter().map(row).collect(),
        }
    }

    fn choice_section(&self) -> Option<Section> {
        let choice = self.choice.as_ref()?;
        let mut section = Section::new("choice", "How the candidate was chosen");
        section.text.push(format!(
            "By cross-validation on the {} training tracks of the artist-filtered protocol, {} folds by artist, {} times; what \
             was to be high: {}. Test rows had no say. Chosen: {}.",
            choice.tracks, choice.folds, choice.repeats, choice.score, choice.chosen
        ));
        section.tables.push(TableView {
            id: "choice".to_owned(),
            title: "Cross-validated scores over tracks".to_owned(),
            header: [
                "candidate",
                "accuracy",
                "deviation of the repetitions",
                "log loss",
            ]
            .map(str::to_owned)
            .to_vec(),
            rows: choice
                .candidates
                .iter()
                .map(|c| {
                    vec![
                        c.name.as_str().into(),
                        c.accuracy.into(),
                        c.deviation.into(),
                        c.log_loss.into(),
                    ]
                })
                .collect(),
        });
        Some(section)
    }

    fn classes(&self) -> Result<Section> {
        let mut section = Section::new("classes", "Class by class");
        section.text.push(
            "What is taken for what, in per cent of the true class; precision, recall and F1 of each class are in the table."
                .to_owned(),
        );
        let mut per_class = Vec::new();
        let mut pairs = Vec::new();
        for row in &self.results {
            let stem = slug(&format!("confusion-{}-{}-{}", row.name, row.protocol, row.source));
            let title = format!(
                "{}, {}, {} by {}",
                row.name,
                row.protocol.title(),
                row.source,
                row.unit
            );
            let counts: Vec<u64> = row
                .scores
                .confusion
                .0
                .iter()
                .flatten()
                .map(|&n| n as u64)
                .collect();
            let note = format!(
                "accuracy {:.3} [{:.3}, {:.3}]",
                row.scores.accuracy, row.scores.low, row.scores.high
            );
            let figure = Confusion {
                classes: &self.labels,
                counts: &counts,
                note: &note,
            };
            let description = format!("Confusion matrix of {title}.");
            section
                .figures
                .push(figure.draw(&Caption::new(&stem, &title, &description))?);
            let texts = || [row.name.as_str(), row.protocol.name(), row.source.as_str()].map(Cell::from);
            for (label, report) in self.labels.iter().zip(&row.scores.per_class) {
                let numbers = [report.precision, report.recall, report.f1, report.support as f64];
                let mut cells = texts().to_vec();
                cells.push(label.as_str().into());
                cells.extend(numbers.map(Cell::Number));
                per_class.push(cells);
            }
            for pair in row.scores.confused(PAIRS) {
                let mut cells = texts().to_vec();
                cells.push(self.labels[pair.truth].as_str().into());
                cells.push(self.labels[pair.taken_for].as_str().into());
                cells.push((pair.count as f64).into());
                pairs.push(cells);
            }
        }
        let header = |rest: &[&str]| {
            let first = ["candidate", "protocol", "source"];
            first.iter().chain(rest).map(|&name| name.to_owned()).collect()
        };
        section.tables.push(TableView {
            id: "classes".to_owned(),
            title: "Precision, recall and F1".to_owned(),
            header: header(&["class", "precision", "recall", "F1", "rows"]),
            rows: per_class,
        });
        section.tables.push(TableView {
            id: "confused".to_owned(),
            title: "Most confused pairs".to_owned(),
            header: header(&["class", "taken for", "rows"]),
            rows: pairs,
        });
        Ok(section)
    }

    fn calibration(&self) -> Result<Section> {
        let mut section = Section::new("calibration", "Do probabilities mean what they say?");
        section.text.push(
            "Rows by the probability of the class decided for: how sure the candidate was against how often it was right."
                .to_owned(),
        );
        for (source, unit) in self.views() {
            for protocol in self.protocols() {
                let rows: Vec<&ResultRow> = self
                    .rows_of(&source)
                    .filter(|row| row.protocol == protocol)
                    .collect();
                let bins: Vec<Bins> = rows.iter().map(|row| all_bins(&row.scores)).collect();
                let series: Vec<Calibration<'_>> = rows
                    .iter()
                    .zip(&bins)
                    .map(|(row, (confidence, right, counts))| Calibration {
                        name: &row.name,
                        confidence,
                        right,
                        counts,
                    })
                    .collect();
                if series.is_empty() {
                    continue;
                }
                let stem = slug(&format!("calibration-{source}-{protocol}"));
                let title = format!("Calibration, {source} by {unit}, {}", protocol.title());
                let description =
                    format!("{title}: mean confidence against the share that is right, bin by bin.");
                let figure = Reliability {
                    series: &series,
                    note: "",
                };
                section
                    .figures
                    .push(figure.draw(&Caption::new(&stem, &title, &description))?);
            }
        }
        Ok(section)
    }

    fn comparison(&self) -> Option<Section> {
        if self.comparisons.is_empty() {
            return None;
        }
        let mut section = Section::new("comparison", "Which differences can be told from chance");
        section.text.push(
            "McNemar's exact test over tracks (windows of one track are not independent): how many tracks only one of two has \
             right, and how probable a difference that large is if both are equally good. Among so many pairs, one in twenty falls \
             below 0.05 by chance."
                .to_owned(),
        );
        section.tables.push(TableView {
            id: "mcnemar".to_owned(),
            title: "McNemar's test".to_owned(),
            header: [
                "protocol",
                "source",
                "first",
                "second",
                "only first right",
                "only second right",
                "p",
            ]
            .map(str::to_owned)
            .to_vec(),
            rows: self
                .comparisons
                .iter()
                .map(|c| {
                    vec![
                        c.protocol.name().into(),
                        c.source.as_str().into(),
                        c.first.as_str().into(),
                        c.second.as_str().into(),
                        (c.test.first_only as f64).into(),
                        (c.test.second_only as f64).into(),
                        c.test.p.into(),
                    ]
                })
                .collect(),
        });
        Some(section)
    }

    fn searches(&self) -> Option<Section> {
        let mut section = Section::new("search", "Searches");
        section.text.push(
            "Cross-validated scores on the training rows; folds keep together what the protocol keeps together. Of cross-validated \
             results the first fold's search is shown."
                .to_owned(),
        );
        for row in &self.results {
            let Some(search) = &row.search else { continue };
            let mut tried: Vec<_> = search.tried.iter().collect();
            tried.sort_by(|a, b| {
                (b.2, b.1)
                    .partial_cmp(&(a.2, a.1))
                    .unwrap_or(std::cmp::Ordering::Equal)
            });
            let title = format!(
                "{}, {}, {}: the best of {} points",
                row.name,
                row.protocol.title(),
                row.source,
                search.points
            );
            section.tables.push(TableView {
                id: slug(&format!("search-{}-{}-{}", row.name, row.protocol, row.source)),
                title,
                header: ["parameters", "mean score", "share of rows"]
                    .map(str::to_owned)
                    .to_vec(),
                rows: tried
                    .into_iter()
                    .take(POINTS)
                    .map(|(set, mean, share)| {
                        vec![set.to_string().as_str().into(), (*mean).into(), (*share).into()]
                    })
                    .collect(),
            });
        }
        (!section.tables.is_empty()).then_some(section)
    }

    fn ranking_section(&self) -> Result<Option<Section>> {
        if self.rankings.is_empty() {
            return Ok(None);
        }
        let mut section = Section::new("rankings", "Columns ranked");
        section.text.push(
            "On the training rows of the strictest protocol only. Each method asks something else: chi-square and F how the class \
             means lie apart, mutual information how much a column says about the class at all."
                .to_owned(),
        );
        for ranking in &self.rankings {
            let columns = &ranking.columns;
            let shown = columns.len().min(TOP_INPUTS);
            let names: Vec<String> = columns[..shown]
                .iter()
                .map(|column| column.name.clone())
                .collect();
            let scores: Vec<f64> = columns[..shown].iter().map(|column| column.score).collect();
            let figure = Bars {
                names: &names,
                series: &[Series {
                    name: &ranking.method,
                    values: &scores,
                }],
                axis: &ranking.method,
                ..Bars::default()
            };
            let stem = slug(&format!("ranking-{}", ranking.method));
            let title = format!("Columns by {}", ranking.method);
            if scores.iter().any(|score| score.is_finite()) {
                let description = format!("{title}: the best {shown}.");
                section
                    .figures
                    .push(figure.draw(&Caption::new(&stem, &title, &description))?);
            }
            section.tables.push(TableView {
                id: stem,
                title,
                header: ["column", "score", "p"].map(str::to_owned).to_vec(),
                rows: columns
                    .iter()
                    .map(|c| {
                        vec![
                            c.name.as_str().into(),
                            c.score.into(),
                            c.p.unwrap_or(f64::NAN).into(),
                        ]
                    })
                    .collect(),
            });
        }
        Ok(Some(section))
    }

    fn explanation(&self) -> Result<Option<Section>> {
        if self.explanations.is_empty() {
            return Ok(None);
        }
        let mut section = Section::new("explanations", "What decisions rest on");
        section.text.push(
            "SHAP values of test rows: what each input adds to the probability (or margin) of a class, from what is said of an \
             unknown row. They tell what the model made of an input, not what causes a genre."
                .to_owned(),
        );
        for explanation in &self.explanations {
            section.text.push(format!(
                "{}: {} rows by {} SHAP, {}; shares and base miss the output by at most {:.1e}.",
                explanation.name,
                explanation.rows,
                explanation.method,
                explanation.unit,
                explanation.additivity_error
            ));
            section.figures.extend(self.explanation_figures(explanation)?);
            let mut header = vec!["input".to_owned()];
            header.extend(self.labels.iter().cloned());
            section.tables.push(TableView {
                id: slug(&format!("shap-{}", explanation.name)),
                title: format!("Mean absolute SHAP values, {}", explanation.name),
                header,
                rows: explanation
                    .inputs
                    .iter()
                    .zip(&explanation.importance)
                    .map(|(name, values)| {
                        let mut row: Vec<Cell> = vec![name.as_str().into()];
                        row.extend(values.iter().map(|&value| Cell::Number(value)));
                        row
                    })
                    .collect(),
            });
        }
        Ok(Some(section))
    }

    fn explanation_figures(&self, explanation: &Explanation) -> Result<Vec<Figure>> {
        let shown = explanation.inputs.len().min(TOP_INPUTS);
        let inputs = &explanation.inputs[..shown];
        let of_class: Vec<Vec<f64>> = (0..self.labels.len())
            .map(|class| {
                explanation.importance[..shown]
                    .iter()
                    .map(|values| values[class])
                    .collect()
            })
            .collect();
        let series: Vec<Series<'_>> = self
            .labels
            .iter()
            .zip(&of_class)
            .map(|(name, values)| Series { name, values })
            .collect();
        let name = &explanation.name;
        let axis = format!("mean |SHAP value| ({})", explanation.unit);
        let mut figures = Vec::new();
        let id = |kind: &str| slug(&format!("shap-{kind}-{name}"));
        let title = format!("What {name} listens to");
        let bars = Bars {
            names: inputs,
            series: &series,
            stacked: true,
            axis: &axis,
            ..Bars::default()
        };
        figures.push(bars.draw(&Caption::new(
            &id("importance"),
            &title,
            "The most important inputs, by class.",
        ))?);
        let values: Vec<f64> = of_class.iter().flatten().copied().collect();
        let map = HeatMap {
            rows: &self.labels,
            columns: inputs,
            values: &values,
            colors: Colors::Count,
            value: &axis,
            row_axis: "class",
            column_axis: "input",
            cell_text: CellText::None,
            ..HeatMap::default()
        };
        let title = format!("What {name} listens to, class by class");
        figures.push(map.draw(&Caption::new(
            &id("classes"),
            &title,
            "Importance of inputs for each class.",
        ))?);
        for (class, label) in self.labels.iter().enumerate() {
            figures.push(self.beeswarm(explanation, class, label)?);
        }
        figures.extend(self.waterfall(explanation)?);
        Ok(figures)
    }

    fn beeswarm(&self, explanation: &Explanation, class: usize, label: &str) -> Result<Figure> {
        let of_class = explanation.attributions.values.index_axis(Axis(2), class);
        let mut order: Vec<usize> = (0..explanation.inputs.len()).collect();
        order.sort_by(|&a, &b| explanation.importance[b][class].total_cmp(&explanation.importance[a][class]));
        order.truncate(TOP_INPUTS);
        let columns: Vec<(Vec<f64>, Vec<f64>)> = order
            .iter()
            .map(|&input| {
                (
                    of_class.column(input).to_vec(),
                    explanation.x.column(input).to_vec(),
                )
            })
            .collect();
        let strips: Vec<Strip<'_>> = order
            .iter()
            .zip(&columns)
            .map(|(&input, (contributions, values))| Strip {
                name: &explanation.inputs[input],
                contributions,
                values,
            })
            .collect();
        let axis = format!("SHAP value ({} of {label})", explanation.unit);
        let figure = Beeswarm {
            strips: &strips,
            axis: &axis,
            note: "",
        };
        let title = format!("Why {label}? {}", explanation.name);
        let description = format!("What each input adds for {label}, one point a test row.");
        let id = slug(&format!("shap-why-{}-{class:02}-{label}", explanation.name));
        Ok(figure.draw(&Caption::new(&id, &title, &description))?)
    }

    /// The row that is most surely recognised as what it is.
    fn waterfall(&self, explanation: &Explanation) -> Result<Option<Figure>> {
        let sure = |row: &usize| explanation.probabilities[[*row, explanation.truth[*row]]];
        let Some(row) = (0..explanation.truth.len()).max_by(|a, b| sure(a).total_cmp(&sure(b))) else {
            return Ok(None);
        };
        let class = explanation.truth[row];
        let label = &self.labels[class];
        let base = explanation.attributions.base[class];
        if !base.is_finite() {
            return Ok(None);
        }
        let contributions: Vec<Contribution<'_>> = explanation
            .inputs
            .iter()
            .enumerate()
            .map(|(input, name)| Contribution {
                name,
                value: explanation.x[[row, input]],
                adds: explanation.attributions.values[[row, input, class]],
            })
            .collect();
        let axis = format!("{} of {label}", explanation.unit);
        let figure = Waterfall {
            base,
            contributions: &contributions,
            shown: None,
            axis: &axis,
            note: "The test row that is recognised most surely; inputs as they are behind the steps.",
        };
        let title = format!("Why {label}? One row, {}", explanation.name);
        let description = format!("From an unknown row to this one: what each input adds for {label}.");
        let id = slug(&format!("shap-one-{}", explanation.name));
        Ok(Some(figure.draw(&Caption::new(&id, &title, &description))?))
    }

    fn provenance(&self) -> Section {
        let mut section = Section::new("provenance", "Data, splits, versions");
        section.text.push(format!(
            "melisma {}; recipe {} (SHA-256 {}), seed {}.",
            self.melisma, self.recipe, self.recipe_sha256, self.seed
        ));
        let table = |id: &str, title: &str, header: &[&str], rows: Vec<Vec<Cell>>| TableView {
            id: id.to_owned(),
            title: title.to_owned(),
            header: header.iter().map(|&name| name.to_owned()).collect(),
            rows,
        };
        let files = self
            .data
            .iter()
            .map(|(name, hash)| vec![name.as_str().into(), hash.as_str().into()]);
        section
            .tables
            .push(table("data", "Files", &["file", "SHA-256"], files.collect()));
        let splits = self.splits.iter().map(|split| {
            let seed = split
                .seed
                .map_or_else(|| "none".to_owned(), |seed| seed.to_string());
            vec![
                split.name.as_str().into(),
                seed.as_str().into(),
                split.sha256.as_str().into(),
            ]
        });
        section.tables.push(table(
            "splits",
            "Splits",
            &["split", "seed", "SHA-256"],
            splits.collect(),
        ));
        let params = self.results.iter().map(|row| {
            vec![
                row.name.as_str().into(),
                row.protocol.name().into(),
                row.source.as_str().into(),
                row.params.to_string().as_str().into(),
            ]
        });
        let header = ["candidate", "protocol", "source", "parameters"];
        section
            .tables
            .push(table("parameters", "Parameters", &header, params.collect()));
        section
    }
}

/// Mean confidence, share right and number of rows of each bin, the empty ones included.
type Bins = (Vec<f64>, Vec<f64>, Vec<u64>);

/// The bins of equal width between 0 and 1.
fn all_bins(scores: &Scores) -> Bins {
    let width = scores.reliability.first().map_or(0.1, |bin| bin.to - bin.from);
    let count = (1.0 / width).round() as usize;
    let mut bins = (vec![f64::NAN; count], vec![f64::NAN; count], vec![0; count]);
    for bin in &scores.reliability {
        let place = ((bin.from / width).round() as usize).min(count - 1);
        bins.0[place] = bin.confidence.clamp(0.0, 1.0);
        bins.1[place] = bin.accuracy;
        bins.2[place] = bin.rows as u64;
    }
    bins
}

/// A name as the stem of a file's name.
fn slug(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') {
                c
            } else {
                '-'
            }
        })
        .take(120)
        .collect()
}

/// A network layer by layer.
fn layers_table(name: &str, training: &Training) -> TableView {
    let size = |shape: &[usize]| shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ");
    let rows = training.layers.rows.iter().map(|row| {
        vec![
            row.layer.as_str().into(),
            size(&row.shape).as_str().into(),
            Cell::Number(row.parameters as f64),
        ]
    });
    let mut rows: Vec<Vec<Cell>> = rows.collect();
    rows.push(vec![
        "all".into(),
        "".into(),
        Cell::Number(training.parameters as f64),
    ]);
    TableView {
        id: slug(&format!("layers-{name}")),
        title: format!("Layers of {name}"),
        header: ["layer", "output", "parameters"].map(str::to_owned).to_vec(),
        rows,
    }
}
