//! MIDI files in and out through the public API: what is whole, what is mended, what is refused.

use melisma_score::{
    Control, ControlKind, KeySignature, Note, Score, Tempo, Text, TextKind, TimeSignature, Track, parse,
    to_bytes,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// A file of one track chunk with this body, whose length may be claimed wrongly.
fn file(body: &[u8], claimed: usize) -> Vec<u8> {
    let mut bytes = b"MThd\0\0\0\x06\0\x01\0\x01\0\x60".to_vec();
    bytes.extend(b"MTrk");
    bytes.extend((claimed as u32).to_be_bytes());
    bytes.extend(body);
    bytes
}

fn whole(body: &[u8]) -> Vec<u8> {
    file(body, body.len())
}

const NOTE: [u8; 8] = [0, 0x90, 60, 64, 0x60, 0x80, 60, 0];
const END: [u8; 4] = [0, 0xff, 0x2f, 0];

#[track_caller]
fn mended(bytes: &[u8], notes: &[Note], said: &[&str]) {
    let read = parse(bytes).unwrap();
    let found: Vec<Note> = read.score.notes().copied().collect();
    assert_eq!(found, notes);
    let repairs: Vec<String> = read.repairs.iter().map(ToString::to_string).collect();
    assert_eq!(repairs.len(), said.len(), "{repairs:?}");
    for (repair, said) in repairs.iter().zip(said) {
        assert!(repair.contains(said), "{repair}");
    }
}

fn note(onset: u32, pitch: u8, duration: u32) -> Note {
    Note {
        onset,
        pitch,
        duration,
        velocity: 64,
    }
}

#[test]
fn a_whole_file_needs_no_repair() {
    mended(&whole(&[&NOTE[..], &END].concat()), &[note(0, 60, 96)], &[]);
}

#[test]
fn a_missing_end_of_track() {
    mended(&whole(&NOTE), &[note(0, 60, 96)], &["no end of track"]);
}

#[test]
fn a_chunk_that_claims_too_much_or_too_little() {
    let body = [&NOTE[..], &END].concat();
    mended(
        &file(&body, 4_000_000_000),
        &[note(0, 60, 96)],
        &["more bytes than there are"],
    );
    mended(&file(&body, 5), &[note(0, 60, 96)], &["fewer bytes than it has"]);
}

#[test]
fn running_status_that_outlives_a_meta_message() {
    let body = [&[0, 0x90, 60, 64, 0, 0xff, 1, 1, b'x', 0x60, 60, 0][..], &END].concat();
    mended(&whole(&body), &[note(0, 60, 96)], &["running status"]);
}

#[test]
fn data_bytes_out_of_range_are_clipped() {
    let body = [&[0, 0x90, 60, 0xc8, 0x60, 0x80, 60, 0][..], &END].concat();
    let read = parse(&whole(&body)).unwrap();
    assert_eq!(read.score.notes().next().unwrap().velocity, 127);
    assert_eq!(read.repairs.len(), 1);
}

#[test]
fn system_messages_and_stray_bytes_are_skipped() {
    let body = [&[0, 0x05, 0, 0xf8][..], &NOTE, &END].concat();
    mended(
        &whole(&body),
        &[note(0, 60, 96)],
        &["belongs to no message", "no place in a file"],
    );
}

#[test]
fn notes_that_are_never_let_go_end_with_the_track() {
    let body = [0, 0x90, 60, 64, 0x60, 0xff, 0x2f, 0];
    mended(&whole(&body), &[note(0, 60, 96)], &["never let go"]);
}

#[test]
fn a_time_beyond_music_ends_the_track() {
    let mut body = NOTE.to_vec();
    for _ in 0..4 {
        body.extend([0xff, 0xff, 0xff, 0x7f, 0x90, 61, 64]);
    }
    let read = parse(&whole(&body)).unwrap();
    assert!(read.score.end() <= 200_000 * 96);
    assert!(
        read.repairs
            .iter()
            .any(|repair| repair.what.contains("no music reaches")),
        "{:?}",
        read.repairs
    );
}

#[test]
fn wrappers_and_foreign_chunks_are_passed_over() {
    let body = [&NOTE[..], &END].concat();
    let mut bytes = b"RIFF....RMIDdata....".to_vec();
    bytes.extend(b"MThd\0\0\0\x06\0\x01\0\x01\0\x60XFIH\0\0\0\x02ab");
    bytes.extend(&whole(&body)[14..]);
    mended(&bytes, &[note(0, 60, 96)], &["before the header"]);
}

#[test]
fn patterns_of_format_2_follow_one_another() {
    let body = [&NOTE[..], &END].concat();
    let mut bytes = whole(&body);
    bytes[9] = 2;
    bytes[11] = 2;
    let track = bytes[14..].to_vec();
    bytes.extend(track);
    mended(&bytes, &[note(0, 60, 96), note(96, 60, 96)], &[]);
}

#[test]
fn time_code_becomes_quarters() {
    let mut bytes = whole(&[&NOTE[..], &END].concat());
    // 25 frames a second, 40 ticks to the frame: a thousand ticks a second.
    bytes[12] = 0xe7;
    bytes[13] = 40;
    let score = parse(&bytes).unwrap().score;
    assert_eq!(score.ticks_per_quarter, 500);
    assert!((score.clock().seconds(96) - 0.096).abs() < 1e-9);
}

#[test]
fn what_is_no_midi_file_is_named() {
    for (bytes, fault) in [
        (&b""[..], "no bytes"),
        (b"<!DOCTYPE html>", "web page"),
        (b"PK\x03\x04", "zip"),
        (b"hello", "no MIDI header"),
        (&[0; 100], "nothing but zeros"),
        (b"MThd\0\0", "cut off"),
        (b"MThd\0\0\0\x06\0\x01\0\x01\0\x60", "without a track"),
    ] {
        let error = parse(bytes).unwrap_err().to_string();
        assert!(error.contains(fault), "{error}");
    }
    let error = melisma_score::read(std::path::Path::new("no/such.mid"))
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("no/such.mid: "), "{error}");
}

