//! MobileNetV2 (M. Sandler et al., CVPR 2018), without its last layer: 1,280 values, 2,257,984 parameters as in Keras applications.

use crate::backbones::inverted::{InvertedConfig, Stage};
use crate::backbones::layers::{Padding, Scaling, divisible};

/// Expansion, channels, blocks and stride of the stages (table 2 of the paper).
const STAGES: [[usize; 4]; 7] = [
    [1, 16, 1, 1],
    [6, 24, 2, 2],
    [6, 32, 3, 2],
    [6, 64, 4, 2],
    [6, 96, 3, 1],
    [6, 160, 3, 2],
    [6, 320, 1, 1],
];

/// MobileNetV2 with `alpha` times the channels (0.35 to 1.4 were published), for images of so many channels and any size; the published
/// weights are for 224 x 224 and three channels.
pub fn mobilenet_v2(channels: usize, alpha: f64) -> InvertedConfig {
    let stage = |[expansion, channels, blocks, stride]: [usize; 4]| Stage {
        expansion,
        channels: divisible(channels, alpha),
        blocks,
        stride,
        kernel: 3,
    };
    InvertedConfig {
        channels,
        stem: divisible(32, alpha),
        stages: STAGES.map(stage).to_vec(),
        head: if alpha > 1.0 { divisible(1280, alpha) } else { 1280 },
        padding: Padding::Same,
        epsilon: 1e-3,
        scaling: Scaling::symmetric(),
    }
}
