//! Files that are not what they say: an error that names the fault, or what can be saved and a warning.

mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use melisma_audio::{Error, Hertz, Limit, Loaded, Result, Stream, Windows, info, load};
use support::{PCM, au, file, fixture, wav, wav_promising, wav16};

fn load_bytes(name: &str, bytes: &[u8]) -> Result<Loaded> {
    let (_directory, path) = file(name, bytes);
    load(&path, Some(Hertz(22_050)), Limit::Default)
}

/// The message without the path.
fn fault(name: &str, bytes: &[u8]) -> String {
    let error = load_bytes(name, bytes).unwrap_err();
    let text = error.to_string();
    text.strip_prefix(&format!("{}: ", error.path().display()))
        .unwrap()
        .to_owned()
}

/// Bytes that look like nothing, the same on every run.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..len).map(|_| next()).collect()
}

#[test]
fn missing_directory_and_empty() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("no.wav");
    assert!(matches!(load(&missing, None, Limit::None), Err(Error::NotFound { path }) if path == missing));
    assert!(matches!(
        load(directory.path(), None, Limit::None),
        Err(Error::Directory { .. })
    ));
    assert!(matches!(info(directory.path()), Err(Error::Directory { .. })));
    assert!(matches!(load_bytes("x.wav", b""), Err(Error::Empty { .. })));
    assert!(matches!(
        Windows::open(&missing, Hertz(22_050), 5),
        Err(Error::NotFound { .. })
    ));
}

#[test]
fn text_zeros_and_noise_are_not_audio() {
    let text = "It was the best of times, it was the worst of times. ".repeat(2000);
    for name in ["text.mp3", "text.wav", "text.au", "text"] {
        assert!(
            matches!(load_bytes(name, text.as_bytes()), Err(Error::Unrecognised { .. })),
            "{name}"
        );
        assert!(
            matches!(load_bytes(name, &[0; 100_000]), Err(Error::Unrecognised { .. })),
            "{name}"
        );
        assert!(load_bytes(name, &noise(2_000_000)).is_err(), "{name}");
        assert!(
            matches!(load_bytes(name, b"x"), Err(Error::Unrecognised { .. })),
            "{name}"
        );
    }
    // Bytes of 0xff are full of frame syncs.
    assert!(load_bytes("x.mp3", &[0xff; 100_000]).is_err());
}

#[test]
fn a_single_frame_in_a_sea_of_text_is_not_audio() {
    let mp3 = std::fs::read(fixture("sweep_untagged.mp3")).unwrap();
    let text = b"lorem ipsum dolor sit amet ".repeat(40_000);
    let bytes = [&text[..1000], &mp3, &text, &mp3, &text].concat();
    assert!(fault("x.mp3", &bytes).contains("bytes are MPEG audio"));
}

#[test]
fn impossible_rates_are_refused_by_name() {
    let data = [0; 100];
    assert!(fault("x.wav", &wav(PCM, 16, 1, 0, &data)).contains("0 Hz"));
    assert!(fault("x.wav", &wav(PCM, 16, 1, 1_000_000_000, &data)).contains("1000000000 Hz"));
    assert!(fault("x.wav", &wav(PCM, 16, 1, 999, &data)).contains("999 Hz"));
    assert!(fault("x.au", &au(3, 1, 0, &data, 100)).contains("0 Hz"));
    assert!(fault("x.au", &au(3, 1, 1_000_000_000, &data, 100)).contains("1000000000 Hz"));
    let (_directory, path) = file("x.wav", &wav16(1, 22_050, &[1; 10]));
    for rate in [0, 999, 768_001, u32::MAX] {
        let error = Stream::open(&path, Some(Hertz(rate))).err().unwrap();
        assert!(
            error.to_string().contains(&format!("resampling to {rate} Hz")),
            "{error}"
        );
    }
}

#[test]
fn too_many_channels_are_refused_by_name() {
    assert!(fault("x.wav", &wav(PCM, 8, 255, 22_050, &[128; 2550])).contains("255 channels"));
    assert!(fault("x.wav", &wav(PCM, 8, 65, 22_050, &[128; 650])).contains("65 channels"));
    assert!(fault("x.au", &au(2, 255, 22_050, &[0; 2550], 2550)).contains("255 channels"));
    assert!(load_bytes("x.wav", &wav(PCM, 8, 0, 22_050, &[128; 100])).is_err());
}

#[test]
fn headers_without_sound() {
    assert!(matches!(
        load_bytes("x.wav", &wav16(1, 22_050, &[])),
        Err(Error::NoAudio { .. })
    ));
    assert!(matches!(
        load_bytes("x.au", &au(3, 1, 22_050, &[], 0)),
        Err(Error::NoAudio { .. })
    ));
    let wav = wav16(1, 22_050, &[1; 100]);
    for len in 4..44 {
        assert!(load_bytes("x.wav", &wav[..len]).is_err(), "{len} bytes");
    }
}

