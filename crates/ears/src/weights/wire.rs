//! The wire format of protocol buffers, as far as files of weights need it: the fields of one message.
//!
//! The format: <https://protobuf.dev/programming-guides/encoding>. A message within a message is a field of bytes, which
//! whoever knows its meaning reads in turn; nothing here recurses.

use super::Fault;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field<'a> {
    /// A whole number, a truth value or an enumeration.
    Varint(u64),
    /// Four bytes.
    Fixed32(u32),
    /// Eight bytes.
    Fixed64(u64),
    /// Text, bytes, or a message.
    Bytes(&'a [u8]),
}

/// The numbered fields of a message, in the order they stand.
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// Of a message in these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Fields(bytes)
    }

    fn field(&mut self) -> Option<(u32, Field<'a>)> {
        let tag = u32::try_from(varint(&mut self.0)?).ok()?;
        let field = match tag & 7 {
            0 => Field::Varint(varint(&mut self.0)?),
            1 => Field::Fixed64(u64::from_le_bytes(*self.0.split_off(..8)?.first_chunk()?)),
            2 => {
                let length = usize::try_from(varint(&mut self.0)?).ok()?;
                Field::Bytes(self.0.split_off(..length)?)
            }
            5 => Field::Fixed32(u32::from_le_bytes(*self.0.split_off(..4)?.first_chunk()?)),
            _ => return None,
        };
        Some((tag >> 3, field))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Field<'a>), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[]; // what follows a damaged field cannot be told apart
        }
        Some(field.ok_or_else(|| Fault::new("a message is damaged or cut off")))
    }
}

/// A number of up to 64 bits, seven to a byte, the lowest first; taken off the front of `bytes`.
pub(crate) fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = u64::from(*bytes.split_off_first()?);
        // The tenth byte has room for one bit.
        if shift == 63 && byte > 1 {
            return None;
        }
        number |= (byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_every_kind() {
        let bytes = b"\x08\xac\x02\x12\x03abc\x1d\x01\0\0\x80\x21\x02\0\0\0\0\0\0\0";
        let fields: Vec<_> = Fields::new(bytes).map(Result::unwrap).collect();
        let expected = [
            (1, Field::Varint(300)),
            (2, Field::Bytes(b"abc")),
            (3, Field::Fixed32(0x8000_0001)),
            (4, Field::Fixed64(2)),
        ];
        assert_eq!(fields, expected);
        let whole = [3, 8, 13];
        for end in 1..bytes.len() {
            let last = Fields::new(&bytes[..end]).last().unwrap();
            assert_eq!(last.is_ok(), whole.contains(&end), "{end}");
        }
    }

    #[test]
    fn numbers_that_overflow_and_unknown_kinds_are_refused() {
        let mut largest = &[0xff_u8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1][..];
        assert_eq!(varint(&mut largest), Some(u64::MAX));
        let mut over = &[0xff_u8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2][..];
        assert_eq!(varint(&mut over), None);
        assert_eq!(varint(&mut &[0x80_u8; 11][..]), None);
        let mut fields = Fields::new(b"\x0b\x08\x01");
        assert!(fields.next().unwrap().is_err() && fields.next().is_none());
        assert!(
            Fields::new(b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01a")
                .next()
                .unwrap()
                .is_err()
        );
    }
}
