//! A decision tree as forests and boosting share it: nodes in one array, walked without pointers.
//!
//! A row goes left where its input is at most the threshold, right otherwise. Nodes stand in depth-first order, left before right,
//! so that the order alone says which node is whose child: no sequence of nodes can form a loop. Where to split is
//! not decided here.

use ndarray::Array2;
use rayon::prelude::*;

use crate::payload::{Reader, Writer};
use crate::{Error, Result};

/// Levels of splits a tree may have.
pub const MOST_DEPTH: usize = 512;

/// Rows predicted together, so that a tree is fetched from memory once for all of them.
const BLOCK: usize = 64;

/// Marks a leaf where a split has its input.
const LEAF: u32 = u32::MAX;

/// One node, as [`Tree::from_nodes`] takes them.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// Rows whose `input` is at most `threshold` go left.
    Split {
        /// The number of the input.
        input: usize,
        /// The largest value that goes left.
        threshold: f64,
    },
    /// Where a row ends.
    Leaf {
        /// The weight of the training rows that ended here, above 0.
        cover: f64,
        /// What is predicted: a share for each class, or one margin.
        values: Vec<f64>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Packed {
    threshold: f64,
    input: u32,
    /// Of a split its right child (the left one is the next node), of a leaf its row of values.
    next: u32,
}

/// A decision tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    nodes: Vec<Packed>,
    /// The weight of the training rows that reached each node.
    cover: Vec<f64>,
    /// The most splits on the way to a leaf.
    depth: usize,
    /// Values of a leaf.
    width: usize,
    /// Shape (distinct leaves, width).
    values: Vec<f64>,
}

impl Tree {
    /// A tree of nodes in depth-first order, left before right, every leaf with `width` values.
    ///
    /// # Errors
    /// [`Error::Model`] when the nodes are not exactly one tree over `inputs` inputs, it is deeper than [`MOST_DEPTH`], or a
    /// number is out of range.
    pub fn from_nodes(nodes: &[Node], inputs: usize, width: usize) -> Result<Tree> {
        let mut builder = TreeBuilder::new(width);
        for node in nodes {
            builder.room()?;
            match node {
                Node::Split { input, threshold } => {
                    let sound = *input < inputs && *input < LEAF as usize && threshold.is_finite();
                    if !sound {
                        return Err(malformed("a split is out of range"));
                    }
                    builder.split(*input, *threshold);
                }
                Node::Leaf { cover, values } => {
                    let sound = values.len() == width && values.iter().all(|value| value.is_finite());
                    if !sound || !is_cover(*cover) {
                        return Err(malformed("a leaf is out of range"));
                    }
                    builder.leaf(*cover, values);
                }
            }
        }
        builder.finish()
    }

    /// The number of nodes.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Never: a tree has at least its root.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The most splits on the way to a leaf.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// The nodes, as [`Tree::from_nodes`] takes them.
    pub fn nodes(&self) -> Vec<Node> {
        let node = |at| match self.step(at) {
            Step::Split { input, threshold, .. } => Node::Split { input, threshold },
            Step::Leaf(values) => Node::Leaf {
                cover: self.cover[at],
                values: values.to_vec(),
            },
        };
        (0..self.len()).map(node).collect()
    }

    /// The values of the leaf a row ends in.
    ///
    /// # Panics
    /// If the row has fewer inputs than the tree.
    pub fn predict(&self, row: &[f64]) -> &[f64] {
        let mut at = 0;
        loop {
            let node = self.nodes[at];
            if node.input == LEAF {
                return self.row(node.next);
            }
            at = if row[node.input as usize] <= node.threshold {
                at + 1
            } else {
                node.next as usize
            };
        }
    }

    /// The mean of the leaves' values, weighted by cover.
    pub(crate) fn expectation(&self) -> Vec<f64> {
        let mut sum = vec![0.0; self.width];
        for (node, cover) in self.nodes.iter().zip(&self.cover) {
            if node.input == LEAF {
                let share = cover / self.cover[0];
                let values = self.row(node.next);
                sum.iter_mut()
                    .zip(values)
                    .for_each(|(sum, value)| *sum += share * value);
            }
        }
        sum
    }

