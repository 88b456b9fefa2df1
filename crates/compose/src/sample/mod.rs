//! Composing: pieces of an asked length, key, tempo, metre, form and instruments, drawn from a network step by step.
//!
//! The network says how likely each token is; [`Grammar`] says which may come at all, so that whatever is drawn is a piece as it was
//! asked for. [`compose`] draws one; [`Piece`] tells what it became.

mod draw;
mod form;
mod grammar;
mod instruments;
mod request;

pub use draw::{Bars, Guide, Piece, Reward, compose, compose_guided};
pub use form::Form;
pub use grammar::Grammar;
pub use instruments::{DRUMS, instrument, instrument_name};
pub use request::{Key, Request};
