//! FMA as a table: its `features.csv`, each row with the genres of its track.
//!
//! A row is a track of the collection that has a top genre; what has none is passed over.

use std::collections::HashMap;
use std::path::Path;

use super::reader::{BATCH, Cell, Cells, Texts};
use super::{FILENAME, LABEL};
use crate::collection::{Fma, FmaFeatures, Recording, fma_metadata};
use crate::{Collection, Result};

/// The column that lists all genres of a track, apart by `|`.
const GENRES: &str = "genres";

/// Tracks with their features.
pub(super) struct FmaSource {
    rows: FmaFeatures,
    recordings: HashMap<String, Recording>,
    header: Vec<String>,
    row: u64,
}

impl FmaSource {
    /// The archive in the folder `path`, or `None` if there is none.
    pub(super) fn open(path: &Path) -> Result<Option<FmaSource>> {
        let Some(metadata) = fma_metadata(path) else {
            return Ok(None);
        };
        let fma = Fma::open(path)?;
        let mut recordings = HashMap::new();
        // What is wrong with an entry is told by a check of the collection.
        for recording in fma.recordings()?.flatten().filter(|r| r.genre.is_some()) {
            recordings.insert(recording.id.clone(), recording);
        }
        let rows = FmaFeatures::open(&metadata.join("features.csv"))?;
        let mut header = [FILENAME, LABEL, GENRES].map(str::to_owned).to_vec();
        header.extend(rows.columns().iter().cloned());
        Ok(Some(FmaSource {
            rows,
            recordings,
            header,
            row: 0,
        }))
    }

    pub(super) fn header(&self) -> &[String] {
        &self.header
    }

    /// The next rows; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Cells>> {
        let (mut names, mut labels, mut genres) = (Texts::default(), Texts::default(), Texts::default());
        let mut columns: Vec<Vec<f64>> = vec![Vec::new(); self.rows.columns().len()];
        let mut lines = Vec::new();
        while lines.len() < BATCH {
            let Some(row) = self.rows.next() else {
                break;
            };
            let (id, values) = row?;
            self.row += 1;
            // Taken out, so that a track that occurs twice counts once.
            let Some(recording) = self.recordings.remove(&id) else {
                continue;
            };
            names.push(&recording.id);
            labels.push(recording.genre.as_deref().unwrap_or_default());
            genres.push(&recording.genres.join("|"));
            for (column, value) in columns.iter_mut().zip(values) {
                column.push(value);
            }
            // Four lines of header go before.
            lines.push(self.row + 4);
        }
        let texts = [names, labels, genres].map(Cell::Text);
        Ok((!lines.is_empty()).then(|| Cells {
            rows: lines.len(),
            columns: texts
                .into_iter()
                .chain(columns.into_iter().map(Cell::Number))
                .collect(),
            lines,
        }))
    }
}
