//! Exact Shapley values of forests and boosted trees (TreeSHAP).
//!
//! The values are those of Lundberg et al., "From local explanations to global understanding with explainable AI for trees", Nature
//! Machine Intelligence 2 (2020), algorithm 2: an input that is not known sends a row down both sides of a split, as often as
//! training rows went there (path-dependent). They are reached on a shorter way. With `z` the share of rows that go on where an input
//! is unknown and `o` 1 where the explained row itself goes on, else 0, a leaf of value `v` gives input `i` of its path
//! `v ∫ (oᵢ - zᵢ) Π (t oⱼ + (1 - t) zⱼ) dt` over `j ≠ i` and t from 0 to 1 (Owen's integral for Shapley values). The
//! integrand is a polynomial, so Gauss and Legendre's quadrature with half as many points as the path has inputs is exact; and as all
//! factors are positive, leaves are summed from below point by point, once per node instead of once per leaf and input.

use ndarray::{Array2, Array3};
use rayon::prelude::*;

use super::Attributions;
use crate::boost::Boost;
use crate::forest::Forest;
use crate::tree::{Step, Tree};
use crate::{Error, Result};

/// Steps of Newton's method, which doubles the digits each time.
const NEWTON_STEPS: usize = 8;

/// Trees whose leaves add up.
#[derive(Debug)]
pub struct Ensemble<'a> {
    /// Each with the class its one value adds to, or none where a leaf has a value for every class.
    trees: Vec<(&'a Tree, Option<usize>)>,
    /// The factor of every leaf.
    factor: f64,
    base: Vec<f64>,
    inputs: usize,
}

impl<'a> From<&'a Forest> for Ensemble<'a> {
    /// Explains probabilities.
    fn from(forest: &'a Forest) -> Self {
        let (inputs, classes) = forest.shape();
        Ensemble {
            trees: forest.trees().iter().map(|tree| (tree, None)).collect(),
            factor: 1.0 / forest.trees().len() as f64,
            base: vec![0.0; classes],
            inputs,
        }
    }
}

impl<'a> From<&'a Boost> for Ensemble<'a> {
    /// Explains margins.
    fn from(boost: &'a Boost) -> Self {
        Ensemble {
            trees: boost
                .trees()
                .iter()
                .map(|(class, tree)| (tree, Some(*class)))
                .collect(),
            factor: 1.0,
            base: boost.base().to_vec(),
            inputs: boost.shape().0,
        }
    }
}

/// The shares of each input in each class's output for rows `x` of shape (rows, inputs): of a [`Forest`] in the probability, of a
/// [`Boost`] in the margin (the score before the softmax).
///
/// The base is the mean output over the training rows as the trees weigh them. Runs in parallel on rayon's current pool.
///
/// # Errors
/// [`Error::Row`] when rows have another number of inputs than the trees.
pub fn shap<'a>(model: impl Into<Ensemble<'a>>, x: &Array2<f64>) -> Result<Attributions> {
    let ensemble = model.into();
    if x.ncols() != ensemble.inputs {
        return Err(Error::Row(format!(
            "{} inputs instead of {}",
            x.ncols(),
            ensemble.inputs
        )));
    }
    let x = x.as_standard_layout();
    let mut base = ensemble.base.clone();
    for (tree, class) in &ensemble.trees {
        let first = class.unwrap_or(0);
        for (base, value) in base[first..].iter_mut().zip(tree.expectation()) {
            *base += ensemble.factor * value;
        }
    }
    let (inputs, classes) = (ensemble.inputs, ensemble.base.len());
    let rules: Vec<usize> = ensemble
        .trees
        .iter()
        .map(|(tree, _)| points(tree, inputs))
        .collect();
    let quadratures: Vec<Quadrature> = (0..=rules.iter().copied().max().unwrap_or(0))
        .map(Quadrature::new)
        .collect();
    let mut values = vec![0.0; x.nrows() * inputs * classes];
    values
        .par_chunks_mut(inputs * classes)
        .zip(x.as_slice().unwrap_or_default().par_chunks(inputs))
        .for_each(|(values, row)| {
            let mut known = vec![None; inputs];
            for ((tree, class), &points) in ensemble.trees.iter().zip(&rules) {
                let mut walker = Walker {
                    tree,
                    row,
                    quadrature: &quadratures[points],
                    known: &mut known,
                    width: class.map_or(classes, |_| 1),
                    stride: classes,
                    values: &mut values[class.unwrap_or(0)..],
                };
                walker.explain(ensemble.factor);
            }
        });
    let values = Array3::from_shape_vec((x.nrows(), inputs, classes), values);
    Ok(Attributions {
        values: values.map_err(|error| Error::Row(error.to_string()))?,
        base,
    })
}

/// The points that integrate every path of a tree exactly: half as many as there are different inputs on its longest one.
fn points(tree: &Tree, inputs: usize) -> usize {
    tree.depth().min(inputs).div_ceil(2)
}

/// Gauss and Legendre's rule on 0 to 1.
struct Quadrature {
    points: Vec<f64>,
    weights: Vec<f64>,
}

