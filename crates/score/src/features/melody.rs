//! The line on top.

use std::collections::BTreeMap;

use super::lines::{Step, top};
use super::piece::{Piece, STEPS};
use super::rhythm::lengths;
use super::{Features, entropy, share, spread};

/// Notes further apart than this, in steps, are no interval.
const PAUSE: u32 = 4 * STEPS;

/// Intervals between neighbours, in semitones.
pub(super) fn intervals(line: &[Step]) -> impl Iterator<Item = i32> + Clone {
    line.windows(2)
        .filter(|pair| pair[1].start - pair[0].start <= PAUSE)
        .map(|pair| i32::from(pair[1].pitch) - i32::from(pair[0].pitch))
}

pub(super) fn put(piece: &Piece<'_>, sheet: &mut Features) {
    let line = top(&piece.tones);
    sheet.put("melody_per_quarter", line.len() as f64 / piece.quarters());
    let mut counts = [0.0; 10];
    for interval in intervals(&line) {
        counts[match interval.unsigned_abs() {
            0 => 0,
            1 => 1,
            2 => 2,
            3 | 4 => 3,
            5 => 4,
            6 => 5,
            7 => 6,
            8..=11 => 7,
            12 => 8,
            _ => 9,
        }] += 1.0;
    }
    sheet.put_shares(
        [
            "melody_unison",
            "melody_semitone",
            "melody_tone",
            "melody_third",
            "melody_fourth",
            "melody_tritone",
            "melody_fifth",
            "melody_sixth_seventh",
            "melody_octave",
            "melody_wider",
        ],
        &counts,
    );
    sheet.put("melody_interval_entropy", entropy(&counts));
    let moves = || intervals(&line).filter(|interval| *interval != 0);
    sheet.put("melody_rising", share(moves().map(|interval| interval > 0)));
    let pairs = || moves().zip(moves().skip(1));
    sheet.put(
        "melody_turning",
        share(pairs().map(|(a, b)| a.signum() != b.signum())),
    );
    sheet.put(
        "melody_chromatic_runs",
        share(pairs().map(|(a, b)| a.abs() == 1 && a == b)),
    );
    sheet.put(
        "melody_scale_runs",
        share(pairs().map(|(a, b)| a.abs() <= 2 && b.abs() <= 2 && a.signum() == b.signum())),
    );
    let gaps = lengths(line.windows(2).map(|pair| pair[1].start - pair[0].start));
    sheet.put_shares(
        [
            "melody_gap_thirty_second",
            "melody_gap_sixteenth",
            "melody_gap_triplet",
            "melody_gap_eighth",
            "melody_gap_dotted_eighth",
            "melody_gap_quarter",
            "melody_gap_dotted_quarter",
            "melody_gap_half",
            "melody_gap_whole",
            "melody_gap_longer",
        ],
        &gaps,
    );
    let (center, deviation) = spread(line.iter().map(|step| f64::from(step.pitch)));
    sheet.put("melody_register", center);
    sheet.put("melody_register_spread", deviation);
    sheet.put("syncopation", syncopation(&line));
    sheet.put("transition_entropy", transition_entropy(&line));
}

/// The share of notes of a line that begin off the beat and sound, or are alone, over the next one.
fn syncopation(line: &[Step]) -> f64 {
    share(line.windows(2).map(|pair| {
        let beat = (pair[0].start / STEPS + 1) * STEPS;
        !pair[0].start.is_multiple_of(STEPS) && pair[0].end > beat && pair[1].start > beat
    }))
}

/// The entropy of a line's next pitch class where the present one is known, in bits.
fn transition_entropy(line: &[Step]) -> f64 {
    let mut pairs: BTreeMap<(u8, u8), f64> = BTreeMap::new();
    let mut single = [0.0; 12];
    for pair in line.windows(2) {
        let (from, to) = (pair[0].pitch % 12, pair[1].pitch % 12);
        *pairs.entry((from, to)).or_default() += 1.0;
        single[usize::from(from)] += 1.0;
    }
    let both: Vec<f64> = pairs.into_values().collect();
    (entropy(&both) - entropy(&single)).max(0.0)
}
