//! Growing one boosted tree.
//!
//! Derivatives become whole numbers, both in one 64-bit word, so that a histogram takes one addition per row and input, sums are
//! exact whatever their order, and a child's histogram is exactly its parent's less its sibling's. The scale is set tree by tree
//! so that a sum of all rows takes 30 bits. Leaf values are taken from the derivatives themselves.

use rayon::prelude::*;

use super::bins::Binned;
use super::{BoostParams, MOST_MARGIN};
use crate::Result;
use crate::rng::Rng;
use crate::tree::{Tree, TreeBuilder, part};

/// Second derivatives are no smaller, as in XGBoost.
const LEAST_CURVATURE: f64 = 1e-16;
/// Gains are larger than this, as in XGBoost.
const LEAST_GAIN: f64 = 1e-6;
/// Nodes of fewer rows are searched without a histogram.
const FEW_ROWS: usize = 48;
/// Nodes with more rows times inputs are searched in parallel.
const MUCH_WORK: usize = 1 << 19;

/// The sums of both derivatives over the rows of each bin, one list for each input.
type Histogram = Vec<[i64; 256]>;

/// Sums of first and second derivatives as whole numbers: the first above, the second (never negative) in the low 32 bits.
#[derive(Debug, Clone, Copy)]
struct Sums(i64);

impl Sums {
    fn slope(self) -> f64 {
        (self.0 >> 32) as f64
    }

    fn curvature(self) -> f64 {
        f64::from(self.0 as u32)
    }
}

/// A grown tree with the gain of each of its splits.
pub(super) struct Grown {
    pub(super) tree: Tree,
    pub(super) gains: Vec<(usize, f64)>,
}

/// Grows one tree.
pub(super) struct Grower<'a> {
    params: &'a BoostParams,
    binned: &'a Binned,
    /// The inputs this tree may split on.
    inputs: Vec<usize>,
    slopes: Vec<f64>,
    curvatures: Vec<f64>,
    /// Both derivatives of each row, rounded.
    packed: Vec<i64>,
    /// What a derivative of 1 is in whole numbers, inverted.
    unit: f64,
    builder: TreeBuilder,
    gains: Vec<(usize, f64)>,
    scratch: Vec<u32>,
    /// Histograms no longer in use.
    spare: Vec<Histogram>,
}

#[derive(Debug, Clone, Copy)]
struct Split {
    input: usize,
    /// The last bin that goes left.
    bin: u8,
    gain: f64,
    left: Sums,
}

