//! Listening to recordings with every ear that is installed, three seconds at a time.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use melisma_audio::{Signal, Stream, Windows};
use melisma_learn::classify::{Classification, GenreProbability, SHORTEST_S, WindowClassification};
use ndarray::{Array2, ArrayView3, Axis};

use crate::front::{self, SAMPLE_RATE};
use crate::head::{Ear, GenreMap, Head, Mixture, Said};
use crate::musicnn::{self, Musicnn};
use crate::store::{self, Store};
use crate::weights::Fault;
use crate::weights::onnx::Graph;
use crate::yamnet::Yamnet;

/// Samples of a window: a patch of musicnn.
pub const WINDOW: usize = musicnn::PATCH_FRAMES * musicnn::HOP_LENGTH;
/// Windows listened to at once, a minute: memory does not grow with a recording.
const BLOCK: usize = 20;
/// What the answer is called when no genre of the map is heard.
pub const NONE: &str = "none of these";

/// The ears that are installed.
#[derive(Debug, Default)]
pub struct Ears {
    msd: Option<Musicnn>,
    mtt: Option<Musicnn>,
    yamnet: Option<Yamnet>,
}

/// Why a recording could not be listened to.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be decoded.
    Audio(melisma_audio::Error),
    /// The sound cannot be heard.
    Front(front::Error),
    /// There is less than [`SHORTEST_S`] of sound, given in seconds.
    TooShort(f64),
    /// Every sample is zero.
    Silent,
    /// The run was asked to stop.
    Interrupted,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Audio(error) => error.fmt(f),
            Error::Front(error) => error.fmt(f),
            Error::TooShort(seconds) => write!(
                f,
                "{seconds:.3} s of sound is too little to tell a genre from; it takes {SHORTEST_S} s"
            ),
            Error::Silent => f.write_str("digital silence has no genre"),
            Error::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl std::error::Error for Error {}

/// A recording as the ears heard it.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// Its length in seconds.
    pub duration_s: f64,
    /// Its windows in order.
    pub windows: Vec<Window>,
    /// What was odd about the file, though it could be read.
    pub warnings: Vec<String>,
}

/// A window of a recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// Where it starts, in seconds.
    pub start_s: f64,
    /// Where it ends.
    pub end_s: f64,
    /// What was said of it; nothing of one that holds nothing but zeros.
    pub said: Option<Said>,
}

impl Ears {
    /// The ears installed in a store; none is no error.
    ///
    /// # Errors
    /// When one is installed and was changed since, or cannot be read.
    pub fn open(store: &Store) -> store::Result<Ears> {
        let tagger = |ear: Ear| -> store::Result<Option<Musicnn>> {
            if store.installed(ear.model())?.is_none() {
                return Ok(None);
            }
            let weights = store.weights(ear.model())?;
            let made = Musicnn::from_weights(&weights);
            made.map(Some).map_err(|fault| broken(store, ear.model(), fault))
        };
        let name = Ear::Yamnet.model();
        let yamnet = match store.installed(name)? {
            None => None,
            Some(_) => {
                let made = Graph::parse(&store.bytes(name)?).and_then(|graph| Yamnet::from_onnx(&graph));
                Some(made.map_err(|fault| broken(store, name, fault))?)
            }
        };
        Ok(Ears {
            msd: tagger(Ear::Msd)?,
            mtt: tagger(Ear::Mtt)?,
            yamnet,
        })
    }

    /// The same without YAMNet.
    pub fn without_yamnet(self) -> Ears {
        Ears { yamnet: None, ..self }
    }

    /// Which there are.
    pub fn which(&self) -> Vec<Ear> {
        let there = [
            (Ear::Msd, self.msd.is_some()),
            (Ear::Mtt, self.mtt.is_some()),
            (Ear::Yamnet, self.yamnet.is_some()),
        ];
        there
            .into_iter()
            .filter(|(_, there)| *there)
            .map(|(ear, _)| ear)
            .collect()
    }

