//! Soft voting: the mean of several classifiers' probabilities.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::classifier::{Classifier, ClassifierParams};
use crate::payload::{Reader, Writer};
use crate::{Error, Examples, Result};

/// Members a model file may hold.
const MOST_MEMBERS: usize = 64;

/// Parameters of [`Voting`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VotingParams {
    /// The classifiers that vote, none of them a vote itself.
    pub members: Vec<ClassifierParams>,
}

impl VotingParams {
    /// Checks the parameters, the members' included.
    ///
    /// # Errors
    /// [`Error::Params`] for no member, too many, or a nested vote.
    pub fn check(&self) -> Result<()> {
        let fault = |message: &str| {
            Err(Error::Params {
                estimator: "voting",
                message: message.to_owned(),
            })
        };
        if self.members.is_empty() || self.members.len() > MOST_MEMBERS {
            return fault("between 1 and 64 members are needed");
        }
        if self
            .members
            .iter()
            .any(|member| matches!(member, ClassifierParams::Voting(_)))
        {
            return fault("a vote cannot vote");
        }
        self.members.iter().try_for_each(ClassifierParams::check)
    }

    /// Fits every member on the same examples.
    ///
    /// # Errors
    /// As [`VotingParams::check`], and whatever a member reports.
    pub fn fit(&self, examples: &Examples) -> Result<Voting> {
        self.check()?;
        let members = self
            .members
            .iter()
            .map(|member| member.fit(examples))
            .collect::<Result<_>>()?;
        Ok(Voting { members })
    }
}

/// Fitted members.
#[derive(Debug, Clone, PartialEq)]
pub struct Voting {
    members: Vec<Classifier>,
}

impl Voting {
    /// The probability of each class for each row, shape (rows, classes).
    pub fn predict_proba(&self, x: &Array2<f64>) -> Array2<f64> {
        let mut sum = Array2::zeros((x.nrows(), self.shape().1));
        for member in &self.members {
            sum += &member.predict_proba(x);
        }
        sum / self.members.len() as f64
    }

    pub(crate) fn shape(&self) -> (usize, usize) {
        self.members.first().map_or((0, 0), Classifier::shape)
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.tag(u8::try_from(self.members.len()).unwrap_or(u8::MAX));
        self.members.iter().for_each(|member| member.write(out));
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<Voting> {
        let count = usize::from(input.tag()?);
        if count == 0 || count > MOST_MEMBERS {
            return Err(Error::Model(format!("{count} voters")));
        }
        let members = (0..count)
            .map(|_| Classifier::read_member(input))
            .collect::<Result<Vec<_>>>()?;
        if members.windows(2).any(|pair| pair[0].shape() != pair[1].shape()) {
            return Err(Error::Model("voters differ in shape".to_owned()));
        }
        Ok(Voting { members })
    }
}
