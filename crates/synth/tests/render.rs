//! Scores to sound through the public API.

mod support;

use std::path::Path;
use std::sync::LazyLock;

use melisma_audio::Limit;
use melisma_score::{Control, ControlKind, Note, Score, Track};
use melisma_synth::{Error, Font, MasterParams, RenderParams, Synth, built_in_sf2, master};
use rayon::prelude::*;
use support::five_tracks;

/// Making the instruments takes longer than playing them: once for all tests.
static BUILT_IN: LazyLock<Font> = LazyLock::new(Font::built_in);

fn one(program: u8, drums: bool, notes: &[(u32, u8, u32)], controls: &[(u32, ControlKind)]) -> Score {
    let note = |&(onset, pitch, duration): &(u32, u8, u32)| Note {
        onset,
        pitch,
        duration,
        velocity: 96,
    };
    let control = |&(tick, kind): &(u32, ControlKind)| Control { tick, kind };
    Score {
        tracks: vec![Track {
            program,
            drums,
            channel: if drums { 9 } else { 0 },
            notes: notes.iter().map(note).collect(),
            controls: controls.iter().map(control).collect(),
            ..Track::default()
        }],
        ..Score::default()
    }
}

fn dry() -> RenderParams {
    RenderParams {
        effects: false,
        ..RenderParams::default()
    }
}

/// The power in the given seconds of the mean of both channels.
fn power(sound: &melisma_audio::Stereo, from: f64, to: f64) -> f64 {
    let rate = f64::from(sound.rate().0);
    let samples = &sound.to_mono().into_samples()[(from * rate) as usize..(to * rate) as usize];
    samples.iter().map(|s| f64::from(s * s)).sum::<f64>() / samples.len() as f64
}

/// The frequency, within a semitone of the one that is expected, that holds the most.
fn pitch(samples: &[f32], rate: f64, expected: f64) -> f64 {
    let step = std::f64::consts::TAU / samples.len() as f64;
    let window = |n: usize| 0.5 - 0.5 * (step * n as f64).cos();
    let windowed: Vec<f64> = (0..samples.len())
        .map(|n| f64::from(samples[n]) * window(n))
        .collect();
    // Goertzel's filter.
    let strength = |frequency: f64| {
        let turn = 2.0 * (std::f64::consts::TAU * frequency / rate).cos();
        let (mut one, mut two) = (0.0, 0.0);
        for sample in &windowed {
            (one, two) = (sample + turn * one - two, one);
        }
        one * one + two * two - turn * one * two
    };
    let candidates = (-40..=40).map(|step| expected * 2_f64.powf(f64::from(3 * step) / 1_200.0));
    candidates
        .max_by(|a, b| strength(*a).total_cmp(&strength(*b)))
        .unwrap()
}

