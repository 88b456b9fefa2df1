//! Why the pretrained ears took a recording for a genre: tags, windows, and the region of the most telling window.

use std::path::Path;

use melisma_ears::head::{GenreMap, Head, Reason, Said};
use melisma_ears::hear::{Ears, Heard};
use melisma_ears::musicnn::{HOP_LENGTH, N_MELS, PATCH_FRAMES};
use melisma_features::mel::{hz_to_mel, mel_to_hz};
use melisma_plot::{Caption, Figure, Regions, Rows, Stretch};
use ndarray::{Array2, Array3, Axis};
use serde::Serialize;

use super::{Baseline, Error, Map, Occlusion, image_grid, occlusion, windows};

/// Bands and frames that are covered at once: an octave or so, and a third of a second.
const PATCH: [usize; 2] = [16, 24];
/// Bands and frames from one covered region to the next.
const STRIDE: [usize; 2] = [16, 12];
/// Samples per second of what musicnn hears.
const RATE: f64 = 16_000.0;

/// What an answer rests on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hearing {
    /// The genre explained: the most probable one.
    pub genre: String,
    /// Its probability.
    pub probability: f64,
    /// The tags that speak for it, those that stand out most from their priors first.
    pub tags: Vec<Reason>,
    /// What each window that sounds adds to the evidence.
    pub windows: Vec<Part>,
    /// The window that speaks for the genre most.
    pub telling: Telling,
}

/// A window and what it adds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Part {
    /// Where it starts, in seconds.
    pub start_s: f64,
    /// Where it ends.
    pub end_s: f64,
    /// Its log-odds less those of a window that says nothing, by the number of windows.
    pub evidence: f64,
}

/// The most telling window.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Telling {
    /// Where it starts, in seconds.
    pub start_s: f64,
    /// Where it ends.
    pub end_s: f64,
    /// The region without which the genre's log-odds fall most: from and to, in seconds of the recording.
    pub region_s: [f64; 2],
    /// The same in Hz.
    pub region_hz: [f64; 2],
    /// By how much they fall there.
    pub falls: f64,
    /// What musicnn sees: a row for each band from the highest, a column for each frame.
    #[serde(skip)]
    pub image: Array2<f32>,
    /// The fall for each pixel.
    #[serde(skip)]
    pub map: Array2<f64>,
}

/// Explains the first genre of a recording that has been heard. Covering regions asks the taggers alone: what YAMNet says of the window stays.
///
/// # Errors
/// [`Error::Unfit`] when the ears hear no genre of the map, [`Error::Predict`] when the file cannot be read again.
pub fn hearing(
    path: &Path,
    heard: &Heard,
    ears: &Ears,
    head: &Head,
    map: &GenreMap,
) -> Result<Hearing, Error> {
    let said = heard.said();
    let mixture = head.mixture(map, &said);
    let first =
        (0..mixture.genres.len()).max_by(|&a, &b| mixture.genres[a].1.total_cmp(&mixture.genres[b].1));
    let Some(class) = first else {
        return Err(Error::Unfit(
            "the ears that are installed hear no genre of the map".to_owned(),
        ));
    };
    let (genre, probability) = mixture.genres[class].clone();
    let sounding: Vec<(usize, &Said)> = heard
        .windows
        .iter()
        .enumerate()
        .filter_map(|(number, window)| Some((number, window.said.as_ref()?)))
        .collect();
    let all = probabilities(sounding.iter().map(|(_, said)| *said), head, map);
    let span = |number: usize| (heard.windows[number].start_s, heard.windows[number].end_s);
    let spans: Vec<(f64, f64)> = sounding.iter().map(|&(number, _)| span(number)).collect();
    let parts = windows(all.view(), &spans, class)?;
    let telling = (0..parts.len())
        .max_by(|&a, &b| parts[a].evidence.total_cmp(&parts[b].evidence))
        .unwrap_or(0);
    let (number, rest) = sounding[telling];
    Ok(Hearing {
        tags: head.reasons(map, &genre, &said),
        windows: parts
            .iter()
            .map(|part| Part {
                start_s: part.from,
                end_s: part.to,
                evidence: part.evidence,
            })
            .collect(),
        telling: tell(path, number, span(number), class, rest, ears, head, map)?,
        genre,
        probability,
    })
}

