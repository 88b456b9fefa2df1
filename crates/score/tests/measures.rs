//! Measures of small scores whose numbers are counted by hand, and the laws they keep.

use melisma_score::measures::{BarKeys, Corpus, LONGEST, Measures, compare, pitch_in_scale_rate};
use melisma_score::{Control, ControlKind, KeySignature, Note, Score, TimeSignature, Track};
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
    Score {
        ticks_per_quarter: QUARTER as u16,
        tracks,
        ..Score::default()
    }
}

fn piano(notes: &[(u32, u32, u8)]) -> Score {
    score(vec![track(0, false, notes)])
}

#[track_caller]
fn near(found: f64, wanted: f64) {
    assert!((found - wanted).abs() < 1e-6, "{found}, not {wanted}");
}

/// The value of each measure by name.
fn named(measures: &Measures) -> Vec<(&'static str, f64)> {
    Measures::NAMES.iter().copied().zip(measures.values()).collect()
}

#[test]
fn pitches_are_counted() {
    // C, C, E, G over one bar; a C an octave up at the end.
    let measures = Measures::of(&piano(&[
        (0, QUARTER, 60),
        (120, QUARTER, 60),
        (240, QUARTER, 64),
        (360, QUARTER, 72),
    ]));
    near(
        measures.pitch_class_entropy,
        -(0.75 * 0.75_f64.log2() + 0.25 * 0.25_f64.log2()),
    );
    near(measures.pitch_entropy, 1.5);
    assert_eq!(
        (
            measures.n_pitches_used,
            measures.n_pitch_classes_used,
            measures.pitch_range
        ),
        (3, 2, 12)
    );
    near(measures.scale_consistency, 1.0);
    near(measures.polyphony, 1.0);
    near(measures.polyphony_rate, 0.0);
    near(measures.notes_per_quarter, 1.0);
    near(measures.notes_per_bar, 4.0);
    near(measures.notes_per_second, 2.0);
}

#[test]
fn a_pitch_that_two_play_sounds_once() {
    // Three pitches for a quarter, of which one is doubled and then goes on alone for another; then a quarter of silence before a
    // last one.
    let measures = Measures::of(&score(vec![
        track(
            0,
            false,
            &[(0, 240, 60), (0, 120, 64), (0, 120, 67), (360, 120, 60)],
        ),
        track(40, false, &[(0, 100, 60), (90, 30, 60)]),
    ]));
    near(measures.polyphony, (3.0 + 1.0 + 1.0) / 3.0);
    near(measures.polyphony_rate, 0.25);
}

#[test]
fn scales_are_those_of_the_key() {
    let mut score = piano(&[(0, 1, 62), (1, 1, 65), (2, 1, 66), (3, 1, 69)]);
    near(pitch_in_scale_rate(&score, 2, true), 0.75);
    near(pitch_in_scale_rate(&score, 2, false), 0.75);
    near(pitch_in_scale_rate(&score, 0, false), 0.75);
    assert!(Measures::of(&score).pitch_in_scale_rate.is_nan());
    let mut key = |sharps, minor| {
        score.key_signatures = vec![KeySignature {
            tick: 0,
            sharps,
            minor,
        }];
        Measures::of(&score).pitch_in_scale_rate
    };
    near(
        key(2, false),
        pitch_in_scale_rate(
            &piano(&[(0, 1, 62), (1, 1, 65), (2, 1, 66), (3, 1, 69)]),
            2,
            false,
        ),
    );
    // D minor has a flat; F sharp is not in it.
    near(key(-1, true), 0.75);
    // E flat minor shares the F and nothing else.
    near(key(-6, true), 0.5);
}

#[test]
fn empty_beats_end_where_muspy_ends_them() {
    // A note over the first quarter touches the second, too; the last ends on the fifth, which is the last of five.
    let mut score = piano(&[(0, 120, 60), (400, 80, 62)]);
    near(Measures::of(&score).empty_beat_rate, 1.0 / 5.0);
    near(Measures::of(&score).empty_measure_rate, 0.0);
    // A pedal let go in the third bar makes the piece three bars long; a bend does not count.
    let control = |tick, kind| Control { tick, kind };
    score.tracks[0].controls = vec![
        control(1_000, ControlKind::Controller(64, 0)),
        control(9_000, ControlKind::Bend(0)),
    ];
    near(Measures::of(&score).empty_beat_rate, 1.0 - 4.0 / 9.0);
    near(Measures::of(&score).empty_measure_rate, 1.0 / 3.0);
}

