//! Audio files in and out: decode, mix down, resample, read tags, encode.
//!
//! The lowest room of the house: it turns a file into a [`Signal`] (or a [`Stream`] of samples, or [`Windows`] over
//! it) and knows nothing of music. It reads wav, aiff, flac, mp1/mp2/mp3, ogg (vorbis, opus, flac), mp4/m4a (aac,
//! alac), caf, matroska/webm and Sun `.au`; 1 to 64 channels (26 in wav and aiff); 1 to 768 kHz. What a file is, is told from its
//! content.
//!
//! ```no_run
//! use std::path::Path;
//! use melisma_audio::{Hertz, Limit, load};
//!
//! let loaded = load(Path::new("song.mp3"), Some(Hertz(22_050)), Limit::Default)?;
//! println!("{:.1} s", loaded.signal.duration_s());
//! for warning in &loaded.warnings {
//!     eprintln!("{warning}");
//! }
//! # Ok::<(), melisma_audio::Error>(())
//! ```
//!
//! Files are strangers' bytes: no header's word is taken for the size of an allocation, every call into a foreign
//! decoder is guarded against panics, and every loop over packets has a bound.

mod au;
mod container;
mod decode;
mod edit_list;
pub mod encode;
mod error;
mod extension;
mod guard;
mod info;
mod limit;
mod load;
mod mix;
mod opus;
mod resample;
mod signal;
mod source;
mod stereo;
mod stream;
mod tags;
mod windows;

pub use error::{Error, Result};
pub use extension::is_audio_extension;
pub use guard::{contained, install_quiet_panic_hook};
pub use info::{Info, info};
pub use limit::Limit;
pub use load::{Loaded, load};
pub use resample::Resampler;
pub use signal::{Hertz, Signal};
pub use stereo::Stereo;
pub use stream::Stream;
pub use tags::{is_genre_name, read_tags};
pub use windows::Windows;
