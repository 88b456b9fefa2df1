//! Features of small scores whose numbers are counted by hand, and the laws they keep.

use melisma_score::features::Features;
use melisma_score::measures::Measures;
use melisma_score::{Note, Score, Span, Tempo, TimeSignature, Track};
use proptest::collection::vec;
use proptest::prelude::*;

const QUARTER: u32 = 120;
const BAR: u32 = 4 * QUARTER;

/// Notes as onset, duration and pitch.
fn track(program: u8, drums: bool, notes: &[(u32, u32, u8)]) -> Track {
    let note = |&(onset, duration, pitch): &(u32, u32, u8)| Note {
        onset,
        pitch,
        duration,
        velocity: 80,
    };
    Track {
        program,
        drums,
        notes: notes.iter().map(note).collect(),
        ..Track::default()
    }
}

fn score(tracks: Vec<Track>) -> Score {
    let mut score = Score {
        ticks_per_quarter: QUARTER as u16,
        tracks,
        ..Score::default()
    };
    score.tidy();
    score
}

/// Features asked by name.
struct Asked(Features);

impl Asked {
    fn of(tracks: Vec<Track>) -> Asked {
        Asked(Features::of(&score(tracks)))
    }

    #[track_caller]
    fn near(&self, name: &str, wanted: f64) {
        let found = self.0.get(name).unwrap_or_else(|| panic!("no feature {name}"));
        assert!((found - wanted).abs() < 1e-9, "{name} is {found}, not {wanted}");
    }
}

/// One after another, a quarter each.
fn quarters(pitches: &[u8]) -> Vec<(u32, u32, u8)> {
    let places = (0..).map(|at| at * QUARTER);
    places
        .zip(pitches)
        .map(|(onset, pitch)| (onset, QUARTER, *pitch))
        .collect()
}

#[test]
fn measures_come_first_and_names_are_told_apart() {
    let columns = Features::columns();
    assert_eq!(&columns[..Measures::NAMES.len()], Measures::NAMES);
    let mut sorted = columns.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), columns.len());
    let piece = score(vec![track(0, false, &quarters(&[60, 62, 64]))]);
    let (features, measures) = (Features::of(&piece), Measures::of(&piece));
    assert_eq!(features.names(), columns);
    assert_eq!(
        features.get("pitch_class_entropy"),
        Some(measures.pitch_class_entropy)
    );
    assert_eq!(features.get("title"), None);
    assert!(measures.drum_pattern_consistency.is_nan());
    assert_eq!(features.get("drum_pattern_consistency"), Some(0.0));
}

#[test]
fn who_plays_is_counted_by_notes() {
    let asked = Asked::of(vec![
        track(0, false, &[(0, 120, 60), (120, 120, 60)]),
        track(32, false, &[(0, 120, 40)]),
        track(66, false, &[(0, 120, 64)]),
        track(
            30,
            false,
            &[(0, 120, 64), (240, 120, 64), (360, 120, 64), (480, 120, 64)],
        ),
        track(0, true, &[(0, 10, 36), (120, 10, 38)]),
    ]);
    for (name, eighths) in [
        ("piano_share", 2.0),
        ("acoustic_piano_share", 2.0),
        ("bass_share", 1.0),
        ("acoustic_bass_share", 1.0),
        ("reed_share", 1.0),
        ("saxophone_share", 1.0),
        ("guitar_share", 4.0),
        ("distorted_guitar_share", 4.0),
        ("acoustic_guitar_share", 0.0),
        ("voice_share", 0.0),
    ] {
        asked.near(name, eighths / 8.0);
    }
    asked.near("instruments", 4.0);
    asked.near("instrument_entropy", 0.25 * 2.0 + 0.5 + 2.0 * 3.0 / 8.0);
    asked.near("drum_share", 0.2);
    // Four instruments in the first bar, one in the second.
    asked.near("instruments_per_bar", 2.5);
}

