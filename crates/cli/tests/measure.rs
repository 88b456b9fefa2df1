//! `melisma measure`: tables and lines for files, bad ones among them, and sets against each other.

mod common;

use std::path::Path;

use common::{melisma, put, run};
use melisma_score::{Note, Score, Track, to_bytes};
use tempfile::{TempDir, tempdir};

/// A tune of so many bars that moves by these steps.
fn tune(start: u8, steps: &[u8], bars: u32) -> Vec<u8> {
    let note = |beat: u32| Note {
        onset: beat * 480,
        pitch: start + steps[beat as usize % steps.len()],
        duration: 480,
        velocity: 80,
    };
    let track = Track {
        notes: (0..4 * bars).map(note).collect(),
        ..Track::default()
    };
    to_bytes(&Score {
        tracks: vec![track],
        ..Score::default()
    })
}

/// A folder of two tunes in two depths, and a file that is none beside them.
fn folder() -> TempDir {
    let folder = tempdir().unwrap();
    put(folder.path().join("b.mid"), tune(60, &[0, 4, 7], 6));
    put(folder.path().join("a/c.KAR"), tune(50, &[0, 2, 3, 9, 5], 9));
    put(folder.path().join("notes.txt"), "no music");
    folder
}

fn file(line: &serde_json::Value) -> &str {
    Path::new(line["file"].as_str().unwrap())
        .file_name()
        .unwrap()
        .to_str()
        .unwrap()
}

#[test]
fn one_piece_is_analysed() {
    let folder = folder();
    let path = folder.path().join("b.mid");
    let table = run(melisma!("measure", &path)).succeeded().stdout;
    let line = |head: &str| {
        let found = table.lines().find(|line| line.starts_with(head));
        found.unwrap_or_else(|| panic!("{head}: {table}")).to_owned()
    };
    assert!(line("key").contains("C major (correlation 0."), "{table}");
    assert!(line("chords").split_whitespace().nth(1) == Some("C"), "{table}");
    assert!(line("form").ends_with('A'), "{table}");
    assert!(line("tracks").contains("melody  acoustic grand piano"), "{table}");
    assert!(line("swing").ends_with('-'), "no eighths: {table}");
    let said = run(melisma!("measure", &path, "--json")).succeeded().json();
    assert_eq!(said["analysis"]["key"]["key"], "C major");
    assert_eq!(said["analysis"]["form"], "A");
    assert_eq!(said["analysis"]["roles"][0]["role"], "melody");
    assert_eq!(said["analysis"]["chords"][0]["chord"], "C");
    assert_eq!(said["analysis"]["sections"][0]["key"]["key"], "C major");
    assert_eq!(said["instruments"][0], "acoustic grand piano");
    // Of several, the table has a row each and nothing more.
    let table = run(melisma!("measure", folder.path())).succeeded().stdout;
    assert!(!table.contains("form"), "{table}");
}

#[test]
fn a_folder_is_measured_in_order_whatever_the_threads() {
    let folder = folder();
    let one = run(melisma!("measure", folder.path(), "--json", "--threads", "1")).succeeded();
    let lines = one.json_lines();
    assert_eq!(lines.iter().map(file).collect::<Vec<_>>(), ["c.KAR", "b.mid"]);
    assert_eq!(
        (&lines[1]["measures"]["notes"], &lines[1]["measures"]["bars"]),
        (&24.into(), &6.into())
    );
    assert!(lines[1]["measures"]["drum_pattern_consistency"].is_null() && lines[1]["copies"].is_null());
    let two = run(melisma!("measure", folder.path(), "--json", "--threads", "2")).succeeded();
    assert_eq!(one.stdout, two.stdout);
    let table = run(melisma!("measure", folder.path())).succeeded().stdout;
    let rows: Vec<Vec<&str>> = table
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(rows.len(), 4, "{table}");
    assert_eq!(rows[0][..3], ["file", "notes", "bars"]);
    assert_eq!(rows[2][1..3], ["24", "6"]);
    assert_eq!(rows[3][..3], ["mean", "30.0", "7.5"]);
}

#[test]
fn bad_files_are_named_and_the_others_measured() {
    let folder = folder();
    put(folder.path().join("bad.mid"), "<html>");
    let mut cut = tune(60, &[0], 2);
    cut.truncate(cut.len() - 4);
    put(folder.path().join("cut.mid"), cut);
    let ran = run(melisma!("measure", folder.path(), "missing.mid", "--json"))
        .refused(&["bad.mid", "web page"])
        .said(&["missing.mid"])
        .said(&["cut.mid", "no end of track"])
        .said(&["2 of 5 files"]);
    let lines = ran.json_lines();
    assert_eq!(
        lines.iter().map(file).collect::<Vec<_>>(),
        ["c.KAR", "b.mid", "bad.mid", "cut.mid", "missing.mid"]
    );
    assert!(lines[2]["error"].as_str().unwrap().starts_with("a web page"));
    let empty = tempdir().unwrap();
    run(melisma!("measure", empty.path())).refused(&["no MIDI files here"]);
}

#[test]
fn a_set_against_another_tells_differences_and_copies() {
    let (here, there) = (folder(), folder());
    put(here.path().join("moved.mid"), tune(63, &[0, 4, 7], 6));
    put(here.path().join("new.mid"), tune(40, &[0, 11, 3, 1], 4));
    let ran = || {
        run(melisma!(
            "measure",
            here.path(),
            "--against",
            there.path(),
            "--json",
            "--seed",
            "5"
        ))
        .succeeded()
    };
    let lines = ran().json_lines();
    assert_eq!(lines.len(), 5);
    let share = |line: usize, key: &str| lines[line]["copies"][key]["share_4_bars"].as_f64().unwrap();
    // c.KAR, b.mid, moved.mid, new.mid
    let rates: Vec<(f64, f64)> = (0..4)
        .map(|line| (share(line, "exact"), share(line, "transposed")))
        .collect();
    assert_eq!(rates, [(1.0, 1.0), (1.0, 1.0), (0.0, 1.0), (0.0, 0.0)]);
    let comparison = &lines[4]["comparison"];
    assert_eq!(comparison["pieces"], serde_json::json!([4, 2]));
    assert_eq!(comparison["copies"]["exact"]["longest_bars"], 9);
    assert_eq!(comparison["copies"]["exact"]["share_4_bars"], 0.5);
    let notes = &comparison["measures"][0];
    assert_eq!(
        (&notes["measure"], &notes["means"]),
        (&"notes".into(), &serde_json::json!([25.0, 30.0]))
    );
    let (low, high) = (
        notes["interval"][0].as_f64().unwrap(),
        notes["interval"][1].as_f64().unwrap(),
    );
    assert!(low < -5.0 && high > -5.0);
    assert_eq!(ran().stdout, ran().stdout);
    let table = run(melisma!("measure", here.path(), "--against", there.path()))
        .succeeded()
        .stdout;
    assert!(
        table.contains("4 pieces here, 2 there") && table.contains("longest 9 bars"),
        "{table}"
    );
    run(melisma!("measure", here.path(), "--against", here.path()))
        .succeeded()
        .said(&["in both sets", "4"]);
}
