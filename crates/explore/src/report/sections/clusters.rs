//! k-means: what groups the numbers make by themselves, and whether they are the classes.

use melisma_plot::{Bars, Caption, CellText, Colors, HeatMap, Line, Lines, Series};

use super::Context;
use crate::kmeans::KMeansParams;
use crate::report::{Cell, ReportError, Section, TableView};
use crate::silhouette::silhouette;
use crate::validity::{adjusted_rand_index, contingency};

/// Clusters where there are no classes to tell how many.
const DEFAULT: usize = 8;
/// The numbers of clusters that are compared, and the starts each gets.
const COMPARED: std::ops::RangeInclusive<usize> = 2..=16;
const STARTS_COMPARED: usize = 3;
/// Fewer rows than this make no clusters.
const LEAST_ROWS: usize = 8;

pub(super) fn section(context: &mut Context<'_>) -> Result<Option<Section>, ReportError> {
    let n = context.map_rows.len();
    if n < LEAST_ROWS {
        return Ok(None);
    }
    let classes = context.class_names().len();
    let wanted = match (context.options.clusters, classes) {
        (Some(clusters), _) => clusters,
        (None, 0) => DEFAULT,
        (None, classes) => classes,
    };
    let clusters = wanted.clamp(2, n / 2);
    let rows = context.standard.clone();
    let params = KMeansParams {
        threads: context.options.threads,
        ..KMeansParams::new(clusters, context.options.seed)
    };
    let found = params
        .fit(rows.view(), context.watch)
        .map_err(|error| context.fault(error))?;
    let mut part = Section::new("clusters", "Clusters: k-means");
    part.sampled = context.sample_note();
    part.text.push(format!(
        "{clusters} clusters of the standardised features, the best of {} starts: inertia {:.0}.",
        params.starts, found.inertia
    ));
    context.keep("kmeans_clusters", clusters);
    context.keep("kmeans_inertia", found.inertia);
    silhouettes(context, &mut part, &found.labels, clusters)?;
    if classes > 0 {
        against_classes(context, &mut part, &found.labels, clusters)?;
    }
    compare(context, &mut part)?;
    Ok(Some(part))
}

fn silhouettes(
    context: &mut Context<'_>,
    part: &mut Section,
    labels: &[usize],
    clusters: usize,
) -> Result<(), ReportError> {
    let options = context.options;
    let judged = silhouette(
        context.standard.view(),
        labels,
        options.map_rows,
        options.seed,
        options.threads,
        context.watch,
    );
    let judged = judged.map_err(|error| context.fault(error))?;
    part.text.push(format!(
        "Mean silhouette {:.3}: 1 for rows that lie well within their cluster, 0 for rows between two, below 0 for rows nearer to another.",
        judged.mean
    ));
    if judged.rows.len() < labels.len() {
        part.sampled.push(format!(
            "Sampled: silhouettes are those of {} rows.",
            judged.rows.len()
        ));
    }
    context.keep("silhouette", judged.mean);
    let names: Vec<String> = (1..=clusters).map(|c| format!("cluster {c}")).collect();
    let bars = Bars {
        names: &names,
        series: &[Series {
            name: "",
            values: &judged.clusters,
        }],
        axis: "mean silhouette",
        ..Bars::default()
    };
    part.figures.push(bars.draw(&Caption::new(
        "silhouette",
        "Silhouette of each cluster",
        "Bars with the mean silhouette of the rows of each cluster.",
    ))?);
    Ok(())
}

fn against_classes(
    context: &mut Context<'_>,
    part: &mut Section,
    labels: &[usize],
    clusters: usize,
) -> Result<(), ReportError> {
    let of = &context.table.sample.of;
    let rand = adjusted_rand_index(of, labels).map_err(|error| context.fault(error))?;
    let counts = contingency(of, labels).map_err(|error| context.fault(error))?;
    part.text.push(format!(
        "Adjusted Rand index against the classes {rand:.3}: 1 if the clusters are the classes, about 0 if they have nothing to do with them."
    ));
    context.keep("adjusted_rand_index", rand);
    let columns: Vec<String> = (1..=counts.ncols().max(clusters))
        .map(|c| format!("cluster {c}"))
        .collect();
    let names = context.class_names();
    let at = |class: usize, cluster: usize| counts.get((class, cluster)).map_or(0.0, |&count| count as f64);
    let values: Vec<f64> = (0..names.len())
        .flat_map(|class| (0..columns.len()).map(move |cluster| (class, cluster)))
        .map(|(class, cluster)| at(class, cluster))
        .collect();
    let map = HeatMap {
        rows: names,
        columns: &columns,
        values: &values,
        colors: Colors::Count,
        limits: None,
        value: "rows",
        row_axis: "class",
        column_axis: "",
        cell_text: CellText::Decimals(0),
        note: &format!("adjusted Rand index {rand:.3}"),
    };
    part.figures.push(map.draw(&Caption::new(
        "clusters-classes",
        "Classes and clusters",
        "Heat map with the number of rows of each class in each cluster.",
    ))?);
    Ok(())
}

/// Inertia and silhouette for several numbers of clusters.
fn compare(context: &Context<'_>, part: &mut Section) -> Result<(), ReportError> {
    let rows = context.map_standard();
    let mut table = Vec::new();
    let (mut at, mut inertias, mut means) = (Vec::new(), Vec::new(), Vec::new());
    for clusters in COMPARED.filter(|&clusters| clusters * 2 <= rows.nrows()) {
        let params = KMeansParams {
            starts: STARTS_COMPARED,
            threads: context.options.threads,
            ..KMeansParams::new(clusters, context.options.seed)
        };
        let found = params
            .fit(rows.view(), context.watch)
            .map_err(|error| context.fault(error))?;
        let judged = silhouette(
            rows.view(),
            &found.labels,
            rows.nrows().clamp(3, 2000),
            context.options.seed,
            context.options.threads,
            context.watch,
        );
        // Rows that are all alike fall into one cluster, which has no silhouette.
        let mean = judged.map_or(f64::NAN, |judged| judged.mean);
        table.push(vec![
            Cell::Number(clusters as f64),
            Cell::Number(found.inertia),
            Cell::Number(mean),
        ]);
        at.push(clusters as f64);
        inertias.push(found.inertia / rows.nrows() as f64);
        means.push(mean);
    }
    for (id, title, y, axis, description) in [
        (
            "kmeans-inertia",
            "Inertia by number of clusters",
            &inertias,
            "inertia per row",
            "Line of the mean squared distance of rows to the centre of their cluster, for several numbers of clusters.",
        ),
        (
            "kmeans-silhouette",
            "Silhouette by number of clusters",
            &means,
            "mean silhouette",
            "Line of the mean silhouette for several numbers of clusters.",
        ),
    ] {
        let lines = Lines {
            lines: &[Line { name: "", x: &at, y }],
            x_axis: "clusters",
            y_axis: axis,
            ..Lines::default()
        };
        part.figures
            .push(lines.draw(&Caption::new(id, title, description))?);
    }
    part.tables.push(TableView {
        id: "kmeans".to_owned(),
        title: "Numbers of clusters compared".to_owned(),
        header: ["clusters", "inertia", "mean silhouette"]
            .map(str::to_owned)
            .to_vec(),
        rows: table,
    });
    Ok(())
}
