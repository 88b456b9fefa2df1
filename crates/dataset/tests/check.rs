//! Checking a collection: planted copies and faults are found, clean recordings are left alone.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use melisma_dataset::check::{CheckOptions, Finding, FindingKind, Report, check};
use melisma_dataset::collection::{GenreSource, OpenOptions, open_with};

const DATA: Option<&str> = option_env!("MELISMA_TEST_DATA");
const RATE: usize = 22_050;

/// A piece of plucked notes over a bass, another for another seed.
fn piece(seed: u64, seconds: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut random = move |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut samples = vec![0.0_f32; seconds * RATE];
    let mut at = 0;
    while at < samples.len() {
        let length = RATE / 8 * (1 + random(4) as usize);
        for voice in 0..3 {
            let pitch = 110.0 * 2_f64.powf(random(12 * (voice + 1)) as f64 / 12.0);
            for n in 0..(2 * length).min(samples.len() - at) {
                let time = n as f64 / RATE as f64;
                let tone: f64 = (1..=5)
                    .map(|k| (std::f64::consts::TAU * pitch * k as f64 * time).sin() / (k * k) as f64)
                    .sum();
                samples[at + n] += (0.1 * tone * (-4.0 * time).exp()) as f32;
            }
        }
        at += length;
    }
    samples
}

/// A mono wav file of 16 bits.
fn wav(samples: &[f32]) -> Vec<u8> {
    let data: Vec<u8> = samples
        .iter()
        .flat_map(|s| ((s.clamp(-1.0, 1.0) * 32_767.0).round() as i16).to_le_bytes())
        .collect();
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((data.len() as u32 + 36).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x22\x56\0\0\x44\xac\0\0\x02\0\x10\0data");
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    bytes
}

/// The same samples in an `.au` file.
fn au(samples: &[f32]) -> Vec<u8> {
    let mut bytes = b".snd\0\0\0\x18".to_vec();
    bytes.extend((samples.len() as u32 * 2).to_be_bytes());
    bytes.extend(b"\0\0\0\x03\0\0\x56\x22\0\0\0\x01");
    let words = samples
        .iter()
        .map(|s| (s.clamp(-1.0, 1.0) * 32_767.0).round() as i16);
    bytes.extend(words.flat_map(i16::to_be_bytes));
    bytes
}

fn put(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn checked(folder: &Path, cache: Option<&Path>) -> Report {
    let options = OpenOptions {
        genre: GenreSource::Folder,
        ..OpenOptions::default()
    };
    let collection = open_with(folder, &options).unwrap();
    let options = CheckOptions {
        threads: 2,
        cache: cache.map(Path::to_owned),
    };
    check(&*collection, &options, &AtomicBool::new(false), &mut |_| {}).unwrap()
}

fn of_kind(report: &Report, kind: FindingKind) -> Vec<&Finding> {
    report.findings.iter().filter(|f| f.kind == kind).collect()
}

/// Eight clean pieces in two genres.
fn clean(folder: &Path) {
    for seed in 0..8 {
        let genre = ["jazz", "rock"][seed as usize % 2];
        put(folder, &format!("{genre}/{seed}.wav"), wav(&piece(seed, 12)));
    }
}

#[test]
fn clean_recordings_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    clean(folder.path());
    let report = checked(folder.path(), None);
    assert_eq!((report.recordings, report.files), (8, 8));
    assert_eq!(report.findings, []);
}

#[test]
fn copies_of_every_kind_are_found_with_their_originals() {
    let folder = tempfile::tempdir().unwrap();
    clean(folder.path());
    let original = piece(1, 12);
    put(folder.path(), "rock/identical.wav", wav(&original));
    put(folder.path(), "rock/other format.au", au(&original));
    let shift = 13 * RATE / 10;
    let near = [
        ("rock/shifted.wav", original[shift..].to_vec()),
        ("rock/cut.wav", original[5 * RATE..].to_vec()),
        ("rock/half.wav", original[..7 * RATE].to_vec()),
        ("rock/quiet.wav", original.iter().map(|s| s * 0.25).collect()),
        (
            "jazz/mislabelled.wav",
            original.iter().map(|s| s * 0.9).collect::<Vec<f32>>(),
        ),
    ];
    for (name, samples) in &near {
        put(folder.path(), name, wav(samples));
    }
    let report = checked(folder.path(), None);
    let exact = of_kind(&report, FindingKind::Duplicate);
    assert_eq!(exact.len(), 1);
    assert_eq!(
        exact[0].recordings,
        ["rock/1.wav", "rock/identical.wav", "rock/other format.au"]
    );
    assert!(
        exact[0].detail.contains("samples are identical"),
        "{}",
        exact[0].detail
    );
    let found = of_kind(&report, FindingKind::NearDuplicate);
    assert_eq!(found.len(), 1, "{found:?}");
    let mut expected: Vec<&str> = near.iter().map(|(name, _)| *name).collect();
    expected.push("rock/1.wav");
    expected.sort_unstable();
    assert_eq!(found[0].recordings, expected);
    // Any of the whole ones, none of the cut ones.
    let cut = ["shifted", "cut", "half"];
    let advice = &found[0].advice;
    assert!(
        advice.contains("best") && !cut.iter().any(|name| advice.contains(name)),
        "{advice}"
    );
    let labels = of_kind(&report, FindingKind::LabelConflict);
    assert_eq!(labels.len(), 1);
    assert!(
        labels[0].detail.contains("jazz/mislabelled.wav jazz"),
        "{}",
        labels[0].detail
    );
}

#[test]
fn faulty_files_are_named_with_their_fault() {
    let folder = tempfile::tempdir().unwrap();
    clean(folder.path());
    let whole = wav(&piece(20, 12));
    put(folder.path(), "rock/truncated.wav", &whole[..whole.len() / 2]);
    put(folder.path(), "rock/corrupt.wav", b"this is no sound");
    put(folder.path(), "rock/silent.wav", wav(&vec![0.0; 12 * RATE]));
    let mut half = piece(21, 12);
    half[3 * RATE..].fill(0.0);
    put(folder.path(), "rock/half silent.wav", wav(&half));
    let loud: Vec<f32> = piece(22, 12).iter().map(|s| s * 30.0).collect();
    put(folder.path(), "rock/clipped.wav", wav(&loud));
    let off: Vec<f32> = piece(23, 12).iter().map(|s| s + 0.2).collect();
    put(folder.path(), "rock/off.wav", wav(&off));
    put(folder.path(), "no genre.wav", wav(&piece(24, 12)));
    let report = checked(folder.path(), None);
    for (kind, name, said) in [
        (FindingKind::Unreadable, "rock/corrupt.wav", "format"),
        (
            FindingKind::Damaged,
            "rock/truncated.wav",
            "6.0 s of 12.0 s promised",
        ),
        (FindingKind::Length, "rock/truncated.wav", "6.0 s"),
        (FindingKind::Clipped, "rock/clipped.wav", "full scale"),
        (FindingKind::DcOffset, "rock/off.wav", "+0.20"),
        (FindingKind::Unlabelled, "no genre.wav", "1 of 15"),
    ] {
        let found = of_kind(&report, kind);
        assert_eq!(found.len(), 1, "{kind}: {found:?}");
        assert_eq!(found[0].recordings, [name], "{kind}");
        assert!(found[0].detail.contains(said), "{kind}: {}", found[0].detail);
    }
    let silent: Vec<_> = of_kind(&report, FindingKind::Silent)
        .iter()
        .map(|f| f.recordings[0].as_str())
        .collect();
    assert_eq!(silent, ["rock/half silent.wav", "rock/silent.wav"]);
    assert_eq!(report.findings.len(), 8, "{:?}", report.findings);
}

#[test]
fn parts_share_neither_artists_nor_copies() {
    let folder = tempfile::tempdir().unwrap();
    for (name, seed) in [("a.wav", 1), ("b.wav", 2), ("c.wav", 3), ("d.wav", 1)] {
        put(folder.path(), name, wav(&piece(seed, 8)));
    }
    let table = "filename,label,artist,split\na.wav,jazz,Evans,train\nb.wav,jazz,EVANS,test\nc.wav,jazz,Monk,valid\nd.wav,jazz,,test\nnone.wav,jazz,,\n";
    put(folder.path(), "t.csv", table);
    let report = checked(&folder.path().join("t.csv"), None);
    let artists = of_kind(&report, FindingKind::ArtistAcrossParts);
    assert_eq!(artists.len(), 1);
    assert_eq!(artists[0].recordings, ["a.wav", "b.wav"]);
    assert!(
        artists[0].detail.contains("Evans: 1 in train, 1 in test"),
        "{}",
        artists[0].detail
    );
    let copies = of_kind(&report, FindingKind::CopyAcrossParts);
    assert_eq!(copies.len(), 1);
    assert_eq!(copies[0].recordings, ["a.wav", "d.wav"]);
    let missing = of_kind(&report, FindingKind::Missing);
    assert_eq!(missing[0].recordings, ["none.wav"]);
}

#[test]
fn a_cache_spares_the_work_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let music = folder.path().join("music");
    for (name, seed) in [("jazz/a.wav", 1), ("rock/b.wav", 1), ("rock/c.wav", 2)] {
        put(&music, name, wav(&piece(seed, 8)));
    }
    put(&music, "rock/bad.wav", b"no sound");
    let cache = folder.path().join("cache");
    let first = checked(&music, Some(&cache));
    let second = checked(&music, Some(&cache));
    assert_eq!((first.resumed, second.resumed), (0, 3));
    assert_eq!(first.findings, second.findings);
    assert_eq!(second.audio_s, 0.0);
}