    /// The node at this position.
    pub(crate) fn step(&self, at: usize) -> Step<'_> {
        let node = self.nodes[at];
        if node.input == LEAF {
            return Step::Leaf(self.row(node.next));
        }
        Step::Split {
            input: node.input as usize,
            threshold: node.threshold,
            right: node.next as usize,
        }
    }

    /// The weight of the training rows that reached this node.
    pub(crate) fn cover(&self, at: usize) -> f64 {
        self.cover[at]
    }

    /// All leaves' values.
    pub(crate) fn values(&self) -> &[f64] {
        &self.values
    }

    fn row(&self, row: u32) -> &[f64] {
        &self.values[row as usize * self.width..][..self.width]
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        let (leaves, splits): (Vec<_>, Vec<_>) = self
            .nodes
            .iter()
            .zip(&self.cover)
            .partition(|(node, _)| node.input == LEAF);
        out.whole(&self.nodes.iter().map(|node| node.input).collect::<Vec<_>>());
        out.exact(&splits.iter().map(|(node, _)| node.threshold).collect::<Vec<_>>());
        out.exact(&leaves.iter().map(|(_, cover)| **cover).collect::<Vec<_>>());
        out.whole(&leaves.iter().map(|(node, _)| node.next).collect::<Vec<_>>());
        out.exact(&self.values);
    }

    /// Reads a tree over `inputs` inputs whose leaves have `width` values.
    pub(crate) fn read(input: &mut Reader<'_>, inputs: usize, width: usize) -> Result<Tree> {
        let (kinds, thresholds) = (input.whole()?, input.exact()?);
        let (covers, rows, values) = (input.exact()?, input.whole()?, input.exact()?);
        let distinct = values.len() / width.max(1);
        let sound = width > 0
            && !values.is_empty()
            && values.len() % width == 0
            && thresholds.len().checked_add(covers.len()) == Some(kinds.len())
            && covers.len() == rows.len()
            && covers.iter().all(|&cover| is_cover(cover))
            && rows.iter().all(|&row| (row as usize) < distinct)
            && values.iter().chain(&thresholds).all(|value| value.is_finite())
            && kinds.iter().all(|&kind| kind == LEAF || (kind as usize) < inputs)
            && kinds.iter().filter(|&&kind| kind == LEAF).count() == covers.len();
        if !sound {
            return Err(malformed("a list does not fit"));
        }
        let mut builder = TreeBuilder::new(width);
        builder.tree.values = values;
        let (mut thresholds, mut leaves) = (thresholds.into_iter(), covers.into_iter().zip(rows));
        for kind in kinds {
            builder.room()?;
            if kind != LEAF {
                builder.split(kind as usize, thresholds.next().unwrap_or_default());
            } else if let Some((cover, row)) = leaves.next() {
                builder.leaf_row(cover, row);
            }
        }
        builder.finish()
    }
}

/// What a walk finds at a node.
pub(crate) enum Step<'a> {
    /// The left child is the next node.
    Split {
        input: usize,
        threshold: f64,
        right: usize,
    },
    Leaf(&'a [f64]),
}

fn is_cover(cover: f64) -> bool {
    cover > 0.0 && cover < 1e300
}

fn malformed(what: &str) -> Error {
    Error::Model(format!("malformed tree: {what}"))
}

/// Takes nodes in depth-first order.
#[derive(Debug)]
pub(crate) struct TreeBuilder {
    tree: Tree,
    /// The splits above the next node, each with whether its left side is done.
    open: Vec<(usize, bool)>,
    /// The row of values of a leaf with only this class, once there is one.
    pure: Vec<Option<u32>>,
}

