//! The ways to split, and what each of them refuses.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::artists::artist_groups;
use crate::collection::Part;
use crate::split::{About, Item, Items, Place, Split, cut, fault, gtzan_filtered};
use crate::{Result, TrackId, UnionFind};

/// What is kept together, and what is spread evenly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    /// Rows at random: windows of a track, and artists, fall on all sides.
    Random,
    /// Rows at random, class by class.
    Stratified,
    /// Rows with the same value of a column together: `track`, `artist`, or any other.
    Grouped(String),
    /// Groups kept together and classes spread as evenly as the groups allow.
    StratifiedGrouped(String),
    /// One fold for each value of a column, which it leaves out.
    LeaveOneOut(String),
    /// The parts that lists of names give.
    Lists(Vec<(Part, BTreeSet<String>)>),
    /// The published artist- and fault-filtered split of GTZAN.
    GtzanFiltered,
    /// The parts that the collection itself gives.
    Official,
}

/// Into what.
#[derive(Debug, Clone, PartialEq)]
pub enum Cut {
    /// Parts with these shares, which sum to 1: train and test, or train, valid and test.
    Fractions(Vec<f64>),
    /// So many folds.
    Folds(usize),
}

/// How to split.
#[derive(Debug, Clone, PartialEq)]
pub struct SplitParams {
    /// The method.
    pub method: Method,
    /// Into what; methods whose places are given do not ask.
    pub cut: Cut,
    /// What chance starts from.
    pub seed: u64,
}

impl Default for SplitParams {
    /// 70, 15 and 15 %, by artist, stratified.
    fn default() -> Self {
        SplitParams {
            method: Method::StratifiedGrouped("artist".to_owned()),
            cut: Cut::Fractions(vec![0.7, 0.15, 0.15]),
            seed: 0,
        }
    }
}

impl Method {
    /// The column whose values are kept together or left out.
    pub fn column(&self) -> Option<&str> {
        match self {
            Method::Grouped(column) | Method::StratifiedGrouped(column) | Method::LeaveOneOut(column) => {
                Some(column)
            }
            _ => None,
        }
    }

    /// The column to read besides those that every table may have.
    pub fn extra_column(&self) -> Option<&str> {
        self.column()
            .filter(|column| !["artist", "track"].contains(column))
    }

    fn name(&self) -> &'static str {
        match self {
            Method::Random => "random",
            Method::Stratified => "stratified",
            Method::Grouped(_) => "grouped",
            Method::StratifiedGrouped(_) => "stratified-grouped",
            Method::LeaveOneOut(_) => "leave-one-out",
            Method::Lists(_) => "lists",
            Method::GtzanFiltered => "gtzan-filtered",
            Method::Official => "official",
        }
    }

    fn stratified(&self) -> bool {
        matches!(self, Method::Stratified | Method::StratifiedGrouped(_))
    }

    fn by_chance(&self) -> bool {
        matches!(
            self,
            Method::Random | Method::Stratified | Method::Grouped(_) | Method::StratifiedGrouped(_)
        )
    }
}

impl Cut {
    fn check(&self) -> Result<()> {
        match self {
            Cut::Folds(folds) if *folds < 2 => Err(fault(format!("{folds} folds; two are the least"))),
            Cut::Folds(_) => Ok(()),
            Cut::Fractions(fractions) => {
                let sum: f64 = fractions.iter().sum();
                let sound = fractions.iter().all(|f| *f > 0.0 && f.is_finite());
                match (2..=3).contains(&fractions.len()) && sound && (sum - 1.0).abs() < 1e-6 {
                    true => Ok(()),
                    false => Err(fault(format!(
                        "the fractions {fractions:?} are not two or three positive numbers that sum to 1"
                    ))),
                }
            }
        }
    }

    fn parts(&self) -> usize {
        match self {
            Cut::Fractions(fractions) => fractions.len(),
            Cut::Folds(folds) => *folds,
        }
    }

    fn shares(&self) -> Vec<f64> {
        match self {
            Cut::Fractions(fractions) => fractions.clone(),
            Cut::Folds(folds) => vec![1.0 / *folds as f64; *folds],
        }
    }

    fn place(&self, number: u32) -> Place {
        match (self, number) {
            (Cut::Folds(_), fold) => Place::Fold(fold),
            (Cut::Fractions(_), 0) => Place::Part(Part::Train),
            (Cut::Fractions(fractions), 1) if fractions.len() == 3 => Place::Part(Part::Valid),
            (Cut::Fractions(_), _) => Place::Part(Part::Test),
        }
    }
}

