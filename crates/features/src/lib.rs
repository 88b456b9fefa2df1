#![doc = include_str!("../README.md")]

pub mod chroma;
pub mod contrast;
pub mod cqt;
pub mod decibel;
pub mod descriptor;
pub mod error;
pub mod extractor;
pub mod grid;
pub mod image;
pub mod mel;
pub mod mfcc;
pub mod schema;
pub mod summary;
pub mod tempo;
pub mod tempogram;
pub mod tonnetz;
pub mod window;

mod bandwidth;
mod centroid;
mod chroma_cens;
mod chroma_cqt;
mod flatness;
mod flux;
mod median;
mod onset;
mod rms;
mod rms_stft;
mod rolloff;
mod separation;
mod simd;
mod stft;
mod tuning;
mod zero_crossing;

pub use descriptor::Descriptor;
pub use error::Error;
pub use extractor::{Analysis, Extractor, MAX_SAMPLE};
pub use grid::{HOP_LENGTH, N_FFT, PadMode, SAMPLE_RATE};
pub use schema::Schema;
