//! How the classes of a table lie: how many rows each has, how its features are distributed, which features tell classes apart, which classes
//! are alike, and which labels come together.

use ndarray::{Array1, Array2, ArrayView2, Axis};

use crate::error::{check_labels, check_rows};
use crate::neighbours;
use crate::{Error, Result, Watch, eigen};

/// Where the values of one feature lie within one class; NaN for a class without rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The arithmetic mean.
    pub mean: f64,
    /// The standard deviation (divisor rows).
    pub sd: f64,
    /// The first quartile, interpolated as by `numpy.quantile`.
    pub q1: f64,
    /// The median.
    pub median: f64,
    /// The third quartile.
    pub q3: f64,
}

/// How well one feature tells the classes apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Separation {
    /// The ratio of the mean square between classes to that within (`scipy.stats.f_oneway`); NaN for a constant feature, infinite when
    /// nothing varies within classes.
    pub f: f64,
    /// The share of the sum of squares that lies between classes, 0 to 1; NaN for a constant feature.
    pub eta_squared: f64,
}

/// The classes of a table, feature by feature.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassSummary {
    /// The rows of every class.
    pub counts: Vec<usize>,
    /// For every class, one entry per feature.
    pub spreads: Vec<Vec<Spread>>,
    /// One entry per feature.
    pub separation: Vec<Separation>,
}

impl ClassSummary {
    /// Describes rows of shape (rows, features) of `classes` classes, labelled 0 to `classes` - 1.
    ///
    /// # Errors
    /// [`Error::Rows`] for fewer than 3 rows, labels that are not one per row or too great, or a value that is not finite.
    pub fn of(rows: ArrayView2<f64>, labels: &[usize], classes: usize) -> Result<Self> {
        let members = members(rows, labels, classes)?;
        let spreads = members.iter().map(|members| {
            let own = rows.select(Axis(0), members);
            own.columns()
                .into_iter()
                .map(|values| spread(values.to_vec()))
                .collect()
        });
        let spreads: Vec<Vec<Spread>> = spreads.collect();
        let counts: Vec<usize> = members.iter().map(Vec::len).collect();
        let separation = (0..rows.ncols())
            .map(|feature| {
                let groups = counts.iter().zip(spreads.iter().map(|spreads| spreads[feature]));
                separation(
                    &groups
                        .filter(|(count, _)| **count > 0)
                        .map(|(&n, s)| (n as f64, s))
                        .collect::<Vec<_>>(),
                )
            })
            .collect();
        Ok(ClassSummary {
            counts,
            spreads,
            separation,
        })
    }

    /// The features in the order of how well they tell the classes apart, the best first; constant ones last.
    pub fn most_telling(&self) -> Vec<usize> {
        let share = |feature: usize| match self.separation[feature].eta_squared {
            share if share.is_nan() => -1.0,
            share => share,
        };
        let mut order: Vec<usize> = (0..self.separation.len()).collect();
        order.sort_by(|&a, &b| share(b).total_cmp(&share(a)).then(a.cmp(&b)));
        order
    }
}

/// The row numbers of every class.
fn members(rows: ArrayView2<f64>, labels: &[usize], classes: usize) -> Result<Vec<Vec<usize>>> {
    check_rows(rows, 3)?;
    check_labels(rows.nrows(), labels)?;
    if classes > rows.nrows() {
        return Err(Error::Rows(format!("{classes} classes of {} rows", rows.nrows())));
    }
    let mut members = vec![Vec::new(); classes];
    for (row, &label) in labels.iter().enumerate() {
        match members.get_mut(label) {
            Some(members) => members.push(row),
            None => {
                return Err(Error::Rows(format!(
                    "row {row} has label {label} of {classes} classes"
                )));
            }
        }
    }
    Ok(members)
}

fn spread(mut values: Vec<f64>) -> Spread {
    values.sort_unstable_by(f64::total_cmp);
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values
        .iter()
        .map(|value| (value - mean) * (value - mean))
        .sum::<f64>()
        / n;
    let constant = values.first() == values.last();
    Spread {
        mean: if constant { quantile(&values, 0.5) } else { mean },
        sd: if constant { 0.0 * n / n } else { variance.sqrt() },
        q1: quantile(&values, 0.25),
        median: quantile(&values, 0.5),
        q3: quantile(&values, 0.75),
    }
}

/// The point that a share `q` of sorted values lies below, interpolated between neighbours; NaN without values.
pub(crate) fn quantile(sorted: &[f64], q: f64) -> f64 {
    let place = q * sorted.len().saturating_sub(1) as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    match (sorted.get(below), sorted.get(above)) {
        (Some(low), Some(high)) => low + (high - low) * (place - place.floor()),
        _ => f64::NAN,
    }
}

