//! A piece for five tracks, made up for the tests.

use melisma_score::{Control, ControlKind, Note, Score, Tempo, Track};

const QUARTER: u32 = 480;
const BAR: u32 = 4 * QUARTER;

fn note(onset: u32, pitch: u8, duration: u32, velocity: u8) -> Note {
    Note {
        onset,
        pitch,
        duration,
        velocity,
    }
}

fn track(name: &str, at: u16, program: u8, pan: u8, notes: Vec<Note>) -> Track {
    let control = |tick, number, value| Control {
        tick,
        kind: ControlKind::Controller(number, value),
    };
    Track {
        name: name.to_owned(),
        source: at,
        program,
        drums: name == "Drums",
        channel: if name == "Drums" { 9 } else { at as u8 },
        notes,
        controls: vec![control(0, 7, 100), control(0, 10, pan), control(0, 91, 50)],
    }
}

/// So many bars of 4/4 at 112 a minute: piano, bass, strings, tenor saxophone and drums over four chords.
pub fn five_tracks(bars: u32) -> Score {
    const CHORDS: [[u8; 4]; 4] = [
        [57, 60, 64, 67],
        [53, 57, 60, 64],
        [48, 55, 60, 64],
        [55, 59, 62, 65],
    ];
    const TUNE: [(u32, u8, u32); 6] = [(0, 0, 2), (3, 1, 1), (4, 2, 2), (6, 3, 1), (7, 2, 1), (10, 1, 5)];
    let (mut piano, mut bass, mut strings, mut sax, mut drums) = (vec![], vec![], vec![], vec![], vec![]);
    let eighth = QUARTER / 2;
    for bar in 0..bars {
        let start = bar * BAR;
        let chord = CHORDS[(bar % 4) as usize];
        for (at, pitch) in chord.iter().enumerate() {
            for beat in [0, 3, 5] {
                piano.push(note(
                    start + beat * eighth + 10 * at as u32,
                    *pitch,
                    eighth * 2,
                    62 + 8 * (beat % 2) as u8,
                ));
            }
            if bar % 2 == 0 {
                strings.push(note(start, pitch + 12, 2 * BAR - 20, 56));
            }
        }
        let root = chord[0] - 24;
        for (beat, step) in [(0, 0), (2, 0), (3, 7), (4, 12), (6, 10), (7, 7)] {
            bass.push(note(start + beat * eighth, root + step, eighth - 20, 96));
        }
        for (at, tone, length) in TUNE {
            if bar % 8 < 6 {
                let up = if (bar / 2) % 2 == 0 { 12 } else { 7 };
                sax.push(note(
                    start + at * QUARTER / 3,
                    chord[usize::from(tone)] + up,
                    length * QUARTER / 3,
                    84 + 6 * tone,
                ));
            }
        }
        for at in 0..8 {
            drums.push(note(
                start + at * eighth,
                42,
                60,
                if at % 2 == 0 { 80 } else { 54 },
            ));
            match at {
                0 | 5 => drums.push(note(start + at * eighth, 36, 60, 104)),
                2 | 6 => drums.push(note(start + at * eighth, 38, 60, 98)),
                _ => {}
            }
        }
        if bar % 8 == 0 {
            drums.push(note(start, 49, 60, 90));
        }
    }
    let mut score = Score {
        ticks_per_quarter: QUARTER as u16,
        tempos: vec![Tempo {
            tick: 0,
            micros_per_quarter: 535_714,
        }],
        tracks: vec![
            track("Piano", 0, 0, 50, piano),
            track("Bass", 1, 33, 64, bass),
            track("Strings", 2, 48, 80, strings),
            track("Tenor", 3, 66, 70, sax),
            track("Drums", 4, 0, 64, drums),
        ],
        ..Score::default()
    };
    score.tidy();
    score
}
