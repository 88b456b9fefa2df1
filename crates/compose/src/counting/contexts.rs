//! Where a counting model looks.

use serde::{Deserialize, Serialize};

use super::table::{extend, start};
use crate::{Error, Result};

/// Stands for what lies before a piece.
const BEFORE: u16 = u16::MAX;

/// The furthest that a token of a context may lie back.
const FURTHEST: usize = 4096;

/// The most tokens of a context, and the most contexts of a field.
const MOST: usize = 64;

/// What the next token of each field is told by: earlier tokens, each by how many tokens it lies back (1 is the one just read), the
/// most telling first. A context of order `k` is the first `k` of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Vec<usize>>")]
pub struct Contexts(Vec<Vec<usize>>);

impl Contexts {
    /// Given ones: a list for each field.
    ///
    /// # Errors
    /// [`Error::Params`] for no field, a context of more than 64 tokens, or a distance of 0 or beyond 4,096.
    pub fn new(distances: Vec<Vec<usize>>) -> Result<Self> {
        check(&distances)?;
        Ok(Contexts(distances))
    }

    /// The usual ones for steps of so many fields: of a single field the last `length` tokens; of several the fields of this step that
    /// are known, the nearest first, then the same field of the steps before.
    ///
    /// # Errors
    /// [`Error::Params`] as for [`Contexts::new`].
    pub fn usual(fields: usize, length: usize) -> Result<Self> {
        let of = |field: usize| (1..=field).chain((1..).map(|step| step * fields)).take(length);
        Contexts::new((0..fields).map(|field| of(field).collect()).collect())
    }

    /// How many fields a step has.
    pub fn fields(&self) -> usize {
        self.0.len()
    }

    /// The distances of a field.
    pub(super) fn of(&self, field: usize) -> &[usize] {
        &self.0[field]
    }

    /// The keys of the contexts of a field after `history`, from the empty one on; `out` is overwritten.
    pub(super) fn keys(&self, field: usize, history: &[u16], out: &mut Vec<u64>) {
        let mut key = start(field, 0);
        out.clear();
        out.push(key);
        for back in &self.0[field] {
            key = extend(key, back_at(history, *back));
            out.push(key);
        }
    }
}

impl TryFrom<Vec<Vec<usize>>> for Contexts {
    type Error = Error;

    fn try_from(distances: Vec<Vec<usize>>) -> Result<Self> {
        Contexts::new(distances)
    }
}

/// Whether lists of distances can be looked at.
pub(super) fn check(distances: &[Vec<usize>]) -> Result<()> {
    let far = |back: &usize| !(1..=FURTHEST).contains(back);
    let fault = |list: &Vec<usize>| list.len() > MOST || list.iter().any(far);
    match distances.is_empty() || distances.len() > MOST || distances.iter().any(fault) {
        true => Err(Error::Params(format!(
            "contexts are 1 to {MOST}, of at most {MOST} tokens, 1 to {FURTHEST} back"
        ))),
        false => Ok(()),
    }
}

/// The token that lies so far back.
pub(super) fn back_at(history: &[u16], back: usize) -> u16 {
    history.len().checked_sub(back).map_or(BEFORE, |at| history[at])
}

/// The contexts that a memory keeps for steps of so many fields, by field: runs of the last tokens, and runs with gaps, by which a figure
/// is known again though a note of it has changed.
pub(super) fn usual_for_memory(fields: usize) -> Vec<Vec<Vec<usize>>> {
    if fields == 1 {
        let gaps = [
            vec![3],
            vec![2],
            vec![1, 3],
            vec![2, 3],
            vec![1, 2, 4],
            vec![1, 3, 4],
            vec![2, 3, 4],
        ];
        let runs = [1, 2, 3, 4, 6, 12, 20].map(|length| (1..=length).collect());
        return vec![gaps.into_iter().chain(runs).collect()];
    }
    let of = |field: usize| {
        let known: Vec<usize> = (1..=field).collect();
        let mut contexts: Vec<Vec<usize>> = [1, 2, 3, 4]
            .iter()
            .map(|steps| (1..=*steps).map(|step| step * fields).collect())
            .collect();
        if field > 0 {
            contexts.push(known.clone());
            contexts.push(known.iter().copied().chain([fields]).collect());
        }
        contexts.extend([1, 2, 3, 5].map(|steps| (1..=field + steps * fields).collect()));
        contexts
    };
    (0..fields).map(of).collect()
}
