//! `melisma explore`: the report, its files and its refusals; the page in a browser, where one is at hand.

mod common;

use std::fs;
use std::path::Path;

use common::{RATE, Ran, melisma, music as sound, put, run, wav16};

/// A table of three classes in four features, with a gap, a copy of a column and a column of text.
fn table(rows: usize) -> String {
    let mut text = String::from("filename,one,two,<three>,again,title,label\n");
    for row in 0..rows {
        let class = row % 3;
        let noise = |step: usize| ((row * step) % 17) as f64 / 17.0;
        let one = class as f64 * 2.0 + noise(5);
        let two = if row == 7 {
            String::new()
        } else {
            noise(3).to_string()
        };
        text.push_str(&format!(
            "clip {row} & more.wav,{one},{two},{},{},song {row},{}\n",
            class as f64 - noise(11),
            one * 2.0 + 0.01 * noise(7),
            ["jazz", "rock & roll", "<b>blues</b>"][class]
        ));
    }
    text
}

fn explore(source: &Path, output: &Path, more: &[&str]) -> Ran {
    let mut command = melisma!["explore", source, "--output", output];
    command.args(more);
    run(command)
}

#[test]
fn a_table_gives_a_page_and_figures_with_their_data() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("t.csv");
    fs::write(&source, table(60)).unwrap();
    let output = folder.path().join("report");
    let done = explore(&source, &output, &["--json", "--threads", "2"])
        .succeeded()
        .json();
    assert_eq!(done["summary"]["rows"], 60);
    assert_eq!(done["summary"]["columns"], 4);
    assert_eq!(done["summary"]["classes"], 3);
    assert_eq!(done["summary"]["missing_values"], 1);
    let page = fs::read_to_string(output.join("index.html")).unwrap();
    // Foreign names are text, never markup.
    assert!(page.contains("&lt;b&gt;blues&lt;/b&gt;") && !page.contains("<b>blues"));
    assert!(page.contains("Columns of text, which are not looked at: title."));
    assert!(
        !page.contains("src=\"http") && !page.contains("@import"),
        "the page needs no other file"
    );
    let mut figures = 0;
    for entry in fs::read_dir(output.join("figures")).unwrap() {
        let path = entry.unwrap().path();
        assert!(fs::metadata(&path).unwrap().len() > 0, "{}", path.display());
        if path.extension().is_some_and(|e| e == "svg") {
            figures += 1;
            assert!(path.with_extension("png").is_file() && path.with_extension("csv").is_file());
            let id = path.file_stem().unwrap().to_string_lossy().into_owned();
            assert!(page.contains(&format!("id=\"figure-{id}\"")), "{id}");
        }
    }
    assert_eq!(done["figures"], figures);
    assert!(figures >= 15, "{figures}");
    for name in ["statistics", "separation", "correlated-pairs", "outliers"] {
        let csv = fs::read_to_string(output.join("tables").join(name).with_extension("csv")).unwrap();
        assert!(csv.lines().count() > 1, "{name}");
    }
    let summary: serde_json::Value =
        serde_json::from_slice(&fs::read(output.join("summary.json")).unwrap()).unwrap();
    assert_eq!(summary, done["summary"]);
}

#[test]
fn the_same_seed_gives_the_same_report_on_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("t.csv");
    fs::write(&source, table(48)).unwrap();
    let report = |threads: &str| {
        let output = folder.path().join(threads);
        explore(&source, &output, &["--threads", threads, "--seed", "7"]).succeeded();
        fs::read_to_string(output.join("index.html")).unwrap()
    };
    assert_eq!(report("1"), report("3"));
}

