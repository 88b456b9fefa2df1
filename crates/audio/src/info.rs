//! What a file is: container, codec, rate, channels, length and tags.
//!
//! Not for its sound: nothing is decoded beyond the first packets.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::error::Result;
use crate::stream::header_and_frames;
use crate::tags::read_tags;

/// What `melisma info` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Info {
    /// Container: `wav`, `aiff`, `flac`, `mp3`, `ogg`, `mp4`, `caf`, `mkv`, `au`, ...
    pub format: String,
    /// Codec: `pcm_s16le`, `flac`, `mp3`, `vorbis`, `opus`, `aac`, `alac`, ...
    pub codec: String,
    /// Samples per second and channel of the decoded sound.
    pub sample_rate: u32,
    /// Number of channels.
    pub channels: u16,
    /// Bits per sample, where the codec has such a thing.
    pub bits_per_sample: Option<u32>,
    /// Length in samples per channel.
    pub frames: Option<u64>,
    /// Length in seconds.
    pub duration_s: Option<f64>,
    /// `title`, `artist`, `album`, `genre`, `year`, `track`, `comment`, as far as the file has them.
    pub tags: BTreeMap<String, String>,
}

/// Describes a file without decoding all of it.
///
/// The length is the header's where the header is exact; otherwise packets are counted (an mp3 without a LAME tag, an
/// `.au` of unknown length). Tags that cannot be read are left out.
///
/// # Errors
/// Those of [`Stream::open`](crate::Stream::open): what cannot be decoded is not described.
pub fn info(path: &Path) -> Result<Info> {
    let (header, frames) = header_and_frames(path)?;
    Ok(Info {
        format: header.format,
        codec: header.codec,
        sample_rate: header.rate,
        channels: header.channels,
        bits_per_sample: header.bits_per_sample,
        frames: Some(frames),
        duration_s: Some(frames as f64 / f64::from(header.rate)),
        tags: read_tags(path),
    })
}