#[test]
fn a_rock_beat_and_a_ride_are_told_apart() {
    // Kick on one and three, snare on two and four, eighths on the closed hi-hat; the second bar ends with a kick off the beat.
    let mut rock = Vec::new();
    for bar in 0..2 {
        let start = bar * BAR;
        rock.extend([
            (start, 9, 36),
            (start + 120, 9, 38),
            (start + 240, 9, 36),
            (start + 360, 9, 38),
        ]);
        rock.extend((0..8).map(|eighth| (start + 60 * eighth, 9, 42)));
    }
    rock.push((BAR + 420, 9, 36));
    let asked = Asked::of(vec![track(0, true, &rock)]);
    for (name, value) in [
        ("drum_share", 1.0),
        ("kick_share", 5.0 / 25.0),
        ("snare_share", 4.0 / 25.0),
        ("closed_hat_share", 16.0 / 25.0),
        ("ride_share", 0.0),
        ("kick_on_1", 1.0),
        ("kick_on_2", 0.0),
        ("kick_on_3", 1.0),
        ("snare_on_2", 1.0),
        ("snare_on_3", 0.0),
        ("kick_off_beat", 1.0 / 5.0),
        ("snare_off_beat", 0.0),
        ("time_on_eighths", 0.5),
        ("time_on_swung_eighths", 0.0),
        ("drum_on_beat", 8.0 / 16.0),
        ("drum_on_eighth", 8.0 / 16.0),
        ("hat_pedal_on_2_4", 0.0),
    ] {
        asked.near(name, value);
    }
    // Ride on every beat and swung after two and four, the foot on two and four.
    let swing: Vec<_> = [0, 120, 200, 240, 360, 440].map(|at| (at, 9, 51)).into();
    let asked = Asked::of(vec![
        track(0, true, &swing),
        track(0, true, &[(120, 9, 44), (360, 9, 44)]),
    ]);
    asked.near("ride_share", 6.0 / 8.0);
    asked.near("pedal_hat_share", 2.0 / 8.0);
    asked.near("hat_pedal_on_2_4", 1.0);
    asked.near("time_on_swung_eighths", 2.0 / 6.0);
    asked.near("drum_on_second_triplet", 2.0 / 6.0);
}

#[test]
fn onsets_and_lengths_have_their_places() {
    // A quarter, a swung pair, four sixteenths; then a half.
    let notes = [
        (0, 120, 60),
        (120, 80, 60),
        (200, 40, 60),
        (240, 30, 60),
        (270, 30, 60),
        (300, 30, 60),
        (330, 30, 60),
        (360, 240, 60),
    ];
    let asked = Asked::of(vec![track(0, false, &notes)]);
    for (name, value) in [
        ("onset_on_beat", 4.0),
        ("onset_on_second_triplet", 1.0),
        ("onset_on_first_sixteenth", 1.0),
        ("onset_on_eighth", 1.0),
        ("onset_on_last_sixteenth", 1.0),
        ("onset_between", 0.0),
        ("held_quarter", 1.0),
        ("held_dotted_eighth", 1.0),
        ("held_triplet", 1.0),
        ("held_sixteenth", 4.0),
        ("held_half", 1.0),
    ] {
        asked.near(name, value / 8.0);
    }
    asked.near("gap_sixteenth", 4.0 / 7.0);
    asked.near("melody_gap_sixteenth", 4.0 / 7.0);
    asked.near("onsets_per_quarter", 8.0 / 5.0);
    // Of six pairs of gaps, those among the sixteenths agree.
    asked.near("rhythm_of_one_length", 3.0 / 6.0);
}

