//! From a signal to its descriptors: one pass over the frames, one transform per frame, shared by all that is asked for.
//!
//! Frames are handled in blocks that fit the processor's cache. Each is transformed once; its magnitude and power
//! feed every spectral descriptor at once. Separation needs 15 frames on either side, so the block runs that far ahead.
//! Three things need the whole clip before they can be finished: decibels (their range hangs from the loudest value), chroma
//! (its bank hangs from the tuning) and the constant-Q transform (so do its filters; it goes back to the samples). For the first two the mel bands and the power spectra are kept; the latter for about the first three
//! minutes only, later ones are transformed again, so that memory does not grow with 4 KB a frame.

use std::collections::BTreeMap;

use pulp::Arch;
use realfft::num_complex::Complex32;

use crate::chroma::{ChromaBank, N_CHROMA};
use crate::contrast::{ContrastBands, contrast};
use crate::cqt::Cqt;
use crate::decibel::{limit_range, power_to_db};
use crate::descriptor::Descriptor;
use crate::error::Error;
use crate::grid::{N_BINS, PadMode, SAMPLE_RATE, STRIDE, bin_frequency, frame_count, touches_edge};
use crate::median::{FrequencyMedian, HALF, KERNEL, TimeMedian, mirror_repeating};
use crate::mel::{MelBank, N_MELS};
use crate::mfcc::{Dct, N_MFCC};
use crate::schema::{Part, Schema, Statistic};
use crate::separation::apply_harmonic_mask;
use crate::simd::{self, vectorise};
use crate::stft::{OverlapAdd, Stft};
use crate::summary::{Distribution, Moments, RunningMoments};
use crate::tempogram::Tempogram;
use crate::tuning::{Peaks, STEPS, tuning_of_step};
use crate::{
    bandwidth, centroid, chroma_cens, chroma_cqt, flatness, flux, grid, onset, rms, rms_stft, rolloff, tempo,
    tempogram, tonnetz, zero_crossing,
};

/// Largest magnitude of a sample that is accepted; sums of powers beyond it could overflow.
pub const MAX_SAMPLE: f32 = 1e12;

/// Frames in a block; a multiple of the lanes of a vector.
const BLOCK: usize = 64;
/// Spectra kept for the second look that chroma takes: about three minutes.
const KEPT_FRAMES: usize = 8192;

/// The descriptors of one clip.
#[derive(Debug, Clone)]
pub struct Analysis {
    frames: usize,
    series: BTreeMap<Descriptor, Vec<f32>>,
    moments: BTreeMap<Descriptor, Moments>,
}

impl Analysis {
    /// Frames of the clip.
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// The values of a descriptor that was asked for: [`Descriptor::rows`] values per frame, frame after frame; for waveforms
    /// one value per sample, for values of the whole clip a single one.
    pub fn values(&self, descriptor: Descriptor) -> Option<&[f32]> {
        self.series.get(&descriptor).map(Vec::as_slice)
    }

    fn summary(&self, descriptor: Descriptor, part: Part, statistic: Statistic) -> Summary {
        let moments = self.moments(descriptor, part);
        let distribution = statistic.needs_distribution().then(|| {
            let values = self.values(descriptor).unwrap_or_default();
            let mut values: Vec<f32> = match part {
                Part::All => values.to_vec(),
                Part::Row(row) => values
                    .iter()
                    .skip(row)
                    .step_by(descriptor.rows())
                    .copied()
                    .collect(),
            };
            Distribution::of(&mut values, moments)
        });
        Summary {
            moments,
            distribution,
        }
    }

    fn moments(&self, descriptor: Descriptor, part: Part) -> Moments {
        if let (Some(&moments), Part::All) = (self.moments.get(&descriptor), part) {
            return moments;
        }
        let values = self.values(descriptor).unwrap_or_default();
        match part {
            Part::All => Moments::of(values.iter().copied()),
            Part::Row(row) => Moments::of(values.iter().skip(row).step_by(descriptor.rows()).copied()),
        }
    }
}

