//! What a network is made of, layer by layer.

use std::fmt;

use serde::Serialize;

/// The layers of a network with their outputs and parameter counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Summary {
    /// The layers, from the input on.
    pub rows: Vec<Row>,
    /// Parameters that are moving statistics and have no gradient.
    pub statistics: usize,
}

/// One layer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// What it is.
    pub layer: String,
    /// The shape of its output, without the batch.
    pub shape: Vec<usize>,
    /// Its parameters, moving statistics included.
    pub parameters: usize,
}

impl Summary {
    /// All parameters, moving statistics included (as Keras counts them).
    pub fn parameters(&self) -> usize {
        self.rows.iter().map(|row| row.parameters).sum()
    }
}

/// Digits in groups of three.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shape = |row: &Row| {
            row.shape
                .iter()
                .map(usize::to_string)
                .collect::<Vec<_>>()
                .join(" x ")
        };
        let layers = self
            .rows
            .iter()
            .map(|r| r.layer.chars().count())
            .max()
            .unwrap_or(0)
            .max(5);
        let shapes = self
            .rows
            .iter()
            .map(|r| shape(r).chars().count())
            .max()
            .unwrap_or(0)
            .max(6);
        writeln!(
            f,
            "{:layers$}  {:shapes$}  {:>10}",
            "layer", "output", "parameters"
        )?;
        for row in &self.rows {
            writeln!(
                f,
                "{:layers$}  {:shapes$}  {:>10}",
                row.layer,
                shape(row),
                grouped(row.parameters)
            )?;
        }
        let all = self.parameters();
        let (all, still) = (grouped(all), grouped(self.statistics));
        write!(f, "{all} parameters, {still} of them moving statistics")
    }
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn digits_come_in_threes() {
        assert_eq!(
            [grouped(7), grouped(771_402), grouped(2_126_442)],
            ["7", "771,402", "2,126,442"]
        );
    }
}
