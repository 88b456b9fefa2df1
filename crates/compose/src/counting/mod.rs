//! Models that count: n-grams, and a memory of the piece.
//!
//! What they have read of other pieces lies in tables that all readers share; what a reader meets in its own piece lies in a table over
//! these, and goes with it.

mod contexts;
pub(crate) mod file;
mod memory;
mod ngram;
mod table;

pub use contexts::Contexts;
pub use file::{Counting, Params, parse, read, write};
pub use memory::{Memory, MemoryParams};
pub use ngram::{Ngram, NgramParams, Smoothing};
