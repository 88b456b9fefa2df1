//! The Million Song Dataset's files, as PyTables writes them, whole and damaged.

use std::path::{Path, PathBuf};

use melisma_dataset::collection::{self, Kind, Msd, OpenOptions, Song};
use melisma_dataset::{Collection, Recording};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

fn good(collection: &dyn Collection) -> Vec<Recording> {
    collection.recordings().unwrap().map(|r| r.unwrap()).collect()
}

#[test]
fn a_summary_file_is_read_in_pieces() {
    let msd = collection::open(&golden("msd_summary.h5"), None).unwrap();
    let all = good(&*msd);
    assert_eq!(all.len(), 1500);
    let last = &all[1499];
    assert_eq!(last.id, "TRAAA0000000001499");
    assert_eq!(last.artist.as_deref(), Some("Ärtist 1"));
    assert_eq!(last.title.as_deref(), Some("Title 1499"));
    assert_eq!((last.genre.as_deref(), last.path.as_deref()), (None, None));
    assert!(!msd.has_audio());
}

#[test]
fn a_tree_of_files_comes_with_genres_of_a_list() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("A/X/L");
    std::fs::create_dir_all(&deep).unwrap();
    std::fs::copy(golden("msd_song.h5"), deep.join("TRAXLZU12903D05F94.h5")).unwrap();
    std::fs::write(deep.join("TRBROKEN.h5"), b"not HDF5 at all").unwrap();
    let list = folder.path().join("genres.cls");
    let text = "# tagtraum\nTRAXLZU12903D05F94\tPop\tRock\n\nnonsense\n%comment\nTRAAA0000000000001\tJazz\n";
    std::fs::write(&list, text).unwrap();
    let options = OpenOptions {
        lists: Some(list),
        ..OpenOptions::default()
    };
    assert_eq!(Kind::detect(folder.path()).unwrap(), Kind::Msd);
    let msd = collection::open_with(folder.path(), &options).unwrap();
    let all: Vec<_> = msd.recordings().unwrap().collect();
    let fault = all[0].as_ref().unwrap_err().to_string();
    assert!(fault.contains("genres.cls, line 4"), "{fault}");
    let song = all[1].as_ref().unwrap();
    assert_eq!(
        song.path.as_deref(),
        Some(Path::new("A/X/L/TRAXLZU12903D05F94.h5"))
    );
    assert_eq!(song.genre.as_deref(), Some("Pop"));
    assert_eq!(song.genres, ["Pop", "Rock"]);
    assert_eq!(song.artist.as_deref(), Some("Rick Astley"));
    assert!(all[2].as_ref().unwrap_err().to_string().contains("TRBROKEN.h5"));
    assert_eq!(all.len(), 3);
}

#[test]
fn a_song_has_its_segments() {
    let song = Song::read(&golden("msd_song.h5")).unwrap();
    assert_eq!(song.track_id, "TRAXLZU12903D05F94");
    assert_eq!((song.duration_s, song.tempo, song.loudness), (200.5, 120.0, -7.5));
    assert_eq!((song.timbre.len(), song.pitches.len()), (5, 5));
    assert_eq!(song.timbre[4][11], 59.0);
    assert!((song.pitches[1][0] - 0.12).abs() < 1e-12);
    let error = Song::read(&golden("msd_summary.h5")).unwrap_err().to_string();
    assert!(error.contains("msd_summary.h5"), "{error}");
}

#[test]
fn damage_is_a_fault_and_never_the_end() {
    let bytes = std::fs::read(golden("msd_song.h5")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.h5");
    let mut random = 1_u64;
    let mut faults = 0;
    for round in 0..400 {
        let mut damaged = bytes.clone();
        for _ in 0..1 + round % 8 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let at = (random >> 33) as usize % damaged.len();
            damaged[at] = (random >> 20) as u8;
        }
        if round % 5 == 0 {
            damaged.truncate((random >> 33) as usize % bytes.len());
        }
        std::fs::write(&path, &damaged).unwrap();
        let msd = Msd::open(&path, None).unwrap();
        // A header of damaged zeros may promise many rows; the first ones tell.
        faults += msd.recordings().unwrap().take(10).filter(|r| r.is_err()).count();
        let _ = Song::read(&path);
    }
    assert!(faults > 50, "{faults}");
}
