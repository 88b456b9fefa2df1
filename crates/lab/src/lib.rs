//! The laboratory: experiments as files.
//!
//! ```text
//! recipe ─┐
//! data   ─┴─► choose (training rows only) ─► measure (three protocols) ─► Outcome ─► JSON, Markdown, results folder
//!                                        └─► ship (all clean tracks) ──► model and card
//! ```
//!
//! Estimators, validation and metrics are `melisma-learn`'s; figures `melisma-plot`'s; the page `melisma-explore`'s. What is here
//! says which rows a protocol parts, in which order things are fitted, and what a reader is told.

mod card;
mod choose;
mod collections;
mod data;
mod embedding;
mod error;
mod explain;
mod fit;
mod network;
mod outcome;
mod protocol;
mod recipe;
mod report;
mod run;
mod scores;
mod ship;

pub use collections::{CollectionRow, Collections};
pub use data::{Data, Estimate, Parts, Rows, Source, Track, TrackParts, TrackSides};
pub use error::Error;
pub use explain::Explanation;
pub use network::{NetworkSpec, Scaling, Training};
pub use outcome::{Choice, Chosen, Comparison, Outcome, Ranking, ResultRow, Said, SearchSummary};
pub use protocol::Protocol;
pub use recipe::{
    Candidate, ChooseSpec, Collection, Content, DataSpec, Fused, Recipe, ReportSpec, SearchSpec, ShipSpec,
    ValidationSpec,
};
pub use run::Watch;
pub use ship::{Calibration, CalibrationScores};

/// The result of an operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;
