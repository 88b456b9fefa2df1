//! Scores to files: rendered, brought to their level, encoded; the mix, and each track beside it.
//!
//! What is short is held in memory; what is long is rendered once to learn its level and once to be written, so that memory
//! does not grow with it but for eight bytes of each block of 1.5 ms.

use std::path::{Path, PathBuf};

use melisma_audio::encode::{Depth, Encoder, Format};
use melisma_score::Score;
use melisma_score::general_midi::program_name;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::master::{Curve, Levels, Master, MasterParams};
use crate::render::{RenderParams, Renderer, Synth};

/// Samples of each channel that are rendered between two looks at whether to go on.
const PIECE: usize = 1 << 15;
/// Samples of each channel that are held in memory at most: ten minutes at 44,100 Hz, 212 MB.
const HELD: u64 = 600 * 44_100;
/// Characters of a track's name in its stem's.
const NAME: usize = 40;

/// How a score becomes files.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FileParams {
    /// How it is rendered.
    pub render: RenderParams,
    /// What level it is brought to.
    pub master: MasterParams,
    /// What the files are.
    pub format: Format,
    /// How exactly they keep samples.
    pub depth: Depth,
    /// Whether each track is written too, into `NAME-stems` beside the file: as it sounds in the mix, as long as the mix, under the same
    /// gains, so that all together are the mix.
    pub stems: bool,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Written {
    /// The mix.
    pub output: PathBuf,
    /// The tracks, if they were asked for.
    pub stems: Vec<PathBuf>,
    /// Samples of each channel per second.
    pub rate: u32,
    /// Length in seconds.
    pub seconds: f64,
    /// What was done to the level.
    #[serde(flatten)]
    pub levels: Levels,
}

