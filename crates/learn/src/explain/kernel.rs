//! Shapley values of any classifier, from what it says with some inputs replaced (KernelSHAP).
//!
//! Lundberg and Lee 2017: the value of a set of inputs is the mean output over background rows in which these inputs
//! are the explained row's. With few inputs all sets are tried and the values are exact; with many, sets are drawn by their weight
//! in pairs with their complements (Covert and Lee, "Improving KernelSHAP", AISTATS 2021), and shares are fitted by weighted least
//! squares under the constraint that they sum up to the output. The same sets serve every row.

use ndarray::{Array1, Array2, Array3, Axis, Slice};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::Attributions;
use crate::linalg::{cholesky, solve_cholesky};
use crate::rng::Rng;
use crate::{Error, Result};

/// With no more inputs than this all sets are tried.
const MOST_EXACT: usize = 11;
/// Rows handed to the classifier at once, about.
const BATCH: usize = 4096;

/// Parameters of [`shap`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KernelParams {
    /// How many sets of inputs are tried where not all are; by default twice the inputs and 2,048 more.
    pub samples: Option<usize>,
    /// Draws the sets.
    pub seed: u64,
}

/// The shares of each input in each output of `predict`, which turns rows of shape (rows, inputs) into outputs of shape (rows,
/// classes), for rows `x` against `background` rows.
///
/// Each explained row costs sets x background predictions, so tens of background rows are enough. Runs in parallel over the
/// explained rows on rayon's current pool.
///
/// # Errors
/// [`Error::Row`] when there is no background or no input, widths differ, or an output is not finite; [`Error::Params`] for fewer
/// samples than twice the inputs.
pub fn shap(
    predict: impl Fn(&Array2<f64>) -> Array2<f64> + Sync,
    background: &Array2<f64>,
    x: &Array2<f64>,
    params: &KernelParams,
) -> Result<Attributions> {
    let inputs = x.ncols();
    if background.nrows() == 0 || inputs == 0 || background.ncols() != inputs {
        return Err(Error::Row(format!(
            "{} background rows of {} inputs for rows of {inputs}",
            background.nrows(),
            background.ncols()
        )));
    }
    let game = Game { predict, background };
    let base = mean(&game.outputs(background)?);
    let values = if inputs <= MOST_EXACT {
        let rows = (0..x.nrows()).into_par_iter();
        rows.map(|row| exact(&game.all(&x.row(row).to_vec())?, inputs))
            .collect::<Result<Vec<_>>>()?
    } else {
        let sets = Sets::new(inputs, params)?;
        let rows = (0..x.nrows()).into_par_iter();
        rows.map(|row| sets.solve(&game, &x.row(row).to_vec(), &base))
            .collect::<Result<Vec<_>>>()?
    };
    let mut all = Array3::zeros((x.nrows(), inputs, base.len()));
    for (mut of_row, values) in all.axis_iter_mut(Axis(0)).zip(values) {
        of_row.assign(&values);
    }
    Ok(Attributions {
        values: all,
        base: base.to_vec(),
    })
}

fn mean(outputs: &Array2<f64>) -> Array1<f64> {
    outputs.sum_axis(Axis(0)) / outputs.nrows() as f64
}

/// The classifier with what stands in for unknown inputs.
struct Game<'a, F> {
    predict: F,
    background: &'a Array2<f64>,
}

impl<F: Fn(&Array2<f64>) -> Array2<f64>> Game<'_, F> {
    fn outputs(&self, rows: &Array2<f64>) -> Result<Array2<f64>> {
        let outputs = (self.predict)(rows);
        if outputs.nrows() != rows.nrows() || outputs.iter().any(|output| !output.is_finite()) {
            return Err(Error::Row(
                "the classifier's outputs cannot be shared among inputs".to_owned(),
            ));
        }
        Ok(outputs)
    }

    /// The value of each set, shape (sets, classes).
    fn values<S: AsRef<[bool]>>(&self, row: &[f64], sets: &[S]) -> Result<Array2<f64>> {
        let count = self.background.nrows();
        let mut values: Vec<f64> = Vec::new();
        for sets in sets.chunks((BATCH / count).max(1)) {
            let rows = Array2::from_shape_fn((sets.len() * count, row.len()), |(at, input)| {
                if sets[at / count].as_ref()[input] {
                    row[input]
                } else {
                    self.background[[at % count, input]]
                }
            });
            let outputs = self.outputs(&rows)?;
            for of_set in outputs.axis_chunks_iter(Axis(0), count) {
                values.extend(of_set.sum_axis(Axis(0)) / count as f64);
            }
        }
        let classes = values.len() / sets.len();
        Array2::from_shape_vec((sets.len(), classes), values).map_err(|error| Error::Row(error.to_string()))
    }

    /// The value of every set, by the number whose bits are its inputs.
    fn all(&self, row: &[f64]) -> Result<Array2<f64>> {
        let sets: Vec<Vec<bool>> = (0..1_usize << row.len())
            .map(|set| (0..row.len()).map(|input| set >> input & 1 == 1).collect())
            .collect();
        self.values(row, &sets)
    }
}

/// Shapley's formula, shape (inputs, classes).
fn exact(values: &Array2<f64>, inputs: usize) -> Result<Array2<f64>> {
    // (size)! (inputs - size - 1)! / inputs!
    let mut weight = vec![1.0 / inputs as f64; inputs];
    for size in 1..inputs {
        weight[size] = weight[size - 1] * size as f64 / (inputs - size) as f64;
    }
    let mut shares = Array2::zeros((inputs, values.ncols()));
    for set in 0..values.nrows() {
        for input in (0..inputs).filter(|input| set >> input & 1 == 0) {
            let weight = weight[set.count_ones() as usize];
            let mut share = shares.row_mut(input);
            share.scaled_add(weight, &values.row(set | 1 << input));
            share.scaled_add(-weight, &values.row(set));
        }
    }
    Ok(shares)
}

