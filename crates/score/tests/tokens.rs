//! Tokens through the public API: what is encoded is decoded; what is no music is refused.

use melisma_score::tokens::{Compound, Design, Events, Names, Piece, design};
use melisma_score::{Note, Score, Tempo, TimeSignature, Track, to_bytes};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

fn track() -> impl Strategy<Value = Track> {
    let note =
        (0_u32..40_000, 0_u8..128, 0_u32..9_000, 1_u8..128).prop_map(|(onset, pitch, duration, velocity)| {
            Note {
                onset,
                pitch,
                duration,
                velocity,
            }
        });
    (any::<bool>(), 0_u8..128, vec(note, 1..60)).prop_map(|(drums, program, notes)| Track {
        drums,
        program,
        channel: if drums { 9 } else { 0 },
        notes,
        ..Track::default()
    })
}

fn score() -> impl Strategy<Value = Score> {
    let tempos = btree_map(0_u32..40_000, 100_000_u32..3_000_000, 0..6);
    let metres = btree_map(0_u32..40_000, (1_u8..20, 0_u32..7), 0..4);
    (1_u16..2_000, vec(track(), 0..5), tempos, metres).prop_map(
        |(ticks_per_quarter, tracks, tempos, metres)| {
            let tempos = tempos.into_iter();
            let metres = metres.into_iter();
            let mut score = Score {
                ticks_per_quarter,
                tracks,
                tempos: tempos
                    .map(|(tick, micros_per_quarter)| Tempo {
                        tick,
                        micros_per_quarter,
                    })
                    .collect(),
                time_signatures: metres
                    .map(|(tick, (numerator, power))| TimeSignature {
                        tick,
                        numerator,
                        denominator: 1 << power,
                    })
                    .collect(),
                ..Score::default()
            };
            score.tidy();
            score
        },
    )
}

