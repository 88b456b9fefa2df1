//! Splits through the public API: what never crosses, what is met, what is refused.

use std::collections::{BTreeMap, BTreeSet};

use melisma_dataset::Part;
use melisma_dataset::rng::Rng;
use melisma_dataset::split::{Cut, Item, Items, Method, Place, SplitParams, make};
use proptest::prelude::*;

fn item(number: usize, label: usize, track: usize, artist: Option<usize>) -> Item {
    Item {
        id: format!("row {number}"),
        label: Some(format!("genre {label}")),
        track: format!("track {track}"),
        artist: artist.map(|artist| format!("artist {artist}")),
        key: Some(format!("{}", track % 7)),
        part: Some(Part::ALL[number % 3]),
    }
}

prop_compose! {
    fn items()(rows in prop::collection::vec((0usize..4, 0usize..40, prop::option::of(0usize..12)), 40..150)) -> Vec<Item> {
        // An artist belongs to a track, not to a row.
        let artist_of: BTreeMap<usize, Option<usize>> = rows.iter().map(|row| (row.1, row.2)).collect();
        let row = |(n, (label, track, _)): (usize, &(usize, usize, Option<usize>))| item(n, *label, *track, artist_of[track]);
        rows.iter().enumerate().map(row).collect()
    }
}

fn methods() -> impl Strategy<Value = Method> {
    let column = || prop::sample::select(vec!["track", "artist", "key"]).prop_map(str::to_owned);
    prop_oneof![
        Just(Method::Random),
        Just(Method::Stratified),
        Just(Method::Official),
        column().prop_map(Method::Grouped),
        column().prop_map(Method::StratifiedGrouped),
        column().prop_map(Method::LeaveOneOut),
    ]
}

fn cuts() -> impl Strategy<Value = Cut> {
    prop_oneof![
        Just(Cut::Fractions(vec![0.8, 0.2])),
        Just(Cut::Fractions(vec![0.7, 0.15, 0.15])),
        (2usize..6).prop_map(Cut::Folds),
    ]
}

proptest! {
    #[test]
    fn every_row_lands_once_and_order_does_not_matter(
        mut rows in items(), method in methods(), cut in cuts(), seed: u64
    ) {
        let params = SplitParams { method, cut, seed };
        let Ok(split) = make(&Items::new(rows.clone(), "t").unwrap(), &params) else { return Ok(()) };
        let ids: BTreeSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        prop_assert_eq!(split.places().map(|(id, _)| id).collect::<BTreeSet<_>>(), ids);
        prop_assert_eq!(split.len(), rows.len());
        let counted: usize = split.about().counts.values().flat_map(BTreeMap::values).sum();
        prop_assert_eq!(counted, rows.len());
        Rng::new(seed ^ 1).shuffle(&mut rows);
        let again = make(&Items::new(rows, "t").unwrap(), &params).unwrap();
        prop_assert_eq!(again.to_bytes(), split.to_bytes());
    }

    #[test]
    fn no_group_crosses(rows in items(), method in methods(), cut in cuts(), seed: u64) {
        let Some(column) = method.column().map(str::to_owned) else { return Ok(()) };
        let items = Items::new(rows.clone(), "t").unwrap();
        let Ok(split) = make(&items, &SplitParams { method, cut, seed }) else { return Ok(()) };
        let value = |row: &Item| match column.as_str() {
            "artist" => row.artist.clone(),
            "track" => Some(row.track.clone()),
            _ => row.key.clone(),
        };
        for a in &rows {
            for b in &rows {
                let same = a.track == b.track || (value(a).is_some() && value(a) == value(b));
                prop_assert!(!same || split.place(&a.id) == split.place(&b.id), "{:?} {:?}", a, b);
            }
        }
    }

    #[test]
    fn copies_never_cross(rows in items(), a in 0usize..40, b in 0usize..40, seed: u64) {
        let pair = (rows[a].track.clone(), rows[b].id.clone());
        let items = Items::new(rows.clone(), "t").unwrap().with_copies([pair]);
        let params = SplitParams { method: Method::Grouped("artist".into()), cut: Cut::Folds(3), seed };
        if let Ok(split) = make(&items, &params) {
            prop_assert_eq!(split.place(&rows[a].id), split.place(&rows[b].id));
        }
    }
}

fn split_of(rows: Vec<Item>, method: Method, cut: Cut) -> Result<melisma_dataset::Split, String> {
    let items = Items::new(rows, "t").map_err(|error| error.to_string())?;
    make(&items, &SplitParams { method, cut, seed: 1 }).map_err(|error| error.to_string())
}

fn rows(count: usize) -> Vec<Item> {
    (0..count).map(|n| item(n, n % 2, n, Some(n / 4))).collect()
}

