//! A transformer over steps of several fields, whose way back is written out.
//!
//! A step (a note with its bar, position, program, pitch and so on) is one place of the sequence, so a context of 512 places is as
//! many notes. The fields of the next step are told in [stages](Stage): half-way up the layers those of the first stage are
//! predicted; then what they turned out to be is added to the stream, and the layers above, which may look back once more with
//! that knowledge, predict the rest. A design with one field has one stage, and is the usual transformer.
//!
//! Layers are those of Vaswani and others (2017) with root-mean-square norms before each part (Zhang and Sennrich 2019), rotary positions (Su
//! and others 2021) that turn partly with the place and partly with the musical time, and squared rectifiers (So and others 2021).
//! Numbers are plain rows of `f32`. One sequence fits the caches of one core, so a
//! batch is spread over cores by sequences.

mod attention;
mod backward;
mod forward;
mod maths;
mod product;
mod read;
mod rotary;
mod shape;
mod weights;

pub use forward::Window;
pub use read::TransformerReader;
pub use shape::{Shape, Stage};
pub use weights::{Kind, Weights};

pub(crate) use attention::{Room as AttentionRoom, Sizes, attend, attend_back};
pub(crate) use backward::learn;
pub(crate) use forward::{Dropout, Scratch, costs};
pub(crate) use maths::{
    Factor, Rows, add, add_times, exp, log_softmax, norm, norm_back, times, times_turned, turned_times,
};
pub(crate) use rotary::Turns;
pub(crate) use weights::unit;
