//! What a model learns from: songs as tokens, with what is told of each beforehand.

use melisma_score::tokens::{Compound, Design};

use crate::steps::{Steps, field};

/// What no control tells.
pub const UNTOLD: u16 = 0;

/// Levels of density: each half as many notes again to the bar.
const DENSITIES: usize = 12;

/// What can be told of a piece beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Its genre, from 1 in the order of the model's list.
    Genre,
    /// Its key: 1 to 12 major from C upwards, 13 to 24 minor.
    Key,
    /// Notes to the bar: 1 to 12, [`density`].
    Density,
}

/// The controls in their order.
pub const CONTROLS: [Control; 3] = [Control::Genre, Control::Key, Control::Density];

/// A song to learn from.
#[derive(Debug, Clone, PartialEq)]
pub struct Song {
    /// Its name.
    pub name: String,
    /// Its tokens.
    pub tokens: Vec<u16>,
    /// The time of each step.
    pub times: Vec<f32>,
    /// Its controls, for a design that has them.
    pub controls: Vec<u16>,
}

/// Songs of one design.
#[derive(Debug, Clone, PartialEq)]
pub struct Songs {
    /// How their steps are read.
    pub steps: Steps,
    /// The genres, in the order of their controls from 1.
    pub genres: Vec<String>,
    /// The songs.
    pub songs: Vec<Song>,
    /// How tokens are moved to other keys.
    pub moves: Moves,
}

/// How tokens are moved to other keys.
#[derive(Debug, Clone, PartialEq)]
pub enum Moves {
    /// They are not.
    None,
    /// The pitches of compound steps that are tones.
    Pitches,
    /// Each token of a single field to another, for each number of semitones; to the last of them where there is none.
    Table(Vec<(i8, Vec<u16>)>),
}

impl Moves {
    /// Moves tokens by semitones; `false`, and perhaps some moved, if a tone would leave the range.
    pub fn apply(&self, tokens: &mut [u16], by: i8) -> bool {
        if by == 0 {
            return true;
        }
        match self {
            Moves::None => false,
            Moves::Table(tables) => {
                let Some((_, table)) = tables.iter().find(|(semitones, _)| *semitones == by) else {
                    return false;
                };
                for token in tokens {
                    match table.get(usize::from(*token)) {
                        Some(moved) => *token = *moved,
                        None => return false,
                    }
                }
                true
            }
            Moves::Pitches => {
                for step in tokens.chunks_exact_mut(8) {
                    if step[field::PROGRAM] == 128 || step[field::PITCH] >= 128 {
                        continue;
                    }
                    let moved = i32::from(step[field::PITCH]) + i32::from(by);
                    match u16::try_from(moved) {
                        Ok(pitch) if pitch < 128 => step[field::PITCH] = pitch,
                        _ => return false,
                    }
                }
                true
            }
        }
    }
}

/// The control of a key after a move.
pub fn moved_key(key: u16, by: i8) -> u16 {
    match key {
        UNTOLD => UNTOLD,
        key => {
            let (mode, tonic) = ((key - 1) / 12, (key - 1) % 12);
            mode * 12 + (i32::from(tonic) + i32::from(by)).rem_euclid(12) as u16 + 1
        }
    }
}

/// The control of a density: so many notes to the bar.
pub fn density(notes_per_bar: f64) -> u16 {
    let level = (notes_per_bar.max(1.0).ln() / 1.5_f64.ln()).round() as usize;
    level.min(DENSITIES - 1) as u16 + 1
}

/// How many values each control may take for so many genres.
pub fn control_sizes(genres: usize) -> Vec<usize> {
    vec![genres + 1, 25, DENSITIES + 1]
}

/// The profiles of Krumhansl and Kessler (1982), major and minor, from the tonic upwards.
const PROFILES: [[f64; 12]; 2] = [
    [
        6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88,
    ],
    [
        6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17,
    ],
];

