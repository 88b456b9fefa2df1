//! musicnn against onnxruntime and librosa: `golden/musicnn.json`, made by `golden/make_musicnn.py`.

use melisma_audio::{Hertz, Signal};
use melisma_ears::front::Error;
use melisma_ears::musicnn::{HOP_LENGTH, Heard, Musicnn, N_MELS, PATCH_FRAMES, POOLED, TAGS, patches};
use melisma_ears::weights::onnx::Graph;
use melisma_ears::weights::{Array, Weights};
use ndarray::{Array2, Array3};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/musicnn.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f32> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap() as f32)
        .collect()
}

/// The same formula as in the script.
fn golden_patches() -> Array3<f32> {
    Array3::from_shape_fn((3, PATCH_FRAMES, N_MELS), |(k, t, b)| {
        let slow = (0.05 * (k + 1) as f64 * t as f64 + 0.11 * b as f64).sin();
        let beat = if (t * (k + 2)) % 31 < 6 { 1.0 } else { 0.0 };
        (1.6 + 0.9 * slow + 0.8 * beat - 0.02 * b as f64).max(0.0) as f32
    })
}

/// The same formula as in the script.
fn golden_signal() -> Signal {
    let samples = (0..4 * 16_000).map(|i| {
        let s = f64::from(i) / 16_000.0;
        let tau = 2.0 * std::f64::consts::PI;
        let tones = 0.4 * (tau * (220.0 + 90.0 * s) * s).sin() + 0.2 * (tau * (3000.0 - 200.0 * s) * s).sin();
        (tones + if i % 5000 < 20 { 0.3 } else { 0.0 }) as f32
    });
    Signal::new(samples.collect(), Hertz(16_000))
}

fn close(got: impl IntoIterator<Item = f32>, want: &[f32], tolerance: f32, what: &str) {
    let got: Vec<f32> = got.into_iter().collect();
    assert_eq!(got.len(), want.len(), "{what}");
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        assert!(
            (got - want).abs() <= tolerance * want.abs().max(1.0),
            "{what} {i}: {got} {want}"
        );
    }
}

/// Deterministic numbers around zero.
fn noise(shape: &[usize], seed: u32, scale: f32) -> Array {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let count = shape.iter().product();
    let values = (0..count).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        scale * (f64::from(state) / f64::from(u32::MAX) - 0.5) as f32
    });
    Array::new(shape.to_vec(), values.collect()).unwrap()
}

/// A network of the checkpoint's shapes with invented numbers, gains of both signs among them.
fn invented_checkpoint() -> Weights {
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
    let counted = |name: &str, i: usize| {
        if i == 0 {
            name.to_owned()
        } else {
            format!("{name}_{i}")
        }
    };
    let mut weights = Weights::new();
    let mut put = |name: String, shape: &[usize], scale: f32, centre: f32| {
        let around = noise(shape, weights.len() as u32, scale).into_values();
        let values = around.into_iter().map(|v| centre + v).collect();
        weights.insert(name, Array::new(shape.to_vec(), values).unwrap());
    };
    for (i, (height, width, count)) in kernels.into_iter().enumerate() {
        let layer = counted("conv2d", i);
        let scale = 2.0 / ((height * width) as f32).sqrt();
        put(format!("{layer}/kernel"), &[height, width, 1, count], scale, 0.0);
        put(format!("{layer}/bias"), &[count], 0.5, 0.0);
    }
    for (i, (inputs, outputs)) in [(1506, 200), (200, 50)].into_iter().enumerate() {
        let layer = counted("dense", i);
        put(format!("{layer}/kernel"), &[inputs, outputs], 0.1, 0.0);
        put(format!("{layer}/bias"), &[outputs], 0.5, 0.0);
    }
    let norms = [1, 204, 204, 51, 51, 51, 64, 64, 64, 1506, 200];
    for (i, count) in norms.into_iter().enumerate() {
        let layer = counted("batch_normalization", i);
        put(format!("{layer}/gamma"), &[count], 2.0, 0.0);
        put(format!("{layer}/beta"), &[count], 0.5, 0.0);
        put(format!("{layer}/moving_mean"), &[count], 0.5, 0.0);
        put(format!("{layer}/moving_variance"), &[count], 1.0, 1.0);
    }
    weights
}

