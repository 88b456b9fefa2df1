//! The figures of a recording: its waveform, its spectrograms, and its descriptors over time.
//!
//! Each figure is computed by itself, and long recordings in pieces where a whole would take much memory, so that a figure of an hour
//! takes some hundred megabytes and gives a picture no larger than that of a minute.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use melisma_audio::{Hertz, Info, Stream, info};
use melisma_features::decibel::power_to_db;
use melisma_features::grid::{N_BINS, frame_count};
use melisma_features::{Descriptor, Extractor, HOP_LENGTH, PadMode, SAMPLE_RATE};

use crate::axis::{clock, number};
use crate::color::Colors;
use crate::error::Error;
use crate::figure::{Caption, Figure};
use crate::frame::one_line;
use crate::grid::{Grid, MAX_COLUMNS};
use crate::scales::Rows;
use crate::tiles::{Tile, Tiles};
use crate::timeline::{Crossings, Curve, Envelope, Panel, Timeline};

/// Longest part of a recording that is drawn: two hours.
const MAX_SECONDS: f64 = 2.0 * 3600.0;
/// Frames of a piece: about three minutes.
const PIECE: usize = 8192;
/// Frames on either side of a piece that its tempogram looks at.
const TEMPOGRAM_MARGIN: usize = 256;
/// Frames on either side of a piece that its spectrogram looks at.
const SPECTROGRAM_MARGIN: usize = 4;
/// Samples of the window whose zero crossings are marked: 10 ms.
const CROSSING_SAMPLES: usize = 220;
/// Range of the tempogram's picture, in beats per minute, and its rows.
const TEMPI: (f64, f64) = (30.0, 480.0);
const TEMPO_ROWS: usize = 160;
/// Bounds of the bands of `spectral_contrast`, in Hz.
const CONTRAST_EDGES: [f64; 8] = [0.0, 200.0, 400.0, 800.0, 1600.0, 3200.0, 6400.0, 11_025.0];

/// A figure of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecordingFigure {
    /// Waveform, with what the file is.
    Waveform,
    /// Waveform with its root mean square.
    Rms,
    /// Spectral centroid with the waveform.
    SpectralCentroid,
    /// Spectral bandwidth with the waveform.
    SpectralBandwidth,
    /// Roll-off frequency with the waveform.
    SpectralRolloff,
    /// Spectral flatness with the waveform.
    SpectralFlatness,
    /// Spectral contrast of seven bands.
    SpectralContrast,
    /// Spectral flux and onset strength with the waveform.
    SpectralFlux,
    /// Ten milliseconds, with the places where the waveform changes its sign.
    ZeroCrossings,
    /// Zero-crossing rate with the waveform.
    ZeroCrossingRate,
    /// Harmonic and percussive part.
    HarmonicPercussive,
    /// Pitch classes over time.
    ChromaStft,
    /// Tempogram with the tempo.
    Tempogram,
    /// Mel-frequency cepstral coefficients.
    Mfcc,
    /// The same, each coefficient with mean 0 and standard deviation 1.
    MfccStandardised,
    /// Mel spectrogram in dB.
    Melspectrogram,
    /// Spectrogram in dB.
    Spectrogram,
}

impl RecordingFigure {
    /// Every figure, in the order they are listed to users.
    pub const ALL: [RecordingFigure; 17] = [
        RecordingFigure::Waveform,
        RecordingFigure::Rms,
        RecordingFigure::SpectralCentroid,
        RecordingFigure::SpectralBandwidth,
        RecordingFigure::SpectralRolloff,
        RecordingFigure::SpectralFlatness,
        RecordingFigure::SpectralContrast,
        RecordingFigure::SpectralFlux,
        RecordingFigure::ZeroCrossings,
        RecordingFigure::ZeroCrossingRate,
        RecordingFigure::HarmonicPercussive,
        RecordingFigure::ChromaStft,
        RecordingFigure::Tempogram,
        RecordingFigure::Mfcc,
        RecordingFigure::MfccStandardised,
        RecordingFigure::Melspectrogram,
        RecordingFigure::Spectrogram,
    ];

