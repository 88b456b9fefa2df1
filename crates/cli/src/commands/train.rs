//! `melisma train`: networks that compose, from a recipe or a folder.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use melisma_compose::container::Precision;
use melisma_compose::data::Parts;
use melisma_compose::latent::{LatentModel, LatentSession, Measured, measure};
use melisma_compose::songs::{Song, Songs};
use melisma_compose::train::{Logged, Session, Watch};
use melisma_compose::{
    AnyRecipe, Composer, Error, Judge, Judged, LatentRecipe, Recipe, Transformer, Typical,
};
use melisma_dataset::data_dir;
use melisma_plot::{Caption, Line, Lines};
use serde::Serialize;

use crate::args::{TrainArgs, TrainCommand, TrainComposeArgs};
use crate::context::{Failed, Run, because, note, print_json, threads};

/// Seconds between two plain lines.
const INTERVAL: Duration = Duration::from_secs(20);

/// Trains what was asked for.
pub fn run(args: &TrainArgs, run: &Run) -> Result<(), Failed> {
    let TrainCommand::Compose(args) = &args.command;
    let recipe = match (&args.recipe, &args.data) {
        (Some(path), data) => {
            let data = data_dir(data.as_deref()).map_err(because)?;
            AnyRecipe::read(path, &data).map_err(because)?
        }
        (None, Some(folder)) => AnyRecipe::Network(Recipe::for_folder(folder)),
        (None, None) => return Err(because("a recipe or a folder of MIDI files is needed")),
    };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads(args.threads))
        .build()
        .map_err(because)?;
    let folder = |name: &str| match &args.output {
        Some(folder) => folder.clone(),
        None => PathBuf::from("results").join(name),
    };
    pool.install(|| match recipe {
        AnyRecipe::Network(recipe) => {
            let recipe = changed(args, recipe)?;
            train(args, &recipe, &folder(&recipe.name), run)
        }
        AnyRecipe::Latent(mut recipe) => {
            let train = &mut recipe.train;
            if let Some(steps) = args.steps {
                train.steps = steps;
                train.warm_up = train.warm_up.min(steps / 10);
            }
            train.seed = args.seed.unwrap_or(train.seed);
            train.check().map_err(because)?;
            train_latent(args, &recipe, &folder(&recipe.name), run)
        }
    })
}

/// A recipe with what was asked for otherwise.
fn changed(args: &TrainComposeArgs, mut recipe: Recipe) -> Result<Recipe, Failed> {
    let train = &mut recipe.train;
    if let Some(steps) = args.steps {
        train.steps = steps;
        // What does not fit any more is shortened in proportion.
        train.warm_up = train.warm_up.min(steps / 10);
        train.cool_down = train.cool_down.min(steps / 3);
    }
    train.cool_down = args.cool_down.unwrap_or(train.cool_down);
    train.seed = args.seed.unwrap_or(train.seed);
    train.check().map_err(because)?;
    Ok(recipe)
}

/// Follows a training on standard error.
struct Follow<'a> {
    run: &'a Run,
    state: Mutex<(Instant, Instant, Option<u64>)>,
}

impl Watch for Follow<'_> {
    fn stopped(&self) -> bool {
        self.run.stopped()
    }

    fn step(&self, step: u64, steps: u64, train: f64) {
        let mut state = self
            .state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let (began, told, first) = *state;
        let first = first.unwrap_or(step - 1);
        state.2 = Some(first);
        if told.elapsed() < INTERVAL {
            return;
        }
        state.1 = Instant::now();
        let rate = (step - first) as f64 / began.elapsed().as_secs_f64().max(1e-3);
        let left = (steps - step) as f64 / rate / 60.0;
        note!(
            "{step}/{steps} steps, {rate:.2} a second, {left:.0} min left, {train:.3} nats a step of training"
        );
    }

    fn logged(&self, line: &Logged) {
        let valid = line
            .valid
            .map_or(String::new(), |valid| format!(", {valid:.3} of validation"));
        note!(
            "step {}: {:.3} nats a step of training{valid}, {:.0} s",
            line.step,
            line.train,
            line.seconds
        );
    }
}

#[derive(Serialize)]
struct Outcome<'a> {
    model: &'a Path,
    parameters: usize,
    train_songs: usize,
    steps: u64,
    seconds: f64,
    valid: Option<Reached>,
    test: Option<Reached>,
}

/// What pieces cost in sum.
#[derive(Serialize)]
struct Reached {
    songs: usize,
    notes: Option<usize>,
    nats_per_note: Option<f64>,
    median_nats_per_note: Option<f64>,
    nats_per_token: Option<f64>,
    unigram_nats_per_token: Option<f64>,
}