#[test]
fn tempo_and_metre_are_those_of_the_bars() {
    let mut piece = score(vec![track(0, false, &quarters(&[60; 14]))]);
    let signature = |tick, numerator, denominator| TimeSignature {
        tick,
        numerator,
        denominator,
    };
    // Two bars of 3/4, one of 4/4, then one of 12/8 that is cut.
    piece.time_signatures = vec![signature(0, 3, 4), signature(720, 4, 4), signature(1_200, 12, 8)];
    piece.tempos = vec![
        Tempo {
            tick: 0,
            micros_per_quarter: 1_000_000,
        },
        Tempo {
            tick: 720,
            micros_per_quarter: 250_000,
        },
    ];
    let asked = Asked(Features::of(&piece));
    asked.near("triple_metre", 0.5);
    asked.near("duple_metre", 0.25);
    asked.near("compound_metre", 0.25);
    let (slow, fast) = (60.0_f64.log2(), 240.0_f64.log2());
    asked.near("log_tempo", (slow + fast) / 2.0);
    asked.near("tempo_variation", 1.0);
}

#[test]
fn chords_are_counted_by_size_and_kind() {
    // C major seventh and F power chord, a half each; then C alone.
    let asked = Asked::of(vec![track(
        0,
        false,
        &[
            (0, 240, 48),
            (0, 240, 64),
            (0, 240, 67),
            (0, 240, 71),
            (240, 240, 53),
            (240, 240, 60),
            (480, 120, 60),
            (480, 120, 72),
        ],
    )]);
    for (name, value) in [
        ("struck_4", 1.0 / 3.0),
        ("struck_2", 1.0 / 3.0),
        ("struck_1", 1.0 / 3.0),
        ("chord_of_4", 1.0 / 3.0),
        ("power_chord_share", 1.0 / 2.0),
        ("octave_doubling", 1.0 / 3.0),
        ("chord_width", 23.0),
        ("beat_of_4", 2.0 / 5.0),
        ("beat_of_2", 2.0 / 5.0),
        ("beat_of_1", 1.0 / 5.0),
        ("major_seventh", 1.0 / 3.0),
        // C and B, C and E, C and G, E and G, E and B, G and B; F and C.
        ("fourths_together", (2.0 * 2.0 + 2.0) / (2.0 * 6.0 + 2.0)),
        ("semitones_together", 2.0 / 14.0),
        ("major_thirds_together", 4.0 / 14.0),
        ("tritones_together", 0.0),
        ("low_share", 0.0),
        ("high_share", 1.0 / 8.0),
        ("beats_that_change", 2.0 / 4.0),
    ] {
        asked.near(name, value);
    }
}

#[test]
fn roots_move_by_fifths_in_a_cadence() {
    // D minor seventh, G dominant seventh, C major seventh, a bar each.
    let mut notes = Vec::new();
    for (bar, chord) in [[50, 53, 57, 60], [43, 53, 59, 62], [48, 52, 55, 59]]
        .into_iter()
        .enumerate()
    {
        notes.extend(chord.map(|pitch| (bar as u32 * BAR, BAR, pitch)));
    }
    let asked = Asked::of(vec![track(0, false, &notes)]);
    asked.near("minor_seventh", 1.0 / 3.0);
    asked.near("dominant_seventh", 1.0 / 3.0);
    asked.near("major_seventh", 1.0 / 3.0);
    asked.near("chord_clearness", 1.0);
    asked.near("chord_entropy", 3.0_f64.log2());
    // Two halves to a bar: of five moves three stay.
    asked.near("root_stays", 3.0 / 5.0);
    asked.near("root_falls_a_fifth", 1.0);
    asked.near("root_by_tone", 0.0);
    asked.near("chromatic_share", 0.0);
}

#[test]
fn keys_are_heard_not_read() {
    // D major: scale and chord; four bars, the second time with a G sharp.
    let mut notes = quarters(&[62, 64, 66, 67, 69, 71, 73, 74, 62, 66, 69, 74, 62, 69, 66, 62]);
    let plain = Asked::of(vec![track(0, false, &notes)]);
    plain.near("degree_1", 6.0 / 16.0);
    plain.near("degree_5", 3.0 / 16.0);
    plain.near("degree_sharp_4", 0.0);
    plain.near("chromatic_share", 0.0);
    plain.near("passage_major_share", 1.0);
    assert!(plain.0.get("key_likeness").unwrap() > 0.9);
    assert!(plain.0.get("minorness").unwrap() < 0.0);
    notes[3].2 = 68;
    let sharp = Asked::of(vec![track(0, false, &notes)]);
    sharp.near("degree_sharp_4", 1.0 / 16.0);
    sharp.near("chromatic_share", 1.0 / 16.0);
    sharp.near("passage_chromatic_share", 1.0 / 16.0);
}

