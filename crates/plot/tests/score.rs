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

/// Four times eight bars, the third time others: chords in the left hand.
fn song() -> Score {
    let mut notes = Vec::new();
    for bar in 0..32_u32 {
        let (root, strokes) = match bar / 8 {
            2 => ([5, 5, 10, 10, 2, 2, 7, 7][bar as usize % 8], 4),
            _ => ([0, 9, 5, 7][bar as usize % 4], 1),
        };
        for stroke in 0..strokes {
            let onset = bar * 1_920 + stroke * 1_920 / strokes;
            notes.extend([0, 4, 7].map(|tone| Note {
                onset,
                pitch: 48 + (root + tone) as u8,
                duration: 1_920 / strokes,
                velocity: 80,
            }));
        }
    }
    let mut score = Score {
        tracks: vec![Track {
            notes,
            ..Track::default()
        }],
        ..Score::default()
    };
    score.tidy();
    score
}

fn hovers(svg: &str) -> Vec<String> {
    let page = roxmltree::Document::parse(svg).unwrap();
    let titles = page.descendants().filter(|n| n.has_tag_name("title"));
    titles.filter_map(|n| n.text()).map(str::to_owned).collect()
}

#[test]
fn the_structure_has_the_letters_of_its_sections() {
    let figure = ScoreFigure::Structure.draw(&song(), "song", 0.0, None).unwrap();
    let svg = figure.svg();
    assert!(svg.contains("Form AABA."), "{}", &svg[..2_000]);
    assert!(hovers(&svg).contains(&"B: bars 17 to 24".to_owned()));
    let csv = String::from_utf8(figure.csv().to_vec()).unwrap();
    let rows: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 33);
    assert_eq!(rows[0][..4], ["bar", "section", "novelty", "1"]);
    assert_eq!((rows[17][1], rows[25][1]), ("B", "A"));
    // Bars 1, 5 and 9 are one.
    assert_eq!((rows[1][3], rows[1][7], rows[1][11]), ("1", "1", "1"));
    assert!(figure.png(1.0).is_ok());
    // A second is half a bar: the part holds bars 2 to 5.
    let part = ScoreFigure::Structure
        .draw(&song(), "song", 2.5, Some(9.0))
        .unwrap();
    let csv = String::from_utf8(part.csv().to_vec()).unwrap();
    assert!(csv.starts_with("bar,section,novelty,2,3,4,5\n2,A,"), "{csv}");
}

#[test]
fn chords_stand_over_their_bars() {
    let figure = ScoreFigure::Chords.draw(&song(), "song", 0.0, None).unwrap();
    let svg = figure.svg();
    let hovers = hovers(&svg);
    for chord in ["C", "A", "F", "G", "B♭", "D"] {
        assert!(hovers.iter().any(|text| text == chord), "{chord}: {hovers:?}");
    }
    let csv = String::from_utf8(figure.csv().to_vec()).unwrap();
    let rows: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 129);
    assert_eq!(rows[0][..6], ["bar", "beat", "seconds", "chord", "key", "C"]);
    assert_eq!(rows[1][..4], ["1", "1", "0", "C"]);
    assert_eq!((rows[5][0], rows[5][3]), ("2", "A"));
    assert_eq!((rows[1][5], rows[1][6], rows[1][9]), ("1", "0", "1"));
    assert!(figure.png(1.0).is_ok());
    let part = ScoreFigure::Chords.draw(&song(), "song", 2.5, Some(9.0)).unwrap();
    assert_eq!(part.csv().iter().filter(|byte| **byte == b'\n').count() - 1, 14);
}

#[test]
fn of_a_long_piece_the_first_bars_are_drawn() {
    let mut long = song();
    let notes = long.tracks[0].notes.clone();
    for round in 1..20 {
        long.tracks[0].notes.extend(notes.iter().map(|note| Note {
            onset: note.onset + round * 32 * 1_920,
            ..*note
        }));
    }
    let figure = ScoreFigure::Chords.draw(&long, "long", 0.0, None).unwrap();
    assert!(figure.svg().contains("The first 384 of 640 bars."));
    assert!(figure.png(1.0).is_ok());
    assert!(
        ScoreFigure::Structure
            .draw(&long, "long", 0.0, None)
            .unwrap()
            .png(1.0)
            .is_ok()
    );
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