impl<'a> Grower<'a> {
    /// Takes the derivatives of the log loss by the margin of one class.
    pub(super) fn new(
        params: &'a BoostParams,
        binned: &'a Binned,
        margin: &[f64],
        norm: &[f64],
        of_class: impl Fn(usize) -> bool,
        mut rng: Rng,
    ) -> Grower<'a> {
        let inputs = binned.columns.len();
        let kept = ((params.columns * inputs as f64) as usize).max(1);
        let inputs = rng.sample(inputs, kept);
        let mut slopes = Vec::with_capacity(margin.len());
        let mut curvatures = Vec::with_capacity(margin.len());
        for (row, (margin, norm)) in margin.iter().zip(norm).enumerate() {
            let p = (margin - norm).exp();
            let seen = params.subsample == 1.0 || unit(&mut rng) < params.subsample;
            let share = if seen { 1.0 } else { 0.0 };
            slopes.push(share * (p - if of_class(row) { 1.0 } else { 0.0 }));
            curvatures.push(share * (2.0 * p * (1.0 - p)).max(LEAST_CURVATURE));
        }
        let most = f64::max(
            slopes.iter().map(|slope| slope.abs()).sum(),
            curvatures.iter().sum(),
        );
        let scale = f64::from(1 << 30) / most.max(f64::MIN_POSITIVE.sqrt());
        let whole = |value: &f64| (value * scale).round() as i64;
        let packed = slopes
            .iter()
            .zip(&curvatures)
            .map(|(g, h)| (whole(g) << 32) + whole(h));
        Grower {
            params,
            binned,
            inputs,
            packed: packed.collect(),
            unit: 1.0 / scale,
            slopes,
            curvatures,
            builder: TreeBuilder::new(1),
            gains: Vec::new(),
            scratch: Vec::new(),
            spare: Vec::new(),
        }
    }

    /// Grows the tree and adds its leaves to the margins.
    pub(super) fn grow(mut self, margin: &mut [f64]) -> Result<Grown> {
        let mut rows: Vec<u32> = (0..margin.len() as u32).collect();
        let sums = Sums(self.packed.iter().sum());
        let histogram = self
            .wants_histogram(rows.len(), sums, 0)
            .then(|| self.histogram(&rows));
        self.node(&mut rows, sums, 0, histogram, margin);
        Ok(Grown {
            tree: self.builder.finish()?,
            gains: self.gains,
        })
    }

    /// Grows the part of the tree below a node with these rows.
    fn node(
        &mut self,
        rows: &mut [u32],
        sums: Sums,
        depth: usize,
        histogram: Option<Histogram>,
        margin: &mut [f64],
    ) {
        let split = match &histogram {
            _ if !self.may_split(rows.len(), sums, depth) => None,
            Some(histogram) => self.search(rows.len(), |at, input, room| {
                room.fill(&histogram[at][..=self.binned.thresholds[input].len()]);
                room.best(self, input, sums)
            }),
            None => {
                let (rows, grower) = (&*rows, &*self);
                self.search(rows.len(), |_, input, room| {
                    room.sort(rows, &grower.binned.columns[input], &grower.packed);
                    room.best(grower, input, sums)
                })
            }
        };
        let Some(split) = split else {
            self.spare.extend(histogram);
            self.leaf(rows, margin);
            return;
        };
        self.gains.push((split.input, split.gain));
        let threshold = self.binned.thresholds[split.input][usize::from(split.bin)];
        self.builder.split(split.input, threshold);
        let column = &self.binned.columns[split.input];
        let middle = part(rows, &mut self.scratch, |row| column[row as usize] <= split.bin);
        let (left, right) = rows.split_at_mut(middle);
        let (left_sums, right_sums) = (split.left, Sums(sums.0 - split.left.0));
        let depth = depth + 1;
        let wanted = (
            self.wants_histogram(left.len(), left_sums, depth),
            self.wants_histogram(right.len(), right_sums, depth),
        );
        let (of_left, of_right) = self.children(histogram, left, right, wanted);
        self.node(left, left_sums, depth, of_left, margin);
        self.node(right, right_sums, depth, of_right, margin);
    }

    fn may_split(&self, rows: usize, sums: Sums, depth: usize) -> bool {
        let curvature = sums.curvature() * self.unit;
        rows > 1 && depth < self.params.depth && curvature >= 2.0 * self.params.min_child_weight
    }

    fn wants_histogram(&self, rows: usize, sums: Sums, depth: usize) -> bool {
        rows >= FEW_ROWS && self.may_split(rows, sums, depth)
    }

    /// The children's histograms where wanted: one from its rows, the other by subtraction from the parent's.
    fn children(
        &mut self,
        parent: Option<Histogram>,
        left: &[u32],
        right: &[u32],
        wanted: (bool, bool),
    ) -> (Option<Histogram>, Option<Histogram>) {
        let Some(mut parent) = parent else {
            return (None, None);
        };
        let left_is_small = left.len() <= right.len();
        let (small, small_wanted, large_wanted) = if left_is_small {
            (left, wanted.0, wanted.1)
        } else {
            (right, wanted.1, wanted.0)
        };
        let of_small = (small_wanted || large_wanted).then(|| self.histogram(small));
        let of_large = large_wanted.then(|| {
            for (parent, small) in parent.iter_mut().zip(of_small.iter().flatten()) {
                parent
                    .iter_mut()
                    .zip(small)
                    .for_each(|(parent, small)| *parent -= small);
            }
            std::mem::take(&mut parent)
        });
        if !parent.is_empty() {
            self.spare.push(parent);
        }
        let of_small = match of_small {
            Some(unwanted) if !small_wanted => {
                self.spare.push(unwanted);
                None
            }
            other => other,
        };
        if left_is_small {
            (of_small, of_large)
        } else {
            (of_large, of_small)
        }
    }

    fn histogram(&mut self, rows: &[u32]) -> Histogram {
        let mut histogram = self.spare.pop().unwrap_or_default();
        histogram.resize(self.inputs.len(), [0; 256]);
        let packed: Vec<i64> = rows.iter().map(|&row| self.packed[row as usize]).collect();
        let fill = |(sums, &input): (&mut [i64; 256], &usize)| {
            sums.fill(0);
            let column = &self.binned.columns[input];
            for (&row, packed) in rows.iter().zip(&packed) {
                sums[usize::from(column[row as usize])] += packed;
            }
        };
        if rows.len() * self.inputs.len() > MUCH_WORK {
            histogram.par_iter_mut().zip(&self.inputs).for_each(fill);
        } else {
            histogram.iter_mut().zip(&self.inputs).for_each(fill);
        }
        histogram
    }

    /// The best split over all inputs, the first of equals.
    fn search(
        &self,
        rows: usize,
        best_of: impl Fn(usize, usize, &mut Room) -> Option<Split> + Sync,
    ) -> Option<Split> {
        let better = |best: Option<Split>, found: Option<Split>| match (best, found) {
            (Some(best), Some(found)) if found.gain > best.gain => Some(found),
            (None, found) => found,
            (best, _) => best,
        };
        let inputs = self.inputs.iter().enumerate();
        if rows * self.inputs.len() > MUCH_WORK {
            let found: Vec<Option<Split>> = inputs
                .collect::<Vec<_>>()
                .into_par_iter()
                .map_init(Room::new, |room, (at, &input)| best_of(at, input, room))
                .collect();
            found.into_iter().fold(None, better)
        } else {
            let mut room = Room::new();
            inputs
                .map(|(at, &input)| best_of(at, input, &mut room))
                .fold(None, better)
        }
    }

    fn leaf(&mut self, rows: &[u32], margin: &mut [f64]) {
        let (mut slope, mut curvature) = (0.0, 0.0);
        for &row in rows {
            slope += self.slopes[row as usize];
            curvature += self.curvatures[row as usize];
        }
        let curvature = f64::max(curvature, LEAST_CURVATURE);
        let value =
            (-self.params.rate * slope / (curvature + self.params.lambda)).clamp(-MOST_MARGIN, MOST_MARGIN);
        rows.iter().for_each(|&row| margin[row as usize] += value);
        self.builder.leaf(curvature, &[value]);
    }
}