#[test]
fn the_melody_is_the_line_on_top() {
    // A held bass below C, C sharp, D, A, G sharp, C sharp an octave up of that.
    let mut notes = quarters(&[60, 61, 62, 69, 68, 80]);
    notes.push((0, 6 * QUARTER, 36));
    let asked = Asked::of(vec![track(0, false, &notes)]);
    for (name, value) in [
        ("melody_per_quarter", 1.0),
        ("melody_semitone", 3.0 / 5.0),
        ("melody_fifth", 1.0 / 5.0),
        ("melody_octave", 1.0 / 5.0),
        ("melody_rising", 4.0 / 5.0),
        ("melody_turning", 2.0 / 4.0),
        ("melody_chromatic_runs", 1.0 / 4.0),
        ("melody_scale_runs", 1.0 / 4.0),
        ("melody_register", 400.0 / 6.0),
        ("bass_per_quarter", 1.0 / 6.0),
        ("bass_register", 36.0),
        ("syncopation", 0.0),
        // Each pitch class has one follower, but G sharp has none of its own after it as well as none before: it is met once.
        ("transition_entropy", 0.0),
    ] {
        asked.near(name, value);
    }
    // Eighths tied over the beat.
    let tied = [
        (0, 60, 60),
        (60, 120, 62),
        (180, 120, 64),
        (300, 60, 65),
        (360, 120, 67),
    ];
    Asked::of(vec![track(0, false, &tied)]).near("syncopation", 2.0 / 4.0);
}

#[test]
fn a_bass_walks_or_pumps_or_alternates() {
    let walk = Asked::of(vec![track(
        32,
        false,
        &quarters(&[36, 38, 40, 41, 43, 41, 40, 38]),
    )]);
    walk.near("walking_bass", 1.0);
    walk.near("bass_step", 1.0);
    walk.near("bass_semitone", 2.0 / 7.0);
    walk.near("bass_gap_quarter", 1.0);
    walk.near("bass_on_beat", 1.0);
    walk.near("bass_pulse", 0.0);
    let pump: Vec<_> = (0..8).map(|eighth| (60 * eighth, 60, 36)).collect();
    let pump = Asked::of(vec![track(33, false, &pump)]);
    pump.near("bass_pulse", 1.0);
    pump.near("bass_unison", 1.0);
    pump.near("walking_bass", 0.0);
    pump.near("bass_on_beat", 0.5);
    let country = Asked::of(vec![track(
        32,
        false,
        &[(0, 120, 43), (240, 120, 38), (480, 120, 43), (720, 120, 38)],
    )]);
    country.near("bass_alternation", 1.0);
    country.near("bass_fourth_fifth", 1.0);
    // What is high is no bass.
    Asked::of(vec![track(0, false, &quarters(&[72, 74]))]).near("bass_per_quarter", 0.0);
}

#[test]
fn nothing_has_features_too() {
    for piece in [Score::default(), score(vec![track(0, false, &[(0, 0, 60)])])] {
        assert!(
            Features::of(&piece)
                .values()
                .iter()
                .all(|value| value.is_finite())
        );
    }
}

