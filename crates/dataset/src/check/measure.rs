//! One file: decoded once, as a stream, for everything that is to be known about it.
//!
//! Not for judging: what a figure means beside those of the other files is for `findings`.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use melisma_audio::{Hertz, Stream};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::fingerprint::Fingerprint;
use crate::{Result, locate, sha256_file};

/// Samples decoded at a time.
const PIECE: usize = 1 << 15;
/// Blocks in a second over which silence is judged.
const BLOCKS_PER_S: u32 = 20;
/// The level below which a block is silent: -60 dB of full scale.
const SILENCE: f64 = 1e-3;
/// The magnitude from which a sample stands at full scale.
const FULL_SCALE: f32 = 0.998;
/// Samples in a row at full scale that count as clipped; a single peak may touch it.
const CLIPPED_RUN: u64 = 3;

/// What is known about the sound of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Length in seconds.
    pub duration_s: f64,
    /// Samples per second.
    pub sample_rate: u32,
    /// Bytes in the file.
    pub bytes: u64,
    /// SHA-256 of the file.
    pub file_hash: String,
    /// SHA-256 of the decoded samples, mixed to mono, and their rate: alike for all lossless copies.
    pub sound_hash: String,
    /// The largest magnitude, where 1 is full scale.
    pub peak: f32,
    /// The mean of all samples.
    pub dc_offset: f64,
    /// The share of 50-millisecond blocks below -60 dB of full scale.
    pub silent_share: f64,
    /// The share of samples that stand at full scale, three or more in a row.
    pub clipped_share: f64,
    /// What was odd about the file, though it could be read.
    pub warnings: Vec<String>,
    /// The Chromaprint fingerprint of the first two minutes.
    pub fingerprint: Vec<u32>,
}

/// Measures a file; `None` once `stop` is set.
///
/// # Errors
/// Why the file cannot be decoded.
pub(super) fn measure(path: &Path, stop: &AtomicBool) -> std::result::Result<Option<Measured>, String> {
    let say = |error: melisma_audio::Error| without_path(path, &error.to_string());
    let mut stream = Stream::open(path, None).map_err(say)?;
    let rate = stream.rate();
    let mut meter = Meter::new(rate);
    let mut piece = Vec::with_capacity(PIECE);
    loop {
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        piece.clear();
        if stream.read(&mut piece, PIECE).map_err(say)? == 0 {
            break;
        }
        meter.add(&piece);
    }
    let (file_hash, bytes) = hash_file(path).map_err(|error| without_path(path, &error.to_string()))?;
    Ok(Some(Measured {
        file_hash,
        bytes,
        warnings: stream.warnings().to_vec(),
        ..meter.finish()
    }))
}

fn hash_file(path: &Path) -> Result<(String, u64)> {
    let bytes = std::fs::metadata(path).map_or(0, |m| m.len());
    Ok((sha256_file(path)?, bytes))
}

/// A message that begins with the path, which is known already, without it.
fn without_path(path: &Path, message: &str) -> String {
    let prefix = format!("{}: ", path.display());
    message.strip_prefix(&prefix).unwrap_or(message).to_owned()
}

/// Everything that is gathered while samples pass.
struct Meter {
    rate: Hertz,
    hasher: Sha256,
    bytes: Vec<u8>,
    fingerprint: Fingerprint,
    samples: u64,
    sum: f64,
    peak: f32,
    run: u64,
    clipped: u64,
    block: usize,
    block_filled: usize,
    block_energy: f64,
    blocks: u64,
    silent_blocks: u64,
}