#[test]
fn a_sampled_report_says_where_it_sampled() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("t.csv");
    fs::write(&source, table(900)).unwrap();
    let output = folder.path().join("report");
    let done = explore(&source, &output, &["--json", "--sample", "200"])
        .succeeded()
        .json();
    assert_eq!(done["summary"]["rows"], 900);
    assert_eq!(done["summary"]["rows_held"], 200);
    let page = fs::read_to_string(output.join("index.html")).unwrap();
    assert!(page.contains("told from 200 rows, drawn by chance (seed 0) from 900."));
    // What is told from all rows is that of all rows: the same as without a sample.
    let whole = folder.path().join("whole");
    explore(&source, &whole, &[]).succeeded();
    for name in ["separation", "correlated-pairs", "pca-loadings"] {
        let read = |folder: &Path| {
            let text = fs::read_to_string(folder.join("tables").join(name).with_extension("csv")).unwrap();
            text.lines()
                .skip(1)
                .flat_map(|line| {
                    line.split(',')
                        .filter_map(|cell| cell.parse::<f64>().ok())
                        .collect::<Vec<_>>()
                })
                .collect::<Vec<f64>>()
        };
        let (sampled, all) = (read(&output), read(&whole));
        assert_eq!(sampled.len(), all.len(), "{name}");
        for (a, b) in sampled.iter().zip(&all) {
            assert!((a - b).abs() < 1e-9, "{name}: {a} {b}");
        }
    }
}

#[test]
fn a_table_without_classes_is_explored_without_them() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("t.csv");
    let unlabelled: String = table(40)
        .lines()
        .map(|line| line.rsplit_once(',').unwrap().0.to_owned() + "\n")
        .collect();
    fs::write(&source, unlabelled).unwrap();
    let output = folder.path().join("report");
    explore(&source, &output, &[]).succeeded();
    let page = fs::read_to_string(output.join("index.html")).unwrap();
    assert!(page.contains("no classes are told apart") && !page.contains("id=\"classes\""));
}

/// A small archive of two genres in FMA's layout, three header rows and all.
fn archive(folder: &Path) {
    let metadata = folder.join("fma_metadata");
    fs::create_dir(&metadata).unwrap();
    fs::write(
        metadata.join("genres.csv"),
        "genre_id,#tracks,parent,title,top_level\n21,9,0,Hip-Hop,21\n12,9,0,Rock,12\n25,9,12,Punk,12\n",
    )
    .unwrap();
    let mut tracks = String::from(
        ",album,artist,set,set,track,track,track\n,title,name,split,subset,genre_top,genres_all,title\ntrack_id,,,,,,,\n",
    );
    let mut features =
        String::from("feature,mfcc,mfcc,zcr\nstatistics,mean,mean,std\nnumber,01,02,01\ntrack_id,,,\n");
    for track in 1..=40 {
        let (genre, all) = match track % 4 {
            0 => ("", "[21]"),
            1 => ("Hip-Hop", "[21]"),
            _ => ("Rock", "\"[12, 25]\""),
        };
        tracks.push_str(&format!("{track},A,B {track},training,small,{genre},{all},T\n"));
        let value = (track * 7 % 13) as f64;
        features.push_str(&format!("{track},{value},{},{}\n", track % 4, value * value));
    }
    fs::write(metadata.join("tracks.csv"), tracks).unwrap();
    fs::write(metadata.join("features.csv"), features).unwrap();
}

#[test]
fn fma_is_explored_by_its_own_features() {
    let folder = tempfile::tempdir().unwrap();
    archive(folder.path());
    let output = folder.path().join("report");
    let done = explore(folder.path(), &output, &["--json"]).succeeded().json();
    // Ten tracks have no top genre.
    assert_eq!(done["summary"]["rows"], 30);
    assert_eq!(done["summary"]["columns"], 3);
    assert_eq!(done["summary"]["listed_classes"], 3);
    let pairs = fs::read_to_string(output.join("tables/together.csv")).unwrap();
    assert_eq!(
        pairs.lines().nth(1).unwrap().split(',').next_back(),
        Some("20"),
        "{pairs}"
    );
}

#[test]
fn a_folder_of_music_is_described_first() {
    let folder = tempfile::tempdir().unwrap();
    let music = folder.path().join("music");
    for (number, genre) in ["jazz", "rock", "jazz", "rock", "jazz"].iter().enumerate() {
        put(
            music.join(genre).join(format!("{number}.wav")),
            wav16(&sound(number as u64, 2.0, RATE)),
        );
    }
    fs::write(music.join("jazz/broken.wav"), b"RIFF....WAVE").unwrap();
    let output = folder.path().join("report");
    let ran = explore(&music, &output, &[]);
    // The broken file is told, and the rest explored.
    let page = fs::read_to_string(output.join("index.html")).unwrap();
    assert!(ran.stderr.contains("broken.wav"), "{}", ran.stderr);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(page.contains("id=\"figure-examples\"") && page.contains("melisma.source_hash"));
    assert_eq!(
        fs::read_to_string(output.join("features.csv"))
            .unwrap()
            .lines()
            .count(),
        6
    );
}