/// Splits the items.
///
/// # Errors
/// [`Error::Split`](crate::Error::Split) for fractions that do not sum to 1, fewer groups than parts, a class with fewer
/// rows than parts, rows without a label or of a single class where classes are to be spread, lists that name a row
/// twice or none of the rows, and a part that would be empty.
pub fn make(items: &Items, params: &SplitParams) -> Result<Split> {
    let method = &params.method;
    let mut about = About {
        method: method.name().to_owned(),
        column: method.column().map(str::to_owned),
        source: items.source().to_owned(),
        source_sha256: items.sha256().to_owned(),
        ..About::default()
    };
    let places = if method.by_chance() {
        params.cut.check()?;
        about.seed = Some(params.seed);
        match &params.cut {
            Cut::Fractions(fractions) => about.fractions = Some(fractions.clone()),
            Cut::Folds(folds) => about.folds = Some(*folds),
        }
        by_chance(items, params, &mut about)?
    } else {
        given(items, method, &mut about)?
    };
    count(items, &places, &mut about);
    if let Cut::Fractions(_) = params.cut
        && method.by_chance()
        && let Some(empty) = (0..params.cut.parts() as u32)
            .map(|part| params.cut.place(part).to_string())
            .find(|part| !about.counts.contains_key(part))
    {
        return Err(fault(format!("no row is left for {empty}")));
    }
    Split::new(places, about)
}

type Places = BTreeMap<String, Place>;

fn by_chance(items: &Items, params: &SplitParams, about: &mut About) -> Result<Places> {
    let (method, cut, seed) = (&params.method, &params.cut, params.seed);
    let list = items.list();
    let classes = if method.stratified() {
        classes(list)?
    } else {
        Vec::new()
    };
    let groups = match method.column() {
        Some(column) => groups(items, column),
        None => (0..list.len()).collect(),
    };
    if method.column().is_some() {
        about.groups = groups.iter().max().map(|largest| largest + 1);
    }
    let numbers = match (method, cut) {
        (Method::Stratified, _) => {
            for (label, rows) in rows_per_label(list) {
                if rows < cut.parts() {
                    return Err(fault(format!(
                        "{}: class `{label}` has {rows} rows, fewer than {} parts",
                        items.source(),
                        cut.parts()
                    )));
                }
            }
            cut::by_class(&classes, &cut.shares(), seed)
        }
        (Method::StratifiedGrouped(_), Cut::Fractions(shares)) => {
            cut::by_class_and_groups(&classes, &groups, shares, seed)?
        }
        (Method::StratifiedGrouped(_), Cut::Folds(folds)) => {
            cut::folds_by_class_and_groups(&classes, &groups, *folds, seed)?
        }
        (_, Cut::Fractions(shares)) => cut::by_groups(&groups, shares, seed)?,
        (_, Cut::Folds(folds)) => cut::folds_by_groups(&groups, *folds, seed)?,
    };
    let place = |(item, number): (&Item, u32)| (item.id.clone(), cut.place(number));
    Ok(list.iter().zip(numbers).map(place).collect())
}

fn given(items: &Items, method: &Method, about: &mut About) -> Result<Places> {
    match method {
        Method::Lists(lists) => from_lists(items, lists, about),
        Method::GtzanFiltered => {
            let places = from_lists(items, &Part::ALL.map(|part| (part, gtzan_filtered(part))), about)?;
            if items.list().iter().any(|item| item.track == "jazz.00054") {
                about.notes.push(
                    "jazz.00054 is in the train list and in the source; the clip is known to be corrupt"
                        .to_owned(),
                );
            }
            Ok(places)
        }
        Method::LeaveOneOut(column) => {
            let groups = groups(items, column);
            let count = groups.iter().max().map_or(0, |largest| largest + 1);
            if count < 2 {
                return Err(fault(format!(
                    "{}: a single group in column `{column}`",
                    items.source()
                )));
            }
            about.groups = Some(count);
            about.folds = Some(count);
            about.fold_names = vec![String::new(); count];
            let mut places = Places::new();
            for (item, group) in items.list().iter().zip(groups) {
                let name = &mut about.fold_names[group];
                if name.is_empty() {
                    *name = value(item, column).unwrap_or(&item.track).to_owned();
                }
                places.insert(item.id.clone(), Place::Fold(group as u32));
            }
            Ok(places)
        }
        _ => {
            let official = |item: &Item| Some((item.id.clone(), Place::Part(item.part?)));
            let places: Places = items.list().iter().filter_map(official).collect();
            match places.is_empty() {
                true => Err(fault(format!("{}: it gives no parts of its own", items.source()))),
                false => Ok(places),
            }
        }
    }
}

