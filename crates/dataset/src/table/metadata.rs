//! What a table says about how it was made: program, schema, parameters, sources.
//!
//! Parquet keeps it among its own metadata. CSV has no place for it, so it lies in a small JSON file beside the table.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Facts about a table, by name; each name begins with `melisma.`.
///
/// Tables that `melisma features` writes have `melisma.version`, `melisma.schema`, `melisma.schema_hash`,
/// `melisma.window_samples`, `melisma.pad` and `melisma.source_hash`, the last being the SHA-256 over each source's
/// name and the SHA-256 of its content.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct Metadata(BTreeMap<String, String>);

/// A file beside a table is looked at up to this size: whoever put it there need not have been us.
const MAX_BESIDE: u64 = 1 << 20;

impl Metadata {
    /// What every name begins with.
    pub const PREFIX: &'static str = "melisma.";

    /// The fact of this name, without the prefix.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(&format!("{}{name}", Self::PREFIX)).map(String::as_str)
    }

    /// Sets the fact of this name, given without the prefix.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(format!("{}{name}", Self::PREFIX), value.into());
    }

    /// The facts in the order of their names, which are given in full.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Where a CSV table's metadata lie: the table's name with `.json` behind it.
    pub fn path_beside(table: &Path) -> PathBuf {
        let mut name = table.as_os_str().to_owned();
        name.push(".json");
        name.into()
    }

    /// What lies beside a CSV table; nothing where no such file is, or it is not ours.
    ///
    /// # Errors
    /// [`Error::Io`] when the file is there but cannot be read.
    pub(super) fn beside(table: &Path) -> Result<Metadata> {
        let path = Metadata::path_beside(table);
        match std::fs::metadata(&path) {
            Ok(found) if found.is_file() && found.len() <= MAX_BESIDE => {}
            _ => return Ok(Metadata::default()),
        }
        let text = std::fs::read(&path).map_err(Error::io(&path))?;
        let facts: BTreeMap<String, String> = serde_json::from_slice(&text).unwrap_or_default();
        Ok(facts
            .into_iter()
            .filter(|(name, _)| name.starts_with(Self::PREFIX))
            .collect())
    }
}

impl FromIterator<(String, String)> for Metadata {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(facts: I) -> Self {
        Metadata(facts.into_iter().collect())
    }
}
