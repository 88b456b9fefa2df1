//! Features of scores: named columns that a classifier learns from, one row a piece.
//!
//! [`Features::of`] gives every measure of [`crate::measures`] and, beside them, what tells styles apart: who plays, what the drummer
//! does, rhythm, chords, melody and bass. They are made of what is heard only: notes, who plays them, tempo and metre. Names of
//! tracks, texts, key signatures, controllers, the resolution in ticks and how notes are spread over tracks play no part, except
//! in some of muspy's measures, which say so.
//!
//! # The grid
//! Times are taken to twelfths of a quarter, which sixteenths, triplets and swung eighths share; onsets go to the nearest, halves up.
//! What is named after a beat is of quarters, what is named after a bar of [`Score::bars`].
//!
//! # What is not there
//! Every value is finite: a share, a mean or a measure of nothing is 0, and a column beside it says that there is nothing
//! (`drum_share`, `melody_per_quarter`, `bass_per_quarter`).

mod bass;
mod drums;
mod harmony;
mod instruments;
mod key;
mod lines;
mod melody;
mod piece;
mod rhythm;
mod texture;

use crate::measures::Measures;
use crate::score::Score;
use piece::Piece;

/// The features of a piece, in a fixed order.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    names: Vec<&'static str>,
    values: Vec<f64>,
}

impl Features {
    /// Describes a piece.
    pub fn of(score: &Score) -> Features {
        let mut sheet = Features {
            names: Vec::with_capacity(256),
            values: Vec::with_capacity(256),
        };
        for (name, value) in Measures::NAMES.iter().zip(Measures::of(score).values()) {
            sheet.put(name, value);
        }
        let piece = Piece::of(score);
        instruments::put(&piece, &mut sheet);
        drums::put(&piece, &mut sheet);
        rhythm::put(&piece, &mut sheet);
        texture::put(&piece, &mut sheet);
        harmony::put(&piece, &mut sheet);
        key::put(&piece, &mut sheet);
        melody::put(&piece, &mut sheet);
        bass::put(&piece, &mut sheet);
        sheet
    }

    /// The columns of every row, in order.
    pub fn columns() -> Vec<&'static str> {
        Features::of(&Score::default()).names
    }

    /// The names of the values.
    pub fn names(&self) -> &[&'static str] {
        &self.names
    }

    /// The values, all finite.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The value of this name.
    pub fn get(&self, name: &str) -> Option<f64> {
        let at = self.names.iter().position(|other| *other == name)?;
        Some(self.values[at])
    }

    fn put(&mut self, name: &'static str, value: f64) {
        self.names.push(name);
        self.values.push(if value.is_finite() { value } else { 0.0 });
    }

    /// Counts as shares of their sum.
    fn put_shares<const N: usize>(&mut self, names: [&'static str; N], counts: &[f64; N]) {
        let sum: f64 = counts.iter().sum();
        for (name, count) in names.into_iter().zip(counts) {
            self.put(name, count / sum);
        }
    }
}

/// The mean; 0 of nothing.
fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0_u32);
    for value in values {
        sum += value;
        count += 1;
    }
    if count == 0 { 0.0 } else { sum / f64::from(count) }
}

/// Mean and standard deviation; zeros of nothing.
fn spread(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let center = mean(values.clone());
    let variance = mean(values.map(|value| (value - center).powi(2)));
    (center, variance.sqrt())
}

/// The share for which it is true; 0 of nothing.
fn share(flags: impl IntoIterator<Item = bool>) -> f64 {
    mean(flags.into_iter().map(|flag| f64::from(u8::from(flag))))
}

/// Shannon entropy of weights, in bits; 0 of nothing.
fn entropy(weights: &[f64]) -> f64 {
    let sum: f64 = weights.iter().sum();
    let bits = |weight: &f64| -(weight / sum) * (weight / sum).log2();
    let total: f64 = weights.iter().filter(|weight| **weight > 0.0).map(bits).sum();
    total.max(0.0)
}
