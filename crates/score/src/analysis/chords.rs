//! The chord of every beat.
//!
//! A hidden Markov model: each beat is heard as a chord or as none. A chord explains the pitch classes of a beat as well as its tones do, and
//! the bass as well as it suits its root; changing the chord costs, least at the start of a bar. The most likely sequence is found by Viterbi's
//! algorithm. The numbers were set by hand and mended on accompaniments of known charts (`scripts/chord_accuracy.py`), not learned; templates with costs of change go back to Sheh and Ellis 2003 and to Pardo and
//! Birmingham 2002.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::beats::{Beat, beats};
use super::key::{FLATS, SHARPS};
use super::sounding::{Sounding, sounding};
use crate::score::Score;

/// What kind of chord stands on a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quality {
    /// Major triad.
    Major,
    /// Minor triad.
    Minor,
    /// Diminished triad.
    Diminished,
    /// Augmented triad.
    Augmented,
    /// Root and fifth.
    Power,
    /// Second in place of the third.
    Sus2,
    /// Fourth in place of the third.
    Sus4,
    /// Major triad with a sixth.
    Sixth,
    /// Minor triad with a major sixth.
    MinorSixth,
    /// Dominant seventh.
    Seventh,
    /// Major seventh.
    MajorSeventh,
    /// Minor seventh.
    MinorSeventh,
    /// Minor triad with a major seventh.
    MinorMajorSeventh,
    /// Half-diminished seventh.
    HalfDiminished,
    /// Diminished seventh.
    DiminishedSeventh,
    /// Dominant seventh with a fourth in place of the third.
    SeventhSus4,
}

/// What a quality is made of.
struct Recipe {
    quality: Quality,
    suffix: &'static str,
    /// Semitones above the root.
    tones: &'static [u8],
    /// What entering such a chord costs more than entering a triad.
    cost: f64,
}

const RECIPES: [Recipe; 16] = {
    const fn recipe(quality: Quality, suffix: &'static str, tones: &'static [u8], cost: f64) -> Recipe {
        Recipe {
            quality,
            suffix,
            tones,
            cost,
        }
    }
    [
        recipe(Quality::Major, "", &[0, 4, 7], 0.0),
        recipe(Quality::Minor, "m", &[0, 3, 7], 0.0),
        recipe(Quality::Diminished, "dim", &[0, 3, 6], 0.6),
        recipe(Quality::Augmented, "aug", &[0, 4, 8], 1.0),
        recipe(Quality::Power, "5", &[0, 7], 1.0),
        recipe(Quality::Sus2, "sus2", &[0, 2, 7], 1.2),
        recipe(Quality::Sus4, "sus4", &[0, 5, 7], 0.8),
        recipe(Quality::Sixth, "6", &[0, 4, 7, 9], 2.4),
        recipe(Quality::MinorSixth, "m6", &[0, 3, 7, 9], 2.4),
        recipe(Quality::Seventh, "7", &[0, 4, 7, 10], 0.4),
        recipe(Quality::MajorSeventh, "maj7", &[0, 4, 7, 11], 1.2),
        recipe(Quality::MinorSeventh, "m7", &[0, 3, 7, 10], 0.4),
        recipe(Quality::MinorMajorSeventh, "mMaj7", &[0, 3, 7, 11], 1.4),
        recipe(Quality::HalfDiminished, "m7b5", &[0, 3, 6, 10], 0.7),
        recipe(Quality::DiminishedSeventh, "dim7", &[0, 3, 6, 9], 0.8),
        recipe(Quality::SeventhSus4, "7sus4", &[0, 5, 7, 10], 1.2),
    ]
};

