//! Growing one tree of a forest.
//!
//! Inputs are turned into ranks once. A node then sorts whole numbers that carry rank, weight and class together, so that the
//! search for a threshold reads one list from front to back.

use rayon::prelude::*;

use super::ForestParams;
use crate::rng::Rng;
use crate::tree::{Tree, TreeBuilder, midpoint, part};
use crate::{Error, Examples, Result};

/// What all trees of a forest share.
pub(super) struct Table<'a> {
    params: &'a ForestParams,
    examples: &'a Examples,
    columns: Columns,
    /// The weight of a row of each class.
    weight: Vec<f64>,
    /// How many inputs a split chooses from.
    tried: usize,
}

/// The rows' inputs, one list for each.
enum Columns {
    /// The position of the value among the input's distinct values, for searched thresholds.
    Ranks(Vec<Vec<u32>>),
    /// The values, for drawn thresholds.
    Values(Vec<Vec<f64>>),
}

impl<'a> Table<'a> {
    pub(super) fn new(examples: &'a Examples, params: &'a ForestParams) -> Result<Table<'a>> {
        if examples.classes() > usize::from(u16::MAX) || u32::try_from(examples.y().len()).is_err() {
            return Err(Error::Examples(
                "too many classes or rows for a forest".to_owned(),
            ));
        }
        let inputs = examples.x().ncols();
        let column = |input: usize| examples.x().column(input).to_vec();
        let columns = if params.extra {
            Columns::Values((0..inputs).map(column).collect())
        } else {
            Columns::Ranks(
                (0..inputs)
                    .into_par_iter()
                    .map(|input| ranks(&column(input)))
                    .collect(),
            )
        };
        let mut weight = vec![0.0; examples.classes()];
        for (&class, row_weight) in examples.y().iter().zip(examples.weights(params.balanced)) {
            weight[class] = row_weight;
        }
        Ok(Table {
            params,
            examples,
            columns,
            weight,
            tried: params.features.of(inputs),
        })
    }

    pub(super) fn grower(&self) -> Grower<'_> {
        Grower {
            table: self,
            rng: Rng::new(0),
            tags: Vec::new(),
            rows: Vec::new(),
            keys: Vec::new(),
            inputs: (0..self.examples.x().ncols()).collect(),
            counts: vec![0.0; self.weight.len()],
            left: vec![0.0; self.weight.len()],
            right: vec![0.0; self.weight.len()],
            scratch: Vec::new(),
        }
    }
}

fn ranks(column: &[f64]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..column.len() as u32).collect();
    order.sort_unstable_by(|&a, &b| column[a as usize].total_cmp(&column[b as usize]));
    let mut ranks = vec![0; column.len()];
    let (mut rank, mut last) = (0, None);
    for row in order {
        let value = column[row as usize];
        rank += u32::from(last.is_some_and(|last| last != value));
        ranks[row as usize] = rank;
        last = Some(value);
    }
    ranks
}

/// Grows trees one after another, keeping its room.
pub(super) struct Grower<'a> {
    table: &'a Table<'a>,
    rng: Rng,
    /// How often each row was drawn, above its class in the low 16 bits.
    tags: Vec<u32>,
    /// The rows drawn, those of a node side by side.
    rows: Vec<u32>,
    /// Rank above tag of a node's rows.
    keys: Vec<u64>,
    inputs: Vec<usize>,
    /// The weight of each class in the node, and on either side of a candidate.
    counts: Vec<f64>,
    left: Vec<f64>,
    right: Vec<f64>,
    scratch: Vec<u32>,
}

/// Rows of a node still to be turned into one.
struct Pending {
    start: usize,
    end: usize,
    depth: usize,
}

/// Where to split a node.
struct Split {
    input: usize,
    /// Σ left² / left weight + Σ right² / right weight over classes: the larger, the purer.
    purity: f64,
    cut: Cut,
}

enum Cut {
    /// The largest rank that goes left.
    Rank(u32),
    /// The largest value that goes left.
    Value(f64),
}

