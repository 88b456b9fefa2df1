//! The nodes that tones and drums are made of: oscillators, noise, envelopes, filters and strings, joined by operators.
//!
//! `a + b` adds what two nodes make of one input, `a * b` multiplies it, `a >> b` hands it on. Not for real time: a node is
//! prepared for a rate and asked for a sample at a time. A maintained graph crate, fundsp 0.23, was tried first: it made the same
//! sounds, but brought twenty packages and features of `syn` and `num-complex` with it that have the whole workspace built anew.

use std::f32::consts::{PI, TAU};
use std::ops::{Add, Mul, Shr};

/// What a node does.
trait Process {
    /// Learns the rate, and, where chance is needed, takes a seed from the counter.
    fn prepare(&mut self, rate: f32, seed: &mut u32);
    /// The next sample, for the next sample of the input.
    fn tick(&mut self, input: f32) -> f32;
}

/// A part of a graph, or a whole one.
pub(super) struct Node(Box<dyn Process>);

impl Node {
    fn new(process: impl Process + 'static) -> Node {
        Node(Box::new(process))
    }

    /// What a graph without input sounds like from its start on.
    pub(super) fn record(mut self, rate: u32, samples: usize) -> Vec<f32> {
        self.0.prepare(rate as f32, &mut 0);
        (0..samples).map(|_| self.0.tick(0.0)).collect()
    }
}

struct Sum(Vec<Node>);

impl Process for Sum {
    fn prepare(&mut self, rate: f32, seed: &mut u32) {
        for node in &mut self.0 {
            node.0.prepare(rate, seed);
        }
    }

    fn tick(&mut self, input: f32) -> f32 {
        self.0.iter_mut().map(|node| node.0.tick(input)).sum()
    }
}

struct Two<J>(Node, Node, J);

impl<J: Fn(&mut Node, &mut Node, f32) -> f32> Process for Two<J> {
    fn prepare(&mut self, rate: f32, seed: &mut u32) {
        self.0.0.prepare(rate, seed);
        self.1.0.prepare(rate, seed);
    }

    fn tick(&mut self, input: f32) -> f32 {
        (self.2)(&mut self.0, &mut self.1, input)
    }
}

impl Add for Node {
    type Output = Node;

    fn add(self, other: Node) -> Node {
        Node::new(Two(self, other, |a: &mut Node, b: &mut Node, x| {
            a.0.tick(x) + b.0.tick(x)
        }))
    }
}

impl Mul for Node {
    type Output = Node;

    fn mul(self, other: Node) -> Node {
        Node::new(Two(self, other, |a: &mut Node, b: &mut Node, x| {
            a.0.tick(x) * b.0.tick(x)
        }))
    }
}

impl Mul<f32> for Node {
    type Output = Node;

    // A gain is a node that follows.
    #[allow(clippy::suspicious_arithmetic_impl)]
    fn mul(self, gain: f32) -> Node {
        self >> shape(move |x| gain * x)
    }
}

impl Shr for Node {
    type Output = Node;

    fn shr(self, after: Node) -> Node {
        Node::new(Two(self, after, |a: &mut Node, b: &mut Node, x| {
            let between = a.0.tick(x);
            b.0.tick(between)
        }))
    }
}

/// The sum of so many nodes, each made of its number.
pub(super) fn sum(count: usize, node: impl FnMut(usize) -> Node) -> Node {
    Node::new(Sum((0..count).map(node).collect()))
}

struct Shape<F>(F);

impl<F: Fn(f32) -> f32> Process for Shape<F> {
    fn prepare(&mut self, _: f32, _: &mut u32) {}

    fn tick(&mut self, input: f32) -> f32 {
        (self.0)(input)
    }
}

/// A function of each sample.
pub(super) fn shape(function: impl Fn(f32) -> f32 + 'static) -> Node {
    Node::new(Shape(function))
}

struct Noise(u32);

impl Process for Noise {
    fn prepare(&mut self, _: f32, seed: &mut u32) {
        *seed += 1;
        self.0 = seed.wrapping_mul(0x9e37_79b9) | 1;
    }

    fn tick(&mut self, _: f32) -> f32 {
        // Marsaglia's xorshift.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        (self.0 >> 8) as f32 / (1 << 23) as f32 - 1.0
    }
}

