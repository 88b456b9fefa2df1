//! Where data lies, and whether it is the data it was.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// The data folder: the one given, else `$MELISMA_DATA`, else `../shared/data`.
///
/// # Errors
/// [`Error::NoData`] when the first of these that is set is no folder.
pub fn data_dir(given: Option<&Path>) -> Result<PathBuf> {
    let folder = match given {
        Some(path) => path.to_owned(),
        None => match std::env::var_os("MELISMA_DATA") {
            Some(path) if !path.is_empty() => PathBuf::from(path),
            _ => PathBuf::from("../shared/data"),
        },
    };
    if folder.is_dir() {
        Ok(folder)
    } else {
        Err(Error::NoData(vec![folder]))
    }
}

/// SHA-256 of `bytes` in hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// SHA-256 of a file in hexadecimal, read in blocks.
///
/// # Errors
/// [`Error::Io`] when the file cannot be read.
pub fn sha256_file(path: &Path) -> Result<String> {
    let mut file = File::open(path).map_err(Error::io(path))?;
    let mut hasher = Sha256::new();
    let mut block = vec![0; 1 << 16];
    loop {
        let count = file.read(&mut block).map_err(Error::io(path))?;
        if count == 0 {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(&block[..count]);
    }
}

pub(crate) fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_of_nothing_is_the_known_one() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256_hex(b""), empty);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("empty");
        std::fs::write(&path, b"").unwrap();
        assert_eq!(sha256_file(&path).unwrap(), empty);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = data_dir(Some(Path::new("/no/such/folder"))).unwrap_err();
        assert!(error.to_string().contains("/no/such/folder"), "{error}");
    }
}
