//! Input that is not what it should be, and output that cannot be written: never a panic, a hang, a value that is no number or half a file.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use common::{
    FLOAT, Noise, PCM, RATE, Table, melisma, music, names_in, put, run, wav_float, wav_promising, wav16,
};
use tempfile::tempdir;

/// The bytes of a file that the audio crate keeps for its tests.
fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../audio/tests/fixtures")
        .join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn noise_bytes(len: usize) -> Vec<u8> {
    let mut noise = Noise::new(5);
    (0..len).map(|_| (noise.sample() * 128.0) as i8 as u8).collect()
}

/// Files that no sound can be taken from, and what is said of each.
fn hopeless() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let tone = wav16(&music(1, 1.0, RATE));
    let text = "It was the best of times, it was the worst of times. "
        .repeat(2000)
        .into_bytes();
    vec![
        ("empty.wav", Vec::new(), "is empty"),
        ("empty.mp3", Vec::new(), "is empty"),
        ("text.mp3", text.clone(), "not a known audio format"),
        ("text.wav", text.clone(), "not a known audio format"),
        ("text.au", text, "not a known audio format"),
        ("noise.flac", noise_bytes(100_000), ""),
        ("cut_header.wav", tone[..30].to_vec(), ""),
        ("no_samples.wav", wav16(&[]), "holds no audio samples"),
        (
            "zero_hertz.wav",
            wav_promising(PCM, 16, 1, 0, &tone, 44_100),
            "0 Hz",
        ),
        (
            "gigahertz.wav",
            wav_promising(PCM, 16, 1, 1_000_000_000, &tone, 44_100),
            "1000000000 Hz",
        ),
        (
            "channels.wav",
            wav_promising(PCM, 8, 255, RATE, &tone, 44_100),
            "255 channels",
        ),
        (
            "no_channels.wav",
            wav_promising(PCM, 16, 0, RATE, &tone, 44_100),
            "",
        ),
    ]
}

/// An mp3 of six seconds: the short fixture's frames over and over, behind a LAME tag that counts them all.
fn long_mp3() -> Vec<u8> {
    let times = 24;
    let frames = fixture("sweep_untagged.mp3");
    let mut bytes = fixture("sweep.mp3");
    let start = bytes.windows(40).position(|part| *part == frames[..40]).unwrap();
    bytes.truncate(start);
    bytes.extend(frames.repeat(times));
    let tag = bytes.windows(4).position(|part| part == b"Info").unwrap();
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    // After the flags: frames, of which there are ten, and bytes.
    assert_eq!((number(tag + 4) & 3, number(tag + 8)), (3, 10));
    let (count, size) = (10 * times as u32, bytes.len() as u32);
    bytes[tag + 8..tag + 12].copy_from_slice(&count.to_be_bytes());
    bytes[tag + 12..tag + 16].copy_from_slice(&size.to_be_bytes());
    // The checksum at the tag's end covers its frame from the start, 21 bytes before.
    let (covered, checksum) = bytes[tag - 21..tag + 156].split_at_mut(175);
    checksum.copy_from_slice(&crc16(covered).to_be_bytes());
    bytes
}

/// CRC-16/ARC.
fn crc16(bytes: &[u8]) -> u16 {
    let shift = |crc: u16, _| if crc & 1 == 1 { crc >> 1 ^ 0xa001 } else { crc >> 1 };
    bytes
        .iter()
        .fold(0, |crc, &byte| (0..8).fold(crc ^ u16::from(byte), shift))
}

/// Files that are damaged but hold a few seconds of sound, and the warning.
fn damaged() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let mp3 = long_mp3();
    let sound = music(1, 4.0, RATE);
    let data: Vec<u8> = wav16(&sound)[44..].to_vec();
    let mut holed = sound.clone();
    for (index, sample) in holed.iter_mut().enumerate().filter(|(index, _)| index % 1000 < 3) {
        *sample = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY][index % 1000];
    }
    vec![
        (
            "cut.mp3",
            mp3[..mp3.len() / 2].to_vec(),
            "file ends early: 3.1 s of 6.2 s promised",
        ),
        (
            "promises.wav",
            wav_promising(PCM, 16, 1, RATE, &data, 2_000_000_000),
            "file ends early: 4.0 s of",
        ),
        ("not_numbers.wav", wav_float(&holed), "not finite"),
    ]
}

fn good(folder: &Path, name: &str) -> PathBuf {
    put(folder.join(name), wav16(&music(name.len() as u64, 1.0, RATE)))
}

