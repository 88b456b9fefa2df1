//! Choosing one candidate: cross-validation by artist on the training tracks of the filtered protocol. Test rows have no say.

use melisma_dataset::split::stratified_group_folds;
use melisma_learn::calibration::{fit_temperature, tempered_means};
use melisma_learn::metrics::{accuracy, log_loss};
use melisma_learn::validation::search::Score;
use ndarray::Array2;

use crate::Result;
use crate::data::Estimate;
use crate::outcome::{Choice, Chosen};
use crate::protocol::Protocol;
use crate::recipe::Candidate;
use crate::run::Session;

impl Session<'_> {
    /// Chooses a candidate where the recipe says how.
    pub(crate) fn choose(&self) -> Result<Option<Choice>> {
        let content = self.recipe.content();
        let Some(spec) = content.choose else {
            return Ok(None);
        };
        let Some(parts) = self.data.track_parts(Protocol::Filtered, Estimate::Holdout)? else {
            let message = "candidates are chosen by artist, and the table names none".to_owned();
            return Err(self.recipe.fault(message));
        };
        let tracks = parts
            .parts
            .into_iter()
            .next()
            .map(|(train, _)| train)
            .unwrap_or_default();
        let mut candidates = Vec::new();
        for candidate in &content.candidate {
            (self.watch.say)(&format!("cross-validating {}", candidate.name));
            let mut runs = Vec::new();
            for repeat in 0..spec.repeats.max(1) {
                let seed = content.seed.wrapping_mul(1000).wrapping_add(repeat as u64);
                let (probabilities, truth) = self.out_of_fold(candidate, &tracks, spec.folds, seed)?;
                let each: Vec<usize> = (0..truth.len()).collect();
                let temperature = fit_temperature(&probabilities, &each, &truth);
                let tempered = tempered_means(&probabilities, &each, truth.len(), temperature);
                runs.push((accuracy(&probabilities, &truth), log_loss(&tempered, &truth)));
            }
            let count = runs.len() as f64;
            let mean = runs.iter().map(|run| run.0).sum::<f64>() / count;
            let variance = runs.iter().map(|run| (run.0 - mean).powi(2)).sum::<f64>() / count;
            candidates.push(Chosen {
                name: candidate.name.clone(),
                accuracy: mean,
                deviation: variance.sqrt(),
                log_loss: runs.iter().map(|run| run.1).sum::<f64>() / count,
            });
        }
        let better = |a: &Chosen, b: &Chosen| match spec.score {
            Score::LogLoss => a.log_loss < b.log_loss,
            _ => a.accuracy > b.accuracy,
        };
        let chosen = candidates
            .iter()
            .reduce(|best, candidate| if better(candidate, best) { candidate } else { best })
            .map(|best| best.name.clone())
            .unwrap_or_default();
        Ok(Some(Choice {
            chosen,
            folds: spec.folds,
            repeats: spec.repeats,
            score: match spec.score {
                Score::LogLoss => "log loss".to_owned(),
                _ => "accuracy".to_owned(),
            },
            tracks: tracks.len(),
            candidates,
        }))
    }

    /// The fold of each of these tracks; tracks of one artist share theirs.
    pub(crate) fn artist_folds(&self, tracks: &[usize], folds: usize, seed: u64) -> Result<Vec<usize>> {
        let of =
            |group: &dyn Fn(usize) -> usize| tracks.iter().map(|&track| group(track)).collect::<Vec<_>>();
        let classes = of(&|track| self.data.tracks[track].class);
        let groups = of(&|track| self.data.group(Protocol::Filtered, track));
        Ok(stratified_group_folds(&classes, &groups, folds, seed)?)
    }

    /// What a candidate says of each of these tracks when fitted without the artist's, and the classes; in the order of the
    /// tracks, those without rows left out.
    pub(crate) fn out_of_fold(
        &self,
        candidate: &Candidate,
        tracks: &[usize],
        folds: usize,
        seed: u64,
    ) -> Result<(Array2<f64>, Vec<usize>)> {
        let fold_of = self.artist_folds(tracks, folds, seed)?;
        let mut found: Vec<Option<Vec<f64>>> = vec![None; tracks.len()];
        for fold in 0..folds {
            self.watch.check()?;
            let side = |inside: bool| -> Vec<usize> {
                (0..tracks.len())
                    .filter(|&at| (fold_of[at] == fold) == inside)
                    .map(|at| tracks[at])
                    .collect()
            };
            let fused = self.fused(candidate, Protocol::Filtered, &side(false), &side(true))?;
            let said = fused.judged.said;
            for (row, track) in said.prediction.probabilities.rows().into_iter().zip(&said.tracks) {
                let at = tracks.iter().position(|other| other == track);
                if let Some(at) = at {
                    found[at] = Some(row.to_vec());
                }
            }
        }
        let mut truth = Vec::new();
        let mut values = Vec::new();
        for (row, &track) in found.into_iter().zip(tracks) {
            if let Some(row) = row {
                values.extend(row);
                truth.push(self.data.tracks[track].class);
            }
        }
        let probabilities = Array2::from_shape_vec((truth.len(), self.data.labels.len()), values)
            .unwrap_or_else(|_| Array2::zeros((0, self.data.labels.len())));
        Ok((probabilities, truth))
    }
}