#[test]
fn a_header_that_promises_more_than_there_is() {
    let data = [0, 64].repeat(1000);
    for promised in [2100, 20_000, 2_000_000_000] {
        let (_directory, path) = file("x.wav", &wav_promising(PCM, 16, 1, 22_050, &data, promised));
        let loaded = load(&path, None, Limit::Default).unwrap();
        assert_eq!(loaded.signal.samples(), [0.5; 1000], "{promised}");
        assert_eq!(loaded.warnings.len(), 1, "{promised}");
        assert!(
            loaded.warnings[0].starts_with("file ends early: 0.0 s of"),
            "{}",
            loaded.warnings[0]
        );
    }
    let loaded = load_bytes("x.au", &au(3, 1, 22_050, &[0x40, 0].repeat(1000), 4_000_000)).unwrap();
    assert_eq!(
        loaded.warnings,
        ["file ends early: 0.0 s of 90.7 s promised were read"]
    );
}

#[test]
fn what_is_left_of_a_cut_file_is_read() {
    for (name, at_least) in [
        ("sweep.wav", 2000),
        ("sweep.aiff", 2000),
        ("sweep.mp3", 1000),
        ("sweep.flac", 0),
        ("sweep.ogg", 0),
    ] {
        let bytes = std::fs::read(fixture(name)).unwrap();
        let half = &bytes[..bytes.len() / 2];
        match load_bytes(name, half) {
            Ok(loaded) => assert!(loaded.signal.samples().len() >= at_least, "{name}"),
            Err(error) => assert_eq!(at_least, 0, "{error}"),
        }
    }
    let wav = std::fs::read(fixture("sweep.wav")).unwrap();
    let loaded = load_bytes("x.wav", &wav[..wav.len() / 2]).unwrap();
    assert_eq!(
        loaded.warnings,
        ["file ends early: 0.1 s of 0.2 s promised were read"]
    );
}

#[test]
fn damaged_packets_are_skipped_and_counted() {
    let mut bytes = std::fs::read(fixture("sweep.flac")).unwrap();
    let at = bytes.len() / 2;
    bytes[at..at + 20].fill(0x55);
    match load_bytes("x.flac", &bytes) {
        Ok(loaded) => {
            assert!(!loaded.warnings.is_empty());
            assert!(loaded.signal.samples().iter().all(|sample| sample.is_finite()));
        }
        // With a single frame in the file, its loss is the loss of everything.
        Err(error) => assert!(matches!(error, Error::Malformed { .. }), "{error}"),
    }
}

#[test]
fn every_cut_and_many_changes_of_every_fixture_are_survived() {
    melisma_audio::install_quiet_panic_hook();
    let noise = noise(1 << 16);
    for entry in std::fs::read_dir(fixture("")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        for step in 1..20 {
            survive(bytes[..bytes.len() * step / 20].to_vec(), &path);
        }
        for round in 0..40 {
            let mut changed = bytes.clone();
            for pair in noise[round * 64..][..16].chunks(4) {
                // Half of the changes hit the header.
                let range = if pair[3] & 1 == 0 {
                    changed.len().min(256)
                } else {
                    changed.len()
                };
                let at = usize::from(u16::from_le_bytes([pair[0], pair[1]])) % range;
                changed[at] = pair[2];
            }
            survive(changed, &path);
        }
    }
}

fn survive(bytes: Vec<u8>, path: &Path) {
    let start = Instant::now();
    if let Ok(mut stream) = Stream::from_bytes(bytes, None, Some(Hertz(22_050))) {
        let mut samples = Vec::new();
        while samples.len() < 1_000_000 && stream.read(&mut samples, 4096).is_ok_and(|count| count > 0) {}
        assert!(
            samples.iter().all(|sample| sample.is_finite()),
            "{}",
            path.display()
        );
    }
    assert!(start.elapsed() < Duration::from_secs(5), "{}", path.display());
}

#[cfg(unix)]
#[test]
fn four_gigabytes_of_nothing_are_refused_quickly() {
    let directory = tempfile::tempdir().unwrap();
    for (name, head) in [
        ("x.wav", &b""[..]),
        ("x.mp3", &b""[..]),
        ("y.mp3", &[0xff, 0xfb, 0x90, 0x00]),
    ] {
        let path = directory.path().join(name);
        std::fs::write(&path, head).unwrap();
        std::fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(4 << 30)
            .unwrap();
        let start = Instant::now();
        assert!(
            load(&path, Some(Hertz(22_050)), Limit::Default).is_err(),
            "{name}"
        );
        assert!(info(&path).is_err(), "{name}");
        assert!(
            start.elapsed() < Duration::from_secs(5),
            "{name}: {:?}",
            start.elapsed()
        );
    }
}

#[cfg(unix)]
#[test]
fn an_mp3_followed_by_gigabytes_of_nothing_ends() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.mp3");
    std::fs::copy(fixture("sweep_untagged.mp3"), &path).unwrap();
    std::fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(4 << 30)
        .unwrap();
    let start = Instant::now();
    let error = load(&path, None, Limit::Default).unwrap_err();
    assert!(error.to_string().contains("no audio within 64 MiB"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}
