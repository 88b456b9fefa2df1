//! The training of a transformer: windows of songs in any key, steps, and a state that can be kept and taken up again.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use melisma_dataset::rng::Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::container::{self, Precision};
use crate::network::{Dropout, Scratch, Shape, Weights, Window, add, costs, learn, unit};
use crate::optimise::{Memory, Optimiser};
use crate::songs::{Moves, Songs, UNTOLD, moved_key};
use crate::steps::Steps;
use crate::transformer::Transformer;
use crate::{Error, Result};

/// Settings of a training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainParams {
    /// Steps of the whole training.
    pub steps: u64,
    /// First steps, over which the rates rise.
    pub warm_up: u64,
    /// Last steps, over which they fall to nothing, fast at first.
    pub cool_down: u64,
    /// Windows to a step.
    pub batch: usize,
    /// Places of a window.
    pub places: usize,
    /// Of the numbers that parts add to the stream, the share left out.
    pub dropout: f64,
    /// Semitones that songs are moved by at most, down and up.
    pub transpose: [i8; 2],
    /// The share of windows of which a control is not told, for each control.
    pub untold: f64,
    /// The share of windows that are of the first genre, or 0 to draw from all songs by their length.
    pub favour: f64,
    /// The optimiser.
    pub optimiser: Optimiser,
    /// Windows that are computed side by side; the result depends on it a little, on the number of threads never.
    pub lanes: usize,
    /// Steps between validations.
    pub validate: u64,
    /// Minutes between checkpoints.
    pub checkpoint_minutes: f64,
    /// Where chance starts from.
    pub seed: u64,
}

impl Default for TrainParams {
    fn default() -> Self {
        TrainParams {
            steps: 20_000,
            warm_up: 100,
            cool_down: 2_000,
            batch: 8,
            places: 512,
            dropout: 0.05,
            transpose: [-5, 6],
            untold: 0.3,
            favour: 0.0,
            optimiser: Optimiser::default(),
            lanes: 2,
            validate: 500,
            checkpoint_minutes: 3.0,
            seed: 1,
        }
    }
}

impl TrainParams {
    /// Whether they can be used.
    ///
    /// # Errors
    /// [`Error::Params`] naming what is out of range.
    pub fn check(&self) -> Result<()> {
        self.optimiser.check()?;
        let fault = |fault: &str| Err(Error::Params(format!("the training: {fault}")));
        match () {
            () if self.steps == 0 || self.warm_up + self.cool_down > self.steps => {
                fault("`warm_up` and `cool_down` must fit into `steps`, of which there must be some")
            }
            () if !(1..=4_096).contains(&self.batch) || !(16..=16_384).contains(&self.places) => {
                fault("`batch` must be 1 to 4,096 and `places` 16 to 16,384")
            }
            () if !(0.0..0.9).contains(&self.dropout)
                || [self.untold, self.favour]
                    .iter()
                    .any(|share| !(0.0..=1.0).contains(share)) =>
            {
                fault("`dropout` must be below 0.9, `untold` and `favour` shares")
            }
            () if self.transpose[0] > 0
                || self.transpose[1] < 0
                || self.transpose[1] > 24
                || self.transpose[0] < -24 =>
            {
                fault("`transpose` must reach from at most 0 to at least 0, within two octaves")
            }
            () if !(1..=64).contains(&self.lanes) || self.validate == 0 || self.checkpoint_minutes < 0.0 => {
                fault("`lanes` must be 1 to 64, `validate` above 0, `checkpoint_minutes` not below")
            }
            () => Ok(()),
        }
    }

    /// The share of the rates at a step.
    fn share(&self, step: u64) -> f64 {
        let rise = ((step + 1) as f64 / self.warm_up.max(1) as f64).min(1.0);
        let left = self.steps.saturating_sub(step);
        match left >= self.cool_down {
            true => rise,
            false => rise * (1.0 - (1.0 - left as f64 / self.cool_down as f64).sqrt()),
        }
    }
}

/// A line of a training's log.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Logged {
    /// Steps made.
    pub step: u64,
    /// Nats of a place of training, the mean since the line before.
    pub train: f64,
    /// Nats of a place of validation, if there are songs for it.
    pub valid: Option<f64>,
    /// Seconds of the training so far.
    pub seconds: f64,
}

