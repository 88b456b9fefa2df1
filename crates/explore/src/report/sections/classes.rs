//! The classes: how many rows each has, which features tell them apart, which are alike.

use melisma_plot::{Bars, Caption, CellText, Colors, HeatMap, Series};

use super::Context;
use crate::classes::ClassLikeness;
use crate::report::gather::Table;
use crate::report::{Cell, ReportError, Section, TableView};

/// Features and pairs that are drawn.
const MOST_BARS: usize = 20;

/// Neighbours of a row that are looked at; fewer rows than this and some are no neighbourhood.
const NEIGHBOURS: usize = 10;
const LEAST_ROWS: usize = NEIGHBOURS + 2;

/// What keeps the covariance within classes regular, as a share of its mean variance.
const SHRINKAGE: f64 = 1e-3;

pub(super) fn section(context: &mut Context<'_>) -> Result<Option<Section>, ReportError> {
    let table = context.table;
    let Some(classes) = &table.classes else {
        return Ok(None);
    };
    let mut part = Section::new("classes", "Classes");
    let (least, most) = (
        classes.counts.iter().min().copied().unwrap_or(0),
        classes.counts.iter().max().copied().unwrap_or(0),
    );
    part.text.push(format!(
        "{} classes of {least} to {most} rows. Who always guesses the largest is right in {:.1} % of the cases.",
        classes.names.len(),
        100.0 * most as f64 / table.rows as f64
    ));
    balance(&mut part, &classes.names, &classes.counts)?;
    let shares = separation(table).unwrap_or_default();
    separating(table, &shares, &mut part)?;
    alike(context, &mut part)?;
    Ok(Some(part))
}

fn balance(part: &mut Section, names: &[String], counts: &[u64]) -> Result<(), ReportError> {
    let values: Vec<f64> = counts.iter().map(|&count| count as f64).collect();
    let bars = Bars {
        names,
        series: &[Series {
            name: "",
            values: &values,
        }],
        axis: "rows",
        ..Bars::default()
    };
    part.figures.push(bars.draw(&Caption::new(
        "class-balance",
        "Rows of each class",
        "Bars with the number of rows of each class.",
    ))?);
    Ok(())
}

/// For each column, the share of its variance that lies between the classes (eta squared), over all rows; none without
/// classes.
pub(super) fn separation(table: &Table) -> Option<Vec<f64>> {
    let classes = table.classes.as_ref()?;
    let share = |column: usize| {
        let whole = &table.summaries[column];
        let between: f64 = classes
            .summaries
            .iter()
            .map(|class| &class[column])
            .filter(|class| class.count > 0)
            .map(|class| class.count as f64 * (class.mean - whole.mean).powi(2))
            .sum();
        let total = whole.count as f64 * whole.variance;
        if total > 0.0 { between / total } else { 0.0 }
    };
    Some((0..table.columns.len()).map(share).collect())
}

fn separating(table: &Table, shares: &[f64], part: &mut Section) -> Result<(), ReportError> {
    let mut order: Vec<usize> = (0..shares.len()).collect();
    order.sort_by(|&a, &b| shares[b].total_cmp(&shares[a]));
    part.text.push(
        "A feature tells classes apart by the share of its variance that lies between them (eta squared): 0 if all classes have the same mean, \
         1 if rows differ by class alone."
            .to_owned(),
    );
    let shown = &order[..order.len().min(MOST_BARS)];
    let names: Vec<String> = shown.iter().map(|&c| table.columns[c].clone()).collect();
    let values: Vec<f64> = shown.iter().map(|&c| shares[c]).collect();
    let bars = Bars {
        names: &names,
        series: &[Series {
            name: "",
            values: &values,
        }],
        axis: "share of variance between classes",
        ..Bars::default()
    };
    part.figures.push(bars.draw(&Caption::new(
        "separating-features",
        "Features that tell the classes apart",
        "Bars with the share of each feature's variance that lies between the classes, greatest first.",
    ))?);
    part.tables.push(TableView {
        id: "separation".to_owned(),
        title: "How far each feature tells the classes apart".to_owned(),
        header: ["feature", "share of variance between classes"]
            .map(str::to_owned)
            .to_vec(),
        rows: order
            .iter()
            .map(|&c| vec![Cell::from(table.columns[c].as_str()), Cell::from(shares[c])])
            .collect(),
    });
    Ok(())
}

