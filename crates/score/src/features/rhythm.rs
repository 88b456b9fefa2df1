//! When notes begin and how long they are held; tempo and metre.

use super::piece::{Piece, STEPS};
use super::{Features, entropy, mean, share, spread};

/// Bins of lengths, by their upper ends in steps: from a thirty-second to more than a whole note.
const LENGTHS: [u32; 9] = [2, 3, 4, 7, 10, 13, 20, 27, 51];

/// Counts of lengths in bins.
pub(super) fn lengths(steps: impl Iterator<Item = u32>) -> [f64; 10] {
    let mut counts = [0.0; 10];
    steps.for_each(|length| counts[LENGTHS.partition_point(|end| *end < length)] += 1.0);
    counts
}

/// Counts of places in a quarter: beat, first and second sixteenth off it, triplets, the eighth, what lies between.
fn phases(steps: &[u32]) -> [f64; 7] {
    let mut counts = [0.0; 7];
    for step in steps {
        counts[match step % STEPS {
            0 => 0,
            3 => 1,
            4 => 2,
            6 => 3,
            8 => 4,
            9 => 5,
            _ => 6,
        }] += 1.0;
    }
    counts
}

pub(super) fn put(piece: &Piece<'_>, sheet: &mut Features) {
    let mut tones: Vec<u32> = piece.tones.iter().map(|tone| tone.start).collect();
    tones.dedup();
    let mut drums: Vec<u32> = piece.strokes.iter().map(|stroke| stroke.start).collect();
    drums.dedup();
    sheet.put_shares(
        [
            "onset_on_beat",
            "onset_on_first_sixteenth",
            "onset_on_first_triplet",
            "onset_on_eighth",
            "onset_on_second_triplet",
            "onset_on_last_sixteenth",
            "onset_between",
        ],
        &phases(&tones),
    );
    sheet.put_shares(
        [
            "drum_on_beat",
            "drum_on_first_sixteenth",
            "drum_on_first_triplet",
            "drum_on_eighth",
            "drum_on_second_triplet",
            "drum_on_last_sixteenth",
            "drum_between",
        ],
        &phases(&drums),
    );
    sheet.put("onsets_per_quarter", tones.len() as f64 / piece.quarters());
    sheet.put_shares(
        [
            "held_thirty_second",
            "held_sixteenth",
            "held_triplet",
            "held_eighth",
            "held_dotted_eighth",
            "held_quarter",
            "held_dotted_quarter",
            "held_half",
            "held_whole",
            "held_longer",
        ],
        &lengths(piece.tones.iter().map(|tone| tone.end - tone.start)),
    );
    let gaps = || tones.windows(2).map(|pair| pair[1] - pair[0]);
    let gap_counts = lengths(gaps());
    sheet.put_shares(
        [
            "gap_thirty_second",
            "gap_sixteenth",
            "gap_triplet",
            "gap_eighth",
            "gap_dotted_eighth",
            "gap_quarter",
            "gap_dotted_quarter",
            "gap_half",
            "gap_whole",
            "gap_longer",
        ],
        &gap_counts,
    );
    sheet.put("gap_entropy", entropy(&gap_counts));
    sheet.put(
        "rhythm_of_one_length",
        share(gaps().zip(gaps().skip(1)).map(|(one, next)| one == next)),
    );
    put_density(piece, sheet);
    put_tempo(piece, sheet);
    put_velocity(piece, sheet);
}

/// How evenly notes are spread over bars.
fn put_density(piece: &Piece<'_>, sheet: &mut Features) {
    let mut tones = piece.tones.iter().map(|tone| tone.start).peekable();
    let mut counts = Vec::with_capacity(piece.bars.len());
    for (_, end) in piece.bars_in_steps() {
        let mut count = 0.0;
        while tones.next_if(|start| *start < end).is_some() {
            count += 1.0;
        }
        counts.push(count);
    }
    let (center, deviation) = spread(counts.iter().copied());
    sheet.put("density_variation", deviation / center);
}

/// Tempo, weighted by the notes played in it, and metre.
fn put_tempo(piece: &Piece<'_>, sheet: &mut Features) {
    let score = piece.score;
    let tempo = |tick: u32| {
        let at = score.tempos.partition_point(|tempo| tempo.tick <= tick);
        at.checked_sub(1)
            .map_or(120.0, |at| score.tempos[at].per_minute())
            .clamp(10.0, 1_000.0)
            .log2()
    };
    let bars = || piece.bars.iter().map(|bar| tempo(bar.start));
    let (center, deviation) = spread(bars());
    sheet.put("log_tempo", center);
    sheet.put("tempo_variation", deviation);
    let metre = |wanted: &dyn Fn(u8, u8) -> bool| {
        share(
            piece
                .bars
                .iter()
                .map(|bar| wanted(bar.numerator, bar.denominator)),
        )
    };
    sheet.put(
        "duple_metre",
        metre(&|beats, of| matches!((beats, of), (2 | 4, 2 | 4) | (1, _))),
    );
    sheet.put(
        "triple_metre",
        metre(&|beats, of| beats == 3 || (beats, of) == (6, 4)),
    );
    sheet.put(
        "compound_metre",
        metre(&|beats, of| of >= 8 && beats % 3 == 0 && beats > 3),
    );
}

/// How hard notes are played: how much it varies, and what the beat is given.
fn put_velocity(piece: &Piece<'_>, sheet: &mut Features) {
    let velocities = || piece.tones.iter().map(|tone| f64::from(tone.velocity));
    sheet.put("velocity_variation", spread(velocities()).1 / 127.0);
    let of = |on_beat: bool| {
        mean(
            piece
                .tones
                .iter()
                .filter(move |tone| tone.start.is_multiple_of(STEPS) == on_beat)
                .map(|tone| f64::from(tone.velocity)),
        )
    };
    let accent = match piece.tones.is_empty() {
        true => 0.0,
        false => of(true) - of(false),
    };
    sheet.put("beat_accent", accent.clamp(-40.0, 40.0) / 127.0);
    let strokes = || piece.strokes.iter().map(|stroke| f64::from(stroke.velocity));
    sheet.put("drum_velocity_variation", spread(strokes()).1 / 127.0);
}
