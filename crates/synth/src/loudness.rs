//! How loud a sound is (EBU R 128, ITU-R BS.1770-5): K-weighted energy and true peaks, in short blocks.
//!
//! Kept by block, they tell the loudness of the sound under any slowly changing gain without hearing it again, which
//! [`master`](crate::master) needs. Tests hold the numbers against libebur128's port.

/// The longest block, in samples.
const LONGEST: usize = 64;
/// Loudness below which a window counts as silence, in LUFS.
const ABSOLUTE_GATE: f64 = -70.0;
/// How far below the mean of what is no silence a window may lie to count, in LU.
const RELATIVE_GATE: f64 = 10.0;
/// Samples before and after that a value between two samples is made of.
const REACH: usize = 8;
/// Values looked at for each sample, itself included.
const OVERSAMPLING: usize = 4;

/// Blocks of a sound: their energy and their highest peak.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Envelope {
    /// Samples of a block.
    pub block: usize,
    /// Blocks in 100 ms.
    step: f64,
    /// Sums of the squares of both K-weighted channels.
    pub energies: Vec<f32>,
    /// The largest magnitudes, between samples as well, of either channel.
    pub peaks: Vec<f32>,
}

/// Makes an [`Envelope`], piece by piece.
pub(crate) struct Meter {
    envelope: Envelope,
    channels: [Channel; 2],
    /// Samples of the block that is not whole yet.
    waiting: [Vec<f32>; 2],
}

/// One channel's filters.
struct Channel {
    shelf: Biquad,
    high_pass: Biquad,
    /// The last samples before the block.
    before: [f32; 2 * REACH],
}

#[derive(Clone, Copy)]
struct Biquad {
    b: [f64; 3],
    a: [f64; 2],
    state: [f64; 2],
}

impl Biquad {
    fn process(&mut self, x: f64) -> f64 {
        let y = self.b[0] * x + self.state[0];
        self.state[0] = self.b[1] * x - self.a[0] * y + self.state[1];
        self.state[1] = self.b[2] * x - self.a[1] * y;
        y
    }

    /// The head's shelf: BS.1770's filter at 48 kHz as an analogue prototype, for any rate (as libebur128).
    fn shelf(rate: f64) -> Biquad {
        let (frequency, gain, q) = (
            1_681.974_450_955_533,
            3.999_843_853_973_347,
            0.707_175_236_955_419_6,
        );
        let k = (std::f64::consts::PI * frequency / rate).tan();
        let high = 10_f64.powf(gain / 20.0);
        let band = high.powf(0.499_666_774_154_541_6);
        let a0 = 1.0 + k / q + k * k;
        Biquad {
            b: [
                (high + band * k / q + k * k) / a0,
                2.0 * (k * k - high) / a0,
                (high - band * k / q + k * k) / a0,
            ],
            a: [2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0],
            state: [0.0; 2],
        }
    }

    /// The high pass of the revised low-frequency curve.
    fn high_pass(rate: f64) -> Biquad {
        let (frequency, q) = (38.135_470_876_024_44, 0.500_327_037_323_877_3);
        let k = (std::f64::consts::PI * frequency / rate).tan();
        let a0 = 1.0 + k / q + k * k;
        Biquad {
            b: [1.0, -2.0, 1.0],
            a: [2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0],
            state: [0.0; 2],
        }
    }
}

impl Meter {
    /// A meter for sound at this rate, in samples per second.
    pub fn new(rate: u32) -> Meter {
        let tenth = (rate / 10).max(1) as usize;
        // The gates' windows begin every 100 ms: best where that is a whole number of blocks.
        let block = (LONGEST / 2..=LONGEST)
            .rev()
            .find(|block| tenth.is_multiple_of(*block))
            .unwrap_or(LONGEST);
        let channel = || Channel {
            shelf: Biquad::shelf(f64::from(rate)),
            high_pass: Biquad::high_pass(f64::from(rate)),
            before: [0.0; 2 * REACH],
        };
        Meter {
            envelope: Envelope {
                block,
                step: f64::from(rate) / 10.0 / block as f64,
                energies: Vec::new(),
                peaks: Vec::new(),
            },
            channels: [channel(), channel()],
            waiting: [Vec::new(), Vec::new()],
        }
    }

