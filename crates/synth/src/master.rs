//! Levels: to a loudness, without a peak above the ceiling.
//!
//! The loudness asked for is reached by a gain; where peaks would then rise above the ceiling, a limiter that looks ahead turns the
//! gain down around them, and the gain is raised until the loudness is right. All of it is one curve of gains, so that stems under
//! the curve of their mix still add up to it. Not for effects.

use melisma_audio::{Hertz, Stereo};
use serde::Serialize;

use crate::loudness::{Envelope, Meter};

/// How long before a peak the limiter begins to turn down, in seconds.
const ATTACK_S: f64 = 0.005;
/// How long after one it takes to turn up again to 1/e of the way, in seconds.
const RELEASE_S: f64 = 0.08;
/// The most that a score is turned up, in dB: beyond, there is nothing but noise.
const MOST_DB: f64 = 60.0;
/// What the gain's own movement may add to a peak, in dB.
const MARGIN_DB: f64 = 0.1;

/// What a sound's level should be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MasterParams {
    /// Integrated loudness in LUFS; `None` leaves the level alone, but for peaks.
    pub loudness: Option<f64>,
    /// The highest true peak, in dBTP.
    pub ceiling: f64,
}

impl Default for MasterParams {
    /// -14 LUFS, -1 dBTP.
    fn default() -> Self {
        MasterParams {
            loudness: Some(-14.0),
            ceiling: -1.0,
        }
    }
}

/// What was done to a sound's level.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Levels {
    /// Integrated loudness after it, in LUFS; `None` for silence.
    pub loudness: Option<f64>,
    /// The highest true peak before limiting but after the gain, in dBTP; `None` for silence.
    pub peak_before_limiter: Option<f64>,
    /// The gain, in dB.
    pub gain: f64,
    /// The most that the limiter turned down, in dB; 0 where it had nothing to do.
    pub limited: f64,
}

/// Measures a sound, piece by piece, and decides on its gains.
pub struct Master {
    meter: Meter,
    rate: Hertz,
}

/// A gain for each moment of a sound.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Gains where blocks begin and end; between, it is a straight line.
    nodes: Vec<f32>,
    block: usize,
    levels: Levels,
}

impl Master {
    /// Begins to measure sound at this rate.
    pub fn new(rate: Hertz) -> Self {
        Master {
            meter: Meter::new(rate.0),
            rate,
        }
    }

    /// Listens to samples of both channels, as many of each.
    pub fn listen(&mut self, left: &[f32], right: &[f32]) {
        self.meter.add(left, right);
    }

    /// The gains that bring what was heard to its level.
    pub fn decide(self, params: &MasterParams) -> Curve {
        let envelope = self.meter.finish();
        let limiter = Limiter::new(&envelope, self.rate, params.ceiling);
        let mut gain_db = 0.0;
        let mut nodes = limiter.nodes(1.0);
        let mut loudness = envelope.loudness(|block| mean(&nodes, block));
        if let (Some(target), Some(_)) = (params.loudness, loudness) {
            // Where the limiter has much to do, a decibel of gain is less than one of loudness: how much less, the last turn tells.
            let mut slope = 1.0;
            for _ in 0..40 {
                let Some(now) = loudness else { break };
                let missing = target - now;
                if missing.abs() < 0.005 {
                    break;
                }
                let before = gain_db;
                gain_db = (gain_db + missing / slope).clamp(-120.0, MOST_DB);
                nodes = limiter.nodes(decibels(gain_db));
                loudness = envelope.loudness(|block| mean(&nodes, block));
                if let Some(then) = loudness
                    && gain_db != before
                {
                    slope = ((then - now) / (gain_db - before)).clamp(0.1, 1.0);
                }
            }
        }
        let gain = decibels(gain_db);
        let least = nodes.iter().fold(gain, |least, node| least.min(f64::from(*node)));
        let peak = f64::from(envelope.peak()) * gain;
        Curve {
            levels: Levels {
                loudness,
                peak_before_limiter: (peak > 0.0).then(|| 20.0 * peak.log10()),
                gain: gain_db,
                limited: 20.0 * (gain / least).log10(),
            },
            nodes,
            block: envelope.block,
        }
    }
}

impl Curve {
    /// What it does.
    pub fn levels(&self) -> Levels {
        self.levels
    }

