//! Spaces of parameters: lists and ranges on top of a pipeline's own, and the points in them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use toml::Value;

use crate::pipeline::PipelineParams;
use crate::rng::Rng;
use crate::{Error, Result};

/// No grid may have more points than this.
const MOST_POINTS: usize = 100_000;

/// The values a parameter may take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Axis {
    /// One of these.
    List(Vec<Value>),
    /// Any number in a range; for random search only.
    Range(Range),
}

/// A range of numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// The least.
    pub low: f64,
    /// The greatest.
    pub high: f64,
    /// Whether orders of magnitude are equally likely, not numbers.
    #[serde(default)]
    pub log: bool,
    /// Whether only whole numbers count.
    #[serde(default)]
    pub whole: bool,
}

/// Several grids, one beside the other: parameter names and their values.
///
/// A name is that of a field of the classifier (`c`), or a path from the pipeline (`steps.1.keep`, `classifier.members.0.k`).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Space(pub Vec<BTreeMap<String, Axis>>);

/// A point of a space: what was set, and the pipeline that results.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// What was set.
    pub set: BTreeMap<String, Value>,
    /// The pipeline.
    pub params: PipelineParams,
}

impl Space {
    /// All points, in the order of the names, the last varying fastest.
    ///
    /// # Errors
    /// [`Error::Params`] for a range (which has no end of points), a name that the pipeline lacks, a value of the wrong kind, or
    /// more than 100,000 points.
    pub fn grid(&self, base: &PipelineParams) -> Result<Vec<Point>> {
        let mut points = Vec::new();
        for axes in &self.0 {
            let mut sets = vec![BTreeMap::new()];
            for (name, axis) in axes {
                let Axis::List(values) = axis else {
                    return Err(fault(format!(
                        "`{name}` is a range, which only random search can draw from"
                    )));
                };
                if sets.len().saturating_mul(values.len()) > MOST_POINTS {
                    return Err(fault(format!("more than {MOST_POINTS} points")));
                }
                sets = sets
                    .into_iter()
                    .flat_map(|set: BTreeMap<String, Value>| {
                        values.iter().map(move |value| {
                            let mut set = set.clone();
                            set.insert(name.clone(), value.clone());
                            set
                        })
                    })
                    .collect();
            }
            for set in sets {
                points.push(Point::new(base, set)?);
            }
        }
        if points.is_empty() {
            return Err(fault("no points".to_owned()));
        }
        Ok(points)
    }

    /// So many points by chance: a grid first, each as likely as the others, then a value of each of its parameters. Points that
    /// come twice count once.
    ///
    /// # Errors
    /// As [`Space::grid`], and for a range that is none.
    pub fn random(&self, base: &PipelineParams, count: usize, seed: u64) -> Result<Vec<Point>> {
        let mut rng = Rng::new(seed);
        let mut points: Vec<Point> = Vec::new();
        if self.0.is_empty() || count == 0 {
            return Err(fault("no points".to_owned()));
        }
        for _ in 0..count {
            let axes = &self.0[rng.below(self.0.len())];
            let mut set = BTreeMap::new();
            for (name, axis) in axes {
                let value = match axis {
                    Axis::List(values) if values.is_empty() => {
                        return Err(fault(format!("`{name}` has no values")));
                    }
                    Axis::List(values) => values[rng.below(values.len())].clone(),
                    Axis::Range(range) => range.draw(name, &mut rng)?,
                };
                set.insert(name.clone(), value);
            }
            if points.iter().all(|point| point.set != set) {
                points.push(Point::new(base, set)?);
            }
        }
        Ok(points)
    }
}

impl Range {
    fn draw(&self, name: &str, rng: &mut Rng) -> Result<Value> {
        let sound = self.low < self.high
            && self.low.is_finite()
            && self.high.is_finite()
            && (!self.log || self.low > 0.0);
        if !sound {
            return Err(fault(format!(
                "`{name}`: no range from {} to {}",
                self.low, self.high
            )));
        }
        let share = (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        let value = if self.log {
            (self.low.ln() + share * (self.high.ln() - self.low.ln())).exp()
        } else {
            self.low + share * (self.high - self.low)
        };
        Ok(if self.whole {
            Value::Integer(value.round() as i64)
        } else {
            Value::Float(value)
        })
    }
}

impl Point {
    /// The pipeline with these parameters set.
    ///
    /// # Errors
    /// [`Error::Params`] naming a parameter that the pipeline lacks or a value that does not fit it.
    pub fn new(base: &PipelineParams, set: BTreeMap<String, Value>) -> Result<Point> {
        let mut tree = Value::try_from(base).map_err(|error| fault(error.to_string()))?;
        for (name, value) in &set {
            let path: Vec<&str> = match name.contains('.') {
                true => name.split('.').collect(),
                false => vec!["classifier", name],
            };
            put(&mut tree, &path, value.clone())
                .ok_or_else(|| fault(format!("there is no `{name}` to set")))?;
        }
        let params: PipelineParams = tree.try_into().map_err(|error: toml::de::Error| {
            let names: Vec<String> = set
                .iter()
                .map(|(name, value)| format!("{name} = {value}"))
                .collect();
            fault(format!("{}: {}", names.join(", "), error.message()))
        })?;
        params.check()?;
        Ok(Point { set, params })
    }
}

fn put(tree: &mut Value, path: &[&str], value: Value) -> Option<()> {
    let (first, rest) = path.split_first()?;
    let next = match tree {
        Value::Table(table) if rest.is_empty() => {
            table.insert((*first).to_owned(), value);
            return Some(());
        }
        Value::Table(table) => table.get_mut(*first)?,
        Value::Array(items) => {
            let item = items.get_mut(first.parse::<usize>().ok()?)?;
            if rest.is_empty() {
                *item = value;
                return Some(());
            }
            item
        }
        _ => return None,
    };
    put(next, rest, value)
}

fn fault(message: String) -> Error {
    Error::Params {
        estimator: "search",
        message,
    }
}
