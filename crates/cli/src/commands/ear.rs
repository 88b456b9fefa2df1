//! Scores heard: rendered, and told by whoever tells recordings.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use melisma_audio::encode::{Depth, Format};
use melisma_features::Extractor;
use melisma_learn::classify::GenreProbability;
use melisma_score::Score;
use melisma_synth::{Error, FileParams, Font, MasterParams, RenderParams, Synth, Written, render_to_file};

use super::classify::Voice;
use crate::context::{Failed, because, note};

/// Renders and listens.
pub struct Ear {
    synth: Synth,
    voice: Voice,
}

/// A file that is removed when it is no longer needed.
struct Passing(PathBuf);

impl Drop for Passing {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The synthesiser that commands use where no other is asked for.
pub fn synth() -> Synth {
    let (font, faults) = Font::find();
    for fault in faults {
        note!("melisma: {fault}");
    }
    Synth::new(font)
}

/// Renders a score to a file at the usual level.
pub fn render(synth: &Synth, score: &Score, path: &Path, stop: &AtomicBool) -> Result<Written, Failed> {
    let format = Format::of(path)
        .ok_or_else(|| because(format!("{}: sound is .wav, .flac, .mp3 or .ogg", path.display())))?;
    let params = FileParams {
        render: RenderParams {
            rate: format.fixed_rate().unwrap_or(RenderParams::default().rate),
            ..RenderParams::default()
        },
        master: MasterParams::default(),
        format,
        depth: Depth::default(),
        stems: false,
    };
    let stopped = || stop.load(Ordering::Relaxed);
    render_to_file(synth, score, path, &params, &stopped).map_err(|error| match error {
        Error::Interrupted => Failed::Interrupted,
        error => because(error),
    })
}

impl Ear {
    /// With the pretrained ears where they are installed, with the program's own model of descriptors elsewhere.
    pub fn open(json: bool) -> Result<Ear, Failed> {
        Ok(Ear {
            synth: synth(),
            voice: Voice::any(json)?,
        })
    }

    /// Who listens.
    pub fn name(&self) -> &'static str {
        self.voice.name()
    }

    /// What plays.
    pub fn font(&self) -> &str {
        self.synth.font().name()
    }

    /// The genres of a score as it sounds, the likeliest first. It is rendered to a file in the system's folder of passing ones.
    pub fn genres(&self, score: &Score, stop: &AtomicBool) -> Result<Vec<GenreProbability>, Failed> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("melisma-{}-{number}.wav", std::process::id());
        let file = Passing(std::env::temp_dir().join(name));
        render(&self.synth, score, &file.0, stop)?;
        self.of_file(&file.0, stop)
    }

    /// The genres of a recording.
    pub fn of_file(&self, path: &Path, stop: &AtomicBool) -> Result<Vec<GenreProbability>, Failed> {
        match self.voice.classify(path, false, &mut [Extractor::new()], stop) {
            Ok((classification, _)) => Ok(classification.genres),
            Err(None) => Err(Failed::Interrupted),
            Err(Some(message)) => Err(because(message)),
        }
    }
}

/// What of a score begins within so many seconds.
pub fn beginning(score: &Score, seconds: f64) -> Score {
    let clock = score.clock();
    let mut score = score.clone();
    for track in &mut score.tracks {
        track.notes.retain(|note| clock.seconds(note.onset) < seconds);
    }
    score.tracks.retain(|track| !track.notes.is_empty());
    score.tidy();
    score
}