/// The statistics of one descriptor, or of one row of it.
#[derive(Clone, Copy)]
struct Summary {
    moments: Moments,
    /// `None` where only moments were asked for.
    distribution: Option<Distribution>,
}

impl Summary {
    fn holds(&self, statistic: Statistic) -> bool {
        self.distribution.is_some() || !statistic.needs_distribution()
    }

    fn value(&self, statistic: Statistic) -> f64 {
        let Moments { mean, variance } = self.moments;
        let distribution = self.distribution.unwrap_or_default();
        match statistic {
            Statistic::Mean | Statistic::Value => mean,
            Statistic::Variance => variance,
            Statistic::StandardDeviation => distribution.standard_deviation,
            Statistic::Skewness => distribution.skewness,
            Statistic::Kurtosis => distribution.kurtosis,
            Statistic::Median => distribution.median,
            Statistic::Minimum => distribution.minimum,
            Statistic::Maximum => distribution.maximum,
        }
    }
}

/// Extracts descriptors; keeps its plans and buffers from one clip to the next.
///
/// One extractor serves one thread.
pub struct Extractor {
    arch: Arch,
    stft: Stft,
    mel: MelBank,
    dct: Dct,
    contrast: ContrastBands,
    /// Chroma banks by step of tuning, made when first needed.
    chroma: Vec<Option<ChromaBank>>,
    cqt: Cqt,
    tempogram: Tempogram,
    tempo: Tempogram,
    time_median: TimeMedian,
    frequency_median: FrequencyMedian,
    frequencies: Vec<f32>,
    buffers: Buffers,
}

/// Working memory of a block.
struct Buffers {
    /// Magnitudes of the frames from `first` on, `STRIDE` floats each.
    magnitude: Vec<f32>,
    first: usize,
    /// Spectra of the frames that separation has not reached yet.
    spectra: Vec<Complex32>,
    power: Vec<f32>,
    cumulative: Vec<f32>,
    harmonic: Vec<f32>,
    percussive: Vec<f32>,
    waveform: Vec<f32>,
    /// Peaks of the power spectra, for the tuning of chroma.
    peaks: Peaks,
    /// Peaks of the magnitude spectra, for the tuning of the constant-Q transform.
    magnitude_peaks: Peaks,
}

impl Buffers {
    fn row(&self, frame: usize) -> &[f32] {
        let start = (frame - self.first) * STRIDE;
        &self.magnitude[start..start + STRIDE]
    }
}

/// What a run has to compute.
struct Request {
    wanted: Vec<Descriptor>,
    keep_waveforms: bool,
    spectra: bool,
    power: bool,
    mel: bool,
    tuning: bool,
    cqt: bool,
    onset: bool,
    separation: bool,
}

impl Request {
    fn new(wanted: impl Iterator<Item = Descriptor>, keep_waveforms: bool) -> Self {
        let mut wanted: Vec<_> = wanted.collect();
        wanted.sort();
        wanted.dedup();
        let any = |list: &[Descriptor]| list.iter().any(|d| wanted.contains(d));
        use Descriptor as D;
        let tuning = any(&[D::ChromaStft, D::Tuning]);
        let cqt = any(&[D::Cqt, D::ChromaCqt, D::ChromaCens, D::Tonnetz]);
        let onset = any(&[D::OnsetStrength, D::Tempo, D::Tempogram]);
        let mel = onset || any(&[D::Mfcc, D::Mel, D::MelDb]);
        let power = mel || tuning || any(&[D::SpectralFlatness]);
        let separation = any(&[D::Harmonic, D::Percussive]);
        // Two descriptors look at the waveform alone.
        let spectra = wanted.iter().any(|d| !matches!(d, D::Rms | D::ZeroCrossingRate));
        Request {
            keep_waveforms,
            spectra,
            power,
            mel,
            tuning,
            cqt,
            onset,
            separation,
            wanted,
        }
    }

    fn wants(&self, descriptor: Descriptor) -> bool {
        self.wanted.contains(&descriptor)
    }
}

/// Values collected frame by frame.
#[derive(Default)]
struct Collected {
    series: BTreeMap<Descriptor, Vec<f32>>,
    mel: Vec<f32>,
    peaks: Vec<f32>,
    valleys: Vec<f32>,
    kept_power: Vec<f32>,
    previous_total: f32,
}

