//! Recipes: what is refused, and that the shipped model is what its recipe makes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use melisma_dataset::split::{About, Place, Split, gtzan_filtered};
use melisma_dataset::{Gtzan, GtzanTable, Part, TrackId, sha256_hex};
use melisma_lab::{Recipe, Watch};
use melisma_learn::shipped;

/// The data folder `build.rs` found.
const DATA: Option<&str> = option_env!("MELISMA_TEST_DATA");
static GO_ON: AtomicBool = AtomicBool::new(false);

fn quiet() -> Watch<'static> {
    Watch {
        stop: &GO_ON,
        say: &|_| {},
        step: &|_, _| {},
    }
}

fn recipes() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes")
}

#[test]
fn every_recipe_of_the_repository_can_be_read() {
    let mut read = 0;
    for entry in std::fs::read_dir(recipes()).unwrap() {
        let path = entry.unwrap().path();
        // Those of composing lie in a folder of their own.
        if path.is_dir() {
            continue;
        }
        let recipe = Recipe::read(&path).unwrap();
        assert!(!recipe.content().about.is_empty(), "{}", recipe.name());
        read += 1;
    }
    assert!(read >= 7, "{read}");
}

#[test]
fn faults_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |file: &str, from: &str, to: &str| {
        let text = std::fs::read_to_string(recipes().join(file)).unwrap();
        assert!(text.contains(from), "{from}");
        let path = folder.path().join("faulty.toml");
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
        Recipe::read(&path).unwrap_err().to_string()
    };
    for (from, to, said) in [
        (
            "candidate = \"voting\"\nversion",
            "candidate = \"oracle\"\nversion",
            "oracle",
        ),
        ("seed = 1\nprotocols", "sede = 1\nprotocols", "sede"),
        (
            "name = \"logistic\"\n",
            "name = \"kernel-ridge\"\n",
            "two candidates",
        ),
        ("c = 0.05", "c = -1.0", "logistic: C is -1"),
        ("gamma = 0.01", "gamma = 0.0", "gamma is 0"),
        ("kind = \"kernel_ridge\"", "kind = \"oracle\"", "oracle"),
        ("limit = 5.0", "limit = 0.0", "limit is 0"),
        ("top_bands = 8", "top_bands = 800", "bands"),
        (
            "members = [\"logistic\"",
            "members = [\"logistic-raw\"",
            "other steps",
        ),
        ("members = [\"logistic\"", "members = [\"nobody\"", "nobody"),
        ("name = \"logistic-raw\"", "name = \"../up\"", "letters, digits"),
        ("\"filtered\"]", "\"filterd\"]", "filterd"),
    ] {
        let error = refused("genre-table.toml", from, to);
        assert!(error.contains(said), "{to}: {error}");
        assert!(error.contains("faulty.toml"), "{error}");
    }
    for (from, to, said) in [
        ("k = [1, 3,", "q = [1, 3,", "unknown field `q`"),
        ("k = [1, 3,", "k = [0, 3,", "k is 0"),
        ("kernel = [\"linear\"", "kernel = [\"cubic\"", "cubic"),
        ("score = \"accuracy\"", "score = \"beauty\"", "beauty"),
    ] {
        let error = refused("gtzan-reference-grid.toml", from, to);
        assert!(error.contains(said), "{to}: {error}");
    }
    let error = refused(
        "honest.toml",
        "fuse = [{ candidate = \"texture\" }",
        "fuse = [{ candidate = \"three-views\" }",
    );
    assert!(error.contains("no candidate before it"), "{error}");
    let missing = Recipe::read(&folder.path().join("none.toml"))
        .unwrap_err()
        .to_string();
    assert!(missing.contains("none.toml"), "{missing}");
}

#[test]
#[cfg_attr(
    not(melisma_data),
    ignore = "needs the data folder (../shared/data or MELISMA_DATA)"
)]
fn the_recipe_makes_the_shipped_model_again() {
    let data = Path::new(DATA.expect("ignored without data"));
    let recipe = Recipe::read(&recipes().join("genre-table.toml")).unwrap();
    let made = recipe
        .train_excluding(data, &BTreeSet::new(), false, quiet())
        .unwrap();
    let shipped = shipped().unwrap();
    assert_eq!(made.header().tracks_hash, shipped.header().tracks_hash);
    assert_eq!(
        made.header().recipe_hash,
        shipped.header().recipe_hash,
        "run the recipe and commit its model"
    );
    // The same folds, and the filtered split as `dataset split` knows it.
    let shipped_splits = &shipped.header().splits;
    assert!(
        shipped_splits.contains(&made.header().splits[0]),
        "{shipped_splits:?}"
    );
    let clean = Gtzan::open(data).unwrap().clean_tracks();
    let places = Part::ALL.into_iter().flat_map(|part| {
        let kept = gtzan_filtered(part).into_iter();
        let kept = kept.filter(|track| part == Part::Test || clean.contains(&TrackId::from(track.as_str())));
        let side = if part == Part::Test {
            Part::Test
        } else {
            Part::Train
        };
        kept.map(move |track| (track, Place::Part(side)))
            .collect::<Vec<_>>()
    });
    let listed = Split::new(places.collect(), About::default()).unwrap();
    let mine = Gtzan::open(data).unwrap().table(GtzanTable::Seconds30).unwrap();
    let rows = mine
        .filenames
        .iter()
        .filter(|name| listed.place_of_row(name).is_some())
        .count();
    assert_eq!(rows, listed.len(), "every listed track has a row");
    // Another processor may round differently, so numbers are compared, not bytes.
    for row in (0..mine.len()).step_by(50) {
        let (a, b) = (
            made.predict(mine.row(row)).unwrap(),
            shipped.predict(mine.row(row)).unwrap(),
        );
        assert!(
            a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-3),
            "{}",
            mine.filenames[row]
        );
    }
}

#[test]
#[cfg_attr(
    not(melisma_data),
    ignore = "needs the data folder (../shared/data or MELISMA_DATA)"
)]
fn excluded_tracks_take_duplicates_and_artists_with_them() {
    let data = Path::new(DATA.expect("ignored without data"));
    let gtzan = Gtzan::open(data).unwrap();
    let recipe = Recipe::read(&recipes().join("genre-table.toml")).unwrap();
    let left = |ids: &[&str], artists: bool| {
        let exclude: BTreeSet<TrackId> = ids.iter().map(|id| TrackId::from(*id)).collect();
        recipe.tracks_without(data, &exclude, artists, quiet()).unwrap()
    };
    assert_eq!(left(&[], false), gtzan.clean_tracks());
    // reggae.00081 and reggae.00082 are bit-identical; only the second is clean.
    assert_eq!(left(&["reggae.00081"], false), left(&["reggae.00082"], false));
    assert_eq!(
        left(&["reggae.00081"], false).len(),
        gtzan.clean_tracks().len() - 1
    );
    // blues.00000 to blues.00011 are by John Lee Hooker.
    assert_eq!(left(&["blues.00000"], true), left(&["blues.00011"], true));
    assert!(!left(&["blues.00000"], true).contains(&TrackId::from("blues.00005")));
    assert!(left(&["blues.00000"], false).contains(&TrackId::from("blues.00005")));
    // The model made without tracks says what it was made from.
    let exclude = BTreeSet::from([TrackId::from("blues.00000")]);
    let listed: String = left(&["blues.00000"], true)
        .iter()
        .map(|track| format!("{track}\n"))
        .collect();
    let model = recipe.train_excluding(data, &exclude, true, quiet()).unwrap();
    assert_eq!(model.header().tracks_hash, sha256_hex(listed.as_bytes()));
}
