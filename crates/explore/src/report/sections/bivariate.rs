//! Features against each other, for those that tell the classes apart best.

use melisma_plot::{Caption, Pairs, Scatter};

use super::Context;
use super::classes::separation;
use crate::correlation::Correlation;
use crate::report::{ReportError, Section};

/// Features of the grid.
const FEATURES: usize = 5;

/// Two features correlated by more than this tell the same twice.
const TOO_ALIKE: f64 = 0.8;

pub(super) fn section(context: &mut Context<'_>) -> Result<Option<Section>, ReportError> {
    let table = context.table;
    let chosen = chosen(context)?;
    if chosen.len() < 2 {
        return Ok(None);
    }
    let mut part = Section::new("pairs", "Pairs of features");
    part.sampled = context.map_note();
    part.text.push(if table.classes.is_some() {
        format!(
            "The features that tell the classes apart best, leaving out any that is correlated by more than {TOO_ALIKE} with one before it."
        )
    } else {
        format!("The first features, leaving out any that is correlated by more than {TOO_ALIKE} with one before it.")
    });
    let values: Vec<Vec<f64>> = chosen
        .iter()
        .map(|&column| {
            context
                .map_rows
                .iter()
                .map(|&row| table.sample.values[[row, column]])
                .collect()
        })
        .collect();
    let features: Vec<String> = chosen
        .iter()
        .map(|&column| table.columns[column].clone())
        .collect();
    let of = context.map_classes();
    let classes = melisma_plot::Classes {
        names: context.class_names(),
        of: &of,
    };
    let names = context.map_names();
    let slices: Vec<&[f64]> = values.iter().map(Vec::as_slice).collect();
    let pairs = Pairs {
        features: &features,
        values: &slices,
        classes,
        names: &names,
        note: "",
    };
    part.figures.push(pairs.draw(&Caption::new(
        "pairs",
        "Features against each other",
        "A grid of scatter plots, each of two features, with the distribution of each feature on the diagonal.",
    ))?);
    let scatter = Scatter {
        x: &values[0],
        y: &values[1],
        classes,
        names: &names,
        x_axis: &features[0],
        y_axis: &features[1],
        margins: true,
        ..Scatter::default()
    };
    part.figures.push(scatter.draw(&Caption::new(
        "best-pair",
        &format!("{} and {}", features[0], features[1]),
        "Every row as a point, placed by two features, coloured by class, with a histogram of each feature.",
    ))?);
    Ok(Some(part))
}

/// The columns to show: by separation where there are classes, else in the order of the table.
fn chosen(context: &Context<'_>) -> Result<Vec<usize>, ReportError> {
    let table = context.table;
    if table.used.len() < 2 {
        return Ok(Vec::new());
    }
    let correlation = Correlation::of(&table.covariance).map_err(|error| context.fault(error))?;
    let mut places: Vec<usize> = (0..table.used.len()).collect();
    if let Some(shares) = separation(table) {
        places.sort_by(|&a, &b| shares[table.used[b]].total_cmp(&shares[table.used[a]]));
    }
    let mut chosen: Vec<usize> = Vec::new();
    for place in places {
        if chosen.len() == FEATURES {
            break;
        }
        if chosen
            .iter()
            .all(|&before| correlation.matrix[[before, place]].abs() <= TOO_ALIKE)
        {
            chosen.push(place);
        }
    }
    Ok(chosen.into_iter().map(|place| table.used[place]).collect())
}
