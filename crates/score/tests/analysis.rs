//! Analysis through the public API, on music made up here: what is played is found.

use melisma_score::analysis::{
    Analysis, Chord, Key, MAX_BARS, Quality, Role, Structure, chord_spans, chords, key, key_of, roles,
};
use melisma_score::{Note, Score, Span, TimeSignature, Track};
use proptest::collection::vec;
use proptest::prelude::*;

const QUARTER: u32 = 480;

fn note(onset: u32, pitch: u8, duration: u32) -> Note {
    Note {
        onset,
        pitch,
        duration,
        velocity: 80,
    }
}

fn of_tracks(tracks: Vec<Track>) -> Score {
    let mut score = Score {
        tracks,
        ..Score::default()
    };
    score.tidy();
    score
}

fn track(notes: Vec<Note>) -> Track {
    Track {
        notes,
        ..Track::default()
    }
}

/// Chords of so many quarters, each with its voicing.
fn progression(chords: &[(u32, &[u8])]) -> Score {
    let (mut notes, mut at) = (Vec::new(), 0);
    for (quarters, pitches) in chords {
        notes.extend(pitches.iter().map(|pitch| note(at, *pitch, quarters * QUARTER)));
        at += quarters * QUARTER;
    }
    of_tracks(vec![track(notes)])
}

fn names(score: &Score) -> Vec<String> {
    chord_spans(score).iter().map(|span| span.name(true)).collect()
}

#[test]
fn close_chords_are_named() {
    let score = progression(&[
        (4, &[48, 64, 67, 72]),
        (4, &[45, 60, 64, 69]),
        (4, &[50, 60, 65, 69]),
        (4, &[43, 59, 62, 65]),
    ]);
    assert_eq!(names(&score), ["C", "Am", "Dm7", "G7"]);
}

#[test]
fn two_chords_to_a_bar_and_one_to_a_beat_are_followed() {
    let score = progression(&[
        (2, &[48, 64, 67, 72]),
        (2, &[53, 60, 65, 69]),
        (1, &[55, 59, 62, 67]),
        (1, &[48, 60, 64, 67]),
        (2, &[55, 59, 62, 67]),
        (4, &[48, 60, 64, 67]),
    ]);
    assert_eq!(names(&score), ["C", "F", "G", "C", "G", "C"]);
}

#[test]
fn inversions_keep_their_root() {
    let score = progression(&[
        (4, &[52, 60, 67, 72]),
        (4, &[53, 62, 67, 71]),
        (4, &[55, 60, 64, 72]),
        (4, &[57, 62, 65, 74]),
    ]);
    assert_eq!(names(&score), ["C/E", "G7/F", "C/G", "Dm/A"]);
}

#[test]
fn a_major_third_in_the_bass_is_spelled_as_one() {
    assert_eq!(names(&progression(&[(4, &[56, 64, 71, 76])])), ["E/G#"]);
    assert_eq!(names(&progression(&[(4, &[58, 66, 73, 78])])), ["Gb/Bb"]);
}

#[test]
fn open_voicings_and_extensions_are_their_chords() {
    // Shells with a ninth or thirteenth over the root, as a pianist plays them.
    let score = progression(&[
        (4, &[50, 60, 65, 69, 76]),
        (4, &[43, 53, 59, 64, 69]),
        (8, &[48, 59, 64, 67, 74]),
    ]);
    assert_eq!(names(&score), ["Dm7", "G7", "Cmaj7"]);
}

/// A chord in root position over a bass, as a triad or four tones.
fn voiced(root: u8, quality: Quality) -> Vec<u8> {
    std::iter::once(36 + root)
        .chain(quality.tones().iter().map(|tone| 60 + root + tone))
        .collect()
}

#[test]
fn every_quality_on_every_root_is_heard() {
    for chord in Chord::all() {
        let pitches = voiced(chord.root, chord.quality);
        let score = progression(&[(4, &pitches), (4, &pitches)]);
        let found = chord_spans(&score);
        assert_eq!(found.len(), 1, "{chord}");
        assert_eq!(found[0].chord, Some(chord), "{chord}");
        assert_eq!((found[0].start, found[0].end), (0, 8 * QUARTER));
    }
}

