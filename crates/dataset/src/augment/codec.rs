//! What a codec leaves of a sound: Opus and back. Not for making files.

use melisma_audio::{Hertz, Resampler, Signal};
use ropus::{Application, Bitrate, Channels, DecodeMode, Decoder, Encoder};

/// The rate Opus works at here.
const RATE: Hertz = Hertz(48_000);
/// Samples of a packet: 20 ms.
const FRAME: usize = 960;
/// No packet is larger than this.
const PACKET: usize = 4000;

/// The signal after Opus at `bits_per_s` (6,000 to 510,000), in place and at its own rate and length.
///
/// The encoder's delay is taken out.
///
/// # Errors
/// A sentence, when the bit rate is out of range or the codec refuses.
pub fn opus_round_trip(signal: &Signal, bits_per_s: u32) -> Result<Signal, String> {
    if !(6_000..=510_000).contains(&bits_per_s) {
        return Err(format!("Opus knows no {bits_per_s} bit/s (6000 to 510000)"));
    }
    if signal.rate().0 == 0 {
        return Err("a signal of 0 Hz".to_owned());
    }
    let failed = |error: &dyn std::fmt::Display| format!("Opus: {error}");
    let mut encoder = Encoder::builder(RATE.0, Channels::Mono, Application::Audio)
        .bitrate(Bitrate::Bits(bits_per_s))
        .build()
        .map_err(|error| failed(&error))?;
    let mut decoder = Decoder::new(RATE.0, Channels::Mono).map_err(|error| failed(&error))?;
    let delay = encoder.lookahead() as usize;
    let mut input = resampled(signal.samples(), signal.rate(), RATE);
    let length = input.len();
    input.resize((length + delay).next_multiple_of(FRAME), 0.0);
    let (mut packet, mut frame, mut output) = (vec![0; PACKET], vec![0.0; FRAME], Vec::new());
    for samples in input.chunks_exact(FRAME) {
        let bytes = encoder
            .encode_float(samples, &mut packet)
            .map_err(|error| failed(&error))?;
        let count = decoder
            .decode_float(&packet[..bytes], &mut frame, DecodeMode::Normal)
            .map_err(|error| failed(&error))?;
        output.extend_from_slice(&frame[..count]);
    }
    output.drain(..delay.min(output.len()));
    output.truncate(length);
    let mut samples = resampled(&output, RATE, signal.rate());
    samples.resize(signal.samples().len(), 0.0);
    Ok(Signal::new(samples, signal.rate()))
}

fn resampled(samples: &[f32], from: Hertz, to: Hertz) -> Vec<f32> {
    let mut resampler = Resampler::new(from, to);
    let mut out = Vec::new();
    resampler.process(samples, &mut out);
    resampler.finish(&mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_back_lies_where_it_was() {
        let rate = Hertz(22_050);
        let tone = |n: usize| (0.3 * (n as f64 * 0.05).sin() * (n as f64 * 0.0007).sin()) as f32;
        let signal = Signal::new((0..22_050).map(tone).collect(), rate);
        let back = opus_round_trip(&signal, 96_000).unwrap();
        assert_eq!((back.samples().len(), back.rate()), (22_050, rate));
        let product = |lag: usize| -> f64 {
            let pairs = signal.samples()[2000..20_000]
                .iter()
                .zip(&back.samples()[2000 + lag - 10..]);
            pairs.map(|(a, b)| f64::from(a * b)).sum()
        };
        let best = (0..21)
            .max_by(|&a, &b| product(a).total_cmp(&product(b)))
            .unwrap();
        assert_eq!(best, 10, "delayed by {} samples", best as i64 - 10);
        let error: f64 = signal
            .samples()
            .iter()
            .zip(back.samples())
            .map(|(a, b)| f64::from(a - b).powi(2))
            .sum();
        let power: f64 = signal.samples().iter().map(|a| f64::from(*a).powi(2)).sum();
        assert!(error > 0.0 && error < 0.02 * power, "{}", error / power);
        assert!(opus_round_trip(&signal, 1).is_err());
        assert!(
            opus_round_trip(&Signal::new(Vec::new(), rate), 64_000)
                .unwrap()
                .samples()
                .is_empty()
        );
    }
}