impl Grower<'_> {
    /// A tree, and the decrease of impurity due to each input.
    pub(super) fn grow(&mut self, rng: Rng) -> Result<(Tree, Vec<f64>)> {
        let params = self.table.params;
        self.rng = rng;
        // In order again, so that a tree does not depend on the one grown before in the same room.
        self.inputs.sort_unstable();
        self.draw_rows();
        let mut builder = TreeBuilder::new(self.table.weight.len());
        let mut decreases = vec![0.0; self.inputs.len()];
        let mut pending = vec![Pending {
            start: 0,
            end: self.rows.len(),
            depth: 0,
        }];
        while let Some(Pending { start, end, depth }) = pending.pop() {
            let weight = self.count(start, end);
            let squares: f64 = self.counts.iter().map(|count| count * count).sum();
            let pure = self.counts.iter().filter(|&&count| count > 0.0).count() < 2;
            let splittable = !pure
                && depth < params.depth_limit()
                && end - start >= params.min_split
                && (end - start) / 2 >= params.min_leaf;
            let split = if splittable {
                self.search(start, end, weight, squares)
            } else {
                None
            };
            let Some(split) = split else {
                self.counts.iter_mut().for_each(|count| *count /= weight);
                builder.leaf(weight, &self.counts);
                continue;
            };
            decreases[split.input] += (split.purity - squares / weight).max(0.0);
            let (middle, threshold) = self.part(start, end, &split);
            builder.split(split.input, threshold);
            let depth = depth + 1;
            pending.push(Pending {
                start: middle,
                end,
                depth,
            });
            pending.push(Pending {
                start,
                end: middle,
                depth,
            });
        }
        Ok((builder.finish()?, decreases))
    }

    fn draw_rows(&mut self) {
        let y = self.table.examples.y();
        let mut drawn = vec![0_u16; y.len()];
        if self.table.params.draws_rows() {
            for _ in 0..y.len() {
                let row = self.rng.below(y.len());
                drawn[row] = drawn[row].saturating_add(1);
            }
        } else {
            drawn.fill(1);
        }
        self.tags.clear();
        let tag = |(&drawn, &class): (&u16, &usize)| u32::from(drawn) << 16 | class as u32;
        self.tags.extend(drawn.iter().zip(y).map(tag));
        self.rows.clear();
        self.rows
            .extend((0..y.len() as u32).filter(|&row| drawn[row as usize] > 0));
    }

    /// Weighs the classes of a node; returns the sum.
    fn count(&mut self, start: usize, end: usize) -> f64 {
        self.counts.fill(0.0);
        for &row in &self.rows[start..end] {
            let (class, weight) = weigh(self.tags[row as usize], &self.table.weight);
            self.counts[class] += weight;
        }
        self.counts.iter().sum()
    }

    /// The best split over some inputs: as many as the parameters say, and more while all of these were constant.
    fn search(&mut self, start: usize, end: usize, weight: f64, squares: f64) -> Option<Split> {
        let mut best: Option<Split> = None;
        let mut constant = 0;
        for visited in 0..self.inputs.len() {
            if visited >= self.table.tried && constant < visited {
                break;
            }
            let drawn = visited + self.rng.below(self.inputs.len() - visited);
            self.inputs.swap(visited, drawn);
            let input = self.inputs[visited];
            let floor = best.as_ref().map_or(f64::NEG_INFINITY, |best| best.purity);
            let found = match &self.table.columns {
                Columns::Ranks(columns) => {
                    self.gather(&columns[input], start, end);
                    self.scan(weight, squares, floor)
                }
                Columns::Values(columns) => self.draw(&columns[input], start, end, weight, floor),
            };
            match found {
                Found::Constant => constant += 1,
                Found::Nothing => {}
                Found::Better(purity, cut) => best = Some(Split { input, purity, cut }),
            }
        }
        best
    }

    fn gather(&mut self, ranks: &[u32], start: usize, end: usize) {
        self.keys.clear();
        let key = |&row: &u32| u64::from(ranks[row as usize]) << 32 | u64::from(self.tags[row as usize]);
        self.keys.extend(self.rows[start..end].iter().map(key));
    }

    /// Searches the gathered input for its best threshold.
    fn scan(&mut self, weight: f64, squares: f64, floor: f64) -> Found {
        let rank = |key: u64| (key >> 32) as u32;
        let first = rank(self.keys[0]);
        if self.keys.iter().all(|&key| rank(key) == first) {
            return Found::Constant;
        }
        self.keys.sort_unstable();
        self.left.fill(0.0);
        self.right.copy_from_slice(&self.counts);
        let (mut left_weight, mut left_squares, mut right_squares) = (0.0, 0.0, squares);
        let min_leaf = self.table.params.min_leaf;
        let (mut best, mut cut) = (floor, None);
        for (done, pair) in self.keys.windows(2).enumerate() {
            let (class, row_weight) = weigh(pair[0] as u32, &self.table.weight);
            left_squares += row_weight * (2.0 * self.left[class] + row_weight);
            right_squares -= row_weight * (2.0 * self.right[class] - row_weight);
            self.left[class] += row_weight;
            self.right[class] -= row_weight;
            left_weight += row_weight;
            if rank(pair[0]) == rank(pair[1]) || done + 1 < min_leaf || self.keys.len() - done - 1 < min_leaf
            {
                continue;
            }
            let purity = left_squares / left_weight + right_squares / (weight - left_weight);
            if purity > best {
                (best, cut) = (purity, Some(rank(pair[0])));
            }
        }
        cut.map_or(Found::Nothing, |cut| Found::Better(best, Cut::Rank(cut)))
    }

    /// Draws a threshold between the input's least and largest value.
    fn draw(&mut self, column: &[f64], start: usize, end: usize, weight: f64, floor: f64) -> Found {
        let rows = &self.rows[start..end];
        let values = rows.iter().map(|&row| column[row as usize]);
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        if low == high {
            return Found::Constant;
        }
        let unit = (self.rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        let drawn = low * (1.0 - unit) + high * unit;
        let threshold = if drawn >= low && drawn < high { drawn } else { low };
        self.left.fill(0.0);
        let mut count = 0;
        for &row in rows {
            if column[row as usize] <= threshold {
                let (class, row_weight) = weigh(self.tags[row as usize], &self.table.weight);
                self.left[class] += row_weight;
                count += 1;
            }
        }
        if count.min(rows.len() - count) < self.table.params.min_leaf {
            return Found::Nothing;
        }
        let left_weight: f64 = self.left.iter().sum();
        let sides = self
            .left
            .iter()
            .zip(&self.counts)
            .fold((0.0, 0.0), |(l, r), (left, all)| {
                (l + left * left, r + (all - left) * (all - left))
            });
        let purity = sides.0 / left_weight + sides.1 / (weight - left_weight);
        if purity > floor {
            Found::Better(purity, Cut::Value(threshold))
        } else {
            Found::Nothing
        }
    }

    /// Puts the rows that go left first; returns where the others begin, and the threshold.
    fn part(&mut self, start: usize, end: usize, split: &Split) -> (usize, f64) {
        match (&self.table.columns, &split.cut) {
            (Columns::Ranks(columns), Cut::Rank(cut)) => {
                let ranks = &columns[split.input];
                let middle = part(&mut self.rows[start..end], &mut self.scratch, |row| {
                    ranks[row as usize] <= *cut
                });
                let (left, right) = self.rows[start..end].split_at(middle);
                let rank = |row: &&u32| ranks[**row as usize];
                let value = |row: Option<&u32>| {
                    row.map_or(0.0, |&row| self.table.examples.x()[[row as usize, split.input]])
                };
                let below = value(left.iter().max_by_key(rank));
                let above = value(right.iter().min_by_key(rank));
                (start + middle, midpoint(below, above))
            }
            (Columns::Values(columns), Cut::Value(cut)) => {
                let column = &columns[split.input];
                let rows = &mut self.rows[start..end];
                let middle = part(rows, &mut self.scratch, |row| column[row as usize] <= *cut);
                (start + middle, *cut)
            }
            _ => unreachable!("ranks are cut by rank, values by value"),
        }
    }
}

/// What an input offers.
enum Found {
    /// All rows have the same value.
    Constant,
    /// No threshold better than the best so far.
    Nothing,
    Better(f64, Cut),
}

/// The class and weight of a row.
fn weigh(tag: u32, weight: &[f64]) -> (usize, f64) {
    let class = (tag & 0xFFFF) as usize;
    (class, f64::from(tag >> 16) * weight[class])
}
