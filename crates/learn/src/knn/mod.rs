//! K nearest neighbours: exact, in blocks.
//!
//! A row's class probabilities are the shares of its k nearest training rows, each counting once or by the inverse of its distance
//! (scikit-learn's `KNeighborsClassifier`). Training keeps the rows; the search is in `search.rs`.

mod search;

use ndarray::{Array2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::payload::{Reader, Writer};
use crate::{Error, Examples, Result};
use search::Index;

/// Cosine distances below this are rounding, and count as none.
const NO_DISTANCE: f64 = 1e-15;

/// How far two rows are apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// The length of the difference.
    #[default]
    Euclidean,
    /// One minus the cosine of the angle; a row of zeros is at distance 1 from every row.
    Cosine,
}

/// How much a neighbour counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weights {
    /// All the same.
    #[default]
    Uniform,
    /// The inverse of the distance; where neighbours are at distance 0, only these.
    Distance,
}

/// Parameters of [`Knn`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnnParams {
    /// The number of neighbours.
    #[serde(default = "default_k")]
    pub k: usize,
    /// How distance is measured.
    #[serde(default)]
    pub metric: Metric,
    /// How much a neighbour counts.
    #[serde(default)]
    pub weights: Weights,
}

fn default_k() -> usize {
    5
}

impl Default for KnnParams {
    /// scikit-learn's: 5 neighbours, Euclidean, uniform.
    fn default() -> Self {
        KnnParams {
            k: default_k(),
            metric: Metric::default(),
            weights: Weights::default(),
        }
    }
}

