//! The genre mixture of a score: [`melisma_score::features`] read by a model of [`melisma_learn`].
//!
//! ```
//! use melisma_genre::Genres;
//! use melisma_score::{Note, Score, Track};
//!
//! let genres = Genres::shipped()?;
//! let notes = (0..64).map(|i| Note { onset: 240 * i, pitch: 60 + [0, 4, 7, 4][i as usize % 4], duration: 240, velocity: 80 });
//! let score = Score {
//!     tracks: vec![Track { notes: notes.collect(), ..Track::default() }],
//!     ..Score::default()
//! };
//! let probabilities = genres.probabilities(&score)?;
//! assert_eq!(probabilities.len(), genres.names().len());
//! # Ok::<(), melisma_genre::Error>(())
//! ```
//!
//! The crate knows scores and learning, and nothing of sound, so that whoever writes scores can have them judged. Where the
//! model came from, and what it is worth, its card says: `models/genre-score-1.md`.

use std::fmt;

use melisma_dataset::sha256_hex;
use melisma_learn::classify::{Classification, explain_rows, ranked};
use melisma_learn::{Model, Rows};
use melisma_score::Score;
use melisma_score::features::Features;

/// What the rows of a model of scores are called in its file.
pub const ROWS: &str = "score";

/// Notes that a score must have.
pub const LEAST: usize = 16;

/// The result of an operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a score has no genre mixture.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// There are so few notes in it that nothing can be told: not even [`LEAST`].
    FewNotes(usize),
    /// The model cannot be used.
    Model(melisma_learn::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::FewNotes(0) => f.write_str("a score without notes has no genre"),
            Error::FewNotes(notes) => write!(
                f,
                "{notes} notes are too few to tell a genre by: {LEAST} are needed"
            ),
            Error::Model(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::FewNotes(_) => None,
            Error::Model(error) => Some(error),
        }
    }
}

impl From<melisma_learn::Error> for Error {
    fn from(error: melisma_learn::Error) -> Self {
        Error::Model(error)
    }
}

/// The hash of the features' names, which a model of scores keeps: SHA-256 of one name a line.
pub fn schema_hash() -> String {
    let lines: String = Features::columns()
        .iter()
        .map(|name| format!("{name}\n"))
        .collect();
    sha256_hex(lines.as_bytes())
}

/// A model that tells genres of scores.
#[derive(Debug, Clone, PartialEq)]
pub struct Genres {
    model: Model,
    /// The place of each of the model's columns among the features.
    places: Vec<usize>,
}

impl Genres {
    /// The model shipped with this version.
    ///
    /// # Errors
    /// [`Error::Model`] if it was trained for other features than this version has.
    pub fn shipped() -> Result<Genres> {
        Genres::new(Model::from_bytes(include_bytes!(
            "../../../models/genre-score-1.bin"
        ))?)
    }

    /// Takes a model.
    ///
    /// # Errors
    /// [`Error::Model`] if it is no model of scores, or was trained for features that have since changed.
    pub fn new(model: Model) -> Result<Genres> {
        let fault = |message: String| Error::Model(melisma_learn::Error::Model(message));
        let header = model.header();
        if header.schema != Rows::Named(ROWS.to_owned()) {
            return Err(fault(format!(
                "it takes rows of schema {}, not of scores",
                header.schema
            )));
        }
        if header.schema_hash != schema_hash() {
            return Err(fault(
                "trained for another version of the features of scores".to_owned(),
            ));
        }
        let known = Features::columns();
        let place = |column: &String| {
            let place = known.iter().position(|name| name == column);
            place.ok_or_else(|| fault(format!("scores have no feature `{column}`")))
        };
        let places = header.columns.iter().map(place).collect::<Result<_>>()?;
        Ok(Genres { model, places })
    }

    /// The genres, in the order of the probabilities.
    pub fn names(&self) -> &[String] {
        self.model.genres()
    }

    /// The model behind it.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The probability of each genre; they sum to 1.
    ///
    /// # Errors
    /// [`Error::FewNotes`].
    pub fn probabilities(&self, score: &Score) -> Result<Vec<f64>> {
        Ok(self.model.predict(&self.row(score)?)?)
    }

    /// The same with names, the most probable first, as for recordings. It is the piece that is judged, not windows of it.
    ///
    /// # Errors
    /// [`Error::FewNotes`].
    pub fn classify(&self, score: &Score) -> Result<Classification> {
        self.answer(score, false)
    }

    /// As [`Genres::classify`], and says what each input adds to the first genre. Takes longer.
    ///
    /// # Errors
    /// As [`Genres::classify`]; [`Error::Model`] for a model that keeps nothing to explain by.
    pub fn explain(&self, score: &Score) -> Result<Classification> {
        self.answer(score, true)
    }

    fn answer(&self, score: &Score, explained: bool) -> Result<Classification> {
        let row = self.row(score)?;
        let genres = ranked(&self.model, &self.model.predict(&row)?);
        let explanation = match genres.first() {
            Some(first) if explained => Some(explain_rows(&self.model, &[&row], &first.genre)?),
            _ => None,
        };
        let header = self.model.header();
        Ok(Classification {
            duration_s: score.clock().seconds(score.end()),
            model: format!("{}-{}", header.name, header.version),
            genres,
            windows: Vec::new(),
            explanation,
            warnings: Vec::new(),
        })
    }

    /// What the model looks at.
    fn row(&self, score: &Score) -> Result<Vec<f64>> {
        let notes = score.notes().take(LEAST).count();
        if notes < LEAST {
            return Err(Error::FewNotes(notes));
        }
        let features = Features::of(score);
        Ok(self
            .places
            .iter()
            .map(|place| features.values()[*place])
            .collect())
    }
}