/// The probabilities of the map's genres and of none of these, a row for each.
fn probabilities<'a>(all: impl Iterator<Item = &'a Said>, head: &Head, map: &GenreMap) -> Array2<f64> {
    let rows: Vec<Vec<f64>> = all
        .map(|said| {
            let mixture = head.mixture(map, said);
            mixture
                .genres
                .iter()
                .map(|(_, p)| *p)
                .chain([mixture.none])
                .collect()
        })
        .collect();
    let width = rows.first().map_or(0, Vec::len);
    Array2::from_shape_fn((rows.len(), width), |(row, column)| rows[row][column])
}

#[allow(clippy::too_many_arguments)]
fn tell(
    path: &Path,
    number: usize,
    (start_s, end_s): (f64, f64),
    class: usize,
    rest: &Said,
    ears: &Ears,
    head: &Head,
    map: &GenreMap,
) -> Result<Telling, Error> {
    let seen = ears
        .image(path, number)
        .map_err(|error| Error::Predict(error.into()))?;
    // Pictures have time from left to right and the highest band on top.
    let mut image = seen.reversed_axes();
    image.invert_axis(Axis(0));
    let settings = Occlusion {
        patch: PATCH,
        stride: STRIDE,
        baseline: Baseline::Mean,
    };
    let predict = |images: &[Array3<f32>]| -> Result<Array2<f64>, std::convert::Infallible> {
        let mut patches = Array3::zeros((images.len(), PATCH_FRAMES, N_MELS));
        for (mut patch, image) in patches.outer_iter_mut().zip(images) {
            let mut turned = image.index_axis(Axis(0), 0);
            turned.invert_axis(Axis(0));
            patch.assign(&turned.reversed_axes());
        }
        let said = ears.say(patches.view(), rest);
        Ok(probabilities(said.iter(), head, map))
    };
    let channels = image.view().insert_axis(Axis(0));
    let Map { values, .. } = occlusion(channels, class, &settings, predict)?;
    let ((row, column), falls) = values
        .indexed_iter()
        .max_by(|a, b| a.1.total_cmp(b.1))
        .map_or(((0, 0), 0.0), |(at, &fall)| (at, fall));
    let alike = |at: (usize, usize)| (values[at] - falls).abs() <= 1e-9;
    let columns: Vec<usize> = (0..PATCH_FRAMES).filter(|&c| alike((row, c))).collect();
    let rows: Vec<usize> = (0..N_MELS).filter(|&r| alike((r, column))).collect();
    let second = |frame: usize| start_s + (frame * HOP_LENGTH) as f64 / RATE;
    let highest = hz_to_mel(RATE / 2.0);
    let hz = |row: usize| mel_to_hz(highest * (N_MELS - row) as f64 / (N_MELS + 1) as f64);
    let ends = |of: &[usize]| {
        (
            of.first().copied().unwrap_or(0),
            of.last().map_or(0, |last| last + 1),
        )
    };
    let (left, right) = ends(&columns);
    let (top, bottom) = ends(&rows);
    Ok(Telling {
        start_s,
        end_s,
        region_s: [second(left), second(right)],
        region_hz: [hz(bottom).max(0.0), hz(top)],
        falls,
        image: image.as_standard_layout().into_owned(),
        map: values,
    })
}

impl Hearing {
    /// The most telling window: what musicnn sees of it, and over it the regions that spoke for the genre.
    ///
    /// # Errors
    /// When the figure cannot be drawn.
    pub fn draw(&self, id: &str, title: &str) -> Result<Figure, melisma_plot::Error> {
        let (image, map) = (
            image_grid(self.telling.image.view()),
            image_grid(self.telling.map.view()),
        );
        let seconds = (PATCH_FRAMES * HOP_LENGTH) as f64 / RATE;
        let strip: Vec<Stretch> = Vec::new();
        let note = format!(
            "{:.1} to {:.1} s; red: without it {} is less likely",
            self.telling.start_s, self.telling.end_s, self.genre
        );
        let regions = Regions {
            image: Some(&image),
            map: Some(&map),
            seconds,
            rows: Rows::Mel { f_max: RATE / 2.0 },
            windows: &strip,
            value: "fall of log-odds",
            note: &note,
        };
        regions.draw(&Caption::new(
            id,
            title,
            "What musicnn sees of a window, and which regions decided",
        ))
    }
}
