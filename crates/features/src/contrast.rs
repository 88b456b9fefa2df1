//! Spectral contrast: how far peaks stand above valleys in seven bands.
//!
//! Per band (0-200 Hz, then octaves up to 6400 Hz, then the rest) the mean of the largest 2 % of the magnitudes minus
//! the mean of the smallest 2 %, each in dB. Unit: dB. Shape: 7 bands per frame. Source: D.-N. Jiang et al., *Music type
//! classification by spectral contrast feature*, ICME 2002; `librosa.feature.spectral_contrast`, whose band edges are kept.

use crate::decibel::{limit_range, power_to_db};
use crate::grid::{N_BINS, bin_frequency};

/// Bands per frame.
pub const N_BANDS: usize = 7;
/// Lower edge of the second band, Hz.
const F_MIN: f64 = 200.0;
/// Share of a band's bins that make its peak and its valley.
const QUANTILE: f64 = 0.02;

/// The bins of each band and how many of them count as its peak and valley.
#[derive(Debug, Clone)]
pub(crate) struct ContrastBands {
    bands: Vec<(std::ops::Range<usize>, usize)>,
    smallest: Vec<f32>,
    largest: Vec<f32>,
}

impl ContrastBands {
    pub(crate) fn new() -> Self {
        let bands = (0..N_BANDS)
            .map(|k| {
                let low = if k == 0 {
                    0.0
                } else {
                    F_MIN * f64::powi(2.0, k as i32 - 1)
                };
                let high = F_MIN * f64::powi(2.0, k as i32);
                let mut first = (0..N_BINS).find(|&b| bin_frequency(b) >= low).unwrap_or(N_BINS);
                let mut end = (0..N_BINS)
                    .rfind(|&b| bin_frequency(b) <= high)
                    .map_or(0, |b| b + 1);
                // A band begins one bin below its edge, the last band takes what is left above it, and the
                // quantile counts the bins before the topmost is given to the next band.
                first -= usize::from(k > 0);
                if k == N_BANDS - 1 {
                    end = N_BINS;
                }
                let count = ((QUANTILE * (end - first) as f64).round_ties_even() as usize).max(1);
                (first..end - usize::from(k < N_BANDS - 1), count)
            })
            .collect();
        ContrastBands {
            bands,
            smallest: Vec::new(),
            largest: Vec::new(),
        }
    }

    /// Writes the mean peak and mean valley of each band of one magnitude spectrum.
    pub(crate) fn peaks_and_valleys(&mut self, magnitude: &[f32], peaks: &mut [f32], valleys: &mut [f32]) {
        let ContrastBands {
            bands,
            smallest,
            largest,
        } = self;
        for (((range, count), peak), valley) in bands.iter().zip(peaks).zip(valleys) {
            let band = &magnitude[range.clone()];
            keep_extremes(band, *count, smallest, |a, b| a < b);
            keep_extremes(band, *count, largest, |a, b| a > b);
            *valley = smallest.iter().sum::<f32>() / *count as f32;
            *peak = largest.iter().sum::<f32>() / *count as f32;
        }
    }
}

/// Collects the `count` values of `band` that come first in the order `before`, sorted.
fn keep_extremes(band: &[f32], count: usize, kept: &mut Vec<f32>, before: impl Fn(f32, f32) -> bool) {
    kept.clear();
    for &value in band {
        if kept.len() == count {
            if !before(value, kept[count - 1]) {
                continue;
            }
            kept.pop();
        }
        let place = kept.partition_point(|&other| !before(value, other));
        kept.insert(place, value);
    }
}

/// Turns the peaks and valleys of all frames (7 values each) into contrasts in dB.
pub(crate) fn contrast(mut peaks: Vec<f32>, mut valleys: Vec<f32>) -> Vec<f32> {
    for values in [&mut peaks, &mut valleys] {
        for value in values.iter_mut() {
            *value = power_to_db(*value);
        }
        limit_range(values);
    }
    for (peak, valley) in peaks.iter_mut().zip(&valleys) {
        *peak -= valley;
    }
    peaks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_tile_the_spectrum() {
        let bands = ContrastBands::new().bands;
        assert_eq!(bands[0].0.start, 0);
        assert_eq!(bands[N_BANDS - 1].0.end, N_BINS);
        for pair in bands.windows(2) {
            assert_eq!(pair[0].0.end, pair[1].0.start);
        }
    }

    #[test]
    fn extremes_equal_sorting() {
        let values: Vec<f32> = (0..200).map(|i| ((i * 71) % 113) as f32).collect();
        let mut sorted = values.clone();
        sorted.sort_by(f32::total_cmp);
        let mut kept = Vec::new();
        keep_extremes(&values, 5, &mut kept, |a, b| a < b);
        assert_eq!(kept, sorted[..5]);
        keep_extremes(&values, 5, &mut kept, |a, b| a > b);
        sorted.reverse();
        assert_eq!(kept, sorted[..5]);
    }
}
