//! Filters: each input scored by itself against the classes.

use ndarray::ArrayView1;
use rayon::prelude::*;

use super::special::{chi2_exceeds, digamma, f_exceeds};
use crate::rng::Rng;
use crate::{Error, Examples, Result};

/// A score and, where the method has one, the probability of one as great by chance.
pub(super) type Score = (f64, Option<f64>);

/// Pearson's chi-squared statistic of each input as if it counted something, with `classes - 1` degrees of freedom
/// (`sklearn.feature_selection.chi2`). An input that is 0 everywhere scores 0.
///
/// # Errors
/// [`Error::Examples`] naming an input with a negative value.
pub(super) fn chi2(examples: &Examples) -> Result<Vec<Score>> {
    let rows = examples.y().len() as f64;
    let (present, counts) = (examples.present(), examples.counts());
    let columns = examples.x().columns().into_iter().enumerate();
    columns
        .map(|(input, column)| {
            if column.iter().any(|&value| value < 0.0) {
                return Err(Error::Examples(format!(
                    "chi2 takes no negative values, and {} has some: scale to 0 to 1 first",
                    examples.name(input)
                )));
            }
            let observed = class_sums(examples, column);
            let total: f64 = observed.iter().sum();
            if total == 0.0 {
                return Ok((0.0, Some(1.0)));
            }
            let statistic: f64 = present
                .iter()
                .map(|&class| {
                    let expected = counts[class] as f64 / rows * total;
                    (observed[class] - expected).powi(2) / expected
                })
                .sum();
            Ok((
                statistic,
                Some(chi2_exceeds(statistic, (present.len() - 1) as f64)),
            ))
        })
        .collect()
}

fn class_sums(examples: &Examples, column: ArrayView1<f64>) -> Vec<f64> {
    let mut sums = vec![0.0; examples.classes()];
    for (value, &class) in column.iter().zip(examples.y()) {
        sums[class] += value;
    }
    sums
}

/// The F statistic of the analysis of variance of each input between the classes (`sklearn.feature_selection.f_classif`).
///
/// A constant input scores 0; one that varies between classes only scores infinity.
///
/// # Errors
/// [`Error::Examples`] when there are no more rows than classes.
pub(super) fn anova(examples: &Examples) -> Result<Vec<Score>> {
    let rows = examples.y().len();
    let (present, counts) = (examples.present(), examples.counts());
    if rows <= present.len() {
        return Err(Error::Examples(format!(
            "{rows} rows of {} classes",
            present.len()
        )));
    }
    let (above, below) = ((present.len() - 1) as f64, (rows - present.len()) as f64);
    let score = |column: ArrayView1<f64>| {
        let mean = column.sum() / rows as f64;
        let means: Vec<f64> = class_sums(examples, column)
            .iter()
            .zip(&counts)
            .map(|(sum, &count)| sum / count.max(1) as f64)
            .collect();
        let between: f64 = present
            .iter()
            .map(|&class| counts[class] as f64 * (means[class] - mean).powi(2))
            .sum();
        let within: f64 = column
            .iter()
            .zip(examples.y())
            .map(|(value, &class)| (value - means[class]).powi(2))
            .sum();
        // What rounding alone leaves of a constant.
        let size = column.iter().map(|v| v.abs()).fold(0.0, f64::max);
        let nothing = rows as f64 * (size * rows as f64 * f64::EPSILON).powi(2);
        if between <= nothing {
            return (0.0, Some(1.0));
        }
        if within <= nothing {
            return (f64::INFINITY, Some(0.0));
        }
        let f = (between / above) / (within / below);
        (f, Some(f_exceeds(f, above, below)))
    };
    Ok(examples.x().columns().into_iter().map(score).collect())
}

/// The mutual information of each input and the class in nats, estimated from distances to the `neighbors` nearest rows of a
/// row's own class (Ross, "Mutual information between discrete and continuous data sets", PLoS ONE 9(2), 2014;
/// `sklearn.feature_selection.mutual_info_classif`).
///
/// Noise of 1e-10 of an input's size, drawn from `seed`, parts equal values. Classes with one row are left out.
pub(super) fn mutual_information(examples: &Examples, neighbors: usize, seed: u64) -> Vec<Score> {
    let columns: Vec<ArrayView1<f64>> = examples.x().columns().into_iter().collect();
    columns
        .into_par_iter()
        .enumerate()
        .map(|(input, column)| {
            let noisy = with_noise(column, &mut generator(seed, input));
            (information(&noisy, examples, neighbors), None)
        })
        .collect()
}

/// A generator for one input, unrelated to the others'.
fn generator(seed: u64, input: usize) -> Rng {
    let start = Rng::new(seed).next_u64();
    Rng::new(Rng::new(start ^ (input as u64).wrapping_mul(0xD6E8_FEB8_6659_FD93)).next_u64())
}

