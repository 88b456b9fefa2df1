//! Any bytes as the file of a counting model, as they are and with their checksum put right, and as a stream of tokens: refused or read
//! and asked, never a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use melisma_compose::Model;
use melisma_compose::counting::parse;
use sha2::{Digest, Sha256};

fuzz_target!(|bytes: &[u8]| {
    let _ = melisma_compose::stream::parse(bytes.to_vec());
    model(bytes);
    // No mutation finds a checksum by chance, and what lies behind it is what there is to test.
    let content = &bytes[..bytes.len().saturating_sub(32)];
    model(&[content, Sha256::digest(content).as_slice()].concat());
});

fn model(bytes: &[u8]) {
    if let Ok((about, model)) = parse(bytes) {
        let step: Vec<u16> = about.sizes().iter().map(|size| (size - 1) as u16).collect();
        let costs = model.costs(&step.repeat(4)).expect("tokens of its vocabulary");
        assert!(costs.iter().all(|cost| !cost.is_nan()));
    }
}