#[test]
fn malformed_tables_are_refused_by_row_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("bad.csv");
    let output = folder.path().join("report");
    for (text, said) in [
        (
            "filename,a,label\nx,1,jazz\ny,2\n",
            "line 3: 2 fields where the header has 3",
        ),
        (
            "filename,a,label\nx,1,jazz\ny,2,rock\nz,3,pop\nw,loud,pop\n",
            "line 5, column `a`: `loud` is not a number",
        ),
        (
            "filename,a,label\nx,1,jazz\ny,2,\nz,3,pop\n",
            "line 3, column `label`: missing",
        ),
        (
            "filename,a,label\nx,1,jazz\ny,2,rock\nx,3,pop\n",
            "line 4, column `filename`: `x` has occurred",
        ),
        (
            "filename,a,a,label\nx,1,2,jazz\n",
            "line 1, column `a`: the name occurs twice",
        ),
        ("filename,a,label\n", "no rows"),
        ("", "no feature columns"),
        (
            "filename,a,label\nx,1,jazz\ny,2,jazz\nz,3,jazz\n",
            "lines 2 to 4, column `label`: all rows are of one class, `jazz`",
        ),
        (
            "filename,a,label\nx,1,jazz\ny,1,rock\nz,1,rock\n",
            "every column is constant",
        ),
        (
            "filename,a,label\nx,1,jazz\ny,2,rock\n",
            "2 rows, where at least 3 are needed",
        ),
    ] {
        fs::write(&source, text).unwrap();
        explore(&source, &output, &[]).refused(&["bad.csv", said]);
        assert!(!output.exists(), "{text:?} left something behind");
    }
}

/// Opens the page in headless Chromium; every figure has content and nothing is said on the console.
#[test]
#[cfg_attr(not(melisma_chromium), ignore = "no Chromium at hand (set CHROMIUM)")]
fn a_browser_shows_every_figure_without_a_complaint() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("t.csv");
    fs::write(&source, table(60)).unwrap();
    let output = folder.path().join("report");
    let done = explore(&source, &output, &["--json"]).succeeded().json();
    // The page is asked to measure its own drawings once its script has run.
    let page = fs::read_to_string(output.join("index.html")).unwrap();
    let probe = "<script>window.addEventListener('load', () => { const shown = [...document.querySelectorAll('figure svg')].filter((svg) => { \
                 const box = svg.getBBox(); return box.width > 50 && box.height > 50 && svg.querySelectorAll('*').length > 8; }); \
                 document.documentElement.dataset.shown = shown.length; \
                 document.documentElement.dataset.hints = document.querySelectorAll('[data-text]').length; });</script></body>";
    let probed = output.join("probed.html");
    fs::write(&probed, page.replace("</body>", probe)).unwrap();
    let Some(chromium) = option_env!("MELISMA_TEST_CHROMIUM") else {
        panic!("ignored where there is no Chromium");
    };
    let browser = std::process::Command::new(chromium)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            "--dump-dom",
        ])
        .arg(format!(
            "--user-data-dir={}",
            folder.path().join("profile").display()
        ))
        .arg(format!("file://{}", probed.display()))
        .output()
        .unwrap();
    let (dom, log) = (
        String::from_utf8_lossy(&browser.stdout).into_owned(),
        String::from_utf8_lossy(&browser.stderr).into_owned(),
    );
    assert!(dom.contains("data-ready=\"yes\""), "{log}");
    assert!(
        dom.contains(&format!("data-shown=\"{}\"", done["figures"])),
        "not every figure is drawn"
    );
    assert!(!dom.contains("data-hints=\"0\""), "no mark has a text");
    let complaints: Vec<&str> = log.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert!(complaints.is_empty(), "{complaints:?}");
}
