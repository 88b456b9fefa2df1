//! The built-in drum kit: one recording for each key of General MIDI's percussion map, 35 to 81.

use super::graph::*;

use super::tones::Graph;

/// A drum: its key, how long it is recorded, its level in dB, its place from left (-1) to right (1), and which others it silences.
pub(super) struct Drum {
    pub key: u8,
    pub seconds: f32,
    pub level_db: f32,
    pub pan: f32,
    pub choke: u16,
    pub graph: Graph,
}

/// A membrane: a sine whose pitch falls as the tension lets go.
fn skin(frequency: f32, sweep: f32, fall: f32, decay: f32) -> Node {
    (envelope(move |t: f32| frequency * (1.0 + sweep * (-t * fall).exp())) >> sine()) * fading(decay)
}

fn fading(decay: f32) -> Node {
    envelope(move |t: f32| (-decay * t).exp())
}

fn hiss(decay: f32) -> Node {
    noise() * fading(decay)
}

/// Sheet metal: six squares of no common measure.
fn metal(frequency: f32) -> Node {
    const RATIOS: [f32; 6] = [1.0, 1.342, 1.2312, 1.6532, 1.9523, 2.1523];
    sum(6, move |at| square_hz(frequency * RATIOS[at]) * 0.25)
}

fn ping(frequency: f32, decay: f32) -> Node {
    tone(frequency, 1.0, decay)
}

fn kick(frequency: f32, click: f32) -> Graph {
    skin(frequency, 3.0, 40.0, 8.5) + (hiss(180.0) * click >> lowpass_hz(3_500.0, 0.7))
}

fn snare(frequency: f32, wires: f32) -> Graph {
    let body = skin(frequency, 0.4, 60.0, 18.0) + ping(frequency * 1.78, 28.0) * 0.5;
    body * 0.8 + (hiss(wires) * 0.9 >> highpass_hz(1_400.0, 0.7) >> bell_hz(4_200.0, 0.9, 1.6))
}

fn clap() -> Graph {
    let hands = envelope(|t: f32| {
        let flams: f32 = [0.0, 0.011, 0.023]
            .iter()
            .map(|at| if t >= *at { (-(t - at) * 130.0).exp() } else { 0.0 })
            .sum();
        flams
            + if t >= 0.03 {
                0.7 * (-(t - 0.03) * 16.0).exp()
            } else {
                0.0
            }
    });
    noise() * hands >> bandpass_hz(1_250.0, 1.4) >> highpass_hz(600.0, 0.7)
}

fn hat(decay: f32) -> Graph {
    let sheet = (metal(545.0) >> highpass_hz(6_800.0, 0.9)) + (noise() * 0.35 >> highpass_hz(8_000.0, 0.8));
    sheet * fading(decay)
}

/// A cymbal: the strike, then what rings.
fn cymbal(pitch: f32, bright: f32, decay: f32) -> Graph {
    let sheet = metal(pitch) + metal(pitch * 1.47) * 0.7;
    let ring = ((sheet >> highpass_hz(bright, 0.7)) + (noise() * 0.5 >> highpass_hz(bright * 1.2, 0.7)))
        * fading(decay);
    ring + (hiss(25.0) * 0.6 >> highpass_hz(3_000.0, 0.7))
}

fn ride(bell: f32, decay: f32) -> Graph {
    let stick = ping(3_150.0, 9.0) * 0.35
        + ping(4_720.0, 12.0) * 0.3
        + ping(987.0, 5.0) * bell
        + ping(2_490.0, 6.0) * bell;
    let wash = (metal(410.0) >> highpass_hz(5_200.0, 0.7)) * fading(decay);
    stick + wash * 0.55 + (hiss(90.0) * 0.4 >> highpass_hz(4_000.0, 0.7))
}

fn drum(frequency: f32, decay: f32, slap: f32) -> Graph {
    skin(frequency, 0.5, 30.0, decay)
        + (hiss(70.0) * slap >> bandpass_hz((frequency * 5.0).min(5_000.0), 0.8))
}

