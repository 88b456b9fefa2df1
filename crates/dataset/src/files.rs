//! Files that are there whole or not at all, and NumPy's format for arrays. Not for tables.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Writes a file beside its place (`NAME.new`), then moves it there; a failure leaves nothing behind.
///
/// # Errors
/// What the operating system says.
pub fn write_beside(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let written = File::create(&beside).and_then(|file| {
        let mut out = BufWriter::new(file);
        write(&mut out)?;
        out.into_inner()?.sync_all()?;
        std::fs::rename(&beside, path)
    });
    if written.is_err() {
        // The first error is the one to report.
        let _ = std::fs::remove_file(&beside);
    }
    written
}

/// NumPy's format, version 1.0: single precision, little-endian, the last axis fastest.
///
/// # Errors
/// What `out` says.
pub fn write_npy(
    out: &mut dyn Write,
    shape: &[usize],
    values: impl IntoIterator<Item = f32>,
) -> io::Result<()> {
    let shape = match shape {
        [only] => format!("({only},)"),
        axes => {
            let axes: Vec<String> = axes.iter().map(usize::to_string).collect();
            format!("({})", axes.join(", "))
        }
    };
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
    // The header ends with a line feed, and the data begin at a multiple of 64 bytes.
    let length = (10 + header.len() + 1).next_multiple_of(64) - 10;
    header.push_str(&" ".repeat(length - header.len() - 1));
    header.push('\n');
    out.write_all(b"\x93NUMPY\x01\x00")?;
    out.write_all(&(length as u16).to_le_bytes())?;
    out.write_all(header.as_bytes())?;
    values
        .into_iter()
        .try_for_each(|value| out.write_all(&value.to_le_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_leaves_the_file_that_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_beside(&path, |out| out.write_all(b"old")).unwrap();
        let failed = write_beside(&path, |out| {
            out.write_all(b"new")?;
            Err(io::Error::other("full"))
        });
        assert!(failed.is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn arrays_begin_at_a_multiple_of_64_bytes() {
        let mut bytes = Vec::new();
        write_npy(&mut bytes, &[2, 3], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        assert_eq!(bytes.len(), 128 + 6 * 4);
        let header = String::from_utf8_lossy(&bytes[10..128]).into_owned();
        assert!(
            header.contains("'shape': (2, 3), }") && header.ends_with('\n'),
            "{header}"
        );
        assert_eq!(bytes[128 + 20..], 5f32.to_le_bytes());
    }
}
