//! The key, by the profile of its pitch classes.
//!
//! Each of 24 keys has a profile: how well every pitch class fits it. The key is the one whose profile has the highest correlation
//! (Pearson) with the time that the pitch classes sound (Krumhansl, "Cognitive foundations of musical pitch", 1990; the algorithm is by her
//! and Schmuckler).

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::sounding::sounding;
use crate::score::{KeySignature, Score, Span};

/// A key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The pitch class of its tonic: 0 is C.
    pub tonic: u8,
    /// Whether it is minor.
    pub minor: bool,
}

/// Ratings of how well the twelve pitch classes above a tonic fit a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyProfile {
    /// Listeners' ratings of probe tones (Krumhansl and Kessler, 1982): as music21's `KrumhanslSchmuckler`.
    Krumhansl,
    /// How often the classes occur in the excerpts of Kostka and Payne's harmony book (Temperley, "Music and probability", 2007): as
    /// music21's `TemperleyKostkaPayne`. The default, as it agrees more often with what files say (`docs/scores.md`).
    #[default]
    Temperley,
}

impl KeyProfile {
    fn ratings(self, minor: bool) -> [f64; 12] {
        match (self, minor) {
            (KeyProfile::Krumhansl, false) => [
                6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88,
            ],
            (KeyProfile::Krumhansl, true) => [
                6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17,
            ],
            (KeyProfile::Temperley, false) => [
                0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400,
            ],
            (KeyProfile::Temperley, true) => [
                0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330,
            ],
        }
    }
}

/// The key that fits best, and the next.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct KeyFinding {
    /// The key.
    pub key: Key,
    /// The correlation with its profile, -1 to 1.
    pub strength: f64,
    /// The key that fits second best.
    pub runner_up: Key,
    /// The correlation with its profile.
    pub runner_up_strength: f64,
}

/// The key of pitch classes with these weights; `None` where all weigh the same, nothing among them.
pub fn find_key(weights: &[f64; 12], profile: KeyProfile) -> Option<KeyFinding> {
    let mean = weights.iter().sum::<f64>() / 12.0;
    let apart = weights.map(|weight| weight - mean);
    let spread = apart.iter().map(|d| d * d).sum::<f64>();
    // Rounding leaves a trace of differences between equal weights.
    if spread <= 1e-18 * mean * mean {
        return None;
    }
    let mut keys: Vec<(f64, Key)> = Vec::with_capacity(24);
    for minor in [false, true] {
        let ratings = profile.ratings(minor);
        let mean = ratings.iter().sum::<f64>() / 12.0;
        let ratings = ratings.map(|rating| rating - mean);
        let length = (spread * ratings.iter().map(|r| r * r).sum::<f64>()).sqrt();
        for tonic in 0..12_u8 {
            let fits = |(above, rating): (usize, &f64)| rating * apart[(above + usize::from(tonic)) % 12];
            let product: f64 = ratings.iter().enumerate().map(fits).sum();
            keys.push((product / length, Key { tonic, minor }));
        }
    }
    // Of keys that fit alike the first stays first: major before minor, from C upwards.
    keys.sort_by(|a, b| b.0.total_cmp(&a.0));
    Some(KeyFinding {
        key: keys[0].1,
        strength: keys[0].0,
        runner_up: keys[1].1,
        runner_up_strength: keys[1].0,
    })
}

/// The key of a piece by the default profile; `None` where no tone sounds for any time.
pub fn key(score: &Score) -> Option<KeyFinding> {
    key_with(score, KeyProfile::default())
}

/// The key of a piece by a profile.
pub fn key_with(score: &Score, profile: KeyProfile) -> Option<KeyFinding> {
    find_key(&durations(score), profile)
}

/// The key of a stretch of a piece, notes cut where it begins and ends.
pub fn key_of(score: &Score, span: Span) -> Option<KeyFinding> {
    keys_of(score, &[span]).pop().flatten()
}

/// The keys of stretches that follow each other, one for each.
pub(super) fn keys_of(score: &Score, spans: &[Span]) -> Vec<Option<KeyFinding>> {
    let mut cuts: Vec<u32> = spans.iter().flat_map(|span| [span.start, span.end]).collect();
    cuts.sort_unstable();
    cuts.dedup();
    let stretches = sounding(score, &cuts);
    let of = |span: &Span| {
        let from = cuts.partition_point(|cut| *cut < span.start);
        let to = cuts.partition_point(|cut| *cut < span.end);
        let mut weights = [0.0; 12];
        for stretch in stretches.get(from..to).unwrap_or_default() {
            for (sum, time) in weights.iter_mut().zip(stretch.notes) {
                *sum += time;
            }
        }
        find_key(&weights, KeyProfile::default())
    };
    spans.iter().map(of).collect()
}

