//! What is asked of a piece.

use std::fmt;

use super::{Form, instrument_name};
use crate::{Error, Result};

/// Bars of the longest piece.
const MOST_BARS: u32 = 4_096;

/// A key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// The tonic's pitch class, 0 for C.
    pub tonic: u8,
    /// Whether it is minor.
    pub minor: bool,
}

const NAMES: [&str; 12] = ["C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"];

impl Key {
    /// A key by its name: `F`, `Bb`, `F#`, minor as `Cm` or `C minor`.
    ///
    /// # Errors
    /// What is wrong with the name.
    pub fn parse(text: &str) -> std::result::Result<Key, String> {
        let fault = || format!("`{text}` is no key: F, Bb, F#, Cm, `D minor` are some");
        let mut letters = text.trim().chars();
        let letter = letters.next().map(|c| c.to_ascii_uppercase()).ok_or_else(fault)?;
        let natural: i32 = match letter {
            'C' => 0,
            'D' => 2,
            'E' => 4,
            'F' => 5,
            'G' => 7,
            'A' => 9,
            'B' => 11,
            _ => return Err(fault()),
        };
        let rest = letters.as_str();
        let (moved, mode) = match rest.chars().next() {
            Some('#' | '♯') => (1, &rest[rest.chars().next().map_or(0, char::len_utf8)..]),
            Some('b' | '♭') => (-1, &rest[rest.chars().next().map_or(0, char::len_utf8)..]),
            _ => (0, rest),
        };
        let minor = match mode.trim() {
            "" | "major" | "maj" => false,
            "m" | "minor" | "min" => true,
            _ => return Err(fault()),
        };
        Ok(Key {
            tonic: (natural + moved).rem_euclid(12) as u8,
            minor,
        })
    }

    /// The value of the control that tells it.
    pub(crate) fn control(self) -> u16 {
        u16::from(self.minor) * 12 + u16::from(self.tonic) + 1
    }

    /// The key that a control's value tells.
    pub(crate) fn told(control: u16) -> Option<Key> {
        let at = control.checked_sub(1)?;
        Some(Key {
            tonic: (at % 12) as u8,
            minor: at >= 12,
        })
    }

    /// Whether a pitch class is of its scale; in minor the raised sixth and seventh are.
    pub(crate) fn holds(self, class: u16) -> bool {
        let degree = (class + 12 - u16::from(self.tonic)) % 12;
        match self.minor {
            false => matches!(degree, 0 | 2 | 4 | 5 | 7 | 9 | 11),
            true => matches!(degree, 0 | 2 | 3 | 5 | 7 | 8 | 9 | 10 | 11),
        }
    }

    /// How much a pitch class is of the tonic's chord: the tonic most, then the third and the fifth.
    pub(crate) fn weight(self, class: u16) -> Option<f32> {
        let third = if self.minor { 3 } else { 4 };
        match (class + 12 - u16::from(self.tonic)) % 12 {
            0 => Some(1.0),
            degree if degree == third || degree == 7 => Some(0.5),
            _ => None,
        }
    }

    /// The sharps of its signature, flats below zero.
    pub(crate) fn sharps(self) -> i8 {
        let major = i32::from(self.tonic) + if self.minor { 3 } else { 0 };
        ((7 * major + 5).rem_euclid(12) - 5) as i8
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = if self.minor { "minor" } else { "major" };
        write!(f, "{} {mode}", NAMES[usize::from(self.tonic)])
    }
}

/// What is asked of a piece.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The genre, one of the network's; `None` leaves it open.
    pub genre: Option<String>,
    /// The key; `None` leaves it open.
    pub key: Option<Key>,
    /// Quarters a minute, 30 to 300.
    pub tempo: f64,
    /// Bars.
    pub bars: u32,
    /// Beats to the bar, and the note value of a beat.
    pub metre: (u8, u8),
    /// The voices that play: General MIDI programs, 128 for drums.
    pub instruments: Vec<u8>,
    /// Sections that repeat.
    pub form: Option<Form>,
    /// Notes to the bar, of all instruments together; `None` leaves it open.
    pub notes_per_bar: Option<f64>,
    /// What the logarithms of probabilities are divided by: below 1 the likely becomes likelier.
    pub temperature: f32,
    /// Tokens that are drawn from: the likeliest that together have this probability.
    pub top_p: f32,
    /// How far from the scale of the key a tone may lie: 1 as the network has it, 0 never.
    pub chromaticism: f32,
    /// Where chance starts from.
    pub seed: u64,
}