/// White noise between -1 and 1.
pub(super) fn noise() -> Node {
    Node::new(Noise(1))
}

/// A sine as a point that turns and nears the middle.
struct Tone {
    frequency: f64,
    decay: f64,
    turn: (f64, f64),
    point: (f64, f64),
}

impl Process for Tone {
    fn prepare(&mut self, rate: f32, _: &mut u32) {
        let rate = f64::from(rate);
        let angle = std::f64::consts::TAU * self.frequency / rate;
        let shrink = (-self.decay / rate).exp();
        self.turn = (shrink * angle.cos(), shrink * angle.sin());
        // What cannot be recorded is left out.
        if self.frequency > 0.45 * rate {
            self.point = (0.0, 0.0);
        }
    }

    fn tick(&mut self, _: f32) -> f32 {
        let (re, im) = self.point;
        self.point = (
            re * self.turn.0 - im * self.turn.1,
            re * self.turn.1 + im * self.turn.0,
        );
        im as f32
    }
}

/// A sine that decays by `decay` nepers a second.
pub(super) fn tone(frequency: f32, strength: f32, decay: f32) -> Node {
    Node::new(Tone {
        frequency: f64::from(frequency),
        decay: f64::from(decay),
        turn: (0.0, 0.0),
        point: (f64::from(strength), 0.0),
    })
}

/// What an oscillator's phase, from 0 to 1, and its step make.
struct Oscillator<F> {
    /// `None`: the input is the frequency.
    frequency: Option<f32>,
    phase: f32,
    step: f32,
    wave: F,
}

impl<F: Fn(f32, f32) -> f32> Process for Oscillator<F> {
    fn prepare(&mut self, rate: f32, _: &mut u32) {
        self.step = self.frequency.unwrap_or(1.0) / rate;
    }

    fn tick(&mut self, input: f32) -> f32 {
        let step = match self.frequency {
            Some(_) => self.step,
            None => input * self.step,
        };
        let value = (self.wave)(self.phase, step);
        self.phase = (self.phase + step).fract();
        value
    }
}

fn oscillator(frequency: Option<f32>, wave: impl Fn(f32, f32) -> f32 + 'static) -> Node {
    Node::new(Oscillator {
        frequency,
        phase: 0.0,
        step: 0.0,
        wave,
    })
}

/// What rounds a jump at phase 0 so that little of it folds back (Välimäki and Huovilainen 2007: polynomial BLEP).
fn round(phase: f32, step: f32) -> f32 {
    match phase {
        phase if phase < step => {
            let t = phase / step;
            t + t - t * t - 1.0
        }
        phase if phase > 1.0 - step => {
            let t = (phase - 1.0) / step;
            t * t + t + t + 1.0
        }
        _ => 0.0,
    }
}

fn saw_wave(phase: f32, step: f32) -> f32 {
    2.0 * phase - 1.0 - round(phase, step)
}

/// A sine whose frequency is its input.
pub(super) fn sine() -> Node {
    oscillator(None, |phase, _| (TAU * phase).sin())
}

/// A sawtooth whose frequency is its input.
pub(super) fn saw() -> Node {
    oscillator(None, saw_wave)
}

/// A sawtooth.
pub(super) fn saw_hz(frequency: f32) -> Node {
    oscillator(Some(frequency), saw_wave)
}

/// A sawtooth of few partials.
pub(super) fn soft_saw_hz(frequency: f32) -> Node {
    saw_hz(frequency) >> lowpass_hz((3.0 * frequency).min(9_000.0), 0.6)
}

/// A pulse that is high for `width` of its period.
pub(super) fn pulse_hz(frequency: f32, width: f32) -> Node {
    oscillator(Some(frequency), move |phase, step| {
        saw_wave(phase, step) - saw_wave((phase + 1.0 - width).fract(), step)
    })
}

/// A square.
pub(super) fn square_hz(frequency: f32) -> Node {
    pulse_hz(frequency, 0.5)
}

/// Samples between two looks at an envelope's function.
const LOOK: u32 = 8;

struct Envelope<F> {
    function: F,
    rate: f32,
    count: u32,
    value: f32,
    step: f32,
}

impl<F: Fn(f32) -> f32> Process for Envelope<F> {
    fn prepare(&mut self, rate: f32, _: &mut u32) {
        self.rate = rate;
        self.value = (self.function)(0.0);
    }