proptest! {
    #[test]
    fn the_grid_is_its_own_nearest(score in score()) {
        let piece = Piece::of(&score);
        prop_assert_eq!(Piece::of(&piece.score()), piece);
    }

    #[test]
    fn what_is_encoded_is_decoded(score in score()) {
        for name in ["names", "events", "events-chords", "compound"] {
            let design = design(name).unwrap();
            let tokens = design.encode(&score);
            let fields = design.fields();
            for (at, token) in tokens.iter().enumerate() {
                prop_assert!(usize::from(*token) < fields[at % fields.len()].vocabulary.len());
            }
            let decoded = design.decode(&tokens).unwrap();
            prop_assert_eq!(&decoded, &design.quantised(&score), "{}", name);
            // From then on nothing is lost.
            prop_assert_eq!(design.encode(&decoded), tokens, "{}", name);
        }
    }

    #[test]
    fn any_names_are_decoded_and_encoded_the_same(tokens in vec(0_u16..4_221, 0..200)) {
        let design = Names::new();
        let score = design.decode(&tokens).unwrap();
        prop_assert_eq!(&design.encode(&score), &tokens);
        prop_assert_eq!(design.quantised(&score), score);
    }

    #[test]
    fn names_are_those_of_the_file_that_is_written(score in score()) {
        let design = Names::new();
        let (read, tokens) = design.encode_file(&to_bytes(&score)).unwrap();
        // Where a pitch sounds twice at a time, notes are not read back as they were.
        if read.score == score {
            prop_assert_eq!(tokens, design.encode(&score));
        }
    }

    #[test]
    fn tempos_that_come_and_go_are_decoded_as_they_are_heard(
        gaps in vec((0_u32..3, 0_u8..128), 1..30),
        changes in vec((0_u32..40, prop::sample::select(vec![400_000_u32, 500_000, 520_000, 600_000])), 0..12),
    ) {
        // Notes close together and tempos among which 120 and its neighbours are common: taken back at one onset, said though they hold.
        let mut onset = 0;
        let notes = gaps.into_iter().map(|(gap, pitch)| {
            onset += gap * 40;
            Note { onset, pitch, duration: 40, velocity: 68 }
        });
        let mut score = Score { tracks: vec![Track { notes: notes.collect(), ..Track::default() }], ..Score::default() };
        score.tempos = changes.into_iter().map(|(step, micros_per_quarter)| Tempo { tick: step * 40, micros_per_quarter }).collect();
        score.tidy();
        for name in ["events", "compound"] {
            let design = design(name).unwrap();
            let tokens = design.encode(&score);
            let decoded = design.decode(&tokens).unwrap();
            prop_assert_eq!(&decoded, &design.quantised(&score), "{}", name);
            prop_assert_eq!(design.encode(&decoded), tokens, "{}", name);
            let told: Vec<(u32, u32)> = decoded.tempos.iter().map(|t| (t.tick, t.micros_per_quarter)).collect();
            prop_assert!(told.windows(2).all(|two| two[0].0 < two[1].0 && two[0].1 != two[1].1), "{}: {:?}", name, told);
            // The level of 120 a minute is 123.
            prop_assert!(told.first().is_none_or(|first| !(480_000..505_000).contains(&first.1)), "{}: {:?}", name, told);
        }
    }

    #[test]
    fn compound_steps_with_few_tempos_are_what_is_heard(
        steps in vec((0_u16..2, 0_u16..4, prop::sample::select(vec![18_u16, 19, 20, 32]), 60_u16..64), 1..20)
    ) {
        // Made-up steps of a model: the tempo may change between notes of one onset and back.
        let design = Compound::new();
        let mut at = 0;
        let steps = steps.into_iter().enumerate().flat_map(|(n, (bar, gap, tempo, pitch))| {
            let bars = if n == 0 { 1 } else { bar };
            at = if bars > 0 { gap } else { (at + gap).min(47) };
            [bars, 0, at, tempo, 0, pitch, 5, 5]
        });
        let tokens: Vec<u16> = steps.collect();
        if let Ok(score) = design.decode(&tokens) {
            prop_assert_eq!(&design.quantised(&score), &score);
            prop_assert_eq!(design.decode(&design.encode(&score)).unwrap(), score);
        }
    }

    #[test]
    fn made_up_tokens_are_music_or_refused(tokens in vec(0_u16..700, 0..80), fields in vec(0_u16..140, 0..80)) {
        if let Ok(score) = Events::new().decode(&tokens) {
            prop_assert_eq!(Events::new().quantised(&score), score);
        }
        if let Ok(score) = Events::with_chords().decode(&tokens) {
            prop_assert_eq!(Events::with_chords().quantised(&score), score);
        }
        if let Ok(score) = Compound::new().decode(&fields) {
            prop_assert_eq!(Compound::new().quantised(&score), score);
        }
    }

    #[test]
    fn a_token_changed_or_left_out_is_music_or_refused(score in score(), at in any::<prop::sample::Index>(), other in 0_u16..700) {
        for name in ["events", "events-chords", "compound"] {
            let design = design(name).unwrap();
            let mut tokens = design.encode(&score);
            if tokens.is_empty() { continue; }
            let place = at.index(tokens.len());
            tokens[place] = other;
            if let Ok(score) = design.decode(&tokens) {
                prop_assert_eq!(&design.quantised(&score), &score, "{}", name);
            }
            tokens.remove(place);
            let _ = design.decode(&tokens);
        }
    }
}

fn names(design: &dyn Design, tokens: &[u16]) -> Vec<String> {
    let fields = design.fields();
    let name = |(at, token): (usize, &u16)| fields[at % fields.len()].vocabulary[usize::from(*token)].clone();
    tokens.iter().enumerate().map(name).collect()
}

fn waltz() -> Score {
    let note = |onset, pitch| Note {
        onset,
        pitch,
        duration: 480,
        velocity: 100,
    };
    Score {
        tracks: vec![
            Track {
                program: 32,
                notes: vec![note(0, 36), note(1_440, 43)],
                ..Track::default()
            },
            Track {
                drums: true,
                channel: 9,
                notes: vec![note(480, 42)],
                ..Track::default()
            },
        ],
        time_signatures: vec![TimeSignature {
            tick: 0,
            numerator: 3,
            denominator: 4,
        }],
        tempos: vec![Tempo {
            tick: 0,
            micros_per_quarter: 400_000,
        }],
        ..Score::default()
    }
}

#[test]
fn a_waltz_in_events() {
    let design = Events::new();
    let tokens = design.encode(&waltz());
    assert_eq!(
        names(&design, &tokens).join(", "),
        "Bar, Metre 3/4, Position 0, Tempo 153.7, Program 32, Pitch 36, Velocity 100, Duration 12, \
         Position 12, Program drums, Drum 42, Velocity 100, \
         Bar, Position 0, Program 32, Pitch 43, Velocity 100, Duration 12"
    );
}