impl Default for Extractor {
    fn default() -> Self {
        Extractor::new()
    }
}

impl Extractor {
    /// Plans transforms and banks.
    pub fn new() -> Self {
        Extractor {
            arch: Arch::new(),
            stft: Stft::new(),
            mel: MelBank::new(
                SAMPLE_RATE,
                grid::N_FFT,
                N_MELS,
                0.0,
                f64::from(SAMPLE_RATE) / 2.0,
            ),
            dct: Dct::new(),
            contrast: ContrastBands::new(),
            chroma: vec![None; STEPS],
            cqt: Cqt::new(),
            tempogram: Tempogram::new(tempogram::WIN_LENGTH),
            tempo: Tempogram::new(tempo::WIN_LENGTH),
            time_median: TimeMedian::new(),
            frequency_median: FrequencyMedian::new(),
            frequencies: (0..N_BINS).map(|bin| bin_frequency(bin) as f32).collect(),
            buffers: Buffers {
                magnitude: vec![0.0; (BLOCK + KERNEL) * STRIDE],
                first: 0,
                spectra: vec![Complex32::ZERO; (BLOCK + HALF) * N_BINS],
                power: vec![0.0; N_BINS],
                cumulative: vec![0.0; N_BINS],
                harmonic: vec![0.0; BLOCK * STRIDE],
                percussive: vec![0.0; BLOCK * STRIDE],
                waveform: Vec::new(),
                peaks: Peaks::new(),
                magnitude_peaks: Peaks::new(),
            },
        }
    }

    /// The descriptors asked for, of a mono signal at [`SAMPLE_RATE`].
    ///
    /// # Errors
    /// If the signal is empty or holds a sample that is not finite or larger than [`MAX_SAMPLE`].
    pub fn analyze(
        &mut self,
        signal: &[f32],
        pad: PadMode,
        wanted: &[Descriptor],
    ) -> Result<Analysis, Error> {
        self.run(signal, pad, &Request::new(wanted.iter().copied(), true))
    }

    /// One row of a schema: its columns' values, in order, of a mono signal at [`SAMPLE_RATE`]. All are finite.
    ///
    /// # Errors
    /// If the signal is empty or holds a sample that is not finite or larger than [`MAX_SAMPLE`].
    pub fn row(&mut self, signal: &[f32], pad: PadMode, schema: Schema) -> Result<Vec<f64>, Error> {
        let columns = schema.columns();
        let request = Request::new(columns.iter().map(|c| c.descriptor), false);
        let analysis = self.run(signal, pad, &request)?;
        let mut known: Vec<((Descriptor, Part), Summary)> = Vec::new();
        let row = columns.iter().map(|column| {
            let (key, statistic) = ((column.descriptor, column.part), column.statistic);
            let summary = known.iter().rev().find(|(k, s)| *k == key && s.holds(statistic));
            match summary {
                Some((_, summary)) => summary.value(statistic),
                None => {
                    let summary = analysis.summary(column.descriptor, column.part, statistic);
                    known.push((key, summary));
                    summary.value(statistic)
                }
            }
        });
        Ok(row.collect())
    }

    fn run(&mut self, signal: &[f32], pad: PadMode, request: &Request) -> Result<Analysis, Error> {
        check(signal)?;
        let frames = frame_count(signal.len());
        let mut collected = Collected::default();
        let mut moments = BTreeMap::new();
        if request.spectra {
            self.pass_over_frames(signal, pad, request, &mut collected, &mut moments);
        }
        self.finish_chroma(signal, pad, request, &mut collected);
        self.finish_cqt(signal, pad, request, &mut collected);
        self.finish_mel(signal, pad, request, &mut collected, &mut moments);
        let Collected {
            mut series,
            peaks,
            valleys,
            ..
        } = collected;
        if request.wants(Descriptor::SpectralContrast) {
            series.insert(Descriptor::SpectralContrast, contrast(peaks, valleys));
        }
        if request.wants(Descriptor::Rms) {
            series.insert(Descriptor::Rms, rms::rms(self.arch, signal, pad));
        }
        if request.wants(Descriptor::ZeroCrossingRate) {
            series.insert(
                Descriptor::ZeroCrossingRate,
                zero_crossing::zero_crossing_rate(signal),
            );
        }
        Ok(Analysis {
            frames,
            series,
            moments,
        })
    }