/// How long the notes of each pitch class are, in quarters.
pub(super) fn durations(score: &Score) -> [f64; 12] {
    let mut ticks = [0_u64; 12];
    for note in score.tones() {
        ticks[usize::from(note.pitch) % 12] += u64::from(note.duration);
    }
    ticks.map(|ticks| ticks as f64 / f64::from(score.ticks_per_quarter.max(1)))
}

impl Key {
    /// All keys: the major ones from C upwards, then the minor ones.
    pub fn all() -> impl Iterator<Item = Key> {
        [false, true]
            .into_iter()
            .flat_map(|minor| (0..12).map(move |tonic| Key { tonic, minor }))
    }

    /// The key that a signature means.
    pub fn of_signature(signature: &KeySignature) -> Key {
        let major = (7 * i32::from(signature.sharps)).rem_euclid(12) as u8;
        Key {
            tonic: if signature.minor { (major + 9) % 12 } else { major },
            minor: signature.minor,
        }
    }

    /// Sharps of its signature, or flats below zero: -6 to 6.
    pub fn sharps(self) -> i8 {
        let major = i32::from(self.tonic) + if self.minor { 3 } else { 0 };
        let fifths = (7 * major).rem_euclid(12);
        // Six sharps rather than six flats in major (F#), six flats in minor (Eb), as they are mostly written.
        let most = if self.minor { 5 } else { 6 };
        (if fifths > most { fifths - 12 } else { fifths }) as i8
    }

    /// Whether its signature has flats, so that black keys are better written with them.
    pub fn flats(self) -> bool {
        self.sharps() < 0
    }

    /// The tonic's name, such as `Bb` or `F#`.
    pub fn tonic_name(self) -> &'static str {
        let names = if self.flats() { FLATS } else { SHARPS };
        names[usize::from(self.tonic % 12)]
    }
}

pub(super) const SHARPS: [&str; 12] = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];
pub(super) const FLATS: [&str; 12] = ["C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B"];

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = if self.minor { "minor" } else { "major" };
        write!(f, "{} {mode}", self.tonic_name())
    }
}

impl FromStr for Key {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let found = Key::all().find(|key| key.to_string() == s);
        found.ok_or_else(|| format!("unknown key `{s}` (such as `C major`, `F# minor`, `Bb major`)"))
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_named_as_they_are_written() {
        let names: Vec<String> = Key::all().map(|key| key.to_string()).collect();
        assert_eq!(
            names.join(", "),
            "C major, Db major, D major, Eb major, E major, F major, F# major, G major, Ab major, A major, Bb major, B major, \
             C minor, C# minor, D minor, Eb minor, E minor, F minor, F# minor, G minor, G# minor, A minor, Bb minor, B minor"
        );
        for key in Key::all() {
            assert_eq!(key.to_string().parse(), Ok(key));
            let signature = KeySignature {
                tick: 0,
                sharps: key.sharps(),
                minor: key.minor,
            };
            assert_eq!(Key::of_signature(&signature), key);
        }
    }

    #[test]
    fn a_scale_is_of_its_key_wherever_it_begins() {
        for (minor, scale, tonic_weight) in [
            (false, [0, 2, 4, 5, 7, 9, 11], 2.0),
            (true, [0, 2, 3, 5, 7, 8, 11], 2.0),
        ] {
            for tonic in 0..12_u8 {
                let mut weights = [0.0; 12];
                for step in scale {
                    weights[(step + usize::from(tonic)) % 12] = 1.0;
                }
                weights[usize::from(tonic)] = tonic_weight;
                for profile in [KeyProfile::Krumhansl, KeyProfile::Temperley] {
                    let found = find_key(&weights, profile).unwrap();
                    assert_eq!(found.key, Key { tonic, minor }, "{profile:?}");
                    assert!(found.strength <= 1.0 && found.strength > found.runner_up_strength);
                }
            }
        }
        assert_eq!(find_key(&[0.0; 12], KeyProfile::Krumhansl), None);
        assert_eq!(find_key(&[0.1; 12], KeyProfile::Krumhansl), None);
    }
}
