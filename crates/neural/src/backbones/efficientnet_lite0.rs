//! EfficientNet-Lite0 (TensorFlow, 2020): M. Tan, Q. V. Le, *EfficientNet* (ICML 2019) without squeeze-and-excitation and with ReLU6;
//! 1,280 values, 4,652,008 parameters with its last layer, of which 1,281,000 are left out here.

use crate::backbones::inverted::{InvertedConfig, Stage};
use crate::backbones::layers::{Padding, Scaling};

/// Expansion, channels, blocks, stride and kernel of the stages.
const STAGES: [[usize; 5]; 7] = [
    [1, 16, 1, 1, 3],
    [6, 24, 2, 2, 3],
    [6, 40, 2, 2, 5],
    [6, 80, 3, 2, 3],
    [6, 112, 3, 1, 5],
    [6, 192, 4, 2, 5],
    [6, 320, 1, 1, 3],
];

/// EfficientNet-Lite0 for images of so many channels and any size; the published weights are for 224 x 224 and three channels.
pub fn efficientnet_lite0(channels: usize) -> InvertedConfig {
    let stage = |[expansion, channels, blocks, stride, kernel]: [usize; 5]| Stage {
        expansion,
        channels,
        blocks,
        stride,
        kernel,
    };
    InvertedConfig {
        channels,
        stem: 32,
        stages: STAGES.map(stage).to_vec(),
        head: 1280,
        padding: Padding::Same,
        epsilon: 1e-3,
        scaling: Scaling::lite(),
    }
}