    /// The name used on the command line and for files; the descriptor's where the figure shows one.
    pub fn name(self) -> &'static str {
        match self {
            RecordingFigure::Waveform => "waveform",
            RecordingFigure::Rms => "rms",
            RecordingFigure::SpectralCentroid => "spectral_centroid",
            RecordingFigure::SpectralBandwidth => "spectral_bandwidth",
            RecordingFigure::SpectralRolloff => "spectral_rolloff",
            RecordingFigure::SpectralFlatness => "spectral_flatness",
            RecordingFigure::SpectralContrast => "spectral_contrast",
            RecordingFigure::SpectralFlux => "spectral_flux",
            RecordingFigure::ZeroCrossings => "zero_crossings",
            RecordingFigure::ZeroCrossingRate => "zero_crossing_rate",
            RecordingFigure::HarmonicPercussive => "harmonic_percussive",
            RecordingFigure::ChromaStft => "chroma_stft",
            RecordingFigure::Tempogram => "tempogram",
            RecordingFigure::Mfcc => "mfcc",
            RecordingFigure::MfccStandardised => "mfcc_standardised",
            RecordingFigure::Melspectrogram => "melspectrogram",
            RecordingFigure::Spectrogram => "spectrogram",
        }
    }

    fn title(self) -> &'static str {
        match self {
            RecordingFigure::Waveform => "Waveform",
            RecordingFigure::Rms => "Root mean square",
            RecordingFigure::SpectralCentroid => "Spectral centroid",
            RecordingFigure::SpectralBandwidth => "Spectral bandwidth",
            RecordingFigure::SpectralRolloff => "Spectral roll-off (85 %)",
            RecordingFigure::SpectralFlatness => "Spectral flatness",
            RecordingFigure::SpectralContrast => "Spectral contrast",
            RecordingFigure::SpectralFlux => "Spectral flux and onset strength",
            RecordingFigure::ZeroCrossings => "Zero crossings",
            RecordingFigure::ZeroCrossingRate => "Zero-crossing rate",
            RecordingFigure::HarmonicPercussive => "Harmonic and percussive part",
            RecordingFigure::ChromaStft => "Chromagram",
            RecordingFigure::Tempogram => "Tempogram",
            RecordingFigure::Mfcc => "Mel-frequency cepstral coefficients",
            RecordingFigure::MfccStandardised => "Mel-frequency cepstral coefficients, standardised",
            RecordingFigure::Melspectrogram => "Mel spectrogram",
            RecordingFigure::Spectrogram => "Spectrogram",
        }
    }
}

impl fmt::Display for RecordingFigure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for RecordingFigure {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        RecordingFigure::ALL
            .into_iter()
            .find(|figure| figure.name() == s)
            .ok_or_else(|| {
                let known: Vec<_> = RecordingFigure::ALL.iter().map(|figure| figure.name()).collect();
                format!("unknown figure `{s}` (known: all, {})", known.join(", "))
            })
    }
}

/// A recording, or a part of one, ready to be drawn.
pub struct Recording {
    path: PathBuf,
    /// What the file is.
    specification: String,
    samples: Vec<f32>,
    start_s: f64,
    warnings: Vec<String>,
    envelope: Envelope,
    extractor: Extractor,
}

impl Recording {
    /// Reads a file, or `duration_s` seconds of it from `start_s` on, mixed to mono at 22,050 Hz.
    ///
    /// # Errors
    /// If the file cannot be read, has no sound in that part, or the part is longer than two hours.
    pub fn read(path: &Path, start_s: f64, duration_s: Option<f64>) -> Result<Self, Error> {
        // What is no regular file is read once only, and cannot be asked beforehand.
        let about = path
            .is_file()
            .then(|| info(path))
            .transpose()
            .map_err(Error::Audio)?;
        let mut stream = Stream::open(path, Some(Hertz(SAMPLE_RATE))).map_err(Error::Audio)?;
        let rate = f64::from(SAMPLE_RATE);
        // The casts saturate, and map NaN to 0.
        let skip = (start_s * rate).round() as usize;
        let wanted = duration_s.map_or(usize::MAX, |seconds| (seconds * rate).round() as usize);
        let most = (MAX_SECONDS * rate) as usize;
        let (mut samples, mut skipped) = (Vec::new(), 0);
        while samples.len() < wanted && stream.read(&mut samples, 1 << 16).map_err(Error::Audio)? > 0 {
            let drop = (skip - skipped).min(samples.len());
            samples.drain(..drop);
            skipped += drop;
            if samples.len().min(wanted) > most {
                return Err(Error::Audio(melisma_audio::Error::TooLong {
                    path: path.to_path_buf(),
                    limit_s: MAX_SECONDS,
                }));
            }
        }
        samples.truncate(wanted);
        if samples.is_empty() {
            return Err(Error::NoSuchPart {
                path: path.to_path_buf(),
                length_s: skipped as f64 / rate,
            });
        }
        let warnings = stream.warnings().to_vec();
        Ok(Recording {
            specification: specification(about.as_ref(), &samples),
            envelope: Envelope::of(&samples),
            path: path.to_path_buf(),
            start_s: skipped as f64 / rate,
            samples,
            warnings,
            extractor: Extractor::new(),
        })
    }

