//! `melisma render`: scores to sound.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use melisma_audio::Hertz;
use melisma_audio::encode::{Depth, Format};
use melisma_score::{Repair, midi_files, read};
use melisma_synth::{Error, FileParams, Font, MasterParams, RenderParams, Synth, Written, render_to_file};
use rayon::prelude::*;
use serde::Serialize;

use crate::args::{Bits, RenderArgs, SoundFormat};
use crate::context::{Failed, Run, because, note, print_json, threads};
use crate::progress::Progress;
use crate::text::clock;

/// How far from the loudness asked for a file may be without a word, in LU.
const OFF_BY: f64 = 0.5;

/// A score and the file that is to be made of it.
struct Job {
    input: PathBuf,
    output: PathBuf,
    /// Whether folders on the way to it are made.
    in_folder: bool,
}

#[derive(Serialize)]
struct Printed<'a> {
    input: &'a Path,
    font: &'a str,
    #[serde(flatten)]
    written: &'a Written,
}

/// Renders every file; one that cannot be read or written is named, and the others go on.
pub fn run(args: &RenderArgs, run: &Run) -> Result<(), Failed> {
    let found = midi_files(&args.paths);
    for (path, fault) in &found.faults {
        note!("melisma: {}: {fault}", path.display());
    }
    if found.files.is_empty() && found.faults.is_empty() {
        return Err(because("no MIDI files (.mid, .midi, .kar, .rmi) there"));
    }
    let (format, jobs) = plan(args, found.files)?;
    let params = params(args, format)?;
    let synth = Synth::new(font(args)?);
    let count = threads(args.threads);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(count)
        .build()
        .map_err(because)?;
    let total = jobs.len() + found.faults.len();
    let mut failed = found.faults.len();
    let mut progress = Progress::new(jobs.len(), 0);
    let stop = || run.stopped();
    for jobs in jobs.chunks(count) {
        let results: Vec<_> = pool.install(|| {
            let render = |job: &Job| render(&synth, job, &params, &stop);
            jobs.par_iter().map(render).collect()
        });
        for (job, result) in jobs.iter().zip(results) {
            match result {
                Ok((repairs, written)) => {
                    let input = job.input.display();
                    for repair in repairs {
                        progress.say(&format!("melisma: {input}: {repair}"));
                    }
                    if let Some(missed) = missed(args, &written) {
                        progress.say(&format!("melisma: {input}: {missed}"));
                    }
                    progress.step(written.seconds);
                    print(&job.input, synth.font(), &written, args.json)?;
                }
                Err(Fault::Interrupted) => {
                    progress.finish();
                    note!("melisma: interrupted; the files that are there are complete");
                    return Err(Failed::Interrupted);
                }
                Err(Fault::Because(fault)) => {
                    failed += 1;
                    progress.say(&format!("melisma: {fault}"));
                    progress.step(0.0);
                }
            }
        }
    }
    progress.finish();
    if failed > 0 {
        note!("{failed} of {total} files could not be rendered");
        return Err(Failed::Reported);
    }
    Ok(())
}

enum Fault {
    Interrupted,
    Because(String),
}

