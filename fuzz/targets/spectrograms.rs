//! Archives of spectrogram images: tar files of PNG pictures.

#![no_main]

use std::path::Path;
use std::sync::atomic::AtomicBool;

use libfuzzer_sys::fuzz_target;
use melisma_dataset::spectrograms::{SpectrogramOptions, read_spectrograms_from};

fuzz_target!(|bytes: &[u8]| {
    let (path, options) = (Path::new("fuzz.tar"), SpectrogramOptions::default());
    if let Ok(read) = read_spectrograms_from(bytes, path, &options, &AtomicBool::new(false)) {
        assert!(read.table.values.iter().all(|value| value.is_finite()));
    }
});
