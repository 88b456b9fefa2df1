//! Spectral contrast: how far peaks stand above valleys in seven bands.
//!
//! Per band (0-200 Hz, then octaves up to 6400 Hz, then the rest) the mean of the largest 2 % of the magnitudes minus
//! the mean of the smallest 2 %, each in dB. Unit: dB. Shape: 7 bands per frame. Source: D.-N. Jiang et al., *Music type
//! classification by spectral contrast feature*, ICME 2002; `librosa.feature.spectral_contrast`, whose band edges are kept.

use pulp::{Arch, Simd, WithSimd, bytemuck};

use crate::decibel::{limit_range, power_to_db};
use crate::grid::{N_BINS, STRIDE, bin_frequency};
use crate::median::{MAX_LANES, insert, interleave};

/// Bands per frame.
pub const N_BANDS: usize = 7;
/// Lower edge of the second band, Hz.
const F_MIN: f64 = 200.0;
/// Share of a band's bins that make its peak and its valley.
const QUANTILE: f64 = 0.02;
/// No band has more bins in its peak.
const MOST: usize = 16;

/// The bins of each band and how many of them count as its peak and valley.
pub(crate) struct ContrastBands {
    bands: Vec<(std::ops::Range<usize>, usize)>,
    /// Spectra of several frames side by side, bin by bin.
    columns: Vec<i32>,
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
                let count = ((QUANTILE * (end - first) as f64).round_ties_even() as usize).clamp(1, MOST);
                (first..end - usize::from(k < N_BANDS - 1), count)
            })
            .collect();
        ContrastBands {
            bands,
            columns: vec![0; N_BINS * MAX_LANES],
        }
    }

    /// Appends, frame by frame, the mean peak and mean valley of each band of magnitude spectra (rows of `STRIDE` floats).
    pub(crate) fn extend(&mut self, arch: Arch, rows: &[f32], peaks: &mut Vec<f32>, valleys: &mut Vec<f32>) {
        arch.dispatch(Extremes {
            bands: &self.bands,
            columns: &mut self.columns,
            rows,
            peaks,
            valleys,
        });
    }
}

/// Keeps, in every lane, the smallest and the largest values of each band sorted, as the medians keep their windows.
struct Extremes<'a> {
    bands: &'a [(std::ops::Range<usize>, usize)],
    columns: &'a mut [i32],
    rows: &'a [f32],
    peaks: &'a mut Vec<f32>,
    valleys: &'a mut Vec<f32>,
}

impl WithSimd for Extremes<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let lanes = S::I32_LANES;
        for rows in self.rows.chunks(lanes * STRIDE) {
            interleave(rows, lanes, self.columns);
            let columns = S::as_simd_i32s(self.columns).0;
            let start = self.peaks.len();
            let frames = rows.len() / STRIDE;
            self.peaks.resize(start + frames * N_BANDS, 0.0);
            self.valleys.resize(start + frames * N_BANDS, 0.0);
            for (band, (range, count)) in self.bands.iter().enumerate() {
                let mut smallest = [simd.splat_i32s(i32::MAX); MOST];
                let mut largest = [simd.splat_i32s(i32::MIN); MOST];
                for &column in &columns[range.clone()] {
                    insert(simd, &mut smallest[..*count], column);
                    insert_descending(simd, &mut largest[..*count], column);
                }
                for (kept, means) in [(&largest, &mut *self.peaks), (&smallest, &mut *self.valleys)] {
                    let kept: &[i32] = bytemuck::cast_slice(&kept[..*count]);
                    for frame in 0..frames {
                        let values = kept.iter().skip(frame).step_by(lanes);
                        let sum: f32 = values.map(|&bits| f32::from_bits(bits as u32)).sum();
                        means[start + frame * N_BANDS + band] = sum / *count as f32;
                    }
                }
            }
        }
    }
}

/// Adds `new` to values sorted from the largest down, dropping the smallest.
#[inline(always)]
fn insert_descending<S: Simd>(simd: S, sorted: &mut [S::i32s], new: S::i32s) {
    let mut above = simd.splat_i32s(i32::MAX);
    for slot in sorted {
        let here = *slot;
        *slot = simd.min_i32s(above, simd.max_i32s(new, here));
        above = here;
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
        let frames = 11;
        let rows: Vec<f32> = (0..frames * STRIDE).map(|i| ((i * 7919) % 1013) as f32).collect();
        let mut bands = ContrastBands::new();
        let (mut peaks, mut valleys) = (Vec::new(), Vec::new());
        bands.extend(Arch::new(), &rows, &mut peaks, &mut valleys);
        assert_eq!((peaks.len(), valleys.len()), (frames * N_BANDS, frames * N_BANDS));
        for (frame, row) in rows.chunks_exact(STRIDE).enumerate() {
            for (band, (range, count)) in bands.bands.iter().enumerate() {
                let mut sorted = row[range.clone()].to_vec();
                sorted.sort_by(f32::total_cmp);
                let mean = |values: &[f32]| values.iter().sum::<f32>() / *count as f32;
                assert_eq!(valleys[frame * N_BANDS + band], mean(&sorted[..*count]));
                assert_eq!(
                    peaks[frame * N_BANDS + band],
                    mean(&sorted[sorted.len() - count..])
                );
            }
        }
    }
}
