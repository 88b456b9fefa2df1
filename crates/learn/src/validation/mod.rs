//! Validation: which rows are learnt from, which are judged on, and that the two never meet.
//!
//! [`FoldsParams`] draws folds of row numbers. A [`Holdout`] turns row numbers into [`Examples`](crate::Examples) to fit on and [`Held`]
//! rows to judge on; no estimator takes `Held`, so that nothing (scaler, selection, classifier) can be fitted on test rows.
//! [`search`] tries points of a space of parameters by cross-validation, in parallel, keeping a ledger so that an interrupted
//! search goes on where it stopped.

mod folds;
mod holdout;
pub mod ledger;
pub mod search;
mod space;

pub use folds::{Fold, FoldsBy, FoldsParams};
pub use holdout::{Held, Holdout};
pub use space::{Axis, Point, Space};
