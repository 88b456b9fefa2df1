//! The loop: steps, epochs, validation, early stopping, and the state that all of it is.

use std::path::Path;
use std::time::{Duration, Instant};

use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};
use melisma_dataset::rng::Rng;
use sha2::{Digest, Sha256};

use super::checkpoint::{self, CHECKPOINT};
use super::history::{Epoch, History};
use super::optimizer::Moments;
use super::params::{ClassWeights, Measure, Schedule, TrainParams};
use super::{Samples, Trained};
use crate::layers::{Pass, Role, Tensors, mix, numbers};
use crate::networks::{Network, NetworkParams};
use crate::{Error, Result, device};

/// Follows a training, and may end it.
pub trait Watch: Sync {
    /// Whether to end before the next step: with a folder for it, a checkpoint is written, and training fails with
    /// [`Error::Interrupted`].
    fn stopped(&self) -> bool {
        false
    }

    /// Called after each step.
    fn step(&self, _progress: &Progress) {}

    /// Called after each epoch.
    fn epoch(&self, _epoch: &Epoch) {}
}

impl Watch for () {}

/// Where a training is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// The epoch, from 1.
    pub epoch: usize,
    /// Epochs at most.
    pub epochs: usize,
    /// Steps made in it.
    pub step: usize,
    /// Steps of an epoch.
    pub steps: usize,
    /// The mean loss of the epoch so far.
    pub loss: f64,
    /// The accuracy of the epoch so far.
    pub accuracy: f64,
}

/// All that a training is between two steps, but for the network's own numbers.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct State {
    /// Steps made.
    pub step: u64,
    /// Whole epochs made.
    pub epoch: usize,
    /// Steps made of the epoch that is under way.
    pub within: usize,
    /// The sum of losses, of weights, and of right answers of the epoch so far.
    pub sums: [f64; 3],
    /// Samples seen in the epoch so far.
    pub seen: usize,
    /// Seconds spent in the epoch before this run.
    pub seconds: f64,
    /// What plateaus have left of the rate.
    pub lowered: f64,
    /// Epochs since the loss last fell, for plateaus, and its lowest value.
    pub plateau: (usize, Option<f64>),
    /// Epochs since the best, for early stopping, and its score (higher is better).
    pub waited: (usize, Option<f64>),
    /// What happened.
    pub history: History,
    /// Adam's memory of each variable that trains.
    pub moments: Vec<Moments>,
    /// All numbers of the best epoch's network.
    pub best: Option<Vec<Vec<f32>>>,
}

impl State {
    fn new(network: &Network) -> Self {
        let moments =
            |v: &crate::layers::Variable| Moments::new(if v.trains() { v.values().len() } else { 0 });
        State {
            lowered: 1.0,
            moments: network.variables().iter().map(moments).collect(),
            ..State::default()
        }
    }
}

/// Trains a new network on samples.
///
/// With a folder `work`, its `log.csv` is rewritten after each epoch and `checkpoint.safetensors` now and then; when
/// the folder holds a checkpoint of the same training, it goes on from there, to the same result as without the
/// interruption.
///
/// # Errors
/// [`Error::Params`] and [`Error::Samples`] when these are wrong or do not fit each other, [`Error::File`] when the
/// checkpoint is damaged or of another training, [`Error::Diverged`], [`Error::Interrupted`], and [`Error::Io`].
pub fn train(
    network: &NetworkParams,
    params: &TrainParams,
    train: &Samples,
    valid: Option<&Samples>,
    work: Option<&Path>,
    watch: &dyn Watch,
) -> Result<Trained> {
    let network = network.init(train.shape(), train.classes(), params.seed)?;
    train_from(network, params, train, valid, work, watch)
}