    /// Applies the gains to samples that begin `start` samples into the sound.
    pub fn apply(&self, start: u64, channels: [&mut [f32]; 2]) {
        let Some(&end) = self.nodes.last() else { return };
        let block = self.block as u64;
        let gain = |frame: u64| {
            let at = (frame / block) as usize;
            match self.nodes.get(at..at + 2) {
                Some(two) => two[0] + (two[1] - two[0]) * ((frame % block) as f32 / block as f32),
                None => end,
            }
        };
        for channel in channels {
            for (frame, sample) in (start..).zip(channel) {
                *sample *= gain(frame);
            }
        }
    }
}

/// Brings a whole sound to its level.
pub fn master(sound: &mut Stereo, params: &MasterParams) -> Levels {
    let mut master = Master::new(sound.rate());
    master.listen(sound.left(), sound.right());
    let curve = master.decide(params);
    curve.apply(0, sound.channels_mut());
    curve.levels()
}

fn decibels(db: f64) -> f64 {
    10_f64.powf(db / 20.0)
}

/// The mean square's root of the gain in a block.
fn mean(nodes: &[f32], block: usize) -> f64 {
    let (a, b) = (f64::from(nodes[block]), f64::from(nodes[block + 1]));
    ((a * a + a * b + b * b) / 3.0).sqrt()
}

struct Limiter<'a> {
    envelope: &'a Envelope,
    /// The magnitude no peak may exceed.
    ceiling: f64,
    /// Blocks looked ahead.
    ahead: usize,
    /// How much of the way up is left after a block.
    release: f64,
}

impl<'a> Limiter<'a> {
    fn new(envelope: &'a Envelope, rate: Hertz, ceiling_db: f64) -> Self {
        let block_s = envelope.block as f64 / f64::from(rate.0.max(1));
        Limiter {
            envelope,
            ceiling: decibels(ceiling_db - MARGIN_DB),
            ahead: (ATTACK_S / block_s).ceil().max(1.0) as usize,
            release: (-block_s / RELEASE_S).exp(),
        }
    }

    /// Gains at the bounds of blocks: `gain`, and less around peaks that it would lift above the ceiling.
    fn nodes(&self, gain: f64) -> Vec<f32> {
        let blocks = self.envelope.peaks.len();
        if f64::from(self.envelope.peak()) * gain <= self.ceiling {
            return vec![gain as f32; blocks + 1];
        }
        let allowed = |block: usize| {
            let peak = f64::from(self.envelope.peaks[block]);
            if peak * gain > self.ceiling {
                self.ceiling / peak
            } else {
                gain
            }
        };
        // A bound belongs to both of its blocks, and peaks between samples may lie in the block before theirs.
        let bound = |node: usize| {
            let blocks = node.saturating_sub(2)..(node + 2).min(blocks);
            blocks.map(allowed).fold(gain, f64::min)
        };
        let bounds: Vec<f64> = (0..=blocks).map(bound).collect();
        // The least of the bounds ahead, then slowly up again,
        let mut low = sliding_minimum(&bounds, self.ahead);
        let mut held = gain;
        for value in &mut low {
            held = value.min(*value - (*value - held) * self.release);
            *value = held;
        }
        // then the mean of those before, which has come down to a bound just when it is reached.
        let mut sum = gain * self.ahead as f64;
        let mut nodes = Vec::with_capacity(low.len());
        for node in 0..low.len() {
            let leaving = node.checked_sub(self.ahead).map_or(gain, |before| low[before]);
            sum += low[node] - leaving;
            nodes.push((sum / self.ahead as f64).min(bounds[node]) as f32);
        }
        nodes
    }
}