fn train(args: &TrainComposeArgs, recipe: &Recipe, folder: &Path, run: &Run) -> Result<(), Failed> {
    let parts = recipe.songs().map_err(because)?;
    for (file, fault) in &parts.faults {
        note!("melisma: {file}: {fault}");
    }
    let Parts {
        train, valid, test, ..
    } = &parts;
    let shape = recipe.network.shape(train);
    let steps: usize = train.songs.iter().map(|song| song.times.len()).sum();
    note!(
        "{} songs of {} genres to learn from ({steps} steps), {} for validation, {} for test; {} numbers to learn",
        train.songs.len(),
        train.genres.len(),
        valid.songs.len(),
        test.songs.len(),
        shape.parameters()
    );
    let mut session = Session::resume(&shape, &recipe.train, folder).map_err(because)?;
    if session.step() > 0 {
        note!("going on from step {}", session.step());
    }
    let now = Instant::now();
    let follow = Follow {
        run,
        state: Mutex::new((now, now, None)),
    };
    let chosen = (!valid.songs.is_empty()).then_some(valid);
    session.run(train, chosen, Some(folder), &follow).map_err(ended)?;
    curve(session.log(), folder)?;
    let composer = Composer {
        name: recipe.name.clone(),
        genres: train.genres.clone(),
        about: parts.about.clone(),
        typical: match recipe.design == "compound" {
            true => {
                // Those of the first genre, or all where there is but one.
                let first = |song: &&Song| song.controls.first() == Some(&1);
                let pieces: Vec<&[u16]> = train
                    .songs
                    .iter()
                    .filter(first)
                    .map(|song| song.tokens.as_slice())
                    .collect();
                Typical::of(&pieces)
            }
            false => Vec::new(),
        },
        network: session
            .network(&train.steps, recipe.network.context)
            .map_err(because)?,
    };
    let model = folder.join(format!("{}.melcomp", recipe.name));
    composer.write(&model, Precision::Eight).map_err(because)?;
    // What is measured is what was written.
    let composer = Composer::read(&model).map_err(because)?;
    let outcome = Outcome {
        model: &model,
        parameters: shape.parameters(),
        train_songs: train.songs.len(),
        steps: session.step(),
        seconds: session.log().last().map_or(0.0, |line| line.seconds),
        valid: reached(&composer, valid)?,
        test: reached(&composer, test)?,
    };
    if args.json {
        return print_json(&outcome);
    }
    let mut out = std::io::stdout().lock();
    for (part, reached) in [("validation", &outcome.valid), ("test", &outcome.test)] {
        let Some(reached) = reached else { continue };
        let number = |x: Option<f64>| x.map_or("-".to_owned(), |x| format!("{x:.3}"));
        writeln!(
            out,
            "{part}: {} songs, {} nats a note (median of songs {}), {} a token; by frequencies alone {}",
            reached.songs,
            number(reached.nats_per_note),
            number(reached.median_nats_per_note),
            number(reached.nats_per_token),
            number(reached.unigram_nats_per_token)
        )?;
    }
    note!("wrote {}", model.display());
    Ok(())
}

#[derive(Serialize)]
struct LatentOutcome<'a> {
    model: &'a Path,
    parameters: usize,
    steps: u64,
    seconds: f64,
    valid: Option<Measured>,
    test: Option<Measured>,
    /// What the same sequences of the test cost by the frequencies of training alone.
    unigram_nats_per_step: Option<f64>,
}

