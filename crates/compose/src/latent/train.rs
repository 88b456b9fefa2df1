//! The training of an autoencoder, and what of its latent space is in use.

use std::path::Path;
use std::time::{Duration, Instant};

use melisma_dataset::rng::Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::model::{Autoencoder, Batch, Form, Latent, Pass, normal};
use super::tape::Tape;
use crate::container::{self, Precision};
use crate::optimise::adam;
use crate::songs::{Moves, Songs};
use crate::train::{Logged, Watch, write_log};
use crate::{Error, Result};

/// Settings of the training of an autoencoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LatentParams {
    /// Steps of the whole training.
    pub steps: u64,
    /// First steps, over which the rate rises; over all others it falls as a cosine does.
    pub warm_up: u64,
    /// Sequences to a step.
    pub batch: usize,
    /// Adam's rate.
    pub rate: f64,
    /// The share of each matrix, times the rate, that a step takes away.
    pub weight_decay: f64,
    /// The share of numbers left out.
    pub dropout: f64,
    /// The share of the steps before that what writes is not told, so that the latent is asked (Bowman and others 2016).
    pub hidden_steps: f64,
    /// Nats of each number of a latent that are not charged for (Kingma and others 2016).
    pub free: f64,
    /// What a nat of divergence costs at the end.
    pub charge: f64,
    /// Steps over which that rises from nothing.
    pub anneal: u64,
    /// Semitones that songs are moved by at most, down and up.
    pub transpose: [i8; 2],
    /// Sequences are computed in so many parts side by side; the result depends on it a little, on the number of threads never.
    pub lanes: usize,
    /// Steps between validations.
    pub validate: u64,
    /// Minutes between checkpoints.
    pub checkpoint_minutes: f64,
    /// Where chance starts from.
    pub seed: u64,
}

impl Default for LatentParams {
    fn default() -> Self {
        LatentParams {
            steps: 2_000,
            warm_up: 100,
            batch: 32,
            rate: 2e-3,
            weight_decay: 0.01,
            dropout: 0.1,
            hidden_steps: 0.1,
            free: 0.25,
            charge: 1.0,
            anneal: 500,
            transpose: [-5, 6],
            lanes: 2,
            validate: 250,
            checkpoint_minutes: 3.0,
            seed: 1,
        }
    }
}

impl LatentParams {
    /// Whether they can be used.
    ///
    /// # Errors
    /// [`Error::Params`] naming what is out of range.
    pub fn check(&self) -> Result<()> {
        let fault = |fault: &str| Err(Error::Params(format!("the training: {fault}")));
        let share = |x: f64| (0.0..0.9).contains(&x);
        match () {
            () if self.steps == 0 || self.warm_up > self.steps || self.validate == 0 => fault(
                "`warm_up` must fit into `steps`, of which there must be some, and `validate` must be above 0",
            ),
            () if !(1..=4_096).contains(&self.batch) || !(1..=64).contains(&self.lanes) => {
                fault("`batch` must be 1 to 4,096 and `lanes` 1 to 64")
            }
            () if !share(self.dropout) || !(0.0..=1.0).contains(&self.hidden_steps) => {
                fault("`dropout` must be below 0.9 and `hidden_steps` a share")
            }
            () if !(f64::MIN_POSITIVE..1.0).contains(&self.rate)
                || [
                    (self.weight_decay, 10.0),
                    (self.free, 100.0),
                    (self.charge, 100.0),
                ]
                .iter()
                .any(|(value, most)| !(0.0..=*most).contains(value))
                || self.checkpoint_minutes < 0.0 =>
            {
                fault(
                    "`rate` must be above 0 and below 1; `weight_decay`, `free`, `charge` and `checkpoint_minutes` not below 0",
                )
            }
            () if self.transpose[0] > 0
                || self.transpose[1] < 0
                || self.transpose[0] < -24
                || self.transpose[1] > 24 =>
            {
                fault("`transpose` must reach from at most 0 to at least 0, within two octaves")
            }
            () => Ok(()),
        }
    }