/// How much of a beat's tones a tone of the triad, the fourth tone of a chord and any other tone has, before they are brought to a sum of one.
const TONE: f64 = 1.0;
const FOURTH: f64 = 0.7;
const OTHER: f64 = 0.12;
/// What a chord of two tones leaves to a third that does not sound.
const PAIR: f64 = 0.6;
/// How much the tones of a full chord, held for a beat, speak for it (in nats).
const TONES: f64 = 5.0;
/// How much the bass speaks for it at the start of a bar, in its middle and elsewhere, where a bass may walk.
const BASS: [f64; 3] = [2.0, 1.2, 0.6];
/// Tones of which fewer at once speak less clearly.
const FULL: f64 = 3.0;
/// How likely the bass is the root, another tone of the chord, or none.
const ROOT: f64 = 0.55;
const INVERSION: f64 = 0.12;
const FOREIGN: f64 = 0.025;
/// What a change costs at the start of a bar, in its middle and elsewhere.
const CHANGE: [f64; 3] = [1.5, 2.2, 3.1];
/// What a chord costs for a beat in which nothing sounds.
const SILENCE: f64 = 0.6;
/// A tone that begins counts as so much of a beat more, so that a short stroke is heard.
const ATTACK: f64 = 0.15;
/// The power of a tone's time that it weighs: what is doubled in many octaves speaks less than as many different tones.
const LOUDNESS: f64 = 0.8;

/// A chord.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chord {
    /// The pitch class of its root: 0 is C.
    pub root: u8,
    /// What stands on it.
    pub quality: Quality,
}

/// A chord, or none, for as long as it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ChordSpan {
    /// Where it begins, in ticks.
    pub start: u32,
    /// Where it ends, in ticks.
    pub end: u32,
    /// The bar in which it begins, counted from 0.
    pub bar: u32,
    /// The beat of that bar, counted from 0.
    pub beat: u16,
    /// The chord; `None` where none is heard.
    pub chord: Option<Chord>,
    /// The lowest pitch of the first beat in which any sounds, as a pitch class; `None` where nothing sounds.
    pub bass: Option<u8>,
}

impl Quality {
    /// All qualities.
    pub fn all() -> impl Iterator<Item = Quality> {
        RECIPES.iter().map(|recipe| recipe.quality)
    }

    fn recipe(self) -> &'static Recipe {
        let found = RECIPES.iter().find(|recipe| recipe.quality == self);
        found.expect("every quality has a recipe")
    }

    /// Semitones of its tones above the root.
    pub fn tones(self) -> &'static [u8] {
        self.recipe().tones
    }

    /// What is written after the root: nothing for major, `m7b5`, `sus4`.
    pub fn suffix(self) -> &'static str {
        self.recipe().suffix
    }
}

impl Chord {
    /// All chords: every quality on C, then on C sharp, and so on.
    pub fn all() -> impl Iterator<Item = Chord> {
        (0..12).flat_map(|root| Quality::all().map(move |quality| Chord { root, quality }))
    }

    /// Its place among [`all`](Chord::all).
    pub fn index(self) -> usize {
        let at = RECIPES.iter().position(|recipe| recipe.quality == self.quality);
        usize::from(self.root % 12) * RECIPES.len() + at.expect("every quality has a recipe")
    }

    /// Its pitch classes, from the root up.
    pub fn pitch_classes(self) -> impl Iterator<Item = u8> {
        self.quality
            .tones()
            .iter()
            .map(move |tone| (self.root + tone) % 12)
    }

    /// Its name, such as `Bbmaj7` or `A#maj7`.
    pub fn name(self, flats: bool) -> String {
        let names = if flats { FLATS } else { SHARPS };
        format!("{}{}", names[usize::from(self.root % 12)], self.quality.suffix())
    }
}

/// The name with the black keys as they are mostly called: C#, Eb, F#, Ab, Bb.
impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flat = matches!(self.root % 12, 3 | 8 | 10);
        f.write_str(&self.name(flat))
    }
}

impl FromStr for Chord {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let found = Chord::all().find(|chord| chord.name(true) == s || chord.name(false) == s);
        found.ok_or_else(|| format!("unknown chord `{s}` (such as `C`, `F#m7b5`, `Bbmaj7`)"))
    }
}