/// Trains a network on from the weights it has; variables that are frozen stay.
///
/// # Errors
/// As [`train`].
pub fn train_from(
    network: Network,
    params: &TrainParams,
    train: &Samples,
    valid: Option<&Samples>,
    work: Option<&Path>,
    watch: &dyn Watch,
) -> Result<Trained> {
    params.check()?;
    check(&network, params, train, valid)?;
    let digest = digest(&network, params, train, valid);
    let state = State::new(&network);
    let mut session = Session {
        weights: weights(params, train),
        network,
        params,
        train,
        valid,
        state,
        device: device::default().autodiff(),
    };
    if let Some(folder) = work {
        std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
        let path = folder.join(CHECKPOINT);
        if path.exists() {
            session.state = checkpoint::read(&path, &digest, &mut session.network)?;
        }
    }
    session.run(&digest, work, watch)?;
    session.finish()
}

/// Whether the samples fit the network and the training.
fn check(network: &Network, params: &TrainParams, train: &Samples, valid: Option<&Samples>) -> Result<()> {
    let fault = |message: String| Err(Error::Samples(message));
    for samples in [Some(train), valid].into_iter().flatten() {
        if samples.shape() != network.shape() || samples.classes() != network.classes() {
            return fault(format!(
                "they are of shape {:?} in {} classes, and the network is for {:?} in {}",
                samples.shape(),
                samples.classes(),
                network.shape(),
                network.classes()
            ));
        }
        if samples.is_empty() {
            return fault("there are none".into());
        }
    }
    if train.len() < 2 {
        return fault("one is too few to train on".into());
    }
    if params.early_stopping.is_some() && valid.is_none() {
        return Err(Error::params(
            "training",
            "`early_stopping` needs samples for validation",
        ));
    }
    Ok(())
}

/// How much each sample counts.
fn weights(params: &TrainParams, samples: &Samples) -> Vec<f32> {
    let mut counts = vec![0_usize; samples.classes()];
    samples.labels().iter().for_each(|&label| counts[label] += 1);
    let present = counts.iter().filter(|&&n| n > 0).count();
    let of_class = |label: usize| match params.class_weights {
        ClassWeights::None => 1.0,
        ClassWeights::Balanced => samples.len() as f32 / (present * counts[label]) as f32,
    };
    let own = |i: usize| samples.weights().map_or(1.0, |weights| weights[i]);
    samples
        .labels()
        .iter()
        .enumerate()
        .map(|(i, &label)| of_class(label) * own(i))
        .collect()
}

/// What tells this training from any other: everything its result depends on.
fn digest(network: &Network, params: &TrainParams, train: &Samples, valid: Option<&Samples>) -> String {
    let mut digest = Sha256::new();
    let params = TrainParams {
        checkpoint_minutes: 0.0,
        ..params.clone()
    };
    digest.update(format!("{:?}{params:?}", network.params()));
    for variable in network.variables() {
        digest.update(format!(
            "{} {:?} {}",
            variable.name(),
            variable.shape(),
            variable.trains()
        ));
        variable
            .values()
            .iter()
            .for_each(|v| digest.update(v.to_le_bytes()));
    }
    for samples in [Some(train), valid].into_iter().flatten() {
        samples.digest(&mut digest);
    }
    digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

struct Session<'a> {
    network: Network,
    params: &'a TrainParams,
    train: &'a Samples,
    valid: Option<&'a Samples>,
    weights: Vec<f32>,
    state: State,
    device: Device,
}

/// What a step learns from.
struct Batch {
    inputs: Vec<f32>,
    /// Shares of the classes, one row a sample.
    targets: Vec<f32>,
    weights: Vec<f32>,
}