impl TreeBuilder {
    pub(crate) fn new(width: usize) -> TreeBuilder {
        TreeBuilder {
            tree: Tree {
                nodes: Vec::new(),
                cover: Vec::new(),
                depth: 0,
                width,
                values: Vec::new(),
            },
            open: Vec::new(),
            pure: vec![None; width],
        }
    }

    pub(crate) fn split(&mut self, input: usize, threshold: f64) {
        self.open.push((self.tree.nodes.len(), false));
        self.tree.depth = self.tree.depth.max(self.open.len());
        self.push(threshold, input as u32, 0, 0.0);
    }

    pub(crate) fn leaf(&mut self, cover: f64, values: &[f64]) {
        let only = values.iter().position(|&value| value != 0.0);
        let only =
            only.filter(|&class| values[class] == 1.0 && values[class + 1..].iter().all(|&v| v == 0.0));
        let row = match only.and_then(|class| self.pure[class]) {
            Some(row) => row,
            None => {
                let row = (self.tree.values.len() / self.tree.width) as u32;
                self.tree.values.extend_from_slice(values);
                if let Some(class) = only {
                    self.pure[class] = Some(row);
                }
                row
            }
        };
        self.leaf_row(cover, row);
    }

    fn leaf_row(&mut self, cover: f64, row: u32) {
        self.push(0.0, LEAF, row, cover);
        while let Some((split, left_done)) = self.open.pop() {
            let next = self.tree.nodes.len();
            if !left_done {
                self.tree.nodes[split].next = next as u32;
                self.open.push((split, true));
                break;
            }
            let right = self.tree.nodes[split].next as usize;
            self.tree.cover[split] = self.tree.cover[split + 1] + self.tree.cover[right];
        }
    }

    fn push(&mut self, threshold: f64, input: u32, next: u32, cover: f64) {
        self.tree.nodes.push(Packed {
            threshold,
            input,
            next,
        });
        self.tree.cover.push(cover);
    }

    /// Checks that another node has a place.
    fn room(&self) -> Result<()> {
        if self.open.is_empty() && !self.tree.nodes.is_empty() {
            Err(malformed("nodes left over"))
        } else if self.open.len() > MOST_DEPTH {
            Err(malformed("too deep"))
        } else {
            Ok(())
        }
    }

    /// The tree.
    ///
    /// # Errors
    /// [`Error::Model`] when nodes are missing.
    pub(crate) fn finish(mut self) -> Result<Tree> {
        if !self.open.is_empty() || self.tree.nodes.is_empty() {
            return Err(malformed("nodes are missing"));
        }
        self.tree.nodes.shrink_to_fit();
        self.tree.cover.shrink_to_fit();
        self.tree.values.shrink_to_fit();
        Ok(self.tree)
    }
}

/// Hands blocks of rows with the outputs they fill to `predict`, in parallel on rayon's current pool.
pub(crate) fn by_blocks(
    x: &Array2<f64>,
    outputs: &mut Array2<f64>,
    predict: impl Fn(&[&[f64]], &mut [f64]) + Sync,
) {
    let (x, width) = (x.as_standard_layout(), outputs.ncols());
    let (Some(rows), Some(outputs)) = (x.as_slice(), outputs.as_slice_mut()) else {
        return;
    };
    rows.par_chunks(BLOCK * x.ncols())
        .zip(outputs.par_chunks_mut(BLOCK * width))
        .for_each(|(rows, outputs)| predict(&rows.chunks(x.ncols()).collect::<Vec<_>>(), outputs));
}

/// Puts the rows that go left first, keeping the order on either side; returns how many they are.
pub(crate) fn part(rows: &mut [u32], scratch: &mut Vec<u32>, goes_left: impl Fn(u32) -> bool) -> usize {
    scratch.clear();
    let mut kept = 0;
    for at in 0..rows.len() {
        let row = rows[at];
        if goes_left(row) {
            rows[kept] = row;
            kept += 1;
        } else {
            scratch.push(row);
        }
    }
    rows[kept..].copy_from_slice(scratch);
    kept
}