fn cowbell(frequency: f32, decay: f32) -> Graph {
    (square_hz(frequency) + square_hz(frequency * 1.48)) * fading(decay)
        >> bandpass_hz(frequency * 1.9, 1.2)
        >> highpass_hz(400.0, 0.7)
}

fn shaker(centre: f32, attack: f32, decay: f32) -> Graph {
    let grains = envelope(move |t: f32| {
        if t < attack {
            t / attack
        } else {
            (-(t - attack) * decay).exp()
        }
    });
    noise() * grains >> bandpass_hz(centre, 1.1) >> highpass_hz(2_500.0, 0.7)
}

/// Teeth that pass by, so many a second.
fn scrape(rate: f32, seconds: f32, centre: f32) -> Graph {
    let teeth = envelope(move |t: f32| {
        let tooth = (t * rate).fract();
        if t < seconds {
            (-tooth * 5.0).exp() * (0.4 + 0.6 * t / seconds)
        } else {
            0.0
        }
    });
    noise() * teeth >> bandpass_hz(centre, 1.5)
}

fn whistle(seconds: f32) -> Graph {
    let air = envelope(move |t: f32| {
        if t < seconds {
            (t * 200.0).min(1.0)
        } else {
            (-(t - seconds) * 60.0).exp()
        }
    });
    let pea = envelope(|t: f32| 2_350.0 + 90.0 * (t * 180.0).sin()) >> sine();
    (pea + (noise() * 0.2 >> bandpass_hz(2_500.0, 3.0))) * air
}

fn cuica(from: f32, to: f32, seconds: f32) -> Graph {
    let rub = envelope(move |t: f32| from + (to - from) * (t / seconds).min(1.0)) >> saw();
    rub * envelope(move |t: f32| {
        if t < seconds {
            1.0
        } else {
            (-(t - seconds) * 40.0).exp()
        }
    }) >> bandpass_hz(900.0, 1.0)
}

fn triangle_bar(decay: f32) -> Graph {
    ping(2_640.0, decay) * 0.5
        + ping(5_310.0, decay * 1.2)
        + ping(7_890.0, decay * 1.5) * 0.6
        + ping(10_450.0, decay * 2.0) * 0.4
}

fn wood(frequency: f32, decay: f32) -> Graph {
    ping(frequency, decay)
        + ping(frequency * 1.52, decay * 1.5) * 0.4
        + (hiss(400.0) * 0.3 >> highpass_hz(1_500.0, 0.7))
}

