//! Values over time and another axis (spectrograms and their kin), reduced to what a screen shows.

use crate::axis::{Axis, range};
use crate::color::Colors;
use crate::picture::{Picture, Pixels, index};

/// Most columns and rows of a picture.
pub(crate) const MAX_COLUMNS: usize = 1000;
pub(crate) const MAX_ROWS: usize = 512;

/// Values in columns: frames of time, one after the other.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Grid {
    rows: usize,
    values: Vec<f32>,
}

impl Grid {
    /// Takes values frame after frame, `rows` to a frame, the lowest first.
    ///
    /// What does not fill a frame at the end is dropped.
    pub fn new(rows: usize, mut values: Vec<f32>) -> Self {
        let rows = rows.max(1);
        values.truncate(values.len() / rows * rows);
        Grid { rows, values }
    }

    /// Values of a frame.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Frames.
    pub fn columns(&self) -> usize {
        self.values.len() / self.rows
    }

    /// The values of a frame.
    pub fn column(&self, column: usize) -> &[f32] {
        &self.values[column * self.rows..(column + 1) * self.rows]
    }

    /// All values.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The grid with neighbouring frames and rows averaged until it has no more than 1,000 columns and 512 rows.
    pub fn reduced(&self) -> Grid {
        self.averaged(MAX_COLUMNS, MAX_ROWS)
    }

    /// The grid with no more than so many columns.
    pub(crate) fn narrowed(&self, columns: usize) -> Grid {
        self.averaged(columns, MAX_ROWS)
    }

    pub(crate) fn averaged(&self, max_columns: usize, max_rows: usize) -> Grid {
        let across = self.columns().div_ceil(max_columns).max(1);
        self.merged(across, self.rows.div_ceil(max_rows).max(1))
    }

    /// The grid with so many frames averaged into one, and rows as far as they must be.
    pub(crate) fn averaged_by(&self, across: usize) -> Grid {
        self.merged(across.max(1), self.rows.div_ceil(MAX_ROWS).max(1))
    }

    fn merged(&self, across: usize, up: usize) -> Grid {
        if across == 1 && up == 1 {
            return self.clone();
        }
        let rows = self.rows.div_ceil(up);
        let mut values = Vec::with_capacity(self.columns().div_ceil(across) * rows);
        for frames in self.values.chunks(across * self.rows) {
            for row in 0..rows {
                let band = row * up..((row + 1) * up).min(self.rows);
                let (mut sum, mut count) = (0.0, 0.0);
                for frame in frames.chunks_exact(self.rows) {
                    for value in frame[band.clone()].iter().filter(|v| v.is_finite()) {
                        sum += f64::from(*value);
                        count += 1.0;
                    }
                }
                values.push(if count > 0.0 {
                    (sum / count) as f32
                } else {
                    f32::NAN
                });
            }
        }
        Grid { rows, values }
    }

    pub(crate) fn range(&self) -> Option<(f64, f64)> {
        range(self.values.iter().map(|&v| f64::from(v)))
    }

    /// The mean of a row's finite values.
    pub(crate) fn row_mean(&self, row: usize) -> f64 {
        let values = self
            .values
            .iter()
            .skip(row)
            .step_by(self.rows)
            .filter(|v| v.is_finite());
        let (sum, count) = values.fold((0.0, 0.0), |(sum, count), &v| (sum + f64::from(v), count + 1.0));
        sum / count
    }

    /// The grid as a picture, time to the right and the first row at the bottom.
    pub(crate) fn picture(&self, colors: Colors, scale: &Axis) -> Picture {
        let (width, height) = (self.columns(), self.rows);
        let mut pixels = Vec::with_capacity(width * height);
        for row in (0..height).rev() {
            for column in 0..width {
                pixels.push(index(f64::from(self.column(column)[row]), scale.lo, scale.hi));
            }
        }
        Picture {
            width,
            height,
            pixels: Pixels::Indexed(colors, pixels),
            // A few rows are bands with edges, and must not flow into each other.
            smooth: width > 250 && height > 60,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reduction_averages() {
        let grid = Grid::new(1, (0..3000).map(|i| i as f32).collect());
        let small = grid.reduced();
        assert_eq!((small.rows(), small.columns()), (1, 1000));
        assert_eq!(small.column(1), [4.0]);
        let tall = Grid::new(1025, vec![1.0; 2050]).reduced();
        assert_eq!((tall.rows(), tall.columns()), (342, 2));
        assert!(tall.values().iter().all(|&v| v == 1.0));
    }

    #[test]
    fn what_does_not_fill_a_frame_is_dropped() {
        let grid = Grid::new(3, vec![0.0; 8]);
        assert_eq!((grid.rows(), grid.columns(), grid.values().len()), (3, 2, 6));
        assert_eq!(Grid::new(0, vec![1.0]).columns(), 1);
    }
}
