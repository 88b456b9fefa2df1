//! `melisma render`: scores to files of sound, levels, stems, and what goes wrong.

mod common;

use std::path::Path;
use std::process::Stdio;

use common::{finish, melisma, names_in, put, run, signal};
use melisma_audio::{Hertz, Limit, info, load};
use melisma_score::{Note, Score, Track, write};

/// A scale on one instrument over a few drums, so many quarters long.
fn tune(path: impl AsRef<Path>, quarters: u32) {
    let note = |onset, pitch| Note {
        onset,
        pitch,
        duration: 400,
        velocity: 96,
    };
    let track = |name: &str, source, program, drums, notes: Vec<Note>| Track {
        name: name.to_owned(),
        source,
        program,
        drums,
        channel: if drums { 9 } else { source as u8 },
        notes,
        ..Track::default()
    };
    let scale = [60, 62, 64, 65, 67, 69, 71, 72];
    let mut score = Score {
        tracks: vec![
            track(
                "Lead",
                0,
                80,
                false,
                (0..quarters)
                    .map(|at| note(at * 480, scale[at as usize % 8]))
                    .collect(),
            ),
            track(
                "",
                1,
                33,
                false,
                (0..quarters).map(|at| note(at * 480, 36)).collect(),
            ),
            track(
                "Kit",
                2,
                0,
                true,
                (0..2 * quarters).map(|at| note(at * 240, 42)).collect(),
            ),
        ],
        ..Score::default()
    };
    score.tidy();
    write(&score, path.as_ref()).unwrap();
}

#[test]
fn a_score_becomes_a_file_of_each_format() {
    let folder = tempfile::tempdir().unwrap();
    let midi = folder.path().join("tune.mid");
    tune(&midi, 8);
    for (name, rate) in [
        ("a.wav", 44_100),
        ("b.flac", 44_100),
        ("c.mp3", 44_100),
        ("d.ogg", 48_000),
    ] {
        let path = folder.path().join(name);
        let said = run(melisma!(
            "render",
            &midi,
            "-o",
            &path,
            "--soundfont",
            "built-in",
            "--json"
        ))
        .succeeded()
        .json();
        assert_eq!(
            (said["font"].as_str(), said["rate"].as_u64()),
            (Some("built-in"), Some(rate))
        );
        let loudness = said["loudness"].as_f64().unwrap();
        assert!((loudness + 14.0).abs() < 0.5, "{name}: {loudness}");
        let loaded = load(&path, None, Limit::Default).unwrap();
        assert_eq!(
            (loaded.warnings.len(), loaded.signal.rate()),
            (0, Hertz(rate as u32))
        );
        let seconds = said["seconds"].as_f64().unwrap();
        assert!((loaded.signal.duration_s() - seconds).abs() < 0.001, "{name}");
        assert!((4.0..8.0).contains(&seconds), "{seconds}");
        assert_eq!(info(&path).unwrap().channels, 2);
    }
    let ran = run(melisma!(
        "render",
        &midi,
        "-o",
        folder.path().join("e.wav"),
        "--soundfont",
        "built-in",
        "--loudness",
        "-23",
        "--bits",
        "24",
        "--dry"
    ));
    let text = ran.succeeded().stdout;
    assert!(
        text.contains("e.wav: 0:04.") && text.contains("-23.0 LUFS") && text.contains("by built-in"),
        "{text}"
    );
}

#[test]
fn the_same_score_gives_the_same_bytes_and_replaces_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let midi = folder.path().join("tune.mid");
    tune(&midi, 4);
    let path = put(folder.path().join("a.wav"), "old");
    let once = || {
        run(melisma!("render", &midi, "-o", &path, "--soundfont", "built-in")).succeeded();
        std::fs::read(&path).unwrap()
    };
    let first = once();
    assert_eq!(&first[..4], b"RIFF");
    assert_eq!(once(), first);
    assert_eq!(names_in(folder.path()), ["a.wav", "tune.mid"]);
}

#[test]
fn stems_are_named_and_together_are_the_mix() {
    let folder = tempfile::tempdir().unwrap();
    let midi = folder.path().join("tune.mid");
    tune(&midi, 8);
    let path = folder.path().join("song.wav");
    let said = run(melisma!(
        "render",
        &midi,
        "-o",
        &path,
        "--soundfont",
        "built-in",
        "--stems",
        "--bits",
        "float",
        "--json"
    ))
    .succeeded()
    .json();
    assert_eq!(said["stems"].as_array().unwrap().len(), 3);
    let stems = folder.path().join("song-stems");
    assert_eq!(
        names_in(&stems),
        ["01 Lead.wav", "02 fingered bass.wav", "03 Kit.wav"]
    );
    let samples = |path: &Path| load(path, None, Limit::Default).unwrap().signal.into_samples();
    let mut sum = samples(&path);
    for name in names_in(&stems) {
        let stem = samples(&stems.join(name));
        assert_eq!(stem.len(), sum.len());
        for (sum, sample) in sum.iter_mut().zip(stem) {
            *sum -= sample;
        }
    }
    let most = sum.iter().fold(0.0_f32, |most, sample| most.max(sample.abs()));
    assert!(most < 2e-3, "{most}");
}

