//! Integrated gradients keep their promise: attributions sum to the difference of logits.

use burn::tensor::{Device, Tensor, activation};
use melisma_neural::backbones::inverted::{InvertedConfig, Stage};
use melisma_neural::backbones::layers::{Backbone, Padding, Scaling};
use melisma_neural::device;
use melisma_neural::explain::integrated_gradients;
use ndarray::Array3;
use proptest::prelude::*;

const SHAPE: (usize, usize, usize) = (2, 3, 4);
const CLASSES: usize = 3;

fn tensor(values: &[f32], rows: usize, device: &Device) -> Tensor<2> {
    Tensor::<1>::from_floats(values, device).reshape([rows, values.len() / rows])
}

/// A smooth network of two layers.
fn smooth(first: &Tensor<2>, last: &Tensor<2>, x: Tensor<4>) -> Tensor<2> {
    activation::tanh(x.flatten::<2>(1, 3).matmul(first.clone())).matmul(last.clone())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn attributions_sum_to_the_difference(
        image in prop::collection::vec(-1.0_f32..1.0, 24),
        baseline in prop::collection::vec(-1.0_f32..1.0, 24),
        first in prop::collection::vec(-0.5_f32..0.5, 24 * 5),
        last in prop::collection::vec(-1.0_f32..1.0, 5 * CLASSES),
        class in 0..CLASSES,
    ) {
        let device = device::default().autodiff();
        let (first, last) = (tensor(&first, 24, &device), tensor(&last, 5, &device));
        let image = Array3::from_shape_vec(SHAPE, image).unwrap();
        let baseline = Array3::from_shape_vec(SHAPE, baseline).unwrap();
        let logits = |x| smooth(&first, &last, x);
        let found = integrated_gradients(image.view(), baseline.view(), class, 64, &device, logits).unwrap();
        prop_assert!(found.residual().abs() < 2e-3, "{} of {}", found.residual(), found.difference);
        let direct = smooth(&first, &last, Tensor::<1>::from_floats(image.as_slice().unwrap(), &device).reshape([1, 2, 3, 4]))
            - smooth(&first, &last, Tensor::<1>::from_floats(baseline.as_slice().unwrap(), &device).reshape([1, 2, 3, 4]));
        let direct = f64::from(direct.into_data().try_to_vec::<f32>().unwrap()[class]);
        prop_assert!((found.difference - direct).abs() < 1e-4);
    }

    #[test]
    fn where_nothing_changed_nothing_is_attributed(values in prop::collection::vec(-1.0_f32..1.0, 24), at in 0_usize..12) {
        let device = device::default().autodiff();
        let weights: Vec<f32> = (0..24 * CLASSES).map(|i| (i % 7) as f32 - 3.0).collect();
        let weights = tensor(&weights, 24, &device);
        let image = Array3::from_shape_vec(SHAPE, values).unwrap();
        let mut baseline = image.clone();
        baseline[[0, at / 4, at % 4]] += 1.0;
        let logits = |x: Tensor<4>| x.flatten::<2>(1, 3).matmul(weights.clone());
        let found = integrated_gradients(image.view(), baseline.view(), 1, 3, &device, logits).unwrap();
        for ((row, column), &value) in found.map.values.indexed_iter() {
            let expected = if 4 * row + column == at { -f64::from(((at * CLASSES + 1) % 7) as f32 - 3.0) } else { 0.0 };
            prop_assert!((value - expected).abs() < 1e-5, "({row}, {column}): {value}, not {expected}");
        }
    }
}

#[test]
fn a_backbone_can_be_asked() {
    let device = device::default().autodiff();
    device.seed(3);
    let stage = Stage {
        expansion: 2,
        channels: 8,
        blocks: 2,
        stride: 2,
        kernel: 3,
    };
    let config = InvertedConfig {
        channels: 1,
        stem: 8,
        stages: vec![stage],
        head: 4,
        padding: Padding::Same,
        epsilon: 1e-3,
        scaling: Scaling::symmetric(),
    };
    let mut network = config.init(&device);
    // Statistics that stay: the gradient is that of the network that predicts.
    let names = melisma_neural::import::Names::Timm;
    use melisma_neural::import::Published;
    let weights = network.store(names).unwrap();
    let network = network.load(&weights, names).unwrap();
    let image = Array3::from_shape_fn((1, 16, 16), |(_, y, x)| ((y * 5 + x * 3) % 11) as f32 / 11.0);
    let baseline = Array3::from_elem((1, 16, 16), 0.5);
    let found = integrated_gradients(image.view(), baseline.view(), 2, 200, &device, |x| {
        network.features(x)
    })
    .unwrap();
    assert!(found.difference.abs() > 1e-3, "{}", found.difference);
    assert!(
        found.residual().abs() < 0.02 * found.difference.abs() + 1e-4,
        "{} of {}",
        found.residual(),
        found.difference
    );
}

#[test]
fn what_does_not_fit_is_refused() {
    let image = Array3::<f32>::zeros(SHAPE);
    let logits = |x: Tensor<4>| x.flatten::<2>(1, 3);
    let ask = |device: Device, class, steps, baseline: &Array3<f32>| {
        let found = integrated_gradients(image.view(), baseline.view(), class, steps, &device, logits);
        found.unwrap_err().to_string()
    };
    let with = device::default().autodiff();
    assert!(ask(device::default(), 0, 4, &image).contains("no gradients"));
    assert!(ask(with.clone(), 24, 4, &image).contains("no class 24"));
    assert!(ask(with.clone(), 0, 0, &image).contains("0 steps"));
    assert!(ask(with, 0, 4, &Array3::zeros((1, 3, 4))).contains("baseline"));
}