/// One-way analysis of variance of groups given by size and spread.
fn separation(groups: &[(f64, Spread)]) -> Separation {
    let n: f64 = groups.iter().map(|(count, _)| count).sum();
    let mean = groups.iter().map(|(count, s)| count * s.mean).sum::<f64>() / n;
    let between: f64 = groups
        .iter()
        .map(|(count, s)| count * (s.mean - mean).powi(2))
        .sum();
    let within: f64 = groups.iter().map(|(count, s)| count * s.sd * s.sd).sum();
    let (k, total) = (groups.len() as f64, between + within);
    // Rounding of the mean of equal values is no spread.
    let constant = total <= n * (mean * 1e-15).powi(2);
    Separation {
        f: if constant {
            f64::NAN
        } else {
            (between / (k - 1.0)) / (within / (n - k))
        },
        eta_squared: if constant { f64::NAN } else { between / total },
    }
}

/// Two classes and how alike they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassPair {
    /// The class with the lower number.
    pub first: usize,
    /// The class with the higher number.
    pub second: usize,
    /// The Mahalanobis distance of their means by the covariance within classes.
    pub distance: f64,
    /// The mean share that either class has among the nearest neighbours of the other's rows, 0 to 1.
    pub overlap: f64,
}

/// How alike the classes are.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassLikeness {
    /// The Mahalanobis distances of the class means, shape (classes, classes); NaN for a class without rows.
    pub distances: Array2<f64>,
    /// The share of each class among the nearest neighbours of each class's rows, shape (classes, classes); rows sum to 1, and are 0 for a class
    /// without rows.
    pub confusion: Array2<f64>,
}

impl ClassLikeness {
    /// Compares classes by rows of shape (rows, features), which should be standardised, labelled 0 to `classes` - 1.
    ///
    /// The covariance within classes is S + `shrinkage` · mean(diag S) · I; neighbours are the `k` nearest other rows.
    ///
    /// # Errors
    /// [`Error::Rows`] as [`ClassSummary::of`]; [`Error::Params`] when `shrinkage` is not positive or `k` not from 1 to rows - 1;
    /// [`Error::Interrupted`].
    pub fn of(
        rows: ArrayView2<f64>,
        labels: &[usize],
        classes: usize,
        shrinkage: f64,
        k: usize,
        threads: usize,
        watch: Watch,
    ) -> Result<Self> {
        let members = members(rows, labels, classes)?;
        if !(shrinkage > 0.0 && shrinkage.is_finite()) {
            return Error::params("class likeness", format!("shrinkage is {shrinkage}"));
        }
        let near = neighbours::nearest(rows, k, threads, watch)?;
        let mut confusion = Array2::zeros((classes, classes));
        for (row, others) in near.indices.rows().into_iter().enumerate() {
            for &other in others {
                confusion[[labels[row], labels[other as usize]]] += 1.0;
            }
        }
        for (mut shares, members) in confusion.rows_mut().into_iter().zip(&members) {
            shares /= (members.len() * k).max(1) as f64;
        }
        Ok(ClassLikeness {
            distances: mean_distances(rows, labels, &members, shrinkage)?,
            confusion,
        })
    }

    /// All pairs of classes that have rows, the most alike (by distance) first.
    pub fn pairs(&self) -> Vec<ClassPair> {
        let classes = self.distances.nrows();
        let mut pairs: Vec<ClassPair> = (0..classes)
            .flat_map(|first| (first + 1..classes).map(move |second| (first, second)))
            .map(|(first, second)| ClassPair {
                first,
                second,
                distance: self.distances[[first, second]],
                overlap: (self.confusion[[first, second]] + self.confusion[[second, first]]) / 2.0,
            })
            .filter(|pair| pair.distance.is_finite())
            .collect();
        pairs.sort_by(|a, b| a.distance.total_cmp(&b.distance));
        pairs
    }
}

/// The distances of the class means where the shrunk covariance within classes is the unit.
fn mean_distances(
    rows: ArrayView2<f64>,
    labels: &[usize],
    members: &[Vec<usize>],
    shrinkage: f64,
) -> Result<Array2<f64>> {
    let classes = members.len();
    let mut means = Array2::from_elem((classes, rows.ncols()), f64::NAN);
    for (mut mean, members) in means.rows_mut().into_iter().zip(members) {
        if let Some(found) = rows.select(Axis(0), members).mean_axis(Axis(0)) {
            mean.assign(&found);
        }
    }
    let residual = &rows - &means.select(Axis(0), labels);
    let covariance = residual.t().dot(&residual) / rows.nrows() as f64;
    let added = shrinkage * covariance.diag().mean().unwrap_or(0.0);
    let (values, vectors) = eigen::symmetric(covariance)?;
    // Without any spread within classes, all distances but those of equal means are infinite.
    let unit: Array1<f64> = values.mapv(|value| 1.0 / (value.max(0.0) + added).max(f64::MIN_POSITIVE).sqrt());
    let placed = means.dot(&vectors.t()) * &unit;
    Ok(Array2::from_shape_fn((classes, classes), |(a, b)| {
        let difference = &placed.row(a) - &placed.row(b);
        difference.dot(&difference).sqrt()
    }))
}

