//! `melisma`, the command line: parses, calls a library, prints.
//!
//! Exit codes: 0, all went well; 1, a check that was asked to be strict found something; 2, something that was asked for could not be done (the reason is on standard error); 130,
//! interrupted.

mod args;
mod commands;
mod context;
mod progress;
mod text;

use std::process::ExitCode;

use clap::Parser;

use crate::context::{Failed, Run, note};

fn main() -> ExitCode {
    melisma_audio::install_quiet_panic_hook();
    let args = args::Args::parse();
    let run = Run::start();
    let result = match &args.command {
        args::Command::Classify(a) => commands::classify::run(a, &run),
        args::Command::Compose(a) => commands::compose::run(a, &run),
        args::Command::Demo(a) => commands::demo::run(a, &run),
        args::Command::Dataset(a) => commands::dataset::run(a, &run),
        args::Command::Features(a) => commands::features::run(a, &run),
        args::Command::Info(a) => commands::info::run(a),
        args::Command::Explore(a) => commands::explore::run(a, &run),
        args::Command::Frames(a) => commands::frames::run(a),
        args::Command::Judge(a) => commands::judge::run(a, &run),
        args::Command::Measure(a) => commands::measure::run(a, &run),
        args::Command::Models(a) => commands::models::run(a, &run),
        args::Command::Nll(a) => commands::nll::run(a, &run),
        args::Command::Plot(a) => commands::plot::run(a, &run),
        args::Command::Render(a) => commands::render::run(a, &run),
        args::Command::Tokens(a) => commands::tokens::run(a, &run),
        args::Command::Train(a) => commands::train::run(a, &run),
        args::Command::Run(a) => commands::recipe::run(a, &run),
        args::Command::Evaluate(a) => commands::evaluate::run(a, &run),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has seen enough.
        Err(Failed::BrokenPipe) => ExitCode::SUCCESS,
        Err(Failed::Findings) => ExitCode::from(1),
        Err(Failed::Reported) => ExitCode::from(2),
        Err(Failed::Interrupted) => ExitCode::from(130),
        Err(Failed::Because(reason)) => {
            note!("melisma: {reason}");
            ExitCode::from(2)
        }
    }
}