/// Follows a training, and may end it.
pub trait Watch: Sync {
    /// Whether to end before the next step.
    fn stopped(&self) -> bool {
        false
    }

    /// Called after each step with its number, all steps, and the nats of a place since the last line of the log.
    fn step(&self, _step: u64, _steps: u64, _train: f64) {}

    /// Called after each line of the log.
    fn logged(&self, _line: &Logged) {}
}

impl Watch for () {}

/// A training between two steps.
pub struct Session {
    params: TrainParams,
    shape: Shape,
    weights: Weights,
    memory: Memory,
    step: u64,
    seconds: f64,
    log: Vec<Logged>,
    /// Nats and places since the last line.
    since: (f64, f64),
}

/// What a checkpoint says beside its matrices.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    kind: String,
    shape: Shape,
    params: TrainParams,
    step: u64,
    seconds: f64,
    log: Vec<Logged>,
    since: (f64, f64),
}

const CHECKPOINT: &str = "checkpoint.melcomp";
const KIND: &str = "checkpoint";

impl Session {
    /// A training at its beginning.
    ///
    /// # Errors
    /// [`Error::Params`].
    pub fn new(shape: &Shape, params: &TrainParams) -> Result<Session> {
        shape.check()?;
        params.check()?;
        Ok(Session {
            params: params.clone(),
            shape: shape.clone(),
            weights: Weights::new(shape, params.seed),
            memory: Memory::new(shape),
            step: 0,
            seconds: 0.0,
            log: Vec::new(),
            since: (0.0, 0.0),
        })
    }