    /// Listens to samples of both channels, as many of each.
    pub fn add(&mut self, left: &[f32], right: &[f32]) {
        let block = self.envelope.block;
        self.waiting[0].extend_from_slice(left);
        self.waiting[1].extend_from_slice(right);
        let whole = self.waiting[0].len().min(self.waiting[1].len()) / block;
        let waiting = std::mem::take(&mut self.waiting);
        for at in 0..whole {
            let range = at * block..(at + 1) * block;
            self.block([&waiting[0][range.clone()], &waiting[1][range]]);
        }
        self.waiting = waiting;
        for channel in &mut self.waiting {
            channel.drain(..whole * block);
        }
    }

    /// What was heard; a block that is not whole is filled with silence.
    pub fn finish(mut self) -> Envelope {
        if !self.waiting[0].is_empty() {
            let silence = vec![0.0; self.envelope.block - self.waiting[0].len()];
            self.add(&silence, &silence);
        }
        // The last values between samples lie a little further on.
        let silence = vec![0.0; self.envelope.block];
        let blocks = self.envelope.energies.len();
        self.add(&silence, &silence);
        let late = self.envelope.peaks.pop().unwrap_or(0.0);
        if let Some(last) = self.envelope.peaks.last_mut() {
            *last = last.max(late);
        }
        self.envelope.energies.truncate(blocks);
        self.envelope
    }

    fn block(&mut self, samples: [&[f32]; 2]) {
        let (mut energy, mut peak) = (0.0, 0.0_f32);
        for (channel, samples) in self.channels.iter_mut().zip(samples) {
            for sample in samples {
                let weighted = channel
                    .high_pass
                    .process(channel.shelf.process(f64::from(*sample)));
                energy += weighted * weighted;
            }
            peak = peak.max(channel.peak(samples));
        }
        self.envelope.energies.push(energy as f32);
        self.envelope.peaks.push(peak);
    }
}

impl Channel {
    /// The largest magnitude of the signal as it is between samples, `REACH` samples late.
    fn peak(&mut self, samples: &[f32]) -> f32 {
        let mut line = [0.0; LONGEST + 2 * REACH];
        let count = samples.len();
        line[..2 * REACH].copy_from_slice(&self.before);
        line[2 * REACH..2 * REACH + count].copy_from_slice(samples);
        self.before.copy_from_slice(&line[count..count + 2 * REACH]);
        let largest = |values: &[f32]| values.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
        let mut peak = largest(&line[REACH..REACH + count]);
        for phase in PHASES.iter() {
            let mut between = [0.0_f32; LONGEST];
            for (tap, weight) in phase.iter().enumerate() {
                for (value, sample) in between[..count].iter_mut().zip(&line[tap..]) {
                    *value += weight * sample;
                }
            }
            peak = peak.max(largest(&between[..count]));
        }
        peak
    }
}

/// Weights of the samples around, for each value between two samples: a sinc under a Hann window.
static PHASES: std::sync::LazyLock<[[f32; 2 * REACH]; OVERSAMPLING - 1]> = std::sync::LazyLock::new(|| {
    std::array::from_fn(|phase| {
        let offset = (phase + 1) as f64 / OVERSAMPLING as f64;
        let weights: [f64; 2 * REACH] = std::array::from_fn(|tap| {
            // The value lies between the samples REACH - 1 and REACH of the line.
            let distance = tap as f64 - (REACH - 1) as f64 - offset;
            let angle = std::f64::consts::PI * distance;
            let window = 0.5 + 0.5 * (angle / REACH as f64).cos();
            window * angle.sin() / angle
        });
        let sum: f64 = weights.iter().sum();
        weights.map(|weight| (weight / sum) as f32)
    })
});

impl Envelope {
    /// Integrated loudness in LUFS under a gain for each block; `None` where all is silence.
    pub fn loudness(&self, gain: impl Fn(usize) -> f64) -> Option<f64> {
        let mut sums = Vec::with_capacity(self.energies.len() + 1);
        let mut sum = 0.0;
        sums.push(0.0);
        for (block, energy) in self.energies.iter().enumerate() {
            sum += f64::from(*energy) * gain(block).powi(2);
            sums.push(sum);
        }
        let blocks = self.energies.len();
        // Sounds shorter than a window are one window, so that they have a loudness at all.
        let length = ((4.0 * self.step).round() as usize).min(blocks).max(1);
        let windows = (0..)
            .map(|window| (f64::from(window) * self.step).round() as usize)
            .take_while(|start| start + length <= blocks)
            .map(|start| (sums[start + length] - sums[start]) / (length * self.block) as f64);
        let windows: Vec<f64> = windows.filter(|power| lufs(*power) > ABSOLUTE_GATE).collect();
        let mean = |powers: &[f64]| powers.iter().sum::<f64>() / powers.len() as f64;
        if windows.is_empty() {
            return None;
        }
        let gate = lufs(mean(&windows)) - RELATIVE_GATE;
        let loud: Vec<f64> = windows.into_iter().filter(|power| lufs(*power) > gate).collect();
        Some(lufs(mean(&loud)))
    }