    fn rate(&self, step: u64) -> f64 {
        if step < self.warm_up {
            return self.rate * (step + 1) as f64 / self.warm_up as f64;
        }
        let share = (step - self.warm_up) as f64 / (self.steps - self.warm_up).max(1) as f64;
        self.rate * 0.5 * (1.0 + (std::f64::consts::PI * share).cos())
    }

    fn charge(&self, step: u64) -> f64 {
        self.charge * ((step + 1) as f64 / self.anneal.max(1) as f64).min(1.0)
    }
}

/// What an autoencoder does with sequences it has not learnt from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Sequences.
    pub sequences: usize,
    /// Steps of a sequence.
    pub places: usize,
    /// Nats of a step, its latent drawn from what reading gives.
    pub reconstruction: f64,
    /// Nats of a step, its latent drawn from what is assumed without reading.
    pub from_prior: f64,
    /// Nats of divergence of a sequence.
    pub divergence: f64,
    /// Nats of a step, divergence included: the negative evidence lower bound.
    pub negative_elbo: f64,
    /// Numbers of a latent whose mean varies by more than a hundredth over all (Burda and others 2016).
    pub active_units: usize,
    /// All numbers of a latent.
    pub units: usize,
}

/// A training between two steps.
pub struct LatentSession {
    params: LatentParams,
    model: Autoencoder,
    first: Vec<Vec<f32>>,
    second: Vec<Vec<f32>>,
    step: u64,
    seconds: f64,
    log: Vec<Logged>,
    since: (f64, f64),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    kind: String,
    form: Form,
    params: LatentParams,
    step: u64,
    seconds: f64,
    log: Vec<Logged>,
    since: (f64, f64),
}

const CHECKPOINT: &str = "checkpoint.melcomp";
const KIND: &str = "checkpoint of an autoencoder";

/// Gradients of some of a step's sequences.
struct Lane {
    gradients: Vec<Vec<f32>>,
    nats: f64,
}

impl LatentSession {
    /// A training as it was kept in a folder, or at its beginning if the folder holds none.
    ///
    /// # Errors
    /// [`Error::Params`]; [`Error::File`] for a checkpoint that is damaged or of another training.
    pub fn resume(form: &Form, params: &LatentParams, folder: Option<&Path>) -> Result<LatentSession> {
        params.check()?;
        let model = Autoencoder::new(form, params.seed)?;
        let zeros: Vec<Vec<f32>> = model
            .weights()
            .iter()
            .map(|weight| vec![0.0; weight.values.len()])
            .collect();
        let mut session = LatentSession {
            params: params.clone(),
            model,
            first: zeros.clone(),
            second: zeros,
            step: 0,
            seconds: 0.0,
            log: Vec::new(),
            since: (0.0, 0.0),
        };
        let Some(path) = folder
            .map(|folder| folder.join(CHECKPOINT))
            .filter(|path| path.exists())
        else {
            return Ok(session);
        };
        let (about, matrices) = container::read(&path)?;
        let about: About = serde_json::from_value(about).map_err(|fault| Error::file(&path, fault))?;
        let params_then = LatentParams {
            checkpoint_minutes: params.checkpoint_minutes,
            ..about.params
        };
        if about.kind != KIND || about.form != *form || params_then != *params {
            return Err(Error::file(
                &path,
                "a checkpoint of another training: remove it or use another folder",
            ));
        }
        let mut matrices = matrices.into_iter().map(|matrix| matrix.values);
        let weights = session
            .model
            .weights_mut()
            .iter_mut()
            .map(|weight| &mut weight.values);
        for values in weights.chain(&mut session.first).chain(&mut session.second) {
            *values = matrices
                .next()
                .filter(|found| found.len() == values.len())
                .ok_or_else(|| Error::file(&path, "a matrix is missing or of another size"))?;
        }
        session.step = about.step;
        session.seconds = about.seconds;
        session.log = about.log;
        session.since = about.since;
        Ok(session)
    }

