//! Standard MIDI Files in and out.

mod events;
mod read;
mod repair;
mod write;

pub use read::{MAX_BYTES, Read, parse, read};
pub use repair::Repair;
pub use write::{to_bytes, write};