#[test]
fn groove_is_what_neighbouring_bars_share() {
    // Four quarters; three of them and a late one; the note that ends the last bar makes a third, empty one.
    let score = piano(&[
        (0, 10, 60),
        (120, 10, 60),
        (240, 10, 60),
        (360, 10, 60),
        (480, 10, 60),
        (600, 10, 60),
        (720, 10, 60),
        (855, 105, 60),
    ]);
    let measures = Measures::of(&score);
    // Bars one and two differ at two ticks, two and three at four.
    near(measures.groove_consistency, 1.0 - 6.0 / (480.0 * 2.0));
    // 375 ticks into the bar are 12.5 sixteenths, which go up, and 9.375 twelfths, which go down to where bar one has its note.
    near(measures.groove_consistency_16, 1.0 - 6.0 / (16.0 * 2.0));
    near(measures.groove_consistency_12, 1.0 - 4.0 / (12.0 * 2.0));
}

#[test]
fn a_note_just_before_the_bar_belongs_to_it() {
    // 15.5 sixteenths are the next bar; a tick less is not.
    let early = Measures::of(&piano(&[(0, 10, 60), (465, 10, 60)]));
    near(early.groove_consistency_16, 1.0);
    assert!(
        Measures::of(&piano(&[(0, 10, 60), (464, 10, 60)]))
            .groove_consistency_16
            .is_nan()
    );
    near(early.chroma_similarity, 1.0);
}

#[test]
fn drums_are_measured_apart() {
    let beat = [
        (0, 10, 36),
        (30, 10, 42),
        (40, 10, 42),
        (60, 10, 38),
        (120, 10, 36),
    ];
    let measures = Measures::of(&score(vec![track(0, true, &beat)]));
    near(measures.drum_in_duple_pattern_rate, 0.8);
    near(measures.drum_in_triple_pattern_rate, 0.6);
    near(measures.drum_pattern_consistency, 0.8);
    assert!(
        measures.pitch_entropy.is_nan() && measures.polyphony.is_nan() && measures.scale_consistency.is_nan()
    );
    near(measures.polyphony_rate, 0.0);
    assert_eq!(
        (measures.pitch_range, measures.n_pitches_used, measures.notes),
        (0, 0, 5)
    );
    near(measures.notes_per_quarter, 5.0 * 120.0 / 130.0);
}

#[test]
fn swing_is_where_the_second_eighth_comes() {
    let pairs = |offbeat: u32| {
        let notes: Vec<_> = (0..4)
            .flat_map(|beat| [(beat * 120, 10, 60), (beat * 120 + offbeat, 10, 60)])
            .collect();
        let measures = Measures::of(&piano(&notes));
        (measures.swing_ratio, measures.swung_eighth_share)
    };
    let (ratio, share) = pairs(80);
    near(ratio, 2.0);
    near(share, 1.0);
    let (ratio, share) = pairs(60);
    near(ratio, 1.0);
    near(share, 0.0);
    near(pairs(70).1, 1.0);
    // Sixteenths and triplets have no off-beat eighth.
    let others = Measures::of(&piano(&[
        (0, 9, 60),
        (60, 9, 60),
        (90, 9, 60),
        (160, 9, 60),
        (200, 9, 60),
    ]));
    assert!(others.swing_ratio.is_nan() && others.swung_eighth_share.is_nan());
}

#[test]
fn windows_have_entropies_of_their_own() {
    // Two pitch classes in the first bar, one in the second, nothing in the third and fourth, one of another kind in the fifth.
    let measures = Measures::of(&piano(&[
        (0, 9, 60),
        (120, 9, 62),
        (BAR, 9, 60),
        (4 * BAR, 480, 64),
    ]));
    assert_eq!(measures.bars, 5);
    near(measures.pitch_class_entropy_1_bar, (1.0 + 0.0 + 0.0) / 3.0);
    let first = -(2.0 / 3.0 * (2.0_f64 / 3.0).log2() + 1.0 / 3.0 * (1.0_f64 / 3.0).log2());
    near(measures.pitch_class_entropy_4_bars, (first + 1.0) / 2.0);
}

