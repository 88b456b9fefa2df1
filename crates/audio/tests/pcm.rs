//! Uncompressed formats: every sample must come back as libsndfile would give it.

mod support;

use melisma_audio::{Hertz, Limit, Loaded, Stream, info, load};
use support::{FLOAT, PCM, aiff, au, file, wav, wav_float, wav_promising, wav16};

fn decode(bytes: Vec<u8>) -> Vec<f32> {
    let mut stream = Stream::from_bytes(bytes, None, None).unwrap();
    let mut samples = Vec::new();
    while stream.read(&mut samples, 1000).unwrap() > 0 {}
    assert_eq!(stream.warnings(), [""; 0]);
    samples
}

#[test]
fn wav_of_every_depth() {
    let close = |samples: Vec<f32>, expected: &[f32]| assert_eq!(samples, expected);
    close(
        decode(wav(PCM, 8, 1, 8000, &[0, 64, 128, 192])),
        &[-1.0, -0.5, 0.0, 0.5],
    );
    close(
        decode(wav16(1, 8000, &[-32_768, -16_384, 0, 1])),
        &[-1.0, -0.5, 0.0, 1.0 / 32_768.0],
    );
    close(
        decode(wav(PCM, 24, 1, 8000, &[0, 0, 0x80, 0, 0, 0x40, 1, 0, 0])),
        &[-1.0, 0.5, 1.0 / 8_388_608.0],
    );
    close(
        decode(wav(PCM, 32, 1, 8000, &[0, 0, 0, 0x80, 0, 0, 0, 0x40])),
        &[-1.0, 0.5],
    );
    close(decode(wav_float(1, 8000, &[0.25, -1.5])), &[0.25, -1.5]);
    let doubles: Vec<u8> = [0.25_f64, -0.1]
        .iter()
        .flat_map(|sample| sample.to_le_bytes())
        .collect();
    close(decode(wav(FLOAT, 64, 1, 8000, &doubles)), &[0.25, -0.1]);
    close(
        decode(wav(6, 8, 1, 8000, &[0xd5, 0xaa])),
        &[8.0 / 32_768.0, 0.984_375],
    );
    close(
        decode(wav(7, 8, 1, 8000, &[0xff, 0x80])),
        &[0.0, 32_124.0 / 32_768.0],
    );
}

#[test]
fn aiff_of_every_depth() {
    assert_eq!(
        decode(aiff(8, 1, 8000, &[0x80, 0xc0, 0, 0x40])),
        [-1.0, -0.5, 0.0, 0.5]
    );
    assert_eq!(decode(aiff(16, 1, 22_050, &[0x80, 0, 0x40, 0])), [-1.0, 0.5]);
    assert_eq!(
        decode(aiff(24, 1, 44_100, &[0x80, 0, 0, 0x40, 0, 0])),
        [-1.0, 0.5]
    );
    assert_eq!(
        decode(aiff(32, 1, 192_000, &[0x80, 0, 0, 0, 0x40, 0, 0, 0])),
        [-1.0, 0.5]
    );
}

#[test]
fn au_as_gtzan_has_it() {
    let data: Vec<u8> = [-32_768_i16, 16_384, 0]
        .iter()
        .flat_map(|sample| sample.to_be_bytes())
        .collect();
    let (_directory, path) = file("blues.00000.au", &au(3, 1, 22_050, &data, 6));
    let Loaded { signal, warnings } = load(&path, None, Limit::None).unwrap();
    assert_eq!(
        (signal.samples(), signal.rate()),
        (&[-1.0, 0.5, 0.0][..], Hertz(22_050))
    );
    assert_eq!(warnings, [""; 0]);
    let info = info(&path).unwrap();
    assert_eq!((info.format.as_str(), info.codec.as_str()), ("au", "pcm_s16be"));
    assert_eq!(
        (info.sample_rate, info.channels, info.bits_per_sample),
        (22_050, 1, Some(16))
    );
    assert_eq!(info.frames, Some(3));
}

#[test]
fn channels_are_averaged() {
    assert_eq!(
        decode(wav16(2, 44_100, &[16_384, 8192, -16_384, 16_384])),
        [0.375, 0.0]
    );
    assert_eq!(
        decode(wav16(6, 44_100, &[6 << 10, 0, 0, 0, 0, 6 << 10])),
        [2048.0 / 32_768.0]
    );
    assert_eq!(decode(wav16(24, 8000, &[64; 24])), [64.0 / 32_768.0]);
    assert_eq!(decode(au(2, 64, 8000, &[64; 64], 64)), [0.5]);
}

#[test]
fn rates_from_1_to_768_khz() {
    for rate in [1000, 8000, 11_025, 96_000, 192_000, 768_000] {
        let bytes = wav16(1, rate, &vec![1000; rate as usize / 10]);
        let stream = Stream::from_bytes(bytes, None, Some(Hertz(22_050))).unwrap();
        assert_eq!(
            (stream.source_rate(), stream.rate()),
            (Hertz(rate), Hertz(22_050))
        );
    }
}

#[test]
fn one_sample_is_enough() {
    assert_eq!(decode(wav16(1, 22_050, &[16_384])), [0.5]);
    let mut stream = Stream::from_bytes(wav16(1, 8000, &[16_384]), None, Some(Hertz(22_050))).unwrap();
    let mut samples = Vec::new();
    stream.read(&mut samples, 100).unwrap();
    assert_eq!(samples.len(), 3);
}

#[test]
fn a_wav_written_to_a_pipe_has_no_length_and_no_warning() {
    let data = [0, 64].repeat(5000);
    assert_eq!(
        decode(wav_promising(PCM, 16, 1, 22_050, &data, u32::MAX)),
        [0.5; 5000]
    );
}

#[test]
fn what_is_no_number_is_set_to_zero_and_told() {
    let samples = [0.5, f32::NAN, f32::INFINITY, 0.25, f32::NEG_INFINITY, 1e30];
    let (_directory, path) = file("x.wav", &wav_float(1, 22_050, &samples));
    let loaded = load(&path, None, Limit::Default).unwrap();
    assert_eq!(loaded.signal.samples(), [0.5, 0.0, 0.0, 0.25, 0.0, 0.0]);
    assert_eq!(
        loaded.warnings,
        ["4 samples that are not finite or larger than 1e10 set to 0"]
    );
    // The resampler must not smear them either.
    let loaded = load(&path, Some(Hertz(44_100)), Limit::Default).unwrap();
    assert!(loaded.signal.samples().iter().all(|sample| sample.abs() < 1.0));
}
