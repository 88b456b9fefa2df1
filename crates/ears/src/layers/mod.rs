//! The few layers the networks are made of, written for inference on one core.

pub(crate) mod dense;
pub mod filter;
pub(crate) mod mobile;
pub(crate) mod norm;
pub mod product;
pub(crate) mod tile;
