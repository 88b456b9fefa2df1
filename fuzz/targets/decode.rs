//! Any bytes at all, as a file without a name.
#![no_main]

use libfuzzer_sys::fuzz_target;
use melisma_audio::{Hertz, Stream, install_quiet_panic_hook};

/// Sound worth decoding in one run, in samples.
const ENOUGH: usize = 22_050 * 60;

fuzz_target!(|data: &[u8]| {
    // libFuzzer's own hook ends the process; inside the guard a panic is part of the plan.
    install_quiet_panic_hook();
    let Ok(mut stream) = Stream::from_bytes(data.to_vec(), None, Some(Hertz(22_050))) else {
        return;
    };
    let mut samples = Vec::new();
    while samples.len() < ENOUGH && stream.read(&mut samples, 4096).is_ok_and(|count| count > 0) {}
    assert!(samples.iter().all(|sample| sample.is_finite()));
});
