//! The published architectures: their parameter counts, their names, and their embeddings beside those of torchvision, timm and Keras
//! with the same weights (a formula gives them: `golden/backbones.py`).

use burn::module::Module;
use burn::tensor::{Tensor, TensorData};
use melisma_ears::weights::{Array, Weights, safetensors};
use melisma_neural::backbones::efficientnet_lite0::efficientnet_lite0;
use melisma_neural::backbones::embed;
use melisma_neural::backbones::inverted::{Inverted, InvertedConfig, Stage};
use melisma_neural::backbones::layers::{Backbone, Layer, Padding, Scaling};
use melisma_neural::backbones::mobilenet_v2::mobilenet_v2;
use melisma_neural::backbones::resnet_v2::{ResNetV2Config, Variant};
use melisma_neural::backbones::vgg16::Vgg16Config;
use melisma_neural::backbones::vit::VitConfig;
use melisma_neural::import::{Convolution, Names, Published, load_convolutions};
use melisma_neural::train::Samples;
use melisma_neural::{device, import};
use ndarray::Array3;

const GOLDEN: &str = include_str!("golden/backbones.json");

/// The array that the golden script makes for a name.
fn array(name: &str, shape: &[usize]) -> Array {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, byte| {
        (h ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    let fan_in: usize = shape[1..].iter().product();
    let scale = (6.0 / fan_in as f64).sqrt();
    let positive = name.ends_with("running_var") || (shape.len() == 1 && name.ends_with("weight"));
    let number = |i: usize| {
        let mut z = hash.wrapping_add((i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        let u = (z >> 40) as f64 / f64::from(1 << 24);
        let value = match (positive, shape.len()) {
            (true, _) => 0.5 + u,
            (_, 1) => (u - 0.5) * 0.2,
            _ => (u - 0.5) * scale,
        };
        value as f32
    };
    Array::new(shape.to_vec(), (0..shape.iter().product()).map(number).collect()).unwrap()
}

/// The network with the golden script's weights.
fn filled<N: Published>(mut network: N, names: Names) -> N {
    let like = network.store(names).unwrap();
    let weights = like
        .iter()
        .map(|(name, a)| (name.clone(), array(name, a.shape())))
        .collect();
    network.load(&weights, names).unwrap()
}

/// The golden script's image.
fn image(side: usize) -> Tensor<4> {
    let mut values = Vec::with_capacity(3 * side * side);
    for channel in 0..3 {
        for y in 0..side {
            for x in 0..side {
                let byte = (3 * y + 2 * x * (channel + 1) + 5 * (x * y / 64)) % 256;
                values.push(byte as f32 / 255.0);
            }
        }
    }
    Tensor::from_data(TensorData::new(values, [1, 3, side, side]), &device::default())
}

fn agrees(name: &str, network: &impl Backbone) {
    let golden: serde_json::Value = serde_json::from_str(GOLDEN).unwrap();
    let golden = &golden[name];
    let side = golden["side"].as_u64().unwrap() as usize;
    let found: Vec<f32> = network.features(image(side)).into_data().try_to_vec().unwrap();
    assert_eq!(found.len() as u64, golden["length"].as_u64().unwrap(), "{name}");
    assert_eq!(found.len(), network.width(), "{name}");
    let expected: Vec<f64> = golden["every_16th"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap())
        .collect();
    let most = expected.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
    for (i, expected) in expected.iter().enumerate() {
        let found = f64::from(found[16 * i]);
        assert!(
            (found - expected).abs() < 1e-4 * most,
            "{name}, value {}: {found}, not {expected}",
            16 * i
        );
    }
}

fn parameters(layers: &[Layer]) -> usize {
    layers.iter().map(|layer| layer.parameters).sum()
}

#[test]
fn mobilenet_v2_is_torchvisions_and_timms() {
    let mut config = mobilenet_v2(3, 1.0);
    (config.padding, config.epsilon) = (Padding::Symmetric, 1e-5);
    for (name, names) in [
        ("mobilenet_v2_torchvision", Names::Torchvision),
        ("mobilenet_v2_timm", Names::Timm),
    ] {
        agrees(name, &filled(config.init(&device::default()), names));
    }
}

#[test]
fn efficientnet_lite0_is_timms() {
    let network = filled(efficientnet_lite0(3).init(&device::default()), Names::Timm);
    agrees("efficientnet_lite0_timm", &network);
}

#[test]
fn resnet_v2_is_timms_and_kerass() {
    for (name, variant) in [
        ("resnet_v2_timm", Variant::Timm),
        ("resnet_v2_keras", Variant::Keras),
    ] {
        let network = ResNetV2Config::resnet50(3, variant).init(&device::default());
        agrees(name, &filled(network, Names::Timm));
    }
}

#[test]
fn vgg16_is_torchvisions() {
    let network = Vgg16Config::new(3).init(&device::default());
    agrees("vgg16_torchvision", &filled(network, Names::Torchvision));
}

#[test]
fn vit_is_torchvisions_and_timms() {
    let config = VitConfig {
        side: 32,
        patch: 8,
        width: 32,
        inside: 64,
        blocks: 3,
        heads: 4,
        ..VitConfig::base16(3)
    };
    for (name, names) in [("vit_torchvision", Names::Torchvision), ("vit_timm", Names::Timm)] {
        agrees(name, &filled(config.init(&device::default()), names));
    }
}

#[test]
fn parameter_counts_are_the_published_ones() {
    let device = device::default();
    let mobile = mobilenet_v2(3, 1.0).init(&device);
    assert_eq!(parameters(&mobile.layers([3, 224, 224])), 2_257_984);
    assert_eq!(mobile.num_params(), 2_257_984);
    let half = mobilenet_v2(3, 0.5).init(&device);
    assert_eq!(half.num_params(), 706_224);
    let lite = efficientnet_lite0(3).init(&device);
    // 4,652,008 less the last layer's 1,281,000, and the 42,016 running means and variances.
    assert_eq!(lite.num_params(), 4_652_008 - 1_281_000 + 42_016);
    assert_eq!(parameters(&lite.layers([3, 224, 224])), lite.num_params());
    let vgg = Vgg16Config::new(3).init(&device);
    assert_eq!(vgg.num_params(), 14_714_688);
    assert_eq!(parameters(&vgg.layers([3, 224, 224])), 14_714_688);
    let resnet = ResNetV2Config::resnet50(3, Variant::Keras).init(&device);
    assert_eq!(resnet.num_params(), 23_564_800);
    assert_eq!(parameters(&resnet.layers([3, 224, 224])), 23_564_800);
    let vit = VitConfig::base16(3).init(&device);
    let layers = vit.layers([3, 224, 224]);
    assert_eq!(vit.num_params(), 85_798_656);
    assert_eq!(parameters(&layers), 85_798_656);
    assert_eq!(layers[0].output, [768, 14, 14]);
}

#[test]
fn layers_have_the_shapes_that_come_out() {
    let mobile = mobilenet_v2(1, 1.0).init(&device::default());
    let layers = mobile.layers([1, 256, 256]);
    let shape = |name: &str| layers.iter().find(|l| l.name == name).unwrap().output.clone();
    assert_eq!(shape("stem"), [32, 128, 128]);
    assert_eq!(shape("blocks.16.project"), [320, 8, 8]);
    assert_eq!(layers.last().unwrap().output, [1280]);
}

#[test]
fn a_network_of_three_channels_sees_grey_images() {
    let network = tiny().init(&device::default());
    let grey = Tensor::<4>::ones([2, 1, 20, 30], &device::default()).mul_scalar(0.3);
    let colour = grey.clone().repeat_dim(1, 3);
    let [a, b] = [grey, colour].map(|x| network.features(x).into_data());
    assert_eq!(a, b);
}

/// A small relative of the published networks.
fn tiny() -> InvertedConfig {
    let stage = |expansion, channels, stride| Stage {
        expansion,
        channels,
        blocks: 2,
        stride,
        kernel: 3,
    };
    InvertedConfig {
        channels: 3,
        stem: 8,
        stages: vec![stage(1, 8, 1), stage(2, 16, 2)],
        head: 24,
        padding: Padding::Same,
        epsilon: 1e-3,
        scaling: Scaling::symmetric(),
    }
}

fn stored(network: Inverted, names: Names) -> Weights {
    filled(network, names).store(names).unwrap()
}

#[test]
fn what_is_stored_is_loaded_again() {
    let device = device::default();
    for names in [Names::Torchvision, Names::Timm, Names::EfficientnetPytorch] {
        let weights = stored(tiny().init(&device), names);
        let weights = safetensors::read(&safetensors::write(&weights).unwrap()).unwrap();
        let mut again = tiny().init(&device).load(&weights, names).unwrap();
        assert_eq!(again.store(names).unwrap(), weights);
        // Arrays of a classifier are left alone.
        let mut more = weights.clone();
        more.insert(
            "classifier.weight".to_owned(),
            Array::new(vec![1], vec![f32::NAN]).unwrap(),
        );
        assert!(tiny().init(&device).load(&more, names).is_ok());
    }
}

#[test]
fn weights_that_do_not_fit_are_refused_by_name() {
    let device = device::default();
    let names = Names::Torchvision;
    let weights = stored(tiny().init(&device), names);
    let name = "features.2.conv.1.weight";
    assert!(weights.contains_key(name), "{:?}", weights.keys());
    let refused = |change: &dyn Fn(&mut Weights)| {
        let mut weights = weights.clone();
        change(&mut weights);
        let fault = tiny()
            .init(&device)
            .load(&weights, names)
            .map(|_| ())
            .unwrap_err()
            .to_string();
        assert!(fault.contains(name), "{fault}");
    };
    refused(&|w| {
        w.remove(name);
    });
    refused(&|w| {
        w.insert(name.to_owned(), Array::new(vec![2, 4], vec![0.0; 8]).unwrap());
    });
    refused(&|w| {
        let shape = w[name].shape().to_vec();
        let n = shape.iter().product();
        w.insert(
            name.to_owned(),
            Array::new(shape, vec![f32::INFINITY; n]).unwrap(),
        );
    });
    let vit = VitConfig {
        width: 8,
        inside: 8,
        blocks: 1,
        heads: 1,
        ..VitConfig::base16(1)
    };
    let fault = vit
        .init(&device)
        .store(Names::EfficientnetPytorch)
        .unwrap_err()
        .to_string();
    assert!(fault.contains("efficientnet_pytorch"), "{fault}");
}

/// The convolutions of a network with their batch norms folded in, as graphs for inference have them.
fn folded(network: Inverted) -> Vec<Convolution> {
    let names = Names::EfficientnetPytorch;
    let epsilon = tiny().epsilon as f32;
    let weights = stored(network, names);
    let fold = |conv: &str, norm: &str, stride: usize| {
        let of = |part: &str| weights[&format!("{norm}.{part}")].values().to_vec();
        let (gamma, beta, mean, variance) = (of("weight"), of("bias"), of("running_mean"), of("running_var"));
        let weight = &weights[&format!("{conv}.weight")];
        let size = weight.values().len() / gamma.len();
        let scale: Vec<f32> = gamma
            .iter()
            .zip(&variance)
            .map(|(g, v)| g / (v + epsilon).sqrt())
            .collect();
        let values = weight
            .values()
            .iter()
            .enumerate()
            .map(|(i, w)| w * scale[i / size])
            .collect();
        let bias = (0..scale.len()).map(|i| beta[i] - mean[i] * scale[i]).collect();
        Convolution {
            weight: Array::new(weight.shape().to_vec(), values).unwrap(),
            bias: Array::new(vec![scale.len()], bias).unwrap(),
            stride,
        }
    };
    let mut all = vec![fold("_conv_stem", "_bn0", 2)];
    for i in 0..4 {
        for (conv, norm) in [
            ("_expand_conv", "_bn0"),
            ("_depthwise_conv", "_bn1"),
            ("_project_conv", "_bn2"),
        ] {
            if weights.contains_key(&format!("_blocks.{i}.{conv}.weight")) {
                let stride = if i == 2 && conv == "_depthwise_conv" { 2 } else { 1 };
                all.push(fold(
                    &format!("_blocks.{i}.{conv}"),
                    &format!("_blocks.{i}.{norm}"),
                    stride,
                ));
            }
        }
    }
    all.push(fold("_conv_head", "_bn1", 1));
    all
}

#[test]
fn a_graph_with_folded_batch_norms_gives_the_same() {
    let device = device::default();
    let network = filled(tiny().init(&device), Names::EfficientnetPytorch);
    let mut graph = folded(tiny().init(&device));
    let again = load_convolutions(tiny().init(&device), &graph).unwrap();
    let [a, b]: [Vec<f32>; 2] =
        [network, again].map(|n| n.features(image(33)).into_data().try_to_vec().unwrap());
    for (a, b) in a.iter().zip(&b) {
        assert!((a - b).abs() < 1e-5, "{a} {b}");
    }
    graph[1].stride = 2;
    let fault = load_convolutions(tiny().init(&device), &graph)
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert!(fault.contains("stride of convolution 2"), "{fault}");
    graph[1].stride = 1;
    graph[2].weight = Array::new(vec![3], vec![0.0; 3]).unwrap();
    let fault = load_convolutions(tiny().init(&device), &graph)
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert!(fault.contains("weight of convolution 3"), "{fault}");
    let fault = load_convolutions(tiny().init(&device), &graph[..2])
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert!(fault.contains("2 convolutions"), "{fault}");
}

#[test]
fn embeddings_keep_what_belongs_to_their_images() {
    let device = device::default();
    let network = filled(tiny().init(&device), Names::Timm);
    let values: Vec<f32> = (0..10 * 12 * 9).map(|i| (i % 23) as f32 / 23.0).collect();
    let labels: Vec<usize> = (0..10).map(|i| i % 2).collect();
    let images = Samples::new(&[1, 12, 9], values.clone(), labels.clone(), 2).unwrap();
    let images = images
        .with_groups((0..10).collect())
        .unwrap()
        .with_weights(vec![0.5; 10])
        .unwrap();
    let found = embed(&network, &images, &device).unwrap();
    assert_eq!(
        (found.shape(), found.len(), found.labels()),
        (&[24][..], 10, &labels[..])
    );
    assert_eq!(
        (found.groups(), found.weights()),
        (images.groups(), images.weights())
    );
    // The ninth image stands in the second batch.
    let ninth = Tensor::from_data(TensorData::new(images.row(8).to_vec(), [1, 1, 12, 9]), &device);
    let ninth: Vec<f32> = network.features(ninth).into_data().try_to_vec().unwrap();
    for (a, b) in found.row(8).iter().zip(&ninth) {
        assert!((a - b).abs() < 1e-6, "{a} {b}");
    }
    let rows = Samples::new(&[108], values.clone(), labels.clone(), 2).unwrap();
    assert!(
        embed(&network, &rows, &device)
            .unwrap_err()
            .to_string()
            .contains("images")
    );
    let two = Samples::new(&[2, 6, 9], values, labels, 2).unwrap();
    assert!(
        embed(&network, &two, &device)
            .unwrap_err()
            .to_string()
            .contains("2 channels")
    );
}

/// Asserts that the folded network gives the same.
fn folds(network: &Inverted, [channels, height, width]: [usize; 3]) {
    let values: Vec<f32> = (0..channels * height * width)
        .map(|i| (i * 7 % 31) as f32 / 31.0)
        .collect();
    let image = TensorData::new(values.clone(), [1, channels, height, width]);
    let expected = network
        .features(Tensor::from_data(image, &device::default()))
        .into_data();
    let expected: Vec<f32> = expected.try_to_vec().unwrap();
    let image = Array3::from_shape_vec((channels, height, width), values).unwrap();
    let found = network.folded().features(image.view());
    assert_eq!(found.len(), expected.len());
    let most = expected.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
    for (a, b) in found.iter().zip(&expected) {
        assert!((a - b).abs() < 1e-4 * most, "{a}, not {b}");
    }
}

#[test]
fn a_folded_network_gives_the_same() {
    let device = device::default();
    for padding in [Padding::Same, Padding::Symmetric] {
        for shape in [[3, 33, 20], [1, 16, 31], [3, 2, 2]] {
            let config = InvertedConfig {
                padding,
                scaling: Scaling::imagenet(),
                ..tiny()
            };
            folds(&filled(config.init(&device), Names::Timm), shape);
        }
    }
    // Kernels of five, and channels that fill whole vectors and more.
    folds(
        &filled(efficientnet_lite0(3).init(&device), Names::Timm),
        [3, 70, 65],
    );
}

#[test]
fn a_folded_network_embeds_the_same() {
    let device = device::default();
    let network = filled(tiny().init(&device), Names::Timm);
    let values: Vec<f32> = (0..5 * 12 * 9).map(|i| (i % 23) as f32 / 23.0).collect();
    let images = Samples::new(&[1, 12, 9], values, vec![0, 1, 0, 1, 1], 2).unwrap();
    let [a, b] = [network.folded().embed(&images), embed(&network, &images, &device)].map(Result::unwrap);
    assert_eq!((a.labels(), a.shape()), (b.labels(), b.shape()));
    for i in 0..5 {
        for (a, b) in a.row(i).iter().zip(b.row(i)) {
            assert!((a - b).abs() < 1e-4, "{a} {b}");
        }
    }
    let rows = Samples::new(&[2], vec![0.0; 4], vec![0, 1], 2).unwrap();
    assert!(
        network
            .folded()
            .embed(&rows)
            .unwrap_err()
            .to_string()
            .contains("images")
    );
}

/// The ONNX file of MobileNetV2, unpacked.
#[cfg(melisma_data)]
fn mobilenet_onnx() -> Vec<u8> {
    let path = std::path::Path::new(env!("MELISMA_TEST_DATA")).join("models/mobilenet_v2_1.0_224.onnx.xz");
    let store = tempfile::tempdir().unwrap();
    let store = melisma_ears::store::Store::at(store.path());
    let known = melisma_ears::store::find("mobilenet-v2").unwrap();
    store.install_file(known, &path).unwrap();
    store.bytes("mobilenet-v2").unwrap()
}

#[cfg(not(melisma_data))]
fn mobilenet_onnx() -> Vec<u8> {
    Vec::new()
}

#[test]
#[cfg_attr(not(melisma_data), ignore = "needs the data folder")]
fn the_published_mobilenet_v2_is_onnxruntimes() {
    let onnx = mobilenet_onnx();
    let network = import::mobilenet_v2(&onnx, &device::default()).unwrap();
    agrees("mobilenet_v2_onnx", &network);
    folds(&network, [3, 224, 224]);
    assert!(import::mobilenet_v2(&onnx[..onnx.len() / 2], &device::default()).is_err());
}
