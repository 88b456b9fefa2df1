//! ResNet50V2 (K. He, X. Zhang, S. Ren, J. Sun, *Identity Mappings in Deep Residual Networks*, ECCV 2016) without its last layer:
//! 2,048 values, 23,564,800 parameters as in Keras applications.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, PaddingConfig2d};
use burn::tensor::module::max_pool2d;
use burn::tensor::ops::{MaxPoolOptions, PadMode};
use burn::tensor::{Device, Tensor, activation};

use crate::backbones::layers::{Backbone, Layer, Scaling, he, list_conv, pooled};

/// How many times wider a block's end is than its middle.
const EXPANSION: usize = 4;

/// Which of the published variants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Variant {
    /// Keras's: a stage's last block halves the image, convolutions that no batch norm follows have biases.
    #[default]
    Keras,
    /// timm's `resnetv2_50`: a stage's first block halves the image, no biases.
    Timm,
}

/// What a [`ResNetV2`] consists of.
#[derive(Debug, Clone, PartialEq)]
pub struct ResNetV2Config {
    /// Channels of the images.
    pub channels: usize,
    /// Channels of the first convolution; 64 as published.
    pub width: usize,
    /// Blocks of the four stages; 3, 4, 6, 3 in ResNet50V2.
    pub blocks: [usize; 4],
    /// Which of the published variants.
    pub variant: Variant,
    /// What the images are scaled to.
    pub scaling: Scaling,
}

impl ResNetV2Config {
    /// ResNet50V2 for images of so many channels and any size; the published weights are for 224 x 224 and three channels.
    pub fn resnet50(channels: usize, variant: Variant) -> ResNetV2Config {
        let scaling = match variant {
            Variant::Keras => Scaling::symmetric(),
            Variant::Timm => Scaling::imagenet(),
        };
        ResNetV2Config {
            channels,
            width: 64,
            blocks: [3, 4, 6, 3],
            variant,
            scaling,
        }
    }

    /// The network with random weights (from the device's seed).
    pub fn init(&self, device: &Device) -> ResNetV2 {
        let mut blocks = Vec::new();
        let mut incoming = self.width;
        let mut stages = Vec::new();
        for (stage, &count) in self.blocks.iter().enumerate() {
            let inside = self.width << stage;
            for i in 0..count {
                let halves = match self.variant {
                    Variant::Keras => stage < 3 && i + 1 == count,
                    Variant::Timm => stage > 0 && i == 0,
                };
                blocks.push(self.block(incoming, inside, i == 0, if halves { 2 } else { 1 }, device));
                incoming = inside * EXPANSION;
            }
            stages.push(count);
        }
        let stem = Conv2dConfig::new([self.channels, self.width], [7, 7])
            .with_stride([2, 2])
            .with_padding(PaddingConfig2d::Explicit(3, 3, 3, 3))
            .with_bias(self.biased())
            .with_initializer(he());
        ResNetV2 {
            stem: stem.init(device),
            blocks,
            norm: self.norm(incoming, device),
            zero_padded: self.variant == Variant::Keras,
            stages,
            scaling: self.scaling.clone(),
        }
    }

    fn biased(&self) -> bool {
        self.variant == Variant::Keras
    }

    fn norm(&self, channels: usize, device: &Device) -> BatchNorm {
        let epsilon = match self.variant {
            Variant::Keras => 1.001e-5,
            Variant::Timm => 1e-5,
        };
        BatchNormConfig::new(channels).with_epsilon(epsilon).init(device)
    }

    fn block(&self, incoming: usize, inside: usize, first: bool, stride: usize, device: &Device) -> Block {
        let conv = |from, to, kernel: usize, stride: usize, bias| {
            let half = kernel / 2;
            Conv2dConfig::new([from, to], [kernel; 2])
                .with_stride([stride; 2])
                .with_padding(PaddingConfig2d::Explicit(half, half, half, half))
                .with_bias(bias)
                .with_initializer(he())
                .init(device)
        };
        let outgoing = inside * EXPANSION;
        Block {
            norm1: self.norm(incoming, device),
            shortcut: first.then(|| conv(incoming, outgoing, 1, stride, self.biased())),
            conv1: conv(incoming, inside, 1, 1, false),
            norm2: self.norm(inside, device),
            conv2: conv(inside, inside, 3, stride, false),
            norm3: self.norm(inside, device),
            conv3: conv(inside, outgoing, 1, 1, self.biased()),
            stride,
        }
    }
}

