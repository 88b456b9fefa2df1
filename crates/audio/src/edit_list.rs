//! Where the sound of an mp4 track begins: its edit list, which Symphonia 0.6 does not apply.
//!
//! An AAC encoder starts with one or two packets of priming, and the edit list says to begin after them (ISO/IEC
//! 14496-12, 8.6.6). Only the start is taken: what an edit list says of the end is in units too coarse to cut by. Not a reader of mp4 otherwise.

use std::io::{self, Read, Seek, SeekFrom};

/// More boxes than this are not looked at.
const MAX_BOXES: u32 = 10_000;
/// Boxes of interest are read no further than this.
const MAX_PAYLOAD: u64 = 4096;

/// Where a track begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct TrackStart {
    track_id: u32,
    timescale: u32,
    media_time: u64,
}

impl TrackStart {
    /// Frames to drop from the start of track `track_id` at `rate`; 0 where nothing is known of it.
    pub(crate) fn frames(starts: &[TrackStart], track_id: u32, rate: u32) -> u64 {
        starts
            .iter()
            .find(|start| start.track_id == track_id && start.timescale > 0)
            .map_or(0, |start| {
                let frames = u128::from(start.media_time) * u128::from(rate) / u128::from(start.timescale);
                u64::try_from(frames).unwrap_or(u64::MAX)
            })
    }
}

/// The starts of all tracks of an mp4 file; empty for any other file, and where the file is damaged.
pub(crate) fn track_starts(source: &mut (impl Read + Seek), len: u64) -> Vec<TrackStart> {
    let mut walk = Walk {
        source,
        boxes: 0,
        starts: Vec::new(),
    };
    let is_mp4 = matches!(walk.box_at(0, len), Ok(first) if &first.kind == b"ftyp");
    if is_mp4 {
        // A damaged box ends the walk; what was found before it stands.
        let _ = walk.children(0, len, 0);
    }
    walk.starts
}

struct BoxHead {
    kind: [u8; 4],
    payload: u64,
    end: u64,
}

struct Walk<'a, S> {
    source: &'a mut S,
    boxes: u32,
    starts: Vec<TrackStart>,
}

impl<S: Read + Seek> Walk<'_, S> {
    fn box_at(&mut self, at: u64, end: u64) -> io::Result<BoxHead> {
        self.boxes += 1;
        if self.boxes > MAX_BOXES {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut head = [0; 16];
        self.source.seek(SeekFrom::Start(at))?;
        self.source.read_exact(&mut head[..8])?;
        let mut payload = at + 8;
        let size = match u64::from(be_u32(&head[..4])) {
            0 => end - at,
            1 => {
                self.source.read_exact(&mut head[8..])?;
                payload += 8;
                (u64::from(be_u32(&head[8..12])) << 32) | u64::from(be_u32(&head[12..]))
            }
            size => size,
        };
        let box_end = at
            .checked_add(size)
            .filter(|&box_end| box_end >= payload && box_end <= end);
        let kind = [head[4], head[5], head[6], head[7]];
        box_end
            .map(|end| BoxHead { kind, payload, end })
            .ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    fn children(&mut self, mut at: u64, end: u64, depth: u32) -> io::Result<()> {
        while at + 8 <= end {
            let child = self.box_at(at, end)?;
            match (&child.kind, depth) {
                (b"moov", 0) | (b"mdia" | b"edts", 2) => {
                    self.children(child.payload, child.end, depth + 1)?;
                }
                (b"trak", 1) => {
                    self.starts.push(TrackStart::default());
                    self.children(child.payload, child.end, depth + 1)?;
                }
                (b"tkhd", 2) | (b"mdhd" | b"elst", 3) => self.leaf(&child)?,
                _ => {}
            }
            at = child.end;
        }
        Ok(())
    }

    fn leaf(&mut self, leaf: &BoxHead) -> io::Result<()> {
        let mut bytes = Vec::new();
        self.source.seek(SeekFrom::Start(leaf.payload))?;
        let len = (leaf.end - leaf.payload).min(MAX_PAYLOAD);
        (&mut *self.source).take(len).read_to_end(&mut bytes)?;
        let Some(start) = self.starts.last_mut() else {
            return Ok(());
        };
        let wide = bytes.first() == Some(&1);
        let word = |at: usize| bytes.get(at..at + 4).map(be_u32);
        match &leaf.kind {
            b"tkhd" => start.track_id = word(if wide { 20 } else { 12 }).unwrap_or(0),
            b"mdhd" => start.timescale = word(if wide { 20 } else { 12 }).unwrap_or(0),
            _ => {
                // Entries of duration, media time, rate; a media time of -1 is silence before the sound.
                let size = if wide { 20 } else { 12 };
                let times = bytes
                    .get(8..)
                    .unwrap_or_default()
                    .chunks_exact(size)
                    .map(|entry| {
                        if wide {
                            (i64::from(be_u32(&entry[8..12])) << 32) | i64::from(be_u32(&entry[12..16]))
                        } else {
                            i64::from(be_u32(&entry[4..8]).cast_signed())
                        }
                    });
                start.media_time = times
                    .filter_map(|time| u64::try_from(time).ok())
                    .next()
                    .unwrap_or(0);
            }
        }
        Ok(())
    }
}

/// The first four of `bytes`, of which there are as many.
fn be_u32(bytes: &[u8]) -> u32 {
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn boxed(kind: &[u8; 4], payload: &[u8]) -> Vec<u8> {
        let mut bytes = (payload.len() as u32 + 8).to_be_bytes().to_vec();
        bytes.extend(kind);
        bytes.extend(payload);
        bytes
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    fn file(edits: &[u32]) -> Vec<u8> {
        let track = [
            boxed(b"tkhd", &words(&[0, 0, 0, 7])),
            boxed(b"edts", &boxed(b"elst", &words(edits))),
            boxed(b"mdia", &boxed(b"mdhd", &words(&[0, 0, 0, 44_100, 99]))),
        ];
        let movie = boxed(b"moov", &boxed(b"trak", &track.concat()));
        [boxed(b"ftyp", b"M4A "), boxed(b"mdat", &[0; 100]), movie].concat()
    }

    fn starts(bytes: &[u8]) -> Vec<TrackStart> {
        track_starts(&mut Cursor::new(bytes), bytes.len() as u64)
    }

    #[test]
    fn the_first_edit_with_sound_counts() {
        let bytes = file(&[0, 2, 50, u32::MAX, 1 << 16, 1000, 1024, 1 << 16]);
        assert_eq!(
            starts(&bytes),
            [TrackStart {
                track_id: 7,
                timescale: 44_100,
                media_time: 1024
            }]
        );
        assert_eq!(TrackStart::frames(&starts(&bytes), 7, 44_100), 1024);
        assert_eq!(TrackStart::frames(&starts(&bytes), 7, 22_050), 512);
        assert_eq!(TrackStart::frames(&starts(&bytes), 8, 44_100), 0);
    }

    #[test]
    fn damage_is_no_trouble() {
        let bytes = file(&[0, 1, 1000, 1024, 1 << 16]);
        for len in 0..bytes.len() {
            let _ = starts(&bytes[..len]);
        }
        for at in 0..bytes.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] = value;
                let _ = starts(&damaged);
            }
        }
        assert_eq!(starts(b"RIFF0000WAVEfmt "), []);
    }
}
