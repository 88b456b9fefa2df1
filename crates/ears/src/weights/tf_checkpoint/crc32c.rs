//! CRC-32C (Castagnoli), as LevelDB and TensorFlow store it.

/// The remainder for every byte.
const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 {
                crc >> 1 ^ 0x82f6_3b78
            } else {
                crc >> 1
            };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// The checksum of these parts, one after the other.
fn crc32c(parts: &[&[u8]]) -> u32 {
    let step = |crc: u32, &byte: &u8| crc >> 8 ^ TABLE[(crc as u8 ^ byte) as usize];
    !parts.iter().copied().flatten().fold(!0, step)
}

/// The checksum, turned and shifted, so that the checksum of bytes that hold checksums is a good one.
pub(super) fn masked_crc32c(parts: &[&[u8]]) -> u32 {
    crc32c(parts).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values of RFC 3720, section B.4, and of the catalogue of checksums.
    #[test]
    fn published_check_values() {
        assert_eq!(crc32c(&[b"123456789"]), 0xe306_9283);
        assert_eq!(crc32c(&[b"1234", b"", b"56789"]), 0xe306_9283);
        assert_eq!(crc32c(&[&[0; 32]]), 0x8a91_36aa);
        assert_eq!(crc32c(&[&[0xff; 32]]), 0x62a8_ab43);
    }
}