#[test]
fn a_program_chosen_in_another_track_counts_where_the_own_track_is_silent_about_it() {
    let mut bytes = b"MThd\0\0\0\x06\0\x01\0\x02\0\x60".to_vec();
    let chunk = |body: &[u8]| [b"MTrk", &(body.len() as u32).to_be_bytes()[..], body].concat();
    bytes.extend(chunk(&[&[0, 0xc0, 33][..], &END].concat()));
    bytes.extend(chunk(&[&NOTE[..], &END].concat()));
    assert_eq!(parse(&bytes).unwrap().score.tracks[0].program, 33);
}

#[test]
fn two_programs_take_turns_on_one_channel_of_one_track() {
    let part = |program, notes| Track {
        program,
        notes,
        ..Track::default()
    };
    let score = Score {
        tracks: vec![
            part(4, vec![note(0, 60, 10), note(40, 60, 10)]),
            part(7, vec![note(0, 62, 10), note(20, 60, 10), note(40, 64, 10)]),
        ],
        ..Score::default()
    };
    assert_eq!(parse(&to_bytes(&score)).unwrap().score, score);
}

/// Notes that a file can hold: of one pitch, none begins before the last has ended.
fn notes() -> impl Strategy<Value = Vec<Note>> {
    vec((0_u32..600, 0_u8..128, 1_u32..900, 1_u8..128), 1..40).prop_map(|list| {
        let mut free = [0_u32; 128];
        let mut notes = Vec::new();
        for (gap, pitch, duration, velocity) in list {
            let onset = free[usize::from(pitch)] + gap;
            free[usize::from(pitch)] = onset + duration;
            notes.push(Note {
                onset,
                pitch,
                duration,
                velocity,
            });
        }
        notes
    })
}

