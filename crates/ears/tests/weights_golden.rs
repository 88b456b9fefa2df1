//! Checkpoints that PyTorch, TensorFlow and safetensors wrote (tests/golden/weights.py), number for number.

#![allow(clippy::excessive_precision)]

use melisma_ears::weights::{Weights, exactly, pth, safetensors, tf_checkpoint};

/// The two arrays that the script draws.
#[rustfmt::skip]
const A: [f32; 12] = [
    -1.2224977, -2.1383154, -0.06472305, -0.70555127, -0.9497596, 0.5609996,
    0.92516994, -0.43107456, 2.5791998, -0.02857837, 0.4554075, 0.6016553,
];
#[rustfmt::skip]
const B: [f32; 20] = [
    -1.1787915, -0.4031592, -0.28396887, -0.087290935, 0.0019489372,
    0.087729074, 0.24489383, -0.9971902, -1.056198, 0.2807457,
    -0.5639475, -0.21201253, 0.5308012, 0.94539636, 0.19874546,
    -0.7491616, -1.832868, 1.2506388, -0.06956594, -0.8589355,
];

fn transposed() -> Vec<f32> {
    (0..20).map(|n| B[n % 4 * 5 + n / 4]).collect()
}

#[track_caller]
fn holds(weights: &Weights, name: &str, shape: &[usize], values: &[f32]) {
    assert_eq!(exactly(weights, name, shape).unwrap(), values, "{name}");
}

#[track_caller]
fn check_torch(weights: &Weights) {
    // (3, 2, 2) with its first axis moved to the end.
    let moved: Vec<f32> = (0..12).map(|n| A[n % 3 * 4 + n / 3]).collect();
    holds(weights, "conv.weight", &[2, 2, 3], &moved);
    holds(weights, "dense.weight", &[5, 4], &transposed());
    holds(weights, "dense.column", &[3], &[B[8], B[13], B[18]]);
    holds(weights, "dense.shared", &[4, 5], &B);
    holds(weights, "expanded", &[2, 3], &[B[12]; 6]);
    holds(weights, "double", &[4, 5], &B);
    holds(weights, "scalar", &[], &[2.5]);
    holds(weights, "empty", &[0, 3], &[]);
    holds(weights, "bn.running_var", &[2], &[1.0; 2]);
    for (name, precision) in [("half", 2_f32.powi(-11)), ("bfloat16", 2_f32.powi(-8))] {
        for (rounded, exact) in exactly(weights, name, &[4, 5]).unwrap().iter().zip(B) {
            assert!(
                (rounded - exact).abs() <= precision * exact.abs(),
                "{name}: {rounded} {exact}"
            );
        }
    }
    assert!(
        !weights.contains_key("bn.num_batches_tracked"),
        "whole numbers are no weights"
    );
    assert_eq!(weights.len(), 14);
}

#[test]
fn both_formats_of_pytorch() {
    check_torch(&pth::read(include_bytes!("golden/new.pth")).unwrap());
    check_torch(&pth::read(include_bytes!("golden/legacy.pth")).unwrap());
    let nested = pth::read(include_bytes!("golden/nested.pth")).unwrap();
    assert_eq!(
        nested.keys().collect::<Vec<_>>(),
        ["bias", "running_mean", "running_var", "weight"]
    );
    let message = pth::read(include_bytes!("golden/module.pth"))
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("asks for `torch.nn.modules.batchnorm.BatchNorm1d`"),
        "{message}"
    );
}

#[test]
fn safetensors_of_pytorch() {
    let weights = safetensors::read(include_bytes!("golden/torch.safetensors")).unwrap();
    check_torch(&weights);
    assert_eq!(
        safetensors::read(&safetensors::write(&weights).unwrap()).unwrap(),
        weights
    );
}

#[test]
fn variables_of_tensorflow() {
    let (index, data) = (
        include_bytes!("golden/tf.index"),
        include_bytes!("golden/tf.data-00000-of-00001"),
    );
    let weights = tf_checkpoint::read(index, data).unwrap();
    holds(&weights, "conv/kernel", &[3, 2, 2], &A);
    holds(&weights, "dense/kernel", &[5, 4], &transposed());
    holds(&weights, "dense/bias", &[5], &B[..5]);
    holds(&weights, "scalar", &[], &[2.5]);
    assert_eq!(weights.len(), 4, "the step is a whole number");
}
