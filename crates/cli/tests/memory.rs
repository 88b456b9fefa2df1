//! How much memory a run takes at most: it must not grow with the length of a file or the number of files.

#![cfg(target_os = "linux")]

mod common;

use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{PCM, RATE, melisma, music, put, wav_promising, wav16};
use tempfile::tempdir;

/// The largest resident set of a run that must succeed, in megabytes.
fn peak(mut command: Command) -> f64 {
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let path = format!("/proc/{}/status", child.id());
    let mut peak = 0.0;
    loop {
        // The high-water mark only rises, so the last look before the end counts.
        let text = fs::read_to_string(&path).unwrap_or_default();
        if let Some(line) = text.lines().find_map(|line| line.strip_prefix("VmHWM:")) {
            peak = line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0;
        }
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success());
            assert!(peak > 0.0, "it was over before its memory was looked at");
            return peak;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Minutes of stereo at 44.1 kHz: a piece of ten seconds over and over, a little different each time.
fn long_file(path: &Path, minutes: u32) {
    let [left, right] = [1, 2].map(|seed| music(seed, 10.0, 44_100));
    let bytes = minutes * 60 * 44_100 * 4;
    let mut file = BufWriter::new(fs::File::create(path).unwrap());
    file.write_all(&wav_promising(PCM, 16, 2, 44_100, &[], bytes))
        .unwrap();
    for piece in 0..minutes * 6 {
        let gain = 16_000.0 + 100.0 * (piece % 64) as f32;
        for (l, r) in left.iter().zip(&right) {
            for sample in [l, r] {
                file.write_all(&((sample * gain) as i16).to_le_bytes()).unwrap();
            }
        }
    }
    file.flush().unwrap();
    assert_eq!(fs::metadata(path).unwrap().len(), 44 + u64::from(bytes));
}

fn peak_of_long_file(minutes: u32) -> f64 {
    let folder = tempdir().unwrap();
    let path = folder.path().join("long.wav");
    long_file(&path, minutes);
    let out = folder.path().join("t.csv");
    let peak = peak(melisma!(
        "features",
        &path,
        "--window",
        "3",
        "--threads",
        "1",
        "-o",
        &out
    ));
    assert_eq!(
        common::Table::read(&out).all_finite().rows.len(),
        minutes as usize * 20
    );
    eprintln!("{minutes} minutes: peak {peak:.1} MB");
    peak
}

#[test]
fn ten_minutes_in_windows() {
    let (one, ten) = (peak_of_long_file(1), peak_of_long_file(10));
    assert!(ten < 150.0, "{ten} MB");
    assert!(ten < one + 10.0, "one minute: {one} MB, ten minutes: {ten} MB");
}

#[test]
#[ignore = "slow: run by hand"]
fn an_hour_in_windows() {
    let peak = peak_of_long_file(60);
    assert!(peak < 150.0, "{peak} MB");
}

#[test]
fn many_files() {
    let folder = tempdir().unwrap();
    let sound = music(1, 1.0, RATE);
    let peak_of_files = |count: usize| {
        let name = format!("{count}");
        for index in 0..count {
            put(
                folder.path().join(&name).join(format!("{index:03}.wav")),
                wav16(&sound[index..]),
            );
        }
        let out = folder.path().join(format!("{count}.csv"));
        peak(melisma!(
            "features",
            folder.path().join(&name),
            "--threads",
            "2",
            "-o",
            &out
        ))
    };
    let (few, many) = (peak_of_files(20), peak_of_files(200));
    eprintln!("20 files: peak {few:.1} MB; 200 files: {many:.1} MB");
    assert!(many < few + 10.0, "20 files: {few} MB, 200 files: {many} MB");
}