    /// What was wrong with the file without making it unreadable.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Draws a figure; its name is the figure's.
    ///
    /// # Errors
    /// If the recording holds samples that cannot be analysed.
    pub fn draw(&mut self, figure: RecordingFigure) -> Result<Figure, Error> {
        use Descriptor as D;
        use RecordingFigure as F;
        match figure {
            F::Waveform => self.timeline(figure, &[self.wave(&[])], &self.specification),
            F::Rms => {
                let values = self.values(D::Rms)?;
                let curve = [Curve {
                    name: "root mean square",
                    values: &values,
                }];
                self.timeline(figure, &[self.wave(&curve)], "")
            }
            F::SpectralCentroid => self.curve(figure, D::SpectralCentroid, "centroid", "frequency (Hz)"),
            F::SpectralBandwidth => self.curve(figure, D::SpectralBandwidth, "bandwidth", "bandwidth (Hz)"),
            F::SpectralRolloff => self.curve(figure, D::SpectralRolloff, "roll-off", "frequency (Hz)"),
            F::SpectralFlatness => self.curve(figure, D::SpectralFlatness, "flatness", "flatness (0 to 1)"),
            F::ZeroCrossingRate => self.curve(figure, D::ZeroCrossingRate, "rate", "crossings per sample"),
            F::SpectralFlux => self.flux(figure),
            F::ZeroCrossings => self.crossings(figure),
            F::HarmonicPercussive => self.parts(figure),
            F::SpectralContrast => {
                let grid = Grid::new(7, self.values(D::SpectralContrast)?).reduced();
                let rows = Rows::Bands(&CONTRAST_EDGES);
                self.picture(
                    figure,
                    &grid,
                    rows,
                    Colors::Sequential,
                    None,
                    "peak over valley (dB)",
                    "",
                )
            }
            F::ChromaStft => {
                let grid = Grid::new(12, self.values(D::ChromaStft)?).reduced();
                let limits = Some((0.0, 1.0));
                let value = "energy, of the frame's strongest";
                self.picture(
                    figure,
                    &grid,
                    Rows::PitchClasses,
                    Colors::Sequential,
                    limits,
                    value,
                    "",
                )
            }
            F::Tempogram => self.tempogram(figure),
            F::Mfcc => self.mfcc(figure),
            F::MfccStandardised => {
                let mut values = self.values(D::Mfcc)?;
                standardise(&mut values, 20);
                let grid = Grid::new(20, values).reduced();
                let limits = Some((-3.0, 3.0));
                let value = "standard deviations from the mean";
                self.picture(
                    figure,
                    &grid,
                    Rows::Coefficients,
                    Colors::Diverging,
                    limits,
                    value,
                    "",
                )
            }
            F::Melspectrogram => {
                let grid = self.mel()?;
                let rows = Rows::Mel { f_max: F_MAX };
                self.picture(figure, &grid, rows, Colors::Intensity, None, DECIBELS, "")
            }
            F::Spectrogram => {
                let grid = below_loudest(self.spectrogram()?);
                let rows = Rows::Linear { f_max: F_MAX };
                self.picture(figure, &grid, rows, Colors::Intensity, None, DECIBELS, "")
            }
        }
    }

    /// The mel spectrogram in dB below its loudest value, as a picture of the whole.
    fn mel(&mut self) -> Result<Grid, Error> {
        Ok(below_loudest(
            Grid::new(128, self.values(Descriptor::MelDb)?).reduced(),
        ))
    }

    fn seconds(&self) -> (f64, f64) {
        let length = self.samples.len() as f64 / f64::from(SAMPLE_RATE);
        (self.start_s, self.start_s + length)
    }

    fn analyze(&mut self, from: usize, to: usize, descriptor: Descriptor) -> Result<Vec<f32>, Error> {
        let samples = &self.samples[from..to];
        let analysis = self.extractor.analyze(samples, PadMode::Constant, &[descriptor]);
        let analysis = analysis.map_err(|source| Error::Analysis {
            path: self.path.clone(),
            source,
        })?;
        Ok(analysis.values(descriptor).unwrap_or_default().to_vec())
    }