/// Renders a score into a file, and its tracks into others. Files that are there are replaced when the new ones are complete.
///
/// # Errors
/// Those of [`Synth::render`]; [`Error::Audio`] where a file cannot be written; [`Error::Interrupted`] soon after `stop` says so.
pub fn render_to_file(
    synth: &Synth,
    score: &Score,
    path: &Path,
    params: &FileParams,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Written> {
    render_holding(HELD, synth, score, path, params, stop)
}

/// As [`render_to_file`], holding so many samples of each channel at most.
fn render_holding(
    held: u64,
    synth: &Synth,
    score: &Score,
    path: &Path,
    params: &FileParams,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Written> {
    let rate = params.render.rate;
    // Before the work, not after it: a place that cannot be written, a rate that the format does not have.
    let mut out = Encoder::create(path, params.format, rate, params.depth)?;
    let mut master = Master::new(rate);
    let renderer = synth.begin(score, &params.render)?;
    let hold = renderer.frames_of_notes() <= held;
    let mut held = (Vec::new(), Vec::new());
    let frames = each(renderer, stop, |_, left, right| {
        master.listen(left, right);
        if hold {
            held.0.extend_from_slice(left);
            held.1.extend_from_slice(right);
        }
        Ok(())
    })?;
    let curve = master.decide(&params.master);
    if hold {
        curve.apply(0, [&mut held.0, &mut held.1]);
        for (left, right) in held.0.chunks(PIECE).zip(held.1.chunks(PIECE)) {
            if stop() {
                return Err(Error::Interrupted);
            }
            out.write(left, right)?;
        }
    } else {
        write(
            synth.begin(score, &params.render)?,
            &curve,
            frames,
            &mut out,
            stop,
        )?;
    }
    out.finish()?;
    drop(held);
    let stems = match params.stems {
        true => stems(synth, score, path, params, &curve, frames, stop)?,
        false => Vec::new(),
    };
    Ok(Written {
        output: path.to_owned(),
        stems,
        rate: rate.0,
        seconds: frames as f64 / f64::from(rate.0),
        levels: curve.levels(),
    })
}

fn stems(
    synth: &Synth,
    score: &Score,
    path: &Path,
    params: &FileParams,
    curve: &Curve,
    frames: u64,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Vec<PathBuf>> {
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push("-stems");
    let folder = path.with_file_name(name);
    std::fs::create_dir_all(&folder).map_err(|source| Error::Io {
        path: folder.clone(),
        source,
    })?;
    let mut written = Vec::new();
    for (at, track) in score
        .tracks
        .iter()
        .enumerate()
        .filter(|(_, track)| !track.notes.is_empty())
    {
        let instrument = if track.drums {
            "drums"
        } else {
            program_name(track.program)
        };
        let name = match plain(&track.name) {
            name if name.is_empty() => plain(instrument),
            name => name,
        };
        let path = folder.join(format!("{:02} {name}.{}", at + 1, params.format.extension()));
        let mut out = Encoder::create(&path, params.format, params.render.rate, params.depth)?;
        write(
            synth.begin_stem(score, at, &params.render)?,
            curve,
            frames,
            &mut out,
            stop,
        )?;
        out.finish()?;
        written.push(path);
    }
    Ok(written)
}

/// What of a name can be part of any system's file names.
fn plain(name: &str) -> String {
    let kept = name.chars().map(|c| match c {
        c if c.is_alphanumeric() => c,
        '-' | '_' | '\'' | '(' | ')' | '+' | '&' => c,
        _ => ' ',
    });
    let kept: String = kept.collect();
    let words: Vec<&str> = kept.split_whitespace().collect();
    words
        .join(" ")
        .chars()
        .take(NAME)
        .collect::<String>()
        .trim_end()
        .to_owned()
}

/// Writes what is rendered under the curve's gains, `frames` long: what is longer is cut, what is shorter filled with silence.
fn write(
    renderer: Renderer,
    curve: &Curve,
    frames: u64,
    out: &mut Encoder,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<()> {
    let done = each(renderer, stop, |start, left, right| {
        let count = frames.saturating_sub(start).min(left.len() as u64) as usize;
        let (left, right) = (&mut left[..count], &mut right[..count]);
        curve.apply(start, [left, right]);
        Ok(out.write(left, right)?)
    })?;
    let silence = vec![0.0; PIECE];
    let mut missing = frames.saturating_sub(done);
    while missing > 0 {
        let count = missing.min(PIECE as u64) as usize;
        out.write(&silence[..count], &silence[..count])?;
        missing -= count as u64;
    }
    Ok(())
}

/// Hands on what is rendered, piece by piece with its place; returns how many samples of each channel there were.
fn each(
    mut renderer: Renderer,
    stop: &(dyn Fn() -> bool + Sync),
    mut take: impl FnMut(u64, &mut [f32], &mut [f32]) -> Result<()>,
) -> Result<u64> {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    let mut start = 0;
    loop {
        if stop() {
            return Err(Error::Interrupted);
        }
        left.clear();
        right.clear();
        let count = renderer.read(&mut left, &mut right, PIECE)?;
        if count == 0 {
            return Ok(start);
        }
        take(start, &mut left, &mut right)?;
        start += count as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::font::Font;
    use melisma_score::{Note, Track};

    #[test]
    fn what_is_rendered_twice_is_what_is_held() {
        let note = |at: u32| Note {
            onset: at * 240,
            pitch: 48 + (at * 7 % 24) as u8,
            duration: 300,
            velocity: 110,
        };
        let score = Score {
            tracks: vec![Track {
                notes: (0..16).map(note).collect(),
                ..Track::default()
            }],
            ..Score::default()
        };
        let synth = Synth::new(Font::built_in());
        let folder = tempfile::tempdir().unwrap();
        let params = FileParams {
            render: RenderParams::default(),
            master: MasterParams::default(),
            format: Format::Wav,
            depth: Depth::Bits16,
            stems: false,
        };
        let bytes = |held| {
            let path = folder.path().join("a.wav");
            let written = render_holding(held, &synth, &score, &path, &params, &|| false).unwrap();
            assert!((written.levels.loudness.unwrap() + 14.0).abs() < 0.1);
            std::fs::read(path).unwrap()
        };
        assert!(bytes(0) == bytes(HELD), "the files differ");
        let stopped = render_to_file(&synth, &score, &folder.path().join("b.wav"), &params, &|| true);
        assert!(matches!(stopped, Err(Error::Interrupted)));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn names_of_tracks_become_names_of_files() {
        assert_eq!(plain("Lead / Gtr: \"1\"\0"), "Lead Gtr 1");
        assert_eq!(plain("../../etc"), "etc");
        assert_eq!(plain("Flöte (hoch)"), "Flöte (hoch)");
        assert_eq!(plain(" . "), "");
        assert_eq!(plain(&"x".repeat(100)).len(), NAME);
    }
}