    fn keep(&self, folder: &Path) -> Result<()> {
        let path = folder.join(CHECKPOINT);
        let about = About {
            kind: KIND.to_owned(),
            form: self.model.form().clone(),
            params: self.params.clone(),
            step: self.step,
            seconds: self.seconds,
            log: self.log.clone(),
            since: self.since,
        };
        let about = serde_json::to_value(about).map_err(|fault| Error::file(&path, fault))?;
        let weights = self.model.weights();
        let values = weights.iter().map(|weight| weight.values.as_slice());
        let parts = [
            ("now", values.collect::<Vec<_>>()),
            ("first", self.first.iter().map(Vec::as_slice).collect()),
            ("second", self.second.iter().map(Vec::as_slice).collect()),
        ];
        let mut entries = Vec::new();
        for (part, values) in &parts {
            for ((name, weight), values) in self.model.names().iter().zip(weights).zip(values) {
                entries.push((format!("{part}/{name}"), [weight.rows, weight.columns], *values));
            }
        }
        let matrices: Vec<_> = entries
            .iter()
            .map(|(name, size, values)| (name.as_str(), *size, *values, Precision::Single))
            .collect();
        container::write(&path, &about, &matrices)
    }

    /// The steps made so far.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// What was logged: nats of a step, divergence included.
    pub fn log(&self) -> &[Logged] {
        &self.log
    }

    /// The autoencoder as it is.
    pub fn model(&self) -> &Autoencoder {
        &self.model
    }

    /// Trains to the end, or until it is stopped. With a folder, `log.csv` and a checkpoint are kept there.
    ///
    /// # Errors
    /// [`Error::Params`] for songs of another design, or none long enough; [`Error::Diverged`], [`Error::Interrupted`], [`Error::Io`].
    pub fn run(
        &mut self,
        train: &Songs,
        valid: Option<&Songs>,
        folder: Option<&Path>,
        watch: &dyn Watch,
    ) -> Result<()> {
        let pool = Pool::of(train, self.model.form())?;
        if let Some(folder) = folder {
            std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
        }
        let every = Duration::from_secs_f64(60.0 * self.params.checkpoint_minutes);
        let (began, before) = (Instant::now(), self.seconds);
        let mut kept = Instant::now();
        while self.step < self.params.steps {
            self.seconds = before + began.elapsed().as_secs_f64();
            let stopped = watch.stopped();
            if let Some(folder) = folder.filter(|_| stopped || kept.elapsed() >= every) {
                self.keep(folder)?;
                kept = Instant::now();
            }
            if stopped {
                return Err(Error::Interrupted);
            }
            self.advance(train, &pool)?;
            let (nats, steps) = self.since;
            watch.step(self.step, self.params.steps, nats / steps.max(1.0));
            if self.step.is_multiple_of(self.params.validate) || self.step == self.params.steps {
                let valid = valid.and_then(|songs| measure(&self.model, songs, 1).ok());
                let line = Logged {
                    step: self.step,
                    train: nats / steps.max(1.0),
                    valid: valid.map(|measured| measured.negative_elbo),
                    seconds: before + began.elapsed().as_secs_f64(),
                };
                self.since = (0.0, 0.0);
                self.log.push(line);
                watch.logged(&line);
                if let Some(folder) = folder {
                    write_log(&self.log, &folder.join("log.csv"))?;
                }
            }
        }
        self.seconds = before + began.elapsed().as_secs_f64();
        match folder {
            Some(folder) => self.keep(folder),
            None => Ok(()),
        }
    }

