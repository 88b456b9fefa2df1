//! Isotonic regression: the rising function nearest to the truth, found by pooling adjacent violators.
//!
//! One class against the rest (Zadrozny and Elkan, "Transforming classifier scores into accurate multiclass probability
//! estimates", KDD 2002), as scikit-learn's `IsotonicRegression(out_of_bounds="clip")`.

use crate::payload::{Reader, Writer};
use crate::{Error, Result};

/// The fitted function of one class: straight lines between its points, level beyond them.
#[derive(Debug, Clone, PartialEq)]
pub struct Steps {
    /// Probabilities given, strictly rising.
    from: Vec<f64>,
    /// Probabilities they stand for, rising.
    to: Vec<f64>,
}

impl Steps {
    pub(super) fn fit(probabilities: &[f64], own: &[bool]) -> Steps {
        let mut pairs: Vec<(f64, f64)> = probabilities
            .iter()
            .zip(own)
            .map(|(&p, &own)| (p, f64::from(u8::from(own))))
            .collect();
        pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        // Equal probabilities are one point.
        let mut blocks: Vec<Block> = Vec::new();
        for same in pairs.chunk_by(|a, b| a.0 == b.0) {
            let mut block = Block {
                low: same[0].0,
                high: same[0].0,
                sum: same.iter().map(|pair| pair.1).sum(),
                count: same.len() as f64,
            };
            while let Some(last) = blocks.last() {
                // last ≥ block, without division
                if last.sum * block.count < block.sum * last.count {
                    break;
                }
                block = Block {
                    low: last.low,
                    high: block.high,
                    sum: last.sum + block.sum,
                    count: last.count + block.count,
                };
                blocks.pop();
            }
            blocks.push(block);
        }
        let (mut from, mut to) = (Vec::new(), Vec::new());
        for block in blocks {
            let mean = block.sum / block.count;
            from.push(block.low);
            to.push(mean);
            if block.high > block.low {
                from.push(block.high);
                to.push(mean);
            }
        }
        Steps { from, to }
    }

    /// The corrected probability.
    pub(super) fn apply(&self, p: f64) -> f64 {
        let above = self.from.partition_point(|&from| from <= p);
        if above == 0 {
            return self.to[0];
        }
        if above == self.from.len() {
            return self.to[above - 1];
        }
        let (x0, x1) = (self.from[above - 1], self.from[above]);
        let (y0, y1) = (self.to[above - 1], self.to[above]);
        y0 + (y1 - y0) * (p - x0) / (x1 - x0)
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.exact(&self.from);
        out.exact(&self.to);
    }

    pub(super) fn read(input: &mut Reader<'_>) -> Result<Steps> {
        let (from, to) = (input.exact()?, input.exact()?);
        let sound = !from.is_empty()
            && from.len() == to.len()
            && from.windows(2).all(|pair| pair[0] < pair[1])
            && from.iter().chain(&to).all(|v| (0.0..=1.0).contains(v));
        if sound {
            Ok(Steps { from, to })
        } else {
            Err(Error::Model("malformed calibration".to_owned()))
        }
    }
}

/// Neighbouring probabilities that share a mean.
struct Block {
    low: f64,
    high: f64,
    sum: f64,
    count: f64,
}
