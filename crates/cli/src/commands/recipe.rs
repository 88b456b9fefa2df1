//! `melisma run`: a recipe, its results, its model and its card.

use std::io::Write;
use std::path::PathBuf;

use melisma_dataset::data_dir;
use melisma_learn::Recipe;

use crate::args::RunArgs;
use crate::context::{Failed, Run, because, note};

/// Runs the recipe, prints its results and writes its model and card where it is asked to.
pub fn run(args: &RunArgs, run: &Run) -> Result<(), Failed> {
    let recipe = Recipe::read(&args.recipe).map_err(because)?;
    let data = data_dir(args.data.as_deref()).map_err(because)?;
    let mut progress = |line: &str| {
        // Nothing is written before the end, so an interruption between two steps may simply end the program.
        if run.stopped() {
            std::process::exit(130);
        }
        note!("{line}");
    };
    let outcome = recipe.run(&data, &mut progress).map_err(because)?;
    if let Some(output) = &args.output {
        let with = |extension: &str| {
            let mut name = output.as_os_str().to_owned();
            name.push(extension);
            PathBuf::from(name)
        };
        outcome.write_model(&with(".bin")).map_err(because)?;
        outcome.write_card(&with(".md")).map_err(because)?;
        note!("wrote {} and {}", with(".bin").display(), with(".md").display());
    }
    let text = if args.json {
        outcome.to_json().map_err(because)?
    } else {
        outcome.to_markdown()
    };
    Ok(writeln!(std::io::stdout(), "{text}")?)
}