/// The whole kit.
pub(super) fn kit() -> Vec<Drum> {
    let drum_of = |key, seconds, level_db, pan, choke, graph| Drum {
        key,
        seconds,
        level_db,
        pan,
        choke,
        graph,
    };
    vec![
        drum_of(35, 0.5, 0.0, 0.0, 0, kick(47.0, 0.3)),
        drum_of(36, 0.5, 0.0, 0.0, 0, kick(54.0, 0.7)),
        drum_of(37, 0.15, -8.0, 0.1, 0, wood(1_720.0, 70.0)),
        drum_of(38, 0.35, -2.0, 0.05, 0, snare(186.0, 14.0)),
        drum_of(39, 0.35, -5.0, 0.1, 0, clap()),
        drum_of(40, 0.3, -2.0, 0.05, 0, snare(232.0, 18.0)),
        drum_of(41, 0.6, -3.0, 0.5, 0, drum(82.0, 6.0, 0.25)),
        drum_of(42, 0.15, -8.0, -0.3, 1, hat(55.0)),
        drum_of(43, 0.6, -3.0, 0.4, 0, drum(98.0, 6.5, 0.25)),
        drum_of(44, 0.15, -10.0, -0.3, 1, hat(75.0)),
        drum_of(45, 0.55, -3.0, 0.25, 0, drum(118.0, 7.0, 0.25)),
        drum_of(46, 0.9, -8.0, -0.3, 1, hat(5.5)),
        drum_of(47, 0.5, -3.0, 0.1, 0, drum(142.0, 7.5, 0.25)),
        drum_of(48, 0.5, -3.0, -0.1, 0, drum(170.0, 8.0, 0.25)),
        drum_of(49, 2.2, -1.0, -0.4, 0, cymbal(330.0, 3_800.0, 2.2)),
        drum_of(50, 0.45, -3.0, -0.25, 0, drum(205.0, 8.5, 0.25)),
        drum_of(51, 1.8, -6.0, 0.35, 0, ride(0.1, 2.2)),
        drum_of(52, 1.6, -2.0, 0.4, 0, cymbal(270.0, 2_500.0, 3.5)),
        drum_of(53, 1.6, -6.0, 0.35, 0, ride(0.5, 2.8)),
        drum_of(54, 0.35, -12.0, -0.2, 0, shaker(7_500.0, 0.004, 14.0)),
        drum_of(55, 1.0, -2.0, -0.2, 0, cymbal(430.0, 4_800.0, 5.5)),
        drum_of(56, 0.3, -10.0, 0.2, 0, cowbell(556.0, 11.0)),
        drum_of(57, 2.0, -1.0, 0.4, 0, cymbal(370.0, 4_200.0, 2.5)),
        drum_of(58, 0.7, -12.0, 0.3, 0, scrape(34.0, 0.5, 2_600.0)),
        drum_of(59, 1.8, -6.0, -0.35, 0, ride(0.2, 2.4)),
        drum_of(60, 0.25, -6.0, 0.3, 0, drum(398.0, 17.0, 0.4)),
        drum_of(61, 0.3, -6.0, 0.3, 0, drum(285.0, 14.0, 0.4)),
        drum_of(62, 0.15, -6.0, -0.3, 0, drum(330.0, 32.0, 0.6)),
        drum_of(63, 0.35, -6.0, -0.3, 0, drum(322.0, 11.0, 0.35)),
        drum_of(64, 0.4, -5.0, -0.3, 0, drum(222.0, 10.0, 0.3)),
        drum_of(65, 0.4, -6.0, 0.2, 0, drum(410.0, 12.0, 0.7)),
        drum_of(66, 0.45, -6.0, 0.2, 0, drum(298.0, 10.0, 0.7)),
        drum_of(67, 0.4, -11.0, -0.4, 0, cowbell(910.0, 9.0)),
        drum_of(68, 0.4, -11.0, -0.4, 0, cowbell(680.0, 8.0)),
        drum_of(69, 0.2, -14.0, 0.4, 0, shaker(6_000.0, 0.025, 40.0)),
        drum_of(70, 0.15, -14.0, 0.4, 0, shaker(7_000.0, 0.012, 60.0)),
        drum_of(71, 0.2, -14.0, 0.3, 2, whistle(0.12)),
        drum_of(72, 0.6, -14.0, 0.3, 2, whistle(0.5)),
        drum_of(73, 0.15, -12.0, -0.3, 3, scrape(90.0, 0.1, 2_900.0)),
        drum_of(74, 0.6, -12.0, -0.3, 3, scrape(60.0, 0.5, 2_600.0)),
        drum_of(75, 0.15, -9.0, 0.2, 0, wood(2_480.0, 55.0)),
        drum_of(76, 0.2, -8.0, 0.3, 0, wood(1_060.0, 45.0)),
        drum_of(77, 0.2, -8.0, 0.3, 0, wood(790.0, 40.0)),
        drum_of(78, 0.2, -10.0, -0.2, 4, cuica(610.0, 720.0, 0.08)),
        drum_of(79, 0.4, -10.0, -0.2, 4, cuica(420.0, 590.0, 0.25)),
        drum_of(80, 0.2, -15.0, 0.45, 5, triangle_bar(40.0)),
        drum_of(81, 1.8, -15.0, 0.45, 5, triangle_bar(2.5)),
    ]
}
