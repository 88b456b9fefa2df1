//! Weights in the safetensors format: a length, a header in JSON, then every array's bytes end to end.
//!
//! The format: <https://github.com/huggingface/safetensors#format>. Read here: `F32`, `F16`, `BF16` and `F64`; arrays of
//! whole numbers (step counters and the like) are passed over. Written here: `F32`, sorted by name, so that the same
//! weights give the same bytes.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::{Array, Fault, Weights};

/// Bytes of the longest header that is read: that of a network of some 50,000 arrays.
const MAX_HEADER: u64 = 8 << 20;
/// The name that is no array's but holds texts about the file.
const METADATA: &str = "__metadata__";

/// What the header says of one array.
#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: [usize; 2],
}

/// The header's arrays in the order they stand there, so that a name told twice is not lost.
struct Header(Vec<(String, Entry)>);

/// Reads weights.
///
/// # Errors
/// A message when the header is malformed, too long or names an array twice, when the arrays do not tile the data
/// exactly, or when an array's bytes are not what its shape and type ask for.
pub fn read(bytes: &[u8]) -> Result<Weights, Fault> {
    let (header, data) = split(bytes)?;
    let header: Header = serde_json::from_slice(header)
        .map_err(|error| Fault::new(format!("the header is not valid: {error}")))?;
    check_tiling(&header, data.len())?;
    let mut weights = Weights::new();
    for (name, entry) in header.0 {
        let [begin, end] = entry.data_offsets;
        let stored = &data[begin..end];
        let values = values(&entry.dtype, &entry.shape, stored)
            .map_err(|fault| Fault::new(format!("`{name}`: {fault}")))?;
        if let Some(values) = values {
            weights.insert(name, Array::new(entry.shape, values)?);
        }
    }
    Ok(weights)
}

/// Writes weights in single precision, sorted by name: the same weights give the same bytes.
///
/// # Errors
/// A message when an array is called `__metadata__`, which the format keeps for itself.
pub fn write(weights: &Weights) -> Result<Vec<u8>, Fault> {
    if weights.contains_key(METADATA) {
        return Err(Fault::new(format!("no array can be called `{METADATA}`")));
    }
    let mut header = serde_json::Map::new();
    let mut end = 0;
    for (name, array) in weights {
        let begin = end;
        end += 4 * array.values().len();
        let entry = serde_json::json!({"dtype": "F32", "shape": array.shape(), "data_offsets": [begin, end]});
        header.insert(name.clone(), entry);
    }
    let mut header = serde_json::Value::Object(header).to_string().into_bytes();
    // Data that begin at a multiple of eight bytes can be mapped as numbers by other readers.
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut bytes = Vec::with_capacity(8 + header.len() + end);
    bytes.extend((header.len() as u64).to_le_bytes());
    bytes.extend(header);
    for array in weights.values() {
        bytes.extend(array.values().iter().flat_map(|value| value.to_le_bytes()));
    }
    Ok(bytes)
}

/// The header's text and the data behind it.
fn split(bytes: &[u8]) -> Result<(&[u8], &[u8]), Fault> {
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else {
        return Err(Fault::new("it ends within the header's length"));
    };
    let length = u64::from_le_bytes(*length);
    if length > MAX_HEADER {
        return Err(Fault::new(format!(
            "a header of {length} bytes: more than {MAX_HEADER} are not read"
        )));
    }
    match rest.split_at_checked(length as usize) {
        Some(parts) => Ok(parts),
        None => Err(Fault::new(format!("it ends within its header of {length} bytes"))),
    }
}

/// Checks that the arrays lie end to end from the first byte of the data to the last.
fn check_tiling(header: &Header, data: usize) -> Result<(), Fault> {
    let mut ranges: Vec<([usize; 2], &str)> = header
        .0
        .iter()
        .map(|(name, entry)| (entry.data_offsets, name.as_str()))
        .collect();
    ranges.sort_unstable();
    let mut reached = 0;
    for ([begin, end], name) in ranges {
        if begin != reached || end < begin || end > data {
            return Err(Fault::new(format!(
                "`{name}` lies at {begin} to {end}: expected from {reached}, within {data} bytes"
            )));
        }
        reached = end;
    }
    if reached != data {
        return Err(Fault::new(format!(
            "{data} bytes of data, of which the header describes {reached}"
        )));
    }
    Ok(())
}

