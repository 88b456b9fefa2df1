//! Soft voting: the weighted mean of several classifiers' probabilities.

use std::sync::Arc;

use ndarray::Array2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::classifier::{Classifier, ClassifierParams, check_members, read_members, write_members};
use crate::payload::{Reader, Writer};
use crate::{Error, Examples, Result};

/// Parameters of [`Voting`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VotingParams {
    /// The classifiers that vote, none of them a vote itself.
    pub members: Vec<ClassifierParams>,
    /// The weight of each member's vote; without, all count the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<Vec<f64>>,
}

fn fault(message: String) -> Error {
    Error::Params {
        estimator: "voting",
        message,
    }
}

impl VotingParams {
    /// Checks the parameters, the members' included.
    ///
    /// # Errors
    /// [`Error::Params`] for no member, too many, a nested ensemble, or weights that are not one positive sum over the members.
    pub fn check(&self) -> Result<()> {
        check_members("voting", &self.members)?;
        shares(self.weights.as_deref(), self.members.len())?;
        Ok(())
    }

    /// Fits every member on the same examples, in parallel.
    ///
    /// # Errors
    /// As [`VotingParams::check`], and whatever a member reports.
    pub fn fit(&self, examples: &Examples) -> Result<Voting> {
        self.check()?;
        let members: Vec<Arc<Classifier>> = self
            .members
            .par_iter()
            .map(|member| member.fit(examples).map(Arc::new))
            .collect::<Result<_>>()?;
        Voting::of(members, self.weights.as_deref())
    }
}

/// The members' shares of the vote: they sum to 1.
fn shares(weights: Option<&[f64]>, members: usize) -> Result<Vec<f64>> {
    let Some(weights) = weights else {
        return Ok(vec![1.0 / members as f64; members]);
    };
    if weights.len() != members {
        return Err(fault(format!("{} weights for {members} members", weights.len())));
    }
    let sum: f64 = weights.iter().sum();
    if weights.iter().any(|&w| w.is_nan() || w < 0.0) || sum <= 0.0 || !sum.is_finite() {
        return Err(fault(format!("weights are {weights:?}")));
    }
    Ok(weights.iter().map(|w| w / sum).collect())
}

/// Fitted members.
#[derive(Debug, Clone, PartialEq)]
pub struct Voting {
    members: Vec<Arc<Classifier>>,
    shares: Vec<f64>,
}

impl Voting {
    /// A vote of classifiers that are already fitted, on rows with the same inputs and classes.
    ///
    /// # Errors
    /// [`Error::Params`] when there are none, they differ in shape, or as [`VotingParams::check`] for the weights.
    pub fn of(members: Vec<Arc<Classifier>>, weights: Option<&[f64]>) -> Result<Voting> {
        let shape = members
            .first()
            .ok_or_else(|| fault("no members".to_owned()))?
            .shape();
        if members.iter().any(|member| member.shape() != shape) {
            return Err(fault("members differ in inputs or classes".to_owned()));
        }
        let shares = shares(weights, members.len())?;
        Ok(Voting { members, shares })
    }

    /// The members.
    pub fn members(&self) -> &[Arc<Classifier>] {
        &self.members
    }

    /// The share of each member; they sum to 1.
    pub fn shares(&self) -> &[f64] {
        &self.shares
    }

    /// The probability of each class for each row, shape (rows, classes).
    pub fn predict_proba(&self, x: &Array2<f64>) -> Array2<f64> {
        let mut sum = Array2::zeros((x.nrows(), self.shape().1));
        for (member, &share) in self.members.iter().zip(&self.shares) {
            sum.scaled_add(share, &member.predict_proba(x));
        }
        sum
    }

    pub(crate) fn shape(&self) -> (usize, usize) {
        self.members.first().map_or((0, 0), |member| member.shape())
    }

    /// Members first, as files always had it, under a tag of its own where their shares differ.
    pub(crate) fn write(&self, out: &mut Writer) {
        write_members(&self.members, out);
    }

    /// Whether all members count the same.
    pub(crate) fn even(&self) -> bool {
        self.shares.windows(2).all(|pair| pair[0] == pair[1])
    }

    pub(crate) fn write_shares(&self, out: &mut Writer) {
        out.exact(&self.shares);
    }

    pub(crate) fn read(input: &mut Reader<'_>, depth: usize, weighted: bool) -> Result<Voting> {
        let members = read_members(input, depth)?;
        let weights = if weighted { Some(input.exact()?) } else { None };
        Voting::of(members, weights.as_deref()).map_err(|error| Error::Model(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bayes::BayesParams;
    use crate::logistic::LogisticParams;
    use ndarray::array;

    #[test]
    fn weights_are_shares_of_the_vote() {
        let x = array![[0.0], [1.0], [2.0], [3.5]];
        let examples = Examples::new(x.clone(), vec![0, 1, 0, 1], 2).unwrap();
        let members = vec![
            ClassifierParams::Logistic(LogisticParams::default()),
            ClassifierParams::Bayes(BayesParams::default()),
        ];
        let mut params = VotingParams {
            members,
            weights: Some(vec![3.0, 1.0]),
        };
        let vote = params.fit(&examples).unwrap();
        let single: Vec<Array2<f64>> = vote.members().iter().map(|m| m.predict_proba(&x)).collect();
        let expected = 0.75 * &single[0] + 0.25 * &single[1];
        assert!(
            (vote.predict_proba(&x) - expected)
                .iter()
                .all(|d| d.abs() < 1e-15)
        );
        for (weights, said) in [
            (vec![1.0], "1 weights for 2 members"),
            (vec![1.0, -1.0], "weights are"),
            (vec![0.0, 0.0], "weights are"),
            (vec![1.0, f64::INFINITY], "weights are"),
        ] {
            params.weights = Some(weights);
            assert!(params.check().unwrap_err().to_string().contains(said));
        }
    }
}
