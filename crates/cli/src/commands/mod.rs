//! One file per command.

pub mod classify;
pub mod compose;
pub mod dataset;
pub mod demo;
mod ear;
pub mod evaluate;
mod evaluate_ears;
pub mod explore;
pub mod features;
pub mod frames;
pub mod info;
pub mod judge;
pub mod measure;
pub mod models;
pub mod nll;
pub mod plot;
pub mod recipe;
pub mod render;
mod taste;
pub mod tokens;
pub mod train;