/// A bottleneck whose batch norms and rectifiers stand before its convolutions.
#[derive(Module, Debug)]
pub struct Block {
    pub(crate) norm1: BatchNorm,
    pub(crate) shortcut: Option<Conv2d>,
    pub(crate) conv1: Conv2d,
    pub(crate) norm2: BatchNorm,
    pub(crate) conv2: Conv2d,
    pub(crate) norm3: BatchNorm,
    pub(crate) conv3: Conv2d,
    stride: usize,
}

impl Block {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let ready = activation::relu(self.norm1.forward(x.clone()));
        let beside = match &self.shortcut {
            Some(conv) => conv.forward(ready.clone()),
            None if self.stride > 1 => every(x, self.stride),
            None => x,
        };
        let out = self.conv1.forward(ready);
        let out = self.conv2.forward(activation::relu(self.norm2.forward(out)));
        beside + self.conv3.forward(activation::relu(self.norm3.forward(out)))
    }

    fn list(&self, name: &str, shape: &mut [usize; 3], layers: &mut Vec<Layer>) {
        list_norm(&format!("{name}.norm1"), *shape, layers);
        if let Some(conv) = &self.shortcut {
            list_conv(conv, &format!("{name}.shortcut"), &mut shape.clone(), layers);
        }
        list_conv(&self.conv1, &format!("{name}.conv1"), shape, layers);
        list_norm(&format!("{name}.norm2"), *shape, layers);
        list_conv(&self.conv2, &format!("{name}.conv2"), shape, layers);
        list_norm(&format!("{name}.norm3"), *shape, layers);
        list_conv(&self.conv3, &format!("{name}.conv3"), shape, layers);
    }
}

/// Every so many rows and columns, from the first.
fn every(x: Tensor<4>, stride: usize) -> Tensor<4> {
    max_pool2d(x, MaxPoolOptions::new([1, 1]).with_stride([stride; 2]))
}

fn list_norm(name: &str, shape: [usize; 3], layers: &mut Vec<Layer>) {
    layers.push(Layer {
        name: name.to_owned(),
        output: shape.to_vec(),
        parameters: 4 * shape[0],
    });
}

/// A residual network with batch norms before convolutions.
#[derive(Module, Debug)]
pub struct ResNetV2 {
    pub(crate) stem: Conv2d,
    pub(crate) blocks: Vec<Block>,
    pub(crate) norm: BatchNorm,
    /// Whether zeros stand around what the first maximum is taken of, and win over negative values.
    zero_padded: bool,
    /// Blocks of each stage.
    pub(crate) stages: Vec<usize>,
    #[module(skip)]
    scaling: Scaling,
}

impl ResNetV2 {
    fn first_pool(&self, x: Tensor<4>) -> Tensor<4> {
        let (x, around) = if self.zero_padded {
            (x.pad((1, 1, 1, 1), PadMode::Constant(0.0)), [0, 0])
        } else {
            (x, [1, 1])
        };
        max_pool2d(
            x,
            MaxPoolOptions::new([3, 3])
                .with_stride([2, 2])
                .with_padding(around),
        )
    }
}

impl Backbone for ResNetV2 {
    fn channels(&self) -> usize {
        self.stem.weight.dims()[1]
    }

    fn width(&self) -> usize {
        self.norm.gamma.dims()[0]
    }

    fn features(&self, images: Tensor<4>) -> Tensor<2> {
        let x = self.first_pool(self.stem.forward(self.scaling.apply(images, self.channels())));
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x));
        pooled(activation::relu(self.norm.forward(x)))
    }

    fn layers(&self, image: [usize; 3]) -> Vec<Layer> {
        let mut shape = image;
        let mut layers = Vec::new();
        list_conv(&self.stem, "stem", &mut shape, &mut layers);
        shape = [shape[0], shape[1].div_ceil(2), shape[2].div_ceil(2)];
        layers.push(Layer {
            name: "max_pool".to_owned(),
            output: shape.to_vec(),
            parameters: 0,
        });
        for (i, block) in self.blocks.iter().enumerate() {
            block.list(&format!("blocks.{i}"), &mut shape, &mut layers);
        }
        list_norm("norm", shape, &mut layers);
        layers.push(Layer {
            name: "pool".to_owned(),
            output: vec![shape[0]],
            parameters: 0,
        });
        layers
    }
}