/// A number from 0 to 1.
fn unit(rng: &mut Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// Running sums over the bins of an input that have rows.
struct Room {
    len: usize,
    bins: [u8; 256],
    sums: [i64; 256],
    slopes: [f32; 256],
    curvatures: [f32; 256],
    gains: [f32; 256],
    keys: Vec<u32>,
}

impl Room {
    fn new() -> Room {
        Room {
            len: 0,
            bins: [0; 256],
            sums: [0; 256],
            slopes: [0.0; 256],
            curvatures: [0.0; 256],
            gains: [0.0; 256],
            keys: Vec::with_capacity(FEW_ROWS),
        }
    }

    /// Takes the sums of a histogram.
    fn fill(&mut self, histogram: &[i64]) {
        let (mut len, mut sum) = (0, 0);
        for (bin, &packed) in histogram.iter().enumerate() {
            sum += packed;
            self.bins[len & 255] = bin as u8;
            self.sums[len & 255] = sum;
            len += usize::from(packed != 0);
        }
        self.len = len;
    }

    /// Takes the sums of a few rows.
    fn sort(&mut self, rows: &[u32], column: &[u8], packed: &[i64]) {
        self.keys.clear();
        let key = |(at, &row): (usize, &u32)| u32::from(column[row as usize]) << 8 | at as u32;
        self.keys.extend(rows.iter().enumerate().map(key));
        self.keys.sort_unstable();
        let (mut len, mut sum) = (0, 0);
        for (at, &key) in self.keys.iter().enumerate() {
            sum += packed[rows[(key & 255) as usize] as usize];
            self.bins[len] = (key >> 8) as u8;
            self.sums[len] = sum;
            len += usize::from(self.keys.get(at + 1).is_none_or(|next| next >> 8 != key >> 8));
        }
        self.len = len;
    }

    /// The best split after any bin but the last.
    fn best(&mut self, grower: &Grower<'_>, input: usize, total: Sums) -> Option<Split> {
        let candidates = self.len.checked_sub(1).filter(|&candidates| candidates > 0)?;
        let unit = grower.unit as f32;
        for ((slope, curvature), &sum) in self
            .slopes
            .iter_mut()
            .zip(&mut self.curvatures)
            .zip(&self.sums[..candidates])
        {
            *slope = (sum >> 32) as i32 as f32 * unit;
            *curvature = sum as i32 as f32 * unit;
        }
        let (slope, curvature) = (total.slope() as f32 * unit, total.curvature() as f32 * unit);
        let (lambda, least) = (grower.params.lambda as f32, grower.params.min_child_weight as f32);
        let sides = self.slopes[..candidates]
            .iter()
            .zip(&self.curvatures[..candidates]);
        for (gain, (&left_slope, &left)) in self.gains.iter_mut().zip(sides) {
            let (right_slope, right) = (slope - left_slope, curvature - left);
            let value = (left_slope * left_slope * (right + lambda)
                + right_slope * right_slope * (left + lambda))
                / ((left + lambda) * (right + lambda));
            let allowed = (left >= least) & (right >= least) & (left > 0.0) & (right > 0.0);
            *gain = if allowed { value } else { -1.0 };
        }
        let (mut at, mut best) = (0, 0.0);
        for (candidate, &gain) in self.gains[..candidates].iter().enumerate() {
            if gain > best {
                (at, best) = (candidate, gain);
            }
        }
        let left = Sums(self.sums[at]);
        let gain = grower.gain(left, total);
        let enough = best > 0.0 && gain > LEAST_GAIN && gain >= grower.params.gamma;
        enough.then_some(Split {
            input,
            bin: self.bins[at],
            gain,
            left,
        })
    }
}

impl Grower<'_> {
    /// What a split lowers the loss by, times two.
    fn gain(&self, left: Sums, total: Sums) -> f64 {
        let right = Sums(total.0 - left.0);
        let score = |sums: Sums| {
            let slope = sums.slope() * self.unit;
            slope * slope / (sums.curvature() * self.unit + self.params.lambda)
        };
        score(left) + score(right) - score(total)
    }
}
