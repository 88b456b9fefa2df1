//! Resampling and wav decoding on ten seconds of synthesised sound; throughput is in samples of input.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use melisma_audio::{Hertz, Resampler, Stream};

fn tone(rate: u32) -> Vec<f32> {
    (0..rate * 10).map(|n| (n as f32 * 0.05).sin() * 0.5).collect()
}

fn resample(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("resample");
    for (source, target) in [
        (44_100, 22_050),
        (48_000, 22_050),
        (96_000, 22_050),
        (8_000, 22_050),
        (44_056, 22_050),
    ] {
        let samples = tone(source);
        group.throughput(Throughput::Elements(samples.len() as u64));
        group.bench_function(format!("{source}_to_{target}"), |bencher| {
            let mut out = Vec::new();
            bencher.iter(|| {
                out.clear();
                let mut resampler = Resampler::new(Hertz(source), Hertz(target));
                for packet in samples.chunks(1152) {
                    resampler.process(packet, &mut out);
                }
                resampler.finish(&mut out);
                black_box(out.len())
            });
        });
    }
    group.finish();
}

fn decode(criterion: &mut Criterion) {
    let samples = tone(44_100);
    let mut wav =
        b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x02\0\x44\xac\0\0\x10\xb1\x02\0\x04\0\x10\0data"
            .to_vec();
    wav.extend((samples.len() as u32 * 4).to_le_bytes());
    for sample in &samples {
        let word = ((sample * 32_767.0) as i16).to_le_bytes();
        wav.extend([word[0], word[1], word[0], word[1]]);
    }
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(samples.len() as u64));
    for (name, target) in [("wav_stereo", None), ("wav_stereo_to_22050", Some(Hertz(22_050)))] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut stream = Stream::from_bytes(wav.clone(), None, target).expect("a good wav file");
                let mut out = Vec::new();
                while stream.read(&mut out, 4096).expect("a good wav file") > 0 {}
                black_box(out.len())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, resample, decode);
criterion_main!(benches);
