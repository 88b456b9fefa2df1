//! The sounds of the built-in tones, each as a graph of oscillators, noise, filters and strings that is recorded once per root key.
//!
//! What a player does to them (loudness over time, brightness by touch, vibrato) is set where they are put together, in
//! [`super::programs`]. Not for drums.

use super::graph::*;

/// A whole graph.
pub(super) type Graph = Node;

/// Partials at multiples of a frequency, stretched as stiff strings are, each with its own decay: strength and speed of decay
/// come from functions of the partial's number, from 1.
fn partials(
    frequency: f32,
    stiffness: f32,
    strength: impl Fn(f32) -> f32,
    decay: impl Fn(f32) -> f32,
) -> Node {
    sum(20, move |at| {
        let number = (at + 1) as f32;
        let place = frequency * number * (1.0 + stiffness * number * number).sqrt();
        tone(place, strength(number), decay(number))
    })
}

/// Partials at any ratios: ratio, strength, decay.
fn bars(frequency: f32, modes: [(f32, f32, f32); 6]) -> Node {
    sum(6, move |at| {
        let (ratio, strength, decay) = modes[at];
        tone(frequency * ratio, strength, decay)
    })
}

/// A burst of noise at the start.
fn knock(seconds: f32, strength: f32) -> Node {
    noise() * envelope(move |t: f32| strength * (-t / seconds).exp())
}

/// Hammered strings: partials whose upper ones die first, two strings a hair apart, and the hammer.
pub(super) fn piano(frequency: f32) -> Graph {
    let slope = 0.9 + frequency / 1_400.0;
    // A hammer at an eighth of the string leaves every eighth partial out.
    let strength = move |n: f32| (std::f32::consts::PI * n / 8.3).sin().abs() * (-slope * 0.22 * n).exp();
    let decay = move |n: f32| 0.5 + 0.0018 * frequency + 0.25 * n;
    let strings = partials(frequency, 0.000_25, strength, decay)
        + partials(frequency * 1.000_6, 0.000_25, strength, decay) * 0.6;
    let hammer = knock(0.012, 0.25) >> lowpass_hz(frequency.mul_add(2.0, 900.0).min(6_000.0), 0.8);
    strings + hammer
}

/// A tine struck beside a pickup: a sine that bends another's phase, less and less.
pub(super) fn electric_piano(frequency: f32) -> Graph {
    let body = tone(frequency, 1.0, 0.7) + tone(2.0 * frequency, 0.22, 1.6) + tone(3.0 * frequency, 0.1, 2.5);
    let bell = tone(14.0 * frequency, 0.12, 9.0) + tone(7.02 * frequency, 0.12, 5.0);
    (body >> shape(|x| (1.1 * x).tanh())) + bell
}

/// A string that is plucked: noise that runs round a delay (Karplus and Strong 1983). `softness` of the plectrum 0 to 1, what is
/// left after a second, and how fast the high end dies.
fn string(frequency: f32, softness: f32, left: f32, damping: f32) -> Node {
    let plectrum = 12_000.0 * (1.0 - softness) + 1_200.0;
    let length = 1.0 / frequency;
    (noise() * envelope(move |t: f32| if t < length { 1.0 } else { 0.0 }))
        >> lowpass_hz(plectrum.min(14_000.0), 0.7)
        >> pluck(frequency, left, damping)
}

pub(super) fn nylon_guitar(frequency: f32) -> Graph {
    string(frequency, 0.75, 0.25, 0.35) >> bell_hz(210.0, 1.2, 1.5) >> bell_hz(100.0, 1.5, 1.4)
}

pub(super) fn steel_guitar(frequency: f32) -> Graph {
    string(frequency, 0.2, 0.4, 0.15) >> bell_hz(2_400.0, 1.0, 1.4) >> highpass_hz(70.0, 0.7)
}

/// A magnetic pickup hears less of the body and of the highest partials.
pub(super) fn electric_guitar(frequency: f32) -> Graph {
    string(frequency, 0.45, 0.5, 0.12) >> lowpass_hz(3_600.0, 1.3)
}

/// Strings driven into a valve amplifier and its cabinet.
pub(super) fn distorted_guitar(frequency: f32) -> Graph {
    let strings = string(frequency, 0.3, 0.9, 0.06) * 9.0;
    strings
        >> highpass_hz(90.0, 0.7)
        >> shape(|x| (6.0 * x).tanh())
        >> lowpass_hz(3_800.0, 1.1)
        >> bell_hz(1_100.0, 1.0, 1.6)
}

pub(super) fn harp(frequency: f32) -> Graph {
    string(frequency, 0.85, 0.35, 0.25)
}

