//! What part each track plays: melody, bass, chords, pad, drums.
//!
//! Rules on what the notes show: how often a track is the lowest or the highest that sounds, how high it lies, how many of its notes sound at
//! once, how long they are, how much its rhythm stays the same from bar to bar.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::score::{Note, Score, Track};

/// The part that a track plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// What is sung or played above the rest.
    Melody,
    /// A line beside the melody: second voice, riff, arpeggio.
    Line,
    /// The lowest line.
    Bass,
    /// Several notes at once, struck.
    Chords,
    /// Long notes behind the rest.
    Pad,
    /// Drums.
    Drums,
    /// Everything at once, as a piano alone plays it.
    Whole,
}

impl Role {
    /// Its name: `melody`, `line`, `bass`, `chords`, `pad`, `drums`, `whole`.
    pub fn name(self) -> &'static str {
        match self {
            Role::Melody => "melody",
            Role::Line => "line",
            Role::Bass => "bass",
            Role::Chords => "chords",
            Role::Pad => "pad",
            Role::Drums => "drums",
            Role::Whole => "whole",
        }
    }
}

/// The role of a track, and what it rests on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TrackRole {
    /// The role.
    pub role: Role,
    /// The mean pitch, by time; 0 without time.
    pub pitch: f64,
    /// How many of its notes sound at once, the mean over the time in which any does.
    pub polyphony: f64,
    /// The share of its time in which it is the lowest of all tracks but drums.
    pub lowest: f64,
    /// The share in which it is the highest.
    pub highest: f64,
    /// The share of the piece in which it sounds.
    pub coverage: f64,
    /// How long its notes are in quarters, the median.
    pub length: f64,
    /// How much of a bar's rhythm the next has too, 0 to 1: the mean over neighbouring bars of the share of sixteenths at which both have
    /// onsets among those at which either has.
    pub regularity: f64,
}

/// The role of each track, in the order of the score.
pub fn roles(score: &Score) -> Vec<TrackRole> {
    let edges = Edges::of(score);
    let mut found: Vec<TrackRole> = (score.tracks.iter().enumerate())
        .map(|(at, track)| features(score, track, &edges, at))
        .collect();
    let melodies: Vec<f64> = found.iter().map(melody).collect();
    let best = melodies.iter().copied().fold(0.0, f64::max);
    for ((track, heard), melody) in score.tracks.iter().zip(&mut found).zip(melodies) {
        heard.role = match () {
            () if track.drums => Role::Drums,
            () if whole(heard, track) => Role::Whole,
            () if bass(heard) => Role::Bass,
            // What doubles the melody is melody.
            () if melody >= 0.45 && melody >= best - 0.02 => Role::Melody,
            () if heard.length >= 1.75 && (heard.polyphony > 1.3 || heard.regularity > 0.3) => Role::Pad,
            () if heard.polyphony > 1.45 => Role::Chords,
            () => Role::Line,
        };
    }
    found
}

/// How much a value is on the way from one bound to the other, 0 to 1.
fn between(value: f64, from: f64, to: f64) -> f64 {
    ((value - from) / (to - from)).clamp(0.0, 1.0)
}

fn whole(heard: &TrackRole, track: &Track) -> bool {
    let mut pitches: Vec<u8> = track.notes.iter().map(|note| note.pitch).collect();
    pitches.sort_unstable();
    let at = |share: f64| {
        pitches
            .get((pitches.len() as f64 * share) as usize)
            .copied()
            .unwrap_or(0)
    };
    let wide = at(0.1) < 55 && at(0.9) > 62 && at(0.9) - at(0.1) >= 16;
    wide && heard.polyphony > 1.5 && heard.lowest > 0.6 && heard.highest > 0.6
}

fn bass(heard: &TrackRole) -> bool {
    let low = between(heard.pitch, 57.0, 42.0);
    let single = between(heard.polyphony, 2.2, 1.2);
    heard.pitch < 57.0 && 0.45 * heard.lowest + 0.35 * low + 0.2 * single > 0.62
}

/// How much of a melody a track is, 0 to 1.
fn melody(heard: &TrackRole) -> f64 {
    if bass(heard) || heard.pitch == 0.0 {
        return 0.0;
    }
    let single = between(heard.polyphony, 2.0, 1.08);
    let register = between(heard.pitch, 48.0, 60.0) * between(heard.pitch, 98.0, 84.0);
    let free = 1.0 - heard.regularity;
    let moving = between(heard.length, 4.0, 1.5);
    let there = between(heard.coverage, 0.0, 0.3);
    (0.25 * heard.highest + 0.3 * single + 0.15 * register + 0.2 * free + 0.1 * moving) * there.sqrt()
}

