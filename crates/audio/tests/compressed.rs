//! Compressed formats against the wav file that they were made from (`scripts/make_audio_fixtures.sh`).

mod support;

use melisma_audio::{Hertz, Limit, info, load};
use support::{fixture, snr};

/// Length in frames of the original at its 22,050 Hz.
const LEN: usize = 4410;

fn samples(name: &str, rate: Option<Hertz>) -> Vec<f32> {
    let loaded = load(&fixture(name), rate, Limit::Default).unwrap();
    assert_eq!(loaded.warnings, [""; 0], "{name}");
    loaded.signal.into_samples()
}

#[test]
fn lossless_formats_are_equal_to_the_sample() {
    let original = samples("sweep.wav", None);
    assert_eq!(original.len(), LEN);
    let lossless = [
        "sweep.flac",
        "sweep.flac.ogg",
        "sweep.alac.m4a",
        "sweep.alac.caf",
        "sweep.caf",
        "sweep.aiff",
    ];
    for name in lossless {
        assert_eq!(samples(name, None), original, "{name}");
    }
}

#[test]
fn lossy_formats_are_in_time_and_alike() {
    let original = samples("sweep.wav", None);
    // Name, frames at 22,050 Hz, least signal to noise over the original's length; what says nothing of its padding
    // is heard to the end of its last packet.
    let cases = [
        ("sweep.mp3", LEN, 20.0),
        ("sweep.ogg", LEN, 20.0),
        ("sweep.opus", LEN, 20.0),
        ("sweep.mulaw.wav", LEN, 30.0),
        ("sweep.m4a", LEN, 20.0),
        ("sweep.adpcm_ms.wav", 5060, 25.0),
        ("sweep.adpcm_ima.wav", 5085, 25.0),
        ("sweep.webm", 4708, 20.0),
        ("sweep.opus.mp4", 4708, 20.0),
    ];
    for (name, len, floor) in cases {
        let decoded = samples(name, Some(Hertz(22_050)));
        assert_eq!(decoded.len(), len, "{name}");
        let found = snr(&original, &decoded);
        println!("{name}: {found:.1} dB");
        assert!(found > floor, "{name}: {found:.1} dB");
    }
}

#[test]
fn formats_without_a_gapless_tag_keep_the_delay_of_their_encoder() {
    let original = samples("sweep.wav", None);
    for (name, len, delay) in [
        ("sweep_untagged.mp3", 5760, 1105),
        ("sweep.mp2", 4608, 481),
        ("sweep.aac", 6144, 1024),
    ] {
        let decoded = samples(name, None);
        assert_eq!(decoded.len(), len, "{name}");
        let found = (0..1500)
            .max_by(|&a, &b| snr(&original, &decoded[a..]).total_cmp(&snr(&original, &decoded[b..])));
        assert!(
            found.is_some_and(|found| found.abs_diff(delay) <= 1),
            "{name}: {found:?}"
        );
    }
}

#[test]
fn surround_opus_is_mixed_down() {
    let decoded = samples("tone51.opus", None);
    assert_eq!(decoded.len(), 14_400);
    let info = info(&fixture("tone51.opus")).unwrap();
    assert_eq!(
        (info.channels, info.codec.as_str(), info.frames),
        (6, "opus", Some(14_400))
    );
    let rms = (decoded.iter().map(|x| x * x).sum::<f32>() / 14_400.0).sqrt();
    assert!((0.1..0.3).contains(&rms), "{rms}");
}

#[test]
fn info_tells_format_codec_length_and_tags() {
    let cases = [
        ("sweep.wav", "wav", "pcm_s16le", LEN as u64),
        ("sweep.aiff", "aiff", "pcm_s16be", LEN as u64),
        ("sweep.flac", "flac", "flac", LEN as u64),
        ("sweep.mp3", "mp3", "mp3", LEN as u64),
        ("sweep_untagged.mp3", "mp3", "mp3", 5760),
        ("sweep.mp2", "mp2", "mp2", 4608),
        ("sweep.ogg", "ogg", "vorbis", LEN as u64),
        ("sweep.opus", "ogg", "opus", 9600),
        ("sweep.m4a", "mp4", "aac", LEN as u64),
        ("sweep.aac", "adts", "aac", 6144),
        ("sweep.alac.m4a", "mp4", "alac", LEN as u64),
        ("sweep.caf", "caf", "pcm_s16be", LEN as u64),
    ];
    for (name, format, codec, frames) in cases {
        let info = info(&fixture(name)).unwrap();
        assert_eq!(
            (info.format.as_str(), info.codec.as_str()),
            (format, codec),
            "{name}"
        );
        assert_eq!((info.frames, info.channels), (Some(frames), 2), "{name}");
        let rate = if codec == "opus" { 48_000 } else { 22_050 };
        assert_eq!(info.sample_rate, rate, "{name}");
        assert_eq!(info.duration_s, Some(frames as f64 / f64::from(rate)), "{name}");
    }
    let tags = info(&fixture("sweep.mp3")).unwrap().tags;
    assert_eq!(tags["title"], "Sweep");
    assert_eq!(tags["artist"], "Melisma");
    assert_eq!(tags["year"], "2026");
    assert_eq!(tags["genre"], "Blues");
    assert_eq!(info(&fixture("sweep.ogg")).unwrap().tags["genre"], "Blues");
    assert_eq!(info(&fixture("sweep.opus")).unwrap().tags["title"], "Sweep");
    assert_eq!(info(&fixture("sweep.m4a")).unwrap().tags["title"], "Sweep");
    assert!(info(&fixture("sweep.wav")).unwrap().tags.is_empty());
}