impl Default for Request {
    fn default() -> Self {
        Request {
            genre: None,
            key: None,
            tempo: 120.0,
            bars: 32,
            metre: (4, 4),
            instruments: vec![0, 32, super::DRUMS],
            form: None,
            notes_per_bar: None,
            temperature: 0.95,
            top_p: 0.97,
            chromaticism: 1.0,
            seed: 1,
        }
    }
}

impl Request {
    /// Whether a network that knows these genres can meet it.
    ///
    /// # Errors
    /// [`Error::Params`] naming what cannot be met.
    pub fn check(&self, genres: &[String]) -> Result<()> {
        let fault = |fault: String| Err(Error::Params(fault));
        if let Some(genre) = self.genre.as_ref().filter(|genre| !genres.contains(genre)) {
            return fault(format!(
                "the model knows no genre `{genre}`: {} are those it learnt",
                genres.join(", ")
            ));
        }
        if !(30.0..=300.0).contains(&self.tempo) {
            return fault(format!(
                "a tempo of {}: 30 to 300 quarters a minute can be told",
                self.tempo
            ));
        }
        if !(1..=MOST_BARS).contains(&self.bars) {
            return fault(format!("{} bars: 1 to {MOST_BARS} can be composed", self.bars));
        }
        if self.instruments.is_empty() {
            return fault("no instruments".to_owned());
        }
        let mut voices = self.instruments.clone();
        voices.sort_unstable();
        if let Some(twice) = voices.windows(2).find(|pair| pair[0] == pair[1]) {
            return fault(format!(
                "{} is asked for twice, but instruments of one name play as one",
                instrument_name(twice[0])
            ));
        }
        if voices.iter().any(|voice| *voice > super::DRUMS) {
            return fault("voices are programs from 0 to 127, and 128 for drums".to_owned());
        }
        if let Some(form) = &self.form
            && !(self.bars as usize).is_multiple_of(form.sections())
        {
            return fault(format!(
                "the form {form} has {} sections, which do not divide {} bars",
                form.sections(),
                self.bars
            ));
        }
        let drawn =
            self.temperature > 0.0 && self.temperature <= 4.0 && self.top_p > 0.0 && self.top_p <= 1.0;
        if !drawn {
            return fault(
                "the temperature must be above 0 and at most 4, top-p above 0 and at most 1".to_owned(),
            );
        }
        if !(0.0..=1.0).contains(&self.chromaticism) {
            return fault("the chromaticism must be 0 to 1".to_owned());
        }
        if self.chromaticism < 1.0 && self.key.is_none() {
            return fault("less chromaticism needs a key to be chromatic in".to_owned());
        }
        if self
            .notes_per_bar
            .is_some_and(|notes| !(0.1..=200.0).contains(&notes))
        {
            return fault("notes to the bar must be 0.1 to 200".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_by_name() {
        let key = |text: &str| Key::parse(text).unwrap();
        assert_eq!(
            key("Bb"),
            Key {
                tonic: 10,
                minor: false
            }
        );
        assert_eq!(
            key("c# minor"),
            Key {
                tonic: 1,
                minor: true
            }
        );
        assert_eq!(key("Cb").tonic, 11);
        assert_eq!(key("Dm").sharps(), -1);
        assert_eq!(key("E").sharps(), 4);
        assert_eq!(key("F").to_string(), "F major");
        for bad in ["", "H", "Cx", "F major 7", "♭"] {
            assert!(Key::parse(bad).is_err(), "{bad}");
        }
        for control in 1..=24 {
            assert_eq!(Key::told(control).unwrap().control(), control);
        }
    }

    #[test]
    fn what_cannot_be_met_is_told() {
        let genres = ["jazz".to_owned()];
        let fault = |change: &dyn Fn(&mut Request)| {
            let mut request = Request::default();
            change(&mut request);
            request.check(&genres).unwrap_err().to_string()
        };
        assert!(fault(&|r| r.genre = Some("polka".into())).contains("jazz are"));
        assert!(fault(&|r| r.tempo = 400.0).contains("400"));
        assert!(fault(&|r| r.instruments = vec![0, 32, 0]).contains("twice"));
        assert!(fault(&|r| r.instruments.clear()).contains("no instruments"));
        assert!(fault(&|r| r.bars = 0).contains("0 bars"));
        assert!(fault(&|r| r.chromaticism = 0.5).contains("key"));
        assert!(
            fault(&|r| {
                r.bars = 30;
                r.form = Some(Form::parse("AABA").unwrap());
            })
            .contains("do not divide")
        );
    }
}
