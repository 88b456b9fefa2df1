//! Resamples raw mono samples, for `scripts/resample_compare.py`.
//!
//! `resample IN.f32 SOURCE TARGET OUT.f32 [REPEATS]`: native-endian single-precision samples in and out; prints the
//! best time of one conversion in seconds.

use std::time::Instant;

use melisma_audio::{Hertz, Resampler};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, source, target, output, rest @ ..] = &arguments[..] else {
        return Err("usage: resample IN.f32 SOURCE TARGET OUT.f32 [REPEATS]".into());
    };
    let (source, target) = (Hertz(source.parse()?), Hertz(target.parse()?));
    let repeats: u32 = rest.first().map_or(Ok(1), |text| text.parse())?;
    let bytes = std::fs::read(input)?;
    let samples: Vec<f32> = bytes
        .as_chunks::<4>()
        .0
        .iter()
        .map(|&word| f32::from_ne_bytes(word))
        .collect();

    let (mut best, mut out) = (f64::INFINITY, Vec::new());
    for _ in 0..repeats.max(1) {
        out.clear();
        let start = Instant::now();
        let mut resampler = Resampler::new(source, target);
        // In packets, as a decoder hands them over.
        for packet in samples.chunks(1152) {
            resampler.process(packet, &mut out);
        }
        resampler.finish(&mut out);
        best = best.min(start.elapsed().as_secs_f64());
    }
    std::fs::write(
        output,
        out.iter()
            .flat_map(|sample| sample.to_ne_bytes())
            .collect::<Vec<u8>>(),
    )?;
    println!("{best}");
    Ok(())
}
