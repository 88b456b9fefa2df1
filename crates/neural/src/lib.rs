//! Networks that learn from tables and from time-frequency images.
//!
//! [`networks`] describes them, [`train`] fits them, [`layers`] is what they are made of. Built on burn;
//! [`device`] is the one place that says where tensors live.

pub mod backbones;
pub mod device;
mod error;
pub mod explain;
pub mod import;
pub mod layers;
pub mod networks;
pub mod train;

pub use error::{Error, Result};
