//! The distribution of every feature, class by class.

use melisma_plot::{Caption, Group, Histogram, ViolinGrid, Violins};

use super::{Context, MANY_COLUMNS, stem};
use crate::report::{ReportError, Section};

/// Panels of one figure where features are too many for a figure each.
const PANELS: usize = 20;

/// Classes that are drawn, the largest first.
const MOST_CLASSES: usize = 24;

/// Rows per class beyond which a violin looks no different.
const MOST_ROWS: usize = 2_000;

pub(super) fn section(context: &mut Context<'_>) -> Result<Option<Section>, ReportError> {
    let table = context.table;
    let mut part = Section::new("distributions", "Distributions");
    part.sampled = context.sample_note();
    let order = shown_classes(context);
    match (context.class_names().len(), order.len()) {
        (0, _) => part.text.push("How often each feature takes which value.".to_owned()),
        (all, shown) if shown < all => part.text.push(format!(
            "How each feature is distributed in the {shown} largest of {all} classes. A violin is as wide as values are frequent; its mark is the median."
        )),
        _ => part.text.push(
            "How each feature is distributed in each class. A violin is as wide as values are frequent; its mark is the median.".to_owned(),
        ),
    }
    let values: Vec<Vec<Vec<f64>>> = (0..table.columns.len())
        .map(|column| by_class(context, column, &order))
        .collect();
    let names: Vec<&str> = match context.class_names() {
        [] => vec!["all"],
        names => order.iter().map(|&class| names[class].as_str()).collect(),
    };
    let groups: Vec<Vec<Group<'_>>> = values
        .iter()
        .map(|classes| {
            names
                .iter()
                .zip(classes)
                .map(|(name, values)| Group { name, values })
                .collect()
        })
        .collect();
    if table.columns.len() > MANY_COLUMNS {
        grids(context, &mut part, &groups)?;
    } else {
        singles(context, &mut part, &groups)?;
    }
    Ok(Some(part))
}

/// The largest classes, in alphabetical order.
fn shown_classes(context: &Context<'_>) -> Vec<usize> {
    let Some(classes) = &context.table.classes else {
        return vec![0];
    };
    let mut order: Vec<usize> = (0..classes.names.len()).collect();
    order.sort_by_key(|&class| std::cmp::Reverse(classes.counts[class]));
    order.truncate(MOST_CLASSES);
    order.sort_unstable();
    order
}

/// The values of a column in the sample, class by class; gaps are left out.
fn by_class(context: &Context<'_>, column: usize, order: &[usize]) -> Vec<Vec<f64>> {
    let sample = &context.table.sample;
    let mut place = vec![None; context.class_names().len().max(1)];
    for (index, &class) in order.iter().enumerate() {
        place[class] = Some(index);
    }
    let mut classes = vec![Vec::new(); order.len()];
    for (row, &value) in sample.values.column(column).iter().enumerate() {
        let class = sample.of.get(row).copied().unwrap_or(0);
        if let Some(index) = place[class]
            && !value.is_nan()
            && classes[index].len() < MOST_ROWS
        {
            classes[index].push(value);
        }
    }
    classes
}

fn singles(context: &Context<'_>, part: &mut Section, groups: &[Vec<Group<'_>>]) -> Result<(), ReportError> {
    for (index, (name, groups)) in context.table.columns.iter().zip(groups).enumerate() {
        if groups.iter().all(|group| group.values.is_empty()) {
            continue;
        }
        let id = format!("distribution-{:03}-{}", index + 1, stem(name));
        let description = format!("The distribution of {name} in each class.");
        let caption = Caption::new(&id, name, &description);
        let figure = if context.table.classes.is_some() {
            Violins {
                groups,
                axis: name,
                ..Violins::default()
            }
            .draw(&caption)?
        } else {
            Histogram {
                values: groups[0].values,
                axis: name,
                counted: "rows",
                ..Histogram::default()
            }
            .draw(&caption)?
        };
        part.figures.push(figure);
    }
    Ok(())
}

fn grids(context: &Context<'_>, part: &mut Section, groups: &[Vec<Group<'_>>]) -> Result<(), ReportError> {
    let columns: Vec<(usize, &String)> = context
        .table
        .columns
        .iter()
        .enumerate()
        .filter(|(column, _)| groups[*column].iter().any(|group| !group.values.is_empty()))
        .collect();
    for (page, columns) in columns.chunks(PANELS).enumerate() {
        let panels: Vec<Violins<'_>> = columns
            .iter()
            .map(|(column, name)| Violins {
                groups: &groups[*column],
                axis: name,
                ..Violins::default()
            })
            .collect();
        let (first, last) = (columns[0].1, columns[columns.len() - 1].1);
        let grid = ViolinGrid {
            panels: &panels,
            ..ViolinGrid::default()
        };
        part.figures.push(grid.draw(&Caption::new(
            &format!("distributions-{:02}", page + 1),
            &format!("{first} to {last}"),
            "The distribution of several features in each class, a panel for each feature.",
        ))?);
    }
    Ok(())
}
