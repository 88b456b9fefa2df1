//! Any bytes as a file of a split, and, where they begin like one, as an HDF5 file of the Million Song Dataset.

#![no_main]

use std::io::{Cursor, Write};

use libfuzzer_sys::fuzz_target;
use melisma_dataset::Split;
use melisma_dataset::collection::Song;

fuzz_target!(|data: &[u8]| {
    if let Ok(split) = Split::from_reader(Cursor::new(data), "fuzz") {
        // What is read is written and read back the same.
        let bytes = split.to_bytes();
        let again = Split::from_reader(Cursor::new(&bytes[..]), "again").expect("our own writing is readable");
        assert_eq!(again.hash(), split.hash());
    }
    if data.starts_with(b"\x89HDF")
        && let Ok(mut file) = tempfile::Builder::new().suffix(".h5").tempfile()
        && file.write_all(data).is_ok()
    {
        let _ = Song::read(file.path());
    }
});
