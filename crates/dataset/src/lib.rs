//! Feature tables and the collections they come from.
//!
//! A [`Table`] is named columns of numbers with one row per clip or window. A collection says which
//! rows belong to the same track, which tracks to the same artist, which are faulty and how the
//! tracks are split: [`Gtzan`] reads the lists that accompany the GTZAN collection. Nothing here
//! learns from the numbers; that is `melisma-learn`.

mod artists;
pub mod augment;
pub mod build;
pub mod check;
pub mod collection;
mod error;
pub mod extract;
pub mod files;
mod genre;
mod gtzan;
mod locate;
pub mod rng;
pub mod spectrograms;
pub mod split;
mod table;
mod track;
mod union_find;

pub use collection::{Collection, Part, Recording};
pub use error::Error;
pub use genre::Genre;
pub use gtzan::{Gtzan, GtzanTable};
pub use locate::{data_dir, sha256_file, sha256_hex};
pub use split::Split;
pub use table::{Batch, Metadata, ReadOptions, Table, TableReader};
pub use track::TrackId;
pub use union_find::UnionFind;

/// The result of an operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;