fn train_latent(
    args: &TrainComposeArgs,
    recipe: &LatentRecipe,
    folder: &Path,
    run: &Run,
) -> Result<(), Failed> {
    let parts = recipe.songs().map_err(because)?;
    for (file, fault) in &parts.faults {
        note!("melisma: {file}: {fault}");
    }
    let form = recipe.form(&parts.train);
    note!(
        "{} songs to learn from, {} numbers to learn",
        parts.train.songs.len(),
        form.parameters()
    );
    let mut session = LatentSession::resume(&form, &recipe.train, Some(folder)).map_err(because)?;
    if session.step() > 0 {
        note!("going on from step {}", session.step());
    }
    let now = Instant::now();
    let follow = Follow {
        run,
        state: Mutex::new((now, now, None)),
    };
    let chosen = (!parts.valid.songs.is_empty()).then_some(&parts.valid);
    session
        .run(&parts.train, chosen, Some(folder), &follow)
        .map_err(ended)?;
    curve(session.log(), folder)?;
    let model = folder.join(format!("{}.melcomp", recipe.name));
    LatentModel {
        name: recipe.name.clone(),
        about: parts.about.clone(),
        steps: parts.train.steps.clone(),
        model: session.model().clone(),
    }
    .write(&model, Precision::Eight)
    .map_err(because)?;
    // What is measured is what was written.
    let written = LatentModel::read(&model).map_err(because)?;
    let of = |songs: &Songs| match songs.songs.is_empty() {
        true => Ok(None),
        false => measure(&written.model, songs, recipe.train.seed)
            .map(Some)
            .map_err(because),
    };
    let width = form.fields.len();
    let unigram = parts.about.unigram();
    let costs: Vec<f64> = parts
        .test
        .songs
        .iter()
        .flat_map(|song| {
            song.tokens
                .chunks_exact(form.places * width)
                .flatten()
                .enumerate()
        })
        .map(|(at, token)| unigram[at % width][usize::from(*token)])
        .collect();
    let outcome = LatentOutcome {
        model: &model,
        parameters: form.parameters(),
        steps: session.step(),
        seconds: session.log().last().map_or(0.0, |line| line.seconds),
        valid: of(&parts.valid)?,
        test: of(&parts.test)?,
        unigram_nats_per_step: (!costs.is_empty())
            .then(|| costs.iter().sum::<f64>() / (costs.len() / width) as f64),
    };
    if args.json {
        return print_json(&outcome);
    }
    let mut out = std::io::stdout().lock();
    for (part, measured) in [("validation", &outcome.valid), ("test", &outcome.test)] {
        let Some(m) = measured else { continue };
        writeln!(
            out,
            "{part}: {} sequences of {} steps; nats a step: {:.3} with their latents, {:.3} with chance ones, {:.3} divergence included (negative ELBO); \
             {:.1} nats of divergence a sequence, {} of {} numbers of a latent in use",
            m.sequences,
            m.places,
            m.reconstruction,
            m.from_prior,
            m.negative_elbo,
            m.divergence,
            m.active_units,
            m.units
        )?;
    }
    if let Some(nats) = outcome.unigram_nats_per_step {
        writeln!(out, "test, by frequencies alone: {nats:.3}")?;
    }
    note!("wrote {}", model.display());
    Ok(())
}

/// Why a training did not end.
fn ended(fault: Error) -> Failed {
    match fault {
        Error::Interrupted => {
            note!("interrupted; the same command goes on where this one stopped");
            Failed::Interrupted
        }
        fault => because(fault),
    }
}

/// What songs cost under a network that is told their genre and nothing else.
fn reached(composer: &Composer, songs: &Songs) -> Result<Option<Reached>, Failed> {
    if songs.songs.is_empty() {
        return Ok(None);
    }
    let judge = Judge::new(&composer.about);
    let mut all = Vec::new();
    for song in &songs.songs {
        let mut controls = song.controls.clone();
        controls.iter_mut().skip(1).for_each(|control| *control = 0);
        let network: Transformer = composer
            .network
            .clone()
            .with_controls(&controls)
            .map_err(because)?;
        all.push(judge.piece(&network, &song.tokens).map_err(because)?);
    }
    let sum = Judged::sum(&all);
    let mut each: Vec<f64> = all.iter().filter_map(Judged::per_note).collect();
    each.sort_by(f64::total_cmp);
    let middle = match each.len() {
        0 => None,
        n => Some((each[(n - 1) / 2] + each[n / 2]) / 2.0),
    };
    Ok(Some(Reached {
        songs: all.len(),
        notes: sum.notes,
        nats_per_note: sum.per_note(),
        median_nats_per_note: middle,
        nats_per_token: sum.per_token(),
        unigram_nats_per_token: sum.unigram_per_token(),
    }))
}

/// Draws nats of training and validation over steps, beside the log.
fn curve(log: &[Logged], folder: &Path) -> Result<(), Failed> {
    if log.len() < 2 {
        return Ok(());
    }
    let x: Vec<f64> = log.iter().map(|line| line.step as f64).collect();
    let train: Vec<f64> = log.iter().map(|line| line.train).collect();
    let valid: Vec<f64> = log.iter().map(|line| line.valid.unwrap_or(f64::NAN)).collect();
    let line = |name, y| Line { name, x: &x, y };
    let mut lines = vec![line("training", &train)];
    if valid.iter().any(|value| value.is_finite()) {
        lines.push(line("validation", &valid));
    }
    let figure = Lines {
        lines: &lines,
        x_axis: "steps",
        y_axis: "nats a step of the piece",
        ..Lines::default()
    };
    let caption = Caption::new(
        "curve",
        "What a step of the piece costs",
        "Nats of a step, of training and validation, over the steps of training",
    );
    figure
        .draw(&caption)
        .and_then(|figure| figure.write(folder))
        .map_err(because)?;
    Ok(())
}