#[test]
fn bars_are_alike_pair_by_pair() {
    // A bar of C on the beat, one of C and E on the second beat by another instrument, one of drums.
    let measures = Measures::of(&score(vec![
        track(0, false, &[(0, 100, 60)]),
        track(40, false, &[(BAR + 120, 100, 60), (BAR + 120, 100, 64)]),
        track(0, true, &[(2 * BAR, 480, 36)]),
    ]));
    near(measures.chroma_similarity, 0.5_f64.sqrt());
    // Pairs differ at 2, 0 and 2 of 64 positions.
    near(measures.grooving_similarity, 1.0 - 4.0 / (3.0 * 64.0));
    near(measures.instrumentation_similarity, 0.0);
}

/// A bar of four quarters with these pitches.
fn bar(number: u32, pitches: [u8; 4]) -> Vec<(u32, u32, u8)> {
    (0..4)
        .map(|beat| (number * BAR + beat * QUARTER, QUARTER, pitches[beat as usize]))
        .collect()
}

fn tune(bars: &[[u8; 4]]) -> Score {
    let notes: Vec<_> = bars
        .iter()
        .enumerate()
        .filter(|(_, pitches)| pitches[0] > 0)
        .flat_map(|(number, pitches)| bar(number as u32, *pitches))
        .collect();
    piano(&notes)
}

const A: [u8; 4] = [60, 64, 67, 72];
const B: [u8; 4] = [62, 65, 69, 74];
const C: [u8; 4] = [59, 62, 67, 71];
const D: [u8; 4] = [61, 66, 68, 63];
const REST: [u8; 4] = [0; 4];

#[test]
fn what_comes_again_is_structure() {
    let repeated = Measures::of(&tune(&[A, B, C, D, A, B, C, D]));
    // DA comes but once.
    assert!(repeated.structureness_short < 1.0);
    near(Measures::of(&tune(&[A, B, A, B, A, B])).structureness_short, 1.0);
    near(repeated.structureness_mid, 1.0);
    assert!(repeated.structureness_long.is_nan());
    near(repeated.self_repetition_1_bar, 0.5);
    near(repeated.self_repetition_2_bars, 3.0 / 7.0);
    near(repeated.self_repetition_4_bars, 1.0 / 5.0);
    near(repeated.self_repetition_8_bars, 0.0);
    // Bars of one rhythm and no common pitch class are half alike.
    let (low, high) = ([60, 62, 64, 65], [61, 63, 66, 68]);
    near(
        Measures::of(&tune(&[low, low, high, high])).structureness_short,
        0.5,
    );
    let rests = Measures::of(&tune(&[A, REST, REST, A]));
    near(rests.self_repetition_1_bar, 0.5);
    assert!(rests.self_repetition_2_bars.is_nan());
}

#[test]
fn copies_are_found_and_measured() {
    let corpus = [tune(&[A, B, C, D]), tune(&[D, A, REST, B, C])];
    let corpus = Corpus::new(&corpus.each_ref().map(BarKeys::of));
    assert_eq!(corpus.pieces(), 2);
    let found = corpus
        .copy_rate(&BarKeys::of(&tune(&[B, C, D, A, REST, A, B, C, REST, C, A])))
        .exact;
    assert_eq!(found.longest_bars, 3);
    near(found.share_1_bar, 1.0);
    // Of BC, CD, DA, AB, BC and CA, only the last is in none of them; a piece's end is no bridge to the next.
    near(found.share_2_bars, 5.0 / 6.0);
    // Of BCDA, none.
    near(found.share_4_bars, 0.0);
    assert!(found.share_8_bars.is_nan());
    assert_eq!(
        corpus
            .copy_rate(&BarKeys::of(&tune(&[[1, 2, 3, 4]])))
            .exact
            .longest_bars,
        0
    );
    let nothing = corpus.copy_rate(&BarKeys::of(&Score::default()));
    assert!(nothing.exact.share_1_bar.is_nan() && nothing.exact.longest_bars == 0);
}

