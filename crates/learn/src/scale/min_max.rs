//! Scaling of inputs to the range 0 to 1.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::{by_column, sound};
use crate::payload::{Reader, Writer};
use crate::{Examples, Result};

/// Parameters of [`MinMax`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MinMaxParams {
    /// Whether values beyond those of the training rows are held at 0 and 1.
    #[serde(default)]
    pub clip: bool,
}

impl MinMaxParams {
    /// Takes the least and the greatest value of each input from the examples.
    pub fn fit(&self, examples: &Examples) -> MinMax {
        let ranges = examples.x().columns().into_iter().map(|column| {
            let low = column.fold(f64::INFINITY, |a, &b| a.min(b));
            let high = column.fold(f64::NEG_INFINITY, |a, &b| a.max(b));
            let range = high - low;
            // As in scikit-learn, no range to speak of counts as constant; one past all numbers cannot be divided by.
            let scale = if range < 10.0 * f64::EPSILON || !range.is_finite() {
                1.0
            } else {
                1.0 / range
            };
            (scale, -low * scale)
        });
        let (scale, offset) = ranges.unzip();
        MinMax {
            scale,
            offset,
            clip: self.clip,
        }
    }
}

/// Subtracts the least value and divides by the range (scikit-learn's `MinMaxScaler`).
///
/// A constant input becomes 0; another value of it later is left at its distance from the constant.
#[derive(Debug, Clone, PartialEq)]
pub struct MinMax {
    scale: Vec<f64>,
    offset: Vec<f64>,
    clip: bool,
}

impl MinMax {
    /// The number of inputs.
    pub fn width(&self) -> usize {
        self.scale.len()
    }

    /// The scaled rows, shape (rows, inputs).
    pub fn transform(&self, x: Array2<f64>) -> Array2<f64> {
        by_column(x, |column, value| {
            let scaled = value * self.scale[column] + self.offset[column];
            if self.clip { scaled.clamp(0.0, 1.0) } else { scaled }
        })
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.exact(&self.scale);
        out.exact(&self.offset);
        out.tag(u8::from(self.clip));
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<MinMax> {
        let (scale, offset, clip) = (input.exact()?, input.exact()?, input.tag()?);
        sound(clip <= 1 && scale.len() == offset.len())?;
        sound(scale.iter().chain(&offset).all(|v| v.is_finite()))?;
        Ok(MinMax {
            scale,
            offset,
            clip: clip == 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn training_rows_fill_the_range_and_constants_vanish() {
        let x = array![[1.0, 7.0], [3.0, 7.0], [5.0, 7.0]];
        let examples = Examples::new(x.clone(), vec![0, 1, 1], 2).unwrap();
        let scaler = MinMaxParams::default().fit(&examples);
        assert_eq!(scaler.transform(x), array![[0.0, 0.0], [0.5, 0.0], [1.0, 0.0]]);
        assert_eq!(scaler.transform(array![[7.0, 8.0]]), array![[1.5, 1.0]]);
        let held = MinMaxParams { clip: true }.fit(&examples);
        assert_eq!(held.transform(array![[7.0, 6.0]]), array![[1.0, 0.0]]);
    }
}