    fn tick(&mut self, _: f32) -> f32 {
        if self.count.is_multiple_of(LOOK) {
            let next = (self.function)((self.count + LOOK) as f32 / self.rate);
            self.step = (next - self.value) / LOOK as f32;
        }
        self.count += 1;
        let value = self.value;
        self.value += self.step;
        value
    }
}

/// A function of the time in seconds.
pub(super) fn envelope(function: impl Fn(f32) -> f32 + 'static) -> Node {
    Node::new(Envelope {
        function,
        rate: 1.0,
        count: 0,
        value: 0.0,
        step: 0.0,
    })
}

/// A state variable filter by the trapezoidal rule (Simper 2013): how much of input, band and low pass its output is.
struct Filter {
    frequency: f32,
    damping: f32,
    mix: [f32; 3],
    a: [f32; 3],
    state: [f32; 2],
}

impl Process for Filter {
    fn prepare(&mut self, rate: f32, _: &mut u32) {
        let g = (PI * (self.frequency / rate).min(0.49)).tan();
        let a = 1.0 / (1.0 + g * (g + self.damping));
        self.a = [a, g * a, g * g * a];
    }

    fn tick(&mut self, input: f32) -> f32 {
        let [one, two] = self.state;
        let rest = input - two;
        let band = self.a[0] * one + self.a[1] * rest;
        let low = two + self.a[1] * one + self.a[2] * rest;
        self.state = [2.0 * band - one, 2.0 * low - two];
        self.mix[0] * input + self.mix[1] * band + self.mix[2] * low
    }
}

fn filter(frequency: f32, damping: f32, mix: [f32; 3]) -> Node {
    Node::new(Filter {
        frequency,
        damping,
        mix,
        a: [0.0; 3],
        state: [0.0; 2],
    })
}

pub(super) fn lowpass_hz(frequency: f32, q: f32) -> Node {
    filter(frequency, 1.0 / q, [0.0, 0.0, 1.0])
}

pub(super) fn highpass_hz(frequency: f32, q: f32) -> Node {
    filter(frequency, 1.0 / q, [1.0, -1.0 / q, -1.0])
}

/// What is around a frequency; at it, `q` times as much.
pub(super) fn bandpass_hz(frequency: f32, q: f32) -> Node {
    filter(frequency, 1.0 / q, [0.0, 1.0, 0.0])
}

/// Everything, and `gain` times as much at a frequency.
pub(super) fn bell_hz(frequency: f32, q: f32, gain: f32) -> Node {
    let damping = 1.0 / (q * gain.sqrt());
    filter(frequency, damping, [1.0, damping * (gain - 1.0), 0.0])
}

/// A string: what runs round a delay, a little softer and duller each time (Karplus and Strong 1983; tuned as by Jaffe and Smith 1983).
struct String {
    frequency: f32,
    left: f32,
    damping: f32,
    line: Vec<f32>,
    at: usize,
    gain: f32,
    allpass: f32,
    state: [f32; 4],
}

impl Process for String {
    fn prepare(&mut self, rate: f32, _: &mut u32) {
        let period = rate / self.frequency;
        // The dulling filter takes one sample, the all-pass the rest: between a half and one and a half.
        let whole = (period - 1.5).floor().max(1.0);
        let rest = (period - 1.0 - whole).max(0.1);
        self.allpass = (1.0 - rest) / (1.0 + rest);
        self.gain = self.left.powf(1.0 / self.frequency);
        self.line = vec![0.0; whole as usize];
    }

    fn tick(&mut self, input: f32) -> f32 {
        let [one, two, before, out] = self.state;
        let end = self.line[self.at];
        let side = 0.25 * self.damping;
        let dull = side * (end + two) + (1.0 - 2.0 * side) * one;
        let tuned = self.allpass * (dull - out) + before;
        self.state = [end, one, dull, tuned];
        let sum = input + self.gain * tuned;
        self.line[self.at] = sum;
        self.at = (self.at + 1) % self.line.len();
        sum
    }
}

