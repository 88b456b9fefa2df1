//! Cepstral coefficients of an image: their means, and the logarithm of their covariance over successive columns.

use super::symmetric::logarithm;
use super::{BANDS, SpectrogramImage};

/// Where each band of the cepstrum begins, in bands of the image, and where the last ends: narrow below, wide above, as
/// hearing is.
const EDGES: [usize; 27] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 19, 22, 26, 30, 35, 41, 48, 56, 65, 76, 88, 101, 114, BANDS,
];
/// Cepstral coefficients.
const COEFFICIENTS: usize = 12;
/// Successive columns that are looked at together.
const DELAYS: usize = 4;
/// Rows of the covariance matrix.
const SIZE: usize = COEFFICIENTS * DELAYS;
/// What is added to the variances, relative to their mean, so that a logarithm exists.
const RIDGE: f64 = 1e-3;

/// `cepstrum_mean_01` and so on, then `log_cov_0_01_3_12`: delay and coefficient of the row, and of the column.
pub(super) fn names() -> Vec<String> {
    let place = |row: usize| format!("{}_{:02}", row / COEFFICIENTS, row % COEFFICIENTS + 1);
    let means = (1..=COEFFICIENTS).map(|number| format!("cepstrum_mean_{number:02}"));
    let pairs = (0..SIZE).flat_map(|row| (row..SIZE).map(move |column| (row, column)));
    means
        .chain(pairs.map(|(row, column)| format!("log_cov_{}_{}", place(row), place(column))))
        .collect()
}

/// The means, then the upper triangle of the logarithm, row by row.
pub(super) fn values(image: &SpectrogramImage) -> Vec<f64> {
    let cepstrum = cepstrum(image);
    let mean = |row: &Vec<f64>| row.iter().sum::<f64>() / row.len() as f64;
    let mut values: Vec<f64> = cepstrum.iter().map(mean).collect();
    let logarithm = logarithm(covariance(&cepstrum), SIZE);
    for row in 0..SIZE {
        values.push(logarithm[row * SIZE + row]);
        let beside = &logarithm[row * SIZE + row + 1..(row + 1) * SIZE];
        values.extend(beside.iter().map(|value| value * std::f64::consts::SQRT_2));
    }
    values
}

/// The coefficients over time, one row for each, of the image at mean 0 and standard deviation 1.
fn cepstrum(image: &SpectrogramImage) -> Vec<Vec<f64>> {
    let (mean, scale) = level_and_contrast(image);
    let bands: Vec<Vec<f64>> = EDGES
        .windows(2)
        .map(|edge| {
            let width = (edge[1] - edge[0]) as f64;
            let mut sum = vec![0.0; image.columns()];
            for band in edge[0]..edge[1] {
                for (sum, &value) in sum.iter_mut().zip(image.band(band)) {
                    *sum += (f64::from(value) - mean) * scale;
                }
            }
            sum.iter_mut().for_each(|value| *value /= width);
            sum
        })
        .collect();
    (0..COEFFICIENTS).map(|k| coefficient(&bands, k)).collect()
}

/// The mean of an image's values and the reciprocal of their standard deviation; 0 where they do not differ.
fn level_and_contrast(image: &SpectrogramImage) -> (f64, f64) {
    let all = || {
        (0..BANDS)
            .flat_map(|band| image.band(band))
            .map(|&v| f64::from(v))
    };
    let count = (BANDS * image.columns()) as f64;
    let mean = all().sum::<f64>() / count;
    let variance = all().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    let scale = if variance > 0.0 {
        variance.sqrt().recip()
    } else {
        0.0
    };
    (mean, scale)
}

/// Coefficient `k` of the orthonormal DCT-II over the bands, at each moment.
fn coefficient(bands: &[Vec<f64>], k: usize) -> Vec<f64> {
    let count = bands.len() as f64;
    let norm = if k == 0 { 1.0 / count } else { 2.0 / count }.sqrt();
    let mut sum = vec![0.0; bands.first().map_or(0, Vec::len)];
    for (index, band) in bands.iter().enumerate() {
        let phase = std::f64::consts::PI * k as f64 * (index as f64 + 0.5) / count;
        let weight = norm * phase.cos();
        for (sum, value) in sum.iter_mut().zip(band) {
            *sum += weight * value;
        }
    }
    sum
}

/// The covariance of the coefficients at [`DELAYS`] successive moments, the ridge added, row after row.
fn covariance(cepstrum: &[Vec<f64>]) -> Vec<f64> {
    let moments = cepstrum[0].len() - (DELAYS - 1);
    let centred: Vec<Vec<f64>> = (0..SIZE)
        .map(|row| {
            let delay = row / COEFFICIENTS;
            let seen = &cepstrum[row % COEFFICIENTS][delay..delay + moments];
            let mean = seen.iter().sum::<f64>() / moments as f64;
            seen.iter().map(|value| value - mean).collect()
        })
        .collect();
    let mut matrix = vec![0.0; SIZE * SIZE];
    for row in 0..SIZE {
        for column in row..SIZE {
            let products = centred[row].iter().zip(&centred[column]).map(|(a, b)| a * b);
            let value = products.sum::<f64>() / moments as f64;
            matrix[row * SIZE + column] = value;
            matrix[column * SIZE + row] = value;
        }
    }
    let diagonal = || (0..SIZE).map(|row| row * SIZE + row);
    let ridge = RIDGE * diagonal().map(|at| matrix[at]).sum::<f64>() / SIZE as f64;
    diagonal().for_each(|at| matrix[at] += ridge);
    matrix
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_cover_the_image_and_widen() {
        assert!(EDGES.is_sorted() && EDGES[0] == 0);
        assert_eq!(names()[COEFFICIENTS], "log_cov_0_01_0_01");
        assert_eq!(names().last().unwrap(), "log_cov_3_12_3_12");
    }

    #[test]
    fn a_still_picture_has_a_cepstrum_but_no_covariance() {
        // Half dark, half bright: the first coefficient is about 0, the second is not.
        let grey = (0..BANDS)
            .flat_map(|band| [f32::from(u8::from(band < 64)); 8])
            .collect();
        let image = SpectrogramImage::new(8, grey).unwrap();
        let cepstrum = cepstrum(&image);
        assert!(cepstrum[1][0] > 1.0, "{}", cepstrum[1][0]);
        assert!(covariance(&cepstrum).iter().all(|v| v.abs() < 1e-20));
    }

    #[test]
    fn cosines_are_orthonormal() {
        let bands: Vec<Vec<f64>> = (0..26)
            .map(|row| (0..26).map(|column| f64::from(u8::from(row == column))).collect())
            .collect();
        for a in 0..COEFFICIENTS {
            for b in 0..COEFFICIENTS {
                let (a_row, b_row) = (coefficient(&bands, a), coefficient(&bands, b));
                let product: f64 = a_row.iter().zip(&b_row).map(|(x, y)| x * y).sum();
                assert!((product - f64::from(u8::from(a == b))).abs() < 1e-12);
            }
        }
    }
}