/// Quills on thin strings, two octaves at once.
pub(super) fn harpsichord(frequency: f32) -> Graph {
    let low = string(frequency, 0.0, 0.3, 0.05);
    let high = string((2.0 * frequency).min(5_000.0), 0.0, 0.2, 0.08) * 0.5;
    (low + high) >> highpass_hz(180.0, 0.7)
}

pub(super) fn banjo(frequency: f32) -> Graph {
    string(frequency, 0.05, 0.02, 0.25) >> bell_hz(900.0, 1.5, 2.0) >> highpass_hz(200.0, 0.8)
}

pub(super) fn upright_bass(frequency: f32) -> Graph {
    let thump = tone(frequency, 0.5, 2.2);
    (string(frequency, 0.95, 0.18, 0.45) + thump) >> lowpass_hz(1_400.0, 0.8)
}

pub(super) fn electric_bass(frequency: f32) -> Graph {
    let fundamental = tone(frequency, 0.35, 0.7);
    (string(frequency, 0.8, 0.5, 0.2) + fundamental) >> lowpass_hz(2_200.0, 0.9)
}

pub(super) fn slap_bass(frequency: f32) -> Graph {
    let slap = knock(0.006, 0.8) >> bandpass_hz(2_800.0, 1.5);
    (string(frequency, 0.1, 0.4, 0.15) + slap) >> bell_hz(90.0, 1.0, 1.6)
}

/// Octaves and a square below a filter that the player's envelope moves.
pub(super) fn synth_bass(frequency: f32) -> Graph {
    saw_hz(frequency) * 0.6 + square_hz(frequency) * 0.4 + saw_hz(frequency * 1.004) * 0.3
}

/// Struck bars of metal under tubes.
pub(super) fn vibraphone(frequency: f32) -> Graph {
    let modes = [
        (1.0, 1.0, 0.8),
        (4.0, 0.25, 2.5),
        (10.0, 0.08, 7.0),
        (2.0, 0.02, 1.0),
        (17.0, 0.03, 15.0),
        (1.003, 0.2, 0.9),
    ];
    bars(frequency, modes)
}

/// Struck bars of wood.
pub(super) fn marimba(frequency: f32) -> Graph {
    let modes = [
        (1.0, 1.0, 6.0),
        (3.93, 0.35, 18.0),
        (9.2, 0.15, 40.0),
        (16.0, 0.05, 70.0),
        (2.0, 0.03, 8.0),
        (1.01, 0.1, 7.0),
    ];
    bars(frequency, modes) + (knock(0.004, 0.3) >> bandpass_hz(1_600.0, 0.8))
}

/// A small bell or bar of metal: little but its own high modes.
pub(super) fn celesta(frequency: f32) -> Graph {
    let modes = [
        (1.0, 1.0, 2.2),
        (2.76, 0.35, 4.0),
        (5.4, 0.25, 7.0),
        (8.93, 0.1, 12.0),
        (2.0, 0.1, 3.0),
        (1.004, 0.2, 2.2),
    ];
    bars(frequency, modes)
}

/// A tube or a bell: its strike note lies between its modes.
pub(super) fn tubular_bell(frequency: f32) -> Graph {
    let modes = [
        (0.5, 0.35, 0.4),
        (1.0, 0.8, 0.7),
        (1.19, 0.5, 0.8),
        (1.56, 0.35, 1.1),
        (2.0, 0.7, 1.0),
        (2.74, 0.35, 1.8),
    ];
    bars(frequency, modes)
}

/// A pan of steel, whose octave is tuned beside its note.
pub(super) fn steel_drum(frequency: f32) -> Graph {
    let modes = [
        (1.0, 1.0, 3.0),
        (2.0, 0.6, 4.0),
        (3.0, 0.3, 6.0),
        (4.07, 0.15, 9.0),
        (1.006, 0.3, 3.0),
        (2.02, 0.2, 4.0),
    ];
    bars(frequency, modes)
}

/// A kettle's skin.
pub(super) fn timpani(frequency: f32) -> Graph {
    let modes = [
        (1.0, 1.0, 2.0),
        (1.5, 0.6, 2.6),
        (1.98, 0.4, 3.2),
        (2.44, 0.25, 4.0),
        (0.85, 0.3, 12.0),
        (2.9, 0.15, 5.0),
    ];
    bars(frequency, modes) + (knock(0.02, 0.3) >> lowpass_hz(400.0, 0.7))
}