impl Serialize for Chord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl ChordSpan {
    /// The name, with the bass behind a slash where it is another tone of the chord: `C/E`; `N` for no chord.
    pub fn name(&self, flats: bool) -> String {
        let Some(chord) = self.chord else {
            return "N".to_owned();
        };
        match self.bass {
            Some(bass) if bass != chord.root && chord.pitch_classes().any(|class| class == bass) => {
                // The third of E is G sharp, whatever the key.
                let sharp = [2, 4, 9, 11].contains(&chord.root) && (bass + 12 - chord.root) % 12 == 4;
                let names = if flats && !sharp { FLATS } else { SHARPS };
                format!("{}/{}", chord.name(flats), names[usize::from(bass % 12)])
            }
            _ => chord.name(flats),
        }
    }
}

/// The beats of a piece, each with its chord; `None` where none is heard, as in silence, drums alone, or noise.
pub fn chords(score: &Score) -> Vec<(Beat, Option<Chord>)> {
    let beats = beats(score);
    let heard = heard(score, &beats);
    beats.iter().copied().zip(decode(&beats, &heard)).collect()
}

/// The chords of a piece, each for as long as it holds.
pub fn chord_spans(score: &Score) -> Vec<ChordSpan> {
    let beats = beats(score);
    let heard = heard(score, &beats);
    let path = decode(&beats, &heard);
    let mut spans: Vec<ChordSpan> = Vec::new();
    for ((beat, chord), sounds) in beats.iter().zip(path).zip(&heard) {
        if spans.last().is_none_or(|span| span.chord != chord) {
            spans.push(ChordSpan {
                start: beat.start,
                end: beat.end,
                bar: beat.bar,
                beat: beat.place,
                chord,
                bass: None,
            });
        }
        let span = spans.last_mut().expect("there is one by now");
        span.end = beat.end;
        span.bass = span.bass.or(sounds.lowest.map(|pitch| pitch % 12));
    }
    spans
}

/// For how much of each beat each pitch class sounds, 0 to 1; drums are left out.
pub fn beat_chroma(score: &Score, beats: &[Beat]) -> Vec<[f64; 12]> {
    let shares = |(beat, sounds): (&Beat, Sounding)| {
        let ticks = f64::from(beat.end - beat.start).max(1.0);
        sounds.pitches.map(|time| (time / ticks).min(1.0))
    };
    beats.iter().zip(heard(score, beats)).map(shares).collect()
}

fn heard(score: &Score, beats: &[Beat]) -> Vec<Sounding> {
    let mut cuts: Vec<u32> = beats.iter().map(|beat| beat.start).collect();
    cuts.extend(beats.last().map(|beat| beat.end));
    sounding(score, &cuts)
}

/// Logarithms of how likely each pitch class is in each chord, and as its bass.
struct Model {
    tones: Vec<[f64; 12]>,
    bass: Vec<[f64; 12]>,
    costs: Vec<f64>,
}

impl Model {
    fn new() -> Model {
        let mut model = Model {
            tones: Vec::new(),
            bass: Vec::new(),
            costs: Vec::new(),
        };
        for chord in Chord::all() {
            let recipe = chord.quality.recipe();
            let (mut tones, mut bass) = ([0.0; 12], [0.0; 12]);
            for class in 0..12_u8 {
                let above = (class + 12 - chord.root) % 12;
                let inside = recipe.tones.contains(&above);
                tones[usize::from(class)] = match () {
                    () if recipe.tones.get(3) == Some(&above) => FOURTH,
                    () if inside => TONE,
                    () => OTHER,
                };
                bass[usize::from(class)] = match above {
                    0 => ROOT,
                    _ if inside => INVERSION,
                    _ => FOREIGN,
                };
            }
            // A chord of two tones would explain any of them best.
            let missing = if recipe.tones.len() < 3 { PAIR } else { 0.0 };
            let sum: f64 = tones.iter().sum::<f64>() + missing;
            model.tones.push(tones.map(|share| (share / sum).ln()));
            model.bass.push(bass.map(f64::ln));
            model.costs.push(recipe.cost);
        }
        model
    }

