//! What the tests of the command line share: the binary, sounds that are made here, and tables read back.

// Each test binary uses its own part of these.
#![allow(dead_code)]

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Samples per second of most sounds here: what the program works at, so that nothing is resampled.
pub const RATE: u32 = 22_050;

/// Longer than any run of the program may take, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A command that runs the program with these arguments, texts and paths alike.
macro_rules! melisma {
    ($($arg:expr),* $(,)?) => {{
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_melisma"));
        // What the person who runs the tests has installed shall not answer in them.
        command.env("MELISMA_MODELS", concat!(env!("CARGO_TARGET_TMPDIR"), "/no-models"));
        $(command.arg($arg);)*
        command
    }};
}
pub(crate) use melisma;

/// What a run printed, and how it ended.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Asserts success, and hands back what was printed.
    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self
    }

    /// Asserts that it ended with code 2, and that one line of its complaint holds all of these.
    #[track_caller]
    pub fn refused(self, said: &[&str]) -> Self {
        assert_eq!(self.code, Some(2), "{said:?}\n{}\n{}", self.stdout, self.stderr);
        self.said(said)
    }

    /// Asserts that one line of standard error holds all of these.
    #[track_caller]
    pub fn said(self, said: &[&str]) -> Self {
        let found = self
            .stderr
            .lines()
            .any(|line| said.iter().all(|text| line.contains(text)));
        assert!(found, "no line holds {said:?}:\n{}", self.stderr);
        self
    }

    /// Standard output as JSON, one value to a line.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<serde_json::Value> {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.stdout.lines().map(parse).collect()
    }

    /// Standard output as a single JSON value.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        let mut lines = self.json_lines();
        assert_eq!(lines.len(), 1, "{}", self.stdout);
        lines.remove(0)
    }
}

/// Runs a command to its end; fails if it hangs or panics.
#[track_caller]
pub fn run(mut command: Command) -> Ran {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    finish(child)
}

/// Waits for a command whose output is piped.
#[track_caller]
pub fn finish(mut child: Child) -> Ran {
    let stdout = collect(child.stdout.take());
    let stderr = collect(child.stderr.take());
    let status = wait(&mut child);
    let (stdout, stderr) = (stdout.join().unwrap(), stderr.join().unwrap());
    assert!(!stderr.contains("panicked"), "{stderr}");
    Ran {
        code: status.code(),
        stdout,
        stderr,
    }
}

/// Waits for a child, but not for ever.
#[track_caller]
pub fn wait(child: &mut Child) -> ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if start.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("the program hangs");
        }
        thread::sleep(Duration::from_millis(2));
    }
}

fn collect(stream: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            stream.read_to_end(&mut bytes).unwrap();
        }
        String::from_utf8(bytes).unwrap()
    })
}

/// Sends a signal, by its name, to a child.
pub fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &child.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

/// Noise between -1 and 1, the same for the same seed.
pub struct Noise(u64);

impl Noise {
    pub fn new(seed: u64) -> Self {
        Noise(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn sample(&mut self) -> f32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}

/// A chord that changes every half second over bursts of noise on a beat; another piece for another seed.
pub fn music(seed: u64, seconds: f64, rate: u32) -> Vec<f32> {
    let mut noise = Noise::new(seed);
    let beat = rate as usize / 2;
    let root = 110.0 * (seed % 12) as f64 / 12.0 + 110.0;
    (0..(seconds * f64::from(rate)).round() as usize)
        .map(|n| {
            let time = n as f64 / f64::from(rate);
            let step = ((n / beat) as u64 + seed) % 4;
            let chord: f64 = [1.0, 1.26, 1.498]
                .iter()
                .map(|interval| {
                    let frequency = root * interval * (1.0 + step as f64 / 6.0);
                    (1..=4)
                        .map(|k| (std::f64::consts::TAU * frequency * k as f64 * time).sin() / k as f64)
                        .sum::<f64>()
                })
                .sum();
            let burst = (-30.0 * (n % beat) as f64 / f64::from(rate)).exp();
            (0.06 * chord) as f32 + 0.2 * burst as f32 * noise.sample() + 0.002 * noise.sample()
        })
        .collect()
}

/// Formats of samples in a wav file.
pub const PCM: u16 = 1;
pub const FLOAT: u16 = 3;

/// A wav file whose header may promise more than there is.
pub fn wav_promising(tag: u16, bits: u16, channels: u16, rate: u32, data: &[u8], promised: u32) -> Vec<u8> {
    let frame = channels.wrapping_mul(bits / 8);
    let mut bytes = b"RIFF".to_vec();
    bytes.extend(promised.saturating_add(36).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0");
    bytes.extend(tag.to_le_bytes());
    bytes.extend(channels.to_le_bytes());
    bytes.extend(rate.to_le_bytes());
    bytes.extend(rate.wrapping_mul(u32::from(frame)).to_le_bytes());
    bytes.extend(frame.to_le_bytes());
    bytes.extend(bits.to_le_bytes());
    bytes.extend(b"data");
    bytes.extend(promised.to_le_bytes());
    bytes.extend(data);
    bytes
}

/// A mono wav file of 16 bits.
pub fn wav16(samples: &[f32]) -> Vec<u8> {
    let data: Vec<u8> = samples
        .iter()
        .flat_map(|s| ((s * 32_767.0) as i16).to_le_bytes())
        .collect();
    wav_promising(PCM, 16, 1, RATE, &data, data.len() as u32)
}

/// A mono wav file of 32-bit floats, which keeps every sample as it is.
pub fn wav_float(samples: &[f32]) -> Vec<u8> {
    let data: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
    wav_promising(FLOAT, 32, 1, RATE, &data, data.len() as u32)
}

/// Puts bytes into a file, in folders that are made as needed.
pub fn put(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = path.as_ref();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
    path.to_owned()
}

/// The names in a folder, in order.
pub fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// A table as it stands in a file.
#[derive(Debug, PartialEq)]
pub struct Table {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    #[track_caller]
    pub fn read(path: &Path) -> Self {
        Self::parse(
            &std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())),
        )
    }

    #[track_caller]
    pub fn parse(text: &str) -> Self {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let columns = reader.headers().unwrap().iter().map(str::to_owned).collect();
        let rows = reader
            .records()
            .map(|row| row.unwrap().iter().map(str::to_owned).collect())
            .collect();
        Table { columns, rows }
    }

    /// A column by its name.
    #[track_caller]
    pub fn column(&self, name: &str) -> Vec<&str> {
        let index = self.columns.iter().position(|column| column == name);
        let index = index.unwrap_or_else(|| panic!("no column {name} in {:?}", self.columns));
        self.rows.iter().map(|row| row[index].as_str()).collect()
    }

    /// The first column.
    pub fn names(&self) -> Vec<&str> {
        self.column("filename")
    }

    /// The values between name, length and label.
    pub fn values(&self) -> Vec<Vec<f64>> {
        let is_value = |column: &str| !["filename", "length", "label"].contains(&column);
        let row_values = |row: &Vec<String>| {
            let pairs = self
                .columns
                .iter()
                .zip(row)
                .filter(|(column, _)| is_value(column));
            pairs.map(|(_, value)| value.parse().unwrap()).collect()
        };
        self.rows.iter().map(row_values).collect()
    }

    /// Asserts that there are rows, and that every value is a number.
    #[track_caller]
    pub fn all_finite(self) -> Self {
        assert!(!self.rows.is_empty());
        for (row, values) in self.rows.iter().zip(self.values()) {
            assert!(values.iter().all(|value| value.is_finite()), "{row:?}");
        }
        self
    }
}