impl Session<'_> {
    fn run(&mut self, digest: &str, work: Option<&Path>, watch: &dyn Watch) -> Result<()> {
        let every = Duration::from_secs_f64(60.0 * self.params.checkpoint_minutes);
        let mut written = Instant::now();
        while !self.over() {
            let began = Instant::now();
            let before = self.state.seconds;
            let order = self.order();
            let batches = batches(&order, self.params.batch);
            while self.state.within < batches.len() {
                self.state.seconds = before + began.elapsed().as_secs_f64();
                let stopped = watch.stopped();
                if let Some(folder) = work.filter(|_| stopped || written.elapsed() >= every) {
                    checkpoint::write(&folder.join(CHECKPOINT), digest, &self.network, &self.state)?;
                    written = Instant::now();
                }
                if stopped {
                    return Err(Error::Interrupted);
                }
                self.step(batches[self.state.within], batches.len())?;
                watch.step(&self.progress(batches.len()));
            }
            self.state.seconds = before + began.elapsed().as_secs_f64();
            self.end_epoch(began, before)?;
            if let Some(folder) = work {
                self.state.history.write_csv(&folder.join("log.csv"))?;
            }
            watch.epoch(self.state.history.epochs.last().expect("an epoch has ended"));
        }
        match work {
            Some(folder) => checkpoint::write(&folder.join(CHECKPOINT), digest, &self.network, &self.state),
            None => Ok(()),
        }
    }

    /// Whether nothing is left to do.
    fn over(&self) -> bool {
        let patience = self.params.early_stopping.map(|early| early.patience);
        let waited = self.state.waited.0;
        self.state.epoch >= self.params.epochs || patience.is_some_and(|patience| waited > patience)
    }

    /// A seed for something in this epoch.
    fn seed(&self, what: u64) -> u64 {
        mix(&[self.params.seed, self.state.epoch as u64, what])
    }

    /// The order of the samples in this epoch.
    fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.train.len()).collect();
        Rng::new(self.seed(1)).shuffle(&mut order);
        order
    }

    fn progress(&self, steps: usize) -> Progress {
        let state = &self.state;
        Progress {
            epoch: state.epoch + 1,
            epochs: self.params.epochs,
            step: state.within,
            steps,
            loss: state.sums[0] / state.sums[1].max(f64::MIN_POSITIVE),
            accuracy: state.sums[2] / state.seen.max(1) as f64,
        }
    }

    /// Puts samples together, varied and mixed.
    fn batch(&self, indices: &[usize]) -> Batch {
        let classes = self.network.classes();
        let size: usize = self.train.shape().iter().product();
        let augmentation = &self.params.augmentation;
        let mut batch = Batch {
            inputs: Vec::with_capacity(indices.len() * size),
            targets: vec![0.0; indices.len() * classes],
            weights: indices.iter().map(|&i| self.weights[i]).collect(),
        };
        for (i, &index) in indices.iter().enumerate() {
            batch.inputs.extend_from_slice(self.train.row(index));
            let seed = mix(&[self.seed(2), self.state.within as u64, i as u64]);
            augmentation.apply(
                &mut batch.inputs[i * size..],
                self.train.shape(),
                &mut Rng::new(seed),
            );
            let smooth = self.params.label_smoothing;
            let row = &mut batch.targets[i * classes..(i + 1) * classes];
            row.fill((smooth / classes as f64) as f32);
            row[self.train.labels()[index]] += (1.0 - smooth) as f32;
        }
        if augmentation.mixup > 0.0 {
            let mut rng = Rng::new(mix(&[self.seed(3), self.state.within as u64]));
            mix_up(&mut batch, indices.len(), &mut rng, |rng| augmentation.share(rng));
        }
        batch
    }

    /// One step: forward, backward, and the weights moved.
    fn step(&mut self, indices: &[usize], steps: usize) -> Result<()> {
        let Batch {
            inputs,
            targets,
            weights,
        } = self.batch(indices);
        let tensors = Tensors::new(self.network.variables(), &self.device);
        let seed = mix(&[self.seed(4), self.state.within as u64]);
        let mut pass = Pass::train(self.network.variables(), &tensors, seed);
        let logits = self
            .network
            .forward(self.network.batch(inputs, &self.device), &mut pass);
        let guessed = numbers(logits.clone().inner());
        let total: f32 = weights.iter().sum();
        let loss = loss(
            logits,
            targets.clone(),
            &weights,
            total.max(f32::MIN_POSITIVE),
            &self.device,
        );
        let value = f64::from(numbers(loss.clone().inner())[0]);
        if !value.is_finite() {
            return Err(Error::Diverged {
                epoch: self.state.epoch + 1,
            });
        }
        let moved = pass.finish();
        let mut gradients = loss.backward();
        let gradients: Vec<Option<Vec<f32>>> = tensors
            .iter()
            .map(|tensor| tensor.grad_remove(&mut gradients).map(numbers))
            .collect();
        drop(tensors);
        let share = self.state.within as f64 / steps as f64;
        self.advance(
            &gradients,
            self.params.rate_at(self.state.epoch, share, self.state.lowered),
        );
        let variables = self.network.variables_mut();
        for (at, seen, momentum) in moved {
            for (value, seen) in variables[at].values_mut().iter_mut().zip(seen) {
                *value = momentum * *value + (1.0 - momentum) * seen;
            }
        }
        let classes = self.network.classes();
        let rows = guessed.chunks_exact(classes).zip(targets.chunks_exact(classes));
        let right = rows.filter(|(guess, target)| most(guess) == most(target)).count();
        let state = &mut self.state;
        state.sums[0] += value * f64::from(total);
        state.sums[1] += f64::from(total);
        state.sums[2] += right as f64;
        state.seen += indices.len();
        state.within += 1;
        Ok(())
    }

    /// Moves the weights along their gradients.
    fn advance(&mut self, gradients: &[Option<Vec<f32>>], rate: f64) {
        self.state.step += 1;
        let norm = || {
            let squares = gradients
                .iter()
                .flatten()
                .flatten()
                .map(|&g| f64::from(g) * f64::from(g));
            squares.sum::<f64>().sqrt()
        };
        let scale = match self.params.clip_norm {
            Some(longest) => (longest / norm().max(longest)) as f32,
            None => 1.0,
        };
        let all = self.network.variables_mut().iter_mut().zip(gradients);
        for ((variable, gradient), moments) in all.zip(&mut self.state.moments) {
            let Some(gradient) = gradient.as_deref().filter(|_| variable.trains()) else {
                continue;
            };
            let decays = variable.role() == Role::Weight && variable.shape().len() > 1;
            let values = variable.values_mut();
            self.params
                .optimizer
                .step(self.state.step, rate, scale, decays, values, gradient, moments);
        }
    }

    /// Validates, notes what happened, and decides what comes.
    fn end_epoch(&mut self, began: Instant, before: f64) -> Result<()> {
        let (valid_loss, valid_accuracy) = match self.valid {
            Some(samples) => {
                let (loss, accuracy) = validate(&self.network, samples)?;
                (Some(loss), Some(accuracy))
            }
            None => (None, None),
        };
        let progress = self.progress(self.state.within);
        let steps = self.state.within.max(1) as f64;
        let epoch = Epoch {
            epoch: progress.epoch,
            steps: self.state.step,
            rate: self
                .params
                .rate_at(self.state.epoch, (steps - 1.0) / steps, self.state.lowered),
            loss: progress.loss,
            accuracy: progress.accuracy,
            valid_loss,
            valid_accuracy,
            seconds: before + began.elapsed().as_secs_f64(),
        };
        self.follow_plateau(valid_loss.unwrap_or(epoch.loss));
        self.follow_best(&epoch);
        let state = &mut self.state;
        state.history.epochs.push(epoch);
        state.epoch += 1;
        (state.within, state.sums, state.seen, state.seconds) = (0, [0.0; 3], 0, 0.0);
        Ok(())
    }

    fn follow_plateau(&mut self, loss: f64) {
        let Schedule::Plateau { patience, factor, .. } = self.params.schedule else {
            return;
        };
        let (waited, lowest) = &mut self.state.plateau;
        if lowest.is_none_or(|lowest| loss < lowest) {
            (*waited, *lowest) = (0, Some(loss));
            return;
        }
        *waited += 1;
        if *waited >= patience.max(1) {
            *waited = 0;
            self.state.lowered *= factor;
        }
    }

    fn follow_best(&mut self, epoch: &Epoch) {
        let score = match self.params.early_stopping.map(|early| early.on) {
            Some(Measure::Loss) => epoch.valid_loss.map(|loss| -loss),
            Some(Measure::Accuracy) => epoch.valid_accuracy,
            None => None,
        };
        let Some(score) = score else { return };
        let (waited, best) = &mut self.state.waited;
        match best.is_none_or(|best| score > best) {
            true => {
                (*waited, *best) = (0, Some(score));
                self.state.history.best = Some(epoch.epoch);
                let values = |v: &crate::layers::Variable| v.values().to_vec();
                self.state.best = Some(self.network.variables().iter().map(values).collect());
            }
            false => *waited += 1,
        }
    }

    fn finish(mut self) -> Result<Trained> {
        if let Some(best) = self.state.best.take() {
            for (variable, best) in self.network.variables_mut().iter_mut().zip(best) {
                variable.values_mut().copy_from_slice(&best);
            }
        }
        Ok(Trained {
            network: self.network,
            history: self.state.history,
        })
    }
}