#[test]
fn a_folder_is_rendered_and_what_cannot_be_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let midi = folder.path().join("midi");
    std::fs::create_dir_all(midi.join("sub")).unwrap();
    tune(midi.join("one.mid"), 2);
    tune(midi.join("sub/two.mid"), 2);
    put(midi.join("bad.mid"), "<html>");
    write(&Score::default(), &midi.join("empty.mid")).unwrap();
    let out = folder.path().join("out");
    let ran = run(melisma!(
        "render",
        &midi,
        "-o",
        &out,
        "--format",
        "flac",
        "--soundfont",
        "built-in",
        "--json"
    ))
    .refused(&["bad.mid", "a web page"])
    .said(&["empty.mid"])
    .said(&["2 of 4 files could not be rendered"]);
    assert_eq!(ran.json_lines().len(), 2);
    assert_eq!(names_in(&out), ["one.flac", "sub"]);
    assert_eq!(names_in(&out.join("sub")), ["two.flac"]);
    let one = std::fs::read(out.join("one.flac")).unwrap();
    run(melisma!(
        "render",
        midi.join("one.mid"),
        "-o",
        &out,
        "--format",
        "flac",
        "--soundfont",
        "built-in",
        "--threads",
        "1"
    ))
    .succeeded();
    assert_eq!(std::fs::read(out.join("one.flac")).unwrap(), one);
}

#[test]
fn a_soundfont_is_taken_from_the_command_line_and_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let midi = folder.path().join("tune.mid");
    tune(&midi, 2);
    let font = put(folder.path().join("own.sf2"), melisma_synth::built_in_sf2());
    let path = folder.path().join("a.wav");
    let said = run(melisma!(
        "render",
        &midi,
        "-o",
        &path,
        "--soundfont",
        &font,
        "--json"
    ))
    .succeeded()
    .json();
    assert_eq!(said["font"], "own.sf2");
    let mut command = melisma!("render", &midi, "-o", &path, "--json");
    command.env("MELISMA_SOUNDFONT", &font);
    assert_eq!(run(command).succeeded().json()["font"], "own.sf2");
    // One that cannot be read is named; another plays.
    let mut command = melisma!("render", &midi, "-o", &path, "--json");
    command.env("MELISMA_SOUNDFONT", &midi);
    run(command).succeeded().said(&["tune.mid", "not a SoundFont"]);
    run(melisma!("render", &midi, "-o", &path, "--soundfont", &midi))
        .refused(&["tune.mid", "not a SoundFont"]);
    run(melisma!("render", &midi, "-o", &path, "--soundfont", "no.sf2")).refused(&["no.sf2"]);
}

#[test]
fn what_cannot_be_done_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let midi = folder.path().join("tune.mid");
    tune(&midi, 2);
    let out = |name: &str| folder.path().join(name);
    let render = |output: &Path, more: &[&str]| {
        let mut command = melisma!("render", &midi, "-o", output, "--soundfont", "built-in");
        command.args(more);
        run(command)
    };
    render(&out("a.aiff"), &[]).refused(&["a.aiff", ".wav, .flac, .mp3 or .ogg"]);
    render(&out("a.wav"), &["--format", "mp3"]).refused(&["a.wav", "--format mp3"]);
    render(&out("a.ogg"), &["--rate", "44100"]).refused(&["--rate 44100", "48000 Hz"]);
    render(&out("a.flac"), &["--bits", "float"]).refused(&["a.flac", "floating point"]);
    render(&out("a.wav"), &["--rate", "1000"]).refused(&["1000 Hz"]);
    render(&out("a.wav"), &["--loudness", "3"]).refused(&["not between -60 and -5"]);
    let file = put(out("file"), "");
    render(&file.join("a.wav"), &[]).refused(&["file/a.wav"]);
    run(melisma!(
        "render",
        &midi,
        &midi.with_file_name("b.mid"),
        "-o",
        out("a.wav")
    ))
    .refused(&["several scores need a folder"]);
    run(melisma!(
        "render",
        folder.path().join("none.mid"),
        "-o",
        out("a.wav"),
        "--soundfont",
        "built-in"
    ))
    .refused(&["none.mid"]);
    write(&Score::default(), &out("empty.mid")).unwrap();
    run(melisma!(
        "render",
        out("empty.mid"),
        "-o",
        out("a.wav"),
        "--soundfont",
        "built-in"
    ))
    .refused(&["empty.mid"]);
    assert_eq!(names_in(folder.path()), ["empty.mid", "file", "tune.mid"]);
}

#[test]
fn interrupted_it_leaves_no_half_file() {
    let folder = tempfile::tempdir().unwrap();
    let midi = folder.path().join("long.mid");
    // More than an hour.
    tune(&midi, 8_000);
    let out = folder.path().join("out.wav");
    let mut command = melisma!("render", &midi, "-o", &out, "--soundfont", "built-in");
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It has begun when the file beside its place is there.
    let beside = folder.path().join("out.wav.new");
    while !beside.exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    signal(&child, "INT");
    let ran = finish(child);
    assert_eq!(ran.code, Some(130), "{}", ran.stderr);
    assert_eq!(names_in(folder.path()), ["long.mid"]);
}