/// How often each pair of labels comes in the same set, shape (classes, classes); the diagonal counts the sets with a label.
///
/// # Errors
/// [`Error::Rows`] for a label that is not below `classes`, [`Error::Params`] for more than 4,096 classes.
pub fn co_occurrence<S: AsRef<[usize]>>(sets: &[S], classes: usize) -> Result<Array2<u64>> {
    const MOST_CLASSES: usize = 4096;
    if classes > MOST_CLASSES {
        return Error::params(
            "co-occurrence",
            format!("{classes} classes; no more than {MOST_CLASSES} are counted"),
        );
    }
    let mut counts = Array2::zeros((classes, classes));
    for (row, set) in sets.iter().enumerate() {
        let mut set = set.as_ref().to_vec();
        set.sort_unstable();
        set.dedup();
        if let Some(label) = set.last().filter(|label| **label >= classes) {
            return Err(Error::Rows(format!(
                "row {row} has label {label} of {classes} classes"
            )));
        }
        for &a in &set {
            for &b in &set {
                counts[[a, b]] += 1;
            }
        }
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn quartiles_and_analysis_of_variance() {
        let rows = array![
            [1.0, 7.0],
            [2.0, 7.0],
            [3.0, 7.0],
            [11.0, 7.0],
            [12.0, 7.0],
            [13.0, 7.0]
        ];
        let summary = ClassSummary::of(rows.view(), &[0, 0, 0, 2, 2, 2], 3).unwrap();
        assert_eq!(summary.counts, [3, 0, 3]);
        let first = summary.spreads[0][0];
        assert_eq!(
            (first.mean, first.q1, first.median, first.q3),
            (2.0, 1.5, 2.0, 2.5)
        );
        assert!(summary.spreads[1][0].mean.is_nan() && summary.spreads[1][0].sd.is_nan());
        // Between: 2 groups of 3 at 5 from the mean, 150 by 1; within: 4 by 4.
        assert!((summary.separation[0].f - 150.0).abs() < 1e-9);
        assert!((summary.separation[0].eta_squared - 150.0 / 154.0).abs() < 1e-12);
        assert!(summary.separation[1].f.is_nan());
        assert_eq!(summary.most_telling(), [0, 1]);
    }

    #[test]
    fn near_classes_come_first() {
        let rows = Array2::from_shape_fn((60, 2), |(r, c)| {
            [0.0, 1.0, 30.0][r % 3] + ((r * (7 + c)) as f64).sin()
        });
        let labels: Vec<usize> = (0..60).map(|r| r % 3).collect();
        let likeness = ClassLikeness::of(rows.view(), &labels, 4, 0.01, 5, 2, Watch::none()).unwrap();
        let pairs = likeness.pairs();
        assert_eq!((pairs.len(), pairs[0].first, pairs[0].second), (3, 0, 1));
        assert!(pairs[0].overlap > 0.1 && pairs[2].overlap == 0.0);
        assert!((likeness.confusion.row(2).sum() - 1.0).abs() < 1e-12);
        assert!(likeness.distances[[3, 0]].is_nan());
    }

    #[test]
    fn labels_of_one_set_come_together() {
        let counts = co_occurrence(&[vec![0, 2], vec![2, 2], vec![]], 3).unwrap();
        assert_eq!(counts, array![[1, 0, 1], [0, 0, 0], [1, 0, 2]]);
        assert!(co_occurrence(&[[3]], 3).is_err());
        assert!(co_occurrence(&[[3]], 5000).is_err());
    }

    #[test]
    fn faults_are_errors() {
        let rows = array![[1.0], [2.0], [3.0]];
        assert!(ClassSummary::of(rows.view(), &[0, 1], 2).is_err());
        assert!(ClassSummary::of(rows.view(), &[0, 1, 2], 2).is_err());
        assert!(ClassSummary::of(rows.view(), &[0, 0, 0], 9).is_err());
        let likeness =
            |shrinkage, k| ClassLikeness::of(rows.view(), &[0, 1, 0], 2, shrinkage, k, 1, Watch::none());
        assert!(likeness(0.0, 1).is_err() && likeness(0.1, 3).is_err());
    }
}
