//! Sound to a wav file. Not for reading one, nor for anything but one channel.

use std::io::{self, Write};

use melisma_audio::Signal;

/// Bytes of the chunks between `RIFF` with its size and the samples.
const HEAD: u32 = 4 + (8 + 18) + (8 + 4) + 8;

/// Writes a wav file of 32-bit floating point numbers, which neither clips nor rounds a sample.
///
/// # Errors
/// What `out` says, and a sound too long for the format (4 GB).
pub fn write_wav(out: &mut dyn Write, signal: &Signal) -> io::Result<()> {
    let bytes = u32::try_from(4 * signal.samples().len()).ok();
    let bytes = bytes.filter(|bytes| bytes.checked_add(HEAD).is_some());
    let bytes = bytes.ok_or_else(|| io::Error::other("more than 4 GB of samples"))?;
    let rate = signal.rate().0;
    out.write_all(b"RIFF")?;
    out.write_all(&(HEAD + bytes).to_le_bytes())?;
    out.write_all(b"WAVEfmt \x12\0\0\0")?;
    // Format 3 is floating point; one channel.
    out.write_all(b"\x03\0\x01\0")?;
    out.write_all(&rate.to_le_bytes())?;
    out.write_all(&rate.wrapping_mul(4).to_le_bytes())?;
    // Four bytes for all channels at one time, 32 bits a sample, no extension.
    out.write_all(b"\x04\0\x20\0\0\0")?;
    out.write_all(b"fact\x04\0\0\0")?;
    out.write_all(&(bytes / 4).to_le_bytes())?;
    out.write_all(b"data")?;
    out.write_all(&bytes.to_le_bytes())?;
    signal
        .samples()
        .iter()
        .try_for_each(|sample| out.write_all(&sample.to_le_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use melisma_audio::{Hertz, Limit, load};

    #[test]
    fn every_sample_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        let samples: Vec<f32> = (0..1000).map(|n| 1.7 * (n as f32 * 0.1).sin()).collect();
        let signal = Signal::new(samples, Hertz(22_050));
        let mut bytes = Vec::new();
        write_wav(&mut bytes, &signal).unwrap();
        assert_eq!(bytes[4..8], (bytes.len() as u32 - 8).to_le_bytes());
        std::fs::write(&path, bytes).unwrap();
        let back = load(&path, None, Limit::Default).unwrap();
        assert_eq!((back.signal, back.warnings), (signal, Vec::new()));
    }
}