    fn values(&mut self, descriptor: Descriptor) -> Result<Vec<f32>, Error> {
        self.analyze(0, self.samples.len(), descriptor)
    }

    fn wave<'a>(&'a self, curves: &'a [Curve<'a>]) -> Panel<'a> {
        Panel::Wave {
            envelope: &self.envelope,
            curves,
            axis: "amplitude",
        }
    }

    fn timeline(&self, figure: RecordingFigure, panels: &[Panel<'_>], note: &str) -> Result<Figure, Error> {
        let file = self.path.file_name().unwrap_or_default().to_string_lossy();
        let file: String = one_line(&file).chars().take(80).collect();
        let title = format!("{}: {file}", figure.title());
        let (start, end) = self.seconds();
        let description = format!(
            "{} of {file} from {} to {}",
            figure.title(),
            clock(start, 1.0),
            clock(end, 1.0)
        );
        let timeline = Timeline {
            seconds: (start, end),
            panels,
            note,
        };
        timeline.draw(&Caption::new(figure.name(), &title, &description))
    }

    fn curve(
        &mut self,
        figure: RecordingFigure,
        descriptor: Descriptor,
        name: &str,
        axis: &str,
    ) -> Result<Figure, Error> {
        let values = self.values(descriptor)?;
        let curve = [Curve {
            name,
            values: &values,
        }];
        let panels = [self.wave(&[]), Panel::Curves { curves: &curve, axis }];
        self.timeline(figure, &panels, "")
    }

    fn flux(&mut self, figure: RecordingFigure) -> Result<Figure, Error> {
        let flux = self.values(Descriptor::SpectralFlux)?;
        let onset = self.values(Descriptor::OnsetStrength)?;
        let flux = [Curve {
            name: "flux",
            values: &flux,
        }];
        let onset = [Curve {
            name: "onset strength",
            values: &onset,
        }];
        let panels = [
            self.wave(&[]),
            Panel::Curves {
                curves: &flux,
                axis: "flux",
            },
            Panel::Curves {
                curves: &onset,
                axis: "onset strength (dB)",
            },
        ];
        self.timeline(figure, &panels, "")
    }

    fn parts(&mut self, figure: RecordingFigure) -> Result<Figure, Error> {
        let harmonic = Envelope::of(&self.values(Descriptor::Harmonic)?);
        let percussive = Envelope::of(&self.values(Descriptor::Percussive)?);
        let wave = |envelope, axis| Panel::Wave {
            envelope,
            curves: &[],
            axis,
        };
        let panels = [
            self.wave(&[]),
            wave(&harmonic, "harmonic part"),
            wave(&percussive, "percussive part"),
        ];
        self.timeline(figure, &panels, "")
    }

    #[allow(clippy::too_many_arguments)]
    fn picture(
        &self,
        figure: RecordingFigure,
        grid: &Grid,
        rows: Rows,
        colors: Colors,
        limits: Option<(f64, f64)>,
        value: &str,
        note: &str,
    ) -> Result<Figure, Error> {
        let panel = Panel::Picture {
            grid,
            rows,
            colors,
            limits,
            value,
            mark: None,
        };
        self.timeline(figure, &[panel], note)
    }

    /// The first coefficient, the level, is far larger than the others; the colours are for the others.
    fn mfcc(&mut self, figure: RecordingFigure) -> Result<Figure, Error> {
        let grid = Grid::new(20, self.values(Descriptor::Mfcc)?).reduced();
        let others = (0..grid.columns()).flat_map(|c| &grid.column(c)[1..]);
        let far = others.fold(0.0f32, |far, value| far.max(value.abs()));
        let first = (0..grid.columns()).map(|c| grid.column(c)[0]);
        let (lo, hi) = first.fold((f32::INFINITY, f32::NEG_INFINITY), |(lo, hi), v| {
            (lo.min(v), hi.max(v))
        });
        let far = f64::from(far).max(1.0);
        let note = format!(
            "Coefficient 1, the level, runs from {} to {}; the colours are for the others.",
            number(f64::from(lo)),
            number(f64::from(hi))
        );
        let limits = Some((-far, far));
        self.picture(
            figure,
            &grid,
            Rows::Coefficients,
            Colors::Diverging,
            limits,
            "value (dB)",
            &note,
        )
    }

    fn tempogram(&mut self, figure: RecordingFigure) -> Result<Figure, Error> {
        let tempo = f64::from(self.values(Descriptor::Tempo)?.first().copied().unwrap_or(0.0));
        let grid = self.pieces(Descriptor::Tempogram, TEMPOGRAM_MARGIN, TEMPO_ROWS, tempi_of_lags)?;
        let text = format!("tempo {tempo:.1} BPM");
        let panel = Panel::Picture {
            grid: &grid,
            rows: Rows::Tempi {
                from: TEMPI.0,
                to: TEMPI.1,
            },
            colors: Colors::Intensity,
            limits: Some((0.0, 1.0)),
            value: "autocorrelation",
            mark: (TEMPI.0..=TEMPI.1)
                .contains(&tempo)
                .then_some((tempo, text.as_str())),
        };
        self.timeline(figure, &[panel], "")
    }

    fn spectrogram(&mut self) -> Result<Grid, Error> {
        let to_db = |magnitudes: &[f32]| magnitudes.iter().map(|m| power_to_db(m * m)).collect();
        self.pieces(Descriptor::Magnitude, SPECTROGRAM_MARGIN, N_BINS, to_db)
    }

    /// A descriptor with many rows, piece by piece, each frame turned into `rows` values and reduced at once.
    fn pieces(
        &mut self,
        descriptor: Descriptor,
        margin: usize,
        rows: usize,
        turn: impl Fn(&[f32]) -> Vec<f32>,
    ) -> Result<Grid, Error> {
        let frames = frame_count(self.samples.len());
        // Whole columns of the picture lie in one piece.
        let across = frames.div_ceil(MAX_COLUMNS);
        let piece = (PIECE / across).max(1) * across;
        let mut values = Vec::new();
        let mut kept = 0;
        for from in (0..frames).step_by(piece) {
            let to = (from + piece).min(frames);
            let first = from.saturating_sub(margin);
            let start = first * HOP_LENGTH;
            let end = ((to + margin) * HOP_LENGTH).min(self.samples.len());
            let analysis = self.analyze(start.min(end - 1), end, descriptor)?;
            let wanted = analysis
                .chunks_exact(descriptor.rows())
                .skip(from - first)
                .take(to - from);
            let grid = Grid::new(rows, wanted.flat_map(&turn).collect()).averaged_by(across);
            kept = grid.rows();
            values.extend_from_slice(grid.values());
        }
        Ok(Grid::new(kept, values))
    }

    fn crossings(&mut self, figure: RecordingFigure) -> Result<Figure, Error> {
        // The loudest place shows most; its frame's centre stands in the middle.
        let rms = self.values(Descriptor::Rms)?;
        let loudest = (0..rms.len()).max_by(|&a, &b| rms[a].total_cmp(&rms[b]).then(b.cmp(&a)));
        let centre = loudest.unwrap_or(0) * HOP_LENGTH;
        let last = self.samples.len().saturating_sub(CROSSING_SAMPLES);
        let start = centre.saturating_sub(CROSSING_SAMPLES / 2).min(last);
        let end = (start + CROSSING_SAMPLES).min(self.samples.len());
        let mut crossings = Crossings {
            samples: &self.samples[start..end],
            rate: f64::from(SAMPLE_RATE),
            start_s: self.start_s + start as f64 / f64::from(SAMPLE_RATE),
            note: "",
        };
        let note = format!(
            "{} crossings in {} samples at the loudest place",
            crossings.positions().len(),
            end - start
        );
        crossings.note = &note;
        let file = self.path.file_name().unwrap_or_default().to_string_lossy();
        let title = format!("{}: {}", figure.title(), one_line(&file));
        let description = format!("A few milliseconds of the waveform with {note}");
        crossings.draw(&Caption::new(figure.name(), &title, &description))
    }
}