/// Sets of inputs tried, with the least-squares problem they pose.
struct Sets {
    sets: Vec<Vec<bool>>,
    /// Shape (sets, inputs - 1): the design with the last input eliminated, weighted.
    weighted: Array2<f64>,
    /// The Cholesky factor of its normal equations.
    factor: Array2<f64>,
}

impl Sets {
    fn new(inputs: usize, params: &KernelParams) -> Result<Sets> {
        let samples = params.samples.unwrap_or(2 * inputs + 2048);
        if samples < 2 * inputs {
            return Err(Error::Params {
                estimator: "kernel shap",
                message: format!("samples must be {} or more for {inputs} inputs", 2 * inputs),
            });
        }
        let (sets, weights) = draw(inputs, samples, &mut Rng::new(params.seed));
        let last = inputs - 1;
        let sign = |known: bool| if known { 1.0 } else { 0.0 };
        let design = Array2::from_shape_fn((sets.len(), last), |(set, input)| {
            sign(sets[set][input]) - sign(sets[set][last])
        });
        let weighted = &design * &weights.insert_axis(Axis(1));
        let factor = cholesky(design.t().dot(&weighted))?;
        Ok(Sets {
            sets,
            weighted,
            factor,
        })
    }

    /// The shares of one row, shape (inputs, classes).
    fn solve<F: Fn(&Array2<f64>) -> Array2<f64>>(
        &self,
        game: &Game<'_, F>,
        row: &[f64],
        base: &Array1<f64>,
    ) -> Result<Array2<f64>> {
        let inputs = row.len();
        let full = game.values(row, &[vec![true; inputs]])?;
        let total = &full.row(0) - base;
        let mut targets = game.values(row, &self.sets)? - base;
        for (mut target, set) in targets.rows_mut().into_iter().zip(&self.sets) {
            if set[inputs - 1] {
                target -= &total;
            }
        }
        let solved = solve_cholesky(self.factor.view(), self.weighted.t().dot(&targets));
        let mut shares = Array2::zeros((inputs, base.len()));
        shares
            .slice_axis_mut(Axis(0), Slice::from(..inputs - 1))
            .assign(&solved);
        let last = total - solved.sum_axis(Axis(0));
        shares.row_mut(inputs - 1).assign(&last);
        Ok(shares)
    }
}

/// Sets with their weights: all sets of the smallest and largest sizes while the budget allows, then draws from the rest by their
/// weight, each with its complement.
fn draw(inputs: usize, samples: usize, rng: &mut Rng) -> (Vec<Vec<bool>>, Array1<f64>) {
    // The weight of all sets of a size together: (inputs - 1) / (size (inputs - size)).
    let of_size = |size: usize| (inputs - 1) as f64 / (size * (inputs - size)) as f64;
    let half = inputs / 2;
    let (mut sets, mut weights) = (Vec::new(), Vec::new());
    let mut push = |set: Vec<bool>, weight: f64| {
        sets.push(set.iter().map(|known| !known).collect());
        sets.push(set);
        weights.extend([weight; 2]);
    };
    let mut size = 1;
    let mut left = samples;
    while size <= half {
        let count = choose(inputs, size);
        if count.saturating_mul(2) > left {
            break;
        }
        // In the middle a set and its complement have the same size: every set comes up twice, at half its weight.
        let share = if 2 * size == inputs { 0.5 } else { 1.0 };
        let weight = share * of_size(size) / count as f64;
        each_set(inputs, size, |set| push(set, weight));
        left -= 2 * count;
        size += 1;
    }
    let sizes: Vec<usize> = (size..=half).collect();
    let mass: Vec<f64> = sizes
        .iter()
        .map(|&size| of_size(size) * if 2 * size == inputs { 1.0 } else { 2.0 })
        .collect();
    let total: f64 = mass.iter().sum();
    let pairs = left / 2;
    if !sizes.is_empty() && pairs > 0 {
        for _ in 0..pairs {
            let mut at = (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64 * total;
            let mut chosen = 0;
            while chosen + 1 < sizes.len() && at >= mass[chosen] {
                at -= mass[chosen];
                chosen += 1;
            }
            let mut set = vec![false; inputs];
            rng.sample(inputs, sizes[chosen])
                .into_iter()
                .for_each(|input| set[input] = true);
            push(set, total / (2 * pairs) as f64);
        }
    }
    (sets, Array1::from(weights))
}

/// Binomial coefficient, or the largest number where it is larger.
fn choose(n: usize, k: usize) -> usize {
    (0..k)
        .try_fold(1_usize, |count, i| Some(count.checked_mul(n - i)? / (i + 1)))
        .unwrap_or(usize::MAX)
}

/// Calls `visit` with every set of this size.
fn each_set(inputs: usize, size: usize, mut visit: impl FnMut(Vec<bool>)) {
    let mut chosen: Vec<usize> = (0..size).collect();
    loop {
        let mut set = vec![false; inputs];
        chosen.iter().for_each(|&input| set[input] = true);
        visit(set);
        let Some(moved) = (0..size).rev().find(|&at| chosen[at] < inputs - size + at) else {
            return;
        };
        chosen[moved] += 1;
        for at in moved + 1..size {
            chosen[at] = chosen[at - 1] + 1;
        }
    }
}