/// The control of the key that fits pitch classes best, by their correlation with the profiles.
pub fn key_of(weights: &[f64; 12]) -> u16 {
    if weights.iter().all(|w| *w == 0.0) {
        return UNTOLD;
    }
    let correlation = |profile: &[f64; 12], tonic: usize| {
        let mean = |values: &[f64; 12]| values.iter().sum::<f64>() / 12.0;
        let (a, b) = (mean(weights), mean(profile));
        let pairs = (0..12).map(|i| (weights[(tonic + i) % 12] - a, profile[i] - b));
        let (xy, xx, yy) = pairs.fold((0.0, 0.0, 0.0), |(xy, xx, yy), (x, y)| {
            (xy + x * y, xx + x * x, yy + y * y)
        });
        xy / (xx * yy).sqrt().max(f64::MIN_POSITIVE)
    };
    let keys = (0..24).map(|key| (correlation(&PROFILES[key / 12], key % 12), key));
    let best = keys.max_by(|a, b| a.0.total_cmp(&b.0)).map_or(0, |(_, key)| key);
    best as u16 + 1
}

/// Key and density of a piece of compound tokens.
pub fn told_by_notes(steps: &[u16], durations: &[u32]) -> [u16; 2] {
    let mut weights = [0.0; 12];
    let (mut notes, mut bars) = (0_u32, 0_u32);
    for step in steps.chunks_exact(8) {
        bars += u32::from(step[field::BARS]);
        if step[field::PITCH] >= 128 {
            continue;
        }
        notes += 1;
        if step[field::PROGRAM] < 128 {
            let duration = durations.get(usize::from(step[6])).copied().unwrap_or(1);
            weights[usize::from(step[field::PITCH] % 12)] += f64::from(duration);
        }
    }
    [
        key_of(&weights),
        density(f64::from(notes) / f64::from(bars.max(1))),
    ]
}

/// The durations of compound tokens, in steps of the grid.
pub fn durations() -> Vec<u32> {
    let fields = Compound::new();
    let durations = &fields.fields()[6].vocabulary;
    durations.iter().map(|text| text.parse().unwrap_or(1)).collect()
}

impl Songs {
    /// The tokens of each.
    pub fn pieces(&self) -> Vec<&[u16]> {
        self.songs.iter().map(|song| song.tokens.as_slice()).collect()
    }

    /// A song of these, of the folder that its file lay in.
    pub(crate) fn song(&self, name: String, tokens: Vec<u16>, folder: &str) -> Song {
        let mut controls = Vec::new();
        if matches!(self.steps, Steps::Compound { .. }) {
            let genre = self.genres.iter().position(|genre| genre == folder);
            controls.push(genre.map_or(UNTOLD, |at| at as u16 + 1));
            controls.extend(told_by_notes(&tokens, &durations()));
        }
        Song {
            name,
            times: self.steps.times(&tokens),
            tokens,
            controls,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_and_moved() {
        let scale = |tonic: usize| {
            let mut weights = [0.0; 12];
            for (degree, weight) in [
                (0, 4.0),
                (2, 1.0),
                (4, 2.0),
                (5, 1.0),
                (7, 3.0),
                (9, 1.0),
                (11, 1.0),
            ] {
                weights[(tonic + degree) % 12] = weight;
            }
            weights
        };
        for tonic in 0..12 {
            assert_eq!(key_of(&scale(tonic)), tonic as u16 + 1);
        }
        assert_eq!(key_of(&[0.0; 12]), UNTOLD);
        assert_eq!(moved_key(12, 1), 1);
        assert_eq!(moved_key(13, -1), 24);
        assert_eq!(moved_key(UNTOLD, 3), UNTOLD);
    }

    #[test]
    fn drums_and_silence_stay_where_they_are_and_the_range_is_kept() {
        let mut tokens = [
            0, 0, 0, 0, 128, 36, 0, 0, /* a tone */ 0, 0, 0, 0, 5, 60, 0, 0, /* none */ 1, 0, 0, 0,
            0, 128, 0, 0,
        ];
        assert!(Moves::Pitches.apply(&mut tokens, -2));
        assert_eq!((tokens[5], tokens[13], tokens[21]), (36, 58, 128));
        assert!(!Moves::Pitches.apply(&mut tokens, 100));
    }
}