#[test]
fn hopeless_files_alone() {
    let folder = tempdir().unwrap();
    let out = tempdir().unwrap();
    for (name, bytes, said) in hopeless() {
        let path = put(folder.path().join(name), bytes);
        let named = format!("{}: ", path.display());
        for extension in ["csv", "parquet"] {
            let table = out.path().join("t").with_extension(extension);
            run(melisma!("features", &path, "-o", &table))
                .refused(&[&named, said])
                .said(&["was not written"]);
            run(melisma!("features", &path, "--window", "3", "-o", &table)).refused(&[&named, said]);
        }
        assert_eq!(
            run(melisma!("classify", &path)).refused(&[&named, said]).stdout,
            ""
        );
        assert_eq!(run(melisma!("info", &path)).refused(&[&named, said]).stdout, "");
        run(melisma!(
            "frames",
            &path,
            "--feature",
            "rms",
            "-o",
            out.path().join("x.csv")
        ))
        .refused(&[&named, said]);
        assert_eq!(names_in(out.path()), [""; 0], "{name}");
    }
}

#[test]
fn hopeless_files_among_good_ones() {
    let folder = tempdir().unwrap();
    let out = tempdir().unwrap();
    let table = out.path().join("t.csv");
    for name in ["a.wav", "zz.wav"] {
        good(folder.path(), name);
    }
    for (name, bytes, _) in hopeless() {
        put(folder.path().join(name), bytes);
    }
    let missing = folder.path().join("missing.wav");
    let ran = run(melisma!(
        "features",
        folder.path(),
        &missing,
        "-o",
        &table,
        "--threads",
        "2"
    ))
    .refused(&[]);
    assert_eq!(Table::read(&table).all_finite().names(), ["a.wav", "zz.wav"]);
    let summary = ran
        .stderr
        .split_once("13 files gave no rows:\n")
        .expect("the summary lists the failures")
        .1;
    for (name, _, said) in hopeless()
        .iter()
        .chain(&[("missing.wav", Vec::new(), "no such file")])
    {
        let lines: Vec<_> = summary
            .lines()
            .filter(|line| line.contains(&format!("/{name}: ")))
            .collect();
        assert_eq!(lines.len(), 1, "{name}: {summary}");
        assert!(lines[0].contains(said), "{}", lines[0]);
    }
    assert!(ran.stderr.contains("2 rows from 2 of 15 files"), "{}", ran.stderr);
    assert_eq!(names_in(out.path()), ["t.csv", "t.csv.json"]);

    let ran = run(melisma!("classify", folder.path(), &missing, "--json"))
        .refused(&["13 of 15 files could not be classified"]);
    let lines = ran.json_lines();
    assert_eq!(lines.len(), 15);
    assert_eq!(lines.iter().filter(|line| line["genres"].is_array()).count(), 2);
    assert!(
        lines
            .iter()
            .all(|line| line["genres"].is_array() || line["error"].is_string())
    );
}

#[test]
fn damaged_files_are_described_with_a_warning() {
    let folder = tempdir().unwrap();
    let whole = put(folder.path().join("whole.mp3"), long_mp3());
    assert_eq!(
        run(melisma!("features", &whole, "-o", "-")).succeeded().stderr,
        "1 row from 1 of 1 file in -\n"
    );
    for (name, bytes, said) in damaged() {
        let path = put(folder.path().join(name), bytes);
        let named = format!("{}: ", path.display());
        for flags in [&["--schema", "full"][..], &["--window", "1"]] {
            let mut command = melisma!("features", &path, "-o", "-");
            command.args(flags);
            let ran = run(command).succeeded().said(&[&named, said]);
            Table::parse(&ran.stdout).all_finite();
        }
        let json = run(melisma!("classify", &path, "--json")).succeeded().json();
        assert!(
            json["warnings"][0].as_str().unwrap().contains(said),
            "{name}: {}",
            json["warnings"]
        );
        assert!(json["genres"][0]["probability"].as_f64().unwrap() > 0.0);
        run(melisma!("classify", &path)).succeeded().said(&[&named, said]);
        run(melisma!("info", &path)).succeeded();
    }
}

#[test]
fn an_mp3_cut_anywhere_is_described_or_refused() {
    let folder = tempdir().unwrap();
    for name in ["sweep.mp3", "sweep_untagged.mp3"] {
        let mp3 = fixture(name);
        for tenth in 1..10 {
            let path = put(folder.path().join("cut.mp3"), &mp3[..mp3.len() * tenth / 10]);
            let ran = run(melisma!("features", &path, "-o", "-"));
            match ran.code {
                Some(0) => drop(Table::parse(&ran.stdout).all_finite()),
                _ => drop(ran.refused(&["cut.mp3: "])),
            }
        }
    }
}

