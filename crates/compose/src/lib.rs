//! Models that write music: they tell how likely each token of a piece is after those before it.
//!
//! A piece is a row of tokens of a [design](melisma_score::tokens::Design): steps of one or several fields. Whatever the
//! model, counting or network, it is asked through [`Model`] and [`Reader`]: predict the next token, read the one that came.
//! Measuring a piece, mixing models and composing are written once, over these.

pub mod container;
pub mod counting;
pub mod data;
mod error;
mod file;
mod judge;
pub mod latent;
mod mix;
mod model;
pub mod network;
mod open;
mod optimise;
mod recipe;
pub mod sample;
pub mod songs;
mod steps;
pub mod stream;
pub mod train;
mod transformer;

pub use error::{Error, Result};
pub use file::{Composer, Typical};
pub use judge::{Judge, Judged};
pub use mix::Mixture;
pub use model::{Cost, Model, Reader, cost};
pub use open::{About, Opened, open};
pub use optimise::Optimiser;
pub use recipe::{AnyRecipe, LatentRecipe, LatentShape, NetworkParams, Recipe};
pub use steps::{Steps, Walk};
pub use transformer::Transformer;