/// Highest frequency of the analysis, Hz.
const F_MAX: f64 = SAMPLE_RATE as f64 / 2.0;
const DECIBELS: &str = "power below the loudest (dB)";

/// A line that says what a file is.
fn specification(about: Option<&Info>, samples: &[f32]) -> String {
    let peak = samples.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
    let decibels = match peak > 0.0 {
        true => format!("{:.1} dBFS", 20.0 * peak.log10()).replace('-', "−"),
        false => "silence".to_owned(),
    };
    let here = format!(
        "here mono at {SAMPLE_RATE} Hz, peak {} ({decibels})",
        number(f64::from(peak))
    );
    let Some(about) = about else { return here };
    let channels = match about.channels {
        1 => "mono".to_owned(),
        2 => "stereo".to_owned(),
        n => format!("{n} channels"),
    };
    let bits = about
        .bits_per_sample
        .map_or(String::new(), |bits| format!(", {bits} bits"));
    let length = about.duration_s.map_or(String::new(), |s| {
        let text = if s < 120.0 {
            format!("{s:.2} s")
        } else {
            clock(s, 1.0)
        };
        format!(", {text}")
    });
    format!(
        "{} ({}), {} Hz{bits}, {channels}{length}; {here}",
        about.format, about.codec, about.sample_rate
    )
}

