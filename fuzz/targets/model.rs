//! Any bytes as a model file: refused or read, never a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use melisma_learn::Model;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(model) = Model::from_bytes(bytes) {
        let width = model.schema().names().len();
        let _ = model.predict(&vec![1.0; width]);
    }
});