    /// Transforms every frame once and takes from its spectrum all that needs no other frame; separates the waveform on the way.
    fn pass_over_frames(
        &mut self,
        signal: &[f32],
        pad: PadMode,
        request: &Request,
        collected: &mut Collected,
        moments: &mut BTreeMap<Descriptor, Moments>,
    ) {
        let frames = frame_count(signal.len());
        let ahead = if request.separation { HALF } else { 0 };
        let mut separation = request.separation.then(|| Separation::new(signal));
        self.buffers.first = 0;
        self.buffers.peaks.clear();
        self.buffers.magnitude_peaks.clear();
        let mut transformed = 0;
        let mut from = 0;
        while from < frames {
            let to = (from + BLOCK).min(frames);
            // Magnitudes stay for as long as a median or the flux looks back at them, spectra until they are masked.
            let first = from.saturating_sub(HALF + 1);
            let kept =
                (first - self.buffers.first) * STRIDE..(transformed.max(first) - self.buffers.first) * STRIDE;
            self.buffers.magnitude.copy_within(kept, 0);
            self.buffers.first = first;
            let target = (to + ahead).min(frames);
            for frame in transformed..target {
                let slot = (frame - from) * N_BINS;
                let spectrum = &mut self.buffers.spectra[slot..slot + N_BINS];
                self.stft.forward(signal, frame, pad, spectrum);
                self.describe_frame(frame, slot, request, collected);
                if request.cqt {
                    self.add_magnitude_peaks(signal, frame, pad);
                }
            }
            if request.wants(Descriptor::SpectralContrast) {
                let rows = (transformed - first) * STRIDE..(target - first) * STRIDE;
                let Collected { peaks, valleys, .. } = collected;
                self.contrast
                    .extend(self.arch, &self.buffers.magnitude[rows], peaks, valleys);
            }
            transformed = target;
            if let Some(separation) = &mut separation {
                self.separate_block(from, to, frames, separation, request);
                let pending = (to - from) * N_BINS..(transformed - from) * N_BINS;
                self.buffers.spectra.copy_within(pending, 0);
            }
            from = to;
        }
        if let Some(mut separation) = separation {
            let overlap = std::mem::replace(&mut separation.overlap, OverlapAdd::new(0));
            overlap.finish(&mut self.buffers.waveform);
            separation.take(self.arch, &mut self.buffers.waveform, request);
            moments.insert(Descriptor::Harmonic, separation.harmonic_moments.moments());
            moments.insert(Descriptor::Percussive, separation.percussive_moments.moments());
            for (descriptor, values) in [
                (Descriptor::Harmonic, separation.harmonic),
                (Descriptor::Percussive, separation.percussive),
            ] {
                if request.keep_waveforms && request.wants(descriptor) {
                    collected.series.insert(descriptor, values);
                }
            }
        }
    }

