//! What musicnn and its spectrogram cost for a 30-second clip, on one thread.
//!
//! `cargo bench -p melisma-ears`. The weights are invented: the time does not depend on them.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use melisma_audio::Signal;
use melisma_ears::front::SAMPLE_RATE;
use melisma_ears::musicnn::{Musicnn, patches};
use melisma_ears::weights::{Array, Weights};

/// Thirty seconds of tones and noise.
fn clip() -> Signal {
    let mut state = 1_u32;
    let samples = (0..30 * SAMPLE_RATE.0).map(|i| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = state as f32 / u32::MAX as f32 - 0.5;
        let t = i as f32 / SAMPLE_RATE.0 as f32;
        0.4 * (t * 1400.0).sin() + 0.2 * (t * 4211.0).sin() * (t * 3.0).sin() + 0.1 * noise
    });
    Signal::new(samples.collect(), SAMPLE_RATE)
}

/// Weights of the checkpoint's shapes.
fn weights() -> Weights {
    let counted = |name: &str, i: usize| {
        if i == 0 {
            name.to_owned()
        } else {
            format!("{name}_{i}")
        }
    };
    let mut weights = Weights::new();
    let mut put = |name: String, shape: &[usize]| {
        let count = shape.iter().product();
        let values = (0..count).map(|i: usize| (i * 31 % 97) as f32 / 970.0).collect();
        weights.insert(
            name,
            Array::new(shape.to_vec(), values).expect("as many values as the shape asks for"),
        );
    };
    let kernels = [
        (7, 38, 204),
        (7, 67, 204),
        (128, 1, 51),
        (64, 1, 51),
        (32, 1, 51),
        (7, 561, 64),
        (7, 64, 64),
        (7, 64, 64),
    ];
    for (i, (height, width, count)) in kernels.into_iter().enumerate() {
        put(
            format!("{}/kernel", counted("conv2d", i)),
            &[height, width, 1, count],
        );
        put(format!("{}/bias", counted("conv2d", i)), &[count]);
    }
    for (i, (inputs, outputs)) in [(1506, 200), (200, 50)].into_iter().enumerate() {
        put(format!("{}/kernel", counted("dense", i)), &[inputs, outputs]);
        put(format!("{}/bias", counted("dense", i)), &[outputs]);
    }
    for (i, count) in [1, 204, 204, 51, 51, 51, 64, 64, 64, 1506, 200]
        .into_iter()
        .enumerate()
    {
        for part in ["gamma", "beta", "moving_mean", "moving_variance"] {
            put(format!("{}/{part}", counted("batch_normalization", i)), &[count]);
        }
    }
    weights
}

fn musicnn(c: &mut Criterion) {
    let clip = clip();
    let musicnn = Musicnn::from_weights(&weights()).expect("the weights have the checkpoint's shapes");
    let cut = patches(&clip).expect("the clip is fit to be heard");
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .expect("one thread can be had");
    let mut group = c.benchmark_group("musicnn, 30 s");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(5))
        .warm_up_time(Duration::from_millis(500));
    group.bench_function("spectrogram", |b| {
        b.iter(|| pool.install(|| black_box(patches(&clip))))
    });
    group.bench_function("network", |b| {
        b.iter(|| pool.install(|| black_box(musicnn.hear(cut.view()))))
    });
    group.bench_function("both", |b| {
        b.iter(|| pool.install(|| black_box(musicnn.listen(&clip))))
    });
    group.finish();
}

criterion_group!(benches, musicnn);
criterion_main!(benches);