    /// How likely a beat is in each chord, and last in none.
    fn likelihoods(&self, beat: &Beat, sounds: &Sounding, into: &mut [f64]) {
        let ticks = f64::from(beat.end - beat.start);
        let mut weights: [f64; 12] = std::array::from_fn(|class| {
            (sounds.pitches[class] / ticks + ATTACK * sounds.attacks[class]).powf(LOUDNESS)
        });
        let sum: f64 = weights.iter().sum();
        let none = self.tones.len();
        if sum == 0.0 {
            into[..none].fill(-SILENCE);
            into[none] = 0.0;
            return;
        }
        weights.iter_mut().for_each(|weight| *weight /= sum);
        let squares: f64 = weights.iter().map(|weight| weight * weight).sum();
        let clear = TONES * (1.0 / squares / FULL).min(1.0);
        let bass_time: f64 = sounds.bass.iter().sum();
        let bass = sounds
            .bass
            .map(|time| BASS[weight(beat)] * time / ticks.max(bass_time));
        for (chord, value) in into[..none].iter_mut().enumerate() {
            let (tones, lowest) = (&self.tones[chord], &self.bass[chord]);
            let mut sum = 0.0;
            for class in 0..12 {
                sum += clear * weights[class] * tones[class] + bass[class] * lowest[class];
            }
            *value = sum;
        }
        // None is any tone over any bass.
        let any = (1.0_f64 / 12.0).ln();
        into[none] = any * (clear + bass.iter().sum::<f64>());
    }
}

/// The most likely chords of the beats.
fn decode(beats: &[Beat], heard: &[Sounding]) -> Vec<Option<Chord>> {
    let model = Model::new();
    let none = model.tones.len();
    let chords: Vec<Chord> = Chord::all().collect();
    let mut best: Vec<f64> = model.costs.iter().map(|cost| -cost).chain([0.0]).collect();
    let mut fits = vec![0.0; none + 1];
    // For every beat whence the best path to each state comes: from itself, or from the best of the beat before.
    let mut stays = vec![false; beats.len() * (none + 1)];
    let mut leaders = Vec::with_capacity(beats.len());
    for (at, (beat, sounds)) in beats.iter().zip(heard).enumerate() {
        model.likelihoods(beat, sounds, &mut fits);
        let leader = leader(&best);
        leaders.push(leader as u8);
        let top = best[leader];
        let change = CHANGE[weight(beat)];
        let stay = &mut stays[at * (none + 1)..(at + 1) * (none + 1)];
        for state in 0..=none {
            let entering = top - change - model.costs.get(state).copied().unwrap_or(0.0);
            // The first beat is entered from nowhere.
            stay[state] = at == 0 || best[state] >= entering;
            best[state] = best[state].max(if at == 0 { f64::NEG_INFINITY } else { entering }) + fits[state];
        }
        // Sums of a long piece stay small.
        let top = best[self::leader(&best)];
        best.iter_mut().for_each(|value| *value -= top);
    }
    let mut state = leader(&best);
    let mut path = vec![None; beats.len()];
    for at in (0..beats.len()).rev() {
        path[at] = chords.get(state).copied();
        if !stays[at * (none + 1) + state] {
            state = usize::from(leaders[at]);
        }
    }
    path
}

/// 0 for the first beat of a bar, 1 for the one in its middle, 2 for the others.
fn weight(beat: &Beat) -> usize {
    match beat.place {
        0 => 0,
        place if 2 * place == beat.of => 1,
        _ => 2,
    }
}

/// The first of the most likely states.
fn leader(best: &[f64]) -> usize {
    let mut leader = 0;
    for (state, value) in best.iter().enumerate() {
        if *value > best[leader] {
            leader = state;
        }
    }
    leader
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chords_are_named_and_found_by_their_names() {
        for (at, chord) in Chord::all().enumerate() {
            assert_eq!(chord.index(), at);
            assert_eq!(chord.to_string().parse(), Ok(chord));
            assert_eq!(chord.name(true).parse(), Ok(chord));
        }
        let chord: Chord = "Bbmaj7".parse().unwrap();
        assert_eq!(chord.pitch_classes().collect::<Vec<_>>(), [10, 2, 5, 9]);
        assert_eq!(chord.name(false), "A#maj7");
        assert!("H7".parse::<Chord>().is_err());
    }

    #[test]
    fn states_fit_their_index() {
        assert_eq!(Chord::all().count(), 192);
        assert!(Chord::all().count() < usize::from(u8::MAX));
    }
}