#[test]
fn transposed_copies_keep_their_steps_from_bar_to_bar() {
    let corpus = Corpus::new(&[BarKeys::of(&tune(&[A, B, C]))]);
    let moved = tune(&[A, B, C]).transposed(5).unwrap();
    let found = corpus.copy_rate(&BarKeys::of(&moved));
    assert_eq!((found.exact.longest_bars, found.transposed.longest_bars), (0, 3));
    // The second bar moved further than the first: each is a copy, both together are none.
    let torn = tune(&[A.map(|p| p + 1), B.map(|p| p + 3)]);
    let found = corpus.copy_rate(&BarKeys::of(&torn)).transposed;
    assert_eq!(
        (found.longest_bars, found.share_1_bar, found.share_2_bars),
        (1, 1.0, 0.0)
    );
}

#[test]
fn a_copy_is_one_at_any_resolution_and_when_played_by_hand() {
    let corpus = Corpus::new(&[BarKeys::of(&tune(&[A, B]))]);
    let mut played = tune(&[A, B]);
    for (index, note) in played.tracks[0].notes.iter_mut().enumerate() {
        note.onset = 4 * note.onset + 17 - (index as u32 % 3) * 17 + 17;
        note.duration *= 3;
    }
    played.ticks_per_quarter *= 4;
    near(corpus.copy_rate(&BarKeys::of(&played)).exact.share_2_bars, 1.0);
}

#[test]
fn a_loop_is_no_trouble() {
    let piece = tune(&[A; 1_000]);
    let keys = BarKeys::of(&piece);
    let found = Corpus::new([&keys, &keys]).copy_rate(&keys).exact;
    assert_eq!((found.longest_bars as usize, found.share_8_bars), (LONGEST, 1.0));
    let measures = Measures::of(&piece);
    near(measures.self_repetition_1_bar, 0.999);
    near(measures.structureness_long, 1.0);
}

#[test]
fn nothing_has_no_measures() {
    for score in [Score::default(), piano(&[])] {
        for (name, value) in named(&Measures::of(&score)) {
            let counted = [
                "notes",
                "bars",
                "seconds",
                "n_pitches_used",
                "n_pitch_classes_used",
                "pitch_range",
            ];
            assert!(
                value.is_nan() || counted.contains(&name) && value == 0.0,
                "{name} {value}"
            );
        }
    }
    // A note of no length at the very start lasts no time, but sounds in a bar.
    let blink = Measures::of(&piano(&[(0, 0, 60)]));
    assert!(blink.empty_beat_rate.is_nan() && blink.notes_per_second.is_nan() && blink.polyphony.is_nan());
    assert_eq!((blink.notes, blink.bars, blink.pitch_class_entropy), (1, 1, 0.0));
    assert_eq!(
        BarKeys::of(&piano(&[(0, 0, 60)])),
        BarKeys::of(&piano(&[(0, 90, 60)]))
    );
}

#[test]
fn json_has_null_for_what_is_no_number() {
    let json = serde_json::to_value(Measures::of(&piano(&[(0, 120, 60)]))).unwrap();
    assert_eq!(json["notes"], 1);
    assert!(json["drum_pattern_consistency"].is_null());
    assert_eq!(json.as_object().unwrap().len(), Measures::NAMES.len());
}

#[test]
fn sets_are_compared_measure_by_measure() {
    let set = |pitch: u8| -> Vec<Measures> {
        (0..5)
            .map(|i| Measures::of(&piano(&[(0, 120, pitch), (120 + i, 120, pitch + 2 + i as u8)])))
            .collect()
    };
    let found = compare(&set(60), &set(50), 7);
    assert_eq!(
        found.iter().map(|row| row.measure).collect::<Vec<_>>(),
        Measures::NAMES
    );
    let range = found.iter().find(|row| row.measure == "pitch_range").unwrap();
    assert_eq!(
        (range.means, range.difference, range.pieces),
        ([4.0, 4.0], 0.0, [5, 5])
    );
    assert!(range.interval[0] < 0.0 && range.interval[1] > 0.0);
    let drums = found
        .iter()
        .find(|row| row.measure == "drum_pattern_consistency")
        .unwrap();
    assert!(drums.pieces == [0, 0] && drums.difference.is_nan());
}

