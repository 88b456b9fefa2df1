//! Fitting candidates: members of an ensemble that have been fitted on the same rows are taken as they are.

use std::collections::HashMap;
use std::sync::Arc;

use melisma_learn::classifier::{Classifier, ClassifierParams};
use melisma_learn::voting::Voting;
use melisma_learn::{Examples, cpu_seconds};
use melisma_learn::{Pipeline, PipelineParams};

use crate::recipe::Candidate;

/// A candidate fitted on some rows.
#[derive(Debug, Clone)]
pub struct Fitted {
    /// The pipeline.
    pub pipeline: Pipeline,
    /// CPU seconds of all threads, those of an ensemble's members included, where the system tells.
    pub cpu_s: Option<f64>,
}

/// What has been fitted on the rows at hand, by the candidate's name.
pub type Fits = HashMap<String, Fitted>;

/// Fits a candidate on rows.
///
/// # Errors
/// Whatever its steps and classifier report.
pub fn fit(
    candidate: &Candidate,
    params: &PipelineParams,
    train: &Examples,
    fits: &Fits,
) -> melisma_learn::Result<Fitted> {
    let start = cpu_seconds();
    let members: Option<Vec<&Fitted>> = candidate.members.iter().map(|name| fits.get(name)).collect();
    let (pipeline, before) = match members {
        Some(members) if !members.is_empty() && params.calibration.is_none() => {
            let before = members
                .iter()
                .try_fold(0.0, |sum, member| Some(sum + member.cpu_s?));
            (ensemble(params, &members, train)?, before)
        }
        _ => (params.fit(train)?, Some(0.0)),
    };
    let own = start.zip(cpu_seconds()).map(|(start, end)| end - start);
    Ok(Fitted {
        pipeline,
        cpu_s: own.zip(before).map(|(own, before)| own + before),
    })
}

/// An ensemble of members fitted on the same rows behind the same steps.
fn ensemble(
    params: &PipelineParams,
    members: &[&Fitted],
    train: &Examples,
) -> melisma_learn::Result<Pipeline> {
    let steps = members[0].pipeline.steps().to_vec();
    let classifiers: Vec<Arc<Classifier>> = members
        .iter()
        .map(|member| member.pipeline.classifier().clone())
        .collect();
    let classifier = match &params.classifier {
        ClassifierParams::Voting(voting) => {
            Classifier::Voting(Voting::of(classifiers, voting.weights.as_deref())?)
        }
        ClassifierParams::Stacking(stacking) => {
            let first = &members[0].pipeline;
            let names = train.names().map(|names| first.names(names).into());
            let made = train.with_x(first.transform(train.x()), names)?;
            Classifier::Stacking(stacking.fit_with(classifiers, &made)?)
        }
        _ => return params.fit(train),
    };
    Pipeline::of(steps, Arc::new(classifier), None)
}
