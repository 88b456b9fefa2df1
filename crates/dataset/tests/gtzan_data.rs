//! The lists and tables of the data folder, where there is one.

use std::collections::BTreeSet;
use std::path::Path;

use melisma_dataset::{Gtzan, GtzanTable, Part, TrackId};

const DATA: Option<&str> = option_env!("MELISMA_TEST_DATA");

fn open() -> Gtzan {
    Gtzan::open(Path::new(DATA.unwrap())).unwrap()
}

#[test]
#[cfg_attr(
    not(melisma_data),
    ignore = "needs the data folder (../shared/data or MELISMA_DATA)"
)]
fn tables_agree_in_tracks_and_columns() {
    let gtzan = open();
    let [clips, windows] = GtzanTable::ALL.map(|which| gtzan.table(which).unwrap());
    assert_eq!((clips.len(), windows.len()), (1000, 2991));
    assert_eq!(clips.columns, windows.columns);
    let tracks = |names: &[String]| {
        names
            .iter()
            .map(|name| TrackId::of_row(name))
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(tracks(&clips.filenames).len(), 1000);
    assert!(tracks(&windows.filenames).is_subset(&tracks(&clips.filenames)));
    for (which, table) in GtzanTable::ALL.into_iter().zip([&clips, &windows]) {
        let rows: BTreeSet<String> = table.filenames.iter().cloned().collect();
        for test in [
            gtzan.random_test_rows(which).unwrap(),
            gtzan.grouped_test_rows(which).unwrap(),
        ] {
            assert!(test.len() * 5 >= rows.len() - 10 && test.is_subset(&rows));
        }
    }
}

#[test]
#[cfg_attr(
    not(melisma_data),
    ignore = "needs the data folder (../shared/data or MELISMA_DATA)"
)]
fn the_filtered_split_is_disjoint_and_clean() {
    let gtzan = open();
    let [train, valid, test] =
        [Part::Train, Part::Valid, Part::Test].map(|part| gtzan.filtered(part).unwrap());
    assert_eq!((train.len(), valid.len(), test.len()), (443, 197, 290));
    assert!(train.is_disjoint(&valid) && train.is_disjoint(&test) && valid.is_disjoint(&test));
    let clean = gtzan.clean_tracks();
    assert_eq!(clean.len(), 1000 - 14 - 1);
    let unclean: Vec<_> = [&train, &valid, &test]
        .into_iter()
        .flatten()
        .filter(|t| !clean.contains(*t))
        .collect();
    assert_eq!(
        unclean,
        [&TrackId::from("jazz.00054")],
        "the published training list keeps the corrupt clip"
    );
}
