//! How often the analysis agrees with what MIDI files say themselves: `cargo run --release -p melisma-score --example analyse_folder -- FOLDER`
//!
//! Keys are held against key signatures other than C major (which most programs write whatever is played), roles against General MIDI
//! programs (32 to 39 are basses) and against the names of tracks. The analysis looks at neither.
//! With `--chords`, every `NAME.mid` is held against the chord of each beat in `NAME.chords` (`scripts/chord_accuracy.py` makes them).

use std::path::{Path, PathBuf};
use std::time::Instant;

use melisma_score::analysis::{
    Chord, Key, KeyProfile, Role, Structure, chord_spans, chords, key, key_with, roles,
};
use melisma_score::{Score, midi_files};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, rest @ ..] = arguments.as_slice() else {
        panic!("a folder");
    };
    let found = midi_files(&[PathBuf::from(folder)]);
    let scores = found
        .files
        .iter()
        .filter_map(|path| Some((path, melisma_score::read(path).ok()?.score)));
    match rest.first().map(String::as_str) {
        Some("--chords") => held_against_charts(scores),
        _ => held_against_files(scores),
    }
}

/// So many of so many.
#[derive(Default, Clone, Copy)]
struct Rate(u32, u32);

impl Rate {
    fn count(&mut self, right: bool) {
        self.0 += u32::from(right);
        self.1 += 1;
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} of {} ({:.1} %)",
            self.0,
            self.1,
            100.0 * f64::from(self.0) / f64::from(self.1.max(1))
        )
    }
}

fn held_against_files<'a>(scores: impl Iterator<Item = (&'a PathBuf, Score)>) {
    let mut keys = [Rate::default(); 2];
    let mut related = [Rate::default(); 2];
    let (mut basses, mut found_basses, mut melodies) = (Rate::default(), Rate::default(), Rate::default());
    let mut seconds = [0.0; 4];
    let mut files = 0;
    for (path, score) in scores {
        files += 1;
        let mut timed = |at: usize, work: &mut dyn FnMut()| {
            let start = Instant::now();
            work();
            seconds[at] += start.elapsed().as_secs_f64();
        };
        timed(0, &mut || {
            std::hint::black_box(key(&score));
        });
        timed(1, &mut || {
            std::hint::black_box(chord_spans(&score));
        });
        timed(3, &mut || {
            std::hint::black_box(Structure::of(&score));
        });
        let mut found = Vec::new();
        timed(2, &mut || found = roles(&score));
        if let [signature] = score.key_signatures.as_slice()
            && signature.sharps != 0
        {
            let said = Key::of_signature(signature);
            for (at, profile) in [KeyProfile::Krumhansl, KeyProfile::Temperley]
                .into_iter()
                .enumerate()
            {
                if let Some(found) = key_with(&score, profile) {
                    keys[at].count(found.key == said);
                    // Files of pieces in minor often claim the major key with the same signature.
                    related[at].count(found.key.sharps().rem_euclid(12) == said.sharps().rem_euclid(12));
                }
            }
        }
        let tonal = score.tracks.iter().filter(|track| !track.drums).count();
        for (track, role) in score
            .tracks
            .iter()
            .zip(&found)
            .filter(|(track, _)| !track.drums && tonal > 1)
        {
            let bass = (32..40).contains(&track.program);
            if bass {
                basses.count(role.role == Role::Bass);
            }
            if role.role == Role::Bass {
                found_basses.count(bass);
            }
        }
        let named = |track: &melisma_score::Track| {
            let name = track.name.to_lowercase();
            ["melody", "vocal", "vox", "voice", "lead", "sing"]
                .iter()
                .any(|word| name.contains(word))
                && !["back", "choir", "bass", "guitar", "harm"]
                    .iter()
                    .any(|word| name.contains(word))
        };
        let melody: Vec<usize> = (0..score.tracks.len())
            .filter(|at| !score.tracks[*at].drums && named(&score.tracks[*at]))
            .collect();
        if let [melody] = melody.as_slice()
            && tonal > 2
        {
            let right = found[*melody].role == Role::Melody;
            melodies.count(right);
            if std::env::var_os("SHOW").is_some() && !right {
                println!(
                    "{}: {} {:?}",
                    path.display(),
                    score.tracks[*melody].name,
                    found[*melody]
                );
                for role in found.iter().filter(|role| role.role == Role::Melody) {
                    println!("   taken: {role:?}");
                }
            }
        }
    }
    println!("{files} files");
    println!(
        "keys as signed, by Krumhansl's profiles: {}; with the same signature: {}",
        keys[0], related[0]
    );
    println!(
        "keys as signed, by Temperley's profiles: {}; with the same signature: {}",
        keys[1], related[1]
    );
    println!("tracks of a bass that are found to be bass: {basses}");
    println!("tracks found to be bass that are of a bass: {found_basses}");
    println!("tracks named after a melody or a voice that are found to be melody: {melodies}");
    for (what, seconds) in ["keys", "chords", "roles", "sections"].iter().zip(seconds) {
        println!("{what}: {:.2} ms a file", 1e3 * seconds / f64::from(files.max(1)));
    }
}

fn held_against_charts<'a>(scores: impl Iterator<Item = (&'a PathBuf, Score)>) {
    let (mut whole, mut roots, mut triads) = (Rate::default(), Rate::default(), Rate::default());
    let mut wrong: std::collections::BTreeMap<String, u32> = std::collections::BTreeMap::new();
    for (path, score) in scores {
        let chart = chart(&path.with_extension("chords"));
        let heard = chords(&score);
        for (said, (_, heard)) in chart.iter().zip(&heard) {
            whole.count(Some(*said) == *heard);
            roots.count(heard.is_some_and(|heard| heard.root == said.root));
            triads.count(heard.is_some_and(|heard| (heard.root, third(heard)) == (said.root, third(*said))));
            if Some(*said) != *heard {
                let interval = heard.map_or("N".to_owned(), |heard| {
                    format!(
                        "+{} {}",
                        (heard.root + 12 - said.root) % 12,
                        heard.quality.suffix()
                    )
                });
                *wrong
                    .entry(format!("{:6} as {interval}", said.quality.suffix()))
                    .or_default() += 1;
            }
        }
    }
    println!("beats with the very chord: {whole}; root: {roots}; root and third: {triads}");
    let mut wrong: Vec<(String, u32)> = wrong.into_iter().collect();
    wrong.sort_by_key(|row| std::cmp::Reverse(row.1));
    for (what, count) in wrong.iter().take(12) {
        println!("  {count:6} {what}");
    }
}

/// Whether a chord has a minor third, a major one, or none.
fn third(chord: Chord) -> Option<u8> {
    chord
        .quality
        .tones()
        .iter()
        .copied()
        .find(|tone| [3, 4].contains(tone))
}

fn chart(path: &Path) -> Vec<Chord> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.split_whitespace()
        .map(|name| name.parse().unwrap_or_else(|error| panic!("{error}")))
        .collect()
}