    /// Takes everything from one spectrum that needs no other.
    fn describe_frame(&mut self, frame: usize, slot: usize, request: &Request, collected: &mut Collected) {
        let Extractor {
            arch,
            mel,
            frequencies,
            buffers,
            ..
        } = self;
        let Buffers {
            magnitude,
            first,
            spectra,
            power,
            cumulative,
            peaks,
            ..
        } = buffers;
        let (before, here) = magnitude.split_at_mut((frame - *first) * STRIDE);
        let magnitude = &mut here[..STRIDE];
        let previous = (frame > 0).then(|| &before[before.len() - STRIDE..][..N_BINS]);
        let spectrum = &spectra[slot..slot + N_BINS];
        use Descriptor as D;
        vectorise!(arch, {
            for (value, bin) in magnitude.iter_mut().zip(spectrum) {
                *value = magnitude_of(*bin);
            }
            magnitude[N_BINS..].fill(0.0);
            let magnitude = &magnitude[..N_BINS];
            let mut push = |descriptor, value| collected.series.entry(descriptor).or_default().push(value);
            let total = simd::sum(magnitude);
            if request.wants(D::SpectralCentroid) || request.wants(D::SpectralBandwidth) {
                let centroid = centroid::spectral_centroid(magnitude, frequencies, total);
                push(D::SpectralCentroid, centroid);
                push(
                    D::SpectralBandwidth,
                    bandwidth::spectral_bandwidth(magnitude, frequencies, centroid, total),
                );
            }
            if request.wants(D::SpectralRolloff) {
                push(
                    D::SpectralRolloff,
                    rolloff::spectral_rolloff(magnitude, cumulative),
                );
            }
            if request.wants(D::SpectralFlux) {
                let value = previous.map_or(0.0, |previous| {
                    flux::spectral_flux(previous, collected.previous_total, magnitude, total)
                });
                push(D::SpectralFlux, value);
                collected.previous_total = total;
            }
            if request.wants(D::RmsStft) {
                push(D::RmsStft, rms_stft::rms_stft(magnitude));
            }
            if request.power {
                for (value, m) in power.iter_mut().zip(magnitude) {
                    *value = m * m;
                }
                if request.wants(D::SpectralFlatness) {
                    push(D::SpectralFlatness, flatness::spectral_flatness(power));
                }
                if request.mel {
                    let start = collected.mel.len();
                    collected.mel.resize(start + N_MELS, 0.0);
                    mel.apply(power, &mut collected.mel[start..]);
                }
                if request.tuning {
                    peaks.add(power);
                    if frame < KEPT_FRAMES && request.wants(D::ChromaStft) {
                        collected.kept_power.extend_from_slice(power);
                    }
                }
            }
            if request.wants(D::Magnitude) {
                collected
                    .series
                    .entry(D::Magnitude)
                    .or_default()
                    .extend_from_slice(magnitude);
            }
        });
    }

    /// Adds the peaks of a frame's magnitude spectrum. librosa takes them from frames padded with zeros, whatever the padding is.
    fn add_magnitude_peaks(&mut self, signal: &[f32], frame: usize, pad: PadMode) {
        let Buffers {
            magnitude,
            first,
            magnitude_peaks: peaks,
            ..
        } = &mut self.buffers;
        if pad == PadMode::Constant || !touches_edge(signal.len(), frame) {
            let magnitude = &magnitude[(frame - *first) * STRIDE..][..N_BINS];
            vectorise!(self.arch, peaks.add(magnitude));
        } else {
            let mut spectrum = vec![Complex32::ZERO; N_BINS];
            self.stft.forward(signal, frame, PadMode::Constant, &mut spectrum);
            let magnitude: Vec<f32> = spectrum.iter().map(|&bin| magnitude_of(bin)).collect();
            vectorise!(self.arch, peaks.add(&magnitude));
        }
    }

    /// Masks and transforms back the frames `from..to`, whose neighbours are in the buffers.
    fn separate_block(
        &mut self,
        from: usize,
        to: usize,
        frames: usize,
        separation: &mut Separation<'_>,
        request: &Request,
    ) {
        let half = HALF as isize;
        let around = |offset: isize, frame: usize| mirror_repeating(frame as isize + offset, frames);
        let buffers = &mut self.buffers;
        let mut harmonic = std::mem::take(&mut buffers.harmonic);
        if from == 0 {
            self.time_median
                .start(self.arch, |i| buffers.row(around(i as isize - half, 0)));
        }
        let steps: Vec<_> = (from..to)
            .map(|t| (t > 0).then(|| (buffers.row(around(-half - 1, t)), buffers.row(around(half, t)))))
            .collect();
        self.time_median
            .advance(self.arch, &steps, &mut harmonic[..(to - from) * STRIDE]);
        buffers.harmonic = harmonic;
        let rows = &buffers.magnitude[(from - buffers.first) * STRIDE..(to - buffers.first) * STRIDE];
        self.frequency_median
            .apply(self.arch, rows, &mut buffers.percussive[..(to - from) * STRIDE]);
        for row in 0..to - from {
            let spectrum = &mut buffers.spectra[row * N_BINS..(row + 1) * N_BINS];
            let harmonic = &buffers.harmonic[row * STRIDE..][..N_BINS];
            let percussive = &buffers.percussive[row * STRIDE..][..N_BINS];
            vectorise!(self.arch, apply_harmonic_mask(spectrum, harmonic, percussive));
            separation
                .overlap
                .push(&mut self.stft, spectrum, &mut buffers.waveform);
        }
        separation.take(self.arch, &mut buffers.waveform, request);
    }

