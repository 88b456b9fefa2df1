//! `melisma info`: what a file says about itself.

use std::borrow::Cow;
use std::io::Write;
use std::path::Path;

use melisma_audio::{Info, info};
use serde::Serialize;

use crate::args::InfoArgs;
use crate::context::{Failed, note, print_json};
use crate::text::clock;

#[derive(Serialize)]
struct Line<'a> {
    file: Cow<'a, str>,
    #[serde(flatten)]
    info: Info,
}

#[derive(Serialize)]
struct Fault<'a> {
    file: Cow<'a, str>,
    error: &'a str,
}

/// Shows each file; those that cannot be read are named at the end of the run by its exit code.
pub fn run(args: &InfoArgs) -> Result<(), Failed> {
    let mut failed = false;
    for file in &args.files {
        match info(file) {
            Ok(info) if args.json => print_json(&Line {
                file: file.to_string_lossy(),
                info,
            })?,
            Ok(info) => print(file, &info)?,
            Err(error) => {
                note!("melisma: {error}");
                failed = true;
                if args.json {
                    let message = error.to_string();
                    let error = message
                        .strip_prefix(&format!("{}: ", file.display()))
                        .unwrap_or(&message);
                    print_json(&Fault {
                        file: file.to_string_lossy(),
                        error,
                    })?;
                }
            }
        }
    }
    if failed { Err(Failed::Reported) } else { Ok(()) }
}

fn print(file: &Path, info: &Info) -> Result<(), Failed> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", file.display())?;
    writeln!(out, "  format       {} ({})", info.format, info.codec)?;
    writeln!(out, "  sample rate  {} Hz", info.sample_rate)?;
    writeln!(out, "  channels     {}", info.channels)?;
    if let Some(bits) = info.bits_per_sample {
        writeln!(out, "  bits         {bits}")?;
    }
    match (info.duration_s, info.frames) {
        (Some(seconds), Some(frames)) => {
            writeln!(out, "  length       {} ({frames} samples)", clock(seconds))?
        }
        _ => writeln!(out, "  length       unknown")?,
    }
    for (tag, value) in &info.tags {
        // A stranger's text must not steer the terminal.
        let value = value.replace(char::is_control, " ");
        writeln!(out, "  {tag:12} {value}")?;
    }
    Ok(())
}