prop_compose! {
    /// Any piece of up to three tracks, in any metre that changes at most once, at coarse and fine ticks.
    fn pieces()(
        ticks_per_quarter in prop_oneof![1_u16..8, Just(96), Just(480), Just(32_767)],
        tracks in vec((any::<bool>(), 0_u8..128, vec((0_u32..4_000, 0_u32..800, 12_u8..116), 0..40)), 0..4),
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

/// Measures that are shares.
fn is_share(name: &str) -> bool {
    ["rate", "share", "similarity", "consistency"]
        .iter()
        .any(|word| name.contains(word))
        || name.starts_with("structureness")
        || name.starts_with("self_repetition")
}

proptest! {
    #[test]
    fn every_measure_is_in_its_range(score in pieces()) {
        for (name, value) in named(&Measures::of(&score)) {
            prop_assert!(!value.is_infinite(), "{name}");
            prop_assert!(value.is_nan() || value >= 0.0, "{name} {value}");
            prop_assert!(!is_share(name) || value.is_nan() || value <= 1.0, "{name} {value}");
        }
    }

    #[test]
    fn transposition_moves_no_measure(score in pieces(), semitones in -12_i8..=11) {
        let moved = score.transposed(semitones).unwrap();
        for ((name, a), (_, b)) in named(&Measures::of(&score)).into_iter().zip(named(&Measures::of(&moved))) {
            prop_assert!((a - b).abs() < 1e-6 || a.is_nan() && b.is_nan(), "{name}: {a} {b}");
        }
        let corpus = Corpus::new(&[BarKeys::of(&score)]);
        let (own, other) = (corpus.copy_rate(&BarKeys::of(&score)), corpus.copy_rate(&BarKeys::of(&moved)));
        prop_assert_eq!(format!("{:?}", own.transposed), format!("{:?}", other.transposed));
        prop_assert_eq!(format!("{:?}", own.transposed.share_1_bar), format!("{:?}", own.exact.share_1_bar));
    }

    #[test]
    fn a_piece_of_the_corpus_is_all_copy(score in pieces(), others in vec(pieces(), 0..3)) {
        let keys = BarKeys::of(&score);
        let others: Vec<BarKeys> = others.iter().map(BarKeys::of).collect();
        let corpus = Corpus::new(others.iter().chain([&keys]));
        let found = corpus.copy_rate(&keys);
        for copies in [found.exact, found.transposed] {
            for share in [copies.share_1_bar, copies.share_2_bars, copies.share_4_bars, copies.share_8_bars] {
                prop_assert!(share == 1.0 || share.is_nan());
            }
            prop_assert_eq!(copies.longest_bars > 0, score.notes().count() > 0);
        }
    }

    #[test]
    fn groove_and_polyphony_are_those_of_a_grid(score in pieces().prop_filter("short bars", |s| s.ticks_per_quarter <= 480)) {
        // muspy's own way: an array of every tick.
        let length = score.end() as usize;
        let bar = score.time_signatures.first().map_or((4, 4), |s| (usize::from(s.numerator), usize::from(s.denominator)));
        let bar = (4 * usize::from(score.ticks_per_quarter) * bar.0 / bar.1).max(1);
        let bars = length / bar + 1;
        let mut onsets = vec![false; bars * bar];
        let mut sounding = vec![0_u128; length];
        score.notes().for_each(|note| onsets[note.onset as usize] = true);
        for note in score.tones() {
            sounding[note.onset as usize..note.end() as usize].iter_mut().for_each(|set| *set |= 1 << note.pitch);
        }
        let measures = Measures::of(&score);
        if bars > 1 {
            let differing = onsets.iter().zip(&onsets[bar..]).filter(|(a, b)| a != b).count();
            prop_assert!((measures.groove_consistency - (1.0 - differing as f64 / (bar * (bars - 1)) as f64)).abs() < 1e-9);
        }
        let (any, sum) = sounding.iter().filter(|set| **set != 0).fold((0, 0), |(n, sum), set| (n + 1, sum + set.count_ones()));
        prop_assert!(any == 0 || (measures.polyphony - f64::from(sum) / f64::from(any)).abs() < 1e-9);
        let many = sounding.iter().filter(|set| set.count_ones() > 2).count();
        prop_assert!(length == 0 || (measures.polyphony_rate - many as f64 / length as f64).abs() < 1e-9);
    }
}
