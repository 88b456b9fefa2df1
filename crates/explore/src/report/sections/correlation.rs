//! How the features hang together, two by two.

use melisma_plot::{Caption, CellText, Colors, HeatMap};

use super::Context;
use crate::correlation::Correlation;
use crate::report::{Cell, ReportError, Section, TableView};

/// Pairs that are listed, and the least correlation of one.
const MOST_PAIRS: usize = 100;
const LEAST: f64 = 0.5;

pub(super) fn section(context: &mut Context<'_>) -> Result<Option<Section>, ReportError> {
    let table = context.table;
    if table.used.len() < 2 {
        return Ok(None);
    }
    let correlation = Correlation::of(&table.covariance).map_err(|error| context.fault(error))?;
    let names = table.used_names();
    let order = if context.options.clustered_order {
        correlation.order().map_err(|error| context.fault(error))?
    } else {
        (0..names.len()).collect()
    };
    let ordered: Vec<String> = order.iter().map(|&c| names[c].clone()).collect();
    let values: Vec<f64> = order
        .iter()
        .flat_map(|&a| order.iter().map(move |&b| (a, b)))
        .map(|(a, b)| correlation.matrix[[a, b]])
        .collect();
    let mut part = Section::new("correlation", "Correlation");
    part.text.push(if context.options.clustered_order {
        "Pearson's correlation of all rows. Features stand in the order of a hierarchical clustering (average linkage, distance 1 - |r|), \
         so that what tells the same stands together."
            .to_owned()
    } else {
        "Pearson's correlation of all rows, in the order of the table.".to_owned()
    });
    let map = HeatMap {
        rows: &ordered,
        columns: &ordered,
        values: &values,
        colors: Colors::Diverging,
        limits: Some((-1.0, 1.0)),
        value: "correlation",
        row_axis: "",
        column_axis: "",
        cell_text: if names.len() <= 12 {
            CellText::Decimals(2)
        } else {
            CellText::None
        },
        note: "",
    };
    part.figures.push(map.draw(&Caption::new(
        "correlation",
        "Correlation of the features",
        "Heat map of the correlation of every feature with every other, from -1 (blue) to 1 (red).",
    ))?);
    let strongest = correlation.strongest(LEAST, MOST_PAIRS);
    context.keep("correlated_pairs", strongest.len());
    if strongest.is_empty() {
        part.text
            .push(format!("No two features are correlated by {LEAST} or more."));
    } else {
        let rows = strongest.iter().map(|pair| {
            let name = |column: usize| Cell::from(names[column].as_str());
            vec![name(pair.first), name(pair.second), pair.r.into()]
        });
        part.tables.push(TableView {
            id: "correlated-pairs".to_owned(),
            title: format!("Strongest pairs (|r| of at least {LEAST})"),
            header: ["feature", "other feature", "r"].map(str::to_owned).to_vec(),
            rows: rows.collect(),
        });
    }
    Ok(Some(part))
}