/// Gives each item the part of the list that names it, by its id or its track.
fn from_lists(items: &Items, lists: &[(Part, BTreeSet<String>)], about: &mut About) -> Result<Places> {
    let track = |name: &str| TrackId::of_row(name).as_str().to_owned();
    let mut part_of: HashMap<String, Part> = HashMap::new();
    for (part, names) in lists {
        for name in names {
            if part_of
                .insert(name.clone(), *part)
                .is_some_and(|other| other != *part)
            {
                return Err(fault(format!("`{name}` is in two lists")));
            }
        }
    }
    // A list of files may name tracks where the source has windows of them, or other folders and endings.
    let exact: BTreeSet<&str> = items.list().iter().map(|item| item.id.as_str()).collect();
    let mut part_of_track: HashMap<String, Part> = HashMap::new();
    for (name, part) in part_of.iter().filter(|(name, _)| !exact.contains(name.as_str())) {
        if part_of_track
            .insert(track(name), *part)
            .is_some_and(|other| other != *part)
        {
            return Err(fault(format!("the track of `{name}` is in two lists")));
        }
    }
    let mut places = Places::new();
    let mut used: BTreeSet<&str> = BTreeSet::new();
    for item in items.list() {
        if let Some(part) = part_of.get(&item.id).or_else(|| part_of_track.get(&item.track)) {
            places.insert(item.id.clone(), Place::Part(*part));
            used.extend([item.id.as_str(), item.track.as_str()]);
        }
    }
    if places.is_empty() {
        return Err(fault(format!("the lists name no row of {}", items.source())));
    }
    for (part, names) in lists {
        let lacking = |name: &&String| !used.contains(name.as_str()) && !used.contains(track(name).as_str());
        let missing: Vec<String> = names.iter().filter(lacking).cloned().collect();
        if !missing.is_empty() {
            about
                .missing
                .entry(part.name().to_owned())
                .or_default()
                .extend(missing);
        }
    }
    Ok(places)
}

fn value<'a>(item: &'a Item, column: &str) -> Option<&'a str> {
    match column {
        "track" => Some(&item.track),
        "artist" => item.artist.as_deref(),
        _ => item.key.as_deref(),
    }
}

/// A group for each item, counted from 0; tracks are never torn apart, and copies stay together with an artist.
fn groups(items: &Items, column: &str) -> Vec<usize> {
    let list = items.list();
    let mut joined = Vec::new();
    let mut first_of_track: HashMap<&str, usize> = HashMap::new();
    for (index, item) in list.iter().enumerate() {
        joined.push((index, *first_of_track.entry(&item.track).or_insert(index)));
    }
    if column == "artist" {
        let by_id = |name: &str| list.binary_search_by(|item| item.id.as_str().cmp(name)).ok();
        let find = |name: &str| by_id(name).or_else(|| first_of_track.get(name).copied());
        let copies = items.copies().iter();
        joined.extend(copies.filter_map(|(a, b)| Some((find(a)?, find(b)?))));
        let artists: Vec<Option<&str>> = list.iter().map(|item| item.artist.as_deref()).collect();
        return artist_groups(&artists, &joined);
    }
    let mut sets = UnionFind::new(list.len());
    let mut first_of: HashMap<&str, usize> = HashMap::new();
    for (index, item) in list.iter().enumerate() {
        if let Some(value) = value(item, column) {
            sets.join(index, *first_of.entry(value).or_insert(index));
        }
    }
    joined.into_iter().for_each(|(a, b)| sets.join(a, b));
    sets.groups()
}

fn rows_per_label(list: &[Item]) -> BTreeMap<&str, usize> {
    let mut rows = BTreeMap::new();
    for label in list.iter().filter_map(|item| item.label.as_deref()) {
        *rows.entry(label).or_default() += 1;
    }
    rows
}

/// The class of each item, numbered in order of the labels' names.
fn classes(list: &[Item]) -> Result<Vec<usize>> {
    let rows = rows_per_label(list);
    let number: HashMap<&str, usize> = rows.keys().enumerate().map(|(n, label)| (*label, n)).collect();
    if number.len() == 1 {
        return Err(fault("all rows are of one class"));
    }
    let class = |item: &Item| {
        let label = item.label.as_deref();
        label
            .map(|label| number[label])
            .ok_or_else(|| fault(format!("`{}` has no label", item.id)))
    };
    list.iter().map(class).collect()
}

fn count(items: &Items, places: &Places, about: &mut About) {
    for item in items.list() {
        match places.get(&item.id) {
            None => about.unassigned += 1,
            Some(place) => {
                let label = item.label.clone().unwrap_or_default();
                *about
                    .counts
                    .entry(place.to_string())
                    .or_default()
                    .entry(label)
                    .or_default() += 1;
            }
        }
    }
}
