//! The arrays of ResNet-V2, under timm's names: `stem.conv`, `stages.{s}.blocks.{b}.norm1` and so on, `norm`.
//!
//! torchvision publishes no such network, so that its names are refused.

use melisma_ears::weights::Fault;

use super::{Names, Published, Walker};
use crate::backbones::resnet_v2::ResNetV2;

impl Published for ResNetV2 {
    fn walk(&mut self, names: Names, walker: &mut Walker<'_>) -> Result<(), Fault> {
        if names != Names::Timm {
            return Err(names.unknown("ResNet-V2"));
        }
        walker.conv("stem.conv", &mut self.stem)?;
        let places = self
            .stages
            .iter()
            .enumerate()
            .flat_map(|(s, &n)| (0..n).map(move |b| (s, b)));
        let places: Vec<(usize, usize)> = places.collect();
        for (block, (stage, of_stage)) in self.blocks.iter_mut().zip(places) {
            let at = |part: &str| format!("stages.{stage}.blocks.{of_stage}.{part}");
            if let Some(shortcut) = &mut block.shortcut {
                walker.conv(&at("downsample.conv"), shortcut)?;
            }
            walker.norm(&at("norm1"), &mut block.norm1)?;
            walker.conv(&at("conv1"), &mut block.conv1)?;
            walker.norm(&at("norm2"), &mut block.norm2)?;
            walker.conv(&at("conv2"), &mut block.conv2)?;
            walker.norm(&at("norm3"), &mut block.norm3)?;
            walker.conv(&at("conv3"), &mut block.conv3)?;
        }
        walker.norm("norm", &mut self.norm)
    }
}