#[test]
fn a_stopped_check_says_so() {
    let folder = tempfile::tempdir().unwrap();
    clean(folder.path());
    let collection = open_with(folder.path(), &OpenOptions::default()).unwrap();
    let options = CheckOptions {
        threads: 1,
        cache: None,
    };
    let stop = AtomicBool::new(false);
    let report = check(&*collection, &options, &stop, &mut |event| {
        if let melisma_dataset::check::Event::File { .. } = event {
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    });
    assert!(report.unwrap().interrupted);
}

#[test]
#[cfg_attr(
    not(melisma_data),
    ignore = "needs the data folder (../shared/data or MELISMA_DATA)"
)]
fn the_clips_of_gtzan_have_no_copies_among_them() {
    let data = Path::new(DATA.unwrap()).join("gtzan");
    let options = OpenOptions {
        lists: Some(data.clone()),
        ..OpenOptions::default()
    };
    let collection = open_with(&data.join("audio/clips"), &options).unwrap();
    let options = CheckOptions {
        threads: 2,
        cache: None,
    };
    let report = check(&*collection, &options, &AtomicBool::new(false), &mut |_| {}).unwrap();
    assert_eq!(report.files, 60);
    for kind in [
        FindingKind::Unreadable,
        FindingKind::Damaged,
        FindingKind::Silent,
        FindingKind::Duplicate,
        FindingKind::NearDuplicate,
        FindingKind::LabelConflict,
    ] {
        assert_eq!(of_kind(&report, kind), Vec::<&Finding>::new());
    }
    // The clips here are shortened: the report says so once.
    assert_eq!(of_kind(&report, FindingKind::Length).len(), 1);
}
