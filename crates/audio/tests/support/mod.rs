//! Writers of tiny uncompressed files, and measures of likeness.

// Each test binary uses its own part of these.
#![allow(dead_code)]

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Format tags of wav.
pub const PCM: u16 = 1;
pub const FLOAT: u16 = 3;

/// A wav file of the given layout around `data`, whose header promises `promised` bytes.
pub fn wav_promising(tag: u16, bits: u16, channels: u16, rate: u32, data: &[u8], promised: u32) -> Vec<u8> {
    let frame = channels.wrapping_mul(bits / 8);
    // The logarithmic formats want the longer header, with its count of extra bytes.
    let extra = matches!(tag, 6 | 7);
    let mut bytes = b"RIFF".to_vec();
    bytes.extend(promised.saturating_add(36 + 2 * u32::from(extra)).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend((16 + 2 * u32::from(extra)).to_le_bytes());
    bytes.extend(tag.to_le_bytes());
    bytes.extend(channels.to_le_bytes());
    bytes.extend(rate.to_le_bytes());
    bytes.extend(rate.wrapping_mul(u32::from(frame)).to_le_bytes());
    bytes.extend(frame.to_le_bytes());
    bytes.extend(bits.to_le_bytes());
    bytes.extend(vec![0; 2 * usize::from(extra)]);
    bytes.extend(b"data");
    bytes.extend(promised.to_le_bytes());
    bytes.extend(data);
    bytes
}

/// A wav file that tells the truth.
pub fn wav(tag: u16, bits: u16, channels: u16, rate: u32, data: &[u8]) -> Vec<u8> {
    wav_promising(tag, bits, channels, rate, data, data.len() as u32)
}

/// A 16-bit wav file of these samples.
pub fn wav16(channels: u16, rate: u32, samples: &[i16]) -> Vec<u8> {
    let data: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    wav(PCM, 16, channels, rate, &data)
}

/// A 32-bit float wav file of these samples.
pub fn wav_float(channels: u16, rate: u32, samples: &[f32]) -> Vec<u8> {
    let data: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    wav(FLOAT, 32, channels, rate, &data)
}

/// A Sun `.au` file; encodings as in its header.
pub fn au(encoding: u32, channels: u32, rate: u32, data: &[u8], promised: u32) -> Vec<u8> {
    let mut bytes = b".snd".to_vec();
    for word in [24, promised, encoding, rate, channels] {
        bytes.extend(u32::to_be_bytes(word));
    }
    bytes.extend(data);
    bytes
}

/// An aiff file of linear samples, big-endian.
pub fn aiff(bits: u16, channels: u16, rate: u32, data: &[u8]) -> Vec<u8> {
    let frames = data.len() as u32 / (u32::from(channels) * u32::from(bits.div_ceil(8)));
    let mut common = channels.to_be_bytes().to_vec();
    common.extend(frames.to_be_bytes());
    common.extend(bits.to_be_bytes());
    // The rate as an 80-bit float: exponent, then the integer shifted up to the top bit.
    let shift = rate.leading_zeros();
    common.extend((16_383 + 31 - shift as u16).to_be_bytes());
    common.extend((u64::from(rate) << (shift + 32)).to_be_bytes());
    let mut body = b"AIFF".to_vec();
    for (id, payload) in [(b"COMM", common), (b"SSND", [&[0; 8], data].concat())] {
        body.extend(id);
        body.extend((payload.len() as u32).to_be_bytes());
        body.extend(&payload);
        body.resize(body.len().next_multiple_of(2), 0);
    }
    [b"FORM".as_slice(), &(body.len() as u32).to_be_bytes(), &body].concat()
}

/// Puts bytes into a file of a new directory, which lives as long as the first value.
pub fn file(name: &str, bytes: &[u8]) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (directory, path)
}

/// A file that is kept beside the tests.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

/// A sine of amplitude 0.5.
pub fn sine(frequency: f64, rate: u32, len: usize) -> Vec<f32> {
    let step = 2.0 * std::f64::consts::PI * frequency / f64::from(rate);
    (0..len).map(|n| (0.5 * (step * n as f64).sin()) as f32).collect()
}

/// Signal to noise in decibels over the common length.
pub fn snr(reference: &[f32], other: &[f32]) -> f64 {
    let power =
        |values: &mut dyn Iterator<Item = f32>| values.map(|x| f64::from(x) * f64::from(x)).sum::<f64>();
    let len = reference.len().min(other.len());
    let signal = power(&mut reference[..len].iter().copied());
    let noise = power(&mut reference.iter().zip(other).map(|(a, b)| a - b));
    10.0 * (signal / noise.max(1e-30)).log10()
}
