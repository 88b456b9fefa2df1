//! Maps in two dimensions: t-SNE and UMAP.

use melisma_plot::{Caption, Classes, Scatter};
use ndarray::Array2;

use super::Context;
use crate::report::{ReportError, Section};
use crate::tsne::TsneParams;
use crate::umap::UmapParams;
use crate::validity::trustworthiness;

/// The neighbours over which a map is judged, as in scikit-learn's default.
const JUDGED: usize = 5;

/// Fewer rows than this make no map.
const LEAST_ROWS: usize = 16;

pub(super) fn section(context: &mut Context<'_>) -> Result<Option<Section>, ReportError> {
    if context.map_rows.len() < LEAST_ROWS || context.table.used.len() < 2 {
        return Ok(None);
    }
    let rows = context.map_standard();
    let threads = context.options.threads;
    let tsne = TsneParams {
        threads,
        ..TsneParams::default()
    };
    let tsne = tsne
        .fit(rows.view(), context.watch)
        .map_err(|error| context.fault(error))?;
    let umap = UmapParams {
        threads,
        seed: context.options.seed,
        ..UmapParams::default()
    };
    let umap = umap
        .fit(rows.view(), context.watch)
        .map_err(|error| context.fault(error))?;
    let mut part = Section::new("maps", "Maps: t-SNE and UMAP");
    part.sampled = context.map_note();
    part.text.push(
        "Both put rows that are near each other in the table near each other on the map; distances between far groups and the axes mean nothing. \
         Trustworthiness, from 0 to 1, tells to what extent the neighbours on the map are neighbours in the table."
            .to_owned(),
    );
    for (id, name, map, setting) in [
        (
            "tsne",
            "t-SNE",
            &tsne.map,
            format!("perplexity {:.0}", tsne.perplexity),
        ),
        (
            "umap",
            "UMAP",
            &umap.map,
            format!("{} neighbours", umap.n_neighbors),
        ),
    ] {
        let trust = trustworthiness(rows.view(), map.view(), JUDGED, threads, context.watch)
            .map_err(|error| context.fault(error))?;
        context.keep(&format!("{id}_trustworthiness"), trust);
        draw(
            context,
            &mut part,
            id,
            name,
            map,
            &format!("{setting}; trustworthiness {trust:.3}"),
        )?;
    }
    Ok(Some(part))
}

fn draw(
    context: &Context<'_>,
    part: &mut Section,
    id: &str,
    name: &str,
    map: &Array2<f64>,
    note: &str,
) -> Result<(), ReportError> {
    let (x, y) = (map.column(0).to_vec(), map.column(1).to_vec());
    let of = context.map_classes();
    let scatter = Scatter {
        x: &x,
        y: &y,
        classes: Classes {
            names: context.class_names(),
            of: &of,
        },
        names: &context.map_names(),
        x_axis: &format!("{name} 1"),
        y_axis: &format!("{name} 2"),
        bare: true,
        note,
        ..Scatter::default()
    };
    part.figures.push(scatter.draw(&Caption::new(
        id,
        &format!("{name} map"),
        &format!("Every row as a point on a {name} map of the standardised features, coloured by class."),
    ))?);
    Ok(())
}
