//! What the drummer plays.

use super::piece::{Piece, STEPS, Stroke};
use super::{Features, share};

/// The parts of a kit, as they are counted.
const KIT: [&str; 12] = [
    "kick_share",
    "snare_share",
    "side_stick_share",
    "clap_share",
    "closed_hat_share",
    "pedal_hat_share",
    "open_hat_share",
    "tom_share",
    "crash_share",
    "ride_share",
    "shaker_share",
    "hand_percussion_share",
];

/// The part of the kit that a key is, by General MIDI.
fn part(key: u8) -> usize {
    match key {
        35 | 36 => 0,
        38 | 40 => 1,
        37 => 2,
        39 => 3,
        42 => 4,
        44 => 5,
        46 => 6,
        41 | 43 | 45 | 47 | 48 | 50 => 7,
        49 | 52 | 55 | 57 => 8,
        51 | 53 | 59 => 9,
        54 | 69 | 70 => 10,
        _ => 11,
    }
}

const KICK: usize = 0;
const SNARE: [usize; 3] = [1, 2, 3];
const TIME: [usize; 4] = [4, 5, 6, 9];

pub(super) fn put(piece: &Piece<'_>, sheet: &mut Features) {
    let strokes = &piece.strokes;
    let notes = (strokes.len() + piece.tones.len()) as f64;
    sheet.put("drum_share", strokes.len() as f64 / notes);
    sheet.put("drums_per_quarter", strokes.len() as f64 / piece.quarters());
    let mut kit = [0.0; 12];
    strokes.iter().for_each(|stroke| kit[part(stroke.key)] += 1.0);
    sheet.put_shares(KIT, &kit);
    let played = |wanted: &[usize]| -> Vec<u32> {
        let mut steps: Vec<u32> = strokes
            .iter()
            .filter(|stroke| wanted.contains(&part(stroke.key)))
            .map(|stroke| stroke.start)
            .collect();
        steps.dedup();
        steps
    };
    let (kicks, snares, time) = (played(&[KICK]), played(&SNARE), played(&TIME));
    let beats = beats_of_drummed_bars(piece);
    let on = |steps: &[u32], number: usize| {
        let of = beats.iter().filter(|(_, at)| *at == number);
        share(of.map(|(beat, _)| near(steps, *beat)))
    };
    for (name, number) in ["kick_on_1", "kick_on_2", "kick_on_3", "kick_on_4"]
        .into_iter()
        .zip(0..)
    {
        sheet.put(name, on(&kicks, number));
    }
    for (name, number) in ["snare_on_1", "snare_on_2", "snare_on_3", "snare_on_4"]
        .into_iter()
        .zip(0..)
    {
        sheet.put(name, on(&snares, number));
    }
    let off = |steps: &[u32]| share(steps.iter().map(|step| !matches!(step % STEPS, 0 | 1 | 11)));
    sheet.put("kick_off_beat", off(&kicks));
    sheet.put("snare_off_beat", off(&snares));
    let phase =
        |steps: &[u32], wanted: &[u32]| share(steps.iter().map(|step| wanted.contains(&(step % STEPS))));
    sheet.put("time_on_eighths", phase(&time, &[6]));
    sheet.put("time_on_swung_eighths", phase(&time, &[7, 8]));
    sheet.put("time_on_sixteenths", phase(&time, &[3, 9]));
    sheet.put("kicks_per_quarter", kicks.len() as f64 / piece.quarters());
    sheet.put("snares_per_quarter", snares.len() as f64 / piece.quarters());
    sheet.put("time_per_quarter", time.len() as f64 / piece.quarters());
    sheet.put("drum_entropy", super::entropy(&kit));
    sheet.put("hat_pedal_on_2_4", pedal_on_2_4(strokes, &beats));
}

/// The beats of the bars of four quarters in which drums play, and their places in the bar.
fn beats_of_drummed_bars(piece: &Piece<'_>) -> Vec<(u32, usize)> {
    let mut strokes = piece.strokes.iter().map(|stroke| stroke.start).peekable();
    let mut beats = Vec::new();
    for (start, end) in piece.bars_in_steps() {
        while strokes.next_if(|stroke| *stroke < start).is_some() {}
        let drummed = strokes.peek().is_some_and(|stroke| *stroke < end);
        if drummed && end - start == 4 * STEPS {
            beats.extend((0..4).map(|beat| (start + beat * STEPS, beat as usize)));
        }
    }
    beats
}

/// Whether one of these steps is this one or its neighbour.
fn near(steps: &[u32], step: u32) -> bool {
    let at = steps.partition_point(|other| other + 1 < step);
    steps.get(at).is_some_and(|other| *other <= step + 1)
}

/// The share of second and fourth beats on which the foot closes the hi-hat.
fn pedal_on_2_4(strokes: &[Stroke], beats: &[(u32, usize)]) -> f64 {
    let feet: Vec<u32> = strokes
        .iter()
        .filter(|stroke| stroke.key == 44)
        .map(|stroke| stroke.start)
        .collect();
    share(
        beats
            .iter()
            .filter(|(_, at)| at % 2 == 1)
            .map(|(beat, _)| near(&feet, *beat)),
    )
}
