//! Streams, windows, limits, pipes and names.

mod support;

use std::io::Cursor;
use std::path::Path;

use melisma_audio::{Error, Hertz, Limit, Stream, Windows, load};
use proptest::prelude::*;
use support::{file, fixture, sine, snr, wav_float, wav16};

fn read_in_pieces(bytes: &[u8], rate: u32, piece: usize) -> Vec<f32> {
    let mut stream = Stream::from_bytes(bytes.to_vec(), None, Some(Hertz(rate))).unwrap();
    let mut samples = Vec::new();
    loop {
        let before = samples.len();
        let count = stream.read(&mut samples, piece).unwrap();
        assert_eq!(samples.len() - before, count);
        assert!(count <= piece);
        if count < piece {
            assert_eq!(stream.read(&mut samples, piece).unwrap(), 0);
            return samples;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn the_size_of_reads_does_not_matter(piece in 1_usize..3000, len in 1_usize..10_000) {
        let bytes = wav_float(1, 44_100, &sine(440.0, 44_100, len));
        let whole = read_in_pieces(&bytes, 22_050, usize::MAX);
        prop_assert_eq!(whole.len(), len.div_ceil(2));
        prop_assert_eq!(read_in_pieces(&bytes, 22_050, piece), whole);
    }
}

#[test]
fn a_tone_survives_decoding_and_resampling() {
    let bytes = wav16(
        1,
        48_000,
        &sine(1000.0, 48_000, 48_000)
            .iter()
            .map(|x| (x * 32_768.0) as i16)
            .collect::<Vec<_>>(),
    );
    let samples = read_in_pieces(&bytes, 22_050, 1000);
    assert_eq!(samples.len(), 22_050);
    assert!(
        snr(
            &sine(1000.0, 22_050, 22_050)[1000..21_000],
            &samples[1000..21_000]
        ) > 85.0
    );
}

#[test]
fn windows_are_whole_and_the_tail_is_told() {
    let samples: Vec<f32> = (0..1050).map(|n| n as f32 / 2048.0).collect();
    let (_directory, path) = file("x.wav", &wav_float(1, 22_050, &samples));
    let mut windows = Windows::open(&path, Hertz(22_050), 100).unwrap();
    assert!(windows.remainder().is_empty());
    for index in 0..10 {
        let window = windows.next_window().unwrap().unwrap();
        assert_eq!(window, &samples[index * 100..(index + 1) * 100]);
        assert!(windows.remainder().is_empty());
    }
    for _ in 0..2 {
        assert_eq!(windows.next_window().unwrap(), None);
        assert_eq!(windows.remainder(), &samples[1000..]);
        assert_eq!(windows.samples_read(), 1050);
    }
    assert!(windows.warnings().is_empty());
}

#[test]
fn a_window_longer_than_the_file_is_never_full() {
    let (_directory, path) = file("x.wav", &wav16(1, 22_050, &[1; 50]));
    let mut windows = Windows::open(&path, Hertz(22_050), 51).unwrap();
    assert_eq!(windows.next_window().unwrap(), None);
    assert_eq!(windows.remainder().len(), 50);
}

#[test]
fn limits_hold() {
    let (_directory, path) = file("x.wav", &wav16(1, 8000, &[1; 8000]));
    assert!(load(&path, None, Limit::Maximum(1.0)).is_ok());
    match load(&path, Some(Hertz(22_050)), Limit::Maximum(0.5)).unwrap_err() {
        Error::TooLong { path: named, limit_s } => assert_eq!((named, limit_s), (path, 0.5)),
        other => panic!("{other}"),
    }
}

#[test]
fn what_cannot_seek_is_read_forwards() {
    for name in [
        "sweep.wav",
        "sweep.flac",
        "sweep.mp3",
        "sweep.ogg",
        "sweep.opus",
        "sweep.aiff",
        "sweep.webm",
    ] {
        let bytes = std::fs::read(fixture(name)).unwrap();
        let mut stream = Stream::from_reader(
            Box::new(Cursor::new(bytes)),
            Path::new("-"),
            None,
            Some(Hertz(22_050)),
        )
        .unwrap();
        let mut samples = Vec::new();
        while stream.read(&mut samples, 1000).unwrap() > 0 {}
        let seekable = load(&fixture(name), Some(Hertz(22_050)), Limit::None).unwrap();
        assert_eq!(samples, seekable.signal.samples(), "{name}");
        assert_eq!(stream.warnings(), [""; 0], "{name}");
    }
}

#[cfg(unix)]
#[test]
fn a_fifo_is_read_forwards() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let writer = {
        let path = path.clone();
        std::thread::spawn(move || std::fs::write(path, wav16(1, 22_050, &[16_384; 5000])).unwrap())
    };
    let loaded = load(&path, None, Limit::Default).unwrap();
    writer.join().unwrap();
    assert_eq!(loaded.signal.samples(), [0.5; 5000]);
}

#[test]
fn the_content_counts_not_the_name() {
    let expected = load(&fixture("sweep.flac"), None, Limit::None).unwrap();
    for name in ["x.mp3", "x.wav", "x.txt", "x"] {
        let (_directory, path) = file(name, &std::fs::read(fixture("sweep.flac")).unwrap());
        assert_eq!(
            load(&path, None, Limit::None).unwrap().signal,
            expected.signal,
            "{name}"
        );
    }
}

#[test]
fn joined_mp3_files_are_read_to_the_end() {
    let one = std::fs::read(fixture("sweep.mp3")).unwrap();
    let (_directory, path) = file("x.mp3", &one.repeat(20));
    let loaded = load(&path, None, Limit::None).unwrap();
    assert!(
        loaded.signal.samples().len() > 15 * 4410,
        "{}",
        loaded.signal.samples().len()
    );
    let told = "file goes on after the end that its header promises";
    assert!(
        loaded.warnings.iter().any(|warning| warning == told),
        "{:?}",
        loaded.warnings
    );
}

#[test]
fn chained_ogg_is_read_to_the_end() {
    let one = std::fs::read(fixture("sweep.ogg")).unwrap();
    let (_directory, path) = file("x.ogg", &one.repeat(3));
    assert_eq!(
        load(&path, None, Limit::None).unwrap().signal.samples().len(),
        3 * 4410
    );
}