    /// A training as it was kept in a folder, or at its beginning if the folder holds none. `steps` and `cool_down` may differ from those
    /// it was begun with.
    ///
    /// # Errors
    /// [`Error::File`] for a checkpoint that is damaged or of another training.
    pub fn resume(shape: &Shape, params: &TrainParams, folder: &Path) -> Result<Session> {
        let path = folder.join(CHECKPOINT);
        let mut session = Session::new(shape, params)?;
        if !path.exists() {
            return Ok(session);
        }
        let (about, matrices) = container::read(&path)?;
        let about: About = serde_json::from_value(about).map_err(|fault| Error::file(&path, fault))?;
        let same = |other: &TrainParams| TrainParams {
            steps: params.steps,
            cool_down: params.cool_down,
            checkpoint_minutes: params.checkpoint_minutes,
            ..other.clone()
        };
        if about.kind != KIND || about.shape != *shape || same(&about.params) != *params {
            return Err(Error::file(
                &path,
                "a checkpoint of another training: remove it or use another folder",
            ));
        }
        let memory = &mut session.memory;
        let parts = [&mut session.weights.values, &mut memory.first, &mut memory.second];
        let mut matrices = matrices.into_iter();
        for values in parts.into_iter().flatten() {
            let found = matrices.next().map(|matrix| matrix.values);
            *values = found
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
        let about = About {
            kind: KIND.to_owned(),
            shape: self.shape.clone(),
            params: self.params.clone(),
            step: self.step,
            seconds: self.seconds,
            log: self.log.clone(),
            since: self.since,
        };
        let path = folder.join(CHECKPOINT);
        let about = serde_json::to_value(about).map_err(|fault| Error::file(&path, fault))?;
        let names = Weights::names(&self.shape);
        let memory = &self.memory;
        let parts = [
            ("now", &self.weights.values),
            ("first", &memory.first),
            ("second", &memory.second),
        ];
        let mut titles = Vec::new();
        for (part, values) in parts {
            for ((name, _, size), values) in names.iter().zip(values) {
                let size = if values.is_empty() { [0, size[1]] } else { *size };
                titles.push((format!("{part}/{name}"), size, values.as_slice()));
            }
        }
        let matrices: Vec<_> = titles
            .iter()
            .map(|(name, size, values)| (name.as_str(), *size, *values, Precision::Single))
            .collect();
        container::write(&path, &about, &matrices)
    }

    /// The steps made so far.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// What was logged.
    pub fn log(&self) -> &[Logged] {
        &self.log
    }

    /// Trains to the end, or until it is stopped. With a folder, `log.csv` and a checkpoint are kept there.
    ///
    /// # Errors
    /// [`Error::Params`] for songs of another design, or none; [`Error::Diverged`], [`Error::Interrupted`], [`Error::Io`].
    pub fn run(
        &mut self,
        train: &Songs,
        valid: Option<&Songs>,
        folder: Option<&Path>,
        watch: &dyn Watch,
    ) -> Result<()> {
        for songs in [Some(train), valid].into_iter().flatten() {
            if songs.steps.sizes() != self.shape.inputs || songs.steps.fields() != self.shape.fields {
                return Err(Error::Params(
                    "the network is not of the design of the songs".into(),
                ));
            }
        }
        let pool = Pool::of(train);
        if pool.all == 0 {
            return Err(Error::Params("there are no songs to learn from".into()));
        }
        if let Some(folder) = folder {
            std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
        }
        let mut lanes: Vec<Lane> = (0..self.params.lanes).map(|_| Lane::new(&self.shape)).collect();
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
            self.advance(train, &pool, &mut lanes)?;
            let (nats, places) = self.since;
            watch.step(self.step, self.params.steps, nats / places);
            if self.step.is_multiple_of(self.params.validate) || self.step == self.params.steps {
                let line = Logged {
                    step: self.step,
                    train: nats / places,
                    valid: valid.map(|songs| self.validate(songs)),
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

    /// One step.
    fn advance(&mut self, songs: &Songs, pool: &Pool, lanes: &mut [Lane]) -> Result<()> {
        let params = &self.params;
        let places = params.batch * params.places;
        let scale = 1.0 / places as f32;
        let count = lanes.len();
        let (shape, weights, step) = (&self.shape, &self.weights, self.step);
        lanes.par_iter_mut().enumerate().for_each(|(number, lane)| {
            lane.gradients
                .values
                .iter_mut()
                .for_each(|values| values.fill(0.0));
            lane.sums = (0.0, 0.0);
            for at in (number..params.batch).step_by(count) {
                let (window, seed) = draw(params, songs, pool, step, at);
                let dropout = Dropout {
                    of_256: (params.dropout * 256.0).round() as u32,
                    seed,
                };
                let sums = learn(
                    shape,
                    weights,
                    &window,
                    dropout,
                    scale,
                    &mut lane.gradients,
                    &mut lane.scratch,
                );
                lane.sums.0 += sums.iter().sum::<f64>();
                lane.sums.1 += window.places() as f64;
            }
        });
        let (first, others) = lanes.split_at_mut(1);
        for lane in others.iter() {
            first[0]
                .gradients
                .values
                .par_iter_mut()
                .zip(&lane.gradients.values)
                .for_each(|(all, own)| add(all, own));
        }
        let nats: f64 = lanes.iter().map(|lane| lane.sums.0).sum();
        if !nats.is_finite() {
            return Err(Error::Diverged { step: self.step + 1 });
        }
        self.since.0 += nats;
        self.since.1 += lanes.iter().map(|lane| lane.sums.1).sum::<f64>();
        params.optimiser.step(
            &self.shape,
            self.step + 1,
            params.share(self.step),
            &mut self.weights,
            &lanes[0].gradients,
            &mut self.memory,
        );
        self.step += 1;
        Ok(())
    }

    /// Nats of a place of up to 64 windows, the same every time, in the middle of songs, of which the genre is told.
    fn validate(&self, songs: &Songs) -> f64 {
        let places = self.params.places;
        let mut windows = Vec::new();
        for round in 0.. {
            let before = windows.len();
            for song in &songs.songs {
                let from = round * places;
                if windows.len() < 64 && (from == 0 || from + places <= song.times.len()) {
                    let mut controls = song.controls.clone();
                    controls.iter_mut().skip(1).for_each(|control| *control = UNTOLD);
                    windows.push(
                        songs
                            .steps
                            .window(&song.tokens, &song.times, from, places, &controls),
                    );
                }
            }
            if windows.len() == before || windows.len() >= 64 {
                break;
            }
        }
        let of = |scratch: &mut Scratch, window: &Window| {
            let all = costs(&self.shape, &self.weights, window, scratch);
            (
                all.into_iter().map(f64::from).sum::<f64>(),
                window.places() as f64,
            )
        };
        let parts: Vec<(f64, f64)> = windows.par_iter().map_init(Scratch::default, of).collect();
        let (nats, count) = parts
            .into_iter()
            .fold((0.0, 0.0), |all, one| (all.0 + one.0, all.1 + one.1));
        nats / f64::max(count, 1.0)
    }

    /// The network as it is.
    ///
    /// # Errors
    /// [`Error::Params`] if the steps are of another design.
    pub fn network(&self, steps: &Steps, context: usize) -> Result<Transformer> {
        Transformer::new(self.shape.clone(), self.weights.clone(), steps.clone(), context)
    }
}

/// Writes a training's log as a table.
pub(crate) fn write_log(log: &[Logged], path: &Path) -> Result<()> {
    let mut text = b"step,train,valid,seconds\n".to_vec();
    for line in log {
        let valid = line.valid.map(|v| format!("{v:.4}")).unwrap_or_default();
        writeln!(
            text,
            "{},{:.4},{valid},{:.0}",
            line.step, line.train, line.seconds
        )
        .map_err(Error::io(path))?;
    }
    std::fs::write(path, text).map_err(Error::io(path))
}

/// Gradients of some of a step's windows.
struct Lane {
    gradients: Weights,
    scratch: Scratch,
    /// Nats and places.
    sums: (f64, f64),
}

impl Lane {
    fn new(shape: &Shape) -> Self {
        Lane {
            gradients: Weights::zeros(shape),
            scratch: Scratch::default(),
            sums: (0.0, 0.0),
        }
    }
}

/// Where windows are drawn from: steps of all songs, those of the first genre first.
struct Pool {
    /// Songs, and the steps of those before and of itself.
    ends: Vec<(usize, usize)>,
    first: usize,
    all: usize,
}

impl Pool {
    fn of(songs: &Songs) -> Pool {
        let is_first = |at: &usize| songs.songs[*at].controls.first() == Some(&1);
        let (first, others): (Vec<usize>, Vec<usize>) = (0..songs.songs.len()).partition(is_first);
        let mut pool = Pool {
            ends: Vec::new(),
            first: 0,
            all: 0,
        };
        for (favoured, songs_of) in [(true, first), (false, others)] {
            for at in songs_of {
                pool.all += songs.songs[at].times.len();
                pool.ends.push((at, pool.all));
            }
            if favoured {
                pool.first = pool.all;
            }
        }
        pool
    }

    /// A song and a step of it.
    fn draw(&self, favour: f64, rng: &mut Rng) -> (usize, usize) {
        let both = favour > 0.0 && (1..self.all).contains(&self.first);
        let place = match both {
            false => rng.below(self.all),
            true if f64::from(unit(rng)) < favour => rng.below(self.first),
            true => self.first + rng.below(self.all - self.first),
        };
        let at = self.ends.partition_point(|(_, end)| *end <= place);
        let before = at.checked_sub(1).map_or(0, |before| self.ends[before].1);
        (self.ends[at].0, place - before)
    }
}

/// The window number `at` of a step, and a seed for what is dropped.
fn draw(params: &TrainParams, songs: &Songs, pool: &Pool, step: u64, at: usize) -> (Window, u64) {
    let mut rng = Rng::new(
        params
            .seed
            .wrapping_mul(0x9E37_79B9)
            .wrapping_add(step)
            .wrapping_mul(4_096)
            .wrapping_add(at as u64),
    );
    // Any step is as likely the first of a window; windows that would reach beyond a song's end begin earlier.
    let (number, place) = pool.draw(params.favour, &mut rng);
    let song = &songs.songs[number];
    // One window in sixteen is the song's beginning, which composing always starts from.
    let from = match rng.below(16) {
        0 => 0,
        _ => place.min(song.times.len().saturating_sub(params.places)),
    };
    let reach = (i32::from(params.transpose[1]) - i32::from(params.transpose[0])) as usize + 1;
    let by = (i32::from(params.transpose[0]) + rng.below(reach) as i32) as i8;
    let width = songs.steps.fields().len();
    let end = (from + params.places).min(song.times.len());
    // The step before the window is read by its first place.
    let first = from.saturating_sub(1);
    let mut tokens = song.tokens[first * width..end * width].to_vec();
    let mut moved = by;
    if !songs.moves.apply(&mut tokens, by) {
        tokens = song.tokens[first * width..end * width].to_vec();
        moved = 0;
    }
    let mut controls = song.controls.clone();
    if let Some(key) = controls.get_mut(1) {
        *key = moved_key(*key, moved);
    }
    for control in &mut controls {
        if unit(&mut rng) < params.untold as f32 {
            *control = UNTOLD;
        }
    }
    let mut window = songs.steps.window(
        &tokens,
        &song.times[first..end],
        from - first,
        params.places,
        &controls,
    );
    if let Moves::Table(_) = songs.moves
        && moved != 0
    {
        window.lost = Some((songs.steps.fields()[0] - 1) as u16);
    }
    (window, rng.next_u64())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use melisma_score::tokens::Compound;

    use super::*;
    use crate::network::Stage;
    use crate::songs::{self, Song};

    /// Songs of steps that follow one another by a rule.
    fn songs() -> Songs {
        let steps = Steps::of(&Compound::new(), &songs::control_sizes(1));
        let song = |number: u16| {
            let tokens: Vec<u16> = (0..120_u16)
                .flat_map(|at| {
                    let pitch = 60 + (at * (number + 1)) % 7;
                    [u16::from(at % 8 == 0), 3, at % 8 * 6, 20, 0, pitch, 5, 8]
                })
                .collect();
            Song {
                name: number.to_string(),
                times: steps.times(&tokens),
                tokens,
                controls: vec![1, 1, 5],
            }
        };
        Songs {
            genres: vec!["jazz".into()],
            songs: (0..3).map(song).collect(),
            moves: Moves::Pitches,
            steps,
        }
    }

    fn params() -> (Shape, TrainParams) {
        let songs = songs();
        let shape = Shape {
            inputs: songs.steps.sizes(),
            fields: songs.steps.fields(),
            stages: vec![Stage { layers: 1, fields: 5 }, Stage { layers: 1, fields: 3 }],
            width: 16,
            heads: 2,
            hidden: 32,
            told: 16,
        };
        let params = TrainParams {
            steps: 40,
            warm_up: 4,
            cool_down: 10,
            batch: 3,
            places: 24,
            validate: 10,
            checkpoint_minutes: 0.0,
            ..TrainParams::default()
        };
        (shape, params)
    }

    /// Ends a training after so many steps.
    struct After(AtomicU64);

    impl Watch for After {
        fn stopped(&self) -> bool {
            self.0.fetch_sub(1, Ordering::Relaxed) == 0
        }
    }

    #[test]
    fn a_training_that_was_ended_goes_on_to_the_same_bits_and_learns() {
        let ((shape, params), songs) = (params(), songs());
        let mut whole = Session::new(&shape, &params).unwrap();
        whole.run(&songs, Some(&songs), None, &()).unwrap();
        let log = whole.log();
        assert!(log[3].valid.unwrap() < log[0].valid.unwrap() - 1.0, "{log:?}");
        let folder = tempfile::tempdir().unwrap();
        for ended in [7, 18] {
            let mut part = Session::resume(&shape, &params, folder.path()).unwrap();
            let stop = After(AtomicU64::new(ended));
            let fault = part
                .run(&songs, Some(&songs), Some(folder.path()), &stop)
                .unwrap_err();
            assert!(matches!(fault, Error::Interrupted), "{fault}");
        }
        let mut rest = Session::resume(&shape, &params, folder.path()).unwrap();
        assert_eq!(rest.step(), 25);
        // On another number of threads, too.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        pool.install(|| rest.run(&songs, Some(&songs), Some(folder.path()), &()))
            .unwrap();
        assert!(rest.weights == whole.weights && rest.memory == whole.memory);
        let valid = |log: &[Logged]| log.iter().map(|line| line.valid).collect::<Vec<_>>();
        assert_eq!(valid(rest.log()), valid(whole.log()));
        let other = TrainParams {
            dropout: 0.2,
            ..params
        };
        let fault = Session::resume(&shape, &other, folder.path()).err().unwrap();
        assert!(fault.to_string().contains("another training"), "{fault}");
    }
}