/// For each place, the least of the values there and at the `ahead - 1` places after it.
fn sliding_minimum(values: &[f64], ahead: usize) -> Vec<f64> {
    let mut least = std::collections::VecDeque::<usize>::new();
    let mut out = vec![0.0; values.len()];
    for at in (0..values.len()).rev() {
        while least.back().is_some_and(|&later| values[later] >= values[at]) {
            least.pop_back();
        }
        least.push_back(at);
        if least.front().is_some_and(|&first| first >= at + ahead) {
            least.pop_front();
        }
        out[at] = values[least[0]];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use ebur128::{EbuR128, Mode};

    const RATE: u32 = 44_100;

    /// Plucked tones of a scale, dry and loud, over a soft drone.
    fn plucks(level: f32) -> Stereo {
        let sample = |n: usize| {
            let time = n as f64 / f64::from(RATE);
            let (beat, since) = ((time * 3.0) as usize, time % (1.0 / 3.0));
            let frequency = 110.0 * 2_f64.powf((beat * 5 % 12) as f64 / 12.0);
            let tone: f64 = (1..12)
                .map(|k| (std::f64::consts::TAU * frequency * f64::from(k) * time).sin() / f64::from(k))
                .sum();
            let drone = 0.02 * (std::f64::consts::TAU * 55.0 * time).sin();
            (f64::from(level) * (tone * (-since * 8.0).exp() + drone)) as f32
        };
        let left: Vec<f32> = (0..8 * RATE as usize).map(sample).collect();
        let right = left.iter().map(|sample| 0.7 * sample).collect();
        Stereo::new(left, right, Hertz(RATE))
    }

    fn measured(sound: &Stereo) -> (f64, f64) {
        let mut peer = EbuR128::new(2, RATE, Mode::I | Mode::TRUE_PEAK).unwrap();
        peer.add_frames_planar_f32(&[sound.left(), sound.right()])
            .unwrap();
        let peak = peer.true_peak(0).unwrap().max(peer.true_peak(1).unwrap());
        (peer.loudness_global().unwrap(), 20.0 * peak.log10())
    }

    #[test]
    fn loudness_is_reached_and_no_peak_rises_above_the_ceiling() {
        for (level, target) in [(0.5, -23.0), (0.01, -14.0), (0.9, -14.0), (0.02, -12.0)] {
            let mut sound = plucks(level);
            let params = MasterParams {
                loudness: Some(target),
                ceiling: -1.0,
            };
            let levels = master(&mut sound, &params);
            let (loudness, peak) = measured(&sound);
            assert!((loudness - target).abs() < 0.1, "{target}: {loudness}");
            assert!((levels.loudness.unwrap() - loudness).abs() < 0.1);
            assert!(peak <= -1.0 + 0.05, "{target}: {peak} dBTP");
        }
    }

    #[test]
    fn a_loudness_that_cannot_be_reached_is_not_claimed() {
        let mut clicks = Stereo::new(vec![0.0; 200_000], vec![0.0; 200_000], Hertz(RATE));
        for channel in clicks.channels_mut() {
            channel
                .iter_mut()
                .step_by(20_000)
                .for_each(|sample| *sample = 0.5);
        }
        let levels = master(&mut clicks, &MasterParams::default());
        let (loudness, peak) = measured(&clicks);
        let told = levels.loudness.unwrap();
        assert!(told < -20.0 && (told - loudness).abs() < 0.5, "{told} {loudness}");
        assert!(peak <= -0.95, "{peak}");
    }

    #[test]
    fn without_a_loudness_only_peaks_change() {
        let params = MasterParams {
            loudness: None,
            ceiling: -1.0,
        };
        let soft = plucks(0.05);
        let mut same = soft.clone();
        let levels = master(&mut same, &params);
        assert_eq!((&same, levels.gain, levels.limited), (&soft, 0.0, 0.0));
        let mut loud = plucks(2.0);
        let levels = master(&mut loud, &params);
        assert!(levels.limited > 6.0);
        assert!(measured(&loud).1 <= -0.95);
    }

    #[test]
    fn stems_under_the_curve_of_their_mix_add_up_to_it() {
        let (one, two) = (plucks(0.8), plucks(0.3));
        let add = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a + b).collect::<Vec<f32>>();
        let mix = Stereo::new(
            add(one.left(), two.left()),
            add(one.right(), two.right()),
            Hertz(RATE),
        );
        let mut meter = Master::new(mix.rate());
        meter.listen(mix.left(), mix.right());
        let curve = meter.decide(&MasterParams::default());
        assert!(curve.levels().limited > 0.0);
        let level = |mut sound: Stereo| {
            // In two pieces, as a stream would come.
            let [left, right] = sound.channels_mut();
            let (a, b) = left.split_at_mut(10_001);
            let (c, d) = right.split_at_mut(10_001);
            curve.apply(0, [a, c]);
            curve.apply(10_001, [b, d]);
            sound
        };
        let (one, two, mix) = (level(one), level(two), level(mix));
        for (sum, mix) in add(one.left(), two.left()).iter().zip(mix.left()) {
            assert!((sum - mix).abs() < 1e-5);
        }
    }

    #[test]
    fn silence_stays_silent() {
        let mut sound = Stereo::new(vec![0.0; 30_000], vec![0.0; 30_000], Hertz(RATE));
        let levels = master(&mut sound, &MasterParams::default());
        assert_eq!((levels.loudness, levels.gain), (None, 0.0));
        let mut none = Stereo::new(vec![], vec![], Hertz(RATE));
        assert_eq!(master(&mut none, &MasterParams::default()).loudness, None);
    }
}