/// Shifts decibels so that the loudest is 0, and raises those below −80.
fn below_loudest(grid: Grid) -> Grid {
    let loudest = grid.values().iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let values = grid.values().iter().map(|v| (v - loudest).max(-80.0)).collect();
    Grid::new(grid.rows(), values)
}

/// Gives each row mean 0 and standard deviation 1; rows that do not vary become 0.
fn standardise(values: &mut [f32], rows: usize) {
    for row in 0..rows {
        let of_row = || values.iter().skip(row).step_by(rows).map(|&v| f64::from(v));
        let n = of_row().count().max(1) as f64;
        let mean = of_row().sum::<f64>() / n;
        let deviation = (of_row().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
        let scale = if deviation > 1e-6 { 1.0 / deviation } else { 0.0 };
        for value in values.iter_mut().skip(row).step_by(rows) {
            *value = ((f64::from(*value) - mean) * scale) as f32;
        }
    }
}

/// A tempogram's frame over tempi at equal distances of their logarithm instead of lags.
fn tempi_of_lags(lags: &[f32]) -> Vec<f32> {
    (0..TEMPO_ROWS)
        .map(|row| {
            let share = (row as f64 + 0.5) / TEMPO_ROWS as f64;
            let tempo = TEMPI.0 * (TEMPI.1 / TEMPI.0).powf(share);
            let lag = 60.0 * f64::from(SAMPLE_RATE) / (HOP_LENGTH as f64 * tempo);
            let below = (lag as usize).min(lags.len() - 2);
            let part = (lag - below as f64) as f32;
            lags[below] * (1.0 - part) + lags[below + 1] * part
        })
        .collect()
}

/// Draws the mel spectrograms of several recordings side by side, each with a name.
///
/// # Errors
/// As [`Tiles::draw`], and for a recording that holds samples that cannot be analysed.
pub fn side_by_side(recordings: &mut [(String, Recording)], caption: &Caption<'_>) -> Result<Figure, Error> {
    let mut grids = Vec::with_capacity(recordings.len());
    for (_, recording) in recordings.iter_mut() {
        grids.push(recording.mel()?);
    }
    let tiles: Vec<Tile<'_>> = recordings
        .iter()
        .zip(&grids)
        .map(|((name, recording), grid)| Tile {
            name,
            grid,
            seconds: recording.samples.len() as f64 / f64::from(SAMPLE_RATE),
        })
        .collect();
    let tiles = Tiles {
        tiles: &tiles,
        rows: Rows::Mel { f_max: F_MAX },
        colors: Colors::Intensity,
        value: DECIBELS,
        note: "",
    };
    tiles.draw(caption)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for figure in RecordingFigure::ALL {
            assert_eq!(figure.name().parse(), Ok(figure));
        }
        assert!(
            "piano"
                .parse::<RecordingFigure>()
                .unwrap_err()
                .contains("waveform")
        );
    }

    #[test]
    fn rows_are_standardised() {
        let mut values = vec![1.0, 5.0, 3.0, 5.0];
        standardise(&mut values, 2);
        assert_eq!(values, [-1.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn a_lag_stands_at_its_tempo() {
        // 120 BPM is a lag of 21.5 frames.
        let lags: Vec<f32> = (0..384)
            .map(|lag| if lag == 21 || lag == 22 { 1.0 } else { 0.0 })
            .collect();
        let rows = tempi_of_lags(&lags);
        let most = (0..TEMPO_ROWS)
            .max_by(|&a, &b| rows[a].total_cmp(&rows[b]))
            .unwrap();
        assert_eq!(most, TEMPO_ROWS / 2);
    }
}
