//! VGG16 (K. Simonyan, A. Zisserman, ICLR 2015) without its last layer: 512 values and 14,714,688 parameters as in Keras applications,
//! or with its two dense layers 4,096 values.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::module::{adaptive_avg_pool2d, max_pool2d};
use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{Device, Tensor, activation};

use crate::backbones::layers::{Backbone, Layer, Scaling, he, list_conv, pooled};

/// Convolutions between two maxima, and channels of each, in parts of the first's.
const STAGES: [(usize, usize); 5] = [(2, 1), (2, 2), (3, 4), (3, 8), (3, 8)];
/// Side of what the dense layers look at.
const DENSE_SIDE: usize = 7;

/// What a [`Vgg16`] consists of.
#[derive(Debug, Clone, PartialEq)]
pub struct Vgg16Config {
    /// Channels of the images.
    pub channels: usize,
    /// Channels of the first convolution; 64 as published.
    pub width: usize,
    /// Values of the two dense layers (4,096 as published); without them the means of the last channels are the embedding.
    pub dense: Option<usize>,
    /// What the images are scaled to.
    pub scaling: Scaling,
}

impl Vgg16Config {
    /// VGG16 without dense layers, for images of so many channels and at least 32 x 32 pixels.
    pub fn new(channels: usize) -> Vgg16Config {
        Vgg16Config {
            channels,
            width: 64,
            dense: None,
            scaling: Scaling::imagenet(),
        }
    }

    /// The network with random weights (from the device's seed).
    pub fn init(&self, device: &Device) -> Vgg16 {
        let mut convs = Vec::new();
        let mut incoming = self.channels;
        for (count, times) in STAGES {
            for _ in 0..count {
                let conv = Conv2dConfig::new([incoming, self.width * times], [3, 3])
                    .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                    .with_initializer(he());
                convs.push(conv.init(device));
                incoming = self.width * times;
            }
        }
        let dense = self.dense.map(|n| {
            let from = incoming * DENSE_SIDE * DENSE_SIDE;
            [LinearConfig::new(from, n), LinearConfig::new(n, n)]
                .map(|layer| layer.init(device))
                .to_vec()
        });
        Vgg16 {
            convs,
            dense: dense.unwrap_or_default(),
            scaling: self.scaling.clone(),
        }
    }
}

/// Convolutions of 3 x 3 with maxima between.
#[derive(Module, Debug)]
pub struct Vgg16 {
    pub(crate) convs: Vec<Conv2d>,
    pub(crate) dense: Vec<Linear>,
    #[module(skip)]
    scaling: Scaling,
}

/// The convolutions after which maxima of 2 x 2 are taken.
fn ends() -> [usize; 5] {
    let mut end = 0;
    STAGES.map(|(count, _)| {
        end += count;
        end - 1
    })
}

impl Backbone for Vgg16 {
    fn channels(&self) -> usize {
        self.convs[0].weight.dims()[1]
    }

    fn width(&self) -> usize {
        match self.dense.last() {
            Some(dense) => dense.weight.dims()[1],
            None => self.convs[self.convs.len() - 1].weight.dims()[0],
        }
    }

    fn features(&self, images: Tensor<4>) -> Tensor<2> {
        let mut x = self.scaling.apply(images, self.channels());
        let ends = ends();
        for (i, conv) in self.convs.iter().enumerate() {
            x = activation::relu(conv.forward(x));
            if ends.contains(&i) {
                x = max_pool2d(x, MaxPoolOptions::new([2, 2]));
            }
        }
        if self.dense.is_empty() {
            return pooled(x);
        }
        let x = adaptive_avg_pool2d(x, [DENSE_SIDE; 2]).flatten(1, 3);
        self.dense
            .iter()
            .fold(x, |x, dense| activation::relu(dense.forward(x)))
    }

    fn layers(&self, image: [usize; 3]) -> Vec<Layer> {
        let mut shape = image;
        let mut layers = Vec::new();
        let ends = ends();
        for (i, conv) in self.convs.iter().enumerate() {
            list_conv(conv, &format!("conv.{i}"), &mut shape, &mut layers);
            if ends.contains(&i) {
                shape = [shape[0], shape[1] / 2, shape[2] / 2];
                layers.push(Layer {
                    name: "max_pool".to_owned(),
                    output: shape.to_vec(),
                    parameters: 0,
                });
            }
        }
        let output = if self.dense.is_empty() {
            vec![shape[0]]
        } else {
            vec![shape[0], DENSE_SIDE, DENSE_SIDE]
        };
        layers.push(Layer {
            name: "pool".to_owned(),
            output,
            parameters: 0,
        });
        for (i, dense) in self.dense.iter().enumerate() {
            let [from, to] = dense.weight.dims();
            layers.push(Layer {
                name: format!("dense.{i}"),
                output: vec![to],
                parameters: from * to + to,
            });
        }
        layers
    }
}