    /// Listens to a file in windows of three seconds, on rayon's current pool. A rest of less than three seconds is left out,
    /// a recording shorter than that repeated until it fills a window.
    ///
    /// Minutes are listened to one after the other, so that memory does not grow with the file.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn listen_file(&self, path: &Path, stop: &AtomicBool) -> Result<Heard, Error> {
        let mut stream = Stream::open(path, Some(SAMPLE_RATE)).map_err(Error::Audio)?;
        let mut heard = Heard {
            duration_s: 0.0,
            windows: Vec::new(),
            warnings: Vec::new(),
        };
        let mut samples = 0;
        let second = f64::from(SAMPLE_RATE.0);
        loop {
            if stop.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            let mut block = Vec::new();
            while block.len() < BLOCK * WINDOW {
                let wanted = BLOCK * WINDOW - block.len();
                if stream.read(&mut block, wanted).map_err(Error::Audio)? == 0 {
                    break;
                }
            }
            let length = block.len();
            let start = samples as f64 / second;
            samples += length as u64;
            heard.duration_s = samples as f64 / second;
            let enough = length >= WINDOW || heard.windows.is_empty() && heard.duration_s >= SHORTEST_S;
            if enough {
                heard.windows.extend(self.windows(block, start)?);
            }
            if length < BLOCK * WINDOW {
                break;
            }
        }
        heard.warnings = stream.warnings().to_vec();
        match heard.windows.iter().any(|window| window.said.is_some()) {
            true => Ok(heard),
            false if heard.duration_s < SHORTEST_S => Err(Error::TooShort(heard.duration_s)),
            false => Err(Error::Silent),
        }
    }

    /// What musicnn sees of a window of a file: its log-mel image, shape (frames, bands).
    ///
    /// # Errors
    /// See [`Error`]; [`Error::TooShort`] where there is no such window.
    pub fn image(&self, path: &Path, window: usize) -> Result<Array2<f32>, Error> {
        let mut windows = Windows::open(path, SAMPLE_RATE, WINDOW).map_err(Error::Audio)?;
        let mut samples = Vec::new();
        for _ in 0..=window {
            match windows.next_window().map_err(Error::Audio)? {
                Some(whole) => samples = whole.to_vec(),
                None if window == 0 => samples = windows.remainder().to_vec(),
                None => {
                    return Err(Error::TooShort(
                        windows.samples_read() as f64 / f64::from(SAMPLE_RATE.0),
                    ));
                }
            }
        }
        let patches = musicnn::patches(&Signal::new(samples, SAMPLE_RATE)).map_err(Error::Front)?;
        Ok(patches.index_axis(Axis(0), 0).to_owned())
    }

    /// What the taggers say of log-mel images as [`Ears::image`] makes them; what other ears said of `rest` stays.
    ///
    /// # Panics
    /// When images are of another shape.
    pub fn say(&self, images: ArrayView3<'_, f32>, rest: &Said) -> Vec<Said> {
        let mut said = vec![rest.clone(); images.len_of(Axis(0))];
        self.tag(images, &mut said);
        said
    }

    /// Asks the taggers about images.
    fn tag(&self, images: ArrayView3<'_, f32>, said: &mut [Said]) {
        for (ear, network) in [(Ear::Msd, &self.msd), (Ear::Mtt, &self.mtt)] {
            let Some(network) = network else { continue };
            let answers = network.hear(images);
            for (window, said) in said.iter_mut().enumerate().take(answers.tags.nrows()) {
                let row = |of: &Array2<f32>| of.row(window).iter().map(|&v| f64::from(v)).collect();
                said.tags.insert(ear, row(&answers.tags));
                said.inner.insert(ear, row(&answers.penultimate));
            }
        }
    }

    /// The whole windows of a block, or what there is of one.
    fn windows(&self, block: Vec<f32>, start_s: f64) -> Result<Vec<Window>, Error> {
        let second = f64::from(SAMPLE_RATE.0);
        let count = (block.len() / WINDOW).max(1);
        let length = block.len().min(WINDOW);
        let parts: Vec<&[f32]> = block.chunks(WINDOW).take(count).collect();
        let silent: Vec<bool> = parts.iter().map(|part| part.iter().all(|&s| s == 0.0)).collect();
        let mut said = vec![Said::default(); count];
        let whole = Signal::new(block[..(count * WINDOW).min(block.len())].to_vec(), SAMPLE_RATE);
        if self.msd.is_some() || self.mtt.is_some() {
            let patches = musicnn::patches(&whole).map_err(Error::Front)?;
            self.tag(patches.view(), &mut said);
        }
        if let Some(yamnet) = &self.yamnet {
            for (said, part) in said.iter_mut().zip(&parts) {
                let answers = yamnet
                    .listen(&Signal::new(part.to_vec(), SAMPLE_RATE))
                    .map_err(Error::Front)?;
                let mean = answers.scores.mean_axis(Axis(0)).unwrap_or_default();
                said.tags
                    .insert(Ear::Yamnet, mean.iter().map(|&v| f64::from(v)).collect());
            }
        }
        let windows = said
            .into_iter()
            .zip(silent)
            .enumerate()
            .map(|(at, (said, silent))| {
                let from = start_s + (at * WINDOW) as f64 / second;
                Window {
                    start_s: from,
                    end_s: from + length as f64 / second,
                    said: (!silent).then_some(said),
                }
            });
        Ok(windows.collect())
    }
}

/// The error for a model whose file can be read and whose network cannot be made of it.
fn broken(store: &Store, model: &str, fault: Fault) -> store::Error {
    match store.file(model) {
        Ok(path) => store::Error::File { path, fault },
        Err(error) => error,
    }
}

impl Heard {
    /// What was said on the mean of the windows that sound.
    pub fn said(&self) -> Said {
        Said::mean(self.windows.iter().filter_map(|window| window.said.as_ref()))
    }

    /// The genre mixture: of the recording by the mean of what was said of it, and of each window.
    pub fn classify(&self, head: &Head, map: &GenreMap) -> Classification {
        let ears: BTreeMap<Ear, ()> = self.said().tags.keys().map(|&ear| (ear, ())).collect();
        let names: Vec<&str> = ears.keys().map(|ear| ear.model()).collect();
        Classification {
            duration_s: self.duration_s,
            model: format!("{} by {}", head.name, names.join(", ")),
            genres: listed(head.mixture(map, &self.said())),
            windows: self
                .windows
                .iter()
                .map(|window| WindowClassification {
                    start_s: window.start_s,
                    end_s: window.end_s,
                    silent: window.said.is_none(),
                    genres: window
                        .said
                        .as_ref()
                        .map_or_else(Vec::new, |said| listed(head.mixture(map, said))),
                })
                .collect(),
            explanation: None,
            warnings: self.warnings.clone(),
        }
    }
}

/// A mixture as a list, the most probable first, "none of these" among them.
fn listed(mixture: Mixture) -> Vec<GenreProbability> {
    let none = (NONE.to_owned(), mixture.none);
    let mut genres: Vec<GenreProbability> = mixture
        .genres
        .into_iter()
        .chain([none])
        .map(|(genre, probability)| GenreProbability { genre, probability })
        .collect();
    genres.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    genres
}
