//! `melisma run`: a recipe, its results, its report, its model and its card.

use std::io::Write;
use std::path::PathBuf;

use melisma_dataset::data_dir;
use melisma_lab::{Error, Recipe, Watch};

use crate::args::RunArgs;
use crate::context::{Failed, Run, because, note, threads};
use crate::progress::Steps;

/// Runs the recipe, prints its results and writes its folder.
pub fn run(args: &RunArgs, run: &Run) -> Result<(), Failed> {
    let recipe = Recipe::read(&args.recipe).map_err(because)?;
    let data = data_dir(args.data.as_deref()).map_err(because)?;
    let folder = args
        .output
        .clone()
        .unwrap_or_else(|| PathBuf::from("results").join(recipe.name()));
    let threads = threads(args.threads);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(because)?;
    let steps = Steps::new();
    let watch = Watch {
        stop: run.stop(),
        say: &|line| steps.say(line),
        step: &|done, total| steps.step(done, total),
    };
    let all = || {
        let outcome = recipe.run(&data, Some(&folder), watch)?;
        let page = outcome.write(&folder, threads, watch)?;
        let shipped = recipe.ship(&data, &outcome, &folder, watch)?;
        Ok((outcome, page, shipped))
    };
    let result = pool.install(all);
    steps.finish();
    let (outcome, page, shipped) = result.map_err(|error| match error {
        Error::Interrupted => {
            note!("interrupted; the same command goes on where this one stopped");
            Failed::Interrupted
        }
        error => because(error),
    })?;
    note!("wrote {}", page.display());
    for path in shipped {
        note!("wrote {}", path.display());
    }
    let text = match args.json {
        true => outcome.to_json().map_err(because)?,
        false => outcome.to_markdown(),
    };
    Ok(writeln!(std::io::stdout(), "{}", text.trim_end())?)
}
