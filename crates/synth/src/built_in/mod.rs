//! The built-in instruments: tones and drums made of small graphs, recorded into a SoundFont in memory when they are asked for.
//!
//! They are played like any other font, so that they obey the same controllers. Not for realism: they are meant to be told apart.

// Graphs read as their signals run: what is multiplied is then filtered.
#![allow(clippy::precedence)]

mod drums;
mod graph;
mod programs;
mod tones;

use tones::Graph;

use crate::font::{Bank, Sample, Zone, generator as g};

/// The rate of the recordings, in Hz.
const RATE: u32 = 32_000;
/// The rate of the drums', whose cymbals reach higher.
const DRUM_RATE: u32 = 44_100;
/// The root mean square that a recording's loudest tenth of a second is brought to, full scale being 1.
const LEVEL: f32 = 0.18;
/// The bank of drum kits.
const DRUM_BANK: u16 = 128;

/// The whole set: an instrument for each program, and a kit.
pub(crate) fn bank() -> Bank {
    let mut bank = Bank::default();
    for instrument in programs::instruments() {
        let number = bank.instruments.len() as u16;
        let mut zones = Vec::new();
        for (at, root) in instrument.roots.iter().enumerate() {
            let sample = tone(&instrument, *root);
            let repeats = sample.repeat.is_some();
            let keys = keys_of(instrument.roots, at);
            for (low, high, settings) in instrument.player.touches() {
                let mut zone = Zone::from_iter(settings);
                zone.insert(g::KEYS, range(keys));
                zone.insert(g::VELOCITIES, range((low, high)));
                zone.insert(g::LOOPED, i16::from(repeats));
                zone.insert(g::ATTENUATION, attenuation(instrument.level_db));
                zone.insert(g::SAMPLE, bank.samples.len() as i16);
                zones.push(zone);
            }
            bank.samples.push(sample);
        }
        bank.instruments.push(zones);
        let programs = instrument
            .programs
            .iter()
            .map(|program| (0, u16::from(*program), number));
        bank.presets.extend(programs);
    }
    bank.presets.push((DRUM_BANK, 0, bank.instruments.len() as u16));
    let mut kit = Vec::new();
    for drum in drums::kit() {
        let mut samples = record(drum.graph, DRUM_RATE, drum.seconds);
        fade(&mut samples, DRUM_RATE);
        kit.push(Zone::from([
            (g::KEYS, range((drum.key, drum.key))),
            (g::PAN, (drum.pan * 500.0) as i16),
            (g::EXCLUSIVE, drum.choke as i16),
            // Drums ring on when their key is let go.
            (g::RELEASE, 1_200),
            (g::ATTENUATION, attenuation(drum.level_db)),
            (g::SAMPLE, bank.samples.len() as i16),
        ]));
        bank.samples.push(Sample {
            samples: quantised(&samples, 0.9 / peak(&samples)),
            rate: DRUM_RATE,
            key: drum.key,
            correction: 0,
            repeat: None,
        });
    }
    bank.instruments.push(kit);
    bank
}

/// The keys that are nearest to a root.
fn keys_of(roots: &[u8], at: usize) -> (u8, u8) {
    let between = |a: u8, b: u8| (a + b) / 2;
    let low = if at == 0 {
        0
    } else {
        between(roots[at - 1], roots[at]) + 1
    };
    let high = roots.get(at + 1).map_or(127, |next| between(roots[at], *next));
    (low, high)
}

/// A range as a generator's amount: low byte first.
fn range((low, high): (u8, u8)) -> i16 {
    i16::from_le_bytes([low, high])
}

/// Level in dB, at most 0, as attenuation: the synthesizer takes two fifths of it, in tenths of a dB.
fn attenuation(level_db: f32) -> i16 {
    // The loudest instrument is 2 dB above the piano.
    ((2.0 - level_db) * 25.0).round() as i16
}

