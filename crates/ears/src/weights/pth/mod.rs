//! State dictionaries of PyTorch, in either of its formats: a zip archive (since 1.6) or pickles end to end (before).
//!
//! Both hold a pickle that says which numbers of which storage make up each tensor, and the storages' bytes. The pickle is
//! not run as Python would: a machine that knows what state dictionaries need refuses the rest. Tensors of floating point
//! numbers are read, whatever their strides; whole numbers (step counters and the like) are passed over.
//!
//! The formats: `torch/serialization.py` of PyTorch 2.

mod pickle;

use std::collections::BTreeMap;

use self::pickle::{Heap, Kind, Storage, Tensor, Value};
use super::archive::{Archive, Limits};
use super::safetensors::{from_bf16, from_f16, from_f32, from_f64};
use super::{Array, Fault, Weights};

/// How the older format begins: pickles of a magic number and of the number 1001.
const LEGACY: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e\x80\x02M\xe9\x03.";
/// How often all tensors together may use the numbers there are; some networks use a few of them twice.
const MAX_SHARING: usize = 4;

/// Reads the floating point tensors of a state dictionary, or of one called `state_dict` within a checkpoint.
///
/// # Errors
/// A message that names what is damaged, or what the file asks for that has no place among weights.
pub fn read(bytes: &[u8]) -> Result<Weights, Fault> {
    match bytes.strip_prefix(LEGACY) {
        Some(rest) => read_legacy(rest),
        None => read_zip(bytes),
    }
}

fn read_zip(bytes: &[u8]) -> Result<Weights, Fault> {
    let archive = Archive::open(bytes, Limits::default())?;
    let mut prefixes = archive.names().filter_map(|name| name.strip_suffix("data.pkl"));
    let (Some(prefix), None) = (prefixes.next(), prefixes.next()) else {
        return Err(Fault::new(
            "not a checkpoint of PyTorch: it does not hold one `data.pkl`",
        ));
    };
    let order = format!("{prefix}byteorder");
    if archive.names().any(|name| name == order) && archive.read(&order)? != b"little" {
        return Err(Fault::new("its numbers are not little-endian"));
    }
    let program = archive.read(&format!("{prefix}data.pkl"))?;
    let (result, heap) = pickle::run(&mut program.as_slice())?;
    let mut numbers = Vec::new();
    for storage in &heap.storages {
        let stored = archive.read(&format!("{prefix}data/{}", storage.key))?;
        numbers.push(decode(storage, &stored)?);
    }
    gather_all(&heap, result, &numbers)
}

fn read_legacy(mut bytes: &[u8]) -> Result<Weights, Fault> {
    let (about, heap) = pickle::run(&mut bytes)?;
    let mut told = heap.dict(about).unwrap_or_default().iter();
    let little =
        told.any(|&(key, value)| heap.text(key) == Some("little_endian") && value == Value::Bool(true));
    if !little {
        return Err(Fault::new("its numbers are not little-endian"));
    }
    let (result, heap) = pickle::run(&mut bytes)?;
    let (keys, names) = pickle::run(&mut bytes)?;
    let keys = match keys {
        Value::List(at) => names.lists.get(at).map_or(&[][..], Vec::as_slice),
        _ => return Err(Fault::new("it does not list its storages")),
    };
    let mut found: Vec<Option<Option<Vec<f32>>>> = heap.storages.iter().map(|_| None).collect();
    let storages = heap.storages.iter().enumerate();
    let places: BTreeMap<&str, usize> = storages.map(|(at, storage)| (storage.key.as_str(), at)).collect();
    for &key in keys {
        let at = names.text(key).and_then(|key| places.get(key).copied());
        let Some(at) = at.filter(|&at| found[at].is_none()) else {
            return Err(Fault::new("it lists a storage twice, or one that no tensor uses"));
        };
        let storage = &heap.storages[at];
        let stored = take_legacy(&mut bytes, storage)
            .ok_or_else(|| Fault::new(format!("storage `{}` is cut off", storage.key.escape_debug())))?;
        found[at] = Some(decode(storage, stored)?);
    }
    let mut numbers = Vec::new();
    for (storage, found) in heap.storages.iter().zip(found) {
        let missing = || Fault::new(format!("storage `{}` is missing", storage.key.escape_debug()));
        numbers.push(found.ok_or_else(missing)?);
    }
    gather_all(&heap, result, &numbers)
}

