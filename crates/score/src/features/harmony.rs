//! What sounds together: chords, and how they follow one another.

use super::piece::{Piece, STEPS, sweep};
use super::{Features, entropy, mean, share};

/// Chords that are told apart: their pitch classes above the root, as bits.
const CHORDS: [(&str, u16); 10] = [
    ("major_triad", 0b0000_1001_0001),
    ("minor_triad", 0b0000_1000_1001),
    ("power_chord", 0b0000_1000_0001),
    ("suspended", 0b0000_1010_0001),
    ("dominant_seventh", 0b0100_1001_0001),
    ("major_seventh", 0b1000_1001_0001),
    ("minor_seventh", 0b0100_1000_1001),
    ("half_diminished", 0b0100_0100_1001),
    ("diminished_seventh", 0b0010_0100_1001),
    ("augmented", 0b0001_0001_0001),
];

/// The time over which a chord is told, in steps: a half note.
const WINDOW: u32 = 2 * STEPS;
/// A pitch class is of a beat's chord if it sounds for a quarter of the beat.
const HEARD: u32 = STEPS / 4;

/// How long each pitch class sounds, window by window; those without tones are left out. The first value is the window's number.
pub(super) fn profiles(piece: &Piece<'_>, window: u32) -> Vec<(u32, [u32; 12])> {
    let mut found: Vec<(u32, [u32; 12])> = Vec::new();
    sweep(&piece.tones, window, |from, to, sounding| {
        if sounding.iter().all(|count| *count == 0) {
            return;
        }
        let number = from / window;
        if found.last().is_none_or(|last| last.0 != number) {
            found.push((number, [0; 12]));
        }
        let profile = &mut found.last_mut().expect("there is one by now").1;
        for (time, count) in profile.iter_mut().zip(sounding) {
            *time += (to - from) * u32::from(*count > 0);
        }
    });
    found
}

pub(super) fn put(piece: &Piece<'_>, sheet: &mut Features) {
    let beats = profiles(piece, STEPS);
    put_beats(&beats, sheet);
    let windows = profiles(piece, WINDOW);
    // Of roots that fit alike, as those of a diminished seventh do, the next above the last one is taken, so that a key changes nothing.
    let mut from = piece.lowest_class();
    let found: Vec<(u32, Found)> = windows
        .iter()
        .map(|(number, profile)| {
            let chord = chord(profile, from);
            from = chord.root;
            (*number, chord)
        })
        .collect();
    let mut kinds = [0.0; 10];
    found.iter().for_each(|(_, chord)| kinds[chord.kind] += 1.0);
    sheet.put_shares(CHORDS.map(|(name, _)| name), &kinds);
    sheet.put(
        "chord_clearness",
        mean(found.iter().map(|(_, chord)| chord.likeness)),
    );
    sheet.put("chord_entropy", entropy(&kinds));
    let moves = || {
        found
            .windows(2)
            .filter(|pair| pair[1].0 == pair[0].0 + 1)
            .map(|pair| (pair[1].1.root + 12 - pair[0].1.root) % 12)
    };
    sheet.put("root_stays", share(moves().map(|by| by == 0)));
    let mut counts = [0.0; 6];
    for by in moves().filter(|by| *by != 0) {
        counts[match by {
            5 => 0,
            7 => 1,
            1 | 11 => 2,
            2 | 10 => 3,
            6 => 5,
            _ => 4,
        }] += 1.0;
    }
    sheet.put_shares(
        [
            "root_falls_a_fifth",
            "root_rises_a_fifth",
            "root_by_semitone",
            "root_by_tone",
            "root_by_third",
            "root_by_tritone",
        ],
        &counts,
    );
    let mut roots = [0.0; 12];
    found.iter().for_each(|(_, chord)| roots[chord.root] += 1.0);
    sheet.put("root_entropy", entropy(&roots));
}

/// What sounds in single beats.
fn put_beats(beats: &[(u32, [u32; 12])], sheet: &mut Features) {
    let set = |profile: &[u32; 12]| {
        (0..12).fold(0_u16, |set, class| {
            set | u16::from(profile[class] >= HEARD) << class
        })
    };
    let sets = || {
        beats
            .iter()
            .map(|(_, profile)| set(profile))
            .filter(|set| *set != 0)
    };
    let mut sizes = [0.0; 6];
    sets().for_each(|set| sizes[(set.count_ones() as usize).min(6) - 1] += 1.0);
    sheet.put_shares(
        [
            "beat_of_1",
            "beat_of_2",
            "beat_of_3",
            "beat_of_4",
            "beat_of_5",
            "beat_of_6_or_more",
        ],
        &sizes,
    );
    let mut classes = [0.0; 6];
    for set in sets() {
        for (interval, count) in (1..=6).zip(&mut classes) {
            let turned = (set << interval | set >> (12 - interval)) & 0xfff;
            let pairs = (set & turned).count_ones();
            // The tritone meets itself going round.
            *count += f64::from(if interval == 6 { pairs / 2 } else { pairs });
        }
    }
    sheet.put_shares(
        [
            "semitones_together",
            "tones_together",
            "minor_thirds_together",
            "major_thirds_together",
            "fourths_together",
            "tritones_together",
        ],
        &classes,
    );
    let changes = beats
        .windows(2)
        .filter(|pair| pair[1].0 == pair[0].0 + 1)
        .map(|pair| set(&pair[0].1) != set(&pair[1].1));
    sheet.put("beats_that_change", share(changes));
}

/// The chord that a profile is most like.
struct Found {
    root: usize,
    /// Its place in [`CHORDS`].
    kind: usize,
    /// The cosine to it.
    likeness: f64,
}

/// Roots are tried from `from` upwards.
fn chord(profile: &[u32; 12], from: usize) -> Found {
    let weights = profile.map(f64::from);
    let length = weights.iter().map(|weight| weight * weight).sum::<f64>().sqrt();
    let mut best = Found {
        root: from,
        kind: 0,
        likeness: -1.0,
    };
    for (kind, (_, shape)) in CHORDS.iter().enumerate() {
        let scale = 1.0 / (length * f64::from(shape.count_ones()).sqrt());
        for root in (from..from + 12).map(|root| root % 12) {
            let sum: f64 = (0..12)
                .filter(|above| shape >> above & 1 == 1)
                .map(|above| weights[(root + above) % 12])
                .sum();
            let likeness = sum * scale;
            // Of chords that are alike the first is taken; a hair's difference is none.
            if likeness > best.likeness + 1e-9 {
                best = Found { root, kind, likeness };
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chords_are_named() {
        let profile = |classes: &[usize]| {
            let mut profile = [0; 12];
            classes.iter().for_each(|class| profile[class % 12] = 12);
            profile
        };
        for (classes, root, name) in [
            (&[0, 4, 7][..], 0, "major_triad"),
            (&[9, 0, 4], 9, "minor_triad"),
            (&[7, 11, 2, 5], 7, "dominant_seventh"),
            (&[5, 9, 0, 4], 5, "major_seventh"),
            (&[2, 5, 9, 0], 2, "minor_seventh"),
            (&[11, 2, 5, 9], 11, "half_diminished"),
            (&[4, 11], 4, "power_chord"),
        ] {
            let found = chord(&profile(classes), 0);
            assert_eq!((found.root, CHORDS[found.kind].0), (root, name));
            assert!((found.likeness - 1.0).abs() < 1e-9);
        }
    }
}