#[test]
fn chords_are_said_where_they_begin() {
    let chord = |at: u32, pitches: [u8; 4]| pitches.map(|pitch| (at, pitch));
    let notes = [
        chord(0, [48, 64, 67, 72]),
        chord(960, [53, 60, 65, 69]),
        chord(1_920, [48, 64, 67, 72]),
    ];
    let track = Track {
        notes: notes
            .as_flattened()
            .iter()
            .map(|(onset, pitch)| Note {
                onset: *onset,
                pitch: *pitch,
                duration: 960,
                velocity: 100,
            })
            .collect(),
        ..Track::default()
    };
    let score = Score {
        tracks: vec![track],
        ..Score::default()
    };
    let (plain, design) = (Events::new(), Events::with_chords());
    let tokens = design.encode(&score);
    let words = names(&design, &tokens).join(", ");
    assert!(
        words.starts_with(
            "Bar, Position 0, Chord C, Program 0, Pitch 48, Velocity 100, Duration 24, Pitch 64"
        ),
        "{words}"
    );
    assert!(
        words.contains("Position 24, Chord F, Pitch 53")
            && words.contains("Bar, Position 0, Chord C, Program 0"),
        "{words}"
    );
    // The plain design's tokens have the same indices here; chords come after them.
    let vocabulary = &design.fields()[0].vocabulary;
    let before = plain.fields()[0].vocabulary.len();
    assert_eq!(vocabulary[..before], plain.fields()[0].vocabulary);
    assert_eq!(
        (vocabulary.len() - before, vocabulary[before].as_str()),
        (193, "Chord N")
    );
    let without: Vec<u16> = tokens
        .iter()
        .copied()
        .filter(|token| usize::from(*token) < before)
        .collect();
    assert_eq!(without, plain.encode(&score));
    // A chord is told, not heard.
    assert_eq!(design.decode(&tokens).unwrap(), plain.decode(&without).unwrap());
    let said: Vec<String> = design
        .chords_of(&tokens)
        .iter()
        .map(|(_, chord)| chord.unwrap().to_string())
        .collect();
    assert_eq!(said, ["C", "F", "C"]);
    assert_eq!(plain.chords_of(&tokens), []);
    // Only the first thing at a position but for the tempo may be a chord.
    let mut twice = tokens.clone();
    twice.insert(2, tokens[2]);
    let fault = design.decode(&twice).unwrap_err().to_string();
    assert_eq!(fault, "step 3: a chord that is not the first at its position");
    assert!(
        plain
            .decode(&tokens)
            .unwrap_err()
            .to_string()
            .contains("outside the vocabulary")
    );
}

#[test]
fn a_waltz_in_compound_tokens() {
    let design = Compound::new();
    let tokens = design.encode(&waltz());
    let steps: Vec<String> = names(&design, &tokens)
        .chunks(8)
        .map(|step| step.join(" "))
        .collect();
    assert_eq!(
        steps,
        [
            "1 3/4 0 153.7 32 36 12 100",
            "0 3/4 12 153.7 drums 42 1 100",
            "1 3/4 0 153.7 32 43 12 100"
        ]
    );
}

#[test]
fn a_tempo_taken_back_at_the_same_onset_is_no_change() {
    let design = Compound::new();
    // A bar of three notes, the last two at one onset; the second has another tempo.
    let step = |bars, position, tempo, pitch| [bars, 0, position, tempo, 0, pitch, 5, 5];
    let steps = [step(1, 0, 20, 60), step(0, 12, 28, 64), step(0, 12, 20, 67)];
    let score = design.decode(steps.as_flattened()).unwrap();
    assert_eq!(score.tempos.len(), 1);
    assert_eq!(design.quantised(&score), score);
}

#[test]
fn events_that_change_nothing_are_not_heard() {
    let design = Events::new();
    let token = |name: &str| {
        let vocabulary = &design.fields()[0].vocabulary;
        vocabulary.iter().position(|known| known == name).unwrap() as u16
    };
    let tempo = |level| token("Position 71") + 1 + level;
    let note = ["Program 0", "Pitch 60", "Velocity 68", "Duration 12"].map(token);
    let mut tokens = vec![token("Bar"), token("Position 0"), tempo(20)];
    tokens.extend(note);
    tokens.extend([token("Position 24"), tempo(20)]);
    tokens.extend(note);
    let heard = design.decode(&tokens).unwrap();
    assert_eq!(heard.tempos.len(), 1, "the second tempo is the first");
    // A waltz at another tempo in which nothing sounds.
    tokens.extend([token("Position 36"), tempo(4), token("Bar"), token("Metre 3/4")]);
    assert_eq!(design.decode(&tokens).unwrap(), heard);
    assert_eq!(design.quantised(&heard), heard);
}

