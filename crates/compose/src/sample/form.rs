//! The form of a piece: sections by letters, equal letters alike.

/// Sections of a piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// The letter of each section.
    letters: Vec<char>,
}

impl Form {
    /// A form such as `AABA`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Form, String> {
        let letters: Vec<char> = text.chars().map(|c| c.to_ascii_uppercase()).collect();
        match letters.iter().all(char::is_ascii_uppercase) && (1..=64).contains(&letters.len()) {
            true => Ok(Form { letters }),
            false => Err(format!("`{text}` is no form: 1 to 64 letters, such as AABA")),
        }
    }

    /// How many sections.
    pub fn sections(&self) -> usize {
        self.letters.len()
    }

    /// The bar (from 0) of an earlier section that the bar `bar` of a piece of `bars` repeats, if there is one.
    pub fn repeats(&self, bar: u32, bars: u32) -> Option<u32> {
        let long = bars / self.letters.len() as u32;
        let section = (bar.checked_div(long)?) as usize;
        let letter = self.letters.get(section)?;
        let first = self.letters.iter().position(|other| other == letter)?;
        (first < section).then(|| bar - (section - first) as u32 * long)
    }
}

impl std::fmt::Display for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.letters.iter().try_for_each(|letter| write!(f, "{letter}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_sections_repeat_the_first_of_their_letter() {
        let form = Form::parse("aaba").unwrap();
        assert_eq!(form.to_string(), "AABA");
        let repeats: Vec<_> = [0, 7, 8, 15, 16, 23, 24, 31]
            .map(|bar| form.repeats(bar, 32))
            .to_vec();
        let expected = [None, None, Some(0), Some(7), None, None, Some(0), Some(7)];
        assert_eq!(repeats, expected);
        assert!(Form::parse("A-B").is_err() && Form::parse("").is_err());
    }
}