/// The numbers of an array, or nothing where they are whole ones.
fn values(dtype: &str, shape: &[usize], stored: &[u8]) -> Result<Option<Vec<f32>>, Fault> {
    let width = match dtype {
        "F64" | "I64" | "U64" => 8,
        "F32" | "I32" | "U32" => 4,
        "F16" | "BF16" | "I16" | "U16" => 2,
        "I8" | "U8" | "BOOL" => 1,
        _ => {
            return Err(Fault::new(format!(
                "numbers of type {} are not read",
                dtype.escape_debug()
            )));
        }
    };
    let asked = shape.iter().try_fold(width, |all: usize, &n| all.checked_mul(n));
    if asked != Some(stored.len()) {
        return Err(Fault::new(format!(
            "{} bytes for the shape {shape:?} of type {dtype}",
            stored.len()
        )));
    }
    Ok(match dtype {
        "F64" => Some(from_f64(stored)),
        "F32" => Some(from_f32(stored)),
        "F16" => Some(from_f16(stored)),
        "BF16" => Some(from_bf16(stored)),
        _ => None,
    })
}

/// Little-endian numbers of 32 bits; bytes that make no whole number are left out.
pub(crate) fn from_f32(bytes: &[u8]) -> Vec<f32> {
    bytes
        .as_chunks()
        .0
        .iter()
        .map(|b| f32::from_le_bytes(*b))
        .collect()
}

/// Little-endian numbers of 64 bits, rounded.
pub(crate) fn from_f64(bytes: &[u8]) -> Vec<f32> {
    let rounded = |b: &[u8; 8]| f64::from_le_bytes(*b) as f32;
    bytes.as_chunks().0.iter().map(rounded).collect()
}

/// Little-endian half-precision numbers of IEEE 754, each exactly.
pub(crate) fn from_f16(bytes: &[u8]) -> Vec<f32> {
    bytes
        .as_chunks()
        .0
        .iter()
        .map(|b| half(u16::from_le_bytes(*b)))
        .collect()
}

/// Little-endian `bfloat16`: the upper half of a number of 32 bits.
pub(crate) fn from_bf16(bytes: &[u8]) -> Vec<f32> {
    let widened = |b: &[u8; 2]| f32::from_bits(u32::from(u16::from_le_bytes(*b)) << 16);
    bytes.as_chunks().0.iter().map(widened).collect()
}