#[test]
fn an_arpeggio_is_one_chord() {
    let bar = |at: u32, pitches: [u8; 4]| {
        (0..8).map(move |step: u32| note(at + step * 240, pitches[step as usize % 4], 240))
    };
    let notes = bar(0, [48, 55, 64, 55])
        .chain(bar(1_920, [45, 52, 60, 52]))
        .chain(bar(3_840, [41, 48, 57, 48]));
    let score = of_tracks(vec![track(notes.collect())]);
    assert_eq!(names(&score), ["C", "Am", "F"]);
}

#[test]
fn passing_tones_change_no_chord() {
    // A scale over a held chord.
    let mut notes: Vec<Note> = [48, 64, 67].map(|pitch| note(0, pitch, 1_920)).to_vec();
    notes.extend(
        [72, 74, 76, 77, 79, 77, 76, 74]
            .iter()
            .zip(0..)
            .map(|(pitch, at)| note(at * 240, *pitch, 240)),
    );
    assert_eq!(names(&of_tracks(vec![track(notes)])), ["C"]);
}

#[test]
fn silence_and_drums_are_no_chord() {
    let mut score = progression(&[(4, &[48, 64, 67, 72])]);
    score.tracks.push(track(
        (0..4)
            .map(|at| note((12 + at) * QUARTER, 69 - at as u8, 480))
            .collect(),
    ));
    let found = chords(&score);
    assert_eq!(found.len(), 16);
    assert_eq!(found[0].1, Some("C".parse().unwrap()));
    assert_eq!(found[9].1, None, "two silent bars");
    let drums = Track {
        drums: true,
        ..track((0..16).map(|at| note(at * QUARTER, 38, 100)).collect())
    };
    assert!(
        chords(&of_tracks(vec![drums]))
            .iter()
            .all(|(_, chord)| chord.is_none())
    );
    let cluster: Vec<u8> = (60..72).collect();
    assert_eq!(names(&progression(&[(8, &cluster)])), ["N"]);
    assert!(chords(&Score::default()).is_empty());
}

#[test]
fn a_waltz_has_three_beats() {
    let mut score = progression(&[
        (3, &[48, 64, 67, 72]),
        (3, &[55, 59, 62, 65]),
        (3, &[48, 64, 67, 72]),
    ]);
    score.time_signatures = vec![TimeSignature {
        tick: 0,
        numerator: 3,
        denominator: 4,
    }];
    assert_eq!(names(&score), ["C", "G7", "C"]);
    assert_eq!(chord_spans(&score)[1].bar, 1);
}

#[test]
fn sections_have_their_own_keys() {
    let scale = |from: u32, tonic: u8| {
        [0, 4, 7, 12, 11, 7, 5, 2, 0, 4, 7, 0]
            .into_iter()
            .zip(0..)
            .map(move |(step, at)| note(from + at * 480, tonic + step, 480))
    };
    let score = of_tracks(vec![track(scale(0, 60).chain(scale(12 * 480, 66)).collect())]);
    let of = |from: u32| {
        let span = Span {
            start: from * QUARTER,
            end: (from + 12) * QUARTER,
        };
        key_of(&score, span).unwrap().key.to_string()
    };
    assert_eq!((of(0), of(12)), ("C major".to_owned(), "F# major".to_owned()));
    assert!(
        key(&score).unwrap().strength < 0.9,
        "both at once fit no key well"
    );
    assert_eq!(key(&Score::default()), None);
    let major = of_tracks(vec![track(scale(0, 60).collect())]);
    let up = key(&major.transposed(3).unwrap()).unwrap();
    assert_eq!(up.key.to_string(), "Eb major");
    assert!((up.strength - key(&major).unwrap().strength).abs() < 1e-12);
    assert_eq!(
        "Eb minor".parse(),
        Ok(Key {
            tonic: 3,
            minor: true
        })
    );
}