fn features(score: &Score, track: &Track, edges: &Edges, at: usize) -> TrackRole {
    let (mut pitch, mut time) = (0.0, 0.0);
    let mut lengths: Vec<u32> = Vec::with_capacity(track.notes.len());
    for note in &track.notes {
        pitch += f64::from(note.pitch) * f64::from(note.duration);
        time += f64::from(note.duration);
        lengths.push(note.duration);
    }
    lengths.sort_unstable();
    let sounds = covered(&track.notes) as f64;
    let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
    let quarter = f64::from(score.ticks_per_quarter.max(1));
    TrackRole {
        role: Role::Line,
        pitch: share(pitch, time),
        polyphony: share(time, sounds),
        lowest: share(edges.lowest[at] as f64, sounds),
        highest: share(edges.highest[at] as f64, sounds),
        coverage: share(sounds, f64::from(score.end())),
        length: lengths
            .get(lengths.len() / 2)
            .map_or(0.0, |ticks| f64::from(*ticks) / quarter),
        regularity: regularity(score, track),
    }
}

/// Ticks in which any of the notes sounds.
fn covered(notes: &[Note]) -> u64 {
    let (mut sum, mut until) = (0, 0);
    let mut spans: Vec<(u32, u32)> = notes.iter().map(|note| (note.onset, note.end())).collect();
    spans.sort_unstable();
    for (start, end) in spans {
        sum += u64::from(end.saturating_sub(start.max(until)));
        until = until.max(end);
    }
    sum
}

/// See [`TrackRole::regularity`]; bars are those of the first metre.
fn regularity(score: &Score, track: &Track) -> f64 {
    let sixteenth = (u32::from(score.ticks_per_quarter) / 4).max(1);
    let signature = score.time_signature(0);
    let steps = (16 * u32::from(signature.numerator) / u32::from(signature.denominator.max(1))).clamp(1, 64);
    let mut bars: BTreeMap<u32, u64> = BTreeMap::new();
    for note in &track.notes {
        let step = note.onset.saturating_add(sixteenth / 2) / sixteenth;
        *bars.entry(step / steps).or_default() |= 1 << (step % steps);
    }
    let (mut sum, mut count) = (0.0, 0.0);
    for (bar, now) in &bars {
        if let Some(next) = bars.get(&(bar + 1)) {
            sum += f64::from((now & next).count_ones()) / f64::from((now | next).count_ones());
            count += 1.0;
        }
    }
    if count > 0.0 { sum / count } else { 0.0 }
}

/// For how many ticks each track has the lowest and the highest note.
struct Edges {
    lowest: Vec<u64>,
    highest: Vec<u64>,
}

impl Edges {
    fn of(score: &Score) -> Edges {
        let tracks = score.tracks.len();
        let mut edges = Edges {
            lowest: vec![0; tracks],
            highest: vec![0; tracks],
        };
        // Tick, whether a note begins, and the note: pitch, track, number.
        let mut changes: Vec<(u32, bool, (u8, usize, usize))> = Vec::new();
        for (at, track) in score.tracks.iter().enumerate().filter(|(_, track)| !track.drums) {
            for (number, note) in track
                .notes
                .iter()
                .enumerate()
                .filter(|(_, note)| note.duration > 0)
            {
                changes.push((note.onset, true, (note.pitch, at, number)));
                changes.push((note.end(), false, (note.pitch, at, number)));
            }
        }
        changes.sort_unstable();
        let mut sounding: BTreeSet<(u8, usize, usize)> = BTreeSet::new();
        let mut now = 0;
        for (tick, begins, note) in changes {
            let time = u64::from(tick - now);
            now = tick;
            if time > 0
                && let (Some(low), Some(high)) = (sounding.first().copied(), sounding.last().copied())
            {
                // Tracks in unison are the lowest, or the highest, together.
                Edges::credit(
                    &mut edges.lowest,
                    sounding.range((low.0, 0, 0)..(low.0 + 1, 0, 0)),
                    time,
                );
                Edges::credit(
                    &mut edges.highest,
                    sounding.range((high.0, 0, 0)..(high.0 + 1, 0, 0)),
                    time,
                );
            }
            match begins {
                true => sounding.insert(note),
                false => sounding.remove(&note),
            };
        }
        edges
    }

    fn credit<'a>(ticks: &mut [u64], notes: impl Iterator<Item = &'a (u8, usize, usize)>, time: u64) {
        let mut last = None;
        // A few notes of one pitch are music; thousands are a file made to keep us busy.
        for (_, track, _) in notes.take(64) {
            if last != Some(*track) {
                ticks[*track] += time;
                last = Some(*track);
            }
        }
    }
}
