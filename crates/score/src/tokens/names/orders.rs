//! Sets of pitch classes, and how they are written.

/// Twelve bits, one for each pitch class that is there; C is the lowest.
pub(super) type PitchClasses = u16;

/// Every set of pitch classes but the empty one.
pub(super) const SETS: std::ops::Range<PitchClasses> = 1..1 << 12;

/// The normal order of a set: its pitch classes from the one at which it spans least; of those that span as little, the one
/// whose intervals from the first are smallest, the nearest compared first (Forte, The Structure of Atonal Music, 1973); of
/// those still alike, that with the lowest first.
pub(super) fn normal_order(set: PitchClasses) -> Vec<u8> {
    let classes: Vec<u8> = (0..12).filter(|class| set >> class & 1 == 1).collect();
    let from = |first: usize| -> Vec<u8> { [&classes[first..], &classes[..first]].concat() };
    let compactness = |order: &Vec<u8>| -> Vec<u8> {
        let mut intervals: Vec<u8> = order.iter().map(|class| (class + 12 - order[0]) % 12).collect();
        intervals.rotate_right(1);
        intervals.push(order[0]);
        intervals
    };
    (0..classes.len())
        .map(from)
        .min_by_key(compactness)
        .unwrap_or_default()
}

/// A normal order as music21 writes it, with dots: `9.11.2.4`.
pub(super) fn dotted(set: PitchClasses) -> String {
    let order: Vec<String> = normal_order(set).iter().map(u8::to_string).collect();
    order.join(".")
}

/// The name of a MIDI pitch as music21 spells it: `C#4`, `E-4` (flats are a `-`), `B-1` for the lowest B.
pub(super) fn pitch_name(pitch: u8) -> String {
    let steps = ["C", "C#", "D", "E-", "E", "F", "F#", "G", "G#", "A", "B-", "B"];
    format!("{}{}", steps[usize::from(pitch % 12)], i16::from(pitch / 12) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_orders_are_the_field_s() {
        let set = |classes: &[u8]| classes.iter().fold(0, |set, class| set | 1 << class);
        for (classes, order) in [
            (&[9, 11, 2, 4][..], "9.11.2.4"),
            (&[0, 4, 7], "0.4.7"),
            (&[10, 2, 5], "10.2.5"),
            (&[8, 9, 2, 7], "7.8.9.2"),
            (&[7, 2, 8, 9, 0, 4], "7.8.9.0.2.4"),
            (&[5, 9, 1], "1.5.9"),
            // Where Forte and Rahn differ.
            (&[0, 1, 5, 6, 8], "5.6.8.0.1"),
            (&[11], "11"),
        ] {
            assert_eq!(dotted(set(classes)), order);
        }
        assert_eq!(dotted(0), "");
    }

    #[test]
    fn pitches_are_spelt_with_a_dash_for_a_flat() {
        assert_eq!(
            [0, 10, 58, 59, 60, 61, 127].map(pitch_name),
            ["C-1", "B--1", "B-3", "B3", "C4", "C#4", "G9"]
        );
    }
}
