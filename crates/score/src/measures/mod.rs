//! Measures of scores: what a piece is like in numbers, what two sets of pieces differ in, and what is copied.
//!
//! [`Measures::of`] gives every measure of one piece. Where muspy (Dong, Chen, McAuley and Berg-Kirkpatrick 2020, "MusPy: a
//! toolkit for symbolic music generation") has a measure of the same name, ours is its number (version 0.5.0), computed from
//! intervals and sets instead of a grid of ticks. [`Corpus`] and [`BarKeys`] find what occurs in other pieces, [`compare`]
//! sets two collections side by side.
//!
//! # Bars
//! Measures that muspy defines for one metre take the bar of the first time signature for the whole piece, 4/4 where there is
//! none. All others follow the bars of [`Score::bars`], changes of metre and all. There, an onset goes to the nearest of
//! the bar's positions, halves up; what is nearer to the end of the bar than to its last position is the first of the next.
//!
//! # What is not a number
//! A measure of nothing (tones of a piece of drums, spans of a piece of one bar) is NaN, in JSON `null`.

mod bars;
mod compare;
mod copies;
mod rhythm;
mod similarity;
mod tones;

pub use compare::{Difference, RESAMPLES, compare};
pub use copies::{BarKeys, Copies, CopyRate, Corpus, LONGEST, SPANS};
pub use tones::pitch_in_scale_rate;

use serde::Serialize;

use crate::score::{Note, Score};
use bars::Bars;
use similarity::Contents;

