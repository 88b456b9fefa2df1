//! Which classes come together, where rows list several.

use melisma_plot::{Caption, CellText, Colors, HeatMap};

use super::Context;
use crate::report::{Cell, ReportError, Section, TableView};

/// Classes that are drawn, the most frequent first.
const MOST_CLASSES: usize = 40;

/// Pairs that are listed.
const MOST_PAIRS: usize = 200;

pub(super) fn section(context: &mut Context<'_>) -> Result<Option<Section>, ReportError> {
    let Some(together) = &context.table.together else {
        return Ok(None);
    };
    let (names, counts) = (&together.names, &together.counts);
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_by(|&a, &b| counts[[b, b]].cmp(&counts[[a, a]]).then(names[a].cmp(&names[b])));
    let shown = &order[..order.len().min(MOST_CLASSES)];
    let mut part = Section::new("together", "Classes that come together");
    part.text.push(format!(
        "Rows list {} classes in all. A cell counts the rows that list both, the diagonal those that list one.",
        names.len()
    ));
    let labels: Vec<String> = shown.iter().map(|&class| names[class].clone()).collect();
    let values: Vec<f64> = shown
        .iter()
        .flat_map(|&a| shown.iter().map(move |&b| counts[[a, b]] as f64))
        .collect();
    let map = HeatMap {
        rows: &labels,
        columns: &labels,
        values: &values,
        colors: Colors::Count,
        limits: None,
        value: "rows",
        row_axis: "",
        column_axis: "",
        cell_text: CellText::Decimals(0),
        note: "",
    };
    part.figures.push(map.draw(&Caption::new(
        "together",
        "How often classes come together",
        "Heat map with the number of rows that list both of two classes.",
    ))?);
    let mut pairs: Vec<(u64, usize, usize)> = (0..names.len())
        .flat_map(|a| (a + 1..names.len()).map(move |b| (a, b)))
        .map(|(a, b)| (counts[[a, b]], a, b))
        .filter(|(count, ..)| *count > 0)
        .collect();
    pairs.sort_by(|a, b| {
        b.0.cmp(&a.0)
            .then((&names[a.1], &names[a.2]).cmp(&(&names[b.1], &names[b.2])))
    });
    pairs.truncate(MOST_PAIRS);
    context.keep("listed_classes", names.len());
    part.tables.push(TableView {
        id: "together".to_owned(),
        title: "Pairs of classes, the most frequent first".to_owned(),
        header: ["class", "other class", "rows"].map(str::to_owned).to_vec(),
        rows: pairs
            .into_iter()
            .map(|(count, a, b)| {
                vec![
                    Cell::from(names[a].as_str()),
                    Cell::from(names[b].as_str()),
                    Cell::from(count as f64),
                ]
            })
            .collect(),
    });
    Ok(Some(part))
}
