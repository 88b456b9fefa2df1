//! The arrays of VGG16: `features.0`, `features.2`, ... in torchvision and timm alike; the dense layers are `classifier.0` and
//! `classifier.3` in torchvision, and convolutions in timm, where they are refused.

use melisma_ears::weights::Fault;

use super::{Names, Published, Walker};
use crate::backbones::vgg16::Vgg16;

/// Numbers of the convolutions among the layers.
const PLACES: [usize; 13] = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28];

impl Published for Vgg16 {
    fn walk(&mut self, names: Names, walker: &mut Walker<'_>) -> Result<(), Fault> {
        if names == Names::EfficientnetPytorch || (names == Names::Timm && !self.dense.is_empty()) {
            return Err(names.unknown("VGG16 with these layers"));
        }
        for (conv, place) in self.convs.iter_mut().zip(PLACES) {
            walker.conv(&format!("features.{place}"), conv)?;
        }
        for (dense, place) in self.dense.iter_mut().zip([0, 3]) {
            walker.linear(&format!("classifier.{place}"), dense)?;
        }
        Ok(())
    }
}
