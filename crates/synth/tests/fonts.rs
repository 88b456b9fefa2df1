//! SoundFont files: those that are in order, and those that are not.

use std::path::Path;

use melisma_audio::{Hertz, install_quiet_panic_hook};
use melisma_score::{Note, Score, Track};
use melisma_synth::{Error, Font, RenderParams, Synth};

const SF2: &[u8] = include_bytes!("fixtures/tiny.sf2");
const SF3: &[u8] = include_bytes!("fixtures/tiny.sf3");

fn open(bytes: &[u8]) -> Result<Font, Error> {
    Font::from_bytes(bytes, Path::new("tiny"))
}

/// A key at each end and in the middle, and a drum.
fn score() -> Score {
    let note = |onset, pitch| Note {
        onset,
        pitch,
        duration: 60,
        velocity: 100,
    };
    let notes = vec![note(0, 69), note(70, 0), note(140, 127)];
    let track = |channel, drums| Track {
        channel,
        drums,
        notes: notes.clone(),
        ..Track::default()
    };
    Score {
        tracks: vec![track(0, false), track(9, true)],
        ..Score::default()
    }
}

fn play(font: Font) -> Result<f32, Error> {
    let params = RenderParams {
        rate: Hertz(16_000),
        effects: false,
        ..RenderParams::default()
    };
    let sound = Synth::new(font).render(&score(), &params)?;
    Ok(sound
        .left()
        .iter()
        .fold(0.0, |most, sample| most.max(sample.abs())))
}

#[track_caller]
fn fault(bytes: &[u8]) -> String {
    match open(bytes) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("that was read"),
    }
}

/// Where the bytes of a chunk begin.
fn chunk(bytes: &[u8], name: &[u8; 4]) -> usize {
    bytes.windows(4).position(|four| four == name).unwrap() + 8
}

#[test]
fn both_kinds_are_played() {
    assert!(play(open(SF2).unwrap()).unwrap() > 0.05);
    assert!(play(open(SF3).unwrap()).unwrap() > 0.05);
}

#[test]
fn what_is_no_soundfont_is_named() {
    assert!(fault(b"").contains("tiny: too short"));
    assert!(fault(b"RIFF\0\0\0\0WAVEfmt ").contains("a wav file"));
    assert!(fault(b"RIFF\0\0\0\0DLS vers").contains("a DLS file"));
    assert!(fault(b"PK\x03\x04 and so on").contains("zip archive"));
    assert!(fault(b"<html><body></body></html>").contains("not a SoundFont"));
    assert!(fault(b"RIFF\0\0\0\0sfbk").contains("without samples"));
    assert!(matches!(
        Font::open(Path::new("no/such.sf2")),
        Err(Error::Io { .. })
    ));
    assert!(Font::open(Path::new(".")).is_err());
}

#[test]
fn unknown_chunks_and_wrong_order_do_no_harm() {
    // The tables before the samples, and a chunk that nobody knows.
    let (samples, tables) = (chunk(SF2, b"LIST"), SF2.len());
    let lists: Vec<usize> = (12..SF2.len() - 4)
        .filter(|at| &SF2[*at..*at + 4] == b"LIST")
        .collect();
    assert_eq!((lists.len(), lists[0] + 8), (3, samples));
    let mut moved = SF2[..12].to_vec();
    moved.extend(b"junk\x03\0\0\0abc\0");
    moved.extend(&SF2[lists[2]..tables]);
    moved.extend(&SF2[lists[1]..lists[2]]);
    moved.extend(&SF2[lists[0]..lists[1]]);
    assert_eq!(
        play(open(&moved).unwrap()).unwrap(),
        play(open(SF2).unwrap()).unwrap()
    );
}

#[test]
fn a_sample_that_is_not_there_is_cut_and_does_not_cost_the_font() {
    let mut bytes = SF2.to_vec();
    let header = chunk(SF2, b"shdr");
    bytes[header + 24..header + 28].copy_from_slice(&1_000_000_u32.to_le_bytes());
    bytes[header + 32..header + 36].copy_from_slice(&u32::MAX.to_le_bytes());
    bytes[header + 36..header + 40].copy_from_slice(&0_u32.to_le_bytes());
    assert!(play(open(&bytes).unwrap()).unwrap() > 0.01);
}

#[test]
fn indices_that_jump_are_refused() {
    for (table, at) in [(b"inst", 20), (b"ibag", 4), (b"phdr", 24), (b"pbag", 4)] {
        let mut bytes = SF2.to_vec();
        let place = chunk(SF2, table) + at;
        bytes[place..place + 2].copy_from_slice(&60_000_u16.to_le_bytes());
        assert!(fault(&bytes).contains("out of order or not there"), "{table:?}");
    }
}

#[test]
fn cut_anywhere_it_is_refused_or_played() {
    install_quiet_panic_hook();
    for bytes in [SF2, SF3] {
        // Where tables and samples begin and end, and between.
        for length in (0..bytes.len()).step_by(3) {
            if let Ok(font) = open(&bytes[..length]) {
                let _ = play(font);
            }
        }
    }
}

#[test]
fn with_any_byte_of_its_tables_changed_it_is_refused_or_played() {
    install_quiet_panic_hook();
    let from = chunk(SF2, b"pdta") - 12;
    for at in from..SF2.len() {
        for value in [0x7f, 0xff] {
            let mut bytes = SF2.to_vec();
            bytes[at] = value;
            if let Ok(font) = open(&bytes) {
                let _ = play(font);
            }
        }
    }
}
