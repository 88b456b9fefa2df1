//! `melisma dataset split`: parts or folds of a collection or a table, written with how they were made.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;

use melisma_dataset::collection::Kind;
use melisma_dataset::split::{About, Cut, Items, Method, SplitParams, make, read_list};
use melisma_dataset::{Part, Split};
use serde::Serialize;

use crate::args::{SplitArgs, SplitMethod};
use crate::context::{Failed, because, note, print_json};

#[derive(Serialize)]
struct Summary<'a> {
    output: String,
    rows: usize,
    #[serde(flatten)]
    about: &'a About,
}

/// Splits, writes the file, and says what is in it.
pub fn run(args: &SplitArgs) -> Result<(), Failed> {
    let method = method(args)?;
    let items = items(args, method.extra_column())?;
    let cut = match args.folds {
        Some(folds) => Cut::Folds(folds),
        None => Cut::Fractions(args.fractions.clone()),
    };
    let params = SplitParams {
        method,
        cut,
        seed: args.seed,
    };
    let split = make(&items, &params).map_err(because)?;
    split.write(&args.output).map_err(because)?;
    for (part, names) in &split.about().missing {
        let first = names.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
        note!(
            "{} names of {part} are not in {}: {first} ...",
            names.len(),
            items.source()
        );
    }
    split.about().notes.iter().for_each(|text| note!("{text}"));
    if args.json {
        return print_json(&Summary {
            output: args.output.to_string_lossy().into_owned(),
            rows: split.len(),
            about: split.about(),
        });
    }
    print(&split)
}

/// The rows: of a CSV or Parquet table as they stand in it, of anything else as a collection.
fn items(args: &SplitArgs, column: Option<&str>) -> Result<Items, Failed> {
    let path = &args.collection.path;
    let ends = |ending: &str| path.extension().is_some_and(|e| e.eq_ignore_ascii_case(ending));
    let is_table = path.is_file() && (ends("csv") || ends("parquet"));
    let mut items = if is_table && args.collection.kind.is_none_or(|kind| kind == Kind::Table) {
        Items::read_table(path, column)
    } else {
        Items::of_collection(super::open(&args.collection)?.as_ref(), column)
    }
    .map_err(because)?;
    if let Some(list) = &args.artists {
        items = items.with_artists(list).map_err(because)?;
    }
    if let Some(list) = &args.duplicates {
        items = items.with_copies_of(list).map_err(because)?;
    }
    Ok(items)
}

fn method(args: &SplitArgs) -> Result<Method, Failed> {
    let column = || args.column.clone().unwrap_or_else(|| "artist".to_owned());
    let takes_column = matches!(
        args.method,
        SplitMethod::Group | SplitMethod::StratifiedGroup | SplitMethod::LeaveOneOut
    );
    if args.column.is_some() && !takes_column {
        return Err(because(
            "--column goes with group, stratified-group and leave-one-out",
        ));
    }
    if args.list.is_empty() == (args.method == SplitMethod::Lists) {
        return Err(because("--list goes with --method lists, once for each part"));
    }
    Ok(match args.method {
        SplitMethod::Random => Method::Random,
        SplitMethod::Stratified => Method::Stratified,
        SplitMethod::Track => Method::Grouped("track".to_owned()),
        SplitMethod::Artist => Method::Grouped("artist".to_owned()),
        SplitMethod::Group => Method::Grouped(column()),
        SplitMethod::StratifiedGroup => Method::StratifiedGrouped(column()),
        SplitMethod::LeaveOneOut => Method::LeaveOneOut(column()),
        SplitMethod::Lists => Method::Lists(lists(&args.list)?),
        SplitMethod::GtzanFiltered => Method::GtzanFiltered,
        SplitMethod::Official => Method::Official,
    })
}

fn lists(given: &[String]) -> Result<Vec<(Part, BTreeSet<String>)>, Failed> {
    let mut lists = BTreeMap::new();
    for text in given {
        let part_and_file = text.split_once('=').and_then(|(name, file)| {
            let part = Part::ALL.into_iter().find(|part| part.name() == name)?;
            Some((part, file))
        });
        let Some((part, file)) = part_and_file else {
            return Err(because(format!(
                "--list {text}: expected train=FILE, valid=FILE or test=FILE"
            )));
        };
        let names = read_list(Path::new(file)).map_err(because)?;
        if lists.insert(part, names).is_some() {
            return Err(because(format!(
                "--list {text}: a second list for {}",
                part.name()
            )));
        }
    }
    Ok(lists.into_iter().collect())
}

/// A line for each part or fold: how many rows, and of which classes.
fn print(split: &Split) -> Result<(), Failed> {
    let mut out = std::io::stdout().lock();
    for (place, classes) in &split.about().counts {
        let rows: usize = classes.values().sum();
        let named = classes.iter().filter(|(class, _)| !class.is_empty());
        // A stranger's text must not steer the terminal.
        let each = named.map(|(class, count)| format!("{} {count}", class.replace(char::is_control, " ")));
        writeln!(out, "{place:6} {rows:7}  {}", each.collect::<Vec<_>>().join(", "))?;
    }
    if split.about().unassigned > 0 {
        writeln!(out, "none   {:7}", split.about().unassigned)?;
    }
    Ok(writeln!(out, "sha256 {}", split.hash())?)
}