/// The checkpoint's variables under the names and in the layout of the conversion to ONNX.
fn as_onnx(checkpoint: &Weights) -> Graph {
    let mut graph = Graph::default();
    for (name, array) in checkpoint {
        let (layer, part) = name.split_once('/').unwrap();
        let index: usize = layer
            .rsplit_once('_')
            .and_then(|(_, i)| i.parse().ok())
            .unwrap_or(0);
        let convolution = if index < 5 {
            format!("f{index}")
        } else {
            format!("m{}", index.wrapping_sub(5))
        };
        let part_of_norm = || match part {
            "gamma" => "s",
            "beta" => "b",
            "moving_mean" => "m",
            _ => "v",
        };
        let norm = match index {
            0 => "bn0".to_owned(),
            1..=5 => format!("fb{}", index - 1),
            6..=8 => format!("mb{}", index - 6),
            9 => "bn9".to_owned(),
            _ => "penultimate".to_owned(),
        };
        let (name, array) = match (layer.split('_').next().unwrap(), part) {
            ("conv2d", "kernel") => {
                let &[height, width, _, count] = array.shape() else {
                    unreachable!()
                };
                let values = (0..count).flat_map(|c| array.values().iter().skip(c).step_by(count).copied());
                let turned = Array::new(vec![count, 1, height, width], values.collect()).unwrap();
                (format!("{convolution}.w"), turned)
            }
            ("conv2d", _) => (format!("{convolution}.bias"), array.clone()),
            ("dense", "kernel") => (format!("d{}w", index + 1), array.clone()),
            ("dense", _) => (format!("d{}b", index + 1), array.clone()),
            _ => (format!("{norm}.{}", part_of_norm()), array.clone()),
        };
        graph.initializers.insert(name, array);
    }
    graph
}

#[test]
fn the_spectrogram_is_that_of_librosa() {
    let patches = patches(&golden_signal()).unwrap();
    assert_eq!(patches.shape(), [1, PATCH_FRAMES, N_MELS]);
    let front = &golden()["front"];
    let first = (0..N_MELS).map(|b| patches[[0, 0, b]]);
    close(first, &numbers(&front["first"]), 1e-5, "first frame");
    let places = (5..PATCH_FRAMES)
        .step_by(13)
        .flat_map(|t| (0..N_MELS).step_by(5).map(move |b| (t, b)));
    close(
        places.map(|(t, b)| patches[[0, t, b]]),
        &numbers(&front["some"]),
        1e-5,
        "frames",
    );
}

const DATA: Option<&str> = option_env!("MELISMA_TEST_DATA");