/// Eight bars of a melody over chords: `seed` decides rhythm and tones, and how often a chord is struck.
fn eight_bars(from: u32, seed: u32, tonic: u8) -> Vec<Note> {
    let mut notes = Vec::new();
    for bar in 0..8_u32 {
        let start = (from + bar) * 4 * QUARTER;
        let root = [0, 5, 7, 9, 2, 4, 7, 0][((bar + seed) % 8) as usize];
        let strokes = 1 + seed % 3;
        for stroke in 0..strokes {
            let (at, length) = (start + stroke * QUARTER, 4 * QUARTER / strokes);
            notes.extend([0, 4, 7].map(|tone| note(at, 48 + tonic + (root + tone) % 12, length)));
        }
        for step in 0..8_u32 {
            if (step * 7 + bar * 5 + seed * 3).is_multiple_of(3 + seed % 2) {
                let pitch = 72 + tonic + ((step * 5 + bar * 3 + seed) % 12) as u8;
                notes.push(note(start + step * 240, pitch, 240));
            }
        }
    }
    notes
}

fn formed(sections: &[(u32, u8)]) -> Score {
    let notes = sections
        .iter()
        .zip(0..)
        .flat_map(|((seed, tonic), at)| eight_bars(at * 8, *seed, *tonic));
    of_tracks(vec![track(notes.collect())])
}

#[test]
fn the_form_of_a_song_is_found() {
    let (a, b, c) = ((1, 0), (5, 5), (9, 8));
    for (sections, form) in [
        (&[a, a, b, a][..], "AABA"),
        (&[a, b, a, b], "ABAB"),
        (&[a, a, b, b, a], "AABBA"),
        (&[a, b, a, c, a], "ABACA"),
        (&[a, a, b, a, a, a, b, a], "AABAAABA"),
    ] {
        let structure = Structure::of(&formed(sections));
        assert_eq!(structure.form(), form);
        let begins: Vec<u32> = structure.sections.iter().map(|section| section.bar).collect();
        assert_eq!(
            begins,
            (0..sections.len() as u32).map(|at| at * 8).collect::<Vec<_>>(),
            "{form}"
        );
    }
}

#[test]
fn a_repetition_that_is_varied_keeps_its_letter() {
    let mut score = formed(&[(1, 0), (1, 0), (5, 5), (1, 0)]);
    // The last time a third of the melody is played a third higher.
    for (at, note) in score.tracks[0].notes.iter_mut().enumerate() {
        if note.onset >= 24 * 4 * QUARTER && note.pitch >= 72 && at % 3 == 0 {
            note.pitch += 4;
        }
    }
    assert_eq!(Structure::of(&score).form(), "AABA");
}

#[test]
fn bars_are_like_themselves() {
    let structure = Structure::of(&formed(&[(1, 0), (4, 5)]));
    let count = structure.bars.len();
    assert_eq!(count, 16);
    for row in 0..count {
        assert!((structure.similarity[row * count + row] - 1.0).abs() < 1e-5);
        for column in 0..row {
            assert_eq!(
                structure.similarity[row * count + column],
                structure.similarity[column * count + row]
            );
        }
    }
    assert_eq!(Structure::of(&Score::default()).form(), "");
    let short = Structure::of(&progression(&[(1, &[60])]));
    assert_eq!((short.form(), short.sections.len()), ("A".to_owned(), 1));
    let long = of_tracks(vec![track(
        (0..2_000).map(|bar| note(bar * 1_920, 60, 480)).collect(),
    )]);
    let found = Structure::of(&long);
    assert_eq!(found.bars.len(), MAX_BARS);
    assert!(
        found.form().chars().all(|letter| letter == 'A'),
        "one bar for ever"
    );
}

