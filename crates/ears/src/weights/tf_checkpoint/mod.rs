//! Variables of a TensorFlow checkpoint (the "V2" bundle): an index of names, and one file of numbers.
//!
//! The formats: `tensor_bundle.proto` and `tensor_bundle.h` of TensorFlow 2. The index is a table of LevelDB whose values
//! are protocol buffers; the numbers of each variable lie little-endian in the data file. Every block and every variable
//! read has a checksum, and all are checked.

mod crc32c;
mod table;

use self::crc32c::masked_crc32c;
use super::safetensors::from_f32;
use super::wire::{Field, Fields};
use super::{Array, Fault, Weights};

/// Variables of the largest checkpoint that is read.
const MAX_VARIABLES: usize = 1 << 16;
/// Most axes of a variable.
const MAX_RANK: usize = 8;
/// TensorFlow's number for 32-bit floating point numbers.
const FLOAT: u64 = 1;

/// What the index says of a variable.
#[derive(Debug, Default)]
struct Entry {
    dtype: u64,
    shape: Vec<usize>,
    shard: u64,
    offset: u64,
    size: u64,
    checksum: u32,
    sliced: bool,
}

/// Reads the variables of a checkpoint whose data lie in one file: `index` is its `.index`, `data` its
/// `.data-00000-of-00001`. Only 32-bit floating point variables are taken; others are passed over.
///
/// # Errors
/// A message when the index is malformed, a checksum is wrong, or a variable's bytes are not what its shape asks for,
/// do not lie within the data, or lie over another's.
pub fn read(index: &[u8], data: &[u8]) -> Result<Weights, Fault> {
    let mut entries = table::read(index)?.into_iter();
    match entries.next() {
        Some((key, header)) if key.is_empty() => check_header(header)?,
        _ => return Err(Fault::new("the index does not begin with its header")),
    }
    if entries.len() > MAX_VARIABLES {
        return Err(Fault::new(format!(
            "{} variables: more than {MAX_VARIABLES} are not read",
            entries.len()
        )));
    }
    let mut weights = Weights::new();
    let mut ranges = Vec::new();
    for (key, value) in entries {
        let name = String::from_utf8(key).map_err(|_| Fault::new("the name of a variable is not UTF-8"))?;
        let fault = |fault: Fault| Fault::new(format!("`{}`: {fault}", name.escape_debug()));
        let entry = Entry::parse(value).map_err(fault)?;
        if entry.dtype != FLOAT {
            continue;
        }
        let stored = entry.locate(data).map_err(fault)?;
        ranges.push((entry.offset, entry.offset + entry.size));
        weights.insert(name, Array::new(entry.shape, from_f32(stored))?);
    }
    // Else a small file could ask for any amount of memory.
    ranges.sort_unstable();
    if ranges.windows(2).any(|pair| pair[1].0 < pair[0].1) {
        return Err(Fault::new("variables lie over each other"));
    }
    Ok(weights)
}

fn check_header(header: &[u8]) -> Result<(), Fault> {
    const SHARDS: u32 = 1;
    const ENDIANNESS: u32 = 2;
    for field in Fields::new(header) {
        match field? {
            (SHARDS, Field::Varint(1)) | (ENDIANNESS, Field::Varint(0)) => {}
            (SHARDS, _) => return Err(Fault::new("the data do not lie in one file")),
            (ENDIANNESS, _) => return Err(Fault::new("the data are not little-endian")),
            _ => {}
        }
    }
    Ok(())
}

impl Entry {
    fn parse(value: &[u8]) -> Result<Entry, Fault> {
        let mut entry = Entry::default();
        for field in Fields::new(value) {
            match field? {
                (1, Field::Varint(dtype)) => entry.dtype = dtype,
                (2, Field::Bytes(shape)) => entry.shape = parse_shape(shape)?,
                (3, Field::Varint(shard)) => entry.shard = shard,
                (4, Field::Varint(offset)) => entry.offset = offset,
                (5, Field::Varint(size)) => entry.size = size,
                (6, Field::Fixed32(checksum)) => entry.checksum = checksum,
                (7, _) => entry.sliced = true,
                _ => {}
            }
        }
        Ok(entry)
    }

    /// Its bytes in the data.
    fn locate<'a>(&self, data: &'a [u8]) -> Result<&'a [u8], Fault> {
        if self.sliced || self.shard != 0 {
            return Err(Fault::new("it lies in slices or in another file"));
        }
        let asked = self.shape.iter().try_fold(4_usize, |all, &n| all.checked_mul(n));
        if asked.map(|asked| asked as u64) != Some(self.size) {
            return Err(Fault::new(format!(
                "{} bytes for the shape {:?}",
                self.size, self.shape
            )));
        }
        let stored = usize::try_from(self.offset)
            .ok()
            .and_then(|offset| data.get(offset..)?.get(..asked?));
        let Some(stored) = stored else {
            return Err(Fault::new(format!(
                "{} bytes at {}: the data are {} bytes long",
                self.size,
                self.offset,
                data.len()
            )));
        };
        if masked_crc32c(&[stored]) != self.checksum {
            return Err(Fault::new("its checksum is wrong"));
        }
        Ok(stored)
    }
}

fn parse_shape(message: &[u8]) -> Result<Vec<usize>, Fault> {
    const DIM: u32 = 2;
    const SIZE: u32 = 1;
    let mut shape = Vec::new();
    for field in Fields::new(message) {
        let (DIM, Field::Bytes(dim)) = field? else {
            return Err(Fault::new("its shape is not known"));
        };
        // A size of zero is left out.
        let mut size = 0;
        for field in Fields::new(dim) {
            if let (SIZE, Field::Varint(told)) = field? {
                size = told;
            }
        }
        shape.push(usize::try_from(size).map_err(|_| Fault::new("its shape is too large"))?);
        if shape.len() > MAX_RANK {
            return Err(Fault::new(format!("it has more than {MAX_RANK} axes")));
        }
    }
    Ok(shape)
}

#[cfg(test)]
mod tests;
