//! The descriptors by name: what can be asked for, and the shape of what comes back.

use std::fmt;
use std::str::FromStr;

/// A descriptor of a clip, named as in librosa where librosa has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Descriptor {
    /// Magnitude of the short-time Fourier transform, 1025 rows.
    Magnitude,
    /// Spectral energy folded to 12 pitch classes, C first.
    ChromaStft,
    /// Root mean square of a frame.
    Rms,
    /// Magnitude-weighted mean frequency, Hz.
    SpectralCentroid,
    /// Magnitude-weighted spread about the centroid, Hz.
    SpectralBandwidth,
    /// Frequency below which 85 % of the magnitude lies, Hz.
    SpectralRolloff,
    /// Geometric over arithmetic mean of the power spectrum, 0 to 1.
    SpectralFlatness,
    /// Peak minus valley in seven bands, dB.
    SpectralContrast,
    /// Squared difference of successive normalised magnitude spectra.
    SpectralFlux,
    /// librosa's onset strength: mean positive difference of successive mel spectra in dB.
    OnsetStrength,
    /// Share of sign changes in a frame.
    ZeroCrossingRate,
    /// The harmonic waveform of median-filter separation.
    Harmonic,
    /// The percussive waveform of median-filter separation.
    Percussive,
    /// Global tempo in beats per minute; one value per clip.
    Tempo,
    /// Deviation from A440 in fractions of a semitone; one value per clip.
    Tuning,
    /// Local autocorrelation of the onset strength, 384 lags.
    Tempogram,
    /// 20 mel-frequency cepstral coefficients.
    Mfcc,
    /// Power in 128 mel bands.
    Mel,
    /// Power in 128 mel bands, in dB, at most 80 dB below the loudest.
    MelDb,
    /// Magnitude of the constant-Q transform, 84 semitones from C1.
    Cqt,
    /// Constant-Q magnitude folded to 12 pitch classes, C first.
    ChromaCqt,
    /// The same, quantised and smoothed over a second.
    ChromaCens,
    /// Tonal centroids of `ChromaCens`: circles of fifths, minor and major thirds, 6 rows.
    Tonnetz,
    /// Root mean square of a windowed frame, from its spectrum.
    RmsStft,
}

impl Descriptor {
    /// Every descriptor, in the order they are listed to users.
    pub const ALL: [Descriptor; 24] = [
        Descriptor::Magnitude,
        Descriptor::ChromaStft,
        Descriptor::Rms,
        Descriptor::SpectralCentroid,
        Descriptor::SpectralBandwidth,
        Descriptor::SpectralRolloff,
        Descriptor::SpectralFlatness,
        Descriptor::SpectralContrast,
        Descriptor::SpectralFlux,
        Descriptor::OnsetStrength,
        Descriptor::ZeroCrossingRate,
        Descriptor::Harmonic,
        Descriptor::Percussive,
        Descriptor::Tempo,
        Descriptor::Tuning,
        Descriptor::Tempogram,
        Descriptor::Mfcc,
        Descriptor::Mel,
        Descriptor::MelDb,
        Descriptor::Cqt,
        Descriptor::ChromaCqt,
        Descriptor::ChromaCens,
        Descriptor::Tonnetz,
        Descriptor::RmsStft,
    ];

    /// The name used on the command line; librosa's where librosa has the descriptor.
    pub fn name(self) -> &'static str {
        match self {
            Descriptor::Magnitude => "magnitude",
            Descriptor::ChromaStft => "chroma_stft",
            Descriptor::Rms => "rms",
            Descriptor::SpectralCentroid => "spectral_centroid",
            Descriptor::SpectralBandwidth => "spectral_bandwidth",
            Descriptor::SpectralRolloff => "spectral_rolloff",
            Descriptor::SpectralFlatness => "spectral_flatness",
            Descriptor::SpectralContrast => "spectral_contrast",
            Descriptor::SpectralFlux => "spectral_flux",
            Descriptor::OnsetStrength => "onset_strength",
            Descriptor::ZeroCrossingRate => "zero_crossing_rate",
            Descriptor::Harmonic => "harmonic",
            Descriptor::Percussive => "percussive",
            Descriptor::Tempo => "tempo",
            Descriptor::Tuning => "tuning",
            Descriptor::Tempogram => "tempogram",
            Descriptor::Mfcc => "mfcc",
            Descriptor::Mel => "melspectrogram",
            Descriptor::MelDb => "melspectrogram_db",
            Descriptor::Cqt => "cqt",
            Descriptor::ChromaCqt => "chroma_cqt",
            Descriptor::ChromaCens => "chroma_cens",
            Descriptor::Tonnetz => "tonnetz",
            Descriptor::RmsStft => "rms_stft",
        }
    }

    /// How many values one frame has (one, for waveforms and for values of the whole clip).
    pub fn rows(self) -> usize {
        match self {
            Descriptor::Magnitude => 1025,
            Descriptor::ChromaStft | Descriptor::ChromaCqt | Descriptor::ChromaCens => 12,
            Descriptor::Cqt => 84,
            Descriptor::Tonnetz => 6,
            Descriptor::SpectralContrast => 7,
            Descriptor::Tempogram => 384,
            Descriptor::Mfcc => 20,
            Descriptor::Mel | Descriptor::MelDb => 128,
            _ => 1,
        }
    }
}

impl fmt::Display for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Descriptor {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Descriptor::ALL
            .into_iter()
            .find(|d| d.name() == s)
            .ok_or_else(|| {
                let known: Vec<_> = Descriptor::ALL.iter().map(|d| d.name()).collect();
                format!("unknown feature `{s}` (known: {})", known.join(", "))
            })
    }
}