#[test]
fn what_cannot_be_done_is_said() {
    let group = |column: &str| Method::Grouped(column.into());
    let halves = || Cut::Fractions(vec![0.5, 0.5]);
    let mut lone = rows(10);
    lone[0].label = Some("polka".into());
    let mut bare = rows(10);
    bare[3].label = None;
    let mut twice = rows(4);
    twice[1].id = twice[0].id.clone();
    let of_one = (0..9).map(|n| item(n, 0, n, None)).collect::<Vec<_>>();
    let mut without_parts = rows(4);
    without_parts.iter_mut().for_each(|row| row.part = None);
    for (rows, method, cut, said) in [
        (rows(8), group("artist"), Cut::Folds(3), "3 folds of 2 groups"),
        (rows(4), group("artist"), halves(), "2 parts of 1 groups"),
        (rows(8), Method::Random, Cut::Folds(9), "9 folds of 8 groups"),
        (rows(8), Method::Random, Cut::Folds(1), "1 folds"),
        (
            rows(8),
            Method::Random,
            Cut::Fractions(vec![0.5, 0.6]),
            "sum to 1",
        ),
        (rows(8), Method::Random, Cut::Fractions(vec![1.0]), "two or three"),
        (
            rows(8),
            Method::Random,
            Cut::Fractions(vec![1.5, -0.5]),
            "positive",
        ),
        (
            lone,
            Method::Stratified,
            Cut::Folds(2),
            "class `polka` has 1 rows",
        ),
        (bare, Method::Stratified, halves(), "`row 3` has no label"),
        (of_one, Method::Stratified, halves(), "one class"),
        (twice, Method::Random, halves(), "`row 0` comes twice"),
        (Vec::new(), Method::Random, halves(), "no rows"),
        (without_parts, Method::Official, halves(), "no parts"),
        (rows(4), Method::GtzanFiltered, halves(), "name no row"),
        (
            rows(4),
            Method::LeaveOneOut("artist".into()),
            halves(),
            "single group",
        ),
        (
            rows(60),
            Method::Stratified,
            Cut::Fractions(vec![0.999, 0.001]),
            "no row is left for test",
        ),
    ] {
        let error = split_of(rows, method, cut).unwrap_err();
        assert!(error.contains(said), "{said}: {error}");
    }
}

#[test]
fn lists_name_tracks_and_say_what_is_missing() {
    let windows = ["a.0", "b.0", "c.0", "jazz.00054.0.wav", "jazz.00073.1.wav"];
    let row = |id: &str| Item {
        id: id.to_owned(),
        track: melisma_dataset::TrackId::of_row(id).as_str().to_owned(),
        ..Item::default()
    };
    let items = Items::new(windows.map(row).to_vec(), "t").unwrap();
    let names = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<BTreeSet<_>>()
    };
    let lists = vec![
        (Part::Train, names(&["a.0", "x/jazz.00054.au", "gone"])),
        (Part::Test, names(&["b.0"])),
    ];
    let with = |method| SplitParams {
        method,
        ..SplitParams::default()
    };
    let split = make(&items, &with(Method::Lists(lists.clone()))).unwrap();
    assert_eq!(
        split.at(Place::Part(Part::Train)).collect::<Vec<_>>(),
        ["a.0", "jazz.00054.0.wav"]
    );
    assert_eq!((split.len(), split.about().unassigned), (3, 2));
    assert_eq!(
        split.about().missing,
        BTreeMap::from([("train".to_owned(), vec!["gone".to_owned()])])
    );
    let mut both = lists;
    both[1].1.insert("a.0".to_owned());
    assert!(
        make(&items, &with(Method::Lists(both)))
            .unwrap_err()
            .to_string()
            .contains("`a.0` is in two lists")
    );

    let filtered = make(&items, &with(Method::GtzanFiltered)).unwrap();
    assert_eq!(filtered.place("jazz.00054.0.wav"), Some(Place::Part(Part::Train)));
    assert_eq!(filtered.place("jazz.00073.1.wav"), Some(Place::Part(Part::Test)));
    let missing: Vec<usize> = ["train", "valid", "test"]
        .map(|part| filtered.about().missing[part].len())
        .into();
    assert_eq!(missing, [442, 197, 289]);
    assert!(filtered.about().notes[0].contains("jazz.00054"));
}

#[test]
fn one_group_is_left_out_at_a_time() {
    let split = split_of(rows(10), Method::LeaveOneOut("artist".into()), Cut::Folds(2)).unwrap();
    assert_eq!(split.about().fold_names, ["artist 0", "artist 1", "artist 2"]);
    assert_eq!(split.at(Place::Fold(2)).collect::<Vec<_>>(), ["row 8", "row 9"]);
    assert_eq!(split.seed(), None);
}
