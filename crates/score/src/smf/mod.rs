//! Standard MIDI Files in and out.

mod events;
mod read;
mod repair;
mod write;

pub(crate) use read::{FileTrack, Mark, Played, parse_tracks};
pub use read::{MAX_BYTES, Read, parse, read, read_bytes};
pub use repair::Repair;
pub use write::{to_bytes, write};
