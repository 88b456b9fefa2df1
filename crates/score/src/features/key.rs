//! The key that tones suggest, and how far they keep to it. Key signatures have no say: many files claim C where others play.

use super::harmony::profiles;
use super::piece::{Piece, STEPS};
use super::{Features, mean, share};

/// How well each degree fits a major key, and a minor one (Krumhansl 1990, "Cognitive Foundations of Musical Pitch", probe tones).
const FITS: [[f64; 12]; 2] = [
    [
        6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88,
    ],
    [
        6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17,
    ],
];

/// The degrees of major and natural minor, as bits.
const SCALES: [u16; 2] = [0b1010_1011_0101, 0b0101_1010_1101];

/// The time over which a passing key is told: four bars of four.
const PASSAGE: u32 = 16 * STEPS;

/// A key: tonic, mode (0 major, 1 minor), and the correlation with it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Key {
    tonic: usize,
    mode: usize,
    likeness: f64,
}

pub(super) fn put(piece: &Piece<'_>, sheet: &mut Features) {
    let passages = profiles(piece, PASSAGE);
    let mut whole = [0.0; 12];
    for (_, profile) in &passages {
        whole
            .iter_mut()
            .zip(profile)
            .for_each(|(sum, time)| *sum += f64::from(*time));
    }
    let keys = correlations(&whole);
    let from = piece.lowest_class();
    let key = best(&keys, from);
    sheet.put("key_likeness", key.likeness);
    let of_mode = |mode: usize| keys[mode].iter().copied().fold(-1.0, f64::max);
    sheet.put("minorness", of_mode(1) - of_mode(0));
    let mut degrees = [0.0; 12];
    for (above, degree) in degrees.iter_mut().enumerate() {
        *degree = whole[(key.tonic + above) % 12];
    }
    sheet.put_shares(
        [
            "degree_1",
            "degree_flat_2",
            "degree_2",
            "degree_flat_3",
            "degree_3",
            "degree_4",
            "degree_sharp_4",
            "degree_5",
            "degree_flat_6",
            "degree_6",
            "degree_flat_7",
            "degree_7",
        ],
        &degrees,
    );
    sheet.put("chromatic_share", outside(&whole, key));
    let local: Vec<(Key, f64)> = passages
        .iter()
        .map(|(_, profile)| {
            let profile = profile.map(f64::from);
            let key = best(&correlations(&profile), from);
            (key, outside(&profile, key))
        })
        .collect();
    sheet.put(
        "passage_key_likeness",
        mean(local.iter().map(|(key, _)| key.likeness)),
    );
    sheet.put(
        "passage_chromatic_share",
        mean(local.iter().map(|(_, outside)| *outside)),
    );
    let changes = local
        .windows(2)
        .map(|pair| (pair[0].0.tonic, pair[0].0.mode) != (pair[1].0.tonic, pair[1].0.mode));
    sheet.put("passage_key_changes", share(changes));
    sheet.put(
        "passage_major_share",
        share(local.iter().map(|(key, _)| key.mode == 0)),
    );
}

/// Pearson's correlation of a profile with each major and each minor key; zeros for a profile without shape.
fn correlations(profile: &[f64; 12]) -> [[f64; 12]; 2] {
    let centred = |values: &[f64; 12]| {
        let center = values.iter().sum::<f64>() / 12.0;
        let moved = values.map(|value| value - center);
        let length = moved.iter().map(|value| value * value).sum::<f64>().sqrt();
        moved.map(|value| if length > 0.0 { value / length } else { 0.0 })
    };
    let heard = centred(profile);
    let mut found = [[0.0; 12]; 2];
    for (mode, fits) in FITS.iter().enumerate() {
        let fits = centred(fits);
        for (tonic, value) in found[mode].iter_mut().enumerate() {
            *value = (0..12)
                .map(|above| fits[above] * heard[(tonic + above) % 12])
                .sum();
        }
    }
    found
}

/// The key of the highest correlation; of those alike, the first from `from` upwards.
fn best(keys: &[[f64; 12]; 2], from: usize) -> Key {
    let mut best = Key {
        tonic: from,
        mode: 0,
        likeness: f64::NEG_INFINITY,
    };
    for (mode, tonics) in keys.iter().enumerate() {
        for tonic in (from..from + 12).map(|tonic| tonic % 12) {
            let likeness = tonics[tonic];
            if likeness > best.likeness + 1e-9 {
                best = Key {
                    tonic,
                    mode,
                    likeness,
                };
            }
        }
    }
    best
}

/// The share of a profile outside the scale of a key.
fn outside(profile: &[f64; 12], key: Key) -> f64 {
    let all: f64 = profile.iter().sum();
    let inside: f64 = (0..12)
        .filter(|above| SCALES[key.mode] >> above & 1 == 1)
        .map(|above| profile[(key.tonic + above) % 12])
        .sum();
    match all > 0.0 {
        true => ((all - inside) / all).max(0.0),
        false => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_tell_their_key() {
        let mut profile = [0.0; 12];
        for (class, time) in [
            (2, 4.0),
            (4, 1.0),
            (6, 2.0),
            (7, 1.0),
            (9, 3.0),
            (11, 1.0),
            (1, 1.0),
        ] {
            profile[class] = time;
        }
        let key = best(&correlations(&profile), 0);
        assert_eq!((key.tonic, key.mode), (2, 0), "D major");
        assert_eq!(outside(&profile, key), 0.0);
        profile[0] = 13.0;
        assert_eq!(outside(&profile, Key { ..key }), 0.5);
    }
}
