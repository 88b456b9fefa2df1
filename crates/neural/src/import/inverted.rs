//! The arrays of MobileNetV2 and EfficientNet-Lite0.
//!
//! | part | torchvision (MobileNetV2) | efficientnet_pytorch (EfficientNet-Lite0) |
//! |---|---|---|
//! | first convolution | `features.0.0`, `features.0.1` | `_conv_stem`, `_bn0` |
//! | block `i` from 0: expansion | `features.{i+1}.conv.0.0`, `.0.1` | `_blocks.{i}._expand_conv`, `._bn0` |
//! | depthwise | `features.{i+1}.conv.1.0`, `.1.1` | `._depthwise_conv`, `._bn1` |
//! | projection | `features.{i+1}.conv.2`, `.3` | `._project_conv`, `._bn2` |
//! | last convolution | `features.18.0`, `features.18.1` | `_conv_head`, `_bn1` |
//!
//! Where torchvision's block has no expansion, its numbers are one lower. timm's names are those of its `mobilenetv2_100` and
//! `tf_efficientnet_lite0`: `conv_stem`, `bn1`, `blocks.{stage}.{block}.conv_pw` and so on, `conv_head`, `bn2`.

use melisma_ears::weights::{Array, Fault};

use super::slot::Slot;
use super::{Names, Published, Walker};
use crate::backbones::inverted::Inverted;
use crate::backbones::layers::{ConvNorm, settle};

impl Walker<'_> {
    fn pair(&mut self, conv: &str, norm: &str, layer: &mut ConvNorm) -> Result<(), Fault> {
        self.conv(conv, &mut layer.conv)?;
        self.norm(norm, &mut layer.norm)
    }
}

impl Published for Inverted {
    fn walk(&mut self, names: Names, walker: &mut Walker<'_>) -> Result<(), Fault> {
        let last = self.blocks.len() + 1;
        let (stem, head) = match names {
            Names::Torchvision => (
                ["features.0.0".to_owned(), "features.0.1".to_owned()],
                [format!("features.{last}.0"), format!("features.{last}.1")],
            ),
            Names::Timm => (
                ["conv_stem", "bn1"].map(str::to_owned),
                ["conv_head", "bn2"].map(str::to_owned),
            ),
            Names::EfficientnetPytorch => (
                ["_conv_stem", "_bn0"].map(str::to_owned),
                ["_conv_head", "_bn1"].map(str::to_owned),
            ),
        };
        walker.pair(&stem[0], &stem[1], &mut self.stem)?;
        let places = places(self);
        for (i, (block, (stage, of_stage))) in self.blocks.iter_mut().zip(places).enumerate() {
            let wide = block.expand.is_some();
            let names: [[String; 2]; 3] = match names {
                Names::Torchvision => {
                    let at = |j: usize, part: &str| format!("features.{}.conv.{j}{part}", i + 1);
                    let from = usize::from(wide);
                    [
                        [at(0, ".0"), at(0, ".1")],
                        [at(from, ".0"), at(from, ".1")],
                        [at(from + 1, ""), at(from + 2, "")],
                    ]
                }
                Names::Timm => {
                    let at = |name: &str| format!("blocks.{stage}.{of_stage}.{name}");
                    let [project, norms] = if wide {
                        ["conv_pwl", "123"]
                    } else {
                        ["conv_pw", "012"]
                    };
                    let norm = |j: usize| at(&format!("bn{}", &norms[j..=j]));
                    [
                        [at("conv_pw"), norm(0)],
                        [at("conv_dw"), norm(1)],
                        [at(project), norm(2)],
                    ]
                }
                Names::EfficientnetPytorch => {
                    let at = |name: &str| format!("_blocks.{i}.{name}");
                    [
                        [at("_expand_conv"), at("_bn0")],
                        [at("_depthwise_conv"), at("_bn1")],
                        [at("_project_conv"), at("_bn2")],
                    ]
                }
            };
            if let Some(expand) = &mut block.expand {
                walker.pair(&names[0][0], &names[0][1], expand)?;
            }
            walker.pair(&names[1][0], &names[1][1], &mut block.depthwise)?;
            walker.pair(&names[2][0], &names[2][1], &mut block.project)?;
        }
        walker.pair(&head[0], &head[1], &mut self.head)
    }
}

/// The stage of each block and its place there: a stage ends where the number of channels changes.
fn places(network: &Inverted) -> Vec<(usize, usize)> {
    let mut places: Vec<(usize, usize)> = Vec::new();
    let mut channels = None;
    for block in &network.blocks {
        let own = block.project.conv.weight.dims()[0];
        let next = match (places.last(), channels) {
            (Some(&(stage, of_stage)), Some(before)) if before == own => (stage, of_stage + 1),
            (Some(&(stage, _)), _) => (stage + 1, 0),
            (None, _) => (0, 0),
        };
        places.push(next);
        channels = Some(own);
    }
    places
}

/// A convolution of a graph whose batch norms were folded into it.
#[derive(Debug, Clone, PartialEq)]
pub struct Convolution {
    /// `[out, in by groups, height, width]`.
    pub weight: Array,
    /// `[out]`.
    pub bias: Array,
    /// Pixels from one place to the next.
    pub stride: usize,
}

/// The network with the convolutions of a graph, in the order in which an image passes them; those that follow (a classifier) are left
/// alone. Batch norms become the addition of the bias.
///
/// # Errors
/// Says which convolution is missing, of another shape or not finite.
pub fn load_convolutions(mut network: Inverted, graph: &[Convolution]) -> Result<Inverted, Fault> {
    let layers = network.convolutions();
    if graph.len() < layers.len() {
        return Err(Fault::new(format!(
            "{} convolutions, not {} or more",
            graph.len(),
            layers.len()
        )));
    }
    for (i, (layer, convolution)) in layers.into_iter().zip(graph).enumerate() {
        let fits = |what: &str, array: &Array, slot: &Slot<'_>| {
            if array.shape() != slot.shape() {
                let (found, asked) = (array.shape(), slot.shape());
                return Err(Fault::new(format!(
                    "the {what} of convolution {} is of shape {found:?}, not {asked:?}",
                    i + 1
                )));
            }
            if array.values().iter().any(|v| !v.is_finite()) {
                let fault = format!(
                    "the {what} of convolution {} holds values that are not finite",
                    i + 1
                );
                return Err(Fault::new(fault));
            }
            Ok(())
        };
        if convolution.stride != layer.conv.stride[0] {
            let (found, asked) = (convolution.stride, layer.conv.stride[0]);
            let fault = format!("the stride of convolution {} is {found}, not {asked}", i + 1);
            return Err(Fault::new(fault));
        }
        let weight = Slot::Four(&mut layer.conv.weight);
        fits("weight", &convolution.weight, &weight)?;
        weight.write(convolution.weight.values());
        let bias = Slot::One(&mut layer.norm.beta);
        fits("bias", &convolution.bias, &bias)?;
        bias.write(convolution.bias.values());
        pass(layer);
    }
    Ok(network)
}

/// Makes a layer's batch norm add its beta and nothing else.
fn pass(layer: &mut ConvNorm) {
    let channels = layer.conv.weight.dims()[0];
    let norm = &mut layer.norm;
    Slot::One(&mut norm.gamma).write(&vec![1.0; channels]);
    Slot::Running(&mut norm.running_mean).write(&vec![0.0; channels]);
    let variance = (1.0 - norm.epsilon) as f32;
    Slot::Running(&mut norm.running_var).write(&vec![variance; channels]);
    settle(norm);
}