#[test]
fn every_program_sounds_in_tune() {
    let synth = Synth::new(BUILT_IN.clone());
    // Bells and kettles have no single pitch, and effects none at all.
    let untuned = [
        14, 15, 47, 55, 113, 115, 116, 117, 118, 119, 120, 122, 123, 124, 125, 126, 127,
    ];
    let faults: Vec<String> = (0..128_u8)
        .into_par_iter()
        .flat_map_iter(|program| [45_u8, 60, 74].map(|key| (program, key)))
        .filter_map(|(program, key)| {
            let sound = synth
                .render(&one(program, false, &[(0, key, 960)], &[]), &dry())
                .unwrap();
            let loud = power(&sound, 0.0, 0.5);
            if loud < 1e-6 {
                return Some(format!("{program} at {key} is silent"));
            }
            // A section's bows beat: in a third of a second now one is heard, now another.
            if untuned.contains(&program) || (44..=51).contains(&program) {
                return None;
            }
            let rate = f64::from(sound.rate().0);
            let expected = 440.0 * 2_f64.powf((f64::from(key) - 69.0) / 12.0);
            let mono = sound.to_mono();
            let heard = pitch(&mono.samples()[1_000..15_000], rate, expected);
            let cents = 1_200.0 * (heard / expected).log2();
            (cents.abs() > 20.0).then(|| format!("{program} at {key} is {cents:.0} cents off"))
        })
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn every_drum_sounds() {
    let synth = Synth::new(BUILT_IN.clone());
    for key in 35..=81 {
        let sound = synth.render(&one(0, true, &[(0, key, 10)], &[]), &dry()).unwrap();
        assert!(power(&sound, 0.0, 0.1) > 1e-7, "{key}");
        assert!(
            sound.duration_s() < 4.0,
            "{key} rings for {} s",
            sound.duration_s()
        );
    }
}

#[test]
fn the_same_score_gives_the_same_samples_on_any_thread() {
    let (a, b) = (Synth::new(BUILT_IN.clone()), Synth::new(Font::built_in()));
    let score = five_tracks(4);
    let params = RenderParams::default();
    let once = a.render(&score, &params).unwrap();
    let many: Vec<_> = (0..3)
        .into_par_iter()
        .map(|_| b.render(&score, &params).unwrap())
        .collect();
    assert!(many.iter().all(|sound| *sound == once));
    // Piece by piece as well.
    let mut renderer = a.begin(&score, &params).unwrap();
    let (mut left, mut right) = (Vec::new(), Vec::new());
    while renderer.read(&mut left, &mut right, 777).unwrap() > 0 {}
    assert_eq!((left.as_slice(), right.as_slice()), (once.left(), once.right()));
}

#[test]
fn controllers_do_what_they_say() {
    use ControlKind::{Bend, Controller};
    let synth = Synth::new(BUILT_IN.clone());
    let sound = |program, notes: &[(u32, u8, u32)], controls: &[(u32, ControlKind)]| {
        synth
            .render(&one(program, false, notes, controls), &dry())
            .unwrap()
    };
    let held = &[(0, 69, 1_920)];
    // Volume and expression are squared (General MIDI): half is a quarter of the amplitude.
    let full = sound(16, held, &[(0, Controller(7, 127))]);
    for number in [7, 11] {
        let half = sound(16, held, &[(0, Controller(7, 127)), (0, Controller(number, 64))]);
        let ratio = power(&half, 0.2, 1.8) / power(&full, 0.2, 1.8);
        assert!((ratio.sqrt() - 0.254).abs() < 0.02, "{number}: {ratio}");
    }
    let side = |value| {
        let sound = sound(16, held, &[(0, Controller(10, value))]);
        let sum = |channel: &[f32]| channel.iter().map(|s| f64::from(s * s)).sum::<f64>();
        sum(sound.left()) / (sum(sound.left()) + sum(sound.right()))
    };
    assert!(side(0) > 0.99 && side(127) < 0.01 && (side(64) - 0.5).abs() < 0.02);
    let short = &[(0, 69, 240)];
    let dry_end = sound(16, short, &[]);
    let pedal = sound(16, short, &[(0, Controller(64, 127)), (1_900, Controller(64, 0))]);
    assert!(power(&pedal, 1.0, 1.5) > 0.1 * power(&pedal, 0.05, 0.2));
    assert!(dry_end.duration_s() < 0.7, "{}", dry_end.duration_s());
    let bent = sound(16, held, &[(0, Bend(8_191))]);
    let heard = pitch(&bent.to_mono().samples()[8_000..24_000], 44_100.0, 493.88);
    assert!((heard - 493.88).abs() < 3.0, "two semitones up: {heard}");
}

#[test]
fn stems_add_up_to_the_mix() {
    let synth = Synth::new(BUILT_IN.clone());
    let (score, params) = (five_tracks(4), RenderParams::default());
    let mix = synth.render(&score, &params).unwrap();
    let mut sum = vec![0.0; mix.frames()];
    for track in 0..score.tracks.len() {
        let stem = synth
            .begin_stem(&score, track, &params)
            .unwrap()
            .into_sound()
            .unwrap();
        for (sum, sample) in sum.iter_mut().zip(stem.left()) {
            *sum += sample;
        }
    }
    let difference = sum
        .iter()
        .zip(mix.left())
        .fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
    // A stem ends where it alone has become silent.
    assert!(difference < 1e-3, "{difference}");
    assert!(matches!(synth.begin_stem(&score, 9, &params), Err(Error::Empty)));
}

#[test]
fn loudness_is_the_one_asked_for() {
    let synth = Synth::new(BUILT_IN.clone());
    let mut sound = synth.render(&five_tracks(8), &RenderParams::default()).unwrap();
    for target in [-23.0, -14.0] {
        let params = MasterParams {
            loudness: Some(target),
            ..MasterParams::default()
        };
        master(&mut sound, &params);
        let mut peer = ebur128::EbuR128::new(2, 44_100, ebur128::Mode::I | ebur128::Mode::TRUE_PEAK).unwrap();
        peer.add_frames_planar_f32(&[sound.left(), sound.right()])
            .unwrap();
        let loudness = peer.loudness_global().unwrap();
        assert!((loudness - target).abs() < 0.1, "{target}: {loudness}");
        let peak = peer.true_peak(0).unwrap().max(peer.true_peak(1).unwrap());
        assert!(20.0 * peak.log10() < -0.95, "{peak}");
    }
}

#[test]
fn more_parts_than_a_synthesizer_has_channels_all_sound() {
    // Each of forty tracks plays alone for a quarter.
    let tracks = (0..40_u8).map(|at| Track {
        source: u16::from(at),
        channel: at % 16,
        program: 16 + at % 3,
        drums: false,
        notes: vec![Note {
            onset: u32::from(at) * 480,
            pitch: 60,
            duration: 400,
            velocity: 90,
        }],
        ..Track::default()
    });
    let score = Score {
        tracks: tracks.collect(),
        ..Score::default()
    };
    let sound = Synth::new(BUILT_IN.clone()).render(&score, &dry()).unwrap();
    for at in 0..40 {
        let start = f64::from(at) * 0.5;
        assert!(power(&sound, start + 0.1, start + 0.3) > 1e-5, "{at}");
    }
}

#[test]
fn what_cannot_be_rendered_is_said() {
    let synth = Synth::new(BUILT_IN.clone());
    let render = |score: &Score, params: &RenderParams| synth.render(score, params).map(|_| ());
    assert!(matches!(render(&Score::default(), &dry()), Err(Error::Empty)));
    let long = one(0, false, &[(90_000_000, 60, 480)], &[]);
    assert!(matches!(render(&long, &dry()), Err(Error::TooLong { .. })));
    let short = RenderParams {
        limit: Limit::Maximum(1.0),
        ..dry()
    };
    assert!(matches!(
        render(&five_tracks(2), &short),
        Err(Error::TooLong { .. })
    ));
    let slow = RenderParams {
        rate: melisma_audio::Hertz(8_000),
        ..dry()
    };
    assert!(matches!(render(&five_tracks(2), &slow), Err(Error::Parameter(_))));
}

#[test]
fn the_built_in_font_is_a_soundfont_like_any_other() {
    let bytes = built_in_sf2();
    let score = five_tracks(2);
    let read = Synth::new(Font::from_bytes(&bytes, Path::new("built-in.sf2")).unwrap());
    let own = Synth::new(BUILT_IN.clone());
    let params = RenderParams::default();
    assert_eq!(
        read.render(&score, &params).unwrap(),
        own.render(&score, &params).unwrap()
    );
    assert_eq!(read.font().name(), "built-in.sf2");
}
