//! Any bytes as the file of a network or an autoencoder of music, as they are and with their checksum put right: refused or read, never a
//! panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use melisma_compose::latent::LatentModel;
use melisma_compose::{Composer, Model};
use sha2::{Digest, Sha256};

fuzz_target!(|bytes: &[u8]| {
    model(bytes);
    // No mutation finds a checksum by chance, and what lies behind it is what there is to test.
    let content = &bytes[..bytes.len().saturating_sub(32)];
    model(&[content, Sha256::digest(content).as_slice()].concat());
});

fn model(bytes: &[u8]) {
    let _ = LatentModel::parse(bytes);
    if let Ok(composer) = Composer::parse(bytes) {
        let step: Vec<u16> = composer.network.fields().iter().map(|size| (size - 1) as u16).collect();
        composer.network.costs(&step.repeat(4)).expect("tokens of its vocabulary");
    }
}