#[test]
fn no_signal_makes_a_value_that_is_no_number() {
    let folder = tempdir().unwrap();
    let mut noise = Noise::new(3);
    let mut scaled = |scale: f32| (0..30_000).map(|_| scale * noise.sample()).collect::<Vec<_>>();
    let impulse = |at: usize| {
        (0..30_000)
            .map(|n| if n == at { 1.0 } else { 0.0 })
            .collect::<Vec<_>>()
    };
    let signals = [
        ("silence", vec![0.0; 30_000]),
        ("constant", vec![0.5; 30_000]),
        ("impulse", impulse(15_000)),
        ("click", impulse(0)),
        ("nyquist", [1.0, -1.0].repeat(15_000)),
        ("loud", scaled(9e9)),
        ("quiet", scaled(1e-20)),
        ("denormal", scaled(1e-40)),
        ("huge", scaled(3e38)),
        ("nan", vec![f32::NAN; 30_000]),
        ("infinite", vec![f32::INFINITY; 30_000]),
        ("ten_milliseconds", music(1, 0.01, RATE)),
        ("one_sample", vec![0.25]),
        ("two_samples", vec![0.25, -0.5]),
    ];
    for (name, signal) in &signals {
        put(folder.path().join(name).with_extension("wav"), wav_float(signal));
    }
    for pad in ["constant", "reflect"] {
        let ran = run(melisma!(
            "features",
            folder.path(),
            "--schema",
            "full",
            "--pad",
            pad,
            "-o",
            "-"
        ))
        .succeeded();
        assert_eq!(
            Table::parse(&ran.stdout).all_finite().rows.len(),
            signals.len(),
            "{pad}"
        );
        // In windows the short ones have no rows, and are named.
        let ran = run(melisma!(
            "features",
            folder.path(),
            "--schema",
            "full",
            "--pad",
            pad,
            "--window",
            "0.5",
            "-o",
            "-"
        ))
        .refused(&[
            "ten_milliseconds.wav",
            "0.010 s of sound is shorter than one window",
        ])
        .said(&["one_sample.wav"])
        .said(&["3 files gave no rows"]);
        assert_eq!(
            Table::parse(&ran.stdout).all_finite().rows.len(),
            2 * (signals.len() - 3),
            "{pad}"
        );
    }
    let ran = run(melisma!("classify", folder.path(), "--json")).refused(&["silence.wav: digital silence"]);
    for line in ran.json_lines() {
        for genre in line["genres"].as_array().unwrap_or(&Vec::new()) {
            assert!(genre["probability"].is_f64(), "{line}");
        }
        // Anything but a number prints as null.
        assert!(!line.to_string().contains("null"), "{line}");
    }
}

#[test]
fn more_channels_and_rates_than_usual_are_fine() {
    let folder = tempdir().unwrap();
    let data = wav16(&music(1, 2.0, RATE))[44..].to_vec();
    put(
        folder.path().join("eight.wav"),
        wav_promising(PCM, 16, 8, 44_100, &data, data.len() as u32),
    );
    put(
        folder.path().join("studio.wav"),
        wav_promising(PCM, 16, 1, 192_000, &data, data.len() as u32),
    );
    put(
        folder.path().join("phone.wav"),
        wav_promising(PCM, 16, 1, 8_000, &data, data.len() as u32),
    );
    put(
        folder.path().join("float.wav"),
        wav_promising(FLOAT, 32, 1, 8_000, &vec![0; 64_000], 64_000),
    );
    let ran = run(melisma!("features", folder.path(), "-o", "-")).succeeded();
    assert_eq!(Table::parse(&ran.stdout).all_finite().rows.len(), 4);
}

#[test]
fn paths_that_lead_nowhere() {
    let folder = tempdir().unwrap();
    let out = folder.path().join("t.csv");
    let missing = folder.path().join("missing.wav");
    let named = format!("{}: no such file", missing.display());
    run(melisma!("features", &missing, "-o", &out)).refused(&[&named]);
    run(melisma!("classify", &missing)).refused(&[&named]);
    run(melisma!("info", &missing)).refused(&[&named]);
    let bare = folder.path().join("no music here");
    put(bare.join("notes.txt"), "no music");
    let named = format!("{}: no audio files here", bare.display());
    run(melisma!("features", &bare, "-o", &out)).refused(&[&named]);
    run(melisma!("classify", &bare)).refused(&[&named]);
    // A folder that is named like a file is a folder.
    fs::create_dir(folder.path().join("folder.wav")).unwrap();
    run(melisma!("classify", folder.path().join("folder.wav"))).refused(&["folder.wav: no audio files here"]);
    run(melisma!("features", folder.path(), "-o", &out)).refused(&["no audio files here"]);
    assert!(!out.exists());
    assert_eq!(names_in(folder.path()), ["folder.wav", "no music here"]);
}