fn track() -> impl Strategy<Value = Track> {
    let kind = prop_oneof![
        (0_u8..128, 0_u8..128).prop_map(|(number, value)| ControlKind::Controller(number, value)),
        (-8_192_i16..8_192).prop_map(ControlKind::Bend),
        (0_u8..128).prop_map(ControlKind::Pressure),
    ];
    let controls = vec(
        (0_u32..5_000, kind).prop_map(|(tick, kind)| Control { tick, kind }),
        0..8,
    );
    ("[a-zé]{0,8}", 0_u16..2, 0_u8..128, 0_u8..16, notes(), controls).prop_map(
        |(name, source, program, channel, notes, controls)| Track {
            name,
            source,
            program,
            drums: channel == 9,
            channel,
            notes,
            controls,
        },
    )
}

/// Puts tracks that share a source side by side: of one name, on channels of their own, the first to begin first.
fn arranged(tracks: Vec<Track>) -> Vec<Track> {
    let mut sources: Vec<Vec<Track>> = Vec::new();
    for mut track in tracks {
        match sources.last_mut() {
            Some(last) if track.source == 1 && last.iter().all(|other| other.channel != track.channel) => {
                track.name = last[0].name.clone();
                last.push(track);
            }
            _ => sources.push(vec![track]),
        }
    }
    for (at, tracks) in sources.iter_mut().enumerate() {
        for track in tracks.iter_mut() {
            track.source = at as u16;
            track.notes.sort_unstable();
        }
        tracks.sort_by_key(|track| track.notes[0].onset);
    }
    sources.concat()
}

fn score() -> impl Strategy<Value = Score> {
    let ticks = || proptest::collection::btree_set(0_u32..50_000, 0..5);
    (
        1_u16..0x8000,
        vec(track(), 0..5),
        ticks(),
        ticks(),
        ticks(),
        ticks(),
    )
        .prop_map(|(ticks_per_quarter, tracks, tempos, metres, keys, texts)| {
            let count = |at: usize| u8::try_from(at).unwrap();
            let mut score = Score {
                ticks_per_quarter,
                tracks: arranged(tracks),
                tempos: (tempos.into_iter().enumerate())
                    .map(|(at, tick)| Tempo {
                        tick,
                        micros_per_quarter: 400_000 + at as u32,
                    })
                    .collect(),
                time_signatures: (metres.into_iter().enumerate())
                    .map(|(at, tick)| TimeSignature {
                        tick,
                        numerator: 2 + count(at),
                        denominator: 1 << (at % 7),
                    })
                    .collect(),
                key_signatures: (keys.into_iter().enumerate())
                    .map(|(at, tick)| KeySignature {
                        tick,
                        sharps: at as i8 - 7,
                        minor: at % 2 == 1,
                    })
                    .collect(),
                texts: (texts.into_iter().enumerate())
                    .map(|(at, tick)| Text {
                        tick,
                        kind: TextKind::Marker,
                        text: format!("mark {at}"),
                    })
                    .collect(),
            };
            score.tidy();
            score
        })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_exactly(score in score()) {
        let read = parse(&to_bytes(&score)).unwrap();
        prop_assert_eq!(&read.repairs, &[]);
        prop_assert_eq!(&read.score, &score);
    }

    #[test]
    fn no_bytes_break_the_reader(bytes in vec(any::<u8>(), 0..300), cut in 0_usize..200, score in score(), at in any::<prop::sample::Index>(), flip in any::<u8>()) {
        let _ = parse(&bytes);
        let mut damaged = [b"MThd\0\0\0\x06\0\x01\0\x01\0\x60MTrk\0\0\0\xff", &bytes[..]].concat();
        let _ = parse(&damaged);
        damaged = to_bytes(&score);
        let place = at.index(damaged.len());
        damaged[place] ^= flip;
        damaged.truncate(damaged.len() - cut.min(damaged.len()));
        // Whatever is read can be written, and reads back the same from then on.
        if let Ok(read) = parse(&damaged) {
            let once = parse(&to_bytes(&read.score)).unwrap().score;
            let twice = parse(&to_bytes(&once)).unwrap().score;
            prop_assert_eq!(once, twice);
        }
    }
}