impl Quadrature {
    /// The zeros of Legendre's polynomial of this degree by Newton's method, exact for polynomials below twice the degree.
    fn new(degree: usize) -> Quadrature {
        let n = degree as f64;
        let (mut points, mut weights) = (Vec::with_capacity(degree), Vec::with_capacity(degree));
        for i in 0..degree {
            let mut at = (std::f64::consts::PI * (i as f64 + 0.75) / (n + 0.5)).cos();
            let mut slope = 1.0;
            for _ in 0..NEWTON_STEPS {
                let (mut before, mut value) = (0.0, 1.0);
                for k in 0..degree {
                    let k = k as f64;
                    (before, value) = (value, ((2.0 * k + 1.0) * at * value - k * before) / (k + 1.0));
                }
                slope = n * (at * value - before) / (at * at - 1.0);
                at -= value / slope;
            }
            points.push((1.0 + at) / 2.0);
            weights.push(1.0 / ((1.0 - at * at) * slope * slope));
        }
        Quadrature { points, weights }
    }
}

/// One input on the way from the root.
#[derive(Debug, Clone, Copy)]
struct Element {
    /// The share of rows that go on this way when the input is unknown.
    zero: f64,
    /// 1 where the explained row goes this way, else 0.
    one: f64,
}

impl Element {
    /// The factor of the integrand at a point.
    fn factor(self, point: f64) -> f64 {
        point * self.one + (1.0 - point) * self.zero
    }
}

/// Explains one row by one tree.
struct Walker<'a> {
    tree: &'a Tree,
    row: &'a [f64],
    quadrature: &'a Quadrature,
    /// Each input that is on the way to the node.
    known: &'a mut [Option<Element>],
    /// Values of a leaf.
    width: usize,
    /// From an input's shares to the next one's.
    stride: usize,
    values: &'a mut [f64],
}

impl Walker<'_> {
    fn explain(&mut self, factor: f64) {
        let points = self.quadrature.points.len();
        if points == 0 {
            return;
        }
        let levels = self.tree.depth() + 1;
        // For each level the integrand at each point, what an edge makes of it, and the leaves' sum, shape (points, width).
        let mut room = vec![0.0; levels * points * (2 + self.width)];
        room[..points].fill(factor);
        self.node(0, &mut room);
    }

    /// Sums up the leaves below a node, whose integrand is in the first places of `room`.
    fn node(&mut self, at: usize, room: &mut [f64]) {
        let (points, width) = (self.quadrature.points.len(), self.width);
        let (own, below) = room.split_at_mut(points * (2 + width));
        let (integrand, own) = own.split_at_mut(points);
        let (edge, sums) = own.split_at_mut(points);
        let Step::Split {
            input,
            threshold,
            right,
        } = self.tree.step(at)
        else {
            return;
        };
        sums.fill(0.0);
        let goes_left = self.row[input] <= threshold;
        let earlier = self.known[input];
        for (child, goes) in [(at + 1, goes_left), (right, !goes_left)] {
            let share = self.tree.cover(child) / self.tree.cover(at);
            let element = Element {
                zero: share * earlier.map_or(1.0, |earlier| earlier.zero),
                one: if goes {
                    earlier.map_or(1.0, |earlier| earlier.one)
                } else {
                    0.0
                },
            };
            self.edge(element, earlier, integrand, &mut below[..points], edge);
            if let Step::Leaf(leaf) = self.tree.step(child) {
                self.leaf(leaf, input, &below[..points], edge, sums);
                continue;
            }
            self.known[input] = Some(element);
            self.node(child, below);
            let values = &mut self.values[input * self.stride..][..width];
            let of_child = &below[2 * points..][..points * width];
            for ((sums, of_child), edge) in sums
                .chunks_exact_mut(width)
                .zip(of_child.chunks_exact(width))
                .zip(&*edge)
            {
                for ((sum, of_child), value) in sums.iter_mut().zip(of_child).zip(&mut *values) {
                    *sum += of_child;
                    *value += edge * of_child;
                }
            }
        }
        self.known[input] = earlier;
    }

    /// Adds a leaf to the sums; most leaves of a forest have one class only.
    fn leaf(&mut self, leaf: &[f64], input: usize, integrand: &[f64], edge: &[f64], sums: &mut [f64]) {
        let share: f64 = integrand.iter().zip(edge).map(|(value, edge)| value * edge).sum();
        let values = &mut self.values[input * self.stride..][..self.width];
        for (class, leaf) in leaf.iter().enumerate().filter(|(_, leaf)| **leaf != 0.0) {
            values[class] += share * leaf;
            let sums = sums.iter_mut().skip(class).step_by(self.width);
            sums.zip(integrand).for_each(|(sum, value)| *sum += value * leaf);
        }
    }

    /// The integrand below an edge, and what the input of the edge gets of it at each point: where it was on the way before, the later
    /// element takes the earlier one's place.
    fn edge(
        &self,
        element: Element,
        earlier: Option<Element>,
        above: &[f64],
        below: &mut [f64],
        edge: &mut [f64],
    ) {
        let rule = self.quadrature.points.iter().zip(&self.quadrature.weights);
        let places = below.iter_mut().zip(edge).zip(above);
        for (((below, edge), above), (&point, weight)) in places.zip(rule) {
            let factor = element.factor(point);
            let share = (element.one - element.zero) / factor;
            (*below, *edge) = match earlier {
                None => (above * factor, weight * share),
                Some(earlier) => {
                    let before = earlier.factor(point);
                    let had = (earlier.one - earlier.zero) / before;
                    (above * factor / before, weight * (share - had))
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quadrature_is_exact_for_polynomials_below_twice_the_points() {
        for points in 1..40 {
            let rule = Quadrature::new(points);
            for degree in 0..2 * points {
                let terms = rule.points.iter().zip(&rule.weights);
                let integral: f64 = terms.map(|(t, w)| w * t.powi(degree as i32)).sum();
                assert!(
                    (integral * (degree + 1) as f64 - 1.0).abs() < 1e-12,
                    "{points} points, degree {degree}"
                );
            }
        }
    }
}
