//! The state of a training as a file.

use std::collections::BTreeMap;
use std::path::Path;

use melisma_ears::weights::{Array, Weights, exactly};
use serde::{Deserialize, Serialize};

use super::container::{self, Content};
use super::history::History;
use super::optimizer::Moments;
use super::session::State;
use crate::layers::Variable;
use crate::networks::Network;
use crate::{Error, Result};

/// Its name in the folder of a training.
pub(super) const CHECKPOINT: &str = "checkpoint.safetensors";
/// What such a file says it is.
const FORMAT: &str = "melisma checkpoint 1";

/// The numbers of a state that are no arrays.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Numbers {
    step: u64,
    epoch: usize,
    within: usize,
    sums: [f64; 3],
    seen: usize,
    seconds: f64,
    lowered: f64,
    plateau: (usize, Option<f64>),
    waited: (usize, Option<f64>),
    history: History,
    best: bool,
}

/// Writes the state of the training that `digest` names.
pub(super) fn write(path: &Path, digest: &str, network: &Network, state: &State) -> Result<()> {
    let numbers = Numbers {
        step: state.step,
        epoch: state.epoch,
        within: state.within,
        sums: state.sums,
        seen: state.seen,
        seconds: state.seconds,
        lowered: state.lowered,
        plateau: state.plateau,
        waited: state.waited,
        history: state.history.clone(),
        best: state.best.is_some(),
    };
    let json = serde_json::to_string(&numbers).map_err(|e| Error::file(path, e))?;
    let metadata = BTreeMap::from([
        ("format".to_owned(), FORMAT.to_owned()),
        ("training".to_owned(), digest.to_owned()),
        ("state".to_owned(), json),
    ]);
    let mut weights = Weights::new();
    for (i, variable) in network.variables().iter().enumerate() {
        let mut add = |what: &str, values: &[f32]| {
            let array = Array::new(variable.shape().to_vec(), values.to_vec());
            if let Ok(array) = array {
                weights.insert(format!("{what}/{}", variable.name()), array);
            }
        };
        add("now", variable.values());
        if variable.trains() {
            add("first", &state.moments[i].first);
            add("second", &state.moments[i].second);
        }
        if let Some(best) = &state.best {
            add("best", &best[i]);
        }
    }
    container::write(path, &Content { metadata, weights })
}

/// Reads the state of the training that `digest` names, and its numbers into the network.
pub(super) fn read(path: &Path, digest: &str, network: &mut Network) -> Result<State> {
    let Content { metadata, weights } = container::read(path)?;
    let entry = |name: &str| metadata.get(name).map(String::as_str).unwrap_or_default();
    if entry("format") != FORMAT {
        return Err(Error::file(path, "not a checkpoint of this program and version"));
    }
    if entry("training") != digest {
        let message = "a checkpoint of another training (other parameters, first weights or samples): \
                       remove it or use another folder";
        return Err(Error::file(path, message));
    }
    let numbers: Numbers = serde_json::from_str(entry("state")).map_err(|e| Error::file(path, e))?;
    let array = |what: &str, variable: &Variable| {
        exactly(&weights, &format!("{what}/{}", variable.name()), variable.shape())
            .map(<[f32]>::to_vec)
            .map_err(|fault| Error::file(path, fault))
    };
    let all = network.variables();
    let now = all.iter().map(|v| array("now", v)).collect::<Result<Vec<_>>>()?;
    let moments = |v: &Variable| match v.trains() {
        true => Ok(Moments {
            first: array("first", v)?,
            second: array("second", v)?,
        }),
        false => Ok(Moments::new(0)),
    };
    let state = State {
        step: numbers.step,
        epoch: numbers.epoch,
        within: numbers.within,
        sums: numbers.sums,
        seen: numbers.seen,
        seconds: numbers.seconds,
        lowered: numbers.lowered,
        plateau: numbers.plateau,
        waited: numbers.waited,
        history: numbers.history,
        moments: all.iter().map(moments).collect::<Result<Vec<_>>>()?,
        best: match numbers.best {
            true => Some(all.iter().map(|v| array("best", v)).collect::<Result<Vec<_>>>()?),
            false => None,
        },
    };
    for (variable, now) in network.variables_mut().iter_mut().zip(now) {
        variable.values_mut().copy_from_slice(&now);
    }
    Ok(state)
}