/// Drawbars: octaves and twelfths of sines.
pub(super) fn drawbar_organ(frequency: f32) -> Graph {
    let bars = [
        (0.5, 0.8),
        (1.0, 1.0),
        (1.5, 0.5),
        (2.0, 0.6),
        (3.0, 0.35),
        (4.0, 0.3),
        (6.0, 0.15),
        (8.0, 0.2),
    ];
    sum(8, move |at| {
        let (ratio, strength) = bars[at];
        tone(frequency * ratio, strength, 0.0)
    })
}

/// Ranks of pipes: principals of three octaves and a mixture, a little apart.
pub(super) fn church_organ(frequency: f32) -> Graph {
    let rank = |ratio: f32, strength: f32| {
        partials(frequency * ratio, 0.0, move |n: f32| strength / (n * n), |_| 0.0)
    };
    let wind = noise() * 0.01 >> bandpass_hz((frequency * 2.0).min(9_000.0), 3.0);
    rank(1.0, 1.0) + rank(2.003, 0.6) + rank(3.995, 0.35) + rank(0.5, 0.5) + wind
}

/// Free reeds: bright, two a hair apart.
pub(super) fn accordion(frequency: f32) -> Graph {
    let reed = |detune: f32| pulse_hz(frequency * detune, 0.28);
    (reed(1.0) + reed(1.005))
        >> lowpass_hz(5_200.0, 0.9)
        >> bell_hz(1_500.0, 1.2, 1.8)
        >> highpass_hz(120.0, 0.7)
}

/// A bow on one string, heard through a body's resonances.
pub(super) fn violin(frequency: f32) -> Graph {
    let bow = saw_hz(frequency) + noise() * 0.02;
    bow >> bell_hz(300.0, 2.0, 1.8)
        >> bell_hz(700.0, 2.0, 1.5)
        >> bell_hz(2_600.0, 1.6, 2.2)
        >> lowpass_hz(7_500.0, 0.7)
}

/// Many bows, none quite in tune with another.
pub(super) fn strings(frequency: f32) -> Graph {
    let bow = |detune: f32| saw_hz(frequency * detune);
    let section = bow(1.0) + bow(1.0045) + bow(0.9957) + bow(1.0081) + bow(0.9921);
    section * 0.4 >> lowpass_hz(4_200.0, 0.6) >> bell_hz(500.0, 1.0, 1.4) >> highpass_hz(90.0, 0.7)
}

/// Voices on an open vowel.
pub(super) fn choir(frequency: f32) -> Graph {
    let voice = |detune: f32| saw_hz(frequency * detune);
    let source = (voice(1.0) + voice(1.006) + voice(0.9945) + noise() * 0.06) * 0.4;
    let vowel = bandpass_hz(700.0, 3.0)
        + bandpass_hz(1_150.0, 5.0) * 0.7
        + bandpass_hz(2_800.0, 6.0) * 0.25
        + shape(|x| 0.08 * x);
    source >> lowpass_hz(5_000.0, 0.6) >> vowel
}

/// Lips in a mouthpiece: all partials, the bell lets the middle ones out.
pub(super) fn trumpet(frequency: f32) -> Graph {
    saw_hz(frequency)
        >> bell_hz(1_200.0, 1.2, 2.2)
        >> bell_hz(2_200.0, 1.5, 1.8)
        >> lowpass_hz(6_500.0, 0.7)
        >> highpass_hz(160.0, 0.7)
}

pub(super) fn trombone(frequency: f32) -> Graph {
    saw_hz(frequency) >> bell_hz(520.0, 1.2, 1.9) >> lowpass_hz(2_600.0, 0.7)
}

pub(super) fn brass_section(frequency: f32) -> Graph {
    let player = |detune: f32| saw_hz(frequency * detune);
    (player(1.0) + player(1.004) + player(0.9962)) * 0.5
        >> bell_hz(1_000.0, 1.0, 1.8)
        >> lowpass_hz(5_500.0, 0.7)
}

/// A cone with a reed: all partials, strong formants, and breath.
pub(super) fn saxophone(frequency: f32) -> Graph {
    let breath = noise() * 0.05 >> bandpass_hz(2_500.0, 0.8);
    let reed = pulse_hz(frequency, 0.2) * 0.7 + saw_hz(frequency) * 0.4;
    (reed + breath)
        >> bell_hz(650.0, 2.5, 2.6)
        >> bell_hz(1_450.0, 2.5, 2.0)
        >> lowpass_hz(4_200.0, 0.8)
        >> highpass_hz(110.0, 0.7)
}

