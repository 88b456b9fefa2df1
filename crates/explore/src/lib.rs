//! Exploring feature tables: what the columns look like, how they hang together, which rows are alike,
//! which are odd, and how the classes lie.
//!
//! Rows are clips, columns are features; every method takes an `ArrayView2<f64>` of shape (rows, features),
//! checks it, and answers with numbers. Nothing here draws, reads files or prints. What grows with the
//! square of the rows (neighbours, silhouettes, embeddings) is for a sample; what is for a million rows
//! ([`moments`], [`pca`], [`sample`]) works on one block of rows at a time. Randomness comes from a seed alone, and no
//! result depends on the number of threads.

pub mod classes;
pub mod correlation;
mod distances;
mod eigen;
mod error;
pub mod kmeans;
pub mod moments;
pub mod neighbours;
pub mod outliers;
mod parallel;
pub mod pca;
mod random;
pub mod sample;
pub mod silhouette;
pub mod tsne;
pub mod umap;
pub mod validity;
mod watch;

pub use error::Error;
pub use watch::Watch;

/// The result of an operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;