impl Meter {
    fn new(rate: Hertz) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(rate.0.to_le_bytes());
        Meter {
            rate,
            hasher,
            bytes: Vec::new(),
            fingerprint: Fingerprint::new(rate),
            samples: 0,
            sum: 0.0,
            peak: 0.0,
            run: 0,
            clipped: 0,
            block: (rate.0 / BLOCKS_PER_S).max(1) as usize,
            block_filled: 0,
            block_energy: 0.0,
            blocks: 0,
            silent_blocks: 0,
        }
    }

    fn add(&mut self, samples: &[f32]) {
        self.bytes.clear();
        for &sample in samples {
            // Negative zero sounds like zero.
            self.bytes.extend((sample + 0.0).to_le_bytes());
            self.sum += f64::from(sample);
            self.peak = self.peak.max(sample.abs());
            match sample.abs() >= FULL_SCALE {
                true => self.run += 1,
                false => self.end_run(),
            }
            self.block_energy += f64::from(sample) * f64::from(sample);
            self.block_filled += 1;
            if self.block_filled == self.block {
                self.end_block();
            }
        }
        self.samples += samples.len() as u64;
        self.hasher.update(&self.bytes);
        self.fingerprint.add(samples);
    }

    fn end_run(&mut self) {
        if self.run >= CLIPPED_RUN {
            self.clipped += self.run;
        }
        self.run = 0;
    }

    fn end_block(&mut self) {
        let level = (self.block_energy / self.block_filled as f64).sqrt();
        self.blocks += 1;
        self.silent_blocks += u64::from(level < SILENCE);
        self.block_energy = 0.0;
        self.block_filled = 0;
    }

    /// The figures of the sound; those of the file are empty.
    fn finish(mut self) -> Measured {
        self.end_run();
        if self.block_filled > 0 {
            self.end_block();
        }
        let share = |part: u64, whole: u64| part as f64 / whole.max(1) as f64;
        Measured {
            duration_s: self.samples as f64 / f64::from(self.rate.0),
            sample_rate: self.rate.0,
            bytes: 0,
            file_hash: String::new(),
            sound_hash: locate::hex(&self.hasher.finalize()),
            peak: self.peak,
            dc_offset: self.sum / self.samples.max(1) as f64,
            silent_share: share(self.silent_blocks, self.blocks),
            clipped_share: share(self.clipped, self.samples),
            warnings: Vec::new(),
            fingerprint: self.fingerprint.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(samples: &[f32]) -> Measured {
        let mut meter = Meter::new(Hertz(22_050));
        for piece in samples.chunks(1000) {
            meter.add(piece);
        }
        meter.finish()
    }

    fn tone(level: f32, seconds: usize) -> Vec<f32> {
        (0..22_050 * seconds)
            .map(|n| level * (n as f32 * 0.1).sin())
            .collect()
    }

    #[test]
    fn silence_clipping_and_offset_are_measured() {
        let mut half = vec![0.0; 22_050];
        half.extend(tone(0.5, 1));
        let half = measured(&half);
        assert!((half.silent_share - 0.5).abs() < 0.05 && half.clipped_share == 0.0);
        assert!((half.duration_s - 2.0).abs() < 1e-9);

        // A sine cut at a quarter of its height stands there for 1 - 2 asin(1/4) / pi of the time.
        let cut: Vec<f32> = tone(4.0, 1).iter().map(|s| s.clamp(-1.0, 1.0)).collect();
        let cut = measured(&cut);
        assert!((cut.clipped_share - 0.839).abs() < 0.02, "{}", cut.clipped_share);
        assert_eq!(measured(&tone(1.0, 1)).silent_share, 0.0);

        let shifted: Vec<f32> = tone(0.1, 1).iter().map(|s| s + 0.25).collect();
        assert!((measured(&shifted).dc_offset - 0.25).abs() < 0.01);
    }

    #[test]
    fn pieces_do_not_matter_to_the_hash_and_single_peaks_are_not_clipping() {
        let tone = tone(0.3, 4);
        let mut meter = Meter::new(Hertz(22_050));
        meter.add(&tone);
        assert_eq!(meter.finish(), measured(&tone));
        let mut peaks = tone.clone();
        peaks.iter_mut().step_by(10).for_each(|s| *s = 1.0);
        assert_eq!(measured(&peaks).clipped_share, 0.0);
        assert_ne!(measured(&peaks).sound_hash, measured(&tone).sound_hash);
    }
}
