//! Files that once broke something (findings of the fuzzer, mostly), each of which must now be read or refused in time.

mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use melisma_audio::{Hertz, Stream, info, install_quiet_panic_hook};

#[test]
fn every_regression_file_is_read_or_refused() {
    install_quiet_panic_hook();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/regressions");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let start = Instant::now();
        // Whatever the outcome, it is one.
        let _ = info(&path);
        if let Ok(mut stream) = Stream::open(&path, Some(Hertz(22_050))) {
            let mut samples = Vec::new();
            while samples.len() < 22_050 * 60 && stream.read(&mut samples, 4096).is_ok_and(|count| count > 0)
            {
            }
            assert!(
                samples.iter().all(|sample| sample.is_finite()),
                "{}",
                path.display()
            );
        }
        assert!(start.elapsed() < Duration::from_secs(5), "{}", path.display());
    }
}
