//! LevelDB's immutable tables: sorted keys and values in blocks, found through an index block and a footer.
//!
//! The format: `doc/table_format.md` of LevelDB. Blocks may be compressed there; TensorFlow does not, and it is refused.

use super::super::Fault;
use super::super::wire::varint;
use super::crc32c::masked_crc32c;

/// Bytes of the largest table that is read: about 200,000 variables.
const MAX_TABLE: usize = 16 << 20;
/// Bytes of the longest key; keys share their beginnings, so that a small table could else unpack to a huge one.
const MAX_KEY: usize = 1024;
/// Keys of the largest table that is read.
const MAX_KEYS: usize = 1 << 17;
/// Two places of blocks, padded, and the magic number.
const FOOTER: usize = 48;
const MAGIC: [u8; 8] = 0xdb47_7524_8b80_fb57_u64.to_le_bytes();
/// A block's kind of compression, and its checksum.
const TRAILER: usize = 5;

/// A key with its value.
type Pair<'a> = (Vec<u8>, &'a [u8]);

/// All keys and values, in order.
pub(super) fn read(table: &[u8]) -> Result<Vec<Pair<'_>>, Fault> {
    let damaged = || Fault::new("the index is no table, or cut off");
    if table.len() > MAX_TABLE {
        return Err(Fault::new(format!("an index of more than {MAX_TABLE} bytes")));
    }
    let footer = table.len().checked_sub(FOOTER).ok_or_else(damaged)?;
    let mut places = table[footer..]
        .strip_suffix(MAGIC.as_slice())
        .ok_or_else(damaged)?;
    let filters = Place::parse(&mut places).ok_or_else(damaged)?;
    let index = Place::parse(&mut places).ok_or_else(damaged)?;
    // Nothing in it is needed, but it too is to be whole.
    filters.block(&table[..footer])?;
    let mut pairs = Vec::new();
    let mut reached = 0;
    for (_, value) in entries(index.block(&table[..footer])?)? {
        let place = Place::parse(&mut &*value).ok_or_else(damaged)?;
        // Blocks one after the other: none is read twice.
        if place.offset < reached {
            return Err(Fault::new("blocks of the index lie over each other"));
        }
        reached = place.offset.saturating_add(place.size);
        pairs.extend(entries(place.block(&table[..footer])?)?);
        if pairs.len() > MAX_KEYS {
            return Err(Fault::new(format!("an index of more than {MAX_KEYS} names")));
        }
    }
    if pairs.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
        return Err(Fault::new("the names in the index are not in order"));
    }
    Ok(pairs)
}

/// Where a block lies.
struct Place {
    offset: usize,
    size: usize,
}

impl Place {
    fn parse(bytes: &mut &[u8]) -> Option<Place> {
        let offset = usize::try_from(varint(bytes)?).ok()?;
        let size = usize::try_from(varint(bytes)?).ok()?;
        Some(Place { offset, size })
    }

    /// The block's content, whose checksum is right.
    fn block<'a>(&self, table: &'a [u8]) -> Result<&'a [u8], Fault> {
        let parts = table
            .get(self.offset..)
            .and_then(|rest| rest.split_at_checked(self.size))
            .and_then(|(content, rest)| Some((content, rest.first_chunk::<TRAILER>()?)));
        let Some((content, trailer)) = parts else {
            return Err(Fault::new("a block does not lie within the index"));
        };
        let [kind, checksum @ ..] = trailer;
        if masked_crc32c(&[content, &[*kind]]) != u32::from_le_bytes(*checksum) {
            return Err(Fault::new("the checksum of a block of the index is wrong"));
        }
        if *kind != 0 {
            return Err(Fault::new("a block of the index is compressed"));
        }
        Ok(content)
    }
}

/// The keys and values of a block.
fn entries(block: &[u8]) -> Result<Vec<Pair<'_>>, Fault> {
    let damaged = || Fault::new("a block of the index is damaged");
    // At its end stand places to search from, four bytes each, and their number.
    let (rest, count) = block.split_last_chunk::<4>().ok_or_else(damaged)?;
    let places = (u32::from_le_bytes(*count) as usize)
        .checked_mul(4)
        .ok_or_else(damaged)?;
    let end = rest.len().checked_sub(places).ok_or_else(damaged)?;
    let mut bytes = &rest[..end];
    let mut pairs = Vec::new();
    let mut key = Vec::new();
    while !bytes.is_empty() {
        let value = next_entry(&mut bytes, &mut key).ok_or_else(damaged)?;
        if key.len() > MAX_KEY || pairs.len() == MAX_KEYS {
            return Err(Fault::new(format!(
                "a block of the index with a name of more than {MAX_KEY} bytes, or more than {MAX_KEYS} names"
            )));
        }
        pairs.push((key.clone(), value));
    }
    Ok(pairs)
}

/// Turns the key before into the next one, and answers its value.
fn next_entry<'a>(bytes: &mut &'a [u8], key: &mut Vec<u8>) -> Option<&'a [u8]> {
    let mut length = || usize::try_from(varint(bytes)?).ok();
    let (shared, own, value) = (length()?, length()?, length()?);
    if shared > key.len() {
        return None;
    }
    key.truncate(shared);
    key.extend(bytes.split_off(..own)?);
    bytes.split_off(..value)
}