/// Which classes lie near each other, by their means and by their rows' neighbours.
fn alike(context: &mut Context<'_>, part: &mut Section) -> Result<(), ReportError> {
    let names = context.class_names();
    let of = context.map_classes();
    if of.len() < LEAST_ROWS {
        return Ok(());
    }
    let likeness = ClassLikeness::of(
        context.map_standard().view(),
        &of,
        names.len(),
        SHRINKAGE,
        NEIGHBOURS,
        context.options.threads,
        context.watch,
    );
    let likeness = likeness.map_err(|error| context.fault(error))?;
    let pairs = likeness.pairs();
    if pairs.is_empty() {
        return Ok(());
    }
    part.sampled.extend(
        context
            .map_note()
            .into_iter()
            .map(|note| note.replace("Sampled: told", "Sampled: how alike classes are is told")),
    );
    part.text.push(format!(
        "Two classes are alike when their means are near (Mahalanobis distance by the covariance within classes) and when the {NEIGHBOURS} nearest \
         neighbours of the one's rows often belong to the other (overlap). Most alike: {} and {}.",
        names[pairs[0].first], names[pairs[0].second]
    ));
    context.keep(
        "most_alike",
        serde_json::json!([names[pairs[0].first], names[pairs[0].second]]),
    );
    let shown = &pairs[..pairs.len().min(MOST_BARS)];
    let labels: Vec<String> = shown
        .iter()
        .map(|pair| format!("{} – {}", names[pair.first], names[pair.second]))
        .collect();
    let distances: Vec<f64> = shown.iter().map(|pair| pair.distance).collect();
    let bars = Bars {
        names: &labels,
        series: &[Series {
            name: "",
            values: &distances,
        }],
        axis: "Mahalanobis distance of the means",
        ..Bars::default()
    };
    part.figures.push(bars.draw(&Caption::new(
        "alike-classes",
        "The most similar classes",
        "Bars with the distance between the means of two classes, for the nearest pairs.",
    ))?);
    neighbourhood(context, part, &likeness)?;
    part.tables.push(TableView {
        id: "alike-classes".to_owned(),
        title: "Pairs of classes, the most alike first".to_owned(),
        header: ["class", "other class", "distance of the means", "overlap"]
            .map(str::to_owned)
            .to_vec(),
        rows: pairs
            .iter()
            .map(|pair| {
                vec![
                    Cell::from(names[pair.first].as_str()),
                    Cell::from(names[pair.second].as_str()),
                    Cell::from(pair.distance),
                    Cell::from(pair.overlap),
                ]
            })
            .collect(),
    });
    Ok(())
}

fn neighbourhood(
    context: &Context<'_>,
    part: &mut Section,
    likeness: &ClassLikeness,
) -> Result<(), ReportError> {
    let names = context.class_names();
    let percent: Vec<f64> = likeness.confusion.iter().map(|share| 100.0 * share).collect();
    let map = HeatMap {
        rows: names,
        columns: names,
        values: &percent,
        colors: Colors::Count,
        limits: Some((0.0, 100.0)),
        value: "% of the neighbours",
        row_axis: "class of a row",
        column_axis: "class of its neighbours",
        cell_text: CellText::Decimals(0),
        note: "",
    };
    part.figures.push(map.draw(&Caption::new(
        "neighbours",
        "Whose neighbours are whose",
        "Heat map with the share of each class among the nearest neighbours of the rows of each class, in per cent.",
    ))?);
    Ok(())
}
