//! Networks of inverted residuals: what MobileNetV2 and the EfficientNet-Lites have in common.
//!
//! M. Sandler, A. Howard, M. Zhu, A. Zhmoginov, L.-C. Chen, *MobileNetV2: Inverted Residuals and Linear Bottlenecks* (CVPR 2018).

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use crate::backbones::layers::{Backbone, ConvNorm, ConvNormConfig, Layer, Padding, Scaling, pooled};

/// Blocks of the same width, the first of which may halve the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// How many times wider a block is inside.
    pub expansion: usize,
    /// Channels that leave it.
    pub channels: usize,
    /// Blocks.
    pub blocks: usize,
    /// Stride of the first.
    pub stride: usize,
    /// Side of the kernels.
    pub kernel: usize,
}

/// What an [`Inverted`] network consists of.
#[derive(Debug, Clone, PartialEq)]
pub struct InvertedConfig {
    /// Channels of the images.
    pub channels: usize,
    /// Channels of the first convolution.
    pub stem: usize,
    /// The blocks.
    pub stages: Vec<Stage>,
    /// Channels of the last convolution: values of an embedding.
    pub head: usize,
    /// How borders are filled up.
    pub padding: Padding,
    /// Added to the variances of batch norms.
    pub epsilon: f64,
    /// What the images are scaled to.
    pub scaling: Scaling,
}

/// A block: widened by a 1 x 1 convolution, filtered channel by channel, narrowed again, and added to what came in where both are alike.
#[derive(Module, Debug)]
pub struct InvertedResidual {
    pub(crate) expand: Option<ConvNorm>,
    pub(crate) depthwise: ConvNorm,
    pub(crate) project: ConvNorm,
    pub(crate) adds: bool,
}

impl InvertedResidual {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let inside = match &self.expand {
            Some(expand) => expand.forward(x.clone()),
            None => x.clone(),
        };
        let out = self.project.forward(self.depthwise.forward(inside));
        if self.adds { x + out } else { out }
    }

    fn list(&self, name: &str, shape: &mut [usize; 3], layers: &mut Vec<Layer>) {
        if let Some(expand) = &self.expand {
            expand.list(&format!("{name}.expand"), shape, layers);
        }
        self.depthwise.list(&format!("{name}.depthwise"), shape, layers);
        self.project.list(&format!("{name}.project"), shape, layers);
    }
}

/// A convolution, blocks of inverted residuals, a last convolution, and the mean of each channel.
#[derive(Module, Debug)]
pub struct Inverted {
    pub(crate) stem: ConvNorm,
    pub(crate) blocks: Vec<InvertedResidual>,
    pub(crate) head: ConvNorm,
    #[module(skip)]
    scaling: Scaling,
    #[module(skip)]
    padding: Padding,
}

impl InvertedConfig {
    /// The network with random weights (from the device's seed).
    pub fn init(&self, device: &Device) -> Inverted {
        let layer = |channels: [usize; 2], kernel, stride, groups, relu6| {
            let (padding, epsilon) = (self.padding, self.epsilon);
            ConvNormConfig {
                channels,
                kernel,
                stride,
                groups,
                padding,
                epsilon,
                relu6,
            }
            .init(device)
        };
        let mut blocks = Vec::new();
        let mut incoming = self.stem;
        for stage in &self.stages {
            for i in 0..stage.blocks {
                let stride = if i == 0 { stage.stride } else { 1 };
                let wide = incoming * stage.expansion;
                blocks.push(InvertedResidual {
                    expand: (stage.expansion > 1).then(|| layer([incoming, wide], 1, 1, 1, true)),
                    depthwise: layer([wide, wide], stage.kernel, stride, wide, true),
                    project: layer([wide, stage.channels], 1, 1, 1, false),
                    adds: stride == 1 && incoming == stage.channels,
                });
                incoming = stage.channels;
            }
        }
        Inverted {
            stem: layer([self.channels, self.stem], 3, 2, 1, true),
            blocks,
            head: layer([incoming, self.head], 1, 1, 1, true),
            scaling: self.scaling.clone(),
            padding: self.padding,
        }
    }
}

impl Inverted {
    pub(super) fn scaling(&self) -> &Scaling {
        &self.scaling
    }

    pub(super) fn padding(&self) -> Padding {
        self.padding
    }

    /// Its convolutions in the order in which an image passes them.
    pub(crate) fn convolutions(&mut self) -> Vec<&mut ConvNorm> {
        let mut all = vec![&mut self.stem];
        for block in &mut self.blocks {
            all.extend(&mut block.expand);
            all.push(&mut block.depthwise);
            all.push(&mut block.project);
        }
        all.push(&mut self.head);
        all
    }
}

impl Backbone for Inverted {
    fn channels(&self) -> usize {
        self.stem.conv.weight.dims()[1]
    }

    fn width(&self) -> usize {
        self.head.conv.weight.dims()[0]
    }

    fn features(&self, images: Tensor<4>) -> Tensor<2> {
        let x = self.stem.forward(self.scaling.apply(images, self.channels()));
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x));
        pooled(self.head.forward(x))
    }

    fn layers(&self, image: [usize; 3]) -> Vec<Layer> {
        let mut shape = image;
        let mut layers = Vec::new();
        self.stem.list("stem", &mut shape, &mut layers);
        for (i, block) in self.blocks.iter().enumerate() {
            block.list(&format!("blocks.{i}"), &mut shape, &mut layers);
        }
        self.head.list("head", &mut shape, &mut layers);
        layers.push(Layer {
            name: "pool".to_owned(),
            output: vec![shape[0]],
            parameters: 0,
        });
        layers
    }
}
