//! The line at the bottom.

use super::lines::{Step, bottom};
use super::piece::{Piece, STEPS};
use super::rhythm::lengths;
use super::{Features, share, spread};

/// The highest pitch of a bass: the G below middle C.
const HIGHEST: u8 = 55;
/// Quarters in a row that make a bass walk.
const WALK: usize = 4;

pub(super) fn put(piece: &Piece<'_>, sheet: &mut Features) {
    let mut line = bottom(&piece.tones);
    line.retain(|step| step.pitch <= HIGHEST);
    sheet.put("bass_per_quarter", line.len() as f64 / piece.quarters());
    let pairs = || {
        line.windows(2)
            .filter(|pair| pair[1].start - pair[0].start <= 4 * STEPS)
            .map(|pair| {
                (
                    pair[1].start - pair[0].start,
                    i32::from(pair[1].pitch) - i32::from(pair[0].pitch),
                )
            })
    };
    let mut counts = [0.0; 7];
    for (_, interval) in pairs() {
        counts[match interval.unsigned_abs() {
            0 => 0,
            1 | 2 => 1,
            3 | 4 => 2,
            5 | 7 => 3,
            6 => 4,
            12 => 5,
            _ => 6,
        }] += 1.0;
    }
    sheet.put_shares(
        [
            "bass_unison",
            "bass_step",
            "bass_third",
            "bass_fourth_fifth",
            "bass_tritone",
            "bass_octave",
            "bass_wider",
        ],
        &counts,
    );
    sheet.put(
        "bass_semitone",
        share(pairs().map(|(_, interval)| interval.abs() == 1)),
    );
    sheet.put_shares(
        [
            "bass_gap_thirty_second",
            "bass_gap_sixteenth",
            "bass_gap_triplet",
            "bass_gap_eighth",
            "bass_gap_dotted_eighth",
            "bass_gap_quarter",
            "bass_gap_dotted_quarter",
            "bass_gap_half",
            "bass_gap_whole",
            "bass_gap_longer",
        ],
        &lengths(line.windows(2).map(|pair| pair[1].start - pair[0].start)),
    );
    sheet.put("walking_bass", walking(&line));
    sheet.put(
        "bass_pulse",
        share(pairs().map(|(gap, interval)| gap <= 7 && interval == 0)),
    );
    sheet.put(
        "bass_alternation",
        share(pairs().map(|(gap, interval)| (11..=27).contains(&gap) && matches!(interval.abs(), 5 | 7))),
    );
    sheet.put(
        "bass_on_beat",
        share(line.iter().map(|step| step.start.is_multiple_of(STEPS))),
    );
    let (center, deviation) = spread(line.iter().map(|step| f64::from(step.pitch)));
    sheet.put("bass_register", center);
    sheet.put("bass_register_spread", deviation);
}

/// The share of bass notes that are of a walk: at least four quarters in a row, each another pitch, no leap wider than a fifth.
fn walking(line: &[Step]) -> f64 {
    let (mut walked, mut run) = (0, 0);
    let mut end = |run: &mut usize| {
        if *run + 1 >= WALK {
            walked += *run + 1;
        }
        *run = 0;
    };
    for pair in line.windows(2) {
        let gap = pair[1].start - pair[0].start;
        let interval = pair[1].pitch.abs_diff(pair[0].pitch);
        match (11..=13).contains(&gap) && (1..=7).contains(&interval) {
            true => run += 1,
            false => end(&mut run),
        }
    }
    end(&mut run);
    match line.is_empty() {
        true => 0.0,
        false => walked as f64 / line.len() as f64,
    }
}