#[test]
fn tables_that_have_no_place() {
    let folder = tempdir().unwrap();
    let song = good(folder.path(), "song.wav");
    let at = |name: &str| folder.path().join(name);
    for name in ["t.txt", "t", "t.csv.gz"] {
        run(melisma!("features", &song, "-o", at(name))).refused(&[name, ".csv or .parquet"]);
    }
    run(melisma!("features", &song, "-o", at("no/such/t.csv"))).refused(&["no/such/t.csv", "No such file"]);
    fs::create_dir(at("d.csv")).unwrap();
    run(melisma!("features", &song, "-o", at("d.csv"))).refused(&["d.csv", "directory"]);
    run(melisma!("features", &song, "-o", song.join("t.csv"))).refused(&["t.csv"]);
    assert_eq!(names_in(folder.path()), ["d.csv", "song.wav"]);
}

#[cfg(unix)]
#[test]
fn gigabytes_of_nothing_are_refused_quickly() {
    let folder = tempdir().unwrap();
    let out = folder.path().join("t.csv");
    for (name, head) in [
        ("sparse.wav", &b""[..]),
        ("sparse.mp3", b""),
        ("frame.mp3", &[0xff, 0xfb, 0x90, 0]),
    ] {
        let path = put(folder.path().join(name), head);
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(4 << 30)
            .unwrap();
        for command in [
            melisma!("features", &path, "-o", &out),
            melisma!("features", &path, "--window", "3", "-o", &out),
            melisma!("classify", &path),
            melisma!("info", &path),
        ] {
            let start = Instant::now();
            run(command).refused(&[name]);
            assert!(
                start.elapsed() < Duration::from_secs(10),
                "{name}: {:?}",
                start.elapsed()
            );
        }
        fs::remove_file(&path).unwrap();
    }
    assert_eq!(names_in(folder.path()), [""; 0]);
}

/// The command as a user who may not read everything; none if that cannot be had here.
#[cfg(unix)]
fn as_nobody(folder: &Path) -> Option<Command> {
    use std::os::unix::fs::PermissionsExt;

    let binary = folder.join("melisma");
    fs::copy(env!("CARGO_BIN_EXE_melisma"), &binary).unwrap();
    let open = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    open(folder);
    open(&binary);
    // A file without permissions tells root from others.
    let probe = put(folder.join("probe"), "x");
    fs::set_permissions(&probe, fs::Permissions::from_mode(0o0)).unwrap();
    let is_root = fs::read(&probe).is_ok();
    fs::remove_file(probe).unwrap();
    if !is_root {
        return Some(Command::new(binary));
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&binary);
    let mut works = Command::new("setpriv");
    works
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&binary)
        .arg("--version");
    works
        .output()
        .is_ok_and(|output| output.status.success())
        .then_some(command)
}

