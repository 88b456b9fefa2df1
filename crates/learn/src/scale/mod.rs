//! Scaling of inputs, each by itself: scikit-learn's scalers and their numbers.

mod min_max;
mod quantile;
mod robust;
mod standard;

pub use min_max::{MinMax, MinMaxParams};
pub use quantile::{Distribution, Quantile, QuantileParams};
pub use robust::{Robust, RobustParams};
pub use standard::{Standard, StandardParams};

use ndarray::Array2;

use crate::{Error, Result};

/// Replaces each value by what `change` makes of it and its column's number.
fn by_column(mut x: Array2<f64>, change: impl Fn(usize, f64) -> f64) -> Array2<f64> {
    for mut row in x.rows_mut() {
        for (column, value) in row.iter_mut().enumerate() {
            *value = change(column, *value);
        }
    }
    x
}

/// Each column's values in increasing order.
fn sorted_columns(x: &Array2<f64>) -> impl Iterator<Item = Vec<f64>> + '_ {
    x.columns().into_iter().map(|column| {
        let mut values = column.to_vec();
        values.sort_unstable_by(f64::total_cmp);
        values
    })
}

/// The value below which the share `at` of sorted values lies, interpolated as `numpy.percentile` does.
fn quantile_of(sorted: &[f64], at: f64) -> f64 {
    let place = at * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let (a, b) = (sorted[below], sorted[(below + 1).min(sorted.len() - 1)]);
    let share = place - below as f64;
    // numpy interpolates from the nearer end.
    if share >= 0.5 {
        b - (b - a) * (1.0 - share)
    } else {
        a + (b - a) * share
    }
}

/// Checks what a model file says of a scaler.
fn sound(condition: bool) -> Result<()> {
    if condition {
        Ok(())
    } else {
        Err(Error::Model("malformed scaler".to_owned()))
    }
}