/// A recording of an instrument's tone at a key.
fn tone(instrument: &programs::Instrument, key: u8) -> Sample {
    let wanted = 440.0 * 2_f32.powf((f32::from(key) - 69.0) / 12.0);
    let length = (instrument.repeat * RATE as f32).round();
    // What is repeated holds whole periods; the player corrects the pitch by the cents that it costs.
    let frequency = match length > 0.0 {
        true => (wanted * length / RATE as f32).round().max(1.0) * RATE as f32 / length,
        false => wanted,
    };
    let cents = (1_200.0 * (wanted / frequency).log2()).round();
    let mut samples = record((instrument.tone)(frequency), RATE, instrument.seconds);
    let repeat = (length > 0.0).then(|| join(&mut samples, length as usize));
    if repeat.is_none() {
        fade(&mut samples, RATE);
    }
    let gain = (LEVEL / loudest(&samples)).min(0.95 / peak(&samples));
    Sample {
        samples: quantised(&samples, gain),
        rate: RATE,
        key,
        correction: cents.clamp(-99.0, 99.0) as i8,
        repeat,
    }
}

/// What a graph sounds like from its start on.
fn record(graph: Graph, rate: u32, seconds: f32) -> Vec<f32> {
    let mut samples = graph.record(rate, (seconds * rate as f32) as usize);
    // What swings about another line than zero costs range and clicks where it begins.
    let mean = samples.iter().sum::<f32>() / samples.len() as f32;
    for sample in &mut samples {
        *sample -= mean;
    }
    samples
}

/// Makes the last `length` samples follow on themselves: their end becomes what comes before their start.
fn join(samples: &mut [f32], length: usize) -> (u32, u32) {
    let end = samples.len() - 8;
    let start = end - length;
    let across = (length / 2).min(start).min(4_000);
    for at in 0..across {
        let share = (at + 1) as f32 / (across + 1) as f32;
        let place = end - across + at;
        samples[place] += share * (samples[start - across + at] - samples[place]);
    }
    // Those behind the end are read between samples only, and are those behind the start.
    for at in end..samples.len() {
        samples[at] = samples[at - length];
    }
    (start as u32, end as u32)
}

/// Fades the last 60 ms, or a quarter of what is shorter.
fn fade(samples: &mut [f32], rate: u32) {
    let count = (rate as usize * 60 / 1_000).min(samples.len() / 4);
    let from = samples.len() - count;
    for (at, sample) in samples[from..].iter_mut().enumerate() {
        *sample *= 1.0 - at as f32 / count as f32;
    }
}

fn peak(samples: &[f32]) -> f32 {
    samples.iter().fold(1e-9, |most, sample| most.max(sample.abs()))
}

/// The root mean square of the loudest tenth of a second.
fn loudest(samples: &[f32]) -> f32 {
    let power = |piece: &[f32]| piece.iter().map(|s| s * s).sum::<f32>() / piece.len() as f32;
    let most = samples
        .chunks(RATE as usize / 10)
        .map(power)
        .fold(1e-12, f32::max);
    most.sqrt()
}

fn quantised(samples: &[f32], gain: f32) -> Vec<i16> {
    let value = |sample: &f32| (sample * gain * 32_767.0).round() as i16;
    samples.iter().map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_every_touch_has_one_sample() {
        for instrument in programs::instruments() {
            let mut keys = [0; 128];
            for at in 0..instrument.roots.len() {
                let (low, high) = keys_of(instrument.roots, at);
                for key in low..=high {
                    keys[usize::from(key)] += 1;
                }
            }
            assert_eq!(keys, [1; 128], "{:?}", instrument.programs);
            let mut velocities = [0; 128];
            for (low, high, _) in instrument.player.touches() {
                for velocity in low..=high {
                    velocities[usize::from(velocity)] += 1;
                }
            }
            assert_eq!(velocities, [1; 128]);
        }
        let keys: Vec<u8> = drums::kit().iter().map(|drum| drum.key).collect();
        assert_eq!(keys, (35..=81).collect::<Vec<u8>>());
    }

    #[test]
    fn what_is_repeated_follows_on_itself() {
        let period = 100;
        let mut samples: Vec<f32> = (0..3_000)
            .map(|n| {
                (std::f32::consts::TAU * n as f32 / period as f32).sin() + 0.3 * (n as f32 * 0.7123).sin()
            })
            .collect();
        let (start, end) = join(&mut samples, 1_000);
        let (start, end) = (start as usize, end as usize);
        assert_eq!(end - start, 1_000);
        for ahead in 0..8 {
            assert_eq!(samples[end + ahead], samples[start + ahead]);
        }
        let step = (samples[end - 1] - samples[start - 1]).abs();
        assert!(step < 0.01, "{step}");
    }
}