    /// Folds the power spectra to pitch classes, now that the tuning is known.
    fn finish_chroma(&mut self, signal: &[f32], pad: PadMode, request: &Request, collected: &mut Collected) {
        if !request.tuning {
            return;
        }
        let step = self.buffers.peaks.tuning_step();
        let tuning = tuning_of_step(step);
        if request.wants(Descriptor::Tuning) {
            collected.series.insert(Descriptor::Tuning, vec![tuning as f32]);
        }
        if !request.wants(Descriptor::ChromaStft) {
            return;
        }
        let frames = frame_count(signal.len());
        let mut chroma = vec![0.0; frames * N_CHROMA];
        let bank = self.chroma[step].get_or_insert_with(|| ChromaBank::new(tuning));
        let power = &mut self.buffers.power;
        let spectrum = &mut self.buffers.spectra[..N_BINS];
        for (frame, out) in chroma.chunks_exact_mut(N_CHROMA).enumerate() {
            let kept = collected.kept_power.get(frame * N_BINS..(frame + 1) * N_BINS);
            if kept.is_none() {
                self.stft.forward(signal, frame, pad, spectrum);
            }
            vectorise!(
                self.arch,
                match kept {
                    Some(kept) => bank.apply(kept, out),
                    None => {
                        power_of(spectrum, power);
                        bank.apply(power, out);
                    }
                }
            );
        }
        collected.series.insert(Descriptor::ChromaStft, chroma);
    }

    /// Transforms the signal again, with constant Q now that the tuning is known, and takes the harmonic descriptors from there.
    fn finish_cqt(&mut self, signal: &[f32], pad: PadMode, request: &Request, collected: &mut Collected) {
        if !request.cqt {
            return;
        }
        use Descriptor as D;
        let step = self.buffers.magnitude_peaks.tuning_step();
        let cqt = self.cqt.magnitudes(signal, pad, step);
        let series = &mut collected.series;
        let folded = chroma_cqt::fold(&cqt);
        if request.wants(D::Cqt) {
            series.insert(D::Cqt, cqt);
        }
        if request.wants(D::ChromaCens) || request.wants(D::Tonnetz) {
            let cens = chroma_cens::chroma_cens(folded.clone());
            if request.wants(D::Tonnetz) {
                series.insert(D::Tonnetz, tonnetz::tonnetz(&cens));
            }
            if request.wants(D::ChromaCens) {
                series.insert(D::ChromaCens, cens);
            }
        }
        if request.wants(D::ChromaCqt) {
            series.insert(D::ChromaCqt, chroma_cqt::chroma_cqt(folded));
        }
    }

