//! What the image networks share: convolution with batch norm, the scaling of their input, and the list of their layers.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Initializer, PaddingConfig2d};
use burn::tensor::{Device, Tensor, activation};

/// A network that turns images into embeddings.
pub trait Backbone: Module {
    /// Channels of its images.
    fn channels(&self) -> usize;

    /// Values of an embedding.
    fn width(&self) -> usize;

    /// The embeddings of images.
    ///
    /// Takes `[images, channels, height, width]` with values from 0 (black) to 1 (white), the scaling that a published network wants
    /// is applied inside; gives `[images, width]`. A network of three channels takes grey images too, and sees them in all three.
    fn features(&self, images: Tensor<4>) -> Tensor<2>;

    /// The layers from the first to the last, for images of `[channels, height, width]`.
    fn layers(&self, image: [usize; 3]) -> Vec<Layer>;
}

/// A layer of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Where it stands in the network.
    pub name: String,
    /// The shape of what leaves it, without the number of images.
    pub output: Vec<usize>,
    /// Its numbers, running means and variances of batch norms included (as Keras counts).
    pub parameters: usize,
}

/// The scaling of images from 0..1 to what a network was trained on: `(value - mean) / deviation`, channel by channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaling {
    /// Subtracted.
    pub mean: Vec<f32>,
    /// Divided by.
    pub deviation: Vec<f32>,
}

impl Scaling {
    /// −1 to 1, as Keras's and TensorFlow's networks want it.
    pub fn symmetric() -> Scaling {
        Scaling {
            mean: vec![0.5],
            deviation: vec![0.5],
        }
    }

    /// Bytes less 128 by 128: what TensorFlow's quantised MobileNets were trained on.
    pub fn bytes() -> Scaling {
        Scaling {
            mean: vec![128.0 / 255.0],
            deviation: vec![128.0 / 255.0],
        }
    }

    /// Bytes less 127 by 128: what the EfficientNet-Lites were trained on.
    pub fn lite() -> Scaling {
        Scaling {
            mean: vec![127.0 / 255.0],
            deviation: vec![128.0 / 255.0],
        }
    }

    /// The means and deviations of ImageNet's channels, as torchvision's networks want it.
    pub fn imagenet() -> Scaling {
        Scaling {
            mean: vec![0.485, 0.456, 0.406],
            deviation: vec![0.229, 0.224, 0.225],
        }
    }

    /// Images from 0..1 to the network's scale, grey ones repeated where it has more channels.
    ///
    /// # Panics
    /// Where the images have neither one channel nor as many as the network.
    pub fn apply(&self, images: Tensor<4>, channels: usize) -> Tensor<4> {
        let [_, given, _, _] = images.dims();
        let images = if given == 1 && channels > 1 {
            images.repeat_dim(1, channels)
        } else {
            images
        };
        assert_eq!(images.dims()[1], channels, "images have the network's channels");
        if let ([mean], [deviation]) = (&self.mean[..], &self.deviation[..]) {
            return images.sub_scalar(*mean).div_scalar(*deviation);
        }
        let device = images.device();
        let row = |values: &[f32]| {
            let values: Vec<f32> = values.iter().copied().cycle().take(channels).collect();
            Tensor::<1>::from_floats(values.as_slice(), &device).reshape([1, channels, 1, 1])
        };
        (images - row(&self.mean)) / row(&self.deviation)
    }
}

/// A convolution without bias, batch norm, and what follows.
#[derive(Module, Debug)]
pub struct ConvNorm {
    pub(crate) conv: Conv2d,
    pub(crate) norm: BatchNorm,
    /// Whether values are cut to 0..6 at the end.
    pub(crate) relu6: bool,
}

/// How to make a [`ConvNorm`].
#[derive(Debug, Clone)]
pub(crate) struct ConvNormConfig {
    pub channels: [usize; 2],
    pub kernel: usize,
    pub stride: usize,
    pub groups: usize,
    pub padding: Padding,
    pub epsilon: f64,
    pub relu6: bool,
}

/// How borders are filled up, where a stride skips pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Padding {
    /// As little as is needed, the odd pixel at the end: TensorFlow's way.
    #[default]
    Same,
    /// Half the kernel on either side: PyTorch's way.
    Symmetric,
}