/// A narrow cone with a double reed: nasal.
pub(super) fn oboe(frequency: f32) -> Graph {
    pulse_hz(frequency, 0.1)
        >> bell_hz(1_100.0, 3.0, 3.0)
        >> bell_hz(2_900.0, 3.0, 2.2)
        >> lowpass_hz(7_000.0, 0.7)
        >> highpass_hz(200.0, 0.7)
}

/// A cylinder with a reed: odd partials.
pub(super) fn clarinet(frequency: f32) -> Graph {
    let breath = noise() * 0.01 >> bandpass_hz(2_000.0, 0.8);
    (square_hz(frequency) + breath) >> bell_hz(1_500.0, 1.5, 1.5) >> lowpass_hz(2_800.0, 0.7)
}

/// Air across an edge: little but the first partials, and breath.
pub(super) fn flute(frequency: f32) -> Graph {
    let strength = |n: f32| {
        [1.0, 0.35, 0.12, 0.05, 0.02]
            .get(n as usize - 1)
            .copied()
            .unwrap_or(0.0)
    };
    let breath = noise() * 0.09 >> bandpass_hz((2.0 * frequency).clamp(900.0, 8_000.0), 1.2);
    let chiff = knock(0.03, 0.3) >> bandpass_hz((3.0 * frequency).min(9_000.0), 1.5);
    partials(frequency, 0.0, strength, |_| 0.0) + breath + chiff
}

/// A blown bottle or pan pipe: more breath than tone.
pub(super) fn pan_flute(frequency: f32) -> Graph {
    let breath = noise() * 0.5 >> bandpass_hz(frequency.min(9_000.0), 12.0);
    let strength = |n: f32| {
        [1.0, 0.05, 0.2, 0.02, 0.05]
            .get(n as usize - 1)
            .copied()
            .unwrap_or(0.0)
    };
    partials(frequency, 0.0, strength, |_| 0.0)
        + breath * 3.0
        + (knock(0.04, 0.8) >> bandpass_hz((2.0 * frequency).min(9_000.0), 2.0))
}

pub(super) fn square_lead(frequency: f32) -> Graph {
    square_hz(frequency) * 0.8 + square_hz(frequency * 1.003) * 0.3
}

pub(super) fn saw_lead(frequency: f32) -> Graph {
    saw_hz(frequency) + saw_hz(frequency * 1.006) * 0.7 + saw_hz(frequency * 0.994) * 0.7
}

/// Slow, soft, wide.
pub(super) fn warm_pad(frequency: f32) -> Graph {
    let layer = |ratio: f32| soft_saw_hz(frequency * ratio);
    (layer(1.0) + layer(1.005) + layer(0.995) + layer(2.003) * 0.3 + layer(0.5) * 0.4)
        >> lowpass_hz(2_400.0, 0.6)
}

/// Glass over a pad.
pub(super) fn bell_pad(frequency: f32) -> Graph {
    let glass = tone(frequency * 3.0, 0.3, 0.8)
        + tone(frequency * 5.04, 0.25, 1.2)
        + tone(frequency * 8.1, 0.15, 2.0);
    let layer = |ratio: f32| soft_saw_hz(frequency * ratio) * 0.4;
    glass + ((layer(1.0) + layer(1.004)) >> lowpass_hz(1_800.0, 0.7))
}

/// A whole orchestra at once, in octaves.
pub(super) fn orchestra_hit(frequency: f32) -> Graph {
    let voice = |ratio: f32| saw_hz(frequency * ratio);
    let all = voice(0.5) + voice(1.0) + voice(1.006) + voice(2.0) + voice(1.4983) * 0.6;
    (all * 0.4 + knock(0.06, 0.8)) * envelope(|t: f32| (-5.0 * t).exp()) >> lowpass_hz(5_000.0, 0.7)
}

/// Wind, breath, the sea: noise around the note.
pub(super) fn wind(frequency: f32) -> Graph {
    noise() >> bandpass_hz((2.0 * frequency).min(9_000.0), 1.5) * 2.0
}

/// A skin that is hit: its pitch falls.
pub(super) fn tom(frequency: f32) -> Graph {
    let skin = envelope(move |t: f32| frequency * (1.0 + 0.8 * (-t * 25.0).exp())) >> sine();
    skin * envelope(|t: f32| (-6.0 * t).exp()) + (knock(0.01, 0.4) >> lowpass_hz(2_500.0, 0.7))
}

/// Hollow wood.
pub(super) fn woodblock(frequency: f32) -> Graph {
    tone(frequency, 1.0, 35.0)
        + tone(frequency * 1.51, 0.4, 50.0)
        + (knock(0.002, 0.5) >> highpass_hz(1_500.0, 0.7))
}
