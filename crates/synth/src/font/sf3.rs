//! The samples of `.sf3` files, each an Ogg Vorbis file of its own. Not for FLAC, which some files hold: they are refused.

use melisma_audio::Stream;

use super::tables::{SampleHeader, Tables};

/// Samples that all together may unpack to.
const MAX_SAMPLES: usize = 512 << 20;
/// Silence between two samples: players read a little beyond a sample's end.
const GAP: usize = 46;
/// Samples decoded at a time.
const PIECE: usize = 1 << 16;

/// The samples as 16-bit integers, little-endian; the headers are moved to where they lie now.
///
/// In a packed sample's header, start and end count bytes, and the loop counts from the sample's start.
pub(super) fn unpack(packed: &[u8], tables: &mut Tables) -> Result<Vec<u8>, String> {
    let mut out: Vec<u8> = Vec::new();
    let mut samples = Vec::new();
    for at in 0..tables.samples() {
        let header = tables.sample(at);
        let fault = |fault: &str| format!("sample {at} of the .sf3 file: {fault}");
        let (from, to) = (header.start as usize, header.end as usize);
        samples.clear();
        if Tables::packed(header) {
            let bytes = packed
                .get(from..to)
                .ok_or_else(|| fault("lies outside the file"))?;
            let mut stream =
                Stream::from_bytes(bytes.to_vec(), Some("ogg"), None).map_err(|e| fault(&e.to_string()))?;
            while stream
                .read(&mut samples, PIECE)
                .map_err(|e| fault(&e.to_string()))?
                > 0
            {
                if out.len() / 2 + samples.len() > MAX_SAMPLES {
                    return Err("an .sf3 file that unpacks to more than 1 GB".to_owned());
                }
            }
        }
        let start = (out.len() / 2) as u32;
        for sample in &samples {
            out.extend(((sample * 32_768.0).round() as i16).to_le_bytes());
        }
        let end = (out.len() / 2) as u32;
        out.extend(std::iter::repeat_n(0, 2 * GAP));
        tables.set_sample(
            at,
            Tables::unpacked(SampleHeader {
                start,
                end,
                loop_start: start.saturating_add(header.loop_start),
                loop_end: start.saturating_add(header.loop_end),
                ..header
            }),
        );
    }
    Ok(out)
}