impl Padding {
    pub(crate) fn of(self, kernel: usize) -> PaddingConfig2d {
        let half = kernel / 2;
        match self {
            Padding::Same => PaddingConfig2d::Same,
            Padding::Symmetric => PaddingConfig2d::Explicit(half, half, half, half),
        }
    }
}

/// The initial weights of convolutions that a rectifier follows (K. He et al., 2015).
pub(crate) fn he() -> Initializer {
    Initializer::KaimingNormal {
        gain: std::f64::consts::SQRT_2,
        fan_out_only: true,
    }
}

impl ConvNormConfig {
    pub fn init(&self, device: &Device) -> ConvNorm {
        let conv = Conv2dConfig::new(self.channels, [self.kernel; 2])
            .with_stride([self.stride; 2])
            .with_groups(self.groups)
            .with_padding(self.padding.of(self.kernel))
            .with_bias(false)
            .with_initializer(he());
        ConvNorm {
            conv: conv.init(device),
            norm: BatchNormConfig::new(self.channels[1])
                .with_epsilon(self.epsilon)
                .init(device),
            relu6: self.relu6,
        }
    }
}

impl ConvNorm {
    pub(crate) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = self.norm.forward(self.conv.forward(x));
        if self.relu6 { activation::relu6(x) } else { x }
    }

    /// Adds itself to a list of layers, and passes the shape on.
    pub(crate) fn list(&self, name: &str, shape: &mut [usize; 3], layers: &mut Vec<Layer>) {
        list_conv(&self.conv, name, shape, layers);
        if let Some(last) = layers.last_mut() {
            last.parameters += 4 * shape[0];
        }
    }
}

/// Adds a convolution, padded so that only its stride makes images smaller, to a list of layers.
pub(crate) fn list_conv(conv: &Conv2d, name: &str, shape: &mut [usize; 3], layers: &mut Vec<Layer>) {
    let weight = conv.weight.dims();
    *shape = [
        weight[0],
        shape[1].div_ceil(conv.stride[0]),
        shape[2].div_ceil(conv.stride[1]),
    ];
    let bias = conv.bias.as_ref().map_or(0, |_| weight[0]);
    let parameters = weight.iter().product::<usize>() + bias;
    layers.push(Layer {
        name: name.to_owned(),
        output: shape.to_vec(),
        parameters,
    });
}

/// The mean over each channel's pixels.
pub(crate) fn pooled(x: Tensor<4>) -> Tensor<2> {
    let [n, channels, height, width] = x.dims();
    x.reshape([n, channels, height * width])
        .mean_dim(2)
        .reshape([n, channels])
}

/// Takes a batch norm out of training: it keeps the means and variances it has, whatever passes through.
pub(crate) fn settle(norm: &mut BatchNorm) {
    norm.training = Param::from_bool(false);
}

/// Channels times `alpha`, as a multiple of eight that is not more than a tenth below (MobileNet's rule).
pub(crate) fn divisible(channels: usize, alpha: f64) -> usize {
    let wanted = channels as f64 * alpha;
    let rounded = (((wanted + 4.0) / 8.0).floor() as usize * 8).max(8);
    if (rounded as f64) < 0.9 * wanted {
        rounded + 8
    } else {
        rounded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_multiples_of_eight() {
        // Keras's `_make_divisible`.
        assert_eq!(divisible(32, 1.0), 32);
        assert_eq!(divisible(32, 0.35), 16);
        assert_eq!(divisible(24, 0.75), 24);
        assert_eq!(divisible(16, 0.1), 8);
    }

    #[test]
    fn grey_images_are_seen_in_every_channel() {
        let device = crate::device::default();
        let grey = Tensor::<4>::from_floats([[[[0.0, 1.0]]]], &device);
        let scaled = Scaling::imagenet().apply(grey, 3);
        let values: Vec<f32> = scaled.into_data().try_to_vec().unwrap();
        let expected = [
            -0.485 / 0.229,
            0.515 / 0.229,
            -0.456 / 0.224,
            0.544 / 0.224,
            -0.406 / 0.225,
            0.594 / 0.225,
        ];
        for (a, b) in values.iter().zip(expected) {
            assert!((a - b).abs() < 1e-5, "{values:?}");
        }
    }
}
