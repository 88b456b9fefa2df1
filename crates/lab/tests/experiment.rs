//! Experiments on small tables: what comes out, what is refused, and that an interruption changes nothing.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use melisma_lab::{Error, Outcome, Protocol, Recipe, Watch};

static GO_ON: AtomicBool = AtomicBool::new(false);

fn quiet() -> Watch<'static> {
    Watch {
        stop: &GO_ON,
        say: &|_| {},
        step: &|_, _| {},
    }
}

const LABELS: [&str; 3] = ["hip hop", "żałoba", "R&B, \"soul\""];

/// Windows of tracks by artists of three classes that lie apart, artists and tracks having colours of their own.
fn table(tracks: usize, cell: impl Fn(usize, usize, f64) -> String) -> String {
    let mut text = "filename,artist,a,b,c,d,label\n".to_owned();
    for track in 0..tracks {
        let (class, artist) = (track % 3, track / 6);
        for window in 0..3 {
            let jitter = |salt: usize| ((track * 37 + window * 11 + salt * 53) % 29) as f64 / 29.0 - 0.5;
            let values = [
                class as f64 + jitter(1),
                (class == 1) as usize as f64 * 2.0 + jitter(2) + 0.1 * artist as f64,
                track as f64 * 0.01 + 0.001 * jitter(3),
                jitter(4),
            ];
            let _ = write!(text, "t{track:03}.{window}.wav,artist {artist}");
            for (column, value) in values.into_iter().enumerate() {
                let _ = write!(text, ",{}", cell(track * 3 + window, column, value));
            }
            let _ = writeln!(text, ",\"{}\"", LABELS[class].replace('"', "\"\""));
        }
    }
    text
}

fn plain(_: usize, _: usize, value: f64) -> String {
    value.to_string()
}

const RECIPE: &str = r#"
name = "small"
about = "A small experiment."
seed = 3
steps = [{ kind = "min_max" }]
[data]
collection = "table"
path = "table.csv"
[search]
folds = 3
[report]
rankings = [{ method = "anova" }]
explain = ["forest", "knn"]
[[candidate]]
name = "knn"
classifier = { kind = "knn", k = 1 }
grid = [{ k = [1, 3, 5] }]
[[candidate]]
name = "forest"
classifier = { kind = "forest", trees = 10 }
[[candidate]]
name = "svm"
classifier = { kind = "svm" }
grid = [{ kernel = ["linear", "rbf"], c = [0.1, 1.0, 10.0] }]
[[candidate]]
name = "voting"
members = ["knn", "forest", "svm"]
classifier = { kind = "voting" }
[[candidate]]
name = "stacking"
members = ["knn", "forest", "svm"]
classifier = { kind = "stacking", by = "groups", folds = 3 }
[[candidate]]
name = "both"
fuse = [{ candidate = "knn" }, { candidate = "forest", weight = 2.0 }]
"#;

struct Place(tempfile::TempDir);