#[test]
fn an_excerpt_takes_what_holds_with_it() {
    let mut piece = score(vec![
        track(0, false, &quarters(&[60, 62, 64, 65, 67, 69, 71, 72])),
        track(5, false, &[(0, 960, 48)]),
    ]);
    piece.tempos = vec![Tempo {
        tick: 100,
        micros_per_quarter: 400_000,
    }];
    piece.time_signatures = vec![
        TimeSignature {
            tick: 0,
            numerator: 2,
            denominator: 4,
        },
        TimeSignature {
            tick: 720,
            numerator: 3,
            denominator: 4,
        },
    ];
    let part = piece.excerpt(Span { start: 480, end: 840 });
    let onsets: Vec<(u32, u8)> = part.notes().map(|note| (note.onset, note.pitch)).collect();
    assert_eq!(onsets, [(0, 67), (120, 69), (240, 71)]);
    assert_eq!(part.tracks.len(), 1, "who is silent there is not there");
    assert_eq!(
        (part.tempos[0].tick, part.tempos[0].micros_per_quarter),
        (0, 400_000)
    );
    let metres: Vec<(u32, u8)> = part
        .time_signatures
        .iter()
        .map(|s| (s.tick, s.numerator))
        .collect();
    assert_eq!(metres, [(0, 2), (240, 3)]);
    assert_eq!(piece.excerpt(Span { start: 0, end: 960 }).notes().count(), 9);
}

prop_compose! {
    /// Any piece of up to four tracks, in any metre that changes at most twice, at coarse and fine ticks.
    fn pieces()(
        ticks_per_quarter in prop_oneof![1_u16..8, Just(96), Just(480), Just(32_767)],
        tracks in vec((any::<bool>(), 0_u8..128, vec((0_u32..4_000, 0_u32..800, 12_u8..116), 0..40)), 0..5),
        metres in vec((0_u32..3_000, 1_u8..20, 0_u32..7), 0..3),
    ) -> Score {
        let mut score = Score { ticks_per_quarter, ..Score::default() };
        score.tracks = tracks.iter().map(|(drums, program, notes)| track(*program, *drums, notes)).collect();
        score.time_signatures = metres
            .into_iter()
            .map(|(tick, numerator, power)| TimeSignature { tick, numerator, denominator: 1 << power })
            .collect();
        score.tidy();
        score
    }
}

/// What an octave moves.
fn is_of_register(name: &str) -> bool {
    name.contains("register")
        || name.starts_with("bass_") && name != "bass_share"
        || name == "walking_bass"
        || ["low_share", "high_share"].contains(&name)
}

fn assert_same(a: &Features, b: &Features, but: impl Fn(&str) -> bool) -> Result<(), TestCaseError> {
    for ((name, a), b) in a.names().iter().zip(a.values()).zip(b.values()) {
        prop_assert!((a - b).abs() < 1e-6 || but(name), "{}: {} {}", name, a, b);
    }
    Ok(())
}

proptest! {
    #[test]
    fn every_feature_is_finite_and_shares_are_shares(piece in pieces()) {
        let features = Features::of(&piece);
        prop_assert_eq!(features.names(), Features::columns());
        for (name, value) in features.names().iter().zip(features.values()) {
            prop_assert!(value.is_finite(), "{} {}", name, value);
            let share = name.ends_with("_share") || name.contains("_on_") || name.contains("_gap_");
            prop_assert!(!share || (0.0..=1.0 + 1e-9).contains(value), "{} {}", name, value);
        }
    }

    #[test]
    fn transposition_moves_the_register_alone(piece in pieces(), semitones in -12_i8..=11) {
        let moved = piece.transposed(semitones).unwrap();
        assert_same(&Features::of(&piece), &Features::of(&moved), is_of_register)?;
    }

    #[test]
    fn tracks_may_stand_in_any_order_or_be_split(piece in pieces(), seed in any::<u64>()) {
        let mut other = piece.clone();
        let count = other.tracks.len().max(1);
        other.tracks.rotate_left(seed as usize % count);
        if let Some(first) = other.tracks.first_mut() {
            let mut half = first.clone();
            half.name = "Jazz in C".to_owned();
            half.notes = first.notes.split_off(first.notes.len() / 2);
            other.tracks.push(half);
        }
        other.tracks.reverse();
        other.tracks.retain(|track| !track.notes.is_empty());
        assert_same(&Features::of(&piece), &Features::of(&other), |_| false)?;
    }
}
