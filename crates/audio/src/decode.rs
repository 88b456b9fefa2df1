//! What every decoder offers to the stream above it, and the bounds that hold for all of them.
//!
//! Not for any one format: see `container` (Symphonia) and `au`.

use crate::error::Fault;

/// Sample rates that are accepted, in Hz. Below lies telemetry, above lies a damaged header.
pub(crate) const RATES: std::ops::RangeInclusive<u32> = 1_000..=768_000;

/// The most channels that are accepted: seventh-order ambisonics has 64.
pub(crate) const MAX_CHANNELS: usize = 64;

/// What a file's header says of its sound.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    /// Short name of the container.
    pub(crate) format: String,
    /// Short name of the codec.
    pub(crate) codec: String,
    /// Frames per second of what is decoded.
    pub(crate) rate: u32,
    /// Channels of the first block.
    pub(crate) channels: u16,
    /// Bits per sample where the codec has such a thing.
    pub(crate) bits_per_sample: Option<u32>,
    /// Frames that the header promises, where it is exact about it.
    pub(crate) frames: Option<u64>,
}

/// A run of decoded frames.
#[derive(Debug, Default)]
pub(crate) struct Block {
    /// Interleaved samples.
    pub(crate) samples: Vec<f32>,
    /// How many samples make a frame; at least 1 in a block that has samples.
    pub(crate) channels: usize,
}

/// What became of the file besides sound.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Damage {
    /// Packets that could not be decoded and were left out.
    pub(crate) skipped_packets: u64,
    /// Whether the end came where the format says there is more.
    pub(crate) cut_short: bool,
    /// Whether sound goes on after the promised end.
    pub(crate) goes_on: bool,
}

/// A source of blocks.
pub(crate) trait Decode: Send {
    /// What the header says.
    fn header(&self) -> &Header;

    /// Replaces `block` by the next frames; false at the end, and then `block` is unchanged.
    fn next_block(&mut self, block: &mut Block) -> Result<bool, Fault>;

    /// Counts the frames of the whole file without holding or decoding them; to be called instead of
    /// [`Decode::next_block`], once.
    fn count_frames(&mut self) -> Result<u64, Fault>;

    /// What was lost up to here.
    fn damage(&self) -> Damage;
}

/// Refuses rates outside [`RATES`] and channel counts outside 1 to [`MAX_CHANNELS`].
pub(crate) fn check_layout(rate: u32, channels: usize) -> Result<(), Fault> {
    if !RATES.contains(&rate) {
        return Err(Fault::Unsupported(format!(
            "sample rate of {rate} Hz ({} to {} Hz are accepted)",
            RATES.start(),
            RATES.end()
        )));
    }
    if channels == 0 || channels > MAX_CHANNELS {
        return Err(Fault::Unsupported(format!(
            "{channels} channels (1 to {MAX_CHANNELS} are accepted)"
        )));
    }
    Ok(())
}