    fn advance(&mut self, songs: &Songs, pool: &Pool) -> Result<()> {
        let (params, model, step) = (&self.params, &self.model, self.step);
        let form = model.form();
        let count = params.lanes.min(params.batch);
        let scale = 1.0 / (params.batch * form.places) as f32;
        let mut lanes: Vec<Lane> = (0..count)
            .into_par_iter()
            .map(|lane| {
                let numbers: Vec<usize> = (lane..params.batch).step_by(count).collect();
                let sequences = numbers.iter().map(|at| {
                    let mut rng = Rng::new(
                        params
                            .seed
                            .wrapping_mul(0x9E37_79B9)
                            .wrapping_add(step)
                            .wrapping_mul(4_096)
                            .wrapping_add(*at as u64),
                    );
                    pool.draw(songs, form, params.transpose, &mut rng)
                });
                let mut gradients: Vec<Vec<f32>> = model
                    .weights()
                    .iter()
                    .map(|weight| vec![0.0; weight.values.len()])
                    .collect();
                let mut nats = 0.0;
                // Sequences that were moved have tokens that stand for what was lost; the others have none to lose.
                let all: Vec<Vec<u16>> = sequences.collect();
                let batch = Batch {
                    sequences: all.len(),
                    tokens: all.concat(),
                    lost: match songs.moves {
                        Moves::Table(_) => Some((form.fields[0] - 1) as u16),
                        _ => None,
                    },
                };
                let (inputs, before) = read(songs, form, &batch.tokens);
                let mut tape = Tape::new(model.weights());
                let passed = model.pass(
                    &mut tape,
                    &batch,
                    &inputs,
                    &before,
                    &Pass {
                        latent: Latent::Posterior,
                        hidden_steps: params.hidden_steps as f32,
                        dropout: params.dropout as f32,
                        free: params.free as f32,
                        charge: params.charge(step) as f32,
                        seed: params.seed ^ step.wrapping_mul(64).wrapping_add(lane as u64) ^ 0x5eed,
                    },
                );
                nats += passed.costs.iter().map(|cost| f64::from(*cost)).sum::<f64>() + passed.divergence;
                tape.back(passed.objective, &mut gradients);
                Lane { gradients, nats }
            })
            .collect();
        let (first, others) = lanes.split_at_mut(1);
        for lane in others.iter() {
            let sums = first[0].gradients.iter_mut().zip(&lane.gradients);
            for (sum, own) in sums {
                sum.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
            }
        }
        let nats: f64 = lanes.iter().map(|lane| lane.nats).sum();
        if !nats.is_finite() {
            return Err(Error::Diverged { step: step + 1 });
        }
        self.since.0 += nats;
        self.since.1 += (params.batch * form.places) as f64;
        let gradients = &lanes[0].gradients;
        let squares: f64 = gradients
            .iter()
            .flatten()
            .map(|g| f64::from(*g) * f64::from(*g))
            .sum();
        let norm = squares.sqrt() * f64::from(scale);
        let scale = scale * (1.0 / norm.max(1.0)) as f32;
        let rate = params.rate(step);
        let weights = self.model.weights_mut().iter_mut().zip(gradients);
        for ((weight, gradient), (first, second)) in weights.zip(self.first.iter_mut().zip(&mut self.second))
        {
            // Rows of biases and gains are left alone by the decay.
            let decay = match weight.rows {
                1 => 0.0,
                _ => params.weight_decay,
            };
            adam(
                [0.9, 0.98],
                step + 1,
                rate,
                decay,
                scale,
                &mut weight.values,
                gradient,
                (first, second),
            );
        }
        self.step += 1;
        Ok(())
    }
}

/// Inputs of steps, and of the step before each; every sequence has a beginning.
pub(super) fn read(songs: &Songs, form: &Form, tokens: &[u16]) -> (Vec<u16>, Vec<u16>) {
    let width = form.fields.len();
    let (mut inputs, mut before) = (Vec::new(), Vec::new());
    for sequence in tokens.chunks_exact(form.places * width) {
        songs.steps.begin(&[], &mut before);
        for (at, step) in sequence.chunks_exact(width).enumerate() {
            songs.steps.inputs(step, &[], &mut inputs);
            if at + 1 < form.places {
                songs.steps.inputs(step, &[], &mut before);
            }
        }
    }
    (inputs, before)
}

