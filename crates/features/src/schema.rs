//! Schemas: named, ordered lists of feature columns, and the row that fills one.
//!
//! A schema is a contract between whoever extracts a table and whoever learns from it: a model stores
//! the [hash](Schema::hash) of the schema it was trained on and refuses any other.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::descriptor::Descriptor;

/// An ordered list of feature columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Schema {
    /// The 57 columns of the published GTZAN table: mean and variance of eight descriptors, tempo, and
    /// mean and variance of 20 MFCCs.
    Gtzan,
    /// The 63 columns of the reference's own collection: `gtzan` plus flatness, contrast and flux.
    Spotify,
    /// Every value of the first two, and more descriptors by mean and variance.
    Full,
    /// The 518 columns of the FMA data set's `features.csv`: seven statistics of eleven descriptors.
    ///
    /// Source: M. Defferrard et al., *FMA: a dataset for music analysis*, ISMIR 2017, `features.py`.
    Fma,
}

/// How the values of a descriptor over the frames of a clip become one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Statistic {
    /// Arithmetic mean.
    Mean,
    /// Population variance (divided by the count, as `numpy.var`).
    Variance,
    /// The value itself, for descriptors with one value per clip.
    Value,
    /// Population standard deviation, as `numpy.std`.
    StandardDeviation,
    /// Third central moment in units of the standard deviation, as `scipy.stats.skew`; 0 where the values do not vary.
    Skewness,
    /// Fourth central moment in units of the standard deviation, less 3, as `scipy.stats.kurtosis`; 0 where the values do not vary.
    Kurtosis,
    /// The middle value, or the mean of the two in the middle.
    Median,
    /// The smallest value.
    Minimum,
    /// The largest value.
    Maximum,
}

/// The part of a descriptor a column looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// All values, over rows and frames alike.
    All,
    /// One row (a pitch class, a coefficient, a band), over frames.
    Row(usize),
}

impl Statistic {
    /// Whether mean and variance are not enough to know it.
    pub(crate) fn needs_distribution(self) -> bool {
        !matches!(self, Statistic::Mean | Statistic::Variance | Statistic::Value)
    }
}

/// One column of a schema: its name and where its value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The name, as it stands in a table's header.
    pub name: String,
    /// The descriptor it summarises.
    pub descriptor: Descriptor,
    /// All of the descriptor or one row of it.
    pub part: Part,
    /// What becomes of its values over the frames.
    pub statistic: Statistic,
}

impl Schema {
    /// All schemas, in the order they are listed to users.
    pub const ALL: [Schema; 4] = [Schema::Gtzan, Schema::Spotify, Schema::Full, Schema::Fma];

    /// The name used on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Schema::Gtzan => "gtzan",
            Schema::Spotify => "spotify",
            Schema::Full => "full",
            Schema::Fma => "fma",
        }
    }

    /// The columns in order, with the origin of each.
    pub fn columns(self) -> Vec<Column> {
        let mut columns = Columns::default();
        match self {
            Schema::Gtzan => {
                columns.all("chroma_stft", Descriptor::ChromaStft);
                columns.all("rms", Descriptor::Rms);
                columns.all("spectral_centroid", Descriptor::SpectralCentroid);
                columns.all("spectral_bandwidth", Descriptor::SpectralBandwidth);
                columns.all("rolloff", Descriptor::SpectralRolloff);
                columns.all("zero_crossing_rate", Descriptor::ZeroCrossingRate);
                columns.all("harmony", Descriptor::Harmonic);
                columns.all("perceptr", Descriptor::Percussive);
                columns.value("tempo", Descriptor::Tempo);
                columns.rows("mfcc", Descriptor::Mfcc);
            }
            Schema::Spotify | Schema::Full => {
                columns.all("chroma_stft", Descriptor::ChromaStft);
                columns.all("rms", Descriptor::Rms);
                columns.all("spectral_centroid", Descriptor::SpectralCentroid);
                columns.all("spectral_bandwidth", Descriptor::SpectralBandwidth);
                columns.all("rolloff", Descriptor::SpectralRolloff);
                columns.all("flatness", Descriptor::SpectralFlatness);
                columns.all("contrast", Descriptor::SpectralContrast);
                columns.all("flux", Descriptor::OnsetStrength);
                columns.all("zcr", Descriptor::ZeroCrossingRate);
                columns.all("harmonics", Descriptor::Harmonic);
                columns.all("percussive", Descriptor::Percussive);
                columns.value("tempo", Descriptor::Tempo);
                columns.rows("mfcc_", Descriptor::Mfcc);
            }
            Schema::Fma => {
                for (name, descriptor) in FMA {
                    columns.distribution(name, descriptor);
                }
            }
        }
        if self == Schema::Full {
            columns.value("tuning", Descriptor::Tuning);
            columns.all("spectral_flux", Descriptor::SpectralFlux);
            columns.rows("chroma_stft_", Descriptor::ChromaStft);
            columns.rows("contrast_", Descriptor::SpectralContrast);
            columns.all("tempogram", Descriptor::Tempogram);
            columns.rows("mel_db_", Descriptor::MelDb);
        }
        columns.0
    }

    /// The names of the columns in order.
    pub fn names(self) -> Vec<String> {
        self.columns().into_iter().map(|c| c.name).collect()
    }

    /// SHA-256, in hexadecimal, of the schema's name and column names.
    ///
    /// Two programs that print the same hash fill the same columns in the same order.
    pub fn hash(self) -> String {
        let mut hasher = Sha256::new();
        hasher.update(b"melisma schema 1\n");
        hasher.update(self.name().as_bytes());
        for name in self.names() {
            hasher.update(b"\n");
            hasher.update(name.as_bytes());
        }
        hasher.finalize().iter().map(|b| format!("{b:02x}")).collect()
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Schema {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Schema::ALL
            .into_iter()
            .find(|schema| schema.name() == s)
            .ok_or_else(|| format!("unknown schema `{s}` (known: gtzan, spotify, full, fma)"))
    }
}

