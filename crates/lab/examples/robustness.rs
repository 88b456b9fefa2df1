//! Measures a recipe's model, trained without the tracks at hand, on tables of 3-second windows; `scripts/robustness.sh` makes the tables.
//!
//! `cargo run --release -p melisma-lab --example robustness -- RECIPE OUT.json ORIGINAL.csv [NAME=CHANGED.csv ...]`

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use melisma_dataset::{Table, TrackId};
use melisma_lab::{Recipe, Watch};
use melisma_learn::robustness::{Robustness, clip_accuracy, compare};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [recipe, output, original, changes @ ..] = &arguments[..] else {
        return Err("usage: robustness RECIPE OUT.json ORIGINAL.csv [NAME=CHANGED.csv ...]".into());
    };
    let data = melisma_dataset::data_dir(None)?;
    let recipe = Recipe::read(Path::new(recipe))?;
    let windows = Table::read_csv(Path::new(original))?;
    let tracks: BTreeSet<TrackId> = windows
        .filenames
        .iter()
        .map(|name| TrackId::of_row(name))
        .collect();
    let stop = AtomicBool::new(false);
    let watch = Watch {
        stop: &stop,
        say: &|_| {},
        step: &|_, _| {},
    };
    let unseen = recipe.train_excluding(&data, &tracks, false, watch)?;
    let strangers = recipe.train_excluding(&data, &tracks, true, watch)?;
    let mut cases = Vec::new();
    for change in changes {
        let (name, path) = change.split_once('=').ok_or("expected NAME=CHANGED.csv")?;
        cases.push(compare(
            name,
            &unseen,
            &windows,
            &Table::read_csv(Path::new(path))?,
        )?);
    }
    let found = Robustness {
        made_by: format!("scripts/robustness.sh CLIPS {}", short(output)),
        held_out: format!(
            "{} clips, in 3-second windows, by models that have not seen them.",
            tracks.len()
        ),
        clips: vec![
            clip_accuracy("the tracks and their duplicates", &unseen, &windows)?,
            clip_accuracy("every track of the same artists", &strangers, &windows)?,
        ],
        cases,
    };
    let json = serde_json::to_string_pretty(&found)?;
    std::fs::write(output, format!("{json}\n"))?;
    println!("{json}");
    Ok(())
}

/// A path without its folders.
fn short(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