/// Where sequences are drawn from.
struct Pool {
    /// Songs that are long enough, and the places a sequence can begin at in those before and in itself.
    ends: Vec<(usize, usize)>,
    all: usize,
}

impl Pool {
    fn of(songs: &Songs, form: &Form) -> Result<Pool> {
        if songs.steps.fields() != form.fields || own_inputs(songs) != form.inputs {
            return Err(Error::Params(
                "the autoencoder is not of the design of the songs".into(),
            ));
        }
        let mut pool = Pool {
            ends: Vec::new(),
            all: 0,
        };
        for (at, song) in songs.songs.iter().enumerate() {
            if song.times.len() >= form.places {
                pool.all += song.times.len() - form.places + 1;
                pool.ends.push((at, pool.all));
            }
        }
        match pool.all {
            0 => Err(Error::Params(format!(
                "there are no songs of {} steps to learn from",
                form.places
            ))),
            _ => Ok(pool),
        }
    }

    fn draw(&self, songs: &Songs, form: &Form, transpose: [i8; 2], rng: &mut Rng) -> Vec<u16> {
        let place = rng.below(self.all);
        let at = self.ends.partition_point(|(_, end)| *end <= place);
        let before = at.checked_sub(1).map_or(0, |before| self.ends[before].1);
        let song = &songs.songs[self.ends[at].0];
        let width = form.fields.len();
        let from = (place - before) * width;
        let own = &song.tokens[from..from + form.places * width];
        let reach = (i32::from(transpose[1]) - i32::from(transpose[0])) as usize + 1;
        let by = (i32::from(transpose[0]) + rng.below(reach) as i32) as i8;
        let mut tokens = own.to_vec();
        match songs.moves.apply(&mut tokens, by) {
            true => tokens,
            false => own.to_vec(),
        }
    }
}

/// The inputs that songs' steps are read by, controls aside.
pub fn own_inputs(songs: &Songs) -> Vec<usize> {
    let sizes = songs.steps.sizes();
    let own = sizes.len() - songs.steps.controls().len();
    sizes[..own].to_vec()
}