#[cfg(unix)]
#[test]
fn what_may_not_be_read_or_written_is_named() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempdir().unwrap();
    let music = folder.path().join("music");
    good(&music, "a.wav");
    good(&music, "secret/b.wav");
    let secret = good(&music, "secret.wav");
    let close = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let command = |arguments: &[&std::ffi::OsStr]| {
        let mut command = as_nobody(folder.path())?;
        command.args(arguments).current_dir(folder.path());
        Some(command)
    };
    if as_nobody(folder.path()).is_none() {
        eprintln!("SKIPPED: this user may read everything, and setpriv does not work here");
        return;
    }
    close(&secret, 0);
    close(&music.join("secret"), 0);
    let text = |arguments: &[&str]| {
        let arguments: Vec<_> = arguments.iter().map(std::ffi::OsStr::new).collect();
        run(command(&arguments).unwrap())
    };
    let ran = text(&["features", "music", "-o", "t.csv"])
        .refused(&["music/secret.wav: permission denied"])
        .said(&["music/secret: permission denied"])
        .said(&["2 files gave no rows"]);
    assert!(ran.stderr.contains("1 row from 1 of 3 files"), "{}", ran.stderr);
    assert_eq!(Table::read(&folder.path().join("t.csv")).names(), ["a.wav"]);
    let ran = text(&["classify", "music", "--json"])
        .refused(&["music/secret.wav: permission denied"])
        .said(&["music/secret: permission denied"]);
    assert_eq!(ran.json_lines().len(), 3);
    text(&["classify", "music/secret.wav"]).refused(&["music/secret.wav: permission denied"]);
    text(&["info", "music/secret.wav"]).refused(&["music/secret.wav: permission denied"]);
    close(&music, 0o555);
    text(&["features", "music/a.wav", "-o", "music/t.csv"]).refused(&["music/t.csv", "Permission denied"]);
    close(&music, 0o755);
    close(&music.join("secret"), 0o755);
    assert_eq!(names_in(&music), ["a.wav", "secret", "secret.wav"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_device_that_is_full() {
    let folder = tempdir().unwrap();
    let song = good(folder.path(), "song.wav");
    run(melisma!("features", &song, "-o", "/dev/full"))
        .refused(&["/dev/full: cannot be written", "No space left"]);
    assert!(fs::metadata("/dev/full").unwrap().len() == 0);
    for command in [
        melisma!("features", &song, "-o", "-"),
        melisma!("classify", &song),
        melisma!("info", &song),
    ] {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", "exec \"$@\" >/dev/full", "sh"])
            .arg(command.get_program())
            .args(command.get_args());
        run(shell).refused(&["No space left on device"]);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_may_not_grow() {
    let folder = tempdir().unwrap();
    let song = good(folder.path(), "song.wav");
    let out = tempdir().unwrap();
    // So many blocks of 512 bytes: nothing fits, or no more than the head of the journal.
    for blocks in [0, 1, 2] {
        for (name, said) in [("t.csv", "t.csv"), ("t.parquet", "t.parquet"), ("x.npy", "x.npy")] {
            let path = out.path().join(name);
            let command = match name {
                "x.npy" => melisma!("frames", &song, "--feature", "mfcc", "-o", &path),
                _ => melisma!("features", &song, "-o", &path),
            };
            let mut shell = Command::new("sh");
            shell.args([
                "-c",
                &format!("ulimit -f {blocks}; trap '' XFSZ; exec \"$@\""),
                "sh",
            ]);
            shell.arg(command.get_program()).args(command.get_args());
            run(shell).refused(&[said, "cannot be written", "File too large"]);
            assert_eq!(names_in(out.path()), [""; 0], "{name}, {blocks} blocks");
        }
    }
}

/// A disk that is full for the journal or for the table, and then is given room.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full() {
    let folder = tempdir().unwrap();
    let music = folder.path().join("music");
    for index in 0..10 {
        good(&music, &format!("{index}{}.wav", "x".repeat(index)));
    }
    let expected = run(melisma!("features", &music, "-o", "-")).succeeded().stdout;
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    // In a name space of its own, so that nothing stays mounted.
    let on_disk_of = |kilobytes: u32, script: &str, extension: &str| {
        let script = format!(
            "mount -t tmpfs -o size={kilobytes}k none \"$1\" || exit 99
             disk=$1 music=$2 melisma=$3
             features() {{ \"$melisma\" features \"$music\" -o \"$disk/t.{extension}\"; }}
             {script}"
        );
        let mut shell = Command::new("unshare");
        shell
            .args(["--mount", "sh", "-c", &script, "sh"])
            .arg(&disk)
            .arg(&music);
        shell.arg(env!("CARGO_BIN_EXE_melisma"));
        run(shell)
    };
    if on_disk_of(16, "exit 0", "csv").code != Some(0) {
        eprintln!("SKIPPED: this user may not mount a small disk");
        return;
    }
    // The journal takes about 12 KB, the table about 11.
    for (kilobytes, extension) in [
        (4, "csv"),
        (8, "csv"),
        (16, "csv"),
        (4, "parquet"),
        (16, "parquet"),
    ] {
        let ran = on_disk_of(
            kilobytes,
            "features; code=$?; ls -A \"$1\"; exit $code",
            extension,
        )
        .refused(&[
            &format!("t.{extension}"),
            "cannot be written",
            "No space left on device",
        ]);
        assert_eq!(
            ran.stdout,
            format!("t.{extension}.partial\n"),
            "{kilobytes} KB: only what is needed to go on"
        );
    }
    for kilobytes in [4, 16] {
        let script = "features; echo $?; mount -o remount,size=1m \"$1\"; features 2>&1 || exit 3
                      ls -A \"$1\"; cat \"$1/t.csv\"";
        let ran = on_disk_of(kilobytes, script, "csv").succeeded();
        let (log, table) = ran
            .stdout
            .split_once("t.csv\nt.csv.json\nfilename")
            .expect("nothing but the table and how it was made lies there");
        assert!(log.starts_with("2\ngoing on: "), "{log}");
        assert_eq!(format!("filename{table}"), expected, "{kilobytes} KB");
    }
}
