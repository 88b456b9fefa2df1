//! The Vision Transformer (A. Dosovitskiy et al., *An Image is Worth 16x16 Words*, ICLR 2021) without its last layer: the embedding is the
//! class token, 768 values in ViT-B/16 with 85,798,656 parameters as in torchvision.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Initializer, LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::{Device, Tensor, activation};

use crate::backbones::layers::{Backbone, Layer, Scaling, list_conv};

/// Added to variances, as in the paper's code.
const EPSILON: f64 = 1e-6;
/// Deviation of the initial positions and the class token.
const POSITION_DEVIATION: f64 = 0.02;

/// What a [`Vit`] consists of.
#[derive(Debug, Clone, PartialEq)]
pub struct VitConfig {
    /// Channels of the images.
    pub channels: usize,
    /// Side of the images, a multiple of `patch`.
    pub side: usize,
    /// Side of a patch.
    pub patch: usize,
    /// Values of a token, a multiple of `heads`.
    pub width: usize,
    /// Values inside the dense part of a block.
    pub inside: usize,
    /// Blocks.
    pub blocks: usize,
    /// Heads of the attention.
    pub heads: usize,
    /// What the images are scaled to.
    pub scaling: Scaling,
}

impl VitConfig {
    /// ViT-B/16 for images of so many channels and 224 x 224 pixels.
    pub fn base16(channels: usize) -> VitConfig {
        VitConfig {
            channels,
            side: 224,
            patch: 16,
            width: 768,
            inside: 3072,
            blocks: 12,
            heads: 12,
            scaling: Scaling::imagenet(),
        }
    }

    /// The network with random weights (from the device's seed).
    ///
    /// # Panics
    /// Where `side` is no multiple of `patch`, or `width` none of `heads`.
    pub fn init(&self, device: &Device) -> Vit {
        assert!(self.side.is_multiple_of(self.patch), "patches fill the image");
        assert!(self.width.is_multiple_of(self.heads), "heads share the token");
        let tokens = (self.side / self.patch).pow(2) + 1;
        let normal = Initializer::Normal {
            mean: 0.0,
            std: POSITION_DEVIATION,
        };
        let linear = |from, to| {
            let glorot = Initializer::XavierUniform { gain: 1.0 };
            LinearConfig::new(from, to).with_initializer(glorot).init(device)
        };
        let norm = || {
            LayerNormConfig::new(self.width)
                .with_epsilon(EPSILON)
                .init(device)
        };
        let block = |_| Block {
            norm1: norm(),
            qkv: linear(self.width, 3 * self.width),
            out: linear(self.width, self.width),
            norm2: norm(),
            dense1: linear(self.width, self.inside),
            dense2: linear(self.inside, self.width),
            heads: self.heads,
        };
        let patches = Conv2dConfig::new([self.channels, self.width], [self.patch; 2]);
        Vit {
            patches: patches.with_stride([self.patch; 2]).init(device),
            class: normal.init([1, 1, self.width], device),
            positions: normal.init([1, tokens, self.width], device),
            blocks: (0..self.blocks).map(block).collect(),
            norm: norm(),
            scaling: self.scaling.clone(),
        }
    }
}

/// Attention between tokens, then a dense part for each, both added to what came in.
#[derive(Module, Debug)]
pub struct Block {
    pub(crate) norm1: LayerNorm,
    /// Queries, keys and values of all heads.
    pub(crate) qkv: Linear,
    pub(crate) out: Linear,
    pub(crate) norm2: LayerNorm,
    pub(crate) dense1: Linear,
    pub(crate) dense2: Linear,
    heads: usize,
}

impl Block {
    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let x = x.clone() + self.attend(self.norm1.forward(x));
        let inside = activation::gelu(self.dense1.forward(self.norm2.forward(x.clone())));
        x + self.dense2.forward(inside)
    }

    fn attend(&self, x: Tensor<3>) -> Tensor<3> {
        let [n, tokens, width] = x.dims();
        let head = width / self.heads;
        let qkv = self
            .qkv
            .forward(x)
            .reshape([n, tokens, 3 * self.heads, head])
            .swap_dims(1, 2);
        let part = |i: usize| qkv.clone().narrow(1, i * self.heads, self.heads);
        let scores = part(0)
            .matmul(part(1).swap_dims(2, 3))
            .div_scalar((head as f32).sqrt());
        let mixed = activation::softmax(scores, 3).matmul(part(2));
        self.out
            .forward(mixed.swap_dims(1, 2).reshape([n, tokens, width]))
    }

    fn list(&self, name: &str, tokens: usize, layers: &mut Vec<Layer>) {
        let [width, inside] = self.dense1.weight.dims();
        let mut add = |part: &str, values, parameters| {
            layers.push(Layer {
                name: format!("{name}.{part}"),
                output: vec![tokens, values],
                parameters,
            });
        };
        add("norm1", width, 2 * width);
        add("attention", width, 4 * width * (width + 1));
        add("norm2", width, 2 * width);
        add("dense1", inside, (width + 1) * inside);
        add("dense2", width, (inside + 1) * width);
    }
}

/// A transformer over the patches of an image.
#[derive(Module, Debug)]
pub struct Vit {
    pub(crate) patches: Conv2d,
    pub(crate) class: Param<Tensor<3>>,
    pub(crate) positions: Param<Tensor<3>>,
    pub(crate) blocks: Vec<Block>,
    pub(crate) norm: LayerNorm,
    #[module(skip)]
    scaling: Scaling,
}

impl Backbone for Vit {
    fn channels(&self) -> usize {
        self.patches.weight.dims()[1]
    }

    fn width(&self) -> usize {
        self.class.dims()[2]
    }

    /// # Panics
    /// Where the images have another size than the network was made for.
    fn features(&self, images: Tensor<4>) -> Tensor<2> {
        let width = self.width();
        let n = images.dims()[0];
        let patches = self
            .patches
            .forward(self.scaling.apply(images, self.channels()))
            .flatten::<3>(2, 3)
            .swap_dims(1, 2);
        let class = self.class.val().repeat_dim(0, n);
        let x = Tensor::cat(vec![class, patches], 1) + self.positions.val();
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x));
        self.norm.forward(x.narrow(1, 0, 1)).reshape([n, width])
    }

    fn layers(&self, image: [usize; 3]) -> Vec<Layer> {
        let [_, tokens, width] = self.positions.dims();
        let mut layers = Vec::new();
        list_conv(&self.patches, "patches", &mut image.clone(), &mut layers);
        let parameters = width + tokens * width;
        layers.push(Layer {
            name: "class_and_positions".to_owned(),
            output: vec![tokens, width],
            parameters,
        });
        for (i, block) in self.blocks.iter().enumerate() {
            block.list(&format!("blocks.{i}"), tokens, &mut layers);
        }
        layers.push(Layer {
            name: "norm".to_owned(),
            output: vec![width],
            parameters: 2 * width,
        });
        layers
    }
}
