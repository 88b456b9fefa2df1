//! Published image networks without their last layer: images to embeddings, with weights from [`crate::import`].
//!
//! They are modules of burn, made to be run with the weights they were published with; a small network of [`crate::networks`] then
//! learns from their embeddings, which are computed once.

pub mod efficientnet_lite0;
mod embed;
mod folded;
pub mod inverted;
pub mod layers;
pub mod mobilenet_v2;
pub mod resnet_v2;
pub mod vgg16;
pub mod vit;

pub use embed::embed;
pub use folded::Folded;
