//! How many sound together, and where.

use super::piece::{Piece, Tone};
use super::{Features, mean, share, spread};

pub(super) fn put(piece: &Piece<'_>, sheet: &mut Features) {
    let tones = &piece.tones;
    // Pitch classes that begin together, in the whole piece.
    let mut sizes = [0.0; 5];
    for together in tones.chunk_by(|a, b| a.start == b.start) {
        sizes[(classes(together).count_ones() as usize).clamp(1, 5) - 1] += 1.0;
    }
    sheet.put_shares(
        ["struck_1", "struck_2", "struck_3", "struck_4", "struck_5_or_more"],
        &sizes,
    );
    // And by one instrument.
    let mut by_program = tones.clone();
    by_program.sort_unstable_by_key(|tone| (tone.program, tone.start, tone.pitch));
    let groups = || by_program.chunk_by(|a, b| (a.program, a.start) == (b.program, b.start));
    let mut sizes = [0.0; 5];
    groups().for_each(|group| sizes[(classes(group).count_ones() as usize).clamp(1, 5) - 1] += 1.0);
    sheet.put_shares(
        [
            "chord_of_1",
            "chord_of_2",
            "chord_of_3",
            "chord_of_4",
            "chord_of_5_or_more",
        ],
        &sizes,
    );
    let chords = || groups().map(classes).filter(|set| set.count_ones() >= 2);
    sheet.put("power_chord_share", share(chords().map(is_power_chord)));
    sheet.put(
        "octave_doubling",
        share(groups().map(|group| doubled(group) && classes(group).count_ones() == 1)),
    );
    let dense = |group: &&[Tone]| classes(group).count_ones() >= 3;
    sheet.put(
        "chord_width",
        mean(
            groups()
                .filter(dense)
                .map(|group| f64::from(group[group.len() - 1].pitch - group[0].pitch)),
        ),
    );
    let pitches = || tones.iter().map(|tone| f64::from(tone.pitch));
    let (center, deviation) = spread(pitches());
    sheet.put("register", center);
    sheet.put("register_spread", deviation);
    sheet.put("low_share", share(tones.iter().map(|tone| tone.pitch < 48)));
    sheet.put("high_share", share(tones.iter().map(|tone| tone.pitch >= 72)));
    sheet.put("instruments_per_bar", instruments_per_bar(piece));
}

/// The pitch classes of tones, as bits.
fn classes(tones: &[Tone]) -> u16 {
    tones.iter().fold(0, |set, tone| set | 1 << (tone.pitch % 12))
}

/// Whether two pitch classes are a fifth and its root.
fn is_power_chord(set: u16) -> bool {
    (0..12).any(|root| set == 1 << root | 1 << ((root + 7) % 12))
}

fn doubled(group: &[Tone]) -> bool {
    group.len() >= 2 && group[0].pitch != group[group.len() - 1].pitch
}

/// The mean number of programs that begin tones in a bar, of the bars with tones.
fn instruments_per_bar(piece: &Piece<'_>) -> f64 {
    let mut tones = piece.tones.iter().peekable();
    mean(piece.bars_in_steps().filter_map(|(_, end)| {
        let mut programs = 0_u128;
        while let Some(tone) = tones.next_if(|tone| tone.start < end) {
            programs |= 1 << tone.program;
        }
        (programs != 0).then(|| f64::from(programs.count_ones()))
    }))
}
