//! Runs one method on a numeric CSV (a header line, then rows of numbers) and prints what it found as JSON, with the seconds
//! of processor and wall time the method itself took; the counterpart of `scripts/compare_exploration.py`.
//!
//!     cargo run --release -p melisma-explore --example embed -- umap table.csv --seed 1 --threads 2

use std::time::Instant;

use melisma_explore::kmeans::KMeansParams;
use melisma_explore::pca::{Pca, Scaling, standardise};
use melisma_explore::tsne::TsneParams;
use melisma_explore::umap::UmapParams;
use melisma_explore::{Result, Watch};
use ndarray::{Array2, ArrayView2};
use serde_json::{Value, json};

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [method, path, ..] = &arguments[..] else {
        return Err("usage: embed pca|kmeans|tsne|umap TABLE.csv [--seed N] [--threads N]".into());
    };
    let option = |name: &str| -> std::result::Result<usize, Box<dyn std::error::Error>> {
        match arguments.iter().position(|argument| argument == name) {
            Some(place) => Ok(arguments
                .get(place + 1)
                .ok_or("an option lacks its value")?
                .parse()?),
            None => Ok(1),
        }
    };
    let (seed, threads) = (option("--seed")? as u64, option("--threads")?);
    let table = read(path)?;
    let rows = standardise(table.view(), threads)?;
    let start = Instant::now();
    let mut found = run(method, rows.view(), seed, threads)?;
    found["seconds"] = json!(start.elapsed().as_secs_f64());
    println!("{found}");
    Ok(())
}

fn read(path: &str) -> std::result::Result<Array2<f64>, Box<dyn std::error::Error>> {
    let mut reader = csv::Reader::from_path(path)?;
    let columns = reader.headers()?.len();
    let mut values = Vec::new();
    for record in reader.records() {
        for field in &record? {
            values.push(field.parse::<f64>()?);
        }
    }
    Ok(Array2::from_shape_vec((values.len() / columns, columns), values)?)
}

fn run(method: &str, rows: ArrayView2<f64>, seed: u64, threads: usize) -> Result<Value> {
    let watch = Watch::none();
    Ok(match method {
        "pca" => {
            let pca = Pca::fit(rows, 10, Scaling::Centre, threads)?;
            let scores = pca.transform(rows)?;
            json!({ "scores": nested(&scores), "components": nested(&pca.components), "ratio": pca.explained_variance_ratio.to_vec() })
        }
        "kmeans" => {
            let params = KMeansParams {
                threads,
                ..KMeansParams::new(10, seed)
            };
            let fitted = params.fit(rows, watch)?;
            json!({ "inertia": fitted.inertia, "iterations": fitted.iterations, "labels": fitted.labels })
        }
        "tsne" => {
            let params = TsneParams {
                threads,
                ..TsneParams::default()
            };
            json!({ "map": nested(&params.fit(rows, watch)?.map) })
        }
        "umap" => {
            let params = UmapParams {
                seed,
                threads,
                ..UmapParams::default()
            };
            json!({ "map": nested(&params.fit(rows, watch)?.map) })
        }
        other => json!({ "error": format!("no method {other}") }),
    })
}

fn nested(table: &Array2<f64>) -> Vec<Vec<f64>> {
    table.rows().into_iter().map(|row| row.to_vec()).collect()
}