/// Measures an autoencoder on songs, which are cut into sequences one after another; what is left at the end of a song is not measured.
///
/// # Errors
/// [`Error::Params`] if no song is long enough, or they are of another design.
pub fn measure(model: &Autoencoder, songs: &Songs, seed: u64) -> Result<Measured> {
    let form = model.form();
    Pool::of(songs, form)?;
    let width = form.fields.len();
    let sequences: Vec<&[u16]> = songs
        .songs
        .iter()
        .flat_map(|song| song.tokens.chunks_exact(form.places * width))
        .collect();
    // Nats from the posterior and from the prior, divergence, and sums of means and their squares.
    type Sums = (f64, f64, f64, Vec<f64>, Vec<f64>);
    let parts: Vec<Sums> = sequences
        .par_chunks(8)
        .enumerate()
        .map(|(at, some)| {
            let batch = Batch {
                sequences: some.len(),
                tokens: some.concat(),
                lost: None,
            };
            let (inputs, before) = read(songs, form, &batch.tokens);
            let seed = seed.wrapping_mul(0x9E37_79B9).wrapping_add(at as u64);
            let pass = |latent| Pass {
                latent,
                hidden_steps: 0.0,
                dropout: 0.0,
                free: 0.0,
                charge: 1.0,
                seed,
            };
            let sum = |costs: &[f32]| costs.iter().map(|cost| f64::from(*cost)).sum::<f64>();
            let mut tape = Tape::new(model.weights());
            let read = model.pass(&mut tape, &batch, &inputs, &before, &pass(Latent::Posterior));
            let mut rng = Rng::new(seed ^ 0x0070_7269_6f72);
            let count = some.len() * form.latents() * form.latent;
            let prior: Vec<f32> = (0..count).map(|_| normal(&mut rng)).collect();
            let mut other = Tape::new(model.weights());
            let unread = model.pass(&mut other, &batch, &inputs, &before, &pass(Latent::Given(&prior)));
            let means = &tape.value(read.means.expect("it was read")).values;
            let (mut first, mut second) = (vec![0.0; form.latent], vec![0.0; form.latent]);
            for (unit, mean) in means.iter().enumerate() {
                first[unit % form.latent] += f64::from(*mean);
                second[unit % form.latent] += f64::from(*mean) * f64::from(*mean);
            }
            (
                sum(&read.costs),
                sum(&unread.costs),
                read.divergence,
                first,
                second,
            )
        })
        .collect();
    let steps = (sequences.len() * form.places) as f64;
    let latents = (sequences.len() * form.latents()) as f64;
    let (mut nats, mut prior, mut divergence) = (0.0, 0.0, 0.0);
    let (mut first, mut second) = (vec![0.0; form.latent], vec![0.0; form.latent]);
    for part in &parts {
        nats += part.0;
        prior += part.1;
        divergence += part.2;
        first.iter_mut().zip(&part.3).for_each(|(sum, own)| *sum += own);
        second.iter_mut().zip(&part.4).for_each(|(sum, own)| *sum += own);
    }
    let varied = first.iter().zip(&second).filter(|(first, second)| {
        let mean = *first / latents;
        *second / latents - mean * mean > 0.01
    });
    Ok(Measured {
        sequences: sequences.len(),
        places: form.places,
        reconstruction: nats / steps,
        from_prior: prior / steps,
        divergence: divergence / sequences.len() as f64,
        negative_elbo: (nats + divergence) / steps,
        active_units: varied.count(),
        units: form.latent,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::super::model::Kind;
    use super::*;
    use crate::songs::{self, Song};
    use crate::steps::Steps;

    fn songs() -> Songs {
        let steps = Steps::Plain {
            size: 9,
            controls: Vec::new(),
        };
        // Each song goes up by its own step: what a latent can tell beforehand.
        let song = |number: u16| {
            let tokens: Vec<u16> = (0..64).map(|at| at * (number % 4 + 1) % 8).collect();
            Song {
                name: number.to_string(),
                times: steps.times(&tokens),
                tokens,
                controls: Vec::new(),
            }
        };
        Songs {
            genres: Vec::new(),
            songs: (0..8).map(song).collect(),
            moves: songs::Moves::None,
            steps,
        }
    }

    fn form(kind: Kind) -> Form {
        Form {
            kind,
            fields: vec![9],
            inputs: vec![10],
            places: 16,
            group: if kind == Kind::Lstm { 16 } else { 8 },
            latent: 4,
            width: 16,
            layers: [1, 1],
            hidden: 24,
            heads: 2,
            told: true,
            scalar: false,
        }
    }

    fn params() -> LatentParams {
        LatentParams {
            steps: 60,
            warm_up: 5,
            batch: 6,
            rate: 0.02,
            anneal: 20,
            dropout: 0.05,
            validate: 20,
            checkpoint_minutes: 0.0,
            ..LatentParams::default()
        }
    }

    struct After(AtomicU64);

    impl Watch for After {
        fn stopped(&self) -> bool {
            self.0.fetch_sub(1, Ordering::Relaxed) == 0
        }
    }

    #[test]
    fn a_training_that_was_ended_goes_on_to_the_same_bits_and_learns() {
        let songs = songs();
        for kind in [Kind::Lstm, Kind::Transformer] {
            let (form, params) = (form(kind), params());
            let mut whole = LatentSession::resume(&form, &params, None).unwrap();
            whole.run(&songs, Some(&songs), None, &()).unwrap();
            let log = whole.log();
            let (first, last) = (log[0].valid.unwrap(), log[2].valid.unwrap());
            assert!(last < first && last < 1.5, "{log:?}");
            let folder = tempfile::tempdir().unwrap();
            let mut part = LatentSession::resume(&form, &params, Some(folder.path())).unwrap();
            let fault = part
                .run(
                    &songs,
                    Some(&songs),
                    Some(folder.path()),
                    &After(AtomicU64::new(25)),
                )
                .unwrap_err();
            assert!(matches!(fault, Error::Interrupted), "{fault}");
            let mut rest = LatentSession::resume(&form, &params, Some(folder.path())).unwrap();
            assert_eq!(rest.step(), 25);
            rest.run(&songs, Some(&songs), Some(folder.path()), &()).unwrap();
            assert!(rest.model() == whole.model());
            let measured = measure(rest.model(), &songs, 1).unwrap();
            assert!(measured.negative_elbo >= measured.reconstruction);
            assert!((measured.negative_elbo - last).abs() < 1e-6);
        }
    }

    #[test]
    fn gradients_are_the_slopes_of_the_objective() {
        let songs = songs();
        for (kind, told, scalar) in [
            (Kind::Lstm, true, false),
            (Kind::Transformer, true, false),
            (Kind::Lstm, false, true),
            (Kind::Transformer, false, true),
        ] {
            let form = Form {
                told,
                scalar,
                ..form(kind)
            };
            let mut model = Autoencoder::new(&form, 3).unwrap();
            // Nothing starts at zero, where slopes vanish.
            let mut rng = Rng::new(4);
            for weight in model.weights_mut() {
                weight
                    .values
                    .iter_mut()
                    .for_each(|value| *value += 0.2 * normal(&mut rng));
            }
            let batch = Batch {
                tokens: songs.songs[..3]
                    .iter()
                    .flat_map(|song| song.tokens[..16].to_vec())
                    .collect(),
                sequences: 3,
                lost: Some(5),
            };
            let (inputs, before) = read(&songs, &form, &batch.tokens);
            let pass = Pass {
                latent: Latent::Posterior,
                hidden_steps: 0.2,
                dropout: 0.1,
                free: 0.01,
                charge: 0.7,
                seed: 5,
            };
            let total = |model: &Autoencoder| {
                let mut tape = Tape::new(model.weights());
                let passed = model.pass(&mut tape, &batch, &inputs, &before, &pass);
                f64::from(tape.value(passed.objective).values[0])
            };
            let mut gradients: Vec<Vec<f32>> = model
                .weights()
                .iter()
                .map(|weight| vec![0.0; weight.values.len()])
                .collect();
            {
                let mut tape = Tape::new(model.weights());
                let passed = model.pass(&mut tape, &batch, &inputs, &before, &pass);
                tape.back(passed.objective, &mut gradients);
            }
            for (at, gradient) in gradients.iter().enumerate() {
                let direction: Vec<f32> = gradient.iter().map(|_| normal(&mut rng)).collect();
                let slope: f64 = gradient
                    .iter()
                    .zip(&direction)
                    .map(|(g, d)| f64::from(g * d))
                    .sum();
                let step = 1e-3;
                let mut shifted = |by: f32| {
                    let kept = model.weights()[at].values.clone();
                    let values = &mut model.weights_mut()[at].values;
                    values
                        .iter_mut()
                        .zip(&direction)
                        .for_each(|(value, d)| *value += by * d);
                    let total = total(&model);
                    model.weights_mut()[at].values = kept;
                    total
                };
                let found = (shifted(step) - shifted(-step)) / f64::from(2.0 * step);
                assert!(
                    (slope - found).abs() < 0.03 * found.abs().max(slope.abs()) + 0.1,
                    "{kind:?} {told} {}: {slope} for {found}",
                    model.names()[at]
                );
            }
        }
    }
}
