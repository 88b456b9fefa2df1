//! `melisma info`: what a file says about itself.

mod common;

use common::{PCM, RATE, melisma, music, put, run, wav_promising, wav16};
use serde_json::json;
use tempfile::tempdir;

/// A wav file with a title and an artist in its `LIST` chunk.
fn tagged(title: &[u8], artist: &[u8]) -> Vec<u8> {
    let mut bytes = wav16(&music(1, 0.5, RATE));
    let mut list = b"INFO".to_vec();
    for (id, text) in [(b"INAM", title), (b"IART", artist)] {
        list.extend(id);
        list.extend((text.len() as u32 + 1).to_le_bytes());
        list.extend(text);
        list.push(0);
        list.resize(list.len().next_multiple_of(2), 0);
    }
    bytes.extend(b"LIST");
    bytes.extend((list.len() as u32).to_le_bytes());
    bytes.extend(list);
    let size = bytes.len() as u32 - 8;
    bytes[4..8].copy_from_slice(&size.to_le_bytes());
    bytes
}

#[test]
fn format_rate_channels_length() {
    let folder = tempdir().unwrap();
    let stereo = wav_promising(PCM, 16, 2, 44_100, &[0; 4 * 66_150], 4 * 66_150);
    let path = put(folder.path().join("a b.wav"), stereo);
    let ran = run(melisma!("info", &path)).succeeded();
    let expected = format!(
        "{}\n  format       wav (pcm_s16le)\n  sample rate  44100 Hz\n  channels     2\n  bits         16\n  \
         length       0:01.5 (66150 samples)\n",
        path.display()
    );
    assert_eq!(
        (ran.stdout.as_str(), ran.stderr.as_str()),
        (expected.as_str(), "")
    );
    let expected = json!({
        "file": path, "format": "wav", "codec": "pcm_s16le", "sample_rate": 44100, "channels": 2,
        "bits_per_sample": 16, "frames": 66150, "duration_s": 1.5, "tags": {},
    });
    assert_eq!(
        run(melisma!("info", &path, "--json")).succeeded().json(),
        expected
    );
}

#[test]
fn tags() {
    let folder = tempdir().unwrap();
    let path = put(
        folder.path().join("x.wav"),
        tagged("Für Elise".as_bytes(), b"\x1b[31mL.\nvan B."),
    );
    let tags = &run(melisma!("info", &path, "--json")).succeeded().json()["tags"];
    assert_eq!(tags["title"], "Für Elise");
    assert_eq!(tags["artist"], "\u{1b}[31mL.\nvan B.");
    let text = run(melisma!("info", &path)).succeeded().stdout;
    assert!(text.contains("\n  title        Für Elise\n"), "{text}");
    assert!(
        text.contains("\n  artist        [31mL. van B.\n"),
        "a stranger's text does not steer the terminal: {text}"
    );
}

#[test]
fn several_files_and_a_bad_one() {
    let folder = tempdir().unwrap();
    let good = put(folder.path().join("good.wav"), wav16(&music(1, 0.5, RATE)));
    let bad = put(folder.path().join("bad.wav"), "no music");
    let none = folder.path().join("none.wav");
    let ran = run(melisma!("info", &bad, &good, &none, &good, "--json"))
        .refused(&["bad.wav: not a known audio format"])
        .said(&["none.wav: no such file"]);
    let lines = ran.json_lines();
    assert_eq!(lines.len(), 4);
    assert!(
        lines[0]["error"]
            .as_str()
            .unwrap()
            .starts_with("not a known audio format"),
        "the path is told once"
    );
    assert_eq!(lines[1]["frames"], 11_025);
    assert_eq!(lines[2], json!({"file": none, "error": "no such file"}));
    run(melisma!("info", folder.path())).refused(&["is a directory"]);
}