fn render(
    synth: &Synth,
    job: &Job,
    params: &FileParams,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<(Vec<Repair>, Written), Fault> {
    let read = read(&job.input).map_err(|error| Fault::Because(error.to_string()))?;
    if let Some(folder) = job.output.parent().filter(|_| job.in_folder)
        && let Err(error) = std::fs::create_dir_all(folder)
    {
        return Err(Fault::Because(format!(
            "{}: cannot be made: {error}",
            folder.display()
        )));
    }
    match render_to_file(synth, &read.score, &job.output, params, stop) {
        Ok(written) => Ok((read.repairs, written)),
        Err(Error::Interrupted) => Err(Fault::Interrupted),
        // These two are about the score, and do not know its name.
        Err(error @ (Error::Empty | Error::TooLong { .. })) => {
            Err(Fault::Because(format!("{}: {error}", job.input.display())))
        }
        Err(error) => Err(Fault::Because(error.to_string())),
    }
}

/// Which file becomes which, and in what format.
fn plan(args: &RenderArgs, inputs: Vec<PathBuf>) -> Result<(Format, Vec<Job>), Failed> {
    let asked = args.format.map(|format| match format {
        SoundFormat::Wav => Format::Wav,
        SoundFormat::Flac => Format::Flac,
        SoundFormat::Mp3 => Format::Mp3,
        SoundFormat::Ogg => Format::Ogg,
    });
    let output = &args.output;
    let one = matches!(args.paths.as_slice(), [path] if !path.is_dir());
    if one && !output.is_dir() && output.extension().is_some() {
        let Some(format) = Format::of(output) else {
            return Err(because(format!(
                "{}: the name must end in .wav, .flac, .mp3 or .ogg (or .opus)",
                output.display()
            )));
        };
        if asked.is_some_and(|asked| asked != format) {
            return Err(because(format!(
                "{}: not a name for --format {}",
                output.display(),
                asked.unwrap_or(format)
            )));
        }
        let jobs = inputs.into_iter().map(|input| Job {
            input,
            output: output.clone(),
            in_folder: false,
        });
        return Ok((format, jobs.collect()));
    }
    if !output.is_dir() && Format::of(output).is_some() {
        return Err(because(format!(
            "{}: several scores need a folder, not a file",
            output.display()
        )));
    }
    let format = asked.unwrap_or(Format::Wav);
    let mut taken: HashMap<PathBuf, PathBuf> = HashMap::new();
    let mut jobs = Vec::new();
    for input in inputs {
        let mut place = output.join(below(&args.paths, &input));
        place.set_extension(format.extension());
        if let Some(other) = taken.insert(place.clone(), input.clone()) {
            return Err(because(format!(
                "{} and {} would both become {}",
                other.display(),
                input.display(),
                place.display()
            )));
        }
        jobs.push(Job {
            input,
            output: place,
            in_folder: true,
        });
    }
    Ok((format, jobs))
}

/// A file's place within the folder of the command line that it was found in; its name, where it was named itself.
fn below<'a>(paths: &[PathBuf], file: &'a Path) -> &'a Path {
    let folder = paths.iter().filter(|path| path.is_dir());
    let inside = folder.filter_map(|folder| file.strip_prefix(folder).ok());
    inside
        .max_by_key(|inside| inside.components().count())
        .unwrap_or_else(|| file.file_name().map_or(file, Path::new))
}

fn params(args: &RenderArgs, format: Format) -> Result<FileParams, Failed> {
    let rate = match (args.rate, format.fixed_rate()) {
        (Some(rate), Some(fixed)) if rate != fixed.0 => {
            return Err(because(format!("--rate {rate}: {format} files are at {fixed}")));
        }
        (Some(rate), _) => Hertz(rate),
        (None, fixed) => fixed.unwrap_or(RenderParams::default().rate),
    };
    Ok(FileParams {
        render: RenderParams {
            rate,
            effects: !args.dry,
            ..RenderParams::default()
        },
        master: MasterParams {
            loudness: args.loudness.0,
            ..MasterParams::default()
        },
        format,
        depth: match args.bits {
            Bits::Sixteen => Depth::Bits16,
            Bits::TwentyFour => Depth::Bits24,
            Bits::Float => Depth::Float,
        },
        stems: args.stems,
    })
}

/// What plays.
fn font(args: &RenderArgs) -> Result<Font, Failed> {
    match &args.soundfont {
        Some(name) if name.as_os_str() == "built-in" => Ok(Font::built_in()),
        Some(path) => Font::open(path).map_err(because),
        None => {
            let (font, faults) = Font::find();
            for fault in faults {
                note!("melisma: {fault}");
            }
            Ok(font)
        }
    }
}

/// What to say of a file whose loudness is not what was asked for.
fn missed(args: &RenderArgs, written: &Written) -> Option<String> {
    let target = args.loudness.0?;
    match written.levels.loudness {
        None => Some("nothing but silence".to_owned()),
        Some(loudness) if (loudness - target).abs() > OFF_BY => Some(format!(
            "{loudness:.1} LUFS, not {target:.1}: its peaks leave no room"
        )),
        Some(_) => None,
    }
}

fn print(input: &Path, font: &Font, written: &Written, json: bool) -> Result<(), Failed> {
    if json {
        return print_json(&Printed {
            input,
            font: font.name(),
            written,
        });
    }
    let loudness = match written.levels.loudness {
        Some(loudness) => format!("{loudness:.1} LUFS"),
        None => "silence".to_owned(),
    };
    let limited = match written.levels.limited {
        limited if limited >= 0.05 => format!(", peaks limited by {limited:.1} dB"),
        _ => String::new(),
    };
    let stems = match written.stems.len() {
        0 => String::new(),
        count => format!(", {count} stems"),
    };
    writeln!(
        std::io::stdout().lock(),
        "{}: {}, {loudness}{limited}{stems}, by {}",
        written.output.display(),
        clock(written.seconds),
        font.name()
    )?;
    Ok(())
}
