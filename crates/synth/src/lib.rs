//! Scores to sound: SoundFonts, a built-in set of instruments, loudness.
//!
//! A [`Font`] is a SoundFont (`.sf2`, `.sf3`), or the instruments that the program makes itself ([`Font::built_in`]). [`Synth`] plays
//! scores on it, whole or piece by piece; threads may share one. [`master`](fn@master) brings the sound to a loudness without a clipped peak.
//!
//! ```
//! use melisma_score::{Note, Score, Track};
//! use melisma_synth::{Font, MasterParams, RenderParams, Synth, master};
//!
//! let note = Note { onset: 0, pitch: 60, duration: 480, velocity: 90 };
//! let score = Score {
//!     tracks: vec![Track { notes: vec![note], ..Track::default() }],
//!     ..Score::default()
//! };
//! let synth = Synth::new(Font::built_in());
//! let mut sound = synth.render(&score, &RenderParams::default())?;
//! let levels = master(&mut sound, &MasterParams::default());
//! assert!((levels.loudness.unwrap() + 14.0).abs() < 0.5);
//! let heard = sound.to_mono(); // what the listening path takes
//! # assert!(heard.duration_s() > 0.5);
//! # Ok::<(), melisma_synth::Error>(())
//! ```
//!
//! Fonts are strangers' bytes: no length or index in them is believed unchecked, and the synthesizer is guarded against panics.

mod built_in;
mod error;
mod file;
mod font;
mod loudness;
mod master;
mod render;
mod schedule;

pub use error::{Error, Result};
pub use file::{FileParams, Written, render_to_file};
pub use font::{Font, built_in_sf2, system_fonts};
pub use master::{Curve, Levels, Master, MasterParams, master};
pub use render::{RenderParams, Renderer, Synth};
