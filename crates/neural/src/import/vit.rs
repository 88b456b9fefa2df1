//! The arrays of the Vision Transformer.
//!
//! | part | torchvision | timm |
//! |---|---|---|
//! | patches | `conv_proj` | `patch_embed.proj` |
//! | class token, positions | `class_token`, `encoder.pos_embedding` | `cls_token`, `pos_embed` |
//! | block `i` | `encoder.layers.encoder_layer_{i}.` | `blocks.{i}.` |
//! | its parts | `ln_1`, `self_attention.in_proj_`, `self_attention.out_proj`, `ln_2`, `mlp.0`, `mlp.3` | `norm1`, `attn.qkv`, `attn.proj`, `norm2`, `mlp.fc1`, `mlp.fc2` |
//! | last norm | `encoder.ln` | `norm` |

use melisma_ears::weights::Fault;

use super::slot::Slot;
use super::{Names, Published, Walker};
use crate::backbones::vit::Vit;

impl Published for Vit {
    fn walk(&mut self, names: Names, walker: &mut Walker<'_>) -> Result<(), Fault> {
        let torchvision = match names {
            Names::Torchvision => true,
            Names::Timm => false,
            Names::EfficientnetPytorch => return Err(names.unknown("the Vision Transformer")),
        };
        let [patches, class, positions, norm] = if torchvision {
            ["conv_proj", "class_token", "encoder.pos_embedding", "encoder.ln"]
        } else {
            ["patch_embed.proj", "cls_token", "pos_embed", "norm"]
        };
        walker.conv(patches, &mut self.patches)?;
        walker.array(class, Slot::Three(&mut self.class))?;
        walker.array(positions, Slot::Three(&mut self.positions))?;
        for (i, block) in self.blocks.iter_mut().enumerate() {
            let (start, parts) = if torchvision {
                let parts = [
                    "ln_1",
                    "self_attention.in_proj_",
                    "self_attention.out_proj",
                    "ln_2",
                    "mlp.0",
                    "mlp.3",
                ];
                (format!("encoder.layers.encoder_layer_{i}"), parts)
            } else {
                let parts = ["norm1", "attn.qkv.", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2"];
                (format!("blocks.{i}"), parts)
            };
            let [norm1, qkv, out, norm2, dense1, dense2] = parts.map(|part| format!("{start}.{part}"));
            walker.layer_norm(&norm1, &mut block.norm1)?;
            walker.array(&format!("{qkv}weight"), Slot::Turned(&mut block.qkv.weight))?;
            if let Some(bias) = &mut block.qkv.bias {
                walker.array(&format!("{qkv}bias"), Slot::One(bias))?;
            }
            walker.linear(&out, &mut block.out)?;
            walker.layer_norm(&norm2, &mut block.norm2)?;
            walker.linear(&dense1, &mut block.dense1)?;
            walker.linear(&dense2, &mut block.dense2)?;
        }
        walker.layer_norm(norm, &mut self.norm)
    }
}
