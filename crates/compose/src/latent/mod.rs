//! Autoencoders with a latent space: what reads a sequence tells a distribution, and what writes begins from a draw of it.
//!
//! The evidence lower bound (Kingma and Welling 2014) charges what is told of a sequence by its divergence from what is assumed of all. A writer that is told
//! every step before needs no latent and soon uses none: the posterior collapses. Against that stand the rise of the charge (annealing), nats that are free
//! for each number, steps that are hidden from the writer, and latents for groups of steps; [`Measured`] tells whether the latent is in use.
//! [`Form::told`] and [`Form::scalar`] build what collapses, to compare.

mod file;
mod model;
mod tape;
mod train;

pub use file::LatentModel;
pub use model::{Autoencoder, Form, Kind};
pub use train::{LatentParams, LatentSession, Measured, measure, own_inputs};