fn model(name: &str) -> Graph {
    let path = format!(
        "{}/models/{name}_musicnn.onnx",
        DATA.expect("tests without data are ignored")
    );
    Graph::parse(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
#[cfg_attr(not(melisma_data), ignore = "needs the data folder")]
fn the_outputs_are_those_of_onnxruntime() {
    let golden = golden();
    for name in ["MSD", "MTT"] {
        let heard = Musicnn::from_onnx(&model(name))
            .unwrap()
            .hear(golden_patches().view());
        let want = &golden[name];
        close(heard.tags, &numbers(&want["tags"]), 1e-4, "tags");
        close(
            heard.penultimate,
            &numbers(&want["penultimate"]),
            1e-4,
            "penultimate",
        );
        for (table, key) in [(heard.mean_pool, "mean_pool"), (heard.max_pool, "max_pool")] {
            let some: Vec<f32> = table
                .rows()
                .into_iter()
                .flat_map(|row| row.to_vec().into_iter().step_by(7))
                .collect();
            close(some, &numbers(&want[key]), 1e-4, key);
        }
    }
}

#[test]
fn the_checkpoint_and_its_conversion_hear_the_same() {
    let checkpoint = invented_checkpoint();
    let patches = golden_patches();
    let one = Musicnn::from_weights(&checkpoint).unwrap().hear(patches.view());
    let other = Musicnn::from_onnx(&as_onnx(&checkpoint))
        .unwrap()
        .hear(patches.view());
    assert_eq!(one, other);
    assert!(one.penultimate.iter().any(|&v| v != one.penultimate[[0, 0]]));
}

/// A plain reading of the first two layers, with normalisation before the maximum, in double precision.
#[test]
fn gains_of_either_sign_go_with_the_maximum_over_frequency() {
    let weights = invented_checkpoint();
    let heard = Musicnn::from_weights(&weights)
        .unwrap()
        .hear(golden_patches().view());
    let patch = golden_patches();
    let value = |name: &str, i: usize| f64::from(weights[name].values()[i]);
    let norm = |layer: &str, c: usize, x: f64| {
        let part = |part: &str| value(&format!("{layer}/{part}"), c);
        (x - part("moving_mean")) / (part("moving_variance") + 0.001).sqrt() * part("gamma") + part("beta")
    };
    let input = |t: isize, b: usize| {
        let t = usize::try_from(t).ok().filter(|&t| t < PATCH_FRAMES);
        t.map_or(0.0, |t| {
            norm("batch_normalization", 0, f64::from(patch[[0, t, b]]))
        })
    };
    let negative = (0..204)
        .find(|&c| value("batch_normalization_1/gamma", c) < 0.0)
        .unwrap();
    let positive = (0..204)
        .find(|&c| value("batch_normalization_1/gamma", c) > 0.0)
        .unwrap();
    for channel in [negative, positive, 203] {
        let mut largest = f64::NEG_INFINITY;
        for t in 0..PATCH_FRAMES {
            for b in 0..=N_MELS - 38 {
                let taps = (0..7).flat_map(|dt| (0..38).map(move |db| (dt, db)));
                let sum: f64 = taps
                    .map(|(dt, db)| {
                        let weight = value("conv2d/kernel", (dt * 38 + db) * 204 + channel);
                        weight * input((t + dt) as isize - 3, b + db)
                    })
                    .sum();
                let relu = (sum + value("conv2d/bias", channel)).max(0.0);
                largest = largest.max(norm("batch_normalization_1", channel, relu));
            }
        }
        assert!((f64::from(heard.max_pool[[0, channel]]) - largest).abs() < 1e-4);
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let musicnn = Musicnn::from_weights(&invented_checkpoint()).unwrap();
    let samples = golden_signal().into_samples().repeat(3);
    let signal = Signal::new(samples, Hertz(16_000));
    let hear = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| musicnn.listen(&signal).unwrap())
    };
    let alone = hear(1);
    assert_eq!(alone.tags.nrows(), 4);
    assert_eq!(alone, hear(3));
}

#[test]
fn silence_and_short_sounds_are_heard_as_one_patch() {
    let musicnn = Musicnn::from_weights(&invented_checkpoint()).unwrap();
    let listen =
        |samples: Vec<f32>| -> Result<Heard, Error> { musicnn.listen(&Signal::new(samples, Hertz(16_000))) };
    let silence: Array2<f32> = listen(vec![0.0; 48_000]).unwrap().tags;
    assert_eq!(silence.shape(), [1, TAGS]);
    assert!(silence.iter().all(|p| (0.0..=1.0).contains(p)));
    let short = listen(vec![0.5; 1]).unwrap();
    assert_eq!(short.mean_pool.shape(), [1, POOLED]);
    // A second of a tone of whole periods, repeated, is three seconds of the tone.
    let tone = |n: usize| {
        (0..n)
            .map(|i| (i as f32 * std::f32::consts::TAU / 40.0).sin())
            .collect::<Vec<_>>()
    };
    let longest = (PATCH_FRAMES - 1) * HOP_LENGTH;
    close(
        listen(tone(16_000)).unwrap().tags,
        listen(tone(longest)).unwrap().tags.as_slice().unwrap(),
        1e-3,
        "tone",
    );
    assert_eq!(listen(vec![]), Err(Error::Empty));
    assert_eq!(listen(vec![0.1; longest - 1]).unwrap().tags.nrows(), 1);
    assert_eq!(listen(vec![0.1; 187 * HOP_LENGTH * 2]).unwrap().tags.nrows(), 2);
    assert_eq!(
        listen(vec![0.1; 186 * HOP_LENGTH + 186 * HOP_LENGTH])
            .unwrap()
            .tags
            .nrows(),
        1
    );
}

#[test]
fn bad_weights_are_refused_by_name() {
    let whole = invented_checkpoint();
    let refusal = |change: &dyn Fn(&mut Weights)| {
        let mut weights = whole.clone();
        change(&mut weights);
        Musicnn::from_weights(&weights).unwrap_err().to_string()
    };
    let missing = refusal(&|w| drop(w.remove("conv2d_3/kernel")));
    assert!(missing.contains("`conv2d_3/kernel`"), "{missing}");
    let shape = refusal(&|w| drop(w.insert("dense/bias".into(), noise(&[201], 1, 1.0))));
    assert!(
        shape.contains("`dense/bias`") && shape.contains("[200]"),
        "{shape}"
    );
    let not_finite = refusal(&|w| {
        let nan = Array::new(vec![50], vec![f32::NAN; 50]).unwrap();
        w.insert("dense_1/bias".into(), nan);
    });
    assert!(not_finite.contains("`dense_1/bias`"), "{not_finite}");
    let variance = refusal(&|w| {
        let negative = Array::new(vec![200], vec![-1.0; 200]).unwrap();
        w.insert("batch_normalization_10/moving_variance".into(), negative);
    });
    assert!(variance.contains("batch_normalization_10"), "{variance}");
    let fault = Musicnn::from_onnx(&Graph::default()).unwrap_err().to_string();
    assert!(fault.contains('`'), "{fault}");
}
