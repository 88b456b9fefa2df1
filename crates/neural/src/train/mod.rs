//! Training: from samples to a network, with a history, and able to stop at any step and go on.
//!
//! All chance of a step follows from the seed, the epoch and the step, so that a training that was stopped and
//! resumed is the uninterrupted one, bit for bit, on any number of threads.

mod augment;
mod checkpoint;
mod container;
mod history;
mod optimizer;
mod params;
mod samples;
mod session;
mod trained;

pub use augment::Augmentation;
pub use history::{Epoch, History, curves};
pub use optimizer::Optimizer;
pub use params::{ClassWeights, EarlyStopping, Measure, Schedule, TrainParams};
pub use samples::Samples;
pub use session::{Progress, Watch, train, train_from};
pub use trained::Trained;