/// A band of sixteen bars: melody, bass, comping, strings, drums, and the melody doubled.
fn band() -> Vec<Track> {
    let bars = 16;
    let root = |bar: u32| [0, 9, 5, 7][bar as usize % 4];
    let each = |of: &dyn Fn(u32) -> Vec<Note>| track((0..bars).flat_map(of).collect());
    let melody = each(&|bar| {
        let steps =
            [[0, 3, 4, 6, 7], [0, 2, 3, 5, 6], [1, 2, 4, 5, 7], [0, 1, 3, 4, 7]][(bar * 3 % 4) as usize];
        steps
            .map(|step| {
                note(
                    bar * 1_920 + step * 240,
                    67 + ((bar * 5 + step * 3) % 13) as u8,
                    240,
                )
            })
            .to_vec()
    });
    let bass = each(&|bar| {
        [0, 2]
            .map(|beat| note(bar * 1_920 + beat * 480, 36 + root(bar), 900))
            .to_vec()
    });
    let comping = each(&|bar| {
        let at = |beat: u32| {
            [0, 4, 7].map(|tone| note(bar * 1_920 + beat * 480, 55 + (root(bar) + tone) % 12, 200))
        };
        [at(1), at(3)].as_flattened().to_vec()
    });
    let strings = each(&|bar| {
        [0, 7]
            .map(|tone| note(bar * 1_920, 60 + (root(bar) + tone) % 12, 1_920))
            .to_vec()
    });
    let drums = Track {
        drums: true,
        channel: 9,
        ..each(&|bar| {
            (0..8)
                .map(|step| note(bar * 1_920 + step * 240, 42, 60))
                .collect()
        })
    };
    vec![melody.clone(), bass, comping, strings, drums, melody]
}

#[test]
fn tracks_have_their_roles() {
    let score = of_tracks(band());
    let found: Vec<Role> = roles(&score).iter().map(|track| track.role).collect();
    assert_eq!(
        found,
        [
            Role::Melody,
            Role::Bass,
            Role::Chords,
            Role::Pad,
            Role::Drums,
            Role::Melody
        ]
    );
    let mut turned = band();
    turned.reverse();
    let found: Vec<Role> = roles(&of_tracks(turned)).iter().map(|track| track.role).collect();
    assert_eq!(
        found,
        [
            Role::Melody,
            Role::Drums,
            Role::Pad,
            Role::Chords,
            Role::Bass,
            Role::Melody
        ]
    );
}

#[test]
fn a_piano_alone_is_the_whole() {
    let mut notes = eight_bars(0, 1, 0);
    notes.extend((0..8).map(|bar| note(bar * 1_920, 36 + (bar % 5) as u8, 1_900)));
    assert_eq!(roles(&of_tracks(vec![track(notes)]))[0].role, Role::Whole);
    // A flute alone is a melody, however low the lowest.
    let melody = band().remove(0);
    assert_eq!(roles(&of_tracks(vec![melody]))[0].role, Role::Melody);
}

fn any_score() -> impl Strategy<Value = Score> {
    let note = (0_u32..60_000, 0_u8..128, 0_u32..9_000)
        .prop_map(|(onset, pitch, duration)| note(onset, pitch, duration));
    let track = (any::<bool>(), vec(note, 1..50)).prop_map(|(drums, notes)| Track {
        drums,
        notes,
        ..Track::default()
    });
    let metre = (0_u32..60_000, 1_u8..20, 0_u32..7).prop_map(|(tick, numerator, power)| TimeSignature {
        tick,
        numerator,
        denominator: 1 << power,
    });
    (1_u16..2_000, vec(track, 0..5), vec(metre, 0..4)).prop_map(
        |(ticks_per_quarter, tracks, time_signatures)| {
            let mut score = Score {
                ticks_per_quarter,
                tracks,
                time_signatures,
                ..Score::default()
            };
            score.tidy();
            score
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_score_is_analysed(score in any_score()) {
        let found = Analysis::of(&score);
        prop_assert_eq!(found.roles.len(), score.tracks.len());
        // Chords and sections follow each other without gaps.
        prop_assert!(found.chords.windows(2).all(|two| two[0].end == two[1].start && two[0].chord != two[1].chord));
        let sections: Vec<_> = found.sections.iter().map(|section| section.section).collect();
        prop_assert!(sections.windows(2).all(|two| two[0].end == two[1].start && two[0].bar + two[0].bars == two[1].bar));
        for role in &found.roles {
            for share in [role.lowest, role.highest, role.coverage, role.regularity] {
                prop_assert!((0.0..=1.0).contains(&share), "{:?}", role);
            }
        }
        // Twelve semitones higher, harmony is the same.
        if let Some(up) = score.transposed(12) {
            prop_assert_eq!(chords(&up), chords(&score));
            prop_assert_eq!(key(&up).map(|found| found.key), key(&score).map(|found| found.key));
        }
    }
}
