//! What the rows of a picture over time are, and the numbers beside them.

use melisma_features::mel::hz_to_mel;

use crate::axis::{Axis, Tick};

/// What the rows of a [`Grid`](crate::Grid) are.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Rows {
    /// Frequencies at equal distances, 0 to this many Hz.
    Linear {
        /// Frequency of the last row, Hz.
        f_max: f64,
    },
    /// Bands at equal distances on Slaney's mel scale, 0 to this many Hz.
    Mel {
        /// Upper end of the last band, Hz.
        f_max: f64,
    },
    /// Pitch classes, C first.
    PitchClasses,
    /// Coefficients, counted from 1.
    #[default]
    Coefficients,
    /// Bands with frequencies between them, Hz: one more than there are rows.
    Bands(&'static [f64]),
    /// Tempi at equal distances of their logarithm, in beats per minute.
    Tempi {
        /// Tempo of the first row.
        from: f64,
        /// Tempo of the last row.
        to: f64,
    },
}

impl Rows {
    pub(crate) fn axis(self, rows: usize) -> Axis {
        let n = rows as f64;
        let tick = |at: f64, label: String| Tick { at, label };
        match self {
            Rows::Linear { f_max } => Axis::between(0.0, f_max, 6, "frequency (Hz)"),
            Rows::Mel { f_max } => {
                let marks = [0.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0, 16_000.0];
                let ticks = marks
                    .into_iter()
                    .filter(|&hz| hz <= f_max)
                    .map(|hz| tick(hz_to_mel(hz), format!("{hz}")))
                    .collect();
                Axis::with_ticks(0.0, hz_to_mel(f_max), ticks, "frequency (Hz, mel scale)")
            }
            Rows::PitchClasses => {
                const NAMES: [&str; 12] = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];
                let ticks = NAMES
                    .iter()
                    .enumerate()
                    .map(|(i, name)| tick(i as f64 + 0.5, (*name).to_owned()))
                    .collect();
                Axis::with_ticks(0.0, n, ticks, "pitch class")
            }
            Rows::Coefficients => {
                let every = (rows / 10).max(1);
                let ticks = (0..rows)
                    .step_by(every)
                    .map(|i| tick(i as f64 + 0.5, (i + 1).to_string()))
                    .collect();
                Axis::with_ticks(0.0, n, ticks, "coefficient")
            }
            Rows::Bands(edges) => {
                let ticks = edges
                    .iter()
                    .take(rows + 1)
                    .enumerate()
                    .map(|(i, hz)| tick(i as f64, format!("{hz}")))
                    .collect();
                Axis::with_ticks(0.0, n, ticks, "band (Hz)")
            }
            Rows::Tempi { from, to } => {
                let marks = [
                    10.0, 20.0, 30.0, 40.0, 60.0, 80.0, 120.0, 160.0, 240.0, 320.0, 480.0, 640.0,
                ];
                let ticks = marks
                    .into_iter()
                    .filter(|bpm| (from..=to).contains(bpm))
                    .map(|bpm| tick(bpm, format!("{bpm}")))
                    .collect();
                Axis {
                    lo: from,
                    hi: to,
                    log: true,
                    ticks,
                    label: "tempo (BPM)".to_owned(),
                }
            }
        }
    }
}
