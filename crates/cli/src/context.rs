//! What every command shares: how it fails, and how it is told to stop.

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Why a command ends without success.
pub enum Failed {
    /// For this reason, which is still to be printed.
    Because(String),
    /// For reasons that have been printed.
    Reported,
    /// A strict check found something; it has been printed.
    Findings,
    /// It was interrupted.
    Interrupted,
    /// Its output is no longer read.
    BrokenPipe,
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failed::BrokenPipe,
            _ => Failed::Because(format!("standard output: {error}")),
        }
    }
}

/// Makes a reason of any error that says what it is about itself.
pub fn because(error: impl std::fmt::Display) -> Failed {
    Failed::Because(error.to_string())
}

/// Prints a line on standard error; that nobody reads it is no reason to fail, as `eprintln` would.
macro_rules! note {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($text)*);
    }};
}
pub(crate) use note;

/// The state of a run.
pub struct Run {
    stop: Arc<AtomicBool>,
}

impl Run {
    /// Starts listening for an interruption: the first asks the command to end in good order, the second ends it.
    pub fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = stop.clone();
        // Without a handler an interruption ends the program at once, which harms nothing but progress.
        let _ = ctrlc::set_handler(move || {
            if flag.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
        });
        Run { stop }
    }

    /// Set once the run shall end.
    pub fn stop(&self) -> &AtomicBool {
        &self.stop
    }

    /// Whether the run shall end.
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// The number of threads asked for, or as many as there are processors.
pub fn threads(asked: Option<NonZeroUsize>) -> usize {
    asked
        .or_else(|| std::thread::available_parallelism().ok())
        .map_or(1, NonZeroUsize::get)
}

/// Prints one value as a line of JSON.
pub fn print_json(value: &impl serde::Serialize) -> Result<(), Failed> {
    let mut line = serde_json::to_vec(value).map_err(because)?;
    line.push(b'\n');
    io::stdout().lock().write_all(&line).map_err(Failed::from)
}
