//! Recipes: what is refused, and that the shipped model is what its recipe makes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use melisma_dataset::split::{About, Place, Split, gtzan_filtered};
use melisma_dataset::{Gtzan, GtzanTable, Part, TrackId};
use melisma_learn::recipe::{Recipe, remaining};
use melisma_learn::shipped;

/// The data folder `build.rs` found.
const DATA: Option<&str> = option_env!("MELISMA_TEST_DATA");

fn recipe_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes/genre-table.toml")
}

#[test]
fn faults_are_named() {
    let text = std::fs::read_to_string(recipe_path()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (from, to, said) in [
        ("ship = \"voting\"", "ship = \"oracle\"", "selection.ship"),
        ("seed = 1\nschema", "sede = 1\nschema", "sede"),
        ("name = \"logistic\"", "name = \"voting\"", "different names"),
        ("c = 0.05", "c = -1.0", "logistic: C is -1"),
        ("gamma = 0.01", "gamma = 0.0", "gamma is 0"),
        ("kind = \"kernel_ridge\"", "kind = \"svm\"", "svm"),
        ("schema = \"gtzan\"", "schema = \"spotify\"", "gtzan, not spotify"),
        ("limit = 5.0", "limit = 0.0", "limit is 0"),
        ("repeats = 3", "repeats = 0", "repeats"),
        ("top_bands = 8", "top_bands = 800", "bands"),
    ] {
        let path = folder.path().join("faulty.toml");
        assert!(text.contains(from), "{from}");
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
        let error = Recipe::read(&path).unwrap_err().to_string();
        assert!(error.contains(said), "{to}: {error}");
    }
    assert!(
        Recipe::read(&folder.path().join("none.toml"))
            .unwrap_err()
            .to_string()
            .contains("none.toml")
    );
}

#[test]
#[cfg_attr(
    not(melisma_data),
    ignore = "needs the data folder (../shared/data or MELISMA_DATA)"
)]
fn the_recipe_makes_the_shipped_model_again() {
    let data = Path::new(DATA.expect("ignored without data"));
    let recipe = Recipe::read(&recipe_path()).unwrap();
    let made = recipe.train_excluding(data, &BTreeSet::new(), false).unwrap();
    let again = recipe.train_excluding(data, &BTreeSet::new(), false).unwrap();
    assert_eq!(
        made.to_bytes().unwrap(),
        again.to_bytes().unwrap(),
        "the same seed gives the same bytes"
    );
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
    let places = Part::ALL.into_iter().flat_map(|part| {
        gtzan_filtered(part)
            .into_iter()
            .map(move |track| (track, Place::Part(part)))
    });
    let filtered = Split::new(places.collect(), About::default()).unwrap();
    assert!(
        shipped_splits
            .iter()
            .any(|split| split.sha256 == filtered.hash() && split.seed.is_none())
    );
    // Another processor may round differently, so numbers are compared, not bytes.
    let table = Gtzan::open(data).unwrap().table(GtzanTable::Seconds30).unwrap();
    for row in (0..table.len()).step_by(50) {
        let (a, b) = (
            made.predict(table.row(row)).unwrap(),
            shipped.predict(table.row(row)).unwrap(),
        );
        assert!(
            a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-3),
            "{}",
            table.filenames[row]
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
    let left = |ids: &[&str], artists| {
        let exclude: BTreeSet<TrackId> = ids.iter().map(|id| TrackId::from(*id)).collect();
        remaining(&gtzan, &exclude, artists)
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
    let recipe = Recipe::read(&recipe_path()).unwrap();
    let exclude = BTreeSet::from([TrackId::from("blues.00000")]);
    let listed: String = left(&["blues.00000"], true)
        .iter()
        .map(|track| format!("{track}\n"))
        .collect();
    let model = recipe.train_excluding(data, &exclude, true).unwrap();
    assert_eq!(
        model.header().tracks_hash,
        melisma_dataset::sha256_hex(listed.as_bytes())
    );
}
