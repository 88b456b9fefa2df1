//! `melisma dataset`: commands on whole collections, one file each.

mod augment;
mod build;
mod check;
mod spectrograms;
mod split;

use melisma_dataset::Collection;
use melisma_dataset::collection::{OpenOptions, open_with};

use crate::args::{CollectionArgs, DatasetArgs, DatasetCommand};
use crate::context::{Failed, Run, because};

/// Runs the subcommand.
pub fn run(args: &DatasetArgs, run: &Run) -> Result<(), Failed> {
    match &args.command {
        DatasetCommand::Check(a) => check::run(a, run),
        DatasetCommand::Split(a) => split::run(a),
        DatasetCommand::Build(a) => build::run(a, run),
        DatasetCommand::Augment(a) => augment::run(a, run),
        DatasetCommand::Spectrograms(a) => spectrograms::run(a, run),
    }
}

/// Opens the collection that the flags describe.
fn open(args: &CollectionArgs) -> Result<Box<dyn Collection>, Failed> {
    let options = OpenOptions {
        kind: args.kind,
        genre: args.genre,
        lists: args.lists.clone(),
    };
    open_with(&args.path, &options).map_err(because)
}