impl Place {
    fn new(recipe: &str, table: &str) -> Place {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("recipe.toml"), recipe).unwrap();
        std::fs::write(folder.path().join("table.csv"), table).unwrap();
        Place(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn run(&self, folder: Option<&Path>, watch: Watch<'_>) -> Result<Outcome, Error> {
        Recipe::read(&self.path().join("recipe.toml"))?.run(self.path(), folder, watch)
    }
}

/// What must not depend on time.
fn figures(outcome: &Outcome) -> Vec<(String, Protocol, f64, f64, String)> {
    let row = |row: &melisma_lab::ResultRow| {
        (
            row.name.clone(),
            row.protocol,
            row.scores.accuracy,
            row.scores.log_loss,
            row.params.to_string(),
        )
    };
    outcome.results.iter().map(row).collect()
}

#[test]
fn every_candidate_meets_every_protocol() {
    let place = Place::new(RECIPE, &table(60, plain));
    let outcome = place.run(None, quiet()).unwrap();
    assert_eq!(outcome.results.len(), 6 * 3);
    let json: serde_json::Value = serde_json::from_str(&outcome.to_json().unwrap()).unwrap();
    for row in json["results"].as_array().unwrap() {
        for field in ["accuracy", "low", "high", "fit_cpu_s", "predict_cpu_s"] {
            assert!(row[field].is_number(), "{field} of {row}");
        }
        assert!(row["low"].as_f64() <= row["accuracy"].as_f64());
        assert!(row["params"].is_object() || row["params"].is_array());
    }
    // The classes lie apart, so all find them but for chance.
    for row in &outcome.results {
        assert!(
            row.scores.accuracy > 0.6,
            "{} {}: {}",
            row.name,
            row.protocol,
            row.scores.accuracy
        );
    }
    let labels: Vec<&str> = outcome.labels.iter().map(String::as_str).collect();
    assert_eq!(labels, ["R&B, \"soul\"", "hip hop", "żałoba"]);
    let forest = outcome.explanations.iter().find(|e| e.name == "forest").unwrap();
    assert!(forest.additivity_error < 1e-6 && forest.method == "tree");
    assert_eq!(
        outcome.rankings[0].columns.last().unwrap().name,
        "d",
        "noise comes last"
    );
    // The same on another number of threads.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let again = pool.install(|| place.run(None, quiet())).unwrap();
    assert_eq!(figures(&outcome), figures(&again));
    // The page, with labels as text.
    let folder = place.path().join("results");
    let page = std::fs::read_to_string(outcome.write(&folder, 2, quiet()).unwrap()).unwrap();
    assert!(page.contains("R&amp;B, &quot;soul&quot;") && !page.contains("R&B"));
    for file in [
        "results.json",
        "tables/scores.csv",
        "tables/mcnemar.csv",
        "figures/shap-importance-forest.svg",
    ] {
        assert!(folder.join(file).exists(), "{file}");
    }
}

#[test]
fn no_track_and_no_artist_is_on_both_sides() {
    let place = Place::new(RECIPE, &table(60, plain));
    let data = melisma_lab::Data::table(&place.path().join("table.csv"), None, false, 3).unwrap();
    for protocol in [Protocol::Grouped, Protocol::Filtered] {
        for estimate in [
            melisma_lab::Estimate::Holdout,
            melisma_lab::Estimate::Cross { folds: 4, repeats: 2 },
        ] {
            let parts = data.parts(protocol, estimate, 0, &[0]).unwrap().unwrap();
            for rows in parts.parts {
                let group = |row: usize| data.group(protocol, data.sources[0].track_of[row]);
                let inside: Vec<usize> = rows.train.iter().map(|&(_, row)| group(row)).collect();
                assert!(rows.test.iter().all(|&row| !inside.contains(&group(row))));
                assert_eq!(rows.train.len() + rows.test.len(), 180);
            }
        }
    }
}

#[test]
fn a_search_that_was_stopped_goes_on_to_the_same_end() {
    let nested = RECIPE.replace(
        "[search]",
        "[validation]\nmethod = \"cross\"\nfolds = 3\n[search]",
    );
    let place = Place::new(&nested, &table(60, plain));
    let whole = place.run(None, quiet()).unwrap();
    let folder = place.path().join("results");
    let mut stops = 0;
    let resumed = loop {
        // Each run is stopped after a few fits; what it found stays.
        let (stop, count) = (AtomicBool::new(false), AtomicUsize::new(0));
        let step = |_: usize, _: usize| {
            if count.fetch_add(1, Ordering::Relaxed) > 40 && stops < 3 {
                stop.store(true, Ordering::Relaxed);
            }
        };
        let watch = Watch {
            stop: &stop,
            say: &|_| {},
            step: &step,
        };
        match place.run(Some(&folder), watch) {
            Ok(outcome) => break outcome,
            Err(Error::Interrupted) => stops += 1,
            Err(error) => panic!("{error}"),
        }
    };
    assert!(stops > 0, "it was stopped");
    assert_eq!(figures(&whole), figures(&resumed));
    let ledger = std::fs::read(folder.join("search.ledger")).unwrap();
    assert!(!ledger.is_empty());
    // A torn last line is no harm either.
    std::fs::write(folder.join("search.ledger"), &ledger[..ledger.len() - 5]).unwrap();
    assert_eq!(
        figures(&whole),
        figures(&place.run(Some(&folder), quiet()).unwrap())
    );
}

#[test]
fn bad_tables_are_refused_by_name_or_borne() {
    let said = |recipe: &str, table: &str| place_error(recipe, table);
    // A number that is none, by line and column.
    let nan = table(60, |row, column, value| match (row, column) {
        (7, 1) => "NaN".to_owned(),
        _ => value.to_string(),
    });
    let error = said(RECIPE, &nan);
    assert!(error.contains("line 9") && error.contains('b'), "{error}");
    // One class.
    let alone = table(60, plain)
        .lines()
        .filter(|line| line.ends_with("label") || line.ends_with("hip hop\""))
        .collect::<Vec<_>>()
        .join("\n");
    let error = said(RECIPE, &alone);
    assert!(error.contains("every row is labelled `hip hop`"), "{error}");
    // Fewer rows than folds.
    let many = RECIPE.replacen("folds = 3", "folds = 40", 1);
    let error = said(&many, &table(12, plain));
    assert!(error.contains("rows for 40 folds"), "{error}");
    // A row without a label, and a track with two.
    let empty = table(60, plain).replacen("\"hip hop\"", "\"\"", 1);
    assert!(said(RECIPE, &empty).contains("label"), "{}", said(RECIPE, &empty));
    let two = table(60, plain).replacen("\"hip hop\"", "\"jazz\"", 1);
    assert!(said(RECIPE, &two).contains("another row of it `jazz`"));
    // No table, and a column that is not there.
    let missing = RECIPE.replace("table.csv", "none.csv");
    assert!(said(&missing, "").contains("none.csv"));
    let unknown = RECIPE.replace("name = \"forest\"", "name = \"forest\"\ncolumns = [\"mfcc*\"]");
    let unknown = unknown.replace(
        "members = [\"knn\", \"forest\", \"svm\"]",
        "members = [\"knn\", \"svm\"]",
    );
    assert!(said(&unknown, &table(60, plain)).contains("mfcc*"));
    // A constant column is borne, and so is a class that some fold lacks.
    let constant = table(60, |_, column, value| {
        if column == 3 {
            "5".to_owned()
        } else {
            value.to_string()
        }
    });
    Place::new(RECIPE, &constant).run(None, quiet()).unwrap();
    let rare: String = table(60, plain)
        .lines()
        .filter(|line| !line.contains("żałoba") || line.starts_with("t001") || line.starts_with("t031"))
        .map(|line| format!("{line}\n"))
        .collect();
    let outcome = Place::new(RECIPE, &rare).run(None, quiet()).unwrap();
    assert_eq!(outcome.labels.len(), 3);
}

fn place_error(recipe: &str, table: &str) -> String {
    let place = Place::new(recipe, table);
    place.run(None, quiet()).unwrap_err().to_string()
}

#[test]
fn a_table_without_artists_says_which_protocol_is_missing() {
    let anonymous: String = table(60, plain)
        .lines()
        .map(|line| {
            let mut fields: Vec<&str> = line.splitn(3, ',').collect();
            fields.remove(1);
            format!("{}\n", fields.join(","))
        })
        .collect();
    let outcome = Place::new(RECIPE, &anonymous).run(None, quiet()).unwrap();
    assert!(
        outcome
            .results
            .iter()
            .all(|row| row.protocol != Protocol::Filtered)
    );
    assert!(
        outcome.notes.iter().any(|note| note.contains("filtered")),
        "{:?}",
        outcome.notes
    );
}

#[test]
fn what_is_chosen_has_not_seen_the_test_rows() {
    let choosing = format!("{}\n[choose]\nfolds = 3\nrepeats = 2\n", RECIPE);
    let first = Place::new(&choosing, &table(60, plain))
        .run(None, quiet())
        .unwrap();
    let choice = first.choice.as_ref().unwrap();
    assert_eq!(choice.candidates.len(), 6);
    assert!(
        first.results.iter().all(|row| row.name == choice.chosen),
        "only the chosen one is measured"
    );
    // Test rows of the filtered protocol made unrecognisable: the choice and its scores stay as they are.
    let place = Place::new(&choosing, &table(60, plain));
    let data = melisma_lab::Data::table(&place.path().join("table.csv"), None, false, 3).unwrap();
    let (_, test) = data
        .track_parts(Protocol::Filtered, melisma_lab::Estimate::Holdout)
        .unwrap()
        .unwrap()
        .parts
        .swap_remove(0);
    let spoilt = table(60, |row, _, value| {
        let track = row / 3;
        let tested = test
            .iter()
            .any(|&t| data.tracks[t].id.as_str().contains(&format!("t{track:03}")));
        if tested { "0".to_owned() } else { value.to_string() }
    });
    let second = Place::new(&choosing, &spoilt).run(None, quiet()).unwrap();
    assert_eq!(first.choice, second.choice);
}

#[test]
fn the_results_folder_can_be_anywhere() {
    let place = Place::new(RECIPE, &table(60, plain));
    let blocked: PathBuf = place.path().join("table.csv/results");
    let error = place.run(Some(&blocked), quiet()).unwrap_err().to_string();
    assert!(error.contains("table.csv"), "{error}");
}