/// A half-precision number: a sign, five bits of exponent, ten of fraction.
fn half(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f32::from(bits & 0x3ff) / 1024.0);
    match exponent {
        0 => sign * fraction * 2_f32.powi(-14),
        31 if fraction == 0.0 => sign * f32::INFINITY,
        31 => f32::NAN,
        _ => sign * (1.0 + fraction) * 2_f32.powi(exponent - 15),
    }
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Header, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Header;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("names of arrays with what they are")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let (mut entries, mut names) = (Vec::new(), BTreeSet::new());
                while let Some(name) = map.next_key::<String>()? {
                    if !names.insert(name.clone()) {
                        let name = name.escape_debug();
                        return Err(serde::de::Error::custom(format!("`{name}` stands there twice")));
                    }
                    if name == METADATA {
                        map.next_value::<serde::de::IgnoredAny>()?;
                    } else {
                        entries.push((name, map.next_value()?));
                    }
                }
                Ok(Header(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    #[track_caller]
    fn refused(header: &str, data: &[u8], said: &str) {
        let message = read(&file(header, data)).unwrap_err().to_string();
        assert!(message.contains(said), "{message}");
    }

    #[test]
    fn every_type_of_number_is_read() {
        let header = r#"{"__metadata__":{"format":"pt"},
            "a":{"dtype":"F16","shape":[2,3],"data_offsets":[0,12]},
            "b":{"dtype":"BF16","shape":[2],"data_offsets":[12,16]},
            "d":{"dtype":"F64","shape":[],"data_offsets":[24,32]},
            "c":{"dtype":"I64","shape":[],"data_offsets":[16,24]},
            "e":{"dtype":"F32","shape":[0,7],"data_offsets":[32,32]}}"#;
        let mut data = Vec::new();
        for half in [0x3c00_u16, 0xc100, 0x7bff, 0x0001, 0x8000, 0x7c00] {
            data.extend(half.to_le_bytes());
        }
        data.extend([0x80, 0x3f, 0x20, 0xc1]);
        data.extend(5_i64.to_le_bytes());
        data.extend(0.1_f64.to_le_bytes());
        let weights = read(&file(header, &data)).unwrap();
        let halves = [1.0, -2.5, 65504.0, 2_f32.powi(-24), -0.0, f32::INFINITY];
        assert_eq!(weights["a"], Array::new(vec![2, 3], halves.to_vec()).unwrap());
        assert!(weights["a"].values()[4].is_sign_negative());
        assert_eq!(weights["b"].values(), [1.0, -10.0]);
        assert_eq!(weights["d"], Array::new(vec![], vec![0.1]).unwrap());
        assert_eq!(weights["e"], Array::new(vec![0, 7], vec![]).unwrap());
        assert!(!weights.contains_key("c"), "whole numbers are no weights");
        assert!(half(0x7e00).is_nan());
    }

    #[test]
    fn malformed_files_are_refused() {
        let one = r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
        assert!(read(&file(one, &[0; 4])).is_ok());
        refused(one, &[0; 3], "lies at 0 to 4");
        refused(one, &[0; 5], "5 bytes of data, of which the header describes 4");
        refused("", &[], "the header is not valid");
        refused("[]", &[], "names of arrays");
        refused(
            &format!("{{{},{}", &one[1..one.len() - 1], &one[1..]),
            &[0; 4],
            "`a` stands there twice",
        );
        refused(
            r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#,
            &[0; 4],
            "4 bytes for the shape [2]",
        );
        refused(
            r#"{"a":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}"#,
            &[0; 4],
            "F8_E4M3 are not read",
        );
        let huge = r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}"#;
        refused(huge, &[], "for the shape");
        refused(
            r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#,
            &[0; 4],
            "lies at 4 to 0",
        );
        let twice = r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
        refused(twice, &[0; 4], "`b` lies at 0 to 4: expected from 4");
        let nested = format!("{{\"__metadata__\":{}", "[".repeat(100_000));
        refused(&nested, &[], "EOF while parsing");
        let message = read(&u64::MAX.to_le_bytes()).unwrap_err().to_string();
        assert!(
            message.contains("a header of 18446744073709551615 bytes"),
            "{message}"
        );
        assert!(read(&[0; 7]).is_err());
        let named = Weights::from([(METADATA.to_owned(), Array::new(vec![0], vec![]).unwrap())]);
        assert!(write(&named).is_err());
    }

    fn arrays() -> impl Strategy<Value = Weights> {
        let array = prop::collection::vec(0_usize..4, 0..4).prop_flat_map(|shape| {
            let count = shape.iter().product();
            prop::collection::vec(any::<u32>(), count..=count).prop_map(move |bits| {
                let values = bits.into_iter().map(f32::from_bits).collect();
                Array::new(shape.clone(), values).unwrap()
            })
        });
        prop::collection::btree_map("[a-zä/\"\\\\.0-9]{0,8}", array, 0..6)
    }

    fn bits(weights: &Weights) -> Vec<(&str, &[usize], Vec<u32>)> {
        let bits = |array: &Array| array.values().iter().map(|v| v.to_bits()).collect();
        weights
            .iter()
            .map(|(name, array)| (name.as_str(), array.shape(), bits(array)))
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_was_written_is_read_bit_for_bit(weights in arrays()) {
            let bytes = write(&weights).unwrap();
            let read = read(&bytes).unwrap();
            prop_assert_eq!(bits(&read), bits(&weights));
            prop_assert_eq!(write(&weights).unwrap(), bytes);
        }

        #[test]
        fn cut_files_are_refused_and_changed_ones_do_not_panic(weights in arrays(), at in any::<usize>(), to: u8) {
            let mut bytes = write(&weights).unwrap();
            for end in 0..bytes.len() {
                prop_assert!(read(&bytes[..end]).is_err());
            }
            let at = at % bytes.len();
            bytes[at] ^= to;
            let _ = read(&bytes);
        }
    }
}