#[test]
fn a_tempo_that_holds_anyway_is_not_told_at_the_first_note() {
    let design = Compound::new();
    let mut score = waltz();
    for track in &mut score.tracks {
        for note in &mut track.notes {
            note.onset += 4_800;
        }
    }
    let tempo = |tick, micros_per_quarter| Tempo {
        tick,
        micros_per_quarter,
    };
    score.tempos = vec![tempo(0, 200_000), tempo(2_400, 500_000)];
    let tokens = design.encode(&score);
    let decoded = design.decode(&tokens).unwrap();
    assert_eq!(decoded.tempos, []);
    assert_eq!(decoded, design.quantised(&score));
    assert_eq!(design.encode(&decoded), tokens);
}

#[test]
fn names_are_of_the_first_instrument_in_all_its_tracks() {
    let note = |onset, pitch, duration| Note {
        onset,
        pitch,
        duration,
        velocity: 80,
    };
    let track = |source, program, notes: &[Note]| Track {
        source,
        program,
        channel: source as u8,
        notes: notes.to_vec(),
        ..Track::default()
    };
    let mut score = Score {
        tracks: vec![
            track(
                0,
                0,
                &[
                    note(0, 58, 480),
                    note(480, 60, 480),
                    note(490, 64, 480),
                    note(500, 67, 470),
                ],
            ),
            track(1, 33, &[note(0, 36, 480)]),
            // Another piano; its last note lasts into the second bar.
            track(2, 0, &[note(960, 61, 240), note(1_680, 65, 480)]),
        ],
        ..Score::default()
    };
    score.tidy();
    let design = Names::new();
    let tokens = design.encode(&score);
    assert_eq!(names(&design, &tokens).join(" "), "B-3 0.4.7 C#4 F4 F4");
    let heard = design.quantised(&score);
    let pitches: Vec<u8> = heard.notes().map(|note| note.pitch).collect();
    assert_eq!(pitches, [58, 60, 64, 67, 61, 65, 65]);
    // A name that means an instrument, beside a program that is another's: the first part is empty.
    score.tracks[0].name = "Organ".to_owned();
    assert!(design.encode(&score).is_empty());
    assert_eq!(design.quantised(&score).notes().count(), 0);
    assert_eq!(
        Names::new().decode(&[9_999]).unwrap_err().to_string(),
        "step 0: a token outside the vocabulary"
    );
}

#[test]
fn what_is_no_music_is_told_with_its_place() {
    let events = Events::new();
    let vocabulary = &events.fields()[0].vocabulary;
    let tokens = |names: &[&str]| -> Vec<u16> {
        let find = |name: &&str| vocabulary.iter().position(|known| known == name).unwrap() as u16;
        names.iter().map(find).collect()
    };
    for (names, fault) in [
        (&["Pitch 60"][..], "step 0: no bar has begun"),
        (&["Bar", "Pitch 60"], "step 1: no position was given"),
        (
            &["Bar", "Position 0", "Pitch 60"],
            "step 2: a note without a program in its bar",
        ),
        (
            &["Bar", "Position 48"],
            "step 1: a position after the end of its bar",
        ),
        (
            &["Bar", "Position 3", "Position 3"],
            "step 2: a position that is not after the last",
        ),
        (
            &["Bar", "Position 0", "Program 0", "Drum 60"],
            "step 3: a drum of a tone's program, or a tone of drums",
        ),
        (
            &["Bar", "Position 0", "Program 0", "Pitch 60", "Bar"],
            "step 4: a note without velocity or duration",
        ),
        (
            &["Bar", "Position 0", "Program 0", "Pitch 60"],
            "step 4: the last note is not whole",
        ),
        (
            &["Bar", "Position 0", "Metre 3/4"],
            "step 2: a metre that no bar begins with",
        ),
    ] {
        assert_eq!(events.decode(&tokens(names)).unwrap_err().to_string(), fault);
    }
    assert!(
        events
            .decode(&[u16::MAX])
            .unwrap_err()
            .to_string()
            .contains("outside the vocabulary")
    );
    assert!(
        Compound::new()
            .decode(&[1, 0])
            .unwrap_err()
            .to_string()
            .contains("not whole")
    );
}
