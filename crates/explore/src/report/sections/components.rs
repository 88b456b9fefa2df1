//! Principal components: how many directions the table really has, and what they are made of.

use melisma_plot::{Caption, CellText, Colors, HeatMap, Scatter, Scree};
use ndarray::{Axis, Slice};

use super::{Context, MANY_COLUMNS, numbers};
use crate::report::{Cell, ReportError, Section, TableView};

/// Components that are drawn with their loadings.
const SHOWN: usize = 10;

pub(super) fn section(context: &mut Context<'_>) -> Result<Option<Section>, ReportError> {
    let table = context.table;
    let ratios: Vec<f64> = context.pca.explained_variance_ratio.to_vec();
    if ratios.len() < 2 {
        return Ok(None);
    }
    let mut part = Section::new("components", "Principal components");
    let needed = |share: f64| {
        let mut sum = 0.0;
        ratios
            .iter()
            .take_while(|ratio| {
                let short = sum < share;
                sum += **ratio;
                short
            })
            .count()
    };
    part.text.push(format!(
        "In five steps: features are standardised, their covariance is taken over all rows, its eigenvectors are the components, the eigenvalues their \
         variance, and the rows are projected. {} of {} components hold 80 % of the variance, {} hold 95 %.",
        needed(0.8),
        ratios.len(),
        needed(0.95)
    ));
    let scree = Scree {
        ratios: &ratios[..ratios.len().min(40)],
        note: "",
    };
    part.figures.push(scree.draw(&Caption::new(
        "pca-variance",
        "Variance explained by each component",
        "Bars with the share of the variance each principal component explains, and a line with their sum so far.",
    ))?);
    scores(context, &mut part, &ratios)?;
    loadings(context, &mut part)?;
    let names = table.used_names();
    let shown = ratios.len().min(SHOWN);
    let mut header = vec!["feature".to_owned()];
    header.extend((1..=shown).map(|component| format!("PC{component}")));
    part.tables.push(TableView {
        id: "pca-loadings".to_owned(),
        title: "Loadings".to_owned(),
        header,
        rows: names
            .iter()
            .enumerate()
            .map(|(feature, name)| {
                let mut row: Vec<Cell> = vec![name.as_str().into()];
                row.extend((0..shown).map(|c| Cell::from(context.pca.components[[c, feature]])));
                row
            })
            .collect(),
    });
    context.keep("pca_explained_variance_ratio", numbers(ratios.iter().copied()));
    Ok(Some(part))
}

fn scores(context: &Context<'_>, part: &mut Section, ratios: &[f64]) -> Result<(), ReportError> {
    part.sampled = context
        .sample_note()
        .into_iter()
        .map(|note| {
            note.replace(
                "Sampled: told",
                "Sampled: the components are those of all rows; the points drawn are told",
            )
        })
        .collect();
    let first = Slice::from(..ratios.len().min(4));
    let leading = context.pca.components.slice_axis(Axis(0), first);
    let scores = context.standard.dot(&leading.t());
    let pairs = [(0, 1), (2, 3)];
    for (a, b) in pairs.into_iter().filter(|&(_, b)| b < scores.len_of(Axis(1))) {
        let axis = |c: usize| format!("component {} ({:.1} % of the variance)", c + 1, 100.0 * ratios[c]);
        let (x, y) = (scores.column(a).to_vec(), scores.column(b).to_vec());
        let scatter = Scatter {
            x: &x,
            y: &y,
            classes: context.classes(),
            names: &context.table.sample.names,
            x_axis: &axis(a),
            y_axis: &axis(b),
            ..Scatter::default()
        };
        part.figures.push(scatter.draw(&Caption::new(
            &format!("pca-{}-{}", a + 1, b + 1),
            &format!("Rows on components {} and {}", a + 1, b + 1),
            "Every row as a point, placed by its scores on two principal components, coloured by class.",
        ))?);
    }
    Ok(())
}

fn loadings(context: &Context<'_>, part: &mut Section) -> Result<(), ReportError> {
    let names = context.table.used_names();
    if names.len() > MANY_COLUMNS {
        return Ok(());
    }
    let shown = context.pca.components.nrows().min(SHOWN);
    let columns: Vec<String> = (1..=shown).map(|c| format!("PC{c}")).collect();
    let values: Vec<f64> = (0..names.len())
        .flat_map(|feature| (0..shown).map(move |c| (c, feature)))
        .map(|at| context.pca.components[[at.0, at.1]])
        .collect();
    let map = HeatMap {
        rows: &names,
        columns: &columns,
        values: &values,
        colors: Colors::Diverging,
        limits: None,
        value: "loading",
        row_axis: "",
        column_axis: "component",
        cell_text: CellText::None,
        note: "",
    };
    part.figures.push(map.draw(&Caption::new(
        "pca-loadings",
        "What the components are made of",
        "Heat map of the weight of every feature in each of the leading principal components.",
    ))?);
    Ok(())
}
