//! Files that are written are read back: their length, their sound, and nothing left behind where it fails.

use std::path::Path;

use melisma_audio::encode::{Depth, Encoder, Format, save};
use melisma_audio::{Error, Hertz, Limit, Stereo, info, load};

/// Two tones and a little noise, not the same in both channels.
fn sound(rate: u32, seconds: f64) -> Stereo {
    let frames = (seconds * f64::from(rate)) as usize;
    let sample = |n: usize, frequency: f64| {
        let time = n as f64 / f64::from(rate);
        let swell = 0.5 + 0.5 * (time * 7.0).sin();
        (0.4 * swell * (std::f64::consts::TAU * frequency * time).sin()) as f32
    };
    let left = (0..frames).map(|n| sample(n, 440.0)).collect();
    let right = (0..frames).map(|n| 0.5 * sample(n, 1_330.0)).collect();
    Stereo::new(left, right, Hertz(rate))
}

fn error_db(a: &[f32], b: &[f32]) -> f64 {
    let power = |values: &mut dyn Iterator<Item = f32>| values.map(|v| f64::from(v * v)).sum::<f64>();
    let error = power(&mut a.iter().zip(b).map(|(a, b)| a - b));
    10.0 * (error / power(&mut a.iter().copied())).log10()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .collect()
}

#[test]
fn what_is_kept_without_loss_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    // Not a whole number of FLAC blocks.
    let sound = sound(44_100, 1.2345);
    for (name, depth, least) in [
        ("a.wav", Depth::Float, -160.0),
        ("b.wav", Depth::Bits24, -125.0),
        ("c.wav", Depth::Bits16, -70.0),
        ("d.flac", Depth::Bits24, -125.0),
        ("e.flac", Depth::Bits16, -70.0),
    ] {
        let path = folder.path().join(name);
        save(&path, &sound, Format::of(&path).unwrap(), depth).unwrap();
        let loaded = load(&path, None, Limit::Default).unwrap();
        assert_eq!(loaded.warnings, Vec::<String>::new(), "{name}");
        assert_eq!(loaded.signal.rate(), Hertz(44_100));
        assert_eq!(loaded.signal.samples().len(), sound.frames(), "{name}");
        let error = error_db(sound.to_mono().samples(), loaded.signal.samples());
        assert!(error < least, "{name}: {error}");
        let info = info(&path).unwrap();
        assert_eq!(info.channels, 2, "{name}");
    }
    // The two containers hold the same integers.
    let samples = |name: &str| {
        load(&folder.path().join(name), None, Limit::Default)
            .unwrap()
            .signal
    };
    assert_eq!(samples("c.wav"), samples("e.flac"));
    assert_eq!(samples("b.wav"), samples("d.flac"));
}

#[test]
fn codecs_keep_the_length_and_the_sound() {
    let folder = tempfile::tempdir().unwrap();
    let sound = sound(48_000, 2.3);
    for (name, most) in [("a.ogg", -15.0), ("b.mp3", -20.0), ("c.opus", -15.0)] {
        let path = folder.path().join(name);
        save(&path, &sound, Format::of(&path).unwrap(), Depth::default()).unwrap();
        let loaded = load(&path, None, Limit::Default).unwrap();
        assert_eq!(loaded.warnings, Vec::<String>::new(), "{name}");
        assert_eq!(loaded.signal.samples().len(), sound.frames(), "{name}");
        let error = error_db(sound.to_mono().samples(), loaded.signal.samples());
        assert!(error < most, "{name}: {error}");
        let bytes = std::fs::metadata(&path).unwrap().len();
        assert!(bytes < 100_000, "{name}: {bytes}");
    }
}

#[test]
fn the_same_frames_in_other_pieces_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let sound = sound(48_000, 0.7);
    for format in Format::ALL {
        let (whole, pieces) = (folder.path().join("whole"), folder.path().join("pieces"));
        save(&whole, &sound, format, Depth::default()).unwrap();
        let mut encoder = Encoder::create(&pieces, format, Hertz(48_000), Depth::default()).unwrap();
        for (left, right) in sound.left().chunks(777).zip(sound.right().chunks(777)) {
            encoder.write(left, right).unwrap();
        }
        encoder.finish().unwrap();
        assert_eq!(
            std::fs::read(&whole).unwrap(),
            std::fs::read(&pieces).unwrap(),
            "{format}"
        );
    }
}

#[test]
fn a_sound_without_frames_is_a_file() {
    let folder = tempfile::tempdir().unwrap();
    for format in Format::ALL {
        let path = folder.path().join(format.extension());
        save(&path, &sound(48_000, 0.0), format, Depth::default()).unwrap();
        assert!(std::fs::metadata(&path).unwrap().len() > 20, "{format}");
    }
}

#[test]
fn what_fails_leaves_nothing_and_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.flac");
    std::fs::write(&path, "old").unwrap();
    let mut encoder = Encoder::create(&path, Format::Flac, Hertz(44_100), Depth::Bits16).unwrap();
    encoder.write(&[0.1; 10_000], &[0.1; 10_000]).unwrap();
    drop(encoder);
    assert_eq!(std::fs::read(&path).unwrap(), b"old");
    assert_eq!(names(folder.path()), ["a.flac"]);
    let create =
        |path: &Path, format, rate, depth| Encoder::create(path, format, Hertz(rate), depth).err().unwrap();
    let unsupported = [
        (Format::Flac, 44_100, Depth::Float),
        (Format::Mp3, 22_050, Depth::Bits16),
        (Format::Ogg, 44_100, Depth::Bits16),
        (Format::Wav, 0, Depth::Bits16),
    ];
    for (format, rate, depth) in unsupported {
        let error = create(&folder.path().join("b"), format, rate, depth);
        assert!(matches!(error, Error::Unsupported { .. }), "{error}");
    }
    let error = create(
        &folder.path().join("no/b.wav"),
        Format::Wav,
        44_100,
        Depth::Bits16,
    );
    assert!(
        matches!(error, Error::Io { .. }) && error.to_string().contains("b.wav"),
        "{error}"
    );
    let error = create(folder.path(), Format::Wav, 44_100, Depth::Bits16);
    assert!(matches!(error, Error::Directory { .. }));
    assert_eq!(names(folder.path()), ["a.flac"]);
}