impl KnnParams {
    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error::Params`] when no neighbour is asked for.
    pub fn check(&self) -> Result<()> {
        if self.k > 0 {
            return Ok(());
        }
        Err(Error::Params {
            estimator: "knn",
            message: "k is 0".to_owned(),
        })
    }

    /// Keeps the rows.
    ///
    /// # Errors
    /// As [`KnnParams::check`], and [`Error::Examples`] when there are fewer rows than neighbours.
    pub fn fit(&self, examples: &Examples) -> Result<Knn> {
        self.check()?;
        let rows = examples.y().len();
        if rows < self.k {
            return Err(Error::Examples(format!("{rows} rows for {} neighbours", self.k)));
        }
        Ok(Knn {
            params: self.clone(),
            y: examples.y().to_vec(),
            classes: examples.classes(),
            index: Index::new(examples.x().clone(), self.metric),
        })
    }
}

/// Training rows ready to be searched.
#[derive(Debug, Clone, PartialEq)]
pub struct Knn {
    params: KnnParams,
    y: Vec<usize>,
    classes: usize,
    index: Index,
}

impl Knn {
    /// The nearest training rows of each row, the nearest first (of equally distant ones the lowest number first): their
    /// numbers and distances.
    ///
    /// Runs on rayon's current pool; memory beside the answer is bounded by blocks.
    ///
    /// # Panics
    /// If `x` has another number of inputs than the examples had.
    pub fn neighbours(&self, x: &Array2<f64>) -> Vec<Vec<(usize, f64)>> {
        self.index.nearest(x, self.params.k)
    }

    /// The probability of each class for each row, shape (rows, classes).
    ///
    /// # Panics
    /// As [`Knn::neighbours`].
    pub fn predict_proba(&self, x: &Array2<f64>) -> Array2<f64> {
        let neighbours = self.neighbours(x);
        let mut shares = Array2::zeros((x.nrows(), self.classes));
        shares
            .axis_iter_mut(Axis(0))
            .collect::<Vec<_>>()
            .into_par_iter()
            .zip(&neighbours)
            .for_each(|(mut row, near)| {
                for (&(index, _), weight) in near.iter().zip(self.weights(near)) {
                    row[self.y[index]] += weight;
                }
                let sum = row.sum();
                row /= sum;
            });
        shares
    }

    fn weights(&self, near: &[(usize, f64)]) -> Vec<f64> {
        let none = match self.params.metric {
            Metric::Euclidean => 0.0,
            Metric::Cosine => NO_DISTANCE,
        };
        let touching = near.iter().any(|&(_, distance)| distance <= none);
        let weight = |&(_, distance): &(usize, f64)| match self.params.weights {
            Weights::Uniform => 1.0,
            Weights::Distance if touching => f64::from(u8::from(distance <= none)),
            // Relative to the nearest, so that no sum overflows.
            Weights::Distance => near[0].1 / distance,
        };
        near.iter().map(weight).collect()
    }

    pub(crate) fn shape(&self) -> (usize, usize) {
        (self.index.width(), self.classes)
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.tag(u8::from(self.params.metric == Metric::Cosine));
        out.tag(u8::from(self.params.weights == Weights::Distance));
        let mut counts = vec![0; self.classes];
        self.y.iter().for_each(|&class| counts[class] += 1);
        out.whole(&[u32::try_from(self.params.k).unwrap_or(u32::MAX)]);
        out.whole(&counts);
        out.whole(&self.y.iter().map(|&class| class as u32).collect::<Vec<_>>());
        out.exact_matrix(self.index.rows());
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<Knn> {
        let fault = || Error::Model("malformed nearest neighbours".to_owned());
        let metric = match input.tag()? {
            0 => Metric::Euclidean,
            1 => Metric::Cosine,
            _ => return Err(fault()),
        };
        let weights = match input.tag()? {
            0 => Weights::Uniform,
            1 => Weights::Distance,
            _ => return Err(fault()),
        };
        let (k, counts, y, rows) = (
            input.whole()?,
            input.whole()?,
            input.whole()?,
            input.exact_matrix()?,
        );
        let [k] = k[..] else { return Err(fault()) };
        let mut counted = vec![0u32; counts.len()];
        for &class in &y {
            *counted.get_mut(class as usize).ok_or_else(fault)? += 1;
        }
        let k = k as usize;
        if counted != counts || y.len() != rows.nrows() || k == 0 || k > y.len() {
            return Err(fault());
        }
        Ok(Knn {
            params: KnnParams { k, metric, weights },
            y: y.into_iter().map(|class| class as usize).collect(),
            classes: counts.len(),
            index: Index::new(rows, metric),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::top;
    use ndarray::array;
    use proptest::prelude::*;

    fn bytes(model: &Knn) -> Vec<u8> {
        let mut out = Writer::default();
        model.write(&mut out);
        out.into_bytes()
    }

    fn model() -> Knn {
        let x = array![[0.0, 1.0], [0.0, 1.0], [5.0, 1.0], [6.0, 1.0]];
        let examples = Examples::new(x, vec![2, 0, 0, 2], 4).unwrap();
        let params = KnnParams {
            k: 2,
            ..KnnParams::default()
        };
        params.fit(&examples).unwrap()
    }

    #[test]
    fn ties_go_to_the_lowest_number_and_class_and_absent_classes_get_nothing() {
        let model = model();
        assert_eq!(model.neighbours(&array![[0.0, 1.0]]), [[(0, 0.0), (1, 0.0)]]);
        let p = model.predict_proba(&array![[0.0, 1.0], [9.0, 1.0]]);
        assert_eq!(p, array![[0.5, 0.0, 0.5, 0.0], [0.5, 0.0, 0.5, 0.0]]);
        assert_eq!(top(p.row(0)), 0);
    }

    #[test]
    fn bad_parameters_are_refused() {
        let examples = Examples::new(array![[0.0], [1.0]], vec![0, 1], 2).unwrap();
        let with = |k| KnnParams {
            k,
            ..KnnParams::default()
        };
        assert!(with(0).fit(&examples).is_err());
        let error = with(3).fit(&examples).unwrap_err().to_string();
        assert!(error.contains("2 rows for 3 neighbours"), "{error}");
    }

    #[test]
    fn files_give_the_same_model_and_damage_is_noticed() {
        let model = model();
        let bytes = bytes(&model);
        let mut reader = Reader::new(&bytes);
        assert_eq!(Knn::read(&mut reader).unwrap(), model);
        reader.end().unwrap();
        for length in 0..bytes.len() {
            assert!(
                Knn::read(&mut Reader::new(&bytes[..length])).is_err(),
                "cut to {length}"
            );
        }
        for at in 0..bytes.len() {
            let mut forged = bytes.clone();
            forged[at] ^= 0x41;
            if let Ok(read) = Knn::read(&mut Reader::new(&forged)) {
                read.predict_proba(&Array2::ones((1, read.shape().0)));
            }
        }
    }

    #[test]
    fn huge_and_tiny_numbers_keep_their_order() {
        let x = array![
            [1e300, 0.0],
            [1e300, 1e-300],
            [-1e300, 0.0],
            [0.0, 2e-160],
            [0.0, 1e-160]
        ];
        let examples = Examples::new(x, vec![0, 1, 0, 1, 1], 2).unwrap();
        let params = KnnParams {
            k: 2,
            ..KnnParams::default()
        };
        let near = params.fit(&examples).unwrap().neighbours(&array![[0.0, 0.0]]);
        assert_eq!(near[0].iter().map(|near| near.0).collect::<Vec<_>>(), [4, 3]);
    }

    /// Distances to all rows, sorted.
    fn naive(x: &Array2<f64>, query: &[f64], metric: Metric, k: usize) -> Vec<usize> {
        let length = |row: &[f64]| row.iter().map(|v| v * v).sum::<f64>().sqrt();
        let mut all: Vec<(f64, usize)> = x
            .rows()
            .into_iter()
            .enumerate()
            .map(|(number, row)| {
                let row = row.to_vec();
                let pairs = || row.iter().zip(query);
                let distance = match metric {
                    Metric::Euclidean => pairs().map(|(a, b)| (b - a) * (b - a)).sum::<f64>(),
                    Metric::Cosine => {
                        1.0 - pairs().map(|(a, b)| a * b).sum::<f64>() / (length(&row) * length(query))
                    }
                };
                (distance, number)
            })
            .collect();
        all.sort_by(|a, b| a.partial_cmp(b).unwrap());
        all.truncate(k);
        all.into_iter().map(|(_, number)| number).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn the_search_is_exact(
            seed in any::<u64>(), rows in 9usize..400, k in 1usize..9, offset in prop::sample::select(vec![0.0, 1e3, 1e7]),
            cosine: bool,
        ) {
            let mut rng = crate::rng::Rng::new(seed);
            // Few different values, so that many distances are equal; sums of whole numbers are exact in any order.
            let mut draw = |shape| Array2::from_shape_simple_fn(shape, || rng.below(5) as f64);
            let (mut x, mut queries) = (draw((rows, 4)), draw((70, 4)));
            let metric = if cosine { Metric::Cosine } else { Metric::Euclidean };
            if cosine {
                // Angles that differ are told apart by any rounding; equal ones are left out.
                let tilt = |x: &mut Array2<f64>| x.indexed_iter_mut().for_each(|((i, j), v)| *v += ((i * 7 + j * j) as f64).sin() + 1.5);
                tilt(&mut x);
                tilt(&mut queries);
            } else {
                x += offset;
                queries += offset;
            }
            let y = (0..rows).map(|row| row % 2).collect();
            let params = KnnParams { k, metric, weights: Weights::Distance };
            let model = params.fit(&Examples::new(x.clone(), y, 2).unwrap()).unwrap();
            let found = model.neighbours(&queries);
            for (found, query) in found.iter().zip(queries.rows()) {
                let numbers: Vec<usize> = found.iter().map(|near| near.0).collect();
                prop_assert_eq!(numbers, naive(&x, &query.to_vec(), metric, k));
            }
            let backwards: Vec<usize> = (0..70).rev().collect();
            let (p, turned) = (model.predict_proba(&queries), model.predict_proba(&queries.select(Axis(0), &backwards)));
            prop_assert_eq!(p.select(Axis(0), &backwards), turned);
            prop_assert!(p.sum_axis(Axis(1)).iter().all(|sum| (sum - 1.0).abs() < 1e-12));
        }
    }
}