    /// The highest true peak, as a magnitude.
    pub fn peak(&self) -> f32 {
        self.peaks.iter().fold(0.0, |most, peak| most.max(*peak))
    }
}

fn lufs(power: f64) -> f64 {
    -0.691 + 10.0 * power.log10()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ebur128::{EbuR128, Mode};

    /// Bursts of a chord and noise with rests, louder and softer.
    fn music(rate: u32, seconds: f64) -> [Vec<f32>; 2] {
        let mut state = 7_u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        let frames = (seconds * f64::from(rate)) as usize;
        let sample = |n: usize, detune: f64| {
            let time = n as f64 / f64::from(rate);
            let level = [0.8, 0.05, 0.0, 0.4, 0.9][(time * 1.3) as usize % 5];
            let tone: f64 = [220.0, 331.0, 3_500.0]
                .iter()
                .map(|f| (std::f64::consts::TAU * f * detune * time).sin())
                .sum();
            (level * tone / 3.0) as f32
        };
        let left = (0..frames).map(|n| sample(n, 1.0) + 0.05 * noise()).collect();
        let right = (0..frames).map(|n| 0.6 * sample(n, 1.01)).collect();
        [left, right]
    }

    #[test]
    fn loudness_and_peaks_are_libebur128s() {
        for rate in [22_050, 44_100, 48_000, 96_000] {
            let [left, right] = music(rate, 9.0);
            let mut meter = Meter::new(rate);
            for (left, right) in left.chunks(1_000).zip(right.chunks(1_000)) {
                meter.add(left, right);
            }
            let envelope = meter.finish();
            let mut peer = EbuR128::new(2, rate, Mode::I | Mode::TRUE_PEAK).unwrap();
            peer.add_frames_planar_f32(&[&left, &right]).unwrap();
            let loudness = envelope.loudness(|_| 1.0).unwrap();
            let theirs = peer.loudness_global().unwrap();
            assert!((loudness - theirs).abs() < 0.02, "{rate}: {loudness} {theirs}");
            let peak = f64::from(envelope.peak());
            let theirs = peer.true_peak(0).unwrap().max(peer.true_peak(1).unwrap());
            let difference = 20.0 * (peak / theirs).log10();
            assert!(difference.abs() < 0.15, "{rate}: {difference} dB");
        }
    }

    #[test]
    fn a_gain_moves_loudness_by_its_decibels_and_silence_has_none() {
        let [left, right] = music(44_100, 3.0);
        let mut meter = Meter::new(44_100);
        meter.add(&left, &right);
        let envelope = meter.finish();
        let difference = envelope.loudness(|_| 0.5).unwrap() - envelope.loudness(|_| 1.0).unwrap();
        assert!((difference + 6.02).abs() < 0.3, "{difference}");
        let mut meter = Meter::new(44_100);
        meter.add(&[0.0; 50_000], &[0.0; 50_000]);
        assert_eq!(meter.finish().loudness(|_| 1.0), None);
        assert_eq!(Meter::new(44_100).finish().loudness(|_| 1.0), None);
    }

    #[test]
    fn peaks_between_samples_are_seen() {
        // A sine at a quarter of the rate, sampled beside its crests: 3 dB above its samples.
        let sine: Vec<f32> = (0..2_000)
            .map(|n| (std::f64::consts::FRAC_PI_2 * (n as f64 + 0.5)).sin() as f32)
            .collect();
        let mut meter = Meter::new(48_000);
        meter.add(&sine, &vec![0.0; sine.len()]);
        let peak = meter.finish().peaks[10];
        assert!((peak - 1.0).abs() < 0.01, "{peak}");
    }
}
