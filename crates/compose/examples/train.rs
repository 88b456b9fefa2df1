//! Trains a recipe without the program around it, which takes a minute to compile: `train RECIPE DATA FOLDER`.
//!
//! The checkpoint in the folder is the program's: `melisma train compose RECIPE --output FOLDER` goes on from it, measures and writes the model.

use std::path::Path;
use std::time::Instant;

use melisma_compose::latent::{LatentSession, measure};
use melisma_compose::train::{Logged, Session, Watch};
use melisma_compose::{AnyRecipe, Error};

/// Prints where the training is.
struct Print(Instant);

impl Watch for Print {
    fn step(&self, step: u64, steps: u64, train: f64) {
        if step.is_multiple_of(50) {
            let seconds = self.0.elapsed().as_secs_f64();
            eprintln!("{step}/{steps} steps, {train:.3} nats a step of training, {seconds:.0} s");
        }
    }

    fn logged(&self, line: &Logged) {
        eprintln!("{line:?}");
    }
}

fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [recipe, data, folder] = arguments.as_slice() else {
        return Err(Error::Params(
            "a recipe, the folder of its data and one to keep things in are needed".into(),
        ));
    };
    let folder = Path::new(folder);
    let watch = Print(Instant::now());
    match AnyRecipe::read(Path::new(recipe), Path::new(data))? {
        AnyRecipe::Network(recipe) => {
            let parts = recipe.songs()?;
            let shape = recipe.network.shape(&parts.train);
            eprintln!(
                "{} songs, {} numbers",
                parts.train.songs.len(),
                shape.parameters()
            );
            let mut session = Session::resume(&shape, &recipe.train, folder)?;
            session.run(&parts.train, Some(&parts.valid), Some(folder), &watch)
        }
        AnyRecipe::Latent(recipe) => {
            let parts = recipe.songs()?;
            let form = recipe.form(&parts.train);
            eprintln!("{} songs, {} numbers", parts.train.songs.len(), form.parameters());
            let mut session = LatentSession::resume(&form, &recipe.train, Some(folder))?;
            session.run(&parts.train, Some(&parts.valid), Some(folder), &watch)?;
            eprintln!("{:?}", measure(session.model(), &parts.valid, 1)?);
            Ok(())
        }
    }
}