/// The batches of an epoch; a single sample at the end, which has no deviation, joins none.
fn batches(order: &[usize], size: usize) -> Vec<&[usize]> {
    let mut all: Vec<&[usize]> = order.chunks(size).collect();
    if size > 1 && all.len() > 1 && all.last().is_some_and(|last| last.len() == 1) {
        all.pop();
    }
    all
}

/// Mixes each sample of a batch with the one that another order puts in its place.
fn mix_up(batch: &mut Batch, count: usize, rng: &mut Rng, share: impl Fn(&mut Rng) -> f64) {
    let mut partners: Vec<usize> = (0..count).collect();
    rng.shuffle(&mut partners);
    let shares: Vec<f32> = (0..count).map(|_| share(rng) as f32).collect();
    for values in [&mut batch.inputs, &mut batch.targets, &mut batch.weights] {
        let old = values.clone();
        let size = old.len() / count;
        for (i, row) in values.chunks_exact_mut(size).enumerate() {
            let partner = &old[partners[i] * size..(partners[i] + 1) * size];
            for (value, other) in row.iter_mut().zip(partner) {
                *value = shares[i] * *value + (1.0 - shares[i]) * other;
            }
        }
    }
}

/// The mean cross-entropy of logits and shares of classes.
fn loss(logits: Tensor<2>, mut targets: Vec<f32>, weights: &[f32], total: f32, device: &Device) -> Tensor<1> {
    let shape = logits.dims();
    for (row, weight) in targets.chunks_exact_mut(shape[1]).zip(weights) {
        row.iter_mut().for_each(|share| *share *= -weight / total);
    }
    let targets = Tensor::<2>::from_data(TensorData::new(targets, shape), device);
    (log_softmax(logits, 1) * targets).sum()
}

/// The place of the largest; of the first where several are.
fn most(values: &[f32]) -> usize {
    let larger = |best: usize, i: usize| if values[i] > values[best] { i } else { best };
    (0..values.len()).fold(0, larger)
}

/// Loss and accuracy of a network on samples.
fn validate(network: &Network, samples: &Samples) -> Result<(f64, f64)> {
    let probabilities = network.predict(samples)?;
    let (mut loss, mut right) = (0.0, 0);
    for (row, &label) in probabilities.rows().into_iter().zip(samples.labels()) {
        loss -= row[label].max(1e-12).ln();
        let best = (0..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best });
        right += usize::from(best == label);
    }
    Ok((loss / samples.len() as f64, right as f64 / samples.len() as f64))
}
