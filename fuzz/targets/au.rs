//! Any bytes after the magic of a Sun `.au` file, at the file's own rate.
#![no_main]

use libfuzzer_sys::fuzz_target;
use melisma_audio::Stream;

fuzz_target!(|data: &[u8]| {
    let bytes = [b".snd", data.strip_prefix(b".snd").unwrap_or(data)].concat();
    let len = bytes.len();
    let Ok(mut stream) = Stream::from_bytes(bytes, Some("au"), None) else {
        return;
    };
    let mut samples = Vec::new();
    while stream.read(&mut samples, 1000).is_ok_and(|count| count > 0) {}
    assert!(!samples.is_empty() && samples.len() <= len);
    assert!(samples.iter().all(|sample| sample.is_finite()));
});
