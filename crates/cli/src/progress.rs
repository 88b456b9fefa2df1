//! Progress on standard error: a bar on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::context::note;

/// Seconds between two plain lines.
const INTERVAL: Duration = Duration::from_secs(10);

/// Progress over a number of files.
pub struct Progress {
    bar: Option<ProgressBar>,
    start: Instant,
    last: Instant,
    total: usize,
    done: usize,
    before: usize,
    audio_s: f64,
}

impl Progress {
    /// Over `total` files, of which `before` are done already.
    pub fn new(total: usize, before: usize) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total as u64).with_position(before as u64);
            bar.set_style(
                ProgressStyle::with_template("{bar:30} {pos}/{len} files  {msg}  {eta} left")
                    .expect("the template is valid"),
            );
            bar.reset_eta();
            bar
        });
        let now = Instant::now();
        Progress {
            bar,
            start: now,
            last: now,
            total,
            done: before,
            before,
            audio_s: 0.0,
        }
    }

    /// One file more, with so many seconds of audio.
    pub fn step(&mut self, audio_s: f64) {
        self.done += 1;
        self.audio_s += audio_s;
        let elapsed = self.start.elapsed().as_secs_f64().max(1e-3);
        let rate = format!("{:.0} x real time", self.audio_s / elapsed);
        if let Some(bar) = &self.bar {
            bar.set_message(rate);
            bar.inc(1);
        } else if self.last.elapsed() >= INTERVAL {
            self.last = Instant::now();
            let left = elapsed / (self.done - self.before) as f64 * (self.total - self.done) as f64;
            note!("{}/{} files, {rate}, {left:.0} s left", self.done, self.total);
        }
    }

    /// Prints a line above the bar.
    pub fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| note!("{line}")),
            None => note!("{line}"),
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Progress over a number of files that have no length in seconds.
pub struct Files {
    bar: Option<ProgressBar>,
    start: Instant,
    last: Instant,
    total: usize,
    done: usize,
}

impl Files {
    /// Over `total` files.
    pub fn new(total: usize) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{bar:30} {pos}/{len} files  {per_sec}  {eta} left");
            ProgressBar::new(total as u64).with_style(style.expect("the template is valid"))
        });
        let now = Instant::now();
        Files {
            bar,
            start: now,
            last: now,
            total,
            done: 0,
        }
    }

    /// So many files more.
    pub fn step(&mut self, files: usize) {
        self.done += files;
        if let Some(bar) = &self.bar {
            bar.inc(files as u64);
        } else if self.last.elapsed() >= INTERVAL {
            self.last = Instant::now();
            let rate = self.done as f64 / self.start.elapsed().as_secs_f64().max(1e-3);
            let left = (self.total - self.done) as f64 / rate;
            note!(
                "{}/{} files, {rate:.0} a second, {left:.0} s left",
                self.done,
                self.total
            );
        }
    }

    /// Prints a line above the bar.
    pub fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| note!("{line}")),
            None => note!("{line}"),
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Progress of an experiment: what is being done, and how far a search has come. May be told from any thread.
pub struct Steps {
    state: std::sync::Mutex<StepsState>,
    terminal: bool,
}

struct StepsState {
    bar: Option<ProgressBar>,
    start: Instant,
    last: Instant,
    total: usize,
    before: usize,
}

impl Steps {
    /// Nothing has begun.
    pub fn new() -> Self {
        let now = Instant::now();
        Steps {
            state: std::sync::Mutex::new(StepsState {
                bar: None,
                start: now,
                last: now,
                total: 0,
                before: 0,
            }),
            terminal: std::io::stderr().is_terminal(),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, StepsState> {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Prints what begins.
    pub fn say(&self, line: &str) {
        let mut state = self.state();
        if let Some(bar) = state.bar.take() {
            bar.finish_and_clear();
        }
        state.total = 0;
        note!("{line}");
    }

    /// So many fits of a search are done.
    pub fn step(&self, done: usize, total: usize) {
        let mut state = self.state();
        let now = Instant::now();
        if state.total != total || done < state.before {
            (state.start, state.last, state.total, state.before) = (now, now, total, done);
            if let Some(bar) = state.bar.take() {
                bar.finish_and_clear();
            }
            if self.terminal {
                let bar = ProgressBar::new(total as u64).with_position(done as u64);
                bar.set_style(
                    ProgressStyle::with_template("{bar:30} {pos}/{len} fits  {per_sec}  {eta} left")
                        .expect("the template is valid"),
                );
                bar.reset_eta();
                state.bar = Some(bar);
            }
        }
        if let Some(bar) = &state.bar {
            // Threads may tell in another order than they count.
            bar.set_position(bar.position().max(done as u64));
        } else if now.duration_since(state.last) >= INTERVAL && done > state.before {
            state.last = now;
            let rate = (done - state.before) as f64 / now.duration_since(state.start).as_secs_f64().max(1e-3);
            note!(
                "{done}/{total} fits, {rate:.1} a second, {:.0} s left",
                (total - done) as f64 / rate
            );
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = self.state().bar.take() {
            bar.finish_and_clear();
        }
    }
}
