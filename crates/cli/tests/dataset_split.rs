//! `melisma dataset split` as its users meet it.

mod common;

use std::path::Path;

use common::{RATE, melisma, music, put, run, wav16};
use melisma_dataset::split::Place;
use melisma_dataset::{Part, Split};

/// Four artists of five tracks with two windows each, in two genres.
fn table(folder: &Path) -> std::path::PathBuf {
    let mut text = "filename,loudness,label,artist\n".to_owned();
    for track in 0..20 {
        for window in 0..2 {
            let (label, artist) = (["jazz", "rock"][track % 2], track / 5);
            text += &format!("song{track}.{window}.mp3,0.5,{label},artist {artist}\n");
        }
    }
    put(folder.join("table.csv"), text)
}

#[test]
fn artists_stay_together_and_the_file_says_how() {
    let folder = tempfile::tempdir().unwrap();
    let (table, output) = (table(folder.path()), folder.path().join("split.csv"));
    let command = || {
        let mut command = melisma![
            "dataset", "split", &table, "--method", "artist", "--seed", "1", "--json"
        ];
        command
            .args(["--fractions", "0.5,0.25,0.25", "--output"])
            .arg(&output);
        command
    };
    let said = run(command()).succeeded().json();
    let split = Split::read(&output).unwrap();
    assert_eq!(said["sha256"], split.hash());
    assert_eq!(
        (said["seed"].as_u64(), said["groups"].as_u64()),
        (Some(1), Some(4))
    );
    let sizes = Part::ALL.map(|part| split.at(Place::Part(part)).count());
    assert_eq!(sizes, [20, 10, 10]);
    assert_eq!(split.place("song0.0.mp3"), split.place("song4.1.mp3"));
    let first = std::fs::read(&output).unwrap();
    run(command()).succeeded();
    assert_eq!(
        std::fs::read(&output).unwrap(),
        first,
        "the same seed gives the same bytes"
    );
    let plain = run(melisma![
        "dataset", "split", &table, "--method", "track", "--folds", "4", "-o", &output
    ]);
    assert!(plain.succeeded().stdout.contains("sha256"));
    assert_eq!(Split::read(&output).unwrap().at(Place::Fold(3)).count(), 10);
}

#[test]
fn a_parquet_table_is_split_as_its_csv_is() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..6 {
        let name = format!("music/{}/song{number}.wav", ["blues", "jazz"][number % 2]);
        put(folder.path().join(name), wav16(&music(number as u64, 1.2, RATE)));
    }
    let (music, output) = (folder.path().join("music"), folder.path().join("split.csv"));
    let split = |name: &str| {
        let table = folder.path().join(name);
        run(melisma!["features", &music, "--window", "0.5", "-o", &table]).succeeded();
        let ran = run(melisma![
            "dataset", "split", &table, "--method", "track", "--folds", "3", "--seed", "5", "--json", "-o",
            &output
        ]);
        let said = ran.succeeded().json();
        let split = Split::read(&output).unwrap();
        let places: Vec<_> = split.places().map(|(id, place)| (id.to_owned(), place)).collect();
        (said["groups"].clone(), said["counts"].clone(), places)
    };
    let of_csv = split("table.csv");
    assert_eq!((of_csv.0.as_u64(), of_csv.2.len()), (Some(6), 12));
    assert!(of_csv.1.to_string().contains("jazz"));
    assert_eq!(split("table.parquet"), of_csv);
}

#[test]
fn lists_and_faults() {
    let folder = tempfile::tempdir().unwrap();
    let (table, output) = (table(folder.path()), folder.path().join("split.csv"));
    let train = put(folder.path().join("train.txt"), "song1.mp3\nsong99.mp3\n");
    let list = format!("train={}", train.display());
    let ran = run(melisma![
        "dataset", "split", &table, "--method", "lists", "--list", &list, "-o", &output
    ]);
    ran.succeeded().said(&["1 names of train", "song99.mp3"]);
    assert_eq!(Split::read(&output).unwrap().len(), 2);
    std::fs::remove_file(&output).unwrap();
    let split = |args: &[&str]| {
        let mut command = melisma!["dataset", "split", &table, "-o", &output];
        command.args(args);
        run(command)
    };
    split(&["--method", "group", "--column", "year"]).refused(&["table.csv", "`year`"]);
    split(&["--method", "artist", "--folds", "5"]).refused(&["5 folds of 4 groups"]);
    split(&["--method", "official"]).refused(&["table.csv", "no parts"]);
    split(&["--method", "lists"]).refused(&["--list"]);
    split(&["--method", "random", "--fractions", "0.7,0.7"]).refused(&["sum to 1"]);
    split(&["--method", "gtzan-filtered"]).refused(&["name no row"]);
    assert!(!output.exists());
}

#[test]
#[cfg_attr(
    not(melisma_data),
    ignore = "needs the data folder (../shared/data or MELISMA_DATA)"
)]
fn the_filtered_split_of_gtzan() {
    let data = Path::new(option_env!("MELISMA_TEST_DATA").unwrap_or_default()).join("gtzan");
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("split.csv");
    let table = data.join("features_30_sec.csv");
    let ran = run(melisma![
        "dataset",
        "split",
        &table,
        "--method",
        "gtzan-filtered",
        "-o",
        &output,
        "--json"
    ]);
    let said = ran.succeeded().said(&["jazz.00054", "corrupt"]).json();
    assert_eq!(said["unassigned"], 70);
    let split = Split::read(&output).unwrap();
    assert_eq!(
        Part::ALL.map(|part| split.at(Place::Part(part)).count()),
        [443, 197, 290]
    );
    let (artists, copies) = (data.join("artists.txt"), data.join("duplicates.txt"));
    let mut command = melisma![
        "dataset",
        "split",
        &table,
        "--method",
        "stratified-group",
        "--folds",
        "5"
    ];
    command.args([
        "--artists".as_ref(),
        artists.as_os_str(),
        "--duplicates".as_ref(),
        copies.as_os_str(),
    ]);
    command.arg("-o").arg(&output);
    run(command).succeeded();
    let split = Split::read(&output).unwrap();
    // John Lee Hooker, and a bit-identical pair.
    assert_eq!(split.place("blues.00000.wav"), split.place("blues.00011.wav"));
    assert_eq!(split.place("reggae.00081.wav"), split.place("reggae.00082.wav"));
}