/// The bytes of a storage, behind their count.
fn take_legacy<'a>(bytes: &mut &'a [u8], storage: &Storage) -> Option<&'a [u8]> {
    let count = bytes.split_off(..8)?.first_chunk()?;
    if u64::from_le_bytes(*count) != storage.count as u64 {
        return None;
    }
    bytes.split_off(..storage.count.checked_mul(storage.kind.width())?)
}

/// The numbers of a storage, or nothing where they are whole ones.
fn decode(storage: &Storage, stored: &[u8]) -> Result<Option<Vec<f32>>, Fault> {
    if storage.count.checked_mul(storage.kind.width()) != Some(stored.len()) {
        return Err(Fault::new(format!(
            "storage `{}` holds {} bytes for {} numbers",
            storage.key.escape_debug(),
            stored.len(),
            storage.count
        )));
    }
    Ok(match storage.kind {
        Kind::Float => Some(from_f32(stored)),
        Kind::Double => Some(from_f64(stored)),
        Kind::Half => Some(from_f16(stored)),
        Kind::BFloat16 => Some(from_bf16(stored)),
        Kind::Whole(_) => None,
    })
}

/// The named tensors of the program's result; `numbers` are those of each storage.
fn gather_all(heap: &Heap, result: Value, numbers: &[Option<Vec<f32>>]) -> Result<Weights, Fault> {
    let there: usize = numbers.iter().flatten().map(Vec::len).sum();
    let mut left = there.saturating_mul(MAX_SHARING);
    let mut weights = Weights::new();
    for (name, tensor) in named_tensors(heap, result)? {
        let fault = |what: &str| Fault::new(format!("`{}`: {what}", name.escape_debug()));
        let Some(numbers) = &numbers[tensor.storage] else {
            continue;
        };
        let count =
            extent(tensor, numbers.len()).ok_or_else(|| fault("it does not lie within its storage"))?;
        left = left
            .checked_sub(count)
            .ok_or_else(|| fault("with it, the tensors use their numbers more than four times over"))?;
        let array = Array::new(tensor.shape.clone(), gather(tensor, numbers, count))?;
        if weights.insert(name.to_owned(), array).is_some() {
            return Err(fault("it stands there twice"));
        }
    }
    Ok(weights)
}

fn named_tensors(heap: &Heap, result: Value) -> Result<Vec<(&str, &Tensor)>, Fault> {
    let no_dictionary = || Fault::new("not a state dictionary: it does not hold named tensors");
    let outer = heap.dict(result).ok_or_else(no_dictionary)?;
    let within = outer
        .iter()
        .find(|(key, _)| heap.text(*key) == Some("state_dict"));
    let pairs = within.and_then(|(_, value)| heap.dict(*value)).unwrap_or(outer);
    let named = pairs.iter().map(|&(key, value)| {
        let name = heap.text(key).ok_or_else(no_dictionary)?;
        match value {
            Value::Tensor(at) => Ok((name, &heap.tensors[at])),
            _ => Err(Fault::new(format!("`{}` is no tensor", name.escape_debug()))),
        }
    });
    named.collect()
}

/// How many numbers a tensor has, all of which lie within a storage of so many.
fn extent(tensor: &Tensor, there: usize) -> Option<usize> {
    let count = tensor
        .shape
        .iter()
        .try_fold(1_usize, |all, &n| all.checked_mul(n))?;
    if count == 0 {
        return Some(0);
    }
    let last = tensor
        .shape
        .iter()
        .zip(&tensor.strides)
        .try_fold(tensor.offset, |at, (n, stride)| {
            at.checked_add((n - 1).checked_mul(*stride)?)
        });
    last.filter(|&last| last < there).map(|_| count)
}

/// A tensor's numbers in row-major order.
fn gather(tensor: &Tensor, numbers: &[f32], count: usize) -> Vec<f32> {
    let mut index = vec![0; tensor.shape.len()];
    let mut at = tensor.offset;
    let mut values = Vec::with_capacity(count);
    for _ in 0..count {
        values.push(numbers[at]);
        // The next index, the last axis fastest; past the last one it comes back to the first.
        for axis in (0..index.len()).rev() {
            index[axis] += 1;
            // The stride of an axis of one may be anything; what is added here is taken away again.
            at = at.wrapping_add(tensor.strides[axis]);
            if index[axis] < tensor.shape[axis] {
                break;
            }
            at = at.wrapping_sub(tensor.strides[axis].wrapping_mul(tensor.shape[axis]));
            index[axis] = 0;
        }
    }
    values
}

#[cfg(test)]
mod tests;
