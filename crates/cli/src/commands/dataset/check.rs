//! `melisma dataset check`: what is wrong with a collection.

use crate::args::CheckArgs;
use crate::context::{Failed, Run, because, note, print_json};

/// Walks the collection and names the entries that cannot be used.
pub fn run(args: &CheckArgs, run: &Run) -> Result<(), Failed> {
    let collection = super::open(&args.collection)?;
    let (mut recordings, mut faults) = (0_usize, 0_usize);
    for recording in collection.recordings().map_err(because)? {
        if run.stopped() {
            return Err(Failed::Interrupted);
        }
        match recording {
            Ok(_) => recordings += 1,
            Err(fault) => {
                note!("melisma: {fault}");
                faults += 1;
            }
        }
    }
    if args.json {
        print_json(&serde_json::json!({ "recordings": recordings, "faults": faults }))?;
    } else {
        note!(
            "{}: {recordings} recordings, {faults} faulty entries",
            collection.name()
        );
    }
    if args.strict && faults > 0 {
        return Err(Failed::Findings);
    }
    Ok(())
}