/// The column at deviation 1, plus noise.
fn with_noise(column: ArrayView1<f64>, rng: &mut Rng) -> Vec<f64> {
    let deviation = column.std(0.0);
    let usable = deviation.is_finite() && deviation > 10.0 * f64::EPSILON;
    let scaled = column.mapv(|value| if usable { value / deviation } else { value });
    let size = scaled.mapv(f64::abs).mean().unwrap_or(0.0).max(1.0);
    let mut unit = || (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
    let normal =
        |first: f64, second: f64| (-2.0 * (1.0 - first).ln()).sqrt() * (std::f64::consts::TAU * second).cos();
    scaled
        .iter()
        .map(|value| value + 1e-10 * size * normal(unit(), unit()))
        .collect()
}

fn information(values: &[f64], examples: &Examples, neighbors: usize) -> f64 {
    let counts = examples.counts();
    let mut used: Vec<f64> = values
        .iter()
        .zip(examples.y())
        .filter(|(_, class)| counts[**class] > 1)
        .map(|(value, _)| *value)
        .collect();
    used.sort_unstable_by(f64::total_cmp);
    let (mut of_neighbors, mut of_classes, mut of_near) = (0.0, 0.0, 0.0);
    for (class, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 1) {
        let k = neighbors.min(count - 1);
        of_neighbors += count as f64 * digamma(k as f64);
        of_classes += count as f64 * digamma(count as f64);
        let mut own: Vec<f64> = values
            .iter()
            .zip(examples.y())
            .filter(|(_, y)| **y == class)
            .map(|(value, _)| *value)
            .collect();
        own.sort_unstable_by(f64::total_cmp);
        for (place, &value) in own.iter().enumerate() {
            // Rows nearer than the k-th neighbour, the row itself among them.
            let radius = kth_distance(&own, place, k);
            let from = used.partition_point(|&other| value - other >= radius);
            let to = used.partition_point(|&other| other - value < radius);
            of_near += digamma(to.saturating_sub(from).max(1) as f64);
        }
    }
    let rows = used.len() as f64;
    if used.is_empty() {
        return 0.0;
    }
    (digamma(rows) + (of_neighbors - of_classes - of_near) / rows).max(0.0)
}

/// The distance from the value at `place` to the `k`-th nearest of the others.
fn kth_distance(sorted: &[f64], place: usize, k: usize) -> f64 {
    let value = sorted[place];
    let (mut low, mut high, mut distance) = (place, place, 0.0);
    for _ in 0..k {
        let below = if low > 0 {
            value - sorted[low - 1]
        } else {
            f64::INFINITY
        };
        let above = if high + 1 < sorted.len() {
            sorted[high + 1] - value
        } else {
            f64::INFINITY
        };
        distance = if below <= above {
            low -= 1;
            below
        } else {
            high += 1;
            above
        };
    }
    distance
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn constants_score_nothing_and_faults_are_named() {
        let x = array![
            [1.0, 0.1, 0.0],
            [1.0, 0.1, 0.0],
            [2.0, 0.1, 0.0],
            [2.0, 0.1, 0.0],
            [2.0, 0.1, 0.0]
        ];
        let examples = Examples::new(x, vec![0, 0, 1, 1, 1], 2).unwrap();
        let f = anova(&examples).unwrap();
        assert_eq!(
            f,
            [(f64::INFINITY, Some(0.0)), (0.0, Some(1.0)), (0.0, Some(1.0))]
        );
        assert_eq!(chi2(&examples).unwrap()[2], (0.0, Some(1.0)));
        let signed = examples
            .with_x(array![[-1.0], [1.0], [0.0], [0.0], [0.0]], None)
            .unwrap();
        assert!(
            chi2(&signed)
                .unwrap_err()
                .to_string()
                .contains("input 0 has some")
        );
        let few = Examples::new(array![[1.0], [2.0]], vec![0, 1], 2).unwrap();
        assert!(
            anova(&few)
                .unwrap_err()
                .to_string()
                .contains("2 rows of 2 classes")
        );
        assert_eq!(
            mutual_information(&few, 3, 0),
            [(0.0, None)],
            "single rows tell nothing"
        );
    }

    #[test]
    fn information_sees_what_a_mean_does_not() {
        // Class 1 lies on both sides of class 0, about the same mean.
        let x = ndarray::Array2::from_shape_fn((200, 2), |(i, j)| {
            let noise = ((i * 37 + 11) % 100) as f64 / 100.0 - 0.5;
            match (j, i % 4) {
                (0, 1) => noise + 3.0,
                (0, 3) => noise - 3.0,
                _ => noise,
            }
        });
        let examples = Examples::new(x, (0..200).map(|i| i % 2).collect(), 2).unwrap();
        let scores = mutual_information(&examples, 3, 7);
        assert!((scores[0].0 - 2f64.ln()).abs() < 0.02, "{scores:?}");
        assert_eq!(scores, mutual_information(&examples, 3, 7));
    }
}
