//! `melisma run`: what it prints, what it writes, what it refuses, and that a kill changes nothing.

mod common;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use common::{melisma, put, run, wait};
use tempfile::tempdir;

const RECIPE: &str = r#"
name = "small"
seed = 3
steps = [{ kind = "min_max" }]
[data]
collection = "table"
path = "table.csv"
[[candidate]]
name = "knn"
classifier = { kind = "knn", k = 1 }
[[candidate]]
name = "boost"
classifier = { kind = "boost", rounds = 20, depth = 3 }
grid = [{ rounds = [10, 20, 40, 80], depth = [2, 3, 4] }]
"#;

fn table() -> String {
    let mut text = "filename,artist,a,b,c,label\n".to_owned();
    for row in 0..240 {
        let (track, class) = (row / 3, row / 3 % 4);
        let jitter = |salt: usize| ((row * 37 + salt * 53) % 101) as f64 / 50.0;
        let (a, b) = ((class / 2) as f64 + jitter(1), (class % 2) as f64 + jitter(2));
        let _ = writeln!(
            text,
            "t{track:03}.{}.wav,artist {},{a},{b},{},genre {class}",
            row % 3,
            track / 8,
            jitter(3)
        );
    }
    text
}

fn command(folder: &Path, output: &str) -> std::process::Command {
    let mut command = melisma!("run");
    command.arg(folder.join("recipe.toml")).arg("--data").arg(folder);
    command.args(["--json", "--output"]).arg(folder.join(output));
    command
}

/// The results without what depends on time.
fn figures(json: &serde_json::Value) -> Vec<String> {
    let rows = json["results"].as_array().unwrap();
    let keys = [
        "name", "protocol", "accuracy", "low", "high", "log_loss", "params", "search",
    ];
    rows.iter()
        .map(|row| keys.map(|key| row[key].to_string()).join(" "))
        .collect()
}

#[test]
fn results_are_printed_and_written() {
    let folder = tempdir().unwrap();
    put(folder.path().join("recipe.toml"), RECIPE);
    put(folder.path().join("table.csv"), table());
    let json = run(command(folder.path(), "out")).succeeded().json();
    assert_eq!(json["recipe"], "small");
    let rows = json["results"].as_array().unwrap();
    assert_eq!(rows.len(), 6);
    for protocol in ["random", "grouped", "filtered"] {
        assert!(
            rows.iter()
                .any(|row| row["name"] == "knn" && row["protocol"] == protocol)
        );
    }
    let written = fs::read(folder.path().join("out/results.json")).unwrap();
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&written).unwrap(),
        json
    );
    for file in [
        "index.html",
        "tables/scores.csv",
        "figures/accuracy-table-csv-by-window.svg",
    ] {
        assert!(folder.path().join("out").join(file).exists(), "{file}");
    }
}

#[test]
fn a_run_that_was_killed_goes_on_to_the_same_end() {
    let folder = tempdir().unwrap();
    put(folder.path().join("recipe.toml"), RECIPE);
    put(folder.path().join("table.csv"), table());
    let whole = run(command(folder.path(), "whole")).succeeded().json();
    let ledger = folder.path().join("killed/search.ledger");
    let mut child = command(folder.path(), "killed")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Killed as soon as it knows something; if it is quicker than that, the second run finds all it needs.
    while fs::metadata(&ledger).map_or(0, |file| file.len()) < 1000 && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let _ = child.kill();
    wait(&mut child);
    let known = fs::read(&ledger).unwrap();
    assert!(!known.is_empty());
    let resumed = run(command(folder.path(), "killed")).succeeded().json();
    assert_eq!(figures(&whole), figures(&resumed));
    assert!(fs::read(&ledger).unwrap().len() >= known.len().saturating_sub(100));
}

#[test]
fn faults_are_refused_by_name() {
    let folder = tempdir().unwrap();
    put(folder.path().join("table.csv"), table());
    for (from, to, said) in [
        ("seed = 3", "sead = 3", "sead"),
        ("table.csv", "none.csv", "none.csv"),
        ("rounds = 20, depth", "rounds = 20, deepth", "deepth"),
    ] {
        put(folder.path().join("recipe.toml"), RECIPE.replacen(from, to, 1));
        run(command(folder.path(), "out")).refused(&[said]);
    }
    let mut missing = melisma!("run");
    missing.arg(folder.path().join("no.toml"));
    run(missing).refused(&["no.toml"]);
}
