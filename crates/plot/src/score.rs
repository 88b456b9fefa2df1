//! The figures of a score by name.

use std::fmt;
use std::str::FromStr;

use melisma_score::Score;
use melisma_score::analysis::Structure;
use melisma_score::tokens::{Design, Events};

use crate::chord_sheet::ChordSheet;
use crate::error::Error;
use crate::figure::{Caption, Figure};
use crate::piano_roll::{PianoRoll, pitch_name};
use crate::self_similarity::SelfSimilarity;
use crate::token_sheet::TokenSheet;

/// A figure of a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScoreFigure {
    /// Notes over bars.
    PianoRoll,
    /// How alike the bars are, and the sections.
    Structure,
    /// The chords, and the pitch classes under them.
    Chords,
    /// The events that a model reads.
    Tokens,
}

impl ScoreFigure {
    /// Every figure, in the order they are listed to users.
    pub const ALL: [ScoreFigure; 4] = [
        ScoreFigure::PianoRoll,
        ScoreFigure::Structure,
        ScoreFigure::Chords,
        ScoreFigure::Tokens,
    ];

    /// The name used on the command line and for files.
    pub fn name(self) -> &'static str {
        match self {
            ScoreFigure::PianoRoll => "pianoroll",
            ScoreFigure::Structure => "structure",
            ScoreFigure::Chords => "chords",
            ScoreFigure::Tokens => "tokens",
        }
    }

    /// Draws the figure of a score, of its part between two times in seconds; `title` names the score.
    ///
    /// # Errors
    /// If nothing sounds in that part.
    pub fn draw(self, score: &Score, title: &str, from_s: f64, to_s: Option<f64>) -> Result<Figure, Error> {
        let clock = score.clock();
        let end = score.end();
        let from = clock.tick(from_s).min(end);
        let to = to_s.map_or(end, |seconds| clock.tick(seconds).min(end));
        let note = about(score);
        let heading = |what: &str| format!("{what}: {title}");
        match self {
            ScoreFigure::PianoRoll => {
                let title = heading("Piano roll");
                let caption = Caption::new(
                    self.name(),
                    &title,
                    "Notes as bars of colour over time, pitch upwards, drums below",
                );
                PianoRoll {
                    score,
                    from,
                    to,
                    note: &note,
                }
                .draw(&caption)
            }
            ScoreFigure::Structure => {
                let title = heading("Structure");
                let caption = Caption::new(
                    self.name(),
                    &title,
                    "How alike each two bars are, as a square of colours, with letters of the sections on its edges",
                );
                SelfSimilarity {
                    structure: &Structure::of(score),
                    from,
                    to,
                    note: &note,
                }
                .draw(&caption)
            }
            ScoreFigure::Chords => {
                let title = heading("Chords");
                let caption = Caption::new(
                    self.name(),
                    &title,
                    "Names of chords over bars, line by line, and how long each pitch class sounds below them",
                );
                ChordSheet {
                    score,
                    from,
                    to,
                    note: "",
                }
                .draw(&caption)
            }
            ScoreFigure::Tokens => {
                let part = part(score, from, to);
                let design = Events::new();
                let ids = design.encode(&part);
                let vocabulary = &design.fields()[0].vocabulary;
                let named: Vec<(&str, String)> = ids
                    .iter()
                    .map(|id| named(&vocabulary[usize::from(*id)]))
                    .collect();
                let tokens: Vec<(&str, &str)> = named
                    .iter()
                    .map(|(kind, value)| (*kind, value.as_str()))
                    .collect();
                let title = heading("Tokens");
                let caption = Caption::new(
                    self.name(),
                    &title,
                    "The score as event tokens, each a box, a bar to a line or more",
                );
                TokenSheet {
                    tokens: &tokens,
                    line_breaks: &["Bar"],
                    note: &note,
                }
                .draw(&caption)
            }
        }
    }
}

/// A token's kind and value; pitches by name.
fn named(token: &str) -> (&str, String) {
    let (kind, value) = token.split_once(' ').unwrap_or((token, ""));
    let value = match (kind, value.parse::<u8>()) {
        ("Pitch", Ok(pitch)) => pitch_name(pitch),
        ("Drum", Ok(key)) => melisma_score::general_midi::drum_name(key)
            .unwrap_or(value)
            .to_owned(),
        ("Program", Ok(program)) => melisma_score::general_midi::program_name(program).to_owned(),
        _ => value.to_owned(),
    };
    (kind, value)
}

/// What a score is, in a line.
fn about(score: &Score) -> String {
    let seconds = score.clock().seconds(score.end());
    let metre = score.time_signature(0);
    let tempo = score.tempos.first().map_or(120.0, |tempo| tempo.per_minute());
    let notes = score.notes().count();
    format!(
        "{notes} notes, {} bars, {}:{:02}; begins in {}/{} at {tempo:.0} quarters a minute.",
        score.bars().len(),
        (seconds / 60.0) as u64,
        (seconds % 60.0) as u64,
        metre.numerator,
        metre.denominator,
    )
}

/// The bars between two ticks as a score of its own.
fn part(score: &Score, from: u32, to: u32) -> Score {
    let from = score
        .bars()
        .iter()
        .map(|bar| bar.start)
        .rfind(|start| *start <= from)
        .unwrap_or(0);
    let mut part = score.clone();
    for track in &mut part.tracks {
        track
            .notes
            .retain(|note| note.onset >= from && note.onset < to.max(from + 1));
        for note in &mut track.notes {
            note.onset -= from;
        }
    }
    for tempo in &mut part.tempos {
        tempo.tick = tempo.tick.saturating_sub(from);
    }
    for signature in &mut part.time_signatures {
        signature.tick = signature.tick.saturating_sub(from);
    }
    part.tidy();
    part
}

impl fmt::Display for ScoreFigure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ScoreFigure {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let found = ScoreFigure::ALL.into_iter().find(|figure| figure.name() == s);
        found.ok_or_else(|| {
            let known: Vec<_> = ScoreFigure::ALL.iter().map(|figure| figure.name()).collect();
            format!(
                "unknown figure of a score `{s}` (known: all, {})",
                known.join(", ")
            )
        })
    }
}
