//! Figures of scores: drawn from notes made here, read back as XML and CSV.

use melisma_plot::{Caption, PianoRoll, ScoreFigure, TokenSheet};
use melisma_score::{Note, Score, Track};

fn score(notes: u32) -> Score {
    let note = |at: u32, pitch| Note {
        onset: at * 240,
        pitch,
        duration: 240,
        velocity: 90,
    };
    Score {
        tracks: vec![
            Track {
                program: 66,
                notes: (0..notes).map(|at| note(at, 50 + (at % 24) as u8)).collect(),
                ..Track::default()
            },
            Track {
                drums: true,
                channel: 9,
                notes: (0..notes).map(|at| note(at, 35 + (at % 47) as u8)).collect(),
                ..Track::default()
            },
        ],
        ..Score::default()
    }
}

#[test]
fn every_note_is_drawn_with_its_name() {
    let figure = ScoreFigure::PianoRoll
        .draw(&score(30), "a <tune>", 0.0, None)
        .unwrap();
    let svg = figure.svg();
    let page = roxmltree::Document::parse(&svg).unwrap();
    let titles: Vec<&str> = page
        .descendants()
        .filter(|n| n.has_tag_name("title"))
        .filter_map(|n| n.text())
        .collect();
    assert_eq!(titles.iter().filter(|t| t.contains("tenor sax")).count(), 30);
    assert!(titles.contains(&"D3, tenor sax, velocity 90"), "{titles:?}");
    assert!(
        svg.contains("closed hi-hat") && svg.contains("others"),
        "rare drums share a line"
    );
    let csv = String::from_utf8(figure.csv().to_vec()).unwrap();
    assert_eq!(csv.lines().count(), 61);
    assert!(csv.contains("\n2,2,tenor sax,58,B♭3,0.25,90\n"), "{csv}");
}

#[test]
fn many_notes_become_a_picture_of_the_same_size() {
    let figure = ScoreFigure::PianoRoll
        .draw(&score(6_000), "long", 0.0, None)
        .unwrap();
    assert!(figure.svg().len() < 400_000, "{}", figure.svg().len());
    assert!(figure.png(1.0).is_ok());
}

#[test]
fn a_part_holds_only_its_own_notes() {
    let rows = |from, to| {
        let figure = ScoreFigure::PianoRoll.draw(&score(40), "part", from, to).unwrap();
        figure.csv().iter().filter(|byte| **byte == b'\n').count() - 1
    };
    assert_eq!(rows(0.0, None), 80);
    assert_eq!(rows(5.0, Some(6.0)), 8);
}

#[test]
fn tokens_stand_a_bar_to_a_line() {
    let figure = ScoreFigure::Tokens.draw(&score(200), "tune", 0.0, None).unwrap();
    let svg = figure.svg();
    assert!(svg.contains("The first 360 of"), "the rest is told, not drawn");
    assert!(svg.contains("tenor sax") && svg.contains("closed hi-hat"));
    assert!(String::from_utf8_lossy(figure.csv()).starts_with("token,kind,value\n0,Bar,\n1,Position,0\n"));
}

#[test]
fn nothing_to_draw_is_said() {
    for figure in ScoreFigure::ALL {
        let error = figure.draw(&Score::default(), "empty", 0.0, None).unwrap_err();
        assert!(error.to_string().contains("nothing to draw"), "{error}");
    }
    let caption = Caption::new("x", "x", "x");
    assert!(
        TokenSheet {
            tokens: &[],
            line_breaks: &[],
            note: ""
        }
        .draw(&caption)
        .is_err()
    );
    let empty = Score::default();
    assert!(
        PianoRoll {
            score: &empty,
            from: 5,
            to: 0,
            note: ""
        }
        .draw(&caption)
        .is_err()
    );
}
