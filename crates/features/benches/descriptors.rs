//! What each descriptor costs for a 30-second clip, alone and with all that its schema shares.
//!
//! `cargo bench -p melisma-features`. The transforms that a descriptor needs are counted with it, so the lines do not add up to the schema's.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use melisma_features::{Descriptor, Extractor, HOP_LENGTH, N_FFT, PadMode, SAMPLE_RATE, Schema};
use realfft::RealFftPlanner;
use realfft::num_complex::Complex32;

/// Thirty seconds of tones and noise.
fn clip() -> Vec<f32> {
    let mut state = 1u32;
    (0..30 * SAMPLE_RATE)
        .map(|i| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = state as f32 / u32::MAX as f32 - 0.5;
            let t = i as f32 / SAMPLE_RATE as f32;
            0.4 * (t * 1400.0).sin() + 0.2 * (t * 4211.0).sin() * (t * 3.0).sin() + 0.1 * noise
        })
        .collect()
}

fn descriptors(c: &mut Criterion) {
    let clip = clip();
    let mut extractor = Extractor::new();
    let mut group = c.benchmark_group("30 s");
    group
        .sample_size(20)
        .measurement_time(Duration::from_secs(2))
        .warm_up_time(Duration::from_millis(500));
    for descriptor in Descriptor::ALL {
        group.bench_function(descriptor.name(), |b| {
            b.iter(|| black_box(extractor.analyze(&clip, PadMode::Constant, &[descriptor])));
        });
    }
    for schema in Schema::ALL {
        group.bench_function(format!("schema {schema}"), |b| {
            b.iter(|| black_box(extractor.row(&clip, PadMode::Constant, schema)));
        });
    }
    group.bench_function("schema gtzan in 3 s windows", |b| {
        b.iter(|| {
            for window in clip.chunks_exact(3 * SAMPLE_RATE as usize) {
                black_box(extractor.row(window, PadMode::Constant, Schema::Gtzan)).unwrap();
            }
        });
    });
    group.finish();
}

/// What the transforms alone cost: the floor under everything that is spectral.
fn transforms(c: &mut Criterion) {
    let frames = 1 + 30 * SAMPLE_RATE as usize / HOP_LENGTH;
    let mut group = c.benchmark_group("30 s, transforms alone");
    group
        .sample_size(20)
        .measurement_time(Duration::from_secs(2))
        .warm_up_time(Duration::from_millis(500));
    let forward = RealFftPlanner::<f64>::new().plan_fft_forward(N_FFT);
    let (mut samples, mut spectrum) = (forward.make_input_vec(), forward.make_output_vec());
    let mut scratch = forward.make_scratch_vec();
    group.bench_function("forward, double precision", |b| {
        b.iter(|| {
            for _ in 0..frames {
                samples.fill(0.5);
                forward
                    .process_with_scratch(&mut samples, &mut spectrum, &mut scratch)
                    .unwrap();
            }
        });
    });
    let backward = RealFftPlanner::<f32>::new().plan_fft_inverse(N_FFT);
    let (mut spectrum, mut samples) = (backward.make_input_vec(), backward.make_output_vec());
    let mut scratch = backward.make_scratch_vec();
    group.bench_function("backward, single precision", |b| {
        b.iter(|| {
            for _ in 0..frames {
                spectrum.fill(Complex32::ZERO);
                backward
                    .process_with_scratch(&mut spectrum, &mut samples, &mut scratch)
                    .unwrap();
            }
        });
    });
    group.finish();
}

criterion_group!(benches, transforms, descriptors);
criterion_main!(benches);
