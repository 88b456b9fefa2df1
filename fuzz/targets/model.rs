//! Any bytes as a model file, as they are and with their checksum put right: refused or read, never a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use melisma_learn::Model;
use sha2::{Digest, Sha256};

fuzz_target!(|bytes: &[u8]| {
    read(bytes);
    // No mutation finds a checksum by chance, and what lies behind it is what there is to test.
    let content = &bytes[..bytes.len().saturating_sub(32)];
    let checksum = Sha256::digest(content);
    read(&[content, checksum.as_slice()].concat());
});

fn read(bytes: &[u8]) {
    if let Ok(model) = Model::from_bytes(bytes) {
        // A model of other rows than recordings' says how many columns they have.
        let width = match model.schema() {
            Ok(schema) => schema.names().len(),
            Err(_) => model.header().columns.len(),
        };
        let _ = model.predict(&vec![1.0; width]);
    }
}