    /// Finishes what hangs from the mel bands: decibels, MFCCs, onsets and tempo.
    fn finish_mel(
        &mut self,
        signal: &[f32],
        pad: PadMode,
        request: &Request,
        collected: &mut Collected,
        moments: &mut BTreeMap<Descriptor, Moments>,
    ) {
        if !request.mel {
            return;
        }
        use Descriptor as D;
        let mel = std::mem::take(&mut collected.mel);
        let series = &mut collected.series;
        let decibels = |mel: &[f32]| {
            let mut db: Vec<f32> = mel.iter().map(|&power| power_to_db(power)).collect();
            limit_range(&mut db);
            db
        };
        let mel_db = decibels(&mel);
        if request.wants(D::Mfcc) {
            let mut mfcc = vec![0.0; mel_db.len() / N_MELS * N_MFCC];
            self.dct.apply(self.arch, &mel_db, &mut mfcc);
            series.insert(D::Mfcc, mfcc);
        }
        if request.onset {
            let envelope = if pad == PadMode::Constant {
                onset::onset_strength(self.arch, &mel_db)
            } else {
                let mel = self.zero_padded_mel(signal, mel.clone());
                onset::onset_strength(self.arch, &decibels(&mel))
            };
            if request.wants(D::Tempo) {
                let tempo = tempo::tempo(&self.tempo.mean(&envelope));
                moments.insert(
                    D::Tempo,
                    Moments {
                        mean: tempo,
                        variance: 0.0,
                    },
                );
                series.insert(D::Tempo, vec![tempo as f32]);
            }
            if request.wants(D::Tempogram) {
                series.insert(D::Tempogram, self.tempogram.rows(&envelope));
            }
            if request.wants(D::OnsetStrength) {
                series.insert(D::OnsetStrength, envelope);
            }
        }
        if request.wants(D::Mel) {
            series.insert(D::Mel, mel);
        }
        if request.wants(D::MelDb) {
            series.insert(D::MelDb, mel_db);
        }
    }

    /// Replaces the bands of the frames that reach beyond the signal by those of frames padded with zeros.
    fn zero_padded_mel(&mut self, signal: &[f32], mut mel: Vec<f32>) -> Vec<f32> {
        for (frame, bands) in mel.chunks_exact_mut(N_MELS).enumerate() {
            if touches_edge(signal.len(), frame) {
                let spectrum = &mut self.buffers.spectra[..N_BINS];
                self.stft.forward(signal, frame, PadMode::Constant, spectrum);
                power_of(spectrum, &mut self.buffers.power);
                self.mel.apply(&self.buffers.power, bands);
            }
        }
        mel
    }
}

#[inline(always)]
fn magnitude_of(bin: Complex32) -> f32 {
    (bin.re * bin.re + bin.im * bin.im).sqrt()
}

/// Power spectrum as the square of the magnitude, so that it has the same bits wherever it is computed.
#[inline(always)]
fn power_of(spectrum: &[Complex32], power: &mut [f32]) {
    for (value, bin) in power.iter_mut().zip(spectrum) {
        let magnitude = magnitude_of(*bin);
        *value = magnitude * magnitude;
    }
}

/// The two waveforms as they come out of the overlap-add.
struct Separation<'a> {
    signal: &'a [f32],
    done: usize,
    overlap: OverlapAdd,
    harmonic_moments: RunningMoments,
    percussive_moments: RunningMoments,
    harmonic: Vec<f32>,
    percussive: Vec<f32>,
}

impl<'a> Separation<'a> {
    fn new(signal: &'a [f32]) -> Self {
        Separation {
            signal,
            done: 0,
            overlap: OverlapAdd::new(signal.len()),
            harmonic_moments: RunningMoments::default(),
            percussive_moments: RunningMoments::default(),
            harmonic: Vec::new(),
            percussive: Vec::new(),
        }
    }

    /// Takes harmonic samples out of `waveform`; what they leave of the signal is percussive.
    fn take(&mut self, arch: Arch, waveform: &mut Vec<f32>, request: &Request) {
        let source = &self.signal[self.done..self.done + waveform.len()];
        self.done += waveform.len();
        if request.keep_waveforms {
            self.harmonic.extend_from_slice(waveform);
        }
        vectorise!(arch, {
            self.harmonic_moments.add(waveform);
            for (value, whole) in waveform.iter_mut().zip(source) {
                *value = whole - *value;
            }
            self.percussive_moments.add(waveform);
        });
        if request.keep_waveforms {
            self.percussive.extend_from_slice(waveform);
        }
        waveform.clear();
    }
}

fn check(signal: &[f32]) -> Result<(), Error> {
    if signal.is_empty() {
        return Err(Error::Empty);
    }
    match signal.iter().position(|v| v.is_nan() || v.abs() > MAX_SAMPLE) {
        None => Ok(()),
        Some(index) if signal[index].is_finite() => Err(Error::TooLoud {
            index,
            value: signal[index],
        }),
        Some(index) => Err(Error::NotFinite { index }),
    }
}