/// A threshold between two values: the middle where there is one, else the lower.
pub(crate) fn midpoint(below: f64, above: f64) -> f64 {
    let middle = below / 2.0 + above / 2.0;
    if middle >= below && middle < above {
        middle
    } else {
        below
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(values: &[f64]) -> Node {
        Node::Leaf {
            cover: 2.0,
            values: values.to_vec(),
        }
    }

    fn split(input: usize, threshold: f64) -> Node {
        Node::Split { input, threshold }
    }

    #[test]
    fn nodes_are_one_tree_or_refused() {
        let sound = [
            split(1, 0.5),
            leaf(&[1.0, 0.0]),
            split(0, 2.0),
            leaf(&[1.0, 0.0]),
            leaf(&[0.5, 0.5]),
        ];
        let tree = Tree::from_nodes(&sound, 2, 2).unwrap();
        assert_eq!(tree.nodes(), sound);
        assert_eq!(tree.predict(&[9.0, 0.5]), [1.0, 0.0]);
        assert_eq!(tree.predict(&[9.0, 0.6]), [0.5, 0.5]);
        assert!((tree.expectation()[1] - 0.5 / 3.0).abs() < 1e-15);
        assert_eq!(tree.values().len(), 4, "equal pure leaves are kept once");
        assert!(Tree::from_nodes(&sound[..4], 2, 2).is_err(), "a leaf is missing");
        assert!(
            Tree::from_nodes(&sound[1..], 2, 2).is_err(),
            "nodes are left over"
        );
        assert!(Tree::from_nodes(&sound, 1, 2).is_err(), "no such input");
        assert!(Tree::from_nodes(&sound, 2, 3).is_err(), "values are missing");
        assert!(Tree::from_nodes(&[], 2, 2).is_err());
        let chain = |depth: usize| {
            let mut nodes: Vec<Node> = (0..depth).flat_map(|_| [split(0, 0.0), leaf(&[1.0])]).collect();
            nodes.push(leaf(&[0.0]));
            Tree::from_nodes(&nodes, 1, 1)
        };
        assert!(chain(MOST_DEPTH).is_ok() && chain(MOST_DEPTH + 1).is_err());
    }

    #[test]
    fn written_trees_are_read_exactly_and_forged_ones_refused() {
        let third = 1.0 / 3.0;
        let nodes = [split(1, third), leaf(&[third, 1.0 - third]), leaf(&[0.0, 1.0])];
        let tree = Tree::from_nodes(&nodes, 2, 2).unwrap();
        let mut out = Writer::default();
        tree.write(&mut out);
        let bytes = out.into_bytes();
        assert_eq!(Tree::read(&mut Reader::new(&bytes), 2, 2).unwrap(), tree);
        assert!(
            Tree::read(&mut Reader::new(&bytes), 1, 2).is_err(),
            "no such input"
        );
        assert!(
            Tree::read(&mut Reader::new(&bytes), 2, usize::MAX).is_err(),
            "too wide"
        );
        for length in 0..bytes.len() {
            assert!(
                Tree::read(&mut Reader::new(&bytes[..length]), 2, 2).is_err(),
                "cut to {length}"
            );
        }
        for at in 0..bytes.len() {
            let mut forged = bytes.clone();
            forged[at] ^= 0xFF;
            if let Ok(tree) = Tree::read(&mut Reader::new(&forged), 2, 2) {
                assert!(tree.predict(&[0.0, 0.0]).iter().all(|value| value.is_finite()));
            }
        }
    }

    #[test]
    fn thresholds_lie_between() {
        assert_eq!(midpoint(1.0, 2.0), 1.5);
        assert_eq!(midpoint(1.0, 1.0_f64.next_up()), 1.0);
        assert_eq!(midpoint(-f64::MAX, f64::MAX), 0.0);
        assert_eq!(midpoint(0.0, f64::from_bits(1)), 0.0);
    }
}