/// A string that its input sets going: what of its amplitude is left after a second, and how dull it becomes each time round (0 to 1).
pub(super) fn pluck(frequency: f32, left: f32, damping: f32) -> Node {
    Node::new(String {
        frequency,
        left,
        damping,
        line: Vec::new(),
        at: 0,
        gain: 0.0,
        allpass: 0.0,
        state: [0.0; 4],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The strength of a frequency, 1 for a sine of amplitude 1.
    fn strength(samples: &[f32], frequency: f32, rate: f32) -> f32 {
        let (mut re, mut im) = (0.0, 0.0);
        for (n, sample) in samples.iter().enumerate() {
            let angle = f64::from(TAU * frequency) * n as f64 / f64::from(rate);
            re += f64::from(*sample) * angle.cos();
            im += f64::from(*sample) * angle.sin();
        }
        (2.0 * (re * re + im * im).sqrt() / samples.len() as f64) as f32
    }

    #[test]
    fn oscillators_have_the_partials_of_their_waves() {
        let rate = 32_000;
        for n in 1..6 {
            let at = |node: Node| strength(&node.record(rate, 32_000), 200.0 * n as f32, rate as f32);
            let saw = 2.0 / (PI * n as f32);
            assert!((at(saw_hz(200.0)) - saw).abs() < 0.02 * saw, "saw {n}");
            let square = if n % 2 == 1 { 2.0 * saw } else { 0.0 };
            assert!((at(square_hz(200.0)) - square).abs() < 0.02, "square {n}");
            let expected = if n == 1 { 0.5 } else { 0.0 };
            assert!((at(tone(200.0, 0.5, 0.0)) - expected).abs() < 1e-3);
            let swept = envelope(|_| 200.0) >> sine() * 0.5;
            assert!((at(swept) - expected).abs() < 2e-3);
        }
    }

    #[test]
    fn filters_pass_what_they_say() {
        let rate = 48_000;
        let gain = |node: Node, frequency: f32| {
            let samples = (tone(frequency, 1.0, 0.0) >> node).record(rate, 48_000);
            strength(&samples[24_000..], frequency, rate as f32)
        };
        let half = std::f32::consts::FRAC_1_SQRT_2;
        assert!((gain(lowpass_hz(1_000.0, half), 1_000.0) - half).abs() < 0.01);
        assert!(gain(lowpass_hz(1_000.0, half), 100.0) > 0.99);
        assert!(gain(lowpass_hz(1_000.0, half), 10_000.0) < 0.011);
        assert!((gain(highpass_hz(1_000.0, half), 1_000.0) - half).abs() < 0.01);
        assert!(gain(highpass_hz(1_000.0, half), 100.0) < 0.011);
        assert!((gain(bandpass_hz(1_000.0, 3.0), 1_000.0) - 3.0).abs() < 0.03);
        assert!((gain(bell_hz(1_000.0, 2.0, 2.5), 1_000.0) - 2.5).abs() < 0.03);
        assert!((gain(bell_hz(1_000.0, 2.0, 2.5), 50.0) - 1.0).abs() < 0.03);
    }

    #[test]
    fn a_string_is_in_tune_and_decays_as_told() {
        let rate = 32_000;
        for frequency in [82.4_f32, 440.0, 1_318.5] {
            let burst = noise() * envelope(move |t| if t < 1.0 / frequency { 1.0 } else { 0.0 });
            let samples = (burst >> pluck(frequency, 0.5, 0.01)).record(rate, 64_000);
            let at = |cents: i32| {
                let frequency = frequency * 2_f32.powf(cents as f32 / 1_200.0);
                strength(&samples[8_000..40_000], frequency, rate as f32)
            };
            let best = (-20..=20).max_by(|a, b| at(*a).total_cmp(&at(*b))).unwrap();
            assert!(best.abs() <= 3, "{frequency} Hz: {best} cents");
            let early = strength(&samples[..16_000], frequency, rate as f32);
            let late = strength(&samples[32_000..48_000], frequency, rate as f32);
            assert!(
                (0.2..0.6).contains(&(late / early)),
                "{frequency} Hz: {}",
                late / early
            );
        }
    }

    #[test]
    fn noises_of_one_graph_differ_and_those_of_another_run_do_not() {
        let both = || (noise() + noise() * -1.0).record(8_000, 100);
        assert_eq!(both(), both());
        assert!(both().iter().any(|sample| sample.abs() > 0.1));
    }
}