macro_rules! measures {
    ($($(#[$about:meta])* $name:ident: $kind:ty,)*) => {
        /// Every measure of a piece; NaN where a piece has nothing to measure.
        #[derive(Debug, Clone, Copy, PartialEq, Serialize)]
        pub struct Measures {
            $($(#[$about])* pub $name: $kind,)*
        }

        impl Measures {
            /// The names of the measures, in the order of [`Measures::values`].
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];

            /// The values of the measures, in the order of [`Measures::NAMES`].
            pub fn values(&self) -> Vec<f64> {
                vec![$(f64::from(self.$name)),*]
            }
        }
    };
}

measures! {
    /// Notes, drums among them.
    notes: u32,
    /// Bars to the end of the last note.
    bars: u32,
    /// Seconds to the end of the last note.
    seconds: f64,
    /// Entropy of the pitch classes of the tones, in bits: 0 to 3.58. As muspy.
    pitch_class_entropy: f64,
    /// The mean over all single bars that hold tones of the pitch-class entropy of the tones that begin there, in bits (H1 of Wu and Yang
    /// 2020, "The Jazz Transformer on the front line").
    pitch_class_entropy_1_bar: f64,
    /// The same over all windows of four bars, one beginning at each bar (their H4); a shorter piece is one window.
    pitch_class_entropy_4_bars: f64,
    /// Entropy of the pitches of the tones, in bits: 0 to 7. As muspy.
    pitch_entropy: f64,
    /// Different pitches among the tones. As muspy.
    n_pitches_used: u32,
    /// Different pitch classes among the tones. As muspy.
    n_pitch_classes_used: u32,
    /// Semitones from the lowest tone to the highest. As muspy, but 0 without tones where drums alone give muspy -127.
    pitch_range: u32,
    /// Different pitches that sound at once, the mean over the time in which any does. As muspy.
    polyphony: f64,
    /// The share of the time in which more than two pitches sound. As muspy: controllers after the last note count as time.
    polyphony_rate: f64,
    /// The share of tones in that major or natural minor scale which holds most of them. As muspy.
    scale_consistency: f64,
    /// The share of tones in the scale of the first key signature; NaN without one. As muspy for that scale.
    pitch_in_scale_rate: f64,
    /// The share of quarters in which nothing sounds. As muspy: a note that ends where a beat begins sounds in it, and
    /// controllers after the last note count as time.
    empty_beat_rate: f64,
    /// The same of bars of the first time signature. As muspy.
    empty_measure_rate: f64,
    /// One less the mean share of a bar's ticks at which one of two neighbouring bars has an onset and the other has none. As
    /// muspy with the ticks of a bar of the first time signature: unquantised, so that fine ticks bring it near one.
    groove_consistency: f64,
    /// The same on 16 positions to the bar, each onset at the nearest, halves up.
    groove_consistency_16: f64,
    /// The same on 12 positions to the bar.
    groove_consistency_12: f64,
    /// The share of drum notes on sixteenths (eighths, or quarters, where the ticks divide no finer). As muspy.
    drum_in_duple_pattern_rate: f64,
    /// The share of drum notes on thirds of a quarter. As muspy.
    drum_in_triple_pattern_rate: f64,
    /// The larger of the two. As muspy.
    drum_pattern_consistency: f64,
    /// Notes to a quarter, up to the end of the last note.
    notes_per_quarter: f64,
    /// Notes to a bar.
    notes_per_bar: f64,
    /// Notes to a second.
    notes_per_second: f64,
    /// How much longer the first of two eighths is than the second, the mean over the quarters whose only onset inside is one
    /// off-beat eighth (between 5/12 and 10/12): 1 is straight, 2 a triplet's swing.
    swing_ratio: f64,
    /// The share of those quarters in which it comes at 7/12 or later, nearer to two thirds than to one half.
    swung_eighth_share: f64,
    /// Cosine between the pitch-class counts of two bars, the mean over all pairs of bars with tones (the chroma similarity of
    /// Wu and Yang 2023, "MuseMorphose").
    chroma_similarity: f64,
    /// The share of 64 positions at which two bars agree on whether there is an onset, the mean over all pairs of bars (the
    /// grooving pattern similarity of Wu and Yang 2020).
    grooving_similarity: f64,
    /// Cosine between the sets of instruments that begin notes in two bars, the mean over all pairs of bars with notes; all
    /// drums are one instrument.
    instrumentation_similarity: f64,
    /// How much the piece is like itself over spans of 2 bars: to each span, the most similar that does not overlap it is
    /// found; the mean of those similarities (spans that overlap all others are left out). Two spans are as similar as their bars in turn; two bars, the mean of the cosines of their
    /// pitch-class counts and of their onset counts on 16 positions. The idea is that of the structureness indicators of Wu and Yang 2020,
    /// without their scape plots; a piece of more than 1,024 bars is judged by its first ones.
    structureness_short: f64,
    /// The same over spans of 4 bars.
    structureness_mid: f64,
    /// The same over spans of 8 bars.
    structureness_long: f64,
    /// The share of bars that occurred before in the piece: same pitches and drums at the same sixteenths. Empty bars are not counted.
    self_repetition_1_bar: f64,
    /// The share of spans of two bars, none of them empty, that occurred before.
    self_repetition_2_bars: f64,
    /// The same of four bars.
    self_repetition_4_bars: f64,
    /// The same of eight bars.
    self_repetition_8_bars: f64,
}

impl Measures {
    /// Measures a piece.
    pub fn of(score: &Score) -> Measures {
        Measures::with_keys(score, &BarKeys::of(score))
    }

    /// The same with the bars' keys, where they are at hand.
    pub fn with_keys(score: &Score, keys: &BarKeys) -> Measures {
        let notes = in_order(score);
        let tones = tones::Tones::of(score);
        let rhythm = rhythm::Rhythm::of(score, &notes);
        let bars = Bars::of(score, &notes);
        let contents = Contents::of(&bars, &notes);
        let counts = tones.pitch_class_counts();
        let (polyphony, polyphony_rate) = tones.polyphony(rhythm.length);
        let (duple, triple) = rhythm::drum_pattern_rates(score);
        let (swing_ratio, swung_eighth_share) = rhythm.swing();
        let [structureness_short, structureness_mid, structureness_long] = contents.structureness();
        let repetition = keys.self_repetition();
        let end = score.end();
        let seconds = score.clock().seconds(end);
        let density = |length: f64| match notes.is_empty() || length <= 0.0 {
            true => f64::NAN,
            false => notes.len() as f64 / length,
        };
        Measures {
            notes: notes.len() as u32,
            bars: bars.count,
            seconds,
            pitch_class_entropy: tones::entropy(&counts),
            pitch_class_entropy_1_bar: contents.window_entropy(1),
            pitch_class_entropy_4_bars: contents.window_entropy(4),
            pitch_entropy: tones::entropy(&tones.pitches),
            n_pitches_used: tones::used(&tones.pitches),
            n_pitch_classes_used: tones::used(&counts),
            pitch_range: tones.range(),
            polyphony,
            polyphony_rate,
            scale_consistency: tones::scale_consistency(&counts),
            pitch_in_scale_rate: tones::in_key_rate(score, &counts),
            empty_beat_rate: rhythm.empty_rate(u64::from(score.ticks_per_quarter.max(1))),
            empty_measure_rate: rhythm.empty_rate(rhythm.bar_ticks),
            groove_consistency: rhythm.groove_consistency(rhythm.bar_ticks),
            groove_consistency_16: rhythm.groove_consistency(16),
            groove_consistency_12: rhythm.groove_consistency(12),
            drum_in_duple_pattern_rate: duple,
            drum_in_triple_pattern_rate: triple,
            drum_pattern_consistency: duple.max(triple),
            notes_per_quarter: density(f64::from(end) / f64::from(score.ticks_per_quarter.max(1))),
            notes_per_bar: density(f64::from(bars.count)),
            notes_per_second: density(seconds),
            swing_ratio,
            swung_eighth_share,
            chroma_similarity: contents.chroma_similarity(),
            grooving_similarity: similarity::grooving_similarity(&bars, &notes),
            instrumentation_similarity: contents.instrumentation_similarity(),
            structureness_short,
            structureness_mid,
            structureness_long,
            self_repetition_1_bar: repetition[0],
            self_repetition_2_bars: repetition[1],
            self_repetition_4_bars: repetition[2],
            self_repetition_8_bars: repetition[3],
        }
    }
}

/// The instrument that all drums are.
const DRUMS: u8 = 128;

/// A note as the measures see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Played {
    onset: u32,
    end: u32,
    pitch: u8,
    /// The program, or [`DRUMS`].
    instrument: u8,
}

/// All notes by onset.
fn in_order(score: &Score) -> Vec<Played> {
    let played = |drums: bool, program: u8| {
        move |note: &Note| Played {
            onset: note.onset,
            end: note.end(),
            pitch: note.pitch,
            instrument: if drums { DRUMS } else { program },
        }
    };
    let mut notes: Vec<Played> = score
        .tracks
        .iter()
        .flat_map(|track| {
            track
                .notes
                .iter()
                .map(played(track.drums, track.program.min(127)))
        })
        .collect();
    notes.sort_unstable();
    notes
}

/// The mean; NaN of nothing.
fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0_u32);
    for value in values {
        sum += value;
        count += 1;
    }
    sum / f64::from(count)
}
