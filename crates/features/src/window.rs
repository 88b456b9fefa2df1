//! The Hann window.

/// A periodic Hann window, `0.5 - 0.5 cos(2 pi i / length)`, as `scipy.signal.get_window("hann", length)`.
pub fn hann(length: usize) -> Vec<f64> {
    let step = 2.0 * std::f64::consts::PI / length as f64;
    (0..length).map(|i| 0.5 - 0.5 * (step * i as f64).cos()).collect()
}