/// The descriptors of the FMA data set by its names, in its order.
const FMA: [(&str, Descriptor); 11] = [
    ("chroma_cens", Descriptor::ChromaCens),
    ("chroma_cqt", Descriptor::ChromaCqt),
    ("chroma_stft", Descriptor::ChromaStft),
    ("mfcc", Descriptor::Mfcc),
    ("rmse", Descriptor::RmsStft),
    ("spectral_bandwidth", Descriptor::SpectralBandwidth),
    ("spectral_centroid", Descriptor::SpectralCentroid),
    ("spectral_contrast", Descriptor::SpectralContrast),
    ("spectral_rolloff", Descriptor::SpectralRolloff),
    ("tonnetz", Descriptor::Tonnetz),
    ("zcr", Descriptor::ZeroCrossingRate),
];

/// The statistics of the FMA data set by its names, in its order.
const FMA_STATISTICS: [(&str, Statistic); 7] = [
    ("kurtosis", Statistic::Kurtosis),
    ("max", Statistic::Maximum),
    ("mean", Statistic::Mean),
    ("median", Statistic::Median),
    ("min", Statistic::Minimum),
    ("skew", Statistic::Skewness),
    ("std", Statistic::StandardDeviation),
];

/// Collects columns in order.
#[derive(Default)]
struct Columns(Vec<Column>);

impl Columns {
    fn push(&mut self, name: String, descriptor: Descriptor, part: Part, statistic: Statistic) {
        self.0.push(Column {
            name,
            descriptor,
            part,
            statistic,
        });
    }

    fn pair(&mut self, name: &str, descriptor: Descriptor, part: Part) {
        self.push(format!("{name}_mean"), descriptor, part, Statistic::Mean);
        self.push(format!("{name}_var"), descriptor, part, Statistic::Variance);
    }

    fn all(&mut self, name: &str, descriptor: Descriptor) {
        self.pair(name, descriptor, Part::All);
    }

    fn value(&mut self, name: &str, descriptor: Descriptor) {
        self.push(name.to_owned(), descriptor, Part::All, Statistic::Value);
    }

    fn rows(&mut self, prefix: &str, descriptor: Descriptor) {
        for row in 0..descriptor.rows() {
            self.pair(&format!("{prefix}{}", row + 1), descriptor, Part::Row(row));
        }
    }

    /// Seven statistics of every row, named by the three levels of FMA's header: `mfcc_kurtosis_01`.
    fn distribution(&mut self, name: &str, descriptor: Descriptor) {
        for (suffix, statistic) in FMA_STATISTICS {
            for row in 0..descriptor.rows() {
                let name = format!("{name}_{suffix}_{:02}", row + 1);
                self.push(name, descriptor, Part::Row(row), statistic);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_have_the_documented_widths() {
        assert_eq!(Schema::Gtzan.names().len(), 57);
        assert_eq!(Schema::Spotify.names().len(), 63);
        assert_eq!(Schema::Fma.names().len(), 518);
    }

    #[test]
    fn names_are_unique_and_hashes_differ() {
        let mut hashes = Vec::new();
        for schema in Schema::ALL {
            let mut names = schema.names();
            let width = names.len();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), width, "{schema}");
            hashes.push(schema.hash());
        }
        hashes.dedup();
        assert_eq!(hashes.len(), Schema::ALL.len());
    }

    #[test]
    fn fma_follows_its_published_header() {
        let names = Schema::Fma.names();
        // The first and the last of features.csv, and where its second feature begins.
        assert_eq!(names[0], "chroma_cens_kurtosis_01");
        assert_eq!(names[11], "chroma_cens_kurtosis_12");
        assert_eq!(names[12], "chroma_cens_max_01");
        assert_eq!(names[84], "chroma_cqt_kurtosis_01");
        assert_eq!(names[517], "zcr_std_01");
        let mut sorted = names.clone();
        sorted.sort();
        assert_eq!(names, sorted);
    }

    #[test]
    fn gtzan_follows_the_published_table() {
        let names = Schema::Gtzan.names();
        assert_eq!(names[0], "chroma_stft_mean");
        assert_eq!(names[16], "tempo");
        assert_eq!(names[17], "mfcc1_mean");
        assert_eq!(names[56], "mfcc20_var");
    }
}
