//! The descriptors of spectrogram images against NumPy (`golden/spectrogram_image.json`, written by
//! `golden/spectrogram_image.py`).

use melisma_features::image::{BANDS, ImageView, SpectrogramImage};

#[derive(serde::Deserialize)]
struct Golden {
    columns: usize,
    texture: Vec<f64>,
    dynamics: Vec<f64>,
}

/// The picture of `golden/spectrogram_image.py`.
fn picture(columns: usize) -> SpectrogramImage {
    let places = (0..BANDS).flat_map(|band| (0..columns).map(move |column| (band, column)));
    let value = |(band, column): (usize, usize)| {
        let noise = (band * 7919 + column * 104_729 + band * column * 31) % 251;
        let beat = if column % 7 == 0 { 30 } else { 0 };
        (noise / 2 + (127 - band) / 2 + beat) as f32 / 255.0
    };
    SpectrogramImage::new(columns, places.map(value).collect()).unwrap()
}

#[test]
fn values_are_numpys() {
    let golden: Golden = serde_json::from_str(include_str!("golden/spectrogram_image.json")).unwrap();
    let picture = picture(golden.columns);
    for (view, expected) in [
        (ImageView::Texture, golden.texture),
        (ImageView::Dynamics, golden.dynamics),
    ] {
        let values = view.values(&picture);
        assert_eq!(values.len(), expected.len());
        for ((name, value), expected) in view.names().iter().zip(values).zip(expected) {
            // The picture is kept in single precision.
            let allowed = 1e-5 * expected.abs() + 1e-6;
            assert!(
                (value - expected).abs() <= allowed,
                "{name}: {value}, not {expected}"
            );
        }
    }
}
