//! Files of weights: the first byte says of which kind the others are.

#![no_main]

use libfuzzer_sys::fuzz_target;
use melisma_ears::weights::archive::{Archive, Limits};
use melisma_ears::weights::{pth, safetensors, tf_checkpoint};

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else {
        return;
    };
    match kind {
        b's' => {
            if let Ok(weights) = safetensors::read(bytes) {
                let written = safetensors::write(&weights).expect("names came from a file");
                assert_eq!(
                    safetensors::read(&written).expect("was just written").len(),
                    weights.len()
                );
            }
        }
        b't' => {
            // No mutation finds the checksum of data by chance: an index is tried alone, and as its own data.
            let _ = tf_checkpoint::read(bytes, &[]);
            let _ = tf_checkpoint::read(bytes, bytes);
        }
        b'p' => {
            let _ = pth::read(bytes);
        }
        _ => {
            let limits = Limits {
                member: 1 << 20,
                total: 4 << 20,
            };
            if let Ok(archive) = Archive::open(bytes, limits) {
                for name in archive.names() {
                    if let Ok(member) = archive.read(name) {
                        assert!(member.len() as u64 <= limits.member);
                    }
                }
            }
        }
    }
});
