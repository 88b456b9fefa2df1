//! Times decoding and description of files on one thread, in the terms of the peers' scripts.
//!
//! `cargo run --release -p melisma-dataset --example time_features -- [--window SECONDS] [--pad reflect] [--what gtzan|spotify|full|subset] FILE...`
//!
//! `subset` is what Essentia's `LowLevelSpectralExtractor` and openSMILE's components have too: RMS, zero-crossing rate, centroid, roll-off, flatness,
//! flux, contrast, mel bands and MFCC. Prints one line like `librosa_features.py`; `scripts/bench_peers.py` reads it.

use std::path::PathBuf;
use std::time::Instant;

use melisma_audio::{Hertz, Limit, load};
use melisma_features::{Descriptor, Extractor, PadMode, SAMPLE_RATE, Schema};

const SUBSET: [Descriptor; 9] = [
    Descriptor::Rms,
    Descriptor::ZeroCrossingRate,
    Descriptor::SpectralCentroid,
    Descriptor::SpectralRolloff,
    Descriptor::SpectralFlatness,
    Descriptor::SpectralFlux,
    Descriptor::SpectralContrast,
    Descriptor::Mel,
    Descriptor::Mfcc,
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (mut window, mut pad, mut what, mut files) =
        (None, PadMode::Constant, "gtzan".to_owned(), Vec::new());
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or("an option lacks its value");
        match argument.as_str() {
            "--window" => window = Some(value()?.parse::<f64>()?),
            "--pad" => pad = value()?.parse()?,
            "--what" => what = value()?,
            _ => files.push(PathBuf::from(argument)),
        }
    }
    let schema: Option<Schema> = if what == "subset" {
        None
    } else {
        Some(what.parse()?)
    };
    let mut extractor = Extractor::new();
    let mut describe = |samples: &[f32]| match schema {
        Some(schema) => extractor.row(samples, pad, schema).map(|_| ()),
        None => extractor.analyze(samples, pad, &SUBSET).map(|_| ()),
    };
    // Plans and pages are made before the clock runs, as for the peers.
    describe(&vec![0.1; 3 * SAMPLE_RATE as usize])?;
    let (mut rows, mut decode, mut compute, mut seconds) = (0, 0.0, 0.0, 0.0);
    for file in &files {
        let start = Instant::now();
        let signal = load(file, Some(Hertz(SAMPLE_RATE)), Limit::Default)?.signal;
        decode += start.elapsed().as_secs_f64();
        let samples = signal.samples();
        let length = window.map_or(samples.len(), |w| (w * f64::from(SAMPLE_RATE)) as usize);
        let start = Instant::now();
        for window in samples.chunks_exact(length) {
            describe(window)?;
            rows += 1;
        }
        compute += start.elapsed().as_secs_f64();
        seconds += signal.duration_s();
    }
    println!(
        "files {} rows {rows} audio_s {seconds:.1} decode_s {decode:.3} compute_s {compute:.3} x_realtime {:.1}",
        files.len(),
        seconds / compute
    );
    Ok(())
}
